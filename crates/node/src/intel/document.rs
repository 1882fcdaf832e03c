//! An object as it is taken in and let out: read, judged, and made ready to be found.

use std::collections::HashMap;

use comity_ledger::Hash;
use comity_stix::json::{self, Json};
use comity_stix::marking::{self, Audience, Clearance, Marks, Meaning, Pap, Tlp};
use comity_stix::path::{self, Path};
use comity_stix::time::Time;
use comity_stix::{Level, bundle, id, terms, validate};
use jiff::Timestamp;

/// Bytes of one object.
const LARGEST: usize = 1 << 20;

/// What of an object is looked at.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) kind: String,
    /// Its version, in microseconds since 1970; none where it names none.
    pub(crate) version: Option<i64>,
    pub(crate) spec: &'static str,
    pub(crate) marks: Marks,
    /// What it refers to, and where.
    pub(crate) refs: Vec<(Path, String)>,
    /// What it says, where it is a marking definition.
    pub(crate) meaning: Option<Meaning>,
    /// Whether it is a label of TLP or PAP and says nothing else.
    is_label: bool,
}

/// Markings of one object and its parts, and objects that it names: each is looked up.
const MARKED: usize = 1_000;
const NAMED: usize = 10_000;

/// Why an object is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) id: Option<String>,
    pub(crate) why: String,
}

impl Document {
    /// Reads and validates an object; with the tokens by which it is found.
    pub(crate) fn read(raw: &[u8]) -> Result<(Self, String), Bad> {
        let bad = |id: Option<&str>, why: String| Bad { id: id.map(cut), why };
        if raw.len() > LARGEST {
            let why = format!("it has {} bytes, and may have {LARGEST}", raw.len());
            return Err(bad(bundle::id(raw), why));
        }
        if std::str::from_utf8(raw).is_err() {
            return Err(bad(None, "it is not in UTF-8".to_owned()));
        }
        let json = json::parse(raw).map_err(|error| bad(None, error.to_string()))?;
        let Some(members) = json.as_object() else {
            return Err(bad(None, format!("this is {}, and should be an object", json.kind())));
        };
        let own = members.text("id");
        let document = Self::of(&json)
            .ok_or_else(|| bad(own, "it has no 'id' and 'type' that STIX knows".to_owned()))?;
        if document.kind == "bundle" {
            return Err(bad(own, "a bundle in a bundle".to_owned()));
        }
        let selectors = document.marks.parts.len() + document.marks.whole.len();
        if selectors > MARKED || document.refs.len() > NAMED {
            let why =
                format!("it has more than {MARKED} markings, or names more than {NAMED} objects");
            return Err(bad(own, why));
        }
        if let Some(problem) = problem(&json, document.spec) {
            return Err(bad(own, problem));
        }
        let tokens = document.tokens(&json);
        Ok((document, tokens))
    }

    /// An object that is here already.
    pub(crate) fn known(raw: &[u8]) -> Option<(Self, String)> {
        let json = json::parse(raw).ok()?;
        let document = Self::of(&json)?;
        let tokens = document.tokens(&json);
        Some((document, tokens))
    }

    /// The same without what it is found by, which costs most of it.
    pub(crate) fn parsed(raw: &[u8]) -> Option<Self> {
        Self::of(&json::parse(raw).ok()?)
    }

    fn of(json: &Json<'_>) -> Option<Self> {
        let members = json.as_object()?;
        let (own, kind) = (members.text("id")?, members.text("type")?);
        id::Id::parse(own)?;
        let dated = members.text("modified").or_else(|| members.text("created"));
        let spec = match members.text("spec_version") {
            Some("2.0") => "2.0",
            // Objects of 2.0 do not say so; observables of 2.1 need not.
            None if dated.is_some() => "2.0",
            _ => "2.1",
        };
        Some(Self {
            id: own.to_owned(),
            kind: kind.to_owned(),
            version: dated.and_then(micros),
            spec,
            marks: Marks::of(json),
            refs: path::references(json),
            meaning: (kind == "marking-definition").then(|| Meaning::of(members)),
            is_label: kind == "marking-definition" && marking::is_label_alone(members),
        })
    }

    /// The definitions of its markings, but for those that everyone has.
    pub(crate) fn definitions(&self) -> Vec<String> {
        let own = self.marks.ids().filter(|id| Meaning::of_id(id).is_none());
        own.map(str::to_owned).collect()
    }

    /// Whether it is marked with this definition, and does not only speak of it.
    pub(crate) fn is_marked(&self, definition: &str) -> bool {
        self.marks.ids().any(|id| id == definition)
    }

    /// Digests of every identifier that it names, but for markings that everyone has: what they say never changes.
    pub(crate) fn targets(&self) -> Vec<i64> {
        let marks = self.marks.ids().filter(|id| Meaning::of_id(id).is_none());
        let named = self.refs.iter().map(|(_, id)| id.as_str()).chain(marks);
        comity_store::intel::intake::distinct(named.map(digest))
    }

    /// The tokens by which it is found, with spaces between: words, and `_` in those that are not words. How it is marked
    /// is not among them: that may change.
    fn tokens(&self, json: &Json<'_>) -> String {
        let found = terms::terms(json);
        let mut tokens = found.words;
        let mut add = |name: &str, text: &str| add_field(&mut tokens, name, text);
        found.values.iter().for_each(|value| add("value", value));
        add("type", &self.kind);
        add("id", &self.id);
        if let Some(members) = json.as_object() {
            let labels = ["labels", "indicator_types", "malware_types", "threat_actor_types"];
            let lists = labels.iter().filter_map(|name| members.member(name)?.as_array()).flatten();
            lists.filter_map(Json::as_str).for_each(|label| add("label", label));
            members.text("created_by_ref").into_iter().for_each(|id| add("by", id));
        }
        tokens
    }

    /// Where it may go: what of it who may see. `floor` is the label of what has none of its own.
    pub(crate) fn seen(&self, raw: &[u8], floor: Tlp, known: &Known) -> (Audience, Audience) {
        let parts = self.parts(known);
        let own = self.own(floor, known);
        let whole = parts.iter().fold(own, |all, (_, audience)| all.and(*audience));
        let mut audience = whole;
        let rest = own.without(whole);
        if rest.is_empty() {
            return (audience, whole);
        }
        // Which parts go decides whether the rest can stand; readers of several clearances lose the same.
        let mut tried: HashMap<Vec<usize>, bool> = HashMap::new();
        for reader in Clearance::all().filter(|reader| rest.has(*reader)) {
            let gone = |(_, (_, audience)): &(usize, &(Path, Audience))| !audience.has(reader);
            let key: Vec<usize> = parts.iter().enumerate().filter(gone).map(|(at, _)| at).collect();
            let stands =
                *tried.entry(key).or_insert_with(|| self.without(raw, &parts, reader).is_some());
            if stands {
                audience = audience.or(Audience::only(reader));
            }
        }
        (audience, whole)
    }

    /// Who may see the whole, as far as its own markings go.
    fn own(&self, floor: Tlp, known: &Known) -> Audience {
        // A label is no secret, as long as nothing else stands with it.
        if self.is_label {
            return Audience::EVERYONE;
        }
        let meanings = || self.marks.whole.iter().map(|id| known.meaning(id));
        let own = meanings().fold(Audience::EVERYONE, |all, one| all.and(one.audience()));
        let has_label = meanings().any(|meaning| meaning.tlp().is_some());
        if has_label { own } else { own.and(Audience::of(floor, Pap::Clear)) }
    }

    /// The label that people see: the strictest of its own, or that of what has none.
    pub(crate) fn label(&self, floor: Tlp, known: &Known) -> (Tlp, Option<Pap>) {
        // What is not understood is nobody's to see.
        let tlp_of = |id: &String| match known.meaning(id) {
            Meaning::Unknown => Some(Tlp::Red),
            meaning => meaning.tlp(),
        };
        let own = self.marks.whole.iter().filter_map(tlp_of).max().unwrap_or(floor);
        // A page, or a banner, has the strictest of what stands on it.
        let parts = || self.marks.parts.iter().map(|(_, id)| id);
        let tlp = parts().filter_map(tlp_of).max().map_or(own, |part| own.max(part));
        let pap = self.marks.whole.iter().chain(parts()).filter_map(|id| known.meaning(id).pap());
        (tlp, pap.max())
    }

    /// Its parts that not everyone may see.
    fn parts(&self, known: &Known) -> Vec<(Path, Audience)> {
        let marked = self.marks.parts.iter().map(|(path, id)| (path, known.meaning(id).audience()));
        let named = self.refs.iter().map(|(path, id)| (path, known.audience(id)));
        marked
            .chain(named)
            .filter(|(_, audience)| *audience != Audience::EVERYONE)
            .map(|(path, audience)| (path.clone(), audience))
            .collect()
    }

    /// The object without what a reader may not see; `None` where what is left is no object.
    pub(crate) fn redacted(&self, raw: &[u8], known: &Known, reader: Clearance) -> Option<Vec<u8>> {
        self.without(raw, &self.parts(known), reader).map(String::into_bytes)
    }

    fn without(&self, raw: &[u8], parts: &[(Path, Audience)], reader: Clearance) -> Option<String> {
        let gone = parts.iter().filter(|(_, audience)| !audience.has(reader));
        let gone: Vec<Path> = gone.map(|(path, _)| path.clone()).collect();
        let left = path::without(std::str::from_utf8(raw).ok()?, &gone)?;
        let json = json::parse(left.as_bytes()).ok()?;
        let same = Self::of(&json).is_some_and(|left| left.id == self.id && left.kind == self.kind);
        (same && problem(&json, self.spec).is_none()).then_some(left)
    }

    /// Every identifier of which it has to be known who may see it, and of markings what they mean.
    pub(crate) fn asks(&self) -> (impl Iterator<Item = &str>, impl Iterator<Item = &str>) {
        (self.refs.iter().map(|(_, id)| id.as_str()), self.marks.ids())
    }
}

/// What is known of what a document names.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Who may see it. What is not here at all hints at nothing.
    pub(crate) audiences: HashMap<String, Audience>,
    /// What markings mean.
    pub(crate) meanings: HashMap<String, Meaning>,
}

impl Known {
    fn audience(&self, id: &str) -> Audience {
        self.audiences.get(id).copied().unwrap_or(Audience::EVERYONE)
    }

    fn meaning(&self, id: &str) -> Meaning {
        let known = Meaning::of_id(id).or_else(|| self.meanings.get(id).copied());
        known.unwrap_or(Meaning::Unknown)
    }
}

/// What of a MUST an object does not keep. Objects of 2.0 are not held to what only 2.1 requires.
fn problem(json: &Json<'_>, spec: &str) -> Option<String> {
    let findings = validate(json);
    let binding = |finding: &&comity_stix::Finding| {
        finding.level == Level::Must && (spec != "2.0" || !finding.is_since_2_1())
    };
    let mut bad = findings.iter().filter(binding);
    let first = bad.next()?;
    let more = bad.count();
    Some(if more == 0 { first.to_string() } else { format!("{first}; and {more} more") })
}

/// The token by which objects with this value in a field are found.
pub(crate) fn field(name: &str, text: &str) -> String {
    let mut token = String::new();
    add_field(&mut token, name, text);
    token
}

/// Adds it to others.
pub(crate) fn add_field(tokens: &mut String, name: &str, text: &str) {
    if !tokens.is_empty() {
        tokens.push(' ');
    }
    tokens.push_str(name);
    tokens.push('_');
    let digest = Hash::of(terms::value(text).as_bytes()).0;
    for byte in &digest[..8] {
        for digit in [byte >> 4, byte & 15] {
            tokens.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
}

/// Under which number an identifier is known that objects name.
pub(crate) fn digest(id: &str) -> i64 {
    let hash = Hash::of(id.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.0[..8]);
    i64::from_be_bytes(bytes)
}

/// A time of STIX in microseconds since 1970.
pub(crate) fn micros(text: &str) -> Option<i64> {
    Time::parse(text).map(Time::micros)
}

/// A time as STIX and TAXII write it: with milliseconds, or microseconds where there are any.
#[must_use]
pub fn stamp(micros: i64) -> String {
    let places = if micros % 1000 == 0 { 3 } else { 6 };
    match Timestamp::from_microsecond(micros) {
        Ok(time) => format!("{time:.places$}"),
        // The last two days of the year 9999 are beyond what it knows.
        Err(_) => {
            let day = 86_400_000_000;
            let before = Timestamp::from_microsecond(micros - 10 * day).unwrap_or_default();
            let time = format!("{before:.places$}");
            let day: u32 = time.get(8..10).and_then(|day| day.parse().ok()).unwrap_or_default();
            format!("{}{:02}{}", &time[..8], day + 10, &time[10..])
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(120).collect()
}

//! What is not STIX: events of MISP, and lists of values, into objects of STIX.

use std::collections::{BTreeMap, HashMap};

use comity_hunt::indicator::{Indicator, Kind};
use comity_hunt::lists::{self, Choice};
use comity_stix::marking::{Meaning, Pap, Tlp};
use comity_stix::misp;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::import::Refusal;

/// Bytes of comments that are put together; what comes after is left out.
const COMMENTS: usize = 4_000;

/// What a file became.
pub struct Understood {
    /// A bundle, an envelope, an array or an object of STIX.
    pub bytes: Vec<u8>,
    /// What in it became nothing, and why.
    pub refusals: Vec<Refusal>,
    /// Identifiers of objects that say only when they were made of something: the same values give the same again.
    pub of_values: Vec<String>,
}

impl Understood {
    /// What is STIX already.
    pub(crate) fn as_it_is(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), refusals: Vec::new(), of_values: Vec::new() }
    }
}

/// Makes STIX of whatever a file is: STIX stays as it is.
///
/// # Errors
/// Where it is nothing that is known here.
pub fn understood(bytes: &[u8], now: Timestamp) -> Result<Understood, String> {
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = plain.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{' | b'[') if misp::is_event(plain) => event(plain),
        Some(b'{') => Ok(Understood::as_it_is(plain)),
        // A list of IPv6 addresses in brackets begins so too.
        Some(b'[') if serde_json::from_slice::<serde::de::IgnoredAny>(plain).is_ok() => {
            Ok(Understood::as_it_is(plain))
        }
        _ => values(plain, now),
    }
}

fn event(bytes: &[u8]) -> Result<Understood, String> {
    let converted = misp::to_stix(bytes).map_err(|error| error.to_string())?;
    let refusal = |(what, why): (String, String)| refusal(Some(what), why);
    Ok(Understood {
        bytes: envelope(&converted.objects),
        refusals: converted.left.into_iter().map(refusal).collect(),
        of_values: Vec::new(),
    })
}

/// A list of values, one a line, or CSV; defanged or not.
fn values(bytes: &[u8], now: Timestamp) -> Result<Understood, String> {
    let (mut of_values, mut others) = (Vec::new(), Vec::new());
    let (mut objects, mut unlike): (Vec<Value>, Vec<String>) = Default::default();
    let time = format!("{:.3}", now.round(jiff::Unit::Second).unwrap_or(now));
    let (mut unmarked, mut definitions) = (Vec::new(), BTreeMap::new());
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut take = |indicator: &Indicator| match object(indicator, &time) {
        // Nobody knows how far it may go.
        _ if label(indicator).is_err() => unmarked.push(indicator.value.clone()),
        Some(object) => {
            if let Ok((_, Some(pap))) = label(indicator) {
                definitions.insert(pap.label(), misp::definition(pap.label()));
            }
            let id = object["id"].as_str().unwrap_or_default().to_owned();
            match places.get(&id) {
                // The same value once more, and what this row says of it.
                Some(at) => {
                    if !join(&mut objects[*at], &object) {
                        unlike.push(indicator.value.clone());
                    }
                }
                None => {
                    places.insert(id.clone(), objects.len());
                    of_values.push(id);
                    objects.push(object);
                }
            }
        }
        None => others.push(indicator.value.clone()),
    };
    let read =
        lists::read(bytes, Choice::default(), &mut take).map_err(|error| error.to_string())?;
    if objects.is_empty() && unmarked.is_empty() {
        let why = read.refused.first();
        let why = why.map_or_else(String::new, |one| format!(" ({}: {})", one.place, one.problem));
        return Err(format!("neither STIX nor MISP, and no list of values{why}"));
    }
    let mut refusals: Vec<Refusal> =
        read.refused.into_iter().map(|one| refusal(Some(one.place), one.problem)).collect();
    let passed = read.passed_over.into_iter().chain(read.left_out);
    refusals.extend(passed.map(|(what, count)| {
        let why = "a list makes no indicators of this".to_owned();
        refusal(Some(format!("{count} {what}")), why)
    }));
    let why = "its label is none of TLP or PAP";
    refusals.extend(unmarked.into_iter().map(|value| refusal(Some(value), why.to_owned())));
    let why = "another row of this value has a label of TLP, or this one has: say it in both";
    refusals.extend(unlike.into_iter().map(|value| refusal(Some(value), why.to_owned())));
    let why = "STIX has no property for what this is";
    refusals.extend(others.into_iter().map(|value| refusal(Some(value), why.to_owned())));
    objects.splice(0..0, definitions.into_values());
    Ok(Understood { bytes: envelope(&objects), refusals, of_values })
}

/// Makes one object of what two rows say of one value: the stricter label, the later end, the higher confidence, and both
/// comments. Whether that can be: what one row says under the label of the whole list is not told under the label of
/// another.
fn join(own: &mut Value, other: &Value) -> bool {
    if has_tlp(own) != has_tlp(other) {
        return false;
    }
    mark(own, other);
    let ends = |object: &Value| object["valid_until"].as_str().map(str::to_owned);
    if ends(own).is_some_and(|own| ends(other).is_none_or(|other| other > own)) {
        for name in ["valid_from", "valid_until"] {
            match other.get(name) {
                Some(said) => own[name] = said.clone(),
                None => drop(own.as_object_mut().map(|own| own.remove(name))),
            }
        }
    }
    if other["confidence"].as_u64() > own["confidence"].as_u64() {
        own["confidence"] = other["confidence"].clone();
    }
    let Some(said) = other["description"].as_str() else { return true };
    let both = match own["description"].as_str() {
        Some(own)
            if own.len() > COMMENTS || format!("; {own}; ").contains(&format!("; {said}; ")) =>
        {
            return true;
        }
        Some(own) => format!("{own}; {said}"),
        None => said.to_owned(),
    };
    own["description"] = both.into();
    true
}

/// Takes over a stricter label that a list says of what is here; whether it is. What has no label of its own has that of
/// what brought it, which the list does not know: it stays as it is. A comment stays with its list: it may be for fewer.
pub(crate) fn renew(here: &mut Value, said: &Value) -> bool {
    let before = here["object_marking_refs"].clone();
    if has_tlp(here) {
        mark(here, said);
    }
    here["object_marking_refs"] != before
}

fn has_tlp(object: &Value) -> bool {
    marks(object).any(|id| Meaning::of_id(id).and_then(Meaning::tlp).is_some())
}

fn marks(object: &Value) -> impl Iterator<Item = &str> {
    object["object_marking_refs"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Marks an object by the stricter of its labels and of another's.
fn mark(here: &mut Value, said: &Value) {
    let own: Vec<String> = marks(here).map(str::to_owned).collect();
    let strictness = |id: &str| {
        let meaning = Meaning::of_id(id);
        (meaning.and_then(Meaning::tlp), pap_of(id).or(meaning.and_then(Meaning::pap)))
    };
    let mut both = own.clone();
    for id in marks(said) {
        let (tlp, pap) = strictness(id);
        let is_stricter = |other: &String| {
            let (own_tlp, own_pap) = strictness(other);
            tlp.is_some() && own_tlp >= tlp || pap.is_some() && own_pap >= pap
        };
        if both.iter().any(|other| other == id || is_stricter(other)) {
            continue;
        }
        both.retain(|other| {
            let (own_tlp, own_pap) = strictness(other);
            !(tlp.is_some() && own_tlp.is_some() || pap.is_some() && own_pap.is_some())
        });
        both.push(id.to_owned());
    }
    if both != own {
        here["object_marking_refs"] = both.into();
    }
}

/// The label of PAP that a definition of MISP's converter is.
fn pap_of(id: &str) -> Option<Pap> {
    let all = [Pap::Clear, Pap::Green, Pap::Amber, Pap::Red];
    all.into_iter().find(|pap| misp::definition(pap.label())["id"] == id)
}

/// The labels that a list gives to a value: of TLP, of PAP, or both.
fn label(indicator: &Indicator) -> Result<(Option<Tlp>, Option<Pap>), ()> {
    let (mut tlp, mut pap) = (None, None);
    let said = indicator.marking.as_deref().unwrap_or_default();
    for word in said.split_whitespace() {
        match (Tlp::parse(word), Pap::parse(word)) {
            (_, Some(label)) if word.to_ascii_lowercase().starts_with("pap") => {
                pap = pap.max(Some(label));
            }
            (Some(label), _) => tlp = tlp.max(Some(label)),
            _ => return Err(()),
        }
    }
    Ok((tlp, pap))
}

fn object(indicator: &Indicator, time: &str) -> Option<Value> {
    let literal = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let value = literal(&indicator.value);
    let is_six = value.contains(':');
    let paths: &[&str] = match indicator.kind {
        Kind::Ipv4 => &["ipv4-addr:value"],
        Kind::Ipv6 => &["ipv6-addr:value"],
        Kind::Cidr if is_six => &["ipv6-addr:value"],
        Kind::Cidr => &["ipv4-addr:value"],
        Kind::Domain => &["domain-name:value"],
        Kind::Url => &["url:value"],
        Kind::Email => &["email-addr:value"],
        Kind::FileName => &["file:name"],
        Kind::Md5 => &["file:hashes.MD5"],
        Kind::Sha1 => &["file:hashes.'SHA-1'"],
        Kind::Sha256 => &["file:hashes.'SHA-256'"],
        Kind::Sha512 => &["file:hashes.'SHA-512'"],
        Kind::Ja3 | Kind::Ja4 => return None,
    };
    let test = |path: &&str| format!("{path} = '{value}'");
    let pattern = match indicator.written.as_deref().map(literal) {
        // What is observed is compared to the letter.
        Some(url) if url.contains("://") => format!("[url:value = '{url}']"),
        Some(url) => format!("[url:value = 'http://{url}' OR url:value = 'https://{url}']"),
        None => format!("[{}]", paths.iter().map(test).collect::<Vec<_>>().join(" OR ")),
    };
    let ends = indicator.expires.and_then(|at| Timestamp::from_second(at).ok());
    let digest = comity_ledger::Hash::of(pattern.as_bytes()).0;
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&digest[..16]);
    let id = format!("indicator--{}", super::uuid(uuid));
    let mut object = json!({
        "type": "indicator", "spec_version": "2.1", "id": id, "created": time, "modified": time,
        "name": indicator.value, "pattern": pattern, "pattern_type": "stix", "pattern_version": "2.1",
        "valid_from": time,
    });
    if let Some(confidence) = indicator.confidence {
        object["confidence"] = confidence.into();
    }
    if let Some(comment) = &indicator.comment {
        object["description"] = comment.as_str().into();
    }
    // What ended before it is made is valid for the moment in which it began.
    if let Some(ends) = ends {
        if *format!("{ends:.3}") <= *time {
            let begin = ends.checked_sub(1.millisecond()).unwrap_or(ends);
            object["valid_from"] = format!("{begin:.3}").into();
        }
        object["valid_until"] = format!("{ends:.3}").into();
    }
    let (tlp, pap) = label(indicator).unwrap_or_default();
    let tlp = tlp.map(|tlp| tlp.id().into());
    let pap = pap.map(|pap| misp::definition(pap.label())["id"].clone());
    let marks: Vec<Value> = tlp.into_iter().chain(pap).collect();
    if !marks.is_empty() {
        object["object_marking_refs"] = marks.into();
    }
    Some(object)
}

fn envelope(objects: &[Value]) -> Vec<u8> {
    json!({ "objects": objects }).to_string().into_bytes()
}

fn refusal(id: Option<String>, why: String) -> Refusal {
    Refusal { index: 0, id, why, because_of: None, version: None }
}

//! Markings: how far an object, or a part of it, may go (STIX 2.1 section 7.2, TLP 2.0, PAP).
//!
//! A reader has a [`Clearance`], a thing an [`Audience`]: the clearances that may see it. Labels of TLP and PAP
//! restrict it; a statement goes along and restricts nobody; a marking that nobody here understands lets
//! nobody see what it marks.

use crate::json::{Json, Object};
use crate::path::{self, Path, Step};

/// OASIS' extension that carries TLP 2.0.
pub const TLP_2_0: &str = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
/// OpenCTI's extension of markings.
const OPENCTI: &str = "extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba";

/// A label of the Traffic Light Protocol 2.0, the freest first. Labels are never translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tlp {
    /// Without limits.
    Clear,
    /// Within the community.
    Green,
    /// Within the organisation and its clients, as far as they need to know.
    Amber,
    /// Within the organisation.
    AmberStrict,
    /// For the individual recipients only.
    Red,
}

/// A label of the Permissible Actions Protocol, the freest first: what may be done with a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pap {
    /// Anything.
    Clear,
    /// Active use, such as blocking.
    Green,
    /// Passive use only: nothing that the other side could see.
    Amber,
    /// Only where it cannot be seen at all: on infrastructure of one's own.
    Red,
}

impl Tlp {
    /// Every label.
    pub const ALL: [Self; 5] =
        [Self::Clear, Self::Green, Self::Amber, Self::AmberStrict, Self::Red];

    /// As it is written.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Clear => "TLP:CLEAR",
            Self::Green => "TLP:GREEN",
            Self::Amber => "TLP:AMBER",
            Self::AmberStrict => "TLP:AMBER+STRICT",
            Self::Red => "TLP:RED",
        }
    }

    /// The label that a text is, in upper or lower case, with `TLP:` before it or not. WHITE, of TLP 1, is CLEAR.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match word(text, "tlp")?.as_str() {
            "clear" | "white" => Some(Self::Clear),
            "green" => Some(Self::Green),
            "amber" => Some(Self::Amber),
            "amber+strict" | "amber-strict" | "amber_strict" | "amber strict" => {
                Some(Self::AmberStrict)
            }
            "red" => Some(Self::Red),
            _ => None,
        }
    }

    /// The marking definition that everyone has for it, with the extension of TLP 2.0.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Clear => "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
            Self::Green => "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
            Self::Amber => "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
            Self::AmberStrict => "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
            Self::Red => "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
        }
    }

    /// The text of that definition.
    #[must_use]
    pub fn definition(self) -> String {
        let label = self.label();
        let word = label.trim_start_matches("TLP:").to_ascii_lowercase();
        let id = self.id();
        format!(
            r#"{{"type":"marking-definition","spec_version":"2.1","id":"{id}","created":"2022-10-01T00:00:00.000Z","name":"{label}","extensions":{{"{TLP_2_0}":{{"extension_type":"property-extension","tlp_2_0":"{word}"}}}}}}"#
        )
    }
}

impl Pap {
    /// Every label.
    pub const ALL: [Self; 4] = [Self::Clear, Self::Green, Self::Amber, Self::Red];

    /// As it is written.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Clear => "PAP:CLEAR",
            Self::Green => "PAP:GREEN",
            Self::Amber => "PAP:AMBER",
            Self::Red => "PAP:RED",
        }
    }

    /// The label that a text is, as [`Tlp::parse`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match word(text, "pap")?.as_str() {
            "clear" | "white" => Some(Self::Clear),
            "green" => Some(Self::Green),
            "amber" => Some(Self::Amber),
            "red" => Some(Self::Red),
            _ => None,
        }
    }
}

/// The text in lower case, without the prefix.
fn word(text: &str, prefix: &str) -> Option<String> {
    let text = text.trim();
    // Longer is none, and is not copied.
    let text = (text.len() <= 24).then(|| text.to_ascii_lowercase())?;
    let bare = text.strip_prefix(prefix).map(|bare| bare.trim_start_matches([':', ' ', '_', '-']));
    Some(bare.unwrap_or(&text).to_owned())
}

/// What a reader may see: up to which label, and used how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Clearance {
    /// The strictest label of TLP.
    pub tlp: Tlp,
    /// The strictest label of PAP that its use keeps.
    pub pap: Pap,
}

impl Clearance {
    /// Every one that there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Tlp::ALL.into_iter().flat_map(|tlp| Pap::ALL.into_iter().map(move |pap| Self { tlp, pap }))
    }

    fn bit(self) -> u32 {
        1 << (self.tlp as u32 * 4 + self.pap as u32)
    }
}

/// The clearances that may see a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Audience(u32);

impl Audience {
    /// No reader, whatever the clearance.
    pub const NOBODY: Self = Self(0);
    /// Every reader.
    pub const EVERYONE: Self = Self((1 << 20) - 1);

    /// Those that may see what has these labels.
    #[must_use]
    pub fn of(tlp: Tlp, pap: Pap) -> Self {
        let may = |one: &Clearance| one.tlp >= tlp && one.pap >= pap;
        Self(Clearance::all().filter(may).fold(0, |bits, one| bits | one.bit()))
    }

    /// Whether a reader of this clearance is among them.
    #[must_use]
    pub fn has(self, reader: Clearance) -> bool {
        self.0 & reader.bit() != 0
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set as a number, below 2^20.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The set that a number is.
    #[must_use]
    pub fn from_bits(bits: u32) -> Self {
        Self(bits & Self::EVERYONE.0)
    }

    /// Only this clearance.
    #[must_use]
    pub fn only(reader: Clearance) -> Self {
        Self(reader.bit())
    }
}

/// What a marking definition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// How far it may go.
    Tlp(Tlp),
    /// What may be done with it.
    Pap(Pap),
    /// Both.
    Both(Tlp, Pap),
    /// Something for people to read: it goes along.
    Statement,
    /// Something that is not understood here.
    Unknown,
}

/// The text of the definition that everyone has under this identifier: those of TLP 1, in STIX 2.0 or 2.1, and of TLP 2.
#[must_use]
pub fn standard(id: &str, version: &str) -> Option<String> {
    if let Some(tlp) = Tlp::ALL.into_iter().find(|tlp| tlp.id() == id) {
        return Some(tlp.definition());
    }
    let one = crate::tlp::MARKINGS.iter().find(|marking| marking.id == id)?;
    let (word, created) = (one.word, crate::tlp::CREATED);
    let own = match version {
        "2.0" => String::new(),
        _ => format!(r#""spec_version":"2.1","name":"{}","#, one.name),
    };
    Some(format!(
        r#"{{"type":"marking-definition",{own}"id":"{id}","created":"{created}","definition_type":"tlp","definition":{{"tlp":"{word}"}}}}"#
    ))
}

/// Whether a definition says which label of TLP or PAP it is, and nothing else: then everyone may see it.
#[must_use]
pub fn is_label_alone(definition: &Object<'_>) -> bool {
    let is_label =
        matches!(Meaning::of(definition), Meaning::Tlp(_) | Meaning::Pap(_) | Meaning::Both(..));
    is_label && definition.iter().all(|(name, value)| says_no_more("", name, value))
}

/// Whether a member of a definition, or of something in it, says a label or when and by whom it was made, and no more.
fn says_no_more(within: &str, name: &str, value: &Json<'_>) -> bool {
    let inside = |within: &str| {
        value
            .as_object()
            .is_some_and(|own| own.iter().all(|(name, value)| says_no_more(within, name, value)))
    };
    let text = value.as_str();
    let is_label = |text: &str| label(text).is_some() || Tlp::parse(text).is_some();
    match (within, name) {
        ("", "definition") => inside("definition"),
        ("", "extensions") => inside("extensions"),
        ("extensions", TLP_2_0 | OPENCTI) => inside("extension"),
        // The rules of STIX say what these are.
        ("", "type" | "spec_version" | "id" | "created" | "modified" | "created_by_ref")
        | ("extension", "extension_type") => text.is_some(),
        ("", "name" | "x_opencti_definition")
        | ("definition", "tlp" | "statement")
        | ("extension", "tlp_2_0" | "definition") => text.is_some_and(is_label),
        ("definition", "pap") => text.is_some_and(|text| Pap::parse(text).is_some()),
        ("", "definition_type" | "x_opencti_definition_type")
        | ("extension", "definition_type") => text.is_some_and(|text| {
            ["tlp", "pap", "statement"].contains(&text.to_ascii_lowercase().as_str())
        }),
        ("", "x_opencti_type") | ("extension", "type") => text == Some("marking-definition"),
        ("", "x_opencti_id") | ("extension", "id") => {
            let is_of_uuid = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
            text.is_some_and(|text| text.len() == 36 && text.bytes().all(is_of_uuid))
        }
        ("extension", "created_at" | "updated_at") => {
            text.is_some_and(|text| crate::time::Time::parse(text).is_some())
        }
        _ => false,
    }
}

impl Meaning {
    /// What a definition means that everyone has under one identifier: those of TLP 1 and 2.
    #[must_use]
    pub fn of_id(id: &str) -> Option<Self> {
        let first = crate::tlp::MARKINGS.iter().find(|marking| marking.id == id);
        let first = first.and_then(|marking| Tlp::parse(marking.word));
        let second = || Tlp::ALL.into_iter().find(|tlp| tlp.id() == id);
        first.or_else(second).map(Self::Tlp)
    }

    /// What a definition means.
    #[must_use]
    pub fn of(definition: &Object<'_>) -> Self {
        if let Some(known) = definition.text("id").and_then(Self::of_id) {
            return known;
        }
        let inside = |name: &str, member: &str| {
            definition.member(name)?.as_object()?.member(member)?.as_str()
        };
        let extension = |id: &str, member: &str| {
            let extensions = definition.member("extensions")?.as_object()?;
            extensions.member(id)?.as_object()?.member(member)?.as_str()
        };
        let kind = definition.text("definition_type").unwrap_or_default().to_ascii_lowercase();
        let tlp = extension(TLP_2_0, "tlp_2_0").or_else(|| inside("definition", "tlp"));
        let pap = inside("definition", "pap").filter(|_| kind == "pap");
        let labels = [
            definition.text("x_opencti_definition"),
            extension(OPENCTI, "definition"),
            inside("definition", "statement"),
            definition.text("name"),
        ];
        // Every label counts, and one that nobody here understands counts as that.
        let labels = labels.into_iter().flatten().filter_map(label);
        let labels = labels.chain(tlp.map(|tlp| Tlp::parse(tlp).map_or(Self::Unknown, Self::Tlp)));
        let labels = labels.chain(pap.map(|pap| Pap::parse(pap).map_or(Self::Unknown, Self::Pap)));
        let own = match kind.as_str() {
            "statement" => Self::Statement,
            _ => Self::Unknown,
        };
        labels
            .fold(None, |all: Option<Self>, one| Some(all.map_or(one, |all| all.with(one))))
            .unwrap_or(own)
    }

    /// What both mean together.
    fn with(self, other: Self) -> Self {
        let parts = |one: Self| match one {
            Self::Tlp(tlp) => Some((Some(tlp), None)),
            Self::Pap(pap) => Some((None, Some(pap))),
            Self::Both(tlp, pap) => Some((Some(tlp), Some(pap))),
            Self::Statement => Some((None, None)),
            Self::Unknown => None,
        };
        match (parts(self), parts(other)) {
            (Some((a, b)), Some((c, d))) => match (a.max(c), b.max(d)) {
                (Some(tlp), Some(pap)) => Self::Both(tlp, pap),
                (Some(tlp), None) => Self::Tlp(tlp),
                (None, Some(pap)) => Self::Pap(pap),
                (None, None) => Self::Statement,
            },
            _ => Self::Unknown,
        }
    }

    /// Its label of TLP.
    #[must_use]
    pub fn tlp(self) -> Option<Tlp> {
        match self {
            Self::Tlp(tlp) | Self::Both(tlp, _) => Some(tlp),
            _ => None,
        }
    }

    /// Its label of PAP.
    #[must_use]
    pub fn pap(self) -> Option<Pap> {
        match self {
            Self::Pap(pap) | Self::Both(_, pap) => Some(pap),
            _ => None,
        }
    }

    /// Who may see what is marked so.
    #[must_use]
    pub fn audience(self) -> Audience {
        match self {
            Self::Tlp(tlp) => Audience::of(tlp, Pap::Clear),
            Self::Pap(pap) => Audience::of(Tlp::Clear, pap),
            Self::Both(tlp, pap) => Audience::of(tlp, pap),
            Self::Statement => Audience::EVERYONE,
            Self::Unknown => Audience::NOBODY,
        }
    }
}

/// What a text means that is meant as a label: one that begins as labels do and is none is not understood.
fn label(text: &str) -> Option<Meaning> {
    let text = text.trim();
    let begins = |prefix: &str| {
        text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            && !text[3..].starts_with(|c: char| c.is_alphanumeric())
    };
    if begins("tlp") {
        return Some(Tlp::parse(text).map_or(Meaning::Unknown, Meaning::Tlp));
    }
    begins("pap").then(|| Pap::parse(text).map_or(Meaning::Unknown, Meaning::Pap))
}

/// How an object is marked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// The markings of the whole.
    pub whole: Vec<String>,
    /// The markings of parts. What names no part of the object is among those of the whole.
    pub parts: Vec<(Path, String)>,
}

impl Marks {
    /// The markings of an object.
    #[must_use]
    pub fn of(object: &Json<'_>) -> Self {
        let mut marks = Self::default();
        let Some(members) = object.as_object() else { return marks };
        let list = |name| members.member(name).and_then(Json::as_array).unwrap_or_default();
        marks.nested(object, &mut Path::new());
        for one in list("granular_markings") {
            let Some(one) = one.as_object() else { continue };
            // With `lang` it says in which language a part is.
            let Some(marking) = one.text("marking_ref") else { continue };
            let selectors = one.member("selectors").and_then(Json::as_array).unwrap_or_default();
            for selector in selectors {
                let path = selector.as_str().and_then(|text| path::selected(object, text));
                match path {
                    Some(path) => marks.parts.push((path, marking.to_owned())),
                    None => marks.whole.push(marking.to_owned()),
                }
            }
        }
        marks
    }

    /// The markings of the whole, those that stand deeper in it among them; and what is marked in part deeper in it, as
    /// observables inside an observed-data of STIX 2.0 are, goes as one.
    fn nested(&mut self, value: &Json<'_>, path: &mut Path) {
        match value {
            Json::Object(members) => members.iter().for_each(|(name, value)| match value {
                Json::Array(ids) if name == "object_marking_refs" => {
                    self.whole.extend(ids.iter().filter_map(Json::as_str).map(str::to_owned));
                }
                Json::Array(all) if name == "granular_markings" => {
                    // Those of the object itself have selectors that are followed.
                    let all = if path.is_empty() { &[] } else { &all[..] };
                    let named = all.iter().filter_map(|one| one.as_object()?.text("marking_ref"));
                    self.parts.extend(named.map(|marking| (path.clone(), marking.to_owned())));
                }
                Json::Object(_) | Json::Array(_) => {
                    path.push(Step::Name(name.to_owned()));
                    self.nested(value, path);
                    path.pop();
                }
                _ => {}
            }),
            Json::Array(elements) => elements.iter().enumerate().for_each(|(at, one)| {
                path.push(Step::At(at));
                self.nested(one, path);
                path.pop();
            }),
            _ => {}
        }
    }

    /// Every marking definition that is named.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.whole.iter().chain(self.parts.iter().map(|(_, id)| id)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn meaning(text: &str) -> Meaning {
        Meaning::of(
            json::parse(text.as_bytes())
                .unwrap_or(Json::Null)
                .as_object()
                .unwrap_or(&Object::default()),
        )
    }

    #[test]
    fn labels_are_read_in_every_spelling() {
        for text in ["TLP", "TLP:", "TLP:AMBER+STRICTER", "tlp:red:foo"] {
            assert_eq!((Tlp::parse(text), label(text)), (None, Some(Meaning::Unknown)), "{text}");
        }
        for (text, tlp) in [
            ("TLP:WHITE", Tlp::Clear),
            ("tlp:clear", Tlp::Clear),
            ("amber+strict", Tlp::AmberStrict),
            (" TLP:Red ", Tlp::Red),
        ] {
            assert_eq!(Tlp::parse(text), Some(tlp), "{text}");
        }
        assert_eq!(Tlp::parse("TLP:EX:CHR"), None);
        assert_eq!(Pap::parse("PAP:WHITE"), Some(Pap::Clear));
        for tlp in Tlp::ALL {
            assert_eq!(meaning(&tlp.definition()), Meaning::Tlp(tlp));
            assert_eq!(Meaning::of_id(tlp.id()), Some(Meaning::Tlp(tlp)));
            let found =
                crate::validate(&json::parse(tlp.definition().as_bytes()).unwrap_or(Json::Null));
            assert_eq!(found, [], "{}", tlp.definition());
        }
    }

    #[test]
    fn definitions_of_the_fields_tools_are_understood() {
        for (text, wanted) in [
            (
                r#"{"definition_type":"statement","definition":{"statement":"Copyright"}}"#,
                Meaning::Statement,
            ),
            (
                r#"{"definition_type":"statement","definition":{"statement":"PAP:AMBER"}}"#,
                Meaning::Pap(Pap::Amber),
            ),
            (
                r#"{"definition_type":"statement","definition":{"statement":"tlp:red"}}"#,
                Meaning::Tlp(Tlp::Red),
            ),
            (r#"{"definition_type":"PAP","definition":{"pap":"red"}}"#, Meaning::Pap(Pap::Red)),
            (
                r#"{"x_opencti_definition_type":"PAP","x_opencti_definition":"PAP:GREEN"}"#,
                Meaning::Pap(Pap::Green),
            ),
            (r#"{"definition_type":"tlp","definition":{"tlp":"amber"}}"#, Meaning::Tlp(Tlp::Amber)),
            (r#"{"definition_type":"tlp","definition":{"tlp":"mauve"}}"#, Meaning::Unknown),
            (r#"{"definition_type":"ais","definition":{}}"#, Meaning::Unknown),
            (
                r#"{"name":"TLP:RED","definition_type":"statement","definition":{"statement":"PAP:RED"}}"#,
                Meaning::Both(Tlp::Red, Pap::Red),
            ),
            (
                r#"{"definition_type":"statement","definition":{"statement":"TLP:AMBER-STRICT"}}"#,
                Meaning::Tlp(Tlp::AmberStrict),
            ),
            (
                r#"{"definition_type":"statement","definition":{"statement":"TLP RED"}}"#,
                Meaning::Tlp(Tlp::Red),
            ),
            (
                r#"{"definition_type":"statement","definition":{"statement":"TLP:RED - do not share"}}"#,
                Meaning::Unknown,
            ),
            (
                r#"{"definition_type":"statement","definition":{"statement":"TLP:EX:CHR"}}"#,
                Meaning::Unknown,
            ),
            (
                r#"{"definition_type":"statement","definition":{"statement":"PAPER"}}"#,
                Meaning::Statement,
            ),
            (r#"{}"#, Meaning::Unknown),
        ] {
            assert_eq!(meaning(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_marked_in_part_inside_an_object_goes_as_one() {
        let text = r#"{"type":"observed-data","granular_markings":[{"marking_ref":"m--1","selectors":["objects"]}],
            "objects":{"0":{"type":"file","name":"x","granular_markings":[{"marking_ref":"m--2","selectors":["name"]}]},
            "1":{"type":"file","object_marking_refs":["m--3"]}}}"#;
        let marks = Marks::of(&json::parse(text.as_bytes()).unwrap_or(Json::Null));
        let name = |name: &str| Step::Name(name.to_owned());
        assert_eq!(marks.whole, ["m--3"]);
        assert_eq!(
            marks.parts,
            [
                (vec![name("objects"), name("0")], "m--2".to_owned()),
                (vec![name("objects")], "m--1".to_owned()),
            ]
        );
    }

    #[test]
    fn stricter_labels_have_smaller_audiences() {
        let reader = |tlp, pap| Clearance { tlp, pap };
        let amber = Audience::of(Tlp::Amber, Pap::Green);
        assert!(amber.has(reader(Tlp::Amber, Pap::Green)) && amber.has(reader(Tlp::Red, Pap::Red)));
        assert!(
            !amber.has(reader(Tlp::Green, Pap::Red)) && !amber.has(reader(Tlp::Red, Pap::Clear))
        );
        assert_eq!(Audience::of(Tlp::Clear, Pap::Clear), Audience::EVERYONE);
        assert_eq!(Meaning::Unknown.audience(), Audience::NOBODY);
    }
}

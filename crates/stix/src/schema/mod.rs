//! What the standard says of each type, as data: properties, their kinds, and what holds between them.
//!
//! Sections are those of STIX Version 2.1, OASIS Standard, 10 June 2021, as the committee's own sources number them.

mod domain;
mod meta;
mod observable;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::json::Object;
use crate::vocabulary::Vocabulary;

pub(crate) use meta::EXTENSION_TYPES;
pub(crate) use observable::PREDEFINED_EXTENSIONS;

/// What family a type is of: each has properties that all of it share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// A STIX Domain Object.
    Domain,
    /// A STIX Relationship Object.
    Relationship,
    /// A STIX Cyber-observable Object.
    Observable,
    /// A language content, an extension definition or a marking definition.
    Meta,
}

/// A type of object.
#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    /// Where the standard describes it.
    pub(crate) section: &'static str,
    pub(crate) properties: &'static [Property],
    pub(crate) rules: &'static [Rule],
}

/// A property of an object, or of a value inside one.
#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) need: Need,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Must,
    May,
    /// It is allowed and should not be used any more.
    Deprecated,
}

/// What a value must be.
#[derive(Debug)]
pub(crate) enum Kind {
    Text,
    Bool,
    Integer {
        least: i64,
        most: i64,
    },
    Number {
        least: f64,
        most: f64,
    },
    Timestamp,
    /// A timestamp with milliseconds at least, as `created` and `modified` are.
    Milliseconds,
    /// A timestamp without a fraction.
    WholeSeconds,
    Reference(Refers),
    Open(&'static Vocabulary),
    Closed(&'static [&'static str]),
    Hex,
    Binary,
    Uri,
    Hashes,
    Dictionary(Keys),
    ExternalReference,
    Extensions,
    Ipv4,
    Ipv6,
    Mac,
    MediaType {
        must: bool,
    },
    CharacterSet,
    Language,
    Cpe,
    /// `a` to `z`, digits and hyphens.
    RelationshipName,
    /// Lowercase, words with hyphens between, should it.
    Dashed,
    RegistryKey,
    ServiceName,
    Country,
    PriorityClass,
    /// A mail address, without the name of whoever has it.
    MailAddress,
    Selector,
    /// Observables by key, as in STIX 2.0.
    Objects,
    /// Texts in other languages, by language.
    Translations,
    Within(&'static Nested),
    List(&'static Kind),
    Anything,
}

/// Which types an identifier may name.
#[derive(Debug)]
pub(crate) enum Refers {
    Any,
    To(&'static [&'static str]),
    /// Any but these.
    Not(&'static [&'static str]),
    /// A domain object, or what no standard knows.
    Domain,
    /// Observables and relationships: any but a domain object.
    Observed,
    /// An observable of one of these types, by identifier; in an observed-data of STIX 2.0, by key.
    Nearby(&'static [&'static str]),
}

/// What the keys and values of a dictionary must be, beyond what all must.
#[derive(Debug)]
pub(crate) enum Keys {
    Any,
    /// Lists of strings by HTTP header field.
    HttpHeaders,
    /// Integers by socket option.
    SocketOptions,
    /// Strings by PDF document information key.
    PdfInfo,
    /// Strings or integers by EXIF tag.
    Exif,
    /// Strings or integers by IPFIX element.
    Ipfix,
    /// Strings, or lists of them, by header field.
    MailHeaders,
    /// Strings.
    Texts,
}

/// Whether an object has one of these that need not be there.
pub(crate) fn has_any(properties: &[Property], object: &Object<'_>) -> bool {
    properties.iter().any(|property| property.need != Need::Must && object.has(property.name))
}

/// An object that is a value.
#[derive(Debug)]
pub(crate) struct Nested {
    pub(crate) name: &'static str,
    pub(crate) section: &'static str,
    pub(crate) properties: &'static [Property],
    pub(crate) rules: &'static [Rule],
}

/// What holds between properties.
#[derive(Debug)]
pub(crate) enum Rule {
    /// At least one of these is there.
    AnyOf(&'static [&'static str]),
    /// At least one that the standard has for the type, other than those that must be there.
    AnyProperty,
    /// Exactly one of these is there.
    OneOf(&'static [&'static str]),
    /// The first needs all the others.
    Needs(&'static str, &'static [&'static str]),
    /// The first is not before the second.
    NotBefore(&'static str, &'static str),
    /// The first is after the second.
    After(&'static str, &'static str),
    /// Where the first is the value, the second is not there.
    Excludes(&'static str, bool, &'static str),
    /// Where the first is the value, the second is there.
    Wants(&'static str, bool, &'static str),
    /// All should be there.
    Should(&'static [&'static str]),
    /// The identifier's UUID is version 4 where none of these is there.
    RandomWithout(&'static [&'static str]),
    /// What only this type has; `special.rs` knows it.
    Special(Special),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Special {
    Pattern,
    MarkingDefinition,
    Relationship,
    Observed,
    Extension,
}

const fn must(name: &'static str, kind: Kind) -> Property {
    Property { name, kind, need: Need::Must }
}

const fn may(name: &'static str, kind: Kind) -> Property {
    Property { name, kind, need: Need::May }
}

/// What a number of any JSON reader holds: unless a property says otherwise, no integer is larger (section 2.9).
const MOST: i64 = (1 << 53) - 1;
const ANY_INTEGER: Kind = Kind::Integer { least: -MOST, most: MOST };
const COUNT: Kind = Kind::Integer { least: 0, most: MOST };
const ANY_NUMBER: Kind = Kind::Number { least: f64::NEG_INFINITY, most: f64::INFINITY };
const TEXTS: Kind = Kind::List(&Kind::Text);
const REFERENCE: Kind = Kind::Reference(Refers::Any);
const IDENTITY: Kind = Kind::Reference(Refers::To(&["identity"]));

static KILL_CHAIN_PHASE: Nested = Nested {
    name: "kill-chain-phase",
    section: "2.11",
    properties: &[must("kill_chain_name", Kind::Dashed), must("phase_name", Kind::Dashed)],
    rules: &[],
};
const KILL_CHAIN_PHASES: Kind = Kind::List(&Kind::Within(&KILL_CHAIN_PHASE));

static GRANULAR_MARKING: Nested = Nested {
    name: "granular-marking",
    section: "7.2.3.1",
    properties: &[
        may("lang", Kind::Language),
        may("marking_ref", Kind::Reference(Refers::To(&["marking-definition"]))),
        must("selectors", Kind::List(&Kind::Selector)),
    ],
    rules: &[Rule::OneOf(&["lang", "marking_ref"])],
};

const SPEC_VERSION: Kind = Kind::Closed(&["2.0", "2.1"]);
const MARKING_REFS: Kind = Kind::List(&Kind::Reference(Refers::To(&["marking-definition"])));

/// Section 3.2: of domain, relationship and most meta objects.
static COMMON: &[Property] = &[
    must("type", Kind::Text),
    must("spec_version", SPEC_VERSION),
    must("id", REFERENCE),
    may("created_by_ref", IDENTITY),
    must("created", Kind::Milliseconds),
    must("modified", Kind::Milliseconds),
    may("revoked", Kind::Bool),
    may("labels", TEXTS),
    may("confidence", Kind::Integer { least: 0, most: 100 }),
    may("lang", Kind::Language),
    may("external_references", Kind::List(&Kind::ExternalReference)),
    may("object_marking_refs", MARKING_REFS),
    may("granular_markings", Kind::List(&Kind::Within(&GRANULAR_MARKING))),
    may("extensions", Kind::Extensions),
];

/// Section 3.2: of observables.
static COMMON_OBSERVABLE: &[Property] = &[
    must("type", Kind::Text),
    must("id", REFERENCE),
    may("spec_version", SPEC_VERSION),
    may("object_marking_refs", MARKING_REFS),
    may("granular_markings", Kind::List(&Kind::Within(&GRANULAR_MARKING))),
    may("defanged", Kind::Bool),
    may("extensions", Kind::Extensions),
];

/// A type with the properties of its family, ready to be looked up.
pub(crate) struct Known {
    pub(crate) of: &'static Type,
    pub(crate) properties: Lookup,
}

/// Properties by name.
pub(crate) struct Lookup {
    all: Vec<&'static Property>,
    /// By length of the name and its second letter; what collides is beside it.
    slots: Vec<u8>,
    /// A bit for each that must be there.
    pub(crate) needed: u64,
    /// The first so many every object of the family has: section 3.2.
    pub(crate) shared: u32,
}

const SLOTS: usize = 256;
const FREE: u8 = u8::MAX;

impl Lookup {
    fn new(common: &'static [Property], own: &'static [Property]) -> Self {
        let all: Vec<_> = common.iter().chain(own).collect();
        let shared = u32::try_from(common.len()).unwrap_or_default();
        let (mut slots, mut needed) = (vec![FREE; SLOTS], 0);
        for (at, property) in (0_u8..).zip(&all) {
            let mut slot = slot(property.name);
            while slots[slot] != FREE {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = at;
            if property.need == Need::Must {
                needed |= 1 << at;
            }
        }
        Self { all, slots, needed, shared }
    }

    /// The property of this name, and its number.
    pub(crate) fn find(&self, name: &str) -> Option<(u32, &'static Property)> {
        let mut slot = slot(name);
        loop {
            let at = self.slots[slot];
            if at == FREE {
                return None;
            }
            let property = self.all[usize::from(at)];
            if property.name == name {
                return Some((u32::from(at), property));
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// The property of this number.
    pub(crate) fn numbered(&self, number: u32) -> &'static Property {
        self.all[number as usize]
    }
}

fn slot(name: &str) -> usize {
    let bytes = name.as_bytes();
    let letter = |at: usize| bytes.get(at).map_or(0, |byte| usize::from(*byte));
    let last = bytes.last().map_or(0, |byte| usize::from(*byte));
    (letter(0) * 7 + letter(2) * 31 + last * 3 + bytes.len() * 17) % SLOTS
}

static KNOWN: LazyLock<HashMap<&'static str, Known>> = LazyLock::new(|| {
    let types = domain::TYPES.iter().chain(observable::TYPES).chain(meta::TYPES);
    types
        .map(|of| (of.name, Known { of, properties: Lookup::new(of.common(), of.properties) }))
        .collect()
});

static CUSTOM: LazyLock<[Lookup; 2]> =
    LazyLock::new(|| [COMMON, COMMON_OBSERVABLE].map(|common| Lookup::new(common, &[])));

/// The type of this name, where the standard has it.
pub(crate) fn known(name: &str) -> Option<&'static Known> {
    KNOWN.get(name)
}

/// The properties that every object has that is no observable.
pub(crate) fn common() -> &'static Lookup {
    &CUSTOM[0]
}

/// The properties that every observable has.
pub(crate) fn common_observable() -> &'static Lookup {
    &CUSTOM[1]
}

impl Type {
    fn common(&self) -> &'static [Property] {
        match (self.family, self.name) {
            (_, "marking-definition") => &[],
            (Family::Observable, _) => COMMON_OBSERVABLE,
            _ => COMMON,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_is_found_by_its_name_and_nothing_else_is() {
        for known in KNOWN.values() {
            let all = || known.of.common().iter().chain(known.of.properties);
            assert!(all().count() < 64, "one bit each");
            for property in all() {
                let (number, found) = known
                    .properties
                    .find(property.name)
                    .unwrap_or_else(|| panic!("{} of {}", property.name, known.of.name));
                assert_eq!(found.name, property.name);
                assert_eq!(known.properties.numbered(number).name, property.name);
            }
            for name in ["", "x", "nonsense", "typ", "idd"] {
                assert!(known.properties.find(name).is_none());
            }
        }
    }
}

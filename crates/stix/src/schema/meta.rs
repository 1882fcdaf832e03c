//! Meta objects: section 7.

use super::{
    Family, GRANULAR_MARKING, IDENTITY, Kind, MARKING_REFS, REFERENCE, Refers, Rule, SPEC_VERSION,
    Special, TEXTS, Type, may, must,
};

pub(crate) const EXTENSION_TYPES: &[&str] =
    &["new-sdo", "new-sco", "new-sro", "property-extension", "toplevel-property-extension"];

pub(super) static TYPES: &[Type] = &[
    Type {
        name: "language-content",
        family: Family::Meta,
        section: "7.1",
        properties: &[
            must("object_ref", Kind::Reference(Refers::Not(&["bundle", "language-content"]))),
            may("object_modified", Kind::Timestamp),
            must("contents", Kind::Translations),
        ],
        rules: &[],
    },
    Type {
        name: "marking-definition",
        family: Family::Meta,
        section: "7.2.1",
        properties: &[
            must("type", Kind::Text),
            must("spec_version", SPEC_VERSION),
            must("id", REFERENCE),
            may("created_by_ref", IDENTITY),
            must("created", Kind::Timestamp),
            may("name", Kind::Text),
            may("definition_type", Kind::Text),
            may("definition", Kind::Anything),
            may("external_references", Kind::List(&Kind::ExternalReference)),
            may("object_marking_refs", MARKING_REFS),
            may("granular_markings", Kind::List(&Kind::Within(&GRANULAR_MARKING))),
            may("extensions", Kind::Extensions),
        ],
        rules: &[Rule::Special(Special::MarkingDefinition)],
    },
    Type {
        name: "extension-definition",
        family: Family::Meta,
        section: "7.3",
        properties: &[
            must("name", Kind::Text),
            may("description", Kind::Text),
            must("schema", Kind::Text),
            must("version", Kind::Text),
            must("extension_types", Kind::List(&Kind::Closed(EXTENSION_TYPES))),
            may("extension_properties", TEXTS),
        ],
        rules: &[
            Rule::AnyOf(&["created_by_ref"]),
            Rule::Should(&["description"]),
            Rule::Special(Special::Extension),
        ],
    },
];

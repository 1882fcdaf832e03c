//! Domain and relationship objects: sections 4 and 5.

use super::{
    ANY_NUMBER, Family, KILL_CHAIN_PHASES, Kind, Need, Property, REFERENCE, Refers, Rule, Special,
    TEXTS, Type, may, must,
};
use crate::vocabulary as ov;

const NAME: Property = must("name", Kind::Text);
const MAY_NAME: Property = may("name", Kind::Text);
const DESCRIPTION: Property = may("description", Kind::Text);
const ALIASES: Property = may("aliases", TEXTS);
const PHASES: Property = may("kill_chain_phases", KILL_CHAIN_PHASES);
const FIRST_SEEN: Property = may("first_seen", Kind::Timestamp);
const LAST_SEEN: Property = may("last_seen", Kind::Timestamp);
const OBJECT_REFS: Property = must("object_refs", Kind::List(&REFERENCE));
const MOTIVATIONS: Kind = Kind::List(&Kind::Open(&ov::ATTACK_MOTIVATION));
const SEEN: Rule = Rule::NotBefore("last_seen", "first_seen");
const SOFTWARE: Kind = Kind::Reference(Refers::To(&["software"]));
/// What neither end of a relationship, nor a sighting, may be.
/// What no relationship is of: what is neither a domain object nor an observable.
const NO_RELATION: &[&str] = &[
    "relationship",
    "sighting",
    "bundle",
    "marking-definition",
    "language-content",
    "extension-definition",
];

const fn domain(
    name: &'static str,
    section: &'static str,
    properties: &'static [Property],
    rules: &'static [Rule],
) -> Type {
    Type { name, family: Family::Domain, section, properties, rules }
}

pub(super) static TYPES: &[Type] = &[
    domain("attack-pattern", "4.1", &[NAME, DESCRIPTION, ALIASES, PHASES], &[]),
    domain(
        "campaign",
        "4.2",
        &[NAME, DESCRIPTION, ALIASES, FIRST_SEEN, LAST_SEEN, may("objective", Kind::Text)],
        &[SEEN],
    ),
    domain("course-of-action", "4.3", &[NAME, DESCRIPTION], &[]),
    domain(
        "grouping",
        "4.4",
        &[MAY_NAME, DESCRIPTION, must("context", Kind::Open(&ov::GROUPING_CONTEXT)), OBJECT_REFS],
        &[],
    ),
    domain(
        "identity",
        "4.5",
        &[
            NAME,
            DESCRIPTION,
            may("roles", TEXTS),
            may("identity_class", Kind::Open(&ov::IDENTITY_CLASS)),
            may("sectors", Kind::List(&Kind::Open(&ov::INDUSTRY_SECTOR))),
            may("contact_information", Kind::Text),
        ],
        &[],
    ),
    domain("incident", "4.6", &[NAME, DESCRIPTION], &[]),
    domain(
        "indicator",
        "4.7",
        &[
            MAY_NAME,
            DESCRIPTION,
            may("indicator_types", Kind::List(&Kind::Open(&ov::INDICATOR_TYPE))),
            must("pattern", Kind::Text),
            must("pattern_type", Kind::Open(&ov::PATTERN_TYPE)),
            may("pattern_version", Kind::Text),
            must("valid_from", Kind::Timestamp),
            may("valid_until", Kind::Timestamp),
            PHASES,
        ],
        &[
            Rule::After("valid_until", "valid_from"),
            Rule::Should(&["name", "description"]),
            Rule::Special(Special::Pattern),
        ],
    ),
    domain(
        "infrastructure",
        "4.8",
        &[
            NAME,
            DESCRIPTION,
            may("infrastructure_types", Kind::List(&Kind::Open(&ov::INFRASTRUCTURE_TYPE))),
            ALIASES,
            PHASES,
            FIRST_SEEN,
            LAST_SEEN,
        ],
        &[SEEN],
    ),
    domain(
        "intrusion-set",
        "4.9",
        &[
            NAME,
            DESCRIPTION,
            ALIASES,
            FIRST_SEEN,
            LAST_SEEN,
            may("goals", TEXTS),
            may("resource_level", Kind::Open(&ov::ATTACK_RESOURCE_LEVEL)),
            may("primary_motivation", Kind::Open(&ov::ATTACK_MOTIVATION)),
            may("secondary_motivations", MOTIVATIONS),
        ],
        &[SEEN],
    ),
    domain(
        "location",
        "4.10",
        &[
            MAY_NAME,
            DESCRIPTION,
            may("latitude", Kind::Number { least: -90.0, most: 90.0 }),
            may("longitude", Kind::Number { least: -180.0, most: 180.0 }),
            may("precision", ANY_NUMBER),
            may("region", Kind::Open(&ov::REGION)),
            may("country", Kind::Country),
            may("administrative_area", Kind::Text),
            may("city", Kind::Text),
            may("street_address", Kind::Text),
            may("postal_code", Kind::Text),
        ],
        &[
            Rule::AnyOf(&["region", "country", "latitude"]),
            Rule::Needs("latitude", &["longitude"]),
            Rule::Needs("longitude", &["latitude"]),
            Rule::Needs("precision", &["latitude", "longitude"]),
        ],
    ),
    domain(
        "malware",
        "4.11",
        &[
            MAY_NAME,
            DESCRIPTION,
            may("malware_types", Kind::List(&Kind::Open(&ov::MALWARE_TYPE))),
            must("is_family", Kind::Bool),
            ALIASES,
            PHASES,
            FIRST_SEEN,
            LAST_SEEN,
            may("operating_system_refs", Kind::List(&SOFTWARE)),
            may(
                "architecture_execution_envs",
                Kind::List(&Kind::Open(&ov::PROCESSOR_ARCHITECTURE)),
            ),
            may("implementation_languages", Kind::List(&Kind::Open(&ov::IMPLEMENTATION_LANGUAGE))),
            may("capabilities", Kind::List(&Kind::Open(&ov::MALWARE_CAPABILITIES))),
            may("sample_refs", Kind::List(&Kind::Reference(Refers::To(&["artifact", "file"])))),
        ],
        &[SEEN, Rule::Wants("is_family", true, "name")],
    ),
    domain(
        "malware-analysis",
        "4.12",
        &[
            must("product", Kind::Dashed),
            may("version", Kind::Text),
            may("host_vm_ref", SOFTWARE),
            may("operating_system_ref", SOFTWARE),
            may("installed_software_refs", Kind::List(&SOFTWARE)),
            may("configuration_version", Kind::Text),
            may("modules", TEXTS),
            may("analysis_engine_version", Kind::Text),
            may("analysis_definition_version", Kind::Text),
            may("submitted", Kind::Timestamp),
            may("analysis_started", Kind::Timestamp),
            may("analysis_ended", Kind::Timestamp),
            may("result_name", Kind::Text),
            may("result", Kind::Open(&ov::MALWARE_RESULT)),
            may("analysis_sco_refs", Kind::List(&Kind::Reference(Refers::Observed))),
            may(
                "sample_ref",
                Kind::Reference(Refers::To(&["artifact", "file", "network-traffic"])),
            ),
        ],
        &[Rule::AnyOf(&["result", "analysis_sco_refs"])],
    ),
    domain(
        "note",
        "4.13",
        &[
            may("abstract", Kind::Text),
            must("content", Kind::Text),
            may("authors", TEXTS),
            OBJECT_REFS,
        ],
        &[],
    ),
    domain(
        "observed-data",
        "4.14",
        &[
            must("first_observed", Kind::Timestamp),
            must("last_observed", Kind::Timestamp),
            must("number_observed", Kind::Integer { least: 1, most: 999_999_999 }),
            Property { name: "objects", kind: Kind::Objects, need: Need::Deprecated },
            may("object_refs", Kind::List(&Kind::Reference(Refers::Observed))),
        ],
        &[
            Rule::NotBefore("last_observed", "first_observed"),
            Rule::OneOf(&["objects", "object_refs"]),
            Rule::Special(Special::Observed),
        ],
    ),
    domain(
        "opinion",
        "4.15",
        &[
            may("explanation", Kind::Text),
            may("authors", TEXTS),
            must(
                "opinion",
                Kind::Closed(&[
                    "strongly-disagree",
                    "disagree",
                    "neutral",
                    "agree",
                    "strongly-agree",
                ]),
            ),
            OBJECT_REFS,
        ],
        &[],
    ),
    domain(
        "report",
        "4.16",
        &[
            NAME,
            DESCRIPTION,
            may("report_types", Kind::List(&Kind::Open(&ov::REPORT_TYPE))),
            must("published", Kind::Timestamp),
            OBJECT_REFS,
        ],
        &[],
    ),
    domain(
        "threat-actor",
        "4.17",
        &[
            NAME,
            DESCRIPTION,
            may("threat_actor_types", Kind::List(&Kind::Open(&ov::THREAT_ACTOR_TYPE))),
            ALIASES,
            FIRST_SEEN,
            LAST_SEEN,
            may("roles", Kind::List(&Kind::Open(&ov::THREAT_ACTOR_ROLE))),
            may("goals", TEXTS),
            may("sophistication", Kind::Open(&ov::THREAT_ACTOR_SOPHISTICATION)),
            may("resource_level", Kind::Open(&ov::ATTACK_RESOURCE_LEVEL)),
            may("primary_motivation", Kind::Open(&ov::ATTACK_MOTIVATION)),
            may("secondary_motivations", MOTIVATIONS),
            may("personal_motivations", MOTIVATIONS),
        ],
        &[SEEN],
    ),
    domain(
        "tool",
        "4.18",
        &[
            NAME,
            DESCRIPTION,
            may("tool_types", Kind::List(&Kind::Open(&ov::TOOL_TYPE))),
            ALIASES,
            PHASES,
            may("tool_version", Kind::Text),
        ],
        &[],
    ),
    domain("vulnerability", "4.19", &[NAME, DESCRIPTION], &[]),
    Type {
        name: "relationship",
        family: Family::Relationship,
        section: "5.1",
        properties: &[
            must("relationship_type", Kind::RelationshipName),
            DESCRIPTION,
            must("source_ref", Kind::Reference(Refers::Not(NO_RELATION))),
            must("target_ref", Kind::Reference(Refers::Not(NO_RELATION))),
            may("start_time", Kind::Timestamp),
            may("stop_time", Kind::Timestamp),
        ],
        rules: &[Rule::After("stop_time", "start_time"), Rule::Special(Special::Relationship)],
    },
    Type {
        name: "sighting",
        family: Family::Relationship,
        section: "5.2",
        properties: &[
            DESCRIPTION,
            FIRST_SEEN,
            LAST_SEEN,
            may("count", Kind::Integer { least: 0, most: 999_999_999 }),
            must("sighting_of_ref", Kind::Reference(Refers::Domain)),
            may("observed_data_refs", Kind::List(&Kind::Reference(Refers::To(&["observed-data"])))),
            may(
                "where_sighted_refs",
                Kind::List(&Kind::Reference(Refers::To(&["identity", "location"]))),
            ),
            may("summary", Kind::Bool),
        ],
        rules: &[SEEN],
    },
];

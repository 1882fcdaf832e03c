//! What is valid, what is not, and what is said of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use comity_stix::bundle::validate_all;
use comity_stix::{Finding, Level, MOST, json, validate};

const ID: &str = "0c7b5b88-8ff7-4a4d-aa9d-feb398cd0061";

fn found(object: &str) -> Vec<Finding> {
    validate(&json::parse(object.as_bytes()).unwrap())
}

/// Findings of a level as `path rule`.
fn named(object: &str, level: Level) -> Vec<String> {
    let found = found(object).into_iter().filter(|finding| finding.level == level);
    found.map(|finding| format!("{} {}", finding.path, finding.rule)).collect()
}

/// A domain object with these members besides what all must have.
fn domain(kind: &str, members: &str) -> String {
    format!(
        r#"{{"type":"{kind}","spec_version":"2.1","id":"{kind}--{ID}","created":"2016-02-12T08:17:27.000Z",
        "modified":"2016-02-12T08:17:27.000Z"{members}}}"#
    )
}

fn observable(kind: &str, members: &str) -> String {
    format!(r#"{{"type":"{kind}","id":"{kind}--{}"{members}}}"#, ID.replace("-4a4d", "-5a4d"))
}

#[test]
fn what_the_standard_asks_for_is_found_missing_by_path_and_rule() {
    for (object, musts) in [
        (domain("attack-pattern", r#","name":"x""#), vec![]),
        (domain("attack-pattern", ""), vec![" required"]),
        (domain("attack-pattern", r#","name":3"#), vec!["name type"]),
        (observable("file", r#","name":"a","size":9007199254740992"#), vec!["size range"]),
        (observable("file", r#","name":"a","size":9007199254740991"#), vec![]),
        (observable("process", r#","x_foo":1"#), vec![" at-least-one", "id uuid-version"]),
        (observable("user-account", r#","x_foo":1"#), vec![" at-least-one", "id uuid-version"]),
        (
            observable(
                "file",
                r#","name":"a","extensions":{"windows-pebinary-ext":{"pe_type":"exe"},"ntfs-ext":{"x_foo":1}}"#,
            ),
            vec![
                "extensions.windows-pebinary-ext at-least-one",
                "extensions.ntfs-ext at-least-one",
            ],
        ),
        (
            observable(
                "email-message",
                r#","is_multipart":false,"received_lines":[],"additional_header_fields":{"Subject":"x"}"#,
            ),
            vec![
                "received_lines list",
                "additional_header_fields.Subject email-headers",
                "id uuid-version",
            ],
        ),
        (observable("artifact", r#","payload_bin":"""#), vec!["payload_bin binary"]),
        (
            domain("tool", &format!(r#","name":"x","created_by_ref":"malware--{ID}""#)),
            vec!["created_by_ref reference"],
        ),
        (domain("attack-pattern", r#","name":"x","x-y":"z""#), vec!["x-y property-name"]),
        (domain("attack-pattern", r#","name":"x","severity":"z""#), vec!["severity reserved"]),
        (domain("attack-pattern", r#","name":"x","labels":[]"#), vec!["labels list"]),
        (domain("attack-pattern", r#","name":"x","some_list":[]"#), vec!["some_list list"]),
        (domain("attack-pattern", r#","name":"x","confidence":101"#), vec!["confidence range"]),
        (domain("attack-pattern", r#","name":"x","revoked":"no""#), vec!["revoked type"]),
        (domain("attack-pattern", r#","name":"x","lang":"foo""#), vec!["lang language"]),
        (domain("attack-pattern", r#","name":"x","my_hex":"0ag""#), vec!["my_hex hex"]),
        (
            domain(
                "attack-pattern",
                r#","name":"x","external_references":[{"source_name":"cve","external_id":"CVE-1-2"}]"#,
            ),
            vec!["external_references[0] external-id"],
        ),
        (
            domain(
                "attack-pattern",
                r#","name":"x","external_references":[{"source_name":"x"},{"url":"u"}]"#,
            ),
            vec![
                "external_references[0] at-least-one",
                "external_references[1].url uri",
                "external_references[1] required",
            ],
        ),
        (
            domain("campaign", r#","name":"x","first_seen":"2017-02-29T08:17:27.000Z""#),
            vec!["first_seen timestamp"],
        ),
        (
            domain(
                "campaign",
                r#","name":"x","first_seen":"2017-02-28T08:17:27Z","last_seen":"2017-02-28T08:17:26.9Z""#,
            ),
            vec!["last_seen order"],
        ),
        (
            domain(
                "indicator",
                r#","pattern_type":"stix","pattern":"[a:b","valid_from":"2016-02-12T08:17:27Z""#,
            ),
            vec!["pattern pattern"],
        ),
        (
            domain(
                "indicator",
                r#","pattern_type":"yara","pattern":"rule","valid_from":"2016-02-12T08:17:27Z","valid_until":"2016-02-12T08:17:27Z""#,
            ),
            vec!["valid_until order"],
        ),
        (domain("location", r#","latitude":91"#), vec!["latitude range", " dependency"]),
        (domain("location", ""), vec![" at-least-one"]),
        (domain("malware", r#","is_family":true"#), vec![" dependency"]),
        (
            domain("opinion", r#","opinion":"maybe","object_refs":["x"]"#),
            vec!["opinion enum", "object_refs[0] identifier"],
        ),
        (
            domain(
                "sighting",
                &format!(
                    r#","sighting_of_ref":"relationship--{ID}","where_sighted_refs":["tool--{ID}"]"#
                ),
            ),
            vec!["sighting_of_ref reference", "where_sighted_refs[0] reference"],
        ),
        (
            domain(
                "observed-data",
                r#","first_observed":"2016-02-12T08:17:27Z","last_observed":"2016-02-12T08:17:27Z","number_observed":0"#,
            ),
            vec!["number_observed range", " exactly-one"],
        ),
        (
            domain("sighting", &format!(r#","sighting_of_ref":"ipv4-addr--{ID}""#)),
            vec!["sighting_of_ref reference"],
        ),
        (domain("sighting", &format!(r#","sighting_of_ref":"x-own--{ID}""#)), vec![]),
        (
            domain("sighting", &format!(r#","sighting_of_ref":"bundle--{ID}""#)),
            vec!["sighting_of_ref reference"],
        ),
        (
            domain("opinion", &format!(r#","opinion":"agree","object_refs":["bundle--{ID}"]"#)),
            vec!["object_refs[0] reference"],
        ),
        (domain("attack-pattern", r#","name":"x","defanged":true"#), vec!["defanged defanged"]),
        (
            observable("email-addr", r#","value":"John Doe <jdoe@example.com>""#),
            vec!["value mail-address"],
        ),
        (
            domain(
                "indicator",
                r#","pattern_type":"stix","pattern":"[a-b:cde = 1 AND c-d:efg = 2]","valid_from":"2016-02-12T08:17:27Z""#,
            ),
            vec!["pattern pattern"],
        ),
        (
            domain(
                "relationship",
                &format!(
                    r#","relationship_type":"uses","source_ref":"extension-definition--{ID}","target_ref":"tool--{ID}""#
                ),
            ),
            vec!["source_ref reference"],
        ),
        (
            domain(
                "observed-data",
                &format!(
                    r#","first_observed":"2016-02-12T08:17:27Z","last_observed":"2016-02-12T08:17:27Z","number_observed":1,"object_refs":["relationship--{ID}"]"#
                ),
            ),
            vec!["object_refs reference"],
        ),
        (
            domain(
                "attack-pattern",
                r#","name":"x","granular_markings":[{"selectors":["name","nothing","labels.[3]"],"lang":"en"},{"selectors":["name"]}]"#,
            ),
            vec![
                "granular_markings[1] exactly-one",
                "granular_markings[0].selectors[1] selector",
                "granular_markings[0].selectors[2] selector",
            ],
        ),
        (
            domain(
                "attack-pattern",
                r#","name":"x","extensions":{"mine":{},"extension-definition--1":{"extension_type":"new-sdo"}}"#,
            ),
            vec!["extensions.mine extension", "extensions.extension-definition--1 extension"],
        ),
        (
            domain("language-content", r#","object_ref":"x","contents":{"español":{}}"#),
            vec!["object_ref identifier", "contents.español language"],
        ),
        (observable("ipv4-addr", r#","value":"999.1.1.1""#), vec!["value ipv4"]),
        (observable("ipv4-addr", r#","value":"192.168.0.0/01""#), vec!["value ipv4"]),
        (observable("ipv6-addr", r#","value":"fe80::1%eth0/64""#), vec![]),
        (observable("mac-addr", r#","value":"D2-FB-49-24-37-18""#), vec!["value mac"]),
        (observable("file", ""), vec![" at-least-one"]),
        (
            observable("file", r#","hashes":{"MD5":"x","SHA-256":"y"}"#),
            vec!["hashes.MD5 hash", "hashes.SHA-256 hash"],
        ),
        (
            observable("file", r#","name":"x","extensions":{"ntfs-ext":{}}"#),
            vec!["extensions.ntfs-ext at-least-one"],
        ),
        (
            observable(
                "file",
                r#","name":"x","extensions":{"windows-pebinary-ext":{"pe_type":"exe","sections":[{"size":-1}]}}"#,
            ),
            vec![
                "extensions.windows-pebinary-ext.sections[0].size range",
                "extensions.windows-pebinary-ext.sections[0] required",
            ],
        ),
        (
            observable("email-message", r#","is_multipart":true,"body":"x""#),
            vec!["body dependency"],
        ),
        (
            observable("network-traffic", r#","protocols":["tcp"],"src_port":70000"#),
            vec!["src_port range", " at-least-one"],
        ),
        (observable("windows-registry-key", r#","key":"hklm\\x""#), vec!["key registry-key"]),
        (
            observable("artifact", r#","url":"http://x.example""#),
            vec![" dependency", "id uuid-version"],
        ),
        (observable("software", r#","name":"x","cpe":"cpe:2.3:a:b""#), vec!["cpe cpe"]),
        (
            format!(r#"{{"type":"tool","id":"malware--{ID}"}}"#),
            vec!["id id", " required", " required", " required", " required"],
        ),
        (r#"{"id":"x"}"#.to_owned(), vec![" required"]),
        (r#"{"type":"Bad Type"}"#.to_owned(), vec!["type type", " required"]),
        ("[]".to_owned(), vec![" object"]),
    ] {
        assert_eq!(named(&object, Level::Must), musts, "{object}");
    }
}

#[test]
fn what_should_be_is_said_apart() {
    for (object, shoulds) in [
        (
            domain("identity", r#","name":"x","identity_class":"person","sectors":["energy","x"]"#),
            vec!["identity_class vocabulary", "sectors[1] vocabulary"],
        ),
        (domain("tool", r#","name":"x","mine":1"#), vec!["mine extensions-use"]),
        (
            domain("tool", r#","name":"x","my_hex":"0AFF""#),
            vec!["my_hex extensions-use", "my_hex hex-case"],
        ),
        (domain("x-acme", ""), vec!["type extensions-use"]),
        (
            domain(
                "attack-pattern",
                r#","name":"x","kill_chain_phases":[{"kill_chain_name":"A B","phase_name":"ok"}]"#,
            ),
            vec!["kill_chain_phases[0].kill_chain_name naming"],
        ),
        (
            domain(
                "relationship",
                &format!(
                    r#","relationship_type":"eats","source_ref":"tool--{ID}","target_ref":"malware--{ID}""#
                ),
            ),
            vec!["relationship_type relationship-types"],
        ),
        (
            domain(
                "relationship",
                &format!(
                    r#","relationship_type":"drops","source_ref":"tool--{ID}","target_ref":"malware--{ID}""#
                ),
            ),
            vec![],
        ),
        (
            observable(
                "network-traffic",
                &format!(
                    r#","protocols":["tcp"],"src_ref":"ipv4-addr--{ID}","extensions":{{"tcp-ext":{{"src_flags_hex":"00"}},"pdf-ext":{{"version":"1"}}}}"#
                ),
            ),
            vec![" recommended", " recommended", "extensions.pdf-ext extensions-use"],
        ),
        (
            format!(r#"{{"type":"url","id":"url--{ID}","value":"http://x.example"}}"#),
            vec!["id uuid-check"],
        ),
    ] {
        assert_eq!(named(&object, Level::Must), Vec::<String>::new(), "{object}");
        assert_eq!(named(&object, Level::Should), shoulds, "{object}");
    }
}

#[test]
fn a_finding_says_what_where_and_by_which_section() {
    let [finding] = &found(&domain("tool", r#","name":"x","first":"never""#))[..] else {
        panic!("there is one");
    };
    assert_eq!(
        finding.to_string(),
        "first: this is no property of the standard: an extension of type property-extension or \
         toplevel-property-extension should define it [extensions-use, STIX 2.1 section 7.3]"
    );
    // What every object has is of its own section, wherever it is.
    let bare = format!(r#"{{"type":"tool","id":"tool--{ID}","created":"x","labels":[]}}"#);
    let sections: Vec<_> = found(&bare).iter().map(|one| (one.rule, one.section)).collect();
    let required = |section| ("required", section);
    assert_eq!(
        sections,
        [
            ("timestamp", "3.2"),
            ("list", "2.12"),
            required("3.2"),
            required("3.2"),
            required("4.18"),
        ]
    );
    // What was sent is quoted without what a terminal would act on, and not at length.
    let long = format!(r#","name":"x","identity_class":"\u001b[31m{}""#, "y".repeat(1_000));
    let [finding] = &found(&domain("identity", &long))[..] else { panic!("there is one") };
    assert!(!finding.message.contains('\u{1b}') && finding.message.len() < 200);
}

#[test]
fn the_four_markings_of_tlp_1_are_valid_to_the_letter_only() {
    for marking in comity_stix::tlp::MARKINGS {
        let object = format!(
            r#"{{"type":"marking-definition","spec_version":"2.1","id":"{}","created":"{}",
            "definition_type":"tlp","name":"{}","definition":{{"tlp":"{}"}}}}"#,
            marking.id,
            comity_stix::tlp::CREATED,
            marking.name,
            marking.word
        );
        assert_eq!(named(&object, Level::Must), Vec::<String>::new());
        let other = object.replace(marking.word, "pink");
        assert_eq!(named(&other, Level::Must), [" tlp"]);
    }
}

#[test]
fn observables_by_key_refer_to_each_other() {
    let objects = |reference: &str| {
        domain(
            "observed-data",
            &format!(
                r#","first_observed":"2016-02-12T08:17:27Z","last_observed":"2016-02-12T08:17:27Z","number_observed":1,
                "objects":{{"0":{{"type":"file","name":"x","parent_directory_ref":"{reference}"}},"1":{{"type":"directory","path":"/"}}}}"#
            ),
        )
    };
    assert_eq!(named(&objects("1"), Level::Must), Vec::<String>::new());
    let path = "objects.0.parent_directory_ref reference";
    assert_eq!(named(&objects("0"), Level::Must), [path]);
    assert_eq!(named(&objects("7"), Level::Must), [path]);
}

#[test]
fn a_bundle_of_reports_is_valid_and_one_bad_object_hides_no_other() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/stix/apt1.json");
    let bytes = std::fs::read(path).unwrap();
    let all = validate_all(&bytes).unwrap();
    assert!(all.len() > 30 && all.iter().all(|one| one.index.is_some()));
    let musts = all.iter().flat_map(|one| &one.findings).filter(|f| f.level == Level::Must);
    assert_eq!(musts.collect::<Vec<_>>(), Vec::<&Finding>::new());
    let good = observable("ipv4-addr", r#","value":"10.0.0.1""#);
    let deep = "[".repeat(200) + &"]".repeat(200);
    let file = format!(
        r#"{{"type":"bundle","id":"bundle--{ID}","objects":[{good},{{"type":"tool","type":"tool"}},3,{deep},{good}]}}"#
    );
    let all = validate_all(file.as_bytes()).unwrap();
    let rules: Vec<_> =
        all.iter().map(|one| one.findings.first().map(|found| found.rule)).collect();
    assert_eq!(rules, [None, Some("json"), Some("object"), Some("json"), None]);
    assert_eq!(all.last().unwrap().index, Some(4));
    let twice = domain("tool", r#","name":"x""#);
    let file = format!(r#"{{"type":"bundle","id":"tool--{ID}","objects":[{twice},{twice}]}}"#);
    let all = validate_all(file.as_bytes()).unwrap();
    let own: Vec<_> = all[0].findings.iter().map(|found| found.rule).collect();
    assert_eq!((all[0].index, own), (None, vec!["id", "duplicate-ids"]));
    let file = format!(
        r#"{{"type":"bundle","id":"bundle--{ID}","id":"bundle--{ID}","objects":[{good}]}}"#
    );
    let all = validate_all(file.as_bytes()).unwrap();
    let own = all.last().unwrap();
    assert_eq!(
        (own.index, own.findings[0].rule),
        (None, "json"),
        "a member twice, in the bundle itself"
    );
    let inner = format!(r#"{{"type":"bundle","id":"bundle--{ID}","objects":[{good}]}}"#);
    let file = format!(r#"{{"type":"bundle","id":"bundle--{ID}","objects":[{inner}]}}"#);
    let all = validate_all(file.as_bytes()).unwrap();
    let own: Vec<_> = all[0].findings.iter().map(|found| &*found.path).collect();
    assert_eq!((all[0].index, own), (None, vec!["objects[0]"]), "a bundle is no object");
    assert!(validate_all(b"{\"type\":").is_err() && validate_all(b"").is_err());
}

#[test]
fn findings_of_one_object_are_bounded() {
    let many: String = (0..10_000).map(|n| format!(",\"BAD{n}\":null")).collect();
    assert_eq!(found(&domain("tool", &many)).len(), MOST);
}

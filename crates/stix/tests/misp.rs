//! MISP into STIX as MISP's own converter documents it, and back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeMap;

use comity_stix::{Level, json, misp, validate};
use serde_json::{Value, json as value};

const AUTHOR: &str = "a0c22599-9e58-4da4-96ac-7051603fa951";

fn documented(name: &str) -> BTreeMap<String, Value> {
    let path = format!("{}/../../data/misp/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "they are written where it is called")]
fn event(parts: Value) -> Value {
    let mut event = value!({
        "uuid": "a6ef17d6-91cb-4a05-b10b-2f045daf874c", "info": "Test", "timestamp": "1603642920",
        "published": true, "publish_timestamp": "1603642920",
        "Orgc": { "name": "MISP-Project", "uuid": AUTHOR },
    });
    event.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    value!({ "Event": event })
}

fn converted(event: &Value) -> Vec<Value> {
    let converted = misp::to_stix(event.to_string().as_bytes()).unwrap();
    assert_eq!(converted.left, [], "{event}");
    for object in &converted.objects {
        let text = object.to_string();
        let parsed = json::parse(text.as_bytes()).unwrap();
        let must: Vec<_> =
            validate(&parsed).into_iter().filter(|one| one.level == Level::Must).collect();
        // The document has its samples cut.
        let is_cut = text.contains("[...]") && must.iter().all(|one| one.path == "payload_bin");
        assert!(must.is_empty() || is_cut, "{object}: {must:?}");
    }
    converted.objects
}

fn by_id(objects: &[Value]) -> BTreeMap<&str, &Value> {
    objects.iter().map(|one| (one["id"].as_str().unwrap(), one)).collect()
}

#[test]
fn every_documented_attribute_becomes_what_the_document_says() {
    let all = documented("misp_attributes_to_stix21.json");
    assert!(all.len() >= 80);
    for (name, pair) in &all {
        let mut attribute = pair["MISP"].clone();
        attribute["to_ids"] = true.into();
        let made = converted(&event(value!({ "Attribute": [attribute] })));
        let made = by_id(&made);
        let wanted = match &pair["STIX"] {
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        for want in &wanted {
            let kind = want["type"].as_str().unwrap();
            if kind == "relationship" {
                let is = |one: &&&Value| {
                    ["relationship_type", "source_ref", "target_ref"]
                        .iter()
                        .all(|key| one[*key] == want[*key])
                };
                assert!(made.values().any(|one| is(&one)), "{name}: {want}");
                continue;
            }
            let got = made.get(want["id"].as_str().unwrap());
            let got = got.unwrap_or_else(|| panic!("{name}: no {}", want["id"]));
            for (key, wanted) in want.as_object().unwrap() {
                // Of the rules of other languages the document has brackets around, which are none of theirs, and
                // a version of STIX's patterns; of one test its conditions are in another order.
                let is_other = want["pattern_type"] != "stix";
                match key.as_str() {
                    "pattern_version" if is_other => {}
                    "pattern" if is_other => {
                        let text = wanted.as_str().unwrap();
                        assert_eq!(got["pattern"], text[1..text.len() - 1], "{name}");
                    }
                    "pattern" if name == "malware-sample" => {}
                    // The percent signs of LIKE mean nothing where something is equal, and STIX wants the name of a hive
                    // in full.
                    "pattern" if name.starts_with("regkey") => {
                        let full = "windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\Software";
                        assert!(got["pattern"].as_str().unwrap().contains(full), "{got}");
                    }
                    "key" if name.starts_with("regkey") => {
                        assert_eq!(got["key"], "HKEY_LOCAL_MACHINE\\Software\\mthjk");
                    }
                    _ => assert_eq!(&got[key], wanted, "{name}: {key} of {}", want["id"]),
                }
            }
        }
    }
}

#[test]
fn every_documented_cluster_becomes_what_the_document_says() {
    let all = documented("misp_galaxies_to_stix21.json");
    assert!(all.len() >= 27);
    for (name, pair) in &all {
        // Those of STIX itself are written by STIX's own galaxies, with other properties.
        if name.starts_with("STIX 2") || name == "Regions UN M49" {
            continue;
        }
        let made = converted(&event(value!({ "Galaxy": [pair["MISP"]] })));
        let made = by_id(&made);
        let want = &pair["STIX"];
        let got = made.get(want["id"].as_str().unwrap());
        let got = got.unwrap_or_else(|| panic!("{name}: no {}", want["id"]));
        for key in [
            "type",
            "external_references",
            "kill_chain_phases",
            "aliases",
            "labels",
            "country",
            "identity_class",
        ] {
            if key == "aliases" && ["Malware", "Tool", "Intrusion Set"].contains(&name.as_str()) {
                // The document repeats the name among them.
                continue;
            }
            assert_eq!(got.get(key), want.get(key), "{name}: {key}");
        }
        if want["type"] != "location" {
            assert_eq!(got["name"], want["name"], "{name}");
        }
    }
}

#[test]
fn markings_labels_sightings_and_what_has_no_type_come_along() {
    let made = converted(&event(value!({
        "Tag": [{ "name": "tlp:white" }, { "name": "PAP:AMBER" }, { "name": "kill-chain:Delivery" }],
        "Attribute": [
            {
                "uuid": "91ae0a21-c7ae-4c7f-b84b-b84a7ce53d1f", "type": "ip-dst", "value": "2001:db8::1", "to_ids": true,
                "category": "Network activity", "Tag": [{ "name": "tlp:amber+strict" }],
                "Sighting": [
                    { "uuid": "91ae0a21-c7ae-4c7f-b84b-b84a7ce53d20", "type": "0", "date_sighting": "1603642920" },
                    { "uuid": "91ae0a21-c7ae-4c7f-b84b-b84a7ce53d21", "type": "1", "date_sighting": "1603642920" },
                ],
            },
            { "type": "btc", "value": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "category": "Financial fraud" },
            { "type": "md5", "value": "gone", "deleted": true },
        ],
        "Object": [{
            "name": "domain-ip", "meta-category": "network", "uuid": "91ae0a21-c7ae-4c7f-b84b-b84a7ce53d30",
            "Attribute": [{ "type": "domain", "object_relation": "domain", "value": "evil.example", "category": "Network activity" }],
        }],
    })));
    let of = |kind: &str| {
        made.iter().find(|one| one["type"] == kind).unwrap_or_else(|| panic!("{kind}"))
    };
    let strict = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003";
    let pap = &of("marking-definition")["id"];
    assert_eq!(
        of("indicator")["object_marking_refs"],
        value!([strict, pap]),
        "its own of the one, the event's of the other"
    );
    assert_eq!(of("ipv6-addr")["value"], "2001:db8::1");
    assert_eq!(of("sighting")["sighting_of_ref"], of("indicator")["id"]);
    assert_eq!(of("opinion")["opinion"], "strongly-disagree");
    assert_eq!(of("x-misp-attribute")["x_misp_type"], "btc");
    assert!(
        !of("x-misp-object").to_string().contains("evil.example"),
        "it names what its attributes became, and says nothing of it"
    );
    assert!(
        of("x-misp-object")["x_misp_relations"]["domain"][0]
            .as_str()
            .unwrap()
            .starts_with("domain-name--")
    );
    assert_eq!(of("marking-definition")["name"], "PAP:AMBER");
    let report = of("report");
    assert_eq!(report["object_marking_refs"].as_array().unwrap().len(), 2);
    assert!(report["labels"].as_array().unwrap().contains(&"kill-chain:Delivery".into()));
    assert!(!made.iter().any(|one| one.to_string().contains("gone")));
}

#[test]
fn events_come_back_with_their_attributes() {
    let all = documented("misp_attributes_to_stix21.json");
    let attributes: Vec<Value> = all
        .values()
        .enumerate()
        .map(|(number, pair)| {
            let mut attribute = pair["MISP"].clone();
            attribute["to_ids"] = true.into();
            attribute["uuid"] = format!("00000000-0000-4000-8000-{number:012}").into();
            attribute
        })
        .collect();
    let made =
        converted(&event(value!({ "Attribute": attributes, "Tag": [{ "name": "tlp:green" }] })));
    let events = misp::events(&made, "Northland", 1_603_642_920);
    assert_eq!(events.len(), 1, "all of it is in the report");
    let event = &events[0].value;
    assert_eq!((&event["info"], &event["date"]), (&value!("Test"), &value!("2020-10-25")));
    assert_eq!(event["Tag"], value!([{ "name": "tlp:green" }]));
    assert_eq!(event["Orgc"]["uuid"], AUTHOR);
    let back: Vec<(String, String)> = event["Attribute"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["type"].as_str().unwrap().to_owned(), one["value"].as_str().unwrap().to_owned())
        })
        .collect();
    for wanted in [
        ("domain", "circl.lu"),
        ("ip-dst", "5.6.7.8"),
        ("ip-src", "1.2.3.4"),
        ("md5", "b2a5abfeef9e36964281a31e17b57c97"),
        (
            "sha3-512",
            "fdd67b8bd14e66e4b4fd9b67cff26e8e8d254569e5977c41a1bf11a33ddd758681d8f0a891be4c6c728509e2cbf20ea272a443b2a494fe52e85a3f45954db748",
        ),
        ("filename", "test_file_name"),
        ("vulnerability", "CVE-2017-11774"),
        ("regkey", "HKEY_LOCAL_MACHINE\\Software\\mthjk"),
        ("x509-fingerprint-sha1", "46aba99aa7158e4609aaa72b50990842fd22ae86"),
        ("email-src", "src@email.test"),
    ] {
        assert!(
            back.contains(&(wanted.0.to_owned(), wanted.1.to_owned())),
            "{wanted:?} in {back:#?}"
        );
    }
    assert!(
        back.iter().any(|one| one.0 == "yara") && back.iter().any(|one| one.0 == "stix2-pattern")
    );
}

#[test]
fn real_events_are_read_whole() {
    let path = format!(
        "{}/../../data/misp/57c4445b-c548-4654-af0b-4be3950d210f.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let bytes = std::fs::read(path).unwrap();
    assert!(misp::is_event(&bytes));
    let event: Value = serde_json::from_slice(&bytes).unwrap();
    let made = converted(&event);
    let text = value!(made).to_string();
    for attribute in event["Event"]["Attribute"].as_array().unwrap() {
        let value = serde_json::to_string(attribute["value"].as_str().unwrap().trim()).unwrap();
        let value = value.trim_matches('"');
        // Of two in one each is there by itself.
        let parts = value.split('|').all(|part| text.contains(part));
        assert!(text.contains(value) || parts, "{value}");
    }
}

#[test]
fn what_is_no_event_is_refused() {
    for bytes in
        ["", "7", "[]", "{}", r#"{"response":[]}"#, r#"{"type":"bundle"}"#, "{\"Event\":7}"]
    {
        assert!(misp::to_stix(bytes.as_bytes()).is_err(), "{bytes}");
        assert!(
            !misp::is_event(bytes.as_bytes())
                || bytes.contains("Event")
                || bytes.contains("response"),
            "{bytes}"
        );
    }
    let odd = r#"{"Event":{"info":7,"Attribute":[7,{"type":"ip-src","value":"x"},{"type":"AS","value":"-"},{"value":"a"}],"Object":{}}}"#;
    let converted = misp::to_stix(odd.as_bytes()).unwrap();
    assert_eq!(converted.left.len(), 2, "{:?}", converted.left);
    assert!(converted.objects.iter().any(|one| one["x_misp_value"] == "x"));
}

//! MISP into STIX as MISP's own converter documents it, and back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::{BTreeMap, BTreeSet};

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
        let pair: Value = serde_json::from_str(&whole(&pair.to_string())).unwrap();
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
                    // The document asks one object to be a name and traffic.
                    "pattern" if name == "hostname|port" => {
                        let text = got["pattern"].as_str().unwrap();
                        assert!(text.contains("dst_ref.value = 'circl.lu'"), "{got}");
                    }
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

/// Samples whose middle the document has cut out, as some that can be read.
fn whole(text: &str) -> String {
    let of = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let mut parts = text.split("[...]");
    let mut made = parts.next().unwrap().to_owned();
    for part in parts {
        made.truncate(made.trim_end_matches(of).len());
        made.push_str("AAAA");
        made.push_str(part.trim_start_matches(of));
    }
    made
}

/// Those that MISP's own converter makes of several objects that refer to each other, or of a tree of processes: they go
/// in parts here.
const IN_PARTS: [&str; 5] = [
    "annotation",
    "file with references to pe & pe-section(s)",
    "pe & pe-sections",
    "process",
    "registry-key with references to registry-key-value(s)",
];

#[test]
fn every_documented_object_becomes_what_the_document_says() {
    let all = documented("misp_objects_to_stix21.json");
    assert!(all.len() >= 56);
    for (name, pair) in all.iter().filter(|(name, _)| !IN_PARTS.contains(&name.as_str())) {
        let pair: Value = serde_json::from_str(&whole(&pair.to_string())).unwrap();
        let made = converted(&event(value!({ "Object": [pair["MISP"]] })));
        let made = by_id(&made);
        let wanted = match &pair["STIX"] {
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        for want in &wanted {
            let kind = want["type"].as_str().unwrap();
            // Of one nothing says that it is looked for, and the document looks for a part of it.
            let is_silent = name.starts_with("domain-ip with");
            if is_silent && ["relationship", "indicator"].contains(&kind) {
                continue;
            }
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
            let got = got.unwrap_or_else(|| panic!("{name}: no {} in {made:#?}", want["id"]));
            for (key, wanted) in want.as_object().unwrap() {
                // Which of them is named first says nothing.
                if key == "object_refs" {
                    let sorted = |list: &Value| {
                        let mut all: Vec<_> =
                            list.as_array().unwrap().iter().map(Value::to_string).collect();
                        all.sort_unstable();
                        all
                    };
                    assert_eq!(sorted(&got[key]), sorted(wanted), "{name}");
                    continue;
                }
                // Of the rules of other languages the document names a version of STIX's patterns; of headers the
                // standard wants lists; and no traffic has an address and a domain, or two paths, at once.
                let is_other =
                    key == "pattern_version" && wanted == "2.1" && want["pattern_type"] != "stix";
                let is_header = key == "extensions" && wanted["http-request-ext"].is_object();
                let is_both =
                    key == "pattern" && wanted.to_string().contains("dst_ref.type = 'domain-name'");
                if is_silent && key == "labels" || is_other || is_header || is_both {
                    continue;
                }
                let got = &got[key.to_ascii_lowercase()];
                assert_eq!(got, wanted, "{name}: {key} of {}", want["id"]);
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
            "name": "of-our-own", "meta-category": "network", "uuid": "91ae0a21-c7ae-4c7f-b84b-b84a7ce53d30",
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

/// A client reads nothing of an event in which one attribute has a type or a category that it does not know.
#[test]
fn what_misp_does_not_know_goes_as_other() {
    let made = converted(&event(value!({
        "Tag": [{ "name": "tlp:clear" }],
        "Attribute": [
            { "type": "of-our-own", "value": "x1", "category": "Our things", "comment": "seen" },
            { "type": "btc", "value": "1A1z", "category": "Our things" },
        ],
    })));
    let events = misp::events(&made, "Northland", 1_603_642_920);
    let attributes = events[0].value["Attribute"].as_array().unwrap();
    let of = |value: &str| attributes.iter().find(|one| one["value"] == value).unwrap();
    let own = of("x1");
    assert_eq!((&own["type"], &own["category"]), (&value!("other"), &value!("Other")));
    assert_eq!(own["comment"], "of-our-own: seen");
    assert_eq!(
        (&of("1A1z")["type"], &of("1A1z")["category"]),
        (&value!("btc"), &value!("Financial fraud"))
    );
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
    assert!(back.iter().any(|one| one.0 == "yara"));
    assert!(back.iter().all(|one| one.0 != "stix2-pattern"), "each is what it was");
    // What was none of MISP's is what MISP has for it.
    let foreign = value!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{AUTHOR}"),
        "created": "2020-10-25T16:22:00.000Z", "modified": "2020-10-25T16:22:00.000Z",
        "pattern": "[file:size > 7 AND file:name = 'x']", "pattern_type": "stix",
        "valid_from": "2020-10-25T16:22:00Z",
    });
    let event = &misp::events(&[foreign], "Northland", 1_603_642_920)[0].value;
    assert_eq!(event["Attribute"][0]["type"], "stix2-pattern");
}

/// Every attribute comes back as what it was: its type, its value, its bytes, whether it is looked for.
#[test]
fn every_documented_attribute_comes_back() {
    for (name, pair) in documented("misp_attributes_to_stix21.json") {
        for wanted in [true, false] {
            let mut attribute = pair["MISP"].clone();
            attribute["to_ids"] = wanted.into();
            let made = converted(&event(value!({ "Attribute": [attribute] })));
            let events = misp::events(&made, "Northland", 1_603_642_920);
            let [back] = events[0].value["Attribute"].as_array().unwrap().as_slice() else {
                panic!("{name}: {}", events[0].value["Attribute"])
            };
            for key in ["uuid", "type", "category", "data", "comment"] {
                let said = attribute.get(key).filter(|said| **said != "");
                let got = back.get(key).filter(|said| **said != "");
                assert_eq!(got, said, "{name}: {key}");
            }
            // The hive of a key has its name in full.
            let full =
                |value: &Value| value.as_str().unwrap().replace("HKLM\\", "HKEY_LOCAL_MACHINE\\");
            assert_eq!(full(&back["value"]), full(&attribute["value"]), "{name}");
            // Rules are rules, whoever looks; of a campaign or an actor nothing is looked for.
            let always = ["yara", "sigma", "snort", "suricata"];
            let never = ["campaign-name", "threat-actor", "vulnerability"];
            let kind = attribute["type"].as_str().unwrap();
            if !always.contains(&kind) && !never.contains(&kind) {
                assert_eq!(back["to_ids"], wanted, "{name}");
            }
        }
    }
}

#[test]
fn every_documented_object_comes_back() {
    for (name, pair) in documented("misp_objects_to_stix21.json") {
        let pair: Value = serde_json::from_str(&whole(&pair.to_string())).unwrap();
        let mut objects = match &pair["MISP"] {
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        // Of one the document has two under the same UUID, which is one.
        for object in &mut objects {
            let mut seen = BTreeSet::new();
            let attributes = object["Attribute"].as_array_mut().unwrap();
            attributes.retain(|one| one.get("uuid").is_none_or(|own| seen.insert(own.to_string())));
        }
        let made = converted(&event(value!({ "Object": objects })));
        let events = misp::events(&made, "Northland", 1_603_642_920);
        assert_eq!(events[0].value["Attribute"], value!([]), "{name}: each is in its object");
        let back = events[0].value["Object"].as_array().unwrap();
        assert_eq!(back.len(), objects.len(), "{name}");
        for object in &objects {
            let same = back.iter().find(|one| one["uuid"] == object["uuid"]).unwrap();
            for key in ["name", "meta-category"] {
                assert_eq!(same[key], object[key], "{name}");
            }
            let said = |object: &Value| {
                let attributes = object["Attribute"].as_array().unwrap().iter();
                let mut all: Vec<_> = attributes.map(|one| spelled(one, &name)).collect();
                all.sort_unstable();
                all
            };
            assert_eq!(said(same), said(object), "{name}");
        }
    }
}

/// What an attribute of an object says, as far as STIX has a place for it.
fn spelled(one: &Value, template: &str) -> String {
    let relation = one["object_relation"].as_str().unwrap();
    let value = match &one["value"] {
        Value::Bool(truth) => u8::from(*truth).to_string(),
        Value::String(text) => text.trim().replace("+00:00", "Z"),
        other => other.to_string(),
    };
    let value = match relation {
        // What bytes are called without a file is not said, and protocols are in small letters.
        "payload_bin" => "payload".to_owned(),
        _ if relation.ends_with("protocol") => value.to_ascii_lowercase(),
        _ => value,
    };
    format!("{template}: {relation} {} {value} {}", one["type"], one["data"])
}

/// Whoever reads an event made of it sees what was said of it: clusters, who saw it, who doubts it, how bad it is; and
/// the markings of everything that an attribute was made of.
#[test]
fn what_is_said_of_attributes_and_events_comes_back() {
    let galaxies = documented("misp_galaxies_to_stix21.json");
    let cluster = |name: &str| galaxies[name]["MISP"].clone();
    let (actor, malware) = (cluster("Threat Actor"), cluster("Malware"));
    let uuid = |last: u8| format!("91ae0a21-c7ae-4c7f-b84b-b84a7ce53d{last:02}");
    let org = |last: u8| value!({ "name": format!("CERT {last}"), "uuid": uuid(last + 50) });
    let sighting = |last: u8, kind: &str| {
        value!({
            "uuid": uuid(last), "type": kind, "date_sighting": "1603642920",
            "Organisation": org(last),
        })
    };
    let given = event(value!({
        "threat_level_id": "1", "analysis": "0", "Galaxy": [actor], "published": true,
        "publish_timestamp": "1603700000",
        "EventReport": [{ "uuid": uuid(9), "name": "what we saw", "content": "It began on Friday." }],
        "Attribute": [{
            "uuid": uuid(8), "type": "yara", "value": "rule a { condition: true }", "to_ids": false,
            "category": "Payload installation",
        }, {
            "uuid": uuid(7), "type": "vulnerability", "value": "CVE-2024-3094", "to_ids": true,
            "category": "External analysis",
        }, {
            "uuid": uuid(1), "type": "ip-dst", "value": "203.0.113.7", "to_ids": true, "comment": "C2",
            "category": "Network activity", "Galaxy": [malware],
            "Sighting": [sighting(2, "0"), sighting(3, "1")],
        }],
        "Object": [{
            "uuid": uuid(4), "name": "domain-ip", "meta-category": "network",
            "ObjectReference": [{
                "uuid": uuid(6), "object_uuid": uuid(4), "referenced_uuid": uuid(1),
                "relationship_type": "resolves-to",
            }],
            "Attribute": [{
                "uuid": uuid(5), "type": "domain", "object_relation": "domain", "value": "evil.example",
                "category": "Network activity", "to_ids": true,
            }],
        }],
    }));
    let mut made = converted(&given);
    let resolves = made.iter().find(|one| one["relationship_type"] == "resolves-to").unwrap();
    let ends = [&resolves["source_ref"], &resolves["target_ref"]];
    assert_eq!(ends, [&format!("indicator--{}", uuid(4)), &format!("indicator--{}", uuid(1))]);
    // Somebody marks the address alone.
    let address = made.iter_mut().find(|one| one["type"] == "ipv4-addr").unwrap();
    let red = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";
    address["object_marking_refs"] = value!([red]);
    let back = misp::events(&made, "Northland", 1_603_642_920).remove(0).value;
    assert_eq!((&back["threat_level_id"], &back["analysis"]), (&value!("1"), &value!("0")));
    let tags = |one: &Value| -> Vec<String> {
        let all = one["Tag"].as_array().into_iter().flatten();
        all.map(|tag| tag["name"].as_str().unwrap().to_owned()).collect()
    };
    let value_of = |galaxy: &Value| galaxy["GalaxyCluster"][0]["value"].clone();
    assert_eq!(value_of(&back["Galaxy"][0]), value_of(&given["Event"]["Galaxy"][0]));
    assert!(tags(&back).iter().all(|tag| tag.starts_with("misp-galaxy:threat-actor=")));
    assert_eq!(back["publish_timestamp"], "1603700000");
    assert_eq!(back["EventReport"][0]["content"], "It began on Friday.");
    let of = |kind: &str| {
        let all = back["Attribute"].as_array().unwrap();
        all.iter().find(|one| one["type"] == kind).unwrap_or_else(|| panic!("{kind}"))
    };
    assert_eq!(
        (&of("yara")["to_ids"], &of("vulnerability")["to_ids"]),
        (&value!(false), &value!(true))
    );
    let attribute = of("ip-dst");
    assert_eq!(back["Attribute"].as_array().unwrap().len(), 3);
    let theirs = &given["Event"]["Attribute"][2]["Galaxy"][0];
    assert_eq!(value_of(&attribute["Galaxy"][0]), value_of(theirs));
    assert_eq!(attribute["comment"], "C2");
    assert_eq!(tags(attribute)[0], "tlp:red", "{:?}", tags(attribute));
    let kinds: Vec<_> = attribute["Sighting"].as_array().unwrap().iter().collect();
    assert_eq!((&kinds[0]["type"], &kinds[1]["type"]), (&value!("0"), &value!("1")));
    let who = |at: usize| kinds[at]["Organisation"].clone();
    assert_eq!((who(0), who(1)), (org(2), org(3)));
    let object = &back["Object"][0]["Attribute"][0];
    assert_eq!((&object["value"], &object["to_ids"]), (&value!("evil.example"), &value!(true)));
}

/// What MISP says beside values comes back: in which of its objects they stand and what refers to what, when they were
/// seen, which day the event is of, tags in whatever shape, clusters without a form in STIX.
#[test]
fn nothing_that_an_event_says_is_lost_on_the_way_there_and_back() {
    let uuid = |last: u8| format!("91ae0a21-c7ae-4c7f-b84b-b84a7ce53d{last:02}");
    let name = |last: u8, relation: &str| {
        value!({
            "uuid": uuid(last), "type": "filename", "object_relation": relation, "value": "a.exe",
            "category": "Payload delivery", "to_ids": true,
        })
    };
    let flow = |last: u8, relation: &str, kind: &str, value: &str| {
        value!({
            "uuid": uuid(last), "type": kind, "object_relation": relation, "value": value,
            "category": "Network activity",
        })
    };
    let given = event(value!({
        "date": "2018-04-09", "Tag": ["tlp:red", "misp-galaxy:tool=\"Nobody knows\""],
        "EventTag": [{ "Tag": { "name": "PAP:RED" } }],
        "Galaxy": [{ "type": "guidelines", "name": "Guidelines", "GalaxyCluster": [{ "value": "One", "type": "guidelines", "tag_name": "misp-galaxy:guidelines=\"One\"" }] }],
        "Attribute": [
            { "uuid": uuid(1), "type": "btc", "value": "1A1z", "category": "Financial fraud", "to_ids": true },
            { "uuid": uuid(2), "type": "domain", "value": "evil.example", "category": "Network activity",
              "first_seen": "2018-04-01T10:00:00.000000+00:00", "last_seen": "2018-04-09T10:00:00.123000+00:00" },
            { "uuid": uuid(3), "type": "link", "value": "no scheme here", "category": "External analysis" },
        ],
        "Object": [
            { "uuid": uuid(10), "name": "pe", "meta-category": "file", "Attribute": [name(11, "original-filename"), name(12, "internal-filename")],
              "ObjectReference": [{ "uuid": uuid(13), "object_uuid": uuid(10), "referenced_uuid": uuid(2), "relationship_type": "connects-to" }] },
            { "uuid": uuid(20), "name": "netflow", "meta-category": "network",
              "Attribute": [flow(21, "ip-src", "ip-src", "192.0.2.1"), flow(22, "ip-dst", "ip-dst", "192.0.2.2"), flow(23, "protocol", "text", "tcp")],
              "ObjectReference": [{ "uuid": uuid(24), "object_uuid": uuid(20), "referenced_uuid": uuid(10), "relationship_type": "caused-by" }] },
        ],
    }));
    let made = converted(&given);
    let back = misp::events(&made, "Northland", 1_603_642_920).remove(0).value;
    assert_eq!(back["date"], "2018-04-09");
    let tags: Vec<_> = back["Tag"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for tag in ["tlp:red", "PAP:RED", "misp-galaxy:tool=\"Nobody knows\""] {
        assert!(tags.iter().any(|known| **known == tag), "{tag} in {tags:?}");
    }
    let of = |last: u8| {
        let all = back["Attribute"].as_array().unwrap();
        all.iter().find(|one| one["uuid"] == uuid(last)).unwrap_or_else(|| panic!("{last}"))
    };
    assert_eq!((&of(1)["to_ids"], &of(3)["value"]), (&value!(true), &value!("no scheme here")));
    assert_eq!(of(2)["first_seen"], "2018-04-01T10:00:00+00:00");
    assert_eq!(of(2)["last_seen"], "2018-04-09T10:00:00.123+00:00");
    let objects = back["Object"].as_array().unwrap();
    let object = |last: u8| objects.iter().find(|one| one["uuid"] == uuid(last)).unwrap();
    assert_eq!(object(10)["Attribute"].as_array().unwrap().len(), 2);
    let reference = |last: u8| {
        let one = &object(last)["ObjectReference"][0];
        (one["referenced_uuid"].clone(), one["relationship_type"].clone())
    };
    assert_eq!(reference(10), (value!(uuid(2)), value!("connects-to")));
    assert_eq!(reference(20), (value!(uuid(10)), value!("caused-by")));
    assert_eq!(object(20)["Attribute"].as_array().unwrap().len(), 3);
    // Whoever it is of and what it is about are marked as the event is.
    for one in made.iter().filter(|one| one["type"] != "marking-definition") {
        let marked = one["object_marking_refs"].as_array().map_or(0, Vec::len);
        assert_eq!(marked, 2, "{one}");
    }
}

/// The strictest label of all that was used goes along, of parts and of what is said about it too.
#[test]
fn what_goes_out_carries_the_strictest_label_of_all_that_it_was_made_of() {
    let (red, unknown) = (
        "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
        "marking-definition--00000000-0000-4000-8000-00000000000f",
    );
    let clear = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487";
    let id = |kind: &str| format!("{kind}--{AUTHOR}");
    let indicator = |more: Value| {
        let mut one = value!({
            "type": "indicator", "spec_version": "2.1", "id": id("indicator"), "pattern_type": "stix",
            "created": "2020-10-25T16:22:00.000Z", "modified": "2020-10-25T16:22:00.000Z",
            "pattern": "[domain-name:value = 'evil.example']", "valid_from": "2020-10-25T16:22:00Z",
            "description": "secret", "object_marking_refs": [clear],
        });
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one
    };
    let note = value!({
        "type": "opinion", "spec_version": "2.1", "id": id("opinion"), "opinion": "strongly-disagree",
        "created": "2020-10-25T16:22:00.000Z", "modified": "2020-10-25T16:22:00.000Z",
        "object_refs": [id("indicator")], "object_marking_refs": [red],
    });
    let parts =
        value!({ "granular_markings": [{ "marking_ref": red, "selectors": ["description"] }] });
    for objects in [
        vec![indicator(parts)],
        vec![indicator(value!({ "object_marking_refs": [clear, unknown] }))],
        vec![indicator(value!({})), note],
    ] {
        let event = &misp::events(&objects, "Northland", 0)[0].value;
        let tags = &event["Attribute"][0]["Tag"];
        assert_eq!(tags, &value!([{ "name": "tlp:red" }]), "{objects:#?}");
    }
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

/// Of two things with one UUID the second is named, and not lost in silence; a repetition is none.
#[test]
fn what_comes_under_a_uuid_that_is_taken_is_said() {
    let attribute = |value: &str| {
        value!({
            "uuid": "5f2d6ac1-7a44-4d5f-9f4c-2b6d3c9d1e01", "type": "domain", "category": "Network activity",
            "value": value, "to_ids": 1, "timestamp": "1603642920",
        })
    };
    let made = |values: [&str; 2]| {
        let event = event(value!({ "Attribute": values.map(attribute) }));
        misp::to_stix(event.to_string().as_bytes()).unwrap()
    };
    assert_eq!(made(["one.example", "one.example"]).left, []);
    let made = made(["one.example", "two.example"]);
    let left: Vec<&str> = made.left.iter().map(|(what, _)| what.as_str()).collect();
    let of = "5f2d6ac1-7a44-4d5f-9f4c-2b6d3c9d1e01";
    assert_eq!(left, [format!("domain-name--{of}"), format!("indicator--{of}")]);
    assert!(made.objects.iter().any(|one| one.to_string().contains("one.example")));
}

/// Clusters that STIX has no object for come back too, and each under its own value, with all of its numbers.
#[test]
fn every_cluster_comes_back() {
    let galaxy = |of: &str, value: &str, meta: Value| {
        value!({
            "uuid": "c4e851fa-775f-11e7-8163-b774922098cd", "name": of, "type": of,
            "GalaxyCluster": [{
                "uuid": "7e6a1d3c-0d8e-4a53-8a52-3f4b5f0e7c11", "type": of, "value": value,
                "tag_name": format!("misp-galaxy:{of}=\"{value}\""), "description": "about", "meta": meta,
            }],
        })
    };
    for (of, value, meta) in [
        ("guidelines", "Leak of information", value!({ "date": "May 2018", "none": [] })),
        (
            "mitre-attack-pattern",
            "Discovery - T1069",
            value!({ "external_id": ["CAPEC-576", "T1069"] }),
        ),
        ("mitre-malware", "Without a number", value!({ "external_id": ["S0045"] })),
        ("stealer", "TeleGrab", value!({ "refs": ["https://example.com/"] })),
        (
            "threat-actor",
            "Names of its own",
            value!({ "origin:TEMP.HEX": "tempHex", "cfr-type-of-incident": ["Espionage"], "a_ref": "b" }),
        ),
        ("sector", "Energy", value!({ "synonyms": ["Power"] })),
        ("target-information", "Germany", value!({ "synonyms": ["Deutschland"], "ISO3": "DEU" })),
    ] {
        let one = galaxy(of, value, meta.clone());
        let made = converted(&event(value!({ "Galaxy": [one] })));
        let events = misp::events(&made, "Northland", 1_603_642_920);
        let back = &events[0].value["Galaxy"][0];
        assert_eq!(back["uuid"], one["uuid"], "{of}");
        let (back, one) = (&back["GalaxyCluster"][0], &one["GalaxyCluster"][0]);
        for key in ["uuid", "value", "tag_name", "description", "type"] {
            assert_eq!(back[key], one[key], "{of}: {key}");
        }
        for (name, said) in meta.as_object().unwrap() {
            let (mut said, mut got) = (said.clone(), back["meta"][name].clone());
            for list in [&mut said, &mut got] {
                if let Some(all) = list.as_array_mut() {
                    all.sort_by_key(ToString::to_string);
                }
            }
            if said != value!([]) {
                assert_eq!(got, said, "{of}: {name}");
            }
        }
    }
}

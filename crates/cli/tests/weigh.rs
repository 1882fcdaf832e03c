//! `comity weigh` and `comity measure` as their users call them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::Value;

const EXAMPLE: &str = "../weigh/tests/example.json";

fn comity(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_comity")).args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_case_is_weighed_in_words_in_json_as_a_report_and_as_stix() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (html, stix) = (at("r.html"), at("b.json"));
    let arguments =
        ["weigh", "run", EXAMPLE, "--html", &html, "--stix", &stix, "--at", "2026-11-25T08:00:00Z"];
    let run = comity(&arguments);
    assert_eq!(run.status.code(), Some(0), "{}", error(&run));
    let bundle = std::fs::read(at("b.json")).unwrap();
    comity(&arguments);
    assert_eq!(std::fs::read(at("b.json")).unwrap(), bundle, "the same bytes on every run");
    let valid = comity(&["stix", "validate", &at("b.json")]);
    assert_eq!(valid.status.code(), Some(0), "{}", out(&valid));
    // A chain that does not have every link is a bundle that is valid too.
    let (chain, other) = (EXAMPLE.replace("example.json", "tasking.json"), at("c.json"));
    let of_chain =
        comity(&["weigh", "run", &chain, "--stix", &other, "--at", "2026-11-25T08:00:00Z"]);
    assert_eq!(of_chain.status.code(), Some(0), "{}", error(&of_chain));
    let valid = comity(&["stix", "validate", &other]);
    assert_eq!(valid.status.code(), Some(0), "{}", out(&valid));
    for wanted in [
        "As P sees it: H1_unit_tasked_by_state_X",
        "98.65 % (almost certain, ICD 203)",
        "without r4, r5, r2, r3, H2_independent_hackers_in_X draws level",
        "nothing of the evidence: the conclusion rests on the prior",
        "If Q rated r4 as P does, it would hold H1_unit_tasked_by_state_X",
    ] {
        assert!(out(&run).contains(wanted), "{wanted}\n{}", out(&run));
    }
    // The report fetches nothing and runs nothing, and every drawing has its table.
    let html = std::fs::read_to_string(at("r.html")).unwrap();
    for foreign in ["<script", "http", "url(", "<link", "<img"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert_eq!(html.matches("<svg").count(), 7);
    assert!(html.matches("<table").count() >= 7);
    // Every reference of the bundle is in the bundle, and no party's word stands as a fact.
    let bundle: Value = serde_json::from_slice(&std::fs::read(at("b.json")).unwrap()).unwrap();
    let objects = bundle["objects"].as_array().unwrap();
    let ids: BTreeSet<&str> = objects.iter().map(|object| object["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), objects.len());
    let mut kinds = BTreeSet::new();
    for object in objects {
        kinds.insert(object["type"].as_str().unwrap());
        for (name, value) in object.as_object().unwrap() {
            let refs = match value {
                Value::String(id) if name.ends_with("_ref") => vec![id.as_str()],
                Value::Array(ids) if name.ends_with("_refs") => {
                    ids.iter().filter_map(Value::as_str).collect()
                }
                _ => Vec::new(),
            };
            assert!(refs.iter().all(|id| ids.contains(id)), "{object}");
        }
        if object["relationship_type"] == "attributed-to" {
            assert_eq!(object["labels"], serde_json::json!(["disputed"]));
            assert!(object["created_by_ref"].is_string() && object["confidence"].is_u64());
        }
    }
    for kind in
        ["report", "grouping", "opinion", "relationship", "identity", "extension-definition"]
    {
        assert!(kinds.contains(kind), "{kind}");
    }
    let compared = comity(&["weigh", "compare", EXAMPLE, "--json"]);
    let compared: Value = serde_json::from_str(&out(&compared)).unwrap();
    assert_eq!(compared["crux_set_Q_to_prefer_H1_over_H2"], serde_json::json!(["r4"]));
    let explained = comity(&["weigh", "explain", EXAMPLE]);
    assert!(out(&explained).contains("859902263376/871629159799"), "{}", out(&explained));
}

#[test]
fn what_is_wrong_with_a_case_stops_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case.json");
    let example = std::fs::read_to_string(EXAMPLE).unwrap();
    for (find, replace, wanted) in [
        ("\"src\": \"S1\"", "\"src\": \"S9\"", "evidence.E1_ip_block_in_X.src: there is no source"),
        ("    6000,\n    6000", "    0,\n    6000", "evidence.E1_ip_block_in_X.P[0]"),
        ("\"E2_vendor_report_repeats_E1\"", "\"E1_ip_block_in_X\"", "stands twice"),
    ] {
        std::fs::write(&path, example.replacen(find, replace, 1)).unwrap();
        let run = comity(&["weigh", "run", &path.to_string_lossy()]);
        assert_eq!(run.status.code(), Some(2));
        assert!(error(&run).contains(wanted), "{}", error(&run));
    }
    let none = comity(&["weigh", "run", "no-such-file.json"]);
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn counts_and_costs_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let mut counts = "from,count\n".to_owned();
    for month in 0..60 {
        let count = if month < 30 { 9 + month % 3 } else { 3 + month % 2 };
        counts.push_str(&format!("{}-{:02},{count}\n", 2010 + month / 12, 1 + month % 12));
    }
    std::fs::write(path("counts.csv"), counts).unwrap();
    let run =
        comity(&["measure", "effect", &path("counts.csv"), "--event", "2012-07-01", "--json"]);
    let found: Value = serde_json::from_str(&out(&run)).unwrap();
    assert_eq!((&found["verdict"], &found["before"]), (&"shown".into(), &30.into()), "{found}");
    assert!(found["smallest_drop"].is_f64());
    let again =
        comity(&["measure", "effect", &path("counts.csv"), "--event", "2012-07-01", "--json"]);
    assert_eq!(run.stdout, again.stdout, "the same bits");
    std::fs::write(path("stocks.csv"), "from,active\n2010-01,3\n").unwrap();
    let stocks = comity(&["measure", "effect", &path("stocks.csv"), "--event", "2012-07-01"]);
    assert_eq!(stocks.status.code(), Some(2));
    assert!(error(&stocks).contains("these are stocks"), "{}", error(&stocks));
    let loss = r#"{"figures": [{"name": "thefts", "kind": "direct", "source": "a survey",
        "scope": {"place": "Northland", "sector": "all", "year": 2026, "currency": "NOK"},
        "frequency": {"poisson": 2}, "severity": {"lognormal": {"low": 1e4, "high": 1e6}}}]}"#;
    std::fs::write(path("loss.json"), loss).unwrap();
    let run = comity(&["measure", "loss", &path("loss.json")]);
    assert_eq!(run.status.code(), Some(0), "{}", error(&run));
    assert!(out(&run).contains("direct: Northland, all, 2026, in NOK a year"), "{}", out(&run));
}

//! The worked example of the method, to the last fraction.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use comity_weigh::{Input, run};
use serde_json::{Map, Value};

const EXAMPLE: &str = include_str!("example.json");

/// Whether everything that is wanted is there, and equal: numbers as numbers.
fn holds(wanted: &Value, found: &Value, place: &str) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (name, value) in wanted {
                let there = found.get(name).unwrap_or_else(|| panic!("{place}.{name} is missing"));
                holds(value, there, &format!("{place}.{name}"));
            }
        }
        (Value::Array(wanted), Value::Array(found)) => {
            assert_eq!(wanted.len(), found.len(), "{place}");
            for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                holds(wanted, found, &format!("{place}[{index}]"));
            }
        }
        (Value::Number(wanted), Value::Number(found)) => {
            assert_eq!(wanted.as_f64(), found.as_f64(), "{place}");
        }
        _ => assert_eq!(wanted, found, "{place}"),
    }
}

#[test]
fn the_worked_example_holds_to_the_last_fraction() {
    let wanted: Map<String, Value> = serde_json::from_str(EXAMPLE).unwrap();
    let run = run(Input::parse(EXAMPLE).unwrap());
    let found = run.to_json(EXAMPLE).unwrap();
    holds(&wanted["results"], &found["results"], "results");
    let compared = run.question.as_ref().unwrap().comparison_json();
    let names: Vec<_> =
        wanted.keys().filter(|n| n.starts_with("party_") || n.starts_with("crux_")).collect();
    assert_eq!(names.len(), 3);
    for name in names {
        holds(&wanted[name], &compared[name], name);
    }
}

/// A chain whose links come out at the example's: two hypotheses and one witness make any share.
#[test]
fn a_chain_is_the_product_of_its_links_and_stops_where_one_is_not_shown() {
    let link = |name: &str, num: u32, den: u32, row: &str| {
        let rest = den - num;
        format!(
            r#"{{"name": "{name}", "hypotheses": ["claim", "other"], "grades": {{"A": "1/1"}},
                "sources": {{"s": {{"grade": "A", "coi": false}}}},
                "evidence": {{"e": {{"src": "s", "public": true, "P": {row}}}}},
                "priors": {{"P": ["{num}/{den}", "{rest}/{den}"]}}}}"#
        )
    };
    // The evidence says twice as much for the claim; the priors are set so that the product is whole.
    let share = |name: &str, num: u32, den: u32| {
        // num/den = 2p / (2p + q)  <=>  p : q = num : 2 (den - num)
        let (p, q) = (num, 2 * (den - num));
        link(name, p, p + q, "[2000, 1000]")
    };
    let links = [
        share("intrusion", 97, 100),
        share("infrastructure", 9, 10),
        share("operator", 3, 4),
        share("tasking", 11, 20),
        share("beneficiary", 3, 10),
        // Evidence that does not tell its hypotheses apart shows nothing, whatever the prior.
        link("product or loss", 99, 100, "[5000, 5000]"),
    ];
    let file = format!(r#"{{"links": [{}]}}"#, links.join(","));
    let found = run(Input::parse(&file).unwrap()).to_json(&file).unwrap();
    let wanted: Value = serde_json::from_str(EXAMPLE).unwrap();
    let example = wanted["chain"]["example"].as_object().unwrap();
    for name in [
        "conditional",
        "prefix_products",
        "prefix_float",
        "links_shown_at_0.55",
        "of",
        "first_unshown",
    ] {
        holds(&example[name], &found["chain"]["P"][name], name);
    }
    let nines = comity_weigh::case::LINKS.map(|name| share(name, 9, 10)).join(",");
    let file = format!(r#"{{"links": [{nines}]}}"#);
    let found = run(Input::parse(&file).unwrap()).to_json(&file).unwrap();
    assert_eq!(found["chain"]["P"]["prefix_products"][5], "531441/1000000");
    assert_eq!(found["chain"]["P"]["prefix_float"][5], 0.531441);
    assert_eq!(found["chain"]["P"]["first_unshown"], Value::Null);
}

/// Each with the place that the error names.
/// A row that says the same of every hypothesis says nothing: its prior is no result.
#[test]
fn what_no_evidence_tells_apart_is_not_shown() {
    let file = r#"{"hypotheses": ["claim", "posing", "other"], "grades": {"A": "19/20"},
        "sources": {"S": {"grade": "A", "coi": false}},
        "evidence": {"E": {"src": "S", "public": true, "P": [5000, 5000, 5000]}},
        "priors": {"P": ["97/100", "1/100", "2/100"]}}"#;
    let run = run(Input::parse(file).unwrap());
    assert!(!run.question.as_ref().unwrap().parties["P"].is_shown());
    assert!(run.summary().contains("As P sees it: NOT SHOWN"), "{}", run.summary());
    assert!(run.to_json(file).unwrap()["results"]["P"]["verdict"].is_null());
    assert!(run.to_html().contains("As P sees it: not shown"));
    let stix = run.to_stix(file, "2026-11-25T00:00:00.000Z").to_string();
    assert!(!stix.contains("attributed-to") && !stix.contains("report--"), "{stix}");
}

/// What an earlier run wrote of the parties compared is written anew.
#[test]
fn a_changed_file_keeps_nothing_of_an_earlier_run() {
    let changed = EXAMPLE.replacen("6000,\n    6000", "100,\n    6000", 1);
    let of = |file: &str| run(Input::parse(file).unwrap()).to_json(file).unwrap();
    let (before, after) = (of(EXAMPLE), of(&changed));
    let gap = "party_gap_total_decibans";
    assert!(before[gap].is_number() && before[gap] != after[gap]);
    let ids = |file: &str| {
        let bundle = run(Input::parse(file).unwrap()).to_stix(file, "2026-11-25T00:00:00.000Z");
        bundle["objects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|o| o["id"].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(EXAMPLE), ids(EXAMPLE));
    let common = ids(EXAMPLE).into_iter().filter(|id| ids(&changed).contains(id));
    assert_eq!(common.count(), 2, "the extension's definition and its author, and nothing else");
}

#[test]
fn nothing_is_guessed() {
    let wrong = [
        (
            "\"priors\": {\n  \"P\"",
            "\"priors\": {\n  \"R\"",
            "evidence.E1_ip_block_in_X.P: a rating by \"P\", which has no priors",
        ),
        ("[\n   \"2/5\"", "[\n   \"2/6\"", "priors.P: the priors sum to 14/15"),
        ("[\n   \"2/5\"", "[\n   \"0/5\"", "priors.P[0]: a prior of 0"),
        ("[\n   \"2/5\"", "[\n   0.4", "priors.P[0]: want a fraction"),
        (
            "6000,\n    6000",
            "0,\n    6000",
            "evidence.E1_ip_block_in_X.P[0]: want an integer from 1 to 9999",
        ),
        ("6000,\n    6000", "10000,\n    6000", "found 10000"),
        (
            "6000,\n    6000",
            "0.5,\n    6000",
            "evidence.E1_ip_block_in_X.P[0]: want an integer, found a number",
        ),
        ("6000,\n    6000", "6000", "want one likelihood for each of the 4 hypotheses, found 3"),
        ("\"E2_vendor_report_repeats_E1\"", "\"E1_ip_block_in_X\"", "line "),
        (
            "\"src\": \"S1\"",
            "\"src\": \"S9\"",
            "evidence.E1_ip_block_in_X.src: there is no source \"S9\"",
        ),
        ("\"grade\": \"B\"", "\"grade\": \"G\"", "sources.S1.grade: not a letter"),
        ("\"coi\": false", "\"coi\": \"no\"", "sources.S1.coi: want true or false, found a text"),
        ("\"H4_other\"", "\"H2_independent_hackers_in_X\"", "hypotheses[3]"),
        (
            "\"public\": true",
            "\"publik\": true",
            "evidence.E1_ip_block_in_X.publik: not a name here",
        ),
        ("\"evidence\"", "\"evidense\"", "evidense: not a name of a case"),
        (
            "\"public\": true",
            "\"parents\": [\"E99\"], \"public\": true",
            "evidence.E1_ip_block_in_X: its parent \"E99\" is not among the evidence",
        ),
        (
            "\"public\": true",
            "\"exhibit\": \"not a hash\", \"public\": true",
            "evidence.E1_ip_block_in_X.exhibit: want the SHA-256",
        ),
        (
            "\"H4_other\"",
            "\"H4\\u001b[31m\"",
            "hypotheses[3]: want a text without control characters",
        ),
        ("\"A\": \"19/20\"", "\"A\": \"21/20\"", "grades.A: want a fraction from 0 to 1"),
        (
            "\"root\": \"r1\"",
            "\"parents\": [\"E9\"]",
            "evidence.E1_ip_block_in_X: its parent \"E9\"",
        ),
        ("{\n \"hypotheses\"", "{ \"x\" \"hypotheses\"", "line 1"),
    ];
    for (find, replace, wanted) in wrong {
        assert!(EXAMPLE.contains(find), "{find}");
        let error = Input::parse(&EXAMPLE.replacen(find, replace, 1)).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    let parents =
        EXAMPLE.replacen("\"root\": \"r1\"", "\"parents\": [\"E2_vendor_report_repeats_E1\"]", 1);
    let Input::Case(case) = Input::parse(&parents).unwrap() else { panic!("a case") };
    assert_eq!(case.items["E1_ip_block_in_X"].root, "r1", "from its parent");
}

#[test]
fn a_source_of_which_nothing_is_known_is_run_at_both_ends() {
    let file = EXAMPLE.replacen("\"grade\": \"A\"", "\"grade\": \"F\"", 1);
    let found = run(Input::parse(&file).unwrap()).to_json(&file).unwrap();
    let p = &found["results"]["P"];
    let at = |grade: &str| {
        let file = EXAMPLE.replacen("\"grade\": \"A\"", &format!("\"grade\": \"{grade}\""), 1);
        let found = run(Input::parse(&file).unwrap()).to_json(&file).unwrap();
        found["results"]["P"]["one_witness"]["exact"].clone()
    };
    assert_eq!((&p["f_low"]["exact"], &p["f_high"]["exact"]), (&at("E"), &at("A")));
    assert_eq!(
        p["one_witness"]["exact"], p["f_low"]["exact"],
        "where one number is wanted, the lower"
    );
    assert!(
        run(Input::parse(EXAMPLE).unwrap()).to_json(EXAMPLE).unwrap()["results"]["P"]["f_low"]
            .is_null()
    );
}

/// The hypotheses of tasking are levels, and a chain may claim several of them together.
#[test]
fn a_link_may_claim_several_hypotheses_and_says_what_kind_of_record_it_is() {
    let file = include_str!("tasking.json");
    let run = run(Input::parse(file).unwrap());
    let chain = &run.chains["P"];
    let question = &run.links[0].1;
    let shares = question.parties["P"].one_witness.shares();
    let claimed: num_rational::BigRational = shares[6..10].iter().sum();
    assert_eq!(chain.conditional[3], Some(claimed));
    let json = run.to_json(file).unwrap();
    assert_eq!(json["notes"], serde_json::json!([]), "nothing is missing");
    assert_eq!(run.to_json(&json.to_string()).unwrap(), json, "a file with results is a file");
    assert!(run.summary().contains("This is a technical attribution."));
    assert!(run.summary().contains("It claims      state-ordered, or state-rogue-conducted"));
    assert!(run.explanation().contains("each link by itself"));
    for (find, replace, wanted) in [
        ("\"technical\"", "\"moral\"", "record: want technical, political or legal"),
        (
            "\"claim\": [\"state-ordered\"",
            "\"claim\": [\"ordered\"",
            "claim[0]: \"ordered\" is not a hypothesis",
        ),
        ("\"claim\": [\"state-ordered\"", "\"claim\": [\"state-integrated\"", "stands twice"),
    ] {
        let error = Input::parse(&file.replace(find, replace)).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    let fewer = file.replace("\"state-shaped\"", "\"state-bent\"");
    let notes = comity_weigh::run(Input::parse(&fewer).unwrap()).to_json(&fewer).unwrap();
    let note = notes["notes"][0]["note"].as_str().unwrap();
    assert!(note.ends_with("there are not: state-shaped"), "{note}");
}

/// To whom nothing is shown holds nothing: it is in no comparison and in no label.
#[test]
fn a_party_to_whom_nothing_is_shown_disputes_nothing() {
    let mut file: Value = serde_json::from_str(EXAMPLE).unwrap();
    for item in file["evidence"].as_object_mut().unwrap().values_mut() {
        item["P"] = serde_json::json!([5000, 5000, 5000, 5000]);
    }
    let text = file.to_string();
    let run = run(Input::parse(&text).unwrap());
    let said = run.summary();
    assert!(said.contains("As P sees it: NOT SHOWN") && !said.contains("P holds"), "{said}");
    assert!(said.contains("P is compared with nobody"), "{said}");
    let bundle = run.to_stix(&text, "2026-01-01T00:00:00.000Z");
    let labels: Vec<_> = bundle["objects"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|o| o["labels"][0].as_str())
        .collect();
    assert!(labels.contains(&"one-partys-view") && !labels.contains(&"disputed"), "{labels:?}");
}

/// Only what tells hypotheses apart carries a result; a tie is said; names that results use are refused.
#[test]
fn flat_rows_ties_and_reserved_names() {
    let file = |evidence: &str| {
        format!(
            r#"{{"title": "Case Alpha", "hypotheses": ["a", "b", "c"], "grades": {{"A": "1/1"}},
            "sources": {{"s": {{"grade": "A", "coi": false}}}}, "evidence": {{{evidence}}},
            "priors": {{"P": ["1/3", "1/3", "1/3"]}}}}"#
        )
    };
    let item = r#""x": {"src": "s", "public": true, "P": [5000, 5000, 100]},
                  "flat": {"src": "s", "public": true, "P": [700, 700, 700]}"#;
    let text = file(item);
    let run = run(Input::parse(&text).unwrap());
    let json = run.to_json(&text).unwrap();
    assert_eq!(json["results"]["P"]["confidence"]["roots"], 1);
    assert_eq!(json["results"]["P"]["verdict"]["as_probable"], serde_json::json!(["b"]));
    let said = run.summary();
    assert!(said.starts_with("Case Alpha") && said.contains("exactly as much: b"), "{said}");
    assert!(run.to_html().contains("Nothing need fall: b is as probable."));
    for (evidence, wanted) in [
        (
            r#""x": {"src": "s", "root": "prior", "public": true, "P": [1, 2, 3]}"#,
            "no root is called",
        ),
        (r#""": {"src": "s", "public": true, "P": [1, 2, 3]}"#, "an item has an id"),
        (
            r#""x": {"src": "s", "public": true, "P": [1, 2, 3], "Q": [1, 2, 3]}"#,
            "which has no priors",
        ),
        (
            r#""x": {"src": "s", "root": "r", "public": true, "P": [1, 2, 3]},
               "y": {"src": "s", "root": "q", "parents": ["x"], "public": true, "P": [1, 2, 3]}"#,
            "its root is \"q\", and its parents go back to r",
        ),
        (
            r#""x": {"src": "s", "parents": ["y", "z"], "public": true, "P": [1, 2, 3]},
               "y": {"src": "s", "parents": ["x"], "root": "r", "public": true, "P": [1, 2, 3]},
               "z": {"src": "s", "root": "r", "public": true, "P": [1, 2, 3]}"#,
            "its parents go round in a circle",
        ),
        (
            r#""x": {"src": "s", "root": "r", "public": true, "P": [1, 2, 3]},
               "y": {"src": "s", "root": "x", "public": true, "P": [1, 2, 3]}"#,
            "its root \"x\" is an item that goes back to \"r\"",
        ),
        (
            r#""x": {"src": "s", "root": "r ", "public": true, "P": [1, 2, 3]}"#,
            "without spaces at its ends",
        ),
        (
            "\"x\u{202e}\": {\"src\": \"s\", \"public\": true, \"P\": [1, 2, 3]}",
            "a sign that is not seen",
        ),
    ] {
        let error = Input::parse(&file(evidence)).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
}

/// What a party holds exactly as much as something else, it holds: in whatever order the hypotheses stand, in words, in
/// JSON and in STIX.
#[test]
fn ties_do_not_depend_on_the_order() {
    let file = |p: &str, q: &str| {
        format!(
            r#"{{"hypotheses": ["a", "b", "c"], "grades": {{}},
            "sources": {{"s": {{"grade": "F", "coi": false}}}}, "evidence": {{
                "x": {{"src": "s", "public": true, "P": {p}, "Q": {q}}}}},
            "priors": {{"P": ["1/3", "1/3", "1/3"], "Q": ["1/3", "1/3", "1/3"]}}}}"#
        )
    };
    for (held, theirs) in [("b", "[100, 5000, 100]"), ("a", "[5000, 100, 100]")] {
        for text in [file("[5000, 5000, 100]", theirs), file(theirs, "[5000, 5000, 100]")] {
            let run = run(Input::parse(&text).unwrap());
            let said = run.comparison();
            assert!(said.contains(&format!("P and Q hold the same hypothesis: {held}.")), "{said}");
            assert!(!said.contains("the priors decide"), "{said}");
            assert_eq!(run.comparison_json()["comparisons"][0]["agree"], true);
            let stix = run.to_stix(&text, "2026-01-01T00:00:00.000Z");
            let objects = stix["objects"].as_array().unwrap();
            let opinions: Vec<_> = objects.iter().filter(|one| one["type"] == "opinion").collect();
            assert_eq!(opinions.len(), 2);
            assert!(opinions.iter().all(|one| one["opinion"] == "agree"), "{opinions:?}");
            let report = objects.iter().find(|one| one["type"] == "report").unwrap();
            assert_eq!(report["labels"][0], "undisputed-among-the-parties");
            let extensions = report["extensions"].as_object().unwrap();
            let believed = &extensions.values().next().unwrap()["believed"];
            assert_eq!(believed["F"], "1/5 and 19/20", "{believed}");
        }
    }
    // That a tie breaks is a change, whichever side of it stays.
    for row in ["[5000, 1000, 1000]", "[1000, 5000, 1000]"] {
        let text = file("[5000, 5000, 100]", "[1, 1, 1]").replacen(
            "\"evidence\": {",
            &format!(r#""evidence": {{ "y": {{"src": "s", "public": true, "P": {row}, "Q": [1, 1, 1]}}, "#),
            1,
        );
        let run = run(Input::parse(&text).unwrap());
        let json = run.to_json(&text).unwrap();
        assert_eq!(json["results"]["P"]["leave_one_out"]["y"]["flips"], true, "{row}");
    }
}

/// Parents of several roots: the item says of which it is.
#[test]
fn an_item_of_several_roots_says_which() {
    let file = |root: &str| {
        format!(
            r#"{{"hypotheses": ["a", "b"], "grades": {{"A": "1/1"}},
            "sources": {{"s": {{"grade": "A", "coi": false}}}}, "evidence": {{
                "x": {{"src": "s", "root": "r", "public": true, "P": [1, 2]}},
                "y": {{"src": "s", "root": "q", "public": true, "P": [1, 2]}},
                "z": {{"src": "s", {root} "parents": ["x", "y"], "public": true, "P": [1, 2]}}}},
            "priors": {{"P": ["1/2", "1/2"]}}}}"#
        )
    };
    assert!(Input::parse(&file("")).unwrap_err().to_string().contains("several roots"));
    assert!(Input::parse(&file("\"root\": \"q\",")).is_ok());
    assert!(Input::parse(&file("\"root\": \"p\",")).is_err());
}

//! What people write in requests stands in no error: every way in which a file can be wrong, and
//! every refusal of the rules, says where and what was expected, and repeats nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::path::Path;
use std::process::{Command, Output};

const CANARY: &str = "canary-4711";

fn comity(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    command.args(arguments).env("RUST_LOG", "trace").output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The only line that an error has, without the log.
fn error(output: &Output) -> String {
    let said = said(output);
    said.lines().filter(|line| line.starts_with("comity: ")).collect()
}

/// A whole request, in which `find` stands for `replace`.
fn request(find: &str, replace: &str) -> String {
    let whole = r#"
class = "U1-urgent"
exercise = true
title = "canary-4711 title"
facts = "canary-4711 facts"
legal_basis = "canary-4711 basis"
marking = "TLP:RED"
contact = "canary-4711 contact"

[[items]]
kind = "information"
ask = "canary-4711 ask"
identifiers = ["canary-4711 identifier"]
"#;
    assert!(whole.contains(find), "{find}");
    whole.replacen(find, replace, 1)
}

/// Two parties' folders with signed terms, and no node that runs.
fn northland(folder: &Path) -> String {
    let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let run = |arguments: &[&str]| {
        let output = comity(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    for party in ["northland", "southland"] {
        run(&["init", "--data", &at(party), "--party", party, "--name", party]);
        std::fs::write(at(&format!("{party}.card")), run(&["card", "show", "--data", &at(party)]))
            .unwrap();
    }
    let key = run(&["witness", "key", "--data", &at("w"), "--name", "harbour.example"]);
    let witness = format!("harbour,{},http://127.0.0.1:9", key.trim());
    let (north, terms) = (at("northland"), at("terms.toml"));
    run(&["peer", "add", "--data", &north, &at("southland.card")]);
    let propose = ["agreement", "propose", "--data", &north, "--template", "comity-model"];
    let rest = ["--peer", "southland", "--witness", &witness, "--output", &terms];
    run(&[&propose[..], &rest].concat());
    run(&["agreement", "sign", "--data", &north, &terms]);
    north
}

#[test]
fn what_people_write_stands_in_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let data = northland(folder.path());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    // Each with what the error must say, to be of use.
    let broken = [
        (request("marking = \"TLP:RED\"", "marking = \"canary-4711\""), "line 7, column 11: want"),
        (
            request("exercise = true", "exercise = \"canary-4711\""),
            "line 3, column 12: want a bool",
        ),
        (request("title =", "titel ="), "unknown field titel"),
        (request("facts = \"canary-4711 facts\"\n", ""), "missing field facts"),
        (request("title =", "facts = \"canary-4711\"\ntitle ="), "line 6"),
        (request("\"canary-4711 facts\"", "\"canary-4711 facts"), "line 5"),
        (request("\"canary-4711 facts\"", "canary-4711"), "line 5"),
        (request("[\"canary-4711 identifier\"]", "\"canary-4711\""), "want a sequence"),
        (request("[[items]]", "[items]"), "line"),
        (request("title =", "\"canary-4711\" = 1\ntitle ="), "line"),
        // These are well formed, and the rules refuse them.
        (
            request("\"information\"", "\"canary-4711\""),
            "items[1].kind is not one that the terms have",
        ),
        (request("\"U1-urgent\"", "\"canary-4711\""), "class is not one that the terms have"),
        (request("\"canary-4711 title\"", "\" \""), "title is missing"),
        (request("class = \"U1-urgent\"", ""), "class is missing"),
        (request("\"canary-4711 ask\"", "\"\""), "items[1].ask is missing"),
        (request("canary-4711 facts", &"canary-4711 ".repeat(100_000)), "at most"),
    ];
    for (text, wanted) in broken {
        let output = comity(&["--data", &data, "request", "send", &file("bad.toml", &text)]);
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(error(&output).contains(wanted), "{wanted}: {}", error(&output));
        assert!(!said(&output).contains(CANARY), "{wanted}: {}", error(&output));
    }
    for text in [
        r#"{"title": "canary-4711", "facts": 7}"#,
        r#"{"title": "canary-4711"#,
        r#"{"title": canary-4711}"#,
        r#"["canary-4711"]"#,
    ] {
        let output = comity(&["--data", &data, "request", "send", &file("bad.json", text)]);
        assert_eq!(output.status.code(), Some(2));
        assert!(error(&output).contains("line 1, column "), "{}", error(&output));
        assert!(!said(&output).contains(CANARY), "{}", error(&output));
    }
    // What is right goes through, and what is said about it later is refused without repeating it.
    let sent =
        comity(&["--data", &data, "--json", "request", "send", &file("r.toml", &request("", ""))]);
    assert_eq!(sent.status.code(), Some(0), "{}", error(&sent));
    let sent: serde_json::Value = serde_json::from_slice(&sent.stdout).unwrap();
    let id = sent["request"].as_str().unwrap();
    let reason = "[[items]]\nitem = 1\noutcome = \"refused\"\n[items.reason]\nground = \"canary-4711\"\nlaw = \"x\"\n";
    let answers = [
        (
            "answer",
            "text = \"canary-4711\"\n[[items]]\nitem = 9\noutcome = \"answered\"\ntext = \"canary-4711\"\n",
        ),
        ("answer", reason),
        ("answer", "[[items]]\nitem = 1\noutcome = \"canary-4711\"\n"),
        ("answer", "[[items]]\nitem = \"canary-4711\"\noutcome = \"answered\"\n"),
        ("decide", "decision = \"canary-4711\"\n"),
        ("decide", "decision = \"refused\"\ntext = \"canary-4711\"\n"),
        ("decide", "decision = \"accepted\"\ntext = \"canary-4711\"\n"),
        ("assess", "text = \"canary-4711\"\n[scores]\ncanary-4711 = 3\n"),
        ("assess", "text = \"canary-4711\"\n[scores]\nack = \"canary-4711\"\n"),
        ("assess", "text = \"canary-4711\"\n[scores]\nack = 9\n"),
        ("assess", "text = \"canary-4711\"\n"),
    ];
    for (verb, text) in answers {
        let output = comity(&["--data", &data, "request", verb, id, &file("bad.toml", text)]);
        assert_eq!(output.status.code(), Some(2), "{verb} {}", error(&output));
        assert!(!error(&output).is_empty());
        assert!(!said(&output).contains(CANARY), "{verb}: {}", error(&output));
    }
    for verb in ["ack", "clarify", "close"] {
        let output = comity(&["--data", &data, "request", verb, id, "--text", CANARY]);
        assert_eq!(output.status.code(), Some(2), "{verb} {}", error(&output));
        assert!(!said(&output).contains(CANARY), "{verb}: {}", error(&output));
    }
}

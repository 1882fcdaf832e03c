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
        let bad = file("bad.toml", &text);
        let output = comity(&["--data", &data, "request", "send", "--anyway", &bad]);
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
    // What the other side would ask back for is asked for first; content is not repeated then either.
    let bare = request("legal_basis =", "# legal_basis =");
    let held = comity(&["--data", &data, "request", "send", &file("bare.toml", &bare)]);
    assert_eq!(held.status.code(), Some(2), "{}", said(&held));
    assert!(error(&held).contains("Nothing was sent"), "{}", error(&held));
    assert!(error(&held).contains("legal_basis: under which article"), "{}", error(&held));
    assert!(!said(&held).contains(CANARY), "{}", error(&held));
    // What is right goes through, and what is said about it later is refused without repeating it.
    let sent = comity(&[
        "--data",
        &data,
        "--json",
        "request",
        "send",
        "--anyway",
        &file("r.toml", &request("", "")),
    ]);
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

/// Each call with its exit code and what the error must say to be of use.
#[test]
fn what_cannot_be_done_says_what_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = northland(folder.path());
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let says = |arguments: &[&str], code: i32, wanted: &str| {
        let output = comity(&[&["--data", &data], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", error(&output));
        assert!(error(&output).contains(wanted), "{arguments:?}: {}", error(&output));
    };
    // A party's own witness is not outside, under whatever name.
    let card = std::fs::read_to_string(at("southland.card")).unwrap();
    let vkey = card.lines().find_map(|line| line.strip_prefix("mirror ")).unwrap();
    let witness = format!("own,{vkey},http://127.0.0.1:9");
    let (model, out) = ("comity-model", at("own.toml"));
    let propose =
        ["agreement", "propose", "--template", model, "--peer", "southland", "--output", &out];
    let own = [&propose[..], &["--witness", &witness]].concat();
    says(&own, 2, "a key of southland's own card");
    let terms = std::fs::read_to_string(at("terms.toml")).unwrap();
    let harbour = terms.lines().find(|line| line.starts_with("key = \"harbour")).unwrap();
    std::fs::write(&out, terms.replace(harbour, &format!("key = \"{vkey}\""))).unwrap();
    says(&["agreement", "sign", &out], 2, "an outside witness belongs to neither party");
    // What is not there yet, and what is wrong.
    says(&["ledger", "verify"], 1, "");
    says(&["ledger", "audit", "ftp://example.org/x", "b", "--policy", &at("none")], 2, "none");
    says(&["ledger", "prove", "0000/1"], 2, "0000");
    says(&["request", "show", "abcd"], 2, "there is no request");
    let listed = comity(&["--data", &data, "--json", "ledger", "show"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    says(&["ledger", "prove", &format!("{id}/999")], 2, "there is no entry");
    let policy = at("policy");
    std::fs::write(&policy, comity(&["--data", &data, "ledger", "policy"]).stdout).unwrap();
    says(
        &["ledger", "audit", "ftp://example.org/x", "--policy", &policy],
        3,
        "want an http:// or https://",
    );
    for (option, value) in [
        ("--exchange", "nonsense"),
        ("--exchange", "http://127.0.0.1:8441"),
        ("--exchange", "0.0.0.0:8441"),
        ("--web", "127.0.0.1:99999"),
        ("--name", ""),
        ("--zone", "Mars/Phobos"),
    ] {
        let fresh = at("fresh");
        let mut init = vec!["--data", &fresh, "init", "--party", "x"];
        if option != "--name" {
            init.extend(["--name", "X"]);
        }
        init.extend([option, value]);
        let output = comity(&init);
        assert_eq!(output.status.code(), Some(2));
        assert!(error(&output).contains(option), "{}", error(&output));
    }
    // Whoever is let in reads, and it can be taken back.
    let given = comity(&["--data", &data, "ledger", "reader", "add", "audit office"]);
    assert_eq!(String::from_utf8_lossy(&given.stdout).trim().len(), 64, "{}", said(&given));
    let listed = said(&comity(&["--data", &data, "ledger", "reader", "list"]));
    assert!(listed.contains("audit office"), "{listed}");
    let taken = comity(&["--data", &data, "ledger", "reader", "remove", "audit office"]);
    assert_eq!(taken.status.code(), Some(0));
    says(&["ledger", "reader", "remove", "audit office"], 2, "there is no reader");
    let evidence = comity(&["--data", &data, "ledger", "evidence", "--output", &at("evidence")]);
    assert!(said(&evidence).contains("Nothing was refused"), "{}", said(&evidence));
    // A store that is gone is not an empty store; keys of another are not one's own.
    let file = |name: &str| folder.path().join("northland").join(name);
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        let _ = std::fs::rename(file(name), folder.path().join(name));
    }
    let doctor = comity(&["--data", &data, "doctor"]);
    assert_eq!(doctor.status.code(), Some(1));
    assert!(said(&doctor).contains("bring back this folder's store"), "{}", said(&doctor));
    says(&["serve"], 2, "a second history");
    says(&["peer", "add", &at("southland.card")], 0, "");
    says(&["agreement", "sign", &at("terms.toml")], 2, "a second history");
    let other = folder.path().join("southland/keys");
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        let _ = std::fs::rename(folder.path().join(name), file(name));
    }
    let certificate = std::fs::read(file("tls.der")).unwrap();
    std::fs::write(
        file("tls.der"),
        std::fs::read(folder.path().join("southland/tls.der")).unwrap(),
    )
    .unwrap();
    says(&["doctor"], 2, "this certificate and keys/tls.key are not those");
    std::fs::write(file("tls.der"), certificate).unwrap();
    says(&["doctor"], 1, "");
    for name in ["statement.key", "wrapping.key", "witness.key", "mirror.key", "age.key", "tls.key"]
    {
        std::fs::copy(other.join(name), file("keys").join(name)).unwrap();
    }
    says(&["doctor"], 2, "bring back its own");
}

/// A wrapping key that a service manager gives lies elsewhere, and is there before the folder is.
#[test]
fn keys_are_wrapped_with_a_key_from_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(at("credential"), "47".repeat(32)).unwrap();
    let run = |credential: &str, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        let command = command.env("COMITY_WRAPPING_KEY", at(credential));
        command.args(["--data", &at("node")]).args(arguments).output().unwrap()
    };
    let made = run("credential", &["init", "--party", "northland", "--name", "Northland"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    assert!(!folder.path().join("node/keys/wrapping.key").exists());
    let doctor = run("credential", &["doctor"]);
    assert!(said(&doctor).starts_with("no node serves this folder"), "{}", said(&doctor));
    std::fs::write(at("other"), "48".repeat(32)).unwrap();
    let other = run("other", &["doctor"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(said(&other).contains("not a key that this wrapping key opens"), "{}", said(&other));
}

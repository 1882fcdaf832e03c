//! The demo as its user runs it: played, audited, and audited again from files by the same binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

use std::path::Path;
use std::process::{Command, Output};

fn comity(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_comity")).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_string_lossy().into_owned()
}

#[test]
fn the_demo_plays_proves_and_can_be_checked_from_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let kept = path(folder.path(), "demo");
    let demo = comity(&["demo", "--once", "--keep", &kept]);
    let said = text(&demo);
    assert_eq!(demo.status.code(), Some(0), "{said}");
    for wanted in ["EXERCISE", "overdue", "late receipt", "partly-refused", "5 h 52 min"] {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
    let kept = Path::new(&kept);
    let (north, south) = (path(kept, "ledgers/northland"), path(kept, "ledgers/southland"));
    let (policy, terms) = (path(kept, "policy.txt"), path(kept, "terms.toml"));
    let audit =
        ["ledger", "audit", &north, &south, "--policy", &policy, "--terms", &terms, "--json"];
    let audited = comity(&audit);
    assert_eq!(audited.status.code(), Some(0), "{}", text(&audited));
    let report: serde_json::Value = serde_json::from_slice(&audited.stdout).unwrap();
    let requests = report["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request["exercise"] == true));
    let refused = requests.iter().find(|request| request["status"] == "partly-refused").unwrap();
    assert_eq!(refused["acknowledged_in_seconds"].as_i64().unwrap() / 60, 52);
    assert_eq!(refused["answered_in_seconds"].as_i64().unwrap() / 3600, 38);
    assert_eq!(refused["outcomes"], serde_json::json!({ "answered": 2, "refused": 1 }));
    assert_eq!(refused["answer_late_seconds"], serde_json::Value::Null);
    // The receipt that came after nine hours and more did not start the clock anew.
    let late = requests.iter().find(|request| request["status"] == "acknowledged").unwrap();
    assert_eq!(late["started_by"], "mirror");
    assert_eq!(late["acknowledge_late_seconds"].as_i64().unwrap() / 60, 330 + 250 + 12 - 240);
    the_review_is_the_same_everywhere(kept, [&north, &south], &policy, &terms);
    // One ledger by itself verifies too, and says so.
    let alone = comity(&["ledger", "audit", &north, "--policy", &policy]);
    assert_eq!(alone.status.code(), Some(0), "{}", text(&alone));
    assert!(text(&alone).contains("One ledger alone"), "{}", text(&alone));
    // The order of the ledgers does not matter.
    let turned = comity(&[
        "ledger", "audit", &south, &north, "--policy", &policy, "--terms", &terms, "--json",
    ]);
    let turned: serde_json::Value = serde_json::from_slice(&turned.stdout).unwrap();
    assert_eq!(turned["requests"], report["requests"]);
    // A reader of the ledgers learns nothing of what was said.
    for secret in ["turbine", "198.51.100.7", "reseller", "Mandiant", "case NC-2026"] {
        assert!(!text(&audited).contains(secret));
        let found = Command::new("grep").args(["-ra", secret, &north, &south]).output().unwrap();
        assert!(found.stdout.is_empty(), "{secret} in a ledger");
    }
    // One changed byte, and it says no.
    let checkpoint = Path::new(&north).join("checkpoint");
    let mut bytes = std::fs::read(&checkpoint).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&checkpoint, bytes).unwrap();
    assert_eq!(comity(&audit).status.code(), Some(1));
    std::fs::remove_file(&checkpoint).unwrap();
    assert_eq!(comity(&audit).status.code(), Some(3), "what is not there cannot be reached");

    a_hunt_answers_an_item(kept);
    the_folders_answer_without_a_running_node(kept);
}

/// What was searched, under which law and with what result is in the statement, whether or not anything was found.
fn a_hunt_answers_an_item(kept: &Path) {
    let data = path(kept, "southland");
    let listed = comity(&["--data", &data, "request", "list", "--json"]);
    let listed = text(&listed);
    let listed =
        listed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let open = listed.into_iter().find(|one| one["status"] == "acknowledged").unwrap();
    let id = open["id"].as_str().unwrap();
    let (list, index, log) = (path(kept, "list.txt"), path(kept, "i.hunt"), path(kept, "a.log"));
    std::fs::write(&list, "203.0.113.91\n").unwrap();
    std::fs::write(&log, "x\nsrc=203.0.113.91 dst=10.0.0.1\n").unwrap();
    assert_eq!(comity(&["hunt", "index", "-o", &index, &list]).status.code(), Some(0));
    let hunt = |law: &str, more: &[&str], log: &str| {
        let fixed = ["--data", &data, "hunt", "answer", id, "--item", "1", "--legal-basis", law];
        let span = ["--from", "2026-03-01", "--to", "2026-03-31", "--index", &index];
        comity(&[&fixed[..], &span, more, &[log]].concat())
    };
    let lawless = hunt(" ", &[], &log);
    assert_eq!(lawless.status.code(), Some(2));
    assert!(text(&lawless).contains("wants a law that allows it"), "{}", text(&lawless));
    assert_eq!(hunt("section 12", &[], "-").status.code(), Some(2), "what has no digest");
    let other = path(kept, "b.log");
    std::fs::write(&other, "nothing here\n").unwrap();
    let dry = hunt("section 12", &["--dry-run"], &other);
    assert!(
        text(&dry).starts_with("Checked, nothing found: 1 lines of 1 logs from 2026-03-01"),
        "{}",
        text(&dry)
    );
    let stated = hunt("section 12", &["--text", "By hand too."], &log);
    assert_eq!(stated.status.code(), Some(0), "{}", text(&stated));
    let shown = comity(&["--data", &data, "request", "show", id]);
    for wanted in [
        "By hand too.",
        "Checked, 1 sighting: 2 lines of 1 logs from 2026-03-01 to 2026-03-31, under section 12.",
        "search.json",
        "sightings.ndjson",
    ] {
        assert!(text(&shown).contains(wanted), "{wanted} in {}", text(&shown));
    }
}

/// Both nodes make the same bytes for the same heads, and so does whoever has only the ledgers and what was
/// opened of them; a review with one figure changed is found out.
fn the_review_is_the_same_everywhere(kept: &Path, ledgers: [&str; 2], policy: &str, terms: &str) {
    let (mut reviews, mut pdfs) = (Vec::new(), Vec::new());
    // How many receipts go into one statement is a matter of moments: how many entries there are is asked.
    let shown = comity(&["--data", &path(kept, "northland"), "ledger", "show", "--json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let entries = |mine: bool| {
        let ledger = shown.as_array().unwrap().iter().find(|one| one["mine"] == mine).unwrap();
        ledger["entries"].as_u64().unwrap()
    };
    let (ours, theirs) = (entries(true), entries(false));
    for party in ["northland", "southland"] {
        let (data, out) = (path(kept, party), path(kept, &format!("review-{party}")));
        let made = comity(&[
            "--data",
            &data,
            "review",
            "pack",
            "--from",
            "2026-03-01",
            "--to",
            "2026-04-01",
            "--exercises",
            "--at",
            &format!("northland:{ours},southland:{theirs}"),
            // Never before the heads: as of when the demonstration ended.
            "--as-of",
            "2026-03-01T00:00:00Z",
            "-o",
            &format!("{out}.json"),
            "-o",
            &format!("{out}.html"),
            "-o",
            &format!("{out}.csv"),
            "-o",
            &format!("{out}.pdf"),
            "-o",
            &format!("{out}.proofs"),
        ]);
        assert_eq!(made.status.code(), Some(0), "{}", text(&made));
        assert!(text(&made).contains("refused       no-material-nexus 1"), "{}", text(&made));
        reviews.push(std::fs::read_to_string(format!("{out}.json")).unwrap());
        let html = std::fs::read_to_string(format!("{out}.html")).unwrap();
        assert!(html.contains("EXERCISE") && html.contains("<svg") && !html.contains("src="));
        let csv = std::fs::read_to_string(format!("{out}.csv")).unwrap();
        assert_eq!(csv.lines().count(), 4, "{csv}");
        pdfs.push(std::fs::read(format!("{out}.pdf")).unwrap());
    }
    assert!(pdfs[0] == pdfs[1], "the same PDF for the same review");
    reads_as_tagged(&path(kept, "review-northland.pdf"));
    assert_eq!(reviews[0], reviews[1], "the same bytes on both nodes");
    let review: serde_json::Value = serde_json::from_str(&reviews[0]).unwrap();
    let south = &review["answers_of"]["southland"];
    // Acknowledged after 52 minutes, and after 9 hours 52 of the 4 that are allowed.
    assert_eq!(south["acknowledge"]["median"].as_i64().unwrap() / 60, 52);
    assert_eq!(south["acknowledge"]["p90"].as_i64().unwrap() / 60, 592);
    assert_eq!(south["acknowledge"]["by_share"], serde_json::json!([1, 0, 0, 1, 0]));
    assert_eq!(south["answer"]["open"], 1);
    assert_eq!(south["answer"]["open_counted"], 0, "it is not late yet");
    let file = path(kept, "review-northland.json");
    let proofs = path(kept, "review-southland.proofs");
    let check = |file: &str| {
        comity(&[
            "review", "check", file, ledgers[0], ledgers[1], "--policy", policy, "--terms", terms,
            "--proofs", &proofs,
        ])
    };
    assert_eq!(check(&file).status.code(), Some(0), "{}", text(&check(&file)));
    let changed = path(kept, "changed.json");
    std::fs::write(&changed, reviews[0].replace("\"late\":1", "\"late\":0")).unwrap();
    let found = check(&changed);
    assert_eq!(found.status.code(), Some(1));
    assert!(text(&found).contains("Not the same. At byte"), "{}", text(&found));
    // From the ledgers alone: the times, and that no more was checked; a changed time shows there too.
    let alone = |file: &str| {
        comity(&[
            "review", "check", file, ledgers[0], ledgers[1], "--policy", policy, "--terms", terms,
        ])
    };
    let times = alone(&file);
    assert_eq!(times.status.code(), Some(0), "{}", text(&times));
    assert!(text(&times).contains("were not checked: give --proofs"), "{}", text(&times));
    assert_eq!(alone(&changed).status.code(), Some(1));
    let data = path(kept, "northland");
    let beyond = comity(&[
        "--data",
        &data,
        "review",
        "pack",
        "--from",
        "2026-03-01",
        "--to",
        "2026-04-01",
        "--at",
        &format!("northland:{},southland:{theirs}", ours + 1),
    ]);
    assert_eq!(beyond.status.code(), Some(2));
    let covered = format!("have covered {ours} entries");
    assert!(text(&beyond).contains(&covered), "{}", text(&beyond));
}

fn the_folders_answer_without_a_running_node(kept: &Path) {
    let data = path(kept, "northland");
    let run = |arguments: &[&str]| comity(&[&["--data", &data], arguments].concat());
    let listed = run(&["request", "list", "--all", "--json"]);
    let lines: Vec<serde_json::Value> = String::from_utf8(listed.stdout)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    let answered = lines.iter().find(|line| line["status"] == "partly-refused").unwrap();
    let id = &answered["id"].as_str().unwrap()[..8];
    let files = path(kept, "files");
    let taken = run(&["request", "files", id, "-o", &files]);
    assert!(text(&taken).contains("apt1.json"), "{}", text(&taken));
    let original = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/stix/apt1.json");
    let is_it = |file: std::fs::DirEntry| {
        std::fs::read(file.path()).unwrap() == std::fs::read(original).unwrap()
    };
    assert!(std::fs::read_dir(&files).unwrap().map(Result::unwrap).any(is_it), "byte for byte");
    let shown = run(&["request", "show", id]);
    assert!(text(&shown).contains("Who rented three servers"), "{}", text(&shown));
    assert_eq!(run(&["rebuild"]).status.code(), Some(0));
    assert_eq!(run(&["ledger", "verify"]).status.code(), Some(0));
    let doctor = run(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(1));
    assert!(text(&doctor).starts_with("no node serves this folder"), "{}", text(&doctor));
    assert_eq!(text(&doctor).trim().lines().count(), 1, "and nothing else: {}", text(&doctor));
    let proof = ["ledger", "prove", id, "--open", "nosuch"];
    assert_eq!(run(&proof).status.code(), Some(2), "{}", text(&run(&proof)));
    // A proof that a stranger verifies with the policy alone.
    let proof = path(kept, "request.proof");
    assert_eq!(run(&["ledger", "prove", id, "--output", &proof]).status.code(), Some(0));
    let policy = path(kept, "policy.txt");
    let verified = comity(&["ledger", "verify", &proof, "--policy", &policy]);
    assert!(text(&verified).contains("Verified: request.send/1"), "{}", text(&verified));
    let mut bytes = std::fs::read(&proof).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&proof, bytes).unwrap();
    assert_eq!(comity(&["ledger", "verify", &proof, "--policy", &policy]).status.code(), Some(1));
    // Closing is for the asker, after the assessment: it works without a running node.
    // A template says what is open, and is sent when nothing is.
    let made = run(&["request", "template", "takedown"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made));
    let filled = text(&made)
        .replace("# class = \"U2-routine\"", "class = \"U2-routine\"")
        .replace("identifiers = []", "identifiers = [\"https://bank.example.net/login\"]");
    let file = path(kept, "takedown.toml");
    std::fs::write(&file, &filled).unwrap();
    let open = run(&["request", "send", &file]);
    assert_eq!(open.status.code(), Some(2));
    assert!(text(&open).contains("what the template left open"), "{}", text(&open));
    std::fs::write(&file, filled.replace("[…]", "the bank")).unwrap();
    let sent = run(&["request", "send", &file]);
    assert_eq!(sent.status.code(), Some(0), "{}", text(&sent));
    let closed = run(&["request", "close", id, "--text", "done"]);
    assert_eq!(closed.status.code(), Some(0), "{}", text(&closed));
    let again = run(&["request", "close", id]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again).contains("this is over"), "{}", text(&again));
    // What nobody has acknowledged is said again, in its own place.
    let send = ["--json", "hotline", "send", "--title", "the dam", "--text", "Do you see it?"];
    let sent: serde_json::Value = serde_json::from_slice(&run(&send).stdout).unwrap();
    let id = sent["request"].as_str().unwrap();
    let reply =
        |again: &[&str]| run(&[&["hotline", "reply", id, "--text", "Now?"], again].concat());
    let wrong = reply(&["--again", "0"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong));
    assert!(text(&wrong).contains("no such message"), "{}", text(&wrong));
    let said = reply(&["--again"]);
    assert_eq!(said.status.code(), Some(0), "{}", text(&said));
    let shown = text(&run(&["hotline", "read", id]));
    assert!(shown.contains(&format!("in the place of entry {}", sent["index"])), "{shown}");
}

#[test]
fn errors_say_what_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = path(folder.path(), "none");
    let missing = comity(&["--data", &data, "request", "list"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing).contains("comity init"), "{}", text(&missing));
    let bad = comity(&["--data", &data, "init", "--party", "North Land", "--name", "x"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(text(&bad).contains("a-z"), "{}", text(&bad));
    let made =
        comity(&["--data", &data, "init", "--party", "northland", "--name", "Northland CERT"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made));
    assert!(text(&made).contains("Operator password"));
    let again = comity(&["--data", &data, "init", "--party", "northland", "--name", "x"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        text(&comity(&["agreement", "template", "list"]))
            .contains("no deadline given (\"timely\")")
    );
    let shown = comity(&["agreement", "template", "show", "comity-model"]);
    assert!(text(&shown).contains("nature = \"proposal\""));
    assert_eq!(comity(&["agreement", "template", "show", "none"]).status.code(), Some(2));
    assert_eq!(
        comity(&["ledger", "verify", "nothing", "--policy", "nothing"]).status.code(),
        Some(2)
    );
}

#[test]
fn shells_and_manuals_get_what_they_want_from_the_command_itself() {
    for shell in ["bash", "zsh", "fish"] {
        let script = comity(&["completions", shell]);
        assert_eq!(script.status.code(), Some(0));
        assert!(text(&script).contains("comity") && text(&script).contains("witness"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = path(folder.path(), "man");
    assert_eq!(comity(&["man", &pages]).status.code(), Some(0));
    let page = std::fs::read_to_string(Path::new(&pages).join("comity-request-send.1")).unwrap();
    assert!(page.contains("Send a request"), "{page}");
}

/// The PDF as another library reads it: tagged, with its language, headings and tables, and what it says.
fn reads_as_tagged(file: &str) {
    let Ok(python) = std::env::var("COMITY_TEST_PYTHON") else {
        eprintln!(
            "skipped in part: COMITY_TEST_PYTHON is not set; ./test makes an environment with pypdf"
        );
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/pdf.py");
    let ran = Command::new(python).arg(script).arg(file).output().unwrap();
    assert!(ran.status.success(), "{}", text(&ran));
    let found: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!((&found["tagged"], &found["language"]), (&true.into(), &"en".into()));
    assert_eq!(found["title"], "Review of timeliness and quality");
    let tags = &found["tags"];
    for (tag, least) in
        [("H1", 1), ("H2", 6), ("H3", 4), ("P", 6), ("Table", 5), ("TH", 20), ("TD", 40)]
    {
        assert!(tags[tag].as_u64().unwrap_or(0) >= least, "{tag}: {tags}");
    }
    let said = found["text"].as_str().unwrap();
    for wanted in
        ["EXERCISE", "Readiness of the hotline", "no-material-nexus", "Nine in ten within"]
    {
        assert!(said.contains(wanted), "{wanted}");
    }
}

//! `comity hunt`, as people call it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn comity(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    command.args(arguments).current_dir(folder).output().unwrap()
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = comity(folder, arguments);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = comity(folder, arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn stage() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("list.txt"), "203.0.113.77\nevil[.]example\nhxxp://evil.example/a\n")
        .unwrap();
    std::fs::create_dir_all(at.join("logs/old")).unwrap();
    std::fs::write(
        at.join("logs/a.json"),
        r#"{"src_ip":"203.0.113.77","http":{"hostname":"evil.example","url":"/a"}}"#,
    )
    .unwrap();
    std::fs::write(at.join("logs/old/b.log"), "x\nsrc=203.0.113.77\n").unwrap();
    folder
}

#[test]
fn an_index_a_hunt_and_what_it_tells() {
    let folder = stage();
    let at = folder.path();
    let made = run(at, &["hunt", "index", "-o", "i.hunt", "list.txt"]);
    assert!(made.contains("3 indicators: 1 domain, 1 ipv4, 1 url"), "{made}");
    assert!(run(at, &["hunt", "verify", "i.hunt"]).contains("i.hunt: whole, sha256 "));
    let shown: Value =
        serde_json::from_str(&run(at, &["hunt", "show", "i.hunt", "--json"])).unwrap();
    assert_eq!(shown["about"]["lists"][0]["name"], "list.txt");

    let found = run(at, &["hunt", "run", "--index", "i.hunt", "logs"]);
    let found: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found.len(), 4, "{found:?}");
    let first = serde_json::json!({
        "file": "logs/a.json", "line": 1, "offset": 11, "length": 12, "type": "ipv4", "indicator": "203.0.113.77",
        "value": "203.0.113.77", "field": "src_ip", "list": "list.txt",
    });
    assert_eq!(found[0], first);
    assert_eq!(found[2]["field"], "http.hostname+http.url");
    assert_eq!(
        (&found[3]["file"], &found[3]["line"], &found[3]["field"]),
        (&"logs/old/b.log".into(), &2.into(), &"src".into())
    );

    let globbed = run(at, &["hunt", "run", "--index", "i.hunt", "logs/**/*.log"]);
    assert_eq!(globbed.lines().count(), 1);
    let csv = run(at, &["hunt", "run", "--index", "i.hunt", "--format", "csv", "logs"]);
    assert!(csv.starts_with("file,line,offset,length,type,indicator,value,field,"), "{csv}");
    assert_eq!(csv.lines().count(), 5);
    let summary = run(at, &["hunt", "run", "--index", "i.hunt", "--summary", "logs"]);
    assert!(
        summary.contains("4 sightings (1 domain, 2 ipv4, 1 url) in 3 lines")
            && summary.contains("█"),
        "{summary}"
    );

    let mut piped = Command::new(env!("CARGO_BIN_EXE_comity"));
    let piped = piped.args(["hunt", "run", "--index", "i.hunt", "-"]).current_dir(at);
    let mut piped = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(b"evil.example\n").unwrap();
    let found = piped.wait_with_output().unwrap();
    assert!(String::from_utf8(found.stdout).unwrap().contains(r#""file":"-","line":1"#));

    std::fs::create_dir(at.join("indexes")).unwrap();
    run(at, &["hunt", "index", "-o", "indexes", "list.txt"]);
    let digest = shown["sha256"].as_str().unwrap();
    assert!(at.join(format!("indexes/{digest}.hunt")).exists());
}

#[test]
fn sightings_are_valid_stix() {
    let folder = stage();
    let at = folder.path();
    std::fs::write(
        at.join("more.txt"),
        "1.2.3.0/24\n2001:db8::1\n2001:db8:1::/48\nwho@mail.example\nfilename,it's.exe\n\
        44d88612fea8a8f36de82e1278abb02f\nt13d1516h2_8daaf6152771_b186095e22b6\nbücher.example\n",
    )
    .unwrap();
    std::fs::write(at.join("logs/c.log"), "1.2.3.9 2001:db8::1 2001:db8:1::7 who@mail.example x/it's.exe 44d88612fea8a8f36de82e1278abb02f \
        t13d1516h2_8daaf6152771_b186095e22b6 bücher.example\n").unwrap();
    run(at, &["hunt", "index", "-o", "i.hunt", "list.txt", "more.txt"]);
    run(at, &["hunt", "run", "--index", "i.hunt", "--format", "stix", "-o", "seen.json", "logs"]);
    let bundle: Value =
        serde_json::from_slice(&std::fs::read(at.join("seen.json")).unwrap()).unwrap();
    let of = |kind: &str| {
        bundle["objects"].as_array().unwrap().iter().filter(|one| one["type"] == kind).count()
    };
    assert_eq!((of("sighting"), of("observed-data"), of("indicator")), (11, 11, 11));
    // What was observed is the address, not the network that is looked for.
    let values: Vec<_> = bundle["objects"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["value"].as_str())
        .collect();
    assert!(
        values.contains(&"1.2.3.9") && !values.iter().any(|value| value.ends_with("/24")),
        "{values:?}"
    );
    let checked = run(at, &["stix", "validate", "seen.json"]);
    assert!(checked.lines().all(|line| line.contains(r#""valid":true"#)), "{checked}");
}

#[test]
fn a_hunt_that_was_killed_goes_on() {
    let folder = stage();
    let at = folder.path();
    run(at, &["hunt", "index", "-o", "i.hunt", "list.txt"]);
    let line = format!("{} 203.0.113.77\n", "x".repeat(300));
    std::fs::write(at.join("big.log"), line.repeat(200_000)).unwrap();
    let whole = run(at, &["hunt", "run", "--index", "i.hunt", "big.log"]);
    for milliseconds in [150, 250, 400, 600] {
        let _ = std::fs::remove_file(at.join("out.ndjson.resume"));
        let mut killed = Command::new(env!("CARGO_BIN_EXE_comity"));
        let killed = killed.args([
            "hunt",
            "run",
            "--threads",
            "1",
            "--index",
            "i.hunt",
            "-o",
            "out.ndjson",
            "big.log",
        ]);
        let mut killed = killed.current_dir(at).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        killed.kill().unwrap();
        killed.wait().unwrap();
        // What is written to the log meanwhile is no part of it.
        if at.join("out.ndjson.resume").exists() {
            std::fs::write(at.join("big.log"), line.repeat(200_100)).unwrap();
        }
        run(at, &["hunt", "run", "--resume", "--index", "i.hunt", "-o", "out.ndjson", "big.log"]);
        std::fs::write(at.join("big.log"), line.repeat(200_000)).unwrap();
        let resumed = std::fs::read_to_string(at.join("out.ndjson")).unwrap();
        assert!(resumed == whole, "{milliseconds} ms: {} of {} bytes", resumed.len(), whole.len());
        assert!(!at.join("out.ndjson.resume").exists());
    }
    std::fs::write(at.join("out.ndjson.resume"), r#"{"what":{},"reached":{"files":0,"segments":0,"line":0,"written":0,"counts":[0,0,0,0,0],"kinds":{}}}"#).unwrap();
    let error = refused(
        at,
        &["hunt", "run", "--resume", "--index", "i.hunt", "-o", "out.ndjson", "big.log"],
    );
    assert!(error.contains("is of a hunt with other logs, indexes or options"), "{error}");
}

#[test]
fn what_is_wrong_is_said() {
    let folder = stage();
    let at = folder.path();
    std::fs::write(at.join("bad.txt"), "1.2.3.4\nnot one\n").unwrap();
    let error = refused(at, &["hunt", "index", "-o", "i.hunt", "bad.txt"]);
    assert!(
        error.contains("bad.txt: line 2: 'not one' is no address") && error.contains("--skip-bad"),
        "{error}"
    );
    assert!(!at.join("i.hunt").exists());
    assert!(
        run(at, &["hunt", "index", "--skip-bad", "-o", "i.hunt", "bad.txt"])
            .contains("1 indicators: 1 ipv4")
    );
    let error = refused(at, &["hunt", "run", "--index", "list.txt", "logs"]);
    assert!(error.contains("list.txt is no index of indicators"), "{error}");
    let error = refused(at, &["hunt", "run", "--index", "i.hunt", "nowhere"]);
    assert!(error.contains("nowhere: "), "{error}");
    let error = refused(at, &["hunt", "run", "--index", "i.hunt", "logs/*.none"]);
    assert!(error.contains("no file is called so"), "{error}");
    run(at, &["hunt", "index", "-o", "d.hunt", "--base", "i.hunt", "list.txt"]);
    let error = refused(at, &["hunt", "run", "--index", "list.txt", "--index", "d.hunt", "logs"]);
    assert!(error.contains("list.txt"), "{error}");
    // What is not there cannot be taken back.
    std::fs::write(at.join("gone.txt"), "1.2.3.4\nzzz.example\n").unwrap();
    let taken =
        comity(at, &["hunt", "index", "-o", "e.hunt", "--base", "i.hunt", "--remove", "gone.txt"]);
    let (said, told) =
        (String::from_utf8_lossy(&taken.stdout), String::from_utf8_lossy(&taken.stderr));
    assert!(
        said.contains("takes back 1 of it") && told.contains("does not hold zzz.example"),
        "{taken:?}"
    );
    run(at, &["hunt", "index", "-o", "other.hunt", "list.txt"]);
    let error = refused(at, &["hunt", "run", "--index", "other.hunt", "--index", "d.hunt", "logs"]);
    assert!(error.contains("adds to an index that is not given"), "{error}");
    std::fs::write(at.join("logs/broken.gz"), b"\x1f\x8b\x08\0\0\0\0\0\0\x03rubbish").unwrap();
    // What can be searched is; what cannot is named, and the hunt has not reached all.
    std::fs::write(at.join("bad.txt"), "1.2.3.4\n").unwrap();
    run(at, &["hunt", "index", "-o", "i.hunt", "list.txt"]);
    let output = comity(at, &["hunt", "run", "--index", "i.hunt", "logs"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 4);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("not read to its end: logs/broken.gz: "), "{error}");
    std::fs::remove_file(at.join("logs/broken.gz")).unwrap();
    // What is read is not written over, and what is written is not read.
    for (output, wanted) in
        [("i.hunt", "is an index that is read"), ("logs/a.json", "is a log that is read")]
    {
        let error =
            refused(at, &["hunt", "run", "--index", "i.hunt", "-o", output, "logs", "logs/a.json"]);
        assert!(error.contains(wanted), "{error}");
    }
    let error = refused(at, &["hunt", "index", "-o", "list.txt", "list.txt"]);
    assert!(error.contains("is read for this"), "{error}");
    for _ in 0..2 {
        run(at, &["hunt", "run", "--index", "i.hunt", "-o", "logs/seen.ndjson", "logs"]);
        assert_eq!(
            std::fs::read_to_string(at.join("logs/seen.ndjson")).unwrap().lines().count(),
            4
        );
    }
    // A pipe is a log too.
    let shell = format!(
        "cat logs/old/b.log | {} hunt run --index i.hunt /dev/stdin",
        env!("CARGO_BIN_EXE_comity")
    );
    let piped = Command::new("sh").args(["-c", &shell]).current_dir(at).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&piped.stdout).lines().count(), 1, "{piped:?}");
    let mut bytes = std::fs::read(at.join("i.hunt")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(at.join("i.hunt"), bytes).unwrap();
    let output = comity(at, &["hunt", "verify", "i.hunt"]);
    assert_eq!(output.status.code(), Some(1));
}

/// What warning lists hide is counted, for a script as for a terminal; and nothing is said where nothing was hidden.
#[test]
fn what_is_left_out_is_said_to_a_script_too() {
    let folder = stage();
    let at = folder.path();
    std::fs::write(
        at.join("w.json"),
        r#"{"name":"Known good","type":"hostname","matching_attributes":["domain"],"list":["evil.example"]}"#,
    )
    .unwrap();
    run(at, &["hunt", "index", "-o", "w.hunt", "--warninglist", "w.json", "list.txt"]);
    run(at, &["hunt", "index", "-o", "i.hunt", "list.txt"]);
    let said = |index: &str| {
        let found = comity(at, &["hunt", "run", "--index", index, "logs"]);
        assert!(found.status.success(), "{found:?}");
        String::from_utf8(found.stderr).unwrap()
    };
    let warned = said("w.hunt");
    assert!(warned.contains("1 that warning lists call harmless were left out"), "{warned}");
    assert_eq!(said("i.hunt"), "");
}

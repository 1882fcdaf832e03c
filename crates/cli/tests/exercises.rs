//! The shipped exercises, played over real nodes; and what is wrong with a script is said by its place.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::process::{Command, Output};

use serde_json::Value;

fn comity(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_comity")).args(arguments).output().unwrap()
}

/// Plays an exercise that must end as it should; its report.
fn played(name: &str) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let html = folder.path().join("report.html");
    let ran = comity(&["--json", "exercise", "run", name, "-o", html.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stdout));
    assert!(said.starts_with("EXERCISE. "), "{said}");
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["as_it_should_be"], true);
    assert_eq!(report["review"]["scope"]["exercise"], true);
    (report, std::fs::read_to_string(html).unwrap())
}

#[test]
fn the_hotline_drill_ends_as_it_should() {
    let (report, html) = played("hotline-drill");
    let south = &report["review"]["mechanism"]["hotline"]["southland"];
    assert_eq!((&south["echo"]["done"], &south["read_back"]["done"]), (&1.into(), &1.into()));
    assert!(html.contains("EXERCISE · not a real case"));
    assert!(html.contains("After-action report: Hotline drill"));
    assert!(!html.contains("gates at 07:40"), "what was said is not in the report");
}

#[test]
fn the_turn_of_a_holiday_ends_as_it_should() {
    let (report, html) = played("holiday-turn");
    let answers = &report["review"]["answers_of"]["westland"];
    assert_eq!((&answers["answer"]["within"], &answers["answer"]["late"]), (&1.into(), &1.into()));
    assert!(html.contains("the party does not speak with one voice"));
}

#[test]
fn what_is_wrong_with_a_script_is_said_by_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    let shown = comity(&["exercise", "show", "hotline-drill"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    for (from, to, wanted) in [
        (
            "by = \"northland\"",
            "by = \"eastland\"",
            "step 1 (tests the line: an echo): eastland does not play",
        ),
        ("as = \"lim\"", "as = \"nobody\"", "nobody is nobody of southland's people"),
        ("of = \"call\"", "of = \"cal\"", "no step above it opens \"cal\""),
        ("at = \"PT76M\"", "at = \"PT5M\"", "it comes before the step above it"),
        ("name = \"echo\"\n", "", "what opens a thread has a `name`"),
        ("signal = \"echo\"", "signal = \"ech\"", "unknown variant `ech`"),
        ("template = \"comity-model\"", "template = \"/no/such\"", "/no/such"),
    ] {
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let ran = comity(&["exercise", "run", path.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(2), "{said}");
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

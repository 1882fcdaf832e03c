//! The texts that an official reads, whole: who changes one sees what the change makes of it.
//!
//! `COMITY_WRITE_TEXTS=1 cargo test -p comity-weigh --test texts` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use comity_weigh::effect::input::{Period, Read, Reading};
use comity_weigh::effect::{Design, Study};
use comity_weigh::{Input, loss, run};

fn same(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts").join(name);
    if std::env::var_os("COMITY_WRITE_TEXTS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, known, "{} says something else", path.display());
}

#[test]
fn a_weighing_reads_as_it_did() {
    let run = run(Input::parse(include_str!("example.json")).unwrap());
    same("summary.txt", &run.summary());
    same("comparison.txt", &run.comparison());
    same("explanation.txt", &run.explanation());
}

#[test]
fn a_study_reads_as_it_did() {
    let counts = [9, 12, 8, 11, 10, 13, 9, 10, 12, 11, 8, 10];
    let rows = (0..5).flat_map(|year| {
        counts.iter().enumerate().map(move |(month, count)| {
            let count = if year < 3 { *count } else { count / 3 };
            format!("{}-{:02},{count}\n", 2012 + year, month + 1)
        })
    });
    let file = "from,count\n".to_owned() + &rows.collect::<String>();
    let (only, control) = (Vec::new(), Vec::new());
    let reading = Reading {
        period: Period::Month,
        stage: None,
        only,
        control,
        until: None,
        events: false,
        eurepoc: false,
    };
    let read = Read::parse(&file, &reading).unwrap();
    let event = "2015-01-01".parse().unwrap();
    let design =
        Design { before: read.before(event), harmonics: 0, period: 12.0, prior: None, seed: 1 };
    let study = Study::of(&read.series, &design).unwrap();
    same("study.txt", &study.summary(&read, event));
}

#[test]
fn a_loss_reads_as_it_did() {
    let file = include_str!("../../../docs/what-it-cost.json");
    same("loss.txt", &loss::summary(&loss::run(file, 1).unwrap()));
}

//! How long a case takes, with everything that a run gives: `cargo bench -p comity-weigh`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark that cannot go on fails")]

use std::fmt::Write as _;
use std::time::Instant;

use comity_weigh::{Input, run};

/// A file with so many items, roots, hypotheses and parties; the numbers follow from their places.
fn file(items: u32, roots: u32, hypotheses: u32, parties: u32) -> String {
    let mut state = 47_u32;
    let mut roll = |sides: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % sides
    };
    let names: Vec<_> = (0..hypotheses).map(|n| format!("\"H{n}\"")).collect();
    let mut evidence = String::new();
    for item in 0..items {
        let _ = write!(
            evidence,
            "{}\"e{item}\": {{\"src\": \"s{}\", \"root\": \"r{}\", \"public\": true",
            if item == 0 { "" } else { ", " },
            roll(3),
            item % roots
        );
        for party in 0..parties {
            let row: Vec<_> = (0..hypotheses).map(|_| (1 + roll(9_999)).to_string()).collect();
            let _ = write!(evidence, ", \"P{party}\": [{}]", row.join(","));
        }
        evidence.push('}');
    }
    let share = vec![format!("\"1/{hypotheses}\""); hypotheses as usize].join(",");
    let priors: Vec<_> = (0..parties).map(|party| format!("\"P{party}\": [{share}]")).collect();
    format!(
        "{{\"hypotheses\": [{}], \"grades\": {{\"A\": \"19/20\", \"B\": \"4/5\"}},
          \"sources\": {{\"s0\": {{\"grade\": \"A\", \"coi\": false}}, \"s1\": {{\"grade\": \"B\", \"coi\": true}},
          \"s2\": {{\"grade\": \"F\", \"coi\": false}}}}, \"evidence\": {{{evidence}}}, \"priors\": {{{}}}}}",
        names.join(","),
        priors.join(",")
    )
}

fn main() {
    println!("milliseconds, the best and the worst of twenty");
    for (what, text) in [
        ("100 items, 20 roots, 10 hypotheses, 2 parties", file(100, 20, 10, 2)),
        ("60 items, 60 roots, 4 hypotheses, 2 parties", file(60, 60, 4, 2)),
    ] {
        let mut times: Vec<_> = (0..20)
            .map(|_| {
                let begin = Instant::now();
                let run = run(Input::parse(&text).unwrap());
                let size = run.to_json(&text).unwrap().to_string().len()
                    + run.comparison_json().to_string().len()
                    + run.summary().len()
                    + run.explanation().len()
                    + run.to_html().len()
                    + run.to_stix(&text, "2026-11-23T00:00:00.000Z").to_string().len();
                assert!(size > 10_000);
                begin.elapsed().as_secs_f64() * 1_000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{what:<50} {:>6.1} {:>6.1}", times[0], times[19]);
    }
}

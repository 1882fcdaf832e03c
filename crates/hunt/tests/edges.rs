//! What is found, and what is not: `edges.txt`, by every way of reading.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use comity_hunt::hunt::Options;
use comity_hunt::indicator::{Indicator, Kind};
use comity_hunt::scan::Instructions;
use stage::Stage;

struct Edge {
    kind: String,
    indicator: String,
    text: Vec<u8>,
    /// Where what must be reported begins and ends.
    spans: Vec<(u64, u64)>,
    place: usize,
}

fn edges() -> (Vec<Edge>, Vec<Edge>) {
    let (mut plain, mut all, mut in_plain) = (Vec::new(), Vec::new(), true);
    for (place, line) in (1..).zip(include_str!("edges.txt").lines()) {
        match line {
            "= plain" => in_plain = true,
            "= all" => in_plain = false,
            _ => {}
        }
        if !line.starts_with(['+', '-']) {
            continue;
        }
        let parts: Vec<&str> = line.splitn(4, " | ").collect();
        let [sign, kind, indicator, text] = parts[..] else { panic!("line {place}: {line}") };
        let (mut bytes, mut begins, mut spans) = (Vec::new(), Vec::new(), Vec::new());
        for c in text.chars() {
            match c {
                '«' => begins.push(bytes.len() as u64),
                '»' => spans.push((begins.pop().unwrap(), bytes.len() as u64)),
                '⇥' => bytes.push(b'\t'),
                '⌧' => bytes.push(0xff),
                _ => bytes.extend(c.to_string().bytes()),
            }
        }
        assert_eq!(spans.is_empty(), sign == "-", "line {place}");
        let edge =
            Edge { kind: kind.into(), indicator: indicator.into(), text: bytes, spans, place };
        if in_plain { plain.push(edge) } else { all.push(edge) }
    }
    (plain, all)
}

/// One log of all the lines; each must give its own indicator where it is marked, and nowhere else.
fn check(indicators: &[&Edge], lines: &[&Edge], options: Options) {
    let stage = Stage::new();
    let made = |edge: &Edge| {
        let indicator =
            Indicator::new(Kind::of_name(&edge.kind).unwrap(), &edge.indicator).unwrap();
        Indicator { id: Some(format!("{}|{}", edge.kind, edge.indicator)), ..indicator }
    };
    let index = stage.index("edges", indicators.iter().map(|edge| made(edge)));
    let (mut log, mut starts) = (b"no table\n".to_vec(), Vec::new());
    for edge in lines {
        starts.push(log.len() as u64);
        log.extend(&edge.text);
        log.push(b'\n');
    }
    let found = stage.hunt(&[index], &[stage.log("edges.log", &log)], options).0;
    let mut wrong = Vec::new();
    for (number, (edge, start)) in lines.iter().zip(starts).enumerate() {
        let id = format!("{}|{}", edge.kind, edge.indicator);
        let here =
            found.iter().filter(|seen| seen.line == number as u64 + 2 && seen.indicator == id);
        let spans: Vec<(u64, u64)> =
            here.map(|seen| (seen.offset - start, seen.offset - start + seen.length)).collect();
        if spans != edge.spans {
            let text = String::from_utf8_lossy(&edge.text);
            wrong.push(format!("line {}: {text}: {spans:?}, not {:?}", edge.place, edge.spans));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_found_and_what_is_not() {
    let (plain, all) = edges();
    assert!(plain.len() + all.len() >= 300);
    let (plain, all): (Vec<&Edge>, Vec<&Edge>) = (plain.iter().collect(), all.iter().collect());
    let both: Vec<&Edge> = plain.iter().chain(&all).copied().collect();
    for instructions in [Instructions::Fastest, Instructions::Avx2, Instructions::Portable] {
        for block in [64, 1000, 48 << 10] {
            let options =
                Options { threads: 1, block, instructions, suppressed: true, times: false };
            check(&plain, &plain, options);
            check(&both, &both, options);
        }
    }
}

/// Wherever in a word of 64 bytes a line begins.
#[test]
fn where_a_line_begins_makes_no_difference() {
    let (plain, _) = edges();
    for before in 0..64 {
        let shifted: Vec<Edge> = plain
            .iter()
            .map(|edge| Edge {
                kind: edge.kind.clone(),
                indicator: edge.indicator.clone(),
                // Lines of JSON stay JSON.
                text: [vec![b' '; before], edge.text.clone()].concat(),
                spans: edge
                    .spans
                    .iter()
                    .map(|(a, b)| (a + before as u64, b + before as u64))
                    .collect(),
                place: edge.place,
            })
            .collect();
        let shifted: Vec<&Edge> = shifted.iter().collect();
        check(&shifted, &shifted, Options { threads: 1, ..Options::default() });
    }
}

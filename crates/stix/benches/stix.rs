//! Validation and patterns, beside a plain parse of the same bytes: `cargo bench -p comity-stix`.
//!
//! One thread, wall time, the best of several rounds; ratios are of one run.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot go on fails"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use comity_stix::pattern::{Matcher, Observed, Pattern, Syntax};
use comity_stix::{bundle, json};

const ROUNDS: usize = 7;

/// The shortest of several rounds, in seconds.
fn best(mut run: impl FnMut()) -> f64 {
    let round = |_| {
        let begin = Instant::now();
        run();
        begin.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

fn main() {
    let apt1 = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/stix/apt1.json");
    let files =
        [("a report (APT1)", std::fs::read(apt1).unwrap()), ("indicators", indicators(20_000))];
    println!("parse and validate, beside serde_json::Value of the same bytes");
    for (name, bytes) in files {
        let objects = bundle::validate_all(&bytes).unwrap();
        let repeat = 20_000 / objects.len();
        let many = |run: &dyn Fn()| best(|| (0..repeat).for_each(|_| run()));
        let plain = many(&|| {
            black_box(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap());
        });
        let parsed = many(&|| {
            black_box(json::parse(&bytes).unwrap());
        });
        let validated = many(&|| {
            black_box(bundle::validate_all(&bytes).unwrap());
        });
        let each = bytes.len() / objects.len();
        let rate = |seconds: f64| (objects.len() * repeat) as f64 / seconds;
        println!(
            "{name}: {each} bytes an object; validated {:.0}/s, parsed {:.0}/s, serde_json::Value {:.0}/s; \
             validated by plain: {:.2} times the time",
            rate(validated),
            rate(parsed),
            rate(plain),
            validated / plain
        );
    }
    println!("patterns: observations a second");
    for (name, pattern) in [
        ("one comparison", "[network-traffic:dst_port = 9999999]"),
        ("through a reference", "[network-traffic:dst_ref.value = 'nowhere']"),
        ("MATCHES", "[domain-name:value MATCHES '^[a-z]+[0-9]+\\\\.evil\\\\.example$']"),
        ("LIKE", "[domain-name:value LIKE '%.evil.example']"),
    ] {
        measure(name, pattern, 100_000);
    }
    for count in [800, 10_000, 100_000] {
        let pattern = "([network-traffic:dst_port = 1] FOLLOWEDBY [network-traffic:dst_port = 0]) WITHIN 5 SECONDS";
        measure(&format!("FOLLOWEDBY, nothing within, of {count}"), pattern, count);
    }
    measure(
        "REPEATS 500 TIMES WITHIN 600 SECONDS",
        "[network-traffic:dst_port = 1] REPEATS 500 TIMES WITHIN 600 SECONDS",
        100_000,
    );
}

fn measure(name: &str, pattern: &str, count: usize) {
    let file = observations(count);
    let value = json::parse(file.as_bytes()).unwrap();
    let observed = Observed::all(&value).unwrap();
    let pattern = Pattern::parse(pattern, Syntax::V21).unwrap();
    let matcher = Matcher::new(&pattern).unwrap();
    let repeat = 100_000 / count;
    let took = best(|| {
        for _ in 0..repeat {
            assert!(black_box(matcher.find(&observed).unwrap()).is_none());
        }
    });
    println!("{name}: {:.0}/s", (count * repeat) as f64 / took);
}

/// Observations ten seconds apart, of two ports in turn, with three observables each.
fn observations(count: usize) -> String {
    let mut file = "[".to_owned();
    for n in 0..count {
        let (day, hour, minute, second) = (1 + n / 8_640, n / 360 % 24, n / 6 % 60, n % 6 * 10);
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(
            file,
            r#"{comma}{{"type":"observed-data","id":"observed-data--{n}","first_observed":"2024-01-{day:02}T{hour:02}:{minute:02}:{second:02}Z",
            "last_observed":"2024-01-{day:02}T{hour:02}:{minute:02}:{second:02}Z","number_observed":1,"objects":{{
            "0":{{"type":"network-traffic","dst_ref":"1","dst_port":{},"protocols":["tcp"]}},
            "1":{{"type":"ipv4-addr","value":"10.0.{}.{}"}},"2":{{"type":"domain-name","value":"host{n}.good.example"}}}}}}"#,
            n % 2,
            n / 256 % 256,
            n % 256
        );
    }
    file + "]"
}

/// A bundle of indicators of some 800 bytes, as feeds have them.
fn indicators(count: usize) -> Vec<u8> {
    let mut file =
        r#"{"type":"bundle","id":"bundle--0c7b5b88-8ff7-4a4d-aa9d-feb398cd0061","objects":["#
            .to_owned();
    for n in 0..count {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(
            file,
            r#"{comma}{{"type":"indicator","spec_version":"2.1","id":"indicator--{n:08x}-8ff7-4a4d-aa9d-feb398cd0061","created_by_ref":"identity--0c7b5b88-8ff7-4a4d-aa9d-feb398cd0061","created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","name":"Address of a server number {n}","description":"An address that a family of malware connects to once it has been started, seen in the traffic of several organisations in the course of an investigation.","indicator_types":["malicious-activity"],"pattern":"[ipv4-addr:value = '198.51.{}.{}' OR domain-name:value = 'host{n}.evil.example']","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z","valid_until":"2025-01-01T00:00:00Z","kill_chain_phases":[{{"kill_chain_name":"lockheed-martin-cyber-kill-chain","phase_name":"command-and-control"}}],"labels":["apt","c2"],"confidence":85}}"#,
            n / 256 % 256,
            n % 256
        );
    }
    file.push_str("]}");
    file.into_bytes()
}

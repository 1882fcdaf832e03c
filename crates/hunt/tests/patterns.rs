//! STIX patterns over what lines of logs say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use comity_hunt::hunt::Options;
use comity_hunt::index::{Builder, Index};
use comity_hunt::lists::{self, Choice};
use comity_hunt::warning::Warnings;
use stage::Stage;

/// Indicators of these patterns, called by their numbers.
fn bundle(patterns: &[&str]) -> Vec<u8> {
    let objects: Vec<_> = (0..)
        .zip(patterns)
        .map(|(number, pattern)| {
            serde_json::json!({
                "type": "indicator", "id": format!("indicator--{number}"), "pattern_type": "stix",
                "spec_version": "2.1", "pattern": pattern,
            })
        })
        .collect();
    let bundle = serde_json::json!({ "type": "bundle", "id": "bundle--1", "objects": objects });
    bundle.to_string().into_bytes()
}

/// An index of them.
fn index(stage: &Stage, patterns: &[&str]) -> (Index, lists::Read) {
    let mut builder = Builder::new(Warnings::default());
    let read = lists::read(&bundle(patterns), Choice::default(), &mut |one| builder.add(one));
    (builder.write(&stage.path("patterns.hunt")).unwrap(), read.unwrap())
}

/// Which patterns are seen in which lines.
fn seen(patterns: &[&str], log: &str) -> Vec<(String, u64)> {
    let stage = Stage::new();
    let (index, read) = index(&stage, patterns);
    assert_eq!(read.refusals, 0, "{:?}", read.refused);
    let logs = [stage.log("x.log", log.as_bytes())];
    let indexes = [index];
    let first = stage.hunt(&indexes, &logs, Options { threads: 1, ..Options::default() });
    let again =
        stage.hunt(&indexes, &logs, Options { threads: 2, block: 64, ..Options::default() });
    assert_eq!(first, again);
    let number = |id: &str| id.trim_start_matches("indicator--").to_owned();
    first.0.iter().map(|seen| (number(&seen.indicator), seen.line)).collect()
}

fn told(found: &[(String, u64)]) -> Vec<(&str, u64)> {
    found.iter().map(|(id, line)| (id.as_str(), *line)).collect()
}

const EVE: &str = concat!(
    r#"{"timestamp":"2026-03-09T08:00:00.000000+0000","event_type":"fileinfo","src_ip":"10.0.0.1","dest_ip":"203.0.113.7","dest_port":443,"proto":"TCP","fileinfo":{"filename":"/a/evil.exe","md5":"44d88612fea8a8f36de82e1278abb02f","size":68}}"#,
    "\n",
    r#"{"timestamp":"2026-03-09T08:00:10.000000+0000","event_type":"dns","src_ip":"10.0.0.1","dns":{"rrname":"www.evil.example"}}"#,
    "\n",
    r#"{"timestamp":"2026-03-09T08:00:20.000000+0000","event_type":"flow","src_ip":"10.0.0.1","dest_ip":"203.0.113.7","dest_port":80,"proto":"TCP"}"#,
    "\n",
    r#"{"timestamp":"2026-03-09T09:30:00.000000+0000","event_type":"http","src_ip":"203.0.113.7","dest_ip":"10.0.0.1","http":{"hostname":"evil.example","url":"/a","http_user_agent":"Bot/1"}}"#,
    "\n",
);

#[test]
fn a_pattern_over_one_line_asks_the_whole_of_it() {
    let found = seen(
        &[
            "[file:name = 'evil.exe' AND file:size > 60]",
            "[file:name = 'evil.exe' AND file:size > 70]",
            "[file:hashes.MD5 = '44d88612fea8a8f36de82e1278abb02f' AND file:name LIKE '%.exe']",
            "[network-traffic:dst_ref.value = '203.0.113.7' AND network-traffic:dst_port = 443]",
            "[network-traffic:src_ref.value = '203.0.113.7' AND network-traffic:protocols[*] = 'tcp']",
            "[network-traffic:src_ref.value = '203.0.113.7' AND network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' MATCHES '^Bot']",
            "[url:value = 'http://evil.example/a' AND url:value LIKE 'http:%']",
            "[domain-name:value = 'www.evil.example' AND domain-name:value NOT = 'x']",
            "[network-traffic:dst_ref.value ISSUBSET '203.0.113.0/29' AND network-traffic:dst_port = 443]",
            "[network-traffic:dst_ref.value NOT ISSUBSET '10.0.0.0/8' AND domain-name:value = 'a.example']",
        ],
        EVE,
    );
    let expected = [("3", 1), ("8", 1), ("0", 1), ("2", 1), ("7", 2), ("5", 4), ("6", 4)];
    assert_eq!(told(&found), expected);
    // A network by itself is looked for as one.
    let found = seen(&["[ipv4-addr:value ISSUBSET '203.0.113.0/29']"], EVE);
    assert_eq!(told(&found), [("0", 1), ("0", 3), ("0", 4)]);
}

/// What warning lists call harmless is left out where a pattern leads from it too, unless something else leads there as well.
#[test]
fn a_pattern_that_only_what_is_harmless_leads_to_is_left_out() {
    let stage = Stage::new();
    let own =
        r#"{"name":"Own","type":"cidr","matching_attributes":["ip-dst"],"list":["10.0.0.0/8"]}"#;
    let mut warnings = Warnings::default();
    warnings.add(own.as_bytes()).unwrap();
    let mut builder = Builder::new(warnings);
    let patterns = [
        "[network-traffic:dst_ref.value = '10.0.0.2' AND network-traffic:dst_port = 80]",
        "[network-traffic:dst_ref.value = '10.0.0.2' AND network-traffic:src_ref.value = '203.0.113.7']",
    ];
    lists::read(&bundle(&patterns), Choice::default(), &mut |one| builder.add(one)).unwrap();
    let index = builder.write(&stage.path("warned.hunt")).unwrap();
    let line = r#"{"src_ip":"203.0.113.7","dest_ip":"10.0.0.2","dest_port":80}"#;
    let logs = [stage.log("x.log", line.as_bytes())];
    for (suppressed, expected) in [(false, &["1"][..]), (true, &["0", "1"])] {
        let options = Options { threads: 1, suppressed, ..Options::default() };
        let (found, summary) = stage.hunt(std::slice::from_ref(&index), &logs, options);
        let mut found: Vec<&str> =
            found.iter().map(|one| one.indicator.trim_start_matches("indicator--")).collect();
        found.sort_unstable();
        assert_eq!((found, summary.suppressed), (expected.to_vec(), u64::from(!suppressed)));
    }
}

/// A delta that only takes patterns back holds none.
#[test]
fn patterns_that_are_taken_back_are_not_looked_for() {
    let stage = Stage::new();
    let patterns = ["[file:name = 'evil.exe' AND file:size > 60]"];
    let (base, _) = index(&stage, &patterns);
    let mut builder = Builder::new(Warnings::default()).on(&base);
    lists::read(&bundle(&patterns), Choice::default(), &mut |one| builder.remove(one)).unwrap();
    let delta = builder.write(&stage.path("delta.hunt")).unwrap();
    assert_eq!((base.about().patterns, delta.about().patterns, delta.indicators()), (1, 0, 0));
    let logs = [stage.log("x.log", EVE.as_bytes())];
    assert!(stage.hunt(&[base, delta], &logs, Options::default()).0.is_empty());
}

#[test]
fn a_pattern_over_several_lines_is_asked_of_all_that_may_be_its_parts() {
    let dns = "[domain-name:value = 'www.evil.example' AND domain-name:value LIKE '%']";
    let flow = "[network-traffic:dst_ref.value = '203.0.113.7' AND network-traffic:dst_port = 80]";
    let found = seen(
        &[
            &format!("{dns} FOLLOWEDBY {flow}"),
            &format!("{flow} FOLLOWEDBY {dns}"),
            &format!("({dns} FOLLOWEDBY {flow}) WITHIN 5 SECONDS"),
            &format!("({dns} AND {flow}) WITHIN 10 SECONDS"),
            "[ipv4-addr:value = '203.0.113.7'] REPEATS 3 TIMES",
            "[ipv4-addr:value = '203.0.113.7'] REPEATS 4 TIMES",
        ],
        EVE,
    );
    let found = told(&found);
    assert_eq!(found, [("0", 2), ("0", 3), ("3", 2), ("3", 3), ("4", 1), ("4", 3), ("4", 4)]);
}

/// Every line that satisfies a pattern is said, and of sets of lines each that shares none with another.
#[test]
fn all_that_satisfies_a_pattern_is_said() {
    let line = |second: u32, what: &str| {
        format!("{{\"timestamp\":\"2026-03-09T08:00:{second:02}Z\",\"dest_ip\":\"{what}\"}}\n")
    };
    let [a, b] = ["198.51.100.1", "198.51.100.2"];
    let log: String = [line(1, a), line(2, b), line(3, a), line(4, b), line(5, a)].concat();
    let [is_a, is_b] = [a, b].map(|one| format!("[ipv4-addr:value = '{one}']"));
    let found = seen(
        &[
            &format!("{is_a} OR {is_b}"),
            &format!("{is_a} START t'2026-03-09T08:00:02Z' STOP t'2026-03-09T08:01:00Z'"),
            &format!("({is_a} FOLLOWEDBY {is_b}) WITHIN 1 SECONDS"),
            &format!("{is_a} AND {is_b}"),
        ],
        &log,
    );
    let told = told(&found);
    let of = |name: &str| -> Vec<u64> {
        told.iter().filter(|(own, _)| *own == name).map(|(_, line)| *line).collect()
    };
    assert_eq!(of("0"), [1, 2, 3, 4, 5]);
    assert_eq!(of("1"), [3, 5]);
    assert_eq!(of("2"), [1, 2, 3, 4]);
    assert_eq!(of("3").len(), 4);
    // What has no time satisfies what does not ask for one.
    let bare = format!("saw {a}\nsaw {b}\n");
    let found = seen(
        &[
            &format!("{is_a} OR {is_b}"),
            &format!("{is_a} AND {is_b}"),
            &format!("{is_a} FOLLOWEDBY {is_b}"),
        ],
        &bare,
    );
    assert_eq!(self::told(&found), [("0", 1), ("0", 2), ("1", 1), ("1", 2)]);
}

/// What has no time has no place before or after anything; what says what it is in no field is there all the same.
/// A beacon that is seen all day: each set of lines is looked for where the last one ended.
#[test]
fn a_thousand_sets_are_found_without_going_through_all_for_each() {
    let line = |second: usize| {
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!(
            r#"{{"timestamp":"2026-03-09T{hour:02}:{minute:02}:{second:02}Z","dest_ip":"203.0.113.7"}}"#
        )
    };
    let log: String = (0..5_000).map(|second| line(second) + "\n").collect();
    let stage = Stage::new();
    let pattern = "[ipv4-addr:value = '203.0.113.7'] REPEATS 5 TIMES WITHIN 300 SECONDS";
    let (index, _) = index(&stage, &[pattern]);
    let logs = [stage.log("x.log", log.as_bytes())];
    let (found, summary) = stage.hunt(&[index], &logs, Options::default());
    assert_eq!((found.len(), summary.undecided), (5_000, false));
}

#[test]
fn lines_of_other_formats_are_observations_too() {
    let zeek = "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n\
        1773043200.5\tC1\t10.0.0.1\t5000\t203.0.113.7\t443\ttcp\n1773043201.5\tC1\t10.0.0.1\t5000\t203.0.113.7\t80\ttcp\n";
    let patterns = [
        "[network-traffic:dst_ref.value = '203.0.113.7' AND network-traffic:dst_port = 443]",
        "[ipv4-addr:value = '203.0.113.7'] REPEATS 2 TIMES WITHIN 2 SECONDS",
    ];
    assert_eq!(told(&seen(&patterns, zeek)), [("0", 3), ("1", 3), ("1", 4)]);
    assert_eq!(
        told(&seen(
            &patterns,
            "time,src,dst,dst_port\n2026-03-09T08:00:00Z,10.0.0.1,203.0.113.7,443\n"
        )),
        [("0", 2)]
    );
    assert_eq!(told(&seen(&patterns, "seen 203.0.113.7\nseen 203.0.113.7\n")), []);
    let text =
        ["[file:hashes.MD5 = '44d88612fea8a8f36de82e1278abb02f' AND file:hashes.MD5 LIKE '44%']"];
    assert_eq!(told(&seen(&text, "saw 44d88612fea8a8f36de82e1278abb02f\n")), [("0", 1)]);
}

#[test]
fn what_leads_to_no_pattern_is_said() {
    let stage = Stage::new();
    let (index, read) = index(
        &stage,
        &[
            "[file:size > 5]",
            "[domain-name:value LIKE '%.evil.example']",
            "[domain-name:value = 'a.example' OR file:size > 5]",
            "[domain-name:value = 'a.example'] FOLLOWEDBY [file:size > 5]",
            "[domain-name:value = 'a.example' OR domain-name:value = 'b.example']",
            "[domain-name:value = 'c.example' AND domain-name:value LIKE 'c%']",
            "[domain-name:value = 'd.example' AND domain-name:resolves_to_refs[*].value = '1.2.3.4']",
            "[file:name = 'd.exe' AND file:parent_directory_ref.path = '/tmp']",
            "[email-message:from_ref.value = 'd@d.example' AND email-message:subject = 'hi']",
            "[network-traffic:dst_ref.value = 'f.example' AND network-traffic:dst_port = 443]",
            "[network-traffic:dst_ref.value = 'e.example']",
        ],
    );
    assert_eq!(read.left_out["patterns, where they ask what no line is read for,"], 4);
    assert_eq!(read.left_out["patterns to which nothing leads that can be looked for"], 3);
    // Of one of two that are enough something can be looked for.
    assert_eq!(read.left_out["patterns, where nothing is seen of them that can be looked for,"], 1);
    assert_eq!(
        read.patterns,
        [0, 1, 2, 3, 6, 7, 8, 9].map(|number| format!("indicator--{number}"))
    );
    assert_eq!((index.indicators(), index.about().patterns), (9, 6));
    let indexes = [index];
    let logs = [stage.log("x.log", b"a.example b.example c.example e.example\n")];
    let (found, _) = stage.hunt(&indexes, &logs, Options::default());
    let kinds: Vec<_> = found.iter().map(|seen| (seen.kind, seen.value.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("domain", "a.example"),
            ("pattern", "a.example"),
            ("domain", "b.example"),
            ("pattern", "c.example"),
            ("domain", "e.example")
        ]
    );
}

#[test]
fn a_pattern_that_cannot_be_decided_is_not_told_as_not_satisfied() {
    // Twenty-four parts, each satisfied by each of twenty-three lines.
    let pattern = ["[ipv4-addr:value = '203.0.113.7']"; 24].join(" AND ");
    let line = r#"{"timestamp":"2026-03-09T08:00:00.000000+0000","event_type":"flow","dest_ip":"203.0.113.7"}"#;
    let stage = Stage::new();
    let (index, _) = index(&stage, &[&pattern]);
    let logs = [stage.log("x.log", format!("{line}\n").repeat(23).as_bytes())];
    let (found, summary) = stage.hunt(&[index], &logs, Options::default());
    assert!(found.is_empty() && summary.undecided, "{found:?} {summary:?}");
}

/// A line too long for one observation has a part of a pattern: nobody knows whether the rest is there.
#[test]
fn a_pattern_is_not_asked_of_a_line_that_is_too_long() {
    let stage = Stage::new();
    let (index, _) =
        index(&stage, &["[ipv4-addr:value = '1.2.3.4' AND ipv4-addr:value LIKE '1.%']"]);
    for (length, is_decided) in [(1_000, true), (3 << 20, false)] {
        let line = format!("{} 1.2.3.4\n", "x".repeat(length));
        let logs = [stage.log(&format!("{length}.log"), line.as_bytes())];
        let (found, summary) = stage.hunt(std::slice::from_ref(&index), &logs, Options::default());
        assert_eq!((found.len(), summary.undecided), (usize::from(is_decided), !is_decided));
    }
}

#[test]
fn texts_are_compared_in_one_spelling() {
    let patterns = [
        "[domain-name:value = 'Case.Example' AND domain-name:value LIKE '%']",
        "[email-addr:value = 'Who@X.example' AND email-addr:value LIKE '%']",
        "[network-traffic:dst_ref.value = '2001:DB8:0::5' AND network-traffic:dst_port = 53]",
        "[ipv6-addr:value = '::ffff:1.2.3.4' AND ipv6-addr:value LIKE '%']",
        "[domain-name:value = 'bücher.example' AND domain-name:value LIKE '%']",
        "[url:value = 'https://P.example/x' AND url:value LIKE 'https%']",
        "[file:hashes.MD5 = '44d88612fea8a8f36de82e1278abb02f' AND file:name != 'Setup.exe']",
        "[network-traffic:src_ref.value = '1.2.3.4' AND network-traffic:dst_port = 443]",
        "[file:name = 'Worm.EXE' AND file:name LIKE 'w%' AND file:name != 'x.exe']",
    ];
    let alone = |line: &str| {
        let found = seen(&patterns, &format!("{line}\n"));
        found.into_iter().map(|one| one.0).collect::<Vec<_>>()
    };
    let is = |number: usize| vec![number.to_string()];
    assert_eq!(alone(r#"{"rrname":"CASE.example"}"#), is(0));
    assert_eq!(alone("from who@x.example"), is(1));
    assert_eq!(alone(r#"{"dest_ip":"2001:db8::5","dest_port":53}"#), is(2));
    assert_eq!(alone(r#"{"src":"::FFFF:1.2.3.4"}"#), is(3));
    assert_eq!(alone(r#"{"rrname":"xn--bcher-kva.example"}"#), is(4));
    for line in [
        r#"{"http":{"http_refer":"https:\/\/p.example\/x"}}"#,
        "GET https://p.example/x",
        r#"{"link":"https://p.example/x"}"#,
    ] {
        assert_eq!(alone(line), is(5), "{line}");
    }
    assert_eq!(alone(r"b'line\nhttps://p.example/x'"), is(5));
    assert_eq!(alone("GET http://p.example/x"), [""; 0]);
    let cef =
        |name| format!("CEF:0|V|P|1|x|n|3|fname={name} fileHash=44D88612FEA8A8F36DE82E1278ABB02F");
    assert_eq!(alone(&cef("EVIL.exe")), is(6));
    for line in ["ran C:\\Worm.EXE now", r#"{"image":"C:\\notworm.exe","cmd":"WORM.exe"}"#] {
        assert_eq!(alone(line), is(8), "{line}");
    }
    assert_eq!(alone(&cef("Setup.exe")), [""; 0]);
    let leef = "LEEF:1.0|V|P|1|x|src=1.2.3.4\tdst=2.2.2.2\tdstPort=443";
    assert!(alone(leef).contains(&"7".to_owned()), "{:?}", alone(leef));
}

#[test]
fn times_are_read_as_formats_write_them() {
    let pattern = [
        "([domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']) WITHIN 10 SECONDS",
    ];
    let cef = |time: &str, host: &str| format!("CEF:0|V|P|1|x|n|3|rt={time} dhost={host}\n");
    let syslog = |time: &str, host: &str| format!("<13>1 {time} gw app - - - saw {host}\n");
    let both = |line: &dyn Fn(&str, &str) -> String, first: &str, second: &str| {
        told(&seen(&pattern, &(line(first, "a.example") + &line(second, "b.example"))))
            .iter()
            .map(|one| one.1)
            .collect::<Vec<_>>()
    };
    assert_eq!(both(&cef, "Mar 09 2026 08:00:00", "Mar 09 2026 08:00:09"), [1, 2]);
    assert_eq!(both(&cef, "Mar 09 2026 08:00:00", "Mar 09 2026 08:00:11"), [0; 0]);
    assert_eq!(both(&syslog, "2026-03-09T08:00:00Z", "2026-03-09T08:00:09.5Z"), [1, 2]);
    // Of lines that do not say when they were logged nobody can tell.
    let stage = Stage::new();
    let (index, _) = index(&stage, &pattern);
    let logs =
        [stage.log("x.log", b"Mar  9 08:00:00 gw a.example\nMar  9 08:00:01 gw b.example\n")];
    let (found, summary) = stage.hunt(&[index], &logs, Options::default());
    assert!(found.is_empty() && summary.undecided);
}

//! A second matcher, which looks for every indicator at every place, and knows nothing of masks, keys and filters.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use comity_hunt::hunt::Options;
use comity_hunt::index::Index;
use comity_hunt::scan::Instructions;
use proptest::prelude::*;
use stage::{Stage, indicators};

const WANTED: [(&str, &str); 10] = [
    ("domain", "evil.example"),
    ("domain", "a.evil.example"),
    ("domain", "b-c.net"),
    ("ip", "1.2.3.4"),
    ("ip", "10.20.30.40"),
    ("md5", "44d88612fea8a8f36de82e1278abb02f"),
    ("sha1", "3395856ce81f2b7382dee72602f798b642f14140"),
    ("filename", "x.exe"),
    ("filename", "evil.example.exe"),
    ("filename", "7z.001"),
];

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_".contains(&byte)
}

/// Where this indicator is in a line of ASCII, and what is reported for it.
fn naive(kind: &str, value: &str, line: &[u8], found: &mut BTreeSet<(usize, usize, String)>) {
    if kind == "ip" {
        return naive_ip(value, line, found);
    }
    let small = line.to_ascii_lowercase();
    let at = |place: usize| line.get(place).copied();
    for start in 0..=line.len().saturating_sub(value.len()) {
        if !small[start..].starts_with(value.as_bytes()) {
            continue;
        }
        let end = start + value.len();
        let before = start.checked_sub(1).and_then(at);
        // The dots of a sentence are no part of what stands before them.
        let mut after = end;
        while at(after) == Some(b'.') {
            after += 1;
        }
        let goes_on = at(after).is_some_and(is_token);
        let mut begin = start;
        match kind {
            "domain" => {
                while begin > 0 && is_token(line[begin - 1]) {
                    begin -= 1;
                }
                let whole = &line[begin..start];
                if goes_on || !(whole.is_empty() || whole.ends_with(b".")) {
                    continue;
                }
                begin += whole.iter().take_while(|byte| **byte == b'.').count();
            }
            "filename" if goes_on || before.is_some_and(is_token) => continue,
            "md5" | "sha1" => {
                let is_part =
                    |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
                // `0x` is no part of the digits.
                let prefixed =
                    small[..start].ends_with(b"0x") && !is_part(start.checked_sub(3).and_then(at));
                if is_part(before) && !prefixed || is_part(at(end)) {
                    continue;
                }
            }
            _ => {}
        }
        found.insert((begin, end, value.to_owned()));
    }
}

/// Every run of digits and dots that is the same four numbers, in a token without letters.
fn naive_ip(value: &str, line: &[u8], found: &mut BTreeSet<(usize, usize, String)>) {
    let text = std::str::from_utf8(line).unwrap();
    let mut at = 0;
    for token in text.split(|c: char| !c.is_ascii() || !is_token(c as u8)) {
        let begin = token.as_ptr().addr() - text.as_ptr().addr();
        assert!(begin >= at);
        at = begin;
        if token.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            continue;
        }
        for run in token.split(['-', '_']) {
            let start = run.as_ptr().addr() - text.as_ptr().addr();
            let lead = run.len() - run.trim_start_matches('.').len();
            let (start, run) = (start + lead, run.trim_matches('.'));
            let numbers: Vec<Option<u16>> =
                run.split('.').map(|part| part.parse().ok().filter(|_| part.len() <= 3)).collect();
            let wanted: Vec<Option<u16>> = value.split('.').map(|part| part.parse().ok()).collect();
            if numbers == wanted {
                found.insert((start, start + run.len(), value.to_owned()));
            }
        }
    }
}

fn piece() -> impl Strategy<Value = String> {
    let wanted = prop::sample::select(WANTED.to_vec()).prop_map(|(_, value)| value.to_owned());
    prop_oneof![
        4 => wanted.clone(),
        1 => wanted.prop_map(|value| value.to_ascii_uppercase()),
        3 => "[ ,;=/\"'<>|\\t]{1,3}",
        2 => "[.]{1,2}|-|_",
        1 => "[a-zA-Z0-9]{1,3}",
        1 => "[0-9]{1,3}[.][0-9]{1,3}",
        1 => "0{0,3}1[.]0{0,2}2[.]3[.]0{0,1}4",
        1 => "[ !-$&')*-9;-Z\\]-z|}~]{1,70}",
    ]
}

/// Whether a hunt finds in a text what is wanted, once each, with every sort of instructions.
fn all_ways(
    stage: &Stage,
    indexes: &[Index],
    text: &str,
    block: usize,
    wanted: &BTreeSet<(usize, usize, String)>,
) -> Result<(), TestCaseError> {
    let log = stage.log("naive.log", text.as_bytes());
    for instructions in [Instructions::Fastest, Instructions::Avx2, Instructions::Portable] {
        let options = Options { threads: 1, block, instructions, suppressed: false, times: true };
        let (seen, _) = stage.hunt(indexes, std::slice::from_ref(&log), options);
        let found: Vec<(usize, usize, String)> = seen
            .iter()
            .map(|seen| {
                let start = usize::try_from(seen.offset).unwrap();
                (start, start + usize::try_from(seen.length).unwrap(), seen.indicator.clone())
            })
            .collect();
        let unique: BTreeSet<_> = found.iter().cloned().collect();
        prop_assert_eq!(unique.len(), found.len(), "once each");
        prop_assert_eq!(&unique, wanted, "{}", text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn both_find_the_same(lines in prop::collection::vec(prop::collection::vec(piece(), 0..14), 1..8), block in 64_usize..300) {
        let stage = Stage::new();
        let index = stage.index("naive", indicators(&WANTED).into_iter());
        let lines: Vec<String> = lines.iter().map(|pieces| pieces.concat()).collect();
        let text = format!("no table\n{}\n", lines.join("\n"));
        let mut wanted = BTreeSet::new();
        let mut start = "no table\n".len();
        for line in &lines {
            for (kind, value) in WANTED {
                let mut found = BTreeSet::new();
                naive(kind, value, line.as_bytes(), &mut found);
                wanted.extend(found.into_iter().map(|(from, to, value)| (start + from, start + to, value)));
            }
            start += line.len() + 1;
        }
        all_ways(&stage, &[index], &text, block, &wanted)?;
    }

    /// Whatever the bytes are, it ends, and says the same by either way and in blocks of any size.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(prop_oneof![
        3 => any::<u8>(),
        2 => prop::sample::select(b".:[]{}%\\/@-_\n\"=0123456789abcdefx#\x1bm;".to_vec()),
    ], 0..2000), block in 64_usize..3000) {
        let stage = Stage::new();
        let index = stage.index("any", indicators(&WANTED).into_iter());
        let log = stage.log("any.log", &bytes);
        let indexes = [index];
        let logs = [log];
        let options = Options { threads: 1, block, instructions: Instructions::Fastest, suppressed: false, times: true };
        let first = stage.hunt(&indexes, &logs, options);
        let portable = Options { block: 64, instructions: Instructions::Portable, ..options };
        prop_assert_eq!(first, stage.hunt(&indexes, &logs, portable));
    }
}

const FORMS: [(&str, &str); 6] = [
    ("ip", "2001:db8::1"),
    ("ip", "1.2.3.4"),
    ("cidr", "198.51.100.0/24"),
    ("cidr", "2001:db8:aaaa::/48"),
    ("email", "who@mail.example"),
    ("url", "http://web.example/a?x=1"),
];

/// What a word is, by the standard library's reading of addresses and the standard's of escapes.
fn form(word: &str) -> Option<&'static str> {
    if let Ok(address) = word.parse::<IpAddr>() {
        return match address.to_canonical() {
            IpAddr::V4(four) if four.octets() == [1, 2, 3, 4] => Some("1.2.3.4"),
            IpAddr::V4(four) if four.octets().starts_with(&[198, 51, 100]) => {
                Some("198.51.100.0/24")
            }
            IpAddr::V6(six) if six.segments() == [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1] => {
                Some("2001:db8::1")
            }
            IpAddr::V6(six) if six.segments().starts_with(&[0x2001, 0xdb8, 0xaaaa]) => {
                Some("2001:db8:aaaa::/48")
            }
            _ => None,
        };
    }
    if word.eq_ignore_ascii_case("who@mail.example") {
        return Some("who@mail.example");
    }
    // Whatever the scheme is.
    let (_, rest) = word.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/')?);
    let host = host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(host);
    let path = path.replace("%61", "a").replace("%78", "x").replace("%3d", "%3D");
    let is_it = host.eq_ignore_ascii_case("web.example") && path == "/a?x=1";
    is_it.then_some("web.example/a?x=1")
}

fn word() -> impl Strategy<Value = String> {
    let groups = prop::sample::select(vec![
        [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1],
        [0x2001, 0xdb8, 0, 0, 0, 0, 0, 2],
        [0x2001, 0xdb8, 0xaaaa, 0, 0, 0, 0, 9],
        [0x2001, 0xdb8, 0xaaab, 0, 0, 0, 0, 9],
        [0, 0, 0, 0, 0, 0xffff, 0x102, 0x304],
        [0, 0, 0, 0, 0, 0xffff, 0xc633, 0x6407],
    ]);
    let spelled = (groups, 0_usize..4).prop_map(|(groups, how): ([u16; 8], _)| match how {
        0 => Ipv6Addr::from(groups).to_string(),
        1 => Ipv6Addr::from(groups).to_string().to_ascii_uppercase(),
        2 => groups.map(|group| format!("{group:04x}")).join(":"),
        _ => groups.map(|group| format!("{group:X}")).join(":"),
    });
    let network =
        (100_u8..102, any::<u8>()).prop_map(|(third, last)| format!("198.51.{third}.{last}"));
    let fixed = prop::sample::select(vec![
        "1.2.3.4",
        "1.2.3.5",
        "11.2.3.4",
        "who@mail.example",
        "WHO@Mail.Example",
        "awho@mail.example",
        "who@mail.example.org",
        "who@amail.example",
        "plain",
        "{}",
        "50%",
    ]);
    let url = (
        prop::sample::select(vec!["http", "https", "HTTP", "hxxp", "x"]),
        prop::sample::select(vec!["web.example", "WEB.example", "aweb.example", "web.example.org"]),
        prop::sample::select(vec!["", ":80", ":443", ":8080"]),
        prop::sample::select(vec![
            "/a?x=1",
            "/%61?x=1",
            "/a?%78=1",
            "/a",
            "/a?x=12",
            "/b",
            "/a?x=1{2}",
            "/A?x=1",
        ]),
    );
    prop_oneof![
        3 => spelled,
        1 => network,
        2 => fixed.prop_map(str::to_owned),
        4 => url.prop_map(|(scheme, host, port, path)| format!("{scheme}://{host}{port}{path}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Addresses in every spelling, networks, e-mail addresses and URLs, each a word by itself.
    #[test]
    fn words_are_found_in_every_form(
        lines in prop::collection::vec(prop::collection::vec((word(), "[ \\t\"<>]{1,3}"), 0..8), 1..6),
        block in 64_usize..300,
    ) {
        let stage = Stage::new();
        let indexes = [stage.index("forms", indicators(&FORMS).into_iter())];
        let mut text = "no table\n".to_owned();
        let mut wanted = BTreeSet::new();
        for line in &lines {
            for (word, between) in line {
                text.push_str(between);
                if let Some(found) = form(word) {
                    wanted.insert((text.len(), text.len() + word.len(), found.to_owned()));
                }
                text.push_str(word);
            }
            text.push('\n');
        }
        all_ways(&stage, &indexes, &text, block, &wanted)?;
    }
}

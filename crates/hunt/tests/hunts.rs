//! Whole hunts: formats, packing, threads, long lines, going on, deltas, warning lists, damage.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::io::Write as _;

use comity_hunt::hunt::{Hunt, Options, Position, Sighting, Sink, Summary};
use comity_hunt::index::{Builder, Error, Index, List};
use comity_hunt::indicator::{Indicator, Kind, Named};
use comity_hunt::input::{LONGEST_LINE, Source};
use comity_hunt::scan::Instructions;
use comity_hunt::warning::Warnings;
use stage::{Stage, indicators};

fn one() -> Options {
    Options { threads: 1, ..Options::default() }
}

/// Line, offset, value and field of each.
fn told(found: &[Sighting]) -> Vec<(u64, u64, &str, Option<&str>)> {
    found
        .iter()
        .map(|seen| (seen.line, seen.offset, seen.value.as_str(), seen.field.as_deref()))
        .collect()
}

/// Lines of several formats, in which something stands now and then.
fn mixed(lines: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for number in 0..lines {
        let address = if number % 997 == 0 {
            "203.0.113.77".to_owned()
        } else {
            format!("10.0.{}.{}", number / 250 % 250, number % 250)
        };
        let line = match number % 3 {
            0 => format!(
                r#"{{"timestamp":"2026-03-09T08:00:00.{number:06}","src_ip":"{address}","dns":{{"rrname":"www{number}.example.org"}}}}"#
            ),
            1 => format!(
                "Mar  9 08:00:00 gw kernel: DROP SRC={address} DST=10.9.9.9 LEN=60 ID={number}"
            ),
            _ => format!(
                r#"{address} - - [09/Mar/2026:08:00:00 +0000] "GET /{number} HTTP/1.1" 200 5 "http://a.example/" "Mozilla/5.0""#
            ),
        };
        writeln!(text, "{line}").unwrap();
    }
    text
}

#[test]
fn packing_threads_and_blocks_change_nothing() {
    let stage = Stage::new();
    let indexes = [stage.index("i", indicators(&[("ip", "203.0.113.77")]).into_iter())];
    // More than a segment of a plain file.
    let text = mixed(400_000);
    assert!(text.len() > 34 << 20, "{}", text.len());
    let plain = stage.log("plain.log", &text);
    let (found, summary) = stage.hunt(&indexes, std::slice::from_ref(&plain), one());
    assert_eq!(summary.lines, 400_000);
    assert_eq!(summary.bytes, text.len() as u64);
    assert_eq!(found.len(), 400_000_usize.div_ceil(997));
    for seen in &found {
        assert_eq!((seen.line - 1) % 997, 0);
        let at = usize::try_from(seen.offset).unwrap();
        assert_eq!(&text[at..at + 12], b"203.0.113.77");
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text[..1_000_000]).unwrap();
    let mut packed = gzip.finish().unwrap();
    // Packed logs are put together as they are.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text[1_000_000..]).unwrap();
    packed.extend(gzip.finish().unwrap());
    // As from a tape: `gzip` too takes noughts for the end.
    packed.extend([0; 700]);
    let zstd = zstd::encode_all(&text[..], 1).unwrap();
    for (name, log) in [
        ("plain.log", plain),
        ("x.gz", stage.log("x.gz", &packed)),
        ("x.zst", stage.log("x.zst", &zstd)),
    ] {
        for (threads, block, instructions) in
            [(2, 48 << 10, Instructions::Fastest), (3, 100_000, Instructions::Portable)]
        {
            let options = Options { threads, block, instructions, suppressed: false, times: false };
            let (again, also) = stage.hunt(&indexes, std::slice::from_ref(&log), options);
            assert_eq!(told(&again), told(&found), "{name}");
            assert_eq!(also, summary, "{name}");
        }
    }
}

/// Of a long line the beginning says whether it is JSON, in which `\n` is no letter.
#[test]
fn json_behind_a_time_is_read_in_pieces_too() {
    let stage = Stage::new();
    let indexes = [stage.index("i", indicators(&[("domain", "evil.example")]).into_iter())];
    // What ends is a word in a line.
    let text =
        format!("Mar 9 app: result  {{\"a\": 1}} {}C:\\temp\\nc.exe done\n", "x ".repeat(600_000));
    let name = [stage.index("n", indicators(&[("filename", "nc.exe")]).into_iter())];
    assert_eq!(stage.hunt(&name, &[stage.log("c.log", text.as_bytes())], one()).0.len(), 1);
    for head in ["Mar  9 08:00:00 h app: {\"a\":\"", "{\"a\":\""] {
        let mut text = head.as_bytes().to_vec();
        for _ in 0..30 {
            text.resize(text.len() + 100_000, b' ');
            text.extend(br"x\nevil.example");
        }
        text.extend(b"\"}\n");
        let (found, _) = stage.hunt(&indexes, &[stage.log("a.log", &text)], one());
        assert_eq!(found.len(), 30, "{head}");
    }
}

#[test]
fn long_lines_take_bounded_memory_and_lose_nothing() {
    let stage = Stage::new();
    let indexes = [stage
        .index("i", indicators(&[("domain", "evil.example"), ("ip", "203.0.113.77")]).into_iter())];
    let mut text = b"first evil.example\n".to_vec();
    let begin = text.len();
    // What lies over the places at which a long line is cut is found once; a name that is cut there is none.
    let mut places = Vec::new();
    let share = 1 << 16;
    for piece in 1..4_usize {
        for near in [-14_i64, -12, -6, -1, 0, 1, 5, 11, 40] {
            for cut in [piece * (LONGEST_LINE - share), piece * (LONGEST_LINE - share) + share] {
                let at = i64::try_from(begin + cut).unwrap() + near + 1000 * near.rem_euclid(7);
                places.push(usize::try_from(at).unwrap());
            }
        }
    }
    places.sort_unstable();
    places.dedup_by(|a, b| a.abs_diff(*b) < 40);
    for at in &places {
        text.resize(*at, b' ');
        text.extend(b"evil.example");
        text.extend(b" notevil.example");
    }
    text.resize(4 * LONGEST_LINE, b'x');
    text.extend(b"evil.example\n203.0.113.77\n");
    let log = stage.log("long.log", &text);
    let mut wanted: Vec<u64> = vec![6];
    wanted.extend(places.iter().map(|at| *at as u64));
    let last = text.len() as u64 - 13;
    for block in [4096, 48 << 10, 1 << 22] {
        let (found, summary) =
            stage.hunt(&indexes, std::slice::from_ref(&log), Options { block, ..one() });
        let offsets: Vec<u64> = found.iter().map(|seen| seen.offset).collect();
        let mut wanted = wanted.clone();
        wanted.push(last);
        assert_eq!(offsets, wanted, "{block}");
        assert_eq!(found.last().unwrap().line, 3);
        assert_eq!((summary.lines, summary.bytes), (3, text.len() as u64));
    }
}

#[test]
fn zeek_columns_are_those_of_the_last_header() {
    let stage = Stage::new();
    let wanted = [("ip", "203.0.113.77"), ("url", "http://evil.example/x")];
    let indexes = [stage.index("i", indicators(&wanted).into_iter())];
    let mut text = b"#separator \\x09\n#fields\tts\tfirst\thost\turi\n".to_vec();
    text.extend(b"1\t203.0.113.77\tevil.example\t/x\n");
    let filler = "1\t10.0.0.1\ta.example\t/y\n".repeat(10);
    while text.len() < 20 << 20 {
        text.extend(filler.bytes());
    }
    // Logs that were put together: in the second segment the columns change.
    text.extend(b"#close\n#separator \\x09\n#fields\tts\turi\tsecond\thost\n");
    while text.len() < 40 << 20 {
        text.extend(b"1\t/y\t10.0.0.1\ta.example\n");
    }
    text.extend(b"1\t/x\t203.0.113.77\tevil.example\n");
    let log = stage.log("http.log", &text);
    let zstd = stage.log("http.log.zst", &zstd::encode_all(&text[..], 1).unwrap());
    for (log, threads) in [(&log, 1), (&log, 2), (&zstd, 1)] {
        let (found, _) =
            stage.hunt(&indexes, std::slice::from_ref(log), Options { threads, ..one() });
        let fields: Vec<Option<&str>> = found.iter().map(|seen| seen.field.as_deref()).collect();
        let wanted = [Some("first"), Some("host+uri"), Some("second"), Some("host+uri")];
        assert_eq!(fields, wanted, "{threads}");
    }
}

/// Stops after so many positions, as whoever is killed does.
struct Stops(Vec<Sighting>, Position, usize);

impl Sink for Stops {
    fn sighting(&mut self, sighting: &Sighting) -> std::io::Result<()> {
        self.0.push(sighting.clone());
        Ok(())
    }

    fn reached(&mut self, position: Position, _: &Summary) -> std::io::Result<()> {
        self.1 = position;
        self.2 -= 1;
        if self.2 == 0 { Err(std::io::Error::other("stopped")) } else { Ok(()) }
    }
}

#[test]
fn a_hunt_goes_on_where_it_was_stopped() {
    let stage = Stage::new();
    let indexes = [stage.index("i", indicators(&[("ip", "203.0.113.77")]).into_iter())];
    let text = mixed(400_000);
    let logs = [
        stage.log("a.log", &text),
        stage.log("b.zst", &zstd::encode_all(&text[..1 << 20], 1).unwrap()),
        stage.log("c.log", b""),
        stage.log("d.log", b"203.0.113.77"),
    ];
    let (whole, _) = stage.hunt(&indexes, &logs, one());
    for stops in 1..=6 {
        let mut first = Stops(Vec::new(), Position::default(), stops);
        let hunt = Hunt::new(&indexes, &logs, one(), &|_| ());
        assert!(hunt.run(&mut first).is_err());
        let mut rest = Stops(Vec::new(), Position::default(), usize::MAX);
        let hunt = Hunt::new(&indexes, &logs, one(), &|_| ());
        hunt.from(first.1).run(&mut rest).unwrap();
        first.0.extend(rest.0);
        assert_eq!(first.0, whole, "{stops}");
    }
}

#[test]
fn many_sightings_take_bounded_memory_and_stay_in_order() {
    let stage = Stage::new();
    let indexes = [stage.index("i", indicators(&[("ip", "203.0.113.77")]).into_iter())];
    let text = "203.0.113.77\n".repeat(2_000_000);
    let log = stage.log("many.log", text.as_bytes());
    let mut next = 0_u64;
    let hunt =
        Hunt::new(&indexes, std::slice::from_ref(&log), Options { threads: 2, ..one() }, &|_| ());
    let summary = hunt.run(&mut |seen: &Sighting| {
        assert_eq!((seen.line, seen.offset), (next + 1, next * 13));
        next += 1;
        Ok(())
    });
    assert_eq!(summary.unwrap().sightings, 2_000_000);
}

#[test]
fn csv_has_the_fields_of_its_first_line() {
    let stage = Stage::new();
    let indexes = [stage
        .index("i", indicators(&[("ip", "203.0.113.77"), ("domain", "evil.example")]).into_iter())];
    let log = stage.log("x.csv", b"\xef\xbb\xbftime,\"src ip\",name\r\n1,203.0.113.77,\"a, b\"\r\n2,10.0.0.1,\"x, evil.example\"\r\n");
    let (found, _) = stage.hunt(&indexes, &[log], one());
    let fields: Vec<_> =
        told(&found).into_iter().map(|(line, _, value, field)| (line, value, field)).collect();
    assert_eq!(fields, [(2, "203.0.113.77", Some("src ip")), (3, "evil.example", Some("name"))]);
}

#[test]
fn what_warning_lists_call_harmless_can_be_shown() {
    let stage = Stage::new();
    let mut warnings = Warnings::default();
    for (name, kind, attributes, list) in [
        ("resolvers", "cidr", r#"["ip-dst"]"#, r#"["192.0.2.0/28","2001:db8:53::/48"]"#),
        ("banks", "hostname", r#"["domain","url"]"#, r#"[".bank.example"]"#),
        ("empty", "string", r#"["md5"]"#, r#"["d41d8cd98f00b204e9800998ecf8427e"]"#),
        ("mail", "substring", r#"["email-src"]"#, r#"["throwaway.example"]"#),
        ("probes", "regex", r#"["domain"]"#, r#"["/^(?!real)probe[0-9]+\\.Example$/i"]"#),
    ] {
        let json = format!(
            r#"{{"name":"{name}","type":"{kind}","matching_attributes":{attributes},"list":{list}}}"#
        );
        assert!(warnings.add(json.as_bytes()).unwrap().is_empty());
    }
    let unknown = warnings.add(br#"{"name":"r","type":"phonetic","list":[]}"#).unwrap_err();
    assert!(unknown.to_string().contains("want string"), "{unknown}");
    let left = warnings
        .add(br#"{"name":"r","type":"regex","matching_attributes":["md5"],"list":["/(/", "x"]}"#)
        .unwrap();
    assert!(left.len() == 1 && left[0].starts_with("/(/: "), "{left:?}");
    // As MISP reads it: of all attributes where none is named, and of no type one of strings.
    let bare = br#"{"name":"bare","list":{"1":"known.example"}}"#;
    assert!(warnings.add(bare).unwrap().is_empty());
    let known = indicators(&[("domain", "known.example")]).remove(0);
    assert_eq!(warnings.knowing(&known).collect::<Vec<_>>(), ["bare"]);
    let mut builder = Builder::new(warnings);
    for one in indicators(&[
        ("ip", "192.0.2.7"),
        ("ip", "192.0.2.99"),
        ("cidr", "192.0.2.8/29"),
        ("ip", "2001:db8:53::1"),
        ("domain", "www.bank.example"),
        ("domain", "notbank.example"),
        ("url", "http://bank.example/x"),
        ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
        ("email", "x@throwaway.example"),
        ("domain", "throwaway.example"),
        ("domain", "probe17.example"),
    ]) {
        builder.add(&one);
    }
    let indexes = [builder.write(&stage.path("i.hunt")).unwrap()];
    let log = stage.log("x.log", b"192.0.2.7 192.0.2.99 192.0.2.9 2001:db8:53::1 www.bank.example notbank.example http://bank.example/x\n\
        d41d8cd98f00b204e9800998ecf8427e x@throwaway.example probe17.example\n");
    let logs = [log];
    let (found, summary) = stage.hunt(&indexes, &logs, one());
    let values: Vec<&str> = found.iter().map(|seen| seen.value.as_str()).collect();
    assert_eq!(values, ["192.0.2.99", "notbank.example", "throwaway.example"]);
    assert_eq!(summary.suppressed, 8);
    let (all, _) = stage.hunt(&indexes, &logs, Options { suppressed: true, ..one() });
    assert_eq!(all.len(), 11);
    assert_eq!(all[0].warnings, ["resolvers"]);
}

#[test]
fn a_delta_adds_and_takes_back() {
    let stage = Stage::new();
    let base = stage.index(
        "base",
        indicators(&[("domain", "old.example"), ("domain", "kept.example")]).into_iter(),
    );
    let mut builder = Builder::new(Warnings::default()).on(&base);
    let [old, new]: [Indicator; 2] =
        indicators(&[("domain", "old.example"), ("domain", "new.example")]).try_into().unwrap();
    builder.list(List { name: "delta".to_owned(), sha256: String::new() });
    builder.remove(&old);
    builder.add(&new);
    let delta = builder.write(&stage.path("delta.hunt")).unwrap();
    assert_eq!(delta.about().base.as_deref(), Some(base.digest()));
    let logs = [stage.log("x.log", b"old.example kept.example new.example\n")];
    let (found, _) = stage.hunt(&[base, delta], &logs, one());
    let values: Vec<&str> = found.iter().map(|seen| seen.value.as_str()).collect();
    assert_eq!(values, ["kept.example", "new.example"]);
    assert_eq!(found[1].list.as_deref(), Some("delta"));
}

#[test]
fn the_same_indicators_are_the_same_bytes_and_one_of_each() {
    let stage = Stage::new();
    let twice = || {
        indicators(&[("ip", "1.2.3.4"), ("domain", "evil.example"), ("ip", "1.2.3.4")]).into_iter()
    };
    let first = stage.index("first", twice());
    let second = stage.index("second", twice());
    assert_eq!(first.digest(), second.digest());
    assert_eq!((first.indicators(), first.about().repeated), (2, 1));
    let bytes = |name: &str| std::fs::read(stage.path(name)).unwrap();
    assert_eq!(bytes("first.hunt"), bytes("second.hunt"));
    let named = |id: &str| Indicator {
        id: Some(id.to_owned()),
        ..Indicator::new(Named::Address, "1.2.3.4").unwrap()
    };
    let both = stage.index("both", [named("a"), named("b"), named("a")].into_iter());
    assert_eq!(both.indicators(), 2, "two sources say it");
    let logs = [stage.log("x.log", b"1.2.3.4")];
    let (found, summary) = stage.hunt(&[both], &logs, one());
    let ids: Vec<&str> = found.iter().map(|seen| seen.indicator.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(summary.lines, 1, "a last line needs no end");
}

/// Of one thing that is said more than once the longest end counts, and none is longer than any.
#[test]
fn what_is_said_again_is_valid_as_long_as_anyone_says() {
    let stage = Stage::new();
    let logs = [stage.log("x.log", b"1.2.3.4")];
    let until = |expires: Option<i64>| Indicator {
        expires,
        ..Indicator::new(Named::Address, "1.2.3.4").unwrap()
    };
    let many: Vec<_> = (1..40).map(|second| Some(second % 38)).collect();
    for (ends, longest) in [
        (vec![Some(1), Some(5), Some(3)], Some("1970-01-01T00:00:05Z")),
        (vec![Some(1), None, Some(3)], None),
        (many, Some("1970-01-01T00:00:37Z")),
    ] {
        let index = stage.index("ends", ends.into_iter().map(until));
        assert_eq!(index.indicators(), 1);
        let (found, _) = stage.hunt(&[index], &logs, one());
        let found: Vec<_> = found.iter().map(|seen| seen.expires.as_deref()).collect();
        assert_eq!(found, [longest]);
    }
}

/// Whatever is overwritten or cut off is said, or at least ends in no other answer than "damaged" or what was there.
#[test]
fn damage_is_found() {
    let stage = Stage::new();
    let wanted: Vec<Indicator> = (0..2000)
        .map(|n| Indicator::new(Named::Kind(Kind::Domain), &format!("n{n}.evil.example")).unwrap())
        .collect();
    let index = stage.index("i", wanted.into_iter());
    index.verify().unwrap();
    let whole = std::fs::read(index.path()).unwrap();
    drop(index);
    let path = stage.path("broken.hunt");
    let log = [stage.log("x.log", b"n7.evil.example www.n1999.evil.example n2000.evil.example\n")];
    for at in (0..whole.len()).step_by(211).chain(0..160) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        std::fs::write(&path, &bytes).unwrap();
        match Index::open(&path) {
            Err(Error::Foreign(_) | Error::Version(..) | Error::Damaged { .. }) => {}
            Err(other) => panic!("{at}: {other}"),
            Ok(index) => {
                assert!(matches!(index.verify(), Err(Error::Damaged { .. })), "{at}");
                // And nothing but what is there is found, whatever the bytes are.
                let indexes = [index];
                assert!(stage.hunt(&indexes, &log, one()).0.len() <= 3, "{at}");
            }
        }
    }
    for length in [0, 7, 100, 4095, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = Index::open(&path).and_then(|index| index.verify()).unwrap_err();
        assert!(!error.to_string().is_empty());
    }
    assert!(matches!(Index::open(&stage.path("none.hunt")), Err(Error::File { .. })));
}

#[test]
fn nothing_is_found_by_nothing() {
    let stage = Stage::new();
    let indexes = [stage.index("i", std::iter::empty())];
    let logs = [stage.log("x.log", b"1.2.3.4 evil.example\n"), stage.log("empty.log", b"")];
    let (found, summary) = stage.hunt(&indexes, &logs, one());
    assert_eq!((found.len(), summary.files, summary.lines), (0, 2, 1));
    let missing = [Source::File(stage.path("none")), stage.log("y.log", b"1.2.3.4\n")];
    let (_, summary) = stage.hunt(&indexes, &missing, one());
    assert_eq!((summary.files, summary.lines, summary.unread.len()), (1, 1, 1));
    assert!(summary.unread[0].file.ends_with("none"));
    assert!(summary.unread[0].problem.contains("No such file"));
}

/// An address is found wherever the words of 64 bytes part it.
#[test]
fn an_address_may_lie_over_two_words() {
    let stage = Stage::new();
    let wanted = [("ip", "1.2.3.4"), ("ip", "2001:db8:1:2:3:4:5:6"), ("ip", "2001:db8::1")];
    let indexes = [stage.index("i", indicators(&wanted).into_iter())];
    for address in [
        "0:0:0:0:0:ffff:1.2.3.4",
        "0000:0000:0000:0000:0000:ffff:1.2.3.4",
        "2001:db8:1:2:3:4:5:6",
        "2001:0db8:0001:0002:0003:0004:0005:0006",
        "2001:db8::1",
        "2001:db8:0:0:0:0:0:1",
    ] {
        for before in 0..130 {
            let log = stage.log("x.log", format!("{}{address}\n", " ".repeat(before)).as_bytes());
            let (found, _) = stage.hunt(&indexes, &[log], one());
            let places: Vec<_> = found.iter().map(|seen| (seen.offset, seen.length)).collect();
            assert_eq!(places, [(before as u64, address.len() as u64)], "{address} after {before}");
        }
    }
}

/// Nothing would be found in it, whatever it holds: so it is no log that was searched.
/// What stands before the place where an archive is damaged is read, whatever is read at once; the log is named.
#[test]
fn what_stands_before_a_damage_is_read() {
    let stage = Stage::new();
    let index = stage.index("i", indicators(&[("domain", "evil.example")]).into_iter());
    let text: String =
        (0..20_000).map(|n| format!("{n} seen evil.example {}\n", n * 7919)).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let whole = [&packed[..], b"junk"].concat();
    for (name, bytes, least) in [
        ("end.gz", &packed[..packed.len() - 4], 20_000),
        ("junk.gz", &whole[..], 20_000),
        ("half.gz", &packed[..packed.len() / 2], 5_000),
    ] {
        let log = stage.log(name, bytes);
        let counts: Vec<u64> = [64, 4096, 1 << 20]
            .map(|block| {
                let options = Options { block, ..Options::default() };
                let (_, summary) =
                    stage.hunt(std::slice::from_ref(&index), std::slice::from_ref(&log), options);
                assert_eq!(summary.unread.len(), 1, "{name}");
                summary.sightings
            })
            .into();
        assert!(
            counts[0] >= least && counts.iter().all(|one| *one == counts[0]),
            "{name}: {counts:?}"
        );
    }
}

/// A log that is cut short while it is read was not read to its end.
#[test]
fn a_log_that_becomes_shorter_is_named() {
    let stage = Stage::new();
    let index = [stage.index("i", indicators(&[("domain", "evil.example")]).into_iter())];
    let log = stage.log("a.log", "seen evil.example\n".repeat(1_000).as_bytes());
    let path = stage.path("a.log");
    let logs = [log];
    let hunt = Hunt::new(&index, &logs, Options::default(), &|_| ());
    std::fs::write(&path, "seen evil.example\n").unwrap();
    let summary = hunt.run(&mut |_: &Sighting| Ok(())).unwrap();
    assert!(summary.unread[0].problem.contains("became shorter"), "{:?}", summary.unread);
}

/// What two indexes have is one, and a mark of the encoding is no letter.
#[test]
fn what_is_said_twice_is_seen_once() {
    let stage = Stage::new();
    let all = indicators(&[("domain", "evil.example"), ("filename", "payload.exe")]);
    let indexes = [stage.index("a", all.clone().into_iter()), stage.index("b", all.into_iter())];
    let log = stage.log("a.log", b"\xef\xbb\xbfevil.example\npayload.exe\n");
    let (found, _) = stage.hunt(&indexes, &[log], Options::default());
    let places: Vec<_> = found.iter().map(|seen| (seen.line, seen.offset, seen.length)).collect();
    assert_eq!(places, [(1, 3, 12), (2, 16, 11)]);
}

#[test]
fn what_cannot_be_read_is_not_searched() {
    let stage = Stage::new();
    let wide: Vec<u8> = b"seen 203.0.113.77\n".iter().flat_map(|byte| [*byte, 0]).collect();
    let indexes = [stage.index("i", indicators(&[("ip", "203.0.113.77")]).into_iter())];
    let logs = [
        stage.log("a.xz", b"\xfd7zXZ\0rest"),
        stage.log("b.txt", b"\xff\xfe2\x000\x003\x00"),
        stage.log("c.log", b"203.0.113.77\n"),
        stage.log("d.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03rubbish"),
        stage.log("e.gz", &gzip(b"\xff\xfe2\x000\x003\x00.\x00")),
        stage.log("f.zst", &zstd::encode_all(&wide[..], 1).unwrap()),
        stage.log("g.gz", &gzip(&gzip(b"203.0.113.77\n"))),
        stage.log("h.gz", &gzip(b"203.0.113.77\n")),
    ];
    let (found, summary) = stage.hunt(&indexes, &logs, one());
    assert_eq!((found.len(), summary.files), (2, 2));
    let problems: Vec<&str> = summary.unread.iter().map(|one| one.problem.as_str()).collect();
    assert_eq!(problems.len(), 6, "{problems:?}");
    let why = ["packed with xz", "in UTF-16", "", "in UTF-16", "in UTF-16", "packed twice"];
    for (problem, why) in problems.iter().zip(why) {
        assert!(problem.contains(why), "{problem}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Sentences with a comma are no table, and a line that is no row of one names its fields itself.
#[test]
fn two_sentences_with_a_comma_are_no_table() {
    let stage = Stage::new();
    let wanted = [("url", "http://evil.example/x"), ("domain", "evil.example")];
    let indexes = [stage.index("i", indicators(&wanted).into_iter())];
    let said = "Mar  9 08:00:00 gw syslogd: started, listening\nMar  9 08:00:01 gw sshd[7]: from host a, port 22\n";
    let cef = "Mar  9 08:00:02 fw CEF:0|V|P|1|x|n|3|src=10.0.0.5 dhost=evil.example request=/x act=allow\n";
    for head in [said, "started, ok\nhello, bye\n", "name,port,size\na,1,2\n"] {
        let log = stage.log("a.log", format!("{head}{cef}").as_bytes());
        let (found, _) = stage.hunt(&indexes, &[log], one());
        let seen: Vec<_> =
            found.iter().map(|one| (one.kind, one.field.as_deref().unwrap_or(""))).collect();
        assert_eq!(seen, [("domain", "dhost"), ("url", "dhost+request")], "{head}");
    }
    let log = stage.log("b.log", b"host,port\nevil.example,1\nx, y, evil.example and more\n");
    let (found, _) = stage.hunt(&indexes, &[log], one());
    assert_eq!(found[0].field.as_deref(), Some("host"));
}

/// What a list takes back without an identifier is taken back, whoever said it.
#[test]
fn a_value_is_taken_back_whoever_named_it() {
    let stage = Stage::new();
    let [one_]: [Indicator; 1] = indicators(&[("domain", "old.example")]).try_into().unwrap();
    let named = Indicator { id: Some("indicator--1".to_owned()), ..one_.clone() };
    let base = stage.index("base", std::iter::once(named));
    let mut builder = Builder::new(Warnings::default()).on(&base);
    builder.remove(&one_);
    let delta = builder.write(&stage.path("delta.hunt")).unwrap();
    let logs = [stage.log("x.log", b"old.example\n")];
    assert!(stage.hunt(&[base, delta], &logs, one()).0.is_empty());
}

/// Many of one value, and many of everything in one line, take no longer than their number.
#[test]
fn hostile_lists_and_lines_end() {
    let stage = Stage::new();
    let named = |number: u32| Indicator {
        id: Some(number.to_string()),
        ..Indicator::new(Named::Address, "1.2.3.4").unwrap()
    };
    let index = stage.index("many", (0..60_000).chain(0..10).map(named));
    assert_eq!((index.indicators(), index.about().repeated), (60_000, 10));
    let wanted = [("ip", "1.2.3.4"), ("url", "http://evil.example/x"), ("domain", "evil.example")];
    let indexes = [stage.index("i", indicators(&wanted).into_iter())];
    for line in [
        format!("[{}]", r#""1.2.3.4","#.repeat(90_000)),
        r#"{"host":"evil.example","uri":"/x"},"#.repeat(25_000),
        format!("x host=evil.example {}", "a=b ".repeat(200_000)),
        format!("CEF:0 {}", "host=evil.example ".repeat(50_000)),
        "\\".repeat(1_000_000),
        r"\na".repeat(300_000),
        format!("{{{}", r"\na".repeat(300_000)),
        "::".repeat(500_000),
        "a.".repeat(500_000),
        "[.".repeat(500_000),
    ] {
        let log = stage.log("x.log", format!("{line}\n").as_bytes());
        stage.hunt(&indexes, &[log], one());
    }
}

/// What a cut goes through is what it is with what stands before the cut.
#[test]
fn a_cut_makes_nothing_of_a_part() {
    let stage = Stage::new();
    let wanted =
        [("ip", "2001:db8::1"), ("domain", "cher.example"), ("url", "http://evil.example/x")];
    let indexes = [stage.index("i", indicators(&wanted).into_iter())];
    let cut = LONGEST_LINE - (1 << 16);
    for (text, hits) in [
        ("2001:2001:db8::1", 0),
        ("bücher.example", 0),
        ("http://evil.example/x", 1),
        ("https://user@evil.example/x", 1),
    ] {
        for inside in 0..=text.len() {
            let mut line = " ".repeat(cut - inside);
            line.push_str(text);
            line.push_str(&" ".repeat(2 * LONGEST_LINE - line.len()));
            let log = stage.log("x.log", format!("{line}\n").as_bytes());
            let (found, _) = stage.hunt(&indexes, &[log], one());
            assert_eq!(found.len(), hits, "{text} cut after {inside} bytes: {found:?}");
        }
    }
}

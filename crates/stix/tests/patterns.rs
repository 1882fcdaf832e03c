//! Patterns: what is one, and what it matches; against a second implementation that tries everything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use comity_stix::json;
use comity_stix::pattern::{Error, Matcher, Observed, Pattern, Syntax};
use proptest::prelude::*;

fn check(pattern: &str) -> Result<(), Error> {
    Pattern::check(pattern, Syntax::V21).map(drop)
}

#[test]
fn what_the_grammar_allows_is_a_pattern() {
    for pattern in [
        "[file:size = 1280]",
        "[file:size <> -1.5]",
        "[file:hashes.'SHA-256' = 'aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f']",
        "[email-message:from_ref.value MATCHES '.+\\\\@example\\\\.com$' AND email-message:body_multipart[*].body_raw_ref.name LIKE 'a%']",
        "[a:b = 1 OR a:c NOT IN (1, 2.5, +3) AND EXISTS a:d[0]] AND ([e:f ISSUBSET '10.0.0.0/8'] OR [g:h ISSUPERSET '::1'])",
        "([a:b = true] FOLLOWEDBY [a:b = FALSE]) WITHIN 300 SECONDS REPEATS 5 TIMES",
        "[a:b = h'0Aff' OR a:b = b'AQID' OR a:b = t'2024-02-29T12:00:00.123456Z'] START t'2024-01-01T00:00:00Z' STOP t'2024-12-31T23:59:59Z'",
        "/* why */ [a:b\n= 'it\\'s \\\\ one'] // and this",
        "( [(network-traffic:dst_port IN(443,6443,8443) AND network-traffic:src_packets != 0) ])",
    ] {
        assert_eq!(check(pattern), Ok(()), "{pattern}");
    }
    let old = "[a:b = 1] START '2016-06-01T00:00:00Z' STOP '2017-03-12T08:30:00Z'";
    assert!(Pattern::check(old, Syntax::V20).is_ok() && check(old).is_err());
}

#[test]
fn what_is_no_pattern_is_refused_with_its_place() {
    for (pattern, said) in [
        ("file:size = 1280", "at character 1: 'file' is not expected here: '[' or '(' was"),
        ("[file:size = ]", "at character 14: ']' is not expected here: a literal was"),
        ("[file:size", "at character 11: the pattern ends where a comparison was expected"),
        (
            "[file:hashes.MD5 = cead3f]",
            "at character 20: 'cead3f' is not expected here: a literal was",
        ),
        ("[file.size = 1]", "at character 6: '.' is not expected here: ':' was"),
        (
            "[a:b-c = 1]",
            "at character 4: 'b-c' is not expected here: a name in quotes, since it has a hyphen, was",
        ),
        (
            "[foo:bar=1] within 2 seconds",
            "at character 13: 'within' is not expected here: the end was",
        ),
        (
            "[a:b = 1] WITHIN -5 SECONDS",
            "at character 18: a number is not expected here: a number of seconds was",
        ),
        (
            "[a:b = 1] WITHIN 5 HOURS",
            "at character 20: 'HOURS' is not expected here: 'SECONDS' was",
        ),
        (
            "[a:b > true]",
            "at character 8: true or false is not expected here: a literal that has an order was",
        ),
        (
            "[a:b = t'2024-13-01T12:00:00Z']",
            "at character 8: '2024-13-01T12:00:00Z' is not a timestamp: t'2017-01-20T00:00:00Z'",
        ),
        ("[a:b = b'====']", "at character 8: '====' is not base64: b'AQID'"),
        ("[a:b = 'x\\y']", "at character 10: '\\y' is no escape: there are \\' and \\\\"),
        ("[a:b = 'x", "at character 8: this string has no end"),
        ("[a:b = 007]", "at character 8: an integer has no zero in front"),
        ("[a:b = 99999999999999999999]", "at character 8: this integer is too large"),
        ("[a:b =? 1]", "at character 7: '?' is not expected here"),
        ("[a:b = 1] REPEATS 2 TIMES REPEATS 3 TIMES", "REPEATS qualifies one observation twice"),
        ("[a:b = 1] REPEATS 0 TIMES", "what REPEATS says must be more than zero"),
        ("[file:hashes.'SHA-256' = 'f00']", "'f00' is no SHA-256, which has 64 hexadecimal digits"),
        ("[a:b IN (1, 'x')]", "the literals of a set must be of one kind"),
        ("", "at character 1: the pattern ends where '[' or '(' was expected"),
    ] {
        assert_eq!(check(pattern).unwrap_err().to_string(), said, "{pattern}");
    }
}

#[test]
fn what_would_cost_too_much_is_refused() {
    let deep = format!("{}[a:b = 1]{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(matches!(check(&deep), Err(Error::TooLarge { .. })));
    let long = format!("[{}]", vec!["a:b = 1"; 20_000].join(" OR "));
    assert!(matches!(check(&long), Err(Error::TooLarge { .. })));
    let many = "[a:b = 1] REPEATS 99999 TIMES WITHIN 1 SECONDS";
    let many = format!("({many}) REPEATS 99999 TIMES");
    assert!(matches!(check(&many), Err(Error::TooLarge { .. })));
    assert!(matches!(check(&" ".repeat(2 << 20)), Err(Error::TooLarge { .. })));
}

/// A bundle of one observed-data with these observables.
fn observation(objects: &str) -> String {
    let parsed: serde_json::Value = serde_json::from_str(objects).unwrap();
    let ids: Vec<_> = parsed.as_array().unwrap().iter().map(|object| &object["id"]).collect();
    let ids = serde_json::to_string(&ids).unwrap();
    let inner = &objects[1..objects.len() - 1];
    format!(
        r#"{{"type":"bundle","objects":[{{"type":"observed-data","id":"observed-data--1",
        "first_observed":"2024-01-01T00:00:00Z","last_observed":"2024-01-01T00:00:00Z",
        "number_observed":1,"object_refs":{ids}}},{inner}]}}"#
    )
}

fn matches(pattern: &str, file: &str) -> bool {
    let value = json::parse(file.as_bytes()).unwrap();
    let observed = Observed::all(&value).unwrap();
    let pattern = Pattern::parse(pattern, Syntax::V21).unwrap();
    Matcher::new(&pattern).unwrap().find(&observed).unwrap().is_some()
}

#[test]
fn values_are_compared_by_what_they_are() {
    let file = observation(
        r#"[{"type":"x","id":"x--1","int":5,"float":12.5,"yes":true,"text":"hello","nothing":null,
        "list":[1,[2]],"ip":"10.1.2.3","six":"2001:db8::1","name_hex":"616c696365","name_bin":"YWxpY2U=",
        "time":"2010-05-21T13:21:43.1Z","cafe":"cafe\u0301","many":"a\nb"}]"#,
    );
    for (met, test) in [
        (true, "int = 5"),
        (true, "int = 5.0"),
        (true, "int < 5.1"),
        (false, "int = true"),
        (true, "int != 'world'"),
        (false, "int NOT != 'world'"),
        (true, "float >= 12.5"),
        (true, "yes = true"),
        (true, "yes != 1"),
        (true, "text > 'alice'"),
        (true, "text NOT = 'alice'"),
        (false, "text > 3"),
        (false, "text NOT > 3"),
        (true, "text IN ('a', 'hello')"),
        (true, "text LIKE 'h_l%'"),
        (false, "text LIKE 'ell'"),
        (true, "many LIKE 'a%b'"),
        (true, "text MATCHES 'l+'"),
        (true, "text MATCHES '^(?!x)h'"),
        (true, "int NOT MATCHES 'l+'"),
        (true, "ip ISSUBSET '10.0.0.0/8'"),
        (false, "ip ISSUBSET '10.1.2.3/33'"),
        (true, "ip ISSUPERSET '10.1.2.3'"),
        (true, "six ISSUBSET '2001:db8::/32'"),
        (false, "six ISSUBSET '0.0.0.0/0'"),
        (true, "name_hex = 'alice'"),
        (true, "name_bin = h'616C696365'"),
        (true, "name_bin MATCHES '\\\\x61li[c\\\\x01]e'"),
        (true, "text = h'68656c6c6f'"),
        (true, "time = t'2010-05-21T13:21:43.100Z'"),
        (true, "time > t'2009-01-01T00:00:00Z'"),
        (false, "text = t'2009-01-01T00:00:00Z'"),
        // Code points as they are, except where a pattern is more than a text.
        (false, "cafe = 'caf\u{e9}'"),
        (true, "cafe = 'cafe\u{301}'"),
        (true, "cafe != 'caf\u{e9}'"),
        (true, "cafe < 'caf\u{e9}'"),
        (false, "cafe IN ('caf\u{e9}')"),
        (true, "cafe LIKE 'caf\u{e9}'"),
        (true, "cafe MATCHES '^caf\u{e9}$'"),
        // As Perl reads it.
        (true, "many MATCHES '^a.b$'"),
        (false, "cafe MATCHES '\\\\<cafe'"),
        (true, "cafe MATCHES '^[^[]+$'"),
        (true, "cafe MATCHES '^[]&&[:alpha:]\u{e9}]+$'"),
        (false, "cafe MATCHES '^[c&&a]f'"),
        (true, "list[*] = 1"),
        (false, "list[1] = 2"),
        (true, "list[1][0] = 2"),
        (false, "list[-1] = 1"),
        (false, "nothing = 'x'"),
        (true, "nothing != 'x'"),
    ] {
        assert_eq!(matches(&format!("[x:{test}]"), &file), met, "{test}");
    }
    assert!(matches("[EXISTS x:int]", &file) && !matches("[EXISTS x:other]", &file));
}

#[test]
fn references_are_followed_and_comparisons_are_of_one_object() {
    let file = observation(
        r#"[{"type":"person","id":"person--1","name":"alice","knows_ref":"person--2","knows_refs":["person--3","person--2","person--9"]},
        {"type":"person","id":"person--2","name":"bob","age":15},{"type":"person","id":"person--3","name":"carol"}]"#,
    );
    for (met, pattern) in [
        (true, "[person:knows_ref.name = 'bob']"),
        (true, "[person:knows_refs[*].name = 'bob']"),
        (true, "[person:knows_refs[0].name = 'carol']"),
        (true, "[person:knows_ref.type = 'person']"),
        (false, "[person:knows_ref.name = 'alice']"),
        (false, "[person:name = 'alice' AND person:age = 15]"),
        (true, "[person:name = 'bob' AND person:age = 15]"),
        (true, "[person:name = 'zed' OR person:age = 15 AND person:name = 'bob']"),
        (false, "[(person:name = 'zed' OR person:age = 15) AND person:name = 'alice']"),
    ] {
        assert_eq!(matches(pattern, &file), met, "{pattern}");
    }
}

#[test]
fn a_regular_expression_that_would_run_for_ever_ends() {
    let text = "a".repeat(5_000);
    let file = observation(&format!(r#"[{{"type":"x","id":"x--1","text":"{text}"}}]"#));
    for regex in ["(a+)+$b", "(a|a)*\\\\1b", "^(?=(a+)+$)(?=.*b)", "(.*)(.*)(.*)(.*)(.*)\\\\1x"] {
        assert!(!matches(&format!("[x:text MATCHES '{regex}']"), &file), "{regex}");
    }
    let pattern = Pattern::parse("[x:text MATCHES '(']", Syntax::V21).unwrap();
    assert!(matches!(Matcher::new(&pattern), Err(Error::Meaning(_))));
}

/// An observation of the property test: which of three tests it meets, when, and how often.
type Seen = (u8, i64, i64, u64);

fn file(seen: &[Seen]) -> String {
    let time = |second: i64| format!("2024-01-01T00:00:{second:02}Z");
    let objects = seen.iter().enumerate().map(|(at, (meets, first, length, count))| {
        let (first, last) = (time(*first), time(first + length));
        format!(
            r#"{{"type":"observed-data","id":"o{at}","first_observed":"{first}","last_observed":"{last}",
            "number_observed":{count},"objects":{{"0":{{"type":"x","a":{},"b":{},"c":{}}}}}}}"#,
            meets & 1, meets >> 1 & 1, meets >> 2 & 1
        )
    });
    format!("[{}]", objects.collect::<Vec<_>>().join(","))
}

#[derive(Debug, Clone)]
enum Shape {
    Leaf(u8),
    And(Vec<Shape>),
    Or(Vec<Shape>),
    Followed(Vec<Shape>),
    Repeats(Box<Shape>, usize),
    Within(Box<Shape>, i64),
    StartStop(Box<Shape>, i64, i64),
}

impl Shape {
    fn text(&self) -> String {
        let join = |all: &[Self], word: &str| {
            let all: Vec<_> = all.iter().map(|one| format!("({})", one.text())).collect();
            all.join(word)
        };
        match self {
            Self::Leaf(test) => format!("[x:{} = 1]", ["a", "b", "c"][usize::from(*test)]),
            Self::And(all) => join(all, " AND "),
            Self::Or(all) => join(all, " OR "),
            Self::Followed(all) => join(all, " FOLLOWEDBY "),
            Self::Repeats(one, count) => format!("({}) REPEATS {count} TIMES", one.text()),
            Self::Within(one, seconds) => format!("({}) WITHIN {seconds} SECONDS", one.text()),
            Self::StartStop(one, start, stop) => format!(
                "({}) START t'2024-01-01T00:00:{start:02}Z' STOP t'2024-01-01T00:00:{stop:02}Z'",
                one.text()
            ),
        }
    }

    /// Every way to bind it, each as observations and instances of them: the definition, tried out.
    fn ways(&self, seen: &[Seen]) -> Vec<Vec<(usize, u64)>> {
        let first = |way: &[(usize, u64)]| way.iter().map(|(at, _)| seen[*at].1).max().unwrap();
        let last = |way: &[(usize, u64)]| {
            way.iter().map(|(at, _)| seen[*at].1 + seen[*at].2).min().unwrap()
        };
        let join = |all: Vec<Vec<Vec<(usize, u64)>>>, ordered: bool| {
            let mut ways = vec![vec![]];
            for more in all {
                let mut next = Vec::new();
                for way in &ways {
                    for other in &more {
                        let disjoint = other.iter().all(|one| !way.contains(one));
                        let fits = !ordered || way.is_empty() || first(way) <= last(other);
                        if disjoint && fits {
                            next.push([way.clone(), other.clone()].concat());
                        }
                    }
                }
                ways = next;
            }
            ways
        };
        let each = |all: &[Self]| all.iter().map(|one| one.ways(seen)).collect::<Vec<_>>();
        match self {
            Self::Leaf(test) => (0..seen.len())
                .filter(|at| seen[*at].0 >> test & 1 == 1)
                .flat_map(|at| (0..seen[at].3).map(move |instance| vec![(at, instance)]))
                .collect(),
            Self::And(all) => join(each(all), false),
            Self::Or(all) => each(all).concat(),
            Self::Followed(all) => join(each(all), true),
            Self::Repeats(one, count) => join(vec![one.ways(seen); *count], false),
            Self::Within(one, seconds) => {
                let mut ways = one.ways(seen);
                ways.retain(|way| first(way) <= last(way) + seconds);
                ways
            }
            Self::StartStop(one, start, stop) => {
                let mut ways = one.ways(seen);
                let inside = |(at, _): &(usize, u64)| {
                    let (_, first, length, _) = seen[*at];
                    start < stop && first < *stop && first + length >= *start
                };
                ways.retain(|way| way.iter().all(inside));
                ways
            }
        }
    }

    fn bound(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::And(all) | Self::Or(all) | Self::Followed(all) => {
                all.iter().map(Self::bound).sum()
            }
            Self::Repeats(one, count) => one.bound() * count,
            Self::Within(one, _) | Self::StartStop(one, ..) => one.bound(),
        }
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    (0_u8..3).prop_map(Shape::Leaf).prop_recursive(3, 6, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 2..3);
        prop_oneof![
            several().prop_map(Shape::And),
            several().prop_map(Shape::Or),
            several().prop_map(Shape::Followed),
            (inner.clone(), 1_usize..4).prop_map(|(one, count)| Shape::Repeats(one.into(), count)),
            (inner.clone(), 1_i64..8).prop_map(|(one, within)| Shape::Within(one.into(), within)),
            (inner, 0_i64..20, 0_i64..20).prop_map(|(one, start, stop)| Shape::StartStop(
                one.into(),
                start,
                stop
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_matches_where_trying_everything_does(
        shape in shape().prop_filter("few enough to try", |shape| shape.bound() <= 5),
        seen in prop::collection::vec((0_u8..8, 0_i64..20, 0_i64..4, 1_u64..3), 0..5),
    ) {
        let (text, file) = (shape.text(), file(&seen));
        let value = json::parse(file.as_bytes()).unwrap();
        let observed = Observed::all(&value).unwrap();
        let pattern = Pattern::parse(&text, Syntax::V21).unwrap();
        let found = Matcher::new(&pattern).unwrap().find(&observed).unwrap();
        let ways = shape.ways(&seen);
        prop_assert_eq!(found.is_some(), !ways.is_empty(), "{}", text);
        // What it names is one of the ways.
        if let Some(found) = found {
            let named = |way: &Vec<(usize, u64)>| {
                let mut observed: Vec<_> = way.iter().map(|(at, _)| *at).collect();
                observed.sort_unstable();
                observed.dedup();
                observed == found.observed
            };
            prop_assert!(ways.iter().any(named), "{} names {:?}", text, found.observed);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]()a-z:='.*,0-9 ]{0,60}|(\\[|a:b|=|'x'|\\]| AND | WITHIN |1| SECONDS|h'|t'|/\\*){0,12}") {
        let _ = Pattern::check(&text, Syntax::V21);
    }
}

/// AND joins what one object can be, and EXISTS may be denied.
#[test]
fn what_one_object_can_be_and_what_is_not_there() {
    for (pattern, good) in [
        ("[a:b = 1 AND a:c = 2]", true),
        ("[a:b = 1 OR c:d = 2]", true),
        ("[(a:b = 1 OR c:d = 2) AND a:e = 3]", true),
        ("[a:b = 1 AND c:d = 2]", false),
        ("[(a:b = 1 AND c:d = 2) OR a:x = 1]", false),
        ("[NOT EXISTS a:b]", true),
        ("[NOT a:b = 1]", false),
    ] {
        assert_eq!(Pattern::check(pattern, Syntax::V21).is_ok(), good, "{pattern}");
    }
    let file = json::parse(
        br#"[{"type":"observed-data","id":"observed-data--1","number_observed":1,
            "first_observed":"2026-03-09T08:00:00Z","last_observed":"2026-03-09T08:00:00Z",
            "objects":{"0":{"type":"file","name":"a"}}}]"#,
    )
    .unwrap();
    let observed = Observed::all(&file).unwrap();
    for (pattern, met) in [
        ("[NOT EXISTS file:size]", true),
        ("[NOT EXISTS file:name]", false),
        ("[NOT EXISTS url:value]", false),
    ] {
        let pattern = Pattern::parse(pattern, Syntax::V21).unwrap();
        let found = Matcher::new(&pattern).unwrap().find(&observed).unwrap();
        assert_eq!(found.is_some(), met);
    }
}

//! Lists: plain, tables, bundles and events, and what they hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeMap;

use comity_hunt::indicator::{Indicator, Kind};
use comity_hunt::lists::{self, Choice};

fn read(text: &str, choice: Choice) -> (Vec<(Kind, String)>, lists::Read) {
    let mut found = Vec::new();
    let read =
        lists::read(text.as_bytes(), choice, &mut |one| found.push((one.kind, one.value.clone())));
    (found, read.unwrap())
}

#[test]
fn plain_lists_say_what_they_hold() {
    let list = "# a list\n\n1.2.3[.]4\nhxxp://evil[.]example/a\nwww.Evil.example # seen\n0.0.0.0 blocked.example\n\
        2001:DB8::1\n198.51.100.9/24\nMD5: 44D88612FEA8A8F36DE82E1278ABB02F\nwho[at]mail.example\nC:\\ Evil.EXE\n\
        filename,C:\\x\\evil.com\nja3,e7d705a3286e19ea42f587b344ee6865\nt13d1516h2_8daaf6152771_b186095e22b6\n\
        evil.example/path\n198.51.100.1/32\nsha256\t275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f\n\
        no indicator\nmd5,1234\nlocalhost\n0.0.0.0/0\nip,1.2.3.400\n";
    let (found, read) = read(list, Choice::default());
    let found: Vec<(Kind, &str)> =
        found.iter().map(|(kind, value)| (*kind, value.as_str())).collect();
    assert_eq!(
        found,
        [
            (Kind::Ipv4, "1.2.3.4"),
            (Kind::Url, "evil.example/a"),
            (Kind::Domain, "www.evil.example"),
            (Kind::Domain, "blocked.example"),
            (Kind::Ipv6, "2001:db8::1"),
            (Kind::Cidr, "198.51.100.0/24"),
            (Kind::Md5, "44d88612fea8a8f36de82e1278abb02f"),
            (Kind::Email, "who@mail.example"),
            (Kind::FileName, "evil.exe"),
            (Kind::FileName, "evil.com"),
            (Kind::Ja3, "e7d705a3286e19ea42f587b344ee6865"),
            (Kind::Ja4, "t13d1516h2_8daaf6152771_b186095e22b6"),
            (Kind::Url, "evil.example/path"),
            (Kind::Ipv4, "198.51.100.1"),
            (Kind::Sha256, "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"),
        ]
    );
    let refused: Vec<String> =
        read.refused.iter().map(|one| format!("{}: {}", one.place, one.problem)).collect();
    assert_eq!(refused.len(), 5, "{refused:?}");
    assert_eq!(
        refused[0],
        "line 18: 'no indicator' is no address, domain, URL, e-mail address, digest or fingerprint: say which, as 'type,value'"
    );
    assert!(
        refused[4].starts_with("line 22: '1.2.3.400' is no address or network"),
        "{}",
        refused[4]
    );
}

#[test]
fn schemes_that_were_made_harmless_are_made_whole() {
    for (written, whole) in [
        ("fxp://a[.]example/x", "ftp://a.example/x"),
        ("MEOW://a.example/x", "http://a.example/x"),
        ("hxxps[:]//a.example/x", "https://a.example/x"),
        ("meows[://]a[.]example/x", "https://a.example/x"),
    ] {
        let one = Indicator::guess(written).unwrap();
        assert_eq!(one.written.as_deref(), Some(whole), "{written}");
    }
}

/// What holds more than one thing is none of them, but for what is usual.
#[test]
fn a_row_without_a_heading_is_no_name_of_a_file() {
    let sum = "44d88612fea8a8f36de82e1278abb02f";
    for row in [
        format!("{sum},evil.exe"),
        format!("{sum}; evil.exe"),
        "1.2.3.4 evil.exe".to_owned(),
        "bad.example drops evil.exe".to_owned(),
        "report.xlsx, invoice.docx".to_owned(),
        "Dropper: evil.exe".to_owned(),
        "http://evil.example/x C2 server".to_owned(),
        "http://evil.example/a,http://b.example/c".to_owned(),
        "meet at evil.example".to_owned(),
    ] {
        assert!(Indicator::guess(&row).is_err(), "{row}");
    }
    let list = format!(
        "{sum}  evil.exe\n{sum} *evil.exe\nSmith, John.docx\n1.2.3.0/255.255.255.0\n10.0.0.4-10.0.0.9\n\
         1.2.3.6 ; c2\nevil.example\t# c2\n\"quoted.example\"\n<http://evil.example/a>\ndomain: a.example\n\
         mailto:who@evil.example\n1.2.3.0/255.0.255.0\n10.0.0.9-10.0.0.4\n10.0.1.4-7\ninvoice #1.pdf\n\
         127.0.0.1 localhost\n{sum}\tevil.exe\n"
    );
    let (found, read) = read(&list, Choice::default());
    let found: Vec<_> = found.iter().map(|(kind, value)| (*kind, value.as_str())).collect();
    let expected = [
        (Kind::Md5, sum),
        (Kind::Md5, sum),
        (Kind::FileName, "smith, john.docx"),
        (Kind::Cidr, "1.2.3.0/24"),
        (Kind::Cidr, "10.0.0.4/30"),
        (Kind::Cidr, "10.0.0.8/31"),
        (Kind::Ipv4, "1.2.3.6"),
        (Kind::Domain, "evil.example"),
        (Kind::Domain, "quoted.example"),
        (Kind::Url, "evil.example/a"),
        (Kind::Domain, "a.example"),
        (Kind::Email, "who@evil.example"),
        (Kind::Cidr, "10.0.1.4/30"),
        (Kind::FileName, "invoice #1.pdf"),
        (Kind::Md5, sum),
    ];
    assert_eq!(found, expected);
    assert_eq!(read.refusals, 2, "{:?}", read.refused);
}

#[test]
fn whatever_makes_an_address_harmless_is_taken_away() {
    for (written, whole) in [
        ("evil.]example", "evil.example"),
        ("evil\\.example", "evil.example"),
        ("1\\.2\\.3\\.4", "1.2.3.4"),
        ("1.2.3.]4", "1.2.3.4"),
        ("evil dot example", "evil.example"),
        ("who at evil dot example", "who@evil.example"),
        ("evil(.example", "evil.example"),
        ("2001:db8[::]1", "2001:db8::1"),
        ("h**p://evil.example/a", "evil.example/a"),
        ("[http]://evil.example/a", "evil.example/a"),
        ("http__evil.example/a", "evil.example/a"),
        ("http://evil.]example/a.]b", "evil.example/a.]b"),
        ("look at me.exe", "look at me.exe"),
        ("C:\\x\\.hidden.exe", ".hidden.exe"),
    ] {
        assert_eq!(Indicator::guess(written).unwrap().value, whole, "{written}");
    }
}

/// What would be cut where it is looked for is refused, not passed over in silence.
#[test]
fn what_is_too_long_is_refused() {
    let url =
        |length: usize| Indicator::guess(&format!("http://evil.example/{}", "a".repeat(length)));
    assert!(url(8_190).is_ok() && url(8_191).is_err());
    let name = |words: usize| Indicator::guess(&format!("{}x.exe", "w ".repeat(words)));
    assert!(name(22).is_ok() && name(23).is_err());
}

/// Tables as feeds write them.
#[test]
fn tables_of_feeds_are_read() {
    let tables: [(&str, &[&str]); 13] = [
        ("url\nhttp://a.example/x\n", &["a.example/x"]),
        ("Type,Value\nIP Address,1.2.3.4\nDomain Name,a.example\n", &["1.2.3.4", "a.example"]),
        ("ip,port\n1.2.3.4,80\n", &["1.2.3.4"]),
        ("Domain,First Seen\nbad.example,2026\n", &["bad.example"]),
        (
            "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\"\n\"2026-03-09\",\"1.2.3.4\",\"443\",\"online\"\n",
            &["1.2.3.4"],
        ),
        (
            "# ThreatFox\n# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\"\n\
             \"2026-03-09\", \"1\", \"1.2.3.4:443\", \"ip:port\"\n\
             \"2026-03-09\", \"2\", \"44d88612fea8a8f36de82e1278abb02f\", \"md5_hash\"\n",
            &["1.2.3.4", "44d88612fea8a8f36de82e1278abb02f"],
        ),
        (
            "Indicator type,Indicator,Description\nCVE,CVE-2026-1,x\nFileHash-MD5,44d88612fea8a8f36de82e1278abb02f,\n",
            &["44d88612fea8a8f36de82e1278abb02f"],
        ),
        (
            "# \"first_seen_utc\",\"sha256_hash\",\"md5_hash\",\"sha1_hash\",\"file_name\",\"clamav\"\n\
             \"2026-03-09\", \"275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f\", \
             \"44d88612fea8a8f36de82e1278abb02f\", \"n/a\", \"invoice.pdf\", \"n/a\"\n",
            &[
                "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f",
                "44d88612fea8a8f36de82e1278abb02f",
            ],
        ),
        (
            "md5,sha1\n44d88612fea8a8f36de82e1278abb02f,3395856ce81f2b7382dee72602f798b642f14140\n,\n",
            &["44d88612fea8a8f36de82e1278abb02f", "3395856ce81f2b7382dee72602f798b642f14140"],
        ),
        (
            "md5,sha1\n44d88612fea8a8f36de82e1278abb02f,N/A\n-,-\n",
            &["44d88612fea8a8f36de82e1278abb02f"],
        ),
        (
            "# md5, sha1\n44d88612fea8a8f36de82e1278abb02f  evil.exe\n",
            &["44d88612fea8a8f36de82e1278abb02f"],
        ),
        ("# IP, domain, URL\nevil.example\n198.51.100.1\n", &["evil.example", "198.51.100.1"]),
        ("# about, these\nevil.example\n", &["evil.example"]),
    ];
    for (table, expected) in tables {
        let (found, read) = read(table, Choice::default());
        let found: Vec<&str> = found.iter().map(|one| one.1.as_str()).collect();
        assert_eq!(found, expected, "{table}");
        assert_eq!(read.refusals, 0, "{:?}", read.refused);
    }
    let (_, read) = read("type,value\ndomain;evil.example\n\n", Choice::default());
    assert_eq!(read.refusals, 1);
    for unclear in ["domain,ip\nevil.example,198.51.100.7\n", "md5,url,comment\na,b,c\n"] {
        let error = lists::read(unclear.as_bytes(), Choice::default(), &mut |_| ()).unwrap_err();
        assert!(error.to_string().contains("call the one that is 'value'"), "{error}");
    }
    for (bytes, what) in [(&b"\x1f\x8b\x08"[..], "gzip"), (b"\xff\xfea\0", "UTF-16")] {
        let error = lists::read(bytes, Choice::default(), &mut |_| ()).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// Lists of servers have a port behind each; what is looked for is the server.
#[test]
fn a_port_behind_an_address_or_a_host_is_left_away() {
    let list = "1.2.3.4:443\n198.51.100[.]7:8080\nc2.example:53\n[2001:db8::7]:443\n2001:db8::7:443\n\
        1.2.3.5:70000\n1.2.3.5:+1\nc2.example:\n";
    let (found, read) = read(list, Choice::default());
    let found: Vec<_> = found.iter().map(|(kind, value)| (*kind, value.as_str())).collect();
    let expected = [
        (Kind::Ipv4, "1.2.3.4"),
        (Kind::Ipv4, "198.51.100.7"),
        (Kind::Domain, "c2.example"),
        (Kind::Ipv6, "2001:db8::7"),
        (Kind::Ipv6, "2001:db8::7:443"),
    ];
    assert_eq!(found, expected);
    assert_eq!(read.refusals, 3, "{:?}", read.refused);
}

#[test]
fn csv_lists_carry_confidence_and_expiry() {
    let list = "type,value,confidence,valid_until,id,to_ids\nip-dst|port,1.2.3.4|443,80,2026-03-09,abc,1\n\
        domain,evil.example,101,,,1\ndomain,evil.example,,soon,,1\ncomment,x,,,,1\ndomain,context.example,,,,0\n,b.example,,,,\n";
    let mut found = Vec::new();
    let read = lists::read(list.as_bytes(), Choice::default(), &mut |one| found.push(one.clone()))
        .unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].id.as_deref(), Some("abc"));
    assert_eq!((found[0].confidence, found[0].expires), (Some(80), Some(1_773_014_400)));
    assert_eq!(found[1].value, "b.example");
    let places: Vec<&str> = read.refused.iter().map(|one| one.place.as_str()).collect();
    assert_eq!(places, ["line 3", "line 4"]);
    assert_eq!(read.left_out.values().sum::<u64>(), 2, "{:?}", read.left_out);
    // Every label counts, in whichever column.
    let list = "value,marking,pap,tlp\na.example,PAP:CLEAR,red,TLP:RED\nb.example,tlp:green,,\nc.example,,PAP:AMBER,\n";
    let mut found = Vec::new();
    lists::read(list.as_bytes(), Choice::default(), &mut |one| found.push(one.marking.clone()))
        .unwrap();
    let found: Vec<_> = found.iter().map(|one| one.as_deref().unwrap()).collect();
    assert_eq!(found, ["PAP:CLEAR PAP:red TLP:RED", "tlp:green", "PAP:AMBER"]);
}

/// Tables as people have them: words before the names, semicolons, a column that is called what it holds, and labels under
/// names of their own. None goes out under another label than its row has.
#[test]
fn tables_of_all_sorts_keep_their_labels() {
    for table in [
        "url,tlp\nhttp://a.example/x,red\n",
        "# made by hand\n\nvalue,tlp\nhttp://a.example/x,red\n",
        "value;type;tlp\nhttp://a.example/x;url;red\n",
        "value\tTLP Marking\nhttp://a.example/x\tred\n",
        "\"url\",\"comment\",\"TLP\"\nhttp://a.example/x,\"seen, by us\",red\n",
    ] {
        let mut found = Vec::new();
        let take = &mut |one: &Indicator| found.push((one.value.clone(), one.marking.clone()));
        let read = lists::read(table.as_bytes(), Choice::default(), take).unwrap();
        assert_eq!(found, [("a.example/x".to_owned(), Some("red".to_owned()))], "{table}");
        assert_eq!(read.refusals, 0, "{table}");
    }
    for (list, values) in [
        ("domain,tlp.example\ndomain,b.example\nurl,http://c.example/x\n", 3),
        ("domain,marking.example.com\nip,192.0.2.1\n", 2),
        ("url\nhttp://a.example/p?id=1,2\nhttp://b.example/z # seen\n", 2),
        ("ip\n192.0.2.9 # seen\n192.0.2.9:443\n", 2),
    ] {
        let (found, _) = read(list, Choice::default());
        assert_eq!(found.len(), values, "{list}: {found:?}");
    }
    let (found, read_) =
        read("url,tlp\nhttp://a.example/x;red\nhttp://a.example/x,y,red\n", Choice::default());
    assert_eq!((found.len(), read_.refusals), (0, 2), "its label is lost");
    let several = lists::read(
        b"url,domain,tlp\nhttp://a.example/x,a.example,red\n",
        Choice::default(),
        &mut |_| (),
    );
    assert!(several.unwrap_err().to_string().contains("call the one that is 'value'"));
    // Without names nobody knows what the cells are.
    let (found, read) =
        read("http://a.example/x,red\nhttp://b.example/y;1;TLP:GREEN\n", Choice::default());
    assert_eq!((found.len(), read.refusals), (0, 2));
    let (found, _) = self::read("url,http://a.example/x\ndomain,b.example\n", Choice::default());
    assert_eq!(found.len(), 2, "rows of a type and a value");
}

#[test]
fn bundles_and_events_give_what_they_hold() {
    let bundle = r#"{"type":"bundle","id":"bundle--1","objects":[
        {"type":"indicator","id":"indicator--1","pattern_type":"stix","confidence":70,"valid_until":"2026-03-09T00:00:00Z",
         "pattern":"[domain-name:value = 'Evil.example' OR file:hashes.'SHA-1' = '3395856ce81f2b7382dee72602f798b642f14140'] FOLLOWEDBY [ipv4-addr:value IN ('1.2.3.4', '1.2.3.5')]"},
        {"type":"indicator","id":"indicator--2","pattern_type":"stix","pattern":"[domain-name:value NOT = 'good.example']"},
        {"type":"indicator","id":"indicator--3","pattern_type":"yara","pattern":"x"},
        {"type":"indicator","id":"indicator--4","pattern_type":"stix","pattern":"[domain-name"},
        {"type":"indicator","id":"indicator--5","revoked":true,"pattern_type":"stix","pattern":"[domain-name:value = 'old.example']"},
        {"type":"file","id":"file--1","name":"evil.exe","hashes":{"MD5":"44d88612fea8a8f36de82e1278abb02f","SSDEEP":"3::"}},
        {"type":"url","id":"url--1","value":"http://evil.example/a"},
        {"type":"malware","id":"malware--1"}]}"#;
    let (found, read_) = read(bundle, Choice::default());
    let found: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(
        found,
        [
            "evil.example",
            "3395856ce81f2b7382dee72602f798b642f14140",
            "1.2.3.4",
            "1.2.3.5",
            "44d88612fea8a8f36de82e1278abb02f",
            "evil.exe",
            "evil.example/a",
        ]
    );
    assert_eq!(read_.refused.len(), 1);
    assert_eq!(read_.refused[0].place, "indicator--4");
    let count = |of: &BTreeMap<String, u64>| of.values().sum::<u64>();
    assert_eq!((count(&read_.passed_over), count(&read_.left_out)), (2, 2), "{read_:?}");
    let event = r#"{"Event":{"Attribute":[
        {"type":"filename|md5","value":"x.exe|44d88612fea8a8f36de82e1278abb02f","to_ids":true,"uuid":"u1"},
        {"type":"link","value":"http://report.example/","to_ids":false},
        {"type":"comment","value":"x","to_ids":true}],
        "Object":[{"Attribute":[{"type":"ip-dst","value":"1.2.3.4","to_ids":true}]}]}}"#;
    let (found, _) = read(event, Choice::default());
    let values: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["x.exe", "44d88612fea8a8f36de82e1278abb02f", "1.2.3.4"]);
    let (found, _) = read(&format!("[{event}]"), Choice { context: true, revoked: false });
    assert_eq!(found.len(), 4);
    let alone = r#"{"response":{"Attribute":[{"type":"ip-dst","value":"1.2.3.4","to_ids":true}]}}"#;
    assert_eq!(read(alone, Choice::default()).0.len(), 1, "attributes without their events");
    let foreign = lists::read(br#"{"a":1}"#, Choice::default(), &mut |_| ());
    assert!(foreign.unwrap_err().to_string().contains("neither a STIX bundle nor a MISP event"));
}

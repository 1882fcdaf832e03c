//! TAXII 2.1, endpoint by endpoint, as the standard says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod stage;
mod stand;

use comity_node::intel::Import;
use comity_rules::access::Person;
use comity_stix::marking::{Clearance, Pap, Tlp};
use comity_store::intel::collection::Collection;
use hyper::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use stand::{MEDIA, Stand, brought, malware};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_key_gets_nothing_and_learns_nothing() {
    let stand = Stand::set().await;
    let reads = stand.key(Tlp::Green, true, false).await;
    let writes = stand.key(Tlp::Green, false, true).await;
    let other = stand.node.add_collection("other", "Other", "", Tlp::Green).await.unwrap();
    for path in ["/taxii2/", "/taxii2/intelligence/", &stand.path(""), &stand.path("objects/")] {
        for key in ["", "0000"] {
            assert_eq!(stand.send(key, Method::GET, path, "").await.0, 401, "{path}");
        }
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = stand.raw(&request).await;
        assert!(answer.contains("www-authenticate: Basic realm=\"TAXII\", Bearer"), "{answer}");
        assert!(answer.contains(&format!("content-type: {MEDIA}")), "{answer}");
    }
    let (status, all) =
        stand.send(&reads, Method::GET, "/taxii2/intelligence/collections/", "").await;
    assert_eq!((status, all["collections"].as_array().map(Vec::len)), (200, Some(1)));
    assert_eq!(all["collections"][0]["can_write"], false);
    let hidden = format!("/taxii2/intelligence/collections/{}/", other.id);
    let unknown = "/taxii2/intelligence/collections/00000000-0000-4000-8000-000000000000/";
    let hidden = stand.send(&reads, Method::GET, &hidden, "").await;
    assert_eq!(hidden, stand.send(&reads, Method::GET, unknown, "").await, "as if it were not");
    assert_eq!(hidden.0, 404);
    let body = json!({ "objects": [malware(1, 1, "a", None)] }).to_string();
    let objects = stand.path("objects/");
    assert_eq!(stand.send(&reads, Method::POST, &objects, &body).await.0, 403);
    assert_eq!(stand.send(&writes, Method::POST, &objects, &body).await.0, 202);
    assert_eq!(stand.send(&writes, Method::GET, &objects, "").await.0, 403);
    let object =
        stand.path(&format!("objects/{}/", malware(1, 1, "a", None)["id"].as_str().unwrap()));
    for key in [&reads, &writes] {
        assert_eq!(stand.send(key, Method::DELETE, &object, "").await.0, 403);
    }
    // As the password of Basic: any name.
    let basic = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    let request = format!(
        "GET /taxii2/ HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Basic {}\r\n\r\n",
        basic(&format!("siem:{reads}"))
    );
    assert!(stand.raw(&request).await.starts_with("HTTP/1.1 200"));
    stand.clock.advance(SignedDuration::from_secs(25 * 3600));
    assert_eq!(stand.send(&reads, Method::GET, "/taxii2/", "").await.0, 401, "it has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_versions_are_the_standards() {
    let stand = Stand::set().await;
    let key = stand.key(Tlp::Green, true, true).await;
    stand.add(&key, &[malware(1, 2, "one-2", None), malware(2, 1, "two-1", None)]).await;
    stand.clock.advance(SignedDuration::from_secs(60));
    // An earlier version, which comes later.
    stand.add(&key, &[malware(1, 1, "one-1", None), malware(2, 2, "two-2", None)]).await;
    let domain = json!({
        "type": "domain-name", "spec_version": "2.1", "value": "evil.example", "name": "d",
        "id": "domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7",
    });
    stand.add(&key, &[domain]).await;
    assert_eq!(stand.names(&key, "objects/").await, ["one-2", "two-2", "d"]);
    assert_eq!(
        stand.names(&key, "objects/?match[version]=all").await,
        ["one-2", "two-1", "one-1", "two-2", "d"]
    );
    assert_eq!(stand.names(&key, "objects/?match[version]=first").await, ["two-1", "one-1", "d"]);
    let both = "objects/?match[type]=malware&match[version]=first,last";
    assert_eq!(stand.names(&key, both).await, ["one-2", "two-1", "one-1", "two-2"]);
    assert_eq!(
        stand.names(&key, "objects/?match[version]=2026-01-01T00:00:00Z").await,
        ["two-1", "one-1"]
    );
    assert_eq!(stand.names(&key, "objects/?match[type]=domain-name,x-nothing").await, ["d"]);
    assert!(stand.names(&key, "objects/?match[spec_version]=2.0").await.is_empty());
    let one = "malware--00000000-0000-4000-8000-000000000001";
    let ids = format!("objects/?match[id]={one},malware--00000000-0000-4000-8000-000000000009");
    assert_eq!(stand.names(&key, &ids).await, ["one-2"]);
    // Only what was added after that time counts, and of it the latest.
    let after = "objects/?added_after=2026-03-09T08:00:30Z";
    assert_eq!(stand.names(&key, after).await, ["one-1", "two-2", "d"]);
    assert_eq!(stand.get(&key, "objects/?added_after=2026-03-10T00:00:00Z").await, json!({}));
    let by_id = format!("objects/{one}/?added_after=2026-03-09T08:00:30Z");
    assert_eq!(stand.names(&key, &by_id).await, ["one-1"]);
    assert_eq!(
        stand.get(&key, &format!("objects/{one}/?match[spec_version]=2.0")).await,
        json!({})
    );
    assert_eq!(
        stand.get(&key, &format!("objects/{one}/versions/")).await["versions"],
        json!(["2026-01-02T00:00:00.000Z", "2026-01-01T00:00:00.000Z"])
    );
    let manifest = stand.get(&key, "manifest/?match[type]=domain-name").await;
    let record = &manifest["objects"][0];
    assert_eq!(record["media_type"], "application/stix+json;version=2.1");
    // What has no version of its own says nothing of when it came.
    assert_eq!(record["version"], "1970-01-01T00:00:00.000Z");
    let (status, _) = stand.send(&key, Method::GET, &stand.path("objects/malware--x/"), "").await;
    assert_eq!(status, 404);
    // Where nothing is said of it, only the latest STIX counts: of it is the first.
    let mut before = malware(3, 1, "in 2.0", None);
    before.as_object_mut().unwrap().remove("spec_version");
    before.as_object_mut().unwrap().remove("is_family");
    before["labels"] = json!(["bot"]);
    stand.add(&key, &[before]).await;
    stand.add(&key, &[malware(3, 3, "three-3", None), malware(3, 2, "three-2", None)]).await;
    let three = "objects/malware--00000000-0000-4000-8000-000000000003/";
    for (rest, names) in [
        ("?match[version]=first", &["three-2"][..]),
        ("?match[version]=all", &["three-3", "three-2"]),
        ("?match[version]=first&match[spec_version]=2.0,2.1", &["in 2.0"]),
        ("?match[version]=first&match[spec_version]=2.0", &["in 2.0"]),
        ("?match[version]=first&match[spec_version]=2.1", &["three-2"]),
    ] {
        assert_eq!(stand.names(&key, &format!("{three}{rest}")).await, names, "{rest}");
    }
    // The default takes the latest; then the one before shows again.
    let path = stand.path(&format!("objects/{one}/"));
    assert_eq!(stand.send(&key, Method::DELETE, &path, "").await.0, 200);
    assert_eq!(stand.names(&key, &format!("objects/{one}/")).await, ["one-1"]);
    let all = format!("{path}?match[version]=all");
    assert_eq!(stand.send(&key, Method::DELETE, &all, "").await.0, 200);
    assert_eq!(stand.send(&key, Method::GET, &path, "").await.0, 404);
    assert_eq!(stand.send(&key, Method::DELETE, &path, "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_on_where_the_one_before_ended_whatever_comes_between() {
    let stand = Stand::set().await;
    let key = stand.key(Tlp::Green, true, true).await;
    let all: Vec<Value> =
        (0..25).map(|number| malware(number, 1, &format!("m{number}"), None)).collect();
    stand.add(&key, &all).await;
    let (mut names, mut next, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = stand.get(&key, &format!("objects/?limit=10{next}")).await;
        let objects = page["objects"].as_array().unwrap();
        names.extend(objects.iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        pages += 1;
        if pages == 1 {
            stand.add(&key, &[malware(99, 1, "late", None)]).await;
        }
        match page["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => break,
        }
        assert_eq!(page["more"], true);
    }
    let wanted = (0..25).map(|number| format!("m{number}")).chain(["late".to_owned()]);
    assert_eq!((names, pages), (wanted.collect(), 3));
    // By the time of the last one too: no two have the same.
    let page = stand.get(&key, "manifest/?limit=10").await;
    let last = page["objects"][9]["date_added"].as_str().unwrap();
    let rest = stand.get(&key, &format!("manifest/?added_after={last}")).await;
    assert_eq!(rest["objects"].as_array().unwrap().len(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_late_is_found_as_added_then() {
    let stand = Stand::set().await;
    let green = stand.key(Tlp::Green, true, false).await;
    let red = stand.key(Tlp::Red, true, false).await;
    let marking = "marking-definition--00000000-0000-4000-8000-000000000001";
    let mut waits = malware(1, 1, "waits", None);
    waits["object_marking_refs"] = json!([marking, Tlp::Green.id()]);
    let import =
        |value: Value, collection: Option<Collection>| brought(&value, Tlp::Green, collection);
    let into = Some(stand.collection.clone());
    stand.node.import(import(waits, into.clone()), &|_, _| ()).await.unwrap();
    stand.node.import(import(malware(2, 1, "kept", None), None), &|_, _| ()).await.unwrap();
    for key in [&green, &red] {
        // Nobody knows what the marking says.
        assert_eq!(stand.get(key, "objects/").await, json!({}));
    }
    stand.clock.advance(SignedDuration::from_secs(3600));
    let definition = json!({
        "type": "marking-definition", "spec_version": "2.1", "id": marking, "created": "2026-01-01T00:00:00.000Z",
        "definition_type": "statement", "definition": { "statement": "(c) Northland" },
        "object_marking_refs": [Tlp::Red.id()],
    });
    stand.node.import(import(definition, None), &|_, _| ()).await.unwrap();
    let after = "objects/?added_after=2026-03-09T08:30:00Z";
    assert_eq!(stand.names(&green, after).await, ["waits"]);
    stand.clock.advance(SignedDuration::from_secs(3600));
    let id = malware(2, 1, "", None)["id"].as_str().unwrap().to_owned();
    stand.node.share(&Person::operator(), &stand.collection, &[id]).await.unwrap();
    assert_eq!(stand.names(&green, "objects/?added_after=2026-03-09T09:30:00Z").await, ["kept"]);
    // A later version for fewer leaves the one before as the last that the others see.
    let stricter = malware(2, 2, "secret", Some(Tlp::Red));
    stand.node.import(import(stricter, into), &|_, _| ()).await.unwrap();
    let of = "objects/?match[id]=malware--00000000-0000-4000-8000-000000000002";
    assert_eq!(stand.names(&green, of).await, ["kept"]);
    assert_eq!(stand.names(&red, of).await, ["secret"]);
    let found = stand.node.search(&Person::operator(), "tlp:red secret", None, 10).await.unwrap();
    assert_eq!(found.iter().map(|one| one.superseded).collect::<Vec<_>>(), [false]);
    // What only an earlier version says is found, and said to be earlier: its labels hold no more.
    let found = stand.node.search(&Person::operator(), "kept", None, 10).await.unwrap();
    assert_eq!(found.iter().map(|one| one.superseded).collect::<Vec<_>>(), [true]);
    // Deleted, it is gone everywhere, and does not come back unasked.
    let id = "malware--00000000-0000-4000-8000-000000000002".to_owned();
    stand.node.delete_intelligence(&Person::operator(), &[id]).await.unwrap();
    assert_eq!(stand.get(&red, of).await, json!({}));
    let again = import(malware(2, 1, "kept", None), Some(stand.collection.clone()));
    let (report, _) = stand.node.import(again.clone(), &|_, _| ()).await.unwrap();
    assert_eq!((report.new, report.refused), (0, 1));
    let (report, _) =
        stand.node.import(Import { returns: true, ..again }, &|_, _| ()).await.unwrap();
    assert_eq!((report.new, report.refused), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn additions_say_what_became_of_each_object() {
    let stand = Stand::set().await;
    let key = stand.key(Tlp::Green, true, true).await;
    let red = malware(3, 1, "red", Some(Tlp::Red));
    stand.add(&key, &[malware(1, 1, "a", None), red]).await;
    let mut other = malware(1, 1, "b", None);
    let added = [
        malware(1, 1, "a", None),
        other.clone(),
        json!({ "type": "malware", "id": "malware--1" }),
        json!(7),
        malware(3, 1, "green after all", Some(Tlp::Green)),
        malware(2, 1, "new", None),
    ];
    let status = stand.add(&key, &added).await;
    assert_eq!((&status["status"], &status["total_count"]), (&json!("complete"), &json!(6)));
    assert_eq!((&status["success_count"], &status["failure_count"]), (&json!(3), &json!(3)));
    assert_eq!(status["successes"].as_array().unwrap().len(), 3);
    let why: Vec<&str> = status["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["message"].as_str().unwrap())
        .collect();
    assert!(why[0].contains("another object with this 'id' and 'modified'"), "{why:?}");
    assert!(why[1].contains("no 'id' and 'type'") && why[2].contains("an integer"), "{why:?}");
    let path = format!("/taxii2/intelligence/status/{}/", status["id"].as_str().unwrap());
    assert_eq!(stand.send(&key, Method::GET, &path, "").await, (200, status.clone()));
    let stranger = stand.key(Tlp::Red, true, true).await;
    assert_eq!(stand.send(&stranger, Method::GET, &path, "").await.0, 404);
    // What came first stays; the red one said nothing of itself to whoever may not see it.
    let names = stand.names(&stranger, "objects/").await;
    assert_eq!(names, ["a", "red", "new"]);
    // The same members in another order are the same object.
    other["name"] = "a".into();
    let text = format!(
        r#"{{"objects":[{{"name":"a",{}]}}"#,
        &other.to_string()[1..].replace(",\"name\":\"a\"", "")
    );
    let (status, value) = stand.send(&key, Method::POST, &stand.path("objects/"), &text).await;
    assert_eq!((status, &value["success_count"]), (202, &json!(1)), "{value}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_gets_a_clear_no() {
    let stand = Stand::set().await;
    let key = stand.key(Tlp::Green, true, true).await;
    let objects = stand.path("objects/");
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("[1,", 422),
        ("{}", 422),
        ("[]", 422),
        ("7", 422),
        (r#"{"objects":[]}"#, 422),
        (r#"{"objects":{}}"#, 422),
        (r#"{"objects":[{}],"objects":[{}]}"#, 422),
        (deep.as_str(), 422),
    ] {
        let (found, value) = stand.send(&key, Method::POST, &objects, body).await;
        assert_eq!(found, status, "{body:.40}: {value}");
    }
    // What can be read in two ways, or is nested too deep, is no object: nothing that came with it is taken.
    let good = malware(7, 1, "with it", None).to_string();
    for bad in [r#"{"type":"malware","type":"tool"}"#.to_owned(), format!(r#"{{"x_a":{deep}}}"#)] {
        let body = format!(r#"{{"objects":[{good},{bad}]}}"#);
        let (found, value) = stand.send(&key, Method::POST, &objects, &body).await;
        assert_eq!(found, 422, "{bad:.40}: {value}");
        assert!(value["description"].as_str().unwrap().starts_with("objects[1]: "), "{value}");
    }
    assert!(stand.names(&key, "objects/").await.is_empty());
    let many = format!(r#"{{"objects":[{}{{}}]}}"#, "{},".repeat(50_000));
    assert_eq!(stand.send(&key, Method::POST, &objects, &many).await.0, 413);
    for query in [
        "limit=0",
        "added_after=now",
        "next=x",
        "match[version]=all,first",
        "match[id]=a&match[id]=b",
    ] {
        let (status, value) =
            stand.send(&key, Method::GET, &format!("{objects}?{query}"), "").await;
        assert_eq!(status, 400, "{query}");
        assert!(value["description"].as_str().unwrap().contains(query.split('=').next().unwrap()));
    }
    assert_eq!(stand.send(&key, Method::GET, "/taxii2/other/", "").await.0, 404);
    assert_eq!(stand.send(&key, Method::PUT, &objects, "").await.0, 405);
    let head = |extra: &str| {
        format!(
            "POST {objects} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {key}\r\n{extra}\r\n"
        )
    };
    for (extra, status) in [
        ("content-type: application/json\r\ncontent-length: 2\r\n\r\n{}", 415),
        (
            "content-type: application/taxii+json\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
            415,
        ),
        (
            "content-type: application/taxii+json\r\naccept: text/html\r\ncontent-length: 2\r\n\r\n{}",
            406,
        ),
        ("content-type: application/taxii+json\r\ncontent-length: 99999999\r\n\r\n", 413),
        ("content-type: application/taxii+json\r\ncontent-length: 3\r\n\r\n\"\u{7f}\"", 422),
    ] {
        let answer = stand.raw(&head(extra)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{extra}: {answer}");
    }
}

/// A statement goes along with what it marks, whenever either came.
#[tokio::test(flavor = "multi_thread")]
async fn statements_go_along() {
    let stand = Stand::set().await;
    let green = stand.key(Tlp::Green, true, false).await;
    let import = |value: Value, into: bool| {
        brought(&value, Tlp::Clear, into.then(|| stand.collection.clone()))
    };
    let statement = |number: usize| {
        json!({
            "type": "marking-definition", "spec_version": "2.1", "created": "2026-01-01T00:00:00.000Z",
            "id": format!("marking-definition--00000000-0000-4000-8000-{number:012}"), "name": format!("s{number}"),
            "definition_type": "statement", "definition": { "statement": "(c) Northland" },
        })
    };
    let marked = |number: usize| {
        let mut object = malware(number, 1, &format!("m{number}"), None);
        object["object_marking_refs"] = json!([Tlp::Green.id(), statement(number)["id"]]);
        object
    };
    let names = async || -> std::collections::BTreeSet<String> {
        stand.names(&green, "objects/").await.into_iter().collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    // Both are here, and a person shares one.
    stand.node.import(import(json!([statement(1), marked(1)]), false), &|_, _| ()).await.unwrap();
    let id = marked(1)["id"].as_str().unwrap().to_owned();
    stand.node.share(&Person::operator(), &stand.collection, &[id]).await.unwrap();
    assert_eq!(names().await, set(&["m1", "s1"]));
    // The statement was here before.
    stand.node.import(import(json!([statement(2)]), false), &|_, _| ()).await.unwrap();
    stand.node.import(import(json!([marked(2)]), true), &|_, _| ()).await.unwrap();
    assert_eq!(names().await, set(&["m1", "m2", "s1", "s2"]));
    // It comes after.
    stand.node.import(import(json!([marked(3)]), true), &|_, _| ()).await.unwrap();
    stand.node.import(import(json!([statement(3)]), false), &|_, _| ()).await.unwrap();
    assert_eq!(names().await, set(&["m1", "m2", "m3", "s1", "s2", "s3"]));
}

/// What was added after a time is read as the rest of the whole list, until a version comes after a later one.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_added_after_a_time_is_the_rest_of_the_list() {
    use comity_store::intel::feed::{self, Filter, Versions};
    let last = Versions { last: true, ..Versions::default() };
    let kinds = [
        (last.clone(), vec![]),
        (last, vec!["2.1".to_owned()]),
        (Versions { all: true, ..Versions::default() }, vec![]),
        (Versions { first: true, ..Versions::default() }, vec![]),
    ];
    let mut turn = 7_u64;
    let mut random = move |below: u64| -> usize {
        turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((turn >> 33) % below).unwrap()
    };
    for is_orderly in [true, false] {
        let stand = Stand::set().await;
        let reader = Clearance { tlp: Tlp::Green, pap: Pap::Red };
        let mut versions = [0; 5];
        let mut times = Vec::new();
        for _ in 0..40 {
            let object = random(5);
            let version = if is_orderly {
                versions[object] += 1;
                versions[object]
            } else {
                1 + random(20)
            };
            let label = if random(3) == 0 { Tlp::Red } else { Tlp::Green };
            let name = format!("{object} {version}");
            let one = malware(object, version, &name, Some(label));
            let import = brought(&one, Tlp::Green, Some(stand.collection.clone()));
            stand.node.import(import, &|_, _| ()).await.unwrap();
            stand.clock.advance(SignedDuration::from_secs(60));
            times.push(stand.node.now().as_microsecond());
        }
        let collection = stand.node.collection(&stand.collection.alias).await.unwrap();
        assert_eq!(collection.late, !is_orderly);
        let audiences = feed::audiences(stand.node.db(), collection.num).await.unwrap();
        for (versions, specs) in &kinds {
            for after in &times {
                let (ids, kinds) = (Vec::new(), Vec::new());
                let (versions, specs) = (versions.clone(), specs.clone());
                let filter =
                    Filter { ids, kinds, specs, versions, after: Some(*after), cursor: None };
                let of = (collection.num, &audiences[..]);
                let places =
                    async |filter| feed::places(stand.node.db(), of, reader, filter, 100).await;
                let whole = places(&filter).await.unwrap();
                let rest = filter.clone().as_rest(collection.late);
                assert_eq!(places(&rest).await.unwrap(), whole, "{filter:?}");
            }
        }
    }
}

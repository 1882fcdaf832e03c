//! TAXII 2.1, endpoint by endpoint, as the standard says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod stage;
mod stand;

use comity_node::intel::{Grant, Import};
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

/// A tool that adds in portions may say what its own marking means after it used it, and nobody else may; what only speaks
/// of a marking waits for none.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_says_what_its_own_markings_mean() {
    let stand = Stand::set().await;
    let key = stand.key(Tlp::Red, true, true).await;
    let grants = [Grant { collection: stand.collection.id.clone(), read: true, write: true }];
    let clearance = Clearance { tlp: Tlp::Red, pap: Pap::Red };
    let other = stand.node.give_tool("other", clearance, &grants, "", 1).await.unwrap();
    let id = |number: usize| format!("marking-definition--00000000-0000-4000-8000-{number:012}");
    let definition = |number: usize| {
        json!({
            "type": "marking-definition", "spec_version": "2.1", "id": id(number),
            "created": "2026-01-01T00:00:00.000Z", "definition_type": "statement",
            "definition": { "statement": "(c) Northland" }, "object_marking_refs": [Tlp::Clear.id()],
        })
    };
    let mut waits = malware(1, 1, "waits", None);
    waits["object_marking_refs"] = json!([id(1), Tlp::Clear.id()]);
    let mut speaks = malware(2, 1, "speaks", None);
    speaks["description"] = json!(format!("see {}", id(2)));
    stand.add(&key, &[waits, speaks]).await;
    assert_eq!(stand.names(&key, "objects/?match[type]=malware").await, ["speaks"]);
    stand.add(&other, &[definition(1)]).await;
    assert_eq!(stand.names(&key, "objects/?match[type]=malware").await, ["speaks"]);
    stand.add(&other, &[definition(2)]).await;
    let found = stand.get(&key, "objects/?match[type]=marking-definition").await;
    assert_eq!(found["objects"].as_array().unwrap().len(), 1, "nothing waits for it: {found}");
    stand.add(&key, &[definition(1)]).await;
    assert_eq!(stand.names(&key, "objects/?match[type]=malware").await, ["speaks", "waits"]);
}

/// A deletion reaches the copy, where nobody else has to do with it: not what another brought too, or a person gave to
/// others. What others say of it stays, and whoever took it back may bring it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_takes_back_what_it_alone_brought() {
    let stand = Stand::set().await;
    let key = stand.key(Tlp::Red, true, true).await;
    let other = stand.key(Tlp::Red, true, true).await;
    let green = stand.key(Tlp::Green, true, false).await;
    let operator = Person::operator();
    let shared = stand.node.add_collection("others", "Others", "", Tlp::Green).await.unwrap();
    let id = |number| malware(number, 1, "", None)["id"].as_str().unwrap().to_owned();
    let named = async |name: &str| {
        let found = stand.node.search(&operator, name, None, 10).await.unwrap();
        found.len()
    };
    let alone = malware(1, 1, "alone", Some(Tlp::Red));
    stand.add(&key, std::slice::from_ref(&alone)).await;
    stand.add(&key, &[malware(2, 1, "doubled", None), malware(3, 1, "given", None)]).await;
    stand.add(&other, &[malware(2, 1, "doubled", None)]).await;
    stand.node.share(&operator, &shared, &[id(3)]).await.unwrap();
    let link = json!({
        "type": "relationship", "spec_version": "2.1", "relationship_type": "related-to",
        "id": "relationship--00000000-0000-4000-8000-000000000009",
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "source_ref": id(1), "target_ref": id(2), "object_marking_refs": [Tlp::Green.id()],
    });
    stand.add(&other, std::slice::from_ref(&link)).await;
    let links = "objects/?match[type]=relationship";
    let shown = async |key: &str| stand.get(key, links).await != json!({});
    assert_eq!((shown(&key).await, shown(&green).await), (true, false), "it names what is red");
    for number in 1..=3 {
        let path = stand.path(&format!("objects/{}/", id(number)));
        assert_eq!(stand.send(&key, Method::DELETE, &path, "").await.0, 200);
        assert_eq!(stand.send(&key, Method::GET, &path, "").await.0, 404);
    }
    assert_eq!(named("alone").await, 0);
    assert_eq!((named("doubled").await, named("given").await), (1, 1));
    // What another said of it is neither hidden nor shown to more.
    assert_eq!((shown(&key).await, shown(&green).await), (true, false));
    stand.node.rebuild().await.unwrap();
    assert_eq!((shown(&key).await, shown(&green).await), (true, false));
    // Whoever brings it decides anew who sees it.
    let wider = malware(1, 1, "alone", Some(Tlp::Green));
    let status = stand.add(&key, &[wider]).await;
    assert_eq!(status["success_count"], 1);
    assert_eq!(stand.names(&green, "objects/?match[type]=malware").await, ["alone"]);
    assert!(shown(&green).await);
    // Where a person deletes, it stays away; and whoever brings it again after all shows what names it again.
    stand.node.delete_intelligence(&operator, &[id(1)]).await.unwrap();
    assert!(!shown(&key).await);
    stand.add(&key, std::slice::from_ref(&alone)).await;
    assert_eq!(named("alone").await, 0);
    let again = brought(&alone, Tlp::Green, Some(stand.collection.clone()));
    stand.node.import(Import { returns: true, ..again }, &|_, _| ()).await.unwrap();
    assert_eq!((shown(&key).await, shown(&green).await), (true, false));
}

/// What one key took back, another that never saw it does not uncover; and what was hidden by it stays so.
#[tokio::test(flavor = "multi_thread")]
async fn what_went_is_uncovered_by_nobody_who_did_not_see_it() {
    let stand = Stand::set().await;
    let red = stand.key(Tlp::Red, true, true).await;
    let green = stand.key(Tlp::Green, true, true).await;
    let address = |marking: Tlp| {
        json!({
            "type": "ipv4-addr", "spec_version": "2.1", "value": "198.51.100.7",
            "id": "ipv4-addr--00000000-0000-5000-8000-000000000001",
            "object_marking_refs": [marking.id()],
        })
    };
    let link = json!({
        "type": "relationship", "spec_version": "2.1", "relationship_type": "related-to",
        "id": "relationship--00000000-0000-4000-8000-000000000009",
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "source_ref": malware(1, 1, "", None)["id"], "target_ref": address(Tlp::Red)["id"],
        "object_marking_refs": [Tlp::Green.id()],
    });
    stand.add(&red, &[malware(1, 1, "one", None), address(Tlp::Red), link]).await;
    let links = "objects/?match[type]=relationship";
    let path = stand.path(&format!("objects/{}/", address(Tlp::Red)["id"].as_str().unwrap()));
    assert_eq!(stand.get(&green, links).await, json!({}));
    assert_eq!(stand.send(&red, Method::DELETE, &path, "").await.0, 200);
    let status = stand.add(&green, &[address(Tlp::Green)]).await;
    assert_eq!(status["success_count"], 1, "what is hidden is told as a success");
    assert_eq!(stand.get(&green, links).await, json!({}));
    // Whoever took it back may say that it is for more.
    stand.add(&red, &[address(Tlp::Green)]).await;
    assert_ne!(stand.get(&green, links).await, json!({}));
}

/// A number is given once: whoever looked one up before a deletion does not mean what came after it.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_given_once() {
    let stand = Stand::set().await;
    let key = stand.key(Tlp::Red, true, true).await;
    let nums = async || {
        let sql = "SELECT num FROM intel_object ORDER BY num";
        let rows = stand.node.db().query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.count(0).unwrap()).collect::<Vec<_>>()
    };
    stand.add(&key, &[malware(1, 1, "one", None), malware(2, 1, "two", None)]).await;
    let before = nums().await;
    let path = stand.path(&format!("objects/{}/", malware(2, 1, "", None)["id"].as_str().unwrap()));
    assert_eq!(stand.send(&key, Method::DELETE, &path, "").await.0, 200);
    stand.add(&key, &[malware(3, 1, "three", None)]).await;
    let after = nums().await;
    assert_eq!((after.len(), after[0]), (2, before[0]));
    assert!(after[1] > before[1], "{before:?} {after:?}");
}

/// What names no version is the same as whichever version it is equal to, and its status tells that one.
#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_version_comes_once() {
    let stand = Stand::set().await;
    let key = stand.key(Tlp::Red, true, true).await;
    let plain = json!({
        "type": "ipv4-addr", "spec_version": "2.1", "value": "198.51.100.7",
        "id": "ipv4-addr--00000000-0000-5000-8000-000000000001",
    });
    let mut other = plain.clone();
    other["x_a"] = 1.into();
    for _ in 0..3 {
        stand.add(&key, std::slice::from_ref(&plain)).await;
        stand.add(&key, std::slice::from_ref(&other)).await;
    }
    let of = format!("objects/{}/versions/", plain["id"].as_str().unwrap());
    let versions = stand.get(&key, &of).await["versions"].clone();
    assert_eq!(versions.as_array().unwrap().len(), 2, "{versions}");
    let path = stand.path(&format!("objects/{}/", plain["id"].as_str().unwrap()));
    assert_eq!(stand.send(&key, Method::DELETE, &path, "").await.0, 200);
    let status = stand.add(&key, std::slice::from_ref(&other)).await;
    assert_eq!(status["successes"][0]["version"], "1970-01-01T00:00:00.000001Z", "{status}");
    assert_eq!(stand.get(&key, &of).await["versions"], versions);
}

/// A statement goes along with what it marks: it is not taken out before that.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_stays_with_what_it_marks() {
    let stand = Stand::set().await;
    let key = stand.key(Tlp::Red, true, true).await;
    let id = "marking-definition--00000000-0000-4000-8000-000000000001";
    let definition = json!({
        "type": "marking-definition", "spec_version": "2.1", "id": id,
        "created": "2026-01-01T00:00:00.000Z", "definition_type": "statement",
        "definition": { "statement": "(c) Northland" }, "object_marking_refs": [Tlp::Clear.id()],
    });
    let mut marked = malware(1, 1, "marked", None);
    marked["object_marking_refs"] = json!([id, Tlp::Clear.id()]);
    stand.add(&key, &[definition, marked.clone()]).await;
    let path = |id: &str| stand.path(&format!("objects/{id}/"));
    let (status, value) = stand.send(&key, Method::DELETE, &path(id), "").await;
    assert_eq!(status, 409, "{value}");
    assert_eq!(
        stand.send(&key, Method::DELETE, &path(marked["id"].as_str().unwrap()), "").await.0,
        200
    );
    assert_eq!(stand.send(&key, Method::DELETE, &path(id), "").await.0, 200);
    assert_eq!(stand.get(&key, "objects/").await, json!({}));
}

/// A statement of its own, marked as said.
fn statement(number: usize, marks: &[&str]) -> Value {
    json!({
        "type": "marking-definition", "spec_version": "2.1",
        "id": format!("marking-definition--00000000-0000-4000-8000-{number:012}"),
        "created": "2026-01-01T00:00:00.000Z", "definition_type": "statement",
        "definition": { "statement": "(c) Northland" }, "object_marking_refs": marks,
    })
}

/// Nor from what whoever takes it out does not see: those who do see it read its statement still. And whoever took it out
/// learns nothing of that: not by what is deleted then, nor by what is added.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_stays_with_what_it_marks_for_others() {
    for is_hidden in [true, false] {
        let stand = Stand::set().await;
        let (green, red) =
            (stand.key(Tlp::Green, true, true).await, stand.key(Tlp::Red, true, true).await);
        let second = statement(2, &[Tlp::Clear.id()]);
        let first = statement(1, &[second["id"].as_str().unwrap(), Tlp::Clear.id()]);
        stand.add(&green, &[second.clone(), first.clone()]).await;
        if is_hidden {
            let mut marked = malware(1, 1, "marked", Some(Tlp::Red));
            marked["object_marking_refs"] = json!([first["id"], Tlp::Red.id()]);
            stand.add(&red, &[marked]).await;
        }
        let count = async |key: &str| {
            let all = "objects/?match[type]=marking-definition";
            let count = stand.get(key, all).await["objects"].as_array().map_or(0, Vec::len);
            let all = "manifest/?match[type]=marking-definition";
            let listed = stand.get(key, all).await["objects"].as_array().map_or(0, Vec::len);
            assert_eq!(count, listed);
            count
        };
        let delete = async |one: &Value| {
            let path = stand.path(&format!("objects/{}/", one["id"].as_str().unwrap()));
            stand.send(&green, Method::DELETE, &path, "").await.0
        };
        assert_eq!((count(&green).await, count(&red).await), (2, 2));
        assert_eq!(delete(&second).await, 409, "the first is marked with it");
        assert_eq!((delete(&first).await, delete(&first).await), (200, 404));
        assert_eq!(delete(&second).await, 200);
        assert_eq!((count(&green).await, count(&red).await), (0, if is_hidden { 2 } else { 0 }));
        // Another under its identifier, and the same again.
        let mut other = first.clone();
        other["definition"]["statement"] = "(c) Southland".into();
        let status = stand.add(&green, &[other]).await;
        assert_eq!((&status["success_count"], &status["failure_count"]), (&json!(1), &json!(0)));
        if is_hidden {
            stand.add(&green, &[second, first]).await;
            assert_eq!((count(&green).await, count(&red).await), (2, 2));
        }
    }
}

/// What is marked with it in a part that the tool does not see is no business of the tool; and whoever comes to see later what
/// a statement marks sees the statement then.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_comes_with_what_comes_to_be_seen() {
    let stand = Stand::set().await;
    let green = stand.key(Tlp::Green, true, true).await;
    let unknown = statement(3, &[Tlp::Clear.id()]);
    for number in [1, 2] {
        stand.add(&green, &[statement(number, &[Tlp::Clear.id()])]).await;
    }
    let id = |number: usize| statement(number, &[])["id"].clone();
    let mut part = malware(1, 1, "part", Some(Tlp::Green));
    part["description"] = "secret".into();
    part["granular_markings"] = json!([
        { "selectors": ["description"], "marking_ref": Tlp::Red.id() },
        { "selectors": ["description"], "marking_ref": id(1) },
    ]);
    let mut waits = malware(2, 1, "waits", Some(Tlp::Green));
    waits["object_marking_refs"] = json!([id(2), id(3), Tlp::Green.id()]);
    for value in [part, waits] {
        let import = brought(&value, Tlp::Green, Some(stand.collection.clone()));
        stand.node.import(import, &|_, _| ()).await.unwrap();
    }
    for number in [1, 2] {
        let path = stand.path(&format!("objects/{}/", id(number).as_str().unwrap()));
        assert_eq!(stand.send(&green, Method::DELETE, &path, "").await.0, 200, "{number}");
    }
    assert_eq!(stand.names(&green, "objects/?match[type]=malware").await, ["part"]);
    stand.node.import(brought(&unknown, Tlp::Green, None), &|_, _| ()).await.unwrap();
    assert_eq!(stand.names(&green, "objects/?match[type]=malware").await, ["part", "waits"]);
    let found = stand.get(&green, "objects/?match[type]=marking-definition").await;
    let mut found: Vec<&Value> =
        found["objects"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    found.sort_by_key(|id| id.as_str());
    assert_eq!(found, [&id(2), &id(3)]);
}

fn report(number: usize, marks: &Value, about: &Value) -> Value {
    json!({
        "type": "report", "spec_version": "2.1", "name": "R", "published": "2026-01-01T00:00:00.000Z",
        "id": format!("report--00000000-0000-4000-8000-{number:012}"),
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "object_refs": [about], "object_marking_refs": marks,
    })
}

/// A statement without a label of its own is shown to whoever sees what it marks once all is judged: not to who would have
/// seen it before, and to who comes to see it later.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_shown_to_who_sees_what_it_marks_in_the_end() {
    let stand = Stand::set().await;
    let green = stand.key(Tlp::Green, true, false).await;
    let other = stand.node.add_collection("others", "Others", "", Tlp::Green).await.unwrap();
    let bring = async |value: Value, collection: &Collection| {
        let import = brought(&value, Tlp::AmberStrict, Some(collection.clone()));
        let (report, _) = stand.node.import(import, &|_, _| ()).await.unwrap();
        assert_eq!(report.refused, 0, "{report:?}");
    };
    let [first, second] = [1, 2].map(|number| {
        let mut made = statement(number, &[]);
        made.as_object_mut().unwrap().remove("object_marking_refs");
        made
    });
    bring(json!([first, second]), &stand.collection).await;
    let secret = report(2, &json!([Tlp::Red.id()]), &malware(9, 1, "", None)["id"]);
    let names = report(1, &json!([Tlp::Green.id(), first["id"]]), &secret["id"]);
    bring(json!([names, secret]), &stand.collection).await;
    assert_eq!(stand.get(&green, "objects/").await, json!({}));
    // Nor to readers of one collection for what is in another.
    let mut elsewhere = malware(3, 1, "elsewhere", Some(Tlp::Green));
    elsewhere["object_marking_refs"] = json!([second["id"], Tlp::Green.id()]);
    bring(elsewhere, &other).await;
    assert_eq!(stand.get(&green, "objects/").await, json!({}));
    let link = json!({
        "type": "relationship", "spec_version": "2.1", "relationship_type": "related-to",
        "id": "relationship--00000000-0000-4000-8000-000000000009",
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "source_ref": malware(1, 1, "", None)["id"], "target_ref": malware(2, 1, "", None)["id"],
        "object_marking_refs": [Tlp::Green.id(), first["id"]],
    });
    let hidden = malware(1, 1, "hidden", Some(Tlp::Red));
    bring(json!([hidden, malware(2, 1, "open", Some(Tlp::Green)), link]), &stand.collection).await;
    let kinds = async || {
        let all = stand.get(&green, "objects/").await;
        let all = all["objects"].as_array().cloned().unwrap_or_default();
        let mut all: Vec<_> =
            all.iter().map(|one| one["type"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all.join(" ")
    };
    assert_eq!(kinds().await, "malware");
    bring(malware(1, 2, "shown", Some(Tlp::Green)), &stand.collection).await;
    assert_eq!(kinds().await, "malware malware marking-definition relationship");
}

/// The same where an import takes more than one transaction, and where a tool that sees neither makes something visible.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_waits_for_the_whole_of_an_import() {
    let stand = Stand::set().await;
    let green = stand.key(Tlp::Green, true, false).await;
    let mut made = statement(1, &[]);
    made.as_object_mut().unwrap().remove("object_marking_refs");
    let about = malware(9, 1, "", None)["id"].clone();
    let secret = report(6_000, &json!([Tlp::Red.id()]), &about);
    let mut all = vec![report(0, &json!([Tlp::Green.id(), made["id"]]), &secret["id"])];
    all.extend((1..5_200).map(|number| report(number, &json!([Tlp::Red.id()]), &about)));
    all.push(secret);
    let bring = async |value: Value| {
        let import = brought(&value, Tlp::AmberStrict, Some(stand.collection.clone()));
        let (report, _) = stand.node.import(import, &|_, _| ()).await.unwrap();
        assert_eq!(report.refused, 0, "{report:?}");
    };
    bring(made.clone()).await;
    bring(all.into()).await;
    assert_eq!(stand.get(&green, "objects/").await, json!({}));

    let pap = comity_stix::misp::definition("PAP:AMBER");
    let link = json!({
        "type": "relationship", "spec_version": "2.1", "relationship_type": "related-to",
        "id": "relationship--00000000-0000-4000-8000-000000000009",
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "source_ref": malware(2, 1, "", None)["id"], "target_ref": malware(1, 1, "", None)["id"],
        "object_marking_refs": [Tlp::Green.id(), pap["id"], made["id"]],
    });
    let hidden = malware(1, 1, "hidden", Some(Tlp::Amber));
    bring(json!([pap, hidden, malware(2, 1, "open", Some(Tlp::Green)), link])).await;
    let clearance = Clearance { tlp: Tlp::Amber, pap: Pap::Green };
    let grants = [Grant { collection: stand.collection.id.clone(), read: true, write: true }];
    let tool = stand.node.give_tool("blocker", clearance, &grants, "", 1).await.unwrap();
    let statements = "objects/?match[type]=marking-definition";
    let has_it = |found: &Value| {
        let all = found["objects"].as_array().cloned().unwrap_or_default();
        all.iter().any(|one| one["id"] == made["id"])
    };
    assert!(!has_it(&stand.get(&green, statements).await));
    stand.add(&tool, &[malware(1, 2, "shown", Some(Tlp::Green))]).await;
    let links = stand.get(&green, "objects/?match[type]=relationship").await;
    assert_eq!(links["objects"][0]["object_marking_refs"][2], made["id"], "{links}");
    assert!(has_it(&stand.get(&green, statements).await));
}

/// What a tool took out, and others still see, does not come back for it because something else of it is understood now.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_out_does_not_come_back_by_itself() {
    let stand = Stand::set().await;
    let green = stand.key(Tlp::Green, true, true).await;
    let mut part = statement(1, &[Tlp::Green.id()]);
    part["name"] = "part".into();
    part["granular_markings"] =
        json!([{ "selectors": ["name"], "marking_ref": statement(2, &[])["id"] }]);
    stand.add(&green, std::slice::from_ref(&part)).await;
    let mut hidden = malware(1, 1, "hidden", None);
    hidden["object_marking_refs"] = json!([part["id"], Tlp::Red.id()]);
    let import = brought(&hidden, Tlp::Red, Some(stand.collection.clone()));
    stand.node.import(import, &|_, _| ()).await.unwrap();
    let path = format!("objects/{}/", part["id"].as_str().unwrap());
    assert_eq!(stand.send(&green, Method::DELETE, &stand.path(&path), "").await.0, 200);
    let unknown = brought(&statement(2, &[Tlp::Clear.id()]), Tlp::Clear, None);
    stand.node.import(unknown, &|_, _| ()).await.unwrap();
    assert_eq!(stand.send(&green, Method::GET, &stand.path(&path), "").await.0, 404);
}

/// No marking goes in a circle: one that does could never be deleted, for each is in use.
#[tokio::test(flavor = "multi_thread")]
async fn no_marking_goes_in_a_circle() {
    let stand = Stand::set().await;
    let id = |number: usize| statement(number, &[])["id"].as_str().unwrap().to_owned();
    let circle = [(1, 2), (2, 3), (3, 1)];
    let circle = circle.map(|(one, other)| statement(one, &[&id(other), Tlp::Clear.id()]));
    let import = brought(&json!(circle), Tlp::Green, None);
    let (report, _) = stand.node.import(import, &|_, _| ()).await.unwrap();
    assert_eq!((report.new, report.refused), (2, 1));
    assert!(report.refusals[0].why.contains("circle"), "{report:?}");
    let label = [Tlp::Green.id().to_owned()];
    let refused = stand.node.delete_intelligence(&Person::operator(), &label).await;
    assert!(refused.unwrap_err().to_string().contains("everyone has"), "a label stays");
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

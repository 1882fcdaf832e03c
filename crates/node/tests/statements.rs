//! What a tool takes back over TAXII, and statements, which go along with what they mark: nothing is lost by it, and nothing is
//! learned.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod stage;
mod stand;

use comity_node::intel::{Grant, Import};
use comity_rules::access::Person;
use comity_stix::marking::{Clearance, Pap, Tlp};
use comity_store::intel::collection::Collection;
use hyper::Method;
use serde_json::{Value, json};
use stand::{Stand, brought, malware};

/// A statement of its own, marked as said.
fn statement(number: usize, marks: &[&str]) -> Value {
    json!({
        "type": "marking-definition", "spec_version": "2.1",
        "id": format!("marking-definition--00000000-0000-4000-8000-{number:012}"),
        "created": "2026-01-01T00:00:00.000Z", "definition_type": "statement",
        "definition": { "statement": "(c) Northland" }, "object_marking_refs": marks,
    })
}

/// The same without a label.
fn unlabelled(number: usize) -> Value {
    let mut made = statement(number, &[]);
    made.as_object_mut().unwrap().remove("object_marking_refs");
    made
}

fn report(number: usize, marks: &Value, about: &Value) -> Value {
    json!({
        "type": "report", "spec_version": "2.1", "name": "R", "published": "2026-01-01T00:00:00.000Z",
        "id": format!("report--00000000-0000-4000-8000-{number:012}"),
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "object_refs": [about], "object_marking_refs": marks,
    })
}

/// One object's relation to another.
fn link(source: &Value, target: &Value, marks: &Value) -> Value {
    json!({
        "type": "relationship", "spec_version": "2.1", "relationship_type": "related-to",
        "id": "relationship--00000000-0000-4000-8000-000000000009",
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "source_ref": source, "target_ref": target, "object_marking_refs": marks,
    })
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
    let definition = |number: usize| statement(number, &[Tlp::Clear.id()]);
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
    let link = link(&json!(id(1)), &json!(id(2)), &json!([Tlp::Green.id()]));
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
    let link =
        link(&malware(1, 1, "", None)["id"], &address(Tlp::Red)["id"], &json!([Tlp::Green.id()]));
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
    let definition = statement(1, &[Tlp::Clear.id()]);
    let id = definition["id"].as_str().unwrap().to_owned();
    let id = id.as_str();
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
    let [first, second] = [1, 2].map(unlabelled);
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
    let link = link(
        &malware(1, 1, "", None)["id"],
        &malware(2, 1, "", None)["id"],
        &json!([Tlp::Green.id(), first["id"]]),
    );
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
    let made = unlabelled(1);
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
    let link = link(
        &malware(2, 1, "", None)["id"],
        &malware(1, 1, "", None)["id"],
        &json!([Tlp::Green.id(), pap["id"], made["id"]]),
    );
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

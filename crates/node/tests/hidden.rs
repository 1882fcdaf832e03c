//! What a tool must not learn by TAXII: that there is more than it sees.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod stage;
mod stand;

use std::sync::atomic::{AtomicI64, Ordering};

use comity_rules::access::Person;
use comity_stix::marking::Tlp;
use hyper::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use stand::{Stand, brought, malware};

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_takes_no_marking_off_and_learns_nothing_by_adding() {
    let stand = Stand::set().await;
    let red = stand.key(Tlp::Red, true, true).await;
    let clear = stand.key(Tlp::Clear, true, true).await;
    let marking = |number: usize, created: &str, statement: &str| {
        json!({
            "type": "marking-definition", "spec_version": "2.1", "created": created,
            "id": format!("marking-definition--00000000-0000-4000-8000-{number:012}"),
            "definition_type": "statement", "definition": { "statement": statement },
            "object_marking_refs": [Tlp::Clear.id()],
        })
    };
    let marked = |number: usize, by: &Value| {
        let mut value = malware(number, 1, "SECRET", Some(Tlp::Clear));
        value["object_marking_refs"] = json!([Tlp::Clear.id(), by["id"]]);
        value
    };
    let known = marking(1, "2026-01-01T00:00:00.000Z", "TLP:RED");
    let unknown = marking(2, "2026-01-01T00:00:00.000Z", "(c) Northland");
    let both = [known.clone(), marked(1, &known), marked(2, &unknown)];
    stand.add(&red, &both).await;
    // A later definition of the one, and a first of the other, from somebody who sees neither object.
    for number in [1, 2] {
        let later = marking(number, "2026-02-01T00:00:00.000Z", "Copyright");
        stand.add(&clear, &[later]).await;
    }
    let all = stand.get(&clear, "objects/?match[version]=all").await.to_string();
    assert!(!all.contains("SECRET"), "{all}");

    // A freer version of what one does not see opens nothing, and is not the others' last.
    let hidden = malware(3, 1, "HIDDEN", Some(Tlp::Red));
    let link = json!({
        "type": "relationship", "spec_version": "2.1", "id": "relationship--00000000-0000-4000-8000-000000000001",
        "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
        "relationship_type": "related-to", "source_ref": hidden["id"], "target_ref": malware(4, 1, "", None)["id"],
        "description": "LINK", "object_marking_refs": [Tlp::Clear.id()],
    });
    stand.add(&red, &[hidden.clone(), link]).await;
    let added =
        [malware(3, 2, "mine", Some(Tlp::Clear)), malware(5, 2, "new", Some(Tlp::Clear)), hidden];
    let status = stand.add(&clear, &added).await;
    // Hidden and new are told alike, in the order in which they came.
    let told: Vec<&str> = status["successes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["version"].as_str().unwrap())
        .collect();
    let wanted =
        ["2026-01-02T00:00:00.000Z", "2026-01-02T00:00:00.000Z", "2026-01-01T00:00:00.000Z"];
    assert_eq!((told, &status["failure_count"]), (wanted.to_vec(), &json!(0)));
    let all = stand.get(&clear, "objects/?match[version]=all").await.to_string();
    assert!(!all.contains("LINK") && !all.contains("mine") && all.contains("new"), "{all}");
    let of = "objects/?match[id]=malware--00000000-0000-4000-8000-000000000003";
    assert_eq!(stand.names(&red, of).await, ["HIDDEN"]);

    // What is here and was never shared is nobody's business either.
    let unshared = json!([malware(6, 1, "not shared", Some(Tlp::Clear))]);
    let import = brought(&unshared, Tlp::Clear, None);
    stand.node.import(import, &|_, _| ()).await.unwrap();
    let status = stand.add(&clear, &[malware(6, 1, "other", Some(Tlp::Clear))]).await;
    assert_eq!(status["failure_count"], 0);

    // An identifier is one under whatever name it stands.
    let mut named = malware(7, 1, "names", Some(Tlp::Clear));
    let secret = malware(3, 1, "", None)["id"].clone();
    named["x_ids"] = json!([secret, "x"]);
    named["external_references"] =
        json!([{ "source_name": "a", "description": "d", "external_id": secret }]);
    stand.add(&red, &[named]).await;
    let all = stand.get(&clear, "objects/?match[type]=malware").await.to_string();
    assert!(all.contains("names") && !all.contains(secret.as_str().unwrap()), "{all}");

    // Many definitions at once open what waited for all of them.
    let waits: Vec<Value> =
        (10..20).map(|number| marking(number, "2026-01-01T00:00:00.000Z", "(c)")).collect();
    let mut object = malware(8, 1, "waited", Some(Tlp::Clear));
    let ids: Vec<&Value> = waits.iter().map(|one| &one["id"]).collect();
    object["object_marking_refs"] = json!(ids);
    let import = |value: Value| brought(&value, Tlp::Clear, Some(stand.collection.clone()));
    stand.node.import(import(json!([object])), &|_, _| ()).await.unwrap();
    stand.node.import(import(json!(waits)), &|_, _| ()).await.unwrap();
    assert!(
        stand.names(&clear, "objects/?match[type]=malware").await.contains(&"waited".to_owned())
    );

    // Of several that are deleted at once nothing is found any more, and what comes after is not found for it.
    let mut first = malware(30, 1, "first", None);
    first["x_of"] = malware(31, 1, "", None)["id"].clone();
    stand
        .node
        .import(import(json!([malware(31, 1, "second", None), first])), &|_, _| ())
        .await
        .unwrap();
    let ids: Vec<String> = [31, 30]
        .map(|number| malware(number, 1, "", None)["id"].as_str().unwrap().to_owned())
        .to_vec();
    stand.node.delete_intelligence(&Person::operator(), &ids).await.unwrap();
    stand.node.import(import(json!([malware(32, 1, "third", None)])), &|_, _| ()).await.unwrap();
    for word in ["first", "second"] {
        let found = stand.node.search(&Person::operator(), word, None, 10).await.unwrap();
        assert_eq!(found, [], "{word}");
    }
    // The last second that there is.
    let mut late = malware(33, 1, "late", None);
    late["modified"] = "9999-12-31T23:59:59.999Z".into();
    stand.node.import(import(json!([late])), &|_, _| ()).await.unwrap();
    let versions =
        stand.get(&red, "objects/malware--00000000-0000-4000-8000-000000000033/versions/").await;
    assert_eq!(versions["versions"], json!(["9999-12-31T23:59:59.999Z"]));
    assert_eq!(stand.get(&red, "objects/?added_after=9999-12-31T23:59:59Z").await, json!({}));
    assert_eq!(stand.send(&red, Method::GET, &stand.path("objects/%ff/"), "").await.0, 404);
}

/// Neither where a page ends nor what an addition is told says anything of what is hidden.
#[tokio::test(flavor = "multi_thread")]
async fn pages_and_answers_say_nothing_of_what_is_hidden() {
    let stand = Stand::set().await;
    let clear = stand.key(Tlp::Clear, true, true).await;
    let into = || Some(stand.collection.clone());
    let bring = async |value: Value, marking, collection| {
        let brought = brought(&value, marking, collection);
        stand.node.import(brought, &|_, _| ()).await.unwrap().0
    };
    let long = "SECRET ".repeat(120_000);
    for number in 0..6 {
        let mut value = malware(number, 1, "part", Some(Tlp::Clear));
        value["description"] = long.as_str().into();
        value["granular_markings"] =
            json!([{ "marking_ref": Tlp::Red.id(), "selectors": ["description"] }]);
        bring(json!([value]), Tlp::Clear, into()).await;
    }
    let page = stand.get(&clear, "objects/?limit=1000").await;
    assert_eq!(page["objects"].as_array().map(Vec::len), Some(6));
    assert!(page["more"].is_null(), "it ends where what leaves of it ends");

    // What names no version: whether it was here, and since when, is told only to whom it is there.
    let address = |last: usize, id: &str| {
        let value = format!("198.51.100.{last}");
        json!({ "type": "ipv4-addr", "spec_version": "2.1", "id": id, "value": value })
    };
    let hidden = address(1, "ipv4-addr--28bb3599-77cd-5a82-a950-b5bd3caf07c4");
    let mut new = address(2, "ipv4-addr--69c6b4a7-2ac1-5a51-b0b7-8dcb5f4e2d8b");
    new["object_marking_refs"] = json!([Tlp::Clear.id()]);
    bring(json!([hidden]), Tlp::Red, None).await;
    stand.clock.advance(SignedDuration::from_secs(60));
    let status = stand.add(&clear, &[hidden, new.clone()]).await;
    let told: Vec<_> = status["successes"].as_array().unwrap().iter().collect();
    assert_eq!((told.len(), &told[0]["version"]), (2, &told[1]["version"]));
    stand.clock.advance(SignedDuration::from_secs(60));
    let again = stand.add(&clear, &[new]).await;
    assert_eq!(again["successes"][0]["version"], told[1]["version"], "it reads that one");

    // A label is what the standard says, whoever brings it, and a definition that says more is kept as it is marked.
    let mut label: Value = serde_json::from_str(&Tlp::AmberStrict.definition()).unwrap();
    label["name"] = "TLP:GREEN".into();
    label["x_note"] = "FOREIGN".into();
    stand.add(&clear, &[label]).await;
    let of = format!("objects/{}/", Tlp::AmberStrict.id());
    let standard: Value = serde_json::from_str(&Tlp::AmberStrict.definition()).unwrap();
    assert_eq!(stand.get(&clear, &of).await["objects"], json!([standard]));
    let definition = |number: usize, more: Value| {
        let mut value = json!({
            "type": "marking-definition", "spec_version": "2.1", "created": "2026-01-01T00:00:00.000Z",
            "id": format!("marking-definition--00000000-0000-4000-8000-{number:012}"), "name": "TLP:GREEN",
            "definition_type": "statement", "definition": { "statement": "TLP:GREEN" },
        });
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    };
    let said = json!([{ "source_name": "a", "description": "SECRET" }]);
    let all = json!([
        definition(
            1,
            json!({ "object_marking_refs": [Tlp::Red.id()], "external_references": said })
        ),
        definition(2, json!({ "external_references": said })),
        definition(3, json!({})),
    ]);
    bring(all, Tlp::Red, into()).await;
    let found = stand.get(&clear, "objects/?match[type]=marking-definition").await.to_string();
    assert!(!found.contains("SECRET") && !found.contains("-000000000002\""), "{found}");
    assert!(found.contains("-000000000003\""), "a label alone is no secret: {found}");
}

/// What comes in several transactions becomes visible at the end of the last, and is added then.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_an_addition_count_only_what_a_reader_sees() {
    let stand = Stand::set().await;
    let clear = stand.key(Tlp::Clear, true, false).await;
    let all: Vec<Value> = (0..7_000)
        .map(|number| {
            let label = if number % 5 == 0 { Tlp::Red } else { Tlp::Clear };
            malware(number, 1, "m", Some(label))
        })
        .collect();
    let import = brought(&json!(all), Tlp::Clear, Some(stand.collection.clone()));
    let written = AtomicI64::new(0);
    let later = |_, _| {
        stand.clock.advance(SignedDuration::from_secs(60));
        written.store(stand.node.now().as_microsecond(), Ordering::Relaxed);
    };
    stand.node.import(import, &later).await.unwrap();
    let (mut dates, mut next) = (Vec::new(), String::new());
    loop {
        let page = stand.get(&clear, &format!("manifest/?limit=1000{next}")).await;
        for one in page["objects"].as_array().unwrap() {
            let date = one["date_added"].as_str().unwrap();
            dates.push(date.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        }
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&next={cursor}");
    }
    let runs: Vec<usize> = dates.chunk_by(|one, next| next - one == 1).map(<[_]>::len).collect();
    assert_eq!(runs, [5_600]);
    let written = written.into_inner();
    assert!(dates.iter().all(|date| *date >= written), "none before it could be seen");
}

/// What others see is not told by the times at which a reader's own came, nor does it move them.
#[tokio::test(flavor = "multi_thread")]
async fn times_tell_nothing_of_what_others_see() {
    let stand = Stand::set().await;
    let [clear, green, red] =
        [Tlp::Clear, Tlp::Green, Tlp::Red].map(|tlp| stand.key(tlp, true, true));
    let (clear, green, red) = (clear.await, green.await, red.await);
    let import = |value: Value| brought(&value, Tlp::Clear, Some(stand.collection.clone()));
    let times = async |key: &str| -> Vec<i64> {
        let manifest = stand.get(key, "manifest/?match[version]=all").await;
        let all = manifest["objects"].as_array().cloned().unwrap_or_default();
        let time = |one: &Value| {
            one["date_added"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond()
        };
        all.iter().map(time).collect()
    };
    let mixed = |number: usize| {
        let tlp = if number.is_multiple_of(3) { Tlp::Green } else { Tlp::Red };
        malware(number, 1, &format!("m{number}"), Some(tlp))
    };
    // In one bundle, and as the addition of a tool.
    for (round, by_tool) in [(1, false), (2, true)] {
        stand.clock.advance(SignedDuration::from_secs(60));
        let objects: Vec<Value> = (0..30).map(|number| mixed(100 * round + number)).collect();
        if by_tool {
            stand.add(&red, &objects).await;
        } else {
            stand.node.import(import(json!(objects)), &|_, _| ()).await.unwrap();
        }
        let own = times(&green).await;
        let last = &own[own.len() - 10..];
        assert!(last.windows(2).all(|pair| pair[1] == pair[0] + 1), "{last:?}");
    }
    assert_eq!(times(&red).await.len(), 60);
    // What only others come to see more of stays where it is, and is new to them.
    stand.clock.advance(SignedDuration::from_secs(60));
    let identity = |version: usize, tlp: Tlp| {
        let mut identity = malware(900, version, "who", Some(tlp));
        identity["type"] = "identity".into();
        identity["id"] = "identity--00000000-0000-4000-8000-000000000900".into();
        identity.as_object_mut().unwrap().remove("is_family");
        identity
    };
    let mut named = malware(901, 1, "named", Some(Tlp::Clear));
    named["created_by_ref"] = identity(1, Tlp::Red)["id"].clone();
    stand.node.import(import(json!([identity(1, Tlp::Red), named])), &|_, _| ()).await.unwrap();
    let before = times(&clear).await;
    stand.clock.advance(SignedDuration::from_secs(60));
    let amber = stand.key(Tlp::Amber, true, false).await;
    let then = times(&amber).await;
    stand.node.import(import(json!([identity(2, Tlp::Amber)])), &|_, _| ()).await.unwrap();
    assert_eq!(times(&clear).await, before);
    let after = times(&amber).await;
    assert_eq!(after.len(), then.len() + 1);
    assert!(after[after.len() - 2..].iter().all(|at| *at > then[then.len() - 1]), "{after:?}");
}

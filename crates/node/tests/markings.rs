//! Whatever is in the store, nothing leaves it that its markings keep from the reader: random objects, markings, readers
//! and orders of arrival, against a second judge that only knows what each marking says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use comity_node::Node;
use comity_node::clock::Adjustable;
use comity_node::control::{self, Intel, Question};
use comity_node::http;
use comity_node::intel::export::{Export, Format};
use comity_node::intel::{Grant, Import};
use comity_node::network::{Network as _, Tcp};
use comity_node::{serve, taxii};
use comity_rules::access::Person;
use comity_stix::marking::{Clearance, Pap, Tlp};
use comity_store::intel::collection::Collection;
use serde_json::{Value, json};

/// Splitmix64: the same cases every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len())]
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.roll(at + 1));
        }
    }
}

fn id(kind: &str, number: usize) -> String {
    format!("{kind}--00000000-0000-4000-8000-{number:012}")
}

/// What a marking keeps from whom, for the second judge.
#[derive(Clone, Copy, PartialEq)]
enum Says {
    Tlp(Tlp),
    Pap(Pap),
    Nothing,
    /// Nobody knows: to nobody.
    Unknown,
}

const SECRET_LABEL: usize = 6;
const LABELS_SECRET: &str = "labelxsecretq";

/// Marking definitions: the field's, and some of one's own, of which one never comes.
fn markings() -> Vec<(String, Option<Value>, Says)> {
    let own = |number, kind: &str, definition: Value, says| {
        let id = id("marking-definition", number);
        let value = json!({
            "type": "marking-definition", "spec_version": "2.1", "id": id, "created": "2026-01-01T00:00:00.000Z",
            "definition_type": kind, "definition": definition,
        });
        (id, Some(value), says)
    };
    let mut all: Vec<(String, Option<Value>, Says)> =
        Tlp::ALL.map(|tlp| (tlp.id().to_owned(), None, Says::Tlp(tlp))).to_vec();
    all.push((
        "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82".to_owned(),
        None,
        Says::Tlp(Tlp::Amber),
    ));
    all.push(own(1, "statement", json!({"statement": "PAP:AMBER"}), Says::Pap(Pap::Amber)));
    all.push(own(2, "statement", json!({"statement": "PAP:GREEN"}), Says::Pap(Pap::Green)));
    all.push(own(3, "statement", json!({"statement": "(c) Northland"}), Says::Nothing));
    all.push(own(4, "x-house-rule", json!({"rule": "7"}), Says::Unknown));
    all.push((id("marking-definition", 5), None, Says::Unknown));
    // A label that is a secret itself.
    let (name, value, says) =
        own(SECRET_LABEL, "statement", json!({"statement": "PAP:GREEN"}), Says::Pap(Pap::Green));
    let mut value = value.unwrap();
    value["object_marking_refs"] = json!([Tlp::Red.id()]);
    value["external_references"] = json!([{ "source_name": "a", "description": LABELS_SECRET }]);
    all.push((name, Some(value), says));
    all
}

/// A version of an object, and what in it is whose to see.
#[derive(Clone)]
struct Made {
    id: String,
    value: Value,
    marks: Vec<usize>,
    /// Each secret word with the markings that it has beside those of the whole.
    secrets: Vec<(String, Vec<usize>)>,
}

fn make(dice: &mut Dice, count: usize, markings: &[(String, Option<Value>, Says)]) -> Vec<Made> {
    let kinds = [
        "indicator",
        "malware",
        "identity",
        "domain-name",
        "relationship",
        "report",
        "sighting",
        "note",
    ];
    let names: Vec<(String, &str)> = (0..count)
        .map(|number| {
            let kind = *dice.of(&kinds);
            (id(kind, number + 100), kind)
        })
        .collect();
    let mut made = Vec::new();
    for (number, (name, kind)) in names.iter().enumerate() {
        let versions = if *kind == "domain-name" { 1 } else { 1 + dice.roll(2) };
        for version in 0..versions {
            let word = |what: &str| format!("{what}x{number}v{version}q");
            let mut secrets = Vec::new();
            let mut value = json!({ "type": kind, "spec_version": "2.1", "id": name });
            if *kind != "domain-name" {
                value["created"] = "2026-01-01T00:00:00.000Z".into();
                value["modified"] = format!("2026-01-0{}T00:00:00.000Z", version + 1).into();
            }
            let refer = |dice: &mut Dice, not: &[&str]| {
                let others: Vec<_> = names.iter().filter(|one| !not.contains(&one.1)).collect();
                // Now and then to what never comes.
                if dice.chance(10) || others.is_empty() {
                    id("malware", 99)
                } else {
                    dice.of(&others).0.clone()
                }
            };
            let own = ["relationship", "sighting"];
            match *kind {
                "indicator" => {
                    value["pattern"] = format!("[domain-name:value = '{}']", word("p")).into();
                    value["pattern_type"] = "stix".into();
                    value["valid_from"] = "2026-01-01T00:00:00Z".into();
                    secrets.push((word("p"), "pattern"));
                }
                "malware" => value["is_family"] = true.into(),
                "domain-name" => {
                    value["value"] = word("d").into();
                    secrets.push((word("d"), "value"));
                }
                "relationship" => {
                    value["relationship_type"] = "related-to".into();
                    value["source_ref"] = refer(dice, &own).into();
                    value["target_ref"] = refer(dice, &own).into();
                }
                "sighting" => {
                    value["sighting_of_ref"] =
                        refer(dice, &["relationship", "sighting", "domain-name"]).into();
                    let identities: Vec<_> =
                        names.iter().filter(|one| one.1 == "identity").collect();
                    if !identities.is_empty() {
                        value["where_sighted_refs"] = json!([dice.of(&identities).0]);
                    }
                }
                "report" | "note" => {
                    let refs: BTreeSet<String> =
                        (0..=dice.roll(3)).map(|_| refer(dice, &[])).collect();
                    value["object_refs"] = json!(refs);
                    if *kind == "note" {
                        value["content"] = word("c").into();
                        secrets.push((word("c"), "content"));
                    } else {
                        value["published"] = "2026-01-01T00:00:00Z".into();
                    }
                }
                _ => {}
            }
            if ["indicator", "malware", "identity", "report"].contains(kind) {
                value["name"] = word("n").into();
                secrets.push((word("n"), "name"));
                value["description"] = word("t").into();
                secrets.push((word("t"), "description"));
                value["labels"] = json!([word("la"), word("lb")]);
                secrets.push((word("la"), "labels.[0]"));
                secrets.push((word("lb"), "labels.[1]"));
            }
            if *kind != "domain-name" && dice.chance(30) {
                let identities: Vec<_> = names.iter().filter(|one| one.1 == "identity").collect();
                if !identities.is_empty() {
                    value["created_by_ref"] = dice.of(&identities).0.clone().into();
                }
            }
            // In prose, and as a name.
            if dice.chance(20) {
                value["x_story"] = format!("as in {}, later", refer(dice, &[])).into();
            }
            if dice.chance(20) {
                value["x_seen"] = json!({ refer(dice, &[]): 1 });
            }
            let mut marks = BTreeSet::new();
            for _ in 0..dice.roll(3) {
                marks.insert(dice.roll(markings.len()));
            }
            let marks: Vec<usize> = marks.into_iter().collect();
            if !marks.is_empty() {
                let ids: Vec<&String> = marks.iter().map(|at| &markings[*at].0).collect();
                value["object_marking_refs"] = json!(ids);
            }
            let mut granular = Vec::new();
            let secrets = secrets
                .into_iter()
                .map(|(word, selector)| {
                    let mut own = Vec::new();
                    if dice.chance(15) {
                        let at = dice.roll(markings.len());
                        granular.push(
                            json!({ "marking_ref": markings[at].0, "selectors": [selector] }),
                        );
                        own.push(at);
                    }
                    (word, own)
                })
                .collect();
            if !granular.is_empty() {
                value["granular_markings"] = granular.into();
            }
            made.push(Made { id: name.clone(), value, marks, secrets });
        }
    }
    made
}

/// The second judge: what is in the store, and what a reader may see of it.
struct Judge<'w> {
    markings: &'w [(String, Option<Value>, Says)],
    /// Definitions that have come.
    come: BTreeSet<usize>,
    /// Versions that are there, each with the label of what has none.
    there: Vec<(Made, Tlp)>,
    gone: BTreeSet<String>,
}

impl Judge<'_> {
    fn says(&self, at: usize) -> Says {
        let (_, definition, says) = &self.markings[at];
        if definition.is_some() && !self.come.contains(&at) { Says::Unknown } else { *says }
    }

    fn allows(&self, at: usize, reader: Clearance) -> bool {
        match self.says(at) {
            Says::Tlp(tlp) => reader.tlp >= tlp,
            Says::Pap(pap) => reader.pap >= pap,
            Says::Nothing => true,
            Says::Unknown => false,
        }
    }

    fn sees(&self, made: &Made, floor: Tlp, reader: Clearance) -> bool {
        let labelled = made.marks.iter().any(|at| matches!(self.says(*at), Says::Tlp(_)));
        (labelled || reader.tlp >= floor) && made.marks.iter().all(|at| self.allows(*at, reader))
    }

    /// What may not stand in anything that this reader gets.
    fn forbidden(&self, reader: Clearance) -> Vec<String> {
        let mut forbidden: Vec<String> = self.gone.iter().cloned().collect();
        let mut visible: BTreeMap<&str, bool> = BTreeMap::new();
        for (made, floor) in &self.there {
            let sees = self.sees(made, *floor, reader);
            *visible.entry(&made.id).or_default() |= sees;
            for (word, marks) in &made.secrets {
                if !sees || !marks.iter().all(|at| self.allows(*at, reader)) {
                    forbidden.push(word.clone());
                }
            }
        }
        if reader.tlp < Tlp::Red {
            forbidden.push(LABELS_SECRET.to_owned());
        }
        forbidden.extend(visible.iter().filter(|one| !one.1).map(|one| (*one.0).to_owned()));
        forbidden
    }

    /// What this reader must get: what sees no restriction but its own, and names nothing.
    fn due(&self, reader: Clearance) -> Vec<String> {
        let plain = |made: &Made| {
            let object = made.value.as_object().unwrap();
            !object.keys().any(|name| {
                name.ends_with("_ref")
                    || name.ends_with("_refs") && name != "object_marking_refs"
                    || name == "x_story"
                    || name == "x_seen"
            }) && !object.contains_key("granular_markings")
        };
        let due = self
            .there
            .iter()
            .filter(|(made, floor)| plain(made) && self.sees(made, *floor, reader));
        due.flat_map(|(made, _)| made.secrets.iter().map(|(word, _)| word.clone())).collect()
    }
}

/// Everything that a reader can get, all exits in one text.
async fn all_exits(
    node: &Arc<Node>,
    collection: &Collection,
    reader: Clearance,
    (key, base, ids): (&str, &str, &[String]),
    folder: &std::path::Path,
) -> (String, String) {
    let get = async |path: &str| {
        let url = format!("{base}/taxii2/intelligence/collections/{}/{path}", collection.id);
        let reply = http::fetch(&Tcp, hyper::Method::GET, &url, Some(key), vec![], 1 << 24);
        let reply = reply.await.unwrap();
        assert!([200, 404].contains(&reply.status), "{path}: {}", reply.status);
        (reply.status, String::from_utf8(reply.body).unwrap())
    };
    let mut objects = String::new();
    // In small pages, each going on where the one before ended.
    let mut next = String::new();
    loop {
        let (_, page) = get(&format!("objects/?limit=7&match[version]=all{next}")).await;
        let value: Value = serde_json::from_str(&page).unwrap();
        objects.push_str(&page);
        match value["next"].as_str() {
            Some(cursor) => next = format!("&next={cursor}"),
            None => break,
        }
    }
    let mut all = objects.clone();
    for path in
        ["objects/", "objects/?match[version]=first", "manifest/?match[version]=all", "manifest/"]
    {
        all.push_str(&get(path).await.1);
    }
    for id in ids {
        // An identifier in the address is the reader's own: only what comes back counts.
        for path in [format!("objects/{id}/?match[version]=all"), format!("objects/{id}/versions/")]
        {
            let (status, text) = get(&path).await;
            let known = objects.contains(&format!("\"id\":\"{id}\""));
            assert_eq!(status == 200, known, "{id}: what cannot be read is not there");
            all.push_str(&text);
        }
    }
    // What is pushed to others' servers.
    let mut after = 0;
    loop {
        let page = Intel::Page {
            collection: collection.alias.clone(),
            tlp: reader.tlp.label().to_owned(),
            pap: reader.pap.label().to_owned(),
            after,
            limit: 7,
        };
        let page = control::answer(node, Question::Intel(page)).await.unwrap();
        for object in page["objects"].as_array().unwrap() {
            all.push_str(object.as_str().unwrap());
        }
        after = page["last"].as_i64().unwrap_or(after);
        if page["more"] != true {
            break;
        }
    }
    let of = || Some(collection.clone());
    for (number, (format, of)) in [
        (Format::Stix, None),
        (Format::Csv, None),
        (Format::Misp, None),
        (Format::MispFeed, None),
        (Format::Stix, of()),
        (Format::Misp, of()),
    ]
    .into_iter()
    .enumerate()
    {
        let file = folder.join(format!("out-{number}"));
        let export = Export { query: None, collection: of, clearance: reader, format };
        node.export_intelligence(&Person::operator(), &export, &file).await.unwrap();
        let files = match std::fs::read_dir(&file) {
            Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
            Err(_) => vec![file.clone()],
        };
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            if format != Format::Csv {
                let _: Value = serde_json::from_str(&text).unwrap();
            }
            all.push_str(&text);
        }
        if file.is_dir() {
            std::fs::remove_dir_all(&file).unwrap();
        }
    }
    (objects, all)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_that_its_markings_keep() {
    for seed in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let home = stage::home(folder.path(), "northland", "127.0.0.1:1").await;
        let clock = Arc::new(Adjustable::new(stage::start()));
        let node = stage::open(&home, clock, Arc::new(Tcp)).await;
        let listener = Tcp.bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://127.0.0.1:{}", listener.port());
        let serving = tokio::spawn(serve::plain(listener, taxii::router(Arc::clone(&node))));
        let collection = node.add_collection("all", "All", "", Tlp::Amber).await.unwrap();
        let grants = [Grant { collection: collection.id.clone(), read: true, write: false }];
        let mut dice = Dice(seed);
        let markings = markings();
        let mut readers = Vec::new();
        for number in 0..4 {
            let any = Clearance { tlp: *dice.of(&Tlp::ALL), pap: *dice.of(&Pap::ALL) };
            // One that sees nearly all: what is kept from it is kept for its own sake.
            let all = Clearance { tlp: Tlp::Red, pap: Pap::Red };
            let reader = if number == 0 { all } else { any };
            readers.push((reader, node.give_tool("tool", reader, &grants, "", 1).await.unwrap()));
        }
        let mut objects = make(&mut dice, 24, &markings);
        dice.shuffle(&mut objects);
        let mut waiting: Vec<(Option<usize>, Option<Made>)> =
            objects.into_iter().map(|made| (None, Some(made))).collect();
        let definitions = markings.iter().enumerate().filter(|(_, one)| one.1.is_some());
        waiting.extend(definitions.map(|(at, _)| (Some(at), None)));
        dice.shuffle(&mut waiting);
        let mut judge = Judge {
            markings: &markings,
            come: BTreeSet::new(),
            there: Vec::new(),
            gone: BTreeSet::new(),
        };
        let mut ids: Vec<String> = Vec::new();
        while !waiting.is_empty() {
            let size = (1 + dice.roll(8)).min(waiting.len());
            let batch: Vec<_> = waiting.drain(..size).collect();
            let floor = *dice.of(&Tlp::ALL);
            let values: Vec<&Value> = batch
                .iter()
                .map(|(at, made)| match (at, made) {
                    (Some(at), _) => markings[*at].1.as_ref().unwrap(),
                    (None, Some(made)) => &made.value,
                    (None, None) => unreachable!(),
                })
                .collect();
            let bytes = json!({ "objects": values }).to_string().into_bytes();
            let import = Import {
                bytes: bytes.into(),
                who: "analyst".to_owned(),
                through: "import",
                source: "test".to_owned(),
                remote: String::new(),
                marking: floor,
                collection: Some(collection.clone()),
                key: String::new(),
                returns: false,
                reader: None,
                reads: true,
            };
            let (report, _) = node.import(import, &|_, _| ()).await.unwrap();
            let refused: BTreeSet<&str> =
                report.refusals.iter().filter_map(|one| one.id.as_deref()).collect();
            for one in &report.refusals {
                assert_eq!(one.why, "it was deleted here", "seed {seed}: {one:?}");
            }
            for (at, made) in batch {
                judge.come.extend(at);
                if let Some(made) = made.filter(|made| !refused.contains(made.id.as_str())) {
                    ids.push(made.id.clone());
                    judge.there.push((made, floor));
                }
            }
            if dice.chance(50) && !ids.is_empty() {
                let gone = dice.of(&ids).clone();
                node.delete_intelligence(&Person::operator(), std::slice::from_ref(&gone))
                    .await
                    .unwrap();
                judge.there.retain(|(made, _)| made.id != gone);
                ids.retain(|id| *id != gone);
                judge.gone.insert(gone);
            }
            let known: BTreeSet<String> = ids.iter().cloned().collect();
            let known: Vec<String> = known.into_iter().collect();
            for (reader, key) in &readers {
                let with = (key.as_str(), base.as_str(), known.as_slice());
                let (objects, all) =
                    all_exits(&node, &collection, *reader, with, folder.path()).await;
                for word in judge.forbidden(*reader) {
                    assert!(!all.contains(&word), "seed {seed}, {reader:?}: {word} in {all}");
                }
                for word in judge.due(*reader) {
                    assert!(objects.contains(&word), "seed {seed}, {reader:?}: no {word}");
                }
            }
        }
        serving.abort();
    }
}

//! Questions about intelligence.

use std::path::PathBuf;

use comity_rules::access::Person;
use comity_rules::release::Reader;
use comity_stix::marking::{Clearance, Pap, Tlp};
use comity_store::intel::collection::{self, Collection};
use comity_store::intel::feed::{self, Filter};
use comity_store::intel::intake::Intake;
use comity_store::intel::key;
use comity_store::intel::pushed::{self, Owed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::intel::export::Export;
use crate::intel::{Around, Grant, Import, Shown, stamp};
use crate::node::{Error, Node};

/// Bytes of a file that is brought in.
const LARGEST: u64 = 1 << 30;

/// Bytes of objects that are pushed at once.
const PAGE_BYTES: usize = 4 << 20;

/// What a command asks of a node's intelligence.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intel {
    /// Bring a file in.
    Import {
        /// Where it is.
        file: PathBuf,
        /// What it is called, in what is kept of where objects come from.
        source: String,
        /// The label of what has none of its own.
        marking: String,
        /// The collection that gets it.
        collection: Option<String>,
        /// Whether what was deleted may come back.
        again: bool,
        /// Whether it was pulled from another server.
        pulled: bool,
    },
    /// Where a pull from a remote collection, or a push to it, goes on.
    Cursor {
        /// What is pulled or pushed.
        remote: String,
        /// Remember this; tell what is remembered, where it is left out.
        set: Option<String>,
    },
    /// Objects of a collection as a reader may see them, to be pushed.
    Page {
        /// Which collection.
        collection: String,
        /// For whom: up to this label of TLP.
        tlp: String,
        /// And this of PAP.
        pap: String,
        /// What was added after this time, in microseconds since 1970.
        after: i64,
        /// How many.
        limit: u64,
    },
    /// Objects that are to be deleted at a remote collection.
    Owed {
        /// At which.
        remote: String,
    },
    /// An object was deleted at a remote collection.
    Paid {
        /// At which.
        remote: String,
        /// Which.
        id: String,
        /// How often it was said that it is to be deleted there.
        times: u64,
    },
    /// Objects are pushed to a remote collection.
    Pushed {
        /// To which.
        remote: String,
        /// Which.
        ids: Vec<String>,
    },
    /// Find objects.
    Search {
        /// By what.
        query: String,
        /// Those below this number, from the page before.
        before: Option<u64>,
        /// How many.
        limit: u64,
    },
    /// Show an object with what is around it.
    Show {
        /// Its identifier.
        id: String,
    },
    /// Delete objects, every version.
    Delete {
        /// Which.
        ids: Vec<String>,
    },
    /// Put objects into a collection.
    Share {
        /// Which.
        ids: Vec<String>,
        /// Into which.
        collection: String,
    },
    /// Write what a reader may see to a file.
    Export {
        /// What: a query; everything, where it is left out.
        query: Option<String>,
        /// Of which collection.
        collection: Option<String>,
        /// For whom: up to this label of TLP.
        tlp: String,
        /// And this of PAP.
        pap: String,
        /// `stix` or `csv`.
        format: String,
        /// Where.
        file: PathBuf,
    },
    /// List collections.
    Collections,
    /// Make a collection.
    AddCollection {
        /// Its name.
        alias: String,
        /// Its title.
        title: String,
        /// What it is for.
        description: String,
        /// The label of what others add without one.
        marking: String,
    },
    /// List the keys of tools.
    Keys,
    /// Give a key to a tool.
    AddKey {
        /// To whom.
        name: String,
        /// Up to which label of TLP it reads.
        tlp: String,
        /// Which label of PAP its use keeps.
        pap: String,
        /// The collections that it reads.
        read: Vec<String>,
        /// The collections that it adds to.
        write: Vec<String>,
        /// The collection of theirs where what is pushed to them goes; empty where there is none.
        remote: String,
        /// For how long.
        days: u16,
    },
    /// Take a tool's keys back.
    RemoveKey {
        /// Whose.
        name: String,
    },
}

/// A remote collection's address, as it is remembered.
fn remote(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// Answers a question.
pub(super) async fn answer(node: &Node, question: Intel) -> Result<Value, Error> {
    let operator = Person::operator();
    match question {
        Intel::Import { file, source, marking, collection, again, pulled } => {
            let marking = tlp(&marking)?;
            let collection = found(node, collection).await?;
            let bytes = read(&file).await?;
            let import = Import {
                bytes: bytes.into(),
                who: String::new(),
                through: if pulled { "pull" } else { "import" },
                remote: if pulled { remote(&source) } else { String::new() },
                source,
                marking,
                collection,
                key: String::new(),
                returns: again,
                reader: None,
                reads: true,
            };
            let report = node.bring_in(&operator, import, &|_, _| ()).await?;
            Ok(json!(report))
        }
        Intel::Cursor { remote, set } => {
            if let Some(cursor) = &set {
                let mut intake = Intake::begin(node.db(), node.microseconds()).await?;
                intake.go_on(&remote, cursor).await?;
                intake.commit().await?;
            }
            Ok(json!({ "cursor": key::cursor(node.db(), &remote).await? }))
        }
        Intel::Page { collection, tlp: label, pap: use_of, after, limit } => {
            let clearance = Clearance { tlp: tlp(&label)?, pap: pap(&use_of)? };
            let collection = node.collection(&collection).await?;
            let filter = Filter { cursor: Some(after), ..Filter::of_all_versions() };
            let much = (limit, PAGE_BYTES);
            let page = feed::bodies(node.db(), collection.num, clearance, &filter, much).await?;
            let last = page.members.last().map(|member| member.0);
            let reader = Reader::Tool(clearance);
            let mut objects = Vec::new();
            for (_, object) in page.members {
                if let Some(released) = node.let_out(&reader, &object).await? {
                    objects.extend(String::from_utf8(released.into_inner().into_owned()));
                }
            }
            // As texts: what passes through numbers of JSON does not stay as it is.
            Ok(json!({ "objects": objects, "last": last, "more": page.more }))
        }
        Intel::Owed { remote } => {
            let owed = pushed::owed(node.db(), &remote).await?;
            Ok(owed.iter().map(|one| json!({ "id": one.id, "times": one.times })).collect())
        }
        Intel::Paid { remote, id, times } => {
            let mut intake = Intake::begin(node.db(), node.microseconds()).await?;
            intake.paid(&remote, &Owed { id, times }).await?;
            intake.commit().await?;
            Ok(json!({ "remote": remote }))
        }
        Intel::Pushed { remote, ids } => {
            let mut intake = Intake::begin(node.db(), node.microseconds()).await?;
            for id in &ids {
                intake.pushed(&remote, id).await?;
            }
            intake.commit().await?;
            Ok(json!({ "remote": remote, "objects": ids.len() }))
        }
        Intel::Search { query, before, limit } => {
            let found = node.search(&operator, &query, before, limit).await?;
            let next = found.last().filter(|_| found.len() as u64 == limit);
            let next = next.map(|shown| shown.object.num);
            Ok(json!({ "objects": found.iter().map(shown_json).collect::<Value>(), "next": next }))
        }
        Intel::Show { id } => Ok(around_json(&node.around(&operator, &id).await?)),
        Intel::Delete { ids } => {
            let count = node.delete_intelligence(&operator, &ids).await?;
            if count == 0 {
                let id = ids.first().cloned().unwrap_or_default();
                return Err(Error::Missing {
                    what: "object",
                    id,
                    hint: "; see `comity intel search`",
                });
            }
            Ok(json!({ "deleted": ids, "versions": count }))
        }
        Intel::Share { ids, collection } => {
            let collection = node.collection(&collection).await?;
            let count = node.share(&operator, &collection, &ids).await?;
            Ok(json!({ "collection": collection.alias, "objects": ids, "added": count }))
        }
        Intel::Export { query, collection, tlp: label, pap: use_of, format, file } => {
            let clearance = Clearance { tlp: tlp(&label)?, pap: pap(&use_of)? };
            let collection = found(node, collection).await?;
            let export = Export { query, collection, clearance, format: format.parse()? };
            let count = node.export_intelligence(&operator, &export, &file).await?;
            Ok(json!({ "file": file, "objects": count }))
        }
        Intel::Collections => {
            let all = collection::list(node.db()).await?;
            Ok(all.iter().map(collection_json).collect())
        }
        Intel::AddCollection { alias, title, description, marking } => {
            let made = node.add_collection(&alias, &title, &description, tlp(&marking)?).await?;
            Ok(collection_json(&made))
        }
        Intel::Keys => {
            let all = key::list(node.db()).await?;
            let all = all.iter().map(|key| {
                json!({
                    "name": key.name,
                    "tlp": key.tlp,
                    "pap": key.pap,
                    "expires": key.expires,
                    "collections": serde_json::from_str::<Value>(&key.rights).unwrap_or_default(),
                    "remote": key.remote,
                })
            });
            Ok(all.collect())
        }
        Intel::AddKey { name, tlp: label, pap: use_of, read, write, remote: theirs, days } => {
            let clearance = Clearance { tlp: tlp(&label)?, pap: pap(&use_of)? };
            let mut grants: Vec<Grant> = Vec::new();
            for (names, writes) in [(read, false), (write, true)] {
                for name in names {
                    let collection = node.collection(&name).await?.id;
                    match grants.iter_mut().find(|grant| grant.collection == collection) {
                        Some(grant) => grant.write |= writes,
                        None => grants.push(Grant { collection, read: !writes, write: writes }),
                    }
                }
            }
            let key = node.give_tool(&name, clearance, &grants, &remote(&theirs), days).await?;
            Ok(
                json!({ "name": name, "key": key, "tlp": clearance.tlp.label(), "pap": clearance.pap.label() }),
            )
        }
        Intel::RemoveKey { name } => match node.remove_tool(&name).await? {
            true => Ok(json!({ "name": name })),
            false => {
                let hint = "; see `comity intel key list`";
                Err(Error::Missing { what: "key", id: name, hint })
            }
        },
    }
}

async fn read(file: &std::path::Path) -> Result<Vec<u8>, Error> {
    let wrong = |why: String| Error::Refused(format!("{}: {why}", file.display()));
    let length = tokio::fs::metadata(file).await.map_err(|error| wrong(error.to_string()))?.len();
    if length > LARGEST {
        return Err(wrong(format!("it has {length} bytes, and may have {LARGEST}: split it")));
    }
    tokio::fs::read(file).await.map_err(|error| wrong(error.to_string()))
}

async fn found(node: &Node, name: Option<String>) -> Result<Option<Collection>, Error> {
    match name {
        Some(name) => Ok(Some(node.collection(&name).await?)),
        None => Ok(None),
    }
}

fn tlp(text: &str) -> Result<Tlp, Error> {
    let all = Tlp::ALL.map(Tlp::label).join(", ");
    Tlp::parse(text)
        .ok_or_else(|| Error::Refused(format!("{text:?} is no label of TLP; there are {all}")))
}

fn pap(text: &str) -> Result<Pap, Error> {
    let all = Pap::ALL.map(Pap::label).join(", ");
    Pap::parse(text)
        .ok_or_else(|| Error::Refused(format!("{text:?} is no label of PAP; there are {all}")))
}

fn collection_json(collection: &Collection) -> Value {
    json!({
        "id": collection.id,
        "alias": collection.alias,
        "title": collection.title,
        "description": collection.description,
        "marking": collection.marking,
    })
}

fn shown_json(shown: &Shown) -> Value {
    let object = &shown.object;
    json!({
        "id": object.id,
        "type": object.kind,
        "version": stamp(object.version),
        "name": shown.name,
        "tlp": shown.tlp.label(),
        "pap": shown.pap.map(Pap::label),
        "statements": shown.statements,
        "superseded": shown.superseded,
    })
}

fn around_json(around: &Around) -> Value {
    let body =
        serde_json::from_slice::<Value>(&around.shown.object.marked.body).unwrap_or_default();
    let batches = around.batches.iter().map(|batch| {
        json!({
            "batch": batch.num,
            "at": stamp(batch.at),
            "who": batch.who,
            "through": batch.through,
            "source": batch.source,
            "marking": batch.marking,
        })
    });
    let refers = around.refers.iter().map(|(property, id, there)| {
        json!({ "property": property, "id": id, "name": there.as_ref().map(|one| &one.name) })
    });
    let shared = around.shared.iter().map(|(value, others, more)| {
        let others: Value = others.iter().map(shown_json).collect();
        json!({ "value": value, "objects": others, "more": more })
    });
    let mut value = shown_json(&around.shown);
    value["object"] = body;
    value["versions"] = around.versions.iter().map(|version| stamp(*version)).collect();
    value["from"] = batches.collect();
    value["collections"] = around.collections.iter().map(|one| one.alias.as_str()).collect();
    value["refers_to"] = refers.collect();
    value["referred_to_by"] = around
        .referring
        .iter()
        .map(|(shown, other)| {
            let mut value = shown_json(shown);
            value["other_end"] = other.as_ref().map(shown_json).unwrap_or_default();
            value
        })
        .collect();
    value["shares"] = shared.collect();
    value
}

//! Intelligence: brought in, found, and let out by its markings.

mod document;
pub mod export;
pub mod foreign;
pub mod harmless;
pub mod import;
pub mod query;
mod writing;

use std::borrow::Cow;
use std::collections::BTreeSet;

use comity_ledger::{Hash, hex};
use comity_rules::access::{Person, Right};
use comity_rules::release::{self, Reader, Released};
use comity_stix::marking::Meaning;
use comity_stix::path::Step;
use comity_stix::{json, terms};
use comity_store::Db;
use comity_store::intel::collection;
use comity_store::intel::key::{self, Key};
use comity_store::intel::{self, Marked, search};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use comity_stix::marking::{Clearance, Pap, Tlp};
pub use comity_store::intel::collection::Collection;
pub use comity_store::intel::{Batch, Object};
pub(crate) use document::micros;
pub use document::stamp;
use document::{Document, Known, field};
pub(crate) use import::reindex;
pub use import::{Import, Report, Taken};
pub use query::{Parsed, Problem};

use crate::node::{Error, Node};

/// Objects that share a value with another, before it is said that there are too many.
const CORRELATED: usize = 25;

/// What a key may with a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The collection's UUID.
    pub collection: String,
    /// Whether it reads.
    pub read: bool,
    /// Whether it adds, and deletes.
    pub write: bool,
}

/// A tool that speaks with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Whose key it is.
    pub name: String,
    /// The hash of the key.
    pub key: String,
    /// What it may see.
    pub clearance: Clearance,
    /// What it may with which collection.
    pub grants: Vec<Grant>,
    /// The collection of theirs where what is pushed to them goes; empty where that is not known.
    pub remote: String,
}

/// An object as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The object.
    pub object: Object,
    /// Its label of TLP: its own, or that of the batch where it has none.
    pub tlp: Tlp,
    /// Its label of PAP.
    pub pap: Option<Pap>,
    /// Statements that go along, and markings that nobody here understands.
    pub statements: Vec<String>,
    /// A name for people.
    pub name: String,
    /// Whether a later version of it is here: what is said of it holds of this one.
    pub superseded: bool,
}

/// An object with what is around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// The latest version.
    pub shown: Shown,
    /// Every version, the earliest first.
    pub versions: Vec<i64>,
    /// Who brought it, when, through what.
    pub batches: Vec<Batch>,
    /// The collections that have it.
    pub collections: Vec<Collection>,
    /// What it refers to: in which property, and what that is, where it is here.
    pub refers: Vec<(String, String, Option<Shown>)>,
    /// What refers to it; of a relationship also what is at its other end, where that is here.
    pub referring: Vec<(Shown, Option<Shown>)>,
    /// Values that other objects share with it, with those objects; and whether there are more than are told.
    pub shared: Vec<(String, Vec<Shown>, bool)>,
}

/// Who reads a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewers {
    /// The collection.
    pub collection: Collection,
    /// Whether the object is in it.
    pub is_there: bool,
    /// Its readers, and what each would see of the object.
    pub tools: Vec<(Tool, Sees)>,
}

/// How much of an object a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// All of it.
    Whole,
    /// Not the parts that are marked more strictly, and nothing that names what the reader does not see.
    Part,
    /// Nothing.
    Nothing,
}

impl Tool {
    fn of(key: &Key) -> Option<Self> {
        let clearance = Clearance { tlp: Tlp::parse(&key.tlp)?, pap: Pap::parse(&key.pap)? };
        let grants = serde_json::from_str(&key.rights).unwrap_or_default();
        let (name, hash, remote) = (key.name.clone(), key.hash.clone(), key.remote.clone());
        Some(Self { name, key: hash, clearance, grants, remote })
    }

    /// What it may with a collection; nothing where it may nothing.
    #[must_use]
    pub fn grant(&self, collection: &Collection) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.collection == collection.id)
    }
}

impl Node {
    /// Makes a collection.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub async fn add_collection(
        &self,
        alias: &str,
        title: &str,
        description: &str,
        marking: Tlp,
    ) -> Result<Collection, Error> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=40).contains(&alias.len()) || !alias.chars().all(plain) {
            let problem = format!("{alias:?} is no name of a collection: want a-z, 0-9 and -");
            return Err(Error::Refused(problem));
        }
        let made = Collection {
            num: 0,
            id: uuid(comity_ledger::random::<16>()?),
            alias: alias.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
            marking: marking.label().to_owned(),
            latest: 0,
            late: false,
        };
        collection::add(&self.db, &made).await?;
        self.journal("collection add", alias).await?;
        self.collection(alias).await
    }

    /// The collection of this UUID or name.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn collection(&self, name: &str) -> Result<Collection, Error> {
        let found = collection::find(&self.db, name).await?;
        found.ok_or_else(|| Error::Missing {
            what: "collection",
            id: name.chars().take(80).collect(),
            hint: "; see `comity intel collection list`",
        })
    }

    /// Gives a key to a tool, for so many days. It is shown once: only its hash is kept.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn give_tool(
        &self,
        name: &str,
        clearance: Clearance,
        grants: &[Grant],
        remote: &str,
        days: u16,
    ) -> Result<String, Error> {
        let key = hex::encode(&comity_ledger::random::<32>()?);
        let given = Key {
            hash: Hash::of(key.as_bytes()).to_hex(),
            name: name.to_owned(),
            tlp: clearance.tlp.label().to_owned(),
            pap: clearance.pap.label().to_owned(),
            expires: self.now() + SignedDuration::from_hours(i64::from(days) * 24),
            rights: serde_json::to_string(grants).unwrap_or_default(),
            remote: remote.to_owned(),
        };
        key::give(&self.db, &given).await?;
        self.journal("tool give", name).await?;
        Ok(key)
    }

    /// Takes a tool's keys back; whether there were any.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn remove_tool(&self, name: &str) -> Result<bool, Error> {
        let removed = key::take_back(&self.db, name).await? > 0;
        self.journal("tool remove", name).await?;
        Ok(removed)
    }

    /// Which tool speaks with the key of this hash, and until when; none where it is nobody's, or expired.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn tool(&self, hash: &str) -> Result<Option<(Tool, Timestamp)>, Error> {
        let found = key::of(&self.db, hash, self.now()).await?;
        Ok(found.and_then(|key| Some((Tool::of(&key)?, key.expires))))
    }

    /// An object, to a reader: whole, or without what the reader may not see. None where that is all of it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn let_out<'o>(
        &self,
        reader: &Reader,
        object: &'o Marked,
    ) -> Result<Option<Released<Cow<'o, [u8]>>>, Error> {
        let Marked { audience, whole, body } = object;
        if let Ok(released) = release::intelligence(reader, *whole, Cow::Borrowed(&body[..])) {
            return Ok(Some(released));
        }
        let Reader::Tool(clearance) = reader else { return Ok(None) };
        if !audience.has(*clearance) {
            return Ok(None);
        }
        let Some(document) = Document::parsed(body) else { return Ok(None) };
        let known = known(&self.db, &document).await?;
        let left = document.redacted(body, &known, *clearance).map(Cow::Owned);
        Ok(left.and_then(|left| release::intelligence(reader, *audience, left).ok()))
    }

    /// Objects that a query finds, the latest first, from below a number on; at most `limit`.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] where the query is none.
    pub async fn search(
        &self,
        person: &Person,
        text: &str,
        before: Option<u64>,
        limit: u64,
    ) -> Result<Vec<Shown>, Error> {
        person.may(Right::Read)?;
        let parsed = query::parse(text).map_err(|problem| Error::Refused(problem.to_string()))?;
        let objects = match parsed {
            Parsed::Id(id) => {
                intel::versions(&self.db, &id).await?.into_iter().next_back().into_iter().collect()
            }
            Parsed::Find(query) => {
                let nums = search::find(&self.db, &query, before, limit).await?;
                intel::objects(&self.db, &nums).await?
            }
        };
        let mut found = Vec::with_capacity(objects.len());
        for object in objects {
            found.push(self.shown(object).await?);
        }
        Ok(found)
    }

    /// An object with what is around it.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Missing`].
    pub async fn around(&self, person: &Person, id: &str) -> Result<Around, Error> {
        person.may(Right::Read)?;
        let mut versions = intel::versions(&self.db, id).await?;
        let numbers = versions.iter().map(|one| one.version).collect();
        let Some(latest) = versions.pop() else {
            let id = id.chars().take(120).collect();
            return Err(Error::Missing { what: "object", id, hint: "; see `comity intel search`" });
        };
        let batches = intel::batches_of(&self.db, &latest).await?;
        let collections = collection::having(&self.db, latest.num).await?;
        let (mut refers, mut own) = (Vec::new(), BTreeSet::new());
        if let Ok(json) = json::parse(&latest.marked.body) {
            own = terms::terms(&json).values;
            for (path, id) in comity_stix::path::references(&json).into_iter().take(200) {
                let there = intel::versions(&self.db, &id).await?.pop();
                let there = match there {
                    Some(object) => Some(self.shown(object).await?),
                    None => None,
                };
                let place = path.iter().find_map(|step| match step {
                    Step::Name(name) => Some(name.clone()),
                    Step::At(_) => None,
                });
                refers.push((place.unwrap_or_default(), id, there));
            }
        }
        let mut referring = Vec::new();
        let naming = intel::referring(&self.db, document::digest(id), 200).await?;
        for object in intel::objects(&self.db, &naming).await? {
            let Some(document) = Document::parsed(&object.marked.body) else { continue };
            if !document.refs.iter().any(|(_, named)| named == id) {
                continue;
            }
            let mut other = None;
            if object.kind == "relationship" {
                let end = document.refs.iter().find(|(path, named)| {
                    let ends = ["source_ref", "target_ref"];
                    let is_end = |step: &Step| matches!(step, Step::Name(name) if ends.contains(&name.as_str()));
                    named != id && path.first().is_some_and(is_end)
                });
                let end = match end {
                    Some((_, end)) => intel::versions(&self.db, end).await?.pop(),
                    None => None,
                };
                if let Some(end) = end {
                    other = Some(self.shown(end).await?);
                }
            }
            referring.push((self.shown(object).await?, other));
        }
        let mut shared = Vec::new();
        for value in own.into_iter().take(50) {
            let query = search::Query::Token(field("value", &value));
            let nums = search::find(&self.db, &query, None, CORRELATED as u64 + 2).await?;
            let mut others = Vec::new();
            for object in intel::objects(&self.db, &nums).await? {
                let has = || {
                    json::parse(&object.marked.body)
                        .is_ok_and(|json| terms::terms(&json).values.contains(&value))
                };
                if object.id != id && has() {
                    others.push(self.shown(object).await?);
                }
            }
            let more = others.len() > CORRELATED;
            others.truncate(CORRELATED);
            if !others.is_empty() {
                shared.push((value, others, more));
            }
        }
        let shown = self.shown(latest).await?;
        self.journal_of(&person.name, "see", id).await?;
        Ok(Around { shown, versions: numbers, batches, collections, refers, referring, shared })
    }

    /// How many versions of objects there are, every collection, and the latest batches, the latest first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn overview(
        &self,
        person: &Person,
        batches: u64,
    ) -> Result<(u64, Vec<Collection>, Vec<Batch>), Error> {
        person.may(Right::Read)?;
        let collections = collection::list(&self.db).await?;
        let batches = intel::batches(&self.db, batches).await?;
        Ok((intel::count(&self.db).await?, collections, batches))
    }

    /// What came at once; none where there is no such batch.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn batch(&self, person: &Person, num: u64) -> Result<Option<Batch>, Error> {
        person.may(Right::Read)?;
        match intel::batch(&self.db, num).await {
            Ok(batch) => Ok(Some(batch)),
            Err(comity_store::Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Who would see an object in which collection, and how much of it; and whether it is there already.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn viewers(&self, object: &Object) -> Result<Vec<Viewers>, Error> {
        let there = collection::having(&self.db, object.num).await?;
        let keys = key::list(&self.db).await?;
        let now = self.now();
        let mut all = Vec::new();
        for collection in collection::list(&self.db).await? {
            let mut tools = Vec::new();
            for key in keys.iter().filter(|key| key.expires > now) {
                let Some(tool) = Tool::of(key) else { continue };
                if tool.grant(&collection).is_some_and(|grant| grant.read) {
                    let marked = &object.marked;
                    let sees = match (
                        marked.whole.has(tool.clearance),
                        marked.audience.has(tool.clearance),
                    ) {
                        (true, _) => Sees::Whole,
                        (false, true) => Sees::Part,
                        (false, false) => Sees::Nothing,
                    };
                    tools.push((tool, sees));
                }
            }
            let is_there = there.iter().any(|one| one.num == collection.num);
            all.push(Viewers { collection, is_there, tools });
        }
        Ok(all)
    }

    /// An object as people see it.
    async fn shown(&self, object: Object) -> Result<Shown, Error> {
        let batch = intel::batch(&self.db, object.batch).await?;
        let floor = Tlp::parse(&batch.marking).unwrap_or(Tlp::Red);
        let (mut tlp, mut pap, mut statements) = (floor, None, Vec::new());
        if let Some(document) = Document::parsed(&object.marked.body) {
            let known = known(&self.db, &document).await?;
            (tlp, pap) = document.label(floor, &known);
            for id in document.marks.whole.iter().filter(|id| Meaning::of_id(id).is_none()) {
                statements.extend(statement(&self.db, id).await?);
            }
        }
        let name = name(&object.marked.body).unwrap_or_else(|| object.id.clone());
        let superseded = intel::is_superseded(&self.db, &object).await?;
        Ok(Shown { object, tlp, pap, statements, name, superseded })
    }
}

/// What a document asks to know.
async fn known(db: &Db, document: &Document) -> Result<Known, Error> {
    let mut known = Known::default();
    let (refs, marks) = document.asks();
    for id in refs {
        if known.audiences.contains_key(id) {
            continue;
        }
        if let Some(audience) = intel::audience_of(db, id).await? {
            known.audiences.insert(id.to_owned(), audience);
        }
    }
    for id in marks.filter(|id| Meaning::of_id(id).is_none()) {
        if let Some(latest) = intel::versions(db, id).await?.pop() {
            let meaning = Document::parsed(&latest.marked.body).and_then(|found| found.meaning);
            known.meanings.extend(meaning.map(|meaning| (id.to_owned(), meaning)));
        }
    }
    Ok(known)
}

/// What a marking says to people.
async fn statement(db: &Db, id: &str) -> Result<Option<String>, Error> {
    let Some(latest) = intel::versions(db, id).await?.pop() else { return Ok(Some(id.to_owned())) };
    let Ok(json) = json::parse(&latest.marked.body) else { return Ok(None) };
    let Some(members) = json.as_object() else { return Ok(None) };
    if !matches!(Meaning::of(members), Meaning::Statement | Meaning::Unknown) {
        return Ok(None);
    }
    let definition = members.member("definition").and_then(json::Json::as_object);
    let text = definition.and_then(|one| one.text("statement")).or_else(|| members.text("name"));
    Ok(Some(text.unwrap_or(id).to_owned()))
}

/// What people call an object.
fn name(body: &[u8]) -> Option<String> {
    let json = json::parse(body).ok()?;
    let members = json.as_object()?;
    let text = ["name", "value", "key", "path", "account_login", "subject", "opinion", "abstract"];
    let named = text.iter().find_map(|name| members.text(name)).map(str::to_owned);
    let named = named.or_else(|| {
        let kind = members.text("relationship_type")?;
        Some(kind.to_owned())
    });
    let named = named.or_else(|| members.text("pattern").map(str::to_owned));
    let named = named.or_else(|| terms::terms(&json).values.into_iter().next());
    named.map(|name| name.chars().take(200).collect())
}

/// A UUID of version 4 out of random bytes.
pub(crate) fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

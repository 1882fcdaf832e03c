//! Taking objects in: each validated, kept byte for byte, and shown to those who may see it.
//!
//! Objects go in before any collection gets them, and what an object refers to goes in before what refers to it, so
//! that at no time somebody sees what is only found later to be nobody's to see.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use comity_rules::access::{Person, Right};
use comity_stix::marking::{Audience, Clearance, Meaning, Tlp};
use comity_store::Db;
use comity_store::intel::collection::Collection;
use comity_store::intel::intake::{Intake, Origin};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Tool;
use super::document::{self, Bad, Document};
use super::foreign::{self, Understood, understood};
use super::harmless::{Harmless, harmless};
use super::writing::{Outcome, Writing};
use crate::node::{Error, Node};

/// Objects of one transaction: while it lasts, nobody else writes.
const CHUNK: usize = 5_000;

/// Objects that are read at once, and how many times that is read ahead.
const PIECE: usize = 100;
const AHEAD: usize = 8;

/// Objects that go into a collection at once.
const PART: usize = 50_000;

/// Refusals that are told one by one, and those of them that are kept with the batch.
const TOLD: usize = 100_000;
const KEPT: usize = 1_000;

/// What is brought in.
#[derive(Debug, Clone)]
pub struct Import {
    /// A bundle, an envelope of TAXII, an array of objects, or one.
    pub bytes: Arc<[u8]>,
    /// Who brings it.
    pub who: String,
    /// The hash of the key with which a tool brings it; empty: a person.
    pub key: String,
    /// Through what: `import`, `taxii`, `pull`.
    pub through: &'static str,
    /// From where.
    pub source: String,
    /// From which remote collection; empty: from none that is known.
    pub remote: String,
    /// The label of what has none of its own.
    pub marking: Tlp,
    /// The collection that gets it.
    pub collection: Option<Collection>,
    /// Whether what was deleted here may come back.
    pub returns: bool,
    /// What a tool that brings it may see: it changes nothing for others that it cannot see itself. None: a person.
    pub reader: Option<Clearance>,
    /// Whether it reads the collection that gets it, too.
    pub reads: bool,
}

/// What became of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// The batch.
    pub batch: u64,
    /// When it came, in microseconds since 1970.
    #[serde(skip)]
    pub at: i64,
    /// Objects that came.
    pub objects: u64,
    /// Versions that were not here.
    pub new: u64,
    /// Versions that were.
    pub known: u64,
    /// Objects that were refused.
    pub refused: u64,
    /// The first of them, and why.
    pub refusals: Vec<Refusal>,
    /// Values that a warning list of the node knows to be harmless; they came in like the others.
    #[serde(default)]
    pub harmless: Vec<Harmless>,
}

/// An object that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Its place, counted from 0.
    pub index: u64,
    /// Its identifier, as far as it has one.
    pub id: Option<String>,
    /// Why.
    pub why: String,
    /// Who sees what is here already, where that is why: to others it is no business.
    #[serde(skip)]
    pub because_of: Option<Audience>,
    /// The version that it has, or would have, in microseconds since 1970.
    #[serde(skip)]
    pub version: Option<i64>,
}

/// An object that was taken or was here, for whoever brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its place among the objects that came.
    pub index: u64,
    /// Its identifier.
    pub id: String,
    /// Its version, in microseconds since 1970.
    pub version: i64,
    pub(super) num: u64,
    /// Definitions of its markings that not everyone has: they go along.
    pub(super) marks: Vec<String>,
}

/// An object of a file: where in it, and what it is.
struct Ready {
    index: usize,
    range: Range<usize>,
    read: Result<(Document, String), Bad>,
}

impl Node {
    /// Takes in what a person brings. `progress` is told how many of how many objects are done.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] where it is no JSON. What is wrong with an object is in the report.
    pub async fn bring_in(
        &self,
        person: &Person,
        import: Import,
        progress: &(dyn Fn(usize, usize) + Send + Sync),
    ) -> Result<Report, Error> {
        person.may(Right::Gather)?;
        let (given, now) = (Arc::clone(&import.bytes), self.now());
        let lists = self.home().folder().join("warninglists");
        // A page of a server is what TAXII says it is, whatever else it looks like.
        let is_page = import.through == "pull";
        let read = tokio::task::spawn_blocking(move || {
            let understood =
                if is_page { Understood::as_it_is(&given) } else { understood(&given, now)? };
            Ok((understood, harmless(&lists, &given)?))
        });
        let read = read.await.map_err(|error| Error::Refused(error.to_string()))?;
        let (understood, harmless) = read.map_err(Error::Refused)?;
        let bytes = if understood.of_values.is_empty() {
            understood.bytes
        } else {
            self.as_here(understood.bytes).await?
        };
        let who = person.name.clone();
        let import = Import { who, bytes: bytes.into(), ..import };
        let before = Report { harmless, ..Report::default() };
        Ok(self.import_with(import, progress, before, understood.refusals).await?.0)
    }

    /// Objects that were made of values, those that are here already as they are here: they are not made anew. A stricter
    /// label is a new version.
    async fn as_here(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
        let mut value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        for object in value["objects"].as_array_mut().into_iter().flatten() {
            let id = object["id"].as_str().unwrap_or_default();
            if let Some(here) = comity_store::intel::versions(&self.db, id).await?.pop() {
                let mut known = serde_json::from_slice(&here.marked.body).unwrap_or_default();
                if foreign::renew(&mut known, object) {
                    // Later than what is here, whatever the clock says.
                    let now = self.now().as_microsecond().max(here.version + 1_000);
                    known["modified"] = document::stamp(now / 1_000 * 1_000).into();
                }
                *object = known;
            }
        }
        Ok(value.to_string().into_bytes())
    }

    /// Takes objects in, from whoever may bring them.
    ///
    /// # Errors
    /// [`Error::Refused`] where it is no JSON.
    pub async fn import(
        &self,
        import: Import,
        progress: &(dyn Fn(usize, usize) + Send + Sync),
    ) -> Result<(Report, Vec<Taken>), Error> {
        self.import_with(import, progress, Report::default(), Vec::new()).await
    }

    /// The same, where something was refused before.
    async fn import_with(
        &self,
        import: Import,
        progress: &(dyn Fn(usize, usize) + Send + Sync),
        mut report: Report,
        before: Vec<Refusal>,
    ) -> Result<(Report, Vec<Taken>), Error> {
        let mut parts = parts(&import.bytes).map_err(Error::Refused)?;
        let total = parts.len();
        // What marks and what is referred to first; the order of what refers to each other does not matter.
        let order = |part: &(usize, Range<usize>)| rank(&import.bytes[part.1.clone()]);
        parts.sort_by_cached_key(order);
        let now = self.now().as_microsecond();
        report.at = now;
        report.objects = (total + before.len()) as u64;
        before.into_iter().for_each(|refusal| report.refuse(refusal));
        let mut all = Vec::with_capacity(total);
        let mut reading = Reading::begin(&import.bytes, parts);
        let mut next = reading.next().await?;
        let (mut done, mut widened) = (0, BTreeMap::new());
        // What has no objects is a batch too.
        loop {
            let intake = Intake::begin(&self.db, self.microseconds()).await?;
            let mut writing = Writing::new(intake, import.marking);
            if report.batch == 0 {
                let origin = Origin {
                    who: &import.who,
                    key: &import.key,
                    through: import.through,
                    source: &import.source,
                    remote: &import.remote,
                    marking: import.marking.label(),
                };
                report.batch = writing.intake.batch(origin).await?;
            }
            let (first, before) = (all.len(), done);
            while done < before + CHUNK
                && let Some(piece) = next.take()
            {
                done += piece.len();
                write(&mut writing, piece, &import, &mut report, &mut all).await?;
                next = reading.next().await?;
            }
            let is_last = next.is_none();
            writing.widened.append(&mut widened);
            writing.settle(is_last).await?;
            widened.append(&mut writing.widened);
            // All of it was judged in this one transaction: then nobody sees anything too early.
            if is_last
                && first == 0
                && let Some(collection) = &import.collection
            {
                let all: Vec<&Taken> = all.iter().collect();
                add_to(&mut writing.intake, collection, &all, import.reader).await?;
            }
            let refusals = report.refusals.iter().take(KEPT).cloned().collect();
            let kept = Report { refusals, ..report.clone() };
            let kept = serde_json::to_string(&kept).unwrap_or_default();
            writing.intake.report(report.batch, &kept).await?;
            writing.intake.commit().await?;
            progress(done, total);
            if is_last {
                if let (Some(collection), true) = (&import.collection, first > 0) {
                    self.add_in_parts(collection, &all, import.reader).await?;
                }
                break;
            }
        }
        let about = format!("batch {}: {} of {} objects", report.batch, report.new, report.objects);
        self.journal_of(&import.who, import.through, &about).await?;
        self.change();
        Ok((report, all))
    }

    /// Puts into a collection what came in several transactions, all of it in one as far as that goes: the time between two
    /// would say something of what others see.
    async fn add_in_parts(
        &self,
        collection: &Collection,
        all: &[Taken],
        reader: Option<Clearance>,
    ) -> Result<(), Error> {
        let nums: Vec<u64> = all.iter().map(|one| one.num).collect();
        let audiences = comity_store::intel::audiences(&self.db, &nums).await?;
        let mut parts: Vec<&Taken> = all.iter().collect();
        parts.sort_by_key(|one| audiences.get(&one.num).map(|audience| Reverse(audience.bits())));
        for chunk in parts.chunks(PART) {
            let mut intake = Intake::begin(&self.db, self.microseconds()).await?;
            add_to(&mut intake, collection, chunk, reader).await?;
            intake.commit().await?;
        }
        Ok(())
    }

    /// Deletes objects, all versions with all that was kept of them, and whatever would still hint at them; how many
    /// versions there were.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn delete_intelligence(&self, person: &Person, ids: &[String]) -> Result<u64, Error> {
        person.may(Right::Gather)?;
        let who = &person.name;
        let intake = Intake::begin(&self.db, self.microseconds()).await?;
        let mut writing = Writing::new(intake, Tlp::Red);
        let mut count = 0;
        for id in ids {
            if Meaning::of_id(id).is_some() {
                let why = format!("{id} is a label that everyone has: it is not deleted");
                return Err(Error::Refused(why));
            }
            count += writing.delete(id, who).await?;
        }
        writing.settle(true).await?;
        writing.intake.commit().await?;
        self.journal_of(who, "intelligence delete", &ids.join(" ")).await?;
        self.change();
        Ok(count)
    }

    /// Takes versions of an object out of a collection, for a tool that may. What is in no collection then, and nobody else
    /// ever brought, is deleted: so a deletion reaches the copies of whoever pushed. Not, where something in the collection is
    /// marked with it; whether.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn take_back(
        &self,
        tool: &Tool,
        collection: &Collection,
        id: &str,
        versions: &[u64],
    ) -> Result<bool, Error> {
        let intake = Intake::begin(&self.db, self.microseconds()).await?;
        let mut writing = Writing::new(intake, Tlp::Red);
        let taken = writing.take_back((collection.num, id), versions, tool).await?;
        let Some(is_gone) = taken else { return Ok(false) };
        writing.intake.commit().await?;
        let whole = if is_gone { ", and out of the store" } else { "" };
        let about = format!("{id} out of {}{whole}", collection.alias);
        self.journal_of(&tool.name, "taxii delete", &about).await?;
        self.change();
        Ok(true)
    }

    /// Puts objects, every version, into a collection: its readers see them as added now. How many versions were not
    /// in it.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Missing`] where an object is not here.
    pub async fn share(
        &self,
        person: &Person,
        collection: &Collection,
        ids: &[String],
    ) -> Result<u64, Error> {
        person.may(Right::Release)?;
        let mut intake = Intake::begin(&self.db, self.microseconds()).await?;
        let mut count = 0;
        for id in ids {
            let versions = intake.versions(id).await?;
            if versions.is_empty() {
                let id = id.chars().take(120).collect();
                return Err(Error::Missing {
                    what: "object",
                    id,
                    hint: "; see `comity intel search`",
                });
            }
            for known in versions {
                let is_new = intake.admit(collection.num, (known.num, id)).await?;
                count += u64::from(is_new);
                let body = intake.object(known.num).await?.marked.body;
                let marks = Document::parsed(&body).map(|found| found.definitions());
                let marks: Vec<_> =
                    marks.iter().flatten().map(|id| (id.as_str(), known.num)).collect();
                go_along(&mut intake, collection.num, &marks, None).await?;
            }
        }
        intake.commit().await?;
        let about = format!("{} objects into {}", ids.len(), collection.alias);
        self.journal_of(&person.name, "intelligence share", &about).await?;
        self.change();
        Ok(count)
    }
}

/// Makes the views of intelligence again: what is found by which words, and what refers to what.
pub(crate) async fn reindex(db: &Db) -> Result<(), Error> {
    let mut writing = Writing::new(Intake::begin(db, || 0).await?, Tlp::Red);
    writing.intake.forget_views().await?;
    let mut last = 0;
    loop {
        let objects = comity_store::intel::after(db, last, CHUNK as u64).await?;
        let Some(end) = objects.last() else { break };
        last = end.num;
        for object in &objects {
            writing.reindex(object).await?;
        }
    }
    Ok(writing.intake.commit().await?)
}

impl Report {
    fn refuse(&mut self, refusal: Refusal) {
        self.refused += 1;
        if self.refusals.len() < TOLD {
            self.refusals.push(refusal);
        }
    }
}

/// Puts what came into a collection.
async fn add_to(
    intake: &mut Intake,
    collection: &Collection,
    all: &[&Taken],
    reader: Option<Clearance>,
) -> Result<(), Error> {
    let places: Vec<_> = all.iter().map(|one| (one.num, one.id.as_str())).collect();
    intake.admit_all(collection.num, &places).await?;
    let marks = all.iter().flat_map(|one| one.marks.iter().map(|id| (id.as_str(), one.num)));
    go_along(intake, collection.num, &marks.collect::<Vec<_>>(), reader).await
}

/// Lets definitions of the markings of what came into a collection go along: a statement is part of what it marks. What
/// a tool brings shows only what it sees itself.
async fn go_along(
    intake: &mut Intake,
    collection: u64,
    marks: &[(&str, u64)],
    reader: Option<Clearance>,
) -> Result<(), Error> {
    let mut by_definition: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (id, object) in marks {
        by_definition.entry(id).or_default().push(*object);
    }
    for (id, objects) in by_definition {
        for known in intake.versions(id).await? {
            if reader.is_none_or(|reader| known.whole.has(reader)) {
                objects.iter().for_each(|one| intake.go_along((known.num, id), collection, *one));
            }
        }
    }
    Ok(())
}

/// Writes what was read, as far as it is taken.
async fn write(
    writing: &mut Writing,
    piece: Vec<Ready>,
    import: &Import,
    report: &mut Report,
    all: &mut Vec<Taken>,
) -> Result<(), Error> {
    let read = piece.iter().filter_map(|one| one.read.as_ref().ok());
    let ids: Vec<&str> = read.map(|(document, _)| document.id.as_str()).collect();
    writing.expect(&ids).await?;
    for one in piece {
        let raw = &import.bytes[one.range.clone()];
        let index = one.index as u64;
        let (document, tokens) = match one.read {
            Ok(read) => read,
            Err(Bad { id, why }) => {
                let (because_of, version) = (None, None);
                report.refuse(Refusal { index, id, why, because_of, version });
                continue;
            }
        };
        match writing.take(document, tokens, raw, (report.batch, index), import).await? {
            Outcome::New(taken) => {
                report.new += 1;
                all.push(taken);
            }
            Outcome::Known(taken) => {
                report.known += 1;
                all.push(taken);
            }
            Outcome::Not { id, why, seen, version } => {
                let (id, because_of) = (Some(id), Some(seen));
                report.refuse(Refusal { index, id, why, because_of, version });
            }
        }
    }
    Ok(())
}

/// Objects that are read while those before them are written.
struct Reading {
    bytes: Arc<[u8]>,
    parts: std::vec::IntoIter<(usize, Range<usize>)>,
    ahead: VecDeque<tokio::task::JoinHandle<Vec<Ready>>>,
}

impl Reading {
    fn begin(bytes: &Arc<[u8]>, parts: Vec<(usize, Range<usize>)>) -> Self {
        let (bytes, parts) = (Arc::clone(bytes), parts.into_iter());
        Self { bytes, parts, ahead: VecDeque::new() }
    }

    /// The next of them.
    async fn next(&mut self) -> Result<Option<Vec<Ready>>, Error> {
        while self.ahead.len() < AHEAD && self.parts.len() > 0 {
            let piece: Vec<_> = self.parts.by_ref().take(PIECE).collect();
            let bytes = Arc::clone(&self.bytes);
            self.ahead.push_back(tokio::task::spawn_blocking(move || ready(&bytes, piece)));
        }
        let Some(piece) = self.ahead.pop_front() else { return Ok(None) };
        piece.await.map(Some).map_err(|error| Error::Refused(error.to_string()))
    }
}

/// Reads objects.
fn ready(bytes: &[u8], parts: Vec<(usize, Range<usize>)>) -> Vec<Ready> {
    let one = |(index, range): (usize, Range<usize>)| {
        let read = Document::read(&bytes[range.clone()]);
        Ready { index, range, read }
    };
    parts.into_iter().map(one).collect()
}

/// The objects of a file and their places in it.
fn parts(bytes: &[u8]) -> Result<Vec<(usize, Range<usize>)>, String> {
    let parts = comity_stix::bundle::objects(bytes).map_err(|error| error.to_string())?;
    let start = bytes.as_ptr() as usize;
    let range = |part: &[u8]| {
        let from = part.as_ptr() as usize - start;
        from..from + part.len()
    };
    Ok(parts.into_iter().map(range).enumerate().collect())
}

/// What goes in when: markings, who made it, what stands alone, what refers to that, and what refers to any. Whatever
/// comes too late is judged anew.
fn rank(raw: &[u8]) -> u8 {
    match comity_stix::bundle::kind(raw) {
        Some("marking-definition") => 0,
        Some("identity") => 1,
        Some("report" | "grouping" | "note" | "opinion" | "observed-data" | "malware-analysis") => {
            3
        }
        Some("relationship") => 4,
        Some("sighting") => 5,
        _ => 2,
    }
}

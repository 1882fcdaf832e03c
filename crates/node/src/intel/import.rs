//! Taking objects in: each validated, kept byte for byte, and shown to those who may see it.
//!
//! Objects go in before any collection gets them, and what an object refers to goes in before what refers to it, so
//! that at no time somebody sees what is only found later to be nobody's to see.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use comity_rules::access::{Person, Right};
use comity_stix::marking::{self, Audience, Clearance, Marks, Meaning, Tlp};
use comity_store::Db;
use comity_store::intel::collection::Collection;
use comity_store::intel::intake::{Intake, Known as Here, New, Origin};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{self, Bad, Document, Known};
use super::foreign::{Understood, understood};
use super::harmless::{Harmless, harmless};
use crate::node::{Error, Node};

/// Objects of one transaction: while it lasts, nobody else writes.
const CHUNK: usize = 2_000;

/// Refusals that are told one by one, and those of them that are kept with the batch.
const TOLD: usize = 100_000;
const KEPT: usize = 1_000;

/// Rounds in which objects that name each other are judged anew, before they only lose.
const ROUNDS: u32 = 50;

/// Versions of one object that come at once.
const VERSIONS: usize = 200;

/// What is brought in.
#[derive(Debug, Clone)]
pub struct Import {
    /// A bundle, an envelope of TAXII, an array of objects, or one.
    pub bytes: Arc<[u8]>,
    /// Who brings it.
    pub who: String,
    /// Through what: `import`, `taxii`, `pull`.
    pub through: &'static str,
    /// From where.
    pub source: String,
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
    /// When it came, in microseconds since 1970: the version of what has none.
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
    num: u64,
    /// Definitions of its markings that not everyone has: they go along.
    marks: Vec<String>,
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

    /// Objects that were made of values, those that are here already as they are here: they are not made anew.
    async fn as_here(&self, bytes: Vec<u8>) -> Result<Vec<u8>, Error> {
        let mut value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        for object in value["objects"].as_array_mut().into_iter().flatten() {
            let id = object["id"].as_str().unwrap_or_default();
            if let Some(here) = comity_store::intel::versions(&self.db, id).await?.pop() {
                *object = serde_json::from_slice(&here.marked.body).unwrap_or_default();
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
        let mut chunks = parts.chunks(CHUNK).map(<[_]>::to_vec).collect::<Vec<_>>().into_iter();
        let prepare = |chunk: Vec<_>| {
            let bytes = Arc::clone(&import.bytes);
            tokio::task::spawn_blocking(move || ready(&bytes, chunk))
        };
        // The next chunk is read while this one is written.
        let mut next = chunks.next().map(prepare);
        let mut done = 0;
        loop {
            let chunk = match next.take() {
                Some(task) => task.await.map_err(|error| Error::Refused(error.to_string()))?,
                None if report.batch == 0 => Vec::new(),
                None => break,
            };
            next = chunks.next().map(prepare);
            let is_last = next.is_none();
            let intake = Intake::begin(&self.db, self.microseconds()).await?;
            let mut writing = Writing::new(intake, now, import.marking);
            if report.batch == 0 {
                let origin = Origin {
                    who: &import.who,
                    through: import.through,
                    source: &import.source,
                    marking: import.marking.label(),
                };
                report.batch = writing.intake.batch(origin).await?;
            }
            done += chunk.len();
            let first = all.len();
            for one in chunk {
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
                let id = document.id.clone();
                let of = (report.batch, index);
                match writing.take(document, tokens, raw, of, &import).await? {
                    Outcome::New(taken) => {
                        report.new += 1;
                        all.push(taken);
                    }
                    Outcome::Known(taken) => {
                        report.known += 1;
                        all.push(taken);
                    }
                    Outcome::Not(why, seen, version) => {
                        let (id, because_of) = (Some(id), Some(seen));
                        report.refuse(Refusal { index, id, why, because_of, version });
                    }
                }
            }
            writing.settle().await?;
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

    /// Puts into a collection what came in several transactions. What the same readers see goes in together: where one
    /// transaction ends says nothing of what others see.
    async fn add_in_parts(
        &self,
        collection: &Collection,
        all: &[Taken],
        reader: Option<Clearance>,
    ) -> Result<(), Error> {
        let nums: Vec<u64> = all.iter().map(|one| one.num).collect();
        let audiences = comity_store::intel::audiences(&self.db, &nums).await?;
        let mut parts: BTreeMap<_, Vec<&Taken>> = BTreeMap::new();
        for one in all {
            if let Some(audience) = audiences.get(&one.num) {
                parts.entry(Reverse(audience.bits())).or_default().push(one);
            }
        }
        for chunk in parts.values().flat_map(|part| part.chunks(CHUNK)) {
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
        let now = self.now().as_microsecond();
        let intake = Intake::begin(&self.db, self.microseconds()).await?;
        let mut writing = Writing::new(intake, now, Tlp::Red);
        let mut count = 0;
        for id in ids {
            let there = writing.intake.delete(id, who).await?;
            if there > 0 {
                writing.known.audiences.insert(id.clone(), Audience::NOBODY);
                writing.known.meanings.remove(id);
                writing.changed.insert(id.clone());
            }
            count += there;
        }
        writing.settle().await?;
        writing.intake.commit().await?;
        self.journal_of(who, "intelligence delete", &ids.join(" ")).await?;
        self.change();
        Ok(count)
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
                let marks = Document::known(&body).map(|(found, _)| found.definitions());
                let marks = marks.unwrap_or_default();
                go_along(&mut intake, collection.num, marks.iter(), None).await?;
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
    let mut writing = Writing::new(Intake::begin(db, || 0).await?, 0, Tlp::Red);
    writing.intake.forget_views().await?;
    let mut last = 0;
    loop {
        let objects = comity_store::intel::after(db, last, CHUNK as u64).await?;
        let Some(end) = objects.last() else { break };
        last = end.num;
        for object in &objects {
            let Some((document, tokens)) = Document::known(&object.marked.body) else { continue };
            writing.learn(&document).await?;
            let floor = writing.floor(object.batch).await?;
            let words = worded(&document, tokens, floor, &writing.known);
            writing.intake.reindex(object.num, &document.targets(), &words).await?;
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

/// What became of an object.
enum Outcome {
    New(Taken),
    Known(Taken),
    /// Why not, who sees what is here (to others it is no business), and the version.
    Not(String, Audience, Option<i64>),
}

/// Objects being written, with what is known of what they name.
struct Writing {
    intake: Intake,
    now: i64,
    floor: Tlp,
    known: Known,
    floors: HashMap<u64, Tlp>,
    /// Objects of which others see more or less now, or that mean something else: what names them is judged at the end.
    changed: BTreeSet<String>,
    /// How many versions of each object came.
    counts: HashMap<String, usize>,
}

impl Writing {
    fn new(intake: Intake, now: i64, floor: Tlp) -> Self {
        let (known, floors, counts) = (Known::default(), HashMap::new(), HashMap::new());
        Self { intake, now, floor, known, floors, changed: BTreeSet::new(), counts }
    }

    async fn take(
        &mut self,
        document: Document,
        tokens: String,
        raw: &[u8],
        (batch, index): (u64, u64),
        import: &Import,
    ) -> Result<Outcome, Error> {
        let versions = self.intake.versions(&document.id).await?;
        // What everyone has under one identifier is the same, however it is written: so it is here.
        let standard = marking::standard(&document.id);
        let is_known = standard.is_some();
        let (document, tokens, raw) = match &standard {
            Some(text) => match Document::read(text.as_bytes()) {
                Ok((document, tokens)) => (document, tokens, text.as_bytes()),
                Err(bad) => return Err(Error::Refused(bad.why)),
            },
            None => (document, tokens, raw),
        };
        let same = match document.version {
            Some(version) if !is_known => versions.iter().find(|known| known.version == version),
            _ => versions.last(),
        };
        if let Some(same) = same {
            let body = self.intake.object(same.num).await?.marked.body;
            if is_known || body == raw || equal(&body, raw) {
                self.intake.again(same.num, batch).await?;
                let (mut version, num, marks) = (same.version, same.num, document.definitions());
                // When it came is told to whom it is there, and to a tool what it reads where it adds.
                if let (None, Some(reader)) = (document.version, import.reader) {
                    let shown = match &import.collection {
                        Some(collection) if import.reads && same.audience.has(reader) => {
                            self.intake.is_member(collection.num, num).await?
                        }
                        _ => false,
                    };
                    version = if shown { version } else { self.now };
                }
                let taken = Taken { index, id: document.id, version, num, marks };
                return Ok(Outcome::Known(taken));
            }
        }
        if let Some(why) = self.clash(&document, same, &versions, (batch, import)).await? {
            let version = document.version;
            return Ok(Outcome::Not(why.0.to_owned(), why.1, version));
        }
        let count = self.counts.entry(document.id.clone()).or_default();
        *count += 1;
        if *count > VERSIONS {
            let why = format!("more than {VERSIONS} versions of one object at once");
            return Ok(Outcome::Not(why, Audience::EVERYONE, document.version));
        }
        let is_only = versions.is_empty();
        if is_only && import.returns {
            self.intake.forgive(&document.id).await?;
        }
        let latest = versions.last().map_or(i64::MIN, |known| known.version);
        let version = document.version.unwrap_or_else(|| self.now.max(latest + 1));
        self.learn(&document).await?;
        let seen = document.seen(raw, self.floor, &self.known);
        let words = worded(&document, tokens, self.floor, &self.known);
        let targets = document.targets();
        let new = New {
            id: &document.id,
            kind: &document.kind,
            version,
            spec: document.spec,
            batch,
            seen,
            body: raw,
            targets: &targets,
        };
        let num = self.intake.insert(new, words).await?;
        let before = of_any(&versions);
        let after = before.or(seen.0);
        self.known.audiences.insert(document.id.clone(), after);
        if let Some(meaning) = document.meaning {
            self.known.meanings.insert(document.id.clone(), meaning);
        }
        // Until now it hinted at nothing, or meant nothing.
        let hinted = if is_only { Audience::EVERYONE } else { before };
        if document.meaning.is_some() || after != hinted {
            self.changed.insert(document.id.clone());
        }
        self.widen(&document, seen.0, import.reader).await?;
        if document.meaning.is_some() {
            // What waits for it is in collections already: there it goes along.
            for waits in self.intake.referring(&[document::digest(&document.id)]).await? {
                // Only of what it marks, not of what speaks of it.
                let body = self.intake.object(waits).await?.marked.body;
                let marked = Document::known(&body)
                    .is_some_and(|(found, _)| found.definitions().contains(&document.id));
                if !marked {
                    continue;
                }
                for collection in self.intake.collections_of(waits).await? {
                    self.intake.admit(collection, (num, &document.id)).await?;
                }
            }
        }
        let marks = document.definitions();
        Ok(Outcome::New(Taken { index, id: document.id, version, num, marks }))
    }

    /// Why an object is not taken for what is here already, and who sees that.
    async fn clash(
        &mut self,
        document: &Document,
        same: Option<&Here>,
        versions: &[Here],
        (batch, import): (u64, &Import),
    ) -> Result<Option<(&'static str, Audience)>, Error> {
        if versions.is_empty() {
            if !import.returns && self.intake.is_gone(&document.id).await? {
                return Ok(Some(("it was deleted here", Audience::NOBODY)));
            }
            // Whatever waits for a definition was brought by others: to say what it means is to say who sees it.
            let waits = document.meaning.is_some()
                && Meaning::of_id(&document.id).is_none()
                && import.reader.is_some()
                && !self.intake.referring(&[document::digest(&document.id)]).await?.is_empty();
            let why = "objects of others wait for this definition: a person brings it in";
            return Ok(waits.then_some((why, Audience::NOBODY)));
        }
        let all = versions.iter().fold(Audience::EVERYONE, |all, one| all.and(one.audience));
        let hidden = import.reader.is_some_and(|reader| !all.has(reader));
        let why = if document.meaning.is_some() {
            "a marking definition has no versions, and another with this 'id' is here already"
        } else if document.version.is_some() && same.is_some() {
            "another object with this 'id' and 'modified' is here already: a new version needs a later \
             'modified'"
        } else if hidden {
            "it is here already, for fewer than this key sees"
        } else {
            return Ok(None);
        };
        // To a tool only what it reads where it adds is here, and what it brings itself.
        let mut seen = all;
        if let (Some(_), Some(collection)) = (import.reader, &import.collection) {
            for known in versions {
                let is_there = self.intake.is_member(collection.num, known.num).await?;
                if !(import.reads && is_there)
                    && self.intake.object(known.num).await?.batch != batch
                {
                    seen = Audience::NOBODY;
                }
            }
        }
        Ok(Some((why, seen)))
    }

    /// Finds out what is not known yet of what a document names.
    async fn learn(&mut self, document: &Document) -> Result<(), Error> {
        let (refs, marks) = document.asks();
        for id in refs {
            if self.known.audiences.contains_key(id) {
                continue;
            }
            let versions = self.intake.versions(id).await?;
            let audience = if versions.is_empty() {
                // What was deleted is not hinted at either.
                let gone = self.intake.is_gone(id).await?;
                if gone { Audience::NOBODY } else { Audience::EVERYONE }
            } else {
                of_any(&versions)
            };
            self.known.audiences.insert(id.to_owned(), audience);
        }
        for id in marks {
            if Meaning::of_id(id).is_some() || self.known.meanings.contains_key(id) {
                continue;
            }
            let meaning = match self.intake.versions(id).await?.last() {
                Some(latest) => {
                    let body = self.intake.object(latest.num).await?.marked.body;
                    Document::known(&body).and_then(|(found, _)| found.meaning)
                }
                None => None,
            };
            self.known.meanings.insert(id.to_owned(), meaning.unwrap_or(Meaning::Unknown));
        }
        Ok(())
    }

    async fn floor(&mut self, batch: u64) -> Result<Tlp, Error> {
        if let Some(floor) = self.floors.get(&batch) {
            return Ok(*floor);
        }
        let floor = Tlp::parse(&self.intake.marking_of(batch).await?).unwrap_or(Tlp::Red);
        self.floors.insert(batch, floor);
        Ok(floor)
    }

    /// Judges anew what names objects that changed, and what names that, until nothing changes any more.
    async fn settle(&mut self) -> Result<(), Error> {
        let mut round = 0;
        while !self.changed.is_empty() {
            round += 1;
            let changed = std::mem::take(&mut self.changed);
            let changed: Vec<i64> = changed.iter().map(|id| document::digest(id)).collect();
            for num in self.intake.referring(&changed).await? {
                self.renew(num, round > ROUNDS).await?;
            }
        }
        Ok(())
    }

    /// Judges an object anew; what is in circles settles at what all of it agrees on.
    async fn renew(&mut self, num: u64, in_circles: bool) -> Result<(), Error> {
        let object = self.intake.object(num).await?;
        let Some((document, tokens)) = Document::known(&object.marked.body) else { return Ok(()) };
        self.learn(&document).await?;
        let floor = self.floor(object.batch).await?;
        let (mut audience, mut whole) = document.seen(&object.marked.body, floor, &self.known);
        if document.meaning.is_some() {
            // Whoever sees what it marks sees it.
            audience = audience.or(object.marked.audience);
            whole = whole.or(object.marked.whole);
        }
        if in_circles {
            audience = audience.and(object.marked.audience);
            whole = whole.and(object.marked.whole);
        }
        self.intake.reword(num, worded(&document, tokens, floor, &self.known));
        if (audience, whole) == (object.marked.audience, object.marked.whole) {
            return Ok(());
        }
        self.intake.show_to(&object, (audience, whole)).await?;
        let versions = self.intake.versions(&object.id).await?;
        let all = of_any(&versions);
        if self.known.audiences.insert(object.id.clone(), all) != Some(all) {
            self.changed.insert(object.id);
        }
        Ok(())
    }

    /// Shows the definitions of an object's markings to whoever sees the object: a statement goes along. A tool shows
    /// only what it sees itself.
    async fn widen(
        &mut self,
        document: &Document,
        audience: Audience,
        reader: Option<Clearance>,
    ) -> Result<(), Error> {
        let ids: Vec<String> = document.marks.ids().map(str::to_owned).collect();
        for id in ids {
            if Meaning::of_id(&id).is_some() {
                continue;
            }
            for known in self.intake.versions(&id).await? {
                let may = reader.is_none_or(|reader| known.whole.has(reader));
                if !may || audience.without(known.whole).is_empty() {
                    continue;
                }
                let object = self.intake.object(known.num).await?;
                let marks = Document::known(&object.marked.body).map(|(found, _)| found.marks);
                if marks.is_some_and(|marks| marks == Marks::default()) {
                    let seen = (known.audience.or(audience), known.whole.or(audience));
                    self.intake.show_to(&object, seen).await?;
                    self.known.audiences.insert(id.clone(), seen.0);
                }
            }
        }
        Ok(())
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
    let marks = all.iter().flat_map(|one| &one.marks);
    go_along(intake, collection.num, marks, reader).await
}

/// Lets definitions of the markings of what came into a collection go along: a statement is part of what it marks. What
/// a tool brings shows only what it sees itself.
async fn go_along<'m>(
    intake: &mut Intake,
    collection: u64,
    marks: impl Iterator<Item = &'m String>,
    reader: Option<Clearance>,
) -> Result<(), Error> {
    for id in marks.collect::<BTreeSet<_>>() {
        for known in intake.versions(id).await? {
            if reader.is_none_or(|reader| known.whole.has(reader)) {
                intake.admit(collection, (known.num, id)).await?;
            }
        }
    }
    Ok(())
}

/// Who may see something of any of an object's versions.
fn of_any(versions: &[Here]) -> Audience {
    versions.iter().fold(Audience::NOBODY, |all, one| all.or(one.audience))
}

/// The tokens of a document with those of its labels.
fn worded(document: &Document, tokens: String, floor: Tlp, known: &Known) -> String {
    let (tlp, pap) = document.label(floor, known);
    let mut words = tokens;
    words.push(' ');
    words.push_str(&document::field("tlp", tlp.label()));
    if let Some(pap) = pap {
        words.push(' ');
        words.push_str(&document::field("pap", pap.label()));
    }
    words
}

/// Reads the objects of a chunk.
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

/// Whether two texts are the same JSON, whatever the order of members.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let value = |bytes| serde_json::from_slice::<Value>(bytes).ok();
    value(a).is_some() && value(a) == value(b)
}

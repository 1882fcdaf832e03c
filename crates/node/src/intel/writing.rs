//! What one transaction takes in: each object judged by its markings and by what it names, and whatever that changes for
//! others judged anew.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use comity_stix::marking::{self, Audience, Clearance, Marks, Meaning, Tlp};
use comity_store::intel::intake::{Intake, Known as Here, New};
use comity_store::intel::{Gone, Object};
use serde_json::Value;

use super::Tool;
use super::document::{self, Document, Known};
use super::import::{Import, Taken};
use crate::node::Error;

/// Rounds in which objects that name each other are judged anew, before they only lose.
const ROUNDS: u32 = 50;

/// The version of what names none, and comes first under its identifier: the same whenever it came.
const FIRST: i64 = 0;

/// Versions of one object that come at once, after its first.
const VERSIONS: usize = 200;

/// Definitions of which it is asked what they are marked with.
const CHAIN: usize = 100;

/// Earlier versions of what names none that are compared with what comes.
const COMPARED: usize = 50;

/// What became of an object.
pub(super) enum Outcome {
    New(Taken),
    Known(Taken),
    Not {
        id: String,
        why: String,
        /// Who sees what is here: to others it is no business.
        seen: Audience,
        version: Option<i64>,
    },
}

/// Objects being written, with what is known of what they name.
pub(super) struct Writing {
    pub(super) intake: Intake,
    floor: Tlp,
    known: Known,
    floors: HashMap<u64, Tlp>,
    /// Objects of which others see more or less now, or that mean something else: what names them is judged at the end.
    changed: BTreeSet<String>,
    /// How many versions of each object came after the first.
    counts: HashMap<String, usize>,
    /// Identifiers that come, of which nothing is here and nothing was deleted.
    fresh: HashSet<String>,
    /// Objects whose definitions are shown, once all is judged, to whoever sees them then; with what the tool that brings
    /// one may see.
    pub(super) widened: BTreeMap<u64, Option<Clearance>>,
    /// Of which definitions it is known whether what others brought waits for them.
    awaited: HashMap<String, bool>,
}

impl Writing {
    pub(super) fn new(intake: Intake, floor: Tlp) -> Self {
        let (known, floors, counts) = (Known::default(), HashMap::new(), HashMap::new());
        let (changed, fresh, awaited) = (BTreeSet::new(), HashSet::new(), HashMap::new());
        let widened = BTreeMap::new();
        Self { intake, floor, known, floors, changed, counts, fresh, widened, awaited }
    }

    /// Finds out of what comes what is new, in few questions.
    pub(super) async fn expect(&mut self, ids: &[&str]) -> Result<(), Error> {
        let known = self.intake.known(ids).await?;
        let fresh = ids.iter().filter(|id| !known.contains(**id));
        self.fresh = fresh.map(|id| (*id).to_owned()).collect();
        Ok(())
    }

    /// Deletes every version of an object, with whatever would still hint at it; how many there were.
    pub(super) async fn delete(&mut self, id: &str, who: &str) -> Result<u64, Error> {
        let there = self.intake.delete(id, who).await?;
        if there > 0 {
            self.known.audiences.insert(id.to_owned(), Audience::NOBODY);
            self.known.meanings.remove(id);
            self.changed.insert(id.to_owned());
        }
        Ok(there)
    }

    /// Takes versions of an object out of a collection, for a tool. What is in none then, and nobody else brought, is deleted;
    /// whether. None: something in the collection is marked with it.
    pub(super) async fn take_back(
        &mut self,
        (collection, id): (u64, &str),
        versions: &[u64],
        tool: &Tool,
    ) -> Result<Option<bool>, Error> {
        let (mut is_in_use, mut others) = (false, Audience::NOBODY);
        if id.starts_with("marking-definition--") {
            // A statement goes along with what it marks, and what it means decides who sees that.
            for num in self.intake.referring(&[document::digest(id)]).await? {
                let body = self.intake.object(num).await?.marked.body;
                let Some(document) = Document::parsed(&body).filter(|found| found.is_marked(id))
                else {
                    continue;
                };
                is_in_use = true;
                let Some(shown) = self.intake.shown_in(collection, num).await? else { continue };
                if shown.has(tool.clearance) {
                    self.learn(&document).await?;
                    let view = document.redacted(&body, &self.known, tool.clearance);
                    let view = view.and_then(|view| Document::parsed(&view));
                    if view.is_some_and(|view| view.is_marked(id)) {
                        return Ok(None);
                    }
                }
                others = others.or(shown);
            }
        }
        // Of what the tool does not see it learns nothing; whoever does sees the statement.
        let others = others.without(Audience::only(tool.clearance));
        self.intake.take_out((collection, id), versions, others).await?;
        let by = (tool.key.as_str(), tool.remote.as_str());
        Ok(Some(!is_in_use && self.intake.take_back(id, &tool.name, by).await?))
    }

    /// Makes the views of an object again.
    pub(super) async fn reindex(&mut self, object: &Object) -> Result<(), Error> {
        let Some((document, tokens)) = Document::known(&object.marked.body) else { return Ok(()) };
        self.learn(&document).await?;
        let floor = self.floor(object.batch).await?;
        let words = worded(&document, tokens, floor, &self.known);
        Ok(self.intake.reindex(object.num, &document.targets(), words).await?)
    }

    pub(super) async fn take(
        &mut self,
        document: Document,
        tokens: String,
        raw: &[u8],
        (batch, index): (u64, u64),
        import: &Import,
    ) -> Result<Outcome, Error> {
        let is_new = self.fresh.remove(&document.id);
        let versions = if is_new { Vec::new() } else { self.intake.versions(&document.id).await? };
        // What everyone has under one identifier is the same, however it is written: so it is here.
        let standard = marking::standard(&document.id, document.spec);
        let is_known = standard.is_some();
        let (document, tokens, raw) = match &standard {
            Some(text) => match Document::read(text.as_bytes()) {
                Ok((document, tokens)) => (document, tokens, text.as_bytes()),
                Err(bad) => return Err(Error::Refused(bad.why)),
            },
            None => (document, tokens, raw),
        };
        let (same, others) = match document.version {
            Some(version) if !is_known => {
                (versions.iter().find(|known| known.version == version), &[][..])
            }
            _ => {
                versions.split_last().map_or((None, &[][..]), |(last, before)| (Some(last), before))
            }
        };
        // What names no version is the same as whichever it is equal to.
        for same in same.into_iter().chain(others.iter().rev().take(COMPARED)) {
            let body = self.intake.object(same.num).await?.marked.body;
            if is_known || body == raw || equal(&body, raw) {
                self.intake.again(same.num, batch).await?;
                let (mut version, num, marks) = (same.version, same.num, document.definitions());
                // When it came is told to whom it is there, and to a tool what it reads where it adds.
                if let (None, Some(reader)) = (document.version, import.reader) {
                    let is_shown = import.collection.is_some() && import.reads;
                    version = if is_shown && same.audience.has(reader) { version } else { FIRST };
                }
                let taken = Taken { index, id: document.id, version, num, marks };
                return Ok(Outcome::Known(taken));
            }
        }
        let gone = if is_new || !versions.is_empty() {
            None
        } else {
            self.intake.gone(&document.id).await?
        };
        if !is_new
            && let Some(why) = self.keeps_away(&document, gone.as_ref(), &versions, import).await?
        {
            return Ok(document.refused(why, Audience::NOBODY));
        }
        if let Some((why, seen)) = self.clash(&document, same, &versions, (batch, import)).await? {
            return Ok(document.refused(why, seen));
        }
        if let Some(seen) = self.is_circular(&document).await? {
            let why = "it is marked, over others, with itself, or with too many: no marking goes in a circle (section 3.2)";
            return Ok(document.refused(why, seen));
        }
        if !is_new {
            let count = self.counts.entry(document.id.clone()).or_default();
            *count += 1;
            if *count > VERSIONS {
                let why = format!("more than {VERSIONS} versions of one object at once");
                return Ok(document.refused(&why, Audience::EVERYONE));
            }
        }
        let is_only = versions.is_empty();
        if gone.is_some() {
            self.intake.forgive(&document.id).await?;
        }
        let latest = versions.last().map(|known| known.version + 1);
        let version = document.version.or(latest).unwrap_or(FIRST);
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
            is_only,
        };
        let num = self.intake.insert(new, words).await?;
        let before = of_any(&versions);
        let after = before.or(seen.0);
        self.known.audiences.insert(document.id.clone(), after);
        if let Some(meaning) = document.meaning {
            self.known.meanings.insert(document.id.clone(), meaning);
        }
        // Until now it hinted at nothing, or meant nothing.
        let hinted = match gone {
            Some(gone) => gone.audience,
            None if is_only => Audience::EVERYONE,
            None => before,
        };
        // What a standard label means was known before it came.
        let means = document.meaning.is_some() && !is_known;
        if means || after != hinted {
            self.changed.insert(document.id.clone());
        }
        if !document.definitions().is_empty() {
            self.widened.insert(num, import.reader);
        }
        if means {
            // What waits for it is in collections already: there it goes along.
            for waits in self.intake.referring(&[document::digest(&document.id)]).await? {
                // Only of what it marks, not of what speaks of it.
                let body = self.intake.object(waits).await?.marked.body;
                if !Document::parsed(&body).is_some_and(|found| found.is_marked(&document.id)) {
                    continue;
                }
                for collection in self.intake.collections_of(waits).await? {
                    self.intake.go_along((num, &document.id), collection, waits);
                }
            }
        }
        let marks = document.definitions();
        Ok(Outcome::New(Taken { index, id: document.id, version, num, marks }))
    }

    /// Why what went does not come back. What a tool took back keeps nobody from bringing it again who could see it, but
    /// for those to whom it was pushed: from them it would come back until it is deleted there.
    async fn keeps_away(
        &mut self,
        document: &Document,
        gone: Option<&Gone>,
        versions: &[Here],
        import: &Import,
    ) -> Result<Option<&'static str>, Error> {
        if import.returns {
            return Ok(None);
        }
        if let Some(gone) = gone {
            if gone.key.is_empty() {
                return Ok(Some("it was deleted here"));
            }
            // What names it would show to more.
            let uncovers = import.reader.is_some_and(|reader| !gone.audience.has(reader));
            if uncovers && import.key != gone.key {
                return Ok(Some("it was here, for fewer than this key sees"));
            }
        }
        // Where a tool is not known to be somebody that is pushed to, it may be any of them.
        let from_afar = import.reader.is_some() || !import.remote.is_empty();
        let (id, version) = (&document.id, document.version);
        if !from_afar || !self.intake.is_owed(id, version, &import.remote).await? {
            return Ok(None);
        }
        // Whoever took it back may think again.
        let mut is_own = gone.is_some_and(|gone| gone.key == import.key);
        if let (None, Some(last), Some(_)) = (gone, versions.last(), import.reader) {
            let batch = self.intake.object(last.num).await?.batch;
            is_own = self.intake.key_of(batch).await? == import.key;
        }
        let why = "it was deleted here, and is still to be deleted where it was pushed";
        Ok((!is_own).then_some(why))
    }

    /// Whether a definition is marked, over others, with itself, and who sees that.
    async fn is_circular(&mut self, document: &Document) -> Result<Option<Audience>, Error> {
        if document.meaning.is_none() {
            return Ok(None);
        }
        let (mut marks, mut asked) = (document.definitions(), BTreeSet::new());
        let mut seen = Audience::EVERYONE;
        while let Some(id) = marks.pop() {
            // Of more nobody asks whether they come back to it.
            if id == document.id || asked.len() == CHAIN {
                return Ok(Some(seen));
            }
            if !asked.insert(id.clone()) {
                continue;
            }
            if let Some(known) = self.intake.versions(&id).await?.last() {
                seen = seen.and(known.audience);
                let body = self.intake.object(known.num).await?.marked.body;
                let found = Document::parsed(&body).map(|found| found.definitions());
                marks.extend(found.into_iter().flatten());
            }
        }
        Ok(None)
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
            let waits = document.meaning.is_some()
                && Meaning::of_id(&document.id).is_none()
                && import.reader.is_some()
                && self.is_awaited(&document.id, &import.key).await?;
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
        if let (Some(reader), Some(collection)) = (import.reader, &import.collection) {
            for known in versions {
                let shown = self.intake.shown_in(collection.num, known.num).await?;
                let is_shown = import.reads && shown.is_some_and(|shown| shown.has(reader));
                let of = self.intake.object(known.num).await?.batch;
                // A definition that it took out stays for others, which is no business of its own.
                let is_out = import.reads && document.meaning.is_some() && !is_shown;
                let own = self.intake.key_of(of).await? == import.key && !is_out;
                if !(is_shown || of == batch || own) {
                    seen = Audience::NOBODY;
                }
            }
        }
        Ok(Some((why, seen)))
    }

    /// Whether what others brought waits for a definition: to say what it means is to say who sees it.
    async fn is_awaited(&mut self, definition: &str, key: &str) -> Result<bool, Error> {
        if let Some(known) = self.awaited.get(definition) {
            return Ok(*known);
        }
        let mut is_awaited = false;
        for waits in self.intake.referring_of_others(document::digest(definition), key).await? {
            let object = self.intake.object(waits).await?;
            // Only what it marks waits, not what speaks of it.
            let found = Document::parsed(&object.marked.body);
            is_awaited = found.is_some_and(|found| found.is_marked(definition));
            if is_awaited {
                break;
            }
        }
        // The same for the whole of an addition: what comes in it is of one key.
        self.awaited.insert(definition.to_owned(), is_awaited);
        Ok(is_awaited)
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
                let gone = self.intake.gone(id).await?;
                gone.map_or(Audience::EVERYONE, |gone| gone.audience)
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
                    Document::parsed(&body).and_then(|found| found.meaning)
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
    /// `is_all`: no more of the import comes. Before that no statement is shown to more.
    pub(super) async fn settle(&mut self, is_all: bool) -> Result<(), Error> {
        let mut round = 0;
        loop {
            if self.changed.is_empty() && is_all {
                for (num, reader) in std::mem::take(&mut self.widened) {
                    self.widen(num, reader).await?;
                }
            }
            if self.changed.is_empty() {
                return Ok(());
            }
            round += 1;
            let changed = std::mem::take(&mut self.changed);
            let changed: Vec<i64> = changed.iter().map(|id| document::digest(id)).collect();
            for num in self.intake.referring(&changed).await? {
                self.renew(num, round > ROUNDS).await?;
            }
        }
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
        let definitions = document.definitions();
        if !definitions.is_empty() {
            self.widened.entry(num).or_insert(None);
            let collections = self.intake.collections_of(num).await?;
            for id in &definitions {
                for known in self.intake.versions(id).await? {
                    for collection in &collections {
                        self.intake.go_along((known.num, id), *collection, num);
                    }
                }
            }
        }
        let versions = self.intake.versions(&object.id).await?;
        let all = of_any(&versions);
        if self.known.audiences.insert(object.id.clone(), all) != Some(all) {
            self.changed.insert(object.id);
        }
        Ok(())
    }

    /// Shows the definitions of an object's markings to whoever sees the object: a statement goes along. A tool shows
    /// only what it sees itself.
    async fn widen(&mut self, num: u64, reader: Option<Clearance>) -> Result<(), Error> {
        let marked = self.intake.object(num).await?.marked;
        let audience = marked.audience;
        let ids = Document::parsed(&marked.body).map(|document| document.definitions());
        for id in ids.unwrap_or_default() {
            for known in self.intake.versions(&id).await? {
                let may = reader.is_none_or(|reader| known.whole.has(reader));
                if !may || audience.without(known.whole).is_empty() {
                    continue;
                }
                let object = self.intake.object(known.num).await?;
                let marks = Document::parsed(&object.marked.body).map(|found| found.marks);
                if marks.is_some_and(|marks| marks == Marks::default()) {
                    let seen = (known.audience.or(audience), known.whole.or(audience));
                    self.intake.widen(known.num, seen).await?;
                    self.known.audiences.insert(id.clone(), seen.0);
                    self.changed.insert(id.clone());
                }
            }
        }
        Ok(())
    }
}

impl Document {
    /// Why it is not taken, and who sees that.
    fn refused(self, why: &str, seen: Audience) -> Outcome {
        let version = Some(self.version.unwrap_or(FIRST));
        Outcome::Not { id: self.id, why: why.to_owned(), seen, version }
    }
}

/// Who may see something of any of an object's versions.
fn of_any(versions: &[Here]) -> Audience {
    versions.iter().fold(Audience::NOBODY, |all, one| all.or(one.audience))
}

/// The tokens of a document with those of its labels.
fn worded(document: &Document, tokens: String, floor: Tlp, known: &Known) -> String {
    let (tlp, pap) = document.label(floor, known);
    let mut words = tokens;
    document::add_field(&mut words, "tlp", tlp.label());
    if let Some(pap) = pap {
        document::add_field(&mut words, "pap", pap.label());
    }
    words
}

/// Whether two texts are the same JSON, whatever the order of members.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let value = |bytes| serde_json::from_slice::<Value>(bytes).ok();
    value(a).is_some() && value(a) == value(b)
}

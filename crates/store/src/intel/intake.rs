//! Objects coming in and changing who sees them: one transaction.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use comity_stix::marking::Audience;

use super::{Gone, Object, audience, search};
use crate::db::marks;
use crate::{Db, Error, Row, Tx, Value};

/// Of how many things one question asks.
pub(super) const AT_ONCE: usize = 500;

/// A transaction. Dropped without [`Intake::commit`], nothing of it happened.
pub struct Intake {
    pub(super) tx: Tx,
    changes: Arc<AtomicU64>,
    /// Now, in microseconds since 1970.
    now: Box<dyn Fn() -> i64 + Send + Sync>,
    /// The number of the first object that comes.
    first: u64,
    /// The highest number that was deleted: none is given again, for whoever looked it up before means another.
    deleted: u64,
    /// What comes here, by number: of it nothing must be looked up. None: it was deleted since.
    fresh: Vec<Option<Fresh>>,
    /// Latest additions of collections.
    pub(super) latest: BTreeMap<u64, i64>,
    /// Objects, with the collections that they come into at the end: for these; none: for whoever sees them then.
    pub(super) admitted: BTreeMap<(u64, u64), Option<Audience>>,
    /// Who sees objects that changed here.
    pub(super) seen: BTreeMap<u64, Audience>,
    /// Words that go into the index at the end in place of others.
    words: BTreeMap<u64, String>,
    /// Objects of collections whose first and last versions are found out at the end.
    pub(super) unordered: BTreeSet<(u64, String)>,
    /// Definitions that go along into collections, with what they mark: for whoever sees any of that at the end.
    pub(super) along: BTreeMap<(u64, u64), (String, BTreeSet<u64>)>,
}

/// What is known of an object because it came in the same transaction.
pub(super) struct Fresh {
    pub(super) kind: String,
    pub(super) spec: String,
    pub(super) is_only: bool,
    pub(super) seen: Audience,
    /// They go into the index at the end.
    words: String,
}

/// A version that is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its object.
    pub num: u64,
    /// Its version.
    pub version: i64,
    /// Who may see something of it.
    pub audience: Audience,
    /// Who may see all of it.
    pub whole: Audience,
}

/// A version that is new.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// Its identifier.
    pub id: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// Its version, in microseconds since 1970.
    pub version: i64,
    /// The version of STIX.
    pub spec: &'a str,
    /// The batch that brings it.
    pub batch: u64,
    /// Who may see something of it, and who all.
    pub seen: (Audience, Audience),
    /// Its bytes.
    pub body: &'a [u8],
    /// Digests of the identifiers that it names.
    pub targets: &'a [i64],
    /// Whether nothing was here under its identifier.
    pub is_only: bool,
}

/// Where a batch comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Who brings it.
    pub who: &'a str,
    /// The hash of the key with which a tool does; empty: a person.
    pub key: &'a str,
    /// Through what.
    pub through: &'a str,
    /// From where.
    pub source: &'a str,
    /// From which remote collection; empty: from none that is known.
    pub remote: &'a str,
    /// The label of what has none of its own.
    pub marking: &'a str,
}

impl Intake {
    /// Begins. `now` is asked for the time, in microseconds since 1970, whenever something gets one.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn begin(
        db: &Db,
        now: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        const LAST: &str = "SELECT COALESCE(MAX(num), 0) FROM intel_object";
        const DELETED: &str = "SELECT value FROM setting WHERE name = 'intel_last'";
        let mut tx = db.begin().await?;
        let last = tx.query_one(LAST, &[]).await?.map_or(Ok(0), |row| row.count(0))?;
        let deleted = match tx.query_one(DELETED, &[]).await? {
            Some(row) => row.text(0)?.parse().map_err(Error::damaged)?,
            None => 0,
        };
        let first = last.max(deleted) + 1;
        let changes = db.intel_counter();
        Ok(Self {
            tx,
            changes,
            now: Box::new(now),
            first,
            deleted,
            fresh: Vec::new(),
            latest: BTreeMap::new(),
            admitted: BTreeMap::new(),
            seen: BTreeMap::new(),
            words: BTreeMap::new(),
            unordered: BTreeSet::new(),
            along: BTreeMap::new(),
        })
    }

    /// Now, in microseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        (self.now)()
    }

    /// Begins a batch; its number.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn batch(&mut self, of: Origin<'_>) -> Result<u64, Error> {
        const SQL: &str =
            "INSERT INTO intel_batch (num, at, who, key, through, source, remote, marking, report)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '{}')";
        let last = "SELECT COALESCE(MAX(num), 0) FROM intel_batch";
        let num = self.tx.query_one(last, &[]).await?.map_or(Ok(0), |row| row.count(0))? + 1;
        let params = [
            num.into(),
            self.now().into(),
            of.who.into(),
            of.key.into(),
            of.through.into(),
            of.source.into(),
            of.remote.into(),
            of.marking.into(),
        ];
        self.tx.execute(SQL, &params).await?;
        Ok(num)
    }

    /// Says what became of a batch, as JSON.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn report(&mut self, batch: u64, report: &str) -> Result<(), Error> {
        let sql = "UPDATE intel_batch SET report = $2 WHERE num = $1";
        self.tx.execute(sql, &[batch.into(), report.into()]).await?;
        Ok(())
    }

    /// The versions of an object.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn versions(&mut self, id: &str) -> Result<Vec<Known>, Error> {
        const SQL: &str =
            "SELECT num, version, audience, whole FROM intel_object WHERE id = $1 ORDER BY version";
        let known = |row: &Row| {
            Ok(Known {
                num: row.count(0)?,
                version: row.int(1)?,
                audience: audience(row.int(2)?)?,
                whole: audience(row.int(3)?)?,
            })
        };
        self.tx.query(SQL, &[id.into()]).await?.iter().map(known).collect()
    }

    /// Of which of these identifiers something is here, or was.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn known(&mut self, ids: &[&str]) -> Result<HashSet<String>, Error> {
        let mut known = HashSet::new();
        for ids in ids.chunks(AT_ONCE) {
            let params: Vec<Value> = ids.iter().copied().map(Value::from).collect();
            let marks = marks(1, ids.len());
            let sql = format!(
                "SELECT id FROM intel_object WHERE id IN ({marks})
                 UNION SELECT id FROM intel_gone WHERE id IN ({marks})"
            );
            for row in self.tx.query(&sql, &params).await? {
                known.insert(row.text(0)?.to_owned());
            }
        }
        Ok(known)
    }

    /// An object, with its bytes.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn object(&mut self, num: u64) -> Result<Object, Error> {
        let sql = format!("SELECT {} FROM intel_object WHERE num = $1", super::COLUMNS);
        let row = self.tx.query_one(&sql, &[num.into()]).await?;
        super::read(row.ok_or_else(|| Error::Missing { what: "object", id: num.to_string() })?)
    }

    /// The hash of the key with which a batch was brought; empty: by a person.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn key_of(&mut self, batch: u64) -> Result<String, Error> {
        self.said_of("SELECT key FROM intel_batch WHERE num = $1", batch).await
    }

    /// A text that a batch says; empty where there is no such batch.
    async fn said_of(&mut self, sql: &str, batch: u64) -> Result<String, Error> {
        let row = self.tx.query_one(sql, &[batch.into()]).await?;
        row.map_or_else(|| Ok(String::new()), |row| Ok(row.text(0)?.to_owned()))
    }

    /// The label that a batch gives to what has none of its own.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn marking_of(&mut self, batch: u64) -> Result<String, Error> {
        self.said_of("SELECT marking FROM intel_batch WHERE num = $1", batch).await
    }

    /// How an object went, if it did.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn gone(&mut self, id: &str) -> Result<Option<Gone>, Error> {
        let row = self.tx.query_one(super::GONE, &[id.into()]).await?;
        row.as_ref().map(super::gone).transpose()
    }

    /// Lets an object come back that went.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn forgive(&mut self, id: &str) -> Result<(), Error> {
        self.tx.execute("DELETE FROM intel_gone WHERE id = $1", &[id.into()]).await?;
        Ok(())
    }

    /// Keeps a version; its number.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn insert(&mut self, new: New<'_>, words: String) -> Result<u64, Error> {
        const SQL: &str = "INSERT INTO intel_object
            (num, id, kind, version, spec, batch, audience, whole, body)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let num = self.first + self.fresh.len() as u64;
        let params: [Value; 9] = [
            num.into(),
            new.id.into(),
            new.kind.into(),
            new.version.into(),
            new.spec.into(),
            new.batch.into(),
            new.seen.0.into(),
            new.seen.1.into(),
            new.body.into(),
        ];
        self.tx.execute(SQL, &params).await?;
        self.refer(num, new.targets).await?;
        let (kind, spec) = (new.kind.to_owned(), new.spec.to_owned());
        let (is_only, seen) = (new.is_only, new.seen.0);
        self.fresh.push(Some(Fresh { kind, spec, is_only, seen, words }));
        Ok(num)
    }

    pub(super) fn fresh(&mut self, num: u64) -> Option<&mut Fresh> {
        self.place_of(num)?.as_mut()
    }

    /// Where what comes here stands among it.
    fn place_of(&mut self, num: u64) -> Option<&mut Option<Fresh>> {
        let at = num.checked_sub(self.first).and_then(|at| usize::try_from(at).ok())?;
        self.fresh.get_mut(at)
    }

    async fn refer(&mut self, num: u64, targets: &[i64]) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO intel_ref (target, source) VALUES ($1, $2)";
        for target in targets {
            self.tx.execute(SQL, &[(*target).into(), num.into()]).await?;
        }
        Ok(())
    }

    /// Says that a batch brought a version again.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn again(&mut self, object: u64, batch: u64) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO intel_again (object, batch) VALUES ($1, $2)
            ON CONFLICT (object, batch) DO NOTHING";
        self.tx.execute(SQL, &[object.into(), batch.into()]).await?;
        Ok(())
    }

    /// Objects that name an identifier of any of these digests.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn referring(&mut self, targets: &[i64]) -> Result<BTreeSet<u64>, Error> {
        let mut all = BTreeSet::new();
        for targets in targets.chunks(AT_ONCE) {
            let params: Vec<Value> = targets.iter().copied().map(Value::from).collect();
            let marks = marks(1, targets.len());
            let sql = format!("SELECT source FROM intel_ref WHERE target IN ({marks})");
            for row in self.tx.query(&sql, &params).await? {
                all.insert(row.count(0)?);
            }
        }
        Ok(all)
    }

    /// The same of one, but for what a tool brought with the key of this hash.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn referring_of_others(&mut self, target: i64, key: &str) -> Result<Vec<u64>, Error> {
        const SQL: &str = "SELECT intel_ref.source FROM intel_ref
            JOIN intel_object ON intel_object.num = intel_ref.source
            JOIN intel_batch ON intel_batch.num = intel_object.batch
            WHERE intel_ref.target = $1 AND intel_batch.key <> $2";
        let rows = self.tx.query(SQL, &[target.into(), key.into()]).await?;
        rows.iter().map(|row| row.count(0)).collect()
    }

    /// Deletes every version of an object, with all that was kept of it; how many there were.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete(&mut self, id: &str, who: &str) -> Result<u64, Error> {
        self.remove(id, who, &Gone { key: String::new(), audience: Audience::NOBODY }).await
    }

    /// The same, and how it went.
    pub(super) async fn remove(&mut self, id: &str, who: &str, how: &Gone) -> Result<u64, Error> {
        const GONE: &str = "INSERT INTO intel_gone (id, at, who, key, audience)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (id) DO UPDATE SET at = $2, who = $3, key = $4, audience = $5";
        const DELETED: &str = "INSERT INTO setting (name, value) VALUES ('intel_last', $1)
            ON CONFLICT (name) DO UPDATE SET value = $1";
        let versions = self.versions(id).await?;
        for known in &versions {
            let num: Value = known.num.into();
            for sql in [
                "DELETE FROM intel_member WHERE object = $1",
                "DELETE FROM intel_again WHERE object = $1",
                "DELETE FROM intel_ref WHERE source = $1",
                "DELETE FROM intel_object WHERE num = $1",
            ] {
                self.tx.execute(sql, std::slice::from_ref(&num)).await?;
            }
            search::remove(&mut self.tx, Some(known.num)).await?;
            self.words.remove(&known.num);
            if let Some(fresh) = self.place_of(known.num) {
                *fresh = None;
            }
            let places = (known.num, 0)..=(known.num, u64::MAX);
            let places: Vec<_> = self.admitted.range(places).map(|(place, _)| *place).collect();
            for place in places {
                self.admitted.remove(&place);
            }
        }
        if let Some(last) = versions.last() {
            self.owe(id, last.version).await?;
            let highest = versions.iter().map(|known| known.num).max().unwrap_or_default();
            if highest > self.deleted {
                self.deleted = highest;
                self.tx.execute(DELETED, &[highest.to_string().as_str().into()]).await?;
            }
            let (now, key) = (self.now(), how.key.as_str());
            let params = [id.into(), now.into(), who.into(), key.into(), how.audience.into()];
            self.tx.execute(GONE, &params).await?;
        }
        Ok(versions.len() as u64)
    }

    /// Says to whoever made an addition what became of it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn status(&mut self, id: &str, key: &str, status: &str) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO intel_status (id, key, at, status) VALUES ($1, $2, $3, $4)";
        // For a week: whoever adds asks soon.
        const OLD: &str = "DELETE FROM intel_status WHERE key = $1 AND at < $2";
        let week = 7 * 24 * 3600 * 1_000_000;
        let now = self.now();
        self.tx.execute(OLD, &[key.into(), (now - week).into()]).await?;
        self.tx.execute(SQL, &[id.into(), key.into(), now.into(), status.into()]).await?;
        Ok(())
    }

    /// Remembers where a pull goes on.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn go_on(&mut self, remote: &str, cursor: &str) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO intel_cursor (remote, cursor) VALUES ($1, $2)
            ON CONFLICT (remote) DO UPDATE SET cursor = $2";
        self.tx.execute(SQL, &[remote.into(), cursor.into()]).await?;
        Ok(())
    }

    /// Throws the views of bodies away, to be made again with [`Intake::reindex`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn forget_views(&mut self) -> Result<(), Error> {
        self.tx.execute("DELETE FROM intel_ref", &[]).await?;
        search::remove(&mut self.tx, None).await
    }

    /// Makes the views of a body again.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn reindex(&mut self, num: u64, targets: &[i64], words: String) -> Result<(), Error> {
        self.refer(num, targets).await?;
        search::put(&mut self.tx, [(num, words)]).await
    }

    /// Puts a version into the index under other words.
    pub fn reword(&mut self, num: u64, words: String) {
        match self.fresh(num) {
            Some(fresh) => fresh.words = words,
            None => drop(self.words.insert(num, words)),
        }
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn commit(mut self) -> Result<(), Error> {
        const SQL: &str = "UPDATE intel_collection SET latest = $2 WHERE num = $1";
        self.accompany().await?;
        self.place().await?;
        let changed = std::mem::take(&mut self.words);
        for num in changed.keys() {
            search::remove(&mut self.tx, Some(*num)).await?;
        }
        let fresh = std::mem::take(&mut self.fresh);
        let fresh = (self.first..).zip(fresh).filter_map(|(num, one)| Some((num, one?.words)));
        search::put(&mut self.tx, changed.into_iter().chain(fresh)).await?;
        for (collection, latest) in std::mem::take(&mut self.latest) {
            self.tx.execute(SQL, &[collection.into(), latest.into()]).await?;
        }
        for (collection, id) in std::mem::take(&mut self.unordered) {
            self.order(collection, &id).await?;
        }
        let committed = self.tx.commit().await;
        // Whether or not: what is unknown is to be read again.
        self.changes.fetch_add(1, Ordering::AcqRel);
        committed
    }
}

/// Digests without repetition: an object is found by a name once.
#[must_use]
pub fn distinct(targets: impl IntoIterator<Item = i64>) -> Vec<i64> {
    targets.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

//! A unit of work: one transaction in which entries are taken, projected and made durable.

mod project;

use std::collections::BTreeMap;
use std::sync::Arc;

use comity_ledger::note::{Note, VerifierKey};
use comity_ledger::statement::Sealed;
use comity_ledger::{Checkpoint, Hash, Statement, Tiles, VerifiedStatement, tile};
use comity_rules::channel::{self, Channel, Entry, Receipt};
use comity_rules::content::{Letter, MAX_TITLE};
use comity_rules::request::Act;
use comity_rules::text::is_obeyed;
use comity_rules::thread::{Sides as _, View};
use comity_rules::{Kind, PartyId, Terms, Thread, ThreadId};
use jiff::Timestamp;

use crate::journal;
use crate::ledger::{self, Ledger, id_of};
use crate::request::Kept;
use crate::{Db, Error, Tx, Value};

/// Heads of one ledger that are kept before their entries are here.
const MAX_PROMISES: i64 = 64;

/// Opens sealed content with this node's keys; the error is the code that goes into the receipt.
pub type Opener = Arc<dyn Fn(Kind, &[u8], &Sealed) -> Result<Letter, &'static str> + Send + Sync>;

/// A transaction. Dropped without [`Work::commit`], nothing of it happened.
pub struct Work {
    /// The transaction itself, for what stands beside ledgers.
    pub tx: Tx,
    opener: Opener,
    ledgers: BTreeMap<String, Open>,
    threads: BTreeMap<ThreadId, Held>,
    /// Their ids by `seq`.
    seqs: BTreeMap<u64, ThreadId>,
    journal: Option<journal::Open>,
    arrival: Option<u64>,
    /// Whether a peer's card was replaced: whoever has cards in memory reads them again afterwards.
    pub new_cards: bool,
}

/// A ledger while the work goes on.
struct Open {
    ledger: Ledger,
    tiles: Option<Tiles>,
    /// Its size when it was loaded: what the store must still have at the end.
    loaded: u64,
}

/// A thread while the work goes on.
struct Held {
    thread: Thread,
    terms: String,
    title: Title,
    seq: u64,
}

/// The line by which a thread is known, the same in its translation, and what it goes on from; empty where there is
/// none.
#[derive(Default)]
struct Title {
    own: String,
    translated: String,
    /// The request that it goes on from.
    follows: String,
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its place in its ledger.
    pub index: u64,
    /// The refusal's code and text.
    pub refused: Option<(&'static str, String)>,
    /// The thread that it belongs to.
    pub thread: Option<ThreadId>,
}

impl Work {
    /// Begins.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn begin(db: &Db, opener: Opener) -> Result<Self, Error> {
        let tx = db.begin().await?;
        Ok(Self {
            tx,
            opener,
            ledgers: BTreeMap::new(),
            threads: BTreeMap::new(),
            seqs: BTreeMap::new(),
            journal: None,
            arrival: None,
            new_cards: false,
        })
    }

    /// Begins a ledger, one's own or a peer's.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create(
        &mut self,
        terms: &Terms,
        party: &PartyId,
        peer: &PartyId,
        key: &VerifierKey,
        mine: bool,
    ) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO ledger
            (id, terms, party, mine, vkey, size, verified, witnessed, channel)
            VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6)";
        let hash = terms.hash();
        let root = terms.party(party).map(|party| party.root.as_str());
        let root = root.ok_or_else(|| Error::Missing { what: "party", id: party.to_string() })?;
        let id = id_of(key.name());
        let mut channel = Channel::new(party.clone(), peer.clone(), key, hash, root);
        let other = self.other_of(&hash.to_hex(), mine).await?;
        channel.other = other.as_ref().map(|other| other.key.name().to_owned());
        let json = serde_json::to_string(&channel).map_err(Error::json)?;
        let params = [
            id.into(),
            hash.to_hex().into(),
            party.as_str().into(),
            mine.into(),
            key.to_string().into(),
            json.into(),
        ];
        self.tx.execute(SQL, &params).await?;
        if let Some(other) = other {
            self.ledger(&other.id).await?.channel.other = Some(key.name().to_owned());
        }
        Ok(())
    }

    /// A ledger, as it is at this point of the work.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn ledger(&mut self, id: &str) -> Result<&mut Ledger, Error> {
        Ok(&mut self.open(id).await?.ledger)
    }

    /// The other ledger under the same terms.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn other(&mut self, id: &str) -> Result<Option<Ledger>, Error> {
        let (terms, mine) = {
            let ledger = self.ledger(id).await?;
            (ledger.terms.clone(), ledger.mine)
        };
        self.other_of(&terms, mine).await
    }

    /// Keeps the ciphertext of an entry, which may still be to come; whether it was not here.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn keep(&mut self, id: &str, index: u64, ciphertext: &[u8]) -> Result<bool, Error> {
        const SQL: &str = "INSERT INTO content (ledger, idx, ciphertext) VALUES ($1, $2, $3)
            ON CONFLICT (ledger, idx) DO NOTHING";
        Ok(self.tx.execute(SQL, &[id.into(), index.into(), ciphertext.into()]).await? == 1)
    }

    /// Keeps the ciphertext of an entry that came before without it, and shows what it says.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn reveal(&mut self, id: &str, index: u64, ciphertext: &[u8]) -> Result<(), Error> {
        const ENTRY: &str = "SELECT statement.request, leaf.entry, statement.refused FROM statement
            JOIN leaf ON leaf.ledger = statement.ledger AND leaf.idx = statement.idx
            WHERE statement.ledger = $1 AND statement.idx = $2 AND statement.request IS NOT NULL";
        const SQL: &str = "UPDATE statement SET letter = $3 WHERE ledger = $1 AND idx = $2";
        if !self.keep(id, index, ciphertext).await? {
            return Ok(());
        }
        let row = self.tx.query_one(ENTRY, &[id.into(), index.into()]).await?;
        let Some((row, statement)) =
            row.and_then(|row| Statement::parse(row.blob(1).ok()?).ok().map(|s| (row, s)))
        else {
            return Ok(());
        };
        let body = statement.body();
        let (Some(kind), Some(sealed)) = (Kind::parse(&body.kind), body.sealed) else {
            return Ok(());
        };
        let letter = (self.opener)(kind, ciphertext, &sealed);
        let agrees = |letter: &Letter| Act::of(kind, body).is_ok_and(|act| letter.agrees(&act));
        let Some(letter) = letter.ok().filter(agrees) else { return Ok(()) };
        let opens = ThreadId::opened_by(statement.origin(), body.sequence) == ThreadId(body.thread);
        if let (Some(title), true) = (title(Some(&letter)), opens)
            && let Some(held) = self.thread_of(row.count(0)?).await?
        {
            held.title = title;
        }
        let kept = Kept::of(letter);
        if row.is_null(2) {
            self.limits((id, index), row.count(0)?, &kept).await?;
        }
        let json = serde_json::to_string(&kept).map_err(Error::json)?;
        self.tx.execute(SQL, &[id.into(), index.into(), json.into()]).await?;
        Ok(())
    }

    /// Appends an entry to a ledger and projects it. `letter` is its content where the caller has
    /// it; else it is opened from the ciphertext that was kept before.
    ///
    /// # Errors
    /// [`Error`]; an entry that is refused is no error: it is kept, and has no effect.
    pub async fn take(
        &mut self,
        id: &str,
        bytes: &[u8],
        letter: Option<Letter>,
    ) -> Result<Taken, Error> {
        self.append(id, bytes, Statement::parse(bytes), letter).await
    }

    /// Appends a statement that was signed here, with its content, and projects it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn state(
        &mut self,
        id: &str,
        statement: VerifiedStatement,
        letter: Option<Letter>,
    ) -> Result<Taken, Error> {
        let bytes = statement.entry().to_vec();
        self.append(id, &bytes, Ok(statement.into_inner()), letter).await
    }

    async fn append(
        &mut self,
        id: &str,
        bytes: &[u8],
        entry: Entry,
        letter: Option<Letter>,
    ) -> Result<Taken, Error> {
        const SQL: &str = "INSERT INTO leaf (ledger, idx, arrival, entry) VALUES ($1, $2, $3, $4)";
        let arrival = self.next_arrival().await?;
        let open = self.open_with_edge(id).await?;
        let index = open.ledger.size;
        if let Some(tiles) = &mut open.tiles {
            tiles.push(index, Hash::leaf(bytes));
        }
        open.ledger.size += 1;
        let params = [id.into(), index.into(), arrival.into(), bytes.into()];
        self.tx.execute(SQL, &params).await?;
        self.project(id, entry, arrival, letter).await
    }

    /// The root of a ledger at its present size.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn root(&mut self, id: &str) -> Result<(u64, Hash), Error> {
        let open = self.open_with_edge(id).await?;
        let size = open.ledger.size;
        let root = open.tiles.as_ref().map_or(Ok(Hash::EMPTY), |tiles| tiles.root(size))?;
        Ok((size, root))
    }

    /// The latest head of a ledger that was verified.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn verified(&mut self, id: &str) -> Result<Option<(u64, Hash)>, Error> {
        let size = self.ledger(id).await?.verified;
        let root = ledger::root(&mut self.tx, id, size).await?;
        Ok(root.filter(|_| size > 0).map(|root| (size, root)))
    }

    /// Adds cosignatures to a head. What others added meanwhile stays.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn cosign(&mut self, id: &str, size: u64, note: &Note) -> Result<(), Error> {
        const KNOWN: &str = "SELECT note FROM head WHERE ledger = $1 AND size = $2";
        const SQL: &str = "UPDATE head SET note = $3 WHERE ledger = $1 AND size = $2";
        let place = [id.into(), Value::from(size)];
        let Some(row) = self.tx.query_one(KNOWN, &place).await? else { return Ok(()) };
        let mut all = note.clone();
        all.merge(&Note::parse(row.text(0)?.as_bytes())?);
        self.tx.execute(SQL, &[id.into(), size.into(), all.to_string().into()]).await?;
        Ok(())
    }

    /// The root that a ledger would have after these further entries.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn root_after(&mut self, id: &str, entries: &[&[u8]]) -> Result<(u64, Hash), Error> {
        let open = self.open_with_edge(id).await?;
        let mut size = open.ledger.size;
        let mut tiles = open.tiles.clone().unwrap_or_default();
        for entry in entries {
            tiles.push(size, Hash::leaf(entry));
            size += 1;
        }
        Ok((size, tiles.root(size)?))
    }

    /// Notes a head that the ledger's key signed and that fits the entries here.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn head(&mut self, id: &str, head: &Checkpoint, note: &str) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO head (ledger, size, root, note, mirrored)
            VALUES ($1, $2, $3, $4, NULL) ON CONFLICT (ledger, size) DO NOTHING";
        let params = [id.into(), head.size.into(), head.root.to_hex().into(), note.into()];
        self.tx.execute(SQL, &params).await?;
        let ledger = self.ledger(id).await?;
        ledger.verified = ledger.verified.max(head.size);
        Ok(())
    }

    /// The note of the head of this size.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn note(&mut self, id: &str, size: u64) -> Result<Option<String>, Error> {
        const SQL: &str = "SELECT note FROM head WHERE ledger = $1 AND size = $2";
        let row = self.tx.query_one(SQL, &[id.into(), size.into()]).await?;
        row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
    }

    /// Notes that an outside quorum covered the ledger up to `size` at `time`; whether that says of
    /// any entry that it was there earlier than was known. A proof that does not changes nothing, and
    /// one that says less than another is dropped: so it is the same in whatever order proofs come.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn witnessed(
        &mut self,
        id: &str,
        size: u64,
        note: &str,
        time: Timestamp,
    ) -> Result<bool, Error> {
        const KNOWN: &str = "SELECT MIN(time) FROM history WHERE ledger = $1 AND size >= $2";
        const WEAKER: &str = "DELETE FROM history WHERE ledger = $1 AND size <= $2 AND time >= $3";
        const BEFORE: &str = "SELECT MAX(size) FROM history WHERE ledger = $1 AND size < $2";
        const SQL: &str = "INSERT INTO history (ledger, size, note, time) VALUES ($1, $2, $3, $4)";
        let (at, place) = (Value::from(time.as_second()), [id.into(), Value::from(size)]);
        if self.number(KNOWN, &place).await?.is_some_and(|known| known <= time.as_second()) {
            return Ok(false);
        }
        self.tx.execute(WEAKER, &[id.into(), size.into(), at.clone()]).await?;
        let from = self.number(BEFORE, &place).await?.unwrap_or(0);
        self.tx.execute(SQL, &[id.into(), size.into(), note.into(), at]).await?;
        let ledger = self.ledger(id).await?;
        ledger.witnessed = ledger.witnessed.max(size);
        self.times(id, (from.unsigned_abs(), size), Proof::Witness, time).await?;
        Ok(true)
    }

    /// Notes that the other side's mirror covered the ledger up to the head of `size` at `time`;
    /// whether that says of any entry that it was there earlier than was known.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn mirrored(&mut self, id: &str, size: u64, time: Timestamp) -> Result<bool, Error> {
        const KNOWN: &str = "SELECT MIN(mirrored) FROM head WHERE ledger = $1 AND size >= $2";
        const WEAKER: &str =
            "UPDATE head SET mirrored = NULL WHERE ledger = $1 AND size <= $2 AND mirrored >= $3";
        const BEFORE: &str = "SELECT MAX(size) FROM head
            WHERE ledger = $1 AND size < $2 AND mirrored IS NOT NULL";
        const SQL: &str = "UPDATE head SET mirrored = $3 WHERE ledger = $1 AND size = $2";
        let (at, place) = (Value::from(time.as_second()), [id.into(), Value::from(size)]);
        if self.number(KNOWN, &place).await?.is_some_and(|known| known <= time.as_second()) {
            return Ok(false);
        }
        let params = [id.into(), size.into(), at];
        self.tx.execute(WEAKER, &params).await?;
        let from = self.number(BEFORE, &place).await?.unwrap_or(0);
        self.tx.execute(SQL, &params).await?;
        self.times(id, (from.unsigned_abs(), size), Proof::Mirror, time).await?;
        Ok(true)
    }

    /// Notes that the other side may not know what proves the ledger's head of `size`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn news(&mut self, id: &str, size: u64) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO news (ledger, size) VALUES ($1, $2)
            ON CONFLICT (ledger, size) DO NOTHING";
        self.tx.execute(SQL, &[id.into(), size.into()]).await?;
        Ok(())
    }

    /// Notes that the other side knows it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn told(&mut self, id: &str, size: u64) -> Result<(), Error> {
        const SQL: &str = "DELETE FROM news WHERE ledger = $1 AND size = $2";
        self.tx.execute(SQL, &[id.into(), size.into()]).await?;
        Ok(())
    }

    /// Keeps a head over entries that are not all here yet, bounded; `Err` is another root that the
    /// ledger's key signed for the same size, with the note that says so.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn promised(
        &mut self,
        id: &str,
        head: &Checkpoint,
        note: &str,
    ) -> Result<Result<(), String>, Error> {
        const KNOWN: &str = "SELECT root, note FROM promise WHERE ledger = $1 AND size = $2";
        const SQL: &str = "INSERT INTO promise (ledger, size, root, note) VALUES ($1, $2, $3, $4)";
        const COUNT: &str = "SELECT COUNT(*) FROM promise WHERE ledger = $1";
        if let Some(row) = self.tx.query_one(KNOWN, &[id.into(), head.size.into()]).await? {
            let same = row.text(0)? == head.root.to_hex();
            return Ok(if same { Ok(()) } else { Err(row.text(1)?.to_owned()) });
        }
        if self.number(COUNT, &[id.into()]).await?.unwrap_or(0) < MAX_PROMISES {
            let params = [id.into(), head.size.into(), head.root.to_hex().into(), note.into()];
            self.tx.execute(SQL, &params).await?;
        }
        Ok(Ok(()))
    }

    /// The promised heads that a verified head covers now, taken out: each with its note.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn due_promises(&mut self, id: &str) -> Result<Vec<(u64, Hash, String)>, Error> {
        const SQL: &str = "SELECT size, root, note FROM promise WHERE ledger = $1 AND size <= $2
            ORDER BY size";
        const KEPT: &str = "DELETE FROM promise WHERE ledger = $1 AND size <= $2";
        let size = self.ledger(id).await?.verified;
        let rows = self.tx.query(SQL, &[id.into(), size.into()]).await?;
        if !rows.is_empty() {
            self.tx.execute(KEPT, &[id.into(), size.into()]).await?;
        }
        rows.iter()
            .map(|row| {
                let root = Hash::from_hex(row.text(1)?).ok_or_else(|| Error::damaged("root"))?;
                Ok((row.count(0)?, root, row.text(2)?.to_owned()))
            })
            .collect()
    }

    /// Notes how far the other side has a ledger.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delivered(&mut self, id: &str, entries: u64) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO delivery (ledger, entries) VALUES ($1, $2)
            ON CONFLICT (ledger) DO UPDATE SET entries = excluded.entries";
        self.tx.execute(SQL, &[id.into(), entries.into()]).await?;
        Ok(())
    }

    /// The receipts that this node owes for a peer's ledger, oldest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn owed(&mut self, id: &str) -> Result<Vec<Receipt>, Error> {
        const SQL: &str = "SELECT owed.idx, owed.code, leaf.entry FROM owed
            JOIN leaf ON leaf.ledger = owed.ledger AND leaf.idx = owed.idx
            WHERE owed.ledger = $1 ORDER BY owed.idx LIMIT $2";
        let rows = self.tx.query(SQL, &[id.into(), (channel::MAX_RECEIPTS as u64).into()]).await?;
        rows.iter()
            .map(|row| {
                let leaf = Hash::leaf(row.blob(2)?);
                Ok(Receipt { index: row.count(0)?, leaf, code: row.text(1)?.to_owned() })
            })
            .collect()
    }

    /// A thread, as it is at this point of the work, and the hash of its terms.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn thread(&mut self, id: ThreadId) -> Result<Option<(&Thread, &str)>, Error> {
        self.load_thread(id).await?;
        Ok(self.threads.get(&id).map(|held| (&held.thread, held.terms.as_str())))
    }

    /// Notes an act in the journal.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn journal(
        &mut self,
        at: Timestamp,
        who: &str,
        act: &str,
        about: &str,
    ) -> Result<(), Error> {
        let journal = match &mut self.journal {
            Some(journal) => journal,
            None => self.journal.insert(journal::Open::load(&mut self.tx).await?),
        };
        journal.note(&mut self.tx, at, who, act, about).await
    }

    /// Writes what changed and commits.
    ///
    /// # Errors
    /// [`Error::Moved`] where another writer changed a ledger meanwhile.
    pub async fn commit(mut self) -> Result<(), Error> {
        self.flush().await?;
        self.tx.commit().await
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        const SQL: &str = "UPDATE ledger SET size = $2, verified = $3, witnessed = $4, channel = $5
            WHERE id = $1 AND size = $6";
        for (id, mut open) in std::mem::take(&mut self.ledgers) {
            let channel = serde_json::to_string(&open.ledger.channel).map_err(Error::json)?;
            let Ledger { size, verified, witnessed, .. } = open.ledger;
            let params = [
                id.as_str().into(),
                size.into(),
                verified.into(),
                witnessed.into(),
                channel.into(),
                open.loaded.into(),
            ];
            if self.tx.execute(SQL, &params).await? != 1 {
                return Err(Error::Moved(id));
            }
            let changed = open.tiles.as_mut().map(Tiles::take_changed).unwrap_or_default();
            ledger::save_tiles(&mut self.tx, &id, changed).await?;
        }
        self.seqs.clear();
        for (_, held) in std::mem::take(&mut self.threads) {
            let Held { thread, terms, title, seq } = held;
            match &thread {
                Thread::Request(request) => {
                    let titles = [&title.own, &title.translated, &title.follows];
                    crate::request::save(&mut self.tx, request, &terms, titles, seq).await?;
                }
                Thread::Matter(matter) => {
                    crate::matter::save(&mut self.tx, matter, &terms, &title.own, seq).await?;
                }
            }
        }
        if let Some(journal) = self.journal.take() {
            journal.save(&mut self.tx).await?;
        }
        Ok(())
    }

    /// The root that a ledger had at `size`; `None` where it is not known, or never was so large.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn root_at(&mut self, id: &str, size: u64) -> Result<Option<Hash>, Error> {
        let known = match self.open_with_edge(id).await {
            Ok(open) => open.ledger.size >= size,
            Err(Error::Missing { .. }) => false,
            Err(error) => return Err(error),
        };
        if !known {
            return Ok(None);
        }
        if let Some(root) = ledger::root(&mut self.tx, id, size).await? {
            return Ok(Some(root));
        }
        self.load(id, &tile::edge(size)).await?;
        let tiles = self.open(id).await?.tiles.as_ref();
        Ok(tiles.and_then(|tiles| tiles.root(size).ok()))
    }

    /// The consistency proof from `old` entries of a ledger to `size`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn prove_consistency(
        &mut self,
        id: &str,
        old: u64,
        size: u64,
    ) -> Result<Vec<Hash>, Error> {
        let needed = if old == 0 || old == size { Vec::new() } else { tile::needed(0, old, size)? };
        self.load(id, &needed).await?;
        let tiles = self.open(id).await?.tiles.as_ref();
        Ok(tiles.map_or(Ok(Vec::new()), |tiles| tiles.prove_consistency(old, size))?)
    }

    /// The tree that a ledger would be if these were its entries from `at` on.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn turned(&mut self, id: &str, at: u64, entries: &[&[u8]]) -> Result<Tiles, Error> {
        self.load(id, &tile::edge(at)).await?;
        let mut tiles = self.open(id).await?.tiles.clone().unwrap_or_default();
        for (index, entry) in (at..).zip(entries) {
            tiles.push(index, Hash::leaf(entry));
        }
        Ok(tiles)
    }

    /// Has these tiles of a ledger at hand; those that changed in this work are.
    async fn load(&mut self, id: &str, tiles: &[tile::TileId]) -> Result<(), Error> {
        self.open_with_edge(id).await?;
        for &tile in tiles {
            let here =
                self.open(id).await?.tiles.as_ref().is_some_and(|tiles| tiles.contains(tile));
            if !here {
                let loaded = ledger::load_tiles(&mut self.tx, id, &[tile]).await?;
                if let (Some(tiles), Some(bytes)) =
                    (&mut self.open(id).await?.tiles, loaded.whole(tile))
                {
                    tiles.insert(tile, &bytes)?;
                }
            }
        }
        Ok(())
    }

    async fn load_thread(&mut self, id: ThreadId) -> Result<(), Error> {
        if self.threads.contains_key(&id) {
            return Ok(());
        }
        let held = if let Some(row) = crate::request::load(&mut self.tx, id).await? {
            let crate::request::Summary { request, terms, title, translated, follows, seq } = row;
            let title = Title { own: title, translated, follows };
            Some(Held { thread: Thread::Request(request), terms, title, seq })
        } else {
            crate::matter::load(&mut self.tx, id).await?.map(|row| {
                let crate::matter::Summary { matter, terms, title, seq } = row;
                let title = Title { own: title, ..Title::default() };
                Held { thread: Thread::Matter(matter), terms, title, seq }
            })
        };
        if let Some(held) = held {
            self.hold(held);
        }
        Ok(())
    }

    fn hold(&mut self, held: Held) {
        self.seqs.insert(held.seq, held.thread.id());
        self.threads.insert(held.thread.id(), held);
    }

    /// The thread of this number.
    async fn thread_of(&mut self, seq: u64) -> Result<Option<&mut Held>, Error> {
        const SQL: &str = "SELECT thread FROM request WHERE seq = $1
            UNION ALL SELECT thread FROM matter WHERE seq = $1";
        let id = match self.seqs.get(&seq) {
            Some(id) => *id,
            None => match self.tx.query_one(SQL, &[seq.into()]).await? {
                Some(row) => row.text(0)?.parse().map_err(Error::damaged)?,
                None => return Ok(None),
            },
        };
        self.load_thread(id).await?;
        Ok(self.threads.get_mut(&id))
    }

    async fn other_of(&mut self, terms: &str, mine: bool) -> Result<Option<Ledger>, Error> {
        let found = |ledger: &Ledger| ledger.terms == terms && ledger.mine != mine;
        if let Some(open) = self.ledgers.values().find(|open| found(&open.ledger)) {
            return Ok(Some(open.ledger.clone()));
        }
        const SQL: &str = "SELECT id FROM ledger WHERE terms = $1 AND mine <> $2";
        let Some(row) = self.tx.query_one(SQL, &[terms.into(), mine.into()]).await? else {
            return Ok(None);
        };
        let id = row.text(0)?.to_owned();
        Ok(Some(self.ledger(&id).await?.clone()))
    }

    async fn open(&mut self, id: &str) -> Result<&mut Open, Error> {
        if !self.ledgers.contains_key(id) {
            let ledger = ledger::load(&mut self.tx, id).await?;
            let loaded = ledger.size;
            self.ledgers.insert(id.to_owned(), Open { ledger, tiles: None, loaded });
        }
        self.ledgers.get_mut(id).ok_or_else(|| Error::damaged("ledger"))
    }

    async fn open_with_edge(&mut self, id: &str) -> Result<&mut Open, Error> {
        let open = self.open(id).await?;
        if open.tiles.is_none() {
            let edge = tile::edge(open.ledger.size);
            let tiles = ledger::load_tiles(&mut self.tx, id, &edge).await?;
            self.open(id).await?.tiles = Some(tiles);
        }
        self.open(id).await
    }

    /// The one number that a query gives; `None` where it gives none.
    async fn number(&mut self, sql: &str, params: &[Value]) -> Result<Option<i64>, Error> {
        let row = self.tx.query_one(sql, params).await?;
        row.filter(|row| !row.is_null(0)).map(|row| row.int(0)).transpose()
    }

    async fn next_arrival(&mut self) -> Result<u64, Error> {
        let next = match self.arrival {
            Some(next) => next,
            None => {
                let last = self.number("SELECT MAX(arrival) FROM leaf", &[]).await?;
                last.map_or(0, |last| last.unsigned_abs() + 1)
            }
        };
        self.arrival = Some(next + 1);
        Ok(next)
    }
}

/// Whose proof gives a time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof {
    Witness,
    Mirror,
}

/// The view of the thread's two ledgers that the author of the next statement in `own` has.
#[must_use]
pub fn view(thread: &Thread, own: &Ledger, other: Option<&Ledger>) -> View {
    let (own_size, other_size) = (own.size, other.map_or(0, |other| other.verified));
    if own.party == *thread.opener() {
        View { asked: own_size, answered: other_size }
    } else {
        View { asked: other_size, answered: own_size }
    }
}

/// A peer's text without what would be taken for more than text.
fn plain(text: &str) -> String {
    text.replace(is_obeyed, "\u{fffd}")
}

fn title(letter: Option<&Letter>) -> Option<Title> {
    let letter = letter?;
    // Lists show it: whoever wrote it makes no page long with it.
    let line = |text: &str| plain(text).chars().take(MAX_TITLE).collect();
    let translated = letter.translated_title().map(line).unwrap_or_default();
    let follows = letter.follows().map(line).unwrap_or_default();
    Some(Title { own: line(letter.title()?), translated, follows })
}

//! Ledgers: rows, entries, tiles, heads and witnessed history, for reading.

use comity_ledger::tile::TileId;
use comity_ledger::{Hash, Tiles, VerifierKey};
use comity_rules::PartyId;
use comity_rules::channel::Channel;
use jiff::Timestamp;

use crate::{Db, Error, Row, Tx, Value};

/// A ledger as it is kept here: one's own, or the copy of a peer's.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    /// SHA-256 of its origin, in hexadecimal: its name in paths.
    pub id: String,
    /// Hash of the terms it is kept under, in hexadecimal.
    pub terms: String,
    /// Whose it is.
    pub party: PartyId,
    /// Whether it is this node's own.
    pub mine: bool,
    /// Its key, named for its origin.
    pub key: VerifierKey,
    /// Entries here.
    pub size: u64,
    /// Size of the latest head that its key signed and that fits the entries.
    pub verified: u64,
    /// Size of the latest witnessed checkpoint.
    pub witnessed: u64,
    /// The gate's state after the entries.
    pub channel: Channel,
}

/// A head of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How many entries.
    pub size: u64,
    /// The root.
    pub root: Hash,
    /// The signed checkpoint.
    pub note: String,
    /// When the peer's mirror covered it.
    pub mirrored: Option<Timestamp>,
}

/// A witnessed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// How many entries it covers.
    pub size: u64,
    /// The checkpoint with its cosignatures.
    pub note: String,
    /// The outside witnesses' time.
    pub time: Timestamp,
}

/// The id of the ledger of this origin.
#[must_use]
pub fn id_of(origin: &str) -> String {
    Hash::of(origin.as_bytes()).to_hex()
}

const COLUMNS: &str = "id, terms, party, mine, vkey, size, verified, witnessed, channel";

/// Every ledger here, one's own first.
///
/// # Errors
/// [`Error`].
pub async fn list(db: &Db) -> Result<Vec<Ledger>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM ledger ORDER BY terms, mine DESC");
    db.query(&sql, &[]).await?.iter().map(read).collect()
}

/// The ledger of this id.
///
/// # Errors
/// [`Error::Missing`].
pub async fn show(db: &Db, id: &str) -> Result<Ledger, Error> {
    let sql = format!("SELECT {COLUMNS} FROM ledger WHERE id = $1");
    found(db.query_one(&sql, &[id.into()]).await?.as_ref(), id)
}

pub(crate) async fn load(tx: &mut Tx, id: &str) -> Result<Ledger, Error> {
    let sql = format!("SELECT {COLUMNS} FROM ledger WHERE id = $1");
    found(tx.query_one(&sql, &[id.into()]).await?.as_ref(), id)
}

/// The other ledger under the same terms, as committed.
///
/// # Errors
/// [`Error`].
pub async fn counterpart(db: &Db, ledger: &Ledger) -> Result<Option<Ledger>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM ledger WHERE terms = $1 AND mine <> $2");
    let row = db.query_one(&sql, &[ledger.terms.as_str().into(), ledger.mine.into()]).await?;
    row.as_ref().map(read).transpose()
}

/// The entries `[from, to)`, as many as there are.
///
/// # Errors
/// [`Error`].
pub async fn entries(db: &Db, id: &str, from: u64, to: u64) -> Result<Vec<Vec<u8>>, Error> {
    const SQL: &str =
        "SELECT entry FROM leaf WHERE ledger = $1 AND idx >= $2 AND idx < $3 ORDER BY idx";
    let rows = db.query(SQL, &[id.into(), from.into(), to.into()]).await?;
    rows.iter().map(|row| Ok(row.blob(0)?.to_vec())).collect()
}

/// The ciphertext of an entry, if it is here.
///
/// # Errors
/// [`Error`].
pub async fn ciphertext(db: &Db, id: &str, index: u64) -> Result<Option<Vec<u8>>, Error> {
    let row = db.query_one(CIPHERTEXT, &[id.into(), index.into()]).await?;
    row.map(|row| Ok(row.blob(0)?.to_vec())).transpose()
}

/// These tiles, as they are now: at least as wide as any committed size needs.
///
/// # Errors
/// [`Error`].
pub async fn tiles(db: &Db, id: &str, wanted: &[TileId]) -> Result<Tiles, Error> {
    let mut tiles = Tiles::default();
    for tile in wanted {
        if let Some(row) = db.query_one(TILE, &tile_params(id, *tile)).await? {
            tiles.insert(*tile, row.blob(0)?)?;
        }
    }
    Ok(tiles)
}

pub(crate) async fn load_tiles(tx: &mut Tx, id: &str, wanted: &[TileId]) -> Result<Tiles, Error> {
    let mut tiles = Tiles::default();
    for tile in wanted {
        if let Some(row) = tx.query_one(TILE, &tile_params(id, *tile)).await? {
            tiles.insert(*tile, row.blob(0)?)?;
        }
    }
    Ok(tiles)
}

pub(crate) async fn save_tiles(
    tx: &mut Tx,
    id: &str,
    changed: Vec<(TileId, Vec<u8>)>,
) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO tile (ledger, level, number, hashes) VALUES ($1, $2, $3, $4)
        ON CONFLICT (ledger, level, number) DO UPDATE SET hashes = excluded.hashes";
    for (tile, hashes) in changed {
        let mut params = tile_params(id, tile).to_vec();
        params.push(hashes.into());
        tx.execute(SQL, &params).await?;
    }
    Ok(())
}

pub(crate) const CIPHERTEXT: &str = "SELECT ciphertext FROM content WHERE ledger = $1 AND idx = $2";

const TILE: &str = "SELECT hashes FROM tile WHERE ledger = $1 AND level = $2 AND number = $3";

fn tile_params(id: &str, tile: TileId) -> [Value; 3] {
    [id.into(), i64::from(tile.level).into(), tile.number.into()]
}

/// The head of this size; the latest where no size is given.
///
/// # Errors
/// [`Error`].
pub async fn head(db: &Db, id: &str, size: Option<u64>) -> Result<Option<Head>, Error> {
    const EXACT: &str =
        "SELECT size, root, note, mirrored FROM head WHERE ledger = $1 AND size = $2";
    const LATEST: &str =
        "SELECT size, root, note, mirrored FROM head WHERE ledger = $1 ORDER BY size DESC LIMIT 1";
    let row = match size {
        Some(size) => db.query_one(EXACT, &[id.into(), size.into()]).await?,
        None => db.query_one(LATEST, &[id.into()]).await?,
    };
    row.as_ref().map(read_head).transpose()
}

/// Whether the other side is known to have taken an entry of one's own: it asked for what follows, or
/// receipted it.
///
/// # Errors
/// [`Error`].
pub async fn has_taken(db: &Db, id: &str, index: u64) -> Result<bool, Error> {
    const OWED: &str = "SELECT 1 FROM owed WHERE ledger = $1 AND idx = $2";
    Ok(delivered(db, id).await? > index
        || db.query_one(OWED, &[id.into(), index.into()]).await?.is_none())
}

/// The root of the head of this size, where there is one.
pub(crate) async fn root(tx: &mut Tx, id: &str, size: u64) -> Result<Option<Hash>, Error> {
    const SQL: &str = "SELECT root FROM head WHERE ledger = $1 AND size = $2";
    let row = tx.query_one(SQL, &[id.into(), size.into()]).await?;
    row.map(|row| hash(row.text(0)?)).transpose()
}

/// The first witnessed checkpoint of at least this size: the one that gives the time of the entry
/// before it.
///
/// # Errors
/// [`Error`].
pub async fn history(db: &Db, id: &str, size: u64) -> Result<Option<Witnessed>, Error> {
    const SQL: &str = "SELECT size, note, time FROM history WHERE ledger = $1 AND size >= $2
        ORDER BY size LIMIT 1";
    let row = db.query_one(SQL, &[id.into(), size.into()]).await?;
    row.as_ref().map(read_witnessed).transpose()
}

/// The latest witnessed checkpoint.
///
/// # Errors
/// [`Error`].
pub async fn latest_witnessed(db: &Db, id: &str) -> Result<Option<Witnessed>, Error> {
    const SQL: &str =
        "SELECT size, note, time FROM history WHERE ledger = $1 ORDER BY size DESC LIMIT 1";
    db.query_one(SQL, &[id.into()]).await?.as_ref().map(read_witnessed).transpose()
}

/// The first head of at least this size that something proves: an outside quorum, or the other
/// side's mirror.
///
/// # Errors
/// [`Error`].
pub async fn proven(db: &Db, id: &str, size: u64) -> Result<Option<Head>, Error> {
    const SQL: &str = "SELECT head.size, head.root, head.note, head.mirrored FROM head
        LEFT JOIN history ON history.ledger = head.ledger AND history.size = head.size
        WHERE head.ledger = $1 AND head.size >= $2
            AND (head.mirrored IS NOT NULL OR history.size IS NOT NULL)
        ORDER BY head.size LIMIT 1";
    db.query_one(SQL, &[id.into(), size.into()]).await?.as_ref().map(read_head).transpose()
}

/// The first head, of the ledgers under these terms, of which the other side may not know what
/// proves it: the ledger's id, and the size.
///
/// # Errors
/// [`Error`].
pub async fn news(db: &Db, terms: &str) -> Result<Option<(String, u64)>, Error> {
    const SQL: &str = "SELECT news.ledger, news.size FROM news
        JOIN ledger ON ledger.id = news.ledger WHERE ledger.terms = $1
        ORDER BY news.size LIMIT 1";
    let row = db.query_one(SQL, &[terms.into()]).await?;
    row.map(|row| Ok((row.text(0)?.to_owned(), row.count(1)?))).transpose()
}

/// How many statements of this ledger have no receipt by the other side yet, and the first of them.
///
/// # Errors
/// [`Error`].
pub async fn unreceipted(db: &Db, id: &str) -> Result<(u64, Option<u64>), Error> {
    const SQL: &str = "SELECT COUNT(*), MIN(idx) FROM owed WHERE ledger = $1";
    let Some(row) = db.query_one(SQL, &[id.into()]).await? else { return Ok((0, None)) };
    let first = if row.is_null(1) { None } else { Some(row.count(1)?) };
    Ok((row.count(0)?, first))
}

/// The largest size of a head that this ledger's key signed over entries that are not all here.
///
/// # Errors
/// [`Error`].
pub async fn promised(db: &Db, id: &str) -> Result<u64, Error> {
    const SQL: &str = "SELECT MAX(size) FROM promise WHERE ledger = $1";
    let row = db.query_one(SQL, &[id.into()]).await?.filter(|row| !row.is_null(0));
    row.map_or(Ok(0), |row| row.count(0))
}

/// How much of this ledger the other side's mirror covers.
///
/// # Errors
/// [`Error`].
pub async fn mirrored(db: &Db, id: &str) -> Result<u64, Error> {
    const SQL: &str = "SELECT size FROM head WHERE ledger = $1 AND mirrored IS NOT NULL
        ORDER BY size DESC LIMIT 1";
    db.query_one(SQL, &[id.into()]).await?.map_or(Ok(0), |row| row.count(0))
}

/// The id of this party's own ledger under terms, by their hash.
///
/// # Errors
/// [`Error`].
pub async fn own_under(db: &Db, terms: &str) -> Result<Option<String>, Error> {
    const SQL: &str = "SELECT id FROM ledger WHERE terms = $1 AND mine = 1";
    let row = db.query_one(SQL, &[terms.into()]).await?;
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

/// How many entries of this ledger the other side has.
///
/// # Errors
/// [`Error`].
pub async fn delivered(db: &Db, id: &str) -> Result<u64, Error> {
    const SQL: &str = "SELECT entries FROM delivery WHERE ledger = $1";
    db.query_one(SQL, &[id.into()]).await?.map_or(Ok(0), |row| row.count(0))
}

fn found(row: Option<&Row>, id: &str) -> Result<Ledger, Error> {
    read(row.ok_or_else(|| Error::Missing { what: "ledger", id: id.to_owned() })?)
}

fn read(row: &Row) -> Result<Ledger, Error> {
    Ok(Ledger {
        id: row.text(0)?.to_owned(),
        terms: row.text(1)?.to_owned(),
        party: row.text(2)?.parse().map_err(Error::damaged)?,
        mine: row.int(3)? != 0,
        key: VerifierKey::parse(row.text(4)?)?,
        size: row.count(5)?,
        verified: row.count(6)?,
        witnessed: row.count(7)?,
        channel: serde_json::from_str(row.text(8)?).map_err(Error::json)?,
    })
}

fn read_head(row: &Row) -> Result<Head, Error> {
    Ok(Head {
        size: row.count(0)?,
        root: hash(row.text(1)?)?,
        note: row.text(2)?.to_owned(),
        mirrored: if row.is_null(3) { None } else { Some(time(row.int(3)?)?) },
    })
}

fn read_witnessed(row: &Row) -> Result<Witnessed, Error> {
    Ok(Witnessed { size: row.count(0)?, note: row.text(1)?.to_owned(), time: time(row.int(2)?)? })
}

pub(crate) fn time(seconds: i64) -> Result<Timestamp, Error> {
    Timestamp::from_second(seconds).map_err(Error::damaged)
}

fn hash(text: &str) -> Result<Hash, Error> {
    Hash::from_hex(text).ok_or_else(|| Error::damaged("a root is no hash"))
}

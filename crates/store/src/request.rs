//! Requests: the view that desks and lists read.

use comity_ledger::Hash;
use comity_rules::content::Letter;
use comity_rules::thread::View;
use comity_rules::{Kind, Request, ThreadId};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::db::marks;
use crate::{Db, Error, Row, Tx};

/// A request with what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its state.
    pub request: Request,
    /// Hash of the terms, in hexadecimal.
    pub terms: String,
    /// Its title; empty where its content is not to be had.
    pub title: String,
    /// Its title in the translation that came with it; empty without.
    pub translated: String,
    /// The request that it goes on from; empty where that is none.
    pub follows: String,
    /// The order in which requests came to this node: the cursor of lists.
    pub seq: u64,
}

/// A statement of a thread with its readable content.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Which ledger.
    pub ledger: String,
    /// Where in it.
    pub index: u64,
    /// Its kind on the wire.
    pub kind: String,
    /// The refusal's code.
    pub refused: Option<String>,
    /// Its content, where it could be opened.
    pub kept: Option<Kept>,
}

/// A letter as it is kept for reading: the bytes of its files stay in the ciphertext.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The letter, its attachments without their bytes.
    pub letter: Letter,
    /// What is known of the attachments.
    pub files: Vec<File>,
}

/// An attachment's size and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Bytes.
    pub size: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

impl Kept {
    /// Takes the bytes out of a letter.
    #[must_use]
    pub fn of(mut letter: Letter) -> Self {
        let file =
            |bytes: &[u8]| File { size: bytes.len() as u64, sha256: Hash::of(bytes).to_hex() };
        let files = letter.attachments().iter().map(|attachment| file(&attachment.bytes)).collect();
        letter.attachments_mut().iter_mut().for_each(|file| file.bytes = Vec::new());
        Self { letter, files }
    }
}

const COLUMNS: &str = "state, terms, title, translated, follows, seq";

/// Requests after the cursor `before`, newest first; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn list(
    db: &Db,
    open_only: bool,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<Summary>, Error> {
    // In these words the index of what is open serves, however much is over.
    let only = if open_only { "over = 0 AND" } else { "" };
    let sql =
        format!("SELECT {COLUMNS} FROM request WHERE {only} seq < $1 ORDER BY seq DESC LIMIT $2");
    let before = before.unwrap_or(u64::MAX);
    db.query(&sql, &[before.into(), limit.into()]).await?.iter().map(read).collect()
}

/// The requests under these terms after the cursor `after`, oldest first, each with its cursor; at most
/// `limit`.
///
/// # Errors
/// [`Error`].
pub async fn under(
    db: &Db,
    terms: &str,
    after: u64,
    limit: u64,
) -> Result<Vec<(u64, Request)>, Error> {
    const SQL: &str = "SELECT seq, state FROM request WHERE terms = $1 AND seq > $2
        ORDER BY seq LIMIT $3";
    let rows = db.query(SQL, &[terms.into(), after.into(), limit.into()]).await?;
    let read =
        |row: &Row| Ok((row.count(0)?, serde_json::from_str(row.text(1)?).map_err(Error::json)?));
    rows.iter().map(read).collect()
}

/// The letters of these kinds in a ledger's entries `[from, to)`, with their places; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn letters<const N: usize>(
    db: &Db,
    ledger: &str,
    kinds: [Kind; N],
    (from, to): (u64, u64),
    limit: u64,
) -> Result<Vec<(u64, Letter)>, Error> {
    let sql = format!(
        "SELECT idx, letter FROM statement WHERE ledger = $1 AND idx >= $2 AND idx < $3
         AND letter IS NOT NULL AND kind IN ({}) ORDER BY idx LIMIT $4",
        marks(5, N)
    );
    let mut params = vec![ledger.into(), from.into(), to.into(), limit.into()];
    params.extend(kinds.map(|kind| kind.as_str().into()));
    let rows = db.query(&sql, &params).await?;
    let read = |row: &Row| {
        let kept: Kept = serde_json::from_str(row.text(1)?).map_err(Error::json)?;
        Ok((row.count(0)?, kept.letter))
    };
    rows.iter().map(read).collect()
}

/// The threads that have dates in their limits of use from `from` until before `until`, with what ends or
/// is due then; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn limits(
    db: &Db,
    (from, until): (Date, Date),
    limit: u64,
) -> Result<Vec<(ThreadId, String, Date)>, Error> {
    const SQL: &str = "SELECT request.thread, limit_of.what, limit_of.day FROM limit_of
        JOIN request ON request.seq = limit_of.request
        WHERE limit_of.day >= $1 AND limit_of.day < $2 ORDER BY limit_of.day, limit_of.ledger, limit_of.idx, limit_of.what LIMIT $3";
    let days = [from.to_string().into(), until.to_string().into(), limit.into()];
    let rows = db.query(SQL, &days).await?;
    let read = |row: &Row| {
        let thread = row.text(0)?.parse().map_err(Error::damaged)?;
        let day = row.text(2)?.parse().map_err(Error::damaged)?;
        Ok((thread, row.text(1)?.to_owned(), day))
    };
    rows.iter().map(read).collect()
}

/// The request of this thread.
///
/// # Errors
/// [`Error::Missing`].
pub async fn show(db: &Db, thread: ThreadId) -> Result<Summary, Error> {
    let sql = format!("SELECT {COLUMNS} FROM request WHERE thread = $1");
    let row = db.query_one(&sql, &[thread.to_string().into()]).await?;
    read(&row.ok_or_else(|| Error::Missing { what: "request", id: thread.to_string() })?)
}

/// The requests that go on from this one, the latest first; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn following(db: &Db, thread: ThreadId, limit: u64) -> Result<Vec<Summary>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM request WHERE follows = $1 ORDER BY seq DESC LIMIT $2");
    let params = [thread.to_string().into(), limit.into()];
    db.query(&sql, &params).await?.iter().map(read).collect()
}

/// The requests that were closed when they were scored, or since, by the latest scores in a ledger.
///
/// # Errors
/// [`Error`].
pub async fn scored(db: &Db, ledger: &str, limit: u64) -> Result<Vec<Summary>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM request WHERE over = 1 AND thread IN (SELECT thread FROM statement
         WHERE ledger = $1 AND kind = 'request.assess/1' ORDER BY idx DESC LIMIT $2)"
    );
    db.query(&sql, &[ledger.into(), limit.into()]).await?.iter().map(read).collect()
}

/// The hash of the terms under which this thread, of whatever sort, was opened; `None` where there is none.
///
/// # Errors
/// [`Error`].
pub async fn terms(db: &Db, thread: ThreadId) -> Result<Option<String>, Error> {
    const SQL: &str = "SELECT terms FROM request WHERE thread = $1
        UNION ALL SELECT terms FROM matter WHERE thread = $1";
    let row = db.query_one(SQL, &[thread.to_string().into()]).await?;
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

/// The threads whose id begins with these digits; at most two, which is one too many.
///
/// # Errors
/// [`Error`].
pub async fn find(db: &Db, prefix: &str) -> Result<Vec<ThreadId>, Error> {
    const SQL: &str = "SELECT thread FROM request WHERE thread >= $1 AND thread < $2
        UNION ALL SELECT thread FROM matter WHERE thread >= $1 AND thread < $2 LIMIT 2";
    // `g` stands after every hexadecimal digit and the hyphen.
    let rows = db.query(SQL, &[prefix.into(), format!("{prefix}g").into()]).await?;
    rows.iter().map(|row| row.text(0)?.parse().map_err(Error::damaged)).collect()
}

/// The statements of a thread.
///
/// # Errors
/// [`Error`].
pub async fn statements(db: &Db, thread: ThreadId) -> Result<Vec<Statement>, Error> {
    const SQL: &str = "SELECT ledger, idx, kind, refused, letter FROM statement
        WHERE request = COALESCE((SELECT seq FROM request WHERE thread = $1),
            (SELECT seq FROM matter WHERE thread = $1)) ORDER BY ledger, idx";
    let rows = db.query(SQL, &[thread.to_string().into()]).await?;
    rows.iter()
        .map(|row| {
            let kept = if row.is_null(4) { None } else { Some(row.text(4)?) };
            let kept = kept.map(serde_json::from_str).transpose().map_err(Error::json)?;
            Ok(Statement {
                ledger: row.text(0)?.to_owned(),
                index: row.count(1)?,
                kind: row.text(2)?.to_owned(),
                refused: if row.is_null(3) { None } else { Some(row.text(3)?.to_owned()) },
                kept,
            })
        })
        .collect()
}

pub(crate) async fn load(tx: &mut Tx, thread: ThreadId) -> Result<Option<Summary>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM request WHERE thread = $1");
    tx.query_one(&sql, &[thread.to_string().into()]).await?.as_ref().map(read).transpose()
}

pub(crate) async fn save(
    tx: &mut Tx,
    request: &Request,
    terms: &str,
    [title, translated, follows]: [&String; 3],
    seq: u64,
) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO request
        (thread, seq, terms, asker, receiver, title, translated, follows, status, desired,
            over, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (thread) DO UPDATE SET title = excluded.title,
            translated = excluded.translated, follows = excluded.follows, status = excluded.status,
            desired = excluded.desired, over = excluded.over, state = excluded.state";
    let standing = request.standing(View::ALL);
    let state = serde_json::to_string(request).map_err(Error::json)?;
    let params = [
        request.thread.to_string().into(),
        seq.into(),
        terms.into(),
        request.asker.as_str().into(),
        request.receiver.as_str().into(),
        title.as_str().into(),
        translated.as_str().into(),
        follows.as_str().into(),
        standing.status.as_str().into(),
        standing.desired.as_str().into(),
        standing.is_over().into(),
        state.into(),
    ];
    tx.execute(SQL, &params).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Summary, Error> {
    Ok(Summary {
        request: serde_json::from_str(row.text(0)?).map_err(Error::json)?,
        terms: row.text(1)?.to_owned(),
        title: row.text(2)?.to_owned(),
        translated: row.text(3)?.to_owned(),
        follows: row.text(4)?.to_owned(),
        seq: row.count(5)?,
    })
}

//! Matters other than requests: the view that pages and commands read.

use comity_rules::matter::{Signal, Topic};
use comity_rules::thread::View;
use comity_rules::{Matter, PartyId, ThreadId};

use crate::{Db, Error, Row, Tx};

/// A matter with what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its state.
    pub matter: Matter,
    /// Hash of the terms, in hexadecimal.
    pub terms: String,
    /// Its title; empty where its content is not to be had.
    pub title: String,
    /// The order in which threads came to this node: the cursor of lists.
    pub seq: u64,
}

const COLUMNS: &str = "state, terms, title, seq";

/// The matters about a topic after the cursor `before`, newest first; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn list(
    db: &Db,
    topic: Topic,
    open_only: bool,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<Summary>, Error> {
    let only = if open_only { "over = 0 AND" } else { "" };
    let sql = format!(
        "SELECT {COLUMNS} FROM matter WHERE {only} topic = $1 AND seq < $2
         ORDER BY seq DESC LIMIT $3"
    );
    let before = before.unwrap_or(u64::MAX);
    let params = [topic.as_str().into(), before.into(), limit.into()];
    db.query(&sql, &params).await?.iter().map(read).collect()
}

/// Threads of the hotline under these terms, exercises apart: the latest before a cursor, each with its own.
///
/// # Errors
/// [`Error`].
pub async fn calls(
    db: &Db,
    terms: &str,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<(u64, Matter)>, Error> {
    const SQL: &str = "SELECT seq, state FROM matter
        WHERE terms = $1 AND topic = $2 AND exercise = 0 AND seq < $3 ORDER BY seq DESC LIMIT $4";
    let before = before.unwrap_or(i64::MAX as u64);
    let params = [terms.into(), Topic::Hotline.as_str().into(), before.into(), limit.into()];
    read_states(&db.query(SQL, &params).await?)
}

/// Threads of the hotline that this party opened with this signal under these terms, exercises apart: the latest before a
/// cursor, each with its own.
///
/// # Errors
/// [`Error`].
pub async fn signals(
    db: &Db,
    terms: &str,
    (opener, signal): (&PartyId, Signal),
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<(u64, Matter)>, Error> {
    const SQL: &str = "SELECT seq, state FROM matter
        WHERE terms = $1 AND signal = $2 AND opener = $3 AND exercise = 0 AND seq < $4
        ORDER BY seq DESC LIMIT $5";
    let before = before.unwrap_or(i64::MAX as u64);
    let (signal, opener) = (signal.as_str(), opener.as_str());
    let params = [terms.into(), signal.into(), opener.into(), before.into(), limit.into()];
    read_states(&db.query(SQL, &params).await?)
}

/// Every matter about a topic under these terms, oldest first.
///
/// # Errors
/// [`Error`].
pub async fn about(db: &Db, topic: Topic, terms: &str) -> Result<Vec<Matter>, Error> {
    const SQL: &str = "SELECT state FROM matter WHERE topic = $1 AND terms = $2 ORDER BY seq";
    let rows = db.query(SQL, &[topic.as_str().into(), terms.into()]).await?;
    rows.iter().map(|row| serde_json::from_str(row.text(0)?).map_err(Error::json)).collect()
}

/// The matters under these terms after the cursor `after`, oldest first, each with its cursor; at most
/// `limit`.
///
/// # Errors
/// [`Error`].
pub async fn under(
    db: &Db,
    terms: &str,
    after: u64,
    limit: u64,
) -> Result<Vec<(u64, Matter)>, Error> {
    const SQL: &str =
        "SELECT seq, state FROM matter WHERE terms = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    read_states(&db.query(SQL, &[terms.into(), after.into(), limit.into()]).await?)
}

fn read_states(rows: &[Row]) -> Result<Vec<(u64, Matter)>, Error> {
    let read =
        |row: &Row| Ok((row.count(0)?, serde_json::from_str(row.text(1)?).map_err(Error::json)?));
    rows.iter().map(read).collect()
}

/// The matter of this thread.
///
/// # Errors
/// [`Error::Missing`].
pub async fn show(db: &Db, thread: ThreadId) -> Result<Summary, Error> {
    let sql = format!("SELECT {COLUMNS} FROM matter WHERE thread = $1");
    let row = db.query_one(&sql, &[thread.to_string().into()]).await?;
    read(&row.ok_or_else(|| Error::Missing { what: "matter", id: thread.to_string() })?)
}

/// Takes away what was said in these entries of a ledger: letters, titles and ciphertexts. The statements stay.
///
/// # Errors
/// [`Error`].
pub async fn forget(db: &Db, ledger: &str, entries: &[u64]) -> Result<(), Error> {
    const LETTER: &str = "UPDATE statement SET letter = NULL WHERE ledger = $1 AND idx = $2";
    const CIPHERTEXT: &str = "DELETE FROM content WHERE ledger = $1 AND idx = $2";
    const TITLE: &str = "UPDATE matter SET title = '' WHERE opener =
        (SELECT party FROM ledger WHERE id = $1) AND seq =
        (SELECT arrival FROM leaf WHERE ledger = $1 AND idx = $2)";
    if entries.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    for index in entries {
        let place = [ledger.into(), (*index).into()];
        for sql in [LETTER, CIPHERTEXT, TITLE] {
            tx.execute(sql, &place).await?;
        }
    }
    tx.commit().await?;
    db.stain();
    db.scrub().await
}

pub(crate) async fn load(tx: &mut Tx, thread: ThreadId) -> Result<Option<Summary>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM matter WHERE thread = $1");
    tx.query_one(&sql, &[thread.to_string().into()]).await?.as_ref().map(read).transpose()
}

pub(crate) async fn save(
    tx: &mut Tx,
    matter: &Matter,
    terms: &str,
    title: &str,
    seq: u64,
) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO matter
        (thread, seq, terms, topic, signal, opener, exercise, title, over, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (thread) DO UPDATE SET title = excluded.title, over = excluded.over,
            state = excluded.state";
    let state = serde_json::to_string(matter).map_err(Error::json)?;
    let params = [
        matter.thread.to_string().into(),
        seq.into(),
        terms.into(),
        matter.topic.as_str().into(),
        matter.signal().map_or("", Signal::as_str).into(),
        matter.opener.as_str().into(),
        matter.exercise.into(),
        title.into(),
        matter.standing(View::ALL).over.into(),
        state.into(),
    ];
    tx.execute(SQL, &params).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Summary, Error> {
    Ok(Summary {
        matter: serde_json::from_str(row.text(0)?).map_err(Error::json)?,
        terms: row.text(1)?.to_owned(),
        title: row.text(2)?.to_owned(),
        seq: row.count(3)?,
    })
}

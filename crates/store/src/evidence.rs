//! Evidence: what a peer sent that was refused, byte for byte, bounded.

use jiff::Timestamp;

use crate::{Db, Error, Tx};

/// Bytes of one piece that are kept.
const MAX_BYTES: usize = 64 * 1024;

/// Pieces of one code that are kept: a peer that sends garbage for ever neither fills the disk nor
/// keeps out what matters more.
const MAX_PIECES: i64 = 1_000;

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Its number.
    pub id: u64,
    /// When it came, by this node's clock.
    pub at: Timestamp,
    /// The ledger it is about; empty where none was found.
    pub ledger: String,
    /// The refusal's code.
    pub code: String,
    /// The refusal in words.
    pub detail: String,
    /// What came, at most 64 KiB of it.
    pub bytes: Vec<u8>,
}

/// Keeps a piece.
///
/// # Errors
/// [`Error`].
pub async fn keep(
    db: &Db,
    at: Timestamp,
    ledger: &str,
    code: &str,
    detail: &str,
    bytes: &[u8],
) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    keep_in(&mut tx, at.as_second(), ledger, code, detail, bytes).await?;
    tx.commit().await
}

/// Keeps a piece unless it is there: what is found again at every try is no more than found once.
///
/// # Errors
/// [`Error`].
pub async fn keep_once(
    db: &Db,
    at: Timestamp,
    ledger: &str,
    code: &str,
    detail: &str,
    bytes: &[u8],
) -> Result<(), Error> {
    const SQL: &str = "SELECT id FROM evidence WHERE code = $1 AND ledger = $2 AND detail = $3 AND bytes = $4 LIMIT 1";
    let known = [code.into(), ledger.into(), detail.into(), bytes.into()];
    match db.query_one(SQL, &known).await? {
        Some(_) => Ok(()),
        None => keep(db, at, ledger, code, detail, bytes).await,
    }
}

/// Keeps a piece within a transaction; `at` in POSIX seconds.
///
/// # Errors
/// [`Error`].
pub async fn keep_in(
    tx: &mut Tx,
    at: i64,
    ledger: &str,
    code: &str,
    detail: &str,
    bytes: &[u8],
) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO evidence (id, at, ledger, code, detail, bytes)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let last = tx.query_one("SELECT MAX(id) FROM evidence", &[]).await?;
    let id = last.filter(|row| !row.is_null(0)).map_or(Ok(0), |row| row.int(0).map(|id| id + 1))?;
    let sql = "SELECT COUNT(*) FROM evidence WHERE code = $1";
    let kept = tx.query_one(sql, &[code.into()]).await?.map_or(Ok(0), |row| row.int(0))?;
    let bytes = &bytes[..bytes.len().min(MAX_BYTES)];
    if kept < MAX_PIECES {
        let params =
            [id.into(), at.into(), ledger.into(), code.into(), detail.into(), bytes.into()];
        tx.execute(SQL, &params).await?;
    }
    Ok(())
}

/// How many pieces there are.
///
/// # Errors
/// [`Error`].
pub async fn count(db: &Db) -> Result<u64, Error> {
    db.query_one("SELECT COUNT(*) FROM evidence", &[]).await?.map_or(Ok(0), |row| row.count(0))
}

/// Every piece, oldest first.
///
/// # Errors
/// [`Error`].
pub async fn list(db: &Db) -> Result<Vec<Evidence>, Error> {
    const SQL: &str = "SELECT id, at, ledger, code, detail, bytes FROM evidence ORDER BY id";
    let rows = db.query(SQL, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Evidence {
                id: row.count(0)?,
                at: crate::ledger::time(row.int(1)?)?,
                ledger: row.text(2)?.to_owned(),
                code: row.text(3)?.to_owned(),
                detail: row.text(4)?.to_owned(),
                bytes: row.blob(5)?.to_vec(),
            })
        })
        .collect()
}

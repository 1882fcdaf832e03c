//! Entries that a mirror was given and that do not reach its pending checkpoint yet: each is proven
//! to be in that tree, and none is part of the copy before all are there.

use crate::{Db, Error, Tx};

/// The next entry that the mirror wants, of a ledger of which `size` entries are here.
///
/// # Errors
/// [`Error`].
pub async fn next(db: &Db, ledger: &str, size: u64) -> Result<u64, Error> {
    const SQL: &str = "SELECT MAX(idx) FROM pending WHERE ledger = $1";
    let last = db.query_one(SQL, &[ledger.into()]).await?.filter(|row| !row.is_null(0));
    last.map_or(Ok(size), |row| row.count(0).map(|last| size.max(last + 1)))
}

/// The entries from `from` on.
///
/// # Errors
/// [`Error`].
pub async fn entries(db: &Db, ledger: &str, from: u64) -> Result<Vec<Vec<u8>>, Error> {
    const SQL: &str = "SELECT entry FROM pending WHERE ledger = $1 AND idx >= $2 ORDER BY idx";
    let rows = db.query(SQL, &[ledger.into(), from.into()]).await?;
    rows.iter().map(|row| Ok(row.blob(0)?.to_vec())).collect()
}

/// Keeps entries from `start` on; those that are here already stay.
///
/// # Errors
/// [`Error`].
pub async fn keep(tx: &mut Tx, ledger: &str, start: u64, entries: &[Vec<u8>]) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO pending (ledger, idx, entry) VALUES ($1, $2, $3)
        ON CONFLICT (ledger, idx) DO NOTHING";
    for (index, entry) in (start..).zip(entries) {
        tx.execute(SQL, &[ledger.into(), index.into(), entry.as_slice().into()]).await?;
    }
    Ok(())
}

/// Forgets them: they became part of the copy, or contradict it.
///
/// # Errors
/// [`Error`].
pub async fn clear(db: &Db, ledger: &str) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    tx.execute("DELETE FROM pending WHERE ledger = $1", &[ledger.into()]).await?;
    tx.commit().await
}

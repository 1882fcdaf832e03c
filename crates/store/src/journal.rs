//! The journal: who saw, did and exported what on this node. A tree of its own, never served.

use comity_ledger::{Hash, tile};
use jiff::Timestamp;
use serde_json::json;

use crate::{Db, Error, Tx, ledger};

/// Its name among the tiles.
const TREE: &str = "journal";

/// Notes an act.
///
/// # Errors
/// [`Error`].
pub async fn note(db: &Db, at: Timestamp, who: &str, act: &str, about: &str) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    note_in(&mut tx, at, who, act, about).await?;
    tx.commit().await
}

/// Notes an act within a transaction.
///
/// # Errors
/// [`Error`].
pub async fn note_in(
    tx: &mut Tx,
    at: Timestamp,
    who: &str,
    act: &str,
    about: &str,
) -> Result<(), Error> {
    let entry = json!({ "at": at, "who": who, "act": act, "about": about }).to_string();
    let last = tx.query_one("SELECT MAX(idx) FROM journal", &[]).await?;
    let size =
        last.filter(|row| !row.is_null(0)).map_or(Ok(0), |row| row.count(0).map(|i| i + 1))?;
    let mut tiles = ledger::load_tiles(tx, TREE, &tile::edge(size)).await?;
    tiles.push(size, Hash::leaf(entry.as_bytes()));
    ledger::save_tiles(tx, TREE, tiles.take_changed()).await?;
    tx.execute("INSERT INTO journal (idx, entry) VALUES ($1, $2)", &[size.into(), entry.into()])
        .await?;
    Ok(())
}

/// The journal's size and root.
///
/// # Errors
/// [`Error`].
pub async fn root(db: &Db) -> Result<(u64, Hash), Error> {
    let last = db.query_one("SELECT MAX(idx) FROM journal", &[]).await?;
    let size =
        last.filter(|row| !row.is_null(0)).map_or(Ok(0), |row| row.count(0).map(|i| i + 1))?;
    let tiles = ledger::tiles(db, TREE, &tile::edge(size)).await?;
    Ok((size, tiles.root(size)?))
}

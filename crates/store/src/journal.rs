//! The journal: who saw, did and exported what on this node. A tree of its own, never served.

use comity_ledger::{Hash, Tiles, tile};
use jiff::Timestamp;
use serde_json::json;

use crate::{Db, Error, Row, Tx, ledger};

const SIZE: &str = "SELECT MAX(idx) FROM journal";

/// Its name among the tiles.
const TREE: &str = "journal";

/// Notes an act.
///
/// # Errors
/// [`Error`].
pub async fn note(db: &Db, at: Timestamp, who: &str, act: &str, about: &str) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let mut journal = Open::load(&mut tx).await?;
    journal.note(&mut tx, at, who, act, about).await?;
    journal.save(&mut tx).await?;
    tx.commit().await
}

/// The journal while a transaction goes on: its edge is read once and written once, however much is
/// noted.
pub(crate) struct Open {
    size: u64,
    tiles: Tiles,
}

impl Open {
    pub(crate) async fn load(tx: &mut Tx) -> Result<Self, Error> {
        let size = size(tx.query_one(SIZE, &[]).await?)?;
        let tiles = ledger::load_tiles(tx, TREE, &tile::edge(size)).await?;
        Ok(Self { size, tiles })
    }

    pub(crate) async fn note(
        &mut self,
        tx: &mut Tx,
        at: Timestamp,
        who: &str,
        act: &str,
        about: &str,
    ) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO journal (idx, entry) VALUES ($1, $2)";
        let entry = json!({ "at": at, "who": who, "act": act, "about": about }).to_string();
        self.tiles.push(self.size, Hash::leaf(entry.as_bytes()));
        tx.execute(SQL, &[self.size.into(), entry.into()]).await?;
        self.size += 1;
        Ok(())
    }

    pub(crate) async fn save(mut self, tx: &mut Tx) -> Result<(), Error> {
        ledger::save_tiles(tx, TREE, self.tiles.take_changed()).await
    }
}

/// The journal's size and root.
///
/// # Errors
/// [`Error`].
pub async fn root(db: &Db) -> Result<(u64, Hash), Error> {
    let size = size(db.query_one(SIZE, &[]).await?)?;
    let tiles = ledger::tiles(db, TREE, &tile::edge(size)).await?;
    Ok((size, tiles.root(size)?))
}

fn size(last: Option<Row>) -> Result<u64, Error> {
    last.filter(|row| !row.is_null(0)).map_or(Ok(0), |row| row.count(0).map(|i| i + 1))
}

//! `comity migrate`: brings the store of an earlier version up to this one.
//!
//! First what is added and filled (expand), then what nothing reads any more goes (contract). Each step
//! is one transaction, and each may be begun again where it was cut short.

use comity_ledger::Statement;

use crate::db::Db;
use crate::{Error, Value, rebuild};

/// The version at which `content` is there and `sealed` not gone yet.
const CONTENT: i32 = 3;

/// Entries that are read at a time.
const PAGE: u64 = 500;

/// From which version of the schema to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// What it was.
    pub from: i32,
    /// What it is.
    pub to: i32,
}

/// The version that this program writes.
#[must_use]
pub fn latest() -> i32 {
    let runner = crate::migrations::migrations::runner();
    runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or_default()
}

/// Whether a store of version `found` can be opened; an empty one (0) can.
pub(crate) fn check(found: i32) -> Result<(), Error> {
    let known = latest();
    match found {
        0 => Ok(()),
        found if found < known => Err(Error::Older { found, known }),
        found if found > known => Err(Error::Newer { found, known }),
        _ => Ok(()),
    }
}

/// Migrates a store. Take a backup first: there is no way back but that.
///
/// # Errors
/// [`Error::Newer`], where the store is of a later version than this program.
pub async fn run(db: &Db) -> Result<Migrated, Error> {
    let (from, to) = (db.version().await?, latest());
    if from > to {
        return Err(Error::Newer { found: from, known: to });
    }
    // A node that serves is not pulled the tables away from under.
    db.hold().await?;
    if from < CONTENT {
        db.migrate_to(CONTENT).await?;
    }
    if from <= CONTENT {
        move_contents(db).await?;
    }
    db.migrate_to(to).await?;
    rebuild::show(db).await?;
    Ok(Migrated { from, to })
}

/// Puts every ciphertext at the entry that commits to it.
async fn move_contents(db: &Db) -> Result<(), Error> {
    const LEAVES: &str = "SELECT arrival, ledger, idx, entry FROM leaf WHERE arrival >= $1
        ORDER BY arrival LIMIT $2";
    const MOVE: &str = "INSERT INTO content (ledger, idx, ciphertext)
        SELECT $1, $2, ciphertext FROM sealed WHERE digest = $3
        ON CONFLICT (ledger, idx) DO NOTHING";
    let mut next: u64 = 0;
    loop {
        let mut tx = db.begin().await?;
        let rows = tx.query(LEAVES, &[next.into(), PAGE.into()]).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        next = last.count(0)? + 1;
        for row in &rows {
            let sealed = Statement::parse(row.blob(3)?).ok().and_then(|s| s.body().sealed);
            if let Some(sealed) = sealed {
                let place = [row.text(1)?.into(), row.count(2)?.into()];
                let [ledger, index]: [Value; 2] = place;
                tx.execute(MOVE, &[ledger, index, sealed.digest.to_hex().into()]).await?;
            }
        }
        tx.commit().await?;
    }
}

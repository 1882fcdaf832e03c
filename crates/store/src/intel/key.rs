//! Keys of tools, what became of what they added, and where pulls go on. Of keys only hashes are kept.

use jiff::Timestamp;

use crate::{Db, Error, Row};

/// A key that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its hash.
    pub hash: String,
    /// To whom.
    pub name: String,
    /// The strictest label of TLP that it reads.
    pub tlp: String,
    /// The strictest label of PAP that its use keeps.
    pub pap: String,
    /// Until when.
    pub expires: Timestamp,
    /// What it may with which collection, as JSON.
    pub rights: String,
    /// The collection of theirs where what is pushed to them goes; empty where that is not known.
    pub remote: String,
}

const COLUMNS: &str = "key, name, tlp, pap, expires, rights, remote";

/// Keeps a key.
///
/// # Errors
/// [`Error`].
pub async fn give(db: &Db, key: &Key) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO intel_key (key, name, tlp, pap, expires, rights, remote)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let params = [
        key.hash.as_str().into(),
        key.name.as_str().into(),
        key.tlp.as_str().into(),
        key.pap.as_str().into(),
        key.expires.as_second().into(),
        key.rights.as_str().into(),
        key.remote.as_str().into(),
    ];
    let mut tx = db.begin().await?;
    tx.execute(SQL, &params).await?;
    tx.commit().await?;
    db.intel_changed();
    Ok(())
}

/// The key of this hash, if it has not expired.
///
/// # Errors
/// [`Error`].
pub async fn of(db: &Db, hash: &str, now: Timestamp) -> Result<Option<Key>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM intel_key WHERE key = $1 AND expires > $2");
    let row = db.query_one(&sql, &[hash.into(), now.as_second().into()]).await?;
    row.as_ref().map(read).transpose()
}

/// Every key, by name.
///
/// # Errors
/// [`Error`].
pub async fn list(db: &Db) -> Result<Vec<Key>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM intel_key ORDER BY name, expires");
    db.query(&sql, &[]).await?.iter().map(read).collect()
}

/// Takes the keys of this name back; how many there were.
///
/// # Errors
/// [`Error`].
pub async fn take_back(db: &Db, name: &str) -> Result<u64, Error> {
    let mut tx = db.begin().await?;
    let count = tx.execute("DELETE FROM intel_key WHERE name = $1", &[name.into()]).await?;
    tx.commit().await?;
    db.intel_changed();
    Ok(count)
}

/// What became of an addition that this key made, as JSON.
///
/// # Errors
/// [`Error`].
pub async fn status(db: &Db, id: &str, key: &str) -> Result<Option<String>, Error> {
    const SQL: &str = "SELECT status FROM intel_status WHERE id = $1 AND key = $2";
    let row = db.query_one(SQL, &[id.into(), key.into()]).await?;
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

/// Where a pull from a remote collection goes on.
///
/// # Errors
/// [`Error`].
pub async fn cursor(db: &Db, remote: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT cursor FROM intel_cursor WHERE remote = $1";
    let row = db.query_one(sql, &[remote.into()]).await?;
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

fn read(row: &Row) -> Result<Key, Error> {
    Ok(Key {
        hash: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        tlp: row.text(2)?.to_owned(),
        pap: row.text(3)?.to_owned(),
        expires: crate::ledger::time(row.int(4)?)?,
        rights: row.text(5)?.to_owned(),
        remote: row.text(6)?.to_owned(),
    })
}

//! Keys by which auditors read ledgers that are not everyone's. Only their hashes are kept.

use jiff::Timestamp;

use crate::{Db, Error, Row};

/// A key that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// To whom.
    pub name: String,
    /// Hash of the terms under which it reads (hexadecimal).
    pub terms: String,
    /// Until when.
    pub expires: Timestamp,
}

/// Keeps a key, by its hash.
///
/// # Errors
/// [`Error`].
pub async fn give(db: &Db, key: &str, given: &Given) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO reader (key, name, terms, expires) VALUES ($1, $2, $3, $4)";
    let mut tx = db.begin().await?;
    let expires = given.expires.as_second();
    let params =
        [key.into(), given.name.as_str().into(), given.terms.as_str().into(), expires.into()];
    tx.execute(SQL, &params).await?;
    tx.commit().await
}

/// Whose key this is, if it has not expired.
///
/// # Errors
/// [`Error`].
pub async fn of(db: &Db, key: &str, now: Timestamp) -> Result<Option<Given>, Error> {
    const SQL: &str = "SELECT name, terms, expires FROM reader WHERE key = $1 AND expires > $2";
    let row = db.query_one(SQL, &[key.into(), now.as_second().into()]).await?;
    row.as_ref().map(read).transpose()
}

/// Every key that was given, by name.
///
/// # Errors
/// [`Error`].
pub async fn list(db: &Db) -> Result<Vec<Given>, Error> {
    const SQL: &str = "SELECT name, terms, expires FROM reader ORDER BY name, expires";
    db.query(SQL, &[]).await?.iter().map(read).collect()
}

/// Takes the keys of this name back; returns how many there were.
///
/// # Errors
/// [`Error`].
pub async fn take_back(db: &Db, name: &str) -> Result<u64, Error> {
    let mut tx = db.begin().await?;
    let count = tx.execute("DELETE FROM reader WHERE name = $1", &[name.into()]).await?;
    tx.commit().await?;
    Ok(count)
}

fn read(row: &Row) -> Result<Given, Error> {
    Ok(Given {
        name: row.text(0)?.to_owned(),
        terms: row.text(1)?.to_owned(),
        expires: crate::ledger::time(row.int(2)?)?,
    })
}

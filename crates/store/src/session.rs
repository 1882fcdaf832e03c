//! Sessions and settings: nobody else's business.

use jiff::Timestamp;

use crate::{Db, Error, Tx};

/// A setting's value.
///
/// # Errors
/// [`Error`].
pub async fn setting(db: &Db, name: &str) -> Result<Option<String>, Error> {
    let row = db.query_one("SELECT value FROM setting WHERE name = $1", &[name.into()]).await?;
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
}

/// Changes a setting.
///
/// # Errors
/// [`Error`].
pub async fn set(db: &Db, name: &str, value: &str) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO setting (name, value) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let mut tx = db.begin().await?;
    tx.execute(SQL, &[name.into(), value.into()]).await?;
    tx.commit().await
}

/// Forgets a setting.
///
/// # Errors
/// [`Error`].
pub async fn forget(tx: &mut Tx, name: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM setting WHERE name = $1", &[name.into()]).await?;
    Ok(())
}

/// Begins a session, and forgets those that are over. `token` is the hash of what the browser has.
///
/// # Errors
/// [`Error`].
pub async fn begin(db: &Db, token: &str, now: Timestamp, expires: Timestamp) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    tx.execute("DELETE FROM session WHERE expires <= $1", &[now.as_second().into()]).await?;
    let params = [token.into(), expires.as_second().into()];
    tx.execute("INSERT INTO session (token, expires) VALUES ($1, $2)", &params).await?;
    tx.commit().await
}

/// Whether there is such a session now.
///
/// # Errors
/// [`Error`].
pub async fn is_valid(db: &Db, token: &str, now: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "SELECT 1 FROM session WHERE token = $1 AND expires > $2";
    Ok(db.query_one(SQL, &[token.into(), now.as_second().into()]).await?.is_some())
}

/// Ends a session.
///
/// # Errors
/// [`Error`].
pub async fn end(db: &Db, token: &str) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    tx.execute("DELETE FROM session WHERE token = $1", &[token.into()]).await?;
    tx.commit().await
}

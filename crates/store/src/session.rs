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
pub async fn begin(
    db: &Db,
    token: &str,
    account: &str,
    now: Timestamp,
    expires: Timestamp,
) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO session (token, account, expires) VALUES ($1, $2, $3)";
    let mut tx = db.begin().await?;
    tx.execute("DELETE FROM session WHERE expires <= $1", &[now.as_second().into()]).await?;
    tx.execute(SQL, &[token.into(), account.into(), expires.as_second().into()]).await?;
    tx.commit().await
}

/// Whose session this is, where there is one now.
///
/// # Errors
/// [`Error`].
pub async fn account(db: &Db, token: &str, now: Timestamp) -> Result<Option<String>, Error> {
    const SQL: &str = "SELECT account FROM session WHERE token = $1 AND expires > $2";
    let row = db.query_one(SQL, &[token.into(), now.as_second().into()]).await?;
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
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

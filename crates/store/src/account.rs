//! Local accounts: who may come in, as what, and for which authority. Of passwords only hashes are kept.

use comity_rules::access::Person;
use jiff::Timestamp;

use crate::{Db, Error, Row};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub person: Person,
    /// Hash of the password.
    pub password: String,
    /// Whether it lets nobody in any more.
    pub disabled: bool,
    /// Since when there is one.
    pub created: Timestamp,
}

const COLUMNS: &str = "name, role, authority, password, disabled, created";

/// Makes an account, or gives one that is there another password, role and authority, and opens it again.
///
/// # Errors
/// [`Error`].
pub async fn put(db: &Db, account: &Account) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO account (name, role, authority, password, disabled, created)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET role = excluded.role,
        authority = excluded.authority, password = excluded.password, disabled = excluded.disabled";
    let Account { person, password, disabled, created } = account;
    let params = [
        person.name.as_str().into(),
        person.role.as_str().into(),
        person.authority.as_deref().into(),
        password.as_str().into(),
        (*disabled).into(),
        created.as_second().into(),
    ];
    let mut tx = db.begin().await?;
    tx.execute(SQL, &params).await?;
    // Whoever was in with what it was before is out.
    tx.execute("DELETE FROM session WHERE account = $1", &[person.name.as_str().into()]).await?;
    tx.commit().await
}

/// The account of this name.
///
/// # Errors
/// [`Error`].
pub async fn show(db: &Db, name: &str) -> Result<Option<Account>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM account WHERE name = $1");
    db.query_one(&sql, &[name.into()]).await?.as_ref().map(read).transpose()
}

/// Every account, by name.
///
/// # Errors
/// [`Error`].
pub async fn list(db: &Db) -> Result<Vec<Account>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM account ORDER BY name");
    db.query(&sql, &[]).await?.iter().map(read).collect()
}

/// Lets nobody in by this account any more, and puts out who is; whether there is such an account.
///
/// # Errors
/// [`Error`].
pub async fn disable(db: &Db, name: &str) -> Result<bool, Error> {
    let mut tx = db.begin().await?;
    let found =
        tx.execute("UPDATE account SET disabled = 1 WHERE name = $1", &[name.into()]).await?;
    tx.execute("DELETE FROM session WHERE account = $1", &[name.into()]).await?;
    tx.commit().await?;
    Ok(found > 0)
}

fn read(row: &Row) -> Result<Account, Error> {
    let authority = if row.is_null(2) { None } else { Some(row.text(2)?.to_owned()) };
    let role = row.text(1)?.parse().map_err(Error::damaged)?;
    Ok(Account {
        person: Person { name: row.text(0)?.to_owned(), role, authority },
        password: row.text(3)?.to_owned(),
        disabled: row.count(4)? != 0,
        created: Timestamp::from_second(row.int(5)?).map_err(Error::damaged)?,
    })
}

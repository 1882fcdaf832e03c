//! Who is on duty, how people are reached, and what one shift tells the next. Nobody else's business.

use jiff::Timestamp;

use crate::{Db, Error, Row};

/// How an account is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Whose.
    pub account: String,
    /// Address for e-mail.
    pub email: String,
    /// `en` or `zh`.
    pub language: String,
    /// From which step of a ladder on; 1: at once.
    pub step: u32,
}

/// A time on duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// Its id.
    pub id: String,
    /// Whose.
    pub account: String,
    /// Since when.
    pub starts: Timestamp,
    /// Until when.
    pub ends: Timestamp,
}

/// What one shift tells the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Its id.
    pub id: String,
    /// Who hands over.
    pub gives: String,
    /// When.
    pub at: Timestamp,
    /// What is to be known.
    pub note: String,
    /// Who took over, and when.
    pub taken: Option<(String, Timestamp)>,
}

/// Notes how an account is reached.
///
/// # Errors
/// [`Error`].
pub async fn reach(db: &Db, contact: &Contact) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO contact (account, email, language, step) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account) DO UPDATE SET email = excluded.email, language = excluded.language,
            step = excluded.step";
    let Contact { account, email, language, step } = contact;
    let step = u64::from(*step);
    let params =
        [account.as_str().into(), email.as_str().into(), language.as_str().into(), step.into()];
    let mut tx = db.begin().await?;
    tx.execute(SQL, &params).await?;
    tx.commit().await
}

/// How the accounts that are open are reached.
///
/// # Errors
/// [`Error`].
pub async fn contacts(db: &Db) -> Result<Vec<Contact>, Error> {
    const SQL: &str = "SELECT contact.account, contact.email, contact.language, contact.step
        FROM contact JOIN account ON account.name = contact.account
        WHERE account.disabled = 0 ORDER BY contact.account";
    let read = |row: &Row| {
        Ok(Contact {
            account: row.text(0)?.to_owned(),
            email: row.text(1)?.to_owned(),
            language: row.text(2)?.to_owned(),
            step: u32::try_from(row.count(3)?).unwrap_or(1),
        })
    };
    db.query(SQL, &[]).await?.iter().map(read).collect()
}

/// Puts somebody on duty.
///
/// # Errors
/// [`Error`].
pub async fn put_on(db: &Db, shift: &Shift) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO shift (id, account, starts, ends) VALUES ($1, $2, $3, $4)";
    let params = [
        shift.id.as_str().into(),
        shift.account.as_str().into(),
        shift.starts.as_second().into(),
        shift.ends.as_second().into(),
    ];
    let mut tx = db.begin().await?;
    tx.execute(SQL, &params).await?;
    tx.commit().await
}

/// Takes a shift off the roster; whether there was one.
///
/// # Errors
/// [`Error`].
pub async fn take_off(db: &Db, id: &str) -> Result<bool, Error> {
    let mut tx = db.begin().await?;
    let found = tx.execute("DELETE FROM shift WHERE id = $1", &[id.into()]).await?;
    tx.commit().await?;
    Ok(found > 0)
}

/// The shifts that end after `from` and begin before `to`, by their beginning; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn shifts(
    db: &Db,
    from: Timestamp,
    to: Timestamp,
    limit: u64,
) -> Result<Vec<Shift>, Error> {
    const SQL: &str = "SELECT id, account, starts, ends FROM shift WHERE ends > $1 AND starts < $2
        ORDER BY starts, id LIMIT $3";
    let read = |row: &Row| {
        Ok(Shift {
            id: row.text(0)?.to_owned(),
            account: row.text(1)?.to_owned(),
            starts: time(row.int(2)?)?,
            ends: time(row.int(3)?)?,
        })
    };
    let params = [from.as_second().into(), to.as_second().into(), limit.into()];
    db.query(SQL, &params).await?.iter().map(read).collect()
}

/// Hands over.
///
/// # Errors
/// [`Error`].
pub async fn hand_over(db: &Db, handover: &Handover) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO handover (id, gives, at, note) VALUES ($1, $2, $3, $4)";
    let params = [
        handover.id.as_str().into(),
        handover.gives.as_str().into(),
        handover.at.as_second().into(),
        handover.note.as_str().into(),
    ];
    let mut tx = db.begin().await?;
    tx.execute(SQL, &params).await?;
    tx.commit().await
}

/// Takes over; whether it was there for the taking.
///
/// # Errors
/// [`Error`].
pub async fn take_over(db: &Db, id: &str, who: &str, at: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "UPDATE handover SET takes = $2, taken = $3 WHERE id = $1 AND takes IS NULL AND gives <> $2";
    let mut tx = db.begin().await?;
    let found = tx.execute(SQL, &[id.into(), who.into(), at.as_second().into()]).await?;
    tx.commit().await?;
    Ok(found > 0)
}

/// The latest handovers, newest first.
///
/// # Errors
/// [`Error`].
pub async fn handovers(db: &Db, limit: u64) -> Result<Vec<Handover>, Error> {
    const SQL: &str = "SELECT id, gives, at, note, takes, taken FROM handover
        ORDER BY at DESC, id DESC LIMIT $1";
    let read = |row: &Row| {
        let taken = match row.is_null(4) {
            true => None,
            false => Some((row.text(4)?.to_owned(), time(row.int(5)?)?)),
        };
        Ok(Handover {
            id: row.text(0)?.to_owned(),
            gives: row.text(1)?.to_owned(),
            at: time(row.int(2)?)?,
            note: row.text(3)?.to_owned(),
            taken,
        })
    };
    db.query(SQL, &[limit.into()]).await?.iter().map(read).collect()
}

fn time(seconds: i64) -> Result<Timestamp, Error> {
    Timestamp::from_second(seconds).map_err(Error::damaged)
}

//! What people are told of, once each, and whether it went out. Nobody else's business.

use comity_rules::ThreadId;
use jiff::Timestamp;

use crate::{Db, Error, Row};

/// Something that somebody is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What it is: the same thing is told once.
    pub key: String,
    /// Since when.
    pub at: Timestamp,
    /// Of what sort.
    pub what: String,
    /// Which thread.
    pub thread: Option<ThreadId>,
    /// From which step of a ladder on people are told.
    pub step: u32,
    /// What may be said of it outside: no content.
    pub detail: String,
    /// Who saw it, and when.
    pub seen: Option<(String, Timestamp)>,
    /// Since when it is so no more.
    pub settled: Option<Timestamp>,
}

/// An alert that somebody should look at still.
const WAITS: &str = "seen_by IS NULL AND settled IS NULL";

/// To whom an alert goes, by which channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// `mail` or `webhook`.
    pub channel: String,
    /// An address for e-mail; the name of a webhook.
    pub address: String,
    /// `en` or `zh`.
    pub language: String,
}

/// A sending that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// What.
    pub alert: Alert,
    /// To whom.
    pub to: Recipient,
    /// How often it was tried.
    pub tries: u32,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// Where it is called.
    pub url: String,
    /// By what its calls are signed, in base64.
    pub secret: String,
}

const COLUMNS: &str = "alert.key, alert.at, alert.what, alert.thread, alert.step, alert.detail, alert.seen_by, alert.seen, alert.settled";

/// Keeps an alert and to whom it goes, where it is not here yet; whether it was not. One that was settled waits again, as if it
/// were new.
///
/// # Errors
/// [`Error`].
pub async fn raise(db: &Db, alert: &Alert, to: &[Recipient]) -> Result<bool, Error> {
    const SQL: &str = "INSERT INTO alert (key, at, what, thread, step, detail)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO NOTHING";
    const KNOWN: &str = "SELECT settled FROM alert WHERE key = $1";
    if let Some(row) = db.query_one(KNOWN, &[alert.key.as_str().into()]).await? {
        const AGAIN: &str = "UPDATE alert SET settled = NULL, seen_by = NULL, seen = NULL, at = $2,
            step = $3, detail = $4 WHERE key = $1 AND settled IS NOT NULL";
        const TOLD: &str = "DELETE FROM alert_to WHERE key = $1";
        if row.is_null(0) {
            return Ok(false);
        }
        let mut tx = db.begin().await?;
        let params = [
            alert.key.as_str().into(),
            alert.at.as_second().into(),
            u64::from(alert.step).into(),
            alert.detail.as_str().into(),
        ];
        let again = tx.execute(AGAIN, &params).await? == 1;
        if again {
            tx.execute(TOLD, &[alert.key.as_str().into()]).await?;
            add_to(&mut tx, &alert.key, alert.at, to).await?;
        }
        tx.commit().await?;
        return Ok(again);
    }
    let params = [
        alert.key.as_str().into(),
        alert.at.as_second().into(),
        alert.what.as_str().into(),
        alert.thread.map(|thread| thread.to_string()).into(),
        u64::from(alert.step).into(),
        alert.detail.as_str().into(),
    ];
    let mut tx = db.begin().await?;
    let new = tx.execute(SQL, &params).await? == 1;
    if new {
        add_to(&mut tx, &alert.key, alert.at, to).await?;
    }
    tx.commit().await?;
    Ok(new)
}

/// Sends an alert to more people.
///
/// # Errors
/// [`Error`].
pub async fn send_to(db: &Db, key: &str, at: Timestamp, to: &[Recipient]) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    add_to(&mut tx, key, at, to).await?;
    tx.commit().await
}

async fn add_to(
    tx: &mut crate::Tx,
    key: &str,
    at: Timestamp,
    to: &[Recipient],
) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO alert_to (key, channel, address, language, tries, due)
        VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (key, channel, address) DO NOTHING";
    for one in to {
        let Recipient { channel, address, language } = one;
        let params = [
            key.into(),
            channel.as_str().into(),
            address.as_str().into(),
            language.as_str().into(),
            at.as_second().into(),
        ];
        tx.execute(SQL, &params).await?;
    }
    Ok(())
}

/// What is due to go out, the oldest first; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn due(db: &Db, now: Timestamp, limit: u64) -> Result<Vec<Sending>, Error> {
    let sql = format!(
        "SELECT {COLUMNS}, alert_to.channel, alert_to.address, alert_to.language, alert_to.tries
         FROM alert_to JOIN alert ON alert.key = alert_to.key
         WHERE alert_to.sent IS NULL AND alert_to.due <= $1 ORDER BY alert_to.due, alert.key LIMIT $2"
    );
    let read = |row: &Row| {
        Ok(Sending {
            alert: read(row)?,
            to: Recipient {
                channel: row.text(9)?.to_owned(),
                address: row.text(10)?.to_owned(),
                language: row.text(11)?.to_owned(),
            },
            tries: u32::try_from(row.count(12)?).unwrap_or(u32::MAX),
        })
    };
    db.query(&sql, &[now.as_second().into(), limit.into()]).await?.iter().map(read).collect()
}

/// Notes that it went out, or why not and when it is tried again.
///
/// # Errors
/// [`Error`].
pub async fn tried(
    db: &Db,
    sending: &Sending,
    now: Timestamp,
    failed: Option<(&str, Timestamp)>,
) -> Result<(), Error> {
    const SQL: &str = "UPDATE alert_to SET tries = tries + 1, sent = $4, error = $5, due = $6
        WHERE key = $1 AND channel = $2 AND address = $3";
    let sent = failed.is_none().then(|| now.as_second());
    let params = [
        sending.alert.key.as_str().into(),
        sending.to.channel.as_str().into(),
        sending.to.address.as_str().into(),
        sent.into(),
        failed.map(|(error, _)| error.chars().take(400).collect::<String>()).into(),
        failed.map_or(now, |(_, again)| again).as_second().into(),
    ];
    let mut tx = db.begin().await?;
    tx.execute(SQL, &params).await?;
    tx.commit().await
}

/// Notes that somebody saw it; whether nobody had.
///
/// # Errors
/// [`Error`].
pub async fn see(db: &Db, key: &str, who: &str, at: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "UPDATE alert SET seen_by = $2, seen = $3 WHERE key = $1 AND seen_by IS NULL";
    // What nobody has seen and is seen now need not wake anybody any more.
    const ENOUGH: &str = "DELETE FROM alert_to WHERE key = $1 AND sent IS NULL";
    let mut tx = db.begin().await?;
    let found = tx.execute(SQL, &[key.into(), who.into(), at.as_second().into()]).await?;
    tx.execute(ENOUGH, &[key.into()]).await?;
    tx.commit().await?;
    Ok(found > 0)
}

/// Whether there is an alert of this key.
///
/// # Errors
/// [`Error`].
pub async fn is_known(db: &Db, key: &str) -> Result<bool, Error> {
    Ok(db.query_one("SELECT 1 FROM alert WHERE key = $1", &[key.into()]).await?.is_some())
}

/// Keys of the alerts that nobody has to look at since before this time.
///
/// # Errors
/// [`Error`].
pub async fn done_before(db: &Db, time: Timestamp) -> Result<Vec<String>, Error> {
    const SQL: &str = "SELECT key FROM alert WHERE seen < $1 OR settled < $1";
    let rows = db.query(SQL, &[time.as_second().into()]).await?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// Takes alerts away, with where they went.
///
/// # Errors
/// [`Error`].
pub async fn forget(db: &Db, keys: &[String]) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    for key in keys {
        tx.execute("DELETE FROM alert_to WHERE key = $1", &[key.as_str().into()]).await?;
        tx.execute("DELETE FROM alert WHERE key = $1", &[key.as_str().into()]).await?;
    }
    tx.commit().await
}

/// The latest alerts, newest first.
///
/// # Errors
/// [`Error`].
pub async fn latest(db: &Db, limit: u64) -> Result<Vec<Alert>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM alert ORDER BY at DESC, key LIMIT $1");
    db.query(&sql, &[limit.into()]).await?.iter().map(read).collect()
}

/// The latest alerts, newest first; each with how many sendings went out, and the errors of those that
/// did not.
///
/// # Errors
/// [`Error`].
pub async fn list(db: &Db, limit: u64) -> Result<Vec<(Alert, u64, Vec<String>)>, Error> {
    const SENDINGS: &str = "SELECT sent, error, channel, address FROM alert_to WHERE key = $1 ORDER BY channel, address";
    let mut all = Vec::new();
    for alert in latest(db, limit).await? {
        let (mut sent, mut errors) = (0, Vec::new());
        for row in db.query(SENDINGS, &[alert.key.as_str().into()]).await? {
            if !row.is_null(0) {
                sent += 1;
            } else if !row.is_null(1) {
                errors.push(format!("{} {}: {}", row.text(2)?, row.text(3)?, row.text(1)?));
            }
        }
        all.push((alert, sent, errors));
    }
    Ok(all)
}

/// The alerts whose cause is not gone, those that wait longest first.
///
/// # Errors
/// [`Error`].
pub async fn unsettled(db: &Db) -> Result<Vec<Alert>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM alert WHERE settled IS NULL ORDER BY at, key");
    db.query(&sql, &[]).await?.iter().map(read).collect()
}

/// The latest alerts that somebody should look at still, newest first.
///
/// # Errors
/// [`Error`].
pub async fn waiting(db: &Db, limit: u64) -> Result<Vec<Alert>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM alert WHERE {WAITS} ORDER BY at DESC, key LIMIT $1");
    db.query(&sql, &[limit.into()]).await?.iter().map(read).collect()
}

/// Notes that what an alert told of is so no more: nobody else is woken for it.
///
/// # Errors
/// [`Error`].
pub async fn settle(db: &Db, keys: &[String], at: Timestamp) -> Result<(), Error> {
    const SQL: &str = "UPDATE alert SET settled = $2 WHERE key = $1 AND settled IS NULL";
    const ENOUGH: &str = "DELETE FROM alert_to WHERE key = $1 AND sent IS NULL";
    let mut tx = db.begin().await?;
    for key in keys {
        tx.execute(SQL, &[key.as_str().into(), at.as_second().into()]).await?;
        tx.execute(ENOUGH, &[key.as_str().into()]).await?;
    }
    tx.commit().await
}

/// Says since when people are told of something.
///
/// # Errors
/// [`Error`].
pub async fn began(db: &Db, key: &str, at: Timestamp) -> Result<(), Error> {
    const SQL: &str = "UPDATE alert SET at = $2 WHERE key = $1";
    const DUE: &str = "UPDATE alert_to SET due = $2 WHERE key = $1 AND sent IS NULL AND due > $2";
    let mut tx = db.begin().await?;
    for sql in [SQL, DUE] {
        tx.execute(sql, &[key.into(), at.as_second().into()]).await?;
    }
    tx.commit().await
}

/// How many alerts somebody should look at still.
///
/// # Errors
/// [`Error`].
pub async fn unseen(db: &Db) -> Result<u64, Error> {
    let sql = format!("SELECT COUNT(*) FROM alert WHERE {WAITS}");
    let row = db.query_one(&sql, &[]).await?;
    row.map_or(Ok(0), |row| row.count(0))
}

/// Keeps a webhook.
///
/// # Errors
/// [`Error`].
pub async fn put_webhook(db: &Db, webhook: &Webhook) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO webhook (name, url, secret) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET url = excluded.url, secret = excluded.secret";
    let Webhook { name, url, secret } = webhook;
    let mut tx = db.begin().await?;
    let params = [name.as_str().into(), url.as_str().into(), secret.as_str().into()];
    tx.execute(SQL, &params).await?;
    tx.commit().await
}

/// Takes one away; whether there was one.
///
/// # Errors
/// [`Error`].
pub async fn remove_webhook(db: &Db, name: &str) -> Result<bool, Error> {
    let mut tx = db.begin().await?;
    let found = tx.execute("DELETE FROM webhook WHERE name = $1", &[name.into()]).await?;
    const LEFT: &str =
        "DELETE FROM alert_to WHERE channel = 'webhook' AND address = $1 AND sent IS NULL";
    tx.execute(LEFT, &[name.into()]).await?;
    tx.commit().await?;
    Ok(found > 0)
}

/// Every webhook, by name.
///
/// # Errors
/// [`Error`].
pub async fn webhooks(db: &Db) -> Result<Vec<Webhook>, Error> {
    let rows = db.query("SELECT name, url, secret FROM webhook ORDER BY name", &[]).await?;
    let read = |row: &Row| {
        let text = |column| Ok::<_, Error>(row.text(column)?.to_owned());
        Ok(Webhook { name: text(0)?, url: text(1)?, secret: text(2)? })
    };
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Alert, Error> {
    let thread = if row.is_null(3) { None } else { Some(row.text(3)?) };
    let seen = match row.is_null(6) {
        true => None,
        false => Some((row.text(6)?.to_owned(), time(row.int(7)?)?)),
    };
    Ok(Alert {
        key: row.text(0)?.to_owned(),
        at: time(row.int(1)?)?,
        what: row.text(2)?.to_owned(),
        thread: thread.map(str::parse).transpose().map_err(Error::damaged)?,
        step: u32::try_from(row.count(4)?).unwrap_or(1),
        detail: row.text(5)?.to_owned(),
        seen,
        settled: if row.is_null(8) { None } else { Some(time(row.int(8)?)?) },
    })
}

fn time(seconds: i64) -> Result<Timestamp, Error> {
    Timestamp::from_second(seconds).map_err(Error::damaged)
}

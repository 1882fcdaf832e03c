//! One writer for a PostgreSQL database: the node that holds its lease.
//!
//! The lease is an advisory lock of a session that its holder keeps open and says something in every
//! few seconds: a holder that dies gives it up with its connection, and one that hangs is cut off by
//! whoever waits. A holder that was cut off may not know it yet. So each lease has a number that only
//! grows, and every transaction that writes asks first whether its own is still the last: a writer that
//! was replaced writes nothing more, whatever it believes. No clock but the server's has a part in it.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::{Client, Config, NoTls};

use crate::Error;

/// Between two signs of life of a holder.
const SIGN: Duration = Duration::from_secs(2);

/// A holder of which nothing was heard for so long hangs, or is cut off.
const SILENCE: i32 = 15;

/// How long the server is given to notice that the holder before has gone.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whose turn it is to write: a lock that each transaction takes, whoever believes to be the writer.
pub(crate) const TURN: &str = "SELECT pg_advisory_xact_lock(727274, hashtext(current_schema()))";

/// What every session is opened with.
pub(crate) const TIMEOUTS: &str = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 \
    -c tcp_keepalives_count=3 -c tcp_user_timeout=11000 -c idle_in_transaction_session_timeout=30000";

/// The lease: a lock of the same kind, kept by a session.
const LEASE: &str = "SELECT pg_try_advisory_lock(727275, hashtext(current_schema()))";

/// That this process is the writer, and since which change of writers.
pub(crate) struct Lease {
    session: Arc<Client>,
    number: i64,
}

/// Who has one of the two locks.
const HOLDERS: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
    AND classid = $1::BIGINT::OID AND objid = (hashtext(current_schema())::BIGINT & 4294967295)::OID
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Where a writer is with its lease.
#[derive(Default)]
pub(crate) enum Held {
    /// It never had one.
    #[default]
    Not,
    /// It has one.
    This(Lease),
    /// It had one, and another node wrote since: what this one has in memory may be wrong.
    Lost,
}

impl Held {
    /// Takes the lease, or makes sure that it is still held as far as this process can see; returns its
    /// number.
    pub(crate) async fn hold(&mut self, config: &Config) -> Result<i64, Error> {
        let known = match self {
            Self::Not => None,
            Self::This(lease) if !lease.session.is_closed() => return Ok(lease.number),
            Self::This(lease) => Some(lease.number),
            Self::Lost => return Err(Error::Replaced),
        };
        // The server may have gone and come back: then the lease is whose it was, unless somebody else
        // was quicker.
        let session = match session(config).await {
            Err(Error::Standby(_)) if known.is_some() => {
                *self = Self::Lost;
                return Err(Error::Replaced);
            }
            session => session?,
        };
        let sql = match known {
            Some(_) => "SELECT number FROM lease",
            None => "UPDATE lease SET number = number + 1 RETURNING number",
        };
        let number = session.query_one(sql, &[]).await?.get(0);
        if known.is_some_and(|known| known != number) {
            *self = Self::Lost;
            return Err(Error::Replaced);
        }
        let session = Arc::new(session);
        tokio::spawn(live(Arc::downgrade(&session)));
        *self = Self::This(Lease { session, number });
        Ok(number)
    }

    /// Notes that a transaction found another number.
    pub(crate) fn lose(&mut self) {
        *self = Self::Lost;
    }
}

/// A session that has the lock.
async fn session(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    let begin = tokio::time::Instant::now();
    while !client.query_one(LEASE, &[]).await?.get::<_, bool>(0) {
        let holder = holder(&client).await?;
        if begin.elapsed() >= PATIENCE {
            return Err(Error::Standby(holder));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Whoever still has a turn had the lease before, and has it no more.
    let begin = tokio::time::Instant::now();
    loop {
        let turns = client.query(HOLDERS, &[&727_274_i64]).await?;
        if turns.is_empty() {
            break;
        }
        if begin.elapsed() >= PATIENCE {
            for row in turns {
                let pid: i32 = row.get(0);
                client.execute("SELECT pg_terminate_backend($1)", &[&pid]).await?;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Not part of any backup: it is never set back. (A sequence would jump when the server crashes.)
    const NUMBER: &str = "CREATE TABLE IF NOT EXISTS lease (number BIGINT NOT NULL);
        INSERT INTO lease SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM lease)";
    client.batch_execute(NUMBER).await?;
    Ok(client)
}

/// Who holds the lease. One that is silent is cut off, with the transaction that it may have begun.
async fn holder(client: &Client) -> Result<String, Error> {
    const ACTIVITY: &str = "SELECT COALESCE(host(client_addr), 'this machine'), application_name,
        state_change < now() - make_interval(secs => $2::INT) FROM pg_stat_activity WHERE pid = $1";
    let ending = || "a node that is just ending".to_owned();
    let Some(row) = client.query_opt(HOLDERS, &[&727_275_i64]).await? else { return Ok(ending()) };
    let pid: i32 = row.get(0);
    let Some(row) = client.query_opt(ACTIVITY, &[&pid, &SILENCE]).await? else {
        return Ok(ending());
    };
    let (from, name): (String, String) = (row.get(0), row.get(1));
    if row.get::<_, Option<bool>>(2) == Some(true) {
        let mut cut = vec![pid];
        for row in client.query(HOLDERS, &[&727_274_i64]).await? {
            cut.push(row.get(0));
        }
        for pid in cut {
            client.execute("SELECT pg_terminate_backend($1)", &[&pid]).await?;
        }
    }
    Ok(format!("{name} at {from}"))
}

/// Says every few seconds that this process lives.
async fn live(session: std::sync::Weak<Client>) {
    loop {
        tokio::time::sleep(SIGN).await;
        let Some(session) = session.upgrade() else { return };
        if session.simple_query("SELECT 1").await.is_err() {
            return;
        }
    }
}

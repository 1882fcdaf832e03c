//! SQLite: one connection writes, a few read. WAL, and `synchronous = FULL`: a commit is on disk
//! when it returns.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use tokio::sync::OwnedMutexGuard;

use crate::db::{Dialect, Row, Value};
use crate::intel::search;
use crate::{Error, migrations};

const READERS: usize = 4;

/// How long another process is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct Sqlite {
    writer: Arc<tokio::sync::Mutex<Connection>>,
    readers: Arc<Readers>,
    path: Arc<Path>,
    /// The log may hold what was erased: so it is after a start, too.
    stained: Arc<AtomicBool>,
}

/// A connection of its own, in a transaction that only reads.
pub(crate) struct SqliteSnapshot(Mutex<Connection>);

struct Readers {
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
}

pub(crate) struct SqliteTx {
    // `None` once it is committed; see `Drop`.
    connection: Option<OwnedMutexGuard<Connection>>,
}

impl Sqlite {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        // It has decrypted contents: made for its owner only, and SQLite's other files follow it.
        let _ = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
        let writer = connect(path)?;
        // What it changes it looks up first, all over.
        writer.pragma_update(None, "cache_size", -24_000)?;
        let readers =
            (0..READERS).map(|_| connect(path).map(Mutex::new)).collect::<Result<_, _>>()?;
        Ok(Self {
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            readers: Arc::new(Readers { connections: readers, next: 0.into() }),
            path: path.into(),
            stained: Arc::new(true.into()),
        })
    }

    pub(crate) async fn migrate_to(&self, version: i32) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        let runner = migrations::to(version);
        runner.run(&mut *writer).map_err(Box::new)?;
        if version >= search::SINCE {
            writer.execute_batch(search::tables(Dialect::Sqlite))?;
            // Only where it is not so: who writes waits for whoever does.
            if !writer.query_row(search::IS_LAZY, [], |row| row.get::<_, bool>(0))? {
                writer.execute(search::MAKE_LAZY, [])?;
            }
        }
        Ok(())
    }

    pub(crate) async fn begin(&self) -> Result<SqliteTx, Error> {
        let connection = Arc::clone(&self.writer).lock_owned().await;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(SqliteTx { connection: Some(connection) })
    }

    /// Says that something was erased that the log may still hold.
    pub(crate) fn stain(&self) {
        self.stained.store(true, Ordering::Release);
    }

    /// Brings what stands in the write-ahead log into the file, and empties the log: what was erased is in
    /// neither then. Where somebody reads, such as a backup, it is for the next time: nobody waits for them.
    pub(crate) async fn scrub(&self) -> Result<(), Error> {
        if !self.stained.load(Ordering::Acquire) {
            return Ok(());
        }
        let writer = self.writer.lock().await;
        writer.busy_timeout(Duration::ZERO)?;
        let busy = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        writer.busy_timeout(PATIENCE)?;
        let busy: bool = busy?;
        if !busy {
            self.stained.store(false, Ordering::Release);
        }
        Ok(())
    }

    pub(crate) fn snapshot(&self) -> Result<SqliteSnapshot, Error> {
        let connection = connect(&self.path)?;
        // The first read is what fixes the point in time.
        connection.execute_batch("BEGIN; SELECT COUNT(*) FROM sqlite_master")?;
        Ok(SqliteSnapshot(Mutex::new(connection)))
    }

    pub(crate) fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        query(&self.reader(), sql, params)
    }

    /// Rows of two numbers, without a value made of each.
    pub(crate) fn query_pairs(
        &self,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<(i64, i64)>, Error> {
        let connection = self.reader();
        let mut statement = connection.prepare_cached(sql)?;
        bind(&mut statement, sql, params)?;
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((row.get(0)?, row.get(1)?));
        }
        Ok(found)
    }

    fn reader(&self) -> std::sync::MutexGuard<'_, Connection> {
        let readers = &self.readers.connections;
        // The first that is free, whose statements and pages were used last. A reader keeps no state between
        // queries: one that panicked left none behind.
        for reader in readers {
            match reader.try_lock() {
                Ok(free) => return free,
                Err(TryLockError::Poisoned(left)) => return left.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let next = self.readers.next.fetch_add(1, Ordering::Relaxed);
        readers[next % readers.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqliteSnapshot {
    pub(crate) fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        query(&self.0.lock().unwrap_or_else(PoisonError::into_inner), sql, params)
    }
}

impl SqliteTx {
    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(sql)?;
        bind(&mut statement, sql, params)?;
        Ok(statement.raw_execute()? as u64)
    }

    pub(crate) fn execute_each(
        &mut self,
        sql: &str,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Result<(), Error> {
        let mut statement = self.connection()?.prepare_cached(sql)?;
        for params in rows {
            bind(&mut statement, sql, &params)?;
            statement.raw_execute()?;
        }
        Ok(())
    }

    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        query(self.connection()?, sql, params)
    }

    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        // The commit waits for the disk; other tasks need not.
        let committed = tokio::task::spawn_blocking(move || {
            let result = connection.prepare_cached("COMMIT").and_then(|mut s| s.execute([]));
            if result.is_err() && !connection.is_autocommit() {
                // Best effort: if this fails too, the next BEGIN on the connection says so.
                let _ = connection.execute_batch("ROLLBACK");
            }
            result
        });
        committed.await.map_err(Error::damaged)??;
        Ok(())
    }

    fn connection(&self) -> Result<&Connection, Error> {
        self.connection.as_deref().ok_or_else(|| Error::damaged("the transaction is over"))
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !connection.is_autocommit()
        {
            // Best effort: if this fails, the next BEGIN on the connection says so.
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is erased is not left in the file.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "cache_size", -4_000)?;
    connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    // A plan that depends on what is bound would be made again each time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    bind(&mut statement, sql, params)?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| Ok(value(row.get_ref(column)?)));
        found.push(Row(values.collect::<Result<_, rusqlite::Error>>()?));
    }
    Ok(found)
}

/// SQLite numbers `$2` by where it first stands, PostgreSQL by its name: so does this. SQLite looks a name up among all that
/// stand before it, which of hundreds takes longer than the query: so they are read here.
fn bind(
    statement: &mut rusqlite::CachedStatement<'_>,
    sql: &str,
    params: &[Value],
) -> Result<(), Error> {
    let mut bound = vec![false; params.len()];
    let mut position = 0;
    for placeholder in sql.split('$').skip(1) {
        let digits = placeholder.bytes().take_while(u8::is_ascii_digit).count();
        let number = placeholder[..digits].parse().ok().and_then(|n: usize| n.checked_sub(1));
        let Some(number) = number else { continue };
        let Some(value) = params.get(number) else { break };
        if !std::mem::replace(&mut bound[number], true) {
            position += 1;
            statement.raw_bind_parameter(position, value)?;
        }
    }
    if position != statement.parameter_count() {
        return Err(Error::damaged("a placeholder without a parameter"));
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Real(value),
        // Almost all of it is UTF-8, which is seen faster so.
        ValueRef::Text(value) => Value::Text(match std::str::from_utf8(value) {
            Ok(text) => text.to_owned(),
            Err(_) => String::from_utf8_lossy(value).into_owned(),
        }),
        ValueRef::Blob(value) => Value::Blob(value.to_vec()),
    }
}

//! One thin database: integers, reals, texts, blobs and null; `$1` placeholders; each SQL text
//! written once and run on SQLite and on PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minicbor::{Decode, Encode};

use crate::Error;
use crate::migrate::{self, Migrated};
use crate::postgres::{Postgres, PostgresTx};
use crate::sqlite::{Sqlite, SqliteSnapshot, SqliteTx};

/// A database.
#[derive(Clone)]
pub struct Db(Engine, Arc<AtomicU64>);

#[derive(Clone)]
enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Which database it is: full-text search is the one thing that has a text for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A transaction that writes. Dropped without [`Tx::commit`], it never was.
pub struct Tx(TxEngine);

enum TxEngine {
    Sqlite(SqliteTx),
    Postgres(Box<PostgresTx>),
}

/// A store at one point in time, for reading: what others write meanwhile does not show.
pub(crate) struct Snapshot(SnapshotEngine);

enum SnapshotEngine {
    Sqlite(SqliteSnapshot),
    Postgres(Box<PostgresTx>),
}

/// So many placeholders for a list, from the `first` on.
pub(crate) fn marks(first: usize, count: usize) -> String {
    let marks: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    marks.join(", ")
}

/// A value in a row or a parameter.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Value {
    /// SQL null.
    #[n(0)]
    Null,
    /// A 64-bit integer.
    #[n(1)]
    Int(#[n(0)] i64),
    /// A double.
    #[n(2)]
    Real(#[n(0)] f64),
    /// A text.
    #[n(3)]
    Text(#[n(0)] String),
    /// Bytes.
    #[n(4)]
    Blob(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
}

impl Value {
    /// Bytes that it takes, about.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) | Self::Real(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub(crate) Vec<Value>);

impl Db {
    /// Opens SQLite in a file, which is made where it is not there.
    ///
    /// # Errors
    /// [`Error::Older`] and [`Error::Newer`] where another version wrote it.
    pub async fn sqlite(path: &std::path::Path) -> Result<Self, Error> {
        Self::raw_sqlite(path)?.ready().await
    }

    /// Connects to PostgreSQL at a URL.
    ///
    /// # Errors
    /// [`Error::Older`] and [`Error::Newer`] where another version wrote it.
    pub async fn postgres(url: &str) -> Result<Self, Error> {
        Self::raw_postgres(url).await?.ready().await
    }

    /// Makes the tables of an empty store.
    async fn ready(self) -> Result<Self, Error> {
        let found = self.version().await?;
        migrate::check(found)?;
        if found == 0 {
            self.hold().await?;
            self.migrate_to(migrate::latest()).await?;
        }
        Ok(self)
    }

    /// Brings the store of an earlier version, SQLite in a file, up to this one.
    ///
    /// # Errors
    /// [`Error::Newer`].
    pub async fn migrate_sqlite(path: &std::path::Path) -> Result<Migrated, Error> {
        migrate::run(&Self::raw_sqlite(path)?).await
    }

    /// The same on PostgreSQL at a URL.
    ///
    /// # Errors
    /// [`Error::Newer`].
    pub async fn migrate_postgres(url: &str) -> Result<Migrated, Error> {
        migrate::run(&Self::raw_postgres(url).await?).await
    }

    /// Version of the schema; 0 in an empty store.
    pub(crate) async fn version(&self) -> Result<i32, Error> {
        const SQL: &str = "SELECT MAX(version) FROM refinery_schema_history";
        // Up to nothing: makes the table of steps where it is not there, and takes none.
        self.migrate_to(0).await?;
        let row = self.query_one(SQL, &[]).await?.filter(|row| !row.is_null(0));
        let version = row.map_or(Ok(0), |row| row.int(0))?;
        i32::try_from(version).map_err(Error::damaged)
    }

    pub(crate) async fn migrate_to(&self, version: i32) -> Result<(), Error> {
        match &self.0 {
            Engine::Sqlite(db) => db.migrate_to(version).await,
            Engine::Postgres(db) => db.migrate_to(version).await,
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match &self.0 {
            Engine::Sqlite(_) => Dialect::Sqlite,
            Engine::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Opens SQLite in a file, of whatever version: for a backup of it, or to put one back.
    ///
    /// # Errors
    /// [`Error`].
    pub fn raw_sqlite(path: &std::path::Path) -> Result<Self, Error> {
        Ok(Self(Engine::Sqlite(Sqlite::open(path)?), Arc::default()))
    }

    /// Connects to PostgreSQL at a URL, of whatever version: likewise.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn raw_postgres(url: &str) -> Result<Self, Error> {
        Ok(Self(Engine::Postgres(Postgres::connect(url).await?), Arc::default()))
    }

    /// Says that something was erased of which files of this machine may hold copies.
    pub(crate) fn stain(&self) {
        if let Engine::Sqlite(db) = &self.0 {
            db.stain();
        }
    }

    /// Leaves no copy of what was erased in files of this machine, as soon as nobody reads them: to be called again and
    /// again. PostgreSQL's own files are its administrator's (`VACUUM`, and the archive of its log).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn scrub(&self) -> Result<(), Error> {
        match &self.0 {
            Engine::Sqlite(db) => db.scrub().await,
            Engine::Postgres(_) => Ok(()),
        }
    }

    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot(match &self.0 {
            Engine::Sqlite(db) => SnapshotEngine::Sqlite(db.snapshot()?),
            Engine::Postgres(db) => SnapshotEngine::Postgres(Box::new(db.snapshot().await?)),
        }))
    }

    /// Makes sure that this process is the store's one writer, and waits for what another one before it
    /// may still be writing. With SQLite, whose file is in one node's folder, there is nothing to do.
    ///
    /// # Errors
    /// [`Error::Standby`] where another node is the writer, [`Error::Replaced`] where this one was.
    pub async fn hold(&self) -> Result<(), Error> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(_) => self.begin().await?.commit().await,
        }
    }

    /// Begins a transaction that writes; there is one at a time.
    ///
    /// # Errors
    /// [`Error`]; also what [`Db::hold`] refuses.
    pub async fn begin(&self) -> Result<Tx, Error> {
        Ok(Tx(match &self.0 {
            Engine::Sqlite(db) => TxEngine::Sqlite(db.begin().await?),
            Engine::Postgres(db) => TxEngine::Postgres(Box::new(db.begin().await?)),
        }))
    }

    /// How often intelligence, its collections or who reads them were changed by this process, which is its one writer:
    /// what was read at a count that is still the same is still so.
    #[must_use]
    pub fn intel_changes(&self) -> u64 {
        self.1.load(Ordering::Acquire)
    }

    /// Counts one more change.
    pub(crate) fn intel_changed(&self) {
        self.1.fetch_add(1, Ordering::AcqRel);
    }

    /// The counter of [`Db::intel_changes`], for whoever changes it.
    pub(crate) fn intel_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.1)
    }

    /// Reads what is committed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        match &self.0 {
            Engine::Sqlite(db) => db.query(sql, params),
            Engine::Postgres(db) => db.query(sql, params).await,
        }
    }

    /// Reads rows of two numbers: of such there are many.
    pub(crate) async fn query_pairs(
        &self,
        sql: &str,
        params: &[Value],
    ) -> Result<Vec<(i64, i64)>, Error> {
        match &self.0 {
            Engine::Sqlite(db) => db.query_pairs(sql, params),
            Engine::Postgres(db) => {
                let rows = db.query(sql, params).await?;
                rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect()
            }
        }
    }

    /// Reads the one row that there is at most.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn query_one(&self, sql: &str, params: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }
}

impl Tx {
    pub(crate) fn dialect(&self) -> Dialect {
        match &self.0 {
            TxEngine::Sqlite(_) => Dialect::Sqlite,
            TxEngine::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement; returns how many rows it changed.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        match &mut self.0 {
            TxEngine::Sqlite(tx) => tx.execute(sql, params),
            TxEngine::Postgres(tx) => tx.execute(sql, params).await,
        }
    }

    /// Runs a statement once for each of these rows of parameters.
    pub(crate) async fn execute_each(
        &mut self,
        sql: &str,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Result<(), Error> {
        match &mut self.0 {
            TxEngine::Sqlite(tx) => tx.execute_each(sql, rows),
            TxEngine::Postgres(tx) => {
                for params in rows {
                    tx.execute(sql, &params).await?;
                }
                Ok(())
            }
        }
    }

    /// Reads, with this transaction's own changes.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        match &mut self.0 {
            TxEngine::Sqlite(tx) => tx.query(sql, params),
            TxEngine::Postgres(tx) => tx.query(sql, params).await,
        }
    }

    /// Reads the one row that there is at most.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn query_one(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Makes it durable: when this returns, it survives power loss.
    ///
    /// # Errors
    /// [`Error`]: then it is unknown whether it was committed, and the caller must read again.
    pub async fn commit(self) -> Result<(), Error> {
        match self.0 {
            TxEngine::Sqlite(tx) => tx.commit().await,
            TxEngine::Postgres(tx) => tx.commit().await,
        }
    }
}

impl Snapshot {
    pub(crate) async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        match &mut self.0 {
            SnapshotEngine::Sqlite(db) => db.query(sql, params),
            SnapshotEngine::Postgres(tx) => tx.query(sql, params).await,
        }
    }

    /// The columns of a table.
    pub(crate) async fn columns(&mut self, table: &str) -> Result<Vec<String>, Error> {
        let sql = match &self.0 {
            SnapshotEngine::Sqlite(_) => "SELECT name FROM pragma_table_info($1) ORDER BY cid",
            SnapshotEngine::Postgres(_) => {
                "SELECT column_name::text FROM information_schema.columns
                    WHERE table_schema = current_schema() AND table_name::text = $1
                    ORDER BY ordinal_position"
            }
        };
        let rows = self.query(sql, &[table.into()]).await?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }
}

impl Row {
    /// The integer in this column.
    ///
    /// # Errors
    /// [`Error::Damaged`] for anything else.
    pub fn int(&self, column: usize) -> Result<i64, Error> {
        match self.0.get(column) {
            Some(Value::Int(value)) => Ok(*value),
            _ => Err(Error::damaged(format!("column {column}: want an integer"))),
        }
    }

    /// The integer that is never negative in this column: a size or an index.
    ///
    /// # Errors
    /// [`Error::Damaged`] for anything else.
    pub fn count(&self, column: usize) -> Result<u64, Error> {
        u64::try_from(self.int(column)?).map_err(Error::damaged)
    }

    /// The text in this column.
    ///
    /// # Errors
    /// [`Error::Damaged`] for anything else.
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        match self.0.get(column) {
            Some(Value::Text(value)) => Ok(value),
            _ => Err(Error::damaged(format!("column {column}: want a text"))),
        }
    }

    /// The bytes in this column.
    ///
    /// # Errors
    /// [`Error::Damaged`] for anything else.
    pub fn blob(&self, column: usize) -> Result<&[u8], Error> {
        match self.0.get(column) {
            Some(Value::Blob(value)) => Ok(value),
            _ => Err(Error::damaged(format!("column {column}: want bytes"))),
        }
    }

    /// Whatever is in this column; null where it is not there.
    #[must_use]
    pub fn value(&self, column: usize) -> Value {
        self.0.get(column).cloned().unwrap_or(Value::Null)
    }

    /// Whether this column is null, or not there.
    #[must_use]
    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), None | Some(Value::Null))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    /// Sizes and indexes are at most 2^62, so they fit; anything larger is the largest integer.
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

//! A store's rows in parts, for a backup, and back again: from one point in time, on either database
//! into either.
//!
//! Only facts, and what is nobody else's business: views are made again from them. A part says itself
//! which table and columns it has, so that a backup of an earlier schema can be brought back too.

use minicbor::{Decode, Encode};

use crate::db::{Db, Snapshot, marks};
use crate::{Error, Row, Value, migrate};

/// Bytes of a part at most, about: a backup needs no more memory than that.
const PART: usize = 4 * 1024 * 1024;

/// Rows that are read at a time; of ciphertexts, which may have a megabyte each, a few.
const PAGE: usize = 256;
const PAGE_OF_CONTENTS: usize = 8;

/// The tables that are backed up: name, the columns that order its rows, and the versions of the schema
/// that have it.
const TABLES: [(&str, &str, std::ops::RangeInclusive<i32>); 38] = [
    ("agreement", "terms", 1..=i32::MAX),
    ("peer", "party", 1..=i32::MAX),
    ("ledger", "id", 1..=i32::MAX),
    ("leaf", "arrival", 1..=i32::MAX),
    ("tile", "ledger, level, number", 1..=i32::MAX),
    ("head", "ledger, size", 1..=i32::MAX),
    ("history", "ledger, size", 1..=i32::MAX),
    ("sealed", "digest", 1..=3),
    ("content", "ledger, idx", 3..=i32::MAX),
    ("cosigned", "role, ledger", 1..=i32::MAX),
    ("evidence", "id", 1..=i32::MAX),
    ("delivery", "ledger", 1..=i32::MAX),
    ("news", "ledger, size", 2..=i32::MAX),
    ("promise", "ledger, size", 2..=i32::MAX),
    ("pending", "ledger, idx", 2..=i32::MAX),
    ("reader", "key", 2..=i32::MAX),
    ("account", "name", 5..=i32::MAX),
    ("draft", "id", 5..=i32::MAX),
    ("draft_file", "draft, number", 8..=i32::MAX),
    ("intel_batch", "num", 6..=i32::MAX),
    ("intel_object", "num", 6..=i32::MAX),
    ("intel_again", "object, batch", 6..=i32::MAX),
    ("intel_gone", "id", 6..=i32::MAX),
    ("intel_collection", "num", 6..=i32::MAX),
    ("intel_member", "collection, added", 6..=i32::MAX),
    ("intel_key", "key", 6..=i32::MAX),
    ("intel_status", "id", 6..=i32::MAX),
    ("intel_cursor", "remote", 6..=i32::MAX),
    ("intel_pushed", "remote, id", 6..=i32::MAX),
    ("contact", "account", 7..=i32::MAX),
    ("shift", "id", 7..=i32::MAX),
    ("handover", "id", 7..=i32::MAX),
    ("webhook", "name", 7..=i32::MAX),
    ("alert", "key", 7..=i32::MAX),
    ("alert_to", "key, channel, address", 7..=i32::MAX),
    ("route", "thread, authority", 7..=i32::MAX),
    ("setting", "name", 1..=i32::MAX),
    ("journal", "idx", 1..=i32::MAX),
];

/// Some rows of a table.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Part {
    /// Which table.
    #[n(1)]
    pub table: String,
    /// Its columns.
    #[n(2)]
    pub columns: Vec<String>,
    /// The rows.
    #[n(3)]
    pub rows: Vec<Vec<Value>>,
}

/// A store at one point in time.
pub struct Reading {
    snapshot: Snapshot,
    /// Version of its schema.
    pub schema: i32,
    table: usize,
    last: Option<Vec<Value>>,
}

impl Reading {
    /// Begins to read: what others write from here on is not in it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn begin(db: &Db) -> Result<Self, Error> {
        let schema = db.version().await?;
        Ok(Self { snapshot: db.snapshot().await?, schema, table: 0, last: None })
    }

    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn next(&mut self) -> Result<Option<Part>, Error> {
        while let Some((table, order, versions)) = TABLES.get(self.table) {
            if versions.contains(&self.schema)
                && let Some(part) = self.part(table, order).await?
            {
                return Ok(Some(part));
            }
            self.table += 1;
            self.last = None;
        }
        Ok(None)
    }

    async fn part(&mut self, table: &str, order: &str) -> Result<Option<Part>, Error> {
        let keys = order.split(", ").count();
        let columns = self.snapshot.columns(table).await?;
        let list = columns.join(", ");
        let select = format!("SELECT {order}, {list} FROM {table}");
        let contents = ["content", "sealed", "draft_file"].contains(&table);
        let page = if contents { PAGE_OF_CONTENTS } else { PAGE };
        let (mut rows, mut size) = (Vec::new(), 0);
        while size < PART {
            let found = match &self.last {
                None => {
                    let sql = format!("{select} ORDER BY {order} LIMIT {page}");
                    self.snapshot.query(&sql, &[]).await?
                }
                Some(last) => {
                    let marks = marks(1, keys);
                    let sql = format!(
                        "{select} WHERE ({order}) > ({marks}) ORDER BY {order} LIMIT {page}"
                    );
                    self.snapshot.query(&sql, last).await?
                }
            };
            if found.is_empty() {
                break;
            }
            for Row(mut row) in found {
                let values = row.split_off(keys);
                self.last = Some(row);
                size += values.iter().map(Value::size).sum::<usize>();
                rows.push(values);
                if size >= PART {
                    break;
                }
            }
        }
        Ok((!rows.is_empty()).then(|| Part { table: table.to_owned(), columns, rows }))
    }
}

/// Makes an empty store of this version of the schema, for parts to be put in.
///
/// # Errors
/// [`Error::Refused`] where the store is not empty.
pub async fn prepare(db: &Db, schema: i32) -> Result<(), Error> {
    if db.version().await? != 0 {
        return Err(Error::Refused("the store is not empty; restore into an empty one".to_owned()));
    }
    let known = migrate::latest();
    if schema > known {
        return Err(Error::Newer { found: schema, known });
    }
    db.migrate_to(schema).await
}

/// Whether a table is in a backup.
#[must_use]
pub fn covers(table: &str) -> bool {
    TABLES.iter().any(|(known, ..)| *known == table)
}

/// Puts a part back.
///
/// # Errors
/// [`Error::Refused`] for a table or a column that no backup has.
pub async fn put(db: &Db, part: &Part) -> Result<(), Error> {
    let plain = |name: &String| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if !covers(&part.table) || part.columns.is_empty() || !part.columns.iter().all(plain) {
        return Err(Error::Refused("a part of the backup is of no table here".to_owned()));
    }
    let marks = marks(1, part.columns.len());
    let (table, columns) = (&part.table, part.columns.join(", "));
    let sql = format!("INSERT INTO {table} ({columns}) VALUES ({marks})");
    let mut tx = db.begin().await?;
    for row in &part.rows {
        if row.len() != part.columns.len() {
            return Err(Error::Refused(
                "a row of the backup is not as long as its table".to_owned(),
            ));
        }
        tx.execute(&sql, row).await?;
    }
    tx.commit().await
}

//! What a node keeps.
//!
//! Facts (entries, heads, cosigned checkpoints, ciphertexts, terms) and views made from them. A
//! [`work::Work`] is one transaction: entries, views and what is owed to the other side change
//! together or not at all, and its commit is durable before it returns.
#![forbid(unsafe_code)]

pub mod account;
pub mod agreement;
pub mod alert;
pub mod backup;
pub mod cosigned;
pub mod db;
pub mod draft;
pub mod duty;
pub mod evidence;
pub mod intel;
pub mod journal;
pub mod ledger;
pub mod matter;
pub mod migrate;
pub mod pending;
pub mod reader;
pub mod request;
pub mod route;
pub mod session;
pub mod work;

mod lease;
mod postgres;
mod rebuild;
mod sqlite;

pub use db::{Db, Row, Tx, Value};
pub use rebuild::rebuild;
pub use work::Work;

/// Why something could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL.
    #[error("PostgreSQL: {0}")]
    Postgres(#[from] tokio_postgres::Error),
    /// No connection to PostgreSQL.
    #[error("no connection to PostgreSQL: {0}")]
    Pool(String),
    /// The schema could not be brought up to date.
    #[error("migrating the schema: {0}")]
    Migration(#[from] Box<refinery::Error>),
    /// The store was written by an earlier version of this program.
    #[error(
        "the store has schema {found} and this version of comity wants {known}: take a backup with \
         `comity backup`, then run `comity migrate`"
    )]
    Older {
        /// What it has.
        found: i32,
        /// What this program wants.
        known: i32,
    },
    /// The store was written by a later version of this program.
    #[error(
        "the store has schema {found} and this version of comity knows {known}: it was written by a \
         later version; run that one"
    )]
    Newer {
        /// What it has.
        found: i32,
        /// What this program knows.
        known: i32,
    },
    /// A row is not what this version writes.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The ledger moved under this writer: another one has the database.
    #[error("ledger {0} was changed by another writer; only one node may write")]
    Moved(String),
    /// Another node is the database's writer.
    #[error("another node writes to this database: {0}. This one can take its place when it ends")]
    Standby(String),
    /// This node was the database's writer, and another took its place.
    #[error(
        "another node took this one's place as the writer of the database; start this one again"
    )]
    Replaced,
    /// Something that the store is not for.
    #[error("{0}")]
    Refused(String),
    /// The rules of ledgers.
    #[error(transparent)]
    Ledger(#[from] comity_ledger::Error),
    /// There is no such thing.
    #[error("there is no {what} {id:?}")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// By what.
        id: String,
    },
}

impl Error {
    /// A row's JSON that this version did not write. Where it goes wrong is said, not what is there.
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(crate) fn json(error: serde_json::Error) -> Self {
        Self::Damaged(format!("JSON that is not what is written here, column {}", error.column()))
    }

    pub(crate) fn damaged(what: impl std::fmt::Display) -> Self {
        Self::Damaged(what.to_string())
    }
}

mod migrations {
    refinery::embed_migrations!("migrations");

    /// Runs the steps up to this version. Up to 0 only makes the table of steps, whatever steps a later
    /// program took.
    pub(crate) fn to(version: i32) -> refinery::Runner {
        let runner = migrations::runner().set_target(refinery::Target::Version(version));
        runner.set_abort_missing(version > 0)
    }
}

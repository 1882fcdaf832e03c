//! The index of what objects can be found by: FTS5 on SQLite, `tsvector` on PostgreSQL, the same tokens in both.

use std::fmt::Write as _;

use crate::db::Dialect;
use crate::{Db, Error, Tx, Value};

/// What is looked for. Tokens are lower-case letters, digits and `_`, or anything beyond ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Objects with this token.
    Token(String),
    /// Objects with a token that begins so.
    Prefix(String),
    /// What all of these find, and none of those.
    All(Vec<Query>, Vec<Query>),
    /// What any of these finds.
    Any(Vec<Query>),
}

/// Objects by their numbers, the latest first, from below a number on; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn find(
    db: &Db,
    query: &Query,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<u64>, Error> {
    const SQLITE: &str = "SELECT rowid FROM intel_text
        WHERE intel_text MATCH $1 AND rowid < $2 ORDER BY rowid DESC LIMIT $3";
    const POSTGRES: &str = "SELECT num FROM intel_text
        WHERE words @@ $1::text::tsquery AND num < $2 ORDER BY num DESC LIMIT $3";
    let mut text = String::new();
    let dialect = db.dialect();
    write(query, dialect, &mut text);
    let sql = match dialect {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    };
    let before = before.unwrap_or(i64::MAX as u64);
    let rows = db.query(sql, &[text.into(), before.into(), limit.into()]).await?;
    rows.iter().map(|row| row.count(0)).collect()
}

fn write(query: &Query, dialect: Dialect, out: &mut String) {
    let (quote, star, and, or, not) = match dialect {
        Dialect::Sqlite => ('"', "*", " AND ", " OR ", " NOT "),
        Dialect::Postgres => ('\'', ":*", " & ", " | ", " & !"),
    };
    // Tokens have neither quotes nor anything else that means something in a query.
    let mut token = |token: &str, end: &str| {
        let token: String = token.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
        let _ = write!(out, "{quote}{token}{quote}{end}");
    };
    match query {
        Query::Token(text) => token(text, ""),
        Query::Prefix(text) => token(text, star),
        Query::All(wanted, unwanted) => {
            out.push('(');
            for (at, one) in wanted.iter().enumerate() {
                out.push_str(if at > 0 { and } else { "" });
                write(one, dialect, out);
            }
            for one in unwanted {
                out.push_str(not);
                write(one, dialect, out);
            }
            out.push(')');
        }
        Query::Any(any) => {
            out.push('(');
            for (at, one) in any.iter().enumerate() {
                out.push_str(if at > 0 { or } else { "" });
                write(one, dialect, out);
            }
            out.push(')');
        }
    }
}

/// The version of the schema that has it first.
pub(crate) const SINCE: i32 = 6;

/// SQLite merges eight segments of its index into one rather than four: half of the writing, and a search looks into a few
/// more.
pub(crate) const MAKE_LAZY: &str =
    "INSERT INTO intel_text (intel_text, rank) VALUES ('automerge', 8)";

/// Whether it does.
pub(crate) const IS_LAZY: &str =
    "SELECT EXISTS (SELECT 1 FROM intel_text_config WHERE k = 'automerge' AND v = 8)";

/// Makes the index, where it is not there.
pub(crate) fn tables(dialect: Dialect) -> &'static str {
    match dialect {
        // Nothing but which tokens an object has: no texts, no places. Beyond ASCII everything is a letter.
        Dialect::Sqlite => {
            "CREATE VIRTUAL TABLE IF NOT EXISTS intel_text USING fts5 (words, content = '',
                contentless_delete = 1, detail = none, tokenize = \"ascii tokenchars '_'\")"
        }
        Dialect::Postgres => {
            "CREATE TABLE IF NOT EXISTS intel_text (num BIGINT PRIMARY KEY, words TSVECTOR NOT NULL);
             CREATE INDEX IF NOT EXISTS intel_text_words ON intel_text USING GIN (words)"
        }
    }
}

/// Puts objects into the index: the tokens of each, with spaces between.
pub(crate) async fn put(
    tx: &mut Tx,
    objects: impl IntoIterator<Item = (u64, String)>,
) -> Result<(), Error> {
    let sql = match tx.dialect() {
        Dialect::Sqlite => "INSERT INTO intel_text (rowid, words) VALUES ($1, $2)",
        Dialect::Postgres => {
            "INSERT INTO intel_text (num, words)
                VALUES ($1, array_to_tsvector(string_to_array($2::text, ' ')))"
        }
    };
    let row = |(num, words): (u64, String)| vec![num.into(), Value::Text(words)];
    tx.execute_each(sql, objects.into_iter().map(row)).await
}

/// Takes an object out of the index, or all.
pub(crate) async fn remove(tx: &mut Tx, num: Option<u64>) -> Result<(), Error> {
    match (num, tx.dialect()) {
        (Some(num), Dialect::Sqlite) => {
            tx.execute("DELETE FROM intel_text WHERE rowid = $1", &[num.into()]).await?;
        }
        (Some(num), Dialect::Postgres) => {
            tx.execute("DELETE FROM intel_text WHERE num = $1", &[num.into()]).await?;
        }
        (None, Dialect::Sqlite) => {
            tx.execute("INSERT INTO intel_text (intel_text) VALUES ('delete-all')", &[]).await?;
        }
        (None, Dialect::Postgres) => {
            tx.execute("DELETE FROM intel_text", &[]).await?;
        }
    }
    Ok(())
}

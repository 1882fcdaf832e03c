//! Drafts: what a person has written and another has not released yet. Nobody else's business.

use comity_rules::ThreadId;
use comity_rules::command::Command;
use jiff::Timestamp;

use crate::{Db, Error, Row, Tx};

/// A draft.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// For which authority.
    pub authority: Option<String>,
    /// Hash of the terms.
    pub terms: String,
    /// The request, unless it opens one.
    pub request: Option<ThreadId>,
    /// What it would state.
    pub command: Command,
    /// When it was written.
    pub made: Timestamp,
    /// What became of it: `released` or `returned`, by whom, and why.
    pub decided: Option<(String, String, String)>,
}

const COLUMNS: &str =
    "id, author, authority, terms, request, command, made, decided, decided_by, note";

/// Keeps a draft.
///
/// # Errors
/// [`Error`].
pub async fn keep(db: &Db, draft: &Draft) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO draft (id, author, authority, terms, request, command, made)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    const FILE: &str = "INSERT INTO draft_file (draft, number, bytes) VALUES ($1, $2, $3)";
    let mut command = draft.command.clone();
    let files = command.attachments_mut().iter_mut().map(|file| std::mem::take(&mut file.bytes));
    let files: Vec<_> = files.collect();
    let params = [
        draft.id.as_str().into(),
        draft.author.as_str().into(),
        draft.authority.as_deref().into(),
        draft.terms.as_str().into(),
        draft.request.map(|thread| thread.to_string()).as_deref().into(),
        serde_json::to_string(&command).map_err(Error::json)?.into(),
        draft.made.as_second().into(),
    ];
    let mut tx = db.begin().await?;
    tx.execute(SQL, &params).await?;
    for (number, bytes) in (0_u64..).zip(files) {
        tx.execute(FILE, &[draft.id.as_str().into(), number.into(), bytes.into()]).await?;
    }
    tx.commit().await
}

/// The draft of this id, with its files as long as it waits.
///
/// # Errors
/// [`Error::Missing`].
pub async fn show(db: &Db, id: &str) -> Result<Draft, Error> {
    let sql = format!("SELECT {COLUMNS} FROM draft WHERE id = $1");
    let row = db.query_one(&sql, &[id.into()]).await?;
    let mut draft = read(&row.ok_or_else(|| Error::Missing { what: "draft", id: id.to_owned() })?)?;
    let sql = "SELECT number, bytes FROM draft_file WHERE draft = $1";
    for row in db.query(sql, &[id.into()]).await? {
        let number = usize::try_from(row.count(0)?).unwrap_or(usize::MAX);
        if let Some(file) = draft.command.attachments_mut().get_mut(number) {
            file.bytes = row.blob(1)?.to_vec();
        }
    }
    Ok(draft)
}

/// The drafts that wait, oldest first and without the bytes of their files; at most `limit`.
///
/// # Errors
/// [`Error`].
pub async fn waiting(db: &Db, limit: u64) -> Result<Vec<Draft>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM draft WHERE decided IS NULL ORDER BY made, id LIMIT $1");
    db.query(&sql, &[limit.into()]).await?.iter().map(read).collect()
}

/// Decides a draft, once; what had been decided before, and by whom, if anything.
///
/// # Errors
/// [`Error::Missing`].
pub async fn decide(
    tx: &mut Tx,
    id: &str,
    (decided, by, note): (&str, &str, &str),
    at: Timestamp,
) -> Result<Option<(String, String)>, Error> {
    const SQL: &str = "UPDATE draft SET decided = $2, decided_by = $3, note = $4, decided_at = $5
        WHERE id = $1 AND decided IS NULL";
    let params = [id.into(), decided.into(), by.into(), note.into(), at.as_second().into()];
    if tx.execute(SQL, &params).await? == 1 {
        return Ok(None);
    }
    let sql = "SELECT decided, decided_by FROM draft WHERE id = $1";
    let row = tx.query_one(sql, &[id.into()]).await?;
    let row = row.ok_or_else(|| Error::Missing { what: "draft", id: id.to_owned() })?;
    Ok(Some((row.text(0)?.to_owned(), row.text(1)?.to_owned())))
}

/// Lets the files of a draft go that is decided.
///
/// # Errors
/// [`Error`].
pub async fn drop_files(tx: &mut Tx, id: &str) -> Result<(), Error> {
    tx.execute("DELETE FROM draft_file WHERE draft = $1", &[id.into()]).await?;
    Ok(())
}

/// Lets a draft wait again that could not be stated.
///
/// # Errors
/// [`Error`].
pub async fn reopen(tx: &mut Tx, id: &str) -> Result<(), Error> {
    tx.execute("UPDATE draft SET decided = NULL WHERE id = $1", &[id.into()]).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Draft, Error> {
    let text = |column: usize| -> Result<Option<String>, Error> {
        if row.is_null(column) { Ok(None) } else { Ok(Some(row.text(column)?.to_owned())) }
    };
    let request = text(4)?.map(|id| id.parse().map_err(Error::damaged)).transpose()?;
    let decided = text(7)?.map(|decided| {
        Ok::<_, Error>((decided, text(8)?.unwrap_or_default(), text(9)?.unwrap_or_default()))
    });
    Ok(Draft {
        id: row.text(0)?.to_owned(),
        author: row.text(1)?.to_owned(),
        authority: text(2)?,
        terms: row.text(3)?.to_owned(),
        request,
        command: serde_json::from_str(row.text(5)?).map_err(Error::json)?,
        made: Timestamp::from_second(row.int(6)?).map_err(Error::damaged)?,
        decided: decided.transpose()?,
    })
}

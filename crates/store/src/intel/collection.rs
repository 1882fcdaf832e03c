//! Collections: what readers read.

use comity_stix::marking::Audience;

use super::Gone;
use super::intake::Intake;
use crate::{Db, Error, Row};

/// A collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its number here.
    pub num: u64,
    /// Its UUID.
    pub id: String,
    /// A short name, for people.
    pub alias: String,
    /// Its title.
    pub title: String,
    /// What it is for; empty where nothing is said.
    pub description: String,
    /// The label of what is added by others and has none of its own.
    pub marking: String,
    /// The time of the latest addition, in microseconds since 1970.
    pub latest: i64,
    /// Whether a version of an object ever came after a later one of it.
    pub late: bool,
}

const COLUMNS: &str = "num, id, alias, title, description, marking, latest, late";

/// Every collection, by name.
///
/// # Errors
/// [`Error`].
pub async fn list(db: &Db) -> Result<Vec<Collection>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM intel_collection ORDER BY alias");
    db.query(&sql, &[]).await?.iter().map(read).collect()
}

/// The collection of this UUID or name.
///
/// # Errors
/// [`Error`].
pub async fn find(db: &Db, name: &str) -> Result<Option<Collection>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM intel_collection WHERE id = $1 OR alias = $1");
    db.query_one(&sql, &[name.into()]).await?.as_ref().map(read).transpose()
}

/// Makes a collection; its number is given here.
///
/// # Errors
/// [`Error::Refused`] where there is one of this name.
pub async fn add(db: &Db, made: &Collection) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO intel_collection
        (num, id, alias, title, description, marking, latest, late)
        VALUES ((SELECT COALESCE(MAX(num), 0) + 1 FROM intel_collection), $1, $2, $3, $4, $5, 0, 0)
        ON CONFLICT DO NOTHING";
    let mut tx = db.begin().await?;
    let params = [
        made.id.as_str().into(),
        made.alias.as_str().into(),
        made.title.as_str().into(),
        made.description.as_str().into(),
        made.marking.as_str().into(),
    ];
    if tx.execute(SQL, &params).await? == 0 {
        let alias = &made.alias;
        return Err(Error::Refused(format!("there is a collection {alias:?} already")));
    }
    tx.commit().await?;
    db.intel_changed();
    Ok(())
}

/// The collections that have an object, by name.
///
/// # Errors
/// [`Error`].
pub async fn having(db: &Db, object: u64) -> Result<Vec<Collection>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM intel_collection WHERE num IN
            (SELECT collection FROM intel_member WHERE object = $1) ORDER BY alias"
    );
    db.query(&sql, &[object.into()]).await?.iter().map(read).collect()
}

impl Intake {
    /// Takes versions of an object out of a collection, but for these readers.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn take_out(
        &mut self,
        (collection, id): (u64, &str),
        versions: &[u64],
        but_for: Audience,
    ) -> Result<(), Error> {
        const DROP: &str = "DELETE FROM intel_member
            WHERE object = $1 AND collection = $2 AND (audience & $3) = 0";
        const NARROW: &str = "UPDATE intel_member SET audience = audience & $3
            WHERE object = $1 AND collection = $2";
        for object in versions {
            self.admitted.remove(&(*object, collection));
            for sql in [DROP, NARROW] {
                let params = [(*object).into(), collection.into(), but_for.into()];
                self.tx.execute(sql, &params).await?;
            }
        }
        self.unordered.insert((collection, id.to_owned()));
        Ok(())
    }

    /// Deletes an object that nobody but the tool with the key of this hash ever brought, and that no collection has;
    /// whether. Who only gives back what was pushed there brought nothing; and where the tool takes it back from, it need not be
    /// deleted. What others say of it stays as it is, and the tool, or another, may bring it again.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn take_back(
        &mut self,
        id: &str,
        who: &str,
        (key, remote): (&str, &str),
    ) -> Result<bool, Error> {
        const NOT_THERE: &str = "DELETE FROM intel_pushed WHERE remote = $1 AND id = $2";
        const HELD: &str = "SELECT 1 FROM intel_object
                JOIN intel_batch ON intel_batch.num = intel_object.batch
                WHERE id = $1 AND key <> $2
            UNION ALL SELECT 1 FROM intel_object
                JOIN intel_again ON intel_again.object = intel_object.num
                JOIN intel_batch ON intel_batch.num = intel_again.batch
                WHERE id = $1 AND key <> $2 AND NOT EXISTS (SELECT 1 FROM intel_pushed
                    WHERE intel_pushed.remote = intel_batch.remote AND intel_pushed.id = $1
                    AND intel_pushed.since <= intel_batch.at)
            UNION ALL SELECT 1 FROM intel_object
                JOIN intel_member ON intel_member.object = intel_object.num
                WHERE id = $1
            LIMIT 1";
        if self.tx.query_one(HELD, &[id.into(), key.into()]).await?.is_some() {
            return Ok(false);
        }
        self.tx.execute(NOT_THERE, &[remote.into(), id.into()]).await?;
        let versions = self.versions(id).await?;
        let audience = versions.iter().fold(Audience::NOBODY, |all, one| all.or(one.audience));
        let how = Gone { key: key.to_owned(), audience };
        Ok(self.remove(id, who, &how).await? > 0)
    }
}

fn read(row: &Row) -> Result<Collection, Error> {
    Ok(Collection {
        num: row.count(0)?,
        id: row.text(1)?.to_owned(),
        alias: row.text(2)?.to_owned(),
        title: row.text(3)?.to_owned(),
        description: row.text(4)?.to_owned(),
        marking: row.text(5)?.to_owned(),
        latest: row.int(6)?,
        late: row.int(7)? != 0,
    })
}

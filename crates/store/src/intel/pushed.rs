//! What was pushed to other servers, and what of it is to be deleted there: it is owed until they say that it is done.

use comity_stix::marking::Audience;

use super::intake::Intake;
use crate::{Db, Error, Row, Value};

/// What is to be deleted at another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Its identifier.
    pub id: String,
    /// How often that was said: what is said again while it is done is owed still.
    pub times: u64,
}

/// What went from here and was pushed to a remote collection before. Definitions last: what they mark may be there.
///
/// # Errors
/// [`Error`].
pub async fn owed(db: &Db, remote: &str) -> Result<Vec<Owed>, Error> {
    const SQL: &str = "SELECT id, gone FROM intel_pushed WHERE remote = $1 AND gone > 0
        ORDER BY CASE WHEN id LIKE 'marking-definition--%' THEN 1 ELSE 0 END, id";
    let read = |row: &Row| Ok(Owed { id: row.text(0)?.to_owned(), times: row.count(1)? });
    db.query(SQL, &[remote.into()]).await?.iter().map(read).collect()
}

impl Intake {
    /// Remembers that an object is pushed to a remote collection.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn pushed(&mut self, remote: &str, id: &str) -> Result<(), Error> {
        // It may have gone since it was read.
        const SQL: &str = "INSERT INTO intel_pushed (remote, id, since, gone) VALUES ($1, $2, $3,
                CASE WHEN EXISTS (SELECT 1 FROM intel_gone WHERE intel_gone.id = $2) THEN 1 ELSE 0 END)
            ON CONFLICT (remote, id) DO UPDATE SET gone =
                CASE WHEN intel_pushed.gone > excluded.gone THEN intel_pushed.gone ELSE excluded.gone END";
        let since = self.now();
        self.tx.execute(SQL, &[remote.into(), id.into(), since.into()]).await?;
        Ok(())
    }

    /// Forgets that an object was to be deleted at a remote collection: it is. What came back here is added to its collections
    /// now, so that whoever pushes any of it there pushes it again.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn paid(&mut self, remote: &str, paid: &Owed) -> Result<(), Error> {
        const PAID: &str = "DELETE FROM intel_pushed WHERE remote = $1 AND id = $2 AND gone = $3";
        let params = [remote.into(), paid.id.as_str().into(), paid.times.into()];
        self.tx.execute(PAID, &params).await?;
        for known in self.versions(&paid.id).await? {
            for collection in self.collections_of(known.num).await? {
                let shown = self.shown_in(collection, known.num).await?;
                self.take_out((collection, &paid.id), &[known.num], Audience::NOBODY).await?;
                self.admitted.insert((known.num, collection), shown);
            }
        }
        Ok(())
    }

    /// Whether this version of an object, or where it has none any, is still to be deleted at this remote collection, or
    /// where that is empty at any.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn is_owed(
        &mut self,
        id: &str,
        version: Option<i64>,
        remote: &str,
    ) -> Result<bool, Error> {
        const SQL: &str = "SELECT 1 FROM intel_pushed
            WHERE id = $1 AND gone > 0 AND gone_until >= $2 AND ($3 = '' OR remote = $3) LIMIT 1";
        let version = version.unwrap_or(i64::MIN);
        let params = [id.into(), version.into(), remote.into()];
        Ok(self.tx.query_one(SQL, &params).await?.is_some())
    }

    /// Says that every version of an object up to this one is to be deleted where it was pushed.
    pub(super) async fn owe(&mut self, id: &str, version: i64) -> Result<(), Error> {
        const SQL: &str = "UPDATE intel_pushed SET gone = gone + 1,
                gone_until = CASE WHEN gone > 0 AND gone_until > $2 THEN gone_until ELSE $2 END
            WHERE id = $1";
        let params: [Value; 2] = [id.into(), version.into()];
        self.tx.execute(SQL, &params).await?;
        Ok(())
    }
}

//! Inside a party: which of its authorities a request goes to, and what each says. The other side sees one
//! voice. Nobody else's business.

use comity_rules::ThreadId;
use jiff::Timestamp;

use crate::{Db, Error, Row};

/// An authority's part in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Which authority.
    pub authority: String,
    /// `lead`: it answers. `consult`: it is asked first.
    pub part: String,
    /// `asked`, `competent`, `not-competent`, `agrees`, `objects`.
    pub stand: String,
    /// In words.
    pub note: String,
    /// Who said so last.
    pub who: String,
    /// When.
    pub at: Timestamp,
}

/// Notes an authority's part and what it says.
///
/// # Errors
/// [`Error`].
pub async fn put(db: &Db, thread: ThreadId, route: &Route) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO route (thread, authority, part, stand, note, who, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (thread, authority) DO UPDATE SET
        part = excluded.part, stand = excluded.stand, note = excluded.note, who = excluded.who,
        at = excluded.at";
    let Route { authority, part, stand, note, who, at } = route;
    let [authority, part, stand, note, who] =
        [authority, part, stand, note, who].map(|text| text.as_str().into());
    let params =
        [thread.to_string().into(), authority, part, stand, note, who, at.as_second().into()];
    let mut tx = db.begin().await?;
    tx.execute(SQL, &params).await?;
    tx.commit().await
}

/// The authorities of a thread, by name.
///
/// # Errors
/// [`Error`].
pub async fn of(db: &Db, thread: ThreadId) -> Result<Vec<Route>, Error> {
    const SQL: &str = "SELECT authority, part, stand, note, who, at FROM route WHERE thread = $1
        ORDER BY authority";
    let read = |row: &Row| {
        let text = |column| Ok::<_, Error>(row.text(column)?.to_owned());
        Ok(Route {
            authority: text(0)?,
            part: text(1)?,
            stand: text(2)?,
            note: text(3)?,
            who: text(4)?,
            at: Timestamp::from_second(row.int(5)?).map_err(Error::damaged)?,
        })
    };
    db.query(SQL, &[thread.to_string().into()]).await?.iter().map(read).collect()
}

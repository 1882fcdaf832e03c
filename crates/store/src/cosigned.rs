//! What this node cosigned for others, as witness and as mirror: compared and swapped before it
//! signs, so that it never signs two histories.

use comity_ledger::Hash;

use crate::{Db, Error, Row, Tx};

/// In which role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It saw the head.
    Witness,
    /// It keeps the entries. Before it does, the head is pending.
    Mirror,
    /// A head whose entries it does not have yet.
    Pending,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::Witness => "witness",
            Self::Mirror => "mirror",
            Self::Pending => "pending",
        }
    }
}

/// The last head of a ledger in a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// How many entries.
    pub size: u64,
    /// The root.
    pub root: Hash,
    /// The checkpoint as it was received or served.
    pub note: String,
}

const READ: &str = "SELECT size, root, note FROM cosigned WHERE role = $1 AND ledger = $2";

/// The last head; `None` where there was none.
///
/// # Errors
/// [`Error`].
pub async fn last(db: &Db, role: Role, ledger: &str) -> Result<Option<Cosigned>, Error> {
    db.query_one(READ, &[role.as_str().into(), ledger.into()]).await?.as_ref().map(read).transpose()
}

/// The last head, within a transaction.
///
/// # Errors
/// [`Error`].
pub async fn load(tx: &mut Tx, role: Role, ledger: &str) -> Result<Option<Cosigned>, Error> {
    tx.query_one(READ, &[role.as_str().into(), ledger.into()]).await?.as_ref().map(read).transpose()
}

/// Replaces the last head, never by a smaller one.
///
/// # Errors
/// [`Error::Moved`] where the store has a larger one.
pub async fn swap(tx: &mut Tx, role: Role, ledger: &str, new: &Cosigned) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO cosigned (role, ledger, size, root, note)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (role, ledger) DO UPDATE
        SET size = excluded.size, root = excluded.root, note = excluded.note
        WHERE cosigned.size <= excluded.size";
    let params = [
        role.as_str().into(),
        ledger.into(),
        new.size.into(),
        new.root.to_hex().into(),
        new.note.as_str().into(),
    ];
    match tx.execute(SQL, &params).await? {
        1 => Ok(()),
        _ => Err(Error::Moved(ledger.to_owned())),
    }
}

fn read(row: &Row) -> Result<Cosigned, Error> {
    let root = Hash::from_hex(row.text(1)?).ok_or_else(|| Error::damaged("root"))?;
    Ok(Cosigned { size: row.count(0)?, root, note: row.text(2)?.to_owned() })
}

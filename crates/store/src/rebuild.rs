//! `comity rebuild`: the views once more, from the facts.

use std::sync::Arc;

use comity_ledger::{Hash, Statement};
use comity_rules::channel::Channel;

use crate::db::marks;
use crate::work::{Opener, Proof, Work};
use crate::{Db, Error, Value, ledger};

/// Rows that are read at a time.
const PAGE: usize = 500;

/// The tables that are views, each with the columns that order its rows.
const VIEWS: [(&str, &str); 6] = [
    ("statement", "ledger, idx"),
    ("request", "thread"),
    ("matter", "thread"),
    ("limit_of", "ledger, idx, what"),
    ("proof_of", "ledger, idx, request"),
    ("owed", "ledger, idx"),
];

/// What a rebuild found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Entries that were taken again.
    pub entries: u64,
    /// Views whose rows were not what the facts give; they are now.
    pub differed: Vec<&'static str>,
}

/// Makes every view again, in one transaction, and says which were not what they should have been.
///
/// # Errors
/// [`Error`].
pub async fn rebuild(db: &Db, opener: Opener) -> Result<Rebuilt, Error> {
    let mut work = Work::begin(db, opener).await?;
    let before = snapshot(&mut work).await?;
    for (view, _) in VIEWS {
        work.tx.execute(&format!("DELETE FROM {view}"), &[]).await?;
    }
    let entries = again(&mut work, db, Again::All).await?;
    let after = snapshot(&mut work).await?;
    let differed = VIEWS
        .iter()
        .enumerate()
        .filter(|(n, _)| before[*n] != after[*n])
        .map(|(_, v)| v.0)
        .collect();
    work.commit().await?;
    Ok(Rebuilt { entries, differed })
}

/// Notes in views of an earlier schema what each entry was the first to have seen. They are no part of a backup: where
/// there are none yet, a rebuild notes it.
pub(crate) async fn show(db: &Db) -> Result<(), Error> {
    const TO_DO: &str = "SELECT value FROM setting WHERE name = 'unshown'";
    const DONE: &str = "DELETE FROM setting WHERE name = 'unshown'";
    // Nothing is opened: what was read stays as it is.
    let mut work = Work::begin(db, Arc::new(|_, _, _| Err("undecryptable"))).await?;
    if work.tx.query_one(TO_DO, &[]).await?.is_some() {
        again(&mut work, db, Again::Seen).await?;
        work.tx.execute(DONE, &[]).await?;
    }
    work.commit().await
}

/// What is made again from the entries.
#[derive(Clone, Copy)]
enum Again {
    All,
    /// Only what each had seen.
    Seen,
}

/// Takes every entry again, in the order in which they came; how many there are.
async fn again(work: &mut Work, db: &Db, what: Again) -> Result<u64, Error> {
    const LEAVES: &str =
        "SELECT ledger, entry, arrival FROM leaf WHERE arrival >= $1 ORDER BY arrival LIMIT $2";
    let ledgers = ledger::list(db).await?;
    for known in &ledgers {
        let ledger = work.ledger(&known.id).await?;
        let old = &known.channel;
        let terms = Hash::from_hex(&old.terms).ok_or_else(|| Error::damaged("terms"))?;
        let mut channel =
            Channel::new(old.from.clone(), old.to.clone(), &known.key, terms, &old.root);
        channel.other.clone_from(&old.other);
        ledger.channel = channel;
    }
    let mut entries = 0;
    let mut next: u64 = 0;
    loop {
        let rows = work.tx.query(LEAVES, &[next.into(), (PAGE as u64).into()]).await?;
        let Some(last) = rows.last() else { break };
        next = last.count(2)? + 1;
        for row in &rows {
            let (id, entry) = (row.text(0)?, Statement::parse(row.blob(1)?));
            match what {
                Again::All => drop(work.project(id, entry, row.count(2)?, None).await?),
                Again::Seen => drop(work.admit(id, entry).await?),
            }
            entries += 1;
        }
        // Requests go to their table as they come, so that memory does not grow with the ledger.
        work.flush().await?;
    }
    for known in &ledgers {
        times(work, &known.id).await?;
    }
    work.flush().await?;
    Ok(entries)
}

/// Gives the entries of a ledger the times that its witnessed and mirrored heads prove.
async fn times(work: &mut Work, id: &str) -> Result<(), Error> {
    const HISTORY: &str = "SELECT size, time FROM history WHERE ledger = $1 ORDER BY size";
    const MIRRORED: &str =
        "SELECT size, mirrored FROM head WHERE ledger = $1 AND mirrored IS NOT NULL ORDER BY size";
    for (sql, proof) in [(HISTORY, Proof::Witness), (MIRRORED, Proof::Mirror)] {
        // What is kept ascends in size and time; see `Work::witnessed`.
        let mut from = 0;
        for row in work.tx.query(sql, &[id.into()]).await? {
            let size = row.count(0)?;
            work.times(id, (from, size), proof, ledger::time(row.int(1)?)?).await?;
            from = size;
        }
    }
    Ok(())
}

/// A digest of each view's rows.
async fn snapshot(work: &mut Work) -> Result<Vec<Hash>, Error> {
    let mut digests = Vec::new();
    for (view, order) in VIEWS {
        // A page at a time, after the last row of the page before: memory stays what one page needs.
        let columns = order.split(", ").count();
        let first = format!("SELECT {order}, {view}.* FROM {view} ORDER BY {order} LIMIT {PAGE}");
        let next = format!(
            "SELECT {order}, {view}.* FROM {view} WHERE ({order}) > ({}) ORDER BY {order} LIMIT {PAGE}",
            marks(1, columns)
        );
        let mut digest = Hash::EMPTY;
        let mut rows = work.tx.query(&first, &[]).await?;
        while let Some(last) = rows.last() {
            digest = Hash::of(format!("{digest:?}{rows:?}").as_bytes());
            let key: Vec<Value> = (0..columns).map(|column| last.value(column)).collect();
            rows = work.tx.query(&next, &key).await?;
        }
        digests.push(digest);
    }
    Ok(digests)
}

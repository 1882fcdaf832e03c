//! Pages that were just made: many tools ask for the same one, again and again, until something changes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use comity_stix::marking::Clearance;
use comity_store::intel::feed::Filter;

use super::reply::Ends;

/// Bytes of pages that are kept.
const MOST: usize = 16 << 20;

/// What a page is of: for readers of one clearance it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub(super) collection: u64,
    pub(super) clearance: Clearance,
    pub(super) filter: Filter,
    pub(super) limit: u64,
}

/// A page as it is sent.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) text: Bytes,
    pub(super) ends: Ends,
}

/// Pages of the store as it was at one count of changes.
#[derive(Default)]
pub(super) struct Pages(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    changes: u64,
    size: usize,
    pages: HashMap<Wanted, Sent>,
}

impl Pages {
    /// A page, if it was made after this many changes.
    pub(super) fn get(&self, changes: u64, wanted: &Wanted) -> Option<Sent> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.changes == changes).then(|| kept.pages.get(wanted).cloned()).flatten()
    }

    /// Keeps a page that was made when there were this many changes, counted before it was read.
    pub(super) fn put(&self, changes: u64, wanted: Wanted, sent: Sent) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.changes != changes || kept.size + sent.text.len() > MOST {
            *kept = Kept { changes, ..Kept::default() };
        }
        if sent.text.len() <= MOST {
            kept.size += sent.text.len();
            kept.pages.insert(wanted, sent);
        }
    }
}

//! What tools ask for again and again, held in memory until intelligence changes.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use comity_stix::marking::Clearance;
use comity_store::intel::feed::{Filter, Page};

use super::reply::Ends;

/// What a page is of: for readers of one clearance it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub(super) collection: u64,
    pub(super) clearance: Clearance,
    pub(super) filter: Filter,
    pub(super) limit: u64,
}

impl Wanted {
    /// Every page of the same list.
    pub(super) fn list(&self) -> Self {
        let filter = Filter { cursor: None, ..self.filter.clone() };
        Self { filter, limit: 0, ..self.clone() }
    }
}

/// A stretch of a list: whoever reads a page of it mostly reads the next.
pub(super) struct Ahead {
    /// It has everything after this time,
    pub(super) from: i64,
    /// in order,
    pub(super) places: Vec<(i64, u64)>,
    /// and more lies behind it.
    pub(super) more: bool,
}

impl Ahead {
    /// The page after a time, where it lies in the stretch as a whole.
    pub(super) fn page(&self, after: i64, limit: u64) -> Option<Page<u64>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let rest = self.places.get(self.places.partition_point(|place| place.0 <= after)..)?;
        let is_whole = rest.len() > limit || !self.more;
        (self.from <= after && is_whole).then(|| Page {
            members: rest.iter().take(limit).copied().collect(),
            more: rest.len() > limit,
        })
    }
}

/// A page as it is sent.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) text: Bytes,
    pub(super) ends: Ends,
}

/// Values that were read from the store as it was at one count of changes, of so many bytes together. Where there is no
/// room for one more, all go.
pub(super) struct Held<K, V> {
    most: usize,
    kept: Mutex<Kept<K, V>>,
}

/// What is held of one count of changes.
struct Kept<K, V> {
    changes: u64,
    size: usize,
    values: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> Held<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::new(Kept { changes: 0, size: 0, values: HashMap::new() }) }
    }

    /// The value of a key, if it was read after this many changes.
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, changes: u64, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.kept(changes).values.get(key).cloned()
    }

    /// The same of several keys.
    pub(super) fn get_all(&self, changes: u64, keys: impl Iterator<Item = K>) -> Vec<Option<V>> {
        let kept = self.kept(changes);
        keys.map(|key| kept.values.get(&key).cloned()).collect()
    }

    /// Holds values that were read when there were this many changes, counted before they were read; each with how many
    /// bytes it takes.
    pub(super) fn put(&self, changes: u64, values: impl IntoIterator<Item = (K, V, usize)>) {
        let mut kept = self.kept(changes);
        if kept.changes != changes {
            return;
        }
        for (key, value, size) in values {
            if size > self.most {
                continue;
            }
            if kept.size + size > self.most {
                (kept.size, kept.values) = (0, HashMap::new());
            }
            kept.size += size;
            kept.values.insert(key, value);
        }
    }

    /// What is held of this many changes; of fewer nothing is held any more.
    fn kept(&self, changes: u64) -> MutexGuard<'_, Kept<K, V>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.changes < changes {
            *kept = Kept { changes, size: 0, values: HashMap::new() };
        }
        kept
    }
}

//! Time, injected.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Where a node and a witness read the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Now in POSIX seconds, as cosignatures have it.
    fn seconds(&self) -> u64 {
        u64::try_from(self.now().as_second()).unwrap_or(0)
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that runs as the machine's does and can be put forward: for the demo and for tests, so
/// that days of a case pass in seconds.
#[derive(Debug)]
pub struct Adjustable {
    /// Nanoseconds that this clock is ahead of a monotonic one.
    ahead: AtomicI64,
    start: Timestamp,
    began: tokio::time::Instant,
}

impl Adjustable {
    /// A clock that shows `start` now.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self { ahead: AtomicI64::new(0), start, began: tokio::time::Instant::now() }
    }

    /// Puts the clock forward.
    pub fn advance(&self, by: SignedDuration) {
        let nanoseconds = i64::try_from(by.as_nanos()).unwrap_or(0);
        self.ahead.fetch_add(nanoseconds, Ordering::SeqCst);
    }
}

impl Clock for Adjustable {
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_nanos(self.ahead.load(Ordering::SeqCst));
        let ran = SignedDuration::try_from(self.began.elapsed()).unwrap_or_default();
        self.start + ahead + ran
    }
}

//! The exchange between nodes: `/exchange/v1/` over mutual TLS.
//!
//! | request | does |
//! |---|---|
//! | `POST entries` | the next entries of the sender's ledger, with their ciphertexts and a proof |
//! | `POST copy` | gives the entries of either ledger, to a party that was restored from a backup |
//! | `POST history` | a witnessed checkpoint of the sender's ledger |
//! | `POST witness/add-checkpoint` | C2SP tlog-witness, for the sender's ledger |
//! | `POST mirror/add-checkpoint`, `POST mirror/add-entries` | C2SP tlog-mirror, for the same |

mod client;
mod mirror;
mod server;

pub(crate) use client::Link;
pub use server::router;
pub(crate) use server::{Problem, take_history};

use comity_ledger::Hash;
use minicbor::{Decode, Encode};

/// Bytes of one delivery at most.
pub(crate) const MAX_DELIVERY: usize = 8 * 1024 * 1024;

/// Entries of one delivery at most.
pub(crate) const MAX_ENTRIES: usize = 256;

/// The body of `POST entries`.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct Entries {
    /// Hash of the terms, in hexadecimal.
    #[n(1)]
    pub(crate) terms: String,
    /// Place of the first entry.
    #[n(2)]
    pub(crate) start: u64,
    #[n(3)]
    pub(crate) entries: Vec<Carried>,
    /// A checkpoint that the sender signed and that covers these entries.
    #[n(4)]
    pub(crate) head: String,
    /// Consistency proof from the tree that ends with the last of them to that checkpoint.
    #[n(5)]
    pub(crate) proof: Vec<Hash>,
}

/// The body of `POST copy`.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct Wanted {
    /// Hash of the terms, in hexadecimal.
    #[n(1)]
    pub(crate) terms: String,
    /// Whose ledger.
    #[n(2)]
    pub(crate) party: String,
    /// The first entry that is wanted.
    #[n(3)]
    pub(crate) start: u64,
}

/// The answer to `POST copy`.
#[derive(Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Copied {
    /// The entries, as many as one message holds; none where there are no more.
    #[n(1)]
    pub(crate) entries: Vec<Carried>,
    /// The latest head of the ledger that its key signed and that fits the entries.
    #[n(2)]
    pub(crate) head: Option<String>,
    /// The largest size that its key is known to have signed.
    #[n(3)]
    pub(crate) signed: u64,
}

impl Entries {
    /// Reads the body; `None` for anything else, and for more than a delivery may have.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let sent: Self = minicbor::decode(body).ok()?;
        let long = sent.entries.iter().any(|sent| sent.entry.len() > usize::from(u16::MAX));
        (sent.entries.len() <= MAX_ENTRIES && !long).then_some(sent)
    }
}

impl Wanted {
    /// Reads the body; `None` for anything else.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        minicbor::decode(body).ok()
    }
}

impl Copied {
    /// Reads the answer; `None` for anything else.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        minicbor::decode(body).ok()
    }
}

/// An entry with its ciphertext.
#[derive(Debug, Encode, Decode)]
pub struct Carried {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) entry: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) ciphertext: Option<Vec<u8>>,
}

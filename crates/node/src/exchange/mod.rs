//! The exchange between nodes: `/exchange/v1/` over mutual TLS.
//!
//! | request | does |
//! |---|---|
//! | `POST entries` | the next entries of the sender's ledger, with their ciphertexts and a proof |
//! | `POST history` | a witnessed checkpoint of the sender's ledger |
//! | `POST witness/add-checkpoint` | C2SP tlog-witness, for the sender's ledger |
//! | `POST mirror/add-checkpoint`, `POST mirror/add-entries` | C2SP tlog-mirror, for the same |

mod client;
mod mirror;
mod server;

pub(crate) use client::Link;
pub use server::router;

use comity_ledger::Hash;
use minicbor::{Decode, Encode};

/// Bytes of one delivery at most.
pub(crate) const MAX_DELIVERY: usize = 8 * 1024 * 1024;

/// Entries of one delivery at most.
pub(crate) const MAX_ENTRIES: usize = 256;

/// The body of `POST entries`.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Entries {
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

/// An entry with its ciphertext.
#[derive(Debug, Encode, Decode)]
pub(crate) struct Carried {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) entry: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) ciphertext: Option<Vec<u8>>,
}

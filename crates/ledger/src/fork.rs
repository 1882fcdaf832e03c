//! The proof of a fork: one ledger's key signed two histories. Whoever has the key can check it, and
//! needs no ledger for that.
//!
//! Two trees have different roots at one size. Each root leads, by consistency proofs, to a checkpoint
//! that the ledger signed. CBOR, so that it is one short file:
//!
//! ```text
//! fork = [ "comity/fork/1", size, one: branch, other: branch ]
//! branch = [ root, [ *step ], note ]       ; the root of its tree at that size
//! step = [ size, root, [ *hash ] ]         ; a larger tree, and the proof that it continues the last
//! ```

use minicbor::{Decode, Encode};

use crate::note::{Note, VerifierKey};
use crate::tree::verify_consistency;
use crate::{Checkpoint, Error, Hash};

const KIND: &str = "comity/fork/1";

/// Steps of a branch: whoever makes one needs two.
const MAX_STEPS: usize = 4;

/// Two histories that one key signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Fork {
    #[n(0)]
    kind: String,
    /// The size at which the trees differ.
    #[n(1)]
    pub size: u64,
    /// One of them.
    #[n(2)]
    pub one: Branch,
    /// The other.
    #[n(3)]
    pub other: Branch,
}

/// A tree at the size where it differs, and the checkpoint that commits to it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Branch {
    /// Its root at that size.
    #[n(0)]
    pub root: Hash,
    /// Larger trees, each of which continues the one before; the last is the checkpoint's.
    #[n(1)]
    pub steps: Vec<Step>,
    /// The checkpoint, signed by the ledger.
    #[n(2)]
    pub note: String,
}

/// A larger tree.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Step {
    /// Its size.
    #[n(0)]
    pub size: u64,
    /// Its root.
    #[n(1)]
    pub root: Hash,
    /// The consistency proof from the tree before.
    #[n(2)]
    pub proof: Vec<Hash>,
}

impl Fork {
    /// Two branches that differ at `size`; nothing is verified yet.
    #[must_use]
    pub fn new(size: u64, one: Branch, other: Branch) -> Self {
        Self { kind: KIND.to_owned(), size, one, other }
    }

    /// Whether a file is meant to be one.
    #[must_use]
    pub fn is_meant(bytes: &[u8]) -> bool {
        // An array of four, and a text of 13 bytes.
        bytes.strip_prefix(&[0x84, 0x6d]).is_some_and(|rest| rest.starts_with(KIND.as_bytes()))
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Error::Wire`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fork: Self = minicbor::decode(bytes).map_err(|_| Error::Wire("proof of a fork"))?;
        let bounded = [&fork.one, &fork.other].iter().all(|b| b.steps.len() <= MAX_STEPS);
        if fork.kind == KIND && bounded && fork.encode() == bytes {
            Ok(fork)
        } else {
            Err(Error::Wire("proof of a fork"))
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// The origin that its first checkpoint names: whose key to ask for.
    ///
    /// # Errors
    /// What [`Note::parse`] and [`Checkpoint::parse`] refuse.
    pub fn origin(&self) -> Result<String, Error> {
        Ok(Checkpoint::parse(Note::parse(self.one.note.as_bytes())?.text())?.origin)
    }

    /// Verifies that the holder of `ledger` signed both histories.
    ///
    /// # Errors
    /// [`Error::Proof`] where the two are one history, and what [`Branch::verify`] refuses.
    pub fn verify(&self, ledger: &VerifierKey) -> Result<(), Error> {
        if self.size == 0 || self.one.root == self.other.root {
            return Err(Error::Proof("fork"));
        }
        self.one.verify(self.size, ledger)?;
        self.other.verify(self.size, ledger)
    }
}

impl Branch {
    /// Verifies that the checkpoint, signed by `ledger`, commits to this tree of `size` entries.
    ///
    /// # Errors
    /// What [`Checkpoint::open`] and [`verify_consistency`] refuse.
    pub fn verify(&self, size: u64, ledger: &VerifierKey) -> Result<(), Error> {
        let head = Checkpoint::open(&Note::parse(self.note.as_bytes())?, ledger)?;
        let mut tree = (size, self.root);
        for step in &self.steps {
            verify_consistency((tree.0, &tree.1), (step.size, &step.root), &step.proof)?;
            tree = (step.size, step.root);
        }
        if tree == (head.size, head.root) { Ok(()) } else { Err(Error::Proof("fork")) }
    }
}

//! RFC 6962 Merkle trees: hashes, ranges and proofs, without storage.
//!
//! Inclusion and consistency proofs are both subtree proofs (draft-ietf-plants-merkle-tree-certs,
//! section 4.4): an inclusion proof is that of the subtree `[i, i+1)`, a consistency proof from
//! `m` that of `[0, m)`. So there is one algorithm here, and one verifier.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256, digest};

use crate::{Error, b64, hex};

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The root of the empty tree: the hash of the empty string (RFC 6962 section 2.1).
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// The plain SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_digest(digest(&SHA256, bytes).as_ref())
    }

    /// The hash of an entry (RFC 6962 section 2.1: `0x00 || entry`).
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Self {
        Self::of_parts(&[&[0], entry])
    }

    /// The hash of an inner node (RFC 6962 section 2.1: `0x01 || left || right`).
    #[must_use]
    pub fn node(left: &Self, right: &Self) -> Self {
        Self::of_parts(&[&[1], &left.0, &right.0])
    }

    /// The plain SHA-256 of `parts`, one after the other.
    #[must_use]
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        Self::from_digest(context.finish().as_ref())
    }

    /// The hash in these 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Padded base64, as on C2SP lines.
    #[must_use]
    pub fn to_base64(self) -> String {
        b64::encode(&self.0)
    }

    /// The inverse of [`Hash::to_base64`]; only the one canonical spelling is taken.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_slice(&b64::decode(text)?)
    }

    /// Lower-case hexadecimal.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(&self.0)
    }

    /// The inverse of [`Hash::to_hex`].
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        Self::from_slice(&hex::decode(text)?)
    }

    fn from_digest(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(bytes);
        Self(hash)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// A complete subtree: the entries `[index << height, (index + 1) << height)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// log2 of the number of entries below.
    pub height: u8,
    /// Its position among the subtrees of that height.
    pub index: u64,
}

/// The complete subtrees, left to right, whose hashes make the Merkle hash of `[start, end)`.
///
/// `start` must be a multiple of the largest power of two that is at most `end - start`, as it is
/// in every range that RFC 6962 and subtree proofs speak of.
#[must_use]
pub fn nodes(start: u64, end: u64) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut at = start;
    while at < end {
        #[expect(clippy::cast_possible_truncation, reason = "ilog2 of a u64 is at most 63")]
        let height = (end - at).ilog2() as u8;
        nodes.push(Node { height, index: at >> height });
        at += 1 << height;
    }
    nodes
}

/// The Merkle hash of a range from the hashes of its [`nodes`].
#[must_use]
pub fn fold(hashes: &[Hash]) -> Hash {
    hashes
        .iter()
        .rev()
        .copied()
        .reduce(|right, left| Hash::node(&left, &right))
        .unwrap_or(Hash::EMPTY)
}

/// The Merkle root over `leaves` (leaf hashes), all in memory.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Hash::node(&root(left), &root(right))
        }
    }
}

/// Whether `[start, end)` is a subtree that proofs can speak of: not empty, and `start` a multiple
/// of the smallest power of two that is at least `end - start`.
#[must_use]
pub fn is_subtree(start: u64, end: u64) -> bool {
    start < end
        && (end - start)
            .checked_next_power_of_two()
            .is_some_and(|width| start.is_multiple_of(width))
}

/// The ranges whose Merkle hashes, in this order, prove the subtree `[start, end)` in a tree of
/// `size` entries.
///
/// # Errors
/// [`Error::Range`] where there is no such subtree in such a tree.
pub fn proof_ranges(start: u64, end: u64, size: u64) -> Result<Vec<(u64, u64)>, Error> {
    if !is_subtree(start, end) || end > size {
        return Err(Error::Range("no such subtree in a tree of this size"));
    }
    let mut ranges = Vec::new();
    collect((start, end), (0, size), true, &mut ranges);
    Ok(ranges)
}

/// Verifies that the subtree `[start, end)` with hash `subtree` is in the tree of `size` entries
/// with root `root`.
///
/// # Errors
/// [`Error::Range`] for a subtree that cannot be, [`Error::Proof`] for one that is not.
pub fn verify_subtree(
    (start, end): (u64, u64),
    subtree: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), Error> {
    if !is_subtree(start, end) || end > size {
        return Err(Error::Range("no such subtree in a tree of this size"));
    }
    match rebuild((start, end), (0, size), Some(subtree), proof) {
        Some((found, top)) if found == *subtree && top == *root => Ok(()),
        _ => Err(Error::Proof("subtree")),
    }
}

/// Verifies that `leaf` is entry `index` of the tree (RFC 6962 section 2.1.1).
///
/// # Errors
/// As [`verify_subtree`].
pub fn verify_inclusion(
    index: u64,
    leaf: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), Error> {
    let end = index.checked_add(1).ok_or(Error::Range("index"))?;
    verify_subtree((index, end), leaf, size, root, proof).map_err(|error| match error {
        Error::Proof(_) => Error::Proof("inclusion"),
        other => other,
    })
}

/// Verifies that the tree of `size` entries continues the one of `old` (RFC 6962 section 2.1.2).
///
/// # Errors
/// [`Error::Fork`] for two roots at one size, [`Error::Rollback`] where `size` is the smaller,
/// [`Error::Proof`] otherwise.
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (size, root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), Error> {
    if size < old {
        return Err(Error::Rollback { known: old, found: size });
    }
    if size == old && root != old_root {
        return Err(Error::Fork { size });
    }
    if old == 0 || size == old {
        return if proof.is_empty() { Ok(()) } else { Err(Error::Proof("consistency")) };
    }
    verify_subtree((0, old), old_root, size, root, proof).map_err(|_| Error::Proof("consistency"))
}

/// The largest power of two smaller than `size`, for `size` of at least 2 (RFC 6962's `k`).
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// Adds the ranges that prove `[start, end)` within `[from, to)`, innermost first. `whole` until the
/// subtree spans a middle: from then on what is left of it is not known to the verifier either.
fn collect(
    (start, end): (u64, u64),
    (from, to): (u64, u64),
    whole: bool,
    ranges: &mut Vec<(u64, u64)>,
) {
    if (start, end) == (from, to) {
        if !whole {
            ranges.push((from, to));
        }
        return;
    }
    let middle = from + split(to - from);
    if end <= middle {
        collect((start, end), (from, middle), whole, ranges);
        ranges.push((middle, to));
    } else if middle <= start {
        collect((start, end), (middle, to), whole, ranges);
        ranges.push((from, middle));
    } else {
        collect((middle, end), (middle, to), false, ranges);
        ranges.push((from, middle));
    }
}

/// The hashes of the subtree and of `[from, to)` that `proof` leads to. `given` is the subtree's
/// hash while it is still whole; once it spans a middle, the proof supplies its last part.
fn rebuild(
    (start, end): (u64, u64),
    (from, to): (u64, u64),
    given: Option<&Hash>,
    proof: &[Hash],
) -> Option<(Hash, Hash)> {
    if (start, end) == (from, to) {
        return match (given, proof) {
            (Some(hash), []) | (None, [hash]) => Some((*hash, *hash)),
            _ => None,
        };
    }
    let (sibling, inner) = proof.split_last()?;
    let middle = from + split(to - from);
    if end <= middle {
        let (found, left) = rebuild((start, end), (from, middle), given, inner)?;
        Some((found, Hash::node(&left, sibling)))
    } else if middle <= start {
        let (found, right) = rebuild((start, end), (middle, to), given, inner)?;
        Some((found, Hash::node(sibling, &right)))
    } else {
        let (found, right) = rebuild((middle, end), (middle, to), None, inner)?;
        Some((Hash::node(sibling, &found), Hash::node(sibling, &right)))
    }
}

impl<C> minicbor::Encode<C> for Hash {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Hash {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        Self::from_slice(d.bytes()?)
            .ok_or_else(|| minicbor::decode::Error::message("a hash has 32 bytes").at(at))
    }
}

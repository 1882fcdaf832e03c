//! C2SP tlog-mirror: the `add-entries` message, and what a mirror must check before it keeps entries.

use crate::note::MAX_NOTE;
use crate::tile::{WIDTH, decimal, push_entry, split_entry};
use crate::tree::{self, verify_subtree};
use crate::witness::MAX_PROOF;
use crate::{Checkpoint, Error, Hash, Tiles, b64};

/// The media type of a mirror's answer that tells where it is.
pub const INFO_TYPE: &str = "text/x.tlog.mirror-info";

/// What comes before the entry packages of an `add-entries` body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Which ledger.
    pub origin: String,
    /// First entry that is sent.
    pub start: u64,
    /// Size of the pending checkpoint that the packages are proven against.
    pub end: u64,
    /// What the mirror gave the client to bring back.
    pub ticket: Vec<u8>,
}

/// Up to 256 entries, aligned with an entry bundle, and the proof that they belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package<'a> {
    /// Index of the first entry.
    pub start: u64,
    /// Index after the last entry.
    pub end: u64,
    /// The entries.
    pub entries: Vec<&'a [u8]>,
    /// Subtree consistency proof for `[start rounded down to 256, end)`.
    pub proof: Vec<Hash>,
}

impl Header {
    /// The bytes of the header.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_short(&mut bytes, self.origin.as_bytes());
        bytes.extend_from_slice(&self.start.to_be_bytes());
        bytes.extend_from_slice(&self.end.to_be_bytes());
        push_short(&mut bytes, &self.ticket);
        bytes
    }

    /// Splits a body into its header and the packages' bytes.
    ///
    /// # Errors
    /// [`Error::Wire`].
    pub fn parse(body: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (origin, rest) = split_short(body)?;
        let (start, rest) = split_u64(rest)?;
        let (end, rest) = split_u64(rest)?;
        let (ticket, rest) = split_short(rest)?;
        if ticket.len() > MAX_NOTE || start > end {
            return Err(Error::Wire("start after end, or an overlong ticket"));
        }
        let origin = std::str::from_utf8(origin).map_err(|_| Error::Wire("origin"))?.to_owned();
        Ok((Self { origin, start, end, ticket: ticket.to_vec() }, rest))
    }

    /// The half-open intervals of the canonical sequence of packages.
    pub fn intervals(&self) -> impl Iterator<Item = (u64, u64)> + use<> {
        let (mut start, end) = (self.start, self.end);
        std::iter::from_fn(move || {
            (start < end).then(|| {
                let stop = end.min((start / WIDTH + 1) * WIDTH);
                let interval = (start, stop);
                start = stop;
                interval
            })
        })
    }
}

/// Adds the package of `entries`, which begin at `start`, proven against the tree of `size`.
///
/// # Errors
/// [`Error::Range`] or [`Error::MissingTile`].
pub fn push_package(
    body: &mut Vec<u8>,
    start: u64,
    entries: &[Vec<u8>],
    size: u64,
    tiles: &Tiles,
) -> Result<(), Error> {
    let end = start + entries.len() as u64;
    for entry in entries {
        push_entry(body, entry);
    }
    let proof = tiles.prove_subtree(start / WIDTH * WIDTH, end, size)?;
    body.push(u8::try_from(proof.len()).map_err(|_| Error::Range("proof"))?);
    body.extend(proof.iter().flat_map(|hash| hash.0));
    Ok(())
}

/// Reads the package of the interval `[start, end)` from the front of `bytes`.
///
/// # Errors
/// [`Error::Wire`] where the bytes end within it.
pub fn split_package(
    bytes: &[u8],
    (start, end): (u64, u64),
) -> Result<(Package<'_>, &[u8]), Error> {
    let mut rest = bytes;
    let mut entries = Vec::new();
    for _ in start..end {
        let (entry, after) = split_entry(rest)?;
        entries.push(entry);
        rest = after;
    }
    let (&count, after) = rest.split_first().ok_or(Error::Wire("package without a proof"))?;
    if usize::from(count) > MAX_PROOF {
        return Err(Error::Wire("more than 63 proof hashes"));
    }
    let (hashes, rest) =
        after.split_at_checked(usize::from(count) * 32).ok_or(Error::Wire("proof"))?;
    let proof = hashes.as_chunks::<32>().0.iter().copied().map(Hash).collect();
    Ok((Package { start, end, entries, proof }, rest))
}

impl Package<'_> {
    /// Verifies the package against a pending checkpoint. `before` are the leaf hashes of the
    /// entries between the bundle's start and the package's.
    ///
    /// # Errors
    /// [`Error::Proof`] or [`Error::Range`].
    pub fn verify(&self, before: &[Hash], pending: &Checkpoint) -> Result<(), Error> {
        let first = self.start / WIDTH * WIDTH;
        if first + before.len() as u64 != self.start {
            return Err(Error::Range("entries before the package"));
        }
        let leaves: Vec<_> = before
            .iter()
            .copied()
            .chain(self.entries.iter().map(|entry| Hash::leaf(entry)))
            .collect();
        let subtree = tree::root(&leaves);
        verify_subtree((first, self.end), &subtree, pending.size, &pending.root, &self.proof)
    }
}

/// Where a mirror is: the body of its 202 and 409 answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Size of a valid pending checkpoint.
    pub pending: u64,
    /// The next entry that it wants.
    pub next: u64,
    /// To be brought back.
    pub ticket: Vec<u8>,
}

impl Info {
    /// The three lines.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{}\n{}\n{}\n", self.pending, self.next, b64::encode(&self.ticket))
    }

    /// Parses the three lines.
    ///
    /// # Errors
    /// [`Error::Wire`].
    pub fn parse(body: &str) -> Result<Self, Error> {
        let mut lines = body.split('\n');
        let (Some(pending), Some(next), Some(ticket)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(Error::Wire("want three lines"));
        };
        match (decimal(pending), decimal(next), b64::decode(ticket)) {
            (Some(pending), Some(next), Some(ticket)) => Ok(Self { pending, next, ticket }),
            _ => Err(Error::Wire("mirror info")),
        }
    }
}

fn push_short(bytes: &mut Vec<u8>, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&value[..usize::from(length)]);
}

fn split_short(bytes: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(Error::Wire("too short"))?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(Error::Wire("too short"))
}

fn split_u64(bytes: &[u8]) -> Result<(u64, &[u8]), Error> {
    let (number, rest) = bytes.split_first_chunk::<8>().ok_or(Error::Wire("too short"))?;
    Ok((u64::from_be_bytes(*number), rest))
}

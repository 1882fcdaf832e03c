//! C2SP tlog-proof: one text that proves, offline, that an entry is in a witnessed ledger.

use std::fmt;

use crate::note::Note;
use crate::policy::Witnessed;
use crate::tile::decimal;
use crate::tree::verify_inclusion;
use crate::witness::MAX_PROOF;
use crate::{Error, Hash, Policy, b64};

/// What every proof begins with.
pub const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Bytes of a proof that are read.
const MAX_PROOF_TEXT: usize = 4 * 1024 * 1024;

/// A proof as parsed: nothing in it has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Opaque to the format and not authenticated by it.
    pub extra: Option<Vec<u8>>,
    /// Which entry.
    pub index: u64,
    /// Its inclusion proof.
    pub hashes: Vec<Hash>,
    /// The checkpoint, with cosignatures.
    pub note: Note,
}

impl Proof {
    /// Parses a proof.
    ///
    /// # Errors
    /// [`Error::Wire`], and what [`Note::parse`] refuses.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_PROOF_TEXT {
            return Err(Error::Wire("a proof of more than 4 MiB"));
        }
        let end = bytes
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .ok_or(Error::Wire("no blank line"))?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| Error::Wire("not UTF-8"))?;
        let note = Note::parse(&bytes[end + 2..])?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(Error::Wire("want c2sp.org/tlog-proof@v1"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => {
                Some(b64::decode(&line["extra ".len()..]).ok_or(Error::Wire("extra line"))?)
            }
            None => None,
        };
        let index = lines
            .next()
            .and_then(|line| decimal(line.strip_prefix("index ")?))
            .ok_or(Error::Wire("want a line `index <number>`"))?;
        let mut hashes = Vec::new();
        for line in lines {
            if hashes.len() == MAX_PROOF {
                return Err(Error::Wire("more than 63 proof lines"));
            }
            hashes.push(Hash::from_base64(line).ok_or(Error::Wire("proof line"))?);
        }
        Ok(Self { extra, index, hashes, note })
    }

    /// Verifies that the entry with this leaf hash is where the proof says, in a ledger and with
    /// the cosignatures that the policy asks for.
    ///
    /// # Errors
    /// What [`Policy::check`] and [`verify_inclusion`] refuse.
    pub fn verify(&self, leaf: &Hash, policy: &Policy) -> Result<Witnessed, Error> {
        let witnessed = policy.check(&self.note)?;
        let checkpoint = &witnessed.checkpoint;
        verify_inclusion(self.index, leaf, checkpoint.size, &checkpoint.root, &self.hashes)?;
        Ok(witnessed)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", b64::encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.note)
    }
}

//! C2SP tlog-witness: what a ledger sends, and what a witness must check before it cosigns.

use std::fmt;

use crate::note::{Note, VerifierKey};
use crate::tile::decimal;
use crate::tree::verify_consistency;
use crate::{Checkpoint, Error, Hash};

/// Hashes that a consistency proof may have.
pub const MAX_PROOF: usize = 63;

/// The body of `POST <submission prefix>/add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the checkpoint that the witness cosigned last.
    pub old: u64,
    /// Consistency proof from there.
    pub proof: Vec<Hash>,
    /// The new checkpoint.
    pub note: Note,
}

impl AddCheckpoint {
    /// Parses a body.
    ///
    /// # Errors
    /// [`Error::Wire`], and what [`Note::parse`] refuses.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let end =
            body.windows(2).position(|pair| pair == b"\n\n").ok_or(Error::Wire("no blank line"))?;
        let head = std::str::from_utf8(&body[..end]).map_err(|_| Error::Wire("not UTF-8"))?;
        let note = Note::parse(&body[end + 2..])?;
        let mut lines = head.split('\n');
        let old = lines
            .next()
            .and_then(|line| decimal(line.strip_prefix("old ")?))
            .ok_or(Error::Wire("want a line `old <size>`"))?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_PROOF {
                return Err(Error::Wire("more than 63 proof lines"));
            }
            proof.push(Hash::from_base64(line).ok_or(Error::Wire("proof line"))?);
        }
        Ok(Self { old, proof, note })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.note)
    }
}

/// Why a witness does not cosign, each with the HTTP status that the protocol gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 404: not a ledger that this witness watches.
    #[error("this witness does not watch that origin")]
    UnknownOrigin,
    /// 403: no signature by the ledger's key, or one that does not verify.
    #[error("{0}")]
    Forbidden(Error),
    /// 409: the ledger is not where the client believes; the answer's body is the size it is at.
    #[error("the last size cosigned is {0}")]
    Conflict(u64),
    /// 400: the body, or an old size above the new one.
    #[error("{0}")]
    BadRequest(Error),
    /// 503: the witness itself cannot, now.
    #[error("the witness cannot cosign: {0}")]
    Unavailable(&'static str),
    /// 422: the proof, or another root at the same size. Worth keeping: it may be proof of a fork.
    #[error("{0}")]
    Unprocessable(Error),
}

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::UnknownOrigin => 404,
            Self::Forbidden(_) => 403,
            Self::Conflict(_) => 409,
            Self::BadRequest(_) => 400,
            Self::Unprocessable(_) => 422,
            Self::Unavailable(_) => 503,
        }
    }

    /// The refusal's stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownOrigin => "unknown-origin",
            Self::Conflict(_) => "conflict",
            Self::Unavailable(_) => "unavailable",
            Self::Forbidden(error) | Self::BadRequest(error) | Self::Unprocessable(error) => {
                error.code()
            }
        }
    }
}

/// Checks a request against the ledger's `key` and the (size, root) cosigned last, (0, empty) where
/// there was none. What is returned must be made durable, compared against that same state, before
/// it is cosigned.
///
/// # Errors
/// [`Refusal`].
pub fn check(
    request: &AddCheckpoint,
    key: &VerifierKey,
    (size, root): (u64, Hash),
) -> Result<Checkpoint, Refusal> {
    let checkpoint = Checkpoint::open(&request.note, key).map_err(|error| match error {
        Error::OtherLedger { .. } => Refusal::UnknownOrigin,
        Error::UnknownKey(_) | Error::BadSignature(_) => Refusal::Forbidden(error),
        Error::Proof(_) => Refusal::Unprocessable(error),
        error => Refusal::BadRequest(error),
    })?;
    if request.old > checkpoint.size {
        let rollback = Error::Rollback { known: request.old, found: checkpoint.size };
        return Err(Refusal::BadRequest(rollback));
    }
    if request.old != size {
        return Err(Refusal::Conflict(size));
    }
    verify_consistency((size, &root), (checkpoint.size, &checkpoint.root), &request.proof)
        .map_err(Refusal::Unprocessable)?;
    Ok(checkpoint)
}

/// Why something was refused. [`Error::code`] is the stable name; the text says what and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A note is not in the form of C2SP signed-note.
    #[error("not a signed note: {0}")]
    Note(&'static str),
    /// A verifier key is not in the form of C2SP signed-note.
    #[error("not a verifier key: {0}")]
    VerifierKey(&'static str),
    /// A note has more signatures or bytes than anything honest has.
    #[error("the note is too large: at most {max} {unit} are read")]
    NoteTooLarge {
        /// The limit.
        max: usize,
        /// What is counted: bytes or signatures.
        unit: &'static str,
    },
    /// No signature on a note is from a key that is trusted for it.
    #[error("no signature by a known key for {0:?}")]
    UnknownKey(String),
    /// A signature names a known key and does not verify.
    #[error("the signature of {0:?} does not verify")]
    BadSignature(String),
    /// A checkpoint is not in the form of C2SP tlog-checkpoint.
    #[error("not a checkpoint: {0}")]
    Checkpoint(&'static str),
    /// A checkpoint is another ledger's.
    #[error("checkpoint of {found:?} where one of {expected:?} is needed")]
    OtherLedger {
        /// The origin that was needed.
        expected: String,
        /// The origin that came.
        found: String,
    },
    /// Two checkpoints of one size with different roots: proof of a fork.
    #[error("two roots for size {size}")]
    Fork {
        /// The size at which the two disagree.
        size: u64,
    },
    /// A checkpoint smaller than one already seen.
    #[error("size {found} after size {known}")]
    Rollback {
        /// The size already seen.
        known: u64,
        /// The size that came.
        found: u64,
    },
    /// A Merkle proof does not lead to the root.
    #[error("the {0} proof does not verify")]
    Proof(&'static str),
    /// A Merkle range, tile or path that cannot exist for the tree size.
    #[error("out of range: {0}")]
    Range(&'static str),
    /// A tile that is needed is not there.
    #[error("tile {0} is missing")]
    MissingTile(String),
    /// An entry is longer than a ledger takes.
    #[error("entry of {found} bytes: at most {max} are taken")]
    EntryTooLong {
        /// The limit.
        max: usize,
        /// What came.
        found: usize,
    },
    /// A statement's bytes are not the one form it has.
    #[error("not a statement: {0}")]
    Statement(&'static str),
    /// Content's bytes are not the one form it has, or do not match what the statement commits to.
    #[error("not the content of this statement: {0}")]
    Content(&'static str),
    /// Content larger than the largest size bucket.
    #[error("content of {found} bytes: at most {max} fit a statement")]
    ContentTooLong {
        /// The limit.
        max: usize,
        /// What was given.
        found: usize,
    },
    /// A sealed content cannot be opened with the keys at hand.
    #[error("undecryptable: {0}")]
    Undecryptable(&'static str),
    /// A policy line is not in the form of C2SP tlog-policy.
    #[error("policy line {line}: {problem}")]
    Policy {
        /// The line, from 1; 0 for the file as a whole.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The cosignatures on a checkpoint do not make the policy's quorum.
    #[error("the cosignatures do not make the quorum {0:?}")]
    Quorum(String),
    /// A wire message of the witness or mirror protocol is malformed.
    #[error("malformed request: {0}")]
    Wire(&'static str),
    /// The operating system has no randomness to give.
    #[error("the operating system's random generator failed")]
    Randomness,
}

impl Error {
    /// The refusal's stable name, as it stands in receipts, evidence and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Note(_) | Self::VerifierKey(_) => "malformed-note",
            Self::NoteTooLarge { .. } => "note-too-large",
            Self::UnknownKey(_) => "unknown-key",
            Self::BadSignature(_) => "bad-signature",
            Self::Checkpoint(_) => "malformed-checkpoint",
            Self::OtherLedger { .. } => "other-ledger",
            Self::Fork { .. } => "fork",
            Self::Rollback { .. } => "rollback",
            Self::Proof(_) => "bad-proof",
            Self::Range(_) | Self::MissingTile(_) => "out-of-range",
            Self::EntryTooLong { .. } => "entry-too-long",
            Self::Statement(_) => "malformed-statement",
            Self::Content(_) | Self::ContentTooLong { .. } => "content-mismatch",
            Self::Undecryptable(_) => "undecryptable",
            Self::Policy { .. } => "malformed-policy",
            Self::Quorum(_) => "unwitnessed",
            Self::Wire(_) => "malformed-request",
            Self::Randomness => "no-randomness",
        }
    }
}

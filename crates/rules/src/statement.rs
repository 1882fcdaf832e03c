//! What a statement is about: its kind, its thread, and how it stands before it is signed.

use std::fmt;
use std::str::FromStr;

use comity_ledger::{Hash, hex};
use serde::{Deserialize, Serialize};

/// The kinds of statement that this version understands, each with the version of its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// `ledger.open/1`: the first entry of a ledger: who keeps it, with which keys, under which terms.
    Open,
    /// `key.add/1`: another statement key, in a card signed by the root key.
    AddKey,
    /// `key.revoke/1`: a statement key that is void from this index on.
    RevokeKey,
    /// `receipt/1`: what became of the peer's statements here. Never itself receipted.
    Receipt,
    /// `request.send/1`: the asker asks.
    Send,
    /// `request.acknowledge/1`: the receiver has it in hand.
    Acknowledge,
    /// `request.clarify/1`: the receiver asks back; clocks stand still until the reply is received.
    Clarify,
    /// `request.reply/1`: the asker answers that question.
    Reply,
    /// `request.decide/1`: the receiver accepts, accepts with conditions, postpones or refuses.
    Decide,
    /// `request.answer/1`: the receiver answers, refuses or cannot do some items.
    Answer,
    /// `request.assess/1`: the asker says what the answer was worth.
    Assess,
    /// `request.close/1`: the asker is done.
    Close,
    /// `request.withdraw/1`: the asker no longer asks.
    Withdraw,
    /// `request.escalate/1`: either side takes it up the ladder.
    Escalate,
}

impl Kind {
    /// Every kind, in the order of a request's life.
    pub const ALL: [Self; 14] = [
        Self::Open,
        Self::AddKey,
        Self::RevokeKey,
        Self::Receipt,
        Self::Send,
        Self::Acknowledge,
        Self::Clarify,
        Self::Reply,
        Self::Decide,
        Self::Answer,
        Self::Assess,
        Self::Close,
        Self::Withdraw,
        Self::Escalate,
    ];

    /// The name and version on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "ledger.open/1",
            Self::AddKey => "key.add/1",
            Self::RevokeKey => "key.revoke/1",
            Self::Receipt => "receipt/1",
            Self::Send => "request.send/1",
            Self::Acknowledge => "request.acknowledge/1",
            Self::Clarify => "request.clarify/1",
            Self::Reply => "request.reply/1",
            Self::Decide => "request.decide/1",
            Self::Answer => "request.answer/1",
            Self::Assess => "request.assess/1",
            Self::Close => "request.close/1",
            Self::Withdraw => "request.withdraw/1",
            Self::Escalate => "request.escalate/1",
        }
    }

    /// The kind of this name; `None` for one that this version does not understand.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it belongs to a request's thread.
    #[must_use]
    pub fn is_request(self) -> bool {
        !matches!(self, Self::Open | Self::AddKey | Self::RevokeKey | Self::Receipt)
    }
}

/// A matter: 16 bytes, written as a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ThreadId(pub [u8; 16]);

/// Why a text is no thread id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: want 32 hexadecimal digits, with or without hyphens")]
pub struct BadThreadId;

impl ThreadId {
    /// The thread of statements about the ledger itself.
    pub const LEDGER: Self = Self([0; 16]);

    /// The thread that the statement with this sequence number opens in the ledger `origin`.
    ///
    /// An origin is random, so the id says nothing to who does not read the ledger; and as no other
    /// statement can open the same thread, nobody can take an id before its owner does.
    #[must_use]
    pub fn opened_by(origin: &str, sequence: u64) -> Self {
        let parts = [b"comity thread v1\n", origin.as_bytes(), b"\n", &sequence.to_be_bytes()[..]];
        let hash = Hash::of_parts(&parts);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.0[..16]);
        // The bits that make it a UUID of version 8: one whose bytes its maker defines.
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// The first eight digits: enough for a person to tell the requests on a desk apart.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..4])
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = hex::encode(&self.0);
        let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        write!(f, "{a}-{b}-{c}-{d}-{e}")
    }
}

impl FromStr for ThreadId {
    type Err = BadThreadId;

    fn from_str(text: &str) -> Result<Self, BadThreadId> {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let bytes = hex::decode(&digits.to_ascii_lowercase()).ok_or(BadThreadId)?;
        bytes.try_into().map(Self).map_err(|_| BadThreadId)
    }
}

impl TryFrom<String> for ThreadId {
    type Error = BadThreadId;

    fn try_from(text: String) -> Result<Self, BadThreadId> {
        text.parse()
    }
}

impl From<ThreadId> for String {
    fn from(id: ThreadId) -> Self {
        id.to_string()
    }
}

/// A statement that has been decided and not yet signed: what [`crate::command::decide`] makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What act this is.
    pub kind: Kind,
    /// The matter.
    pub thread: ThreadId,
    /// The urgency class, where the kind opens a request.
    pub class: Option<String>,
    /// Whether this is an exercise.
    pub exercise: bool,
    /// One byte an item: see [`crate::request::Outcome`].
    pub outcomes: Vec<u8>,
    /// Index, in the peer's ledger, of the statement that this answers.
    pub answers: Option<u64>,
    /// What the kind says openly.
    pub public: Vec<u8>,
}

//! What a statement is about: its kind, its thread, and how it stands before it is signed.

use std::fmt;
use std::str::FromStr;

use comity_ledger::{Hash, hex};
use serde::{Deserialize, Serialize};

use crate::matter::Topic;

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
    /// `hotline.key/1`: the key to which hotline messages are sealed until its epoch ends.
    HotlineKey,
    /// `hotline.send/1`: a message on the hotline, or a test of it; opens a thread.
    Signal,
    /// `hotline.reply/1`: a further message in that thread, of either side.
    Say,
    /// `hotline.acknowledge/1`: a person has the message, and where that is wanted reads it back.
    Confirm,
    /// `agreement.suspend/1`: a party stops its part of the mechanism: clocks stand still.
    Suspend,
    /// `agreement.resume/1`: the same party goes on.
    Resume,
    /// `commitment.fix/1`: by which criteria and evidence a commitment will be judged.
    Fix,
    /// `commitment.agree/1`: the other side agrees to those.
    AgreeFix,
    /// `commitment.judge/1`: how each party kept it in a period, as the author judges.
    Judge,
    /// `concern.raise/1`: a concern under a commitment.
    Raise,
    /// `concern.reply/1`: either side replies, with evidence.
    Respond,
    /// `concern.position/1`: where the concern stands, for its author.
    Position,
    /// `notice.send/1`: information that nobody asked for.
    Inform,
    /// `notice.feedback/1`: what the other side could do with it.
    Feedback,
    /// `dialogue.convene/1`: a meeting of the dialogue, with its agenda.
    Convene,
    /// `dialogue.agenda/1`: more for that agenda.
    Agenda,
    /// `dialogue.minutes/1`: what was said and agreed, with action items.
    Minutes,
    /// `dialogue.agree/1`: the other side agrees to the minutes.
    AgreeMinutes,
    /// `dialogue.action/1`: an action item is done, or open again.
    Action,
}

impl Kind {
    /// Every kind: of ledgers, of a request's life, of other matters.
    pub const ALL: [Self; 33] = [
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
        Self::HotlineKey,
        Self::Signal,
        Self::Say,
        Self::Confirm,
        Self::Suspend,
        Self::Resume,
        Self::Fix,
        Self::AgreeFix,
        Self::Judge,
        Self::Raise,
        Self::Respond,
        Self::Position,
        Self::Inform,
        Self::Feedback,
        Self::Convene,
        Self::Agenda,
        Self::Minutes,
        Self::AgreeMinutes,
        Self::Action,
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
            Self::HotlineKey => "hotline.key/1",
            Self::Signal => "hotline.send/1",
            Self::Say => "hotline.reply/1",
            Self::Confirm => "hotline.acknowledge/1",
            Self::Suspend => "agreement.suspend/1",
            Self::Resume => "agreement.resume/1",
            Self::Fix => "commitment.fix/1",
            Self::AgreeFix => "commitment.agree/1",
            Self::Judge => "commitment.judge/1",
            Self::Raise => "concern.raise/1",
            Self::Respond => "concern.reply/1",
            Self::Position => "concern.position/1",
            Self::Inform => "notice.send/1",
            Self::Feedback => "notice.feedback/1",
            Self::Convene => "dialogue.convene/1",
            Self::Agenda => "dialogue.agenda/1",
            Self::Minutes => "dialogue.minutes/1",
            Self::AgreeMinutes => "dialogue.agree/1",
            Self::Action => "dialogue.action/1",
        }
    }

    /// The kind of this name; `None` for one that this version does not understand.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it belongs to a thread; else it is about the ledger itself.
    #[must_use]
    pub fn is_threaded(self) -> bool {
        let ledger = [Self::Open, Self::AddKey, Self::RevokeKey, Self::Receipt, Self::HotlineKey];
        !ledger.contains(&self)
    }

    /// Whether it belongs to a request's thread.
    #[must_use]
    pub fn is_request(self) -> bool {
        self.is_threaded() && self.topic().is_none()
    }

    /// What a thread of this kind is about; `None` for requests, and for what is about the ledger.
    #[must_use]
    pub fn topic(self) -> Option<Topic> {
        match self {
            Self::Signal | Self::Say | Self::Confirm => Some(Topic::Hotline),
            Self::Suspend | Self::Resume => Some(Topic::Suspension),
            Self::Fix | Self::AgreeFix | Self::Judge => Some(Topic::Commitment),
            Self::Raise | Self::Respond | Self::Position => Some(Topic::Concern),
            Self::Inform | Self::Feedback => Some(Topic::Notice),
            Self::Convene | Self::Agenda | Self::Minutes | Self::AgreeMinutes | Self::Action => {
                Some(Topic::Dialogue)
            }
            _ => None,
        }
    }

    /// Whether it begins a thread.
    #[must_use]
    pub fn opens(self) -> bool {
        let opening = [
            Self::Send,
            Self::Signal,
            Self::Suspend,
            Self::Fix,
            Self::Raise,
            Self::Inform,
            Self::Convene,
        ];
        opening.contains(&self)
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
        // It is written with every statement that is kept.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let (mut text, mut at) = ([b'-'; 36], 0);
        for (place, byte) in self.0.iter().enumerate() {
            at += usize::from(matches!(place, 4 | 6 | 8 | 10));
            for nibble in [byte >> 4, byte & 15] {
                text[at] = DIGITS[usize::from(nibble)];
                at += 1;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
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

impl<C> minicbor::Encode<C> for ThreadId {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for ThreadId {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = d.bytes()?.try_into();
        bytes.map(Self).map_err(|_| minicbor::decode::Error::message("want 16 bytes"))
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

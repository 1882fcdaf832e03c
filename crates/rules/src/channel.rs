//! The gate at which every entry of a party's ledger is admitted, one's own and the peer's alike.
//!
//! A channel is what a reader knows after the entries so far: whose ledger, which keys, the next
//! sequence number, the last statement, and how much of the other ledger its author had seen. An
//! entry that is not admitted keeps its place in the ledger, is receipted with the reason, and has
//! no effect; nobody is blocked by it.

use comity_ledger::note::{Note, VerifierKey};
use comity_ledger::statement::{KeyId, Seen};
use comity_ledger::{Body, Error, Hash, Statement, VerifiedStatement};
use serde::{Deserialize, Serialize};

use crate::matter::EpochKey;
use crate::{Kind, PartyId, card};

/// What is known of one party's ledger under one agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Whose ledger.
    pub from: PartyId,
    /// To whom it states.
    pub to: PartyId,
    /// The ledger's origin.
    pub origin: String,
    /// The other party's ledger, once it is known.
    pub other: Option<String>,
    /// Hash of the terms (hexadecimal).
    pub terms: String,
    /// The party's root key (vkey), from the terms.
    pub root: String,
    /// Index of the next entry.
    pub next: u64,
    /// The next sequence number.
    pub sequence: u64,
    /// Leaf hash of the last statement (hexadecimal).
    pub last: Option<String>,
    /// Size of the other ledger that its last statement had seen.
    pub seen: u64,
    /// How much of it what was admitted here shows to have come.
    #[serde(default)]
    shown: u64,
    keys: Vec<Key>,
    /// The party's latest key for the hotline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotline: Option<EpochKey>,
    /// Size of this ledger with that key in it: who has seen so much seals to it.
    #[serde(default)]
    pub hotline_at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    public: [u8; 32],
    from: u64,
    until: Option<u64>,
}

/// Why an entry was not admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The envelope.
    #[error(transparent)]
    Ledger(#[from] Error),
    /// It is not between the parties of this channel.
    #[error("the statement is not from {from} to {to}")]
    OtherParties {
        /// Whose ledger this is.
        from: PartyId,
        /// The other party.
        to: PartyId,
    },
    /// It was made under other terms: a replay.
    #[error("the statement was made under other terms")]
    OtherAgreement,
    /// The ledger does not begin with an opening by the party that the terms name.
    #[error("the ledger does not begin with an opening signed by the root key in the terms")]
    NotOpened,
    /// A second statement with a used sequence number: evidence against its author.
    #[error("a second statement with sequence number {0}")]
    Equivocation(u64),
    /// A sequence number that skips some.
    #[error("sequence number {found} where {expected} is next")]
    Gap {
        /// The next number.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// It does not name its predecessor.
    #[error("the statement does not continue the one before it")]
    BrokenChain,
    /// It had seen less of the other ledger than its predecessor had.
    #[error("backdated: it refers to size {found} of the other ledger, its predecessor to {known}")]
    Backdated {
        /// What the predecessor had seen.
        known: u64,
        /// What this one says.
        found: u64,
    },
    /// It refers to a head that the other ledger never had.
    #[error("it refers to a head that the other ledger never had")]
    UnknownHead,
    /// Its key is void from an earlier index on.
    #[error("the key was revoked at entry {0}")]
    RevokedKey(u64),
    /// A kind or version that this node does not know.
    #[error("this version does not understand {0:?}")]
    NotUnderstood(String),
}

impl Refusal {
    /// The stable name: it stands in receipts and evidence.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ledger(error) => error.code(),
            Self::OtherParties { .. } => "other-parties",
            Self::OtherAgreement => "other-agreement",
            Self::NotOpened => "not-opened",
            Self::Equivocation(_) => "equivocation",
            Self::Gap { .. } => "sequence-gap",
            Self::BrokenChain => "broken-chain",
            Self::Backdated { .. } => "backdated",
            Self::UnknownHead => "unknown-head",
            Self::RevokedKey(_) => "revoked-key",
            Self::NotUnderstood(_) => "not-understood",
        }
    }
}

/// An entry on its way to the gate: a statement that nobody need have verified yet, or why it is none.
pub type Entry = Result<Statement, Error>;

/// An entry that was admitted: what it is and who says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Its kind.
    pub kind: Kind,
    /// Its place in its author's ledger.
    pub index: u64,
    /// The statement.
    pub statement: VerifiedStatement,
}

impl Channel {
    /// A ledger of which no entry is known yet.
    #[must_use]
    pub fn new(from: PartyId, to: PartyId, ledger: &VerifierKey, terms: Hash, root: &str) -> Self {
        Self {
            from,
            to,
            origin: ledger.name().to_owned(),
            other: None,
            terms: terms.to_hex(),
            root: root.to_owned(),
            next: 0,
            sequence: 0,
            last: None,
            seen: 0,
            shown: 0,
            keys: Vec::new(),
            hotline: None,
            hotline_at: 0,
        }
    }

    /// Takes in the next entry. `root_at` gives the root of the other ledger at a size, where it
    /// ever had such a head.
    ///
    /// # Errors
    /// [`Refusal`]: the entry stays where it is and has no effect.
    pub fn admit(
        &mut self,
        entry: Entry,
        root_at: impl FnOnce(u64) -> Option<Hash>,
    ) -> Result<Admitted, Refusal> {
        let index = self.next;
        self.next += 1;
        let statement = entry?;
        let kind = Kind::parse(&statement.body().kind);
        let public = match (index, kind) {
            (0, Some(Kind::Open)) => self.opened(&statement)?,
            (0, _) => return Err(Refusal::NotOpened),
            _ => self.key_at(statement.key(), index)?,
        };
        let statement = statement.verify(&public, &self.origin)?;
        self.check_place(&statement)?;
        // From here on the statement is its author's: the chain goes on behind it whatever it says.
        let body = statement.body();
        self.sequence += 1;
        self.last = Some(statement.leaf().to_hex());
        self.check_seen(body.seen.as_ref(), root_at)?;
        let kind = kind.ok_or_else(|| Refusal::NotUnderstood(bounded(&body.kind)))?;
        match kind {
            Kind::Open if index == 0 => self.keys.push(Key { public, from: 0, until: None }),
            Kind::Open => return Err(Refusal::NotOpened),
            Kind::AddKey => self.add_key(&body.public, index)?,
            Kind::RevokeKey => self.revoke_key(&body.public, index)?,
            Kind::HotlineKey => {
                self.next_epoch(&body.public)?;
                self.hotline_at = index + 1;
            }
            _ => {}
        }
        Ok(Admitted { kind, index, statement })
    }

    /// Notes that an entry shows that so much of the other ledger had come, by what it [`needs`]: from where to where
    /// nothing before it did.
    pub fn show(&mut self, size: u64) -> (u64, u64) {
        let from = self.shown;
        self.shown = from.max(size);
        (from, self.shown)
    }

    /// Checks the signatures of entries to come under the keys that are known by now, which is cheaper
    /// than at the gate one by one. It admits nothing.
    pub fn check_ahead(&self, entries: &mut [Entry]) {
        let mut statements: Vec<&mut Statement> =
            entries.iter_mut().filter_map(|entry| entry.as_mut().ok()).collect();
        for key in &self.keys {
            Statement::check_ahead(&mut statements, &key.public);
        }
    }

    /// Where a statement key becomes valid in this ledger; `None` where no card in it has it.
    #[must_use]
    pub fn valid_from(&self, public: &[u8; 32]) -> Option<u64> {
        self.keys.iter().find(|key| key.public == *public).map(|key| key.from)
    }

    /// Where the cards stand that brought a key, and those before it; none for the opening's.
    #[must_use]
    pub fn added(&self, id: KeyId) -> Vec<u64> {
        let until = self.keys.iter().position(|key| KeyId::of(&key.public) == id).unwrap_or(0);
        self.keys.iter().take(until + 1).filter_map(|key| key.from.checked_sub(1)).collect()
    }

    /// Whether the next entry may be signed with this key.
    #[must_use]
    pub fn accepts(&self, public: &[u8; 32]) -> bool {
        let key = self.keys.iter().find(|key| key.public == *public);
        key.is_some_and(|key| key.from <= self.next && key.until.is_none())
    }

    /// Whether this key was valid and is so no more.
    #[must_use]
    pub fn has_revoked(&self, public: &[u8; 32]) -> bool {
        self.keys.iter().any(|key| key.public == *public && key.until.is_some())
    }

    /// Size of the other ledger that a statement with this `seen` had before it.
    #[must_use]
    pub fn seen_size(seen: Option<&Seen>) -> u64 {
        seen.map_or(0, |seen| seen.size)
    }

    /// The opening's statement key, once opening and card are found to be the party's.
    fn opened(&self, statement: &Statement) -> Result<[u8; 32], Refusal> {
        let (opening, card) = card::split(&statement.body().public)?;
        let ours = card.root.to_string() == self.root
            && opening.party == self.from
            && opening.terms.to_hex() == self.terms
            && opening.ledger.name() == self.origin;
        if ours { Ok(card.statement) } else { Err(Refusal::NotOpened) }
    }

    fn key_at(&self, id: KeyId, index: u64) -> Result<[u8; 32], Refusal> {
        let mut keys = self.keys.iter().filter(|key| KeyId::of(&key.public) == id);
        let unknown = || Error::UnknownKey(comity_ledger::hex::encode(&id.0));
        let key = keys.next().ok_or_else(unknown)?;
        match key.until {
            Some(until) if index >= until => Err(Refusal::RevokedKey(until)),
            _ if index < key.from => Err(unknown().into()),
            _ => Ok(key.public),
        }
    }

    /// Whether it is of this channel, under these terms, and the next in the chain.
    fn check_place(&self, statement: &Statement) -> Result<(), Refusal> {
        let body = statement.body();
        if body.from != self.from.as_str() || body.to != self.to.as_str() {
            return Err(Refusal::OtherParties { from: self.from.clone(), to: self.to.clone() });
        }
        if body.terms.to_hex() != self.terms {
            return Err(Refusal::OtherAgreement);
        }
        if body.sequence < self.sequence {
            return Err(Refusal::Equivocation(body.sequence));
        }
        if body.sequence > self.sequence {
            return Err(Refusal::Gap { expected: self.sequence, found: body.sequence });
        }
        if body.previous.map(Hash::to_hex) != self.last {
            return Err(Refusal::BrokenChain);
        }
        Ok(())
    }

    fn check_seen(
        &mut self,
        seen: Option<&Seen>,
        root_at: impl FnOnce(u64) -> Option<Hash>,
    ) -> Result<(), Refusal> {
        let size = Self::seen_size(seen);
        if size < self.seen {
            return Err(Refusal::Backdated { known: self.seen, found: size });
        }
        if let Some(seen) = seen {
            let known = self.other.as_ref().is_some_and(|other| *other == seen.origin);
            if !known || root_at(seen.size) != Some(seen.root) {
                return Err(Refusal::UnknownHead);
            }
        }
        self.seen = size;
        Ok(())
    }

    fn next_epoch(&mut self, public: &[u8]) -> Result<(), Refusal> {
        let last = self.hotline.as_ref().map_or(0, |key| key.epoch);
        let key = EpochKey::parse(public).filter(|key| key.epoch > last);
        self.hotline = Some(key.ok_or(Refusal::Ledger(Error::Statement("a later epoch's key")))?);
        Ok(())
    }

    fn add_key(&mut self, public: &[u8], index: u64) -> Result<(), Refusal> {
        let card = card::Card::parse(&Note::parse(public)?)?;
        if card.root.to_string() != self.root || card.party != self.from {
            return Err(Refusal::NotOpened);
        }
        if !self.keys.iter().any(|key| key.public == card.statement) {
            self.keys.push(Key { public: card.statement, from: index + 1, until: None });
        }
        Ok(())
    }

    fn revoke_key(&mut self, public: &[u8], index: u64) -> Result<(), Refusal> {
        let root = VerifierKey::parse(&self.root)?;
        let revoked = card::revoked(&Note::parse(public)?, &root)?;
        for key in self.keys.iter_mut().filter(|key| key.public == revoked) {
            // An earlier revocation stands: a later one cannot lengthen a key's life.
            key.until = Some(key.until.map_or(index, |until| until.min(index)));
        }
        Ok(())
    }
}

/// How much of the other ledger must be taken before a statement means anything: what its author had
/// seen, and with a receipt what it is for, which no head need cover yet. A receipt that is not `real`,
/// for what the other ledger does not have there, is for nothing, and waits for nothing.
#[must_use]
pub fn needs(body: &Body, other: &str, real: impl Fn(&Receipt) -> bool) -> u64 {
    // A head of some third ledger is refused at the gate; it is nothing to wait for.
    let seen = body.seen.as_ref().filter(|seen| seen.origin == other);
    let seen = Channel::seen_size(seen);
    if Kind::parse(&body.kind) != Some(Kind::Receipt) {
        return seen;
    }
    let receipts = decode_receipts(&body.public).unwrap_or_default();
    receipts.iter().filter(|receipt| real(receipt)).map(|r| r.index + 1).fold(seen, u64::max)
}

fn bounded(text: &str) -> String {
    text.chars().take(60).collect()
}

/// What became of one of the peer's entries.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Receipt {
    /// Its place in the peer's ledger.
    #[n(0)]
    pub index: u64,
    /// The entry's leaf hash: a receipt cannot be written before there is what it is for.
    #[n(1)]
    pub leaf: Hash,
    /// Empty: accepted. Else the refusal's code.
    #[n(2)]
    pub code: String,
}

/// Receipts in one statement: so many fit an entry whatever their codes.
pub const MAX_RECEIPTS: usize = 48;

/// The public part of a `receipt/1`.
#[must_use]
pub fn encode_receipts(receipts: &[Receipt]) -> Vec<u8> {
    minicbor::to_vec(receipts).unwrap_or_default()
}

/// The receipts of a `receipt/1`.
///
/// # Errors
/// [`Refusal::Ledger`] for anything else.
pub fn decode_receipts(public: &[u8]) -> Result<Vec<Receipt>, Refusal> {
    let bad = Refusal::Ledger(Error::Statement("receipts"));
    let receipts: Vec<Receipt> = minicbor::decode(public).map_err(|_| bad.clone())?;
    if receipts.len() > MAX_RECEIPTS || encode_receipts(&receipts) != public {
        Err(bad)
    } else {
        Ok(receipts)
    }
}

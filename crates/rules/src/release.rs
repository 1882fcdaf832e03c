//! The one way out: what leaves the house is [`Released`], and only this gate makes that.

use comity_ledger::Hash;
use comity_stix::marking::{Audience, Clearance};

use crate::access::{Denied, Person, Right};
use crate::agreement::{Agreement, Readers, Terms};
use crate::content::Letter;
use crate::{Draft, PartyId};

/// Something that may leave to the reader it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released<T>(T);

impl<T> Released<T> {
    /// What was released.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Who would read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// Anyone.
    Everyone,
    /// A party, by the key with which it is connected.
    Party(PartyId),
    /// Whoever has a key that this party gave out to read the ledgers under the terms of this hash:
    /// an auditor.
    Auditor(Hash),
    /// A person of this party who is signed in.
    Person(Person),
    /// A tool that has a key to read intelligence: up to which labels, and used how.
    Tool(Clearance),
}

/// Why something stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Held {
    /// The reader is not a party to the terms.
    #[error("the reader is not a party to these terms")]
    NotAParty,
    /// The key was given for other terms.
    #[error("the key reads ledgers under other terms")]
    OtherTerms,
    /// The terms keep the ledgers to their members.
    #[error("under these terms the ledgers are read by members only")]
    MembersOnly,
    /// Its markings keep it from this reader.
    #[error("its markings keep it from this reader")]
    Marked,
}

/// A ledger's tiles, entries and checkpoints: public parts of statements, and no content.
///
/// # Errors
/// [`Held`].
pub fn ledger<T>(terms: &Terms, reader: &Reader, what: T) -> Result<Released<T>, Held> {
    let open = terms.between.as_ref().is_some_and(|b| b.readers == Readers::Everyone);
    match reader {
        Reader::Person(person) if person.may(Right::Read).is_ok() => Ok(Released(what)),
        Reader::Party(party) if terms.party(party).is_some() => Ok(Released(what)),
        Reader::Auditor(given) if *given == terms.hash() => Ok(Released(what)),
        _ if open => Ok(Released(what)),
        Reader::Party(_) => Err(Held::NotAParty),
        Reader::Auditor(_) => Err(Held::OtherTerms),
        Reader::Everyone | Reader::Tool(_) | Reader::Person(_) => Err(Held::MembersOnly),
    }
}

/// A statement, to the other party of the terms.
///
/// # Errors
/// [`Held`].
pub fn statement(
    agreement: &Agreement,
    to: &PartyId,
    draft: Draft,
) -> Result<Released<Draft>, Held> {
    to_party(agreement, to, draft)
}

/// What a statement says, to the other party of the terms. Its marking binds the reader from there
/// on; every label of TLP allows the one to whom a thing is addressed.
///
/// # Errors
/// [`Held`].
pub fn letter(
    agreement: &Agreement,
    to: &PartyId,
    letter: Letter,
) -> Result<Released<Letter>, Held> {
    to_party(agreement, to, letter)
}

/// What a statement said, to whoever would read it on this node's pages and commands.
///
/// # Errors
/// [`Denied`].
pub fn content<T>(person: &Person, what: T) -> Result<Released<T>, Denied> {
    person.may(Right::Read).map(|()| Released(what))
}

/// A review, which stands on what statements said, to whoever would see it.
///
/// # Errors
/// [`Denied`].
pub fn review<T>(person: &Person, what: T) -> Result<Released<T>, Denied> {
    person.may(Right::Review).map(|()| Released(what))
}

/// What is taken out of the house in files.
///
/// # Errors
/// [`Denied`].
pub fn export<T>(person: &Person, what: T) -> Result<Released<T>, Denied> {
    person.may(Right::Export).map(|()| Released(what))
}

/// Intelligence, to whoever its markings let see it.
///
/// # Errors
/// [`Held::Marked`].
pub fn intelligence<T>(reader: &Reader, audience: Audience, what: T) -> Result<Released<T>, Held> {
    match reader {
        Reader::Person(person) if person.may(Right::Read).is_ok() => Ok(Released(what)),
        Reader::Tool(clearance) if audience.has(*clearance) => Ok(Released(what)),
        Reader::Everyone if audience == Audience::EVERYONE => Ok(Released(what)),
        _ => Err(Held::Marked),
    }
}

fn to_party<T>(agreement: &Agreement, to: &PartyId, what: T) -> Result<Released<T>, Held> {
    if agreement.party(to).is_some() { Ok(Released(what)) } else { Err(Held::NotAParty) }
}

//! Who a party is: its card, and the opening with which it begins a ledger.
//!
//! Both are signed notes by the party's root key, which is kept offline; its fingerprint is read
//! aloud when cards are exchanged. Terms name the roots, so everything else follows from them.

use comity_ledger::note::{Algorithm, Note, SigningKey, VerifierKey};
use comity_ledger::seal::Recipient;
use comity_ledger::{Error, Hash, hex};

use crate::PartyId;

const CARD: &str = "comity/card/1";
const OPENING: &str = "comity/opening/1";
const REVOCATION: &str = "comity/revocation/1";

/// A party's public keys and address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its id.
    pub party: PartyId,
    /// Its name, as people write it.
    pub name: String,
    /// IANA time zone of its contact point.
    pub zone: String,
    /// Host and port of its exchange listener.
    pub exchange: String,
    /// The key that signs cards and openings.
    pub root: VerifierKey,
    /// The key that signs statements.
    pub statement: [u8; 32],
    /// Where content is sealed to.
    pub recipient: String,
    /// The key with which it witnesses its peers' ledgers.
    pub witness: VerifierKey,
    /// The key with which it mirrors its peers' ledgers.
    pub mirror: VerifierKey,
    /// SHA-256 of its exchange certificate.
    pub tls: Hash,
    /// Which card of this party it is, from 1: each has other keys for statements, contents and the
    /// exchange than the one before. Root, witness and mirror stay.
    pub edition: u64,
}

/// The beginning of a party's ledger under one agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Whose ledger.
    pub party: PartyId,
    /// Hash of the terms it is kept under.
    pub terms: Hash,
    /// The key of the ledger, named for its origin.
    pub ledger: VerifierKey,
}

impl Card {
    /// The card as a note signed by `root`.
    ///
    /// # Errors
    /// [`Error::Note`] for a name or address with control characters, [`Error::VerifierKey`] for
    /// another root.
    pub fn sign(&self, root: &SigningKey) -> Result<Note, Error> {
        let mut text = format!(
            "{CARD}\nparty {}\nname {}\nzone {}\nexchange {}\nroot {}\nstatement {}\nrecipient {}\n\
             witness {}\nmirror {}\ntls {}\n",
            self.party,
            self.name,
            self.zone,
            self.exchange,
            self.root,
            hex::encode(&self.statement),
            self.recipient,
            self.witness,
            self.mirror,
            self.tls.to_hex(),
        );
        if self.edition > 1 {
            text += &format!("edition {}\n", self.edition);
        }
        sign(text, root, &self.root)
    }

    /// Reads a card and verifies it against the root key that it names itself: whether that is the
    /// party's is for people to say, by the [`Card::fingerprint`].
    ///
    /// # Errors
    /// What [`Note::parse`] and [`Note::verify`] refuse, and [`Error::Note`] for another form.
    pub fn parse(note: &Note) -> Result<Self, Error> {
        let mut lines = Lines::of(note, CARD)?;
        let card = Self {
            party: lines.party()?,
            name: lines.value("name")?.to_owned(),
            zone: lines.value("zone")?.to_owned(),
            exchange: lines.value("exchange")?.to_owned(),
            root: VerifierKey::parse(lines.value("root")?)?,
            statement: lines.hash("statement")?.0,
            recipient: lines.value("recipient")?.to_owned(),
            witness: VerifierKey::parse(lines.value("witness")?)?,
            mirror: VerifierKey::parse(lines.value("mirror")?)?,
            tls: lines.hash("tls")?,
            edition: lines.edition()?,
        };
        lines.end()?;
        note.verify(&card.root)?;
        Recipient::parse(&card.recipient)?;
        let cosigners = [&card.witness, &card.mirror];
        if cosigners.iter().any(|key| key.algorithm() != Algorithm::CosignatureV1)
            || card.witness.public() == card.mirror.public()
        {
            return Err(Error::Note("witness and mirror are two different cosigner keys"));
        }
        if jiff::tz::TimeZone::get(&card.zone).is_err() {
            return Err(Error::Note("the zone of a card is an IANA time zone"));
        }
        Ok(card)
    }

    /// What two people read to each other: the root key's SHA-256 in groups of four.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.root)
    }
}

/// The fingerprint of a root key.
#[must_use]
pub fn fingerprint(root: &VerifierKey) -> String {
    let hex = Hash::of(root.to_string().as_bytes()).to_hex();
    let groups: Vec<_> = (0..8).map(|group| hex[group * 4..group * 4 + 4].to_owned()).collect();
    groups.join(" ")
}

impl Card {
    /// Whether a party that has `known` may go on with this card of the same party: it is a later one,
    /// and root and cosigners are the same.
    #[must_use]
    pub fn follows(&self, known: &Self) -> bool {
        self.party == known.party
            && self.edition > known.edition
            && self.root == known.root
            && self.witness == known.witness
            && self.mirror == known.mirror
    }

    /// Whether this party holds that key itself, under whatever name: then it is no outside witness.
    #[must_use]
    pub fn holds(&self, key: &VerifierKey) -> bool {
        let own =
            [self.root.public(), self.witness.public(), self.mirror.public(), &self.statement];
        own.contains(&key.public())
    }
}

impl Opening {
    /// The opening as a note signed by `root`.
    ///
    /// # Errors
    /// As [`Card::sign`].
    pub fn sign(&self, root: &SigningKey) -> Result<Note, Error> {
        let text = format!(
            "{OPENING}\nparty {}\nterms {}\nledger {}\n",
            self.party,
            self.terms.to_hex(),
            self.ledger
        );
        sign(text, root, root.verifier())
    }

    /// Reads an opening signed by `root`.
    ///
    /// # Errors
    /// As [`Card::parse`].
    pub fn parse(note: &Note, root: &VerifierKey) -> Result<Self, Error> {
        let mut lines = Lines::of(note, OPENING)?;
        let opening = Self {
            party: lines.party()?,
            terms: lines.hash("terms")?,
            ledger: VerifierKey::parse(lines.value("ledger")?)?,
        };
        lines.end()?;
        note.verify(root)?;
        Ok(opening)
    }
}

/// The notes of a `ledger.open/1` statement, one after the other: opening and card.
#[must_use]
pub fn join(opening: &Note, card: &Note) -> Vec<u8> {
    let opening = opening.to_string().into_bytes();
    let length = u16::try_from(opening.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], &opening, card.to_string().as_bytes()].concat()
}

/// The inverse of [`join`], with the opening verified against the card's root.
///
/// # Errors
/// As [`Card::parse`].
pub fn split(public: &[u8]) -> Result<(Opening, Card), Error> {
    let (opening, card) = split_notes(public)?;
    let card = Card::parse(&card)?;
    let opening = Opening::parse(&opening, &card.root)?;
    if opening.party == card.party {
        Ok((opening, card))
    } else {
        Err(Error::Note("want an opening and a card of one party"))
    }
}

/// The two notes as they are; nothing is verified.
///
/// # Errors
/// What [`Note::parse`] refuses.
pub fn split_notes(public: &[u8]) -> Result<(Note, Note), Error> {
    let bad = Error::Note("want an opening and a card");
    let (length, rest) = public.split_first_chunk::<2>().ok_or(bad.clone())?;
    let (opening, card) =
        rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(bad)?;
    Ok((Note::parse(opening)?, Note::parse(card)?))
}

/// The public part of `key.revoke/1`: which key is void from here on, signed by the root.
///
/// # Errors
/// As [`Card::sign`].
pub fn revocation(statement_key: &[u8; 32], root: &SigningKey) -> Result<Note, Error> {
    let text = format!("{REVOCATION}\nstatement {}\n", hex::encode(statement_key));
    sign(text, root, root.verifier())
}

/// The key that a revocation signed by `root` names.
///
/// # Errors
/// As [`Card::parse`].
pub fn revoked(note: &Note, root: &VerifierKey) -> Result<[u8; 32], Error> {
    let mut lines = Lines::of(note, REVOCATION)?;
    let key = lines.hash("statement")?.0;
    lines.end()?;
    note.verify(root)?;
    Ok(key)
}

fn sign(text: String, root: &SigningKey, named: &VerifierKey) -> Result<Note, Error> {
    if root.verifier() != named {
        return Err(Error::VerifierKey("this is not the root key that the text names"));
    }
    let mut note = Note::new(text)?;
    note.sign(root);
    Ok(note)
}

/// The lines of a note's text, each a word and its value, in one order.
struct Lines<'a>(std::str::Split<'a, char>);

impl<'a> Lines<'a> {
    fn of(note: &'a Note, first: &str) -> Result<Self, Error> {
        let mut lines = note.text().trim_end_matches('\n').split('\n');
        if lines.next() == Some(first) {
            Ok(Self(lines))
        } else {
            Err(Error::Note("another kind of note"))
        }
    }

    fn value(&mut self, word: &'static str) -> Result<&'a str, Error> {
        let line = self.0.next().and_then(|line| line.strip_prefix(word)?.strip_prefix(' '));
        line.filter(|value| !value.is_empty() && value.len() <= 400).ok_or(Error::Note(word))
    }

    fn party(&mut self) -> Result<PartyId, Error> {
        self.value("party")?.parse().map_err(|_| Error::Note("party"))
    }

    fn hash(&mut self, word: &'static str) -> Result<Hash, Error> {
        Hash::from_hex(self.value(word)?).ok_or(Error::Note(word))
    }

    /// The last line, which the first edition does not have.
    fn edition(&mut self) -> Result<u64, Error> {
        let Some(line) = self.0.next() else { return Ok(1) };
        let number = line.strip_prefix("edition ").and_then(|number| number.parse().ok());
        // One spelling: without a sign, without leading zeroes.
        number
            .filter(|n: &u64| *n > 1 && line == format!("edition {n}"))
            .ok_or(Error::Note("edition"))
    }

    fn end(mut self) -> Result<(), Error> {
        if self.0.next().is_none() { Ok(()) } else { Err(Error::Note("a line too many")) }
    }
}

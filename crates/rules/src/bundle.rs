//! Proofs that leave the house: a C2SP tlog-proof whose extra line carries the statement and whose it is,
//! verified with the policy alone.

use comity_ledger::content::{Field, Opening};
use comity_ledger::note::Note;
use comity_ledger::proof::{self, Proof};
use comity_ledger::statement::KeyId;
use comity_ledger::tree::verify_inclusion;
use comity_ledger::{Error, Hash, Policy, Statement, VerifiedStatement, VerifierKey};
use jiff::Timestamp;
use minicbor::{Decode, Encode};

use crate::agreement::time_of;
use crate::card::Card;
use crate::{Kind, card};

/// Cards that one proof may carry.
const MAX_ADDED: usize = 64;

/// What the `extra` line carries: the statement, and the ledger's opening, which says whose it is
/// and with which key it signs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Bundle {
    /// The statement.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub entry: Vec<u8>,
    /// Entry 0 of its ledger.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub opening: Vec<u8>,
    /// Fields that were opened for whoever gets this.
    #[n(2)]
    #[cbor(default)]
    pub openings: Vec<Opening>,
    /// The cards that brought the key of the statement, where that is not the opening's.
    #[n(3)]
    #[cbor(default)]
    pub added: Vec<Added>,
}

/// A `key.add/1` of the same ledger, before the statement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Added {
    /// The entry.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub entry: Vec<u8>,
    /// Its place.
    #[n(1)]
    pub index: u64,
    /// The proof that it is in the tree of the same checkpoint.
    #[n(2)]
    pub hashes: Vec<Hash>,
}

impl Bundle {
    /// As it stands in an extra line, decoded.
    ///
    /// # Errors
    /// [`Error::Wire`] for anything else.
    pub fn parse(extra: &[u8]) -> Result<Self, Error> {
        let wire = Error::Wire("the extra line has no statement and opening");
        let bundle: Self = minicbor::decode(extra).map_err(|_| wire.clone())?;
        let whole = bundle.to_bytes().len() == extra.len();
        if whole && bundle.added.len() <= MAX_ADDED { Ok(bundle) } else { Err(wire) }
    }

    /// The bytes of the extra line.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default()
    }
}

/// What a proof proves.
#[derive(Debug)]
pub struct Proven {
    /// The statement, signed by the key in its ledger's opening.
    pub statement: VerifiedStatement,
    /// The root key that signed that opening: whose it is, the terms say.
    pub root: VerifierKey,
    /// Its place.
    pub index: u64,
    /// Entries that the checkpoint covers.
    pub size: u64,
    /// When outside witnesses had seen it.
    pub time: Option<Timestamp>,
    /// Who they are.
    pub witnesses: Vec<String>,
    /// The fields that were opened, each proven to be in the statement.
    pub fields: Vec<Field>,
}

/// The proofs in a file, one after the other.
#[must_use]
pub fn split(file: &[u8]) -> Vec<&[u8]> {
    let first = proof::FIRST_LINE.as_bytes();
    let begins = |at: usize| file[at..].starts_with(first) && (at == 0 || file[at - 1] == b'\n');
    let mut starts: Vec<_> = (0..file.len()).filter(|at| begins(*at)).collect();
    if starts.first() != Some(&0) {
        // What stands before is no proof, and is said to be none.
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([file.len()]);
    let ends: Vec<_> = ends.collect();
    // Between two proofs there may be an empty line.
    let trim = |part: &[u8]| part.strip_suffix(b"\n\n").map_or(part.len(), |rest| rest.len() + 1);
    starts.iter().zip(ends).map(|(from, to)| &file[*from..to]).map(|p| &p[..trim(p)]).collect()
}

/// Verifies a proof whose extra line has a [`Bundle`], with the policy alone: the quorum, the inclusion, that
/// the ledger is the party's whose root key signed its opening, and the statement's own signature.
///
/// That the key was revoked before is not known from a single proof: an audit knows.
///
/// # Errors
/// What [`Proof::parse`], [`Proof::verify`] and [`Statement::verify`] refuse.
pub fn verify(bytes: &[u8], policy: &Policy) -> Result<Proven, Error> {
    let proof = Proof::parse(bytes)?;
    let carried = Bundle::parse(proof.extra.as_deref().unwrap_or_default())?;
    let witnessed = proof.verify(&Hash::leaf(&carried.entry), policy)?;
    let origin = &witnessed.checkpoint.origin;
    let opening = Statement::parse(&carried.opening)?;
    let (opened, card) = card::split(&opening.body().public)?;
    let mut keys = vec![card.statement];
    let signed = |statement: Statement, keys: &[[u8; 32]]| {
        let key = keys.iter().find(|key| KeyId::of(key) == statement.key()).unwrap_or(&keys[0]);
        statement.verify(key, origin)
    };
    signed(opening, &keys)?;
    for added in &carried.added {
        let (head, leaf) = (&witnessed.checkpoint, Hash::leaf(&added.entry));
        verify_inclusion(added.index, &leaf, head.size, &head.root, &added.hashes)?;
        let adds = signed(Statement::parse(&added.entry)?, &keys)?;
        let new = Card::parse(&Note::parse(&adds.body().public)?)?;
        let same = new.root == card.root && new.party == card.party && added.index < proof.index;
        if adds.body().kind != Kind::AddKey.as_str() || !same {
            return Err(Error::Statement("the card is another party's"));
        }
        keys.push(new.statement);
    }
    let statement = signed(Statement::parse(&carried.entry)?, &keys)?;
    let body = statement.body();
    if opened.ledger != policy.log(origin)?.key
        || body.from != card.party.as_str()
        || body.terms != opened.terms
    {
        return Err(Error::Statement("the opening is another ledger's"));
    }
    if let Some(commitment) = statement.body().sealed {
        carried.openings.iter().try_for_each(|opening| opening.verify(&commitment.fields))?;
    } else if !carried.openings.is_empty() {
        return Err(Error::Proof("field"));
    }
    let fields = carried.openings.into_iter().map(|opening| opening.field).collect();
    Ok(Proven {
        fields,
        index: proof.index,
        size: witnessed.checkpoint.size,
        time: time_of(&witnessed),
        witnesses: witnessed.cosigned.into_iter().map(|(name, _)| name).collect(),
        root: card.root,
        statement,
    })
}

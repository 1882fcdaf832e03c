//! Proofs that leave the house, and their verification with the policy alone.

use comity_ledger::content::{Field, Opening};
use comity_ledger::note::Note;
use comity_ledger::proof::{self, Proof};
use comity_ledger::statement::KeyId;
use comity_ledger::tree::verify_inclusion;
use comity_ledger::{Hash, Policy, Statement, VerifiedStatement, VerifierKey, tile};
use comity_rules::agreement::time_of;
use comity_rules::card::Card;
use comity_rules::release::{self, Reader};
use comity_rules::{Kind, card};
use comity_store::ledger;
use jiff::Timestamp;
use minicbor::data::Token;
use minicbor::{Decode, Encode};
use serde_json::{Value, json};

use crate::node::{Error, Node};

/// Cards that one proof may carry.
const MAX_ADDED: usize = 64;

/// The proof that a statement is in its ledger, with the statement in its `extra` line, and those of the
/// named fields that it has, opened.
///
/// # Errors
/// [`Error::Refused`] where no outside witness has covered it yet.
pub async fn statement(
    node: &Node,
    ledger: &str,
    index: u64,
    fields: &[String],
) -> Result<Proof, Error> {
    let entries = ledger::entries(&node.db, ledger, index, index + 1).await?;
    if entries.is_empty() {
        let hint = "; the ledger is shorter, see `comity ledger show`";
        return Err(Error::Missing { what: "entry", id: index.to_string(), hint });
    }
    let Some(witnessed) = ledger::history(&node.db, ledger, index + 1).await? else {
        return Err(Error::Refused(format!(
            "unwitnessed: no quorum has covered entry {index} yet; it will be proven when one has"
        )));
    };
    let opening = ledger::entries(&node.db, ledger, 0, 1).await?;
    let entry = entries.into_iter().next().unwrap_or_default();
    let openings = node.openings(ledger, index, &entry, fields).await?;
    let opening = opening.into_iter().next().unwrap_or_default();
    let added = node.added(ledger, index, &entry, witnessed.size).await?;
    let carried = Carried { entry, opening, openings, added };
    let extra = minicbor::to_vec(&carried).map_err(|error| Error::Refused(error.to_string()))?;
    let wanted = tile::needed(index, index + 1, witnessed.size)?;
    let tiles = ledger::tiles(&node.db, ledger, &wanted).await?;
    Ok(Proof {
        extra: Some(extra),
        index,
        hashes: tiles.prove_inclusion(index, witnessed.size)?,
        note: Note::parse(witnessed.note.as_bytes())?,
    })
}

/// What the `extra` line carries: the statement, and the ledger's opening, which says whose it is
/// and with which key it signs.
#[derive(Encode, Decode)]
struct Carried {
    #[cbor(n(0), with = "minicbor::bytes")]
    entry: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    opening: Vec<u8>,
    /// Fields that were opened for whoever gets this.
    #[n(2)]
    #[cbor(default)]
    openings: Vec<Opening>,
    /// The cards that brought the key of the statement, where that is not the opening's.
    #[n(3)]
    #[cbor(default)]
    added: Vec<Added>,
}

/// A `key.add/1` of the same ledger, before the statement.
#[derive(Encode, Decode)]
struct Added {
    #[cbor(n(0), with = "minicbor::bytes")]
    entry: Vec<u8>,
    #[n(1)]
    index: u64,
    /// The proof that it is in the tree of the same checkpoint.
    #[n(2)]
    hashes: Vec<Hash>,
}

impl Node {
    /// The cards that stand in a ledger between its opening and the key that signed an entry.
    async fn added(
        &self,
        ledger: &str,
        index: u64,
        entry: &[u8],
        size: u64,
    ) -> Result<Vec<Added>, Error> {
        let Ok(statement) = Statement::parse(entry) else { return Ok(Vec::new()) };
        let channel = ledger::show(&self.db, ledger).await?.channel;
        let mut added = Vec::new();
        for at in channel.added(statement.key()) {
            let entry =
                ledger::entries(&self.db, ledger, at, at + 1).await?.pop().unwrap_or_default();
            let tiles = ledger::tiles(&self.db, ledger, &tile::needed(at, at + 1, size)?).await?;
            let hashes = tiles.prove_inclusion(at, size)?;
            added.extend((at < index).then_some(Added { entry, index: at, hashes }));
        }
        Ok(added)
    }

    /// Opens those of these fields that a statement has. What is opened is no longer between the parties
    /// alone: it is noted in the journal.
    async fn openings(
        &self,
        ledger: &str,
        index: u64,
        entry: &[u8],
        fields: &[String],
    ) -> Result<Vec<Opening>, Error> {
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let sealed = Statement::parse(entry).ok().and_then(|statement| statement.body().sealed);
        let ciphertext = ledger::ciphertext(&self.db, ledger, index).await?;
        let (Some(sealed), Some(ciphertext)) = (sealed, ciphertext) else { return Ok(Vec::new()) };
        let content = self.secrets.open(&ciphertext, &sealed)?;
        let mut openings = Vec::new();
        for name in fields.iter().filter(|name| content.value(name).is_some()) {
            let opening = release::content(&Reader::Officer, content.open(name)?)?;
            self.journal("open", &format!("field {name} of entry {index} of {ledger}")).await?;
            openings.push(opening.into_inner());
        }
        Ok(openings)
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

/// Verifies a proof made by [`statement`] with the policy alone: the quorum, the inclusion, that
/// the ledger is the party's whose root key signed its opening, and the statement's own signature.
///
/// That the key was revoked before is not known from a single proof: an audit knows.
///
/// # Errors
/// What [`Proof::parse`], [`Proof::verify`] and [`Statement::verify`] refuse.
pub fn verify(bytes: &[u8], policy: &Policy) -> Result<Proven, comity_ledger::Error> {
    let proof = Proof::parse(bytes)?;
    let wire = comity_ledger::Error::Wire("the extra line has no statement and opening");
    let extra = proof.extra.as_deref().ok_or(wire.clone())?;
    let carried: Carried = minicbor::decode(extra).map_err(|_| wire.clone())?;
    let whole = minicbor::to_vec(&carried).is_ok_and(|bytes| bytes.len() == extra.len());
    if !whole || carried.added.len() > MAX_ADDED {
        return Err(wire);
    }
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
            return Err(comity_ledger::Error::Statement("the card is another party's"));
        }
        keys.push(new.statement);
    }
    let statement = signed(Statement::parse(&carried.entry)?, &keys)?;
    let body = statement.body();
    if opened.ledger != policy.log(origin)?.key
        || body.from != card.party.as_str()
        || body.terms != opened.terms
    {
        return Err(comity_ledger::Error::Statement("the opening is another ledger's"));
    }
    if let Some(commitment) = statement.body().sealed {
        carried.openings.iter().try_for_each(|opening| opening.verify(&commitment.fields))?;
    } else if !carried.openings.is_empty() {
        return Err(comity_ledger::Error::Proof("field"));
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

/// A field's value, as far as it can be read: one that is nested deeper than anything honest stays closed,
/// for who reads it would do so on a stack.
fn readable(value: &[u8]) -> Value {
    const DEEP: usize = 32;
    let mut open: Vec<u64> = Vec::new();
    for token in minicbor::decode::Tokenizer::new(value) {
        let items = match token {
            Ok(Token::Array(items)) => Some(items),
            Ok(Token::Map(items)) => items.checked_mul(2),
            Ok(Token::Tag(_)) => Some(1),
            // Of an indefinite length nothing is written here.
            Ok(Token::BeginArray | Token::BeginMap | Token::Break) | Err(_) => return Value::Null,
            Ok(_) => None,
        };
        if let Some(left) = open.last_mut() {
            *left = left.saturating_sub(1);
        }
        open.extend(items);
        if open.len() > DEEP {
            return Value::Null;
        }
        while open.last() == Some(&0) {
            open.pop();
        }
    }
    minicbor_serde::from_slice(value).unwrap_or_default()
}

impl Proven {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let body = self.statement.body();
        json!({
            "verified": true,
            "ledger": self.statement.origin(),
            "index": self.index,
            "size": self.size,
            "witnessed": self.time,
            "witnesses": self.witnesses,
            "kind": body.kind,
            "understood": Kind::parse(&body.kind).is_some(),
            "from": body.from,
            "to": body.to,
            "sequence": body.sequence,
            "leaf": self.statement.leaf().to_hex(),
            "fingerprint": card::fingerprint(&self.root),
            "fields": self.fields.iter().map(|field| json!({
                "name": field.name,
                "value": readable(&field.value),
            })).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn a_value_that_is_nested_too_deep_stays_closed() {
        for bytes in
            [vec![0x81; 20_000], vec![0xa1; 20_000], vec![0xc1; 20_000], vec![0x9f; 20_000]]
        {
            assert!(readable(&bytes).is_null());
        }
        let long = [vec![0x9a, 0, 0, 0x4e, 0x20], vec![0; 20_000]].concat();
        assert_eq!(readable(&long).as_array().map(Vec::len), Some(20_000));
        assert_eq!(readable(&[0x82, 0x81, 0x01, 0x61, 0x61]), serde_json::json!([[1], "a"]));
    }
}

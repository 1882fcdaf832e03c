//! Proofs that leave the house, and their verification with the policy alone.

use comity_ledger::note::Note;
use comity_ledger::proof::Proof;
use comity_ledger::{Hash, Policy, Statement, VerifiedStatement, VerifierKey, tile};
use comity_rules::agreement::time_of;
use comity_rules::{Kind, card};
use comity_store::ledger;
use jiff::Timestamp;
use minicbor::{Decode, Encode};
use serde_json::{Value, json};

use crate::node::{Error, Node};

/// The proof that a statement is in its ledger, with the statement in its `extra` line.
///
/// # Errors
/// [`Error::Refused`] where no outside witness has covered it yet.
pub async fn statement(node: &Node, ledger: &str, index: u64) -> Result<Proof, Error> {
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
    let carried = Carried {
        entry: entries.into_iter().next().unwrap_or_default(),
        opening: opening.into_iter().next().unwrap_or_default(),
    };
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
}

/// Verifies a proof made by [`statement`] with the policy alone: the quorum, the inclusion, that
/// the ledger is the party's whose root key signed its opening, and the statement's own signature.
///
/// A key that was added or revoked later is not known from a single proof: an audit knows.
///
/// # Errors
/// What [`Proof::parse`], [`Proof::verify`] and [`Statement::verify`] refuse.
pub fn verify(bytes: &[u8], policy: &Policy) -> Result<Proven, comity_ledger::Error> {
    let proof = Proof::parse(bytes)?;
    let wire = comity_ledger::Error::Wire("the extra line has no statement and opening");
    let extra = proof.extra.as_deref().ok_or(wire.clone())?;
    let carried: Carried = minicbor::decode(extra).map_err(|_| wire)?;
    let witnessed = proof.verify(&Hash::leaf(&carried.entry), policy)?;
    let origin = &witnessed.checkpoint.origin;
    let opening = Statement::parse(&carried.opening)?;
    let (opened, card) = card::split(&opening.body().public)?;
    let statement = Statement::parse(&carried.entry)?.verify(&card.statement, origin)?;
    if opened.ledger != policy.log(origin)?.key || statement.body().from != card.party.as_str() {
        return Err(comity_ledger::Error::Statement("the opening is another ledger's"));
    }
    Ok(Proven {
        index: proof.index,
        size: witnessed.checkpoint.size,
        time: time_of(&witnessed),
        witnesses: witnessed.cosigned.into_iter().map(|(name, _)| name).collect(),
        root: card.root,
        statement,
    })
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
        })
    }
}

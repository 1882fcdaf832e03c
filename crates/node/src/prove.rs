//! Proofs that leave the house, and their verification with the policy alone.

use comity_ledger::note::Note;
use comity_ledger::proof::Proof;
use comity_ledger::{Hash, Policy, Statement, tile};
use comity_rules::Kind;
use comity_store::ledger;
use serde_json::{Value, json};

use crate::node::{Error, Node};

/// The proof that a statement is in its ledger, with the statement in its `extra` line.
///
/// # Errors
/// [`Error::Refused`] where no outside witness has covered it yet.
pub async fn statement(node: &Node, ledger: &str, index: u64) -> Result<Proof, Error> {
    let Some(witnessed) = ledger::history(&node.db, ledger, index + 1).await? else {
        return Err(Error::Refused(format!(
            "unwitnessed: no quorum has covered entry {index} yet; it will be proven when one has"
        )));
    };
    let entries = ledger::entries(&node.db, ledger, index, index + 1).await?;
    let wanted = tile::needed(index, index + 1, witnessed.size)?;
    let tiles = ledger::tiles(&node.db, ledger, &wanted).await?;
    Ok(Proof {
        extra: entries.into_iter().next(),
        index,
        hashes: tiles.prove_inclusion(index, witnessed.size)?,
        note: Note::parse(witnessed.note.as_bytes())?,
    })
}

/// Verifies a proof made by [`statement`] and says what it proves.
///
/// # Errors
/// What [`Proof::parse`] and [`Proof::verify`] refuse.
pub fn verify(bytes: &[u8], policy: &Policy) -> Result<Value, comity_ledger::Error> {
    let proof = Proof::parse(bytes)?;
    let entry = proof.extra.as_deref();
    let entry = entry.ok_or(comity_ledger::Error::Wire("no statement in the extra line"))?;
    let witnessed = proof.verify(&Hash::leaf(entry), policy)?;
    let statement = Statement::parse(entry)?;
    let body = statement.body();
    let time = comity_rules::agreement::time_of(&witnessed);
    Ok(json!({
        "verified": true,
        "ledger": witnessed.checkpoint.origin,
        "index": proof.index,
        "size": witnessed.checkpoint.size,
        "witnessed": time,
        "witnesses": witnessed.cosigned.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "kind": body.kind,
        "understood": Kind::parse(&body.kind).is_some(),
        "from": body.from,
        "to": body.to,
        "sequence": body.sequence,
        "leaf": statement.leaf().to_hex(),
    }))
}

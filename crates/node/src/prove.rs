//! Proofs made from what a node has: see [`comity_rules::bundle`] for what they are.

use comity_ledger::content::Opening;
use comity_ledger::note::Note;
use comity_ledger::proof::Proof;
use comity_ledger::{Statement, tile};
use comity_rules::access::{Person, Right};
use comity_rules::bundle::{Added, Bundle, Proven};
use comity_rules::release;
use comity_rules::{Kind, card};
use comity_store::ledger;
use minicbor::data::Token;
use serde_json::{Value, json};

use crate::node::{Error, Node};

/// The proof that a statement is in its ledger, with the statement in its `extra` line, and those of the
/// named fields that it has, opened.
///
/// # Errors
/// [`Error::Denied`], [`Error::Refused`] where no outside witness has covered it yet.
pub async fn statement(
    node: &Node,
    by: &Person,
    ledger: &str,
    index: u64,
    fields: &[String],
) -> Result<Proof, Error> {
    by.may(Right::Read)?;
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
    let openings = node.openings(by, (ledger, index), &entry, fields).await?;
    let opening = opening.into_iter().next().unwrap_or_default();
    let added = node.added(ledger, index, &entry, witnessed.size).await?;
    let extra = Bundle { entry, opening, openings, added }.to_bytes();
    let wanted = tile::needed(index, index + 1, witnessed.size)?;
    let tiles = ledger::tiles(&node.db, ledger, &wanted).await?;
    Ok(Proof {
        extra: Some(extra),
        index,
        hashes: tiles.prove_inclusion(index, witnessed.size)?,
        note: Note::parse(witnessed.note.as_bytes())?,
    })
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
        by: &Person,
        (ledger, index): (&str, u64),
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
            let opening = release::content(by, content.open(name)?)?;
            self.journal_of(
                &by.name,
                "open",
                &format!("field {name} of entry {index} of {ledger}"),
            )
            .await?;
            openings.push(opening.into_inner());
        }
        Ok(openings)
    }
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

/// What a proof proves, as JSON.
#[must_use]
pub fn to_json(proven: &Proven) -> Value {
    let body = proven.statement.body();
    json!({
        "verified": true,
        "ledger": proven.statement.origin(),
        "index": proven.index,
        "size": proven.size,
        "witnessed": proven.time,
        "witnesses": proven.witnesses,
        "kind": body.kind,
        "understood": Kind::parse(&body.kind).is_some(),
        "from": body.from,
        "to": body.to,
        "sequence": body.sequence,
        "leaf": proven.statement.leaf().to_hex(),
        "fingerprint": card::fingerprint(&proven.root),
        "fields": proven.fields.iter().map(|field| json!({
            "name": field.name,
            "value": readable(&field.value),
        })).collect::<Vec<_>>(),
    })
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

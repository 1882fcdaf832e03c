//! What shows a third party that a peer's ledger has two histories.

use comity_ledger::Checkpoint;
use comity_ledger::fork::{Branch, Fork, Step};
use comity_ledger::note::Note;
use comity_ledger::witness::AddCheckpoint;
use comity_store::ledger::{Ledger, id_of};
use comity_store::{Work, evidence};

use crate::node::{Error, Node};
use crate::writer::Delivery;

/// Keeps as evidence that the peer signed `branch`, which differs from its ledger here at `size`: the
/// proof of a fork where a signed head here shows it; else the note alone, and the proof when there is
/// such a head.
pub(crate) async fn keep(
    node: &Node,
    work: &mut Work,
    ledger: &Ledger,
    size: u64,
    branch: Branch,
) -> Result<(), Error> {
    let note = branch.note.clone();
    let promise =
        branch.steps.is_empty().then(|| Checkpoint::new(ledger.key.name(), size, branch.root));
    let bytes = match prove(work, ledger, size, branch).await? {
        Some(fork) => fork.encode(),
        None => {
            if let Some(head) = promise
                && let Err(other) = work.promised(&ledger.id, &head, &note).await?
            {
                return two(node, work, ledger, &head, (&note, &other)).await;
            }
            note.into_bytes()
        }
    };
    put(node, work, ledger, size, &bytes).await
}

/// Keeps two notes that the peer signed for one size.
pub(crate) async fn two(
    node: &Node,
    work: &mut Work,
    ledger: &Ledger,
    head: &Checkpoint,
    (one, other): (&str, &str),
) -> Result<(), Error> {
    let branch = |note: &str| -> Result<Branch, Error> {
        let root = Checkpoint::parse(Note::parse(note.as_bytes())?.text())?.root;
        Ok(Branch { root, steps: Vec::new(), note: note.to_owned() })
    };
    let fork = Fork::new(head.size, branch(one)?, branch(other)?);
    put(node, work, ledger, head.size, &fork.encode()).await
}

async fn put(
    node: &Node,
    work: &mut Work,
    ledger: &Ledger,
    size: u64,
    bytes: &[u8],
) -> Result<(), Error> {
    tracing::warn!(ledger = ledger.id, size, "the peer signed two histories");
    let fork = comity_ledger::Error::Fork { size };
    let (at, detail) = (node.now().as_second(), fork.to_string());
    Ok(evidence::keep_in(&mut work.tx, at, &ledger.id, fork.code(), &detail, bytes).await?)
}

/// The proof, from the latest head here that the ledger signed; `None` where that does not reach so far,
/// or the branch is none.
async fn prove(
    work: &mut Work,
    ledger: &Ledger,
    size: u64,
    branch: Branch,
) -> Result<Option<Fork>, Error> {
    let held = work.ledger(&ledger.id).await?.verified;
    let (root, note) =
        match (work.root_at(&ledger.id, size).await?, work.note(&ledger.id, held).await?) {
            (Some(root), Some(note)) if size <= held => (root, note),
            _ => return Ok(None),
        };
    let mut steps = Vec::new();
    if size < held {
        let proof = work.prove_consistency(&ledger.id, size, held).await?;
        let root = work.root_at(&ledger.id, held).await?.unwrap_or_default();
        steps.push(Step { size: held, root, proof });
    }
    let fork = Fork::new(size, Branch { root, steps, note: alone(ledger, &note)? }, branch);
    Ok(fork.verify(&ledger.key).is_ok().then_some(fork))
}

/// The proof of a fork against a note that a peer sent, as it is or to be cosigned; `None` where there
/// is none.
pub(crate) async fn by_note(node: &Node, bytes: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let request = AddCheckpoint::parse(bytes).map(|request| request.note);
    let Ok(note) = request.or_else(|_| Note::parse(bytes)) else { return Ok(None) };
    let Ok(head) = Checkpoint::parse(note.text()) else { return Ok(None) };
    let Some(ledger) = crate::node::ledger_copy(node, &id_of(&head.origin)).await? else {
        return Ok(None);
    };
    let note = alone(&ledger, &note.to_string())?;
    let branch = Branch { root: head.root, steps: Vec::new(), note };
    // Only read: dropped, the work never was.
    let fork = prove(&mut node.begin().await?, &ledger, head.size, branch).await?;
    Ok(fork.map(|fork| fork.encode()))
}

/// A delivery whose entry at `at` is another than the one here, as a branch: the tree with that entry,
/// led to the checkpoint that covers the delivery.
pub(crate) async fn branch(
    work: &mut Work,
    ledger: &Ledger,
    delivery: &Delivery,
    at: u64,
) -> Result<Branch, Error> {
    let (note, proof) = &delivery.cover;
    let head = Checkpoint::parse(note.text())?;
    let skip = usize::try_from(at - delivery.start).unwrap_or(usize::MAX);
    let entries: Vec<&[u8]> =
        delivery.entries.iter().skip(skip).map(|(entry, _)| entry.as_slice()).collect();
    let end = delivery.start + delivery.entries.len() as u64;
    let tiles = work.turned(&ledger.id, at, &entries).await?;
    let mut steps = Vec::new();
    if at + 1 < end {
        let (root, proof) = (tiles.root(end)?, tiles.prove_consistency(at + 1, end)?);
        steps.push(Step { size: end, root, proof });
    }
    if end < head.size {
        steps.push(Step { size: head.size, root: head.root, proof: proof.clone() });
    }
    Ok(Branch { root: tiles.root(at + 1)?, steps, note: alone(ledger, &note.to_string())? })
}

/// The note with the ledger's own signature alone: whoever else signed it has no part in this.
pub(crate) fn alone(ledger: &Ledger, note: &str) -> Result<String, Error> {
    let note = Note::parse(note.as_bytes())?;
    let mut signed = Note::new(note.text().to_owned())?;
    signed.gather(&note, &[ledger.key.name()]);
    Ok(signed.to_string())
}

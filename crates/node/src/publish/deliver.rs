//! The peer: entries and proofs go to it, and it witnesses and mirrors the ledger.

use comity_ledger::cosignature;
use comity_ledger::mirror::{self, Header, Info};
use comity_ledger::note::{Note, Signature};
use comity_ledger::statement::MAX_ENTRY;
use comity_ledger::tile::{self, WIDTH};
use comity_rules::period::instant;
use comity_store::ledger::{self, Ledger};

use super::{Backoff, add_checkpoint, consistency, size};
use crate::exchange::{Carried, Entries, Link, MAX_DELIVERY, MAX_ENTRIES};
use crate::node::{Agreement, Error, Node};
use crate::{http, public};

/// Packages in one upload: as many as a delivery's bytes hold whatever the entries.
const PACKAGES: usize = MAX_DELIVERY / (256 * (MAX_ENTRY + 2) + 63 * 32 + 1);

/// Delivers entries and proofs to the peer, and has it witness and mirror the ledger.
pub(super) async fn run(node: &Node, agreement: &Agreement) {
    let mut backoff = Backoff::of(node, agreement, "peer");
    let mut link = Link::to(agreement.peer.clone());
    let mut mirrored = 0;
    loop {
        let seen = node.change_count();
        match carry(node, agreement, &mut link, &mut mirrored).await {
            Ok(true) => backoff.reset(),
            Ok(false) => {
                backoff.reset();
                node.changed(seen).await;
            }
            Err(error) if is_known(node, agreement).await => backoff.failed(&error).await,
            // Before the peer has begun its ledger it takes nothing; as soon as it has, it does.
            Err(error) => tokio::select! {
                () = backoff.failed(&error) => {}
                () = begins(node, agreement) => {}
            },
        }
    }
}

/// Whether the peer has begun its ledger.
async fn is_known(node: &Node, agreement: &Agreement) -> bool {
    let Ok(own) = ledger::show(&node.db, &agreement.own).await else { return true };
    ledger::counterpart(&node.db, &own).await.is_ok_and(|other| other.is_some())
}

/// Waits until it has.
async fn begins(node: &Node, agreement: &Agreement) {
    loop {
        let seen = node.change_count();
        if is_known(node, agreement).await {
            return;
        }
        node.changed(seen).await;
    }
}

/// One step; whether there was something to do.
async fn carry(
    node: &Node,
    agreement: &Agreement,
    link: &mut Link,
    mirrored: &mut u64,
) -> Result<bool, Error> {
    let own = ledger::show(&node.db, &agreement.own).await?;
    let entries = ledger::delivered(&node.db, &own.id).await?;
    // Of what is over the other side takes no more than what proves when it was said.
    let goes_on = !agreement.is_closed();
    if goes_on && entries < own.verified {
        let next = deliver(node, &own, link, entries).await?;
        if next == entries {
            return Err(Error::Refused("the peer takes nothing of what is delivered".to_owned()));
        }
        let mut work = node.begin().await?;
        work.delivered(&own.id, next).await?;
        work.commit().await?;
        return Ok(true);
    }
    if goes_on && *mirrored < own.verified {
        mirror(node, agreement, &own, link).await?;
        *mirrored = own.verified;
        return Ok(true);
    }
    let Some((ledger, size)) = ledger::news(&node.db, &own.terms).await? else { return Ok(false) };
    // Behind its last head nothing of a ledger is the other side's.
    let party = ledger::show(&node.db, &ledger).await?.party;
    if agreement.last_of(&party).is_some_and(|last| size > last) {
        let mut work = node.begin().await?;
        work.told(&ledger, size).await?;
        work.commit().await?;
        return Ok(true);
    }
    tell(node, link, &ledger, size).await?;
    Ok(true)
}

/// Tells the peer what proves a head, of either ledger. Both then know the earliest proof that
/// either has, and read the same times.
async fn tell(node: &Node, link: &mut Link, ledger: &str, size: u64) -> Result<(), Error> {
    let known = ledger::show(&node.db, ledger).await?;
    let proven = public::kept(node, &known, size).await?;
    // What proves less than a later proof was dropped meanwhile; that one is news too.
    if let Some((_, note)) = proven.as_ref().filter(|(proven, _)| *proven == size) {
        let reply = link.post(node, "history", note.clone().into_bytes()).await?;
        accepted(&reply, "history")?;
    }
    let mut work = node.begin().await?;
    // More may have become known while it was told: that is news again.
    if public::kept(node, &known, size).await? == proven {
        work.told(ledger, size).await?;
        work.commit().await?;
    }
    Ok(())
}

/// Delivers the next entries with their ciphertexts; returns the next that the peer wants.
async fn deliver(node: &Node, own: &Ledger, link: &mut Link, from: u64) -> Result<u64, Error> {
    let carried = carried(node, own, from, own.verified).await?;
    let end = from + carried.len() as u64;
    let head = ledger::head(&node.db, &own.id, Some(own.verified)).await?;
    let head = head.ok_or_else(|| Error::Refused("the head of this ledger is gone".to_owned()))?;
    let proof = consistency(node, own, end).await?;
    let message =
        Entries { terms: own.terms.clone(), start: from, entries: carried, head: head.note, proof };
    let body = minicbor::to_vec(&message).map_err(|error| Error::Refused(error.to_string()))?;
    let reply = link.post(node, "entries", body).await?;
    accepted(&reply, "entries")?;
    let next = size(&String::from_utf8_lossy(&reply.body));
    let next = next.ok_or_else(|| Error::Refused("the peer's answer is no number".to_owned()))?;
    // A peer that wants less than it had was restored from a backup: it gets the rest again.
    Ok(next.min(own.size))
}

/// Entries `[from, to)` of a ledger with their ciphertexts, as many as one message holds.
pub(crate) async fn carried(
    node: &Node,
    ledger: &Ledger,
    from: u64,
    to: u64,
) -> Result<Vec<Carried>, Error> {
    let to = to.min(from.saturating_add(MAX_ENTRIES as u64));
    let mut carried = Vec::new();
    let mut bytes = 0;
    for (index, entry) in (from..).zip(ledger::entries(&node.db, &ledger.id, from, to).await?) {
        let ciphertext = ledger::ciphertext(&node.db, &ledger.id, index).await?;
        bytes += entry.len() + ciphertext.as_ref().map_or(0, Vec::len) + 64;
        if bytes > MAX_DELIVERY - 65_536 && !carried.is_empty() {
            break;
        }
        carried.push(Carried { entry, ciphertext });
    }
    Ok(carried)
}

/// Has the peer witness and mirror the latest checkpoint.
async fn mirror(
    node: &Node,
    agreement: &Agreement,
    own: &Ledger,
    link: &mut Link,
) -> Result<(), Error> {
    let Some(head) = ledger::head(&node.db, &own.id, Some(own.verified)).await? else {
        return Ok(());
    };
    let card = node.peer(&agreement.peer)?;
    let mut note = Note::parse(head.note.as_bytes())?;
    let before = cosignature::verify(&note, &card.witness)?;
    let lines = submit(node, own, link, "witness/add-checkpoint", &note).await?;
    let mut answered = Note::new(note.text().to_owned())?;
    add(&mut answered, &lines, card.witness.name())?;
    // A word that it repeats is no word of what its clock says now.
    if let Some(time) =
        cosignature::verify(&answered, &card.witness)?.filter(|t| before != Some(*t))
    {
        node.heard(agreement.peer.as_str(), instant(time));
    }
    add(&mut note, &lines, card.witness.name())?;
    if cosignature::verify(&note, &card.witness)?.is_none() {
        return Err(Error::Refused("the peer's witness signed with another key".to_owned()));
    }
    submit(node, own, link, "mirror/add-checkpoint", &note).await?;
    let lines = upload(node, own, link).await?;
    add(&mut note, &lines, card.mirror.name())?;
    let time = cosignature::verify(&note, &card.mirror)?;
    let time = time.and_then(instant);
    let time = time.ok_or_else(|| Error::Refused("the peer's mirror did not cosign".to_owned()))?;
    let mut said = Note::new(note.text().to_owned())?;
    said.gather(&note, &[card.witness.name(), card.mirror.name()]);
    let mut work = node.begin().await?;
    work.cosign(&own.id, own.verified, &said).await?;
    work.mirrored(&own.id, own.verified, time).await?;
    work.commit().await?;
    node.change();
    Ok(())
}

/// Adds the line by this name, of those that were answered.
fn add(note: &mut Note, lines: &str, name: &str) -> Result<(), Error> {
    let lines = Signature::parse_lines(lines)?;
    lines.into_iter().filter(|line| line.name == name).for_each(|line| note.add(line));
    Ok(())
}

/// Submits a checkpoint to the peer's witness or mirror; asks once more from where it is.
async fn submit(
    node: &Node,
    own: &Ledger,
    link: &mut Link,
    path: &str,
    note: &Note,
) -> Result<String, Error> {
    let mut old = own.witnessed.min(own.verified);
    for _ in 0..2 {
        let request = add_checkpoint(node, own, note, old).await?;
        let reply = link.post(node, path, request.to_string().into_bytes()).await?;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        if reply.status != 409 {
            accepted(&reply, path)?;
            return Ok(text);
        }
        old = size(&text).filter(|size| *size <= own.verified).ok_or_else(|| {
            Error::Refused(format!("the peer has seen more of this ledger than there is ({path})"))
        })?;
    }
    Err(Error::Refused(format!("{path}: the peer moved meanwhile")))
}

/// Uploads to the peer's mirror what it does not have; most often nothing, for entries were
/// delivered before.
async fn upload(node: &Node, own: &Ledger, link: &mut Link) -> Result<String, Error> {
    let mut start = own.verified;
    loop {
        let header = Header {
            origin: own.key.name().to_owned(),
            start,
            end: own.verified,
            ticket: Vec::new(),
        };
        let mut body = header.encode();
        for (from, to) in header.intervals().take(PACKAGES) {
            let entries = ledger::entries(&node.db, &own.id, from, to).await?;
            let mut wanted = tile::needed(from / WIDTH * WIDTH, to, own.verified)?;
            wanted.extend(tile::edge(own.verified));
            let tiles = ledger::tiles(&node.db, &own.id, &wanted).await?;
            mirror::push_package(&mut body, from, &entries, own.verified, &tiles)?;
        }
        let reply = link.post(node, "mirror/add-entries", body).await?;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        if !matches!(reply.status, 202 | 409) {
            accepted(&reply, "mirror")?;
            return Ok(text);
        }
        let info = Info::parse(&text)?;
        if info.pending != own.verified || info.next >= start && reply.status == 409 {
            return Err(Error::Refused("the peer's mirror is at another checkpoint".to_owned()));
        }
        start = info.next;
    }
}

fn accepted(reply: &http::Reply, what: &str) -> Result<(), Error> {
    if reply.status == 200 {
        return Ok(());
    }
    Err(Error::Refused(format!("{what}: the peer answered {}", reply.said())))
}

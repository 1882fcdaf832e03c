//! What carries an agreement on in the background: checkpoints, witnesses, and the peer.
//!
//! Each of the three goes on by itself, so that a witness or a peer that is down stops nothing
//! else. The store says how far each is; these tasks keep nothing that a restart would lose.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use comity_ledger::mirror::{self, Header, Info};
use comity_ledger::note::{Note, Signature};
use comity_ledger::policy::Witness;
use comity_ledger::statement::MAX_ENTRY;
use comity_ledger::tile::{self, WIDTH};
use comity_ledger::witness::AddCheckpoint;
use comity_ledger::{Checkpoint, Hash, Statement, cosignature};
use comity_rules::agreement::time_of;
use comity_store::ledger::{self, Ledger};
use hyper::Method;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::exchange::{Carried, Entries, Link, MAX_DELIVERY, MAX_ENTRIES};
use crate::http;
use crate::node::{Agreement, Error, Node};

/// Between two checkpoints at least.
const CADENCE: Duration = Duration::from_secs(1);

/// Between two cosignatures of a ledger at rest.
const HEARTBEAT: Duration = Duration::from_secs(3600);

/// The shortest and the longest wait after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));

/// Packages in one upload: as many as a delivery's bytes hold whatever the entries.
const PACKAGES: usize = MAX_DELIVERY / (256 * (MAX_ENTRY + 2) + 63 * 32 + 1);

/// Carries an agreement on until the future is dropped.
pub async fn run(node: Arc<Node>, agreement: Arc<Agreement>) {
    tokio::join!(
        checkpoints(&node, &agreement),
        witnesses(&node, &agreement),
        peer(&node, &agreement)
    );
}

/// Signs a checkpoint when there are new entries, at most one a second.
async fn checkpoints(node: &Node, agreement: &Agreement) {
    let mut backoff = Backoff::default();
    loop {
        let seen = node.change_count();
        match checkpoint(node, agreement).await {
            Ok(true) => {
                backoff.reset();
                tokio::time::sleep(CADENCE).await;
            }
            Ok(false) => {
                node.changed(seen).await;
            }
            Err(error) => backoff.failed("checkpoint", &error).await,
        }
    }
}

async fn checkpoint(node: &Node, agreement: &Agreement) -> Result<bool, Error> {
    let own = ledger::show(&node.db, &agreement.own).await?;
    if own.size == own.verified {
        return Ok(false);
    }
    let mut work = node.begin().await?;
    let (size, root) = work.root(&agreement.own).await?;
    let checkpoint = Checkpoint::new(agreement.key.name(), size, root);
    let note = checkpoint.sign(&agreement.key)?;
    work.head(&agreement.own, &checkpoint, &note.to_string()).await?;
    // Durable before anybody sees it: after a crash no other head of this size may be signed.
    work.commit().await?;
    node.change();
    Ok(true)
}

/// Has the outside witnesses cosign the latest checkpoint, and keeps the first that makes a quorum.
async fn witnesses(node: &Arc<Node>, agreement: &Agreement) {
    let mut backoff = Backoff::default();
    // What each witness cosigned last, as far as this run knows; it corrects a wrong guess.
    let mut cosigned = BTreeMap::new();
    let mut beat = Instant::now() + HEARTBEAT;
    loop {
        let seen = node.change_count();
        let due = Instant::now() >= beat;
        match cosign(node, agreement, &mut cosigned, due).await {
            Ok(true) => {
                backoff.reset();
                beat = Instant::now() + HEARTBEAT;
            }
            Ok(false) => {
                let _ = tokio::time::timeout_at(beat, node.changed(seen)).await;
            }
            Err(error) => backoff.failed("witness", &error).await,
        }
    }
}

async fn cosign(
    node: &Arc<Node>,
    agreement: &Agreement,
    cosigned: &mut BTreeMap<String, u64>,
    heartbeat: bool,
) -> Result<bool, Error> {
    let own = ledger::show(&node.db, &agreement.own).await?;
    if own.verified == own.witnessed && !heartbeat || own.verified == 0 {
        return Ok(false);
    }
    let Some(head) = ledger::head(&node.db, &own.id, Some(own.verified)).await? else {
        return Ok(false);
    };
    let (_, policy) = node.policy(agreement).await?;
    let known = Note::parse(head.note.as_bytes())?;
    let mut note = Note::new(known.text().to_owned())?;
    // All but what the outside witnesses said earlier: of each, its latest word.
    let outside = |name: &str| policy.witnesses().iter().any(|witness| witness.key.name() == name);
    known.signatures().iter().filter(|s| !outside(&s.name)).for_each(|s| note.add(s.clone()));
    let mut asked = JoinSet::new();
    for witness in policy.witnesses().iter().cloned() {
        let last = cosigned.get(&witness.name).copied().unwrap_or(own.witnessed);
        let (node, own, note) = (Arc::clone(node), own.clone(), note.clone());
        asked.spawn(async move {
            let answer = ask(&node, &own, &witness, &note, last).await;
            (witness.name, answer)
        });
    }
    // The first that make the quorum are enough: one that hangs delays nobody.
    let mut failure = None;
    let witnessed = loop {
        match policy.check(&note) {
            Ok(witnessed) => break witnessed,
            Err(error) => failure = failure.or(Some(Error::Ledger(error))),
        }
        match asked.join_next().await {
            Some(Ok((name, Ok(line)))) => {
                cosigned.insert(name, own.verified);
                note.add(line);
            }
            Some(Ok((name, Err(error)))) => {
                cosigned.remove(&name);
                failure = Some(error);
            }
            Some(Err(error)) => failure = Some(Error::Refused(error.to_string())),
            None => return Err(failure.unwrap_or(Error::Stopping)),
        }
    };
    let time =
        time_of(&witnessed).ok_or_else(|| Error::Refused("no outside witness".to_owned()))?;
    let mut work = node.begin().await?;
    if !work.witnessed(&own.id, own.verified, &note.to_string(), time).await? {
        // A heartbeat: no entry gets another time, but readers see that the ledger is alive.
        work.cosign(&own.id, own.verified, &note.to_string()).await?;
    }
    work.commit().await?;
    node.change();
    Ok(true)
}

/// Asks one outside witness, with a proof from what it cosigned last.
async fn ask(
    node: &Node,
    own: &Ledger,
    witness: &Witness,
    note: &Note,
    mut last: u64,
) -> Result<Signature, Error> {
    let url = witness.url.as_deref().unwrap_or_default().trim_end_matches('/');
    let url = format!("{url}/add-checkpoint");
    // Once more after a 409 that says where the witness is.
    for _ in 0..2 {
        let request = add_checkpoint(node, own, note, last).await?;
        let body = request.to_string().into_bytes();
        let reply = http::fetch(&*node.network, Method::POST, &url, body, 64 * 1024).await?;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        match reply.status {
            200 => {
                let mut answered = Note::new(note.text().to_owned())?;
                for line in Signature::parse_lines(&text)? {
                    answered.add(line);
                }
                if cosignature::verify(&answered, &witness.key)?.is_none() {
                    let problem = format!("witness {} signed with another key", witness.name);
                    return Err(Error::Refused(problem));
                }
                let mut lines = answered.signatures().iter();
                let line = lines.find(|line| line.name == witness.key.name()).cloned();
                return line.ok_or_else(|| Error::Refused("no cosignature".to_owned()));
            }
            409 => {
                last = size(&text).filter(|size| *size <= own.verified).ok_or_else(|| {
                    let name = &witness.name;
                    Error::Refused(format!(
                        "witness {name} has seen more of this ledger than there is"
                    ))
                })?;
            }
            status => {
                let text: String = text.chars().take(200).collect();
                let problem =
                    format!("witness {} answered {status}: {}", witness.name, text.trim());
                return Err(Error::Refused(problem));
            }
        }
    }
    Err(Error::Refused(format!("witness {} moved meanwhile", witness.name)))
}

async fn add_checkpoint(
    node: &Node,
    own: &Ledger,
    note: &Note,
    old: u64,
) -> Result<AddCheckpoint, Error> {
    Ok(AddCheckpoint { old, proof: consistency(node, own, old).await?, note: note.clone() })
}

/// The consistency proof from `old` entries to the latest checkpoint.
async fn consistency(node: &Node, own: &Ledger, old: u64) -> Result<Vec<Hash>, Error> {
    let size = own.verified;
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    let tiles = ledger::tiles(&node.db, &own.id, &tile::needed(0, old, size)?).await?;
    Ok(tiles.prove_consistency(old, size)?)
}

/// Delivers entries and history to the peer, and has it witness and mirror the ledger.
async fn peer(node: &Node, agreement: &Agreement) {
    let mut backoff = Backoff::default();
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
            Err(error) => backoff.failed("peer", &error).await,
        }
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
    let (entries, history) = ledger::delivered(&node.db, &own.id).await?;
    if entries < own.verified {
        let next = deliver(node, &own, link, entries).await?;
        if next == entries {
            return Err(Error::Refused("the peer takes nothing of what is delivered".to_owned()));
        }
        progress(node, &own.id, next, history).await?;
        return Ok(true);
    }
    if let Some(witnessed) = ledger::history(&node.db, &own.id, history + 1).await? {
        let reply = link.post(node, "history", witnessed.note.into_bytes()).await?;
        accepted(&reply, "history")?;
        progress(node, &own.id, entries, witnessed.size).await?;
        return Ok(true);
    }
    if *mirrored < own.verified {
        mirror(node, agreement, &own, link).await?;
        *mirrored = own.verified;
        return Ok(true);
    }
    Ok(false)
}

async fn progress(node: &Node, ledger: &str, entries: u64, history: u64) -> Result<(), Error> {
    let mut work = node.begin().await?;
    work.delivered(ledger, entries, history).await?;
    work.commit().await?;
    Ok(())
}

/// Delivers the next entries with their ciphertexts; returns the next that the peer wants.
async fn deliver(node: &Node, own: &Ledger, link: &mut Link, from: u64) -> Result<u64, Error> {
    let to = own.verified.min(from + MAX_ENTRIES as u64);
    let mut carried = Vec::new();
    let mut bytes = 0;
    for entry in ledger::entries(&node.db, &own.id, from, to).await? {
        let sealed = Statement::parse(&entry)?.body().sealed;
        let ciphertext = match sealed {
            Some(sealed) => ledger::ciphertext(&node.db, &sealed.digest.to_hex()).await?,
            None => None,
        };
        bytes += entry.len() + ciphertext.as_ref().map_or(0, Vec::len) + 64;
        if bytes > MAX_DELIVERY - 65_536 && !carried.is_empty() {
            break;
        }
        carried.push(Carried { entry, ciphertext });
    }
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
    let card = node.peer(&agreement.peer).await?;
    let mut note = Note::parse(head.note.as_bytes())?;
    let lines = submit(node, own, link, "witness/add-checkpoint", &note).await?;
    for line in Signature::parse_lines(&lines)? {
        note.add(line);
    }
    if cosignature::verify(&note, &card.witness)?.is_none() {
        return Err(Error::Refused("the peer's witness signed with another key".to_owned()));
    }
    submit(node, own, link, "mirror/add-checkpoint", &note).await?;
    let lines = upload(node, own, link).await?;
    let mut mirrored = Note::new(note.text().to_owned())?;
    for line in Signature::parse_lines(&lines)? {
        mirrored.add(line);
    }
    let time = cosignature::verify(&mirrored, &card.mirror)?;
    let time = time.and_then(|time| Timestamp::from_second(i64::try_from(time).ok()?).ok());
    let time = time.ok_or_else(|| Error::Refused("the peer's mirror did not cosign".to_owned()))?;
    for line in mirrored.signatures() {
        note.add(line.clone());
    }
    let mut work = node.begin().await?;
    work.cosign(&own.id, own.verified, &note.to_string()).await?;
    work.mirrored(&own.id, own.verified, time).await?;
    work.commit().await?;
    node.change();
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
    let text: String = String::from_utf8_lossy(&reply.body).chars().take(200).collect();
    Err(Error::Refused(format!("{what}: the peer answered {}: {}", reply.status, text.trim())))
}

/// The number on a line of its own.
fn size(text: &str) -> Option<u64> {
    text.trim_end().parse().ok()
}

/// Waits longer after each failure in a row.
#[derive(Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    fn reset(&mut self) {
        self.failures = 0;
    }

    async fn failed(&mut self, what: &str, error: &Error) {
        let wait = BACKOFF.0.saturating_mul(1 << self.failures.min(8)).min(BACKOFF.1);
        self.failures = self.failures.saturating_add(1);
        // The first failure is news; the rest of an outage is not.
        if self.failures == 1 {
            tracing::warn!(what, %error, "will try again");
        } else {
            tracing::debug!(what, %error, ?wait, "will try again");
        }
        tokio::time::sleep(wait).await;
    }
}

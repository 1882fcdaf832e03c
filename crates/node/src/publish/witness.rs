//! Outside witnesses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use comity_ledger::cosignature;
use comity_ledger::note::{Note, Signature};
use comity_ledger::policy::Witness;
use comity_rules::agreement::time_of;
use comity_rules::period::instant;
use comity_store::ledger::{self, Ledger};
use hyper::Method;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Backoff, CADENCE, add_checkpoint, size};
use crate::http;
use crate::node::{Agreement, Error, Node};

/// Between two cosignatures of a ledger at rest.
const HEARTBEAT: Duration = Duration::from_secs(3600);

/// How long a peer may take to bring the proof of a head that it delivered.
const PATIENCE: Duration = CADENCE.saturating_mul(2);

/// Has them cosign this party's ledger.
pub(super) async fn own(node: &Arc<Node>, agreement: &Agreement) {
    let mut backoff = Backoff::of(node, agreement, "witness");
    let mut asked = Asked::of("");
    let mut beat = Instant::now() + HEARTBEAT;
    loop {
        let seen = node.change_count();
        let due = Instant::now() >= beat;
        match cosign(node, agreement, &agreement.own, &mut asked, due).await {
            Ok(true) => {
                backoff.reset();
                beat = Instant::now() + HEARTBEAT;
            }
            Ok(false) => {
                backoff.reset();
                asked
                    .rest(node, agreement, tokio::time::timeout_at(beat, node.changed(seen)))
                    .await;
            }
            Err(error) => backoff.failed(&error).await,
        }
    }
}

/// Has them cosign the peer's ledger where the peer brings no such proof of a head in time. A party
/// that alone asks the witnesses could keep the first proof of its own entry back and show a later
/// one: its receipts would look later than they were.
pub(super) async fn peers(node: &Arc<Node>, agreement: &Agreement) {
    let mut backoff = Backoff::of(node, agreement, "witness of the peer's ledger");
    let mut asked = Asked::of(" of the peer's ledger");
    loop {
        let seen = node.change_count();
        match late(node, agreement).await {
            Ok(None) => {
                backoff.reset();
                asked.rest(node, agreement, node.changed(seen)).await;
            }
            Ok(Some(ledger)) => match cosign(node, agreement, &ledger, &mut asked, false).await {
                Ok(_) => backoff.reset(),
                Err(error) => backoff.failed(&error).await,
            },
            Err(error) => backoff.failed(&error).await,
        }
    }
}

/// The witnesses that were asked, some of which have not answered yet.
struct Asked {
    what: &'static str,
    /// Who was asked, for a head of which size, and what it said.
    tasks: JoinSet<(String, u64, Result<Signature, Error>)>,
    /// What each cosigned last, as far as this run knows; it corrects a wrong guess.
    cosigned: BTreeMap<String, u64>,
}

impl Asked {
    fn of(what: &'static str) -> Self {
        Self { what, tasks: JoinSet::new(), cosigned: BTreeMap::new() }
    }

    /// The next answer. One that fails is told to the doctor though the others make the quorum: it may
    /// be gone, or have seen a second history.
    async fn next(
        &mut self,
        node: &Node,
        agreement: &Agreement,
    ) -> Option<Result<(u64, Signature), Error>> {
        let (name, size, answer) = match self.tasks.join_next().await? {
            Ok(answered) => answered,
            Err(error) => return Some(Err(Error::Refused(error.to_string()))),
        };
        let what = format!("witness {name}{} ({})", self.what, agreement.peer);
        node.trouble(&what, answer.as_ref().err());
        if answer.is_ok() {
            self.cosigned.insert(name, size);
        } else {
            self.cosigned.remove(&name);
        }
        Some(answer.map(|line| (size, line)))
    }

    /// Takes late answers until there is something else to do.
    async fn rest(&mut self, node: &Node, agreement: &Agreement, until: impl Future) {
        let mut until = std::pin::pin!(until);
        loop {
            tokio::select! {
                _ = &mut until => return,
                Some(_) = self.next(node, agreement) => {}
                else => {
                    until.await;
                    return;
                }
            }
        }
    }
}

/// The peer's ledger, if a head of it stays without proof.
async fn late(node: &Node, agreement: &Agreement) -> Result<Option<String>, Error> {
    let own = ledger::show(&node.db, &agreement.own).await?;
    let Some(theirs) = ledger::counterpart(&node.db, &own).await? else { return Ok(None) };
    if theirs.witnessed >= theirs.verified {
        return Ok(None);
    }
    tokio::time::sleep(PATIENCE).await;
    let now = ledger::show(&node.db, &theirs.id).await?;
    Ok((now.witnessed < theirs.verified).then_some(now.id))
}

/// Has the outside witnesses cosign the latest checkpoint of a ledger, and keeps the first
/// cosignatures that make a quorum. Whether there was something to do.
async fn cosign(
    node: &Arc<Node>,
    agreement: &Agreement,
    ledger: &str,
    asked: &mut Asked,
    heartbeat: bool,
) -> Result<bool, Error> {
    let ledger = ledger::show(&node.db, ledger).await?;
    if ledger.verified <= ledger.witnessed && !heartbeat || ledger.verified == 0 {
        return Ok(false);
    }
    let Some(head) = ledger::head(&node.db, &ledger.id, Some(ledger.verified)).await? else {
        return Ok(false);
    };
    let (_, policy) = node.policy(agreement).await?;
    let known = Note::parse(head.note.as_bytes())?;
    let mut note = Note::new(known.text().to_owned())?;
    // All but what the outside witnesses said earlier: of each, its latest word.
    let outside = |name: &str| policy.witnesses().iter().any(|witness| witness.key.name() == name);
    known.signatures().iter().filter(|s| !outside(&s.name)).for_each(|s| note.add(s.clone()));
    for witness in policy.witnesses().iter().cloned() {
        let last = asked.cosigned.get(&witness.name).copied().unwrap_or(ledger.witnessed);
        let (node, ledger, note) = (Arc::clone(node), ledger.clone(), note.clone());
        asked.tasks.spawn(async move {
            let answer = ask(&node, &ledger, &witness, &note, last).await;
            (witness.name, ledger.verified, answer)
        });
    }
    // The first that make the quorum are enough: one that hangs delays nobody.
    let mut failure = None;
    let witnessed = loop {
        match policy.check(&note) {
            Ok(witnessed) => break witnessed,
            Err(error) => failure = failure.or(Some(Error::Ledger(error))),
        }
        match asked.next(node, agreement).await {
            Some(Ok((size, line))) if size == ledger.verified => note.add(line),
            // Late, of a head before.
            Some(Ok(_)) => {}
            Some(Err(error)) => failure = Some(error),
            None => {
                // The other side may have had a later head cosigned: then this one is too old.
                let now = ledger::show(&node.db, &ledger.id).await?;
                let moved = now.verified > ledger.verified || now.witnessed > ledger.witnessed;
                return if moved { Ok(true) } else { Err(failure.unwrap_or(Error::Stopping)) };
            }
        }
    };
    let time =
        time_of(&witnessed).ok_or_else(|| Error::Refused("no outside witness".to_owned()))?;
    let mut work = node.begin().await?;
    if work.witnessed(&ledger.id, ledger.verified, &note.to_string(), time).await? {
        work.news(&ledger.id, ledger.verified).await?;
    } else {
        // A heartbeat: no entry gets another time, but readers see that the ledger is alive.
        work.cosign(&ledger.id, ledger.verified, &note).await?;
    }
    work.commit().await?;
    node.change();
    Ok(true)
}

/// Asks one outside witness, with a proof from what it cosigned last.
async fn ask(
    node: &Node,
    ledger: &Ledger,
    witness: &Witness,
    note: &Note,
    mut last: u64,
) -> Result<Signature, Error> {
    let url = witness.url.as_deref().unwrap_or_default().trim_end_matches('/');
    let url = format!("{url}/add-checkpoint");
    // Once more after a 409 that says where the witness is.
    for _ in 0..2 {
        let request = add_checkpoint(node, ledger, note, last).await?;
        let body = request.to_string().into_bytes();
        let reply = http::fetch(&*node.network, Method::POST, &url, None, body, 64 * 1024).await?;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        match reply.status {
            200 => {
                let mut answered = Note::new(note.text().to_owned())?;
                for line in Signature::parse_lines(&text)? {
                    answered.add(line);
                }
                let Some(time) = cosignature::verify(&answered, &witness.key)? else {
                    let problem = format!("witness {} signed with another key", witness.name);
                    return Err(Error::Refused(problem));
                };
                node.heard(&witness.name, instant(time));
                let mut lines = answered.signatures().iter();
                let line = lines.find(|line| line.name == witness.key.name()).cloned();
                return line.ok_or_else(|| Error::Refused("no cosignature".to_owned()));
            }
            409 => {
                last = size(&text).filter(|size| *size <= ledger.verified).ok_or_else(|| {
                    let name = &witness.name;
                    Error::Refused(format!(
                        "witness {name} has seen more of this ledger than there is"
                    ))
                })?;
            }
            _ => {
                let problem = format!("witness {} answered {}", witness.name, reply.said());
                return Err(Error::Refused(problem));
            }
        }
    }
    Err(Error::Refused(format!("witness {} moved meanwhile", witness.name)))
}

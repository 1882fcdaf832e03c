//! After a restore: a node that was put back from a backup finds out what it has lost.
//!
//! Its ledger may have gone on after the backup, and so may the peer's. What is missing of both is in
//! the peer's copy; that there is no more than that, the outside witnesses know. Until then the node
//! states, signs and cosigns nothing: a second statement with a used sequence number, or a second head of
//! one size, would be proof against itself.
//!
//! A ledger of which somebody has seen more than anybody has kept cannot be continued.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use comity_ledger::note::{Note, VerifierKey};
use comity_ledger::{Checkpoint, Hash, Statement, cosignature, tile};
use comity_rules::channel::needs;
use comity_rules::{PartyId, Terms, card};
use comity_store::cosigned::{self, Cosigned, Role};
use comity_store::ledger::{self, Ledger};
use comity_store::{Work, evidence, session};
use hyper::Method;

use crate::exchange::{Carried, Copied, Link, Problem, Wanted, take_history};
use crate::http;
use crate::node::{Agreement, Error, Node};
use crate::signing::key_name;
use crate::writer;

/// Entries that are taken in one transaction.
const BATCH: usize = 256;

/// The setting that says of an agreement that its store was put back.
pub(crate) fn setting(terms: &Terms) -> String {
    format!("restored:{}", terms.hash().to_hex())
}

impl Node {
    /// Whether the store was put back: by `comity restore`, or behind this program's back, so that it
    /// knows less than this folder's key has signed.
    pub(crate) async fn is_put_back(&self, terms: &Terms, own: &str) -> Result<bool, Error> {
        if session::setting(&self.db, &setting(terms)).await?.is_some() {
            return Ok(true);
        }
        let Some((size, root)) = self.home.keys()?.last_signed(&key_name(terms))? else {
            return Ok(false);
        };
        let ledger = ledger::show(&self.db, own).await?;
        if size <= ledger.size && self.root_at(&ledger, size).await? == root {
            return Ok(false);
        }
        tracing::error!(ledger = own, size, "the store is older than what this node has signed");
        session::set(&self.db, &setting(terms), &self.now().to_string()).await?;
        Ok(true)
    }

    /// Brings both ledgers up to what the peer and the witnesses know of them, and lets the node sign
    /// again.
    ///
    /// # Errors
    /// [`Error`], where somebody who must be asked does not answer, or knows more than there is.
    pub(crate) async fn reconcile(&self, agreement: &Agreement) -> Result<(), Error> {
        let mut link = Link::to(agreement.peer.clone());
        let (own, theirs) = self.both(agreement).await?;
        let mut tails = [
            self.survey(&mut link, agreement, self.party(), Some(&own)).await?,
            self.survey(&mut link, agreement, &agreement.peer, theirs.as_ref()).await?,
        ];
        self.merge(&mut link, agreement, &mut tails).await?;
        self.heads(&tails).await?;
        let (own, theirs) = self.both(agreement).await?;
        for ledger in [Some(&own), theirs.as_ref()].into_iter().flatten() {
            self.history(&mut link, agreement, ledger).await?;
        }
        self.ask_witnesses(agreement, &own, theirs.as_ref()).await?;
        self.go_on(agreement).await
    }

    async fn both(&self, agreement: &Agreement) -> Result<(Ledger, Option<Ledger>), Error> {
        let own = ledger::show(&self.db, &agreement.own).await?;
        let theirs = ledger::counterpart(&self.db, &own).await?;
        Ok((own, theirs))
    }

    pub(crate) async fn root_at(&self, ledger: &Ledger, size: u64) -> Result<Hash, Error> {
        let tiles = ledger::tiles(&self.db, &ledger.id, &tile::edge(size)).await?;
        Ok(tiles.root(size)?)
    }

    /// Looks through what the peer has of a ledger beyond what is here, and verifies that its own key
    /// signed just that, before any of it is taken.
    async fn survey(
        &self,
        link: &mut Link,
        agreement: &Agreement,
        party: &PartyId,
        ledger: Option<&Ledger>,
    ) -> Result<Tail, Error> {
        let mut size = ledger.map_or(0, |ledger| ledger.size);
        let mut key = ledger.map(|ledger| ledger.key.clone());
        let mut tiles = match ledger {
            Some(ledger) => ledger::tiles(&self.db, &ledger.id, &tile::edge(size)).await?,
            None => comity_ledger::Tiles::default(),
        };
        let mut tail = Tail::of(party, ledger);
        loop {
            let copied = fetch(self, link, agreement, party, size).await?;
            for carried in &copied.entries {
                if size == 0 {
                    key = Some(opened(&carried.entry)?);
                }
                let leaf = Hash::leaf(&carried.entry);
                tiles.push(size, leaf);
                tail.leaves.push_back(leaf);
                size += 1;
            }
            if copied.entries.is_empty() {
                tail.head = copied.head;
                if copied.signed > size {
                    return Err(lost(party, copied.signed, agreement.peer.as_str(), size));
                }
                break;
            }
        }
        let (Some(head), Some(key)) = (&tail.head, &key) else { return Ok(tail) };
        let head = Checkpoint::open(&Note::parse(head.as_bytes())?, key)?;
        let root = match ledger {
            // The peer has less than there is here, or as much.
            Some(ledger) if head.size <= ledger.size => self.root_at(ledger, head.size).await?,
            _ if head.size == size => tiles.root(size)?,
            _ => return Err(lost(party, head.size, agreement.peer.as_str(), size)),
        };
        if root == head.root {
            Ok(tail)
        } else {
            Err(comity_ledger::Error::Fork { size: head.size }.into())
        }
    }

    /// Takes in both tails, each entry once what its author had seen of the other ledger is there.
    async fn merge(
        &self,
        link: &mut Link,
        agreement: &Agreement,
        tails: &mut [Tail; 2],
    ) -> Result<(), Error> {
        loop {
            for tail in tails.iter_mut() {
                if tail.waiting.is_empty() && !tail.leaves.is_empty() {
                    let party = tail.party.clone();
                    let copied = fetch(self, link, agreement, &party, tail.next).await?;
                    tail.waiting = copied.entries.into();
                }
            }
            let mut work = self.begin().await?;
            let mut taken = 0;
            while taken < BATCH {
                let Some(side) = ready(tails)? else { break };
                take(&mut work, agreement, &mut tails[side]).await?;
                taken += 1;
            }
            let new_cards = work.new_cards;
            work.commit().await?;
            if new_cards {
                self.load_peers().await?;
            }
            if tails.iter().all(|tail| tail.leaves.is_empty()) {
                return Ok(());
            }
            if taken == 0 && tails.iter().all(|t| t.leaves.is_empty() || !t.waiting.is_empty()) {
                return Err(Error::Refused(
                    "the two ledgers that the peer gave refer to more of each other than it gave"
                        .to_owned(),
                ));
            }
        }
    }

    /// Takes in the proofs of times that the peer keeps of a ledger.
    async fn history(
        &self,
        link: &mut Link,
        agreement: &Agreement,
        ledger: &Ledger,
    ) -> Result<(), Error> {
        let kept = if ledger.mine { "mirror" } else { "ledger" };
        let mut next = ledger.witnessed + 1;
        while next <= ledger.verified {
            let path = format!("/{kept}/{}/history/{next}", ledger.id);
            let reply = link.get(self, &path).await?;
            if reply.status != 200 {
                break;
            }
            let size = Checkpoint::parse(Note::parse(&reply.body)?.text())?.size;
            if size < next {
                break;
            }
            let taken = take_history(self, &agreement.peer, &reply.body).await;
            taken.map_err(|Problem(_, detail)| Error::Refused(detail))?;
            next = size + 1;
        }
        Ok(())
    }

    /// Asks the outside witnesses, every one of them, how far they have seen both ledgers. Fewer could
    /// not tell: a head that one alone has cosigned stands in no history, and is proof against a second.
    async fn ask_witnesses(
        &self,
        agreement: &Agreement,
        own: &Ledger,
        theirs: Option<&Ledger>,
    ) -> Result<(), Error> {
        let (_, policy) = self.policy(agreement).await?;
        let mut failure = None;
        for witness in policy.witnesses() {
            for ledger in [Some(own), theirs].into_iter().flatten() {
                match self.latest(witness, ledger).await {
                    Ok(Some((head, note))) => {
                        self.compare(&witness.name, ledger, &head, &note).await?;
                    }
                    Ok(None) => {}
                    Err(error) => failure = Some(error),
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// The head of a ledger that a witness cosigned last.
    async fn latest(
        &self,
        witness: &comity_ledger::policy::Witness,
        ledger: &Ledger,
    ) -> Result<Option<(Checkpoint, String)>, Error> {
        let url = witness.url.as_deref().unwrap_or_default().trim_end_matches('/');
        let url = format!("{url}/{}/checkpoint", ledger.id);
        let reply =
            http::fetch(&*self.network, Method::GET, &url, None, Vec::new(), 64 * 1024).await?;
        match reply.status {
            200 => {
                let note = Note::parse(&reply.body)?;
                let head = Checkpoint::open(&note, &ledger.key)?;
                if cosignature::verify(&note, &witness.key)?.is_none() {
                    let problem = format!("witness {} signed with another key", witness.name);
                    return Err(Error::Refused(problem));
                }
                Ok(Some((head, note.to_string())))
            }
            404 => Ok(None),
            _ => {
                let problem = format!("witness {} answered {}", witness.name, reply.said());
                Err(Error::Refused(problem))
            }
        }
    }

    async fn compare(
        &self,
        witness: &str,
        ledger: &Ledger,
        head: &Checkpoint,
        note: &str,
    ) -> Result<(), Error> {
        if head.size > ledger.size {
            return Err(lost(&ledger.party, head.size, witness, ledger.size));
        }
        if self.root_at(ledger, head.size).await? == head.root {
            return Ok(());
        }
        let fork = comity_ledger::Error::Fork { size: head.size };
        let detail = format!("{fork}; witness {witness} saw the other");
        let (now, bytes) = (self.now(), note.as_bytes());
        evidence::keep_once(&self.db, now, &ledger.id, fork.code(), &detail, bytes).await?;
        Err(fork.into())
    }

    /// Notes the head that each tail leads to. What this node cosigned for the peer before is forgotten;
    /// it is not more than that.
    async fn heads(&self, tails: &[Tail; 2]) -> Result<(), Error> {
        let mut work = self.begin().await?;
        for tail in tails {
            let (Some(id), Some(text)) = (&tail.id, &tail.head) else { continue };
            let note = Note::parse(text.as_bytes())?;
            let ledger = work.ledger(id).await?.clone();
            let head = Checkpoint::open(&note, &ledger.key)?;
            work.head(id, &head, text).await?;
            let (size, root) = (head.size, head.root);
            for role in [Role::Witness, Role::Pending].into_iter().filter(|_| !ledger.mine) {
                let known = cosigned::load(&mut work.tx, role, id).await?;
                if known.is_none_or(|known| known.size < size) {
                    let new = Cosigned { size, root, note: text.clone() };
                    cosigned::swap(&mut work.tx, role, id, &new).await?;
                }
            }
        }
        Ok(work.commit().await?)
    }

    /// From here on the node signs again.
    async fn go_on(&self, agreement: &Agreement) -> Result<(), Error> {
        let mut work = self.begin().await?;
        session::forget(&mut work.tx, &setting(&agreement.terms)).await?;
        let peer = agreement.peer.as_str();
        work.journal(self.now(), "operator", "reconciled", peer).await?;
        if let Some(head) = work.verified(&agreement.own).await? {
            self.home.keys()?.signed(&key_name(&agreement.terms), head)?;
        }
        if let Some(theirs) = work.other(&agreement.own).await? {
            writer::pay(self, &mut work, agreement, &theirs.id).await?;
        }
        work.commit().await?;
        agreement.restored.store(false, Ordering::Release);
        self.change();
        Ok(())
    }
}

/// What the peer has of a ledger beyond what was here.
struct Tail {
    party: PartyId,
    id: Option<String>,
    /// The next entry to take.
    next: u64,
    /// The hashes of those that are still to be taken: surveyed, and covered by the head.
    leaves: VecDeque<Hash>,
    /// Those of them that were fetched.
    waiting: VecDeque<Carried>,
    head: Option<String>,
}

impl Tail {
    fn of(party: &PartyId, ledger: Option<&Ledger>) -> Self {
        Self {
            party: party.clone(),
            id: ledger.map(|ledger| ledger.id.clone()),
            next: ledger.map_or(0, |ledger| ledger.size),
            leaves: VecDeque::new(),
            waiting: VecDeque::new(),
            head: None,
        }
    }
}

/// The side whose next entry can be taken.
fn ready(tails: &[Tail; 2]) -> Result<Option<usize>, Error> {
    for side in 0..2 {
        let other = &tails[1 - side];
        let Some(carried) = tails[side].waiting.front() else { continue };
        let there = other.next + other.leaves.len() as u64;
        let wanted = Statement::parse(&carried.entry).map_or(0, |statement| {
            let body = statement.body();
            let origin = body.seen.as_ref().map(|seen| seen.origin.clone()).unwrap_or_default();
            needs(body, &origin, |receipt| receipt.index < there)
        });
        // What refers to more than anybody has is refused at the gate, as it was the first time.
        if wanted <= other.next || wanted > there {
            return Ok(Some(side));
        }
    }
    Ok(None)
}

async fn take(work: &mut Work, agreement: &Agreement, tail: &mut Tail) -> Result<(), Error> {
    let (Some(carried), Some(leaf)) = (tail.waiting.pop_front(), tail.leaves.pop_front()) else {
        return Ok(());
    };
    if Hash::leaf(&carried.entry) != leaf {
        let detail = "rewritten: the peer gave other bytes than a moment ago";
        return Err(Error::Refused(detail.to_owned()));
    }
    let id = match &tail.id {
        Some(id) => id.clone(),
        None => {
            let note = Note::parse(tail.head.as_deref().unwrap_or_default().as_bytes())?;
            let ledger = writer::open(work, agreement, &carried.entry, &note).await?;
            tail.id.insert(ledger.id).clone()
        }
    };
    if let Some(ciphertext) = writer::committed(&carried.entry, carried.ciphertext.as_deref()) {
        work.keep(&id, tail.next, ciphertext).await?;
    }
    work.take(&id, &carried.entry, None).await?;
    tail.next += 1;
    Ok(())
}

async fn fetch(
    node: &Node,
    link: &mut Link,
    agreement: &Agreement,
    party: &PartyId,
    start: u64,
) -> Result<Copied, Error> {
    let terms = agreement.terms.hash().to_hex();
    let wanted = Wanted { terms, party: party.to_string(), start };
    let body = minicbor::to_vec(&wanted).map_err(|error| Error::Refused(error.to_string()))?;
    let reply = link.post(node, "copy", body).await?;
    if reply.status != 200 {
        return Err(Error::Refused(format!("copy: the peer answered {}", reply.said())));
    }
    let malformed = |_| Error::Refused("copy: the peer's answer is not of the form".to_owned());
    minicbor::decode(&reply.body).map_err(malformed)
}

/// The key of the ledger that this entry opens.
fn opened(entry: &[u8]) -> Result<VerifierKey, Error> {
    Ok(card::split(&Statement::parse(entry)?.body().public)?.0.ledger)
}

fn lost(party: &PartyId, seen: u64, whom: &str, there: u64) -> Error {
    Error::Refused(format!(
        "lost: {whom} has seen {seen} entries of {party}'s ledger, and no more than {there} are to be had: it \
         cannot be continued without a second history. Bring back a later backup; else end the agreement with `comity agreement succeed`"
    ))
}

//! The command loop: the one place where statements are made and peers' entries taken in.
//!
//! Jobs that wait together are done in one transaction, so that one fsync serves them all. A job
//! answers only after that.

use std::sync::{Arc, Weak};

use comity_ledger::fork::Branch;
use comity_ledger::seal::SealedContent;
use comity_ledger::statement::Seen;
use comity_ledger::tree::verify_consistency;
use comity_ledger::{Body, Checkpoint, Hash, Note, Statement};
use comity_rules::channel::{MAX_RECEIPTS, encode_receipts};
use comity_rules::command::{self, Command};
use comity_rules::content::Letter;
use comity_rules::matter::EpochKey;
use comity_rules::release::{self, Released};
use comity_rules::thread::View;
use comity_rules::{Draft, Kind, PartyId, ThreadId, card};
use comity_store::work::{Taken, Work, view};
use comity_store::{draft, evidence, ledger};
use tokio::sync::{mpsc, oneshot};

use crate::fork;
use crate::node::{Agreement, Done, Error, Node, no_thread};
use crate::people::decided;

/// Jobs in one transaction at most.
const BATCH: usize = 256;

/// Something that changes ledgers.
pub(crate) enum Job {
    /// A person's command.
    Command { order: Arc<Order>, reply: oneshot::Sender<Result<Done, Error>> },
    /// New keys of this party, to be stated where they are not.
    Announce { agreement: Arc<Agreement>, reply: oneshot::Sender<Result<bool, Error>> },
    /// A peer's delivery.
    Receive { delivery: Delivery, reply: oneshot::Sender<Result<u64, Error>> },
    /// A further key of this party for the hotline.
    Epoch { agreement: Arc<Agreement>, key: EpochKey, reply: oneshot::Sender<Result<u64, Error>> },
    /// Nothing: the answer says that what was asked before it is done.
    Settle { reply: oneshot::Sender<Result<(), Error>> },
}

impl Job {
    /// Answers that the store could not be had.
    fn fail(self, error: &Error) {
        let failed = || Error::Store(comity_store::Error::Refused(error.to_string()));
        // Whoever asked may have gone.
        match self {
            Self::Command { reply, .. } => drop(reply.send(Err(failed()))),
            Self::Announce { reply, .. } => drop(reply.send(Err(failed()))),
            Self::Receive { reply, .. } => drop(reply.send(Err(failed()))),
            Self::Epoch { reply, .. } => drop(reply.send(Err(failed()))),
            Self::Settle { reply } => drop(reply.send(Err(failed()))),
        }
    }
}

/// A person's command, ready for the writer: what it says is sealed already, so that the one place
/// where everything waits does not wait for that.
pub(crate) struct Order {
    pub(crate) by: By,
    pub(crate) agreement: Arc<Agreement>,
    pub(crate) thread: Option<ThreadId>,
    pub(crate) command: Command,
    pub(crate) letter: Letter,
    pub(crate) sealed: SealedContent,
}

/// Whose act a command is.
pub(crate) struct By {
    /// As the journal has it.
    pub(crate) who: String,
    /// The draft that it was, and who releases it.
    pub(crate) draft: Option<(String, String)>,
}

/// What a peer delivers.
pub(crate) struct Delivery {
    /// The party at the other end of the connection.
    pub(crate) from: PartyId,
    /// Hash of the terms.
    pub(crate) terms: String,
    /// Place of the first entry in its ledger.
    pub(crate) start: u64,
    /// Entries, each with its ciphertext.
    pub(crate) entries: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// A checkpoint of its ledger that covers them, and the consistency proof from the tree that
    /// ends with them.
    pub(crate) cover: (Note, Vec<Hash>),
}

/// An answer that waits for the commit.
type Answer = Box<dyn FnOnce(Result<(), String>) + Send>;

pub(crate) async fn run(node: Weak<Node>, mut queue: mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut jobs, BATCH).await > 0 {
        let Some(node) = node.upgrade() else { return };
        if let Err(error) = batch(&node, &mut jobs).await {
            tracing::error!(%error, "a batch was not committed");
        }
        jobs.clear();
    }
}

async fn batch(node: &Node, jobs: &mut Vec<Job>) -> Result<(), Error> {
    let mut work = match node.begin().await {
        Ok(work) => work,
        Err(error) => {
            jobs.drain(..).for_each(|job| job.fail(&error));
            return Err(error);
        }
    };
    let mut answers: Vec<Answer> = Vec::new();
    // A job that failed half-way may have left half of itself: then nothing of the batch is kept.
    let (mut spoilt, mut news, mut begins) = (false, false, false);
    for job in jobs.drain(..) {
        match job {
            Job::Command { order, reply } => {
                let result = release_or_state(node, &mut work, &order).await;
                spoilt |= matches!(&result, Err(Error::Store(_)));
                news |= result.is_ok();
                if let Ok(done) = &result {
                    let who = &order.by.who;
                    tracing::info!(who, thread = %done.thread, index = done.index, "stated");
                }
                answers.push(answer(reply, result));
            }
            Job::Announce { agreement, reply } => {
                let result = announce(node, &mut work, &agreement).await;
                spoilt |= matches!(&result, Err(Error::Store(_)));
                news |= result.as_ref().is_ok_and(|stated| *stated);
                answers.push(answer(reply, result));
            }
            Job::Receive { delivery, reply } => {
                begins |= delivery.start == 0;
                let result = receive(node, &mut work, delivery).await;
                spoilt |= matches!(&result, Err(Error::Store(_)));
                news |= result.is_ok();
                answers.push(answer(reply, result));
            }
            Job::Epoch { agreement, key, reply } => {
                let result = next_epoch(node, &mut work, &agreement, &key).await;
                spoilt |= matches!(&result, Err(Error::Store(_)));
                news |= result.is_ok();
                answers.push(answer(reply, result));
            }
            Job::Settle { reply } => answers.push(answer(reply, Ok(()))),
        }
    }
    let new_cards = work.new_cards;
    let committed = if spoilt {
        drop(work);
        Err(comity_store::Error::Damaged("another act of the same batch failed".to_owned()))
    } else {
        work.commit().await
    };
    // What is committed is said to whoever waits for it, whatever fails now.
    let mut after = Ok(());
    if new_cards && committed.is_ok() {
        after = node.load_peers().await;
    }
    // Where the other side begins a ledger it has signed terms, which may put an end to others.
    if committed.is_ok() && begins {
        after = after.and(node.close_ended().await);
    }
    // Whoever waits for a change does not wait for refusals: those wake nobody.
    if news {
        node.change();
    }
    let outcome = committed.as_ref().map_err(ToString::to_string).copied();
    for answer in answers {
        answer(outcome.clone());
    }
    committed?;
    after
}

/// Gives the result once the commit is known; a commit that failed takes every result with it.
fn answer<T: Send + 'static>(
    reply: oneshot::Sender<Result<T, Error>>,
    result: Result<T, Error>,
) -> Answer {
    Box::new(move |committed| {
        let result = result.and_then(|value| match committed {
            Ok(()) => Ok(value),
            Err(error) => Err(Error::Refused(format!("nothing was kept: {error}"))),
        });
        // Whoever asked may have gone; what was done stays done.
        let _ = reply.send(result);
    })
}

/// A draft is decided where it is stated, so that neither is without the other.
async fn release_or_state(node: &Node, work: &mut Work, order: &Order) -> Result<Done, Error> {
    let Some((draft, releaser)) = &order.by.draft else { return state(node, work, order).await };
    let decision = ("released", releaser.as_str(), "");
    if let Some(before) = draft::decide(&mut work.tx, draft, decision, node.now()).await? {
        return Err(decided(before));
    }
    let stated = state(node, work, order).await;
    match stated {
        Ok(_) => draft::drop_files(&mut work.tx, draft).await?,
        Err(_) => draft::reopen(&mut work.tx, draft).await?,
    }
    stated
}

async fn state(node: &Node, work: &mut Work, order: &Order) -> Result<Done, Error> {
    let Order { by, agreement, thread, command, .. } = order;
    agreement.check_signs()?;
    if node.waits(agreement) {
        let (id, peer) = (agreement.terms.id.clone(), agreement.peer.clone());
        return Err(Error::Waiting { id, peer });
    }
    let thread = match thread {
        Some(thread) => Some(work.thread(*thread).await?.ok_or_else(|| no_thread(*thread))?),
        None => None,
    };
    let thread = thread.map(|(thread, _)| thread.clone());
    let own = work.ledger(&agreement.own).await?.clone();
    let other = work.other(&agreement.own).await?;
    let seen = thread.as_ref().map(|thread| (thread, view(thread, &own, other.as_ref())));
    let fresh = ThreadId::opened_by(&own.channel.origin, own.channel.sequence);
    let draft = match command::decide(&agreement.terms, node.party(), seen, fresh, command) {
        Ok(draft) => draft,
        Err(command::Problem::Illegal(illegal)) => {
            // Legal on all that has arrived, and not on what a checkpoint covers: only too early.
            let all = thread.as_ref().map(|thread| (thread, View::ALL));
            let decided = command::decide(&agreement.terms, node.party(), all, fresh, command);
            return Err(match decided {
                Ok(_) => Error::Early(illegal),
                Err(problem) => Error::Command(problem),
            });
        }
        Err(problem) => return Err(problem.into()),
    };
    let (thread, kind) = (draft.thread, draft.kind.as_str());
    let released = release::statement(&agreement.terms, &agreement.peer, draft)?;
    let taken = author(node, work, agreement, released, Some(order)).await?;
    match taken.refused {
        None => {
            let about = thread.to_string();
            work.journal(node.now(), &by.who, kind, &about).await?;
            Ok(Done { thread, index: taken.index })
        }
        // It was decided by the same rules, so this cannot be; if it is, nothing of it is kept.
        Some((code, reason)) => {
            let detail = format!("an own statement was refused: {code}: {reason}");
            Err(comity_store::Error::Damaged(detail).into())
        }
    }
}

/// Signs and appends a statement, with what an order says to its reader.
async fn author(
    node: &Node,
    work: &mut Work,
    agreement: &Agreement,
    released: Released<Draft>,
    order: Option<&Order>,
) -> Result<Taken, Error> {
    let draft = released.into_inner();
    if let Some(order) = order {
        let next = work.ledger(&agreement.own).await?.size;
        work.keep(&agreement.own, next, &order.sealed.ciphertext).await?;
    }
    let seen = match work.other(&agreement.own).await? {
        Some(other) => work.verified(&other.id).await?.map(|(size, root)| Seen {
            origin: other.key.name().to_owned(),
            size,
            root,
        }),
        None => None,
    };
    let channel = &work.ledger(&agreement.own).await?.channel;
    // The latest of this party's keys that its ledger has: a later one is stated with the one before.
    let mut keys = node.secrets.editions.iter().map(|edition| &edition.statement);
    let key = keys.find(|key| channel.accepts(key.public()));
    let key = key.ok_or_else(|| {
        Error::Refused(format!(
            "the keys of this folder are of edition {}, and this party's ledger has later ones or has made \
             them void: bring back the folder's keys/ and card as they were last",
            node.secrets.latest().number
        ))
    })?;
    let previous = channel.last.as_deref().and_then(Hash::from_hex);
    let body = Body {
        kind: draft.kind.as_str().to_owned(),
        from: node.party().to_string(),
        to: agreement.peer.to_string(),
        terms: agreement.terms.hash(),
        thread: draft.thread.0,
        class: draft.class,
        exercise: draft.exercise,
        outcomes: draft.outcomes,
        answers: draft.answers,
        sequence: channel.sequence,
        previous,
        sealed: order.map(|order| order.sealed.commitment),
        seen,
        public: draft.public,
        claimed: node.clock.seconds(),
    };
    let origin = work.ledger(&agreement.own).await?.channel.origin.clone();
    let statement = key.sign(&origin, body)?;
    let letter = order.map(|order| order.letter.clone());
    Ok(work.state(&agreement.own, statement, letter).await?)
}

/// States the latest card of this party where its ledger does not have it, signed with the key before;
/// and then, with the new one, that those before are void. Whether there was something to state.
async fn announce(node: &Node, work: &mut Work, agreement: &Agreement) -> Result<bool, Error> {
    agreement.check_signs()?;
    let mut drafts = Vec::new();
    let channel = &work.ledger(&agreement.own).await?.channel;
    let (latest, earlier) = node.secrets.editions.split_first().ok_or(Error::Stopping)?;
    if channel.valid_from(latest.statement.public()).is_none() {
        drafts.push((Kind::AddKey, node.home.card()));
    }
    for edition in earlier {
        let public = edition.statement.public();
        if channel.valid_from(public).is_some() && !channel.has_revoked(public) {
            drafts.extend(edition.revocation.as_ref().map(|note| (Kind::RevokeKey, note)));
        }
    }
    for (kind, note) in &drafts {
        let public = note.to_string().into_bytes();
        let draft = Draft { public, ..ledger_draft(*kind) };
        let released = release::statement(&agreement.terms, &agreement.peer, draft)?;
        let taken = author(node, work, agreement, released, None).await?;
        if let Some((code, reason)) = taken.refused {
            let detail = format!("an own statement was refused: {code}: {reason}");
            return Err(comity_store::Error::Damaged(detail).into());
        }
        work.journal(node.now(), "operator", kind.as_str(), agreement.peer.as_str()).await?;
    }
    Ok(!drafts.is_empty())
}

/// States a further key of this party for the hotline; its place in the ledger.
async fn next_epoch(
    node: &Node,
    work: &mut Work,
    agreement: &Agreement,
    key: &EpochKey,
) -> Result<u64, Error> {
    agreement.check_signs()?;
    let draft = Draft { public: key.encode(), ..ledger_draft(Kind::HotlineKey) };
    let released = release::statement(&agreement.terms, &agreement.peer, draft)?;
    let taken = author(node, work, agreement, released, None).await?;
    match taken.refused {
        None => Ok(taken.index),
        Some((code, reason)) => {
            let detail = format!("an own statement was refused: {code}: {reason}");
            Err(comity_store::Error::Damaged(detail).into())
        }
    }
}

/// A statement about the ledger itself.
fn ledger_draft(kind: Kind) -> Draft {
    Draft {
        kind,
        thread: ThreadId::LEDGER,
        class: None,
        exercise: false,
        outcomes: Vec::new(),
        answers: None,
        public: Vec::new(),
    }
}

/// Takes in a peer's entries, owes receipts and pays them at once. Returns the next entry wanted.
async fn receive(node: &Node, work: &mut Work, delivery: Delivery) -> Result<u64, Error> {
    let agreement = node.agreement(&delivery.terms)?;
    if agreement.peer != delivery.from {
        return Err(Error::Refused("these terms are not between us".to_owned()));
    }
    // That the other side signed terms holds although this party took its signature back.
    let known = work.other(&agreement.own).await?;
    if !(agreement.is_withdrawn() && known.is_none() && !agreement.is_restored()) {
        agreement.check_signs()?;
    }
    let ledger = match known {
        Some(ledger) => ledger,
        None if delivery.start == 0 => match delivery.entries.first() {
            Some((entry, _)) => open(work, &agreement, entry, &delivery.cover.0).await?,
            None => return Ok(0),
        },
        None => return Ok(0),
    };
    if delivery.start > ledger.size {
        return Ok(ledger.size);
    }
    let skip = usize::try_from(ledger.size - delivery.start).unwrap_or(usize::MAX);
    repeated(node, work, &ledger, &delivery, skip).await?;
    let (note, proof) = &delivery.cover;
    let new: Vec<&[u8]> =
        delivery.entries.iter().skip(skip).map(|(entry, _)| entry.as_slice()).collect();
    let end = delivery.start + delivery.entries.len() as u64;
    let head = match covered(work, &ledger, end, &new, note, proof).await? {
        Ok(head) => head,
        Err(refused) => {
            let (code, detail) = (refused.code(), refused.to_string());
            tracing::warn!(ledger = ledger.id, code, "refused a delivery");
            if let comity_ledger::Error::Fork { .. } = refused {
                let head = Checkpoint::open(note, &ledger.key)?;
                let note = fork::alone(&ledger, &note.to_string())?;
                let branch = Branch { root: head.root, steps: Vec::new(), note };
                fork::keep(node, work, &ledger, head.size, branch).await?;
            } else {
                let (at, text) = (node.now().as_second(), note.to_string());
                let tx = &mut work.tx;
                evidence::keep_in(tx, at, &ledger.id, code, &detail, text.as_bytes()).await?;
            }
            return Err(Error::Refused(format!("{code}: {detail}")));
        }
    };
    for (entry, ciphertext) in delivery.entries.into_iter().skip(skip) {
        let next = work.ledger(&ledger.id).await?.size;
        if let Some(ciphertext) = committed(&entry, ciphertext.as_deref()) {
            work.keep(&ledger.id, next, ciphertext).await?;
        }
        let taken = work.take(&ledger.id, &entry, None).await?;
        if let Some((code, reason)) = &taken.refused {
            tracing::warn!(ledger = ledger.id, index = taken.index, code, "refused an entry");
            let at = node.now().as_second();
            evidence::keep_in(&mut work.tx, at, &ledger.id, code, reason, &entry).await?;
        }
    }
    let signed = fork::alone(&ledger, &delivery.cover.0.to_string())?;
    if head.size == work.ledger(&ledger.id).await?.size {
        work.head(&ledger.id, &head, &signed).await?;
    }
    promises(node, work, &ledger, &head, &signed).await?;
    pay(node, work, &agreement, &ledger.id).await?;
    Ok(work.ledger(&ledger.id).await?.size)
}

/// Holds the peer to every head that it signed: two of one size with different roots are a fork, and
/// so is one that its entries, now that they are here, do not have.
async fn promises(
    node: &Node,
    work: &mut Work,
    ledger: &ledger::Ledger,
    head: &Checkpoint,
    note: &str,
) -> Result<(), Error> {
    if head.size > work.ledger(&ledger.id).await?.size
        && let Err(other) = work.promised(&ledger.id, head, note).await?
    {
        fork::two(node, work, ledger, head, (&other, note)).await?;
    }
    for (size, root, note) in work.due_promises(&ledger.id).await? {
        if work.root_at(&ledger.id, size).await? != Some(root) {
            let branch = Branch { root, steps: Vec::new(), note };
            fork::keep(node, work, ledger, size, branch).await?;
        }
    }
    Ok(())
}

/// The peer's checkpoint, if its ledger signed it and it covers the delivery that ends at `end` and
/// brings these new entries.
async fn covered(
    work: &mut Work,
    ledger: &ledger::Ledger,
    end: u64,
    new: &[&[u8]],
    note: &Note,
    proof: &[Hash],
) -> Result<Result<Checkpoint, comity_ledger::Error>, Error> {
    let head = match Checkpoint::open(note, &ledger.key) {
        Ok(head) => head,
        Err(error) => return Ok(Err(error)),
    };
    // The proof is from the end of the delivery, which may lie before the end of what is here: an
    // earlier answer was lost, or the mirror was faster.
    let (size, root) = if new.is_empty() {
        (end, work.root_at(&ledger.id, end).await?.unwrap_or_default())
    } else {
        work.root_after(&ledger.id, new).await?
    };
    let verified = verify_consistency((size, &root), (head.size, &head.root), proof);
    let held = head.size <= ledger.size;
    if verified.is_ok() && held && work.root_at(&ledger.id, head.size).await? != Some(head.root) {
        return Ok(Err(comity_ledger::Error::Fork { size: head.size }));
    }
    Ok(verified.map(|()| head))
}

/// Begins the copy of a peer's ledger with its opening.
pub(crate) async fn open(
    work: &mut Work,
    agreement: &Agreement,
    entry: &[u8],
    cover: &Note,
) -> Result<ledger::Ledger, Error> {
    let statement = Statement::parse(entry)?;
    let (opening, card) = card::split(&statement.body().public)?;
    let root = agreement.terms.party(&agreement.peer).map(|party| party.root.clone());
    let theirs = opening.terms == agreement.terms.hash()
        && opening.party == agreement.peer
        && Some(card.root.to_string()) == root;
    if !theirs {
        return Err(Error::Refused(
            "not-opened: the opening is not the peer's for these terms".to_owned(),
        ));
    }
    // Before the copy begins: a ledger that its own key did not sign is nobody's.
    Checkpoint::open(cover, &opening.ledger)?;
    statement.verify(&card.statement, opening.ledger.name())?;
    let id = ledger::id_of(opening.ledger.name());
    if !matches!(work.ledger(&id).await, Err(comity_store::Error::Missing { .. })) {
        return Err(Error::Refused(
            "not-opened: there is a ledger of this origin already".to_owned(),
        ));
    }
    let own = work.ledger(&agreement.own).await?.party.clone();
    work.create(&agreement.terms, &agreement.peer, &own, &opening.ledger, false).await?;
    Ok(work.ledger(&ledger::id_of(opening.ledger.name())).await?.clone())
}

/// Entries that are here already must be the same: else the ledger was rewritten.
async fn repeated(
    node: &Node,
    work: &mut Work,
    ledger: &ledger::Ledger,
    delivery: &Delivery,
    skip: usize,
) -> Result<(), Error> {
    let again = delivery.entries.len().min(skip) as u64;
    let known =
        ledger::entries(node.db(), &ledger.id, delivery.start, delivery.start + again).await?;
    for (index, (known, (sent, ciphertext))) in
        (delivery.start..).zip(known.iter().zip(&delivery.entries))
    {
        if known != sent {
            let detail = "an entry that was delivered before came with other bytes";
            let at = node.now().as_second();
            evidence::keep_in(&mut work.tx, at, &ledger.id, "rewritten", detail, sent).await?;
            let branch = fork::branch(work, ledger, delivery, index).await?;
            // Else nobody signed what came: it is the line, or a fault.
            if branch.verify(index + 1, &ledger.key).is_ok() {
                fork::keep(node, work, ledger, index + 1, branch).await?;
            }
            return Err(Error::Refused(format!("rewritten: {detail}")));
        }
        // It may have come by the mirror before, without its content.
        if let Some(ciphertext) = committed(sent, ciphertext.as_deref()) {
            work.reveal(&ledger.id, index, ciphertext).await?;
        }
    }
    Ok(())
}

/// The ciphertext, where the entry commits to it: one that no statement commits to is nobody's, and is
/// not kept.
pub(crate) fn committed<'a>(entry: &[u8], ciphertext: Option<&'a [u8]>) -> Option<&'a [u8]> {
    let digest = Statement::parse(entry).ok()?.body().sealed?.digest;
    ciphertext.filter(|ciphertext| Hash::of(ciphertext) == digest)
}

/// States the receipts that are owed for a peer's ledger.
pub(crate) async fn pay(
    node: &Node,
    work: &mut Work,
    agreement: &Agreement,
    ledger: &str,
) -> Result<(), Error> {
    loop {
        let owed = work.owed(ledger).await?;
        if owed.is_empty() {
            return Ok(());
        }
        let receipts = Draft { public: encode_receipts(&owed), ..ledger_draft(Kind::Receipt) };
        let released = release::statement(&agreement.terms, &agreement.peer, receipts)?;
        author(node, work, agreement, released, None).await?;
        if owed.len() < MAX_RECEIPTS {
            return Ok(());
        }
    }
}

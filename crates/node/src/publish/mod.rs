//! What carries an agreement on in the background: checkpoints, witnesses, and the peer.
//!
//! Each goes on by itself, so that a witness or a peer that is down stops nothing else. The store
//! says how far each is; these tasks keep nothing that a restart would lose.

pub(crate) mod deliver;
mod witness;

use std::sync::Arc;
use std::time::Duration;

use comity_ledger::witness::AddCheckpoint;
use comity_ledger::{Checkpoint, Hash, Note, tile};
use comity_store::ledger::{self, Ledger};
use jiff::SignedDuration;

use crate::node::{Agreement, Error, Node};
use crate::signing::key_name;
use crate::writer::Job;

/// Between two checkpoints at least.
const CADENCE: Duration = Duration::from_secs(1);

/// The shortest and the longest wait after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));

/// How long after the end of an agreement outside witnesses are waited for.
const AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Between two looks at what only time changes.
const LOOK: Duration = Duration::from_secs(60);

/// Carries an agreement on until the future is dropped.
pub async fn run(node: Arc<Node>, agreement: Arc<Agreement>) {
    loop {
        let carry_on = async {
            if !agreement.is_closed() {
                reconcile(&node, &agreement).await;
            }
            tokio::join!(
                announce(&node, &agreement),
                checkpoints(&node, &agreement),
                witness::own(&node, &agreement),
                witness::peers(&node, &agreement),
                deliver::run(&node, &agreement)
            );
        };
        tokio::select! {
            () = carry_on => {}
            () = over(&node, &agreement) => node.forget_troubles(&agreement.peer),
        }
        // A signature that was taken back holds where the other's was on its way: then it goes on.
        loop {
            let seen = node.change_count();
            if !agreement.is_closed() {
                break;
            }
            node.changed(seen).await;
        }
    }
}

/// Waits until nothing is to be done for an agreement any more: it is over, and outside witnesses have covered what was
/// said under it, for what they never cover has no time and counts for nothing. Not for ever: they may be gone.
async fn over(node: &Node, agreement: &Agreement) {
    loop {
        let seen = node.change_count();
        let is_late = agreement.ended().is_none_or(|at| node.now().duration_since(at) > AFTER);
        if agreement.is_closed()
            && (is_late || is_covered(node, agreement).await.is_ok_and(|is_covered| is_covered))
        {
            return;
        }
        // Time alone changes this too.
        let _woken = tokio::time::timeout(LOOK, node.changed(seen)).await;
    }
}

/// Whether outside witnesses have covered both ledgers up to their last heads, and the peer was told.
async fn is_covered(node: &Node, agreement: &Agreement) -> Result<bool, Error> {
    let own = ledger::show(&node.db, &agreement.own).await?;
    let other = ledger::counterpart(&node.db, &own).await?;
    let is_told = ledger::news(&node.db, &own.terms).await?.is_none();
    let is_whole = |ledger: &Ledger| {
        let last = agreement.last_of(&ledger.party).unwrap_or(ledger.verified);
        ledger.witnessed >= last.min(ledger.size)
    };
    Ok(is_told && is_whole(&own) && other.is_none_or(|other| is_whole(&other)))
}

/// Where the store was put back from a backup: until both ledgers are what they were, nothing is signed.
async fn reconcile(node: &Arc<Node>, agreement: &Agreement) {
    let mut backoff = Backoff::of(node, agreement, "reconciling after a restore");
    while agreement.is_restored() {
        match node.reconcile(agreement).await {
            Ok(()) => {
                backoff.reset();
                // The other side's opening may have come with it.
                if let Err(error) = node.close_ended().await {
                    tracing::error!(%error, "what later terms put an end to");
                }
            }
            Err(error) => backoff.failed(&error).await,
        }
    }
}

/// States this party's new keys, where its card has a later edition than its ledger.
async fn announce(node: &Arc<Node>, agreement: &Arc<Agreement>) {
    let mut backoff = Backoff::of(node, agreement, "stating new keys");
    loop {
        // Nothing is stated under what is over.
        if agreement.is_closed() {
            return backoff.reset();
        }
        let agreement = Arc::clone(agreement);
        match node.job(|reply| Job::Announce { agreement, reply }).await {
            Ok(_) => return backoff.reset(),
            Err(error) => backoff.failed(&error).await,
        }
    }
}

/// Signs a checkpoint when there are new entries, at most one a second.
async fn checkpoints(node: &Node, agreement: &Agreement) {
    let mut backoff = Backoff::of(node, agreement, "checkpoint");
    loop {
        let seen = node.change_count();
        match checkpoint(node, agreement).await {
            Ok(true) => {
                backoff.reset();
                tokio::time::sleep(CADENCE).await;
            }
            Ok(false) => {
                backoff.reset();
                node.changed(seen).await;
            }
            Err(error) => backoff.failed(&error).await,
        }
    }
}

async fn checkpoint(node: &Node, agreement: &Agreement) -> Result<bool, Error> {
    let own = ledger::show(&node.db, &agreement.own).await?;
    if own.size == own.verified || agreement.is_closed() {
        return Ok(false);
    }
    agreement.check_signs()?;
    let Some(key) = &agreement.key else { return Ok(false) };
    let mut work = node.begin().await?;
    let (size, root) = work.root(&agreement.own).await?;
    let checkpoint = Checkpoint::new(key.name(), size, root);
    let note = checkpoint.sign(key)?;
    // First of all outside the store: were that put back, this would say that it is older.
    node.home.keys()?.signed(&key_name(&agreement.terms), (size, root))?;
    work.head(&agreement.own, &checkpoint, &note.to_string()).await?;
    // Durable before anybody sees it: after a crash no other head of this size may be signed.
    work.commit().await?;
    node.change();
    Ok(true)
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

/// The number on a line of its own.
fn size(text: &str) -> Option<u64> {
    text.trim_end().parse().ok()
}

/// Waits longer after each failure in a row, and lets the doctor know.
struct Backoff<'a> {
    node: &'a Node,
    /// What it is that fails.
    what: String,
    failures: u32,
}

impl<'a> Backoff<'a> {
    fn of(node: &'a Node, agreement: &Agreement, what: &str) -> Self {
        Self { node, what: format!("{what} ({})", agreement.peer), failures: 0 }
    }

    fn reset(&mut self) {
        if self.failures > 0 {
            self.node.trouble(&self.what, None);
        }
        self.failures = 0;
    }

    async fn failed(&mut self, error: &Error) {
        self.node.trouble(&self.what, Some(error));
        let what = &self.what;
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

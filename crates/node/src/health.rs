//! How a node is: for the doctor, who says it in words, and for machines at `/healthz`, `/readyz` and
//! `/metrics`. Everything is read when it is asked for; nothing is counted twice.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use comity_ledger::Statement;
use comity_rules::PartyId;
use comity_store::ledger::{self, Ledger};
use comity_store::{evidence, reader};
use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Serialize;
use serde_json::{Value, json};

use crate::node::{Agreement, Error, Node};

/// Where an agreement stands, seen from this node.
#[derive(Debug, Serialize)]
pub struct Standing {
    /// Hash of the terms, in hexadecimal.
    pub terms: String,
    /// The other party.
    pub peer: PartyId,
    /// Whether it has begun its ledger.
    pub peer_ledger_known: bool,
    /// Entries of this party's ledger.
    pub entries: u64,
    /// Those that the peer does not have.
    pub undelivered: u64,
    /// Those that no outside quorum covers.
    pub unwitnessed: u64,
    /// Since when the oldest of those waits, in seconds by this node's clock.
    pub unwitnessed_age: Option<i64>,
    /// Statements that the peer owes a receipt for.
    pub unreceipted: u64,
    /// Since when the oldest of those waits, in seconds by this node's clock.
    pub unreceipted_age: Option<i64>,
    /// All that either side stated is witnessed, delivered and mirrored, and both know what proves it.
    pub settled: bool,
    /// The store was put back from a backup, and is not reconciled yet.
    pub restored: bool,
    /// Whether the peer has taken this party's latest card.
    pub card_known: bool,
}

impl Standing {
    async fn of(node: &Node, agreement: &Agreement) -> Result<Self, Error> {
        let own = ledger::show(&node.db, &agreement.own).await?;
        let other = ledger::counterpart(&node.db, &own).await?;
        let delivered = ledger::delivered(&node.db, &own.id).await?;
        let (unreceipted, oldest) = ledger::unreceipted(&node.db, &own.id).await?;
        let first_unwitnessed = (own.witnessed < own.size).then_some(own.witnessed);
        Ok(Self {
            terms: own.terms.clone(),
            peer: agreement.peer.clone(),
            peer_ledger_known: other.is_some(),
            entries: own.size,
            undelivered: own.size - delivered.min(own.size),
            unwitnessed: own.size - own.witnessed,
            unwitnessed_age: age(node, &own, first_unwitnessed).await?,
            unreceipted,
            unreceipted_age: age(node, &own, oldest).await?,
            settled: node.is_at_rest(agreement).await?,
            restored: agreement.is_restored(),
            card_known: node.card.edition == 1
                || node.told_edition(agreement).await? == node.card.edition,
        })
    }

    async fn all(node: &Node) -> Result<Vec<Self>, Error> {
        let mut all = Vec::new();
        for agreement in node.agreements().iter().filter(|agreement| !agreement.is_closed()) {
            all.push(Self::of(node, agreement).await?);
        }
        Ok(all)
    }
}

/// How long ago an entry was stated here.
async fn age(node: &Node, own: &Ledger, index: Option<u64>) -> Result<Option<i64>, Error> {
    let Some(index) = index else { return Ok(None) };
    let entries = ledger::entries(&node.db, &own.id, index, index + 1).await?;
    let claimed = entries.first().and_then(|entry| Statement::parse(entry).ok());
    let claimed = claimed.and_then(|s| i64::try_from(s.body().claimed).ok());
    Ok(claimed.map(|claimed| node.now().as_second().saturating_sub(claimed).max(0)))
}

/// Room on the disk that has the folder, in bytes: free for this process, and all.
fn disk(node: &Node) -> Option<(u64, u64)> {
    let found = rustix::fs::statvfs(node.home.folder()).ok()?;
    Some((found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize))
}

/// What a doctor looks at.
pub(crate) async fn examine(node: &Node) -> Result<Value, Error> {
    let kept = evidence::list(&node.db).await?;
    let disk = disk(node);
    Ok(json!({
        "party": node.party(),
        "now": node.now(),
        "agreements": Standing::all(node).await?,
        "lost_ledgers": node.lost_ledgers().await?,
        "troubles": node.troubles(),
        "skew_seconds": node.skews(),
        "disk": disk.map(|(free, all)| json!({ "free": free, "all": all })),
        "readers": reader::list(&node.db).await?.iter().map(|given| {
            json!({ "name": given.name, "expires": given.expires })
        }).collect::<Vec<_>>(),
        "evidence": kept.iter().map(|piece| evidence_json(piece, None)).collect::<Vec<_>>(),
    }))
}

pub(crate) fn evidence_json(
    piece: &evidence::Evidence,
    file: Option<&std::path::PathBuf>,
) -> Value {
    json!({
        "id": piece.id,
        "at": piece.at,
        "code": piece.code,
        "detail": piece.detail,
        "ledger": piece.ledger,
        "bytes": piece.bytes.len(),
        "file": file,
    })
}

impl Node {
    /// Notes what a witness or the peer just said the time was.
    pub(crate) fn heard(&self, whom: &str, time: Option<Timestamp>) {
        if let Some(time) = time {
            let skew = time.as_second() - self.now().as_second();
            let mut skews = self.skews.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            skews.insert(whom.to_owned(), skew);
        }
    }

    /// How far the clocks of others are ahead of this one, in seconds, as last heard.
    #[must_use]
    pub fn skews(&self) -> std::collections::BTreeMap<String, i64> {
        self.skews.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// `/healthz` and `/readyz` of a node that waits to take another one's place.
pub(crate) fn standby() -> Router {
    let ready = || async { (StatusCode::SERVICE_UNAVAILABLE, "standby\n") };
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

/// The routes of the administration listener.
pub(crate) fn router(node: Arc<Node>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(node)
}

async fn ready(State(node): State<Arc<Node>>) -> Result<&'static str, StatusCode> {
    match ledger::list(&node.db).await {
        Ok(_) => Ok("ready\n"),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn metrics(State(node): State<Arc<Node>>) -> Response {
    const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match text(&node).await {
        Ok(text) => ([("content-type", KIND)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

type Labels = [(&'static str, String); 2];
type Gauges = Family<Labels, Gauge<i64, AtomicI64>>;

async fn text(node: &Node) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("comity");
    let mut gauge = |name: &str, help: &str| {
        let family = Gauges::default();
        registry.register(name, help, family.clone());
        family
    };
    let entries = gauge("ledger_entries", "Entries of this party's ledger");
    let undelivered = gauge("undelivered_entries", "Entries that the peer does not have");
    let unwitnessed = gauge("unwitnessed_entries", "Entries that no outside quorum covers");
    let unwitnessed_age = gauge("unwitnessed_age_seconds", "Age of the oldest unwitnessed entry");
    let unreceipted = gauge("unreceipted_statements", "Statements that the peer has not receipted");
    let unreceipted_age =
        gauge("unreceipted_age_seconds", "Age of the oldest statement without a receipt");
    let restored = gauge("restored", "1 while the store is put back and not reconciled");
    let set = |family: &Gauges, labels: &Labels, value: i64| {
        family.get_or_create(labels).set(value);
    };
    let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    for standing in Standing::all(node).await? {
        let labels: Labels =
            [("peer", standing.peer.to_string()), ("terms", standing.terms[..16].to_owned())];
        set(&entries, &labels, count(standing.entries));
        set(&undelivered, &labels, count(standing.undelivered));
        set(&unwitnessed, &labels, count(standing.unwitnessed));
        set(&unwitnessed_age, &labels, standing.unwitnessed_age.unwrap_or(0));
        set(&unreceipted, &labels, count(standing.unreceipted));
        set(&unreceipted_age, &labels, standing.unreceipted_age.unwrap_or(0));
        set(&restored, &labels, standing.restored.into());
    }
    let skew: Family<[(&'static str, String); 1], Gauge> = Family::default();
    registry.register(
        "clock_skew_seconds",
        "How far another's clock is ahead of this one",
        skew.clone(),
    );
    for (whom, seconds) in node.skews() {
        skew.get_or_create(&[("of", whom)]).set(seconds);
    }
    let mut single = |name: &str, help: &str, value: i64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    single("jobs_waiting", "Jobs that wait for the writer", count(node.waiting() as u64));
    single(
        "troubles",
        "Things that do not get on; see comity doctor",
        count(node.troubles().len() as u64),
    );
    single("evidence_pieces", "Pieces of evidence kept", count(evidence::count(&node.db).await?));
    if let Some((free, _)) = disk(node) {
        single("disk_free_bytes", "Room on the disk that has the folder", count(free));
    }
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = encode(&mut text, &registry);
    Ok(text)
}

//! The peer's side of the exchange.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use comity_ledger::note::{MAX_NOTE, Note};
use comity_ledger::tile;
use comity_ledger::witness::{self, AddCheckpoint, Refusal};
use comity_ledger::{Checkpoint, Hash, cosignature};
use comity_rules::PartyId;
use comity_rules::agreement::time_of;
use comity_rules::period::instant;
use comity_rules::release::Reader;
use comity_store::cosigned::{self, Cosigned, Role};
use comity_store::evidence;
use comity_store::ledger::{self, Ledger};

use super::{Copied, Entries, MAX_DELIVERY, Wanted, mirror};
use crate::fork;
use crate::node::{Agreement, Error, Node};
use crate::publish::deliver::carried;
use crate::writer::{Delivery, Job};
use crate::{http, public};

/// The party at the other end of a connection, by its certificate.
#[derive(Debug, Clone)]
pub(super) struct Peer(pub(super) PartyId);

/// Routes below `/exchange/v1/`, for one peer, and the ledgers that it may read.
pub fn router(node: Arc<Node>, peer: PartyId) -> Router {
    // Members read ledgers here, whatever the terms say of others.
    let ledgers = public::router(Arc::clone(&node)).layer(Extension(Reader::Party(peer.clone())));
    Router::new()
        .route("/exchange/v1/entries", post(entries))
        .route("/exchange/v1/copy", post(copy))
        .route("/exchange/v1/history", post(history))
        .route("/exchange/v1/witness/add-checkpoint", post(witness_checkpoint))
        .route("/exchange/v1/mirror/add-checkpoint", post(mirror_checkpoint))
        .route("/exchange/v1/mirror/add-entries", post(mirror::entries))
        .with_state(node)
        .layer(Extension(Peer(peer)))
        .merge(ledgers)
}

pub(crate) type Answer = Result<Response, Problem>;

/// A refusal on the wire: a status, and a line that begins with the stable name.
pub(crate) struct Problem(pub(crate) StatusCode, pub(crate) String);

impl axum::response::IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, self.1 + "\n").into_response()
    }
}

impl From<StatusCode> for Problem {
    fn from(status: StatusCode) -> Self {
        Self(status, status.canonical_reason().unwrap_or_default().to_owned())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Missing { .. } => StatusCode::NOT_FOUND,
            Error::Stopping | Error::Restored(_) => StatusCode::SERVICE_UNAVAILABLE,
            // What the store says is nobody else's business.
            Error::Store(_) | Error::Home(_) | Error::Keys(_) => {
                tracing::error!(%error, "exchange");
                return Self(StatusCode::INTERNAL_SERVER_ERROR, "internal-error".to_owned());
            }
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self(status, error.to_string())
    }
}

impl From<comity_store::Error> for Problem {
    fn from(error: comity_store::Error) -> Self {
        Error::Store(error).into()
    }
}

impl From<comity_ledger::Error> for Problem {
    fn from(error: comity_ledger::Error) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, format!("{}: {error}", error.code()))
    }
}

fn malformed(what: &str) -> Problem {
    Problem(StatusCode::BAD_REQUEST, format!("malformed-request: {what}"))
}

async fn entries(
    State(node): State<Arc<Node>>,
    Extension(Peer(from)): Extension<Peer>,
    body: Body,
) -> Answer {
    let body = http::body(body, MAX_DELIVERY).await?;
    let sent = Entries::parse(&body).ok_or_else(|| malformed("entries"))?;
    let head = match Note::parse(sent.head.as_bytes()) {
        Ok(head) => head,
        Err(error) => {
            keep_evidence(&node, "", &format!("{}: {error}", error.code()), &body).await?;
            return Err(error.into());
        }
    };
    let entries = sent.entries.into_iter().map(|carried| (carried.entry, carried.ciphertext));
    let delivery = Delivery {
        from,
        terms: sent.terms,
        start: sent.start,
        entries: entries.collect(),
        cover: (head, sent.proof),
    };
    let next = node.job(|reply| Job::Receive { delivery, reply }).await?;
    Ok(format!("{next}\n").into_response())
}

/// Gives a party that was restored what it has lost: entries of its own ledger, or of this one's.
async fn copy(
    State(node): State<Arc<Node>>,
    Extension(Peer(from)): Extension<Peer>,
    body: Body,
) -> Answer {
    let body = http::body(body, 4096).await?;
    let wanted = Wanted::parse(&body).ok_or_else(|| malformed("copy"))?;
    let agreement = node.agreement(&wanted.terms)?;
    if agreement.peer != from {
        return Err(Error::Refused("these terms are not between us".to_owned()).into());
    }
    let own = ledger::show(&node.db, &agreement.own).await?;
    let ledger = if wanted.party == own.party.as_str() {
        Some(own)
    } else {
        ledger::counterpart(&node.db, &own).await?.filter(|l| l.party.as_str() == wanted.party)
    };
    let Some(ledger) = ledger else { return encoded(&Copied::default()) };
    // As many as a head covers: whoever takes them can verify that they are the ledger's.
    let held = ledger.verified;
    let head = ledger::head(&node.db, &ledger.id, Some(ledger.verified)).await?;
    let copied = Copied {
        entries: carried(&node, &ledger, wanted.start, held).await?,
        head: head.map(|head| head.note),
        signed: ledger::promised(&node.db, &ledger.id).await?.max(ledger.verified),
    };
    node.journal("copy", &format!("entries of {} from {} to {from}", ledger.party, wanted.start))
        .await?;
    encoded(&copied)
}

fn encoded(copied: &Copied) -> Answer {
    let bytes = minicbor::to_vec(copied).map_err(|error| Error::Refused(error.to_string()))?;
    Ok(bytes.into_response())
}

async fn history(
    State(node): State<Arc<Node>>,
    Extension(Peer(from)): Extension<Peer>,
    body: Body,
) -> Answer {
    let body = http::body(body, MAX_NOTE).await?;
    let result = take_history(&node, &from, &body).await;
    if let Err(Problem(StatusCode::UNPROCESSABLE_ENTITY, detail)) = &result {
        keep_evidence(&node, "", detail, &body).await?;
    }
    result
}

/// Takes in what proves a head, of the peer's ledger or of one's own: an outside quorum, the word of
/// the mirror, or both.
pub(crate) async fn take_history(node: &Node, from: &PartyId, body: &[u8]) -> Answer {
    let told = Note::parse(body)?;
    let origin = Checkpoint::parse(told.text())?.origin;
    let ledger = match find(node, from, &origin).await? {
        Some(ledger) => ledger,
        None => {
            own_ledger(node, from, &origin).await?.ok_or_else(|| other_ledger(from, &origin))?
        }
    };
    let agreement = node.agreement(&ledger.terms)?;
    let (_, policy) = node.policy(&agreement).await?;
    let card = node.peer(from)?;
    // Kept with the lines of those who have a part in it, and no stranger's.
    let parties = [&card.witness, &card.mirror, &node.card.witness, &node.card.mirror];
    let mut names: Vec<_> = parties.iter().map(|key| key.name()).collect();
    names.push(&origin);
    let mut signed = Note::new(told.text().to_owned())?;
    signed.gather(&told, &names);
    let mut proof = signed.clone();
    let outside: Vec<_> = policy.witnesses().iter().map(|witness| witness.key.name()).collect();
    proof.gather(&told, &outside);
    let opened = policy.open(&proof)?;
    let head = &opened.checkpoint;
    if head.size > ledger.size {
        return Err(Problem(StatusCode::CONFLICT, ledger.size.to_string()));
    }
    fits(node, &ledger, head).await?;
    // A ledger is mirrored by the other side.
    let mirror = if ledger.mine { &card.mirror } else { node.secrets.mirror.verifier() };
    let witnessed = time_of(&opened).filter(|_| policy.is_quorum(&opened));
    let mirrored = cosignature::verify(&proof, mirror)?.and_then(instant);
    if witnessed.is_none() && mirrored.is_none() {
        return Err(comity_ledger::Error::Quorum("outside".to_owned()).into());
    }
    let mut work = node.begin().await?;
    work.head(&ledger.id, head, &signed.to_string()).await?;
    if let Some(time) = witnessed {
        work.witnessed(&ledger.id, head.size, &proof.to_string(), time).await?;
    }
    if let Some(time) = mirrored
        && work.mirrored(&ledger.id, head.size, time).await?
    {
        work.cosign(&ledger.id, head.size, &signed).await?;
    }
    work.commit().await?;
    node.change();
    Ok(format!("{}\n", head.size).into_response())
}

async fn witness_checkpoint(
    State(node): State<Arc<Node>>,
    Extension(Peer(from)): Extension<Peer>,
    body: Body,
) -> Answer {
    let body = http::body(body, MAX_NOTE + 8192).await?;
    let ledger = match request_ledger(&node, &from, &body).await? {
        Ok((ledger, request)) => record(&node, &ledger, &request, Role::Witness).await?,
        Err(refusal) => Err(refusal),
    };
    match ledger {
        Ok(checkpoint) => {
            let time = node.clock.seconds();
            let line = cosignature::cosign(&node.secrets.witness, &checkpoint.text(), time)?;
            Ok(format!("{line}\n").into_response())
        }
        Err(refusal) => refused(&node, &refusal, &body).await,
    }
}

async fn mirror_checkpoint(
    State(node): State<Arc<Node>>,
    Extension(Peer(from)): Extension<Peer>,
    body: Body,
) -> Answer {
    let body = http::body(body, MAX_NOTE + 8192).await?;
    let result = match request_ledger(&node, &from, &body).await? {
        Ok((ledger, request)) => record(&node, &ledger, &request, Role::Pending).await?,
        Err(refusal) => Err(refusal),
    };
    match result {
        Ok(_) => Ok(StatusCode::OK.into_response()),
        Err(refusal) => refused(&node, &refusal, &body).await,
    }
}

/// Checks a request against what was cosigned last in this role, and makes the new head durable.
async fn record(
    node: &Node,
    ledger: &Ledger,
    request: &AddCheckpoint,
    role: Role,
) -> Result<Result<Checkpoint, Refusal>, Problem> {
    let mut work = node.begin().await?;
    let last = cosigned::load(&mut work.tx, role, &ledger.id).await?;
    let state = last.map_or((0, Hash::EMPTY), |last| (last.size, last.root));
    let checkpoint = match witness::check(request, &ledger.key, state) {
        Ok(checkpoint) => checkpoint,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // What is here outweighs what was cosigned: a witness that holds the entries is not fooled by a
    // first head that contradicts them. Entries come before heads, so a witness waits for them.
    let held = checkpoint.size <= ledger.size;
    if held {
        if fits(node, ledger, &checkpoint).await.is_err() {
            let fork = comity_ledger::Error::Fork { size: checkpoint.size };
            return Ok(Err(Refusal::Unprocessable(fork)));
        }
    } else if role == Role::Witness {
        // No evidence of anything: it came before what it covers.
        let early = comity_ledger::Error::Range("deliver the entries before their checkpoint");
        return Err(early.into());
    }
    let note = request.note.to_string();
    let new = Cosigned { size: checkpoint.size, root: checkpoint.root, note };
    cosigned::swap(&mut work.tx, role, &ledger.id, &new).await?;
    work.commit().await?;
    Ok(Ok(checkpoint))
}

async fn request_ledger(
    node: &Node,
    from: &PartyId,
    body: &[u8],
) -> Result<Result<(Ledger, AddCheckpoint), Refusal>, Problem> {
    let request = match AddCheckpoint::parse(body) {
        Ok(request) => request,
        Err(error) => return Ok(Err(Refusal::BadRequest(error))),
    };
    let origin = match Checkpoint::parse(request.note.text()) {
        Ok(checkpoint) => checkpoint.origin,
        Err(error) => return Ok(Err(Refusal::BadRequest(error))),
    };
    let ledger = find(node, from, &origin).await?;
    if let Some(ledger) = &ledger {
        // A witness that was put back may not remember what it cosigned.
        node.agreement(&ledger.terms)?.check_signs()?;
    }
    Ok(ledger.map(|ledger| (ledger, request)).ok_or(Refusal::UnknownOrigin))
}

async fn refused(node: &Node, refusal: &Refusal, body: &[u8]) -> Answer {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    if let Refusal::Conflict(size) = refusal {
        return Ok(
            (status, [("content-type", "text/x.tlog.size")], format!("{size}\n")).into_response()
        );
    }
    let detail = refusal.to_string();
    let detail = format!("{}: {detail}", refusal.code());
    // A head of a ledger whose entries are still to come proves nothing against anybody.
    if !matches!(refusal, Refusal::UnknownOrigin) {
        keep_evidence(node, "", &detail, body).await?;
    }
    Err(Problem(status, detail))
}

/// A head of a ledger whose entries are still to come, or of no ledger of this peer's: it proves nothing
/// against anybody.
fn other_ledger(from: &PartyId, origin: &str) -> Problem {
    let error = comity_ledger::Error::OtherLedger {
        expected: format!("a ledger under an agreement with {from}"),
        found: origin.chars().take(80).collect(),
    };
    Problem(StatusCode::NOT_FOUND, format!("{}: {error}", error.code()))
}

/// This party's own ledger of that origin, under an agreement with `from`.
async fn own_ledger(node: &Node, from: &PartyId, origin: &str) -> Result<Option<Ledger>, Problem> {
    let id = ledger::id_of(origin);
    let ours = |agreement: &Agreement| agreement.own == id && agreement.peer == *from;
    if !node.agreements().iter().any(|agreement| ours(agreement)) {
        return Ok(None);
    }
    Ok(Some(ledger::show(&node.db, &id).await?))
}

/// The copy here of a ledger of `from`.
pub(super) async fn find(
    node: &Node,
    from: &PartyId,
    origin: &str,
) -> Result<Option<Ledger>, Problem> {
    match ledger::show(&node.db, &ledger::id_of(origin)).await {
        Ok(ledger) if ledger.party == *from && !ledger.mine => Ok(Some(ledger)),
        Ok(_) | Err(comity_store::Error::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a head is the one that the entries here have at its size.
pub(super) async fn fits(node: &Node, ledger: &Ledger, head: &Checkpoint) -> Result<(), Problem> {
    let tiles = ledger::tiles(&node.db, &ledger.id, &tile::edge(head.size)).await?;
    if tiles.root(head.size)? == head.root {
        Ok(())
    } else {
        Err(comity_ledger::Error::Fork { size: head.size }.into())
    }
}

pub(super) async fn keep_evidence(
    node: &Node,
    ledger: &str,
    detail: &str,
    bytes: &[u8],
) -> Result<(), Problem> {
    let code = detail.split(':').next().unwrap_or_default();
    tracing::warn!(ledger, detail, "refused");
    let fork = if code == "fork" { fork::by_note(node, bytes).await? } else { None };
    let bytes = fork.as_deref().unwrap_or(bytes);
    Ok(evidence::keep(&node.db, node.now(), ledger, code, detail, bytes).await?)
}

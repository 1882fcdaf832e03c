//! The mirror of a peer's ledger: C2SP tlog-mirror `add-entries`.
//!
//! Entries are delivered before, so that most uploads bring none and only ask for the cosignature.

use std::io::Read as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;
use comity_ledger::mirror::{self, Header, INFO_TYPE, Info};
use comity_ledger::note::{Note, Signature};
use comity_ledger::tile::{self, WIDTH};
use comity_ledger::{Checkpoint, Hash, cosignature};
use comity_rules::PartyId;
use comity_rules::period::instant;
use comity_store::cosigned::{self, Cosigned, Role};
use comity_store::ledger::{self, Ledger};
use comity_store::pending;

use super::MAX_DELIVERY;
use super::server::{Answer, Peer, Problem, find, fits, keep_evidence};
use crate::http;
use crate::node::Node;
use crate::writer::{Delivery, Job};

/// Bytes of an upload at most, when it is unpacked.
const MAX_UPLOAD: u64 = MAX_DELIVERY as u64;

/// `POST mirror/add-entries`
pub(super) async fn entries(
    State(node): State<Arc<Node>>,
    Extension(Peer(from)): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let body = unpacked(&headers, http::body(body, MAX_DELIVERY).await?)?;
    let (header, rest) = Header::parse(&body)
        .map_err(|error| Problem(StatusCode::BAD_REQUEST, format!("{}: {error}", error.code())))?;
    let unknown = || Problem(StatusCode::NOT_FOUND, "unknown-origin".to_owned());
    let ledger = find(&node, &from, &header.origin).await?.ok_or_else(unknown)?;
    let head = cosigned::last(&node.db, Role::Pending, &ledger.id).await?;
    let Some(head) = head else {
        return Err(Problem(StatusCode::UNPROCESSABLE_ENTITY, "no pending checkpoint".to_owned()));
    };
    let note = Note::parse(head.note.as_bytes())?;
    let checkpoint = Checkpoint::open(&note, &ledger.key)?;
    let wanted = |status, next: u64| {
        let info = Info { pending: head.size, next: next.min(head.size), ticket: Vec::new() };
        let kind = [("content-type", INFO_TYPE), ("accept-encoding", "gzip")];
        Ok((status, kind, info.encode()).into_response())
    };
    let next = pending::next(&node.db, &ledger.id, ledger.size).await?;
    if header.end != head.size || header.start > next {
        return wanted(StatusCode::CONFLICT, next);
    }
    let uploaded = match packages(&node, &ledger, &header, rest, &checkpoint, next).await? {
        Ok(uploaded) => uploaded,
        Err(problem) => {
            keep_evidence(&node, &ledger.id, &problem.1, &body).await?;
            return Err(problem);
        }
    };
    let next = next.max(header.start + uploaded.len() as u64);
    if !uploaded.is_empty() {
        let mut work = node.begin().await?;
        pending::keep(&mut work.tx, &ledger.id, header.start, &uploaded).await?;
        work.commit().await?;
    }
    if next < head.size {
        return wanted(StatusCode::ACCEPTED, next);
    }
    let ledger = complete(&node, &from, ledger, &note).await?;
    if let Err(problem) = fits(&node, &ledger, &checkpoint).await {
        keep_evidence(&node, &ledger.id, &problem.1, note.to_string().as_bytes()).await?;
        return Err(problem);
    }
    Ok(format!("{}\n", cosign(&node, &ledger, &checkpoint, note).await?).into_response())
}

/// The body as it was before HTTP made it smaller, never more than an upload may have.
fn unpacked(headers: &HeaderMap, body: Vec<u8>) -> Result<Vec<u8>, Problem> {
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(body),
        Some(b"gzip") => {
            let mut whole = Vec::new();
            let mut unpack = flate2::read::GzDecoder::new(body.as_slice()).take(MAX_UPLOAD + 1);
            let bad = |_| Problem(StatusCode::BAD_REQUEST, "malformed-request: gzip".to_owned());
            unpack.read_to_end(&mut whole).map_err(bad)?;
            if whole.len() as u64 > MAX_UPLOAD {
                return Err(StatusCode::PAYLOAD_TOO_LARGE.into());
            }
            Ok(whole)
        }
        Some(_) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into()),
    }
}

/// The entries of the packages, each proven against the checkpoint; what is cut short at the end is
/// dropped. The inner error is one worth keeping the body for.
async fn packages(
    node: &Node,
    ledger: &Ledger,
    header: &Header,
    mut rest: &[u8],
    checkpoint: &Checkpoint,
    next: u64,
) -> Result<Result<Vec<Vec<u8>>, Problem>, Problem> {
    let first = header.start / WIDTH * WIDTH;
    // Leaves before the first package, of its bundle: they are here, or were uploaded before.
    let tile = tile::TileId { level: 0, number: first / WIDTH };
    let held = ledger::tiles(&node.db, &ledger.id, &[tile]).await?;
    let waiting = pending::entries(&node.db, &ledger.id, first.max(ledger.size)).await?;
    let waiting = (first.max(ledger.size)..).zip(waiting);
    let mut before: Vec<Hash> =
        (first..header.start.min(ledger.size)).filter_map(|index| held.leaf(index)).collect();
    before.extend(waiting.take_while(|(i, _)| *i < header.start).map(|(_, e)| Hash::leaf(&e)));
    let mut entries = Vec::new();
    for interval in header.intervals() {
        let (package, after) = match mirror::split_package(rest, interval) {
            Ok(split) => split,
            // A package cut short is not an error of those before it.
            Err(_) if interval.0 > header.start => break,
            Err(_) if rest.is_empty() && header.start < next => break,
            Err(error) => {
                let detail = format!("{}: {error}", error.code());
                return Err(Problem(StatusCode::BAD_REQUEST, detail));
            }
        };
        if let Err(error) = package.verify(&before, checkpoint) {
            return Ok(Err(error.into()));
        }
        before.clear();
        entries.extend(package.entries.iter().map(|entry| entry.to_vec()));
        rest = after;
    }
    Ok(Ok(entries))
}

/// Takes what waits into the copy, all of it proven by the pending checkpoint's own root.
async fn complete(
    node: &Node,
    from: &PartyId,
    ledger: Ledger,
    note: &Note,
) -> Result<Ledger, Problem> {
    let waiting = pending::entries(&node.db, &ledger.id, ledger.size).await?;
    if waiting.is_empty() {
        return Ok(ledger);
    }
    let delivery = Delivery {
        from: from.clone(),
        terms: ledger.terms.clone(),
        start: ledger.size,
        entries: waiting.into_iter().map(|entry| (entry, None)).collect(),
        cover: (note.clone(), Vec::new()),
    };
    let taken = node.job(|reply| Job::Receive { delivery, reply }).await;
    // Taken, or in contradiction to what is here: either way nothing waits any more.
    pending::clear(&node.db, &ledger.id).await?;
    taken?;
    Ok(ledger::show(&node.db, &ledger.id).await?)
}

/// Cosigns a head whose entries are all here. The same head gets the same cosignature again, so
/// that both sides know one time for it.
async fn cosign(
    node: &Node,
    ledger: &Ledger,
    head: &Checkpoint,
    mut note: Note,
) -> Result<Signature, Problem> {
    let key = node.secrets.mirror.verifier();
    let known = cosigned::last(&node.db, Role::Mirror, &ledger.id).await?;
    if let Some(known) = known.filter(|known| known.size == head.size) {
        let known = Note::parse(known.note.as_bytes())?;
        let line = known.signatures().iter().find(|signature| signature.name == key.name());
        if let Some(line) = line {
            return Ok(line.clone());
        }
    }
    let time = node.clock.seconds();
    let line = cosignature::cosign(&node.secrets.mirror, note.text(), time)?;
    note.add(line.clone());
    let new = Cosigned { size: head.size, root: head.root, note: note.to_string() };
    let mut work = node.begin().await?;
    cosigned::swap(&mut work.tx, Role::Mirror, &ledger.id, &new).await?;
    work.head(&ledger.id, head, &new.note).await?;
    if work.mirrored(&ledger.id, head.size, instant(time).unwrap_or_else(|| node.now())).await? {
        work.cosign(&ledger.id, head.size, &note).await?;
        work.news(&ledger.id, head.size).await?;
    }
    // Only what is kept is cosigned.
    work.commit().await?;
    node.change();
    Ok(line)
}

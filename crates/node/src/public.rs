//! Ledgers and mirrors in C2SP tlog-tiles, for those who may read them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use comity_ledger::Note;
use comity_ledger::tile::{self, TileId, TilePath, WIDTH};
use comity_rules::release::{self, Reader};
use comity_store::cosigned::{self, Role};
use comity_store::ledger::{self, Ledger};

use crate::node::{Error, Node};

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
const CHANGING: &str = "no-store";
const LASTING: &str = "public, max-age=31536000, immutable";

/// Routes `/ledger/<id>/...` and `/mirror/<id>/...`. A layer above may say who reads.
pub fn router(node: Arc<Node>) -> Router {
    Router::new()
        .route("/ledger/{id}/checkpoint", get(ledger_checkpoint))
        .route("/ledger/{id}/history/{size}", get(ledger_history))
        .route("/ledger/{id}/{*path}", get(ledger_tile))
        .route("/mirror/{id}/checkpoint", get(mirror_checkpoint))
        .route("/mirror/{id}/history/{size}", get(mirror_history))
        .route("/mirror/{id}/{*path}", get(mirror_tile))
        .with_state(node)
}

type Answer = Result<Response, StatusCode>;

/// Who reads: whom a layer above knows, else whose key it is, else anyone.
struct Who(Reader);

impl FromRequestParts<Arc<Node>> for Who {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, StatusCode> {
        if let Some(known) = parts.extensions.get::<Reader>() {
            return Ok(Self(known.clone()));
        }
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            return Ok(Self(Reader::Everyone));
        };
        let key = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        let reader = match key {
            Some(key) => node.reader(key.trim()).await.map_err(internal)?,
            None => None,
        };
        reader.map(Self).ok_or(StatusCode::UNAUTHORIZED)
    }
}

async fn ledger_checkpoint(
    State(node): State<Arc<Node>>,
    who: Who,
    Path(id): Path<String>,
) -> Answer {
    let ledger = readable(&node, who, &id, true).await?;
    Ok(text(checkpoint(&node, &ledger).await.map_err(internal)?.ok_or(StatusCode::NOT_FOUND)?))
}

async fn mirror_checkpoint(
    State(node): State<Arc<Node>>,
    who: Who,
    Path(id): Path<String>,
) -> Answer {
    let ledger = readable(&node, who, &id, false).await?;
    let mirrored = mirrored(&node, &ledger).await.map_err(internal)?;
    Ok(text(mirrored.ok_or(StatusCode::NOT_FOUND)?))
}

async fn ledger_history(
    State(node): State<Arc<Node>>,
    who: Who,
    Path((id, size)): Path<(String, u64)>,
) -> Answer {
    let ledger = readable(&node, who, &id, true).await?;
    history(&node, &ledger, size).await
}

async fn mirror_history(
    State(node): State<Arc<Node>>,
    who: Who,
    Path((id, size)): Path<(String, u64)>,
) -> Answer {
    let ledger = readable(&node, who, &id, false).await?;
    history(&node, &ledger, size).await
}

async fn history(node: &Node, ledger: &Ledger, size: u64) -> Answer {
    let kept = kept(node, ledger, size).await.map_err(internal)?;
    Ok(text(kept.ok_or(StatusCode::NOT_FOUND)?.1))
}

async fn ledger_tile(
    State(node): State<Arc<Node>>,
    who: Who,
    Path((id, path)): Path<(String, String)>,
) -> Answer {
    let ledger = readable(&node, who, &id, true).await?;
    tile_of(&node, &ledger, &path, ledger.size).await
}

async fn mirror_tile(
    State(node): State<Arc<Node>>,
    who: Who,
    Path((id, path)): Path<(String, String)>,
) -> Answer {
    let ledger = readable(&node, who, &id, false).await?;
    tile_of(&node, &ledger, &path, ledger.verified).await
}

/// The latest witnessed checkpoint of a ledger; before there is one, the latest that it signed.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn checkpoint(node: &Node, ledger: &Ledger) -> Result<Option<String>, Error> {
    let head = ledger::head(&node.db, &ledger.id, None).await?;
    let Some(witnessed) = ledger::latest_witnessed(&node.db, &ledger.id).await? else {
        return Ok(head.map(|head| head.note));
    };
    // The same size with a heartbeat's cosignatures is the fresher of the two.
    if let Some(head) = head.filter(|head| head.size == witnessed.size) {
        let agreement = node.agreement(&ledger.terms)?;
        let (_, policy) = node.policy(&agreement).await?;
        let fresh = Note::parse(head.note.as_bytes()).and_then(|note| policy.check(&note));
        if fresh.is_ok() {
            return Ok(Some(head.note));
        }
    }
    Ok(Some(witnessed.note))
}

/// The head that this node's mirror cosigned last, with what outside witnesses said of it.
async fn mirrored(node: &Node, ledger: &Ledger) -> Result<Option<String>, Error> {
    let Some(last) = cosigned::last(&node.db, Role::Mirror, &ledger.id).await? else {
        return Ok(None);
    };
    let mut note = Note::parse(last.note.as_bytes())?;
    if let Some((_, proof)) = kept(node, ledger, last.size).await? {
        note.merge(&Note::parse(proof.as_bytes())?);
    }
    Ok(Some(note.to_string()))
}

/// The first checkpoint of at least `size` that something proves, with every cosignature that is
/// known: an auditor reads from them when outside witnesses saw it, and when the peer held a copy.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn kept(
    node: &Node,
    ledger: &Ledger,
    size: u64,
) -> Result<Option<(u64, String)>, Error> {
    let Some(head) = ledger::proven(&node.db, &ledger.id, size).await? else { return Ok(None) };
    let known = Note::parse(head.note.as_bytes())?;
    let witnessed = ledger::history(&node.db, &ledger.id, head.size).await?;
    let witnessed = witnessed.filter(|witnessed| witnessed.size == head.size);
    // The outside witnesses' words are those of the proof that counts, not of a heartbeat.
    let mut note = match witnessed {
        Some(witnessed) => Note::parse(witnessed.note.as_bytes())?,
        None => known.clone(),
    };
    note.merge(&known);
    Ok(Some((head.size, note.to_string())))
}

/// The bytes at a tile path, of a ledger of `size` entries.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn tile_bytes(
    node: &Node,
    ledger: &Ledger,
    path: TilePath,
    size: u64,
) -> Result<Option<Vec<u8>>, Error> {
    match path {
        TilePath::Hashes { id, width } if width <= id.width(size) => {
            Ok(ledger::tiles(&node.db, &ledger.id, &[id]).await?.bytes(id, width))
        }
        TilePath::Entries { number, width }
            if width <= (TileId { level: 0, number }).width(size) =>
        {
            let first = number * WIDTH;
            let entries = ledger::entries(&node.db, &ledger.id, first, first + width).await?;
            Ok(Some(tile::bundle(&entries)))
        }
        TilePath::Hashes { .. } | TilePath::Entries { .. } => Ok(None),
    }
}

async fn tile_of(node: &Node, ledger: &Ledger, path: &str, size: u64) -> Answer {
    let path: TilePath = path.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let bytes = tile_bytes(node, ledger, path, size).await.map_err(internal)?;
    let bytes = bytes.ok_or(StatusCode::NOT_FOUND)?;
    Ok(([("content-type", BYTES), ("cache-control", LASTING)], bytes).into_response())
}

/// The ledger, if this reader may read it. One who may not learns no more than that there is none.
async fn readable(
    node: &Node,
    Who(reader): Who,
    id: &str,
    mine: bool,
) -> Result<Ledger, StatusCode> {
    let ledger = match ledger::show(&node.db, id).await {
        Ok(ledger) if ledger.mine == mine => ledger,
        Ok(_) | Err(comity_store::Error::Missing { .. }) => return Err(StatusCode::NOT_FOUND),
        Err(error) => return Err(internal(error.into())),
    };
    let agreement = node.agreement(&ledger.terms).map_err(|_| StatusCode::NOT_FOUND)?;
    let released = release::ledger(&agreement.terms, &reader, ledger);
    released.map(release::Released::into_inner).map_err(|_| StatusCode::NOT_FOUND)
}

fn text(note: String) -> Response {
    ([("content-type", TEXT), ("cache-control", CHANGING)], note).into_response()
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn internal(error: Error) -> StatusCode {
    tracing::error!(%error, "serving a ledger");
    StatusCode::INTERNAL_SERVER_ERROR
}

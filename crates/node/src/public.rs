//! Ledgers and mirrors in C2SP tlog-tiles, for those who may read them.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
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
        .route("/ledger/{id}/history/{size}", get(history))
        .route("/ledger/{id}/{*path}", get(ledger_tile))
        .route("/mirror/{id}/checkpoint", get(mirror_checkpoint))
        .route("/mirror/{id}/{*path}", get(mirror_tile))
        .with_state(node)
}

type Answer = Result<Response, StatusCode>;
type Who = Option<Extension<Reader>>;

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
    let last = cosigned::last(&node.db, Role::Mirror, &ledger.id).await;
    Ok(text(last.map_err(|e| internal(e.into()))?.ok_or(StatusCode::NOT_FOUND)?.note))
}

async fn history(
    State(node): State<Arc<Node>>,
    who: Who,
    Path((id, size)): Path<(String, u64)>,
) -> Answer {
    let ledger = readable(&node, who, &id, true).await?;
    let kept = kept(&node, &ledger, size).await.map_err(internal)?;
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

/// The first witnessed checkpoint of at least `size`, with the cosignatures of the peer's witness
/// and mirror that came after it was kept: an auditor reads from them when the peer held a copy.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn kept(
    node: &Node,
    ledger: &Ledger,
    size: u64,
) -> Result<Option<(u64, String)>, Error> {
    let Some(witnessed) = ledger::history(&node.db, &ledger.id, size).await? else {
        return Ok(None);
    };
    let mut note = Note::parse(witnessed.note.as_bytes())?;
    if let Some(head) = ledger::head(&node.db, &ledger.id, Some(witnessed.size)).await? {
        let known: Vec<_> = note.signatures().iter().map(|line| line.name.clone()).collect();
        let head = Note::parse(head.note.as_bytes())?;
        let later = head.signatures().iter().filter(|line| !known.contains(&line.name));
        later.for_each(|line| note.add(line.clone()));
    }
    Ok(Some((witnessed.size, note.to_string())))
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
async fn readable(node: &Node, who: Who, id: &str, mine: bool) -> Result<Ledger, StatusCode> {
    let reader = who.map_or(Reader::Everyone, |Extension(reader)| reader);
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

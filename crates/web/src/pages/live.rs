//! `/live`: says that something has changed, as server-sent events. Pages that listen fetch themselves anew;
//! everything works without.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;

use crate::App;

/// The least between two events: a busy node does not make every page fetch itself at every statement.
const REST: Duration = Duration::from_secs(2);

/// How often a line that has nothing to say says so: proxies close silent ones.
const ALIVE: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
pub(crate) struct From {
    /// How much had changed when the page was made.
    seen: Option<u64>,
}

pub(crate) async fn changes(
    State(app): State<App>,
    headers: HeaderMap,
    Query(from): Query<From>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // A browser that lost the line says where it was.
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let now = app.node.change_count();
    // A node that was started anew counts from nought: what was seen before is no measure then.
    let seen = last.or(from.seen).map_or(now, |seen: u64| if seen > now { 0 } else { seen });
    let changes = unfold((app, seen), |(app, seen)| async move {
        let seen = app.node.changed(seen).await;
        tokio::time::sleep(REST).await;
        let event = Event::default().id(seen.to_string()).event("change").data(seen.to_string());
        Some((Ok(event), (app, seen)))
    });
    Sse::new(changes).keep_alive(KeepAlive::new().interval(ALIVE))
}

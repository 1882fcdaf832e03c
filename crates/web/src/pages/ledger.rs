//! `/ledger`: the ledgers that are kept here, and the evidence.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Frame, internal, render};
use crate::App;
use crate::language::Language;

#[derive(Template)]
#[template(path = "ledger.html")]
struct Page {
    frame: Frame,
    ledgers: Vec<Row>,
    evidence: Vec<(String, String, String)>,
}

struct Row {
    party: String,
    whose: String,
    entries: u64,
    witnessed: u64,
    origin: String,
    url: String,
}

pub(crate) async fn show(State(app): State<App>, t: Language) -> Response {
    let (ledgers, evidence) = match app.node.ledgers_and_evidence().await {
        Ok(found) => found,
        Err(error) => return internal(&error),
    };
    let rows = ledgers.into_iter().map(|ledger| Row {
        party: ledger.party.to_string(),
        whose: t.text(if ledger.mine { "own" } else { "copy" }),
        entries: ledger.size,
        witnessed: ledger.witnessed,
        url: format!("/{}/{}/checkpoint", if ledger.mine { "ledger" } else { "mirror" }, ledger.id),
        origin: ledger.key.name().to_owned(),
    });
    let evidence = evidence.into_iter().map(|piece| {
        (piece.at.strftime("%a %-d %b %H:%M UTC").to_string(), piece.code, piece.detail)
    });
    let frame = Frame::of(&app, t, "ledger", 0);
    render(&Page { frame, ledgers: rows.collect(), evidence: evidence.collect() })
}

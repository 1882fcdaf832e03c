//! `/ledger`: the ledgers that are kept here, and the evidence.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;

use super::{Frame, internal, render};
use crate::App;
use crate::language::Language;
use crate::session::Who;
use crate::when;

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

pub(crate) async fn show(State(app): State<App>, t: Language, who: Who) -> Response {
    let (ledgers, evidence) = match app.node.ledgers_and_evidence().await {
        Ok(found) => found,
        Err(error) => return internal(t, &error),
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
        let at = when::day(t, &piece.at.to_zoned(TimeZone::UTC));
        (format!("{at} UTC"), piece.code.clone(), t.text(&format!("code-{}", piece.code)))
    });
    let frame = Frame::of(&app, t, &who.0, "ledger", 0);
    render(t, &Page { frame, ledgers: rows.collect(), evidence: evidence.collect() })
}

//! `/requests`: all of them, newest first, by an opaque cursor.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Frame, Row, internal, render};
use crate::App;
use crate::language::Language;
use crate::session::Who;

const PAGE: u64 = 50;

#[derive(Deserialize)]
pub(crate) struct Cursor {
    /// As the page before gave it; anything else is the first page.
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "requests.html")]
struct Requests {
    frame: Frame,
    rows: Vec<Row>,
    older: Option<u64>,
}

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    who: Who,
    Query(cursor): Query<Cursor>,
) -> Response {
    let before = cursor.before.and_then(|before| before.parse().ok());
    let lines = match app.node.requests(false, before, PAGE).await {
        Ok(lines) => lines,
        Err(error) => return internal(t, &error),
    };
    let full = lines.len() as u64 == PAGE;
    let older = lines.last().filter(|_| full).map(|line| line.summary.seq);
    let mut frame = Frame::of(&app, t, &who.0, "requests", 0);
    frame.exercise = lines.iter().any(|line| line.summary.request.exercise);
    render(
        t,
        &Requests { frame, rows: lines.iter().map(|line| Row::of(&app, t, line)).collect(), older },
    )
}

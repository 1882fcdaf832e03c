//! `/`: what waits for me, what I wait for, what is overdue.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Frame, Row, internal, render};
use crate::App;
use crate::language::Language;

#[derive(Template)]
#[template(path = "desk.html")]
struct Desk {
    frame: Frame,
    lead: String,
    mine: Vec<Row>,
    theirs: Vec<Row>,
}

pub(crate) async fn show(State(app): State<App>, t: Language) -> Response {
    let mut lines = match app.node.requests(true, None, 200).await {
        Ok(lines) => lines,
        Err(error) => return internal(t, &error),
    };
    // What is due first stands first; what has no deadline last.
    lines.sort_by_key(|line| line.clocks.next_due().map_or((1, 0), |due| (0, due.as_second())));
    let us = app.node.party();
    let late = lines.iter().filter(|line| line.clocks.is_overdue()).count();
    let exercise = lines.iter().any(|line| line.summary.request.exercise);
    let (mine, theirs): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line.waits_for.as_ref() == Some(us));
    let rows =
        |lines: Vec<_>| -> Vec<Row> { lines.into_iter().map(|l| Row::of(&app, t, l)).collect() };
    let lead = t.with("desk-lead", [("mine", mine.len()), ("late", late)]);
    let mut frame = Frame::of(&app, t, "desk", mine.len());
    frame.exercise = exercise;
    render(t, &Desk { frame, lead, mine: rows(mine), theirs: rows(theirs) })
}

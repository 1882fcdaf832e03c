//! `/exercises`: what was rehearsed, apart from what is real.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use comity_node::Error;
use comity_rules::access::{Person, Right};
use comity_rules::matter::Topic;

use super::agreements::{defined_in, said};
use super::hotline::{Call, calls};
use super::requests::{Search, find};
use super::{Frame, Row, internal, render};
use crate::App;
use crate::language::Language;
use crate::session::Who;

const COMMANDS: &str = "comity exercise list\ncomity exercise run hotline-drill -o report.html";

/// Matters that are looked through of each topic.
const LOOKED_AT: u64 = 500;

#[derive(Template)]
#[template(path = "exercises.html")]
struct Page {
    frame: Frame,
    /// How a whole one is played.
    commands: &'static str,
    rows: Vec<Row>,
    /// Whether there are more requests than these.
    more: bool,
    calls: Vec<Call>,
    definitions: Vec<[String; 3]>,
    /// For the list of requests, which is moved on its own page.
    may_state: bool,
    sees_reviews: bool,
}

pub(crate) async fn show(State(app): State<App>, t: Language, who: Who) -> Response {
    match gather(&app, t, &who.0).await {
        Ok(page) => render(t, &page),
        Err(error) => internal(t, &error),
    }
}

async fn gather(app: &App, t: Language, by: &Person) -> Result<Page, Error> {
    let (lines, older) = find(app, by, &Search::parse("is:exercise"), None).await?;
    let mut all = Vec::new();
    for topic in Topic::ALL {
        all.extend(calls(app, t, by, *topic, LOOKED_AT).await?);
    }
    all.retain(|call| call.exercise);
    let mut frame = Frame::of(app, t, by, "oversight", 0);
    frame.exercise = true;
    let told = said(lines.iter()).chain(all.iter().map(Call::said));
    Ok(Page {
        definitions: defined_in(t, told),
        commands: COMMANDS,
        rows: lines.iter().map(|line| Row::of(app, t, line)).collect(),
        more: older.is_some(),
        calls: all,
        may_state: false,
        sees_reviews: by.may(Right::Review).is_ok(),
        frame,
    })
}

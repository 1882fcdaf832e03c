//! `/`: what waits for me, what I wait for, what is overdue.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use comity_node::dossier::Line;
use comity_node::{Error, matters};
use comity_rules::access::Right;
use comity_rules::matter::Topic;
use comity_rules::release::Released;
use serde::Deserialize;

use super::agreements;
use super::drafts::headline;
use super::hotline::{self, Call};
use super::{Frame, Posted, Row, internal, is_exercise, render};
use crate::App;
use crate::language::Language;
use crate::session::{Who, denied};
use crate::when;

/// Requests that are read at a time, and that a list of the desk shows.
const PAGE: u64 = 500;
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "desk.html")]
struct Desk {
    frame: Frame,
    lead: String,
    mine: Vec<Row>,
    theirs: Vec<Row>,
    /// Of the hotline, the dialogue and what else there is, that which waits for this party.
    calls: Vec<Call>,
    drafts: Vec<(String, String)>,
    /// What nobody has seen yet: key, what it is, where, and since when.
    alerts: Vec<[String; 4]>,
    may_state: bool,
    /// What was open when its terms ended.
    cut: Option<String>,
    definitions: Vec<[String; 3]>,
}

pub(crate) async fn show(State(app): State<App>, t: Language, who: Who) -> Response {
    // All that is open: what is overdue must not stand on a second page.
    let mut lines: Vec<Line> = Vec::new();
    loop {
        let before = lines.last().map(|line| line.summary.seq);
        match app.node.requests(&who.0, true, before, PAGE).await.map(Released::into_inner) {
            Ok(page) if page.is_empty() => break,
            Ok(page) => lines.extend(page),
            Err(error) => return internal(t, &error),
        }
    }
    // Under an agreement that is over there is nothing left to do.
    let all = lines.len();
    lines.retain(|line| !line.agreement.is_closed());
    let requests = all - lines.len();
    // What is due first stands first; what has no deadline last.
    lines.sort_by_key(|line| line.clocks.next_due().map_or((1, 0), |due| (0, due.as_second())));
    let us = app.node.party();
    let late = lines.iter().filter(|line| line.clocks.is_overdue()).count();
    let exercise = is_exercise(&lines);
    let (mine, theirs): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line.waits_for.as_ref() == Some(us));
    // What is due first is drawn; the lists have the rest.
    let rows = |lines: Vec<_>| -> Vec<Row> {
        lines.into_iter().take(SHOWN).map(|l| Row::of(&app, t, l)).collect()
    };
    let (mut calls, mut ours, mut others) = (Vec::new(), 0, 0);
    for topic in Topic::ALL {
        match hotline::open(&app, &who.0, *topic).await {
            Ok(lines) => {
                let is_ours = |line: &&matters::Line| line.waits_for(&app.node);
                let (own, rest): (Vec<_>, Vec<_>) = lines.iter().partition(is_ours);
                others += rest.iter().filter(|line| line.is_cut_off()).count();
                ours += own.len();
                calls.extend(own.into_iter().take(SHOWN).map(|line| Call::of(&app, t, line)));
            }
            Err(error) => return internal(t, &error),
        }
    }
    let cut = (requests + others > 0)
        .then(|| t.with("desk-cut", [("requests", requests), ("others", others)]));
    let waiting = mine.len() + ours;
    let lead = t.with("desk-lead", [("mine", waiting), ("late", late)]);
    let mut frame = Frame::of(&app, t, &who.0, "desk", waiting);
    frame.exercise |= exercise;
    let drafts = match app.node.drafts(&who.0).await {
        Ok(drafts) => drafts.iter().map(|draft| (draft.id.clone(), headline(t, draft))).collect(),
        Err(error) => return internal(t, &error),
    };
    let alerts = match app.node.new_alerts(&who.0).await {
        Ok(alerts) => alerts,
        Err(error) => return internal(t, &error),
    };
    let zone = app.zone();
    let alerts = alerts.iter().map(|alert| {
        let said = comity_node::alert::text(alert, t.code(), &app.config, app.node.card());
        let since = when::day(t, &alert.at.to_zoned(zone.clone()));
        let since = t.with("alert-since", [("time", since)]);
        // What is about no matter is about meetings.
        let link = match alert.key.strip_prefix("draft/") {
            Some(draft) => format!("/drafts/{draft}"),
            None => said.link.unwrap_or_else(|| "/dialogue".to_owned()),
        };
        [alert.key.clone(), said.subject, link, since]
    });
    let alerts = alerts.collect();
    let may_state = who.0.may(Right::State).is_ok();
    let shown = mine.iter().take(SHOWN).chain(theirs.iter().take(SHOWN));
    let said = agreements::said(shown.copied()).chain(calls.iter().map(Call::said));
    let definitions = agreements::defined_in(t, said);
    let (mine, theirs) = (rows(mine), rows(theirs));
    let page =
        Desk { frame, lead, mine, theirs, calls, drafts, alerts, may_state, cut, definitions };
    render(t, &page)
}

/// Says that one has seen an alert.
pub(crate) async fn act(
    State(app): State<App>,
    t: Language,
    who: Who,
    Posted(form): Posted<Seen>,
) -> Response {
    match app.node.see_alert(&who.0, &form.seen).await {
        Ok(_) => Redirect::to("/").into_response(),
        Err(Error::Denied(_)) => denied(&app, t, &who.0),
        Err(error) => internal(t, &error),
    }
}

#[derive(Deserialize)]
pub(crate) struct Seen {
    /// The alert's key.
    seen: String,
}

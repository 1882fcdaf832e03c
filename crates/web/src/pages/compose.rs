//! `/requests/new`: a request, in the order in which an officer thinks; what is missing is said before it
//! leaves, and the text that leaves is shown. An emergency is never held up.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use comity_node::Error;
use comity_node::people::Stated;
use comity_rules::access::Right;
use comity_rules::agreement::RequestKind;
use comity_rules::command::{self, Command};
use comity_rules::content::Tlp;
use comity_rules::{ThreadId, prompt};
use serde::Deserialize;

use super::drafts::spell;
use super::fields::{Fields, MOST};
use super::{Frame, Posted, internal, is_exercise, render};
use crate::App;
use crate::language::Language;
use crate::problem;
use crate::session::{Who, denied};

#[derive(Template)]
#[template(path = "compose.html")]
struct Page {
    frame: Frame,
    t: Language,
    agreements: Vec<(String, String)>,
    classes: Vec<(String, String)>,
    kinds: Vec<(String, String)>,
    infrastructure: Vec<(&'static str, String)>,
    categories: Vec<(&'static str, String)>,
    relations: Vec<(&'static str, String)>,
    markings: Vec<&'static str>,
    not_carried: Vec<String>,
    numbers: Vec<usize>,
    more: bool,
    problem: Option<String>,
    missing: Vec<(String, String)>,
    /// The text that leaves, field by field, once it was checked.
    preview: Option<Vec<(String, String)>>,
    readers: String,
    written: Fields,
}

impl Page {
    fn item(&self, field: &str, number: &usize) -> &str {
        self.written.text(&format!("{field}_{number}"))
    }
}

#[derive(Deserialize)]
pub(crate) struct From {
    /// The request that this one goes on from.
    follows: Option<String>,
    relation: Option<String>,
}

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    who: Who,
    Query(from): Query<From>,
) -> Response {
    let mut written = Fields::default();
    written.set("marking", Tlp::Amber.label());
    for (name, value) in [("follows", from.follows), ("relation", from.relation)] {
        written.set(name, &value.unwrap_or_default());
    }
    page(&app, t, &who, written, None).await
}

pub(crate) async fn act(
    State(app): State<App>,
    t: Language,
    who: Who,
    Posted(mut form): Posted<Fields>,
) -> Response {
    if form.text("act") == "more" {
        form.set("items", &(form.items() + 1).min(MOST).to_string());
        return page(&app, t, &who, form, None).await;
    }
    if form.text("act") != "send" {
        return page(&app, t, &who, form, None).await;
    }
    let command = command_of(&form);
    match app.node.state(&who.0, Some(form.text("terms")), None, command).await {
        Ok(Stated::Waits(draft)) => Redirect::to(&format!("/drafts/{draft}")).into_response(),
        Ok(Stated::Now(done)) => {
            Redirect::to(&format!("/requests/{}", done.thread)).into_response()
        }
        Err(Error::Store(error)) => internal(t, &error),
        Err(error) => {
            let problem = Some(problem::text(t, &error));
            let page = page(&app, t, &who, form, problem).await;
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}

fn command_of(form: &Fields) -> Command {
    let class = Some(form.text("class")).filter(|class| !class.is_empty());
    let exercise = !form.text("exercise").is_empty();
    Command::Send { class: class.map(str::to_owned), exercise, ask: form.ask() }
}

async fn page(
    app: &App,
    t: Language,
    who: &Who,
    written: Fields,
    mut problem: Option<String>,
) -> Response {
    if who.0.may(Right::State).is_err() {
        return denied(app, t, &who.0);
    }
    let all = app.node.agreements();
    let open: Vec<_> = all.iter().filter(|agreement| !agreement.is_closed()).collect();
    let chosen = open.iter().find(|a| a.terms.hash().to_hex() == written.text("terms"));
    let Some(agreement) = chosen.or(open.first()) else {
        return Redirect::to("/agreements").into_response();
    };
    let terms = &agreement.terms;
    let (mut missing, mut preview) = (Vec::new(), None);
    if written.text("act") == "check" {
        let command = command_of(&written);
        let decided = command::decide(terms, app.node.party(), None, ThreadId([0; 16]), &command);
        match (decided, &command) {
            (Err(wrong), _) => problem = Some(problem::text(t, &Error::Command(wrong))),
            (Ok(_), Command::Send { class, ask, .. }) => {
                let prompts = prompt::missing(terms, class.as_deref(), ask);
                missing = prompts.into_iter().map(|p| (p.place, p.ask.to_owned())).collect();
                let mut lines = Vec::new();
                let said = serde_json::to_value(ask).unwrap_or_default();
                spell("", &said, &mut lines);
                preview = Some(lines);
            }
            (Ok(_), _) => {}
        }
    }
    let us = terms.party(app.node.party()).map(|party| party.name.clone());
    let them = terms.peer_of(app.node.party()).map(|party| party.name.clone());
    let named = |names: &[&'static str], prefix: &str| {
        names.iter().map(|name| (*name, t.text(&format!("{prefix}-{name}")))).collect()
    };
    let mut frame = Frame::of(app, t, &who.0, "requests", 0);
    frame.exercise = !written.text("exercise").is_empty() || is_exercise(app).await;
    let numbers = (1..=written.items()).collect();
    let page = Page {
        t,
        agreements: open
            .iter()
            .map(|a| (a.terms.hash().to_hex(), a.terms.title(t.code()).to_owned()))
            .collect(),
        classes: terms
            .classes
            .iter()
            .map(|class| {
                let text = class.definition.in_language(t.code());
                (class.id.clone(), format!("{}: {text}", class.id))
            })
            .collect(),
        kinds: terms
            .kinds
            .iter()
            .map(|kind| (kind.id.clone(), super::request::kind_of(t, terms, &kind.id)))
            .collect(),
        infrastructure: if terms.kinds.iter().any(|k| k.maps_to == RequestKind::Takedown) {
            named(
                &[
                    "command-and-control",
                    "malware-distribution",
                    "phishing",
                    "exfiltration",
                    "attack",
                    "botnet",
                ],
                "infrastructure",
            )
        } else {
            Vec::new()
        },
        categories: named(
            &["subscriber", "identification", "traffic", "content", "technical"],
            "category",
        ),
        relations: named(&["follow-up", "extension", "disclosure"], "relation"),
        markings: [Tlp::Red, Tlp::AmberStrict, Tlp::Amber, Tlp::Green, Tlp::Clear]
            .map(Tlp::label)
            .into(),
        not_carried: terms.not_carried.iter().map(|one| one.id.clone()).collect(),
        more: written.items() < MOST,
        numbers,
        problem,
        missing,
        preview,
        readers: t.with(
            "readers-text",
            [("us", us.unwrap_or_default()), ("them", them.unwrap_or_default())],
        ),
        written,
        frame,
    };
    render(t, &page)
}

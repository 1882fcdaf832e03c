//! `/requests/new`: a request, in the order in which an officer thinks; what is missing is said before it
//! leaves, and the text that leaves is shown. An emergency is never held up.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use std::sync::Arc;

use comity_node::Error;
use comity_node::node::Agreement as Signed;
use comity_rules::ThreadId;
use comity_rules::access::Right;
use comity_rules::agreement::{Agreement, RequestKind};
use comity_rules::command::{self, Command};
use comity_rules::content::{Ask, Attachment, Infrastructure, Tlp};
use comity_rules::prompt::{self, Want};
use serde::Deserialize;

use super::fields::{Fields, MOST};
use super::upload::Written;
use super::{Frame, agreements, internal, place, render};
use crate::App;
use crate::language::Language;
use crate::problem;
use crate::said;
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
    definitions: Vec<[String; 3]>,
    /// Templates: id and name.
    templates: Vec<(String, String)>,
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
    /// The template that it is made from, and under which terms.
    template: Option<String>,
    terms: Option<String>,
    /// How many questions it has room for.
    items: Option<String>,
}

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    who: Who,
    Query(from): Query<From>,
) -> Response {
    let terms = from.terms.unwrap_or_default();
    let (mut written, mut problem) = (Fields::default(), None);
    written.set("marking", Tlp::Amber.label());
    if let (Some(id), Some(agreement)) = (from.template, chosen(&open(&app), &terms)) {
        match app.node.template(&id) {
            Ok(template) => {
                let (ask, missing) = template.fill(&agreement.terms, t.code());
                written = Fields::of(&ask);
                if !missing.is_empty() {
                    let kinds =
                        missing.iter().map(|kind| t.text(&format!("asked-{}", kind.as_str())));
                    let kinds = kinds.collect::<Vec<_>>().join(", ");
                    problem = Some(t.with("template-lacks", [("kinds", kinds)]));
                }
            }
            Err(error) => problem = Some(problem::text(t, &error)),
        }
    }
    for (name, value) in
        [("follows", from.follows), ("relation", from.relation), ("terms", Some(terms))]
    {
        written.set(name, &value.unwrap_or_default());
    }
    if let Some(items) = from.items {
        written.set("items", &items);
    }
    page(&app, t, &who, written, problem).await
}

/// The agreements under which something can be asked.
fn open(app: &App) -> Vec<Arc<Signed>> {
    app.node.in_force()
}

/// The agreement that is meant, or the first.
fn chosen<'a>(open: &'a [Arc<Signed>], terms: &str) -> Option<&'a Arc<Signed>> {
    open.iter().find(|agreement| agreement.terms.hash().to_hex() == terms).or(open.first())
}

pub(crate) async fn act(
    State(app): State<App>,
    t: Language,
    who: Who,
    Written(mut form): Written,
) -> Response {
    if form.text("act") == "more" {
        form.set("items", &(form.items() + 1).min(MOST).to_string());
    }
    if form.text("act") != "send" {
        return page(&app, t, &who, form, None).await;
    }
    let command = match command_of(&app, t, &who, &form) {
        Ok(command) => command,
        Err(problem) => {
            let page = page(&app, t, &who, form, Some(problem)).await;
            return (StatusCode::UNPROCESSABLE_ENTITY, page).into_response();
        }
    };
    match app.node.state(&who.0, Some(form.text("terms")), None, command).await {
        Ok(stated) => {
            app.uploads.done(&form);
            Redirect::to(&place(stated, "requests")).into_response()
        }
        Err(Error::Store(error)) => internal(t, &error),
        Err(error) => {
            let problem = Some(problem::text(t, &error));
            let page = page(&app, t, &who, form, problem).await;
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}

fn command_of(app: &App, t: Language, who: &Who, form: &Fields) -> Result<Command, String> {
    let class = Some(form.text("class")).filter(|class| !class.is_empty());
    let exercise = !form.text("exercise").is_empty();
    let attachments = app.uploads.attachments(t, who, form)?;
    let ask = Ask { attachments, ..form.ask() };
    Ok(Command::Send { class: class.map(str::to_owned), exercise, ask })
}

/// What a request lacks, and the text that leaves.
type Checked = (Vec<(String, String)>, Vec<(String, String)>);

/// Whether the rules allow it.
fn checked(
    app: &App,
    t: Language,
    who: &Who,
    terms: &Agreement,
    written: &Fields,
) -> Result<Checked, String> {
    let command = command_of(app, t, who, written)?;
    command::decide(terms, app.node.party(), None, ThreadId([0; 16]), &command)
        .map_err(|wrong| problem::text(t, &Error::Command(wrong)))?;
    comity_node::people::fits(&command).map_err(|wrong| problem::text(t, &wrong))?;
    let Command::Send { class, mut ask, .. } = command else { return Ok(Checked::default()) };
    let prompts = prompt::missing(terms, class.as_deref(), &ask);
    let want = |want: Want| t.text(&format!("want-{}", want.code()));
    let missing =
        prompts.into_iter().map(|one| (said::place(t, &one.place), want(one.ask))).collect();
    let files = std::mem::take(&mut ask.attachments);
    let mut lines = said::spell(t, &serde_json::to_value(&ask).unwrap_or_default());
    let file = |file: &Attachment| format!("{} ({} B)", file.name, file.bytes.len());
    lines.extend(files.iter().map(|one| (t.text("attachments"), file(one))));
    Ok((missing, lines))
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
    let open = open(app);
    let Some(agreement) = chosen(&open, written.text("terms")) else {
        return Redirect::to("/agreements").into_response();
    };
    let terms = &agreement.terms;
    let (mut missing, mut preview) = (Vec::new(), None);
    if written.text("act") == "check" {
        match checked(app, t, who, terms, &written) {
            Ok((prompts, lines)) => (missing, preview) = (prompts, Some(lines)),
            Err(wrong) => problem = Some(wrong),
        }
    }
    let mut words = super::request::words(&written.ask());
    let class = Some(written.text("class")).filter(|class| !class.is_empty());
    if class.is_none() {
        // All are offered.
        let offered = terms.classes.iter().flat_map(|one| one.definition.all());
        words.extend(offered.flat_map(|(_, said)| ["\n", said]));
    }
    let definitions = agreements::defined(t, terms, class, &words);
    let templates = match app.node.templates() {
        Ok(all) => {
            all.into_iter().map(|one| (one.id, one.name.in_language(t.code()).to_owned())).collect()
        }
        // One of ours is none: the page works, and says so.
        Err(error) => {
            problem.get_or_insert(problem::text(t, &error));
            Vec::new()
        }
    };
    let us = terms.party(app.node.party()).map(|party| party.name.clone());
    let them = terms.peer_of(app.node.party()).map(|party| party.name.clone());
    let named = |names: &[&'static str], prefix: &str| {
        names.iter().map(|name| (*name, t.text(&format!("{prefix}-{name}")))).collect()
    };
    let mut frame = Frame::of(app, t, &who.0, "requests", 0);
    frame.exercise |= !written.text("exercise").is_empty();
    let numbers = (1..=written.items()).collect();
    let page = Page {
        t,
        agreements: agreements::named(t, &open),
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
            named(&Infrastructure::ALL.map(Infrastructure::as_str), "infrastructure")
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
        definitions,
        templates,
        readers: t.with(
            "readers-text",
            [("us", us.unwrap_or_default()), ("them", them.unwrap_or_default())],
        ),
        written,
        frame,
    };
    render(t, &page)
}

//! `/intelligence/objects/<id>`: an object, what it is related to, who sees it, and where it comes from.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use comity_node::Error;
use comity_node::intel::{Around, Sees, Shown, stamp};
use comity_rules::access::Right;
use serde_json::Value;

use super::intelligence::{Line, Row, marking};
use super::{Frame, Move, Named, Posted, internal, not_found, render};
use crate::App;
use crate::language::Language;
use crate::problem;
use crate::session::Who;

/// What stands above the whole, in this order.
const FACTS: [&str; 16] = [
    "description",
    "pattern",
    "value",
    "valid_from",
    "valid_until",
    "first_seen",
    "last_seen",
    "published",
    "relationship_type",
    "confidence",
    "labels",
    "indicator_types",
    "malware_types",
    "threat_actor_types",
    "aliases",
    "hashes",
];

struct Related {
    how: String,
    id: String,
    name: String,
    kind: String,
    marking: String,
    is_here: bool,
}

struct Reading {
    title: String,
    alias: String,
    is_there: bool,
    /// What the button says.
    share: String,
    /// Name, clearance, and what it would see.
    tools: Vec<(String, String, String)>,
}

#[derive(Template)]
#[template(path = "object.html")]
struct Page {
    frame: Frame,
    row: Row,
    marking_class: String,
    problem: Option<String>,
    done: Option<String>,
    facts: Vec<(String, String)>,
    json: String,
    related: Vec<Related>,
    shared: Vec<(String, Vec<Row>, bool)>,
    viewers: Vec<Reading>,
    batches: Vec<Line>,
    versions: Vec<String>,
    gathers: bool,
    releases: bool,
}

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<String>,
) -> Response {
    page(&app, t, who, &id, (None, None)).await
}

pub(crate) async fn act(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<String>,
    Posted(form): Posted<Move>,
) -> Response {
    let ids = [id.clone()];
    let result = match form.act.as_str() {
        "delete" => match app.node.delete_intelligence(&who.0, &ids).await {
            Ok(_) => return Redirect::to("/intelligence").into_response(),
            Err(error) => Err(error),
        },
        "share" => match app.node.collection(&form.text).await {
            Ok(collection) => app.node.share(&who.0, &collection, &ids).await.map(|count| {
                let count = count.to_string();
                t.with("intel-shared-now", [("count", count), ("collection", collection.title)])
            }),
            Err(error) => Err(error),
        },
        _ => return not_found(State(app), t, who).await,
    };
    match result {
        Ok(done) => page(&app, t, who, &id, (None, Some(done))).await,
        Err(error) => page(&app, t, who, &id, (Some(problem::text(t, &error)), None)).await,
    }
}

async fn page(
    app: &App,
    t: Language,
    who: Who,
    id: &str,
    (problem, done): (Option<String>, Option<String>),
) -> Response {
    let around = match app.node.around(&who.0, id).await {
        Ok(around) => around,
        Err(Error::Missing { .. }) => return not_found(State(app.clone()), t, who).await,
        Err(error) => return internal(t, &error),
    };
    let viewers = match app.node.viewers(&around.shown.object).await {
        Ok(viewers) => viewers,
        Err(error) => return internal(t, &error),
    };
    let viewers = viewers.into_iter().map(|one| Reading {
        share: t.with("intel-share", [("collection", one.collection.title.clone())]),
        title: one.collection.title,
        alias: one.collection.alias,
        is_there: one.is_there,
        tools: one
            .tools
            .into_iter()
            .map(|(tool, sees)| {
                let key = match sees {
                    Sees::Whole => "intel-sees-whole",
                    Sees::Part => "intel-sees-part",
                    Sees::Nothing => "intel-sees-nothing",
                };
                let (tlp, pap) = (tool.clearance.tlp.label(), tool.clearance.pap.label());
                (tool.name, format!("{tlp} {pap}"), t.text(key))
            })
            .collect(),
    });
    let value: Value = serde_json::from_slice(&around.shown.object.marked.body).unwrap_or_default();
    let tlp = around.shown.tlp.label().to_ascii_lowercase().replace([':', '+'], "-");
    let mut facts: Vec<(String, String)> = FACTS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), said(value.get(*name)?))))
        .collect();
    let statements = around.shown.statements.iter();
    facts.extend(statements.map(|one| (t.text("intel-statement"), one.clone())));
    let related = related(t, &around);
    let shared = |(value, others, more): &(String, Vec<Shown>, bool)| {
        (value.clone(), others.iter().map(|one| Row::of(t, one)).collect(), *more)
    };
    let page = Page {
        frame: Frame::of(app, t, &who.0, "intelligence", 0),
        row: Row::of(t, &around.shown),
        marking_class: tlp,
        problem,
        done,
        facts,
        json: serde_json::to_string_pretty(&value).unwrap_or_default(),
        related,
        shared: around.shared.iter().map(shared).collect(),
        viewers: viewers.collect(),
        versions: around.versions.iter().map(|version| version_of(t, *version)).collect(),
        batches: around.batches.into_iter().map(|batch| Line::of(t, batch)).collect(),
        gathers: who.0.may(Right::Gather).is_ok(),
        releases: who.0.may(Right::Release).is_ok(),
    };
    render(t, &page)
}

/// What it refers to and what refers to it; a relationship as what it says of the other end.
fn related(t: Language, around: &Around) -> Vec<Related> {
    let own = &around.shown.object.id;
    let of = |how: String, id: &str, there: Option<&Shown>| Related {
        how,
        id: id.to_owned(),
        name: there.map_or_else(|| id.to_owned(), |shown| shown.name.clone()),
        kind: there.map_or_else(String::new, |shown| shown.object.kind.clone()),
        marking: there.map(marking).unwrap_or_default(),
        is_here: there.is_some(),
    };
    let refers = around.refers.iter().map(|(how, id, there)| of(how.clone(), id, there.as_ref()));
    let referring = around.referring.iter().map(|(shown, other)| {
        let value: Value = serde_json::from_slice(&shown.object.marked.body).unwrap_or_default();
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        // A relationship is its other end, and in which direction.
        match (shown.object.kind.as_str(), text("source_ref") == *own) {
            ("relationship", true) => {
                of(format!("{} →", text("relationship_type")), &text("target_ref"), other.as_ref())
            }
            ("relationship", false) => {
                of(format!("← {}", text("relationship_type")), &text("source_ref"), other.as_ref())
            }
            _ => of(t.text("intel-named-by"), &shown.object.id, Some(shown)),
        }
    });
    refers.chain(referring).collect()
}

/// A value as people read it.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(said).collect::<Vec<_>>().join(", "),
        Value::Object(all) => all
            .iter()
            .map(|(name, value)| format!("{name}: {}", said(value)))
            .collect::<Vec<_>>()
            .join("\n"),
        other => other.to_string(),
    }
}

/// A version in words: what names none has the first moments of 1970.
fn version_of(t: Language, version: i64) -> String {
    if (0..1_000_000).contains(&version) { t.text("intel-unversioned") } else { stamp(version) }
}

//! One file a page.

pub(crate) mod agreements;
pub(crate) mod bulk;
pub(crate) mod compose;
pub(crate) mod desk;
pub(crate) mod dialogue;
pub(crate) mod drafts;
pub(crate) mod exercises;
mod fields;
pub(crate) mod hotline;
pub(crate) mod intelligence;
pub(crate) mod ledger;
pub(crate) mod live;
pub(crate) mod matter;
pub(crate) mod object;
pub(crate) mod oversight;
pub(crate) mod request;
pub(crate) mod requests;
mod statement;
mod terms;
pub(crate) mod upload;

use askama::Template;
use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use comity_node::dossier::Line;
use comity_node::people::Stated;
use comity_rules::PartyId;
use comity_rules::access::{Person, Role};
use comity_rules::request::Desired;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::language::Language;
use crate::session::Who;
use crate::when::{self, Due, Zones};
use crate::{App, timeline};

/// What stands around every page.
pub(crate) struct Frame {
    pub(crate) t: Language,
    /// Which place is lit.
    pub(crate) place: &'static str,
    pub(crate) party: String,
    /// The hour here.
    pub(crate) hour: String,
    /// How many things wait for us.
    pub(crate) waiting: usize,
    /// How much this node had seen change when the page was made.
    pub(crate) seen: u64,
    /// Something of an exercise is on the page.
    pub(crate) exercise: bool,
    /// Whatever is done here is one.
    pub(crate) is_ground: bool,
    person: Person,
}

impl Frame {
    pub(crate) fn of(
        app: &App,
        t: Language,
        person: &Person,
        place: &'static str,
        waiting: usize,
    ) -> Self {
        let card = app.node.card();
        let zone = jiff::tz::TimeZone::get(&card.zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let now = app.node.now().to_zoned(zone);
        let hour = format!("{} {} {}", when::weekday(t, &now), when::clock(&now), card.zone);
        let (party, person) = (card.name.clone(), person.clone());
        let seen = app.node.change_count();
        let is_ground = app.node.home().config().exercise;
        Self { t, place, party, hour, waiting, seen, exercise: is_ground, is_ground, person }
    }

    /// Who is signed in, as what, for whom.
    pub(crate) fn who(&self) -> String {
        let role = self.t.text(&format!("role-{}", self.person.role));
        if self.person.role == Role::Operator {
            return role;
        }
        match &self.person.authority {
            Some(authority) => format!("{} · {role} · {authority}", self.person.name),
            None => format!("{} · {role}", self.person.name),
        }
    }

    /// That one's role may not, and which may.
    pub(crate) fn denied(&self) -> String {
        let role = self.t.text(&format!("role-{}", self.person.role));
        self.t.with("denied", [("name", self.person.name.clone()), ("role", role)])
    }
}

/// A request in a list.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) class: String,
    pub(crate) between: String,
    pub(crate) status: String,
    pub(crate) spark: String,
    pub(crate) due: Due,
    /// The step of the ladder that it has reached.
    pub(crate) rung: Option<String>,
    pub(crate) exercise: bool,
    /// Whether its terms are over: nothing can be stated about it.
    pub(crate) ended: bool,
}

impl Row {
    pub(crate) fn of(app: &App, t: Language, line: &Line) -> Self {
        let request = &line.summary.request;
        let name = |id: &PartyId| line.agreement.terms.name_of(id);
        let zones = Zones::of(line, app.node.party());
        let title = &line.summary.title;
        Self {
            id: request.thread.to_string(),
            title: if title.is_empty() { t.text("content-gone") } else { title.clone() },
            class: request.class.clone().unwrap_or_else(|| t.text("class-none")),
            between: t
                .with("from-to", [("from", name(&request.asker)), ("to", name(&request.receiver))]),
            // The asker has the last word.
            status: match line.standing.desired {
                Desired::Withdrawn => t.text("desired-withdrawn"),
                _ => t.text(&format!("status-{}", line.standing.status)),
            },
            spark: timeline::spark(line),
            due: when::due(t, line, app.node.party(), &zones, app.node.now()),
            rung: line.rung.as_ref().map(|rung| {
                let trigger = t.text(&format!("trigger-{}", rung.trigger.as_str()));
                let numbers = [("step", rung.step.to_string()), ("of", rung.of.to_string())];
                let [step, of] = numbers;
                t.with(
                    "ladder-step",
                    [
                        step,
                        of,
                        ("to", rung.to.in_language(t.code()).to_owned()),
                        ("trigger", trigger),
                    ],
                )
            }),
            exercise: request.exercise,
            ended: line.agreement.is_closed(),
        }
    }
}

/// Whether a page of requests is one of an exercise: each row says so of itself, and beside a real case the page does not.
pub(crate) fn is_exercise(lines: &[Line]) -> bool {
    !lines.is_empty() && lines.iter().all(|line| line.summary.request.exercise)
}

/// A form that was posted; one that is none, or too large, is refused in the reader's language.
pub(crate) struct Posted<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(t) = Language::from_request_parts(&mut parts, state).await;
        let form = Form::from_request(Request::from_parts(parts, body), state).await;
        form.map(|Form(form)| Self(form)).map_err(|rejection| {
            let status = rejection.status();
            let large = status == StatusCode::PAYLOAD_TOO_LARGE;
            let key = if large { "form-too-large" } else { "no-such-form" };
            (status, t.text(key) + "\n").into_response()
        })
    }
}

/// Where to look at what was stated, or waits to be.
fn place(stated: Stated, folder: &str) -> String {
    match stated {
        Stated::Waits(draft) => format!("/drafts/{draft}"),
        Stated::Now(done) => format!("/{folder}/{}", done.thread),
    }
}

/// A move of the person at the desk.
#[derive(Deserialize)]
pub(crate) struct Move {
    pub(crate) act: String,
    #[serde(default)]
    pub(crate) text: String,
}

/// What an address names; one that names nothing there can be is not found, as any other.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Named<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Ok(t) = Language::from_request_parts(parts, app).await;
        match Path::from_request_parts(parts, app).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(_) => {
                let who = Who::from_request_parts(parts, app).await;
                let who = who.map_err(axum::response::IntoResponse::into_response)?;
                Err(not_found(State(app.clone()), t, who).await)
            }
        }
    }
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFound {
    frame: Frame,
}

pub(crate) async fn not_found(State(app): State<App>, t: Language, who: Who) -> Response {
    let page = NotFound { frame: Frame::of(&app, t, &who.0, "", 0) };
    (StatusCode::NOT_FOUND, render(t, &page)).into_response()
}

/// `GET /static/<file>`: the style sheet, and the script that pages can do without.
pub(crate) async fn assets(Path(file): Path<String>) -> Response {
    let (kind, text) = match file.as_str() {
        "comity.css" => ("text/css; charset=utf-8", include_str!("../../static/comity.css")),
        "comity.js" => ("text/javascript; charset=utf-8", include_str!("../../static/comity.js")),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, text).into_response()
}

pub(crate) fn render(t: Language, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => internal(t, &error),
    }
}

/// A file that went with something: never shown in the browser, for it is somebody else's.
fn download(name: &str, bytes: Vec<u8>) -> Response {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let safe: String = name.chars().map(plain).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{safe}\"")),
    ];
    (headers, bytes).into_response()
}

/// Something that is not the reader's fault: in the log, not on the page.
pub(crate) fn internal(t: Language, error: &dyn std::fmt::Display) -> Response {
    tracing::error!(%error, "a page");
    (StatusCode::INTERNAL_SERVER_ERROR, t.text("internal") + "\n").into_response()
}

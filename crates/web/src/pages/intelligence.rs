//! `/intelligence`: finding objects, bringing some in, and what came of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use axum::extract::{Multipart, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use comity_node::Error;
use comity_node::intel::{
    Batch, Collection, Import, Pap, Parsed, Problem, Report, Shown, Tlp, query, stamp,
};
use comity_rules::access::Right;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{Frame, Named, internal, not_found, render};
use crate::App;
use crate::language::Language;
use crate::session::{Who, denied};
use crate::{problem, when};

/// Bytes of a file that a browser brings; larger ones come by `comity intel import`.
pub(crate) const MOST: usize = 64 << 20;

/// How long a browser may take for it.
const PATIENCE: Duration = Duration::from_secs(600);

const PAGE: u64 = 50;

/// Batches on the first page.
const BATCHES: u64 = 10;

/// Imports that are remembered after they ended.
const ENDED: usize = 50;

/// Refusals on one page.
const REFUSALS: usize = 200;

/// Imports that go on, or ended lately, by their numbers.
#[derive(Default)]
pub(crate) struct Imports(Mutex<BTreeMap<u64, Arc<Going>>>);

struct Going {
    file: String,
    began: Instant,
    /// How many of how many.
    done: Mutex<(usize, usize)>,
    ended: Mutex<Option<Result<Report, Error>>>,
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    q: Option<String>,
    before: Option<String>,
}

/// An object in a list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) marking: String,
    /// Which version it is, where there is a later one.
    pub(super) earlier: Option<String>,
}

/// A batch in a list.
pub(super) struct Line {
    pub(super) num: u64,
    pub(super) at: String,
    pub(super) who: String,
    pub(super) through: String,
    pub(super) source: String,
    pub(super) marking: String,
    pub(super) outcome: String,
}

struct Refused {
    index: u64,
    id: String,
    why: String,
}

#[derive(Template)]
#[template(path = "intelligence.html")]
struct List {
    frame: Frame,
    count: String,
    query: String,
    problem: Option<String>,
    rows: Option<Vec<Row>>,
    older: Option<String>,
    gathers: bool,
    releases: bool,
    labels: [&'static str; 5],
    collections: Vec<Collection>,
    batches: Vec<Line>,
}

#[derive(Template)]
#[template(path = "importing.html")]
struct Importing {
    frame: Frame,
    file: String,
    said: String,
    done: usize,
    total: usize,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "batch.html")]
struct Brought {
    frame: Frame,
    batch: Line,
    /// Values and the warning lists that know them.
    harmless: Vec<[String; 2]>,
    refusals: Vec<Refused>,
    /// How many more there are.
    more: Option<String>,
}

impl Row {
    pub(super) fn of(t: Language, shown: &Shown) -> Self {
        let of = [("version", stamp(shown.object.version))];
        Self {
            id: shown.object.id.clone(),
            kind: shown.object.kind.clone(),
            name: shown.name.clone(),
            marking: marking(shown),
            earlier: shown.superseded.then(|| t.with("intel-earlier", of)),
        }
    }
}

impl Line {
    pub(super) fn of(t: Language, batch: Batch) -> Self {
        let report: Report = serde_json::from_str(&batch.report).unwrap_or_default();
        let number = |count: u64| count.to_string();
        Self {
            num: batch.num,
            at: at(t, batch.at),
            who: batch.who,
            through: t.text(&format!("through-{}", batch.through)),
            source: batch.source,
            marking: batch.marking,
            outcome: t.with(
                "intel-outcome",
                [
                    ("objects", number(report.objects)),
                    ("new", number(report.new)),
                    ("known", number(report.known)),
                    ("refused", number(report.refused)),
                ],
            ),
        }
    }
}

/// The labels of an object, as they are written.
pub(super) fn marking(shown: &Shown) -> String {
    let labels = [Some(shown.tlp.label()), shown.pap.map(Pap::label)];
    labels.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// A time in microseconds since 1970, with its hour and zone.
pub(super) fn at(t: Language, micros: i64) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or_default();
    format!("{} UTC", when::day(t, &time.to_zoned(TimeZone::UTC)))
}

pub(crate) async fn list(
    State(app): State<App>,
    t: Language,
    who: Who,
    Query(asked): Query<Asked>,
) -> Response {
    match find(&app, t, &who, asked).await {
        Ok(page) => {
            let status =
                if page.problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
            (status, render(t, &page)).into_response()
        }
        Err(error) => internal(t, &error),
    }
}

async fn find(app: &App, t: Language, who: &Who, asked: Asked) -> Result<List, Error> {
    let query = asked.q.unwrap_or_default();
    let before = asked.before.and_then(|before| before.parse().ok());
    let (mut rows, mut older, mut problem) = (None, None, None);
    if !query.trim().is_empty() {
        match query::parse(&query) {
            Err(wrong) => problem = Some(said(t, &wrong)),
            Ok(parsed) => {
                let found = app.node.search(&who.0, &query, before, PAGE).await?;
                if found.len() as u64 == PAGE && matches!(parsed, Parsed::Find(_)) {
                    let last = found.last().map_or(0, |shown| shown.object.num);
                    older = Some(format!("/intelligence?q={}&before={last}", encoded(&query)));
                }
                rows = Some(found.iter().map(|one| Row::of(t, one)).collect());
            }
        }
    }
    let (count, collections, batches) = app.node.overview(&who.0, BATCHES).await?;
    Ok(List {
        frame: Frame::of(app, t, &who.0, "intelligence", 0),
        count: t.with("intel-count", [("count", count.to_string())]),
        query,
        problem,
        rows,
        older,
        gathers: who.0.may(Right::Gather).is_ok(),
        releases: who.0.may(Right::Release).is_ok(),
        labels: Tlp::ALL.map(Tlp::label),
        collections,
        batches: batches.into_iter().map(|batch| Line::of(t, batch)).collect(),
    })
}

/// What is wrong with a query, in the reader's language.
fn said(t: Language, wrong: &Problem) -> String {
    let about = |key: &str, what: &str| t.with(key, [("what", what.to_owned())]);
    match wrong {
        Problem::Empty => t.text("query-empty"),
        Problem::Field(name) => about("query-field", name),
        Problem::Label(label, of) => {
            t.with("query-label", [("what", label.clone()), ("of", (*of).to_owned())])
        }
        Problem::Star(name) => about("query-star", name),
        Problem::Open(_) => t.text("query-open"),
        Problem::Word(word) => about("query-word", word),
        Problem::OnlyNot => t.text("query-only-not"),
        Problem::Long => t.text("query-long"),
    }
}

/// The form's address, typed or bookmarked.
pub(crate) async fn back() -> Redirect {
    Redirect::to("/intelligence")
}

/// `POST /intelligence/import`: takes a file, and goes on with it by itself.
pub(crate) async fn import(
    State(app): State<App>,
    t: Language,
    Who(person): Who,
    form: Multipart,
) -> Response {
    if person.may(Right::Gather).is_err() {
        return denied(&app, t, &person);
    }
    let given = match tokio::time::timeout(PATIENCE, read(form)).await {
        Ok(Ok(given)) => given,
        Ok(Err(status)) if status == StatusCode::PAYLOAD_TOO_LARGE => {
            return (status, t.text("intel-too-large") + "\n").into_response();
        }
        Ok(Err(_)) | Err(_) => {
            return (StatusCode::BAD_REQUEST, t.text("no-such-form") + "\n").into_response();
        }
    };
    let Some(marking) = Tlp::parse(&given.marking) else {
        return (StatusCode::BAD_REQUEST, t.text("no-such-form") + "\n").into_response();
    };
    let collection = match given.collection.as_str() {
        "" => None,
        // What goes into a collection goes out.
        _ if person.may(Right::Release).is_err() => return denied(&app, t, &person),
        name => match app.node.collection(name).await {
            Ok(found) => Some(found),
            Err(error) => return internal(t, &error),
        },
    };
    let going = Arc::new(Going {
        file: given.name.clone(),
        began: Instant::now(),
        done: Mutex::new((0, 1)),
        ended: Mutex::new(None),
    });
    let id = app.imports.put(Arc::clone(&going));
    let import = Import {
        bytes: given.bytes.into(),
        who: person.name.clone(),
        through: "import",
        source: given.name,
        remote: String::new(),
        marking,
        collection,
        key: String::new(),
        returns: false,
        reader: None,
        reads: true,
    };
    tokio::spawn(async move {
        let progress = |done, total| {
            *going.done.lock().unwrap_or_else(PoisonError::into_inner) = (done, total);
        };
        let ended = app.node.bring_in(&person, import, &progress).await;
        *going.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    });
    Redirect::to(&format!("/intelligence/import/{id}")).into_response()
}

/// `GET /intelligence/import/<id>`: how far it is; at its end, what came of it.
pub(crate) async fn importing(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<u64>,
) -> Response {
    let Some(going) = app.imports.get(id) else { return not_found(State(app), t, who).await };
    let (done, total) = *going.done.lock().unwrap_or_else(PoisonError::into_inner);
    let problem = match &*going.ended.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(Ok(report)) => {
            return Redirect::to(&format!("/intelligence/batches/{}", report.batch))
                .into_response();
        }
        Some(Err(Error::Refused(why))) => Some(t.with("intel-no-file", [("why", why.clone())])),
        Some(Err(error)) => Some(problem::text(t, error)),
        None => None,
    };
    let seconds = going.began.elapsed().as_secs_f64().max(0.001);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "for people"
    )]
    let (rate, left) = {
        let rate = done as f64 / seconds;
        let left = total.saturating_sub(done) as f64 / rate.max(0.001);
        (rate.round() as u64, left.ceil().min(1e6) as u64)
    };
    let said = t.with(
        "intel-progress",
        [
            ("done", done.to_string()),
            ("total", total.to_string()),
            ("rate", rate.to_string()),
            ("left", left.to_string()),
        ],
    );
    let frame = Frame::of(&app, t, &who.0, "intelligence", 0);
    let file = going.file.clone();
    render(t, &Importing { frame, file, said, done, total, problem })
}

/// `GET /intelligence/batches/<num>`: what came at once, and what of it was refused and why.
pub(crate) async fn batch(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(num): Named<u64>,
) -> Response {
    let batch = match app.node.batch(&who.0, num).await {
        Ok(Some(batch)) => batch,
        Ok(None) => return not_found(State(app), t, who).await,
        Err(error) => return internal(t, &error),
    };
    let report: Report = serde_json::from_str(&batch.report).unwrap_or_default();
    let refusals: Vec<Refused> = report
        .refusals
        .iter()
        .take(REFUSALS)
        .map(|one| Refused {
            index: one.index,
            id: one.id.clone().unwrap_or_else(|| t.text("intel-no-id")),
            why: one.why.clone(),
        })
        .collect();
    let more = report.refused.saturating_sub(refusals.len() as u64);
    let more = (more > 0).then(|| t.with("intel-refused-more", [("count", more.to_string())]));
    let frame = Frame::of(&app, t, &who.0, "intelligence", 0);
    let harmless = report.harmless.into_iter().map(|one| [one.value, one.list]).collect();
    render(t, &Brought { frame, batch: Line::of(t, batch), harmless, refusals, more })
}

impl Imports {
    fn put(&self, going: Arc<Going>) -> u64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_ended =
            |going: &Going| going.ended.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if all.len() >= ENDED {
            all.retain(|_, going| !has_ended(going));
        }
        let id = all.last_key_value().map_or(1, |last| last.0 + 1);
        all.insert(id, going);
        id
    }

    fn get(&self, id: u64) -> Option<Arc<Going>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }
}

/// A file that came in a form.
#[derive(Default)]
struct Given {
    name: String,
    bytes: Vec<u8>,
    marking: String,
    collection: String,
}

async fn read(mut form: Multipart) -> Result<Given, StatusCode> {
    let mut given = Given::default();
    let status = |error: axum::extract::multipart::MultipartError| error.status();
    while let Some(field) = form.next_field().await.map_err(status)? {
        match field.name() {
            Some("file") => {
                let name = field.file_name().unwrap_or_default();
                given.name = name.chars().filter(|c| !c.is_control()).take(200).collect();
                given.bytes = field.bytes().await.map_err(status)?.to_vec();
            }
            Some("marking") => given.marking = field.text().await.map_err(status)?,
            Some("collection") => given.collection = field.text().await.map_err(status)?,
            _ => {}
        }
    }
    if given.bytes.is_empty() { Err(StatusCode::BAD_REQUEST) } else { Ok(given) }
}

/// A text in the query of an address.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let one =
        |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

//! Answers: the media type, the headers and the error bodies of TAXII 2.1.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comity_stix::marking::Clearance;
use comity_store::intel::feed::{Head, Page};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::filter::cursor;
use crate::intel::{Report, Taken, stamp};

/// Objects of one addition.
const OBJECTS: usize = 50_000;

const TAXII: &str = "application/taxii+json;version=2.1";

/// An answer of this media type.
pub(super) fn taxii(status: StatusCode, text: impl Into<Body>) -> Response {
    (status, [(header::CONTENT_TYPE, TAXII)], text.into()).into_response()
}

pub(super) fn json_reply(status: StatusCode, value: &Value) -> Response {
    taxii(status, value.to_string())
}

/// Why not.
pub(super) struct Problem {
    status: StatusCode,
    why: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, why } = self;
        let title = status.canonical_reason().unwrap_or("Error");
        let code = status.as_str();
        let value = json!({ "title": title, "description": why, "http_status": code });
        let mut response = json_reply(status, &value);
        if status == StatusCode::UNAUTHORIZED {
            let schemes = HeaderValue::from_static("Basic realm=\"TAXII\", Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, schemes);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        }
        response
    }
}

pub(super) fn problem(status: StatusCode, why: &str) -> Problem {
    Problem { status, why: why.to_owned() }
}

/// Where a page begins and ends.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    first: i64,
    pub(super) last: i64,
}

impl Ends {
    pub(super) fn of<T>(page: &Page<T>) -> Self {
        let added = |member: Option<&(i64, T)>| member.map_or(0, |member| member.0);
        Self { first: added(page.members.first()), last: added(page.members.last()) }
    }

    pub(super) fn headed(self, mut response: Response) -> Response {
        let ends =
            [("x-taxii-date-added-first", self.first), ("x-taxii-date-added-last", self.last)];
        for (name, time) in ends {
            if let Ok(value) = HeaderValue::from_str(&micros_stamp(time)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// A page of records; of an empty list not even the name is told.
pub(super) fn listed(name: &str, records: Vec<Value>, page: &Page<Head>) -> Response {
    if records.is_empty() {
        return json_reply(StatusCode::OK, &json!({}));
    }
    let ends = Ends::of(page);
    let mut value = Map::new();
    if page.more {
        value.insert("more".to_owned(), true.into());
        value.insert("next".to_owned(), cursor(ends.last).into());
    }
    value.insert(name.to_owned(), records.into());
    ends.headed(json_reply(StatusCode::OK, &value.into()))
}

/// A time as TAXII writes it: always with microseconds.
pub(super) fn micros_stamp(micros: i64) -> String {
    format!("{:.6}", Timestamp::from_microsecond(micros).unwrap_or_default())
}

/// What became of an object of an addition.
#[derive(Serialize)]
struct Said<'a> {
    id: Cow<'a, str>,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// What became of an addition.
#[derive(Serialize)]
struct Status<'a> {
    id: &'a str,
    status: &'static str,
    request_timestamp: String,
    total_count: u64,
    success_count: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    successes: Vec<Said<'a>>,
    failure_count: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<Said<'a>>,
    pending_count: u64,
}

/// What became of an addition, as its maker may know it: what is here and hidden from the tool is nothing that it may
/// learn this way.
pub(super) fn told(
    clearance: Clearance,
    id: &str,
    report: &Report,
    taken: &[Taken],
) -> Result<String, serde_json::Error> {
    let said = |id, version| Said { id, version: stamp(version), message: None };
    let mut successes: Vec<(u64, Said<'_>)> = taken
        .iter()
        .map(|one| (one.index, said(Cow::Borrowed(one.id.as_str()), one.version)))
        .collect();
    let mut failures = Vec::new();
    for refusal in &report.refusals {
        let id = refusal.id.as_deref().map(Cow::Borrowed);
        let id = id.unwrap_or_else(|| format!("object {}", refusal.index).into());
        let one = said(id, refusal.version.unwrap_or(report.at));
        if refusal.because_of.is_some_and(|audience| !audience.has(clearance)) {
            successes.push((refusal.index, one));
        } else {
            failures.push((refusal.index, Said { message: Some(&refusal.why), ..one }));
        }
    }
    serde_json::to_string(&Status {
        id,
        status: "complete",
        request_timestamp: micros_stamp(report.at),
        total_count: report.objects,
        success_count: successes.len(),
        failure_count: failures.len(),
        successes: ordered(successes),
        failures: ordered(failures),
        pending_count: 0,
    })
}

/// In the order in which they came.
fn ordered(mut list: Vec<(u64, Said<'_>)>) -> Vec<Said<'_>> {
    list.sort_by_key(|one| one.0);
    list.into_iter().map(|one| one.1).collect()
}

/// The password of Basic authentication.
pub(super) fn password(credentials: &str) -> Option<String> {
    let bytes = STANDARD.decode(credentials).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

/// Whether what came is an envelope with objects that can be read in one way: what an object says is judged one by one.
pub(super) fn envelope(body: &[u8]) -> Result<(), Problem> {
    let objects = objects(body)?;
    if objects.is_empty() {
        return Err(wrong("'objects' is empty"));
    }
    if objects.len() > OBJECTS {
        let why = format!("at most {OBJECTS} objects at once");
        return Err(problem(StatusCode::PAYLOAD_TOO_LARGE, &why));
    }
    let unread = objects.iter().enumerate().find_map(|(at, object)| {
        let error = comity_stix::json::parse(object.get().as_bytes()).err()?;
        Some(format!("objects[{at}]: {error}; nothing of this was taken"))
    });
    unread.map_or(Ok(()), |why| Err(wrong(&why)))
}

/// The objects of an envelope.
fn objects(body: &[u8]) -> Result<Vec<&RawValue>, Problem> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        objects: Vec<&'a RawValue>,
    }
    /// The same of whatever kind.
    #[derive(Deserialize)]
    struct Other<'a> {
        #[serde(borrow, default)]
        objects: Option<&'a RawValue>,
    }
    let bad = |why: &str| problem(StatusCode::BAD_REQUEST, why);
    if std::str::from_utf8(body).is_err() {
        return Err(bad("this is not in UTF-8"));
    }
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first != b'{') {
        return Err(wrong("this is no envelope: want an object with 'objects'"));
    }
    if let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(body) {
        return Ok(envelope.objects);
    }
    match serde_json::from_slice::<Other<'_>>(body) {
        Ok(Other { objects: Some(_) }) => Err(wrong("'objects' is no list")),
        Ok(Other { objects: None }) => Err(wrong("there is no 'objects'")),
        Err(error) if error.is_data() => Err(wrong(&error.to_string())),
        Err(error) => Err(bad(&error.to_string())),
    }
}

fn wrong(why: &str) -> Problem {
    problem(StatusCode::UNPROCESSABLE_ENTITY, why)
}

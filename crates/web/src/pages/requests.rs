//! `/requests`: all of them, newest first, by an opaque cursor; what is looked for stands in the address.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use comity_node::Error;
use comity_node::dossier::Line;
use comity_rules::PartyId;
use comity_rules::access::{Person, Right};
use comity_rules::request::{Desired, Status};
use serde::Deserialize;

use super::agreements;
use super::{Frame, Row, internal, is_exercise, render};
use crate::App;
use crate::language::Language;
use crate::session::Who;

/// Rows of a page.
const PAGE: usize = 50;

/// Requests that are looked through for one page; what is older comes with the next.
const LOOKED_AT: usize = 5_000;

/// Requests that are read at a time.
const READ: u64 = 500;

#[derive(Deserialize)]
pub(crate) struct Cursor {
    /// As the page before gave it; anything else is the first page.
    before: Option<String>,
    /// What is looked for.
    #[serde(default)]
    q: String,
    /// On how many requests a move was made just now.
    done: Option<u8>,
}

#[derive(Template)]
#[template(path = "requests.html")]
struct Requests {
    frame: Frame,
    rows: Vec<Row>,
    older: Option<u64>,
    query: String,
    /// What of the query could not be understood.
    unknown: Vec<String>,
    /// Chips: what they say, and the query with them.
    chips: Vec<(String, String)>,
    may_state: bool,
    definitions: Vec<[String; 3]>,
    /// How many a move was made on just now.
    done: Option<String>,
}

impl Requests {
    /// Whether anything can be stated about any of them.
    fn moves(&self) -> bool {
        self.may_state && self.rows.iter().any(|row| !row.ended)
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    who: Who,
    Query(cursor): Query<Cursor>,
) -> Response {
    let before = cursor.before.as_ref().and_then(|before| before.parse().ok());
    let query = Search::parse(&cursor.q);
    let (lines, older) = match find(&app, &who.0, &query, before).await {
        Ok(found) => found,
        Err(error) => return internal(t, &error),
    };
    let mut frame = Frame::of(&app, t, &who.0, "requests", 0);
    frame.exercise |= is_exercise(&lines);
    let chip = |(key, word): (&str, &str)| {
        let with = if cursor.q.split_whitespace().any(|known| known == word) {
            cursor.q.split_whitespace().filter(|known| *known != word).collect::<Vec<_>>().join(" ")
        } else {
            format!("{} {word}", cursor.q).trim().to_owned()
        };
        (t.text(key), with)
    };
    let chips = [
        ("chip-mine", "waits:us"),
        ("chip-theirs", "waits:them"),
        ("chip-overdue", "is:overdue"),
        ("chip-open", "is:open"),
        ("chip-exercise", "is:exercise"),
    ];
    let page = Requests {
        rows: lines.iter().map(|line| Row::of(&app, t, line)).collect(),
        done: cursor.done.map(|done| t.with("bulk-done", [("done", done), ("count", done)])),
        definitions: agreements::defined_in(t, agreements::said(lines.iter())),
        chips: chips.into_iter().map(chip).collect(),
        query: cursor.q.clone(),
        unknown: query.unknown(t),
        older,
        may_state: who.0.may(Right::State).is_ok(),
        frame,
    };
    render(t, &page)
}

/// Where a request can stand on the list.
fn statuses() -> impl Iterator<Item = &'static str> {
    Status::ALL.into_iter().map(Status::as_str).chain([Desired::Withdrawn.as_str()])
}

/// The next page of what is looked for, and the cursor of what is older.
pub(super) async fn find(
    app: &App,
    by: &Person,
    query: &Search,
    mut before: Option<u64>,
) -> Result<(Vec<Line>, Option<u64>), Error> {
    let (mut found, mut looked_at) = (Vec::new(), 0);
    loop {
        let lines = app.node.requests(by, query.open_only(), before, READ).await?.into_inner();
        if lines.is_empty() {
            return Ok((found, None));
        }
        for line in lines {
            before = Some(line.summary.seq);
            looked_at += 1;
            if query.takes(&line, app.node.party()) {
                found.push(line);
            }
            if found.len() == PAGE || looked_at == LOOKED_AT {
                let next = app.node.requests(by, query.open_only(), before, 1).await?;
                return Ok((found, before.filter(|_| !next.into_inner().is_empty())));
            }
        }
    }
}

/// What is looked for: words of titles, and `key:value`.
pub(super) struct Search(Vec<(String, String)>);

impl Search {
    pub(super) fn parse(text: &str) -> Self {
        let words = text.split_whitespace().take(20).map(str::to_lowercase);
        let pair = |word: String| match word.split_once(':') {
            Some((key, value)) if KEYS.contains(&key) => (key.to_owned(), value.to_owned()),
            _ => (String::new(), word),
        };
        Self(words.map(pair).collect())
    }

    /// What of it asks for something that nothing here has.
    fn unknown(&self, t: Language) -> Vec<String> {
        let known = |words: &[&str]| words.join(", ");
        let told = self.0.iter().filter_map(|(key, value)| match key.as_str() {
            "is" if !IS.contains(&value.as_str()) => {
                let found = [("text", format!("is:{value}")), ("known", known(&IS))];
                Some(t.with("search-unknown", found))
            }
            "status" if !statuses().any(|status| status.starts_with(value.as_str())) => {
                let all: Vec<_> = statuses().collect();
                let found = [("text", format!("status:{value}")), ("known", known(&all))];
                Some(t.with("search-unknown", found))
            }
            // Also looked for as it stands: a title may have a colon.
            "" => value.split_once(':').filter(|(key, _)| is_word(key)).map(|(key, _)| {
                t.with("search-no-key", [("text", format!("{key}:")), ("known", known(&KEYS))])
            }),
            _ => None,
        });
        told.collect()
    }

    fn open_only(&self) -> bool {
        self.0.iter().any(|(key, value)| {
            key == "waits" || key == "is" && (value == "open" || value == "overdue")
        })
    }

    fn takes(&self, line: &Line, us: &PartyId) -> bool {
        let request = &line.summary.request;
        self.0.iter().all(|(key, value)| match key.as_str() {
            "class" => request.class.as_ref().is_some_and(|c| c.to_lowercase().starts_with(value)),
            "status" => match line.standing.desired {
                Desired::Withdrawn => Desired::Withdrawn.as_str().starts_with(value.as_str()),
                _ => line.standing.status.as_str().starts_with(value.as_str()),
            },
            "from" => request.asker.as_str().starts_with(value.as_str()),
            "to" => request.receiver.as_str().starts_with(value.as_str()),
            "id" => request.thread.to_string().starts_with(value.as_str()),
            "under" => line.agreement.terms.id.to_lowercase().starts_with(value),
            "waits" => match value.as_str() {
                "us" => line.waits_for.as_ref() == Some(us),
                "them" => line.waits_for.as_ref().is_some_and(|party| party != us),
                party => line.waits_for.as_ref().is_some_and(|p| p.as_str() == party),
            },
            "is" => match value.as_str() {
                "overdue" => line.clocks.is_overdue(),
                "open" => !line.standing.is_over(),
                // It can go on no more: its terms have ended.
                "ended" => !line.standing.is_over() && line.agreement.is_closed(),
                "over" => line.standing.is_over(),
                "exercise" => request.exercise,
                "escalated" => line.standing.escalated || line.rung.is_some(),
                _ => false,
            },
            // Mails and commands name a request by its id.
            _ => {
                let id = value.len() >= 4 && request.thread.to_string().starts_with(value.as_str());
                let titles = [&line.summary.title, &line.summary.translated];
                id || titles.iter().any(|title| title.to_lowercase().contains(value))
            }
        })
    }
}

/// What stands before a colon.
const KEYS: [&str; 8] = ["class", "status", "from", "to", "id", "under", "waits", "is"];

/// What stands behind `is:`.
const IS: [&str; 6] = ["overdue", "open", "over", "ended", "exercise", "escalated"];

fn is_word(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase())
}

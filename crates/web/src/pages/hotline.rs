//! `/hotline`: what waits, how ready the line is, who is on duty, and a form for a message.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use comity_node::Error;
use comity_node::node::Agreement as Signed;
use comity_rules::PartyId;
use comity_rules::access::{Person, Right};
use comity_rules::command::{Command, Deed};
use comity_rules::content::{Message, Tlp};
use comity_rules::matter::{Signal, Topic};
use comity_rules::thread::Event;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::agreements::{self, Said};
use super::{Frame, Posted, internal, place, render};
use crate::App;
use crate::language::Language;
use crate::problem;
use crate::review::{Table, answered, apart, short};
use crate::session::Who;
use crate::when::{self, Zones};

/// Threads that are looked through for those that are over.
const PAGE: u64 = 50;

/// Open ones that are drawn, and that are read at a time.
const OPEN: usize = 200;
const AT_ONCE: u64 = 200;

/// Handovers that are shown.
const SHOWN: usize = 5;

#[derive(Template)]
#[template(path = "hotline.html")]
struct Page {
    frame: Frame,
    t: Language,
    problem: Option<String>,
    calls: Vec<Call>,
    lines: Vec<Line>,
    duty: Vec<String>,
    handovers: Vec<Handed>,
    states: bool,
    markings: Vec<&'static str>,
    written: Form,
    definitions: Vec<[String; 3]>,
}

/// A thread in the list.
pub(super) struct Call {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) kind: String,
    pub(super) between: String,
    pub(super) state: String,
    pub(super) ours: bool,
    pub(super) exercise: bool,
    /// Since when.
    pub(super) since: String,
    agreement: Arc<Signed>,
}

impl Call {
    pub(super) fn of(app: &App, t: Language, line: &comity_node::matters::Line) -> Self {
        let matter = &line.summary.matter;
        let terms = &line.agreement.terms;
        let name = |id: &PartyId| terms.name_of(id);
        let between = [("from", name(&matter.opener)), ("to", name(&matter.other))];
        let (kind, title) = headline(t, line);
        let since = |event: &Event| {
            let time = event.witnessed.unwrap_or(event.claimed);
            when::day(t, &time.to_zoned(app.zone()))
        };
        Self {
            id: matter.thread.to_string(),
            title,
            kind,
            between: t.with("from-to", between),
            state: t.text(&format!("state-{}", line.state())),
            ours: line.waits_for(&app.node),
            exercise: matter.exercise,
            since: matter.opened.first().map(since).unwrap_or_default(),
            agreement: Arc::clone(&line.agreement),
        }
    }

    /// What it says, under which terms.
    pub(super) fn said(&self) -> Said<'_> {
        (&self.agreement.terms, None, &self.title)
    }
}

/// The hotline of an agreement.
struct Line {
    terms: String,
    peer: String,
    purpose: String,
    keys: String,
    readiness: Table,
    next: Vec<String>,
    /// Within which time a person acknowledges.
    within: Option<String>,
    /// Whether the node makes its tests by itself.
    automatic: bool,
}

struct Handed {
    id: String,
    lead: String,
    note: String,
    taken: Option<String>,
    may_take: bool,
}

#[derive(Deserialize, Default)]
pub(crate) struct Form {
    act: String,
    #[serde(default)]
    terms: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    marking: String,
    #[serde(default)]
    spoken: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    exercise: Option<String>,
}

pub(crate) async fn show(State(app): State<App>, t: Language, who: Who) -> Response {
    page(&app, t, &who, None, Form::default()).await
}

pub(crate) async fn act(
    State(app): State<App>,
    t: Language,
    who: Who,
    Posted(form): Posted<Form>,
) -> Response {
    let done = match form.act.as_str() {
        "send" => send(&app, &who, &form).await,
        "handover" => app.node.hand_over(&who.0, &form.text).await.map(|_| "/hotline".to_owned()),
        "take" => app.node.take_over(&who.0, &form.id).await.map(|()| "/hotline".to_owned()),
        test => match test.parse() {
            Ok(signal) if Signal::is_test(signal) => match app.node.agreement(&form.terms) {
                Ok(agreement) => {
                    let thread = app.node.test_hotline(&who.0, &agreement, signal).await;
                    thread.map(|thread| format!("/matters/{thread}"))
                }
                Err(error) => Err(error),
            },
            _ => return (StatusCode::BAD_REQUEST, t.text("no-such-form") + "\n").into_response(),
        },
    };
    match done {
        Ok(to) => Redirect::to(&to).into_response(),
        Err(Error::Store(error)) => internal(t, &error),
        Err(error) => {
            let problem = Some(problem::text(t, &error));
            let page = page(&app, t, &who, problem, form).await;
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}

async fn send(app: &App, who: &Who, form: &Form) -> Result<String, Error> {
    let marking = serde_json::from_value(form.marking.as_str().into()).unwrap_or(Tlp::Red);
    let telephone = !form.spoken.trim().is_empty();
    let about = match form.about.trim() {
        "" => None,
        id => Some(app.node.find(id).await?),
    };
    let message = Message {
        title: form.title.clone(),
        text: form.text.clone(),
        marking,
        spoken: form.spoken.trim().to_owned(),
    };
    let signal = if telephone { Signal::Telephone } else { Signal::Message };
    let exercise = form.exercise.is_some();
    let command = Command::Deed(Deed::Signal { signal, about, exercise, message });
    let stated = app.node.state(&who.0, Some(&form.terms), None, command).await?;
    Ok(place(stated, "matters"))
}

/// What a matter is, and its title.
pub(super) fn headline(t: Language, line: &comity_node::matters::Line) -> (String, String) {
    let matter = &line.summary.matter;
    let kind = match matter.signal() {
        Some(signal) => t.text(&format!("signal-{}", signal.as_str())),
        None => t.text(&format!("topic-{}", matter.topic.as_str())),
    };
    let title = match line.summary.title.as_str() {
        "" if matter.topic == Topic::Suspension => kind.clone(),
        "" => t.text("content-destroyed"),
        // A machine's test has its sort for a title.
        title if title.parse::<Signal>().is_ok() => kind.clone(),
        title => title.to_owned(),
    };
    (kind, title)
}

/// The newest matters about a topic, for a list.
pub(super) async fn calls(
    app: &App,
    t: Language,
    by: &Person,
    topic: Topic,
    limit: u64,
) -> Result<Vec<Call>, Error> {
    let lines = app.node.matters(by, topic, false, None, limit).await?.into_inner();
    Ok(lines.iter().map(|line| Call::of(app, t, line)).collect())
}

/// All matters about a topic that are open: what this party has to do first, what machines answer last, and of these what
/// has waited longest.
pub(super) async fn open(
    app: &App,
    by: &Person,
    topic: Topic,
) -> Result<Vec<comity_node::matters::Line>, Error> {
    let (mut lines, mut before) = (Vec::new(), None);
    loop {
        let page = app.node.matters(by, topic, true, before, AT_ONCE).await?.into_inner();
        let Some(last) = page.last() else { break };
        before = Some(last.summary.seq);
        lines.extend(page);
    }
    lines.sort_by_cached_key(|line| {
        let is_echo = line.summary.matter.signal() == Some(Signal::Echo);
        (!line.waits_for(&app.node), is_echo, line.summary.seq)
    });
    Ok(lines)
}

async fn page(
    app: &App,
    t: Language,
    who: &Who,
    problem: Option<String>,
    written: Form,
) -> Response {
    match gather(app, t, who, problem, written).await {
        Ok(page) => render(t, &page),
        Err(error) => internal(t, &error),
    }
}

async fn gather(
    app: &App,
    t: Language,
    who: &Who,
    problem: Option<String>,
    written: Form,
) -> Result<Page, Error> {
    let open = open(app, &who.0, Topic::Hotline).await?;
    let mut calls: Vec<_> = open.iter().take(OPEN).map(|line| Call::of(app, t, line)).collect();
    let latest = app.node.matters(&who.0, Topic::Hotline, false, None, PAGE).await?.into_inner();
    let over = latest.iter().filter(|line| line.standing.over);
    calls.extend(over.map(|line| Call::of(app, t, line)));
    let mut lines = Vec::new();
    let mut standing = app.node.agreements();
    standing.retain(|one| app.node.stands(one));
    for (agreement, (hash, named)) in standing.iter().zip(agreements::named(t, &standing)) {
        let Some(hotline) = &agreement.terms.hotline else { continue };
        let status = app.node.hotline_status(&who.0, agreement).await?;
        let zones = Zones::between(&agreement.terms, app.node.party());
        let name = |id: &PartyId| agreement.terms.name_of(id);
        let mut rows = Vec::new();
        for (party, readiness) in &status.readiness {
            for (signal, times, unopened) in readiness.by_signal() {
                // What never was has no line.
                if times.done + times.open + times.late + times.overdue + unopened == 0 {
                    continue;
                }
                let what = t.text(&format!("signal-{}", signal.as_str()));
                rows.push(vec![
                    t.with("answers-to", [("party", name(party)), ("what", what)]),
                    answered(times, unopened),
                    times.done.to_string(),
                    times.open.to_string(),
                    (times.late + times.overdue).to_string(),
                    short(t, times.median),
                    short(t, times.p90),
                ]);
            }
            for (what, count) in apart(t, &name(party), readiness) {
                let mut row = vec![what, "–".to_owned(), "0".to_owned(), count.to_string()];
                row.resize(7, "–".to_owned());
                rows.push(row);
            }
        }
        let heads = [
            "column-what",
            "review-availability",
            "review-done",
            "review-open",
            "review-late",
            "review-median",
            "review-p90",
        ];
        let keys = match status.epochs {
            (Some(ours), Some(theirs)) => {
                t.with("hotline-keys", [("ours", ours.to_string()), ("theirs", theirs.to_string())])
            }
            _ => t.text("hotline-keys-none"),
        };
        lines.push(Line {
            terms: hash,
            peer: named,
            purpose: hotline.purpose.in_language(t.code()).to_owned(),
            keys,
            within: hotline
                .acknowledge_within
                .as_ref()
                .map(|within| t.with("hotline-within", [("time", when::period(t, within))])),
            automatic: status.automatic,
            readiness: Table::of(heads.map(|key| t.text(key)).into(), rows.into_iter()),
            next: status
                .next
                .iter()
                .map(|(signal, due)| {
                    let signal = t.text(&format!("signal-{}", signal.as_str()));
                    let key = if *due > app.node.now() { "next-test" } else { "due-test" };
                    let year = |time: jiff::Timestamp| time.to_zoned(TimeZone::UTC).year();
                    let hours = zones.both(t, *due);
                    let far = year(*due) != year(app.node.now());
                    let time = if far { format!("{hours} ({})", year(*due)) } else { hours };
                    t.with(key, [("signal", signal), ("time", time)])
                })
                .collect(),
        });
    }
    let zone = app.zone();
    let hour = |time: jiff::Timestamp| when::day(t, &time.to_zoned(zone.clone()));
    let now = app.node.now();
    let shifts = app.node.roster(&who.0).await?;
    let duty = shifts.iter().map(|shift| {
        let key = if shift.starts <= now { "duty-now" } else { "duty-later" };
        let hours = [("from", hour(shift.starts)), ("to", hour(shift.ends))];
        let [from, to] = hours;
        t.with(key, [("who", shift.account.clone()), from, to])
    });
    let states = who.0.may(Right::State).is_ok();
    let mut written = written;
    if written.marking.is_empty() {
        // What the command has too: the peer's own people may read it.
        written.marking = Tlp::Amber.label().to_owned();
    }
    let handovers = app.node.handovers(&who.0).await?;
    let handovers = handovers.into_iter().take(SHOWN).map(|one| Handed {
        lead: t.with("handover-by", [("who", one.gives.clone()), ("time", hour(one.at))]),
        may_take: states && one.taken.is_none() && one.gives != who.0.name,
        taken: one
            .taken
            .map(|(by, at)| t.with("handover-taken", [("who", by), ("time", hour(at))])),
        id: one.id,
        note: one.note,
    });
    let mut frame = Frame::of(app, t, &who.0, "hotline", 0);
    // Beside what is real the page is none: each row says so of itself.
    frame.exercise |= !calls.is_empty() && calls.iter().all(|call| call.exercise);
    Ok(Page {
        t,
        problem,
        lines,
        duty: duty.collect(),
        handovers: handovers.collect(),
        states,
        markings: [Tlp::Red, Tlp::AmberStrict, Tlp::Amber, Tlp::Green, Tlp::Clear]
            .map(Tlp::label)
            .into(),
        written,
        definitions: agreements::defined_in(t, calls.iter().map(Call::said)),
        calls,
        frame,
    })
}

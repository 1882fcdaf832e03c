//! `/dialogue`: meetings, what they left to be done, commitments and how they are judged, concerns, and
//! information that nobody asked for.

use std::collections::HashSet;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use comity_node::Error;
use comity_node::matters::Dossier;
use comity_rules::PartyId;
use comity_rules::access::Right;
use comity_rules::command::{Command, Deed};
use comity_rules::content::{
    ActionItem, Agenda, Concern, Criterion, Notice, Remark, Tlp, Yardstick,
};
use comity_rules::matter::{Day, Topic};
use serde::Deserialize;

use super::agreements::{defined_in, named};
use super::hotline::{Call, calls};
use super::matter::lines;
use super::{Frame, Posted, internal, place, render};
use crate::App;
use crate::language::Language;
use crate::problem;
use crate::session::Who;

/// Matters that are listed of each topic.
const PAGE: u64 = 50;

#[derive(Template)]
#[template(path = "dialogue.html")]
struct Page {
    frame: Frame,
    t: Language,
    problem: Option<String>,
    actions: Vec<Open>,
    sections: Vec<(String, String, Vec<Call>)>,
    definitions: Vec<[String; 3]>,
    agreements: Vec<(String, String)>,
    /// Those of all agreements: id and text.
    commitments: Vec<(String, String)>,
    markings: Vec<&'static str>,
    chairs: bool,
    states: bool,
    written: Form,
}

/// An action item that is not done.
struct Open {
    thread: String,
    text: String,
    by: String,
    due: String,
    late: bool,
    meeting: String,
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
    day: String,
    #[serde(default)]
    place: String,
    #[serde(default)]
    commitment: String,
    #[serde(default)]
    marking: String,
    #[serde(default)]
    use_limits: String,
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
    let deed = match deed(t, &form) {
        Ok(Some(deed)) => deed,
        Ok(None) => {
            return (StatusCode::BAD_REQUEST, t.text("no-such-form") + "\n").into_response();
        }
        Err(problem) => {
            let page = page(&app, t, &who, Some(problem), form).await;
            return (StatusCode::UNPROCESSABLE_ENTITY, page).into_response();
        }
    };
    match app.node.state(&who.0, Some(&form.terms), None, Command::Deed(deed)).await {
        Ok(stated) => Redirect::to(&place(stated, "matters")).into_response(),
        Err(Error::Store(error)) => internal(t, &error),
        Err(error) => {
            let problem = Some(problem::text(t, &error));
            let page = page(&app, t, &who, problem, form).await;
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}

fn deed(t: Language, form: &Form) -> Result<Option<Deed>, String> {
    let exercise = form.exercise.is_some();
    let marking = serde_json::from_value(form.marking.as_str().into()).unwrap_or(Tlp::Red);
    let (title, facts) = (form.title.clone(), form.text.clone());
    Ok(Some(match form.act.as_str() {
        "convene" => {
            let day = form.day.parse();
            let day = day.map_err(|_| t.with("review-no-day", [("text", form.day.clone())]))?;
            let agenda = Agenda { title, place: form.place.clone(), points: lines(&form.text) };
            Deed::Convene { day: Day(day), exercise, agenda }
        }
        "raise" => {
            let commitment = form.commitment.clone();
            let concern = Concern { title, commitment, facts, marking, attachments: Vec::new() };
            Deed::Raise { exercise, concern }
        }
        "inform" => {
            let use_limits = form.use_limits.clone();
            let notice = Notice { title, facts, marking, use_limits, attachments: Vec::new() };
            Deed::Inform { exercise, notice }
        }
        "fix" => {
            let criterion = |(number, line): (usize, String)| {
                let (text, evidence) =
                    line.split_once('|').ok_or_else(|| t.text("criteria-how"))?;
                let [text, evidence] = [text, evidence].map(|part| part.trim().to_owned());
                Ok::<_, String>(Criterion { id: number.to_string(), text, evidence })
            };
            let criteria = (1..).zip(lines(&form.text)).map(criterion).collect::<Result<_, _>>()?;
            let commitment = form.commitment.clone();
            Deed::Fix {
                exercise,
                yardstick: Yardstick { commitment, criteria, text: String::new() },
            }
        }
        "suspend" => Deed::Suspend { exercise, remark: Remark { text: form.text.clone() } },
        _ => return Ok(None),
    }))
}

/// Action items, a line each: `who | until when | what`.
pub(super) fn actions(
    t: Language,
    us: &PartyId,
    found: &Dossier,
    text: &str,
) -> Result<Vec<ActionItem>, String> {
    let matter = &found.line.summary.matter;
    let parties = [&matter.opener, &matter.other];
    let action = |line: String| {
        let parts: Vec<&str> = line.splitn(3, '|').map(str::trim).collect();
        let [party, due, text] = parts.as_slice() else { return Err(t.text("actions-how")) };
        let named = parties.into_iter().find(|known| known.as_str() == *party);
        let named = named.or_else(|| (*party == "us").then_some(us));
        let due = match *due {
            "" => None,
            day => {
                Some(day.parse().map_err(|_| t.with("review-no-day", [("text", day.to_owned())]))?)
            }
        };
        let party = named.ok_or_else(|| t.text("actions-how"))?.clone();
        Ok(ActionItem { text: (*text).to_owned(), party, due })
    };
    lines(text).into_iter().map(action).collect()
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
    let topics =
        [Topic::Dialogue, Topic::Commitment, Topic::Concern, Topic::Notice, Topic::Suspension];
    let mut sections = Vec::new();
    for topic in topics {
        let name = topic.as_str();
        let found = calls(app, t, &who.0, topic, PAGE).await?;
        sections.push((t.text(&format!("topics-{name}")), t.text(&format!("none-{name}")), found));
    }
    let agreements = app.node.in_force();
    let name = |id: &PartyId| {
        let known = agreements.iter().find_map(|agreement| agreement.terms.party(id));
        known.map_or_else(|| id.to_string(), |party| party.name.clone())
    };
    let today = app.node.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let open = app.node.open_actions(&who.0).await?.into_inner();
    let actions = open.into_iter().map(|action| Open {
        thread: action.thread.to_string(),
        text: action.item.text,
        by: name(&action.item.party),
        late: action.item.due.is_some_and(|due| due < today),
        due: action.item.due.map_or_else(|| t.text("action-undated"), |due| due.to_string()),
        meeting: action.meeting,
    });
    let actions = actions.collect();
    let commitments = agreements.iter().flat_map(|agreement| &agreement.terms.commitments);
    let mut commitments: Vec<(String, String)> = commitments
        .map(|one| (one.id.clone(), one.summary.in_language(t.code()).to_owned()))
        .collect();
    let mut known = HashSet::new();
    commitments.retain(|(id, _)| known.insert(id.clone()));
    let frame = Frame::of(app, t, &who.0, "oversight", 0);
    let calls = sections.iter().flat_map(|(_, _, calls)| calls.iter().map(Call::said));
    let promised = agreements.iter().flat_map(|agreement| {
        let terms = &agreement.terms;
        terms.commitments.iter().map(move |one| (terms, None, one.summary.in_language(t.code())))
    });
    let definitions = defined_in(t, calls.chain(promised));
    Ok(Page {
        definitions,
        t,
        problem,
        actions,
        sections,
        agreements: named(t, &agreements),
        commitments,
        markings: [Tlp::Red, Tlp::AmberStrict, Tlp::Amber, Tlp::Green, Tlp::Clear]
            .map(Tlp::label)
            .into(),
        chairs: who.0.may(Right::Chair).is_ok(),
        states: who.0.may(Right::State).is_ok(),
        written,
        frame,
    })
}

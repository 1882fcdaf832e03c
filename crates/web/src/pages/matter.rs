//! `/matters/<id>`: what is no request: a call on the hotline, a suspension, a commitment, a concern, a notice,
//! a meeting; its statements, and one's own move.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use comity_node::Error;
use comity_node::dossier::Statement;
use comity_node::matters::Dossier;
use comity_rules::access::Right;
use comity_rules::agreement::Agreement;
use comity_rules::command::{Command, Deed};
use comity_rules::content::{
    Agenda, Judgement, Letter, Record, Remark, Response as Reply, Tlp, Verdict,
};
use comity_rules::matter::{Day, Position, Signal, Topic};
use comity_rules::thread::View;
use comity_rules::{PartyId, ThreadId};
use serde::Deserialize;

use super::statement::StatementRow;
use super::{Frame, Named, Posted, internal, not_found, place, render};
use crate::App;
use crate::language::Language;
use crate::problem;
use crate::session::Who;
use crate::when::Zones;

#[derive(Template)]
#[template(path = "matter.html")]
struct Page {
    frame: Frame,
    id: String,
    title: String,
    definitions: Vec<[String; 3]>,
    /// What was promised, in every language that the terms have it in.
    promised: Vec<[String; 2]>,
    lead: String,
    state: String,
    waits: Option<String>,
    marking: Option<&'static str>,
    marking_class: String,
    about: Option<String>,
    positions: Vec<String>,
    statements: Vec<StatementRow>,
    moves: Vec<Move>,
    problem: Option<String>,
    written: Form,
}

/// A move, with the fields that it wants.
struct Move {
    act: &'static str,
    label: String,
    /// What is wanted beside the text.
    wants: Wants,
    /// What to know before.
    hint: Option<String>,
}

/// What a move wants beside its text.
#[derive(PartialEq, Eq)]
enum Wants {
    Nothing,
    /// The place of the message, or of the minutes, that it is about.
    Message(u64),
    /// The place of one's own that is said again, and what it said.
    Again(u64, String),
    Position(Vec<(&'static str, String)>),
    Points,
    Minutes,
    /// The items that are open, and those that are done.
    Action(Vec<(u32, String)>),
    /// The parties that are judged, and the verdicts.
    Judgement(Vec<(String, String)>, Vec<(&'static str, String)>),
}

#[derive(Deserialize, Default)]
pub(crate) struct Form {
    act: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    message: Option<u64>,
    #[serde(default)]
    again: Option<u64>,
    #[serde(default)]
    position: String,
    #[serde(default)]
    day: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    actions: String,
    #[serde(default)]
    item: Option<u32>,
    #[serde(default)]
    verdict_us: String,
    #[serde(default)]
    verdict_them: String,
}

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<String>,
) -> Response {
    page(app, t, &who, &id, None, Form::default()).await
}

pub(crate) async fn act(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<String>,
    Posted(form): Posted<Form>,
) -> Response {
    let Ok(thread) = id.parse::<ThreadId>() else { return not_found(State(app), t, who).await };
    let found = match app.node.matter(&who.0, thread).await {
        Ok(found) => found.into_inner(),
        Err(Error::Missing { .. }) => return not_found(State(app), t, who).await,
        Err(error) => return internal(t, &error),
    };
    let deed = match deed(&app, t, &found, &form) {
        Ok(Some(deed)) => deed,
        Ok(None) => {
            return (StatusCode::BAD_REQUEST, t.text("no-such-form") + "\n").into_response();
        }
        Err(problem) => return page(app, t, &who, &id, Some(problem), form).await,
    };
    match app.node.state(&who.0, None, Some(thread), Command::Deed(deed)).await {
        Ok(stated) => Redirect::to(&place(stated, "matters")).into_response(),
        Err(Error::Store(error)) => internal(t, &error),
        Err(error) => {
            let problem = Some(problem::text(t, &error));
            let page = page(app, t, &who, &id, problem, form).await;
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}

/// What a form says; `None` for one of no kind, and what is wrong with one that is.
fn deed(app: &App, t: Language, found: &Dossier, form: &Form) -> Result<Option<Deed>, String> {
    let remark = Remark { text: form.text.clone() };
    let day =
        |text: &str| text.parse().map_err(|_| t.with("review-no-day", [("text", text.to_owned())]));
    Ok(Some(match form.act.as_str() {
        "say" => Deed::Say { again: None, remark },
        "say-again" => {
            let Some(again) = form.again else { return Ok(None) };
            Deed::Say { again: Some(again), remark }
        }
        "acknowledge" | "read-back" => {
            let Some(message) = form.message else { return Ok(None) };
            Deed::Confirm { message, read_back: form.act == "read-back", remark }
        }
        "resume" => Deed::Resume(remark),
        "agree" => Deed::Agree { minutes: form.message, remark },
        "respond" => Deed::Respond(Reply { text: form.text.clone(), attachments: Vec::new() }),
        "position" => {
            let Ok(position) = form.position.parse() else { return Ok(None) };
            Deed::Position { position, remark }
        }
        "feedback" => Deed::Feedback(remark),
        "add" => {
            let points = lines(&form.text);
            Deed::Add(Agenda { title: String::new(), place: String::new(), points })
        }
        "minutes" => {
            let actions = super::dialogue::actions(t, app.node.party(), found, &form.actions)?;
            let record = Record { text: form.text.clone(), actions };
            Deed::Minutes { day: Day(day(&form.day)?), record }
        }
        "done" | "open" => {
            let Some(item) = form.item else { return Ok(None) };
            Deed::Action { item, done: form.act == "done", remark }
        }
        "judge" => {
            let terms = &found.line.agreement.terms;
            let us = app.node.party();
            let them = terms.peer_of(us).map(|party| party.id.clone());
            let verdict = |text: &str| {
                serde_json::from_value::<Verdict>(text.into()).unwrap_or(Verdict::NotJudged)
            };
            let mut verdicts = std::collections::BTreeMap::new();
            verdicts.insert(us.clone(), verdict(&form.verdict_us));
            verdicts.extend(them.map(|them| (them, verdict(&form.verdict_them))));
            Deed::Judge(Judgement {
                from: day(&form.from)?,
                to: day(&form.to)?,
                verdicts,
                findings: Vec::new(),
                text: form.text.clone(),
            })
        }
        _ => return Ok(None),
    }))
}

/// The lines of a text that say something.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

async fn page(
    app: App,
    t: Language,
    who: &Who,
    id: &str,
    problem: Option<String>,
    written: Form,
) -> Response {
    let Ok(thread) = id.parse::<ThreadId>() else {
        return not_found(State(app), t, who.clone()).await;
    };
    let dossier = match app.node.matter(&who.0, thread).await {
        Ok(dossier) => dossier.into_inner(),
        Err(Error::Missing { .. }) => return not_found(State(app), t, who.clone()).await,
        Err(error) => return internal(t, &error),
    };
    if let Err(error) = app.node.journal_of(&who.0.name, "see", &thread.to_string()).await {
        return internal(t, &error);
    }
    let about = match dossier.line.summary.matter.about() {
        Some(about) => {
            let request = app.node.is_request(about).await.unwrap_or(true);
            Some(format!("/{}/{about}", if request { "requests" } else { "matters" }))
        }
        None => None,
    };
    let page = Page::of(&app, t, who, &dossier, about, problem, written);
    render(t, &page)
}

impl Page {
    fn of(
        app: &App,
        t: Language,
        who: &Who,
        dossier: &Dossier,
        about: Option<String>,
        problem: Option<String>,
        written: Form,
    ) -> Self {
        let line = &dossier.line;
        let (matter, terms) = (&line.summary.matter, &line.agreement.terms);
        let us = app.node.party();
        let zones = Zones::between(terms, us);
        let name = |id: &PartyId| terms.name_of(id);
        let place = match matter.topic {
            Topic::Hotline => "hotline",
            Topic::Suspension => "agreements",
            _ => "oversight",
        };
        let mut frame = Frame::of(app, t, &who.0, place, 0);
        frame.exercise |= matter.exercise;
        let (kind, title) = super::hotline::headline(t, line);
        let between = [("from", name(&matter.opener)), ("to", name(&matter.other))];
        let marking = dossier.marking().map(Tlp::label);
        let positions = if matter.topic == Topic::Concern {
            [(true, &matter.opener), (false, &matter.other)]
                .into_iter()
                .map(|(opener, party)| {
                    let position = matter.position(opener, View::ALL);
                    let key = position.map_or("position-none".to_owned(), |position| {
                        format!("position-{}", position.as_str())
                    });
                    t.with("position-of", [("party", name(party)), ("position", t.text(&key))])
                })
                .collect()
        } else {
            Vec::new()
        };
        let right = match matter.topic {
            Topic::Hotline | Topic::Notice => Right::State,
            _ => Right::Chair,
        };
        let may = who.0.may(right).is_ok();
        let statements: Vec<_> = dossier
            .statements
            .iter()
            .map(|one| StatementRow::of(t, terms, one, name(&one.author), &zones))
            .collect();
        let said = statements.iter().flat_map(|one| one.says.iter().chain([&one.text]));
        let words =
            said.chain([&line.summary.title]).map(String::as_str).collect::<Vec<_>>().join("\n");
        Self {
            id: matter.thread.to_string(),
            title,
            lead: format!(
                "{kind} · {} · {}",
                t.with("from-to", between),
                t.with("under", [("agreement", terms.title(t.code()).to_owned())])
            ),
            state: t.text(&format!("state-{}", line.state())),
            waits: line
                .standing
                .waits_for
                .as_ref()
                .map(|party| t.with("waits-for", [("party", name(party))])),
            marking,
            marking_class: marking
                .map(|label| label.to_ascii_lowercase().replace([':', '+'], "-"))
                .unwrap_or_default(),
            definitions: super::agreements::defined(t, terms, None, &words),
            promised: promised(terms, dossier),
            about,
            positions,
            statements,
            moves: if may { moves(t, dossier, us, &name) } else { Vec::new() },
            problem,
            written,
            frame,
        }
    }
}

/// The commitment that a matter is about.
fn promised(terms: &Agreement, dossier: &Dossier) -> Vec<[String; 2]> {
    let id = dossier.statements.iter().find_map(|one| match &one.kept.as_ref()?.letter {
        Letter::Yardstick(yardstick) => Some(yardstick.commitment.clone()),
        Letter::Concern(concern) => Some(concern.commitment.clone()),
        _ => None,
    });
    let found = terms.commitments.iter().find(|one| Some(&one.id) == id.as_ref());
    let texts = found.into_iter().flat_map(|one| one.summary.all());
    texts.map(|(language, text)| [language.to_owned(), text.to_owned()]).collect()
}

/// The moves that the rules allow now.
fn moves(
    t: Language,
    dossier: &Dossier,
    us: &PartyId,
    name: &impl Fn(&PartyId) -> String,
) -> Vec<Move> {
    let matter = &dossier.line.summary.matter;
    let opener = matter.opener == *us;
    let standing = &dossier.line.standing;
    let mine = standing.waits_for.as_ref() == Some(us);
    let plain = |act: &'static str| Move {
        act,
        label: t.text(&format!("move-{act}")),
        wants: Wants::Nothing,
        hint: None,
    };
    let mut moves = Vec::new();
    match matter.topic {
        Topic::Hotline if matter.signal() == Some(Signal::Echo) => {}
        Topic::Hotline => {
            if let Some((index, signal)) = dossier.line.message_for(us) {
                let test = signal == Some(Signal::ReadBack);
                let act = if test { "read-back" } else { "acknowledge" };
                let wants = Wants::Message(index);
                let theirs = |one: &&Statement| one.author != *us && one.event.index == index;
                let sent = dossier.statements.iter().find(theirs);
                let earlier = sent.and_then(|sent| sent.event.act.answers);
                let in_place =
                    earlier.map(|at| t.with("acknowledge-again", [("index", at.to_string())]));
                let hint = test.then(|| t.text("read-back-how")).or(in_place);
                moves.push(Move { wants, hint, ..plain(act) });
            }
            let again = dossier.line.to_say_again().map(|(event, is_unopened)| {
                let mut said = dossier.statements.iter();
                let own = said.find(|one| one.author == *us && one.event.index == event.index);
                let kept = own.and_then(|one| one.kept.as_ref());
                let text = kept.map(|kept| kept.letter.text().to_owned()).unwrap_or_default();
                let why = if is_unopened { "again-unopened" } else { "again-unanswered" };
                let hint = Some(t.with(why, [("index", event.index.to_string())]));
                let wants = Wants::Again(event.index, text);
                (Move { wants, hint, ..plain("say-again") }, is_unopened)
            });
            // What could not be opened is said again before anything else is said.
            let (before, after) = match again {
                Some((again, true)) => (Some(again), None),
                Some((again, false)) => (None, Some(again)),
                None => (None, None),
            };
            moves.extend(before);
            moves.push(plain("say"));
            moves.extend(after);
        }
        Topic::Suspension if mine => moves.push(plain("resume")),
        Topic::Suspension => {}
        Topic::Commitment if mine => moves.push(plain("agree")),
        Topic::Commitment if standing.waits_for.is_none() => {
            let parties = [us, if opener { &matter.other } else { &matter.opener }];
            let parties = ["verdict_us", "verdict_them"].into_iter().zip(parties);
            let parties = parties.map(|(field, party)| (field.to_owned(), name(party))).collect();
            let verdicts = [Verdict::Met, Verdict::Partly, Verdict::NotMet, Verdict::NotJudged];
            let verdicts = verdicts.map(|one| (one.as_str(), t.text(&format!("verdict-{one}"))));
            let wants = Wants::Judgement(parties, verdicts.to_vec());
            moves.push(Move { wants, hint: Some(t.text("judge-how")), ..plain("judge") });
        }
        Topic::Commitment => {}
        Topic::Concern if standing.over => {}
        Topic::Concern => {
            moves.push(plain("respond"));
            let now = matter.position(opener, View::ALL);
            let open = Position::ALL.iter().filter(|position| {
                Some(**position) != now && (opener || **position != Position::Withdrawn)
            });
            let open =
                open.map(|one| (one.as_str(), t.text(&format!("position-{}", one.as_str()))));
            moves.push(Move { wants: Wants::Position(open.collect()), ..plain("position") });
        }
        Topic::Notice if mine => moves.push(plain("feedback")),
        Topic::Notice => {}
        Topic::Dialogue => match matter.actions(View::ALL) {
            None => {
                if let Some(minutes) = matter.minutes_for(opener, View::ALL).filter(|_| mine) {
                    moves.push(Move { wants: Wants::Message(minutes.index), ..plain("agree") });
                }
                moves.push(Move { wants: Wants::Points, ..plain("add") });
                let hint = Some(t.text("actions-how"));
                moves.push(Move { wants: Wants::Minutes, hint, ..plain("minutes") });
            }
            Some(done) => {
                let letters = dossier.statements.iter().rev().filter_map(|one| one.kept.as_ref());
                let actions = letters.filter_map(|kept| match &kept.letter {
                    Letter::Record(record) => Some(&record.actions),
                    _ => None,
                });
                let actions = actions.into_iter().find(|actions| actions.len() == done.len());
                // Whose it is says when it is done.
                let items = |wanted: bool| -> Vec<(u32, String)> {
                    let all = (1_u32..).zip(&done).zip(actions.into_iter().flatten());
                    all.filter(|((_, done), action)| **done == wanted && action.party == *us)
                        .map(|((number, _), action)| (number, format!("{number}. {}", action.text)))
                        .collect()
                };
                for (act, wanted) in [("done", false), ("open", true)] {
                    let items = items(wanted);
                    if !items.is_empty() {
                        moves.push(Move { wants: Wants::Action(items), ..plain(act) });
                    }
                }
            }
        },
    }
    moves
}

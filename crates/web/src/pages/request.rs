//! `/requests/<id>`: a request, its timeline, its proofs, and one's own move.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use comity_node::dossier::{Dossier, Line, Statement};
use comity_node::duty::{self, Route, Unsettled};
use comity_node::{Error, prove};
use comity_rules::access::{Person, Right};
use comity_rules::agreement::Agreement;
use comity_rules::bundle;
use comity_rules::command::Command;
use comity_rules::content::{Answer, Ask, DIMENSIONS, Letter, Remark};
use comity_rules::quality;
use comity_rules::request::{Act, MAX_ITEMS, Outcome};
use comity_rules::thread::View;
use comity_rules::{Kind, PartyId, ThreadId};
use serde::Serialize;

use super::fields::Fields;
use super::statement::{StatementRow, ground_of, reasons};
use super::upload::Written;
use super::{Frame, Named, Posted, Row, agreements, download, internal, not_found, place, render};
use crate::App;
use crate::language::Language;
use crate::session::Who;
use crate::when::Zones;
use crate::{problem, timeline};

#[derive(Template)]
#[template(path = "request.html")]
struct Page {
    frame: Frame,
    id: String,
    row: Row,
    /// That a day it is due on is beyond what the calendar knows.
    unknown: Option<String>,
    headline: String,
    drawing: String,
    under: String,
    desired: String,
    marking: Option<&'static str>,
    marking_class: String,
    readers: String,
    definitions: Vec<[String; 3]>,
    /// What it goes on from, and what goes on from it: in words, where, its title.
    related: Vec<[String; 3]>,
    /// Where what goes on from it is written, of this party's own.
    follow_up: Option<String>,
    facts: Vec<(String, String)>,
    items: Vec<ItemRow>,
    files: Vec<FileRow>,
    statements: Vec<StatementRow>,
    moves: Vec<(&'static str, String)>,
    /// Whether items can be answered now, and the whole decided; whether the answer can be assessed.
    answers: bool,
    decides: bool,
    assesses: bool,
    outcomes: Vec<(&'static str, String)>,
    grounds: Vec<(String, String)>,
    decisions: Vec<(&'static str, String)>,
    dimensions: Vec<(&'static str, String)>,
    /// What the party's authorities say, and what is unsettled between them.
    routes: Vec<[String; 4]>,
    unsettled: Vec<String>,
    /// Where the sides' scores lie too far apart.
    disputed: Vec<String>,
    routing: Option<Routing>,
    /// Dates in the limits of use.
    limits: Vec<String>,
    translation: Option<Translated>,
    verdict: Option<Verdict>,
    problem: Option<String>,
    written: Fields,
}

/// The fields of the form that routes a request inside the party.
struct Routing {
    authority: String,
    parts: Vec<(&'static str, String)>,
    stands: Vec<(&'static str, String)>,
}

/// A translation that came with the request.
struct Translated {
    lead: String,
    title: String,
    facts: String,
    items: Vec<String>,
}

struct ItemRow {
    number: usize,
    ask: String,
    kind: String,
    identifiers: Vec<String>,
    answer: String,
    reasons: Vec<String>,
    outcome: String,
    done: bool,
    refused: bool,
}

struct FileRow {
    name: String,
    url: String,
    size: u64,
    sha256: String,
    claims: Vec<(String, bool)>,
}

struct Verdict {
    good: bool,
    text: String,
}

/// What a page says after a move or a verification.
#[derive(Default)]
struct Aftermath {
    verdict: Option<Verdict>,
    problem: Option<String>,
    written: Fields,
}

pub(crate) async fn show(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<String>,
) -> Response {
    page(app, t, &who, &id, Aftermath::default()).await
}

/// A form's address, typed or bookmarked: the page that has the form.
pub(crate) async fn back(Named(id): Named<String>) -> Response {
    match id.parse::<ThreadId>() {
        Ok(id) => Redirect::to(&format!("/requests/{id}")).into_response(),
        Err(_) => Redirect::to("/requests").into_response(),
    }
}

pub(crate) async fn act(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<String>,
    Posted(form): Posted<Fields>,
) -> Response {
    let Ok(thread) = id.parse::<ThreadId>() else { return not_found(State(app), t, who).await };
    let remark = Remark { text: form.text("text").to_owned() };
    let command = match form.text("act") {
        "route" => return route(app, t, who, thread, &form).await,
        "decide" => match form.ruling() {
            Some(ruling) => Command::Decide(ruling),
            None => {
                return (StatusCode::BAD_REQUEST, t.text("no-such-form") + "\n").into_response();
            }
        },
        "assess" => Command::Assess(form.assessment()),
        "acknowledge" => Command::Acknowledge(remark),
        "clarify" | "reply" => Command::Clarify(remark),
        "close" => Command::Close(remark),
        "withdraw" => Command::Withdraw(remark),
        "escalate" => Command::Escalate(remark),
        _ => return (StatusCode::BAD_REQUEST, t.text("no-such-form") + "\n").into_response(),
    };
    state(app, t, who, thread, command, form).await
}

/// The answer comes with files.
pub(crate) async fn answer(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<String>,
    Written(form): Written,
) -> Response {
    let Ok(thread) = id.parse::<ThreadId>() else { return not_found(State(app), t, who).await };
    let items = form.text("items").parse().unwrap_or(0).min(MAX_ITEMS);
    let files = app.uploads.attachments(t, &who, &form);
    match files.and_then(|files| Ok(Answer { attachments: files, ..form.answer(t, items)? })) {
        Ok(answer) if answer.items.is_empty() => {
            again(app, t, &who, &id, t.text("answer-nothing"), form).await
        }
        Ok(answer) => state(app, t, who, thread, Command::Answer(answer), form).await,
        Err(problem) => again(app, t, &who, &id, problem, form).await,
    }
}

/// The page once more, with what is wrong and what was written.
async fn again(
    app: App,
    t: Language,
    who: &Who,
    id: &str,
    problem: String,
    written: Fields,
) -> Response {
    let aftermath = Aftermath { problem: Some(problem), written, verdict: None };
    let page = page(app, t, who, id, aftermath).await;
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

/// States it; what cannot be stated comes back with what was written.
async fn state(
    app: App,
    t: Language,
    who: Who,
    thread: ThreadId,
    command: Command,
    form: Fields,
) -> Response {
    match app.node.state(&who.0, None, Some(thread), command).await {
        Ok(stated) => {
            app.uploads.done(&form);
            Redirect::to(&place(stated, "requests")).into_response()
        }
        Err(Error::Store(error)) => internal(t, &error),
        Err(error) => {
            again(app, t, &who, &thread.to_string(), problem::text(t, &error), form).await
        }
    }
}

/// Says which part an authority has in a request, or what it says of it.
async fn route(app: App, t: Language, who: Who, thread: ThreadId, form: &Fields) -> Response {
    let (authority, part) = (form.text("authority"), form.text("part"));
    let said = (part, form.text("stand"), form.text("note"));
    match app.node.route(&who.0, thread, authority.trim(), said).await {
        Ok(()) => Redirect::to(&format!("/requests/{thread}")).into_response(),
        Err(Error::Store(error)) => internal(t, &error),
        Err(error) => {
            let problem = Some(problem::text(t, &error));
            let aftermath = Aftermath { problem, written: form.clone(), verdict: None };
            let page = page(app, t, &who, &thread.to_string(), aftermath).await;
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
    }
}

/// Verifies every statement of the request from its bytes, as `ledger verify` would.
pub(crate) async fn verify(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named(id): Named<String>,
) -> Response {
    let Ok(thread) = id.parse::<ThreadId>() else { return not_found(State(app), t, who).await };
    let verdict = match check(&app, t, &who.0, thread).await {
        Ok(text) => Verdict { good: true, text },
        Err(error) => {
            let text = t.with("verify-failed", [("problem", problem::text(t, &error))]);
            Verdict { good: false, text }
        }
    };
    page(app, t, &who, &id, Aftermath { verdict: Some(verdict), ..Aftermath::default() }).await
}

pub(crate) async fn file(
    State(app): State<App>,
    t: Language,
    who: Who,
    Named((id, ledger, index, number)): Named<(String, String, u64, usize)>,
) -> Response {
    let Ok(thread) = id.parse::<ThreadId>() else { return not_found(State(app), t, who).await };
    let attachment = app.node.attachment(&who.0, thread, (&ledger, index, number)).await;
    match attachment.map(comity_rules::release::Released::into_inner) {
        Ok(attachment) => download(&attachment.name, attachment.bytes),
        Err(Error::Missing { .. }) => not_found(State(app), t, who).await,
        Err(error) => internal(t, &error),
    }
}

async fn check(app: &App, t: Language, by: &Person, thread: ThreadId) -> Result<String, Error> {
    let dossier = app.node.dossier(by, thread).await?.into_inner();
    let (_, policy) = app.node.policy(&dossier.line.agreement).await?;
    let (mut count, mut pending, mut witnesses) = (0, 0, Vec::new());
    for statement in &dossier.statements {
        let index = statement.event.index;
        if statement.event.witnessed.is_none() {
            pending += 1;
            continue;
        }
        let proof = prove::statement(&app.node, by, &statement.ledger, index, &[]).await?;
        for name in bundle::verify(proof.to_string().as_bytes(), &policy)?.witnesses {
            if !witnesses.contains(&name) {
                witnesses.push(name);
            }
        }
        count += 1;
    }
    Ok(t.with(
        "verified",
        [
            ("count", count.to_string()),
            ("witnesses", witnesses.join(", ")),
            ("pending", pending.to_string()),
        ],
    ))
}

async fn page(app: App, t: Language, who: &Who, id: &str, aftermath: Aftermath) -> Response {
    let Ok(thread) = id.parse::<ThreadId>() else {
        return not_found(State(app), t, who.clone()).await;
    };
    let dossier = match app.node.dossier(&who.0, thread).await {
        Ok(dossier) => dossier.into_inner(),
        Err(Error::Missing { .. }) => return not_found(State(app), t, who.clone()).await,
        Err(error) => return internal(t, &error),
    };
    if let Err(error) = app.node.journal_of(&who.0.name, "see", &thread.to_string()).await {
        return internal(t, &error);
    }
    let inside = async {
        let routes = app.node.routes(&who.0, thread).await?;
        let unsettled = app.node.unsettled(&who.0, thread).await?;
        let related = related(&app, t, who, &dossier).await?;
        Ok::<_, Error>(((routes, unsettled), related))
    };
    match inside.await {
        Ok((inside, related)) => {
            let mut page = Page::of(&app, t, who, &dossier, inside, aftermath);
            page.related = related;
            render(t, &page)
        }
        Err(error) => internal(t, &error),
    }
}

/// What a request goes on from, and what goes on from it.
async fn related(
    app: &App,
    t: Language,
    who: &Who,
    dossier: &Dossier,
) -> Result<Vec<[String; 3]>, Error> {
    let titled = |title: &str, id: &str| {
        if title.is_empty() { id.to_owned() } else { title.to_owned() }
    };
    let mut related = Vec::new();
    if let Some(follows) = ask(dossier).and_then(|ask| ask.follows.as_ref()) {
        let relation = choice(t, "relation", follows.r#as);
        let lead = t.with("goes-on-from", [("relation", relation)]);
        let before = match follows.request.parse() {
            Ok(id) => app
                .node
                .dossier(&who.0, id)
                .await
                .ok()
                .map(comity_rules::release::Released::into_inner),
            Err(_) => None,
        };
        let title = before.map(|before| before.line.summary.title).unwrap_or_default();
        let title = titled(&title, &follows.request);
        related.push([lead, format!("/requests/{}", follows.request), title]);
    }
    let thread = dossier.line.summary.request.thread;
    for after in app.node.following(&who.0, thread).await?.into_inner() {
        let id = after.request.thread.to_string();
        let title = titled(&after.title, &id);
        related.push([t.text("is-followed"), format!("/requests/{id}"), title]);
    }
    Ok(related)
}

impl Page {
    /// What a field of an item was written as.
    fn said(&self, field: &str, number: impl std::fmt::Display) -> &str {
        self.written.text(&format!("{field}_{number}"))
    }

    fn of(
        app: &App,
        t: Language,
        who: &Who,
        dossier: &Dossier,
        (routes, unsettled): (Vec<Route>, Vec<Unsettled>),
        aftermath: Aftermath,
    ) -> Self {
        let line = &dossier.line;
        let us = app.node.party();
        let zones = Zones::of(line, us);
        let terms = &line.agreement.terms;
        let name = |id: &PartyId| terms.name_of(id);
        let mut frame = Frame::of(app, t, &who.0, "requests", 0);
        frame.exercise |= line.summary.request.exercise;
        let ask = ask(dossier);
        let peer = terms.peer_of(us).map(|party| party.id.clone());
        let readers = t.with(
            "readers-text",
            [("us", name(us)), ("them", peer.as_ref().map(name).unwrap_or_default())],
        );
        // Who may not state has no moves.
        let states = who.0.may(Right::State).is_ok() && !line.agreement.is_closed();
        let moves = if states { moves(t, dossier, us) } else { Vec::new() };
        let request = &line.summary.request;
        let legal =
            |act: Act| states && request.check(request.asker == *us, View::ALL, &act).is_ok();
        let open = line
            .standing
            .outcomes
            .iter()
            .map(|outcome| if outcome.is_done() { Outcome::Open } else { Outcome::Answered });
        let answer = Act { outcomes: open.collect(), ..Act::bare(Kind::Answer) };
        let named = |names: &[&'static str], prefix: &str| {
            names
                .iter()
                .map(|name| (*name, t.text(&format!("{prefix}-{name}"))))
                .collect::<Vec<_>>()
        };
        let class = request.class.as_deref();
        let is_scored = |one: &&str| quality::is_scored(terms, class, one);
        let scored: Vec<_> = DIMENSIONS.into_iter().filter(is_scored).collect();
        let said = |name: &str, prefix: &str| t.text(&format!("{prefix}-{name}"));
        let statements: Vec<_> = dossier
            .statements
            .iter()
            .map(|one| StatementRow::of(t, terms, one, name(&one.author), &zones))
            .collect();
        // All that either side says, wherever it says it.
        let own = ask.map(words).unwrap_or_default();
        let items = items(t, dossier, ask);
        let answers = items.iter().map(|item| &item.answer);
        let words = statements.iter().flat_map(|one| one.says.iter().chain([&one.text]));
        let words = words.chain(answers).chain([&own]).map(String::as_str);
        let words = words.collect::<Vec<_>>().join("\n");
        Self {
            answers: legal(answer),
            decides: legal(Act::bare(Kind::Decide)),
            assesses: legal(Act::bare(Kind::Assess)),
            outcomes: named(&["answered", "refused", "impossible", "postponed"], "outcome"),
            decisions: named(
                &["accepted", "accepted-with-conditions", "postponed", "refused"],
                "decision",
            ),
            dimensions: named(&scored, "score"),
            grounds: terms
                .known_grounds()
                .map(|code| (code.to_owned(), ground_of(t, terms, code)))
                .collect(),
            routing: (states && request.receiver == *us).then(|| Routing {
                authority: who.0.authority.clone().unwrap_or_default(),
                parts: named(&duty::PARTS, "part"),
                stands: named(&duty::STANDS, "stand"),
            }),
            routes: routes
                .into_iter()
                .map(|one| {
                    let (part, stand) = (said(&one.part, "part"), said(&one.stand, "stand"));
                    [one.authority, part, stand, one.note]
                })
                .collect(),
            unsettled: unsettled.iter().map(|why| problem::unsettled(t, why)).collect(),
            limits: limits(t, dossier),
            follow_up: follow_up(app, line).filter(|_| who.0.may(Right::State).is_ok()),
            disputed: dossier
                .disputed()
                .iter()
                .map(|one| {
                    let dimension = t.text(&format!("score-{}", one.dimension));
                    let scores =
                        [("asker", one.asker.to_string()), ("receiver", one.receiver.to_string())];
                    let [asker, receiver] = scores;
                    t.with("in-dispute", [("dimension", dimension), asker, receiver])
                })
                .collect(),
            translation: ask.and_then(|ask| ask.translation.as_ref()).map(|one| Translated {
                lead: if one.certified_by.is_empty() {
                    t.with("translated", [("language", one.language.clone())])
                } else {
                    let language = ("language", one.language.clone());
                    t.with("translated-certified", [language, ("by", one.certified_by.clone())])
                },
                title: one.title.clone(),
                facts: one.facts.clone(),
                items: one.items.clone(),
            }),
            id: line.summary.request.thread.to_string(),
            row: Row::of(app, t, line),
            unknown: (!line.clocks.is_known()).then(|| t.text("calendar-unknown")),
            headline: timeline::headline(t, line),
            drawing: timeline::draw(t, dossier, us, &zones, app.node.now()),
            under: t.with("under", [("agreement", terms.title(t.code()).to_owned())]),
            desired: t.text(&format!("desired-{}", line.standing.desired.as_str())),
            marking: ask.map(|ask| ask.marking.label()),
            marking_class: ask
                .map(|ask| ask.marking.label().to_ascii_lowercase().replace([':', '+'], "-"))
                .unwrap_or_default(),
            definitions: agreements::defined(t, terms, request.class.as_deref(), &words),
            related: Vec::new(),
            readers,
            facts: facts(t, dossier, ask),
            items,
            files: files(t, dossier),
            statements,
            moves,
            verdict: aftermath.verdict,
            problem: aftermath.problem,
            written: aftermath.written,
            frame,
        }
    }
}

/// The statements that have effect: what a refused one says is shown with it, and nowhere else.
fn effective(dossier: &Dossier) -> impl Iterator<Item = &Statement> {
    dossier.statements.iter().filter(|statement| statement.event.refused.is_none())
}

fn ask(dossier: &Dossier) -> Option<&Ask> {
    effective(dossier).find_map(|statement| match &statement.kept.as_ref()?.letter {
        Letter::Ask(ask) => Some(ask),
        _ => None,
    })
}

/// All that a request says in words.
pub(super) fn words(ask: &Ask) -> String {
    let items = ask.items.iter().map(|item| item.ask.as_str());
    let texts = [
        ask.title.as_str(),
        &ask.facts,
        &ask.purpose,
        &ask.urgency_reason,
        &ask.legal_basis,
        &ask.dual_criminality,
        &ask.reciprocity,
    ];
    texts.into_iter().chain(items).collect::<Vec<_>>().join("\n")
}

/// What was chosen of several, in words.
fn choice(t: Language, of: &str, chosen: impl Serialize) -> String {
    let name = serde_json::to_value(chosen).unwrap_or_default();
    t.text(&format!("{of}-{}", name.as_str().unwrap_or_default()))
}

fn facts(t: Language, dossier: &Dossier, ask: Option<&Ask>) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    if let Some(ask) = ask {
        facts.extend([
            (t.text("facts"), ask.facts.clone()),
            (t.text("legal-basis"), ask.legal_basis.clone()),
            (t.text("purpose"), ask.purpose.clone()),
            (t.text("urgency"), ask.urgency_reason.clone()),
            (t.text("contact"), ask.contact.clone()),
            (t.text("dual-criminality"), ask.dual_criminality.clone()),
            (t.text("reciprocity"), ask.reciprocity.clone()),
            (t.text("language-binding"), ask.language.clone()),
        ]);
        if let Some(category) = &ask.data_category {
            facts.push((t.text("data-category"), choice(t, "category", category)));
        }
    }
    for statement in effective(dossier) {
        if let Some(Letter::Answer(answer)) = statement.kept.as_ref().map(|kept| &kept.letter) {
            facts.push((t.text("use-limits"), answer.use_limits.clone()));
        }
    }
    facts.retain(|(_, text)| !text.is_empty());
    facts
}

/// The dates in the limits of use of what was answered, which stay with it.
/// Where this party goes on from a request of its own: under its terms, or others with the same side.
fn follow_up(app: &App, line: &Line) -> Option<String> {
    let (request, own) = (&line.summary.request, line.agreement.terms.hash());
    let mut open = app.node.agreements();
    open.retain(|one| app.node.stands(one) && one.peer == line.agreement.peer);
    let under = open.iter().find(|one| one.terms.hash() == own).or(open.first())?;
    let (id, terms) = (request.thread, under.terms.hash().to_hex());
    let ours = request.asker == *app.node.party();
    ours.then(|| format!("/requests/new?follows={id}&relation=extension&terms={terms}"))
}

fn limits(t: Language, dossier: &Dossier) -> Vec<String> {
    let mut all = Vec::new();
    for statement in effective(dossier) {
        let Some(Letter::Answer(answer)) = statement.kept.as_ref().map(|kept| &kept.letter) else {
            continue;
        };
        let Some(limits) = &answer.limits else { continue };
        if limits.speciality {
            all.push(t.text("limit-speciality"));
        }
        let date = |(what, day): (&str, jiff::civil::Date)| {
            t.with(&format!("limit-{what}"), [("day", day.to_string())])
        };
        all.extend(limits.dates().into_iter().map(date));
    }
    all
}

/// The agreement's kind, and what it is in words.
pub(super) fn kind_of(t: Language, terms: &Agreement, id: &str) -> String {
    let Some(kind) = terms.kind(id) else { return id.to_owned() };
    let ours = kind.maps_to.as_str();
    let text = t.text(&format!("asked-{ours}"));
    if ours == id { text } else { t.with("item-kind", [("kind", text), ("id", id.to_owned())]) }
}

fn items(t: Language, dossier: &Dossier, ask: Option<&Ask>) -> Vec<ItemRow> {
    let terms = &dossier.line.agreement.terms;
    let outcomes = &dossier.line.standing.outcomes;
    let mut rows: Vec<_> = ask
        .map(|ask| ask.items.as_slice())
        .unwrap_or_default()
        .iter()
        .zip(outcomes)
        .enumerate()
        .map(|(index, (item, outcome))| ItemRow {
            number: index + 1,
            ask: item.ask.clone(),
            kind: match &item.infrastructure {
                None => kind_of(t, terms, &item.kind),
                Some(sort) => {
                    let sort = choice(t, "infrastructure", sort);
                    format!("{} · {sort}", kind_of(t, terms, &item.kind))
                }
            },
            identifiers: item.identifiers.clone(),
            done: outcome.is_done(),
            answer: String::new(),
            reasons: Vec::new(),
            outcome: t.text(&format!("outcome-{}", outcome.as_str())),
            refused: *outcome == Outcome::Refused,
        })
        .collect();
    for statement in effective(dossier) {
        let Some(Letter::Answer(answer)) = statement.kept.as_ref().map(|kept| &kept.letter) else {
            continue;
        };
        for item in &answer.items {
            let row = item.item.checked_sub(1).and_then(|index| rows.get_mut(index));
            let Some(row) = row else { continue };
            row.answer.clone_from(&item.text);
            if let Some(reason) = &item.reason {
                row.reasons = reasons(t, terms, reason);
            }
        }
    }
    rows
}

fn files(t: Language, dossier: &Dossier) -> Vec<FileRow> {
    let thread = dossier.line.summary.request.thread;
    let mut rows = Vec::new();
    for statement in effective(dossier) {
        let Some(kept) = &statement.kept else { continue };
        let attached = kept.letter.attachments().iter().zip(&kept.files);
        for (number, (attachment, file)) in attached.enumerate() {
            let index = statement.event.index;
            let claim = |claim: &comity_rules::content::Claim| {
                let values = [("author", claim.author.clone()), ("text", claim.text.clone())];
                (t.with("claim", values), claim.disputed)
            };
            rows.push(FileRow {
                name: attachment.name.clone(),
                url: format!("/requests/{thread}/files/{}/{index}/{number}", statement.ledger),
                size: file.size,
                sha256: file.sha256.clone(),
                claims: attachment.claims.iter().map(claim).collect(),
            });
        }
    }
    rows
}

/// The moves that the rules allow now.
fn moves(t: Language, dossier: &Dossier, us: &PartyId) -> Vec<(&'static str, String)> {
    let request = &dossier.line.summary.request;
    let asker = request.asker == *us;
    let question = dossier.line.standing.question;
    let named = [
        (Kind::Acknowledge, "acknowledge", "act-acknowledge"),
        (Kind::Clarify, "clarify", "act-clarify"),
        (Kind::Reply, "reply", "act-reply"),
        (Kind::Close, "close", "act-close"),
        (Kind::Escalate, "escalate", "act-escalate"),
        (Kind::Withdraw, "withdraw", "act-withdraw"),
    ];
    let legal = |kind| {
        let act = Act { answers: question, ..Act::bare(kind) };
        request.check(asker, View::ALL, &act).is_ok()
    };
    let moves =
        named.into_iter().filter(|(kind, ..)| legal(*kind)).map(|(_, act, key)| (act, t.text(key)));
    moves.collect()
}

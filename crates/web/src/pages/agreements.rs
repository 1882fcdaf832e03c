//! `/agreements`: the terms that are signed here, and what they say of deadlines.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use comity_rules::Period;
use comity_rules::agreement::{Agreement, Counts, Definition, Nature, Reading};
use jiff::Timestamp;

use super::{Frame, is_exercise, render};
use crate::App;
use crate::language::Language;
use crate::session::Who;
use crate::when;

#[derive(Template)]
#[template(path = "agreements.html")]
struct Page {
    frame: Frame,
    agreements: Vec<Row>,
}

struct Row {
    title: String,
    id: String,
    terms: String,
    proposal: bool,
    closed: bool,
    word: Option<String>,
    notes: Vec<String>,
    parties: Vec<String>,
    witnesses: Vec<String>,
    classes: Vec<[String; 4]>,
    calendars: Vec<String>,
    /// A word, whether it is agreed, and how it is read.
    definitions: Vec<[String; 3]>,
}

pub(crate) async fn show(State(app): State<App>, t: Language, who: Who) -> Response {
    let limit = |limit: &Option<Period>| {
        let zero = Timestamp::UNIX_EPOCH;
        let spoken = |limit: &Period| when::span(t, limit.after(zero).duration_since(zero));
        limit.as_ref().map_or_else(|| t.text("limit-none"), spoken)
    };
    let agreements = app.node.agreements();
    let rows = agreements.iter().map(|agreement| {
        let terms = &agreement.terms;
        let between = terms.between.as_ref();
        Row {
            title: terms.title(t.code()).to_owned(),
            id: terms.id.clone(),
            terms: terms.hash().to_hex(),
            proposal: terms.nature == Nature::Proposal,
            closed: agreement.is_closed(),
            word: (terms.deadlines.word.as_ref())
                .filter(|_| terms.classes.is_empty())
                .map(|word| t.with("limit-word", [("word", word.clone())])),
            notes: [&terms.note, &terms.deadlines.note]
                .into_iter()
                .flatten()
                .map(|note| note.in_language(t.code()).to_owned())
                .collect(),
            parties: between
                .map(|b| b.parties.iter().map(|p| format!("{} ({})", p.name, p.zone)).collect())
                .unwrap_or_default(),
            witnesses: between
                .map(|b| b.witnesses.iter().map(|w| w.name.clone()).collect())
                .unwrap_or_default(),
            definitions: terms.definitions.iter().map(|one| definition(t, one)).collect(),
            calendars: between
                .iter()
                .flat_map(|between| &between.parties)
                .filter_map(|party| {
                    let calendar = terms.calendar_of(&party.id)?;
                    let hours = calendar.hours.map(String::from);
                    Some(t.with(
                        "agreement-calendar",
                        [
                            ("party", party.name.clone()),
                            ("calendar", calendar.id.clone()),
                            ("hours", hours.unwrap_or_else(|| t.text("all-day"))),
                            ("zone", calendar.zone.clone()),
                            ("until", calendar.until.to_string()),
                        ],
                    ))
                })
                .collect(),
            classes: terms
                .classes
                .iter()
                .map(|class| {
                    let limits = [&class.acknowledge, &class.answer].map(|period| {
                        let spoken = limit(period);
                        let working = class.counts == Counts::Working && period.is_some();
                        if working { t.with("limit-working", [("limit", spoken)]) } else { spoken }
                    });
                    let [acknowledge, answer] = limits;
                    let definition = class.definition.in_language(t.code()).to_owned();
                    [class.id.clone(), acknowledge, answer, definition]
                })
                .collect(),
        }
    });
    let agreements = rows.collect();
    let mut frame = Frame::of(&app, t, &who.0, "agreements", 0);
    frame.exercise = is_exercise(&app, &who.0).await;
    render(t, &Page { frame, agreements })
}

/// What the parties take the words of a text to mean: the word, whether they agree, and how each reads it. With it
/// the urgency class, which is a word of theirs too.
pub(super) fn defined(
    t: Language,
    terms: &Agreement,
    class: Option<&str>,
    text: &str,
) -> Vec<[String; 3]> {
    let class = class.and_then(|class| terms.class(class)).map(|class| {
        let meaning = class.definition.in_language(t.code()).to_owned();
        [class.id.clone(), t.text("meaning-agreed"), meaning]
    });
    class.into_iter().chain(terms.definitions_in(text).map(|one| definition(t, one))).collect()
}

fn definition(t: Language, definition: &Definition) -> [String; 3] {
    let reading = |reading: &Reading| {
        let text = reading.text.in_language(t.code());
        match &reading.party {
            Some(party) => format!("{party}: {text}"),
            None => text.to_owned(),
        }
    };
    let readings: Vec<_> = definition.readings.iter().map(reading).collect();
    let state = t.text(&format!("meaning-{}", definition.state.as_str()));
    [definition.term.clone(), state, readings.join(" / ")]
}

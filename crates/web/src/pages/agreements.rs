//! `/agreements`: the terms that are signed here, and what they say of deadlines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use comity_ledger::Hash;
use comity_node::closing::State as Stands;
use comity_node::dossier::Line;
use comity_node::node::Agreement as Signed;
use comity_rules::Terms;
use comity_rules::agreement::{Agreement, Counts, Definition, Nature, Reading};

use super::terms::{Part, limit, parts};
use super::{Frame, internal, render};
use crate::App;
use crate::language::Language;
use crate::session::Who;

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
    /// Where it stands, and whether that wants a look.
    state: (String, bool),
    word: Option<String>,
    notes: Vec<String>,
    parties: Vec<String>,
    witnesses: Vec<String>,
    classes: Vec<[String; 5]>,
    calendars: Vec<String>,
    /// A word, whether it is agreed, and how it is read.
    definitions: Vec<[String; 3]>,
    /// All of it.
    parts: Vec<Part>,
}

pub(crate) async fn show(State(app): State<App>, t: Language, who: Who) -> Response {
    let agreements = app.node.agreements();
    let mut states = Vec::new();
    for agreement in &agreements {
        match app.node.state_of(agreement).await {
            Ok(state) => states.push(state),
            Err(error) => return internal(t, &error),
        }
    }
    let rows = agreements.iter().zip(states).map(|(agreement, state)| {
        let terms = &agreement.terms;
        let between = terms.between.as_ref();
        Row {
            title: terms.title(t.code()).to_owned(),
            id: terms.id.clone(),
            terms: terms.hash().to_hex(),
            proposal: terms.nature == Nature::Proposal,
            state: (
                t.with(
                    &format!("agreement-state-{}", state.as_str()),
                    [("peer", terms.name_of(&agreement.peer))],
                ),
                state != Stands::Open,
            ),
            parts: parts(t, terms),
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
            definitions: terms.definitions.iter().map(|one| definition(t, terms, one)).collect(),
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
                    let limits = [&class.acknowledge, &class.decide, &class.answer].map(|period| {
                        let spoken = limit(t, period.as_ref());
                        let working = class.counts == Counts::Working && period.is_some();
                        if working { t.with("limit-working", [("limit", spoken)]) } else { spoken }
                    });
                    let [acknowledge, decide, answer] = limits;
                    let definition = class.definition.in_language(t.code()).to_owned();
                    [class.id.clone(), acknowledge, decide, answer, definition]
                })
                .collect(),
        }
    });
    let agreements = rows.collect();
    let frame = Frame::of(&app, t, &who.0, "agreements", 0);
    render(t, &Page { frame, agreements })
}

/// What the parties take the words of a text to mean: the word, whether they agree, and how each reads it. With it
/// the urgency class, which is a word of theirs too.
pub(super) fn defined(
    t: Language,
    terms: &Agreement,
    id: Option<&str>,
    text: &str,
) -> Vec<[String; 3]> {
    let class = id.and_then(|class| terms.class(class)).map(|class| {
        let meaning = class.definition.in_language(t.code()).to_owned();
        [class.id.clone(), t.text("meaning-terms"), meaning]
    });
    let defined = terms.definitions_in(id, text).map(|one| definition(t, terms, one));
    class.into_iter().chain(defined).collect()
}

/// What is said under some terms: with an urgency class, where it has one.
pub(super) type Said<'l> = (&'l Terms, Option<&'l str>, &'l str);

/// What the rows of a list say: their titles and classes.
pub(super) fn said<'l>(lines: impl Iterator<Item = &'l Line>) -> impl Iterator<Item = Said<'l>> {
    lines.map(|line| {
        let class = line.summary.request.class.as_deref();
        (&line.agreement.terms, class, line.summary.title.as_str())
    })
}

/// The same of all that a page says.
pub(super) fn defined_in<'l>(t: Language, all: impl Iterator<Item = Said<'l>>) -> Vec<[String; 3]> {
    let mut said: BTreeMap<Hash, (&Terms, BTreeSet<&str>, String)> = BTreeMap::new();
    for (terms, class, text) in all {
        let (_, classes, texts) =
            said.entry(terms.hash()).or_insert_with(|| (terms, BTreeSet::new(), String::new()));
        classes.extend(class);
        texts.push_str(text);
        texts.push('\n');
    }
    let mut all = Vec::new();
    for (terms, classes, texts) in said.into_values() {
        let of_texts = terms.definitions_in(None, &texts);
        let of_classes = classes.into_iter().flat_map(|id| terms.definitions_in(Some(id), ""));
        for one in of_texts.chain(of_classes).map(|one| definition(t, terms, one)) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

/// A word, whether the parties agree on it, and how each reads it.
pub(crate) fn definition(t: Language, terms: &Agreement, definition: &Definition) -> [String; 3] {
    let reading = |reading: &Reading| {
        let text = reading.text.in_language(t.code());
        match &reading.party {
            // A template's readings are of those whom the instrument was made between.
            Some(party) => {
                let id = party.parse().ok();
                let named = id.and_then(|id| terms.party(&id)).map(|party| party.name.clone());
                format!("{}: {text}", named.unwrap_or_else(|| party.clone()))
            }
            None => text.to_owned(),
        }
    };
    let readings: Vec<_> = definition.readings.iter().map(reading).collect();
    let state = t.text(&format!("meaning-{}", definition.state.as_str()));
    // The reader's word first, and what it is to the other side.
    let own = definition.words.in_language(t.code());
    let own = if own.is_empty() { definition.term.as_str() } else { own };
    let others = definition.words.all().map(|(_, word)| word).filter(|word| *word != own);
    let others: Vec<_> = others.collect();
    let word =
        if others.is_empty() { own.to_owned() } else { format!("{own} ({})", others.join(", ")) };
    [word, state, readings.join(" / ")]
}

/// Agreements by their hashes, each with whom and what it is; those that are alike with their day, and if need be the first
/// digits of the hash.
pub(crate) fn named(t: Language, all: &[Arc<Signed>]) -> Vec<(String, String)> {
    let hash = |one: &Signed| one.terms.hash().to_hex();
    let name =
        |one: &Signed| format!("{} · {}", one.terms.name_of(&one.peer), one.terms.title(t.code()));
    let day = |one: &Signed| {
        let proposed = one.terms.between.as_ref().map(|between| between.proposed);
        proposed.map(|time| time.strftime(" · %Y-%m-%d").to_string()).unwrap_or_default()
    };
    let short = |one: &Signed| format!(" · {}", hash(one).get(..8).unwrap_or_default());
    let mut names: Vec<String> = all.iter().map(|one| name(one)).collect();
    let tell: [&dyn Fn(&Signed) -> String; 2] = [&day, &short];
    for more in tell {
        let before = names.clone();
        for (one, name) in all.iter().zip(&mut names) {
            if before.iter().filter(|other| *other == name).count() > 1 {
                name.push_str(&more(one));
            }
        }
    }
    all.iter().map(|one| hash(one)).zip(names).collect()
}

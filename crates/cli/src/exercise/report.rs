//! What is said after an exercise: what was planned, what came, and what both sides' figures make of it.

use comity_rules::matter::Signal;
use comity_web::Said;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Played;
use super::script::Script;
use crate::output::table;

/// What came of a step.
pub(super) struct Came {
    pub(super) number: usize,
    /// When it was to be.
    pub(super) planned: Timestamp,
    /// When it was.
    pub(super) at: Timestamp,
    /// Whether it is as it should be.
    pub(super) good: bool,
    /// Whether a person did it.
    pub(super) by_person: bool,
    /// Why not, or how it was refused.
    pub(super) said: Option<Said>,
}

pub(super) fn json(script: &Script, played: &Played) -> Value {
    let steps = script.steps.iter().zip(&played.steps).map(|(step, came)| {
        json!({
            "step": came.number,
            "by": step.by,
            "as": step.who,
            "what": step.tell.in_language("en"),
            "expectation": step.expect.is_some(),
            "planned": came.planned,
            "at": came.at,
            "by_person": came.by_person,
            "as_it_should_be": came.good,
            "said": came.said.as_ref().map(|said| said.in_language("en")),
        })
    });
    json!({
        "exercise": true,
        "title": script.title.in_language("en"),
        "note": script.note.in_language("en"),
        "steps": steps.collect::<Value>(),
        "as_it_should_be": played.is_good(),
        "same_review_on_both_nodes_and_nothing_counted_as_real": played.same,
        "ledgers_clean": played.clean,
        "review": played.review,
    })
}

pub(super) fn text(script: &Script, played: &Played) -> String {
    let total = played.steps.len();
    let wrong = played.steps.iter().filter(|came| !came.good).count();
    let mut out =
        format!("\nAfter the exercise: {} of {total} steps as they should be.\n", total - wrong);
    for (step, came) in script.steps.iter().zip(&played.steps).filter(|(_, came)| !came.good) {
        let said = came.said.as_ref().map(|said| said.in_language("en")).unwrap_or_default();
        out.push_str(&format!("  step {}: {}: {said}\n", came.number, step.tell.in_language("en")));
    }
    let yes = |flag: bool| if flag { "yes" } else { "NO" };
    out.push_str(&format!(
        "Both nodes make the same review, and nothing of it counts as real: {}\n\
         An outsider finds both ledgers whole: {}\n",
        yes(played.same),
        yes(played.clean)
    ));
    let mut rows = Vec::new();
    let seconds = |value: Option<i64>| value.map_or_else(|| "–".to_owned(), |s| format!("{s} s"));
    for (party, answers) in &played.review.answers_of {
        for (name, times) in [("acknowledge", &answers.acknowledge), ("answer", &answers.answer)] {
            if times.done + times.open > 0 {
                rows.push(row(party.as_str(), name, times, &seconds));
            }
        }
    }
    for (party, readiness) in &played.review.mechanism.hotline {
        for (signal, times, _) in readiness.by_signal() {
            let name = match signal {
                Signal::Echo => "echo",
                Signal::ReadBack => "read back",
                Signal::Ping => "announced test",
                _ => "hotline message",
            };
            if times.done + times.open > 0 {
                rows.push(row(party.as_str(), name, times, &seconds));
            }
        }
    }
    let head = ["of", "what", "done", "open", "within", "late", "overdue", "median", "P90"];
    out.push_str(&format!("\n{}", table(&head, rows.into_iter())));
    out
}

fn row(
    party: &str,
    name: &str,
    times: &comity_rules::review::Times,
    seconds: &impl Fn(Option<i64>) -> String,
) -> Vec<String> {
    vec![
        party.to_owned(),
        name.to_owned(),
        times.done.to_string(),
        times.open.to_string(),
        times.within.to_string(),
        times.late.to_string(),
        times.overdue.to_string(),
        seconds(times.median),
        seconds(times.p90),
    ]
}

pub(super) fn html(script: &Script, played: &Played, language: &str) -> String {
    let name = |id: &comity_rules::PartyId| {
        let party = script.parties.iter().find(|party| party.id == *id);
        party.map_or_else(|| id.to_string(), |party| party.name.clone())
    };
    let steps = script.steps.iter().zip(&played.steps).map(|(step, came)| comity_web::Step {
        number: came.number,
        at: came.at,
        by: name(&step.by),
        who: step.who.clone(),
        what: step.tell.in_language(language).to_owned(),
        good: came.good,
        said: came.said.as_ref(),
    });
    let story = comity_web::Story {
        title: script.title.in_language(language).to_owned(),
        note: script.note.in_language(language).to_owned(),
        steps: steps.collect(),
        good: played.is_good(),
    };
    comity_web::exercise_report(&story, &played.review, &played.terms, language)
}

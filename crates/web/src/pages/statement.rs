//! The statements of a thread, with their proofs: the table at the end of every page about one.

use comity_node::dossier::Statement;
use comity_rules::agreement::Agreement;
use comity_rules::content::{ActionItem, Criterion, Letter, Reason};
use comity_rules::matter::Mark;
use comity_rules::{Kind, PartyId};

use crate::language::Language;
use crate::when::Zones;
use crate::{problem, timeline};

/// A row of it.
pub(crate) struct StatementRow {
    pub(crate) by: String,
    pub(crate) what: String,
    pub(crate) text: String,
    /// What it says beside its text: a decision and its reason, scores.
    pub(crate) says: Vec<String>,
    pub(crate) entry: String,
    pub(crate) time: String,
    pub(crate) proof: String,
    pub(crate) cosigners: String,
    pub(crate) receipt: String,
    /// When the other side's mirror had it, and when its receipt was witnessed.
    pub(crate) held: Vec<String>,
    pub(crate) without_effect: Option<String>,
}

impl StatementRow {
    pub(crate) fn of(
        t: Language,
        terms: &Agreement,
        statement: &Statement,
        by: String,
        zones: &Zones,
    ) -> Self {
        let event = &statement.event;
        let at = |key: &str, time: Option<jiff::Timestamp>| {
            time.map(|time| t.with(key, [("time", zones.both(t, time))]))
        };
        let receipted = event.receipt.as_ref().and_then(|receipt| receipt.witnessed);
        let held = [at("held-since", event.mirrored), at("receipted-at", receipted)];
        let receipt = match event.receipt.as_ref().map(|receipt| receipt.code.as_str()) {
            None => t.text("receipt-none"),
            Some("") => t.text("receipt-accepted"),
            Some(code) => t.with("receipt-refused", [("code", problem::code(t, code))]),
        };
        let text =
            statement.kept.as_ref().map(|kept| kept.letter.text().to_owned()).unwrap_or_default();
        Self {
            by,
            says: says(t, terms, statement),
            held: held.into_iter().flatten().collect(),
            what: t.text(&timeline::kind_key(event.act.kind)),
            text,
            entry: t.with("proof-entry", [("index", event.index.to_string())]),
            time: event.witnessed.map(|time| zones.both(t, time)).unwrap_or_default(),
            proof: t.text(timeline::proof_key(statement)),
            cosigners: statement.cosigners.join(", "),
            receipt,
            without_effect: event
                .refused
                .as_ref()
                .map(|code| t.with("without-effect", [("code", problem::code(t, code))])),
        }
    }
}

/// What a statement says beside its text.
fn says(t: Language, terms: &Agreement, statement: &Statement) -> Vec<String> {
    let name = |id: &PartyId| terms.name_of(id);
    let mut says = match statement.kept.as_ref().map(|kept| &kept.letter) {
        Some(Letter::Ruling(ruling)) => {
            let mut says = vec![t.text(&format!("decision-{}", ruling.decision.as_str()))];
            says.extend(ruling.reason.iter().flat_map(|reason| reasons(t, terms, reason)));
            says
        }
        Some(Letter::Assessment(assessment)) => {
            let score = |(dimension, score): (&String, &u8)| {
                let dimension = t.text(&format!("score-{dimension}"));
                t.with("score", [("dimension", dimension), ("score", score.to_string())])
            };
            assessment.scores.iter().map(score).collect()
        }
        Some(Letter::Message(message)) if !message.spoken.is_empty() => {
            vec![t.with("spoken", [("text", message.spoken.clone())])]
        }
        Some(Letter::Yardstick(yardstick)) => {
            let criterion = |one: &Criterion| {
                let [id, text, evidence] = [&one.id, &one.text, &one.evidence].map(String::clone);
                t.with("criterion", [("id", id), ("text", text), ("evidence", evidence)])
            };
            yardstick.criteria.iter().map(criterion).collect()
        }
        Some(Letter::Judgement(judgement)) => {
            let (from, to) = (judgement.from.to_string(), judgement.to.to_string());
            let mut says = vec![t.with("judged-period", [("from", from), ("to", to)])];
            says.extend(judgement.verdicts.iter().map(|(party, verdict)| {
                let verdict = t.text(&format!("verdict-{verdict}"));
                t.with("judged", [("party", name(party)), ("verdict", verdict)])
            }));
            says.extend(judgement.findings.iter().map(|finding| {
                let verdict = t.text(&format!("verdict-{}", finding.verdict));
                let (criterion, evidence) = (finding.criterion.clone(), finding.evidence.clone());
                let party = name(&finding.party);
                let [party, criterion] = [("party", party), ("criterion", criterion)];
                t.with("finding", [party, criterion, ("verdict", verdict), ("evidence", evidence)])
            }));
            says
        }
        Some(Letter::Concern(concern)) => {
            vec![t.with("under-commitment", [("id", concern.commitment.clone())])]
        }
        Some(Letter::Notice(notice)) if !notice.use_limits.is_empty() => {
            vec![t.with("limited", [("text", notice.use_limits.clone())])]
        }
        Some(Letter::Agenda(agenda)) => {
            let place = Some(&agenda.place).filter(|place| !place.is_empty());
            place.into_iter().chain(&agenda.points).cloned().collect()
        }
        Some(Letter::Record(record)) => {
            let action = |(number, action): (usize, &ActionItem)| {
                let due = action.due.map(|due| due.to_string());
                let [number, text] = [("n", number.to_string()), ("text", action.text.clone())];
                let due = due.unwrap_or_else(|| t.text("action-undated"));
                t.with("action-item", [number, text, ("party", name(&action.party)), ("due", due)])
            };
            (1..).zip(&record.actions).map(action).collect()
        }
        _ => Vec::new(),
    };
    let act = &statement.event.act;
    let names = match act.kind {
        Kind::Say => Some("in-place-of"),
        Kind::Confirm => Some("of-entry"),
        _ => None,
    };
    if let Some((key, place)) = names.zip(act.answers) {
        says.push(t.with(key, [("index", place.to_string())]));
    }
    says.extend(match &act.mark {
        Some(Mark::Position(position)) => Some(t.text(&format!("position-{}", position.as_str()))),
        Some(Mark::ReadBack) => Some(t.text("read-back-done")),
        Some(Mark::Meeting(day)) => Some(t.with("meeting-day", [("day", day.0.to_string())])),
        Some(Mark::Minutes(day, _)) => Some(t.with("meeting-held", [("day", day.0.to_string())])),
        Some(Mark::Action(item, done)) => {
            let key = if *done { "action-done" } else { "action-open" };
            Some(t.with(key, [("n", item.to_string())]))
        }
        Some(Mark::Signal(..)) | None => None,
    });
    says
}

pub(crate) fn reasons(t: Language, terms: &Agreement, reason: &Reason) -> Vec<String> {
    let ground = ground_of(t, terms, &reason.ground);
    let consulted = match reason.consulted {
        Some(true) => t.with("consulted", [("yes", "yes")]),
        Some(false) => t.with("consulted", [("yes", "no")]),
        None => t.text("consulted-unsaid"),
    };
    vec![
        t.with("ground", [("ground", ground), ("law", reason.law.clone())]),
        t.with("alternative", [("text", reason.alternative.clone())]),
        consulted,
    ]
}

/// The ground's text in the reader's language, as the terms have it, and its code.
pub(crate) fn ground_of(t: Language, terms: &Agreement, code: &str) -> String {
    let text = terms.ground(code).map(|ground| ground.text.in_language(t.code()).to_owned());
    text.or_else(|| t.known(&format!("ground-{code}"))).map_or_else(
        || code.to_owned(),
        |text| t.with("code", [("text", text), ("code", code.to_owned())]),
    )
}

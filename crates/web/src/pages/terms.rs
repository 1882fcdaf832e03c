//! Terms in full: every part of an agreement as a table, in the reader's language, with how sure each fact is.

use comity_rules::Period;
use comity_rules::agreement::{Agreement, Evidence, RefusalPart, Words};

use crate::language::Language;
use crate::when;

/// A part of the terms.
pub(super) struct Part {
    pub(super) title: String,
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A limit or a cadence, spoken.
pub(super) fn limit(t: Language, limit: Option<&Period>) -> String {
    limit.map_or_else(|| t.text("limit-none"), |limit| when::period(t, limit))
}

fn sure(t: Language, evidence: Evidence) -> String {
    t.text(match evidence {
        Evidence::Verified => "sure-verified",
        Evidence::Secondary => "sure-secondary",
        Evidence::Knowledge => "sure-knowledge",
        Evidence::Proposal => "sure-proposal",
        Evidence::Absent => "sure-absent",
    })
}

/// A text in every language that it has: texts that are not equal are seen to be so.
fn texts(words: &Words) -> String {
    let each: Vec<String> = words.all().map(|(tongue, text)| format!("{tongue}: {text}")).collect();
    each.join("\n")
}

fn said(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

/// The parts that these terms have.
pub(super) fn parts(t: Language, terms: &Agreement) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut part = |title: &str, heads: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let heads = heads.iter().chain(&["column-sure"]).map(|head| t.text(head)).collect();
            parts.push(Part { title: t.text(title), heads, rows });
        }
    };
    let spoken = |period: &Option<Period>| limit(t, period.as_ref());
    let kinds = terms.kinds.iter().map(|kind| {
        let maps = t.text(&format!("asked-{}", kind.maps_to.as_str()));
        vec![kind.id.clone(), maps, said(kind.reference.as_ref()), sure(t, kind.evidence)]
    });
    part("terms-kinds", &["item-sort", "column-what", "column-reference"], kinds.collect());
    let others = terms.not_carried.iter().map(|one| {
        let why = one.why.in_language(t.code()).to_owned();
        vec![one.id.clone(), why, said(one.reference.as_ref()), sure(t, one.evidence)]
    });
    part("not-carried", &["item-sort", "column-why", "column-reference"], others.collect());
    let classes = terms.classes.iter().map(|class| {
        vec![
            class.id.clone(),
            spoken(&class.acknowledge),
            spoken(&class.decide),
            spoken(&class.answer),
            class.definition.in_language(t.code()).to_owned(),
            sure(t, class.evidence),
        ]
    });
    let heads =
        ["column-class", "limit-acknowledge", "limit-decide", "limit-answer", "column-what"];
    part("terms-classes", &heads, classes.collect());
    let grounds = terms.grounds.iter().map(|ground| {
        let reference = said(ground.reference.as_ref());
        let text = ground.text.in_language(t.code()).to_owned();
        vec![ground.code.clone(), text, reference, sure(t, ground.evidence)]
    });
    part("terms-grounds", &["field-ground", "column-what", "column-reference"], grounds.collect());
    let refusal = &terms.refusal;
    let closed = if refusal.grounds_closed { "terms-closed" } else { "terms-open" };
    let wants = refusal.must_state.iter().map(|part| {
        t.text(match part {
            RefusalPart::Law => "field-law",
            RefusalPart::Alternative => "field-alternative",
            RefusalPart::Consulted => "field-consulted",
        })
    });
    let wants = wants.collect::<Vec<_>>().join(", ");
    let row = vec![t.text(closed), wants, said(refusal.note.as_ref()), sure(t, refusal.evidence)];
    part("terms-refusal", &["terms-grounds", "terms-must-state", "terms-note"], vec![row]);
    let clarification = terms.clarification.iter().map(|one| {
        vec![spoken(&one.reply_within), said(one.anchor.as_ref()), sure(t, one.evidence)]
    });
    part("terms-clarification", &["terms-reply", "column-reference"], clarification.collect());
    let ladder = terms.ladder.iter().map(|step| {
        let triggers = step.triggers.iter().map(|one| t.text(&format!("trigger-{}", one.as_str())));
        vec![
            step.step.to_string(),
            step.to.in_language(t.code()).to_owned(),
            triggers.collect::<Vec<_>>().join(" "),
            step.after.as_ref().map(|after| limit(t, Some(after))).unwrap_or_default(),
            sure(t, step.evidence),
        ]
    });
    part("terms-ladder", &["step", "column-to", "column-when", "column-after"], ladder.collect());
    let hotline = terms.hotline.iter().flat_map(|hotline| {
        let cadences = [
            ("signal-echo", &hotline.echo_every),
            ("signal-read-back", &hotline.read_back_every),
            ("signal-ping", &hotline.ping_every),
            ("terms-echo-within", &hotline.echo_within),
            ("terms-acknowledge-within", &hotline.acknowledge_within),
            ("terms-epoch", &hotline.epoch),
        ];
        let level = hotline
            .level
            .as_ref()
            .map(|level| vec![t.text("terms-level"), texts(&level.text), sure(t, level.evidence)]);
        let purpose = vec![t.text("purpose"), texts(&hotline.purpose), sure(t, hotline.evidence)];
        let cadences = cadences.into_iter().filter(|(_, period)| period.is_some());
        let cadences = cadences
            .map(|(key, every)| vec![t.text(key), spoken(every), sure(t, hotline.evidence)]);
        [Some(purpose), level].into_iter().flatten().chain(cadences).collect::<Vec<_>>()
    });
    part("place-hotline", &["column-what", "column-says"], hotline.collect());
    let review = terms.review.iter().map(|review| {
        let first = review.first_by.map(|day| day.to_string()).unwrap_or_default();
        let criterion = |id: &String| {
            let key = format!("criterion-{id}");
            t.known(&key).unwrap_or_else(|| id.clone())
        };
        let criteria: Vec<_> = review.criteria.iter().map(criterion).collect();
        vec![spoken(&review.every), first, criteria.join("; "), sure(t, review.evidence)]
    });
    part("terms-review", &["column-every", "terms-first-by", "criterion-by"], review.collect());
    let kind_of = |kind: &String| {
        let key = format!("kind-{}", kind.split('/').next().unwrap_or(kind).replace('.', "-"));
        t.known(&key).unwrap_or_else(|| kind.clone())
    };
    let release = terms.release.iter().map(|release| {
        let kinds: Vec<_> = release.two_persons.iter().map(kind_of).collect();
        let except = release.except_classes.join(", ");
        vec![kinds.join(", "), except, sure(t, release.evidence)]
    });
    part("terms-release", &["column-what", "terms-except"], release.collect());
    let directory = terms.directory.iter().map(|contact| {
        let hours = [said(contact.hours.as_ref()), said(contact.zone.as_ref())].join(" ");
        vec![
            format!("{} · {}", contact.party, contact.name.in_language(t.code())),
            contact.role.in_language(t.code()).to_owned(),
            said(contact.reach.as_ref()),
            hours.trim().to_owned(),
            sure(t, contact.evidence),
        ]
    });
    let heads = ["authority", "column-what", "terms-reach", "terms-hours"];
    part("terms-directory", &heads, directory.collect());
    let commitments = terms.commitments.iter().map(|one| {
        let sources = one.sources.join(", ");
        vec![one.id.clone(), texts(&one.summary), sources, sure(t, one.evidence)]
    });
    let heads = ["field-commitment", "column-says", "column-reference"];
    part("topics-commitment", &heads, commitments.collect());
    let events = terms.events.iter().map(|event| {
        let day = event.date.to_string();
        let shown = if event.month_only { day.get(..7).unwrap_or(&day).to_owned() } else { day };
        vec![shown, event.kind.clone(), event.outcomes.join("; "), sure(t, event.evidence)]
    });
    part("terms-events", &["column-when", "column-what", "column-outcome"], events.collect());
    let sources = terms.sources.iter().map(|source| {
        let title = source.title.clone();
        vec![source.id.clone(), title, said(source.url.as_ref()), sure(t, source.evidence)]
    });
    part("terms-sources", &["field-id", "title", "terms-where"], sources.collect());
    parts
}

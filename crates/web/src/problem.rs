//! What went wrong, in the reader's language.

use comity_node::Error;
use comity_node::duty::Unsettled;
use comity_rules::command::Problem;

use crate::language::Language;

/// A refusal's stable name with what it means.
pub(crate) fn code(t: Language, code: &str) -> String {
    let text = t.text(&format!("code-{code}"));
    t.with("code", [("text", text), ("code", code.to_owned())])
}

/// Why a party does not speak with one voice yet.
pub(crate) fn unsettled(t: Language, why: &Unsettled) -> String {
    let (key, who) = match why {
        Unsettled::TwoLead(all) => ("unsettled-two-lead", all.join(", ")),
        Unsettled::NobodyLeads(one) => ("unsettled-nobody-leads", one.clone()),
        Unsettled::NotHeard(one) => ("unsettled-not-heard", one.clone()),
        Unsettled::Objects(one) => ("unsettled-objects", one.clone()),
    };
    t.with(key, [("who", who)])
}

/// Why a node did not do something. What the catalogues do not know goes to the log.
pub(crate) fn text(t: Language, error: &Error) -> String {
    let place = |key: &str, place: &str| {
        let place = if place == "text" { t.text("text-field") } else { place.to_owned() };
        t.with(key, [("place", place)])
    };
    match error {
        Error::Command(Problem::Illegal(illegal)) => t.text(&format!("code-{}", illegal.code())),
        Error::Command(Problem::Missing { place: at, .. }) => place("problem-missing", at),
        Error::Command(Problem::NotInTerms { place: at, .. }) => place("problem-terms", at),
        Error::Command(Problem::Wrong { place: at, .. }) => place("problem-wrong", at),
        Error::Early(illegal) => {
            let why = t.text(&format!("code-{}", illegal.code()));
            t.with("problem-early", [("why", why)])
        }
        Error::ReadBack(word) => t.with("problem-read-back", [("word", word.to_string())]),
        Error::Unsettled(voices) => {
            let each = voices.0.iter().map(|one| unsettled(t, one));
            t.with("problem-unsettled", [("why", each.collect::<Vec<_>>().join("; "))])
        }
        Error::Denied(_) => t.text("problem-denied"),
        Error::Ledger(error) => code(t, error.code()),
        Error::Missing { .. } => t.text("problem-missing-thing"),
        Error::Stopping => t.text("problem-stopping"),
        error if error.is_unreachable() => t.text("problem-unreachable"),
        error => {
            tracing::warn!(%error, "a page");
            t.text("problem-other")
        }
    }
}

//! What went wrong, in the reader's language.

use comity_node::Error;
use comity_node::duty::Unsettled;
use comity_node::inside::Inside;
use comity_rules::command::{Flaw, Problem};

use crate::language::Language;
use crate::said;

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

/// Why something does not fit.
fn flaw(t: Language, flaw: &Flaw) -> String {
    let key = format!("flaw-{}", flaw.code());
    match flaw {
        Flaw::TooMany { given, most } => t.with(&key, [("given", *given), ("most", *most)]),
        Flaw::TooLong { given, most } => t.with(&key, [("given", *given), ("most", *most)]),
        Flaw::NotEachTranslated { given, items } => {
            t.with(&key, [("given", *given), ("items", *items)])
        }
        Flaw::NoItem { items } => t.with(&key, [("items", *items)]),
        Flaw::Dimension { known } => t.with(&key, [("known", known.clone())]),
        Flaw::NotCarried(why) => t.with(&key, [("why", why.in_language(t.code()).to_owned())]),
        Flaw::Stranger(party) => t.with(&key, [("party", party.to_string())]),
        Flaw::BeforeTerms(day) | Flaw::DueBefore(day) => t.with(&key, [("day", day.to_string())]),
        Flaw::OnlyTakedown
        | Flaw::NoLanguage
        | Flaw::NoLimit
        | Flaw::SameLanguage
        | Flaw::NoId
        | Flaw::NotOneLine
        | Flaw::Twice
        | Flaw::LeftOpen
        | Flaw::Score
        | Flaw::EmptyPeriod => t.text(&key),
    }
}

/// What this party holds its own people to.
fn inside(t: Language, inside: &Inside) -> String {
    match inside {
        Inside::ReadBack(word) => t.with("problem-read-back", [("word", *word)]),
        Inside::Unread(_) => t.text("problem-unread"),
        Inside::Unsettled(voices) => {
            let each = voices.0.iter().map(|one| unsettled(t, one));
            t.with("problem-unsettled", [("why", each.collect::<Vec<_>>().join("; "))])
        }
        Inside::NotFixed { criterion, known } => {
            let values = [("criterion", criterion.clone()), ("known", known.clone())];
            t.with("problem-not-fixed", values)
        }
        Inside::NothingToFollow(id) => t.with("problem-nothing-to-follow", [("id", id.clone())]),
        Inside::OthersRequest(id) => t.with("problem-others-request", [("id", id.clone())]),
        Inside::OtherSort => t.text("problem-other-sort"),
        Inside::OthersAction { item, party } => {
            let values = [("item", item.to_string()), ("party", party.to_string())];
            t.with("problem-others-action", values)
        }
        Inside::Suspended(thread) => t.with("problem-suspended", [("id", thread.short())]),
        Inside::Past(day) => t.with("problem-past", [("day", day.to_string())]),
        Inside::NotOver(day) => t.with("problem-not-over", [("day", day.to_string())]),
        Inside::OwnDraft => t.text("problem-own-draft"),
        Inside::Decided { what, by } => {
            let key = if what == "released" { "problem-released" } else { "problem-returned" };
            t.with(key, [("by", by.clone())])
        }
        Inside::NoNote => t.text("problem-no-note"),
        Inside::NoHandover => t.text("problem-no-handover"),
        Inside::NoPart { .. } => t.text("no-such-form"),
        Inside::NoAuthority => t.text("problem-no-authority"),
        Inside::Said { authority, stand, who } => {
            let stand = t.text(&format!("stand-{stand}"));
            let values = [("authority", authority.clone()), ("stand", stand), ("who", who.clone())];
            t.with("problem-said", values)
        }
    }
}

/// Why a node did not do something. What the catalogues do not know goes to the log.
pub(crate) fn text(t: Language, error: &Error) -> String {
    match error {
        Error::Command(Problem::Illegal(illegal)) => t.text(&format!("code-{}", illegal.code())),
        Error::Command(Problem::Missing { place, .. }) => {
            t.with("problem-missing", [("place", said::place(t, place))])
        }
        Error::Command(Problem::NotInTerms { place, known }) => {
            t.with("problem-terms", [("place", said::place(t, place)), ("known", known.clone())])
        }
        Error::Command(Problem::Wrong { place, flaw: why }) => {
            t.with("problem-wrong", [("place", said::place(t, place)), ("why", flaw(t, why))])
        }
        Error::Early(illegal) => {
            let why = t.text(&format!("code-{}", illegal.code()));
            t.with("problem-early", [("why", why)])
        }
        Error::Inside(why) => inside(t, why),
        Error::Closed(_) => t.text("problem-closed"),
        Error::Ending { peer, .. } => t.with("problem-ending", [("peer", peer.to_string())]),
        Error::Waiting { peer, .. } => t.with("problem-waiting", [("peer", peer.to_string())]),
        Error::Denied(denied) => {
            let who = denied
                .who
                .split(", ")
                .map(|role| t.known(&format!("role-{role}")).unwrap_or_else(|| role.to_owned()));
            t.with("problem-denied", [("who", who.collect::<Vec<_>>().join(", "))])
        }
        Error::Ledger(comity_ledger::Error::ContentTooLong { max, found }) => {
            t.with("problem-too-long", [("found", *found), ("most", *max)])
        }
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

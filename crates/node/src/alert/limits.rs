//! Dates in the limits of use of what was answered: people are told of them in time.

use comity_rules::Request;
use comity_rules::agreement::RequestKind;
use comity_rules::content::{Letter, Relation};
use comity_rules::request::{Decision, Desired, Outcome, Status};
use comity_rules::thread::{Event, View};
use comity_store::alert::Alert;
use comity_store::request::{self, Summary};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::watch::{About, DAYS};
use crate::node::{Error, Node};

/// How many days after it people are still told.
const PAST: i32 = 3;

/// Dates that are looked at.
const LIMITS: u64 = 20_000;

/// Rows that are read at a time.
const PAGE: u64 = 500;

/// Requests that go on from one, and from those, which are looked at.
const FOLLOWING: usize = 500;

/// Dates in the limits of use of answers that this party got, from a fortnight before.
pub(super) async fn all(node: &Node, alerts: &mut Vec<Alert>) -> Result<(), Error> {
    let today = node.now().to_zoned(TimeZone::UTC).date();
    let (from, until) = (today.saturating_sub(PAST.days()), today.saturating_add(DAYS.days()));
    for (thread, what, day) in request::limits(&node.db, (from, until), LIMITS).await? {
        let found = request::show(&node.db, thread).await?;
        if found.request.asker != *node.party() {
            continue;
        }
        if what == "preserved" && is_prolonged(node, &found.request, day).await? {
            continue;
        }
        let about = About {
            node,
            thread: Some(thread),
            class: None,
            peer: &found.request.receiver,
            exercise: found.request.exercise,
        };
        let due = day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        alerts.push(about.alert(&format!("limit-{what}"), &day.to_string(), 1, due));
    }
    Ok(())
}

/// Whether this party has asked the same side for more time than until `day`, or for the data, and has it or may still be
/// given it: that is what the alarm is for.
async fn is_prolonged(node: &Node, kept: &Request, day: Date) -> Result<bool, Error> {
    let (mut from, mut looked_at) = (vec![kept.thread], 0);
    while let Some(thread) = from.pop() {
        for one in request::following(&node.db, thread, PAGE).await? {
            looked_at += 1;
            let same = one.request.asker == kept.asker && one.request.receiver == kept.receiver;
            if !same || looked_at > FOLLOWING {
                continue;
            }
            match prolongs(node, &one, day).await? {
                Some(true) => return Ok(true),
                // More time was asked for in vain; whoever asks again may do so from there.
                Some(false) => from.push(one.request.thread),
                None => {}
            }
        }
    }
    Ok(false)
}

/// Whether a request that goes on from one whose data is kept has given more time, or the data, or still may; none where it
/// asks for neither.
async fn prolongs(node: &Node, one: &Summary, day: Date) -> Result<Option<bool>, Error> {
    let agreement = node.agreement(&one.terms)?;
    let preserves = |kind: &str| {
        agreement.terms.kind(kind).is_some_and(|kind| kind.maps_to == RequestKind::Preservation)
    };
    let mut said = request::statements(&node.db, one.request.thread).await?;
    said.retain(|statement| statement.refused.is_none());
    let letters = || said.iter().filter_map(|statement| Some(&statement.kept.as_ref()?.letter));
    let follows = letters().find_map(|letter| match letter {
        Letter::Ask(ask) => Some((ask.follows.as_ref()?.r#as, &ask.items)),
        _ => None,
    });
    let asks_for_time = match follows {
        Some((Relation::Disclosure, _)) => false,
        Some((Relation::Extension, _)) => true,
        Some((Relation::FollowUp, items)) if items.iter().any(|item| preserves(&item.kind)) => true,
        // Whoever asks something else about it has not.
        _ => return Ok(None),
    };
    let standing = one.request.standing(View::ALL);
    let not_given = [Outcome::Refused, Outcome::Impossible, Outcome::Postponed];
    let lives = standing.desired != Desired::Withdrawn
        // Of what nobody there has had yet, or can read, nothing is given.
        && !matches!(standing.status, Status::Sent | Status::Refused)
        && (standing.acknowledged || !is_unopened(&one.request))
        && (standing.decision != Some(Decision::Postponed) || standing.is_answered())
        && !standing.outcomes.iter().any(|outcome| not_given.contains(outcome))
        && (standing.is_answered() || !agreement.is_closed());
    // An answer that keeps it no longer has given nothing.
    let is_later = |letter: &Letter| match letter {
        Letter::Answer(answer) => {
            answer.limits.as_ref().is_some_and(|limits| limits.preserved_until > Some(day))
        }
        _ => false,
    };
    let is_given = !asks_for_time || !standing.is_answered() || letters().any(is_later);
    Ok(Some(lives && is_given))
}

/// Whether the other side's node could not open a request.
fn is_unopened(request: &Request) -> bool {
    request.asked.first().is_some_and(Event::is_unopened)
}

//! The ladder: which of its steps a request has reached, by the agreement's own triggers. Derived from the
//! clocks, never stored; that somebody took a request up by hand stands beside it.

use jiff::Timestamp;

use crate::Request;
use crate::agreement::{Agreement, Step, Trigger};
use crate::clock::{Clocks, Deadline, Suspension};

/// A step that a request has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung<'a> {
    /// The step.
    pub step: &'a Step,
    /// By what.
    pub trigger: Trigger,
    /// Since when.
    pub since: Timestamp,
}

/// The highest step that `request` has reached at `now`; `unreasoned` is when something was first refused
/// without a ground that the terms have, as far as whoever asks can read that.
#[must_use]
pub fn reached<'a>(
    agreement: &'a Agreement,
    request: &Request,
    clocks: &Clocks,
    unreasoned: Option<Timestamp>,
    now: Timestamp,
) -> Option<Rung<'a>> {
    if clocks.ended {
        return None;
    }
    let open = |deadline: &Deadline| deadline.due.filter(|_| deadline.done.is_none());
    let class = request.class.as_deref().and_then(|class| agreement.class(class));
    let emergency = class.is_some_and(|class| class.emergency);
    let mut highest: Option<Rung<'a>> = None;
    // Since when the step before has not settled it.
    let mut before: Option<Timestamp> = None;
    for step in &agreement.ladder {
        let at = |trigger: Trigger| match trigger {
            Trigger::AcknowledgeOverdue => open(&clocks.acknowledge),
            Trigger::AnswerOverdueByHalf => {
                let half = clocks.allowed(&clocks.answer)? / 2;
                clocks.later(open(&clocks.answer)?, half)
            }
            Trigger::UnreasonedRefusal => unreasoned,
            Trigger::EmergencyOverdue => {
                let due = [open(&clocks.acknowledge), open(&clocks.answer)];
                due.into_iter().flatten().min().filter(|_| emergency)
            }
            Trigger::UnresolvedFor => clocks.period_later(before?, step.after.as_ref()?),
            Trigger::UnresolvedAtReview => next_review(agreement, clocks, before?),
        };
        let reached = step.triggers.iter().filter_map(|trigger| Some((at(*trigger)?, *trigger)));
        let first = reached.filter(|(since, _)| *since <= now).min_by_key(|(since, _)| *since);
        before = first.map(|(since, _)| since);
        if let Some((since, trigger)) = first {
            highest = Some(Rung { step, trigger, since });
        }
    }
    highest
}

/// The first review after an instant that is not while the agreement stands still, counted by the cadence from when the
/// terms were proposed.
fn next_review(agreement: &Agreement, clocks: &Clocks, after: Timestamp) -> Option<Timestamp> {
    let every = agreement.review.as_ref()?.every.as_ref()?;
    let mut review = agreement.between.as_ref()?.proposed;
    loop {
        let holds =
            |pause: &&Suspension| pause.from <= review && pause.to.is_none_or(|to| review < to);
        let pause = clocks.pauses.iter().find(holds);
        // It stands still, and nobody knows for how long.
        if pause.is_some_and(|pause| pause.to.is_none()) {
            return None;
        }
        if review > after && pause.is_none() {
            return Some(review);
        }
        let next = every.after(review);
        // At the end of the calendar there is no later one.
        if next <= review {
            return None;
        }
        review = next;
    }
}

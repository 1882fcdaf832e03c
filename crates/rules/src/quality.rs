//! What an answer was worth: seven dimensions, scored 0 to 4 by either side, weighed in integers.
//!
//! Three of them are arithmetic over what the ledgers show, and are computed beside what the sides say:
//! acknowledgement and timeliness against the terms' own limits, and completeness. Where the terms name
//! no limit there is nothing to hold a time against: that dimension is unscored. The rubric is our
//! proposal; no instrument has one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Request;
use crate::agreement::Agreement;
use crate::clock::{Clocks, Deadline};
use crate::content::DIMENSIONS;
use crate::request::{self, Decision};
use crate::thread::View;

/// Weight of each of [`DIMENSIONS`], in hundredths.
pub const WEIGHTS: [u32; 7] = [10, 25, 25, 15, 10, 10, 5];

/// The best score.
pub const BEST: u8 = 4;

/// Sides that lie so far apart over a dimension are in dispute.
pub const DISPUTED: u8 = 2;

/// Scores by dimension.
pub type Scores = BTreeMap<String, u8>;

/// What is known of the grounds of a request's refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusals {
    /// Each names one that the terms have.
    Lawful,
    /// Nobody opened all of them.
    Unopened,
    /// One names none, or none that the terms have.
    Unlawful,
}

/// What became of a request as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Result {
    /// Every item was answered.
    Complete,
    /// Some items were answered.
    Partial,
    /// Some were, and the asker's node could not open that, by its own receipt.
    AnsweredUnopened,
    /// None was answered, and every refusal names a lawful ground.
    Refused,
    /// None was answered, and of some refusal nobody opened whether it names one.
    RefusedUnopened,
    /// None was answered: it cannot be done.
    Impossible,
    /// None was answered: a refusal without a lawful ground, or silence after the limit.
    NonAnswer,
    /// The asker took it back before any item was answered.
    Withdrawn,
    /// It is under way.
    Open,
}

impl Result {
    /// Every one, the best first.
    pub const ALL: [Self; 9] = [
        Self::Complete,
        Self::Partial,
        Self::AnsweredUnopened,
        Self::Refused,
        Self::RefusedUnopened,
        Self::Impossible,
        Self::NonAnswer,
        Self::Withdrawn,
        Self::Open,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::AnsweredUnopened => "answered-unopened",
            Self::Refused => "refused",
            Self::RefusedUnopened => "refused-unopened",
            Self::Impossible => "impossible",
            Self::NonAnswer => "non-answer",
            Self::Withdrawn => "withdrawn",
            Self::Open => "open",
        }
    }

    /// What became of `request`, whose clocks these are, and of whose refusals that is known.
    #[must_use]
    pub fn of(request: &Request, clocks: &Clocks, refusals: Refusals) -> Self {
        let standing = request.standing(View::ALL);
        let count = |outcome| standing.outcomes.iter().filter(|o| **o == outcome).count();
        let answered = count(request::Outcome::Answered);
        let refused = count(request::Outcome::Refused);
        let whole = standing.decision == Some(Decision::Refused);
        match () {
            () if is_unopened(request) => Self::AnsweredUnopened,
            () if answered == request.items => Self::Complete,
            () if answered > 0 => Self::Partial,
            () if standing.is_answered() && (refused > 0 || whole) => match refusals {
                Refusals::Lawful => Self::Refused,
                Refusals::Unopened => Self::RefusedUnopened,
                Refusals::Unlawful => Self::NonAnswer,
            },
            () if standing.is_answered() => Self::Impossible,
            // Whoever withdraws what was not answered in time takes nothing back of that.
            () if clocks.answer.late.is_some() => Self::NonAnswer,
            () if standing.desired == request::Desired::Withdrawn => Self::Withdrawn,
            () => Self::Open,
        }
    }
}

/// The scores that anyone computes: of time against the terms' limits, and of completeness. What is open
/// and not late yet has none; what is open and late is scored at its present age.
#[must_use]
pub fn measured(request: &Request, clocks: &Clocks, now: Timestamp) -> Scores {
    let mut scores = Scores::new();
    let mut add = |dimension: usize, score: Option<u8>| {
        scores.extend(score.map(|score| (DIMENSIONS[dimension].to_owned(), score)));
    };
    add(0, in_time(clocks, &clocks.acknowledge, clocks.acknowledged_in(now)));
    add(1, in_time(clocks, &clocks.answer, clocks.answering_for(now)));
    add(2, completeness(request).filter(|_| !is_unopened(request)));
    scores
}

/// Whether the asker's node could not open what some item was answered with, by its own receipt. Neither side alone can
/// say whose fault that is.
fn is_unopened(request: &Request) -> bool {
    request.answered.iter().any(|event| {
        let answers = event.act.outcomes.contains(&request::Outcome::Answered);
        event.refused.is_none() && answers && event.is_unopened()
    })
}

/// Half the limit or less 4, within it 3, half as long again 2, three times 1, beyond 0.
fn in_time(clocks: &Clocks, deadline: &Deadline, taken: Option<SignedDuration>) -> Option<u8> {
    if deadline.done.is_none() && deadline.late.is_none() {
        return None;
    }
    let limit = clocks.allowed(deadline)?.as_secs();
    Some(BEST - share_of(taken?.as_secs(), limit))
}

/// The step of a time on the scale of its limit: at most half of it 0, all 1, half as long again 2, three
/// times 3, beyond 4.
#[must_use]
pub fn share_of(taken: i64, limit: i64) -> u8 {
    match () {
        () if 2 * taken <= limit => 0,
        () if taken <= limit => 1,
        () if 2 * taken <= 3 * limit => 2,
        () if taken <= 3 * limit => 3,
        () => 4,
    }
}

/// Items answered of those asked, what was refused counted apart: all 4, three quarters 3, half 2, any 1,
/// none 0. Before the last item is done there is none.
fn completeness(request: &Request) -> Option<u8> {
    let standing = request.standing(View::ALL);
    if !standing.is_answered() {
        return None;
    }
    let count = |outcome| standing.outcomes.iter().filter(|o| **o == outcome).count();
    let asked = request.items - count(request::Outcome::Refused);
    let answered = count(request::Outcome::Answered);
    match () {
        () if asked == 0 => None,
        () if answered == asked => Some(4),
        () if 4 * answered >= 3 * asked => Some(3),
        () if 2 * answered >= asked => Some(2),
        () if answered > 0 => Some(1),
        () => Some(0),
    }
}

/// The weighed score in hundredths of a point, 0 to 400, over the dimensions that have one; none where
/// none has.
#[must_use]
pub fn weighed(scores: &Scores) -> Option<u32> {
    let mut sum = 0;
    let mut of = 0;
    for (dimension, weight) in DIMENSIONS.iter().zip(WEIGHTS) {
        if let Some(score) = scores.get(*dimension) {
            sum += weight * u32::from(*score);
            of += weight;
        }
    }
    (of > 0).then(|| (100 * sum + of / 2) / of)
}

/// Whether a dimension is scored of requests of this class: a time is held against a limit that the terms have, and
/// against nothing else.
#[must_use]
pub fn is_scored(agreement: &Agreement, class: Option<&str>, dimension: &str) -> bool {
    let class = class.and_then(|class| agreement.class(class));
    match dimension {
        "ack" => class.is_some_and(|class| class.acknowledge.is_some()),
        "timeliness" => class.is_some_and(|class| class.answer.is_some()),
        _ => true,
    }
}

/// Those of a side's scores that count, of a request of this class.
#[must_use]
pub fn counted(agreement: &Agreement, class: Option<&str>, scores: &Scores) -> Scores {
    let counts = |dimension: &String| is_scored(agreement, class, dimension);
    scores.iter().filter(|one| counts(one.0)).map(|(name, score)| (name.clone(), *score)).collect()
}

/// The dimensions over which two sides lie so far apart that they are in dispute.
#[must_use]
pub fn disputed(one: &Scores, other: &Scores) -> Vec<&'static str> {
    let apart = |dimension: &&&str| {
        let both = one.get(**dimension).zip(other.get(**dimension));
        both.is_some_and(|(a, b)| a.abs_diff(*b) >= DISPUTED)
    };
    DIMENSIONS.iter().filter(apart).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::{TEMPLATES, Terms};

    fn scores(of: &[(&str, u8)]) -> Scores {
        of.iter().map(|(name, score)| ((*name).to_owned(), *score)).collect()
    }

    #[test]
    fn weights_are_whole_and_make_a_hundred() {
        assert_eq!(WEIGHTS.iter().sum::<u32>(), 100);
        let all: Vec<_> = DIMENSIONS.iter().map(|name| (*name, 3)).collect();
        assert_eq!(weighed(&scores(&all)), Some(300));
        assert_eq!(weighed(&scores(&[("timeliness", 4), ("ack", 0)])), Some(286), "25 of 35");
        assert_eq!(weighed(&Scores::new()), None, "what nobody scored has no score");
    }

    #[test]
    fn a_gap_of_two_is_a_dispute() {
        let one = scores(&[("ack", 4), ("relevance", 3), ("reasons", 2)]);
        let other = scores(&[("ack", 3), ("relevance", 1)]);
        assert_eq!(disputed(&one, &other), ["relevance"]);
    }

    /// A time without a limit has no score, whatever a side says, and is nothing to dispute about.
    #[test]
    fn where_the_terms_name_no_limit_time_is_not_scored() {
        let template = |id: &str| {
            let text = TEMPLATES.iter().find(|(known, _)| *known == id).map_or("", |(_, t)| *t);
            match Terms::parse(text) {
                Ok(terms) => Agreement::clone(&terms),
                Err(problem) => panic!("{id}: {problem}"),
            }
        };
        let said = scores(&[("ack", 4), ("timeliness", 4), ("relevance", 3)]);
        let none = template("us-china-2015");
        assert_eq!(counted(&none, None, &said), scores(&[("relevance", 3)]));
        let mut some = template("comity-model");
        let class = some.classes[0].id.clone();
        assert_eq!(counted(&some, Some(&class), &said), said);
        some.classes[0].answer = None;
        let kept = counted(&some, Some(&class), &said);
        assert_eq!(kept, scores(&[("ack", 4), ("relevance", 3)]));
    }
}

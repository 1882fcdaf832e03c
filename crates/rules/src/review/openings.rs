//! What was opened of sealed statements for a review, and what follows from it.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::agreement::Agreement;
use crate::content::{Concern, Letter, Verdict, Yardstick};
use crate::quality::{Refusals, Scores};
use crate::request::{Decision, Outcome};
use crate::thread::Event;
use crate::{PartyId, Request};

/// What was opened of a statement for the review.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// Of refusals: their grounds, by item; item 0 is the whole. `None` where nobody opened that: what is withheld is not
    /// what was never given.
    pub grounds: Option<BTreeMap<usize, String>>,
    /// Of an assessment.
    pub scores: Option<Scores>,
    /// Of a yardstick or a concern: under which commitment.
    pub commitment: Option<String>,
    /// Of a judgement, by party.
    pub verdicts: BTreeMap<String, Verdict>,
    /// Of a judgement: the first day, and the one after the last.
    pub period: (Option<Date>, Option<Date>),
}

/// Everything that was opened: whose ledger, which entry.
pub type Openings = BTreeMap<(PartyId, u64), Opened>;

/// The fields that a review opens.
pub const FIELDS: [&str; 7] =
    ["ground", "grounds", "scores", "commitment", "verdicts", "from", "to"];

impl Opened {
    /// What a review wants of a letter; `None` of one that has nothing of it.
    #[must_use]
    pub fn of(letter: &Letter) -> Option<Self> {
        let (grounds, refuses) = match letter {
            Letter::Ruling(ruling) => {
                let grounds = ruling.ground.as_ref().map(Opened::of_whole);
                (grounds, ruling.decision == Decision::Refused)
            }
            Letter::Answer(answer) => {
                let refuses = answer.items.iter().any(|item| item.outcome == Outcome::Refused);
                (answer.grounds.clone(), refuses)
            }
            Letter::Assessment(assessment) => {
                let scores = Some(assessment.scores.clone());
                return Some(Self { scores, ..Self::default() });
            }
            Letter::Yardstick(Yardstick { commitment, .. })
            | Letter::Concern(Concern { commitment, .. }) => {
                let commitment = Some(commitment.clone());
                return Some(Self { commitment, ..Self::default() });
            }
            Letter::Judgement(judgement) => {
                let verdicts =
                    judgement.verdicts.iter().map(|(p, v)| (p.to_string(), *v)).collect();
                let period = (Some(judgement.from), Some(judgement.to));
                return Some(Self { verdicts, period, ..Self::default() });
            }
            _ => return None,
        };
        grounds
            .filter(|_| refuses)
            .map(|grounds| Self { grounds: Some(grounds), ..Self::default() })
    }

    /// The ground of the whole, by item.
    fn of_whole(ground: &Option<String>) -> BTreeMap<usize, String> {
        ground.iter().map(|ground| (0, ground.clone())).collect()
    }

    /// The same from fields that somebody else opened; `None` where there is none of it, or it has not
    /// its form.
    #[must_use]
    pub fn of_field(&mut self, name: &str, value: &[u8]) -> Option<()> {
        match name {
            "ground" => {
                let ground = minicbor_serde::from_slice(value).ok()?;
                self.grounds = Some(Self::of_whole(&ground));
            }
            "grounds" => self.grounds = Some(minicbor_serde::from_slice(value).ok()?),
            "scores" => self.scores = Some(minicbor_serde::from_slice(value).ok()?),
            "commitment" => self.commitment = Some(minicbor_serde::from_slice(value).ok()?),
            "verdicts" => self.verdicts = minicbor_serde::from_slice(value).ok()?,
            "from" => self.period.0 = Some(minicbor_serde::from_slice(value).ok()?),
            "to" => self.period.1 = Some(minicbor_serde::from_slice(value).ok()?),
            _ => return None,
        }
        Some(())
    }
}

/// What was opened of a statement, where the other side has receipted its content: what one side alone can
/// read is in no review, else the two would differ.
pub(super) fn opened<'a>(
    openings: &'a Openings,
    party: &PartyId,
    event: &Event,
) -> Option<&'a Opened> {
    let taken = event.receipt.as_ref().is_some_and(|receipt| receipt.code.is_empty());
    openings.get(&(party.clone(), event.index)).filter(|_| taken)
}

/// The grounds that a statement gives for what it refuses, by item.
pub(super) fn given<'a>(
    openings: &'a Openings,
    party: &PartyId,
    event: &Event,
) -> Option<&'a BTreeMap<usize, String>> {
    opened(openings, party, event)?.grounds.as_ref()
}

/// Whether every refusal names a ground that the terms have, as far as that was opened.
pub(super) fn refusals(request: &Request, agreement: &Agreement, openings: &Openings) -> Refusals {
    let (mut all, mut lawful) = (true, true);
    for event in request.answered.iter().filter(|event| event.refused.is_none()) {
        let whole = (event.act.decision == Some(Decision::Refused)).then_some(0);
        let items = (1..).zip(&event.act.outcomes).filter(|(_, one)| **one == Outcome::Refused);
        let mut refused = whole.into_iter().chain(items.map(|(item, _)| item)).peekable();
        if refused.peek().is_none() {
            continue;
        }
        match given(openings, &request.receiver, event) {
            None => all = false,
            Some(grounds) => {
                lawful &= refused
                    .all(|item| grounds.get(&item).is_some_and(|one| agreement.takes_ground(one)));
            }
        }
    }
    match () {
        () if !lawful => Refusals::Unlawful,
        () if !all => Refusals::Unopened,
        () => Refusals::Lawful,
    }
}

/// The grounds of a request's refusals that were opened, in the order of the statements.
pub(super) fn grounds(request: &Request, openings: &Openings) -> Vec<String> {
    let mut grounds = Vec::new();
    for event in request.answered.iter().filter(|event| event.refused.is_none()) {
        let given = given(openings, &request.receiver, event);
        grounds.extend(given.into_iter().flat_map(|grounds| grounds.values().cloned()));
    }
    grounds
}

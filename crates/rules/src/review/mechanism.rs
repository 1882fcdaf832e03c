//! What a review says of the standing mechanism itself: whether the hotline is ready, which commitments were
//! kept by the criteria that were fixed beforehand, which concerns stand, whether meetings are held.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::readiness::{Figure, Readiness};
use super::{Openings, Scope, instant, opened};
use crate::agreement::Agreement;
use crate::clock;
use crate::content::Verdict;
use crate::matter::{Signal, Topic};
use crate::thread::{Event, View};
use crate::{Kind, Matter, PartyId, ThreadId};

/// How far the day of the zone where it begins first is ahead.
const FIRST_ZONE: SignedDuration = SignedDuration::from_hours(14);

/// The mechanism in the period of a review.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mechanism {
    /// While the agreement stood still, ever.
    pub suspended: Vec<Pause>,
    /// Of each party: how it answered on the hotline.
    pub hotline: BTreeMap<PartyId, Readiness>,
    /// Every commitment of the terms.
    pub commitments: Vec<Kept>,
    /// Concerns that were raised in the period, by where they stand.
    pub concerns: BTreeMap<String, u32>,
    /// Information that nobody asked for, given in the period.
    pub notices: u32,
    /// Of those, how many the other side said something to.
    pub notices_answered: u32,
    /// Action items of the meetings held, ever: done and open.
    pub actions_done: u32,
    /// Likewise.
    pub actions_open: u32,
    /// Every matter of the period, by the time at which it was witnessed.
    pub matters: Vec<Line>,
    /// The entries about commitments of which fields were opened: whose, and which.
    pub opened: Vec<(PartyId, u64)>,
}

/// While an agreement stood still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    #[serde(serialize_with = "instant")]
    pub from: Option<Timestamp>,
    /// Until when; none: it still does.
    #[serde(serialize_with = "instant")]
    pub to: Option<Timestamp>,
}

/// What became of a commitment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its id in the terms.
    pub id: String,
    /// When both sides had fixed by what it is judged; none: they have not.
    #[serde(serialize_with = "instant")]
    pub fixed: Option<Timestamp>,
    /// Judgements of periods that meet the review's.
    pub judged: Vec<Judged>,
}

/// A judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// By whom.
    pub by: PartyId,
    /// Where it stands in its author's ledger.
    pub entry: u64,
    /// The first day.
    pub from: Date,
    /// The day after the last.
    pub to: Date,
    /// Whether the criteria were fixed before the period began.
    pub beforehand: bool,
    /// Whether the period was over somewhere on Earth when it was judged.
    pub afterwards: bool,
    /// By party.
    pub verdicts: BTreeMap<String, Verdict>,
}

/// A matter of the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The thread.
    pub thread: ThreadId,
    /// What it is about.
    pub topic: Topic,
    /// On the hotline: what was sent.
    pub signal: Option<Signal>,
    /// Who opened it.
    pub opener: PartyId,
    /// When that was witnessed.
    #[serde(serialize_with = "instant")]
    pub opened: Option<Timestamp>,
    /// The entries of the opener's ledger that it stands on.
    pub entries: Vec<u64>,
    /// Those of the other's.
    pub replies: Vec<u64>,
    /// Where it stands.
    pub state: String,
}

impl Mechanism {
    pub(super) fn of(
        agreement: &Agreement,
        scope: Scope,
        (now, ended): (Timestamp, Option<Timestamp>),
        matters: &[Matter],
        openings: &Openings,
    ) -> Self {
        let mut all = Self {
            commitments: agreement.commitments.iter().map(|c| Kept::new(&c.id)).collect(),
            ..Self::default()
        };
        let pause = |pause: clock::Suspension| Pause { from: Some(pause.from), to: pause.to };
        all.suspended =
            clock::pauses(matters, scope.exercise, None).into_iter().map(pause).collect();
        let (mut calls, mut meetings) = (Vec::new(), Vec::new());
        let begun = |matter: &Matter| matter.opened.first().and_then(|event| event.witnessed);
        let ours = matters.iter().filter(|matter| matter.exercise == scope.exercise);
        for (matter, begun) in ours.filter_map(|matter| Some((matter, begun(matter)?))) {
            match matter.topic {
                Topic::Commitment => all.commitment(matter, scope, openings),
                Topic::Dialogue => meetings.push(matter),
                _ => {}
            }
            // What is said in an older thread is of the days on which it is said.
            let is_call = matter.topic == Topic::Hotline
                && Figure::of(matter).iter().any(|one| one.is_of(scope));
            if is_call {
                calls.push(matter);
            }
            if !is_call && !scope.hold(begun) {
                continue;
            }
            let standing = matter.standing(View::ALL);
            match matter.topic {
                Topic::Concern => {
                    *all.concerns.entry(standing.state.as_str().to_owned()).or_default() += 1;
                }
                Topic::Notice => {
                    all.notices += 1;
                    all.notices_answered += u32::from(standing.over);
                }
                _ => {}
            }
            let entries =
                |opener| matter.events(opener, View::ALL).map(|event| event.index).collect();
            all.matters.push(Line {
                thread: matter.thread,
                topic: matter.topic,
                signal: matter.signal(),
                opener: matter.opener.clone(),
                opened: Some(begun),
                entries: entries(true),
                replies: entries(false),
                state: standing.state.as_str().to_owned(),
            });
        }
        // Under what is over nobody answers any more.
        let now = ended.map_or(now, |ended| ended.min(now));
        all.hotline = Readiness::of(agreement, calls, Some(scope), now);
        (all.actions_done, all.actions_open) = actions(agreement, &meetings, scope.exercise);
        for kept in &mut all.commitments {
            kept.judged.sort_by(|a, b| (a.from, &a.by, a.entry).cmp(&(b.from, &b.by, b.entry)));
        }
        all.opened.sort();
        all.matters.sort_by_key(|line| (line.opened, line.thread));
        all
    }

    fn commitment(&mut self, matter: &Matter, scope: Scope, openings: &Openings) {
        let used = &mut self.opened;
        let mut said = |party: &PartyId, event: &Event| {
            let found = opened(openings, party, event).cloned()?;
            used.push((party.clone(), event.index));
            Some(found)
        };
        let named = matter.opened.first().and_then(|event| said(&matter.opener, event));
        let id = named.and_then(|opened| opened.commitment);
        let Some(kept) = self.commitments.iter_mut().find(|kept| Some(&kept.id) == id.as_ref())
        else {
            return;
        };
        let agreed = matter.effective(false, Kind::AgreeFix, View::ALL).next();
        let fixed = agreed.and_then(|event| event.witnessed);
        // What is fixed anew later does not make earlier periods judged beforehand.
        kept.fixed = match (kept.fixed, fixed) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        for (opener, party) in [(true, &matter.opener), (false, &matter.other)] {
            for event in matter.effective(opener, Kind::Judge, View::ALL) {
                let Some(judgement) = said(party, event) else { continue };
                let (Some(from), Some(to)) = judgement.period else { continue };
                if from >= scope.to || to <= scope.from {
                    continue;
                }
                let day = |time: Timestamp| time.to_zoned(jiff::tz::TimeZone::UTC).date();
                kept.judged.push(Judged {
                    by: party.clone(),
                    entry: event.index,
                    from,
                    to,
                    beforehand: fixed.is_some_and(|fixed| day(fixed) < from),
                    afterwards: event.witnessed.is_none_or(|judged| day(judged + FIRST_ZONE) >= to),
                    verdicts: judgement.verdicts,
                });
            }
        }
    }
}

/// Action items of these meetings, done and open. What the meetings under the terms before left is open until the
/// first under these.
#[must_use]
pub fn actions(agreement: &Agreement, meetings: &[&Matter], exercise: bool) -> (u32, u32) {
    let (mut done, mut open) = (0, 0);
    if !exercise && meetings.iter().all(|meeting| meeting.held(View::ALL).is_none()) {
        open += agreement.closes().map_or(0, |closes| closes.actions);
    }
    for is_done in meetings.iter().filter_map(|meeting| meeting.actions(View::ALL)).flatten() {
        *(if is_done { &mut done } else { &mut open }) += 1;
    }
    (done, open)
}

impl Kept {
    fn new(id: &str) -> Self {
        Self { id: id.to_owned(), fixed: None, judged: Vec::new() }
    }
}

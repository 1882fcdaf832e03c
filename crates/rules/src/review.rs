//! What the standing review looks at: how timely and how good the answers were, of both sides, in a
//! period, each figure with the statements that it comes from.
//!
//! Times and outcomes come from the leaves and their witnessed times alone; grounds and scores from
//! fields that were opened. So whoever has both ledgers up to the same heads, and the same openings,
//! computes the same review byte for byte: either party, and an auditor.
//!
//! Medians and ninetieth percentiles, never means. What is open and overdue counts at its present age, so that
//! silence improves no figure; where the terms name no limit, what is open and older than half of what is
//! done does. What is open and younger counts in neither, for it would make answers look fast. What was never
//! receipted is counted apart; exercises are kept out.

mod mechanism;
mod openings;
mod readiness;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize, Serializer};

use crate::agreement::{Agreement, Counts, Readers};
use crate::clock::{self, Clocks, Deadline, Suspension};
use crate::content::DIMENSIONS;
use crate::quality::{self, Scores};
use crate::request::{Decision, Outcome};
use crate::thread::{Event, Sides as _, View};
use crate::{Kind, Matter, PartyId, Request, ThreadId};

pub use mechanism::{Judged, Kept, Line, Mechanism, Pause, actions};
pub use openings::{FIELDS, Opened, Openings};
use openings::{given, grounds, opened, refusals};
pub use readiness::Readiness;

/// The version of what a review computes: other rules, another number.
pub const VERSION: u32 = 11;

/// What a review is of: days in UTC, from the first's beginning to the last's, which is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The first day.
    pub from: Date,
    /// The day after the last.
    pub to: Date,
    /// Of exercises, and not of what was real: the two never stand in one figure.
    pub exercise: bool,
}

impl Scope {
    fn hold(self, time: Timestamp) -> bool {
        let day = time.to_zoned(TimeZone::UTC).date();
        self.from <= day && day < self.to
    }
}

/// A ledger up to a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Whose.
    pub party: PartyId,
    /// Which.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// Their root.
    pub root: String,
    /// When outside witnesses had covered them.
    #[serde(serialize_with = "instant")]
    pub witnessed: Option<Timestamp>,
}

/// A review of the two ledgers of an agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// [`VERSION`].
    pub version: u32,
    /// The agreement's id.
    pub agreement: String,
    /// Hash of its terms.
    pub terms: String,
    /// Who may read the ledgers.
    pub readers: Readers,
    /// Of what.
    pub scope: Scope,
    /// Up to where both ledgers were read.
    pub heads: Vec<Head>,
    /// As of when: what is open is so old then. Never before the later of the heads' times.
    #[serde(serialize_with = "instant")]
    pub now: Option<Timestamp>,
    /// Of each party: how it answered what it was asked.
    pub answers_of: BTreeMap<PartyId, Answers>,
    /// Exercises of these days, which are in no figure; in a review of exercises, what was real.
    pub left_out: u32,
    /// Requests that no outside witness has covered: in no figure either, for they have no time.
    pub unwitnessed: u32,
    /// Meetings held against the cadence.
    pub meetings: Meetings,
    /// The hotline, commitments, concerns, suspensions.
    pub mechanism: Mechanism,
    /// Every request of the period, by the time at which its clock started.
    pub requests: Vec<Row>,
}

/// How a party answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answers {
    /// Requests to it, those without a receipt not among them.
    pub requests: u32,
    /// Requests to it of which nothing shows that they came: no clock runs.
    pub unreceipted: u32,
    /// Requests that were acknowledged or answered in a time that nobody knows.
    pub untimed: u32,
    /// Of its having them: from when a request, or a reply to a question of its own, was witnessed to the first proof
    /// that it came. Whose silence that was nobody can tell: who delivers late looks the same.
    pub receipt: Times,
    /// Of the acknowledgement.
    pub acknowledge: Times,
    /// Of the answer.
    pub answer: Times,
    /// The same by urgency class.
    pub by_class: BTreeMap<String, ByClass>,
    /// What became of the requests.
    pub results: BTreeMap<String, u32>,
    /// What became of their items.
    pub items: BTreeMap<String, u32>,
    /// Refused items, and whole refusals, by ground.
    pub refusals: BTreeMap<String, u32>,
    /// Refused items whose ground was not opened.
    pub refusals_not_opened: u32,
    /// Scores, by who gives them: `measured`, `asker`, `receiver`.
    pub quality: BTreeMap<String, Quality>,
    /// Requests over which the two sides' scores lie two or more apart.
    pub disputed: u32,
}

/// The times of a class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ByClass {
    /// How many requests.
    pub requests: u32,
    /// Of the acknowledgement.
    pub acknowledge: Times,
    /// Of the answer.
    pub answer: Times,
}

/// Times against limits, in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Times {
    /// Done.
    pub done: u32,
    /// Open.
    pub open: u32,
    /// Of the open ones those that count, at their present age.
    pub open_counted: u32,
    /// Half of them took so long or less: the lower of the two in the middle.
    pub median: Option<i64>,
    /// Nine in ten took so long or less: nearest rank.
    pub p90: Option<i64>,
    /// Done within the limit.
    pub within: u32,
    /// Done after it.
    pub late: u32,
    /// Open after it.
    pub overdue: u32,
    /// Done, and since when there was something to do nobody knows: in no other figure here.
    pub untimed: u32,
    /// Without a limit in the terms.
    pub no_limit: u32,
    /// What counts, by share of the limit: at most half, at most the whole, at most half as long again, at most three
    /// times, more.
    pub by_share: [u32; 5],
    #[serde(skip)]
    taken: Vec<i64>,
    /// Ages of what is open without a limit.
    #[serde(skip)]
    unlimited: Vec<i64>,
}

/// Scores of one side.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quality {
    /// How many requests it scored.
    pub requests: u32,
    /// Median of the weighed scores, in hundredths of a point.
    pub median: Option<i64>,
    /// How often each dimension got 0, 1, 2, 3, 4.
    pub by_dimension: BTreeMap<String, [u32; 5]>,
    #[serde(skip)]
    weighed: Vec<i64>,
}

/// Meetings against the cadence of the terms.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meetings {
    /// How often the terms want one.
    pub every: Option<String>,
    /// By when the first.
    pub first_by: Option<Date>,
    /// Those that the terms record, and those whose minutes both sides agreed to.
    pub held: Vec<Meeting>,
    /// By when the next has to be.
    pub next_by: Option<Date>,
    /// Days since then, at the time of the review; none: it is not due yet.
    pub overdue_days: Option<i32>,
}

/// A meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// When.
    pub date: Date,
    /// Scope since the one before; since the agreement was made for the first.
    pub after_days: Option<i32>,
    /// By how many days it came after it was due; below 0: before.
    pub days_after_due: Option<i32>,
    /// The matter, where it was held under these terms; none: the terms record it.
    pub thread: Option<ThreadId>,
    /// The entries of the minutes that both agreed to, and of the word that agreed: whose, and which.
    pub entries: Vec<(PartyId, u64)>,
}

/// A request of the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The matter.
    pub thread: ThreadId,
    /// Who asks.
    pub asker: PartyId,
    /// Who answers.
    pub receiver: PartyId,
    /// The urgency class.
    pub class: Option<String>,
    /// The entries of the asker's ledger that it stands on.
    pub asked: Vec<u64>,
    /// The entries of the receiver's.
    pub answered: Vec<u64>,
    /// When the clock started.
    #[serde(serialize_with = "instant")]
    pub started: Option<Timestamp>,
    /// By what: `receipt`, `mirror`, `statement` or `unreceipted`.
    pub started_by: String,
    /// Seconds in which it, and the replies to questions about it, came to the receiver.
    pub came: Vec<Took>,
    /// Which time its limits, and the seconds held against them, count.
    pub counts: Counts,
    /// Seconds to the acknowledgement.
    pub acknowledge: Took,
    /// Seconds to the answer, without what was suspended.
    pub answer: Took,
    /// Seconds for which the answer's clock stood still.
    pub suspended: i64,
    /// What became of it.
    pub result: quality::Result,
    /// How many items.
    pub items: usize,
    /// Grounds of refusal that were opened.
    pub grounds: Vec<String>,
    /// Scores, by who gives them.
    pub scores: BTreeMap<String, Scores>,
    /// Dimensions over which the sides are in dispute.
    pub disputed: Vec<String>,
}

/// How long something took.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Took {
    /// Seconds from the start; at the present age while it is open. None before the start, and where nobody knows it.
    pub seconds: Option<i64>,
    /// Seconds that the terms allow.
    pub limit: Option<i64>,
    /// Whether it is done.
    pub done: bool,
    /// Whether it is, or was, late.
    pub late: bool,
    /// Whether nobody waits for it any more.
    pub over: bool,
}

impl Review {
    /// Up to where and as of when it is, as options of the command that makes the same on another node.
    #[must_use]
    pub fn until(&self) -> String {
        let heads = self.heads.iter().map(|head| format!("{}:{}", head.party, head.size));
        let at = heads.collect::<Vec<_>>().join(",");
        self.now.map_or_else(|| format!("--at {at}"), |now| format!("--at {at} --as-of {now}"))
    }

    /// Reviews these requests and other matters of an agreement, as both ledgers have them up to `heads` (the asker's
    /// and the receiver's party by name), as of `time`: of a ledger in which nobody states anything more nothing but
    /// that tells how old it is; and no clock runs after it ended.
    #[must_use]
    pub fn of<'a>(
        agreement: &Agreement,
        terms: &str,
        scope: Scope,
        (heads, time, ended): (Vec<Head>, Option<Timestamp>, Option<Timestamp>),
        requests: impl IntoIterator<Item = &'a Request>,
        matters: impl IntoIterator<Item = &'a Matter>,
        openings: &Openings,
    ) -> Self {
        // As it is written: to the second.
        let time = time.and_then(|time| Timestamp::from_second(time.as_second()).ok());
        let now = heads.iter().filter_map(|head| head.witnessed).chain(time).max();
        let at = now.unwrap_or(Timestamp::MIN);
        let size = |party: &PartyId| heads.iter().find(|h| h.party == *party).map_or(0, |h| h.size);
        let seen = |one, other| View { asked: size(one), answered: size(other) };
        let matters = matters.into_iter().filter_map(|m| m.up_to(seen(&m.opener, &m.other), at));
        let matters: Vec<_> = matters.collect();
        let pauses = clock::pauses(&matters, scope.exercise, ended);
        let between = agreement.between.as_ref();
        let parties = between.iter().flat_map(|between| &between.parties);
        let mut review = Self {
            version: VERSION,
            agreement: agreement.id.clone(),
            terms: terms.to_owned(),
            readers: between.map_or(Readers::Members, |between| between.readers),
            scope,
            now,
            answers_of: parties.map(|party| (party.id.clone(), Answers::default())).collect(),
            left_out: 0,
            unwitnessed: 0,
            meetings: Meetings::of(agreement, &matters, scope.exercise, at),
            mechanism: Mechanism::of(agreement, scope, (at, ended), &matters, openings),
            requests: Vec::new(),
            heads: Vec::new(),
        };
        for request in requests {
            let view = seen(&request.asker, &request.receiver);
            let Some(request) = request.up_to(view, at) else { continue };
            let clocks = Clocks::of(&request, Some(agreement), &pauses, at);
            let sent = request.asked.first().and_then(|event| event.witnessed);
            let Some(begun) = clocks.start.instant().or(sent) else {
                review.unwitnessed += 1;
                continue;
            };
            if !scope.hold(begun) {
                continue;
            }
            if request.exercise != scope.exercise {
                review.left_out += 1;
                continue;
            }
            let row = Row::of(&request, &clocks, (agreement, &pauses), at, openings);
            let answers = review.answers_of.entry(row.receiver.clone()).or_default();
            answers.take(&row, &request, openings);
            review.requests.push(row);
        }
        review.answers_of.values_mut().for_each(Answers::finish);
        review.requests.sort_by_key(|row| (row.started, row.thread));
        review.heads = heads;
        review
    }

    /// The entries that it stands on and that may have been opened for it: whose, and which.
    #[must_use]
    pub fn stands_on(&self) -> Vec<(&PartyId, u64)> {
        let mut entries = Vec::new();
        for row in &self.requests {
            entries.extend(row.asked.iter().map(|index| (&row.asker, *index)));
            entries.extend(row.answered.iter().map(|index| (&row.receiver, *index)));
        }
        entries.extend(self.mechanism.opened.iter().map(|(party, index)| (party, *index)));
        entries
    }

    /// The one encoding: JSON with sorted names, integers and texts only, and no white space.
    #[must_use]
    pub fn to_canonical(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        let mut out = String::new();
        canonical(&value, &mut out);
        out
    }

    /// What of it stands on the ledgers alone: times and counts. Grounds, scores, what follows from them and how
    /// commitments were judged are taken out.
    #[must_use]
    pub fn without_openings(&self) -> Self {
        let mut left = self.clone();
        for answers in left.answers_of.values_mut() {
            (answers.results, answers.refusals) = (BTreeMap::new(), BTreeMap::new());
            (answers.refusals_not_opened, answers.disputed) = (0, 0);
            answers.quality = BTreeMap::new();
        }
        for row in &mut left.requests {
            row.result = quality::Result::Open;
            (row.grounds, row.disputed) = (Vec::new(), Vec::new());
            row.scores = BTreeMap::new();
        }
        (left.mechanism.commitments, left.mechanism.opened) = (Vec::new(), Vec::new());
        left
    }
}

fn canonical(value: &serde_json::Value, out: &mut String) {
    match value {
        serde_json::Value::Object(entries) => {
            let sorted: BTreeMap<_, _> = entries.iter().collect();
            out.push('{');
            for (place, (name, value)) in sorted.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(value, out);
            }
            out.push('}');
        }
        serde_json::Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

/// In whole seconds, as ledgers count them.
#[expect(clippy::ref_option, reason = "serde gives it so")]
fn instant<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).serialize(serializer)
}

impl Row {
    fn of(
        request: &Request,
        clocks: &Clocks,
        (agreement, pauses): (&Agreement, &[Suspension]),
        now: Timestamp,
        openings: &Openings,
    ) -> Self {
        let effective = |events: &[Event]| -> Vec<u64> {
            events.iter().filter(|event| event.refused.is_none()).map(|event| event.index).collect()
        };
        let scores_of = |party: &PartyId| {
            let assessed = request.latest(party, Kind::Assess)?;
            let scores = opened(openings, party, assessed)?.scores.as_ref()?;
            Some(quality::counted(agreement, request.class.as_deref(), scores))
        };
        let mut scores: BTreeMap<String, Scores> = BTreeMap::new();
        scores.insert("measured".to_owned(), quality::measured(request, clocks, now));
        scores.extend(scores_of(&request.asker).map(|scores| ("asker".to_owned(), scores)));
        scores.extend(scores_of(&request.receiver).map(|scores| ("receiver".to_owned(), scores)));
        let disputed = match (scores.get("asker"), scores.get("receiver")) {
            (Some(one), Some(other)) => quality::disputed(one, other),
            _ => Vec::new(),
        };
        let disputed = disputed.into_iter().map(str::to_owned).collect();
        let grounds = grounds(request, openings);
        let refusals = refusals(request, agreement, openings);
        let stood = |s: &Suspension| s.to.unwrap_or(now).duration_since(s.from);
        let suspended: SignedDuration = clocks.suspended.iter().map(stood).sum();
        Self {
            thread: request.thread,
            asker: request.asker.clone(),
            receiver: request.receiver.clone(),
            class: request.class.clone(),
            asked: effective(&request.asked),
            answered: effective(&request.answered),
            started: clocks.start.instant(),
            started_by: clocks.start.as_str().to_owned(),
            came: came(request, clocks, pauses, now),
            counts: clocks.counts,
            acknowledge: Took::of(clocks, &clocks.acknowledge, clocks.acknowledged_in(now)),
            answer: Took::of(clocks, &clocks.answer, clocks.answering_for(now)),
            suspended: suspended.as_secs(),
            result: quality::Result::of(request, clocks, refusals),
            items: request.items,
            grounds,
            scores,
            disputed,
        }
    }
}

/// In what time the receiver had the request and each reply, by what is proven.
fn came(request: &Request, clocks: &Clocks, pauses: &[Suspension], now: Timestamp) -> Vec<Took> {
    let replies = request.asked.iter().skip(1);
    let replies = replies.filter(|e| e.refused.is_none() && e.act.kind == Kind::Reply);
    let each = request.asked.iter().take(1).chain(replies).filter_map(|event| {
        let (sent, came) = (event.witnessed?, event.came());
        let until = came.or(clocks.ended_at).unwrap_or(now);
        let stood: SignedDuration = pauses.iter().map(|pause| pause.within(sent, until)).sum();
        let seconds = (until.duration_since(sent) - stood).as_secs().max(0);
        let (done, over) = (came.is_some(), clocks.ended);
        Some(Took { seconds: Some(seconds), done, over, ..Took::default() })
    });
    each.collect()
}

impl Took {
    fn is_untimed(&self) -> bool {
        self.done && self.seconds.is_none()
    }

    fn of(clocks: &Clocks, deadline: &Deadline, taken: Option<SignedDuration>) -> Self {
        Self {
            seconds: taken.map(|taken| taken.as_secs()),
            limit: clocks.allowed(deadline).map(|limit| limit.as_secs()),
            done: deadline.done.is_some(),
            late: deadline.late.is_some(),
            over: clocks.ended,
        }
    }
}

impl Answers {
    fn take(&mut self, row: &Row, request: &Request, openings: &Openings) {
        row.came.iter().for_each(|came| self.receipt.take(came));
        if row.started.is_none() {
            self.unreceipted += 1;
            return;
        }
        self.requests += 1;
        self.untimed += u32::from(row.acknowledge.is_untimed() || row.answer.is_untimed());
        *self.results.entry(row.result.as_str().to_owned()).or_default() += 1;
        for outcome in &request.standing(View::ALL).outcomes {
            *self.items.entry(outcome.as_str().to_owned()).or_default() += 1;
        }
        self.acknowledge.take(&row.acknowledge);
        // An item that waits for a decision about the whole waits for its answer.
        self.answer.take(&row.answer);
        let class = self.by_class.entry(row.class.clone().unwrap_or_default()).or_default();
        class.requests += 1;
        class.acknowledge.take(&row.acknowledge);
        class.answer.take(&row.answer);
        for ground in &row.grounds {
            *self.refusals.entry(ground.clone()).or_default() += 1;
        }
        let refusals = request.answered.iter().filter(|event| event.refused.is_none());
        for event in refusals {
            let opened = given(openings, &request.receiver, event).map_or(0, BTreeMap::len);
            let whole = usize::from(event.act.decision == Some(Decision::Refused));
            let stated = event.act.outcomes.iter().filter(|o| **o == Outcome::Refused).count();
            let closed = (whole + stated).saturating_sub(opened);
            self.refusals_not_opened += u32::try_from(closed).unwrap_or(u32::MAX);
        }
        for (who, scores) in &row.scores {
            self.quality.entry(who.clone()).or_default().take(scores);
        }
        self.disputed += u32::from(!row.disputed.is_empty());
    }

    fn finish(&mut self) {
        for times in [&mut self.receipt, &mut self.acknowledge, &mut self.answer] {
            times.finish();
        }
        for class in self.by_class.values_mut() {
            class.acknowledge.finish();
            class.answer.finish();
        }
        for quality in self.quality.values_mut() {
            quality.weighed.sort_unstable();
            quality.median = rank(&quality.weighed, 50);
        }
    }
}

impl Times {
    fn take(&mut self, took: &Took) {
        let Some(seconds) = took.seconds else {
            self.untimed += u32::from(took.is_untimed());
            return;
        };
        if took.done {
            self.done += 1;
        } else if !took.over {
            self.open += 1;
        }
        let Some(limit) = took.limit else {
            self.no_limit += 1;
            let ages = if took.done { &mut self.taken } else { &mut self.unlimited };
            ages.push(seconds);
            return;
        };
        match (took.done, took.late) {
            (true, false) => self.within += 1,
            (true, true) => self.late += 1,
            (false, true) if took.over => self.late += 1,
            (false, true) => {
                self.overdue += 1;
                self.open_counted += 1;
            }
            (false, false) => return,
        }
        self.taken.push(seconds);
        self.by_share[usize::from(quality::share_of(seconds, limit))] += 1;
    }

    fn finish(&mut self) {
        self.taken.sort_unstable();
        let median = rank(&self.taken, 50);
        for age in self.unlimited.drain(..).filter(|age| median.is_none_or(|median| *age > median))
        {
            self.taken.push(age);
            self.open_counted += 1;
        }
        self.taken.sort_unstable();
        self.median = rank(&self.taken, 50);
        self.p90 = rank(&self.taken, 90);
    }
}

impl Quality {
    fn take(&mut self, scores: &Scores) {
        let Some(weighed) = quality::weighed(scores) else { return };
        self.requests += 1;
        self.weighed.push(weighed.into());
        for dimension in DIMENSIONS {
            let Some(score) = scores.get(dimension) else { continue };
            let counts = self.by_dimension.entry(dimension.to_owned()).or_default();
            counts[usize::from((*score).min(quality::BEST))] += 1;
        }
    }
}

/// The nearest rank of sorted values: so many in a hundred are no larger.
fn rank(sorted: &[i64], hundredths: usize) -> Option<i64> {
    let place = (sorted.len() * hundredths).div_ceil(100).max(1);
    sorted.get(place - 1).copied()
}

impl Meetings {
    /// Those that the terms record, and those of which both sides agreed to minutes; and when the next is due, for one
    /// that is not held is no reason to say nothing.
    #[must_use]
    pub fn of(agreement: &Agreement, matters: &[Matter], exercise: bool, now: Timestamp) -> Self {
        let Some(terms) = &agreement.review else { return Self::default() };
        let today = now.to_zoned(TimeZone::UTC).date();
        let next = |from: Date| {
            let start = from.to_zoned(TimeZone::UTC).ok()?.timestamp();
            Some(terms.every.as_ref()?.after(start).to_zoned(TimeZone::UTC).date())
        };
        // Where no first day is named, the cadence runs from when these terms were proposed.
        let begun = agreement.between.as_ref().map(|between| between.proposed);
        let begun = begun.map(|time| time.to_zoned(TimeZone::UTC).date());
        let mut before = agreement.date;
        let mut due = terms.first_by.or_else(|| next(agreement.date.or(begun)?));
        let recorded = agreement.events.iter().filter(|event| event.kind.ends_with("review"));
        let mut all: Vec<_> = recorded.map(|event| (event.date, None)).collect();
        let real = matters.iter().filter(|matter| matter.exercise == exercise);
        let agreed = real.filter_map(|matter| Some((matter.held(View::ALL)?, Some(matter))));
        // It may be tomorrow already where it was held.
        all.extend(agreed.filter(|(day, _)| *day <= today.saturating_add(1.day())));
        all.sort_unstable_by_key(|(day, matter)| (*day, matter.map(|matter| matter.thread)));
        let mut held = Vec::new();
        for (date, matter) in all {
            let days = |from: Date| date.since(from).ok().map(|span| span.get_days());
            let entries = matter.into_iter().flat_map(Matter::agreed_at);
            held.push(Meeting {
                date,
                after_days: before.and_then(days),
                days_after_due: due.and_then(days),
                thread: matter.map(|matter| matter.thread),
                entries: entries.map(|(party, index)| (party.clone(), index)).collect(),
            });
            // What both sides say was before these terms moves nothing under them.
            if matter.is_none() || begun.is_none_or(|begun| date >= begun) {
                before = Some(date);
                due = next(date);
            }
        }
        let overdue = due.filter(|due| *due < today);
        Self {
            every: terms.every.as_ref().map(ToString::to_string),
            first_by: terms.first_by,
            held,
            next_by: due,
            overdue_days: overdue.and_then(|due| today.since(due).ok()).map(|span| span.get_days()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::TEMPLATES;
    use crate::agreement::Terms;

    /// The dates of the mechanism of 2015: the intervals are a fixture.
    #[test]
    fn meetings_are_held_against_the_cadence() {
        let text = TEMPLATES.iter().find(|(id, _)| *id == "us-china-2015").map(|(_, text)| *text);
        let terms = Terms::parse(text.unwrap_or_default());
        let now = jiff::civil::date(2026, 1, 1).to_zoned(TimeZone::UTC).map(|day| day.timestamp());
        let now = now.unwrap_or(Timestamp::MAX);
        let meetings = terms.map(|terms| Meetings::of(&terms, &[], false, now));
        let Ok(meetings) = meetings else { panic!("the template") };
        assert_eq!(meetings.next_by, Some(jiff::civil::date(2018, 4, 4)));
        let days: Vec<_> = meetings.held.iter().map(|meeting| meeting.after_days).collect();
        assert_eq!(days, [Some(67), Some(196), Some(176), Some(301)]);
        let due: Vec<_> = meetings.held.iter().map(|meeting| meeting.days_after_due).collect();
        assert_eq!(due, [Some(-30), Some(13), Some(-7), Some(119)], "half-yearly, then not");
    }

    #[test]
    fn silence_improves_no_figure_and_neither_does_a_new_request() {
        let took = |seconds, limit, done, late| Took {
            seconds: Some(seconds),
            limit,
            done,
            late,
            over: false,
        };
        let mut times = Times::default();
        for seconds in [100, 200, 300] {
            times.take(&took(seconds, Some(250), true, seconds > 250));
        }
        times.take(&took(9_000, Some(250), false, true));
        times.take(&took(1, Some(250), false, false));
        times.finish();
        assert_eq!((times.median, times.p90), (Some(200), Some(9_000)));
        assert_eq!((times.within, times.late, times.overdue), (2, 1, 1));
        assert_eq!((times.open, times.open_counted, times.by_share), (2, 1, [1, 1, 1, 0, 1]));
        let mut free = Times::default();
        for (seconds, done) in [(100, true), (300, true), (5, false), (700, false)] {
            free.take(&took(seconds, None, done, false));
        }
        free.finish();
        assert_eq!((free.median, free.p90, free.open_counted), (Some(300), Some(700), 1));
        assert_eq!((free.no_limit, free.by_share), (4, [0; 5]));
    }

    #[test]
    fn ranks_are_values_that_were_there() {
        assert_eq!(rank(&[], 50), None);
        assert_eq!(rank(&[7], 50), Some(7));
        assert_eq!(rank(&[1, 2, 3, 4], 50), Some(2), "the lower of the two in the middle");
        let many: Vec<i64> = (1..=100).collect();
        assert_eq!((rank(&many, 50), rank(&many, 90)), (Some(50), Some(90)));
    }
}

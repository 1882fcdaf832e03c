//! Deadlines of a request, from witnessed times and the agreement's limits alone.
//!
//! A clock starts when the receiver is proven to have the request: at its receipt, when its mirror covered
//! it, or at the first thing that it stated and that had seen it, whichever comes first, so that a receipt
//! that comes late takes back nothing. Before any the request is unreceipted and counted apart. A clarification suspends the whole from the
//! question's time to when the receiver had the reply, by the same proofs. Overdue is derived, never stored as a fact. A limit that
//! counts working time runs while the receiver's calendar says that people work, and so do the times that
//! are held against it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::agreement::{Agreement, Counts};
use crate::calendar::Calendar;
use crate::matter::Topic;
use crate::request::{Decision, Outcome};
use crate::thread::{Event, View};
use crate::{Kind, Matter, Period, Request};

/// Where a request's time began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// The receiver receipted it then.
    Receipt(Timestamp),
    /// The receiver's mirror covered it then, and no receipt had been witnessed.
    Mirror(Timestamp),
    /// A statement of the receiver's that had seen it was witnessed then, and neither before.
    Statement(Timestamp),
    /// None of these: counted apart.
    Unreceipted,
}

/// A limit and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deadline {
    /// The agreement's limit; none where it names none.
    pub limit: Option<Period>,
    /// When it is due; none without a limit, before the start, and while suspended.
    pub due: Option<Timestamp>,
    /// From when little is left: three quarters of the time that counts have passed.
    #[serde(skip)]
    pub soon: Option<Timestamp>,
    /// When it was done.
    pub done: Option<Timestamp>,
    /// By how much it is late: done after it was due, or still open at `now`.
    pub late: Option<SignedDuration>,
    /// Whether nothing but what was done then shows that there was something to do: that it had come, and not since
    /// when. Then it is done in no time that anybody knows, unless it was late however late that came.
    #[serde(skip)]
    pub untimed: bool,
}

/// While the clock stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Suspension {
    /// When the question was asked.
    pub from: Timestamp,
    /// When the receiver had the reply; none while it is open.
    pub to: Option<Timestamp>,
}

/// The clocks of a request at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clocks {
    /// When they started.
    pub start: Start,
    /// Acknowledgement.
    pub acknowledge: Deadline,
    /// The decision about the whole, where the terms have a limit for it: an answer decides too.
    pub decide: Deadline,
    /// Answer.
    pub answer: Deadline,
    /// The asker's own: the reply to the last question.
    pub reply: Deadline,
    /// While they stood still: for a question, or with the agreement.
    pub suspended: Vec<Suspension>,
    /// While the agreement stood still.
    #[serde(skip)]
    pub pauses: Vec<Suspension>,
    /// Which time the limits count.
    pub counts: Counts,
    /// By which calendar, with working time.
    #[serde(skip)]
    pub calendar: Option<Calendar>,
    /// Whether it was closed or withdrawn: lateness until then stays, and nothing is overdue any more.
    pub ended: bool,
    /// When that was, once it is witnessed.
    pub ended_at: Option<Timestamp>,
}

impl Clocks {
    /// The clocks of `request` at `now`; without an agreement there are times and no limits. While the
    /// agreement is suspended (`pauses`, see [`pauses`]) every clock stands still.
    #[must_use]
    pub fn of(
        request: &Request,
        agreement: Option<&Agreement>,
        pauses: &[Suspension],
        now: Timestamp,
    ) -> Self {
        let class = agreement.zip(request.class.as_deref());
        let class = class.and_then(|(agreement, class)| agreement.class(class));
        let counts = class.map_or(Counts::Elapsed, |class| class.counts);
        let calendar = agreement.filter(|_| counts == Counts::Working);
        let calendar = calendar.and_then(|agreement| agreement.calendar_of(&request.receiver));
        let done = answered(request);
        let start = Start::of(request);
        let timer = |limit: Option<&Period>| Timer::of(limit?, start.instant()?, calendar);
        let limit = timer(class.and_then(|class| class.answer.as_ref()));
        let questions = questions(request);
        let asked: Vec<_> = questions.iter().map(|question| question.stood).collect();
        let begin = start.instant().unwrap_or(Timestamp::MAX);
        let pauses: Vec<_> = pauses.iter().filter_map(|pause| pause.since(begin)).collect();
        let ended = ended(request);
        let standing_still = |asked: Vec<_>, limit: Option<&Timer<'_>>, done: Option<Timestamp>| {
            // What stood still after the end is no time of this request.
            let done = done.into_iter().chain(ended.flatten()).min();
            let counted = counting(asked, limit, done);
            union(counted.into_iter().chain(pauses.iter().filter_map(|pause| pause.until(done))))
        };
        let suspended = standing_still(asked.clone(), limit.as_ref(), done);
        let standing = request.standing(View::ALL);
        let begun_then = |done: Option<Timestamp>| done.is_some_and(|done| !start.is_proof(done));
        // Of the questions those that stop this limit.
        let untimed = |limit: Option<&Timer<'_>>, done: Option<Timestamp>| {
            let counted = counting(asked.clone(), limit, done);
            let counts = |one: &Question| counted.iter().any(|stood| stood.from == one.stood.from);
            let then = |one: &Question| {
                done.zip(one.shown).is_some_and(|(done, shown)| shown >= done) && counts(one)
            };
            begun_then(done) || questions.iter().any(then)
        };
        let deadline = |limit: Option<&Period>, suspended: &[Suspension], said, done, untimed| {
            let timer = timer(limit);
            let due = timer.as_ref().and_then(|timer| timer.due(suspended));
            let soon = timer.and_then(|timer| timer.most().due(suspended));
            // It runs until it is done, or said to be and not witnessed yet, or no longer wanted.
            let until = match (done, said, ended) {
                (Some(done), ..) => Some(done),
                (None, true, _) => None,
                (None, false, Some(ended)) => ended.map(|ended: Timestamp| ended.min(now)),
                (None, false, None) => Some(now),
            };
            let late = due.zip(until).map(|(due, until)| {
                let paused = pauses.iter().map(|pause| pause.within(due, until));
                until.duration_since(due) - paused.sum::<SignedDuration>()
            });
            let late = late.filter(SignedDuration::is_positive).map(whole);
            let untimed = untimed && late.is_none();
            Deadline { limit: limit.cloned(), due, soon, done, late, untimed }
        };
        let acknowledged = first(&request.answered, |event| event.act.kind == Kind::Acknowledge);
        let decide = class.and_then(|class| class.decide.as_ref());
        let decided = first(&request.answered, |event| event.act.kind == Kind::Decide);
        let decided = match (decided, done) {
            (Some(decided), Some(done)) => Some(decided.min(done)),
            (decided, done) => decided.or(done),
        };
        Self {
            start,
            acknowledge: deadline(
                class.and_then(|class| class.acknowledge.as_ref()),
                &standing_still(Vec::new(), None, acknowledged),
                standing.acknowledged,
                acknowledged,
                begun_then(acknowledged),
            ),
            decide: deadline(
                decide,
                &standing_still(asked.clone(), timer(decide).as_ref(), decided),
                standing.decision.is_some() || standing.is_answered(),
                decided,
                untimed(timer(decide).as_ref(), decided),
            ),
            answer: deadline(
                class.and_then(|class| class.answer.as_ref()),
                &suspended,
                standing.is_answered(),
                done,
                untimed(limit.as_ref(), done),
            ),
            reply: reply(questions.last(), agreement, &pauses, ended, now),
            pauses,
            suspended,
            counts,
            calendar: calendar.cloned(),
            ended: ended.is_some(),
            ended_at: ended.flatten(),
        }
    }

    /// Whether something of the receiver's is late and not done.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        let late = |d: &Deadline| d.late.is_some() && d.done.is_none();
        !self.ended && [&self.acknowledge, &self.decide, &self.answer].into_iter().any(late)
    }

    /// Whether they stand still with the agreement now.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.pauses.last().is_some_and(|pause| pause.to.is_none())
    }

    /// The next instant at which something is due that is not done.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        if self.ended {
            return None;
        }
        let all = [&self.acknowledge, &self.decide, &self.answer, &self.reply];
        all.into_iter().filter(|d| d.done.is_none()).filter_map(|deadline| deadline.due).min()
    }

    /// Time from the start to the answer, less what was suspended.
    #[must_use]
    pub fn answered_in(&self) -> Option<SignedDuration> {
        self.answering_for(self.answer.done?)
    }

    /// Time from the start to the answer, or to `now` while there is none and it is still wanted; less
    /// what was suspended; none where nobody knows it. Working time, where the limits count that.
    #[must_use]
    pub fn answering_for(&self, now: Timestamp) -> Option<SignedDuration> {
        if self.answer.untimed {
            return None;
        }
        let until = self.answer.done.or(self.ended_at).unwrap_or(now);
        let begin = self.start.instant()?;
        let stopped: SignedDuration =
            self.suspended.iter().map(|s| self.passed(s.from, s.to.unwrap_or(until))).sum();
        Some(self.passed(begin, until) - stopped)
    }

    /// Time from the start to the acknowledgement, or to `now` while there is none and it is still
    /// wanted; none where nobody knows it. Working time, where the limits count that.
    #[must_use]
    pub fn acknowledged_in(&self, now: Timestamp) -> Option<SignedDuration> {
        if self.acknowledge.untimed {
            return None;
        }
        let until = self.acknowledge.done.or(self.ended_at).unwrap_or(now);
        let stopped = self.pauses.iter().filter_map(|pause| pause.until(Some(until)));
        let stopped: SignedDuration =
            stopped.map(|pause| self.passed(pause.from, pause.to.unwrap_or(until))).sum();
        Some(self.passed(self.start.instant()?, until) - stopped)
    }

    /// How long the limit of a deadline is, from the start, without suspensions.
    #[must_use]
    pub fn allowed(&self, deadline: &Deadline) -> Option<SignedDuration> {
        let (begin, limit) = (self.start.instant()?, deadline.limit.as_ref()?);
        match self.calendar.as_ref().and_then(|calendar| calendar.seconds(limit)) {
            Some(seconds) => Some(SignedDuration::from_secs(seconds)),
            None => Some(limit.after(begin).duration_since(begin)),
        }
    }

    /// The instant at which so much more of the time that counts has passed, without what the agreement stands still;
    /// none while it does.
    #[must_use]
    pub fn later(&self, from: Timestamp, by: SignedDuration) -> Option<Timestamp> {
        let runs = match &self.calendar {
            Some(calendar) => Runs::Working(calendar, by.as_secs()),
            None => Runs::Elapsed(from.checked_add(by).ok()?),
        };
        self.unpaused(from, runs)
    }

    /// A period after an instant, likewise, by the clock on the wall.
    #[must_use]
    pub fn period_later(&self, from: Timestamp, by: &Period) -> Option<Timestamp> {
        self.unpaused(from, Runs::Elapsed(by.after(from)))
    }

    fn unpaused(&self, begin: Timestamp, runs: Runs<'_>) -> Option<Timestamp> {
        let pauses: Vec<_> = self.pauses.iter().filter_map(|pause| pause.since(begin)).collect();
        Timer { begin, runs }.due(&pauses)
    }

    /// Whether everything that is due is due on a day that the calendar knows, and not only its week.
    #[must_use]
    pub fn is_known(&self) -> bool {
        let due = [self.acknowledge.due, self.answer.due].into_iter().flatten().max();
        self.calendar.as_ref().zip(due).is_none_or(|(calendar, due)| calendar.knows(due))
    }

    /// The time between two instants that counts.
    fn passed(&self, from: Timestamp, to: Timestamp) -> SignedDuration {
        match &self.calendar {
            Some(calendar) => SignedDuration::from_secs(calendar.between(from, to)),
            None => to.duration_since(from),
        }
    }
}

impl Suspension {
    /// What of it lies after an instant.
    fn since(&self, begin: Timestamp) -> Option<Self> {
        let from = self.from.max(begin);
        self.to.is_none_or(|to| to > from).then_some(Self { from, to: self.to })
    }

    /// What of it lies before an instant, where there is one.
    fn until(&self, end: Option<Timestamp>) -> Option<Self> {
        let Some(end) = end else { return Some(*self) };
        let to = self.to.map_or(end, |to| to.min(end));
        (self.from < to).then_some(Self { from: self.from, to: Some(to) })
    }

    /// How much of it lies between two instants.
    pub(crate) fn within(&self, from: Timestamp, to: Timestamp) -> SignedDuration {
        let part = self.since(from).and_then(|part| part.until(Some(to)));
        part.map_or(SignedDuration::ZERO, |part| part.to.unwrap_or(to).duration_since(part.from))
    }
}

/// While an agreement stood still, for what is real or for exercises: from when each party's statement that
/// suspends it was witnessed to when its resuming was; and from when it ended on.
#[must_use]
pub fn pauses<'a>(
    matters: impl IntoIterator<Item = &'a Matter>,
    exercise: bool,
    ended: Option<Timestamp>,
) -> Vec<Suspension> {
    let suspended =
        |matter: &&Matter| matter.topic == Topic::Suspension && matter.exercise == exercise;
    let each = matters.into_iter().filter(suspended).filter_map(|matter| {
        let from = matter.opened.first()?.witnessed?;
        let resumed = matter.effective(true, Kind::Resume, View::ALL).next();
        let to = resumed.and_then(|event| event.witnessed).map(|to| to.max(from));
        Some(Suspension { from, to })
    });
    union(each.chain(ended.map(|from| Suspension { from, to: None })))
}

/// The same instants, in order and without overlaps.
fn union(suspensions: impl Iterator<Item = Suspension>) -> Vec<Suspension> {
    let mut all: Vec<_> = suspensions.collect();
    all.sort_by_key(|suspension| suspension.from);
    let mut merged: Vec<Suspension> = Vec::new();
    for next in all {
        match merged.last_mut() {
            Some(last) if last.to.is_none_or(|to| to >= next.from) => {
                last.to = last.to.zip(next.to).map(|(one, other)| one.max(other));
            }
            _ => merged.push(next),
        }
    }
    merged
}

/// A limit that runs from an instant.
struct Timer<'a> {
    begin: Timestamp,
    runs: Runs<'a>,
}

enum Runs<'a> {
    /// All the time, to this instant.
    Elapsed(Timestamp),
    /// So many seconds of a calendar's working time.
    Working(&'a Calendar, i64),
}

impl<'a> Timer<'a> {
    fn of(limit: &Period, begin: Timestamp, calendar: Option<&'a Calendar>) -> Option<Self> {
        let runs = match calendar {
            Some(calendar) => Runs::Working(calendar, calendar.seconds(limit)?),
            None => Runs::Elapsed(limit.after(begin)),
        };
        Some(Self { begin, runs })
    }

    /// Three quarters of it.
    fn most(&self) -> Self {
        let runs = match self.runs {
            Runs::Elapsed(due) => {
                let quarter = due.duration_since(self.begin) / 4;
                Runs::Elapsed(due.checked_sub(quarter).unwrap_or(due))
            }
            Runs::Working(calendar, seconds) => Runs::Working(calendar, seconds - seconds / 4),
        };
        Self { begin: self.begin, runs }
    }

    /// When it is due with these suspensions, in their order; `None` while one is open.
    fn due(&self, suspended: &[Suspension]) -> Option<Timestamp> {
        match self.runs {
            Runs::Elapsed(mut due) => {
                for suspension in suspended {
                    // What begins when it was due already excuses nothing.
                    if suspension.from >= due {
                        break;
                    }
                    let stood = suspension.to?.duration_since(suspension.from);
                    due = due.checked_add(stood).unwrap_or(Timestamp::MAX);
                }
                Some(due)
            }
            Runs::Working(calendar, mut left) => {
                let mut from = self.begin;
                for suspension in suspended {
                    let worked = calendar.between(from, suspension.from);
                    if worked >= left {
                        break;
                    }
                    left -= worked;
                    from = suspension.to?;
                }
                Some(calendar.after(from, left))
            }
        }
    }
}

impl Start {
    fn of(request: &Request) -> Self {
        let Some(sent) = request.asked.first() else { return Self::Unreceipted };
        match sent.came() {
            None => Self::Unreceipted,
            Some(came) if sent.receipted() == Some(came) => Self::Receipt(came),
            Some(came) if sent.held() == Some(came) => Self::Mirror(came),
            Some(came) => Self::Statement(came),
        }
    }

    /// Whether it says since when there was something to do, for what was done then.
    fn is_proof(self, done: Timestamp) -> bool {
        !matches!(self, Self::Statement(time) if time >= done)
    }

    /// By what it is proven.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receipt(_) => "receipt",
            Self::Mirror(_) => "mirror",
            Self::Statement(_) => "statement",
            Self::Unreceipted => "unreceipted",
        }
    }

    /// The instant, where there is one.
    #[must_use]
    pub fn instant(self) -> Option<Timestamp> {
        match self {
            Self::Receipt(time) | Self::Mirror(time) | Self::Statement(time) => Some(time),
            Self::Unreceipted => None,
        }
    }
}

/// The suspensions that count. A question asked after the due instant excuses nothing, and a reply
/// after the answer suspends nothing of it any more.
fn counting(
    all: Vec<Suspension>,
    limit: Option<&Timer<'_>>,
    answered: Option<Timestamp>,
) -> Vec<Suspension> {
    let mut counted = Vec::new();
    for mut suspension in all {
        let late =
            limit.and_then(|limit| limit.due(&counted)).is_some_and(|due| suspension.from >= due);
        if late || answered.is_some_and(|answered| suspension.from >= answered) {
            continue;
        }
        if let Some(answered) = answered {
            suspension.to = Some(suspension.to.map_or(answered, |to| to.min(answered)));
        }
        counted.push(suspension);
    }
    counted
}

/// The witnessed time of the first statement with effect that `wanted` finds.
fn first(events: &[Event], wanted: impl Fn(&Event) -> bool) -> Option<Timestamp> {
    events.iter().filter(|event| event.refused.is_none()).find(|event| wanted(event))?.witnessed
}

/// Whether it was closed or withdrawn, and when that was witnessed.
fn ended(request: &Request) -> Option<Option<Timestamp>> {
    let ends = |event: &&Event| {
        event.refused.is_none() && matches!(event.act.kind, Kind::Close | Kind::Withdraw)
    };
    request.asked.iter().find(ends).map(|event| event.witnessed)
}

/// When the last item was done, or the whole refused.
fn answered(request: &Request) -> Option<Timestamp> {
    let mut open = vec![true; request.items];
    for event in request.answered.iter().filter(|event| event.refused.is_none()) {
        for (open, outcome) in open.iter_mut().zip(&event.act.outcomes) {
            *open &= !outcome.is_done();
        }
        let refused = event.act.decision == Some(Decision::Refused);
        if refused || !open.contains(&true) {
            return event.witnessed;
        }
    }
    None
}

/// A question, and what became of it.
struct Question {
    /// While the clock stood still for it.
    stood: Suspension,
    /// Whether it was replied to, and when the reply was witnessed.
    replied: Option<Option<Timestamp>>,
    /// When the receiver had the reply, where nothing but what it stated shows that.
    shown: Option<Timestamp>,
}

fn questions(request: &Request) -> Vec<Question> {
    let asked =
        request.answered.iter().filter(|e| e.refused.is_none() && e.act.kind == Kind::Clarify);
    asked
        .filter_map(|question| {
            let from = question.witnessed?;
            let reply = request.asked.iter().find(|event| {
                event.refused.is_none()
                    && event.act.kind == Kind::Reply
                    && event.act.answers == Some(question.index)
            });
            // A time that a skewed witness put before the question suspends nothing.
            let came = reply.and_then(Event::came);
            let received = reply.and_then(Event::received);
            Some(Question {
                stood: Suspension { from, to: came.map(|to| to.max(from)) },
                replied: reply.map(|reply| reply.witnessed),
                shown: came.filter(|came| received.is_none_or(|received| *came < received)),
            })
        })
        .collect()
}

/// The reply to the last question with effect: due so long after the question was witnessed, done when it was witnessed
/// itself, like all that the receiver does. Its time is all the time: it is the asker's, whatever the receiver's office
/// hours.
fn reply(
    last: Option<&Question>,
    agreement: Option<&Agreement>,
    pauses: &[Suspension],
    ended: Option<Option<Timestamp>>,
    now: Timestamp,
) -> Deadline {
    let limit = agreement.and_then(|a| a.clarification.as_ref()?.reply_within.clone());
    let timer = last.zip(limit.as_ref());
    let timer = timer.and_then(|(asked, limit)| Timer::of(limit, asked.stood.from, None));
    let replied = last.and_then(|asked| asked.replied);
    let done = replied.flatten();
    let since = |pause: &Suspension| pause.since(last?.stood.from);
    // What stood still after it was done moves nothing any more.
    let before = |pause: &Suspension| done.is_none_or(|done| pause.from < done);
    let pauses: Vec<_> = pauses.iter().filter_map(since).filter(before).collect();
    let due = timer.as_ref().and_then(|timer| timer.due(&pauses));
    let soon = timer.and_then(|timer| timer.most().due(&pauses));
    // What was said and is not witnessed yet is not late.
    let until = match replied {
        Some(done) => done,
        None => Some(ended.flatten().unwrap_or(now)),
    };
    let late = due.zip(until).map(|(due, until)| until.duration_since(due));
    let late = late.filter(SignedDuration::is_positive).map(whole);
    Deadline { limit, due, soon, done, late, untimed: false }
}

/// In whole seconds, as ledgers count them.
fn whole(time: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(time.as_secs())
}

/// How many items stand at each outcome, for those who read ledgers only.
#[must_use]
pub fn tally(request: &Request) -> Vec<(Outcome, usize)> {
    let outcomes = request.standing(View::ALL).outcomes;
    let mut tally: Vec<(Outcome, usize)> = Vec::new();
    for outcome in outcomes {
        match tally.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, count)) => *count += 1,
            None => tally.push((outcome, 1)),
        }
    }
    tally
}

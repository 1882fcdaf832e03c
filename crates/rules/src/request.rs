//! A request's life, computed from both ledgers and from nothing else.
//!
//! Each side writes its own facts: the asker what it asks and wants, the receiver what became of
//! it. A statement is legal if it was legal in the state that its author could see: its own chain,
//! and the peer's entries up to the head that it names. So the same statements give the same state
//! on both nodes, whatever order the peer's arrive in, and crossings block nobody.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use comity_ledger::Body;

use crate::channel::Channel;
use crate::period::instant;
use crate::{Kind, PartyId, ThreadId};

/// Items of one request at most.
pub const MAX_ITEMS: usize = 200;

/// A request as its statements say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The matter.
    pub thread: ThreadId,
    /// Who asks.
    pub asker: PartyId,
    /// Who is asked.
    pub receiver: PartyId,
    /// The urgency class that it was sent with.
    pub class: Option<String>,
    /// Whether it is an exercise.
    pub exercise: bool,
    /// How many items it has.
    pub items: usize,
    /// The asker's statements, in the order of its ledger.
    pub asked: Vec<Event>,
    /// The receiver's statements, in the order of its ledger.
    pub answered: Vec<Event>,
}

/// A statement of a request's thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in its author's ledger.
    pub index: u64,
    /// What it does.
    pub act: Act,
    /// Size of the other ledger that its author had seen.
    pub seen: u64,
    /// When its author says it was made. Shown, never computed with.
    pub claimed: Timestamp,
    /// The code of what was wrong with it; such a statement has no effect.
    pub refused: Option<String>,
    /// When outside witnesses first covered it.
    pub witnessed: Option<Timestamp>,
    /// When the other side's mirror first covered it.
    pub mirrored: Option<Timestamp>,
    /// The other side's receipt.
    pub receipt: Option<Receipted>,
}

/// The other side's receipt for a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipted {
    /// Place of the receipt in the other side's ledger.
    pub index: u64,
    /// Empty, or the code of the refusal.
    pub code: String,
    /// When an outside witness first covered the receipt.
    pub witnessed: Option<Timestamp>,
}

/// What a statement does, as far as every reader of the ledger sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Its kind.
    pub kind: Kind,
    /// What became of each item, with `Answer`.
    pub outcomes: Vec<Outcome>,
    /// With `Decide`.
    pub decision: Option<Decision>,
    /// Place, in the other ledger, of the statement that it answers.
    pub answers: Option<u64>,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing yet.
    Open,
    /// Answered.
    Answered,
    /// Refused.
    Refused,
    /// It cannot be done.
    Impossible,
    /// Later.
    Postponed,
}

/// What the receiver decides about the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It will be executed.
    Accepted,
    /// It will be executed under conditions.
    AcceptedWithConditions,
    /// Later.
    Postponed,
    /// No.
    Refused,
}

/// The receiver's word on where a request is; the receiver alone writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Sent; no receipt yet.
    Sent,
    /// Receipted.
    Received,
    /// Acknowledged.
    Acknowledged,
    /// A question is open.
    ClarificationAsked,
    /// Accepted.
    Accepted,
    /// Accepted with conditions.
    AcceptedWithConditions,
    /// Postponed.
    Postponed,
    /// Some items are done, some open.
    PartAnswered,
    /// Every item is done, some of them refused.
    PartlyRefused,
    /// Every item is done.
    Answered,
    /// Refused, whole.
    Refused,
}

/// The asker's word on what it wants; the asker alone writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Desired {
    /// An answer.
    Answer,
    /// It has assessed the answer.
    Assessed,
    /// Nothing more.
    Closed,
    /// No longer an answer.
    Withdrawn,
}

/// A cut through both ledgers: entries below these indexes are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Entries of the asker's ledger.
    pub asked: u64,
    /// Entries of the receiver's ledger.
    pub answered: u64,
}

impl View {
    /// Everything.
    pub const ALL: Self = Self { asked: u64::MAX, answered: u64::MAX };
}

/// Where a request stands in a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The receiver's word.
    pub status: Status,
    /// The asker's word.
    pub desired: Desired,
    /// Place of the open question in the receiver's ledger.
    pub question: Option<u64>,
    /// What became of each item.
    pub outcomes: Vec<Outcome>,
    /// Whether it was acknowledged.
    pub acknowledged: bool,
    /// What was decided about the whole.
    pub decision: Option<Decision>,
    /// Whether somebody took it up the ladder.
    pub escalated: bool,
    /// Whether the receiver has assessed its own answer.
    pub self_assessed: bool,
}

/// Why a statement is not legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The thread is not the one that this statement opens.
    #[error("this thread is not the one that the statement opens")]
    ThreadInUse,
    /// There is no such request.
    #[error("there is no such request")]
    UnknownThread,
    /// It is the other side's to say.
    #[error("that is for the other side to say")]
    NotYours,
    /// Said already.
    #[error("that was said already")]
    AlreadySaid,
    /// It was not acknowledged yet.
    #[error("the request was not acknowledged yet")]
    NotAcknowledged,
    /// A question is open.
    #[error("a question is open already")]
    QuestionOpen,
    /// No such question is open.
    #[error("no such question is open")]
    NoQuestion,
    /// It is over.
    #[error("the request is answered, refused, closed or withdrawn")]
    Over,
    /// There is nothing to assess yet.
    #[error("there is no complete answer or refusal to assess yet")]
    NothingToAssess,
    /// It was not assessed yet.
    #[error("assess the answer before you close, or withdraw the request")]
    NotAssessed,
    /// The items do not fit the request.
    #[error("the items are not those of the request, or none of them is new")]
    BadItems,
    /// The statement has not the form of its kind.
    #[error("the statement has not the form of its kind")]
    BadForm,
}

impl Illegal {
    /// The stable name: it stands in receipts.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ThreadInUse => "thread-in-use",
            Self::UnknownThread => "unknown-thread",
            Self::NotYours => "not-yours",
            Self::AlreadySaid => "already-said",
            Self::NotAcknowledged => "not-acknowledged",
            Self::QuestionOpen => "question-open",
            Self::NoQuestion => "no-question",
            Self::Over => "over",
            Self::NothingToAssess => "nothing-to-assess",
            Self::NotAssessed => "not-assessed",
            Self::BadItems => "bad-items",
            Self::BadForm => "bad-form",
        }
    }
}

impl Request {
    /// The request that a `request.send/1` in the ledger `origin` begins.
    ///
    /// # Errors
    /// [`Illegal`], where the statement has not its form.
    pub fn open(index: u64, origin: &str, body: &Body) -> Result<Self, Illegal> {
        let act = Act::of(Kind::Send, body)?;
        if ThreadId(body.thread) != ThreadId::opened_by(origin, body.sequence) {
            return Err(Illegal::ThreadInUse);
        }
        let (Ok(asker), Ok(receiver)) = (body.from.parse(), body.to.parse()) else {
            return Err(Illegal::BadForm);
        };
        let items = act.outcomes.len();
        if !(1..=MAX_ITEMS).contains(&items) || act.outcomes.iter().any(|o| *o != Outcome::Open) {
            return Err(Illegal::BadItems);
        }
        Ok(Self {
            thread: ThreadId(body.thread),
            asker,
            receiver,
            class: body.class.clone(),
            exercise: body.exercise,
            items,
            asked: vec![Event::new(index, act, body, None)],
            answered: Vec::new(),
        })
    }

    /// Takes in a further statement of either side, in the order of its author's ledger.
    ///
    /// # Errors
    /// [`Illegal`]: the statement is kept as an event without effect.
    pub fn apply(&mut self, index: u64, kind: Kind, body: &Body) -> Result<(), Illegal> {
        // This thread was opened by another statement, whoever sends this one.
        if kind == Kind::Send {
            return Err(Illegal::ThreadInUse);
        }
        let asker = body.from == self.asker.as_str();
        let seen = Channel::seen_size(body.seen.as_ref());
        let view = if asker {
            View { asked: index, answered: seen }
        } else {
            View { asked: seen, answered: index }
        };
        // The thread was not there for its author: such a statement, whatever its form, belongs to
        // none, on either node and to an auditor.
        if !self.is_seen(view) {
            return Err(Illegal::UnknownThread);
        }
        let (act, legal) = match Act::of(kind, body) {
            Ok(act) => {
                let legal = self.check(asker, view, &act);
                (act, legal)
            }
            Err(illegal) => (Act::bare(kind), Err(illegal)),
        };
        let refused = legal.err().map(|illegal| illegal.code().to_owned());
        let event = Event::new(index, act, body, refused);
        if asker {
            self.asked.push(event);
        } else {
            self.answered.push(event);
        }
        legal
    }

    /// Whether `act` is legal for that side in this view.
    ///
    /// # Errors
    /// [`Illegal`].
    pub fn check(&self, asker: bool, view: View, act: &Act) -> Result<(), Illegal> {
        if !self.is_seen(view) {
            return Err(Illegal::UnknownThread);
        }
        let now = self.standing(view);
        let over = now.desired == Desired::Closed || now.desired == Desired::Withdrawn;
        let finished = over || now.is_answered();
        let side = |mine: bool| if mine { Ok(()) } else { Err(Illegal::NotYours) };
        let unless = |bad: bool, illegal| if bad { Err(illegal) } else { Ok(()) };
        match act.kind {
            Kind::Send => Err(Illegal::ThreadInUse),
            Kind::Acknowledge => {
                side(!asker)?;
                unless(now.acknowledged, Illegal::AlreadySaid)?;
                unless(over, Illegal::Over)
            }
            Kind::Clarify => {
                side(!asker)?;
                unless(!now.acknowledged, Illegal::NotAcknowledged)?;
                unless(now.question.is_some(), Illegal::QuestionOpen)?;
                unless(finished, Illegal::Over)
            }
            Kind::Reply => {
                side(asker)?;
                unless(over, Illegal::Over)?;
                unless(now.question.is_none() || now.question != act.answers, Illegal::NoQuestion)
            }
            Kind::Decide => {
                side(!asker)?;
                unless(!now.acknowledged, Illegal::NotAcknowledged)?;
                unless(finished, Illegal::Over)?;
                unless(now.decision.is_some() && now.decision == act.decision, Illegal::AlreadySaid)
            }
            Kind::Answer => {
                side(!asker)?;
                unless(!now.acknowledged, Illegal::NotAcknowledged)?;
                unless(finished, Illegal::Over)?;
                let fits = act.outcomes.len() == self.items
                    && act.outcomes.iter().any(|new| *new != Outcome::Open)
                    && now
                        .outcomes
                        .iter()
                        .zip(&act.outcomes)
                        .all(|(old, new)| *new == Outcome::Open || !old.is_done());
                unless(!fits, Illegal::BadItems)
            }
            Kind::Assess if asker => {
                unless(!now.is_answered(), Illegal::NothingToAssess)?;
                unless(now.desired == Desired::Assessed, Illegal::AlreadySaid)?;
                unless(over, Illegal::Over)
            }
            // The receiver's own view of its answer, which it may give after the asker has closed.
            Kind::Assess => {
                unless(!now.is_answered(), Illegal::NothingToAssess)?;
                unless(now.self_assessed, Illegal::AlreadySaid)
            }
            Kind::Close => {
                side(asker)?;
                unless(over, Illegal::Over)?;
                unless(now.desired != Desired::Assessed, Illegal::NotAssessed)
            }
            Kind::Withdraw => {
                side(asker)?;
                unless(over || now.desired == Desired::Assessed, Illegal::Over)
            }
            Kind::Escalate => unless(over, Illegal::Over),
            Kind::Open | Kind::AddKey | Kind::RevokeKey | Kind::Receipt => Err(Illegal::BadForm),
        }
    }

    /// Whether the request is in this view: for the receiver it exists only once it has seen it in a
    /// checkpoint.
    fn is_seen(&self, view: View) -> bool {
        self.asked.first().is_some_and(|first| first.index < view.asked)
    }

    /// Where the request stands in this view.
    #[must_use]
    pub fn standing(&self, view: View) -> Standing {
        let asked =
            || self.asked.iter().filter(move |e| e.index < view.asked && e.refused.is_none());
        let answered =
            || self.answered.iter().filter(move |e| e.index < view.answered && e.refused.is_none());
        let mut outcomes = vec![Outcome::Open; self.items];
        let (mut acknowledged, mut decision, mut question) = (false, None, None);
        for event in answered() {
            match event.act.kind {
                Kind::Acknowledge => acknowledged = true,
                Kind::Clarify => question = Some(event.index),
                Kind::Decide => decision = event.act.decision,
                Kind::Answer => {
                    for (known, new) in outcomes.iter_mut().zip(&event.act.outcomes) {
                        if *new != Outcome::Open {
                            *known = *new;
                        }
                    }
                }
                _ => {}
            }
        }
        let replied =
            |index| asked().any(|e| e.act.kind == Kind::Reply && e.act.answers == Some(index));
        let question = question.filter(|index| !replied(*index));
        let said = |kind| asked().any(|e| e.act.kind == kind);
        let desired = if said(Kind::Withdraw) {
            Desired::Withdrawn
        } else if said(Kind::Close) {
            Desired::Closed
        } else if said(Kind::Assess) {
            Desired::Assessed
        } else {
            Desired::Answer
        };
        let escalated = said(Kind::Escalate) || answered().any(|e| e.act.kind == Kind::Escalate);
        let received = self.asked.first().is_some_and(|first| first.receipt.is_some());
        let status = Status::of(acknowledged, received, decision, question, &outcomes);
        // Who refuses the whole refuses what was not done by then.
        if decision == Some(Decision::Refused) {
            let open = outcomes.iter_mut().filter(|outcome| !outcome.is_done());
            open.for_each(|outcome| *outcome = Outcome::Refused);
        }
        let self_assessed = answered().any(|e| e.act.kind == Kind::Assess);
        Standing {
            status,
            desired,
            question,
            outcomes,
            acknowledged,
            decision,
            escalated,
            self_assessed,
        }
    }

    /// The request as both ledgers have it up to these heads; `None` where it is not there yet. Times
    /// that proofs of larger heads gave stay: they are earlier, never later.
    #[must_use]
    pub fn up_to(&self, heads: View) -> Option<Self> {
        let cut = |events: &[Event], own: u64, other: u64| -> Vec<Event> {
            let within = events.iter().filter(|event| event.index < own).cloned();
            let cut = within.map(|mut event| {
                event.receipt = event.receipt.filter(|receipt| receipt.index < other);
                event
            });
            cut.collect()
        };
        self.is_seen(heads).then(|| Self {
            asked: cut(&self.asked, heads.asked, heads.answered),
            answered: cut(&self.answered, heads.answered, heads.asked),
            ..self.clone()
        })
    }

    /// The events of the party's own ledger.
    #[must_use]
    pub fn events_of(&self, party: &PartyId) -> &[Event] {
        if *party == self.asker { &self.asked } else { &self.answered }
    }

    /// Notes the other side's receipt for the entry `index` of `author`.
    pub fn receipt(&mut self, author: &PartyId, index: u64, receipt: Receipted) {
        let event = self.events_mut(author).iter_mut().find(|event| event.index == index);
        if let Some(event) = event
            && event.receipt.is_none()
        {
            event.receipt = Some(receipt);
        }
    }

    /// Notes that outside witnesses covered the entries `[from, to)` of `ledger` at `time`. Of
    /// several proofs the earliest counts: who keeps one back gains nothing by it, as long as the
    /// other side has one too.
    pub fn witnessed(&mut self, ledger: &PartyId, (from, to): (u64, u64), time: Timestamp) {
        let covers = |index: u64| (from..to).contains(&index);
        for event in self.events_mut(ledger).iter_mut().filter(|event| covers(event.index)) {
            earliest(&mut event.witnessed, time);
        }
        // Receipts for one side's statements stand in the other side's ledger.
        let theirs = if *ledger == self.asker { &mut self.answered } else { &mut self.asked };
        for receipt in theirs.iter_mut().filter_map(|event| event.receipt.as_mut()) {
            if covers(receipt.index) {
                earliest(&mut receipt.witnessed, time);
            }
        }
    }

    /// Notes that the other side's mirror covered the entries `[from, to)` of `ledger` at `time`; of
    /// several times the earliest counts.
    pub fn mirrored(&mut self, ledger: &PartyId, (from, to): (u64, u64), time: Timestamp) {
        for event in self.events_mut(ledger) {
            if (from..to).contains(&event.index) {
                earliest(&mut event.mirrored, time);
            }
        }
    }

    fn events_mut(&mut self, party: &PartyId) -> &mut Vec<Event> {
        if *party == self.asker { &mut self.asked } else { &mut self.answered }
    }
}

fn earliest(known: &mut Option<Timestamp>, time: Timestamp) {
    *known = Some(known.map_or(time, |known| known.min(time)));
}

impl Standing {
    /// Whether nothing is left for the receiver to do.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        matches!(self.status, Status::Answered | Status::PartlyRefused | Status::Refused)
    }

    /// Whether neither side has anything left to do.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.desired, Desired::Closed | Desired::Withdrawn)
    }
}

impl Status {
    fn of(
        acknowledged: bool,
        received: bool,
        decision: Option<Decision>,
        question: Option<u64>,
        outcomes: &[Outcome],
    ) -> Self {
        let all = |test: fn(&Outcome) -> bool| outcomes.iter().all(test);
        if decision == Some(Decision::Refused) || all(|o| *o == Outcome::Refused) {
            return Self::Refused;
        }
        if all(|o| o.is_done()) {
            let refused = outcomes.contains(&Outcome::Refused);
            return if refused { Self::PartlyRefused } else { Self::Answered };
        }
        if question.is_some() {
            return Self::ClarificationAsked;
        }
        if outcomes.iter().any(|o| o.is_done()) {
            return Self::PartAnswered;
        }
        match decision {
            Some(Decision::Accepted) => Self::Accepted,
            Some(Decision::AcceptedWithConditions) => Self::AcceptedWithConditions,
            Some(Decision::Postponed) => Self::Postponed,
            Some(Decision::Refused) => Self::Refused,
            None if acknowledged => Self::Acknowledged,
            None if received => Self::Received,
            None => Self::Sent,
        }
    }

    /// Its name in the taxonomies.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Acknowledged => "acknowledged",
            Self::ClarificationAsked => "clarification-asked",
            Self::Accepted => "accepted",
            Self::AcceptedWithConditions => "accepted-with-conditions",
            Self::Postponed => "postponed",
            Self::PartAnswered => "part-answered",
            Self::PartlyRefused => "partly-refused",
            Self::Answered => "answered",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Desired {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Assessed => "assessed",
            Self::Closed => "closed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Outcome {
    const ALL: [Self; 5] =
        [Self::Open, Self::Answered, Self::Refused, Self::Impossible, Self::Postponed];

    /// Whether the item needs nothing more.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self, Self::Answered | Self::Refused | Self::Impossible)
    }

    /// Its byte in a statement's body.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Answered => 1,
            Self::Refused => 2,
            Self::Impossible => 3,
            Self::Postponed => 4,
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Impossible => "impossible",
            Self::Postponed => "postponed",
        }
    }

    fn parse(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }
}

impl Decision {
    const ALL: [Self; 4] =
        [Self::Accepted, Self::AcceptedWithConditions, Self::Postponed, Self::Refused];

    /// Its name, which is also its public part in a statement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AcceptedWithConditions => "accepted-with-conditions",
            Self::Postponed => "postponed",
            Self::Refused => "refused",
        }
    }

    fn parse(public: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.as_str().as_bytes() == public)
    }
}

impl Act {
    /// An act that is its kind and nothing else.
    #[must_use]
    pub fn bare(kind: Kind) -> Self {
        Self { kind, outcomes: Vec::new(), decision: None, answers: None }
    }

    /// What a statement of this kind does.
    ///
    /// # Errors
    /// [`Illegal::BadForm`] where it has not the form of its kind.
    pub fn of(kind: Kind, body: &Body) -> Result<Self, Illegal> {
        let outcomes: Option<Vec<_>> = body.outcomes.iter().copied().map(Outcome::parse).collect();
        let mut act = Self { answers: body.answers, ..Self::bare(kind) };
        act.outcomes = outcomes.ok_or(Illegal::BadForm)?;
        if kind == Kind::Decide {
            act.decision = Some(Decision::parse(&body.public).ok_or(Illegal::BadForm)?);
        }
        Ok(act)
    }
}

impl Event {
    fn new(index: u64, act: Act, body: &Body, refused: Option<String>) -> Self {
        let claimed = instant(body.claimed);
        Self {
            index,
            act,
            seen: Channel::seen_size(body.seen.as_ref()),
            claimed: claimed.unwrap_or(Timestamp::UNIX_EPOCH),
            refused,
            witnessed: None,
            mirrored: None,
            receipt: None,
        }
    }
}

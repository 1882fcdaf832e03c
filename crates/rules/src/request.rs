//! A request's life, computed from both ledgers and from nothing else.
//!
//! Each side writes its own facts: the asker what it asks and wants, the receiver what became of
//! it. A statement is legal if it was legal in the state that its author could see: its own chain,
//! and the peer's entries up to the head that it names. So the same statements give the same state
//! on both nodes, whatever order the peer's arrive in, and crossings block nobody.

use std::fmt;

use comity_ledger::Body;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::matter::Mark;
use crate::thread::{Event, Sides, View, up_to};
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
    /// What a statement of a matter says openly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
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
    #[error("this is over; what is new begins a request or a matter of its own")]
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
    /// No such message waits for an acknowledgement.
    #[error("no such message waits for an acknowledgement")]
    NoMessage,
    /// The test wants the text read back.
    #[error("this test is answered by reading its text back")]
    NotReadBack,
    /// Both sides must have agreed first.
    #[error("that wants what both sides have agreed to, and they have not")]
    NotAgreed,
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
            Self::NoMessage => "no-message",
            Self::NotReadBack => "not-read-back",
            Self::NotAgreed => "not-agreed",
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
        let view = View::of_author(asker, index, body);
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
            _ => Err(Illegal::BadForm),
        }
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

    /// The request as both ledgers have it up to these heads, as of a time that is none before theirs; `None` where it
    /// is not there yet.
    #[must_use]
    pub fn up_to(&self, heads: View, at: Timestamp) -> Option<Self> {
        self.is_seen(heads).then(|| Self {
            asked: up_to(&self.asked, (heads.asked, heads.answered), at),
            answered: up_to(&self.answered, (heads.answered, heads.asked), at),
            ..self.clone()
        })
    }
}

impl Sides for Request {
    fn opener(&self) -> &PartyId {
        &self.asker
    }

    fn sides(&self) -> (&[Event], &[Event]) {
        (&self.asked, &self.answered)
    }

    fn sides_mut(&mut self) -> (&mut Vec<Event>, &mut Vec<Event>) {
        (&mut self.asked, &mut self.answered)
    }
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
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::Sent,
        Self::Received,
        Self::Acknowledged,
        Self::ClarificationAsked,
        Self::Accepted,
        Self::AcceptedWithConditions,
        Self::Postponed,
        Self::PartAnswered,
        Self::PartlyRefused,
        Self::Answered,
        Self::Refused,
    ];

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
        // Whatever was decided before: nothing of it is being worked on.
        if all(|o| *o == Outcome::Postponed) {
            return Self::Postponed;
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
        Self { kind, outcomes: Vec::new(), decision: None, answers: None, mark: None }
    }

    /// What a statement of this kind does.
    ///
    /// # Errors
    /// [`Illegal::BadForm`] where it has not the form of its kind.
    pub fn of(kind: Kind, body: &Body) -> Result<Self, Illegal> {
        // What says nothing at all can be neither read nor answered: it would make the other side late for ever.
        if kind.is_threaded() && body.sealed.is_none() {
            return Err(Illegal::BadForm);
        }
        let outcomes: Option<Vec<_>> = body.outcomes.iter().copied().map(Outcome::parse).collect();
        let mut act = Self { answers: body.answers, ..Self::bare(kind) };
        act.outcomes = outcomes.ok_or(Illegal::BadForm)?;
        if kind == Kind::Decide {
            act.decision = Some(Decision::parse(&body.public).ok_or(Illegal::BadForm)?);
        }
        if kind.topic().is_some() {
            act.mark = Mark::of(kind, &body.public)?;
        }
        Ok(act)
    }
}

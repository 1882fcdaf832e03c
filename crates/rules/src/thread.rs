//! A thread: the statements about one matter, as both ledgers have them.
//!
//! A request is one sort of thread, what the standing mechanism does beside requests another. Times and
//! receipts come to both alike.

use comity_ledger::Body;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::matter::{Matter, Signal, Topic};
use crate::period::instant;
use crate::request::{Act, Illegal};
use crate::{Kind, PartyId, Request, ThreadId};

/// A thread of any sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thread {
    /// One party asks another.
    Request(Request),
    /// Anything else.
    Matter(Matter),
}

/// A statement of a thread.
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
    /// The other side's first statement that had seen it, whatever that is about.
    pub shown: Option<Shown>,
}

impl Event {
    /// When the other side had it, by what is proven: by its receipt, by its mirror, or by anything that it stated and
    /// that had seen it.
    #[must_use]
    pub fn came(&self) -> Option<Timestamp> {
        self.received().into_iter().chain(self.shown()).min()
    }

    /// The same by what is there for that alone: by its receipt or its mirror.
    #[must_use]
    pub fn received(&self) -> Option<Timestamp> {
        self.receipted().into_iter().chain(self.held()).min()
    }

    /// The same by the first thing that it stated and that had seen it. That something had come it shows, and not since
    /// when: of what was done then it tells no time.
    #[must_use]
    pub fn shown(&self) -> Option<Timestamp> {
        self.shown.as_ref().and_then(|shown| shown.witnessed)
    }

    /// When its receipt was witnessed.
    #[must_use]
    pub fn receipted(&self) -> Option<Timestamp> {
        self.receipt.as_ref().and_then(|receipt| receipt.witnessed)
    }

    /// When the other side's mirror had it. That is by the other side's own clock, and nobody has what is not yet
    /// there: before it was witnessed itself it is no proof.
    #[must_use]
    pub fn held(&self) -> Option<Timestamp> {
        self.mirrored.zip(self.witnessed).map(|(mirror, sent)| mirror.max(sent))
    }

    /// Whether the other side's node could not open it, by its receipt. Of an echo, which nothing else answers, it says so
    /// with any code.
    #[must_use]
    pub fn is_unopened(&self) -> bool {
        self.receipt.as_ref().is_some_and(|receipt| match self.act.signal() {
            Some(Signal::Echo) => !receipt.code.is_empty(),
            _ => UNOPENED.contains(&receipt.code.as_str()),
        })
    }
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

/// What shows that the other side had a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Its place in the other side's ledger.
    pub index: u64,
    /// When an outside witness first covered it.
    pub witnessed: Option<Timestamp>,
}

/// Codes after which a statement has its effect all the same: its content could not be had, or read.
const UNOPENED: [&str; 3] = ["undecryptable", "content-mismatch", "not-understood"];

/// A cut through both ledgers: entries below these indexes are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Entries of the ledger of who opened the thread: with a request, the asker.
    pub asked: u64,
    /// Entries of the other ledger.
    pub answered: u64,
}

impl View {
    /// Everything.
    pub const ALL: Self = Self { asked: u64::MAX, answered: u64::MAX };

    /// The view of a statement's author: its own chain, and what it had seen of the other ledger.
    pub(crate) fn of_author(opener: bool, index: u64, body: &Body) -> Self {
        let seen = Channel::seen_size(body.seen.as_ref());
        if opener {
            Self { asked: index, answered: seen }
        } else {
            Self { asked: seen, answered: index }
        }
    }
}

/// The two sides of a thread.
pub trait Sides {
    /// Who opened it.
    fn opener(&self) -> &PartyId;

    /// What the opener stated, and what the other side did, each in the order of its ledger.
    fn sides(&self) -> (&[Event], &[Event]);

    /// The same, to note what becomes of it.
    fn sides_mut(&mut self) -> (&mut Vec<Event>, &mut Vec<Event>);

    /// The events of the party's own ledger.
    fn events_of(&self, party: &PartyId) -> &[Event] {
        let (opened, replied) = self.sides();
        if party == self.opener() { opened } else { replied }
    }

    /// The last that this party stated of a kind, with effect.
    fn latest(&self, party: &PartyId, kind: Kind) -> Option<&Event> {
        let mut own = self.events_of(party).iter().rev();
        own.find(|event| event.refused.is_none() && event.act.kind == kind)
    }

    /// Whether the thread is in this view: for the other side it exists only once it has seen it in a
    /// checkpoint.
    fn is_seen(&self, view: View) -> bool {
        self.sides().0.first().is_some_and(|first| first.index < view.asked)
    }

    /// Notes the other side's receipt for the entry `index` of `author`.
    fn receipt(&mut self, author: &PartyId, index: u64, receipt: Receipted) {
        let (own, _) = self.ledgers_mut(author);
        let event = own.iter_mut().find(|event| event.index == index);
        if let Some(event) = event
            && event.receipt.is_none()
        {
            event.receipt = Some(receipt);
        }
    }

    /// Notes that the entry `index` of the other side was the first to have seen the entries `[from, to)` of `author`.
    fn shows(&mut self, author: &PartyId, (from, to): (u64, u64), index: u64) {
        let (own, _) = self.ledgers_mut(author);
        for event in own.iter_mut().filter(|event| (from..to).contains(&event.index)) {
            event.shown = Some(Shown { index, witnessed: None });
        }
    }

    /// Notes that outside witnesses covered the entries `[from, to)` of `ledger` at `time`. Of
    /// several proofs the earliest counts: who keeps one back gains nothing by it, as long as the
    /// other side has one too.
    fn witnessed(&mut self, ledger: &PartyId, (from, to): (u64, u64), time: Timestamp) {
        let covers = |index: u64| (from..to).contains(&index);
        let (own, other) = self.ledgers_mut(ledger);
        for event in own.iter_mut().filter(|event| covers(event.index)) {
            earliest(&mut event.witnessed, time);
        }
        // What proves that one side's statements came stands in the other side's ledger.
        for event in other {
            let receipt =
                event.receipt.as_mut().map(|receipt| (receipt.index, &mut receipt.witnessed));
            let shown = event.shown.as_mut().map(|shown| (shown.index, &mut shown.witnessed));
            for (_, known) in receipt.into_iter().chain(shown).filter(|(index, _)| covers(*index)) {
                earliest(known, time);
            }
        }
    }

    /// Notes that the other side's mirror covered the entries `[from, to)` of `ledger` at `time`; of
    /// several times the earliest counts.
    fn mirrored(&mut self, ledger: &PartyId, (from, to): (u64, u64), time: Timestamp) {
        let (own, _) = self.ledgers_mut(ledger);
        for event in own.iter_mut().filter(|event| (from..to).contains(&event.index)) {
            earliest(&mut event.mirrored, time);
        }
    }

    /// The party's own side, and the other.
    fn ledgers_mut(&mut self, party: &PartyId) -> (&mut Vec<Event>, &mut Vec<Event>) {
        let opener = party == self.opener();
        let (opened, replied) = self.sides_mut();
        if opener { (opened, replied) } else { (replied, opened) }
    }
}

impl Thread {
    /// The thread that a statement in the ledger `origin` begins.
    ///
    /// # Errors
    /// [`Illegal`], where its kind begins none, or it has not its form.
    pub fn open(index: u64, origin: &str, kind: Kind, body: &Body) -> Result<Self, Illegal> {
        match kind.topic() {
            Some(topic) if kind.opens() => {
                Matter::open(index, origin, topic, kind, body).map(Self::Matter)
            }
            None if kind.opens() => Request::open(index, origin, body).map(Self::Request),
            _ => Err(Illegal::UnknownThread),
        }
    }

    /// Takes in a further statement of either side, in the order of its author's ledger.
    ///
    /// # Errors
    /// [`Illegal`]: the statement is kept as an event without effect.
    pub fn apply(&mut self, index: u64, kind: Kind, body: &Body) -> Result<(), Illegal> {
        match self {
            Self::Request(request) => request.apply(index, kind, body),
            Self::Matter(matter) => matter.apply(index, kind, body),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        match self {
            Self::Request(request) => request.thread,
            Self::Matter(matter) => matter.thread,
        }
    }

    /// What it is about; `None`: it is a request.
    #[must_use]
    pub fn topic(&self) -> Option<Topic> {
        match self {
            Self::Request(_) => None,
            Self::Matter(matter) => Some(matter.topic),
        }
    }

    /// The request, where it is one.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::Request(request) => Some(request),
            Self::Matter(_) => None,
        }
    }
}

impl Sides for Thread {
    fn opener(&self) -> &PartyId {
        match self {
            Self::Request(request) => request.opener(),
            Self::Matter(matter) => matter.opener(),
        }
    }

    fn sides(&self) -> (&[Event], &[Event]) {
        match self {
            Self::Request(request) => request.sides(),
            Self::Matter(matter) => matter.sides(),
        }
    }

    fn sides_mut(&mut self) -> (&mut Vec<Event>, &mut Vec<Event>) {
        match self {
            Self::Request(request) => request.sides_mut(),
            Self::Matter(matter) => matter.sides_mut(),
        }
    }
}

impl Event {
    pub(crate) fn new(index: u64, act: Act, body: &Body, refused: Option<String>) -> Self {
        Self {
            index,
            act,
            seen: Channel::seen_size(body.seen.as_ref()),
            claimed: instant(body.claimed).unwrap_or(Timestamp::UNIX_EPOCH),
            refused,
            witnessed: None,
            mirrored: None,
            receipt: None,
            shown: None,
        }
    }
}

/// The events of one side as both ledgers have them up to these heads, of its own and of the other, as of a time. Times
/// that proofs of larger heads gave stay: they are earlier, never later. What a mirror said only after that time, it
/// had not said.
pub(crate) fn up_to(events: &[Event], (own, other): (u64, u64), at: Timestamp) -> Vec<Event> {
    let within = events.iter().filter(|event| event.index < own).cloned();
    let cut = within.map(|mut event| {
        event.receipt = event.receipt.filter(|receipt| receipt.index < other);
        event.shown = event.shown.filter(|shown| shown.index < other);
        event.mirrored = event.mirrored.filter(|time| *time <= at);
        event
    });
    cut.collect()
}

fn earliest(known: &mut Option<Timestamp>, time: Timestamp) {
    *known = Some(known.map_or(time, |known| known.min(time)));
}

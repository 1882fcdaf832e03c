//! What the standing mechanism does beside requests: the hotline, suspensions, commitments and their
//! judgement, concerns, information that nobody asked for, and the dialogue.
//!
//! Each matter is a thread. Its state is computed from both ledgers as a request's is: a statement is legal
//! if it was so in what its author could see, and each side writes its own facts.

use std::collections::BTreeMap;

use comity_ledger::Body;
use jiff::Timestamp;
use jiff::civil::Date;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::request::{Act, Illegal};
use crate::thread::{Event, Sides, View, up_to};
use crate::{Kind, PartyId, ThreadId};

/// Bytes of what a statement says openly, beside a request's.
const MAX_MARK: usize = 64;

/// What a matter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Messages and tests on the hotline.
    Hotline,
    /// A party stops its part of the mechanism.
    Suspension,
    /// How a commitment will be judged, and how it was.
    Commitment,
    /// A concern under a commitment.
    Concern,
    /// Information that nobody asked for.
    Notice,
    /// A meeting of the dialogue.
    Dialogue,
}

/// What is sent on the hotline.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// A message of a person, which a person acknowledges.
    #[n(0)]
    Message,
    /// A test that the other node answers: its receipt is the echo.
    #[n(1)]
    Echo,
    /// A test in which a person reads the text back.
    #[n(2)]
    ReadBack,
    /// An announced test, which a person acknowledges.
    #[n(3)]
    Ping,
    /// What was said by telephone, written down by one side for both.
    #[n(4)]
    Telephone,
}

impl Signal {
    /// Whether it tests the line; else people say something.
    #[must_use]
    pub fn is_test(self) -> bool {
        matches!(self, Self::Echo | Self::ReadBack | Self::Ping)
    }
}

/// Where a concern stands, for one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// It stands.
    #[n(0)]
    Open,
    /// It is being looked into.
    #[n(1)]
    Examining,
    /// This side does not accept it.
    #[n(2)]
    NotAccepted,
    /// It is settled.
    #[n(3)]
    Settled,
    /// Its author no longer raises it.
    #[n(4)]
    Withdrawn,
}

/// A day, on the wire as `2026-03-09`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub Date);

/// What a statement of a matter says openly.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// What is sent, and which thread it is about.
    #[n(0)]
    Signal(#[n(0)] Signal, #[n(1)] Option<ThreadId>),
    /// The text was read back.
    #[n(1)]
    ReadBack,
    /// Where a concern stands for its author.
    #[n(2)]
    Position(#[n(0)] Position),
    /// When a meeting is to be.
    #[n(3)]
    Meeting(#[n(0)] Day),
    /// When it was, and how many action items came of it.
    #[n(4)]
    Minutes(#[n(0)] Day, #[n(1)] u32),
    /// An action item by its number, from 1, and whether it is done.
    #[n(5)]
    Action(#[n(0)] u32, #[n(1)] bool),
}

/// A matter as its statements say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matter {
    /// The thread.
    pub thread: ThreadId,
    /// What it is about.
    pub topic: Topic,
    /// Who opened it.
    pub opener: PartyId,
    /// The other party.
    pub other: PartyId,
    /// Whether it is an exercise.
    pub exercise: bool,
    /// The opener's statements, in the order of its ledger.
    pub opened: Vec<Event>,
    /// The other side's, likewise.
    pub replied: Vec<Event>,
}

/// Where a matter stands in a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// In a word.
    pub state: State,
    /// Whose act is next; none where it is nobody's, or over.
    pub waits_for: Option<PartyId>,
    /// Whether nothing is left to do.
    pub over: bool,
}

/// Where a matter stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A message or a test that nobody has acknowledged yet.
    Unacknowledged,
    /// Every message is acknowledged; an echo: receipted.
    Acknowledged,
    /// The other side's node has what was said, and could not open it.
    Unopened,
    /// The mechanism stands still.
    Suspended,
    /// It goes on.
    Resumed,
    /// The other side has not agreed yet.
    Proposed,
    /// Both sides have.
    Agreed,
    /// The other side has not replied yet.
    Raised,
    /// It is in hand, and not settled.
    Open,
    /// Nothing is left to do.
    Done,
}

/// A message of the hotline and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// Whether the thread's opener says it.
    pub by_opener: bool,
    /// The statement.
    pub event: &'a Event,
    /// What its author said first, where it stands in the place of that; else itself.
    pub first: &'a Event,
    /// What its author said in its place.
    pub again: Option<&'a Event>,
    /// The other side's acknowledgement.
    pub acknowledged: Option<&'a Event>,
    /// The first acknowledgement of it or of what stands in its place.
    pub settled: Option<&'a Event>,
}

/// What is to become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A person may acknowledge it.
    Waits,
    /// Nobody can; its author may say it again.
    Gone,
    /// Nobody can, or did in time: a test, of which another is made.
    Lapsed,
    /// It is acknowledged, or what stands in its place is; or it cannot be, and something stands in its place. An echo: it
    /// came back.
    Over,
}

impl Fate {
    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Lapsed | Self::Over)
    }
}

impl Message<'_> {
    /// Whether the other side's node could not open it, by its receipt, and nobody there has acknowledged it since.
    #[must_use]
    pub fn is_unopened(&self) -> bool {
        self.acknowledged.is_none() && self.event.is_unopened()
    }

    /// What is sent: of what is said again, as what was said first.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.first.act.signal().unwrap_or(Signal::Message)
    }

    /// What is to become of it. `gone`: it cannot be read on the node that asks.
    #[must_use]
    pub fn fate(&self, gone: bool) -> Fate {
        let is_settled = match self.signal() {
            Signal::Echo => self.event.receipt.is_some() && !self.is_unopened(),
            _ => self.settled.is_some(),
        };
        match gone || self.is_unopened() {
            _ if is_settled => Fate::Over,
            true if self.signal().is_test() => Fate::Lapsed,
            // As long as it can be read it waits too: what stands in its place may be lost.
            true if self.again.is_some() => Fate::Over,
            true => Fate::Gone,
            false => Fate::Waits,
        }
    }
}

impl Matter {
    /// The matter that a statement in the ledger `origin` begins.
    ///
    /// # Errors
    /// [`Illegal`], where the statement has not its form.
    pub fn open(
        index: u64,
        origin: &str,
        topic: Topic,
        kind: Kind,
        body: &Body,
    ) -> Result<Self, Illegal> {
        let act = Act::of(kind, body)?;
        if ThreadId(body.thread) != ThreadId::opened_by(origin, body.sequence) {
            return Err(Illegal::ThreadInUse);
        }
        let (Ok(opener), Ok(other)) = (body.from.parse(), body.to.parse()) else {
            return Err(Illegal::BadForm);
        };
        if !act.outcomes.is_empty() || act.answers.is_some() {
            return Err(Illegal::BadForm);
        }
        Ok(Self {
            thread: ThreadId(body.thread),
            topic,
            opener,
            other,
            exercise: body.exercise,
            opened: vec![Event::new(index, act, body, None)],
            replied: Vec::new(),
        })
    }

    /// Takes in a further statement of either side, in the order of its author's ledger.
    ///
    /// # Errors
    /// [`Illegal`]: the statement is kept as an event without effect.
    pub fn apply(&mut self, index: u64, kind: Kind, body: &Body) -> Result<(), Illegal> {
        if kind.opens() {
            return Err(Illegal::ThreadInUse);
        }
        let opener = body.from == self.opener.as_str();
        let view = View::of_author(opener, index, body);
        if !self.is_seen(view) {
            return Err(Illegal::UnknownThread);
        }
        let (act, legal) = match Act::of(kind, body) {
            Ok(act) => {
                let legal = self.check(opener, view, &act);
                (act, legal)
            }
            Err(illegal) => (Act::bare(kind), Err(illegal)),
        };
        let refused = legal.err().map(|illegal| illegal.code().to_owned());
        let event = Event::new(index, act, body, refused);
        if opener {
            self.opened.push(event);
        } else {
            self.replied.push(event);
        }
        legal
    }

    /// Whether `act` is legal for that side in this view.
    ///
    /// # Errors
    /// [`Illegal`].
    pub fn check(&self, opener: bool, view: View, act: &Act) -> Result<(), Illegal> {
        let unless = |bad: bool, illegal| if bad { Err(illegal) } else { Ok(()) };
        unless(!self.is_seen(view), Illegal::UnknownThread)?;
        unless(act.kind.opens(), Illegal::ThreadInUse)?;
        unless(act.kind.topic() != Some(self.topic) || !act.outcomes.is_empty(), Illegal::BadForm)?;
        let mine = |mine: bool| unless(!mine, Illegal::NotYours);
        match act.kind {
            Kind::Say => {
                unless(self.signal() == Some(Signal::Echo), Illegal::Over)?;
                let Some(earlier) = act.answers else { return Ok(()) };
                // A test is made anew, and not said again.
                let messages = self.messages(view);
                let own = |one: &&Message<'_>| one.by_opener == opener && !one.signal().is_test();
                let mut own = messages.iter().filter(own);
                let said = own.find(|one| one.event.index == earlier).ok_or(Illegal::NoMessage)?;
                unless(said.settled.is_some() || said.again.is_some(), Illegal::AlreadySaid)
            }
            Kind::Confirm => {
                let messages = self.messages(view);
                let wanted = |message: &&Message<'_>| {
                    message.by_opener != opener && Some(message.event.index) == act.answers
                };
                let message = messages.iter().find(wanted).ok_or(Illegal::NoMessage)?;
                unless(message.acknowledged.is_some(), Illegal::AlreadySaid)?;
                let test = message.event.act.signal();
                unless(test == Some(Signal::Echo), Illegal::NoMessage)?;
                let unread = test == Some(Signal::ReadBack) && act.mark != Some(Mark::ReadBack);
                unless(unread, Illegal::NotReadBack)
            }
            Kind::Resume => {
                mine(opener)?;
                unless(self.said(true, Kind::Resume, view), Illegal::AlreadySaid)
            }
            Kind::AgreeFix => {
                mine(!opener)?;
                unless(self.said(false, Kind::AgreeFix, view), Illegal::AlreadySaid)
            }
            Kind::Judge => unless(!self.said(false, Kind::AgreeFix, view), Illegal::NotAgreed),
            Kind::Respond => unless(self.standing(view).over, Illegal::Over),
            Kind::Position => {
                let Some(Mark::Position(position)) = act.mark else { return Err(Illegal::BadForm) };
                unless(position == Position::Withdrawn && !opener, Illegal::NotYours)?;
                unless(self.standing(view).over, Illegal::Over)?;
                unless(self.position(opener, view) == Some(position), Illegal::AlreadySaid)
            }
            Kind::Feedback => {
                mine(!opener)?;
                unless(self.said(false, Kind::Feedback, view), Illegal::AlreadySaid)
            }
            Kind::Agenda | Kind::Minutes => {
                unless(self.minutes_agreed(view).is_some(), Illegal::Over)
            }
            Kind::AgreeMinutes => {
                unless(self.minutes_agreed(view).is_some(), Illegal::AlreadySaid)?;
                // One agrees to the latest that the other side has put forward.
                let latest = self.minutes_for(opener, view).map(|event| event.index);
                unless(latest.is_none() || latest != act.answers, Illegal::NotAgreed)
            }
            Kind::Action => {
                let Some(Mark::Action(item, done)) = act.mark else { return Err(Illegal::BadForm) };
                let actions = self.actions(view).ok_or(Illegal::NotAgreed)?;
                let item = item.checked_sub(1).and_then(|item| usize::try_from(item).ok());
                let known = item.and_then(|item| actions.get(item)).ok_or(Illegal::BadItems)?;
                unless(*known == done, Illegal::AlreadySaid)
            }
            _ => Err(Illegal::BadForm),
        }
    }

    /// Where the matter stands in this view.
    #[must_use]
    pub fn standing(&self, view: View) -> Standing {
        self.standing_by(view, |message| message.fate(false))
    }

    /// The same, where more is known of what becomes of the messages of a call.
    #[must_use]
    pub fn standing_by(&self, view: View, fate: impl Fn(&Message<'_>) -> Fate) -> Standing {
        let (opener, other) = (Some(self.opener.clone()), Some(self.other.clone()));
        let standing = |state, waits_for, over| Standing { state, waits_for, over };
        match self.topic {
            Topic::Hotline => {
                let messages = self.messages(view);
                let open: Vec<_> = messages.iter().filter(|one| !fate(one).is_over()).collect();
                let Some(first) = open.first() else {
                    let lapsed = messages.iter().find(|one| fate(one) == Fate::Lapsed);
                    let state = match lapsed {
                        None => State::Acknowledged,
                        Some(one) if one.is_unopened() => State::Unopened,
                        Some(_) => State::Unacknowledged,
                    };
                    return standing(state, None, true);
                };
                let waiting = open.iter().find(|one| fate(one) == Fate::Waits);
                match waiting {
                    Some(one) if one.by_opener => standing(State::Unacknowledged, other, false),
                    Some(_) => standing(State::Unacknowledged, opener, false),
                    None if !open.iter().all(|one| one.is_unopened()) => {
                        standing(State::Unacknowledged, None, false)
                    }
                    // It is for its author to say it again.
                    None if first.by_opener => standing(State::Unopened, opener, false),
                    None => standing(State::Unopened, other, false),
                }
            }
            Topic::Suspension if self.said(true, Kind::Resume, view) => {
                standing(State::Resumed, None, true)
            }
            Topic::Suspension => standing(State::Suspended, opener, false),
            // What is agreed is judged at each review, as long as there are any.
            Topic::Commitment if self.said(false, Kind::AgreeFix, view) => {
                standing(State::Agreed, None, false)
            }
            Topic::Commitment => standing(State::Proposed, other, false),
            Topic::Concern => {
                let (ours, theirs) = (self.position(true, view), self.position(false, view));
                let settled = ours == Some(Position::Settled) && theirs == Some(Position::Settled);
                if settled || ours == Some(Position::Withdrawn) {
                    return standing(State::Done, None, true);
                }
                let replied = theirs.is_some() || self.said(false, Kind::Respond, view);
                let state = if replied { State::Open } else { State::Raised };
                standing(state, if replied { None } else { other }, false)
            }
            Topic::Notice => {
                let answered = self.said(false, Kind::Feedback, view);
                let state = if answered { State::Done } else { State::Raised };
                standing(state, other.filter(|_| !answered), answered)
            }
            Topic::Dialogue => match self.actions(view) {
                Some(actions) if actions.contains(&false) => standing(State::Agreed, None, false),
                Some(_) => standing(State::Done, None, true),
                None => match self.minutes(view) {
                    Some(true) => standing(State::Proposed, other, false),
                    Some(false) => standing(State::Proposed, opener, false),
                    None => standing(State::Open, None, false),
                },
            },
        }
    }

    /// What the thread's first statement sends on the hotline.
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        self.opened.first()?.act.signal()
    }

    /// Which thread it is about.
    #[must_use]
    pub fn about(&self) -> Option<ThreadId> {
        match self.opened.first()?.act.mark {
            Some(Mark::Signal(_, about)) => about,
            _ => None,
        }
    }

    /// The messages of a hotline thread, the opener's first, each with its acknowledgement.
    #[must_use]
    pub fn messages(&self, view: View) -> Vec<Message<'_>> {
        let mut messages = Vec::new();
        for by_opener in [true, false] {
            let mut confirms = BTreeMap::new();
            for confirm in self.effective(!by_opener, Kind::Confirm, view) {
                confirms.entry(confirm.act.answers).or_insert(confirm);
            }
            let said = self.events(by_opener, view);
            let said = said.filter(|event| matches!(event.act.kind, Kind::Signal | Kind::Say));
            let mut said: Vec<_> = said
                .map(|event| {
                    let acknowledged = confirms.get(&Some(event.index)).copied();
                    let (first, settled) = (event, acknowledged);
                    Message { by_opener, event, first, again: None, acknowledged, settled }
                })
                .collect();
            // What stands in the place of something is said after it.
            let mut firsts: BTreeMap<u64, &Event> = BTreeMap::new();
            for one in &mut said {
                let earlier = one.event.act.answers.and_then(|at| firsts.get(&at).copied());
                one.first = earlier.unwrap_or(one.first);
                firsts.insert(one.event.index, one.first);
            }
            let mut later: BTreeMap<u64, (&Event, Option<&Event>)> = BTreeMap::new();
            for one in said.iter_mut().rev() {
                if let Some((again, settled)) = later.get(&one.event.index).copied() {
                    one.again = Some(again);
                    let both = one.settled.into_iter().chain(settled);
                    one.settled = both.min_by_key(|event| event.index);
                }
                if let Some(earlier) = one.event.act.answers {
                    later.insert(earlier, (one.event, one.settled));
                }
            }
            messages.extend(said);
        }
        messages
    }

    /// Where a concern stands for one side: what it said last. Raising it is an opener's first word.
    #[must_use]
    pub fn position(&self, opener: bool, view: View) -> Option<Position> {
        let said = self.effective(opener, Kind::Position, view).last();
        let said = said.and_then(|event| match event.act.mark {
            Some(Mark::Position(position)) => Some(position),
            _ => None,
        });
        said.or(opener.then_some(Position::Open))
    }

    /// Whether the latest minutes that are put forward are the opener's.
    fn minutes(&self, view: View) -> Option<bool> {
        let latest = self.in_order(Kind::Minutes, view).pop()?;
        let own = self.effective(true, Kind::Minutes, view).any(|event| event == latest);
        Some(own)
    }

    /// The latest minutes that the other side has put forward, to which this side may agree.
    #[must_use]
    pub fn minutes_for(&self, opener: bool, view: View) -> Option<&Event> {
        self.effective(!opener, Kind::Minutes, view).last()
    }

    /// The minutes that both sides agreed to.
    #[must_use]
    pub fn minutes_agreed(&self, view: View) -> Option<(&PartyId, &Event)> {
        [(true, &self.opener), (false, &self.other)].into_iter().find_map(|(opener, author)| {
            let agreed = self.effective(!opener, Kind::AgreeMinutes, view).next()?.act.answers;
            let event =
                self.effective(opener, Kind::Minutes, view).find(|e| Some(e.index) == agreed);
            Some((author, event?))
        })
    }

    /// Where both sides agreed to minutes: the author's entry with them, and the other's with its word.
    #[must_use]
    pub fn agreed_at(&self) -> Vec<(&PartyId, u64)> {
        let Some((author, minutes)) = self.minutes_agreed(View::ALL) else { return Vec::new() };
        let opens = *author == self.opener;
        let other = if opens { &self.other } else { &self.opener };
        let agreed = self.effective(!opens, Kind::AgreeMinutes, View::ALL).next();
        let agreed = agreed.map(|event| (other, event.index));
        [Some((author, minutes.index)), agreed].into_iter().flatten().collect()
    }

    /// When the meeting was, once minutes of it are agreed.
    #[must_use]
    pub fn held(&self, view: View) -> Option<Date> {
        match self.minutes_agreed(view)?.1.act.mark {
            Some(Mark::Minutes(day, _)) => Some(day.0),
            _ => None,
        }
    }

    /// Of each action item of the agreed minutes, whether it is done; `None` before there are any.
    #[must_use]
    pub fn actions(&self, view: View) -> Option<Vec<bool>> {
        let Some(Mark::Minutes(_, count)) = self.minutes_agreed(view)?.1.act.mark else {
            return None;
        };
        let mut done = vec![false; usize::try_from(count).unwrap_or(0)];
        for event in self.in_order(Kind::Action, view) {
            if let Some(Mark::Action(item, now)) = event.act.mark
                && let Some(slot) = done.get_mut((item as usize).wrapping_sub(1))
            {
                *slot = now;
            }
        }
        Some(done)
    }

    /// The matter as both ledgers have it up to these heads, as of a time that is none before theirs; `None` where it
    /// is not there yet.
    #[must_use]
    pub fn up_to(&self, heads: View, at: Timestamp) -> Option<Self> {
        self.is_seen(heads).then(|| Self {
            opened: up_to(&self.opened, (heads.asked, heads.answered), at),
            replied: up_to(&self.replied, (heads.answered, heads.asked), at),
            ..self.clone()
        })
    }

    /// What one side stated with effect, in this view.
    pub fn events(&self, opener: bool, view: View) -> impl Iterator<Item = &Event> {
        let (events, until) =
            if opener { (&self.opened, view.asked) } else { (&self.replied, view.answered) };
        events.iter().filter(move |event| event.index < until && event.refused.is_none())
    }

    /// The same, of one kind.
    pub fn effective(&self, opener: bool, kind: Kind, view: View) -> impl Iterator<Item = &Event> {
        self.events(opener, view).filter(move |event| event.act.kind == kind)
    }

    /// What both sides stated of a kind, each after what its author had seen of the other's; of two that
    /// crossed, the opener's first. So it is the same order on both nodes.
    fn in_order(&self, kind: Kind, view: View) -> Vec<&Event> {
        let mut theirs = self.effective(false, kind, view).peekable();
        let mut all = Vec::new();
        for ours in self.effective(true, kind, view) {
            while let Some(event) = theirs.next_if(|event| event.index < ours.seen) {
                all.push(event);
            }
            all.push(ours);
        }
        all.extend(theirs);
        all
    }

    fn said(&self, opener: bool, kind: Kind, view: View) -> bool {
        self.effective(opener, kind, view).next().is_some()
    }
}

impl Sides for Matter {
    fn opener(&self) -> &PartyId {
        &self.opener
    }

    fn sides(&self) -> (&[Event], &[Event]) {
        (&self.opened, &self.replied)
    }

    fn sides_mut(&mut self) -> (&mut Vec<Event>, &mut Vec<Event>) {
        (&mut self.opened, &mut self.replied)
    }
}

impl Act {
    /// What it sends on the hotline, where it opens a thread there.
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        match self.mark {
            Some(Mark::Signal(signal, _)) => Some(signal),
            _ => None,
        }
    }
}

impl Mark {
    /// Reads what a statement of this kind says openly.
    ///
    /// # Errors
    /// [`Illegal::BadForm`].
    pub fn of(kind: Kind, public: &[u8]) -> Result<Option<Self>, Illegal> {
        if public.is_empty() && !Self::is_wanted(kind) {
            return Ok(None);
        }
        if public.len() > MAX_MARK {
            return Err(Illegal::BadForm);
        }
        let mark: Self = minicbor::decode(public).map_err(|_| Illegal::BadForm)?;
        let fits = match mark {
            Self::Signal(..) => kind == Kind::Signal,
            Self::ReadBack => kind == Kind::Confirm,
            Self::Position(_) => kind == Kind::Position,
            Self::Meeting(_) => kind == Kind::Convene,
            Self::Minutes(_, actions) => kind == Kind::Minutes && actions <= MAX_ACTIONS,
            Self::Action(..) => kind == Kind::Action,
        };
        if fits && mark.encode() == public { Ok(Some(mark)) } else { Err(Illegal::BadForm) }
    }

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default()
    }

    fn is_wanted(kind: Kind) -> bool {
        let wanting = [Kind::Signal, Kind::Position, Kind::Convene, Kind::Minutes, Kind::Action];
        wanting.contains(&kind)
    }
}

/// Action items of one meeting at most.
pub const MAX_ACTIONS: u32 = 200;

/// The key to which the hotline's messages to a party are sealed until its epoch ends: the public part
/// of a `hotline.key/1`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct EpochKey {
    /// Its number, from 1.
    #[n(0)]
    pub epoch: u32,
    /// The age recipient.
    #[n(1)]
    pub recipient: String,
}

impl EpochKey {
    /// Reads the public part; `None` for anything but the one encoding.
    #[must_use]
    pub fn parse(public: &[u8]) -> Option<Self> {
        let key: Self = minicbor::decode(public).ok()?;
        (key.recipient.len() <= 128 && key.encode() == public).then_some(key)
    }

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).unwrap_or_default()
    }
}

impl<C> Encode<C> for Day {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0.to_string())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Day {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let text = d.str()?;
        text.parse().map(Self).map_err(|_| minicbor::decode::Error::message("want a day"))
    }
}

macro_rules! names {
    ($($name:ident: $($variant:ident = $text:literal),+;)+) => {$(
        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().find(|one| one.as_str() == text);
                found.copied().ok_or_else(|| format!("want one of {}", [$($text),+].join(", ")))
            }
        }
    )+};
}

names! {
    Topic: Hotline = "hotline", Suspension = "suspension", Commitment = "commitment",
        Concern = "concern", Notice = "notice", Dialogue = "dialogue";
    Signal: Message = "message", Echo = "echo", ReadBack = "read-back", Ping = "ping",
        Telephone = "telephone";
    Position: Open = "open", Examining = "examining", NotAccepted = "not-accepted",
        Settled = "settled", Withdrawn = "withdrawn";
    State: Unacknowledged = "unacknowledged", Acknowledged = "acknowledged",
        Unopened = "unopened",
        Suspended = "suspended", Resumed = "resumed", Proposed = "proposed", Agreed = "agreed",
        Raised = "raised", Open = "open", Done = "done";
}

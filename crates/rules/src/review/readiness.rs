//! How each party answers on the hotline.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Scope, Times, Took};
use crate::agreement::Agreement;
use crate::matter::{Signal, Topic};
use crate::thread::View;
use crate::{Matter, PartyId, Period};

/// How a party answered on the hotline.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Readiness {
    /// Echo tests: to its node's receipt.
    pub echo: Times,
    /// Tests that a person answered by reading back: from when they came, by its receipt, its mirror or whatever else it
    /// stated and had seen them.
    pub read_back: Times,
    /// Announced tests: from then to a person's acknowledgement.
    pub ping: Times,
    /// Messages, likewise. A record of a call is none: it is its author's word for what was said already.
    pub message: Times,
    /// Echo tests that it never receipted, and others of which nothing shows that they had come, or only their
    /// acknowledgement.
    pub unreceipted: u32,
    /// Those that its node had and could not open, by its own word, and that nobody there acknowledged since: how many
    /// of each sort. They are answers that did not come, in no time.
    pub unopened: BTreeMap<Signal, u32>,
}

/// What counts as one: a test, or what was said with whatever stands in its place. Else whoever says it again makes a silence
/// shorter, or several of one.
pub(super) struct Figure {
    by_opener: bool,
    signal: Signal,
    sent: Timestamp,
    /// When the other side had any of it, of an echo by its receipt; and when it first stated something that shows it.
    came: (Option<Timestamp>, Option<Timestamp>),
    /// When it was acknowledged, and how much of the other ledger whoever did so had seen.
    done: Option<(Timestamp, u64)>,
    /// Whether the other side's node could not open it, and nobody there acknowledged it.
    is_unopened: bool,
}

impl Figure {
    /// Those of a thread, of whatever was witnessed.
    pub(super) fn of(matter: &Matter) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        // Of what was said first the latest figure, to which what stands in its place is added.
        let mut latest: BTreeMap<(bool, u64), usize> = BTreeMap::new();
        for message in matter.messages(View::ALL) {
            // From the witnessed times of both: what is between the two lines, and not on them.
            let Some(sent) = message.event.witnessed else { continue };
            let signal = message.signal();
            let came = match signal {
                Signal::Echo => (message.event.receipted(), None),
                // Who has it by its own mirror's word gains nothing by keeping the receipt back.
                _ => (message.event.received(), message.event.shown()),
            };
            let done = message.acknowledged.and_then(|event| Some((event.witnessed?, event.seen)));
            let is_unopened = message.is_unopened();
            let by_opener = message.by_opener;
            let own = Self { by_opener, signal, sent, came, done, is_unopened };
            if is_unopened {
                all.push(own);
                continue;
            }
            let place = (by_opener, message.first.index);
            let before = latest.get(&place).and_then(|at| all.get_mut(*at));
            if !before.is_some_and(|before| before.add(&own, message.event.index)) {
                latest.insert(place, all.len());
                all.push(own);
            }
        }
        all
    }

    /// Adds what was said in its place, the author's entry of this number; false where that is another.
    fn add(&mut self, other: &Self, index: u64) -> bool {
        match (self.done, other.done) {
            (None, done) => self.done = done,
            // Who acknowledged the earlier one and had this acknowledged both.
            (Some(done), _) if done.1 > index || other.came().is_some_and(|came| done.0 > came) => {
                self.done = self.done.into_iter().chain(other.done).min();
            }
            // They crossed: nobody is done before both are.
            (Some(done), Some(later)) if other.sent < done.0 => self.done = Some(done.max(later)),
            _ => return false,
        }
        let first = |one: Option<Timestamp>, other| one.into_iter().chain(other).min();
        self.came = (first(self.came.0, other.came.0), first(self.came.1, other.came.1));
        true
    }

    /// When the other side had any of it.
    fn came(&self) -> Option<Timestamp> {
        self.came.0.into_iter().chain(self.came.1).min()
    }

    /// The same, before it was acknowledged: a receipt that was kept back till then says nothing of it, and nor does what
    /// was stated along with the acknowledgement.
    fn came_before(&self) -> Option<Timestamp> {
        let Some((done, _)) = self.done else { return self.came() };
        let received = self.came.0.filter(|came| *came <= done);
        received.into_iter().chain(self.came.1.filter(|shown| *shown < done)).min()
    }

    /// Whether it is of this period: by when it was sent.
    pub(super) fn is_of(&self, scope: Scope) -> bool {
        scope.hold(self.sent)
    }
}

impl Readiness {
    /// How each party answered on the hotline in these threads, in a period or ever, up to `now`.
    #[must_use]
    pub fn of<'a>(
        agreement: &Agreement,
        matters: impl IntoIterator<Item = &'a Matter>,
        scope: Option<Scope>,
        now: Timestamp,
    ) -> BTreeMap<PartyId, Self> {
        let parties = agreement.between.iter().flat_map(|between| &between.parties);
        let mut all: BTreeMap<_, Self> =
            parties.map(|party| (party.id.clone(), Self::default())).collect();
        for matter in matters.into_iter().filter(|matter| matter.topic == Topic::Hotline) {
            let is_of = |one: &Figure| scope.is_none_or(|scope| one.is_of(scope));
            for figure in Figure::of(matter).into_iter().filter(is_of) {
                let to = if figure.by_opener { &matter.other } else { &matter.opener };
                all.entry(to.clone()).or_default().take(agreement, &figure, now);
            }
        }
        all.values_mut().for_each(Self::finish);
        all
    }

    /// Of each sort of test, and of messages: the times, and how many could not be opened.
    #[must_use]
    pub fn by_signal(&self) -> [(Signal, &Times, u32); 4] {
        let unopened = |signal| self.unopened.get(&signal).copied().unwrap_or_default();
        [
            (Signal::Echo, &self.echo, unopened(Signal::Echo)),
            (Signal::ReadBack, &self.read_back, unopened(Signal::ReadBack)),
            (Signal::Ping, &self.ping, unopened(Signal::Ping)),
            (Signal::Message, &self.message, unopened(Signal::Message)),
        ]
    }

    fn take(&mut self, agreement: &Agreement, figure: &Figure, now: Timestamp) {
        let hotline = agreement.hotline.as_ref();
        let Figure { signal, sent, done, .. } = *figure;
        if figure.is_unopened {
            *self.unopened.entry(signal).or_default() += 1;
            return;
        }
        if signal == Signal::Telephone {
            return;
        }
        let came = figure.came_before();
        self.unreceipted += u32::from(came.is_none());
        if signal == Signal::Echo {
            let within = hotline.and_then(|hotline| hotline.echo_within.as_ref());
            self.echo.take(&took(sent, came, within, now));
        } else if let Some(came) = came {
            let within = hotline.and_then(|hotline| hotline.acknowledge_within.as_ref());
            self.times(signal).take(&took(came, done.map(|(time, _)| time), within, now));
        }
    }

    fn times(&mut self, signal: Signal) -> &mut Times {
        match signal {
            Signal::Echo => &mut self.echo,
            Signal::ReadBack => &mut self.read_back,
            Signal::Ping => &mut self.ping,
            Signal::Message | Signal::Telephone => &mut self.message,
        }
    }

    fn finish(&mut self) {
        for times in [&mut self.echo, &mut self.read_back, &mut self.ping, &mut self.message] {
            times.finish();
        }
    }
}

fn took(from: Timestamp, done: Option<Timestamp>, limit: Option<&Period>, now: Timestamp) -> Took {
    let seconds = done.unwrap_or(now).duration_since(from).as_secs().max(0);
    let limit = limit.map(|limit| limit.after(from).duration_since(from).as_secs());
    let late = limit.is_some_and(|limit| seconds > limit);
    Took { seconds: Some(seconds), limit, done: done.is_some(), late, over: false }
}

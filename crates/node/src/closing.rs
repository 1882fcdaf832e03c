//! The end of an agreement: terms that name the last heads of its two ledgers. Both parties sign them with
//! their roots, as they sign any terms, and each begins a ledger with another origin. So a party goes on
//! that has lost the key of a ledger, or whose ledger nobody has whole.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use comity_ledger::Hash;
use comity_rules::agreement::{self, Between, Closes, Event, Evidence, LastHead};
use comity_rules::clock::Clocks;
use comity_rules::matter::{Signal, Topic};
use comity_rules::period::whole;
use comity_rules::review::{self, Meetings};
use comity_rules::thread::View;
use comity_rules::{Kind, PartyId, Terms, ThreadId, clock};
use comity_store::ledger::{self, Ledger};
use comity_store::{matter, request, session};
use jiff::{SignedDuration, Timestamp};

use crate::node::{Agreement, Ended, Error, Node};

/// Clocks of two sides may lie so far apart.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// Terms that end something are signed so soon, or proposed again.
const OLD: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Requests that are looked through at a time.
const PAGE: u64 = 1_000;

/// Where an agreement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The other party has not signed it.
    Unsigned,
    /// In force.
    Open,
    /// One side or both stopped their part of the mechanism.
    Suspended,
    /// This party has signed terms that put an end to it, and the other has not.
    Ending,
    /// Over.
    Closed,
}

impl State {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Open => "open",
            Self::Suspended => "suspended",
            Self::Ending => "ending",
            Self::Closed => "closed",
        }
    }
}

impl Node {
    /// Where an agreement stands.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn state_of(&self, agreement: &Agreement) -> Result<State, Error> {
        if agreement.is_closed() {
            return Ok(State::Closed);
        }
        if agreement.is_ending() {
            return Ok(State::Ending);
        }
        if !self.is_countersigned(agreement).await? {
            return Ok(State::Unsigned);
        }
        let terms = agreement.terms.hash().to_hex();
        let matters = matter::about(&self.db, Topic::Suspension, &terms).await?;
        let is_still = clock::pauses(&matters, false, None).iter().any(|one| one.to.is_none());
        Ok(if is_still { State::Suspended } else { State::Open })
    }

    /// Whether the other party has signed the terms too, that is whether its ledger under them has come.
    async fn is_countersigned(&self, agreement: &Agreement) -> Result<bool, Error> {
        let own = ledger::show(&self.db, &agreement.own).await?;
        Ok(ledger::counterpart(&self.db, &own).await?.is_some())
    }

    /// Terms like those of an agreement, or as it is to be amended, which put an end to it where its ledgers are
    /// now.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn succeed(
        &self,
        agreement: &Agreement,
        amended: Option<&Terms>,
        why: Option<String>,
    ) -> Result<Terms, Error> {
        let missing = || Error::Refused("the terms name no parties".to_owned());
        if agreement.is_closed() {
            return Err(Error::Closed(agreement.terms.id.clone()));
        }
        let own = ledger::show(&self.db, &agreement.own).await?;
        let other = ledger::counterpart(&self.db, &own).await?.ok_or_else(|| {
            Error::Refused("the peer has not begun its ledger: there is nothing to end".to_owned())
        })?;
        // What no head of one's own covers was never said to anybody; what came from the peer was.
        let heads = vec![
            self.last_head(&own, own.verified).await?,
            self.last_head(&other, other.size).await?,
        ];
        let mut closes = Closes { terms: own.terms, why, actions: 0, heads };
        closes.actions = self.leaves(agreement, &closes).await?;
        let between = agreement.terms.between.clone().ok_or_else(missing)?;
        let between = Between { proposed: whole(self.now()), closes: Some(closes), ..between };
        let terms = amended.unwrap_or(&agreement.terms);
        Ok(Terms::propose(&self.with_history(terms, agreement).await?, between)?)
    }

    /// Terms that know which meetings were held under those before them, and when the next was due: nobody is rid of a
    /// meeting by amending a word.
    async fn with_history(
        &self,
        terms: &Terms,
        before: &Agreement,
    ) -> Result<agreement::Agreement, Error> {
        let mut terms = agreement::Agreement::clone(terms);
        let held = matter::about(&self.db, Topic::Dialogue, &before.terms.hash().to_hex()).await?;
        let known = Meetings::of(&before.terms, &held, false, self.now());
        for meeting in known.held.iter().filter(|meeting| meeting.thread.is_some()) {
            if terms.events.iter().all(|event| event.date != meeting.date) {
                terms.events.push(Event {
                    date: meeting.date,
                    month_only: false,
                    kind: "review".to_owned(),
                    outcomes: Vec::new(),
                    evidence: Evidence::Verified,
                });
            }
        }
        if let Some(review) = &mut terms.review
            && known.held.is_empty()
        {
            review.first_by = known.next_by;
        }
        Ok(terms)
    }

    /// How many action items the meetings under an agreement leave open, up to its last heads.
    async fn leaves(&self, agreement: &Agreement, closes: &Closes) -> Result<u32, Error> {
        let size = |party: &PartyId| closes.head(party).map_or(0, |head| head.size);
        let terms = agreement.terms.hash().to_hex();
        let held = matter::about(&self.db, Topic::Dialogue, &terms).await?;
        let held: Vec<_> = held
            .iter()
            .filter(|meeting| !meeting.exercise)
            .filter_map(|meeting| {
                let (asked, answered) = (size(&meeting.opener), size(&meeting.other));
                meeting.up_to(View { asked, answered }, self.now())
            })
            .collect();
        let (_, open) = review::actions(&agreement.terms, &held.iter().collect::<Vec<_>>(), false);
        Ok(open)
    }

    async fn last_head(&self, ledger: &Ledger, size: u64) -> Result<LastHead, Error> {
        Ok(LastHead {
            party: ledger.party.clone(),
            origin: ledger.key.name().to_owned(),
            size,
            root: self.root_at(ledger, size).await?.to_hex(),
        })
    }

    /// The agreement that terms put an end to, where they do that.
    pub(crate) fn ended_by(&self, terms: &Terms) -> Result<Option<Arc<Agreement>>, Error> {
        let Some(closes) = terms.closes() else { return Ok(None) };
        let agreement = self.agreement(&closes.terms)?;
        if terms.peer_of(self.party()).is_none_or(|peer| peer.id != agreement.peer) {
            return Err(Error::Refused(format!(
                "the terms end an agreement with {}, which is not a party to them",
                agreement.peer
            )));
        }
        Ok(Some(agreement))
    }

    /// Whether no other terms end the agreement too that this party has signed: one signature of two could come to hold
    /// on either side.
    pub(crate) fn check_alone(&self, terms: &Terms, ended: &Agreement) -> Result<(), Error> {
        let all = self.agreements();
        let is_known = all.iter().any(|one| one.terms.hash() == terms.hash());
        if ended.is_closed() {
            let over = || Error::Refused("the agreement that these terms end is over".to_owned());
            return if is_known { Ok(()) } else { Err(over()) };
        }
        let mut others = all.iter().filter(|one| {
            one.terms.ends(&ended.terms.hash().to_hex())
                && !one.is_withdrawn()
                && one.terms.hash() != terms.hash()
        });
        let Some(other) = others.next() else { return Ok(()) };
        let hash = other.terms.hash().to_hex();
        let short = hash.get(..8).unwrap_or_default();
        Err(Error::Refused(format!(
            "this party has signed other terms that end the same agreement ({short}): wait for {} to sign them, or \
             take them back (`comity agreement withdraw {short}`)",
            ended.peer
        )))
    }

    /// Whether the agreement that terms end has these last heads here: nothing that the other side has of
    /// this party's ledger is cut off, and nothing that is here of the peer's.
    pub(crate) async fn check_closing(
        &self,
        terms: &Terms,
        agreement: &Agreement,
    ) -> Result<(), Error> {
        let Some(closes) = terms.closes() else { return Ok(()) };
        let left = self.leaves(agreement, closes).await?;
        if left != closes.actions {
            return Err(Error::Refused(format!(
                "the terms say that meetings left {} action items open; by the ledgers it is {left}. Propose again",
                closes.actions
            )));
        }
        let own = ledger::show(&self.db, &agreement.own).await?;
        let mirrored = ledger::mirrored(&self.db, &own.id).await?;
        let other = ledger::counterpart(&self.db, &own).await?;
        self.check_end(terms, closes, agreement).await?;
        if let Some(cut) = closes.head(&own.party).filter(|_| agreement.key.is_some()) {
            self.check_said(&own, cut.size).await?;
        }
        for (ledger, least) in [(Some(&own), mirrored), (other.as_ref(), u64::MAX)] {
            let Some(ledger) = ledger else { continue };
            let Some(head) = closes.head(&ledger.party) else { continue };
            let least = least.min(ledger.size);
            if head.origin != ledger.key.name() || head.size > ledger.size || head.size < least {
                return Err(Error::Refused(format!(
                    "the terms end {}'s ledger {} at {} entries; here it is {} with {}, of which {least} are on \
                     both sides. When both have the same, propose again",
                    ledger.party,
                    head.origin,
                    head.size,
                    ledger.key.name(),
                    ledger.size
                )));
            }
            if Hash::from_hex(&head.root) != Some(self.root_at(ledger, head.size).await?) {
                return Err(comity_ledger::Error::Fork { size: head.size }.into());
            }
        }
        Ok(())
    }

    /// Whether the time at which clocks stop, which both sign, can be: not before anything that was said under the
    /// agreement, not ahead, and not so long ago that it would take back what fell due since.
    async fn check_end(
        &self,
        terms: &Terms,
        closes: &Closes,
        agreement: &Agreement,
    ) -> Result<(), Error> {
        let Some(between) = &terms.between else { return Ok(()) };
        let (proposed, now) = (between.proposed, self.now());
        let mut last = None;
        for head in &closes.heads {
            let id = ledger::id_of(&head.origin);
            last = last.max(ledger::history(&self.db, &id, head.size).await?.map(|one| one.time));
        }
        let ahead = proposed.duration_since(now) > AHEAD;
        if ahead || last.is_some_and(|last| last.duration_since(proposed) > AHEAD) {
            return Err(Error::Refused(format!(
                "the terms say that they were proposed at {proposed}: clocks would stop then, and what they end was \
                 stated until {}; it is {} now. Propose again",
                last.map_or_else(|| "–".to_owned(), |last| last.to_string()),
                now
            )));
        }
        if now.duration_since(proposed) > OLD {
            return Err(Error::Refused(format!(
                "the terms were proposed at {proposed}, and clocks would stop then: it is {now} now. Propose again"
            )));
        }
        let late = self.fell_due(agreement, proposed, now).await?;
        if late > 0 {
            return Err(Error::Refused(format!(
                "the terms say that they were proposed at {proposed}: clocks would stop then, and {late} requests \
                 became overdue since, which would never have been. Propose again"
            )));
        }
        Ok(())
    }

    /// How many requests under an agreement are overdue now and were not then.
    async fn fell_due(
        &self,
        agreement: &Agreement,
        then: Timestamp,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let hash = agreement.terms.hash().to_hex();
        let pauses = self.pauses().await?;
        let (mut late, mut after) = (0, 0);
        loop {
            let page = request::under(&self.db, &hash, after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(late) };
            after = *last;
            for (_, request) in page {
                let pauses = pauses.of(request.exercise, &hash);
                let overdue =
                    |at| Clocks::of(&request, Some(&*agreement.terms), pauses, at).is_overdue();
                late += u64::from(overdue(now) && !overdue(then));
            }
        }
    }

    /// Whether this party has said anything after the head where its ledger is to end: the other side would never have
    /// it. Receipts, and what a machine says to test the line, are nothing that anybody would miss.
    async fn check_said(&self, own: &Ledger, end: u64) -> Result<(), Error> {
        for (index, kind, thread) in self.said(own, (end, own.size)).await? {
            if kind.topic() == Some(Topic::Hotline) && self.is_test(thread).await? {
                continue;
            }
            return Err(Error::Refused(format!(
                "entry {index} of your ledger ({}) was stated after these terms were proposed, and would be \
                 cut off by them: let the other side have it, and propose again (whoever has signed these \
                 withdraws them)",
                kind.as_str()
            )));
        }
        Ok(())
    }

    /// Whether a thread of the hotline tests it, and says nothing.
    async fn is_test(&self, thread: ThreadId) -> Result<bool, Error> {
        let found = matter::show(&self.db, thread).await?.matter;
        Ok(found.signal().is_some_and(Signal::is_test))
    }

    /// What was stated in entries of a ledger, without the statements that nodes make by themselves about ledgers.
    async fn said(
        &self,
        ledger: &Ledger,
        (from, to): (u64, u64),
    ) -> Result<Vec<(u64, Kind, ThreadId)>, Error> {
        let mut said = Vec::new();
        let entries = ledger::entries(&self.db, &ledger.id, from, to.max(from)).await?;
        for (index, entry) in (from..).zip(entries) {
            let statement = comity_ledger::Statement::parse(&entry)?;
            let kind = Kind::parse(&statement.body().kind).filter(|kind| kind.is_threaded());
            said.extend(kind.map(|kind| (index, kind, ThreadId(statement.body().thread))));
        }
        Ok(said)
    }

    /// Ends every agreement that signed terms put an end to: it is over where the other party has signed them too. Of
    /// several that both have signed, as where proposals cross, those hold under which both have stated something, then
    /// those that were proposed first.
    pub(crate) async fn close_ended(&self) -> Result<(), Error> {
        // The writer waits here: whoever holds this waits for no job.
        let _one_at_a_time = self.ends.lock().await;
        let all = self.agreements();
        let mut changed = false;
        for old in &all {
            let hash = old.terms.hash().to_hex();
            let mut both = Vec::new();
            for next in all.iter().filter(|one| one.terms.ends(&hash)) {
                let taken_back = session::setting(&self.db, &withdrawn(next)).await?;
                let is_withdrawn = taken_back.is_some_and(|state| state != HOLDS);
                if self.is_countersigned(next).await?
                    && !(is_withdrawn && self.goes_beyond(old, next).await?)
                {
                    both.push((false, next.terms.ends_at().unwrap_or(Timestamp::MIN), next));
                } else if is_withdrawn {
                    next.withdrawn.store(true, Ordering::Release);
                } else {
                    old.ending.store(true, Ordering::Release);
                }
            }
            // Whether terms were used is read from whole ledgers: only where that decides.
            if both.len() > 1 {
                for (unused, _, next) in &mut both {
                    *unused = !self.is_used(next).await?;
                }
            }
            both.sort_by_key(|(unused, at, next)| (*unused, *at, next.terms.hash().to_hex()));
            for (place, (_, at, next)) in both.into_iter().enumerate() {
                // A signature that was taken back holds where the other's was on its way.
                if next.withdrawn.swap(false, Ordering::AcqRel) {
                    changed = true;
                    // Once and for all: what comes to be known later of the ledgers before changes nothing any more.
                    session::set(&self.db, &withdrawn(next), HOLDS).await?;
                    self.journal("agreement holds", &next.terms.hash().to_hex()).await?;
                }
                if place == 0 {
                    let heads = next.terms.closes().into_iter().flat_map(|closes| &closes.heads);
                    let heads = heads.map(|head| (head.party.clone(), head.size)).collect();
                    changed |= old.end(Ended { at, heads });
                } else if next.ended().is_none() {
                    changed |= next.end(Ended { at, heads: Vec::new() });
                    self.journal("agreement void", &next.terms.hash().to_hex()).await?;
                }
            }
        }
        if changed {
            self.change();
        }
        Ok(())
    }

    /// Whether an agreement went on, as both sides have it, behind the last heads of terms that were withdrawn: those are
    /// no end of it any more, whoever signs them.
    async fn goes_beyond(&self, old: &Agreement, next: &Agreement) -> Result<bool, Error> {
        let own = ledger::show(&self.db, &old.own).await?;
        let other = ledger::counterpart(&self.db, &own).await?;
        let mirrored = ledger::mirrored(&self.db, &own.id).await?;
        let size = |party: &PartyId| {
            next.terms.closes().and_then(|closes| closes.head(party)).map_or(0, |head| head.size)
        };
        let theirs = other.is_some_and(|other| other.size > size(&other.party));
        Ok(theirs || mirrored > size(&own.party))
    }

    /// Whether anybody stated anything under terms that both sides have.
    async fn is_used(&self, agreement: &Agreement) -> Result<bool, Error> {
        let own = ledger::show(&self.db, &agreement.own).await?;
        let other = ledger::counterpart(&self.db, &own).await?;
        let mirrored = ledger::mirrored(&self.db, &own.id).await?;
        let theirs = other.map(|other| (other.size, other));
        for (to, ledger) in theirs.into_iter().chain([(mirrored, own)]) {
            if !self.said(&ledger, (1, to)).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes this party's signature under terms back that were to put an end to an agreement, as long as the other party
    /// has not signed them: the agreement goes on. Where the other's signature was on its way, the terms hold all the same.
    /// Terms that follow others may have their id: then those are meant that wait.
    ///
    /// # Errors
    /// [`Error::Refused`] where they end nothing, or the other party has signed.
    pub async fn withdraw(&self, id: &str) -> Result<Arc<Agreement>, Error> {
        let _one_at_a_time = self.ends.lock().await;
        let refused = |why: String| Err(Error::Refused(why));
        let named = self.agreement(id)?;
        let hash = named.terms.hash().to_hex();
        let waits = self
            .agreements()
            .into_iter()
            .find(|one| named.is_ending() && one.terms.ends(&hash) && !one.is_closed());
        let next = waits.unwrap_or(named);
        let Some(closes) = next.terms.closes() else {
            return refused(format!("{}: these terms put an end to nothing", next.terms.id));
        };
        let ended = self.agreement(&closes.terms)?;
        if self.is_countersigned(&next).await? {
            return refused(format!("{} has signed these terms too: they hold", next.peer));
        }
        session::set(&self.db, &withdrawn(&next), "").await?;
        next.withdrawn.store(true, Ordering::Release);
        let all = self.agreements();
        let still = all.iter().any(|one| one.terms.ends(&closes.terms) && !one.is_withdrawn());
        ended.ending.store(still, Ordering::Release);
        self.journal("agreement withdraw", &next.terms.hash().to_hex()).await?;
        self.change();
        Ok(ended)
    }
}

impl Agreement {
    /// Says when it ended; whether that is news.
    fn end(&self, ended: Ended) -> bool {
        let mut own = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        own.replace(ended.clone()) != Some(ended)
    }
}

/// What that setting says of terms that hold although this party took its signature back.
const HOLDS: &str = "holds";

/// The setting that says that a signature was taken back.
fn withdrawn(agreement: &Agreement) -> String {
    format!("withdrawn/{}", agreement.terms.hash().to_hex())
}

//! The end of an agreement: terms that name the last heads of its two ledgers. Both parties sign them with
//! their roots, as they sign any terms, and each begins a ledger with another origin. So a party goes on
//! that has lost the key of a ledger, or whose ledger nobody has whole.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use comity_ledger::Hash;
use comity_rules::agreement::{self, Between, Closes, Event, Evidence, LastHead};
use comity_rules::matter::Topic;
use comity_rules::review::{self, Meetings};
use comity_rules::thread::View;
use comity_rules::{Kind, PartyId, Terms, clock};
use comity_store::ledger::{self, Ledger};
use comity_store::{matter, session};
use jiff::{SignedDuration, Timestamp};

use crate::node::{Agreement, Error, Node};

/// Clocks of two sides may lie so far apart.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

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
        let is_still = clock::pauses(&matters, false).iter().any(|one| one.to.is_none());
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
        let own = ledger::show(&self.db, &agreement.own).await?;
        let other = ledger::counterpart(&self.db, &own).await?.ok_or_else(|| {
            Error::Refused("the peer has not begun its ledger: there is nothing to end".to_owned())
        })?;
        // What no head of one's own covers was never said to anybody; what came from the peer was.
        let heads = vec![
            self.last_head(&own, own.verified).await?,
            self.last_head(&other, other.size).await?,
        ];
        let actions = self.leaves(agreement, &heads).await?;
        let closes = Closes { terms: own.terms, why, actions, heads };
        let between = agreement.terms.between.clone().ok_or_else(missing)?;
        let between = Between { proposed: self.now(), closes: Some(closes), ..between };
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
    async fn leaves(&self, agreement: &Agreement, heads: &[LastHead]) -> Result<u32, Error> {
        let size = |party: &PartyId| {
            heads.iter().find(|head| head.party == *party).map_or(0, |head| head.size)
        };
        let terms = agreement.terms.hash().to_hex();
        let held = matter::about(&self.db, Topic::Dialogue, &terms).await?;
        let held: Vec<_> = held
            .iter()
            .filter(|meeting| !meeting.exercise)
            .filter_map(|meeting| {
                let (asked, answered) = (size(&meeting.opener), size(&meeting.other));
                meeting.up_to(View { asked, answered })
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

    /// Whether the agreement that terms end has these last heads here: nothing that the other side has of
    /// this party's ledger is cut off, and nothing that is here of the peer's.
    pub(crate) async fn check_closing(
        &self,
        terms: &Terms,
        agreement: &Agreement,
    ) -> Result<(), Error> {
        let Some(closes) = terms.closes() else { return Ok(()) };
        let left = self.leaves(agreement, &closes.heads).await?;
        if left != closes.actions {
            return Err(Error::Refused(format!(
                "the terms say that meetings left {} action items open; by the ledgers it is {left}. Propose again",
                closes.actions
            )));
        }
        let own = ledger::show(&self.db, &agreement.own).await?;
        let mirrored = ledger::mirrored(&self.db, &own.id).await?;
        let other = ledger::counterpart(&self.db, &own).await?;
        self.check_end(terms, closes).await?;
        let head = |party: &PartyId| closes.heads.iter().find(|head| head.party == *party);
        if let Some(cut) = head(&own.party).filter(|_| agreement.key.is_some()) {
            self.check_said(&own, cut.size).await?;
        }
        for (ledger, least) in [(Some(&own), mirrored), (other.as_ref(), u64::MAX)] {
            let Some(ledger) = ledger else { continue };
            let Some(head) = head(&ledger.party) else { continue };
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
    /// agreement, and not ahead.
    async fn check_end(&self, terms: &Terms, closes: &Closes) -> Result<(), Error> {
        let Some(between) = &terms.between else { return Ok(()) };
        let proposed = between.proposed;
        let mut last = None;
        for head in &closes.heads {
            let id = ledger::id_of(&head.origin);
            last = last.max(ledger::history(&self.db, &id, head.size).await?.map(|one| one.time));
        }
        let ahead = proposed.duration_since(self.now()) > AHEAD;
        if ahead || last.is_some_and(|last| last.duration_since(proposed) > AHEAD) {
            return Err(Error::Refused(format!(
                "the terms say that they were proposed at {proposed}: clocks would stop then, and what they end was \
                 stated until {}; it is {} now. Propose again",
                last.map_or_else(|| "–".to_owned(), |last| last.to_string()),
                self.now()
            )));
        }
        Ok(())
    }

    /// Whether this party has said anything after the head where its ledger is to end: the other side would never have
    /// it. Receipts, and what a machine says to test the line, are nothing that anybody would miss.
    async fn check_said(&self, own: &Ledger, end: u64) -> Result<(), Error> {
        let said = self.said(own, end).await?;
        match said.into_iter().find(|(_, kind)| kind.topic() != Some(Topic::Hotline)) {
            None => Ok(()),
            Some((index, kind)) => Err(Error::Refused(format!(
                "entry {index} of your ledger ({}) was stated after these terms were proposed, and would be \
                 cut off by them: let the other side have it, and propose again (whoever has signed these \
                 withdraws them)",
                kind.as_str()
            ))),
        }
    }

    /// What this party stated in a ledger of its own from an entry on, without the statements that nodes make by
    /// themselves about ledgers.
    async fn said(&self, own: &Ledger, from: u64) -> Result<Vec<(u64, Kind)>, Error> {
        let mut said = Vec::new();
        let entries = ledger::entries(&self.db, &own.id, from, own.size).await?;
        for (index, entry) in (from..).zip(entries) {
            let statement = comity_ledger::Statement::parse(&entry)?;
            let kind = Kind::parse(&statement.body().kind).filter(|kind| kind.is_threaded());
            said.extend(kind.map(|kind| (index, kind)));
        }
        Ok(said)
    }

    /// Ends every agreement that signed terms put an end to: closes it where the other party has signed them too.
    pub(crate) async fn close_ended(&self) -> Result<(), Error> {
        let all = self.agreements();
        let mut changed = false;
        for next in &all {
            let Some(closes) = next.terms.closes() else { continue };
            if session::setting(&self.db, &withdrawn(next)).await?.is_some() {
                next.closed.store(true, Ordering::Release);
                continue;
            }
            let both = self.is_countersigned(next).await?;
            for ended in all.iter().filter(|a| a.terms.hash().to_hex() == closes.terms) {
                ended.ending.store(true, Ordering::Release);
                changed |= both && !ended.closed.swap(both, Ordering::AcqRel);
            }
        }
        if changed {
            self.change();
        }
        Ok(())
    }

    /// When an agreement ended, where it is over: when the terms were proposed that put an end to it, as both parties have
    /// signed. From then on neither could state anything under it.
    pub(crate) async fn ended_at(&self, agreement: &Agreement) -> Result<Option<Timestamp>, Error> {
        if !agreement.is_closed() {
            return Ok(None);
        }
        let hash = agreement.terms.hash().to_hex();
        for next in self.agreements() {
            let ends = next.terms.closes().is_some_and(|closes| closes.terms == hash);
            // Terms that were withdrawn have one signature and no more.
            if ends && self.is_countersigned(&next).await? {
                return Ok(next.terms.between.as_ref().map(|between| between.proposed));
            }
        }
        Ok(None)
    }

    /// Takes this party's signature under terms back that were to put an end to an agreement, as long as the other party
    /// has not signed them: the agreement goes on.
    ///
    /// # Errors
    /// [`Error::Refused`] where they end nothing, or the other party has signed.
    pub async fn withdraw(&self, id: &str) -> Result<Arc<Agreement>, Error> {
        let next = self.agreement(id)?;
        let refused = |why: String| Err(Error::Refused(why));
        let Some(closes) = next.terms.closes() else {
            return refused(format!("{}: these terms put an end to nothing", next.terms.id));
        };
        let ended = self.agreement(&closes.terms)?;
        if self.is_countersigned(&next).await? {
            return refused(format!("{} has signed these terms too: they hold", next.peer));
        }
        let own = ledger::show(&self.db, &next.own).await?;
        if let Some((_, kind)) = self.said(&own, 1).await?.first() {
            return refused(format!(
                "something was stated under these terms already ({}), and would be stranded: have the other \
                 party sign them",
                kind.as_str()
            ));
        }
        session::set(&self.db, &withdrawn(&next), "").await?;
        next.closed.store(true, Ordering::Release);
        ended.ending.store(false, Ordering::Release);
        self.journal("agreement withdraw", &next.terms.hash().to_hex()).await?;
        self.change();
        Ok(ended)
    }
}

/// The setting that says that a signature was taken back.
fn withdrawn(agreement: &Agreement) -> String {
    format!("withdrawn/{}", agreement.terms.hash().to_hex())
}

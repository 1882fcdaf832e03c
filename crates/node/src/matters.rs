//! Matters other than requests, with everything that is known of them, for pages and commands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use comity_rules::access::Person;
use comity_rules::content::{ActionItem, Letter, Tlp};
use comity_rules::matter::{Fate, Message, Signal, Standing, State, Topic};
use comity_rules::release::{self, Released};
use comity_rules::thread::{Event, Thread, View};
use comity_rules::{Kind, Matter, PartyId, ThreadId};
use comity_store::matter::{self, Summary};
use comity_store::{Error as StoreError, request};

use crate::dossier::Statement;
use crate::hotline;
use crate::node::{Agreement, Error, Node};

/// Meetings whose action items are looked through.
const MEETINGS: u64 = 100;

/// A matter for a list.
#[derive(Clone)]
pub struct Line {
    /// The matter.
    pub summary: Summary,
    /// Where it stands.
    pub standing: Standing,
    /// The agreement.
    pub agreement: Arc<Agreement>,
    /// What the other side said there, and nobody acknowledged, that cannot be read here: its places.
    pub gone: BTreeSet<u64>,
    /// Whether this party opened it.
    ours: bool,
    /// Whether it is a test that nobody answered while its key lived.
    is_past: bool,
}

/// A matter for a page.
pub struct Dossier {
    /// What a list shows of it.
    pub line: Line,
    /// Its statements, by time.
    pub statements: Vec<Statement>,
}

impl Dossier {
    /// How what it says is marked; none where nothing of it has a label. What came with a label that cannot be read here
    /// any more has the strictest.
    #[must_use]
    pub fn marking(&self) -> Option<Tlp> {
        let opening = self.statements.iter().find(|statement| {
            matches!(statement.event.act.kind, Kind::Signal | Kind::Raise | Kind::Inform)
        })?;
        Some(match opening.kept.as_ref().map(|kept| &kept.letter) {
            Some(Letter::Message(message)) => message.marking,
            Some(Letter::Concern(concern)) => concern.marking,
            Some(Letter::Notice(notice)) => notice.marking,
            _ => Tlp::Red,
        })
    }
}

/// An action item that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAction {
    /// The meeting's thread.
    pub thread: ThreadId,
    /// The meeting's title.
    pub meeting: String,
    /// Its number there, from 1.
    pub number: u32,
    /// What is to be done.
    pub item: ActionItem,
    /// Whom the meeting was with.
    pub peer: PartyId,
    /// Whether it was an exercise.
    pub exercise: bool,
}

impl Line {
    async fn of(node: &Node, summary: Summary) -> Result<Self, Error> {
        let agreement = node.agreement(&summary.terms)?;
        let gone = node.gone(&agreement, &summary.matter).await?;
        let standing = summary.matter.standing(View::ALL);
        let ours = summary.matter.opener == *node.party();
        // For both sides: one that is sealed to a card's key could be read for ever.
        let is_past = hotline::is_past(&agreement, &summary.matter, node.now());
        let mut line = Self { summary, standing, agreement, gone, ours, is_past };
        if line.summary.matter.topic == Topic::Hotline {
            line.standing = line.summary.matter.standing_by(View::ALL, |one| line.fate(one));
        }
        // Of two that wait for each other each has an act of its own before it.
        if line.agreement.is_closed() {
            line.standing.waits_for = None;
        } else if line.message_for(node.party()).is_some() {
            line.standing.waits_for = Some(node.party().clone());
            // What could not be opened when it came may be here since.
            line.standing.state = State::Unacknowledged;
        } else if line.to_say_again().is_some_and(|(_, is_unopened)| is_unopened) {
            line.standing.waits_for = Some(node.party().clone());
        }
        Ok(line)
    }

    /// The messages of a call; of an echo, which its receipt answers, none.
    fn messages(&self) -> Vec<Message<'_>> {
        let matter = &self.summary.matter;
        let is_call = matter.topic == Topic::Hotline && matter.signal() != Some(Signal::Echo);
        if is_call { matter.messages(View::ALL) } else { Vec::new() }
    }

    /// Whether this message of the other side cannot be read here.
    #[must_use]
    pub fn is_gone(&self, one: &Message<'_>) -> bool {
        one.by_opener != self.ours && self.gone.contains(&one.event.index)
    }

    /// What is to become of a message, as far as this node knows.
    #[must_use]
    pub fn fate(&self, one: &Message<'_>) -> Fate {
        let is_past = self.is_past && one.event.act.signal().is_some();
        one.fate(is_past || self.is_gone(one))
    }

    /// The first message of this party that nobody has acknowledged, and whether the other side's node could not open it;
    /// one that it could not comes before the others.
    #[must_use]
    pub fn to_say_again(&self) -> Option<(&Event, bool)> {
        let mut messages = self.messages();
        messages.retain(|one| one.by_opener == self.ours && !one.signal().is_test());
        messages.retain(|one| one.again.is_none() && !self.fate(one).is_over());
        let first = messages.iter().find(|one| one.is_unopened()).or(messages.first());
        first.map(|one| (one.event, one.is_unopened()))
    }

    /// The first message of the other side that this party has to acknowledge, and can: its place, and what it sends.
    #[must_use]
    pub fn message_for(&self, us: &PartyId) -> Option<(u64, Option<Signal>)> {
        let ours = self.summary.matter.opener == *us;
        let mut messages = self.messages();
        messages.retain(|one| one.by_opener != ours && one.settled.is_none());
        // What could not be opened when it came may be here since.
        messages.retain(|one| !self.is_gone(one) && self.fate(one) != Fate::Lapsed);
        // What stands in its place settles both, where it can be read.
        let first = messages.first()?.first.index;
        let waits = messages.iter().rev().find(|one| one.first.index == first);
        waits.map(|one| (one.event.index, one.event.act.signal()))
    }

    /// Whether it is a suspension of what has ended meanwhile.
    fn is_still(&self) -> bool {
        let is_suspension = self.summary.matter.topic == Topic::Suspension;
        is_suspension && !self.standing.over && self.agreement.is_closed()
    }

    /// Where it stands, in a word: `cut-off` and `lost` are no states of the ledgers.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.standing.state {
            _ if self.is_cut_off() || self.is_still() => "cut-off",
            State::Unacknowledged if !self.gone.is_empty() && self.standing.waits_for.is_none() => {
                "lost"
            }
            state => state.as_str(),
        }
    }

    /// Whether it was open between people when its terms ended, and can go on no more. Meetings come back under the
    /// terms that follow, commitments stand in them, and a machine tests its line anew.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let matter = &self.summary.matter;
        let said = match matter.topic {
            Topic::Hotline => matter.signal().is_some_and(|signal| !signal.is_test()),
            Topic::Concern | Topic::Notice => true,
            _ => false,
        };
        said && !self.standing.over && self.agreement.is_closed()
    }

    /// Whether this party has the next act.
    #[must_use]
    pub fn waits_for(&self, node: &Node) -> bool {
        self.standing.waits_for.as_ref() == Some(node.party())
    }
}

impl Node {
    /// The matters about a topic after the cursor `before`, newest first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn matters(
        &self,
        by: &Person,
        topic: Topic,
        open_only: bool,
        before: Option<u64>,
        limit: u64,
    ) -> Result<Released<Vec<Line>>, Error> {
        let (mut lines, mut before) = (Vec::new(), before);
        loop {
            let found = matter::list(&self.db, topic, open_only, before, limit).await?;
            before = found.last().map(|last| last.seq);
            let is_last = (found.len() as u64) < limit;
            for summary in found {
                let line = Line::of(self, summary).await?;
                // Some are over by the terms that are open by the ledgers.
                if !(open_only && line.standing.over) {
                    lines.push(line);
                }
            }
            // An empty page would be the end.
            if is_last || !lines.is_empty() {
                return Ok(release::content(by, lines)?);
            }
        }
    }

    /// A matter with its statements.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Denied`].
    pub async fn matter(&self, by: &Person, thread: ThreadId) -> Result<Released<Dossier>, Error> {
        let found = match matter::show(&self.db, thread).await {
            Err(StoreError::Missing { .. }) => {
                self.thread_of(Some(thread)).await?;
                let (id, hint) =
                    (thread.to_string(), "; it is a request: see `comity request show`");
                return Err(Error::Missing { what: "matter", id, hint });
            }
            found => found?,
        };
        let line = Line::of(self, found).await?;
        let statements = self.statements(thread, &line.agreement, &line.summary.matter).await?;
        Ok(release::content(by, Dossier { line, statements })?)
    }

    /// Whether a thread is a request; an error where there is no such thread.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn is_request(&self, thread: ThreadId) -> Result<bool, Error> {
        let known = self.thread_of(Some(thread)).await?;
        Ok(known.is_some_and(|(thread, _)| thread.topic().is_none()))
    }

    /// Whether this is of an exercise.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Store`].
    pub async fn is_exercise(&self, thread: ThreadId) -> Result<bool, Error> {
        Ok(match self.thread_of(Some(thread)).await? {
            Some((Thread::Request(request), _)) => request.exercise,
            Some((Thread::Matter(matter), _)) => matter.exercise,
            None => false,
        })
    }

    /// The action items of a meeting, by the minutes that both sides agree to.
    pub(crate) async fn actions_of(
        &self,
        agreement: &Agreement,
        matter: &Matter,
    ) -> Result<Vec<ActionItem>, Error> {
        let Some((author, minutes)) = matter.minutes_agreed(View::ALL) else {
            return Ok(Vec::new());
        };
        let ours = *author == *self.party();
        let statements = request::statements(&self.db, matter.thread).await?;
        let kept = statements.into_iter().find(|statement| {
            // Either side may have minutes, and at the same place of its ledger.
            statement.index == minutes.index
                && statement.kind == Kind::Minutes.as_str()
                && (statement.ledger == agreement.own) == ours
        });
        Ok(match kept.and_then(|statement| statement.kept).map(|kept| kept.letter) {
            Some(Letter::Record(record)) => record.actions,
            _ => Vec::new(),
        })
    }

    /// Whether an agreement that is over goes on in another, with no meeting held since: what its meetings left comes
    /// back on the first agenda there.
    async fn comes_back(&self, ended: &Agreement) -> Result<bool, Error> {
        let all = self.agreements();
        let mut ended = vec![ended.terms.hash().to_hex()];
        // Of several that were to follow one holds, and it may have been followed too.
        while let Some(hash) = ended.pop() {
            for next in all.iter().filter(|next| next.terms.ends(&hash)) {
                let terms = next.terms.hash().to_hex();
                let meetings = matter::about(&self.db, Topic::Dialogue, &terms).await?;
                let held = |one: &Matter| !one.exercise && one.held(View::ALL).is_some();
                if meetings.iter().any(held) {
                    return Ok(false);
                }
                if !next.is_closed() {
                    return Ok(true);
                }
                ended.push(terms);
            }
        }
        Ok(false)
    }

    /// What earlier meetings left to be done: it comes back on every agenda until it is.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn open_actions(&self, by: &Person) -> Result<Released<Vec<OpenAction>>, Error> {
        let (mut open, mut back) = (Vec::new(), BTreeMap::new());
        for meeting in matter::list(&self.db, Topic::Dialogue, true, None, MEETINGS).await? {
            let matter = &meeting.matter;
            let Some(done) = matter.actions(View::ALL) else { continue };
            let agreement = self.agreement(&meeting.terms)?;
            if agreement.is_closed() {
                let comes = match back.get(&meeting.terms) {
                    Some(known) => *known,
                    None => self.comes_back(&agreement).await?,
                };
                back.insert(meeting.terms.clone(), comes);
                if !comes {
                    continue;
                }
            }
            let actions = self.actions_of(&agreement, matter).await?;
            for ((number, item), done) in (1..).zip(actions).zip(done) {
                if !done {
                    let title = meeting.title.clone();
                    open.push(OpenAction {
                        thread: matter.thread,
                        meeting: title,
                        number,
                        item,
                        peer: agreement.peer.clone(),
                        exercise: matter.exercise,
                    });
                }
            }
        }
        open.sort_by_key(|action| (action.item.due.is_none(), action.item.due));
        Ok(release::content(by, open)?)
    }
}

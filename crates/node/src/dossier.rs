//! A request with everything that is known of it, for pages and commands.

use std::collections::BTreeMap;
use std::sync::Arc;

use comity_rules::access::Person;
use comity_rules::agreement::{Terms, Trigger, Words};
use comity_rules::clock::{self, Clocks, Suspension};
use comity_rules::content::{Attachment, Letter};
use comity_rules::matter::Topic;
use comity_rules::release::{self, Released};
use comity_rules::request::{Decision, Outcome, Standing};
use comity_rules::thread::{Event, Sides, View};
use comity_rules::{Kind, PartyId, Request, ThreadId, ladder, quality};
use comity_store::request::{self, Kept, Summary};
use comity_store::{ledger, matter};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::node::{Agreement, Error, Node};
use crate::public;

/// A request for a list.
#[derive(Clone)]
pub struct Line {
    /// The request.
    pub summary: Summary,
    /// Where it stands.
    pub standing: Standing,
    /// Its clocks now.
    pub clocks: Clocks,
    /// The agreement.
    pub agreement: Arc<Agreement>,
    /// Who has the next act.
    pub waits_for: Option<PartyId>,
    /// The highest step of the ladder that it has reached by the agreement's triggers.
    pub rung: Option<Reached>,
}

/// A step of the ladder that a request has reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reached {
    /// Its number.
    pub step: u32,
    /// How many the ladder has.
    pub of: usize,
    /// To whom it goes.
    #[serde(serialize_with = "english")]
    pub to: Words,
    /// By what.
    pub trigger: Trigger,
    /// Since when.
    pub since: Timestamp,
}

/// Programs read it in one language.
fn english<S: Serializer>(words: &Words, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(words.in_language("en"))
}

/// A request for a page.
pub struct Dossier {
    /// What a list shows of it.
    pub line: Line,
    /// Its statements, by time.
    pub statements: Vec<Statement>,
}

/// A dimension of quality about which the sides are in dispute: their latest scores lie two or more apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Disputed {
    /// Which.
    pub dimension: &'static str,
    /// The asker's score.
    pub asker: u8,
    /// The receiver's score.
    pub receiver: u8,
}

impl Dossier {
    /// What the sides are in dispute about.
    #[must_use]
    pub fn disputed(&self) -> Vec<Disputed> {
        let request = &self.line.summary.request;
        let scores_of = |party: &PartyId| {
            let effective = self.statements.iter().rev().filter(|s| s.event.refused.is_none());
            let mut own = effective.filter(|s| s.author == *party);
            own.find_map(|statement| match &statement.kept.as_ref()?.letter {
                Letter::Assessment(assessment) => {
                    let terms = &self.line.agreement.terms;
                    Some(quality::counted(terms, request.class.as_deref(), &assessment.scores))
                }
                _ => None,
            })
        };
        let Some((one, other)) = scores_of(&request.asker).zip(scores_of(&request.receiver)) else {
            return Vec::new();
        };
        let score = |scores: &quality::Scores, dimension| scores.get(dimension).copied();
        let both = |dimension| {
            let (asker, receiver) = score(&one, dimension).zip(score(&other, dimension))?;
            Some(Disputed { dimension, asker, receiver })
        };
        quality::disputed(&one, &other).into_iter().filter_map(both).collect()
    }
}

/// A statement of a dossier.
#[derive(Clone)]
pub struct Statement {
    /// Who states.
    pub author: PartyId,
    /// Id of the author's ledger.
    pub ledger: String,
    /// What all may see of it.
    pub event: Event,
    /// What its readers see.
    pub kept: Option<Kept>,
    /// Who cosigned the first proven checkpoint that covers it.
    pub cosigners: Vec<String>,
}

impl Line {
    fn of(node: &Node, summary: Summary, pauses: &Pauses) -> Result<Self, Error> {
        let agreement = node.agreement(&summary.terms)?;
        let request = &summary.request;
        let standing = request.standing(View::ALL);
        let pauses = pauses.of(request.exercise, &summary.terms);
        let mut clocks = Clocks::of(request, Some(&*agreement.terms), pauses, node.now());
        // What was late stays so; nothing is due any more.
        clocks.ended |= agreement.is_closed();
        let waits_for = waits_for(&summary.request, &standing).cloned();
        let waits_for = waits_for.filter(|_| !agreement.is_closed());
        let rung = Reached::of(&agreement, &summary.request, &clocks, None, node.now());
        Ok(Self { summary, standing, clocks, agreement, waits_for, rung })
    }
}

impl Line {
    /// Whether something was refused, so that the step of the ladder hangs on the ground that was named.
    fn may_be_unreasoned(&self) -> bool {
        let triggers = self.agreement.terms.ladder.iter().flat_map(|step| &step.triggers);
        let refused = |event: &Event| {
            event.act.decision == Some(Decision::Refused)
                || event.act.outcomes.contains(&Outcome::Refused)
        };
        !self.standing.is_over()
            && triggers.into_iter().any(|trigger| *trigger == Trigger::UnreasonedRefusal)
            && self.summary.request.answered.iter().any(refused)
    }
}

/// While agreements stood still, by the hash of their terms, for what is real and for exercises.
pub(crate) struct Pauses(BTreeMap<(bool, String), Vec<Suspension>>);

impl Pauses {
    pub(crate) fn of(&self, exercise: bool, terms: &str) -> &[Suspension] {
        self.0.get(&(exercise, terms.to_owned())).map_or(&[], Vec::as_slice)
    }
}

impl Reached {
    /// None under what is over: nobody goes up a ladder there.
    fn of(
        agreement: &Agreement,
        request: &Request,
        clocks: &Clocks,
        unreasoned: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Self> {
        if agreement.is_closed() {
            return None;
        }
        let rung = ladder::reached(&agreement.terms, request, clocks, unreasoned, now)?;
        Some(Self {
            step: rung.step.step,
            of: agreement.terms.ladder.len(),
            to: rung.step.to.clone(),
            trigger: rung.trigger,
            since: rung.since,
        })
    }
}

/// When something was first refused without a ground that the terms have.
fn unreasoned(terms: &Terms, statements: &[Statement]) -> Option<Timestamp> {
    let refuses = |statement: &&Statement| {
        let event = &statement.event;
        let whole = usize::from(event.act.decision == Some(Decision::Refused));
        let items = event.act.outcomes.iter().filter(|o| **o == Outcome::Refused).count();
        // What cannot be read is not said to have no ground.
        let Some(kept) = statement.kept.as_ref().filter(|_| event.refused.is_none()) else {
            return false;
        };
        kept.letter.grounds().values().filter(|ground| terms.takes_ground(ground)).count()
            < whole + items
    };
    statements.iter().filter(refuses).filter_map(|statement| statement.event.witnessed).min()
}

/// Whose act is next: the asker's while a question is open or there is something to assess.
fn waits_for<'a>(request: &'a Request, standing: &Standing) -> Option<&'a PartyId> {
    if standing.is_over() {
        None
    } else if standing.question.is_some() || standing.is_answered() {
        Some(&request.asker)
    } else {
        Some(&request.receiver)
    }
}

impl Node {
    /// Requests after the cursor `before`, newest first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn requests(
        &self,
        by: &Person,
        open_only: bool,
        before: Option<u64>,
        limit: u64,
    ) -> Result<Released<Vec<Line>>, Error> {
        let found = request::list(&self.db, open_only, before, limit).await?;
        let pauses = self.pauses().await?;
        let mut lines = Vec::new();
        for summary in found {
            let mut line = Line::of(self, summary, &pauses)?;
            if line.may_be_unreasoned() {
                line = self.with_reasons(line).await?;
            }
            lines.push(line);
        }
        Ok(release::content(by, lines)?)
    }

    /// The requests that go on from this one, the latest first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn following(
        &self,
        by: &Person,
        thread: ThreadId,
    ) -> Result<Released<Vec<Summary>>, Error> {
        const FOLLOWING: u64 = 50;
        Ok(release::content(by, request::following(&self.db, thread, FOLLOWING).await?)?)
    }

    /// While the agreements stood still.
    pub(crate) async fn pauses(&self) -> Result<Pauses, Error> {
        let mut all = BTreeMap::new();
        for agreement in self.agreements() {
            let terms = agreement.terms.hash().to_hex();
            let matters = matter::about(&self.db, Topic::Suspension, &terms).await?;
            // Under what is over nothing is due any more.
            let ended = agreement.ended();
            if matters.is_empty() && ended.is_none() {
                continue;
            }
            for exercise in [false, true] {
                let pauses = clock::pauses(&matters, exercise, ended);
                all.insert((exercise, terms.clone()), pauses);
            }
        }
        Ok(Pauses(all))
    }

    /// A request with its statements.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Denied`].
    pub async fn dossier(&self, by: &Person, thread: ThreadId) -> Result<Released<Dossier>, Error> {
        let found = match request::show(&self.db, thread).await {
            Err(comity_store::Error::Missing { .. }) => {
                self.thread_of(Some(thread)).await?;
                let (id, hint) =
                    (thread.to_string(), "; it is something else: see `comity matter show`");
                return Err(Error::Missing { what: "request", id, hint });
            }
            found => found?,
        };
        let mut line = Line::of(self, found, &self.pauses().await?)?;
        let statements = self.statements(thread, &line.agreement, &line.summary.request).await?;
        let unreasoned = unreasoned(&line.agreement.terms, &statements);
        let request = &line.summary.request;
        line.rung = Reached::of(&line.agreement, request, &line.clocks, unreasoned, self.now());
        Ok(release::content(by, Dossier { line, statements })?)
    }

    /// A line whose step of the ladder knows the grounds of what was refused.
    async fn with_reasons(&self, mut line: Line) -> Result<Line, Error> {
        let request = &line.summary.request;
        let statements = self.statements(request.thread, &line.agreement, request).await?;
        let unreasoned = unreasoned(&line.agreement.terms, &statements);
        line.rung = Reached::of(&line.agreement, request, &line.clocks, unreasoned, self.now());
        Ok(line)
    }

    /// The statements of a thread, of whatever sort, by time.
    pub(crate) async fn statements(
        &self,
        thread: ThreadId,
        agreement: &Agreement,
        sides: &impl Sides,
    ) -> Result<Vec<Statement>, Error> {
        let own = ledger::show(&self.db, &agreement.own).await?;
        let other = ledger::counterpart(&self.db, &own).await?;
        let rows = request::statements(&self.db, thread).await?;
        let mut statements = Vec::new();
        for ledger in [Some(&own), other.as_ref()].into_iter().flatten() {
            for event in sides.events_of(&ledger.party) {
                let row = rows.iter().find(|r| r.ledger == ledger.id && r.index == event.index);
                statements.push(Statement {
                    author: ledger.party.clone(),
                    ledger: ledger.id.clone(),
                    event: event.clone(),
                    kept: row.and_then(|row| row.kept.clone()),
                    cosigners: self.cosigners(ledger, event.index).await?,
                });
            }
        }
        statements.sort_by_key(|statement| {
            let event = &statement.event;
            (event.witnessed.unwrap_or(event.claimed), event.claimed, event.seen)
        });
        Ok(statements)
    }

    /// A file that goes with a statement of a thread (ledger, entry, number), byte for byte, out of the
    /// ciphertext.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Denied`].
    pub async fn attachment(
        &self,
        by: &Person,
        thread: ThreadId,
        (ledger, index, number): (&str, u64, usize),
    ) -> Result<Released<Attachment>, Error> {
        let missing = || Error::Missing { what: "file", id: number.to_string(), hint: "" };
        let entries = ledger::entries(&self.db, ledger, index, index + 1).await?;
        let statement = comity_ledger::Statement::parse(entries.first().ok_or_else(missing)?)?;
        let body = statement.body();
        let kind = Kind::parse(&body.kind).filter(|_| ThreadId(body.thread) == thread);
        let (Some(kind), Some(sealed)) = (kind, body.sealed) else { return Err(missing()) };
        let ciphertext = ledger::ciphertext(&self.db, ledger, index).await?;
        let ciphertext = ciphertext.ok_or_else(missing)?;
        let content = self.secrets.open(&ciphertext, &sealed)?;
        let letter =
            Letter::read(kind, &content).map_err(|error| Error::Refused(error.to_string()))?;
        let attachment = letter.attachments().get(number).cloned().ok_or_else(missing)?;
        let released = release::content(by, attachment)?;
        let about = format!("{thread} file {number} of entry {index}");
        self.journal_of(&by.name, "export", &about).await?;
        Ok(released)
    }

    async fn cosigners(&self, ledger: &ledger::Ledger, index: u64) -> Result<Vec<String>, Error> {
        let Some((_, note)) = public::kept(self, ledger, index + 1).await? else {
            return Ok(Vec::new());
        };
        let note = comity_ledger::Note::parse(note.as_bytes())?;
        let cosigned = note.signatures().iter().filter(|line| line.name != ledger.key.name());
        Ok(cosigned.map(|signature| signature.name.clone()).collect())
    }
}

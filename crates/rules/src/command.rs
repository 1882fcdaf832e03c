//! What a person may do: commands, decided into statements.

mod matter;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::agreement::{Agreement, RefusalPart, RequestKind, Words};
use crate::content::{
    Answer, Ask, Assessment, Attachment, DIMENSIONS, Letter, MAX_TITLE, Reason, Remark, Ruling,
    Translation,
};
use crate::matter::Topic;
use crate::quality;
use crate::request::{Act, Decision, Illegal, MAX_ITEMS, Outcome};
use crate::text::is_obeyed;
use crate::thread::View;
use crate::{Draft, Kind, PartyId, Request, Thread, ThreadId};

pub use matter::Deed;

/// An act of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Command {
    /// Ask.
    Send {
        /// The urgency class.
        class: Option<String>,
        /// Whether it is an exercise.
        exercise: bool,
        /// What is asked.
        ask: Ask,
    },
    /// Say that it is in hand.
    Acknowledge(Remark),
    /// The receiver asks back; the asker replies. Which of the two follows from who says it.
    Clarify(Remark),
    /// Decide about the whole.
    Decide(Ruling),
    /// Answer items.
    Answer(Answer),
    /// Assess the answer.
    Assess(Assessment),
    /// Close.
    Close(Remark),
    /// Withdraw.
    Withdraw(Remark),
    /// Take it up the ladder.
    Escalate(Remark),
    /// Act in a matter that is no request.
    Deed(Deed),
}

/// Why a command is not carried out: what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is not legal where the request stands.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The terms do not have it. What was given is not repeated: it may be content.
    #[error("{place} is not one that the terms have; they have: {known}")]
    NotInTerms {
        /// Where: a kind, a class or a ground.
        place: String,
        /// What the terms have.
        known: String,
    },
    /// Something is missing.
    #[error("{place} is missing: {why}")]
    Missing {
        /// Where.
        place: String,
        /// Why it is needed.
        why: &'static str,
    },
    /// Something does not fit.
    #[error("{place}: {flaw}")]
    Wrong {
        /// Where.
        place: String,
        /// What.
        flaw: Flaw,
    },
}

/// Why something does not fit where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// More than there may be.
    #[error("{given}, at most {most}")]
    TooMany {
        /// How many there are.
        given: usize,
        /// How many there may be.
        most: usize,
    },
    /// It does not go with a request of this kind.
    #[error("it goes with a takedown and with nothing else")]
    OnlyTakedown,
    /// A translation is of the whole.
    #[error("it has {given} items, and the request {items}: each is translated")]
    NotEachTranslated {
        /// How many items the translation has.
        given: usize,
        /// How many the request has.
        items: usize,
    },
    /// No language.
    #[error("want the tag of a language (BCP 47), such as en or zh-Hans")]
    NoLanguage,
    /// A translation into the language of the original.
    #[error("the original is in this language: a translation is into another")]
    SameLanguage,
    /// A day under terms that were not proposed yet.
    #[error("these terms are of {0}: what was before them is not said under them")]
    BeforeTerms(Date),
    /// What is to be done is due before it was agreed on.
    #[error("it is due before the meeting, which was on {0}")]
    DueBefore(Date),
    /// No id.
    #[error("want the whole id of a request")]
    NoId,
    /// No item of the request has this number.
    #[error("the request has items 1 to {items}")]
    NoItem {
        /// How many it has.
        items: usize,
    },
    /// A title that nobody would read as one.
    #[error("{given} characters, at most {most}")]
    TooLong {
        /// How many it has.
        given: usize,
        /// How many it may have.
        most: usize,
    },
    /// A title of more than one line.
    #[error("want one line, without tabs and other characters that steer a terminal")]
    NotOneLine,
    /// It stands there already.
    #[error("it stands twice")]
    Twice,
    /// It says nothing.
    #[error("an answer leaves out what it does not answer")]
    LeftOpen,
    /// No dimension of quality.
    #[error("a dimension is one of {known}")]
    Dimension {
        /// Those that there are.
        known: String,
    },
    /// A time without a limit.
    #[error("the terms name no limit for this time: it is not scored; leave it out")]
    NoLimit,
    /// No score.
    #[error("scores are 0 to 4")]
    Score,
    /// The second day is not after the first.
    #[error("the period ends before it begins")]
    EmptyPeriod,
    /// Somebody else's name.
    #[error("{0} is no party to these terms")]
    Stranger(PartyId),
    /// The agreement names it, and Comity does not do it.
    #[error("the agreement names it, and it is not carried here: {}", .0.in_language("en"))]
    NotCarried(Words),
}

impl Command {
    /// The same as an exercise, where it begins something.
    #[must_use]
    pub fn as_exercise(mut self) -> Self {
        let begins = match &mut self {
            Self::Send { exercise, .. } => Some(exercise),
            Self::Deed(deed) => deed.exercise_mut(),
            _ => None,
        };
        if let Some(exercise) = begins {
            *exercise = true;
        }
        self
    }

    /// The files that go with it, to take their bytes out or put them back.
    pub fn attachments_mut(&mut self) -> &mut [Attachment] {
        match self {
            Self::Send { ask, .. } => &mut ask.attachments,
            Self::Answer(answer) => &mut answer.attachments,
            Self::Deed(Deed::Raise { concern, .. }) => &mut concern.attachments,
            Self::Deed(Deed::Respond(response)) => &mut response.attachments,
            Self::Deed(Deed::Inform { notice, .. }) => &mut notice.attachments,
            _ => &mut [],
        }
    }
}

impl Flaw {
    /// Its stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "too-many",
            Self::OnlyTakedown => "only-takedown",
            Self::NotEachTranslated { .. } => "not-each-translated",
            Self::NoLanguage => "no-language",
            Self::SameLanguage => "same-language",
            Self::BeforeTerms(_) => "before-terms",
            Self::DueBefore(_) => "due-before",
            Self::NoId => "no-id",
            Self::NoItem { .. } => "no-item",
            Self::TooLong { .. } => "too-long",
            Self::NotOneLine => "not-one-line",
            Self::Twice => "twice",
            Self::LeftOpen => "left-open",
            Self::Dimension { .. } => "dimension",
            Self::NoLimit => "no-limit",
            Self::Score => "score",
            Self::EmptyPeriod => "empty-period",
            Self::Stranger(_) => "stranger",
            Self::NotCarried(_) => "not-carried",
        }
    }
}

impl Command {
    /// The kind of statement that it becomes in a thread about `topic`; `asker`: whether its author opened
    /// the thread.
    #[must_use]
    pub fn kind(&self, asker: bool, topic: Option<Topic>) -> Kind {
        match self {
            Self::Send { .. } => Kind::Send,
            Self::Acknowledge(_) => Kind::Acknowledge,
            Self::Clarify(_) if asker => Kind::Reply,
            Self::Clarify(_) => Kind::Clarify,
            Self::Decide(_) => Kind::Decide,
            Self::Answer(_) => Kind::Answer,
            Self::Assess(_) => Kind::Assess,
            Self::Close(_) => Kind::Close,
            Self::Withdraw(_) => Kind::Withdraw,
            Self::Escalate(_) => Kind::Escalate,
            Self::Deed(deed) => deed.kind(topic),
        }
    }

    /// What it says to its reader.
    #[must_use]
    pub fn letter(&self) -> Letter {
        match self {
            Self::Send { ask, .. } => Letter::Ask(ask.clone()),
            Self::Decide(ruling) => Letter::Ruling(ruling.clone().stated()),
            Self::Answer(answer) => Letter::Answer(answer.clone().stated()),
            Self::Assess(assessment) => Letter::Assessment(assessment.clone()),
            Self::Deed(deed) => deed.letter(),
            Self::Acknowledge(remark)
            | Self::Clarify(remark)
            | Self::Close(remark)
            | Self::Withdraw(remark)
            | Self::Escalate(remark) => Letter::Remark(remark.clone()),
        }
    }
}

/// Decides `command` by `me`, for the thread as far as `me` sees it (`view`), into the statement
/// that says it; one that opens a thread opens `fresh`. Deciding takes no time: only what
/// both sides can check counts, and that is witnessed later. What it says to its reader is
/// [`Command::letter`].
///
/// # Errors
/// [`Problem`].
pub fn decide(
    agreement: &Agreement,
    me: &PartyId,
    thread: Option<(&Thread, View)>,
    fresh: ThreadId,
    command: &Command,
) -> Result<Draft, Problem> {
    if let Command::Deed(deed) = command {
        let matter = match thread {
            Some((Thread::Matter(matter), view)) => Some((matter, view)),
            Some((Thread::Request(_), _)) => return Err(Illegal::UnknownThread.into()),
            None => None,
        };
        return matter::decide(agreement, me, matter, fresh, deed);
    }
    if let Command::Send { class, exercise, ask } = command {
        check_ask(agreement, class.as_deref(), ask)?;
        let outcomes = vec![Outcome::Open.byte(); ask.items.len()];
        return Ok(Draft {
            kind: Kind::Send,
            thread: fresh,
            class: class.clone(),
            exercise: *exercise,
            outcomes,
            answers: None,
            public: Vec::new(),
        });
    }
    let request = thread.and_then(|(thread, view)| Some((thread.request()?, view)));
    let (request, view) = request.ok_or(Illegal::UnknownThread)?;
    let asker = *me == request.asker;
    let standing = request.standing(view);
    let mut act = Act::bare(Kind::Acknowledge);
    match command {
        Command::Send { .. } | Command::Deed(_) => return Err(Illegal::ThreadInUse.into()),
        Command::Acknowledge(_) => {}
        Command::Clarify(remark) => {
            if remark.text.trim().is_empty() {
                let why = "a question or a reply has a text";
                return Err(Problem::Missing { place: "text".to_owned(), why });
            }
            act.kind = if asker { Kind::Reply } else { Kind::Clarify };
            act.answers = standing.question.filter(|_| asker);
        }
        Command::Decide(ruling) => {
            act.kind = Kind::Decide;
            act.decision = Some(ruling.decision);
            if ruling.decision == Decision::Refused {
                check_reason(agreement, "decision", ruling.reason.as_ref())?;
            }
            let wanted = match ruling.decision {
                Decision::AcceptedWithConditions => {
                    Some("the conditions are what the other side must know")
                }
                Decision::Postponed => Some("say why, and until when"),
                Decision::Accepted | Decision::Refused => None,
            };
            if let Some(why) = wanted.filter(|_| ruling.text.trim().is_empty()) {
                return Err(Problem::Missing { place: "decision: text".to_owned(), why });
            }
        }
        Command::Answer(answer) => {
            act.kind = Kind::Answer;
            act.outcomes = outcomes_of(agreement, request, answer)?;
        }
        Command::Assess(assessment) => {
            act.kind = Kind::Assess;
            check_scores(agreement, request.class.as_deref(), assessment)?;
        }
        Command::Close(_) => act.kind = Kind::Close,
        Command::Withdraw(_) => act.kind = Kind::Withdraw,
        Command::Escalate(_) => act.kind = Kind::Escalate,
    }
    request.check(asker, view, &act)?;
    Ok(Draft {
        kind: act.kind,
        thread: request.thread,
        class: request.class.clone(),
        exercise: request.exercise,
        outcomes: act.outcomes.iter().map(|outcome| outcome.byte()).collect(),
        answers: act.answers,
        public: act.decision.map(|decision| decision.as_str().into()).unwrap_or_default(),
    })
}

/// A title is there, and one line that can be read as one.
fn check_title(place: &str, title: &str, why: &'static str) -> Result<(), Problem> {
    let place = place.to_owned();
    if title.trim().is_empty() {
        return Err(Problem::Missing { place, why });
    }
    if title.trim().contains(is_obeyed) {
        return Err(Problem::Wrong { place, flaw: Flaw::NotOneLine });
    }
    let (given, most) = (title.chars().count(), MAX_TITLE);
    if given > most {
        return Err(Problem::Wrong { place, flaw: Flaw::TooLong { given, most } });
    }
    Ok(())
}

fn check_ask(agreement: &Agreement, class: Option<&str>, ask: &Ask) -> Result<(), Problem> {
    let missing = |place: &str, why| Err(Problem::Missing { place: place.to_owned(), why });
    check_title("title", &ask.title, "both sides know a request by it")?;
    if ask.facts.trim().is_empty() {
        return missing("facts", "nobody can judge a request that does not say what happened");
    }
    if ask.items.is_empty() {
        return missing("items", "a request asks at least one numbered question");
    }
    if ask.items.len() > MAX_ITEMS {
        let flaw = Flaw::TooMany { given: ask.items.len(), most: MAX_ITEMS };
        return Err(Problem::Wrong { place: "items".to_owned(), flaw });
    }
    match class {
        Some(class) if agreement.class(class).is_none() => {
            let known = list(agreement.classes.iter().map(|class| class.id.as_str()));
            return Err(Problem::NotInTerms { place: "class".to_owned(), known });
        }
        None if !agreement.classes.is_empty() => {
            return missing("class", "under these terms it decides the deadlines");
        }
        _ => {}
    }
    for (number, item) in (1..).zip(&ask.items) {
        if item.ask.trim().is_empty() {
            return missing(&format!("items[{number}].ask"), "an item is a question");
        }
        let Some(kind) = agreement.kind(&item.kind) else {
            if let Some(one) = agreement.not_carried.iter().find(|one| one.id == item.kind) {
                let place = format!("items[{number}].kind");
                return Err(Problem::Wrong { place, flaw: Flaw::NotCarried(one.why.clone()) });
            }
            let known = list(agreement.kinds.iter().map(|kind| kind.id.as_str()));
            let place = format!("items[{number}].kind");
            return Err(Problem::NotInTerms { place, known });
        };
        let place = format!("items[{number}].infrastructure");
        match (kind.maps_to == RequestKind::Takedown, item.infrastructure) {
            (true, None) => {
                return missing(
                    &place,
                    "only malicious infrastructure is taken down: say which sort it is",
                );
            }
            (true, Some(_)) if item.identifiers.iter().all(|id| id.trim().is_empty()) => {
                let place = format!("items[{number}].identifiers");
                return missing(
                    &place,
                    "a takedown names the addresses or domains, and nothing beside them",
                );
            }
            (false, Some(_)) => {
                return Err(Problem::Wrong { place, flaw: Flaw::OnlyTakedown });
            }
            _ => {}
        }
    }
    if !ask.language.is_empty() && !is_language(&ask.language) {
        return Err(Problem::Wrong { place: "language".to_owned(), flaw: Flaw::NoLanguage });
    }
    if let Some(translation) = &ask.translation {
        check_translation(ask, translation)?;
    }
    if let Some(follows) = &ask.follows
        && follows.request.parse::<ThreadId>().is_err()
    {
        return Err(Problem::Wrong { place: "follows.request".to_owned(), flaw: Flaw::NoId });
    }
    Ok(())
}

/// A translation is of the whole, and into another language that is named.
fn check_translation(ask: &Ask, translation: &Translation) -> Result<(), Problem> {
    let wrong =
        |place: &str, flaw| Err(Problem::Wrong { place: format!("translation.{place}"), flaw });
    let missing =
        |place: &str, why| Err(Problem::Missing { place: format!("translation.{place}"), why });
    if ask.language.is_empty() {
        let why = "beside a translation the language of the original is named: it binds";
        return Err(Problem::Missing { place: "language".to_owned(), why });
    }
    if !is_language(&translation.language) {
        return wrong("language", Flaw::NoLanguage);
    }
    if translation.language.eq_ignore_ascii_case(&ask.language) {
        return wrong("language", Flaw::SameLanguage);
    }
    check_title("translation.title", &translation.title, "a translation is of the whole")?;
    if translation.facts.trim().is_empty() {
        return missing("facts", "a translation is of the whole");
    }
    if translation.items.len() != ask.items.len() {
        let (given, items) = (translation.items.len(), ask.items.len());
        return wrong("items", Flaw::NotEachTranslated { given, items });
    }
    if let Some(blank) = translation.items.iter().position(|item| item.trim().is_empty()) {
        return missing(&format!("items[{}]", blank + 1), "a translation is of the whole");
    }
    Ok(())
}

/// Whether a text has the form of a language's tag (RFC 5646): a language of two or three letters, and what narrows it.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

fn outcomes_of(
    agreement: &Agreement,
    request: &Request,
    answer: &Answer,
) -> Result<Vec<Outcome>, Problem> {
    let mut outcomes = vec![Outcome::Open; request.items];
    for item in &answer.items {
        let place = format!("item {}", item.item);
        let slot = item.item.checked_sub(1).and_then(|index| outcomes.get_mut(index));
        let Some(slot) = slot else {
            return Err(Problem::Wrong { place, flaw: Flaw::NoItem { items: request.items } });
        };
        if *slot != Outcome::Open {
            return Err(Problem::Wrong { place, flaw: Flaw::Twice });
        }
        match item.outcome {
            Outcome::Refused => check_reason(agreement, &place, item.reason.as_ref())?,
            Outcome::Open => {
                return Err(Problem::Wrong { place, flaw: Flaw::LeftOpen });
            }
            _ if item.text.trim().is_empty() => {
                let why = "an item that is not refused is answered, or its impossibility explained";
                return Err(Problem::Missing { place: format!("{place}: text"), why });
            }
            _ => {}
        }
        *slot = item.outcome;
    }
    Ok(outcomes)
}

fn check_reason(
    agreement: &Agreement,
    place: &str,
    reason: Option<&Reason>,
) -> Result<(), Problem> {
    let missing =
        |part: &str, why| Err(Problem::Missing { place: format!("{place}: {part}"), why });
    let Some(reason) = reason else {
        return missing("reason", "a refusal names its ground");
    };
    if !agreement.takes_ground(&reason.ground) {
        let known = list(agreement.known_grounds());
        let place = format!("{place}: ground");
        return Err(Problem::NotInTerms { place, known });
    }
    for part in &agreement.refusal.must_state {
        let (name, absent) = match part {
            RefusalPart::Law => ("law", reason.law.trim().is_empty()),
            RefusalPart::Alternative => ("alternative", reason.alternative.trim().is_empty()),
            RefusalPart::Consulted => ("consulted", reason.consulted.is_none()),
        };
        if absent {
            return missing(name, "the terms ask every refusal to state it");
        }
    }
    Ok(())
}

fn check_scores(
    agreement: &Agreement,
    class: Option<&str>,
    assessment: &Assessment,
) -> Result<(), Problem> {
    for (dimension, score) in &assessment.scores {
        if !DIMENSIONS.contains(&dimension.as_str()) {
            let flaw = Flaw::Dimension { known: DIMENSIONS.join(", ") };
            return Err(Problem::Wrong { place: "scores".to_owned(), flaw });
        }
        let place = format!("scores.{dimension}");
        if !quality::is_scored(agreement, class, dimension) {
            return Err(Problem::Wrong { place, flaw: Flaw::NoLimit });
        }
        if *score > 4 {
            return Err(Problem::Wrong { place, flaw: Flaw::Score });
        }
    }
    Ok(())
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

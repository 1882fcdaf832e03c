//! Acts of a person in matters other than requests.

use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Flaw, Problem, check_title};
use crate::agreement::Agreement;
use crate::content::{
    Agenda, Concern, Judgement, Letter, Message, Notice, Record, Remark, Response, Yardstick,
};
use crate::matter::{Day, MAX_ACTIONS, Mark, Position, Signal, Topic};
use crate::request::{Act, Illegal};
use crate::thread::View;
use crate::{Draft, Kind, Matter, PartyId, ThreadId};

/// An act in a matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Send a message or a test on the hotline.
    Signal {
        /// Which.
        signal: Signal,
        /// The thread that it is about.
        about: Option<ThreadId>,
        /// Whether it is an exercise.
        exercise: bool,
        /// What it says.
        message: Message,
    },
    /// Say more in a thread of the hotline.
    Say {
        /// The place of an earlier message of one's own, in whose place it stands.
        again: Option<u64>,
        /// What.
        remark: Remark,
    },
    /// Acknowledge a message, by its place in the other side's ledger.
    Confirm {
        /// Its place.
        message: u64,
        /// The text, where it is read back.
        read_back: bool,
        /// What is read back, or said.
        remark: Remark,
    },
    /// Stop this party's part of the mechanism.
    Suspend {
        /// Whether it is an exercise.
        exercise: bool,
        /// Why.
        remark: Remark,
    },
    /// Go on.
    Resume(Remark),
    /// Propose how a commitment will be judged.
    Fix {
        /// Whether it is an exercise.
        exercise: bool,
        /// How.
        yardstick: Yardstick,
    },
    /// Agree: to a yardstick, or to minutes of the other side's.
    Agree {
        /// The place of the minutes that were read: to others nobody agrees by it. None: the latest.
        minutes: Option<u64>,
        /// What is said to it.
        remark: Remark,
    },
    /// Judge.
    Judge(Judgement),
    /// Raise a concern.
    Raise {
        /// Whether it is an exercise.
        exercise: bool,
        /// Which.
        concern: Concern,
    },
    /// Reply to a concern.
    Respond(Response),
    /// Say where a concern stands.
    Position {
        /// Where.
        position: Position,
        /// Why.
        remark: Remark,
    },
    /// Give information that nobody asked for.
    Inform {
        /// Whether it is an exercise.
        exercise: bool,
        /// Which.
        notice: Notice,
    },
    /// Say what could be done with it.
    Feedback(Remark),
    /// Call a meeting.
    Convene {
        /// When it is to be.
        day: Day,
        /// Whether it is an exercise.
        exercise: bool,
        /// What it is to talk about.
        agenda: Agenda,
    },
    /// Add to its agenda.
    Add(Agenda),
    /// Put minutes forward.
    Minutes {
        /// When it was.
        day: Day,
        /// What it came to.
        record: Record,
    },
    /// Say that an action item is done, or open again.
    Action {
        /// Its number, from 1.
        item: u32,
        /// Whether it is done.
        done: bool,
        /// How.
        remark: Remark,
    },
}

impl Deed {
    /// The kind of statement that it becomes, in a thread about `topic`.
    #[must_use]
    pub fn kind(&self, topic: Option<Topic>) -> Kind {
        match self {
            Self::Signal { .. } => Kind::Signal,
            Self::Say { .. } => Kind::Say,
            Self::Confirm { .. } => Kind::Confirm,
            Self::Suspend { .. } => Kind::Suspend,
            Self::Resume(_) => Kind::Resume,
            Self::Fix { .. } => Kind::Fix,
            Self::Agree { .. } if topic == Some(Topic::Dialogue) => Kind::AgreeMinutes,
            Self::Agree { .. } => Kind::AgreeFix,
            Self::Judge(_) => Kind::Judge,
            Self::Raise { .. } => Kind::Raise,
            Self::Respond(_) => Kind::Respond,
            Self::Position { .. } => Kind::Position,
            Self::Inform { .. } => Kind::Inform,
            Self::Feedback(_) => Kind::Feedback,
            Self::Convene { .. } => Kind::Convene,
            Self::Add(_) => Kind::Agenda,
            Self::Minutes { .. } => Kind::Minutes,
            Self::Action { .. } => Kind::Action,
        }
    }

    /// What it says to its reader.
    #[must_use]
    pub fn letter(&self) -> Letter {
        match self {
            Self::Signal { message, .. } => Letter::Message(message.clone()),
            Self::Fix { yardstick, .. } => Letter::Yardstick(yardstick.clone()),
            Self::Judge(judgement) => Letter::Judgement(judgement.clone()),
            Self::Raise { concern, .. } => Letter::Concern(concern.clone()),
            Self::Respond(response) => Letter::Response(response.clone()),
            Self::Inform { notice, .. } => Letter::Notice(notice.clone()),
            Self::Convene { agenda, .. } | Self::Add(agenda) => Letter::Agenda(agenda.clone()),
            Self::Minutes { record, .. } => Letter::Record(record.clone()),
            Self::Resume(remark)
            | Self::Agree { remark, .. }
            | Self::Feedback(remark)
            | Self::Say { remark, .. }
            | Self::Confirm { remark, .. }
            | Self::Suspend { remark, .. }
            | Self::Position { remark, .. }
            | Self::Action { remark, .. } => Letter::Remark(remark.clone()),
        }
    }

    /// Whether it begins a thread that is an exercise; `None` where it goes on with one.
    #[must_use]
    pub fn opens(&self) -> Option<bool> {
        match self {
            Self::Signal { exercise, .. }
            | Self::Suspend { exercise, .. }
            | Self::Fix { exercise, .. }
            | Self::Raise { exercise, .. }
            | Self::Inform { exercise, .. }
            | Self::Convene { exercise, .. } => Some(*exercise),
            _ => None,
        }
    }

    pub(super) fn exercise_mut(&mut self) -> Option<&mut bool> {
        match self {
            Self::Signal { exercise, .. }
            | Self::Suspend { exercise, .. }
            | Self::Fix { exercise, .. }
            | Self::Raise { exercise, .. }
            | Self::Inform { exercise, .. }
            | Self::Convene { exercise, .. } => Some(exercise),
            _ => None,
        }
    }

    fn mark(&self) -> Option<Mark> {
        Some(match self {
            Self::Signal { signal, about, .. } => Mark::Signal(*signal, *about),
            Self::Confirm { read_back: true, .. } => Mark::ReadBack,
            Self::Position { position, .. } => Mark::Position(*position),
            Self::Convene { day, .. } => Mark::Meeting(*day),
            Self::Minutes { day, record } => {
                Mark::Minutes(*day, u32::try_from(record.actions.len()).unwrap_or(u32::MAX))
            }
            Self::Action { item, done, .. } => Mark::Action(*item, *done),
            _ => return None,
        })
    }
}

pub(super) fn decide(
    agreement: &Agreement,
    me: &PartyId,
    matter: Option<(&Matter, View)>,
    fresh: ThreadId,
    deed: &Deed,
) -> Result<Draft, Problem> {
    check(agreement, deed)?;
    let kind = deed.kind(matter.map(|(matter, _)| matter.topic));
    let mark = deed.mark();
    let draft = |thread, exercise, answers| Draft {
        kind,
        thread,
        class: None,
        exercise,
        outcomes: Vec::new(),
        answers,
        public: mark.as_ref().map(Mark::encode).unwrap_or_default(),
    };
    if let Some(exercise) = deed.opens() {
        return Ok(draft(fresh, exercise, None));
    }
    let (matter, view) = matter.ok_or(Illegal::UnknownThread)?;
    let opener = *me == matter.opener;
    let answers = match deed {
        Deed::Confirm { message, .. } => Some(*message),
        Deed::Say { again, .. } => *again,
        Deed::Agree { minutes, .. } if kind == Kind::AgreeMinutes => {
            minutes.or_else(|| matter.minutes_for(opener, view).map(|event| event.index))
        }
        _ => None,
    };
    let act = Act { mark: mark.clone(), answers, ..Act::bare(kind) };
    matter.check(opener, view, &act)?;
    Ok(draft(matter.thread, matter.exercise, answers))
}

/// What is wrong or missing in what it says.
fn check(agreement: &Agreement, deed: &Deed) -> Result<(), Problem> {
    let missing = |place: &str, why| Err(Problem::Missing { place: place.to_owned(), why });
    let wrong = |place: &str, flaw| Err(Problem::Wrong { place: place.to_owned(), flaw });
    let commitment = |id: &str| {
        if agreement.commitments.iter().any(|commitment| commitment.id == id) {
            return Ok(());
        }
        let known = super::list(agreement.commitments.iter().map(|c| c.id.as_str()));
        Err(Problem::NotInTerms { place: "commitment".to_owned(), known })
    };
    match deed {
        Deed::Signal { signal, message, .. } => {
            check_title("title", &message.title, "both sides know a message by it")?;
            if message.text.trim().is_empty() && *signal != Signal::Ping {
                return missing("text", "a message says something");
            }
            if (*signal == Signal::Telephone) == message.spoken.trim().is_empty() {
                return missing(
                    "spoken",
                    "of a telephone call, and of nothing else: who spoke with whom, and when",
                );
            }
        }
        Deed::Say { remark, .. } | Deed::Feedback(remark) if remark.text.trim().is_empty() => {
            return missing("text", "it says something");
        }
        Deed::Confirm { read_back: true, remark, .. } if remark.text.trim().is_empty() => {
            return missing("text", "the text is read back by writing it");
        }
        Deed::Suspend { remark, .. } if remark.text.trim().is_empty() => {
            return missing("text", "the other side is told why");
        }
        Deed::Fix { yardstick, .. } => {
            commitment(&yardstick.commitment)?;
            if yardstick.criteria.is_empty() {
                return missing("criteria", "nothing can be judged by none");
            }
            for (number, criterion) in (1..).zip(&yardstick.criteria) {
                let place = |name| format!("criteria[{number}].{name}");
                if criterion.text.trim().is_empty() {
                    return missing(&place("text"), "a criterion says what must be the case");
                }
                if criterion.evidence.trim().is_empty() {
                    let why = "it says by which evidence both will see whether it is";
                    return missing(&place("evidence"), why);
                }
                let earlier = yardstick.criteria.iter().take(number - 1);
                if criterion.id.trim().is_empty()
                    || earlier.into_iter().any(|c| c.id == criterion.id)
                {
                    return missing(&place("id"), "findings name a criterion by an id of its own");
                }
            }
        }
        Deed::Judge(judgement) => {
            if judgement.from >= judgement.to {
                return wrong("to", Flaw::EmptyPeriod);
            }
            if judgement.verdicts.is_empty() {
                return missing("verdicts", "a judgement says how each party kept it");
            }
            let named =
                judgement.verdicts.keys().chain(judgement.findings.iter().map(|f| &f.party));
            if let Some(stranger) = named.into_iter().find(|party| agreement.party(party).is_none())
            {
                return wrong("verdicts", Flaw::Stranger(stranger.clone()));
            }
        }
        Deed::Raise { concern, .. } => {
            commitment(&concern.commitment)?;
            check_title("title", &concern.title, "both sides know a concern by it")?;
            if concern.facts.trim().is_empty() {
                return missing(
                    "facts",
                    "nobody can reply to a concern that does not say what happened",
                );
            }
        }
        Deed::Respond(response) if response.text.trim().is_empty() => {
            return missing("text", "a reply says something");
        }
        Deed::Inform { notice, .. } => {
            check_title("title", &notice.title, "both sides know it by that")?;
            if notice.facts.trim().is_empty() {
                return missing("facts", "information says something");
            }
        }
        Deed::Convene { day, agenda, .. } => {
            check_title("title", &agenda.title, "both sides know a meeting by it")?;
            check_day(agreement, *day)?;
        }
        Deed::Add(agenda) if agenda.points.iter().all(|point| point.trim().is_empty()) => {
            return missing("points", "there is nothing to add");
        }
        Deed::Minutes { day, record } => {
            check_day(agreement, *day)?;
            if record.text.trim().is_empty() {
                return missing("text", "minutes say what was said and agreed");
            }
            if record.actions.len() > MAX_ACTIONS as usize {
                let (given, most) = (record.actions.len(), MAX_ACTIONS as usize);
                return wrong("actions", Flaw::TooMany { given, most });
            }
            for (number, action) in (1..).zip(&record.actions) {
                if action.text.trim().is_empty() {
                    return missing(
                        &format!("actions[{number}].text"),
                        "it says what is to be done",
                    );
                }
                if agreement.party(&action.party).is_none() {
                    let flaw = Flaw::Stranger(action.party.clone());
                    return wrong(&format!("actions[{number}].party"), flaw);
                }
                if action.due.is_some_and(|due| due < day.0) {
                    return wrong(&format!("actions[{number}].due"), Flaw::DueBefore(day.0));
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// A meeting under these terms is not before them; where they were signed it may have been the day before still.
fn check_day(agreement: &Agreement, day: Day) -> Result<(), Problem> {
    let Some(between) = &agreement.between else { return Ok(()) };
    let terms = between.proposed.to_zoned(TimeZone::UTC).date();
    let earliest = terms.saturating_sub(1.day());
    if day.0 < earliest {
        return Err(Problem::Wrong { place: "day".to_owned(), flaw: Flaw::BeforeTerms(terms) });
    }
    Ok(())
}

//! The file of an exercise: who plays, what happens when, what should come of it.

use std::collections::BTreeMap;
use std::path::Path;

use comity_rules::access::Role;
use comity_rules::agreement::{TEMPLATES, Words};
use comity_rules::content::{Answer, Ask, Assessment, Tlp};
use comity_rules::matter::Signal;
use comity_rules::{PartyId, Period};
use jiff::Timestamp;
use serde::Deserialize;

use crate::failure::Failure;
use crate::output::read;

/// The exercises that are shipped: name and text.
pub(super) const SHIPPED: [(&str, &str); 2] = [
    ("hotline-drill", include_str!("../../exercises/hotline-drill.toml")),
    ("holiday-turn", include_str!("../../exercises/holiday-turn.toml")),
];

/// An exercise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    pub(super) title: Words,
    #[serde(default)]
    pub(super) note: Words,
    /// When it begins, in its own time.
    pub(super) start: Timestamp,
    /// A shipped template's id, or a file beside this one.
    pub(super) template: String,
    #[serde(rename = "party")]
    pub(super) parties: Vec<Player>,
    #[serde(rename = "step")]
    pub(super) steps: Vec<Step>,
}

/// A party that plays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Player {
    pub(super) id: PartyId,
    pub(super) name: String,
    pub(super) zone: String,
    /// A shipped calendar's id.
    pub(super) calendar: Option<String>,
    #[serde(default)]
    pub(super) people: Vec<Someone>,
}

/// Somebody who acts for a party.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Someone {
    pub(super) name: String,
    #[serde(deserialize_with = "role")]
    pub(super) role: Role,
    pub(super) authority: Option<String>,
}

/// Something that happens, or something that should be so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// After the start.
    pub(super) at: Period,
    /// Which party acts, or sees it so.
    pub(super) by: PartyId,
    /// Who of its people; the operator, where nobody is named.
    #[serde(rename = "as")]
    pub(super) who: Option<String>,
    /// The name by which later steps know the thread that this one opens.
    pub(super) name: Option<String>,
    /// What is told of it.
    pub(super) tell: Words,
    /// What is done.
    #[serde(rename = "do")]
    pub(super) act: Option<Act>,
    /// A person does it on the pages, where there are people: within this time.
    pub(super) person_within: Option<Period>,
    /// The act is refused, and the reason has this text.
    pub(super) refused: Option<String>,
    /// What should be so.
    pub(super) expect: Option<Expect>,
}

/// What is done.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Act {
    Send {
        class: Option<String>,
        ask: Box<Ask>,
    },
    Acknowledge {
        of: String,
        #[serde(default)]
        text: String,
    },
    Clarify {
        of: String,
        text: String,
    },
    Answer {
        of: String,
        answer: Answer,
    },
    Assess {
        of: String,
        assessment: Assessment,
    },
    Escalate {
        of: String,
        #[serde(default)]
        text: String,
    },
    Close {
        of: String,
        #[serde(default)]
        text: String,
    },
    Withdraw {
        of: String,
        #[serde(default)]
        text: String,
    },
    Hotline {
        title: String,
        text: String,
        marking: Tlp,
        about: Option<String>,
        #[serde(default)]
        spoken: String,
    },
    Test {
        signal: Signal,
    },
    /// Acknowledge the first message that waits; `read_back`: with its own text.
    Confirm {
        of: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        read_back: bool,
    },
    Say {
        of: String,
        text: String,
    },
    Suspend {
        text: String,
    },
    Resume {
        of: String,
        #[serde(default)]
        text: String,
    },
    Route {
        of: String,
        authority: String,
        part: String,
        stand: String,
        #[serde(default)]
        note: String,
    },
    /// The party's line to the outside fails, or is mended.
    LineFails {},
    LineMended {},
}

/// What should be so.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// Of which thread.
    pub(super) of: String,
    /// Where it stands: a request's status, a matter's state.
    pub(super) state: Option<String>,
    /// Whether it is overdue.
    pub(super) overdue: Option<bool>,
    /// Whether its answer is, or was, late.
    pub(super) late: Option<bool>,
    /// The step of the ladder that it has reached.
    pub(super) rung: Option<u32>,
    /// How many things are unsettled between the party's authorities.
    pub(super) unsettled: Option<usize>,
}

impl Script {
    /// Reads an exercise: one that is shipped, by its name, or a file.
    pub(super) fn open(named: &str) -> Result<Self, Failure> {
        let shipped = SHIPPED.iter().find(|(name, _)| *name == named);
        let text = match shipped {
            Some((_, text)) => (*text).to_owned(),
            None if !Path::new(named).exists() => {
                let known = SHIPPED.map(|(name, _)| name).join(", ");
                return Err(Failure::Wrong(format!(
                    "{named}: neither an exercise that is shipped ({known}) nor a file; see `comity exercise list`"
                )));
            }
            None => read(Path::new(named))?,
        };
        let mut script: Self =
            toml::from_str(&text).map_err(|error| Failure::Wrong(format!("{named}: {error}")))?;
        script.check().map_err(|problem| Failure::Wrong(format!("{named}: {problem}")))?;
        if TEMPLATES.iter().all(|(id, _)| *id != script.template) {
            let beside = Path::new(named).with_file_name(&script.template);
            script.template = beside.display().to_string();
        }
        Ok(script)
    }

    /// What makes no sense, and where.
    fn check(&self) -> Result<(), String> {
        if self.parties.len() != 2 || self.parties[0].id == self.parties[1].id {
            return Err(format!("party: want two parties, here are {}", self.parties.len()));
        }
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        let mut last = self.start;
        for (number, step) in (1..).zip(&self.steps) {
            let wrong = |problem: String| {
                Err(format!("step {number} ({}): {problem}", step.tell.in_language("en")))
            };
            let Some(party) = self.parties.iter().find(|party| party.id == step.by) else {
                return wrong(format!("{} does not play", step.by));
            };
            let somebody = |name: &String| party.people.iter().any(|one| one.name == *name);
            if let Some(who) = step.who.as_ref().filter(|who| !somebody(who)) {
                return wrong(format!("{who} is nobody of {}'s people", step.by));
            }
            let at = step.at.after(self.start);
            if at < last {
                return wrong("it comes before the step above it".to_owned());
            }
            last = at;
            let of = step.act.as_ref().and_then(Act::of);
            let of = of.or_else(|| step.expect.as_ref().map(|expect| expect.of.as_str()));
            if let Some(of) = of.filter(|of| !known.contains_key(of)) {
                return wrong(format!("no step above it opens {of:?}"));
            }
            if step.act.is_none() == step.expect.is_none() {
                return wrong("want either `do` or `expect`".to_owned());
            }
            let opens = step.act.as_ref().is_some_and(Act::opens);
            if opens != step.name.is_some() && step.refused.is_none() {
                return wrong("what opens a thread has a `name`, and nothing else has".to_owned());
            }
            if let Some(name) = &step.name
                && known.insert(name, number).is_some()
            {
                return wrong(format!("{name:?} stands twice"));
            }
        }
        Ok(())
    }
}

impl Act {
    /// The thread that it goes on with.
    pub(super) fn of(&self) -> Option<&str> {
        match self {
            Self::Acknowledge { of, .. }
            | Self::Clarify { of, .. }
            | Self::Answer { of, .. }
            | Self::Assess { of, .. }
            | Self::Escalate { of, .. }
            | Self::Close { of, .. }
            | Self::Withdraw { of, .. }
            | Self::Confirm { of, .. }
            | Self::Say { of, .. }
            | Self::Resume { of, .. }
            | Self::Route { of, .. } => Some(of),
            Self::Hotline { about, .. } => about.as_deref(),
            _ => None,
        }
    }

    fn opens(&self) -> bool {
        matches!(
            self,
            Self::Send { .. } | Self::Hotline { .. } | Self::Test { .. } | Self::Suspend { .. }
        )
    }
}

fn role<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

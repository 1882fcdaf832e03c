//! What statements of a matter say: messages, yardsticks, judgements, concerns, agendas, minutes.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Attachment, Tlp};
use crate::PartyId;

/// A message on the hotline; with an echo, a random text and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// One line.
    pub title: String,
    /// The message; of a telephone call, what was said.
    #[serde(default)]
    pub text: String,
    /// Who may see it.
    pub marking: Tlp,
    /// Of a telephone call: who spoke with whom, and when.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub spoken: String,
}

/// By what a commitment will be judged. Both sides sign it before there is anything to judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Yardstick {
    /// Id of the commitment, in the terms.
    pub commitment: String,
    /// The criteria, in order.
    pub criteria: Vec<Criterion>,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// Its id.
    pub id: String,
    /// What must be the case.
    pub text: String,
    /// The evidence by which both sides will see whether it is.
    pub evidence: String,
}

/// How a commitment was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was.
    Met,
    /// In part.
    Partly,
    /// It was not.
    NotMet,
    /// It cannot be said.
    NotJudged,
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Partly => "partly",
            Self::NotMet => "not-met",
            Self::NotJudged => "not-judged",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How each party kept a commitment in a period, as one side judges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The first day.
    pub from: Date,
    /// The day after the last.
    pub to: Date,
    /// By party.
    pub verdicts: BTreeMap<PartyId, Verdict>,
    /// What they rest on, criterion by criterion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// What was found of a party by one criterion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Of whom.
    pub party: PartyId,
    /// The criterion's id.
    pub criterion: String,
    /// What.
    pub verdict: Verdict,
    /// By which evidence: statements, figures of a review.
    pub evidence: String,
}

/// A concern under a commitment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concern {
    /// One line.
    pub title: String,
    /// Id of the commitment, in the terms.
    pub commitment: String,
    /// What happened.
    pub facts: String,
    /// Who may see it.
    pub marking: Tlp,
    /// On what it rests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A reply to a concern, with evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The reply.
    pub text: String,
    /// On what it rests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// Information that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// One line.
    pub title: String,
    /// What is known.
    pub facts: String,
    /// Who may see it.
    pub marking: Tlp,
    /// What it may be used for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub use_limits: String,
    /// Files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// What a meeting is to talk about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agenda {
    /// The meeting's name; empty where it is added to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Where.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Point by point.
    pub points: Vec<String>,
}

/// What a meeting came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What was said and agreed.
    pub text: String,
    /// What is to be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<ActionItem>,
}

/// Something to be done, which comes back on every agenda until it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionItem {
    /// What.
    pub text: String,
    /// By whom.
    pub party: PartyId,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
}

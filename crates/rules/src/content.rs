//! What statements say to their readers: the fields behind the salts.
//!
//! Each field of these structs becomes one field of the sealed content, its value in CBOR, so that
//! each can be opened alone.

use std::collections::BTreeMap;

use comity_ledger::Content;
use minicbor::Decoder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Kind;
use crate::request::{Act, Decision, Outcome};

/// Traffic Light Protocol 2.0; labels are never translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tlp {
    /// Everyone.
    #[serde(rename = "TLP:CLEAR")]
    Clear,
    /// The community.
    #[serde(rename = "TLP:GREEN")]
    Green,
    /// The organisation and its clients, as needed.
    #[serde(rename = "TLP:AMBER")]
    Amber,
    /// The organisation.
    #[serde(rename = "TLP:AMBER+STRICT")]
    AmberStrict,
    /// Those named.
    #[serde(rename = "TLP:RED")]
    Red,
}

impl Tlp {
    /// The label, verbatim.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Clear => "TLP:CLEAR",
            Self::Green => "TLP:GREEN",
            Self::Amber => "TLP:AMBER",
            Self::AmberStrict => "TLP:AMBER+STRICT",
            Self::Red => "TLP:RED",
        }
    }
}

/// What a request says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// One line by which both sides know it.
    pub title: String,
    /// What happened.
    pub facts: String,
    /// Under which article, in which case, before which authority.
    #[serde(default)]
    pub legal_basis: String,
    /// What the answer will be used for.
    #[serde(default)]
    pub purpose: String,
    /// Why it has the urgency class that it has.
    #[serde(default)]
    pub urgency_reason: String,
    /// Who may see it.
    pub marking: Tlp,
    /// Whom to call, with hours.
    #[serde(default)]
    pub contact: String,
    /// What is asked.
    pub items: Vec<Item>,
    /// Files, byte for byte.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

/// One numbered question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The agreement's kind of request.
    pub kind: String,
    /// The question.
    pub ask: String,
    /// Addresses with port and UTC time, accounts, hashes, domains.
    #[serde(default)]
    pub identifiers: Vec<String>,
}

/// A file that goes with a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// The file.
    #[serde(with = "serde_bytes", default)]
    pub bytes: Vec<u8>,
    /// What it claims about somebody, and whose claim that is.
    #[serde(default)]
    pub claims: Vec<Claim>,
}

/// An allegation inside a file: always somebody's, never a fact of this system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// What is claimed.
    pub text: String,
    /// Who claims it.
    pub author: String,
    /// Whether somebody disputes it.
    pub disputed: bool,
}

/// A statement that is a text: acknowledgement, question, reply, closing, withdrawal, escalation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remark {
    /// The text.
    pub text: String,
}

/// A decision about the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ruling {
    /// What was decided.
    pub decision: Decision,
    /// Text, or conditions.
    #[serde(default)]
    pub text: String,
    /// With a refusal.
    #[serde(default)]
    pub reason: Option<Reason>,
    /// The ground of that reason once more, in a field that can be opened for a review without the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<String>,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Code of the ground.
    pub ground: String,
    /// The legal reference.
    #[serde(default)]
    pub law: String,
    /// The partial or conditional alternative that was considered.
    #[serde(default)]
    pub alternative: String,
    /// Whether the asker was consulted.
    #[serde(default)]
    pub consulted: Option<bool>,
}

/// An answer to some items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// A covering text.
    #[serde(default)]
    pub text: String,
    /// Limits of use: purpose, return or destruction, expiry.
    #[serde(default)]
    pub use_limits: String,
    /// Item by item.
    pub items: Vec<ItemAnswer>,
    /// The ground of each refusal once more, by item, in a field that can be opened for a review without
    /// the answers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grounds: BTreeMap<usize, String>,
    /// Files.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

impl Ruling {
    /// With its ground in a field of its own.
    #[must_use]
    pub fn stated(self) -> Self {
        Self { ground: self.given(), ..self }
    }

    fn given(&self) -> Option<String> {
        self.reason.as_ref().map(|reason| reason.ground.clone())
    }
}

impl Answer {
    /// With the grounds in a field of their own.
    #[must_use]
    pub fn stated(self) -> Self {
        Self { grounds: self.given(), ..self }
    }

    fn given(&self) -> BTreeMap<usize, String> {
        let ground = |item: &ItemAnswer| Some((item.item, item.reason.as_ref()?.ground.clone()));
        self.items.iter().filter_map(ground).collect()
    }
}

/// An answer to one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemAnswer {
    /// The item's number, from 1.
    pub item: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// The answer, or why it cannot be had.
    #[serde(default)]
    pub text: String,
    /// With a refusal.
    #[serde(default)]
    pub reason: Option<Reason>,
}

/// What an answer was worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// Scores 0 to 4, by dimension.
    #[serde(default)]
    pub scores: BTreeMap<String, u8>,
    /// In words.
    #[serde(default)]
    pub text: String,
}

/// The dimensions that are scored.
pub const DIMENSIONS: [&str; 7] =
    ["ack", "timeliness", "completeness", "relevance", "reasons", "integrity", "follow-up"];

/// The readable content of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Letter {
    /// `request.send/1`
    Ask(Ask),
    /// A text.
    Remark(Remark),
    /// `request.decide/1`
    Ruling(Ruling),
    /// `request.answer/1`
    Answer(Answer),
    /// `request.assess/1`
    Assessment(Assessment),
}

/// Content that does not have the fields of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the content has not the fields of its kind: {0}")]
pub struct BadContent(&'static str);

impl Letter {
    /// Reads the content of a statement of this kind.
    ///
    /// # Errors
    /// [`BadContent`].
    pub fn read(kind: Kind, content: &Content) -> Result<Self, BadContent> {
        Ok(match kind {
            Kind::Send => Self::Ask(join(content)?),
            Kind::Decide => Self::Ruling(join(content)?),
            Kind::Answer => Self::Answer(join(content)?),
            Kind::Assess => Self::Assessment(join(content)?),
            _ => Self::Remark(join(content)?),
        })
    }

    /// The fields, in order: name and CBOR value.
    ///
    /// # Errors
    /// [`BadContent`]: nothing that this crate defines fails to encode.
    pub fn fields(&self) -> Result<Vec<(String, Vec<u8>)>, BadContent> {
        match self {
            Self::Ask(content) => split(content),
            Self::Remark(content) => split(content),
            Self::Ruling(content) => split(content),
            Self::Answer(content) => split(content),
            Self::Assessment(content) => split(content),
        }
    }

    /// Whether it says what the public part of its statement says: else figures that anyone
    /// computes would contradict what the readers were told.
    #[must_use]
    pub fn agrees(&self, act: &Act) -> bool {
        match self {
            Self::Ask(ask) => ask.items.len() == act.outcomes.len(),
            Self::Ruling(ruling) => {
                let same = ruling.ground.is_none() || ruling.ground == ruling.given();
                Some(ruling.decision) == act.decision && same
            }
            Self::Answer(answer) => {
                if !answer.grounds.is_empty() && answer.grounds != answer.given() {
                    return false;
                }
                let mut said = vec![Outcome::Open; act.outcomes.len()];
                answer.items.iter().all(|item| {
                    let slot = item.item.checked_sub(1).and_then(|index| said.get_mut(index));
                    slot.is_some_and(|slot| std::mem::replace(slot, item.outcome) == Outcome::Open)
                }) && said == act.outcomes
            }
            Self::Remark(_) | Self::Assessment(_) => true,
        }
    }

    /// The ground of each refusal, by item; item 0 is the whole.
    #[must_use]
    pub fn grounds(&self) -> BTreeMap<usize, String> {
        match self {
            Self::Ruling(ruling) => ruling.given().map(|ground| (0, ground)).into_iter().collect(),
            Self::Answer(answer) => answer.given(),
            Self::Ask(_) | Self::Remark(_) | Self::Assessment(_) => BTreeMap::new(),
        }
    }

    /// The files that go with it.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        match self {
            Self::Ask(ask) => &ask.attachments,
            Self::Answer(answer) => &answer.attachments,
            Self::Remark(_) | Self::Ruling(_) | Self::Assessment(_) => &[],
        }
    }
}

/// A struct's CBOR map, cut into its entries.
fn split<T: Serialize>(content: &T) -> Result<Vec<(String, Vec<u8>)>, BadContent> {
    let bytes = minicbor_serde::to_vec(content).map_err(|_| BadContent("it cannot be encoded"))?;
    let cut = |mut d: Decoder<'_>| -> Result<_, minicbor::decode::Error> {
        let mut fields = Vec::new();
        let entries = d.map()?;
        while entries.is_none_or(|count| (fields.len() as u64) < count) {
            if d.datatype()? == minicbor::data::Type::Break {
                break;
            }
            let name = d.str()?.to_owned();
            let from = d.position();
            d.skip()?;
            fields.push((name, bytes[from..d.position()].to_vec()));
        }
        Ok(fields)
    };
    cut(Decoder::new(&bytes)).map_err(|_| BadContent("it cannot be encoded"))
}

/// The inverse of [`split`].
fn join<T: DeserializeOwned>(content: &Content) -> Result<T, BadContent> {
    let mut map = Vec::new();
    let mut encoder = minicbor::Encoder::new(&mut map);
    let infallible = |_: minicbor::encode::Error<_>| BadContent("it cannot be encoded");
    encoder.map(content.fields().len() as u64).map_err(infallible)?;
    for field in content.fields() {
        encoder.str(&field.name).map_err(infallible)?;
        // The value must be one CBOR item: else what follows would be read as another field.
        let mut value = Decoder::new(&field.value);
        let whole = value.skip().is_ok() && value.position() == field.value.len();
        if !whole {
            return Err(BadContent("a value is not one CBOR item"));
        }
        encoder.writer_mut().extend_from_slice(&field.value);
    }
    // What is wrong with it is not said: the decoder would quote it.
    minicbor_serde::from_slice(&map).map_err(|_| BadContent("a field is missing, or another's"))
}

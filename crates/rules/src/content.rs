//! What statements say to their readers: the fields behind the salts.
//!
//! Each field of these structs becomes one field of the sealed content, its value in CBOR, so that
//! each can be opened alone.

use std::collections::BTreeMap;

use comity_ledger::Content;
use minicbor::Decoder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

mod matter;

use jiff::civil::Date;

use crate::Kind;
use crate::matter::Mark;
use crate::request::{Act, Decision, Outcome};

pub use matter::{
    ActionItem, Agenda, Concern, Criterion, Finding, Judgement, Message, Notice, Record, Response,
    Verdict, Yardstick,
};

/// Characters of a title: a thread is known by it in lists, in mails and on terminals.
pub const MAX_TITLE: usize = 200;

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
    /// Which data is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_category: Option<DataCategory>,
    /// That the acts are an offence on both sides, and under which law.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dual_criminality: String,
    /// Where no treaty applies: that the same will be done in return.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reciprocity: String,
    /// The request that this one goes on from, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<Follows>,
    /// The language that binds (BCP 47); a translation stands beside it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// A translation of title, facts and items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub translation: Option<Translation>,
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
    /// With a takedown: what sort of malicious infrastructure it is. Nothing else is ever taken down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<Infrastructure>,
}

/// Which data a request asks for: the sorts that the instruments tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataCategory {
    /// Who a subscriber is.
    Subscriber,
    /// Data asked for only to learn who a user is.
    Identification,
    /// Traffic that has happened.
    Traffic,
    /// Stored content.
    Content,
    /// Nobody's communications: logs, samples, images of machines.
    Technical,
}

/// How a request goes on from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follows {
    /// The other's id.
    pub request: String,
    /// As what.
    pub r#as: Relation,
}

/// As what a request goes on from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// It asks what that one left open.
    FollowUp,
    /// It asks that data be kept longer.
    Extension,
    /// It asks for what that one had kept.
    Disclosure,
}

/// A translation, and who answers for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Translation {
    /// Into which language (BCP 47).
    pub language: String,
    /// Who certifies it; empty: nobody does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub certified_by: String,
    /// The title.
    pub title: String,
    /// The facts.
    pub facts: String,
    /// The items' questions, in order.
    pub items: Vec<String>,
}

/// Malicious infrastructure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Infrastructure {
    /// Commands an intrusion's implants.
    CommandAndControl,
    /// Spreads malware.
    MalwareDistribution,
    /// Pretends to be somebody else in order to take credentials.
    Phishing,
    /// Takes what was stolen.
    Exfiltration,
    /// Attacks or scans others.
    Attack,
    /// Machines that were taken over.
    Botnet,
}

impl Infrastructure {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::CommandAndControl,
        Self::MalwareDistribution,
        Self::Phishing,
        Self::Exfiltration,
        Self::Attack,
        Self::Botnet,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CommandAndControl => "command-and-control",
            Self::MalwareDistribution => "malware-distribution",
            Self::Phishing => "phishing",
            Self::Exfiltration => "exfiltration",
            Self::Attack => "attack",
            Self::Botnet => "botnet",
        }
    }
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
    /// The ground of that reason once more, in a field that can be opened for a review without the rest: it says too that
    /// there is none. `None` where the field is not there, and so nobody can open it.
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub ground: Option<Option<String>>,
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
    /// Those of them that have a date or a rule, which stay with the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Item by item.
    pub items: Vec<ItemAnswer>,
    /// The ground of each refusal once more, by item, in a field that can be opened for a review without
    /// the answers; likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grounds: Option<BTreeMap<usize, String>>,
    /// Files.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

/// Limits of use that can be held against a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Used for the stated purpose and no other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub speciality: bool,
    /// Returned until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_by: Option<Date>,
    /// Destroyed until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroy_by: Option<Date>,
    /// Data is kept for the asker until then, and no longer: a follow-up must be there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preserved_until: Option<Date>,
}

impl Limits {
    /// The dates, each with what ends or is due then.
    #[must_use]
    pub fn dates(&self) -> Vec<(&'static str, Date)> {
        let all = [
            ("return", self.return_by),
            ("destroy", self.destroy_by),
            ("preserved", self.preserved_until),
        ];
        all.into_iter().filter_map(|(what, date)| Some((what, date?))).collect()
    }
}

/// A field that is there, whatever it says.
fn there<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl Ruling {
    /// With its ground in a field of its own.
    #[must_use]
    pub fn stated(self) -> Self {
        Self { ground: Some(self.given()), ..self }
    }

    fn given(&self) -> Option<String> {
        self.reason.as_ref().map(|reason| reason.ground.clone())
    }
}

impl Answer {
    /// With the grounds in a field of their own.
    #[must_use]
    pub fn stated(self) -> Self {
        Self { grounds: Some(self.given()), ..self }
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
#[expect(clippy::large_enum_variant, reason = "few are held at a time")]
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
    /// `hotline.send/1`
    Message(Message),
    /// `commitment.fix/1`
    Yardstick(Yardstick),
    /// `commitment.judge/1`
    Judgement(Judgement),
    /// `concern.raise/1`
    Concern(Concern),
    /// `concern.reply/1`
    Response(Response),
    /// `notice.send/1`
    Notice(Notice),
    /// `dialogue.convene/1`, `dialogue.agenda/1`
    Agenda(Agenda),
    /// `dialogue.minutes/1`
    Record(Record),
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
            Kind::Signal => Self::Message(join(content)?),
            Kind::Fix => Self::Yardstick(join(content)?),
            Kind::Judge => Self::Judgement(join(content)?),
            Kind::Raise => Self::Concern(join(content)?),
            Kind::Respond => Self::Response(join(content)?),
            Kind::Inform => Self::Notice(join(content)?),
            Kind::Convene | Kind::Agenda => Self::Agenda(join(content)?),
            Kind::Minutes => Self::Record(join(content)?),
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
            Self::Message(content) => split(content),
            Self::Yardstick(content) => split(content),
            Self::Judgement(content) => split(content),
            Self::Concern(content) => split(content),
            Self::Response(content) => split(content),
            Self::Notice(content) => split(content),
            Self::Agenda(content) => split(content),
            Self::Record(content) => split(content),
        }
    }

    /// The one line by which its thread is known, where it opens one.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        match self {
            Self::Ask(ask) => Some(&ask.title),
            Self::Message(message) => Some(&message.title),
            Self::Yardstick(yardstick) => Some(&yardstick.commitment),
            Self::Concern(concern) => Some(&concern.title),
            Self::Notice(notice) => Some(&notice.title),
            Self::Agenda(agenda) => Some(&agenda.title),
            _ => None,
        }
    }

    /// The same in the translation that came with it.
    #[must_use]
    pub fn translated_title(&self) -> Option<&str> {
        match self {
            Self::Ask(ask) => ask.translation.as_ref().map(|one| one.title.as_str()),
            _ => None,
        }
    }

    /// The request that it goes on from.
    #[must_use]
    pub fn follows(&self) -> Option<&str> {
        match self {
            Self::Ask(ask) => ask.follows.as_ref().map(|one| one.request.as_str()),
            _ => None,
        }
    }

    /// What it says in words; empty where it says none beside its other fields.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Remark(Remark { text })
            | Self::Assessment(Assessment { text, .. })
            | Self::Answer(Answer { text, .. })
            | Self::Ruling(Ruling { text, .. })
            | Self::Message(Message { text, .. })
            | Self::Yardstick(Yardstick { text, .. })
            | Self::Judgement(Judgement { text, .. })
            | Self::Response(Response { text, .. })
            | Self::Record(Record { text, .. })
            | Self::Concern(Concern { facts: text, .. })
            | Self::Notice(Notice { facts: text, .. }) => text,
            Self::Agenda(_) | Self::Ask(_) => "",
        }
    }

    /// Whether it says what the public part of its statement says: else figures that anyone
    /// computes would contradict what the readers were told.
    #[must_use]
    pub fn agrees(&self, act: &Act) -> bool {
        match self {
            Self::Ask(ask) => ask.items.len() == act.outcomes.len(),
            Self::Ruling(ruling) => {
                let same = ruling.ground.as_ref().is_none_or(|ground| *ground == ruling.given());
                Some(ruling.decision) == act.decision && same
            }
            Self::Answer(answer) => {
                if answer.grounds.as_ref().is_some_and(|grounds| *grounds != answer.given()) {
                    return false;
                }
                let mut said = vec![Outcome::Open; act.outcomes.len()];
                answer.items.iter().all(|item| {
                    let slot = item.item.checked_sub(1).and_then(|index| said.get_mut(index));
                    slot.is_some_and(|slot| std::mem::replace(slot, item.outcome) == Outcome::Open)
                }) && said == act.outcomes
            }
            Self::Record(record) => {
                matches!(act.mark, Some(Mark::Minutes(_, count)) if count as usize == record.actions.len())
            }
            _ => true,
        }
    }

    /// The ground of each refusal, by item; item 0 is the whole.
    #[must_use]
    pub fn grounds(&self) -> BTreeMap<usize, String> {
        match self {
            Self::Ruling(ruling) => ruling.given().map(|ground| (0, ground)).into_iter().collect(),
            Self::Answer(answer) => answer.given(),
            _ => BTreeMap::new(),
        }
    }

    /// The files that go with it.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        match self {
            Self::Ask(ask) => &ask.attachments,
            Self::Answer(answer) => &answer.attachments,
            Self::Concern(concern) => &concern.attachments,
            Self::Response(response) => &response.attachments,
            Self::Notice(notice) => &notice.attachments,
            _ => &[],
        }
    }

    /// The same, to take their bytes out.
    pub fn attachments_mut(&mut self) -> &mut [Attachment] {
        match self {
            Self::Ask(ask) => &mut ask.attachments,
            Self::Answer(answer) => &mut answer.attachments,
            Self::Concern(concern) => &mut concern.attachments,
            Self::Response(response) => &mut response.attachments,
            Self::Notice(notice) => &mut notice.attachments,
            _ => &mut [],
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

//! Terms: an agreement as data.
//!
//! One TOML schema for all of them, shipped or a party's own. A template has the rules; proposing
//! it between parties adds who they are, their root keys, and the witnesses (`[between]`). The hash
//! of the text is what every statement names. Each fact that an instrument is said to contain
//! carries how sure that is ([`Evidence`]); a limit that no instrument gives is absent, and is
//! shown as absent.

mod between;
mod check;
mod definition;
mod diff;
mod words;

use comity_ledger::note::VerifierKey;
use comity_ledger::{Hash, Policy};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use between::policy_text;
pub use between::{Between, Closes, LastHead, OutsideWitness, Party, Readers, time_of};
pub use definition::{Definition, Meaning, Reading};
pub use diff::{Change, changes};
pub use words::Words;

use crate::calendar::Calendar;
use crate::{Kind, PartyId, Period};

/// Bytes of a terms file that are read.
pub const MAX_TERMS: usize = 512 * 1024;

/// The templates that are shipped: id and TOML text.
pub const TEMPLATES: [(&str, &str); 15] = [
    ("us-china-2015", include_str!("../../templates/us-china-2015.toml")),
    ("comity-model", include_str!("../../templates/comity-model.toml")),
    ("budapest-2001", include_str!("../../templates/budapest-2001.toml")),
    ("budapest-2nd-protocol-2022", include_str!("../../templates/budapest-2nd-protocol-2022.toml")),
    ("cn-domestic-overlay", include_str!("../../templates/cn-domestic-overlay.toml")),
    ("eu-e-evidence-2023-1543", include_str!("../../templates/eu-e-evidence-2023-1543.toml")),
    ("eu-eio-2014-41", include_str!("../../templates/eu-eio-2014-41.toml")),
    ("eu-info-exchange-2023-977", include_str!("../../templates/eu-info-exchange-2023-977.toml")),
    ("eu-nis2-2022-2555", include_str!("../../templates/eu-nis2-2022-2555.toml")),
    ("ip-theft-commitments", include_str!("../../templates/ip-theft-commitments.toml")),
    ("osce-1202", include_str!("../../templates/osce-1202.toml")),
    ("un-cybercrime-2024", include_str!("../../templates/un-cybercrime-2024.toml")),
    ("un-poc-directory", include_str!("../../templates/un-poc-directory.toml")),
    ("us-china-mlaa-2000", include_str!("../../templates/us-china-mlaa-2000.toml")),
    ("us-russia-2013", include_str!("../../templates/us-russia-2013.toml")),
];

/// Sets of commitments that are shipped: id and TOML text.
pub const COMMITMENTS: [(&str, &str); 1] =
    [("un-gge-2015", include_str!("../../commitments/un-gge-2015.toml"))];

/// A set of commitments, to be added to terms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitmentSet {
    /// Its id.
    pub id: String,
    /// What is in it.
    #[serde(rename = "commitment")]
    pub commitments: Vec<Commitment>,
}

impl CommitmentSet {
    /// Reads a set, by the id of one that is shipped, or its text.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn parse(named: &str) -> Result<Self, Problem> {
        let shipped = COMMITMENTS.iter().find(|(id, _)| *id == named);
        let text = shipped.map_or(named, |(_, text)| text);
        toml::from_str(text).map_err(|error| Problem::Toml(error.to_string()))
    }
}

/// Grounds of refusal as instruments have them, by the codes of the taxonomy: what may be said where terms leave open
/// on what ground something is refused.
pub const GROUNDS: [&str; 13] = [
    "sovereignty-security-ordre-public",
    "no-dual-criminality",
    "political-offence",
    "military-offence",
    "discriminatory-purpose",
    "ne-bis-in-idem",
    "no-material-nexus",
    "fundamental-rights",
    "immunity-privilege-press",
    "authorisation-missing",
    "not-competent",
    "disproportionate",
    "non-conforming-request",
];

/// How sure it is that a passage says what is written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The passage was read in a copy of the text.
    Verified,
    /// A secondary source reports it.
    Secondary,
    /// From memory, not re-read: not to be relied on.
    Knowledge,
    /// Our proposal: it stands in no instrument.
    Proposal,
    /// The public instrument says nothing on this point.
    Absent,
}

/// What kind of instrument this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// Ours: nobody signed it.
    Proposal,
    /// A political commitment, not binding in law.
    PoliticalCommitment,
    /// A treaty.
    Treaty,
    /// A statute or a regulation.
    Statute,
    /// A confidence-building measure.
    ConfidenceBuildingMeasure,
}

/// The kinds of request that Comity carries; an agreement's own kinds map to these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestKind {
    /// Tell us.
    Information,
    /// Keep data so that it is not lost.
    Preservation,
    /// Investigate.
    Investigate,
    /// Collect evidence.
    CollectEvidence,
    /// Mitigate activity from your territory.
    Mitigate,
    /// Take down malicious infrastructure.
    Takedown,
    /// How does it stand?
    StatusUpdate,
}

impl RequestKind {
    /// Its name in the taxonomies.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Preservation => "preservation",
            Self::Investigate => "investigate",
            Self::CollectEvidence => "collect-evidence",
            Self::Mitigate => "mitigate",
            Self::Takedown => "takedown",
            Self::StatusUpdate => "status-update",
        }
    }
}

/// What makes a step of the ladder due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// The acknowledgement is overdue.
    AcknowledgeOverdue,
    /// The answer is overdue by half its limit.
    AnswerOverdueByHalf,
    /// An item was refused without a lawful ground.
    UnreasonedRefusal,
    /// A request of the emergency class is overdue.
    EmergencyOverdue,
    /// The step before has not settled it within `after`.
    UnresolvedFor,
    /// It is not settled at the next review.
    UnresolvedAtReview,
}

impl Trigger {
    /// Its name in terms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AcknowledgeOverdue => "acknowledge-overdue",
            Self::AnswerOverdueByHalf => "answer-overdue-by-half",
            Self::UnreasonedRefusal => "unreasoned-refusal",
            Self::EmergencyOverdue => "emergency-overdue",
            Self::UnresolvedFor => "unresolved-for",
            Self::UnresolvedAtReview => "unresolved-at-review",
        }
    }
}

/// An agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Version of this schema: 1.
    pub schema: u32,
    /// Its id.
    pub id: String,
    /// What kind of instrument it is.
    pub nature: Nature,
    /// Its title.
    pub title: Words,
    /// How sure title, date and parties are.
    pub evidence: Evidence,
    /// The day it was made, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// Whom it was made between, where that is somebody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub made_between: Vec<String>,
    /// A remark for its readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Words>,
    /// The languages of its parties, such as `en` and `zh`: each definition has its word and its readings in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// What it says of deadlines.
    pub deadlines: Deadlines,
    /// Clarification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clarification: Option<Clarification>,
    /// Refusal.
    pub refusal: Refusal,
    /// What a second person of the party releases before it leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// The standing review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// The hotline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hotline: Option<Hotline>,
    /// Whom it names: authorities and contact points.
    #[serde(default, rename = "directory", skip_serializing_if = "Vec::is_empty")]
    pub directory: Vec<Contact>,
    /// Where its texts were read.
    #[serde(default, rename = "source", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// What may be asked.
    #[serde(rename = "kind")]
    pub kinds: Vec<AgreedKind>,
    /// What it names and Comity does not carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_carried: Vec<NotCarried>,
    /// Urgency classes, with their limits where there are any.
    #[serde(default, rename = "class", skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// Grounds of refusal.
    #[serde(default, rename = "ground", skip_serializing_if = "Vec::is_empty")]
    pub grounds: Vec<Ground>,
    /// Calendars of working time.
    #[serde(default, rename = "calendar", skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<Calendar>,
    /// The ladder.
    #[serde(default, rename = "escalation", skip_serializing_if = "Vec::is_empty")]
    pub ladder: Vec<Step>,
    /// What its words mean, each side's reading.
    #[serde(default, rename = "definition", skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<Definition>,
    /// What the parties undertook.
    #[serde(default, rename = "commitment", skip_serializing_if = "Vec::is_empty")]
    pub commitments: Vec<Commitment>,
    /// What happened under it.
    #[serde(default, rename = "event", skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// Who agreed to it here; absent in a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<Between>,
}

/// What an agreement says of deadlines in general.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// The word it uses, such as `timely`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// How sure that is; `absent` where the text gives no number.
    pub evidence: Evidence,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Words>,
}

/// Clarification: while it is open, clocks stand still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clarification {
    /// The asker's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_within: Option<Period>,
    /// How sure that is.
    pub evidence: Evidence,
    /// The nearest text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
}

/// What a refusal must say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Whether a ground must be one of those listed.
    pub grounds_closed: bool,
    /// What it must state beside the ground.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must_state: Vec<RefusalPart>,
    /// How sure that is.
    pub evidence: Evidence,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A part that a refusal must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalPart {
    /// The legal reference.
    Law,
    /// The partial or conditional alternative that was considered.
    Alternative,
    /// Whether the asker was consulted.
    Consulted,
}

/// Two pairs of eyes: what waits for a second person before it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The kinds of statement, such as `request.answer/1`.
    pub two_persons: Vec<String>,
    /// Urgency classes that wait for nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_classes: Vec<String>,
    /// How sure that is.
    pub evidence: Evidence,
}

/// The standing review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// How often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Period>,
    /// When first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_by: Option<Date>,
    /// Of what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub criteria: Vec<String>,
    /// How sure that is.
    pub evidence: Evidence,
}

/// The hotline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hotline {
    /// What it is for.
    pub purpose: Words,
    /// Between whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// How often an automatic echo is tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_every: Option<Period>,
    /// How often a person reads back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_back_every: Option<Period>,
    /// How often all contacts are pinged, announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping_every: Option<Period>,
    /// Limit for an echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo_within: Option<Period>,
    /// Limit for a person's acknowledgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge_within: Option<Period>,
    /// How long messages can be read: the keys that they are sealed to are destroyed one such period after
    /// the next have taken their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Period>,
    /// How sure that is.
    pub evidence: Evidence,
}

/// Between whom a hotline runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// In words.
    pub text: Words,
    /// Who reports it, where that is another than the instrument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How sure that is.
    pub evidence: Evidence,
}

/// An authority or a contact point of a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Its id.
    pub id: String,
    /// Whose it is: a party's id or name.
    pub party: String,
    /// Its name.
    pub name: Words,
    /// What it does here: leads, answers, is reached at any hour.
    pub role: Words,
    /// How it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<String>,
    /// When, such as `24/7` or `09:00-17:00`, in `zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// IANA time zone of the hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How sure that is.
    pub evidence: Evidence,
}

/// Where a text was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its id.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Where it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How sure it is.
    pub evidence: Evidence,
}

/// A kind of request in the agreement's own terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreedKind {
    /// The agreement's name for it.
    pub id: String,
    /// Ours.
    pub maps_to: RequestKind,
    /// The article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How sure that is.
    pub evidence: Evidence,
}

/// What an instrument names and Comity does not carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotCarried {
    /// The instrument's name for it.
    pub id: String,
    /// The article.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Why not.
    pub why: Words,
    /// How sure it is that the instrument names it.
    pub evidence: Evidence,
}

/// Which time a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// All of it.
    #[default]
    Elapsed,
    /// The working time of the receiver's calendar: a day is a working day.
    Working,
}

impl Counts {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
    fn is_elapsed(&self) -> bool {
        *self == Self::Elapsed
    }
}

/// An urgency class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its id, as it stands in statements.
    pub id: String,
    /// When it applies.
    pub definition: Words,
    /// Whether it is the class of emergencies: the ladder has a trigger of its own for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
    /// Limit for the acknowledgement; absent: none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledge: Option<Period>,
    /// Limit for the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decide: Option<Period>,
    /// Limit for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Period>,
    /// Which time the limits count.
    #[serde(default, skip_serializing_if = "Counts::is_elapsed")]
    pub counts: Counts,
    /// How sure the limits are.
    pub evidence: Evidence,
    /// The nearest text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
}

/// A ground of refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// Its code.
    pub code: String,
    /// What it says, in our words unless `reference` has the text.
    pub text: Words,
    /// Where such a ground is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// How sure that is.
    pub evidence: Evidence,
}

/// A step of the ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Its number, from 1.
    pub step: u32,
    /// What makes it due; any of these.
    pub triggers: Vec<Trigger>,
    /// With `unresolved-for`: for how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Period>,
    /// To whom it goes.
    pub to: Words,
    /// How sure that is.
    pub evidence: Evidence,
}

/// What the parties undertook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// Its id.
    pub id: String,
    /// What it says, shortened; the text itself stands at the sources. Where the parties' texts are
    /// unequal, so are these.
    pub summary: Words,
    /// Ids of the sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// How sure that is.
    pub evidence: Evidence,
}

/// What happened under an agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The day; the first of the month where only that is known.
    pub date: Date,
    /// Whether only the month is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub month_only: bool,
    /// What it was.
    pub kind: String,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<String>,
    /// How sure that is.
    pub evidence: Evidence,
}

/// Why a text is no agreement: what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not the schema.
    #[error("not terms in TOML: {0}")]
    Toml(String),
    /// The schema, but not sense.
    #[error("{place}: {problem}")]
    Sense {
        /// Where.
        place: String,
        /// What.
        problem: String,
    },
}

/// An agreement with the text it was read from: the text's hash is what statements name.
#[derive(Debug, Clone)]
pub struct Terms {
    text: String,
    hash: Hash,
    agreement: Agreement,
}

impl Terms {
    /// Reads terms or a template.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > MAX_TERMS {
            return Err(Problem::Toml(format!("longer than {MAX_TERMS} bytes")));
        }
        let agreement: Agreement =
            toml::from_str(text).map_err(|error| Problem::Toml(error.to_string()))?;
        agreement.check()?;
        Ok(Self { text: text.to_owned(), hash: Hash::of(text.as_bytes()), agreement })
    }

    /// The template with these parties and witnesses: the text that they sign.
    ///
    /// # Errors
    /// [`Problem`], where what is put in makes no sense.
    pub fn propose(template: &Agreement, between: Between) -> Result<Self, Problem> {
        let agreement = Agreement { between: Some(between), ..template.clone() };
        let text = toml::to_string(&agreement).map_err(|error| Problem::Toml(error.to_string()))?;
        Self::parse(&text)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The policy by which a checkpoint of one of these ledgers counts as witnessed.
    ///
    /// # Errors
    /// [`comity_ledger::Error::Policy`] for a template, or keys that stand twice.
    pub fn policy(
        &self,
        ledgers: &[&VerifierKey],
    ) -> Result<(String, Policy), comity_ledger::Error> {
        let missing =
            comity_ledger::Error::Policy { line: 0, problem: "these terms are a template" };
        let text = policy_text(self.between.as_ref().ok_or(missing)?, ledgers);
        let policy = Policy::parse(&text)?;
        Ok((text, policy))
    }
}

impl std::ops::Deref for Terms {
    type Target = Agreement;

    fn deref(&self) -> &Agreement {
        &self.agreement
    }
}

impl Agreement {
    /// The definitions of words that this text uses, and of those by which the terms say when the class of urgency
    /// that goes with it applies: a reader has them beside it.
    pub fn definitions_in<'a>(
        &'a self,
        class: Option<&str>,
        text: &str,
    ) -> impl Iterator<Item = &'a Definition> {
        let mut text = text.to_lowercase();
        if let Some(class) = class.and_then(|class| self.class(class)) {
            let said = class.definition.all().map(|(_, words)| words);
            for words in said.chain([class.id.as_str()]) {
                text.push('\n');
                text.push_str(&words.to_lowercase());
            }
        }
        self.definitions.iter().filter(move |definition| definition.is_used_in(&text))
    }

    /// The urgency class of this id.
    #[must_use]
    pub fn class(&self, id: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.id == id)
    }

    /// Whether a statement of this kind, about a request of this class, waits for a second person.
    #[must_use]
    pub fn waits_for_release(&self, kind: Kind, class: Option<&str>) -> bool {
        self.release.as_ref().is_some_and(|release| {
            let excepted = class.is_some_and(|c| release.except_classes.iter().any(|e| e == c));
            !excepted && release.two_persons.iter().any(|named| named == kind.as_str())
        })
    }

    /// The calendar by which a party works; `None` where the terms give it none.
    #[must_use]
    pub fn calendar_of(&self, party: &PartyId) -> Option<&Calendar> {
        let id = self.party(party)?.calendar.as_ref()?;
        self.calendars.iter().find(|calendar| calendar.id == *id)
    }

    /// Whether a refusal may have this ground: one that the terms list; unless their list is closed, also one of
    /// [`GROUNDS`]. No other is lawful, for whoever reads it could not tell what it means.
    #[must_use]
    pub fn takes_ground(&self, code: &str) -> bool {
        self.known_grounds().any(|known| known == code)
    }

    /// The grounds that a refusal may have.
    pub fn known_grounds(&self) -> impl Iterator<Item = &str> {
        let listed = self.grounds.iter().map(|ground| ground.code.as_str());
        let open = GROUNDS.iter().copied().filter(|_| !self.refusal.grounds_closed);
        listed.chain(open.filter(|code| self.ground(code).is_none()))
    }

    /// The ground of this code, where the terms list it.
    #[must_use]
    pub fn ground(&self, code: &str) -> Option<&Ground> {
        self.grounds.iter().find(|ground| ground.code == code)
    }

    /// The kind of this id.
    #[must_use]
    pub fn kind(&self, id: &str) -> Option<&AgreedKind> {
        self.kinds.iter().find(|kind| kind.id == id)
    }

    /// The party of this id, among those who agreed.
    #[must_use]
    pub fn party(&self, id: &PartyId) -> Option<&Party> {
        self.between.as_ref()?.parties.iter().find(|party| party.id == *id)
    }

    /// What people call a party; of one that did not agree, its id.
    #[must_use]
    pub fn name_of(&self, id: &PartyId) -> String {
        self.party(id).map_or_else(|| id.to_string(), |party| party.name.clone())
    }

    /// The other party, seen from this one.
    #[must_use]
    pub fn peer_of(&self, id: &PartyId) -> Option<&Party> {
        self.between.as_ref()?.parties.iter().find(|party| party.id != *id)
    }

    /// The title in this language, else in English, else any.
    #[must_use]
    pub fn title(&self, language: &str) -> &str {
        self.title.in_language(language)
    }
}

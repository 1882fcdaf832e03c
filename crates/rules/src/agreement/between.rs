//! Who agreed to terms: parties, their witnesses, and the end of the agreement before.

use comity_ledger::note::VerifierKey;
use comity_ledger::policy::Witnessed;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::PartyId;
use crate::period::{instant, whole};

/// Who agreed to these terms here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// When it was proposed, as the proposer says.
    pub proposed: Timestamp,
    /// Who may read the ledgers.
    pub readers: Readers,
    /// How many of the outside witnesses make the quorum.
    pub quorum: usize,
    /// The parties: two.
    #[serde(rename = "party")]
    pub parties: Vec<Party>,
    /// The witnesses that belong to neither.
    #[serde(rename = "witness")]
    pub witnesses: Vec<OutsideWitness>,
    /// The agreement that these terms put an end to, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes: Option<Closes>,
}

/// The end of an agreement: the last heads of its two ledgers. Whoever signs these terms signs them, and
/// begins a ledger with another origin; nothing that comes after them counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closes {
    /// Hash of its terms (hexadecimal).
    pub terms: String,
    /// Why, for its readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How many action items its meetings left open: they are, until the first meeting under these terms.
    #[serde(default, skip_serializing_if = "is_none")]
    pub actions: u32,
    /// The last head of each party's ledger.
    #[serde(rename = "head")]
    pub heads: Vec<LastHead>,
}

impl super::Agreement {
    /// The agreement that these terms put an end to, where there is one.
    #[must_use]
    pub fn closes(&self) -> Option<&Closes> {
        self.between.as_ref()?.closes.as_ref()
    }

    /// Whether these terms put an end to the agreement whose terms have this hash (hexadecimal).
    #[must_use]
    pub fn ends(&self, terms: &str) -> bool {
        self.closes().is_some_and(|closes| closes.terms == terms)
    }

    /// When clocks stop under the agreement that these terms put an end to: when they were proposed, to the second. So is
    /// all that is computed from it. `None` where they end nothing.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.closes()?;
        Some(whole(self.between.as_ref()?.proposed))
    }
}

impl Closes {
    /// The last head of a party's ledger.
    #[must_use]
    pub fn head(&self, party: &PartyId) -> Option<&LastHead> {
        self.heads.iter().find(|head| head.party == *party)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field by reference")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

/// The last head of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastHead {
    /// Whose ledger.
    pub party: PartyId,
    /// Its origin.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// Their root (hexadecimal).
    pub root: String,
}

/// Who may read the ledgers' tiles and checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readers {
    /// The parties and whom they give a key.
    Members,
    /// Everyone. Contents stay sealed all the same.
    Everyone,
}

/// A party to the terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its id.
    pub id: PartyId,
    /// Its name.
    pub name: String,
    /// IANA time zone of its contact point.
    pub zone: String,
    /// Its root key (vkey).
    pub root: String,
    /// The calendar by which it works, where limits count working time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

/// A witness that belongs to neither party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideWitness {
    /// Its name in policies.
    pub name: String,
    /// Its cosigner key (vkey).
    pub key: String,
    /// Its submission prefix.
    pub url: String,
}

pub(super) fn policy_text(between: &Between, ledgers: &[&VerifierKey]) -> String {
    let mut text: String = ledgers.iter().map(|ledger| format!("log {ledger}\n")).collect();
    let mut names = String::new();
    for witness in &between.witnesses {
        text.push_str(&format!("witness {} {} {}\n", witness.name, witness.key, witness.url));
        names.push_str(&format!(" {}", witness.name));
    }
    text + &format!("group outside {}{names}\nquorum outside\n", between.quorum)
}

/// The time that a witnessed checkpoint proves: of the outside witnesses' times, the median; of an
/// even number the earlier of the two in the middle.
#[must_use]
pub fn time_of(witnessed: &Witnessed) -> Option<Timestamp> {
    let mut times: Vec<_> = witnessed.cosigned.iter().map(|(_, time)| *time).collect();
    times.sort_unstable();
    let median = *times.get(times.len().checked_sub(1)? / 2)?;
    instant(median)
}

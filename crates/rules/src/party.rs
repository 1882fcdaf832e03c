//! Who states: the id of a party within its agreements.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A party's id: lower-case ASCII letters, digits and hyphens, at most 40 of them.
///
/// It stands in ledgers, key names and paths, so its alphabet is small on purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartyId(String);

/// Why a text is no party id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no party id: want 1 to 40 of a-z, 0-9 and -, beginning with a letter")]
pub struct BadPartyId(String);

impl PartyId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PartyId {
    type Err = BadPartyId;

    fn from_str(text: &str) -> Result<Self, BadPartyId> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let good = text.len() <= 40
            && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
            && text.bytes().all(allowed);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadPartyId(text.chars().take(60).collect()))
        }
    }
}

impl TryFrom<String> for PartyId {
    type Error = BadPartyId;

    fn try_from(text: String) -> Result<Self, BadPartyId> {
        text.parse()
    }
}

impl From<PartyId> for String {
    fn from(id: PartyId) -> Self {
        id.0
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

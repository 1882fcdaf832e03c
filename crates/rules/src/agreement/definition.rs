//! What the words of an agreement mean to its parties, where they said so.

use serde::{Deserialize, Serialize};

use super::{Evidence, Words};

/// What a word of the agreement means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The word, as it stands in the terms.
    pub term: String,
    /// The same word in the languages of the parties.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub words: Words,
    /// Whether the parties agree on it.
    pub state: Meaning,
    /// What it means; where that is disputed, by party.
    #[serde(default, rename = "reading", skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
    /// How sure that is.
    pub evidence: Evidence,
}

/// Whether parties agree on what a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// They do.
    Agreed,
    /// They do not: each has its own.
    Disputed,
    /// Nobody said.
    Missing,
}

impl Meaning {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Disputed => "disputed",
            Self::Missing => "missing",
        }
    }
}

/// How a word is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// By whom; none: by all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<String>,
    /// How.
    pub text: Words,
}

impl Definition {
    /// Whether a text in small letters uses the word, in any language that the terms have it in.
    pub(super) fn is_used_in(&self, text: &str) -> bool {
        // A word that another only contains is another word, where words are set apart by spaces.
        let apart = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_alphanumeric());
        let stands = |term: &str| {
            text.match_indices(&term.to_lowercase()).any(|(at, found)| {
                let (before, after) = (&text[..at], &text[at + found.len()..]);
                apart(before.chars().next_back()) && apart(after.chars().next())
            })
        };
        stands(&self.term) || self.words.all().any(|(_, word)| stands(word))
    }
}

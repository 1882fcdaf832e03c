//! Texts of terms, by language.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A text by language: `en`, `zh`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Words(BTreeMap<String, String>);

/// A text as it may stand in terms: in several languages, or in English alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Each(BTreeMap<String, String>),
    English(String),
}

impl From<Written> for Words {
    fn from(written: Written) -> Self {
        match written {
            Written::Each(texts) => Self(texts),
            Written::English(text) => Self([("en".to_owned(), text)].into()),
        }
    }
}

impl Words {
    /// The text in this language, else in English, else in any.
    #[must_use]
    pub fn in_language(&self, language: &str) -> &str {
        let text = self.0.get(language).or_else(|| self.0.get("en"));
        text.or_else(|| self.0.values().next()).map_or("", String::as_str)
    }

    /// Every text, with its language.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(language, text)| (language.as_str(), text.as_str()))
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a text in this language.
    #[must_use]
    pub fn has(&self, language: &str) -> bool {
        self.0.contains_key(language)
    }
}

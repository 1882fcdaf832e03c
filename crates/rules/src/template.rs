//! Templates of requests: what most requests of a kind say, with what only the asker knows left open as `[…]`.

use serde::Deserialize;

use crate::agreement::{Agreement, RequestKind, Words};
use crate::content::{Ask, Infrastructure, Item, Tlp};

/// The templates that are shipped: id and TOML text.
pub const TEMPLATES: [(&str, &str); 5] = [
    ("command-and-control", include_str!("../requests/command-and-control.toml")),
    ("preservation", include_str!("../requests/preservation.toml")),
    ("takedown", include_str!("../requests/takedown.toml")),
    ("victims", include_str!("../requests/victims.toml")),
    ("status", include_str!("../requests/status.toml")),
];

/// What stands where only the asker knows what to say.
pub const OPEN: &str = "[…]";

/// A template.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its id.
    pub id: String,
    /// What people know it by.
    pub name: Words,
    title: Words,
    facts: Words,
    #[serde(default)]
    purpose: Words,
    #[serde(rename = "item")]
    items: Vec<TemplateItem>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateItem {
    kind: RequestKind,
    ask: Words,
    infrastructure: Option<Infrastructure>,
}

impl Template {
    /// Reads one.
    ///
    /// # Errors
    /// It is no template in TOML.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The request, in the kinds that these terms have, and the kinds that it wanted and they have not.
    #[must_use]
    pub fn fill(&self, agreement: &Agreement, language: &str) -> (Ask, Vec<RequestKind>) {
        let (mut items, mut missing) = (Vec::new(), Vec::new());
        for item in &self.items {
            match agreement.kinds.iter().find(|kind| kind.maps_to == item.kind) {
                Some(kind) => items.push(Item {
                    kind: kind.id.clone(),
                    ask: item.ask.in_language(language).to_owned(),
                    identifiers: Vec::new(),
                    infrastructure: item.infrastructure,
                }),
                None => missing.push(item.kind),
            }
        }
        let ask = Ask {
            title: self.title.in_language(language).to_owned(),
            facts: self.facts.in_language(language).trim().to_owned(),
            purpose: self.purpose.in_language(language).to_owned(),
            marking: Tlp::Amber,
            language: language.to_owned(),
            items,
            legal_basis: String::new(),
            urgency_reason: String::new(),
            contact: String::new(),
            data_category: None,
            dual_criminality: String::new(),
            reciprocity: String::new(),
            follows: None,
            translation: None,
            attachments: Vec::new(),
        };
        (ask, missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::{self, Terms};
    use crate::prompt;

    #[test]
    fn shipped_templates_fill_under_every_agreement_and_say_what_is_open() {
        for (id, text) in agreement::TEMPLATES {
            let Ok(terms) = Terms::parse(text) else { panic!("{id}") };
            for (name, text) in TEMPLATES {
                let template = Template::parse(text).unwrap_or_else(|why| panic!("{name}: {why}"));
                assert_eq!(template.id, name);
                for language in ["en", "zh"] {
                    assert!(template.name.has(language) && template.title.has(language), "{name}");
                    let (ask, missing) = template.fill(&terms, language);
                    assert_eq!(ask.items.len() + missing.len(), template.items.len());
                    for item in &ask.items {
                        assert!(terms.kinds.iter().any(|kind| kind.id == item.kind), "{id}");
                        assert!(!item.ask.is_empty());
                    }
                    let prompts = prompt::missing(&terms, None, &ask);
                    assert!(prompts.iter().any(|one| one.place == "title"), "{name} is open");
                }
            }
        }
    }
}

//! What a request lacks before it is sent: essentials without which the other side must ask back, and its clock
//! stands still meanwhile. They are asked for, and never in the way of an emergency.

use crate::agreement::Agreement;
use crate::content::Ask;
use crate::template::OPEN;

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Prompt {
    /// Where it belongs.
    pub place: String,
    /// What to say there.
    pub ask: Want,
}

/// What is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// The legal basis.
    LegalBasis,
    /// What the answer is for.
    Purpose,
    /// Who can be called.
    Contact,
    /// Why it is urgent.
    UrgencyReason,
    /// What the template left open.
    Open,
    /// What the items are about.
    Identifiers,
    /// Who answers for the translation.
    Certified,
}

impl Want {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::LegalBasis,
        Self::Purpose,
        Self::Contact,
        Self::UrgencyReason,
        Self::Open,
        Self::Identifiers,
        Self::Certified,
    ];

    /// Its stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::LegalBasis => "legal-basis",
            Self::Purpose => "purpose",
            Self::Contact => "contact",
            Self::UrgencyReason => "urgency-reason",
            Self::Open => "open",
            Self::Identifiers => "identifiers",
            Self::Certified => "certified",
        }
    }
}

impl std::fmt::Display for Want {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::LegalBasis => "under which article, in which case, before which authority",
            Self::Purpose => "what the answer will be used for",
            Self::Contact => "whom they can call, when, and in which time zone",
            Self::UrgencyReason => "why it has this class",
            Self::Open => "what the template left open, where it has […]",
            Self::Identifiers => {
                "of one item at least: addresses with port and time in UTC, accounts, hashes or domains"
            }
            Self::Certified => "who certifies that the translation says the same",
        })
    }
}

impl serde::Serialize for Want {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What this request lacks; nothing where its class is that of emergencies.
#[must_use]
pub fn missing(agreement: &Agreement, class: Option<&str>, ask: &Ask) -> Vec<Prompt> {
    let class = class.and_then(|class| agreement.class(class));
    if class.is_some_and(|class| class.emergency) {
        return Vec::new();
    }
    let mut prompts = Vec::new();
    let mut want = |text: &str, place: &str, ask| {
        if text.trim().is_empty() {
            prompts.push(Prompt { place: place.to_owned(), ask });
        }
    };
    want(&ask.legal_basis, "legal_basis", Want::LegalBasis);
    want(&ask.purpose, "purpose", Want::Purpose);
    want(&ask.contact, "contact", Want::Contact);
    if class.is_some() {
        want(&ask.urgency_reason, "urgency_reason", Want::UrgencyReason);
    }
    if let Some(translation) = &ask.translation {
        want(&translation.certified_by, "translation.certified_by", Want::Certified);
    }
    let items = ask.items.iter().enumerate();
    let texts = [
        ("title", &ask.title),
        ("facts", &ask.facts),
        ("legal_basis", &ask.legal_basis),
        ("purpose", &ask.purpose),
        ("urgency_reason", &ask.urgency_reason),
        ("contact", &ask.contact),
    ];
    let texts = texts.map(|(place, text)| (place.to_owned(), text)).into_iter();
    let texts = texts.chain(items.map(|(n, item)| (format!("items.{}", n + 1), &item.ask)));
    for (place, text) in texts {
        if text.contains(OPEN) {
            prompts.push(Prompt { place, ask: Want::Open });
        }
    }
    // One item may name what the others are about.
    let identifiers = ask.items.iter().flat_map(|item| &item.identifiers);
    if identifiers.into_iter().all(|identifier| identifier.trim().is_empty()) {
        prompts.push(Prompt { place: "items.identifiers".to_owned(), ask: Want::Identifiers });
    }
    prompts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::{TEMPLATES, Terms};
    use crate::content::{Item, Tlp};

    #[test]
    fn essentials_are_asked_for_and_never_of_an_emergency() {
        let text = TEMPLATES.iter().find(|(id, _)| *id == "comity-model").map_or("", |(_, t)| *t);
        let Ok(terms) = Terms::parse(text) else { panic!("the template") };
        let item = |identifiers: &[&str]| Item {
            kind: "information".to_owned(),
            ask: "who?".to_owned(),
            identifiers: identifiers.iter().map(|i| (*i).to_owned()).collect(),
            infrastructure: None,
        };
        let mut ask = Ask {
            title: "t".to_owned(),
            facts: "f".to_owned(),
            legal_basis: "section 204".to_owned(),
            purpose: String::new(),
            urgency_reason: " ".to_owned(),
            marking: Tlp::Amber,
            contact: "at any hour".to_owned(),
            data_category: None,
            dual_criminality: String::new(),
            reciprocity: String::new(),
            follows: None,
            language: String::new(),
            translation: None,
            items: vec![item(&[]), item(&[""])],
            attachments: Vec::new(),
        };
        let places = |ask: &Ask, class| -> Vec<String> {
            missing(&terms, Some(class), ask).into_iter().map(|prompt| prompt.place).collect()
        };
        let wanted = ["purpose", "urgency_reason", "items.identifiers"];
        assert_eq!(places(&ask, "U1-urgent"), wanted);
        assert_eq!(places(&ask, "U0-emergency"), [""; 0]);
        ask.purpose = "to find them".to_owned();
        ask.urgency_reason = "logs are kept for seven days".to_owned();
        ask.items.push(item(&["198.51.100.7:443 2026-03-03T02:11:00Z"]));
        assert_eq!(places(&ask, "U1-urgent"), [""; 0]);
    }
}

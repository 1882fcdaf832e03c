//! Forms with as many fields as there are items: read by name.

use comity_rules::content::{
    Answer, Ask, Assessment, DIMENSIONS, DataCategory, Follows, Infrastructure, Item, ItemAnswer,
    Limits, Reason, Relation, Ruling, Tlp, Translation,
};
use comity_rules::request::Outcome;
use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::matter::lines;
use crate::language::Language;

/// Items that a form has at most; a request with more is a file.
pub(super) const MOST: usize = 20;

/// What a form had, in its order.
#[derive(Deserialize, Default, Clone)]
#[serde(transparent)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// A field's text; empty where the form has none.
    pub(super) fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, text)| text.as_str())
    }

    pub(super) fn set(&mut self, name: &str, text: &str) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), text.to_owned()));
    }

    pub(super) fn add(&mut self, name: &str, text: &str) {
        self.0.push((name.to_owned(), text.to_owned()));
    }

    /// All that a field has that may come several times.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, text)| text.as_str())
    }

    /// The files that wait for this form: by which numbers, and their names.
    pub(super) fn files(&self) -> Vec<(u64, String)> {
        let file = |text: &str| {
            let (key, name) = text.split_once(' ')?;
            Some((key.parse().ok()?, name.to_owned()))
        };
        self.all("file").filter_map(file).collect()
    }

    fn owned(&self, name: &str) -> String {
        self.text(name).trim().to_owned()
    }

    /// One of a schema's words; none where the field is empty, or has none of them.
    fn word<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.text(name).into()).ok()
    }

    fn day(&self, t: Language, name: &str) -> Result<Option<Date>, String> {
        match self.text(name).trim() {
            "" => Ok(None),
            text => match text.parse() {
                Ok(day) => Ok(Some(day)),
                Err(_) => Err(t.with("review-no-day", [("text", text.to_owned())])),
            },
        }
    }

    /// How many items the form has.
    pub(super) fn items(&self) -> usize {
        self.text("items").parse().unwrap_or(1).clamp(1, MOST)
    }

    /// A form that asks what this asks.
    pub(super) fn of(ask: &Ask) -> Self {
        let mut form = Self::default();
        for (name, text) in [
            ("title", ask.title.as_str()),
            ("facts", &ask.facts),
            ("purpose", &ask.purpose),
            ("language", &ask.language),
            ("marking", ask.marking.label()),
            ("items", &ask.items.len().to_string()),
        ] {
            form.set(name, text);
        }
        for (number, item) in (1..).zip(&ask.items) {
            form.set(&format!("kind_{number}"), &item.kind);
            form.set(&format!("ask_{number}"), &item.ask);
            if let Some(infrastructure) = item.infrastructure {
                form.set(&format!("infrastructure_{number}"), infrastructure.as_str());
            }
        }
        form
    }

    /// What it asks.
    pub(super) fn ask(&self) -> Ask {
        let item = |number: usize| {
            let name = |field: &str| format!("{field}_{number}");
            Item {
                kind: self.owned(&name("kind")),
                ask: self.owned(&name("ask")),
                identifiers: lines(self.text(&name("identifiers"))),
                infrastructure: self.word::<Infrastructure>(&name("infrastructure")),
            }
        };
        let follows = self.owned("follows");
        let translated = self.owned("translation_language");
        Ask {
            title: self.owned("title"),
            facts: self.owned("facts"),
            legal_basis: self.owned("legal_basis"),
            purpose: self.owned("purpose"),
            urgency_reason: self.owned("urgency_reason"),
            marking: self.word("marking").unwrap_or(Tlp::Red),
            contact: self.owned("contact"),
            data_category: self.word::<DataCategory>("data_category"),
            dual_criminality: self.owned("dual_criminality"),
            reciprocity: self.owned("reciprocity"),
            follows: (!follows.is_empty()).then(|| Follows {
                request: follows,
                r#as: self.word("relation").unwrap_or(Relation::FollowUp),
            }),
            language: self.owned("language"),
            translation: (!translated.is_empty()).then(|| Translation {
                language: translated,
                certified_by: self.owned("certified_by"),
                title: self.owned("translation_title"),
                facts: self.owned("translation_facts"),
                items: lines(self.text("translation_items")),
            }),
            items: (1..=self.items()).map(item).collect(),
            attachments: Vec::new(),
        }
    }

    /// What it answers: the items of which it says something.
    pub(super) fn answer(&self, t: Language, count: usize) -> Result<Answer, String> {
        let item = |number: usize| {
            let name = |field: &str| format!("{field}_{number}");
            let outcome = self.word::<Outcome>(&name("outcome"))?;
            Some(ItemAnswer {
                item: number,
                outcome,
                text: self.owned(&name("text")),
                reason: (outcome == Outcome::Refused).then(|| self.reason(&name)),
            })
        };
        let limits = Limits {
            speciality: !self.text("speciality").is_empty(),
            return_by: self.day(t, "return_by")?,
            destroy_by: self.day(t, "destroy_by")?,
            preserved_until: self.day(t, "preserved_until")?,
        };
        Ok(Answer {
            text: self.owned("covering"),
            use_limits: self.owned("use_limits"),
            limits: (limits != Limits::default()).then_some(limits),
            items: (1..=count).filter_map(item).collect(),
            grounds: Default::default(),
            attachments: Vec::new(),
        })
    }

    /// What it decides; `None` where it decides nothing.
    pub(super) fn ruling(&self) -> Option<Ruling> {
        let decision = self.word("decision")?;
        let refused = decision == comity_rules::request::Decision::Refused;
        let name = |field: &str| format!("{field}_0");
        Some(Ruling {
            decision,
            text: self.owned("ruling"),
            reason: refused.then(|| self.reason(&name)),
            ground: None,
        })
    }

    /// What the answer was worth.
    pub(super) fn assessment(&self) -> Assessment {
        let score = |dimension: &&str| {
            let score = self.text(&format!("score_{dimension}")).parse().ok()?;
            Some(((*dimension).to_owned(), score))
        };
        let scores = DIMENSIONS.iter().filter_map(score).collect();
        Assessment { scores, text: self.owned("assessment") }
    }

    fn reason(&self, name: &impl Fn(&str) -> String) -> Reason {
        Reason {
            ground: self.owned(&name("ground")),
            law: self.owned(&name("law")),
            alternative: self.owned(&name("alternative")),
            consulted: match self.text(&name("consulted")) {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            },
        }
    }
}

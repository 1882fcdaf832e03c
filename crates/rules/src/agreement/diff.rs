//! What two terms say differently, place by place: a class by its id, a ground by its code.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Agreement;

/// A place at which two terms differ.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// Where, such as `class[U1-urgent].answer`.
    pub place: String,
    /// What the first says; none where it says nothing. Of lists, what only it has.
    pub before: Option<String>,
    /// What the second says, likewise.
    pub after: Option<String>,
}

/// The names by which the parts of a list are told apart, in this order.
const NAMES: [&str; 6] = ["id", "code", "step", "term", "party", "name"];

/// What changes from the first terms to the second, by place.
#[must_use]
pub fn changes(before: &Agreement, after: &Agreement) -> Vec<Change> {
    let flat = |agreement: &Agreement| {
        let mut out = BTreeMap::new();
        flatten("", &serde_json::to_value(agreement).unwrap_or_default(), &mut out);
        out
    };
    let (before, mut after) = (flat(before), flat(after));
    let mut changes = Vec::new();
    for (place, said) in before {
        let now = after.remove(&place);
        if now.as_ref() != Some(&said) {
            let (before, after) = match &now {
                Some(now) => apart(&said, now),
                None => (Some(said.join(", ")), None),
            };
            changes.push(Change { place, before, after });
        }
    }
    let added = after.into_iter();
    let new =
        |(place, said): (_, Vec<_>)| Change { place, before: None, after: Some(said.join(", ")) };
    changes.extend(added.map(new));
    changes.sort_by(|a, b| a.place.cmp(&b.place));
    changes
}

/// What only the first list has, and what only the second has; of the same in another order, both as they are.
fn apart(one: &[String], other: &[String]) -> (Option<String>, Option<String>) {
    let only = |of: &[String], than: &[String]| {
        let own: Vec<&str> =
            of.iter().filter(|said| !than.contains(said)).map(String::as_str).collect();
        (!own.is_empty()).then(|| own.join(", "))
    };
    match (only(one, other), only(other, one)) {
        (None, None) => (Some(one.join(", ")), Some(other.join(", "))),
        apart => apart,
    }
}

/// Places with what stands there, a list as one.
fn flatten(place: &str, value: &Value, out: &mut BTreeMap<String, Vec<String>>) {
    match value {
        Value::Null => {}
        Value::Object(entries) => {
            let dot = if place.is_empty() { "" } else { "." };
            for (name, value) in entries {
                flatten(&format!("{place}{dot}{name}"), value, out);
            }
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            out.insert(place.to_owned(), items.iter().map(plain).collect());
        }
        Value::Array(items) => {
            for (number, item) in (1..).zip(items) {
                let named = NAMES.iter().find_map(|name| item.get(name)).map(plain);
                let number: usize = number;
                let named = named.unwrap_or_else(|| number.to_string());
                flatten(&format!("{place}[{named}]"), item, out);
            }
        }
        other => {
            out.insert(place.to_owned(), vec![plain(other)]);
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::{TEMPLATES, Terms};

    #[test]
    fn what_changed_is_named_with_its_place() {
        let text = TEMPLATES.iter().find(|(id, _)| *id == "comity-model").map_or("", |(_, t)| *t);
        let other = text
            .replacen("answer = \"P3D\"", "answer = \"P2D\"", 1)
            .replacen("[review]\nevery = \"P6M\"", "[review]", 1)
            .replacen("\"law\", \"alternative\", ", "\"law\", ", 1)
            .replacen(
                "\"answer-overdue-by-half\", \"unreasoned-refusal\"",
                "\"unreasoned-refusal\", \"answer-overdue-by-half\"",
                1,
            )
            .replacen("id = \"U2-routine\"", "id = \"U2-plain\"", 1);
        let parse = |text: &str| Terms::parse(text).map_err(|problem| problem.to_string());
        let (Ok(one), Ok(other)) = (parse(text), parse(&other)) else { panic!("templates") };
        assert_eq!(changes(&one, &one), []);
        let found = changes(&one, &other);
        let said = |place: &str| {
            let change = found.iter().find(|change| change.place == place);
            change.map(|change| (change.before.as_deref(), change.after.as_deref()))
        };
        assert_eq!(said("class[U1-urgent].answer"), Some((Some("P3D"), Some("P2D"))));
        assert_eq!(
            said("refusal.must_state"),
            Some((Some("alternative"), None)),
            "not the whole list"
        );
        let turned = found.iter().find(|change| change.place.ends_with("triggers"));
        let turned = turned.and_then(|change| change.after.as_deref());
        assert_eq!(turned, Some("unreasoned-refusal, answer-overdue-by-half"), "in another order");
        assert_eq!(said("review.every"), Some((Some("P6M"), None)));
        assert_eq!(said("class[U2-routine].answer"), Some((Some("P10D"), None)));
        assert_eq!(said("class[U2-plain].answer"), Some((None, Some("P10D"))));
        assert!(said("class[U0-emergency].answer").is_none(), "what is the same is not said");
    }
}

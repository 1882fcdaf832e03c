//! What a statement says, name by name, in the reader's language: what leaves is shown before it does.

use serde_json::Value;

use crate::language::Language;

/// The names of values that are words of ours: of a field, how their keys begin.
const WORDS: [(&str, &str); 8] = [
    ("as", "relation"),
    ("data_category", "category"),
    ("decision", "decision"),
    ("infrastructure", "infrastructure"),
    ("kind", "asked"),
    ("outcome", "outcome"),
    ("verdict", "verdict"),
    ("verdicts", "verdict"),
];

/// What stands first: what it is, before what else is said of it.
const FIRST: [&str; 9] =
    ["title", "commitment", "kind", "decision", "outcome", "ask", "text", "facts", "items"];

/// What stands once more, to be opened for a review without the rest.
const AGAIN: [&str; 2] = ["ground", "grounds"];

/// Where something stands, such as `items[2].ask`, `item 2: text` or `limits.return_by`.
pub(crate) fn place(t: Language, place: &str) -> String {
    let between = |c: char| matches!(c, '.' | '[' | ']' | ':' | ' ');
    let mut out = String::new();
    for part in place.split(between).filter(|part| !part.is_empty()) {
        let number = part.bytes().all(|byte| byte.is_ascii_digit());
        if !out.is_empty() {
            out.push_str(if number { " " } else { ": " });
        }
        // Parties and dimensions of quality have names of their own.
        let name = ["field", "score"]
            .iter()
            .find_map(|sort| t.known(&format!("{sort}-{}", part.replace('_', "-"))));
        out.push_str(name.as_deref().unwrap_or(part));
    }
    out
}

/// What is said, nothing left out but what is empty or stands twice; of a file its name and how long it is.
pub(crate) fn spell(t: Language, said: &Value) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    walk(t, "", said, &mut lines);
    lines
}

fn walk(t: Language, at: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let whole = at.is_empty();
    let under = |name: &str| if whole { name.to_owned() } else { format!("{at}.{name}") };
    let text = match value {
        Value::Object(entries) => {
            let rank = |name: &str| FIRST.iter().position(|first| *first == name);
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(name, _)| rank(name).unwrap_or(FIRST.len()));
            for (name, value) in entries {
                match value {
                    _ if whole && AGAIN.contains(&name.as_str()) || name == "item" => {}
                    Value::Array(bytes) if name == "bytes" => {
                        lines.push((place(t, &under(name)), bytes.len().to_string()));
                    }
                    value => walk(t, &under(name), value, lines),
                }
            }
            return;
        }
        Value::Array(items) => {
            for (number, item) in (1..).zip(items) {
                // An answer says itself which item it is about.
                let number = item.get("item").and_then(Value::as_u64).unwrap_or(number);
                walk(t, &under(&number.to_string()), item, lines);
            }
            return;
        }
        Value::Null => return,
        Value::String(text) if text.is_empty() => return,
        Value::String(text) => word(t, at, text),
        Value::Bool(yes) => t.text(if *yes { "yes" } else { "no" }),
        Value::Number(number) => number.to_string(),
    };
    lines.push((place(t, at), text));
}

/// A value that is one of ours, in the reader's language.
fn word(t: Language, at: &str, text: &str) -> String {
    let sort = at
        .split('.')
        .rev()
        .find_map(|part| WORDS.iter().find(|(field, _)| *field == part).map(|(_, sort)| *sort));
    sort.and_then(|sort| t.known(&format!("{sort}-{text}"))).unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a letter may say has a name in both languages.
    #[test]
    fn every_field_of_a_letter_has_a_name() {
        let letters = [
            include_str!("../../rules/src/content.rs"),
            include_str!("../../rules/src/content/matter.rs"),
        ];
        let mut count = 0;
        for line in letters.iter().flat_map(|source| source.lines()) {
            let field = line.strip_prefix("    pub ").and_then(|line| line.split_once(": "));
            let Some((field, _)) = field.filter(|(name, _)| !name.contains([' ', '('])) else {
                continue;
            };
            let key = format!("field-{}", field.trim_start_matches("r#").replace('_', "-"));
            for t in [Language::English, Language::Chinese] {
                assert!(t.known(&key).is_some(), "{key} is not in the catalogue of {}", t.code());
            }
            count += 1;
        }
        assert!(count > 60, "{count} fields were found");
    }

    #[test]
    fn places_and_words_are_in_the_language() {
        let t = Language::English;
        assert_eq!(place(t, "items[2].ask"), "Item 2: The question");
        assert_eq!(place(t, "item 2: ground"), "Item 2: Ground of refusal");
        assert_eq!(place(t, "scores.follow-up"), "Scores: Follow-up");
        let said = serde_json::json!({
            "grounds": { "3": "not-competent" },
            "items": [{ "item": 3, "outcome": "refused", "reason": { "ground": "not-competent" }, "text": "" }],
            "verdicts": { "northland": "not-met" },
            "marking": "TLP:RED",
        });
        let line = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert!(spell(Language::Chinese, &said).contains(&line("事项 3: 结果", "已拒绝")));
        assert_eq!(
            spell(t, &said),
            [
                line("Item 3: Outcome", "refused"),
                line("Item 3: Reason: Ground of refusal", "not-competent"),
                line("Label", "TLP:RED"),
                line("Verdicts: northland", "not met"),
            ]
        );
    }
}

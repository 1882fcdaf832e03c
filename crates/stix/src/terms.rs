//! What an object can be found by: its words, and the values that other objects may share with it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use foldhash::{HashSet, HashSetExt as _};

use crate::json::{Json, Object};
use crate::pattern::{Pattern, Syntax};
use crate::schema::{self, Family};

/// Words of one object; beyond this it is a book.
const MOST_WORDS: usize = 4_000;
/// Values of one object.
const MOST_VALUES: usize = 4_000;
/// Characters of a word.
const LONGEST: usize = 64;

/// What an object can be found by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// The words of its texts, each once and in lower case, with a space between; of Chinese, Japanese and Korean each two
    /// characters that stand side by side.
    pub words: String,
    /// Values that are observed, in lower case: addresses, names of hosts, digests, and what indicators look for.
    pub values: BTreeSet<String>,
    /// The same as they stand, each with what it is: the type of an observable, or the name of a digest in lower case.
    pub said: Vec<(String, String)>,
}

/// What an object can be found by.
#[must_use]
pub fn terms(object: &Json<'_>) -> Terms {
    let mut terms = Terms::default();
    let Some(members) = object.as_object() else { return terms };
    let kind = members.text("type").unwrap_or_default();
    let mut words =
        Words { seen: HashSet::with_capacity(128), joined: String::with_capacity(1024) };
    words.of_members(members);
    terms.words = words.joined;
    terms.observed(kind, object);
    if let Some(observed) = members.member("objects").and_then(Json::as_object) {
        for (_, one) in observed.iter() {
            let kind = one.as_object().and_then(|one| one.text("type"));
            terms.observed(kind.unwrap_or_default(), one);
        }
    }
    if members.text("pattern_type").is_none_or(|kind| kind == "stix")
        && let Some(pattern) = members.text("pattern")
    {
        let version = members.text("pattern_version").or_else(|| members.text("spec_version"));
        if let Ok(pattern) = Pattern::parse(pattern, Syntax::of(version.unwrap_or("2.0"))) {
            for (kind, keys, text) in pattern.equal_texts() {
                match keys[..] {
                    [.., "hashes", name] => terms.value(&name.to_ascii_lowercase(), text),
                    _ => terms.value(kind, text),
                }
            }
        }
    }
    terms
}

/// The words of a text, as [`terms`] has them. The last of several ideographs is a word by itself, so that
/// whatever one looks for is the beginning of some word.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut word, mut length, mut before) = (String::new(), 0, None);
    for c in text.chars().flat_map(char::to_lowercase).chain([' ']) {
        if let Some(first) = before.take() {
            let ends = !is_ideograph(c);
            found.push(if ends { String::from(first) } else { [first, c].iter().collect() });
        }
        if is_ideograph(c) {
            before = Some(c);
        } else if c.is_alphanumeric() {
            length += 1;
            if length <= LONGEST {
                word.push(c);
            }
            continue;
        }
        if !word.is_empty() {
            found.push(std::mem::take(&mut word));
            length = 0;
        }
    }
    found
}

/// Whether a character is a word by itself.
#[must_use]
pub fn is_ideograph(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// A value as objects are compared by it.
#[must_use]
pub fn value(text: &str) -> String {
    text.trim().trim_end_matches('.').to_lowercase()
}

/// Words as they are found.
struct Words<'j> {
    seen: HashSet<Cow<'j, str>>,
    joined: String,
}

impl<'j> Words<'j> {
    fn of_members(&mut self, members: &'j Object<'_>) {
        for (name, value) in members.iter().filter(|(name, _)| !is_bookkeeping(name)) {
            self.of(name, value);
        }
    }

    fn of(&mut self, name: &str, value: &'j Json<'_>) {
        match value {
            Json::String(text) if !is_reference(name) && !is_time(text) => self.of_text(text),
            Json::Array(elements) => elements.iter().for_each(|one| self.of(name, one)),
            Json::Object(members) => self.of_members(members),
            _ => {}
        }
    }

    fn of_text(&mut self, text: &'j str) {
        if !text.is_ascii() {
            words(text).into_iter().for_each(|word| self.add(word.into()));
            return;
        }
        // The same as `words`, and most words are as they stand.
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
        {
            let word = &word[..word.len().min(LONGEST)];
            let is_lower = !word.bytes().any(|byte| byte.is_ascii_uppercase());
            self.add(if is_lower { word.into() } else { word.to_ascii_lowercase().into() });
        }
    }

    fn add(&mut self, word: Cow<'j, str>) {
        if self.seen.len() >= MOST_WORDS || self.seen.contains(&word) {
            return;
        }
        if !self.joined.is_empty() {
            self.joined.push(' ');
        }
        self.joined.push_str(&word);
        self.seen.insert(word);
    }
}

impl Terms {
    /// What an observable is known by.
    fn observed(&mut self, kind: &str, object: &Json<'_>) {
        let Some(members) = object.as_object() else { return };
        self.hashes(object, 0);
        let known = schema::known(kind).map(|known| known.of.family);
        if !matches!(known, Some(Family::Observable) | None) {
            return;
        }
        let names: &[&str] = match kind {
            "file" | "mutex" => &["name"],
            "directory" => &["path"],
            "windows-registry-key" => &["key"],
            "user-account" => &["account_login", "user_id"],
            "x509-certificate" => &["serial_number"],
            "process" => &["command_line"],
            "email-message" => &["message_id"],
            "autonomous-system" => {
                if let Some(Json::Number(number)) = members.member("number") {
                    self.value(kind, &format!("AS{}", number.as_f64()));
                }
                &[]
            }
            _ => &["value"],
        };
        names.iter().filter_map(|name| members.text(name)).for_each(|text| self.value(kind, text));
    }

    fn hashes(&mut self, value: &Json<'_>, depth: usize) {
        let Some(members) = value.as_object() else { return };
        for (name, value) in members.iter() {
            if name == "hashes" {
                let hashes = value.as_object().into_iter().flat_map(Object::iter);
                for (name, hash) in hashes.filter_map(|(name, hash)| Some((name, hash.as_str()?))) {
                    self.value(&name.to_ascii_lowercase(), hash);
                }
            } else if depth < 3 {
                self.hashes(value, depth + 1);
            }
        }
    }

    fn value(&mut self, kind: &str, text: &str) {
        let value = value(text);
        if !value.is_empty() && self.values.len() < MOST_VALUES && self.values.insert(value) {
            self.said.push((kind.to_owned(), text.to_owned()));
        }
    }
}

/// What is there for programs, not for whoever looks for something.
fn is_bookkeeping(name: &str) -> bool {
    matches!(
        name,
        "id" | "type"
            | "spec_version"
            | "object_marking_refs"
            | "granular_markings"
            | "extension_type"
            | "pattern_type"
            | "pattern_version"
    )
}

fn is_reference(name: &str) -> bool {
    name.ends_with("_ref") || name.ends_with("_refs")
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.ends_with('Z') && crate::time::Time::parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn words_are_letters_and_digits_and_pairs_of_ideographs() {
        assert_eq!(words("C2.Evil-Host.example"), ["c2", "evil", "host", "example"]);
        assert_eq!(words("网络安全"), ["网络", "络安", "安全", "全"]);
        assert_eq!(words("APT1 攻击 Ünïcode"), ["apt1", "攻击", "击", "ünïcode"]);
        assert_eq!(words(&"a".repeat(100)), ["a".repeat(64)]);
    }

    /// ASCII is read faster: what comes of it is the same.
    #[test]
    fn the_words_of_an_object_are_those_of_its_texts() {
        let long = "a".repeat(100);
        for text in
            ["C2.Evil-Host.example evil", "网络安全 APT1 apt1", "Ünïcode_x", &long, "", " - "]
        {
            let object = serde_json::json!({ "type": "note", "content": text }).to_string();
            let found = terms(&json::parse(object.as_bytes()).unwrap_or(Json::Null)).words;
            let mut wanted = Vec::new();
            for word in words(text) {
                if !wanted.contains(&word) {
                    wanted.push(word);
                }
            }
            assert_eq!(found, wanted.join(" "), "{text}");
        }
    }

    #[test]
    fn values_are_told_as_they_stand() {
        let object = r#"{"type":"indicator","pattern_type":"stix","spec_version":"2.1",
            "pattern":"[url:value = 'http://Evil.example/AbC' OR file:hashes.'SHA-1' = 'AB']"}"#;
        let found = terms(&json::parse(object.as_bytes()).unwrap_or(Json::Null));
        let said = |kind: &str, text: &str| (kind.to_owned(), text.to_owned());
        assert_eq!(found.said, [said("url", "http://Evil.example/AbC"), said("sha-1", "AB")]);
    }

    #[test]
    fn values_are_what_is_observed_or_looked_for() {
        for (object, wanted) in [
            (r#"{"type":"domain-name","value":"Evil.Example."}"#, vec!["evil.example"]),
            (
                r#"{"type":"indicator","pattern_type":"stix","spec_version":"2.1","pattern":"[ipv4-addr:value = '203.0.113.7' OR file:hashes.MD5 = '44D88612FEA8A8F36DE82E1278ABB02F']"}"#,
                vec!["203.0.113.7", "44d88612fea8a8f36de82e1278abb02f"],
            ),
            (r#"{"type":"file","name":"a.exe","hashes":{"MD5":"AA"}}"#, vec!["a.exe", "aa"]),
            (
                r#"{"type":"observed-data","objects":{"0":{"type":"url","value":"http://a/"}}}"#,
                vec!["http://a/"],
            ),
            (r#"{"type":"campaign","name":"x"}"#, vec![]),
        ] {
            let found = terms(&json::parse(object.as_bytes()).unwrap_or(Json::Null));
            assert_eq!(found.said.len(), wanted.len(), "{object}");
            assert_eq!(found.values.into_iter().collect::<Vec<_>>(), wanted, "{object}");
        }
    }
}

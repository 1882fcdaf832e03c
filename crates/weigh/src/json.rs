//! JSON as it was written: in order, with every name once, and with the place of everything, so that
//! an error can say where it is. A parser that quietly takes the last of two items of one name would
//! drop evidence.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// What is wrong with an input, where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct InputError {
    /// The path of names and positions, or the line and column.
    pub place: String,
    /// What is wrong, and what to write instead.
    pub problem: String,
}

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<'a> {
    value: &'a Json,
    place: String,
}

impl Json {
    pub(crate) fn parse(text: &str) -> Result<Self, InputError> {
        serde_json::from_str(text).map_err(|error| {
            let whole = error.to_string();
            let problem = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(first, _)| first);
            InputError {
                place: format!("line {}, column {}", error.line(), error.column()),
                problem: problem.to_owned(),
            }
        })
    }

    pub(crate) fn at(&self) -> At<'_> {
        At { value: self, place: String::new() }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl<'a> At<'a> {
    pub(crate) fn wrong(&self, problem: impl Into<String>) -> InputError {
        let place = if self.place.is_empty() { "the file" } else { &self.place };
        InputError { place: place.to_owned(), problem: problem.into() }
    }

    fn want(&self, what: &str) -> InputError {
        self.wrong(format!("want {what}, found {}", self.value.kind()))
    }

    /// The entries of an object, in order.
    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, At<'a>)>, InputError> {
        let Json::Object(entries) = self.value else { return Err(self.want("an object")) };
        let dot = if self.place.is_empty() { "" } else { "." };
        let at = |(name, value): &'a (String, Json)| {
            (name.as_str(), At { value, place: format!("{}{dot}{name}", self.place) })
        };
        Ok(entries.iter().map(at).collect())
    }

    /// The entry of this name, where there is one.
    pub(crate) fn entry(&self, name: &str) -> Result<Option<At<'a>>, InputError> {
        Ok(self.entries()?.into_iter().find(|(known, _)| *known == name).map(|(_, at)| at))
    }

    /// The entry of this name.
    pub(crate) fn needed(&self, name: &str) -> Result<At<'a>, InputError> {
        self.entry(name)?.ok_or_else(|| self.wrong(format!("{name} is missing")))
    }

    pub(crate) fn list(&self) -> Result<Vec<At<'a>>, InputError> {
        let Json::Array(items) = self.value else { return Err(self.want("a list")) };
        let at = |(index, value)| At { value, place: format!("{}[{index}]", self.place) };
        Ok(items.iter().enumerate().map(at).collect())
    }

    /// That there are no names but these.
    pub(crate) fn only(&self, names: &[&str]) -> Result<(), InputError> {
        match self.entries()?.into_iter().find(|(name, _)| !names.contains(name)) {
            Some((_, entry)) => {
                Err(entry.wrong(format!("not a name here; there are {}", names.join(", "))))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn text(&self) -> Result<&'a str, InputError> {
        match self.value {
            // It is printed: a terminal must not act on it, nor a reader take it for our own line.
            Json::Text(text) if text.contains(acts) => Err(self.wrong(
                "want a text without control characters, line breaks, or signs that are not seen",
            )),
            Json::Text(text) if text.trim() != text => Err(self.wrong(
                "want a text without spaces at its ends: names that only these tell apart are one",
            )),
            Json::Text(text) if !text.trim().is_empty() => Ok(text),
            Json::Text(_) => Err(self.wrong("want a text that is not empty")),
            _ => Err(self.want("a text")),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, InputError> {
        match self.value {
            Json::Bool(value) => Ok(*value),
            _ => Err(self.want("true or false")),
        }
    }

    pub(crate) fn number(&self) -> Result<f64, InputError> {
        match self.value {
            // Amounts of money: whole ones up to 2^53 are exact.
            #[expect(clippy::cast_precision_loss, reason = "see above")]
            Json::Integer(value) => Ok(*value as f64),
            Json::Float(value) => Ok(*value),
            _ => Err(self.want("a number")),
        }
    }

    pub(crate) fn integer(&self) -> Result<i64, InputError> {
        match self.value {
            Json::Integer(value) => Ok(*value),
            _ => Err(self.want("an integer")),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        let mut names = HashSet::new();
        while let Some((name, value)) = entries.next_entry::<String, Json>()? {
            if name.contains(acts) || name.trim() != name {
                let problem = format!(
                    "the name {name:?} has a control character, a sign that is not seen, or a space at an end"
                );
                return Err(serde::de::Error::custom(problem));
            }
            if !names.insert(name.clone()) {
                let problem = format!("the name {name:?} stands twice here; each may stand once");
                return Err(serde::de::Error::custom(problem));
            }
            object.push((name, value));
        }
        Ok(Json::Object(object))
    }
}

/// Characters that a terminal acts on, and those by which two names differ to no reader: marks of direction, joiners,
/// spaces without width.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c), 0xad | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff)
}

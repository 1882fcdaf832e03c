//! JSON as it was received: strings borrowed from the bytes, members in their order.
//!
//! [`parse`] refuses what two readers could read in two ways (a member twice in one object) and what
//! costs more than its size (nesting beyond [`MAX_DEPTH`]).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// How deep values may be nested.
pub const MAX_DEPTH: usize = 127;
/// Members up to which comparing each with each is cheaper than a set.
const FEW: usize = 24;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// A JSON number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Without a fraction or exponent, and small enough.
    Integer(i64),
    /// Any other.
    Float(f64),
}

impl Number {
    /// The nearest float.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a float has no more")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// The members of an object, in their order, each name once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

/// Why bytes are no JSON, with line and column.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(#[from] serde_json::Error);

/// The value that these bytes are, which must be all of them.
///
/// # Errors
/// Where they are no JSON, name a member twice, or are nested too deep.
pub fn parse(bytes: &[u8]) -> Result<Json<'_>, Error> {
    // One pass over all of them is cheaper than one for each string.
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(serde_json::from_str(text)?),
        Err(_) => Ok(serde_json::from_slice(bytes)?),
    }
}

impl<'a> Json<'a> {
    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The object, if it is one.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// The elements, if it is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json<'a>]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    /// What kind of value it is, as messages say it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(Number::Integer(_)) => "an integer",
            Self::Number(Number::Float(_)) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl<'a> Object<'a> {
    /// The value of a member.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    /// The value of a member that is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_str()
    }

    /// Whether there is a member of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    /// The members, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A member that comes twice.
    fn doubled(&self) -> Option<&str> {
        if self.0.len() > FEW {
            let mut seen = HashSet::with_capacity(self.0.len());
            return self.0.iter().find(|(name, _)| !seen.insert(&**name)).map(|(name, _)| &**name);
        }
        let earlier = |(at, (name, _)): (usize, &(Cow<'_, str>, _))| {
            self.0[..at].iter().any(|(other, _)| other == name)
        };
        (1..self.0.len()).find(|&at| earlier((at, &self.0[at]))).map(|at| &*self.0[at].0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Build)
    }
}

struct Build;

impl<'de> Visitor<'de> for Build {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Number::Integer(value)))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 2^63 a number is approximate, as in JSON itself"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        let number = i64::try_from(value).map_or(Number::Float(value as f64), Number::Integer);
        Ok(Json::Number(number))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(Number::Float(value)))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some(Name(name)) = map.next_key()? {
            members.push((name, map.next_value()?));
        }
        let object = Object(members);
        if let Some(name) = object.doubled() {
            let name: String = name.chars().take(80).collect();
            return Err(de::Error::custom(format!(
                "the member {name:?} comes twice in one object"
            )));
        }
        Ok(Json::Object(object))
    }
}

/// A member's name: borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_strings_are_borrowed() {
        let value = parse(br#"{"b":1,"a":"x","c":"\u0061"}"#).unwrap();
        let object = value.as_object().unwrap();
        let names: Vec<_> = object.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a", "c"]);
        assert!(matches!(object.member("a"), Some(Json::String(Cow::Borrowed("x")))));
        assert_eq!(object.text("c"), Some("a"));
    }

    #[test]
    fn what_can_be_read_in_two_ways_or_costs_too_much_is_refused() {
        for doubled in [r#"{"a":1,"a":2}"#.to_owned(), r#"{"a":1,"\u0061":2}"#.to_owned(), {
            let many: String = (0..100).map(|n| format!("\"k{n}\":0,")).collect();
            format!("{{{many}\"k7\":1}}")
        }] {
            let error = parse(doubled.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("twice"), "{error}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).unwrap_err().to_string().contains("recursion"));
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(parse(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        for bad in [&b"\"\xff\""[..], b"{} {}", b"", b"{\"a\":NaN}", b"\"\\ud800\"", b"1e999"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}

//! A comparison, made ready once and put to many objects.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fancy_regex::{Regex, RegexBuilder};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::Error;
use super::lex::hex;
use super::observed::Around;
use super::parse::{Expression, Literal, Operator, Step, Test};
use crate::finding::shown;
use crate::json::{Json, Number, Object};
use crate::time::Time;

/// Steps back that one regular expression may take on one value. What takes more does not match.
pub const MAX_BACKTRACKS: usize = 100_000;
/// Bytes that a compiled regular expression may take.
const MAX_REGEX: usize = 1 << 20;

/// A comparison expression, ready.
pub(super) enum Ready {
    Test(ReadyTest),
    And(Vec<Ready>),
    Or(Vec<Ready>),
}

pub(super) struct ReadyTest {
    kind: String,
    path: Vec<Step>,
    negated: bool,
    compare: Compare,
}

enum Compare {
    Equal(Literal),
    NotEqual(Literal),
    Ordered(Literal, fn(Ordering) -> bool),
    In(Vec<Literal>),
    Like(Regex),
    Matches(Regex),
    Subset(Option<Network>),
    Superset(Option<Network>),
    Exists,
}

/// A value on the way through a path.
enum Value<'j> {
    Json(&'j Json<'j>),
    /// What a property whose name ends in `_hex` or `_bin` stands for.
    Bytes(Vec<u8>),
    /// The object that a reference names.
    Object(&'j Object<'j>),
}

impl Ready {
    pub(super) fn new(expression: &Expression) -> Result<Self, Error> {
        let all = |all: &[Expression]| all.iter().map(Self::new).collect::<Result<Vec<_>, _>>();
        Ok(match expression {
            Expression::And(each) => Self::And(all(each)?),
            Expression::Or(each) => Self::Or(all(each)?),
            Expression::Test(test) => Self::Test(ReadyTest::new(test)?),
        })
    }

    /// Whether an object of an observation satisfies it; the others are for references.
    pub(super) fn is_met(&self, kind: &str, object: &Object<'_>, around: &Around<'_, '_>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.is_met(kind, object, around)),
            Self::Or(all) => all.iter().any(|one| one.is_met(kind, object, around)),
            Self::Test(test) => {
                test.kind == kind && {
                    let met = test.any(Value::Object(object), &test.path, around);
                    let not_there = test.negated && matches!(test.compare, Compare::Exists);
                    met != not_there
                }
            }
        }
    }
}

impl ReadyTest {
    fn new(test: &Test) -> Result<Self, Error> {
        let order = |literal: &Literal, wanted| Compare::Ordered(literal.clone(), wanted);
        let compare = match &test.operator {
            Operator::Equal(literal) => Compare::Equal(literal.clone()),
            Operator::NotEqual(literal) => Compare::NotEqual(literal.clone()),
            Operator::Less(literal) => order(literal, Ordering::is_lt),
            Operator::LessOrEqual(literal) => order(literal, Ordering::is_le),
            Operator::Greater(literal) => order(literal, Ordering::is_gt),
            Operator::GreaterOrEqual(literal) => order(literal, Ordering::is_ge),
            Operator::In(set) => Compare::In(set.clone()),
            Operator::Like(text) => Compare::Like(regex(&like(&normal(text)))?),
            Operator::Matches(text) => Compare::Matches(regex(&normal(text))?),
            Operator::Subset(text) => Compare::Subset(Network::parse(text)),
            Operator::Superset(text) => Compare::Superset(Network::parse(text)),
            Operator::Exists => Compare::Exists,
        };
        let (kind, path) = (test.kind.clone(), test.path.clone());
        Ok(Self { kind, path, negated: test.negated, compare })
    }

    /// Whether any value that the path leads to meets the comparison.
    #[expect(clippy::needless_pass_by_value, reason = "each step makes another value")]
    fn any(&self, value: Value<'_>, path: &[Step], around: &Around<'_, '_>) -> bool {
        let Some((step, rest)) = path.split_first() else { return self.meets(&value) };
        let Step::Key(key) = step else {
            let Value::Json(Json::Array(elements)) = value else { return false };
            return match step {
                Step::Index(index) => {
                    let element = usize::try_from(*index).ok().and_then(|at| elements.get(at));
                    element.is_some_and(|element| self.any(Value::Json(element), rest, around))
                }
                _ => elements.iter().any(|element| self.any(Value::Json(element), rest, around)),
            };
        };
        let object = match value {
            Value::Object(object) | Value::Json(Json::Object(object)) => object,
            _ => return false,
        };
        let Some(value) = object.member(key) else { return false };
        // A reference is followed; the list of them is one of objects then.
        if key.ends_with("_ref") {
            let there = value.as_str().and_then(|reference| around.object(reference));
            return there.is_some_and(|object| self.any(Value::Object(object), rest, around));
        }
        if let (true, Json::Array(references)) = (key.ends_with("_refs"), value) {
            return self.any_of(references, rest, around);
        }
        match (key, value) {
            (key, Json::String(text)) if key.ends_with("_hex") => {
                hex(text).is_some_and(|bytes| self.any(Value::Bytes(bytes), rest, around))
            }
            (key, Json::String(text)) if key.ends_with("_bin") => {
                let bytes = STANDARD.decode(text.as_bytes());
                bytes.is_ok_and(|bytes| self.any(Value::Bytes(bytes), rest, around))
            }
            _ => self.any(Value::Json(value), rest, around),
        }
    }

    fn any_of(&self, references: &[Json<'_>], rest: &[Step], around: &Around<'_, '_>) -> bool {
        let mut objects = references.iter().filter_map(|one| around.object(one.as_str()?));
        match rest.split_first() {
            Some((Step::Any, rest)) => {
                objects.any(|object| self.any(Value::Object(object), rest, around))
            }
            Some((Step::Index(index), rest)) => {
                let object = usize::try_from(*index).ok().and_then(|at| objects.nth(at));
                object.is_some_and(|object| self.any(Value::Object(object), rest, around))
            }
            // The list itself: it is there, and equal to no literal.
            None => match &self.compare {
                Compare::Exists => true,
                _ => self.negated || matches!(self.compare, Compare::NotEqual(_)),
            },
            Some((Step::Key(_), _)) => false,
        }
    }

    fn meets(&self, value: &Value<'_>) -> bool {
        let met = match &self.compare {
            Compare::Exists => return true,
            Compare::Equal(literal) => equal(value, literal),
            Compare::NotEqual(literal) => !equal(value, literal),
            // What has no order with it is on neither side, negated or not.
            Compare::Ordered(literal, wanted) => match compare(value, literal) {
                Some(order) => wanted(order),
                None => return false,
            },
            Compare::In(set) => set.iter().any(|literal| equal(value, literal)),
            Compare::Like(regex) | Compare::Matches(regex) => match value {
                Value::Json(Json::String(text)) => is_match(regex, &normal(text)),
                // Bytes are the characters of these numbers, as literals have them.
                Value::Bytes(bytes) => {
                    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                    is_match(regex, &text)
                }
                _ => false,
            },
            Compare::Subset(network) => match (network, Network::of(value)) {
                (Some(network), Some(value)) => network.contains(&value),
                _ => false,
            },
            Compare::Superset(network) => match (network, Network::of(value)) {
                (Some(network), Some(value)) => value.contains(network),
                _ => false,
            },
        };
        met != self.negated
    }
}

fn is_match(regex: &Regex, text: &str) -> bool {
    // What takes too many steps is no match.
    regex.is_match(text).unwrap_or(false)
}

fn regex(text: &str) -> Result<Regex, Error> {
    // Section 9.6.1 wants that a dot stands for the end of a line too.
    let mut builder = RegexBuilder::new(&format!("(?s){}", perl(text)));
    builder.backtrack_limit(MAX_BACKTRACKS).delegate_size_limit(MAX_REGEX);
    builder.build().map_err(|error| {
        let problem = shown(&error.to_string());
        Error::Meaning(format!("'{}' is no regular expression: {problem}", shown(text)))
    })
}

/// A regular expression of Perl's as ours are read: there `\<` is no boundary, and in a class a bracket, `&&` and `~~`
/// are themselves.
fn perl(text: &str) -> String {
    let mut ours = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    // In a class: where what may stand first in it begins.
    let mut class: Option<usize> = None;
    while let Some((at, c)) = chars.next() {
        let rest = &text[at + c.len_utf8()..];
        match (c, class) {
            ('\\', _) => match chars.next() {
                Some((_, c @ ('<' | '>'))) => ours.push(c),
                Some((_, c)) => ours.extend(['\\', c]),
                None => ours.push('\\'),
            },
            ('[', None) => {
                class = Some(at + if rest.starts_with('^') { 2 } else { 1 });
                ours.push('[');
            }
            (']', Some(first)) if at > first => {
                class = None;
                ours.push(']');
            }
            ('[', Some(_)) if rest.starts_with(':') && rest.contains(":]") => {
                let name = rest.find(":]").map_or(0, |end| end + 2);
                ours.push('[');
                ours.push_str(&rest[..name]);
                chars.by_ref().nth(rest[..name].chars().count().saturating_sub(1));
            }
            ('[' | '&' | '~', Some(_)) => ours.extend(['\\', c]),
            _ => ours.push(c),
        }
    }
    ours
}

/// `%` is any characters, `_` one.
fn like(text: &str) -> String {
    let mut regex = String::from("(?s)^");
    for c in text.chars() {
        match c {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            c if c.is_alphanumeric() => regex.push(c),
            c if c.is_ascii_punctuation() => regex.extend(['\\', c]),
            c => regex.push(c),
        }
    }
    regex.push('$');
    regex
}

/// Section 9.6.2: for LIKE and MATCHES alone; all others compare code points as they are.
fn normal(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

fn equal(value: &Value<'_>, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::Json(Json::Bool(value)), Literal::Bool(literal)) => value == literal,
        _ => compare(value, literal) == Some(Ordering::Equal),
    }
}

/// The order of a value and a literal, where there is one: section 9.6.
fn compare(value: &Value<'_>, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Json(Json::Number(number)), Literal::Integer(literal)) => match number {
            Number::Integer(number) => Some(number.cmp(literal)),
            #[expect(clippy::cast_precision_loss, reason = "a float has no more")]
            Number::Float(number) => number.partial_cmp(&(*literal as f64)),
        },
        (Value::Json(Json::Number(number)), Literal::Float(literal)) => {
            number.as_f64().partial_cmp(literal)
        }
        (Value::Json(Json::String(text)), Literal::Text(literal)) => {
            Some((**text).cmp(literal.as_str()))
        }
        (Value::Json(Json::String(text)), Literal::Time(literal)) => {
            Some(Time::parse(text)?.cmp(literal))
        }
        (Value::Json(Json::String(text)), Literal::Bytes(literal)) => {
            Some(latin(text)?.as_slice().cmp(literal))
        }
        (Value::Bytes(bytes), Literal::Bytes(literal)) => Some(bytes.cmp(literal)),
        (Value::Bytes(bytes), Literal::Text(literal)) => Some(bytes.cmp(&latin(literal)?)),
        _ => None,
    }
}

/// The bytes that a text's characters are the numbers of, where none is beyond 255.
fn latin(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// An address, or a network.
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (host, prefix) = match text.split_once('/') {
            Some((host, prefix)) => (host, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = host.parse().ok()?;
        let bits = if matches!(address, IpAddr::V4(_)) { 32 } else { 128 };
        let digits = |prefix: &&str| prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            None => bits,
            Some(prefix) => Some(prefix).filter(digits)?.parse().ok().filter(|p| *p <= bits)?,
        };
        Some(Self { address, prefix })
    }

    fn of(value: &Value<'_>) -> Option<Self> {
        if let Value::Json(Json::String(text)) = value { Self::parse(text) } else { None }
    }

    fn contains(&self, other: &Self) -> bool {
        if self.prefix > other.prefix {
            return false;
        }
        let bits = |address: Ipv4Addr| u128::from(address.to_bits()) << 96;
        let (own, others) = match (self.address, other.address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (bits(own), bits(other)),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits()),
            _ => return false,
        };
        self.prefix == 0 || (own ^ others) >> (128 - self.prefix) == 0
    }
}

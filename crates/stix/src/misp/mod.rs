//! MISP: events into STIX 2.1 and back.
//!
//! What MISP's own converter makes of attributes, objects and galaxies is what is made here, as far as it has a type of
//! STIX; what has none becomes an `x-misp-attribute` or an `x-misp-object`, so that nothing is lost. An identifier of
//! STIX has the UUID of what it was made from: the same event gives the same objects.

mod attribute;
mod back;
mod event;
mod export;
mod galaxy;
mod object;
mod parts;
mod template;
mod types;

pub use event::to_stix;
pub use export::{Event, events};

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Under which UUIDs are made of names.
const NAMES: Uuid = Uuid::from_u128(0x3f0b_1c52_9a1e_5d1b_8a57_6c1d_55a3_7e10);

/// What could not be read as an event of MISP.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no JSON.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is no event.
    #[error("this is no event of MISP: want \"Event\", \"response\" or a list of them")]
    NoEvent,
}

/// What an event became.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Converted {
    /// Objects of STIX 2.1.
    pub objects: Vec<Value>,
    /// What became nothing, and why.
    pub left: Vec<(String, String)>,
}

/// Whether a file may be of MISP: a guess that is enough to choose a reader.
#[must_use]
pub fn is_event(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Head<'a> {
        #[serde(rename = "Event", borrow, default)]
        event: Option<&'a serde_json::value::RawValue>,
        #[serde(borrow, default)]
        response: Option<&'a serde_json::value::RawValue>,
    }
    // A list is read as a struct too, were it asked for one.
    let is = |text: &[u8]| {
        text.trim_ascii_start().starts_with(b"{")
            && serde_json::from_slice::<Head<'_>>(text)
                .is_ok_and(|head| head.event.is_some() || head.response.is_some())
    };
    is(bytes)
        || serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(bytes)
            .is_ok_and(|all| !all.is_empty() && all.iter().all(|one| is(one.get().as_bytes())))
}

/// The UUID of something of MISP, or one that follows from what it says.
fn uuid_of(value: &Value) -> String {
    let own = value["uuid"].as_str().map(str::to_ascii_lowercase);
    let own = own.filter(|own| crate::id::Id::parse(&format!("x--{own}")).is_some());
    own.unwrap_or_else(|| named(&value.to_string()))
}

/// A UUID that follows from a text.
fn named(text: &str) -> String {
    Uuid::new_v5(&NAMES, text.as_bytes()).to_string()
}

/// A text, where it is one and says something.
fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value[name].as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// What an attribute says: a text, though some write numbers and truths as what they are.
fn value_of(attribute: &Value) -> Option<Cow<'_, str>> {
    match &attribute["value"] {
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(truth) => Some(u8::from(*truth).to_string().into()),
        _ => text(attribute, "value").map(Cow::Borrowed),
    }
}

/// A list; none is an empty one.
fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// Seconds since 1970, as a text or a number.
fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A time of STIX, with milliseconds.
fn stamp(seconds: i64) -> String {
    let seconds = seconds.clamp(0, 253_402_300_799);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 1970 as a date: Howard Hinnant's civil_from_days.
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

/// Labels of MISP's type and category.
fn labels(pairs: &[(&str, &str)], tags: &[String]) -> Value {
    let own = pairs.iter().map(|(name, value)| format!("misp:{name}=\"{value}\""));
    own.chain(tags.iter().cloned()).collect()
}

/// What a label of MISP's says.
fn label(object: &Value, name: &str) -> Option<String> {
    let prefix = format!("misp:{name}=\"");
    let labels = list(object, "labels").iter().filter_map(Value::as_str);
    let mut found = labels.filter_map(|label| label.strip_prefix(&prefix)?.strip_suffix('"'));
    found.next().map(str::to_owned)
}

/// What tags say: markings, and labels for the rest.
#[derive(Debug, Clone, Default)]
struct Tags {
    tlp: Vec<String>,
    pap: Vec<String>,
    labels: Vec<String>,
    /// Definitions that are not everyone's.
    definitions: Vec<Value>,
}

impl Tags {
    /// The tags of an event or an attribute; of a cluster that becomes an object of its own that is enough.
    fn of(value: &Value) -> Self {
        use crate::marking::{Pap, Tlp};
        let mut tags = Self::default();
        let clusters = galaxy::tagged(value);
        for name in names(value) {
            let prefix = name.split([':', ' ']).next().unwrap_or_default().to_ascii_lowercase();
            match prefix.as_str() {
                "tlp" => match Tlp::parse(name) {
                    Some(tlp) => tags.tlp.push(tlp.id().to_owned()),
                    // What is no label lets nobody see.
                    None => tags.tlp.extend(define(name, &mut tags.definitions)),
                },
                "pap" => {
                    let label = Pap::parse(name).map(Pap::label);
                    let label = label.unwrap_or(name);
                    tags.pap.extend(define(label, &mut tags.definitions));
                }
                "misp-galaxy" if clusters.iter().any(|tag| tag == name) => {}
                _ => tags.labels.push(name.to_owned()),
            }
        }
        for list in [&mut tags.tlp, &mut tags.pap] {
            list.sort_unstable();
            list.dedup();
        }
        tags
    }

    /// What is not said here is what is said of the whole.
    fn inherit(&mut self, whole: &Self) {
        if self.tlp.is_empty() {
            self.tlp.clone_from(&whole.tlp);
        }
        if self.pap.is_empty() {
            self.pap.clone_from(&whole.pap);
        }
    }

    fn mark(&self, object: &mut Map<String, Value>) {
        let all: Vec<String> = self.tlp.iter().chain(&self.pap).cloned().collect();
        if !all.is_empty() {
            object.insert("object_marking_refs".to_owned(), all.into());
        }
    }
}

/// The names of tags, in whichever of the shapes in which MISP's interfaces and exports have them.
fn names(value: &Value) -> Vec<&str> {
    fn gather<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::String(name) => found.push(name.trim()),
            Value::Array(all) => all.iter().for_each(|one| gather(one, found)),
            Value::Object(one) => {
                let inner = one.get("Tag").or_else(|| one.get("name"));
                inner.into_iter().for_each(|inner| gather(inner, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for name in ["Tag", "EventTag", "AttributeTag"] {
        gather(&value[name], &mut found);
    }
    found.retain(|name| !name.is_empty());
    found
}

fn define(label: &str, definitions: &mut Vec<Value>) -> Option<String> {
    let definition = definition(label);
    let id = definition["id"].as_str().map(str::to_owned);
    definitions.push(definition);
    id
}

/// Whether it was deleted: MISP says so in several ways.
fn is_deleted(value: &Value) -> bool {
    let deleted = &value["deleted"];
    deleted.as_bool() == Some(true) || seconds(deleted).is_some_and(|number| number != 0)
}

/// A definition of a label that nobody has defined for all: the same for the same label.
#[must_use]
pub fn definition(label: &str) -> Value {
    json!({
        "type": "marking-definition", "spec_version": "2.1",
        "id": format!("marking-definition--{}", named(label)), "created": "2026-01-01T00:00:00.000Z",
        "name": label, "definition_type": "statement", "definition": { "statement": label },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(stamp(1_603_642_920), "2020-10-25T16:22:00.000Z");
        assert_eq!(stamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(stamp(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(stamp(i64::MAX), "9999-12-31T23:59:59.000Z");
    }
}

//! Paths to parts of an object, and objects without some of their parts: everything else stays byte for byte.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::id;
use crate::json::{self, Json, MAX_DEPTH};

/// A step from a value into it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// To a member of an object.
    Name(String),
    /// To an element of a list, counted from 0.
    At(usize),
}

/// A path from an object to a part of it.
pub type Path = Vec<Step>;

/// The part of an object that a selector of granular markings names (section 7.2.3.1): `labels.[1]`. `None` where
/// it names none.
#[must_use]
pub fn selected(object: &Json<'_>, selector: &str) -> Option<Path> {
    let mut path = Vec::new();
    let mut at = object;
    for step in selector.split('.') {
        let index = step.strip_prefix('[').and_then(|step| step.strip_suffix(']'));
        match (at, index.and_then(|index| index.parse::<usize>().ok())) {
            (Json::Array(elements), Some(index)) => {
                at = elements.get(index)?;
                path.push(Step::At(index));
            }
            (Json::Object(members), _) => {
                at = members.member(step)?;
                path.push(Step::Name(step.to_owned()));
            }
            _ => return None,
        }
    }
    Some(path)
}

/// Every identifier of another object that an object names, with its place: whatever text is one or has one in it, and
/// whatever name is one, at any depth. Markings are none, and definitions of extensions where they name what they define.
#[must_use]
pub fn references(object: &Json<'_>) -> Vec<(Path, String)> {
    let own = object.as_object().and_then(|members| members.text("id")).unwrap_or_default();
    let mut found = Vec::new();
    gather(object, own, &mut Vec::new(), &mut found);
    found
}

fn gather(value: &Json<'_>, own: &str, path: &mut Path, found: &mut Vec<(Path, String)>) {
    match value {
        Json::Object(members) => {
            for (name, value) in members.iter() {
                if name == "object_marking_refs" || path.is_empty() && name == MARKINGS {
                    continue;
                }
                path.push(Step::Name(name.to_owned()));
                if id::Id::parse(name).is_some_and(|id| id.kind != "extension-definition") {
                    found.push((path.clone(), name.to_owned()));
                }
                gather(value, own, path, found);
                path.pop();
            }
        }
        Json::Array(elements) => {
            for (at, value) in elements.iter().enumerate() {
                path.push(Step::At(at));
                gather(value, own, path, found);
                path.pop();
            }
        }
        Json::String(text) => {
            let named = id::within(text).into_iter().filter(|id| *id != own);
            found.extend(named.map(|id| (path.clone(), id)));
        }
        _ => {}
    }
}

/// An object without some of its parts: `None` where nothing is left. A list or an object in it that loses all of its
/// parts goes too; granular markings lose the selectors of what goes, and those of elements that move up are moved.
#[must_use]
pub fn without(object: &str, parts: &[Path]) -> Option<String> {
    let json = json::parse(object.as_bytes()).ok()?;
    // Markings that are marked themselves would leave the rest without any.
    if parts.iter().any(|path| matches!(path.first(), Some(Step::Name(name)) if name == MARKINGS)) {
        return None;
    }
    let wanted: BTreeSet<&[Step]> = parts.iter().map(Vec::as_slice).collect();
    let mut gone = Vec::new();
    if close(&json, &mut Vec::new(), &wanted, &mut gone) {
        return None;
    }
    let mut gone: Vec<&[Step]> = gone.iter().map(Vec::as_slice).collect();
    gone.sort_unstable();
    edit(object, &gone, &Whole { gone: &gone, json: &json }, 0)
}

const MARKINGS: &str = "granular_markings";

/// An object, and what of it goes.
struct Whole<'w> {
    gone: &'w [&'w [Step]],
    json: &'w Json<'w>,
}

/// Finds what goes with what is wanted gone: whatever has nothing left. Whether that is the value itself.
fn close(
    value: &Json<'_>,
    path: &mut Path,
    wanted: &BTreeSet<&[Step]>,
    gone: &mut Vec<Path>,
) -> bool {
    if wanted.contains(path.as_slice()) {
        return true;
    }
    // The first path that begins with this one, if any does, is the next in order.
    if wanted.range(path.as_slice()..).next().is_none_or(|next| !next.starts_with(path)) {
        return false;
    }
    let (mut own, mut count) = (Vec::new(), 0);
    let mut child = |step: Step, value: &Json<'_>, gone: &mut Vec<Path>| {
        count += 1;
        path.push(step);
        if close(value, path, wanted, gone) {
            own.push(path.clone());
        }
        path.pop();
    };
    match value {
        Json::Object(members) => {
            members
                .iter()
                .for_each(|(name, value)| child(Step::Name(name.to_owned()), value, gone));
        }
        Json::Array(elements) => {
            elements.iter().enumerate().for_each(|(at, value)| child(Step::At(at), value, gone));
        }
        _ => {}
    }
    let is_all = count > 0 && own.len() == count;
    if !is_all {
        gone.extend(own);
    }
    is_all
}

/// A value without the parts whose paths, after `depth` steps, lead into it.
fn edit(value: &str, parts: &[&[Step]], whole: &Whole<'_>, depth: usize) -> Option<String> {
    // They are in order and alike until here: what leads into one member stands together.
    let into = |step: &Step| {
        let from = parts.partition_point(|path| path.get(depth) < Some(step));
        let to = from + parts[from..].partition_point(|path| path.get(depth) == Some(step));
        &parts[from..to]
    };
    let kept = |value: &str, into: &[&[Step]]| {
        if into.is_empty() {
            Some(value.to_owned())
        } else if into.iter().any(|path| path.len() == depth + 1) {
            None
        } else {
            edit(value, into, whole, depth + 1)
        }
    };
    if depth > MAX_DEPTH {
        return None;
    }
    let mut text = String::with_capacity(value.len());
    if let Ok(Members(members)) = serde_json::from_str(value) {
        for (name, value) in members {
            let step = Step::Name(name.into_owned());
            let Step::Name(name) = &step else { continue };
            let kept = if depth == 0 && name == MARKINGS {
                selectors(value.get(), whole)
            } else {
                kept(value.get(), into(&step))
            };
            let Some(kept) = kept else { continue };
            let name = serde_json::to_string(name).ok()?;
            let comma = if text.is_empty() { "{" } else { "," };
            let _ = write!(text, "{comma}{name}:{kept}");
        }
        text.push('}');
    } else if let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(value) {
        for (at, value) in elements.iter().enumerate() {
            let Some(kept) = kept(value.get(), into(&Step::At(at))) else { continue };
            let comma = if text.is_empty() { "[" } else { "," };
            let _ = write!(text, "{comma}{kept}");
        }
        text.push(']');
    }
    // Only granular markings may go without having been among what goes: an object of nothing else is none.
    (text.len() > 1).then_some(text)
}

/// Granular markings of what is left.
fn selectors(value: &str, whole: &Whole<'_>) -> Option<String> {
    let mut list: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(value).ok()?;
    for one in &mut list {
        let Some(serde_json::Value::Array(selectors)) = one.get_mut("selectors") else { continue };
        let moved = |selector: &serde_json::Value| Some(moved(selector.as_str()?, whole)?.into());
        *selectors = selectors.iter().filter_map(moved).collect();
    }
    list.retain(|one| {
        one.get("selectors").and_then(|all| all.as_array()).is_some_and(|all| !all.is_empty())
    });
    if list.is_empty() { None } else { serde_json::to_string(&list).ok() }
}

/// Where a selector leads when some parts are gone; `None` where it led to one of them. One that leads nowhere stays.
fn moved(selector: &str, Whole { gone, json }: &Whole<'_>) -> Option<String> {
    let Some(path) = selected(json, selector) else { return Some(selector.to_owned()) };
    if gone.iter().any(|gone| path.starts_with(gone)) {
        return None;
    }
    let mut steps = Vec::with_capacity(path.len());
    for (depth, step) in path.iter().enumerate() {
        steps.push(match step {
            Step::Name(name) => name.clone(),
            Step::At(index) => {
                let before = |gone: &&&[Step]| {
                    gone.len() == depth + 1
                        && gone.starts_with(&path[..depth])
                        && matches!(gone[depth], Step::At(at) if at < *index)
                };
                format!("[{}]", index - gone.iter().filter(before).count())
            }
        });
    }
    Some(steps.join("."))
}

/// The members of an object, each value as it stands.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Build;
        impl<'de> Visitor<'de> for Build {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    members.push((Cow::Owned(name), map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Build)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(object: &str, selectors: &[&str]) -> Option<String> {
        let json = json::parse(object.as_bytes()).ok()?;
        let parts: Option<Vec<Path>> = selectors.iter().map(|one| selected(&json, one)).collect();
        without(object, &parts?)
    }

    #[test]
    fn what_is_left_stays_as_it_was() {
        let object =
            r#"{"a" : 1.10,"b":{"c":[ 1, 2,3 ],"d":"\u00e9"},"big":123456789012345678901}"#;
        assert_eq!(
            cut(object, &["b.c.[1]"]).as_deref(),
            Some(r#"{"a":1.10,"b":{"c":[1,3],"d":"\u00e9"},"big":123456789012345678901}"#)
        );
        assert_eq!(
            cut(object, &["b.c.[0]", "b.c.[1]", "b.c.[2]", "b.d"]).as_deref(),
            Some(r#"{"a":1.10,"big":123456789012345678901}"#)
        );
        assert_eq!(cut(object, &["a", "b", "big"]), None);
        assert_eq!(cut(object, &["b.x"]), None);
    }

    #[test]
    fn granular_markings_say_nothing_of_what_is_gone() {
        let object = r#"{"labels":["x","y","z"],"granular_markings":[{"marking_ref":"m--1","selectors":["labels.[0]"]},{"marking_ref":"m--2","selectors":["labels.[2]","labels"]}]}"#;
        assert_eq!(
            cut(object, &["labels.[0]"]).as_deref(),
            Some(
                r#"{"labels":["y","z"],"granular_markings":[{"marking_ref":"m--2","selectors":["labels.[1]","labels"]}]}"#
            )
        );
    }

    #[test]
    fn references_are_found_at_any_depth_and_under_any_name() {
        let id =
            |kind: &str, number: u8| format!("{kind}--00000000-0000-4000-8000-00000000000{number}");
        let object = format!(
            r#"{{"id":"{}","created_by_ref":"{}","object_marking_refs":["{}"],"object_refs":["{}","no"],
            "extensions":{{"x":{{"list":[{{"deep":{{"er":"{}"}}}}]}}}},"external_references":[{{"external_id":"{}"}}],
            "x_seen":{{"{}":1}},"description":"as {} does"}}"#,
            id("note", 0),
            id("identity", 1),
            id("marking-definition", 2),
            id("malware", 3),
            id("tool", 4),
            id("url", 5),
            id("tool", 6),
            id("tool", 7),
        );
        let json = json::parse(object.as_bytes()).unwrap_or(Json::Null);
        let ids: Vec<String> = references(&json).into_iter().map(|(_, id)| id).collect();
        let named =
            [("identity", 1), ("malware", 3), ("tool", 4), ("url", 5), ("tool", 6), ("tool", 7)];
        assert_eq!(ids, named.map(|(kind, number)| id(kind, number)));
    }
}

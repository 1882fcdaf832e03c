//! What a file may hold: a bundle, an array of bundles or objects, or one object.
//!
//! A bundle is taken apart without reading its objects: each is kept as the bytes that were received,
//! and a mistake in one is not the others'.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::value::RawValue;

use crate::finding::{Finding, Level, Path, shown};
use crate::id::Id;
use crate::json::{self, Error, Json, Object};
use crate::validate::{Report, validate};

/// An object of a file: its bytes as they were received.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Whether it is a bundle of which the objects follow: then it is here for what it says itself.
    pub is_bundle: bool,
}

/// Takes a file apart: a bundle into itself and its objects, an array into its elements.
///
/// # Errors
/// Where it is no JSON. What the objects say is not looked at.
pub fn split(bytes: &[u8]) -> Result<Vec<Part<'_>>, Error> {
    let mut parts = Vec::new();
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        let elements: Vec<&RawValue> = serde_json::from_slice(bytes)?;
        for element in elements {
            take(element.get().as_bytes(), &mut parts)?;
        }
    } else {
        take(bytes, &mut parts)?;
    }
    Ok(parts)
}

/// The objects of a file: of a bundle, of an envelope of TAXII (`objects` without a `type`), of an array of those or of
/// objects; or the one object that it is.
///
/// # Errors
/// Where it is no JSON. What the objects say is not looked at.
pub fn objects(bytes: &[u8]) -> Result<Vec<&[u8]>, Error> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(rename = "type", borrow, default)]
        kind: Option<&'a RawValue>,
        #[serde(borrow)]
        objects: Vec<&'a RawValue>,
    }
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'{')
        && let Ok(Envelope { kind: None, objects }) = serde_json::from_slice(bytes)
    {
        return Ok(objects.iter().map(|object| object.get().as_bytes()).collect());
    }
    let parts = split(bytes)?;
    Ok(parts.iter().filter(|part| !part.is_bundle).map(|part| part.bytes).collect())
}

/// The type of an object, where it is a plain text: what stands after it is not read.
#[must_use]
pub fn kind(bytes: &[u8]) -> Option<&str> {
    let mut found = None;
    // With what is found it ends, which the reader takes for an error.
    let _ = serde_json::Deserializer::from_slice(bytes).deserialize_map(Kind(&mut found));
    found
}

struct Kind<'f, 'a>(&'f mut Option<&'a str>);

impl<'a> Visitor<'a> for Kind<'_, 'a> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut members: M) -> Result<(), M::Error> {
        while let Some(name) = members.next_key::<Cow<'a, str>>()? {
            if name == "type" {
                *self.0 = Some(members.next_value()?);
                return Ok(());
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// The identifier of an object, without reading the rest of it.
#[must_use]
pub fn id(bytes: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        id: &'a str,
    }
    serde_json::from_slice::<Head<'_>>(bytes).ok().map(|head| head.id)
}

fn take<'a>(bytes: &'a [u8], parts: &mut Vec<Part<'a>>) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(rename = "type", borrow, default)]
        kind: Option<&'a RawValue>,
        #[serde(borrow, default)]
        objects: Option<&'a RawValue>,
    }
    let Ok(head) = serde_json::from_slice::<Head<'_>>(bytes) else {
        // No object, or one that names a member twice: to be found where it is read whole. What is no
        // JSON at all is said here.
        let _: &RawValue = serde_json::from_slice(bytes)?;
        parts.push(Part { bytes, is_bundle: false });
        return Ok(());
    };
    let is_bundle = head.kind.is_some_and(|kind| kind.get() == "\"bundle\"");
    parts.push(Part { bytes, is_bundle });
    if let (true, Some(objects)) = (is_bundle, head.objects)
        && let Ok(objects) = serde_json::from_str::<Vec<&RawValue>>(objects.get())
    {
        let object =
            |object: &&'a RawValue| Part { bytes: object.get().as_bytes(), is_bundle: false };
        parts.extend(objects.iter().map(object));
    }
    Ok(())
}

/// What was found about an object of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validated {
    /// Its place among the objects of the file, from 0; `None` for a bundle itself.
    pub index: Option<usize>,
    /// Its identifier, as far as it has one.
    pub id: Option<String>,
    /// Its type, likewise.
    pub kind: Option<String>,
    /// What it does not keep.
    pub findings: Vec<Finding>,
}

impl Validated {
    fn of(index: Option<usize>, object: &Json<'_>) -> Self {
        let text = |name| object.as_object().and_then(|object| object.text(name)).map(shown);
        Self { index, id: text("id"), kind: text("type"), findings: validate(object) }
    }
}

/// Validates every object of a file; a bundle is among them only where something is wrong with itself.
///
/// # Errors
/// Where the file is no JSON. An object that names a member twice or is nested too deep has a finding.
pub fn validate_all(bytes: &[u8]) -> Result<Vec<Validated>, Error> {
    let mut all = All::default();
    match json::parse(bytes) {
        Ok(Json::Array(elements)) => elements.iter().for_each(|element| all.add(element)),
        Ok(object) => all.add(&object),
        // One bad object must not hide the others.
        Err(whole) => {
            let mut is_told = false;
            for part in split(bytes)? {
                match json::parse(part.bytes) {
                    Ok(object) if part.is_bundle => all.bundle(&object),
                    Ok(object) => all.object(&object),
                    // What is wrong is in an object of it, most often.
                    Err(_) if part.is_bundle => {}
                    Err(error) => {
                        is_told = true;
                        all.unreadable(Some(all.next), &error);
                        all.next += 1;
                    }
                }
            }
            if !is_told {
                all.unreadable(None, &whole);
            }
        }
    }
    Ok(all.found)
}

#[derive(Default)]
struct All {
    found: Vec<Validated>,
    next: usize,
    /// The bundle says that it is of STIX 2.0.
    is_2_0: bool,
}

impl All {
    fn add(&mut self, value: &Json<'_>) {
        let object = value.as_object().filter(|object| object.text("type") == Some("bundle"));
        match object {
            Some(bundle) => {
                self.bundle(value);
                let objects = bundle.member("objects").and_then(Json::as_array);
                objects.unwrap_or_default().iter().for_each(|object| self.object(object));
            }
            None => self.object(value),
        }
    }

    fn object(&mut self, object: &Json<'_>) {
        let mut one = Validated::of(Some(self.next), object);
        let names = object.as_object().is_some_and(|one| one.text("spec_version").is_some());
        if self.is_2_0 && !names {
            one.findings.retain(|finding| !finding.is_since_2_1());
        }
        self.found.push(one);
        self.next += 1;
    }

    fn bundle(&mut self, bundle: &Json<'_>) {
        let version = bundle.as_object().and_then(|one| one.text("spec_version"));
        self.is_2_0 = version == Some("2.0");
        let own = Validated::of(None, bundle);
        if !own.findings.is_empty() {
            self.found.push(own);
        }
    }

    fn unreadable(&mut self, index: Option<usize>, error: &Error) {
        let (level, path, message) = (Level::Must, String::new(), error.to_string());
        let findings = vec![Finding { level, path, rule: "json", section: "1.2", message }];
        self.found.push(Validated { index, id: None, kind: None, findings });
    }
}

/// What a bundle must be itself (section 8): its objects are validated one by one.
pub(crate) fn check(bundle: &Object<'_>, report: &mut Report<'_>) {
    match bundle.member("id") {
        None => report.must(&Path::Root, ("required", "8"), format_args!("there is no 'id'")),
        Some(id) => {
            let of_bundle = id.as_str().and_then(Id::parse).is_some_and(|id| id.kind == "bundle");
            if !of_bundle {
                report.must(
                    &Path::Member(&Path::Root, "id"),
                    ("id", "8"),
                    format_args!("this should be 'bundle--' and a UUID"),
                );
            }
        }
    }
    let path = Path::Member(&Path::Root, "objects");
    let objects = match bundle.member("objects") {
        None => return,
        Some(Json::Array(objects)) if !objects.is_empty() => objects,
        Some(Json::Array(_)) => {
            return report.must(&path, ("list", "2.12"), format_args!("a list may not be empty"));
        }
        Some(other) => {
            let kind = other.kind();
            return report.must(
                &path,
                ("type", "8"),
                format_args!("this is {kind}, and should be a list"),
            );
        }
    };
    let mut seen = HashMap::with_capacity(objects.len());
    for (at, object) in objects.iter().enumerate() {
        let Json::Object(object) = object else { continue };
        if object.text("type") == Some("bundle") {
            report.must(
                &Path::Element(&path, at),
                ("type", "8"),
                format_args!("a bundle may not hold a bundle"),
            );
        }
        let (Some(id), modified) = (object.text("id"), object.text("modified")) else { continue };
        if let (Some(first), Some(_)) = (seen.insert((id, modified), at), modified) {
            report.should(
                &Path::Element(&path, at),
                ("duplicate-ids", "3.6"),
                format_args!(
                    "this has the same 'id' and 'modified' as the object at {first}: versions should differ in 'modified'"
                ),
            );
        }
    }
}

//! Observed data, made ready for matching, and the matcher.

use std::collections::HashMap;

use super::bind::Search;
use super::parse::Pattern;
use super::test::Ready;
use super::{Error, bind};
use crate::finding::shown;
use crate::json::{Json, Number, Object};
use crate::schema::{self, Family};
use crate::time::Time;

/// An observed-data object with its observables.
#[derive(Debug)]
pub struct Observed<'j> {
    /// Its identifier.
    pub id: &'j str,
    /// Whether its observables are inside it, by key, as in STIX 2.0.
    pub by_key: bool,
    pub(super) first: Time,
    pub(super) last: Time,
    /// How often it was observed: so many observations it is.
    pub(super) count: u64,
    /// Type, identifier or key, and the observable.
    objects: Vec<(&'j str, &'j str, &'j Object<'j>)>,
}

/// The observables of one observation: references are followed among them.
pub(super) struct Around<'a, 'j>(&'a [(&'j str, &'j str, &'j Object<'j>)]);

impl<'j> Around<'_, 'j> {
    pub(super) fn object(&self, reference: &str) -> Option<&'j Object<'j>> {
        let found = self.0.iter().find(|(_, key, _)| *key == reference);
        found.map(|(_, _, object)| *object)
    }
}

/// Whether a pattern may match objects of a type: observables, and those that the standard does not know.
fn is_observable(kind: &str) -> bool {
    let known = schema::known(kind);
    kind != "bundle" && known.is_none_or(|known| known.of.family == Family::Observable)
}

impl<'j> Observed<'j> {
    /// The observed-data of a bundle, of an array of bundles, or of an array of objects, in their
    /// order; of STIX 2.1 with `object_refs`, of STIX 2.0 with `objects`.
    ///
    /// # Errors
    /// [`Error::Observations`], where one has no times or no count.
    pub fn all(json: &'j Json<'j>) -> Result<Vec<Self>, Error> {
        let mut objects = Vec::new();
        let files = json.as_array().unwrap_or(std::slice::from_ref(json));
        for file in files.iter().filter_map(Json::as_object) {
            match file.member("objects") {
                Some(Json::Array(all)) if file.text("type") != Some("observed-data") => {
                    objects.extend(all.iter().filter_map(Json::as_object));
                }
                _ => objects.push(file),
            }
        }
        let text = |object: &'j Object<'j>, name| match object.member(name) {
            Some(Json::String(text)) => Some(&**text),
            _ => None,
        };
        let by_id: HashMap<&str, &'j Object<'j>> =
            objects.iter().filter_map(|object| Some((text(object, "id")?, *object))).collect();
        let all = objects.iter().filter(|object| text(object, "type") == Some("observed-data"));
        all.map(|observed| {
            let id = text(observed, "id").unwrap_or_default();
            let wrong = |problem: &str| Error::Observations(format!("{}: {problem}", shown(id)));
            let time = |name| text(observed, name).and_then(Time::parse);
            let (Some(first), Some(last)) = (time("first_observed"), time("last_observed")) else {
                return Err(wrong("'first_observed' and 'last_observed' must be timestamps"));
            };
            if last < first {
                return Err(wrong("'last_observed' is before 'first_observed'"));
            }
            let count = match observed.member("number_observed") {
                Some(Json::Number(Number::Integer(count))) if *count > 0 => count.unsigned_abs(),
                _ => return Err(wrong("'number_observed' must be 1 or more")),
            };
            let objects = match (observed.member("object_refs"), observed.member("objects")) {
                (Some(Json::Array(references)), _) => references
                    .iter()
                    .filter_map(|reference| {
                        let object = *by_id.get(reference.as_str()?)?;
                        let kind = text(object, "type")?;
                        is_observable(kind).then_some((kind, text(object, "id")?, object))
                    })
                    .collect(),
                (_, Some(Json::Object(objects))) => objects
                    .iter()
                    .filter_map(|(key, object)| {
                        let object = object.as_object()?;
                        Some((text(object, "type")?, key, object))
                    })
                    .collect(),
                _ => return Err(wrong("there are neither 'objects' nor 'object_refs'")),
            };
            let by_key = !observed.has("object_refs");
            Ok(Self { id, by_key, first, last, count, objects })
        })
        .collect()
    }
}

/// A pattern, ready to be matched: regular expressions compiled, networks parsed.
pub struct Matcher<'p> {
    pattern: &'p Pattern,
    ready: Vec<Ready>,
}

/// Observations that satisfy a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Their places among those that were given, ascending: one set of them that satisfies it.
    pub observed: Vec<usize>,
}

impl<'p> Matcher<'p> {
    /// Makes a pattern ready.
    ///
    /// # Errors
    /// [`Error::Meaning`] for a regular expression that is none, a count or duration of nothing, a set of
    /// several kinds.
    pub fn new(pattern: &'p Pattern) -> Result<Self, Error> {
        pattern.check_meaning()?;
        let ready = pattern.observations.iter().map(Ready::new).collect::<Result<_, _>>()?;
        Ok(Self { pattern, ready })
    }

    /// Looks for observations that satisfy the pattern; `None` where there are none.
    ///
    /// # Errors
    /// [`Error::TooComplex`], where neither is found out within a bounded number of steps. It takes
    /// observations that satisfy several parts of one pattern, and many of them.
    pub fn find(&self, observed: &[Observed<'_>]) -> Result<Option<Matched>, Error> {
        let meets = |ready: &Ready, one: &Observed<'_>| {
            let around = Around(&one.objects);
            one.objects.iter().any(|(kind, _, object)| ready.is_met(kind, object, &around))
        };
        let candidates = self.ready.iter().map(|ready| {
            (0..observed.len()).filter(|at| meets(ready, &observed[*at])).collect::<Vec<_>>()
        });
        let candidates: Vec<_> = candidates.collect();
        let search = Search { observed, candidates: &candidates };
        bind::find(&search, &self.pattern.root).map(|found| {
            found.map(|mut observed| {
                observed.sort_unstable();
                observed.dedup();
                Matched { observed }
            })
        })
    }
}

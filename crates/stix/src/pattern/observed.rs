//! Observed data, made ready for matching, and the matcher.

use std::collections::HashMap;

use super::bind::Search;
use super::parse::{Node, Pattern};
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
    span: Span,
    /// Type, identifier or key, and the observable.
    objects: Vec<(&'j str, &'j str, &'j Object<'j>)>,
}

/// When something was observed first and last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) first: Time,
    pub(super) last: Time,
    /// How often: so many observations it is.
    pub(super) count: u64,
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
            Ok(Self { id, by_key, span: Span { first, last, count }, objects })
        })
        .collect()
    }

    fn meets(&self, ready: &Ready) -> bool {
        let around = Around(&self.objects);
        self.objects.iter().any(|(kind, _, object)| ready.is_met(kind, object, &around))
    }
}

/// A pattern, ready to be matched: regular expressions compiled, networks parsed.
pub struct Matcher {
    root: Node,
    ready: Vec<Ready>,
}

/// What an observation is to a pattern: when it was, and which of its observation expressions it meets. It outlives what
/// the observation was read from, and is all that [`Matcher::bind`] asks of it.
#[derive(Debug, Clone)]
pub struct Met {
    span: Span,
    /// The expressions' numbers.
    parts: Box<[u32]>,
}

impl Met {
    /// Whether it meets none of them: then it is no part of what satisfies the pattern.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.parts.is_empty()
    }
}

/// Observations that satisfy a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Their places among those that were given, ascending: one set of them that satisfies it.
    pub observed: Vec<usize>,
}

impl Matcher {
    /// Makes a pattern ready.
    ///
    /// # Errors
    /// [`Error::Meaning`] for a regular expression that is none, a count or duration of nothing, a set of
    /// several kinds.
    pub fn new(pattern: &Pattern) -> Result<Self, Error> {
        pattern.check_meaning()?;
        let ready = pattern.observations.iter().map(Ready::new).collect::<Result<_, _>>()?;
        Ok(Self { root: pattern.root.clone(), ready })
    }

    /// Looks for observations that satisfy the pattern; `None` where there are none.
    ///
    /// # Errors
    /// [`Error::TooComplex`], where neither is found out within a bounded number of steps. It takes
    /// observations that satisfy several parts of one pattern, and many of them.
    pub fn find(&self, observed: &[Observed<'_>]) -> Result<Option<Matched>, Error> {
        let spans: Vec<_> = observed.iter().map(|one| one.span).collect();
        let candidates = self.ready.iter().map(|ready| {
            (0..observed.len()).filter(|at| observed[*at].meets(ready)).collect::<Vec<_>>()
        });
        self.search(&spans, &candidates.collect::<Vec<_>>())
    }

    /// Asks one observation which observation expressions it meets: what is asked once so can be kept for
    /// [`bind`](Self::bind), without the observation.
    #[must_use]
    pub fn meet(&self, observed: &Observed<'_>) -> Met {
        let parts = (0..).zip(&self.ready).filter(|(_, ready)| observed.meets(ready));
        Met { span: observed.span, parts: parts.map(|(number, _)| number).collect() }
    }

    /// The same as [`find`](Self::find), of observations that were asked before.
    ///
    /// # Errors
    /// [`Error::TooComplex`], as there.
    pub fn bind<'m>(
        &self,
        met: impl IntoIterator<Item = &'m Met>,
    ) -> Result<Option<Matched>, Error> {
        let (mut spans, mut candidates) = (Vec::new(), vec![Vec::new(); self.ready.len()]);
        for (at, one) in met.into_iter().enumerate() {
            spans.push(one.span);
            for part in &one.parts {
                // What another pattern was asked for has a number that this one may not have.
                let of = usize::try_from(*part).ok().and_then(|part| candidates.get_mut(part));
                of.into_iter().for_each(|of| of.push(at));
            }
        }
        self.search(&spans, &candidates)
    }

    fn search(
        &self,
        observed: &[Span],
        candidates: &[Vec<usize>],
    ) -> Result<Option<Matched>, Error> {
        let found = bind::find(&Search { observed, candidates }, &self.root)?;
        Ok(found.map(|mut observed| {
            observed.sort_unstable();
            observed.dedup();
            Matched { observed }
        }))
    }
}

//! Patterns over what lines say: asked only of lines in which a part of one was seen.

use std::collections::BTreeMap;

use comity_stix::json;
use comity_stix::pattern::{Matcher, Observed, Pattern, Syntax};
use serde_json::Value;

use crate::hunt::Sighting;
use crate::index::Index;
use crate::lists::json::as_observed;

/// Lines that are kept for patterns over several of them.
const MOST_CANDIDATES: usize = 100_000;

/// Lines that are gone through for one such pattern, some of them again for each set that satisfies it.
const MOST_LINES: usize = 2_000_000;

/// Lines in which a set is looked for first: where there is none in them, in twice as many.
const WINDOW: usize = 64;

/// The patterns of some indexes, ready.
pub(crate) struct Patterns {
    by_index: Vec<Vec<Option<Ready>>>,
}

struct Ready {
    id: String,
    text: String,
    pattern: Pattern,
}

/// A line that may be a part of what a pattern over several lines wants.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    index: usize,
    number: usize,
    /// The observation, as JSON: so it takes the least room.
    observed: String,
    pub(crate) sighting: Sighting,
}

/// What a line is to a pattern.
pub(crate) enum Asked {
    /// Nothing.
    No,
    /// It satisfies it.
    Yes(Box<Sighting>),
    /// It may be a part of what satisfies it.
    Perhaps(Box<Candidate>),
    /// It cannot be said.
    Unknown,
}

impl Patterns {
    pub(crate) fn of(indexes: &[Index]) -> Self {
        let ready = |index: &Index| {
            let parts = index.patterns().iter();
            // What does not parse was none when the index was made either; a place keeps its number.
            let ready = parts.map(|part| {
                let pattern = Pattern::parse(&part.pattern, Syntax::of(&part.version)).ok()?;
                let pattern = pattern.with_texts(as_observed);
                Some(Ready { id: part.id.clone(), text: part.pattern.clone(), pattern })
            });
            ready.collect()
        };
        Self { by_index: indexes.iter().map(ready).collect() }
    }

    /// Whether some pattern is over several lines.
    pub(crate) fn are_over_lines(&self) -> bool {
        self.by_index.iter().flatten().flatten().any(|ready| !ready.pattern.is_of_one())
    }

    /// Asks a pattern of a line: what is seen in it, whether it has a time, and the sighting of the part that led here.
    pub(crate) fn ask(
        &self,
        (index, number): (usize, u64),
        observed: &Value,
        is_timed: bool,
        part: Sighting,
    ) -> Asked {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let ready = self.by_index.get(index).and_then(|all| all.get(number));
        let Some(ready) = ready.and_then(Option::as_ref) else {
            return Asked::No;
        };
        let sighting = Sighting {
            kind: "pattern",
            part: Some((part.kind, part.indicator.clone())),
            indicator: ready.id.clone(),
            pattern: Some(ready.text.clone()),
            ..part
        };
        // Before and after say nothing of what has no time: so nobody knows.
        if !is_timed && ready.pattern.asks_when() {
            return Asked::Unknown;
        }
        if ready.pattern.is_of_one() {
            return match find(&ready.pattern, [observed.to_string().as_str()]) {
                Some(found) if found.is_empty() => Asked::No,
                Some(_) => Asked::Yes(Box::new(sighting)),
                None => Asked::Unknown,
            };
        }
        Asked::Perhaps(Box::new(Candidate {
            index,
            number,
            observed: observed.to_string(),
            sighting,
        }))
    }

    /// What of the lines that were kept satisfies patterns over several of them, as sets that share no line; false where
    /// of some pattern it cannot be said, or not whether that is all.
    pub(crate) fn over(&self, candidates: &[Candidate]) -> (Vec<Sighting>, bool) {
        if !Self::can_ask(candidates.len()) {
            return (Vec::new(), false);
        }
        let mut by_pattern = BTreeMap::<_, Vec<&Candidate>>::new();
        for one in candidates {
            by_pattern.entry((one.index, one.number)).or_default().push(one);
        }
        let (mut found, mut is_decided) = (Vec::new(), true);
        for ((index, number), own) in by_pattern {
            let ready = self.by_index.get(index).and_then(|all| all.get(number)?.as_ref());
            let Some(ready) = ready else { continue };
            let mut left: Vec<usize> = (0..own.len()).collect();
            let (mut bound, mut gone_through, mut window) = (Vec::new(), 0, WINDOW);
            while gone_through <= MOST_LINES {
                // What satisfies it among some lines does so among all.
                let observed = left.iter().take(window).filter_map(|at| own.get(*at));
                let set = find(&ready.pattern, observed.map(|one| one.observed.as_str()));
                is_decided &= set.is_some();
                let Some(set) = set else { break };
                gone_through += window.min(left.len());
                if set.is_empty() && window >= left.len() {
                    break;
                } else if set.is_empty() {
                    window *= 2;
                }
                bound.extend(set.into_iter().rev().map(|at| left.remove(at)));
            }
            is_decided &= gone_through <= MOST_LINES || left.is_empty();
            bound.sort_unstable();
            let bound = bound.into_iter().filter_map(|at| own.get(at));
            found.extend(bound.map(|one| one.sighting.clone()));
        }
        (found, is_decided)
    }

    /// Whether so many can be asked.
    pub(crate) fn can_ask(count: usize) -> bool {
        count <= MOST_CANDIDATES
    }
}

/// The places of what satisfies a pattern; `None` where it cannot be said.
fn find<'o>(pattern: &Pattern, observed: impl IntoIterator<Item = &'o str>) -> Option<Vec<usize>> {
    let observed: Vec<&str> = observed.into_iter().collect();
    let text = format!("[{}]", observed.join(","));
    let json = json::parse(text.as_bytes()).ok()?;
    let observed = Observed::all(&json).ok()?;
    let found = Matcher::new(pattern).ok()?.find(&observed).ok()?;
    Some(found.map(|matched| matched.observed).unwrap_or_default())
}

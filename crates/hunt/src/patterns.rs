//! Patterns over what lines say: asked only of lines in which a part of one was seen.

use comity_stix::json;
use comity_stix::pattern::{Matcher, Observed, Pattern, Syntax};
use serde_json::Value;

use crate::hunt::Sighting;
use crate::index::Index;

/// Lines that are kept for patterns over several of them.
const MOST_CANDIDATES: usize = 100_000;

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
    observed: Value,
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
}

impl Patterns {
    pub(crate) fn of(indexes: &[Index]) -> Self {
        let ready = |index: &Index| {
            let parts = index.patterns().iter();
            // What does not parse was none when the index was made either; a place keeps its number.
            let ready = parts.map(|part| {
                let pattern = Pattern::parse(&part.pattern, Syntax::of(&part.version)).ok()?;
                Some(Ready { id: part.id.clone(), text: part.pattern.clone(), pattern })
            });
            ready.collect()
        };
        Self { by_index: indexes.iter().map(ready).collect() }
    }

    /// Whether some pattern is over several lines.
    pub(crate) fn are_over_lines(&self) -> bool {
        self.by_index.iter().flatten().flatten().any(|ready| !ready.pattern.is_single())
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
            indicator: ready.id.clone(),
            pattern: Some(ready.text.clone()),
            ..part
        };
        if ready.pattern.is_single() {
            let found = find(&ready.pattern, std::slice::from_ref(observed));
            return if found.is_empty() { Asked::No } else { Asked::Yes(Box::new(sighting)) };
        }
        // Before and after say nothing of what has no time.
        if !is_timed {
            return Asked::No;
        }
        Asked::Perhaps(Box::new(Candidate { index, number, observed: observed.clone(), sighting }))
    }

    /// What of the lines that were kept satisfies patterns over several of them; false where they are too many to ask.
    pub(crate) fn over(&self, candidates: &[Candidate]) -> (Vec<Sighting>, bool) {
        if candidates.len() > MOST_CANDIDATES {
            return (Vec::new(), false);
        }
        let mut found = Vec::new();
        for (index, all) in self.by_index.iter().enumerate() {
            for (number, ready) in all.iter().enumerate() {
                let Some(ready) = ready else { continue };
                let own: Vec<&Candidate> = candidates
                    .iter()
                    .filter(|one| (one.index, one.number) == (index, number))
                    .collect();
                let observed: Vec<Value> = own.iter().map(|one| one.observed.clone()).collect();
                let bound = find(&ready.pattern, &observed);
                found.extend(
                    bound.into_iter().filter_map(|at| own.get(at)).map(|one| one.sighting.clone()),
                );
            }
        }
        (found, true)
    }

    /// Whether so many can still be asked.
    pub(crate) fn can_keep(count: usize) -> bool {
        count <= MOST_CANDIDATES
    }
}

/// The places of what satisfies a pattern; none where nothing does, or it cannot be said.
fn find(pattern: &Pattern, observed: &[Value]) -> Vec<usize> {
    if observed.is_empty() {
        return Vec::new();
    }
    let text = Value::from(observed.to_vec()).to_string();
    let found = || {
        let json = json::parse(text.as_bytes()).ok()?;
        let observed = Observed::all(&json).ok()?;
        Matcher::new(pattern).ok()?.find(&observed).ok()?
    };
    found().map(|matched| matched.observed).unwrap_or_default()
}

//! Patterns over what lines say: asked only of lines in which a part of one was seen.

use std::collections::{BTreeMap, VecDeque};
use std::sync::OnceLock;

use comity_stix::json;
use comity_stix::pattern::{Matcher, Met, Observed, Pattern, Syntax};
use serde_json::Value;

use crate::hunt::Sighting;
use crate::index::Index;
use crate::lists::json::as_observed;

/// Bytes that lines take which are kept for patterns over several of them.
const MOST_BYTES: usize = 64 << 20;

/// Lines that are gone through for one such pattern, some of them again for each set that satisfies it.
const MOST_LINES: usize = 20_000_000;

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
    /// Made when it is first asked: of most patterns no log has any part.
    matcher: OnceLock<Option<Matcher>>,
}

/// A line that may be a part of what a pattern over several lines wants.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    index: usize,
    number: usize,
    met: Met,
    /// Without what the pattern says, which is the same for all.
    pub(crate) sighting: Sighting,
}

impl Candidate {
    /// The bytes that it takes.
    fn size(&self) -> usize {
        let Sighting { file, indicator, value, field, list, expires, warnings, part, .. } =
            &self.sighting;
        let texts =
            [field.as_ref(), list.as_ref(), expires.as_ref(), part.as_ref().map(|of| &of.1)];
        let texts = texts.into_iter().flatten().chain([file, indicator, value]).chain(warnings);
        size_of::<Self>() + texts.map(String::len).sum::<usize>()
    }
}

/// The lines that are kept for patterns over several of them.
#[derive(Default)]
pub(crate) struct Candidates {
    by_pattern: BTreeMap<(usize, usize), Kept>,
    bytes: usize,
}

/// Those of one pattern.
#[derive(Default)]
struct Kept {
    lines: Vec<Candidate>,
    bytes: usize,
    /// Whether there were more than can be kept, and so none are.
    too_many: bool,
}

impl Candidates {
    /// Keeps one more. Where that is more than can be kept, the pattern that has most of it goes without.
    pub(crate) fn push(&mut self, one: Candidate) {
        let kept = self.by_pattern.entry((one.index, one.number)).or_default();
        if kept.too_many {
            return;
        }
        let size = one.size();
        self.bytes += size;
        kept.bytes += size;
        kept.lines.push(one);
        if self.bytes > MOST_BYTES
            && let Some(most) = self.by_pattern.values_mut().max_by_key(|kept| kept.bytes)
        {
            self.bytes -= most.bytes;
            *most = Kept { too_many: true, ..Kept::default() };
        }
    }
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
                let (id, text) = (part.id.clone(), part.pattern.clone());
                Some(Ready { id, text, pattern, matcher: OnceLock::new() })
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
        let Some(ready) = self.ready(index, number) else { return Asked::No };
        // Before and after say nothing of what has no time: so nobody knows.
        if !is_timed && ready.pattern.asks_when() {
            return Asked::Unknown;
        }
        let Some(met) = ready.meet(observed) else { return Asked::Unknown };
        let part_of = Some((part.kind, part.indicator));
        let sighting =
            Sighting { kind: "pattern", part: part_of, indicator: String::new(), ..part };
        if !ready.pattern.is_of_one() {
            return match met.is_nothing() {
                true => Asked::No,
                false => Asked::Perhaps(Box::new(Candidate { index, number, met, sighting })),
            };
        }
        match ready.bind([&met]) {
            Some(bound) if bound.is_empty() => Asked::No,
            Some(_) => Asked::Yes(Box::new(ready.said(sighting))),
            None => Asked::Unknown,
        }
    }

    fn ready(&self, index: usize, number: usize) -> Option<&Ready> {
        self.by_index.get(index)?.get(number)?.as_ref()
    }

    /// Gives what of the lines that were kept satisfies patterns over several of them, as sets that share no line; false
    /// where of some pattern it cannot be said, or not whether that is all.
    pub(crate) fn over(&self, candidates: Candidates, mut give: impl FnMut(Sighting)) -> bool {
        let mut is_decided = true;
        for ((index, number), kept) in candidates.by_pattern {
            is_decided &= !kept.too_many;
            let Some(ready) = self.ready(index, number) else { continue };
            let mut left: VecDeque<usize> = (0..kept.lines.len()).collect();
            let mut is_bound = vec![false; kept.lines.len()];
            let (mut gone_through, mut window) = (0, WINDOW);
            while gone_through <= MOST_LINES {
                // What satisfies it among some lines does so among all.
                let some = left.iter().take(window).filter_map(|at| kept.lines.get(*at));
                let set = ready.bind(some.map(|one| &one.met));
                is_decided &= set.is_some();
                let Some(set) = set else { break };
                gone_through += window.min(left.len());
                if set.is_empty() && window >= left.len() {
                    break;
                } else if set.is_empty() {
                    window *= 2;
                }
                for at in set.into_iter().rev().filter_map(|at| left.remove(at)) {
                    is_bound[at] = true;
                }
            }
            is_decided &= gone_through <= MOST_LINES || left.is_empty();
            let bound = kept.lines.into_iter().zip(is_bound).filter(|(_, is_bound)| *is_bound);
            bound.for_each(|(one, _)| give(ready.said(one.sighting)));
        }
        is_decided
    }
}

impl Ready {
    fn matcher(&self) -> Option<&Matcher> {
        self.matcher.get_or_init(|| Matcher::new(&self.pattern).ok()).as_ref()
    }

    /// What a line is to it; `None` where it cannot be said.
    fn meet(&self, observed: &Value) -> Option<Met> {
        let text = observed.to_string();
        let json = json::parse(text.as_bytes()).ok()?;
        let observed = Observed::all(&json).ok()?;
        Some(self.matcher()?.meet(observed.first()?))
    }

    /// The places of what satisfies it; `None` where it cannot be said.
    fn bind<'m>(&self, met: impl IntoIterator<Item = &'m Met>) -> Option<Vec<usize>> {
        let bound = self.matcher()?.bind(met).ok()?;
        Some(bound.map(|matched| matched.observed).unwrap_or_default())
    }

    /// The sighting of it in a line.
    fn said(&self, line: Sighting) -> Sighting {
        Sighting { indicator: self.id.clone(), pattern: Some(self.text.clone()), ..line }
    }
}

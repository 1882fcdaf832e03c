//! Which observations stand for which part of a pattern: section 9.5.
//!
//! What a pattern asks of the times of those that it binds has one form: that the first time of one is
//! at most so long after the last time of another. So of all the ways to bind a part only those count
//! that have, for a latest first time, the latest possible earliest last time: a frontier of at most
//! as many ways as there are observations, which is made bottom-up in `n log n`. Where the frontier is
//! empty nothing matches.
//!
//! It leaves out that one observation stands for one part only. Where the way that it finds uses one
//! twice, a search decides, with a bounded number of steps.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::Error;
use super::observed::Span;
use super::parse::Node;
use crate::time::Time;

/// Steps of the search at most.
const MAX_STEPS: u64 = 5_000_000;
/// Observations that the search binds at most: it goes as deep as that.
const MAX_DEEP: usize = 200;
/// Ways on the frontier that are looked at before the search.
const TRIED: usize = 64;

pub(super) struct Search<'s> {
    pub(super) observed: &'s [Span],
    /// For each comparison expression the observations that meet it.
    pub(super) candidates: &'s [Vec<usize>],
}

/// Observations that satisfy a pattern.
pub(super) fn find(search: &Search<'_>, root: &Node) -> Result<Option<Vec<usize>>, Error> {
    let mut frontier = Frontier { search, bound: Vec::new(), exact: true };
    let ways = frontier.of(root);
    if ways.is_empty() {
        return Ok(None);
    }
    if frontier.exact {
        for way in ways.iter().take(TRIED) {
            let mut used = Vec::new();
            frontier.collect(way.bound, &mut used);
            if search.holds(&used) {
                return Ok(Some(used.into_iter().map(|(at, _)| at).collect()));
            }
        }
    }
    Exact { search, used: HashMap::new(), stack: Vec::new(), limits: Vec::new(), steps: 0 }
        .find(root)
}

impl Search<'_> {
    /// Whether none is used more often than it was observed.
    fn holds(&self, used: &[(usize, u64)]) -> bool {
        if let [(at, times)] = used {
            return *times <= self.observed[*at].count;
        }
        let mut times: HashMap<usize, u64> = HashMap::with_capacity(used.len());
        used.iter().all(|(at, more)| {
            let times = times.entry(*at).or_default();
            *times += more;
            *times <= self.observed[*at].count
        })
    }

    /// The observations of which each is one way to bind a part that binds one; `None` for other parts.
    fn units(&self, node: &Node) -> Option<Vec<usize>> {
        match node {
            Node::Observation(number) => Some(self.candidates[*number].clone()),
            Node::Or(all) => {
                let mut units = Vec::new();
                for node in all {
                    units.extend(self.units(node)?);
                }
                units.sort_unstable();
                units.dedup();
                Some(units)
            }
            Node::Within(inner, _) => self.units(inner),
            Node::StartStop(inner, start, stop) => {
                let mut units = self.units(inner)?;
                let inside = |at: &usize| {
                    let one = &self.observed[*at];
                    start < stop && one.first < *stop && one.last >= *start
                };
                units.retain(inside);
                Some(units)
            }
            Node::Repeats(inner, 1) => self.units(inner),
            Node::Repeats(..) | Node::And(_) | Node::FollowedBy(_) => None,
        }
    }

    /// A part that is so many of what binds one.
    fn repeated(&self, node: &Node) -> Option<(Vec<usize>, u64)> {
        match node {
            Node::Repeats(inner, count) => {
                let (units, inside) = self.repeated(inner)?;
                Some((units, inside.checked_mul(*count)?))
            }
            other => Some((self.units(other)?, 1)),
        }
    }
}

/// A way to bind a part.
#[derive(Clone, Copy)]
struct Way {
    /// The latest of the first times.
    first: Time,
    /// The earliest of the last times.
    last: Time,
    bound: usize,
}

/// What a way binds.
enum Bound {
    One(usize),
    Both(usize, usize),
    /// So many of the units of this list whose times reach into these.
    Group {
        units: std::rc::Rc<[usize]>,
        count: u64,
        first: Time,
        last: Time,
    },
}

struct Frontier<'s> {
    search: &'s Search<'s>,
    bound: Vec<Bound>,
    /// Whether every way on the frontier is one, but for what is used twice.
    exact: bool,
}

impl Frontier<'_> {
    fn keep(&mut self, bound: Bound) -> usize {
        self.bound.push(bound);
        self.bound.len() - 1
    }

    /// The frontier of a part, by ascending first time; the last times ascend too.
    fn of(&mut self, node: &Node) -> Vec<Way> {
        if let Some((units, count)) = self.search.repeated(node) {
            return self.group(units, count);
        }
        match node {
            // What binds one was answered above.
            Node::Observation(_) => Vec::new(),
            Node::Or(all) => {
                let mut ways: Vec<_> = all.iter().flat_map(|node| self.of(node)).collect();
                ways.sort_by_key(|way| (way.first, Reverse(way.last)));
                ascending(ways)
            }
            Node::And(all) => self.fold(all, |_, _| true),
            Node::FollowedBy(all) => self.fold(all, |before, after| before.first <= after.last),
            Node::Within(inner, nanos) => {
                let mut ways = self.of(inner);
                ways.retain(|way| way.first <= way.last.after_nanos(*nanos));
                ways
            }
            Node::StartStop(inner, start, stop) => {
                let mut ways = self.of(inner);
                ways.retain(|way| start < stop && way.first < *stop && way.last >= *start);
                ways
            }
            Node::Repeats(inner, count) => {
                // One way is needed for there to be more.
                self.exact &= *count == 1;
                self.of(inner)
            }
        }
    }

    /// Parts one after the other, each pair under a condition that a later last time of the second
    /// and an earlier first time of the first can only help.
    fn fold(&mut self, all: &[Node], fits: fn(&Way, &Way) -> bool) -> Vec<Way> {
        let mut parts = all.iter();
        let Some(first) = parts.next() else { return Vec::new() };
        let mut ways = self.of(first);
        for node in parts {
            if ways.is_empty() {
                return ways;
            }
            let others = self.of(node);
            ways = self.both(&ways, &others, fits);
        }
        ways
    }

    fn both(&mut self, before: &[Way], after: &[Way], fits: fn(&Way, &Way) -> bool) -> Vec<Way> {
        let mut firsts: Vec<Time> = before.iter().chain(after).map(|way| way.first).collect();
        firsts.sort_unstable();
        firsts.dedup();
        let (mut left, mut right, mut ways) = (0, 0, Vec::new());
        for first in firsts {
            // The best of the second: the last that has begun by then.
            while after.get(right).is_some_and(|way| way.first <= first) {
                right += 1;
            }
            let Some(second) = right.checked_sub(1).map(|at| after[at]) else { continue };
            while before.get(left).is_some_and(|way| way.first <= first && fits(way, &second)) {
                left += 1;
            }
            let Some(one) = left.checked_sub(1).map(|at| before[at]) else { continue };
            let last = one.last.min(second.last);
            if ways.last().is_none_or(|way: &Way| way.last < last) {
                let bound = self.keep(Bound::Both(one.bound, second.bound));
                ways.push(Way { first: one.first.max(second.first), last, bound });
            }
        }
        ways
    }

    /// So many of these: for each first time the best earliest last time.
    fn group(&mut self, mut units: Vec<usize>, count: u64) -> Vec<Way> {
        let observed = self.search.observed;
        if count == 0 {
            return Vec::new();
        }
        units.sort_by_key(|at| (observed[*at].first, Reverse(observed[*at].last)));
        let mut ways: Vec<Way> = Vec::new();
        if count == 1 {
            for at in units {
                let Span { first, last, .. } = observed[at];
                if ways.last().is_none_or(|way| way.last < last) {
                    let bound = self.keep(Bound::One(at));
                    ways.push(Way { first, last, bound });
                }
            }
            return ways;
        }
        let units: std::rc::Rc<[usize]> = units.into();
        let (mut latest, mut total) = (BinaryHeap::new(), 0_u64);
        for at in units.iter() {
            let one = &observed[*at];
            latest.push(Reverse((one.last, one.count)));
            total = total.saturating_add(one.count);
            // Those that end earliest go while the others are enough.
            while let Some(Reverse((_, times))) = latest.peek()
                && total - times >= count
            {
                total -= times;
                latest.pop();
            }
            let Some(Reverse((last, _))) = latest.peek().copied().filter(|_| total >= count) else {
                continue;
            };
            if ways.last().is_none_or(|way| way.last < last) {
                let units = std::rc::Rc::clone(&units);
                let bound = self.keep(Bound::Group { units, count, first: one.first, last });
                ways.push(Way { first: one.first, last, bound });
            }
        }
        ways
    }

    /// The observations that a way binds, and how often each.
    fn collect(&self, bound: usize, used: &mut Vec<(usize, u64)>) {
        let mut waiting = vec![bound];
        while let Some(bound) = waiting.pop() {
            match &self.bound[bound] {
                Bound::One(at) => used.push((*at, 1)),
                Bound::Both(one, other) => waiting.extend([*other, *one]),
                Bound::Group { units, count, first, last } => {
                    let mut wanted = *count;
                    for at in units.iter() {
                        let one = &self.search.observed[*at];
                        if one.first > *first || wanted == 0 {
                            break;
                        }
                        if one.last >= *last {
                            let times = one.count.min(wanted);
                            used.push((*at, times));
                            wanted -= times;
                        }
                    }
                }
            }
        }
    }
}

/// Those that no earlier one is better than.
fn ascending(ways: Vec<Way>) -> Vec<Way> {
    let mut kept: Vec<Way> = Vec::with_capacity(ways.len());
    for way in ways {
        if kept.last().is_none_or(|before| before.last < way.last) {
            kept.push(way);
        }
    }
    kept
}

/// The search: each observation for one part only.
struct Exact<'s> {
    search: &'s Search<'s>,
    used: HashMap<usize, u64>,
    /// What is bound so far.
    stack: Vec<usize>,
    /// What the times of all that is bound from now on must keep, the innermost last.
    limits: Vec<Limit>,
    steps: u64,
}

#[derive(Clone, Copy)]
enum Limit {
    /// Within so many nanoseconds of each other: the latest first and the earliest last time so far.
    Within(i128, Option<(Time, Time)>),
    /// No last time before this.
    NotBefore(Time),
    StartStop(Time, Time),
}

/// What is to be done once a part is bound, with its latest first time and its earliest last.
type Then<'t, 's> = &'t mut dyn FnMut(&mut Exact<'s>, (Time, Time)) -> Result<bool, Error>;

impl<'s> Exact<'s> {
    fn find(mut self, root: &Node) -> Result<Option<Vec<usize>>, Error> {
        let mut found = None;
        let matched = self.bind(root, &mut |exact, _| {
            found = Some(exact.stack.clone());
            Ok(true)
        })?;
        Ok(found.filter(|_| matched))
    }

    fn bind(&mut self, node: &Node, then: Then<'_, 's>) -> Result<bool, Error> {
        match node {
            Node::Observation(number) => {
                let search = self.search;
                self.choose(&search.candidates[*number], then)
            }
            Node::Or(all) => {
                for node in all {
                    if self.bind(node, then)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Node::And(all) => self.each(all, None, false, then),
            Node::FollowedBy(all) => self.each(all, None, true, then),
            Node::Within(inner, nanos) => self.under(Limit::Within(*nanos, None), inner, then),
            Node::StartStop(inner, start, stop) => {
                self.under(Limit::StartStop(*start, *stop), inner, then)
            }
            Node::Repeats(inner, count) => self.repeat(inner, *count, None, then),
        }
    }

    fn under(&mut self, limit: Limit, inner: &Node, then: Then<'_, 's>) -> Result<bool, Error> {
        let depth = self.limits.len();
        self.limits.push(limit);
        let found = self.bind(inner, &mut |exact, times| {
            // What comes after this part is not under its limit; other ways to bind it are.
            let inside = exact.limits.split_off(depth);
            let found = then(exact, times);
            exact.limits.truncate(depth);
            exact.limits.extend(inside);
            found
        });
        self.limits.truncate(depth);
        found
    }

    fn each(
        &mut self,
        all: &[Node],
        before: Option<(Time, Time)>,
        ordered: bool,
        then: Then<'_, 's>,
    ) -> Result<bool, Error> {
        let Some((node, rest)) = all.split_first() else {
            return before.map_or(Ok(false), |times| then(self, times));
        };
        let next = &mut |exact: &mut Self, times: (Time, Time)| {
            exact.each(rest, Some(joined(before, times)), ordered, then)
        };
        match before.filter(|_| ordered) {
            Some((first, _)) => self.under(Limit::NotBefore(first), node, next),
            None => self.bind(node, next),
        }
    }

    fn repeat(
        &mut self,
        inner: &Node,
        left: u64,
        before: Option<(Time, Time)>,
        then: Then<'_, 's>,
    ) -> Result<bool, Error> {
        if left == 0 {
            return before.map_or(Ok(false), |times| then(self, times));
        }
        self.bind(inner, &mut |exact, times| {
            exact.repeat(inner, left - 1, Some(joined(before, times)), then)
        })
    }

    /// One of these for one part.
    fn choose(&mut self, candidates: &[usize], then: Then<'_, 's>) -> Result<bool, Error> {
        if self.stack.len() == MAX_DEEP {
            return Err(Error::TooComplex(MAX_STEPS));
        }
        for at in candidates {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return Err(Error::TooComplex(MAX_STEPS));
            }
            let one = &self.search.observed[*at];
            if self.used.get(at).is_some_and(|times| *times >= one.count) {
                continue;
            }
            let before = self.limits.clone();
            if self.limits.iter_mut().all(|limit| limit.takes(one.first, one.last)) {
                *self.used.entry(*at).or_default() += 1;
                self.stack.push(*at);
                if then(self, (one.first, one.last))? {
                    return Ok(true);
                }
                self.stack.pop();
                self.used.entry(*at).and_modify(|times| *times -= 1);
            }
            self.limits = before;
        }
        Ok(false)
    }
}

impl Limit {
    /// Whether one more keeps it, and what it then is.
    fn takes(&mut self, first: Time, last: Time) -> bool {
        match self {
            Self::Within(nanos, so_far) => {
                let times = joined(*so_far, (first, last));
                *so_far = Some(times);
                times.0 <= times.1.after_nanos(*nanos)
            }
            Self::NotBefore(time) => last >= *time,
            Self::StartStop(start, stop) => start < stop && first < *stop && last >= *start,
        }
    }
}

fn joined(before: Option<(Time, Time)>, (first, last): (Time, Time)) -> (Time, Time) {
    before.map_or((first, last), |(latest, earliest)| (latest.max(first), earliest.min(last)))
}

//! The same arithmetic once more, by the formula and by trying everything, on random cases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::{BTreeMap, BTreeSet};

use comity_weigh::agreement::Agreement;
use comity_weigh::case::{Case, Input, Item, Joint, Source};
use comity_weigh::difference::{Comparison, flip_sets, smallest};
use comity_weigh::posterior::{self, Interest, Options, Unknown};
use comity_weigh::result::Question;
use num_rational::BigRational;
use num_traits::{One as _, Zero as _};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

fn fraction(num: u32, den: u32) -> BigRational {
    BigRational::new(num.into(), den.into())
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0.next_u32() % sides
    }

    fn row(&mut self, count: usize) -> Vec<u32> {
        // Few values, so that ties happen.
        let values = [1, 100, 500, 1000, 1000, 2500, 5000, 9999];
        (0..count)
            .map(|_| {
                if self.roll(3) == 0 { 1 + self.roll(9999) } else { values[self.roll(8) as usize] }
            })
            .collect()
    }

    fn case(&mut self) -> Case {
        let hypotheses: Vec<String> = (0..2 + self.roll(4)).map(|n| format!("H{n}")).collect();
        let grades = [('A', (19, 20)), ('B', (4, 5)), ('C', (3, 5)), ('D', (2, 5)), ('E', (1, 5))];
        let parties: Vec<String> = (0..1 + self.roll(3)).map(|n| format!("party{n}")).collect();
        let sources: BTreeMap<String, Source> = (0..1 + self.roll(4))
            .map(|n| {
                let grade = char::from(b'A' + u8::try_from(self.roll(6)).unwrap());
                (format!("s{n}"), Source { grade, conflict: self.roll(3) == 0 })
            })
            .collect();
        let count = u32::try_from(sources.len()).unwrap();
        let items = (0..self.roll(13))
            .map(|n| {
                let rows =
                    parties.iter().map(|p| (p.clone(), self.row(hypotheses.len()))).collect();
                let item = Item {
                    source: format!("s{}", self.roll(count)),
                    root: format!("r{}", self.roll(4)),
                    public: self.roll(2) == 0,
                    exhibit: None,
                    rows,
                };
                (format!("e{n:02}"), item)
            })
            .collect();
        let priors = parties
            .iter()
            .map(|party| {
                let weights: Vec<u32> = hypotheses.iter().map(|_| 1 + self.roll(9)).collect();
                let sum = weights.iter().sum();
                (party.clone(), weights.into_iter().map(|w| fraction(w, sum)).collect())
            })
            .collect();
        let grades = grades.map(|(letter, (n, d))| (letter, fraction(n, d))).into();
        // Now and then a row for all of a root.
        let items: BTreeMap<String, Item> = items;
        let roots: BTreeSet<String> = items.values().map(|item| item.root.clone()).collect();
        let mut joint = BTreeMap::new();
        for root in roots {
            if self.roll(6) == 0 {
                let rows =
                    parties.iter().map(|p| (p.clone(), self.row(hypotheses.len()))).collect();
                joint.insert(root, Joint { source: format!("s{}", self.roll(count)), rows });
            }
        }
        Case {
            title: None,
            record: None,
            hypotheses,
            claim: vec![0],
            grades,
            sources,
            items,
            joint,
            priors,
        }
    }
}

/// Step by step as the method is written, in fractions all the way. A row for a whole root has the root's
/// name behind a mark that no item's name has.
fn naive_rows(
    case: &Case,
    party: &str,
    options: &Options<'_>,
) -> BTreeMap<String, Vec<BigRational>> {
    let mut rows = BTreeMap::new();
    for (id, item) in &case.items {
        if options.public_only && !item.public {
            continue;
        }
        rows.insert(id.clone(), naive_row(case, &item.source, &item.rows[party], options));
    }
    for (root, joint) in &case.joint {
        rows.insert(
            format!("*{root}"),
            naive_row(case, &joint.source, &joint.rows[party], options),
        );
    }
    rows
}

fn naive_row(case: &Case, source: &str, row: &[u32], options: &Options<'_>) -> Vec<BigRational> {
    let source = &case.sources[source];
    let mut r = match source.grade {
        'F' if options.unknown == Unknown::Low => fraction(1, 5),
        'F' => fraction(19, 20),
        letter => case.grades[&letter].clone(),
    };
    if source.conflict {
        match options.interest {
            Interest::Full => {}
            Interest::Half => r /= fraction(2, 1),
            Interest::Zero => r = BigRational::zero(),
        }
    }
    let given: Vec<_> = row.iter().map(|p| fraction(*p, 10_000)).collect();
    let mean = given.iter().sum::<BigRational>() / fraction(u32::try_from(given.len()).unwrap(), 1);
    given.iter().map(|p| &r * p + (BigRational::one() - &r) * &mean).collect()
}

/// One row a root: the one for all of it where all of it is there, else the one that tells most apart.
fn strongest(
    case: &Case,
    rows: &BTreeMap<String, Vec<BigRational>>,
) -> BTreeMap<String, Vec<BigRational>> {
    let mut chosen: BTreeMap<String, (BigRational, Vec<BigRational>)> = BTreeMap::new();
    for (id, row) in rows.iter().filter(|(id, _)| !id.starts_with('*')) {
        let ratio = row.iter().max().unwrap() / row.iter().min().unwrap();
        let root = &case.items[id].root;
        if chosen.get(root).is_none_or(|(known, _)| ratio > *known) {
            chosen.insert(root.clone(), (ratio, row.clone()));
        }
    }
    let mut chosen: BTreeMap<_, _> =
        chosen.into_iter().map(|(root, (_, row))| (root, row)).collect();
    for root in case.joint.keys() {
        let mut items = case.items.iter().filter(|(_, item)| item.root == *root);
        if items.all(|(id, _)| rows.contains_key(id)) {
            chosen.insert(root.clone(), rows[&format!("*{root}")].clone());
        }
    }
    chosen
}

fn bayes<'a>(
    prior: &[BigRational],
    rows: impl Iterator<Item = &'a Vec<BigRational>>,
) -> Vec<BigRational> {
    let mut weights = prior.to_vec();
    for row in rows {
        for (weight, p) in weights.iter_mut().zip(row) {
            *weight *= p;
        }
    }
    let sum: BigRational = weights.iter().sum();
    weights.into_iter().map(|weight| weight / &sum).collect()
}

#[test]
fn ten_thousand_random_cases_agree_exactly() {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(4711));
    let mut flips = 0;
    let (mut cruxes, mut thirds) = (0, 0);
    for _ in 0..10_000 {
        let case = dice.case();
        let question = Question::of(case.clone());
        for party in case.parties() {
            // One of the ways to count, and one item left out, by chance.
            let options = Options {
                interest: [Interest::Full, Interest::Half, Interest::Zero][dice.roll(3) as usize],
                unknown: [Unknown::Low, Unknown::High][dice.roll(2) as usize],
                public_only: dice.roll(3) == 0,
                ..Options::default()
            };
            let roots = strongest(&case, &naive_rows(&case, party, &options));
            let wanted = bayes(&case.priors[party], roots.values());
            assert_eq!(posterior::posterior(&case, party, &options).shares(), wanted);
            let options = Options::default();
            let rows = naive_rows(&case, party, &options);
            let left = case.items.keys().nth(dice.roll(12) as usize);
            if let Some(id) = left {
                let mut without = rows.clone();
                without.remove(id);
                let wanted = bayes(&case.priors[party], strongest(&case, &without).values());
                let options = Options { without_item: Some(id), ..options };
                assert_eq!(posterior::posterior(&case, party, &options).shares(), wanted);
                assert_eq!(question.parties[party].without_item[id].shares(), wanted);
            }
            for root in case.roots() {
                let mut left = strongest(&case, &rows);
                left.remove(root);
                let wanted = bayes(&case.priors[party], left.values());
                assert_eq!(question.parties[party].without_root[root].shares(), wanted);
            }
            flips += check_flips(&case, party, &strongest(&case, &rows));
        }
        let parties: Vec<_> = case.parties().collect();
        if let [one, other, ..] = parties.as_slice() {
            let (compared, third) = check_crux(&case, [one, other]);
            cruxes += compared;
            thirds += third;
        }
    }
    let counts = format!("{flips} {cruxes} {thirds}: there was something to check");
    assert!(flips > 5_000 && cruxes > 1_000 && thirds > 100, "{counts}");
}

/// Every subset of the roots, smallest first.
fn subsets(roots: &[&String]) -> Vec<BTreeSet<String>> {
    let mut sets: Vec<BTreeSet<String>> = (0..1_u32 << roots.len())
        .map(|mask| {
            roots
                .iter()
                .enumerate()
                .filter(|(n, _)| mask >> n & 1 == 1)
                .map(|(_, r)| (*r).clone())
                .collect()
        })
        .collect();
    sets.sort_by_key(BTreeSet::len);
    sets
}

fn check_flips(case: &Case, party: &str, roots: &BTreeMap<String, Vec<BigRational>>) -> usize {
    let prior = &case.priors[party];
    let options = Options::default();
    let result = posterior::posterior(case, party, &options);
    let witnesses = posterior::witnesses(case, party, &options);
    let sets = flip_sets(prior, &witnesses, &result);
    let top = result.top();
    let mut best: Option<usize> = None;
    for set in &sets {
        let odds = |without: &BTreeSet<String>| {
            let kept = roots.iter().filter(|(root, _)| !without.contains(*root));
            kept.fold(&prior[top] / &prior[set.rival], |odds, (_, row)| {
                odds * &row[top] / &row[set.rival]
            })
        };
        let names: Vec<_> = roots.keys().collect();
        let tried = subsets(&names).into_iter().find(|without| odds(without) <= BigRational::one());
        assert_eq!(set.roots.as_ref().map(Vec::len), tried.as_ref().map(BTreeSet::len));
        if let Some(found) = &set.roots {
            assert!(odds(&found.iter().cloned().collect()) <= BigRational::one());
            best = Some(best.map_or(found.len(), |known| known.min(found.len())));
        }
    }
    assert_eq!(smallest(&sets, &result).map(|set| set.roots.as_ref().unwrap().len()), best);
    usize::from(best.is_some_and(|size| size > 0))
}

/// How many were compared, and for how many sides a third hypothesis came out on top.
fn check_crux(case: &Case, parties: [&str; 2]) -> (usize, usize) {
    let comparison = Comparison::of(case, parties);
    if comparison.agree {
        return (0, 0);
    }
    let [a, b] = comparison.pair;
    let rows = parties.map(|party| strongest(case, &naive_rows(case, party, &Options::default())));
    let names: Vec<_> = rows[0].keys().collect();
    let mut thirds = 0;
    for (side, [to, from]) in [(1, [a, b]), (0, [b, a])] {
        let prior = &case.priors[parties[side]];
        let prefers = |swapped: &BTreeSet<String>| {
            let odds = rows[side].iter().fold(&prior[to] / &prior[from], |odds, (root, own)| {
                let row = if swapped.contains(root) { &rows[1 - side][root] } else { own };
                odds * &row[to] / &row[from]
            });
            odds > BigRational::one()
        };
        let tried = subsets(&names).into_iter().find(|swapped| prefers(swapped));
        let found = &comparison.crux[side];
        assert_eq!(found.as_ref().map(Vec::len), tried.as_ref().map(BTreeSet::len));
        if let Some(found) = found {
            assert!(prefers(&found.iter().cloned().collect()));
        }
        // Above every other hypothesis, not only above the party's own.
        let after = |swapped: &BTreeSet<String>| {
            let row = |root: &&String| {
                let from = if swapped.contains(*root) { 1 - side } else { side };
                &rows[from][*root]
            };
            bayes(&case.priors[parties[side]], names.iter().map(row))
        };
        let above = |swapped: &BTreeSet<String>| {
            let shares = after(swapped);
            (0..shares.len()).all(|h| h == to || shares[h] < shares[to])
        };
        let tried = subsets(&names).into_iter().find(|swapped| above(swapped));
        match (&comparison.agreement[side], tried) {
            (Agreement::Roots(found), Some(tried)) => {
                assert_eq!(found.len(), tried.len());
                assert!(above(&found.iter().cloned().collect()));
            }
            (Agreement::Never, None) => {}
            (found, tried) => panic!("{found:?}, and tried {tried:?}"),
        }
        if let (Some(crux), Some(then)) = (found, comparison.then[side]) {
            let shares = after(&crux.iter().cloned().collect());
            assert!(shares.iter().all(|share| *share <= shares[then]));
            thirds += usize::from(then != to);
        }
    }
    (1, thirds)
}

/// A row for a whole root stands for all its items, and no longer once one of them is left out.
#[test]
fn a_joint_row_speaks_for_its_root() {
    let file = |joint: &str| {
        format!(
            r#"{{"hypotheses": ["a", "b"], "grades": {{"A": "1/1"}},
            "sources": {{"s": {{"grade": "A", "coi": false}}}},
            "evidence": {{
                "e1": {{"src": "s", "root": "r", "public": true, "P": [8000, 1000]}},
                "e2": {{"src": "s", "root": "r", "public": true, "P": [2000, 1000]}}}},
            {joint} "priors": {{"P": ["1/2", "1/2"]}}}}"#
        )
    };
    let case = |text: &str| match Input::parse(text).unwrap() {
        Input::Case(case) => case,
        Input::Chain(_) => panic!("a case"),
    };
    let plain = case(&file(""));
    let joint = case(&file(r#""joint": {"r": {"src": "s", "P": [9000, 3000]}},"#));
    let share = |case: &Case, options: &Options<'_>| {
        posterior::posterior(case, "P", options).share(0).clone()
    };
    let options = Options::default();
    assert_eq!(share(&plain, &options), fraction(8, 9));
    assert_eq!(share(&joint, &options), fraction(3, 4));
    let without = Options { without_item: Some("e1"), ..options };
    assert_eq!(share(&joint, &without), fraction(2, 3), "of what is left, its own row");
    assert!(Input::parse(&file(r#""joint": {"q": {"src": "s", "P": [1, 2]}},"#)).is_err());
}

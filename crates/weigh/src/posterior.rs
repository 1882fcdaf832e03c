//! From ratings to probabilities, exactly.
//!
//! A row is discounted by how far its source is believed: the rest is spread evenly over the
//! hypotheses, so that a source believed not at all says nothing. Items that go back to one root are
//! one witness, and count once. What is believed afterwards is what was believed before, times what
//! each witness says.

use std::collections::BTreeMap;

use num_bigint::{BigInt, BigUint};
use num_integer::Integer as _;
use num_rational::BigRational;
use num_traits::{One as _, Zero as _};

use crate::case::Case;

/// How far sources with a declared interest are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interest {
    /// As their grade says.
    #[default]
    Full,
    /// Half as far.
    Half,
    /// Not at all.
    Zero,
}

/// How far sources of grade F, of which nothing is known, are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// 1/5.
    #[default]
    Low,
    /// 19/20.
    High,
}

/// What is counted, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Sources with a declared interest.
    pub interest: Interest,
    /// Sources of grade F.
    pub unknown: Unknown,
    /// Only evidence that an outsider can check.
    pub public_only: bool,
    /// All but this item.
    pub without_item: Option<&'a str>,
    /// All but this root.
    pub without_root: Option<&'a str>,
}

/// What the parts of a root say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The root.
    pub root: String,
    /// The item whose row speaks for it; none where the file gives a row for all of them together.
    pub item: Option<String>,
    /// Its discounted row, as integers in the right proportion.
    pub row: Vec<BigUint>,
}

/// What a party believes of each hypothesis, in the case's order.
#[derive(Debug, Clone)]
pub struct Posterior {
    /// In the right proportion; fractions are made of them only where one is asked for.
    weights: Vec<BigUint>,
    total: BigUint,
}

/// A party's discounted rows.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    case: &'a Case,
    prior: Vec<BigUint>,
    items: BTreeMap<&'a str, Vec<BigUint>>,
    joint: BTreeMap<&'a str, Vec<BigUint>>,
}

impl Posterior {
    fn of(weights: Vec<BigUint>) -> Self {
        let total = weights.iter().sum();
        Self { weights, total }
    }

    /// How probable a hypothesis is: a fraction, not in lowest terms.
    #[must_use]
    pub fn share(&self, hypothesis: usize) -> BigRational {
        BigRational::new_raw(self.weights[hypothesis].clone().into(), self.total.clone().into())
    }

    /// How probable each is: fractions that sum to 1.
    #[must_use]
    pub fn shares(&self) -> Vec<BigRational> {
        (0..self.weights.len()).map(|hypothesis| self.share(hypothesis)).collect()
    }

    /// The most probable hypothesis; of several, the first.
    #[must_use]
    pub fn top(&self) -> usize {
        top(&self.weights)
    }

    /// All that are as probable as the most probable.
    #[must_use]
    pub fn leaders(&self) -> Vec<usize> {
        let most = &self.weights[self.top()];
        (0..self.weights.len()).filter(|index| self.weights[*index] == *most).collect()
    }

    /// The most probable but one; of several, the first. With two hypotheses, the other.
    #[must_use]
    pub fn runner_up(&self) -> usize {
        let top = self.top();
        let mut second = usize::from(top == 0);
        for (index, weight) in self.weights.iter().enumerate() {
            if index != top && *weight > self.weights[second] {
                second = index;
            }
        }
        second
    }
}

impl Witness {
    /// Whether it would be seen more often under one hypothesis than under another.
    #[must_use]
    pub fn tells_apart(&self) -> bool {
        self.row.iter().any(|weight| *weight != self.row[0])
    }

    /// How many times more often this would be seen under hypothesis `a` than under `b`.
    #[must_use]
    pub fn likelihood_ratio(&self, a: usize, b: usize) -> BigRational {
        BigRational::new(self.row[a].clone().into(), self.row[b].clone().into())
    }
}

/// The largest; of several, the first.
pub(crate) fn top(weights: &[BigUint]) -> usize {
    let mut top = 0;
    for (index, weight) in weights.iter().enumerate() {
        if *weight > weights[top] {
            top = index;
        }
    }
    top
}

impl<'a> Rows<'a> {
    /// What the party believed before, in the right proportion.
    pub(crate) fn prior(&self) -> &[BigUint] {
        &self.prior
    }

    /// The rows of `party`, discounted. `without_*` of the options are for what follows.
    pub(crate) fn of(case: &'a Case, party: &str, options: &Options<'_>) -> Self {
        let prior = whole(&case.priors[party]);
        let believed: BTreeMap<&str, BigRational> =
            case.sources.keys().map(|id| (id.as_str(), believed(case, id, options))).collect();
        let row = |source: &str, rows: &BTreeMap<String, Vec<u32>>| {
            discounted(&rows[party], &believed[source])
        };
        let counts = |public: bool| public || !options.public_only;
        let items = case.items.iter().filter(|(_, item)| counts(item.public));
        let items = items.map(|(id, item)| (id.as_str(), row(&item.source, &item.rows))).collect();
        // A row for all of a root stands for its hidden parts too.
        let all =
            |root: &str| case.items.values().filter(|i| i.root == root).all(|i| counts(i.public));
        let joint = case.joint.iter().filter(|(root, _)| all(root));
        let joint = joint.map(|(root, joint)| (root.as_str(), row(&joint.source, &joint.rows)));
        Self { case, prior, items, joint: joint.collect() }
    }

    /// One witness a root, but for what the options leave out.
    pub(crate) fn witnesses(&self, options: &Options<'_>) -> Vec<Witness> {
        let mut witnesses: BTreeMap<&str, Witness> = BTreeMap::new();
        // In the order of ids, so that of two that say equally much the smaller id stays.
        for (id, row) in &self.items {
            let root = self.case.items[*id].root.as_str();
            if options.without_item == Some(id) || options.without_root == Some(root) {
                continue;
            }
            let says_more = |known: &Witness| says_more(row, &known.row);
            if witnesses.get(root).is_none_or(says_more) {
                let witness = Witness {
                    root: root.to_owned(),
                    item: Some((*id).to_owned()),
                    row: row.clone(),
                };
                witnesses.insert(root, witness);
            }
        }
        for (root, row) in &self.joint {
            let whole = options.without_item.is_none_or(|id| self.case.items[id].root != *root);
            if let Some(witness) = witnesses.get_mut(root).filter(|_| whole) {
                (witness.item, witness.row) = (None, row.clone());
            }
        }
        witnesses.into_values().collect()
    }

    /// What is believed without each item, and without each root: the same as [`Self::one_witness`] with
    /// these options, but the product of all the others is made once for each root.
    pub(crate) fn without_each(&self, witnesses: &[Witness]) -> [BTreeMap<String, Posterior>; 2] {
        // What stands before each root, and after it.
        let mut before = vec![self.prior.clone()];
        for witness in witnesses {
            let next = before.last().map_or_else(Vec::new, |last| times(last, &witness.row));
            before.push(next);
        }
        let mut after = vec![vec![BigUint::one(); self.prior.len()]];
        for witness in witnesses.iter().rev() {
            let next = after.last().map_or_else(Vec::new, |last| times(last, &witness.row));
            after.push(next);
        }
        let mut by_root: BTreeMap<&str, Vec<(&str, &Vec<BigUint>)>> = BTreeMap::new();
        for (id, row) in &self.items {
            by_root.entry(self.case.items[*id].root.as_str()).or_default().push((id, row));
        }
        let [mut without_item, mut without_root] = [BTreeMap::new(), BTreeMap::new()];
        for (index, witness) in witnesses.iter().enumerate() {
            let others = times(&before[index], &after[witnesses.len() - 1 - index]);
            let items = &by_root[witness.root.as_str()];
            for (id, _) in items {
                let mut speaks: Option<&Vec<BigUint>> = None;
                for (_, row) in items.iter().filter(|(other, _)| other != id) {
                    if speaks.is_none_or(|known| says_more(row, known)) {
                        speaks = Some(row);
                    }
                }
                let weights = speaks.map_or_else(|| others.clone(), |row| times(&others, row));
                without_item.insert((*id).to_owned(), Posterior::of(weights));
            }
            without_root.insert(witness.root.clone(), Posterior::of(others));
        }
        [without_item, without_root]
    }

    pub(crate) fn one_witness(&self, options: &Options<'_>) -> Posterior {
        let witnesses = self.witnesses(options);
        self.posterior(witnesses.iter().map(|witness| witness.row.as_slice()))
    }

    /// As if every item were a witness of its own.
    pub(crate) fn independent(&self) -> Posterior {
        self.posterior(self.items.values().map(Vec::as_slice))
    }

    fn posterior<'r>(&self, rows: impl Iterator<Item = &'r [BigUint]>) -> Posterior {
        let mut weights = self.prior.clone();
        for row in rows {
            for (weight, likelihood) in weights.iter_mut().zip(row) {
                *weight *= likelihood;
            }
        }
        Posterior::of(weights)
    }
}

fn times(weights: &[BigUint], row: &[BigUint]) -> Vec<BigUint> {
    weights.iter().zip(row).map(|(weight, likelihood)| weight * likelihood).collect()
}

/// What a party believes.
#[must_use]
pub fn posterior(case: &Case, party: &str, options: &Options<'_>) -> Posterior {
    Rows::of(case, party, options).one_witness(options)
}

/// What each root says to a party.
#[must_use]
pub fn witnesses(case: &Case, party: &str, options: &Options<'_>) -> Vec<Witness> {
    Rows::of(case, party, options).witnesses(options)
}

/// How far a source is believed, 0 to 1.
#[must_use]
pub fn believed(case: &Case, source: &str, options: &Options<'_>) -> BigRational {
    let source = &case.sources[source];
    let fraction = |num: u32, den: u32| BigRational::new(num.into(), den.into());
    let grade = match (source.grade, options.unknown) {
        ('F', Unknown::Low) => fraction(1, 5),
        ('F', Unknown::High) => fraction(19, 20),
        (letter, _) => case.grades.get(&letter).cloned().unwrap_or_else(BigRational::zero),
    };
    match options.interest {
        Interest::Half if source.conflict => grade * fraction(1, 2),
        Interest::Zero if source.conflict => BigRational::zero(),
        _ => grade,
    }
}

/// A row after the discount, out of 10,000 as it was given: `r P + (1 - r) mean`.
#[must_use]
pub fn discount(row: &[u32], believed: &BigRational) -> Vec<BigRational> {
    let weights = discounted(row, believed);
    let scale = believed.denom() * BigInt::from(row.len());
    weights.into_iter().map(|weight| BigRational::new(weight.into(), scale.clone())).collect()
}

/// The same, times what makes it whole: only the proportion matters.
fn discounted(row: &[u32], believed: &BigRational) -> Vec<BigUint> {
    let natural = |number: &BigInt| number.magnitude().clone();
    let (r, rest) = (natural(believed.numer()), natural(&(believed.denom() - believed.numer())));
    let sum: u64 = row.iter().map(|likelihood| u64::from(*likelihood)).sum();
    let even = rest * BigUint::from(sum);
    let weight = r * BigUint::from(row.len());
    row.iter().map(|likelihood| &weight * BigUint::from(*likelihood) + &even).collect()
}

/// Whether the largest of `new` is more times its smallest than with `known`.
fn says_more(new: &[BigUint], known: &[BigUint]) -> bool {
    let ends = |row: &[BigUint]| {
        let (least, most) = (row.iter().min().cloned(), row.iter().max().cloned());
        (least.unwrap_or_default(), most.unwrap_or_default())
    };
    let ((least, most), (known_least, known_most)) = (ends(new), ends(known));
    most * known_least > known_most * least
}

/// Fractions as integers in the same proportion.
fn whole(shares: &[BigRational]) -> Vec<BigUint> {
    let common = shares.iter().fold(BigInt::one(), |all, share| all.lcm(share.denom()));
    shares.iter().map(|s| (s.numer() * (&common / s.denom())).magnitude().clone()).collect()
}

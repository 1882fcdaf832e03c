//! The fewest ratings that bring a party to another's conclusion, over all hypotheses at once.
//!
//! The crux of two parties looks at their two hypotheses alone, and is exact by taking the largest gains
//! first. A third hypothesis may still end on top. What brings agreement must raise one hypothesis above
//! every other: that is looked for among all sets of roots, the smallest first, and sets that cannot do
//! are passed over together.

use num_bigint::BigUint;

use crate::posterior::Witness;
use crate::ratio::log10;

/// Roots among which is looked: of more, the sets are too many.
const MOST_ROOTS: usize = 64;
/// Sets that are looked at.
const MOST_SETS: u32 = 200_000;
/// Logarithms are sums of roundings: only what lies further below nought cannot do.
const SLACK: f64 = 1e-6;

/// What would bring a party to another's conclusion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// The fewest roots of which it would have to take the other's rating.
    Roots(Vec<String>),
    /// Not even all of them: the priors decide.
    Never,
    /// There are too many roots, or sets of them, to look at.
    NotFound,
}

/// A party's beliefs, and what the ratings of another would make of them.
pub(crate) struct Search<'a> {
    /// What it believed before, in the right proportion.
    pub(crate) prior: &'a [BigUint],
    /// Its own witnesses.
    pub(crate) own: &'a [Witness],
    /// The other's, of the same roots.
    pub(crate) theirs: &'a [Witness],
    /// The hypothesis that is to be the most probable.
    pub(crate) target: usize,
}

/// Where the search stands.
struct Walk {
    /// Of each rival: how far the target is ahead, in decimal logarithms.
    ahead: Vec<f64>,
    /// For each root, what its swap gains against each rival.
    gains: Vec<Vec<f64>>,
    /// `best[rival][first][count]`: the most that `count` roots from `first` on can gain.
    best: Vec<Vec<Vec<f64>>>,
    taken: Vec<usize>,
    left: u32,
}

impl Search<'_> {
    /// The fewest roots, none fewer than `least` being enough.
    pub(crate) fn fewest(&self, least: usize) -> Agreement {
        let roots = self.own.len();
        if roots > MOST_ROOTS {
            return Agreement::NotFound;
        }
        let rivals: Vec<usize> = (0..self.prior.len()).filter(|h| *h != self.target).collect();
        let ahead = |rival: &usize| {
            let of = |weights: &[BigUint]| log10(&weights[self.target]) - log10(&weights[*rival]);
            of(self.prior) + self.own.iter().map(|witness| of(&witness.row)).sum::<f64>()
        };
        let gain = |root: usize, rival: usize| {
            let of = |w: &Witness| log10(&w.row[self.target]) - log10(&w.row[rival]);
            of(&self.theirs[root]) - of(&self.own[root])
        };
        let gains: Vec<Vec<f64>> = (0..roots)
            .map(|root| rivals.iter().map(|rival| gain(root, *rival)).collect())
            .collect();
        let best = (0..rivals.len())
            .map(|rival| {
                (0..=roots)
                    .map(|first| {
                        let mut each: Vec<f64> = gains[first..].iter().map(|g| g[rival]).collect();
                        each.sort_by(|a, b| b.total_cmp(a));
                        let mut sum = 0.0;
                        let so_far = each.into_iter().map(|gain| {
                            sum += gain;
                            sum
                        });
                        std::iter::once(0.0).chain(so_far).collect()
                    })
                    .collect()
            })
            .collect();
        let ahead = rivals.iter().map(ahead).collect();
        let mut walk = Walk { ahead, gains, best, taken: Vec::new(), left: MOST_SETS };
        for size in least..=roots {
            match self.walk(&mut walk, 0, size) {
                Some(true) => {
                    let names = walk.taken.iter().map(|root| self.own[*root].root.clone());
                    return Agreement::Roots(names.collect());
                }
                Some(false) => {}
                None => return Agreement::NotFound,
            }
        }
        Agreement::Never
    }

    /// Whether `count` more roots from `first` on are enough; `None` where too many sets were looked at.
    fn walk(&self, walk: &mut Walk, first: usize, count: usize) -> Option<bool> {
        walk.left = walk.left.checked_sub(1)?;
        if walk.gains.len() - first < count {
            return Some(false);
        }
        let cannot = |(ahead, best): (&f64, &Vec<Vec<f64>>)| ahead + best[first][count] < -SLACK;
        if walk.ahead.iter().zip(&walk.best).any(cannot) {
            return Some(false);
        }
        if count == 0 {
            return Some(self.is_enough(&walk.taken));
        }
        for root in first..=walk.gains.len() - count {
            walk.taken.push(root);
            for (ahead, gain) in walk.ahead.iter_mut().zip(&walk.gains[root]) {
                *ahead += gain;
            }
            let found = self.walk(walk, root + 1, count - 1);
            if found != Some(false) {
                return found;
            }
            for (ahead, gain) in walk.ahead.iter_mut().zip(&walk.gains[root]) {
                *ahead -= gain;
            }
            walk.taken.pop();
        }
        Some(false)
    }

    /// Exactly.
    fn is_enough(&self, taken: &[usize]) -> bool {
        let weights = self.after(|root| taken.contains(&root));
        let others = weights.iter().enumerate().filter(|(index, _)| *index != self.target);
        others.into_iter().all(|(_, weight)| *weight < weights[self.target])
    }

    /// What the party believes once it has taken over the roots that `swapped` holds of.
    pub(crate) fn after(&self, swapped: impl Fn(usize) -> bool) -> Vec<BigUint> {
        let mut weights = self.prior.to_vec();
        for (root, (own, theirs)) in self.own.iter().zip(self.theirs).enumerate() {
            let row = if swapped(root) { &theirs.row } else { &own.row };
            for (weight, likelihood) in weights.iter_mut().zip(row) {
                *weight *= likelihood;
            }
        }
        weights
    }
}

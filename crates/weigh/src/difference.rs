//! What would change a result: the roots that carry it, and the ratings at which two parties part.

use num_rational::BigRational;
use num_traits::One as _;

use crate::agreement::{Agreement, Search};
use crate::case::Case;
use crate::posterior::{Options, Posterior, Rows, Witness, top};
use crate::ratio;

/// The fewest roots without which a rival is at least as probable as the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlipSet {
    /// The rival.
    pub rival: usize,
    /// The roots, weightiest first; none where the rival is behind even without any of them: then the
    /// conclusion rests on the prior.
    pub roots: Option<Vec<String>>,
}

/// The flip set of each rival of the top, in the case's order.
#[must_use]
pub fn flip_sets(
    prior: &[BigRational],
    witnesses: &[Witness],
    posterior: &Posterior,
) -> Vec<FlipSet> {
    let top = posterior.top();
    let rivals = (0..posterior.shares().len()).filter(|rival| *rival != top);
    rivals.map(|rival| flip_set(prior, witnesses, top, rival)).collect()
}

fn flip_set(prior: &[BigRational], witnesses: &[Witness], top: usize, rival: usize) -> FlipSet {
    let mut ratios: Vec<_> =
        witnesses.iter().map(|witness| (witness.likelihood_ratio(top, rival), witness)).collect();
    let before = &prior[top] / &prior[rival];
    let odds = ratio::product(ratios.iter().map(|(ratio, _)| ratio).chain([&before]));
    let (mut odds, mut against) = (odds.numer().clone(), odds.denom().clone());
    // The largest first is the fewest: any other set of so many divides the odds by less.
    ratios.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.root.cmp(&y.root)));
    let mut roots = Vec::new();
    for (ratio, witness) in ratios {
        if odds <= against || ratio <= BigRational::one() {
            break;
        }
        // Without remainder: the ratio is a factor of the odds.
        odds /= ratio.numer();
        against /= ratio.denom();
        roots.push(witness.root.clone());
    }
    FlipSet { rival, roots: (odds <= against).then_some(roots) }
}

/// The smallest of these sets; of several, that of the more probable rival, then of the first.
#[must_use]
pub fn smallest<'a>(sets: &'a [FlipSet], posterior: &Posterior) -> Option<&'a FlipSet> {
    let mut best: Option<(&FlipSet, usize)> = None;
    for set in sets {
        let Some(size) = set.roots.as_ref().map(Vec::len) else { continue };
        let better = best.is_none_or(|(known, fewest)| {
            let likelier = posterior.share(set.rival) > posterior.share(known.rival);
            size < fewest || size == fewest && likelier
        });
        if better {
            best = Some((set, size));
        }
    }
    best.map(|(set, _)| set)
}

/// Where two parties part, over a pair of hypotheses.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The two parties.
    pub parties: [String; 2],
    /// The two hypotheses: the first party's top and the second's; where those are one, the first
    /// party's top and runner-up.
    pub pair: [usize; 2],
    /// Whether their tops are one.
    pub agree: bool,
    /// Odds before the evidence, the first hypothesis to the second, of each party.
    pub prior: [BigRational; 2],
    /// Each root's likelihood ratio, the first hypothesis to the second, of each party.
    pub roots: Vec<(String, [BigRational; 2])>,
    /// For each party the fewest roots of which it would have to take the other's rating to find the
    /// other's hypothesis the more probable; none where not even all of them would do: then the priors
    /// decide. Empty where they agree.
    pub crux: [Option<Vec<String>>; 2],
    /// What each would find the most probable of all once it had taken over its crux: a third hypothesis
    /// may be. None where there is no crux.
    pub then: [Option<usize>; 2],
    /// For each party the fewest roots of which it would have to take the other's rating to hold what the
    /// other holds, above every other hypothesis.
    pub agreement: [Agreement; 2],
}

impl Comparison {
    /// Compares two parties.
    #[must_use]
    pub fn of(case: &Case, parties: [&str; 2]) -> Self {
        let options = Options::default();
        let rows = parties.map(|party| Rows::of(case, party, &options));
        let witnesses = rows.each_ref().map(|rows| rows.witnesses(&options));
        let posteriors = rows.each_ref().map(|rows| rows.one_witness(&options));
        // Of what a party holds exactly as much, what the other holds too is what they agree on.
        let [mine, theirs] = posteriors.each_ref().map(Posterior::leaders);
        let common = mine.iter().find(|held| theirs.contains(held)).copied();
        let tops =
            common.map_or_else(|| posteriors.each_ref().map(Posterior::top), |held| [held; 2]);
        let agree = common.is_some();
        let second = |held: usize| match posteriors[0].runner_up() {
            other if other == held => posteriors[0].top(),
            other => other,
        };
        let pair = common.map_or(tops, |held| [held, second(held)]);
        let prior =
            parties.map(|party| &case.priors[party][pair[0]] / &case.priors[party][pair[1]]);
        let roots: Vec<_> = witnesses[0]
            .iter()
            .zip(&witnesses[1])
            .map(|(one, other)| {
                let ratios = [one, other].map(|w| w.likelihood_ratio(pair[0], pair[1]));
                (one.root.clone(), ratios)
            })
            .collect();
        // What each would have to take over from the other to lean the other's way.
        let crux = if agree {
            [Some(Vec::new()), Some(Vec::new())]
        } else {
            let turned = |ratios: &[BigRational; 2]| [ratios[0].recip(), ratios[1].recip()];
            let mirrored: Vec<_> =
                roots.iter().map(|(r, both)| (r.clone(), turned(both))).collect();
            [crux(&prior[0].recip(), &mirrored, 0), crux(&prior[1], &roots, 1)]
        };
        let search = |side: usize| Search {
            prior: rows[side].prior(),
            own: &witnesses[side],
            theirs: &witnesses[1 - side],
            target: tops[1 - side],
        };
        let then = [0, 1].map(|side| {
            let crux = crux[side].as_ref()?;
            Some(top(&search(side).after(|root| crux.contains(&roots[root].0))))
        });
        let agreement = [0, 1].map(|side| match &crux[side] {
            Some(crux) if agree => Agreement::Roots(crux.clone()),
            Some(crux) => search(side).fewest(crux.len()),
            None => Agreement::Never,
        });
        let parties = parties.map(str::to_owned);
        Self { parties, pair, agree, prior, roots, crux, then, agreement }
    }

    /// How far the two are apart over the pair, in decibans: of the priors and of every root.
    #[must_use]
    pub fn gap(&self) -> f64 {
        let all = || self.roots.iter().map(|(_, ratios)| ratios).chain([&self.prior]);
        let [one, other] = [0, 1].map(|side| ratio::product(all().map(|ratios| &ratios[side])));
        let (num, den) = (one.numer() * other.denom(), one.denom() * other.numer());
        ratio::decibans(&BigRational::new_raw(num, den))
    }
}

/// The fewest roots of which the party at `side` takes the other's ratio until its odds exceed 1.
fn crux(
    prior: &BigRational,
    roots: &[(String, [BigRational; 2])],
    side: usize,
) -> Option<Vec<String>> {
    let odds = ratio::product(roots.iter().map(|(_, ratios)| &ratios[side]).chain([prior]));
    let (mut odds, mut against) = (odds.numer().clone(), odds.denom().clone());
    let gain = |(root, ratios): &'_ (String, [BigRational; 2])| {
        (&ratios[1 - side] / &ratios[side], root.clone())
    };
    let mut gains: Vec<_> = roots.iter().map(gain).collect();
    gains.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.cmp(y)));
    let mut taken = Vec::new();
    for (gain, root) in gains {
        if odds > against || gain <= BigRational::one() {
            break;
        }
        odds *= gain.numer();
        against *= gain.denom();
        taken.push(root);
    }
    (odds > against).then_some(taken)
}

//! Did an agreement change anything: counts by period, and the place in them at which it began.
//!
//! Every method runs and is reported beside the others. The verdict is *shown* only where the
//! agreement's own place ranks among the strongest twentieth of all places at which it is put, *and*
//! lies in the 95 % set of a change that is looked for freely, *and* the counts did not fall already in
//! the year before, *and* the control, where there is one, shows no change there, up or down. "Not shown" always comes with the smallest drop that the series could have
//! shown: it never means that nothing happened.

pub mod behind;
pub mod chance;
pub mod changepoint;
pub mod glm;
mod html;
pub mod input;
pub mod lag;
pub mod scan;
pub mod structural;
mod text;

use chance::Chance;
use changepoint::{ChangePoint, Prior};
use glm::{Fit, NORMAL_95};
use scan::{Scan, regressors, with_step};
use structural::Counterfactual;

/// The share of places among which the true one must rank.
pub const STRONGEST: f64 = 0.05;

/// How often a drop of a size must be shown for the series to be said able to show it.
pub const POWER: f64 = 0.8;

/// Places of which the strongest is among the strongest twentieth.
const FEWEST_PLACES: usize = 20;

/// By how much a decline that began before must be the better explanation.
const BETTER: f64 = 1.0;
/// By how much it may be the worse one where the year before slopes down.
const ABOUT_AS_WELL: f64 = 4.0;

/// How many are expected at most where none is seen: the end of the exact two-sided 95 % interval.
const NONE_SEEN: f64 = 3.688_879_454_113_936;

/// A ratio of rates that lies so near to 1 is 1: what is left of constant counts is rounding.
const ROUNDING: f64 = 1e-9;

/// The logarithm of a Bayes factor of three: below it there is hardly any evidence.
const SOME_EVIDENCE: f64 = 1.098_612_288_668_109_8;

/// Series that are drawn for each size of drop.
const DRAWN: u32 = 200;

/// Counts by period, each the number of new events in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The counts, in order.
    pub counts: Vec<f64>,
    /// What each count is per, such as a population; 1 where all are alike.
    pub exposures: Vec<f64>,
    /// A series that the agreement cannot have touched.
    pub control: Option<Vec<f64>>,
}

/// How a study is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Design {
    /// How many counts stand before the agreement.
    pub before: usize,
    /// Waves of the year in the regression, 0 to 3.
    pub harmonics: u32,
    /// Periods of a year.
    pub period: f64,
    /// What is believed of the free change-point's rates before the counts; none: what their mean says.
    pub prior: Option<Prior>,
    /// Where chance begins: the same seed gives the same bits.
    pub seed: u64,
}

/// What one series shows at one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The ratio of rates at the step, and its 95 % interval, under Poisson.
    pub poisson: [f64; 3],
    /// The same, with the variance as large as the counts scatter.
    pub quasi: [f64; 3],
    /// How much more they scatter than Poisson.
    pub dispersion: f64,
    /// The fitted means, and what they would be without the step.
    pub fitted: Vec<(f64, f64)>,
    /// A step at every place.
    pub scan: Scan,
    /// The share of places where a drop is at least as strong.
    pub rank: Option<f64>,
    /// The share of places where a rise is at least as strong.
    pub rank_of_rise: Option<f64>,
    /// The slope of the year before the agreement, in its standard errors: how far the counts had begun
    /// to fall (below 0) or rise; none where there are too few.
    pub year_before: Option<f64>,
    /// How much better than the step a decline explains the counts that began a year before: above 0
    /// where it is better, in deviance by scatter; none where none can be fitted.
    pub decline_before: Option<f64>,
    /// The change that is looked for freely, and what was believed of its rates before.
    pub free: ChangePoint,
    /// The prior of both its rates.
    pub prior: Prior,
    /// Whether its 95 % set has the true place.
    pub in_set: bool,
}

/// A study's results.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// The series.
    pub series: Change,
    /// The control.
    pub control: Option<Change>,
    /// The ratio of the series' ratio to the control's, and its 95 % interval.
    pub difference: Option<[f64; 3]>,
    /// What would have been, for a long series.
    pub counterfactual: Option<Counterfactual>,
    /// Whether it is shown.
    pub shown: bool,
    /// Why, in words.
    pub reasons: Vec<String>,
    /// Sizes of drop, and how often such a series would have shown each.
    pub power: Vec<(f64, f64)>,
}

/// Why a series cannot be studied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Too few counts.
    #[error("{0} counts, {1} of them before the agreement: want at least {least} on either side", least = scan::MARGIN)]
    Short(usize, usize),
    /// Nothing to fit.
    #[error("the regression does not come to rest on these counts; are nearly all of them 0?")]
    Degenerate,
    /// Nothing that could have fallen.
    #[error("nothing was counted before the agreement: nothing there could have fallen")]
    NothingBefore,
    /// A control without anything before.
    #[error(
        "the control has nothing before the agreement, so it says nothing of what happened there: take another, or none"
    )]
    NoControl,
    /// Nothing to fit in the control.
    #[error("the regression does not come to rest on the control; are nearly all of its counts 0?")]
    Control,
}

impl Change {
    /// What the counts show after the first `before` of them.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn of(counts: &[f64], exposures: &[f64], design: &Design) -> Result<Self, Unfit> {
        if counts.iter().all(|count| *count == 0.0) {
            return Err(Unfit::Degenerate);
        }
        let (count, before) = (counts.len(), design.before);
        if before < scan::MARGIN || count < before + scan::MARGIN {
            return Err(Unfit::Short(count, before));
        }
        if counts[..before].iter().all(|count| *count == 0.0) {
            return Err(Unfit::NothingBefore);
        }
        let offsets: Vec<f64> = exposures.iter().map(|exposure| exposure.ln()).collect();
        let rows = regressors(count, design.harmonics, design.period);
        let fit = Fit::poisson(&with_step(&rows, before), counts, &offsets);
        let fit = fit.ok_or(Unfit::Degenerate)?;
        let step = fit.coefficients.len() - 1;
        let height = fit.coefficients[step].exp();
        // Where nothing comes after, the step runs off without bound: the rate before, and the exact end of
        // what may lie behind so many noughts, stand in for what cannot be fitted.
        let stopped = counts[before..].iter().all(|count| *count == 0.0);
        let rate = counts[..before].iter().sum::<f64>() / exposures[..before].iter().sum::<f64>();
        let without = |(index, mean): (usize, &f64)| match index {
            index if index < before => (*mean, *mean),
            index if stopped => (0.0, rate * exposures[index]),
            _ => (*mean, mean / height),
        };
        let expected = rate * exposures[before..].iter().sum::<f64>();
        let none_left = [0.0, 0.0, NONE_SEEN / expected];
        let scan = Scan::of(&rows, counts, &offsets);
        let prior = design.prior.unwrap_or_else(|| Prior::scaled(counts));
        let free = ChangePoint::of(counts, exposures, prior).ok_or(Unfit::Degenerate)?;
        Ok(Self {
            poisson: if stopped { none_left } else { fit.ratio(step, 1.0) },
            quasi: if stopped {
                none_left.map(|end| end * fit.dispersion.max(1.0))
            } else {
                fit.ratio(step, fit.dispersion)
            },
            dispersion: fit.dispersion,
            fitted: fit.means.iter().enumerate().map(without).collect(),
            rank: scan.rank(before),
            rank_of_rise: scan.rank_of_rise(before),
            decline_before: scan::decline_before(&rows, counts, &offsets, before, design.period),
            year_before: scan::slope_before(&rows, counts, &offsets, before, design.period),
            in_set: free.set_95().contains(&before),
            scan,
            free,
            prior,
        })
    }

    /// Whether it ranks among the strongest and lies in the set, as a drop that did not begin before.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.drops() && !self.fell_before()
    }

    /// Whether it ranks among the strongest and lies in the set, as a drop or as a rise.
    #[must_use]
    pub fn is_change(&self) -> bool {
        let rises = self.rank_of_rise.is_some_and(|rank| rank <= STRONGEST);
        self.drops() || rises && self.in_set && self.quasi[0] > 1.0 + ROUNDING
    }

    fn drops(&self) -> bool {
        self.rank.is_some_and(|rank| rank <= STRONGEST)
            && self.in_set
            && self.quasi[0] < 1.0 - ROUNDING
    }

    /// Whether the counts had begun to fall in the year before: a decline that began then explains all of them
    /// better than a step, or about as well where they slope down in that year.
    #[must_use]
    pub fn fell_before(&self) -> bool {
        fell_before(self.year_before, self.decline_before)
    }
}

impl Study {
    /// Studies a series.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn of(series: &Series, design: &Design) -> Result<Self, Unfit> {
        let change = Change::of(&series.counts, &series.exposures, design)?;
        let ones = vec![1.0; series.counts.len()];
        let control = series.control.as_ref();
        let control = control.map(|counts| Change::of(counts, &ones, design)).transpose();
        let control = control.map_err(|unfit| match unfit {
            Unfit::NothingBefore => Unfit::NoControl,
            _ if series.control.iter().flatten().all(|count| *count == 0.0) => Unfit::NoControl,
            _ => Unfit::Control,
        })?;
        let difference = control.as_ref().and_then(|control| difference(&change, control));
        // What is compared over time is the rate, as counts at the mean exposure.
        let mean = series.exposures.iter().sum::<f64>() / length(series.exposures.len());
        let at_mean = |(count, exposure): (&f64, &f64)| count * mean / exposure;
        let rates: Vec<f64> = series.counts.iter().zip(&series.exposures).map(at_mean).collect();
        let counterfactual = Counterfactual::of(&rates, series.control.as_deref(), design.before);
        let quiet = control.as_ref().is_none_or(|control| !control.is_change());
        let shown = change.is_there() && quiet;
        let mut reasons = reasons(&change, control.as_ref());
        reasons.extend(disagreement(&change, difference, counterfactual.as_ref()));
        let power = power(series, &change, design);
        Ok(Self { series: change, control, difference, counterfactual, shown, reasons, power })
    }

    /// The smallest drop, as a share of the rate, that a series like this would show four times in
    /// five; none where it would show none.
    #[must_use]
    pub fn smallest_drop(&self) -> Option<f64> {
        // From the largest down: what is shown must be so for every larger drop too.
        let able = self.power.iter().rev().take_while(|(_, often)| *often >= POWER);
        able.last().map(|(drop, _)| *drop)
    }
}

fn length(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// None where nothing comes after in either: then there are no two ratios to compare.
fn difference(series: &Change, control: &Change) -> Option<[f64; 3]> {
    if series.quasi[0] <= 0.0 || control.quasi[0] <= 0.0 {
        return None;
    }
    let error = |change: &Change| (change.quasi[2] / change.quasi[0]).ln() / NORMAL_95;
    let at = (series.quasi[0] / control.quasi[0]).ln();
    let both = NORMAL_95 * error(series).hypot(error(control));
    Some([at, at - both, at + both].map(f64::exp))
}

fn reasons(change: &Change, control: Option<&Change>) -> Vec<String> {
    let mut reasons = Vec::new();
    let places = change.scan.places.len();
    match change.rank {
        None => reasons.push("no step can be put at the agreement's own place".to_owned()),
        Some(rank) => {
            let word = if rank <= STRONGEST { "is among" } else { "is not among" };
            reasons.push(format!(
                "put at each of {places} places, a drop is as strong or stronger at {:.0} % of them: the agreement's own place {word} the strongest 5 %",
                rank * 100.0
            ));
        }
    }
    let set = change.free.set_95();
    let held = if change.in_set { "holds" } else { "does not hold" };
    reasons.push(format!(
        "a change that is looked for freely lies most probably after count {}; its 95 % set, of {} places, {held} the agreement's",
        change.free.mode(),
        set.len()
    ));
    if change.fell_before() {
        reasons.push(
            "the counts fell already in the year before: the decline is not the agreement's"
                .to_owned(),
        );
    }
    if change.scan.places.len() < FEWEST_PLACES {
        reasons.push(format!(
            "a place among the strongest 5 % wants {FEWEST_PLACES} places, and so {} counts at least: so short a series can show nothing",
            FEWEST_PLACES - 1 + 2 * scan::MARGIN
        ));
    }
    if change.quasi[0] > 1.0 + ROUNDING {
        reasons.push("at the agreement's place the counts rise".to_owned());
    }
    match control {
        None => reasons
            .push("there is no control series: what happened to others is not known".to_owned()),
        Some(control) if control.is_change() => {
            let way = if control.quasi[0] < 1.0 { "drops there too" } else { "rises there" };
            reasons.push(format!("the control {way}: something else may have happened"));
        }
        Some(_) => reasons.push("the control shows no change there".to_owned()),
    }
    reasons
}

/// Which methods find a drop and which do not, where they differ.
fn disagreement(
    change: &Change,
    difference: Option<[f64; 3]>,
    counterfactual: Option<&Counterfactual>,
) -> Option<String> {
    let [before, after] = change.free.rates;
    let mut methods = vec![
        ("the regression", change.quasi[2] < 1.0 - ROUNDING),
        ("the placebo scan", change.rank.is_some_and(|rank| rank <= STRONGEST)),
        (
            "the free change-point",
            change.in_set && after < before && change.free.log_bayes_factor > SOME_EVIDENCE,
        ),
    ];
    methods.extend(difference.map(|[_, _, high]| ("the control", high < 1.0 - ROUNDING)));
    methods.extend(
        counterfactual.map(|found| ("the counterfactual", found.difference[2] < -ROUNDING)),
    );
    let say = |finds: bool| {
        let of = methods.iter().filter(|(_, found)| *found == finds).map(|(name, _)| *name);
        of.collect::<Vec<_>>().join(", ")
    };
    let (finding, others) = (say(true), say(false));
    (!finding.is_empty() && !others.is_empty())
        .then(|| format!("the methods disagree: a drop there by {finding}; none by {others}"))
}

/// How often a series of this length, place, mean and scatter would show drops of these sizes.
fn power(series: &Series, change: &Change, design: &Design) -> Vec<(f64, f64)> {
    let before = ..design.before;
    let rate =
        series.counts[before].iter().sum::<f64>() / series.exposures[before].iter().sum::<f64>();
    let is_shown = |size: u32, draw: u32| {
        let drop = f64::from(size) / 100.0;
        // A stream of its own for each series: no order, and no thread, changes any.
        let seed = design.seed ^ u64::from(size) << 32 ^ u64::from(draw);
        let mut chance = Chance::new(seed);
        let level = |index: usize| {
            let mean = rate * series.exposures[index];
            if index >= design.before { mean * (1.0 - drop) } else { mean }
        };
        let counts: Vec<f64> = (0..series.counts.len())
            .map(|index| chance.count(level(index), change.dispersion))
            .collect();
        shows(&counts, &series.exposures, design)
    };
    let sizes: Vec<u32> = (1..=9).map(|tenth| tenth * 10).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let mut shown = vec![0_u32; sizes.len()];
    std::thread::scope(|scope| {
        let share = |thread: usize| {
            let (sizes, is_shown) = (&sizes, &is_shown);
            scope.spawn(move || {
                let own = (0..DRAWN).filter(|draw| *draw as usize % threads == thread);
                let draws: Vec<u32> = own.collect();
                let count =
                    |size: &u32| draws.iter().filter(|draw| is_shown(*size, **draw)).count();
                sizes.iter().map(count).collect::<Vec<_>>()
            })
        };
        let running: Vec<_> = (0..threads).map(share).collect();
        for counted in running.into_iter().filter_map(|thread| thread.join().ok()) {
            for (sum, count) in shown.iter_mut().zip(counted) {
                *sum += u32::try_from(count).unwrap_or(0);
            }
        }
    });
    let often = |count: &u32| f64::from(*count) / f64::from(DRAWN);
    sizes.iter().map(|size| f64::from(*size) / 100.0).zip(shown.iter().map(often)).collect()
}

/// Whether [`Change::is_there`], without what does not decide it: the cheapest question first.
fn shows(counts: &[f64], exposures: &[f64], design: &Design) -> bool {
    let before = design.before;
    if counts.iter().all(|count| *count == 0.0) {
        return false;
    }
    let prior = design.prior.unwrap_or_else(|| Prior::scaled(counts));
    let free = ChangePoint::of(counts, exposures, prior);
    if !free.is_some_and(|free| free.set_95().contains(&before)) {
        return false;
    }
    let offsets: Vec<f64> = exposures.iter().map(|exposure| exposure.ln()).collect();
    let rows = regressors(counts.len(), design.harmonics, design.period);
    let Some(fit) = Fit::poisson(&with_step(&rows, before), counts, &offsets) else { return false };
    let falls = fit.coefficients.last().is_some_and(|step| step.exp() < 1.0 - ROUNDING);
    if !falls || !Scan::ranks(&rows, counts, &offsets, before, STRONGEST) {
        return false;
    }
    let slope = scan::slope_before(&rows, counts, &offsets, before, design.period);
    let saved = scan::decline_before(&rows, counts, &offsets, before, design.period);
    !fell_before(slope, saved)
}

fn fell_before(slope: Option<f64>, saved: Option<f64>) -> bool {
    let slopes = slope.is_some_and(|slope| slope < -NORMAL_95);
    let better = if slopes { -ABOUT_AS_WELL } else { BETTER };
    saved.is_some_and(|saved| saved > better)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What decides the power curve is what decides the verdict.
    #[test]
    fn the_short_way_says_the_same() {
        let mut shown = 0;
        for seed in 0..600 {
            let mut chance = Chance::new(seed);
            let count = 40 + usize::try_from(seed % 30).unwrap_or(0);
            let before = 15 + usize::try_from(seed % 11).unwrap_or(0);
            let left = [1.0, 0.6, 0.3, 0.0][usize::try_from(seed % 4).unwrap_or(0)];
            let exposures: Vec<f64> = (0..count).map(|_| 0.5 + chance.unit()).collect();
            let mean = |at: usize| 6.0 * exposures[at] * if at < before { 1.0 } else { left };
            let counts: Vec<f64> = (0..count).map(|at| chance.count(mean(at), 1.3)).collect();
            let harmonics = u32::try_from(seed % 2).unwrap_or(0);
            let design = Design { before, harmonics, period: 12.0, prior: None, seed };
            let long = Change::of(&counts, &exposures, &design).is_ok_and(|c| c.is_there());
            assert_eq!(shows(&counts, &exposures, &design), long, "seed {seed}");
            shown += usize::from(long);
        }
        assert!((100..500).contains(&shown), "{shown} of 600 are shown");
    }
}

//! The agreement put at every admissible place: is the true one special?

use super::glm::Fit;

/// Counts on either side of a place at least: with fewer a step is anybody's guess.
pub const MARGIN: usize = 6;

/// Strengths that lie so near to each other are the same: of constant counts every place is as strong.
const ROUNDING: f64 = 1e-5;

/// What a step at one place would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Placebo {
    /// How many counts stand before it.
    pub before: usize,
    /// How much better a step there explains the counts, as a signed root of the deviance that it
    /// saves: above 0 where it is a drop.
    pub strength: f64,
}

/// A step at every admissible place.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// By place.
    pub places: Vec<Placebo>,
}

/// What stands beside the step in every regression: a level, a trend, and waves of the year.
#[must_use]
pub fn regressors(count: usize, harmonics: u32, period: f64) -> Vec<Vec<f64>> {
    let row = |index: usize| {
        let time = f64::from(u32::try_from(index).unwrap_or(u32::MAX));
        let mut row = vec![1.0, time / 12.0];
        for harmonic in 1..=harmonics {
            let angle = std::f64::consts::TAU * f64::from(harmonic) * (time + 1.0) / period;
            row.extend([angle.sin(), angle.cos()]);
        }
        row
    };
    (0..count).map(row).collect()
}

/// These regressors with a step after `before` counts, as the last of each row.
#[must_use]
pub fn with_step(rows: &[Vec<f64>], before: usize) -> Vec<Vec<f64>> {
    let step = |(index, row): (usize, &Vec<f64>)| {
        let mut row = row.clone();
        row.push(f64::from(u8::from(index >= before)));
        row
    };
    rows.iter().enumerate().map(step).collect()
}

impl Scan {
    /// Tries every place; none where nothing can be fitted.
    #[must_use]
    pub fn of(rows: &[Vec<f64>], counts: &[f64], offsets: &[f64]) -> Self {
        let Some(without) = Fit::poisson(rows, counts, offsets) else {
            return Self { places: Vec::new() };
        };
        let places = places(counts.len()).filter_map(|before| {
            let strength = strength(rows, counts, offsets, before, without.deviance)?;
            Some(Placebo { before, strength })
        });
        Self { places: places.collect() }
    }

    /// Whether the rank of a drop at `before` is at most `share`: the same as by [`Scan::rank`], but no more
    /// places are tried than decide it.
    #[must_use]
    pub fn ranks(
        rows: &[Vec<f64>],
        counts: &[f64],
        offsets: &[f64],
        before: usize,
        share: f64,
    ) -> bool {
        let Some(without) = Fit::poisson(rows, counts, offsets) else { return false };
        let at = |place| strength(rows, counts, offsets, place, without.deviance);
        let Some(own) = at(before).filter(|_| places(counts.len()).contains(&before)) else {
            return false;
        };
        let number = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let all = places(counts.len()).len();
        let (mut strong, mut tried) = (0, 0);
        for place in places(counts.len()) {
            let Some(strength) = at(place) else { continue };
            tried += 1;
            strong += usize::from(strength >= own - ROUNDING);
            if number(strong) > share * number(all) {
                return false;
            }
        }
        number(strong) <= share * number(tried)
    }

    /// The share of places, the true one included, where a drop is at least as strong as at the true
    /// one; none where the true one is not admissible.
    #[must_use]
    pub fn rank(&self, before: usize) -> Option<f64> {
        self.share(before, |other, own| other >= own - ROUNDING)
    }

    /// The same of a rise.
    #[must_use]
    pub fn rank_of_rise(&self, before: usize) -> Option<f64> {
        self.share(before, |other, own| other <= own + ROUNDING)
    }

    fn share(&self, before: usize, stronger: fn(f64, f64) -> bool) -> Option<f64> {
        let own = self.places.iter().find(|place| place.before == before)?.strength;
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let strong = self.places.iter().filter(|place| stronger(place.strength, own)).count();
        Some(count(strong) / count(self.places.len()))
    }
}

/// How far the counts before a place had begun to fall or rise in the year before it: the coefficient of a
/// line that begins to rise there, in its standard errors, the variance as large as the counts scatter. None
/// where there are too few counts to tell.
#[must_use]
pub fn slope_before(
    rows: &[Vec<f64>],
    counts: &[f64],
    offsets: &[f64],
    before: usize,
    period: f64,
) -> Option<f64> {
    if before < 2 * MARGIN {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "periods of a year"
    )]
    let year = (period.round() as usize).clamp(MARGIN, before / 2);
    let line = |(index, row): (usize, &Vec<f64>)| {
        let since = (index + 1).saturating_sub(before - year);
        // Without the trend, which would be the same line in part.
        let mut row: Vec<f64> = [&row[..1], &row[2..]].concat();
        row.push(f64::from(u32::try_from(since).unwrap_or(u32::MAX)));
        row
    };
    let rows: Vec<_> = rows[..before].iter().enumerate().map(line).collect();
    let fit = Fit::poisson(&rows, &counts[..before], &offsets[..before])?;
    let last = fit.coefficients.len() - 1;
    Some(fit.coefficients[last] / fit.error(last, fit.dispersion.max(1.0)))
}

/// Every admissible place.
fn places(count: usize) -> std::ops::Range<usize> {
    MARGIN..(count + 1).saturating_sub(MARGIN)
}

fn strength(
    rows: &[Vec<f64>],
    counts: &[f64],
    offsets: &[f64],
    before: usize,
    without: f64,
) -> Option<f64> {
    let with = Fit::poisson(&with_step(rows, before), counts, offsets)?;
    let step = *with.coefficients.last()?;
    Some((without - with.deviance).max(0.0).sqrt() * -step.signum())
}

/// How much better than the step a decline explains all counts that begins a year before the place and takes a
/// year, one and a half or two: the deviance that the best of them saves, by how much the counts scatter. None
/// where nothing can be fitted, or where none of them falls.
#[must_use]
pub fn decline_before(
    rows: &[Vec<f64>],
    counts: &[f64],
    offsets: &[f64],
    before: usize,
    period: f64,
) -> Option<f64> {
    let number = |index: usize| f64::from(u32::try_from(index).unwrap_or(u32::MAX));
    let step = Fit::poisson(&with_step(rows, before), counts, offsets)?;
    let begin = number(before) - period;
    let deviance = |years: f64| {
        let line = |(index, row): (usize, &Vec<f64>)| {
            let gone = (number(index) + 0.5 - begin) / (years * period);
            [row.as_slice(), &[gone.clamp(0.0, 1.0)]].concat()
        };
        let rows: Vec<_> = rows.iter().enumerate().map(line).collect();
        let fit = Fit::poisson(&rows, counts, offsets)?;
        (*fit.coefficients.last()? < 0.0).then_some(fit.deviance)
    };
    let best = [1.0, 1.5, 2.0].into_iter().filter_map(deviance).min_by(f64::total_cmp)?;
    Some((step.deviance - best) / step.dispersion.max(1.0))
}

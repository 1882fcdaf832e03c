//! The agreement put at every admissible place: is the true one special?

use super::glm::Fit;

/// Counts on either side of a place at least: with fewer a step is anybody's guess.
pub const MARGIN: usize = 6;

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
        let places = (MARGIN..(counts.len() + 1).saturating_sub(MARGIN)).filter_map(|before| {
            let strength = strength(rows, counts, offsets, before)?;
            Some(Placebo { before, strength })
        });
        Self { places: places.collect() }
    }

    /// The share of places, the true one included, where a drop is at least as strong as at the true
    /// one; none where the true one is not admissible.
    #[must_use]
    pub fn rank(&self, before: usize) -> Option<f64> {
        let own = self.places.iter().find(|place| place.before == before)?.strength;
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let stronger = self.places.iter().filter(|place| place.strength >= own).count();
        Some(count(stronger) / count(self.places.len()))
    }
}

fn strength(rows: &[Vec<f64>], counts: &[f64], offsets: &[f64], before: usize) -> Option<f64> {
    let without = Fit::poisson(rows, counts, offsets)?;
    let with = Fit::poisson(&with_step(rows, before), counts, offsets)?;
    let step = *with.coefficients.last()?;
    Some((without.deviance - with.deviance).max(0.0).sqrt() * -step.signum())
}

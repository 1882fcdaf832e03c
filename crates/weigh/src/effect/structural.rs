//! What would have been: a level that wanders, and a control that it follows, learnt before the
//! event and carried on after it.
//!
//! The model of CausalImpact's local level: `y = level + beta x + noise`, the level a random walk.
//! Its two variances are the most likely ones on the counts before the event; what the filter does not
//! know at first it learns from a prior without information.

use super::glm::NORMAL_95;

/// Counts before the event at least.
pub const LEAST: usize = 24;

/// The counterfactual and what the counts are beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Counterfactual {
    /// For each count after the event: what would have been expected, and its standard error.
    pub expected: Vec<(f64, f64)>,
    /// All counts after the event, less all that was expected, and the ends of its 95 % interval.
    pub difference: [f64; 3],
    /// The same as a share of what was expected; none where that is less than a single count, of which nothing is a
    /// share that says anything.
    pub relative: Option<[f64; 3]>,
}

/// A state of two: level and coefficient, with their covariance.
#[derive(Clone, Copy)]
struct State {
    mean: [f64; 2],
    variance: [[f64; 2]; 2],
}

impl Counterfactual {
    /// Learns from the first `before` counts; `None` where they are fewer than [`LEAST`].
    #[must_use]
    pub fn of(counts: &[f64], control: Option<&[f64]>, before: usize) -> Option<Self> {
        if before < LEAST || before >= counts.len() {
            return None;
        }
        let follows = |index: usize| control.map_or(0.0, |control| control[index]);
        let xs: Vec<f64> = (0..counts.len()).map(follows).collect();
        let spread = variance(&counts[..before]).max(1e-9);
        // The most likely ratio of the walk's variance to the noise's, on a grid of logarithms, then
        // finer around the best.
        let score = |log: f64| filter(&counts[..before], &xs, log.exp(), spread).1;
        let (mut best, mut step) = (-12.0, 1.0);
        for _ in 0..4 {
            let grid = (-12..=12).map(|n| best + f64::from(n) * step);
            let better = grid.max_by(|a, b| score(*a).total_cmp(&score(*b)));
            best = better.unwrap_or(best).clamp(-18.0, 6.0);
            step /= 6.0;
        }
        let (mut state, _, noise) = filter(&counts[..before], &xs, best.exp(), spread);
        let walk = noise * best.exp();
        let mut expected = Vec::new();
        let (mut sum, mut total) = (0.0, 0.0);
        // The sum's variance: of the level that is carried on, of the walk, of the coefficient, and of
        // the noise of each count.
        let (mut steps, mut weight, mut follow) = (0.0, 0.0, 0.0);
        let after = counts.len() - before;
        for (index, count) in counts.iter().enumerate().skip(before) {
            state.variance[0][0] += walk;
            let x = xs[index];
            let mean = state.mean[0] + x * state.mean[1];
            let own = state.variance[0][0]
                + 2.0 * x * state.variance[0][1]
                + x * x * state.variance[1][1]
                + noise;
            expected.push((mean, own.sqrt()));
            sum += count - mean;
            total += mean;
            weight += 1.0;
            follow += x;
            let left = f64::from(u32::try_from(after - expected.len() + 1).ok()?);
            steps += left * left;
        }
        state.variance[0][0] -= walk * weight;
        let variance = weight * weight * state.variance[0][0]
            + 2.0 * weight * follow * state.variance[0][1]
            + follow * follow * state.variance[1][1]
            + walk * steps
            + noise * weight;
        let error = NORMAL_95 * variance.max(0.0).sqrt();
        let difference = [sum, sum - error, sum + error];
        let relative = (total >= 1.0).then(|| difference.map(|d| d / total));
        Some(Self { expected, difference, relative })
    }
}

/// Runs the filter with this ratio of variances: the last state, the concentrated log likelihood, and
/// the noise's variance that goes with it.
fn filter(counts: &[f64], xs: &[f64], ratio: f64, spread: f64) -> (State, f64, f64) {
    let wide = 1e6 * spread.max(1.0);
    let follows = xs.iter().any(|x| *x != 0.0);
    let beta = if follows { wide } else { 0.0 };
    let mut state = State { mean: [counts[0], 0.0], variance: [[wide, 0.0], [0.0, beta]] };
    let (mut squares, mut logs, mut used) = (0.0, 0.0, 0.0);
    let unknown = if follows { 2 } else { 1 };
    for (index, count) in counts.iter().enumerate() {
        if index > 0 {
            state.variance[0][0] += ratio;
        }
        let x = xs[index];
        let State { mean, variance: p } = state;
        let gain = [p[0][0] + x * p[0][1], p[1][0] + x * p[1][1]];
        let total = gain[0] + x * gain[1] + 1.0;
        let error = count - mean[0] - x * mean[1];
        // The first counts only say where it begins.
        if index >= unknown {
            squares += error * error / total;
            logs += total.ln();
            used += 1.0;
        }
        let k = [gain[0] / total, gain[1] / total];
        state.mean = [mean[0] + k[0] * error, mean[1] + k[1] * error];
        for row in 0..2 {
            for column in 0..2 {
                state.variance[row][column] = p[row][column] - k[row] * gain[column];
            }
        }
    }
    let noise = (squares / used).max(1e-12);
    let likelihood = -0.5 * (used * noise.ln() + logs);
    for line in &mut state.variance {
        line.iter_mut().for_each(|v| *v *= noise);
    }
    (state, likelihood, noise)
}

fn variance(values: &[f64]) -> f64 {
    let count = f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX));
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count
}

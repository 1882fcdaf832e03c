//! Where did the rate change, if it did: exactly, by trying every place.
//!
//! Counts are Poisson with one rate before and one after, both Gamma before the data are seen; every
//! place is equally probable beforehand. So the posterior is a sum of known integrals, without
//! sampling.

use statrs::function::gamma::ln_gamma;

/// Shape and rate of a Gamma prior on both rates, which are per usual period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Shape.
    pub shape: f64,
    /// Rate.
    pub rate: f64,
}

impl Prior {
    /// Shape 1, and the mean of these counts: with a prior that expects another size of count, short
    /// stretches would be the cheapest to explain, and the change would be found at an end.
    #[must_use]
    pub fn scaled(counts: &[f64]) -> Self {
        let count = f64::from(u32::try_from(counts.len()).unwrap_or(u32::MAX));
        let mean = counts.iter().sum::<f64>() / count.max(1.0);
        Self { shape: 1.0, rate: 1.0 / mean.max(1e-9) }
    }

    /// The logarithm of the probability of counts that sum so over this exposure, the rate unknown.
    fn evidence(self, sum: f64, exposure: f64) -> f64 {
        let Self { shape, rate } = self;
        shape * rate.ln() - ln_gamma(shape) + ln_gamma(sum + shape)
            - (sum + shape) * (exposure + rate).ln()
    }
}

/// The posterior of a single change.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangePoint {
    /// For `k` from 1 on: the probability that the first `k` counts have one rate and the rest another.
    pub probabilities: Vec<f64>,
    /// Mean rates before and after, per usual period, over all places.
    pub rates: [f64; 2],
    /// Logarithm of how much better one change explains the counts than none.
    pub log_bayes_factor: f64,
}

impl ChangePoint {
    /// The posterior for these counts, each over an exposure (1 where all are alike). At least two.
    #[must_use]
    pub fn of(counts: &[f64], exposures: &[f64], prior: Prior) -> Option<Self> {
        if counts.len() < 2 || exposures.len() != counts.len() {
            return None;
        }
        // Rates are per usual period, whatever the exposures are measured in.
        let periods = f64::from(u32::try_from(counts.len()).ok()?);
        let usual = exposures.iter().sum::<f64>() / periods;
        let (mut sums, mut lengths) = (vec![0.0], vec![0.0]);
        for (count, exposure) in counts.iter().zip(exposures) {
            sums.push(sums.last()? + count);
            lengths.push(lengths.last()? + exposure / usual);
        }
        let (sum, length) = (*sums.last()?, *lengths.last()?);
        // What is the same for every place (factorials of the counts, exposures) is left out.
        let weights: Vec<f64> = (1..counts.len())
            .map(|k| {
                prior.evidence(sums[k], lengths[k])
                    + prior.evidence(sum - sums[k], length - lengths[k])
            })
            .collect();
        let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = weights.iter().map(|weight| (weight - most).exp()).sum();
        let probabilities: Vec<f64> =
            weights.iter().map(|weight| (weight - most).exp() / total).collect();
        let mut rates = [0.0; 2];
        for (k, probability) in (1..counts.len()).zip(&probabilities) {
            rates[0] += probability * (sums[k] + prior.shape) / (lengths[k] + prior.rate);
            rates[1] +=
                probability * (sum - sums[k] + prior.shape) / (length - lengths[k] + prior.rate);
        }
        let places = f64::from(u32::try_from(weights.len()).ok()?);
        let log_bayes_factor = most + (total / places).ln() - prior.evidence(sum, length);
        Some(Self { probabilities, rates, log_bayes_factor })
    }

    /// The most probable `k`.
    #[must_use]
    pub fn mode(&self) -> usize {
        let mut mode = 0;
        for (index, probability) in self.probabilities.iter().enumerate() {
            if *probability > self.probabilities[mode] {
                mode = index;
            }
        }
        mode + 1
    }

    /// The smallest set of `k` that holds 95 %, ascending.
    #[must_use]
    pub fn set_95(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.probabilities.len()).collect();
        places.sort_by(|a, b| self.probabilities[*b].total_cmp(&self.probabilities[*a]));
        let mut held = 0.0;
        let mut set = Vec::new();
        for place in places {
            if held >= 0.95 {
                break;
            }
            held += self.probabilities[place];
            set.push(place + 1);
        }
        set.sort_unstable();
        set
    }
}

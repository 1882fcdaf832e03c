//! Chance that is the same on every run: a seeded generator, and what is drawn with it.

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};
use statrs::function::gamma::ln_gamma;

/// Means above it are drawn in a time that does not grow with them.
const LARGE: f64 = 1_000.0;

/// A stream of chance that follows from its seed alone.
#[derive(Debug, Clone)]
pub struct Chance(ChaCha12Rng);

impl Chance {
    /// The stream of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A number from 0 to 1, neither of them.
    pub fn unit(&mut self) -> f64 {
        // 53 bits, moved by half a step: exact in a double, and never an end.
        let bits = self.0.next_u64() >> 11;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
        let bits = bits as f64;
        (bits + 0.5) / 9_007_199_254_740_992.0
    }

    /// A standard normal number, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let (radius, angle) = (self.unit(), self.unit());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// A Gamma number of this shape and scale, by Marsaglia and Tsang.
    pub fn gamma(&mut self, shape: f64, scale: f64) -> f64 {
        if shape < 1.0 {
            // Of a shape below 1 it is one of the next shape, made smaller.
            let smaller = self.unit().powf(1.0 / shape);
            return self.gamma(shape + 1.0, scale) * smaller;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let normal = self.normal();
            let cube = (1.0 + c * normal).powi(3);
            if cube > 0.0 && self.unit().ln() < 0.5 * normal.powi(2) + d - d * cube + d * cube.ln()
            {
                return d * cube * scale;
            }
        }
    }

    /// A Poisson number of this mean.
    pub fn poisson(&mut self, mean: f64) -> f64 {
        if mean > LARGE {
            return self.large_poisson(mean);
        }
        // A sum of Poisson numbers is one: halves until counting down is exact.
        if mean > 30.0 {
            return self.poisson(mean / 2.0) + self.poisson(mean / 2.0);
        }
        let floor = (-mean).exp();
        let (mut count, mut product) = (0.0, self.unit());
        while product > floor {
            product *= self.unit();
            count += 1.0;
        }
        count
    }

    /// The same in a time that does not grow with the mean: Hörmann's transformed rejection with a squeeze
    /// (PTRS, 1993).
    fn large_poisson(&mut self, mean: f64) -> f64 {
        let b = 0.931 + 2.53 * mean.sqrt();
        let a = -0.059 + 0.02483 * b;
        let alpha = (1.1239 + 1.1328 / (b - 3.4)).ln();
        let squeeze = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let (u, v) = (self.unit() - 0.5, self.unit());
            let left = 0.5 - u.abs();
            let count = ((2.0 * a / left + b) * u + mean + 0.43).floor();
            if left >= 0.07 && v <= squeeze {
                return count;
            }
            if count < 0.0 || left < 0.013 && v > left {
                continue;
            }
            let density = count * mean.ln() - mean - ln_gamma(count + 1.0);
            if v.ln() + alpha - (a / (left * left) + b).ln() <= density {
                return count;
            }
        }
    }

    /// A count of this mean whose variance is so many times as large: Poisson where that is 1 or less.
    pub fn count(&mut self, mean: f64, dispersion: f64) -> f64 {
        if dispersion <= 1.0 + 1e-9 || mean <= 0.0 {
            return self.poisson(mean.max(0.0));
        }
        let scale = dispersion - 1.0;
        let mixed = self.gamma(mean / scale, scale);
        self.poisson(mixed)
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    /// Mean and variance of a Poisson number are one, however large, and the ranks lie where the normal
    /// distribution puts them.
    #[test]
    fn large_counts_are_poisson() {
        for mean in [1_500.0_f64, 70_000.0, 3e8] {
            let mut chance = Chance::new(9);
            let drawn: Vec<f64> = (0..40_000).map(|_| chance.poisson(mean)).collect();
            let apart: Vec<f64> = drawn.iter().map(|count| (count - mean) / mean.sqrt()).collect();
            let average = apart.iter().sum::<f64>() / 40_000.0;
            let variance = apart.iter().map(|x| x * x).sum::<f64>() / 40_000.0;
            let below = apart.iter().filter(|x| **x < -1.0).count();
            assert!(
                average.abs() < 0.02 && (variance - 1.0).abs() < 0.03,
                "{mean}: {average} {variance}"
            );
            assert!(
                (6_100..6_600).contains(&below),
                "{mean}: {below} of 40,000 below one deviation"
            );
            assert!(drawn.iter().all(|count| count.fract() == 0.0));
        }
    }
}

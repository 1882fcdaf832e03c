//! Chance that is the same on every run: a seeded generator, and what is drawn with it.

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};

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

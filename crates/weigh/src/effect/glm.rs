//! Regression of counts: Poisson with a logarithmic link, by iteratively reweighted least squares.

/// A fitted regression.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Coefficients, on the scale of the logarithm.
    pub coefficients: Vec<f64>,
    /// Their covariance under Poisson.
    pub covariance: Vec<Vec<f64>>,
    /// Fitted means.
    pub means: Vec<f64>,
    /// Deviance from the saturated model.
    pub deviance: f64,
    /// Pearson's statistic over its degrees of freedom: 1 for Poisson, more where counts scatter more.
    pub dispersion: f64,
}

/// How close two deviances are when the iteration has come to rest.
const REST: f64 = 1e-10;

/// Where a mean would be 0 or without bound, no further.
const FARTHEST: f64 = 40.0;

impl Fit {
    /// Fits `counts` with these rows of regressors, and an offset for each (the logarithm of what the
    /// count is per). `None` where the regressors do not determine the coefficients.
    #[must_use]
    pub fn poisson(rows: &[Vec<f64>], counts: &[f64], offsets: &[f64]) -> Option<Self> {
        let width = rows.first()?.len();
        let mut means: Vec<f64> = counts.iter().map(|count| count + 0.1).collect();
        let mut etas: Vec<f64> = means.iter().map(|mean| mean.ln()).collect();
        let mut last = f64::INFINITY;
        // Two deviances of large counts differ by their rounding, however close they are.
        let rounding = 16.0 * f64::EPSILON * counts.iter().sum::<f64>();
        for _ in 0..100 {
            // Weighted least squares of the working response, weights the means.
            let mut normal = vec![vec![0.0; width]; width];
            let mut right = vec![0.0; width];
            for (index, row) in rows.iter().enumerate() {
                let weight = means[index];
                let working = etas[index] - offsets[index] + (counts[index] - weight) / weight;
                for (a, x) in row.iter().enumerate() {
                    right[a] += weight * x * working;
                    for (b, z) in row.iter().enumerate() {
                        normal[a][b] += weight * x * z;
                    }
                }
            }
            let inverse = inverse(&normal)?;
            let times = |line: &Vec<f64>| line.iter().zip(&right).map(|(a, b)| a * b).sum();
            let coefficients: Vec<f64> = inverse.iter().map(times).collect();
            for (index, row) in rows.iter().enumerate() {
                let linear: f64 = row.iter().zip(&coefficients).map(|(x, c)| x * c).sum();
                etas[index] = (linear + offsets[index]).clamp(-FARTHEST, FARTHEST);
                means[index] = etas[index].exp();
            }
            let deviance = deviance(counts, &means);
            if (last - deviance).abs() <= REST * (deviance.abs() + 0.1) + rounding {
                let pearson = counts.iter().zip(&means).map(|(y, m)| (y - m).powi(2) / m);
                let free = f64::from(u32::try_from(rows.len().checked_sub(width)?).ok()?);
                let dispersion = pearson.sum::<f64>() / free;
                return Some(Self {
                    coefficients,
                    covariance: inverse,
                    means,
                    deviance,
                    dispersion,
                });
            }
            last = deviance;
        }
        None
    }

    /// The standard error of a coefficient, its variance times `scale`.
    #[must_use]
    pub fn error(&self, coefficient: usize, scale: f64) -> f64 {
        (self.covariance[coefficient][coefficient] * scale).sqrt()
    }

    /// The ratio of rates that a coefficient stands for, and the ends of its 95 % interval, its
    /// variance times `scale`.
    #[must_use]
    pub fn ratio(&self, coefficient: usize, scale: f64) -> [f64; 3] {
        let (at, error) = (self.coefficients[coefficient], self.error(coefficient, scale));
        [at, at - NORMAL_95 * error, at + NORMAL_95 * error].map(f64::exp)
    }
}

/// The normal distribution's 97.5 % quantile.
pub(crate) const NORMAL_95: f64 = 1.959_963_984_540_054;

fn deviance(counts: &[f64], means: &[f64]) -> f64 {
    let term = |(y, m): (&f64, &f64)| {
        let log = if *y > 0.0 { y * (y / m).ln() } else { 0.0 };
        2.0 * (log - (y - m))
    };
    counts.iter().zip(means).map(term).sum()
}

/// The inverse of a symmetric positive matrix, by Cholesky; `None` where it is none.
fn inverse(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let size = matrix.len();
    let mut lower = vec![vec![0.0; size]; size];
    for row in 0..size {
        for column in 0..=row {
            let known: f64 = (0..column).map(|k| lower[row][k] * lower[column][k]).sum();
            let rest = matrix[row][column] - known;
            if row == column {
                // Relative to what stands there: a column that others explain leaves next to nothing.
                if rest <= 1e-12 * matrix[row][row].abs() {
                    return None;
                }
                lower[row][row] = rest.sqrt();
            } else {
                lower[row][column] = rest / lower[column][column];
            }
        }
    }
    let mut inverse = vec![vec![0.0; size]; size];
    // Forward, then back, for each column of the unit matrix; the inverse is symmetric, so a column
    // is a row.
    for (unit, solved) in inverse.iter_mut().enumerate() {
        let mut column = vec![0.0; size];
        for row in 0..size {
            let known: f64 = (0..row).map(|k| lower[row][k] * column[k]).sum();
            column[row] = (f64::from(u8::from(row == unit)) - known) / lower[row][row];
        }
        for row in (0..size).rev() {
            let known: f64 = (row + 1..size).map(|k| lower[k][row] * solved[k]).sum();
            solved[row] = (column[row] - known) / lower[row][row];
        }
    }
    Some(inverse)
}

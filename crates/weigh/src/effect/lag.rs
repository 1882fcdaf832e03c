//! What happened lately is not all reported yet: the chain ladder, with Mack's standard error.
//!
//! A triangle has a row for each period in which something happened, and in it, for each later
//! period, how much of that was known by then. The latest rows are the shortest.

/// What a triangle says of its last rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    /// From each age to the next: by how much what is known grows.
    pub factors: Vec<f64>,
    /// For each row: what will be known in the end, and the standard error of that.
    pub ultimates: Vec<(f64, f64)>,
    /// Of all rows together: what is not known yet, and the standard error of that.
    pub missing: (f64, f64),
}

impl Ladder {
    /// The ladder of a cumulative triangle; `None` where it is none: rows that do not get shorter one
    /// by one, or from whose first ages nothing follows.
    #[must_use]
    pub fn of(triangle: &[Vec<f64>]) -> Option<Self> {
        let size = triangle.len();
        let whole = triangle.iter().enumerate().all(|(row, known)| known.len() == size - row);
        if size < 2 || !whole {
            return None;
        }
        let at = |row: usize, age: usize| triangle[row][age];
        let (mut factors, mut scatter, mut bases) = (Vec::new(), Vec::new(), Vec::new());
        for age in 0..size - 1 {
            let rows = size - age - 1;
            let base: f64 = (0..rows).map(|row| at(row, age)).sum();
            let next: f64 = (0..rows).map(|row| at(row, age + 1)).sum();
            if base <= 0.0 {
                return None;
            }
            let factor = next / base;
            let square = |row: usize| {
                let own = at(row, age);
                if own > 0.0 { own * (at(row, age + 1) / own - factor).powi(2) } else { 0.0 }
            };
            let free = f64::from(u32::try_from(rows.saturating_sub(1)).ok()?);
            let variance = (0..rows).map(square).sum::<f64>() / free.max(1.0);
            // The last factor stands on one row: Mack takes over what the two before it say.
            let variance = match scatter.as_slice() {
                [.., before, last] if rows == 1 => {
                    let (before, last): (&f64, &f64) = (before, last);
                    (last.powi(2) / before).min(before.min(*last))
                }
                _ => variance,
            };
            factors.push(factor);
            scatter.push(variance);
            bases.push(base);
        }
        let mut ultimates = Vec::new();
        let mut total = 0.0;
        for row in 0..size {
            let mut known = at(row, size - row - 1);
            let mut relative = 0.0;
            for age in size - row - 1..size - 1 {
                // Both that this row may grow otherwise, and that the factor is only estimated.
                let own = if known > 0.0 { 1.0 / known } else { 0.0 };
                relative += scatter[age] / factors[age].powi(2) * (own + 1.0 / bases[age]);
                known *= factors[age];
            }
            ultimates.push((known, known * relative.sqrt()));
        }
        for row in 0..size {
            let (ultimate, error) = ultimates[row];
            let later: f64 = ultimates[row + 1..].iter().map(|(ultimate, _)| ultimate).sum();
            let shared: f64 = (size - row - 1..size - 1)
                .map(|age| 2.0 * scatter[age] / factors[age].powi(2) / bases[age])
                .sum();
            total += error.powi(2) + ultimate * later * shared;
        }
        let missing: f64 =
            ultimates.iter().enumerate().map(|(row, (u, _))| u - at(row, size - row - 1)).sum();
        Some(Self { factors, ultimates, missing: (missing, total.sqrt()) })
    }
}

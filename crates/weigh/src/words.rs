//! Words for numbers, and other views of the same evidence that analysts know.

use num_rational::BigRational;

use crate::case::Case;
use crate::posterior::{Options, Witness, believed};
use crate::ratio;

/// The scale of the words: ICD 203 of the United States. STIX's DNI bands differ, so the scale is
/// stored beside the word and the number.
pub const SCALE: &str = "ICD 203";

/// The ICD 203 word for a probability. Its bands share their ends: an end counts to the upper band.
#[must_use]
pub fn word(probability: &BigRational) -> &'static str {
    let below = |percent: u32| *probability < BigRational::new(percent.into(), 100.into());
    match () {
        () if below(5) => "almost no chance",
        () if below(20) => "very unlikely",
        () if below(45) => "unlikely",
        () if below(55) => "roughly even chance",
        () if below(80) => "likely",
        () if below(95) => "very likely",
        () => "almost certain",
    }
}

/// The Admiralty digit, from how many independent roots speak for `top` against `rival`, and how many
/// against: 1 confirmed by three or more, 2 by two, 3 by one, with more for than against; 4 as many for
/// as against; 5 more against; 6 nothing that tells them apart.
#[must_use]
pub fn credibility(witnesses: &[Witness], top: usize, rival: usize) -> u8 {
    let count = |sign| witnesses.iter().filter(|w| w.row[top].cmp(&w.row[rival]) == sign).count();
    let (for_it, against) = (count(std::cmp::Ordering::Greater), count(std::cmp::Ordering::Less));
    match (for_it, against) {
        (0, 0) => 6,
        (agree, differ) if differ > agree => 5,
        (agree, differ) if differ == agree => 4,
        (1, _) => 3,
        (2, _) => 2,
        _ => 1,
    }
}

/// A cell of the matrix of competing hypotheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// As much as under any other.
    VeryConsistent,
    /// At least half as much.
    Consistent,
    /// At least a third: says little.
    Neutral,
    /// At least a tenth.
    Inconsistent,
    /// Less than a tenth of what the best hypothesis expects.
    VeryInconsistent,
}

impl Consistency {
    fn of(likelihood: u32, best: u32) -> Self {
        match () {
            () if likelihood == best => Self::VeryConsistent,
            () if likelihood * 2 >= best => Self::Consistent,
            () if likelihood * 3 >= best => Self::Neutral,
            () if likelihood * 10 >= best => Self::Inconsistent,
            () => Self::VeryInconsistent,
        }
    }

    /// The letters that the method uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VeryConsistent => "CC",
            Self::Consistent => "C",
            Self::Neutral => "N",
            Self::Inconsistent => "I",
            Self::VeryInconsistent => "II",
        }
    }

    /// Only what speaks against a hypothesis counts.
    fn points(self) -> f64 {
        match self {
            Self::Inconsistent => -1.0,
            Self::VeryInconsistent => -2.0,
            _ => 0.0,
        }
    }
}

/// The matrix of competing hypotheses (Heuer; weights as in PARC ACH). A view of the same evidence,
/// never the engine: it counts every item, whether or not it goes back to another's root.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// A row for each item: its id, its weight, and its cells.
    pub rows: Vec<(String, f64, Vec<Consistency>)>,
    /// For each hypothesis the sum of what speaks against it: the nearer to nought the better.
    pub scores: Vec<f64>,
}

impl Matrix {
    /// The matrix of a party.
    #[must_use]
    pub fn of(case: &Case, party: &str) -> Self {
        let mut scores = vec![0.0; case.hypotheses.len()];
        let mut rows = Vec::new();
        for (id, item) in &case.items {
            let row = &item.rows[party];
            let best = row.iter().copied().max().unwrap_or(1);
            let least = row.iter().copied().min().unwrap_or(1);
            let trust = believed(case, &item.source, &Options::default());
            // Credibility by how far the source is believed, relevance by how far the row tells
            // the hypotheses apart: three steps each.
            let weight = step(ratio::decimal(&trust, 6), 0.7, 0.5)
                * step(f64::from(best) / f64::from(least), 10.0, 3.0);
            let cells: Vec<_> = row.iter().map(|p| Consistency::of(*p, best)).collect();
            for (score, cell) in scores.iter_mut().zip(&cells) {
                *score += cell.points() * weight;
            }
            rows.push((id.clone(), ratio::rounded(weight, 4), cells));
        }
        let scores = scores.into_iter().map(|score| ratio::rounded(score, 4)).collect();
        Self { rows, scores }
    }
}

fn step(value: f64, high: f64, medium: f64) -> f64 {
    match () {
        () if value >= high => std::f64::consts::SQRT_2,
        () if value >= medium => 1.0,
        () => std::f64::consts::FRAC_1_SQRT_2,
    }
}

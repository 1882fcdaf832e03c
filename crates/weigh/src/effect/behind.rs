//! Who looked, and how: what is behind the counts of events, before and after.
//!
//! A list grows where somebody looks. Where the sources of what is known, or the effort behind them, differ before
//! and after, a step in the counts may be theirs.

use std::collections::BTreeMap;

use jiff::civil::Date;
use statrs::function::gamma::gamma_ur;

/// Columns of events that say what is behind them.
pub const COLUMNS: [&str; 2] = ["source", "effort"];

/// A chance below which before and after are said to differ.
pub const DIFFERENT: f64 = 0.01;

/// Values that are named; the rest are one.
const NAMED: usize = 8;

/// What one column says of the events before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Behind {
    /// The column.
    pub name: &'static str,
    /// Each value, and how many events have it before and after: the most first.
    pub rows: Vec<(String, [u32; 2])>,
    /// How probable so large a difference would be by chance alone (Pearson's chi-square); none where
    /// there is nothing to compare.
    pub chance: Option<f64>,
}

impl Behind {
    /// Of events with their days and values.
    pub(super) fn of(name: &'static str, events: &[(Date, String)], first_after: Date) -> Self {
        let mut counts: BTreeMap<&str, [u32; 2]> = BTreeMap::new();
        for (day, value) in events {
            let value = if value.is_empty() { "not said" } else { value };
            counts.entry(value).or_default()[usize::from(*day >= first_after)] += 1;
        }
        let mut rows: Vec<_> = counts.into_iter().map(|(v, n)| (v.to_owned(), n)).collect();
        rows.sort_by_key(|(_, [before, after])| std::cmp::Reverse(before + after));
        if rows.len() > NAMED {
            let rest = rows.split_off(NAMED - 1);
            let sum = |at: usize| rest.iter().map(|(_, counts)| counts[at]).sum();
            rows.push((format!("{} others", rest.len()), [sum(0), sum(1)]));
        }
        let chance = chance(&rows);
        Self { name, rows, chance }
    }
}

fn chance(rows: &[(String, [u32; 2])]) -> Option<f64> {
    let column = |at: usize| rows.iter().map(|(_, counts)| f64::from(counts[at])).sum::<f64>();
    let totals = [column(0), column(1)];
    let all = totals[0] + totals[1];
    if rows.len() < 2 || totals.contains(&0.0) {
        return None;
    }
    let mut square = 0.0;
    for (_, counts) in rows {
        let row = f64::from(counts[0] + counts[1]);
        for (total, count) in totals.iter().zip(counts) {
            let expected = row * total / all;
            square += (f64::from(*count) - expected).powi(2) / expected;
        }
    }
    let free = f64::from(u32::try_from(rows.len() - 1).ok()?);
    Some(gamma_ur(free / 2.0, (square / 2.0).max(f64::MIN_POSITIVE)))
}

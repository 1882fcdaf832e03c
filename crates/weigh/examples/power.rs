//! How often the rule says "shown", by how much is left of the counts: its power curve.
//!
//! `cargo run --release -p comity-weigh --example power`: of 1,000 drawn series of 60 months, the event
//! anywhere in the middle half, for each monthly mean and each share that is left. The same seeds as in
//! `tests/effect.rs`, so the same counts.

use comity_weigh::effect::chance::Chance;
use comity_weigh::effect::{Change, Design};

const MEANS: [f64; 5] = [2.0, 5.0, 10.0, 20.0, 40.0];
const LEFT: [f64; 10] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1];
const MONTHS: usize = 60;
const SEEDS: u64 = 1_000;

/// Whether a series by this seed shows a drop to this share of its mean.
fn is_shown(mean: f64, left: f64, seed: u64) -> bool {
    // 15 to 45 months lie before the event.
    let before = 15 + usize::try_from(seed % 31).unwrap_or(0);
    let mut chance = Chance::new(seed);
    let level = |month: usize| if month < before { mean } else { mean * left };
    let counts: Vec<f64> = (0..MONTHS).map(|month| chance.poisson(level(month))).collect();
    let design = Design { before, harmonics: 0, period: 12.0, prior: None, seed };
    Change::of(&counts, &[1.0; MONTHS], &design).is_ok_and(|change| change.is_there())
}

fn main() {
    print!("| left of the mean |");
    MEANS.iter().for_each(|mean| print!(" {mean} a month |"));
    println!("\n|---|{}", "---|".repeat(MEANS.len()));
    for left in LEFT {
        print!("| {left:.1} |");
        for mean in MEANS {
            let shown = (0..SEEDS).filter(|seed| is_shown(mean, left, *seed)).count();
            print!(" {shown} |");
        }
        println!();
    }
}

//! How well any rule could tell a decline that begins a year before from a step, on so few counts.
//!
//! `cargo run --release -p comity-weigh --example onset`: the two true drops of `tests/effect.rs` against
//! declines that begin 12 months before the event. To the rule's first two conditions it adds the best test there
//! can be (Neyman and Pearson: the likelihood ratio), told both curves exactly as no real test is,
//! and as strict as 750 of 1,000 true drops allow. What still passes, no third condition can take away.

use comity_weigh::effect::chance::Chance;
use comity_weigh::effect::{Change, Design, STRONGEST};

const MONTHS: usize = 60;
const SEEDS: u64 = 1_000;
const BAR: usize = 750;

struct Drawn {
    first_two: bool,
    ours: bool,
    ratio: f64,
}

type Level<'a> = &'a dyn Fn(usize, usize) -> f64;

/// A series by this seed, and the logarithm of how much more probable the step makes it than the decline.
fn draw(truth: Level<'_>, step: Level<'_>, decline: Level<'_>, seed: u64) -> Drawn {
    let before = 15 + usize::try_from(seed % 31).unwrap_or(0);
    let mut chance = Chance::new(seed);
    let counts: Vec<f64> = (0..MONTHS).map(|month| chance.poisson(truth(month, before))).collect();
    let design = Design { before, harmonics: 0, period: 12.0, prior: None, seed };
    let Ok(change) = Change::of(&counts, &[1.0; MONTHS], &design) else {
        return Drawn { first_two: false, ours: false, ratio: 0.0 };
    };
    let ratio = |(month, count): (usize, &f64)| {
        let (step, decline) = (step(month, before), decline(month, before));
        count * (step / decline).ln() - step + decline
    };
    Drawn {
        first_two: change.rank.is_some_and(|rank| rank <= STRONGEST)
            && change.in_set
            && change.quasi[0] < 1.0,
        ours: change.is_there(),
        ratio: counts.iter().enumerate().map(ratio).sum(),
    }
}

fn main() {
    println!(
        "| mean | left | over months | true drops: two conditions | ours | declines: two conditions | ours | best test |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (mean, left, months) in [
        (10.0, 0.5, 0.0),
        (10.0, 0.5, 6.0),
        (10.0, 0.5, 12.0),
        (10.0, 0.5, 18.0),
        (10.0, 0.5, 24.0),
        (5.0, 0.3, 0.0),
        (5.0, 0.3, 12.0),
        (5.0, 0.3, 18.0),
        (5.0, 0.3, 24.0),
    ] {
        let step = |month: usize, before: usize| if month < before { mean } else { mean * left };
        let decline = |month: usize, before: usize| {
            let gone = f64::from(u32::try_from((month + 12).saturating_sub(before)).unwrap_or(0));
            let share = if gone == 0.0 { 0.0 } else { (gone / f64::max(months, 1.0)).min(1.0) };
            mean * (1.0 - (1.0 - left) * share)
        };
        let drops: Vec<Drawn> = (0..SEEDS).map(|seed| draw(&step, &step, &decline, seed)).collect();
        let declines: Vec<Drawn> =
            (0..SEEDS).map(|seed| draw(&decline, &step, &decline, seed)).collect();
        let mut ratios: Vec<f64> =
            drops.iter().filter(|one| one.first_two).map(|one| one.ratio).collect();
        ratios.sort_by(|a, b| b.total_cmp(a));
        let least = ratios.get(BAR - 1).copied().unwrap_or(f64::NEG_INFINITY);
        let count = |of: &[Drawn], which: &dyn Fn(&Drawn) -> bool| {
            of.iter().filter(|one| which(one)).count()
        };
        println!(
            "| {mean} | {left} | {months} | {} | {} | {} | {} | {} |",
            count(&drops, &|one| one.first_two),
            count(&drops, &|one| one.ours),
            count(&declines, &|one| one.first_two),
            count(&declines, &|one| one.ours),
            count(&declines, &|one| one.first_two && one.ratio >= least),
        );
    }
}

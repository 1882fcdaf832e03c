//! A study in words and in JSON.

use std::fmt::Write as _;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::behind::DIFFERENT;
use super::input::Read;
use super::lag::Ladder;
use super::{Change, Design, POWER, Study};

impl Study {
    /// What an official reads.
    #[must_use]
    pub fn summary(&self, read: &Read, event: Date) -> String {
        let mut out = String::new();
        let count = read.series.counts.len();
        let before = read.before(event);
        let unit = read.period.as_str();
        let verdict = if self.shown { "SHOWN" } else { "NOT SHOWN" };
        let _ = writeln!(out, "Did the counts drop at {event}? {verdict}");
        let _ = writeln!(out, "  {count} {unit}s from {}, {before} of them before", read.starts[0]);
        if let Some((all, left_out)) = read.left_out {
            let _ = writeln!(
                out,
                "  {left_out} of {all} events are not dated to a single {unit} and are left out"
            );
        }
        if read.shared > 0 {
            let _ = writeln!(
                out,
                "  events that series and control would share, and that are in the series alone: {}",
                read.shared
            );
        }
        for reason in &self.reasons {
            let _ = writeln!(out, "  - {reason}");
        }
        let _ = writeln!(out, "\nHow large is it? (rate after to rate before, 95 % interval)");
        ratio("regression, Poisson", self.series.poisson, &mut out);
        ratio("regression, quasi-Poisson", self.series.quasi, &mut out);
        let _ = writeln!(
            out,
            "    the counts scatter {:.4} times as much as Poisson",
            self.series.dispersion
        );
        if let Some(difference) = self.difference {
            ratio("against the control", difference, &mut out);
        }
        let [r0, r1] = self.series.free.rates;
        let place = read.starts[self.series.free.mode()];
        let _ = writeln!(
            out,
            "  free change-point            most probably at {place} (probability {:.4}); rates {r0:.4} and {r1:.4}; log Bayes factor against none {:.4}",
            self.series.free.probabilities[self.series.free.mode() - 1],
            self.series.free.log_bayes_factor
        );
        let prior = self.series.prior;
        let _ = writeln!(
            out,
            "    its rates before the counts: Gamma with shape {} and rate {:.4}, both",
            prior.shape, prior.rate
        );
        if let Some(control) = &self.control {
            let (free, [r0, r1]) = (&control.free, control.free.rates);
            let _ = writeln!(
                out,
                "  the control's change-point   most probably at {} (probability {:.4}); rates {r0:.4} and {r1:.4}",
                read.starts[free.mode()],
                free.probabilities[free.mode() - 1]
            );
        }
        match &self.counterfactual {
            Some(found) => {
                let line = match found.relative.map(|shares| shares.map(|share| share * 100.0)) {
                    Some([at, low, high]) => {
                        format!("{at:+.1} % ({low:+.1} to {high:+.1} %) of what was expected")
                    }
                    None => "less than a single count was expected after it: no share of that says anything".to_owned(),
                };
                let _ = writeln!(out, "  counterfactual               {line}");
            }
            None => {
                let _ = writeln!(
                    out,
                    "  counterfactual               the series is too short before the event: want {} counts",
                    super::structural::LEAST
                );
            }
        }
        let _ = writeln!(out, "  reporting lag                {}", lag(read));
        let behind = read.behind(event);
        if !behind.is_empty() {
            let _ = writeln!(out, "\nWhat is behind the counts? (events before, after)");
        }
        for column in behind {
            let _ = writeln!(out, "  by {}", column.name);
            for (value, [before, after]) in &column.rows {
                let _ = writeln!(out, "    {before:>6} {after:>6}  {value}");
            }
            if let Some(chance) = column.chance {
                let _ = writeln!(out, "    {}", said_of(chance));
            }
        }
        let _ = writeln!(out, "\nWhat could this series have shown?");
        match self.smallest_drop() {
            Some(drop) => {
                let _ = writeln!(
                    out,
                    "  A drop by {:.0} % or more, in {:.0} of 100 such series{}.",
                    drop * 100.0,
                    POWER * 100.0,
                    if drop > 0.1 { "" } else { "; smaller ones were not tried" }
                );
            }
            None => {
                let _ = writeln!(
                    out,
                    "  No drop, however large, would be shown in {:.0} of 100 such series.",
                    POWER * 100.0
                );
            }
        }
        if !self.shown {
            let _ = writeln!(out, "  \"Not shown\" does not say that nothing happened.");
        }
        out
    }

    /// Everything, as JSON.
    #[must_use]
    pub fn to_json(&self, read: &Read, event: Date, design: &Design) -> Value {
        json!({
            "event": event.to_string(),
            "periods": read.series.counts.len(),
            "period": read.period.as_str(),
            "first": read.starts[0].to_string(),
            "before": read.before(event),
            "events": read.left_out.map(|(all, _)| all),
            "in_both": read.shared,
            "left_out": read.left_out.map(|(_, left_out)| left_out),
            "seed": design.seed,
            "harmonics": design.harmonics,
            "verdict": if self.shown { "shown" } else { "not shown" },
            "reasons": self.reasons,
            "series": change_json(&self.series, read),
            "control": self.control.as_ref().map(|control| change_json(control, read)),
            "difference": self.difference,
            "counterfactual": self.counterfactual.as_ref().map(|found| json!({
                "difference": found.difference, "relative": found.relative,
                "unit": "counts at the mean exposure",
            })),
            "reporting_lag": read.triangle.as_ref().and_then(|(first, triangle)| {
                let ladder = Ladder::of(triangle)?;
                Some(json!({
                    "first_year": first, "factors": ladder.factors,
                    "ultimates": ladder.ultimates, "missing": ladder.missing,
                }))
            }),
            "behind": read.behind(event).iter().map(|column| json!({
                "column": column.name,
                "rows": column.rows.iter().map(|(value, [before, after])| json!({
                    "value": value, "before": before, "after": after,
                })).collect::<Vec<_>>(),
                "p": column.chance,
            })).collect::<Vec<_>>(),
            "smallest_drop": self.smallest_drop(),
            "power": self.power.iter().map(|(drop, often)| json!({ "drop": drop, "shown": often }))
                .collect::<Vec<_>>(),
        })
    }
}

/// The reporting lag in words.
pub(super) fn lag(read: &Read) -> String {
    let Some((first, triangle)) = &read.triangle else {
        return "the file does not say when events became known: not measured".to_owned();
    };
    match Ladder::of(triangle) {
        Some(ladder) => {
            let (missing, error) = ladder.missing;
            let what = if read.attributed { "attributed" } else { "known" };
            format!(
                "{missing:.1} events from {first} on are not {what} yet (standard error {error:.1})"
            )
        }
        None => "a year without events gives no factor: not measured".to_owned(),
    }
}

/// What the chance of such a difference says.
pub(super) fn said_of(chance: f64) -> String {
    if chance < DIFFERENT {
        format!(
            "before and after differ by more than chance (p {chance:.4}): the counts may follow who looks"
        )
    } else {
        format!("before and after do not differ by more than chance (p {chance:.4})")
    }
}

fn ratio(what: &str, [at, low, high]: [f64; 3], out: &mut String) {
    let _ = writeln!(out, "  {what:<28} {at:.4} ({low:.4} to {high:.4})");
}

fn change_json(change: &Change, read: &Read) -> Value {
    let day = |place: usize| read.starts[place].to_string();
    json!({
        "poisson": change.poisson,
        "quasi_poisson": change.quasi,
        "dispersion": change.dispersion,
        "placebo_rank": change.rank,
        "placebo_rank_of_rise": change.rank_of_rise,
        "slope_of_year_before": change.year_before,
        "decline_before": change.decline_before,
        "placebo": change.scan.places.iter()
            .map(|place| json!({ "at": day(place.before), "strength": place.strength }))
            .collect::<Vec<_>>(),
        "change_point": {
            "mode": day(change.free.mode()),
            "probability": change.free.probabilities[change.free.mode() - 1],
            "set_95": change.free.set_95().into_iter().map(day).collect::<Vec<_>>(),
            "rates": change.free.rates,
            "log_bayes_factor": change.free.log_bayes_factor,
            "holds_event": change.in_set,
            "prior": { "shape": change.prior.shape, "rate": change.prior.rate },
        },
    })
}

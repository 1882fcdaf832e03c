//! A study as a report that stands by itself: each drawing titled with what it says, followed by its
//! table, and how it was computed.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::input::Read;
use super::lag::Ladder;
use super::structural::Counterfactual;
use super::{Change, POWER, STRONGEST, Study, text};
use crate::html::{begin, end, escape, table};

/// Width and height of every drawing, and the room left for its scale.
const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 50.0;

impl Study {
    /// The report.
    #[must_use]
    pub fn to_html(&self, read: &Read, event: Date) -> String {
        let verdict = if self.shown { "shown" } else { "not shown" };
        let mut out = begin(&format!("A drop at {event}: {verdict}"));
        if let Some((all, left_out)) = read.left_out {
            let unit = read.period.as_str();
            let _ = write!(
                out,
                "<p>{left_out} of {all} events are not dated to a single {unit} and are left out; {} would be in the \
                 control too and are in the series alone.</p>",
                read.shared
            );
        }
        out.push_str("<ul>");
        for reason in &self.reasons {
            let _ = write!(out, "<li>{}</li>", escape(reason));
        }
        out.push_str("</ul>");
        self.size(&mut out);
        self.series_part(read, event, &mut out);
        self.placebo_part(read, event, &mut out);
        free_part(&self.series, "", read, event, &mut out);
        self.control_part(read, event, &mut out);
        self.behind_part(read, event, &mut out);
        self.power_part(&mut out);
        end(&mut out);
        out
    }

    fn size(&self, out: &mut String) {
        out.push_str("<h2>How large it is, by every method</h2>");
        let row = |what: &str, [at, low, high]: [f64; 3]| {
            vec![what.to_owned(), format!("{at:.4}"), format!("{low:.4} to {high:.4}")]
        };
        let mut rows = vec![
            row("Segmented regression, Poisson", self.series.poisson),
            row("The same, quasi-Poisson", self.series.quasi),
        ];
        rows.extend(self.difference.map(|difference| row("Against the control", difference)));
        let relative = self.counterfactual.as_ref().and_then(|found| found.relative);
        rows.extend(relative.map(|shares| row("Counterfactual", shares.map(|share| 1.0 + share))));
        table(&["Method", "#Rate after to before", "#95 %"], rows.into_iter(), out);
        let _ = write!(
            out,
            "<p class=\"quiet\">The counts scatter {:.4} times as much as Poisson.</p>",
            self.series.dispersion
        );
    }

    fn series_part(&self, read: &Read, event: Date, out: &mut String) {
        let counts = &read.series.counts;
        let before = read.before(event);
        out.push_str("<h2>The counts, the fit, and what the fit would be without the step</h2>");
        let top = counts.iter().copied().fold(1.0, f64::max);
        let frame = Frame::of(counts.len(), top);
        frame.open(&format!("{top:.0}"), out);
        frame.event(before, out);
        frame.points(counts, out);
        let fit: Vec<f64> = self.series.fitted.iter().map(|(mean, _)| mean * 1.0).collect();
        frame.line("fit", 0, &fit, out);
        let without: Vec<f64> =
            self.series.fitted[before..].iter().map(|(_, mean)| *mean).collect();
        frame.line("open", before, &without, out);
        // It is of counts at the mean exposure; beside the counts it stands at each one's own.
        let exposures = &read.series.exposures;
        let mean = exposures.iter().sum::<f64>() / float(exposures.len());
        let own = |found: &Counterfactual| -> Vec<f64> {
            let after = found.expected.iter().zip(&exposures[before..]);
            after.map(|((expected, _), exposure)| expected * exposure / mean).collect()
        };
        let expected = self.counterfactual.as_ref().map(own);
        if let Some(expected) = &expected {
            frame.line("less-line", before, expected, out);
        }
        out.push_str(
            "</svg><p class=\"quiet\">Points: counts. Line: the fit. Dashed: the fit without the step. Second \
             line after the event: the counterfactual.</p><details><summary>As a table</summary>",
        );
        let rows = counts.iter().zip(&self.series.fitted).enumerate().map(
            |(index, (count, (fit, without)))| {
                let expected = index
                    .checked_sub(before)
                    .and_then(|place| Some(format!("{:.2}", expected.as_ref()?.get(place)?)));
                vec![
                    read.starts[index].to_string(),
                    format!("{count}"),
                    format!("{fit:.2}"),
                    format!("{without:.2}"),
                    expected.unwrap_or_default(),
                ]
            },
        );
        table(&["From", "#Count", "#Fit", "#Without the step", "#Counterfactual"], rows, out);
        out.push_str("</details>");
    }

    fn placebo_part(&self, read: &Read, event: Date, out: &mut String) {
        let before = read.before(event);
        let rank = self.series.rank.map_or_else(String::new, |rank| {
            format!(": {:.0} % of the places are as strong or stronger", rank * 100.0)
        });
        let _ = write!(out, "<h2>The agreement put at every place{rank}</h2>");
        let places = &self.series.scan.places;
        let top = places.iter().map(|place| place.strength).fold(1.0, f64::max);
        let frame = Frame::of(read.series.counts.len(), top);
        frame.open(&format!("{top:.1}"), out);
        frame.event(before, out);
        for place in places {
            let class = if place.before == before { "bar" } else { "rest" };
            frame.bar(class, place.before, place.strength.max(0.0), out);
        }
        out.push_str("</svg><details><summary>As a table</summary>");
        let rows = places.iter().map(|place| {
            vec![read.starts[place.before].to_string(), format!("{:.3}", place.strength)]
        });
        table(&["At", "#Strength of a drop"], rows, out);
        let _ = write!(
            out,
            "</details><p class=\"quiet\">Strength: the signed root of the deviance that a step there saves. \
             The rule wants the strongest {:.0} %.</p>",
            STRONGEST * 100.0
        );
    }

    /// The control, with its own change-point.
    fn control_part(&self, read: &Read, event: Date, out: &mut String) {
        let (Some(control), Some(counts)) = (&self.control, &read.series.control) else { return };
        let word = if control.is_change() { "changes there" } else { "shows no change there" };
        let _ = write!(out, "<h2>The control {word}</h2>");
        let top = counts.iter().copied().fold(1.0, f64::max);
        let frame = Frame::of(counts.len(), top);
        frame.open(&format!("{top:.0}"), out);
        frame.event(read.before(event), out);
        frame.points(counts, out);
        let fit: Vec<f64> = control.fitted.iter().map(|(mean, _)| *mean).collect();
        frame.line("fit", 0, &fit, out);
        out.push_str("</svg><details><summary>As a table</summary>");
        let rows = counts.iter().zip(&fit).enumerate().map(|(index, (count, fit))| {
            vec![read.starts[index].to_string(), format!("{count}"), format!("{fit:.2}")]
        });
        table(&["From", "#Count", "#Fit"], rows, out);
        let [at, low, high] = control.quasi;
        let _ = write!(
            out,
            "</details><p class=\"quiet\">Rate after to before, quasi-Poisson: {at:.4} ({low:.4} to {high:.4}).</p>"
        );
        free_part(control, " in the control", read, event, out);
    }

    fn behind_part(&self, read: &Read, event: Date, out: &mut String) {
        let _ = write!(out, "<h2>What is not known yet: {}</h2>", escape(&text::lag(read)));
        if let Some((first, triangle)) = &read.triangle
            && let Some(ladder) = Ladder::of(triangle)
        {
            let rows = (*first..).zip(triangle).zip(&ladder.ultimates).map(
                |((year, known), (ultimate, error))| {
                    let known = known.last().copied().unwrap_or_default();
                    vec![
                        year.to_string(),
                        format!("{known}"),
                        format!("{ultimate:.1}"),
                        format!("{error:.1}"),
                    ]
                },
            );
            table(&["Year", "#Known", "#In the end", "#Standard error"], rows, out);
        }
        for column in read.behind(event) {
            let said = column.chance.map_or(String::new(), text::said_of);
            let _ = write!(
                out,
                "<h2>What is behind the counts, by {}</h2><p>{}</p>",
                escape(column.name),
                escape(&said)
            );
            let rows = column.rows.iter().map(|(value, [before, after])| {
                vec![value.clone(), before.to_string(), after.to_string()]
            });
            table(&["Value", "#Before", "#After"], rows, out);
        }
    }

    fn power_part(&self, out: &mut String) {
        let said = self.smallest_drop().map_or_else(
            || "no drop of any size would be shown reliably".to_owned(),
            |drop| format!("a drop by {:.0} % or more would be shown", drop * 100.0),
        );
        let _ = write!(out, "<h2>What this series could have shown: {said}</h2>");
        let rows = self.power.iter().map(|(drop, often)| {
            vec![format!("{:.0} %", drop * 100.0), format!("{:.1} %", often * 100.0)]
        });
        table(&["#A true drop of", "#is shown in"], rows, out);
        let _ = write!(
            out,
            "<p class=\"quiet\">Of 200 series drawn for each size, with this length, place, rate and scatter; \
             wanted: {:.0} %. \"Not shown\" does not say that nothing happened.</p>\
             <p class=\"quiet\">Computed by <code>comity measure effect</code>.</p>",
            POWER * 100.0
        );
    }
}

fn free_part(change: &Change, whose: &str, read: &Read, event: Date, out: &mut String) {
    let free = &change.free;
    let word = if change.in_set { "holds" } else { "does not hold" };
    let _ = write!(
        out,
        "<h2>A change looked for freely{whose}: most probably at {}; its 95 % set {word} the agreement</h2>",
        read.starts[free.mode()]
    );
    let top = free.probabilities.iter().copied().fold(1e-6, f64::max);
    let frame = Frame::of(read.series.counts.len(), top);
    frame.open(&format!("{:.0} %", top * 100.0), out);
    frame.event(read.before(event), out);
    let set = free.set_95();
    for (index, probability) in free.probabilities.iter().enumerate() {
        let class = if set.contains(&(index + 1)) { "bar" } else { "rest" };
        frame.bar(class, index + 1, *probability, out);
    }
    out.push_str("</svg><details><summary>As a table</summary>");
    let rows = free.probabilities.iter().enumerate().map(|(index, probability)| {
        let held = if set.contains(&(index + 1)) { "in the set" } else { "" };
        vec![read.starts[index + 1].to_string(), format!("{probability:.5}"), held.to_owned()]
    });
    table(&["New rate from", "#Probability", "95 % set"], rows, out);
    let [r0, r1] = free.rates;
    let _ = write!(
        out,
        "</details><p class=\"quiet\">Mean rates {r0:.4} before and {r1:.4} after; log Bayes factor of one change \
             against none {:.4}. Both rates Gamma with shape {} and rate {:.4} beforehand.</p>",
        free.log_bayes_factor, change.prior.shape, change.prior.rate
    );
}

/// Time along, a value up.
struct Frame {
    count: f64,
    top: f64,
}

impl Frame {
    fn of(count: usize, top: f64) -> Self {
        Self { count: float(count).max(1.0), top: top * 1.05 }
    }

    fn x(&self, index: usize) -> f64 {
        LEFT + (float(index) + 0.5) / self.count * (WIDTH - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - 10.0 - value / self.top * (HEIGHT - 20.0)
    }

    fn open(&self, top: &str, out: &mut String) {
        let _ = write!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"the table below, drawn\">\
             <text x=\"{:.0}\" y=\"22\" text-anchor=\"end\">{}</text>\
             <line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{:.0}\" y2=\"{:.0}\"/>",
            LEFT - 6.0,
            escape(top),
            HEIGHT - 10.0,
            HEIGHT - 10.0
        );
    }

    fn event(&self, before: usize, out: &mut String) {
        let x = f64::midpoint(self.x(before), self.x(before.saturating_sub(1)));
        let _ = write!(
            out,
            "<line class=\"event\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"4\" y2=\"{:.0}\"/>",
            HEIGHT - 10.0
        );
    }

    fn bar(&self, class: &str, index: usize, value: f64, out: &mut String) {
        let width = ((WIDTH - LEFT) / self.count * 0.8).max(1.0);
        let y = self.y(value);
        let _ = write!(
            out,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
            self.x(index) - width / 2.0,
            (HEIGHT - 10.0 - y).max(0.0)
        );
    }

    /// A point for each count.
    fn points(&self, counts: &[f64], out: &mut String) {
        for (index, count) in counts.iter().enumerate() {
            let _ = write!(
                out,
                "<circle class=\"bar\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>",
                self.x(index),
                self.y(*count)
            );
        }
    }

    fn line(&self, class: &str, first: usize, values: &[f64], out: &mut String) {
        let point = |(index, value): (usize, &f64)| {
            format!("{:.1},{:.1}", self.x(first + index), self.y(value.clamp(0.0, self.top)))
        };
        let points: Vec<_> = values.iter().enumerate().map(point).collect();
        let _ = write!(out, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
    }
}

fn float(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

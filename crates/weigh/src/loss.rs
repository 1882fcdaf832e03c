//! What it cost: how often, times how much, drawn many times, and never as one number.
//!
//! Direct loss, indirect loss and the cost of defence are kept apart, and so is every scope: a figure
//! of one country and year is never added to one of another. What is reported are quantiles; a mean is
//! only set beside the median, to show how far one case in a thousand can pull it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::effect::chance::Chance;
use crate::json::{At, InputError, Json};

/// Years that are drawn for a figure: fewer where a year has many cases, so that no file takes long.
const DRAWN: (u32, u32) = (10_000, 100_000);
/// Cases that are drawn for a figure, about, where that makes no fewer than the least years.
const CASES: f64 = 2e7;

/// The normal distribution's 95 % and 90 % quantiles.
const NORMAL_95: f64 = 1.644_853_626_951_472;
const NORMAL_90: f64 = 1.281_551_565_544_600_4;

/// The quantiles that are reported.
pub const QUANTILES: [f64; 7] = [0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

/// What kind of cost a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What was taken or destroyed.
    Direct,
    /// What followed from that: trust, contracts, time.
    Indirect,
    /// What is spent so that it does not happen.
    Defence,
}

/// Of what, where, when and in which money a figure speaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// The world, a country, an organisation.
    pub place: String,
    /// A sector, or all.
    pub sector: String,
    /// The year.
    pub year: i64,
    /// The currency.
    pub currency: String,
}

/// How often a year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Frequency {
    /// Poisson, with this mean.
    Poisson(f64),
    /// Poisson with a mean that itself varies as a Gamma with this mean and coefficient of variation.
    Mixed(f64, f64),
}

/// How much each time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Severity {
    /// Lognormal, with these mean and deviation of the logarithm.
    Lognormal(f64, f64),
    /// PERT: least, most likely, most.
    Pert(f64, f64, f64),
}

/// A figure of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// What kind of cost.
    pub kind: Kind,
    /// Its scope.
    pub scope: Scope,
    /// Who says so.
    pub source: String,
    /// How often.
    pub frequency: Frequency,
    /// How much each time.
    pub severity: Severity,
    /// What the respondents of a survey answered, where it comes from one.
    pub survey: Vec<f64>,
    /// What the same source said before: year and amount.
    pub before: Vec<(i64, f64)>,
    /// What the source says now, as one number, where it does.
    pub stated: Option<f64>,
}

/// What a figure comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// The figure.
    pub figure: Figure,
    /// A year's cost at each of [`QUANTILES`].
    pub quantiles: [f64; 7],
    /// How many years were drawn.
    pub years: usize,
    /// The mean and the standard deviation of what was drawn, and the same in closed form.
    pub drawn: (f64, f64),
    /// In closed form.
    pub closed: (f64, f64),
    /// How many times its median a single case's mean is, in closed form.
    pub mean_to_median: f64,
    /// Of a survey's total, the largest answer's share.
    pub largest_share: Option<f64>,
    /// What ought to be asked about it.
    pub questions: Vec<String>,
}

/// Reads a file and draws each figure's years.
///
/// # Errors
/// [`InputError`], with the place.
pub fn run(text: &str, seed: u64) -> Result<Vec<Cost>, InputError> {
    let json = Json::parse(text)?;
    let file = json.at();
    file.only(&["title", "figures"])?;
    let figures = file.needed("figures")?;
    let mut names: Vec<String> = Vec::new();
    let mut costs = Vec::new();
    for (index, at) in (0_u64..).zip(figures.list()?) {
        let figure = Figure::read(&at)?;
        if names.contains(&figure.name) {
            return Err(
                at.wrong(format!("{:?} stands twice; each figure has its own name", figure.name))
            );
        }
        names.push(figure.name.clone());
        costs.push(Cost::of(figure, seed ^ index << 32));
    }
    for (cost, more) in ask_across(&costs) {
        costs[cost].questions.push(more);
    }
    if costs.is_empty() {
        return Err(figures.wrong("want one figure or more"));
    }
    Ok(costs)
}

impl Figure {
    fn read(at: &At<'_>) -> Result<Self, InputError> {
        let known = [
            "name",
            "kind",
            "scope",
            "source",
            "frequency",
            "severity",
            "survey",
            "before",
            "stated",
        ];
        at.only(&known)?;
        let kind = at.needed("kind")?;
        let kind = match kind.text()? {
            "direct" => Kind::Direct,
            "indirect" => Kind::Indirect,
            "defence" => Kind::Defence,
            _ => return Err(kind.wrong("want direct, indirect or defence: they are never mixed")),
        };
        let scope = at.needed("scope")?;
        scope.only(&["place", "sector", "year", "currency"])?;
        let text = |name: &str| scope.needed(name)?.text().map(str::to_owned);
        let scope = Scope {
            place: text("place")?,
            sector: text("sector")?,
            year: scope.needed("year")?.integer()?,
            currency: text("currency")?,
        };
        let numbers = |name: &str| match at.entry(name)? {
            Some(list) => list.list()?.iter().map(amount).collect::<Result<Vec<_>, _>>(),
            None => Ok(Vec::new()),
        };
        let before = match at.entry("before")? {
            Some(list) => list
                .list()?
                .iter()
                .map(|entry| {
                    entry.only(&["year", "amount"])?;
                    let year = entry.needed("year")?;
                    if year.integer()? >= scope.year {
                        let own = scope.year;
                        return Err(
                            year.wrong(format!("want a year before {own}, the figure's own"))
                        );
                    }
                    Ok((year.integer()?, positive(&entry.needed("amount")?)?))
                })
                .collect::<Result<Vec<_>, InputError>>()?,
            None => Vec::new(),
        };
        Ok(Self {
            name: at.needed("name")?.text()?.to_owned(),
            kind,
            scope,
            source: at.needed("source")?.text()?.to_owned(),
            frequency: Frequency::read(&at.needed("frequency")?)?,
            severity: Severity::read(&at.needed("severity")?)?,
            survey: numbers("survey")?,
            before,
            stated: at.entry("stated")?.as_ref().map(positive).transpose()?,
        })
    }
}

/// One form of several, by its name.
fn form<'a>(at: &At<'a>, known: &[&str]) -> Result<(&'a str, At<'a>), InputError> {
    let entries = at.entries()?;
    match entries.as_slice() {
        [(name, value)] if known.contains(name) => Ok((name, value.clone())),
        _ => Err(at.wrong(format!("want one of {}, and nothing beside it", known.join(", ")))),
    }
}

fn amount(at: &At<'_>) -> Result<f64, InputError> {
    let number = at.number()?;
    if (0.0..1e18).contains(&number) {
        Ok(number)
    } else {
        Err(at.wrong("want an amount from 0 on"))
    }
}

fn positive(at: &At<'_>) -> Result<f64, InputError> {
    let number = amount(at)?;
    if number > 0.0 { Ok(number) } else { Err(at.wrong("want an amount above 0")) }
}

impl Frequency {
    fn read(at: &At<'_>) -> Result<Self, InputError> {
        let (name, value) = form(at, &["poisson", "mixed"])?;
        if name == "poisson" {
            return Ok(Self::Poisson(often(&value)?));
        }
        value.only(&["mean", "variation"])?;
        let at = value.needed("variation")?;
        let variation = positive(&at)?;
        if !(NARROWEST..=WIDEST).contains(&variation) {
            return Err(at.wrong(format!(
                "want a variation from {NARROWEST} to {WIDEST}; one that does not vary is `poisson`"
            )));
        }
        Ok(Self::Mixed(often(&value.needed("mean")?)?, variation))
    }

    fn describe(self) -> String {
        match self {
            Self::Poisson(mean) => format!("{} cases a year (Poisson)", rounded(mean)),
            Self::Mixed(mean, variation) => format!(
                "{} cases a year, itself varying by {:.0} % (Gamma-Poisson)",
                rounded(mean),
                variation * 100.0
            ),
        }
    }

    fn mean(self) -> f64 {
        match self {
            Self::Poisson(mean) | Self::Mixed(mean, _) => mean,
        }
    }

    fn variance(self) -> f64 {
        match self {
            Self::Poisson(mean) => mean,
            Self::Mixed(mean, variation) => mean + (mean * variation).powi(2),
        }
    }

    fn draw(self, chance: &mut Chance) -> f64 {
        match self {
            Self::Poisson(mean) => chance.poisson(mean),
            Self::Mixed(mean, variation) => {
                let shape = variation.powi(-2);
                let own = chance.gamma(shape, mean / shape);
                chance.poisson(own)
            }
        }
    }
}

/// How much a year's frequency may vary, as a share of its mean: beyond it nearly all years have none.
const WIDEST: f64 = 10.0;
/// And no less: what varies less is Poisson to every digit that is printed.
const NARROWEST: f64 = 1e-6;
/// Fewer cases a year are none in a million years.
const RAREST: f64 = 1e-6;
/// How far the ends of an interval may lie apart: nobody knows so little and a number.
const FARTHEST: f64 = 1e12;

fn often(at: &At<'_>) -> Result<f64, InputError> {
    let mean = positive(at)?;
    if mean < RAREST {
        return Err(at.wrong("want at least one case in a million years"));
    }
    if mean > 1e4 {
        return Err(at.wrong("want at most 10,000 cases a year; take a wider case"));
    }
    Ok(mean)
}

impl Severity {
    fn read(at: &At<'_>) -> Result<Self, InputError> {
        let (name, value) = form(at, &["lognormal", "pert"])?;
        let get = |name: &str| value.needed(name).and_then(|at| positive(&at));
        if name == "pert" {
            value.only(&["least", "likely", "most"])?;
            let (least, likely, most) =
                (amount(&value.needed("least")?)?, amount(&value.needed("likely")?)?, get("most")?);
            if least <= likely && likely <= most && least < most {
                return Ok(Self::Pert(least, likely, most));
            }
            return Err(value.wrong("want least, likely and most in this order"));
        }
        let wide = |high: f64, low: f64| {
            let problem = format!("the ends lie more than {FARTHEST:e} times apart");
            if high / low <= FARTHEST { Ok(()) } else { Err(value.wrong(problem)) }
        };
        if value.entry("median")?.is_some() {
            value.only(&["median", "one_in_ten_above"])?;
            let (median, high) = (get("median")?, get("one_in_ten_above")?);
            if high <= median {
                return Err(value.wrong("one_in_ten_above must lie above the median"));
            }
            wide(high, median)?;
            return Ok(Self::Lognormal(median.ln(), (high / median).ln() / NORMAL_90));
        }
        value.only(&["low", "high"])?;
        let (low, high) = (get("low")?, get("high")?);
        if high <= low {
            return Err(value.wrong("want low below high: the ends of a 90 % interval"));
        }
        wide(high, low)?;
        let middle = f64::midpoint(low.ln(), high.ln());
        Ok(Self::Lognormal(middle, (high / low).ln() / (2.0 * NORMAL_95)))
    }

    fn describe(self) -> String {
        match self {
            Self::Lognormal(mu, sigma) => {
                let end = |side: f64| rounded((mu + side * NORMAL_95 * sigma).exp());
                format!("each {} to {} in nine of ten (lognormal)", end(-1.0), end(1.0))
            }
            Self::Pert(least, likely, most) => format!(
                "each {} to {}, most likely {} (PERT)",
                rounded(least),
                rounded(most),
                rounded(likely)
            ),
        }
    }

    fn mean(self) -> f64 {
        match self {
            Self::Lognormal(mu, sigma) => (mu + sigma * sigma / 2.0).exp(),
            Self::Pert(least, likely, most) => (least + 4.0 * likely + most) / 6.0,
        }
    }

    fn variance(self) -> f64 {
        match self {
            Self::Lognormal(_, sigma) => (sigma * sigma).exp_m1() * self.mean().powi(2),
            Self::Pert(least, _, most) => (self.mean() - least) * (most - self.mean()) / 7.0,
        }
    }

    fn median(self) -> f64 {
        match self {
            Self::Lognormal(mu, _) => mu.exp(),
            Self::Pert(least, likely, most) => {
                let (a, b) = shapes(least, likely, most);
                least + (most - least) * statrs::function::beta::inv_beta_reg(a, b, 0.5)
            }
        }
    }

    fn draw(self, chance: &mut Chance) -> f64 {
        match self {
            Self::Lognormal(mu, sigma) => (mu + sigma * chance.normal()).exp(),
            Self::Pert(least, likely, most) => {
                let (a, b) = shapes(least, likely, most);
                let (x, y) = (chance.gamma(a, 1.0), chance.gamma(b, 1.0));
                least + (most - least) * x / (x + y)
            }
        }
    }
}

/// The Beta's shapes of a PERT.
fn shapes(least: f64, likely: f64, most: f64) -> (f64, f64) {
    let range = most - least;
    (1.0 + 4.0 * (likely - least) / range, 1.0 + 4.0 * (most - likely) / range)
}

impl Cost {
    fn of(figure: Figure, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "held between the two bounds"
        )]
        let count = (CASES / figure.frequency.mean()).clamp(DRAWN.0.into(), DRAWN.1.into()) as u32;
        let mut years: Vec<f64> = (0..count)
            .map(|_| {
                let mut left = figure.frequency.draw(&mut chance);
                let mut sum = 0.0;
                while left > 0.0 {
                    sum += figure.severity.draw(&mut chance);
                    left -= 1.0;
                }
                sum
            })
            .collect();
        years.sort_by(f64::total_cmp);
        let count = f64::from(count);
        let mean = years.iter().sum::<f64>() / count;
        let variance = years.iter().map(|year| (year - mean).powi(2)).sum::<f64>() / count;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 1 of a length"
        )]
        let at = |share: f64| years[((count * share) as usize).min(years.len() - 1)];
        let (often, much) = (figure.frequency, figure.severity);
        let closed = (
            often.mean() * much.mean(),
            (often.mean() * much.variance() + often.variance() * much.mean().powi(2)).sqrt(),
        );
        let total: f64 = figure.survey.iter().sum();
        let largest = figure.survey.iter().copied().fold(0.0, f64::max);
        let largest_share = (total > 0.0).then(|| largest / total);
        let mut cost = Self {
            quantiles: QUANTILES.map(at),
            years: years.len(),
            drawn: (mean, variance.sqrt()),
            closed,
            mean_to_median: much.mean() / much.median(),
            largest_share,
            questions: Vec::new(),
            figure,
        };
        cost.ask();
        cost
    }
}

impl Cost {
    /// What the figure says as one number: what its source states, else its median year.
    fn says(&self) -> f64 {
        self.figure.stated.unwrap_or(self.quantiles[2])
    }

    fn ask(&mut self) {
        let figure = &self.figure;
        let mut said = figure.before.clone();
        said.push((figure.scope.year, self.says()));
        said.sort_by_key(|(year, _)| *year);
        let moved = said.windows(2).filter_map(|pair| {
            let [one, other] = pair else { return None };
            moved(&figure.source, *one, *other)
        });
        self.questions.extend(moved);
        // Where most years have no case at all, there is only the mean to hold it against.
        let (gives, of) = match self.quantiles[2] {
            median if median > 0.0 => (median, "in the median year"),
            _ => (self.closed.0, "in the mean of all years"),
        };
        if let Some(stated) = figure.stated {
            let times = (stated / gives).max(gives / stated);
            if times >= TENFOLD {
                self.questions.push(format!(
                    "{} states {stated:.3e}, and what is assumed here gives {gives:.3e} {of}: {times:.0} times. Which is meant?",
                    figure.source
                ));
            }
        }
        if let Some(share) = self.largest_share.filter(|share| *share >= 0.2) {
            self.questions.push(format!(
                "one respondent makes {:.0} % of the survey's total: what would it be without that one?",
                share * 100.0
            ));
        }
    }
}

/// A figure tenfold or a tenth of the last, with room for how a decimal is stored.
const TENFOLD: f64 = 10.0 * (1.0 - 1e-9);

fn moved(source: &str, (year, before): (i64, f64), (next, after): (i64, f64)) -> Option<String> {
    let times = (after / before).max(before / after);
    (times >= TENFOLD && before > 0.0 && after > 0.0).then(|| {
        format!(
            "{source} said {before:.3e} for {year} and {after:.3e} for {next}: {times:.0} times. What changed: the loss, the scope, or the method?"
        )
    })
}

/// One source's figures of the same kind, place, sector and currency for different years, each beside the next.
fn ask_across(costs: &[Cost]) -> Vec<(usize, String)> {
    let mut series: BTreeMap<_, Vec<(i64, usize)>> = BTreeMap::new();
    for (index, cost) in costs.iter().enumerate() {
        let Figure { source, kind, scope, .. } = &cost.figure;
        let key = (source, kind, &scope.place, &scope.sector, &scope.currency);
        series.entry(key).or_default().push((scope.year, index));
    }
    let mut asked = Vec::new();
    for ((source, ..), mut figures) in series {
        figures.sort_unstable();
        for pair in figures.windows(2) {
            let [(year, one), (next, other)] = pair else { continue };
            let (before, after) = (costs[*one].says(), costs[*other].says());
            let question = moved(source, (*year, before), (*next, after));
            asked.extend(question.filter(|_| year != next).map(|question| (*other, question)));
        }
    }
    asked
}

/// In words.
#[must_use]
pub fn summary(costs: &[Cost]) -> String {
    let mut out = String::new();
    let mut scopes: BTreeMap<(&Scope, Kind), Vec<&Cost>> = BTreeMap::new();
    for cost in costs {
        scopes.entry((&cost.figure.scope, cost.figure.kind)).or_default().push(cost);
    }
    for ((scope, kind), costs) in scopes {
        let Scope { place, sector, year, currency } = scope;
        let kind = kind.as_str();
        let _ = writeln!(out, "{kind}: {place}, {sector}, {year}, in {currency} a year");
        for cost in costs {
            let figure = &cost.figure;
            let _ = writeln!(out, "  {} ({})", figure.name, figure.source);
            let _ = writeln!(
                out,
                "    assumed: {}; {}",
                figure.frequency.describe(),
                figure.severity.describe()
            );
            if let Some(stated) = figure.stated {
                let _ = writeln!(out, "    its source states {}", rounded(stated));
            }
            for (share, value) in QUANTILES.iter().zip(cost.quantiles) {
                let _ = writeln!(
                    out,
                    "    {:>4.0} % of years cost less than {:>20}",
                    share * 100.0,
                    rounded(value)
                );
            }
            let _ = writeln!(
                out,
                "    a single case's mean is {:.1} times its median: no headline is made of it",
                cost.mean_to_median
            );
            for (what, (mean, deviation)) in [("drawn", cost.drawn), ("closed form", cost.closed)] {
                let _ = writeln!(
                    out,
                    "    {what:<11}  mean {}, standard deviation {}",
                    rounded(mean),
                    rounded(deviation)
                );
            }
            let off = (cost.drawn.0 / cost.closed.0 - 1.0) * 100.0;
            let _ = writeln!(out, "    {} years drawn; their mean is {off:+.1} % off", cost.years);
            if let Some(share) = cost.largest_share {
                let _ = writeln!(
                    out,
                    "    the largest of {} respondents makes {:.1} % of the survey's total",
                    figure.survey.len(),
                    share * 100.0
                );
            }
            for question in &cost.questions {
                let _ = writeln!(out, "    Question: {question}");
            }
        }
    }
    out.push_str(
        "Figures of different scopes, and direct, indirect and defence, are not added up.\n",
    );
    out
}

/// An amount to three digits, in groups of three: more would claim what no draw bears.
fn rounded(amount: f64) -> String {
    if amount <= 0.0 {
        return "0".to_owned();
    }
    let lead = amount.log10().floor();
    if lead < 2.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to some three hundred"
        )]
        let places = (2.0 - lead) as usize;
        let text = format!("{amount:.places$}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let unit = 10_f64.powf(lead - 2.0);
    let digits = format!("{:.0}", (amount / unit).round() * unit);
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// As JSON.
#[must_use]
pub fn to_json(costs: &[Cost], seed: u64) -> Value {
    let row = |cost: &Cost| {
        let figure = &cost.figure;
        json!({
            "name": figure.name,
            "kind": figure.kind.as_str(),
            "scope": {
                "place": figure.scope.place, "sector": figure.scope.sector,
                "year": figure.scope.year, "currency": figure.scope.currency,
            },
            "source": figure.source,
            "assumed": {
                "frequency": figure.frequency.describe(), "severity": figure.severity.describe(),
            },
            "stated": figure.stated,
            "quantiles": QUANTILES.iter().zip(cost.quantiles)
                .map(|(share, value)| json!({ "share": share, "cost": value })).collect::<Vec<_>>(),
            "drawn": { "years": cost.years, "mean": cost.drawn.0, "deviation": cost.drawn.1 },
            "closed_form": { "mean": cost.closed.0, "deviation": cost.closed.1 },
            "case_mean_to_median": cost.mean_to_median,
            "largest_share": cost.largest_share,
            "questions": cost.questions,
        })
    };
    json!({ "seed": seed, "figures": costs.iter().map(row).collect::<Vec<_>>() })
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Indirect => "indirect",
            Self::Defence => "defence",
        }
    }
}

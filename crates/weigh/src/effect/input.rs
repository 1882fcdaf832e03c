//! Counts and events from CSV, each with the interval in which it lies.
//!
//! A date is an interval: `2015` a year, `2015-09` a month, `2015-09-25` a day. A row of counts has
//! `from` (and `to`, where that is another), `count`, and, where there are, `exposure` and `control`. A
//! row of events has `from` and `to`, and, where there are, `stage` and `source`; one whose interval
//! lies in no single period is left out of the counts, and said to be. Where `known` says when each became
//! known, the reporting lag is measured too.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::Series;
use super::behind::{self, Behind};
use crate::json::InputError;

/// Bytes of a file that are read.
pub const MAX_FILE: usize = 64 * 1024 * 1024;

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
}

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// For events: into which periods they are counted.
    pub period: Period,
    /// For events that have stages: the one that is counted. Start, discovery and disclosure of one
    /// event lie apart and never mix.
    pub stage: Option<String>,
    /// For events: only those that have each of these texts in its column.
    pub only: Vec<(String, String)>,
    /// For events: those that make the control, likewise; none where there is no control.
    pub control: Vec<(String, String)>,
    /// For events: the day from which on the list does not reach; periods that are not whole before it are
    /// left out. None: to the last event.
    pub until: Option<Date>,
    /// Whether the rows are said to be events, one each, whatever numbers stand in them.
    pub events: bool,
    /// Whether the file is EuRepoC's: its names of columns, and its way to write a year as 1 January.
    pub eurepoc: bool,
}

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The series.
    pub series: Series,
    /// The first day of each period, and of the one after the last.
    pub starts: Vec<Date>,
    /// How long each is.
    pub period: Period,
    /// For events: how many there are, and how many are not dated to a single period.
    pub left_out: Option<(usize, usize)>,
    /// For events of which it is said when they became known: the first year, and the cumulative
    /// triangle by year of event and by years until it was known.
    pub triangle: Option<(i16, Vec<Vec<f64>>)>,
    /// For events: by column, the first day of each one's period and what the column says of it.
    pub said: Vec<(&'static str, Vec<(Date, String)>)>,
    /// For events: how many would be in both the series and the control; they are in the series alone.
    pub shared: usize,
    /// Whether the days that events became known are those of their attribution.
    pub attributed: bool,
}

impl Read {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`InputError`], with the line.
    pub fn parse(text: &str, reading: &Reading) -> Result<Self, InputError> {
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| bad_csv(&error))?.clone();
        if header.iter().any(|cell| cell.contains(char::is_control)) {
            return Err(at(1, "want names of columns without control characters or line breaks"));
        }
        let ours = |name: &str| match name {
            "start_date" if reading.eurepoc => "from".to_owned(),
            "attribution_date" if reading.eurepoc => "known".to_owned(),
            "source_incident_detection_disclosure" if reading.eurepoc => "source".to_owned(),
            name => name.to_owned(),
        };
        let table = Table { columns: header.iter().map(ours).collect(), eurepoc: reading.eurepoc };
        let named = reading.only.iter().chain(&reading.control).map(|(column, _)| column);
        if let Some(column) = named.into_iter().find(|column| !table.has(column)) {
            return Err(at(
                1,
                &format!("there is no column {column:?}; there are {}", table.columns.join(", ")),
            ));
        }
        let mut rows = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|error| bad_csv(&error))?;
            let line = row.position().map_or(0, csv::Position::line);
            if row.iter().any(|cell| cell.contains(char::is_control)) {
                // It is printed: a terminal must not act on it.
                return Err(at(line, "want cells without control characters or line breaks"));
            }
            rows.push((line, row));
        }
        let stock = |column: &&String| is_stock(column) && table.are_numbers(&rows, column);
        if !reading.eurepoc && !reading.events && table.columns.iter().any(|column| stock(&column))
        {
            return Err(at(
                1,
                "these are stocks, what is going on at a time: one count holds what the last one held, so a stock \
                 follows itself by construction and a step in it proves nothing. Want flows: what is new in each period \
                 (where each row is an event of its own, say so with --events)",
            ));
        }
        if let Some(twice) =
            (1..table.columns.len()).find(|at| table.columns[..*at].contains(&table.columns[*at]))
        {
            return Err(at(1, &format!("there are two columns {:?}", table.columns[twice])));
        }
        match (table.has("from"), table.has("count")) {
            (true, true) => {
                let known = |column: &&String| !COLUMNS.contains(&column.as_str());
                if let Some(column) = table.columns.iter().find(known) {
                    let columns = COLUMNS.join(", ");
                    return Err(at(
                        1,
                        &format!("counts have no column {column:?}; there are {columns}"),
                    ));
                }
                let chosen = !reading.only.is_empty() || !reading.control.is_empty();
                for (option, given) in [
                    ("--where and --control-where", chosen),
                    ("--stage", reading.stage.is_some()),
                    ("--until", reading.until.is_some()),
                    ("--eurepoc", reading.eurepoc),
                    ("--events", reading.events),
                ] {
                    if given {
                        return Err(at(1, &format!("{option}: for events; these are counts")));
                    }
                }
                table.counts(&rows)
            }
            (true, false) => {
                table.are_events(&rows, reading)?;
                table.events(&rows, reading)
            }
            (false, _) => Err(at(1, "want a column `from`: the date, month or year of each row")),
        }
    }

    /// What is behind the events before and after, by column.
    #[must_use]
    pub fn behind(&self, event: Date) -> Vec<Behind> {
        let first_after = self.starts[self.before(event)];
        self.said.iter().map(|(name, events)| Behind::of(name, events, first_after)).collect()
    }

    /// How many periods stand before the agreement: those that begin before its day. The period in
    /// which it was made counts as before, unless it was made on the first day.
    #[must_use]
    pub fn before(&self, event: Date) -> usize {
        let whole = &self.starts[..self.series.counts.len()];
        whole.iter().filter(|start| **start < event).count()
    }
}

/// Columns of a table of counts.
const COLUMNS: [&str; 5] = ["from", "to", "count", "exposure", "control"];
/// Years that a list of events reaches over at most.
const MAX_YEARS: i32 = 200;

/// Whether a cell has these words, and not as parts of others: Niger is not in Nigeria.
fn has_words(cell: &str, words: &str) -> bool {
    let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    cell.match_indices(words).any(|(at, found)| {
        apart(cell[..at].chars().next_back()) && apart(cell[at + found.len()..].chars().next())
    })
}

/// Columns that only events have.
const EVENT_COLUMNS: [&str; 5] = ["to", "stage", "known", "source", "effort"];

/// Whether a column's name says that it counts what is going on at a time.
fn is_stock(column: &str) -> bool {
    let lower = column.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    words.any(|word| {
        ["active", "stock", "stocks", "ongoing", "current", "prevalence"].contains(&word)
    })
}

struct Table {
    columns: Vec<String>,
    eurepoc: bool,
}

impl Table {
    fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column == name)
    }

    fn cell<'r>(&self, row: &'r csv::StringRecord, name: &str) -> Option<&'r str> {
        let index = self.columns.iter().position(|column| column == name)?;
        row.get(index).filter(|cell| !cell.is_empty())
    }

    fn number(&self, row: &csv::StringRecord, line: u64, name: &str) -> Result<f64, InputError> {
        let text = self.cell(row, name).ok_or_else(|| at(line, &format!("{name} is missing")))?;
        // `1e1` and `+7` are no counts that anybody wrote down.
        let is_plain = name == "exposure"
            || text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        let number = text
            .parse::<f64>()
            .ok()
            .filter(|_| is_plain)
            .filter(|n| n.is_finite() && *n >= 0.0 && *n < 1e12);
        number.ok_or_else(|| {
            at(
                line,
                &format!("{name}: want a number from 0 up to a million millions, found {text:?}"),
            )
        })
    }

    /// First day, and the first day after.
    fn interval(&self, row: &csv::StringRecord, line: u64) -> Result<(Date, Date), InputError> {
        let from = self.cell(row, "from").ok_or_else(|| at(line, "from is missing"))?;
        let to = self.cell(row, "to").unwrap_or(from);
        // A day that stands for a year that is all that is known.
        let shortened = |text: &'_ str| match text.strip_suffix("-01-01") {
            Some(year) if self.eurepoc => year.to_owned(),
            _ => text.to_owned(),
        };
        let parse = |text| {
            interval(&shortened(text)).ok_or_else(|| {
                let form = "want a date such as 2015, 2015-09 or 2015-09-25, before the year 9999";
                at(line, &format!("{form}, found {text:?}"))
            })
        };
        let ((begin, _), (_, end)) = (parse(from)?, parse(to)?);
        if end <= begin { Err(at(line, "to lies before from")) } else { Ok((begin, end)) }
    }

    /// Whether half of what stands in a column, or more, are numbers.
    fn are_numbers(&self, rows: &[(u64, csv::StringRecord)], column: &str) -> bool {
        let cells: Vec<_> = rows.iter().filter_map(|(_, row)| self.cell(row, column)).collect();
        let numbers = cells.iter().filter(|cell| cell.parse::<f64>().is_ok()).count();
        numbers > 0 && 2 * numbers >= cells.len()
    }

    /// Whether rows without `count` are events: something must say so, and no column may look like counts
    /// by another name. A list of counts that is read as events would be a series of ones.
    fn are_events(
        &self,
        rows: &[(u64, csv::StringRecord)],
        reading: &Reading,
    ) -> Result<(), InputError> {
        if reading.eurepoc || reading.events {
            return Ok(());
        }
        let chosen: Vec<_> = reading.only.iter().chain(&reading.control).map(|(c, _)| c).collect();
        let ours = |column: &str| column == "from" || EVENT_COLUMNS.contains(&column);
        let others = || self.columns.iter().filter(|column| !ours(column));
        let suspect = |column: &&String| !chosen.contains(column) && self.are_numbers(rows, column);
        if let Some(column) = others().find(suspect) {
            return Err(at(
                1,
                &format!(
                    "the column {column:?} holds numbers: where each row is a period, call them `count`; where each is an \
                     event of its own, say so with --events"
                ),
            ));
        }
        let said = self.columns.iter().any(|column| EVENT_COLUMNS.contains(&column.as_str()));
        if said || !chosen.is_empty() || others().next().is_none() {
            return Ok(());
        }
        let columns = EVENT_COLUMNS.join(", ");
        Err(at(
            1,
            &format!(
                "there is no column `count`, and nothing says that these are events: none of {columns}, and no --where"
            ),
        ))
    }

    fn counts(&self, rows: &[(u64, csv::StringRecord)]) -> Result<Read, InputError> {
        let (mut counts, mut exposures, mut control, mut starts) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::<Date>::new());
        let mut period = None;
        for (line, row) in rows {
            let (begin, end) = self.interval(row, *line)?;
            let own = length(begin, end).ok_or_else(|| {
                at(*line, "want whole months or whole years: counts of equal periods")
            })?;
            if *period.get_or_insert(own) != own {
                return Err(at(*line, "this period is not as long as those before it"));
            }
            if starts.last().is_some_and(|last| *last != begin) {
                return Err(at(
                    *line,
                    "this period does not follow the one before it; put 0 where nothing was counted",
                ));
            }
            if starts.is_empty() {
                starts.push(begin);
            }
            starts.push(end);
            let count = self.number(row, *line, "count")?;
            if count.fract() != 0.0 {
                return Err(at(
                    *line,
                    "count: want a whole number; a rate goes into count and exposure",
                ));
            }
            counts.push(count);
            let exposure =
                if self.has("exposure") { self.number(row, *line, "exposure")? } else { 1.0 };
            if exposure <= 0.0 {
                return Err(at(*line, "exposure: want more than 0"));
            }
            exposures.push(exposure);
            if self.has("control") {
                let count = self.number(row, *line, "control")?;
                if count.fract() != 0.0 {
                    return Err(at(*line, "control: want a whole number, as in count"));
                }
                control.push(count);
            }
        }
        let control = (!control.is_empty()).then_some(control);
        let period = period.ok_or_else(|| at(1, "the file has no rows"))?;
        Ok(Read {
            series: Series { counts, exposures, control },
            starts,
            period,
            left_out: None,
            triangle: None,
            said: Vec::new(),
            shared: 0,
            attributed: false,
        })
    }

    fn events(
        &self,
        rows: &[(u64, csv::StringRecord)],
        reading: &Reading,
    ) -> Result<Read, InputError> {
        let stages: BTreeSet<&str> =
            rows.iter().filter_map(|(_, row)| self.cell(row, "stage")).collect();
        if stages.len() > 1 && reading.stage.is_none() {
            let known: Vec<_> = stages.into_iter().collect();
            return Err(at(
                1,
                &format!(
                    "the events have several stages ({}); say which with --stage",
                    known.join(", ")
                ),
            ));
        }
        if let Some(stage) = reading.stage.as_deref().filter(|stage| !stages.contains(stage)) {
            let known: Vec<_> = stages.into_iter().collect();
            let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(at(1, &format!("no event has the stage {stage:?}; there are {there}")));
        }
        let blank = rows.iter().filter(|(_, row)| self.cell(row, "stage").is_none()).count();
        if reading.stage.is_none() && !stages.is_empty() && blank > 0 {
            let known: Vec<_> = stages.into_iter().collect();
            let known = known.join(", ");
            return Err(at(
                1,
                &format!(
                    "{blank} events have no stage, the others {known}; say which with --stage"
                ),
            ));
        }
        let has = |row: &csv::StringRecord, wanted: &[(String, String)]| {
            wanted
                .iter()
                .all(|(column, text)| self.cell(row, column).is_some_and(|c| has_words(c, text)))
        };
        let mut lags: Vec<(i16, i16)> = Vec::new();
        let mut said: Vec<(&'static str, Vec<(Date, String)>)> = behind::COLUMNS
            .into_iter()
            .filter(|column| self.has(column))
            .map(|column| (column, Vec::new()))
            .collect();
        let mut counts: BTreeMap<Date, [f64; 2]> = BTreeMap::new();
        let (mut all, mut left_out, mut shared) = (0, 0, 0);
        for (line, row) in rows {
            if reading.stage.as_deref().is_some_and(|stage| self.cell(row, "stage") != Some(stage))
            {
                continue;
            }
            let own = has(row, &reading.only);
            // What lies after the list's end is not in it: the list reaches so far only by chance.
            let after = |until: Date| self.interval(row, *line).is_ok_and(|(b, _)| b >= until);
            if reading.until.is_some_and(after) {
                continue;
            }
            all += usize::from(own);
            if own && let Some(known) = self.cell(row, "known") {
                lags.extend(self.lag(row, *line, known)?);
            }
            // What has no date at all is dated to no period either.
            let dated = if self.eurepoc && self.cell(row, "from").is_none() {
                None
            } else {
                let (begin, end) = self.interval(row, *line)?;
                let start = reading.period.start(begin);
                let single = reading.period.next(start).is_some_and(|next| end <= next);
                single.then_some(start)
            };
            let Some(start) = dated else {
                left_out += usize::from(own);
                continue;
            };
            // Every dated event tells how far the list reaches, whether or not it is counted.
            let [counted, control] = counts.entry(start).or_default();
            *counted += f64::from(u8::from(own));
            for (name, said) in said.iter_mut().filter(|_| own) {
                said.push((start, self.cell(row, name).unwrap_or_default().to_owned()));
            }
            let controls = !reading.control.is_empty() && has(row, &reading.control);
            shared += usize::from(own && controls);
            let controls = controls && (reading.only.is_empty() || !own);
            *control += f64::from(u8::from(controls));
        }
        for (option, wanted) in [("--where", &reading.only), ("--control-where", &reading.control)]
        {
            self.must_match(rows, option, wanted, &has)?;
        }
        let (Some(first), Some(mut last)) =
            (counts.keys().next().copied(), counts.keys().last().copied())
        else {
            let problem = match reading.until.filter(|_| all == 0) {
                Some(until) => format!("--until: every event lies at {until} or after it"),
                None => "no event is dated to a single period; try --by year".to_owned(),
            };
            return Err(at(1, &problem));
        };
        if let Some(until) = reading.until {
            let mut start = first;
            while let Some(next) = reading.period.next(start).filter(|next| *next <= until) {
                last = start;
                start = next;
            }
            if start == first {
                return Err(at(1, "--until: no period of these events is whole before it"));
            }
        }
        let years = i32::from(last.year()) - i32::from(first.year());
        if years > MAX_YEARS {
            // The mistyped one is the one that lies farther from the middle of all.
            let middle = counts.keys().nth(counts.len() / 2).copied().unwrap_or(first);
            let gap = |day: Date| (i32::from(day.year()) - i32::from(middle.year())).abs();
            let far = if gap(first) > gap(last) { first } else { last };
            let there = |(_, row): &&(u64, csv::StringRecord)| {
                let year = self.cell(row, "from").and_then(interval).map(|(day, _)| day.year());
                year == Some(far.year())
            };
            return Err(at(
                rows.iter().find(there).map_or(1, |(line, _)| *line),
                &format!(
                    "the events reach from {first} to {last}, over {years} years: at most {MAX_YEARS} are read; is a year mistyped?"
                ),
            ));
        }
        let (mut starts, mut series, mut control) = (vec![first], Vec::new(), Vec::new());
        let mut start = first;
        while start <= last {
            let [own, other] = counts.get(&start).copied().unwrap_or_default();
            series.push(own);
            control.push(other);
            start = reading.period.next(start).ok_or_else(|| at(1, "a date lies too far off"))?;
            starts.push(start);
        }
        let exposures = vec![1.0; series.len()];
        let control = (!reading.control.is_empty()).then_some(control);
        let series = Series { counts: series, exposures, control };
        let left_out = Some((all, left_out));
        let triangle = triangle(&lags);
        let shared = if reading.only.is_empty() { 0 } else { shared };
        let (period, attributed) = (reading.period, reading.eurepoc);
        Ok(Read { series, starts, period, left_out, triangle, said, shared, attributed })
    }

    /// That some event has what is asked for; else which texts there are.
    fn must_match(
        &self,
        rows: &[(u64, csv::StringRecord)],
        option: &str,
        wanted: &[(String, String)],
        has: &impl Fn(&csv::StringRecord, &[(String, String)]) -> bool,
    ) -> Result<(), InputError> {
        if rows.iter().any(|(_, row)| has(row, wanted)) {
            return Ok(());
        }
        let alone = |pair: &&(String, String)| {
            !rows.iter().any(|(_, row)| has(row, std::slice::from_ref(*pair)))
        };
        let Some((column, text)) = wanted.iter().find(alone) else {
            return Err(at(1, &format!("{option}: no event has all of these at once")));
        };
        let values: BTreeSet<_> =
            rows.iter().filter_map(|(_, row)| self.cell(row, column)).collect();
        let some: Vec<String> =
            values.iter().take(8).map(|v| v.chars().take(40).collect()).collect();
        let more = if values.len() > 8 { ", and more" } else { "" };
        let some = some.join("; ");
        Err(at(1, &format!("{option}: no event has {text:?} in {column}; there are {some}{more}")))
    }

    /// The years in which an event happened and became known.
    fn lag(
        &self,
        row: &csv::StringRecord,
        line: u64,
        known: &str,
    ) -> Result<Option<(i16, i16)>, InputError> {
        // Of EuRepoC's several days of attribution the first; its list has days before the start, and
        // events without one.
        if self.eurepoc {
            let happened = self.cell(row, "from").and_then(interval).map(|(day, _)| day.year());
            let day = |part: &str| interval(part.trim().split(' ').next()?).map(|(d, _)| d.year());
            let first = known.split(';').filter_map(day).min();
            return Ok(happened.zip(first).filter(|(happened, known)| happened <= known));
        }
        let (begin, end) = interval(known).ok_or_else(|| {
            let problem = "known: want a date such as 2015 or 2015-09-25, found";
            at(line, &format!("{problem} {known:?}"))
        })?;
        let happened = self.interval(row, line)?.0;
        // Of intervals that overlap nobody can tell which was first.
        if end <= happened {
            return Err(at(line, "it became known before it happened"));
        }
        Ok(Some((happened.year(), begin.year().max(happened.year()))))
    }
}

impl Period {
    /// How many are in a year.
    #[must_use]
    pub fn per_year(self) -> f64 {
        match self {
            Self::Month => 12.0,
            Self::Year => 1.0,
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    fn start(self, day: Date) -> Date {
        match self {
            Self::Month => day.first_of_month(),
            Self::Year => day.first_of_year(),
        }
    }

    fn next(self, start: Date) -> Option<Date> {
        match self {
            Self::Month => start.checked_add(1.month()).ok(),
            Self::Year => start.checked_add(1.year()).ok(),
        }
    }
}

fn length(begin: Date, end: Date) -> Option<Period> {
    [Period::Month, Period::Year]
        .into_iter()
        .find(|period| period.start(begin) == begin && period.next(begin) == Some(end))
}

/// By year of event, how many were known after no, one, two years and so on, as far as the last year in
/// which anything became known tells.
fn triangle(lags: &[(i16, i16)]) -> Option<(i16, Vec<Vec<f64>>)> {
    let first = lags.iter().map(|(happened, _)| *happened).min()?;
    let last = lags.iter().map(|(_, known)| *known).max()?;
    let row = |year: i16| {
        let age = |until: i16| {
            lags.iter().filter(|(happened, known)| *happened == year && *known <= until).count()
        };
        (year..=last)
            .map(|until| f64::from(u32::try_from(age(until)).unwrap_or(u32::MAX)))
            .collect()
    };
    Some((first, (first..=last).map(row).collect()))
}

/// First day, and the first day after, of a year, a month or a day.
fn interval(text: &str) -> Option<(Date, Date)> {
    let number = |part: &str, digits| {
        (part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<i16>().ok())?
    };
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4)?;
    let (month, day) = (parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let narrow = |part: Option<&str>| part.map(|part| i8::try_from(number(part, 2)?).ok());
    match (narrow(month), narrow(day)) {
        (None, None) => {
            let begin = Date::new(year, 1, 1).ok()?;
            Some((begin, Period::Year.next(begin)?))
        }
        (Some(month), None) => {
            let begin = Date::new(year, month?, 1).ok()?;
            Some((begin, Period::Month.next(begin)?))
        }
        (Some(month), Some(day)) => {
            let begin = Date::new(year, month?, day?).ok()?;
            Some((begin, begin.tomorrow().ok()?))
        }
        (None, Some(_)) => None,
    }
}

fn at(line: u64, problem: &str) -> InputError {
    InputError { place: format!("line {line}"), problem: problem.to_owned() }
}

fn bad_csv(error: &csv::Error) -> InputError {
    let line = error.position().map_or(0, csv::Position::line);
    at(line, "not a row of this table: as many cells as the header has, in UTF-8")
}

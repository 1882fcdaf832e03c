//! ISO 8601 durations, as agreements write them, and times as ledgers write them.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// A time as ledgers write it: seconds since 1970. `None` beyond what a calendar has.
#[must_use]
pub fn instant(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

/// A time without its fraction of a second, as ledgers count.
#[must_use]
pub fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// A duration such as `PT4H`, `P3D` or `P6M`, kept as it was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    text: String,
    span: Span,
}

/// Why a text is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no ISO 8601 duration of a positive length, such as PT4H, P3D or P6M")]
pub struct BadPeriod(String);

impl Period {
    /// The instant this long after `start`, days and months counted in UTC.
    ///
    /// An instant past the end of the calendar is the calendar's end.
    #[must_use]
    pub fn after(&self, start: Timestamp) -> Timestamp {
        start
            .to_zoned(TimeZone::UTC)
            .checked_add(self.span)
            .map_or(Timestamp::MAX, |z| z.timestamp())
    }
}

impl Period {
    /// Whole days, and the seconds beside them; `None` with years, months, weeks or fractions.
    #[must_use]
    pub fn days_and_seconds(&self) -> Option<(i64, i64)> {
        let span = &self.span;
        let others = span.get_years() != 0 || span.get_months() != 0 || span.get_weeks() != 0;
        let finer = span.get_milliseconds() != 0
            || span.get_microseconds() != 0
            || span.get_nanoseconds() != 0;
        let seconds = i64::from(span.get_hours())
            .checked_mul(3600)?
            .checked_add(span.get_minutes().checked_mul(60)?)?
            .checked_add(span.get_seconds())?;
        (!others && !finer).then(|| (i64::from(span.get_days()), seconds))
    }
}

impl TryFrom<String> for Period {
    type Error = BadPeriod;

    fn try_from(text: String) -> Result<Self, BadPeriod> {
        let span: Option<Span> = text.starts_with('P').then(|| text.parse().ok()).flatten();
        match span {
            Some(span) if span.is_positive() => Ok(Self { text, span }),
            _ => Err(BadPeriod(text.chars().take(60).collect())),
        }
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.text
    }
}

impl PartialEq for Period {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Period {}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

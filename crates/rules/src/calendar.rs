//! Working time: a country's week, hours, holidays and swapped working days, as dated data.
//!
//! A limit that counts working time is turned into seconds of it, a day being as long as the calendar's
//! hours, and runs only while the office is open. Everything is counted by the wall clock of the zone: a
//! working day is as long on the day on which clocks change as on any other.
//!
//! Holidays are set a year at a time, and some countries work on a weekend day for a holiday. So a
//! calendar says until when its days are known; what is due after that is due by its week alone.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Period;
use crate::agreement::Evidence;

/// The calendars that are shipped: id and TOML text.
pub const CALENDARS: [(&str, &str); 2] = [
    ("cn", include_str!("../calendars/cn.toml")),
    ("us-federal", include_str!("../calendars/us-federal.toml")),
];

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Days that are looked ahead for a working one: a calendar that has none for so long has none.
const FARTHEST: i32 = 400;

/// A calendar as terms have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Its id.
    pub id: String,
    /// IANA time zone of its days and hours.
    pub zone: String,
    /// The working days of a week: `monday` and so on.
    pub week: Vec<Day>,
    /// The hours of a working day, such as `09:00-17:00`; absent: all day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Days on which nobody works though it is one of the week's, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Date>,
    /// Days on which people work though it is none of the week's, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub working: Vec<Date>,
    /// From which day on these are known.
    pub from: Date,
    /// The last day for which they are.
    pub until: Date,
    /// Where they were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How sure they are.
    pub evidence: Evidence,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the days of the week")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Hours of a day, by the minute: `09:00-17:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hours {
    from: Time,
    /// In seconds after midnight: the end of a day has no [`Time`].
    until: i64,
}

/// Why a text gives no hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} are no hours such as 09:00-17:00, the first before the second, 24:00 at most")]
pub struct BadHours(String);

impl TryFrom<String> for Hours {
    type Error = BadHours;

    fn try_from(text: String) -> Result<Self, BadHours> {
        let minutes = |part: &str| {
            let (hour, minute) = part.split_once(':')?;
            let number = |text: &str| {
                (text.len() == 2).then(|| text.parse::<u8>().ok()).flatten().map(i64::from)
            };
            let (hour, minute) = (number(hour)?, number(minute)?);
            (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
        };
        let parsed = text.split_once('-').and_then(|(from, until)| {
            let (from, until) = (minutes(from)?, minutes(until)?);
            (from < until).then_some((from, until))
        });
        let (from, until) = parsed.ok_or_else(|| BadHours(text.chars().take(40).collect()))?;
        let part = |number: i64| i8::try_from(number).unwrap_or_default();
        let from = Time::constant(part(from / 60), part(from % 60), 0, 0);
        Ok(Self { from, until: until * 60 })
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        let until = hours.until / 60;
        format!("{}-{:02}:{:02}", hours.from.strftime("%H:%M"), until / 60, until % 60)
    }
}

/// Why a calendar cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Nobody works.
    #[error("want one working day of the week at least")]
    NoWeek,
    /// No such zone.
    #[error("zone is not an IANA time zone such as Europe/Oslo")]
    Zone,
    /// Not in order.
    #[error("holidays and working days ascend, each once, and none is both")]
    Order,
    /// Outside of what is known.
    #[error("a day lies outside of `from` and `until`")]
    Outside,
}

impl Calendar {
    /// A calendar that is shipped, by its id, or one of one's own, in TOML.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shipped = CALENDARS.iter().find(|(id, _)| *id == text.trim());
        let calendar: Self = toml::from_str(shipped.map_or(text, |(_, text)| text))
            .map_err(|error| format!("no calendar in TOML: {error}"))?;
        calendar.check().map_err(|error| error.to_string())?;
        Ok(calendar)
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn check(&self) -> Result<(), Unusable> {
        let ascends = |days: &[Date]| days.windows(2).all(|pair| pair[0] < pair[1]);
        let outside = |day: &&Date| **day < self.from || **day > self.until;
        match () {
            () if self.week.is_empty() => Err(Unusable::NoWeek),
            () if TimeZone::get(&self.zone).is_err() => Err(Unusable::Zone),
            () if !ascends(&self.holidays) || !ascends(&self.working) => Err(Unusable::Order),
            () if self.holidays.iter().any(|day| self.working.contains(day)) => {
                Err(Unusable::Order)
            }
            () if self.holidays.iter().chain(&self.working).any(|day| outside(&day)) => {
                Err(Unusable::Outside)
            }
            () => Ok(()),
        }
    }

    /// Whether people work on this day.
    #[must_use]
    pub fn works(&self, day: Date) -> bool {
        if self.working.binary_search(&day).is_ok() {
            return true;
        }
        let weekday = Day::of(day.weekday());
        self.week.contains(&weekday) && self.holidays.binary_search(&day).is_err()
    }

    /// Whether the days up to this instant are known, and not only the week.
    #[must_use]
    pub fn knows(&self, time: Timestamp) -> bool {
        time.to_zoned(self.zone()).date() <= self.until
    }

    /// The seconds of working time in a period of days, hours, minutes and seconds; `None` where it has
    /// others: a month has no working time of its own.
    #[must_use]
    pub fn seconds(&self, period: &Period) -> Option<i64> {
        let (days, seconds) = period.days_and_seconds()?;
        days.checked_mul(self.day_length())?.checked_add(seconds)
    }

    /// The instant at which so many seconds of working time have passed since `start`.
    #[must_use]
    pub fn after(&self, start: Timestamp, seconds: i64) -> Timestamp {
        let zone = self.zone();
        let (mut day, mut at) = self.place(start, &zone);
        let mut left = seconds.max(0);
        let mut idle = 0;
        loop {
            let (open, close) = self.hours();
            if self.works(day) {
                idle = 0;
                let begin = at.max(open);
                let here = (close - begin).max(0);
                // What ends with the day ends there, not on the morning of the next.
                if left <= here && begin <= close {
                    return instant(day, begin + left, &zone);
                }
                left -= here;
            } else {
                idle += 1;
            }
            let Some(next) = day.tomorrow().ok().filter(|_| idle < FARTHEST) else {
                return Timestamp::MAX;
            };
            (day, at) = (next, 0);
        }
    }

    /// The seconds of working time between two instants; 0 where the second comes first.
    #[must_use]
    pub fn between(&self, start: Timestamp, end: Timestamp) -> i64 {
        if end <= start {
            return 0;
        }
        let zone = self.zone();
        let ((mut day, from), (last, until)) = (self.place(start, &zone), self.place(end, &zone));
        let (open, close) = self.hours();
        let (mut at, mut sum) = (from, 0);
        while day <= last {
            if self.works(day) {
                let end = if day == last { until.min(close) } else { close };
                sum += (end - at.max(open)).max(0);
            }
            let Ok(next) = day.tomorrow() else { break };
            (day, at) = (next, 0);
        }
        sum
    }

    fn zone(&self) -> TimeZone {
        TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC)
    }

    fn hours(&self) -> (i64, i64) {
        self.hours.map_or((0, DAY), |hours| {
            let from = i64::from(hours.from.hour()) * 3600 + i64::from(hours.from.minute()) * 60;
            (from, hours.until)
        })
    }

    fn day_length(&self) -> i64 {
        let (open, close) = self.hours();
        close - open
    }

    /// The day, and the seconds of its wall clock.
    fn place(&self, time: Timestamp, zone: &TimeZone) -> (Date, i64) {
        let zoned = time.to_zoned(zone.clone());
        let clock = zoned.time();
        let seconds = i64::from(clock.hour()) * 3600
            + i64::from(clock.minute()) * 60
            + i64::from(clock.second());
        (zoned.date(), seconds)
    }
}

/// The instant at which the wall clock of a day shows so many seconds after midnight.
fn instant(day: Date, seconds: i64, zone: &TimeZone) -> Timestamp {
    let wall = day.to_datetime(Time::midnight()).checked_add(SignedDuration::from_secs(seconds));
    let zoned = wall.and_then(|wall| zone.to_ambiguous_zoned(wall).compatible());
    zoned.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

impl Day {
    fn of(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

//! Timestamps: RFC 3339 in UTC, as STIX 2.1 section 2.16 has them.

/// An instant, in nanoseconds since 1970 without leap seconds. Digits beyond the ninth are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i128);

impl Time {
    /// The instant that a text names: `2017-01-20T00:00:00.000Z`, with any number of digits after the
    /// point, or none, and with days and hours that there are.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(text, days_in)
    }

    /// The same, of any day up to the 31st: the grammar of patterns does not count days. What is beyond
    /// the month's last is counted on.
    pub(crate) fn parse_grammatical(text: &str) -> Option<Self> {
        Self::read(text, |_, _| 31)
    }

    fn read(text: &str, days_in: impl Fn(i64, i64) -> i64) -> Option<Self> {
        let bytes = text.as_bytes();
        let (fixed, rest) = bytes.split_first_chunk::<19>()?;
        let separated = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if separated.iter().any(|(at, byte)| fixed[*at] != *byte) {
            return None;
        }
        let number = |from: usize, to: usize| digits(&fixed[from..to]);
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let there = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        let (last, fraction) = rest.split_last()?;
        if !there || *last != b'Z' {
            return None;
        }
        let nanos = match fraction.split_first() {
            None => 0,
            Some((b'.', after)) if !after.is_empty() => {
                let (kept, cut) = after.split_at(after.len().min(9));
                if !cut.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                (kept.len()..9).fold(digits(kept)?, |nanos, _| nanos * 10)
            }
            Some(_) => return None,
        };
        let seconds = ((days_before(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        Some(Self(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)))
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        i64::try_from(self.0.div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
    }

    /// Whole microseconds since 1970.
    #[must_use]
    pub fn micros(self) -> i64 {
        i64::try_from(self.0.div_euclid(1_000)).unwrap_or(i64::MAX)
    }

    /// So much later.
    #[must_use]
    pub fn after_nanos(self, nanos: i128) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// How many digits follow the point of a text that is a [`Time`].
#[must_use]
pub fn precision(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, fraction)| fraction.len() - 1)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day, in the proleptic Gregorian calendar.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 153 + 2) / 5
        + day
        - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_counted_as_everyone_counts_them() {
        let seconds = |text| Time::parse(text).unwrap().0 / 1_000_000_000;
        assert_eq!(seconds("1970-01-01T00:00:00Z"), 0);
        assert_eq!(seconds("2000-02-29T12:00:00Z"), 951_825_600);
        assert_eq!(seconds("2016-12-31T23:59:60Z"), 1_483_228_800);
        assert_eq!(seconds("2038-01-19T03:14:08.5Z"), 2_147_483_648);
        assert_eq!(seconds("1969-12-31T23:59:59Z"), -1);
        assert_eq!(seconds("0000-01-01T00:00:00Z"), -62_167_219_200);
    }

    #[test]
    fn fractions_are_compared_by_value() {
        let time = |text| Time::parse(text).unwrap();
        assert_eq!(time("2014-08-08T15:50:10.98Z"), time("2014-08-08T15:50:10.980000Z"));
        assert!(time("2014-08-08T15:50:10.983123Z") > time("2014-08-08T15:50:10.983Z"));
        assert_eq!(precision("2014-08-08T15:50:10.983Z"), 3);
        assert_eq!(precision("2014-08-08T15:50:10Z"), 0);
    }

    #[test]
    fn days_that_are_not_are_refused() {
        for wrong in [
            "2017-02-29T08:17:27.000Z",
            "2016-11-31T08:17:27.000Z",
            "2016-13-12T08:17:27.000Z",
            "2016-03-00T08:17:27.000Z",
            "2016-03-12T24:17:27.000Z",
            "2016-03-12T08:60:27.000Z",
            "2016-03-12T08:17:61.000Z",
            "2016-03-12T08:17:27.000z",
            "2016-03-12t08:17:27.000Z",
            "2016-03-12T08:17:27.Z",
            "2016-03-12T08:17:27",
            "2016-03-12T08:17:27.000+00:00",
            "2016-03-12T08:17:27.1234567890xZ",
            "",
        ] {
            assert_eq!(Time::parse(wrong), None, "{wrong}");
        }
    }
}

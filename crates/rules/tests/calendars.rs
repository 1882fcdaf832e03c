//! Working time against a walk over every minute, for ten years: leap days, clocks that change, holidays,
//! swapped working days.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use comity_rules::calendar::{CALENDARS, Calendar};
use comity_rules::{Period, Terms};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// Chance that is the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % sides
    }
}

fn calendar(zone: &str, hours: &str, holidays: &[&str], working: &[&str]) -> Calendar {
    let list =
        |days: &[&str]| days.iter().map(|day| format!("\"{day}\"")).collect::<Vec<_>>().join(", ");
    let hours = if hours.is_empty() { String::new() } else { format!("hours = \"{hours}\"") };
    Calendar::parse(&format!(
        "id = \"test\"\nzone = \"{zone}\"\nevidence = \"proposal\"\nfrom = \"2015-01-01\"\nuntil = \"2035-12-31\"\n\
         week = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\"]\n{hours}\n\
         holidays = [{}]\nworking = [{}]\n",
        list(holidays),
        list(working)
    ))
    .unwrap()
}

/// The working seconds of each minute of the wall clock, one by one.
fn walk(
    calendar: &Calendar,
    (open, close): (i64, i64),
    start: Timestamp,
    minutes: i64,
) -> Timestamp {
    let zone = TimeZone::get(&calendar.zone).unwrap();
    let mut wall: DateTime = start.to_zoned(zone.clone()).datetime();
    let mut left = minutes;
    let works = |wall: DateTime| {
        let minute = i64::from(wall.hour()) * 60 + i64::from(wall.minute());
        calendar.works(wall.date()) && (open..close).contains(&minute)
    };
    while left > 0 {
        if works(wall) {
            left -= 1;
        }
        wall = wall.checked_add(1.minute()).unwrap();
    }
    zone.to_ambiguous_zoned(wall).compatible().unwrap().timestamp()
}

#[test]
fn ten_years_are_right_to_the_minute() {
    let holidays = ["2016-02-29", "2018-12-25", "2020-02-28", "2024-05-01", "2024-05-02"];
    let working = ["2017-01-07", "2020-02-29", "2024-04-28"];
    let zones = [
        ("Asia/Shanghai", "09:00-17:00", (540, 1020)),
        ("America/New_York", "08:30-16:45", (510, 1005)),
        ("Europe/Oslo", "", (0, 1440)),
        ("Australia/Lord_Howe", "00:00-24:00", (0, 1440)),
        ("Africa/Casablanca", "01:30-03:30", (90, 210)),
    ];
    let mut dice = Dice(2015);
    let (first, mut later) = ("2015-12-25T00:00:00Z".parse::<Timestamp>().unwrap(), 0);
    for (zone, hours, ends) in zones {
        let calendar = calendar(zone, hours, &holidays, &working);
        for _ in 0..250 {
            let start = first + SignedDuration::from_mins(dice.roll(10 * 365 * 24 * 60));
            let minutes = 1 + dice.roll(3_000);
            let found = calendar.after(start, minutes * 60);
            let wanted = walk(&calendar, ends, start, minutes);
            // Of an hour that the clock shows twice either may be meant: the wall clock is what is agreed.
            let zone = TimeZone::get(&calendar.zone).unwrap();
            let walls = [found, wanted].map(|time| time.to_zoned(zone.clone()).datetime());
            assert_eq!(walls[0], walls[1], "{zone:?} {start} {minutes} min: {found}, {wanted}");
            later += usize::from(found.duration_since(start) > SignedDuration::from_mins(minutes));
            // As many seconds lie between: what runs can be counted back.
            let between = calendar.between(start, found);
            assert!((between - minutes * 60).abs() <= 3600, "{start} {minutes}: {between}");
            if calendar.zone == "Asia/Shanghai" {
                assert_eq!(between, minutes * 60, "{start}");
            }
        }
    }
    assert!(later > 500, "{later} ran over nights, weekends and holidays");
}

#[test]
fn a_golden_week_and_its_swapped_days_are_counted_as_people_work() {
    let china = Calendar::parse("cn").unwrap();
    let seconds = |text: &str| china.seconds(&text.to_owned().try_into().unwrap()).unwrap();
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let at =
        |text: &str| text.parse::<DateTime>().unwrap().to_zoned(zone.clone()).unwrap().timestamp();
    // Wednesday, 30 September 2026, 16:00; the holiday lasts to the 7th, and Saturday the 10th is worked.
    let start = at("2026-09-30T16:00");
    assert_eq!(china.after(start, seconds("P1D")), at("2026-10-08T16:00"));
    assert_eq!(china.after(start, seconds("P3D")), at("2026-10-10T16:00"), "a Saturday");
    assert_eq!(china.after(start, seconds("P4D")), at("2026-10-12T16:00"));
    assert_eq!(china.between(at("2026-10-01T00:00"), at("2026-10-08T00:00")), 0);
    assert!(china.knows(at("2026-12-31T12:00")) && !china.knows(at("2027-01-01T00:00")));
    assert!(
        china.seconds(&"P1M".to_owned().try_into().unwrap()).is_none(),
        "a month has no working time"
    );
    // Swapped days are known to be weekend days, and holidays to be days of the week.
    for (id, _) in CALENDARS {
        let calendar = Calendar::parse(id).unwrap();
        let weekend = |day: &Date| day.weekday().to_monday_one_offset() > 5;
        assert!(calendar.working.iter().all(weekend), "{id}");
        assert!(!calendar.holidays.iter().any(weekend), "{id}");
    }
}

#[test]
fn what_is_no_calendar_is_refused() {
    let good = "id = \"x\"\nzone = \"Europe/Oslo\"\nevidence = \"proposal\"\nfrom = \"2026-01-01\"\nuntil = \"2026-12-31\"\n\
                week = [\"monday\"]\nhours = \"09:00-17:00\"\nholidays = [\"2026-05-01\", \"2026-05-17\"]\nworking = []\n";
    assert!(Calendar::parse(good).is_ok());
    for (find, replace, wanted) in [
        ("Europe/Oslo", "Oslo", "zone is not an IANA time zone"),
        ("[\"monday\"]", "[]", "want one working day"),
        ("[\"monday\"]", "[\"moonday\"]", "no calendar in TOML"),
        ("09:00-17:00", "17:00-09:00", "are no hours such as 09:00-17:00"),
        ("09:00-17:00", "9-17", "are no hours"),
        ("\"2026-05-01\", \"2026-05-17\"", "\"2026-05-17\", \"2026-05-01\"", "ascend"),
        ("working = []", "working = [\"2026-05-01\"]", "none is both"),
        ("\"2026-05-17\"", "\"2027-05-17\"", "outside of `from` and `until`"),
    ] {
        assert!(good.contains(find));
        let error = Calendar::parse(&good.replace(find, replace)).unwrap_err();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
}

/// Terms whose classes count working time need a calendar of each party, and limits that have one.
#[test]
fn terms_that_count_working_time_name_the_calendars() {
    let template = comity_rules::agreement::TEMPLATES
        .iter()
        .find(|(id, _)| *id == "comity-model")
        .map(|(_, text)| text.replacen("[[class]]", "[[class]]\ncounts = \"working\"", 1))
        .unwrap();
    assert!(Terms::parse(&template).is_ok(), "a template names no parties yet");
    let months = template.replacen("acknowledge = \"", "decide = \"P1M\"\nacknowledge = \"", 1);
    let error = Terms::parse(&months).unwrap_err().to_string();
    assert!(error.contains("working time is counted in days, hours and minutes"), "{error}");
    let period = |text: &str| Period::try_from(text.to_owned()).unwrap();
    assert_eq!(period("P3DT4H30M").days_and_seconds(), Some((3, 16_200)));
    assert_eq!(period("P1W").days_and_seconds(), None);
}

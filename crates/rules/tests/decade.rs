//! Ten years of an agreement in seconds: requests both ways, questions, suspensions, two calendars, leap days,
//! clocks that change and a zone whose law changes, peers whose own clocks are hours and years off. Every
//! deadline is held against a walk over each minute.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test that cannot go on fails"
)]

mod party;

use std::collections::BTreeMap;
use std::ops::Range;

use comity_rules::agreement::{Agreement, Counts};
use comity_rules::calendar::Calendar;
use comity_rules::clock::{self, Clocks, Deadline};
use comity_rules::command::{Command, Deed};
use comity_rules::content::{Answer, ItemAnswer, Remark};
use comity_rules::request::Outcome;
use comity_rules::thread::Sides as _;
use comity_rules::{Request, ThreadId};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use party::{Party, ask, pair};

/// Minutes since the beginning of 2016, a leap year. What happens is known to the minute.
type Minute = i64;

const YEARS: Minute = 10 * 365 * 24 * 60;
const REQUESTS: usize = 300;

fn at(minute: Minute) -> Timestamp {
    "2016-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

fn minute(time: Timestamp) -> Minute {
    time.duration_since(at(0)).as_mins()
}

/// Chance that is the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % sides
    }

    /// Mostly soon, at times late.
    fn wait(&mut self) -> Minute {
        let most = [60, 600, 3_000, 15_000][self.roll(4) as usize];
        1 + self.roll(most)
    }
}

/// Who works when: the days as the calendar has them, the hours as this test has them.
struct Place {
    calendar: Calendar,
    hours: Range<i64>,
}

fn place(id: &str, zone: &str, hours: Range<i64>, days: [&[&str]; 2]) -> Place {
    let list =
        |days: &[&str]| days.iter().map(|day| format!("\"{day}\"")).collect::<Vec<_>>().join(", ");
    let time = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let calendar = Calendar::parse(&format!(
        "id = \"{id}\"\nzone = \"{zone}\"\nevidence = \"proposal\"\nfrom = \"2015-01-01\"\nuntil = \"2030-12-31\"\n\
         week = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\"]\nhours = \"{}-{}\"\n\
         holidays = [{}]\nworking = [{}]\n",
        time(hours.start),
        time(hours.end),
        list(days[0]),
        list(days[1])
    ));
    Place { calendar: calendar.unwrap(), hours }
}

/// What is known of a request, to the minute.
#[derive(Debug, Default, Clone)]
struct Known {
    side: usize,
    class: &'static str,
    sent: Option<Minute>,
    received: Option<Minute>,
    mirrored: Option<Minute>,
    acknowledged: Option<Minute>,
    asked_back: Option<Minute>,
    replied: Option<Minute>,
    answered: Option<Minute>,
}

/// What a side does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Step {
    /// Takes in what the other has stated, and receipts it.
    Receive,
    Send(usize),
    Acknowledge(usize),
    AskBack(usize),
    Reply(usize),
    Answer(usize),
    Suspend,
    Resume,
}

struct Decade {
    parties: [Party; 2],
    /// Up to which entry each side's ledger was witnessed, and when.
    witnessed: [Vec<(u64, Minute)>; 2],
    known: Vec<Known>,
    threads: Vec<Option<ThreadId>>,
    pauses: Vec<Range<Minute>>,
    pause: Option<ThreadId>,
}

impl Decade {
    fn play(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut known = Vec::new();
        let mut steps: Vec<(Minute, usize, Step)> = Vec::new();
        for number in 0..REQUESTS {
            let side = dice.roll(2) as usize;
            let class = ["U1-urgent", "U2-routine"][dice.roll(2) as usize];
            let sent = dice.roll(YEARS);
            // Some arrive after hours, some are mirrored before they are receipted.
            let received = sent + dice.wait();
            let acknowledged = received + dice.wait();
            let asked_back = acknowledged + dice.wait();
            let replied = asked_back + 1 + dice.wait();
            let taken = replied + dice.wait();
            let answered = match dice.roll(3) {
                0 => taken + dice.wait(),
                // While the question is open.
                1 => asked_back + 1 + dice.roll(taken - asked_back),
                _ => YEARS + 1,
            };
            let other = 1 - side;
            steps.extend([
                (sent, side, Step::Send(number)),
                (received, other, Step::Receive),
                (acknowledged, other, Step::Acknowledge(number)),
                (answered, other, Step::Answer(number)),
            ]);
            if dice.roll(2) == 0 {
                steps.extend([
                    (asked_back, other, Step::AskBack(number)),
                    (asked_back, side, Step::Receive),
                    (replied, side, Step::Reply(number)),
                    (taken, other, Step::Receive),
                ]);
            }
            let mirrored = (dice.roll(4) == 0).then(|| {
                // By the receiver's own clock, five hours off either way.
                sent + dice.roll(received - sent) + 300 * (dice.roll(3) - 1)
            });
            known.push(Known { side, class, mirrored, ..Known::default() });
        }
        for year in 0..10 {
            let from = year * 365 * 24 * 60 + dice.roll(300 * 24 * 60);
            let to = from + 1 + dice.roll(20 * 24 * 60);
            steps.extend([
                (from, 0, Step::Suspend),
                (from, 1, Step::Receive),
                (to, 0, Step::Resume),
            ]);
        }
        steps.sort_unstable();
        let mut decade = Self {
            parties: pair(),
            witnessed: [Vec::new(), Vec::new()],
            threads: vec![None; REQUESTS],
            known,
            pauses: Vec::new(),
            pause: None,
        };
        for (time, side, step) in steps {
            decade.step(time, side, step);
        }
        decade
    }

    fn step(&mut self, time: Minute, side: usize, step: Step) {
        let command = |thread: Option<ThreadId>, party: &mut Party, command: Command| {
            party.command(thread, command).ok()
        };
        let remark = || Remark { text: "text".into() };
        match step {
            Step::Receive => {
                let [north, south] = &mut self.parties;
                let (from, to) = if side == 0 { (south, north) } else { (north, south) };
                for entry in from.entries.iter().skip(to.arrived.len()) {
                    to.arrive(entry).unwrap();
                }
                to.verify();
                to.pay();
                for known in &mut self.known {
                    // What has arrived by now: a request at its receiver, a reply there too.
                    let mine = known.side != side;
                    if mine && known.sent.is_some() {
                        known.received.get_or_insert(time);
                    }
                    if mine && known.replied.is_some_and(|replied| replied < 0) {
                        known.replied = Some(time);
                    }
                }
            }
            Step::Send(number) => {
                let class = Some(self.known[number].class.to_owned());
                let send = Command::Send { class, exercise: false, ask: ask(&["who?"]) };
                self.threads[number] = command(None, &mut self.parties[side], send);
                self.known[number].sent = Some(time);
            }
            Step::Acknowledge(number)
            | Step::AskBack(number)
            | Step::Reply(number)
            | Step::Answer(number) => {
                let Some(thread) = self.threads[number] else { return };
                let item = ItemAnswer {
                    item: 1,
                    outcome: Outcome::Answered,
                    text: "yes".into(),
                    reason: None,
                };
                let said = match step {
                    Step::Acknowledge(_) => Command::Acknowledge(remark()),
                    Step::AskBack(_) | Step::Reply(_) => Command::Clarify(remark()),
                    _ => Command::Answer(Answer {
                        text: String::new(),
                        use_limits: String::new(),
                        limits: None,
                        grounds: Default::default(),
                        items: vec![item],
                        attachments: vec![],
                    }),
                };
                if command(Some(thread), &mut self.parties[side], said).is_some() {
                    let known = &mut self.known[number];
                    match step {
                        Step::Acknowledge(_) => known.acknowledged = Some(time),
                        Step::AskBack(_) => known.asked_back = Some(time),
                        // On its way, until it is taken in.
                        Step::Reply(_) => known.replied = Some(-1),
                        _ => known.answered = Some(time),
                    }
                }
            }
            Step::Suspend => {
                let suspend = Deed::Suspend { exercise: false, remark: remark() };
                self.pause = command(None, &mut self.parties[side], Command::Deed(suspend));
                assert!(self.pause.is_some());
                self.pauses.push(time..Minute::MAX);
            }
            Step::Resume => {
                let resume = Command::Deed(Deed::Resume(remark()));
                command(self.pause, &mut self.parties[side], resume).unwrap();
                self.pauses.last_mut().unwrap().end = time;
            }
        }
        let entries = self.parties[side].entries.len() as u64;
        self.witnessed[side].push((entries, time));
    }

    /// The threads as an outsider has them, everything delivered.
    fn outside(&mut self) -> (BTreeMap<ThreadId, Request>, Vec<clock::Suspension>) {
        let [north, south] = &mut self.parties;
        for entry in south.entries.iter().skip(north.arrived.len()) {
            north.arrive(entry).unwrap();
        }
        let mut requests = north.requests.clone();
        let mut matters: Vec<_> = north.matters.values().cloned().collect();
        for (party, times) in [&north.id, &south.id].into_iter().zip(&self.witnessed) {
            let mut from = 0;
            for (to, time) in times.iter().filter(|(to, _)| *to > 0) {
                for request in requests.values_mut() {
                    request.witnessed(party, (from, *to), at(*time));
                }
                for matter in &mut matters {
                    matter.witnessed(party, (from, *to), at(*time));
                }
                from = *to;
            }
        }
        for (known, thread) in self.known.iter().zip(&self.threads) {
            if let Some((mirrored, thread)) = known.mirrored.zip(*thread) {
                let request = requests.get_mut(&thread).unwrap();
                let asker = request.asker.clone();
                let upto = request.asked[0].index + 1;
                request.mirrored(&asker, (0, upto), at(mirrored));
            }
        }
        let pauses = clock::pauses(&matters, false, None);
        (requests, pauses)
    }
}

/// The walk: a minute of the limit goes where nothing stands still and, of working time, people work.
struct Walk<'a> {
    place: Option<&'a Place>,
    zone: TimeZone,
    pauses: &'a [Range<Minute>],
}

impl Walk<'_> {
    fn works(&self, minute: Minute) -> bool {
        let Some(place) = self.place else { return true };
        let wall = self.zone.to_offset(at(minute)).to_datetime(at(minute));
        let of_day = i64::from(wall.hour()) * 60 + i64::from(wall.minute());
        place.hours.contains(&of_day) && place.calendar.works(wall.date())
    }

    fn paused(&self, minute: Minute) -> bool {
        self.pauses.iter().any(|pause| pause.contains(&minute))
    }

    /// When so many minutes of the limit have passed since `start`; nothing stands still after `done`. `None` where
    /// it would still be running at the end.
    fn due(
        &self,
        start: Minute,
        limit: Minute,
        question: Option<(Minute, Option<Minute>)>,
        done: Option<Minute>,
    ) -> Option<Minute> {
        let (mut now, mut left) = (start, limit);
        while left > 0 {
            if now > 2 * YEARS {
                return None;
            }
            let asked =
                question.is_some_and(|(from, to)| now >= from && to.is_none_or(|to| now < to));
            let still = (asked || self.paused(now)) && done.is_none_or(|done| now < done);
            if !still && self.works(now) {
                left -= 1;
            }
            now += 1;
        }
        Some(now)
    }

    /// By how much something is late, what is paused taken off.
    fn late(&self, due: Minute, until: Minute) -> Minute {
        let paused = |pause: &Range<Minute>| (pause.end.min(until) - pause.start.max(due)).max(0);
        (until - due).max(0) - self.pauses.iter().map(paused).sum::<Minute>()
    }
}

#[test]
fn ten_years_of_an_agreement_are_right_to_the_minute() {
    let places = [
        place(
            "north",
            "America/New_York",
            510..1005,
            [&["2016-02-29", "2016-11-24", "2020-12-25", "2024-07-04", "2025-01-01"], &[]],
        ),
        // Whose law moved it an hour ahead in 2018, and back in 2020.
        place(
            "south",
            "Europe/Volgograd",
            540..1080,
            [
                &["2016-05-02", "2018-10-29", "2020-12-28", "2021-01-01", "2024-02-29"],
                &["2016-02-20", "2018-04-28", "2020-02-29", "2024-04-27"],
            ],
        ),
    ];
    let mut decade = Decade::play(2015);
    let (requests, pauses) = decade.outside();
    assert_eq!(pauses.len(), 10);
    let mut terms = Agreement::clone(&decade.parties[0].terms);
    for class in &mut terms.classes {
        let limits = match class.id.as_str() {
            "U1-urgent" => ["PT4H", "P3D"],
            _ => ["P2D", "P30D"],
        };
        let [acknowledge, answer] = limits.map(|text| text.to_owned().try_into().unwrap());
        (class.acknowledge, class.decide, class.answer) = (Some(acknowledge), None, Some(answer));
        class.counts = if class.id == "U1-urgent" { Counts::Working } else { Counts::Elapsed };
    }
    terms.calendars = places.iter().map(|place| place.calendar.clone()).collect();
    for (party, place) in terms.between.as_mut().unwrap().parties.iter_mut().zip(&places) {
        party.calendar = Some(place.calendar.id.clone());
    }
    let now = YEARS + 60 * 24 * 60;
    let (mut held, mut late, mut suspended, mut mirrored) = (0, 0, 0, 0);
    for (known, thread) in decade.known.iter().zip(&decade.threads) {
        let clocks = Clocks::of(&requests[&thread.unwrap()], Some(&terms), &pauses, at(now));
        let sent = known.sent.unwrap();
        let mirror = known.mirrored.map(|mirror| mirror.max(sent));
        let start = [known.received, mirror].into_iter().flatten().min();
        assert_eq!(clocks.start.instant().map(minute), start, "{known:?}");
        let Some(start) = start else { continue };
        mirrored += usize::from(mirror.is_some_and(|mirror| Some(mirror) == Some(start)));
        let urgent = known.class == "U1-urgent";
        let place = urgent.then(|| &places[1 - known.side]);
        let zone = place.map_or(TimeZone::UTC, |p| TimeZone::get(&p.calendar.zone).unwrap());
        let walk = Walk { place, zone, pauses: &decade.pauses };
        let day = place.map_or(24 * 60, |place| place.hours.end - place.hours.start);
        let limits = if urgent { [4 * 60, 3 * day] } else { [2 * day, 30 * day] };
        let question = known.asked_back.map(|from| (from, known.replied.filter(|to| *to >= 0)));
        let mut check = |what: &str, deadline: &Deadline, limit, question, done: Option<Minute>| {
            // An answer acknowledges nothing, and what is answered was acknowledged.
            let due = walk.due(start, limit, question, done);
            assert_eq!(deadline.due.map(minute), due, "{what}: {known:?}");
            assert_eq!(deadline.done.map(minute), done, "{what}: {known:?}");
            let Some(due) = due else { return };
            let wanted = walk.late(due, done.unwrap_or(now));
            let found = deadline.late.map_or(0, |late| late.as_mins());
            assert_eq!(found, wanted, "{what} late: {known:?}");
            held += 1;
            late += usize::from(wanted > 0);
        };
        check("acknowledge", &clocks.acknowledge, limits[0], None, known.acknowledged);
        check("answer", &clocks.answer, limits[1], question, known.answered);
        suspended += usize::from(!clocks.suspended.is_empty());
        let soon = walk.due(start, limits[0] - limits[0] / 4, None, known.acknowledged);
        assert_eq!(clocks.acknowledge.soon.map(minute), soon, "{known:?}");
    }
    assert!(
        held > 500 && late > 100 && suspended > 80 && mirrored > 20,
        "{held} {late} {suspended} {mirrored}"
    );
}

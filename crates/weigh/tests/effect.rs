//! The methods on data whose answers are published.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use comity_weigh::effect::chance::Chance;
use comity_weigh::effect::changepoint::{ChangePoint, Prior};
use comity_weigh::effect::input::{Period, Read, Reading};
use comity_weigh::effect::lag::Ladder;
use comity_weigh::effect::{Change, Design, Series, Study, Unfit};

/// British coal-mining disasters by year, 1851 to 1961 (Jarrett 1979): facts, widely reprinted.
const COAL: [u32; 111] = [
    4, 5, 4, 0, 1, 4, 3, 4, 0, 6, 3, 3, 4, 0, 2, 6, 3, 3, 5, 4, 5, 3, 1, 4, 4, 1, 5, 5, 3, 4, 2, 5,
    2, 2, 3, 4, 2, 1, 3, 2, 2, 1, 1, 1, 1, 3, 0, 0, 1, 0, 1, 1, 0, 0, 3, 1, 0, 3, 2, 2, 0, 1, 1, 1,
    0, 1, 0, 1, 0, 0, 0, 2, 1, 0, 0, 0, 1, 1, 0, 2, 3, 3, 1, 1, 2, 1, 1, 1, 1, 2, 4, 2, 0, 0, 1, 4,
    0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1,
];

fn near(found: f64, wanted: f64, places: i32) {
    let unit = 10_f64.powi(-places);
    assert!((found - wanted).abs() <= 0.5 * unit + 1e-12, "{found} is not {wanted}");
}

#[test]
fn the_coal_mines_changed_after_the_forty_first_year() {
    let counts = COAL.map(f64::from);
    let prior = Prior { shape: 1.0, rate: 1.0 };
    let found = ChangePoint::of(&counts, &[1.0; 111], prior).unwrap();
    assert_eq!(found.mode(), 41);
    near(found.probabilities[40], 0.24015, 5);
    near(found.rates[0], 3.0662, 4);
    near(found.rates[1], 0.9361, 4);
    near(found.log_bayes_factor, 28.1738, 4);
    assert!(found.set_95().contains(&41) && found.set_95().len() < 20);
    near(found.probabilities.iter().sum(), 1.0, 9);
}

/// The triangle of Taylor and Ashe, as Mack (1993) uses it: claims by year of accident, and by year in
/// which they became known.
#[test]
fn the_chain_ladder_finds_what_mack_found() {
    let yearly: [&[f64]; 10] = [
        &[357848., 766940., 610542., 482940., 527326., 574398., 146342., 139950., 227229., 67948.],
        &[352118., 884021., 933894., 1183289., 445745., 320996., 527804., 266172., 425046.],
        &[290507., 1001799., 926219., 1016654., 750816., 146923., 495992., 280405.],
        &[310608., 1108250., 776189., 1562400., 272482., 352053., 206286.],
        &[443160., 693190., 991983., 769488., 504851., 470639.],
        &[396132., 937085., 847498., 805037., 705960.],
        &[440832., 847631., 1131398., 1063269.],
        &[359480., 1061648., 1443370.],
        &[376686., 986608.],
        &[344014.],
    ];
    let known = |row: &&[f64]| {
        let mut sum = 0.0;
        row.iter()
            .map(|year| {
                sum += year;
                sum
            })
            .collect::<Vec<f64>>()
    };
    let triangle: Vec<_> = yearly.iter().map(known).collect();
    let ladder = Ladder::of(&triangle).unwrap();
    near(ladder.factors[0], 3.4906, 4);
    near(ladder.missing.0, 18_680_856.0, 0);
    near(ladder.missing.1, 2_447_095.0, 0);
    assert_eq!(Ladder::of(&triangle[..9]), None, "not a triangle");
}

/// However large the counts: with a prior for small ones the change would be found at an end.
#[test]
fn a_change_is_found_where_it_is_whatever_the_size_of_the_counts() {
    for scale in [1.0, 100.0, 10_000.0] {
        let mut chance = Chance::new(11);
        let level = |month: usize| if month < 24 { 8.0 * scale } else { 4.0 * scale };
        let counts: Vec<f64> = (0..60).map(|month| chance.poisson(level(month))).collect();
        let free = ChangePoint::of(&counts, &[1.0; 60], Prior::scaled(&counts)).unwrap();
        assert!(free.set_95().contains(&24), "{scale}: {:?}", free.set_95());
        // What is counted per a million is the same as what is counted per one.
        let other = ChangePoint::of(&counts, &[1e6; 60], Prior::scaled(&counts)).unwrap();
        assert_eq!(other.mode(), free.mode());
    }
}

fn drawn(level: impl Fn(usize) -> f64, seed: u64) -> Series {
    let mut chance = Chance::new(seed);
    let counts: Vec<f64> = (0..60).map(|month| chance.poisson(level(month))).collect();
    Series { exposures: vec![1.0; counts.len()], counts, control: None }
}

/// How many of a thousand series, the event somewhere in the middle half, show a drop.
fn shown(level: impl Fn(usize, usize) -> f64) -> u32 {
    let one = |seed: u64| {
        let before = 15 + usize::try_from(seed % 31).unwrap();
        let series = drawn(|month| level(month, before), seed);
        let design = Design { before, harmonics: 0, period: 12.0, prior: None, seed };
        Change::of(&series.counts, &series.exposures, &design).unwrap().is_there()
    };
    u32::try_from((0..1_000).filter(|seed| one(*seed)).count()).unwrap()
}

#[test]
fn no_effect_is_seldom_shown() {
    for mean in [2.0, 10.0, 30.0] {
        let count = shown(|_, _| mean);
        assert!(count <= 50, "{mean} a month: {count} of 1,000");
    }
}

#[test]
fn a_true_drop_is_mostly_shown() {
    let halved = shown(|month, before| if month < before { 10.0 } else { 5.0 });
    assert!(halved >= 750, "10 halved: {halved} of 1,000");
    let deep = shown(|month, before| if month < before { 5.0 } else { 1.5 });
    assert!(deep >= 750, "5 to 0.3 of it: {deep} of 1,000");
}

#[test]
fn a_decline_that_began_a_year_before_is_not_the_agreements() {
    let count = shown(|month, before| if month + 12 < before { 10.0 } else { 5.0 });
    assert!(count <= 50, "{count} of 1,000");
    let series = drawn(|month| if month < 18 { 10.0 } else { 4.0 }, 7);
    let design = Design { before: 30, harmonics: 0, period: 12.0, prior: None, seed: 1 };
    let study = Study::of(&series, &design).unwrap();
    assert!(!study.shown);
    assert!(study.reasons[0].contains("is not among the strongest 5 %"), "{:?}", study.reasons);
}

/// What begins gradually cannot be told from a step by so few counts in every case: of 1,000 such series
/// so many are, and not more.
#[test]
fn a_gradual_decline_from_a_year_before_is_seldom_the_agreements() {
    for (months, to, most) in [(12, 0.5, 50), (24, 0.5, 100), (18, 0.3, 110)] {
        let count = shown(|month, before| {
            let gone = f64::from(u32::try_from((month + 12).saturating_sub(before)).unwrap());
            10.0 * (1.0 - (1.0 - to) * (gone / f64::from(months)).min(1.0))
        });
        assert!(count <= most, "to {to} in {months} months: {count} of 1,000");
    }
}

#[test]
fn a_control_that_rises_takes_it_too() {
    let mut series = drawn(|month| if month < 30 { 12.0 } else { 4.0 }, 3);
    series.control = Some(drawn(|month| if month < 30 { 5.0 } else { 20.0 }, 4).counts);
    let design = Design { before: 30, harmonics: 0, period: 12.0, prior: None, seed: 1 };
    let study = Study::of(&series, &design).unwrap();
    assert!(!study.shown && study.reasons.iter().any(|r| r.contains("the control rises there")));
}

/// As many events for each that could have been one: nothing has changed.
#[test]
fn what_only_the_exposure_explains_is_no_change() {
    let exposures: Vec<f64> = (0..60).map(|month| if month < 30 { 1.0 } else { 0.4 }).collect();
    let mut chance = Chance::new(5);
    let counts = exposures.iter().map(|exposure| chance.poisson(40.0 * exposure)).collect();
    let series = Series { counts, exposures, control: None };
    let design = Design { before: 30, harmonics: 0, period: 12.0, prior: None, seed: 1 };
    let study = Study::of(&series, &design).unwrap();
    let found = study.counterfactual.as_ref().unwrap();
    let [_, low, high] = found.difference;
    assert!(!study.shown && low < 0.0 && high > 0.0, "{found:?} {:?}", study.reasons);
}

#[test]
fn a_control_that_drops_too_takes_the_credit() {
    let level = |month: usize| if month < 30 { 12.0 } else { 4.0 };
    let mut series = drawn(level, 3);
    let design = Design { before: 30, harmonics: 0, period: 12.0, prior: None, seed: 1 };
    let alone = Study::of(&series, &design).unwrap();
    assert!(alone.shown, "{:?}", alone.reasons);
    assert!(alone.series.quasi[0] < 0.6 && alone.series.quasi[2] < 1.0);
    let counterfactual = alone.counterfactual.as_ref().unwrap();
    assert!(counterfactual.difference[2] < 0.0, "{counterfactual:?}");
    assert!(alone.smallest_drop().is_some_and(|drop| drop <= 0.6), "{:?}", alone.power);
    assert_eq!(alone, Study::of(&series, &design).unwrap(), "the same bits again");
    series.control = Some(drawn(level, 4).counts);
    let both = Study::of(&series, &design).unwrap();
    assert!(!both.shown && both.difference.unwrap()[2] > 1.0, "{both:?}");
    series.control = Some(drawn(|_| 9.0, 5).counts);
    assert!(Study::of(&series, &design).unwrap().shown);
}

#[test]
fn too_short_a_series_is_refused() {
    let series = drawn(|_| 5.0, 1);
    let design = |before| Design { before, harmonics: 0, period: 12.0, prior: None, seed: 1 };
    assert_eq!(Study::of(&series, &design(3)), Err(Unfit::Short(60, 3)));
    assert_eq!(Study::of(&series, &design(58)), Err(Unfit::Short(60, 58)));
    let empty = Series { counts: vec![0.0; 60], ..series };
    assert!(Study::of(&empty, &design(30)).is_err());
}

fn reading() -> Reading {
    Reading {
        period: Period::Month,
        stage: None,
        only: vec![],
        control: vec![],
        until: None,
        events: false,
        eurepoc: false,
    }
}

#[test]
fn events_are_counted_where_their_intervals_lie() {
    let file = "from,to,stage,who\n2015-01-03,,start,a\n2015-01,2015-01-20,start,b\n2015,,start,a\n\
                2015-03-30,2015-04-02,start,a\n2015-04-02,,start,a\n";
    let read = Read::parse(file, &reading()).unwrap();
    assert_eq!(read.series.counts, [2.0, 0.0, 0.0, 1.0]);
    assert_eq!(
        read.left_out,
        Some((5, 2)),
        "a year and a turn of the month lie in no single month"
    );
    assert_eq!(read.before("2015-02-01".parse().unwrap()), 1);
    assert_eq!(read.before("2015-02-25".parse().unwrap()), 2, "the month itself counts as before");
    let pair = |column: &str, text: &str| vec![(column.to_owned(), text.to_owned())];
    let some = Reading { only: pair("who", "a"), control: pair("who", "b"), ..reading() };
    let read = Read::parse(file, &some).unwrap();
    assert_eq!(read.series.counts, [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(read.series.control, Some(vec![1.0, 0.0, 0.0, 0.0]));
    assert_eq!(read.left_out, Some((4, 2)));
    let years = Reading { period: Period::Year, ..reading() };
    assert_eq!(Read::parse(file, &years).unwrap().series.counts, [5.0]);
    // EuRepoC writes a year that is all that is known as its first day.
    let eurepoc = "start_date,who\n2015-01-01,a\n2015-02-03,a\n,a\n";
    let read = Read::parse(eurepoc, &Reading { eurepoc: true, ..reading() }).unwrap();
    assert_eq!((read.series.counts, read.left_out), (vec![1.0], Some((3, 2))));
}

#[test]
fn what_cannot_be_counted_is_refused_with_its_line() {
    for (file, wanted) in [
        ("from,active\n2015-01,3\n", "line 1: these are stocks"),
        ("when,count\n2015-01,3\n", "line 1: want a column `from`"),
        ("from,count\n2015-01,3\n2015-03,2\n", "line 3: this period does not follow"),
        ("from,count\n2015-01,3\n2016,2\n", "line 3: this period is not as long"),
        ("from,count\n2015-01-05,3\n", "line 2: want whole months or whole years"),
        (
            "from,count\n2015-01,-3\n",
            "line 2: count: want a number from 0 up to a million millions",
        ),
        ("from,count\n2015-01,2.5\n", "line 2: count: want a whole number"),
        ("from,count\n2015-01,1e1\n", "line 2: count: want a number"),
        ("from,count,control\n2015-01,2,2.5\n", "line 2: control: want a whole number"),
        ("from,who\n2015-01,\u{1b}[31mred\n", "line 2: want cells without control characters"),
        ("from,stage\n2015-01,a\n2015-02,a\n2715-03,a\n", "line 4: the events reach from"),
        ("from,count\n2015-13,2\n", "line 2: want a date such as"),
        ("from,count,exposure\n2015-01,2,0\n", "line 2: exposure: want more than 0"),
        ("from,to\n2015-02-03,2015-01-01\n", "line 2: to lies before from"),
        (
            "from,stage\n2015-02,start\n2015-03,disclosure\n",
            "line 1: the events have several stages",
        ),
        ("from,count\n2015-01,2,3\n", "not a row of this table"),
    ] {
        let error = Read::parse(file, &reading()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    let missing = Reading { only: vec![("x".into(), "y".into())], ..reading() };
    let error = Read::parse("from\n2015\n", &missing).unwrap_err().to_string();
    assert!(error.contains("there is no column \"x\""), "{error}");
}

#[test]
fn what_became_known_late_makes_a_triangle() {
    let mut file = "from,known\n".to_owned();
    for (happened, known, count) in [
        (2010, 2010, 6),
        (2010, 2011, 3),
        (2010, 2012, 1),
        (2011, 2011, 8),
        (2011, 2012, 4),
        (2012, 2012, 5),
    ] {
        file.push_str(&format!("{happened}-05,{known}-06-01\n").repeat(count));
    }
    let read = Read::parse(&file, &reading()).unwrap();
    let (first, triangle) = read.triangle.unwrap();
    assert_eq!(
        (first, &triangle[..]),
        (2010, &[vec![6.0, 9.0, 10.0], vec![8.0, 12.0], vec![5.0]][..])
    );
    let ladder = Ladder::of(&triangle).unwrap();
    assert_eq!(ladder.factors[0], 21.0 / 14.0);
    near(ladder.ultimates[2].0, 5.0 * 1.5 * 10.0 / 9.0, 9);
    let error = Read::parse("from,known\n2012,2011\n", &reading()).unwrap_err().to_string();
    assert!(error.contains("line 2: it became known before it happened"), "{error}");
}

/// Who looked before and after, and where the methods part: both are said.
#[test]
fn what_is_behind_the_counts_and_where_methods_disagree_is_said() {
    let mut file = "from,source,effort\n".to_owned();
    for month in 0..60 {
        let (count, source) = if month < 30 { (6, "CERT") } else { (3, "press") };
        let line = format!("{}-{:02},{source},two analysts\n", 2010 + month / 12, 1 + month % 12);
        file.push_str(&line.repeat(count));
    }
    let read = Read::parse(&file, &reading()).unwrap();
    let event: jiff::civil::Date = "2012-07-01".parse().unwrap();
    let behind = read.behind(event);
    assert_eq!(behind[0].rows, [("CERT".to_owned(), [180, 0]), ("press".to_owned(), [0, 90])]);
    assert!(behind[0].chance.unwrap() < 1e-9);
    assert_eq!((behind[1].name, behind[1].chance), ("effort", None), "one value tells nothing");
    let design = Design { before: 30, harmonics: 0, period: 12.0, prior: None, seed: 1 };
    let study = Study::of(&read.series, &design).unwrap();
    let said = study.summary(&read, event);
    assert!(said.contains("the counts may follow who looks"), "{said}");
    assert!(study.to_html(&read, event).contains("What is behind the counts, by source"));
    // The control fell just as much: the others find a drop, and it does not.
    let mut series = drawn(|month| if month < 30 { 12.0 } else { 4.0 }, 3);
    series.control = Some(drawn(|month| if month < 30 { 12.0 } else { 4.0 }, 4).counts);
    let study = Study::of(&series, &design).unwrap();
    let disagree = study.reasons.iter().find(|reason| reason.contains("the methods disagree"));
    assert!(disagree.unwrap().contains("none by the control"), "{:?}", study.reasons);
    series.control = Some(vec![0.0; 60]);
    assert_eq!(Study::of(&series, &design), Err(Unfit::NoControl));
    series.control.as_mut().unwrap()[30..].fill(5.0);
    assert_eq!(Study::of(&series, &design), Err(Unfit::NoControl), "what rises from nothing");
    let staged = Reading { stage: Some("strt".into()), ..reading() };
    let error = Read::parse("from,stage\n2015,start\n", &staged).unwrap_err().to_string();
    assert!(error.contains("no event has the stage \"strt\"; there are start"), "{error}");
}

/// What is no list of events, or of another kind, is never taken for one.
#[test]
fn counts_by_another_name_and_stocks_are_no_events() {
    for (file, wanted) in [
        (
            "from,counts\n2015-01,3\n",
            "the column \"counts\" holds numbers: where each row is a period, call them `count`",
        ),
        ("from,source,cases\n2015-01,a,3\n2015-02,a,n/a\n", "the column \"cases\" holds numbers"),
        ("from,source,x\n2015-01,a,3\n2015-02,a,3\n", "the column \"x\" holds numbers"),
        ("from,who\n2015-01,a\n", "nothing says that these are events"),
        ("from,active_intrusions\n2015-01,3\n", "these are stocks"),
        ("from,Ongoing\n2015-01,3\n", "these are stocks"),
        ("from,stage\n2015-01,start\n2015-02,\n", "1 events have no stage, the others start"),
    ] {
        let error = Read::parse(file, &reading()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    // Words that are none of a stock are as they should be; and what somebody says are events are events.
    let file = "from,source,current_status\n2015-01,a,open\n";
    assert!(Read::parse(file, &reading()).is_ok(), "{file}");
    for file in [
        "from,to,attacks\n2015-01,2015-01,9871\n2015-02,2015-02,10012\n",
        "from,source,id\n2015-01,a,17\n2015-02,b,18\n",
        "from,source,active\n2015-01,a,1\n2015-02,b,0\n",
    ] {
        assert!(Read::parse(file, &reading()).is_err(), "{file}");
        let read = Read::parse(file, &Reading { events: true, ..reading() }).unwrap();
        assert_eq!(read.series.counts, [1.0, 1.0], "{file}");
    }
    let late = Reading { until: Some("2014-01-01".parse().unwrap()), ..reading() };
    let error = Read::parse("from\n2015-01\n", &late).unwrap_err().to_string();
    assert!(error.contains("--until: every event lies at 2014-01-01 or after it"), "{error}");
    let known = "from,known\n2015-01-20,2015-01-01\n";
    let error = Read::parse(known, &reading()).unwrap_err().to_string();
    assert!(error.contains("line 2: it became known before it happened"), "{error}");
    let counts = "from,count\n2015-01,3\n";
    let staged = Reading { stage: Some("start".into()), ..reading() };
    let until = Reading { until: Some("2016-01-01".parse().unwrap()), ..reading() };
    for (reading, wanted) in [(staged, "--stage: for events"), (until, "--until: for events")] {
        let error = Read::parse(counts, &reading).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    let pair = |text: &str| vec![("who".to_owned(), text.to_owned())];
    let nobody = Reading { only: pair("z"), ..reading() };
    let error = Read::parse("from,who\n2015-01,a\n2015-02,b\n", &nobody).unwrap_err().to_string();
    assert!(error.contains("--where: no event has \"z\" in who; there are a; b"), "{error}");
    // What is of both is in the series alone; the list ends where it is said to.
    let file = "from,who\n2015-01,a\n2015-02,a; b\n2015-03,b\n2015-09,a\n";
    let until = Some("2015-05-15".parse().unwrap());
    let both = Reading { only: pair("a"), control: pair("b"), until, ..reading() };
    let read = Read::parse(file, &both).unwrap();
    assert_eq!((read.series.counts, read.shared), (vec![1.0, 1.0, 0.0, 0.0], 1));
    assert_eq!(read.series.control, Some(vec![0.0, 0.0, 1.0, 0.0]));
    assert_eq!(read.left_out, Some((2, 0)), "what comes after the list's end is not in it");
}

/// Of constant counts no place is special, whatever rounding makes of their regressions; where nothing was counted
/// before, nothing could fall; and no share of nothing is printed.
#[test]
fn what_does_not_change_is_no_change() {
    let design = |before| Design { before, harmonics: 0, period: 12.0, prior: None, seed: 1 };
    let series =
        |counts: Vec<f64>| Series { exposures: vec![1.0; counts.len()], counts, control: None };
    for before in [20, 33, 40] {
        let study = Study::of(&series(vec![7.0; 60]), &design(before)).unwrap();
        assert_eq!(study.series.rank, Some(1.0), "{before}");
        assert!(!study.shown && study.reasons.iter().all(|reason| !reason.contains("disagree")));
    }
    let mut counts = vec![0.0; 30];
    counts.extend([5.0; 30]);
    assert_eq!(Study::of(&series(counts), &design(30)), Err(Unfit::NothingBefore));
    let counts = [vec![3.0; 6], vec![0.0; 30], vec![5.0; 24]].concat();
    let study = Study::of(&series(counts), &design(36)).unwrap();
    assert_eq!(study.counterfactual.unwrap().relative, None);
}

/// After a complete stop the ratio is 0, and its end the exact one: no estimate runs off without bound.
#[test]
fn a_complete_stop_has_an_interval() {
    let mut series = drawn(|month| if month < 36 { 10.0 } else { 0.0 }, 5);
    series.counts[36..].fill(0.0);
    let design = Design { before: 36, harmonics: 0, period: 12.0, prior: None, seed: 1 };
    let study = Study::of(&series, &design).unwrap();
    let rate = series.counts[..36].iter().sum::<f64>() / 36.0;
    assert!(study.shown && study.series.quasi[0] == 0.0, "{:?}", study.reasons);
    near(study.series.poisson[2], 3.688_879_454 / (rate * 24.0), 9);
    assert!(study.reasons.iter().all(|reason| !reason.contains("disagree")), "{:?}", study.reasons);
}

/// Where nothing changes, no method claims that something does; and no count is too large to be fitted.
#[test]
fn constant_and_large_counts_are_what_they_are() {
    for (level, length, harmonics) in [(13.0, 60, 0), (1.0, 72, 2), (12_345.0, 60, 0), (1e8, 60, 0)]
    {
        let design = Design { before: 36, harmonics, period: 12.0, prior: None, seed: 1 };
        let control = Some(vec![7.0; length]);
        let flat = Series { counts: vec![level; length], exposures: vec![1.0; length], control };
        let study = Study::of(&flat, &design).unwrap();
        let said = |word: &str| study.reasons.iter().any(|reason| reason.contains(word));
        assert!(
            !study.shown && !said("disagree") && !said("rise") && !said("drops"),
            "{:?}",
            study.reasons
        );
    }
    for (seed, mean) in [(1, 1e8), (2, 3e8), (3, 1e9), (4, 1e10)] {
        let mut chance = Chance::new(seed);
        let counts =
            (0..60).map(|at| chance.poisson(if at < 30 { mean } else { mean * 0.9 })).collect();
        let series = Series { counts, exposures: vec![1.0; 60], control: None };
        let design = Design { before: 30, harmonics: 0, period: 12.0, prior: None, seed };
        let study = Study::of(&series, &design).unwrap();
        assert!(study.shown && study.smallest_drop() == Some(0.1), "{mean}: {:?}", study.power);
    }
}

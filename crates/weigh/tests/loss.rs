//! What it cost: draws against closed forms, scopes apart, questions where they ought to be asked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use comity_weigh::loss::{self, Cost};

fn file(figure: &str) -> String {
    format!(
        r#"{{"figures": [{{"name": "f", "kind": "direct", "source": "a survey",
        "scope": {{"place": "world", "sector": "all", "year": 2013, "currency": "USD"}}, {figure}}}]}}"#
    )
}

fn one(figure: &str) -> Cost {
    loss::run(&file(figure), 47).unwrap().remove(0)
}

#[test]
fn a_mean_may_be_hundreds_of_times_the_median() {
    let cost = one(
        r#""frequency": {"poisson": 1}, "severity": {"lognormal": {"median": 200000, "one_in_ten_above": 20000000}}"#,
    );
    assert_eq!(cost.mean_to_median.round(), 637.0);
}

#[test]
fn what_is_drawn_fits_the_closed_forms() {
    for figure in [
        r#""frequency": {"poisson": 3}, "severity": {"lognormal": {"low": 10000, "high": 90000}}"#,
        r#""frequency": {"mixed": {"mean": 4, "variation": 0.7}}, "severity": {"pert": {"least": 10, "likely": 30, "most": 100}}"#,
        r#""frequency": {"poisson": 40}, "severity": {"pert": {"least": 0, "likely": 0, "most": 1}}"#,
    ] {
        let cost = one(figure);
        assert!((cost.drawn.0 / cost.closed.0 - 1.0).abs() < 0.02, "{figure}: {cost:?}");
        assert!((cost.drawn.1 / cost.closed.1 - 1.0).abs() < 0.05, "{figure}: {cost:?}");
        assert!(cost.quantiles.is_sorted());
        assert_eq!(cost, one(figure), "the same bits again");
    }
    // With one case in ten years nine years cost nothing.
    let rare = one(
        r#""frequency": {"poisson": 0.105360515}, "severity": {"lognormal": {"low": 1, "high": 2}}"#,
    );
    assert_eq!(rare.quantiles[3], 0.0);
    assert!(rare.quantiles[5] > 0.0);
    // Of a lognormal, ninety in a hundred lie in the interval that it was made from.
    let single =
        one(r#""frequency": {"poisson": 1}, "severity": {"lognormal": {"low": 100, "high": 400}}"#);
    assert!((single.mean_to_median - (0.5 * (4_f64.ln() / 3.289_707).powi(2)).exp()).abs() < 1e-4);
}

#[test]
fn a_figure_that_moves_tenfold_and_a_respondent_that_makes_it_are_asked_about() {
    let cost =
        one(r#""frequency": {"poisson": 1}, "severity": {"lognormal": {"low": 1, "high": 2}},
        "survey": [1, 1, 2, 16], "before": [{"year": 2009, "amount": 1e12}], "stated": 1e11"#);
    assert_eq!(cost.largest_share, Some(0.8));
    assert!(cost.questions[0].contains("10 times"), "{:?}", cost.questions);
    assert!(cost.questions[1].contains("Which is meant?"), "{:?}", cost.questions);
    assert!(cost.questions[2].contains("80 %"), "{:?}", cost.questions);
    let said = loss::summary(&[cost]);
    assert!(said.contains("its source states 100,000,000,000") && said.contains("closed form"));
    assert!(
        said.contains("assumed: 1 cases a year (Poisson); each 1 to 2 in nine of ten"),
        "{said}"
    );
    assert!(said.contains("are not added up") && said.contains("no headline"), "{said}");
}

/// A tenth is a tenfold too, however a decimal is stored; and a source's next figure stands beside its last.
#[test]
fn a_figure_is_held_against_its_sources_last_one() {
    let cost =
        one(r#""frequency": {"poisson": 1}, "severity": {"lognormal": {"low": 1, "high": 2}},
        "before": [{"year": 2009, "amount": 0.7}], "stated": 0.07"#);
    assert!(cost.questions[0].contains("10 times"), "{:?}", cost.questions);
    let unstated =
        one(r#""frequency": {"poisson": 1}, "severity": {"lognormal": {"low": 1, "high": 2}},
        "before": [{"year": 2009, "amount": 1000}]"#);
    assert!(unstated.questions[0].contains("1.000e3 for 2009"), "{:?}", unstated.questions);
    let figure = |name: &str, year: u32, stated: &str, source: &str| {
        format!(
            r#"{{"name": "{name}", "kind": "direct", "source": "{source}", "stated": {stated},
            "scope": {{"place": "world", "sector": "all", "year": {year}, "currency": "USD"}},
            "frequency": {{"poisson": 1}}, "severity": {{"pert": {{"least": 0, "likely": 0.2, "most": 1}}}}}}"#
        )
    };
    let all = [
        figure("b", 2013, "1e11", "one"),
        figure("a", 2009, "1e12", "one"),
        figure("c", 2014, "1", "another"),
    ];
    let costs = loss::run(&format!(r#"{{"figures": [{}]}}"#, all.join(",")), 1).unwrap();
    let asked: Vec<usize> = costs.iter().map(|cost| cost.questions.len()).collect();
    assert_eq!(asked, [2, 1, 0], "{costs:?}");
    let said = loss::summary(&costs);
    let half = said.lines().find(|line| line.contains("50 % of years")).unwrap();
    let amount: f64 = half.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((amount / costs[1].quantiles[2] - 1.0).abs() < 0.01, "small amounts too: {half}");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let good = r#""frequency": {"poisson": 1}, "severity": {"lognormal": {"low": 1, "high": 2}}"#;
    for (find, replace, wanted) in [
        (
            "\"poisson\": 1",
            "\"poisson\": 0",
            "figures[0].frequency.poisson: want an amount above 0",
        ),
        ("\"poisson\": 1", "\"binomial\": 1", "figures[0].frequency: want one of poisson, mixed"),
        ("\"poisson\": 1", "\"poisson\": 1e-300", "want at least one case in a million years"),
        (
            "{\"poisson\": 1}",
            "{\"mixed\": {\"mean\": 3, \"variation\": 1e-155}}",
            "figures[0].frequency.mixed.variation: want a variation from 0.000001 to 10",
        ),
        (
            "\"frequency\"",
            "\"before\": [{\"year\": 2013, \"amount\": 1}], \"frequency\"",
            "figures[0].before[0].year: want a year before 2013",
        ),
        ("\"low\": 1", "\"low\": 3", "figures[0].severity.lognormal: want low below high"),
        ("\"low\": 1", "\"low\": \"1\"", "figures[0].severity.lognormal.low: want a number"),
        ("\"direct\"", "\"total\"", "figures[0].kind: want direct, indirect or defence"),
        ("\"year\": 2013, ", "", "figures[0].scope: year is missing"),
        ("\"name\"", "\"nome\"", "figures[0].nome: not a name here"),
    ] {
        let text = file(good).replacen(find, replace, 1);
        assert_ne!(text, file(good), "{find}");
        let error = loss::run(&text, 1).unwrap_err().to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
}

/// The worked page shows what the command prints for its file, and nothing else.
#[test]
fn the_worked_page_says_what_its_file_gives() {
    let costs = loss::run(include_str!("../../../docs/what-it-cost.json"), 47).unwrap();
    let page = include_str!("../../../docs/what-it-cost.md");
    for line in loss::summary(&costs).lines() {
        assert!(page.contains(line), "not on the page: {line}");
    }
}

//! The standing review as a page's section and as a report that stands by itself: every drawing with its
//! table.

pub(crate) mod files;
pub(crate) mod kept;

use std::fmt::Write as _;
use std::path::Path;

use askama::Template;
use comity_node::Error;
use comity_rules::agreement::{Agreement, Counts};
use comity_rules::content::DIMENSIONS;
use comity_rules::quality::{Result as Became, WEIGHTS};
use comity_rules::review::{Answers, Readiness, Review, Row, Times, Took};
use comity_rules::{PartyId, Period};
use jiff::{SignedDuration, Timestamp};

use crate::language::Language;
use crate::{pdf, problem, when};

const STYLE: &str = include_str!("../static/comity.css");

/// A review for reading.
pub(crate) struct View {
    pub(crate) title: String,
    pub(crate) period: String,
    pub(crate) heads: Vec<String>,
    /// What both nodes need to make the same.
    pub(crate) at: String,
    pub(crate) apart: String,
    pub(crate) exercise: bool,
    pub(crate) sheets: Vec<Sheet>,
    pub(crate) suspended: Vec<String>,
    pub(crate) hotline: Table,
    pub(crate) commitments: Table,
    pub(crate) concerns: String,
    pub(crate) cadence: String,
    pub(crate) meetings: Table,
    /// The matters that figures beside requests stand on.
    pub(crate) matters: Table,
    pub(crate) requests: Table,
    /// That there are more than a page shows.
    pub(crate) more: Option<String>,
    /// What the terms say that words mean, or that nobody said.
    pub(crate) definitions: Vec<String>,
}

/// One party's answers.
pub(crate) struct Sheet {
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) drawing: String,
    pub(crate) shares: Table,
    pub(crate) times: Table,
    pub(crate) results: Table,
    pub(crate) refusals: Table,
    pub(crate) scores: Table,
    /// Why no time is scored, where none is.
    pub(crate) unscored: Option<String>,
}

/// A table whose cells know their column: on a narrow page each stands under its name.
pub(crate) struct Table {
    pub(crate) heads: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// A cell of it.
pub(crate) struct Cell {
    pub(crate) label: String,
    pub(crate) text: String,
    pub(crate) late: bool,
    /// Where it leads.
    pub(crate) link: Option<String>,
}

impl Table {
    pub(crate) fn of(heads: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> Self {
        let cells = |row: Vec<String>| {
            let cell = |(place, text): (usize, String)| {
                let label = heads.get(place).filter(|_| place > 0).cloned().unwrap_or_default();
                Cell { label, text, late: false, link: None }
            };
            row.into_iter().enumerate().map(cell).collect()
        };
        let rows = rows.map(cells).collect();
        Self { heads, rows }
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Report<'a> {
    t: Language,
    style: &'a str,
    view: View,
}

/// A review as one HTML file that fetches nothing, in `en` or `zh`.
#[must_use]
pub(crate) fn report(review: &Review, terms: &Agreement, language: &str) -> String {
    let t = Language::named(language);
    let view = View::of(t, review, terms, false);
    let report = Report { t, style: STYLE, view };
    report.render().unwrap_or_default()
}

/// An exercise, for its report.
pub struct Story<'s> {
    /// Its title.
    pub title: String,
    /// What its script says of it.
    pub note: String,
    /// What happened.
    pub steps: Vec<Step<'s>>,
    /// Whether everything was as it should be.
    pub good: bool,
}

/// A step of an exercise.
pub struct Step<'s> {
    /// Its number, from 1.
    pub number: usize,
    /// When it was, in the exercise's own time.
    pub at: Timestamp,
    /// Whose party.
    pub by: String,
    /// By whom.
    pub who: Option<String>,
    /// What.
    pub what: String,
    /// Whether it was as it should be.
    pub good: bool,
    /// What was said of it.
    pub said: Option<&'s Said>,
}

/// What was said of a step of an exercise.
pub enum Said {
    /// It was refused.
    Refused(Error),
    /// It should have been refused, and was not.
    NotRefused,
    /// Nobody did it in time, and the robot did.
    ByRobot(Period),
    /// What is otherwise than it should be: what, how it is, and how it should be.
    Differs(Vec<[String; 3]>),
    /// Something of the script's own.
    Other(String),
}

impl Said {
    /// In `en` or `zh`.
    #[must_use]
    pub fn in_language(&self, language: &str) -> String {
        self.text(Language::named(language))
    }

    fn text(&self, t: Language) -> String {
        match self {
            Self::Refused(error) => problem::text(t, error),
            Self::NotRefused => t.text("step-not-refused"),
            Self::ByRobot(within) => t.with("step-by-robot", [("time", within.to_string())]),
            Self::Differs(all) => {
                let each = all.iter().map(|[what, found, wanted]| {
                    let values = [("what", what), ("found", found), ("wanted", wanted)];
                    t.with("step-differs", values.map(|(key, value)| (key, value.clone())))
                });
                each.collect::<Vec<_>>().join("; ")
            }
            Self::Other(text) => text.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "exercise.html")]
struct AfterAction<'a> {
    t: Language,
    style: &'a str,
    story: &'a Story<'a>,
    steps: Table,
    view: View,
}

/// The after-action report of an exercise as one HTML file that fetches nothing, in `en` or `zh`.
#[must_use]
pub fn exercise_report(
    story: &Story<'_>,
    review: &Review,
    terms: &Agreement,
    language: &str,
) -> String {
    let t = Language::named(language);
    let view = View::of(t, review, terms, false);
    let rows = story.steps.iter().map(|step| {
        let by = match &step.who {
            Some(who) => format!("{} · {who}", step.by),
            None => step.by.clone(),
        };
        let key = if step.good { "step-good" } else { "step-wrong" };
        let came = match &step.said {
            Some(said) => format!("{}: {}", t.text(key), said.text(t)),
            None => t.text(key),
        };
        vec![step.number.to_string(), step.at.to_string(), by, step.what.clone(), came]
    });
    let heads = ["step", "column-when", "column-by", "column-what", "step-came"];
    let mut steps = Table::of(heads.map(|key| t.text(key)).into(), rows);
    for (row, step) in steps.rows.iter_mut().zip(&story.steps) {
        row[4].late = !step.good;
    }
    let report = AfterAction { t, style: STYLE, story, steps, view };
    report.render().unwrap_or_default()
}

/// A review as a tagged PDF, in `en` or `zh`; `font` in place of those that are shipped, or the system's.
///
/// # Errors
/// [`pdf::Problem`].
pub(crate) fn pdf(
    review: &Review,
    terms: &Agreement,
    language: &str,
    font: Option<&Path>,
) -> Result<Vec<u8>, pdf::Problem> {
    let t = Language::named(language);
    let view = View::of(t, review, terms, false);
    pdf::write(t, &view, &t.text("review-title"), font)
}

impl View {
    /// With links, where it is a page's.
    pub(crate) fn of(t: Language, review: &Review, terms: &Agreement, linked: bool) -> Self {
        let name = |id: &PartyId| terms.name_of(id);
        let heads = review.heads.iter().map(|head| {
            let time = head.witnessed.map_or_else(|| "–".to_owned(), |time| time.to_string());
            t.with(
                "review-head",
                [("party", name(&head.party)), ("size", head.size.to_string()), ("time", time)],
            )
        });
        let as_of = review.now.map(|now| t.with("review-as-of", [("time", now.to_string())]));
        let sheets = review.answers_of.iter().map(|(party, answers)| {
            let title = t.with("review-answers-of", [("party", name(party))]);
            Sheet::of(t, title, answers, terms)
        });
        let meetings = review.meetings.held.iter().map(|meeting| {
            let days = |days: Option<i32>| {
                days.map_or_else(|| "–".to_owned(), |days| t.with("days", [("n", i64::from(days))]))
            };
            let entries = match meeting.thread {
                None => t.text("review-in-terms"),
                Some(_) => at_entries(&meeting.entries, &name),
            };
            let (after, due) = (days(meeting.after_days), days(meeting.days_after_due));
            vec![meeting.date.to_string(), after, due, entries]
        });
        let every = review.meetings.every.as_ref().map(|every| {
            let period = Period::try_from(every.clone());
            period.map_or_else(|_| every.clone(), |period| when::period(t, &period))
        });
        let cadence = match (every, &review.meetings.first_by) {
            (Some(every), Some(first)) => {
                t.with("review-cadence-first", [("every", every), ("first", first.to_string())])
            }
            (Some(every), None) => t.with("review-cadence", [("every", every)]),
            _ => t.text("review-cadence-none"),
        };
        let next = review.meetings.next_by.map(|day| {
            let day = [("day", day.to_string())];
            match review.meetings.overdue_days {
                None => t.with("review-next-by", day),
                Some(days) => {
                    let [day] = day;
                    t.with("review-next-overdue", [day, ("days", days.to_string())])
                }
            }
        });
        let cadence = [Some(cadence), next].into_iter().flatten().collect::<Vec<_>>().join(" ");
        Self {
            title: terms.title(t.code()).to_owned(),
            period: t.with(
                "review-period",
                [("from", review.scope.from.to_string()), ("to", review.scope.to.to_string())],
            ),
            heads: as_of.into_iter().chain(heads).collect(),
            at: review.until(),
            apart: t.with(
                if review.scope.exercise { "review-apart-real" } else { "review-apart" },
                [("count", review.left_out), ("unwitnessed", review.unwitnessed)],
            ),
            exercise: review.scope.exercise,
            suspended: suspended(t, review),
            hotline: hotline(t, review, &name),
            commitments: commitments(t, review, terms, &name),
            concerns: concerns(t, review),
            sheets: sheets.collect(),
            cadence,
            meetings: Table::of(
                ["column-when", "review-after", "review-after-due", "review-entries"]
                    .map(|key| t.text(key))
                    .into(),
                meetings,
            ),
            matters: matters(t, review, linked, &name),
            requests: requests(t, review, linked, &name),
            definitions: terms
                .definitions
                .iter()
                .map(|one| {
                    let [word, state, readings] =
                        crate::pages::agreements::definition(t, terms, one);
                    let readings =
                        if readings.is_empty() { readings } else { format!(": {readings}") };
                    format!("“{word}”: {state}{readings}")
                })
                .collect(),
            more: (linked && review.requests.len() > SHOWN).then(|| {
                t.with("review-more", [("shown", SHOWN), ("count", review.requests.len())])
            }),
        }
    }
}

impl Sheet {
    fn of(t: Language, title: String, answers: &Answers, terms: &Agreement) -> Self {
        let times =
            [("review-acknowledge", &answers.acknowledge), ("review-answer", &answers.answer)];
        let classes = answers.by_class.iter().flat_map(|(class, by)| {
            let class = if class.is_empty() { t.text("class-none") } else { class.clone() };
            [("review-acknowledge", &by.acknowledge), ("review-answer", &by.answer)]
                .map(|(key, times)| times_row(t, &format!("{class} · {}", t.text(key)), times))
        });
        let mut came = times_row(t, &t.text("review-receipt"), &answers.receipt);
        // Terms have no limit for it.
        came.iter_mut().skip(TIMES.len() - 3).for_each(|cell| "–".clone_into(cell));
        let rows = times.iter().map(|(key, times)| times_row(t, &t.text(key), times));
        let rows = [came].into_iter().chain(rows);
        let shares = times.iter().map(|(key, times)| {
            let mut row = vec![t.text(key)];
            row.extend(times.by_share.iter().map(ToString::to_string));
            row
        });
        let results = Became::ALL.iter().filter_map(|result| {
            let count = answers.results.get(result.as_str())?;
            Some(vec![t.text(&format!("result-{}", result.as_str())), count.to_string()])
        });
        let closed = Some(answers.refusals_not_opened).filter(|count| *count > 0);
        let closed = closed.map(|count| vec![t.text("review-not-opened"), count.to_string()]);
        let refusals = answers.refusals.iter();
        let refusals = refusals.map(|(code, n)| vec![ground(t, terms, code), n.to_string()]);
        let named = |keys: &[&str]| -> Vec<String> { keys.iter().map(|key| t.text(key)).collect() };
        let mut share_heads = vec![t.text("column-what")];
        share_heads.extend(SHARES.map(str::to_owned));
        let mut times_heads = vec![t.text("column-what")];
        times_heads.extend(TIMES.map(|key| t.text(key)));
        Self {
            title,
            summary: t.with(
                "review-summary",
                [
                    ("requests", answers.requests),
                    ("unreceipted", answers.unreceipted),
                    ("disputed", answers.disputed),
                    ("untimed", answers.untimed),
                ],
            ),
            drawing: draw(t, &times),
            shares: Table::of(share_heads, shares),
            times: Table::of(times_heads, rows.chain(classes)),
            results: Table::of(named(&["column-outcome", "review-count"]), results),
            refusals: Table::of(named(&["review-ground", "review-count"]), refusals.chain(closed)),
            scores: scores(t, answers),
            unscored: unscored(t, answers),
        }
    }
}

fn suspended(t: Language, review: &Review) -> Vec<String> {
    let time = |time: Option<Timestamp>| time.map_or_else(String::new, |time| time.to_string());
    let each = review.mechanism.suspended.iter().map(|pause| match pause.to {
        Some(_) => t.with("review-suspended", [("from", time(pause.from)), ("to", time(pause.to))]),
        None => t.with("review-suspended-still", [("from", time(pause.from))]),
    });
    each.collect()
}

/// How each party answered on the hotline.
fn hotline(t: Language, review: &Review, name: &impl Fn(&PartyId) -> String) -> Table {
    let heads = [
        "column-what",
        "review-availability",
        "review-done",
        "review-open",
        "review-within",
        "review-late",
        "review-overdue",
        "review-median",
        "review-p90",
    ];
    let mut rows = Vec::new();
    for (party, readiness) in &review.mechanism.hotline {
        for (signal, times, unopened) in readiness.by_signal() {
            if times.done + times.open + unopened == 0 {
                continue;
            }
            let span = |seconds: Option<i64>| short(t, seconds);
            let what = t.text(&format!("signal-{}", signal.as_str()));
            let what = [("party", name(party)), ("what", what)];
            let counts = [times.done, times.open, times.within, times.late, times.overdue];
            let mut row = vec![t.with("answers-to", what), answered(times, unopened)];
            row.extend(counts.map(|count| count.to_string()));
            row.extend([span(times.median), span(times.p90)]);
            rows.push(row);
        }
        for (what, count) in apart(t, &name(party), readiness) {
            let mut row = vec![what, "–".to_owned(), "0".to_owned(), count.to_string()];
            row.resize(heads.len(), "–".to_owned());
            rows.push(row);
        }
    }
    Table::of(heads.map(|key| t.text(key)).into(), rows.into_iter())
}

/// What of the hotline a party did not receipt, and of each sort what its node could not open.
pub(crate) fn apart(t: Language, party: &str, readiness: &Readiness) -> Vec<(String, u32)> {
    let said = |key, what: String| t.with(key, [("party", party.to_owned()), ("what", what)]);
    let unopened = readiness.by_signal().map(|(signal, _, unopened)| {
        let what = t.text(&format!("signal-{}", signal.as_str()));
        (said("answers-unopened", what), unopened)
    });
    let unreceipted = (said("answers-unreceipted", String::new()), readiness.unreceipted);
    let all = [unreceipted].into_iter().chain(unopened);
    all.filter(|(_, count)| *count > 0).collect()
}

/// Seconds, in a word or two; a dash where there are none.
pub(crate) fn short(t: Language, seconds: Option<i64>) -> String {
    let span = seconds.map(SignedDuration::from_secs);
    span.map_or_else(|| "–".to_owned(), |span| when::short_span(t, span))
}

/// How many of a hundred were answered; what could not be opened was not.
pub(crate) fn answered(times: &Times, unopened: u32) -> String {
    match times.done + times.open + unopened {
        0 => "–".to_owned(),
        all => format!("{} %", u64::from(times.done) * 100 / u64::from(all)),
    }
}

/// Every commitment: since when it is fixed by what it is judged, and how.
fn commitments(
    t: Language,
    review: &Review,
    terms: &Agreement,
    name: &impl Fn(&PartyId) -> String,
) -> Table {
    let heads = ["topic-commitment", "review-fixed", "review-judged"];
    let rows = review.mechanism.commitments.iter().map(|kept| {
        let fixed = kept.fixed.map_or_else(|| t.text("review-not-fixed"), |time| time.to_string());
        let judged = kept.judged.iter().map(|one| {
            let by = name(&one.by);
            let verdicts = one.verdicts.iter().map(|(party, verdict)| {
                let party = party.parse().map_or_else(|_| party.clone(), |party| name(&party));
                let verdict = t.text(&format!("verdict-{verdict}"));
                t.with("judged", [("party", party), ("verdict", verdict)])
            });
            let verdicts = verdicts.collect::<Vec<_>>().join(", ");
            let [from, to] = [one.from, one.to].map(|day| day.to_string());
            let key = match (one.afterwards, one.beforehand) {
                (false, false) => "review-judgement-early-late",
                (false, true) => "review-judgement-early",
                (true, false) => "review-judgement-late",
                (true, true) => "review-judgement",
            };
            let said = [("by", by), ("from", from), ("to", to), ("verdicts", verdicts)];
            format!("{} ({} {})", t.with(key, said), t.text("review-entry"), one.entry)
        });
        let judged: Vec<_> = judged.collect();
        let none = judged.is_empty().then(|| t.text("review-not-judged"));
        let known = terms.commitments.iter().find(|commitment| commitment.id == kept.id);
        let says = known.map(|one| format!(": {}", one.summary.in_language(t.code())));
        let what = format!("{}{}", kept.id, says.unwrap_or_default());
        vec![what, fixed, none.unwrap_or_else(|| judged.join("; "))]
    });
    Table::of(heads.map(|key| t.text(key)).into(), rows)
}

/// A ground, by its code and in words.
fn ground(t: Language, terms: &Agreement, code: &str) -> String {
    let text = terms.ground(code).map(|ground| ground.text.in_language(t.code()).to_owned());
    match text.or_else(|| t.known(&format!("ground-{code}"))) {
        Some(text) if !code.is_empty() => format!("{code}: {text}"),
        _ => code.to_owned(),
    }
}

/// Whose entries, and which.
fn at_entries(entries: &[(PartyId, u64)], name: &impl Fn(&PartyId) -> String) -> String {
    let each = entries.iter().map(|(party, index)| format!("{}: {index}", name(party)));
    each.collect::<Vec<_>>().join("; ")
}

/// The matters of the period, on a page the latest: what the figures of the hotline, of concerns, information and
/// meetings stand on.
fn matters(
    t: Language,
    review: &Review,
    linked: bool,
    name: &impl Fn(&PartyId) -> String,
) -> Table {
    let heads = ["column-when", "column-what", "column-by", "column-status", "review-entries"];
    let shown = latest(&review.mechanism.matters, linked);
    let rows = shown.iter().map(|line| {
        let what = match line.signal {
            Some(signal) => t.text(&format!("signal-{}", signal.as_str())),
            None => t.text(&format!("topic-{}", line.topic.as_str())),
        };
        let other = review.heads.iter().map(|head| &head.party).find(|one| **one != line.opener);
        let entries = line.entries.iter().map(|index| (line.opener.clone(), *index));
        let replies = line.replies.iter().filter_map(|index| Some((other?.clone(), *index)));
        vec![
            line.opened.map_or_else(|| "–".to_owned(), |time| time.to_string()),
            what,
            name(&line.opener),
            t.text(&format!("state-{}", line.state)),
            at_entries(&entries.chain(replies).collect::<Vec<_>>(), name),
        ]
    });
    let mut table = Table::of(heads.map(|key| t.text(key)).into(), rows);
    for (cells, line) in table.rows.iter_mut().zip(shown) {
        cells[1].link = linked.then(|| format!("/matters/{}", line.thread));
    }
    table
}

fn concerns(t: Language, review: &Review) -> String {
    let mechanism = &review.mechanism;
    let open: u32 = mechanism.concerns.iter().filter(|(s, _)| *s != "done").map(|(_, n)| n).sum();
    let settled = mechanism.concerns.get("done").copied().unwrap_or(0);
    t.with(
        "review-concerns",
        [
            ("open", open),
            ("settled", settled),
            ("notices", mechanism.notices),
            ("answered", mechanism.notices_answered),
            ("actions", mechanism.actions_open),
            ("done", mechanism.actions_done),
        ],
    )
}

/// Columns of the times.
const TIMES: [&str; 9] = [
    "review-done",
    "review-open",
    "review-counted",
    "review-median",
    "review-p90",
    "review-within",
    "review-late",
    "review-overdue",
    "review-no-limit",
];

/// Of how many requests which time is not scored, and why.
fn unscored(t: Language, answers: &Answers) -> Option<String> {
    let all = answers.requests;
    let measured = answers.quality.get("measured");
    let timed = measured.is_some_and(|quality| {
        DIMENSIONS[..2].iter().any(|dimension| quality.by_dimension.contains_key(*dimension))
    });
    let of = |free: u32, whole: &str, some: &str| match free {
        0 => None,
        free if free == all => Some(t.text(whole)),
        free => Some(t.with(some, [("count", free), ("all", all)])),
    };
    let (acknowledge, answer) = (answers.acknowledge.no_limit, answers.answer.no_limit);
    let free = [
        of(answer, "review-unscored-no-limit", "review-unscored-some"),
        of(acknowledge, "review-unscored-ack-no-limit", "review-unscored-ack-some"),
    ];
    let free: Vec<_> = free.into_iter().flatten().collect();
    match (all, free.is_empty()) {
        (0, _) => None,
        (_, false) => Some(free.join(" ")),
        (_, true) => (!timed).then(|| t.text("review-unscored-yet")),
    }
}

/// Each dimension with what every scorer gave it.
fn scores(t: Language, answers: &Answers) -> Table {
    let scored = |who| Some((who, answers.quality.get(who).filter(|q| q.requests > 0)?));
    let who: Vec<_> = ["measured", "asker", "receiver"].into_iter().filter_map(scored).collect();
    let mut heads = vec![t.text("review-dimension"), t.text("review-weight")];
    heads.extend(who.iter().map(|(who, _)| t.text(&format!("scorer-{who}"))));
    if who.is_empty() {
        return Table::of(heads, std::iter::empty());
    }
    let row = |(dimension, weight): (&&str, u32)| {
        let mut row = vec![t.text(&format!("dimension-{dimension}")), weight.to_string()];
        row.extend(who.iter().map(|(_, quality)| {
            let counts = quality.by_dimension.get(*dimension).map(|counts| {
                let given = (0..).zip(counts).filter(|(_, count)| **count > 0);
                given
                    .map(|(score, count): (u8, _)| format!("{score} × {count}"))
                    .collect::<Vec<_>>()
            });
            counts.map_or_else(|| t.text("review-unscored"), |counts| counts.join(", "))
        }));
        row
    };
    let mut total = vec![t.text("review-weighed"), "100".to_owned()];
    total.extend(who.iter().map(|(_, quality)| {
        quality.median.map_or_else(String::new, |m| format!("{}.{:02}", m / 100, m % 100))
    }));
    let rows: Vec<_> = DIMENSIONS.iter().zip(WEIGHTS).map(row).chain([total]).collect();
    Table::of(heads, rows.into_iter())
}

fn times_row(t: Language, what: &str, times: &Times) -> Vec<String> {
    let span = |seconds: Option<i64>| {
        let spoken = |seconds| when::span(t, SignedDuration::from_secs(seconds));
        seconds.map_or_else(|| "–".to_owned(), spoken)
    };
    vec![
        what.to_owned(),
        times.done.to_string(),
        times.open.to_string(),
        times.open_counted.to_string(),
        span(times.median),
        span(times.p90),
        times.within.to_string(),
        times.late.to_string(),
        times.overdue.to_string(),
        times.no_limit.to_string(),
    ]
}

/// How the times lie against the limit: five bars each.
fn draw(t: Language, times: &[(&str, &Times); 2]) -> String {
    let most = times.iter().flat_map(|(_, times)| times.by_share).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let mut svg = format!(
        "<svg class=\"shares\" viewBox=\"0 0 640 150\" role=\"img\" aria-label=\"{}\">",
        t.text("review-drawing")
    );
    for (index, (key, times)) in (0_u32..).zip(times) {
        let left = 20 + index * 320;
        let _ = write!(svg, "<text class=\"what\" x=\"{left}\" y=\"16\">{}</text>", t.text(key));
        for (place, count) in (0_u32..).zip(times.by_share) {
            let height = (count * 68).div_ceil(most);
            let (x, y) = (left + place * 58, 116 - height);
            let class = if place < 2 { "kept" } else { "missed" };
            let middle = x + 22;
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"44\" height=\"{height}\"/>\
                 <text class=\"who\" x=\"{middle}\" y=\"{}\">{count}</text>\
                 <text class=\"who\" x=\"{middle}\" y=\"136\">{}</text>",
                y - 6,
                SHARES[place as usize]
            );
        }
    }
    svg + "</svg>"
}

/// The bars' names: shares of the limit.
const SHARES: [&str; 5] = ["≤ ½", "≤ 1", "≤ 1½", "≤ 3", "> 3"];

/// Requests that a page shows; a file has all.
const SHOWN: usize = 500;

/// All of them; on a page, the latest.
fn latest<T>(all: &[T], linked: bool) -> &[T] {
    let skipped = if linked { all.len().saturating_sub(SHOWN) } else { 0 };
    all.get(skipped..).unwrap_or_default()
}

/// Every request of the period; on a page, the latest.
fn requests(
    t: Language,
    review: &Review,
    linked: bool,
    name: &impl Fn(&PartyId) -> String,
) -> Table {
    const HEADS: [&str; 8] = [
        "column-request",
        "column-class",
        "column-between",
        "review-acknowledge",
        "review-answer",
        "column-outcome",
        "review-quality",
        "review-entries",
    ];
    let entries =
        |entries: &[u64]| entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let shown = latest(&review.requests, linked);
    let rows = shown.iter().map(|row| {
        let id = if linked { row.thread.short() } else { row.thread.to_string() };
        vec![
            id,
            row.class.clone().unwrap_or_else(|| t.text("class-none")),
            t.with("from-to", [("from", name(&row.asker)), ("to", name(&row.receiver))]),
            took(t, row.counts, &row.acknowledge),
            took(t, row.counts, &row.answer),
            match t.text(&format!("result-{}", row.result.as_str())) {
                result if row.grounds.is_empty() => result,
                result => format!("{result} ({})", row.grounds.join(", ")),
            },
            said(t, row),
            format!(
                "{}: {}; {}: {}",
                name(&row.asker),
                entries(&row.asked),
                name(&row.receiver),
                entries(&row.answered)
            ),
        ]
    });
    let mut table = Table::of(HEADS.map(|key| t.text(key)).into(), rows);
    for (cells, row) in table.rows.iter_mut().zip(shown) {
        cells[0].link = linked.then(|| format!("/requests/{}", row.thread));
        cells[3].late = row.acknowledge.late;
        cells[4].late = row.answer.late;
    }
    table
}

fn took(t: Language, counts: Counts, took: &Took) -> String {
    let span = |seconds: i64| when::span(t, SignedDuration::from_secs(seconds));
    let time = took.seconds.map_or_else(|| "–".to_owned(), span);
    let limit = match (took.limit.map(span), counts) {
        (None, _) => t.text("limit-none"),
        (Some(limit), Counts::Elapsed) => limit,
        (Some(limit), Counts::Working) => t.with("limit-working", [("limit", limit)]),
    };
    let key = match (took.seconds, took.done, took.late) {
        (None, false, _) => "review-not-started",
        (None, true, _) => "review-untimed",
        (_, true, _) => "review-took",
        (_, false, true) => "review-still-overdue",
        (_, false, false) => "review-so-far",
    };
    t.with(key, [("time", time), ("limit", limit)])
}

/// What the sides say of an answer.
fn said(t: Language, row: &Row) -> String {
    let scores = row.scores.iter().filter_map(|(who, scores)| {
        let weighed = comity_rules::quality::weighed(scores)?;
        let who = t.text(&format!("scorer-{who}"));
        Some(format!("{who} {}.{:02}", weighed / 100, weighed % 100))
    });
    let mut said: Vec<_> = scores.collect();
    if !row.disputed.is_empty() {
        let over = row.disputed.iter().map(|dimension| t.text(&format!("dimension-{dimension}")));
        said.push(t.with("review-disputed", [("over", over.collect::<Vec<_>>().join(", "))]));
    }
    said.join("; ")
}

//! `comity review`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use comity_node::audit;
use comity_node::control::Question;
use comity_node::network::Tcp;
use comity_node::review::{At, Until, openings, recompute};
use comity_rules::Terms;
use comity_rules::review::{Openings, Review as Reviewed, Scope, Times, VERSION};
use comity_web::ReviewForm as Form;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use super::ledger::{read_later, read_policy, read_terms};
use crate::failure::Failure;
use crate::output::{Context, hours, read, text, write};

#[derive(Subcommand)]
pub(crate) enum Review {
    /// How timely and how good the answers of both sides were: for the standing review.
    Pack {
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        /// The first day, in UTC.
        #[arg(long)]
        from: Date,
        /// The day after the last.
        #[arg(long)]
        to: Date,
        /// Up to where both ledgers are read, as PARTY:ENTRIES,PARTY:ENTRIES; without it up to what outside
        /// witnesses have covered here. Both nodes make the same bytes for the same heads as of the same time.
        #[arg(long, value_delimiter = ',', value_parser = head)]
        at: Vec<At>,
        /// As of when: what is open is so old then, such as 2026-07-01T09:00:00Z; without it, the hour that the node's
        /// clock is in. The review names it. Never before outside witnesses covered the heads.
        #[arg(long)]
        as_of: Option<Timestamp>,
        /// A file, by its ending: .json (canonical), .html, .pdf (tagged), .csv, or .proofs (every statement whose
        /// fields the review opens, for an auditor). More than once for several.
        #[arg(short, long)]
        output: Vec<PathBuf>,
        /// Of exercises, in place of what was real.
        #[arg(long)]
        exercises: bool,
        /// Language of HTML and PDF: en or zh.
        #[arg(long, default_value = "en", value_parser = ["en", "zh"])]
        language: String,
        /// The font of the PDF, a TrueType or OpenType file: for letters that the shipped one has not.
        #[arg(long)]
        font: Option<PathBuf>,
    },
    /// Recompute a review from the ledgers, trusting no node.
    Check {
        /// The review, in canonical JSON.
        review: PathBuf,
        /// Both ledgers, and copies of them: URLs or folders.
        #[arg(required = true, num_args = 2..)]
        ledgers: Vec<String>,
        /// By which checkpoints count as witnessed.
        #[arg(long)]
        policy: PathBuf,
        /// The terms.
        #[arg(long)]
        terms: PathBuf,
        /// Later terms that put an end to the agreement: nothing in a review is older than they are.
        #[arg(long)]
        closed_by: Option<PathBuf>,
        /// What the review opened; without it grounds and scores are not in what is recomputed.
        #[arg(long)]
        proofs: Option<PathBuf>,
        /// The key that reads the ledgers, where they are not everyone's.
        #[arg(long, env = "COMITY_READER_KEY", hide_env_values = true)]
        key: Option<String>,
    },
}

fn head(text: &str) -> Result<At, String> {
    let want = "want PARTY:ENTRIES, such as northland:120";
    let (party, size) = text.rsplit_once(':').ok_or(want)?;
    let party = party.parse().map_err(|error| format!("{want}: {error}"))?;
    Ok((party, size.parse().map_err(|_| want)?))
}

/// By the ending of its name.
fn form(path: &Path) -> Result<Form, Failure> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.and_then(Form::of).ok_or_else(|| {
        let all = Form::ALL.map(|form| format!(".{}", form.ending())).join(", ");
        Failure::Wrong(format!("{}: want a name that ends in one of {all}", path.display()))
    })
}

impl Review {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Pack { agreement, from, to, at, as_of, output, exercises, language, font } => {
                if to <= from {
                    return Err(Failure::Wrong("--to: want a day after --from".to_owned()));
                }
                let forms = output.iter().map(|path| form(path));
                let forms = forms.collect::<Result<Vec<_>, _>>()?;
                let scope = Scope { from, to, exercise: exercises };
                let wants = forms.contains(&Form::Proofs);
                let until = Until { at, time: as_of };
                let question = Question::Review { agreement, scope, until, proofs: wants };
                let value = context.ask(question).await?;
                let bad = |error: serde_json::Error| Failure::Wrong(error.to_string());
                let review: Reviewed =
                    serde_json::from_value(value["review"].clone()).map_err(bad)?;
                let proofs: Vec<String> =
                    serde_json::from_value(value["proofs"].clone()).map_err(bad)?;
                let terms = Terms::parse(&text(&value, "text"))
                    .map_err(|error| Failure::Wrong(error.to_string()))?;
                for (path, form) in output.iter().zip(forms) {
                    let how = (language.as_str(), font.as_deref());
                    let written = form.write(&review, &terms, &proofs, how);
                    write(path, &written.map_err(|error| Failure::Wrong(error.to_string()))?)?;
                }
                if context.json {
                    say!("{}", review.to_canonical());
                } else {
                    say!("{}", describe(&review).trim_end());
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Check { review, ledgers, policy, terms, closed_by, proofs, key } => {
                let text = read(&review)?;
                let other = serde_json::from_str::<serde_json::Value>(&text).ok();
                let other = other.and_then(|any| any["version"].as_u64());
                if let Some(other) = other.filter(|other| *other != u64::from(VERSION)) {
                    return Err(Failure::Wrong(format!(
                        "{}: a review of version {other}, and this program makes version {VERSION}: check it with the program that made it",
                        review.display()
                    )));
                }
                let given: Reviewed = serde_json::from_str(&text)
                    .map_err(|error| Failure::Wrong(format!("{}: {error}", review.display())))?;
                let terms = read_terms(&terms)?;
                let later = closed_by.as_deref().map(read_later).transpose()?;
                // That it is not before the heads, the same bytes show.
                let latest = Timestamp::now().saturating_add(1.hour()).unwrap_or(Timestamp::MAX);
                if let Some(now) = given.now.filter(|now| *now > latest) {
                    return Err(Failure::No(format!(
                        "{}: it is made as of {now}, which has not been yet",
                        review.display()
                    )));
                }
                let policy = read_policy(&policy)?;
                let opened = match &proofs {
                    Some(path) => {
                        let file = read(path)?;
                        openings(file.as_bytes(), &policy)
                            .map_err(|error| Failure::No(format!("{}: {error}", path.display())))?
                    }
                    None => Openings::new(),
                };
                let reach = audit::Reach { network: &Tcp, key: key.as_deref() };
                let report =
                    audit::run(&reach, &ledgers, &policy, Some(&terms), later.as_ref()).await?;
                let recomputed = recompute(&report, &terms, &given, &opened)?;
                let computed = recomputed.to_canonical();
                let same = computed == text.trim_end();
                // Without openings no more can be the same than stands on the ledgers alone.
                let bare = [&given, &recomputed].map(|one| one.without_openings().to_canonical());
                let times = same || proofs.is_none() && bare[0] == bare[1];
                let (made, had) = (computed.len(), text.len());
                let value =
                    json!({ "same": same, "times": times, "recomputed": made, "given": had });
                let same = same || times;
                context.print(&value, |value| {
                    if value["same"] == true {
                        "The same, byte for byte, from the ledgers and what was opened of them."
                            .to_owned()
                    } else if times {
                        "Every time and count is the same, from the ledgers alone. Grounds, scores, results, \
                         disputes and judgements stand on openings and were not checked: give --proofs."
                            .to_owned()
                    } else {
                        let [had, made] =
                            if proofs.is_some() { [text.clone(), computed] } else { bare };
                        format!("Not the same. {}", difference(&had, &made))
                    }
                });
                Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(1) })
            }
        }
    }
}

/// Where two canonical texts part.
fn difference(given: &str, computed: &str) -> String {
    let at = given.bytes().zip(computed.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let begin = at.saturating_sub(40);
        let bytes = text.as_bytes().get(begin..text.len().min(at + 40)).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    format!(
        "At byte {at} the review has\n  …{}…\nand the ledgers give\n  …{}…",
        around(given),
        around(computed)
    )
}

/// The figures for reading.
fn describe(review: &Reviewed) -> String {
    let Scope { from, to, exercise } = review.scope;
    let mark = if exercise { "EXERCISE. " } else { "" };
    let mut out = format!("{mark}{} from {from} to {to}\n", review.agreement);
    for head in &review.heads {
        let time = head.witnessed.map_or_else(|| "not yet".to_owned(), |time| time.to_string());
        out.push_str(&format!("  {}: {} entries, witnessed {time}\n", head.party, head.size));
    }
    for (party, answers) in &review.answers_of {
        out.push_str(&format!(
            "\nAnswers of {party}: {} requests, {} more of which nothing shows that they came, {} in dispute\n",
            answers.requests, answers.unreceipted, answers.disputed
        ));
        let (median, most) = (described(answers.receipt.median), described(answers.receipt.p90));
        out.push_str(&format!(
            "  came          median {median}, nine in ten {most}, whoever's delay that was; {} not yet\n",
            answers.receipt.open
        ));
        for (what, times) in [("acknowledged", &answers.acknowledge), ("answered", &answers.answer)]
        {
            out.push_str(&format!("  {what:<13} {}\n", describe_times(times)));
        }
        let results = answers.results.iter().map(|(result, count)| format!("{result} {count}"));
        let results: Vec<_> = results.collect();
        if !results.is_empty() {
            out.push_str(&format!("  results       {}\n", results.join(", ")));
        }
        for (ground, count) in &answers.refusals {
            out.push_str(&format!("  refused       {ground} {count}\n"));
        }
        for (who, quality) in &answers.quality {
            if let Some(median) = quality.median {
                out.push_str(&format!(
                    "  quality       {who}: median {}.{:02} of 4 over {} requests\n",
                    median / 100,
                    median % 100,
                    quality.requests
                ));
            }
        }
    }
    describe_mechanism(review, &mut out);
    out.push_str(&format!(
        "\nIn no figure: {} {}, and {} requests not witnessed yet.\n",
        review.left_out,
        if exercise { "real requests" } else { "exercises" },
        review.unwitnessed
    ));
    out.push_str(&format!("The same on the other node: {}\n", review.until()));
    out
}

/// The hotline, commitments, concerns, suspensions and meetings.
fn describe_mechanism(review: &Reviewed, out: &mut String) {
    let mechanism = &review.mechanism;
    for (party, readiness) in &mechanism.hotline {
        for (signal, times, unopened) in readiness.by_signal() {
            if times.done + times.open + unopened > 0 {
                let (what, done, open) = (signal.as_str(), times.done, times.open);
                let times = describe_times(times);
                out.push_str(&format!(
                    "\nHotline, {party}: {what:<10} {done} answered, {open} open, {unopened} that its node could not open; {times}"
                ));
            }
        }
        if readiness.unreceipted > 0 {
            out.push_str(&format!(
                "\nHotline, {party}: {} of which nothing shows since when it had them",
                readiness.unreceipted
            ));
        }
    }
    for pause in &mechanism.suspended {
        let time = |time: Option<Timestamp>| time.map_or_else(String::new, |t| t.to_string());
        out.push_str(&format!("\nSuspended from {} to {}", time(pause.from), time(pause.to)));
    }
    for kept in mechanism.commitments.iter().filter(|kept| kept.fixed.is_some()) {
        out.push_str(&format!("\nCommitment {}: {} judgements", kept.id, kept.judged.len()));
    }
    let held: Vec<_> = review.meetings.held.iter().map(|one| one.date.to_string()).collect();
    if !held.is_empty() {
        out.push_str(&format!("\nMeetings: {}", held.join(", ")));
    }
    if let Some(day) = review.meetings.next_by {
        out.push_str(&format!("\nNext meeting by {day}"));
        if let Some(days) = review.meetings.overdue_days {
            out.push_str(&format!(": overdue by {days} days"));
        }
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Seconds, for reading.
fn described(seconds: Option<i64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), hours)
}

fn describe_times(times: &Times) -> String {
    format!(
        "median {}, nine in ten {}; within the limit {}, late {}, overdue {}, without a limit {}, in a time that nobody knows {}",
        described(times.median),
        described(times.p90),
        times.within,
        times.late,
        times.overdue,
        times.no_limit,
        times.untimed
    )
}

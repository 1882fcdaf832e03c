//! `comity measure`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use comity_weigh::effect::changepoint::Prior;
use comity_weigh::effect::input::{Period, Read, Reading};
use comity_weigh::effect::{Design, Study};
use comity_weigh::loss;
use jiff::civil::Date;

use crate::failure::Failure;
use crate::output::{Context, read, write};

#[derive(Subcommand)]
pub(crate) enum Measure {
    /// Did counts drop when an agreement began?
    Effect {
        /// Counts or events with their intervals, in CSV.
        file: PathBuf,
        /// The day it began.
        #[arg(long)]
        event: Date,
        /// For events: into which periods they are counted; months, where it is left out.
        #[arg(long, value_enum)]
        by: Option<By>,
        /// For events that have stages: the one that is counted.
        #[arg(long)]
        stage: Option<String>,
        /// For events: only those with this text in this column (COLUMN=TEXT); more than once for
        /// several.
        #[arg(long = "where", value_parser = pair)]
        only: Vec<(String, String)>,
        /// For events: those that make the control, likewise.
        #[arg(long = "control-where", value_parser = pair)]
        control: Vec<(String, String)>,
        /// For events: the day from which on the list does not reach; what is not a whole period before it is
        /// left out.
        #[arg(long)]
        until: Option<Date>,
        /// Each row is an event of its own, whatever numbers stand in it.
        #[arg(long)]
        events: bool,
        /// The file is EuRepoC's Global Database: start dates, and 1 January for a year alone.
        #[arg(long)]
        eurepoc: bool,
        /// Waves of the year in the regression.
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=3))]
        harmonics: u32,
        /// What is believed of the free change-point's rates before the counts: a Gamma's shape and rate, such as
        /// 1,1. Without it shape 1 and the counts' own mean.
        #[arg(long, value_parser = gamma)]
        gamma: Option<Prior>,
        /// Where chance begins; the same seed gives the same bits.
        #[arg(long, default_value_t = 47)]
        seed: u64,
        /// Write a report that stands by itself, with drawings, here.
        #[arg(long)]
        html: Option<PathBuf>,
    },
    /// What did it cost? Quantiles, by kind and scope, and never one number.
    Loss {
        /// Figures with their frequency and severity, in JSON.
        file: PathBuf,
        /// Where chance begins; the same seed gives the same bits.
        #[arg(long, default_value_t = 47)]
        seed: u64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum By {
    Month,
    Year,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (column, wanted) = text.split_once('=').ok_or("want COLUMN=TEXT")?;
    Ok((column.to_owned(), wanted.to_owned()))
}

fn gamma(text: &str) -> Result<Prior, String> {
    let number = |part: &str| part.parse::<f64>().ok().filter(|n| (1e-6..=1e6).contains(n));
    let parts = text.split_once(',').and_then(|(shape, rate)| {
        Some(Prior { shape: number(shape.trim())?, rate: number(rate.trim())? })
    });
    parts.ok_or_else(|| "want SHAPE,RATE: two numbers from 0.000001 to 1000000".to_owned())
}

impl Measure {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Loss { file, seed } => {
                let costs = loss::run(&read(&file)?, seed)
                    .map_err(|error| Failure::Wrong(format!("{}: {error}", file.display())))?;
                let value = loss::to_json(&costs, seed);
                Ok(context.print(&value, |_| loss::summary(&costs)))
            }
            Self::Effect {
                file,
                event,
                by,
                stage,
                only,
                control,
                until,
                events,
                eurepoc,
                harmonics,
                gamma,
                seed,
                html,
            } => {
                let wrong =
                    |problem: String| Failure::Wrong(format!("{}: {problem}", file.display()));
                let period = match by {
                    None | Some(By::Month) => Period::Month,
                    Some(By::Year) => Period::Year,
                };
                let reading = Reading { period, stage, only, control, until, events, eurepoc };
                let found = Read::parse(&read(&file)?, &reading);
                let found = found.map_err(|error| wrong(error.to_string()))?;
                if by.is_some() && found.left_out.is_none() {
                    return Err(wrong("--by is for events; these are counts".to_owned()));
                }
                if harmonics > 0 && found.period == Period::Year {
                    return Err(Failure::Wrong(
                        "--harmonics: years have no waves of the year".to_owned(),
                    ));
                }
                let design = Design {
                    before: found.before(event),
                    harmonics,
                    period: found.period.per_year(),
                    prior: gamma,
                    seed,
                };
                let study = Study::of(&found.series, &design);
                let study = study.map_err(|error| wrong(error.to_string()))?;
                if let Some(path) = html {
                    write(&path, study.to_html(&found, event).as_bytes())?;
                }
                let value = study.to_json(&found, event, &design);
                Ok(context.print(&value, |_| study.summary(&found, event)))
            }
        }
    }
}

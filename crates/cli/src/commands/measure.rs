//! `comity measure`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use comity_weigh::effect::input::{Period, Read, Reading};
use comity_weigh::effect::{Design, Study};
use jiff::civil::Date;

use crate::failure::Failure;
use crate::output::{Context, read};

#[derive(Subcommand)]
pub(crate) enum Measure {
    /// Did counts drop when an agreement began?
    Effect {
        /// Counts or events with their intervals, in CSV.
        file: PathBuf,
        /// The day it began.
        #[arg(long)]
        event: Date,
        /// For events: into which periods they are counted.
        #[arg(long, value_enum, default_value_t = By::Month)]
        by: By,
        /// For events that have stages: the one that is counted.
        #[arg(long)]
        stage: Option<String>,
        /// Waves of the year in the regression.
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=3))]
        harmonics: u32,
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

impl Measure {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Effect { file, event, by, stage, harmonics, seed } => {
                let wrong =
                    |problem: String| Failure::Wrong(format!("{}: {problem}", file.display()));
                let period = match by {
                    By::Month => Period::Month,
                    By::Year => Period::Year,
                };
                let found = Read::parse(&read(&file)?, &Reading { period, stage });
                let found = found.map_err(|error| wrong(error.to_string()))?;
                if harmonics > 0 && found.period == Period::Year {
                    return Err(Failure::Wrong(
                        "--harmonics: years have no waves of the year".to_owned(),
                    ));
                }
                let design = Design {
                    before: found.before(event),
                    harmonics,
                    period: found.period.per_year(),
                    seed,
                };
                let study = Study::of(&found.series, &design);
                let study = study.map_err(|error| wrong(error.to_string()))?;
                let value = study.to_json(&found, event, &design);
                Ok(context.print(&value, |_| study.summary(&found, event)))
            }
        }
    }
}

//! `comity weigh`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use comity_weigh::{Input, Run};

use crate::failure::Failure;
use crate::output::{Context, read, write};

#[derive(Subcommand)]
pub(crate) enum Weigh {
    /// What every party believes, how sure, and what it rests on.
    Run {
        #[command(flatten)]
        file: Filed,
        /// Write a report that stands by itself, with drawings, here.
        #[arg(long)]
        html: Option<PathBuf>,
        /// Write a STIX 2.1 bundle here.
        #[arg(long, requires = "at")]
        stix: Option<PathBuf>,
        /// When the bundle is published, RFC 3339: the same file and time give the same bytes.
        #[arg(long, requires = "stix")]
        at: Option<jiff::Timestamp>,
    },
    /// Where the parties differ, and which ratings would bring them together.
    Compare(Filed),
    /// Every step of the arithmetic.
    Explain(Filed),
}

#[derive(Args)]
pub(crate) struct Filed {
    /// Hypotheses, sources, evidence and priors, in JSON.
    file: PathBuf,
}

impl Filed {
    fn run(&self) -> Result<(String, Run), Failure> {
        let text = read(&self.file)?;
        let input = Input::parse(&text)
            .map_err(|error| Failure::Wrong(format!("{}: {error}", self.file.display())))?;
        Ok((text, comity_weigh::run(input)))
    }
}

impl Weigh {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Run { file, html, stix, at } => {
                let (text, run) = file.run()?;
                if let Some(path) = html {
                    write(&path, run.to_html().as_bytes())?;
                }
                if let (Some(path), Some(at)) = (stix, at) {
                    let at = at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
                    write(&path, format!("{:#}\n", run.to_stix(&text, &at)).as_bytes())?;
                }
                let value = run.to_json(&text).map_err(|e| Failure::Wrong(e.to_string()))?;
                Ok(context.print(&value, |_| run.summary()))
            }
            Self::Compare(file) => {
                let (_, run) = file.run()?;
                let questions = run.questions();
                if questions.iter().all(|(_, question)| question.parties.len() < 2) {
                    let problem = "there is one party in this file; want the priors of two or more";
                    return Err(Failure::Wrong(format!("{}: {problem}", file.file.display())));
                }
                let value = run.comparison_json();
                Ok(context.print(&value, |_| run.comparison()))
            }
            Self::Explain(file) => {
                let (text, run) = file.run()?;
                let value = run.to_json(&text).map_err(|e| Failure::Wrong(e.to_string()))?;
                Ok(context.print(&value, |_| run.explanation()))
            }
        }
    }
}

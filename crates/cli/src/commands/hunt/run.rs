//! `comity hunt run`

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use comity_hunt::hunt::{Error, Hunt, Options, Position, Summary};
use comity_hunt::index::Index;
use comity_hunt::input::Source;
use serde_json::{Value, json};

use super::output::{self, Csv, Lines, Sources, Stix};
use super::resume::{Kept, Log, Reached, State};
use super::{bar, is_apart, open_all};
use crate::failure::Failure;
use crate::output::Context;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A JSON object a line.
    Ndjson,
    /// Comma-separated, with a line of names.
    Csv,
    /// A bundle of sightings, with what was observed.
    Stix,
}

/// A hunt whose results are kept.
struct Begun {
    state: State,
    what: Value,
    logs: Vec<Log>,
    kept: Reached,
}

#[derive(Args)]
pub(crate) struct Run {
    /// An index; more than one where they add to the first, in their order.
    #[arg(long = "index", required = true, value_name = "INDEX")]
    indexes: Vec<PathBuf>,
    /// Logs, plain or packed (gzip, zstd); folders with all in them; patterns such as 'logs/**/*.gz'; - for standard
    /// input.
    #[arg(required = true)]
    logs: Vec<PathBuf>,
    /// Where to write what is found, in place of standard output.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// How to write it.
    #[arg(long, value_enum, default_value = "ndjson")]
    format: Format,
    /// Only say how much was found, and where.
    #[arg(long, conflicts_with_all = ["output", "resume"])]
    summary: bool,
    /// Show what warning lists call harmless too.
    #[arg(long)]
    suppressed: bool,
    /// Go on where a hunt with the same logs, indexes and output was stopped.
    #[arg(long, requires = "output")]
    resume: bool,
    /// How many threads; none: as many as there are processors.
    #[arg(long)]
    threads: Option<std::num::NonZeroUsize>,
}

impl Run {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        if let Some(output) = &self.output {
            is_apart(output, &self.indexes, "an index that is read")?;
            is_apart(output, &self.logs, "a log that is read")?;
        }
        let indexes = open_all(&self.indexes)?;
        let Sources { logs: mut sources, unread } =
            output::sources(&self.logs, &self.indexes, self.output.as_deref())?;
        // A pipe or a terminal takes what is found and keeps nothing.
        let is_kept =
            |path: &&PathBuf| std::fs::metadata(path).map_or(true, |about| about.is_file());
        let kept = match self.output.as_ref().filter(is_kept) {
            Some(path) => Some((path.as_path(), self.begun(path, &indexes, &mut sources)?)),
            None if self.resume => {
                return Err(Failure::Wrong(
                    "--resume: the output is no file that is kept".to_owned(),
                ));
            }
            None => None,
        };
        let bar = bar(sources.iter().filter_map(Source::size).sum(), "hunting");
        let threads = self.threads.map(std::num::NonZeroUsize::get);
        let defaults = Options::default();
        let options = Options {
            threads: threads.unwrap_or(defaults.threads),
            suppressed: self.suppressed,
            times: matches!(self.format, Format::Stix),
            ..defaults
        };
        let progress = |read| bar.inc(read);
        let failed = |error: Error| Failure::Wrong(error.to_string());
        let hunt = Hunt::new(&indexes, &sources, options, &progress);
        if self.resume && hunt.is_over_lines() {
            return Err(Failure::Wrong(
                "some patterns are over several lines, and must see all of them: begin again without --resume".to_owned(),
            ));
        }
        let summary = if self.summary {
            let mut counted = output::Counted::default();
            let summary = hunt.run(&mut counted).map_err(failed)?;
            bar.finish_and_clear();
            if context.json {
                say!("{}", counted.json(&summary));
            } else {
                say!("{}", counted.text(&summary).trim_end());
            }
            return Ok(complain(unread, &summary));
        } else if let Some((path, begun)) = kept {
            self.to_file(path, hunt, &indexes, begun, failed)?
        } else {
            let out: Box<dyn std::io::Write + Send> = match &self.output {
                Some(path) => {
                    let file = std::fs::File::options().write(true).open(path);
                    Box::new(file.map_err(|error| Failure::file(path, &error))?)
                }
                None => Box::new(std::io::stdout()),
            };
            let out = std::io::BufWriter::new(out);
            let mut sink = self.sink(Box::new(out), &indexes, false);
            let run = hunt.run(sink.as_sink());
            match run {
                // Whoever reads has seen enough.
                Err(Error::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                    return Ok(ExitCode::SUCCESS);
                }
                other => {
                    let summary = other.map_err(failed)?;
                    match sink.finish() {
                        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
                        other => other.map_err(|error| failed(Error::Write(error)))?,
                    }
                    summary
                }
            }
        };
        bar.finish_and_clear();
        // What is left out is said to a script too.
        let is_told = summary.suppressed > 0 || self.output.is_some();
        if is_told || std::io::stderr().is_terminal() {
            let mut errors = std::io::stderr().lock();
            // Where nobody can read it, nothing is lost.
            let _ = writeln!(errors, "{}", told(&summary));
        }
        Ok(complain(unread, &summary))
    }

    fn sink<'i>(
        &self,
        out: Box<dyn std::io::Write + Send>,
        indexes: &'i [Index],
        goes_on: bool,
    ) -> Box<dyn output::Writer + 'i> {
        match self.format {
            Format::Ndjson => Box::new(Lines(out)),
            Format::Csv => Box::new(Csv::new(out, !goes_on)),
            Format::Stix => Box::new(Stix::new(out, indexes)),
        }
    }

    /// What was begun with this output, or is now; the logs are then those that it began with.
    fn begun(
        &self,
        path: &Path,
        indexes: &[Index],
        sources: &mut Vec<Source>,
    ) -> Result<Begun, Failure> {
        if self.resume && self.format == Format::Stix {
            return Err(Failure::Wrong(
                "a STIX bundle is one piece: only ndjson and csv can be resumed".to_owned(),
            ));
        }
        let what = json!({
            "indexes": indexes.iter().map(Index::digest).collect::<Vec<_>>(),
            "format": format!("{:?}", self.format), "suppressed": self.suppressed,
        });
        let state = State::beside(path);
        let mut kept = Reached::default();
        if !self.resume {
            // What it says of an earlier hunt is of what is overwritten now.
            state.forget();
        } else if let Some((reached, logs)) = state.read(&what, sources)? {
            kept = reached;
            *sources = logs;
        }
        let logs = sources.iter().map(Log::of).collect();
        Ok(Begun { state, what, logs, kept })
    }

    fn to_file(
        &self,
        path: &Path,
        hunt: Hunt<'_>,
        indexes: &[Index],
        Begun { state, what, logs, kept }: Begun,
        failed: impl Fn(Error) -> Failure,
    ) -> Result<Summary, Failure> {
        let file = |error: std::io::Error| Failure::file(path, &error);
        let out = Kept::open(path, kept.written).map_err(file)?;
        let sink = self.sink(Box::new(out.writer().map_err(file)?), indexes, kept.written > 0);
        let mut keeping = super::resume::Keeping {
            sink,
            out,
            state: &state,
            what,
            logs,
            before: kept.clone(),
            said: None,
        };
        let hunt =
            if kept.position == Position::default() { hunt } else { hunt.from(kept.position) };
        let summary = hunt.run(&mut keeping).map_err(&failed)?;
        let summary = kept.with(&summary);
        keeping.finish().map_err(file)?;
        state.forget();
        Ok(summary)
    }
}

/// Names what was not read; where there is any, the hunt did not reach what it should.
fn complain(unread: Vec<String>, summary: &Summary) -> ExitCode {
    let later = summary.unread.iter().map(|one| format!("{}: {}", one.file, one.problem));
    let all: Vec<String> = unread.into_iter().chain(later).collect();
    for problem in &all {
        eprintln!("comity: not read to its end: {problem}");
    }
    if summary.undecided {
        eprintln!("comity: {UNDECIDED}");
    }
    if all.is_empty() && !summary.undecided { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

/// What a hunt says of patterns about which it cannot say more.
pub(super) const UNDECIDED: &str = "of some pattern it could not be said whether it is satisfied, for too many lines may be parts of it, \
     or lines do not say when they were logged";

/// One line on what was searched and found.
pub(super) fn told(summary: &Summary) -> String {
    let Summary { files, lines, bytes, sightings, suppressed, .. } = summary;
    let kinds: Vec<String> =
        summary.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let left = if *suppressed > 0 {
        format!("; {suppressed} that warning lists call harmless were left out")
    } else {
        String::new()
    };
    format!("{sightings} sightings{kinds} in {lines} lines, {bytes} bytes, {files} files{left}")
}

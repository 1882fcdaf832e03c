//! `comity hunt`

mod answer;
mod index;
mod output;
mod resume;
mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use comity_hunt::index::{Error as IndexError, Index};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::failure::Failure;
use crate::output::Context;

#[derive(Subcommand)]
pub(crate) enum Hunt {
    /// Make an index of indicators.
    Index(index::Make),
    /// Look in logs for what an index holds, and print where it was seen.
    ///
    /// E-mail addresses are of people: search for them only where a law allows it. On a node a hunt names its legal
    /// basis; this command cannot know of one. Exit 0 whether something was seen or not, 3 where not every log could
    /// be read to its end or some pattern could not be decided.
    Run(run::Run),
    /// Search logs for what a request asks about, and answer one of its items with what was searched and found.
    ///
    /// The law that allows the search, the digests of logs and index, the days that the logs reach over and the
    /// result are signed together; "checked, nothing found" is an answer too.
    Answer(Box<answer::Answer>),
    /// Read every byte of an index, and compare it to what was written.
    Verify {
        /// The index.
        index: PathBuf,
    },
    /// Say what an index holds.
    Show {
        /// The index.
        index: PathBuf,
    },
}

impl Hunt {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Index(make) => make.run(context),
            Self::Run(run) => run.run(context),
            Self::Answer(answer) => answer.run(context).await,
            Self::Verify { index } => {
                let index = Index::open(&index).map_err(|error| match error {
                    // Some of it is checked already when it is opened.
                    IndexError::Damaged { .. } => Failure::No(error.to_string()),
                    error => Failure::Wrong(error.to_string()),
                })?;
                index.verify().map_err(|error| Failure::No(error.to_string()))?;
                let value =
                    json!({ "index": index.path(), "sha256": index.digest(), "valid": true });
                Ok(context.print(&value, |_| {
                    format!("{}: whole, sha256 {}", index.path().display(), index.digest())
                }))
            }
            Self::Show { index } => {
                let index = open(&index)?;
                let value = json!({ "index": index.path(), "sha256": index.digest(), "about": index.about() });
                Ok(context.print(&value, |_| described(&index)))
            }
        }
    }
}

fn open(path: &Path) -> Result<Index, Failure> {
    Index::open(path).map_err(|error| Failure::Wrong(error.to_string()))
}

/// Indexes that are hunted for together: what adds to another stands behind it.
fn open_all(paths: &[PathBuf]) -> Result<Vec<Index>, Failure> {
    let indexes = paths.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    for (at, index) in indexes.iter().enumerate() {
        let Some(base) = index.about().base.as_deref() else { continue };
        if indexes[..at].iter().all(|other| other.digest() != base) {
            return Err(Failure::Wrong(format!(
                "{} adds to an index that is not given before it: give the one with sha256 {base} first",
                index.path().display(),
            )));
        }
    }
    Ok(indexes)
}

/// Refuses to write over what is read.
fn is_apart(output: &Path, inputs: &[PathBuf], what: &str) -> Result<(), Failure> {
    let Ok(own) = output.canonicalize() else { return Ok(()) };
    if inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == own)) {
        let output = output.display();
        return Err(Failure::Wrong(format!("{output} is {what}: write to another file")));
    }
    Ok(())
}

/// What an index holds, for a person.
fn described(index: &Index) -> String {
    let about = index.about();
    let mut text = format!("{}\nsha256 {}\n", index.path().display(), index.digest());
    text.push_str(&format!("{} indicators", index.indicators()));
    let kinds = about.indicators.iter().map(|(kind, count)| format!("{count} {kind}"));
    let patterns = (about.patterns > 0).then(|| format!("{} pattern", about.patterns));
    let kinds: Vec<String> = kinds.chain(patterns).collect();
    if !kinds.is_empty() {
        text.push_str(&format!(": {}", kinds.join(", ")));
    }
    text.push('\n');
    if about.repeated > 0 {
        text.push_str(&format!("{} given more than once, and kept once\n", about.repeated));
    }
    if let Some(base) = &about.base {
        text.push_str(&format!("adds to {base}, and takes back {} of it\n", about.removed));
    }
    for list in &about.lists {
        text.push_str(&format!("list {} sha256 {}\n", list.name, list.sha256));
    }
    for (what, count) in &about.left_out {
        text.push_str(&format!("{count} {what} were passed over\n"));
    }
    for name in &about.warninglists {
        text.push_str(&format!("warning list {name}\n"));
    }
    text
}

/// A bar on standard error, where somebody looks at it.
fn bar(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(4));
    let style = format!(
        "{what} {{wide_bar}} {{bytes}} of {{total_bytes}}, {{bytes_per_sec}}, {{eta}} left"
    );
    if let Ok(style) = ProgressStyle::with_template(&style) {
        bar.set_style(style);
    }
    bar
}

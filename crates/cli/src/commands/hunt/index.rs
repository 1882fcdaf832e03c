//! `comity hunt index`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use comity_hunt::index::Builder;
use comity_hunt::lists::{self, Choice};
use comity_hunt::warning::Warnings;
use serde_json::json;

use super::{bar, described, is_apart, open};
use crate::failure::Failure;
use crate::output::Context;

/// Refusals that are shown.
const MOST_SHOWN: usize = 20;

#[derive(Args)]
pub(crate) struct Make {
    /// Where to write it; in a folder it is called by its digest.
    #[arg(short, long)]
    output: PathBuf,
    /// Plain lists, CSV, STIX bundles, MISP events.
    #[arg(required_unless_present = "remove")]
    lists: Vec<PathBuf>,
    /// MISP warning lists: what they call harmless is marked, and left out of a hunt unless it asks for it.
    #[arg(long = "warninglist", value_name = "FILE")]
    warninglists: Vec<PathBuf>,
    /// Make what adds to this index; give both to `hunt run`.
    #[arg(long, value_name = "INDEX")]
    base: Option<PathBuf>,
    /// Lists of what the base holds and is no longer wanted.
    #[arg(long, value_name = "LIST", requires = "base")]
    remove: Vec<PathBuf>,
    /// Take MISP attributes that are not meant for detection too.
    #[arg(long)]
    context: bool,
    /// Pass over what is no indicator.
    #[arg(long)]
    skip_bad: bool,
}

impl Make {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let inputs: Vec<PathBuf> = self
            .lists
            .iter()
            .chain(&self.remove)
            .chain(&self.warninglists)
            .chain(&self.base)
            .cloned()
            .collect();
        is_apart(&self.output, &inputs, "read for this")?;
        let mut warnings = Warnings::default();
        for path in &self.warninglists {
            let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
            let added = warnings.add(&bytes);
            let left =
                added.map_err(|error| Failure::Wrong(format!("{}: {error}", path.display())))?;
            for entry in left {
                eprintln!("{}: left out: {entry}", path.display());
            }
        }
        let mut builder = Builder::new(warnings);
        let base = self.base.as_deref().map(open).transpose()?;
        if let Some(base) = &base {
            builder = builder.on(base);
        }
        // What an index holds that adds to another stands in that.
        let whole = base.as_ref().filter(|base| base.about().base.is_none());
        let mut unknown = Vec::new();
        let sizes = self.lists.iter().chain(&self.remove).map(std::fs::metadata);
        let total = sizes.filter_map(Result::ok).map(|about| about.len()).sum();
        let bar = bar(total, "reading");
        let mut refused = Vec::new();
        let mut refusals = 0;
        let mut patterns = Vec::new();
        let mut passed_over = std::collections::BTreeMap::<String, u64>::new();
        let lists = self.lists.iter().map(|path| (path, false));
        for (path, removes) in lists.chain(self.remove.iter().map(|path| (path, true))) {
            let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
            let choice = Choice { context: self.context, revoked: removes };
            builder.list(lists::list(path, &bytes));
            let read = lists::read(&bytes, choice, &mut |one| {
                if !removes {
                    builder.add(one);
                } else if whole.is_none_or(|base| base.holds(one)) {
                    builder.remove(one);
                } else {
                    unknown.push(one.name().to_owned());
                }
            });
            let read =
                read.map_err(|error| Failure::Wrong(format!("{}: {error}", path.display())))?;
            bar.inc(bytes.len() as u64);
            let name = path.display();
            refused.extend(
                read.refused.iter().map(|one| format!("{name}: {}: {}", one.place, one.problem)),
            );
            refusals += read.refusals;
            builder.left_out(&read);
            patterns.extend(read.patterns);
            for (what, count) in read.passed_over {
                *passed_over.entry(what).or_default() += count;
            }
        }
        bar.finish_and_clear();
        for line in refused.iter().take(MOST_SHOWN) {
            eprintln!("comity: {line}");
        }
        for name in unknown.iter().take(MOST_SHOWN) {
            eprintln!("comity: the base does not hold {name}: there is nothing to take back");
        }
        if refusals > 0 && !self.skip_bad {
            return Err(Failure::Wrong(format!(
                "{refusals} of the entries are no indicators, and nothing was written: mend them, or pass over them with --skip-bad"
            )));
        }
        let wrong = |error: comity_hunt::index::Error| Failure::Wrong(error.to_string());
        let index = if self.output.is_dir() {
            let temporary = self.output.join(format!(".index.{}", std::process::id()));
            let index = builder.write(&temporary).map_err(wrong)?;
            let path = self.output.join(format!("{}.hunt", index.digest()));
            std::fs::rename(&temporary, &path).map_err(|error| Failure::file(&path, &error))?;
            open(&path)?
        } else {
            builder.write(&self.output).map_err(wrong)?
        };
        let value = json!({
            "index": index.path(), "sha256": index.digest(), "about": index.about(),
            "refused": refusals, "passed_over": passed_over, "patterns_passed_over": patterns,
            "not_in_base": unknown.len(),
        });
        Ok(context.print(&value, |_| {
            let mut text = described(&index);
            for (what, count) in &passed_over {
                text.push_str(&format!("{count} {what} were passed over\n"));
            }
            if !patterns.is_empty() {
                let first =
                    patterns.iter().take(MOST_SHOWN).cloned().collect::<Vec<_>>().join(", ");
                let more = if patterns.len() > MOST_SHOWN { ", and others" } else { "" };
                text.push_str(&format!("the patterns are {first}{more}\n"));
            }
            text
        }))
    }
}

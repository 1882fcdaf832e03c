//! `comity hunt answer`: a hunt on a node, for a request, under a law, with its result signed.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use comity_hunt::hunt::{Hunt, Options, Sighting, Summary};
use comity_hunt::index::Index;
use comity_hunt::input::Source;
use comity_ledger::Hash;
use comity_node::control::Question;
use comity_rules::command::Command;
use comity_rules::content::{Answer as Content, Attachment, ItemAnswer};
use comity_rules::request::Outcome;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::output::Sources;
use super::run::UNDECIDED;
use super::{bar, open_all, output};
use crate::commands::request::{Who, state};
use crate::failure::Failure;
use crate::output::Context;

/// Bytes of sightings that go with an answer; a statement holds a mebibyte, with all else in it.
const MOST_ATTACHED: usize = 512 * 1024;

#[derive(Args)]
pub(crate) struct Answer {
    /// The request's id, or the first digits.
    id: String,
    /// Which of its items this answers, from 1.
    #[arg(long)]
    item: usize,
    /// The law that allows this search; it is signed with the result.
    #[arg(long)]
    legal_basis: String,
    /// The first day that the logs reach back to.
    #[arg(long)]
    from: Date,
    /// The last day that is in them.
    #[arg(long)]
    to: Date,
    /// An index; more than one where they add to the first, in their order.
    #[arg(long = "index", required = true, value_name = "INDEX")]
    indexes: Vec<PathBuf>,
    /// Logs, as for `hunt run`, but not standard input: what was searched is named by its digest.
    #[arg(required = true)]
    logs: Vec<PathBuf>,
    /// A word of yours beside what is written by itself.
    #[arg(long, default_value = "")]
    text: String,
    /// Only show what would be signed.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    who: Who,
}

impl Answer {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        if self.legal_basis.trim().is_empty() {
            return Err(Failure::Wrong(
                "--legal-basis: a search of what people did wants a law that allows it".to_owned(),
            ));
        }
        if self.to < self.from {
            return Err(Failure::Wrong("--to lies before --from".to_owned()));
        }
        // Wherever the day begins first.
        let latest = Timestamp::now() + 14.hours();
        if self.to > latest.to_zoned(TimeZone::UTC).date() {
            return Err(Failure::Wrong(format!("--to: no log reaches to {} yet", self.to)));
        }
        // Before hours of searching: is there such an item?
        let request = context.ask(Question::Request { id: self.id.clone() }).await?;
        let items = request["outcomes"].as_array().map_or(usize::MAX, Vec::len);
        if self.item == 0 || self.item > items {
            return Err(Failure::Wrong(format!("--item: the request has items 1 to {items}")));
        }
        let indexes = open_all(&self.indexes)?;
        for index in &indexes {
            // A miss by damage would be signed as "nothing found".
            index.verify().map_err(|error| Failure::No(error.to_string()))?;
        }
        let Sources { logs: sources, unread } = output::sources(&self.logs, &self.indexes, None)?;
        if let Some(problem) = unread.first() {
            return Err(Failure::Unreachable(format!("not all can be searched: {problem}")));
        }
        let began = Timestamp::now();
        let before = digests(&sources)?;
        let mut found = Found::default();
        let summary = hunt(&indexes, &sources, &mut found)?;
        if let Some(one) = summary.unread.first() {
            let (file, problem) = (&one.file, &one.problem);
            return Err(Failure::Unreachable(format!(
                "not all can be searched: {file}: {problem}"
            )));
        }
        if summary.undecided {
            return Err(Failure::No(format!(
                "{UNDECIDED}: search fewer logs at once, or without that pattern"
            )));
        }
        if digests(&sources)? != before {
            return Err(Failure::No(
                "a log changed while it was searched: search a copy that nobody writes to"
                    .to_owned(),
            ));
        }
        let searched = self.searched(&indexes, &before, &summary, &found, began);
        let left_out = indexes.iter().flat_map(|index| index.about().left_out.values()).sum();
        let answer = self.answer(&summary, &found, (left_out, &searched));
        if self.dry_run {
            return Ok(context.print(&searched, |_| {
                let text = answer.items.first().map(|item| item.text.clone());
                format!("{}\n\n{searched:#}", text.unwrap_or_default())
            }));
        }
        let command = Command::Answer(answer);
        state(context, (None, Some(self.id)), command, self.who, true).await
    }

    /// What was searched, for what, and what came of it.
    fn searched(
        &self,
        indexes: &[Index],
        logs: &[(String, u64, String)],
        summary: &Summary,
        found: &Found,
        began: Timestamp,
    ) -> Value {
        let index = |index: &Index| {
            let about = index.about();
            json!({
                "sha256": index.digest(), "indicators": about.indicators, "patterns": about.patterns, "removed": about.removed,
                "lists": about.lists, "not_looked_for": about.left_out, "warninglists": about.warninglists,
            })
        };
        let log = |(name, bytes, sha256): &(String, u64, String)| json!({ "name": name, "bytes": bytes, "sha256": sha256 });
        json!({
            "legal_basis": self.legal_basis,
            "span": { "from": self.from.to_string(), "to": self.to.to_string() },
            "began": began.to_string(), "ended": Timestamp::now().to_string(),
            "indexes": indexes.iter().map(index).collect::<Vec<_>>(),
            "logs": logs.iter().map(log).collect::<Vec<_>>(),
            "searched": { "lines": summary.lines, "bytes": summary.bytes },
            "sightings": {
                "count": summary.sightings, "by_type": summary.kinds,
                "suppressed_by_warninglists": summary.suppressed,
                "sha256": Hash(found.sum.clone().finalize().into()).to_hex(),
                "attached": found.attached.len(), "bytes": found.bytes,
            },
            "made_by": format!("comity {}", env!("CARGO_PKG_VERSION")),
        })
    }

    fn answer(
        &self,
        summary: &Summary,
        found: &Found,
        (left_out, searched): (u64, &Value),
    ) -> Content {
        let result = match summary.sightings {
            0 => "Checked, nothing found".to_owned(),
            1 => "Checked, 1 sighting".to_owned(),
            count => format!("Checked, {count} sightings"),
        };
        let mut said = format!(
            "{result}: {} lines of {} logs from {} to {}, under {}. What was searched is in search.json.",
            summary.lines, summary.files, self.from, self.to, self.legal_basis
        );
        if left_out > 0 {
            said.push_str(&format!(
                " {left_out} entries of the lists were not looked for: search.json says what they are."
            ));
        }
        if summary.suppressed > 0 {
            said.push_str(&format!(
                " {} more are known to be harmless by the warning lists that it names.",
                summary.suppressed
            ));
        }
        if (found.attached.len() as u64) < found.bytes {
            said.push_str(
                " Of the sightings the first are attached; search.json has the digest of all.",
            );
        }
        if !self.text.is_empty() {
            said = format!("{}\n\n{said}", self.text);
        }
        let file = |name: &str, media_type: &str, bytes: Vec<u8>| Attachment {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            bytes,
            claims: Vec::new(),
        };
        let mut attachments =
            vec![file("search.json", "application/json", format!("{searched:#}\n").into_bytes())];
        if !found.attached.is_empty() {
            let sightings = found.attached.clone();
            attachments.push(file("sightings.ndjson", "application/x-ndjson", sightings));
        }
        let item =
            ItemAnswer { item: self.item, outcome: Outcome::Answered, text: said, reason: None };
        Content {
            text: String::new(),
            use_limits: String::new(),
            limits: None,
            items: vec![item],
            grounds: Default::default(),
            attachments,
        }
    }
}

/// The sightings, a line each: the first of them, and of all how many bytes they are and their digest.
#[derive(Default)]
struct Found {
    attached: Vec<u8>,
    bytes: u64,
    sum: Sha256,
}

impl Found {
    fn push(&mut self, seen: &Sighting) -> io::Result<()> {
        let mut line = serde_json::to_vec(seen)?;
        line.push(b'\n');
        // Whole lines, and none after the first that has no room.
        let is_all = self.attached.len() as u64 == self.bytes;
        if is_all && self.attached.len() + line.len() <= MOST_ATTACHED {
            self.attached.extend(&line);
        }
        self.bytes += line.len() as u64;
        self.sum.update(&line);
        Ok(())
    }
}

fn hunt(indexes: &[Index], sources: &[Source], found: &mut Found) -> Result<Summary, Failure> {
    let bar = bar(sources.iter().filter_map(Source::size).sum(), "hunting");
    let progress = |read| bar.inc(read);
    let wrong = |error: comity_hunt::hunt::Error| Failure::Wrong(error.to_string());
    let hunt = Hunt::new(indexes, sources, Options::default(), &progress);
    let summary = hunt.run(&mut |seen: &Sighting| found.push(seen));
    bar.finish_and_clear();
    summary.map_err(wrong)
}

/// Name, bytes and SHA-256 of each log, as it lies there.
fn digests(sources: &[Source]) -> Result<Vec<(String, u64, String)>, Failure> {
    let digest = |source: &Source| {
        let Some(path) = source.path() else {
            return Err(Failure::Wrong(
                "standard input has no digest by which it could be named: give files".to_owned(),
            ));
        };
        let read = || -> io::Result<(u64, String)> {
            let mut file = std::fs::File::open(path)?;
            let (mut sum, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
            loop {
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                sum.update(&buffer[..read]);
                bytes += read as u64;
            }
            Ok((bytes, Hash(sum.finalize().into()).to_hex()))
        };
        let (bytes, sha256) = read().map_err(|error| Failure::file(path, &error))?;
        Ok((source.name(), bytes, sha256))
    };
    sources.iter().map(digest).collect()
}

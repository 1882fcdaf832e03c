//! `comity stix`

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use comity_stix::bundle::{self, Validated};
use comity_stix::pattern::{Matcher, Observed, Pattern, Syntax};
use comity_stix::{Finding, Level, json};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::Context;

/// Bytes of a file, or of a line of patterns, at most.
const MOST: u64 = 1 << 30;

#[derive(Subcommand)]
pub(crate) enum Stix {
    /// Validate the objects of bundles and other STIX files, one line each.
    Validate {
        /// Take what SHOULD be for what MUST be.
        #[arg(long)]
        strict: bool,
        /// Bundles, arrays, single objects; - for standard input.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Patterns: whether they are any, and what they match.
    #[command(subcommand)]
    Pattern(Patterns),
}

#[derive(Subcommand)]
pub(crate) enum Patterns {
    /// Check patterns from standard input, one a line.
    Check,
    /// Look for observed data that satisfy a pattern.
    Match {
        /// The pattern.
        #[arg(long)]
        pattern: String,
        /// A bundle with observed data, or an array of bundles; - for standard input.
        file: PathBuf,
    },
}

impl Stix {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        // A person at a terminal reads sentences; programs, whatever they pipe into, read JSON.
        let json = context.json || !std::io::stdout().is_terminal();
        match self {
            Self::Validate { strict, files } => validate(strict, &files, json),
            Self::Pattern(Patterns::Check) => check(json),
            Self::Pattern(Patterns::Match { pattern, file }) => find(&pattern, &file, json),
        }
    }
}

fn validate(strict: bool, files: &[PathBuf], json: bool) -> Result<ExitCode, Failure> {
    let mut all_valid = true;
    for path in files {
        let bytes = read(path)?;
        let objects = match bundle::validate_all(&bytes) {
            Ok(objects) => objects,
            Err(error) => {
                return Err(Failure::Wrong(format!("{}: no JSON: {error}", path.display())));
            }
        };
        for object in objects {
            let bad = |finding: &&Finding| strict || finding.level == Level::Must;
            let (errors, warnings): (Vec<_>, Vec<_>) = object.findings.iter().partition(bad);
            all_valid &= errors.is_empty();
            if json {
                let list = |findings: &[&Finding]| findings.iter().copied().map(told).collect();
                let (errors, warnings): (Value, Value) = (list(&errors), list(&warnings));
                let file = path.display().to_string();
                let Validated { index, id, kind, .. } = &object;
                let valid = errors == json!([]);
                let line = json!({
                    "file": file, "index": index, "id": id, "type": kind,
                    "valid": valid, "errors": errors, "warnings": warnings,
                });
                say!("{line}");
            } else {
                describe(path, &object, &errors, &warnings);
            }
        }
    }
    Ok(if all_valid { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn told(finding: &Finding) -> Value {
    let Finding { path, rule, section, message, .. } = finding;
    json!({ "path": path, "rule": rule, "section": section, "message": message })
}

fn describe(path: &Path, object: &Validated, errors: &[&Finding], warnings: &[&Finding]) {
    let verdict = if errors.is_empty() { "valid" } else { "not valid" };
    let named = object.id.as_deref().unwrap_or("an object without an identifier");
    say!("{}: {named}: {verdict}", path.display());
    for (word, findings) in [("error", errors), ("warning", warnings)] {
        for finding in findings {
            say!("  {word}: {finding}");
        }
    }
}

fn check(json: bool) -> Result<ExitCode, Failure> {
    let mut all_valid = true;
    let mut lines = std::io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut lines).take(MOST).read_until(b'\n', &mut line);
        if read.map_err(|error| Failure::file(Path::new("standard input"), &error))? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let pattern = text.trim_end_matches(['\n', '\r']);
        if pattern.trim().is_empty() {
            continue;
        }
        let error = Pattern::check(pattern, Syntax::V21).err().map(|error| error.to_string());
        all_valid &= error.is_none();
        if json {
            say!("{}", json!({ "pattern": pattern, "valid": error.is_none(), "error": error }));
        } else {
            say!("{}: {pattern}", error.as_deref().unwrap_or("valid"));
        }
    }
    Ok(if all_valid { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn find(pattern: &str, path: &Path, json: bool) -> Result<ExitCode, Failure> {
    let bytes = read(path)?;
    let in_file =
        |error: &dyn std::fmt::Display| Failure::Wrong(format!("{}: {error}", path.display()));
    let value = json::parse(&bytes).map_err(|error| in_file(&error))?;
    let observed = Observed::all(&value).map_err(|error| in_file(&error))?;
    let wrong = |error| Failure::Wrong(format!("--pattern: {error}"));
    // Observed data of STIX 2.0 come with patterns of STIX 2.0.
    let syntax = if observed.iter().any(|one| one.by_key) { Syntax::V20 } else { Syntax::V21 };
    let parsed = Pattern::parse(pattern, syntax).map_err(wrong)?;
    let matcher = Matcher::new(&parsed).map_err(wrong)?;
    let found = matcher.find(&observed).map_err(|error| in_file(&error))?;
    let ids: Vec<&str> =
        found.iter().flat_map(|found| &found.observed).map(|at| observed[*at].id).collect();
    if json {
        say!("{}", json!({ "matches": found.is_some(), "observed": ids }));
    } else if found.is_some() {
        say!("The pattern matches:");
        ids.iter().for_each(|id| say!("  {id}"));
    } else {
        say!("The pattern does not match: {} observed data were looked at.", observed.len());
    }
    Ok(if found.is_some() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// A file's bytes; those of standard input for `-`.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::file(path, &error);
    let mut bytes = Vec::new();
    let taken = if path == Path::new("-") {
        std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes)
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MOST + 1).read_to_end(&mut bytes)
    };
    if taken.map_err(failed)? as u64 > MOST {
        return Err(Failure::Wrong(format!("{}: larger than 1 GiB", path.display())));
    }
    // As editors of Windows write it, before what is JSON.
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let why = format!("{}: it is in UTF-16; save it as UTF-8", path.display());
        return Err(Failure::Wrong(why));
    }
    Ok(bytes)
}

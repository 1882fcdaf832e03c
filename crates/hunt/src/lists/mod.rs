//! Lists of indicators: plain, CSV, STIX bundles, MISP events.

pub(crate) mod json;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::index::{List, hex};
use crate::indicator::{Indicator, Kind, Named, Unfit};

/// What a list holds, read.
#[derive(Debug, Default)]
pub struct Read {
    /// How many indicators were given.
    pub indicators: u64,
    /// What holds no indicator, or none any more: how often each.
    pub passed_over: BTreeMap<String, u64>,
    /// What holds one that is not looked for: how often each.
    pub left_out: BTreeMap<String, u64>,
    /// The first patterns among them, by their indicators' identifiers.
    pub patterns: Vec<String>,
    /// What should have been one, and is none.
    pub refused: Vec<Refused>,
    /// How many were refused, with those that are not named.
    pub refusals: u64,
}

/// Something that should have been an indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// A line, or an object's identifier.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Refusals that are named.
const MOST_NAMED: usize = 100;

/// Why a list cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not text.
    #[error("line {0} is not in UTF-8")]
    NotText(usize),
    /// It is written in another way.
    #[error("it is {0}: make it plain text in UTF-8 first")]
    Other(&'static str),
    /// It looks like JSON, and is none.
    #[error("no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another sort.
    #[error(
        "JSON that is neither a STIX bundle nor a MISP event: want `\"type\": \"bundle\"` or `\"Event\"`"
    )]
    Foreign,
    /// A table without a column that says what is looked for.
    #[error("{0}")]
    Table(String),
}

/// What to take out of a list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice {
    /// MISP attributes that are not meant for detection, too.
    pub context: bool,
    /// What was revoked, too: for what is to be taken back.
    pub revoked: bool,
}

/// What a list is called, with its digest.
#[must_use]
pub fn list(path: &Path, bytes: &[u8]) -> List {
    let sha256 = hex(&Sha256::digest(bytes));
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    List { name, sha256 }
}

/// Gives every indicator of a list.
///
/// # Errors
/// [`Error`]. What is wrong with a single one is in [`Read::refused`].
pub fn read(bytes: &[u8], choice: Choice, give: &mut dyn FnMut(&Indicator)) -> Result<Read, Error> {
    let mut read = Read::default();
    if let Some(what) = crate::input::not_plain(bytes) {
        return Err(Error::Other(what));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let mut taker = Taker { read: &mut read, give };
    match first {
        Some(b'{') => json::read(bytes, choice, &mut taker)?,
        // A list of IPv6 addresses in brackets begins so too.
        Some(b'[') if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() => {
            json::read(bytes, choice, &mut taker)?;
        }
        _ => table::read(bytes, choice, &mut taker)?,
    }
    Ok(read)
}

struct Taker<'t> {
    read: &'t mut Read,
    give: &'t mut dyn FnMut(&Indicator),
}

impl Taker<'_> {
    fn take(&mut self, place: impl FnOnce() -> String, found: Result<Indicator, Unfit>) {
        match found {
            Ok(indicator) => {
                self.read.indicators += 1;
                (self.give)(&indicator);
            }
            Err(problem) => self.refuse(place, &problem.to_string()),
        }
    }

    fn refuse(&mut self, place: impl FnOnce() -> String, problem: &str) {
        self.read.refusals += 1;
        if self.read.refused.len() < MOST_NAMED {
            self.read.refused.push(Refused { place: place(), problem: problem.to_owned() });
        }
    }

    fn leave_out(&mut self, what: &str) {
        *self.read.left_out.entry(what.to_owned()).or_default() += 1;
    }

    fn leave_out_pattern(&mut self, what: &str, id: &str) {
        self.leave_out(what);
        if self.read.patterns.len() < MOST_NAMED {
            self.read.patterns.push(id.to_owned());
        }
    }

    fn pass_over(&mut self, what: &str) {
        *self.read.passed_over.entry(what.to_owned()).or_default() += 1;
    }
}

/// What a MISP attribute of this type holds that can be looked for.
fn misp(kind: &str, value: &str) -> Option<Vec<(Named, String)>> {
    // Its value is a name and a digest.
    let kind = if kind == "malware-sample" { "filename|md5" } else { kind };
    let parts: Vec<&str> = kind.split('|').collect();
    let values: Vec<&str> = if parts.len() > 1 { value.split('|').collect() } else { vec![value] };
    let of = |part: &str| match part {
        "ip-src" | "ip-dst" | "ip" => Some(Named::Address),
        "md5" | "sha1" | "sha256" | "sha512" => Some(Named::Digest),
        "domain" | "hostname" => Some(Named::Kind(Kind::Domain)),
        "url" | "link" => Some(Named::Kind(Kind::Url)),
        "email" | "email-src" | "email-dst" | "email-reply-to" => Some(Named::Kind(Kind::Email)),
        "filename" | "email-attachment" => Some(Named::Kind(Kind::FileName)),
        "ja3-fingerprint-md5" => Some(Named::Kind(Kind::Ja3)),
        "ja4" | "ja4-fingerprint" => Some(Named::Kind(Kind::Ja4)),
        _ => None,
    };
    let found: Vec<_> = parts
        .iter()
        .zip(values)
        .filter_map(|(part, value)| Some((of(part)?, value.to_owned())))
        .collect();
    (!found.is_empty()).then_some(found)
}

//! Lists of what is known to be harmless, in MISP's format: what they know is marked, so that a hit that is left out
//! can be explained.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use aho_corasick::AhoCorasick;
use fancy_regex::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::address;
use crate::indicator::{Indicator, KINDS, Kind};

/// Warning lists, ready to be asked.
#[derive(Debug, Default)]
pub struct Warnings {
    lists: Vec<Warning>,
}

#[derive(Debug)]
struct Warning {
    name: String,
    kinds: HashSet<Kind>,
    entries: Entries,
}

#[derive(Debug)]
enum Entries {
    /// The value itself.
    Text(HashSet<String>),
    /// A domain, with everything under it; a URL by its host.
    Host(HashSet<String>),
    /// Some part of the value.
    Part(AhoCorasick),
    /// What a regular expression finds.
    Pattern(Vec<Regex>),
    /// Networks by their length, and the addresses of each length.
    Network(HashMap<u8, HashSet<IpAddr>>),
}

#[derive(Deserialize)]
struct File {
    name: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    matching_attributes: Vec<String>,
    list: List,
}

/// As MISP reads it.
#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Values(Vec<String>),
    Named(HashMap<String, String>),
}

/// Steps that one regular expression may go back over one value.
const MAX_BACKTRACKS: usize = 10_000;

/// Bytes of one regular expression, compiled.
const MAX_PATTERN: usize = 1 << 20;

/// Why a file is no warning list that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is none.
    #[error("this is no MISP warning list, which has name, type and list: {0}")]
    Form(#[from] serde_json::Error),
    /// It matches in a way that this library does not.
    #[error(
        "the warning list '{name}' is of type '{kind}': want string, hostname, substring, regex or cidr"
    )]
    Kind {
        /// The list's name.
        name: String,
        /// Its type.
        kind: String,
    },
    /// Its entries together are longer than can be looked for.
    #[error("the entries of this warning list are too long together")]
    Long,
    /// There are more than an index can name.
    #[error("an index takes at most 255 warning lists")]
    Many,
}

impl Warnings {
    /// Adds a list; what of it is left out, and why: regular expressions that cannot be read.
    ///
    /// # Errors
    /// [`Error`].
    pub fn add(&mut self, json: &[u8]) -> Result<Vec<String>, Error> {
        let file: File = serde_json::from_slice(json)?;
        if self.lists.len() >= usize::from(u8::MAX) {
            return Err(Error::Many);
        }
        let list: Vec<String> = match file.list {
            List::Values(values) => values,
            List::Named(values) => values.into_values().collect(),
        };
        let small = || list.iter().map(|entry| entry.trim().to_lowercase());
        let mut left = Vec::new();
        let entries = match file.kind.as_str() {
            "string" | "" => Entries::Text(small().map(|entry| canonical(&entry)).collect()),
            "hostname" => Entries::Host(small().map(|entry| host_of(&entry).to_owned()).collect()),
            // Some have thousands of entries, and each is asked of millions of values.
            "substring" => {
                let parts = small().filter(|entry| !entry.is_empty());
                Entries::Part(AhoCorasick::new(parts).map_err(|_| Error::Long)?)
            }
            "regex" => {
                let mut patterns = Vec::new();
                for entry in &list {
                    match expression(entry.trim()) {
                        Ok(pattern) => patterns.push(pattern),
                        Err(problem) => left.push(format!("{entry}: {problem}")),
                    }
                }
                Entries::Pattern(patterns)
            }
            "cidr" => {
                let mut networks: HashMap<u8, HashSet<IpAddr>> = HashMap::new();
                for (address, length) in small().filter_map(|entry| network(&entry)) {
                    networks.entry(length).or_default().insert(address);
                }
                Entries::Network(networks)
            }
            other => {
                let kind = other.to_owned();
                return Err(Error::Kind { name: file.name, kind });
            }
        };
        let attributes = &file.matching_attributes;
        // Where a list names none, it is of all.
        let is_all = attributes.is_empty() || attributes.iter().any(|name| name == "ALL");
        let kinds = if is_all {
            KINDS.into_iter().collect()
        } else {
            attributes.iter().flat_map(|name| kinds(name)).collect()
        };
        self.lists.push(Warning { name: file.name, kinds, entries });
        Ok(left)
    }

    /// Their names, in the order in which they were added.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.lists.iter().map(|list| list.name.clone()).collect()
    }

    /// The names of the lists that know this.
    pub fn knowing(&self, indicator: &Indicator) -> impl Iterator<Item = &str> {
        let names = self.of(indicator).into_iter();
        names.filter_map(|number| self.lists.get(usize::from(number))).map(|list| &*list.name)
    }

    /// The numbers of the lists that know this.
    pub(crate) fn of(&self, indicator: &Indicator) -> Vec<u8> {
        let knows = |list: &Warning| list.kinds.contains(&indicator.kind) && list.knows(indicator);
        let numbered = (0_u8..).zip(&self.lists);
        numbered.filter(|(_, list)| knows(list)).map(|(number, _)| number).collect()
    }
}

impl Warning {
    fn knows(&self, indicator: &Indicator) -> bool {
        let value = indicator.value.as_str();
        match &self.entries {
            Entries::Text(texts) => texts.contains(value),
            Entries::Part(parts) => parts.is_match(value),
            // One that takes too long knows nothing: its hit is shown.
            Entries::Pattern(patterns) => {
                patterns.iter().any(|pattern| pattern.is_match(value).unwrap_or(false))
            }
            Entries::Host(hosts) => {
                let host = host_of(value);
                let above = std::iter::successors(Some(host), |host| {
                    host.split_once('.').map(|(_, above)| above)
                });
                above.into_iter().any(|host| hosts.contains(host))
            }
            Entries::Network(networks) => {
                let (address, own) = value.split_once('/').unwrap_or((value, ""));
                let Some(address) = address::ip_as_written(address) else { return false };
                let all = if address.is_ipv4() { 32 } else { 128 };
                let own = own.parse().unwrap_or(all);
                networks.iter().any(|(length, of)| {
                    *length <= own.min(all) && of.contains(&address::masked(address, *length))
                })
            }
        }
    }
}

/// A regular expression, between slashes and with PCRE's letters behind them as MISP writes it, or bare.
fn expression(entry: &str) -> Result<Regex, Box<fancy_regex::Error>> {
    let between = entry.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    let is_flags = |flags: &str| flags.bytes().all(|flag| flag.is_ascii_alphabetic());
    let (text, flags) = between.filter(|(_, flags)| is_flags(flags)).unwrap_or((entry, ""));
    // Values are compared in small letters.
    let mut builder = RegexBuilder::new(text);
    builder.case_insensitive(true).multi_line(flags.contains('m'));
    builder.backtrack_limit(MAX_BACKTRACKS).delegate_size_limit(MAX_PATTERN);
    builder.build().map_err(Box::new)
}

/// As this library writes an address.
fn canonical(entry: &str) -> String {
    Indicator::guess(entry).map_or_else(|_| entry.to_owned(), |one| one.value)
}

fn network(entry: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = entry.split_once('/').unwrap_or((entry, ""));
    let address = address::ip_as_written(address)?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let length = if length.is_empty() { all } else { length.parse().ok()? };
    (length <= all).then(|| (address::masked(address, length), length))
}

/// The host of an entry or a value: what stands before a port or a path.
fn host_of(entry: &str) -> &str {
    let entry = address::without_scheme(entry);
    entry.trim_start_matches('.').split(['/', ':']).next().unwrap_or_default()
}

/// What a MISP attribute type is here. Lists of domains say `domain` too: one that only says `domain|ip` is of neither.
fn kinds(attribute: &str) -> Vec<Kind> {
    match attribute {
        "ip-src" | "ip-dst" | "ip" => vec![Kind::Ipv4, Kind::Ipv6, Kind::Cidr],
        "domain" | "hostname" => vec![Kind::Domain],
        "url" | "uri" | "link" => vec![Kind::Url],
        "md5" => vec![Kind::Md5],
        "sha1" => vec![Kind::Sha1],
        "sha256" => vec![Kind::Sha256],
        "sha512" => vec![Kind::Sha512],
        "filename" => vec![Kind::FileName],
        "email-src" | "email-dst" | "email" | "whois-registrant-email" | "dns-soa-email" => {
            vec![Kind::Email]
        }
        _ => vec![],
    }
}

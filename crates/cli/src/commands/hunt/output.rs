//! What is found, as lines, tables, bundles and counts; and the logs that it is found in.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use comity_hunt::hunt::{Sighting, Sink, Summary};
use comity_hunt::index::Index;
use comity_hunt::indicator::{Indicator, Kind, Named, scheme_of};
use comity_hunt::input::Source;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::Failure;

/// A sink with an end.
pub(super) trait Writer: Sink {
    fn as_sink(&mut self) -> &mut dyn Sink;
    fn flush(&mut self) -> io::Result<()>;
    fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }
}

type Out = Box<dyn Write + Send>;

/// A JSON object a line.
pub(super) struct Lines(pub(super) Out);

impl Sink for Lines {
    fn sighting(&mut self, sighting: &Sighting) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, sighting)?;
        self.0.write_all(b"\n")
    }
}

impl Writer for Lines {
    fn as_sink(&mut self) -> &mut dyn Sink {
        self
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Comma-separated.
pub(super) struct Csv(csv::Writer<Out>);

impl Csv {
    pub(super) fn new(out: Out, named: bool) -> Self {
        let mut writer = csv::WriterBuilder::new().from_writer(out);
        if named {
            // It is kept in memory until it is flushed: nothing can fail yet.
            let _ = writer.write_record([
                "file",
                "line",
                "offset",
                "length",
                "type",
                "indicator",
                "value",
                "field",
                "pattern",
                "list",
                "confidence",
                "expires",
                "warnings",
            ]);
        }
        Self(writer)
    }
}

impl Sink for Csv {
    fn sighting(&mut self, one: &Sighting) -> io::Result<()> {
        let number = |value: u64| value.to_string();
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        self.0.write_record([
            one.file.clone(),
            number(one.line),
            number(one.offset),
            number(one.length),
            one.kind.to_owned(),
            one.indicator.clone(),
            one.value.clone(),
            text(&one.field),
            text(&one.pattern),
            text(&one.list),
            one.confidence.map(|sure| sure.to_string()).unwrap_or_default(),
            text(&one.expires),
            one.warnings.join("; "),
        ])?;
        Ok(())
    }
}

impl Writer for Csv {
    fn as_sink(&mut self) -> &mut dyn Sink {
        self
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// How often each indicator was seen where, for a bundle and for counts.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// By kind, identifier and value: a pattern with several values has one identifier.
    indicators: HashMap<(&'static str, String, String), Seen>,
    files: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Seen {
    count: u64,
    /// What of it was seen, as kinds and values.
    observed: BTreeSet<(&'static str, String)>,
    /// When its lines were logged, first and last.
    times: Option<(Timestamp, Timestamp)>,
    files: BTreeMap<String, u64>,
}

impl Seen {
    fn places(&self) -> String {
        let each = self.files.iter().map(|(file, count)| format!("{file}: {count}"));
        each.collect::<Vec<_>>().join("\n")
    }
}

impl Sink for Counted {
    fn sighting(&mut self, one: &Sighting) -> io::Result<()> {
        let value = one.pattern.as_ref().unwrap_or(&one.indicator);
        let key = (one.kind, one.indicator.clone(), value.clone());
        let seen = self.indicators.entry(key).or_default();
        seen.count += 1;
        if seen.observed.len() < MOST_OBSERVED {
            seen.observed.insert(observed(one, value));
        }
        if let Some(time) = one.time {
            let (first, last) = seen.times.unwrap_or((time, time));
            seen.times = Some((first.min(time), last.max(time)));
        }
        *seen.files.entry(one.file.clone()).or_default() += 1;
        *self.files.entry(one.file.clone()).or_default() += 1;
        Ok(())
    }
}

/// What of an indicator was seen: an address of a network, a name in a domain, a URL with the scheme that stands there.
fn observed(one: &Sighting, value: &str) -> (&'static str, String) {
    let (kind, value) = match &one.part {
        Some((kind, value)) => (*kind, value.as_str()),
        None => (one.kind, value),
    };
    let read = |named| Indicator::new(named, &one.value).ok().map(|what| what.value);
    let seen = match kind {
        "cidr" => read(Named::Address),
        "domain" => read(Named::Kind(Kind::Domain)),
        "url" => {
            let scheme = scheme_of(&one.value);
            Some(format!("{}://{value}", scheme.as_deref().unwrap_or("http")))
        }
        _ => None,
    };
    (kind, seen.unwrap_or_else(|| value.to_owned()))
}

/// Values of one indicator that a bundle has.
const MOST_OBSERVED: usize = 100;

/// Indicators that a summary names.
const MOST_NAMED: usize = 20;

/// Columns of a name in a table.
const WIDEST: usize = 100;

/// Columns of the longest bar.
const BAR: u64 = 30;

impl Counted {
    fn most_seen(&self) -> Vec<(&(&'static str, String, String), &Seen)> {
        let mut all: Vec<_> = self.indicators.iter().collect();
        all.sort_by(|a, b| b.1.count.cmp(&a.1.count).then(a.0.cmp(b.0)));
        all
    }

    pub(super) fn json(&self, summary: &Summary) -> Value {
        let all = self.most_seen();
        let indicators = all.iter().map(|((kind, name, value), seen)| {
            json!({ "type": kind, "indicator": name, "value": value, "count": seen.count, "files": seen.files })
        });
        json!({ "summary": summary, "files": self.files, "indicators": indicators.collect::<Vec<_>>() })
    }

    pub(super) fn text(&self, summary: &Summary) -> String {
        let mut text = format!("{}\n", super::run::told(summary));
        let mut table = |title: &str, rows: Vec<(String, u64)>| {
            if rows.is_empty() {
                return;
            }
            text.push_str(&format!("\n{title}\n"));
            let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(1);
            let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
            // A pattern may be long, and no width is wider.
            let width = width.min(WIDEST);
            for (name, count) in rows {
                let bar = "█".repeat(usize::try_from((count * BAR).div_ceil(most)).unwrap_or(0));
                text.push_str(&format!("  {name:width$} {count:>9} {bar}\n"));
            }
        };
        let kinds = summary.kinds.iter().map(|(kind, count)| ((*kind).to_owned(), *count));
        table("by type", kinds.collect());
        table("by file", self.files.iter().map(|(file, count)| (file.clone(), *count)).collect());
        let all = self.most_seen();
        let named = all
            .iter()
            .take(MOST_NAMED)
            .map(|((kind, _, value), seen)| (format!("{kind} {value}"), seen.count));
        table("most often", named.collect());
        if all.len() > MOST_NAMED {
            text.push_str(&format!("  and {} more\n", all.len() - MOST_NAMED));
        }
        text
    }
}

/// A bundle of sightings.
pub(super) struct Stix<'i> {
    out: Out,
    indexes: &'i [Index],
    counted: Counted,
}

impl<'i> Stix<'i> {
    pub(super) fn new(out: Out, indexes: &'i [Index]) -> Self {
        Self { out, indexes, counted: Counted::default() }
    }
}

impl Sink for Stix<'_> {
    fn sighting(&mut self, one: &Sighting) -> io::Result<()> {
        self.counted.sighting(one)
    }
}

impl Writer for Stix<'_> {
    fn as_sink(&mut self) -> &mut dyn Sink {
        self
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        let now = Timestamp::now();
        let digests: Vec<&str> = self.indexes.iter().map(Index::digest).collect();
        serde_json::to_writer_pretty(&mut self.out, &self.counted.bundle(&now, &digests))?;
        self.out.write_all(b"\n")?;
        self.flush()
    }
}

impl Counted {
    /// What was seen of each indicator: a sighting with the observable, and where there was none, the indicator.
    fn bundle(&self, now: &Timestamp, digests: &[&str]) -> Value {
        let now = format!("{now:.3}");
        let id = |kind: &str| format!("{kind}--{}", Uuid::new_v4());
        let identity = id("identity");
        let mut objects = vec![json!({
            "type": "identity", "spec_version": "2.1", "id": identity, "created": now, "modified": now,
            "name": "comity hunt", "identity_class": "system",
            "description": format!("A search of logs for the indicators of {}", digests.join(", ")),
        })];
        let mut known_observables = HashSet::new();
        for ((kind, name, value), seen) in self.most_seen() {
            let observables: Vec<Value> =
                seen.observed.iter().map(|(kind, value)| observable(kind, value)).collect();
            let named: Vec<&Value> = observables.iter().map(|one| &one["id"]).collect();
            let observed = id("observed-data");
            // What a pattern is about, its own indicator says.
            let known = *kind == "pattern"
                || name.split_once("--").is_some_and(|(kind, uuid)| {
                    kind == "indicator" && Uuid::try_parse(uuid).is_ok()
                });
            let indicator = if known { name.clone() } else { id("indicator") };
            if !known {
                let urls = seen.observed.iter().filter(|_| *kind == "url");
                let urls: Vec<String> = urls.map(|(_, url)| url.clone()).collect();
                objects.push(json!({
                    "type": "indicator", "spec_version": "2.1", "id": indicator, "created_by_ref": identity,
                    "created": now, "modified": now, "name": format!("{kind} {value}"),
                    "description": "What a list that was searched for gave without more.",
                    "indicator_types": ["unknown"], "pattern": pattern(kind, value, &urls),
                    "pattern_type": "stix", "valid_from": now,
                }));
            }
            let count = seen.count.min(999_999_999);
            // Where no line says when it was written, these are the times of the search.
            let time = |time: Timestamp| format!("{time:.3}");
            let (first, last) = seen
                .times
                .map_or((now.clone(), now.clone()), |(first, last)| (time(first), time(last)));
            let mut sighting = json!({
                "type": "sighting", "spec_version": "2.1", "id": id("sighting"), "created_by_ref": identity,
                "created": now, "modified": now, "count": count, "sighting_of_ref": indicator,
                "where_sighted_refs": [identity], "description": seen.places(),
            });
            if seen.times.is_some() {
                (sighting["first_seen"], sighting["last_seen"]) = (json!(first), json!(last));
            }
            if !named.is_empty() {
                sighting["observed_data_refs"] = json!([observed]);
                objects.push(json!({
                    "type": "observed-data", "spec_version": "2.1", "id": observed, "created_by_ref": identity,
                    "created": now, "modified": now, "first_observed": first, "last_observed": last,
                    "number_observed": count, "object_refs": named,
                }));
            }
            objects.push(sighting);
            for observable in observables {
                if known_observables.insert(observable["id"].to_string()) {
                    objects.push(observable);
                }
            }
        }
        json!({ "type": "bundle", "id": id("bundle"), "objects": objects })
    }
}

/// The pattern that says what an indicator is; of a URL, as it was seen.
fn pattern(kind: &str, value: &str, urls: &[String]) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let value = escaped(value);
    let of = |path: &str| format!("[{path} = '{value}']");
    match kind {
        "ipv4" => of("ipv4-addr:value"),
        "ipv6" => of("ipv6-addr:value"),
        "cidr" if value.contains(':') => format!("[ipv6-addr:value ISSUBSET '{value}']"),
        "cidr" => format!("[ipv4-addr:value ISSUBSET '{value}']"),
        "domain" => of("domain-name:value"),
        "url" => {
            let each = urls.iter().map(|url| format!("url:value = '{}'", escaped(url)));
            format!("[{}]", each.collect::<Vec<_>>().join(" OR "))
        }
        "email" => of("email-addr:value"),
        "md5" => of("file:hashes.MD5"),
        "sha1" => of("file:hashes.'SHA-1'"),
        "sha256" => of("file:hashes.'SHA-256'"),
        "sha512" => of("file:hashes.'SHA-512'"),
        "ja3" => of("x-tls-client:ja3"),
        "ja4" => of("x-tls-client:ja4"),
        _ => of("file:name"),
    }
}

/// STIX 2.1, section 2.9: the namespace of observables' identifiers.
const OBSERVABLES: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);

fn observable(kind: &str, value: &str) -> Value {
    let (name, property): (&str, Value) = match kind {
        "ipv4" => ("ipv4-addr", json!({ "value": value })),
        "ipv6" => ("ipv6-addr", json!({ "value": value })),
        "cidr" if value.contains(':') => ("ipv6-addr", json!({ "value": value })),
        "cidr" => ("ipv4-addr", json!({ "value": value })),
        "domain" => ("domain-name", json!({ "value": value })),
        "url" => ("url", json!({ "value": value })),
        "email" => ("email-addr", json!({ "value": value })),
        "md5" => ("file", json!({ "hashes": { "MD5": value } })),
        "sha1" => ("file", json!({ "hashes": { "SHA-1": value } })),
        "sha256" => ("file", json!({ "hashes": { "SHA-256": value } })),
        "sha512" => ("file", json!({ "hashes": { "SHA-512": value } })),
        "ja3" | "ja4" => ("x-tls-client", json!({ kind: value })),
        _ => ("file", json!({ "name": value })),
    };
    let uuid = Uuid::new_v5(&OBSERVABLES, property.to_string().as_bytes());
    let mut object =
        json!({ "type": name, "spec_version": "2.1", "id": format!("{name}--{uuid}") });
    if let (Some(object), Some(property)) = (object.as_object_mut(), property.as_object()) {
        object.extend(property.clone());
    }
    object
}

/// Logs, and what of the folders that they are in cannot be read.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) logs: Vec<Source>,
    pub(super) unread: Vec<String>,
}

/// The logs that are meant: files, all in folders, and what patterns match, each once and in order; without what is
/// written, and the indexes, which have every indicator.
pub(super) fn sources(
    paths: &[PathBuf],
    indexes: &[PathBuf],
    output: Option<&Path>,
) -> Result<Sources, Failure> {
    let mut found = Sources::default();
    for path in paths {
        if path == Path::new("-") {
            found.logs.push(Source::Standard);
        } else if path.is_dir() {
            found.inside(path, &|_| true);
        } else if path.exists() {
            found.logs.push(Source::File(path.clone()));
        } else if path.to_string_lossy().contains(['*', '?', '[', '{']) {
            found.matching(path)?;
        } else {
            let why = std::fs::metadata(path).err();
            return Err(Failure::file(
                path,
                &why.unwrap_or_else(|| io::ErrorKind::NotFound.into()),
            ));
        }
    }
    let written = output.map(|path| [path.to_path_buf(), super::resume::beside(path)]);
    let own = written.into_iter().flatten().chain(indexes.iter().cloned());
    let own: Vec<PathBuf> = own.filter_map(|path| path.canonicalize().ok()).collect();
    let mut seen = HashSet::new();
    found.logs.retain(|source| {
        let Source::File(path) = source else { return seen.insert(PathBuf::from("-")) };
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        !own.contains(&path) && seen.insert(path)
    });
    if found.logs.is_empty() && found.unread.is_empty() {
        return Err(Failure::Wrong("there is no log to hunt in".to_owned()));
    }
    Ok(found)
}

impl Sources {
    fn inside(&mut self, folder: &Path, takes: &dyn Fn(&Path) -> bool) {
        for entry in walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() && takes(entry.path()) => {
                    self.logs.push(Source::File(entry.into_path()));
                }
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(folder);
                    if takes(path) {
                        let problem = match error.io_error() {
                            Some(problem) => problem.to_string(),
                            None => "a link that leads back to a folder above it".to_owned(),
                        };
                        self.unread.push(format!("{}: {problem}", path.display()));
                    }
                }
            }
        }
    }

    fn matching(&mut self, pattern: &Path) -> Result<(), Failure> {
        // Without what says nothing: `.//*.log`.
        let pattern: PathBuf = pattern.components().collect();
        let text = pattern.to_string_lossy();
        let glob = globset::GlobBuilder::new(&text).literal_separator(true).build();
        let glob =
            glob.map_err(|error| Failure::Wrong(format!("{text}: {error}")))?.compile_matcher();
        let special = |part: &std::path::Component<'_>| {
            part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{'])
        };
        let root: PathBuf = pattern.components().take_while(|part| !special(part)).collect();
        let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
        let plain = |path: &Path| {
            path.strip_prefix("./").map(Path::to_path_buf).unwrap_or_else(|_| path.to_path_buf())
        };
        let before = self.logs.len() + self.unread.len();
        self.inside(&root, &|path| glob.is_match(path) || glob.is_match(plain(path)));
        if self.logs.len() + self.unread.len() == before {
            return Err(Failure::Wrong(format!("{text}: no file is called so")));
        }
        Ok(())
    }
}

//! A line of a log as what STIX calls an observation, for patterns over it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::address::{self, scheme_of};
use crate::fields::Line;
use crate::lists::json::as_observed;

const TIMES: [&str; 9] =
    ["timestamp", "@timestamp", "ts", "time", "eventtime", "event_time", "date", "utctime", "rt"];
const SOURCES: [&str; 7] =
    ["src_ip", "source.ip", "id.orig_h", "src", "srcip", "source_ip", "c-ip"];
const TARGETS: [&str; 9] = [
    "dest_ip",
    "dst_ip",
    "destination.ip",
    "id.resp_h",
    "dst",
    "dstip",
    "dest",
    "remote_ip",
    "s-ip",
];
const SOURCE_PORTS: [&str; 6] = ["src_port", "source.port", "id.orig_p", "spt", "sport", "srcport"];
const TARGET_PORTS: [&str; 8] = [
    "dest_port",
    "dst_port",
    "destination.port",
    "id.resp_p",
    "dpt",
    "dport",
    "dstport",
    "remote_port",
];
const PROTOCOLS: [&str; 6] =
    ["proto", "protocol", "network.transport", "service", "app_proto", "network.protocol"];
const DOMAINS: [&str; 12] = [
    "rrname",
    "query",
    "hostname",
    "host",
    "domain",
    "sni",
    "server_name",
    "dhost",
    "fqdn",
    "name",
    "qname",
    "dest_host",
];
const URLS: [&str; 11] = [
    "url",
    "uri",
    "link",
    "original",
    "full",
    "request",
    "referrer",
    "referer",
    "http_refer",
    "http_referer",
    "http_referrer",
];
const NAMES: [&str; 5] = ["filename", "file_name", "fname", "image", "name"];
const UNNAMED: [&str; 4] = ["filehash", "file_hash", "hash", "digest"];
const HASHES: [(&str, &str); 8] = [
    ("md5", "MD5"),
    ("sha1", "SHA-1"),
    ("sha256", "SHA-256"),
    ("sha512", "SHA-512"),
    ("hashes.md5", "MD5"),
    ("hashes.sha1", "SHA-1"),
    ("hashes.sha256", "SHA-256"),
    ("hashes.sha512", "SHA-512"),
];
const AGENTS: [&str; 4] = ["http_user_agent", "user_agent", "user_agent.original", "useragent"];

/// When something was logged; none where nothing says so.
fn time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    // Suricata writes no colon in the offset.
    if text.len() > 5 && text.contains('T') {
        let (front, back) = text.split_at_checked(text.len() - 2)?;
        if let Ok(at) = format!("{front}:{back}").parse::<Timestamp>() {
            return Some(at);
        }
    }
    // As CEF writes it; without a zone in UTC.
    for form in ["%b %d %Y %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        let text = text.trim_end_matches(" UTC").trim_end_matches(" GMT");
        if let Ok(at) = jiff::civil::DateTime::strptime(form, text) {
            return at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        }
    }
    let seconds = text.parse::<f64>().ok().filter(|seconds| (1e8..1e14).contains(seconds))?;
    // Some count thousandths.
    let milliseconds = if seconds < 1e11 { seconds * 1e3 } else { seconds };
    #[expect(clippy::cast_possible_truncation, reason = "less than 1e14")]
    Timestamp::from_millisecond(milliseconds.round() as i64).ok()
}

/// What a line begins with: a time, or what syslog has had before it since RFC 5424. Before that it wrote no year.
fn head_time(line: &[u8]) -> Option<Timestamp> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut first = std::str::from_utf8(words.next()?).ok()?;
    if first.starts_with('<') {
        first = first.split_once('>')?.1;
        if first == "1" {
            first = std::str::from_utf8(words.next()?).ok()?;
        }
    }
    time(Some(first).filter(|first| first.contains('T'))?)
}

/// Whether an observation of a line may have a property of this name.
pub(crate) fn is_observed((kind, property): (&str, &str)) -> bool {
    match kind {
        "ipv4-addr" | "ipv6-addr" | "domain-name" | "url" | "email-addr" => property == "value",
        "file" => matches!(property, "name" | "size" | "hashes"),
        "network-traffic" => matches!(
            property,
            "src_ref" | "dst_ref" | "src_port" | "dst_port" | "protocols" | "extensions"
        ),
        _ => false,
    }
}

/// The first field of these names, or of the first of them that there is, in whatever object.
fn named<'f>(fields: &'f [(String, String)], names: &[&str]) -> Option<&'f str> {
    let of = |name: &&str| {
        let is = |own: &str| {
            // A name may be anything: no place in it need be between two characters.
            let parts = own.len().checked_sub(name.len()).and_then(|at| own.split_at_checked(at));
            parts.is_some_and(|(front, own)| {
                (front.is_empty() || front.ends_with('.')) && own.eq_ignore_ascii_case(name)
            })
        };
        fields.iter().find(|(own, _)| is(own)).map(|(_, value)| value.as_str())
    };
    names.iter().find_map(of).filter(|value| !value.is_empty() && *value != "-")
}

/// When a line was logged; none where it does not say so.
pub(crate) fn when(line: &Line<'_>) -> Option<Timestamp> {
    logged(line, &line.all_fields())
}

fn logged(line: &Line<'_>, fields: &[(String, String)]) -> Option<Timestamp> {
    named(fields, &TIMES).and_then(time).or_else(|| head_time(line.bytes))
}

/// What was found in a line and led to a pattern.
pub(crate) struct Lead {
    pub(crate) kind: &'static str,
    /// As an indicator is written.
    pub(crate) value: String,
    /// As it stands there.
    pub(crate) seen: String,
}

/// What is seen in a line, and when, as an observed-data object: addresses, traffic between them, domains, URLs,
/// files, and what led here.
pub(crate) fn observation(line: &Line<'_>, leads: &[Lead]) -> (Value, Option<Timestamp>) {
    let fields = line.all_fields();
    let of = |names: &[&str]| named(&fields, names);
    let at = logged(line, &fields);
    let mut seen = Objects::default();
    for (path, value) in &fields {
        let leaf = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        let leaf = leaf.as_str();
        if let Some(address) = address::ip(value) {
            seen.address(&address.to_string());
            if let Some(IpAddr::V6(six)) = address::ip_as_written(value) {
                seen.value("ipv6-addr", &six.to_string());
            }
        } else if URLS.contains(&leaf) && value.contains("://") {
            seen.url(value);
        } else if value.contains('@')
            && address::host(value.rsplit('@').next().unwrap_or_default()).is_some()
        {
            seen.value("email-addr", &value.trim_matches(['<', '>']).to_lowercase());
        } else if DOMAINS.contains(&leaf)
            && let Some(host) =
                address::host(value.trim_end_matches('.')).filter(|host| host.contains('.'))
        {
            seen.value("domain-name", &host);
        }
    }
    if let (Some(host), Some(path)) = (
        of(&["hostname", "host", "http_host", "url.domain", "dhost"]),
        of(&["url", "uri", "request", "url.path"]),
    ) && path.starts_with('/')
    {
        // Nothing says which it was.
        for scheme in ["http", "https"] {
            seen.url(&format!("{scheme}://{host}{path}"));
        }
    }
    seen.traffic(&of);
    seen.files(&fields);
    for lead in leads {
        seen.lead(lead);
    }
    let when = at.unwrap_or_default().to_string();
    let observed = json!({
        "type": "observed-data", "id": "observed-data--0", "number_observed": 1,
        "first_observed": when, "last_observed": when, "objects": seen.all,
    });
    (observed, at)
}

/// What stands in a line.
#[derive(Default)]
struct Objects {
    all: Map<String, Value>,
    known: BTreeMap<(String, String), String>,
}

impl Objects {
    fn put(&mut self, object: Value) -> String {
        let name = self.all.len().to_string();
        self.all.insert(name.clone(), object);
        name
    }

    fn value(&mut self, kind: &str, value: &str) -> String {
        let key = (kind.to_owned(), value.to_owned());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let name = self.put(json!({ "type": kind, "value": value }));
        self.known.insert(key, name.clone());
        name
    }

    fn address(&mut self, value: &str) -> String {
        self.value(if value.contains(':') { "ipv6-addr" } else { "ipv4-addr" }, value)
    }

    /// A URL in the spelling in which it is compared.
    fn url(&mut self, value: &str) {
        let one = as_observed("url", &["value"], value);
        self.value("url", one.as_deref().unwrap_or(value));
    }

    fn traffic<'f>(&mut self, of: &impl Fn(&[&str]) -> Option<&'f str>) {
        let mut traffic = Map::new();
        for (property, names) in [("src_ref", &SOURCES[..]), ("dst_ref", &TARGETS[..])] {
            if let Some(address) = of(names).and_then(address::ip) {
                traffic.insert(property.to_owned(), self.address(&address.to_string()).into());
            }
        }
        if traffic.is_empty() {
            return;
        }
        for (property, names) in [("src_port", &SOURCE_PORTS[..]), ("dst_port", &TARGET_PORTS[..])]
        {
            if let Some(port) = of(names).and_then(|port| port.parse::<u16>().ok()) {
                traffic.insert(property.to_owned(), port.into());
            }
        }
        let protocols = PROTOCOLS.iter().filter_map(|name| of(&[name]));
        let protocols: Vec<String> = protocols.map(str::to_lowercase).collect();
        traffic.insert("protocols".to_owned(), protocols.into());
        if let Some(agent) = of(&AGENTS) {
            let request =
                json!({ "http-request-ext": { "request_header": { "User-Agent": agent } } });
            traffic.insert("extensions".to_owned(), request);
        }
        traffic.insert("type".to_owned(), "network-traffic".into());
        self.put(traffic.into());
    }

    /// A file for each object that says a name or a digest of one.
    fn files(&mut self, fields: &[(String, String)]) {
        // What stands above it, with the file and its digests.
        let mut files: BTreeMap<&str, [Map<String, Value>; 2]> = BTreeMap::new();
        for (path, value) in fields.iter().filter(|(_, value)| !value.is_empty() && value != "-") {
            let (above, leaf) = path.rsplit_once('.').unwrap_or(("", path));
            let small = leaf.to_lowercase();
            let hash = HASHES.iter().find(|(name, _)| *name == small);
            if let Some((_, name)) = hash {
                // The digests of a file stand in an object of their own at times.
                let above =
                    above.strip_suffix(".hash").or(above.strip_suffix(".hashes")).unwrap_or(above);
                let above = if matches!(above, "hash" | "hashes") { "" } else { above };
                files.entry(above).or_default()[1]
                    .insert((*name).to_owned(), value.to_lowercase().into());
            } else if let Some((_, name)) = of_length(&small, value) {
                files.entry(above).or_default()[1]
                    .insert(name.to_owned(), value.to_lowercase().into());
            } else if NAMES.contains(&small.as_str()) && value.contains('.') {
                // In small letters, in which names are compared.
                let name = value.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
                files.entry(above).or_default()[0].insert("name".to_owned(), name.into());
            } else if small == "size"
                && let Ok(size) = value.parse::<u64>()
            {
                files.entry(above).or_default()[0].insert("size".to_owned(), size.into());
            }
        }
        for [mut file, hashes] in files.into_values() {
            if !hashes.is_empty() {
                file.insert("hashes".to_owned(), hashes.into());
            }
            if file.contains_key("hashes") || file.contains_key("name") {
                file.insert("type".to_owned(), "file".into());
                self.put(file.into());
            }
        }
    }

    /// What was found and led here is there, even where no field says what it is.
    fn lead(&mut self, Lead { kind, value, seen }: &Lead) {
        match *kind {
            "ipv4" | "ipv6" => {
                self.address(value);
            }
            "domain" => {
                self.value("domain-name", value);
            }
            "email" => {
                self.value("email-addr", value);
            }
            "url" => {
                // Where nothing says which it was, it may be either.
                let scheme = scheme_of(seen);
                let either = ["http".to_owned(), "https".to_owned()];
                for scheme in scheme.as_ref().map_or(&either[..], std::slice::from_ref) {
                    self.value("url", &format!("{scheme}://{value}"));
                }
            }
            _ => {
                let is = |own: &Value| own.as_str().is_some_and(|own| own.to_lowercase() == *value);
                let has = |object: &Value| {
                    let mut hashes = object["hashes"].as_object().into_iter().flatten();
                    is(&object["name"]) || hashes.any(|(_, digest)| is(digest))
                };
                if self.all.values().any(has) {
                    return;
                }
                let file = match *kind {
                    "md5" => json!({ "type": "file", "hashes": { "MD5": value } }),
                    "sha1" => json!({ "type": "file", "hashes": { "SHA-1": value } }),
                    "sha256" => json!({ "type": "file", "hashes": { "SHA-256": value } }),
                    "sha512" => json!({ "type": "file", "hashes": { "SHA-512": value } }),
                    "filename" => json!({ "type": "file", "name": value }),
                    _ => return,
                };
                self.put(file);
            }
        }
    }
}

/// What a digest is by its length, in a field that says no more than that it is one.
fn of_length(name: &str, value: &str) -> Option<(usize, &'static str)> {
    let is_one = UNNAMED.contains(&name) && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let kinds = [(32, "MD5"), (40, "SHA-1"), (64, "SHA-256"), (128, "SHA-512")];
    kinds.into_iter().find(|(length, _)| is_one && *length == value.len())
}

//! A line of a log as what STIX calls an observation, for patterns over it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::address;
use crate::fields::Line;

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
const URLS: [&str; 7] = ["url", "uri", "original", "full", "request", "referrer", "referer"];
const NAMES: [&str; 5] = ["filename", "file_name", "fname", "image", "name"];
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
    let seconds = text.parse::<f64>().ok().filter(|seconds| (1e8..1e14).contains(seconds))?;
    // Some count thousandths.
    let milliseconds = if seconds < 1e11 { seconds * 1e3 } else { seconds };
    #[expect(clippy::cast_possible_truncation, reason = "less than 1e14")]
    Timestamp::from_millisecond(milliseconds.round() as i64).ok()
}

/// What is seen in a line, and when, as an observed-data object: addresses, traffic between them, domains, URLs,
/// files, and what led here.
pub(crate) fn observation(
    line: &Line<'_>,
    leads: &[(&'static str, String)],
) -> (Value, Option<Timestamp>) {
    let fields = line.all_fields();
    let of = |names: &[&str]| {
        let named = |name: &&str| {
            let is = |own: &str| {
                own == *name || own.strip_suffix(name).is_some_and(|above| above.ends_with('.'))
            };
            fields.iter().find(|(own, _)| is(own)).map(|(_, value)| value.as_str())
        };
        names.iter().find_map(named).filter(|value| !value.is_empty() && *value != "-")
    };
    let at = of(&TIMES).and_then(time);
    let mut seen = Objects::default();
    for (path, value) in &fields {
        let leaf = path.rsplit('.').next().unwrap_or_default();
        if let Some(address) = address::ip(value) {
            seen.address(&address.to_string());
        } else if URLS.contains(&leaf) && value.contains("://") {
            seen.value("url", value);
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
            seen.value("url", &format!("{scheme}://{host}{path}"));
        }
    }
    seen.traffic(&of);
    seen.files(&fields);
    for (kind, value) in leads {
        seen.lead(kind, value);
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
            } else if NAMES.contains(&small.as_str()) && value.contains('.') {
                let name = value.rsplit(['/', '\\']).next().unwrap_or_default();
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
    fn lead(&mut self, kind: &str, value: &str) {
        match kind {
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
                self.value("url", &format!("http://{value}"));
            }
            _ => {
                let has = |object: &Value| {
                    object["type"] == "file" && object.to_string().to_lowercase().contains(value)
                };
                if self.all.values().any(has) {
                    return;
                }
                let file = match kind {
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

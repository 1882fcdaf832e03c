//! STIX into events of MISP.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::{list, named, text};
use crate::marking::{Meaning, Pap, Tlp};
use crate::pattern::{Pattern, Syntax};

/// An event, as MISP's API and feeds have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its UUID.
    pub uuid: String,
    /// The event, without `{"Event": ...}` around it.
    pub value: Value,
}

impl Event {
    /// What a feed's manifest says of it.
    #[must_use]
    pub fn manifest(&self) -> Value {
        let mut said = Map::new();
        for name in ["Orgc", "Tag", "info", "date", "analysis", "threat_level_id", "timestamp"] {
            said.insert(name.to_owned(), self.value[name].clone());
        }
        said.into()
    }
}

/// Makes events of objects: one of each report and grouping with what it names, and one of the rest. `org` is who
/// publishes, `now` seconds since 1970.
#[must_use]
pub fn events(objects: &[Value], org: &str, now: i64) -> Vec<Event> {
    let by_id: HashMap<&str, &Value> =
        objects.iter().filter_map(|one| Some((text(one, "id")?, one))).collect();
    let mut sightings = Sightings::new();
    for one in objects {
        if let Some(of) = text(one, "sighting_of_ref") {
            sightings.entry(of).or_default().push(one);
        }
    }
    let mut taken = BTreeSet::new();
    let mut made = Vec::new();
    let publisher = json!({ "name": org, "uuid": named(org) });
    for report in objects.iter().filter(|one| is_report(one)) {
        let named = list(report, "object_refs").iter().filter_map(Value::as_str);
        let own: Vec<&Value> = named.filter_map(|id| by_id.get(id).copied()).collect();
        taken.extend(own.iter().filter_map(|one| text(one, "id")));
        let author = text(report, "created_by_ref").and_then(|id| by_id.get(id));
        let author = author.and_then(|author| {
            Some(json!({ "name": text(author, "name")?, "uuid": uuid(author) }))
        });
        let head = Head {
            uuid: uuid(report),
            info: text(report, "name").unwrap_or("report").to_owned(),
            at: at(report).unwrap_or(now),
            org: author.unwrap_or_else(|| publisher.clone()),
            of: Some(report),
        };
        made.push(head.event(&own, &sightings, &by_id));
    }
    let rest: Vec<&Value> = objects
        .iter()
        .filter(|one| !is_report(one) && text(one, "id").is_some_and(|id| !taken.contains(id)))
        .collect();
    let info = "Objects of no report".to_owned();
    let head =
        Head { uuid: named(&format!("{org} {info}")), info, at: now, org: publisher, of: None };
    let event = head.event(&rest, &sightings, &by_id);
    if !list(&event.value, "Attribute").is_empty() {
        made.push(event);
    }
    made
}

/// Sightings by what they are of.
type Sightings<'v> = HashMap<&'v str, Vec<&'v Value>>;

struct Head<'v> {
    uuid: String,
    info: String,
    at: i64,
    org: Value,
    of: Option<&'v Value>,
}

impl Head<'_> {
    fn event(
        self,
        own: &[&Value],
        sightings: &Sightings<'_>,
        by_id: &HashMap<&str, &Value>,
    ) -> Event {
        let mut attributes: BTreeMap<(String, String), Value> = BTreeMap::new();
        let mut reports = Vec::new();
        // Indicators first: what is looked for says so, where it was observed too.
        let order = |one: &&&Value| text(one, "type") != Some("indicator");
        let mut own: Vec<&&Value> = own.iter().collect();
        own.sort_by_key(order);
        for object in own {
            if text(object, "type") == Some("note") {
                reports.push(json!({
                    "uuid": uuid(object), "name": text(object, "abstract").unwrap_or("note"),
                    "content": text(object, "content").unwrap_or_default(), "distribution": "5",
                    "timestamp": at(object).unwrap_or(self.at).to_string(), "deleted": false,
                }));
                continue;
            }
            let parts = parts(object);
            let is_one = parts.len() == 1;
            for (kind, value) in parts {
                let id = text(object, "id").unwrap_or_default();
                let own_uuid =
                    if is_one { uuid(object) } else { named(&format!("{id} {kind} {value}")) };
                let category = label(object, "category");
                let category = category.unwrap_or_else(|| category_of(&kind).to_owned());
                let time = at(object).unwrap_or(self.at).to_string();
                let seen = sightings.get(id).map_or(&[][..], Vec::as_slice).iter().map(|one| {
                    let at = at(one).unwrap_or(self.at).to_string();
                    json!({ "uuid": uuid(one), "type": "0", "date_sighting": at })
                });
                let seen: Vec<Value> = seen.collect();
                let comment = ["description", "x_misp_comment", "name"];
                let comment = comment.iter().find_map(|name| text(object, name));
                let mut attribute = json!({
                    "uuid": own_uuid, "type": kind, "value": value, "category": category,
                    "to_ids": text(object, "type") == Some("indicator"), "timestamp": time,
                    "comment": comment.filter(|comment| *comment != value).unwrap_or_default(),
                    "distribution": "5", "disable_correlation": false, "deleted": false,
                });
                let tags = tags(object, by_id);
                if !tags.is_empty() {
                    attribute["Tag"] = tags.into();
                }
                if !seen.is_empty() {
                    attribute["Sighting"] = seen.into();
                }
                attributes.entry((kind, value)).or_insert(attribute);
            }
        }
        let attributes: Vec<Value> = attributes.into_values().collect();
        let date = super::stamp(self.at);
        let published = self.of.is_none_or(|of| text(of, "type") == Some("report"));
        let mut value = json!({
            "uuid": self.uuid, "info": self.info, "date": &date[..10], "timestamp": self.at.to_string(),
            "published": published, "publish_timestamp": if published { self.at.to_string() } else { "0".to_owned() },
            "analysis": "2", "threat_level_id": "4", "distribution": "0", "extends_uuid": "",
            "Orgc": self.org, "Attribute": attributes, "Object": [],
        });
        let tags = self.of.map(|of| tags(of, by_id)).unwrap_or_default();
        if !tags.is_empty() {
            value["Tag"] = tags.into();
        }
        if !reports.is_empty() {
            value["EventReport"] = reports.into();
        }
        Event { uuid: self.uuid, value }
    }
}

/// What an object is in attributes: types and values.
fn parts(object: &Value) -> Vec<(String, String)> {
    let kind = text(object, "type").unwrap_or_default();
    let one = |to: &str, name: &str| {
        text(object, name).map(|value| vec![(to.to_owned(), value.to_owned())]).unwrap_or_default()
    };
    match kind {
        "indicator" => looked_for(object),
        "x-misp-attribute" => {
            let of = text(object, "x_misp_type").unwrap_or("other");
            one(of, "x_misp_value")
        }
        "ipv4-addr" | "ipv6-addr" => one("ip-dst", "value"),
        "domain-name" => one("domain", "value"),
        "url" => one("url", "value"),
        "email-addr" => one("email", "value"),
        "mac-addr" => one("mac-address", "value"),
        "mutex" => one("mutex", "name"),
        "windows-registry-key" => one("regkey", "key"),
        "vulnerability" => one("vulnerability", "name"),
        "campaign" => one("campaign-name", "name"),
        "threat-actor" | "intrusion-set" => one("threat-actor", "name"),
        "malware" | "tool" | "attack-pattern" => {
            let name = text(object, "name").unwrap_or_default();
            vec![("text".to_owned(), format!("{kind}: {name}"))]
        }
        "autonomous-system" => object["number"]
            .as_u64()
            .map(|number| ("AS".to_owned(), number.to_string()))
            .into_iter()
            .collect(),
        "file" | "x509-certificate" => {
            let hashes = object["hashes"].as_object().into_iter().flatten();
            let hashes =
                hashes.filter_map(|(name, value)| Some((hash(kind, name)?, value.as_str()?)));
            let mut parts: Vec<(String, String)> =
                hashes.map(|(kind, value)| (kind, value.to_owned())).collect();
            if kind == "file" {
                parts.extend(one("filename", "name"));
            }
            parts
        }
        _ => Vec::new(),
    }
}

/// What an indicator looks for: each value by itself where any is enough, else the pattern as it is.
fn looked_for(object: &Value) -> Vec<(String, String)> {
    let Some(pattern) = text(object, "pattern") else { return Vec::new() };
    let language = text(object, "pattern_type").unwrap_or("stix");
    if language != "stix" {
        let known = ["yara", "sigma", "snort", "suricata"].contains(&language);
        let kind = if known { language } else { "other" };
        return vec![(kind.to_owned(), pattern.to_owned())];
    }
    let whole = || vec![("stix2-pattern".to_owned(), pattern.to_owned())];
    let version = text(object, "pattern_version").or_else(|| text(object, "spec_version"));
    let Ok(parsed) = Pattern::parse(pattern, Syntax::of(version.unwrap_or("2.0"))) else {
        return whole();
    };
    // What MISP writes of an address names its kind too.
    let plain = |keys: &[&str]| keys.last() != Some(&"type");
    let tests: Vec<_> = parsed.equal_texts().filter(|(_, keys, _)| plain(keys)).collect();
    if !(parsed.is_any_text() || parsed.is_single() && tests.len() == 1) {
        return whole();
    }
    let named =
        tests.iter().map(|(kind, keys, value)| Some((attribute(kind, keys)?, (*value).to_owned())));
    named.collect::<Option<Vec<_>>>().filter(|all| !all.is_empty()).unwrap_or_else(whole)
}

/// The type of an attribute for a property of an observable.
fn attribute(kind: &str, keys: &[&str]) -> Option<String> {
    let simple = match (kind, keys) {
        ("ipv4-addr" | "ipv6-addr", ["value"]) => "ip-dst",
        ("network-traffic", ["dst_ref", "value"]) => "ip-dst",
        ("network-traffic", ["src_ref", "value"]) => "ip-src",
        ("domain-name", ["value"]) => "domain",
        ("url", ["value"]) => "url",
        ("email-addr", ["value"]) => "email",
        ("email-message", ["from_ref", "value"]) => "email-src",
        ("email-message", ["to_refs", "value"]) => "email-dst",
        ("email-message", ["subject"]) => "email-subject",
        ("mac-addr", ["value"]) => "mac-address",
        ("mutex", ["name"]) => "mutex",
        ("windows-registry-key", ["key"]) => "regkey",
        ("file", ["name"]) => "filename",
        ("file" | "x509-certificate", ["hashes", name]) => return hash(kind, name),
        _ => return None,
    };
    Some(simple.to_owned())
}

fn hash(kind: &str, name: &str) -> Option<String> {
    let plain: String =
        name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let own = match plain.as_str() {
        "md5" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512" | "ssdeep" | "tlsh"
        | "imphash" | "pehash" | "vhash" | "telfhash" | "authentihash" => plain.clone(),
        "sha3224" | "sha3256" | "sha3384" | "sha3512" => format!("sha3-{}", &plain[4..]),
        _ => return None,
    };
    match kind {
        "file" => Some(own),
        _ if ["md5", "sha1", "sha256"].contains(&own.as_str()) => {
            Some(format!("x509-fingerprint-{own}"))
        }
        _ => None,
    }
}

/// The category of MISP in which a type usually is.
fn category_of(kind: &str) -> &'static str {
    match kind {
        "ip-dst" | "ip-src" | "domain" | "url" | "mac-address" | "AS" | "snort" | "suricata"
        | "stix2-pattern" => "Network activity",
        "threat-actor" | "campaign-name" => "Attribution",
        "vulnerability" => "External analysis",
        "mutex" | "regkey" | "sigma" => "Artifacts dropped",
        "text" | "other" => "Other",
        "yara" => "Payload installation",
        _ => "Payload delivery",
    }
}

/// Tags of an object: its markings, and its labels.
fn tags(object: &Value, by_id: &HashMap<&str, &Value>) -> Vec<Value> {
    let mut names = BTreeSet::new();
    for id in list(object, "object_marking_refs").iter().filter_map(Value::as_str) {
        let defined = || {
            let text = by_id.get(id)?.to_string();
            let json = crate::json::parse(text.as_bytes()).ok()?;
            json.as_object().map(Meaning::of)
        };
        if let Some(meaning) = Meaning::of_id(id).or_else(defined) {
            names.extend(meaning.tlp().map(|tlp| Tlp::label(tlp).to_ascii_lowercase()));
            names.extend(meaning.pap().map(|pap| Pap::label(pap).to_owned()));
        }
    }
    let labels = list(object, "labels").iter().filter_map(Value::as_str);
    names.extend(labels.filter(|label| !label.starts_with("misp:")).map(str::to_owned));
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn label(object: &Value, name: &str) -> Option<String> {
    let prefix = format!("misp:{name}=\"");
    let labels = list(object, "labels").iter().filter_map(Value::as_str);
    let mut found = labels.filter_map(|label| label.strip_prefix(&prefix)?.strip_suffix('"'));
    found.next().map(str::to_owned)
}

fn is_report(object: &Value) -> bool {
    matches!(text(object, "type"), Some("report" | "grouping"))
}

fn uuid(object: &Value) -> String {
    let id = text(object, "id").unwrap_or_default();
    id.rsplit_once("--").map_or_else(|| named(id), |(_, uuid)| uuid.to_owned())
}

/// Seconds since 1970 of when an object was changed last.
fn at(object: &Value) -> Option<i64> {
    let time = text(object, "modified").or_else(|| text(object, "created"))?;
    crate::time::Time::parse(time).map(crate::time::Time::seconds)
}

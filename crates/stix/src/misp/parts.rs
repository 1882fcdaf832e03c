//! What objects of STIX are in attributes of MISP.

use std::collections::BTreeSet;

use serde_json::Value;

use super::attribute::{Meant, meant};
use super::text;
use crate::pattern::{Pattern, Syntax};

/// What an object is in attributes: types and values.
pub(super) fn parts(object: &Value) -> Vec<(String, String)> {
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

/// The value of an attribute of this type of which an indicator, or observed data with what it names, was made: what
/// gives the same again, or nothing.
pub(super) fn original(kind: &str, object: &Value, refs: &[&Value]) -> Option<String> {
    let data = refs.iter().find_map(|one| text(one, "payload_bin"));
    let pattern = text(object, "pattern");
    let mut texts = BTreeSet::new();
    refs.iter().for_each(|one| gather(one, &mut texts));
    if let Some(pattern) = pattern {
        let parsed = Pattern::parse(pattern, Syntax::of("2.1")).ok();
        for (_, _, text) in parsed.iter().flat_map(Pattern::equal_texts) {
            texts.insert(text.to_owned());
        }
        texts.extend(parsed.is_none().then(|| pattern.to_owned()));
    }
    if texts.len() > MOST_TEXTS {
        return None;
    }
    let is_it = |value: &str| match meant(kind, value, data, "") {
        Some(Meant::Observed(objects, made)) => match pattern {
            Some(pattern) => pattern == made,
            None => objects.iter().all(|made| refs.iter().any(|one| says(one, made))),
        },
        Some(Meant::Pattern(made) | Meant::Rule(_, made)) => pattern == Some(&*made),
        _ => false,
    };
    if !kind.contains('|') && kind != "malware-sample" {
        return texts.into_iter().find(|value| is_it(value));
    }
    let pairs = texts.iter().flat_map(|first| texts.iter().map(move |second| (first, second)));
    pairs.map(|(first, second)| format!("{first}|{second}")).find(|value| is_it(value))
}

/// Texts among which a value is looked for.
const MOST_TEXTS: usize = 24;

/// Texts and numbers in an object, but for what it is called and refers to.
fn gather(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::Object(all) => {
            let said = all.iter().filter(|(name, _)| {
                !["type", "id", "spec_version", "payload_bin"].contains(&name.as_str())
                    && !name.ends_with("_ref")
                    && !name.ends_with("_refs")
            });
            said.for_each(|(_, value)| gather(value, texts));
        }
        Value::Array(all) => all.iter().for_each(|value| gather(value, texts)),
        Value::String(text) => {
            texts.insert(text.clone());
        }
        Value::Number(number) => {
            texts.insert(number.to_string());
        }
        _ => {}
    }
}

/// Whether an object says what another would, but for which others it names.
fn says(one: &Value, made: &Value) -> bool {
    match (one, made) {
        (Value::Object(all), Value::Object(made)) => made.iter().all(|(name, value)| {
            let names = name == "id" || name.ends_with("_ref") || name.ends_with("_refs");
            names || all.get(name).is_some_and(|one| says(one, value))
        }),
        (Value::Array(all), Value::Array(made)) => {
            all.len() == made.len() && all.iter().zip(made).all(|(one, made)| says(one, made))
        }
        _ => one == made,
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
    if !(parsed.is_any_text() || parsed.is_single() && parsed.is_texts() && tests.len() == 1) {
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

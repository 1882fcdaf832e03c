//! STIX bundles and MISP events.

use std::net::IpAddr;

use comity_stix::pattern::{Pattern, Syntax};
use serde_json::Value;

use super::{Choice, Error, Taker, misp};
use crate::address;
use crate::indicator::{Indicator, Kind, Named, Part};
use crate::observe::is_observed;

pub(super) fn read(bytes: &[u8], choice: Choice, taker: &mut Taker<'_>) -> Result<(), Error> {
    let whole: Value = serde_json::from_slice(bytes)?;
    let mut any = false;
    let mut waiting = vec![&whole];
    while let Some(value) = waiting.pop() {
        if let Some(several) = value.as_array() {
            waiting.extend(several.iter().rev());
        } else if let Some(objects) = value.get("objects").and_then(Value::as_array) {
            any = true;
            objects.iter().for_each(|object| stix(object, choice, taker));
        } else if let Some(event) = value.get("Event") {
            any = true;
            self::event(event, choice, taker);
        } else if let Some(events) = value.get("response") {
            waiting.push(events);
        } else if value.get("Attribute").is_some_and(Value::is_array) {
            // What was asked for were attributes, not their events.
            any = true;
            event(value, choice, taker);
        } else if value.get("type").is_some() && value.get("id").is_some() {
            any = true;
            stix(value, choice, taker);
        }
    }
    if any || whole.as_array().is_some_and(Vec::is_empty) { Ok(()) } else { Err(Error::Foreign) }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn event(event: &Value, choice: Choice, taker: &mut Taker<'_>) {
    let list = |value: &'_ Value, name: &str| -> Vec<Value> {
        value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let objects = list(event, "Object");
    let inner = objects.iter().flat_map(|object| list(object, "Attribute"));
    for attribute in list(event, "Attribute").into_iter().chain(inner) {
        let (Some(kind), Some(value)) = (text(&attribute, "type"), text(&attribute, "value"))
        else {
            taker.refuse(|| "an attribute".to_owned(), "it has no type, or no value");
            continue;
        };
        let is_meant = attribute.get("to_ids").is_none_or(|meant| meant != &Value::Bool(false));
        if attribute.get("deleted") == Some(&Value::Bool(true)) {
            taker.pass_over("deleted attributes");
        } else if !is_meant && !choice.context {
            taker.leave_out("attributes that are not meant for detection");
        } else if let Some(found) = misp(kind, value) {
            let id = text(&attribute, "uuid");
            for (named, value) in found {
                let indicator = Indicator::new(named, &value);
                let place = || format!("attribute {}", id.unwrap_or("without a uuid"));
                taker.take(
                    place,
                    indicator.map(|one| Indicator { id: id.map(str::to_owned), ..one }),
                );
            }
        } else {
            taker.leave_out(&format!("attributes of type {kind}"));
        }
    }
}

fn stix(object: &Value, choice: Choice, taker: &mut Taker<'_>) {
    let (kind, id) = (text(object, "type").unwrap_or(""), text(object, "id").unwrap_or(""));
    let seconds = |name| text(object, name)?.parse::<jiff::Timestamp>().ok();
    let confidence = object.get("confidence").and_then(Value::as_u64);
    let said = |one: Indicator| Indicator {
        id: Some(id.to_owned()),
        confidence: confidence.and_then(|sure| u8::try_from(sure).ok()).filter(|sure| *sure <= 100),
        expires: seconds("valid_until").map(jiff::Timestamp::as_second),
        ..one
    };
    if object.get("revoked") == Some(&Value::Bool(true)) && !choice.revoked {
        taker.pass_over("revoked objects");
        return;
    }
    if kind != "indicator" {
        match observable(object, kind) {
            Some(found) => {
                for (named, value) in found {
                    taker.take(|| id.to_owned(), Indicator::new(named, value).map(said));
                }
            }
            None => taker.pass_over(&format!("objects of type {kind}")),
        }
        return;
    }
    let language = text(object, "pattern_type").unwrap_or("stix");
    let Some(pattern) = text(object, "pattern").filter(|_| language == "stix") else {
        taker.leave_out(&format!("patterns of type {language}"));
        return;
    };
    let version = text(object, "pattern_version").or(text(object, "spec_version")).unwrap_or("2.0");
    match Pattern::parse(pattern, Syntax::of(version)) {
        Ok(parsed) => {
            let indicator = |kind: &str, keys: &[&str], value: &str| {
                let named = property(kind, keys, value)?;
                Some(Indicator::new(named, value))
            };
            let is_one = |kind: &str, keys: &[&str], value: &str| {
                indicator(kind, keys, value).is_some_and(|one| one.is_ok())
            };
            let parts: Vec<_> = parsed.equal_texts().collect();
            let known = parts.iter().filter_map(|(kind, keys, value)| indicator(kind, keys, value));
            if parsed.is_any_text()
                && parts.iter().all(|(kind, keys, text)| property(kind, keys, text).is_some())
            {
                known.for_each(|one| taker.take(|| id.to_owned(), one.map(said)));
                return;
            }
            let known: Vec<_> = known.filter_map(Result::ok).collect();
            let is_led_to = parsed.leads(is_one);
            if known.is_empty() || !parsed.is_single() && !is_led_to {
                let what = "patterns to which nothing leads that can be looked for";
                taker.leave_out_pattern(what, id);
            } else {
                if !is_led_to {
                    taker.leave_out_pattern(
                        "patterns, where nothing is seen of them that can be looked for,",
                        id,
                    );
                } else if !parsed.names().all(is_observed)
                    || parts
                        .iter()
                        .any(|(kind, _, text)| *kind == "network-traffic" && is_name(text))
                {
                    taker.leave_out_pattern(
                        "patterns, where they ask what no line is read for,",
                        id,
                    );
                }
                let (pattern, version) = (pattern.to_owned(), version.to_owned());
                let part = Part { id: id.to_owned(), pattern, version };
                for one in known {
                    let one = Indicator { part_of: Some(part.clone()), ..said(one) };
                    taker.take(|| id.to_owned(), Ok(one));
                }
            }
        }
        Err(problem) => taker.refuse(|| id.to_owned(), &format!("no pattern: {problem}")),
    }
}

/// A text of a pattern as observations have it: in one spelling.
pub(crate) fn as_observed(kind: &str, keys: &[&str], text: &str) -> Option<String> {
    let named = property(kind, keys, text)?;
    if let (Named::Address, "ipv6-addr", Some(IpAddr::V6(six))) =
        (named, kind, address::ip_as_written(text))
    {
        // A mapped address is that of a STIX object of its own.
        return Some(six.to_string());
    }
    let found = Indicator::new(named, text).ok()?;
    match (found.kind, text.split_once("://")) {
        (Kind::Url, Some((scheme, _))) => {
            Some(format!("{}://{}", scheme.to_ascii_lowercase(), found.value))
        }
        (Kind::Url, None) | (Kind::Cidr, _) => None,
        _ => Some(found.value),
    }
}

/// Whether a text is the name of a host. Traffic is between addresses, as lines say: one at its end nobody sees.
fn is_name(text: &str) -> bool {
    address::ip(text).is_none() && address::host(text).is_some_and(|host| host.contains('.'))
}

/// What a property of an observable is that has this value.
fn property(kind: &str, keys: &[&str], value: &str) -> Option<Named> {
    let one = |kind| Some(Named::Kind(kind));
    let is_digest = |name: &str| {
        matches!(
            name.to_uppercase().replace('-', "").as_str(),
            "MD5" | "SHA1" | "SHA256" | "SHA512"
        )
    };
    match (kind, keys) {
        ("ipv4-addr" | "ipv6-addr", ["value"]) => Some(Named::Address),
        ("domain-name", ["value"]) => one(Kind::Domain),
        ("url", ["value"]) => one(Kind::Url),
        ("email-addr", ["value"]) => one(Kind::Email),
        ("file", ["name"]) => one(Kind::FileName),
        ("file" | "artifact", ["hashes", name]) if is_digest(name) => Some(Named::Digest),
        ("network-traffic", [first, "value"]) if first.ends_with("_ref") && is_name(value) => {
            one(Kind::Domain)
        }
        ("network-traffic", [first, "value"]) if first.ends_with("_ref") => Some(Named::Address),
        ("email-message", [first, "value"])
            if first.ends_with("_ref") || first.ends_with("_refs") =>
        {
            one(Kind::Email)
        }
        (_, [.., "ja3"]) => one(Kind::Ja3),
        (_, [.., "ja4"]) => one(Kind::Ja4),
        _ => None,
    }
}

fn observable<'v>(object: &'v Value, kind: &str) -> Option<Vec<(Named, &'v str)>> {
    let single = |name: &str| {
        let value = text(object, name)?;
        Some(vec![(property(kind, &[name], value)?, value)])
    };
    match kind {
        "file" | "artifact" => {
            let hashes = object.get("hashes").and_then(Value::as_object);
            let hashes = hashes.into_iter().flatten().filter_map(|(name, value)| {
                let value = value.as_str()?;
                Some((property(kind, &["hashes", name.as_str()], value)?, value))
            });
            let named = text(object, "name").filter(|_| kind == "file");
            Some(hashes.chain(named.map(|name| (Named::Kind(Kind::FileName), name))).collect())
        }
        "ipv4-addr" | "ipv6-addr" | "domain-name" | "url" | "email-addr" => single("value"),
        _ => None,
    }
}

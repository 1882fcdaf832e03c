//! Objects of STIX that were one of MISP's, back into its attributes.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::object::{at, own};
use super::template::{Template, To};
use super::{list, text};

/// The attributes that an object of STIX was made of: relation, type, value, and bytes.
pub(super) fn back(
    template: &Template,
    object: &Value,
    beside: &[&Value],
    by_id: &HashMap<&str, &Value>,
) -> Vec<(String, String, String, Option<String>)> {
    let mut found = Vec::new();
    let mut give = |relation: &str, kind: &str, value: &Value| {
        let (plain, data) = match value {
            Value::Object(whole) if whole.contains_key("value") => {
                (&value["value"], text(value, "data").map(str::to_owned))
            }
            _ => (value, None),
        };
        let plain = match plain {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => u8::from(*truth).to_string(),
            _ => return,
        };
        found.push((relation.to_owned(), kind.to_owned(), plain, data));
    };
    let named = |value: &Value| value.as_str().and_then(|id| by_id.get(id).copied());
    let several = |value: &Value| match value {
        Value::Array(all) => all.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let mut known = Vec::new();
    for field in template.fields {
        let (relation, kind) = (field.relation, field.kind);
        match field.to {
            To::Text(path) | To::Number(path) | To::Real(path) | To::Time(path) => {
                give(relation, kind, at(object, path));
            }
            To::Kilometres(path) => {
                if let Some(metres) = at(object, path).as_f64() {
                    give(relation, kind, &format!("{}", metres / 1000.0).into());
                }
            }
            To::Truth(path, word) => {
                if at(object, path) == &Value::Bool(true) {
                    give(relation, kind, &word.into());
                }
            }
            To::Hash(name) => give(relation, kind, &object["hashes"][name]),
            To::Texts(path) => {
                several(at(object, path)).iter().for_each(|one| give(relation, kind, one));
            }
            To::Small(path) => {
                let all = several(at(object, path));
                let layer = |name: &str| match name {
                    "ip" | "ipv4" | "ipv6" | "icmp" | "icmpv6" | "arp" => "layer3-protocol",
                    "tcp" | "udp" | "sctp" => "layer4-protocol",
                    _ => "layer7-protocol",
                };
                // What follows from the version of the addresses, and from flags of TCP, was not said.
                let has_flags = object["extensions"]["tcp-ext"].is_object();
                let follows =
                    |name: &str| ["ipv4", "ipv6"].contains(&name) || has_flags && name == "tcp";
                for name in all.iter().filter_map(Value::as_str) {
                    let is_its = match relation {
                        "protocol" => !follows(name),
                        _ => layer(name) == relation,
                    };
                    if is_its {
                        give(relation, kind, &name.into());
                    }
                }
            }
            To::Ref("", other, inner) => {
                let others = beside.iter().filter(|one| text(one, "type") == Some(other));
                others.for_each(|one| give(relation, kind, &one[inner]));
            }
            To::PictureAt => {}
            To::Ref(property, _, inner) | To::Refs(property, _, inner) => {
                for one in several(&object[property]).iter().filter_map(named) {
                    give(relation, kind, &one[inner]);
                }
            }
            To::Address(property) => {
                if !known.contains(&property.to_owned()) {
                    for one in several(&object[property]).iter().filter_map(named) {
                        give(relation, kind, &one["value"]);
                    }
                    known.push(property.to_owned());
                }
            }
            To::System(property) => {
                let systems = named(&object[property]).map(|one| several(&one["belongs_to_refs"]));
                for one in systems.iter().flatten().filter_map(named) {
                    give(relation, kind, &one["number"]);
                }
            }
            To::Called(property) => {
                for one in several(&object[property]).iter().filter_map(named) {
                    give(relation, kind, &one["display_name"]);
                }
            }
            To::Carried => {
                for part in list(object, "body_multipart") {
                    if let Some(file) = named(&part["body_raw_ref"]) {
                        give(relation, kind, &file["name"]);
                    }
                }
            }
            To::Sample => {
                if let Some(artifact) = named(&object["content_ref"])
                    && let (Some(name), Some(digest)) =
                        (text(artifact, "x_misp_filename"), text(&artifact["hashes"], "MD5"))
                {
                    let value = format!("{name}|{digest}");
                    give(
                        relation,
                        kind,
                        &json!({ "value": value, "data": artifact["payload_bin"] }),
                    );
                }
            }
            To::Picture => {
                if let Some(picture) = named(&object["content_ref"]) {
                    let name = &picture["x_misp_filename"];
                    give(relation, kind, &json!({ "value": name, "data": picture["payload_bin"] }));
                    give("url", "url", &picture["x_misp_url"]);
                }
            }
            To::Bytes => {
                if object["payload_bin"].is_string() {
                    let value = json!({ "value": "payload", "data": object["payload_bin"] });
                    give(relation, kind, &value);
                }
            }
            To::Contact => {
                let parts = text(object, "contact_information").unwrap_or_default().split(" / ");
                let own = parts.filter_map(|part| part.strip_prefix(relation)?.strip_prefix(": "));
                own.flat_map(|part| part.split("; "))
                    .for_each(|one| give(relation, kind, &one.into()));
            }
            To::Name => {
                let name = text(object, "name").unwrap_or_default();
                let (first, last) = name.rsplit_once(' ').unwrap_or(("", name));
                let part = if relation == "first-name" { first } else { last };
                if !part.is_empty() {
                    give(relation, kind, &part.into());
                }
            }
            To::Cited(source, prefix) => {
                for one in list(object, "external_references") {
                    if text(one, "source_name") == Some(source) {
                        let id = text(one, "external_id").unwrap_or_default();
                        give(relation, kind, &id.trim_start_matches(prefix).into());
                    }
                }
            }
            To::Link => {
                for one in list(object, "external_references") {
                    if text(one, "source_name") == Some("url") {
                        give(relation, kind, &one["url"]);
                    }
                }
            }
            To::Rule(_) => give(relation, kind, &object["pattern"]),
            To::Own => {}
        }
    }
    if template.name == "script" {
        several(&object["implementation_languages"])
            .iter()
            .for_each(|one| give("language", "text", one));
    }
    for (name, value) in object.as_object().into_iter().flatten() {
        let Some(rest) = name.strip_prefix("x_misp_") else { continue };
        let field = template.fields.iter().find(|field| own(field.relation) == *name);
        let dashed = rest.replace('_', "-");
        let (relation, kind) =
            field.map_or((&*dashed, "text"), |field| (field.relation, field.kind));
        let is_bytes = |one: &Value| one.is_object();
        for one in several(value) {
            let kind = if field.is_none() && is_bytes(&one) { "attachment" } else { kind };
            give(relation, kind, &one);
        }
    }
    found
}

//! Galaxies: clusters as objects of STIX.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{label, labels, list, named, text, uuid_of};

/// The clusters of an event or an attribute.
pub(super) fn clusters(value: &Value, time: &str) -> Vec<Value> {
    each(value).filter_map(|(galaxy, cluster)| object(galaxy, cluster, time)).collect()
}

/// The tags of those that become objects.
pub(super) fn tagged(value: &Value) -> Vec<String> {
    let known = each(value).filter(|(galaxy, cluster)| object(galaxy, cluster, "").is_some());
    let tag = |(galaxy, cluster): (&Value, &Value)| {
        let of = text(cluster, "type").or_else(|| text(galaxy, "type")).unwrap_or_default();
        let named = format!("misp-galaxy:{of}=\"{}\"", text(cluster, "value").unwrap_or_default());
        text(cluster, "tag_name").map_or(named, str::to_owned)
    };
    known.map(tag).collect()
}

fn each(value: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let galaxies = list(value, "Galaxy").iter();
    galaxies.flat_map(|galaxy| list(galaxy, "GalaxyCluster").iter().map(move |one| (galaxy, one)))
}

/// Clusters that STIX has no object for, as MISP's converter writes them.
const OTHER: &str = "x-misp-galaxy-cluster";

/// What those of `meta` are called that are not called so in STIX.
const NAMES: &str = "x_misp_meta_names";

/// Properties of a cluster that are no part of its `meta`, and those of one that STIX has no object for.
const OWN: [&str; 3] = ["x_misp_galaxy_uuid", "x_misp_cluster_value", NAMES];
const OTHERS_OWN: [&str; 5] =
    ["x_misp_galaxy_uuid", "x_misp_value", "x_misp_name", "x_misp_type", "x_misp_description"];

/// Galaxies with these clusters in them, as events have them.
pub(super) fn back(objects: &[&Value]) -> Vec<Value> {
    let mut galaxies: BTreeMap<(String, String, String), Vec<Value>> = BTreeMap::new();
    for object in objects {
        let Some(of) = label(object, "galaxy-type") else { continue };
        let title = label(object, "galaxy-name").unwrap_or_else(|| of.clone());
        let uuid = text(object, "x_misp_galaxy_uuid");
        let uuid = uuid.map_or_else(|| named(&format!("galaxy {of}")), str::to_owned);
        let cluster = cluster(object, &of);
        galaxies.entry((of, title, uuid)).or_default().push(cluster);
    }
    let galaxies = galaxies.into_iter().map(|((of, title, uuid), clusters)| {
        json!({
            "uuid": uuid, "name": title, "type": of, "description": "",
            "GalaxyCluster": clusters,
        })
    });
    galaxies.collect()
}

/// The tags that go with galaxies.
pub(super) fn tags(galaxies: &[Value]) -> Vec<Value> {
    let clusters = galaxies.iter().flat_map(|galaxy| list(galaxy, "GalaxyCluster"));
    clusters.map(|cluster| json!({ "name": cluster["tag_name"] })).collect()
}

fn cluster(object: &Value, of: &str) -> Value {
    let is_other = text(object, "type") == Some(OTHER);
    let cited = list(object, "external_references");
    let numbers = cited.iter().filter_map(|one| {
        text(one, "external_id").filter(|_| text(one, "source_name") != Some("cve"))
    });
    let numbers: Vec<&str> = numbers.collect();
    let name = text(object, "name").or_else(|| text(object, "region")).unwrap_or_default();
    // MITRE's clusters have their number after the name.
    let whole = if is_other { "x_misp_value" } else { "x_misp_cluster_value" };
    let value = match (text(object, whole), numbers.first()) {
        (Some(value), _) => value.to_owned(),
        (None, Some(number)) if of.contains("mitre") => format!("{name} - {number}"),
        _ => name.to_owned(),
    };
    let own = if is_other { &OTHERS_OWN[..] } else { &OWN[..] };
    let mut meta = Map::new();
    let mut put = |name: &str, all: Vec<Value>| {
        if !all.is_empty() {
            meta.insert(name.to_owned(), all.into());
        }
    };
    put("external_id", numbers.into_iter().map(Value::from).collect());
    put("synonyms", list(object, "aliases").to_vec());
    put("refs", cited.iter().filter_map(|one| text(one, "url").map(Value::from)).collect());
    let phases = list(object, "kill_chain_phases").iter().filter_map(|phase| {
        let (chain, name) = (text(phase, "kill_chain_name")?, text(phase, "phase_name")?);
        Some(Value::from(format!("{chain}:{name}")))
    });
    put("kill_chain", phases.collect());
    put("ISO", text(object, "country").into_iter().map(Value::from).collect());
    let cves = cited.iter().filter(|one| text(one, "source_name") == Some("cve"));
    put("aliases", cves.filter_map(|one| text(one, "external_id").map(Value::from)).collect());
    for (name, value) in object.as_object().into_iter().flatten() {
        if is_other && name == "x_misp_meta" {
            meta.extend(value.as_object().cloned().unwrap_or_default());
        } else if let Some(short) = name.strip_prefix("x_misp_").filter(|_| !own.contains(&&**name))
        {
            let name = text(&object[NAMES], short).unwrap_or(short);
            meta.insert(name.to_owned(), value.clone());
        }
    }
    let about = if is_other { "x_misp_description" } else { "description" };
    let about = text(object, about);
    let id = text(object, "id").unwrap_or_default();
    let uuid = id.rsplit_once("--").map_or(id, |(_, uuid)| uuid);
    json!({
        "uuid": uuid, "type": of, "value": value,
        "tag_name": format!("misp-galaxy:{of}=\"{value}\""),
        "description": about.unwrap_or_default(),
        "meta": meta,
    })
}

fn object(galaxy: &Value, cluster: &Value, time: &str) -> Option<Value> {
    let of = text(galaxy, "type").or_else(|| text(cluster, "type"))?;
    let whole = text(cluster, "value")?;
    let meta = &cluster["meta"];
    let Some(kind) = kind(of) else { return Some(other(galaxy, cluster, (of, whole), time)) };
    // MITRE's clusters have their number after the name: that one first.
    let mut numbers: Vec<&str> = all(meta, "external_id");
    let is_last = |number: &&str| whole.ends_with(&format!(" - {number}"));
    numbers.sort_by_key(|number| !is_last(number));
    let number = numbers.first().copied();
    let name =
        number.and_then(|number| whole.strip_suffix(&format!(" - {number}"))).unwrap_or(whole);
    let mut it = Map::new();
    if name == whole && number.is_some() && of.contains("mitre") {
        it.insert("x_misp_cluster_value".to_owned(), whole.into());
    }
    it.extend(text(galaxy, "uuid").map(|uuid| ("x_misp_galaxy_uuid".to_owned(), uuid.into())));
    for (key, value) in [
        ("type", kind),
        ("spec_version", "2.1"),
        ("id", &format!("{kind}--{}", uuid_of(cluster))),
        ("created", time),
        ("modified", time),
        ("name", name),
    ] {
        it.insert(key.to_owned(), value.into());
    }
    let about = text(cluster, "description").or_else(|| text(galaxy, "description"));
    it.extend(about.map(|about| ("description".to_owned(), about.into())));
    match kind {
        "identity" => {
            it.insert("identity_class".to_owned(), "class".into());
        }
        "malware" => {
            it.insert("is_family".to_owned(), false.into());
        }
        "location" => {
            let code = first(meta, "ISO").filter(|code| code.len() == 2);
            match code {
                Some(code) => it.insert("country".to_owned(), code.to_ascii_uppercase().into()),
                None => it.insert(
                    "region".to_owned(),
                    whole.to_ascii_lowercase().replace(' ', "-").into(),
                ),
            };
        }
        _ => {}
    }
    let names = list(meta, "synonyms").iter().filter_map(Value::as_str);
    let names: Vec<&str> = names.filter(|other| *other != name).collect();
    let aliased =
        ["threat-actor", "intrusion-set", "malware", "tool", "campaign", "attack-pattern"];
    let is_aliased = aliased.contains(&kind);
    if !names.is_empty() && is_aliased {
        it.insert("aliases".to_owned(), names.into());
    }
    let phases: Vec<Value> = list(meta, "kill_chain")
        .iter()
        .filter_map(|phase| {
            let (chain, phase) = phase.as_str()?.rsplit_once(':')?;
            Some(json!({ "kill_chain_name": chain, "phase_name": phase }))
        })
        .collect();
    if !phases.is_empty() && ["attack-pattern", "malware", "tool"].contains(&kind) {
        it.insert("kill_chain_phases".to_owned(), phases.into());
    }
    let mut references = Vec::new();
    for number in numbers {
        let source = match () {
            () if number.starts_with("CVE-") => "cve",
            () if number.starts_with("CAPEC-") => "capec",
            () if of.contains("mitre") => "mitre-attack",
            () => of,
        };
        references.push(json!({ "source_name": source, "external_id": number }));
    }
    let cves = list(meta, "aliases").iter().filter_map(Value::as_str);
    let cves = cves.filter(|cve| cve.starts_with("CVE-"));
    references.extend(cves.map(|cve| json!({ "source_name": "cve", "external_id": cve })));
    let urls = list(meta, "refs").iter().filter_map(Value::as_str);
    let urls = urls.filter(|url| url.starts_with("http"));
    references.extend(urls.map(|url| json!({ "source_name": "url", "url": url })));
    if !references.is_empty() {
        it.insert("external_references".to_owned(), references.into());
    }
    let title = text(galaxy, "name").unwrap_or(of);
    it.insert("labels".to_owned(), labels(&[("galaxy-name", title), ("galaxy-type", of)], &[]));
    // What else is known of it goes along under names of its own.
    let mut known = vec!["external_id", "kill_chain", "aliases", "refs"];
    known.extend(is_aliased.then_some("synonyms"));
    let mut renamed = Map::new();
    for (key, value) in meta.as_object().into_iter().flatten() {
        let mut name: String = key
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        // STIX says of what ends so what its value is, and some are names of something else here.
        let is_taken = |name: &str| {
            let own = format!("x_misp_{name}");
            ["_hex", "_bin", "_ref", "_refs"].iter().any(|end| name.ends_with(end))
                || OWN.contains(&own.as_str())
                || it.contains_key(&own)
        };
        while is_taken(&name) {
            name.push('_');
        }
        let says = value.as_str().is_some_and(|text| !text.is_empty())
            || value.as_array().is_some_and(|all| !all.is_empty());
        if !known.contains(&key.as_str()) && says {
            it.insert(format!("x_misp_{name}"), value.clone());
            if name != *key {
                renamed.insert(name, key.as_str().into());
            }
        }
    }
    if !renamed.is_empty() {
        it.insert(NAMES.to_owned(), renamed.into());
    }
    Some(it.into())
}

/// A cluster that STIX has no object for.
fn other(galaxy: &Value, cluster: &Value, (of, value): (&str, &str), time: &str) -> Value {
    let title = text(galaxy, "name").unwrap_or(of);
    let mut it = json!({
        "type": OTHER, "spec_version": "2.1", "id": format!("{OTHER}--{}", uuid_of(cluster)),
        "created": time, "modified": time,
        "labels": labels(&[("galaxy-name", title), ("galaxy-type", of)], &[]),
        "x_misp_name": title, "x_misp_type": of, "x_misp_value": value,
    });
    let about = text(cluster, "description").or_else(|| text(galaxy, "description"));
    for (name, said) in
        [("x_misp_description", about), ("x_misp_galaxy_uuid", text(galaxy, "uuid"))]
    {
        if let Some(said) = said {
            it[name] = said.into();
        }
    }
    let meta = cluster["meta"].as_object().into_iter().flatten();
    // A property may not be an empty list, nor null.
    let meta: Map<_, _> = meta
        .filter(|(_, value)| !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !meta.is_empty() {
        it["x_misp_meta"] = meta.into();
    }
    it
}

/// The values that there are, in a list or not.
fn all<'v>(meta: &'v Value, name: &str) -> Vec<&'v str> {
    match text(meta, name) {
        Some(one) => vec![one],
        None => list(meta, name).iter().filter_map(Value::as_str).collect(),
    }
}

/// The one value that there is, in a list or not.
fn first<'v>(meta: &'v Value, name: &str) -> Option<&'v str> {
    text(meta, name).or_else(|| list(meta, name).first()?.as_str())
}

/// What the clusters of a galaxy are in STIX.
fn kind(galaxy: &str) -> Option<&'static str> {
    let has = |word: &str| galaxy.contains(word);
    Some(match galaxy {
        "country" | "region" => "location",
        "sector" | "target-information" => "identity",
        "threat-actor" | "microsoft-activity-group" | "360net-threat-actor" => "threat-actor",
        "branded-vulnerability" => "vulnerability",
        "tool" | "mitre-tool" | "rat" | "exploit-kit" | "tds" => "tool",
        "ransomware" | "banker" | "stealer" | "backdoor" | "botnet" | "malpedia" | "android"
        | "cryptominers" => "malware",
        "stix-2.1-location" => "location",
        _ if has("attack-pattern") => "attack-pattern",
        _ if has("course-of-action") => "course-of-action",
        _ if has("intrusion-set") => "intrusion-set",
        _ if has("malware") => "malware",
        _ if has("campaign") => "campaign",
        _ if has("threat-actor") => "threat-actor",
        _ if has("vulnerability") => "vulnerability",
        _ if has("tool") => "tool",
        _ => return None,
    })
}

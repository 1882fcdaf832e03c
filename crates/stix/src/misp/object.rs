//! Objects of MISP by their templates: into the one object of STIX that each is.

use serde_json::{Map, Value, json};

use super::attribute::{address, key, quoted, sco};
use super::template::{Field, Template, To};
use super::{list, text, uuid_of, value_of};

/// What an object of MISP is in STIX.
pub(super) struct Built {
    /// Its properties beside what every object has.
    pub(super) main: Map<String, Value>,
    /// What it names.
    pub(super) others: Vec<Value>,
    /// What finds it; none where nothing of it is looked for.
    pub(super) pattern: Option<String>,
    /// The rule that it is, in another language than STIX's: which, and the rule.
    pub(super) rule: Option<(&'static str, String)>,
    /// Under which UUID it is known.
    pub(super) uuid: String,
}

/// Where a property stands: the steps of a path.
fn slot<'m>(main: &'m mut Map<String, Value>, path: &str) -> &'m mut Value {
    let (first, rest) = path.split_once('/').map_or((path, ""), |(first, rest)| (first, rest));
    let mut at = main.entry(first.to_owned()).or_insert(Value::Null);
    for step in rest.split('/').filter(|step| !step.is_empty()) {
        at = match step.parse::<usize>() {
            Ok(_) => {
                if at.is_null() {
                    *at = json!([null]);
                }
                &mut at[0]
            }
            Err(_) => &mut at[step],
        };
    }
    at
}

pub(super) fn at<'v>(object: &'v Value, path: &str) -> &'v Value {
    path.split('/').fold(object, |value, step| match step.parse::<usize>() {
        Ok(place) => &value[place],
        Err(_) => &value[step],
    })
}

/// A path as patterns write it.
fn written(kind: &str, path: &str) -> String {
    let mut written = format!("{kind}:");
    for (number, step) in path.split('/').enumerate() {
        if step.parse::<usize>().is_ok() {
            written.push_str(&format!("[{step}]"));
        } else {
            if number > 0 {
                written.push('.');
            }
            written.push_str(&key(step));
        }
    }
    written
}

pub(super) fn own(relation: &str) -> String {
    format!("x_misp_{}", relation.to_ascii_lowercase().replace('-', "_"))
}

/// A time as STIX has it; none where it is not in UTC, which MISP's are.
fn time(value: &str) -> Option<String> {
    let utc = value.strip_suffix("+00:00").or_else(|| value.strip_suffix('Z'))?;
    let text = format!("{utc}Z");
    crate::time::Time::parse(&text).map(|_| text)
}

fn equal(path: &str, value: &str) -> String {
    format!("{path} = '{}'", quoted(value))
}

struct Building {
    kind: &'static str,
    built: Built,
    tests: Vec<String>,
    /// Who is reached how, who is called what: each relation with what it says.
    contact: Vec<(&'static str, Vec<String>)>,
    name: Vec<String>,
}

/// What an object with this template is. None where it would be no valid object, or would say less.
pub(super) fn build(template: &Template, object: &Value) -> Option<Built> {
    let attributes: Vec<&Value> =
        list(object, "Attribute").iter().filter(|one| !super::is_deleted(one)).collect();
    let of = |relation: &str| {
        let of = move |one: &&&Value| text(one, "object_relation") == Some(relation);
        attributes.iter().filter(of).copied().collect::<Vec<_>>()
    };
    let is_malicious =
        || of("state").first().and_then(|one| text(one, "value")) == Some("Malicious");
    let kind = if template.name == "script" && is_malicious() { "malware" } else { template.kind };
    let mut building = Building {
        kind,
        built: Built {
            main: Map::new(),
            others: Vec::new(),
            pattern: None,
            rule: None,
            uuid: uuid_of(object),
        },
        tests: Vec::new(),
        contact: Vec::new(),
        name: Vec::new(),
    };
    for (name, value) in template.fixed {
        building.built.main.insert((*name).to_owned(), (*value).into());
    }
    for field in template.fields {
        building.field(field, &of(field.relation))?;
    }
    for attribute in &attributes {
        let relation = text(attribute, "object_relation")?;
        if template.fields.iter().all(|field| field.relation != relation) {
            building.own(relation, attribute)?;
        }
    }
    if template.name == "domain-ip" {
        building.domains(&of("domain"));
    }
    building.finish(template)
}

impl Building {
    fn field(&mut self, field: &Field, attributes: &[&Value]) -> Option<()> {
        if let To::Called(property) = field.to {
            return self.called(field, property, attributes);
        }
        for (number, attribute) in attributes.iter().enumerate() {
            let value = &*value_of(attribute)?;
            let wanted = attribute["to_ids"].as_bool() == Some(true);
            let test = self.put(field, number, attribute, value);
            match test {
                Some(tests) if wanted => self.tests.extend(tests),
                Some(_) => {}
                None => self.own(field.relation, attribute)?,
            }
        }
        Some(())
    }

    /// Takes an attribute in; what would find it, or none where the property does not take it.
    fn put(
        &mut self,
        field: &Field,
        number: usize,
        attribute: &Value,
        value: &str,
    ) -> Option<Vec<String>> {
        let kind = self.kind;
        let uuid = uuid_of(attribute);
        let main = &mut self.built.main;
        let mut single = |path: &str, value: Value| {
            let slot = slot(main, path);
            if !slot.is_null() {
                return false;
            }
            *slot = value;
            true
        };
        let test = |path: &str| vec![equal(&written(kind, path), value)];
        match field.to {
            To::Text(path) => single(path, value.into()).then(|| test(path)),
            To::Number(path) => {
                let number = value.trim_start_matches(['A', 'S', 'a', 's']);
                let whole = number.parse::<u64>().ok()?;
                single(path, whole.into()).then(|| vec![equal(&written(kind, path), number)])
            }
            To::Real(path) => single(path, value.parse::<f64>().ok()?.into()).then(Vec::new),
            To::Kilometres(path) => {
                single(path, (value.parse::<f64>().ok()? * 1000.0).into()).then(Vec::new)
            }
            To::Truth(path, word) => (value == word && single(path, true.into())).then(Vec::new),
            To::Time(path) => single(path, time(value)?.into()).then(Vec::new),
            To::Hash(name) => single(&format!("hashes/{name}"), value.into())
                .then(|| test(&format!("hashes/{name}"))),
            To::Texts(path) => {
                push(slot(main, path), value.into());
                Some(Vec::new())
            }
            To::Small(path) => {
                push(slot(main, path), value.to_ascii_lowercase().into());
                Some(Vec::new())
            }
            To::Ref("", other, inner) => {
                self.built.others.push(sco(other, &uuid, json!({ inner: value })));
                Some(Vec::new())
            }
            To::Ref(property, other, inner) => {
                let it = sco(other, &uuid, json!({ inner: value }));
                let fits = single(property, it["id"].clone());
                fits.then(|| {
                    self.built.others.push(it);
                    vec![equal(&format!("{kind}:{property}.{inner}"), value)]
                })
            }
            To::Refs(property, other, inner) => {
                let it = sco(other, &uuid, json!({ inner: value }));
                push(slot(main, property), it["id"].clone());
                self.built.others.push(it);
                Some(vec![equal(&format!("{kind}:{property}[{number}].{inner}"), value)])
            }
            To::Address(property) => {
                let it = address(value, &uuid)?;
                let id = it["id"].clone();
                let tests = if property.ends_with("_refs") {
                    push(slot(main, property), id);
                    vec![equal(&format!("{kind}:{property}[*].value"), value)]
                } else {
                    if !single(property, id) {
                        return None;
                    }
                    let of = equal(&format!("{kind}:{property}.type"), it["type"].as_str()?);
                    vec![format!(
                        "({of} AND {})",
                        equal(&format!("{kind}:{property}.value"), value)
                    )]
                };
                self.built.others.push(it);
                Some(tests)
            }
            To::System(property) => {
                let number = value.trim_start_matches(['A', 'S', 'a', 's']).parse::<u32>().ok()?;
                let it = sco("autonomous-system", &uuid, json!({ "number": number }));
                let id = main.get(property)?.clone();
                let address = self.built.others.iter_mut().find(|one| one["id"] == id)?;
                address["belongs_to_refs"] = json!([it["id"]]);
                self.built.others.push(it);
                Some(Vec::new())
            }
            To::Carried => {
                let file = sco("file", &uuid, json!({ "name": value }));
                let part = json!({
                    "body_raw_ref": file["id"],
                    "content_disposition": format!("attachment; filename='{value}'"),
                });
                push(slot(main, "body_multipart"), part);
                self.built.others.push(file);
                let path = format!("email-message:body_multipart[{number}]");
                Some(vec![
                    equal(&format!("{path}.body_raw_ref.name"), value),
                    equal(&format!("{path}.content_disposition"), "attachment"),
                ])
            }
            To::Sample => {
                let (name, digest) = value.split_once('|')?;
                let data = text(attribute, "data")?;
                let artifact = json!({
                    "mime_type": "application/zip", "payload_bin": data, "hashes": { "MD5": digest },
                    "encryption_algorithm": "mime-type-indicated", "decryption_key": "infected",
                    "x_misp_filename": name,
                });
                let artifact = sco("artifact", &uuid, artifact);
                if !single("content_ref", artifact["id"].clone()) {
                    return None;
                }
                self.built.others.push(artifact);
                let tests = [
                    ("payload_bin", data),
                    ("x_misp_filename", name),
                    ("hashes.MD5", digest),
                    ("mime_type", "application/zip"),
                    ("encryption_algorithm", "mime-type-indicated"),
                    ("decryption_key", "infected"),
                ];
                let tests =
                    tests.map(|(name, value)| equal(&format!("file:content_ref.{name}"), value));
                Some(vec![format!("({})", tests.join(" AND "))])
            }
            To::Picture => {
                let data = text(attribute, "data")?;
                let end = value.rsplit_once('.')?.1.to_ascii_lowercase();
                let mime = match end.as_str() {
                    "jpg" | "jpeg" => "image/jpeg".to_owned(),
                    "png" | "gif" | "bmp" | "webp" | "tiff" => format!("image/{end}"),
                    _ => return None,
                };
                let artifact = json!({
                    "mime_type": mime, "payload_bin": data, "x_misp_filename": value,
                });
                let artifact = sco("artifact", &uuid, artifact);
                if !single("content_ref", artifact["id"].clone()) {
                    return None;
                }
                self.built.others.push(artifact);
                let tests =
                    [("payload_bin", data), ("mime_type", &mime), ("x_misp_filename", value)];
                let tests =
                    tests.map(|(name, value)| equal(&format!("file:content_ref.{name}"), value));
                Some(tests.into())
            }
            To::PictureAt => {
                let id = main.get("content_ref")?.clone();
                let picture = self.built.others.iter_mut().find(|one| one["id"] == id)?;
                picture["x_misp_url"] = value.into();
                Some(vec![equal("file:content_ref.url", value)])
            }
            To::Bytes => single("payload_bin", text(attribute, "data")?.into()).then(Vec::new),
            To::Contact => {
                let values = match self.contact.iter_mut().find(|(of, _)| *of == field.relation) {
                    Some((_, values)) => values,
                    None => {
                        self.contact.push((field.relation, Vec::new()));
                        &mut self.contact.last_mut()?.1
                    }
                };
                values.push(value.to_owned());
                Some(Vec::new())
            }
            To::Name => {
                self.name.push(value.to_owned());
                Some(Vec::new())
            }
            To::Cited(source, prefix) => {
                let id = format!("{prefix}{}", value.trim_start_matches(prefix));
                let cited = json!({ "source_name": source, "external_id": id });
                push(slot(main, "external_references"), cited);
                Some(Vec::new())
            }
            To::Link => {
                let cited = json!({ "source_name": "url", "url": value });
                push(slot(main, "external_references"), cited);
                Some(Vec::new())
            }
            To::Rule(language) => {
                if self.built.rule.is_some() {
                    return None;
                }
                self.built.rule = Some((language, value.to_owned()));
                Some(Vec::new())
            }
            To::Called(_) | To::Own => None,
        }
    }

    /// Under a name of its own: a text, or one with its bytes; several make a list.
    fn own(&mut self, relation: &str, attribute: &Value) -> Option<()> {
        let plain = value_of(attribute)?;
        let value = &*plain;
        let said = match text(attribute, "data") {
            _ if !attribute["value"].is_string() => attribute["value"].clone(),
            Some(data) => json!({ "value": value, "data": data }),
            None => time(value)
                .filter(|_| text(attribute, "type") == Some("datetime"))
                .map_or_else(|| value.into(), Value::from),
        };
        let name = own(relation);
        // What traffic belongs to, beside its ends, no observation has under this name.
        let is_found = said.is_string() && self.kind != "network-traffic";
        if attribute["to_ids"].as_bool() == Some(true) && is_found {
            self.tests.push(equal(&format!("{}:{name}", self.kind), value));
        }
        match self.built.main.get_mut(&name) {
            None => {
                self.built.main.insert(name, said);
            }
            Some(Value::Array(all)) => all.push(said),
            Some(one) => *one = json!([one.clone(), said]),
        }
        Some(())
    }

    /// What somebody is called is theirs where there is one name for each, and else only said.
    fn called(&mut self, field: &Field, property: &str, names: &[&Value]) -> Option<()> {
        let ids: Vec<Value> = match self.built.main.get(property) {
            Some(Value::Array(all)) => all.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        let address = |id: &Value| {
            let whose = self.built.others.iter().find(|one| one["id"] == *id);
            whose.and_then(|one| text(one, "value")).unwrap_or_default().to_lowercase()
        };
        // Nothing else says whose name it is: it begins as the address does, in one of its words.
        let begins = |(id, name): (&Value, &&Value)| {
            let first = address(id).chars().next();
            let name = text(name, "value").unwrap_or_default().to_lowercase();
            first.is_some() && name.split_whitespace().any(|word| word.chars().next() == first)
        };
        if ids.len() != names.len() || !ids.iter().zip(names).all(begins) {
            return names.iter().try_for_each(|name| self.own(field.relation, name));
        }
        for (id, name) in ids.iter().zip(names) {
            let whose = self.built.others.iter_mut().find(|one| one["id"] == *id)?;
            whose["display_name"] = text(name, "value")?.into();
        }
        Some(())
    }

    /// Each domain is one of its own, and so is known by what it was made of, where nothing more is said of them.
    fn domains(&mut self, attributes: &[&Value]) {
        let main = &mut self.built.main;
        let (mine, theirs) = ("x_misp_domain", main.get("resolves_to_refs").cloned());
        main.remove(mine);
        self.tests.retain(|test| !test.contains(mine));
        if let Some(first) = attributes.first()
            && main.keys().all(|name| !name.starts_with("x_misp_"))
        {
            self.built.uuid = uuid_of(first);
        }
        for attribute in attributes.iter().skip(1) {
            let mut it =
                sco("domain-name", &uuid_of(attribute), json!({ "value": attribute["value"] }));
            if let Some(theirs) = &theirs {
                it["resolves_to_refs"] = theirs.clone();
            }
            self.built.others.push(it);
        }
    }

    fn finish(mut self, template: &Template) -> Option<Built> {
        if !self.name.is_empty() {
            self.built.main.insert("name".to_owned(), self.name.join(" ").into());
        }
        if !self.contact.is_empty() {
            let parts = self.contact.iter().map(|(of, all)| format!("{of}: {}", all.join("; ")));
            let parts = parts.collect::<Vec<_>>().join(" / ");
            self.built.main.insert("contact_information".to_owned(), parts.into());
        }
        self.by_template(template);
        if let Some((name, value)) = template.fixed.iter().find(|_| template.observed)
            && !self.tests.is_empty()
        {
            self.tests.insert(0, equal(&format!("{}:{name}", self.kind), value));
        }
        if !self.tests.is_empty() {
            self.built.pattern = Some(format!("[{}]", self.tests.join(" AND ")));
        }
        let is_rule = template.kind == "indicator";
        let is_empty = self.built.main.is_empty() && self.built.rule.is_none();
        (!is_empty && is_rule == self.built.rule.is_some()).then_some(self.built)
    }

    /// What one template has that no other has.
    fn by_template(&mut self, template: &Template) {
        let main = &mut self.built.main;
        match template.name {
            "email" => {
                main.insert("is_multipart".to_owned(), main.contains_key("body_multipart").into());
            }
            "script" if self.kind == "malware" => {
                main.insert("is_family".to_owned(), false.into());
                if let Some(language) = main.remove("x_misp_language") {
                    let all = if language.is_array() { language } else { json!([language]) };
                    main.insert("implementation_languages".to_owned(), all);
                }
            }
            "vulnerability" => {
                let name = main.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                if name.starts_with("CVE-") {
                    let cited = json!({ "source_name": "cve", "external_id": name });
                    let all = main.entry("external_references").or_insert_with(|| json!([]));
                    if let Value::Array(all) = all {
                        all.insert(0, cited);
                    }
                }
            }
            "http-request" => {
                main.insert("protocols".to_owned(), json!(["tcp", "http"]));
                let address = main.get("dst_ref").cloned();
                let named = self.built.others.iter_mut().find(|one| one["type"] == "domain-name");
                if let (Some(named), Some(address)) = (named, address) {
                    named["resolves_to_refs"] = json!([address]);
                }
            }
            "netflow" => {
                let extensions = main.get("extensions");
                let has_flags = extensions.is_some_and(|all| all["tcp-ext"].is_object());
                if let Some(Value::Array(all)) = main.get_mut("protocols").filter(|_| has_flags) {
                    all.insert(0, "tcp".into());
                }
            }
            _ => {}
        }
        if self.kind == "network-traffic" && !main.contains_key("protocols") {
            let named = ["dst_ref", "src_ref"].iter().find_map(|name| main.get(*name)?.as_str());
            let version = named.map(|id| if id.starts_with("ipv6") { "ipv6" } else { "ipv4" });
            main.extend(version.map(|version| ("protocols".to_owned(), json!([version]))));
        }
    }
}

fn push(slot: &mut Value, value: Value) {
    match slot {
        Value::Array(all) => all.push(value),
        _ => *slot = json!([value]),
    }
}

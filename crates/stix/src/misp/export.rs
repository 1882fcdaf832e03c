//! STIX into events of MISP.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::attribute::quoted;
use super::parts::parts;
use super::template::Template;
use super::{back, galaxy, label, list, named, parts, template, text, types};
use crate::marking::{Meaning, Pap, Tlp};

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
    let said = Said::of(objects);
    let mut taken = BTreeSet::new();
    let mut made = Vec::new();
    let publisher = json!({ "name": org, "uuid": named(org) });
    for report in objects.iter().filter(|one| is_report(one)) {
        let named = list(report, "object_refs").iter().filter_map(Value::as_str);
        let mut own: Vec<&Value> = named.filter_map(|id| by_id.get(id).copied()).collect();
        own.extend(said.notes.get(text(report, "id").unwrap_or_default()).into_iter().flatten());
        taken.extend(own.iter().filter_map(|one| text(one, "id")));
        let author = text(report, "created_by_ref").and_then(|id| organisation(id, &by_id));
        let head = Head {
            uuid: uuid(report),
            info: text(report, "name").unwrap_or("report").to_owned(),
            at: at(report).unwrap_or(now),
            org: author.unwrap_or_else(|| publisher.clone()),
            of: Some(report),
        };
        made.push(head.event(&own, &said, &by_id));
    }
    let rest: Vec<&Value> = objects
        .iter()
        .filter(|one| !is_report(one) && text(one, "id").is_some_and(|id| !taken.contains(id)))
        .collect();
    let info = "Objects of no report".to_owned();
    let head =
        Head { uuid: named(&format!("{org} {info}")), info, at: now, org: publisher, of: None };
    let event = head.event(&rest, &said, &by_id);
    if ["Attribute", "Object"].iter().any(|name| !list(&event.value, name).is_empty()) {
        made.push(event);
    }
    made
}

/// What is said of an object: who saw it, and who says that it was none; what it indicates.
#[derive(Default)]
struct Said<'v> {
    seen: HashMap<&'v str, Vec<&'v Value>>,
    doubted: HashMap<&'v str, Vec<&'v Value>>,
    /// Notes about an object.
    notes: HashMap<&'v str, Vec<&'v Value>>,
    /// Relationships from an object.
    related: HashMap<&'v str, Vec<&'v Value>>,
}

impl<'v> Said<'v> {
    fn of(objects: &'v [Value]) -> Self {
        let mut said = Self::default();
        for one in objects {
            match text(one, "type") {
                Some("sighting") => {
                    let of = text(one, "sighting_of_ref").unwrap_or_default();
                    said.seen.entry(of).or_default().push(one);
                }
                Some("opinion")
                    if text(one, "opinion").is_some_and(|o| o.ends_with("disagree")) =>
                {
                    for of in list(one, "object_refs").iter().filter_map(Value::as_str) {
                        said.doubted.entry(of).or_default().push(one);
                    }
                }
                Some("note") => {
                    for of in list(one, "object_refs").iter().filter_map(Value::as_str) {
                        said.notes.entry(of).or_default().push(one);
                    }
                }
                Some("relationship") => {
                    let from = text(one, "source_ref").unwrap_or_default();
                    said.related.entry(from).or_default().push(one);
                }
                _ => {}
            }
        }
        said
    }

    /// What is said of an object beside what it says itself.
    fn about(&self, id: &str) -> impl Iterator<Item = &'v Value> {
        let of = |all: &HashMap<&str, Vec<&'v Value>>| all.get(id).cloned().unwrap_or_default();
        of(&self.seen).into_iter().chain(of(&self.doubted))
    }

    /// Sightings of an object, as MISP has them.
    fn sightings(&self, id: &str, now: i64, by_id: &HashMap<&str, &Value>) -> Vec<Value> {
        let of = |all: &HashMap<&str, Vec<&Value>>, kind: &str| -> Vec<Value> {
            let all = all.get(id).map_or(&[][..], Vec::as_slice).iter();
            let made = all.map(|one| {
                let at = at(one).unwrap_or(now).to_string();
                let mut made = json!({ "uuid": uuid(one), "type": kind, "date_sighting": at });
                let seen_by = list(one, "where_sighted_refs").first().and_then(Value::as_str);
                let by = if kind == "0" { seen_by } else { text(one, "created_by_ref") };
                if let Some(org) = by.and_then(|id| organisation(id, by_id)) {
                    made["Organisation"] = org;
                }
                made
            });
            made.collect()
        };
        [of(&self.seen, "0"), of(&self.doubted, "1")].concat()
    }
}

/// The organisation of this identifier, as far as it is among the objects.
fn organisation(id: &str, by_id: &HashMap<&str, &Value>) -> Option<Value> {
    let identity = by_id.get(id)?;
    Some(json!({ "name": text(identity, "name")?, "uuid": uuid(identity) }))
}

struct Head<'v> {
    uuid: String,
    info: String,
    at: i64,
    org: Value,
    of: Option<&'v Value>,
}

/// An event as it comes together.
struct Making<'v> {
    by_id: &'v HashMap<&'v str, &'v Value>,
    said: &'v Said<'v>,
    at: i64,
    /// By type and value.
    attributes: BTreeMap<(String, String), Vec<Value>>,
    objects: Vec<Value>,
    reports: Vec<Value>,
    /// Clusters by their identifiers, until they stand where they belong.
    clusters: BTreeMap<&'v str, &'v Value>,
    /// What stands somewhere already.
    taken: HashSet<&'v str>,
    /// Objects of the event, and what of STIX speaks for each.
    referring: Vec<(String, &'v str)>,
}

impl<'v> Head<'v> {
    fn event(
        self,
        own: &[&'v Value],
        said: &'v Said<'v>,
        by_id: &'v HashMap<&'v str, &'v Value>,
    ) -> Event {
        let mut making = Making {
            by_id,
            said,
            at: self.at,
            attributes: BTreeMap::new(),
            objects: Vec::new(),
            reports: Vec::new(),
            clusters: BTreeMap::new(),
            taken: HashSet::new(),
            referring: Vec::new(),
        };
        // Indicators first: what is looked for says so, where it was observed too.
        let order = |one: &&Value| match text(one, "type") {
            Some("indicator") => 0,
            Some("observed-data") => 1,
            _ => 2,
        };
        let mut own = own.to_vec();
        own.sort_by_key(order);
        making.wholes(&own);
        own.iter().for_each(|object| making.original(object));
        own.iter().for_each(|object| making.object(object));
        own.iter().for_each(|object| making.in_parts(object));
        making.references();
        let galaxies = galaxy::back(&making.clusters.values().copied().collect::<Vec<_>>());
        let date = self.of.and_then(|of| text(of, "x_misp_date")).map(str::to_owned);
        let date = date.unwrap_or_else(|| super::stamp(self.at)[..10].to_owned());
        let published = self.of.is_none_or(|of| text(of, "type") == Some("report"));
        let released = self.of.and_then(|of| crate::time::Time::parse(text(of, "published")?));
        let released = released.map(crate::time::Time::seconds).or(published.then_some(self.at));
        let word = |name: &str, words: &[&str]| {
            let said = self.of.and_then(|of| label(of, name));
            let place = words.iter().position(|word| said.as_deref() == Some(*word));
            place.map(|place| place.to_string())
        };
        let threat = word("threat-level", &["", "High", "Medium", "Low", "Undefined"]);
        let analysis = word("analysis", &["Initial", "Ongoing", "Completed"]);
        let attributes: Vec<Value> = making.attributes.into_values().flatten().collect();
        let mut value = json!({
            "uuid": self.uuid, "info": self.info, "date": date, "timestamp": self.at.to_string(),
            "published": published, "publish_timestamp": released.unwrap_or_default().to_string(),
            "analysis": analysis.unwrap_or_else(|| "2".to_owned()),
            "threat_level_id": threat.unwrap_or_else(|| "4".to_owned()),
            "distribution": "0", "extends_uuid": "",
            "Orgc": self.org, "Attribute": attributes, "Object": making.objects,
        });
        let mut used: Vec<&Value> = self.of.into_iter().collect();
        used.extend(making.clusters.values());
        used.extend(own.iter().filter(|one| text(one, "type") == Some("note")));
        let mut tags = tags(&used, by_id);
        tags.extend(galaxy::tags(&galaxies));
        for (name, all) in [("Tag", tags), ("EventReport", making.reports), ("Galaxy", galaxies)] {
            if !all.is_empty() {
                value[name] = all.into();
            }
        }
        Event { uuid: self.uuid, value }
    }
}

impl<'v> Making<'v> {
    /// Objects that were one of MISP's, by its template.
    fn wholes(&mut self, own: &[&'v Value]) {
        let mut heads: BTreeMap<String, (&Template, Vec<&'v Value>)> = BTreeMap::new();
        for object in own {
            let template = label(object, "name").and_then(|name| template::named(&name));
            if let Some(template) =
                template.filter(|_| text(object, "type") != Some("x-misp-object"))
            {
                let (_, all) = heads.entry(uuid(object)).or_insert_with(|| (template, Vec::new()));
                all.push(object);
            }
        }
        for (uuid, (template, heads)) in heads {
            let of = |kind: &str| heads.iter().find(|one| text(one, "type") == Some(kind)).copied();
            let mut used = heads.clone();
            let mains: Vec<&Value> = if template.observed {
                let Some(seen) = of("observed-data") else { continue };
                let refs: Vec<&Value> = self.named(seen);
                used.extend(&refs);
                refs.into_iter().filter(|one| text(one, "type") == Some(template.kind)).collect()
            } else {
                vec![heads[0]]
            };
            let mut said: Vec<_> = mains
                .iter()
                .flat_map(|main| back::back(template, main, &used, self.by_id))
                .collect();
            let mut seen = BTreeSet::new();
            said.retain(|(relation, _, value, _)| seen.insert((relation.clone(), value.clone())));
            if said.is_empty() {
                continue;
            }
            let found = of("indicator");
            let pattern = found.and_then(|one| text(one, "pattern")).unwrap_or_default();
            let ids = heads.iter().filter_map(|one| text(one, "id"));
            used.extend(ids.flat_map(|id| self.said.about(id)));
            let tags = tags(&used, self.by_id);
            let time = at(heads[0]).unwrap_or(self.at).to_string();
            let sightings: Vec<Value> = heads
                .iter()
                .filter_map(|one| text(one, "id"))
                .flat_map(|id| self.said.sightings(id, self.at, self.by_id))
                .collect();
            let attributes =
                said.into_iter().enumerate().map(|(number, (relation, kind, value, data))| {
                    let is_in = |part: &str| pattern.contains(&format!("'{}'", quoted(part)));
                    let is_found = value.split('|').all(is_in) || pattern == value;
                    let mut it = attribute(&kind, &value, &time);
                    it["uuid"] = named(&format!("{uuid} {relation} {value}")).into();
                    it["object_relation"] = relation.into();
                    it["to_ids"] = is_found.into();
                    if let Some(data) = data {
                        it["data"] = data.into();
                    }
                    if !tags.is_empty() {
                        it["Tag"] = tags.clone().into();
                    }
                    if number == 0 && !sightings.is_empty() {
                        it["Sighting"] = sightings.clone().into();
                    }
                    it
                });
            self.objects.push(json!({
                "uuid": uuid, "name": template.name, "description": "",
                "meta-category": label(heads[0], "meta-category").unwrap_or_else(|| "misc".to_owned()),
                "comment": text(heads[0], "x_misp_comment").unwrap_or_default(),
                "timestamp": time, "distribution": "5", "deleted": false,
                "Attribute": attributes.collect::<Vec<_>>(),
            }));
            self.taken.extend(used.iter().filter_map(|one| text(one, "id")));
            let from = heads.iter().filter_map(|one| text(one, "id"));
            self.referring.extend(from.map(|id| (uuid.clone(), id)));
        }
    }

    /// References between objects of the event, as relationships say them.
    fn references(&mut self) {
        let whole = |one: &Value| text(one, "uuid").map(str::to_owned);
        let known: HashSet<String> = self
            .objects
            .iter()
            .flat_map(|one| list(one, "Attribute").iter().chain([one]))
            .chain(self.attributes.values().flatten())
            .filter_map(whole)
            .collect();
        let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (from, id) in &self.referring {
            for relation in self.said.related.get(id).into_iter().flatten() {
                let how = text(relation, "relationship_type").unwrap_or_default();
                let to = text(relation, "target_ref").unwrap_or_default();
                let to = to.rsplit_once("--").map_or(to, |(_, uuid)| uuid);
                if how == "based-on" || to == from || !known.contains(to) {
                    continue;
                }
                all.entry(from.clone()).or_default().push(json!({
                    "uuid": uuid(relation), "object_uuid": from, "referenced_uuid": to,
                    "relationship_type": how, "comment": "", "deleted": false,
                }));
            }
        }
        for object in &mut self.objects {
            if let Some(references) = whole(object).and_then(|uuid| all.remove(&uuid)) {
                object["ObjectReference"] = references.into();
            }
        }
    }

    /// What observed data names.
    fn named(&self, seen: &Value) -> Vec<&'v Value> {
        let ids = list(seen, "object_refs").iter().filter_map(Value::as_str);
        ids.filter_map(|id| self.by_id.get(id).copied()).collect()
    }

    /// What was an attribute of MISP, as it was.
    fn original(&mut self, object: &'v Value) {
        let Some(id) = text(object, "id").filter(|id| !self.taken.contains(id)) else { return };
        let Some(kind) = label(object, "type") else { return };
        let seen = match text(object, "type") {
            Some("observed-data") => Some(object),
            Some("indicator") => {
                self.by_id.get(format!("observed-data--{}", uuid(object)).as_str()).copied()
            }
            _ => return,
        };
        let refs = seen.map(|seen| self.named(seen)).unwrap_or_default();
        let Some(value) = parts::original(&kind, object, &refs) else { return };
        let data = refs.iter().find_map(|one| text(one, "payload_bin"));
        let mut used = vec![object];
        used.extend(seen);
        used.extend(refs);
        self.taken.extend(used.iter().filter_map(|one| text(one, "id")));
        let it = self.attribute(object, id, (&kind, &value), uuid(object), (data, &used));
        self.attributes.entry((kind, value)).or_default().push(it);
    }

    /// What an object is, whoever made it.
    fn object(&mut self, object: &'v Value) {
        let Some(id) = text(object, "id").filter(|id| !self.taken.contains(id)) else { return };
        if text(object, "type") == Some("note") {
            self.reports.push(json!({
                "uuid": uuid(object), "name": text(object, "abstract").unwrap_or("note"),
                "content": text(object, "content").unwrap_or_default(), "distribution": "5",
                "timestamp": at(object).unwrap_or(self.at).to_string(), "deleted": false,
            }));
            return;
        }
        if label(object, "galaxy-type").is_some() {
            self.clusters.insert(id, object);
            return;
        }
        let parts = parts(object);
        let is_one = parts.len() == 1;
        for (kind, value) in parts {
            let own = if is_one { uuid(object) } else { named(&format!("{id} {kind} {value}")) };
            let data = text(object, "x_misp_data");
            let it = self.attribute(object, id, (&kind, &value), own, (data, &[object]));
            let all = self.attributes.entry((kind, value)).or_default();
            // What was no attribute of MISP's may be observed and looked for, and is one.
            if all.is_empty() || label(object, "type").is_some() {
                all.push(it);
            }
        }
    }

    /// An attribute that an object became, with what is said of it; its markings are those of all that was used for it.
    fn attribute(
        &mut self,
        object: &'v Value,
        id: &'v str,
        (kind, value): (&str, &str),
        uuid: String,
        (data, used): (Option<&str>, &[&Value]),
    ) -> Value {
        let time = at(object).unwrap_or(self.at).to_string();
        let mut it = attribute(kind, value, &time);
        it["uuid"] = uuid.into();
        let is_known = types::category_of(kind).is_some();
        let category = label(object, "category").filter(|one| is_known && types::is_category(one));
        if let Some(category) = category {
            it["category"] = category.into();
        }
        let is_wanted = object["x_misp_to_ids"].as_bool();
        it["to_ids"] = is_wanted.unwrap_or(text(object, "type") == Some("indicator")).into();
        let observed = used.iter().find(|one| text(one, "type") == Some("observed-data"));
        for (name, of, own) in [
            ("first_seen", "first_observed", "x_misp_first_seen"),
            ("last_seen", "last_observed", "x_misp_last_seen"),
        ] {
            let seen = observed.and_then(|one| {
                let time = text(one, of)?;
                let same =
                    crate::time::Time::parse(time).map(crate::time::Time::seconds) == at(one);
                (!same).then_some(time)
            });
            let seen = seen.or_else(|| text(object, own));
            if let Some(seen) = seen {
                it[name] = seen.replace('Z', "+00:00").into();
            }
        }
        let comment = ["description", "x_misp_comment", "name"];
        let comment = comment.iter().find_map(|name| text(object, name));
        let comment = comment.filter(|comment| *comment != value).unwrap_or_default();
        it["comment"] =
            if is_known { comment.to_owned() } else { format!("{kind}: {comment}") }.into();
        if let Some(data) = data {
            it["data"] = data.into();
        }
        let (mut clusters, mut used) = (Vec::new(), used.to_vec());
        let speakers: Vec<&str> = used.iter().filter_map(|one| text(one, "id")).collect();
        for speaker in speakers {
            used.extend(self.said.about(speaker));
            for relation in self.said.related.get(speaker).into_iter().flatten() {
                let to = text(relation, "target_ref").unwrap_or_default();
                let cluster = self.by_id.get(to).filter(|one| label(one, "galaxy-type").is_some());
                let Some(cluster) = cluster.copied() else { continue };
                clusters.push(cluster);
                used.extend([relation, cluster]);
                self.taken.extend(text(cluster, "id"));
            }
        }
        self.clusters.retain(|id, _| !self.taken.contains(id));
        let galaxies = galaxy::back(&clusters);
        let mut tags = tags(&used, self.by_id);
        tags.extend(galaxy::tags(&galaxies));
        for (name, all) in [
            ("Tag", tags),
            ("Galaxy", galaxies),
            ("Sighting", self.said.sightings(id, self.at, self.by_id)),
        ] {
            if !all.is_empty() {
                it[name] = all.into();
            }
        }
        it
    }

    /// An object of MISP that came in parts: they stand in it again.
    fn in_parts(&mut self, object: &'v Value) {
        let Some(name) = text(object, "x_misp_name") else { return };
        let mut attributes = Vec::new();
        for (relation, ids) in object["x_misp_relations"].as_object().into_iter().flatten() {
            let ids = ids.as_array().into_iter().flatten().filter_map(Value::as_str);
            let uuids: BTreeSet<&str> =
                ids.filter_map(|id| id.rsplit_once("--").map(|(_, uuid)| uuid)).collect();
            let is_of = |it: &Value| text(it, "uuid").is_some_and(|own| uuids.contains(own));
            for all in self.attributes.values_mut() {
                for mut it in all.extract_if(.., |it| is_of(it)) {
                    it["object_relation"] = relation.as_str().into();
                    attributes.push(it);
                }
            }
        }
        if attributes.is_empty() {
            return;
        }
        let mut made = json!({
            "uuid": uuid(object), "name": name, "description": "",
            "meta-category": text(object, "x_misp_meta_category").unwrap_or("misc"),
            "comment": text(object, "x_misp_comment").unwrap_or_default(),
            "timestamp": at(object).unwrap_or(self.at).to_string(), "distribution": "5",
            "deleted": false, "Attribute": attributes,
        });
        for name in ["template_uuid", "template_version"] {
            if let Some(said) = text(object, &format!("x_misp_{name}")) {
                made[name] = said.into();
            }
        }
        self.objects.push(made);
        self.referring.extend(text(object, "id").map(|id| (uuid(object), id)));
    }
}

/// An attribute of which nothing more is said.
fn attribute(kind: &str, value: &str, time: &str) -> Value {
    let (kind, category) = types::category_of(kind).map_or(("other", "Other"), |of| (kind, of));
    json!({
        "type": kind, "value": value, "category": category, "to_ids": false,
        "timestamp": time, "comment": "", "distribution": "5", "disable_correlation": false,
        "deleted": false,
    })
}

/// Tags of what objects become: the strictest of the labels of each of them and of their parts, what statements say, and
/// their own labels. What is marked with something that nobody here knows is nobody's to pass on.
fn tags(objects: &[&Value], by_id: &HashMap<&str, &Value>) -> Vec<Value> {
    let mut names = BTreeSet::new();
    let (mut tlp, mut pap) = (None, None);
    let whole = objects.iter().flat_map(|object| list(object, "object_marking_refs"));
    let parts = objects.iter().flat_map(|object| list(object, "granular_markings"));
    let parts = parts.map(|one| &one["marking_ref"]);
    for id in whole.chain(parts).filter_map(Value::as_str) {
        let definition = by_id.get(id);
        let defined = || {
            let text = definition?.to_string();
            let json = crate::json::parse(text.as_bytes()).ok()?;
            json.as_object().map(Meaning::of)
        };
        match Meaning::of_id(id).or_else(defined).unwrap_or(Meaning::Unknown) {
            meaning @ (Meaning::Statement | Meaning::Unknown) => {
                let said = definition.map(|one| &one["definition"]["statement"]);
                let said = said.and_then(Value::as_str).unwrap_or_default();
                let named = definition.and_then(|one| text(one, "name"));
                // A label that was a tag is one again.
                match named.filter(|name| *name == said) {
                    Some(name) => names.insert(name.to_owned()),
                    None if meaning == Meaning::Statement => {
                        names.insert(format!("statement:\"{said}\""))
                    }
                    None => false,
                };
                if meaning == Meaning::Unknown {
                    tlp = tlp.max(Some(Tlp::Red));
                }
            }
            meaning => {
                tlp = tlp.max(meaning.tlp());
                pap = pap.max(meaning.pap());
            }
        }
    }
    names.extend(tlp.map(|tlp| Tlp::label(tlp).to_ascii_lowercase()));
    names.extend(pap.map(|pap| Pap::label(pap).to_owned()));
    let labels = objects.iter().flat_map(|object| list(object, "labels"));
    let labels = labels.filter_map(Value::as_str);
    names.extend(labels.filter(|label| !label.starts_with("misp:")).map(str::to_owned));
    names.into_iter().map(|name| json!({ "name": name })).collect()
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

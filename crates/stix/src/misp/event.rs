//! Events into STIX 2.1.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::attribute::{self, Meant};
use super::{
    Converted, Error, Tags, galaxy, is_deleted, labels, list, named, object, seconds, stamp,
    template, text, uuid_of, value_of,
};

/// Attributes and objects of one event.
const MOST: usize = 200_000;

/// Makes objects of STIX 2.1 of events: one, several in a list, or an answer of MISP's API.
///
/// # Errors
/// [`Error`]; what in an event has no meaning is in what is left.
pub fn to_stix(bytes: &[u8]) -> Result<Converted, Error> {
    let value: Value = serde_json::from_slice(bytes)?;
    let events = match &value {
        Value::Array(all) => all.iter().collect(),
        Value::Object(all) => match all.get("response") {
            Some(Value::Array(all)) => all.iter().collect(),
            Some(one) => vec![one],
            None => vec![&value],
        },
        _ => Vec::new(),
    };
    let mut made = Making::default();
    let mut is_any = false;
    for event in events {
        let event = event.get("Event").unwrap_or(event);
        if event.get("info").is_some() || event.get("Attribute").is_some() {
            is_any = true;
            made.event(event);
        }
    }
    if is_any { Ok(made.converted) } else { Err(Error::NoEvent) }
}

#[derive(Default)]
struct Making {
    converted: Converted,
    /// Where each identifier is among them.
    ids: HashMap<String, usize>,
    /// What attributes and objects became, by their UUIDs.
    became: HashMap<String, String>,
}

/// Whether two objects say the same: whoever names an organisation or a cluster gives it a time and marks of its own.
fn says_the_same(one: &Value, other: &Value) -> bool {
    let own = ["created", "modified", "created_by_ref", "object_marking_refs", "valid_from"];
    let says = |object: &Value| {
        let mut says = object.clone();
        if let Some(members) = says.as_object_mut() {
            members.retain(|name, _| !own.contains(&name.as_str()));
        }
        says
    };
    one == other || says(one) == says(other)
}

/// Attributes of an object that is made one thing.
const MOST_IN_ONE: usize = 1_000;

/// Whether an object keeps what the standard demands.
fn is_valid(object: &Value) -> bool {
    let text = object.to_string();
    crate::json::parse(text.as_bytes()).is_ok_and(|json| {
        crate::validate(&json).iter().all(|problem| problem.level != crate::Level::Must)
    })
}

fn mark(object: &mut Value, tags: &Tags) {
    if let Value::Object(object) = object {
        tags.mark(object);
    }
}

/// Whether an identifier is of something that is related to clusters: an observable is not, what saw it is.
fn may_relate(id: &str) -> bool {
    let kind = id.split("--").next().unwrap_or_default();
    ["observed-data", "x-misp-attribute", "vulnerability", "campaign", "threat-actor"]
        .contains(&kind)
}

/// When an attribute was first and last seen, where it says so; `time` else.
fn seen_between(attribute: &Value, time: &str) -> (String, String) {
    let said = |name| text(attribute, name).and_then(instant);
    let first = said("first_seen");
    let last = said("last_seen");
    let (first, last) = match (first, last) {
        (Some(first), Some(last)) if last >= first => (first, last),
        (Some(only), _) | (None, Some(only)) => (only.clone(), only),
        (None, None) => (time.to_owned(), time.to_owned()),
    };
    (first, last)
}

/// A time of MISP as STIX has it: in UTC, to the millisecond.
fn instant(text: &str) -> Option<String> {
    let utc = text.strip_suffix("+00:00").or_else(|| text.strip_suffix('Z'))?;
    let (whole, fraction) = utc.split_once('.').unwrap_or((utc, ""));
    let fraction = fraction.get(..3).filter(|three| *three != "000");
    let made = fraction.map_or_else(|| format!("{whole}Z"), |three| format!("{whole}.{three}Z"));
    crate::time::Time::parse(&made).map(|_| made)
}

/// What all objects of an event share.
struct Frame {
    author: String,
    time: String,
    tags: Tags,
}

impl Making {
    fn event(&mut self, event: &Value) {
        let uuid = uuid_of(event);
        let at = seconds(&event["timestamp"]).unwrap_or_default();
        let org = [&event["Orgc"], &event["orgc"]].into_iter().find(|org| org.is_object());
        let org = org.cloned().unwrap_or_else(|| json!({ "name": "MISP" }));
        let tags = Tags::of(event);
        let author = self.organisation(&org, &stamp(at), &tags);
        let frame = Frame { author, time: stamp(at), tags };
        let before = self.converted.objects.len();
        self.define(&frame.tags);
        let mut refs: Vec<String> = Vec::new();
        for attribute in list(event, "Attribute").iter().take(MOST) {
            refs.extend(self.attribute(attribute, &frame, None));
        }
        for object in list(event, "Object").iter().take(MOST) {
            refs.extend(self.object(object, &frame));
        }
        for object in list(event, "Object").iter().take(MOST) {
            self.references(object, &frame);
        }
        for mut cluster in galaxy::clusters(event, &frame.time) {
            mark(&mut cluster, &frame.tags);
            refs.extend(cluster["id"].as_str().map(str::to_owned));
            self.add(cluster);
        }
        if list(event, "Attribute").len() > MOST || list(event, "Object").len() > MOST {
            self.leave(&uuid, &format!("it has more than {MOST} attributes or objects"));
        }
        if self.converted.objects.len() == before {
            refs.push(frame.author.clone());
        }
        refs.sort_unstable();
        refs.dedup();
        let published = event["published"].as_bool().unwrap_or(false);
        let kind = if published { "report" } else { "grouping" };
        let mut report = self.common(kind, &uuid, &frame, &frame.tags);
        report.insert("name".to_owned(), text(event, "info").unwrap_or("event").into());
        if published {
            let when = seconds(&event["publish_timestamp"]).filter(|at| *at > 0).unwrap_or(at);
            report.insert("published".to_owned(), stamp(when).into());
        } else {
            report.insert("context".to_owned(), "suspicious-activity".into());
        }
        report.insert("object_refs".to_owned(), refs.into());
        if let Some(date) = text(event, "date").filter(|date| *date != &stamp(at)[..10]) {
            report.insert("x_misp_date".to_owned(), date.into());
        }
        let mut own = frame.tags.labels.clone();
        for (name, words) in [
            ("threat_level_id", ["", "High", "Medium", "Low", "Undefined"].as_slice()),
            ("analysis", ["Initial", "Ongoing", "Completed"].as_slice()),
        ] {
            let number = seconds(&event[name]).and_then(|number| usize::try_from(number).ok());
            let word = number.and_then(|number| words.get(number)).filter(|word| !word.is_empty());
            let name = name.trim_end_matches("_id").replace('_', "-");
            own.extend(word.map(|word| format!("misp:{name}=\"{word}\"")));
        }
        report.insert("labels".to_owned(), labels(&[("tool", "MISP")], &own));
        for one in list(event, "EventReport").iter().filter(|one| !is_deleted(one)) {
            let Some(content) = text(one, "content") else { continue };
            let mut note = self.common("note", &uuid_of(one), &frame, &frame.tags);
            note.extend(text(one, "name").map(|name| ("abstract".to_owned(), name.into())));
            note.insert("content".to_owned(), content.into());
            note.insert("object_refs".to_owned(), json!([report["id"]]));
            self.add(note.into());
        }
        self.add(report.into());
    }

    /// What every object has that somebody made.
    fn common(&self, kind: &str, uuid: &str, frame: &Frame, tags: &Tags) -> Map<String, Value> {
        let mut object = Map::new();
        for (name, value) in [
            ("type", kind),
            ("spec_version", "2.1"),
            ("id", &format!("{kind}--{uuid}")),
            ("created_by_ref", &frame.author),
            ("created", &frame.time),
            ("modified", &frame.time),
        ] {
            object.insert(name.to_owned(), value.into());
        }
        tags.mark(&mut object);
        object
    }

    /// An attribute: what it is, what finds it, and that the one rests on the other; their identifiers.
    fn attribute(&mut self, attribute: &Value, event: &Frame, object: Option<&str>) -> Vec<String> {
        let uuid = uuid_of(attribute);
        if is_deleted(attribute) {
            return Vec::new();
        }
        let (Some(kind), Some(value)) = (text(attribute, "type"), value_of(attribute)) else {
            self.leave(&uuid, "it has no type and value");
            return Vec::new();
        };
        let value = &*value;
        let category = text(attribute, "category").unwrap_or("Other");
        let mut tags = Tags::of(attribute);
        self.define(&tags);
        tags.inherit(&event.tags);
        let at = seconds(&attribute["timestamp"]).map_or_else(|| event.time.clone(), stamp);
        let frame = Frame { author: event.author.clone(), time: at, tags: Tags::default() };
        let own = labels(&[("type", kind), ("category", category)], &tags.labels);
        let wanted = match &attribute["to_ids"] {
            Value::Bool(wanted) => *wanted,
            Value::Number(number) => number.as_i64() == Some(1),
            Value::String(text) => text == "1" || text.eq_ignore_ascii_case("true"),
            _ => false,
        };
        let meant = attribute::meant(kind, value, text(attribute, "data"), &uuid);
        // A value that STIX does not take is kept as what it was.
        let meant = meant.filter(|meant| match meant {
            Meant::Observed(objects, _) => objects.iter().all(is_valid),
            _ => true,
        });
        let mut ids = Vec::new();
        let comment = text(attribute, "comment");
        let indicator = |making: &mut Self, pattern: &str, language: &str| {
            let mut it = making.common("indicator", &uuid, &frame, &tags);
            it.extend(comment.map(|comment| ("description".to_owned(), comment.into())));
            it.insert("pattern".to_owned(), pattern.into());
            it.insert("pattern_type".to_owned(), language.into());
            if language == "stix" {
                it.insert("pattern_version".to_owned(), "2.1".into());
            }
            it.insert("valid_from".to_owned(), frame.time.replace(".000Z", "Z").into());
            let phase = json!([{ "kill_chain_name": "misp-category", "phase_name": category }]);
            it.insert("kill_chain_phases".to_owned(), phase);
            it.insert("labels".to_owned(), own.clone());
            // A rule is an indicator whether it is for detection or not.
            if !wanted {
                it.insert("x_misp_to_ids".to_owned(), false.into());
            }
            let id = it["id"].as_str().unwrap_or_default().to_owned();
            making.add(it.into());
            id
        };
        let mut looked_for = None;
        match meant {
            Some(Meant::Observed(objects, pattern)) => {
                let mut seen = self.common("observed-data", &uuid, &frame, &tags);
                let time = frame.time.replace(".000Z", "Z");
                let (first, last) = seen_between(attribute, &time);
                seen.insert("first_observed".to_owned(), first.into());
                seen.insert("last_observed".to_owned(), last.into());
                seen.insert("number_observed".to_owned(), 1.into());
                let refs: Value = objects.iter().map(|one| one["id"].clone()).collect();
                seen.insert("object_refs".to_owned(), refs);
                seen.insert("labels".to_owned(), own.clone());
                if let Some(comment) = comment.filter(|_| !wanted) {
                    seen.insert("x_misp_comment".to_owned(), comment.into());
                }
                let seen_id = seen["id"].as_str().unwrap_or_default().to_owned();
                for mut one in objects {
                    if let Value::Object(one) = &mut one {
                        tags.mark(one);
                    }
                    ids.extend(one["id"].as_str().map(str::to_owned));
                    self.add(one);
                }
                self.add(seen.into());
                ids.push(seen_id.clone());
                if wanted {
                    let id = indicator(self, &pattern, "stix");
                    self.relate(&id, "based-on", &seen_id, &frame, &tags);
                    looked_for = Some(id);
                }
            }
            Some(Meant::Pattern(pattern)) if wanted => {
                looked_for = Some(indicator(self, &pattern, "stix"));
            }
            Some(Meant::Rule(language, rule)) => {
                looked_for = Some(indicator(self, &rule, language));
            }
            Some(Meant::Thing(kind, name)) => {
                let mut it = self.common(kind, &uuid, &frame, &tags);
                it.extend(comment.map(|comment| ("description".to_owned(), comment.into())));
                if kind == "vulnerability" && name.starts_with("CVE-") {
                    let cve = json!([{ "source_name": "cve", "external_id": name }]);
                    it.insert("external_references".to_owned(), cve);
                }
                it.insert("name".to_owned(), name.into());
                it.insert("labels".to_owned(), own.clone());
                if wanted {
                    it.insert("x_misp_to_ids".to_owned(), true.into());
                }
                ids.extend(it["id"].as_str().map(str::to_owned));
                self.add(it.into());
            }
            // What is only looked for, and is not here, is kept as what it was.
            Some(Meant::Pattern(_)) | None => {
                let custom =
                    self.custom(attribute, (kind, value, category), (&frame, &tags), object);
                ids.push(custom);
            }
        }
        ids.extend(looked_for.clone());
        let found = looked_for
            .clone()
            .or_else(|| ids.iter().rev().find(|id| may_relate(id)).or(ids.first()).cloned());
        for mut cluster in galaxy::clusters(attribute, &frame.time) {
            mark(&mut cluster, &tags);
            let id = cluster["id"].as_str().unwrap_or_default().to_owned();
            self.add(cluster);
            let how = if looked_for.is_some() { "indicates" } else { "related-to" };
            if let Some(found) = &found {
                self.relate(found, how, &id, &frame, &tags);
            }
            ids.push(id);
        }
        if let Some(indicator) = looked_for.as_ref().or(ids.first()).cloned() {
            self.sightings(attribute, &indicator, &frame, &tags);
            self.became.insert(uuid, indicator);
        }
        ids
    }

    /// What STIX has no type for, so that it is not lost.
    fn custom(
        &mut self,
        attribute: &Value,
        (kind, value, category): (&str, &str, &str),
        (frame, tags): (&Frame, &Tags),
        object: Option<&str>,
    ) -> String {
        let mut it = self.common("x-misp-attribute", &uuid_of(attribute), frame, tags);
        for (name, value) in [
            ("x_misp_type", Some(kind)),
            ("x_misp_value", Some(value)),
            ("x_misp_category", Some(category)),
            ("x_misp_comment", text(attribute, "comment")),
            ("x_misp_data", text(attribute, "data")),
            ("x_misp_object", object),
        ] {
            it.extend(value.map(|value| (name.to_owned(), value.into())));
        }
        if attribute["to_ids"].as_bool() == Some(true) {
            it.insert("x_misp_to_ids".to_owned(), true.into());
        }
        for name in ["first_seen", "last_seen"] {
            let time = text(attribute, name).and_then(instant);
            it.extend(time.map(|time| (format!("x_misp_{name}"), time.into())));
        }
        it.insert(
            "labels".to_owned(),
            labels(&[("type", kind), ("category", category)], &tags.labels),
        );
        let id = it["id"].as_str().unwrap_or_default().to_owned();
        self.add(it.into());
        id
    }

    /// An object of MISP: its attributes, and what holds them together.
    fn object(&mut self, object: &Value, event: &Frame) -> Vec<String> {
        let uuid = uuid_of(object);
        if is_deleted(object) {
            return Vec::new();
        }
        let name = text(object, "name").unwrap_or("object");
        if let Some(ids) = self.whole(name, object, event) {
            return ids;
        }
        let mut ids = Vec::new();
        let mut relations = Map::new();
        for attribute in list(object, "Attribute").iter().take(MOST) {
            let own = self.attribute(attribute, event, Some(name));
            // By what they became: what they say is theirs to keep.
            let relation = text(attribute, "object_relation").unwrap_or("other");
            let of = relations.entry(relation.to_owned()).or_insert_with(|| json!([]));
            if let Value::Array(of) = of {
                of.extend(own.iter().map(|id| Value::from(id.as_str())));
            }
            ids.extend(own);
        }
        let at = seconds(&object["timestamp"]).map_or_else(|| event.time.clone(), stamp);
        let frame = Frame { author: event.author.clone(), time: at, tags: Tags::default() };
        let mut it = self.common("x-misp-object", &uuid, &frame, &event.tags);
        it.insert("x_misp_name".to_owned(), name.into());
        for (from, to) in [
            ("meta-category", "x_misp_meta_category"),
            ("comment", "x_misp_comment"),
            ("template_uuid", "x_misp_template_uuid"),
            ("template_version", "x_misp_template_version"),
        ] {
            it.extend(text(object, from).map(|value| (to.to_owned(), value.into())));
        }
        if !relations.is_empty() {
            it.insert("x_misp_relations".to_owned(), relations.into());
        }
        if !ids.is_empty() {
            it.insert("object_refs".to_owned(), ids.clone().into());
        }
        let meta = text(object, "meta-category").unwrap_or("misc");
        it.insert("labels".to_owned(), labels(&[("name", name), ("meta-category", meta)], &[]));
        let id = it["id"].as_str().unwrap_or_default().to_owned();
        self.add(it.into());
        self.became.insert(uuid, id.clone());
        ids.push(id);
        ids
    }

    /// An object of a known template as the one thing that it is: where its attributes say nothing that would be lost
    /// by that, and what comes of it is valid.
    fn whole(&mut self, name: &str, object: &Value, event: &Frame) -> Option<Vec<String>> {
        let template = template::named(name)?;
        let says_more = |attribute: &Value| {
            let has = |name: &str| !list(attribute, name).is_empty();
            let is_said = |name: &str| text(attribute, name).is_some();
            !super::names(attribute).is_empty()
                || has("Galaxy")
                || has("Sighting")
                || ["comment", "first_seen", "last_seen"].into_iter().any(is_said)
        };
        if list(object, "Attribute").len() > MOST_IN_ONE
            || list(object, "Attribute").iter().any(says_more)
        {
            return None;
        }
        let object::Built { main, others, pattern, rule, uuid: own } =
            object::build(template, object)?;
        let uuid = uuid_of(object);
        let tags = &event.tags;
        let at = seconds(&object["timestamp"]).map_or_else(|| event.time.clone(), stamp);
        let frame = Frame { author: event.author.clone(), time: at, tags: Tags::default() };
        let time = frame.time.replace(".000Z", "Z");
        let meta = text(object, "meta-category").unwrap_or("misc");
        let own_labels = labels(&[("name", name), ("meta-category", meta)], &[]);
        let comment = text(object, "comment");
        let phase = json!([{ "kill_chain_name": "misp-category", "phase_name": meta }]);
        let said = |it: &mut Map<String, Value>| {
            it.insert("labels".to_owned(), own_labels.clone());
            it.extend(comment.map(|comment| ("x_misp_comment".to_owned(), comment.into())));
        };
        let indicator = |making: &Self, language: &str, pattern: String| {
            let mut it = making.common("indicator", &uuid, &frame, tags);
            it.insert("pattern".to_owned(), pattern.into());
            it.insert("pattern_type".to_owned(), language.into());
            it.insert("valid_from".to_owned(), time.clone().into());
            it.insert("kill_chain_phases".to_owned(), phase.clone());
            said(&mut it);
            it
        };
        let mut made: Vec<Value> = Vec::new();
        if let Some((language, rule)) = rule {
            let mut it = indicator(self, language, rule);
            it.extend(main);
            made.push(it.into());
        } else if template.observed {
            let kind = template.kind;
            let mut all = vec![attribute::sco(kind, &own, main.into())];
            all.extend(others);
            let refs: Value = all.iter().map(|one| one["id"].clone()).collect();
            for mut one in all {
                if let Value::Object(one) = &mut one {
                    tags.mark(one);
                }
                made.push(one);
            }
            let mut seen = self.common("observed-data", &uuid, &frame, tags);
            seen.insert("first_observed".to_owned(), time.clone().into());
            seen.insert("last_observed".to_owned(), time.clone().into());
            seen.insert("number_observed".to_owned(), 1.into());
            seen.insert("object_refs".to_owned(), refs);
            said(&mut seen);
            made.push(seen.into());
            if let Some(pattern) = pattern {
                let mut it = indicator(self, "stix", pattern);
                it.insert("pattern_version".to_owned(), "2.1".into());
                made.push(it.into());
            }
        } else {
            let kind = if main.contains_key("is_family") { "malware" } else { template.kind };
            let mut it = self.common(kind, &uuid, &frame, tags);
            it.extend(main);
            if ["attack-pattern", "malware", "tool"].contains(&kind) {
                it.insert("kill_chain_phases".to_owned(), phase.clone());
            }
            said(&mut it);
            made.push(it.into());
        }
        if !made.iter().all(is_valid) {
            return None;
        }
        let ids: Vec<String> =
            made.iter().filter_map(|one| one["id"].as_str().map(str::to_owned)).collect();
        made.into_iter().for_each(|one| self.add(one));
        let first = |kind: &str| ids.iter().find(|id| id.starts_with(kind)).cloned();
        let (found, seen) = (first("indicator--"), first("observed-data--"));
        if let (Some(found), Some(seen)) = (&found, &seen) {
            self.relate(found, "based-on", seen, &frame, tags);
        }
        let known = found.or(seen).or_else(|| ids.first().cloned())?;
        self.became.insert(uuid, known);
        Some(ids)
    }

    /// What an object says of others.
    fn references(&mut self, object: &Value, event: &Frame) {
        for reference in list(object, "ObjectReference").iter().filter(|one| !is_deleted(one)) {
            let whole = |name| text(reference, name).map(str::to_ascii_lowercase);
            let (Some(to), Some(how)) = (whole("referenced_uuid"), whole("relationship_type"))
            else {
                continue;
            };
            let ends = (self.became.get(&uuid_of(object)), self.became.get(&to));
            if let (Some(from), Some(to)) = (ends.0.cloned(), ends.1.cloned()) {
                let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
                let how: String = how.chars().map(plain).collect();
                self.relate(&from, how.trim_matches('-'), &to, event, &event.tags);
            }
        }
    }

    /// An organisation; its identifier.
    fn organisation(&mut self, org: &Value, time: &str, tags: &Tags) -> String {
        let id = format!("identity--{}", uuid_of(org));
        let name = text(org, "name").unwrap_or("MISP");
        let mut it = json!({
            "type": "identity", "spec_version": "2.1", "id": id, "created": time, "modified": time,
            "name": name, "identity_class": "organization",
        });
        mark(&mut it, tags);
        self.add(it);
        id
    }

    /// Who saw it: a sighting; that it was none: an opinion.
    fn sightings(&mut self, attribute: &Value, id: &str, frame: &Frame, tags: &Tags) {
        for sighting in list(attribute, "Sighting") {
            let uuid = uuid_of(sighting);
            let at = seconds(&sighting["date_sighting"]).map(stamp);
            let at = at.unwrap_or_else(|| frame.time.clone());
            let org = Some(&sighting["Organisation"]).filter(|org| org.is_object());
            let org = org.map(|org| self.organisation(org, &frame.time, tags));
            let mut its =
                Frame { author: frame.author.clone(), time: at.clone(), tags: Tags::default() };
            let is_object = crate::id::Id::parse(id).is_some_and(|id| {
                ["indicator", "x-misp-attribute", "vulnerability", "campaign"].contains(&id.kind)
            });
            match (text(sighting, "type").or(Some("0")), is_object) {
                (Some("0"), true) => {
                    let mut it = self.common("sighting", &uuid, &its, tags);
                    it.insert("sighting_of_ref".to_owned(), id.into());
                    it.extend(org.map(|org| ("where_sighted_refs".to_owned(), json!([org]))));
                    it.insert("first_seen".to_owned(), at.replace(".000Z", "Z").into());
                    it.insert("last_seen".to_owned(), at.replace(".000Z", "Z").into());
                    it.insert("count".to_owned(), 1.into());
                    self.add(it.into());
                }
                (Some("1"), _) => {
                    its.author = org.unwrap_or(its.author);
                    let mut it = self.common("opinion", &uuid, &its, tags);
                    it.insert("opinion".to_owned(), "strongly-disagree".into());
                    it.insert("explanation".to_owned(), "False positive sighting".into());
                    it.insert("object_refs".to_owned(), json!([id]));
                    self.add(it.into());
                }
                _ => self.leave(&uuid, "a sighting of something that STIX has no sightings of"),
            }
        }
    }

    fn relate(&mut self, from: &str, how: &str, to: &str, frame: &Frame, tags: &Tags) {
        let uuid = named(&format!("{from} {how} {to}"));
        let mut it = self.common("relationship", &uuid, frame, tags);
        it.insert("relationship_type".to_owned(), how.into());
        it.insert("source_ref".to_owned(), from.into());
        it.insert("target_ref".to_owned(), to.into());
        self.add(it.into());
    }

    fn define(&mut self, tags: &Tags) {
        for definition in tags.definitions.clone() {
            self.add(definition);
        }
    }

    /// Each object once.
    fn add(&mut self, object: Value) {
        let id = object["id"].as_str().unwrap_or_default();
        match self.ids.get(id) {
            None => {
                self.ids.insert(id.to_owned(), self.converted.objects.len());
                self.converted.objects.push(object);
            }
            Some(at) if !says_the_same(&self.converted.objects[*at], &object) => {
                let id = id.to_owned();
                self.leave(&id, "something else with this identifier came before it");
            }
            Some(_) => {}
        }
    }

    fn leave(&mut self, what: &str, why: &str) {
        self.converted.left.push((what.to_owned(), why.to_owned()));
    }
}

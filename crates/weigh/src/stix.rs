//! Results as STIX 2.1: what each party believes as its own relationship, never one of them as a fact.
//!
//! | here | there |
//! |---|---|
//! | a party | `identity` |
//! | what happened | `intrusion-set` |
//! | a hypothesis | `threat-actor`, and a `grouping` of all that is said of it |
//! | how probable a party holds it | `relationship` `attributed-to`, by that party, with confidence |
//! | a party's result | `report` |
//! | a party's word on another's result | `opinion` |
//! | word, scale, exact fraction, root count; tasking and beneficiary of a chain | an extension |

use num_rational::BigRational;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::ratio::{decimal, exact};
use crate::result::{PartyResult, Question, Run};
use crate::words::{self, word};

/// The extension's definition has one id wherever this is used.
const EXTENSION: &str = "extension-definition--6f5b1c6e-0f0e-5b8e-9a57-9d1d7c0d2a41";

/// When the extension was defined.
const DEFINED: &str = "2026-11-01T00:00:00.000Z";

/// Ids follow from what they name and the file that says it, below this: the same file gives the same bundle,
/// another file no object of the same id.
const SPACE: Uuid = Uuid::from_u128(0x6f5b_1c6e_0f0e_5b8e_9a57_9d1d_7c0d_2a42);

impl Run {
    /// A bundle of what this file gave, published at this time (RFC 3339, UTC, milliseconds).
    #[must_use]
    pub fn to_stix(&self, file: &str, published: &str) -> Value {
        let space = Uuid::new_v5(&SPACE, file.as_bytes());
        let mut made = Bundle { now: published.to_owned(), space, objects: Vec::new() };
        made.definition();
        for (link, question) in self.questions() {
            made.question(self, link, question);
        }
        let id = made.id("bundle", &published);
        json!({ "type": "bundle", "id": id, "objects": made.objects })
    }
}

struct Bundle {
    now: String,
    space: Uuid,
    objects: Vec<Value>,
}

impl Bundle {
    fn id(&self, kind: &str, name: &dyn std::fmt::Debug) -> String {
        let uuid = Uuid::new_v5(&self.space, format!("{kind} {name:?}").as_bytes());
        format!("{kind}--{uuid}")
    }

    /// Adds an object unless one of its id is there; returns the id.
    fn add(&mut self, kind: &str, name: &dyn std::fmt::Debug, fields: Value) -> String {
        let id = self.id(kind, name);
        if self.objects.iter().all(|object| object["id"] != id.as_str()) {
            let mut object = json!({
                "type": kind, "spec_version": "2.1", "id": id, "created": self.now, "modified": self.now,
            });
            if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
                object.extend(fields);
            }
            self.objects.push(object);
        }
        id
    }

    fn definition(&mut self) {
        // Who defines the extension is the same whatever the file is.
        let author = format!("identity--{}", Uuid::new_v5(&SPACE, b"comity-weigh"));
        self.objects.push(json!({
            "type": "identity", "spec_version": "2.1", "id": author,
            "created": DEFINED, "modified": DEFINED,
            "name": "comity-weigh", "identity_class": "system",
        }));
        self.objects.push(json!({
            "type": "extension-definition", "spec_version": "2.1", "id": EXTENSION,
            "created": DEFINED, "modified": DEFINED,
            "created_by_ref": author, "name": "Weighed attribution", "version": "1.0.0",
            "schema": "docs/weigh.md", "extension_types": ["property-extension"],
            "description": "What a party believes of a hypothesis: exact fraction, word and its scale, the roots it rests on; of a chain, how far tasking and beneficiary are shown.",
        }));
    }

    fn question(&mut self, run: &Run, link: Option<&str>, question: &Question) {
        let hypotheses = &question.case.hypotheses;
        // What two hold exactly alike, each holds: it is disputed where no hypothesis is everybody's.
        let shown = question.parties.values().filter(|result| result.is_shown());
        let tops: Vec<Vec<usize>> =
            shown.map(|result| [vec![result.one_witness.top()], result.ties()].concat()).collect();
        let common = |hypothesis: &usize| tops.iter().all(|held| held.contains(hypothesis));
        let disputed = tops.first().is_some_and(|held| !held.iter().any(common));
        let mut labels = vec![match (disputed, tops.len()) {
            (true, _) => "disputed".to_owned(),
            (false, 1) => "one-partys-view".to_owned(),
            (false, _) => "undisputed-among-the-parties".to_owned(),
        }];
        labels.extend(run.record().map(|record| format!("{}-attribution", record.as_str())));
        let what = link.unwrap_or("what happened");
        let happened = self.add(
            "intrusion-set",
            &what,
            json!({ "name": format!("{what}: the matter weighed here") }),
        );
        let actors: Vec<String> = hypotheses
            .iter()
            .map(|name| {
                self.add(
                    "threat-actor",
                    &(what, name),
                    json!({ "name": name, "labels": ["hypothesis"] }),
                )
            })
            .collect();
        let mut said: Vec<Vec<String>> =
            actors.iter().map(|actor| vec![actor.clone(), happened.clone()]).collect();
        let mut reports = Vec::new();
        // A party to whom nothing is shown says nothing: what it believed before is no attribution.
        for (party, result) in question.parties.iter().filter(|(_, result)| result.is_shown()) {
            let identity = self.add(
                "identity",
                &party,
                json!({ "name": party, "identity_class": "organization" }),
            );
            let mut refs = vec![happened.clone()];
            for (index, share) in result.one_witness.shares().iter().enumerate() {
                let id = self.add(
                    "relationship",
                    &(what, party, index),
                    json!({
                        "relationship_type": "attributed-to",
                        "source_ref": happened, "target_ref": actors[index],
                        "created_by_ref": identity,
                        "confidence": confidence(share),
                        "labels": labels,
                        "description": format!("{party} holds this {}: one of {} exclusive hypotheses, not a fact.",
                            word(share), hypotheses.len()),
                        "extensions": { EXTENSION: weighed(share, result) },
                    }),
                );
                refs.extend([actors[index].clone(), id.clone()]);
                said[index].push(id);
            }
            let mut extension =
                weighed(&result.one_witness.share(result.one_witness.top()), result);
            if let (Some(chain), Value::Object(extension)) = (run.chains.get(party), &mut extension)
            {
                for (name, at) in [("tasking", 3), ("beneficiary", 4)] {
                    // What is not shown, or not in the file, is left out: STIX has no null.
                    let shown = chain.conditional[at].as_ref().map(exact);
                    extension.extend(shown.map(|shown| (name.to_owned(), shown.into())));
                    let link = run.links.iter().find(|(known, _)| known == name);
                    let claims = link.map(|(_, question)| question.claims());
                    extension.extend(claims.map(|c| (format!("{name}_claims"), c.into())));
                }
                let first = chain.first_unshown().map(Value::from);
                extension.extend(first.map(|first| ("first_link_not_shown".to_owned(), first)));
            }
            if let Value::Object(extension) = &mut extension {
                let grades = question.case.grades.iter();
                let grades = grades.map(|(grade, r)| (grade.to_string(), exact(r).into()));
                let mut grades: Map<String, Value> = grades.collect();
                if result.unknown.is_some() {
                    grades.insert("F".to_owned(), "1/5 and 19/20".into());
                }
                // STIX has no empty object.
                if !grades.is_empty() {
                    extension.insert("believed".to_owned(), grades.into());
                }
            }
            // Who holds an exhibit finds its item by the digest.
            let exhibits: Vec<Value> = question
                .case
                .items
                .iter()
                .filter_map(|(id, item)| Some((id, item.exhibit.as_ref()?)))
                .map(|(id, digest)| {
                    json!({ "source_name": "exhibit", "external_id": id, "hashes": { "SHA-256": digest } })
                })
                .collect();
            let mut fields = json!({
                "name": format!("{}: what {party} believes", matter(run, link)),
                "report_types": ["threat-actor"],
                "published": self.now, "created_by_ref": identity, "labels": labels,
                "object_refs": refs, "extensions": { EXTENSION: extension },
            });
            if !exhibits.is_empty() {
                fields["external_references"] = exhibits.into();
            }
            let report = self.add("report", &(what, party), fields);
            reports.push((party, identity, report));
        }
        for (index, refs) in said.into_iter().enumerate() {
            self.add(
                "grouping",
                &(what, &hypotheses[index], "grouping"),
                json!({ "name": hypotheses[index], "context": "suspicious-activity", "object_refs": refs }),
            );
        }
        self.opinions(what, question, &reports);
    }

    /// What every party says of every other's result: how probable it holds what that one holds.
    fn opinions(&mut self, what: &str, question: &Question, reports: &[(&String, String, String)]) {
        for (party, identity, _) in reports {
            for (other, _, report) in reports.iter().filter(|(other, ..)| other != party) {
                let leaders = question.parties[*other].one_witness.leaders();
                let own = question.parties[*party].one_witness.leaders();
                let common = leaders.iter().find(|held| own.contains(held)).copied();
                let claim = common.unwrap_or(question.parties[*other].one_witness.top());
                let share = &question.parties[*party].one_witness.share(claim);
                let below = |percent: u32| *share < BigRational::new(percent.into(), 100.into());
                let opinion = match () {
                    // Who holds the same agrees, however little either is sure.
                    () if common.is_some() && below(95) => "agree",
                    () if below(5) => "strongly-disagree",
                    () if below(45) => "disagree",
                    () if below(55) => "neutral",
                    () if below(95) => "agree",
                    () => "strongly-agree",
                };
                let name = &question.case.hypotheses[claim];
                self.add(
                    "opinion",
                    &(what, party, other),
                    json!({
                        "opinion": opinion, "object_refs": [report], "created_by_ref": identity,
                        "explanation": format!("{party} holds {name} {}: {}.", word(share), exact(share)),
                    }),
                );
            }
        }
    }
}

/// What a report is about: the file's title, and of a chain the link.
fn matter(run: &Run, link: Option<&str>) -> String {
    match (run.title(), link) {
        (Some(title), Some(link)) => format!("{title}, {link}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "what happened".to_owned(),
    }
}

/// STIX confidence: 0 to 100.
fn confidence(share: &BigRational) -> u8 {
    let hundred = BigRational::from_integer(100.into());
    let whole = (share * hundred).round().to_integer();
    u8::try_from(whole).unwrap_or(100)
}

fn weighed(share: &BigRational, result: &PartyResult) -> Value {
    let mut out = Map::new();
    out.insert("extension_type".to_owned(), "property-extension".into());
    out.insert("probability".to_owned(), exact(share).into());
    out.insert("probability_decimal".to_owned(), decimal(share, 6).into());
    out.insert("word".to_owned(), word(share).into());
    out.insert("scale".to_owned(), words::SCALE.into());
    out.insert("roots".to_owned(), result.roots().into());
    out.into()
}

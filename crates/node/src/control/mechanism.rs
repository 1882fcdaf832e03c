//! What commands ask about the standing mechanism: matters, the hotline, duty, alerts.

use comity_rules::access::Person;
use comity_rules::matter::{Signal, Topic};
use comity_rules::template::Template;
use comity_rules::thread::View;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Credentials, PAGE, definitions_json, named, person, statement_json, to_state};
use crate::duty::{Contact, Handover, Route, Shift};
use crate::matters::{Dossier, Line};
use crate::node::{Error, Node};

/// A question about the standing mechanism.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// List matters.
    Matters {
        /// About what.
        topic: Topic,
        /// Only those that are not over.
        open: bool,
        /// Those after this cursor, from the page before.
        after: Option<u64>,
    },
    /// Show a matter.
    Matter {
        /// Its id or the first digits.
        id: String,
    },
    /// What meetings left to be done.
    OpenActions,
    /// How a hotline is.
    Hotline {
        /// The agreement; the only one, where it is left out.
        agreement: Option<String>,
    },
    /// Test a hotline now.
    Test {
        /// The agreement; the only one, where it is left out.
        agreement: Option<String>,
        /// How.
        signal: Signal,
        /// Whose act it is.
        who: Option<Credentials>,
    },
    /// Note how an account is reached.
    Reach {
        /// Whose.
        account: String,
        /// Address for e-mail.
        email: String,
        /// `en` or `zh`.
        language: String,
        /// From which step of a ladder on.
        step: u32,
    },
    /// How people are reached.
    Contacts,
    /// Who is on duty.
    Roster,
    /// Put an account on duty.
    PutOn {
        /// Whose.
        account: String,
        /// Since when.
        starts: Timestamp,
        /// Until when.
        ends: Timestamp,
    },
    /// Take a shift off the roster.
    TakeOff {
        /// Its id.
        shift: String,
    },
    /// Hand over.
    HandOver {
        /// What the next shift must know.
        note: String,
        /// Whose act it is.
        who: Option<Credentials>,
    },
    /// Take over.
    TakeOver {
        /// Which handover.
        id: String,
        /// Whose act it is.
        who: Option<Credentials>,
    },
    /// The latest handovers.
    Handovers,
    /// Say which part an authority has in a request, or what it says of it.
    Route {
        /// The request.
        id: String,
        /// The authority.
        authority: String,
        /// Its part.
        part: String,
        /// What it says.
        stand: String,
        /// In words.
        note: String,
        /// Whose act it is.
        who: Option<Credentials>,
    },
    /// The parts of this party's authorities in a request.
    Routes {
        /// The request.
        id: String,
    },
    /// The templates of requests.
    Templates,
    /// A request, as a template has it.
    Template {
        /// Which.
        id: String,
        /// The agreement; the only one, where it is left out.
        agreement: Option<String>,
        /// `en` or `zh`.
        language: String,
    },
    /// The latest alerts.
    Alerts,
    /// Say that one has seen an alert.
    See {
        /// Its key.
        key: String,
        /// Whose act it is.
        who: Option<Credentials>,
    },
    /// Keep a webhook.
    AddWebhook {
        /// Its name.
        name: String,
        /// Where it is called.
        url: String,
    },
    /// List webhooks.
    Webhooks,
    /// Take a webhook away.
    RemoveWebhook {
        /// Its name.
        name: String,
    },
}

pub(super) async fn answer(node: &Node, question: Mechanism) -> Result<Value, Error> {
    let operator = Person::operator();
    match question {
        Mechanism::Matters { topic, open, after } => {
            let lines = node.matters(&operator, topic, open, after, PAGE).await?.into_inner();
            // Some of a page may be over by the terms: it ends where there is none.
            let next = lines.last();
            let matters: Value = lines.iter().map(|line| line_json(node, line)).collect();
            Ok(json!({ "matters": matters, "next": next.map(|line| line.summary.seq) }))
        }
        Mechanism::Matter { id } => {
            let thread = node.find(&id).await?;
            let dossier = node.matter(&operator, thread).await?.into_inner();
            node.journal("see", &thread.to_string()).await?;
            let mut value = dossier_json(node, &dossier);
            let line = &dossier.line;
            if line.summary.matter.topic == Topic::Dialogue {
                let items = node.actions_of(&line.agreement, &line.summary.matter).await?;
                let done = line.summary.matter.actions(View::ALL).unwrap_or_default();
                let actions = items.iter().zip(done).map(|(item, done)| {
                    json!({ "text": item.text, "party": item.party, "due": item.due, "done": done })
                });
                value["actions"] = actions.collect();
            }
            Ok(value)
        }
        Mechanism::OpenActions => {
            let all = node.open_actions(&operator).await?.into_inner();
            let json = all.iter().map(|action| {
                json!({
                    "thread": action.thread,
                    "meeting": action.meeting,
                    "number": action.number,
                    "text": action.item.text,
                    "party": action.item.party,
                    "due": action.item.due,
                })
            });
            Ok(json.collect())
        }
        Mechanism::Hotline { agreement } => {
            let agreement = named(node, agreement)?;
            let status = node.hotline_status(&operator, &agreement).await?;
            let next = status.next.iter().map(|(signal, due)| {
                // In whole seconds, as ledgers count them.
                let due = Timestamp::from_second(due.as_second()).unwrap_or(*due);
                json!({ "test": signal, "due": due })
            });
            Ok(json!({
                "agreement": agreement.terms.id,
                "peer": agreement.peer,
                "epoch": status.epochs.0,
                "epoch_there": status.epochs.1,
                "readiness": status.readiness,
                "next": next.collect::<Value>(),
                "automatic": status.automatic,
                "acknowledge_within": agreement.terms.hotline.as_ref()
                    .and_then(|hotline| hotline.acknowledge_within.as_ref()).map(ToString::to_string),
            }))
        }
        Mechanism::Test { agreement, signal, who } => {
            let (person, agreement) = (person(node, who).await?, to_state(node, agreement)?);
            let thread = node.test_hotline(&person, &agreement, signal).await?;
            Ok(json!({ "thread": thread }))
        }
        Mechanism::Reach { account, email, language, step } => {
            let contact = Contact { account, email, language, step };
            let value = contact_json(&contact);
            node.reach(&operator, contact).await?;
            Ok(value)
        }
        Mechanism::Contacts => {
            Ok(node.contacts(&operator).await?.iter().map(contact_json).collect())
        }
        Mechanism::Roster => Ok(node.roster(&operator).await?.iter().map(shift_json).collect()),
        Mechanism::PutOn { account, starts, ends } => {
            Ok(shift_json(&node.put_on_duty(&operator, &account, starts, ends).await?))
        }
        Mechanism::TakeOff { shift } => {
            if node.take_off_duty(&operator, &shift).await? {
                return Ok(json!({ "shift": shift }));
            }
            Err(Error::Missing { what: "shift", id: shift, hint: "; see `comity duty roster`" })
        }
        Mechanism::HandOver { note, who } => {
            let person = person(node, who).await?;
            Ok(handover_json(&node.hand_over(&person, &note).await?))
        }
        Mechanism::TakeOver { id, who } => {
            let person = person(node, who).await?;
            node.take_over(&person, &id).await?;
            Ok(json!({ "handover": id, "takes": person.name }))
        }
        Mechanism::Handovers => {
            Ok(node.handovers(&operator).await?.iter().map(handover_json).collect())
        }
        Mechanism::Route { id, authority, part, stand, note, who } => {
            let (person, thread) = (person(node, who).await?, node.find(&id).await?);
            node.route(&person, thread, &authority, (&part, &stand, &note)).await?;
            Ok(json!({ "request": thread, "authority": authority, "part": part, "stand": stand }))
        }
        Mechanism::Routes { id } => {
            let thread = node.find(&id).await?;
            let routes: Value =
                node.routes(&operator, thread).await?.iter().map(route_json).collect();
            let unsettled = node.unsettled(&operator, thread).await?;
            let unsettled: Vec<_> = unsettled.iter().map(ToString::to_string).collect();
            Ok(json!({ "request": thread, "routes": routes, "unsettled": unsettled }))
        }
        Mechanism::Templates => {
            let json = |one: &Template| {
                let (en, zh) = (one.name.in_language("en"), one.name.in_language("zh"));
                json!({ "id": one.id, "name": en, "name_zh": zh })
            };
            Ok(node.templates()?.iter().map(json).collect())
        }
        Mechanism::Template { id, agreement, language } => {
            let agreement = named(node, agreement)?;
            let terms = &agreement.terms;
            let (ask, missing) = node.template(&id)?.fill(terms, &language);
            let classes = terms.classes.iter().map(
                |class| json!({ "id": class.id, "is": class.definition.in_language(&language) }),
            );
            let classes: Value = classes.collect();
            Ok(json!({ "agreement": terms.id, "ask": ask, "classes": classes, "missing": missing }))
        }
        Mechanism::Alerts => {
            let all = node.alerts(&operator).await?;
            let json = all.iter().map(|(alert, sent, errors)| {
                json!({
                    "key": alert.key,
                    "at": alert.at,
                    "what": alert.what,
                    "thread": alert.thread,
                    "step": alert.step,
                    "sent": sent,
                    "errors": errors,
                    "seen_by": alert.seen.as_ref().map(|(who, _)| who),
                    "seen": alert.seen.as_ref().map(|(_, at)| at),
                })
            });
            Ok(json.collect())
        }
        Mechanism::See { key, who } => {
            let person = person(node, who).await?;
            let found = node.see_alert(&person, &key).await?;
            Ok(json!({ "key": key, "new": found }))
        }
        Mechanism::AddWebhook { name, url } => {
            let secret = node.add_webhook(&operator, &name, &url).await?;
            Ok(json!({ "name": name, "url": url, "secret": secret }))
        }
        Mechanism::Webhooks => {
            let all = node.webhooks(&operator).await?;
            Ok(all.iter().map(|(name, url)| json!({ "name": name, "url": url })).collect())
        }
        Mechanism::RemoveWebhook { name } => {
            if node.remove_webhook(&operator, &name).await? {
                return Ok(json!({ "name": name }));
            }
            let hint = "; see `comity alert webhook list`";
            Err(Error::Missing { what: "webhook", id: name, hint })
        }
    }
}

fn line_json(node: &Node, line: &Line) -> Value {
    let matter = &line.summary.matter;
    json!({
        "id": matter.thread,
        "topic": matter.topic,
        "signal": matter.signal(),
        "about": matter.about(),
        "title": line.summary.title,
        "opener": matter.opener,
        "other": matter.other,
        "exercise": matter.exercise,
        "agreement": line.agreement.terms.id,
        "terms": line.summary.terms,
        "state": line.state(),
        "over": line.standing.over,
        "waits_for": line.standing.waits_for,
        "waits_for_us": line.waits_for(node),
    })
}

fn dossier_json(node: &Node, dossier: &Dossier) -> Value {
    let mut value = line_json(node, &dossier.line);
    let matter = &dossier.line.summary.matter;
    value["marking"] = json!(dossier.marking());
    value["statements"] = dossier.statements.iter().map(statement_json).collect();
    value["definitions"] =
        definitions_json(&dossier.line.agreement.terms, None, &dossier.statements);
    if matter.topic == Topic::Hotline {
        let party = |opener| if opener { &matter.opener } else { &matter.other };
        let messages = matter.messages(View::ALL);
        let json = messages.iter().map(|message| {
            json!({
                "by": party(message.by_opener),
                "index": message.event.index,
                "signal": message.event.act.signal(),
                "acknowledged": message.acknowledged.map(|event| event.index),
                "again": message.again.map(|event| event.index),
                "settled": message.settled.map(|event| event.index),
                "ours": message.by_opener == (matter.opener == *node.party()),
                "over": dossier.line.fate(message).is_over(),
                "unopened": message.is_unopened(),
                "lost": dossier.line.is_gone(message) && !message.is_unopened(),
            })
        });
        value["messages"] = json.collect();
        let waiting = dossier.line.message_for(node.party());
        value["to_acknowledge"] = json!(waiting.map(|(index, _)| index));
        let again = dossier.line.to_say_again();
        value["to_say_again"] = json!(again.map(|(event, _)| event.index));
    }
    if matter.topic == Topic::Concern {
        value["positions"] = json!({
            matter.opener.as_str(): matter.position(true, View::ALL),
            matter.other.as_str(): matter.position(false, View::ALL),
        });
    }
    if matter.topic == Topic::Dialogue {
        value["held"] = json!(matter.held(View::ALL));
        let ours = matter.opener == *node.party();
        let minutes = matter.minutes_for(ours, View::ALL).filter(|_| dossier.line.waits_for(node));
        value["to_agree"] = json!(minutes.map(|event| event.index));
        value["actions_done"] = json!(matter.actions(View::ALL));
    }
    value
}

fn contact_json(contact: &Contact) -> Value {
    let Contact { account, email, language, step } = contact;
    json!({ "account": account, "email": email, "language": language, "step": step })
}

fn shift_json(shift: &Shift) -> Value {
    let Shift { id, account, starts, ends } = shift;
    json!({ "shift": id, "account": account, "starts": starts, "ends": ends })
}

fn handover_json(handover: &Handover) -> Value {
    let Handover { id, gives, at, note, taken } = handover;
    let (takes, taken) = taken.clone().unzip();
    json!({ "handover": id, "gives": gives, "at": at, "note": note, "takes": takes, "taken": taken })
}

fn route_json(route: &Route) -> Value {
    let Route { authority, part, stand, note, who, at } = route;
    json!({ "authority": authority, "part": part, "stand": stand, "note": note, "who": who, "at": at })
}

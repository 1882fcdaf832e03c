//! What people must know, derived from what there is: nothing here is set by anybody.

use std::collections::BTreeSet;

use comity_rules::access::Person;
use comity_rules::agreement::RequestKind;
use comity_rules::content::{Letter, Relation};
use comity_rules::matter::{Signal, Topic};
use comity_rules::request::{Decision, Desired, Outcome, Status};
use comity_rules::review::Meetings;
use comity_rules::thread::{Event, Sides as _, View};
use comity_rules::{Kind, Matter, PartyId, Request, ThreadId, quality};
use comity_store::alert::Alert;
use comity_store::request::{self, Statement, Summary};
use comity_store::{ledger, matter};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::json;

use crate::dossier;
use crate::matters;
use crate::node::{Agreement, Error, Node};

/// Rows that are read at a time.
const PAGE: u64 = 500;

/// How many days before a date in the limits of use people are told.
const DAYS: i32 = 14;

/// And how many days after it they still are.
const PAST: i32 = 3;

/// The latest threads of a hotline, in which the latest test of each sort is looked for.
const CALLS: u64 = 2_000;

/// Dates that are looked at.
const LIMITS: u64 = 20_000;

/// Requests that go on from one, and from those, which are looked at.
const FOLLOWING: usize = 500;

/// For how many days it is told that an agreement goes on, or that a closed request is in dispute.
const LATELY: i64 = 7;

/// Scores of a ledger that are looked at for that.
const SCORED: u64 = 50;

/// Everything that people must know now.
pub(super) async fn all(node: &Node) -> Result<Vec<Alert>, Error> {
    let mut alerts = Vec::new();
    let mut before = None;
    loop {
        let page = node.requests(&Person::operator(), true, before, PAGE).await?.into_inner();
        let Some(last) = page.last() else { break };
        before = Some(last.summary.seq);
        // Under an agreement that is over nothing can be done any more.
        for line in page.iter().filter(|line| !line.agreement.is_closed()) {
            request(node, line, &mut alerts);
            disputed(node, &line.summary.request, &line.agreement, &mut alerts).await?;
        }
    }
    disputed_late(node, &mut alerts).await?;
    for topic in Topic::ALL {
        let mut before = None;
        loop {
            // That one goes on is told too.
            let open = *topic != Topic::Suspension;
            let page = node.matters(&Person::operator(), *topic, open, before, PAGE).await?;
            let page = page.into_inner();
            let Some(last) = page.last() else { break };
            before = Some(last.summary.seq);
            for line in page.iter().filter(|line| !line.agreement.is_closed()) {
                of_matter(node, line, &mut alerts);
            }
        }
    }
    tests(node, &mut alerts).await?;
    limits(node, &mut alerts).await?;
    actions(node, &mut alerts).await?;
    meetings(node, &mut alerts).await?;
    drafts(node, &mut alerts).await?;
    Ok(alerts)
}

/// What an alert is about: a thread, or, without one, the agreement with a peer.
struct About<'a> {
    node: &'a Node,
    thread: Option<ThreadId>,
    class: Option<&'a str>,
    peer: &'a PartyId,
    exercise: bool,
}

impl<'a> About<'a> {
    fn request(node: &'a Node, request: &'a Request, agreement: &'a Agreement) -> Self {
        Self {
            node,
            thread: Some(request.thread),
            class: request.class.as_deref(),
            peer: &agreement.peer,
            exercise: request.exercise,
        }
    }

    fn matter(node: &'a Node, agreement: &'a Agreement, matter: &Matter) -> Self {
        Self {
            node,
            thread: Some(matter.thread),
            class: None,
            peer: &agreement.peer,
            exercise: matter.exercise,
        }
    }

    fn alert(&self, what: &str, more: &str, step: u32, due: Option<Timestamp>) -> Alert {
        let thread = self.thread.map(|thread| thread.to_string()).unwrap_or_default();
        let key = if more.is_empty() {
            format!("{thread}/{what}")
        } else {
            format!("{thread}/{what}/{more}")
        };
        self.keyed(key, what, step, due)
    }

    fn keyed(&self, key: String, what: &str, step: u32, due: Option<Timestamp>) -> Alert {
        let detail = json!({
            "class": self.class,
            "peer": self.peer,
            "exercise": self.exercise,
            "due": due,
            "step": step,
        });
        Alert {
            key,
            at: self.node.now(),
            what: what.to_owned(),
            thread: self.thread,
            step,
            detail: detail.to_string(),
            seen: None,
            settled: None,
        }
    }
}

fn request(node: &Node, line: &dossier::Line, alerts: &mut Vec<Alert>) {
    let request = &line.summary.request;
    let mine = request.receiver == *node.party();
    let about = About::request(node, request, &line.agreement);
    let standing = &line.standing;
    if mine && !standing.acknowledged && !standing.is_answered() {
        alerts.push(about.alert("arrived", "", 1, line.clocks.acknowledge.due));
    }
    if !mine && standing.question.is_some() {
        let question = standing.question.unwrap_or_default().to_string();
        alerts.push(about.alert("question", &question, 1, line.clocks.reply.due));
    }
    if !mine && standing.is_answered() && standing.desired == Desired::Answer {
        alerts.push(about.alert("answered", "", 1, None));
    }
    // What the other side did, and nothing here waits for: it is told all the same.
    let theirs = |kind| {
        let party = if mine { &request.asker } else { &request.receiver };
        request.latest(party, kind).map(|event| event.index.to_string())
    };
    let answers = if standing.is_answered() { None } else { theirs(Kind::Answer) };
    for (what, index) in [
        ("escalated", theirs(Kind::Escalate)),
        ("replied", theirs(Kind::Reply)),
        ("decided", theirs(Kind::Decide)),
        ("part-answered", answers),
    ] {
        if let Some(index) = index {
            let step = if what == "escalated" { 2 } else { 1 };
            alerts.push(about.alert(what, &index, step, None));
        }
    }
    let clocks = &line.clocks;
    let limits = [
        ("acknowledge", &clocks.acknowledge, mine),
        ("decide", &clocks.decide, mine),
        ("answer", &clocks.answer, mine),
        ("reply", &clocks.reply, !mine),
    ];
    for (name, deadline, ours) in limits {
        let Some(due) = deadline.due.filter(|_| deadline.done.is_none() && !clocks.ended) else {
            continue;
        };
        if deadline.late.is_some() {
            // The other side's lateness is known to its asker too.
            let what = if ours { format!("{name}-late") } else { format!("{name}-late-there") };
            alerts.push(about.alert(&what, &due.as_second().to_string(), 1, Some(due)));
        } else if ours && deadline.soon.is_some_and(|soon| soon <= node.now()) {
            let what = format!("{name}-soon");
            alerts.push(about.alert(&what, &due.as_second().to_string(), 1, Some(due)));
        }
    }
    if let Some(rung) = &line.rung {
        alerts.push(about.alert("rung", &rung.step.to_string(), rung.step, None));
    }
}

/// Where both sides have scored an answer: whether they lie so far apart that they are in dispute.
async fn disputed(
    node: &Node,
    asked: &Request,
    agreement: &Agreement,
    alerts: &mut Vec<Alert>,
) -> Result<(), Error> {
    let scored = |party| asked.latest(party, Kind::Assess).map(|event| event.index);
    let Some((one, other)) = scored(&asked.asker).zip(scored(&asked.receiver)) else {
        return Ok(());
    };
    let kept = request::statements(&node.db, asked.thread).await?;
    let scores = |party: &PartyId, index| {
        let own = party == node.party();
        let here = |s: &&Statement| s.index == index && (s.ledger == agreement.own) == own;
        match &kept.iter().find(here)?.kept.as_ref()?.letter {
            Letter::Assessment(assessment) => {
                let class = asked.class.as_deref();
                Some(quality::counted(&agreement.terms, class, &assessment.scores))
            }
            _ => None,
        }
    };
    let both = scores(&asked.asker, one).zip(scores(&asked.receiver, other));
    if both.is_some_and(|(one, other)| !quality::disputed(&one, &other).is_empty()) {
        let about = About::request(node, asked, agreement);
        alerts.push(about.alert("disputed", &format!("{one}-{other}"), 1, None));
    }
    Ok(())
}

/// The receiver may score its answer after the request is closed: of those that were scored lately.
async fn disputed_late(node: &Node, alerts: &mut Vec<Alert>) -> Result<(), Error> {
    let since = lately(node);
    for agreement in node.agreements().iter().filter(|agreement| !agreement.is_closed()) {
        let own = ledger::show(&node.db, &agreement.own).await?;
        let other = ledger::counterpart(&node.db, &own).await?;
        for ledger in [Some(own), other].into_iter().flatten() {
            for found in request::scored(&node.db, &ledger.id, SCORED).await? {
                let asked = &found.request;
                let late = asked.receiver == ledger.party
                    && asked.latest(&ledger.party, Kind::Assess).map(|event| event.claimed) > since;
                if late {
                    disputed(node, asked, agreement, alerts).await?;
                }
            }
        }
    }
    Ok(())
}

/// A week ago: what is over is told for so long.
fn lately(node: &Node) -> Option<Timestamp> {
    node.now().checked_sub(SignedDuration::from_hours(24 * LATELY)).ok()
}

fn of_matter(node: &Node, line: &matters::Line, alerts: &mut Vec<Alert>) {
    let matter = &line.summary.matter;
    let about = About::matter(node, &line.agreement, matter);
    let hotline = line.agreement.terms.hotline.as_ref();
    match matter.topic {
        Topic::Hotline if matter.signal() == Some(Signal::Echo) => {
            let first = matter.opened.first();
            let sent = first.filter(|event| event.receipt.is_none()).map(|event| event.claimed);
            let within = hotline.and_then(|hotline| hotline.echo_within.as_ref());
            let due = sent.zip(within).map(|(sent, within)| within.after(sent));
            if matter.opener == *node.party() && due.is_some_and(|due| due < node.now()) {
                alerts.push(about.alert("no-echo", "", 1, due));
            }
        }
        Topic::Hotline => {
            for message in matter.messages(View::ALL) {
                if line.fate(&message).is_over() {
                    continue;
                }
                let ours = message.by_opener == (matter.opener == *node.party());
                let signal = message.event.act.signal().unwrap_or(Signal::Message);
                let within = hotline.and_then(|hotline| hotline.acknowledge_within.as_ref());
                let index = message.event.index.to_string();
                if message.is_unopened() && (ours || line.is_gone(&message)) {
                    let what = if ours { "hotline-unopened-there" } else { "hotline-unopened" };
                    alerts.push(about.alert(what, &index, 1, None));
                    continue;
                }
                if ours {
                    // Whoever sent it must know that nobody has it; of a call both know.
                    let due = within.map(|within| within.after(message.event.claimed));
                    let late = due.is_some_and(|due| due < node.now());
                    if late && signal != Signal::Telephone {
                        alerts.push(about.alert("hotline-unanswered", &index, 1, due));
                    }
                    continue;
                }
                if line.is_gone(&message) {
                    alerts.push(about.alert("hotline-lost", &index, 1, None));
                    continue;
                }
                let due = message.event.came().zip(within).map(|(came, within)| within.after(came));
                let what = format!("hotline-{}", signal.as_str());
                alerts.push(about.alert(&what, &index, 1, due));
            }
        }
        Topic::Suspension if line.standing.over => {
            let resumed = matter.effective(true, Kind::Resume, View::ALL).next();
            let lately = resumed.filter(|event| Some(event.claimed) > lately(node));
            if lately.is_some() && matter.opener != *node.party() {
                alerts.push(about.alert("matter-resumed", "", 1, None));
            }
        }
        topic if line.waits_for(node) || topic == Topic::Suspension => {
            // Who suspended knows it.
            let own = topic == Topic::Suspension && matter.opener == *node.party();
            if !own {
                let state = line.standing.state.as_str();
                alerts.push(about.alert(&format!("matter-{}", topic.as_str()), state, 1, None));
            }
        }
        _ => {}
    }
}

/// Tests that a node could not open, each until it opens one of its sort.
async fn tests(node: &Node, alerts: &mut Vec<Alert>) -> Result<(), Error> {
    for agreement in node.agreements().iter().filter(|agreement| !agreement.is_closed()) {
        let mut known = BTreeSet::new();
        let terms = agreement.terms.hash().to_hex();
        // Each sort of each side, whatever the terms want: people make tests too.
        let sorts = 2 * Signal::ALL.iter().filter(|signal| signal.is_test()).count();
        for (_, call) in matter::calls(&node.db, &terms, None, CALLS).await? {
            if known.len() == sorts {
                break;
            }
            let Some(signal) = call.signal().filter(|signal| signal.is_test()) else { continue };
            let Some(first) = call.opened.first() else { continue };
            if first.receipt.is_none() {
                continue;
            }
            let ours = call.opener == *node.party();
            if known.insert((signal, ours)) && first.is_unopened() {
                let about = About::matter(node, agreement, &call);
                let what =
                    if ours { "hotline-test-unopened-there" } else { "hotline-test-unopened" };
                alerts.push(about.alert(what, &first.index.to_string(), 1, None));
            }
        }
    }
    Ok(())
}

/// Dates in the limits of use of answers that this party got, from a fortnight before.
async fn limits(node: &Node, alerts: &mut Vec<Alert>) -> Result<(), Error> {
    let today = node.now().to_zoned(TimeZone::UTC).date();
    let (from, until) = (today.saturating_sub(PAST.days()), today.saturating_add(DAYS.days()));
    for (thread, what, day) in request::limits(&node.db, (from, until), LIMITS).await? {
        let found = request::show(&node.db, thread).await?;
        if found.request.asker != *node.party() {
            continue;
        }
        if what == "preserved" && is_prolonged(node, &found.request, day).await? {
            continue;
        }
        let about = About {
            node,
            thread: Some(thread),
            class: None,
            peer: &found.request.receiver,
            exercise: found.request.exercise,
        };
        let due = day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        alerts.push(about.alert(&format!("limit-{what}"), &day.to_string(), 1, due));
    }
    Ok(())
}

/// Whether this party has asked the same side for more time than until `day`, or for the data, and has it or may still be
/// given it: that is what the alarm is for.
async fn is_prolonged(node: &Node, kept: &Request, day: Date) -> Result<bool, Error> {
    let (mut from, mut looked_at) = (vec![kept.thread], 0);
    while let Some(thread) = from.pop() {
        for one in request::following(&node.db, thread, PAGE).await? {
            looked_at += 1;
            let same = one.request.asker == kept.asker && one.request.receiver == kept.receiver;
            if !same || looked_at > FOLLOWING {
                continue;
            }
            match prolongs(node, &one, day).await? {
                Some(true) => return Ok(true),
                // More time was asked for in vain; whoever asks again may do so from there.
                Some(false) => from.push(one.request.thread),
                None => {}
            }
        }
    }
    Ok(false)
}

/// Whether a request that goes on from one whose data is kept has given more time, or the data, or still may; none where it
/// asks for neither.
async fn prolongs(node: &Node, one: &Summary, day: Date) -> Result<Option<bool>, Error> {
    let agreement = node.agreement(&one.terms)?;
    let preserves = |kind: &str| {
        agreement.terms.kind(kind).is_some_and(|kind| kind.maps_to == RequestKind::Preservation)
    };
    let mut said = request::statements(&node.db, one.request.thread).await?;
    said.retain(|statement| statement.refused.is_none());
    let letters = || said.iter().filter_map(|statement| Some(&statement.kept.as_ref()?.letter));
    let follows = letters().find_map(|letter| match letter {
        Letter::Ask(ask) => Some((ask.follows.as_ref()?.r#as, &ask.items)),
        _ => None,
    });
    let asks_for_time = match follows {
        Some((Relation::Disclosure, _)) => false,
        Some((Relation::Extension, _)) => true,
        Some((Relation::FollowUp, items)) if items.iter().any(|item| preserves(&item.kind)) => true,
        // Whoever asks something else about it has not.
        _ => return Ok(None),
    };
    let standing = one.request.standing(View::ALL);
    let not_given = [Outcome::Refused, Outcome::Impossible, Outcome::Postponed];
    let lives = standing.desired != Desired::Withdrawn
        // Of what nobody there has had yet, or can read, nothing is given.
        && !matches!(standing.status, Status::Sent | Status::Refused)
        && (standing.acknowledged || !is_unopened(&one.request))
        && (standing.decision != Some(Decision::Postponed) || standing.is_answered())
        && !standing.outcomes.iter().any(|outcome| not_given.contains(outcome))
        && (standing.is_answered() || !agreement.is_closed());
    // An answer that keeps it no longer has given nothing.
    let is_later = |letter: &Letter| match letter {
        Letter::Answer(answer) => {
            answer.limits.as_ref().is_some_and(|limits| limits.preserved_until > Some(day))
        }
        _ => false,
    };
    let is_given = !asks_for_time || !standing.is_answered() || letters().any(is_later);
    Ok(Some(lives && is_given))
}

/// Whether the other side's node could not open a request.
fn is_unopened(request: &Request) -> bool {
    request.asked.first().is_some_and(Event::is_unopened)
}

/// Action items of this party's that are due within a week.
async fn actions(node: &Node, alerts: &mut Vec<Alert>) -> Result<(), Error> {
    let soon = node.now().to_zoned(TimeZone::UTC).date().saturating_add(7.days());
    for action in node.open_actions(&Person::operator()).await?.into_inner() {
        let Some(due) = action.item.due.filter(|due| *due <= soon) else { continue };
        if action.item.party != *node.party() {
            continue;
        }
        let (peer, exercise) = (&action.peer, action.exercise);
        let about = About { node, thread: Some(action.thread), class: None, peer, exercise };
        let due = due.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        alerts.push(about.alert("action-due", &action.number.to_string(), 1, due));
    }
    Ok(())
}

/// Meetings that the terms want, from a fortnight before.
async fn meetings(node: &Node, alerts: &mut Vec<Alert>) -> Result<(), Error> {
    let today = node.now().to_zoned(TimeZone::UTC).date();
    let soon = today.saturating_add(DAYS.days());
    for agreement in node.agreements().iter().filter(|a| !a.is_closed()) {
        let terms = agreement.terms.hash().to_hex();
        let held = matter::about(&node.db, Topic::Dialogue, &terms).await?;
        let meetings = Meetings::of(&agreement.terms, &held, false, node.now());
        let Some(day) = meetings.next_by.filter(|day| *day <= soon) else { continue };
        let what = if day < today { "review-overdue" } else { "review-due" };
        let due = day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        let about =
            About { node, thread: None, class: None, peer: &agreement.peer, exercise: false };
        alerts.push(about.keyed(format!("{terms}/{what}/{day}"), what, 1, due));
    }
    Ok(())
}

/// The key of the alert about a draft.
pub(super) fn draft_key(id: &str) -> String {
    format!("draft/{id}")
}

/// Drafts that wait for somebody else.
async fn drafts(node: &Node, alerts: &mut Vec<Alert>) -> Result<(), Error> {
    for draft in node.drafts(&Person::operator()).await? {
        let Ok(agreement) = node.agreement(&draft.terms) else { continue };
        let (thread, peer) = (draft.request, &agreement.peer);
        let about = About { node, thread, class: None, peer, exercise: false };
        alerts.push(about.keyed(draft_key(&draft.id), "draft", 1, None));
    }
    Ok(())
}

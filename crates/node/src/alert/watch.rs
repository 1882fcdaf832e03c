//! What people must know, derived from what there is: nothing here is set by anybody.

use std::collections::BTreeMap;

use comity_rules::access::Person;
use comity_rules::content::Letter;
use comity_rules::matter::{Fate, Message, Signal, Topic};
use comity_rules::request::Desired;
use comity_rules::review::Meetings;
use comity_rules::thread::{Event, Sides as _, View};
use comity_rules::{Kind, Matter, PartyId, Request, ThreadId, quality};
use comity_store::alert::Alert;
use comity_store::request::{self, Statement};
use comity_store::{ledger, matter};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde_json::json;

use crate::dossier;
use crate::matters;
use crate::node::{Agreement, Error, Node};

/// Rows that are read at a time.
const PAGE: u64 = 500;

/// How many days before a date people are told.
pub(super) const DAYS: i32 = 14;

/// Tests of one sort that are looked through for one that came, and how many at a time.
const CALLS: u64 = 2_000;
const TESTS: u64 = 20;

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
    super::limits::all(node, &mut alerts).await?;
    actions(node, &mut alerts).await?;
    meetings(node, &mut alerts).await?;
    drafts(node, &mut alerts).await?;
    Ok(alerts)
}

/// What an alert is about: a thread, or, without one, the agreement with a peer.
pub(super) struct About<'a> {
    pub(super) node: &'a Node,
    pub(super) thread: Option<ThreadId>,
    pub(super) class: Option<&'a str>,
    pub(super) peer: &'a PartyId,
    pub(super) exercise: bool,
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

    pub(super) fn alert(&self, what: &str, more: &str, step: u32, due: Option<Timestamp>) -> Alert {
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
        ("replied", theirs(Kind::Reply)),
        ("decided", theirs(Kind::Decide)),
        ("part-answered", answers),
    ] {
        if let Some(index) = index {
            alerts.push(about.alert(what, &index, 1, None));
        }
    }
    // Each rings on: who escalates again and again begins nothing anew.
    let party = if mine { &request.asker } else { &request.receiver };
    let raised = request.events_of(party).iter();
    let is_one = |event: &&Event| event.refused.is_none() && event.act.kind == Kind::Escalate;
    for event in raised.filter(is_one) {
        alerts.push(about.alert("escalated", &event.index.to_string(), 2, None));
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
                let scored = asked.latest(&ledger.party, Kind::Assess);
                let late = asked.receiver == ledger.party
                    && scored.is_some_and(|event| is_lately(event, since));
                if late {
                    disputed(node, asked, agreement, alerts).await?;
                }
            }
        }
    }
    Ok(())
}

/// Whether it was stated since then, by its witnesses or the other side's mirror: what neither has yet is new, whatever its
/// author's clock says.
fn is_lately(event: &Event, since: Option<Timestamp>) -> bool {
    event.witnessed.or(event.mirrored).is_none_or(|at| Some(at) > since)
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
            // Each that is not settled rings on, so that none is told later for being said again; but what nobody can
            // acknowledge only where nobody can acknowledge what stands in its place either.
            let messages = matter.messages(View::ALL);
            let mut lasts = BTreeMap::new();
            for message in &messages {
                let is_lost = message.is_unopened() || line.is_gone(message);
                lasts.insert((message.by_opener, message.first.index), is_lost);
            }
            let rings = |message: &&Message<'_>| match line.fate(message) {
                Fate::Waits | Fate::Gone => true,
                Fate::Lapsed => false,
                Fate::Over => {
                    let is_lost = lasts.get(&(message.by_opener, message.first.index));
                    message.settled.is_none() && is_lost == Some(&true)
                }
            };
            for message in messages.iter().filter(rings) {
                let ours = message.by_opener == (matter.opener == *node.party());
                let signal = message.signal();
                let within = hotline.and_then(|hotline| hotline.acknowledge_within.as_ref());
                let index = message.event.index.to_string();
                if message.is_unopened() && (ours || line.is_gone(message)) {
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
                if line.is_gone(message) {
                    alerts.push(about.alert("hotline-lost", &index, 1, None));
                    continue;
                }
                let due = message.event.came().zip(within).map(|(came, within)| within.after(came));
                let what = format!("hotline-{}", signal.as_str());
                alerts.push(about.alert(&what, &index, 1, due));
                // Somebody has seen it, and nobody acknowledged it: of what was said again, once.
                if signal != Signal::Telephone && due.is_some_and(|due| due < node.now()) {
                    let first = message.first.index.to_string();
                    alerts.push(about.alert("hotline-late", &first, 1, due));
                }
            }
        }
        Topic::Suspension if line.standing.over => {
            let resumed = matter.effective(true, Kind::Resume, View::ALL).next();
            let lately = resumed.filter(|event| is_lately(event, lately(node)));
            if lately.is_some() && matter.opener != *node.party() {
                alerts.push(about.alert("matter-resumed", "", 1, None));
            }
        }
        topic if line.waits_for(node) || topic == Topic::Suspension => {
            let ours = matter.opener == *node.party();
            // Who suspended knows it.
            if !(ours && topic == Topic::Suspension) {
                // Other minutes are another matter to look at.
                let minutes = matter.minutes_for(ours, View::ALL);
                let part = match minutes.filter(|_| topic == Topic::Dialogue) {
                    Some(minutes) => minutes.index.to_string(),
                    None => line.standing.state.as_str().to_owned(),
                };
                alerts.push(about.alert(&format!("matter-{}", topic.as_str()), &part, 1, None));
            }
        }
        _ => {}
    }
}

/// Tests that a node could not open, each until it opens one of its sort, whatever the terms want: people make tests too.
async fn tests(node: &Node, alerts: &mut Vec<Alert>) -> Result<(), Error> {
    for agreement in node.agreements().iter().filter(|agreement| !agreement.is_closed()) {
        for signal in Signal::ALL.iter().filter(|signal| signal.is_test()) {
            for (opener, what) in [
                (node.party(), "hotline-test-unopened-there"),
                (&agreement.peer, "hotline-test-unopened"),
            ] {
                let Some(call) = last_receipted(node, agreement, (opener, *signal)).await? else {
                    continue;
                };
                if let Some(first) = call.opened.first().filter(|first| first.is_unopened()) {
                    let about = About::matter(node, agreement, &call);
                    alerts.push(about.alert(what, &first.index.to_string(), 1, None));
                }
            }
        }
    }
    Ok(())
}

/// The latest test of a sort that has come to the other side's node.
async fn last_receipted(
    node: &Node,
    agreement: &Agreement,
    of: (&PartyId, Signal),
) -> Result<Option<Matter>, Error> {
    let terms = agreement.terms.hash().to_hex();
    let (mut before, mut looked_at) = (None, 0);
    while looked_at < CALLS {
        let page = matter::signals(&node.db, &terms, of, before, TESTS).await?;
        let Some((last, _)) = page.last() else { break };
        before = Some(*last);
        looked_at += TESTS;
        let came = |call: &Matter| call.opened.first().is_some_and(|first| first.receipt.is_some());
        if let Some((_, call)) = page.into_iter().find(|(_, call)| came(call)) {
            return Ok(Some(call));
        }
    }
    Ok(None)
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

//! The life of each matter, between two parties with real ledgers: who may say what, when, and where it
//! stands then, on both sides.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod party;

use comity_rules::command::{Command, Deed, Flaw, Problem};
use comity_rules::content::{
    ActionItem, Agenda, Concern, Criterion, Judgement, Message, Record, Remark, Response, Tlp,
    Verdict, Yardstick,
};
use comity_rules::matter::{Day, Fate, Position, Signal, State};
use comity_rules::request::{Act, Illegal};
use comity_rules::review::{Head, Openings, Readiness, Review, Scope};
use comity_rules::thread::{Event, Sides as _, View};
use comity_rules::{Kind, Matter, PartyId, Request, ThreadId};
use jiff::{SignedDuration, Timestamp};
use party::{Party, pair};

fn start() -> Timestamp {
    "2026-03-09T08:00:00Z".parse().unwrap()
}

struct Case {
    parties: [Party; 2],
}

impl Case {
    /// Both ledgers opened, and seen by both; the terms have a commitment.
    fn new() -> Self {
        let mut case = Self { parties: pair() };
        case.meet();
        case
    }

    fn act(
        &mut self,
        side: usize,
        thread: Option<ThreadId>,
        deed: Deed,
    ) -> Result<ThreadId, Problem> {
        let thread = self.parties[side].command(thread, Command::Deed(deed))?;
        self.meet();
        Ok(thread)
    }

    fn refused(&mut self, side: usize, thread: ThreadId, deed: Deed) -> Illegal {
        match self.act(side, Some(thread), deed) {
            Err(Problem::Illegal(illegal)) => illegal,
            other => panic!("{other:?}"),
        }
    }

    /// Everything arrives, is receipted, and covered by checkpoints.
    fn meet(&mut self) {
        for _ in 0..2 {
            self.deliver(0);
            self.deliver(1);
            self.parties.iter_mut().for_each(Party::pay);
        }
    }

    /// What this side stated arrives at the other, and is not receipted yet.
    fn deliver(&mut self, from: usize) {
        let known = self.parties[1 - from].arrived.len();
        let new: Vec<_> = self.parties[from].entries[known..].to_vec();
        for entry in new {
            self.parties[1 - from].arrive(&entry).unwrap();
        }
        self.parties[1 - from].verify();
    }

    /// Where it stands, which is the same on both sides, and whose act is next.
    fn state(&self, thread: ThreadId) -> (State, Option<&str>) {
        let [one, other] =
            self.parties.each_ref().map(|party| party.matters[&thread].standing(View::ALL));
        assert_eq!(one, other);
        let waits = one
            .waits_for
            .map(|party| if party.as_str() == "northland" { "north" } else { "south" });
        (one.state, waits)
    }
}

fn remark(text: &str) -> Remark {
    Remark { text: text.to_owned() }
}

fn confirm(message: u64) -> Deed {
    Deed::Confirm { message, read_back: false, remark: remark("") }
}

fn say(text: &str) -> Deed {
    Deed::Say { again: None, remark: remark(text) }
}

fn again(earlier: u64) -> Deed {
    Deed::Say { again: Some(earlier), remark: remark("again") }
}

fn signal(signal: Signal) -> Deed {
    let spoken = if signal == Signal::Telephone { "Ada and Bo, at nine" } else { "" };
    let message = Message {
        title: "title".into(),
        text: "text".into(),
        marking: Tlp::Amber,
        spoken: spoken.into(),
    };
    Deed::Signal { signal, about: None, exercise: false, message }
}

/// Place of the last entry of a side's ledger that is no receipt.
fn last(case: &Case, side: usize) -> u64 {
    let party = &case.parties[side];
    let kinds = party
        .entries
        .iter()
        .map(|entry| comity_ledger::Statement::parse(entry).unwrap().body().kind.clone());
    let kinds: Vec<_> = kinds.collect();
    kinds.iter().rposition(|kind| kind != "receipt/1").unwrap() as u64
}

#[test]
fn a_message_waits_for_a_person_of_the_other_side_and_so_does_each_reply() {
    let mut case = Case::new();
    let thread = case.act(0, None, signal(Signal::Message)).unwrap();
    assert_eq!(case.state(thread), (State::Unacknowledged, Some("south")));
    let sent = last(&case, 0);
    assert_eq!(case.refused(0, thread, confirm(sent)), Illegal::NoMessage, "not one's own");
    case.act(1, Some(thread), confirm(sent)).unwrap();
    assert_eq!(case.state(thread), (State::Acknowledged, None));
    assert_eq!(case.refused(1, thread, confirm(sent)), Illegal::AlreadySaid);
    case.act(1, Some(thread), say("more")).unwrap();
    assert_eq!(case.state(thread), (State::Unacknowledged, Some("north")));
    let said = last(&case, 1);
    case.act(0, Some(thread), confirm(said)).unwrap();
    assert_eq!(case.state(thread), (State::Acknowledged, None));
}

/// What is said again stands in the place of what it names, and of nothing else; each is said again once.
#[test]
fn what_is_said_again_stands_in_the_place_of_what_it_names() {
    for sort in [Signal::Message, Signal::Telephone] {
        let mut case = Case::new();
        let thread = case.act(0, None, signal(sort)).unwrap();
        let first = last(&case, 0);
        case.act(0, Some(thread), say("and another thing")).unwrap();
        let second = last(&case, 0);
        case.act(1, Some(thread), confirm(second)).unwrap();
        assert_eq!(case.state(thread), (State::Unacknowledged, Some("south")), "{sort:?}");
        assert_eq!(case.refused(0, thread, again(second)), Illegal::AlreadySaid);
        assert_eq!(case.refused(1, thread, again(first)), Illegal::NoMessage, "not one's own");
        assert_eq!(case.refused(0, thread, again(last(&case, 1))), Illegal::NoMessage);
        case.act(0, Some(thread), again(first)).unwrap();
        let third = last(&case, 0);
        assert_eq!(case.refused(0, thread, again(first)), Illegal::AlreadySaid);
        let fates = |case: &Case| -> Vec<_> {
            let messages = case.parties[0].matters[&thread].messages(View::ALL);
            messages.iter().map(|one| [false, true].map(|gone| one.fate(gone))).collect()
        };
        // As long as it can be read the first waits too.
        let [waits, gone, over] = [Fate::Waits, Fate::Gone, Fate::Over];
        assert_eq!(fates(&case), [[waits, over], [over, over], [waits, gone]]);
        assert_eq!(case.state(thread), (State::Unacknowledged, Some("south")));
        // And once more.
        case.act(0, Some(thread), again(third)).unwrap();
        let fourth = last(&case, 0);
        case.act(1, Some(thread), confirm(fourth)).unwrap();
        assert_eq!(case.state(thread), (State::Acknowledged, None));
        assert_eq!(case.refused(0, thread, again(fourth)), Illegal::AlreadySaid);
        let messages = case.parties[0].matters[&thread].messages(View::ALL);
        let by = |one: Option<&Event>| one.and_then(|by| by.act.answers);
        let settled: Vec<_> = messages.iter().map(|one| by(one.settled)).collect();
        assert_eq!(settled, [fourth, second, fourth, fourth].map(Some));
        // Nobody agreed to what the first says.
        let heard: Vec<_> = messages.iter().map(|one| by(one.acknowledged)).collect();
        assert_eq!(heard, [None, Some(second), None, Some(fourth)]);
        assert!(messages.iter().all(|one| one.signal() == sort || one.event.index == second));
    }
}

/// A message that is said again while its acknowledgement is on its way: its thread and its place.
fn crossed() -> (Case, ThreadId, u64) {
    let mut case = Case::new();
    let thread = case.act(0, None, signal(Signal::Message)).unwrap();
    let first = last(&case, 0);
    case.parties[1].command(Some(thread), Command::Deed(confirm(first))).unwrap();
    case.parties[0].command(Some(thread), Command::Deed(again(first))).unwrap();
    case.meet();
    (case, thread, first)
}

/// It is said again while the acknowledgement of it is on its way.
#[test]
fn what_is_said_again_though_it_was_heard_waits_by_itself() {
    let (mut case, thread, first) = crossed();
    assert_eq!(case.state(thread), (State::Unacknowledged, Some("south")));
    case.act(1, Some(thread), confirm(last(&case, 0))).unwrap();
    assert_eq!(case.state(thread), (State::Acknowledged, None));
    let messages = case.parties[0].matters[&thread].messages(View::ALL);
    assert_eq!(messages[0].acknowledged.unwrap().act.answers, Some(first));
}

/// A test is made anew: nothing that is said stands in its place.
#[test]
fn a_test_is_not_said_again() {
    for sort in [Signal::ReadBack, Signal::Ping] {
        let mut case = Case::new();
        let thread = case.act(0, None, signal(sort)).unwrap();
        assert_eq!(case.refused(0, thread, again(last(&case, 0))), Illegal::NoMessage);
        case.act(0, Some(thread), say("hello?")).unwrap();
        case.act(1, Some(thread), confirm(last(&case, 0))).unwrap();
        assert_eq!(case.state(thread), (State::Unacknowledged, Some("south")));
    }
}

/// What could not be opened is settled by what stands in its place, and counts as not opened all the same: else whoever
/// seals what nobody can open makes the other side late.
#[test]
fn what_could_not_be_opened_is_settled_by_what_stands_in_its_place() {
    let mut case = Case::new();
    let thread = case.parties[0].command(None, Command::Deed(signal(Signal::Message))).unwrap();
    case.parties[0].command(Some(thread), Command::Deed(say("and another thing"))).unwrap();
    case.deliver(0);
    let [first, second] = [0, 1].map(|at: usize| case.parties[1].matters[&thread].opened[at].index);
    for receipt in case.parties[1].owed.iter_mut().filter(|receipt| receipt.index == first) {
        receipt.code = "undecryptable".to_owned();
    }
    case.parties[1].pay();
    case.act(1, Some(thread), confirm(second)).unwrap();
    assert_eq!(case.state(thread), (State::Unopened, Some("north")));
    let messages = case.parties[0].matters[&thread].messages(View::ALL);
    assert_eq!((messages[0].fate(false), messages[0].is_unopened()), (Fate::Gone, true));
    case.act(0, Some(thread), again(first)).unwrap();
    assert_eq!(case.state(thread), (State::Unacknowledged, Some("south")));
    case.act(1, Some(thread), confirm(last(&case, 0))).unwrap();
    assert_eq!(case.state(thread), (State::Acknowledged, None));
    let mut matter = case.parties[0].matters[&thread].clone();
    let (opener, other) = (matter.opener.clone(), matter.other.clone());
    matter.witnessed(&opener, (0, 1_000), start());
    matter.witnessed(&other, (0, 1_000), start());
    let south = &Readiness::of(&case.parties[0].terms, [&matter], None, start())[&other];
    assert_eq!((south.unopened[&Signal::Message], south.message.done), (1, 2));
}

/// What stands in the place of a message and cannot be opened makes nobody late: the first can still be acknowledged. What
/// it says itself nobody has heard.
#[test]
fn what_can_be_read_is_acknowledged_though_what_stands_in_its_place_cannot() {
    let mut case = Case::new();
    let thread = case.act(0, None, signal(Signal::Message)).unwrap();
    let first = last(&case, 0);
    case.parties[0].command(Some(thread), Command::Deed(again(first))).unwrap();
    case.deliver(0);
    let second = case.parties[1].matters[&thread].opened[1].index;
    for receipt in case.parties[1].owed.iter_mut().filter(|receipt| receipt.index == second) {
        receipt.code = "undecryptable".to_owned();
    }
    case.parties[1].pay();
    case.meet();
    assert_eq!(case.state(thread), (State::Unacknowledged, Some("south")));
    case.act(1, Some(thread), confirm(first)).unwrap();
    assert_eq!(case.state(thread), (State::Unopened, Some("north")));
    case.act(0, Some(thread), again(second)).unwrap();
    case.act(1, Some(thread), confirm(last(&case, 0))).unwrap();
    assert_eq!(case.state(thread), (State::Acknowledged, None));
}

/// What was said in the place of a message while it was acknowledged is a silence of its own.
#[test]
fn an_acknowledgement_that_crosses_hides_no_silence() {
    let (case, thread, _) = crossed();
    let mut matter = case.parties[0].matters[&thread].clone();
    for party in [matter.opener.clone(), matter.other.clone()] {
        matter.witnessed(&party, (0, 1_000), start());
    }
    let days = start() + SignedDuration::from_hours(240);
    let south = &Readiness::of(&case.parties[0].terms, [&matter], None, days)[&matter.other];
    assert_eq!((south.message.done, south.message.open, south.message.overdue), (1, 1, 1));
}

/// A thread in which something was said, again where it is asked for, and when each of both sides' entries was witnessed.
fn timed(case: &Case, thread: ThreadId, north: &[(u64, i64)], south: &[(u64, i64)]) -> Matter {
    let mut matter = case.parties[0].matters[&thread].clone();
    let (opener, other) = (matter.opener.clone(), matter.other.clone());
    let at = |hours| start() + SignedDuration::from_hours(hours);
    for (party, times) in [(opener, north), (other, south)] {
        for (size, hours) in times {
            matter.witnessed(&party, (0, *size), at(*hours));
        }
    }
    matter
}

/// Who was silent for days gains nothing by acknowledging each of what is one message.
#[test]
fn several_acknowledgements_of_one_message_are_one() {
    for order in [[0, 1], [1, 0]] {
        let mut case = Case::new();
        let thread = case.act(0, None, signal(Signal::Message)).unwrap();
        let first = last(&case, 0);
        case.act(0, Some(thread), again(first)).unwrap();
        let (said, receipted) = ([first, last(&case, 0)], case.parties[1].entries.len() as u64);
        for which in order {
            case.act(1, Some(thread), confirm(said[which])).unwrap();
        }
        let south = [(receipted, 25), (1_000, 240)];
        let matter = timed(&case, thread, &[(first + 1, 0), (1_000, 24)], &south);
        let all = Readiness::of(&case.parties[0].terms, [&matter], None, start());
        let times = &all[&matter.other].message;
        assert_eq!((times.done, times.within, times.late), (1, 0, 1), "{order:?}");
    }
}

/// Nor by acknowledging the first as if the others had not come yet, and each of them at once.
#[test]
fn what_crossed_an_acknowledgement_is_done_when_both_are() {
    let (mut case, thread, first) = crossed();
    let second = last(&case, 0);
    let receipted = case.parties[1].matters[&thread].replied[0].index;
    let figures = |case: &Case, acknowledged| {
        let north = [(first + 1, 0), (second + 1, 1), (1_000, 240)];
        let matter = timed(case, thread, &north, &[(receipted, 0), (1_000, acknowledged)]);
        let now = start() + SignedDuration::from_hours(240);
        let all = Readiness::of(&case.parties[0].terms, [&matter], None, now);
        let times = &all[&matter.other].message;
        (times.done, times.within, times.late, times.overdue)
    };
    assert_eq!(figures(&case, 240), (1, 0, 1, 0), "the second came a moment ago");
    case.act(1, Some(thread), confirm(second)).unwrap();
    assert_eq!(figures(&case, 240), (1, 0, 1, 0));
}

/// A receipt that comes after the acknowledgement says nothing of when it came.
#[test]
fn what_was_acknowledged_before_it_came_took_no_time_that_counts() {
    let mut case = Case::new();
    let thread = case.parties[0].command(None, Command::Deed(signal(Signal::Message))).unwrap();
    case.deliver(0);
    let owed = std::mem::take(&mut case.parties[1].owed);
    let message = case.parties[1].matters[&thread].opened[0].index;
    case.parties[1].command(Some(thread), Command::Deed(confirm(message))).unwrap();
    let acknowledged = case.parties[1].entries.len() as u64;
    case.parties[1].owed = owed;
    case.meet();
    let matter = timed(&case, thread, &[(1_000, 0)], &[(acknowledged, 240), (1_000, 241)]);
    let south = &Readiness::of(&case.parties[0].terms, [&matter], None, start())[&matter.other];
    assert_eq!((south.message.done, south.message.within, south.unreceipted), (0, 0, 1));
}

/// Nor does it where it was said again, or where another was acknowledged along with it.
#[test]
fn what_is_said_again_after_silence_was_not_answered_in_no_time() {
    for (again_said, acknowledged) in [(false, 0), (true, 0), (true, 1)] {
        let mut case = Case::new();
        let deed = Command::Deed(signal(Signal::Message));
        let thread = case.parties[0].command(None, deed).unwrap();
        let mut said = vec![last(&case, 0)];
        if again_said {
            let deed = Command::Deed(again(said[0]));
            case.parties[0].command(Some(thread), deed).unwrap();
            said.push(last(&case, 0));
        }
        let other = case.parties[0].command(None, Command::Deed(signal(Signal::Message))).unwrap();
        let another = last(&case, 0);
        case.deliver(0);
        case.parties[1].owed.clear();
        for (thread, message) in [(thread, said[acknowledged]), (other, another)] {
            case.parties[1].command(Some(thread), Command::Deed(confirm(message))).unwrap();
        }
        case.deliver(1);
        for thread in [thread, other] {
            let matter = timed(&case, thread, &[(1_000, 0)], &[(1_000, 240)]);
            let all = Readiness::of(&case.parties[0].terms, [&matter], None, start());
            let south = &all[&matter.other];
            assert_eq!(
                (south.message.done, south.unreceipted),
                (0, 1),
                "{again_said} {acknowledged}"
            );
        }
    }
}

/// Who has what stands in the place of a message has the message: a receipt that is kept back hides neither.
#[test]
fn what_stands_in_the_place_of_a_message_says_that_it_came() {
    let mut case = Case::new();
    let thread = case.parties[0].command(None, Command::Deed(signal(Signal::Message))).unwrap();
    case.deliver(0);
    case.parties[1].owed.clear();
    let first = last(&case, 0);
    case.act(0, Some(thread), again(first)).unwrap();
    let matter = timed(&case, thread, &[(1_000, 0)], &[(1_000, 1)]);
    assert!(matter.opened[0].receipt.is_none() && matter.opened[1].receipt.is_some());
    let days = start() + SignedDuration::from_hours(240);
    let south = &Readiness::of(&case.parties[0].terms, [&matter], None, days)[&matter.other];
    assert_eq!((south.unreceipted, south.message.open, south.message.overdue), (0, 1, 1));
}

/// What is said in an older thread is of the days on which it came.
#[test]
fn a_message_is_of_the_period_in_which_it_came() {
    let mut case = Case::new();
    let thread = case.act(0, None, signal(Signal::Message)).unwrap();
    let (first, receipted) = (last(&case, 0), case.parties[1].entries.len() as u64);
    case.act(1, Some(thread), confirm(first)).unwrap();
    let acknowledged = case.parties[1].entries.len() as u64;
    case.act(0, Some(thread), say("more")).unwrap();
    let south = [(receipted, 0), (acknowledged, 0), (1_000, 48)];
    let matter = timed(&case, thread, &[(first + 1, 0), (1_000, 48)], &south);
    let scope = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|day| day.parse().unwrap());
        Some(Scope { from, to, exercise: false })
    };
    let later = start() + SignedDuration::from_hours(24 * 30);
    for (scope, figures) in [
        (scope("2026-03-09", "2026-03-10"), (1, 0)),
        (scope("2026-03-10", "2026-03-11"), (0, 0)),
        (scope("2026-03-11", "2026-03-12"), (0, 1)),
        (None, (1, 1)),
    ] {
        let all = Readiness::of(&case.parties[0].terms, [&matter], scope, later);
        let times = &all[&matter.other].message;
        assert_eq!((times.done, times.overdue), figures, "{scope:?}");
    }
}

/// What somebody wrote down of a call is his word: it makes the other side, which may never have said so, not late.
#[test]
fn a_record_of_a_call_makes_nobody_late() {
    let mut case = Case::new();
    let thread = case.act(0, None, signal(Signal::Telephone)).unwrap();
    let matter = timed(&case, thread, &[(1_000, 0)], &[(1_000, 0)]);
    let days = start() + SignedDuration::from_hours(240);
    let south = &Readiness::of(&case.parties[0].terms, [&matter], None, days)[&matter.other];
    assert_eq!((south.message.open, south.message.overdue), (0, 0));
}

/// What says nothing at all is no message, no answer and no acknowledgement: nobody could read it or reply.
#[test]
fn what_has_no_content_does_nothing() {
    let mut case = Case::new();
    case.act(0, None, signal(Signal::Message)).unwrap();
    for (side, kind) in [(0, Kind::Say), (1, Kind::Say), (1, Kind::Confirm)] {
        let draft = case.parties[side].draft(kind, Vec::new());
        let mut body = case.parties[side].body(draft);
        assert!(Act::of(kind, &body).is_ok());
        body.sealed = None;
        assert_eq!(Act::of(kind, &body), Err(Illegal::BadForm));
    }
}

/// Nobody agrees to other minutes than those that he read.
#[test]
fn one_agrees_to_the_minutes_that_one_read() {
    let mut case = Case::new();
    let day = Day("2026-03-09".parse().unwrap());
    let agenda = Agenda { title: "title".into(), place: "place".into(), points: Vec::new() };
    let thread = case.act(0, None, Deed::Convene { day, exercise: false, agenda }).unwrap();
    let minutes =
        |text: &str| Deed::Minutes { day, record: Record { text: text.into(), actions: vec![] } };
    case.act(0, Some(thread), minutes("what was said")).unwrap();
    let read = last(&case, 0);
    case.act(0, Some(thread), minutes("southland pays")).unwrap();
    let agree = |minutes| Deed::Agree { minutes: Some(minutes), remark: remark("") };
    assert_eq!(case.refused(1, thread, agree(read)), Illegal::NotAgreed);
    case.act(1, Some(thread), agree(last(&case, 0))).unwrap();
    assert_eq!(case.state(thread).0, State::Done);
}

/// However often it is said again it is one message, and as late as it is since it came first.
#[test]
fn what_is_said_again_is_late_since_it_was_said_first() {
    let mut case = Case::new();
    let thread = case.act(0, None, signal(Signal::Message)).unwrap();
    let first = last(&case, 0);
    case.act(0, Some(thread), again(first)).unwrap();
    let second = last(&case, 0);
    let figures = |case: &Case, acknowledged: bool| {
        let mut matter = case.parties[0].matters[&thread].clone();
        let (opener, other) = (matter.opener.clone(), matter.other.clone());
        let mins = |mins| start() + SignedDuration::from_mins(mins);
        matter.witnessed(&opener, (0, first + 1), mins(0));
        matter.witnessed(&opener, (0, second + 1), mins(50));
        let [one, both] =
            [0, 1].map(|at: usize| matter.opened[at].receipt.as_ref().unwrap().index + 1);
        matter.witnessed(&other, (0, one), mins(0));
        matter.witnessed(&other, (0, both), mins(50));
        if acknowledged {
            matter.witnessed(&other, (0, 1_000), mins(60));
        }
        let south = Readiness::of(&case.parties[0].terms, [&matter], None, mins(60));
        let times = &south[&other].message;
        (times.done, times.open, times.late, times.overdue)
    };
    assert_eq!(figures(&case, false), (0, 1, 0, 1));
    case.act(1, Some(thread), confirm(second)).unwrap();
    assert_eq!(figures(&case, true), (1, 0, 1, 0));
}

/// A test that could not be opened is over; it is not acknowledged.
#[test]
fn a_test_that_was_not_opened_is_not_acknowledged() {
    let mut case = Case::new();
    let thread = case.parties[0].command(None, Command::Deed(signal(Signal::Ping))).unwrap();
    case.parties[0].command(Some(thread), Command::Deed(say("hello?"))).unwrap();
    case.deliver(0);
    let [first, second] = [0, 1].map(|at: usize| case.parties[1].matters[&thread].opened[at].index);
    for receipt in case.parties[1].owed.iter_mut().filter(|receipt| receipt.index == first) {
        receipt.code = "undecryptable".to_owned();
    }
    case.parties[1].pay();
    case.act(1, Some(thread), confirm(second)).unwrap();
    assert_eq!(case.state(thread), (State::Unopened, None));
}

/// The same where its key has died on either side.
#[test]
fn a_test_that_nobody_answered_is_not_acknowledged() {
    let mut case = Case::new();
    let thread = case.act(0, None, signal(Signal::Ping)).unwrap();
    case.act(0, Some(thread), say("hello?")).unwrap();
    let second = last(&case, 0);
    case.act(1, Some(thread), confirm(second)).unwrap();
    let matter = &case.parties[0].matters[&thread];
    let standing = matter.standing_by(View::ALL, |one| one.fate(true));
    assert_eq!((standing.state, standing.over), (State::Unacknowledged, true));
}

/// An echo is the receipt of what was opened; any other code is none.
#[test]
fn an_echo_with_a_code_of_ones_own_is_no_echo() {
    let mut case = Case::new();
    let thread = case.parties[0].command(None, Command::Deed(signal(Signal::Echo))).unwrap();
    case.deliver(0);
    for receipt in &mut case.parties[1].owed {
        receipt.code = "busy".to_owned();
    }
    case.parties[1].pay();
    case.meet();
    let mut matter = case.parties[0].matters[&thread].clone();
    let (opener, other) = (matter.opener.clone(), matter.other.clone());
    matter.witnessed(&opener, (0, 1_000), start());
    matter.witnessed(&other, (0, 1_000), start());
    let all = Readiness::of(&case.parties[0].terms, [&matter], None, start());
    assert_eq!(all[&other].echo.done, 0);
}

/// Who has a message by its own mirror's word gains nothing by keeping its receipt back.
#[test]
fn the_time_to_answer_begins_when_it_came_whatever_the_receipt_says() {
    let days = SignedDuration::from_hours(24 * 10);
    for (answers, receipts) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut case = Case::new();
        let thread = case.parties[0].command(None, Command::Deed(signal(Signal::Message))).unwrap();
        case.deliver(0);
        if answers {
            let message = case.parties[1].matters[&thread].opened[0].index;
            let heard = Deed::Confirm { message, read_back: false, remark: remark("") };
            case.parties[1].command(Some(thread), Command::Deed(heard)).unwrap();
        }
        if receipts {
            case.parties[1].pay();
        }
        case.deliver(1);
        let mut matter = case.parties[0].matters[&thread].clone();
        let (opener, other) = (matter.opener.clone(), matter.other.clone());
        matter.witnessed(&opener, (0, 1_000), start());
        matter.mirrored(&opener, (0, 1_000), start() + SignedDuration::from_secs(5));
        // The answer before the receipt, both ten days late.
        matter.witnessed(&other, (0, 1_000), start() + days);
        let all = Readiness::of(&case.parties[0].terms, [&matter], None, start() + days);
        let (south, of) = (&all[&other], (answers, receipts));
        let figures = (south.message.late, south.message.overdue, south.unreceipted);
        assert_eq!(figures, (u32::from(answers), u32::from(!answers), 0), "{of:?}");
    }
}

/// Under what is over nobody answers any more: what was open then is as late as it was then.
#[test]
fn no_clock_of_the_hotline_runs_after_the_end() {
    let mut case = Case::new();
    let thread = case.act(0, None, signal(Signal::Message)).unwrap();
    let mut matter = case.parties[0].matters[&thread].clone();
    let parties = [matter.opener.clone(), matter.other.clone()];
    for party in &parties {
        matter.witnessed(party, (0, 1_000), start());
    }
    let ended = Some(start() + SignedDuration::from_mins(10));
    let head = |party: &PartyId| Head {
        party: party.clone(),
        origin: String::new(),
        size: 1_000,
        root: String::new(),
        witnessed: Some(start() + SignedDuration::from_hours(24)),
    };
    let (from, to) = ("2026-03-01".parse().unwrap(), "2026-04-01".parse().unwrap());
    let scope = Scope { from, to, exercise: false };
    let until = (parties.iter().map(head).collect(), ended, ended);
    let none: [&Request; 0] = [];
    let terms = &case.parties[0].terms;
    let review = Review::of(terms, "", scope, until, none, [&matter], &Openings::new());
    let south = &review.mechanism.hotline[&parties[1]].message;
    assert_eq!((south.open, south.overdue), (1, 0), "{south:?}");
}

#[test]
fn an_echo_is_answered_by_its_receipt_and_a_reading_back_by_a_person() {
    let mut case = Case::new();
    let echo = case.act(0, None, signal(Signal::Echo)).unwrap();
    assert_eq!(case.state(echo), (State::Acknowledged, None));
    let sent = last(&case, 0);
    let confirm = |message, read_back| Deed::Confirm { message, read_back, remark: remark("text") };
    assert_eq!(case.refused(1, echo, confirm(sent, false)), Illegal::NoMessage);
    assert_eq!(case.refused(1, echo, say("hello")), Illegal::Over);
    let test = case.act(0, None, signal(Signal::ReadBack)).unwrap();
    let sent = last(&case, 0);
    assert_eq!(case.refused(1, test, confirm(sent, false)), Illegal::NotReadBack);
    case.act(1, Some(test), confirm(sent, true)).unwrap();
    assert_eq!(case.state(test), (State::Acknowledged, None));
}

#[test]
fn only_who_suspended_goes_on() {
    let mut case = Case::new();
    let why = Deed::Suspend { exercise: false, remark: remark("after an indictment") };
    let thread = case.act(1, None, why).unwrap();
    assert_eq!(case.state(thread), (State::Suspended, Some("south")));
    assert_eq!(case.refused(0, thread, Deed::Resume(remark(""))), Illegal::NotYours);
    case.act(1, Some(thread), Deed::Resume(remark(""))).unwrap();
    assert_eq!(case.state(thread), (State::Resumed, None));
    assert_eq!(case.refused(1, thread, Deed::Resume(remark(""))), Illegal::AlreadySaid);
    let silent = Deed::Suspend { exercise: false, remark: remark(" ") };
    assert!(matches!(case.act(1, None, silent), Err(Problem::Missing { .. })), "it says why");
}

#[test]
fn nothing_is_judged_by_criteria_that_one_side_alone_has_signed() {
    let mut case = Case::new();
    let criterion = Criterion {
        id: "in-time".into(),
        text: "nine answers in ten within the limit".into(),
        evidence: "review pack of both heads".into(),
    };
    let yardstick = Yardstick {
        commitment: "timely-response".into(),
        criteria: vec![criterion],
        text: String::new(),
    };
    let fix = |yardstick: &Yardstick| Deed::Fix { exercise: false, yardstick: yardstick.clone() };
    let thread = case.act(0, None, fix(&yardstick)).unwrap();
    assert_eq!(case.state(thread), (State::Proposed, Some("south")));
    let judge = Deed::Judge(Judgement {
        from: "2026-01-01".parse().unwrap(),
        to: "2026-07-01".parse().unwrap(),
        verdicts: [("southland".parse().unwrap(), Verdict::Partly)].into(),
        findings: vec![],
        text: String::new(),
    });
    assert_eq!(case.refused(0, thread, judge.clone()), Illegal::NotAgreed);
    assert_eq!(
        case.refused(0, thread, Deed::Agree { minutes: None, remark: remark("") }),
        Illegal::NotYours
    );
    case.act(1, Some(thread), Deed::Agree { minutes: None, remark: remark("") }).unwrap();
    assert_eq!(case.state(thread), (State::Agreed, None));
    case.act(0, Some(thread), judge.clone()).unwrap();
    case.act(1, Some(thread), judge).unwrap();
    let other = Yardstick { commitment: "no-such".into(), ..yardstick.clone() };
    assert!(matches!(case.act(0, None, fix(&other)), Err(Problem::NotInTerms { .. })));
    let empty = Yardstick { criteria: vec![], ..yardstick };
    assert!(matches!(case.act(0, None, fix(&empty)), Err(Problem::Missing { .. })));
}

#[test]
fn each_side_says_where_a_concern_stands_and_both_must_settle_it() {
    let mut case = Case::new();
    let concern = Concern {
        title: "title".into(),
        commitment: "timely-response".into(),
        facts: "facts".into(),
        marking: Tlp::Amber,
        attachments: vec![],
    };
    let thread = case.act(0, None, Deed::Raise { exercise: false, concern }).unwrap();
    assert_eq!(case.state(thread), (State::Raised, Some("south")));
    let reply = Deed::Respond(Response { text: "we looked".into(), attachments: vec![] });
    case.act(1, Some(thread), reply).unwrap();
    assert_eq!(case.state(thread), (State::Open, None));
    let position = |position| Deed::Position { position, remark: remark("") };
    case.act(1, Some(thread), position(Position::NotAccepted)).unwrap();
    case.act(0, Some(thread), position(Position::Settled)).unwrap();
    assert_eq!(case.state(thread), (State::Open, None), "one side alone settles nothing");
    let matter = &case.parties[0].matters[&thread];
    assert_eq!(matter.position(false, View::ALL), Some(Position::NotAccepted));
    assert_eq!(case.refused(1, thread, position(Position::Withdrawn)), Illegal::NotYours);
    assert_eq!(case.refused(1, thread, position(Position::NotAccepted)), Illegal::AlreadySaid);
    case.act(1, Some(thread), position(Position::Settled)).unwrap();
    assert_eq!(case.state(thread), (State::Done, None));
    assert_eq!(case.refused(0, thread, position(Position::Open)), Illegal::Over);
}

#[test]
fn a_meeting_is_held_once_its_minutes_are_agreed_and_its_actions_come_back_until_done() {
    let mut case = Case::new();
    let day = Day("2026-06-14".parse().unwrap());
    let agenda = |title: &str| Agenda {
        title: title.into(),
        place: "Bergen".into(),
        points: vec!["timeliness".into()],
    };
    let convene = Deed::Convene { day, exercise: false, agenda: agenda("second round") };
    let thread = case.act(0, None, convene).unwrap();
    case.act(1, Some(thread), Deed::Add(agenda(""))).unwrap();
    assert_eq!(case.state(thread), (State::Open, None));
    let action = |party: &str| ActionItem {
        text: "publish the holidays of next year".into(),
        party: party.parse().unwrap(),
        due: None,
    };
    let minutes = |count: usize| Deed::Minutes {
        day,
        record: Record { text: "text".into(), actions: vec![action("southland"); count] },
    };
    assert_eq!(
        case.refused(0, thread, Deed::Agree { minutes: None, remark: remark("") }),
        Illegal::NotAgreed
    );
    case.act(0, Some(thread), minutes(1)).unwrap();
    assert_eq!(case.state(thread), (State::Proposed, Some("south")));
    // Southland writes others; one agrees to the other side's, and never to one's own.
    case.act(1, Some(thread), minutes(2)).unwrap();
    assert_eq!(case.state(thread), (State::Proposed, Some("north")));
    case.act(0, Some(thread), Deed::Agree { minutes: None, remark: remark("") }).unwrap();
    assert_eq!(case.state(thread), (State::Agreed, None));
    let matter = &case.parties[1].matters[&thread];
    assert_eq!(matter.held(View::ALL), Some(day.0));
    assert_eq!(matter.actions(View::ALL), Some(vec![false, false]));
    assert_eq!(case.refused(0, thread, minutes(1)), Illegal::Over);
    let done = |item, done| Deed::Action { item, done, remark: remark("") };
    assert_eq!(case.refused(0, thread, done(3, true)), Illegal::BadItems);
    case.act(1, Some(thread), done(1, true)).unwrap();
    case.act(0, Some(thread), done(1, false)).unwrap();
    case.act(1, Some(thread), done(1, true)).unwrap();
    case.act(1, Some(thread), done(2, true)).unwrap();
    assert_eq!(case.state(thread), (State::Done, None), "the last word counts, whoever opened");
    let stranger = Deed::Minutes {
        day,
        record: Record { text: "text".into(), actions: vec![action("westland")] },
    };
    assert!(matches!(case.act(0, Some(thread), stranger), Err(Problem::Wrong { .. })));
}

/// What both sides could read as a mistake for ever is refused before it is signed.
#[test]
fn days_of_meetings_lie_under_the_terms() {
    let mut case = Case::new();
    let flaw = |problem| match problem {
        Problem::Wrong { place, flaw } => (place, flaw),
        other => panic!("{other}"),
    };
    let convene = |day: &str| Deed::Convene {
        day: Day(day.parse().unwrap()),
        exercise: false,
        agenda: Agenda { title: "first".into(), place: String::new(), points: vec![] },
    };
    // The terms are of 1970-01-01 UTC, which was the day before where the sun rises later.
    let terms = "1970-01-01".parse().unwrap();
    let early = case.act(0, None, convene("1969-12-30")).unwrap_err();
    assert_eq!(flaw(early), ("day".to_owned(), Flaw::BeforeTerms(terms)));
    case.act(0, None, convene("1969-12-31")).unwrap();
    let thread = case.act(0, None, convene("2026-06-14")).unwrap();
    let action = |due: &str| ActionItem {
        text: "publish".into(),
        party: "northland".parse().unwrap(),
        due: Some(due.parse().unwrap()),
    };
    let minutes = |due: &str| Deed::Minutes {
        day: Day("2026-06-14".parse().unwrap()),
        record: Record { text: "text".into(), actions: vec![action(due)] },
    };
    let early = case.act(0, Some(thread), minutes("2026-06-13")).unwrap_err();
    let met = "2026-06-14".parse().unwrap();
    assert_eq!(flaw(early), ("actions[1].due".to_owned(), Flaw::DueBefore(met)));
    case.act(0, Some(thread), minutes("2026-06-14")).unwrap();
}

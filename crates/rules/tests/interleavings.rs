//! The same statements give the same state: on both nodes, and to an auditor, whatever order the
//! peer's arrive in and whatever crosses.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

mod party;

use std::cell::RefCell;
use std::collections::BTreeSet;

use comity_rules::audit::{self, Audit};
use comity_rules::clock::{self, Clocks};
use comity_rules::command::{Command, Deed};
use comity_rules::content::{
    ActionItem, Agenda, Answer, Assessment, ItemAnswer, Message, Notice, Reason, Record, Remark,
    Response, Ruling, Tlp,
};
use comity_rules::matter::{Day, Mark, Position, Signal};
use comity_rules::request::{Decision, Outcome};
use comity_rules::thread::{Sides, View};
use comity_rules::{Kind, PartyId};
use jiff::{SignedDuration, Timestamp};
use party::{Party, ask, pair};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

#[derive(Debug, Clone)]
enum Step {
    /// A side tries a command on one of the requests it knows.
    Act(bool, u8, u8),
    /// Some entries reach the other side.
    Deliver(bool, u8),
    /// A checkpoint covers what has arrived.
    Verify(bool),
    /// Receipts are stated.
    Pay(bool),
    /// A side appends what its own rules would not have let it state, or what is no statement.
    Forge(bool, u8, u8),
    /// Outside witnesses cover what a side has stated so far; and the other side's mirror, so much
    /// later.
    Witness(bool, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (any::<bool>(), any::<u8>(), any::<u8>()).prop_map(|(a, b, c)| Step::Act(a, b, c)),
        4 => (any::<bool>(), 1..4_u8).prop_map(|(a, b)| Step::Deliver(a, b)),
        3 => any::<bool>().prop_map(Step::Verify),
        2 => any::<bool>().prop_map(Step::Pay),
        1 => (any::<bool>(), any::<u8>(), any::<u8>()).prop_map(|(a, b, c)| Step::Forge(a, b, c)),
        3 => (any::<bool>(), any::<u8>()).prop_map(|(a, b)| Step::Witness(a, b)),
    ];
    prop::collection::vec(step, 1..120)
}

fn reason() -> Reason {
    Reason {
        ground: "no-material-nexus".into(),
        law: "section 1".into(),
        alternative: "none".into(),
        consulted: Some(true),
    }
}

fn answer(items: &[(usize, Outcome)]) -> Command {
    let items = items.iter().map(|&(item, outcome)| ItemAnswer {
        item,
        outcome,
        text: "text".into(),
        reason: (outcome == Outcome::Refused).then(reason),
    });
    Command::Answer(Answer {
        text: String::new(),
        use_limits: String::new(),
        limits: None,
        grounds: Default::default(),
        items: items.collect(),
        attachments: vec![],
    })
}

fn command(choice: u8) -> Command {
    let remark = Remark { text: "text".into() };
    if choice >= 128 {
        return Command::Deed(deed(choice));
    }
    match choice % 14 {
        0 => {
            Command::Send { class: Some("U1-urgent".into()), exercise: true, ask: ask(&["a", "b"]) }
        }
        1 | 2 => Command::Acknowledge(remark),
        3 | 4 => Command::Clarify(remark),
        5 => answer(&[(1, Outcome::Answered)]),
        6 => answer(&[(1, Outcome::Answered), (2, Outcome::Refused)]),
        7 => answer(&[(2, Outcome::Postponed)]),
        8 => Command::Decide(Ruling {
            ground: None,
            decision: Decision::Accepted,
            text: String::new(),
            reason: None,
        }),
        9 => Command::Decide(Ruling {
            ground: None,
            decision: Decision::Refused,
            text: String::new(),
            reason: Some(reason()),
        }),
        10 => Command::Assess(Assessment { scores: Default::default(), text: String::new() }),
        11 => Command::Close(remark),
        12 => Command::Withdraw(remark),
        _ => Command::Escalate(remark),
    }
}

fn deed(choice: u8) -> Deed {
    let remark = Remark { text: "text".into() };
    let message = Message {
        title: "title".into(),
        text: "text".into(),
        marking: Tlp::Amber,
        spoken: String::new(),
    };
    let day = Day("2026-03-09".parse().unwrap());
    let agenda = Agenda { title: "title".into(), place: String::new(), points: vec!["p".into()] };
    let exercise = true;
    match choice % 32 {
        0 => Deed::Signal { signal: Signal::Message, about: None, exercise, message },
        1 => Deed::Signal { signal: Signal::ReadBack, about: None, exercise, message },
        2 => Deed::Signal { signal: Signal::Echo, about: None, exercise, message },
        3 => Deed::Say { again: None, remark },
        4 => Deed::Say { again: Some(u64::from(choice / 32)), remark },
        // The message is named by its place: small numbers are often there.
        5..=9 => Deed::Confirm { message: u64::from(choice / 32), read_back: choice > 200, remark },
        10 => Deed::Confirm { message: u64::from(choice % 7) + 2, read_back: true, remark },
        11 => Deed::Suspend { exercise, remark },
        12 | 13 => Deed::Resume(remark),
        14 => Deed::Inform {
            exercise,
            notice: Notice {
                title: "title".into(),
                facts: "facts".into(),
                marking: Tlp::Amber,
                use_limits: String::new(),
                attachments: vec![],
            },
        },
        15 | 16 => Deed::Feedback(remark),
        17 | 18 => Deed::Convene { day, exercise, agenda },
        19 => Deed::Add(agenda),
        20..=22 => {
            let party = "northland".parse().unwrap();
            let actions = vec![ActionItem { text: "text".into(), party, due: None }];
            Deed::Minutes { day, record: Record { text: "text".into(), actions } }
        }
        23..=26 => Deed::Agree { minutes: None, remark },
        27..=29 => Deed::Action { item: 1, done: choice > 160, remark },
        30 => Deed::Respond(Response { text: "text".into(), attachments: vec![] }),
        _ => Deed::Position { position: Position::Settled, remark },
    }
}

fn deliver(from: &Party, to: &mut Party, count: usize) {
    let known = to.arrived.len();
    for entry in from.entries.iter().skip(known).take(count) {
        // What is refused keeps its place, and is receipted so.
        let _ = to.arrive(entry);
    }
}

/// A statement that nobody decided: of any kind, for any request, with any outcomes; or no statement.
fn forge(party: &mut Party, which: u8, what: u8) {
    let kinds: Vec<_> = Kind::ALL.into_iter().filter(|kind| kind.is_threaded()).collect();
    let kind = kinds[usize::from(what) % kinds.len()];
    let known = party.known();
    let result = match (known.get(usize::from(which) % known.len().max(1)), what % 5) {
        (_, 0) | (None, _) => party.append(vec![0xd2, what, which]),
        (Some(thread), _) => {
            let mut draft = party.draft(kind, Vec::new());
            draft.thread = *thread;
            draft.outcomes = vec![what % 6; usize::from(which % 4)];
            draft.answers = which.is_multiple_of(2).then_some(u64::from(which) / 8);
            if kind == Kind::Decide && which.is_multiple_of(3) {
                draft.public = b"refused".to_vec();
            } else if kind.topic().is_some() && which.is_multiple_of(2) {
                let marks = [
                    Mark::ReadBack,
                    Mark::Position(Position::Settled),
                    Mark::Minutes(Day("2026-03-09".parse().unwrap()), 1),
                    Mark::Action(u32::from(which % 4), true),
                ];
                draft.public = marks[usize::from(which / 2) % 4].encode();
                draft.outcomes = Vec::new();
            }
            party.state(draft)
        }
    };
    // Whatever it is, the party goes on.
    let _ = result;
}

/// However long two sides thank each other, an audit of it takes no more for each.
#[test]
fn an_audit_of_many_rounds_is_no_dearer_than_its_entries() {
    let mut parties = pair();
    for round in 0..300_u32 {
        let command = Command::Send {
            class: Some("U1-urgent".into()),
            exercise: true,
            ask: ask(&[&format!("who {round}?")]),
        };
        parties[0].command(None, command).unwrap();
        for _ in 0..2 {
            let [north, south] = &mut parties;
            for ours in [true, false] {
                let (from, to) = if ours { (&*north, &mut *south) } else { (&*south, &mut *north) };
                deliver(from, to, usize::MAX);
                to.verify();
                to.pay();
            }
        }
    }
    let audited = audit(&parties, [0, 1], &Heads::default(), &Heads::default());
    assert_eq!(audited.requests.len(), 300);
    let shown = |request: &comity_rules::Request| request.asked[0].shown.is_some();
    assert!(audited.requests.values().all(shown));
}

/// When heads of each side's ledger were witnessed, and when the other's mirror had them.
type Heads = [Vec<(u64, Timestamp)>; 2];

fn audit(parties: &[Party; 2], order: [usize; 2], witnessed: &Heads, mirrored: &Heads) -> Audit {
    let ledger = |side: usize| {
        let (history, mirrored) = (witnessed[side].clone(), mirrored[side].clone());
        audit::Ledger { history, mirrored, ..parties[side].published() }
    };
    Audit::of(&order.map(ledger))
}

/// What a node learns of times, in whatever order it comes to know it.
fn learn(party: &mut Party, ids: &[PartyId; 2], witnessed: &Heads, mirrored: &Heads, turned: bool) {
    for side in 0..2 {
        let order = |heads: &[(u64, Timestamp)]| {
            let mut heads = heads.to_vec();
            if turned {
                heads.reverse();
            }
            heads
        };
        let requests = party.requests.values_mut().map(|request| request as &mut dyn Sides);
        let matters = party.matters.values_mut().map(|matter| matter as &mut dyn Sides);
        for thread in requests.chain(matters) {
            for (size, time) in order(&witnessed[side]) {
                thread.witnessed(&ids[side], (0, size), time);
            }
            for (size, time) in order(&mirrored[side]) {
                thread.mirrored(&ids[side], (0, size), time);
            }
        }
    }
}

fn play(steps: Vec<Step>, reached: &mut BTreeSet<String>) -> Result<(), TestCaseError> {
    let mut parties = pair();
    let ids = parties.each_ref().map(|party| party.id.clone());
    let (mut witnessed, mut mirrored): (Heads, Heads) = Default::default();
    let mut now: Timestamp = "2026-03-09T08:00:00Z".parse().unwrap();
    let mut witness = |parties: &[Party; 2], side: usize, later: u8| {
        now += SignedDuration::from_mins(17);
        let size = parties[side].entries.len() as u64;
        witnessed[side].push((size, now));
        mirrored[side].push((size, now + SignedDuration::from_mins(i64::from(later) - 100)));
    };
    for step in steps {
        match step {
            Step::Act(side, which, choice) => {
                let party = &mut parties[usize::from(side)];
                let known = party.known();
                let thread = (!known.is_empty()).then(|| known[usize::from(which) % known.len()]);
                let command = command(choice);
                let opens = match &command {
                    Command::Send { .. } => true,
                    Command::Deed(deed) => deed.opens().is_some(),
                    _ => false,
                };
                let thread = thread.filter(|_| !opens);
                // Most commands are refused where the request stands: that is the point.
                let _ = party.command(thread, command);
            }
            Step::Deliver(side, count) => {
                let [north, south] = &mut parties;
                let (from, to) = if side { (north, south) } else { (south, north) };
                deliver(from, to, count.into());
            }
            Step::Verify(side) => parties[usize::from(side)].verify(),
            Step::Pay(side) => {
                let party = &mut parties[usize::from(side)];
                if !party.arrived.is_empty() {
                    party.pay();
                }
            }
            Step::Forge(side, which, what) => forge(&mut parties[usize::from(side)], which, what),
            Step::Witness(side, later) => witness(&parties, usize::from(side), later),
        }
    }
    // Everything arrives in the end, and is receipted.
    for _ in 0..2 {
        let [north, south] = &mut parties;
        deliver(north, south, usize::MAX);
        deliver(south, north, usize::MAX);
        north.verify();
        south.verify();
        north.pay();
        south.pay();
    }
    let [north, south] = &mut parties;
    deliver(north, south, usize::MAX);
    deliver(south, north, usize::MAX);
    for side in 0..2 {
        witness(&parties, side, 101);
    }
    let [north, south] = &mut parties;
    learn(north, &ids, &witnessed, &mirrored, false);
    learn(south, &ids, &witnessed, &mirrored, true);
    prop_assert_eq!(&parties[0].requests, &parties[1].requests);
    prop_assert_eq!(&parties[0].matters, &parties[1].matters);
    for order in [[0, 1], [1, 0]] {
        let audit = audit(&parties, order, &witnessed, &mirrored);
        prop_assert_eq!(&audit.requests, &parties[0].requests);
        prop_assert_eq!(&audit.matters, &parties[0].matters);
        prop_assert!(audit.waiting.is_empty());
        // What the gate refused, each side had receipted as the auditor finds it.
        for (party, index, code, _) in &audit.refused {
            let other = parties.iter().find(|other| other.id != *party).unwrap();
            let verdict = &other.verdicts[usize::try_from(*index).unwrap()];
            prop_assert!(verdict.is_empty() || verdict == code, "{verdict} {code}");
        }
        for matter in audit.matters.values() {
            let state = matter.standing(View::ALL).state.as_str();
            reached.insert(format!("{} {state}", matter.topic.as_str()));
        }
        let pauses = clock::pauses(audit.matters.values(), true, None);
        for request in audit.requests.values() {
            let clocks = Clocks::of(request, Some(&*parties[0].terms), &pauses, now);
            let own = &parties[1].requests[&request.thread];
            let again = Clocks::of(own, Some(&*parties[1].terms), &pauses, now);
            prop_assert_eq!(&clocks, &again);
            reached.insert(request.standing(View::ALL).status.as_str().to_owned());
            if clocks.is_overdue() {
                reached.insert("overdue".to_owned());
            }
            if request.asked.iter().chain(&request.answered).any(|event| event.refused.is_some()) {
                reached.insert("without effect".to_owned());
            }
        }
    }
    Ok(())
}

#[test]
fn both_nodes_and_an_auditor_end_with_the_same_state() {
    let reached = RefCell::new(BTreeSet::new());
    let config = ProptestConfig { cases: 400, ..ProptestConfig::default() };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[47; 32]));
    runner.run(&steps(), |steps| play(steps, &mut reached.borrow_mut())).unwrap();
    // The cases went through a request's whole life, and through what has no effect.
    for status in [
        "acknowledged",
        "clarification-asked",
        "accepted",
        "part-answered",
        "partly-refused",
        "refused",
        "overdue",
        "without effect",
        "hotline unacknowledged",
        "hotline acknowledged",
        "suspension suspended",
        "suspension resumed",
        "notice done",
        "dialogue open",
        "dialogue proposed",
        "dialogue agreed",
    ] {
        assert!(reached.borrow().contains(status), "{status} is not in {:?}", reached.borrow());
    }
}

#[test]
fn withdrawal_and_answer_that_cross_are_both_kept() {
    let [mut north, mut south] = pair();
    let meet = |north: &mut Party, south: &mut Party| {
        deliver(north, south, usize::MAX);
        deliver(south, north, usize::MAX);
        north.verify();
        south.verify();
    };
    let sent =
        Command::Send { class: Some("U1-urgent".into()), exercise: true, ask: ask(&["a", "b"]) };
    let thread = north.command(None, sent).unwrap();
    meet(&mut north, &mut south);
    south.command(Some(thread), command(1)).unwrap();
    meet(&mut north, &mut south);
    // Neither has seen the other's when it states its own.
    north.command(Some(thread), command(12)).unwrap();
    south.command(Some(thread), command(6)).unwrap();
    meet(&mut north, &mut south);
    assert_eq!(north.requests, south.requests);
    let standing = north.requests[&thread].standing(View::ALL);
    assert_eq!(standing.status, comity_rules::request::Status::PartlyRefused);
    assert_eq!(standing.desired, comity_rules::request::Desired::Withdrawn);
    // And what was withdrawn is over for both.
    assert!(south.command(Some(thread), command(3)).is_err());
}

#[test]
fn an_auditor_stops_where_a_ledger_refers_to_what_was_not_witnessed_yet() {
    let [mut north, mut south] = pair();
    deliver(&north, &mut south, usize::MAX);
    south.verify();
    south.pay();
    deliver(&south, &mut north, usize::MAX);
    north.verify();
    let sent =
        Command::Send { class: Some("U1-urgent".into()), exercise: true, ask: ask(&["a", "b"]) };
    north.command(None, sent).unwrap();
    // South's ledger as an outsider has it is one entry shorter than what North had seen.
    south.entries.pop();
    let mut tiles = comity_ledger::Tiles::default();
    for (index, entry) in south.entries.iter().enumerate() {
        tiles.push(index as u64, comity_ledger::Hash::leaf(entry));
    }
    south.tiles = tiles;
    let none = Heads::default();
    let audit = audit(&[north, south], [0, 1], &none, &none);
    assert!(audit.refused.is_empty());
    assert_eq!(audit.waiting.len(), 1);
}

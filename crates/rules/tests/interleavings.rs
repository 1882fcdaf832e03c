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

use comity_rules::ThreadId;
use comity_rules::audit::{self, Audit};
use comity_rules::channel::Channel;
use comity_rules::command::Command;
use comity_rules::content::{Answer, Assessment, ItemAnswer, Reason, Remark, Ruling};
use comity_rules::request::{Decision, Outcome};
use party::{Party, ask, pair};
use proptest::prelude::*;

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
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (any::<bool>(), any::<u8>(), any::<u8>()).prop_map(|(a, b, c)| Step::Act(a, b, c)),
        4 => (any::<bool>(), 1..4_u8).prop_map(|(a, b)| Step::Deliver(a, b)),
        3 => any::<bool>().prop_map(Step::Verify),
        2 => any::<bool>().prop_map(Step::Pay),
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
        items: items.collect(),
        attachments: vec![],
    })
}

fn command(choice: u8) -> Command {
    let remark = Remark { text: "text".into() };
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
            decision: Decision::Accepted,
            text: String::new(),
            reason: None,
        }),
        9 => Command::Decide(Ruling {
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

fn deliver(from: &Party, to: &mut Party, count: usize) {
    let known = to.arrived.len();
    for entry in from.entries.iter().skip(known).take(count) {
        to.arrive(entry).expect("an honest party's entries are admitted");
    }
}

fn audit(parties: &[Party; 2], order: [usize; 2]) -> Audit {
    let ledger = |side: usize| {
        let party = &parties[side];
        let channel = Channel::new(
            party.own.from.clone(),
            party.own.to.clone(),
            party.ledger.verifier(),
            party.terms.hash(),
            &party.card.root.to_string(),
        );
        let (entries, tiles) = (party.entries.clone(), party.tiles.clone());
        audit::Ledger { channel, entries, tiles, history: Vec::new(), mirrored: Vec::new() }
    };
    Audit::of(&order.map(ledger))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn both_nodes_and_an_auditor_end_with_the_same_state(steps in steps()) {
        let mut parties = pair();
        for step in steps {
            match step {
                Step::Act(side, which, choice) => {
                    let party = &mut parties[usize::from(side)];
                    let known: Vec<ThreadId> = party.requests.keys().copied().collect();
                    let thread = (!known.is_empty()).then(|| known[usize::from(which) % known.len()]);
                    let command = command(choice);
                    let thread = thread.filter(|_| !matches!(command, Command::Send { .. }));
                    // Most commands are refused where the request stands: that is the point.
                    let _ = party.command(thread, command);
                }
                Step::Deliver(side, count) => {
                    let [north, south] = &mut parties;
                    if side { deliver(north, south, count.into()) } else { deliver(south, north, count.into()) }
                }
                Step::Verify(side) => parties[usize::from(side)].verify(),
                Step::Pay(side) => {
                    let party = &mut parties[usize::from(side)];
                    if party.arrived.len() as u64 > 0 { party.pay() }
                }
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
        prop_assert_eq!(&parties[0].requests, &parties[1].requests);
        for order in [[0, 1], [1, 0]] {
            let audit = audit(&parties, order);
            prop_assert_eq!(&audit.requests, &parties[0].requests);
            prop_assert!(audit.waiting.is_empty());
            prop_assert!(audit.refused.is_empty(), "{:?}", audit.refused);
        }
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
    let standing = north.requests[&thread].standing(comity_rules::request::View::ALL);
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
    let audit = audit(&[north, south], [0, 1]);
    assert!(audit.refused.is_empty());
    assert_eq!(audit.waiting.len(), 1);
}

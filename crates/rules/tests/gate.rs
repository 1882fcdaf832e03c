//! What the gate refuses, each by its name, with the channel going on behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

mod party;

use comity_ledger::statement::{Seen, StatementKey};
use comity_ledger::{Body, Hash};
use comity_rules::audit::Audit;
use comity_rules::channel::Refusal;
use comity_rules::{Kind, ThreadId, card};
use party::{Party, pair};

/// Signs a body that an honest party would not, and lets it arrive at the other.
fn forged(north: &mut Party, south: &mut Party, change: impl FnOnce(&mut Body)) -> String {
    let mut body = north.body(north.draft(Kind::Escalate, Vec::new()));
    body.thread = [7; 16];
    change(&mut body);
    let entry = north.key.sign(north.ledger.name(), body).unwrap().entry().to_vec();
    let refused = south.arrive(&entry).unwrap_err().code().to_owned();
    // An honest statement behind it is still admitted, unless it was the forged one's place.
    refused
}

fn opened() -> (Party, Party) {
    let [mut north, mut south] = pair();
    let entry = north.entries[0].clone();
    south.arrive(&entry).unwrap();
    let entry = south.entries[0].clone();
    north.arrive(&entry).unwrap();
    north.verify();
    south.verify();
    (north, south)
}

#[test]
fn each_forgery_is_refused_by_its_name() {
    type Change = fn(&mut Body);
    let cases: [(&str, Change); 7] = [
        ("other-agreement", |body| body.terms = Hash::of(b"other terms")),
        ("other-parties", |body| body.from = "eastland".to_owned()),
        ("equivocation", |body| body.sequence = 0),
        ("sequence-gap", |body| body.sequence += 1),
        ("broken-chain", |body| body.previous = Some(Hash::of(b"another"))),
        ("unknown-head", |body| {
            body.seen =
                Some(Seen { origin: "ledger.example/south".into(), size: 1, root: Hash::of(b"?") });
        }),
        ("not-understood", |body| body.kind = "request.send/99".to_owned()),
    ];
    for (name, change) in cases {
        let (mut north, mut south) = opened();
        assert_eq!(forged(&mut north, &mut south, change), name);
        assert_eq!(south.owed.last().unwrap().code, name, "it is receipted with that code");
    }
}

#[test]
fn another_ledgers_head_and_a_head_that_is_not_yet_are_unknown() {
    for (origin, size) in [("ledger.example/elsewhere", 1), ("ledger.example/south", 99)] {
        let (mut north, mut south) = opened();
        let root = south.tiles.root(1).unwrap();
        let seen = Seen { origin: origin.to_owned(), size, root };
        assert_eq!(forged(&mut north, &mut south, |body| body.seen = Some(seen)), "unknown-head");
    }
}

#[test]
fn a_statement_that_had_seen_less_than_its_predecessor_is_backdated() {
    let (mut north, mut south) = opened();
    // North saw one entry of South's when it stated this...
    let body = north.body(north.draft(Kind::Receipt, comity_rules::channel::encode_receipts(&[])));
    assert_eq!(body.seen.as_ref().unwrap().size, 1);
    let entry = north.key.sign(north.ledger.name(), body).unwrap().entry().to_vec();
    north.append(entry.clone()).unwrap();
    south.arrive(&entry).unwrap();
    // ...and none when it stated the next.
    assert_eq!(forged(&mut north, &mut south, |body| body.seen = None), "backdated");
}

#[test]
fn an_unknown_key_and_another_ledgers_statement_are_refused() {
    let (north, mut south) = opened();
    let body = north.body(north.draft(Kind::Escalate, Vec::new()));
    let stranger = StatementKey::new(&[99; 32]).unwrap();
    let entry = stranger.sign(north.ledger.name(), body.clone()).unwrap().entry().to_vec();
    assert_eq!(south.arrive(&entry).unwrap_err().code(), "unknown-key");
    let entry = north.key.sign("ledger.example/elsewhere", body).unwrap().entry().to_vec();
    assert_eq!(south.arrive(&entry).unwrap_err().code(), "other-ledger");
    for garbage in [&[][..], &[0; 4097], &[0xd2, 0x84, 0x5b, 255, 255, 255, 255]] {
        assert!(south.arrive(garbage).is_err());
    }
    // After all that, the honest next statement is admitted.
    let receipts = comity_rules::channel::encode_receipts(&[]);
    let entry =
        north.key.sign(north.ledger.name(), north.body(north.draft(Kind::Receipt, receipts)));
    south.arrive(entry.unwrap().entry()).unwrap();
}

#[test]
fn a_revoked_key_is_good_before_its_index_and_void_from_it_on() {
    let (mut north, mut south) = opened();
    let receipts = comity_rules::channel::encode_receipts(&[]);
    let before = north.draft(Kind::Receipt, receipts.clone());
    north.state(before).unwrap();
    let revocation = card::revocation(north.key.public(), &north.root).unwrap();
    let draft = north.draft(Kind::RevokeKey, revocation.to_string().into_bytes());
    north.state(draft).unwrap();
    let draft = north.draft(Kind::Receipt, receipts);
    assert_eq!(north.state(draft), Err(Refusal::RevokedKey(2)));
    let codes: Vec<_> = north.entries.clone()[1..]
        .iter()
        .map(|entry| south.arrive(entry).map_err(|r| r.code()))
        .collect();
    assert_eq!(codes, [Ok(()), Ok(()), Err("revoked-key")]);
    // A new key in a card signed by the root carries on; here it was added too late to help.
    assert!(south.arrive(&north.entries[0].clone()).is_err(), "and an opening opens only once");
}

#[test]
fn a_revocation_that_the_root_did_not_sign_revokes_nothing() {
    let (mut north, mut south) = opened();
    let other = party::key("northland/root", comity_ledger::note::Algorithm::Ed25519, 77);
    let revocation = card::revocation(north.key.public(), &other).unwrap();
    let draft = north.draft(Kind::RevokeKey, revocation.to_string().into_bytes());
    assert_eq!(north.state(draft).unwrap_err().code(), "unknown-key");
    let draft = north.draft(Kind::Receipt, comity_rules::channel::encode_receipts(&[]));
    north.state(draft).unwrap();
    let entries = north.entries.clone();
    assert!(south.arrive(&entries[1]).is_err());
    south.arrive(&entries[2]).unwrap();
}

#[test]
fn a_ledger_that_does_not_begin_with_the_partys_opening_admits_nothing() {
    let [north, mut south] = pair();
    let draft = north.draft(Kind::Receipt, comity_rules::channel::encode_receipts(&[]));
    let mut body = north.body(draft);
    body.sequence = 0;
    let entry = north.key.sign(north.ledger.name(), body).unwrap().entry().to_vec();
    assert_eq!(south.arrive(&entry).unwrap_err().code(), "not-opened");
    let opening = north.entries[0].clone();
    assert!(south.arrive(&opening).is_err(), "too late: entry 0 was another");
}

/// An auditor checks the signatures of many together, and refuses what a node refuses one by one.
#[test]
fn among_many_an_audit_refuses_the_one_with_a_bad_signature_and_no_other() {
    let (mut north, south) = opened();
    let fill = |north: &mut Party, count: usize| {
        for _ in 0..count {
            let card = north.card.sign(&north.root).unwrap();
            north.state(north.draft(Kind::AddKey, card.to_string().into_bytes())).unwrap();
        }
    };
    let audit = |north: &Party| {
        let found = Audit::of(&[north, &south].map(Party::published));
        assert_eq!(found.waiting, []);
        found.refused.into_iter().map(|(_, at, code, _)| (at, code)).collect::<Vec<_>>()
    };
    fill(&mut north, 300);
    assert_eq!(audit(&north), []);
    let mut entry = north.entries[299].clone();
    *entry.last_mut().unwrap() ^= 1;
    assert_eq!(north.append(entry).unwrap_err().code(), "bad-signature");
    fill(&mut north, 300);
    assert_eq!(audit(&north), [(301, "bad-signature")]);
}

#[test]
fn nobody_opens_a_thread_that_is_anothers() {
    let (mut north, mut south) = opened();
    let thread = ThreadId::opened_by(&south.own.origin, south.own.sequence);
    let mut draft = north.draft(Kind::Send, Vec::new());
    (draft.thread, draft.outcomes) = (thread, vec![0]);
    north.state(draft).unwrap();
    let entry = north.entries[1].clone();
    south.arrive(&entry).unwrap();
    assert!(north.requests.is_empty() && south.requests.is_empty());
}

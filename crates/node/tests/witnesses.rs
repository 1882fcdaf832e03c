//! Outside witnesses of several kinds, and readers of ledgers that are not everyone's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::sync::Arc;
use std::time::Duration;

use comity_ledger::note::Note;
use comity_ledger::policy::Policy;
use comity_node::clock::Adjustable;
use comity_node::network::{Network as _, Tcp};
use comity_node::witness::Witness;
use comity_node::{Node, audit, http, public, serve};
use comity_rules::access::Person;
use comity_rules::agreement::{OutsideWitness, Readers};
use comity_rules::release::Reader;
use hyper::Method;
use jiff::SignedDuration;
use stage::{Stage, ask};
use tokio::task::JoinSet;

/// A stage with these witnesses; the quorum is two where there are several.
async fn set(
    folder: &std::path::Path,
    watching: Vec<Arc<Witness>>,
    outside: Vec<OutsideWitness>,
    readers: Readers,
) -> Stage {
    let clock = Arc::new(Adjustable::new(stage::start()));
    let (quorum, network, tasks) = (outside.len().min(2), Arc::new(Tcp), JoinSet::new());
    Stage::under(folder, network, clock, quorum, (watching, outside), readers, tasks).await
}

#[tokio::test]
async fn the_first_witnesses_that_make_the_quorum_are_enough_and_the_median_is_the_time() {
    let folder = tempfile::tempdir().unwrap();
    // Two that work, one of them a minute fast; one that takes connections and never answers.
    let clocks = [stage::start(), stage::start() + SignedDuration::from_mins(1)];
    let (mut watching, mut outside, mut serving) = (Vec::new(), Vec::new(), Vec::new());
    for (name, clock) in ["harbour", "lighthouse"].into_iter().zip(clocks) {
        let clock = Arc::new(Adjustable::new(clock));
        let (witness, url, task) = stage::witness(folder.path(), name, clock).await;
        outside.push(stage::outside(name, witness.key(), &url));
        watching.push(witness);
        serving.push(task);
    }
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    let key = Witness::open(&folder.path().join("buoy"), "buoy.example", watching_clock()).unwrap();
    outside.insert(0, stage::outside("buoy", key.key(), &url));
    let stage = set(folder.path(), watching, outside, Readers::Everyone).await;
    stage.north.command(&Person::operator(), Some(&stage.hash()), None, ask("a")).await.unwrap();
    // Thirty seconds is what the one that hangs is given; nobody waits for it.
    tokio::time::timeout(Duration::from_secs(20), stage.settle()).await.unwrap();
    let agreement = stage.north.agreement("comity-model").unwrap();
    let own = stage.north.own_ledger(&agreement).await.unwrap();
    let kept = comity_store::ledger::history(stage.north.db(), &own.id, own.size).await.unwrap();
    let kept = kept.unwrap();
    // Of two the earlier of the two in the middle.
    assert!(kept.time < stage::start() + SignedDuration::from_mins(1));
    let (_, policy) = stage.north.policy(&agreement).await.unwrap();
    let witnessed = policy.check(&Note::parse(kept.note.as_bytes()).unwrap()).unwrap();
    let mut names: Vec<_> = witnessed.cosigned.into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["harbour", "lighthouse"]);
}

fn watching_clock() -> Arc<Adjustable> {
    Arc::new(Adjustable::new(stage::start()))
}

#[tokio::test]
async fn a_witness_whose_clock_went_back_does_not_cosign() {
    let folder = tempfile::tempdir().unwrap();
    let key = comity_ledger::SigningKey::new("l", comity_ledger::Algorithm::Ed25519, &[7; 32]);
    let key = key.unwrap();
    let head = comity_ledger::Checkpoint::new("l", 1, comity_ledger::Hash::of(b"r"));
    let note = head.sign(&key).unwrap();
    let body = |old: u64| format!("old {old}\n\n{note}").into_bytes();
    let late = Arc::new(Adjustable::new(stage::start() + SignedDuration::from_hours(1)));
    let witness = Witness::open(&folder.path().join("w"), "w.example", late).unwrap();
    witness.watch(key.verifier()).unwrap();
    witness.add_checkpoint(&body(0)).unwrap();
    drop(witness);
    let clock = watching_clock();
    let witness = Witness::open(&folder.path().join("w"), "w.example", clock.clone()).unwrap();
    let refusal = witness.add_checkpoint(&body(1)).unwrap_err();
    assert_eq!((refusal.status(), refusal.code()), (503, "unavailable"));
    clock.advance(SignedDuration::from_hours(1));
    witness.add_checkpoint(&body(1)).unwrap();
}

async fn get(url: &str, key: Option<&str>) -> u16 {
    http::fetch(&Tcp, Method::GET, url, key, Vec::new(), 1 << 20).await.unwrap().status
}

/// A node's public ledgers on a port of their own.
async fn publish(node: &Arc<Node>) -> (String, JoinSet<()>) {
    let listener = Tcp.bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", listener.port());
    let mut serving = JoinSet::new();
    serving.spawn(serve::plain(listener, public::router(Arc::clone(node))));
    (url, serving)
}

#[tokio::test]
async fn ledgers_for_members_are_read_by_members_and_by_whom_they_give_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let clock = watching_clock();
    let (witness, url, _serving) = stage::witness(folder.path(), "harbour", clock).await;
    let outside = vec![stage::outside("harbour", witness.key(), &url)];
    let stage = set(folder.path(), vec![witness], outside, Readers::Members).await;
    let done = stage
        .north
        .command(&Person::operator(), Some(&stage.hash()), None, ask("a"))
        .await
        .unwrap();
    stage.settle().await;
    let ([north, south], agreement) =
        ([&stage.north, &stage.south], stage.north.agreement("comity-model").unwrap());
    let (north_url, _n) = publish(north).await;
    let (south_url, _s) = publish(south).await;
    let own = north.own_ledger(&agreement).await.unwrap().id;
    let theirs = south.own_ledger(&south.agreement("comity-model").unwrap()).await.unwrap().id;
    let checkpoint = format!("{north_url}/ledger/{own}/checkpoint");
    // Without a key there is no such ledger; with one that was not given there is no reader.
    assert_eq!(get(&checkpoint, None).await, 404);
    assert_eq!(get(&checkpoint, Some("00")).await, 401);
    let keys = [
        north.give_reader("audit office", "comity-model", 30).await.unwrap(),
        south.give_reader("audit office", "comity-model", 30).await.unwrap(),
    ];
    assert_eq!(get(&checkpoint, Some(&keys[0])).await, 200);
    assert_eq!(get(&format!("{north_url}/mirror/{theirs}/history/1"), Some(&keys[0])).await, 200);
    assert_eq!(get(&checkpoint, Some(&keys[1])).await, 401, "it is the other side's");
    let other = format!("{south_url}/ledger/{theirs}/checkpoint");
    assert_eq!(get(&other, Some(&keys[1])).await, 200);
    // Its holder audits with it.
    let (_, policy): (_, Policy) = north.policy(&agreement).await.unwrap();
    let places = [format!("{north_url}/ledger/{own}"), format!("{north_url}/mirror/{theirs}")];
    let reach = audit::Reach { network: &Tcp, key: Some(&keys[0]) };
    let report = audit::run(&reach, &places, &policy, None, None).await.unwrap();
    assert!(report.is_clean() && report.audit.requests.contains_key(&done.thread));
    // For so long, and until it is taken back.
    assert!(north.remove_reader("audit office").await.unwrap());
    assert!(!north.remove_reader("audit office").await.unwrap());
    assert_eq!(get(&checkpoint, Some(&keys[0])).await, 401);
    stage.clock.advance(SignedDuration::from_hours(24 * 31));
    assert_eq!(south.reader(&keys[1]).await.unwrap(), None);
    assert_eq!(south.reader("").await.unwrap(), None::<Reader>);
}

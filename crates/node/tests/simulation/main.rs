//! The same nodes on a simulated network: cuts, delays, messages that come twice or late, a witness
//! that is away, hosts that are killed and start again, new keys, clocks that are hours off. Both sides end with
//! the same statements and the same state, for every seed; and where one side is false, the other has
//! the proof of it, which an outsider checks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a test that cannot go on fails"
)]

mod courier;
mod deeds;
#[path = "../stage/mod.rs"]
mod stage;
mod world;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use comity_ledger::fork::Fork;
use comity_ledger::{Hash, VerifierKey};
use comity_node::review::Until;
use comity_node::{Node, audit, export};
use comity_rules::Request;
use comity_rules::access::Person;
use comity_rules::command::Command;
use comity_rules::matter::Matter;
use comity_rules::review::Scope;
use courier::Courier;
use stage::{answer, ask, remark};
use world::{Dice, Failure, Handle, Prepared, Simulated, host, prepare, witness_host};

/// What Northland or Southland is like in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Both keep to the protocol.
    Honest,
    /// Northland signs a second history, and shows it to Southland.
    Equivocating,
    /// Southland receipts nothing.
    Withholding,
}

impl Kind {
    fn of(seed: u64) -> Self {
        match seed % 5 {
            3 => Self::Equivocating,
            4 => Self::Withholding,
            _ => Self::Honest,
        }
    }
}

/// Keys, cards, terms and folders: made once, copied for each run.
fn prepared() -> &'static (tempfile::TempDir, Prepared) {
    static PREPARED: OnceLock<(tempfile::TempDir, Prepared)> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let folder = scratch();
        let prepared = prepare(folder.path());
        (folder, prepared)
    })
}

/// A folder in memory where there is such a thing: what the disk does is another test's subject.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

const SIDES: [&str; 3] = ["northland", "southland", "harbour"];

fn run(seed: u64) {
    let kind = Kind::of(seed);
    let (template, prepared) = prepared();
    let folder = scratch();
    world::copy(template.path(), folder.path());
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(Duration::from_millis(10))
        .simulation_duration(Duration::from_secs(3600))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(400))
        .build();
    let handles: [Handle; 2] = Default::default();
    let homes = prepared.homes.each_ref().map(|home| {
        comity_node::Home::open(&folder.path().join(home.config().party.as_str())).unwrap()
    });
    let mut dice = Dice::new(seed, 1);
    for (home, handle) in homes.iter().zip(&handles) {
        let (home, handle) = (home.clone(), handle.clone());
        let hours = dice.roll(25) as i64 - 12;
        let name = home.config().party.to_string();
        sim.host(name, move || host(home.clone(), hours, handle.clone()));
    }
    let witness = folder.path().join("w");
    sim.host("harbour", move || witness_host(witness.clone()));
    let done: Arc<Mutex<bool>> = Arc::default();
    let outcome = Arc::clone(&done);
    let [north, south] = handles;
    let courier = Courier {
        home: homes[0].clone(),
        north: north.clone(),
        pin: Hash::of(&std::fs::read(homes[1].folder().join("tls.der")).unwrap()),
    };
    let files = folder.path().to_owned();
    sim.client("officers", async move {
        if kind == Kind::Withholding {
            withhold(&south).await?;
        }
        let threads = work(seed, kind, [&north, &south], &courier).await?;
        let (one, other) = (&north, &south);
        match kind {
            Kind::Honest => both_are_equal(seed, one, other, &threads).await?,
            Kind::Equivocating => the_fork_is_proven(seed, one, other, &prepared.keys[0]).await?,
            Kind::Withholding => the_silence_is_shown(seed, one, other, prepared, &files).await?,
        }
        *outcome.lock().unwrap() = true;
        Ok(())
    });
    // Twice in a run a host is killed where it stands, and starts again, now and then with new keys.
    let mut dice = Dice::new(seed, 2);
    let mut kills: Vec<_> = (0..2)
        .map(|_| (Duration::from_millis(500 + dice.roll(40_000)), SIDES[dice.roll(3) as usize]))
        .collect();
    loop {
        if let Some(at) = kills.iter().position(|(at, _)| sim.elapsed() >= *at) {
            let (_, host) = kills.swap_remove(at);
            if let Some(side) = SIDES[..2].iter().position(|side| *side == host)
                && kind == Kind::Honest
                && dice.roll(2) == 0
            {
                sim.crash(host);
                rotate(homes[side].folder());
            }
            sim.bounce(host);
        }
        if sim.step().unwrap_or_else(|error| panic!("seed {seed} ({kind:?}): {error}")) {
            break;
        }
    }
    assert!(*done.lock().unwrap(), "seed {seed} ({kind:?}) did not come to its end");
}

/// Gives the node of a folder new keys, while it does not run.
fn rotate(folder: &Path) {
    let home = comity_node::Home::open(folder).unwrap();
    let root = home.root_key(&folder.join("root.key")).unwrap();
    home.rotate(&root, comity_node::home::Change::default()).unwrap();
}

/// What officers, the network and the courier do; the requests and the matters that were made.
async fn work(
    seed: u64,
    kind: Kind,
    [north, south]: [&Handle; 2],
    courier: &Courier,
) -> Result<[Vec<comity_rules::ThreadId>; 2], Failure> {
    let mut dice = Dice::new(seed, 3);
    let terms = north.node().await.agreement("comity-model").unwrap().terms.hash().to_hex();
    let (mut threads, mut matters) = (Vec::new(), Vec::new());
    let betrayal = 4 + dice.roll(16);
    for round in 0..24 {
        // Somebody is cut off, or comes back, or nothing changes.
        let (a, b) = (dice.roll(3), dice.roll(3));
        if a != b {
            let (a, b) = (SIDES[a as usize], SIDES[b as usize]);
            match dice.roll(4) {
                0 => turmoil::partition(a, b),
                1 => turmoil::hold(a, b),
                _ => {
                    turmoil::release(a, b);
                    turmoil::repair(a, b);
                }
            }
        }
        let side = if dice.roll(2) == 0 { north } else { south }.node().await;
        if !threads.is_empty() && dice.roll(3) == 0 {
            let known = threads[dice.roll(threads.len() as u64) as usize];
            deeds::one(&mut dice, &side, &terms, known, &mut matters).await;
        } else if threads.is_empty() || dice.roll(4) == 0 {
            let title = format!("request {round}");
            // A node that stops meanwhile may have stated it or not; it says only what is kept.
            let sent = side.command(&Person::operator(), Some(&terms), None, ask(&title)).await;
            threads.extend(sent.ok().map(|done| done.thread));
        } else {
            let thread = threads[dice.roll(threads.len() as u64) as usize];
            let command = match dice.roll(6) {
                0 | 1 => Command::Acknowledge(remark("a")),
                2 => Command::Clarify(remark("q")),
                3 => answer("yes"),
                4 => Command::Escalate(remark("e")),
                _ => Command::Withdraw(remark("w")),
            };
            // Refused where the request stands, most often: what matters is what is stated.
            let _ = side.command(&Person::operator(), None, Some(thread), command).await;
        }
        drop(side);
        if kind == Kind::Equivocating && round == betrayal {
            // However often that takes: it is not the network that keeps it honest.
            while let Err(error) = courier.betray(&mut dice).await {
                tracing::debug!(error);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        } else if kind == Kind::Honest && dice.roll(2) == 0 {
            // Southland may be down, or starting: then it gets nothing twice.
            let _ = courier.again(&mut dice).await;
        }
        tokio::time::sleep(Duration::from_millis(200 + dice.roll(3000))).await;
    }
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        turmoil::release(SIDES[a], SIDES[b]);
        turmoil::repair(SIDES[a], SIDES[b]);
    }
    assert!(!threads.is_empty(), "seed {seed}: nothing was asked");
    Ok([threads, matters])
}

/// Asks again every second until it is so.
async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    let mut waited = 0;
    while !so().await {
        tokio::time::sleep(Duration::from_secs(1)).await;
        waited += 1;
        assert!(waited < 900, "{what}");
    }
}

async fn settle(seed: u64, north: &Handle, south: &Handle) {
    until(&format!("seed {seed}: the two sides do not come to rest"), async || {
        stage::settled(&*north.node().await, &*south.node().await).await
    })
    .await;
}

async fn both_are_equal(
    seed: u64,
    north: &Handle,
    south: &Handle,
    [threads, matters]: &[Vec<comity_rules::ThreadId>; 2],
) -> Result<(), Failure> {
    settle(seed, north, south).await;
    let mut states: Vec<(Vec<Request>, Vec<Matter>)> = Vec::new();
    for node in [north.node().await, south.node().await] {
        let mut requests = Vec::new();
        for thread in threads {
            let dossier = node.dossier(&Person::operator(), *thread).await?.into_inner();
            requests.push(dossier.line.summary.request);
        }
        let mut others = Vec::new();
        for thread in matters {
            let dossier = node.matter(&Person::operator(), *thread).await?.into_inner();
            others.push(dossier.line.summary.matter);
        }
        states.push((requests, others));
        let (_, evidence) = node.ledgers_and_evidence().await?;
        assert!(evidence.is_empty(), "seed {seed}: {evidence:?}");
        assert_eq!(node.rebuild().await?.1, [""; 0], "seed {seed}: views");
    }
    assert_eq!(states[0], states[1], "seed {seed}");
    let mut reviewed = 0;
    for exercise in [false, true] {
        let (from, to) = ("2000-01-01".parse().unwrap(), "2100-01-01".parse().unwrap());
        let scope = Scope { from, to, exercise };
        let review = async |handle: &Handle, until: &Until| {
            let node = handle.node().await;
            let agreement = node.agreement("comity-model")?;
            let review = node.review(&Person::operator(), &agreement, scope, until).await?;
            Ok::<_, Failure>(review.into_inner())
        };
        // Up to now, and up to where both ledgers were half as long.
        let latest = review(north, &Until::default()).await?;
        for part in [1, 2] {
            let heads =
                latest.heads.iter().map(|head| (head.party.clone(), head.size.div_ceil(part)));
            // Their clocks lie hours apart: what time it is said to be is named.
            let until = Until { at: heads.collect(), time: latest.now };
            let [one, other] = [review(north, &until).await?, review(south, &until).await?];
            assert_eq!(one.to_canonical(), other.to_canonical(), "seed {seed}: reviews");
            reviewed += one.requests.len();
        }
    }
    assert!(reviewed > 0, "seed {seed}: no request in any review");
    Ok(())
}

/// Southland has the proof that Northland signed two histories, and an outsider checks it with the
/// ledger's key alone.
async fn the_fork_is_proven(
    seed: u64,
    north: &Handle,
    south: &Handle,
    key: &VerifierKey,
) -> Result<(), Failure> {
    let terms = north.node().await.agreement("comity-model").unwrap().terms.hash().to_hex();
    // Northland's own node knows nothing of it, and goes on.
    north.node().await.command(&Person::operator(), Some(&terms), None, ask("afterwards")).await?;
    until(&format!("seed {seed}: the fork is not proven"), async || {
        let (_, evidence) = south.node().await.ledgers_and_evidence().await.unwrap();
        evidence
            .iter()
            .any(|piece| Fork::parse(&piece.bytes).is_ok_and(|fork| fork.verify(key).is_ok()))
    })
    .await;
    assert_eq!(south.node().await.rebuild().await?.1, [""; 0], "seed {seed}: views");
    Ok(())
}

/// Has Southland's node forget what it owes Northland.
async fn withhold(south: &Handle) -> Result<(), Failure> {
    const SQL: &str = "CREATE TRIGGER withhold AFTER INSERT ON owed
        WHEN (SELECT mine FROM ledger WHERE id = NEW.ledger) = 0
        BEGIN DELETE FROM owed WHERE ledger = NEW.ledger AND idx = NEW.idx; END";
    let mut tx = south.node().await.db().begin().await?;
    tx.execute(SQL, &[]).await?;
    Ok(tx.commit().await?)
}

/// An outsider with both ledgers sees which statements Southland does not receipt, and that it has them.
async fn the_silence_is_shown(
    seed: u64,
    north: &Handle,
    south: &Handle,
    prepared: &Prepared,
    folder: &Path,
) -> Result<(), Failure> {
    let terms = prepared.terms.hash().to_hex();
    let asked =
        north.node().await.command(&Person::operator(), Some(&terms), None, ask("hello?")).await?;
    settle(seed, north, south).await;
    let node: Arc<Node> = south.node().await;
    let (ledgers, _) = node.ledgers_and_evidence().await?;
    let mut places = Vec::new();
    for ledger in &ledgers {
        let place = folder.join(format!("of-{}", ledger.party));
        export::ledger(&node, ledger, &place).await?;
        places.push(place.display().to_string());
    }
    let (policy, _) = node.policy(&*node.agreement("comity-model")?).await?;
    let policy = comity_ledger::Policy::parse(&policy)?;
    let reach = audit::Reach { network: &Simulated, key: None };
    let report = audit::run(&reach, &places, &policy, Some(&prepared.terms), None).await?;
    let silent = report.audit.unreceipted.iter().find(|(party, index, held)| {
        party.as_str() == "northland" && *index == asked.index && held.is_some()
    });
    assert!(silent.is_some(), "seed {seed}: {:?}", report.audit.unreceipted);
    Ok(())
}

/// Seeds in the test command; `bench/simulate.sh` runs more.
fn seeds() -> (u64, u64) {
    let number = |name| std::env::var(name).ok().and_then(|seeds: String| seeds.parse().ok());
    (number("COMITY_FIRST_SEED").unwrap_or(1), number("COMITY_SEEDS").unwrap_or(100))
}

/// In two halves, so that they run beside each other.
fn every_second(from: u64) {
    let (first, count) = seeds();
    for seed in (first..first + count).skip(from as usize).step_by(2) {
        run(seed);
    }
}

#[test]
fn whatever_happens_both_sides_end_equal_or_the_false_one_is_proven_even_seeds() {
    every_second(1);
}

#[test]
fn whatever_happens_both_sides_end_equal_or_the_false_one_is_proven_odd_seeds() {
    every_second(0);
}

//! The same nodes on a simulated network: cuts, delays, a witness that is away, hosts that are killed
//! and start again, a clock that is hours off. Both sides end with the same statements and the same state, for every seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comity_node::clock::Adjustable;
use comity_node::network::{Boxed, Listener, Network, Stream};
use comity_node::witness::Witness;
use comity_node::{Home, Node, serve};
use comity_rules::Request;
use comity_rules::agreement::Readers;
use comity_rules::command::Command;
use comity_rules::release::Reader;
use jiff::SignedDuration;
use stage::{answer, ask, remark};
use tokio::task::JoinSet;

const PORT: u16 = 4000;

/// The simulator's network, behind the same trait as real sockets.
struct Simulated;

struct SimulatedListener(turmoil::net::TcpListener);

impl Network for Simulated {
    fn connect<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = turmoil::net::TcpStream::connect(address.to_owned()).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn bind<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = turmoil::net::TcpListener::bind(address.to_owned()).await?;
            Ok(Box::new(SimulatedListener(listener)) as Box<dyn Listener>)
        })
    }
}

impl Listener for SimulatedListener {
    fn accept(&mut self) -> Boxed<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let (stream, _) = self.0.accept().await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn port(&self) -> u16 {
        PORT
    }
}

type Shared<T> = Arc<Mutex<Option<T>>>;
type Failure = Box<dyn std::error::Error>;

/// A small generator: the order of cuts follows from the seed alone.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A host's clock, so many hours off: it goes on while the host is down.
fn clock(hours: i64) -> Arc<Adjustable> {
    let ran = turmoil::sim_elapsed().unwrap_or_default();
    let ran = SignedDuration::try_from(ran).unwrap();
    Arc::new(Adjustable::new(stage::start() + ran + SignedDuration::from_hours(hours)))
}

/// A node on its host: opens its store anew each time the host starts.
async fn host(home: Home, shared: Shared<Arc<Node>>) -> Result<(), Failure> {
    // The one before this start is gone, and whoever would still speak to it.
    *shared.lock().unwrap() = None;
    let hours = if home.config().party.as_str() == "southland" { -3 } else { 0 };
    let clock = clock(hours);
    let node = stage::open(&home, clock, Arc::new(Simulated)).await;
    let listener = Simulated.bind(&format!("0.0.0.0:{PORT}")).await?;
    let mut tasks = JoinSet::new();
    serve::serve_exchange(&node, listener, &mut tasks)?;
    *shared.lock().unwrap() = Some(node);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

async fn witness_host(folder: std::path::PathBuf) -> Result<(), Failure> {
    let witness = Arc::new(Witness::open(&folder, "harbour.example", clock(0))?);
    let listener = Simulated.bind(&format!("0.0.0.0:{PORT}")).await?;
    serve::plain(listener, witness.router()).await;
    Ok(())
}

/// Both nodes' folders, introduced, the terms signed, the witness watching: on no network at all.
fn prepare(folder: &Path) -> [Home; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Arc::new(Adjustable::new(stage::start()));
        let mut homes = Vec::new();
        let mut nodes = Vec::new();
        for party in ["northland", "southland"] {
            let home = stage::home(folder, party, &format!("{party}:{PORT}")).await;
            nodes.push(stage::open(&home, clock.clone(), Arc::new(Simulated)).await);
            homes.push(home);
        }
        stage::introduce(&nodes[0], &nodes[1]).await;
        let witness = Witness::open(&folder.join("w"), "harbour.example", clock.clone()).unwrap();
        let url = format!("http://harbour:{PORT}");
        let terms = {
            let outside = vec![stage::outside("harbour", witness.key(), &url)];
            let cards = [nodes[0].card(), nodes[1].card()];
            stage::terms(cards, 1, outside, Readers::Everyone)
        };
        for node in &nodes {
            witness.watch(&stage::sign(node, &terms).await).unwrap();
        }
        homes.try_into().map_err(|_| "two").unwrap()
    })
}

/// One run: what the two nodes hold in the end.
fn run(seed: u64) -> [Vec<Request>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let homes = prepare(folder.path());
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(Duration::from_millis(10))
        .simulation_duration(Duration::from_secs(3600))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(400))
        .build();
    let [north, south]: [Shared<Arc<Node>>; 2] = Default::default();
    for (home, shared) in homes.iter().zip([&north, &south]) {
        let (home, shared) = (home.clone(), Arc::clone(shared));
        let name = home.config().party.to_string();
        sim.host(name, move || host(home.clone(), Arc::clone(&shared)));
    }
    let witness = folder.path().join("w");
    sim.host("harbour", move || witness_host(witness.clone()));
    let results: Arc<Mutex<Option<[Vec<Request>; 2]>>> = Arc::default();
    let outcome = Arc::clone(&results);
    sim.client("officers", async move {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let terms = node(&north).await.agreement("comity-model").unwrap().terms.hash().to_hex();
        let sides = ["northland", "southland", "harbour"];
        let mut threads = Vec::new();
        for round in 0..24 {
            // Somebody is cut off, or comes back, or nothing changes.
            let (a, b) = (dice.roll(3), dice.roll(3));
            if a != b {
                let (a, b) = (sides[a as usize], sides[b as usize]);
                match dice.roll(4) {
                    0 => turmoil::partition(a, b),
                    1 => turmoil::hold(a, b),
                    _ => {
                        turmoil::release(a, b);
                        turmoil::repair(a, b);
                    }
                }
            }
            let side = node(if dice.roll(2) == 0 { &north } else { &south }).await;
            if threads.is_empty() || dice.roll(4) == 0 {
                let title = format!("request {round}");
                // A node that stops meanwhile may have stated it or not; it says only what is kept.
                let sent = side.command("officer", Some(&terms), None, ask(&title)).await;
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
                let _ = side.command("officer", None, Some(thread), command).await;
            }
            drop(side);
            tokio::time::sleep(Duration::from_millis(200 + dice.roll(3000))).await;
        }
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            turmoil::release(sides[a], sides[b]);
            turmoil::repair(sides[a], sides[b]);
        }
        let mut waited = 0;
        while !stage::settled(&*node(&north).await, &*node(&south).await).await {
            tokio::time::sleep(Duration::from_secs(1)).await;
            waited += 1;
            assert!(waited < 600, "seed {seed}: the two sides do not come to rest");
        }
        let mut states = Vec::new();
        for node in [node(&north).await, node(&south).await] {
            let mut requests = Vec::new();
            for thread in &threads {
                let dossier = node.dossier(*thread, &Reader::Officer).await?.into_inner();
                requests.push(dossier.line.summary.request);
            }
            states.push(requests);
            let (_, evidence) = node.ledgers_and_evidence().await?;
            assert!(evidence.is_empty(), "seed {seed}: {evidence:?}");
            assert_eq!(node.rebuild().await?.1, [""; 0], "seed {seed}: views");
        }
        *outcome.lock().unwrap() = Some(states.try_into().map_err(|_| "two")?);
        Ok(())
    });
    // Twice in a run a host is killed where it stands, and starts again.
    let mut dice = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1);
    let mut kills: Vec<_> = (0..2)
        .map(|_| {
            let host = ["northland", "southland", "harbour"][dice.roll(3) as usize];
            (Duration::from_millis(500 + dice.roll(40_000)), host)
        })
        .collect();
    loop {
        if let Some(at) = kills.iter().position(|(at, _)| sim.elapsed() >= *at) {
            let (_, host) = kills.swap_remove(at);
            sim.bounce(host);
        }
        if sim.step().unwrap_or_else(|error| panic!("seed {seed}: {error}")) {
            break;
        }
    }
    results.lock().unwrap().take().unwrap()
}

async fn node(shared: &Shared<Arc<Node>>) -> Arc<Node> {
    loop {
        if let Some(node) = shared.lock().unwrap().clone() {
            return node;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Seeds in the test command; `COMITY_SEEDS=1000` for a long run.
fn seeds() -> u64 {
    std::env::var("COMITY_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(20)
}

#[test]
fn whatever_the_network_does_both_sides_end_with_the_same_requests() {
    for seed in 1..=seeds() {
        let [north, south] = run(seed);
        assert!(!north.is_empty());
        assert_eq!(north, south, "seed {seed}");
    }
}

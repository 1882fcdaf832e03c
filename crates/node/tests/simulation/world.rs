//! The simulator behind the nodes' own network trait, and the hosts on it.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use comity_ledger::VerifierKey;
use comity_node::clock::Adjustable;
use comity_node::network::{Boxed, Listener, Network, Stream};
use comity_node::witness::Witness;
use comity_node::{Home, Node, serve};
use comity_rules::Terms;
use comity_rules::agreement::Readers;
use jiff::SignedDuration;
use tokio::task::JoinSet;

use crate::stage;

pub(crate) const PORT: u16 = 4000;

/// The simulator's network, behind the same trait as real sockets.
pub(crate) struct Simulated;

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

pub(crate) type Failure = Box<dyn std::error::Error>;

/// A node that others on the network of this process may speak to; `None` while its host is down.
#[derive(Clone, Default)]
pub(crate) struct Handle(Arc<Mutex<Option<Arc<Node>>>>);

impl Handle {
    fn set(&self, node: Option<Arc<Node>>) {
        *self.0.lock().unwrap() = node;
    }

    /// The node, when it is up.
    pub(crate) async fn node(&self) -> Arc<Node> {
        loop {
            if let Some(node) = self.0.lock().unwrap().clone() {
                return node;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

/// A small generator: what happens follows from the seed alone.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, what: u64) -> Self {
        Self((seed ^ what).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
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
pub(crate) async fn host(home: Home, hours: i64, handle: Handle) -> Result<(), Failure> {
    // The one before this start is gone, and whoever would still speak to it.
    handle.set(None);
    // As its folder is now: it may have been given new keys.
    let home = Home::open(home.folder())?;
    let node = stage::open(&home, clock(hours), Arc::new(Simulated)).await;
    let listener = Simulated.bind(&format!("0.0.0.0:{PORT}")).await?;
    let mut tasks = JoinSet::new();
    serve::serve_exchange(&node, listener, &mut tasks)?;
    handle.set(Some(node));
    while tasks.join_next().await.is_some() {}
    Ok(())
}

pub(crate) async fn witness_host(folder: std::path::PathBuf) -> Result<(), Failure> {
    let witness = Arc::new(Witness::open(&folder, "harbour.example", clock(0))?);
    let listener = Simulated.bind(&format!("0.0.0.0:{PORT}")).await?;
    serve::plain(listener, witness.router()).await;
    Ok(())
}

/// Two nodes' folders, introduced, the terms signed, the witness watching: on no network at all.
pub(crate) struct Prepared {
    pub(crate) homes: [Home; 2],
    pub(crate) terms: Terms,
    pub(crate) keys: [VerifierKey; 2],
}

pub(crate) fn prepare(folder: &Path) -> Prepared {
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
        let mut keys = Vec::new();
        for node in &nodes {
            let key = stage::sign(node, &terms).await;
            witness.watch(&key).unwrap();
            keys.push(key);
        }
        let homes = homes.try_into().map_err(|_| "two").unwrap();
        Prepared { homes, terms, keys: keys.try_into().map_err(|_| "two").unwrap() }
    })
}

/// A copy of a prepared folder, for a run of its own.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(file.file_name());
        // A control socket or lock of the preparation is nobody's any more.
        match file.file_type().unwrap() {
            kind if kind.is_dir() => copy(&file.path(), &target),
            kind if kind.is_file() => drop(std::fs::copy(file.path(), target).unwrap()),
            _ => {}
        }
    }
}

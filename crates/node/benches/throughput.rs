//! How many statements a second one node makes durable, signed, sealed and projected, what each costs
//! as the ledger grows, and how much memory the node has then. SQLite; nothing is delivered.
//!
//! `cargo bench -p comity-node --bench throughput` (`-- 1000000` for so many statements).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot go on fails"
)]

#[path = "../tests/stage/mod.rs"]
mod stage;
#[path = "usage.rs"]
mod usage;

use std::sync::Arc;
use std::time::Instant;

use comity_node::Node;
use comity_node::clock::Adjustable;
use comity_node::network::Tcp;
use comity_rules::access::Person;
use comity_rules::agreement::Readers;
use stage::{ask, home, introduce, open, outside, sign, start, terms, witness};
use tokio::task::JoinSet;

/// Commands that wait for the writer at a time: several batches.
const WAITING: usize = 1024;
/// A ledger that is still short, and how often it is compared with the long one.
const SHORT: usize = 10_000;
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let count: usize = count.unwrap_or(20_000);
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Adjustable::new(start()));
    let mut nodes = Vec::new();
    for party in ["northland", "southland"] {
        let home = home(folder.path(), party, "127.0.0.1:1").await;
        nodes.push(open(&home, clock.clone(), Arc::new(Tcp)).await);
    }
    introduce(&nodes[0], &nodes[1]).await;
    // Named in the terms, and never asked: nothing is served here.
    let (harbour, ..) = witness(folder.path(), "harbour", clock.clone()).await;
    let outside = vec![outside("harbour", harbour.key(), "http://127.0.0.1:1")];
    let terms = terms([nodes[0].card(), nodes[1].card()], 1, outside, Readers::Everyone);
    for node in &nodes {
        sign(node, &terms).await;
    }
    let hash = terms.hash().to_hex();
    println!(
        "{:>10} {:>12} {:>14} {:>14}",
        "statements", "a second", "CPU each, us", "resident, MB"
    );
    let begin = Instant::now();
    let step = (count / 20).max(1_000).min(count);
    let mut done = 0;
    while done < count {
        let many = step.min(count - done);
        let (rate, each) = state(&nodes[0], &hash, many).await;
        done += many;
        println!("{done:>10} {rate:>12.0} {each:>14.0} {:>14}", usage::resident());
    }
    println!("{:.0} a second over all of them", count as f64 / begin.elapsed().as_secs_f64());
    // A figure of now and one of minutes ago are not of the same machine: so side by side.
    state(&nodes[1], &hash, SHORT).await;
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let (_, short) = state(&nodes[1], &hash, SHORT / ROUNDS).await;
        let (_, long) = state(&nodes[0], &hash, SHORT / ROUNDS).await;
        ratios.push(long / short);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "CPU of each with {count}, by that with {SHORT} to {}: {:.2} (from {:.2} to {:.2})",
        2 * SHORT,
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1]
    );
}

/// Makes so many statements: how many a second, and the CPU of each in microseconds.
async fn state(node: &Arc<Node>, hash: &str, many: usize) -> (f64, f64) {
    let (begin, used, mut tasks) = (Instant::now(), usage::cpu(), JoinSet::new());
    for number in 0..many {
        if tasks.len() == WAITING {
            tasks.join_next().await.unwrap().unwrap();
        }
        let (node, hash) = (Arc::clone(node), hash.to_owned());
        tasks.spawn(async move {
            let title = format!("request {number}");
            node.command(&Person::operator(), Some(&hash), None, ask(&title)).await.unwrap();
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    let (rate, used) = (many as f64 / begin.elapsed().as_secs_f64(), usage::cpu() - used);
    (rate, used.as_micros() as f64 / many as f64)
}

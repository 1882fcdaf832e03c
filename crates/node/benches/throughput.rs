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

use comity_node::clock::Adjustable;
use comity_node::network::Tcp;
use comity_rules::agreement::Readers;
use stage::{ask, home, introduce, open, outside, sign, start, terms, witness};
use tokio::task::JoinSet;

/// Commands that wait for the writer at a time: several batches.
const WAITING: usize = 1024;

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
    sign(&nodes[0], &terms).await;
    let (node, hash) = (Arc::clone(&nodes[0]), terms.hash().to_hex());
    println!(
        "{:>10} {:>12} {:>14} {:>14}",
        "statements", "a second", "CPU each, us", "resident, MB"
    );
    let step = (count / 20).max(1_000).min(count);
    let (mut done, mut tasks) = (0, JoinSet::new());
    while done < count {
        let (begin, used) = (Instant::now(), usage::cpu());
        let end = (done + step).min(count);
        for number in done..end {
            if tasks.len() == WAITING {
                tasks.join_next().await.unwrap().unwrap();
            }
            let (node, hash) = (Arc::clone(&node), hash.clone());
            tasks.spawn(async move {
                let title = format!("request {number}");
                node.command("bench", Some(&hash), None, ask(&title)).await.unwrap();
            });
        }
        while let Some(result) = tasks.join_next().await {
            result.unwrap();
        }
        let (many, took) = ((end - done) as f64, begin.elapsed().as_secs_f64());
        let each = (usage::cpu() - used).as_micros() as f64 / many;
        println!("{end:>10} {:>12.0} {each:>14.0} {:>14}", many / took, usage::resident());
        done = end;
    }
}

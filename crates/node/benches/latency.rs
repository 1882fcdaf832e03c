//! How long a request takes to be receipted and to be proven on both sides, between two nodes and a
//! witness on loopback, SQLite, the checkpoint cadence of one second.
//!
//! `cargo bench -p comity-node --bench latency` (`-- 200` for so many requests).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot go on fails"
)]

#[path = "../tests/stage/mod.rs"]
mod stage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use comity_node::network::Tcp;
use comity_rules::access::Person;
use stage::{Stage, ask};

#[tokio::main]
async fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let count: usize = count.unwrap_or(60);
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    stage.settle().await;
    let (mut stated, mut receipted, mut proven) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..count {
        // Not in step with the cadence.
        let pause = Duration::from_millis((number as u64 * 377) % 1100);
        tokio::time::sleep(pause).await;
        let begin = Instant::now();
        let title = format!("request {number}");
        let done = stage
            .north
            .command(&Person::operator(), Some(&stage.hash()), None, ask(&title))
            .await
            .unwrap();
        stated.push(begin.elapsed());
        let mut seen = false;
        loop {
            let dossier = stage.north.dossier(&Person::operator(), done.thread).await.unwrap();
            let event = dossier.into_inner().statements.remove(0).event;
            let receipt = event.receipt.filter(|receipt| receipt.code.is_empty());
            if receipt.is_some() && !seen {
                receipted.push(begin.elapsed());
                seen = true;
            }
            let cosigned = receipt.is_some_and(|receipt| receipt.witnessed.is_some());
            if cosigned && event.witnessed.is_some() && event.mirrored.is_some() {
                proven.push(begin.elapsed());
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    println!("{count} requests, one after the other, milliseconds");
    println!("{:<52} {:>8} {:>8} {:>8}", "", "median", "p99", "max");
    for (what, times) in [
        ("stated: durable in the asker's ledger", stated),
        ("receipted: the signed receipt is here", receipted),
        ("mutually cosigned: request and receipt, mirrored", proven),
    ] {
        let mut times: Vec<_> = times.iter().map(Duration::as_millis).collect();
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
        println!("{what:<52} {:>8} {:>8} {:>8}", at(50), at(99), at(100));
    }
}

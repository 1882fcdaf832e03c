//! Nodes, the witness and PostgreSQL are killed at random points while people work: nothing that was
//! acknowledged is lost.
//!
//! `bench/crash.sh` kills a thousand times; here it is 50.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod ground;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ground::{Ground, Random, count};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_every_kill() {
    let kills = count("COMITY_KILLS", 50);
    let seed = count("COMITY_SEED", 1) as u64;
    let mut ground = Ground::new(true);
    ground.rest().await;
    let mut random = Random(seed);
    let round = 200;
    let mut done = 0;
    while done < kills {
        let now = round.min(kills - done);
        let enough = Arc::new(AtomicBool::new(false));
        // The crowd reads what does not change; what is killed and started is beside it.
        let (crowd, acknowledged) = (ground.listener(), Arc::clone(&ground.acknowledged));
        let people: Vec<_> = (0..3)
            .map(|n| {
                let seed = seed + 1_000 * (done as u64 + 1) + n;
                tokio::spawn(Arc::clone(&crowd).crowd(
                    seed,
                    Arc::clone(&enough),
                    Arc::clone(&acknowledged),
                ))
            })
            .collect();
        for _ in 0..now {
            tokio::time::sleep(Duration::from_millis(random.below(400) as u64)).await;
            tokio::task::block_in_place(|| strike(&mut ground, &mut random));
        }
        // The last ones may still be starting, or not be able to.
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            ground.revive();
        }
        done += now;
        enough.store(true, Ordering::Release);
        for person in people {
            person.await.unwrap();
        }
        eprintln!("{done} kills, seed {seed}");
        ground.check().await;
    }
    eprintln!("{} starts while PostgreSQL was down, tried again", ground.revived);
    let said = ground.acknowledged.lock().unwrap();
    assert!(said.statements.len() > kills, "people were at work: {}", said.statements.len());
}

/// Kills one of all that runs, and starts it again.
fn strike(ground: &mut Ground, random: &mut Random) {
    match random.below(4) {
        side @ (0 | 1) => {
            ground.revive();
            ground.nodes[side].take().unwrap().kill();
            ground.start_node(side);
        }
        2 => {
            ground.harbour.take().unwrap().kill();
            ground.start_witness();
        }
        _ => {
            if let Some(postgres) = &mut ground.postgres {
                postgres.kill();
                postgres.start();
            }
        }
    }
}

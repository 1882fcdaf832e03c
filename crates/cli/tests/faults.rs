//! A disk that fails and a disk that fills, while people work: whatever a node could not keep it did not
//! acknowledge, and what it acknowledged is there. `faults.c` is the disk.
//!
//! `bench/crash.sh` lets it fail for longer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod ground;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ground::{Ground, Random, count};

/// The failing disk, compiled.
fn disk(ground: &Ground) -> PathBuf {
    let library = ground.folder.path().join("faults.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults.c");
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&library).arg(source);
    assert!(cc.arg("-ldl").status().expect("a C compiler").success());
    library
}

/// How many acts the disk has failed.
fn failed(refused: &BTreeMap<String, usize>) -> usize {
    let disk = refused.iter().filter(|(said, _)| said.contains("disk"));
    disk.map(|(_, count)| count).sum()
}

/// Everything once more, with this before and this beside it.
fn again(ground: &mut Ground, environment: Vec<(String, String)>) {
    ground.environment = environment;
    for side in 0..2 {
        if let Some(node) = ground.nodes[side].take() {
            node.kill();
        }
        ground.start_node(side);
    }
    if let Some(harbour) = ground.harbour.take() {
        harbour.kill();
    }
    ground.start_witness();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_writes_that_fail() {
    let rounds = count("COMITY_ROUNDS", 24);
    let seed = count("COMITY_SEED", 1) as u64;
    let mut ground = Ground::new(false);
    ground.rest().await;
    let library = disk(&ground).display().to_string();
    let enough = Arc::new(AtomicBool::new(false));
    let crowd = ground.listener();
    let people: Vec<_> = (0..3)
        .map(|n| {
            let (enough, acknowledged) = (Arc::clone(&enough), Arc::clone(&ground.acknowledged));
            tokio::spawn(Arc::clone(&crowd).crowd(seed + n, enough, acknowledged))
        })
        .collect();
    let mut random = Random(seed);
    for round in 0..rounds {
        let every = [20, 100, 500][random.below(3)];
        let faults = [
            ("LD_PRELOAD", library.clone()),
            ("FAULT_EVERY", every.to_string()),
            ("FAULT_SEED", round.to_string()),
        ];
        let faults = faults.map(|(name, value)| (name.to_owned(), value)).to_vec();
        tokio::task::block_in_place(|| again(&mut ground, faults));
        tokio::time::sleep(Duration::from_millis(200 + random.below(600) as u64)).await;
    }
    tokio::task::block_in_place(|| again(&mut ground, Vec::new()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    enough.store(true, Ordering::Release);
    for person in people {
        person.await.unwrap();
    }
    ground.check().await;
    let said = ground.acknowledged.lock().unwrap();
    assert!(said.statements.len() > rounds, "people were at work: {}", said.statements.len());
    assert!(failed(&said.refused) > 0, "the disk has failed them: {:#?}", said.refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_disk_is_full_says_no_and_goes_on_when_there_is_room() {
    let mut ground = Ground::new(false);
    ground.rest().await;
    let library = disk(&ground).display().to_string();
    let full = ground.folder.path().join("full");
    let faults = [("LD_PRELOAD", library), ("FAULT_FULL", full.display().to_string())];
    let faults = faults.map(|(name, value)| (name.to_owned(), value)).to_vec();
    again(&mut ground, faults);
    ground.rest().await;
    let crowd = ground.listener();
    let acknowledged = Arc::clone(&ground.acknowledged);
    let enough = Arc::new(AtomicBool::new(false));
    let person = tokio::spawn(crowd.crowd(1, Arc::clone(&enough), Arc::clone(&acknowledged)));
    let so_far = || {
        let said = acknowledged.lock().unwrap();
        (said.statements.len(), failed(&said.refused))
    };
    for _ in 0..3 {
        let (before, _) = so_far();
        while so_far().0 < before + 5 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::fs::write(&full, "").unwrap();
        // One that was under way may still be said.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (before, refused) = so_far();
        while so_far().1 < refused + 5 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(so_far().0, before, "a full disk keeps nothing, so nothing is acknowledged");
        std::fs::remove_file(&full).unwrap();
    }
    enough.store(true, Ordering::Release);
    person.await.unwrap();
    ground.check().await;
}

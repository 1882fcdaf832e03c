//! A node that is lost and put back from a backup: nothing that anybody has seen is said twice, nothing
//! that anybody has kept stays lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::io;
use std::path::Path;
use std::sync::Arc;

use comity_ledger::seal::Identity;
use comity_node::clock::{Adjustable, Clock as _};
use comity_node::network::{Boxed, Listener, Network, Stream, Tcp};
use comity_node::{Home, Node, backup, serve};
use comity_rules::access::Person;
use comity_rules::agreement::Readers;
use comity_rules::command::Command;
use stage::{Stage, answer, ask, remark, settled, until};
use tokio::task::JoinSet;

/// Real sockets, but to this address there is no way.
struct Without(String);

impl Network for Without {
    fn connect<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Stream>>> {
        if address == self.0 { Cut.connect(address) } else { Tcp.connect(address) }
    }

    fn bind<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Listener>>> {
        Tcp.bind(address)
    }
}

/// A line on which nobody answers.
struct Cut;

impl Network for Cut {
    fn connect<'a>(&'a self, _: &'a str) -> Boxed<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async { Err(io::Error::other("the line is cut")) })
    }

    fn bind<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Listener>>> {
        Tcp.bind(address)
    }
}

/// Northland's node again, out of this folder.
async fn again(
    stage: &Stage,
    folder: &Path,
    network: Arc<dyn Network>,
) -> (Arc<Node>, JoinSet<()>) {
    let home = Home::open(folder).unwrap();
    let node = stage::open(&home, stage.clock.clone(), network).await;
    let mut tasks = JoinSet::new();
    let listener = Tcp.bind(&home.config().exchange).await.unwrap();
    serve::serve_exchange(&node, listener, &mut tasks).unwrap();
    (node, tasks)
}

async fn entries(node: &Node, mine: bool) -> Vec<Vec<u8>> {
    let (all, _) = node.ledgers_and_evidence().await.unwrap();
    let ledger = all.into_iter().find(|ledger| ledger.mine == mine).unwrap();
    comity_store::ledger::entries(node.db(), &ledger.id, 0, 10_000).await.unwrap()
}

/// What a person sees of a request, without what differs between two nodes.
async fn seen(node: &Node, thread: comity_rules::ThreadId) -> String {
    let dossier = node.dossier(&Person::operator(), thread).await.unwrap().into_inner();
    let statements = dossier.statements.iter().map(|s| (s.event.clone(), s.kept.clone()));
    format!("{:#?}", statements.collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_after_the_backup_comes_back_from_the_peer() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let before = stage
        .north
        .command(&Person::operator(), Some(&stage.hash()), None, ask("before"))
        .await
        .unwrap()
        .thread;
    stage.settle().await;
    // A backup is made while the node runs; what comes after is not in it.
    let (file, reader) = (folder.path().join("backup"), Identity::generate().unwrap());
    let home = stage.north.home().clone();
    let now = stage.clock.now();
    backup::write(&home, &file, Some(reader.recipient()), now).await.unwrap();
    let after = stage
        .north
        .command(&Person::operator(), Some(&stage.hash()), None, ask("after"))
        .await
        .unwrap()
        .thread;
    stage.settle().await;
    for thread in [before, after] {
        for command in [Command::Acknowledge(remark("in hand")), answer("here it is")] {
            stage.south.command(&Person::operator(), None, Some(thread), command).await.unwrap();
        }
    }
    let theirs = stage
        .south
        .command(&Person::operator(), Some(&stage.hash()), None, ask("in turn"))
        .await
        .unwrap()
        .thread;
    stage.settle().await;
    let lost = [entries(&stage.north, true).await, entries(&stage.north, false).await];
    let all = [before, after, theirs];
    let mut was = Vec::new();
    for thread in all {
        was.push(seen(&stage.north, thread).await);
    }

    // The node is gone, and the machine with it.
    stage.northern.shutdown().await;
    let folder = home.folder();
    std::fs::remove_dir_all(folder).unwrap();
    let wrong = Identity::generate().unwrap();
    for identity in [None, Some(&wrong)] {
        assert!(backup::restore(&file, folder, None, identity).await.is_err());
    }
    backup::restore(&file, folder, None, Some(&reader)).await.unwrap();

    // While nobody answers it signs nothing, and says why.
    let (node, mut tasks) = again(&stage, folder, Arc::new(Cut)).await;
    let refused =
        node.command(&Person::operator(), Some(&stage.hash()), None, ask("too early")).await;
    assert!(refused.unwrap_err().to_string().starts_with("restored:"));
    assert!(entries(&node, true).await.len() < lost[0].len());
    tasks.shutdown().await;
    drop(node);

    // With the peer and the witness it is what it was, and goes on.
    let (node, _tasks) = again(&stage, folder, Arc::new(Tcp)).await;
    until(async || !node.agreement("comity-model").unwrap().is_restored()).await;
    assert!(entries(&node, true).await.starts_with(&lost[0]));
    assert!(entries(&node, false).await.starts_with(&lost[1]));
    for (thread, was) in all.iter().zip(&was) {
        assert_eq!(&seen(&node, *thread).await, was);
    }
    node.command(&Person::operator(), Some(&stage.hash()), None, ask("once more")).await.unwrap();
    until(async || settled(&node, &stage.south).await).await;
    assert_eq!(entries(&node, true).await, entries(&stage.south, false).await);
    assert!(
        stage.south.ledgers_and_evidence().await.unwrap().1.is_empty(),
        "nothing is said twice"
    );
    let (_, differed) = node.rebuild().await.unwrap();
    assert!(differed.is_empty(), "{differed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_put_back_behind_its_back_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    stage.settle().await;
    let home = stage.north.home().clone();
    let (old, new) = (folder.path().join("old.db"), home.store());
    let sql = format!("VACUUM INTO '{}'", old.display());
    rusqlite::Connection::open(&new).unwrap().execute_batch(&sql).unwrap();
    stage
        .north
        .command(&Person::operator(), Some(&stage.hash()), None, ask("after"))
        .await
        .unwrap();
    stage.settle().await;
    let lost = entries(&stage.north, true).await;
    stage.northern.shutdown().await;
    for file in ["store.db", "store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(home.folder().join(file));
    }
    std::fs::copy(&old, &new).unwrap();
    let (node, mut tasks) = again(&stage, home.folder(), Arc::new(Cut)).await;
    assert!(node.agreement("comity-model").unwrap().is_restored());
    tasks.shutdown().await;
    drop(node);
    let (node, _tasks) = again(&stage, home.folder(), Arc::new(Tcp)).await;
    until(async || !node.agreement("comity-model").unwrap().is_restored()).await;
    assert!(entries(&node, true).await.starts_with(&lost));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_which_the_witness_has_seen_more_than_anybody_kept_is_not_continued() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    stage.settle().await;
    let home = stage.north.home().clone();
    let file = folder.path().join("backup");
    backup::write(&home, &file, None, stage.clock.now()).await.unwrap();
    // The peer is cut off; the witness sees one head more.
    let south = stage.south.home().config().exchange.clone();
    stage.northern.shutdown().await;
    let (node, mut tasks) = again(&stage, home.folder(), Arc::new(Without(south))).await;
    node.command(&Person::operator(), Some(&stage.hash()), None, ask("seen by the witness alone"))
        .await
        .unwrap();
    let agreement = node.agreement("comity-model").unwrap();
    until(async || {
        let own = node.own_ledger(&agreement).await.unwrap();
        own.witnessed == own.size
    })
    .await;
    tasks.shutdown().await;
    drop(node);
    std::fs::remove_dir_all(home.folder()).unwrap();
    backup::restore(&file, home.folder(), None, None).await.unwrap();
    let (node, _tasks) = again(&stage, home.folder(), Arc::new(Tcp)).await;
    until(async || node.troubles().values().any(|error| error.contains("lost: harbour has seen")))
        .await;
    let refused =
        node.command(&Person::operator(), Some(&stage.hash()), None, ask("a second history")).await;
    assert!(refused.unwrap_err().to_string().starts_with("restored:"));
}

/// The one that did not answer may have cosigned what the others never saw: a quorum of them cannot tell.
#[tokio::test(flavor = "multi_thread")]
async fn one_witness_that_does_not_answer_is_told_and_keeps_a_restored_node_from_signing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut watching, mut outside, mut serving) = (Vec::new(), Vec::new(), Vec::new());
    for name in ["harbour", "lighthouse", "buoy"] {
        let clock = Arc::new(Adjustable::new(stage::start()));
        let (witness, url, task) = stage::witness(folder.path(), name, clock).await;
        outside.push(stage::outside(name, witness.key(), &url));
        watching.push(witness);
        serving.push(task);
    }
    let clock = Arc::new(Adjustable::new(stage::start()));
    let (network, tasks) = (Arc::new(Tcp), JoinSet::new());
    let seen = (watching, outside);
    let everyone = Readers::Everyone;
    let mut stage = Stage::under(folder.path(), network, clock, 2, seen, everyone, tasks).await;
    stage.settle().await;
    drop(serving.pop());
    stage
        .north
        .command(&Person::operator(), Some(&stage.hash()), None, ask("by two witnesses"))
        .await
        .unwrap();
    stage.settle().await;
    until(async || stage.north.troubles().contains_key("witness buoy (southland)")).await;
    let (home, file) = (stage.north.home().clone(), folder.path().join("backup"));
    backup::write(&home, &file, None, stage.clock.now()).await.unwrap();
    stage.northern.shutdown().await;
    std::fs::remove_dir_all(home.folder()).unwrap();
    backup::restore(&file, home.folder(), None, None).await.unwrap();
    let (node, _tasks) = again(&stage, home.folder(), Arc::new(Tcp)).await;
    until(async || !node.troubles().is_empty()).await;
    let refused =
        node.command(&Person::operator(), Some(&stage.hash()), None, ask("too early")).await;
    assert!(refused.unwrap_err().to_string().starts_with("restored:"));
}

#[tokio::test]
async fn a_backup_that_is_not_whole_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let file = folder.path().join("backup");
    backup::write(stage.north.home(), &file, None, stage.clock.now()).await.unwrap();
    let again = backup::write(stage.north.home(), &file, None, stage.clock.now()).await;
    assert!(again.unwrap_err().to_string().contains("there is such a file already"));
    let whole = std::fs::read(&file).unwrap();
    let target = folder.path().join("target");
    let refused = async |bytes: &[u8]| {
        let damaged = folder.path().join("damaged");
        std::fs::write(&damaged, bytes).unwrap();
        let _ = std::fs::remove_dir_all(&target);
        let error = backup::restore(&damaged, &target, None, None).await.unwrap_err().to_string();
        assert!(!target.join("comity.toml").exists(), "what was begun is no node's folder");
        error
    };
    for length in [0, 10, whole.len() / 2, whole.len() - 20] {
        let said = refused(&whole[..length]).await;
        assert!(said.contains("damaged: this is no whole backup"), "{said}");
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    refused(&flipped).await;
    // Into a folder that has something, nothing is restored.
    std::fs::write(target.join("file"), "somebody's").unwrap();
    assert!(backup::restore(&file, &target, None, None).await.is_err());
    assert_eq!(std::fs::read(target.join("file")).unwrap(), b"somebody's");
}

//! Two nodes exchange a request over mutual TLS; each proves it; nobody else learns what was said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use comity_node::network::{Boxed, Listener, Network, Stream, Tcp};
use comity_node::{audit, export, prove};
use comity_rules::access::Person;
use comity_rules::bundle;
use comity_rules::command::Command;
use comity_rules::request::Status;
use comity_rules::thread::View;
use stage::{Stage, answer, ask, remark};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Real sockets, with every byte that passes them kept.
#[derive(Clone, Default)]
struct Tapped(Arc<Mutex<Vec<u8>>>);

struct TappedStream(Box<dyn Stream>, Arc<Mutex<Vec<u8>>>);

impl Network for Tapped {
    fn connect<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = Tcp.connect(address).await?;
            Ok(Box::new(TappedStream(stream, Arc::clone(&self.0))) as Box<dyn Stream>)
        })
    }

    fn bind<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Listener>>> {
        Tcp.bind(address)
    }
}

impl AsyncRead for TappedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.0).poll_read(context, buffer);
        self.1.lock().unwrap().extend_from_slice(&buffer.filled()[before..]);
        polled
    }
}

impl AsyncWrite for TappedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.lock().unwrap().extend_from_slice(bytes);
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Everything that is logged, at the finest level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

const REACH: audit::Reach<'static> = audit::Reach { network: &Tcp, key: None };

fn files(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            files(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_exchanged_proven_and_audited_and_its_content_seen_by_nobody_else() {
    const CANARIES: [&str; 4] =
        ["canary-title-4711", "canary-ack-4712", "canary-question-4713", "canary-answer-4714"];
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let folder = tempfile::tempdir().unwrap();
    let wire = Tapped::default();
    let stage = Stage::set(folder.path(), Arc::new(wire.clone())).await;
    let (north, south) = (&stage.north, &stage.south);
    let sent = north
        .command(&Person::operator(), Some(&stage.hash()), None, ask(CANARIES[0]))
        .await
        .unwrap();
    let thread = Some(sent.thread);
    stage.settle().await;
    south
        .command(&Person::operator(), None, thread, Command::Acknowledge(remark(CANARIES[1])))
        .await
        .unwrap();
    south
        .command(&Person::operator(), None, thread, Command::Clarify(remark(CANARIES[2])))
        .await
        .unwrap();
    stage.settle().await;
    north
        .command(&Person::operator(), None, thread, Command::Clarify(remark("reply")))
        .await
        .unwrap();
    stage.settle().await;
    south.command(&Person::operator(), None, thread, answer(CANARIES[3])).await.unwrap();
    stage.settle().await;

    // Both have the same, each reads what it was told, and nothing was refused.
    let mut states = Vec::new();
    for node in [north, south] {
        let dossier = node.dossier(&Person::operator(), sent.thread).await.unwrap().into_inner();
        assert_eq!(dossier.line.summary.title, CANARIES[0]);
        assert_eq!(dossier.statements.len(), 5);
        assert!(dossier.statements.iter().all(|s| s.kept.is_some() && s.event.witnessed.is_some()));
        assert_eq!(dossier.line.standing.status, Status::Answered);
        states.push(dossier.line.summary.request);
        assert!(node.ledgers_and_evidence().await.unwrap().1.is_empty());
    }
    assert_eq!(states[0], states[1]);

    // An outsider with files and the policy alone computes the same, and no content.
    let agreement = north.agreement("comity-model").unwrap();
    let (_, policy) = north.policy(&agreement).await.unwrap();
    let places = ["a", "b"].map(|name| folder.path().join(name));
    let own = north.own_ledger(&agreement).await.unwrap();
    let theirs = south.own_ledger(&south.agreement("comity-model").unwrap()).await.unwrap();
    export::ledger(north, &own, &places[0]).await.unwrap();
    export::ledger(south, &theirs, &places[1]).await.unwrap();
    let names = places.clone().map(|path| path.to_string_lossy().into_owned());
    let report = audit::run(&REACH, &names, &policy, None, None).await.unwrap();
    assert!(report.is_clean() && report.audit.waiting.is_empty());
    let audited = &report.audit.requests[&sent.thread];
    assert_eq!(audited.standing(View::ALL), states[0].standing(View::ALL));
    let mirrored = |event: &comity_rules::thread::Event| event.mirrored.is_some();
    assert!(audited.asked.iter().chain(&audited.answered).all(mirrored), "the mirrors' word too");
    let json = report.to_json(None);
    assert!(json["requests"][0]["acknowledged_in_seconds"].is_i64());

    let mut exported = Vec::new();
    places.iter().for_each(|place| files(place, &mut exported));
    let public: Vec<u8> = exported.iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    let wire = wire.0.lock().unwrap().clone();
    let log = log.0.lock().unwrap().clone();
    assert!(wire.len() > 10_000 && log.len() > 1_000 && public.len() > 4_000);
    assert!(contains(&wire, "cosignature") || contains(&wire, "harbour.example"), "the tap works");
    // The wire is under TLS: so look too at what goes into it, entries and ciphertexts as delivered.
    let mut carried = Vec::new();
    for node in [north, south] {
        for sql in ["SELECT entry FROM leaf", "SELECT ciphertext FROM content"] {
            for row in node.db().query(sql, &[]).await.unwrap() {
                carried.extend_from_slice(row.blob(0).unwrap());
            }
        }
    }
    assert!(carried.len() > 20_000, "{}", carried.len());
    for canary in CANARIES {
        assert!(!contains(&carried, canary), "{canary} in what is delivered");
        assert!(!contains(&wire, canary), "{canary} on the wire");
        assert!(!contains(&log, canary), "{canary} in the log");
        assert!(!contains(&public, canary), "{canary} in a ledger");
    }

    // Tampering with any one of the files that an audit reads is found.
    let is_read = |file: &PathBuf| {
        let file = file.to_string_lossy();
        file.ends_with("checkpoint") || file.contains("/history/") || file.contains("/entries/")
    };
    let read: Vec<_> = exported.into_iter().filter(is_read).collect();
    assert!(read.len() >= 6, "{read:?}");
    for path in read {
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[40] ^= 1;
        std::fs::write(&path, bad).unwrap();
        assert!(audit::run(&REACH, &names, &policy, None, None).await.is_err(), "{path:?}");
        std::fs::write(&path, good).unwrap();
    }

    // And the views are what the ledgers say.
    for node in [north, south] {
        assert_eq!(node.rebuild().await.unwrap().1, [""; 0]);
    }
}

#[tokio::test]
async fn acts_that_wait_together_share_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    stage.settle().await;
    let (north, terms) = (&stage.north, stage.hash());
    let agreement = north.agreement("comity-model").unwrap();
    let before = north.own_ledger(&agreement).await.unwrap().size;
    let seen = north.change_count();
    let mut acts = tokio::task::JoinSet::new();
    for number in 0..48 {
        let (north, terms) = (Arc::clone(north), terms.clone());
        acts.spawn(async move {
            let title = format!("request {number}");
            north
                .command(&Person::operator(), Some(&terms), None, ask(&title))
                .await
                .map(|done| done.index)
        });
    }
    let mut places: Vec<u64> =
        acts.join_all().await.into_iter().map(|place| place.unwrap()).collect();
    let commits = north.change_count() - seen;
    places.sort_unstable();
    assert_eq!(places, (before..before + 48).collect::<Vec<_>>(), "each has its own place");
    assert!(commits < 24, "{commits} commits for 48 acts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_opens_the_fields_that_were_chosen_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    stage
        .north
        .command(&Person::operator(), Some(&stage.hash()), None, ask("canary title"))
        .await
        .unwrap();
    stage.settle().await;
    let agreement = stage.north.agreement("comity-model").unwrap();
    let own = stage.north.own_ledger(&agreement).await.unwrap();
    let (_, policy) = stage.north.policy(&agreement).await.unwrap();
    let fields = ["title".to_owned(), "no such field".to_owned()];
    let mut proofs = Vec::new();
    for index in [0, 1] {
        let proof = prove::statement(&stage.north, &Person::operator(), &own.id, index, &fields)
            .await
            .unwrap();
        proofs.push(proof.to_string());
    }
    // The reader can open it too: the ciphertext is sealed to both.
    prove::statement(&stage.south, &Person::operator(), &own.id, 1, &fields).await.unwrap();
    let file = proofs.join("\n");
    let split = bundle::split(file.as_bytes());
    assert_eq!(split, proofs.iter().map(String::as_bytes).collect::<Vec<_>>());
    let [opening, request] =
        [0, 1].map(|at| prove::to_json(&bundle::verify(split[at], &policy).unwrap()));
    assert_eq!(opening["fields"], serde_json::json!([]));
    let opened = serde_json::json!([{ "name": "title", "value": "canary title" }]);
    assert_eq!(request["fields"], opened);
    assert!(!request.to_string().contains("facts of canary"));
    // What was opened is what was sealed, or nothing.
    let lied =
        prove::statement(&stage.north, &Person::operator(), &own.id, 1, &fields).await.unwrap();
    let mut extra = lied.extra.clone().unwrap();
    let at = extra.windows(6).position(|bytes| bytes == b"canary").unwrap();
    extra[at] = b'C';
    let lied = comity_ledger::proof::Proof { extra: Some(extra), ..lied };
    let refused = bundle::verify(lied.to_string().as_bytes(), &policy).unwrap_err();
    assert_eq!(refused.code(), "bad-proof");
    assert!(bundle::verify(b"nonsense", &policy).is_err());
    assert_eq!(bundle::split(b"nonsense"), [b"nonsense"]);
}

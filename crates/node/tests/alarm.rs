//! The alarm of what is kept for a while: it rings until this party has asked for more of whom can give it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "stage/lose.rs"]
mod lose;
mod stage;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use comity_node::Node;
use comity_node::network::Tcp;
use comity_rules::ThreadId;
use comity_rules::access::Person;
use comity_rules::command::Command;
use comity_rules::content::{Follows, Limits, Relation, Ruling};
use comity_rules::request::{Decision, Outcome};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};
use stage::{Stage, answer, ask, remark};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

async fn rings(node: &Node) -> bool {
    node.tell().await.unwrap();
    let alerts = node.new_alerts(&Person::operator()).await.unwrap();
    alerts.iter().any(|alert| alert.what == "limit-preserved")
}

/// What goes on from a request, with an item of this kind.
fn going_on(from: ThreadId, relation: Relation, kind: &str) -> Command {
    let mut command = ask("more of it");
    if let Command::Send { ask, .. } = &mut command {
        ask.follows = Some(Follows { request: from.to_string(), r#as: relation });
        ask.items[0].kind = kind.to_owned();
    }
    command
}

/// Its only item is not given, and why.
fn not_given(outcome: Outcome) -> Command {
    let mut command = answer("not now");
    if let Command::Answer(answer) = &mut command {
        answer.items[0].outcome = outcome;
    }
    command
}

async fn by(stage: &Stage, node: &Node, thread: Option<ThreadId>, command: Command) -> ThreadId {
    let (person, hash) = (Person::operator(), stage.hash());
    let done = node.command(&person, Some(&hash), thread, command).await.unwrap();
    stage.settle().await;
    done.thread
}

/// The southern side acknowledges a request, and answers that something is kept for so many days.
async fn kept_for(stage: &Stage, thread: ThreadId, days: i32) {
    let today = stage.north.now().to_zoned(TimeZone::UTC).date();
    let mut command = answer("they are kept");
    if let Command::Answer(answer) = &mut command {
        let preserved_until = Some(today.saturating_add(days.days()));
        answer.limits = Some(Limits { preserved_until, ..Limits::default() });
    }
    by(stage, &stage.south, Some(thread), Command::Acknowledge(remark("taken"))).await;
    by(stage, &stage.south, Some(thread), command).await;
}

/// A request whose answer says that something is kept for a week more.
async fn kept_for_a_week(stage: &Stage, asked: Command) -> ThreadId {
    let kept = by(stage, &stage.north, None, asked).await;
    kept_for(stage, kept, 7).await;
    assert!(rings(&stage.north).await);
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_still_be_given_silences_it() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (north, south, hash) = (&stage.north, &stage.south, stage.hash());
    let by = async |node: &Node, thread, command| by(&stage, node, thread, command).await;
    let kept = kept_for_a_week(&stage, ask("the logs")).await;
    assert!(!rings(south).await, "it is the asker's to ask");
    // Another question about it is none for it.
    by(north, None, going_on(kept, Relation::FollowUp, "information")).await;
    assert!(rings(north).await);
    for (relation, kind) in [
        (Relation::Extension, "information"),
        (Relation::Disclosure, "information"),
        (Relation::FollowUp, "preservation"),
    ] {
        let more = by(north, None, going_on(kept, relation, kind)).await;
        assert!(!rings(north).await, "{relation:?}");
        by(north, Some(more), Command::Withdraw(remark("by mistake"))).await;
        assert!(rings(north).await, "{relation:?}");
    }
    for outcome in [Outcome::Impossible, Outcome::Postponed] {
        let more = by(north, None, going_on(kept, Relation::Extension, "preservation")).await;
        assert!(!rings(north).await);
        by(south, Some(more), Command::Acknowledge(remark("taken"))).await;
        by(south, Some(more), not_given(outcome)).await;
        assert!(rings(north).await, "{outcome:?}");
    }
    // The whole of it is put off.
    let more = by(north, None, going_on(kept, Relation::Extension, "preservation")).await;
    by(south, Some(more), Command::Acknowledge(remark("taken"))).await;
    assert!(!rings(north).await);
    let (decision, text) = (Decision::Postponed, "in the autumn".to_owned());
    let ruling = Ruling { decision, text, reason: None, ground: None };
    by(south, Some(more), Command::Decide(ruling)).await;
    assert!(rings(north).await);
    by(south, Some(more), Command::Clarify(remark("which logs?"))).await;
    assert!(rings(north).await, "it is put off still");
    // Nobody answers any more what was open when its terms ended.
    by(north, None, going_on(kept, Relation::Extension, "preservation")).await;
    assert!(!rings(north).await);
    let next = north.succeed(&north.agreement(&hash).unwrap(), None, None).await.unwrap();
    for node in [north, south] {
        stage::sign(node, &next).await;
    }
    stage::until(async || north.agreement(&hash).unwrap().is_closed()).await;
    assert!(rings(north).await);
}

/// Nothing is given of what never came.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_on_its_way_silences_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let kept = kept_for_a_week(&stage, ask("the logs")).await;
    let address = stage.cut().await;
    let more = going_on(kept, Relation::Extension, "preservation");
    stage.north.command(&Person::operator(), Some(&stage.hash()), None, more).await.unwrap();
    assert!(rings(&stage.north).await);
    stage.mend(&address).await;
    stage.settle().await;
    assert!(!rings(&stage.north).await);
}

/// Nor of what the other side has and cannot open.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_silences_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let kept = kept_for_a_week(&stage, ask("the logs")).await;
    let address = stage.cut().await;
    let more = going_on(kept, Relation::Extension, "preservation");
    let done = stage.north.command(&Person::operator(), Some(&stage.hash()), None, more).await;
    let more = done.unwrap().thread;
    let asked = async |node: &Node| {
        let found = node.dossier(&Person::operator(), more).await;
        found.map(|found| found.into_inner().line.summary.request.asked[0].clone())
    };
    lose::lose(&stage.north, &stage.hash(), asked(&stage.north).await.unwrap().index).await;
    stage.mend(&address).await;
    stage::until(async || asked(&stage.south).await.is_ok()).await;
    stage.settle().await;
    assert!(asked(&stage.north).await.unwrap().is_unopened());
    assert!(rings(&stage.north).await);
}

/// As it is in terms that have kinds of their own: what preserves is what they map to that.
#[tokio::test(flavor = "multi_thread")]
async fn the_terms_say_which_kinds_preserve() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("template"), "budapest-2001").unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let north = &stage.north;
    let of_kind = |mut command: Command, kind: &str| {
        if let Command::Send { ask, class, .. } = &mut command {
            ask.items[0].kind = kind.to_owned();
            *class = None;
        }
        command
    };
    let kept = kept_for_a_week(&stage, of_kind(ask("the logs"), "preserve")).await;
    for (kind, is_silent) in
        [("preserve", true), ("access-stored", false), ("24-7-assistance", false)]
    {
        let more = of_kind(going_on(kept, Relation::FollowUp, kind), kind);
        let more = by(&stage, north, None, more).await;
        assert_eq!(!rings(north).await, is_silent, "{kind}");
        by(&stage, north, Some(more), Command::Withdraw(remark("by mistake"))).await;
        assert!(rings(north).await, "{kind}");
    }
}

/// A webhook receiver that says how often it was called for this alarm.
async fn receiver() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let called = Arc::new(AtomicUsize::new(0));
    let calls = Arc::clone(&called);
    let mut ids = BTreeSet::new();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut text, mut some) = (String::new(), [0; 4096]);
            while !(text.contains("alert.") && text.ends_with('}')) {
                let read = stream.read(&mut some).await.unwrap();
                text.push_str(&String::from_utf8_lossy(&some[..read]));
            }
            let id = text.lines().find(|line| line.starts_with("webhook-id")).unwrap();
            // Whoever has seen an identifier takes a call for the same again.
            if ids.insert(id.to_owned()) && text.contains("alert.limit-preserved") {
                calls.fetch_add(1, Ordering::SeqCst);
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    (url, called)
}

/// Whether somebody has seen it or not: what rings again is on the desk, and goes out once more.
#[tokio::test(flavor = "multi_thread")]
async fn what_rings_again_is_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (north, south, operator) = (&stage.north, &stage.south, Person::operator());
    let (url, called) = receiver().await;
    north.add_webhook(&operator, "soc", &url).await.unwrap();
    let kept = kept_for_a_week(&stage, ask("the logs")).await;
    for (is_seen, calls) in [(false, 1), (true, 2), (false, 3)] {
        assert_eq!(called.load(Ordering::SeqCst), calls);
        let alerts = north.new_alerts(&operator).await.unwrap();
        let alarm = alerts.iter().find(|alert| alert.what == "limit-preserved").unwrap();
        if is_seen {
            north.see_alert(&operator, &alarm.key).await.unwrap();
        }
        let more = by(&stage, north, None, going_on(kept, Relation::Extension, "preservation"));
        let more = more.await;
        assert!(!rings(north).await);
        by(&stage, south, Some(more), Command::Acknowledge(remark("taken"))).await;
        stage.clock.advance(SignedDuration::from_hours(1));
        by(&stage, south, Some(more), not_given(Outcome::Impossible)).await;
        assert!(rings(north).await, "seen before: {is_seen}");
    }
    assert_eq!(called.load(Ordering::SeqCst), 4);
}

/// An answer to an extension that says of nothing that it is kept for longer gives nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_extends_nothing_silences_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let kept = kept_for_a_week(&stage, ask("the logs")).await;
    let longer = going_on(kept, Relation::Extension, "preservation");
    let more = by(&stage, &stage.north, None, longer).await;
    by(&stage, &stage.south, Some(more), Command::Acknowledge(remark("taken"))).await;
    by(&stage, &stage.south, Some(more), answer("see our letter")).await;
    assert!(rings(&stage.north).await, "nothing says that it is kept for longer");
    // Whoever asks again from there has asked.
    let again = going_on(more, Relation::Extension, "preservation");
    let again = by(&stage, &stage.north, None, again).await;
    assert!(!rings(&stage.north).await);
    kept_for(&stage, again, 90).await;
    assert!(!rings(&stage.north).await);
}

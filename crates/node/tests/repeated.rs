//! Who says a thing again and again keeps it from nobody; nor does whoever says that it was long ago.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use comity_node::Node;
use comity_node::clock::Adjustable;
use comity_node::duty::Contact;
use comity_node::network::{Network as _, Tcp};
use comity_node::serve;
use comity_rules::ThreadId;
use comity_rules::access::{Person, Role};
use comity_rules::agreement::Readers;
use comity_rules::command::{Command, Deed};
use comity_rules::matter::Signal;
use jiff::SignedDuration;
use stage::line::{again, attend, line, message, state};
use stage::{Stage, ask, remark, until};

/// Two nodes; the southern one has somebody to tell on each of three steps.
async fn ladder(folder: &Path) -> Stage {
    let mail =
        "server = '127.0.0.1'\nport = 9\nsecurity = 'none'\nfrom = 'Comity <c@south.example>'\n";
    std::fs::write(folder.join("mail.toml"), mail).unwrap();
    let stage = Stage::set(folder, Arc::new(Tcp)).await;
    let operator = Person::operator();
    for (name, step) in [("ada", 1), ("chief", 2), ("minister", 3)] {
        let person = Person { name: name.to_owned(), role: Role::DutyOfficer, authority: None };
        stage.south.add_account(&operator, person).await.unwrap();
        let (account, email) = (name.to_owned(), format!("{name}@south.example"));
        let contact = Contact { account, email, language: "en".to_owned(), step };
        stage.south.reach(&operator, contact).await.unwrap();
    }
    attend(&stage).await;
    stage
}

/// Who was told of something.
fn told(node: &Node, what: &str) -> BTreeSet<String> {
    let store = rusqlite::Connection::open(node.home().folder().join("store.db")).unwrap();
    let mut sql = store.prepare("SELECT address FROM alert_to WHERE key LIKE ?1").unwrap();
    let rows = sql.query_map([format!("%/{what}%")], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_again_and_again_climbs_as_what_is_said_once() {
    let cases = ["hotline-message", "escalated"].map(|what| [(what, false), (what, true)]);
    for (what, is_seen) in cases.into_iter().flatten() {
        let folder = tempfile::tempdir().unwrap();
        let stage = ladder(folder.path()).await;
        let (north, south) = (&stage.north, &stage.south);
        let thread = if what == "escalated" {
            let thread = state(north, &stage, None, ask("who?")).await;
            stage.settle().await;
            state(south, &stage, Some(thread), Command::Acknowledge(remark("taken"))).await;
            stage.settle().await;
            state(north, &stage, Some(thread), Command::Escalate(remark("now"))).await
        } else {
            state(north, &stage, None, message(Signal::Message, "the dam")).await
        };
        stage.settle().await;
        south.tell().await.unwrap();
        // Who has seen the first has not seen the others.
        for alert in south.new_alerts(&Person::operator()).await.unwrap() {
            if is_seen {
                south.see_alert(&Person::operator(), &alert.key).await.unwrap();
            }
        }
        for _ in 0..4 {
            stage.clock.advance(SignedDuration::from_mins(14));
            south.tell().await.unwrap();
            let repeated = if what == "escalated" {
                Command::Escalate(remark("now"))
            } else {
                let (said, _) = {
                    let here = line(north, thread).await;
                    here.to_say_again().map(|(said, unopened)| (said.index, unopened)).unwrap()
                };
                again(said, "the dam breaks")
            };
            state(north, &stage, Some(thread), repeated).await;
            stage.settle().await;
            south.tell().await.unwrap();
        }
        let all = ["ada", "chief", "minister"].map(|name| format!("{name}@south.example"));
        assert_eq!(told(south, what), all.into(), "{what}, the first seen: {is_seen}");
    }
}

/// A side whose clock is a week behind goes on: it is witnessed today, and told.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_now_is_told_whatever_its_author_s_clock_says() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Adjustable::new(stage::start()));
    let behind = Arc::new(Adjustable::new(stage::start()));
    let (witness, url, mut tasks) = stage::witness(folder.path(), "harbour", clock.clone()).await;
    let outside = vec![stage::outside("harbour", witness.key(), &url)];
    let (mut nodes, mut listeners) = (Vec::new(), Vec::new());
    for (party, clock) in [("northland", &clock), ("southland", &behind)] {
        let listener = Tcp.bind("127.0.0.1:0").await.unwrap();
        let address = format!("127.0.0.1:{}", listener.port());
        let home = stage::home(folder.path(), party, &address).await;
        listeners.push(listener);
        nodes.push(stage::open(&home, clock.clone(), Arc::new(Tcp)).await);
    }
    let [north, south]: [Arc<Node>; 2] = nodes.try_into().map_err(|_| "two nodes").unwrap();
    stage::introduce(&north, &south).await;
    let terms = stage::terms([north.card(), south.card()], 1, outside, Readers::Everyone);
    for (node, listener) in [&north, &south].into_iter().zip(listeners) {
        let key = stage::sign(node, &terms).await;
        witness.watch(&key).unwrap();
        serve::serve_exchange(node, listener, &mut tasks).unwrap();
    }
    let (hash, operator) = (terms.hash().to_hex(), Person::operator());
    let settle = async || until(async || stage::settled(&north, &south).await).await;
    let south_states = async |thread: Option<ThreadId>, deed| {
        let done = south.command(&operator, Some(&hash), thread, Command::Deed(deed)).await;
        settle().await;
        done.unwrap().thread
    };
    let told = async || -> Vec<String> {
        north.tell().await.unwrap();
        let alerts = north.new_alerts(&operator).await.unwrap();
        let whats = alerts.into_iter().map(|alert| alert.what);
        whats.filter(|what| what.starts_with("matter")).collect()
    };
    settle().await;
    clock.advance(SignedDuration::from_hours(24 * 20));
    behind.advance(SignedDuration::from_hours(24 * 12));
    let suspended = Deed::Suspend { exercise: false, remark: remark("why") };
    let thread = south_states(None, suspended).await;
    assert_eq!(told().await, ["matter-suspension"]);
    south_states(Some(thread), Deed::Resume(remark("on"))).await;
    assert_eq!(told().await, ["matter-resumed"]);
    let kept = north.matter(&operator, thread).await.unwrap().into_inner().line.summary.matter;
    let resumed = &kept.opened[1];
    assert!(resumed.witnessed.unwrap() > resumed.claimed + SignedDuration::from_hours(24 * 7));
}

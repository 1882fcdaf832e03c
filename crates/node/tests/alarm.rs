//! The alarm of what is kept for a while: it rings until this party has asked for more of whom can give it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::sync::Arc;

use comity_node::Node;
use comity_node::network::Tcp;
use comity_rules::ThreadId;
use comity_rules::access::Person;
use comity_rules::command::Command;
use comity_rules::content::{Follows, Limits, Relation};
use comity_rules::request::Outcome;
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use stage::{Stage, answer, ask, remark};

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

#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_still_be_given_silences_it() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (north, south, hash) = (&stage.north, &stage.south, stage.hash());
    let operator = Person::operator();
    let by = async |node: &Node, thread, command| {
        let done = node.command(&operator, Some(&hash), thread, command).await.unwrap();
        stage.settle().await;
        done.thread
    };
    let kept = by(north, None, ask("the logs")).await;
    let today = north.now().to_zoned(TimeZone::UTC).date();
    let mut kept_for_a_week = answer("they are kept");
    if let Command::Answer(answer) = &mut kept_for_a_week {
        let preserved_until = Some(today.saturating_add(7.days()));
        answer.limits = Some(Limits { preserved_until, ..Limits::default() });
    }
    by(south, Some(kept), Command::Acknowledge(remark("taken"))).await;
    by(south, Some(kept), kept_for_a_week).await;
    assert!(rings(north).await);
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
        let mut not_given = answer("not now");
        if let Command::Answer(answer) = &mut not_given {
            answer.items[0].outcome = outcome;
        }
        by(south, Some(more), Command::Acknowledge(remark("taken"))).await;
        by(south, Some(more), not_given).await;
        assert!(rings(north).await, "{outcome:?}");
    }
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

//! What is said on the hotline and nobody has answered: whose act it is, who is told, and when it is over.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "stage/lose.rs"]
mod lose;
mod stage;

use std::path::Path;
use std::sync::Arc;

use comity_node::clock::Adjustable;
use comity_node::control::{self, Mechanism, Question};
use comity_node::network::{Network as _, Tcp};
use comity_node::witness::Witness;
use comity_node::{Node, hotline, serve};
use comity_rules::ThreadId;
use comity_rules::access::Person;
use comity_rules::agreement::Readers;
use comity_rules::content::Tlp;
use comity_rules::matter::{Signal, Topic};
use jiff::SignedDuration;
use serde_json::json;
use stage::line::{again, attend, heard, keys, line, message, said, say, state};
use stage::{Stage, until};
use tokio::task::JoinSet;

/// What people are told of the hotline that nobody has seen.
async fn whats(node: &Node) -> Vec<String> {
    node.tell().await.unwrap();
    let alerts = node.new_alerts(&Person::operator()).await.unwrap();
    let mut whats: Vec<_> = alerts.into_iter().map(|alert| alert.what).collect();
    whats.retain(|what| what.starts_with("hotline") || what == "no-echo");
    whats.sort_unstable();
    whats
}

/// What the northern node stated first in a thread cannot be opened by the other.
async fn lose(stage: &Stage, thread: ThreadId) {
    let first = line(&stage.north, thread).await.summary.matter.opened[0].index;
    lose::lose(&stage.north, &stage.hash(), first).await;
}

/// The one outside witness of two nodes.
struct Outside {
    witness: Arc<Witness>,
    url: String,
    serving: JoinSet<()>,
}

impl Outside {
    async fn leave(&mut self) {
        self.serving.shutdown().await;
    }

    async fn come_back(&mut self) {
        let listener = Tcp.bind(self.url.trim_start_matches("http://")).await.unwrap();
        self.serving.spawn(serve::plain(listener, Arc::clone(&self.witness).router()));
    }
}

async fn watched(folder: &Path) -> (Stage, Outside) {
    let clock = Arc::new(Adjustable::new(stage::start()));
    let (witness, url, serving) = stage::witness(folder, "harbour", clock.clone()).await;
    let outside = vec![stage::outside("harbour", witness.key(), &url)];
    let (watching, tasks) = ((vec![Arc::clone(&witness)], outside), JoinSet::new());
    let everyone = Readers::Everyone;
    let stage = Stage::under(folder, Arc::new(Tcp), clock, 1, watching, everyone, tasks).await;
    (stage, Outside { witness, url, serving })
}

/// Each side has said something that the other has not acknowledged: each sees what is for itself to do.
#[tokio::test(flavor = "multi_thread")]
async fn who_replies_without_acknowledging_leaves_two_acts_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    attend(&stage).await;
    let thread = state(&stage.north, &stage, None, message(Signal::Message, "the dam")).await;
    stage.settle().await;
    state(&stage.south, &stage, Some(thread), say("which?")).await;
    stage.settle().await;
    for (one, other) in [(&stage.north, &stage.south), (&stage.south, &stage.north)] {
        let here = line(one, thread).await;
        assert!(here.waits_for(one));
        let (message, _) = here.message_for(one.party()).unwrap();
        state(one, &stage, Some(thread), heard(message)).await;
        stage.settle().await;
        let line = line(one, thread).await;
        assert!(!line.waits_for(one));
        assert_eq!(line.standing.over, other.party() == stage.north.party());
    }
}

/// What a node has and cannot open is answered by nobody, and both sides know it at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_no_answer_and_nobodys_delay() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    attend(&stage).await;
    let address = stage.cut().await;
    let said = message(Signal::Message, "the dam");
    let message = state(&stage.north, &stage, None, said).await;
    let echo = state(&stage.north, &stage, None, self::message(Signal::Echo, "0a1b")).await;
    // The key is gone, as in a store that was restored, and the next takes its place.
    for name in keys(&stage.south) {
        std::fs::remove_file(stage.south.home().folder().join("keys").join(name)).unwrap();
    }
    stage.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
    let agreement = stage.south.agreement(&stage.hash()).unwrap();
    hotline::attend(&stage.south, &agreement).await.unwrap();
    stage.mend(&address).await;
    until(async || stage.south.matter(&Person::operator(), echo).await.is_ok()).await;
    stage.settle().await;
    for (node, waits, told) in [
        (&stage.north, true, ["hotline-test-unopened-there", "hotline-unopened-there"].as_slice()),
        (&stage.south, false, &["hotline-test-unopened", "hotline-unopened"]),
    ] {
        let by = Person::operator();
        let said = line(node, message).await;
        assert_eq!((said.state(), said.waits_for(node)), ("unopened", waits));
        assert_eq!(said.message_for(node.party()), None);
        let line = line(node, echo).await;
        assert_eq!((line.state(), line.standing.over), ("unopened", true));
        assert!(!line.waits_for(node) && line.message_for(node.party()).is_none());
        let status = node.hotline_status(&by, &node.agreement(&stage.hash()).unwrap()).await;
        let south = &status.unwrap().readiness[stage.south.party()];
        let unopened = [Signal::Echo, Signal::Message].map(|signal| south.unopened[&signal]);
        assert_eq!((unopened, south.message.open, south.echo.done), ([1, 1], 0, 0));
        assert_eq!(whats(node).await, told);
    }
}

/// What the other side could not open is told, though more was said before anybody knew, and that is acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_told_though_more_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    attend(&stage).await;
    let address = stage.cut().await;
    let thread = state(&stage.north, &stage, None, message(Signal::Message, "the dam")).await;
    state(&stage.north, &stage, Some(thread), say("lunch?")).await;
    lose(&stage, thread).await;
    stage.mend(&address).await;
    until(async || stage.south.matter(&Person::operator(), thread).await.is_ok()).await;
    stage.settle().await;
    let (second, _) = line(&stage.south, thread).await.message_for(stage.south.party()).unwrap();
    state(&stage.south, &stage, Some(thread), heard(second)).await;
    stage.settle().await;
    assert_eq!(whats(&stage.north).await, ["hotline-unopened-there"]);
    assert!(line(&stage.north, thread).await.waits_for(&stage.north));
    // Whose label cannot be read has the strictest.
    let whole = stage.south.matter(&Person::operator(), thread).await.unwrap().into_inner();
    assert_eq!(whole.marking(), Some(Tlp::Red));
    let lost = line(&stage.north, thread).await.summary.matter.opened[0].index;
    state(&stage.north, &stage, Some(thread), again(lost, "the dam breaks")).await;
    stage.settle().await;
    let (third, _) = line(&stage.south, thread).await.message_for(stage.south.party()).unwrap();
    state(&stage.south, &stage, Some(thread), heard(third)).await;
    stage.settle().await;
    for node in [&stage.north, &stage.south] {
        assert!(whats(node).await.is_empty() && line(node, thread).await.standing.over);
    }
}

/// What was lost there is settled by what its author says again, and by nothing else that he says, whatever the clocks and
/// the witnesses do meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_again_settles_what_it_names() {
    for sort in [Signal::Message, Signal::Telephone] {
        let folder = tempfile::tempdir().unwrap();
        let (stage, mut outside) = watched(folder.path()).await;
        let (north, south) = (&stage.north, &stage.south);
        attend(&stage).await;
        let thread = state(north, &stage, None, message(sort, "the dam")).await;
        stage.settle().await;
        let first = line(north, thread).await.summary.matter.opened[0].index;
        // What is said a minute later is witnessed an hour later.
        outside.leave().await;
        stage.clock.advance(SignedDuration::from_mins(1));
        state(north, &stage, Some(thread), say("lunch?")).await;
        until(async || line(south, thread).await.summary.matter.opened.len() == 2).await;
        let second = line(south, thread).await.summary.matter.opened[1].index;
        state(south, &stage, Some(thread), heard(second)).await;
        stage.clock.advance(SignedDuration::from_mins(60));
        outside.come_back().await;
        until(async || line(north, thread).await.summary.matter.opened[1].witnessed.is_some())
            .await;
        stage.settle().await;
        let rings = format!("hotline-{}", sort.as_str());
        let late = (sort == Signal::Message).then(|| "hotline-late".to_owned());
        let rung = |count| late.clone().into_iter().chain(vec![rings.clone(); count]);
        assert!(whats(south).await.into_iter().eq(rung(1)), "nobody has heard the first");
        let here = line(north, thread).await;
        let (lost, is_unopened) = here.to_say_again().unwrap();
        assert_eq!((lost.index, is_unopened), (first, false));
        state(north, &stage, Some(thread), again(first, "the dam breaks")).await;
        stage.settle().await;
        // The first rings on, as old as it is.
        assert!(whats(south).await.into_iter().eq(rung(2)));
        let late: &[&str] = if sort == Signal::Message { &["hotline-unanswered"] } else { &[] };
        assert_eq!(whats(north).await, late);
        assert_eq!(line(north, thread).await.to_say_again().map(|(said, _)| said.index), {
            let said = &line(south, thread).await.summary.matter.opened[2];
            Some(said.index)
        });
        let (third, _) = line(south, thread).await.message_for(south.party()).unwrap();
        state(south, &stage, Some(thread), heard(third)).await;
        stage.settle().await;
        for node in [north, south] {
            assert_eq!(whats(node).await, [""; 0]);
            assert_eq!(line(node, thread).await.state(), "acknowledged");
        }
    }
}

/// A record of a call is kept, and so is what stands in its place, and in the place of that.
#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_place_of_a_record_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (north, south) = (&stage.north, &stage.south);
    attend(&stage).await;
    let thread = state(north, &stage, None, message(Signal::Telephone, "at nine")).await;
    for text in ["at ten", "at eleven"] {
        let (said, _) = {
            let here = line(north, thread).await;
            here.to_say_again().map(|(said, unopened)| (said.index, unopened)).unwrap()
        };
        state(north, &stage, Some(thread), again(said, text)).await;
    }
    state(north, &stage, Some(thread), say("thanks")).await;
    stage.settle().await;
    for _ in 0..3 {
        stage.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
        attend(&stage).await;
        attend(&stage).await;
    }
    let kept = ["at nine", "at ten", "at eleven"].map(|text| Some(text.to_owned()));
    for node in [north, south] {
        assert_eq!(said(node, thread).await, [kept.as_slice(), &[None]].concat());
    }
}

/// A test that was made before both had a key is sealed to the card: it can be read, and both say so.
#[tokio::test(flavor = "multi_thread")]
async fn both_say_the_same_of_a_test_that_can_still_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (north, south) = (&stage.north, &stage.south);
    stage.settle().await;
    let agreement = north.agreement(&stage.hash()).unwrap();
    let test = north.test_hotline(&Person::operator(), &agreement, Signal::ReadBack).await.unwrap();
    stage.settle().await;
    for _ in 0..8 {
        stage.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
        attend(&stage).await;
        attend(&stage).await;
    }
    let [one, other] = [line(north, test).await, line(south, test).await];
    assert!(one.standing.over);
    assert_eq!(one.standing, other.standing);
}

/// What a command shows of an echo that came says one thing.
#[tokio::test(flavor = "multi_thread")]
async fn an_echo_that_came_is_over_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    attend(&stage).await;
    let echo = state(&stage.north, &stage, None, message(Signal::Echo, "0a1b")).await;
    stage.settle().await;
    let asked = Mechanism::Matter { id: echo.to_string() };
    let shown = control::answer(&stage.north, Question::Mechanism(asked)).await.unwrap();
    assert_eq!((&shown["over"], &shown["messages"][0]["over"]), (&json!(true), &json!(true)));
}

/// Nobody keeps a key alive by what no outside witness covers.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_dies_though_no_witness_covers_what_it_opens() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, mut outside) = watched(folder.path()).await;
    let (north, south) = (&stage.north, &stage.south);
    attend(&stage).await;
    let first = keys(south).remove(0);
    outside.leave().await;
    let thread = state(north, &stage, None, message(Signal::Message, "the dam")).await;
    until(async || south.matter(&Person::operator(), thread).await.is_ok()).await;
    let attend = async || {
        for node in [north, south] {
            let agreement = node.agreement(&stage.hash()).unwrap();
            hotline::attend(node, &agreement).await.unwrap();
        }
    };
    for _ in 0..3 {
        stage.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
        attend().await;
    }
    until(async || {
        attend().await;
        !keys(south).contains(&first)
    })
    .await;
    assert_eq!(said(south, thread).await, [None]);
}

/// A test that nobody answered is over once its key has had its time: the next announced one is half a year away.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_nobody_can_answer_waits_for_nobody() {
    for sort in [Signal::ReadBack, Signal::Ping] {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
        let (north, south) = (&stage.north, &stage.south);
        attend(&stage).await;
        let agreement = north.agreement(&stage.hash()).unwrap();
        let test = north.test_hotline(&Person::operator(), &agreement, sort).await.unwrap();
        stage.settle().await;
        stage.clock.advance(SignedDuration::from_hours(1));
        assert_eq!(whats(north).await, ["hotline-unanswered"]);
        assert_eq!(line(north, test).await.standing.waits_for.as_ref(), Some(south.party()));
        for _ in 0..5 {
            stage.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
            attend(&stage).await;
            attend(&stage).await;
        }
        assert_eq!(said(south, test).await, [None], "its key is gone");
        for node in [north, south] {
            let line = line(node, test).await;
            assert_eq!((line.standing.over, line.standing.waits_for), (true, None));
            assert_eq!(whats(node).await, [""; 0]);
        }
    }
}

/// Also where the terms want no tests, and whatever other tests are made.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_could_not_be_opened_is_told_until_one_of_its_sort_is() {
    for (template, signal, other) in [
        ("us-china-2015", Signal::Echo, Signal::Ping),
        ("un-poc-directory", Signal::Ping, Signal::Echo),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("template"), template).unwrap();
        let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
        stage.settle().await;
        let hash = stage.hash();
        let test = async |node: &Node, signal| {
            let agreement = node.agreement(&hash).unwrap();
            node.test_hotline(&Person::operator(), &agreement, signal).await.unwrap()
        };
        let address = stage.cut().await;
        let made = test(&stage.north, signal).await;
        lose(&stage, made).await;
        stage.mend(&address).await;
        until(async || stage.south.matter(&Person::operator(), made).await.is_ok()).await;
        stage.settle().await;
        let told = [["hotline-test-unopened-there"], ["hotline-test-unopened"]];
        assert_eq!([whats(&stage.north).await, whats(&stage.south).await], told, "{template}");
        for node in [&stage.north, &stage.south] {
            test(node, other).await;
        }
        stage.settle().await;
        let is_told = whats(&stage.north).await.contains(&told[0][0].to_owned());
        assert!(is_told, "{template}: {other:?} is another line");
        test(&stage.north, signal).await;
        stage.settle().await;
        for node in [&stage.north, &stage.south] {
            assert!(!whats(node).await.iter().any(|what| what.contains("unopened")), "{template}");
        }
    }
}

/// What waits longest stands behind a page of others, of which one is over by the terms.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_longest_is_listed_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (south, operator) = (&stage.south, Person::operator());
    attend(&stage).await;
    let oldest = state(&stage.north, &stage, None, message(Signal::Message, "the dam")).await;
    let again = state(&stage.north, &stage, None, message(Signal::Message, "the dam")).await;
    stage.settle().await;
    stage.clock.advance(SignedDuration::from_mins(32));
    let said = line(south, again).await.summary.matter.opened[0].index;
    state(&stage.north, &stage, Some(again), stage::line::again(said, "again")).await;
    stage.settle().await;
    let second = line(south, again).await.summary.matter.opened[1].index;
    state(south, &stage, Some(again), heard(second)).await;
    stage.settle().await;
    assert!(line(south, again).await.standing.over);
    south.tell().await.unwrap();
    stage.clock.advance(SignedDuration::from_mins(1));
    for _ in 0..199 {
        state(&stage.north, &stage, None, message(Signal::Message, "rain")).await;
    }
    stage.settle().await;
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let all = Mechanism::Matters { topic: Topic::Hotline, open: true, after };
        let page = control::answer(south, Question::Mechanism(all)).await.unwrap();
        let lines = page["matters"].as_array().unwrap();
        listed.extend(lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()));
        after = page["next"].as_u64();
        if after.is_none() {
            break;
        }
    }
    assert!(listed.contains(&oldest.to_string()), "{} are listed", listed.len());
    // Whoever has seen all that is newer finds the oldest alert.
    south.tell().await.unwrap();
    while south.unseen_alerts().await.unwrap() > 2 {
        for alert in south.new_alerts(&operator).await.unwrap() {
            if alert.thread != Some(oldest) {
                south.see_alert(&operator, &alert.key).await.unwrap();
            }
        }
    }
    let alerts = south.new_alerts(&operator).await.unwrap();
    assert!(alerts.iter().all(|alert| alert.thread == Some(oldest)));
    let mut whats: Vec<_> = alerts.iter().map(|alert| alert.what.as_str()).collect();
    whats.sort_unstable();
    assert_eq!(whats, ["hotline-late", "hotline-message"]);
}

//! A party that has lost the key of a ledger: both put an end to the agreement where its ledgers are, and
//! go on under the next.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::sync::Arc;

use comity_node::clock::{Adjustable, Clock as _};
use comity_node::network::{Network as _, Tcp};
use comity_node::review::Until;
use comity_node::witness::Witness;
use comity_node::{Home, Node, audit, export, serve};
use comity_rules::access::Person;
use comity_rules::agreement::Readers;
use comity_rules::command::{Command, Deed};
use comity_rules::content::{ActionItem, Agenda, Message, Record, Tlp};
use comity_rules::matter::{Day, Signal};
use comity_rules::review::{Openings, Review, Scope};
use comity_rules::{Terms, ThreadId};
use jiff::SignedDuration;
use serde_json::Value;
use stage::{Stage, ask, remark, until, witness};
use tokio::task::JoinSet;

async fn set(folder: &std::path::Path) -> (Stage, Arc<Witness>) {
    let clock = Arc::new(Adjustable::new(stage::start()));
    let (harbour, url, tasks) = witness(folder, "harbour", clock.clone()).await;
    let outside = vec![stage::outside("harbour", harbour.key(), &url)];
    let watching = (vec![Arc::clone(&harbour)], outside);
    let readers = Readers::Everyone;
    let stage = Stage::under(folder, Arc::new(Tcp), clock, 1, watching, readers, tasks).await;
    (stage, harbour)
}

/// The same, with a witness that serves by itself, and its address.
async fn apart(folder: &std::path::Path) -> (Stage, Arc<Witness>, JoinSet<()>, String) {
    let clock = Arc::new(Adjustable::new(stage::start()));
    let (harbour, url, watching) = witness(folder, "harbour", clock.clone()).await;
    let outside = vec![stage::outside("harbour", harbour.key(), &url)];
    let known = (vec![Arc::clone(&harbour)], outside);
    let (readers, tasks) = (Readers::Everyone, JoinSet::new());
    let stage = Stage::under(folder, Arc::new(Tcp), clock, 1, known, readers, tasks).await;
    (stage, harbour, watching, url)
}

/// Northland's node stops, loses the keys of its ledgers, and starts again.
async fn lose(stage: &mut Stage) {
    stage.northern.shutdown().await;
    let folder = stage.north.home().folder().to_owned();
    for file in std::fs::read_dir(folder.join("keys")).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        if name.starts_with("ledger-") && name.ends_with(".key") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    let home = Home::open(&folder).unwrap();
    stage.north = stage::open(&home, stage.clock.clone(), Arc::new(Tcp)).await;
    let listener = Tcp.bind(&home.config().exchange).await.unwrap();
    serve::serve_exchange(&stage.north, listener, &mut stage.northern).unwrap();
}

async fn both_sign(stage: &Stage, terms: &Terms, harbour: &Witness) {
    for node in [&stage.north, &stage.south] {
        harbour.watch(&stage::sign(node, terms).await).unwrap();
    }
}

async fn acknowledge(stage: &Stage, thread: ThreadId, text: &str) {
    let command = Command::Acknowledge(remark(text));
    stage.south.command(&Person::operator(), None, Some(thread), command).await.unwrap();
    stage.settle().await;
}

fn refused<T>(result: Result<T, comity_node::Error>) -> String {
    result.err().expect("it is refused").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_a_ledgers_key_goes_on_under_the_next_agreement() {
    let folder = tempfile::tempdir().unwrap();
    let (mut stage, harbour) = set(folder.path()).await;
    let hash = stage.hash();
    let before =
        stage.north.command(&Person::operator(), Some(&hash), None, ask("before")).await.unwrap();
    stage.settle().await;
    acknowledge(&stage, before.thread, "in hand").await;

    lose(&mut stage).await;
    let said =
        refused(stage.north.command(&Person::operator(), Some(&hash), None, ask("nothing")).await);
    assert!(said.contains("agreement succeed"), "{said}");
    let old = stage.north.agreement("comity-model").unwrap();
    let why = Some("the key of northland's ledger is lost".to_owned());
    let terms = stage.north.succeed(&old, None, why).await.unwrap();
    // Both read the same text, and each finds its own ledgers in it.
    both_sign(&stage, &terms, &harbour).await;
    until(async || old.is_closed()).await;
    let next = terms.hash().to_hex();
    let after =
        stage.north.command(&Person::operator(), Some(&next), None, ask("after")).await.unwrap();
    stage.settle().await;
    acknowledge(&stage, after.thread, "got it").await;

    // What was said under the first agreement stays, and nothing is added to it.
    for node in [&stage.north, &stage.south] {
        assert_eq!(node.agreements().len(), 2);
        let dossier = node.dossier(&Person::operator(), before.thread).await.unwrap().into_inner();
        assert_eq!(dossier.statements.len(), 2);
        let more = node
            .command(&Person::operator(), None, Some(before.thread), Command::Escalate(remark("e")))
            .await;
        assert!(refused(more).starts_with("closed"), "it is closed");
        assert_eq!(node.rebuild().await.unwrap().1, [""; 0]);
    }
    let (_, evidence) = stage.south.ledgers_and_evidence().await.unwrap();
    assert!(evidence.is_empty(), "{evidence:?}");
    // So it is after a restart, too.
    let home = Home::open(stage.north.home().folder()).unwrap();
    let again = stage::open(&home, stage.clock.clone(), Arc::new(Tcp)).await;
    assert!(again.agreement(&hash).unwrap().is_closed());
    assert_eq!(again.agreement("comity-model").unwrap().terms.hash(), terms.hash());

    // An outsider audits each pair; the first only as far as the second says.
    let closes = terms.between.as_ref().unwrap().closes.as_ref().unwrap();
    let first = audited(&stage.south, &stage.terms, Some(&terms), folder.path()).await;
    assert!(first.is_clean(), "{:?}", first.audit.refused);
    assert!(first.audit.requests.contains_key(&before.thread));
    let second = audited(&stage.south, &terms, None, folder.path()).await;
    assert!(second.is_clean() && second.audit.requests.contains_key(&after.thread));
    let text = terms.text().replace(&closes.heads[0].root, &"00".repeat(32));
    let other = Terms::parse(&text).unwrap();
    let wrong = audit_of(&stage.south, &stage.terms, Some(&other), folder.path()).await;
    assert_eq!(wrong.unwrap_err().to_string().matches("fork").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_other_side_has_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, harbour) = set(folder.path()).await;
    let hash = stage.hash();
    stage.north.command(&Person::operator(), Some(&hash), None, ask("before")).await.unwrap();
    stage.settle().await;
    let old = stage.north.agreement("comity-model").unwrap();
    let early = stage.north.succeed(&old, None, None).await.unwrap();
    stage.south.command(&Person::operator(), Some(&hash), None, ask("meanwhile")).await.unwrap();
    stage.settle().await;
    // Northland has what Southland said meanwhile; terms that leave it out are signed by neither.
    for node in [&stage.north, &stage.south] {
        let root = node.home().root_key(&node.home().folder().join("root.key")).unwrap();
        let said = refused(node.sign(early.clone(), &root).await);
        assert!(said.contains("propose again"), "{said}");
    }
    assert!(!old.is_closed());
    // Nor do terms with one peer end an agreement with another.
    let east = stage::home(folder.path(), "eastland", "127.0.0.1:1").await;
    let card = comity_rules::card::Card::parse(east.card()).unwrap();
    stage.north.add_peer(east.card().to_string().as_bytes()).await.unwrap();
    let outside = vec![stage::outside("harbour", harbour.key(), "http://127.0.0.1:1")];
    let others = stage::terms([stage.north.card(), &card], 1, outside, Readers::Everyone);
    stage::sign(&stage.north, &others).await;
    let text = early.text().replace(&hash, &others.hash().to_hex());
    let root = stage.north.home().root_key(&stage.north.home().folder().join("root.key")).unwrap();
    let said = refused(stage.north.sign(Terms::parse(&text).unwrap(), &root).await);
    assert!(said.contains("not a party to them"), "{said}");
    // A last head that the ledger never had is a fork, whoever proposes it.
    let text = stage
        .south
        .succeed(&stage.south.agreement("comity-model").unwrap(), None, None)
        .await
        .unwrap();
    let closes = text.between.as_ref().unwrap().closes.as_ref().unwrap();
    let forged =
        Terms::parse(&text.text().replace(&closes.heads[0].root, &"11".repeat(32))).unwrap();
    let root = stage.north.home().root_key(&stage.north.home().folder().join("root.key")).unwrap();
    assert!(refused(stage.north.sign(forged, &root).await).contains("two roots"));
    both_sign(&stage, &text, &harbour).await;
    let next = text.hash().to_hex();
    for node in [&stage.north, &stage.south] {
        let agreement = node.agreement(&next).unwrap();
        until(async || node.is_at_rest(&agreement).await.unwrap()).await;
    }
    until(async || old.is_closed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signature_ends_nothing_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, harbour) = set(folder.path()).await;
    let (hash, operator) = (stage.hash(), Person::operator());
    let before = stage.north.command(&operator, Some(&hash), None, ask("before")).await.unwrap();
    stage.settle().await;
    let old = stage.north.agreement(&hash).unwrap();
    let terms = stage.north.succeed(&old, None, None).await.unwrap();
    stage::sign(&stage.north, &terms).await;
    assert!(old.is_ending() && !old.is_closed());
    let said = refused(stage.north.command(&operator, Some(&hash), None, ask("no")).await);
    assert!(said.starts_with("ending"), "{said}");
    // So it is after a restart.
    let home = Home::open(stage.north.home().folder()).unwrap();
    let again = stage::open(&home, stage.clock.clone(), Arc::new(Tcp)).await;
    assert!(again.agreement(&hash).unwrap().is_ending());
    drop(again);
    // Southland does not sign: Northland takes it back, and both go on.
    let next = terms.hash().to_hex();
    stage.north.withdraw(&next).await.unwrap();
    assert!(old.goes_on());
    stage.north.command(&operator, Some(&hash), None, ask("after")).await.unwrap();
    stage.settle().await;
    // Terms that leave out what was said since are signed by nobody; new ones are.
    let root = |node: &Node| node.home().root_key(&node.home().folder().join("root.key")).unwrap();
    let said = refused(stage.south.sign(terms, &root(&stage.south)).await);
    assert!(said.contains("propose again"), "{said}");
    stage.clock.advance(SignedDuration::from_hours(48));
    let terms = stage.north.succeed(&old, None, None).await.unwrap();
    both_sign(&stage, &terms, &harbour).await;
    until(async || old.is_closed()).await;
    // Both know to the second when the clocks stopped: not when the terms were proposed that came to nothing.
    until(async || {
        let mut ends = Vec::new();
        for node in [&stage.north, &stage.south] {
            let line = node.dossier(&operator, before.thread).await.unwrap().into_inner().line;
            let over = line.clocks.pauses.iter().find(|pause| pause.to.is_none());
            ends.push(over.map(|over| over.from));
        }
        let late = |from: jiff::Timestamp| {
            from.duration_since(stage::start()) >= SignedDuration::from_hours(48)
        };
        ends[0] == ends[1] && ends[0].is_some_and(late)
    })
    .await;
    // Nothing grows older in a review of it either, and nothing is overdue any more.
    stage.clock.advance(SignedDuration::from_hours(24 * 30));
    let scope = Scope {
        from: "2026-03-01".parse().unwrap(),
        to: "2026-04-01".parse().unwrap(),
        exercise: false,
    };
    let mut reviews = Vec::new();
    for node in [&stage.north, &stage.south] {
        let ended = node.agreement(&hash).unwrap();
        let review = node.review(&operator, &ended, scope, &Until::default()).await.unwrap();
        reviews.push(review.into_inner());
        let line = node.dossier(&operator, before.thread).await.unwrap().into_inner().line;
        assert!(!line.clocks.is_overdue() && line.clocks.next_due().is_none());
    }
    let proposed = terms.between.as_ref().unwrap().proposed;
    assert_eq!(reviews[0].now, Some(proposed));
    assert_eq!(reviews[0], reviews[1]);
    let said = refused(stage.north.withdraw(&terms.hash().to_hex()).await);
    assert!(said.contains("they hold"), "{said}");
}

/// Under terms that only one has signed nothing is stated: that would be stranded, and neither could be signed or taken back.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stated_under_terms_that_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, harbour) = set(folder.path()).await;
    let (hash, operator) = (stage.hash(), Person::operator());
    let old = stage.north.agreement(&hash).unwrap();
    let call = || {
        let text = "it goes on".to_owned();
        let message =
            Message { title: "the dam".to_owned(), text, marking: Tlp::Red, spoken: String::new() };
        Command::Deed(Deed::Signal {
            signal: Signal::Message,
            about: None,
            exercise: false,
            message,
        })
    };
    // Both have begun their ledgers.
    stage.south.command(&operator, Some(&hash), None, ask("hello")).await.unwrap();
    stage.settle().await;
    let terms = stage.north.succeed(&old, None, None).await.unwrap();
    stage::sign(&stage.north, &terms).await;
    let next = terms.hash().to_hex();
    for (under, starts) in [(&next, "waiting"), (&hash, "ending")] {
        let said = refused(stage.north.command(&operator, Some(under), None, call()).await);
        assert!(said.starts_with(starts), "{said}");
        assert!(said.contains("agreement withdraw"), "{said}");
    }
    // By the id that both have those are meant that are in force, and to take back, those that wait.
    assert_eq!(stage.north.agreement("comity-model").unwrap().terms.hash().to_hex(), hash);
    stage.north.withdraw("comity-model").await.unwrap();
    assert!(old.goes_on());
    stage.north.command(&operator, Some(&hash), None, call()).await.unwrap();
    stage.settle().await;
    // Nobody acknowledges the message in time: whoever sent it is told.
    stage.clock.advance(SignedDuration::from_hours(24));
    stage.north.tell().await.unwrap();
    let alerts = stage.north.alerts(&operator).await.unwrap();
    assert!(alerts.iter().any(|(alert, ..)| alert.what == "hotline-unanswered"));
    let terms = stage.north.succeed(&old, None, None).await.unwrap();
    both_sign(&stage, &terms, &harbour).await;
    until(async || old.is_closed()).await;
    let next = terms.hash().to_hex();
    stage.north.command(&operator, Some(&next), None, call()).await.unwrap();
}

/// Nobody is rid of a meeting that was held, of what it left to be done or of what he said, by amending a word.
#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_takes_meetings_with_it_and_cuts_nothing_off() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, harbour) = set(folder.path()).await;
    let (hash, operator) = (stage.hash(), Person::operator());
    let state = async |node: &Node, thread, deed| {
        let command = Command::Deed(deed);
        let done = node.command(&operator, Some(&hash), thread, command).await.unwrap();
        stage.settle().await;
        done
    };
    let day = Day(stage.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date());
    let [title, place] = ["second round", "Bergen"].map(str::to_owned);
    let agenda = Agenda { title, place, points: vec!["timeliness".to_owned()] };
    let convene = Deed::Convene { day, exercise: false, agenda };
    let meeting = Some(state(&stage.north, None, convene).await.thread);
    let party = stage.north.party().clone();
    let action = ActionItem { text: "publish the holidays".to_owned(), party, due: None };
    let record = Record { text: "minutes".to_owned(), actions: vec![action] };
    state(&stage.north, meeting, Deed::Minutes { day, record }).await;
    state(&stage.south, meeting, Deed::Agree { minutes: None, remark: remark("") }).await;
    let old = stage.north.agreement(&hash).unwrap();
    let terms = stage.north.succeed(&old, None, None).await.unwrap();
    assert!(terms.events.iter().any(|event| event.date == day.0 && event.kind == "review"));
    // What Southland says meanwhile would be cut off by its own signature, without a word.
    stage::sign(&stage.north, &terms).await;
    let ask = ask("meanwhile");
    stage.south.command(&operator, Some(&hash), None, ask).await.unwrap();
    let root = stage.south.home().root_key(&stage.south.home().folder().join("root.key")).unwrap();
    let said = refused(stage.south.sign(terms.clone(), &root).await);
    assert!(said.contains("cut off"), "{said}");
    stage.north.withdraw(&terms.hash().to_hex()).await.unwrap();
    stage.settle().await;
    let terms = stage.north.succeed(&old, None, None).await.unwrap();
    both_sign(&stage, &terms, &harbour).await;
    until(async || old.is_closed()).await;
    let left = stage.north.open_actions(&operator).await.unwrap().into_inner();
    assert_eq!(left.len(), 1, "it comes back on the next agenda");
    // The review counts it meanwhile, and nobody is rid of it by amending twice.
    let review = async |terms: &Terms| {
        let today = stage.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let scope = Scope {
            from: today.yesterday().unwrap(),
            to: today.tomorrow().unwrap(),
            exercise: false,
        };
        let agreement = stage.north.agreement(&terms.hash().to_hex()).unwrap();
        let latest = Until::default();
        let made = async || stage.north.review(&operator, &agreement, scope, &latest).await;
        // It stands on what outside witnesses have covered.
        until(async || made().await.is_ok()).await;
        made().await.unwrap().into_inner().mechanism
    };
    assert_eq!(review(&terms).await.actions_open, 1);
    let second = stage.north.agreement(&terms.hash().to_hex()).unwrap();
    let third = stage.north.succeed(&second, None, None).await.unwrap();
    both_sign(&stage, &third, &harbour).await;
    until(async || second.is_closed()).await;
    assert_eq!(stage.north.open_actions(&operator).await.unwrap().into_inner().len(), 1);
    assert_eq!(review(&third).await.actions_open, 1);
}

fn root(node: &Node) -> comity_ledger::note::SigningKey {
    node.home().root_key(&node.home().folder().join("root.key")).unwrap()
}

/// The end of the clocks of a request, as a node shows it.
async fn stopped(node: &Node, thread: ThreadId) -> Option<jiff::Timestamp> {
    let dossier = node.dossier(&Person::operator(), thread).await.unwrap().into_inner();
    dossier.line.clocks.pauses.iter().find(|pause| pause.to.is_none()).map(|pause| pause.from)
}

/// Each side signs what the other proposes, and takes its own back meanwhile: of what both have signed in the end the
/// earlier holds, on both sides, and after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn proposals_that_cross_end_an_agreement_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut stage, harbour, _watching, _) = apart(folder.path()).await;
    let (hash, operator) = (stage.hash(), Person::operator());
    let before = stage.north.command(&operator, Some(&hash), None, ask("before")).await.unwrap();
    stage.settle().await;
    let olds = [&stage.north, &stage.south].map(|node| node.agreement(&hash).unwrap());
    stage.clock.advance(SignedDuration::from_mins(20));
    let one = stage.north.succeed(&olds[0], None, Some("one".to_owned())).await.unwrap();
    stage.clock.advance(SignedDuration::from_mins(20));
    let two = stage.south.succeed(&olds[1], None, Some("two".to_owned())).await.unwrap();
    // Nothing gets through between the two.
    stage.northern.shutdown().await;
    stage.tasks.shutdown().await;
    for (node, terms) in [(&stage.north, &one), (&stage.south, &two)] {
        harbour.watch(&stage::sign(node, terms).await).unwrap();
    }
    for (node, own, theirs) in [(&stage.north, &one, &two), (&stage.south, &two, &one)] {
        let said = refused(node.sign(theirs.clone(), &root(node)).await);
        assert!(said.contains("agreement withdraw"), "one signature at a time: {said}");
        node.withdraw(&own.hash().to_hex()).await.unwrap();
        harbour.watch(&stage::sign(node, theirs).await).unwrap();
    }
    assert!(olds.iter().all(|old| old.is_ending()));
    for (node, tasks) in [(&stage.north, &mut stage.northern), (&stage.south, &mut stage.tasks)] {
        let listener = Tcp.bind(&node.home().config().exchange).await.unwrap();
        serve::serve_exchange(node, listener, tasks).unwrap();
    }
    until(async || olds.iter().all(|old| old.is_closed())).await;
    let proposed = one.between.as_ref().unwrap().proposed;
    let holds = async |node: &Node| {
        let force: Vec<_> = node.in_force().iter().map(|one| one.terms.hash()).collect();
        force == [one.hash()] && stopped(node, before.thread).await == Some(proposed)
    };
    for node in [&stage.north, &stage.south] {
        until(async || holds(node).await).await;
        let home = Home::open(node.home().folder()).unwrap();
        let again = stage::open(&home, stage.clock.clone(), Arc::new(Tcp)).await;
        assert!(holds(&again).await);
        let said = refused(again.sign(two.clone(), &root(&again)).await);
        assert!(said.contains("is over") || said.contains("signed here already"), "{said}");
    }
    // And it goes on under what holds.
    let next = one.hash().to_hex();
    stage.south.command(&operator, Some(&next), None, ask("after")).await.unwrap();
    until(async || {
        stage.north.requests(&operator, true, None, 10).await.unwrap().into_inner().len() == 2
    })
    .await;
}

/// What was answered in time counts, although the outside witness was down when the agreement ended.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_the_end_is_still_witnessed() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, harbour, mut watching, url) = apart(folder.path()).await;
    let (hash, operator) = (stage.hash(), Person::operator());
    let before = stage.north.command(&operator, Some(&hash), None, ask("before")).await.unwrap();
    stage.settle().await;
    let acknowledge = Command::Acknowledge(remark("in hand"));
    stage.south.command(&operator, None, Some(before.thread), acknowledge).await.unwrap();
    stage.settle().await;
    watching.shutdown().await;
    let answer = stage::answer("It was rented.");
    stage.south.command(&operator, None, Some(before.thread), answer).await.unwrap();
    let old = stage.north.agreement(&hash).unwrap();
    let is_here = async || {
        let dossier = stage.north.dossier(&operator, before.thread).await.unwrap().into_inner();
        dossier.statements.len() == 3
    };
    until(is_here).await;
    // Everything but the witness is done.
    for node in [&stage.north, &stage.south, &stage.north] {
        let agreement = node.agreement(&hash).unwrap();
        until(async || {
            let own = node.own_ledger(&agreement).await.unwrap();
            node.mirrored(&own).await.unwrap() == own.size
        })
        .await;
    }
    let terms = stage.north.succeed(&old, None, None).await.unwrap();
    both_sign(&stage, &terms, &harbour).await;
    let olds = [&stage.north, &stage.south].map(|node| node.agreement(&hash).unwrap());
    until(async || olds.iter().all(|old| old.is_closed())).await;
    let listener = Tcp.bind(url.trim_start_matches("http://")).await.unwrap();
    watching.spawn(serve::plain(listener, Arc::clone(&harbour).router()));
    for node in [&stage.north, &stage.south] {
        until(async || {
            let dossier = node.dossier(&operator, before.thread).await.unwrap().into_inner();
            dossier.line.clocks.answer.done.is_some()
        })
        .await;
    }
}

/// The end takes back nothing that fell due, and hides nothing that people said.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_erases_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, harbour) = set(folder.path()).await;
    let (hash, operator) = (stage.hash(), Person::operator());
    let before = stage.north.command(&operator, Some(&hash), None, ask("before")).await.unwrap();
    stage.settle().await;
    stage.clock.advance(SignedDuration::from_hours(24 * 10));
    let old = stage.south.agreement(&hash).unwrap();
    let terms = stage.south.succeed(&old, None, None).await.unwrap();
    let proposed = terms.between.as_ref().unwrap().proposed.to_string();
    for (earlier, why) in
        [("2026-03-09T08:05:00Z", "became overdue"), ("2026-02-09T08:05:00Z", "until")]
    {
        let text = terms.text().replace(&proposed, earlier);
        for node in [&stage.south, &stage.north] {
            let said = refused(node.sign(Terms::parse(&text).unwrap(), &root(node)).await);
            assert!(said.contains(why), "{earlier}: {said}");
        }
    }
    // Suspended when it ends: it stays as late as it was.
    let suspend = Command::Deed(Deed::Suspend { exercise: true, remark: remark("for now") });
    stage.south.command(&operator, Some(&hash), None, suspend).await.unwrap();
    stage.settle().await;
    let late = async |node: &Node| {
        let line = node.dossier(&operator, before.thread).await.unwrap().into_inner().line;
        (line.clocks.acknowledge.late, line.clocks.answer.late)
    };
    let then = late(&stage.north).await;
    assert!(then.0.is_some() && then.1.is_some(), "{then:?}");
    // A message after the last heads would be lost; a test would not.
    let terms =
        stage.north.succeed(&stage.north.agreement(&hash).unwrap(), None, None).await.unwrap();
    harbour.watch(&stage::sign(&stage.north, &terms).await).unwrap();
    let told = |signal| {
        let message = Message {
            title: "a title".to_owned(),
            text: "the dam breaks".to_owned(),
            marking: Tlp::Red,
            spoken: String::new(),
        };
        Command::Deed(Deed::Signal { signal, about: None, exercise: false, message })
    };
    stage.south.command(&operator, Some(&hash), None, told(Signal::Echo)).await.unwrap();
    stage.south.command(&operator, Some(&hash), None, told(Signal::Message)).await.unwrap();
    let said = refused(stage.south.sign(terms.clone(), &root(&stage.south)).await);
    assert!(said.contains("would be cut off"), "{said}");
    stage.north.withdraw(&terms.hash().to_hex()).await.unwrap();
    stage.settle().await;
    let terms =
        stage.north.succeed(&stage.north.agreement(&hash).unwrap(), None, None).await.unwrap();
    both_sign(&stage, &terms, &harbour).await;
    until(async || stage.north.agreement(&hash).unwrap().is_closed()).await;
    until(async || stage.south.agreement(&hash).unwrap().is_closed()).await;
    stage.clock.advance(SignedDuration::from_hours(24 * 40));
    for node in [&stage.north, &stage.south] {
        assert_eq!(late(node).await, then);
    }
    // An auditor with the later terms says the same, and finds a review that is made as of later.
    let report = audited(&stage.south, &stage.terms, Some(&terms), folder.path()).await;
    let rows = report.to_json(Some(&stage.terms));
    let row = &rows["requests"][0];
    let seconds = [&row["acknowledge_late_seconds"], &row["answer_late_seconds"]];
    assert_eq!(seconds.map(Value::as_i64), [then.0, then.1].map(|one| one.map(|d| d.as_secs())));
    let scope = Scope {
        from: "2026-03-01".parse().unwrap(),
        to: "2026-04-01".parse().unwrap(),
        exercise: true,
    };
    let old = stage.north.agreement(&hash).unwrap();
    let review = stage.north.review(&operator, &old, scope, &Until::default()).await.unwrap();
    let mut review = review.into_inner();
    let again = |review: &Review| {
        comity_node::review::recompute(&report, &stage.terms, review, &Openings::new()).unwrap()
    };
    assert_eq!(again(&review).now, review.now);
    review.now = Some(stage.north.now());
    assert_ne!(again(&review).now, review.now);
}

async fn audited(
    node: &Node,
    terms: &Terms,
    later: Option<&Terms>,
    folder: &std::path::Path,
) -> audit::Report {
    audit_of(node, terms, later, folder).await.unwrap()
}

async fn audit_of(
    node: &Node,
    terms: &Terms,
    later: Option<&Terms>,
    folder: &std::path::Path,
) -> Result<audit::Report, audit::Error> {
    let hash = terms.hash().to_hex();
    let (ledgers, _) = node.ledgers_and_evidence().await.unwrap();
    let mut places = Vec::new();
    for ledger in ledgers.iter().filter(|ledger| ledger.terms == hash) {
        let place = folder.join(&ledger.id);
        export::ledger(node, ledger, &place).await.unwrap();
        places.push(place.display().to_string());
    }
    let (_, policy) = node.policy(&node.agreement(&hash).unwrap()).await.unwrap();
    let reach = audit::Reach { network: &Tcp, key: None };
    audit::run(&reach, &places, &policy, Some(terms), later).await
}

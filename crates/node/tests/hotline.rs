//! The hotline between two nodes: sealed to keys that die, tested by itself, read back by people; and whom
//! the node tells, by a real mail server and a real webhook.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command as Program, Stdio};
use std::sync::Arc;

use comity_node::alert;
use comity_node::duty::Contact;
use comity_node::inside::Inside;
use comity_node::network::Tcp;
use comity_node::people::Stated;
use comity_node::{Error, Home, Node, hotline};
use comity_rules::access::{Person, Role};
use comity_rules::command::{Command, Deed};
use comity_rules::matter::{Signal, State, Topic};
use jiff::SignedDuration;
use serde_json::Value;
use stage::line::{again, attend, keys, message, said, say, state};
use stage::{Stage, ask, remark, until};

/// Whether files of the store have what was said about the dam.
fn is_in_files(node: &Node) -> bool {
    ["store.db", "store.db-wal"].iter().any(|file| {
        let bytes = std::fs::read(node.home().folder().join(file)).unwrap();
        bytes.windows(7).any(|window| window == b"the dam")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_dies_with_its_key_and_its_proof_stays() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    attend(&stage).await;
    assert_eq!((keys(&stage.north).len(), keys(&stage.south).len()), (1, 1));
    let thread = state(&stage.north, &stage, None, message(Signal::Message, "the dam")).await;
    let record = state(&stage.south, &stage, None, message(Signal::Telephone, "a call")).await;
    stage.settle().await;
    for node in [&stage.north, &stage.south] {
        assert_eq!(said(node, thread).await, [Some("the dam".to_owned())]);
    }
    // The keys of the cards do not open it: those are kept, and with them all that they open.
    let line = stage.north.matter(&Person::operator(), thread).await.unwrap().into_inner().line;
    let index = line.summary.matter.opened[0].index;
    let own = stage.north.own_ledger(&line.agreement).await.unwrap();
    let sealed = comity_store::ledger::ciphertext(stage.north.db(), &own.id, index).await.unwrap();
    let secrets = stage.north.home().secrets().unwrap();
    let entry = comity_store::ledger::entries(stage.north.db(), &own.id, index, index + 1).await;
    let entry = comity_ledger::Statement::parse(&entry.unwrap()[0]).unwrap();
    assert!(secrets.open(&sealed.unwrap(), &entry.body().sealed.unwrap()).is_err());
    // A reply to a message of the first epoch that comes in the second is still read by both.
    stage.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
    attend(&stage).await;
    assert_eq!(keys(&stage.north).len(), 2, "the key before is kept for what is on its way");
    state(&stage.south, &stage, Some(thread), say("heard")).await;
    stage.settle().await;
    let both = [Some("the dam".to_owned()), Some("heard".to_owned())];
    assert_eq!(said(&stage.north, thread).await, both);
    // One epoch later the first is gone: here, there, and out of the store.
    stage.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
    attend(&stage).await;
    attend(&stage).await;
    for node in [&stage.north, &stage.south] {
        assert_eq!(said(node, thread).await, [None, Some("heard".to_owned())]);
        assert_eq!(keys(node).len(), 2);
        let line = node.matter(&Person::operator(), thread).await.unwrap().into_inner().line;
        assert_eq!(line.summary.title, "", "the title was content too");
        assert_eq!(said(node, record).await, [Some("a call".to_owned())], "a record is kept");
        let (_, differed) = node.rebuild().await.unwrap();
        assert_eq!(differed, [""; 0]);
        assert!(!is_in_files(node), "what was erased is in no file of the store");
    }
}

/// After an outage longer than an epoch what waited comes all at once, and can be read before its key dies.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_can_be_read_as_long_as_the_terms_give() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    attend(&stage).await;
    let address = stage.cut().await;
    let thread = state(&stage.north, &stage, None, message(Signal::Message, "the dam")).await;
    let agreement = stage.south.agreement(&stage.hash()).unwrap();
    for _ in 0..2 {
        stage.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
        hotline::attend(&stage.south, &agreement).await.unwrap();
    }
    stage.mend(&address).await;
    until(async || stage.south.matter(&Person::operator(), thread).await.is_ok()).await;
    stage.settle().await;
    attend(&stage).await;
    attend(&stage).await;
    assert_eq!(said(&stage.south, thread).await, [Some("the dam".to_owned())]);
    // The terms give half an hour.
    stage.clock.advance(SignedDuration::from_mins(31));
    until(async || {
        attend(&stage).await;
        said(&stage.south, thread).await == [None]
    })
    .await;
    // Nobody can say any more that they read it.
    let line = stage.south.matter(&Person::operator(), thread).await.unwrap().into_inner().line;
    assert_eq!((line.state(), line.waits_for(&stage.south)), ("lost", false));
    let message = line.summary.matter.opened[0].index;
    let heard = Deed::Confirm { message, read_back: false, remark: remark("heard") };
    let by = Person::operator();
    let refused =
        stage.south.state(&by, Some(&stage.hash()), Some(thread), Command::Deed(heard)).await;
    assert!(matches!(refused, Err(Error::Inside(Inside::Unread(_)))), "{refused:?}");
    // What is said again there can be acknowledged, and what is lost stays lost.
    state(&stage.north, &stage, Some(thread), again(message, "again")).await;
    stage.settle().await;
    let line = stage.south.matter(&by, thread).await.unwrap().into_inner().line;
    let (second, _) = line.message_for(stage.south.party()).unwrap();
    assert!(second != message && line.gone.contains(&message));
    assert!(line.waits_for(&stage.south));
    let heard = Deed::Confirm { message: second, read_back: false, remark: remark("heard") };
    state(&stage.south, &stage, Some(thread), Command::Deed(heard)).await;
    stage.settle().await;
    for node in [&stage.north, &stage.south] {
        let line = node.matter(&by, thread).await.unwrap().into_inner().line;
        assert_eq!((line.state(), line.message_for(node.party())), ("acknowledged", None));
    }
}

/// Under an agreement that ended keys die too, one epoch later, with all that they opened.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_dies_after_the_end_of_the_agreement() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    attend(&stage).await;
    let thread = state(&stage.north, &stage, None, message(Signal::Message, "the dam")).await;
    stage.settle().await;
    let olds = [&stage.north, &stage.south].map(|node| node.agreement(&stage.hash()).unwrap());
    let terms = stage.north.succeed(&olds[0], None, None).await.unwrap();
    for node in [&stage.north, &stage.south] {
        stage::sign(node, &terms).await;
    }
    until(async || olds.iter().all(|old| old.is_closed())).await;
    for (hours, is_there) in [(1, true), (24 * 7, false)] {
        stage.clock.advance(SignedDuration::from_hours(hours));
        for (node, old) in [&stage.north, &stage.south].into_iter().zip(&olds) {
            hotline::attend(node, old).await.unwrap();
            assert_eq!(said(node, thread).await[0].is_some(), is_there, "after {hours} hours");
            assert_eq!((keys(node).is_empty(), is_in_files(node)), (!is_there, is_there));
        }
    }
}

/// A crash while a key is made or destroyed, a clock that was ahead for a while, and somebody who reads the store when
/// something is erased: what is to be gone goes all the same.
#[tokio::test(flavor = "multi_thread")]
async fn keys_die_whatever_comes_between() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    attend(&stage).await;
    let thread = state(&stage.north, &stage, None, message(Signal::Message, "the dam")).await;
    stage.settle().await;
    // Northland's clock is ten years ahead for one look.
    let years = SignedDuration::from_hours(24 * 365 * 10);
    let north = stage.north.agreement(&stage.hash()).unwrap();
    stage.clock.advance(years);
    hotline::attend(&stage.north, &north).await.unwrap();
    stage.clock.advance(-years);
    let database = stage.north.home().folder().join("store.db");
    let reader = rusqlite::Connection::open(&database).unwrap();
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM leaf;").unwrap();
    for _ in 0..4 {
        stage.clock.advance(SignedDuration::from_hours(24 * 7 + 1));
        attend(&stage).await;
        attend(&stage).await;
    }
    assert_eq!(said(&stage.north, thread).await, [None]);
    for node in [&stage.north, &stage.south] {
        assert!(keys(node).len() <= 2, "{:?}", keys(node));
    }
    assert!(is_in_files(&stage.north), "the reader's snapshot keeps it");
    drop(reader);
    attend(&stage).await;
    assert!(!is_in_files(&stage.north));
    // A half of a key that was being destroyed, and of one that was being made.
    let keys_of = stage.north.home().folder().join("keys");
    let [first, ..] = &keys(&stage.north)[..] else { panic!("there is one") };
    std::fs::write(keys_of.join(first), "0".repeat(200)).unwrap();
    std::fs::write(keys_of.join(first.replace("hotline-", "hotline-0")), "").unwrap();
    let home = Home::open(stage.north.home().folder()).unwrap();
    let again = stage::open(&home, stage.clock.clone(), Arc::new(Tcp)).await;
    assert!(!keys(&again).contains(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_is_tested_by_itself_and_its_readiness_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let person = Person::operator();
    let agreement = stage.north.agreement(&stage.hash()).unwrap();
    let echo = stage.north.test_hotline(&person, &agreement, Signal::Echo).await.unwrap();
    let test = stage.north.test_hotline(&person, &agreement, Signal::ReadBack).await.unwrap();
    stage.settle().await;
    let line = |thread| {
        let node = Arc::clone(&stage.north);
        async move { node.matter(&Person::operator(), thread).await.unwrap().into_inner() }
    };
    assert_eq!(line(echo).await.line.standing.state, State::Acknowledged, "by its receipt");
    assert_eq!(line(test).await.line.standing.state, State::Unacknowledged);
    let index = line(test).await.line.summary.matter.opened[0].index;
    let text = said(&stage.south, test).await.remove(0).unwrap();
    let confirm = |text: &str| {
        let remark = remark(text);
        Command::Deed(Deed::Confirm { message: index, read_back: true, remark })
    };
    let (first, _) = text.split_once(' ').unwrap();
    let garbled = text.replacen(first, "Some", 1);
    let refused = stage.south.state(&person, None, Some(test), confirm(&garbled)).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("at word 1"), "{refused}");
    assert!(!refused.contains(first), "the text is not in the error");
    stage.clock.advance(SignedDuration::from_mins(12));
    // It says the same in two languages, of which one is enough; upper case and other spaces do no harm.
    let (english, chinese) = text.split_once('\n').unwrap();
    let part: String = chinese.chars().take(6).collect();
    let half = stage.south.state(&person, None, Some(test), confirm(&part)).await;
    assert!(half.is_err(), "half a line is none");
    let back = english.to_uppercase().replace(' ', "  ");
    state(&stage.south, &stage, Some(test), confirm(&back)).await;
    stage.settle().await;
    let status = stage.south.hotline_status(&Person::operator(), &agreement).await.unwrap();
    let south = &status.readiness[stage.south.party()];
    assert_eq!((south.echo.done, south.echo.late, south.unreceipted), (1, 0, 0));
    assert_eq!((south.read_back.done, south.read_back.within), (1, 1));
    assert!((720..760).contains(&south.read_back.median.unwrap()), "{:?}", south.read_back);
    // Both nodes and the review say the same.
    let there = stage.north.hotline_status(&Person::operator(), &agreement).await.unwrap();
    assert_eq!(there.readiness, status.readiness);
    assert_eq!(status.next.len(), 3, "echo, reading back, ping: as the terms want");
    // However much was said since, it is known when the line was last tested.
    stage.clock.advance(SignedDuration::from_hours(1));
    stage.north.test_hotline(&person, &agreement, Signal::Ping).await.unwrap();
    let due = async |node: &Node| {
        let agreement = node.agreement(&stage.hash()).unwrap();
        let status = node.hotline_status(&person, &agreement).await.unwrap();
        status.next.into_iter().find(|(signal, _)| *signal == Signal::Ping).unwrap().1
    };
    let before = due(&stage.north).await;
    stage.clock.advance(SignedDuration::from_hours(1));
    for _ in 0..501 {
        stage.north.test_hotline(&person, &agreement, Signal::Echo).await.unwrap();
    }
    assert_eq!(due(&stage.north).await, before);
    let home = Home::open(stage.north.home().folder()).unwrap();
    let again = stage::open(&home, stage.clock.clone(), Arc::new(Tcp)).await;
    assert_eq!(due(&again).await, before, "also to a node that starts anew");
}

/// A clock that was ahead for a while made a test that is still to come: it stands for none.
#[tokio::test(flavor = "multi_thread")]
async fn the_line_is_tested_after_a_clock_was_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (north, person) = (&stage.north, Person::operator());
    let agreement = north.agreement(&stage.hash()).unwrap();
    let years = SignedDuration::from_hours(24 * 365 * 10);
    north.test_hotline(&person, &agreement, Signal::Echo).await.unwrap();
    let next = async || {
        let status = north.hotline_status(&person, &agreement).await.unwrap();
        status.next.into_iter().find(|(signal, _)| *signal == Signal::Echo).unwrap().1
    };
    let before = next().await;
    stage.clock.advance(years);
    north.test_hotline(&person, &agreement, Signal::Echo).await.unwrap();
    assert!(next().await > before);
    stage.clock.advance(-years);
    assert_eq!(next().await, before);
    let home = Home::open(north.home().folder()).unwrap();
    let again = stage::open(&home, stage.clock.clone(), Arc::new(Tcp)).await;
    let agreement = again.agreement(&stage.hash()).unwrap();
    let status = again.hotline_status(&person, &agreement).await.unwrap();
    assert!(status.next.contains(&(Signal::Echo, before)), "{:?}", status.next);
}

/// A mail server and a webhook receiver.
struct Inbox {
    child: Child,
    lines: BufReader<ChildStdout>,
    smtp: u16,
    http: u16,
}

impl Inbox {
    fn start() -> Option<Self> {
        let Ok(python) = std::env::var("COMITY_TEST_PYTHON") else {
            eprintln!(
                "skipped: COMITY_TEST_PYTHON is not set; ./test makes an environment with it"
            );
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/inbox.py");
        let mut program = Program::new(python);
        program.args(["-W", "ignore"]).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = program.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut inbox = Self { child, lines, smtp: 0, http: 0 };
        let ports = inbox.next();
        let port = |name: &str| u16::try_from(ports[name].as_u64().unwrap()).unwrap();
        (inbox.smtp, inbox.http) = (port("smtp"), port("http"));
        Some(inbox)
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_step_by_step_and_never_what_it_is_about() {
    let Some(mut inbox) = Inbox::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mail = format!(
        "server = '127.0.0.1'\nport = {}\nsecurity = 'none'\nfrom = 'Comity <comity@south.example>'\n\
         user = 'comity'\npassword_file = 'mail.password'\n",
        inbox.smtp
    );
    std::fs::write(folder.path().join("mail.toml"), mail).unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let south = &stage.south;
    std::fs::write(south.home().folder().join("mail.password"), "secret word\n").unwrap();
    let operator = Person::operator();
    for (name, email, language, step) in [
        ("ada", "later-ada@south.example", "en", 1),
        ("bo", "bo@south.example", "en", 1),
        ("chief", "chief@south.example", "zh", 2),
    ] {
        let role = if step == 1 { Role::DutyOfficer } else { Role::ReleasingOfficer };
        let person = Person { name: name.to_owned(), role, authority: None };
        south.add_account(&operator, person).await.unwrap();
        let [account, email, language] = [name, email, language].map(str::to_owned);
        south.reach(&operator, Contact { account, email, language, step }).await.unwrap();
    }
    let (starts, hours) = (south.now(), SignedDuration::from_hours(8));
    south.put_on_duty(&operator, "ada", starts, starts + hours).await.unwrap();
    let url = format!("http://127.0.0.1:{}/alerts?x=1", inbox.http);
    let secret = south.add_webhook(&operator, "soc", &url).await.unwrap();
    assert!(south.add_webhook(&operator, "plain", "http://soc.example/").await.is_err());
    // A request comes in.
    let thread = state(&stage.north, &stage, None, ask("Who rented the servers?")).await;
    stage.settle().await;
    south.tell().await.unwrap();
    let called = inbox.next();
    assert_eq!(called["hook"], "/alerts?x=1");
    let header = |name: &str| called["headers"][name].as_str().unwrap().to_owned();
    let body = called["body"].as_str().unwrap();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    assert!(alert::verify(&secret, &id, &time, body, &header("webhook-signature")));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["type"], &body["data"]["step"]), (&"alert.arrived".into(), &1.into()));
    assert_eq!(body["data"]["exercise"], true);
    // The mail server said "later", once: nobody else is told instead, and it is tried again.
    let shown = south.alerts(&operator).await.unwrap();
    assert_eq!((shown.len(), shown[0].1), (1, 1), "{shown:?}");
    assert!(shown[0].2[0].contains("451"), "{shown:?}");
    stage.clock.advance(SignedDuration::from_secs(31));
    south.tell().await.unwrap();
    let mail = inbox.next();
    assert_eq!(mail["mail"], "later-ada@south.example", "who is on duty");
    assert_eq!(mail["from"], "comity@south.example");
    let (subject, text) = (mail["subject"].as_str().unwrap(), mail["text"].as_str().unwrap());
    assert!(subject.starts_with("EXERCISE · A request from northland waits"), "{subject}");
    assert!(text.contains(&format!("https://pages.southland.example/requests/{thread}")), "{text}");
    assert!(!text.contains("rented") && !subject.contains("rented"), "{text}");
    // Told once: nothing new, nothing more.
    south.tell().await.unwrap();
    // Nobody looks for a quarter of an hour: the next step is told, in its own language.
    stage.clock.advance(SignedDuration::from_mins(15));
    south.tell().await.unwrap();
    let mail = inbox.next();
    assert_eq!(mail["mail"], "chief@south.example");
    assert!(mail["text"].as_str().unwrap().contains("的请求等待确认收悉"), "{mail}");
    // Somebody has seen it: whoever comes later on the ladder is not woken for that.
    let ada = Person { name: "ada".to_owned(), role: Role::DutyOfficer, authority: None };
    let key = south.alerts(&operator).await.unwrap()[0].0.key.clone();
    assert!(south.see_alert(&ada, &key).await.unwrap());
    assert!(!south.see_alert(&ada, &key).await.unwrap(), "once");
    stage.clock.advance(SignedDuration::from_mins(30));
    south.tell().await.unwrap();
    assert_eq!(south.unseen_alerts().await.unwrap(), 0);
    // Duty is over, and nobody follows on the roster: everybody of the first step is told of what is new.
    stage.clock.advance(SignedDuration::from_hours(8));
    south.tell().await.unwrap();
    // Two facts: the acknowledgement is late, and with that the first step of the ladder is reached.
    let told: Vec<_> = (0..6).map(|_| inbox.next()).collect();
    let hooks = told.iter().filter_map(|one| one["body"].as_str());
    let types = hooks.map(|body| serde_json::from_str::<Value>(body).unwrap()["type"].clone());
    let mut types: Vec<_> = types.map(|name| name.as_str().unwrap().to_owned()).collect();
    types.sort();
    assert_eq!(types, ["alert.acknowledge-late", "alert.rung"]);
    let mut mails: Vec<_> = told.iter().filter_map(|one| one["mail"].as_str()).collect();
    mails.sort_unstable();
    let (at_ada, bo) = ("later-ada@south.example", "bo@south.example");
    assert_eq!(mails, [bo, bo, at_ada, at_ada]);
    // What was seen long ago is kept while its cause lasts, for it would be told again; then it goes.
    let missing = south.see_alert(&ada, "nothing").await;
    assert!(matches!(missing, Err(Error::Missing { what: "alert", .. })));
    stage.clock.advance(SignedDuration::from_hours(24 * 91));
    let kept = async || south.alerts(&operator).await.unwrap().iter().any(|a| a.0.key == key);
    south.forget_alerts().await.unwrap();
    assert!(kept().await, "nobody has acknowledged the request yet");
    state(south, &stage, Some(thread), Command::Acknowledge(remark(""))).await;
    south.forget_alerts().await.unwrap();
    assert!(!kept().await);
    assert!(south.unseen_alerts().await.unwrap() > 0, "what nobody has seen stays");
    // What is so no more wakes nobody: the other side takes back what it asked.
    stage.settle().await;
    let told = south.alerts(&operator).await.unwrap();
    assert!(told.iter().any(|one| one.0.settled.is_none() && one.0.seen.is_none()));
    state(&stage.north, &stage, Some(thread), Command::Withdraw(remark(""))).await;
    stage.settle().await;
    south.tell().await.unwrap();
    let of_it = south.new_alerts(&operator).await.unwrap();
    assert!(of_it.iter().all(|one| one.thread != Some(thread)), "{of_it:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_authorities_speak_with_one_voice_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let operator = Person::operator();
    let asked = stage.north.state(&operator, Some(&stage.hash()), None, ask("t")).await.unwrap();
    let Stated::Now(asked) = asked else { panic!("it waits for nobody") };
    stage.settle().await;
    let officer = |name: &str, authority: &str| Person {
        name: name.to_owned(),
        role: Role::DutyOfficer,
        authority: Some(authority.to_owned()),
    };
    let (police, telecom) = (officer("ada", "police"), officer("bo", "telecom"));
    let thread = asked.thread;
    let acknowledge = Command::Acknowledge(remark(""));
    stage.south.state(&police, None, Some(thread), acknowledge).await.unwrap();
    let route = |by: Person, authority: &'static str, part: &'static str, stand: &'static str| {
        let south = Arc::clone(&stage.south);
        async move { south.route(&by, thread, authority, (part, stand, "")).await }
    };
    route(police.clone(), "police", "lead", "competent").await.unwrap();
    route(telecom.clone(), "telecom", "lead", "competent").await.unwrap();
    let denied = route(police.clone(), "telecom", "lead", "not-competent").await;
    assert!(denied.is_err(), "nobody speaks for another authority");
    stage.settle().await;
    let answer = || stage.south.state(&police, None, Some(thread), stage::answer("they did"));
    let refused = answer().await.unwrap_err().to_string();
    assert!(refused.contains("police and telecom both lead"), "{refused}");
    route(telecom.clone(), "telecom", "consult", "objects").await.unwrap();
    let refused = answer().await.unwrap_err().to_string();
    assert!(refused.contains("telecom was consulted and objects"), "{refused}");
    route(telecom, "telecom", "consult", "agrees").await.unwrap();
    answer().await.unwrap();
    stage.settle().await;
    let there = stage.north.dossier(&Person::operator(), thread).await.unwrap().into_inner();
    assert!(there.line.standing.is_answered());
    assert!(
        stage
            .north
            .matters(&Person::operator(), Topic::Hotline, false, None, 10)
            .await
            .unwrap()
            .into_inner()
            .is_empty()
    );
}

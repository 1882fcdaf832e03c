//! People: who may do what, and what waits for a second pair of eyes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::sync::Arc;

use comity_node::network::Tcp;
use comity_node::people::{Draft, Stated};
use comity_node::review::Until;
use comity_node::{Error, Node, prove};
use comity_rules::access::{Person, Right, Role};
use comity_rules::agreement::{Agreement, Evidence, Release};
use comity_rules::command::{Command, Deed};
use comity_rules::content::{
    ActionItem, Agenda, Assessment, Attachment, Criterion, Finding, Judgement, Message, Record,
    Tlp, Verdict, Yardstick,
};
use comity_rules::matter::{Day, Signal, Topic};
use comity_rules::release::Released;
use comity_rules::review::{Review, Scope};
use comity_rules::{Kind, Terms};
use jiff::ToSpan as _;
use stage::{Stage, ask, remark, sign, until};

fn person(name: &str, role: Role) -> Person {
    Person { name: name.to_owned(), role, authority: Some("cyber-police".to_owned()) }
}

/// Terms, signed by both, under which a second person releases these kinds but of requests of these classes.
async fn two_eyes(stage: &Stage, kinds: &[Kind], except: &[&str]) -> Terms {
    let mut changed = Agreement::clone(&stage.terms);
    changed.id = "two-eyes".to_owned();
    let between = changed.between.take().unwrap();
    changed.release = Some(Release {
        two_persons: kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        except_classes: except.iter().map(|class| (*class).to_owned()).collect(),
        evidence: Evidence::Proposal,
    });
    let terms = Terms::propose(&changed, between).unwrap();
    sign(&stage.north, &terms).await;
    sign(&stage.south, &terms).await;
    terms
}

fn agree() -> Command {
    Command::Deed(Deed::Agree { minutes: None, remark: remark("") })
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_let_in_and_out() {
    let folder = tempfile::tempdir().unwrap();
    let node = Stage::set(folder.path(), Arc::new(Tcp)).await.north;
    let operator = Person::operator();
    let ada = person("ada", Role::DutyOfficer);
    let password = node.add_account(&operator, ada.clone()).await.unwrap();
    assert!(node.sign_in("ada", "not it").await.unwrap().is_none());
    assert!(node.sign_in("nobody", &password).await.unwrap().is_none());
    assert!(node.sign_in("operator", &password).await.unwrap().is_none(), "another's");
    let token = node.sign_in("ada", &password).await.unwrap().unwrap();
    assert_eq!(node.person(&token).await.unwrap(), Some(ada));
    assert_eq!(node.person("made up").await.unwrap(), None);
    // A new role is a new password, and puts out who is in with the old one.
    let analyst = person("ada", Role::Analyst);
    let second = node.add_account(&operator, analyst.clone()).await.unwrap();
    assert_eq!(node.person(&token).await.unwrap(), None);
    assert!(node.sign_in("ada", &password).await.unwrap().is_none());
    let token = node.sign_in("ada", &second).await.unwrap().unwrap();
    assert_eq!(node.person(&token).await.unwrap(), Some(analyst.clone()));
    assert!(node.disable_account(&operator, "ada").await.unwrap());
    assert_eq!(node.person(&token).await.unwrap(), None);
    assert!(node.sign_in("ada", &second).await.unwrap().is_none());
    assert!(!node.disable_account(&operator, "nobody").await.unwrap());
    // Who may not manage does not, and there is one operator.
    let denied = node.add_account(&analyst, person("eve", Role::Administrator)).await.unwrap_err();
    assert!(denied.to_string().contains("ada is analyst here"), "{denied}");
    for wrong in [
        person("operator", Role::Analyst),
        person("x", Role::Operator),
        person("A b", Role::Analyst),
    ] {
        assert!(matches!(node.add_account(&operator, wrong).await, Err(Error::Refused(_))));
    }
    assert_eq!(node.accounts(&operator).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_state_states_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let terms = stage.hash();
    for role in Role::ALL {
        let who = person("p", role);
        let stated = stage.north.state(&who, Some(&terms), None, ask("a")).await;
        let may = matches!(role, Role::Operator | Role::DutyOfficer | Role::ReleasingOfficer);
        assert_eq!(stated.is_ok(), may, "{role}: {stated:?}");
        if !may {
            let error = stated.unwrap_err().to_string();
            assert!(
                error.contains("who may: operator, duty-officer, releasing-officer"),
                "{error}"
            );
        }
    }
    assert_eq!(
        stage
            .north
            .requests(&Person::operator(), false, None, 10)
            .await
            .unwrap()
            .into_inner()
            .len(),
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_reads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let node = &stage.north;
    let agreement = node.agreement(&stage.hash()).unwrap();
    let operator = Person::operator();
    let sent = node.command(&operator, Some(&stage.hash()), None, ask("a")).await.unwrap();
    stage.settle().await;
    let (thread, own) = (sent.thread, &agreement.own);
    let day = |text: &str| text.parse::<jiff::civil::Date>().unwrap();
    let scope = Scope { from: day("2020-01-01"), to: day("2040-01-01"), exercise: false };
    for role in Role::ALL {
        let who = person("p", role);
        let shows = |right: Right, what: &str, denied: Option<Error>| {
            let refused = matches!(denied, Some(Error::Denied(_)));
            assert_eq!(!refused, role.rights().contains(&right), "{role}: {what}: {denied:?}");
        };
        let read = |what: &str, denied: Option<Error>| shows(Right::Read, what, denied);
        read("requests", node.requests(&who, false, None, 1).await.err());
        read("dossier", node.dossier(&who, thread).await.err());
        read("matters", node.matters(&who, Topic::Hotline, false, None, 1).await.err());
        read("actions", node.open_actions(&who).await.err());
        read("routes", node.routes(&who, thread).await.err());
        read("unsettled", node.unsettled(&who, thread).await.err());
        read("hotline", node.hotline_status(&who, &agreement).await.err());
        read("drafts", node.drafts(&who).await.err());
        let fields = ["question".to_owned()];
        read("fields", prove::statement(node, &who, own, sent.index, &fields).await.err());
        let review = node.review(&who, &agreement, scope, &Until::default()).await;
        shows(Right::Review, "review", review.err());
        let pack = node.review_pack(&who, &agreement, scope, &Until::default(), true).await;
        shows(Right::Export, "review pack", pack.err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_improves_no_figure() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let operator = Person::operator();
    let hash = stage.hash();
    let sent = stage.north.command(&operator, Some(&hash), None, ask("who?")).await.unwrap();
    stage.settle().await;
    let acknowledge = Command::Acknowledge(remark(""));
    stage.south.command(&operator, None, Some(sent.thread), acknowledge).await.unwrap();
    stage.settle().await;
    let days = ["2020-01-01", "2040-01-01"].map(|day| day.parse().unwrap());
    let scope = Scope { from: days[0], to: days[1], exercise: true };
    let review = async |node: &Node, upto: &Until| {
        let agreement = node.agreement(&stage.hash()).unwrap();
        node.review(&operator, &agreement, scope, upto).await.map(Released::into_inner)
    };
    let answers = |review: &Review| review.answers_of[stage.south.party()].answer.clone();
    let latest = Until::default();
    until(async || {
        review(&stage.north, &latest).await.is_ok_and(|review| answers(&review).open == 1)
    })
    .await;
    let before = review(&stage.north, &latest).await.unwrap();
    assert_eq!(answers(&before).overdue, 0);
    // Nobody states anything more.
    stage.clock.advance(jiff::SignedDuration::from_hours(24 * 200));
    let after = review(&stage.north, &latest).await.unwrap();
    let heads = |review: &Review| review.heads.iter().map(|head| head.size).collect::<Vec<_>>();
    assert_eq!(heads(&after), heads(&before));
    assert_eq!((answers(&after).open, answers(&after).overdue), (1, 1));
    let age = answers(&after).median.unwrap() / 86_400;
    assert!((199..=200).contains(&age), "{age} days");
    // Nobody makes it younger than the heads are.
    let early = Until { time: Some(jiff::Timestamp::UNIX_EPOCH), ..Until::default() };
    let witnessed = before.heads.iter().filter_map(|head| head.witnessed).max();
    assert_eq!(review(&stage.north, &early).await.unwrap().now, witnessed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_waits_for_a_second_pair_of_eyes() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let terms = two_eyes(&stage, &[Kind::Send, Kind::Answer], &["U0-emergency"]).await;
    let (node, hash) = (&stage.north, terms.hash().to_hex());
    let (ada, ben) = (person("ada", Role::DutyOfficer), person("ben", Role::ReleasingOfficer));

    let mut first = ask("first");
    let Command::Send { ask: said, .. } = &mut first else { panic!("a request") };
    said.attachments.push(Attachment {
        name: "log.txt".to_owned(),
        media_type: "text/plain".to_owned(),
        bytes: b"what was seen".to_vec(),
        claims: Vec::new(),
    });
    let Stated::Waits(id) = node.state(&ada, Some(&hash), None, first).await.unwrap() else {
        panic!("it is stated at once");
    };
    let file = |mut draft: Draft| std::mem::take(&mut draft.command.attachments_mut()[0].bytes);
    assert_eq!(file(node.draft(&ben, &id).await.unwrap()), b"what was seen");
    assert!(file(node.drafts(&ben).await.unwrap().remove(0)).is_empty(), "a list has no files");
    assert!(
        node.requests(&Person::operator(), false, None, 10).await.unwrap().into_inner().is_empty(),
        "nothing has left"
    );
    assert_eq!(node.drafts(&ben).await.unwrap().len(), 1);
    // Not by whoever may not, and not by whoever wrote it.
    assert!(matches!(node.release(&ada, &id).await, Err(Error::Denied(_))));
    let Stated::Waits(second) = node.state(&ben, Some(&hash), None, ask("second")).await.unwrap()
    else {
        panic!("it is stated at once");
    };
    let error = node.release(&ben, &second).await.unwrap_err().to_string();
    assert!(error.contains("somebody else releases"), "{error}");
    // Two at once: one releases it, and it is stated once.
    let dee = person("dee", Role::ReleasingOfficer);
    let both = tokio::join!(node.release(&ben, &id), node.release(&dee, &id));
    let (done, by, error) = match both {
        (Ok(done), Err(error)) => (done, "ben", error.to_string()),
        (Err(error), Ok(done)) => (done, "dee", error.to_string()),
        other => panic!("not one of two: {other:?}"),
    };
    assert!(error.contains(&format!("was released by {by} already")), "{error}");
    assert_eq!(
        node.requests(&Person::operator(), false, None, 10).await.unwrap().into_inner()[0]
            .summary
            .request
            .thread,
        done.thread
    );
    // Its file went with it, and is not here twice.
    let own = &node.agreement(&hash).unwrap().own;
    let sent = node.attachment(&ben, done.thread, (own, done.index, 0)).await.unwrap();
    assert_eq!(sent.into_inner().bytes, b"what was seen");
    assert!(file(node.draft(&ben, &id).await.unwrap()).is_empty());
    // What cannot be stated any more is not decided either: it waits on.
    let Stated::Waits(late) = node.state(&ada, Some(&hash), None, ask("late")).await.unwrap()
    else {
        panic!("it is stated at once");
    };
    let mut tx = node.db().begin().await.unwrap();
    let command = serde_json::to_string(&Command::Withdraw(remark("no"))).unwrap();
    let sql = "UPDATE draft SET command = $2 WHERE id = $1";
    tx.execute(sql, &[late.as_str().into(), command.into()]).await.unwrap();
    tx.commit().await.unwrap();
    let error = node.release(&ben, &late).await.unwrap_err();
    assert!(matches!(error, Error::Command(_)), "{error:?}");
    assert_eq!(node.draft(&ben, &late).await.unwrap().decided, None);
    node.return_draft(&ada, &late, "").await.unwrap();
    // Its author may take it back, and what was returned is not released.
    node.return_draft(&ben, &second, "not yet").await.unwrap();
    let cleo = person("cleo", Role::ReleasingOfficer);
    for whoever in [&cleo, &ben] {
        let error = node.release(whoever, &second).await.unwrap_err().to_string();
        assert!(error.contains("was returned by ben already"), "{error}");
    }
    assert!(node.drafts(&ben).await.unwrap().is_empty());
    // What the terms do not name waits for nobody, nor does an emergency.
    let withdrawn =
        node.state(&ada, None, Some(done.thread), Command::Withdraw(remark("no"))).await;
    assert!(matches!(withdrawn, Ok(Stated::Now(_))), "{withdrawn:?}");
    let Command::Send { exercise, ask, .. } = ask("at once") else { panic!("a request") };
    let emergency = Command::Send { class: Some("U0-emergency".into()), exercise, ask };
    assert!(matches!(node.state(&ada, Some(&hash), None, emergency).await, Ok(Stated::Now(_))));
    // What could not be stated is no draft.
    let Command::Send { exercise, ask, .. } = stage::ask("") else { panic!("a request") };
    let empty = Command::Send { class: Some("U1-urgent".into()), exercise, ask };
    assert!(matches!(node.state(&ada, Some(&hash), None, empty).await, Err(Error::Command(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_drafted_before_an_objection_is_held_at_release() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let terms = two_eyes(&stage, &[Kind::Answer], &[]).await;
    let hash = terms.hash().to_hex();
    let operator = Person::operator();
    let asked = stage.north.state(&operator, Some(&hash), None, ask("who?")).await.unwrap();
    let Stated::Now(asked) = asked else { panic!("it waits for nobody") };
    let (south, thread) = (&stage.south, asked.thread);
    // Under the terms of the stage nothing was said: rest is of these.
    let there = async || south.dossier(&Person::operator(), thread).await.is_ok();
    until(there).await;
    let of = |name: &str, role, authority: &str| {
        let authority = Some(authority.to_owned());
        Person { authority, ..person(name, role) }
    };
    let police = of("ada", Role::DutyOfficer, "police");
    let telecom = of("bo", Role::DutyOfficer, "telecom");
    let chief = of("cleo", Role::ReleasingOfficer, "liaison");
    south.state(&police, None, Some(thread), Command::Acknowledge(remark(""))).await.unwrap();
    south.route(&police, thread, "police", ("lead", "competent", "")).await.unwrap();
    let draft = south.state(&police, None, Some(thread), stage::answer("they did")).await.unwrap();
    let Stated::Waits(draft) = draft else { panic!("an answer waits here") };
    south.route(&telecom, thread, "telecom", ("consult", "objects", "")).await.unwrap();
    let held = south.release(&chief, &draft).await.unwrap_err().to_string();
    assert!(held.contains("telecom was consulted and objects"), "{held}");
    // Asking again does not take back what it said; nobody below a release asks others at all.
    let again = south.route(&chief, thread, "telecom", ("consult", "asked", "")).await.unwrap_err();
    assert!(again.to_string().contains("does not take it back"), "{again}");
    let denied = south.route(&police, thread, "telecom", ("consult", "asked", "")).await;
    assert!(matches!(denied, Err(Error::Denied(_))), "{denied:?}");
    south.route(&telecom, thread, "telecom", ("consult", "agrees", "")).await.unwrap();
    south.release(&chief, &draft).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn scores_that_lie_two_apart_open_a_dispute() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (operator, hash) = (Person::operator(), stage.hash());
    let (north, south) = (&stage.north, &stage.south);
    let scored = |score: u8| {
        let scores = [("completeness".to_owned(), score), ("relevance".to_owned(), 3)].into();
        Command::Assess(Assessment { scores, text: String::new() })
    };
    for (one, other, closed) in [(1, 2, true), (1, 4, false), (1, 4, true)] {
        let sent = north.command(&operator, Some(&hash), None, ask("who?")).await.unwrap();
        stage.settle().await;
        let thread = Some(sent.thread);
        south.command(&operator, None, thread, Command::Acknowledge(remark(""))).await.unwrap();
        south.command(&operator, None, thread, stage::answer("they did")).await.unwrap();
        stage.settle().await;
        north.command(&operator, None, thread, scored(one)).await.unwrap();
        if closed {
            north.command(&operator, None, thread, Command::Close(remark(""))).await.unwrap();
            stage.settle().await;
        }
        south.command(&operator, None, thread, scored(other)).await.unwrap();
        stage.settle().await;
        for node in [north, south] {
            node.tell().await.unwrap();
            let dossier = node.dossier(&operator, sent.thread).await.unwrap().into_inner();
            let apart: Vec<_> =
                dossier.disputed().iter().map(|d| (d.dimension, d.asker, d.receiver)).collect();
            let told = node.alerts(&operator).await.unwrap();
            let told = told
                .iter()
                .any(|(alert, ..)| alert.what == "disputed" && alert.thread == Some(sent.thread));
            let is_far = other == 4;
            assert_eq!(apart, if is_far { vec![("completeness", 1, 4)] } else { vec![] });
            assert_eq!(told, is_far, "both are told of it, and of nothing less");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_item_is_done_by_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (operator, hash) = (Person::operator(), stage.hash());
    let (north, south) = (&stage.north, &stage.south);
    let day = Day("2026-03-20".parse().unwrap());
    let agenda = Agenda { title: "Round".into(), place: String::new(), points: vec![] };
    let convene = Command::Deed(Deed::Convene { day, exercise: false, agenda });
    let held = north.command(&operator, Some(&hash), None, convene).await.unwrap();
    let thread = Some(held.thread);
    let party = south.party().clone();
    let actions = vec![ActionItem { text: "name a line".into(), party, due: None }];
    let record = Record { text: "Agreed.".into(), actions };
    let minutes = Command::Deed(Deed::Minutes { day, record });
    north.command(&operator, None, thread, minutes).await.unwrap();
    stage.settle().await;
    south.command(&operator, None, thread, agree()).await.unwrap();
    stage.settle().await;
    assert_eq!(north.open_actions(&operator).await.unwrap().into_inner().len(), 1);
    let done = || Command::Deed(Deed::Action { item: 1, done: true, remark: remark("") });
    let error = north.state(&operator, None, thread, done()).await.unwrap_err().to_string();
    assert!(error.contains("southland says when it is done"), "{error}");
    south.state(&operator, None, thread, done()).await.unwrap();
    stage.settle().await;
    assert!(north.open_actions(&operator).await.unwrap().into_inner().is_empty());
}

/// Who plays an exercise cannot begin anything real by leaving a box empty.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_begins_where_an_exercise_is_played_is_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("exercise"), "").unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (operator, hash) = (Person::operator(), stage.hash());
    let message = Message {
        title: "line".to_owned(),
        text: "are you there?".to_owned(),
        marking: Tlp::Green,
        spoken: String::new(),
    };
    let signal = Signal::Message;
    let real = Deed::Signal { signal, about: None, exercise: false, message };
    let Command::Send { class, ask, .. } = ask("real?") else { panic!("a request") };
    let request = Command::Send { class, ask, exercise: false };
    for command in [Command::Deed(real), request] {
        let stated = stage.north.state(&operator, Some(&hash), None, command).await.unwrap();
        let Stated::Now(done) = stated else { panic!("it waits") };
        assert!(stage.north.is_exercise(done.thread).await.unwrap());
    }
}

/// A commitment is judged for a period that is over, by what was fixed for it and by nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_commitment_is_judged_when_the_period_is_over_by_what_was_fixed() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (north, south) = (&stage.north, &stage.south);
    let operator = Person::operator();
    let criterion = Criterion {
        id: "published".into(),
        text: "Each side publishes its list.".into(),
        evidence: "the list, by its digest".into(),
    };
    let yardstick = Yardstick {
        commitment: stage.terms.commitments[0].id.clone(),
        criteria: vec![criterion],
        text: String::new(),
    };
    let fix = Command::Deed(Deed::Fix { exercise: false, yardstick });
    let thread =
        Some(north.command(&operator, Some(&stage.hash()), None, fix).await.unwrap().thread);
    stage.settle().await;
    south.command(&operator, None, thread, agree()).await.unwrap();
    stage.settle().await;
    let today = north.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let judge = |until: i64, criterion: &str| {
        let finding = Finding {
            party: "southland".parse().unwrap(),
            criterion: criterion.into(),
            verdict: Verdict::Met,
            evidence: "list 1".into(),
        };
        Command::Deed(Deed::Judge(Judgement {
            from: today.checked_sub(200.days()).unwrap(),
            to: today.checked_add(until.days()).unwrap(),
            verdicts: [("southland".parse().unwrap(), Verdict::Met)].into(),
            findings: vec![finding],
            text: String::new(),
        }))
    };
    let state = async |command| {
        north.state(&operator, None, thread, command).await.map_err(|error| error.to_string())
    };
    let error = state(judge(1, "published")).await.unwrap_err();
    assert!(error.contains("is judged when it is over"), "{error}");
    let error = state(judge(0, "feeling")).await.unwrap_err();
    assert!(error.contains("was not fixed"), "{error}");
    state(judge(0, "published")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_is_suspended_once_by_each_party_until_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let operator = Person::operator();
    let suspend = |exercise| Command::Deed(Deed::Suspend { exercise, remark: remark("why") });
    let state = async |node: &Node, thread, command| match node
        .state(&operator, Some(&stage.hash()), thread, command)
        .await
    {
        Ok(Stated::Now(done)) => Ok(done.thread),
        Ok(Stated::Waits(draft)) => panic!("{draft}"),
        Err(error) => Err(error.to_string()),
    };
    let first = state(&stage.north, None, suspend(false)).await.unwrap();
    let error = state(&stage.north, None, suspend(false)).await.unwrap_err();
    assert!(error.contains(&format!("suspended the agreement already, in {first}")), "{error}");
    // An exercise is another matter, and so is what the other side does.
    state(&stage.north, None, suspend(true)).await.unwrap();
    state(&stage.south, None, suspend(false)).await.unwrap();
    state(&stage.north, Some(first), Command::Deed(Deed::Resume(remark("")))).await.unwrap();
    state(&stage.north, None, suspend(false)).await.unwrap();
}

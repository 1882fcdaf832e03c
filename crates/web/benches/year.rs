//! A year like Europol's SIENA had in 2014, 605,245 messages in 34,472 matters, between two nodes and a witness on
//! loopback: every one signed, logged, sealed, delivered and receipted; then the review of that year, and what its
//! pages cost. SQLite.
//!
//! `cargo bench -p comity-web --bench year` (a fiftieth of it; `-- 34472` for all its matters).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot go on fails"
)]

#[path = "../../node/tests/stage/mod.rs"]
mod stage;
#[path = "../../node/benches/usage.rs"]
mod usage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use comity_node::Node;
use comity_node::network::Tcp;
use comity_node::review::Until;
use comity_rules::ThreadId;
use comity_rules::access::{Person, Role};
use comity_rules::command::Command;
use comity_rules::content::Assessment;
use comity_rules::review::Scope;
use stage::{Stage, answer, ask, remark};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// Commands that wait for the writers at a time.
const WAITING: usize = 1024;

/// Questions and replies of a matter: with the five others 17 statements, and in every second matter two more.
const QUESTIONS: usize = 6;

/// Matters that begin together.
const WAVE: usize = 500;

/// Who does the next step of a matter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Asker,
    Receiver,
}

/// Who does a step, in which matters, and what.
type Step = (By, fn(usize) -> bool, Command);

/// What becomes of a matter once it is sent, step by step.
fn steps() -> Vec<Step> {
    let every = |_: usize| true;
    let second = |matter: usize| matter.is_multiple_of(2);
    let mut steps: Vec<Step> = vec![(By::Receiver, every, Command::Acknowledge(remark("in hand")))];
    for question in 0..=QUESTIONS {
        // The last of them only in every second matter.
        let only = if question == QUESTIONS { second } else { every };
        let text = Command::Clarify(remark("Which port, and from when to when?"));
        steps.push((By::Receiver, only, text));
        let text = Command::Clarify(remark("443, from the third to the ninth."));
        steps.push((By::Asker, only, text));
    }
    steps.push((By::Receiver, every, answer("It was rented by a reseller.")));
    let scores = [("relevance".to_owned(), 3)].into();
    let assessment = Command::Assess(Assessment { scores, text: String::new() });
    steps.push((By::Asker, every, assessment));
    steps.push((By::Asker, every, Command::Close(remark("done"))));
    steps
}

#[tokio::main]
async fn main() {
    let matters = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let matters: usize = matters.unwrap_or(690);
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let (begin, used) = (Instant::now(), usage::cpu());
    println!("{:<14} {:>10} {:>10} {:>14}", "waves begun", "statements", "seconds", "resident, MB");
    let hash = stage.hash();
    // Half of them are asked by either side.
    let side = |matter: usize, by: By| {
        let north = matter.is_multiple_of(2) == (by == By::Asker);
        Arc::clone(if north { &stage.north } else { &stage.south })
    };
    let steps = steps();
    let waves = matters.div_ceil(WAVE);
    let mut threads: Vec<ThreadId> = Vec::new();
    let mut stated = 0;
    // Each wave is a step further than the one that began after it: at any time some are open, as in a year.
    for turn in 0..waves + steps.len() {
        let mut acts = Vec::new();
        for wave in turn.saturating_sub(steps.len())..waves.min(turn) {
            let (by, only, command) = &steps[turn - wave - 1];
            for matter in (wave * WAVE..matters.min((wave + 1) * WAVE)).filter(|m| only(*m)) {
                acts.push((side(matter, *by), Some(threads[matter]), command.clone()));
            }
        }
        let begun = threads.len()..matters.min((turn + 1) * WAVE);
        let new = acts.len();
        acts.extend(begun.map(|m| (side(m, By::Asker), None, real(&format!("matter {m}")))));
        stated += acts.len();
        threads.extend(state(&hash, acts).await.split_off(new));
        settle(&stage).await;
        if turn % 8 == 7 || turn + 1 == waves + steps.len() {
            let (seconds, resident) = (begin.elapsed().as_secs_f64(), usage::resident());
            let begun = waves.min(turn + 1);
            println!("{begun:<14} {stated:>10} {seconds:>10.1} {resident:>14}");
        }
    }
    println!(
        "{stated} statements in {:.0} s, {:.0} s of CPU on both sides and the witness: {:.0} a second",
        begin.elapsed().as_secs_f64(),
        (usage::cpu() - used).as_secs_f64(),
        stated as f64 / begin.elapsed().as_secs_f64()
    );
    let agreement = stage.north.agreement("comity-model").unwrap();
    let (from, to) = ("2026-01-01".parse().unwrap(), "2027-01-01".parse().unwrap());
    let scope = Scope { from, to, exercise: false };
    let (begin, used) = (Instant::now(), usage::cpu());
    let review = stage
        .north
        .review(&Person::operator(), &agreement, scope, &Until::default())
        .await
        .unwrap();
    let review = review.into_inner();
    let text = review.to_canonical();
    println!(
        "its review: {} requests, {:.1} MB of JSON in {:.1} s, {:.1} s of CPU",
        review.requests.len(),
        text.len() as f64 / 1e6,
        begin.elapsed().as_secs_f64(),
        (usage::cpu() - used).as_secs_f64()
    );
    let at = review.heads.iter().map(|head| (head.party.clone(), head.size)).collect();
    let until = Until { at, time: review.now };
    let other = stage.south.agreement("comity-model").unwrap();
    let other = stage.south.review(&Person::operator(), &other, scope, &until).await.unwrap();
    assert_eq!(other.into_inner().to_canonical(), text, "both nodes make the same bytes");
    // What a desk has on a day of that year: two days' requests are open.
    let begun = threads.len() / 180;
    let sends = (0..begun).map(|n| (side(n, By::Asker), None, real(&format!("open {n}"))));
    state(&hash, sends.collect()).await;
    settle(&stage).await;
    let officer = Person { name: "desk".to_owned(), role: Role::DutyOfficer, authority: None };
    let password = stage.north.add_account(&Person::operator(), officer).await.unwrap();
    let token = stage.north.sign_in("desk", &password).await.unwrap().unwrap();
    let router = comity_web::router(&stage.north);
    // The usual review is made ahead; of other days it is made when somebody asks.
    tokio::time::sleep(Duration::from_secs(10)).await;
    for page in
        ["/", "/requests", "/hotline", "/oversight", "/oversight?from=2026-01-01&to=2027-01-01"]
    {
        let get = async || {
            let request = Request::get(page).header("cookie", format!("comity={token}"));
            let request = request.body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), 200, "{page}");
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        };
        let (used, begin) = (usage::cpu(), Instant::now());
        let mut shown = get().await;
        let answered = begin.elapsed().as_secs_f64() * 1e3;
        let mut looks = 1;
        // As a browser does where the page asks for it.
        while shown.contains("http-equiv=\"refresh\"") {
            tokio::time::sleep(Duration::from_secs(1)).await;
            shown = get().await;
            looks += 1;
        }
        let (stands, all) = (begin.elapsed().as_secs_f64(), usage::cpu() - used);
        let used = usage::cpu();
        for _ in 0..PAGES {
            get().await;
        }
        println!(
            "{page}: {begun} open, {} bytes; first answer in {answered:.0} ms, stands after {looks} looks in \
             {stands:.1} s and {:.0} ms of CPU; then {:.1} ms of CPU each",
            shown.len(),
            all.as_secs_f64() * 1e3,
            (usage::cpu() - used).as_secs_f64() * 1e3 / f64::from(PAGES)
        );
    }
}

/// Times that a page is asked for: CPU is told in hundredths of a second.
const PAGES: u32 = 100;

/// A request that is no exercise.
fn real(title: &str) -> Command {
    match ask(title) {
        Command::Send { class, ask, .. } => Command::Send { class, exercise: false, ask },
        other => other,
    }
}

/// Carries out these commands, many at a time; the threads, in their order.
async fn state(hash: &str, steps: Vec<(Arc<Node>, Option<ThreadId>, Command)>) -> Vec<ThreadId> {
    let mut threads = vec![ThreadId([0; 16]); steps.len()];
    let mut tasks: JoinSet<(usize, ThreadId)> = JoinSet::new();
    for (place, (node, thread, command)) in steps.into_iter().enumerate() {
        if tasks.len() == WAITING {
            let (place, thread) = tasks.join_next().await.unwrap().unwrap();
            threads[place] = thread;
        }
        let hash = hash.to_owned();
        tasks.spawn(async move {
            let done =
                node.command(&Person::operator(), Some(&hash), thread, command).await.unwrap();
            (place, done.thread)
        });
    }
    while let Some(result) = tasks.join_next().await {
        let (place, thread) = result.unwrap();
        threads[place] = thread;
    }
    threads
}

/// Until both sides have delivered and receipted everything.
async fn settle(stage: &Stage) {
    while !stage::settled(&stage.north, &stage.south).await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

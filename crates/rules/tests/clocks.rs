//! Deadlines from witnessed times, by a case of which every time is known.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

mod party;

use comity_rules::agreement::{Agreement, Counts, Trigger};
use comity_rules::calendar::Calendar;
use comity_rules::channel::Receipt;
use comity_rules::clock::{self, Clocks, Start};
use comity_rules::command::{Command, Deed};
use comity_rules::content::{Answer, ItemAnswer, Letter, Remark, Ruling};
use comity_rules::quality::{Refusals, Result};
use comity_rules::request::{Decision, Outcome};
use comity_rules::review::{Head, Opened, Openings, Review, Scope};
use comity_rules::thread::{Sides, View};
use comity_rules::{Draft, Kind, Matter, PartyId, Request, ThreadId, ladder};
use jiff::{SignedDuration, Timestamp};
use party::{Party, ask, pair};

struct Case {
    parties: [Party; 2],
    thread: ThreadId,
    times: Vec<(PartyId, u64, Timestamp)>,
    mirrored: Option<Timestamp>,
}

fn at(text: &str) -> Timestamp {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

fn remark() -> Remark {
    Remark { text: "text".into() }
}

fn answer() -> Command {
    let item = ItemAnswer { item: 1, outcome: Outcome::Answered, text: "yes".into(), reason: None };
    Command::Answer(Answer {
        text: String::new(),
        use_limits: String::new(),
        limits: None,
        grounds: Default::default(),
        items: vec![item],
        attachments: vec![],
    })
}

/// An answer that the asker's node could not open, by its own receipt, is neither complete nor none.
#[test]
fn what_could_not_be_opened_is_not_complete() {
    for (code, result) in [("", Result::Complete), ("undecryptable", Result::AnsweredUnopened)] {
        let mut case = Case::acknowledged("01");
        case.act(1, "01T10:00", answer());
        let [north, south] = &mut case.parties;
        for entry in south.entries.iter().skip(north.arrived.len()) {
            north.arrive(entry).unwrap();
        }
        north.verify();
        for receipt in &mut north.owed {
            receipt.code = code.to_owned();
        }
        north.pay();
        for entry in north.entries.iter().skip(south.arrived.len()) {
            south.arrive(entry).unwrap();
        }
        assert_eq!(case.result("02T08:00"), result);
    }
}

/// A refusal that gives no ground, or one that the terms do not have, is no answer; of one that nobody opened that is
/// what is said.
#[test]
fn a_refusal_without_a_ground_is_no_answer() {
    let ruling = |ground: Option<&str>| {
        let (text, ground) = (String::new(), Some(ground.map(str::to_owned)));
        Letter::Ruling(Ruling { decision: Decision::Refused, text, reason: None, ground })
    };
    let opened = |ground| Opened::of(&ruling(ground));
    for (opened, result) in [
        (None, "refused-unopened"),
        // A proof that opens nothing of it.
        (Some(Opened::default()), "refused-unopened"),
        (opened(None), "non-answer"),
        (opened(Some("made-up")), "non-answer"),
        (opened(Some("political-offence")), "refused"),
    ] {
        let mut case = Case::sent("01T08:00");
        case.receive(1, "01T08:00");
        case.act(1, "01T08:30", Command::Acknowledge(remark()));
        let (south, thread) = (&mut case.parties[1], case.thread);
        let draft = Draft { thread, ..south.draft(Kind::Decide, b"refused".to_vec()) };
        let index = south.own.sequence;
        south.state(draft).unwrap();
        case.witness(1, "01T09:00");
        case.receive(0, "01T09:00");
        let _ = case.clocks("31T08:00");
        let south = case.parties[1].id.clone();
        let openings = opened.map(|opened| ((south, index), opened)).into_iter().collect();
        let review = case.review("31T08:00", &openings);
        assert_eq!(review.requests[0].result.as_str(), result);
    }
}

/// Whoever has the reply to his question and keeps its receipt back has it all the same: by his mirror, or by what he states
/// since, about this or about something else.
#[test]
fn a_receipt_that_is_kept_back_stops_no_clock() {
    let (here, elsewhere) = (Some(true), Some(false));
    for (mirrored, states) in [(true, None), (false, here), (false, elsewhere), (true, here)] {
        let mut case = Case::replied("01T10:00", "01T11:00");
        case.keep(1);
        if mirrored {
            case.mirror("01T12:00");
        }
        match states {
            Some(true) => case.act(1, "01T13:00", Command::Escalate(remark())),
            Some(false) => case.elsewhere(1, "01T13:00"),
            None => {}
        }
        let clocks = case.clocks("31T08:00");
        let stood = if mirrored { 2 } else { 3 };
        let stopped: Vec<_> =
            clocks.suspended.iter().map(|s| s.to.unwrap().duration_since(s.from)).collect();
        assert_eq!(stopped, [SignedDuration::from_hours(stood)], "{mirrored} {states:?}");
        assert!(clocks.is_overdue());
        assert_eq!(clocks.reply.late, None, "the asker replied within the hour");
    }
}

/// Nor does one for the request itself: what its receiver states about something else shows that it had come.
#[test]
fn a_request_that_nobody_receipts_has_come_by_what_is_stated_since() {
    let mut case = Case::sent("01T08:00");
    case.keep(1);
    assert_eq!(case.clocks("31T08:00").start, Start::Unreceipted);
    case.elsewhere(1, "01T13:00");
    let clocks = case.clocks("31T08:00");
    assert_eq!(clocks.start, Start::Statement(at("01T13:00")));
    assert!(clocks.is_overdue());
    case.act(1, "03T13:00", Command::Acknowledge(remark()));
    let clocks = case.clocks("31T08:00");
    assert_eq!(clocks.acknowledged_in(at("31T08:00")).unwrap().as_hours(), 48);
    // Before it was witnessed it shows nothing.
    let [north, south] = [&case.parties[0].id, &case.parties[1].id].map(Clone::clone);
    let request = &case.parties[0].requests[&case.thread];
    let cut = |answered| request.up_to(View { asked: 1_000, answered }, at("31T08:00")).unwrap();
    let shown = request.asked[0].shown.as_ref().unwrap().index;
    for (answered, start) in
        [(shown, Start::Unreceipted), (shown + 1, Start::Statement(at("01T13:00")))]
    {
        let mut request = cut(answered);
        request.witnessed(&north, (0, 1_000), at("01T08:00"));
        request.witnessed(&south, (0, 1_000), at("01T13:00"));
        assert_eq!(Clocks::of(&request, None, &[], at("31T08:00")).start, start);
    }
}

/// What is acknowledged without a receipt is no sooner acknowledged for that: when it came nobody knows. From then on
/// its answer is due.
#[test]
fn an_acknowledgement_says_that_a_request_came_and_not_since_when() {
    for (receipted, start) in [
        (Some("09T08:00"), Start::Receipt(at("09T08:00"))),
        (Some("11T08:00"), Start::Statement(at("10T08:00"))),
        (None, Start::Statement(at("10T08:00"))),
    ] {
        let mut case = Case::sent("01T08:00");
        let owed = case.keep(1);
        let pay = |case: &mut Case, time: &str| {
            if receipted == Some(time) {
                case.parties[1].owed.clone_from(&owed);
                case.parties[1].pay();
                case.witness(1, time);
            }
        };
        pay(&mut case, "09T08:00");
        case.act(1, "10T08:00", Command::Acknowledge(remark()));
        pay(&mut case, "11T08:00");
        let clocks = case.clocks("31T08:00");
        let timed = matches!(start, Start::Receipt(_));
        assert_eq!((clocks.start, clocks.acknowledge.untimed), (start, !timed));
        assert_eq!(clocks.acknowledge.done, Some(at("10T08:00")));
        assert_eq!(clocks.acknowledged_in(at("31T08:00")).is_some(), timed);
        assert!(clocks.is_overdue() && clocks.answering_for(at("31T08:00")).is_some());
    }
}

/// Nor does what is stated along with it say since when, and the answer that only itself shows to have been possible took
/// no time that anybody knows.
#[test]
fn what_is_stated_at_once_shows_no_time() {
    for (elsewhere, answered) in
        [(None, "30T08:00"), (Some("30T08:00"), "30T08:00"), (Some("29T08:00"), "30T08:00")]
    {
        let mut case = Case::sent("01T08:00");
        let _ = case.keep(1);
        let known = elsewhere == Some("29T08:00");
        if let Some(time) = elsewhere {
            let parties = &mut case.parties;
            parties[1].command(None, send("why?")).unwrap();
            if known {
                case.witness(1, time);
            }
        }
        case.parties[1].command(Some(case.thread), Command::Acknowledge(remark())).unwrap();
        case.act(1, answered, answer());
        let clocks = case.clocks("31T08:00");
        assert_eq!(clocks.start.as_str(), "statement");
        assert_eq!((clocks.acknowledge.untimed, clocks.answer.untimed), (!known, !known));
        assert_eq!(clocks.answered_in().is_some(), known);
        let measured =
            comity_rules::quality::measured(&case.request("31T08:00"), &clocks, at("31T08:00"));
        assert_eq!(measured.len(), if known { 3 } else { 1 }, "completeness alone");
        let review = case.review("31T08:00", &Openings::new());
        let south = &review.answers_of[&case.parties[1].id];
        assert_eq!(
            (south.acknowledge.done, south.acknowledge.untimed),
            (u32::from(known), u32::from(!known))
        );
        assert_eq!(
            (south.answer.done, south.answer.untimed),
            (u32::from(known), u32::from(!known))
        );
        // The silence is in the time in which it came.
        let days = if known { 28 } else { 29 };
        assert_eq!((south.receipt.done, south.receipt.median), (1, Some(days * 24 * 3600)));
    }
}

/// Whoever keeps silent about a reply cannot make the asker late by that, and its silence has a figure.
#[test]
fn a_reply_is_given_when_it_is_witnessed() {
    let mut case = Case::replied("01T10:00", "01T11:00");
    let clocks = case.clocks("31T08:00");
    assert_eq!((clocks.reply.done, clocks.reply.late), (Some(at("01T11:00")), None));
    assert_eq!(clocks.answer.due, None);
    let south = case.review("31T08:00", &Openings::new()).answers_of[&case.parties[1].id].clone();
    assert_eq!((south.receipt.done, south.receipt.open), (1, 1));
    assert_eq!(south.receipt.p90, Some((29 * 24 + 21) * 3600));
    // What it then answers in no time it answers in a time that nobody knows.
    let _ = case.keep(1);
    case.act(1, "31T08:00", answer());
    let clocks = case.clocks("31T09:00");
    assert_eq!((clocks.answered_in(), clocks.answer.untimed), (None, true));
}

/// A question that stops nothing hides no lateness, and neither does the silence after it.
#[test]
fn a_question_that_does_not_count_makes_nothing_untimed() {
    for asked in [None, Some("20T08:00")] {
        let mut case = match asked {
            Some(asked) => Case::replied(asked, "20T09:00"),
            None => Case::acknowledged("01"),
        };
        let _ = case.keep(1);
        case.act(1, "21T08:00", answer());
        let clocks = case.clocks("31T08:00");
        assert!(clocks.answer.late.is_some() && !clocks.answer.untimed, "{asked:?}");
        let south =
            case.review("31T08:00", &Openings::new()).answers_of[&case.parties[1].id].clone();
        assert_eq!((south.answer.late, south.answer.untimed, south.untimed), (1, 0, 0));
    }
    // One that counts, and an answer that is late though all the silence is given to it.
    let mut case = Case::replied("03T08:00", "03T09:00");
    let _ = case.keep(1);
    case.elsewhere(1, "10T08:00");
    case.act(1, "12T08:00", answer());
    let clocks = case.clocks("31T08:00");
    assert_eq!(clocks.answer.late.map(|late| late.as_hours()), Some(24));
    assert!(!clocks.answer.untimed);
}

/// A reply that was said and is not witnessed yet is not late.
#[test]
fn a_reply_waits_for_its_witness() {
    let mut case = Case::acknowledged("01");
    case.act(1, "01T10:00", Command::Clarify(remark()));
    case.receive(0, "01T10:00");
    assert!(case.clocks("31T08:00").reply.late.is_some());
    case.parties[0].command(Some(case.thread), Command::Clarify(remark())).unwrap();
    let clocks = case.clocks("31T08:00");
    assert_eq!((clocks.reply.done, clocks.reply.late), (None, None));
}

/// Whoever receipts what came later had what came before, whatever it says that it has seen.
#[test]
fn a_receipt_shows_what_stands_before_what_it_is_for() {
    let mut case = Case::sent("01T08:00");
    case.elsewhere(0, "01T08:30");
    let [north, south] = &mut case.parties;
    for entry in &north.entries {
        south.arrive(entry).unwrap();
    }
    // It has seen nothing, by its own word, and receipts the last alone.
    south.owed.drain(..2);
    south.pay();
    assert_eq!(south.own.seen, 0);
    case.witness(1, "01T13:00");
    assert_eq!(case.clocks("31T08:00").start, Start::Statement(at("01T13:00")));
}

/// A request of one item: U1, acknowledge within 4 hours, answer within 3 days.
fn send(question: &str) -> Command {
    Command::Send { class: Some("U1-urgent".into()), exercise: true, ask: ask(&[question]) }
}

impl Case {
    /// Gives a thread the times of its witnesses.
    fn time(&self, thread: &mut dyn Sides) {
        let mut from = std::collections::BTreeMap::new();
        for (party, to, time) in &self.times {
            let begin = from.insert(party.clone(), *to).unwrap_or(0);
            thread.witnessed(party, (begin, *to), *time);
        }
    }

    /// The request as a review has it, of what was delivered.
    fn request(&self, now: &str) -> Request {
        let mut request = self.parties[0].requests[&self.thread].clone();
        self.time(&mut request);
        if let Some(time) = self.mirrored {
            let asker = request.asker.clone();
            request.mirrored(&asker, (0, u64::MAX), time);
        }
        request.up_to(View::ALL, at(now)).unwrap()
    }

    fn review(&self, now: &str, openings: &Openings) -> Review {
        let heads = [&self.parties[0].id, &self.parties[1].id].map(|party| Head {
            party: party.clone(),
            origin: String::new(),
            size: 1_000,
            root: String::new(),
            witnessed: Some(at("01T08:00")),
        });
        let (from, to) = ("2026-03-01".parse().unwrap(), "2026-04-01".parse().unwrap());
        let scope = Scope { from, to, exercise: true };
        let none: [&Matter; 0] = [];
        let until = (heads.to_vec(), Some(at(now)), None);
        Review::of(&self.parties[0].terms, "", scope, until, [&self.request(now)], none, openings)
    }

    /// The other side's entries arrive at `side`, which keeps back the receipts that it owes.
    fn keep(&mut self, side: usize) -> Vec<Receipt> {
        let [north, south] = &mut self.parties;
        let (from, to) = if side == 0 { (south, north) } else { (north, south) };
        for entry in from.entries.iter().skip(to.arrived.len()) {
            to.arrive(entry).unwrap();
        }
        to.verify();
        std::mem::take(&mut to.owed)
    }

    /// The side states something about another request.
    fn elsewhere(&mut self, side: usize, time: &str) {
        self.parties[side].command(None, send("why?")).unwrap();
        self.witness(side, time);
    }

    /// Northland asks.
    fn sent(time: &str) -> Self {
        let mut parties = pair();
        let thread = parties[0].command(None, send("who?")).unwrap();
        let mut case = Self { parties, thread, times: Vec::new(), mirrored: None };
        case.witness(0, time);
        case
    }

    /// Everything that the side has stated so far is witnessed at `time`.
    fn witness(&mut self, side: usize, time: &str) {
        let party = &self.parties[side];
        let from = self.times.iter().filter(|(p, ..)| *p == party.id).map(|(_, to, _)| *to).max();
        let to = party.entries.len() as u64;
        if from.unwrap_or(0) < to {
            self.times.push((party.id.clone(), to, at(time)));
        }
    }

    /// The same at eight on a day of March, receipted at once, and acknowledged at nine.
    fn acknowledged(day: &str) -> Self {
        let [eight, nine] = ["08:00", "09:00"].map(|hour| format!("{day}T{hour}"));
        let mut case = Self::sent(&eight);
        case.receive(1, &eight);
        case.act(1, &nine, Command::Acknowledge(remark()));
        case
    }

    /// The same, with a question of Southland's and the reply to it.
    fn replied(asked: &str, replied: &str) -> Self {
        let mut case = Self::acknowledged("01");
        case.act(1, asked, Command::Clarify(remark()));
        case.receive(0, asked);
        case.act(0, replied, Command::Clarify(remark()));
        case
    }

    /// The other side's entries arrive at `side`, which receipts them, witnessed at `time`.
    fn receive(&mut self, side: usize, time: &str) {
        self.parties[side].owed = self.keep(side);
        self.parties[side].pay();
        self.witness(side, time);
    }

    /// Southland's mirror covers the request at `time`.
    fn mirror(&mut self, time: &str) {
        self.mirrored = Some(at(time));
    }

    fn act(&mut self, side: usize, time: &str, command: Command) {
        self.parties[side].command(Some(self.thread), command).unwrap();
        self.witness(side, time);
    }

    /// A side suspends the agreement, or goes on.
    fn pause(&mut self, side: usize, time: &str, thread: Option<ThreadId>) -> ThreadId {
        let deed = match thread {
            None => Deed::Suspend { exercise: true, remark: remark() },
            Some(_) => Deed::Resume(remark()),
        };
        let thread = self.parties[side].command(thread, Command::Deed(deed)).unwrap();
        self.witness(side, time);
        thread
    }

    /// The clocks as an outsider has them, everything delivered.
    fn clocks(&mut self, now: &str) -> Clocks {
        let terms = Agreement::clone(&self.parties[0].terms);
        self.clocks_by(&terms, now)
    }

    /// What became of it.
    fn result(&mut self, now: &str) -> Result {
        let clocks = self.clocks(now);
        Result::of(&self.parties[0].requests[&self.thread], &clocks, Refusals::Lawful)
    }

    /// The same by other terms than those that were signed.
    fn clocks_by(&mut self, agreement: &Agreement, now: &str) -> Clocks {
        let [north, south] = &mut self.parties;
        for entry in south.entries.iter().skip(north.arrived.len()) {
            north.arrive(entry).unwrap();
        }
        let mut matters: Vec<_> = north.matters.values().cloned().collect();
        matters.iter_mut().for_each(|matter| self.time(matter));
        let pauses = clock::pauses(&matters, true, None);
        Clocks::of(&self.request(now), Some(agreement), &pauses, at(now))
    }
}

#[test]
fn before_a_receipt_no_clock_runs_and_nothing_is_overdue() {
    let clocks = Case::sent("09T08:00").clocks("20T08:00");
    assert_eq!(clocks.start, Start::Unreceipted);
    assert_eq!((clocks.acknowledge.due, clocks.answer.due), (None, None));
    assert!(!clocks.is_overdue());
}

#[test]
fn clocks_start_at_the_receipt_and_not_when_the_asker_says() {
    let mut case = Case::sent("09T08:00");
    case.receive(1, "09T10:00");
    let clocks = case.clocks("09T11:00");
    assert_eq!(clocks.start, Start::Receipt(at("09T10:00")));
    assert_eq!(clocks.acknowledge.due, Some(at("09T14:00")));
    assert_eq!(clocks.answer.due, Some(at("12T10:00")));
    assert_eq!(clocks.next_due(), Some(at("09T14:00")));
    assert!(!clocks.is_overdue());
    assert!(case.clocks("09T14:01").is_overdue());
}

#[test]
fn a_receipt_that_comes_late_takes_back_nothing_that_the_mirror_proved() {
    let mut case = Case::sent("09T08:00");
    // The receiver's mirror had it at nine; its receipt is witnessed a day later.
    case.mirror("09T09:00");
    let clocks = case.clocks("09T14:00");
    assert_eq!(clocks.start, Start::Mirror(at("09T09:00")));
    assert_eq!(clocks.acknowledge.late.unwrap().as_mins(), 60);
    case.receive(1, "10T09:00");
    let clocks = case.clocks("10T09:00");
    assert_eq!(clocks.start, Start::Mirror(at("09T09:00")));
    assert_eq!(clocks.acknowledge.late.unwrap().as_hours(), 20);
}

#[test]
fn a_mirror_with_a_slow_clock_had_nothing_before_it_was_there() {
    let mut case = Case::sent("09T08:00");
    case.mirror("02T09:00");
    assert_eq!(case.clocks("09T09:00").start, Start::Mirror(at("09T08:00")));
    case.receive(1, "09T08:00");
    assert_eq!(case.clocks("09T09:00").start, Start::Receipt(at("09T08:00")));
}

#[test]
fn what_a_mirror_says_later_it_had_not_said_in_a_review() {
    let mut case = Case::sent("09T08:00");
    case.mirror("09T10:00");
    assert_eq!(case.clocks("09T09:59").start, Start::Unreceipted);
    assert_eq!(case.clocks("09T10:00").start, Start::Mirror(at("09T10:00")));
}

#[test]
fn a_late_acknowledgement_is_late_by_the_witnessed_time() {
    let mut case = Case::sent("09T08:00");
    case.receive(1, "09T08:00");
    case.act(1, "09T14:30", Command::Acknowledge(remark()));
    let clocks = case.clocks("10T08:00");
    assert_eq!(clocks.acknowledge.done, Some(at("09T14:30")));
    assert_eq!(clocks.acknowledge.late.unwrap().as_mins(), 150);
    assert!(!clocks.is_overdue(), "it is done, and the answer is not due yet");
}

#[test]
fn a_question_suspends_from_its_time_to_the_receipt_of_the_reply() {
    let mut case = Case::acknowledged("09");
    case.act(1, "09T10:00", Command::Clarify(remark()));
    assert_eq!(case.clocks("11T00:00").answer.due, None, "while it is open nothing is due");
    case.receive(0, "09T10:00");
    case.act(0, "10T09:00", Command::Clarify(remark()));
    case.receive(1, "10T10:00");
    let clocks = case.clocks("11T00:00");
    assert_eq!(
        clocks.answer.due,
        Some(at("13T08:00")),
        "three days and the 24 hours it stood still"
    );
    case.act(1, "12T08:00", answer());
    let clocks = case.clocks("14T00:00");
    assert_eq!(clocks.answered_in().unwrap().as_hours(), 48);
    assert_eq!(clocks.answer.late, None);
}

#[test]
fn a_question_after_the_due_time_excuses_nothing() {
    let mut case = Case::acknowledged("09");
    case.act(1, "12T09:00", Command::Clarify(remark()));
    let clocks = case.clocks("13T08:00");
    assert_eq!(clocks.answer.due, Some(at("12T08:00")));
    assert_eq!(clocks.answer.late.unwrap().as_hours(), 24);
    assert!(clocks.is_overdue() && clocks.suspended.is_empty());
    case.act(1, "13T08:00", answer());
    assert_eq!(case.clocks("14T00:00").answered_in().unwrap().as_hours(), 96);
}

#[test]
fn what_is_withdrawn_is_no_longer_overdue() {
    let mut case = Case::sent("09T08:00");
    case.receive(1, "09T08:00");
    case.act(0, "10T08:00", Command::Withdraw(remark()));
    let clocks = case.clocks("20T08:00");
    assert!(!clocks.is_overdue());
    assert_eq!(
        clocks.acknowledge.late.unwrap().as_hours(),
        20,
        "what was late until then stays so"
    );
    assert_eq!(case.result("20T08:00"), Result::Withdrawn);
}

/// Nobody gets rid of what he did not answer in time by the other's giving up.
#[test]
fn what_was_not_answered_in_time_is_no_answer_though_it_is_withdrawn() {
    let mut case = Case::acknowledged("09");
    case.act(0, "13T08:00", Command::Withdraw(remark()));
    assert!(!case.clocks("20T08:00").is_overdue());
    assert_eq!(case.result("20T08:00"), Result::NonAnswer);
}

#[test]
fn what_is_said_and_not_witnessed_yet_is_not_overdue() {
    let mut case = Case::sent("09T08:00");
    case.receive(1, "09T08:00");
    let thread = Some(case.thread);
    case.parties[1].command(thread, Command::Acknowledge(remark())).unwrap();
    assert!(case.clocks("09T20:00").acknowledge.late.is_none());
}

#[test]
fn a_reply_after_the_answer_changes_nothing_of_it() {
    let mut case = Case::acknowledged("09");
    case.act(1, "09T10:00", Command::Clarify(remark()));
    case.act(1, "10T10:00", answer());
    case.receive(0, "10T10:00");
    case.act(0, "12T10:00", Command::Clarify(remark()));
    case.receive(1, "15T10:00");
    let clocks = case.clocks("20T00:00");
    assert_eq!(clocks.answered_in().unwrap().as_hours(), 2, "26 hours, of which 24 stood still");
    assert_eq!(clocks.answer.due, Some(at("13T08:00")));
}

/// Within the receiver's hours, Monday to Friday from nine to five in Shanghai: nights, a weekend and a question
/// take nothing of the limit, and what is held against it is counted alike.
#[test]
fn working_time_runs_while_the_receiver_works() {
    let mut case = Case::sent("09T07:00");
    let mut terms = Agreement::clone(&case.parties[0].terms);
    let class = terms.classes.iter_mut().find(|class| class.id == "U1-urgent").unwrap();
    class.counts = Counts::Working;
    let text = "id = \"south\"\nzone = \"Asia/Shanghai\"\nweek = [\"monday\", \"tuesday\", \"wednesday\", \
                \"thursday\", \"friday\"]\nhours = \"09:00-17:00\"\nfrom = \"2026-01-01\"\nuntil = \"2026-03-17\"\n\
                evidence = \"proposal\"\n";
    terms.calendars.push(Calendar::parse(text).unwrap());
    for party in &mut terms.between.as_mut().unwrap().parties {
        party.calendar = Some("south".into());
    }
    // Monday, 16:00 in Shanghai.
    case.receive(1, "09T08:00");
    let clocks = case.clocks_by(&terms, "09T09:00");
    assert_eq!(clocks.acknowledge.due, Some(at("10T04:00")), "an hour today, three tomorrow");
    assert_eq!(clocks.answer.due, Some(at("12T08:00")), "three working days");
    assert_eq!(clocks.acknowledge.soon, Some(at("10T03:00")), "three of four working hours");
    assert_eq!(clocks.answer.soon, Some(at("12T02:00")), "18 of 24 working hours");
    assert!(clocks.is_known());
    case.act(1, "10T01:30", Command::Acknowledge(remark()));
    case.act(1, "10T02:00", Command::Clarify(remark()));
    assert_eq!(case.clocks_by(&terms, "11T00:00").answer.due, None, "suspended");
    case.receive(0, "10T02:00");
    case.act(0, "13T05:00", Command::Clarify(remark()));
    case.receive(1, "13T06:00");
    // Two hours had passed; on Friday at 14:00 the clock goes on.
    let clocks = case.clocks_by(&terms, "13T06:00");
    assert_eq!(clocks.answer.due, Some(at("18T04:00")));
    assert!(!clocks.is_known(), "the 18th lies after what the calendar knows");
    assert!(!case.clocks_by(&terms, "18T03:59").is_overdue());
    assert!(case.clocks_by(&terms, "18T04:01").is_overdue());
    case.act(1, "16T01:00", answer());
    let clocks = case.clocks_by(&terms, "20T00:00");
    assert_eq!(
        clocks.answered_in().unwrap().as_hours(),
        5,
        "an hour, an hour, and three on Friday"
    );
    assert_eq!(clocks.allowed(&clocks.answer).unwrap().as_hours(), 24);
    assert_eq!(clocks.acknowledged_in(at("20T00:00")).unwrap().as_mins(), 90);
}

/// The ladder of the model terms: each step by its trigger, the next by the time that the one before did not
/// settle it, the last at the review; settled, it is reached no more.
#[test]
fn the_ladder_is_climbed_by_its_triggers() {
    let mut case = Case::sent("09T08:00");
    case.receive(1, "09T08:00");
    let terms = Agreement::clone(&case.parties[0].terms);
    let step = |case: &mut Case, now: &str, unreasoned: Option<&str>| {
        let clocks = case.clocks(now);
        let request = case.parties[0].requests[&case.thread].clone();
        let rung = ladder::reached(&terms, &request, &clocks, unreasoned.map(at), at(now));
        rung.map(|rung| (rung.step.step, rung.trigger, rung.since))
    };
    // Acknowledge within four hours, answer within three days.
    assert_eq!(step(&mut case, "09T11:59", None), None);
    let first = Some((1, Trigger::AcknowledgeOverdue, at("09T12:00")));
    assert_eq!(step(&mut case, "09T12:00", None), first);
    case.act(1, "09T15:00", Command::Acknowledge(remark()));
    assert_eq!(step(&mut case, "09T15:00", None), None, "what is done climbs no further");
    assert_eq!(step(&mut case, "13T19:59", None), None, "overdue, and not by half yet");
    let half = Some((2, Trigger::AnswerOverdueByHalf, at("13T20:00")));
    assert_eq!(step(&mut case, "13T20:00", None), half);
    assert_eq!(step(&mut case, "16T19:59", None), half);
    let third = Some((3, Trigger::UnresolvedFor, at("16T20:00")));
    assert_eq!(step(&mut case, "16T20:00", None), third);
    let refused = Some((2, Trigger::UnreasonedRefusal, at("10T09:00")));
    assert_eq!(step(&mut case, "10T09:00", Some("10T09:00")), refused);
    case.act(1, "17T08:00", answer());
    assert_eq!(step(&mut case, "18T08:00", None), None, "answered, late, and settled");
    // Half a year after the terms were proposed the dialogue has it on its agenda.
    let mut waiting = Case::sent("09T08:00");
    waiting.receive(1, "09T08:00");
    let terms = Agreement::clone(&waiting.parties[0].terms);
    let later: Timestamp = "2026-08-01T00:00:00Z".parse().unwrap();
    waiting.clocks("20T00:00");
    let request = waiting.parties[0].requests[&waiting.thread].clone();
    let mut witnessed = request.clone();
    for (party, to, time) in &waiting.times {
        witnessed.witnessed(party, (0, *to), *time);
    }
    let clocks = Clocks::of(&witnessed, Some(&terms), &[], later);
    let rung = ladder::reached(&terms, &witnessed, &clocks, None, later).unwrap();
    let july: Timestamp = "2026-07-01T00:00:00Z".parse().unwrap();
    assert_eq!((rung.step.step, rung.trigger, rung.since), (4, Trigger::UnresolvedAtReview, july));
    // A review that falls into a time at which the agreement stands still takes nobody up.
    let from = "2026-06-20T00:00:00Z".parse().unwrap();
    for to in [Some("2026-07-20T00:00:00Z".parse().unwrap()), None] {
        let still = [clock::Suspension { from, to }];
        let clocks = Clocks::of(&witnessed, Some(&terms), &still, later);
        let rung = ladder::reached(&terms, &witnessed, &clocks, None, later).unwrap();
        assert_eq!(rung.step.step, 3, "until {to:?}");
    }
}

/// A decision has a limit of its own where the terms give one, and an answer decides too; the asker's reply has
/// one, which is nobody's excuse and nobody else's delay.
#[test]
fn a_decision_and_a_reply_have_limits_of_their_own() {
    let mut case = Case::sent("09T08:00");
    case.receive(1, "09T08:00");
    let mut terms = Agreement::clone(&case.parties[0].terms);
    let class = terms.classes.iter_mut().find(|class| class.id == "U1-urgent").unwrap();
    class.decide = Some("P1D".to_owned().try_into().unwrap());
    case.act(1, "09T09:00", Command::Acknowledge(remark()));
    let clocks = case.clocks_by(&terms, "10T07:59");
    assert_eq!(
        (clocks.decide.due, clocks.next_due()),
        (Some(at("10T08:00")), Some(at("10T08:00")))
    );
    assert!(!clocks.is_overdue() && case.clocks_by(&terms, "10T08:01").is_overdue());
    assert_eq!(clocks.reply.due, None, "nothing was asked back");
    // A question suspends it; the reply is due in five days.
    case.act(1, "09T20:00", Command::Clarify(remark()));
    let clocks = case.clocks_by(&terms, "14T19:59");
    assert_eq!((clocks.decide.due, clocks.reply.due), (None, Some(at("14T20:00"))));
    assert!(clocks.reply.late.is_none());
    let clocks = case.clocks_by(&terms, "14T21:00");
    assert_eq!(clocks.reply.late.unwrap().as_mins(), 60);
    assert!(!clocks.is_overdue(), "the receiver waits, and is not late");
    case.receive(0, "14T21:00");
    case.act(0, "15T20:00", Command::Clarify(remark()));
    case.receive(1, "15T20:00");
    let clocks = case.clocks_by(&terms, "16T00:00");
    assert_eq!(clocks.reply.done, Some(at("15T20:00")));
    assert_eq!(clocks.reply.late.unwrap().as_hours(), 24, "what was late stays late");
    assert_eq!(clocks.decide.due, Some(at("16T08:00")), "twelve hours were left");
    case.act(1, "16T07:00", answer());
    let clocks = case.clocks_by(&terms, "20T00:00");
    assert_eq!((clocks.decide.done, clocks.decide.late), (Some(at("16T07:00")), None));
}

/// As the working group of 2014 was: clocks stop for both sides, the history stays, and what was late before
/// stays as late as it was.
#[test]
fn while_the_agreement_is_suspended_every_clock_stands_still() {
    let mut case = Case::sent("09T08:00");
    case.receive(1, "09T08:00");
    assert_eq!(case.clocks("09T08:00").acknowledge.due, Some(at("09T12:00")));
    let pause = case.pause(1, "09T10:00", None);
    let clocks = case.clocks("11T10:00");
    assert_eq!((clocks.acknowledge.due, clocks.answer.due), (None, None));
    assert!(!clocks.is_overdue());
    case.pause(1, "14T10:00", Some(pause));
    let clocks = case.clocks("14T11:00");
    assert_eq!(clocks.acknowledge.due, Some(at("14T12:00")), "two hours were left");
    assert_eq!(clocks.answer.due, Some(at("17T08:00")), "three days, and five that did not count");
    assert_eq!(clocks.acknowledged_in(at("14T11:00")), Some(SignedDuration::from_hours(3)));
    case.act(1, "14T13:00", Command::Acknowledge(remark()));
    let clocks = case.clocks("14T13:00");
    assert_eq!(clocks.acknowledge.late, Some(SignedDuration::from_hours(1)));
    // The other side suspends when the answer is a day late already.
    case.pause(0, "18T08:00", None);
    let clocks = case.clocks("25T08:00");
    assert_eq!(clocks.answer.late, Some(SignedDuration::from_hours(24)), "not a week later either");
    assert!(clocks.is_overdue(), "it was overdue before, and no suspension excuses that");
    assert_eq!(clocks.answering_for(at("25T08:00")), Some(SignedDuration::from_hours(4 * 24)));
}

/// Two suspensions that overlap, and a question that is open meanwhile, stop a clock once.
#[test]
fn suspensions_that_overlap_are_counted_once() {
    let mut case = Case::acknowledged("09");
    let ours = case.pause(0, "10T08:00", None);
    let theirs = case.pause(1, "10T20:00", None);
    case.act(1, "11T02:00", Command::Clarify(remark()));
    case.pause(0, "11T08:00", Some(ours));
    case.pause(1, "11T20:00", Some(theirs));
    case.receive(0, "12T00:00");
    case.act(0, "12T01:00", Command::Clarify(remark()));
    case.receive(1, "12T08:00");
    let clocks = case.clocks("12T09:00");
    // From the tenth at eight, without a gap, to the receipt of the reply.
    let all: Vec<_> = clocks.suspended.iter().map(|s| (s.from, s.to)).collect();
    assert_eq!(all, [(at("10T08:00"), Some(at("12T08:00")))]);
    assert_eq!(clocks.answer.due, Some(at("14T08:00")));
}

/// What was suspended as an exercise stops no real clock, and the other way round.
#[test]
fn an_exercise_suspends_nothing_real() {
    let mut case = Case::sent("09T08:00");
    case.receive(1, "09T08:00");
    case.pause(1, "09T09:00", None);
    let matters: Vec<_> = case.parties[1].matters.values().cloned().collect();
    assert!(clock::pauses(&matters, false, None).is_empty());
}

/// What stands still after a request was taken back is none of its time.
#[test]
fn what_is_withdrawn_has_its_time_though_the_agreement_is_suspended_later() {
    let mut case = Case::sent("09T08:00");
    case.receive(1, "09T08:00");
    case.act(0, "09T10:00", Command::Withdraw(remark()));
    let pause = case.pause(1, "11T08:00", None);
    case.pause(1, "14T08:00", Some(pause));
    let clocks = case.clocks("15T08:00");
    assert_eq!(clocks.answering_for(at("15T08:00")), Some(SignedDuration::from_hours(2)));
    assert!(clocks.suspended.is_empty());
}

/// Nobody climbs a ladder of an agreement that stands still.
#[test]
fn the_ladder_stands_still_with_the_agreement() {
    let mut case = Case::acknowledged("09");
    // The answer is due on the twelfth; half its limit later is the thirteenth at eight in the evening.
    let pause = case.pause(1, "12T10:00", None);
    let rung = |case: &mut Case, now: &str| {
        let clocks = case.clocks(now);
        let party = &case.parties[0];
        let request = &party.requests[&case.thread];
        ladder::reached(&party.terms, request, &clocks, None, at(now)).map(|rung| rung.trigger)
    };
    assert_eq!(rung(&mut case, "19T10:00"), None);
    case.pause(1, "20T10:00", Some(pause));
    assert_eq!(rung(&mut case, "21T19:00"), None, "eight days did not count");
    assert_eq!(rung(&mut case, "21T21:00"), Some(Trigger::AnswerOverdueByHalf));
}

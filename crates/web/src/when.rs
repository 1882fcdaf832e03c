//! Times as sentences: how long, and the hour on either side. Never a bare date.

use comity_node::dossier::Line;
use comity_rules::agreement::{Agreement, Party};
use comity_rules::clock::{Deadline, Start};
use comity_rules::request::{Desired, Status};
use comity_rules::{PartyId, Period};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::language::Language;

/// The two parties' clocks.
#[derive(Clone)]
pub(crate) struct Zones {
    us: (String, TimeZone),
    them: (String, TimeZone),
}

/// What a list says of a request's next deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    /// `late`, `soon` or nothing: a class of the style sheet, beside the words.
    pub(crate) class: &'static str,
    pub(crate) sentence: String,
    pub(crate) hours: String,
}

impl Zones {
    pub(crate) fn of(line: &Line, us: &PartyId) -> Self {
        Self::between(&line.agreement.terms, us)
    }

    /// The clocks of the parties to these terms.
    pub(crate) fn between(terms: &Agreement, us: &PartyId) -> Self {
        let named = |party: Option<&Party>| {
            let zone = party.and_then(|party| TimeZone::get(&party.zone).ok());
            let name = party.map(|party| short(&party.name)).unwrap_or_default();
            (name, zone.unwrap_or(TimeZone::UTC))
        };
        let (mut ours, mut theirs) = (named(terms.party(us)), named(terms.peer_of(us)));
        // Names that begin alike are told apart by the whole of them.
        if ours.0 == theirs.0 {
            let whole = |party: Option<&Party>| party.map(|party| party.name.clone());
            ours.0 = whole(terms.party(us)).unwrap_or_default();
            theirs.0 = whole(terms.peer_of(us)).unwrap_or_default();
        }
        Self { us: ours, them: theirs }
    }

    /// `Tue 14:00 Northland, 21:00 Southland`.
    pub(crate) fn both(&self, t: Language, time: Timestamp) -> String {
        let here = time.to_zoned(self.us.1.clone());
        let there = time.to_zoned(self.them.1.clone());
        let same_day = here.date() == there.date();
        let there_text = if same_day { clock(&there) } else { day(t, &there) };
        t.with(
            "due-both",
            [
                ("here", day(t, &here)),
                ("us", self.us.0.clone()),
                ("there", there_text),
                ("them", self.them.0.clone()),
            ],
        )
    }

    /// `Tue 10 Mar 14:00`, here.
    pub(crate) fn here(&self, t: Language, time: Timestamp) -> String {
        day(t, &time.to_zoned(self.us.1.clone()))
    }
}

/// The next deadline of a request, as a sentence.
pub(crate) fn due(t: Language, line: &Line, us: &PartyId, zones: &Zones, now: Timestamp) -> Due {
    let clocks = &line.clocks;
    let plain = |key: &str| Due { class: "", sentence: t.text(key), hours: String::new() };
    if line.standing.is_over() {
        return plain("done");
    }
    if line.agreement.is_closed() {
        return plain("due-ended");
    }
    if line.waits_for.as_ref() == Some(us) && line.summary.request.asker == *us {
        let assessed = line.standing.desired == Desired::Assessed;
        let asked = line.standing.question.is_some() && !line.standing.is_answered();
        if asked && clocks.reply.done.is_none() && clocks.reply.due.is_some() {
            return deadline_of(t, &clocks.reply, "due-reply", zones, now);
        }
        return plain(match line.standing.question {
            Some(_) if !line.standing.is_answered() => "reply-now",
            _ if assessed => "close-now",
            _ if line.standing.status == Status::Refused => "assess-refused-now",
            _ => "assess-now",
        });
    }
    if clocks.start == Start::Unreceipted {
        return plain("due-unreceipted");
    }
    let undecided = clocks.decide.limit.is_some() && clocks.decide.done.is_none();
    let (deadline, key) = if clocks.acknowledge.done.is_none() {
        (&clocks.acknowledge, "due-acknowledge")
    } else if undecided {
        (&clocks.decide, "due-decide")
    } else {
        (&clocks.answer, "due-answer")
    };
    if deadline.limit.is_none() {
        return plain("due-none");
    }
    if deadline.done.is_some() {
        return match deadline.late {
            Some(late) => Due {
                class: "late",
                sentence: t.with("late-was", [("time", span(t, late))]),
                hours: String::new(),
            },
            None => plain("due-done"),
        };
    }
    if deadline.due.is_none() && clocks.is_paused() {
        return plain("due-paused");
    }
    deadline_of(t, deadline, key, zones, now)
}

/// A deadline that is not done, as a sentence.
fn deadline_of(t: Language, deadline: &Deadline, key: &str, zones: &Zones, now: Timestamp) -> Due {
    let Some(at) = deadline.due else {
        return Due { class: "", sentence: t.text("due-suspended"), hours: String::new() };
    };
    let hours = zones.both(t, at);
    if let Some(late) = deadline.late {
        let sentence = t.with(key, [("in", t.with("late-by", [("time", span(t, late))]))]);
        return Due { class: "late", sentence, hours };
    }
    let left = at.duration_since(now);
    let sentence = t.with(key, [("in", t.with("due-in", [("time", span(t, left))]))]);
    let class = if is_soon(deadline, left) { "soon" } else { "" };
    Due { class, sentence, hours }
}

/// `3 d 4 h`, `2 h 10 min`: the two largest units.
pub(crate) fn span(t: Language, time: SignedDuration) -> String {
    let minutes = time.as_mins().abs();
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let units = [("days", days), ("hours", hours), ("minutes", minutes)];
    let first = units.iter().position(|(_, count)| *count > 0);
    let Some(first) = first else { return t.text("now") };
    let shown = units.iter().skip(first).take(2).filter(|(_, count)| *count > 0);
    shown.map(|(unit, count)| t.with(unit, [("n", *count)])).collect::<Vec<_>>().join(" ")
}

/// A period as terms name it: months and years are what they are, and no number of days.
pub(crate) fn period(t: Language, period: &Period) -> String {
    if period.days_and_seconds().is_some() {
        return span(t, period.after(Timestamp::UNIX_EPOCH).duration_since(Timestamp::UNIX_EPOCH));
    }
    let text = String::from(period.clone());
    let whole = |unit| text.strip_prefix('P')?.strip_suffix(unit)?.parse::<i64>().ok();
    let units = [("years", 'Y'), ("months", 'M'), ("weeks", 'W')];
    let found = units.into_iter().find_map(|(key, unit)| Some((key, whole(unit)?)));
    found.map_or(text.clone(), |(key, count)| t.with(key, [("n", count)]))
}

/// The same with seconds, where it is less than a minute.
pub(crate) fn short_span(t: Language, time: SignedDuration) -> String {
    if time.as_mins() == 0 { t.with("seconds", [("n", time.as_secs())]) } else { span(t, time) }
}

/// Less than four hours, or less than a quarter of the limit, whichever is less.
fn is_soon(deadline: &Deadline, left: SignedDuration) -> bool {
    let limit = deadline
        .limit
        .as_ref()
        .map(|limit| limit.after(Timestamp::UNIX_EPOCH).duration_since(Timestamp::UNIX_EPOCH));
    let quarter = limit.map_or(SignedDuration::ZERO, |limit| limit / 4);
    left < quarter.min(SignedDuration::from_hours(4)).max(SignedDuration::from_mins(30))
}

pub(crate) fn clock(time: &jiff::Zoned) -> String {
    time.strftime("%H:%M").to_string()
}

pub(crate) fn weekday(t: Language, time: &jiff::Zoned) -> String {
    t.text(&format!("weekday-{}", time.weekday().to_monday_one_offset()))
}

/// `Tue 10 Mar 14:00`.
pub(crate) fn day(t: Language, time: &jiff::Zoned) -> String {
    t.with(
        "day-hour",
        [
            ("weekday", weekday(t, time)),
            ("day", time.day().to_string()),
            ("month", t.text(&format!("month-{}", time.month()))),
            ("hour", clock(time)),
        ],
    )
}

/// The first word of a party's name: enough beside a time.
fn short(name: &str) -> String {
    name.split_whitespace().next().unwrap_or(name).to_owned()
}

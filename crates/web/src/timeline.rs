//! The drawing that the eye remembers: a request between two ledgers, ours left, theirs right.

use std::fmt::Write as _;

use comity_node::dossier::{Dossier, Line, Statement};
use comity_rules::request::Status;
use comity_rules::{Kind, PartyId};
use jiff::Timestamp;

use crate::language::Language;
use crate::when::{Zones, span};

const OURS: u32 = 70;
const THEIRS: u32 = 250;
const ROW: u32 = 40;
const TOP: u32 = 44;

/// The key of a kind's name in the catalogue.
pub(crate) fn kind_key(kind: Kind) -> String {
    let name = kind.as_str().split('/').next().unwrap_or_default();
    format!("kind-{}", name.replace('.', "-"))
}

/// A statement's proof: hollow, filled, or ringed.
pub(crate) fn proof_key(statement: &Statement) -> &'static str {
    let event = &statement.event;
    match (event.witnessed, event.mirrored) {
        (None, _) => "proof-unwitnessed",
        (Some(_), None) => "proof-witnessed",
        (Some(_), Some(_)) => "proof-mirrored",
    }
}

/// The drawing of a request.
pub(crate) fn draw(
    t: Language,
    dossier: &Dossier,
    us: &PartyId,
    zones: &Zones,
    now: Timestamp,
) -> String {
    let statements = &dossier.statements;
    let line = &dossier.line;
    let rows = u32::try_from(statements.len()).unwrap_or(u32::MAX).min(400);
    let bottom = TOP + rows * ROW;
    let mut svg = format!(
        "<svg class=\"rails\" viewBox=\"0 0 800 {}\" role=\"img\" aria-label=\"{}\">",
        bottom + 6,
        escape(&t.text("timeline-title"))
    );
    svg.push_str(
        "<defs><pattern id=\"hatch\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><rect class=\"hatch\" width=\"3\" height=\"7\"/></pattern></defs>",
    );
    let peer = if line.summary.request.asker == *us {
        &line.summary.request.receiver
    } else {
        &line.summary.request.asker
    };
    let name =
        |id| line.agreement.terms.party(id).map_or(String::new(), |party| party.name.clone());
    for (x, party) in [(OURS, us), (THEIRS, peer)] {
        let name = escape(&name(party));
        let _ = write!(svg, "<text class=\"who\" x=\"{x}\" y=\"16\">{name}</text>");
        let _ =
            write!(svg, "<line class=\"rail\" x1=\"{x}\" x2=\"{x}\" y1=\"26\" y2=\"{bottom}\"/>");
    }
    let receiver = if line.summary.request.receiver == *us { OURS } else { THEIRS };
    stretches(&mut svg, statements, line, receiver, bottom, now);
    for (row, statement) in (0..rows).zip(statements) {
        tick(&mut svg, t, statement, statement.author == *us, TOP + row * ROW, zones);
    }
    svg.push_str("</svg>");
    svg
}

/// The same, small, for lists.
pub(crate) fn spark(line: &Line) -> String {
    let request = &line.summary.request;
    let mut events: Vec<_> = request.asked.iter().chain(&request.answered).collect();
    events.sort_by_key(|event| event.witnessed.unwrap_or(event.claimed));
    let count = u32::try_from(events.len()).unwrap_or(1).clamp(1, 12);
    let mut svg = String::from("<svg class=\"spark\" viewBox=\"0 0 120 16\" aria-hidden=\"true\">");
    svg.push_str("<line class=\"rail\" x1=\"4\" x2=\"116\" y1=\"8\" y2=\"8\"/>");
    let at = |index: u32| 6 + index * 96 / 12;
    if line.clocks.is_overdue() {
        let _ = write!(
            svg,
            "<line class=\"overdue\" x1=\"{}\" x2=\"116\" y1=\"8\" y2=\"8\"/>",
            at(count)
        );
    }
    for (index, event) in (0..12).zip(&events) {
        let class = if event.witnessed.is_some() { "full" } else { "hollow" };
        let _ = write!(svg, "<circle class=\"{class}\" cx=\"{}\" cy=\"8\" r=\"4\"/>", at(index));
    }
    svg.push_str("</svg>");
    svg
}

/// Hatched while the clock stood still, red from the due instant on, on the receiver's rail.
fn stretches(
    svg: &mut String,
    statements: &[Statement],
    line: &Line,
    x: u32,
    bottom: u32,
    now: Timestamp,
) {
    // Rows are events, not hours: an instant stands after the last row that is not later.
    let y = |time: Timestamp| {
        let before =
            statements.iter().filter(|s| s.event.witnessed.is_some_and(|w| w <= time)).count();
        let rows = u32::try_from(before).unwrap_or(0);
        (TOP + rows * ROW).saturating_sub(ROW).max(26)
    };
    let mut stretch = |class: &str, from: u32, to: u32| {
        let height = to.saturating_sub(from).max(8);
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{}\" y=\"{from}\" width=\"8\" height=\"{height}\"/>",
            x - 4
        );
    };
    for suspension in &line.clocks.suspended {
        let to =
            suspension.to.map_or(bottom, |to| y(to) + if to > suspension.from { 0 } else { ROW });
        stretch("suspended", y(suspension.from), to);
    }
    for deadline in [&line.clocks.acknowledge, &line.clocks.answer] {
        if let (Some(due), Some(_)) = (deadline.due, deadline.late) {
            let to = deadline.done.filter(|done| *done <= now).map_or(bottom, y);
            stretch("overdue", y(due) + ROW / 2, to);
        }
    }
}

fn tick(svg: &mut String, t: Language, statement: &Statement, ours: bool, y: u32, zones: &Zones) {
    let event = &statement.event;
    let (from, to) = if ours { (OURS, THEIRS) } else { (THEIRS, OURS) };
    if event.receipt.is_some() {
        let _ = write!(
            svg,
            "<line class=\"across\" x1=\"{from}\" y1=\"{y}\" x2=\"{to}\" y2=\"{}\"/>",
            y + 5
        );
        let _ = write!(svg, "<circle class=\"received\" cx=\"{to}\" cy=\"{}\" r=\"2.5\"/>", y + 5);
    }
    if event.mirrored.is_some() {
        let _ = write!(svg, "<circle class=\"ring\" cx=\"{from}\" cy=\"{y}\" r=\"9\"/>");
    }
    let class = if event.witnessed.is_some() { "full" } else { "hollow" };
    let _ = write!(svg, "<circle class=\"{class}\" cx=\"{from}\" cy=\"{y}\" r=\"5\"/>");
    let what = escape(&t.text(&kind_key(event.act.kind)));
    let _ = write!(svg, "<text class=\"what\" x=\"300\" y=\"{}\">{what}</text>", y + 5);
    let when = zones.here(t, event.witnessed.unwrap_or(event.claimed));
    let _ = write!(svg, "<text class=\"when\" x=\"792\" y=\"{}\">{}</text>", y + 5, escape(&when));
}

/// The sentence over the drawing.
pub(crate) fn headline(t: Language, line: &Line) -> String {
    let clocks = &line.clocks;
    if let Some(time) = clocks.answered_in() {
        let refused = line.standing.status == Status::Refused;
        let key = if refused { "refused-in" } else { "answered-in" };
        return t.with(key, [("time", span(t, time))]);
    }
    if clocks.answer.untimed {
        let refused = line.standing.status == Status::Refused;
        return t.text(if refused { "refused-untimed" } else { "answered-untimed" });
    }
    if clocks.is_overdue() {
        let late = [&clocks.acknowledge, &clocks.answer].into_iter().filter(|d| d.done.is_none());
        let late = late.filter_map(|deadline| deadline.late).max();
        let by = t.with("late-by", [("time", late.map(|late| span(t, late)).unwrap_or_default())]);
        return t.with("overdue-title", [("what", by)]);
    }
    if line.agreement.is_closed() {
        return t.text("ended-title");
    }
    match clocks.acknowledge.late {
        Some(late) => t.with("acknowledged-late", [("time", span(t, late))]),
        None => t.text("open-title"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! What one thread does with one stretch of a log.

use jiff::Timestamp;

use super::{Found, Sighting};
use crate::fields::{Columns, Line};
use crate::index::{Index, Record};
use crate::input::{Block, CONTEXT, PIECE};
use crate::normal::Backslash;
use crate::observe::{Lead, observation, when};
use crate::patterns::{Asked, Patterns};
use crate::scan::{Hit, Host, Scanner};

/// A value longer than this is shortened.
const LONGEST_VALUE: usize = 8 << 10;

/// Sightings of one line whose fields are named, and hosts of one that are put together with a path: each goes through
/// the line from its beginning.
const MOST_NAMED: u32 = 256;
const MOST_JOINED: u32 = 16;

/// A part of a pattern, seen in the block.
pub(super) struct SeenPart {
    /// Where its line begins and ends.
    line: (usize, usize),
    /// The index, and the number of the pattern in it.
    pattern: (usize, u64),
    seen: Sighting,
}

/// What is known of a hit beside where it is.
#[derive(Default)]
struct Said {
    /// What stands there, where that is not one stretch of the line.
    value: Option<String>,
    field: Option<String>,
    time: Option<Timestamp>,
}

pub(super) struct OneUnit<'u, 'i> {
    pub(super) file: &'u str,
    pub(super) scanner: &'u mut Scanner<'i>,
    pub(super) indexes: &'i [Index],
    pub(super) suppressed: bool,
    pub(super) times: bool,
    pub(super) patterns: &'u Patterns,
    pub(super) parts: Vec<SeenPart>,
    pub(super) found: Found,
    /// Of a line that is read in pieces, what a backslash is there.
    pub(super) piece: Option<Backslash>,
    pub(super) is_first: bool,
}

impl OneUnit<'_, '_> {
    /// Scans a block, and keeps what is found.
    pub(super) fn block(&mut self, text: &[u8], block: &Block) {
        if std::mem::take(&mut self.is_first) && self.found.columns.0 == Columns::Unnamed {
            // Of what comes through a pipe the head is seen only now.
            let columns = Columns::of(&text[..block.length]);
            self.found.columns = (self.found.columns.0.clone(), columns);
        }
        if block.is_cut && !block.goes_on {
            self.piece = Some(Backslash::of_piece(&text[..block.length]));
        }
        let lines = self.scanner.scan(
            text,
            block.length,
            self.piece.filter(|_| block.goes_on || block.is_cut),
        );
        let is_whole = !block.is_cut && !block.goes_on;
        let hits = std::mem::take(&mut self.scanner.hits);
        let hosts = std::mem::take(&mut self.scanner.hosts);
        let before = self.found.sightings.len();
        let mut place =
            Place { text: &text[..block.length], from: 0, lines: 0, seen: 0, bounds: (0, 0) };
        // Each line is read for its time once.
        let mut timed = (usize::MAX, None);
        for hit in &hits {
            let is_ours = (!block.goes_on || hit.start > CONTEXT)
                && (!block.is_cut || hit.start <= PIECE + CONTEXT && hit.end < block.length);
            if is_ours {
                let (line, start, end) = place.line(hit.start);
                let bytes = &text[start..end];
                let mut said = Said::default();
                if is_whole && place.seen <= MOST_NAMED {
                    let columns = self.found.columns.1.at(text, start);
                    let whole = Line { bytes, columns: &columns };
                    said.field = whole.field(hit.start - start);
                    if self.times && timed.0 != start {
                        timed = (start, when(&whole));
                    }
                    said.time = timed.1;
                }
                self.sighting(text, block, hit, line, said);
            }
        }
        let mut place = Place { from: 0, lines: 0, seen: 0, bounds: (0, 0), ..place };
        for host in hosts.iter().filter(|_| is_whole) {
            let (line, start, end) = place.line(host.start);
            if place.seen > MOST_JOINED {
                continue;
            }
            self.host(text, block, host, line, (start, end));
        }
        self.ask(text, is_whole);
        // What is found in two fields comes in at its place.
        self.found.sightings[before..].sort_by_key(|seen| seen.offset);
        self.scanner.hits = hits;
        self.scanner.hosts = hosts;
        if let Columns::Headed(..) = self.found.columns.1 {
            self.found.columns.1.start(text);
            self.found.columns.1.follow(&text[..block.length]);
        }
        // What of a cut line the next piece shares has no line end in it.
        self.found.lines += lines;
        if !block.is_cut && !text[..block.length].ends_with(b"\n") {
            self.found.lines += 1;
        }
    }

    /// Asks patterns of the lines in which parts of them were seen.
    fn ask(&mut self, text: &[u8], is_whole: bool) {
        let mut parts = std::mem::take(&mut self.parts);
        if parts.is_empty() {
            return;
        }
        // Of a line that is too long to be one observation nobody knows.
        if !is_whole {
            self.found.undecided = true;
            return;
        }
        // A line once for each pattern, with all that led to it.
        parts.sort_by_key(|part| (part.line, part.pattern, part.seen.offset));
        for group in parts.chunk_by(|a, b| (a.line, a.pattern) == (b.line, b.pattern)) {
            let Some(SeenPart { line: (start, end), pattern, seen }) = group.first() else {
                continue;
            };
            let columns = self.found.columns.1.at(text, *start);
            let line = Line { bytes: &text[*start..*end], columns: &columns };
            let leads = group.iter().map(|part| Lead {
                kind: part.seen.kind,
                value: part.seen.indicator.clone(),
                seen: part.seen.value.clone(),
            });
            let (observed, at) = observation(&line, &leads.collect::<Vec<_>>());
            let is_harmless = group.iter().all(|part| !part.seen.warnings.is_empty());
            match self.patterns.ask(*pattern, &observed, at.is_some(), seen.clone()) {
                Asked::No => {}
                Asked::Yes(_) if is_harmless && !self.suppressed => self.found.suppressed += 1,
                Asked::Yes(sighting) => self.found.sightings.push(*sighting),
                Asked::Perhaps(candidate) => self.found.candidates.push(*candidate),
                Asked::Unknown => self.found.undecided = true,
            }
        }
    }

    /// A host, whose path another field may hold.
    fn host(
        &mut self,
        text: &[u8],
        block: &Block,
        host: &Host,
        line: u64,
        (start, end): (usize, usize),
    ) {
        let columns = self.found.columns.1.at(text, start);
        let of = Line { bytes: &text[start..end], columns: &columns };
        let Some(joined) = of.joined(host.start - start, host.end - start) else { return };
        let time = if self.times { when(&of) } else { None };
        drop(columns);
        let name = String::from_utf8_lossy(&text[host.start..host.end]);
        // As JSON may write it.
        let name = match name.contains('\\') {
            true => serde_json::from_str(&format!("\"{name}\"")).unwrap_or(name.into_owned()),
            false => name.into_owned(),
        };
        let name = name.to_lowercase();
        let name = crate::address::ip(&name).map_or(name, |address| match address {
            std::net::IpAddr::V4(four) => four.to_string(),
            std::net::IpAddr::V6(six) => format!("[{six}]"),
        });
        let name = crate::address::host(&name).unwrap_or(name);
        for (index, place) in self.scanner.joined(host, &name, &joined.rest) {
            let hit = Hit { start: host.start, end: host.end, index, place };
            let value = format!("{name}{}", String::from_utf8_lossy(&joined.rest));
            let said = Said { value: Some(value), field: Some(joined.field.clone()), time };
            self.sighting(text, block, &hit, line, said);
        }
    }

    fn sighting(&mut self, text: &[u8], block: &Block, hit: &Hit, line: u64, said: Said) {
        let indexes = self.indexes;
        let Some(index) = indexes.get(hit.index) else { return };
        // Where no record is, the index is damaged: `verify` says so.
        let _ = index.with_record(hit.place, |record| {
            self.seen(text, block, hit, line, said, record);
        });
    }

    fn seen(
        &mut self,
        text: &[u8],
        block: &Block,
        hit: &Hit,
        line: u64,
        Said { value, field, time }: Said,
        record: &Record<'_>,
    ) {
        if !record.warnings.is_empty() && !self.suppressed && record.part_of.is_none() {
            self.found.suppressed += 1;
            return;
        }
        let about = self.indexes[hit.index].about();
        let seen = &text[hit.start..hit.end.min(hit.start + LONGEST_VALUE)];
        let list = usize::try_from(record.list).ok().and_then(|list| about.lists.get(list));
        let warning = |number: &u8| about.warninglists.get(usize::from(*number)).cloned();
        let expires = record.expires.and_then(|at| Timestamp::from_second(at).ok());
        let sighting = Sighting {
            file: self.file.to_owned(),
            line: self.found.lines + line + 1,
            offset: block.offset + hit.start as u64,
            length: (hit.end - hit.start) as u64,
            kind: record.kind.name(),
            indicator: record.id.unwrap_or(record.value).to_owned(),
            value: value.unwrap_or_else(|| String::from_utf8_lossy(seen).into_owned()),
            field,
            pattern: record.id.map(|_| record.value.to_owned()),
            list: list.map(|list| list.name.clone()),
            confidence: record.confidence,
            expires: expires.map(|at| at.to_string()),
            warnings: record.warnings.iter().filter_map(warning).collect(),
            part: None,
            time,
        };
        let Some(number) = record.part_of else {
            self.found.sightings.push(sighting);
            return;
        };
        let start = memchr::memrchr(b'\n', &text[..hit.start]).map_or(0, |end| end + 1);
        let end = memchr::memchr(b'\n', &text[hit.start..block.length]);
        let end = end.map_or(block.length, |end| hit.start + end);
        let seen = Sighting { indicator: record.value.to_owned(), ..sighting };
        self.parts.push(SeenPart { line: (start, end), pattern: (hit.index, number), seen });
    }
}

/// Counts lines up to places that come in order.
struct Place<'a> {
    text: &'a [u8],
    from: usize,
    lines: u64,
    /// How many places of the last line were asked for, and where that begins and ends.
    seen: u32,
    bounds: (usize, usize),
}

impl Place<'_> {
    /// The number of the line, in this text and from 0, and where it begins and ends.
    fn line(&mut self, at: usize) -> (u64, usize, usize) {
        self.seen += 1;
        if self.seen == 1 || at >= self.bounds.1 {
            self.seen = 1;
            self.lines += memchr::memchr_iter(b'\n', &self.text[self.from..at]).count() as u64;
            self.from = at;
            let start = memchr::memrchr(b'\n', &self.text[..at]).map_or(0, |end| end + 1);
            let end =
                memchr::memchr(b'\n', &self.text[at..]).map_or(self.text.len(), |end| at + end);
            self.bounds = (start, end);
        }
        let (start, end) = self.bounds;
        let end = if self.text[start..end].ends_with(b"\r") { end - 1 } else { end };
        (self.lines, start, end)
    }
}

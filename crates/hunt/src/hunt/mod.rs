//! A hunt: logs in, sightings out, in the order of the files and of their bytes, however many threads there are.

mod unit;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use crate::fields::Columns;
use crate::index::Index;
use crate::input::{Blocks, Counted, PIECE, Packing, Source, unpacked};
use crate::patterns::{Candidate, Candidates, Patterns};
use crate::scan::{Instructions, Scanner};
use unit::OneUnit;

/// Bytes of a plain file that one thread takes at a time.
const SEGMENT: u64 = 16 << 20;
/// Bytes that are read at once.
const BLOCK: usize = 48 << 10;
/// Sightings that a thread keeps before it waits for its turn to give them.
const MOST_KEPT: usize = 10_000;

/// An indicator, seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sighting {
    /// The log, as it was named.
    pub file: String,
    /// Counted from 1.
    pub line: u64,
    /// Where in the unpacked log it begins, in bytes from 0.
    pub offset: u64,
    /// How many bytes it takes.
    pub length: u64,
    /// What kind of indicator it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The indicator's identifier; of one without, its value.
    pub indicator: String,
    /// What stands in the log.
    pub value: String,
    /// The field that it stands in, where the format has fields.
    pub field: Option<String>,
    /// The indicator's value, where `indicator` is an identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The list that the indicator is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// How sure whoever gave it was, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    /// From when on the indicator is no longer valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The warning lists that call it harmless.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Of a pattern: the kind and the value of the part of it that stands there.
    #[serde(skip)]
    pub part: Option<(&'static str, String)>,
    /// When the line was logged, where that was asked for and it says so.
    #[serde(skip)]
    pub time: Option<Timestamp>,
}

/// How to hunt.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads, at least 1.
    pub threads: usize,
    /// Bytes that are read at once; what is found does not depend on it.
    pub block: usize,
    /// Which instructions to use; what is found does not depend on it.
    pub instructions: Instructions,
    /// Whether what warning lists call harmless is a sighting.
    pub suppressed: bool,
    /// Whether sightings have the time of their lines: each is read for it.
    pub times: bool,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads,
            block: BLOCK,
            instructions: Instructions::Fastest,
            suppressed: false,
            times: false,
        }
    }
}

/// What a hunt went through, and found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Files, to their end.
    pub files: u64,
    /// Lines.
    pub lines: u64,
    /// Bytes, unpacked.
    pub bytes: u64,
    /// Sightings.
    pub sightings: u64,
    /// What warning lists call harmless, and was left out.
    pub suppressed: u64,
    /// Sightings by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Logs that were not read to their end, and why: what is in the rest of them nobody has looked at.
    pub unread: Vec<Unread>,
    /// Whether of some pattern it could not be said whether it is satisfied: too many lines may be parts of it, it binds
    /// too many of them to each other, or it asks when something was and a line does not say.
    pub undecided: bool,
}

/// A log that was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Which.
    pub file: String,
    /// Why.
    pub problem: String,
}

/// Up to where everything has been given: a hunt can go on from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Files that are done.
    pub files: usize,
    /// Segments of the next file that are done.
    pub segments: u64,
    /// Lines in them.
    pub lines: u64,
}

/// Who takes what is found, in order.
pub trait Sink: Send {
    /// A sighting.
    ///
    /// # Errors
    /// Where it cannot be kept: the hunt ends.
    fn sighting(&mut self, sighting: &Sighting) -> io::Result<()>;

    /// Everything up to here was given.
    ///
    /// # Errors
    /// Where that cannot be kept: the hunt ends.
    fn reached(&mut self, position: Position, summary: &Summary) -> io::Result<()> {
        let _ = (position, summary);
        Ok(())
    }
}

impl<F: FnMut(&Sighting) -> io::Result<()> + Send> Sink for F {
    fn sighting(&mut self, sighting: &Sighting) -> io::Result<()> {
        self(sighting)
    }
}

/// Why a hunt ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was found cannot be kept.
    #[error("the results cannot be written: {0}")]
    Write(io::Error),
}

/// What one thread does at a time.
#[derive(Debug, Clone, Copy)]
struct Unit {
    file: usize,
    segment: u64,
    /// Where it begins, and where the next one does.
    from: u64,
    to: Option<u64>,
    is_last: bool,
}

/// What a thread has found in a unit.
#[derive(Debug, Default)]
struct Found {
    sightings: Vec<Sighting>,
    suppressed: u64,
    lines: u64,
    bytes: u64,
    /// The columns that were taken for the file's where it began, and those at its end.
    columns: (Columns, Columns),
    /// Lines for patterns over several.
    candidates: Vec<Candidate>,
    /// Whether of some line it cannot be said what a pattern says of it.
    undecided: bool,
    /// Why it was not read to its end.
    problem: Option<String>,
}

/// A log that is hunted in.
#[derive(Default)]
struct Log {
    name: String,
    /// None: standard input.
    path: Option<PathBuf>,
    /// How large it is as the hunt begins: what is written behind that is not read. None: a stream.
    size: Option<u64>,
    columns: Columns,
}

/// Goes through logs.
pub struct Hunt<'a> {
    indexes: &'a [Index],
    options: Options,
    files: Vec<Log>,
    units: Vec<Unit>,
    progress: &'a (dyn Fn(u64) + Sync),
    start: Position,
    patterns: Patterns,
}

struct Shared<'s> {
    next: usize,
    current: usize,
    done: BTreeMap<usize, Found>,
    lines: u64,
    columns: Columns,
    summary: Summary,
    sink: &'s mut dyn Sink,
    failed: Option<Error>,
    candidates: Candidates,
}

impl<'a> Hunt<'a> {
    /// A hunt for what these indexes hold, of which a later one may take back what an earlier one holds. `progress`
    /// is told how many bytes were read.
    #[must_use]
    pub fn new(
        indexes: &'a [Index],
        sources: &[Source],
        options: Options,
        progress: &'a (dyn Fn(u64) + Sync),
    ) -> Self {
        let mut hunt = Self {
            indexes,
            options,
            files: Vec::new(),
            units: Vec::new(),
            progress,
            start: Position::default(),
            patterns: Patterns::of(indexes),
        };
        for (file, source) in sources.iter().enumerate() {
            let (mut count, mut log) = (1, Log { name: source.name(), ..Log::default() });
            if let Some(path) = source.path() {
                log.path = Some(path.to_path_buf());
                // What cannot be read is said to be when its turn comes. A pipe is read once, from its beginning.
                log.size = source.size();
                if let Some(size) = log.size {
                    let head = head(path, size);
                    log.columns = head.map(|head| Columns::of(&head)).unwrap_or_default();
                    if Packing::of_file(path).is_ok_and(|packing| packing == Packing::Plain) {
                        count = size.div_ceil(SEGMENT).max(1);
                    }
                }
            }
            hunt.units.extend((0..count).map(|segment| {
                let is_last = segment + 1 == count;
                let to = (!is_last).then_some((segment + 1) * SEGMENT);
                Unit { file, segment, from: segment * SEGMENT, to, is_last }
            }));
            hunt.files.push(log);
        }
        hunt
    }

    /// Whether some pattern is over several lines: such a hunt cannot go on where another was stopped.
    #[must_use]
    pub fn is_over_lines(&self) -> bool {
        self.patterns.are_over_lines()
    }

    /// Leaves out what a hunt of the same logs has been through; `progress` is told of it as of what is read.
    #[must_use]
    pub fn from(mut self, position: Position) -> Self {
        let done = self.files.iter().take(position.files).filter_map(|log| log.size);
        (self.progress)(done.sum::<u64>() + position.segments * SEGMENT);
        self.units.retain(|unit| (unit.file, unit.segment) >= (position.files, position.segments));
        self.start = position;
        self
    }

    /// Hunts.
    ///
    /// # Errors
    /// [`Error`]; what was given before it was given in order and whole.
    pub fn run(&self, sink: &mut dyn Sink) -> Result<Summary, Error> {
        let columns = self.units.first().map(|unit| self.columns_at(unit)).unwrap_or_default();
        let shared = Mutex::new(Shared {
            next: 0,
            current: 0,
            done: BTreeMap::new(),
            lines: self.start.lines,
            columns,
            summary: Summary::default(),
            sink,
            failed: None,
            candidates: Candidates::default(),
        });
        let turn = Condvar::new();
        std::thread::scope(|scope| {
            for _ in 1..self.options.threads.min(self.units.len()) {
                scope.spawn(|| self.work(&shared, &turn));
            }
            self.work(&shared, &turn);
        });
        let mut shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        if shared.failed.is_none() {
            shared.lines = 0;
            let candidates = std::mem::take(&mut shared.candidates);
            let is_decided = self.patterns.over(candidates, |sighting| {
                let given = match shared.failed {
                    Some(_) => return,
                    None => {
                        shared.give(&mut Found { sightings: vec![sighting], ..Found::default() })
                    }
                };
                shared.fail(given);
            });
            shared.summary.undecided |= !is_decided;
        }
        match shared.failed {
            Some(error) => Err(error),
            None => Ok(shared.summary),
        }
    }

    /// The columns before a unit that is the first: what the file says up to it.
    fn columns_at(&self, unit: &Unit) -> Columns {
        let file = &self.files[unit.file];
        let mut columns = file.columns.clone();
        if let (Columns::Headed(..), Some(path), true) = (&columns, &file.path, unit.from > 0)
            && let Ok(mut file) = File::open(path).map(|file| file.take(unit.from))
        {
            let mut text = Vec::new();
            while let Ok(1..) = (&mut file).take(SEGMENT).read_to_end(&mut text) {
                columns.follow(&text);
                let kept = text.len().saturating_sub(1 << 16);
                text.drain(..kept);
            }
        }
        columns
    }

    fn work(&self, shared: &Mutex<Shared<'_>>, turn: &Condvar) {
        let mut scanner = Scanner::new(self.indexes, self.options.instructions);
        let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut state = lock();
            // Nobody runs so far ahead that what waits for its turn could fill the memory.
            while state.failed.is_none()
                && state.next > state.current.saturating_add(self.options.threads.saturating_mul(4))
            {
                state = turn.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let at = state.next;
            state.next += 1;
            let Some(unit) = self.units.get(at).filter(|_| state.failed.is_none()) else { return };
            drop(state);
            let columns = self.files[unit.file].columns.clone();
            let mut early = |found: &mut Found| {
                let mut state = lock();
                while state.failed.is_none() && state.current != at {
                    state = turn.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                // Whoever took other columns for the file's begins again.
                if state.failed.is_some() || found.columns.0 != state.columns {
                    return false;
                }
                let given = state.give(found);
                state.fail(given);
                state.failed.is_none()
            };
            let found = self.unit(&mut scanner, unit, columns, &mut early);
            let mut state = lock();
            state.done.insert(at, found);
            self.give_all(&mut state, &mut scanner);
            drop(state);
            turn.notify_all();
        }
    }

    /// Gives everything whose turn it is.
    fn give_all(&self, state: &mut MutexGuard<'_, Shared<'_>>, scanner: &mut Scanner<'a>) {
        while state.failed.is_none() {
            let at = state.current;
            let Some(mut found) = state.done.remove(&at) else { return };
            let Some(unit) = self.units.get(at) else { return };
            if found.columns.0 != state.columns {
                let columns = state.columns.clone();
                found = self.unit(scanner, unit, columns, &mut |_| true);
            }
            let given = state.give(&mut found);
            state.fail(given);
            state.lines += found.lines;
            state.summary.lines += found.lines;
            state.summary.bytes += found.bytes;
            state.columns = found.columns.1;
            let file = &self.files[unit.file].name;
            if let Some(problem) = found.problem
                && state.summary.unread.last().is_none_or(|last| last.file != *file)
            {
                state.summary.unread.push(Unread { file: file.clone(), problem });
            }
            if unit.is_last {
                state.lines = 0;
                let is_whole = state.summary.unread.last().is_none_or(|last| last.file != *file);
                state.summary.files += u64::from(is_whole);
                state.columns = self
                    .files
                    .get(unit.file + 1)
                    .map(|file| file.columns.clone())
                    .unwrap_or_default();
            }
            state.current += 1;
            let position = Position {
                files: unit.file + usize::from(unit.is_last),
                segments: if unit.is_last { 0 } else { unit.segment + 1 },
                lines: state.lines,
            };
            let Shared { sink, summary, .. } = &mut **state;
            let reached = sink.reached(position, summary);
            state.fail(reached);
        }
    }

    /// Goes through a unit; what keeps it from being read to its end is said with what was found before.
    fn unit(
        &self,
        scanner: &mut Scanner<'a>,
        unit: &Unit,
        columns: Columns,
        early: &mut dyn FnMut(&mut Found) -> bool,
    ) -> Found {
        let file = &self.files[unit.file];
        let found = Found { columns: (columns.clone(), columns), ..Found::default() };
        let mut unit_of = OneUnit {
            file: &file.name,
            scanner,
            suppressed: self.options.suppressed,
            times: self.options.times,
            patterns: &self.patterns,
            parts: Vec::new(),
            indexes: self.indexes,
            found,
            piece: None,
            is_first: false,
        };
        if let Err(problem) = self.go_through(file, unit, &mut unit_of, early) {
            unit_of.found.problem = Some(problem.to_string());
        }
        unit_of.found
    }

    fn go_through(
        &self,
        file: &Log,
        unit: &Unit,
        unit_of: &mut OneUnit<'_, '_>,
        early: &mut dyn FnMut(&mut Found) -> bool,
    ) -> io::Result<()> {
        let progress = self.progress;
        let (reader, begin): (Box<dyn Read + '_>, u64) = match &file.path {
            None => (unpacked(Counted::new(io::stdin().lock(), progress))?, 0),
            Some(path) => {
                let mut opened = File::open(path)?;
                let size = file.size.unwrap_or(u64::MAX);
                if unit.to.is_some() || unit.from > 0 {
                    let Some(begin) = first_line(&mut opened, unit)? else { return Ok(()) };
                    opened.seek(SeekFrom::Start(begin))?;
                    let rest = opened.take(size.saturating_sub(begin));
                    (Box::new(Counted::new(rest, progress)), begin)
                } else {
                    (unpacked(Counted::new(opened.take(size), progress))?, 0)
                }
            }
        };
        unit_of.is_first = begin == 0;
        let mut blocks = Blocks::new(reader, begin, self.options.block);
        while let Some(mut block) = blocks.next()? {
            // The last line of a unit is the last one that begins in it.
            let left = unit.to.map(|to| to.saturating_sub(block.offset));
            let mut ends = false;
            if let Some(left) = left.and_then(|left| usize::try_from(left).ok())
                && left <= block.length
                && !block.is_cut
            {
                let from = left.saturating_sub(1);
                if let Some(end) = memchr::memchr(b'\n', &blocks.text()[from..block.length]) {
                    block = blocks.cut(from + end + 1);
                    ends = true;
                }
            }
            unit_of.block(blocks.text(), &block);
            let found = &mut unit_of.found;
            found.bytes += if block.is_cut { PIECE as u64 } else { block.length as u64 };
            let is_much = found.sightings.len().max(found.candidates.len()) >= MOST_KEPT;
            if is_much && !early(found) || ends {
                break;
            }
        }
        // Whoever turns logs over by cutting them short takes away what was to be read.
        let size = file.path.as_ref().map(std::fs::metadata).transpose()?.map(|now| now.len());
        match (size, file.size) {
            (Some(now), Some(then)) if now < then => Err(io::Error::other(format!(
                "it had {then} bytes and has {now}: it became shorter while it was read"
            ))),
            _ => Ok(()),
        }
    }
}

impl Shared<'_> {
    fn fail(&mut self, result: io::Result<()>) {
        if let Err(error) = result
            && self.failed.is_none()
        {
            self.failed = Some(Error::Write(error));
        }
    }

    /// Gives the sightings of the unit whose turn it is.
    fn give(&mut self, found: &mut Found) -> io::Result<()> {
        for mut sighting in found.sightings.drain(..) {
            sighting.line += self.lines;
            self.sink.sighting(&sighting)?;
            self.summary.sightings += 1;
            *self.summary.kinds.entry(sighting.kind).or_default() += 1;
        }
        for mut candidate in found.candidates.drain(..) {
            candidate.sighting.line += self.lines;
            self.candidates.push(candidate);
        }
        self.summary.suppressed += std::mem::take(&mut found.suppressed);
        self.summary.undecided |= found.undecided;
        Ok(())
    }
}

/// The beginning of a file, unpacked.
fn head(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    unpacked(File::open(path)?.take(size))?.take(1 << 16).read_to_end(&mut head)?;
    Ok(head)
}

/// Where the first line begins that begins in this unit; none where none does.
fn first_line(file: &mut File, unit: &Unit) -> io::Result<Option<u64>> {
    let Some(mut at) = unit.from.checked_sub(1) else { return Ok(Some(0)) };
    let end = unit.to.map_or(u64::MAX, |to| to - 1);
    file.seek(SeekFrom::Start(at))?;
    let mut buffer = vec![0; 1 << 16];
    while at < end {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        if let Some(found) = memchr::memchr(b'\n', &buffer[..read]) {
            let begin = at + found as u64 + 1;
            return Ok((begin <= end).then_some(begin));
        }
        at += read as u64;
    }
    Ok(None)
}

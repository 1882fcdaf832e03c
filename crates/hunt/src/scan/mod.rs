//! The scan: text in, places of indicators out.
//!
//! 1. [`mask`] says of 64 bytes at a time what each is, and where something rare may be.
//! 2. A line in which an escape or an address in brackets stands is read as it was meant, and scanned so.
//! 3. [`tokens`] makes keys of what may be an indicator, and asks the filter of each index for many at once.
//! 4. [`confirm`] compares what is left with the records, byte by byte.

mod confirm;
pub(crate) mod mask;
mod tokens;

use confirm::Confirm;
use mask::{Bits, FIRST, Masks, Rare};
use tokens::Sorted;

pub use mask::Instructions;

use crate::address::LONGEST_REST;
use crate::index::{FINGERPRINTS, Index, Lookup, NUMERIC_NAMES};
use crate::normal::{self, Backslash, How, Normal};
use crate::raw::{self, Vectors, Work};

/// Bytes that what is scanned is a multiple of.
pub(crate) const STEP: usize = 64;

/// How many keys wait for the filter's cache lines.
const BATCH: usize = 128;

/// How many keys are remembered that are in no index.
const UNKNOWN: usize = 1 << 13;

/// Where a key is remembered. The key 0 is not, as what is empty: it is asked for each time.
#[inline(always)]
fn slot(key: u64) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "the last bits of it")]
    let slot = key as usize % UNKNOWN;
    slot
}

/// Whether a byte may stand in a token.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') || byte >= 0x80
}

/// The end of a sentence is no part of a name.
pub(crate) fn without_end_dots(token: &[u8]) -> &[u8] {
    let end = token.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
    &token[..end]
}

/// An indicator, and where it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Which of the indexes has it.
    pub(crate) index: usize,
    /// Where in it.
    pub(crate) place: u64,
}

/// A host of some URL, without one after it: another field may hold the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) key: u64,
}

/// A line with escapes, or with what stands for a part of an address.
#[derive(Debug, Clone, Copy)]
struct Escaped {
    start: usize,
    end: usize,
    backslash: Backslash,
}

impl Escaped {
    /// The line around this place; of one that is read in pieces, of which the text is one, `piece` says what it is.
    fn around(text: &[u8], at: usize, length: usize, piece: Option<Backslash>) -> Self {
        let start = memchr::memrchr(b'\n', &text[..at]).map_or(0, |end| end + 1);
        let end = memchr::memchr(b'\n', &text[at..length]).map_or(length, |end| at + end);
        let backslash = match piece {
            Some(known) if start == 0 => known,
            _ => Backslash::of(&text[start..end]),
        };
        Self { start, end, backslash }
    }

    fn is_json(&self) -> bool {
        self.backslash == Backslash::Json
    }
}

/// Sightings of a line that each one is held against.
const MOST_COMPARED: usize = 64;

/// What the indexes together ask for.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted {
    networks4: u64,
    networks6: [u64; 3],
    bare_names: u64,
    longer_by: u64,
    longest_rest: u64,
    numeric_names: bool,
    fingerprints: bool,
}

/// A key that waits for the filter.
#[derive(Debug, Clone, Copy)]
struct Probe {
    key: u64,
    /// What is compared.
    start: u32,
    end: u32,
    family: Family,
}

impl Probe {
    const NONE: Self = Self { key: 0, start: 0, end: 0, family: Family::Name };
}

/// What a key was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// A name, from some label on.
    Name,
    Ipv4,
    /// An IPv4 address in a network of so many bits.
    Network4(u8),
    Ipv6,
    Network6(u8),
    Digest,
}

/// Scans texts for what some indexes hold.
pub(crate) struct Scanner<'a> {
    indexes: &'a [Index],
    lookups: Vec<Lookup<'a>>,
    wanted: Wanted,
    instructions: Instructions,
    masks: Masks,
    inner: Masks,
    normal: Normal,
    /// The first of them wait.
    waiting: [Probe; BATCH],
    waits: usize,
    sorted: Option<Box<Sorted>>,
    /// Keys that no filter has, by their last bits: logs say the same again and again.
    unknown: [u64; UNKNOWN],
    /// What was found in the last text, in order.
    pub(crate) hits: Vec<Hit>,
    /// Hosts of URLs in the last text.
    pub(crate) hosts: Vec<Host>,
    lines: Vec<Escaped>,
    urls: Urls,
    /// URLs found with what follows the host read once more: they are some only where all of it was escaped.
    inside: Vec<Hit>,
}

/// How URLs stand in what is scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urls {
    /// As they are.
    Bare,
    /// Escapes were read, and those of a URL in a parameter of another left that parts of it are escaped by.
    Inside,
    /// None: with all escapes read they would end where they do not.
    None,
}

impl<'a> Scanner<'a> {
    /// Later indexes may take back what earlier ones hold.
    pub(crate) fn new(indexes: &'a [Index], instructions: Instructions) -> Self {
        let mut wanted = Wanted::default();
        for shape in indexes.iter().map(Index::shape) {
            wanted.networks4 |= shape.networks4;
            for (sum, own) in wanted.networks6.iter_mut().zip(shape.networks6) {
                *sum |= own;
            }
            wanted.bare_names |= shape.bare_names;
            wanted.longer_by |= shape.longer_by;
            wanted.longest_rest = wanted.longest_rest.max(shape.longest_rest);
            wanted.numeric_names |= shape.features & NUMERIC_NAMES != 0;
            wanted.fingerprints |= shape.features & FINGERPRINTS != 0;
        }
        Self {
            indexes,
            lookups: indexes.iter().map(Index::lookup).collect(),
            wanted,
            instructions,
            masks: Masks::default(),
            inner: Masks::default(),
            normal: Normal::default(),
            waiting: [Probe::NONE; BATCH],
            waits: 0,
            sorted: None,
            unknown: [0; UNKNOWN],
            hits: Vec::new(),
            hosts: Vec::new(),
            lines: Vec::new(),
            urls: Urls::Bare,
            inside: Vec::new(),
        }
    }

    /// Scans this text, which ends at `length` and is filled up with line ends to a multiple of [`STEP`]; how many
    /// lines end in it. Of a piece of a line `piece` says what a backslash is there.
    pub(crate) fn scan(&mut self, text: &[u8], length: usize, piece: Option<Backslash>) -> u64 {
        self.hits.clear();
        self.hosts.clear();
        let mut masks = std::mem::take(&mut self.masks);
        masks.take(text, self.instructions);
        let lines = masks.lines - (text.len() - length) as u64;
        self.find_escaped_lines(text, length, piece, &mut masks);
        self.go_through(text, &masks);
        self.masks = masks;
        let escaped = std::mem::take(&mut self.lines);
        for line in &escaped {
            let read = &text[line.start..line.end];
            self.scan_as_meant(read, line, How::Whole);
            if std::mem::take(&mut self.normal.has_more) {
                self.scan_as_meant(read, line, How::All);
            }
            // An escape may be part of a URL as it is.
            if line.is_json() {
                self.scan_as_meant(read, line, How::Bare);
            }
        }
        self.hits.sort_unstable();
        self.hits.dedup();
        if !escaped.is_empty() {
            self.drop_inner(text, &escaped);
        }
        self.lines = escaped;
        self.hosts.sort_unstable_by_key(|host| (host.start, host.end, host.key));
        self.hosts.dedup();
        lines
    }

    /// Of what is seen in a line in both ways, the longer is what stands there.
    fn drop_inner(&mut self, text: &[u8], lines: &[Escaped]) {
        let hits = std::mem::take(&mut self.hits);
        let is_inner = |hit: &Hit| {
            let line = lines.get(lines.partition_point(|line| line.end <= hit.start));
            line.filter(|line| line.start <= hit.start).is_some_and(|line| {
                let before = hits.partition_point(|other| other.start < line.start);
                let upto = hits.partition_point(|other| other.start <= hit.start);
                let others = hits[before..upto].iter().rev();
                let same = |other: &&Hit| (other.index, other.place) == (hit.index, hit.place);
                // `\nhttp://` has no scheme of five letters.
                let is_escaped = |hit: &Hit| {
                    line.backslash == Backslash::Cef && text[..hit.start].ends_with(b"\\")
                };
                let wider = |other: &Hit| {
                    other.end >= hit.end
                        && (other.start, other.end) != (hit.start, hit.end)
                        && !is_escaped(other)
                };
                let mut inner = hits[upto..].iter().take(MOST_COMPARED).filter(same);
                others.take(MOST_COMPARED).filter(same).any(wider)
                    || is_escaped(hit)
                        && inner.any(|other| other.start == hit.start + 1 && other.end == hit.end)
            })
        };
        self.hits = hits.iter().filter(|hit| !is_inner(hit)).copied().collect();
    }

    /// Finds the lines that must be read as they were meant. Those in which a backslash makes JSON's letters something
    /// else are taken out of the masks: as they are they say what nobody wrote.
    fn find_escaped_lines(
        &mut self,
        text: &[u8],
        length: usize,
        piece: Option<Backslash>,
        masks: &mut Masks,
    ) {
        self.lines.clear();
        let mut done = 0;
        let mut line: Option<Escaped> = None;
        for (at, what) in &masks.rare {
            let at = *at as usize;
            if *what != Rare::Escape || at < done || at >= length {
                continue;
            }
            // Most are none, and most of those that are need not know it: the line is looked for only then.
            let known = line.filter(|line| at < line.end);
            let line_of = || known.unwrap_or_else(|| Escaped::around(text, at, length, piece));
            if normal::is_trigger(text, at, || line_of().backslash) {
                let current = line_of();
                line = Some(current);
                done = current.end;
                self.lines.push(current);
            } else if text[at] == b'\\' && known.is_none() {
                // A line of nothing but these would else be looked for again and again.
                line = Some(line_of());
            }
        }
        let out = self.lines.iter().filter(|line| line.is_json());
        out.clone().for_each(|line| clear(&mut masks.words, line.start, line.end));
        let mut out = out.peekable();
        if out.peek().is_some() {
            masks.rare.retain(|(at, what)| {
                // A word that speaks of colons may lie in two lines.
                let at = *at as usize;
                while out.next_if(|line| line.end <= at).is_some() {}
                *what == Rare::Colons || out.peek().is_none_or(|line| at < line.start)
            });
        }
    }

    fn scan_as_meant(&mut self, line: &[u8], of: &Escaped, how: How) {
        let start = of.start;
        let mut normal = std::mem::take(&mut self.normal);
        normal.take(line, of.backslash, how);
        let length = normal.text.len();
        normal.text.resize(length.next_multiple_of(STEP).max(STEP), b'\n');
        let (hits, hosts) = (self.hits.len(), self.hosts.len());
        let mut masks = std::mem::take(&mut self.inner);
        masks.take(&normal.text, self.instructions);
        self.urls = match how {
            How::Bare => Urls::Bare,
            How::Whole => Urls::Inside,
            How::All => Urls::None,
        };
        self.go_through(&normal.text, &masks);
        self.urls = Urls::Bare;
        self.inner = masks;
        let place = |at: usize| normal.places.get(at).copied().unwrap_or((line.len(), line.len()));
        let span = |begin: usize, end: usize| {
            (start + place(begin).0, start + place(end.saturating_sub(1)).1)
        };
        for hit in &mut self.hits[hits..] {
            (hit.start, hit.end) = span(hit.start, hit.end);
        }
        for mut hit in self.inside.drain(..) {
            (hit.start, hit.end) = span(hit.start, hit.end);
            let mut scheme = line.iter().skip(hit.start - start);
            if scheme.find(|byte| !byte.is_ascii_alphanumeric()) == Some(&b'%') {
                self.hits.push(hit);
            }
        }
        for host in &mut self.hosts[hosts..] {
            (host.start, host.end) = span(host.start, host.end);
        }
        self.normal = normal;
    }

    fn go_through(&mut self, text: &[u8], masks: &Masks) {
        let mut sorted = self.sorted.take().unwrap_or_default();
        let work = Tokens { scanner: self, text, masks, sorted: &mut sorted };
        raw::with(work.scanner.instructions, work);
        self.sorted = Some(sorted);
        self.ask(text);
    }

    #[inline(always)]
    fn push(&mut self, text: &[u8], probe: Probe) {
        // Nobody can foresee whether it is known: so there is no branch, and what is known asks for what is there.
        let is_known = self.unknown[slot(probe.key)] == probe.key && probe.key != 0;
        let asked = if is_known { 0 } else { probe.key };
        for lookup in &self.lookups {
            lookup.prefetch(asked);
        }
        self.waiting[self.waits] = probe;
        self.waits += usize::from(!is_known);
        if self.waits == BATCH {
            self.ask(text);
        }
    }

    /// Asks the filters for all keys that wait.
    fn ask(&mut self, text: &[u8]) {
        let mut left = 0;
        for at in 0..std::mem::take(&mut self.waits) {
            let probe = self.waiting[at];
            if self.lookups.iter().any(|lookup| lookup.may_have(probe.key)) {
                self.lookups.iter().for_each(|lookup| lookup.prefetch_slot(probe.key));
                self.waiting[left] = probe;
                left += 1;
            } else {
                self.unknown[slot(probe.key)] = probe.key;
            }
        }
        for at in 0..left {
            let probe = self.waiting[at];
            self.confirm(text).probe(&probe);
        }
    }

    fn confirm<'b>(&'b mut self, text: &'b [u8]) -> Confirm<'b> {
        Confirm {
            indexes: self.indexes,
            lookups: &self.lookups,
            text,
            hits: &mut self.hits,
            hosts: &mut self.hosts,
            urls: self.urls,
            inside: &mut self.inside,
            longer_by: self.wanted.longer_by,
            longest_rest: usize::try_from(self.wanted.longest_rest).unwrap_or(LONGEST_REST),
        }
    }

    /// What a host, and what another field says follows it, are together: the records of that URL.
    pub(crate) fn joined(&self, host: &Host, name: &str, rest: &[u8]) -> Vec<(usize, u64)> {
        confirm::urls(self.indexes, &self.lookups, host.key, name, rest)
    }
}

struct Tokens<'t, 'i> {
    scanner: &'t mut Scanner<'i>,
    text: &'t [u8],
    masks: &'t Masks,
    sorted: &'t mut Sorted,
}

impl Work for Tokens<'_, '_> {
    #[inline(always)]
    fn run(self, with: impl Vectors) {
        self.scanner.tokens(self.text, self.masks, self.sorted, with);
        self.scanner.rare(self.text, self.masks);
    }
}

/// Takes the tokens of a stretch out of the masks.
fn clear(words: &mut [Bits], start: usize, end: usize) {
    let words = words.iter_mut().skip(FIRST).enumerate();
    for (at, word) in words.take(end.div_ceil(64)).skip(start / 64) {
        let from = start.saturating_sub(at * 64).min(64);
        let to = end.saturating_sub(at * 64).min(64);
        let below =
            |bit: usize| u64::MAX.checked_shr(64 - u32::try_from(bit).unwrap_or(0)).unwrap_or(0);
        let kept = !(below(to) & !below(from));
        word.token &= kept;
        word.dot &= kept;
    }
}

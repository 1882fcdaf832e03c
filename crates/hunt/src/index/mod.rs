//! The index: a file that is written once, and read where it lies.
//!
//! All numbers are little-endian. A header of 4,096 bytes names the sections, each of which begins at a multiple of
//! 4,096 and has a CRC-32C:
//!
//! | bytes | what |
//! |---|---|
//! | 0 to 7 | `COMITYHX` |
//! | 8 to 11 | version: 2 |
//! | 12 to 15 | CRC-32C of the header's other bytes |
//! | 16 to 47 | SHA-256 of the section table and what it covers: the index's name |
//! | 48 on | a section each: offset and length (u64 each), CRC-32C (u32), its number (u32) |
//!
//! | section | what |
//! |---|---|
//! | 1 about | JSON: counts, lists with their digests, what of them is not looked for, warning lists, the base of a delta |
//! | 2 shape | eleven u64: slots, filter words, keys, lengths of networks (four), lengths of names without dots, by how much names are longer than a token of theirs, the longest rest of a URL, features |
//! | 3 networks | 65,536 bits: the first 16 bits of IPv4 addresses that some network holds |
//! | 4 filter | a blocked Bloom filter: of each key four bits in one u64 |
//! | 5 table | u64 slots: 24 bits of the key, 40 bits of where its record begins; linear probing |
//! | 6 records | kind, value, identifier, confidence, expiry, list, warning lists, pattern |
//! | 7 patterns | JSON: patterns of which some records are only parts |
//!
//! A key whose record is 1, 2 or 3 says that something longer has it as its part: a URL whose host it is, an e-mail
//! address, or a name that holds it.

mod build;
mod record;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use memmap2::MmapMut;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use build::Builder;
pub(crate) use record::Record;

use crate::indicator::{Indicator, Part};
use crate::raw::{Mapped, prefetch};
use crate::warning::Warnings;

const MAGIC: &[u8; 8] = b"COMITYHX";
const VERSION: u32 = 2;
const PAGE: usize = 4096;
const SECTIONS: usize = 7;
const TABLE_AT: usize = 48;
const ENTRY: usize = 24;

/// A URL has this host.
pub(crate) const GOES_ON: u64 = 1;
/// An e-mail address ends in this name.
pub(crate) const COMES_BEFORE: u64 = 2;
/// A file name with spaces or the like holds it.
pub(crate) const IS_IN: u64 = 3;
pub(crate) const FIRST_RECORD: u64 = 16;
const OFFSET_BITS: u32 = 40;
const MAX_RECORDS: u64 = 1 << OFFSET_BITS;
const PRINT_MASK: u64 = (1 << (64 - OFFSET_BITS)) - 1;
const NETWORK_BYTES: usize = 8192;

/// Names in which every label after a dot begins with a digit.
pub(crate) const NUMERIC_NAMES: u64 = 1;
/// JA4 fingerprints.
pub(crate) const FINGERPRINTS: u64 = 2;

/// Why a file is no index, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read or written.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{} is no index of indicators: make one with `comity hunt index`", .0.display())]
    Foreign(PathBuf),
    /// Another version wrote it.
    #[error("{} is an index of version {}, and this program reads version {VERSION}: make it again with `comity hunt index`", .0.display(), .1)]
    Version(PathBuf, u32),
    /// Its bytes are not what was written.
    #[error("{path} is damaged ({what}): make the index again", path = .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Which part.
        what: &'static str,
    },
    /// There is more than an index can hold.
    #[error("an index holds at most 4 billion keys and a tebibyte of records")]
    TooLarge,
}

/// What an index says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct About {
    /// Indicators by kind.
    pub indicators: std::collections::BTreeMap<String, u64>,
    /// The same thing under the same name, left out.
    pub repeated: u64,
    /// What it was made of.
    pub lists: Vec<List>,
    /// Lists of what is known to be harmless.
    pub warninglists: Vec<String>,
    /// The index that this one adds to; none: it stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Patterns that a line must satisfy in which a part of one is seen.
    #[serde(default)]
    pub patterns: u64,
    /// Indicators of the base that are no longer any.
    #[serde(default)]
    pub removed: u64,
    /// What of the lists is not looked for, and how often each.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub left_out: std::collections::BTreeMap<String, u64>,
}

/// A list of indicators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Its file's name.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// What of its shape a scan must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    slots: u64,
    filter_words: u64,
    pub(crate) keys: u64,
    /// Bit *n*: there are IPv4 networks of *n* bits.
    pub(crate) networks4: u64,
    /// The same for IPv6, 64 to a word.
    pub(crate) networks6: [u64; 3],
    /// Bit *n*: there are names without a dot of *n* bytes; bit 63: of 63 or more.
    pub(crate) bare_names: u64,
    /// Bit *n*: there are file names that are *n* bytes longer than the token by which they are found; bit 63: 63 or more.
    pub(crate) longer_by: u64,
    /// Bytes of what follows the host of a URL, at most.
    pub(crate) longest_rest: u64,
    pub(crate) features: u64,
}

impl Shape {
    /// In the order of the file.
    fn words(&mut self) -> [&mut u64; 11] {
        let [a, b, c] = &mut self.networks6;
        [
            &mut self.slots,
            &mut self.filter_words,
            &mut self.keys,
            &mut self.networks4,
            a,
            b,
            c,
            &mut self.bare_names,
            &mut self.longer_by,
            &mut self.longest_rest,
            &mut self.features,
        ]
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let mut shape = Self::default();
        let mut written = bytes.as_chunks::<8>().0.iter();
        for word in shape.words() {
            *word = u64::from_le_bytes(*written.next()?);
        }
        Some(shape)
    }
}

/// An index, as it lies on the disk.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    bytes: Mapped,
    sections: [(usize, usize); SECTIONS],
    checks: [u32; SECTIONS],
    digest: String,
    about: About,
    shape: Shape,
    filter: Filter,
    patterns: Vec<Part>,
    file: File,
}

/// Bytes that most records are shorter than.
const USUAL_RECORD: usize = 256;
/// And bytes that all are.
const LONGEST_RECORD: usize = 1 << 20;

fn number(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}

fn short(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    four.map_or(0, |four| u32::from_le_bytes(*four))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn header_check(header: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..12]), &header[16..])
}

impl Index {
    /// Opens an index. Nothing but its header and what it says about itself is read; [`verify`](Self::verify) reads
    /// all of it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = |source| Error::File { path: path.to_owned(), source };
        let opened = File::open(path).map_err(file)?;
        let foreign = || Error::Foreign(path.to_owned());
        if opened.metadata().map_err(file)?.len() < PAGE as u64 {
            return Err(foreign());
        }
        let bytes = Mapped::of(&opened).map_err(file)?;
        // A few records and slots are read, all over it: what lies around them would only fill the memory.
        #[cfg(unix)]
        bytes.advise_random().map_err(file)?;
        let header = &bytes[..PAGE];
        if !header.starts_with(MAGIC) {
            return Err(foreign());
        }
        let damaged = |what| Error::Damaged { path: path.to_owned(), what };
        match short(header, 8) {
            VERSION => {}
            other => return Err(Error::Version(path.to_owned(), other)),
        }
        if short(header, 12) != header_check(header) {
            return Err(damaged("the header"));
        }
        let mut sections = [(0, 0); SECTIONS];
        let mut checks = [0; SECTIONS];
        for (index, section) in sections.iter_mut().enumerate() {
            let at = TABLE_AT + index * ENTRY;
            let place = |at| usize::try_from(number(header, at)).map_err(|_| damaged("the header"));
            *section = (place(at)?, place(at + 8)?);
            checks[index] = short(header, at + 16);
            let end = section.0.checked_add(section.1);
            if end.is_none_or(|end| end > bytes.len()) {
                return Err(damaged("its end is missing"));
            }
        }
        let mut index = Self {
            path: path.to_owned(),
            digest: hex(&header[16..48]),
            bytes,
            sections,
            checks,
            about: About::default(),
            shape: Shape::default(),
            filter: Filter::default(),
            patterns: Vec::new(),
            file: opened,
        };
        // What is small and used at once is checked at once.
        for section in [0, 1, 2, 6] {
            index.check(section)?;
        }
        index.patterns =
            serde_json::from_slice(index.section(6)).map_err(|_| damaged("its patterns"))?;
        index.about = serde_json::from_slice(index.section(0))
            .map_err(|_| damaged("what it says about itself"))?;
        index.shape = Shape::of(index.section(1)).ok_or(damaged("its shape"))?;
        let of_words = |section: usize| index.section(section).len() as u64 / 8;
        let Shape { slots, filter_words, .. } = index.shape;
        let fits = of_words(4) > slots && of_words(3) == filter_words && filter_words > 0;
        if !fits || slots > u64::from(u32::MAX) || index.section(2).len() != NETWORK_BYTES {
            return Err(damaged("its shape"));
        }
        let (start, length) = index.sections[3];
        index.filter = Filter::read(&index.file, start as u64, length).map_err(file)?;
        Ok(index)
    }

    fn section(&self, index: usize) -> &[u8] {
        let (start, length) = self.sections[index];
        &self.bytes[start..start + length]
    }

    fn check(&self, section: usize) -> Result<(), Error> {
        const NAMES: [&str; SECTIONS] = [
            "what it says about itself",
            "its shape",
            "its networks",
            "its filter",
            "its table",
            "its records",
            "its patterns",
        ];
        let what = NAMES[section];
        let holds = crc32c::crc32c(self.section(section)) == self.checks[section];
        if holds { Ok(()) } else { Err(Error::Damaged { path: self.path.clone(), what }) }
    }

    /// Reads every byte, and compares it to what was written.
    ///
    /// # Errors
    /// [`Error::Damaged`], with the part.
    pub fn verify(&self) -> Result<(), Error> {
        for section in 0..SECTIONS {
            self.check(section)?;
        }
        let found = hex(&Sha256::new().chain_update(&self.bytes[TABLE_AT..]).finalize());
        if found != self.digest {
            return Err(Error::Damaged {
                path: self.path.clone(),
                what: "something between its parts",
            });
        }
        Ok(())
    }

    /// SHA-256 of what it holds, in small hexadecimal letters.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about itself.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// How many indicators it holds.
    #[must_use]
    pub fn indicators(&self) -> u64 {
        self.about.indicators.values().sum::<u64>() + self.about.patterns
    }

    /// The patterns of which records are parts.
    pub(crate) fn patterns(&self) -> &[Part] {
        &self.patterns
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether some network may hold this IPv4 address.
    #[inline(always)]
    pub(crate) fn may_hold(&self, address: u32) -> bool {
        let high = usize::try_from(address >> 16).unwrap_or(0);
        self.section(2).get(high / 8).is_some_and(|byte| byte & 1 << (high % 8) != 0)
    }

    /// What a scan looks keys up in.
    pub(crate) fn lookup(&self) -> Lookup<'_> {
        Lookup {
            filter: self.filter.bytes(),
            words: self.shape.filter_words,
            table: self.section(4),
            slots: self.shape.slots,
        }
    }

    /// Whether it holds an indicator; of one without an identifier, under whichever.
    #[must_use]
    pub fn holds(&self, indicator: &Indicator) -> bool {
        let key = Builder::new(Warnings::default()).key(indicator);
        let is_it = |record: &Record<'_>| {
            !record.removed
                && (record.kind, record.value) == (indicator.kind, indicator.value.as_str())
                && (indicator.id.is_none() || record.id == indicator.id.as_deref())
        };
        let mut places = self.lookup().places(key).filter(|place| *place >= FIRST_RECORD);
        places.any(|place| self.with_record(place, is_it).unwrap_or(false))
    }

    /// What this makes of the record at this place; none where there is none.
    ///
    /// Records are read, not mapped: each would bring the pages around it into memory for good, and of a hundred
    /// million bytes of records a hunt needs a few.
    pub(crate) fn with_record<R>(&self, at: u64, then: impl FnOnce(&Record<'_>) -> R) -> Option<R> {
        let (start, length) = self.sections[5];
        let left = length.checked_sub(usize::try_from(at).ok()?)?;
        let mut bytes = [0; USUAL_RECORD];
        let first = bytes.get_mut(..left.min(USUAL_RECORD))?;
        self.file.read_exact_at(first, start as u64 + at).ok()?;
        if let Some(record) = Record::read(first) {
            return Some(then(&record));
        }
        let mut bytes = vec![0; left.min(LONGEST_RECORD)];
        self.file.read_exact_at(&mut bytes, start as u64 + at).ok()?;
        Record::read(&bytes).map(|record| then(&record))
    }
}

/// The filter in memory of its own: it is asked all the time and all over, and in pages of 4,096 bytes half of the
/// time would go into finding them.
#[derive(Debug, Default)]
struct Filter(Option<MmapMut>);

impl Filter {
    fn read(mut file: &File, start: u64, length: usize) -> std::io::Result<Self> {
        let mut own = MmapMut::map_anon(length)?;
        // Where the system has no large pages it is the same, and slower.
        #[cfg(target_os = "linux")]
        let _ = own.advise(memmap2::Advice::HugePage);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut own)?;
        Ok(Self(Some(own)))
    }

    fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Filter and table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup<'a> {
    filter: &'a [u8],
    words: u64,
    table: &'a [u8],
    slots: u64,
}

/// Where of so many a key belongs.
#[inline(always)]
fn home(key: u64, of: u64) -> usize {
    (((key >> 32) * of) >> 32) as usize
}

/// The four bits of a key in its word.
#[inline(always)]
fn bits(key: u64) -> u64 {
    1 << (key >> 8 & 63) | 1 << (key >> 14 & 63) | 1 << (key >> 20 & 63) | 1 << (key >> 26 & 63)
}

impl Lookup<'_> {
    #[inline(always)]
    pub(crate) fn prefetch(&self, key: u64) {
        prefetch(self.filter, home(key, self.words) * 8);
    }

    /// False where the key is none of the index; true sometimes where it is none either.
    #[inline(always)]
    pub(crate) fn may_have(&self, key: u64) -> bool {
        let wanted = bits(key);
        number(self.filter, home(key, self.words) * 8) & wanted == wanted
    }

    pub(crate) fn prefetch_slot(&self, key: u64) {
        prefetch(self.table, home(key, self.slots) * 8);
    }

    /// Where the records of a key may be, and the marks of what is longer.
    pub(crate) fn places(self, key: u64) -> impl Iterator<Item = u64> {
        let slots = self.table.as_chunks::<8>().0;
        let slots = slots.get(home(key, self.slots)..).unwrap_or_default();
        let slots = slots.iter().map(|slot| u64::from_le_bytes(*slot));
        slots
            .take_while(|slot| *slot != 0)
            .filter(move |slot| slot >> OFFSET_BITS == key & PRINT_MASK)
            .map(|slot| slot & (MAX_RECORDS - 1))
    }
}

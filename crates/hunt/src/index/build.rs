//! Making an index.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::record::Said;
use super::{
    About, COMES_BEFORE, ENTRY, Error, FINGERPRINTS, FIRST_RECORD, GOES_ON, IS_IN, Index, List,
    MAGIC, MAX_RECORDS, NETWORK_BYTES, NUMERIC_NAMES, OFFSET_BITS, PAGE, PRINT_MASK, Record, Shape,
    TABLE_AT, VERSION, bits, header_check, home,
};
use crate::indicator::{Indicator, KINDS, Kind, Part};
use crate::lists::Read;
use crate::warning::Warnings;
use crate::{address, key};

/// Records of one key that are compared one by one.
const MANY: usize = 16;

/// Bits of the filter for each key.
const FILTER_BITS: u64 = 16;

/// Collects indicators, and writes them as an index.
#[derive(Debug, Default)]
pub struct Builder {
    about: About,
    warnings: Warnings,
    records: Vec<u8>,
    /// Key, and the record's place or a mark.
    keys: Vec<(u64, u64)>,
    /// Indicators by the numbers of their kinds.
    counts: [u64; KINDS.len() + 1],
    /// Patterns of which something was added that is only a part, with their numbers.
    patterns: BTreeMap<Part, u64>,
    /// Those that are looked for, and not only taken back.
    wanted: BTreeSet<u64>,
    shape: Shape,
    networks: Vec<u8>,
}

impl Builder {
    /// Nothing yet; what these lists know is marked.
    #[must_use]
    pub fn new(warnings: Warnings) -> Self {
        Self {
            about: About { warninglists: warnings.names(), ..About::default() },
            warnings,
            records: vec![0; usize::try_from(FIRST_RECORD).unwrap_or(16)],
            networks: vec![0; NETWORK_BYTES],
            ..Self::default()
        }
    }

    /// Says that what is added belongs to this index, and changes it.
    #[must_use]
    pub fn on(mut self, base: &Index) -> Self {
        self.about.base = Some(base.digest().to_owned());
        self
    }

    /// Begins a list: what is added from now on is from it.
    pub fn list(&mut self, list: List) {
        self.about.lists.push(list);
    }

    /// Notes what of a list is not looked for: whoever has the list must know it.
    pub fn left_out(&mut self, read: &Read) {
        let refused = ("entries that are no indicators", read.refusals);
        let refused = Some(refused).filter(|(_, count)| *count > 0);
        let left_out = read.left_out.iter().map(|(what, count)| (what.as_str(), *count));
        for (what, count) in left_out.chain(refused) {
            *self.about.left_out.entry(what.to_owned()).or_default() += count;
        }
    }

    /// Adds an indicator.
    pub fn add(&mut self, indicator: &Indicator) {
        self.put(indicator, false);
        self.counts[indicator.kind as usize] += u64::from(indicator.part_of.is_none());
    }

    /// Says that an indicator of the base is no longer any.
    pub fn remove(&mut self, indicator: &Indicator) {
        self.put(indicator, true);
        self.about.removed += 1;
    }

    fn put(&mut self, indicator: &Indicator, removed: bool) {
        let place = self.records.len() as u64;
        let said = Said {
            list: (self.about.lists.len() as u64).saturating_sub(1),
            warnings: &self.warnings.of(indicator),
            removed,
            part_of: indicator.part_of.as_ref().map(|part| {
                let next = self.patterns.len() as u64;
                let number = *self.patterns.entry(part.clone()).or_insert(next);
                if !removed {
                    self.wanted.insert(number);
                }
                number
            }),
        };
        Record::write(&mut self.records, indicator, &said);
        let key = self.key(indicator);
        self.keys.push((key, place));
    }

    /// The key of an indicator, with the marks that lead to it.
    pub(super) fn key(&mut self, indicator: &Indicator) -> u64 {
        let value = indicator.value.as_bytes();
        match indicator.kind {
            Kind::Ipv4 | Kind::Ipv6 => host_key(&indicator.value),
            Kind::Cidr => self.network(&indicator.value),
            Kind::Domain => self.host(&indicator.value),
            Kind::Url => {
                let (host, rest) = split_url(&indicator.value);
                let host = self.host(host);
                self.keys.push((host, GOES_ON));
                self.shape.longest_rest = self.shape.longest_rest.max(rest.len() as u64);
                key::rest(host, rest.as_bytes())
            }
            Kind::Email => {
                let (local, domain) = indicator.value.rsplit_once('@').unwrap_or(("", ""));
                let domain = self.host(domain);
                self.keys.push((domain, COMES_BEFORE));
                key::mail(domain, local.as_bytes())
            }
            Kind::FileName => self.name(value),
            Kind::Md5 | Kind::Sha1 | Kind::Sha256 | Kind::Sha512 | Kind::Ja3 => {
                let pairs = value.chunks(2).map(|pair| address::hex_pair(pair).unwrap_or(0));
                key::digest(&pairs.collect::<Vec<u8>>())
            }
            Kind::Ja4 => {
                self.shape.features |= FINGERPRINTS;
                key::Name::of(value)
            }
        }
    }

    fn host(&mut self, host: &str) -> u64 {
        if address::ip(host).is_none() {
            self.note_numbers(host.as_bytes());
        }
        host_key(host)
    }

    /// Notes a name in which every label after a dot begins with a digit: a scan looks for such names only where it
    /// must, for logs are full of numbers that look like them.
    fn note_numbers(&mut self, name: &[u8]) {
        let is_name = name.windows(2).any(|pair| pair[0] == b'.' && is_letter(pair[1]));
        if !is_name {
            self.shape.features |= NUMERIC_NAMES;
        }
    }

    fn network(&mut self, value: &str) -> u64 {
        let (address, length) = value.split_once('/').unwrap_or((value, ""));
        let length: u8 = length.parse().unwrap_or(0);
        match address::ip_as_written(address) {
            Some(std::net::IpAddr::V4(four)) => {
                self.shape.networks4 |= 1 << length;
                let first = u32::from(four) >> 16;
                let last = first | 0xffff_u32.checked_shr(u32::from(length)).unwrap_or(0);
                for high in first..=last {
                    let high = usize::try_from(high).unwrap_or(0);
                    self.networks[high / 8] |= 1 << (high % 8);
                }
                key::network4(four, length)
            }
            Some(std::net::IpAddr::V6(six)) => {
                self.shape.networks6[usize::from(length / 64).min(2)] |= 1 << (length % 64);
                key::network6(six, length)
            }
            None => 0,
        }
    }

    /// Of a name, some part is a token by itself: it is looked up by the part, and then whole.
    fn name(&mut self, name: &[u8]) -> u64 {
        let part = longest_token(name);
        let in_part = key::Name::of(part);
        if !part.contains(&b'.') {
            self.shape.bare_names |= 1 << part.len().min(63);
        } else {
            self.note_numbers(part);
        }
        if part.len() == name.len() {
            return in_part;
        }
        self.shape.longer_by |= 1 << (name.len() - part.len()).min(63);
        self.keys.push((in_part, IS_IN));
        key::loose(in_part, name)
    }

    /// Writes the index: under another name first, and renamed once it is whole and durable.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::TooLarge`].
    pub fn write(mut self, path: &Path) -> Result<Index, Error> {
        let file = |source| Error::File { path: path.to_owned(), source };
        self.keys.sort_unstable();
        self.drop_repeated();
        let counted =
            KINDS.iter().map(|kind| (kind.name().to_owned(), self.counts[*kind as usize]));
        self.about.patterns = self.wanted.len() as u64;
        self.about.indicators = counted.filter(|(_, count)| *count > 0).collect();
        self.shape.keys = self.keys.len() as u64;
        // A quarter of the slots stay empty.
        self.shape.slots = (self.shape.keys + self.shape.keys / 3).max(16);
        self.shape.filter_words = (self.shape.keys * FILTER_BITS / 64).max(16);
        if self.shape.slots >= u64::from(u32::MAX) || self.records.len() as u64 >= MAX_RECORDS {
            return Err(Error::TooLarge);
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("index");
        let temporary = parent.join(format!(".{name}.{}", std::process::id()));
        let written = self.write_to(&temporary).map_err(file).and_then(|()| {
            std::fs::rename(&temporary, path).map_err(file)?;
            File::open(parent).and_then(|folder| folder.sync_all()).map_err(file)
        });
        if written.is_err() {
            // What is left of it helps nobody; the error that counts is the first one.
            let _ = std::fs::remove_file(&temporary);
        }
        written?;
        Index::open(path)
    }

    /// The same thing under the same name, from however many lists, is one: what is said of it where it is valid longest.
    fn drop_repeated(&mut self) {
        let records = &self.records;
        let record = |place: u64| {
            let at = usize::try_from(place).unwrap_or(usize::MAX);
            records.get(at..).filter(|_| place >= FIRST_RECORD).and_then(Record::read)
        };
        // Marks are the same where they are the same mark.
        let name = |place: u64| {
            let record = record(place);
            let record = record.map(|one| (one.kind, one.value, one.id, one.removed, one.part_of));
            (place.min(FIRST_RECORD), record)
        };
        let ends = |place: u64| record(place).and_then(|one| one.expires).unwrap_or(i64::MAX);
        let mut kept: Vec<(u64, u64)> = Vec::with_capacity(self.keys.len());
        let mut begins = 0;
        let mut seen = (0, HashMap::new());
        for (key, place) in std::mem::take(&mut self.keys) {
            if kept.get(begins).is_none_or(|(first, _)| *first != key) {
                begins = kept.len();
                kept.push((key, place));
                continue;
            }
            let group = kept.get_mut(begins..).unwrap_or_default();
            // Of a value that many sources name there are many.
            let known = if group.len() > MANY {
                if seen.0 != key {
                    let names = group.iter().enumerate();
                    seen = (key, names.map(|(at, (_, other))| (name(*other), at)).collect());
                }
                let next = group.len();
                Some(*seen.1.entry(name(place)).or_insert(next)).filter(|at| *at < next)
            } else {
                let own = name(place);
                group.iter().position(|(_, other)| name(*other) == own)
            };
            let Some((_, other)) = known.and_then(|at| group.get_mut(at)) else {
                kept.push((key, place));
                continue;
            };
            if ends(place) > ends(*other) {
                *other = place;
            }
            if let Some(record) = record(place).filter(|record| record.part_of.is_none()) {
                self.about.repeated += 1;
                if record.removed {
                    self.about.removed -= 1;
                } else {
                    self.counts[record.kind as usize] -= 1;
                }
            }
        }
        self.keys = kept;
    }

    fn write_to(&self, path: &Path) -> std::io::Result<()> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        let mut out = Sections::new(file)?;
        let about = serde_json::to_vec(&self.about)?;
        out.section(&about)?;
        let mut shape = self.shape;
        let shape: Vec<u8> = shape.words().iter().flat_map(|word| word.to_le_bytes()).collect();
        out.section(&shape)?;
        out.section(&self.networks)?;
        let words = usize::try_from(self.shape.filter_words).unwrap_or(0);
        let mut filter = vec![0_u64; words];
        for (key, _) in &self.keys {
            filter[home(*key, self.shape.filter_words)] |= bits(*key);
        }
        out.words(filter.into_iter())?;
        out.words(self.slots())?;
        out.section(&self.records)?;
        let mut patterns: Vec<_> = self.patterns.iter().collect();
        patterns.sort_unstable_by_key(|(_, number)| **number);
        let patterns: Vec<&Part> = patterns.into_iter().map(|(part, _)| part).collect();
        out.section(&serde_json::to_vec(&patterns)?)?;
        out.finish()
    }

    /// The table, slot by slot: keys are sorted, and so are their homes.
    fn slots(&self) -> impl Iterator<Item = u64> + '_ {
        let mut keys = self.keys.iter().peekable();
        let mut at = 0_u64;
        std::iter::from_fn(move || {
            let slot = match keys.peek() {
                Some((key, place)) if home(*key, self.shape.slots) as u64 <= at => {
                    let slot = (key & PRINT_MASK) << OFFSET_BITS | place;
                    keys.next();
                    slot
                }
                // An empty slot ends the last chain too.
                None if at > self.shape.slots => return None,
                _ => 0,
            };
            at += 1;
            Some(slot)
        })
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80 || matches!(byte, b'-' | b'_')
}

/// The part of a name by which a scan finds it: the longest with a dot, or the longest without.
fn longest_token(name: &[u8]) -> &[u8] {
    let tokens = name.split(|byte| !crate::scan::is_token(*byte));
    // A scan takes no notice of dots at the end.
    let tokens = tokens.map(crate::scan::without_end_dots);
    let rank = |token: &&[u8]| (token[..].contains(&b'.'), token.len());
    tokens.filter(|token| !token.is_empty()).max_by_key(rank).unwrap_or(name)
}

pub(crate) fn host_key(host: &str) -> u64 {
    match address::ip(host) {
        Some(std::net::IpAddr::V4(four)) => key::ipv4(four),
        Some(std::net::IpAddr::V6(six)) => key::ipv6(six),
        None => key::Name::of(host.as_bytes()),
    }
}

/// A URL as it is compared: its host, and what follows.
fn split_url(value: &str) -> (&str, &str) {
    let end = if value.starts_with('[') {
        value.find(']').map_or(value.len(), |end| end + 1)
    } else {
        value.find([':', '/']).unwrap_or(value.len())
    };
    value.split_at(end)
}

/// Writes one section after the other, and the header at last.
struct Sections {
    out: BufWriter<File>,
    at: u64,
    table: Vec<u8>,
}

impl Sections {
    fn new(file: File) -> std::io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        out.write_all(&[0; PAGE])?;
        Ok(Self { out, at: PAGE as u64, table: Vec::new() })
    }

    fn section(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.parts(std::iter::once(bytes))
    }

    fn words(&mut self, words: impl Iterator<Item = u64>) -> std::io::Result<()> {
        let mut words = words.peekable();
        let parts = std::iter::from_fn(|| {
            words.peek()?;
            Some(words.by_ref().take(1 << 17).flat_map(u64::to_le_bytes).collect::<Vec<u8>>())
        });
        self.parts(parts)
    }

    fn parts(&mut self, parts: impl Iterator<Item = impl AsRef<[u8]>>) -> std::io::Result<()> {
        let (start, mut check) = (self.at, 0);
        for part in parts {
            let part = part.as_ref();
            check = crc32c::crc32c_append(check, part);
            self.out.write_all(part)?;
            self.at += part.len() as u64;
        }
        self.table.extend(start.to_le_bytes());
        self.table.extend((self.at - start).to_le_bytes());
        self.table.extend(check.to_le_bytes());
        let number = u32::try_from(self.table.len() / ENTRY + 1).unwrap_or(0);
        self.table.extend(number.to_le_bytes());
        let page = PAGE as u64;
        let empty = usize::try_from((page - self.at % page) % page).unwrap_or(0);
        self.out.write_all(&vec![0; empty])?;
        self.at += empty as u64;
        Ok(())
    }

    fn finish(self) -> std::io::Result<()> {
        let mut header = vec![0; PAGE];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[TABLE_AT..TABLE_AT + self.table.len()].copy_from_slice(&self.table);
        let mut file = self.out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        // All but its first 48 bytes, as it will be.
        file.seek(SeekFrom::Start(TABLE_AT as u64))?;
        file.write_all(&header[TABLE_AT..])?;
        let mapped = crate::raw::Mapped::of(&file)?;
        let digest = Sha256::new().chain_update(&mapped[TABLE_AT..]).finalize();
        header[16..48].copy_from_slice(&digest);
        let check = header_check(&header);
        header[12..16].copy_from_slice(&check.to_le_bytes());
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header[..TABLE_AT])?;
        file.sync_all()
    }
}

//! Logs as they come: plain or packed, in blocks of whole lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;

use crate::fields::BOM;
use crate::scan::STEP;

/// Lines up to this length are read whole.
pub const LONGEST_LINE: usize = 1 << 20;
/// Longer ones in pieces of that length that share this much.
const SHARED: usize = 1 << 16;
/// No indicator that begins in a piece before what it shares with the next may end behind it.
pub(crate) const PIECE: usize = LONGEST_LINE - SHARED;
/// What begins so near to the beginning of a piece is left to the one before: what stands before it says what it is.
pub(crate) const CONTEXT: usize = 512;

/// A log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// So many bytes of a file that has grown since.
    Beginning(PathBuf, u64),
    /// Standard input.
    Standard,
}

impl Source {
    /// How it is called in results.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) | Self::Beginning(path, _) => path.display().to_string(),
            Self::Standard => "-".to_owned(),
        }
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Beginning(path, _) => Some(path),
            Self::Standard => None,
        }
    }

    /// How large it is; none where it is a stream, or not there.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        let about = std::fs::metadata(self.path()?).ok().filter(std::fs::Metadata::is_file);
        let size = about.map(|about| about.len());
        match self {
            Self::Beginning(_, size) => Some(*size),
            _ => size,
        }
    }
}

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or one of those that pzstd puts before.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// That of a file.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let mut head = Vec::new();
        File::open(path)?.take(HEAD).read_to_end(&mut head)?;
        // What is not read is one unit, which says so.
        Ok(if unreadable(&head).is_some() { Self::Gzip } else { Self::of(&head) })
    }
}

/// What a file is that is packed or written in a way that is not read: nothing would be found in it, whatever it holds.
fn unreadable(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xfd, b'7', b'z', b'X', ..] => Some("packed with xz"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some("packed with bzip2"),
        [b'P', b'K', 3, 4, ..] => Some("a zip archive"),
        [b'7', b'z', 0xbc, 0xaf, ..] => Some("a 7z archive"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some("packed with lz4"),
        [0x1f, 0x9d, ..] => Some("packed with compress"),
        [b'E', b'l', b'f', b'F', b'i', b'l', b'e', 0, ..] => Some("a Windows event log"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("in UTF-16"),
        _ if is_wide(head) => Some("in UTF-16"),
        _ => None,
    }
}

/// What bytes are that are no plain text: packed, or written in another way.
pub(crate) fn not_plain(bytes: &[u8]) -> Option<&'static str> {
    let head = bytes.get(..64).unwrap_or(bytes);
    unreadable(head).or(match Packing::of(head) {
        Packing::Plain => None,
        Packing::Gzip => Some("packed with gzip"),
        Packing::Zstd => Some("packed with zstd"),
    })
}

/// Bytes of a file that say what it is.
const HEAD: u64 = 64;

/// Whether it looks like ASCII in two bytes each, without a mark.
fn is_wide(head: &[u8]) -> bool {
    let (pairs, _) = head.as_chunks::<2>();
    let all = |is: fn(&[u8; 2]) -> bool| pairs.len() >= 8 && pairs.iter().all(is);
    all(|pair| pair[0] == 0 && pair[1] != 0) || all(|pair| pair[0] != 0 && pair[1] == 0)
}

/// Calls with how many bytes were read from the disk.
pub(crate) struct Counted<'a, R> {
    reader: R,
    count: &'a (dyn Fn(u64) + Sync),
}

impl<'a, R> Counted<'a, R> {
    pub(crate) fn new(reader: R, count: &'a (dyn Fn(u64) + Sync)) -> Self {
        Self { reader, count }
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        (self.count)(read as u64);
        Ok(read)
    }
}

/// Reads what a stream holds, unpacked.
pub(crate) fn unpacked<'a>(stream: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut stream = BufReader::with_capacity(1 << 17, stream);
    let mut head = Vec::new();
    (&mut stream).take(HEAD).read_to_end(&mut head)?;
    readable(&head)?;
    let packing = Packing::of(&head);
    let whole = io::Cursor::new(head).chain(stream);
    let mut inner: Box<dyn Read> = match packing {
        Packing::Plain => return Ok(Box::new(whole)),
        Packing::Gzip => Box::new(Members { member: Some(GzDecoder::new(whole)) }),
        Packing::Zstd => Box::new(Window(zstd::stream::read::Decoder::with_buffer(whole)?)),
    };
    let mut head = Vec::new();
    let read = (&mut inner).take(HEAD).read_to_end(&mut head);
    readable(&head)?;
    if Packing::of(&head) != Packing::Plain {
        return Err(unread("packed twice"));
    }
    // What came before it broke off is looked at.
    let broken = Broken(read.err());
    Ok(Box::new(io::Cursor::new(head).chain(broken).chain(inner)))
}

/// Says what to do about a frame that wants more memory than its reader gives it.
struct Window<R>(R);

impl<R: Read> Read for Window<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            let is_large = error.to_string().contains("too much memory");
            let what = "packed with a window of more than 128 MiB (`zstd -dc --long=31` reads it)";
            if is_large { unread(what) } else { error }
        })
    }
}

fn readable(head: &[u8]) -> io::Result<()> {
    unreadable(head).map_or(Ok(()), |what| Err(unread(what)))
}

fn unread(what: &str) -> io::Error {
    io::Error::other(format!("it is {what}, which is not read: unpack or convert it first"))
}

/// Why it cannot be read on, said once.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Packed logs are often several that were put together; and what a tape or a disk padded with noughts ends there, as it
/// does for `gzip`.
struct Members<R: BufRead> {
    /// None at the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else { break };
            loop {
                let next = rest.fill_buf()?;
                let noughts = next.iter().take_while(|byte| **byte == 0).count();
                let (all, is_end) = (next.len() == noughts, next.is_empty());
                rest.consume(noughts);
                if is_end {
                    return Ok(0);
                }
                if !all {
                    break;
                }
            }
            self.member = Some(GzDecoder::new(rest));
        }
        Ok(0)
    }
}

/// What of a stretch of lines there is to scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// Bytes, without what it is filled up with.
    pub(crate) length: usize,
    /// Where in the unpacked file it begins.
    pub(crate) offset: u64,
    /// It begins inside a line.
    pub(crate) goes_on: bool,
    /// Its line does not end in it.
    pub(crate) is_cut: bool,
}

/// Cuts a stream into blocks.
pub(crate) struct Blocks<R> {
    reader: R,
    buffer: Vec<u8>,
    filled: usize,
    /// How much of the buffer the last block takes that the next one does not share.
    taken: usize,
    /// What stood where the last block is filled up.
    covered: Vec<u8>,
    last: Block,
    offset: u64,
    size: usize,
    at_end: bool,
    /// Why it cannot be read further: said when what came before is read.
    failed: Option<io::Error>,
}

impl<R: Read> Blocks<R> {
    /// Blocks of some `size` bytes; what is found does not depend on it.
    pub(crate) fn new(reader: R, offset: u64, size: usize) -> Self {
        let last = Block { length: 0, offset, goes_on: false, is_cut: false };
        // More at once could hold a line whole that must be cut.
        let size = size.clamp(STEP, LONGEST_LINE);
        Self {
            reader,
            buffer: vec![0; size + 2 * STEP],
            filled: 0,
            taken: 0,
            covered: Vec::new(),
            last,
            offset,
            size,
            at_end: false,
            failed: None,
        }
    }

    /// The text of the last block, filled up with line ends.
    pub(crate) fn text(&self) -> &[u8] {
        &self.buffer[..self.last.length.next_multiple_of(STEP)]
    }

    /// Ends the last block before this place of it.
    pub(crate) fn cut(&mut self, length: usize) -> Block {
        let end = length.next_multiple_of(STEP);
        self.buffer[length..end].fill(b'\n');
        self.last.length = length;
        self.last
    }

    fn fill(&mut self, to: usize) {
        if self.buffer.len() < to + 2 * STEP {
            self.buffer.resize(to + 2 * STEP, 0);
        }
        while self.filled < to && !self.at_end {
            match self.reader.read(&mut self.buffer[self.filled..to]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(error);
                    self.at_end = true;
                }
            }
        }
    }

    /// The next block; none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block>> {
        let covered = std::mem::take(&mut self.covered);
        let end = self.last.length;
        self.buffer[end..end + covered.len()].copy_from_slice(&covered);
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.offset += self.taken as u64;
        let goes_on = self.last.is_cut;
        let mut block = Block { length: 0, offset: self.offset, goes_on, is_cut: false };
        if goes_on {
            self.fill(LONGEST_LINE);
            let first = &self.buffer[..self.filled.min(LONGEST_LINE)];
            match memchr::memchr(b'\n', first) {
                Some(end) => block.length = end + 1,
                None => {
                    block.length = first.len();
                    block.is_cut = self.filled >= LONGEST_LINE;
                }
            }
        } else {
            let mut wanted = self.size;
            loop {
                self.fill(wanted);
                if let Some(end) = memchr::memrchr(b'\n', &self.buffer[..self.filled]) {
                    block.length = end + 1;
                } else if self.at_end {
                    block.length = self.filled;
                } else if self.filled >= LONGEST_LINE {
                    block.length = LONGEST_LINE;
                    block.is_cut = true;
                } else {
                    wanted = (wanted * 2).min(LONGEST_LINE);
                    continue;
                }
                break;
            }
        }
        if block.length == 0 {
            return self.failed.take().map_or(Ok(None), Err);
        }
        self.taken = if block.is_cut { PIECE } else { block.length };
        let end = block.length.next_multiple_of(STEP);
        self.covered
            .extend_from_slice(&self.buffer[block.length..end.min(self.filled).max(block.length)]);
        self.buffer[block.length..end].fill(b'\n');
        // A mark of the encoding is no letter of the first word.
        if block.offset == 0 && self.buffer.starts_with(BOM) {
            self.buffer[..BOM.len()].fill(b' ');
        }
        self.last = block;
        Ok(Some(block))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(bytes: &[u8], size: usize) -> Vec<(Block, Vec<u8>)> {
        let mut blocks = Blocks::new(bytes, 0, size);
        let mut all = Vec::new();
        while let Some(block) = blocks.next().unwrap() {
            all.push((block, blocks.text()[..block.length].to_vec()));
        }
        all
    }

    proptest! {
        #[test]
        fn blocks_are_whole_lines(text in "[ab\n]{0,600}", size in 64_usize..300) {
            let all = blocks(text.as_bytes(), size);
            let joined: Vec<u8> = all.iter().flat_map(|(_, text)| text.clone()).collect();
            prop_assert_eq!(joined, text.as_bytes());
            let mut at = 0;
            for (index, (block, text)) in all.iter().enumerate() {
                prop_assert_eq!(block.offset, at);
                prop_assert!(index + 1 == all.len() || text.ends_with(b"\n"));
                at += text.len() as u64;
            }
        }
    }

    /// However much is read at once, a long line falls into the same pieces.
    #[test]
    fn long_lines_fall_into_the_same_pieces() {
        let long = "x".repeat(3 * LONGEST_LINE + 17);
        let text = format!("a\nb\n{long}\nc\n{}\n", &long[..LONGEST_LINE]);
        let pieces = |size| -> Vec<(u64, usize, bool, bool)> {
            let all = blocks(text.as_bytes(), size);
            let long = all.iter().filter(|(block, _)| block.goes_on || block.is_cut);
            long.map(|(block, _)| (block.offset, block.length, block.goes_on, block.is_cut))
                .collect()
        };
        let first = pieces(64);
        assert_eq!(first.len(), 6, "{first:?}");
        for size in [100, 4096, 1 << 20, 1 << 21, 1 << 23] {
            assert_eq!(pieces(size), first, "{size}");
        }
    }
}

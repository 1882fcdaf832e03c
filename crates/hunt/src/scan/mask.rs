//! What each byte is, 64 at a time, as bits.

use crate::raw::{self, Vectors, Work};

/// What each of 64 bytes is: bit *n* of a field speaks of byte *n*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Word {
    /// A byte of a token: letters, digits, `.`, `-`, `_` and all beyond ASCII.
    pub(crate) token: u64,
    /// `.`
    pub(crate) dot: u64,
    /// A byte of a token that is neither a digit nor a dot.
    pub(crate) letter: u64,
    /// A digit of base sixteen.
    pub(crate) hex: u64,
    /// `:`
    pub(crate) colon: u64,
    /// `_`
    pub(crate) under: u64,
    /// What an escape begins with: `\`, `%`, `#`, and what a terminal is told.
    pub(crate) escape: u64,
    /// What may follow that: a digit of base sixteen, or one of `u x n r t [`.
    pub(crate) escaped: u64,
    /// What a way to make an address harmless begins with: `(`, `[`, `{`.
    pub(crate) open: u64,
    /// What may follow that: one of `. : / @`, an `a` or a `d`.
    pub(crate) opened: u64,
    /// Beyond ASCII.
    pub(crate) high: u64,
    /// The end of a line.
    pub(crate) newline: u64,
}

pub(crate) const TOKEN: u16 = 1;
pub(crate) const LETTER: u16 = 1 << 1;
pub(crate) const HEX: u16 = 1 << 2;
pub(crate) const ESCAPE: u16 = 1 << 3;
pub(crate) const ESCAPED: u16 = 1 << 4;
pub(crate) const OPEN: u16 = 1 << 5;
pub(crate) const OPENED: u16 = 1 << 6;
const DOT: u16 = 1 << 8;
const COLON: u16 = 1 << 9;
const UNDER: u16 = 1 << 10;
const NEWLINE: u16 = 1 << 11;
const HIGH: u16 = 1 << 12;

const CLASSES: [u16; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let mut class = match byte {
            b'0'..=b'9' => TOKEN,
            b'a'..=b'z' | b'A'..=b'Z' | b'-' => TOKEN | LETTER,
            b'_' => TOKEN | LETTER | UNDER,
            b'.' => TOKEN | DOT,
            b':' => COLON,
            b'\\' | b'%' | b'#' | 0x1b => ESCAPE,
            b'[' => OPEN | ESCAPED,
            b'(' | b'{' => OPEN,
            b'\n' => NEWLINE,
            0x80.. => TOKEN | LETTER | HIGH,
            _ => 0,
        };
        if byte.is_ascii_hexdigit() {
            class |= HEX | ESCAPED;
        }
        if matches!(byte, b'u' | b'x' | b'n' | b'r' | b't') {
            class |= ESCAPED;
        }
        if matches!(byte, b'.' | b':' | b'/' | b'@' | b'a' | b'A' | b'd' | b'D') {
            class |= OPENED;
        }
        classes[byte as usize] = class;
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    classes
};

/// Those classes of ASCII of which each has many; they fit a byte.
pub(crate) const ASCII: [[u8; 64]; 2] = {
    let mut halves = [[0; 64]; 2];
    let mut at = 0;
    while at < 128 {
        halves[at / 64][at % 64] = CLASSES[at].to_le_bytes()[0];
        at += 1;
    }
    halves
};

impl Word {
    /// Without vector instructions.
    pub(crate) fn portable(bytes: &[u8; 64]) -> Self {
        let mut word = Self::default();
        for (at, byte) in bytes.iter().enumerate() {
            let class = CLASSES[usize::from(*byte)];
            let bit = |of: u16| u64::from(class & of != 0) << at;
            word.token |= bit(TOKEN);
            word.dot |= bit(DOT);
            word.letter |= bit(LETTER);
            word.hex |= bit(HEX);
            word.colon |= bit(COLON);
            word.under |= bit(UNDER);
            word.escape |= bit(ESCAPE);
            word.escaped |= bit(ESCAPED);
            word.open |= bit(OPEN);
            word.opened |= bit(OPENED);
            word.high |= bit(HIGH);
            word.newline |= bit(NEWLINE);
        }
        word
    }
}

/// The word of a mask that speaks of the first 64 bytes: before it is one of nothing.
pub(crate) const FIRST: usize = 1;

/// Where something rare may be, which a second look decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rare {
    /// An escape, or an address that was made harmless, may begin here.
    Escape,
    /// Sixteen digits of base sixteen begin here: a hash may be around them.
    Hex,
    /// Colons as an IPv6 address has them are here or in the 63 bytes after.
    Colons,
    /// The second of two underscores as a JA4 fingerprint has them.
    Fingerprint,
}

/// What of a [`Word`] is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bits {
    pub(crate) token: u64,
    pub(crate) dot: u64,
    pub(crate) letter: u64,
    pub(crate) hex: u64,
}

impl Bits {
    const NONE: Self = Self { token: 0, dot: 0, letter: 0, hex: 0 };
}

/// The classes of a stretch of text, with nothing before and after it.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    /// Of 64 bytes each, from the word [`FIRST`] on.
    pub(crate) words: Vec<Bits>,
    /// Places, in order.
    pub(crate) rare: Vec<(u32, Rare)>,
    /// Whether anything is beyond ASCII.
    pub(crate) high: bool,
    /// Lines that end here.
    pub(crate) lines: u64,
}

/// Which instructions classify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Instructions {
    /// The widest that the machine has.
    #[default]
    Fastest,
    /// AVX2 at most.
    Avx2,
    /// None that not every machine has.
    Portable,
}

impl Masks {
    /// Takes the classes of this text, whose length is a multiple of 64.
    pub(crate) fn take(&mut self, text: &[u8], instructions: Instructions) {
        let words = text.len() / 64;
        let mut masks = std::mem::take(self);
        // A window may look before the first word, and beyond the last one.
        masks.words.resize(FIRST + words + 1, Bits::NONE);
        masks.words[FIRST + words] = Bits::NONE;
        masks.rare.clear();
        (masks.high, masks.lines) = (false, 0);
        raw::with(instructions, Fill { masks: &mut masks, text });
        *self = masks;
    }

    #[inline(always)]
    fn fill(&mut self, text: &[u8], classes: impl Fn(&[u8; 64]) -> Word) {
        const TOP: u64 = 1 << 63;
        let Self { words, rare, high, lines } = self;
        let places = words.iter_mut().skip(FIRST);
        let (mut colon, mut under, mut between) = (0, 0, 0);
        let mut at = 0;
        for (bytes, bits) in text.as_chunks::<64>().0.iter().zip(places) {
            let word = classes(bytes);
            let Word { token, dot, letter, hex, .. } = word;
            *bits = Bits { token, dot, letter, hex };
            *high |= word.high != 0;
            *lines += u64::from(word.newline.count_ones());
            // At either end of a word the neighbour is not known: it may be.
            let escape =
                word.escape & (word.escaped >> 1 | TOP) | word.open & (word.opened >> 1 | TOP);
            let mut digits = word.hex & word.hex >> 1;
            digits &= digits >> 2;
            digits &= digits >> 4;
            digits &= digits >> 8;
            digits &= 0x0001_0001_0001_0001;
            let twice = word.colon & (word.colon << 1 | colon >> 63);
            // An address without `::` has seven colons, or six before an IPv4 address, with at most four digits
            // between. Of each is asked whether one stands just before it, in the word before too: however the words
            // part them, three are so in one.
            let joined = word.colon & (word.hex << 1 | 1) & (word.hex >> 1 | TOP);
            let near = || (2..=5).fold(0, |near, by| near | joined << by | between >> (64 - by));
            let addressed = || joined.count_ones() >= 3 && (joined & near()).count_ones() >= 3;
            let colons = twice != 0 || addressed();
            between = joined;
            let fingerprint = word.under & (word.under << 13 | under >> 51);
            (colon, under) = (word.colon, word.under);
            if escape | digits | fingerprint != 0 || colons {
                remember(rare, at, [escape, digits, fingerprint], colons);
            }
            at += 64;
        }
    }

    /// The bits of 64 bytes from this place on.
    #[inline(always)]
    pub(crate) fn window(&self, at: usize) -> Bits {
        self.bits(at + 64 * FIRST)
    }

    /// The bits of 64 bytes, of which this place is the last.
    #[inline(always)]
    pub(crate) fn window_to(&self, at: usize) -> Bits {
        self.bits(at + 64 * FIRST - 63)
    }

    #[inline(always)]
    fn bits(&self, at: usize) -> Bits {
        let (word, bit) = (at / 64, at % 64);
        let Some([low, high]) = self.words.get(word..).and_then(|words| words.first_chunk::<2>())
        else {
            return Bits::NONE;
        };
        // Two shifts: one by 64 is none.
        let joined = |low: u64, high: u64| low >> bit | high << 1 << (63 - bit);
        Bits {
            token: joined(low.token, high.token),
            dot: joined(low.dot, high.dot),
            letter: joined(low.letter, high.letter),
            hex: joined(low.hex, high.hex),
        }
    }
}

struct Fill<'f> {
    masks: &'f mut Masks,
    text: &'f [u8],
}

impl Work for Fill<'_> {
    #[inline(always)]
    fn run(self, with: impl Vectors) {
        self.masks.fill(self.text, |bytes| with.classes(bytes));
    }
}

#[inline(always)]
fn remember(rare: &mut Vec<(u32, Rare)>, at: u32, masks: [u64; 3], colons: bool) {
    for (mut mask, what) in masks.into_iter().zip([Rare::Escape, Rare::Hex, Rare::Fingerprint]) {
        while mask != 0 {
            rare.push((at + mask.trailing_zeros(), what));
            mask &= mask - 1;
        }
    }
    if colons {
        rare.push((at, Rare::Colons));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Vector instructions say what the table says.
        #[test]
        fn the_ways_agree(bytes in proptest::collection::vec(any::<u8>(), 0..1024)) {
            let text = &bytes[..bytes.len() / 64 * 64];
            let by = |instructions| {
                let mut masks = Masks::default();
                masks.take(text, instructions);
                format!("{masks:?}")
            };
            prop_assert_eq!(by(Instructions::Fastest), by(Instructions::Portable));
            prop_assert_eq!(by(Instructions::Avx2), by(Instructions::Portable));
        }
    }
}

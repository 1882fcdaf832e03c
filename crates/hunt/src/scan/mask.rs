//! What each byte is, 64 at a time, as bits.

use crate::raw;

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
    /// What an escape or a way to make an address harmless begins with: `\`, `%`, `(`, `[`, `{`.
    pub(crate) escape: u64,
    /// Beyond ASCII.
    pub(crate) high: u64,
    /// The end of a line.
    pub(crate) newline: u64,
}

const TOKEN: u16 = 1;
const DOT: u16 = 1 << 1;
const LETTER: u16 = 1 << 2;
const HEX: u16 = 1 << 3;
const COLON: u16 = 1 << 4;
const UNDER: u16 = 1 << 5;
const ESCAPE: u16 = 1 << 6;
const HIGH: u16 = 1 << 7;
const NEWLINE: u16 = 1 << 8;

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
            b'\\' | b'%' | b'(' | b'[' | b'{' => ESCAPE,
            b'\n' => NEWLINE,
            0x80.. => TOKEN | LETTER | HIGH,
            _ => 0,
        };
        if byte.is_ascii_hexdigit() {
            class |= HEX;
        }
        classes[byte as usize] = class;
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    classes
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
            word.high |= bit(HIGH);
            word.newline |= bit(NEWLINE);
        }
        word
    }
}

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

/// The classes of a stretch of text, with nothing before and after it.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    pub(crate) token: Vec<u64>,
    pub(crate) dot: Vec<u64>,
    pub(crate) letter: Vec<u64>,
    /// Places, in order.
    pub(crate) rare: Vec<(u32, Rare)>,
    /// Whether anything is beyond ASCII.
    pub(crate) high: bool,
    /// Lines that end here.
    pub(crate) lines: u64,
    carry: Carry,
}

/// What the next word must know of the last.
#[derive(Debug, Default, Clone, Copy)]
struct Carry {
    colon: u64,
    under: u64,
}

/// Which instructions classify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Instructions {
    /// AVX2 where the machine has it.
    #[default]
    Fastest,
    /// None that not every machine has.
    Portable,
}

impl Masks {
    /// Takes the classes of this text, whose length is a multiple of 64; shorter lines are padded with what is
    /// no part of any token.
    pub(crate) fn take(&mut self, text: &[u8], instructions: Instructions) {
        self.clear(text.len() / 64);
        let mut at = 0_u32;
        let mut each = |word: Word| {
            self.push(word, at);
            at += 64;
        };
        #[cfg(target_arch = "x86_64")]
        let done = instructions == Instructions::Fastest && raw::avx2::words(text, &mut each);
        #[cfg(not(target_arch = "x86_64"))]
        let done = false;
        if !done {
            text.as_chunks::<64>().0.iter().map(Word::portable).for_each(each);
        }
        // A window may begin in the last word and look beyond it.
        for mask in [&mut self.token, &mut self.dot, &mut self.letter] {
            mask.push(0);
        }
    }

    fn clear(&mut self, words: usize) {
        for mask in [&mut self.token, &mut self.dot, &mut self.letter] {
            mask.clear();
            mask.reserve(words + 1);
        }
        self.rare.clear();
        (self.high, self.lines, self.carry) = (false, 0, Carry::default());
    }

    #[inline(always)]
    fn push(&mut self, word: Word, at: u32) {
        const TOP: u64 = 1 << 63;
        self.token.push(word.token);
        self.dot.push(word.dot);
        self.letter.push(word.letter);
        self.high |= word.high != 0;
        self.lines += u64::from(word.newline.count_ones());
        // At either end of a word the neighbour is not known: it may be.
        let escape = word.escape & ((word.token | word.colon) >> 1 | TOP);
        let mut hex = word.hex & word.hex >> 1;
        hex &= hex >> 2;
        hex &= hex >> 4;
        hex &= hex >> 8;
        hex &= 0x0001_0001_0001_0001;
        let twice = word.colon & (word.colon << 1 | self.carry.colon >> 63);
        let between = word.colon & (word.hex << 1 | 1) & (word.hex >> 1 | TOP);
        let colons = twice != 0 || between.count_ones() >= 4;
        let fingerprint = word.under & (word.under << 13 | self.carry.under >> 51);
        self.carry = Carry { colon: word.colon, under: word.under };
        if escape | hex | fingerprint != 0 || colons {
            self.remember(at, escape, hex, fingerprint, colons);
        }
    }

    #[cold]
    fn remember(&mut self, at: u32, escape: u64, hex: u64, fingerprint: u64, colons: bool) {
        for (mut mask, what) in
            [(escape, Rare::Escape), (hex, Rare::Hex), (fingerprint, Rare::Fingerprint)]
        {
            while mask != 0 {
                self.rare.push((at + mask.trailing_zeros(), what));
                mask &= mask - 1;
            }
        }
        if colons {
            self.rare.push((at, Rare::Colons));
        }
    }

    /// 64 bits of a mask from this place on.
    #[inline(always)]
    pub(crate) fn window(mask: &[u64], at: usize) -> u64 {
        let (word, bit) = (at / 64, at % 64);
        let low = mask.get(word).copied().unwrap_or(0) >> bit;
        let high = mask.get(word + 1).copied().unwrap_or(0);
        // Two shifts: one by 64 is none.
        low | high << 1 << (63 - bit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Vector instructions say what the table says.
        #[test]
        fn the_two_ways_agree(bytes in proptest::collection::vec(any::<u8>(), 0..1024)) {
            let text = &bytes[..bytes.len() / 64 * 64];
            let (mut fast, mut plain) = (Masks::default(), Masks::default());
            fast.take(text, Instructions::Fastest);
            plain.take(text, Instructions::Portable);
            prop_assert_eq!(format!("{fast:?}"), format!("{plain:?}"));
        }
    }
}

//! All of this crate's `unsafe`: vector instructions, a prefetch, and a file as memory.
//!
//! Why it is sound:
//! - Code that is compiled for AVX2 or AVX-512 is called only by who has an [`Avx2`] or [`Avx512`], and that is made only
//!   after the processor was asked for every feature that the code names.
//! - `load` reads as many bytes as the array has, through a pointer to that array, and asks for no alignment.
//! - [`prefetch`] takes the address of a byte inside a slice; a prefetch reads nothing that a program could see.
//! - [`Mapped`] is a file that is mapped for reading. Its bytes may change under us only if somebody writes into
//!   the file. An index is written under another name, never written again after it was renamed, and its bytes are
//!   plain integers of which every value is a value: whoever overwrites one in place gets wrong answers or an
//!   error, and, where he cuts it short, a signal that ends the process, as with every mapped file.

#![allow(unsafe_code, reason = "the one module that may: see above")]

use std::fs::File;
use std::ops::Deref;

use crate::scan::mask::{Instructions, Word};

/// What every machine has.
#[derive(Debug, Clone, Copy)]
struct Portable;

/// The word that this machine has AVX2 and what is asked for beside it.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
struct Avx2(());

/// The word that this machine has AVX-512 with its tables of bytes, and AVX2.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
struct Avx512(Avx2);

#[cfg(target_arch = "x86_64")]
impl Avx2 {
    /// None where it has not.
    fn here() -> Option<Self> {
        let has = std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("lzcnt")
            && std::arch::is_x86_feature_detected!("popcnt");
        has.then_some(Self(()))
    }
}

#[cfg(target_arch = "x86_64")]
impl Avx512 {
    /// None where it has not.
    fn here() -> Option<Self> {
        let avx2 = Avx2::here()?;
        let has = std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vbmi");
        has.then_some(Self(avx2))
    }
}

/// What is done with many bytes at once.
pub(crate) trait Vectors: Copy {
    /// Says what each of 64 bytes is: the same as [`Word::portable`].
    fn classes(self, bytes: &[u8; 64]) -> Word;

    /// The number of four parts whose digits stand at these places, four places a part: hundreds, tens, ones and
    /// [`NOWHERE`]. And whether each part is below 256, as those of an address are.
    fn address(self, bytes: &[u8; 16], places: &[u8; 16]) -> (u32, bool);
}

/// No place: a digit that is not there is 0.
pub(crate) const NOWHERE: u8 = 0x80;

/// What is done faster with vector instructions. That `run` is inlined is the point of it: so it is compiled for them
/// too.
pub(crate) trait Work {
    fn run(self, with: impl Vectors);
}

/// Does this, compiled for the best of these instructions that the machine has.
pub(crate) fn with(instructions: Instructions, work: impl Work) {
    #[cfg(target_arch = "x86_64")]
    {
        if instructions == Instructions::Fastest
            && let Some(avx512) = Avx512::here()
        {
            // SAFETY: the machine was asked for every feature that `inside512` is compiled for.
            return unsafe { inside512(avx512, work) };
        }
        if instructions != Instructions::Portable
            && let Some(avx2) = Avx2::here()
        {
            // SAFETY: the machine was asked for every feature that `inside` is compiled for.
            return unsafe { inside(avx2, work) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = instructions;
    work.run(Portable);
}

impl Vectors for Portable {
    #[inline(always)]
    fn classes(self, bytes: &[u8; 64]) -> Word {
        Word::portable(bytes)
    }

    #[inline(always)]
    fn address(self, bytes: &[u8; 16], places: &[u8; 16]) -> (u32, bool) {
        let digit = |place: u8| match place {
            NOWHERE => 0,
            place => u32::from(bytes[usize::from(place & 15)] & 15),
        };
        let parts = places.as_chunks::<4>().0.iter();
        let values = parts.map(|[a, b, c, _]| 100 * digit(*a) + 10 * digit(*b) + digit(*c));
        let all = |(number, fits), value| (number << 8 | value & 255, fits & (value < 256));
        values.fold((0, true), all)
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn inside(avx2: Avx2, work: impl Work) {
    work.run(avx2);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx2,bmi1,bmi2,lzcnt,popcnt")]
fn inside512(avx512: Avx512, work: impl Work) {
    work.run(avx512);
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use crate::scan::mask::Word;

    impl super::Vectors for super::Avx2 {
        #[inline(always)]
        fn classes(self, bytes: &[u8; 64]) -> Word {
            // SAFETY: who has an `Avx2` has asked the machine for every feature that `word` is compiled for.
            unsafe { word(bytes) }
        }

        #[inline(always)]
        fn address(self, bytes: &[u8; 16], places: &[u8; 16]) -> (u32, bool) {
            // SAFETY: who has an `Avx2` has asked the machine for AVX2, for which `address` is compiled.
            unsafe { address(bytes, places) }
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn word(bytes: &[u8; 64]) -> Word {
        let (low, high) = bytes.split_at(32);
        let (a, b) = (half(low), half(high));
        let join = |a: u32, b: u32| u64::from(a) | u64::from(b) << 32;
        Word {
            token: join(a.token, b.token),
            dot: join(a.dot, b.dot),
            letter: join(a.letter, b.letter),
            hex: join(a.hex, b.hex),
            colon: join(a.colon, b.colon),
            under: join(a.under, b.under),
            escape: join(a.escape, b.escape),
            escaped: join(a.escaped, b.escaped),
            open: join(a.open, b.open),
            opened: join(a.opened, b.opened),
            high: join(a.high, b.high),
            newline: join(a.newline, b.newline),
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn quarter(bytes: &[u8; 16]) -> __m128i {
        // SAFETY: 16 bytes are there, and `loadu` wants no alignment.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    /// As the trait says.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn address(bytes: &[u8; 16], places: &[u8; 16]) -> (u32, bool) {
        const WORTH: [u8; 16] = [100, 10, 1, 0, 100, 10, 1, 0, 100, 10, 1, 0, 100, 10, 1, 0];
        // The lowest byte of each part, the last part first.
        const LOWEST: [u8; 16] = [12, 8, 4, 0, 12, 8, 4, 0, 12, 8, 4, 0, 12, 8, 4, 0];
        let digits = _mm_shuffle_epi8(quarter(bytes), quarter(places));
        let digits = _mm_and_si128(digits, _mm_set1_epi8(15));
        let pairs = _mm_maddubs_epi16(digits, quarter(&WORTH));
        let parts = _mm_madd_epi16(pairs, _mm_set1_epi16(1));
        let fits = _mm_testz_si128(parts, _mm_set1_epi32(!255)) == 1;
        let number = _mm_cvtsi128_si32(_mm_shuffle_epi8(parts, quarter(&LOWEST)));
        (number.cast_unsigned(), fits)
    }

    #[derive(Default)]
    struct Half {
        token: u32,
        dot: u32,
        letter: u32,
        hex: u32,
        colon: u32,
        under: u32,
        escape: u32,
        escaped: u32,
        open: u32,
        opened: u32,
        high: u32,
        newline: u32,
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn load(bytes: &[u8; 32]) -> __m256i {
        // SAFETY: 32 bytes are there, and `loadu` wants no alignment.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn half(bytes: &[u8]) -> Half {
        let Some(bytes) = bytes.first_chunk::<32>() else {
            // It is called with 32 bytes only; nothing is the answer to nothing.
            return Half::default();
        };
        let v = load(bytes);
        let all = |byte: u8| _mm256_set1_epi8(byte.cast_signed());
        let is = |byte: u8| _mm256_cmpeq_epi8(v, all(byte));
        let or = |a, b| _mm256_or_si256(a, b);
        let bits = |v| _mm256_movemask_epi8(v).cast_unsigned();
        let lower = or(v, all(0x20));
        let from_a = _mm256_sub_epi8(lower, all(b'a'));
        let from_zero = _mm256_sub_epi8(v, all(b'0'));
        let below = |v, most: u8| _mm256_cmpeq_epi8(_mm256_min_epu8(v, all(most)), v);
        let alphabetic = below(from_a, 25);
        let digit = below(from_zero, 9);
        let dot = is(b'.');
        let under = is(b'_');
        // The topmost bit of a byte beyond ASCII is set already, and that bit alone is read.
        let letter = or(or(alphabetic, v), or(is(b'-'), under));
        // `[` and `{`; `a` and `A`; and so on.
        let either = |byte: u8| _mm256_cmpeq_epi8(lower, all(byte));
        let hex = or(digit, below(from_a, 5));
        let small = or(or(is(b'u'), is(b'x')), or(or(is(b'n'), is(b'r')), is(b't')));
        let colon = is(b':');
        let opened = or(or(or(either(b'a'), either(b'd')), or(dot, colon)), or(is(b'/'), is(b'@')));
        Half {
            token: bits(or(or(letter, digit), dot)),
            dot: bits(dot),
            letter: bits(letter),
            hex: bits(hex),
            colon: bits(colon),
            under: bits(under),
            escape: bits(or(or(is(b'\\'), is(b'%')), or(is(b'#'), is(0x1b)))),
            escaped: bits(or(or(hex, small), is(b'['))),
            open: bits(or(is(b'('), either(b'{'))),
            opened: bits(opened),
            high: bits(v),
            newline: bits(is(b'\n')),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use crate::scan::mask::{self, Word};

    impl super::Vectors for super::Avx512 {
        #[inline(always)]
        fn classes(self, bytes: &[u8; 64]) -> Word {
            // SAFETY: who has an `Avx512` has asked the machine for every feature that `word` is compiled for.
            unsafe { word(bytes) }
        }

        #[inline(always)]
        fn address(self, bytes: &[u8; 16], places: &[u8; 16]) -> (u32, bool) {
            self.0.address(bytes, places)
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn load(bytes: &[u8; 64]) -> __m512i {
        // SAFETY: 64 bytes are there, and `loadu` wants no alignment.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn word(bytes: &[u8; 64]) -> Word {
        let [low, high] = &mask::ASCII;
        let v = load(bytes);
        let high_bits = _mm512_movepi8_mask(v);
        // Each byte chooses its classes from a table of 128, as if its topmost bit were not there.
        let classes = _mm512_permutex2var_epi8(load(low), v, load(high));
        let ascii = _mm512_maskz_mov_epi8(!high_bits, classes);
        let all = |byte: u8| _mm512_set1_epi8(byte.cast_signed());
        let bits = |class: u16| _mm512_test_epi8_mask(ascii, all(class.to_le_bytes()[0]));
        let is = |byte: u8| _mm512_cmpeq_epi8_mask(v, all(byte));
        Word {
            token: bits(mask::TOKEN) | high_bits,
            dot: is(b'.'),
            letter: bits(mask::LETTER) | high_bits,
            hex: bits(mask::HEX),
            colon: is(b':'),
            under: is(b'_'),
            escape: bits(mask::ESCAPE),
            escaped: bits(mask::ESCAPED),
            open: bits(mask::OPEN),
            opened: bits(mask::OPENED),
            high: high_bits,
            newline: is(b'\n'),
        }
    }
}

/// Asks for the cache line of this place of the bytes.
#[inline]
pub(crate) fn prefetch(bytes: &[u8], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(byte) = bytes.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address is that of a byte of the slice, and nothing is read.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, at);
}

/// A file as memory.
#[derive(Debug)]
pub(crate) struct Mapped(memmap2::Mmap);

impl Mapped {
    pub(crate) fn of(file: &File) -> std::io::Result<Self> {
        // SAFETY: see the module; the bytes are read as plain integers only.
        unsafe { memmap2::Mmap::map(file) }.map(Self)
    }

    /// Tells the system that it is read here and there.
    #[cfg(unix)]
    pub(crate) fn advise_random(&self) -> std::io::Result<()> {
        self.0.advise(memmap2::Advice::Random)
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

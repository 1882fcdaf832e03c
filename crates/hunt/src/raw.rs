//! All of this crate's `unsafe`: vector instructions, a prefetch, and a file as memory.
//!
//! Why it is sound:
//! - [`with_avx2`] calls code that is compiled for AVX2 only after the processor was asked for every feature it
//!   names.
//! - [`load`] reads 32 bytes of an array of 32 bytes, through a pointer to that array, and asks for no alignment.
//! - [`prefetch`] takes the address of a byte inside a slice; a prefetch reads nothing that a program could see.
//! - [`Mapped`] is a file that is mapped for reading. Its bytes may change under us only if somebody writes into
//!   the file. An index is written under another name, never written again after it was renamed, and its bytes are
//!   plain integers of which every value is a value: whoever overwrites one in place gets wrong answers or an
//!   error, and, where he cuts it short, a signal that ends the process, as with every mapped file.

#![allow(unsafe_code, reason = "the one module that may: see above")]

use std::fs::File;
use std::ops::Deref;

/// Whether this machine can run what [`with_avx2`] runs.
#[must_use]
pub(crate) fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("lzcnt")
            && std::arch::is_x86_feature_detected!("popcnt")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Runs this with what is inlined into it compiled for AVX2, where the machine has it; none otherwise.
pub(crate) fn with_avx2<R>(run: impl FnOnce() -> R) -> Option<R> {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        // SAFETY: the features were asked for just above.
        return Some(unsafe { inside(run) });
    }
    drop(run);
    None
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
fn inside<R>(run: impl FnOnce() -> R) -> R {
    run()
}

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2 {
    use std::arch::x86_64::*;

    use crate::scan::mask::Word;

    /// What each of 64 bytes is: the same as [`Word::portable`].
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn classes(bytes: &[u8; 64]) -> Word {
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
            high: join(a.high, b.high),
            newline: join(a.newline, b.newline),
        }
    }

    struct Half {
        token: u32,
        dot: u32,
        letter: u32,
        hex: u32,
        colon: u32,
        under: u32,
        escape: u32,
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
            return Half {
                token: 0,
                dot: 0,
                letter: 0,
                hex: 0,
                colon: 0,
                under: 0,
                escape: 0,
                high: 0,
                newline: 0,
            };
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
        let braces = _mm256_cmpeq_epi8(lower, all(b'{'));
        let escape = or(or(is(b'\\'), is(b'%')), or(is(b'('), braces));
        Half {
            token: bits(or(or(letter, digit), dot)),
            dot: bits(dot),
            letter: bits(letter),
            hex: bits(or(digit, below(from_a, 5))),
            colon: bits(is(b':')),
            under: bits(under),
            escape: bits(escape),
            high: bits(v),
            newline: bits(is(b'\n')),
        }
    }

    /// Calls `each` with the classes of every 64 bytes, in order.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    fn all(bytes: &[u8], mut each: impl FnMut(Word)) {
        for chunk in bytes.as_chunks::<64>().0 {
            each(classes(chunk));
        }
    }

    /// The same from code that does not know that the machine can; false where it cannot.
    #[inline]
    pub(crate) fn words(bytes: &[u8], each: impl FnMut(Word)) -> bool {
        if !super::has_avx2() {
            return false;
        }
        // SAFETY: the features were asked for just above.
        unsafe { all(bytes, each) };
        true
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
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

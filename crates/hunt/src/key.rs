//! The 64 bits by which an indicator is found. A key only says where to look: what stands there is compared
//! byte by byte.
//!
//! Names are taken from right to left, a label at a time, so that the keys of a host and of every domain above it
//! come out of one pass. Case is folded by setting one bit of every byte; what that confuses besides, the
//! comparison tells apart.

use std::net::{Ipv4Addr, Ipv6Addr};

const NAME: u64 = 0x9e37_79b9_7f4a_7c15;
const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;
const END: u64 = 0xa076_1d64_78bd_642f;
const ADDRESS: u64 = 0xe703_7ed1_a0b4_28db;
const NETWORK: u64 = 0x8ebc_6af0_9c88_c6e3;
const DIGEST: u64 = 0x5899_65cc_7537_4cc3;
const MAIL: u64 = 0x1d8e_4e27_c47d_124f;
const REST: u64 = 0xeb44_acca_b455_d165;
const LOOSE: u64 = 0x2127_599b_f432_5c37;
/// The bit that tells small letters from capitals, in eight bytes.
const FOLD: u64 = 0x2020_2020_2020_2020;

#[inline(always)]
fn mix(a: u64, b: u64) -> u64 {
    mix2(a ^ b, FACTOR)
}

/// Both halves of a product.
#[inline(always)]
fn mix2(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "either half of it")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

/// Labels of a name, from the last to the first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name(u64);

/// Bytes of a label that go into its key at once.
const AT_ONCE: usize = 16;

impl Name {
    pub(crate) const EMPTY: Self = Self(NAME);

    /// With one more label on the left.
    #[inline(always)]
    pub(crate) fn label(self, label: &[u8]) -> Self {
        if label.is_empty() {
            return self.with(0, 0, 0);
        }
        label.rchunks(AT_ONCE).fold(self, |name, chunk| {
            let mut sixteen = [0; AT_ONCE];
            sixteen[AT_ONCE - chunk.len()..].copy_from_slice(chunk);
            name.ending(&sixteen, chunk.len())
        })
    }

    /// The same for a label that ends at `end` of a text.
    #[inline(always)]
    pub(crate) fn label_in(self, text: &[u8], start: usize, end: usize) -> Self {
        let length = end - start;
        let before = text.get(end.wrapping_sub(AT_ONCE)..end).and_then(|text| text.first_chunk());
        match before {
            Some(sixteen) if length <= AT_ONCE => self.ending(sixteen, length),
            _ => self.label(&text[start..end]),
        }
    }

    /// With the last `length` of sixteen bytes.
    #[inline(always)]
    fn ending(self, sixteen: &[u8; AT_ONCE], length: usize) -> Self {
        let (low, high) = sixteen.split_at(8);
        let word = |half: &[u8]| half.first_chunk().map_or(0, |half| u64::from_le_bytes(*half));
        // What of a word is no part of the label goes out at its lower end; shifts by 64 are none.
        let gone = 64 - 8 * length.min(8);
        let last = (word(high) | FOLD) >> (gone / 2) >> (gone - gone / 2);
        let gone = 64 - 8 * length.saturating_sub(8);
        let first = (word(low) | FOLD) >> (gone / 2) >> (gone - gone / 2);
        self.with(last, first, length as u64)
    }

    #[inline(always)]
    fn with(self, last: u64, first: u64, length: u64) -> Self {
        Self(mix2(last ^ self.0, first ^ END.wrapping_add(length)))
    }

    #[inline(always)]
    pub(crate) fn key(self) -> u64 {
        self.0
    }

    /// A whole name.
    pub(crate) fn of(name: &[u8]) -> u64 {
        name.rsplit(|byte| *byte == b'.').fold(Self::EMPTY, Self::label).key()
    }
}

#[inline(always)]
pub(crate) fn ipv4(address: Ipv4Addr) -> u64 {
    mix(u64::from(u32::from(address)), ADDRESS)
}

pub(crate) fn ipv6(address: Ipv6Addr) -> u64 {
    let (high, low) = halves(address);
    mix(mix(high, ADDRESS), low)
}

#[inline(always)]
pub(crate) fn network4(address: Ipv4Addr, length: u8) -> u64 {
    let kept = u64::from(u32::from(address)) >> (32 - u64::from(length.min(32)));
    mix(kept, NETWORK.wrapping_add(u64::from(length)))
}

pub(crate) fn network6(address: Ipv6Addr, length: u8) -> u64 {
    let kept = u128::from(address).checked_shr(128 - u32::from(length.min(128))).unwrap_or(0);
    let (high, low) = halves(Ipv6Addr::from(kept));
    mix(mix(high, NETWORK.rotate_left(7).wrapping_add(u64::from(length))), low)
}

fn halves(address: Ipv6Addr) -> (u64, u64) {
    let all = u128::from(address);
    #[expect(clippy::cast_possible_truncation, reason = "either half of it")]
    let halves = ((all >> 64) as u64, all as u64);
    halves
}

/// Of a digest's first sixteen bytes and its length.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    let word = |chunk: Option<&[u8; 8]>| chunk.map_or(0, |eight| u64::from_le_bytes(*eight));
    let first = word(bytes.first_chunk());
    let second = word(bytes.get(8..).and_then(|rest| rest.first_chunk()));
    mix(mix(first, DIGEST.wrapping_add(bytes.len() as u64)), second)
}

/// What follows the host of an address: port, path and query.
pub(crate) fn rest(host: u64, rest: &[u8]) -> u64 {
    bytes(host ^ REST, rest)
}

/// The local part before a domain.
pub(crate) fn mail(domain: u64, local: &[u8]) -> u64 {
    bytes(domain ^ MAIL, local)
}

/// A whole name of which only a part is a token.
pub(crate) fn loose(part: u64, name: &[u8]) -> u64 {
    bytes(part ^ LOOSE, name)
}

fn bytes(seed: u64, bytes: &[u8]) -> u64 {
    let add = |sum: u64, chunk: &[u8]| {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        mix(sum, u64::from_le_bytes(eight))
    };
    bytes.chunks(8).fold(seed.wrapping_add(bytes.len() as u64), add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_label_in_a_text_is_a_label(text in "[a-zA-Z0-9_-]{0,40}", pad in 0_usize..12) {
            let mut whole = vec![b'X'; pad];
            whole.extend(text.as_bytes());
            let found = Name::EMPTY.label_in(&whole, pad, whole.len());
            prop_assert_eq!(found.key(), Name::EMPTY.label(text.as_bytes()).key());
            let folded = Name::EMPTY.label(text.to_ascii_uppercase().as_bytes());
            prop_assert_eq!(found.key(), folded.key());
        }
    }
}

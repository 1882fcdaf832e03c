//! From the masks to keys.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::mask::{Masks, Rare};
use super::{Family, Probe, Scanner, is_token, without_end_dots};
use crate::address;
use crate::indicator::is_ja4;
use crate::key::{self, Name};

/// No name that is looked for is longer.
const LONGEST_NAME: usize = 255;
/// Nor any spelling of an IPv6 address.
const LONGEST_ADDRESS: usize = 45;
const LONGEST_DIGEST: usize = 128;

#[inline(always)]
fn below(bits: usize) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

#[expect(clippy::cast_possible_truncation, reason = "texts are far smaller than 4 GiB")]
fn place(at: usize) -> u32 {
    at as u32
}

impl Scanner<'_> {
    /// Every token with a dot in it, and where names without are wanted, every one.
    #[inline(always)]
    pub(super) fn tokens(&mut self, text: &[u8], masks: &Masks) {
        let mut done = 0;
        for word in 0..masks.dot.len() {
            let mut dots = masks.dot[word];
            let begin = word * 64;
            if done > begin {
                dots &= !below(done - begin);
            }
            while dots != 0 {
                let at = begin + dots.trailing_zeros() as usize;
                let start = run_start(&masks.token, at);
                let tokens = Masks::window(&masks.token, start);
                let length = (!tokens).trailing_zeros() as usize;
                let end = if length < 64 {
                    self.short(text, masks, start, length);
                    start + length
                } else {
                    let end = run_end(&masks.token, start + 64);
                    self.long(text, masks, start, end);
                    end
                };
                done = end;
                dots &= !below(end - begin);
            }
        }
        if self.wanted.bare_names != 0 {
            self.bare(text, masks);
        }
    }

    /// A token of less than 64 bytes.
    #[inline(always)]
    fn short(&mut self, text: &[u8], masks: &Masks, start: usize, length: usize) {
        let mut dots = Masks::window(&masks.dot, start) & below(length);
        let letters = Masks::window(&masks.letter, start) & below(length);
        let mut length = length;
        while length > 0 && dots >> (length - 1) & 1 != 0 {
            length -= 1;
            dots &= below(length);
        }
        if letters == 0 {
            if dots.count_ones() == 3 {
                self.ipv4(text, start, start + length);
            }
            if self.wanted.numeric_names && dots != 0 {
                self.names(text, start, length, dots);
            }
            return;
        }
        if masks.high && !text[start..start + length].is_ascii() {
            self.beyond_ascii(text, start, start + length);
            return;
        }
        if letters.count_ones() <= 3 && dots.count_ones() >= 3 {
            self.range(text, start, start + length);
        }
        if dots != 0 {
            self.names(text, start, length, dots);
        }
    }

    /// A name from each of its labels on, but not the last label alone.
    #[inline(always)]
    fn names(&mut self, text: &[u8], start: usize, length: usize, mut dots: u64) {
        let (mut name, mut right) = (Name::EMPTY, length);
        let end = place(start + length);
        while dots != 0 {
            let dot = 63 - dots.leading_zeros() as usize;
            name = name.label_in(text, start + dot + 1, start + right);
            if right < length {
                let start = place(start + dot + 1);
                self.push(text, Probe { key: name.key(), start, end, family: Family::Name });
            }
            right = dot;
            dots &= below(dot);
        }
        name = name.label_in(text, start, start + right);
        self.push(text, Probe { key: name.key(), start: place(start), end, family: Family::Name });
    }

    /// A token of 64 bytes or more: no name is longer than 255, so more of it is of no use.
    #[cold]
    fn long(&mut self, text: &[u8], masks: &Masks, start: usize, end: usize) {
        let end = start + without_end_dots(&text[start..end]).len();
        if masks.high && !text[start..end].is_ascii() {
            self.beyond_ascii(text, start, end);
            return;
        }
        let (mut name, mut right) = (Name::EMPTY, end);
        let least = end.saturating_sub(LONGEST_NAME).max(start);
        for at in (least..end).rev() {
            let is_whole = at == start;
            if text[at] != b'.' && !is_whole {
                continue;
            }
            let left = if text[at] == b'.' { at + 1 } else { at };
            name = name.label_in(text, left, right);
            if right < end {
                self.push(text, Probe { key: name.key(), start: place(left), end: place(end), family: Family::Name });
            }
            if text[at] == b'.' && is_whole {
                name = name.label_in(text, at, at);
                self.push(text, Probe { key: name.key(), start: place(at), end: place(end), family: Family::Name });
            }
            right = at;
        }
        self.range(text, start, end.min(start + LONGEST_NAME));
    }

    /// `1.2.3.4-1.2.3.9`, and `1.2.3.4_443`: numbers alone, with a dash between.
    fn range(&mut self, text: &[u8], start: usize, end: usize) {
        let run = &text[start..end];
        if run.iter().any(u8::is_ascii_alphabetic) {
            return;
        }
        let mut at = start;
        for piece in run.split(|byte| matches!(byte, b'-' | b'_')) {
            let length = without_end_dots(piece).len();
            if length > 0 {
                self.ipv4(text, at, at + length);
            }
            at += piece.len() + 1;
        }
    }

    #[inline(always)]
    fn ipv4(&mut self, text: &[u8], start: usize, end: usize) {
        if let Some(address) = address::ipv4(&text[start..end]) {
            self.found_ipv4(text, address, start, end);
        }
    }

    #[inline(always)]
    fn found_ipv4(&mut self, text: &[u8], address: Ipv4Addr, start: usize, end: usize) {
        let (start, end) = (place(start), place(end));
        self.push(text, Probe { key: key::ipv4(address), start, end, family: Family::Ipv4 });
        let mut lengths = self.wanted.networks4;
        if lengths != 0 && self.indexes.iter().any(|index| index.may_hold(address.into())) {
            while lengths != 0 {
                let length = lengths.trailing_zeros().to_le_bytes()[0];
                let key = key::network4(address, length);
                self.push(text, Probe { key, start, end, family: Family::Network4(length) });
                lengths &= lengths - 1;
            }
        }
    }

    /// Names without a dot, of the lengths that are wanted.
    fn bare(&mut self, text: &[u8], masks: &Masks) {
        let mut carry = 0;
        for (word, token) in masks.token.iter().enumerate() {
            let mut starts = token & !(token << 1 | carry);
            carry = token >> 63;
            while starts != 0 {
                let start = word * 64 + starts.trailing_zeros() as usize;
                starts &= starts - 1;
                let end = run_end(&masks.token, start);
                let run = &text[start..end];
                let dotted = run.contains(&b'.');
                if dotted && without_end_dots(run).contains(&b'.') {
                    continue;
                }
                let length = without_end_dots(run).len();
                if self.wanted.bare_names >> length.min(63) & 1 == 0 || length > LONGEST_NAME {
                    continue;
                }
                if run.is_ascii() {
                    let key = Name::EMPTY.label_in(text, start, start + length).key();
                    let (start, end) = (place(start), place(start + length));
                    self.push(text, Probe { key, start, end, family: Family::Name });
                } else if !dotted {
                    self.beyond_ascii(text, start, start + length);
                }
            }
        }
    }

    /// A token with bytes beyond ASCII: a name of its own, an international domain, or ASCII between characters that
    /// stand without spaces.
    #[cold]
    fn beyond_ascii(&mut self, text: &[u8], start: usize, end: usize) {
        let run = &text[start..end];
        if run.len() <= 4 * LONGEST_NAME
            && let Ok(whole) = std::str::from_utf8(run)
        {
            self.ask(text);
            self.confirm(text).written(whole, start, end);
        }
        let mut at = start;
        for chunk in run.utf8_chunks() {
            let valid = chunk.valid();
            for piece in valid.split(|c: char| !c.is_ascii() && separates(c)) {
                let from = at + (piece.as_ptr().addr() - valid.as_ptr().addr());
                let is_all = from == start && piece.len() == run.len();
                if is_all || piece.is_empty() {
                    continue;
                }
                if piece.is_ascii() {
                    self.piece(text, from, from + piece.len());
                } else if piece.contains('.') && piece.len() <= LONGEST_NAME {
                    self.ask(text);
                    self.confirm(text).written(piece, from, from + piece.len());
                }
            }
            at += valid.len() + chunk.invalid().len();
        }
    }

    /// ASCII that stands between other characters.
    fn piece(&mut self, text: &[u8], start: usize, end: usize) {
        let end = start + without_end_dots(&text[start..end]).len();
        let run = &text[start..end];
        if !run.contains(&b'.') {
            return;
        }
        self.range(text, start, end);
        let (mut name, mut right) = (Name::EMPTY, end);
        for (at, byte) in run.iter().enumerate().rev().take(LONGEST_NAME) {
            if *byte == b'.' {
                name = name.label_in(text, start + at + 1, right);
                if right < end {
                    let start = place(start + at + 1);
                    self.push(text, Probe { key: name.key(), start, end: place(end), family: Family::Name });
                }
                right = start + at;
            }
        }
        if run.len() <= LONGEST_NAME {
            let key = name.label_in(text, start, right).key();
            self.push(text, Probe { key, start: place(start), end: place(end), family: Family::Name });
        }
    }

    /// What is rare: IPv6 addresses, digests, fingerprints.
    pub(super) fn rare(&mut self, text: &[u8], masks: &Masks) {
        let (mut address, mut digest) = (0, 0);
        for (at, what) in &masks.rare {
            let at = *at as usize;
            match what {
                Rare::Colons if at + 64 > address => address = self.colons(text, at.max(address), at + 64),
                Rare::Hex if at >= digest => digest = self.digest(text, at),
                Rare::Fingerprint if self.wanted.fingerprints => self.fingerprint(text, at),
                _ => {}
            }
        }
    }

    /// IPv6 addresses that have a colon in this stretch; where the last one ends.
    fn colons(&mut self, text: &[u8], from: usize, to: usize) -> usize {
        let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        let mut at = from;
        while let Some(colon) = memchr::memchr(b':', text.get(at..to.min(text.len())).unwrap_or_default()) {
            let colon = at + colon;
            let start = text[..colon].iter().rposition(|byte| !is_part(byte)).map_or(0, |at| at + 1);
            let end = text[colon..].iter().position(|byte| !is_part(byte)).map_or(text.len(), |at| colon + at);
            if end - start >= 2 {
                self.ipv6(text, start.max(from.saturating_sub(LONGEST_ADDRESS)), end);
            }
            at = end.max(colon + 1);
        }
        at
    }

    fn ipv6(&mut self, text: &[u8], start: usize, end: usize) {
        if let Some((address, start, end)) = ipv6_in(text, start, end) {
            match address.to_canonical() {
                IpAddr::V4(four) => self.found_ipv4(text, four, start, end),
                IpAddr::V6(six) => self.found_ipv6(text, six, start, end),
            }
        }
    }

    fn found_ipv6(&mut self, text: &[u8], address: Ipv6Addr, start: usize, end: usize) {
        let (start, end) = (place(start), place(end));
        self.push(text, Probe { key: key::ipv6(address), start, end, family: Family::Ipv6 });
        for (word, mut lengths) in (0_u32..).zip(self.wanted.networks6) {
            while lengths != 0 {
                let length = (word * 64 + lengths.trailing_zeros()).to_le_bytes()[0];
                let key = key::network6(address, length);
                self.push(text, Probe { key, start, end, family: Family::Network6(length) });
                lengths &= lengths - 1;
            }
        }
    }

    /// The digest that these digits are a part of; where what they are a part of ends.
    fn digest(&mut self, text: &[u8], at: usize) -> usize {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric();
        let least = at.saturating_sub(LONGEST_DIGEST + 2);
        let start = text[least..at].iter().rposition(|byte| !is_part(byte)).map_or(least, |before| least + before + 1);
        let end = text[at..].iter().position(|byte| !is_part(byte)).map_or(text.len(), |after| at + after);
        let start = if text[start..end].starts_with(b"0x") { start + 2 } else { start };
        let run = &text[start..end];
        let begins = start == 0 || !is_part(&text[start - 1]) || text[start - 1] == b'x';
        if matches!(run.len(), 32 | 40 | 64 | 128) && begins && run.iter().all(u8::is_ascii_hexdigit) {
            let mut bytes = [0; LONGEST_DIGEST / 2];
            for (byte, pair) in bytes.iter_mut().zip(run.chunks(2)) {
                *byte = address::hex_pair(pair).unwrap_or(0);
            }
            let key = key::digest(&bytes[..run.len() / 2]);
            self.push(text, Probe { key, start: place(start), end: place(end), family: Family::Digest });
        }
        end
    }

    fn fingerprint(&mut self, text: &[u8], second: usize) {
        let Some(start) = second.checked_sub(23) else { return };
        let end = start + 36;
        let is_part = |at: usize| text.get(at).is_some_and(|byte| is_token(*byte) && *byte != b'.' && *byte != b'-');
        let alone = start.checked_sub(1).is_none_or(|before| !is_part(before)) && !is_part(end);
        if alone && text.get(start..end).is_some_and(is_ja4) {
            let key = Name::of(&text[start..end]);
            self.push(text, Probe { key, start: place(start), end: place(end), family: Family::Name });
        }
    }
}

/// Whether a character stands between words although no space does: all but letters of scripts that write spaces.
fn separates(c: char) -> bool {
    let ideographic = matches!(u32::from(c),
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3000..=0x30ff | 0x3100..=0x31bf
        | 0x31f0..=0x31ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xac00..=0xd7af | 0xf900..=0xfaff
        | 0xff00..=0xffef | 0x20000..=0x3ffff);
    ideographic || !c.is_alphanumeric()
}

/// The IPv6 address in a run of digits, colons and dots, where no word goes on around it.
pub(super) fn ipv6_in(text: &[u8], start: usize, end: usize) -> Option<(Ipv6Addr, usize, usize)> {
    let (mut start, mut end) = (start, end);
    let is_word = |byte: &u8| is_token(*byte) && !matches!(byte, b'-' | b'_');
    if start.checked_sub(1).is_some_and(|before| is_word(&text[before])) {
        // `id:2001:db8::1`: the run begins inside the word before the first colon.
        start += text[start..end].iter().position(|byte| *byte == b':')?;
        if text[start..end].starts_with(b"::") {
            return None;
        }
    }
    let single = |run: &[u8]| run.len() > 1 && run[0] == b':' && run[1] != b':';
    if single(&text[start..end]) {
        start += 1;
    }
    end = start + without_end_dots(&text[start..end]).len();
    if end - start > 2 && text[end - 1] == b':' && text[end - 2] != b':' {
        end -= 1;
    }
    if text.get(end).is_some_and(is_word) || !(2..=LONGEST_ADDRESS).contains(&(end - start)) {
        return None;
    }
    let address = std::str::from_utf8(&text[start..end]).ok()?.parse().ok()?;
    Some((address, start, end))
}

/// Where the run of ones around this bit begins.
#[inline(always)]
fn run_start(mask: &[u64], at: usize) -> usize {
    let (mut word, bit) = (at / 64, at % 64);
    let ones = (mask[word] << (63 - bit)).leading_ones() as usize;
    if ones <= bit || word == 0 {
        return at + 1 - ones.min(bit + 1);
    }
    loop {
        word -= 1;
        let ones = mask[word].leading_ones() as usize;
        if ones < 64 || word == 0 {
            return word * 64 + 64 - ones;
        }
    }
}

/// Where the run of ones that holds this bit, or would, ends.
fn run_end(mask: &[u64], at: usize) -> usize {
    let mut at = at;
    loop {
        let ones = (!Masks::window(mask, at)).trailing_zeros() as usize;
        at += ones;
        if ones < 64 {
            return at;
        }
    }
}

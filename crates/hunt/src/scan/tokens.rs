//! From the masks to keys.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::mask::{Bits, FIRST, Masks, Rare};
use super::{Family, Probe, Scanner, without_end_dots};
use crate::address::{self, digit};
use crate::indicator::is_ja4;
use crate::key::{self, Name};
use crate::raw::{NOWHERE, Vectors};

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

/// Tokens that are looked at together.
const TOGETHER: usize = 256;

/// Ends that are written at once, whether there are so many or not.
const AT_ONCE: usize = 4;

/// A token of less than 64 bytes, without dots at its end.
#[derive(Debug, Clone, Copy, Default)]
struct Token {
    dots: u64,
    start: u32,
    length: u8,
    /// Where in it the first is that is neither a digit nor a dot.
    letter: u8,
}

/// Tokens by their sort.
#[derive(Debug)]
pub(super) struct Sorted {
    /// Where tokens end.
    ends: [u32; TOGETHER + 64],
    numbers: [Token; TOGETHER + 1],
    /// Names of two labels, of three, and others.
    two: [Token; TOGETHER + 1],
    three: [Token; TOGETHER + 1],
    others: [Token; TOGETHER + 1],
}

impl Default for Sorted {
    fn default() -> Self {
        let none = [Token::default(); TOGETHER + 1];
        Self { ends: [0; TOGETHER + 64], numbers: none, two: none, three: none, others: none }
    }
}

impl Scanner<'_> {
    /// Every token with a dot in it, and where names without are wanted, every one.
    ///
    /// First where they end, then what they are, then each sort by itself: so none waits for the one before it, and the
    /// processor knows what comes next.
    #[inline(always)]
    pub(super) fn tokens(
        &mut self,
        text: &[u8],
        masks: &Masks,
        sorted: &mut Sorted,
        with: impl Vectors,
    ) {
        let (mut carry, mut found) = (false, 0);
        let all = if self.wanted.numeric_names { u64::MAX } else { 0 };
        let words = masks.words.len() - FIRST - 1;
        for (at, pair) in masks.words.windows(2).skip(FIRST).enumerate() {
            let [own, next] = pair else { continue };
            let after = |of: fn(&Bits) -> u64, by: u32| of(own) >> by | of(next) << (64 - by);
            let (dot, letter) = (|bits: &Bits| bits.dot, |bits: &Bits| bits.letter);
            // A dot before a letter is one of a name, and one before another dot may be one of an address: what is
            // left are numbers with a fraction, of which logs are full.
            let matters = after(letter, 1) | after(dot, 2) | after(dot, 3) | after(dot, 4) | all;
            // Added to the tokens, such dots carry up to where their token has ended, once each.
            let (sum, one) = own.token.overflowing_add(own.dot & matters);
            let (sum, other) = sum.overflowing_add(u64::from(carry));
            carry = one | other;
            let mut ends = sum & !own.token;
            let count = ends.count_ones() as usize;
            let begin = place(at * 64);
            // Nobody can foresee how many there are, and more than these are rare.
            for end in &mut sorted.ends[found..found + AT_ONCE] {
                *end = begin + ends.trailing_zeros();
                ends &= ends.wrapping_sub(1);
            }
            let mut more = found + AT_ONCE;
            while ends != 0 {
                sorted.ends[more] = begin + ends.trailing_zeros();
                ends &= ends - 1;
                more += 1;
            }
            found += count;
            if found >= TOGETHER {
                self.ended(text, masks, sorted, TOGETHER, with);
                found -= TOGETHER;
                sorted.ends.copy_within(TOGETHER..TOGETHER + found, 0);
            }
        }
        if carry {
            sorted.ends[found] = place(words * 64);
            found += 1;
        }
        self.ended(text, masks, sorted, found, with);
        if self.wanted.bare_names != 0 {
            self.bare(text, masks);
        }
    }

    /// The tokens that end there.
    #[inline(always)]
    fn ended(
        &mut self,
        text: &[u8],
        masks: &Masks,
        sorted: &mut Sorted,
        count: usize,
        with: impl Vectors,
    ) {
        let Sorted { ends, numbers, two, three, others } = sorted;
        let mut of = [0_usize; 4];
        for end in &ends[..count] {
            let end = *end as usize;
            let bits = masks.window_to(end - 1);
            let length = bits.token.leading_ones();
            if length == 64 {
                self.long(text, run_start(masks, end - 1, |bits| bits.token), end);
                continue;
            }
            let start = place(end) - length;
            let (dots, letters) = (bits.dot >> (64 - length), bits.letter >> (64 - length));
            let length = 64 - (!dots & below(length as usize)).leading_zeros();
            let dots = dots & below(length as usize);
            #[expect(clippy::cast_possible_truncation, reason = "64 at most")]
            let small = |bits: u32| bits as u8;
            let letter = small(letters.trailing_zeros());
            let token = Token { dots, start, length: small(length), letter };
            let (number, labels) = (letters == 0, dots.count_ones());
            numbers[of[0]] = token;
            two[of[1]] = token;
            three[of[2]] = token;
            others[of[3]] = token;
            of[0] += usize::from(number);
            of[1] += usize::from(!number && labels == 1);
            of[2] += usize::from(!number && labels == 2);
            of[3] += usize::from(!number && (labels > 2 || labels == 0));
        }
        self.numbers(text, &numbers[..of[0]], with);
        self.words::<1>(text, masks, &two[..of[1]]);
        self.words::<2>(text, masks, &three[..of[2]]);
        self.words::<0>(text, masks, &others[..of[3]]);
    }

    /// Tokens of digits and dots.
    #[inline(always)]
    fn numbers(&mut self, text: &[u8], tokens: &[Token], with: impl Vectors) {
        for token in tokens {
            let Token { length, dots, start, .. } = *token;
            let (start, length) = (start as usize, usize::from(length));
            if self.wanted.numeric_names && dots != 0 {
                self.names::<0>(text, start, length, dots);
            }
            // `seen ...1.2.3.4`
            let lead = (dots.trailing_ones() as usize).min(length);
            let (start, length, dots) = (start + lead, length - lead, dots >> lead);
            if dots.count_ones() == 4 {
                self.with_port(text, start, start + length);
            } else if dots.count_ones() == 3
                && let Some(address) = ipv4_between(text, start, length, dots, with)
            {
                self.found_ipv4(text, address, start, start + length);
            }
        }
    }

    /// Tokens with something else in them, and `DOTS` dots; 0: with any number of them.
    #[inline(always)]
    fn words<const DOTS: u32>(&mut self, text: &[u8], masks: &Masks, tokens: &[Token]) {
        for token in tokens {
            let Token { length, dots, start, letter } = *token;
            let (start, length) = (start as usize, usize::from(length));
            if masks.high && !text[start..start + length].is_ascii() {
                self.beyond_ascii(text, start, start + length);
                continue;
            }
            if DOTS == 0 {
                let first = text[start + usize::from(letter)];
                if matches!(first, b'-' | b'_') && dots.count_ones() >= 3 {
                    self.range(text, start, start + length);
                }
            }
            if DOTS > 0 || dots != 0 {
                self.names::<DOTS>(text, start, length, dots);
            }
        }
    }

    /// A name from each of its labels on, but not the last label alone.
    #[inline(always)]
    fn names<const DOTS: u32>(&mut self, text: &[u8], start: usize, length: usize, mut dots: u64) {
        let (mut name, mut right) = (Name::EMPTY, length);
        let end = place(start + length);
        // How many are known to the compiler it writes out.
        for _ in 0..if DOTS > 0 { DOTS } else { dots.count_ones() } {
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
    fn long(&mut self, text: &[u8], start: usize, end: usize) {
        let end = start + without_end_dots(&text[start..end]).len();
        if !text[start..end].is_ascii() {
            self.beyond_ascii(text, start, end);
            return;
        }
        self.piece(text, start, end);
    }

    /// `1.2.3.4-1.2.3.9`, and `1.2.3.4_443`: numbers alone, with a dash between.
    fn range(&mut self, text: &[u8], start: usize, end: usize) {
        let run = &text[start..end];
        if run.iter().any(u8::is_ascii_alphabetic) {
            return;
        }
        let mut at = start;
        for piece in run.split(|byte| matches!(byte, b'-' | b'_')) {
            let lead = piece.iter().take_while(|byte| **byte == b'.').count();
            let length = without_end_dots(piece).len();
            if length > lead {
                self.ipv4(text, at + lead, at + length);
            }
            at += piece.len() + 1;
        }
    }

    /// `1.2.3.4.443 > 5.6.7.8.52344:`
    #[cold]
    fn with_port(&mut self, text: &[u8], start: usize, end: usize) {
        if let Some(end) = before_port(text, start, end) {
            self.ipv4(text, start, end);
        }
    }

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
        for (word, Bits { token, .. }) in masks.words.iter().skip(FIRST).enumerate() {
            let mut starts = token & !(token << 1 | carry);
            carry = token >> 63;
            while starts != 0 {
                let start = word * 64 + starts.trailing_zeros() as usize;
                starts &= starts - 1;
                let end = run_end(masks, start, |bits| bits.token);
                let run = &text[start..end];
                let dotted = run.contains(&b'.');
                if dotted && without_end_dots(run).contains(&b'.') {
                    continue;
                }
                let length = without_end_dots(run).len();
                // Of what has other characters a part may be a name.
                let is_ascii = run.is_ascii();
                let is_wanted =
                    length <= LONGEST_NAME && self.wanted.bare_names >> length.min(63) & 1 != 0;
                if is_ascii && !is_wanted {
                    continue;
                }
                if is_ascii {
                    let key = Name::EMPTY.label_in(text, start, start + length).key();
                    let (start, end) = (place(start), place(start + length));
                    self.push(text, Probe { key, start, end, family: Family::Name });
                } else if !dotted && is_wanted {
                    self.beyond_ascii(text, start, start + length);
                } else if !dotted {
                    self.pieces(text, start, start + length);
                }
            }
        }
    }

    /// A token with bytes beyond ASCII: a name of its own, an international domain, or ASCII between characters that
    /// stand without spaces.
    #[cold]
    fn beyond_ascii(&mut self, text: &[u8], start: usize, end: usize) {
        let Some(whole) = Some(&text[start..end])
            .filter(|run| run.len() <= 4 * LONGEST_NAME)
            .and_then(|run| std::str::from_utf8(run).ok())
        else {
            return self.pieces(text, start, end);
        };
        // What nobody sees beside a name is no part of it: without that it is found as it is.
        let (start, name) = seen(start, whole);
        let end = start + name.len();
        if name.is_ascii() {
            return self.piece(text, start, end);
        }
        self.ask(text);
        self.confirm(text).written(name, start, end);
        self.pieces(text, start, end);
    }

    /// What stands between other characters in a token.
    fn pieces(&mut self, text: &[u8], start: usize, end: usize) {
        let run = &text[start..end];
        let mut at = start;
        for chunk in run.utf8_chunks() {
            let valid = chunk.valid();
            for piece in valid.split(|c: char| !c.is_ascii() && separates(c) && !is_invisible(c)) {
                let from = at + (piece.as_ptr().addr() - valid.as_ptr().addr());
                let (from, piece) = seen(from, piece);
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

    /// ASCII of any length, that stands between other characters or is a token of its own.
    fn piece(&mut self, text: &[u8], start: usize, end: usize) {
        let end = start + without_end_dots(&text[start..end]).len();
        let run = &text[start..end];
        if !run.contains(&b'.') {
            if run.len() <= LONGEST_NAME && self.wanted.bare_names >> run.len().min(63) & 1 != 0 {
                let key = Name::EMPTY.label_in(text, start, end).key();
                let (start, end) = (place(start), place(end));
                self.push(text, Probe { key, start, end, family: Family::Name });
            }
            return;
        }
        self.range(text, start, end);
        let (mut name, mut right) = (Name::EMPTY, end);
        for (at, byte) in run.iter().enumerate().rev().take(LONGEST_NAME) {
            if *byte == b'.' {
                name = name.label_in(text, start + at + 1, right);
                if right < end {
                    let start = place(start + at + 1);
                    self.push(
                        text,
                        Probe { key: name.key(), start, end: place(end), family: Family::Name },
                    );
                }
                right = start + at;
            }
        }
        if run.len() <= LONGEST_NAME {
            let key = name.label_in(text, start, right).key();
            self.push(
                text,
                Probe { key, start: place(start), end: place(end), family: Family::Name },
            );
        }
    }

    /// What is rare: IPv6 addresses, digests, fingerprints.
    #[inline(always)]
    pub(super) fn rare(&mut self, text: &[u8], masks: &Masks) {
        let (mut address, mut digest) = (0, 0);
        for (at, what) in &masks.rare {
            let at = *at as usize;
            match what {
                Rare::Colons if at + 64 > address => {
                    address = self.colons(text, at.max(address), at + 64);
                }
                Rare::Hex if at >= digest => digest = self.digest(text, masks, at),
                Rare::Fingerprint if self.wanted.fingerprints => self.fingerprint(text, at),
                _ => {}
            }
        }
    }

    /// IPv6 addresses that have a colon in this stretch; where the last one ends.
    fn colons(&mut self, text: &[u8], from: usize, to: usize) -> usize {
        let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        let mut at = from;
        while let Some(colon) =
            memchr::memchr(b':', text.get(at..to.min(text.len())).unwrap_or_default())
        {
            let colon = at + colon;
            let start =
                text[..colon].iter().rposition(|byte| !is_part(byte)).map_or(0, |at| at + 1);
            let end = text[colon..]
                .iter()
                .position(|byte| !is_part(byte))
                .map_or(text.len(), |at| colon + at);
            // Times and hardware addresses have fewer.
            let run = &text[start..end];
            let colons = || run.iter().filter(|byte| **byte == b':').count();
            let is_any = run.windows(2).any(|pair| pair == b"::") || colons() >= 6;
            if is_any {
                self.ipv6(text, start, end);
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
    #[inline(always)]
    fn digest(&mut self, text: &[u8], masks: &Masks, at: usize) -> usize {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric();
        let start = run_start(masks, at, |bits| bits.hex);
        let end = run_end(masks, at, |bits| bits.hex);
        let before = start.checked_sub(1).map(|at| text[at]);
        // `0x` is no part of the digits.
        let begins = !before.as_ref().is_some_and(is_part)
            || (before == Some(b'x')
                && start >= 2
                && text[start - 2] == b'0'
                && !start.checked_sub(3).is_some_and(|at| is_part(&text[at])));
        let ends = !text.get(end).is_some_and(is_part);
        if matches!(end - start, 32 | 40 | 64 | 128) && begins && ends {
            let mut bytes = [0; LONGEST_DIGEST / 2];
            let length = (end - start) / 2;
            // No more than that of it is in its key.
            for (byte, pair) in bytes.iter_mut().zip(text[start..start + 32].as_chunks::<2>().0) {
                *byte = digit(pair[0]) << 4 | digit(pair[1]);
            }
            let key = key::digest(&bytes[..length]);
            self.push(
                text,
                Probe { key, start: place(start), end: place(end), family: Family::Digest },
            );
        }
        end
    }

    fn fingerprint(&mut self, text: &[u8], second: usize) {
        let Some(start) = second.checked_sub(23) else { return };
        let end = start + 36;
        let is_part = |at: usize| {
            text.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        let alone = start.checked_sub(1).is_none_or(|before| !is_part(before)) && !is_part(end);
        if alone && text.get(start..end).is_some_and(is_ja4) {
            let key = Name::of(&text[start..end]);
            self.push(
                text,
                Probe { key, start: place(start), end: place(end), family: Family::Name },
            );
        }
    }
}

/// Where the digits of an address are, by how many each of its parts has, from `1.1.1.1` on: four bytes a part, of which
/// the last is none, and so are those before the first digit.
const PLACES: [[u8; 16]; 81] = {
    let mut all = [[NOWHERE; 16]; 81];
    let mut index = 0;
    while index < 81 {
        let digits = [index / 27, index / 9 % 3, index / 3 % 3, index % 3];
        let (mut part, mut end) = (0, 0);
        while part < 4 {
            end += digits[part] + 1;
            let mut back = 0;
            while back <= digits[part] {
                all[index][part * 4 + 2 - back] = (end - 1 - back).to_le_bytes()[0];
                back += 1;
            }
            end += 1;
            part += 1;
        }
        index += 1;
    }
    all
};

/// The address that these digits and three dots are: [`address::ipv4`], without a branch.
#[inline(always)]
fn ipv4_between(
    text: &[u8],
    start: usize,
    length: usize,
    dots: u64,
    with: impl Vectors,
) -> Option<Ipv4Addr> {
    let Some(bytes) = text.get(start..).and_then(|text| text.first_chunk::<16>()) else {
        return address::ipv4(&text[start..start + length]);
    };
    // Each dot, and the end, stands two to four bytes after the one before, and the first one to three from the start.
    let ends = dots | 1 << (length & 63);
    let reached = ends << 2 | ends << 3 | ends << 4 | 0b1110;
    let fits = ends & !reached | ends & ends << 1 | ends & 1;
    let first = dots.trailing_zeros() as usize;
    let dots = dots & dots.wrapping_sub(1);
    let second = dots.trailing_zeros() as usize;
    let third = (dots & dots.wrapping_sub(1)).trailing_zeros() as usize;
    let index = (18 * first + 6 * second + 2 * third + length).wrapping_sub(53);
    let (address, is_one) = with.address(bytes, PLACES.get(index).unwrap_or(&PLACES[0]));
    (fits == 0 && is_one).then(|| Ipv4Addr::from(address))
}

/// Whether a character stands between words although no space does: all but letters of scripts that write spaces.
fn separates(c: char) -> bool {
    let ideographic = matches!(u32::from(c),
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3000..=0x30ff | 0x3100..=0x31bf
        | 0x31f0..=0x31ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xac00..=0xd7af | 0xf900..=0xfaff
        | 0xff00..=0xffef | 0x20000..=0x3ffff);
    ideographic || !c.is_alphanumeric()
}

/// Whether a character is nothing that is seen: marks of width and of order.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// What of a text that begins here is seen, and where that begins.
fn seen(start: usize, text: &str) -> (usize, &str) {
    let ahead = text.len() - text.trim_start_matches(is_invisible).len();
    (start + ahead, text.trim_matches(is_invisible))
}

/// The IPv6 address in a run of digits, colons and dots, where no word goes on around it.
pub(super) fn ipv6_in(text: &[u8], start: usize, end: usize) -> Option<(Ipv6Addr, usize, usize)> {
    let (mut start, mut end) = (start, end);
    // No address goes on in a word; characters of scripts without spaces are none that it goes on in.
    let is_word = |c: Option<char>| {
        c.is_some_and(|c| {
            if c.is_ascii() { c.is_ascii_alphanumeric() || c == '.' } else { !separates(c) }
        })
    };
    // Almost always one byte is one character.
    let near = |text: &[u8], at: usize, pick: fn(&str) -> Option<char>| match text.get(at) {
        Some(byte) if !byte.is_ascii() => pick(&String::from_utf8_lossy(text)),
        byte => byte.map(|byte| char::from(*byte)),
    };
    let after = near(&text[end..text.len().min(end + 4)], 0, |text| text.chars().next());
    let after = is_word(after);
    let before = &text[start.saturating_sub(4)..start];
    let last = before.len().wrapping_sub(1);
    if is_word(near(before, last, |text| text.chars().next_back())) {
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
    if after || !(2..=LONGEST_ADDRESS).contains(&(end - start)) {
        return None;
    }
    if let Some(address) = address::ipv6(&text[start..end]) {
        return Some((address, start, end));
    }
    let end = before_port(text, start, end)?;
    Some((address::ipv6(&text[start..end])?, start, end))
}

/// Where an address ends behind which there is a port as tcpdump writes it, with another such behind an arrow.
fn before_port(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let run = &text[start..end];
    let dot = memchr::memrchr(b'.', run)?;
    let port = &run[dot + 1..];
    let is_port = (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit);
    let is_one = text[end..].starts_with(b" > ") || text[..start].ends_with(b" > ");
    (is_port && is_one).then_some(start + dot)
}

/// Where the run of ones around this bit begins.
#[inline(always)]
fn run_start(masks: &Masks, at: usize, of: impl Fn(Bits) -> u64) -> usize {
    let mut at = at;
    loop {
        let ones = of(masks.window_to(at)).leading_ones() as usize;
        if ones < 64 || at < 64 {
            return at + 1 - ones.min(at + 1);
        }
        at -= 64;
    }
}

/// Where the run of ones that holds this bit, or would, ends.
#[inline(always)]
fn run_end(masks: &Masks, at: usize, of: impl Fn(Bits) -> u64) -> usize {
    let mut at = at;
    loop {
        let ones = of(masks.window(at)).trailing_ones() as usize;
        at += ones;
        if ones < 64 {
            return at;
        }
    }
}

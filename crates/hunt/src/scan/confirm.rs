//! What the filter lets through is compared with the records.

use std::net::IpAddr;

use super::tokens::ipv6_in;
use super::{Family, Hit, Host, Probe, Urls, is_token};
use crate::address::{self, LONGEST_REST, Rest};
use crate::index::{COMES_BEFORE, FIRST_RECORD, GOES_ON, IS_IN, Index, Lookup};
use crate::indicator::Kind;
use crate::key::{self, Name};

/// Places at which a URL, a name or a local part may begin or end, at most.
const MOST_ENDS: usize = 48;
const LONGEST_NAME: usize = 255;
/// Characters of an address before its `@`, at most.
const LONGEST_LOCAL: usize = 64;

pub(super) struct Confirm<'a> {
    pub(super) indexes: &'a [Index],
    pub(super) lookups: &'a [Lookup<'a>],
    pub(super) text: &'a [u8],
    pub(super) hits: &'a mut Vec<Hit>,
    pub(super) hosts: &'a mut Vec<Host>,
    pub(super) urls: Urls,
    pub(super) inside: &'a mut Vec<Hit>,
    /// By how many bytes names are longer than the token by which they are found.
    pub(super) longer_by: u64,
    /// Bytes of what follows the host of a URL, at most.
    pub(super) longest_rest: usize,
}

/// The records of a key whose kind and value are these; what a later index takes back is none.
fn records(
    indexes: &[Index],
    lookups: &[Lookup<'_>],
    key: u64,
    fits: impl Fn(Kind, &str) -> bool,
) -> Vec<(usize, u64)> {
    let (mut removed, mut known) = (Vec::new(), Vec::new());
    let mut found = Vec::new();
    for (at, (index, lookup)) in indexes.iter().zip(lookups).enumerate().rev() {
        let mut own = Vec::new();
        for place in lookup.places(key).filter(|place| *place >= FIRST_RECORD) {
            // Where none is, the index is damaged: `verify` says so.
            let _ = index.with_record(place, |record| {
                if !fits(record.kind, record.value) {
                    return;
                }
                // Only where there is more than one index, one may take back what another holds.
                let name = (indexes.len() > 1).then(|| record.name());
                if record.removed {
                    own.extend(name);
                } else if name.is_none_or(|name| {
                    // What is taken back without an identifier is taken back whoever said it.
                    let is = |gone: &(Kind, String, Option<String>)| {
                        let same = gone.0 == name.0 && gone.1 == name.1;
                        same && (gone.2.is_none() || gone.2 == name.2)
                    };
                    // What two of them have is one.
                    let is_new = !removed.iter().any(is) && !known.contains(&name);
                    known.push(name);
                    is_new
                }) {
                    found.push((at, place));
                }
            });
        }
        removed.extend(own);
    }
    found
}

/// The records of a URL by its host's key, its host as written in records, and what follows.
pub(super) fn urls(
    indexes: &[Index],
    lookups: &[Lookup<'_>],
    host: u64,
    name: &str,
    rest: &[u8],
) -> Vec<(usize, u64)> {
    let Some(rest) = Rest::of(rest) else { return Vec::new() };
    records(indexes, lookups, key::rest(host, rest.text.as_bytes()), |kind, value| {
        kind == Kind::Url && value.strip_prefix(name).is_some_and(|after| after == rest.text)
    })
}

impl<'a> Confirm<'a> {
    pub(super) fn probe(&mut self, probe: &Probe) {
        let (start, end) = (probe.start as usize, probe.end as usize);
        let text = &self.text[start..end];
        match probe.family {
            Family::Name => self.name(probe.key, &text.to_ascii_lowercase(), start, end),
            Family::Digest if self.is_escape(start) => {}
            Family::Digest => {
                let text = text.to_ascii_lowercase();
                self.put(probe.key, start, end, |kind, value| {
                    let is_digest = matches!(
                        kind,
                        Kind::Md5 | Kind::Sha1 | Kind::Sha256 | Kind::Sha512 | Kind::Ja3
                    );
                    is_digest && value.as_bytes() == text
                });
            }
            Family::Ipv4 | Family::Ipv6 => self.address(probe.key, start, end),
            Family::Network4(length) | Family::Network6(length) => {
                self.network(probe.key, length, start, end);
            }
        }
    }

    fn put(&mut self, key: u64, start: usize, end: usize, fits: impl Fn(Kind, &str) -> bool) {
        let found = records(self.indexes, self.lookups, key, fits);
        self.hits.extend(found.into_iter().map(|(index, place)| Hit { start, end, index, place }));
    }

    fn may_have(&self, key: u64) -> bool {
        self.lookups.iter().any(|lookup| lookup.may_have(key))
    }

    fn has_mark(&self, key: u64, mark: u64) -> bool {
        self.lookups.iter().any(|lookup| lookup.places(key).any(|place| place == mark))
    }

    /// Whether the first two characters here are the digits of an escape: `%203.0.113.77` says a space and `3.0.113.77`.
    /// A byte beyond ASCII is never alone: `LIKE '%bad.example'` is none.
    fn is_escape(&self, start: usize) -> bool {
        let escape = |at: usize| {
            let digits = self.text.get(at..at + 3).and_then(|text| text.strip_prefix(b"%"));
            digits.and_then(address::hex_pair)
        };
        let beyond = |at: usize| escape(at).is_some_and(|byte| byte >= 0x80);
        start.checked_sub(1).and_then(escape).is_some_and(|byte| {
            byte < 0x80 || beyond(start + 2) || start.checked_sub(4).is_some_and(beyond)
        })
    }

    /// The address that stands here; none where it is the end of a longer one.
    fn address_at(&self, start: usize, end: usize) -> Option<IpAddr> {
        if self.is_escape(start) {
            return None;
        }
        let text = std::str::from_utf8(&self.text[start..end]).ok()?;
        let address = address::ip(text)?;
        // `Chrome/131.0.0.0`: a version is none.
        if address.is_ipv4()
            && let Some(before) = self.text[..start].strip_suffix(b"/")
            && BROWSERS.iter().any(|name| before.ends_with(name))
        {
            return None;
        }
        if !text.contains(':') && start > 0 && self.text[start - 1] == b':' {
            let is_part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            let before = self.text[..start].iter().rev().take(48).take_while(|byte| is_part(byte));
            let from = start - before.count();
            // As a part of an IPv6 address it is found by that.
            if ipv6_in(self.text, from, end).is_some() {
                return None;
            }
        }
        Some(address)
    }

    fn address(&mut self, key: u64, start: usize, end: usize) {
        let Some(address) = self.address_at(start, end) else { return };
        let name = address.to_string();
        self.put(key, start, end, |kind, value| {
            matches!(kind, Kind::Ipv4 | Kind::Ipv6) && value == name
        });
        if self.has_mark(key, GOES_ON) {
            let host = if address.is_ipv6() { format!("[{name}]") } else { name };
            let closes = self.text.get(end) == Some(&b']');
            let opens = closes && start > 0 && self.text[start - 1] == b'[';
            let closes = closes && (opens || address.is_ipv6());
            self.url(key, &host, start - usize::from(opens), end + usize::from(closes));
        }
    }

    fn network(&mut self, key: u64, length: u8, start: usize, end: usize) {
        let Some(address) = self.address_at(start, end) else { return };
        let network = format!("{}/{length}", address::masked(address, length));
        self.put(key, start, end, |kind, value| kind == Kind::Cidr && value == network);
    }

    /// A token that is a name as it stands in the text, or the last labels of one.
    fn name(&mut self, key: u64, name: &[u8], start: usize, end: usize) {
        let Ok(name) = std::str::from_utf8(name) else { return };
        let before = start.checked_sub(1).map(|at| self.text[at]);
        let is_whole = before.is_none_or(|byte| !is_token(byte) || byte >= 0x80);
        // What is reported is the whole host.
        let whole = self.text[..start].iter().rposition(|byte| !is_token(*byte) || *byte >= 0x80);
        let whole = whole.map_or(0, |at| at + 1);
        // `*.example.com`
        let whole =
            whole + self.text[whole..start].iter().take_while(|byte| **byte == b'.').count();
        // `%2Fexample.com`: the digits are the escape's.
        let whole = whole + if self.is_escape(whole) { 2 } else { 0 };
        if start < whole {
            return;
        }
        let alone = !self.is_letter_before(start) && !self.is_letter_after(end);
        self.put(key, if is_whole { start } else { whole }, end, |kind, value| {
            value == name
                && match kind {
                    Kind::Domain => true,
                    Kind::FileName => is_whole && alone,
                    Kind::Ja4 => is_whole,
                    _ => false,
                }
        });
        if is_whole {
            self.longer(key, name, start, end);
        }
    }

    /// Whether a letter beyond ASCII stands before this place, or after it: quotes and stops are none.
    fn is_letter_before(&self, at: usize) -> bool {
        let text = &self.text[at.saturating_sub(4)..at];
        let begin = text.iter().rposition(|byte| !(0x80..0xc0).contains(byte)).unwrap_or(0);
        let last = text[begin..].utf8_chunks().next().and_then(|one| one.valid().chars().last());
        text.last().is_some_and(|byte| *byte >= 0x80) && last.is_some_and(char::is_alphanumeric)
    }

    fn is_letter_after(&self, at: usize) -> bool {
        let text = &self.text[at..self.text.len().min(at + 4)];
        let first = text.utf8_chunks().next().and_then(|one| one.valid().chars().next());
        text.first().is_some_and(|byte| *byte >= 0x80) && first.is_some_and(char::is_alphanumeric)
    }

    /// What a whole name may be a part of.
    fn longer(&mut self, key: u64, name: &str, start: usize, end: usize) {
        if self.has_mark(key, GOES_ON) {
            self.url(key, name, start, end);
        }
        if start > 0 && self.text[start - 1] == b'@' && self.has_mark(key, COMES_BEFORE) {
            self.email(key, name, start, end);
        }
        if self.has_mark(key, IS_IN) {
            self.loose_name(key, start, end);
        }
    }

    /// A token with characters beyond ASCII, as it is written.
    pub(super) fn written(&mut self, text: &str, start: usize, end: usize) {
        let small = text.to_lowercase();
        let key = Name::of(small.as_bytes());
        if self.may_have(key) {
            self.put(key, start, end, |kind, value| kind == Kind::FileName && value == small);
            if self.has_mark(key, IS_IN) {
                self.loose_name(key, start, end);
            }
        }
        let Some(host) = address::host(text) else { return };
        let mut name = Name::EMPTY;
        let mut right = host.len();
        for (at, _) in host.rmatch_indices('.').chain(std::iter::once((usize::MAX, ""))) {
            let left = at.wrapping_add(1);
            name = name.label(&host.as_bytes()[left..right]);
            right = left.saturating_sub(1);
            let key = name.key();
            if !host[left..].contains('.') || !self.may_have(key) {
                continue;
            }
            let own = &host[left..];
            self.put(key, start, end, |kind, value| kind == Kind::Domain && value == own);
            if left == 0 {
                if self.has_mark(key, GOES_ON) {
                    self.url(key, own, start, end);
                }
                if self.has_mark(key, COMES_BEFORE) && start > 0 && self.text[start - 1] == b'@' {
                    self.email(key, own, start, end);
                }
            }
        }
    }

    /// The URL whose host stands here.
    fn url(&mut self, key: u64, host: &str, start: usize, end: usize) {
        if self.urls == Urls::None {
            return;
        }
        let has_scheme = scheme(&self.text[..start]);
        // `http://example.com./`
        let is_rooted = has_scheme.is_some()
            && self.text.get(end) == Some(&b'.')
            && matches!(self.text.get(end + 1), Some(b'/' | b'?' | b':'));
        let end = end + usize::from(is_rooted);
        // Three bytes may stand for one; what is longer is none that is looked for.
        let most = self.longest_rest.min(LONGEST_REST).saturating_mul(3).saturating_add(16);
        let (rest, lengths, is_cut) = self.rest(end, most);
        let has_path = rest.iter().any(|byte| matches!(byte, b'/' | b'?'))
            && matches!(rest.first(), Some(b'/' | b'?' | b':'));
        if !has_path && has_scheme.is_none() {
            self.hosts.push(Host { start, end, key });
            return;
        }
        let from = start - has_scheme.unwrap_or(0);
        let before = from.checked_sub(1).map(|at| self.text[at]);
        let to = lengths.last().copied().unwrap_or(end);
        // Between quotes of its own it ends where they do.
        let is_quoted = before == Some(b'"') && {
            let to = if is_cut { self.url_end(to) } else { to };
            self.text.get(to) == Some(&b'"')
        };
        // What names a place in the page is no part.
        let has_place = memchr::memchr(b'#', &rest).is_some();
        for cut in ends(&rest, is_quoted, before == Some(b'=')) {
            if is_cut && cut == rest.len() && !has_place {
                continue;
            }
            let found = urls(self.indexes, self.lookups, key, host, &rest[..cut]);
            let to = lengths.get(cut).copied().unwrap_or(end);
            let hit = |(index, place)| Hit { start: from, end: to, index, place };
            let is_any = !found.is_empty();
            self.hits.extend(found.into_iter().map(hit));
            if is_any {
                return;
            }
        }
        if self.urls == Urls::Inside && has_scheme.is_some_and(|length| length > 0) {
            self.inside(key, host, from, (&rest, &lengths));
        }
    }

    /// The URL that was the value of another one's parameter, where all of it was escaped: its query too.
    fn inside(&mut self, key: u64, host: &str, from: usize, (rest, places): (&[u8], &[usize])) {
        let end = memchr::memchr(b'&', rest).unwrap_or(rest.len());
        let (mut read, mut lengths, mut at) = (Vec::new(), Vec::new(), 0);
        while at < end {
            let escaped = match rest[at] {
                b'%' => rest.get(at + 1..at + 3).and_then(address::hex_pair),
                _ => None,
            };
            let byte = escaped.unwrap_or(rest[at]);
            if address::ends_a_url(byte) {
                break;
            }
            read.push(byte);
            lengths.push(at);
            at += if escaped.is_some() { 3 } else { 1 };
        }
        lengths.push(at);
        if read.len() == at {
            return;
        }
        for cut in ends(&read, false, false) {
            let found = urls(self.indexes, self.lookups, key, host, &read[..cut]);
            let to = lengths.get(cut).and_then(|at| places.get(*at)).copied().unwrap_or(from);
            let is_any = !found.is_empty();
            let hit = |(index, place)| Hit { start: from, end: to, index, place };
            self.inside.extend(found.into_iter().map(hit));
            if is_any {
                return;
            }
        }
    }

    /// Where a URL ends that goes on here.
    fn url_end(&self, at: usize) -> usize {
        at + self.text[at..].iter().take_while(|byte| !address::ends_a_url(**byte)).count()
    }

    /// What follows a host as far as a URL goes and up to so many bytes, where in the text each byte and the end are, and
    /// whether it goes on.
    fn rest(&self, end: usize, most: usize) -> (Vec<u8>, Vec<usize>, bool) {
        let (mut rest, mut places) = (Vec::new(), Vec::new());
        let mut at = end;
        while let Some(byte) = self.text.get(at) {
            // JSON may write `\/`, and CEF must write `\=`.
            let escaped = self.text.get(at + 1).filter(|next| matches!(next, b'/' | b'='));
            let escaped = escaped.filter(|_| *byte == b'\\');
            let is_slash = escaped.is_some();
            if !is_slash && address::ends_a_url(*byte) {
                break;
            }
            if rest.len() == most {
                places.push(at);
                return (rest, places, true);
            }
            rest.push(*escaped.unwrap_or(byte));
            places.push(at);
            at += 1 + usize::from(is_slash);
        }
        places.push(at);
        (rest, places, false)
    }

    fn email(&mut self, key: u64, domain: &str, start: usize, end: usize) {
        let sign = start - 1;
        let is_local = |byte: &u8| !address::ends_a_local_part(*byte) && byte.is_ascii();
        let local = self.text[..sign].iter().rev().take(LONGEST_LOCAL);
        let length = local.take_while(|byte| is_local(byte)).count();
        let from = sign - length;
        // What is longer than one may be does not begin here.
        let is_cut = length == LONGEST_LOCAL
            && from.checked_sub(1).is_some_and(|before| is_local(&self.text[before]));
        // `to=who@example.com`, `'who@example.com'`: both may begin a local part too.
        let leads = |byte: &u8| b"!#~$^%".contains(byte);
        let led = self.text[from..sign].iter().take_while(|byte| leads(byte)).count();
        let inner = (from..sign).filter(|at| {
            let begins = *at == from || *at == from + led;
            begins && !is_cut || *at > from && b"='/?&`{}*|".contains(&self.text[*at - 1])
        });
        let begins: Vec<usize> = inner.take(MOST_ENDS).collect();
        for begin in begins {
            let local = self.text[begin..sign].to_ascii_lowercase();
            let found = key::mail(key, &local);
            self.put(found, begin, end, |kind, value| {
                let parts = value.rsplit_once('@');
                kind == Kind::Email
                    && parts.is_some_and(|(own, of)| own.as_bytes() == local && of == domain)
            });
        }
    }

    /// A name with spaces or other signs in it, of which this token is the part by which it is found.
    fn loose_name(&mut self, key: u64, start: usize, end: usize) {
        let ends = |byte: u8| {
            byte < b' '
                || matches!(
                    byte,
                    b'/' | b'\\' | b'"' | b'<' | b'>' | b'|' | b':' | b'*' | b'?' | 0x7f
                )
        };
        let text = self.text;
        let left =
            text[..start].iter().rev().take(LONGEST_NAME).take_while(|byte| !ends(**byte)).count();
        let right = text[end..].iter().take(LONGEST_NAME).take_while(|byte| !ends(**byte)).count();
        let (first, last) = (start - left, end + right);
        // A quote of whatever language parts words too.
        let is_edge = |at: usize| {
            let (Some(before), Some(after)) = (at.checked_sub(1).map(|at| text[at]), text.get(at))
            else {
                return true;
            };
            let is_inside = (0x80..0xc0).contains(after);
            !is_inside
                && (!is_token(before)
                    || !is_token(*after)
                    || before >= 0x80 && !self.is_letter_before(at)
                    || *after >= 0x80 && !self.is_letter_after(at))
        };
        let stops = (end..=last).filter(|at| is_edge(*at) || *at == end).take(MOST_ENDS);
        let stops: Vec<usize> = stops.collect();
        let begins = (first..=start).rev().filter(|at| is_edge(*at)).take(MOST_ENDS);
        let begins: Vec<usize> = begins.collect();
        let small = Small::of(&text[first..last]);
        let token = small.between(start - first, end - first).len();
        for begin in begins {
            for stop in &stops {
                let (stop, length) = (*stop, *stop - begin);
                if length > LONGEST_NAME || length == end - start {
                    continue;
                }
                let name = small.between(begin - first, stop - first);
                let longer = name.len().saturating_sub(token);
                let found = key::loose(key, name);
                if self.longer_by >> longer.min(63) & 1 == 0 || !self.may_have(found) {
                    continue;
                }
                let Ok(name) = std::str::from_utf8(name) else { continue };
                self.put(found, begin, stop, |kind, value| kind == Kind::FileName && value == name);
            }
        }
    }
}

/// A text in small letters, of which each part is found by where it stood.
struct Small {
    text: Vec<u8>,
    /// Where each byte of the text went; none where all stayed.
    places: Option<Vec<usize>>,
}

impl Small {
    fn of(text: &[u8]) -> Self {
        if text.is_ascii() {
            return Self { text: text.to_ascii_lowercase(), places: None };
        }
        let (mut small, mut places) = (Vec::with_capacity(text.len()), Vec::new());
        let mut put = |bytes: &[u8], of: usize| {
            // Nothing begins or ends inside a character.
            places.resize(places.len() + of, small.len());
            small.extend_from_slice(bytes);
        };
        for chunk in text.utf8_chunks() {
            // As a list writes a name: a small sigma depends on what stands around it, and is as long either way.
            let whole = chunk.valid().to_lowercase();
            let mut at = 0;
            for c in chunk.valid().chars() {
                let length: usize = c.to_lowercase().map(char::len_utf8).sum();
                put(&whole.as_bytes()[at..at + length], c.len_utf8());
                at += length;
            }
            for byte in chunk.invalid() {
                put(&[*byte], 1);
            }
        }
        places.push(small.len());
        Self { text: small, places: Some(places) }
    }

    fn between(&self, from: usize, to: usize) -> &[u8] {
        let place = |at: usize| self.places.as_ref().map_or(at, |places| places[at]);
        &self.text[place(from)..place(to)]
    }
}

/// What browsers write before a version of four numbers.
const BROWSERS: [&[u8]; 9] = [
    b"Chrome",
    b"Chromium",
    b"Edg",
    b"Edge",
    b"EdgA",
    b"OPR",
    b"Version",
    b"Firefox",
    b"YaBrowser",
];

/// What a page of HTML writes for what ends a URL.
const ENTITIES: [&[u8]; 5] = [b"amp;", b"quot;", b"lt;", b"gt;", b"#"];

/// Whether it is of a script that has no spaces between words.
fn is_written_together(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

/// How long the scheme is that ends here, with its `://` or `:\/\/`.
fn scheme(before: &[u8]) -> Option<usize> {
    // A name and a password may stand before the host.
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&*+=:".contains(byte);
    let own = match before.strip_suffix(b"@") {
        Some(user) => {
            1 + user.iter().rev().take(LONGEST_NAME).take_while(|byte| named(byte)).count()
        }
        None => 0,
    };
    let before = &before[..before.len() - own];
    let sign = [&b"://"[..], br":\/\/"].into_iter().find(|sign| before.ends_with(sign))?;
    let name = before[..before.len() - sign.len()].iter().rev().take(32);
    let length = name
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        .count();
    // What is reported begins with the host then.
    let whole = if own == 0 { length + sign.len() } else { 0 };
    (length > 0).then_some(whole)
}

/// Where a URL may end: as late as it can be, before what ends sentences, before what parts lists; between quotes only
/// before what names a place in the page. As the value of a parameter it ends where the next one begins.
fn ends(rest: &[u8], is_quoted: bool, is_value: bool) -> Vec<usize> {
    let mut ends = vec![rest.len()];
    if is_quoted {
        ends.extend(memchr::memchr(b'#', rest));
        return ends;
    }
    let closes = |byte: &u8| b".,;:!?')]}*|`^".contains(byte);
    let trimmed = rest.iter().rposition(|byte| !closes(byte)).map_or(0, |last| last + 1);
    ends.extend((trimmed..rest.len()).rev().take(MOST_ENDS));
    let parts = |at: &usize| match rest[*at] {
        b',' | b';' | b'|' | b'\'' | b')' | b']' | b'}' | b'`' | b'^' | b'#' => true,
        b'&' => is_value || ENTITIES.iter().any(|one| rest[*at + 1..].starts_with(one)),
        // What ends it is written so inside another.
        b'%' => {
            let value = rest.get(*at + 1..*at + 3).and_then(address::hex_pair);
            is_value && value.is_some_and(address::ends_a_url)
        }
        // What is written around it, in whatever language: a letter of an alphabet goes on with it.
        byte if byte >= 0xc0 => {
            let text = &rest[*at..rest.len().min(*at + 4)];
            let first = text.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
            first.is_none_or(|c| !c.is_alphanumeric() || is_written_together(c))
        }
        _ => false,
    };
    // Of many the last and the first: a table has them after it, and a query in it.
    ends.extend((0..trimmed).rev().filter(parts).take(MOST_ENDS));
    ends.extend((0..trimmed).filter(parts).take(MOST_ENDS));
    ends.sort_unstable_by(|a, b| b.cmp(a));
    ends.dedup();
    ends
}

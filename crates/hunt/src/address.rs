//! Addresses, hosts, and what follows a host, each in one form.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as it is compared: a mapped IPv4 address is the IPv4 address.
pub(crate) fn ip(text: &str) -> Option<IpAddr> {
    ip_as_written(text).map(|address| address.to_canonical())
}

/// An address in any spelling, in brackets or with a zone too.
pub(crate) fn ip_as_written(text: &str) -> Option<IpAddr> {
    if let Some(four) = ipv4(text.as_bytes()) {
        return Some(IpAddr::V4(four));
    }
    let inner = text.strip_prefix('[').and_then(|six| six.strip_suffix(']')).unwrap_or(text);
    let inner = inner.split_once('%').map_or(inner, |(address, _)| address);
    inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// Four decimal numbers; noughts before them change nothing.
pub(crate) fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut parts = [0_u8; 4];
    let mut count = 0;
    for part in text.split(|byte| *byte == b'.') {
        if !matches!(part.len(), 1..=3) || !part.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = part.iter().fold(0_u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        *parts.get_mut(count)? = u8::try_from(number).ok()?;
        count += 1;
    }
    (count == 4).then(|| Ipv4Addr::from(parts))
}

/// What a digit of base sixteen is worth.
#[inline(always)]
pub(crate) fn digit(byte: u8) -> u8 {
    (byte & 15) + 9 * (byte >> 6)
}

/// Eight groups of digits of base sixteen, of which some that are nought may be left out once; the last two may be an
/// IPv4 address.
pub(crate) fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    if text.contains(&b'.') {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    let (mut groups, mut count, mut gap) = ([0_u16; 8], 0, None);
    let mut rest = text;
    if let Some(after) = text.strip_prefix(b"::") {
        (gap, rest) = (Some(0), after);
    }
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if !matches!(digits, 1..=4) {
            return None;
        }
        let add = |sum, byte: &u8| sum << 4 | u16::from(digit(*byte));
        *groups.get_mut(count)? = rest[..digits].iter().fold(0, add);
        count += 1;
        rest = match &rest[digits..] {
            [] => break,
            [b':', b':', after @ ..] if gap.is_none() => {
                gap = Some(count);
                after
            }
            [b':', after @ ..] if !after.is_empty() => after,
            _ => return None,
        };
    }
    match gap {
        // What is left out is one group at least.
        Some(gap) if count < 8 => {
            groups[gap..].rotate_right(8 - count);
            Some(groups.into())
        }
        None if count == 8 => Some(groups.into()),
        _ => None,
    }
}

/// The network of so many bits that this address is in.
pub(crate) fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((u32::from(four) & mask).into())
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6((u128::from(six) & mask).into())
        }
    }
}

/// A host name in ASCII and small letters; none where it is no such name.
pub(crate) fn host(text: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let name = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(text).ok()?
    };
    let fits = name.len() <= 253
        && name.bytes().all(is_plain)
        && name.split('.').all(|label| matches!(label.len(), 1..=63));
    fits.then_some(name)
}

/// Whether the local part of an e-mail address cannot have this byte, in what people write.
pub(crate) fn ends_a_local_part(byte: u8) -> bool {
    byte <= b' '
        || byte == 0x7f
        || matches!(
            byte,
            b'"' | b'<'
                | b'>'
                | b'('
                | b')'
                | b'['
                | b']'
                | b','
                | b';'
                | b':'
                | b'@'
                | b'\\'
                | b'|'
        )
}

/// A URL without its scheme; one that stands inside another is a part of that.
pub(crate) fn without_scheme(text: &str) -> &str {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => text,
    }
}

/// The scheme of a URL as it stands in a log, where it is one of the web's.
#[must_use]
pub fn scheme_of(seen: &str) -> Option<String> {
    let seen = seen.replace("\\/", "/");
    let scheme = seen.split_once("://")?.0.to_ascii_lowercase().replace("hxxp", "http");
    ["http", "https", "ftp"].contains(&scheme.as_str()).then_some(scheme)
}

/// Bytes of what follows the host of a URL, at most.
pub(crate) const LONGEST_REST: usize = 8_191;

/// Whether a URL in a text ends before this byte.
pub(crate) fn ends_a_url(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f || matches!(byte, b'"' | b'<' | b'>' | b'\\')
}

/// What follows the host of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    /// A port that is none of the usual, path and query.
    pub(crate) text: String,
}

impl Rest {
    /// Of the bytes after the host, up to the URL's end; none where a port is no number.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let (port, path) = match bytes.strip_prefix(b":") {
            Some(rest) => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (port, path) = rest.split_at(digits);
                (std::str::from_utf8(port).ok()?, path)
            }
            None => ("", bytes),
        };
        let mut text = match port.trim_start_matches('0') {
            "" | "80" | "443" => String::new(),
            port => format!(":{}", port.parse::<u16>().ok()?),
        };
        let path = path.split(|byte| *byte == b'#').next().unwrap_or_default();
        match path.first() {
            None => text.push('/'),
            Some(b'/') => {}
            Some(b'?') => text.push('/'),
            Some(_) => return None,
        }
        text.push_str(&decoded(path));
        Some(Self { text })
    }
}

/// With every byte that need not be escaped as itself, and every other in one form: what the standard wants escaped and
/// many write as it is has the same.
fn decoded(path: &[u8]) -> String {
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        at += 1;
        let escaped = match byte {
            b'%' => path.get(at..at + 2).and_then(hex_pair),
            _ => None,
        };
        match escaped {
            Some(value) if is_unreserved(value) => out.push(value),
            Some(value) => out.extend(format!("%{value:02X}").bytes()),
            None if byte.is_ascii_graphic() && !ends_a_url(*byte) && !b"{}^`".contains(byte) => {
                out.push(*byte);
            }
            None => out.extend(format!("%{byte:02X}").bytes()),
        }
        if escaped.is_some() {
            at += 2;
        }
    }
    match String::from_utf8_lossy(&out) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The byte that two digits of base sixteen name.
pub(crate) fn hex_pair(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair.first_chunk::<2>()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is written as addresses are is read as the standard library reads it.
        #[test]
        fn ipv6_is_what_it_is_elsewhere(text in "(::)?([0-9a-fA-F]{0,5}(:|::|:::|[.])){0,9}[0-9a-fA-F]{0,5}(::?)?") {
            prop_assert_eq!(ipv6(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn every_spelling_of_an_address_is_read(groups: [u16; 8], zeros in 0_usize..8, from in 0_usize..8) {
            let mut groups = groups;
            groups[from..8.min(from + zeros)].fill(0);
            let address = Ipv6Addr::from(groups);
            prop_assert_eq!(ipv6(address.to_string().as_bytes()), Some(address));
            let whole = groups.map(|group| format!("{group:04X}")).join(":");
            prop_assert_eq!(ipv6(whole.as_bytes()), Some(address));
        }
    }
}

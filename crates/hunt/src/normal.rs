//! Text as it was meant: escapes resolved, addresses that were made harmless made whole again.

use std::borrow::Cow;

use crate::address::hex_pair;
use crate::scan::is_token;

/// What two characters of brackets hold in place of one, longest first.
const HARMLESS: [(&[u8], &[u8]); 8] = [
    (b"://", b"://"),
    (b"//", b"//"),
    (b"dot", b"."),
    (b"at", b"@"),
    (b".", b"."),
    (b"@", b"@"),
    (b":", b":"),
    (b"/", b"/"),
];

/// What stands here in brackets in place of a part of an address: how long it is, and the part.
fn harmless(text: &[u8], at: usize) -> Option<(usize, &'static [u8])> {
    let close = match text.get(at)? {
        b'[' => b']',
        b'(' => b')',
        b'{' => b'}',
        _ => return None,
    };
    let inner = &text[at + 1..];
    let stands = |(form, _): &&(&[u8], &[u8])| {
        inner.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form))
    };
    let (form, part) = HARMLESS.iter().find(stands)?;
    let after = inner.get(form.len());
    if after == Some(&close) {
        return Some((form.len() + 2, part));
    }
    // Some write no second bracket: `example[.com`.
    let is_inside = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    let is_open = *form == b"." && close == b']' && is_inside(before) && is_inside(after);
    is_open.then_some((2, *part))
}

/// An address in a list, as it was before it was made harmless.
#[must_use]
pub fn refanged(text: &str) -> Cow<'_, str> {
    let is_any = text.contains(['[', '(', '{'])
        || text.get(..4).is_some_and(|four| four.eq_ignore_ascii_case("hxxp"));
    if !is_any {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if let Some((length, part)) = harmless(bytes, at) {
            out.extend(part);
            at += length;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    let out = String::from_utf8(out).unwrap_or_else(|_| text.to_owned());
    Cow::Owned(match out.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("hxxp") => format!("http://{rest}"),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("hxxps") => format!("https://{rest}"),
        _ => out,
    })
}

/// Whether the line that this place is in is JSON, where a backslash always is an escape.
pub(crate) fn is_json(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    // `[error] ...` is no array.
    let second = line.get(1..).and_then(|rest| rest.trim_ascii_start().first());
    match line.first() {
        Some(b'{') => true,
        Some(b'[') => matches!(second, Some(b'{' | b'[' | b'"')),
        // Behind a time and a host, as syslog carries it.
        _ => line.trim_ascii_end().ends_with(b"}") && memchr::memmem::find(line, b" {\"").is_some(),
    }
}

/// What a program reads where a person writes `%2e`: only what addresses are made of is worth it, and what parts one
/// from what stands before it, for its digits would be the first of a name: `%22evil.example`.
fn percent(text: &[u8], at: usize) -> Option<u8> {
    let value = hex_pair(text.get(at + 1..at + 3)?)?;
    let is_part = value.is_ascii_alphanumeric()
        || value >= 0x80
        || matches!(value, b'.' | b'-' | b'_' | b':' | b'/' | b'@');
    (is_part || begins_token(&text[at + 3..])).then_some(value)
}

/// Whether something begins here that may be looked for: a name with a dot, a digest, what stands before an @ or a colon.
fn begins_token(text: &[u8]) -> bool {
    let text = &text[..text.len().min(LONGEST_TOKEN)];
    let length = text.iter().take_while(|byte| is_token(**byte)).count();
    let is_name = memchr::memchr(b'.', &text[..length]).is_some();
    length > 0
        && (is_name || length >= SHORTEST_DIGEST || matches!(text.get(length), Some(b'@' | b':')))
}

/// Bytes of a token that are looked at, and of the shortest digest.
const LONGEST_TOKEN: usize = 80;
const SHORTEST_DIGEST: usize = 32;

/// Whether the line must be read as it was meant because of what stands here.
pub(crate) fn is_trigger(text: &[u8], at: usize, is_json: impl FnOnce() -> bool) -> bool {
    match text[at] {
        b'\\' => {
            // What follows is looked at first: of a row of backslashes only the last can be one.
            if !matches!(text.get(at + 1), Some(b'u' | b'x' | b'n' | b'r' | b't' | b'b' | b'f')) {
                return false;
            }
            let before = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
            if before % 2 == 1 {
                return false;
            }
            match text.get(at + 1) {
                Some(b'u') => unicode(text, at).is_some(),
                Some(b'x') => text.get(at + 2..at + 4).and_then(hex_pair).is_some(),
                // An `n` that would be taken for the first letter of the name after it.
                Some(b'n' | b'r' | b't' | b'b' | b'f') => {
                    let after = text.get(at + 2);
                    after.is_some_and(|byte| {
                        byte.is_ascii_alphanumeric()
                            || *byte >= 0x80
                            || matches!(byte, b'.' | b':' | b'-' | b'_')
                    }) && is_json()
                }
                _ => false,
            }
        }
        b'%' => percent(text, at).is_some(),
        _ => {
            let next = text.get(at + 1);
            let may_be =
                matches!(next, Some(b'.' | b'@' | b':' | b'/' | b'd' | b'D' | b'a' | b'A'));
            may_be && harmless(text, at).is_some()
        }
    }
}

/// The four digits of `\uXXXX`.
fn unicode(text: &[u8], at: usize) -> Option<u16> {
    let [high, low] = [hex_pair(text.get(at + 2..at + 4)?)?, hex_pair(text.get(at + 4..at + 6)?)?];
    Some(u16::from_be_bytes([high, low]))
}

/// A line as it was meant.
#[derive(Debug, Default)]
pub(crate) struct Normal {
    /// Its bytes.
    pub(crate) text: Vec<u8>,
    /// Where each of them, and their end, stands in the line as it is.
    pub(crate) places: Vec<usize>,
}

impl Normal {
    /// Reads a line, where a backslash is an escape if it is JSON; with what stands for a part of an address, or only
    /// without escapes.
    pub(crate) fn take(&mut self, line: &[u8], json: bool, whole: bool) {
        self.text.clear();
        self.places.clear();
        let mut at = 0;
        while let Some(byte) = line.get(at) {
            let length = match byte {
                b'\\' => self.escape(line, at, json),
                b'%' if whole => percent(line, at).map(|value| {
                    self.put(&[value], at);
                    3
                }),
                b'[' | b'(' | b'{' if whole => {
                    harmless(line, at).map(|(length, part)| self.part(line, at, length, part))
                }
                _ => None,
            };
            at += length.unwrap_or_else(|| {
                self.put(&[*byte], at);
                1
            });
        }
        self.places.push(line.len());
    }

    fn put(&mut self, bytes: &[u8], at: usize) {
        self.text.extend(bytes);
        self.places.extend(bytes.iter().map(|_| at));
    }

    /// `example [.] com` is written with spaces too.
    fn part(&mut self, line: &[u8], at: usize, length: usize, part: &[u8]) -> usize {
        let is_name = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let before = self.text.len().checked_sub(2).and_then(|before| self.text.get(before));
        let spaced = self.text.last() == Some(&b' ')
            && line.get(at + length) == Some(&b' ')
            && is_name(before)
            && is_name(line.get(at + length + 1));
        if spaced {
            self.text.pop();
            self.places.pop();
        }
        self.put(part, at);
        length + usize::from(spaced)
    }

    fn escape(&mut self, line: &[u8], at: usize, json: bool) -> Option<usize> {
        let next = line.get(at + 1)?;
        let plain = |byte: u8| Some((byte, 2));
        let (value, length) = match next {
            b'x' => (hex_pair(line.get(at + 2..at + 4)?)?, 4),
            b'u' => {
                let first = unicode(line, at)?;
                let second = || {
                    (line.get(at + 6) == Some(&b'\\') && line.get(at + 7) == Some(&b'u'))
                        .then(|| unicode(line, at + 6))
                        .flatten()
                };
                let (read, length) = match char::decode_utf16([first]).next()? {
                    Ok(read) => (read, 6),
                    Err(_) => {
                        let pair = char::decode_utf16([first, second()?]).next()?;
                        (pair.ok()?, 12)
                    }
                };
                let mut bytes = [0; 4];
                self.put(read.encode_utf8(&mut bytes).as_bytes(), at);
                return Some(length);
            }
            b'n' | b'r' | b't' | b'b' | b'f' if json => plain(b'\t')?,
            b'/' | b'"' | b'\\' if json => plain(*next)?,
            _ => return None,
        };
        self.put(&[value], at);
        Some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> String {
        let mut normal = Normal::default();
        normal.take(line.as_bytes(), is_json(line.as_bytes()), true);
        assert_eq!(normal.places.len(), normal.text.len() + 1);
        String::from_utf8_lossy(&normal.text).into_owned()
    }

    #[test]
    fn a_line_is_read_as_it_was_meant() {
        assert_eq!(read("see example[.]com and 1[.]2[.]3[.]4"), "see example.com and 1.2.3.4");
        assert_eq!(read("hxxp[:]//evil(.)example[/]x [://]"), "hxxp://evil.example/x ://");
        assert_eq!(read("who [at] evil [dot] example, (at the)"), "who@evil.example, (at the)");
        assert_eq!(
            read(r#"{"a":"ex\u0061mple.com\nevil.com"}"#),
            "{\"a\":\"example.com\tevil.com\"}"
        );
        assert_eq!(read(r"C:\new\table x\x2ey"), r"C:\new\table x.y");
        assert_eq!(read(r#"{"p":"C:\\new\\u0061.exe"}"#), r#"{"p":"C:\new\u0061.exe"}"#);
        assert_eq!(read("u=http%3A%2F%2Fevil%2eexample%2Fx%20y"), "u=http://evil.example/x%20y");
        assert_eq!(
            read(r#"{"a":"b\u00fccher \ud83d\ude00 \ud83d"}"#),
            "{\"a\":\"bücher 😀 \\ud83d\"}"
        );
        assert_eq!(read("example[.com [.5]"), "example.com [.5]");
    }
}

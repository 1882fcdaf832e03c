//! Text as it was meant: escapes resolved, addresses that were made harmless made whole again.

use std::borrow::Cow;

use crate::address::hex_pair;
use crate::extension::Extension;
use crate::scan::is_token;

/// What two characters of brackets hold in place of one, longest first.
const HARMLESS: [(&[u8], &[u8]); 9] = [
    (b"://", b"://"),
    (b"//", b"//"),
    (b"dot", b"."),
    (b"at", b"@"),
    (b".", b"."),
    (b"@", b"@"),
    (b"::", b"::"),
    (b":", b":"),
    (b"/", b"/"),
];

/// What is written in place of a scheme.
const SCHEMES: [(&str, &str); 12] = [
    ("hxxp", "http"),
    ("hxxps", "https"),
    ("fxp", "ftp"),
    ("fxps", "ftps"),
    ("meow", "http"),
    ("meows", "https"),
    ("h**p", "http"),
    ("h**ps", "https"),
    ("htxp", "http"),
    ("htxps", "https"),
    ("[http]", "http"),
    ("[https]", "https"),
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
    let is_open = *form == b"." && close != b'}' && is_between(text, at, at + 1 + form.len());
    // The digits of an escape are none of a name.
    let is_open = is_open && at.checked_sub(3).is_none_or(|before| text[before] != b'%');
    is_open.then_some((2, *part))
}

/// Whether letters or digits stand before the first place and at the second.
fn is_between(text: &[u8], first: usize, second: usize) -> bool {
    let before = first.checked_sub(1).and_then(|before| text.get(before));
    [before, text.get(second)].iter().all(|byte| byte.is_some_and(u8::is_ascii_alphanumeric))
}

/// What is written in words, and what nobody writes but to make an address harmless: `evil dot example`, `evil\.example`,
/// `evil.]example`, `http__evil.example`.
fn worded(text: &str) -> Option<String> {
    let dotted = text.replace(" dot ", ".");
    let joined = dotted.replace(" at ", "@");
    if dotted != text && !joined.contains(' ') {
        return Some(joined);
    }
    // In what follows a host these are what they are.
    let from = text.find("://").map_or(0, |at| at + 3);
    let to = text[from..].find(['/', '?', '#']).map_or(text.len(), |at| from + at);
    let (host, rest) = text.split_at(to);
    for sign in ["\\.", ".]"] {
        let mut places = host.match_indices(sign).peekable();
        let others = host.matches(sign.trim_matches('.')).count();
        let all = places.peek().is_some()
            && others == host.matches(sign).count()
            && places.all(|(at, _)| is_between(host.as_bytes(), at, at + 2));
        if all {
            return Some(format!("{}{rest}", host.replace(sign, ".")));
        }
    }
    let (scheme, rest) = text.split_once("__")?;
    let is_scheme =
        ["http", "https", "hxxp", "hxxps"].iter().any(|one| scheme.eq_ignore_ascii_case(one));
    is_scheme.then(|| format!("{scheme}://{rest}"))
}

/// What a list says nothing of and is no name of a file, as it was before it was made harmless.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    match worded(text) {
        Some(text) => Cow::Owned(refanged(&text).into_owned()),
        None => refanged(text),
    }
}

/// A text in a list, as it was before it was made harmless.
#[must_use]
pub fn refanged(text: &str) -> Cow<'_, str> {
    let scheme = |text: &str| {
        let (scheme, _) = text.split_once(':')?;
        SCHEMES.iter().find(|(harmless, _)| scheme.eq_ignore_ascii_case(harmless))
    };
    let is_any = text.contains(['[', '(', '{']) || scheme(text).is_some();
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
    Cow::Owned(match (scheme(&out), out.split_once("://")) {
        (Some((_, scheme)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => out,
    })
}

/// What a backslash is in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backslash {
    /// Itself, but before `x` and `u` and their digits.
    Plain,
    /// An escape, always.
    Json,
    /// An escape of line ends, of itself and of what parts fields; some write paths without.
    Cef,
}

impl Backslash {
    /// Of a line of which only the beginning is here.
    pub(crate) fn of_piece(line: &[u8]) -> Self {
        match carried(line) {
            _ if is_all_json(line) => Self::Json,
            Some(at) if length(&line[at..]).is_none() => Self::Json,
            _ if Extension::is_cef(line) => Self::Cef,
            _ => Self::Plain,
        }
    }

    pub(crate) fn of(line: &[u8]) -> Self {
        if is_json(line) {
            Self::Json
        } else if Extension::is_cef(line) {
            Self::Cef
        } else {
            Self::Plain
        }
    }
}

/// Whether a line is JSON, where a backslash always is an escape.
pub(crate) fn is_json(line: &[u8]) -> bool {
    // Behind the object words may stand, but nothing in which a backslash would be another thing.
    let ends = |at: usize| {
        line.trim_ascii_end().ends_with(b"}")
            || length(&line[at..]).is_some_and(|length| !line[at + length..].contains(&b'\\'))
    };
    is_all_json(line) || carried(line).is_some_and(ends)
}

/// How long the object is that begins here; none where it does not end.
pub(crate) fn length(text: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut at) = (0_usize, false, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn is_all_json(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    // `[error] ...` is no array.
    let second = line.get(1..).and_then(|rest| rest.trim_ascii_start().first());
    match line.first() {
        Some(b'{') => true,
        Some(b'[') => matches!(second, Some(b'{' | b'[' | b'"')),
        _ => false,
    }
}

/// Where an object begins behind a time and a host, as syslog carries it, behind `@cee:` or `payload=`.
pub(crate) fn carried(line: &[u8]) -> Option<usize> {
    // It is found by going through the line: once is enough.
    let mut names_fields = None;
    memchr::memchr_iter(b'{', line).find(|at| {
        let before = at.checked_sub(1).and_then(|before| line.get(before));
        line[at + 1..].trim_ascii_start().first() == Some(&b'"')
            && before.is_some_and(|byte| match byte {
                // What has fields of its own names them by those.
                b'=' => !*names_fields.get_or_insert_with(|| Extension::of(line).is_some()),
                byte => byte.is_ascii_whitespace() || *byte == b':',
            })
    })
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

/// Whether something begins here that may be looked for: a name with a dot, a digest, what stands before an @ or a colon,
/// each as itself or escaped too.
fn begins_token(text: &[u8]) -> bool {
    let (mut at, mut length, mut is_name) = (0, 0, false);
    while length < LONGEST_TOKEN
        && let Some(byte) = text.get(at)
    {
        let escaped = match byte {
            b'%' => text.get(at + 1..at + 3).and_then(hex_pair),
            _ => None,
        };
        let byte = escaped.unwrap_or(*byte);
        if !is_token(byte) {
            let ends = is_name || length >= SHORTEST_DIGEST || matches!(byte, b'@' | b':');
            return length > 0 && ends;
        }
        is_name |= byte == b'.';
        at += if escaped.is_some() { 3 } else { 1 };
        length += 1;
    }
    length > 0 && (is_name || length >= SHORTEST_DIGEST)
}

/// Whether an escape parts a name from what stands before it, which is found only where all escapes are read.
fn parts_name(text: &[u8], at: usize) -> bool {
    let value = text.get(at + 1..at + 3).and_then(hex_pair);
    let next = text.get(at + 3);
    match value {
        Some(b' ') => matches!(next, Some(b'(' | b'[' | b'{')),
        Some(b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>') => {
            next.is_some_and(|byte| is_token(*byte))
        }
        _ => false,
    }
}

/// A line end or the like as rsyslog writes it: `#012`.
fn octal(text: &[u8], at: usize) -> bool {
    matches!(text.get(at + 1..at + 4), Some(b"011" | b"012" | b"015" | b"033"))
}

/// Bytes of a token that are looked at, and of the shortest digest.
const LONGEST_TOKEN: usize = 80;
const SHORTEST_DIGEST: usize = 32;

/// Whether the line must be read as it was meant because of what stands here.
pub(crate) fn is_trigger(text: &[u8], at: usize, of: impl FnOnce() -> Backslash) -> bool {
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
                Some(next @ (b'n' | b'r' | b't' | b'b' | b'f')) => {
                    let after = text.get(at + 2);
                    let is_part = after.is_some_and(|byte| is_token(*byte) || *byte == b':');
                    is_part
                        && match of() {
                            Backslash::Json => true,
                            Backslash::Cef => matches!(next, b'n' | b'r'),
                            Backslash::Plain => false,
                        }
                }
                _ => false,
            }
        }
        b'%' => percent(text, at).is_some() || parts_name(text, at),
        b'#' => octal(text, at),
        ESCAPE => text.get(at + 1) == Some(&b'['),
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

/// What a terminal's colours begin with.
const ESCAPE: u8 = 0x1b;

/// How much of a line is read as it was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// Without what stands for a part of an address: a URL may have that as it is.
    Bare,
    /// All but the escapes that a URL has for itself.
    Whole,
    /// Those too.
    All,
}

/// A line as it was meant.
#[derive(Debug, Default)]
pub(crate) struct Normal {
    /// Its bytes.
    pub(crate) text: Vec<u8>,
    /// Where each of them begins in the line as it is, and where it ends.
    pub(crate) places: Vec<(usize, usize)>,
    /// Whether escapes of URLs were left.
    pub(crate) has_more: bool,
}

impl Normal {
    /// Reads a line.
    pub(crate) fn take(&mut self, line: &[u8], of: Backslash, how: How) {
        self.text.clear();
        self.places.clear();
        self.has_more = false;
        let (whole, mut colours) = (how != How::Bare, false);
        let mut at = 0;
        while let Some(byte) = line.get(at) {
            let length = match byte {
                b'\\' => self.escape(line, at, of),
                b'%' if whole => self.percent(line, at, how == How::All),
                b'#' if whole && octal(line, at) => {
                    self.put(b"\t", at);
                    Some(4)
                }
                b'[' | b'(' | b'{' if whole => {
                    harmless(line, at).map(|(length, part)| self.part(line, at, length, part))
                }
                _ => None,
            };
            at += length.unwrap_or_else(|| {
                self.put(&[*byte], at);
                1
            });
            // What was put in last ends here.
            self.places
                .iter_mut()
                .rev()
                .take_while(|place| place.1 == 0)
                .for_each(|place| place.1 = at);
            colours |= self.text.last() == Some(&ESCAPE);
        }
        if colours {
            self.without_colours();
        }
    }

    fn percent(&mut self, line: &[u8], at: usize, all: bool) -> Option<usize> {
        let value = percent(line, at);
        let any = line.get(at + 1..at + 3).and_then(hex_pair);
        self.has_more |= value.is_none() && any.is_some();
        let value = if all { any } else { value }?;
        // A line does not end in it.
        self.put(&[if value == b'\n' { b'\t' } else { value }], at);
        Some(3)
    }

    /// Takes out what a terminal is told between: `ESC [ 36 m`.
    fn without_colours(&mut self) {
        let (mut kept, mut at) = (0, 0);
        while at < self.text.len() {
            if self.text[at..].starts_with(&[ESCAPE, b'[']) {
                let told = self.text[at + 2..].iter();
                let told = told.take_while(|byte| (0x20..0x40).contains(*byte)).count();
                at += 2 + told + 1;
                continue;
            }
            self.text[kept] = self.text[at];
            self.places[kept] = self.places[at];
            (kept, at) = (kept + 1, at + 1);
        }
        self.text.truncate(kept);
        self.places.truncate(kept);
    }

    fn put(&mut self, bytes: &[u8], at: usize) {
        self.text.extend(bytes);
        self.places.extend(bytes.iter().map(|_| (at, 0)));
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

    fn escape(&mut self, line: &[u8], at: usize, of: Backslash) -> Option<usize> {
        let next = line.get(at + 1)?;
        let (json, cef) = (of == Backslash::Json, of == Backslash::Cef);
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
            b'n' | b'r' if cef => plain(b'\t')?,
            b'\\' | b'=' | b'|' if cef => plain(*next)?,
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
        normal.take(line.as_bytes(), Backslash::of(line.as_bytes()), How::Whole);
        assert_eq!(normal.places.len(), normal.text.len());
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
        assert_eq!(read("a#012b #12 \u{1b}[36mev\u{1b}[1;0mil\u{1b}["), "a\tb #12 evil");
        assert_eq!(read(r#"@cee:{"a":"\u001b[1mx\ny"}"#), "@cee:{\"a\":\"x\ty\"}");
        assert_eq!(
            read(r"CEF:0|V|P|1|x|n|3|msg=a\nb c=C:\\x\=y"),
            "CEF:0|V|P|1|x|n|3|msg=a\tb c=C:\\x=y"
        );
        assert_eq!(
            read(r#"app payload={"a":"x\nevil.com"} took 3 ms"#),
            "app payload={\"a\":\"x\tevil.com\"} took 3 ms"
        );
        let mut normal = Normal::default();
        normal.take(b"a%20b c%2Ed", Backslash::Plain, How::All);
        assert_eq!((&normal.text[..], normal.has_more), (&b"a b c.d"[..], true));
    }
}

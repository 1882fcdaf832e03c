//! CEF and LEEF: the fields behind the header of a line.

use std::borrow::Cow;
use std::ops::Range;

/// How the fields of a line are parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parted {
    /// By spaces, where a key comes after one: CEF. A value has spaces too.
    Keys,
    /// By this byte: LEEF.
    By(u8),
}

/// The fields of a line of CEF or LEEF.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension<'l> {
    line: &'l [u8],
    start: usize,
    parted: Parted,
    is_leef: bool,
}

/// Where a field's name stands, and where its value.
pub(crate) type Field = (Range<usize>, Range<usize>);

impl<'l> Extension<'l> {
    /// None where the line is neither.
    pub(crate) fn of(line: &'l [u8]) -> Option<Self> {
        let (first, is_leef) = memchr::memmem::find_iter(line, b"EF:").find_map(|first| {
            let is_leef = line[..first].ends_with(b"LE");
            let begins = if is_leef { first - 2 } else { first.checked_sub(1)? };
            let is_word = begins.checked_sub(1).is_some_and(|at| line[at].is_ascii_alphanumeric());
            (!is_word && (is_leef || line[begins] == b'C')).then_some((first, is_leef))
        })?;
        let bars = memchr::memchr_iter(b'|', &line[first..]).map(|at| first + at);
        let escapes =
            |at: usize| line[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        let mut bars = bars.filter(|at| escapes(*at) % 2 == 0);
        if !is_leef {
            let start = bars.nth(6)? + 1;
            return Some(Self { line, start, parted: Parted::Keys, is_leef });
        }
        let version = bars.next()?;
        let start = bars.nth(3)? + 1;
        // Version 2 says what parts them, as itself or by its number.
        let said = bars.next().filter(|_| line[..version].ends_with(b":2.0"));
        let said = said.and_then(|bar| Some((bar + 1, separator(&line[start..bar])?)));
        let (start, by) = said.unwrap_or((start, b'\t'));
        // Some write spaces where the standard has a tab.
        let is_there = by != b'\t' || line[start..].contains(&by);
        let parted = if is_there { Parted::By(by) } else { Parted::Keys };
        Some(Self { line, start, parted, is_leef })
    }

    /// Whether a line is CEF, where a backslash escapes.
    pub(crate) fn is_cef(line: &[u8]) -> bool {
        Extension::of(line).is_some_and(|own| !own.is_leef)
    }

    /// Its fields, in their order.
    pub(crate) fn fields(self) -> impl Iterator<Item = Field> {
        let (keys, by) = match self.parted {
            Parted::Keys => (Some(self.between_keys()), None),
            Parted::By(by) => (None, Some(self.pieces(by))),
        };
        keys.into_iter().flatten().chain(by.into_iter().flatten())
    }

    /// A field in each piece between two separators: its key before the first `=`.
    fn pieces(self, by: u8) -> impl Iterator<Item = Field> {
        let mut at = self.start;
        let pieces = self.line[self.start..].split(move |byte| *byte == by);
        pieces.filter_map(move |piece| {
            let begins = at;
            at += piece.len() + 1;
            let equals = memchr::memchr(b'=', piece)?;
            let key = piece[..equals].trim_ascii();
            let start = begins + piece[..equals].len() - piece[..equals].trim_ascii_start().len();
            let is_key = !key.is_empty() && key.iter().all(is_of_key);
            let end = begins + piece.trim_ascii_end().len().max(equals + 1);
            is_key.then_some((start..start + key.len(), begins + equals + 1..end))
        })
    }

    /// The fields where a value ends only where the next key begins.
    fn between_keys(self) -> impl Iterator<Item = Field> {
        let mut next = self.key(self.start);
        std::iter::from_fn(move || {
            let (key, value) = next.take()?;
            next = self.key(value);
            let end = next.as_ref().map_or(self.line.len(), |(after, _)| after.start);
            let end = value + self.line[value..end].trim_ascii_end().len();
            Some((key, value..end))
        })
    }

    /// The next key from a place on, and where its value begins. What a value has before an `=`, as the query of a URL
    /// does, is no key: that stands behind a space.
    fn key(self, from: usize) -> Option<(Range<usize>, usize)> {
        memchr::memchr_iter(b'=', &self.line[from..]).map(|at| from + at).find_map(|equals| {
            let before = self.line[from..equals].iter().rev();
            let start = equals - before.take_while(|byte| is_of_key(byte)).count();
            let apart =
                start == self.start || start > from && self.line[start - 1].is_ascii_whitespace();
            (start < equals && apart).then_some((start..equals, equals + 1))
        })
    }
}

fn is_of_key(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-[]".contains(byte)
}

/// What parts the fields of LEEF 2: `^`, `x5E`, `0x5E`, or nothing for a tab. None where that is not said here.
fn separator(text: &[u8]) -> Option<u8> {
    match text {
        [] => Some(b'\t'),
        [one] => (*one != b'=').then_some(*one),
        _ => {
            let text = std::str::from_utf8(text).ok()?;
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix('x'))?;
            u8::from_str_radix(digits, 16).ok()
        }
    }
}

/// A value as it was meant: `\=`, `\|` and `\\` are one character each.
pub(crate) fn meant(value: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(value);
    if !text.contains('\\') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_escaped = c == '\\' && matches!(chars.peek(), Some('=' | '|' | '\\'));
        out.extend(if is_escaped { chars.next() } else { Some(c) });
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Vec<(String, String)> {
        let Some(extension) = Extension::of(line.as_bytes()) else { return Vec::new() };
        let text = |range: Range<usize>| meant(&line.as_bytes()[range]).into_owned();
        extension.fields().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn some(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_are_parted_as_each_format_says() {
        assert_eq!(
            fields(
                r"<13>Mar 1 h CEF:0|V|P\|x|1|x|n|3|src=1.2.3.4 msg=seen a\=b, and c request=/a?b=c,d"
            ),
            some(&[("src", "1.2.3.4"), ("msg", "seen a=b, and c"), ("request", "/a?b=c,d")])
        );
        assert_eq!(fields("CEF:0|V|P|1|x|n|3|"), []);
        assert_eq!(
            fields("LEEF:1.0|V|P|1|x|src=1.2.3.4\tmsg=a b=c, d\turl=/x?y=z"),
            some(&[("src", "1.2.3.4"), ("msg", "a b=c, d"), ("url", "/x?y=z")])
        );
        assert_eq!(
            fields("LEEF:2.0|V|P|1|x|^|src=1.2.3.4^dhost=evil.example^url=/a b=c"),
            some(&[("src", "1.2.3.4"), ("dhost", "evil.example"), ("url", "/a b=c")])
        );
        assert_eq!(fields("LEEF:2.0|V|P|1|x|x5E|a=b^c=d"), some(&[("a", "b"), ("c", "d")]));
        assert_eq!(fields("LEEF:2.0|V|P|1|x||a=b\tc=d"), some(&[("a", "b"), ("c", "d")]));
        assert_eq!(fields("LEEF:2.0|V|P|1|x|a=b|c"), some(&[("a", "b|c")]));
        assert_eq!(fields(r"REF: CEF:0|V|P\\|1|x|n|3|a=b"), some(&[("a", "b")]));
        assert_eq!(fields("LEEF:1.0|V|P|1|x|a=b c=d"), some(&[("a", "b"), ("c", "d")]));
        for none in
            ["a=b c=d", "REF:1|2|3", "xCEF:0|V|P|1|x|n|3|a=b", "CEF:0|V|P|a=b", "EF:", "LEEF:1.0|"]
        {
            assert_eq!(fields(none), [], "{none}");
        }
    }
}

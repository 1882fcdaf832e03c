//! A record: what an index knows of one indicator.

use crate::indicator::{Indicator, Kind};

const HAS_ID: u8 = 1;
const HAS_CONFIDENCE: u8 = 2;
const EXPIRES: u8 = 4;
const WARNED: u8 = 8;
const REMOVED: u8 = 16;
const PART: u8 = 32;

/// What an index knows of one indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) value: &'a str,
    pub(crate) id: Option<&'a str>,
    pub(crate) confidence: Option<u8>,
    pub(crate) expires: Option<i64>,
    /// Which list it is from.
    pub(crate) list: u64,
    /// Warning lists that know it, by number.
    pub(crate) warnings: &'a [u8],
    /// It is no longer any.
    pub(crate) removed: bool,
    /// The number of the pattern that it is only a part of.
    pub(crate) part_of: Option<u64>,
}

/// What is said of an indicator beside what it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) list: u64,
    pub(crate) warnings: &'a [u8],
    pub(crate) removed: bool,
    pub(crate) part_of: Option<u64>,
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (first, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(first)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

impl<'a> Record<'a> {
    /// Writes one; what makes two the same comes first, and how long that is is returned.
    pub(crate) fn write(out: &mut Vec<u8>, indicator: &Indicator, said: &Said<'_>) -> usize {
        let start = out.len();
        let bit = |holds: bool, bit| if holds { bit } else { 0 };
        out.push(indicator.kind as u8);
        put(out, indicator.value.len() as u64);
        out.extend(indicator.value.bytes());
        let id = indicator.id.as_deref().unwrap_or_default();
        put(out, id.len() as u64);
        out.extend(id.bytes());
        let same = out.len() - start;
        out.push(
            bit(indicator.id.is_some(), HAS_ID)
                | bit(indicator.confidence.is_some(), HAS_CONFIDENCE)
                | bit(indicator.expires.is_some(), EXPIRES)
                | bit(!said.warnings.is_empty(), WARNED)
                | bit(said.removed, REMOVED)
                | bit(said.part_of.is_some(), PART),
        );
        put(out, said.list);
        out.extend(indicator.confidence);
        if let Some(expires) = indicator.expires {
            put(out, expires.cast_unsigned());
        }
        if !said.warnings.is_empty() {
            put(out, said.warnings.len() as u64);
            out.extend(said.warnings);
        }
        if let Some(number) = said.part_of {
            put(out, number);
        }
        same
    }

    /// What makes it the same as another.
    pub(crate) fn name(&self) -> (Kind, String, Option<String>) {
        (self.kind, self.value.to_owned(), self.id.map(str::to_owned))
    }

    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut from = Reader(bytes);
        let kind = Kind::of_number(from.byte()?)?;
        let (value, id) = (from.text()?, from.text()?);
        let bits = from.byte()?;
        let list = from.number()?;
        let has = |bit: u8| bits & bit != 0;
        Some(Self {
            kind,
            value,
            id: has(HAS_ID).then_some(id),
            confidence: if has(HAS_CONFIDENCE) { Some(from.byte()?) } else { None },
            expires: if has(EXPIRES) { Some(from.number()?.cast_signed()) } else { None },
            list,
            warnings: if has(WARNED) { from.bytes()? } else { &[] },
            removed: has(REMOVED),
            part_of: if has(PART) { Some(from.number()?) } else { None },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::indicator::KINDS;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            kind in 0_usize..13, value in ".{0,40}", id in proptest::option::of(".{0,300}"),
            confidence in proptest::option::of(0_u8..=100), expires in proptest::option::of(any::<i64>()),
            list in any::<u64>(), warnings in proptest::collection::vec(any::<u8>(), 0..4), removed: bool, part_of in proptest::option::of(any::<u64>()),
        ) {
            let indicator = Indicator { kind: KINDS[kind], value, id, written: None, confidence, expires, part_of: None, marking: None, comment: None };
            let mut bytes = Vec::new();
            Record::write(&mut bytes, &indicator, &Said { list, warnings: &warnings, removed, part_of });
            let read = Record::read(&bytes).unwrap();
            prop_assert_eq!((read.kind, read.value, read.id), (indicator.kind, &*indicator.value, indicator.id.as_deref()));
            prop_assert_eq!((read.confidence, read.expires, read.list), (confidence, expires, list));
            prop_assert_eq!((read.warnings, read.removed, read.part_of), (&*warnings, removed, part_of));
            for end in 0..bytes.len() {
                let _ = Record::read(&bytes[..end]);
            }
        }
    }
}

//! Plain lists, a line for each, and CSV with a line of names.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::{Choice, Error, Taker, misp};
use crate::indicator::{Indicator, Kind, Named};

const VALUES: [&str; 6] = ["value", "indicator", "ioc", "ioc_value", "observable", "pattern"];
const KINDS: [&str; 4] = ["type", "ioc_type", "indicator_type", "kind"];
const IDS: [&str; 3] = ["id", "uuid", "indicator_id"];
const COMMENTS: [&str; 4] = ["comment", "comments", "description", "notes"];
/// Words in the names of columns that say other things of a value.
const OTHERS: [&str; 18] = [
    "port",
    "seen",
    "date",
    "time",
    "timestamp",
    "first",
    "last",
    "source",
    "reference",
    "tag",
    "tags",
    "country",
    "asn",
    "status",
    "malware",
    "threat",
    "family",
    "score",
];
const ENDS: [&str; 4] = ["expires", "valid_until", "expiration", "valid_to"];

pub(super) fn read(bytes: &[u8], choice: Choice, taker: &mut Taker<'_>) -> Result<(), Error> {
    // Words about a list may stand before its names, or the names among them.
    let (mut rest, mut before, mut said) = (bytes, 0, String::new());
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let (line, next) = rest.split_at(end);
        let line = String::from_utf8_lossy(line);
        if line.is_empty() || !is_comment(&line) {
            let names = |line: &str, is_comment: bool| {
                [b',', b';', b'\t'].into_iter().find(|by| are_names(line, *by, is_comment))
            };
            let of_words = names(&said, true).filter(|by| said.contains(char::from(*by)));
            return match (names(&line, false), of_words) {
                (Some(by), _) => csv((&line, next), (before + 1, by), choice, taker),
                (None, Some(by)) => csv((&said, rest), (before, by), choice, taker),
                (None, None) => plain(bytes, taker),
            };
        }
        if !line.trim().is_empty() {
            line.trim().trim_start_matches(['#', ' ']).clone_into(&mut said);
        }
        (rest, before) = (next, before + 1);
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with(['#', ';']) || line.starts_with("//")
}

/// Whether a line names columns: one of values, or one that is called what it holds beside another such or another that is
/// known. A list under a single word is none.
fn are_names(line: &str, by: u8, is_comment: bool) -> bool {
    let names: Vec<String> = line.split(char::from(by)).map(named).collect();
    let is_known = |name: &String| {
        let known = [&KINDS[..], &IDS, &ENDS, &COMMENTS, &["confidence", "to_ids"]];
        known.iter().any(|names| names.contains(&&**name))
            || label(name).is_some()
            || name.split(['_', '-']).any(|word| OTHERS.contains(&word))
    };
    let is_name = |name: &String| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || " _-".contains(c))
    };
    names.iter().any(|name| VALUES.contains(&&**name))
        || names.iter().all(is_name)
            && match names.iter().filter(|name| Kind::of_name(name).is_some()).count() {
                0 => false,
                // A comment may say of what a list is.
                2.. if !is_comment => true,
                _ => names.iter().any(is_known),
            }
}

/// A column's name, as it is compared.
fn named(name: &str) -> String {
    name.trim().trim_matches('"').trim().to_ascii_lowercase().replace(' ', "_")
}

/// Of which labels a column of this name is.
fn label(name: &str) -> Option<&'static str> {
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let is = |word: &str| match word {
        "tlp" => Some("tlp"),
        "pap" => Some("pap"),
        "marking" | "markings" => Some("marking"),
        _ => None,
    };
    words.find_map(is)
}

/// Whether a line has a label as only a row of a table does, the rest of which would be taken for a value.
fn is_row(line: &str) -> bool {
    let line = line.split_once(" #").map_or(line, |(row, _)| row);
    line.split([',', ';', '\t']).skip(1).any(|cell| {
        let cell = named(cell);
        let label = cell.strip_prefix("tlp").or_else(|| cell.strip_prefix("pap")).unwrap_or(&cell);
        let label = label.trim_start_matches([':', ' ', '-']);
        ["red", "amber", "amber+strict", "green", "clear", "white"].contains(&label)
    })
}

fn plain(bytes: &[u8], taker: &mut Taker<'_>) -> Result<(), Error> {
    let mut is_first = true;
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let line = std::str::from_utf8(line).map_err(|_| Error::NotText(number))?.trim();
        if is_comment(line) {
            continue;
        }
        // What a list is of, in a word above it.
        if std::mem::take(&mut is_first) && Kind::of_name(line.trim_matches('"')).is_some() {
            continue;
        }
        if is_row(line) {
            let why =
                "it is a row of a table: a line before all rows says which column is the value";
            taker.refuse(|| format!("line {number}"), why);
            continue;
        }
        let comment = [" #", "\t#", " ;", "\t;"].iter().filter_map(|sign| line.find(sign)).min();
        // A file may be called `invoice #1.pdf`.
        let is_name = |one: Indicator| one.kind == Kind::FileName;
        let comment = comment.filter(|_| !Indicator::guess(line).is_ok_and(is_name));
        let line = comment.map_or(line, |at| line[..at].trim_end());
        if matches!(line, "127.0.0.1 localhost" | "::1 localhost") {
            continue;
        }
        match range(line) {
            Some(all) => all.iter().for_each(|one| {
                taker.take(|| format!("line {number}"), Indicator::new(Named::Address, one));
            }),
            None => taker.take(|| format!("line {number}"), one(line)),
        }
    }
    Ok(())
}

/// The networks that addresses from one to another are: `10.0.0.0-10.0.0.255`.
fn range(line: &str) -> Option<Vec<String>> {
    let (first, last) = line.split_once('-')?;
    let four =
        |text: &str| text.trim().parse::<Ipv4Addr>().ok().map(|four| u64::from(u32::from(four)));
    // `10.0.0.1-9`: the last number.
    let begin = first.trim().rsplit_once('.').map_or("", |(begin, _)| begin);
    let short = || last.trim().parse::<u8>().ok().and_then(|last| four(&format!("{begin}.{last}")));
    let (mut first, last) = (four(first)?, four(last).or_else(short)?);
    let mut all = Vec::new();
    while first <= last {
        let aligned = first.trailing_zeros().min(32);
        let fits = (last - first + 1).ilog2();
        let bits = aligned.min(fits);
        all.push(format!("{}/{}", Ipv4Addr::from(u32::try_from(first).ok()?), 32 - bits));
        first += 1 << bits;
    }
    (!all.is_empty()).then_some(all)
}

/// A value, `type,value`, a line of a hosts file, or of what sums files.
fn one(line: &str) -> Result<Indicator, crate::indicator::Unfit> {
    if let Some((kind, value)) = line.split_once([',', '\t'])
        && let Some(named) = Kind::of_name(kind)
    {
        return Indicator::new(named, value.trim().trim_matches('"'));
    }
    // `44d8...  evil.exe`, `44d8... *evil.exe`
    if let Some((sum, _)) = line.split_once([' ', '\t'])
        && let Ok(found) = Indicator::new(Named::Digest, sum)
    {
        return Ok(found);
    }
    let mut words = line.split_ascii_whitespace();
    if let (Some("0.0.0.0" | "127.0.0.1" | "::" | "::1"), Some(host), None) =
        (words.next(), words.next(), words.next())
    {
        return Indicator::new(Named::Kind(Kind::Domain), host);
    }
    Indicator::guess(line)
}

fn csv(
    (names, rows): (&str, &[u8]),
    (before, by): (u64, u8),
    choice: Choice,
    taker: &mut Taker<'_>,
) -> Result<(), Error> {
    let mut builder = csv::ReaderBuilder::new();
    builder.flexible(true).delimiter(by).has_headers(false).comment(Some(b'#'));
    let table = |error: csv::Error| Error::Table(error.to_string());
    // Some feeds write a space behind the comma.
    let names = names.replace("\", \"", "\",\"");
    let spaced = memchr::memmem::find(rows, b"\", \"").is_some();
    let rows = if spaced { replaced(rows) } else { Cow::Borrowed(rows) };
    let first = builder.from_reader(names.as_bytes()).into_records().next().transpose();
    let names: Vec<String> = first.map_err(table)?.unwrap_or_default().iter().map(named).collect();
    let mut reader = builder.from_reader(&*rows);
    let column = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&&**name));
    let values = values(&names).map_err(|why| Error::Table(why.to_owned()))?;
    let last = values.iter().map(|(at, _)| *at).max().unwrap_or_default();
    let kind = column(&KINDS).filter(|_| values.iter().all(|(_, all)| all.is_none()));
    let (id, sure, end) = (column(&IDS), column(&["confidence"]), column(&ENDS));
    let (meant, comment) = (column(&["to_ids"]), column(&COMMENTS));
    let markings: Vec<(&str, usize)> =
        (0..).zip(&names).filter_map(|(at, name)| Some((label(name)?, at))).collect();
    let mut kinds: HashMap<String, Option<Named>> = HashMap::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(table)? {
        let line = record.position().map_or(0, csv::Position::line) + before;
        let place = || format!("line {line}");
        let cell = |at: Option<usize>| {
            at.and_then(|at| record.get(at)).map(str::trim).filter(|cell| !cell.is_empty())
        };
        let found = values.iter().filter_map(|(at, all)| Some((cell(Some(*at))?, *all)));
        let found: Vec<(&str, Option<Named>)> =
            found.filter(|(text, _)| values.len() == 1 || !is_nothing(text)).collect();
        if found.is_empty() {
            let is_empty = record.iter().all(|cell| cell.trim().is_empty());
            if record.len() <= last && !is_empty {
                let why =
                    "it has no cell in the column of the value: is it parted as the names are?";
                taker.refuse(place, why);
            } else if !is_empty {
                taker.pass_over("rows without a value");
            }
            continue;
        }
        // Else a label would be another cell, or none.
        if !markings.is_empty() && record.len() != names.len() {
            let (cells, names) = (record.len(), names.len());
            taker
                .refuse(place, &format!("it has {cells} cells, and the table has {names} columns"));
            continue;
        }
        if matches!(cell(meant), Some("0" | "false" | "False")) && !choice.context {
            taker.leave_out("attributes that are not meant for detection");
            continue;
        }
        let confidence = match cell(sure).map(|cell| (cell, cell.parse::<u8>())) {
            None => None,
            Some((_, Ok(sure @ 0..=100))) => Some(sure),
            Some((cell, _)) => {
                taker.refuse(place, &format!("its confidence '{cell}' is no number from 0 to 100"));
                continue;
            }
        };
        let expires = match cell(end).map(|cell| (cell, instant(cell))) {
            None => None,
            // Never.
            Some((cell, _)) if cell.starts_with("9999-") => None,
            Some((_, Some(at))) => Some(at),
            Some((cell, None)) => {
                taker.refuse(
                    place,
                    &format!(
                        "its end '{cell}' is no date such as 2026-03-09 or 2026-03-09T08:00:00Z"
                    ),
                );
                continue;
            }
        };
        let said = |one: Indicator| Indicator {
            id: cell(id).map(str::to_owned),
            marking: marked(markings.iter().map(|(name, at)| (*name, cell(Some(*at))))),
            confidence,
            expires,
            comment: cell(comment).map(str::to_owned),
            ..one
        };
        for (text, all) in found {
            match (all, cell(kind)) {
                (Some(all), _) => taker.take(place, Indicator::new(all, text).map(said)),
                (None, None) => taker.take(place, Indicator::guess(text).map(said)),
                (None, Some(kind)) => {
                    if !kinds.contains_key(kind) {
                        kinds.insert(kind.to_owned(), Kind::of_name(kind));
                    }
                    if let Some(named) = kinds.get(kind).copied().flatten() {
                        taker.take(place, Indicator::new(named, text).map(said));
                    } else if let Some(found) = misp(kind, text) {
                        for (named, value) in found {
                            taker.take(place, Indicator::new(named, &value).map(said));
                        }
                    } else if kind.eq_ignore_ascii_case("ip:port") {
                        taker.take(place, Indicator::guess(text).map(said));
                    } else {
                        taker.leave_out(&format!("rows of type {kind}"));
                    }
                }
            }
        }
    }
    Ok(())
}

fn is_nothing(cell: &str) -> bool {
    cell == "-" || cell.eq_ignore_ascii_case("n/a")
}

/// The columns of a table with values, and what they are where that is what they are called. Several digests of a row are of
/// one file, whose name beside them is none that is looked for.
fn values(names: &[String]) -> Result<Vec<(usize, Option<Named>)>, &'static str> {
    if let Some(at) = names.iter().position(|name| VALUES.contains(&&**name)) {
        return Ok(vec![(at, None)]);
    }
    let kinds = (0..).zip(names).map(|(at, name)| (at, Kind::of_name(name)));
    let kinds: Vec<(usize, Option<Named>)> = kinds.filter(|(_, kind)| kind.is_some()).collect();
    let digests: Vec<_> =
        kinds.iter().copied().filter(|(_, kind)| *kind == Some(Named::Digest)).collect();
    let names = kinds.iter().filter(|(_, kind)| *kind == Some(Named::Kind(Kind::FileName))).count();
    match kinds.len() {
        0 => Err("no column is called value, indicator or ioc"),
        1 => Ok(kinds),
        several if several == digests.len() + names && !digests.is_empty() => Ok(digests),
        _ => Err("more than one column could be the value: call the one that is 'value'"),
    }
}

/// Without the space behind a comma between quoted cells.
fn replaced(rows: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::with_capacity(rows.len());
    let mut done = 0;
    for at in memchr::memmem::find_iter(rows, b"\", \"") {
        out.extend_from_slice(&rows[done..at + 2]);
        done = at + 3;
    }
    out.extend_from_slice(&rows[done..]);
    Cow::Owned(out)
}

/// The labels in cells of these columns, with spaces between. In a column of its own PAP's need not say that they are.
fn marked<'c>(cells: impl Iterator<Item = (&'c str, Option<&'c str>)>) -> Option<String> {
    let label = |(name, cell): (&'c str, Option<&'c str>)| {
        let cell = cell?;
        let says = cell.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("pap"));
        Some(if name == "pap" && !says { format!("PAP:{cell}") } else { cell.to_owned() })
    };
    let labels: Vec<String> = cells.filter_map(label).collect();
    (!labels.is_empty()).then(|| labels.join(" "))
}

/// A moment, or the beginning of a day, in seconds since 1970.
fn instant(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.as_second());
    }
    // Seconds since 1970, and a time of no zone, which is UTC's.
    if (9..=11).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let time = text.parse::<jiff::civil::DateTime>().ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

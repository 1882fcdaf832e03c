//! Which field of a log's line something stands in, and which fields together are a URL.

use std::borrow::Cow;

use serde_json::Value;

use crate::extension::{self, Extension};

/// What a file's beginning says of its columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Columns {
    /// None: each line says itself what its fields are called, or nothing does.
    #[default]
    Unnamed,
    /// A line among those that begin with `#` names them, and another may later: Zeek's own format, and the W3C's extended one.
    Headed(Heading, Vec<String>),
    /// CSV with a line of names.
    Csv(u8, Vec<String>),
}

/// What the line of names begins with, and what stands between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heading {
    begins: &'static [u8],
    by: u8,
}

const ZEEK: &[u8] = b"#fields";
const W3C: &[u8] = b"#Fields:";

/// What files with such a line begin with.
const HEADS: [&[u8]; 6] = [b"#separator", ZEEK, b"#Software:", b"#Version:", b"#Date:", W3C];

const HOSTS: [&str; 15] = [
    "host",
    "hostname",
    "http_host",
    "http.host",
    "http.hostname",
    "domain",
    "url_domain",
    "url.domain",
    "dhost",
    "dest_host",
    "cs-host",
    "cs(host)",
    "server_name",
    "vhost",
    "site",
];
const PATHS: [&str; 14] = [
    "uri",
    "url",
    "path",
    "request_uri",
    "uri_path",
    "http_uri",
    "http.url",
    "http.uri",
    "url.path",
    "request",
    "cs-uri",
    "cs-uri-stem",
    "cs-uri-path",
    "url_path",
];
const QUERIES: [&str; 5] = ["query", "url.query", "uri_query", "cs-uri-query", "query_string"];
const PORTS: [&str; 8] = [
    "http_port",
    "port",
    "url.port",
    "http.http_port",
    "id.resp_p",
    "dpt",
    "s-port",
    "cs-uri-port",
];

/// What some editors write before a text; it says nothing.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Pairs of a line of `key=value` that are looked at.
const MOST_PAIRS: usize = 256;

impl Columns {
    /// Those that the first lines of a file name.
    pub(crate) fn of(head: &[u8]) -> Self {
        let head = &head[..head.len().min(1 << 16)];
        let head = head.strip_prefix(BOM).unwrap_or(head);
        if HEADS.iter().any(|begins| head.starts_with(begins)) {
            let lines = head.split(|byte| *byte == b'\n');
            let row = lines.clone().find(|line| !line.starts_with(b"#"));
            let mut said = lines.take_while(|line| line.starts_with(b"#"));
            let found = said.find_map(|line| headed(line, row));
            return found.map_or(Self::Unnamed, |(heading, names)| Self::Headed(heading, names));
        }
        let mut lines = head.split(|byte| *byte == b'\n');
        let (Some(first), Some(second)) = (lines.next(), lines.next()) else {
            return Self::Unnamed;
        };
        // What says the names of its fields in each line is no table.
        if [first, second].iter().any(|line| Extension::of(line).is_some()) {
            return Self::Unnamed;
        }
        let is_quoted = first.starts_with(b"\"");
        for separator in [b',', b'\t', b';', b'|'] {
            let names = cells(first, separator);
            let is_name = |name: &String| {
                let starts =
                    name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '@'));
                let is_part = |c: char| c.is_alphanumeric() || "_-. ()[]@/#%:".contains(c);
                // `Mar  9 08:00:00 gw syslogd: started, listening` is a sentence with a comma.
                let colons = name.match_indices(':').map(|(at, _)| name[at + 1..].chars().next());
                let is_said = colons
                    .into_iter()
                    .any(|after| after.is_none_or(|c| c == ' ' || c.is_ascii_digit()));
                starts && name.len() <= 64 && name.chars().all(is_part) && (is_quoted || !is_said)
            };
            let alike = names.len() > 1 && cells(second, separator).len() == names.len();
            // A number of the row has no name at times.
            let named = names.get(usize::from(names.len() > 2 && names[0].is_empty())..);
            if alike && named.is_some_and(|named| named.iter().all(is_name)) {
                return Self::Csv(separator, names);
            }
        }
        Self::Unnamed
    }

    /// Takes up what the first line of a text says anew of them.
    pub(crate) fn start(&mut self, text: &[u8]) {
        self.rename(text.split(|byte| *byte == b'\n').next().unwrap_or_default());
    }

    /// Takes up what a line says anew of them, if it does. What parts their cells stands at the beginning of a file: what is
    /// read at once must not decide it.
    fn rename(&mut self, line: &[u8]) -> bool {
        let Self::Headed(own, names) = self else { return false };
        let found = headed(line, None).filter(|(heading, _)| heading.begins == own.begins);
        let Some((heading, new)) = found else { return false };
        if heading.begins == ZEEK {
            *own = heading;
        }
        *names = new;
        true
    }

    /// Takes up what this text, of whole lines, says anew of columns.
    pub(crate) fn follow(&mut self, text: &[u8]) {
        // From the front it is found faster, where it is not.
        if let Self::Headed(Heading { begins, .. }, _) = self
            && let Some(first) = line_beginning(text, begins)
        {
            let _ = text[first..].split(|byte| *byte == b'\n').rev().any(|line| self.rename(line));
        }
    }

    /// The columns at this place of a text at whose beginning these hold.
    pub(crate) fn at(&self, text: &[u8], place: usize) -> Cow<'_, Self> {
        match self {
            Self::Headed(Heading { begins, .. }, _)
                if memchr::memmem::find(&text[..place], begins).is_some() =>
            {
                let mut own = self.clone();
                own.start(text);
                own.follow(&text[..place]);
                Cow::Owned(own)
            }
            _ => Cow::Borrowed(self),
        }
    }
}

/// Where the first line after others begins so.
fn line_beginning(text: &[u8], begins: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(text, begins).find(|at| *at > 0 && text[at - 1] == b'\n')
}

/// The names in a line `#fields`, behind which stands what is between two of them, or `#Fields: `. Of that what is between
/// two cells shows in a row: many write names with spaces and rows with tabs.
fn headed(line: &[u8], row: Option<&[u8]>) -> Option<(Heading, Vec<String>)> {
    let line = line.trim_ascii_end();
    let read = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    if let Some(names) = line.strip_prefix(ZEEK) {
        let (by, names) = names.split_first().filter(|(by, _)| !by.is_ascii_alphanumeric())?;
        let names = names.split(|byte| byte == by).map(read).collect();
        return Some((Heading { begins: ZEEK, by: *by }, names));
    }
    let said = line.strip_prefix(W3C)?.trim_ascii();
    let by = [b'\t', b' ', b','].into_iter().find(|by| said.contains(by)).unwrap_or(b' ');
    let names = said.split(|byte| *byte == by).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(|name| read(name.trim_ascii())).collect();
    let row = row.map(<[u8]>::trim_ascii_end).filter(|row| !row.is_empty());
    let fits = |by: &u8| row.is_none_or(|row| places(row, *by).len() == names.len());
    let by = [by, b'\t', b' ', b','].into_iter().find(fits).unwrap_or(by);
    Some((Heading { begins: W3C, by }, names))
}

/// The cells of a line of CSV, without their quotes.
fn cells(line: &[u8], separator: u8) -> Vec<String> {
    let text = |(start, end): (usize, usize)| {
        let cell = line[start..end].trim_ascii();
        let inner = cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\""));
        String::from_utf8_lossy(inner.unwrap_or(cell)).replace("\"\"", "\"")
    };
    places(line, separator).into_iter().map(text).collect()
}

/// Where the cells of a line of CSV begin and end.
fn places(line: &[u8], separator: u8) -> Vec<(usize, usize)> {
    let (mut places, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, byte) in line.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            byte if *byte == separator && !quoted => {
                places.push((start, at));
                start = at + 1;
            }
            _ => {}
        }
    }
    places.push((start, line.len()));
    places
}

/// A line, and what is known of its fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) columns: &'a Columns,
}

/// How values are read as they were meant.
type Reading = fn(&[u8]) -> Cow<'_, str>;

/// A field's name, and where its value stands.
type Field = (String, (usize, usize));

/// What names the fields of a line.
enum Naming<'l> {
    /// The columns of its file, each with where its cell stands.
    Columns(Vec<(usize, usize)>, &'l [String]),
    /// It does so itself, as CEF and LEEF do.
    Own(Extension<'l>),
    /// Whatever stands before an `=`.
    Pairs,
}

/// What a host and other fields of its line are together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    /// A port, a path and a query.
    pub(crate) rest: Vec<u8>,
    /// The names of both fields.
    pub(crate) field: String,
}

impl Line<'_> {
    /// What names its fields, where it is no JSON.
    fn named(&self) -> Naming<'_> {
        if let Columns::Headed(heading, names) = self.columns {
            // Zeek has no quotes.
            if heading.begins == ZEEK {
                return Naming::Columns(self.parted(heading.by), names);
            }
            let cells = self.cells(heading.by, names).filter(|cells| cells.len() == names.len());
            return cells.map_or(Naming::Pairs, |cells| Naming::Columns(cells, names));
        }
        if let Some(own) = Extension::of(self.bytes) {
            return Naming::Own(own);
        }
        match self.columns {
            Columns::Csv(separator, names) => match self.cells(*separator, names) {
                Some(cells) => Naming::Columns(cells, names),
                None => Naming::Pairs,
            },
            _ => Naming::Pairs,
        }
    }

    /// All fields by their names, with their values as text.
    pub(crate) fn all_fields(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        if crate::normal::is_json(self.bytes) {
            if let Ok(whole) = serde_json::from_str::<Value>(&String::from_utf8_lossy(self.json()))
            {
                flatten(&whole, &mut String::new(), &mut all);
            }
            return all;
        }
        let (read, fields) = self.fields();
        for (name, (start, end)) in fields {
            all.push((name, read(&self.bytes[start..end]).into_owned()));
        }
        all
    }

    /// What of a line is JSON: all, or what stands behind a time and a host.
    fn json(&self) -> &[u8] {
        let line = self.bytes.trim_ascii_start();
        let begins = matches!(line.first(), Some(b'{' | b'['));
        let at = if begins { None } else { crate::normal::carried(line) };
        let text = line.get(at.unwrap_or(0)..).unwrap_or_default();
        // Behind an object words may stand.
        let length =
            Some(text).filter(|text| text.starts_with(b"{")).and_then(crate::normal::length);
        &text[..length.unwrap_or(text.len())]
    }

    /// The name of the field that this place is in.
    pub(crate) fn field(&self, at: usize) -> Option<String> {
        if crate::normal::is_json(self.bytes) {
            let path = json_path(self.bytes, at).map(|path| written(&path));
            // What begins as JSON does and is none has no names.
            return path.filter(|path| !path.is_empty());
        }
        match self.named() {
            Naming::Columns(cells, names) => {
                names.get(cells.iter().position(|(_, end)| at <= *end)?).cloned()
            }
            Naming::Own(own) => {
                let (name, _) = own.fields().find(|(_, value)| value.contains(&at))?;
                Some(String::from_utf8_lossy(&self.bytes[name]).into_owned())
            }
            Naming::Pairs => self.pair(at).map(|(name, _)| name),
        }
    }

    /// Where the cells of a row of CSV stand. A cell may have line ends in it: what is no whole row has no names.
    fn cells(&self, separator: u8, names: &[String]) -> Option<Vec<(usize, usize)>> {
        let is_whole = memchr::memchr_iter(b'"', self.bytes).count().is_multiple_of(2);
        let cells = places(self.bytes, separator);
        (is_whole && cells.len() >= names.len()).then_some(cells)
    }

    /// Where the pieces between two separators stand.
    fn parted(&self, by: u8) -> Vec<(usize, usize)> {
        let mut at = 0;
        let piece = |piece: &[u8]| {
            let start = at;
            at += piece.len() + 1;
            (start, start + piece.len())
        };
        self.bytes.split(|byte| *byte == by).map(piece).collect()
    }

    /// The key before the `=` that this place stands behind, and where its value begins: whatever writes `key=value`.
    fn pair(&self, at: usize) -> Option<(String, usize)> {
        let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let before = &self.bytes[..at];
        // A key stands apart: what a value has before an `=`, as the query of a URL does, is none.
        let key = |equals: usize| {
            let start = before[..equals].iter().rposition(|byte| !is_key(byte));
            let apart =
                |at: usize| before[at].is_ascii_whitespace() || b"|,;\"'([{".contains(&before[at]);
            let name = &before[start.map_or(0, |start| start + 1)..equals];
            (!name.is_empty() && start.is_none_or(apart)).then(|| String::from_utf8_lossy(name))
        };
        let mut end = at;
        let (name, equals) = loop {
            let equals = before[..end].iter().rposition(|byte| *byte == b'=')?;
            if let Some(name) = key(equals) {
                break (name.into_owned(), equals);
            }
            end = equals;
        };
        let quoted = before.iter().rposition(|byte| *byte == b'"');
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b';');
        let is_in = quoted.is_some_and(|quote| quote == equals + 1)
            || before.iter().rposition(ends).is_none_or(|word| word < equals);
        is_in.then_some((name, equals + 1))
    }

    /// What other fields say follows the host that stands in a field of its own.
    pub(crate) fn joined(&self, start: usize, end: usize) -> Option<Joined> {
        if crate::normal::is_json(self.bytes) {
            return self.joined_json(start, end);
        }
        let (read, fields) = self.fields();
        let (host, value) = fields.iter().find(|(_, (from, to))| *from <= start && end <= *to)?;
        if !is_among(&HOSTS, host) || value.0 != start {
            return None;
        }
        let port = self.bytes.get(end..value.1)?;
        let find = |names: &[&str]| {
            let of = |name: &&str| fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
            let text = |(from, to): (usize, usize)| read(&self.bytes[from..to]).into_owned();
            names.iter().find_map(of).map(|(name, place)| (name.clone(), text(*place)))
        };
        join(host, port, find(&PATHS), find(&QUERIES), find(&PORTS))
    }

    /// The fields of a line that is no JSON, with where their values stand, and how these are read as they were meant.
    fn fields(&self) -> (Reading, Vec<Field>) {
        let inner = |(start, end): (usize, usize)| {
            let cell = &self.bytes[start..end];
            let quoted = cell.len() > 1 && cell.starts_with(b"\"") && cell.ends_with(b"\"");
            if quoted { (start + 1, end - 1) } else { (start, end) }
        };
        match self.named() {
            Naming::Columns(cells, names) => {
                let cells = cells.into_iter().map(inner);
                (String::from_utf8_lossy, names.iter().cloned().zip(cells).collect())
            }
            Naming::Own(own) => {
                let name = |name| String::from_utf8_lossy(&self.bytes[name]).into_owned();
                let fields = own.fields().take(MOST_PAIRS);
                let fields = fields.map(|(own, value)| (name(own), (value.start, value.end)));
                (extension::meant, fields.collect())
            }
            Naming::Pairs => (String::from_utf8_lossy, self.pairs()),
        }
    }

    /// All of `key=value`.
    fn pairs(&self) -> Vec<Field> {
        let mut pairs: Vec<Field> = Vec::new();
        for equals in memchr::memchr_iter(b'=', self.bytes).take(MOST_PAIRS) {
            let Some((name, start)) = self.pair(equals + 1) else { continue };
            if start != equals + 1 {
                continue;
            }
            if let Some((_, (_, end))) = pairs.last_mut() {
                // The value before ends where this key begins.
                *end = (*end).min(equals - name.len());
            }
            pairs.push((name, (start, self.bytes.len())));
        }
        for (_, (start, end)) in &mut pairs {
            let value = self.bytes[*start..(*end).max(*start)].trim_ascii_end();
            let open = usize::from(value.starts_with(b"\""));
            let stop = value[open..].iter().position(|byte| {
                (open == 1 && *byte == b'"') || (open == 0 && matches!(byte, b',' | b';' | b'\t'))
            });
            let length = stop.unwrap_or(value.len() - open);
            *start += open;
            *end = *start + length;
        }
        pairs
    }

    fn joined_json(&self, start: usize, end: usize) -> Option<Joined> {
        let path = json_path(self.bytes, start)?;
        let [above @ .., Step::Key(host)] = path.as_slice() else { return None };
        let whole: Value = serde_json::from_str(&String::from_utf8_lossy(self.json())).ok()?;
        let object = above.iter().try_fold(&whole, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Place(place) => value.get(place),
        })?;
        // The value begins with the host: what follows it there is a port.
        let is_first = start > 0 && self.bytes[start - 1] == b'"';
        if !is_among(&HOSTS, host) || !is_first {
            return None;
        }
        let rest = &self.bytes[end..];
        let port = &rest[..rest.iter().position(|byte| *byte == b'"')?];
        let prefix = written(above);
        let find = |names: &[&str]| {
            let of = |name: &&str| {
                object.as_object()?.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))
            };
            let text =
                |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let named = |name: &str| {
                if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
            };
            names.iter().find_map(of).map(|(name, value)| (named(name), text(value)))
        };
        join(&written(&path), port, find(&PATHS), find(&QUERIES), find(&PORTS))
    }
}

fn flatten(value: &Value, path: &mut String, all: &mut Vec<(String, String)>) {
    let length = path.len();
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                flatten(value, path, all);
                path.truncate(length);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| flatten(value, path, all)),
        Value::String(text) => all.push((path.clone(), text.clone())),
        Value::Null => {}
        other => all.push((path.clone(), other.to_string())),
    }
}

fn is_among(names: &[&str], name: &str) -> bool {
    names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn join(
    host: &str,
    port: &[u8],
    path: Option<(String, String)>,
    query: Option<(String, String)>,
    other_port: Option<(String, String)>,
) -> Option<Joined> {
    let (name, path) = path?;
    if !path.starts_with(['/', '?']) {
        return None;
    }
    // A root's dot may stand before it.
    let mut rest = port.strip_prefix(b".").unwrap_or(port).to_vec();
    if rest.is_empty()
        && let Some((_, port)) = other_port
        && port.parse::<u16>().is_ok_and(|port| port != 80 && port != 443)
    {
        rest.extend(format!(":{port}").bytes());
    }
    rest.extend(path.bytes());
    if let Some((_, query)) =
        query.filter(|(_, query)| !path.contains('?') && !query.is_empty() && query != "-")
    {
        rest.extend(format!("?{}", query.trim_start_matches('?')).bytes());
    }
    Some(Joined { rest, field: format!("{host}+{name}") })
}

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Place(usize),
}

fn written(path: &[Step]) -> String {
    path.iter().fold(String::new(), |mut text, step| {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Place(place) => text.push_str(&format!("[{place}]")),
        }
        text
    })
}

/// The way to the value that this place of a line of JSON is in, or to the key.
fn json_path(line: &[u8], at: usize) -> Option<Vec<Step>> {
    let mut path: Vec<Step> = Vec::new();
    // Of each nesting whether it is an array; in an object, whether a key is next.
    let mut nests: Vec<bool> = Vec::new();
    let mut wants_key = false;
    let mut place = 0;
    while place <= at {
        match line.get(place)? {
            b'"' => {
                let mut end = place + 1;
                while let Some(byte) = line.get(end).filter(|byte| **byte != b'"') {
                    end += if *byte == b'\\' { 2 } else { 1 };
                }
                if wants_key {
                    let key = serde_json::from_slice::<String>(line.get(place..=end)?).ok()?;
                    if let Some(last) = path.last_mut() {
                        *last = Step::Key(key);
                    }
                    wants_key = false;
                }
                if at <= end {
                    return Some(path);
                }
                place = end;
            }
            b'{' => {
                nests.push(false);
                path.push(Step::Key(String::new()));
                wants_key = true;
            }
            b'[' => {
                nests.push(true);
                path.push(Step::Place(0));
                wants_key = false;
            }
            b'}' | b']' => {
                nests.pop();
                path.pop();
                wants_key = false;
            }
            b',' => {
                wants_key = nests.last() == Some(&false);
                if let Some(Step::Place(place)) = path.last_mut() {
                    *place += 1;
                }
            }
            _ => {}
        }
        if nests.len() > 256 {
            return None;
        }
        place += 1;
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(columns: &Columns, line: &str, what: &str) -> Option<String> {
        Line { bytes: line.as_bytes(), columns }.field(line.find(what).unwrap())
    }

    fn joined(columns: &Columns, line: &str, host: &str) -> Option<(String, String)> {
        let start = line.find(host).unwrap();
        let joined = Line { bytes: line.as_bytes(), columns }.joined(start, start + host.len())?;
        Some((String::from_utf8(joined.rest).unwrap(), joined.field))
    }

    #[test]
    fn fields_have_the_names_that_their_format_gives() {
        let eve = r#"{"dns":{"answers":[{"rdata":"1.2.3.4"},{"rdata":"5.6.7.8"}]},"x\"y":"z","id.orig_h":"9.9.9.9"}"#;
        let none = Columns::Unnamed;
        assert_eq!(field(&none, eve, "5.6").as_deref(), Some("dns.answers[1].rdata"));
        assert_eq!(field(&none, eve, "9.9").as_deref(), Some("id.orig_h"));
        let zeek =
            Columns::of(b"#separator \\x09\n#fields\tts\tid.orig_h\thost\turi\n1\t2\t3\t4\n");
        assert_eq!(
            field(&zeek, "1.0\t1.2.3.4\tevil.example\t/x", "1.2.3.4").as_deref(),
            Some("id.orig_h")
        );
        let csv = Columns::of(b"time,src,\"dst host\"\n1,2,3\n");
        assert_eq!(field(&csv, "1,\"a,b\",evil.example", "evil").as_deref(), Some("dst host"));
        let csv = Columns::of(b",TimeGenerated [UTC],src\n0,1,2\n");
        assert_eq!(field(&csv, "0,1,evil.example", "evil").as_deref(), Some("src"));
        assert_eq!(field(&none, "{ip=1.2.3.4, host=evil.example}", "evil"), None);
        let cef = "Mar  1 h CEF:0|V|P|1|x|n|3|src=1.2.3.4 msg=seen evil.example dst=5.6.7.8";
        assert_eq!(field(&none, cef, "evil").as_deref(), Some("msg"));
        assert_eq!(field(&none, cef, "1.2").as_deref(), Some("src"));
        assert_eq!(
            field(&none, "a src=1.2.3.4 to=\"evil.example\" b", "evil").as_deref(),
            Some("to")
        );
        assert_eq!(field(&none, "a=b seen evil.example", "evil"), None);
        let query =
            "CEF:0|V|P|1|x|n|3|request=http://a/?b=c&d=evil.example msg=a=b 7.7.7.7 dst=1.1.1.1";
        assert_eq!(field(&none, query, "evil").as_deref(), Some("request"));
        assert_eq!(field(&none, query, "7.7").as_deref(), Some("msg"));
        assert_eq!(field(&none, query, "1.1").as_deref(), Some("dst"));
        assert_eq!(field(&none, "x url=/?a=evil.example", "evil").as_deref(), Some("url"));
        let syslog = r#"Mar  1 h app[7]: {"a":{"b":"evil.example"}}"#;
        assert_eq!(field(&none, syslog, "evil").as_deref(), Some("a.b"));
        let timed = r#"app payload={"a":{"b":"evil.example"}} took 3 ms"#;
        assert_eq!(field(&none, timed, "evil").as_deref(), Some("a.b"));
        let line = Line { bytes: timed.as_bytes(), columns: &none };
        assert_eq!(line.all_fields(), [("a.b".to_owned(), "evil.example".to_owned())]);
        assert_eq!(field(&none, "CEF:0|evil.example|P|1|x|n|3|a=b", "evil"), None);
        // A cell with line ends in it: its lines are no rows.
        let csv = Columns::of(b"time,msg,src\n1,2,3\n");
        for part in ["1,\"seen evil.example", "evil.example", "seen, evil.example\",2"] {
            assert_eq!(field(&csv, part, "evil"), None);
        }
    }

    #[test]
    fn a_host_and_a_path_are_a_url() {
        let none = Columns::Unnamed;
        let some = |rest: &str, field: &str| Some((rest.to_owned(), field.to_owned()));
        let eve = r#"{"http":{"hostname":"evil.example","http_port":8080,"url":"\/a?b=c"}}"#;
        assert_eq!(
            joined(&none, eve, "evil.example"),
            some(":8080/a?b=c", "http.hostname+http.url")
        );
        let ecs = r#"{"url":{"domain":"evil.example","path":"/a","query":"b=c"}}"#;
        assert_eq!(joined(&none, ecs, "evil.example"), some("/a?b=c", "url.domain+url.path"));
        let zeek = Columns::of(b"#fields\tts\thost\turi\n1\t2\t3\n");
        assert_eq!(
            joined(&zeek, "1\tevil.example:81\t/x", "evil.example"),
            some(":81/x", "host+uri")
        );
        let other = Columns::of(b"#separator \\x7c\n#fields|ts|host|uri\n1|2|3\n");
        assert_eq!(joined(&other, "1|evil.example|/x", "evil.example"), some("/x", "host+uri"));
        let mut w3c = Columns::of(
            b"#Software: Microsoft Internet Information Services 10.0\r\n#Fields: time cs-host cs-uri-stem cs-uri-query s-port\r\n",
        );
        assert_eq!(
            joined(&w3c, "08:00:00 evil.example /x - 80\r", "evil.example"),
            some("/x", "cs-host+cs-uri-stem")
        );
        w3c.follow(
            b"1 2 3 4 5\r\n#Date: 2026-03-09\r\n#Fields: cs-host s-port cs-uri-stem\r\n1 2 3\r\n",
        );
        assert_eq!(
            joined(&w3c, "evil.example 8080 /x", "evil.example"),
            some(":8080/x", "cs-host+cs-uri-stem")
        );
        let tabs = Columns::of(
            b"#Version: 1.0\n#Fields: date c-ip cs(Host)  cs-uri-stem\n2026-03-09\t1.2.3.4\tb.example\t/x\n",
        );
        assert_eq!(
            joined(&tabs, "2026-03-09\t1.2.3.4\tevil.example\t/x", "evil.example"),
            some("/x", "cs(Host)+cs-uri-stem")
        );
        let quoted = Columns::of(
            b"#Fields: cs(User-Agent) cs-host cs-uri-port cs-uri-path\n\"Mozilla/5.0 (X; y)\" b.example 80 /\n",
        );
        assert_eq!(
            joined(&quoted, "\"Mozilla/5.0 (X; y)\" evil.example 8080 /x", "evil.example"),
            some(":8080/x", "cs-host+cs-uri-path")
        );
        assert_eq!(field(&quoted, "too few: evil.example", "evil"), None);
        let commas =
            Columns::of(b"#Fields: date-time,client-ip,sender\n2026,1.2.3.4,a@b.example\n");
        assert_eq!(field(&commas, "2026,1.2.3.5,a@b.example", "1.2").as_deref(), Some("client-ip"));
        // Where what is read at once ends says nothing of how cells are parted.
        let mut cut = tabs.clone();
        cut.follow(b"x\n#Fields: c-ip cs(Host) cs-uri-stem\n");
        cut.start(b"#fields|other");
        assert_eq!(
            joined(&cut, "1.2.3.4\tevil.example\t/x", "evil.example"),
            some("/x", "cs(Host)+cs-uri-stem")
        );
        let zeek = Columns::of(b"#fields\tid.resp_p\thost\turi\n1\t2\t3\n");
        for (port, rest) in [("80", "/x"), ("8080", ":8080/x")] {
            let line = format!("{port}\tevil.example\t/x");
            assert_eq!(joined(&zeek, &line, "evil.example"), some(rest, "host+uri"));
        }
        let csv = Columns::of(b"host,uri\n1,2\n");
        assert_eq!(
            joined(&csv, "\"evil.example\",\"/x,y\"", "evil.example"),
            some("/x,y", "host+uri")
        );
        let cef = "CEF:0|V|P|1|x|n|3|dhost=evil.example request=/x y=1";
        assert_eq!(joined(&none, cef, "evil.example"), some("/x", "dhost+request"));
        let cef = "CEF:0|V|P|1|x|n|3|dhost=evil.example dpt=8080 request=/x";
        assert_eq!(joined(&none, cef, "evil.example"), some(":8080/x", "dhost+request"));
        let rooted = r#"{"hostname":"evil.example.","url":"/x"}"#;
        assert_eq!(joined(&none, rooted, "evil.example"), some("/x", "hostname+url"));
        let cef = r"CEF:0|V|P|1|x|n|3|dhost=evil.example request=/x,y?a\=b c=1";
        assert_eq!(joined(&none, cef, "evil.example"), some("/x,y?a=b", "dhost+request"));
        let leef = "LEEF:2.0|V|P|1|x|^|dhost=evil.example^url=/x y,z^a=b";
        assert_eq!(joined(&none, leef, "evil.example"), some("/x y,z", "dhost+url"));
        let syslog = r#"Mar  1 h app[7]: {"host":"evil.example","uri":"/x"}"#;
        assert_eq!(joined(&none, syslog, "evil.example"), some("/x", "host+uri"));
        assert_eq!(joined(&none, r#"{"referer":"evil.example","url":"/x"}"#, "evil.example"), None);
        assert_eq!(
            joined(&none, r#"{"hostname":"evil.example","url":"http://a/"}"#, "evil.example"),
            None
        );
    }
}

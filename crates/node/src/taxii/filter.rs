//! What a request asks for: media types, filters, pages.

use comity_store::intel::feed::{Filter, Versions};

use crate::intel::micros;

/// Objects of one page, at most and where nothing is said.
pub(super) const PAGE: u64 = 1_000;

/// Values of one filter.
const MOST: usize = 200;

/// What a query asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Which objects.
    pub filter: Filter,
    /// How many at most.
    pub limit: u64,
    /// Whether `match[version]` is among it.
    pub says_version: bool,
}

/// Reads the filters of a request (TAXII 2.1 sections 3.4 and 3.5). Those that are not the standard's are left alone.
///
/// # Errors
/// What is wrong with one.
pub fn read(query: &str) -> Result<Asked, String> {
    let mut asked = Asked {
        filter: Filter {
            ids: Vec::new(),
            kinds: Vec::new(),
            specs: Vec::new(),
            versions: Versions { last: true, ..Versions::default() },
            after: None,
            cursor: None,
        },
        limit: PAGE,
        says_version: false,
    };
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name)?, decoded(value)?);
        let known = [
            "added_after",
            "limit",
            "next",
            "match[id]",
            "match[type]",
            "match[version]",
            "match[spec_version]",
        ];
        let Some(known) = known.into_iter().find(|known| *known == name) else { continue };
        if seen.contains(&known) {
            return Err(format!("{known} comes twice; several values stand in one, with commas"));
        }
        seen.push(known);
        let filter = &mut asked.filter;
        match known {
            "added_after" => {
                let time = micros(&value).ok_or_else(|| not(known, &value, "a timestamp"))?;
                filter.after = Some(time);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| *limit > 0);
                let limit: u64 = limit.ok_or_else(|| not(known, &value, "a number above 0"))?;
                asked.limit = limit.min(PAGE);
            }
            // What was sent with a page before: where it ended.
            "next" if value.is_empty() => {}
            "next" => {
                let cursor = unwrap_cursor(&value);
                filter.cursor = Some(cursor.ok_or_else(|| not(known, &value, "what was given"))?);
            }
            "match[id]" => filter.ids = list(known, &value)?,
            "match[type]" => filter.kinds = list(known, &value)?,
            "match[spec_version]" => filter.specs = list(known, &value)?,
            _ => {
                filter.versions = versions(known, &list(known, &value)?)?;
                asked.says_version = true;
            }
        }
    }
    Ok(asked)
}

/// Where a page ended, for the request that goes on after it.
#[must_use]
pub(super) fn cursor(added: i64) -> String {
    format!("p{added:016x}")
}

fn unwrap_cursor(text: &str) -> Option<i64> {
    let hex = |digits: &&str| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let digits = text.strip_prefix('p').filter(hex)?;
    i64::from_str_radix(digits, 16).ok()
}

fn versions(name: &str, values: &[String]) -> Result<Versions, String> {
    let mut versions = Versions::default();
    for value in values {
        match value.as_str() {
            "all" if values.len() > 1 => {
                return Err(format!("{name}: all stands alone"));
            }
            "all" => versions.all = true,
            "first" => versions.first = true,
            "last" => versions.last = true,
            time => {
                let time = micros(time);
                let wanted = "all, first, last or a timestamp";
                versions.at.push(time.ok_or_else(|| not(name, value, wanted))?);
            }
        }
    }
    Ok(versions)
}

fn list(name: &str, value: &str) -> Result<Vec<String>, String> {
    let values: Vec<String> = value.split(',').map(str::to_owned).collect();
    if values.len() > MOST {
        return Err(format!("{name} has {} values, and may have {MOST}", values.len()));
    }
    for (at, one) in values.iter().enumerate() {
        if one.is_empty() {
            return Err(format!("{name} has an empty value"));
        }
        if values[..at].contains(one) {
            return Err(format!("{name} has {:?} twice", shown(one)));
        }
    }
    Ok(values)
}

fn not(name: &str, value: &str, wanted: &str) -> String {
    format!("{name}: {:?} is not {wanted}", shown(value))
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A part of a query without its percent signs.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'%' => {
                let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let byte = byte.ok_or("a % in the query without two hexadecimal digits")?;
                rest = &rest[2..];
                byte
            }
            b'+' => b' ',
            byte => *byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| "the query is not in UTF-8".to_owned())
}

/// Whether an `Accept` header takes what this server has.
#[must_use]
pub fn accepts(header: &str) -> bool {
    header.split(',').any(|range| {
        let (kind, params) = media(range);
        let refused = params.iter().any(|(name, value)| {
            name == "q" && value.parse::<f64>().is_ok_and(|weight| weight == 0.0)
        });
        let is_wide = ["*/*", "application/*", "application/json"].contains(&kind.as_str());
        !refused && (is_wide || kind == "application/taxii+json" && is_this_version(&params))
    })
}

/// Whether a `Content-Type` header says what this server reads.
#[must_use]
pub fn reads(header: &str) -> bool {
    let (kind, params) = media(header);
    kind == "application/taxii+json" && is_this_version(&params)
}

fn is_this_version(params: &[(String, String)]) -> bool {
    params.iter().all(|(name, value)| name != "version" || value == "2.1")
}

fn media(text: &str) -> (String, Vec<(String, String)>) {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let param = |part: &str| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned()))
    };
    (kind, parts.filter_map(param).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_clients_send_them() {
        let asked = read(
            "match%5Btype%5D=indicator%2Cmalware&added_after=2026-01-01T00%3A00%3A00.5Z&limit=5&match[version]=first,2020-01-01T00:00:00Z&x=1",
        );
        let asked = asked.as_ref();
        assert_eq!(asked.map(|asked| asked.limit), Ok(5));
        let filter = asked.map(|asked| asked.filter.clone());
        assert_eq!(filter.as_ref().map(|one| one.kinds.len()), Ok(2));
        assert_eq!(filter.as_ref().map(|one| one.after), Ok(Some(1_767_225_600_500_000)));
        let versions = filter.map(|one| one.versions);
        assert_eq!(
            versions,
            Ok(Versions { first: true, at: vec![1_577_836_800_000_000], ..Versions::default() })
        );
        let next = read(&format!("next={}", cursor(77)));
        assert_eq!(next.map(|asked| asked.filter.cursor), Ok(Some(77)));
        assert_eq!(read("limit=9999999").map(|asked| asked.limit), Ok(PAGE));
    }

    #[test]
    fn malformed_filters_are_refused() {
        for query in [
            "limit=0",
            "limit=-1",
            "limit=a",
            "limit=",
            "added_after=yesterday",
            "next=zzz",
            "next=p7",
            "match[version]=all,last",
            "match[version]=newest",
            "match[id]=a,a",
            "match[id]=",
            "match[type]=a&match[type]=b",
            "limit=%zz",
            "match[id]=%ff",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
        assert!(read(&format!("match[id]={}", vec!["a"; 201].join(","))).is_err());
    }

    #[test]
    fn media_types_are_negotiated() {
        for header in [
            "application/taxii+json;version=2.1",
            "application/taxii+json",
            "Application/TAXII+json; version=\"2.1\"; charset=utf-8",
            "application/taxii+json;version=2.0, application/taxii+json;version=2.1",
            "application/taxii+json;version=2.1,application/stix+json;version=2.1",
            "application/json, text/plain, */*",
        ] {
            assert!(accepts(header), "{header}");
        }
        for header in ["", "text/html", "application/taxii+json;version=2.0", "*/*;q=0"] {
            assert!(!accepts(header), "{header}");
        }
        assert!(reads("application/taxii+json; version=2.1; charset=utf-8"));
        assert!(!reads("application/json") && !reads("application/taxii+json;version=2.0"));
    }
}

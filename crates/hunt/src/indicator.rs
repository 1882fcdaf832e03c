//! Indicators: what is looked for, in the one form in which it is compared.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

pub use crate::address::scheme_of;
use crate::address::{self, Rest};
use crate::normal;

/// What an indicator is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// An IPv4 address.
    Ipv4 = 1,
    /// An IPv6 address that is no mapped IPv4 address.
    Ipv6,
    /// A network of either version.
    Cidr,
    /// A domain, with everything under it.
    Domain,
    /// A URL, without its scheme.
    Url,
    /// An e-mail address.
    Email,
    /// The name of a file, without folders.
    FileName,
    /// MD5, 128 bits.
    Md5,
    /// SHA-1, 160 bits.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// A JA3 fingerprint of a TLS client, 128 bits.
    Ja3,
    /// A JA4 fingerprint of a TLS client.
    Ja4,
}

/// All kinds, in the order of their numbers.
pub const KINDS: [Kind; 13] = [
    Kind::Ipv4,
    Kind::Ipv6,
    Kind::Cidr,
    Kind::Domain,
    Kind::Url,
    Kind::Email,
    Kind::FileName,
    Kind::Md5,
    Kind::Sha1,
    Kind::Sha256,
    Kind::Sha512,
    Kind::Ja3,
    Kind::Ja4,
];

impl Kind {
    /// Its name in output and in lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Cidr => "cidr",
            Self::Domain => "domain",
            Self::Url => "url",
            Self::Email => "email",
            Self::FileName => "filename",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Ja3 => "ja3",
            Self::Ja4 => "ja4",
        }
    }

    /// That of a number in an index.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        KINDS.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// That of a name, as lists and MISP have it too.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Named> {
        let one = |kind| Some(Named::Kind(kind));
        match name.trim().to_ascii_lowercase().replace(' ', "_").as_str() {
            "ip" | "ip-src" | "ip-dst" | "src_ip" | "dst_ip" | "dest_ip" | "ipaddr"
            | "ip_address" | "ipv4_address" | "ipv6_address" | "ipv4" | "ipv6" | "ipv4-addr"
            | "ipv6-addr" | "cidr" | "ip-range" | "network" => Some(Named::Address),
            "domain" | "hostname" | "host" | "fqdn" | "domain-name" | "domain_name" => {
                one(Self::Domain)
            }
            "url" | "uri" | "link" => one(Self::Url),
            "email" | "e-mail" | "email_address" | "email-addr" | "email-src" | "email-dst"
            | "email-reply-to" | "mail" => one(Self::Email),
            "filename" | "file-name" | "file_name" | "file" | "email-attachment" => {
                one(Self::FileName)
            }
            "hash" | "digest" | "md5" | "sha1" | "sha-1" | "sha256" | "sha-256" | "sha512"
            | "sha-512" | "filehash-md5" | "filehash-sha1" | "filehash-sha256" | "md5_hash"
            | "sha1_hash" | "sha256_hash" | "sha512_hash" | "file_hash" | "sha_1" | "sha_256"
            | "sha_512" => Some(Named::Digest),
            "ja3" | "ja3-fingerprint-md5" | "ja3s" => one(Self::Ja3),
            "ja4" => one(Self::Ja4),
            _ => None,
        }
    }
}

/// What a list calls what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// One kind.
    Kind(Kind),
    /// Addresses and networks.
    Address,
    /// Digests: their length says which.
    Digest,
}

/// Why a text is no indicator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing says what it is.
    #[error(
        "'{0}' is no address, domain, URL, e-mail address, digest or fingerprint: say which, as 'type,value'"
    )]
    Unknown(String),
    /// It is not what it is said to be.
    #[error("'{value}' is no {kind}: {problem}")]
    Not {
        /// What it should be.
        kind: &'static str,
        /// What stands there.
        value: String,
        /// What is wrong.
        problem: &'static str,
    },
}

/// One thing that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// What of.
    pub kind: Kind,
    /// In the form in which it is compared.
    pub value: String,
    /// Its identifier where it came from; none: its value.
    pub id: Option<String>,
    /// Of a URL: as the list writes it, but not made harmless; it is looked for without a scheme, and an index does not keep
    /// this.
    pub written: Option<String>,
    /// How sure whoever gave it was, 0 to 100.
    pub confidence: Option<u8>,
    /// From when on it is no longer valid, in seconds since 1970.
    pub expires: Option<i64>,
    /// The pattern that it is only a part of: where it is seen, that is asked of the line.
    pub part_of: Option<Part>,
    /// Its label of the Traffic Light Protocol, as the list writes it; an index does not keep it.
    pub marking: Option<String>,
    /// What the list says of it; an index does not keep it.
    pub comment: Option<String>,
}

/// A STIX pattern that something leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// The indicator's identifier.
    pub id: String,
    /// Its pattern.
    pub pattern: String,
    /// The version of its syntax.
    pub version: String,
}

/// Spaces and signs in the name of a file: at each it may begin or end where it stands.
const MOST_SIGNS: usize = 23;

/// A file's name ends in one of these, and no domain does.
const EXTENSIONS: [&str; 44] = [
    "exe", "dll", "sys", "scr", "bat", "cmd", "ps1", "vbs", "vbe", "js", "jse", "wsf", "hta",
    "lnk", "doc", "docx", "docm", "dotm", "xls", "xlsx", "xlsm", "xlsb", "ppt", "pptx", "pptm",
    "rtf", "pdf", "7z", "rar", "gz", "tar", "iso", "img", "vhd", "msi", "jar", "class", "apk",
    "elf", "bin", "dat", "tmp", "php", "txt",
];

/// Whether a text ends as the name of a file does.
fn is_file(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(_, last)| {
        EXTENSIONS.iter().any(|extension| last.eq_ignore_ascii_case(extension))
    })
}

/// Whether a text has more than one thing in it that could be meant: a digest and a name, a host and a file.
fn is_row(text: &str) -> bool {
    let words = text.split([' ', '\t', ',', ';', '|', ':']).filter(|word| !word.is_empty());
    let words = words.map(|word| word.trim_start_matches('*'));
    let is_own = |word: &str| {
        digest(word).is_ok() || address(word).is_ok() || !is_file(word) && domain(word).is_ok()
    };
    let (all, files) = words.fold((0, 0), |(all, files), word| {
        (all + usize::from(is_own(word)), files + usize::from(is_file(word)))
    });
    all > 0 && all + files > 1 || files > 1
}

impl Indicator {
    /// An indicator of this kind, without more said of it.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn new(named: Named, text: &str) -> Result<Self, Unfit> {
        let text = normal::refanged(text.trim());
        let (kind, value) = match named {
            Named::Address => address(&text)?,
            Named::Digest => digest(&text)?,
            Named::Kind(kind) => (kind, value(kind, &text)?),
        };
        let written = (kind == Kind::Url).then(|| text.to_string());
        let (id, confidence, expires, part_of) = (None, None, None, None);
        let (marking, comment) = (None, None);
        Ok(Self { kind, value, id, written, confidence, expires, part_of, marking, comment })
    }

    /// An indicator of which nobody says what it is.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn guess(text: &str) -> Result<Self, Unfit> {
        let text = text.trim();
        let text = [('"', '"'), ('\'', '\''), ('<', '>')]
            .iter()
            .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close))
            .unwrap_or(text);
        let text = text.strip_prefix("mailto:").unwrap_or(text);
        // `sha256:44d8...`, `domain: evil.example`, as some lists have it.
        if let Some((name, rest)) = text.split_once(':')
            && !rest.starts_with("//")
            && let Some(named) = Kind::of_name(name)
            && let Ok(found) = Self::new(named, rest)
        {
            return Ok(found);
        }
        let plain = if is_file(text) { normal::refanged(text) } else { normal::plain(text) };
        // An address or a host is looked for whichever its port.
        let plain = match plain.rsplit_once(':') {
            Some((host, port)) if is_port(port) && is_host(host) => {
                host.trim_start_matches('[').trim_end_matches(']').to_owned().into()
            }
            _ => plain,
        };
        let unknown = || Unfit::Unknown(shortened(text.trim()));
        let named = if digest(&plain).is_ok() {
            Named::Digest
        } else if is_ja4(plain.as_bytes()) {
            Named::Kind(Kind::Ja4)
        } else if address(&plain).is_ok() {
            Named::Address
        } else if plain.contains("://") {
            // A row of a table, of which all would be one URL that stands nowhere.
            let others =
                plain.split([' ', '\t', ',', ';', '|']).filter(|part| part.contains("://"));
            if plain.contains(char::is_whitespace) || others.count() > 1 {
                return Err(unknown());
            }
            Named::Kind(Kind::Url)
        } else if plain.split_once('/').is_some_and(|(address, bits)| {
            let is_length =
                matches!(bits.len(), 1..=3) && bits.bytes().all(|byte| byte.is_ascii_digit());
            address::ip(address).is_some()
                && (is_length || address::ipv4(bits.as_bytes()).is_some())
        }) {
            Named::Address
        } else if plain.contains('/') {
            let host = plain.split(['/', ':']).next().unwrap_or_default();
            let is_host = domain(host).is_ok() || host.parse::<IpAddr>().is_ok();
            if !is_host {
                return Err(unknown());
            }
            Named::Kind(Kind::Url)
        } else if plain.contains('@') {
            Named::Kind(Kind::Email)
        } else {
            let name = plain.rsplit(['/', '\\']).next().unwrap_or_default();
            let is_file = is_file(&plain) && !is_row(&plain) && !name.contains(':');
            Named::Kind(if is_file { Kind::FileName } else { Kind::Domain })
        };
        Self::new(named, &plain).map_err(|problem| match named {
            Named::Kind(Kind::Domain) => unknown(),
            _ => problem,
        })
    }

    /// How it is called: its identifier, or its value.
    #[must_use]
    pub fn name(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.value)
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// A host before a port: an IPv6 address stands in brackets there, for it has colons itself.
fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|six| six.strip_suffix(']')) {
        Some(six) => six.parse::<Ipv6Addr>().is_ok(),
        None => !text.contains(':') && (address::ip(text).is_some() || domain(text).is_ok()),
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(120).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn unfit(kind: &'static str, value: &str, problem: &'static str) -> Unfit {
    Unfit::Not { kind, value: shortened(value), problem }
}

fn value(kind: Kind, text: &str) -> Result<String, Unfit> {
    let not = |problem| unfit(kind.name(), text, problem);
    match kind {
        Kind::Ipv4 | Kind::Ipv6 | Kind::Cidr => address(text).map(|(_, value)| value),
        Kind::Md5 | Kind::Sha1 | Kind::Sha256 | Kind::Sha512 => {
            digest(text).map(|(_, value)| value)
        }
        Kind::Domain => domain(text).map_err(not),
        Kind::Url => url(text).map_err(not),
        Kind::Email => {
            let (local, host) = text.rsplit_once('@').ok_or(not("it has no @"))?;
            let is_local = |byte: u8| byte.is_ascii_graphic() && !address::ends_a_local_part(byte);
            if local.is_empty() || local.len() > 64 || !local.bytes().all(is_local) {
                return Err(not("what stands before the @ is no name"));
            }
            let host = domain(host).map_err(not)?;
            Ok(format!("{}@{host}", local.to_ascii_lowercase()))
        }
        Kind::FileName => {
            let name = text.rsplit(['/', '\\']).next().unwrap_or_default().trim();
            match name.to_lowercase() {
                name if name.is_empty() => Err(not("it has no name after the last folder")),
                name if name.len() > 255 => Err(not("names have 255 bytes at most")),
                name if name.chars().any(char::is_control) => Err(not("it has control characters")),
                name if !name.chars().any(char::is_alphanumeric) => {
                    Err(not("it has neither a letter nor a digit"))
                }
                name if name.chars().filter(|c| !c.is_alphanumeric()).count() > MOST_SIGNS => {
                    Err(not("it has more than 23 spaces and signs between its words"))
                }
                name => Ok(name),
            }
        }
        Kind::Ja3 => match digest(text) {
            Ok((Kind::Md5, value)) => Ok(value),
            _ => Err(not("a JA3 fingerprint has 32 digits of base sixteen")),
        },
        Kind::Ja4 if is_ja4(text.as_bytes()) => Ok(text.to_ascii_lowercase()),
        Kind::Ja4 => Err(not(
            "want ten characters, 12 and 12 digits, as t13d1516h2_8daaf6152771_b186095e22b6",
        )),
    }
}

fn address(text: &str) -> Result<(Kind, String), Unfit> {
    let not = |problem| unfit("address or network", text, problem);
    let Some((address, length)) = text.split_once('/') else {
        let address = address::ip(text).ok_or(not("want an IPv4 or IPv6 address"))?;
        let kind = if address.is_ipv4() { Kind::Ipv4 } else { Kind::Ipv6 };
        return Ok((kind, address.to_string()));
    };
    let long = match address::ipv4(length.as_bytes()).map(u32::from) {
        // `255.255.255.0`
        Some(mask) if mask.leading_ones() + mask.trailing_zeros() == 32 => {
            u8::try_from(mask.leading_ones()).ok()
        }
        _ => length.parse::<u8>().ok().filter(|_| !length.starts_with('+')),
    };
    let (address, mut length) = address::ip_as_written(address)
        .zip(long)
        .ok_or(not("want an address, a slash and a number of bits"))?;
    let mut address = address;
    // A network of mapped addresses is one of IPv4.
    if let IpAddr::V6(six) = address
        && let Some(four) = six.to_ipv4_mapped()
        && let Some(short) = length.checked_sub(96)
    {
        (address, length) = (IpAddr::V4(four), short);
    }
    let most = if address.is_ipv4() { 32 } else { 128 };
    if length > most {
        return Err(not("it has more bits than the address"));
    }
    if length == 0 {
        return Err(not("it holds every address"));
    }
    if length == most {
        let kind = if address.is_ipv4() { Kind::Ipv4 } else { Kind::Ipv6 };
        return Ok((kind, address.to_string()));
    }
    Ok((Kind::Cidr, format!("{}/{length}", address::masked(address, length))))
}

fn digest(text: &str) -> Result<(Kind, String), Unfit> {
    let kind = match text.len() {
        32 => Kind::Md5,
        40 => Kind::Sha1,
        64 => Kind::Sha256,
        128 => Kind::Sha512,
        _ => return Err(unfit("digest", text, "want 32, 40, 64 or 128 digits of base sixteen")),
    };
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(unfit("digest", text, "not all are digits of base sixteen"));
    }
    Ok((kind, text.to_ascii_lowercase()))
}

fn domain(text: &str) -> Result<String, &'static str> {
    let text = text.strip_prefix("*.").unwrap_or(text);
    let text = text.strip_prefix('.').unwrap_or(text);
    let ascii =
        address::host(text.trim_end_matches('.')).ok_or("want labels of letters, digits and -")?;
    match ascii.rsplit('.').next() {
        _ if !ascii.contains('.') => Err("a name of one label is in too many texts"),
        Some(last) if last.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err("the last label of a domain is no number")
        }
        _ => Ok(ascii),
    }
}

fn url(text: &str) -> Result<String, &'static str> {
    let without = address::without_scheme(text);
    let authority = without.split(['/', '?', '#']).next().unwrap_or_default();
    let rest = &without[authority.len()..];
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.strip_prefix('[').and_then(|six| six.split_once(']')) {
        Some((six, port)) => (six, port),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let host = match address::ip(host) {
        Some(address) => address.to_string(),
        None => domain(host)?,
    };
    let rest = Rest::of(format!("{port}{rest}").as_bytes()).ok_or("its port is no number")?;
    if rest.text.len() > address::LONGEST_REST {
        return Err("what follows the host may have 8,191 bytes");
    }
    let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host };
    Ok(format!("{host}{}", rest.text))
}

/// Whether this is a fingerprint by its form.
pub(crate) fn is_ja4(text: &[u8]) -> bool {
    text.len() == 36
        && matches!(text[0], b't' | b'q' | b'd' | b'T' | b'Q' | b'D')
        && text[1..10].iter().all(u8::is_ascii_alphanumeric)
        && text[4..8].iter().all(u8::is_ascii_digit)
        && text[10] == b'_'
        && text[23] == b'_'
        && text[11..23].iter().chain(&text[24..]).all(u8::is_ascii_hexdigit)
}

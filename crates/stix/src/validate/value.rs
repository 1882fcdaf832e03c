//! A value, by what it must be: section 2, and the formats that section 6 asks for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Named, Report};
use crate::finding::{Path, shown};
use crate::id::is_property_name;
use crate::json::{Json, Number, Object};
use crate::schema::{self, Keys, Kind, PREDEFINED_EXTENSIONS};
use crate::time::{Time, precision};
use crate::vocabulary::{self, lists};

impl<'o> Report<'o> {
    pub(super) fn value(
        &mut self,
        value: &'o Json<'o>,
        kind: &'static Kind,
        section: &'static str,
        path: &Path<'_>,
    ) {
        match (kind, value) {
            (Kind::Anything, _) => {}
            (Kind::List(of), Json::Array(elements)) => {
                if elements.is_empty() {
                    self.must(path, ("list", "2.12"), format_args!("a list may not be empty"));
                }
                self.elements(elements, of, section, path);
            }
            (Kind::Bool, Json::Bool(_)) => {}
            (Kind::Integer { least, most }, Json::Number(Number::Integer(number))) => {
                if !(least..=most).contains(&number) {
                    self.out_of_bounds(section, path, format_args!("{least} to {most}"));
                }
            }
            (Kind::Number { least, most }, Json::Number(number)) => {
                if !(*least..=*most).contains(&number.as_f64()) {
                    self.out_of_bounds(section, path, format_args!("{least} to {most}"));
                }
            }
            (Kind::Within(form), Json::Object(object)) => self.nested(object, form, path),
            (Kind::ExternalReference, Json::Object(object)) => {
                self.external_reference(object, path);
            }
            (Kind::Extensions, Json::Object(object)) => self.extensions(object, path),
            (Kind::Dictionary(keys), Json::Object(object)) => self.dictionary(object, keys, path),
            (Kind::Hashes, Json::Object(object)) => self.hashes(object, path),
            (Kind::Objects, Json::Object(object)) => self.observables(object, path),
            (Kind::Translations, Json::Object(object)) => self.translations(object, path),
            (_, Json::String(text)) if kind.is_text() => self.text(text, kind, section, path),
            (_, other) => self.must(
                path,
                ("type", "2"),
                format_args!("this is {}, and should be {}", other.kind(), kind.expected()),
            ),
        }
    }

    fn elements(
        &mut self,
        elements: &'o [Json<'o>],
        of: &'static Kind,
        section: &'static str,
        path: &Path<'_>,
    ) {
        for (at, element) in elements.iter().enumerate() {
            self.value(element, of, section, &Path::Element(path, at));
        }
    }

    fn out_of_bounds(
        &mut self,
        section: &'static str,
        path: &Path<'_>,
        bounds: std::fmt::Arguments<'_>,
    ) {
        self.must(path, ("range", section), format_args!("this must be {bounds}"));
    }

    fn text(&mut self, text: &'o str, kind: &Kind, section: &'static str, path: &Path<'_>) {
        let must: (Named, bool, &str) = match kind {
            Kind::Timestamp => (("timestamp", "2.16"), Time::parse(text).is_some(), TIMESTAMP),
            Kind::Milliseconds => (
                ("timestamp", "3.2"),
                Time::parse(text).is_some() && precision(text) >= 3,
                "a timestamp with milliseconds at least: 2017-01-20T00:00:00.000Z",
            ),
            Kind::WholeSeconds => (
                ("timestamp", section),
                Time::parse(text).is_some() && precision(text) == 0,
                "a timestamp without a fraction: 2017-01-20T00:00:00Z",
            ),
            Kind::Reference(refers) => return self.reference(text, refers, section, path),
            Kind::Open(vocabulary) => return self.open(text, vocabulary, path),
            Kind::Closed(values) => {
                if !values.contains(&text) {
                    let values = values.join(", ");
                    self.must(
                        path,
                        ("enum", section),
                        format_args!("'{}' is none of these: {values}", shown(text)),
                    );
                }
                return;
            }
            Kind::Hex => return self.hex(text, path),
            Kind::Binary => return self.binary(text, path),
            Kind::MailAddress => (
                ("mail-address", section),
                !text.contains(['<', '>']),
                "an address alone, such as jane.smith@example.com",
            ),
            Kind::Uri => (("uri", section), is_uri(text), "a URI: scheme, colon and the rest"),
            Kind::Ipv4 => (
                ("ipv4", section),
                is_network(text, 32, |host| host.parse::<std::net::Ipv4Addr>().is_ok()),
                "an IPv4 address, or a network in CIDR notation",
            ),
            Kind::Ipv6 => (
                ("ipv6", section),
                is_network(text, 128, |host| {
                    let host = host.split_once('%').map_or(host, |(host, _)| host);
                    host.parse::<std::net::Ipv6Addr>().is_ok()
                }),
                "an IPv6 address, or a network in CIDR notation",
            ),
            Kind::Mac => (
                ("mac", section),
                is_mac(text),
                "six pairs of lowercase hexadecimal digits with colons between",
            ),
            Kind::MediaType { must: true } => {
                (("media-type", section), is_media_type(text), MEDIA_TYPE)
            }
            Kind::CharacterSet => (
                ("character-set", section),
                is_character_set(text),
                "a character set as IANA names it",
            ),
            Kind::Language => {
                (("language", section), is_language(text), "a language tag: en, zh-Hans, pt-BR")
            }
            Kind::Cpe => (("cpe", section), is_cpe(text), "a CPE 2.3 name of eleven components"),
            Kind::RelationshipName => (
                ("relationship-type", section),
                !text.is_empty()
                    && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')),
                "a to z, digits and hyphens",
            ),
            Kind::RegistryKey => (
                ("registry-key", section),
                !["HKLM", "HKCC", "HKCR", "HKCU", "HKU"].iter().any(|hive| {
                    text.get(..hive.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(hive))
                }),
                "with the name of the hive in full: HKEY_LOCAL_MACHINE",
            ),
            Kind::Selector => {
                (("selector", "7.2.3.1"), is_selector(text), "a selector: name.[0].name")
            }
            _ => return self.recommended(text, kind, section, path),
        };
        if let (rule, false, wanted) = must {
            self.must(path, rule, format_args!("'{}' should be {wanted}", shown(text)));
        }
    }

    /// What a text should be and need not.
    fn recommended(&mut self, text: &str, kind: &Kind, section: &'static str, path: &Path<'_>) {
        let should: (&'static str, bool, &str) = match kind {
            Kind::MediaType { .. } => ("mime-type", is_media_type(text), MEDIA_TYPE),
            Kind::Dashed => (
                "naming",
                text.bytes().any(|b| b.is_ascii_lowercase())
                    && !text.contains(|c: char| c.is_uppercase() || c == '_' || c == ' '),
                "lowercase, with hyphens between words",
            ),
            Kind::ServiceName => (
                "protocols",
                (1..=15).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
                "a service name as IANA registers them: at most 15 letters, digits and hyphens",
            ),
            Kind::Country => (
                "countries",
                lists(vocabulary::COUNTRIES, &text.to_uppercase()),
                "two letters of ISO 3166-1",
            ),
            Kind::PriorityClass => (
                "priority",
                text.ends_with("_CLASS") && text.len() > 6,
                "a word that ends in _CLASS",
            ),
            _ => return,
        };
        if let (rule, false, wanted) = should {
            self.should(
                path,
                (rule, section),
                format_args!("'{}' should be {wanted}", shown(text)),
            );
        }
    }

    pub(super) fn hex(&mut self, text: &str, path: &Path<'_>) {
        let pairs = !text.is_empty() && text.len().is_multiple_of(2);
        if !pairs || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.must(
                path,
                ("hex", "2.8"),
                format_args!("'{}' should be pairs of hexadecimal digits", shown(text)),
            );
        } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            // The text says that it must, and has an example with capitals; the schemas take both.
            self.should(
                path,
                ("hex-case", "2.8"),
                format_args!("'{}' should have lowercase digits", shown(text)),
            );
        }
    }

    pub(super) fn binary(&mut self, text: &str, path: &Path<'_>) {
        if text.is_empty() || STANDARD.decode(text).is_err() {
            self.must(path, ("binary", "2.1"), format_args!("'{}' is no base64", shown(text)));
        }
    }

    /// Section 2.5.
    fn external_reference(&mut self, object: &'o Object<'o>, at: &Path<'_>) {
        let text = |name| object.text(name);
        for (name, value) in object.iter() {
            let path = Path::Member(at, name);
            match (name, value) {
                ("source_name" | "description" | "external_id", Json::String(_)) => {}
                ("url", _) => self.value(value, &Kind::Uri, "2.5", &path),
                ("hashes", _) => self.value(value, &Kind::Hashes, "2.5", &path),
                ("source_name" | "description" | "external_id", other) => self.must(
                    &path,
                    ("type", "2.5"),
                    format_args!("this is {}, and should be a string", other.kind()),
                ),
                _ => self.anything(name, value, &path),
            }
        }
        let Some(source) = text("source_name") else {
            return self.must(at, ("required", "2.5"), format_args!("there is no 'source_name'"));
        };
        let id = text("external_id");
        let wants = match source {
            "cve" => Some((id.is_some_and(is_cve), "4.19.1", "CVE-2024-0001")),
            "capec" => Some((id.is_some_and(is_capec), "4.1.1", "CAPEC-123")),
            _ => None,
        };
        match wants {
            Some((false, section, example)) => self.must(
                at,
                ("external-id", section),
                format_args!("'external_id' must be there, of the form {example}, where the source is '{source}'"),
            ),
            Some(_) => {}
            None if id.is_some_and(|id| is_cve(id) || is_capec(id)) => self.must(
                at,
                ("external-id", if id.is_some_and(is_cve) { "4.19.1" } else { "4.1.1" }),
                format_args!("'external_id' is a CVE or CAPEC, so 'source_name' must be 'cve' or 'capec'"),
            ),
            None if !["external_id", "description", "url"].iter().any(|name| object.has(name)) => {
                self.must(
                    at,
                    ("at-least-one", "2.5"),
                    format_args!("at least one of these must be there: description, url, external_id"),
                );
            }
            None => {}
        }
        if object.has("url") && !object.has("hashes") {
            self.should(
                at,
                ("extref-hashes", "2.5"),
                format_args!("'hashes' should be there where a 'url' is"),
            );
        }
    }

    /// Section 7.3: predefined extensions by name, others by the identifier of their definition.
    fn extensions(&mut self, object: &'o Object<'o>, at: &Path<'_>) {
        if object.is_empty() {
            self.must(at, ("dictionary", "2.3"), format_args!("a dictionary may not be empty"));
        }
        for (name, value) in object.iter() {
            let path = Path::Member(at, name);
            let Json::Object(extension) = value else {
                self.must(
                    &path,
                    ("type", "7.3"),
                    format_args!("this is {}, and should be an object", value.kind()),
                );
                continue;
            };
            if let Some((_, form)) =
                PREDEFINED_EXTENSIONS.iter().find(|(_, form)| form.name == name)
            {
                self.nested(extension, form, &path);
                continue;
            }
            let defined =
                crate::id::Id::parse(name).is_some_and(|id| id.kind == "extension-definition");
            if !defined {
                if crate::id::is_type_name(name) && name.ends_with("-ext") {
                    self.should(
                        &path,
                        ("extensions-use", "11.3"),
                        format_args!("an extension should be defined by an extension-definition, and named by its identifier"),
                    );
                } else {
                    self.must(
                        &path,
                        ("extension", "7.3"),
                        format_args!(
                            "an extension is named by the identifier of its extension-definition"
                        ),
                    );
                }
            }
            let kind = extension.member("extension_type");
            match kind {
                Some(kind) => {
                    let kinds = &Kind::Closed(schema::EXTENSION_TYPES);
                    self.value(kind, kinds, "7.3", &Path::Member(&path, "extension_type"));
                }
                None if defined => {
                    self.must(
                        &path,
                        ("required", "7.3"),
                        format_args!("there is no 'extension_type'"),
                    );
                }
                None => {}
            }
            for (name, value) in extension.iter() {
                let path = Path::Member(&path, name);
                if !is_property_name(name) {
                    self.must(
                        &path,
                        ("property-name", "7.3.2.1"),
                        format_args!("a name of a property is 3 to 250 characters a-z, 0-9 and _"),
                    );
                }
                self.anything(name, value, &path);
            }
        }
    }

    /// Section 2.3.
    fn dictionary(&mut self, object: &Object<'_>, keys: &Keys, at: &Path<'_>) {
        if object.is_empty() {
            self.must(at, ("dictionary", "2.3"), format_args!("a dictionary may not be empty"));
        }
        let is_text = |value: &Json<'_>| matches!(value, Json::String(_));
        let is_integer = |value: &Json<'_>| matches!(value, Json::Number(Number::Integer(_)));
        let all_texts = |value: &Json<'_>, least: usize| {
            value.as_array().is_some_and(|all| all.len() >= least && all.iter().all(is_text))
        };
        for (key, value) in object.iter() {
            let path = Path::Member(at, key);
            self.key(key, &path);
            let (good, wanted) = match keys {
                Keys::Any => (true, ""),
                Keys::HttpHeaders => (all_texts(value, 1), "a list of strings"),
                Keys::MailHeaders => {
                    (is_text(value) || all_texts(value, 1), "a string or a list of strings")
                }
                Keys::SocketOptions => (is_integer(value), "an integer"),
                Keys::PdfInfo | Keys::Texts => (is_text(value), "a string"),
                Keys::Exif | Keys::Ipfix => {
                    (is_text(value) || is_integer(value), "a string or an integer")
                }
            };
            if !good {
                self.must(
                    &path,
                    ("type", "2.3"),
                    format_args!("this is {}, and should be {wanted}", value.kind()),
                );
            }
            if matches!(keys, Keys::MailHeaders) && lists(OWN_HEADERS, &key.to_ascii_lowercase()) {
                self.must(
                    &path,
                    ("email-headers", "6.6.1"),
                    format_args!("this header has a property of its own"),
                );
            }
            let (rule, known) = match keys {
                Keys::HttpHeaders => {
                    let any_case = |one: &str| one.eq_ignore_ascii_case(key);
                    let mut names = vocabulary::HTTP_REQUEST_HEADERS.split_ascii_whitespace();
                    ("http-request-headers", names.any(any_case))
                }
                Keys::PdfInfo => ("pdf-doc-info", lists(vocabulary::PDF_DOCUMENT_INFO, key)),
                Keys::SocketOptions => {
                    let begins =
                        ["SO_", "ICMP_", "ICMP6_", "IP_", "IPV6_", "MCAST_", "TCP_", "IRLMP_"];
                    ("socket-options", begins.iter().any(|begin| key.starts_with(begin)))
                }
                Keys::Ipfix => ("ipfix", key.starts_with(|c: char| c.is_ascii_lowercase())),
                Keys::Any | Keys::Exif | Keys::MailHeaders | Keys::Texts => ("", true),
            };
            if !known {
                self.should(
                    &path,
                    (rule, "6"),
                    format_args!("'{}' is no name that is registered", shown(key)),
                );
            }
        }
    }

    fn key(&mut self, key: &str, path: &Path<'_>) {
        let of_key = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=250).contains(&key.len()) || !key.bytes().all(of_key) {
            self.must(
                path,
                ("dictionary", "2.3"),
                format_args!("a key is at most 250 letters, digits, hyphens and underscores"),
            );
        }
    }

    /// Section 2.7.
    fn hashes(&mut self, object: &Object<'_>, at: &Path<'_>) {
        if object.is_empty() {
            self.must(at, ("hashes", "2.7"), format_args!("there is no hash"));
        }
        for (algorithm, value) in object.iter() {
            let path = Path::Member(at, algorithm);
            let Json::String(hash) = value else {
                self.must(
                    &path,
                    ("type", "2.7"),
                    format_args!("this is {}, and should be a string", value.kind()),
                );
                continue;
            };
            let bits = match algorithm {
                "MD5" => Some(128),
                "SHA-1" => Some(160),
                "SHA-256" | "SHA3-256" => Some(256),
                "SHA-512" | "SHA3-512" => Some(512),
                _ => None,
            };
            if let Some(bits) = bits {
                if hash.len() != bits / 4 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    let digits = bits / 4;
                    self.must(
                        &path,
                        ("hash", "2.7"),
                        format_args!("'{}' should be {digits} hexadecimal digits", shown(hash)),
                    );
                }
            } else if algorithm == "SSDEEP" || algorithm == "TLSH" {
                let of_hash =
                    |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+' | b':' | b'.');
                if !(1..=150).contains(&hash.len()) || !hash.bytes().all(of_hash) {
                    self.must(
                        &path,
                        ("hash", "2.7"),
                        format_args!("'{}' is no {algorithm}", shown(hash)),
                    );
                }
            } else {
                let of_key =
                    |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
                if !(3..=250).contains(&algorithm.len()) || !algorithm.bytes().all(of_key) {
                    self.must(
                        &path,
                        ("hash-algorithm", "2.7"),
                        format_args!("a name of an algorithm is 3 to 250 letters, digits, hyphens and underscores"),
                    );
                } else if !algorithm.starts_with("x_") {
                    self.should(
                        &path,
                        ("hash-algo", "10.7"),
                        format_args!("this is not in hash-algorithm-ov"),
                    );
                }
            }
        }
    }

    /// Section 2.13: the observables of an observed-data, by key, as in STIX 2.0.
    fn observables(&mut self, objects: &'o Object<'o>, at: &Path<'_>) {
        if objects.is_empty() {
            self.must(at, ("dictionary", "2.13"), format_args!("there is no object"));
        }
        let before = self.objects.replace(objects);
        for (key, value) in objects.iter() {
            let path = Path::Member(at, key);
            if !key.bytes().all(|byte| byte.is_ascii_digit()) {
                self.should(
                    &path,
                    ("observable-object-keys", "2.9"),
                    format_args!("a key should be a number"),
                );
            }
            match value {
                Json::Object(object) => self.object(object, &path),
                other => self.must(
                    &path,
                    ("type", "2.13"),
                    format_args!("this is {}, and should be an object", other.kind()),
                ),
            }
        }
        self.objects = before;
    }

    /// Section 7.1.
    fn translations(&mut self, contents: &Object<'_>, at: &Path<'_>) {
        if contents.is_empty() {
            self.must(at, ("dictionary", "7.1"), format_args!("there is no language"));
        }
        for (language, texts) in contents.iter() {
            let path = Path::Member(at, language);
            if !is_language(language) {
                self.must(
                    &path,
                    ("language", "7.1.1"),
                    format_args!("'{}' is no language tag", shown(language)),
                );
            }
            let Json::Object(texts) = texts else {
                self.must(
                    &path,
                    ("type", "7.1"),
                    format_args!("this is {}, and should be an object", texts.kind()),
                );
                continue;
            };
            for (name, _) in texts.iter().filter(|(name, _)| !is_property_name(name)) {
                self.must(
                    &Path::Member(&path, name),
                    ("property-name", "3.1"),
                    format_args!("this is no name of a property"),
                );
            }
        }
    }
}

const TIMESTAMP: &str = "a timestamp: 2017-01-20T00:00:00.000Z, of a day and hour that there are";
/// Headers of a mail that are properties of their own.
const OWN_HEADERS: &str = "date received content-type from to cc bcc subject";
const MEDIA_TYPE: &str = "a media type: type/subtype";

impl Kind {
    fn is_text(&self) -> bool {
        !matches!(
            self,
            Self::Bool
                | Self::Integer { .. }
                | Self::Number { .. }
                | Self::Hashes
                | Self::Dictionary(_)
                | Self::ExternalReference
                | Self::Extensions
                | Self::Objects
                | Self::Translations
                | Self::Within(_)
                | Self::List(_)
                | Self::Anything
        )
    }

    /// What messages say that it should be.
    fn expected(&self) -> &'static str {
        match self {
            Self::Bool => "a boolean",
            Self::Integer { .. } => "an integer",
            Self::Number { .. } => "a number",
            Self::List(_) => "a list",
            kind if kind.is_text() => "a string",
            _ => "an object",
        }
    }
}

fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(of_scheme)
        && !rest.is_empty()
        && !rest
            .contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"'))
}

fn is_network(text: &str, bits: u8, is_host: impl Fn(&str) -> bool) -> bool {
    match text.split_once('/') {
        None => is_host(text),
        Some((host, prefix)) => {
            let padded = prefix.len() > 1 && prefix.starts_with('0');
            let digits = !padded && prefix.bytes().all(|byte| byte.is_ascii_digit());
            is_host(host) && digits && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= bits)
        }
    }
}

fn is_mac(text: &str) -> bool {
    text.len() == 17
        && text.bytes().enumerate().all(|(at, byte)| match at % 3 {
            2 => byte == b':',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn is_media_type(text: &str) -> bool {
    const TOP: &str = "application audio font haptics image message model multipart text video";
    let of_subtype = |byte: u8| byte.is_ascii_alphanumeric() || b".+_-".contains(&byte);
    text.split_once('/').is_some_and(|(top, sub)| {
        let sub = sub.split(';').next().unwrap_or_default();
        lists(TOP, top) && !sub.is_empty() && sub.bytes().all(of_subtype)
    })
}

fn is_character_set(text: &str) -> bool {
    let of_set = |byte: u8| byte.is_ascii_alphanumeric() || b"/.+_:()-".contains(&byte);
    (2..=250).contains(&text.len()) && text.bytes().all(of_set)
}

/// RFC 5646: well-formed, of a language that ISO 639 has.
fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let known = parts
        .next()
        .is_some_and(|language| lists(vocabulary::LANGUAGES, &language.to_ascii_lowercase()));
    known
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

fn is_cpe(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("cpe:2.3:") else { return false };
    let (mut parts, mut empty, mut escaped) = (1, false, false);
    let mut length = 0;
    for c in rest.chars() {
        if c == ':' && !escaped {
            parts += 1;
            empty |= length == 0;
            length = 0;
        } else {
            length += 1;
            if c.is_whitespace() || c.is_control() {
                return false;
            }
        }
        escaped = c == '\\' && !escaped;
    }
    parts == 11 && !empty && length > 0 && rest.starts_with(['a', 'h', 'o', '*', '-'])
}

fn is_cve(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
        year.len() == 4 && digits(year) && number.len() >= 4 && digits(number)
    })
}

fn is_capec(text: &str) -> bool {
    let number = text.strip_prefix("CAPEC-");
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_selector(text: &str) -> bool {
    let of_name = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-'
    };
    let is_index = |step: &str| {
        let inner = step.strip_prefix('[').and_then(|step| step.strip_suffix(']'));
        inner.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    // Keys of dictionaries, and names of hash algorithms, have capitals.
    let is_key = |step: &str| {
        (1..=250).contains(&step.len())
            && step.bytes().all(|byte| of_name(byte) || byte.is_ascii_uppercase())
    };
    let mut steps = text.split('.');
    let first = steps.next().unwrap_or_default();
    (first == "id" || first.len() >= 3 && first.bytes().all(of_name))
        && steps.all(|step| is_index(step) || is_key(step))
}

//! Identifiers: `type--UUID` (STIX 2.1 section 2.9), and names of types and properties (3.1).

/// An identifier, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id<'a> {
    /// The type that it names.
    pub kind: &'a str,
    /// The version of its UUID, 1 to 8.
    pub version: u8,
}

impl<'a> Id<'a> {
    /// The identifier that a text is.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let at = text.len().checked_sub(36)?;
        let (kind, uuid) = text.split_at_checked(at)?;
        let kind = kind.strip_suffix("--")?;
        let bytes: &[u8; 36] = uuid.as_bytes().try_into().ok()?;
        let version = bytes[14].wrapping_sub(b'0');
        let rfc =
            (1..=8).contains(&version) && matches!(bytes[19] | 0x20, b'8' | b'9' | b'a' | b'b');
        (is_shaped(bytes) && rfc && !kind.is_empty() && kind.bytes().all(is_of_type))
            .then_some(Self { kind, version })
    }
}

/// Whether these are hexadecimal digits and hyphens as in a UUID.
fn is_shaped(bytes: &[u8; 36]) -> bool {
    // Without a branch for each digit: reports refer to hundreds.
    let wrong = |wrong, (byte, shape): (&u8, &u8)| wrong | (CLASS[usize::from(*byte)] ^ shape);
    bytes.iter().zip(SHAPE).fold(0, wrong) == 0
}

/// Bytes of the name of a type, at most.
const LONGEST_KIND: usize = 250;

/// The identifiers that stand in a text, itself or among other words. Where words stand before one with hyphens
/// (`see-malware--...`), what ends in a type of the standard is one too; where there are capitals, the same without.
#[must_use]
pub fn within(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('-') {
        if text.as_bytes().get(at + 1) != Some(&b'-') {
            continue;
        }
        // Most of what has two hyphens in it has no UUID behind them.
        let behind = text.as_bytes().get(at + 2..).and_then(|behind| behind.first_chunk());
        if !behind.is_some_and(is_shaped) {
            continue;
        }
        let before = text.as_bytes()[..at].iter().rev().take(LONGEST_KIND);
        let of_type = |byte: &&u8| is_of_type(byte.to_ascii_lowercase());
        let begin = at - before.take_while(of_type).count();
        let Some(id) = text.get(begin..at + 38).map(|id| id.trim_start_matches('-')) else {
            continue;
        };
        let small = id.to_ascii_lowercase();
        let Some(Id { kind, .. }) = Id::parse(&small) else { continue };
        let is_known = |kind: &str| crate::schema::known(kind).is_some();
        let inner = kind.match_indices('-').map(|(at, _)| at + 1);
        let inner = inner.filter(|at| !is_known(kind) && is_known(&kind[*at..]));
        for from in std::iter::once(0).chain(inner) {
            let (id, small) = (&id[from..], &small[from..]);
            found.push(id.to_owned());
            if small != id {
                found.push(small.to_owned());
            }
        }
    }
    found
}

const HEX: u8 = 1;
const HYPHEN: u8 = 2;
/// What each byte is.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        if (byte as u8).is_ascii_hexdigit() {
            class[byte] = HEX;
        }
        byte += 1;
    }
    class[b'-' as usize] = HYPHEN;
    class
};
/// What each byte of a UUID must be.
const SHAPE: &[u8; 36] = &{
    let mut shape = [HEX; 36];
    (shape[8], shape[13], shape[18], shape[23]) = (HYPHEN, HYPHEN, HYPHEN, HYPHEN);
    shape
};

/// Whether a type may have this name: `a` to `z`, digits, single hyphens, 3 to 250 characters.
#[must_use]
pub fn is_type_name(name: &str) -> bool {
    (3..=250).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_of_type)
        && !name.contains("--")
}

/// Whether a property may have this name: `a` to `z`, digits, underscores, 3 to 250 characters, or `id`.
#[must_use]
pub fn is_property_name(name: &str) -> bool {
    let of_property = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name == "id"
        || (3..=250).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(of_property)
}

fn is_of_type(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_a_type_and_a_uuid() {
        let id = Id::parse("ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd");
        assert_eq!(id, Some(Id { kind: "ipv4-addr", version: 5 }));
        for wrong in [
            "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742d",
            "ipv4-addr-ff26c055-6336-5bc5-b98d-13d6226742dd",
            "--ff26c055-6336-5bc5-b98d-13d6226742dd",
            "ipv4-addr--ff26c055-6336-0bc5-b98d-13d6226742dd",
            "ipv4-addr--ff26c055-6336-5bc5-c98d-13d6226742dd",
            "ipv4-addr--ff26c05563365bc5b98d13d6226742dd",
            "IPv4--ff26c055-6336-5bc5-b98d-13d6226742dd",
            "é--ff26c055-6336-5bc5-b98d-13d6226742dé",
            "",
        ] {
            assert_eq!(Id::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn identifiers_are_found_in_prose() {
        let (one, two) = (
            "malware--ff26c055-6336-5bc5-b98d-13d6226742dd",
            "x-a--ff26c055-6336-5bc5-b98d-13d6226742de",
        );
        let found = |text: &str| within(text);
        assert_eq!(found(&format!("see-{one}x")), [format!("see-{one}"), one.to_owned()]);
        let all = one.to_ascii_uppercase();
        assert_eq!(found(&format!("linked with {all}")), [all.clone(), one.to_owned()]);
        let upper = one.to_ascii_uppercase().replace("MALWARE", "malware");
        assert_eq!(found(&upper), [upper.clone(), one.to_owned()]);
        assert_eq!(found(&format!("drops {one}, see ({two}).")), [one, two]);
        assert_eq!(found(&format!("é--{one}--")), [one]);
        assert_eq!(found(one), [one]);
        for none in
            ["", "--", "a -- b", "malware--ff26c055", "é--ff26c055-6336-5bc5-b98d-13d6226742dé"]
        {
            assert!(found(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn names_are_those_that_the_standard_allows() {
        assert!(
            is_type_name("x-acme-thing") && is_property_name("x_acme_9") && is_property_name("id")
        );
        for wrong in ["ab", "a--b", "Abc", "a_b", "9ab", ""] {
            assert!(!is_type_name(wrong), "{wrong}");
        }
        for wrong in ["x-something", "ab", "Abc", "9ab", "_abc"] {
            assert!(!is_property_name(wrong), "{wrong}");
        }
    }
}

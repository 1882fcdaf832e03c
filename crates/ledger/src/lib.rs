#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod content;
pub mod cosignature;
pub mod fork;
pub mod mirror;
pub mod note;
pub mod policy;
pub mod proof;
pub mod seal;
pub mod statement;
pub mod tile;
pub mod tree;
pub mod witness;

mod batch;
mod error;
mod x25519;

pub use checkpoint::Checkpoint;
pub use content::Content;
pub use error::Error;
pub use note::{Algorithm, Note, SigningKey, VerifierKey};
pub use policy::Policy;
pub use statement::{Body, Statement, VerifiedStatement};
pub use tile::Tiles;
pub use tree::Hash;

/// Base64 as all C2SP texts use it: RFC 4648 section 4, padded.
pub(crate) mod b64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    pub(crate) fn encode(bytes: &[u8]) -> String {
        STANDARD.encode(bytes)
    }

    pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
        STANDARD.decode(text).ok()
    }
}

/// Lower-case hexadecimal.
pub mod hex {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    /// `bytes` as lower-case hexadecimal.
    #[must_use]
    pub fn encode(bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(DIGITS[usize::from(nibble)]));
            }
        }
        out
    }

    /// The bytes of `text`; `None` unless it is an even number of lower-case hexadecimal digits.
    #[must_use]
    pub fn decode(text: &str) -> Option<Vec<u8>> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return None;
        }
        pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
    }
}

/// Fills `buffer` from the operating system's generator.
///
/// # Errors
/// [`Error::Randomness`] where the system has none to give; nothing may be signed or sealed then.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut buffer = [0; N];
    aws_lc_rs::rand::fill(&mut buffer).map_err(|_| Error::Randomness)?;
    Ok(buffer)
}

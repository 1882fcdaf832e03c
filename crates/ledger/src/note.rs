//! C2SP signed-note: texts with signatures, and the keys that make and check them.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::{Error, Hash, b64, hex};

/// Bytes of a note that are read. 32 post-quantum signatures fit.
pub const MAX_NOTE: usize = 192 * 1024;

/// Signatures on a note that are read; the specification asks for at least 16.
pub const MAX_SIGNATURES: usize = 32;

const EM_DASH: &str = "\u{2014} ";

/// A note as parsed: nothing in it has been verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The key's name.
    pub name: String,
    /// The key's id.
    pub id: u32,
    /// What follows the id; its form depends on the key's algorithm.
    pub bytes: Vec<u8>,
}

impl Note {
    /// A note without signatures yet.
    ///
    /// # Errors
    /// [`Error::Note`] unless `text` ends in a newline and has no other control characters.
    pub fn new(text: String) -> Result<Self, Error> {
        if !text.ends_with('\n') {
            return Err(Error::Note("the text does not end in a newline"));
        }
        if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(Error::Note("control character"));
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Parses a signed note, at most [`MAX_NOTE`] bytes and [`MAX_SIGNATURES`] signatures of it.
    ///
    /// # Errors
    /// [`Error::NoteTooLarge`] or [`Error::Note`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_NOTE {
            return Err(Error::NoteTooLarge { max: MAX_NOTE, unit: "bytes" });
        }
        let note = std::str::from_utf8(bytes).map_err(|_| Error::Note("not UTF-8"))?;
        let blank = note.rfind("\n\n").ok_or(Error::Note("no blank line before signatures"))?;
        let (text, lines) = note.split_at(blank + 1);
        let mut parsed = Self::new(text.to_owned())?;
        let lines = lines[1..].strip_suffix('\n').ok_or(Error::Note("no newline at the end"))?;
        for line in lines.split('\n') {
            if parsed.signatures.len() == MAX_SIGNATURES {
                return Err(Error::NoteTooLarge { max: MAX_SIGNATURES, unit: "signatures" });
            }
            parsed.signatures.push(Signature::parse(line)?);
        }
        Ok(parsed)
    }

    /// The signed text, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures as they stand, verified or not.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds a signature line, unless the same line is there.
    pub fn add(&mut self, signature: Signature) {
        if !self.signatures.contains(&signature) {
            self.signatures.push(signature);
        }
    }

    /// Adds those signatures of another note of the same text that are by one of these names, where
    /// no signature by that name is here: so a note gathers what is known and no stranger's lines.
    pub fn gather(&mut self, other: &Self, names: &[&str]) {
        self.take(other, |name| names.contains(&name));
    }

    /// Adds the signatures of another note of the same text by whose names none is here.
    pub fn merge(&mut self, other: &Self) {
        self.take(other, |_| true);
    }

    fn take(&mut self, other: &Self, wanted: impl Fn(&str) -> bool) {
        if other.text == self.text {
            for signature in other.signatures() {
                let name = signature.name.as_str();
                if wanted(name) && self.signatures.iter().all(|known| known.name != name) {
                    self.add(signature.clone());
                }
            }
        }
    }

    /// Adds a signature by `key` over the text: plain Ed25519, so not for cosigners.
    pub fn sign(&mut self, key: &SigningKey) {
        let signature = key.sign_bytes(self.text.as_bytes());
        self.add(Signature {
            name: key.name().to_owned(),
            id: key.verifier.id,
            bytes: signature.to_vec(),
        });
    }

    /// Verifies the plain Ed25519 signature by `key`.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] where no line names the key, [`Error::BadSignature`] where one does
    /// and does not verify.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), Error> {
        let mut found = false;
        for signature in self.signatures.iter().filter(|signature| key.made(signature)) {
            if key.algorithm != Algorithm::Ed25519 {
                return Err(Error::VerifierKey("not a plain Ed25519 key"));
            }
            key.verify_bytes(self.text.as_bytes(), &signature.bytes)?;
            found = true;
        }
        if found { Ok(()) } else { Err(Error::UnknownKey(key.name.clone())) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl Signature {
    /// Parses one line, without its newline.
    ///
    /// # Errors
    /// [`Error::Note`].
    pub fn parse(line: &str) -> Result<Self, Error> {
        let rest = line.strip_prefix(EM_DASH).ok_or(Error::Note("signature line"))?;
        let (name, bytes) = rest.split_once(' ').ok_or(Error::Note("signature line"))?;
        if !is_name(name) {
            return Err(Error::Note("key name"));
        }
        let bytes = b64::decode(bytes).ok_or(Error::Note("base64 of a signature"))?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or(Error::Note("key id"))?;
        if bytes.is_empty() {
            return Err(Error::Note("empty signature"));
        }
        Ok(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }

    /// Parses newline-terminated lines, as witnesses and mirrors answer.
    ///
    /// # Errors
    /// [`Error::Note`], or [`Error::NoteTooLarge`] past [`MAX_SIGNATURES`].
    pub fn parse_lines(text: &str) -> Result<Vec<Self>, Error> {
        let mut signatures = Vec::new();
        for line in text.lines() {
            if signatures.len() == MAX_SIGNATURES {
                return Err(Error::NoteTooLarge { max: MAX_SIGNATURES, unit: "signatures" });
            }
            signatures.push(Self::parse(line)?);
        }
        Ok(signatures)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_be_bytes()[..], &self.bytes].concat();
        write!(f, "{EM_DASH}{} {}", self.name, b64::encode(&bytes))
    }
}

/// The signature types that are made and checked here, by their identifier byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// 0x01: Ed25519 over the note's text.
    Ed25519,
    /// 0x04: timestamped Ed25519 cosignatures (C2SP tlog-cosignature).
    CosignatureV1,
}

impl Algorithm {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }
}

/// A public key with its name: a `vkey`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    algorithm: Algorithm,
    public: [u8; 32],
}

impl VerifierKey {
    /// The key of this name, algorithm and public key.
    ///
    /// # Errors
    /// [`Error::VerifierKey`] for a name that a signature line cannot carry.
    pub fn new(name: &str, algorithm: Algorithm, public: [u8; 32]) -> Result<Self, Error> {
        if !is_name(name) {
            return Err(Error::VerifierKey("a name has no spaces, no plus sign, and is not empty"));
        }
        let hash = Hash::of_parts(&[name.as_bytes(), b"\n", &[algorithm.byte()], &public]);
        let [a, b, c, d, ..] = hash.0;
        Ok(Self { name: name.to_owned(), id: u32::from_be_bytes([a, b, c, d]), algorithm, public })
    }

    /// Parses `<name>+<hex id>+<base64 of type and key>`.
    ///
    /// # Errors
    /// [`Error::VerifierKey`]: the form, an id that is not the recommended one, or another algorithm.
    pub fn parse(vkey: &str) -> Result<Self, Error> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::VerifierKey("want name+id+key"));
        };
        let key = b64::decode(key).ok_or(Error::VerifierKey("base64"))?;
        let algorithm = match key.first() {
            Some(0x01) => Algorithm::Ed25519,
            Some(0x04) => Algorithm::CosignatureV1,
            _ => return Err(Error::VerifierKey("algorithm: 0x01 and 0x04 are known")),
        };
        let public = key[1..].try_into().map_err(|_| Error::VerifierKey("want 32 key bytes"))?;
        let parsed = Self::new(name, algorithm, public)?;
        if id != format!("{:08x}", parsed.id) {
            return Err(Error::VerifierKey("the id is not the hash of name and key"));
        }
        Ok(parsed)
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The Ed25519 public key.
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Whether a signature line names this key.
    pub(crate) fn made(&self, signature: &Signature) -> bool {
        signature.id == self.id && signature.name == self.name
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Verifies a bare Ed25519 signature.
    ///
    /// # Errors
    /// [`Error::BadSignature`].
    pub fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> Result<(), Error> {
        UnparsedPublicKey::new(&ED25519, &self.public)
            .verify(message, signature)
            .map_err(|_| Error::BadSignature(self.name.clone()))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.algorithm.byte()][..], &self.public].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(&self.id.to_be_bytes()), b64::encode(&key))
    }
}

/// A private key with its name.
pub struct SigningKey {
    verifier: VerifierKey,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key of this name from its 32-byte seed.
    ///
    /// # Errors
    /// [`Error::VerifierKey`] for a name that a signature line cannot carry.
    pub fn new(name: &str, algorithm: Algorithm, seed: &[u8; 32]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|_| Error::VerifierKey("the seed makes no key"))?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| Error::VerifierKey("the seed makes no key"))?;
        Ok(Self { verifier: VerifierKey::new(name, algorithm, public)?, pair })
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.verifier.name
    }

    /// A bare Ed25519 signature.
    #[must_use]
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.pair.sign(message).as_ref());
        bytes
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

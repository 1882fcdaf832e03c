//! The statement: a COSE_Sign1 (RFC 9052) over a body that every reader of the ledger may learn.
//!
//! There is exactly one encoding of a statement, and only that one is taken: the bytes that were
//! received are parsed, their signature is checked over them as they stand, and bytes that this
//! crate would have written otherwise (other lengths, orders, duplicate or unknown keys) are
//! refused. So two different entries are never two spellings of one statement.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use minicbor::{Decode, Decoder, Encode, Encoder};

use crate::{Error, Hash, batch};

/// Bytes of an entry at most.
pub const MAX_ENTRY: usize = 4096;

/// The `typ` of the protected header (RFC 9596).
pub const TYPE: &str = "application/comity-statement+cose";

/// What a ledger's readers see of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Body {
    /// What act this is, and the version of its rules: `request.send/1`.
    #[n(1)]
    pub kind: String,
    /// The party that states.
    #[n(2)]
    pub from: String,
    /// The party that it states this to.
    #[n(3)]
    pub to: String,
    /// SHA-256 of the text of the terms under which it is stated.
    #[n(4)]
    pub terms: Hash,
    /// The matter that this is about: random; all zero where it is about the ledger itself.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub thread: [u8; 16],
    /// The urgency class that decides the deadlines, where the kind has any.
    #[n(6)]
    pub class: Option<String>,
    /// Whether this is an exercise and nothing else.
    #[n(7)]
    pub exercise: bool,
    /// One byte an item: what became of it. What the values mean is the kind's business.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub outcomes: Vec<u8>,
    /// Index, in the reader's ledger, of the statement that this answers.
    #[n(9)]
    pub answers: Option<u64>,
    /// Number of this statement in the channel from this party to that one, from 0.
    #[n(10)]
    pub sequence: u64,
    /// Leaf hash of the statement before this one in the channel.
    #[n(11)]
    pub previous: Option<Hash>,
    /// The sealed content, where there is any.
    #[n(12)]
    pub sealed: Option<Sealed>,
    /// The latest checkpoint of the other party's ledger that the author had verified: this was not
    /// made before that.
    #[n(13)]
    pub seen: Option<Seen>,
    /// What the kind says openly.
    #[cbor(n(14), with = "minicbor::bytes")]
    pub public: Vec<u8>,
    /// When the author says this was stated, in POSIX seconds. Shown, never computed with.
    #[n(15)]
    pub claimed: u64,
}

/// What a body commits to of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Sealed {
    /// SHA-256 of the ciphertext.
    #[n(1)]
    pub digest: Hash,
    /// Size bucket of the padded content; see [`crate::content`].
    #[n(2)]
    pub bucket: u8,
    /// Root over the salted field digests; see [`crate::content`].
    #[n(3)]
    pub fields: Hash,
}

/// A head of the other party's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Seen {
    /// Which ledger.
    #[n(1)]
    pub origin: String,
    /// How many entries.
    #[n(2)]
    pub size: u64,
    /// The root over them.
    #[n(3)]
    pub root: Hash,
}

/// A key that signs statements.
pub struct StatementKey {
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

/// The name of a statement key in a header: the first 16 bytes of the public key's SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 16]);

/// A statement as parsed: nothing in it has been verified. Two are equal if their entries are, for
/// there is one encoding.
#[derive(Debug, Clone)]
pub struct Statement {
    entry: Vec<u8>,
    key: KeyId,
    origin: String,
    body: Body,
    signature: [u8; 64],
    signed: Vec<u8>,
    /// Whether the signature is known to be good, under the key that the header names.
    checked: bool,
}

/// A statement whose signature verifies under the key that the caller trusts for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedStatement(Statement);

impl Statement {
    /// Parses an entry.
    ///
    /// # Errors
    /// [`Error::EntryTooLong`], or [`Error::Statement`] for anything but the one encoding.
    pub fn parse(entry: &[u8]) -> Result<Self, Error> {
        if entry.len() > MAX_ENTRY {
            return Err(Error::EntryTooLong { max: MAX_ENTRY, found: entry.len() });
        }
        let parts =
            Parts::decode(entry).map_err(|_| Error::Statement("want a tagged COSE_Sign1"))?;
        let (key, origin) =
            decode_header(parts.protected).map_err(|_| Error::Statement("protected header"))?;
        let body: Body = minicbor::decode(parts.payload)
            .map_err(|_| Error::Statement("body of the statement"))?;
        let canonical = encode_header(key, &origin) == parts.protected
            && encode_body(&body) == parts.payload
            && encode_entry(parts.protected, parts.payload, &parts.signature) == entry;
        if !canonical {
            return Err(Error::Statement("not the one deterministic encoding"));
        }
        let signed = to_be_signed(parts.protected, parts.payload);
        let (entry, signature) = (entry.to_vec(), parts.signature);
        Ok(Self { entry, key, origin, body, signature, signed, checked: false })
    }

    /// Verifies the signature, and that the statement is of the ledger `origin`.
    ///
    /// # Errors
    /// [`Error::OtherLedger`], [`Error::UnknownKey`] where it names another key, or
    /// [`Error::BadSignature`].
    pub fn verify(self, public: &[u8; 32], origin: &str) -> Result<VerifiedStatement, Error> {
        if self.origin != origin {
            return Err(Error::OtherLedger { expected: origin.to_owned(), found: self.origin });
        }
        if self.key != KeyId::of(public) {
            return Err(Error::UnknownKey(crate::hex::encode(&self.key.0)));
        }
        if !self.checked {
            UnparsedPublicKey::new(&ED25519, public)
                .verify(&self.signed, &self.signature)
                .map_err(|_| Error::BadSignature(crate::hex::encode(&self.key.0)))?;
        }
        Ok(VerifiedStatement(self))
    }

    /// Checks the signatures of many at once, at a third of the cost: a later
    /// [`verify`](Self::verify) need not check again. Thousands at a time are best; few, those
    /// that name another key, and all of them where one is bad, are left as they are.
    pub fn check_ahead(statements: &mut [&mut Self], public: &[u8; 32]) {
        let key = KeyId::of(public);
        let of_key = |one: &&&mut Self| one.key == key && !one.checked;
        let signed: Vec<_> = statements.iter().filter(of_key).collect();
        let signed: Vec<_> = signed.iter().map(|s| (s.signed.as_slice(), &s.signature)).collect();
        if signed.len() >= batch::WORTHWHILE && batch::verifies(public, &signed) {
            statements.iter_mut().filter(|one| one.key == key).for_each(|one| one.checked = true);
        }
    }

    /// The key that the header names.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// The ledger that the header names.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The bytes that are the ledger's entry.
    #[must_use]
    pub fn entry(&self) -> &[u8] {
        &self.entry
    }

    /// The hash of its entry.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        Hash::leaf(&self.entry)
    }
}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.entry == other.entry
    }
}

impl Eq for Statement {}

impl VerifiedStatement {
    /// The statement; to verify it again costs nothing.
    #[must_use]
    pub fn into_inner(self) -> Statement {
        self.0
    }
}

impl std::ops::Deref for VerifiedStatement {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        &self.0
    }
}

impl StatementKey {
    /// The key of this 32-byte seed.
    ///
    /// # Errors
    /// [`Error::VerifierKey`] where the seed makes no key.
    pub fn new(seed: &[u8; 32]) -> Result<Self, Error> {
        let bad = Error::VerifierKey("the seed makes no key");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| bad.clone())?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| bad)?;
        Ok(Self { pair, public })
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Signs a statement of the ledger `origin`.
    ///
    /// # Errors
    /// [`Error::EntryTooLong`] where the body does not fit an entry.
    pub fn sign(&self, origin: &str, body: Body) -> Result<VerifiedStatement, Error> {
        let key = KeyId::of(&self.public);
        let protected = encode_header(key, origin);
        let payload = encode_body(&body);
        let signed = to_be_signed(&protected, &payload);
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(&signed).as_ref());
        let entry = encode_entry(&protected, &payload, &signature);
        if entry.len() > MAX_ENTRY {
            return Err(Error::EntryTooLong { max: MAX_ENTRY, found: entry.len() });
        }
        let origin = origin.to_owned();
        let checked = true;
        Ok(VerifiedStatement(Statement { entry, key, origin, body, signature, signed, checked }))
    }
}

impl std::fmt::Debug for StatementKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StatementKey({})", crate::hex::encode(&KeyId::of(&self.public).0))
    }
}

impl KeyId {
    /// The id of a public key.
    #[must_use]
    pub fn of(public: &[u8; 32]) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&Hash::of(public).0[..16]);
        Self(id)
    }
}

// Labels of the protected header: RFC 9052 table 2 and RFC 9596; the last is ours.
const ALG: i64 = 1;
const EDDSA: i64 = -8;
const KID: i64 = 4;
const TYP: i64 = 16;
const ORIGIN: &str = "origin";
/// Tag 18 and an array of four: COSE_Sign1_Tagged.
const PREFIX: [u8; 2] = [0xd2, 0x84];
const EMPTY_MAP: u8 = 0xa0;

struct Parts<'a> {
    protected: &'a [u8],
    payload: &'a [u8],
    signature: [u8; 64],
}

impl<'a> Parts<'a> {
    fn decode(entry: &'a [u8]) -> Result<Self, minicbor::decode::Error> {
        let bad = minicbor::decode::Error::message;
        let rest = entry.strip_prefix(&PREFIX).ok_or_else(|| bad("prefix"))?;
        let mut d = Decoder::new(rest);
        let protected = d.bytes()?;
        if d.map()? != Some(0) {
            return Err(bad("unprotected header"));
        }
        let payload = d.bytes()?;
        let signature = d.bytes()?.try_into().map_err(|_| bad("signature"))?;
        if d.position() == rest.len() {
            Ok(Self { protected, payload, signature })
        } else {
            Err(bad("bytes after the end"))
        }
    }
}

fn decode_header(protected: &[u8]) -> Result<(KeyId, String), minicbor::decode::Error> {
    let bad = minicbor::decode::Error::message;
    let mut d = Decoder::new(protected);
    let form = d.map()? == Some(4) && d.i64()? == ALG && d.i64()? == EDDSA && d.i64()? == KID;
    if !form {
        return Err(bad("algorithm or key id"));
    }
    let key = KeyId(d.bytes()?.try_into().map_err(|_| bad("key id"))?);
    if d.i64()? != TYP || d.str()? != TYPE || d.str()? != ORIGIN {
        return Err(bad("type"));
    }
    let origin = d.str()?.to_owned();
    if d.position() == protected.len() {
        Ok((key, origin))
    } else {
        Err(bad("bytes after the end"))
    }
}

// Encoding into a Vec cannot fail: its error type is uninhabited.
fn encode(write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> EncodeResult) -> Vec<u8> {
    let mut bytes = Vec::new();
    match write(&mut Encoder::new(&mut bytes)) {
        Ok(()) | Err(_) => bytes,
    }
}

type EncodeResult = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn encode_header(key: KeyId, origin: &str) -> Vec<u8> {
    encode(|e| {
        e.map(4)?.i64(ALG)?.i64(EDDSA)?.i64(KID)?.bytes(&key.0)?;
        e.i64(TYP)?.str(TYPE)?.str(ORIGIN)?.str(origin)?.ok()
    })
}

fn encode_body(body: &Body) -> Vec<u8> {
    encode(|e| e.encode(body)?.ok())
}

fn encode_entry(protected: &[u8], payload: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    let mut bytes = PREFIX.to_vec();
    bytes.extend(encode(|e| e.bytes(protected)?.ok()));
    bytes.push(EMPTY_MAP);
    bytes.extend(encode(|e| e.bytes(payload)?.bytes(signature)?.ok()));
    bytes
}

/// RFC 9052 section 4.4: the Sig_structure, with empty external data.
fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    encode(|e| e.array(4)?.str("Signature1")?.bytes(protected)?.bytes(&[])?.bytes(payload)?.ok())
}

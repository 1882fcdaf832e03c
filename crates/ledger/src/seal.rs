//! Content encrypted with age (C2SP age, X25519) to the statement's readers.
//!
//! age's file key is the content's own data key; it is wrapped to each reader and kept nowhere
//! else. X25519 is not post-quantum: who records ciphertexts today may read them one day.

use std::io::{Read as _, Write as _};

use bech32::primitives::decode::CheckedHrpstring;

use crate::content::BUCKETS;
use crate::statement::Sealed;
use crate::{Content, Error, Hash, x25519};

/// A reader's secret key.
#[derive(Clone)]
pub struct Identity {
    text: age::x25519::Identity,
    key: x25519::Identity,
    recipient: Recipient,
}

/// A reader's public key.
#[derive(Debug, Clone)]
pub struct Recipient {
    text: age::x25519::Recipient,
    key: x25519::Recipient,
}

/// A sealed content: what travels, and what the statement says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedContent {
    /// The age file.
    pub ciphertext: Vec<u8>,
    /// The commitment to it.
    pub commitment: Sealed,
}

/// Bytes of a ciphertext at most: the largest bucket, and what age adds for 16 readers.
pub const MAX_CIPHERTEXT: usize = BUCKETS[BUCKETS.len() - 1] + 16 * 1024;

impl Identity {
    /// A new key.
    ///
    /// # Errors
    /// [`Error::Undecryptable`] where the system makes none.
    pub fn generate() -> Result<Self, Error> {
        Self::of(age::x25519::Identity::generate())
    }

    /// Parses `AGE-SECRET-KEY-1...`.
    ///
    /// # Errors
    /// [`Error::Undecryptable`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::of(text.parse().map_err(|_| Error::Undecryptable("not an age identity"))?)
    }

    fn of(text: age::x25519::Identity) -> Result<Self, Error> {
        let secret = secret_text(&text);
        let key = decode(&secret).and_then(|secret| x25519::Identity::new(&secret));
        let key = key.ok_or(Error::Undecryptable("not an age identity"))?;
        let recipient = Recipient::of(text.to_public())?;
        Ok(Self { text, key, recipient })
    }

    /// The secret as text, to be kept as secret.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        secret_text(&self.text)
    }

    /// The public key.
    #[must_use]
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }
}

impl Recipient {
    /// Parses `age1...`.
    ///
    /// # Errors
    /// [`Error::Undecryptable`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::of(text.parse().map_err(|_| Error::Undecryptable("not an age recipient"))?)
    }

    fn of(text: age::x25519::Recipient) -> Result<Self, Error> {
        let key = decode(&text.to_string()).and_then(|key| key.try_into().ok());
        let key = key.map(x25519::Recipient).ok_or(Error::Undecryptable("not an age recipient"))?;
        Ok(Self { text, key })
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.fmt(f)
    }
}

/// Seals `content` to its readers.
///
/// # Errors
/// [`Error::ContentTooLong`], or [`Error::Undecryptable`] without readers.
pub fn seal(content: &Content, readers: &[&Recipient]) -> Result<SealedContent, Error> {
    let (padded, bucket) = content.pad()?;
    let readers = readers.iter().map(|reader| &reader.key as &dyn age::Recipient);
    let failed = |_| Error::Undecryptable("sealing failed");
    let encryptor =
        age::Encryptor::with_recipients(readers).map_err(|_| Error::Undecryptable("no readers"))?;
    let mut ciphertext = Vec::with_capacity(padded.len() + 1024);
    let mut writer = encryptor.wrap_output(&mut ciphertext).map_err(failed)?;
    writer.write_all(&padded).map_err(failed)?;
    writer.finish().map_err(failed)?;
    let commitment = Sealed { digest: Hash::of(&ciphertext), bucket, fields: content.root() };
    Ok(SealedContent { ciphertext, commitment })
}

/// Opens a ciphertext and checks it against what the statement says of it.
///
/// # Errors
/// [`Error::Content`] where it is not what was committed to, [`Error::Undecryptable`] where
/// `identity` is not a reader's.
pub fn open(ciphertext: &[u8], commitment: &Sealed, identity: &Identity) -> Result<Content, Error> {
    if ciphertext.len() > MAX_CIPHERTEXT || Hash::of(ciphertext) != commitment.digest {
        return Err(Error::Content("the ciphertext has another digest"));
    }
    let size = *BUCKETS.get(usize::from(commitment.bucket)).ok_or(Error::Content("size bucket"))?;
    let undecryptable = |_| Error::Undecryptable("not sealed to this node's key");
    // Unbuffered it reads the header a few bytes at a time, each time from its beginning.
    let decryptor = age::Decryptor::new_buffered(ciphertext).map_err(undecryptable)?;
    let mut reader = decryptor
        .decrypt(std::iter::once(&identity.key as &dyn age::Identity))
        .map_err(undecryptable)?;
    let mut padded = Vec::with_capacity(size);
    // One byte more than the bucket: a longer plaintext shows, and costs no more than that.
    std::io::Read::by_ref(&mut reader)
        .take(size as u64 + 1)
        .read_to_end(&mut padded)
        .map_err(|_| Error::Undecryptable("damaged"))?;
    if padded.len() != size {
        return Err(Error::Content("not padded to its size bucket"));
    }
    let content = Content::unpad(&padded)?;
    if content.root() != commitment.fields {
        return Err(Error::Content("the fields have another root"));
    }
    Ok(content)
}

/// Encrypts what is written, in as many pieces as it comes, to its readers; call `finish` at the end.
///
/// # Errors
/// [`Error::Undecryptable`] without readers, or where nothing can be written.
pub fn writer<W: std::io::Write>(
    out: W,
    readers: &[&Recipient],
) -> Result<age::stream::StreamWriter<W>, Error> {
    let readers = readers.iter().map(|reader| &reader.key as &dyn age::Recipient);
    let encryptor =
        age::Encryptor::with_recipients(readers).map_err(|_| Error::Undecryptable("no readers"))?;
    encryptor.wrap_output(out).map_err(|_| Error::Undecryptable("sealing failed"))
}

/// Decrypts what was written by [`writer`]: as it is read, each piece verified before it is given.
///
/// # Errors
/// [`Error::Undecryptable`] where `identity` is not a reader's.
pub fn reader<R: std::io::Read>(
    input: R,
    identity: &Identity,
) -> Result<impl std::io::Read, Error> {
    let undecryptable = |_| Error::Undecryptable("not sealed to this key");
    let decryptor = age::Decryptor::new(input).map_err(undecryptable)?;
    decryptor.decrypt(std::iter::once(&identity.key as &dyn age::Identity)).map_err(undecryptable)
}

fn secret_text(identity: &age::x25519::Identity) -> String {
    use age::secrecy::ExposeSecret as _;
    identity.to_string().expose_secret().to_owned()
}

/// The bytes of a key that age wrote as text.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = CheckedHrpstring::new::<bech32::Bech32>(text).ok()?;
    Some(text.byte_iter().collect())
}

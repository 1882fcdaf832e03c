//! What a statement says to its readers only: named fields, each behind a salt of its own.
//!
//! The body commits to the root over the salted field digests, so that one field can be opened to
//! a third party (with its salt and a proof) while the others stay closed, and so that destroying
//! the salts leaves a commitment from which nothing can be guessed.

use minicbor::{Decode, Encode};

use crate::{Error, Hash, tree};

/// Padded sizes, by bucket: 1 KiB, 4 KiB, 16 KiB, 64 KiB, 256 KiB, 1 MiB.
pub const BUCKETS: [usize; 6] = [1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20];

const DOMAIN: &[u8] = b"comity field v1\n";
const MAX_FIELDS: usize = 1024;

/// The fields of a statement, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct Content(#[n(0)] Vec<Field>);

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Field {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Its value, encoded as the kind of statement says.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub value: Vec<u8>,
    /// 256 random bits.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub salt: [u8; 32],
}

/// A field shown to somebody who is not a reader, with the proof that it is in the statement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Opening {
    /// The field.
    #[n(1)]
    pub field: Field,
    /// Its place among the fields.
    #[n(2)]
    pub index: u64,
    /// How many fields there are.
    #[n(3)]
    pub count: u64,
    /// Inclusion proof of its digest.
    #[n(4)]
    pub proof: Vec<Hash>,
}

impl Content {
    /// Adds a field with a fresh salt.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn push(&mut self, name: &str, value: Vec<u8>) -> Result<(), Error> {
        let salt = crate::random()?;
        self.0.push(Field { name: name.to_owned(), value, salt });
        Ok(())
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.0
    }

    /// The value of the field of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|field| field.name == name).map(|field| field.value.as_slice())
    }

    /// The root over the salted field digests.
    #[must_use]
    pub fn root(&self) -> Hash {
        tree::root(&self.digests())
    }

    /// Opens one field.
    ///
    /// # Errors
    /// [`Error::Content`] where there is no field of that name.
    pub fn open(&self, name: &str) -> Result<Opening, Error> {
        let index =
            self.0.iter().position(|f| f.name == name).ok_or(Error::Content("no such field"))?;
        let digests = self.digests();
        let (index, count) = (index as u64, digests.len() as u64);
        let proof = tree::proof_ranges(index, index + 1, count)?
            .into_iter()
            .map(|(start, end)| tree::root(&digests[range(start, end)]))
            .collect();
        #[expect(clippy::cast_possible_truncation, reason = "came from a position")]
        Ok(Opening { field: self.0[index as usize].clone(), index, count, proof })
    }

    /// The padded plaintext and its bucket: length (big-endian 32 bits), CBOR, zeroes.
    ///
    /// # Errors
    /// [`Error::ContentTooLong`].
    pub fn pad(&self) -> Result<(Vec<u8>, u8), Error> {
        let cbor = minicbor::to_vec(self).map_err(|_| Error::Content("not encodable"))?;
        let length = u32::try_from(cbor.len()).unwrap_or(u32::MAX);
        let mut padded = length.to_be_bytes().to_vec();
        padded.extend_from_slice(&cbor);
        let bucket =
            BUCKETS.iter().position(|size| padded.len() <= *size).ok_or(Error::ContentTooLong {
                max: BUCKETS[BUCKETS.len() - 1] - 4,
                found: cbor.len(),
            })?;
        padded.resize(BUCKETS[bucket], 0);
        Ok((padded, u8::try_from(bucket).unwrap_or(u8::MAX)))
    }

    /// The inverse of [`Content::pad`].
    ///
    /// # Errors
    /// [`Error::Content`] for any other bytes.
    pub fn unpad(padded: &[u8]) -> Result<Self, Error> {
        let bad = Error::Content("padding");
        let (length, rest) = padded.split_first_chunk::<4>().ok_or(bad.clone())?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| bad.clone())?;
        let (cbor, zeroes) = rest.split_at_checked(length).ok_or(bad.clone())?;
        if zeroes.iter().any(|byte| *byte != 0) {
            return Err(bad);
        }
        let content: Self = minicbor::decode(cbor).map_err(|_| Error::Content("fields"))?;
        let canonical = minicbor::to_vec(&content).is_ok_and(|bytes| bytes == cbor);
        let mut names: Vec<_> = content.0.iter().map(|field| &field.name).collect();
        names.sort();
        names.dedup();
        if !canonical || names.len() != content.0.len() || content.0.len() > MAX_FIELDS {
            return Err(Error::Content("duplicate fields, too many, or not the one encoding"));
        }
        Ok(content)
    }

    fn digests(&self) -> Vec<Hash> {
        self.0.iter().map(Field::digest).collect()
    }
}

impl Field {
    /// Leaf hash of the salted field: `SHA-256(0x00 || domain || salt || length of name || name ||
    /// value)`, the length in big-endian 32 bits.
    #[must_use]
    pub fn digest(&self) -> Hash {
        let length = u32::try_from(self.name.len()).unwrap_or(u32::MAX).to_be_bytes();
        Hash::of_parts(&[&[0], DOMAIN, &self.salt, &length, self.name.as_bytes(), &self.value])
    }
}

impl Opening {
    /// Verifies that the field is in the content with this root.
    ///
    /// # Errors
    /// [`Error::Proof`] or [`Error::Range`].
    pub fn verify(&self, root: &Hash) -> Result<(), Error> {
        tree::verify_inclusion(self.index, &self.field.digest(), self.count, root, &self.proof)
            .map_err(|_| Error::Proof("field"))
    }
}

fn range(start: u64, end: u64) -> std::ops::Range<usize> {
    #[expect(clippy::cast_possible_truncation, reason = "ranges over fields in memory")]
    {
        start as usize..end as usize
    }
}

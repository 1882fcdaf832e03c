//! C2SP tlog-checkpoint: a ledger's origin, size and root, signed by the ledger.

use crate::note::{Note, SigningKey, VerifierKey};
use crate::tile::decimal;
use crate::{Error, Hash};

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The Merkle root over them.
    pub root: Hash,
    /// Lines after the third, kept because they are signed; nothing here gives them a meaning.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    #[must_use]
    pub fn new(origin: &str, size: u64, root: Hash) -> Self {
        Self { origin: origin.to_owned(), size, root, extensions: Vec::new() }
    }

    /// The note text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64());
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Parses a note's text; says nothing about signatures.
    ///
    /// # Errors
    /// [`Error::Checkpoint`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = text.strip_suffix('\n').ok_or(Error::Checkpoint("no newline at the end"))?;
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(Error::Checkpoint("want origin, size and root"));
        };
        if origin.is_empty() {
            return Err(Error::Checkpoint("empty origin"));
        }
        let size = decimal(size).ok_or(Error::Checkpoint("size"))?;
        let root = Hash::from_base64(root).ok_or(Error::Checkpoint("root"))?;
        let extensions: Vec<_> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(Error::Checkpoint("empty extension line"));
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// Signs with the ledger's key.
    ///
    /// # Errors
    /// [`Error::OtherLedger`] where the key is named for another origin.
    pub fn sign(&self, key: &SigningKey) -> Result<Note, Error> {
        if key.name() != self.origin {
            return Err(Error::OtherLedger {
                expected: key.name().to_owned(),
                found: self.origin.clone(),
            });
        }
        let mut note = Note::new(self.text())?;
        note.sign(key);
        Ok(note)
    }

    /// The checkpoint of a note signed by `ledger`.
    ///
    /// # Errors
    /// [`Error::Checkpoint`], [`Error::OtherLedger`], [`Error::UnknownKey`], [`Error::BadSignature`].
    pub fn open(note: &Note, ledger: &VerifierKey) -> Result<Self, Error> {
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin != ledger.name() {
            return Err(Error::OtherLedger {
                expected: ledger.name().to_owned(),
                found: checkpoint.origin,
            });
        }
        note.verify(ledger)?;
        if checkpoint.size == 0 && checkpoint.root != Hash::EMPTY {
            return Err(Error::Proof("empty tree"));
        }
        Ok(checkpoint)
    }
}

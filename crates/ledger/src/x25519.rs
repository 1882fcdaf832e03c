//! age's X25519 recipient stanza (C2SP age, "The X25519 recipient type") with the arithmetic of
//! aws-lc. A node wraps a key twice for each statement and opens one for each that it takes in; age's
//! own arithmetic costs several times as much, and more than all else that is done for a statement.
//!
//! age reads and writes the file; what is here is one stanza of it, byte for byte what age writes.

use std::collections::HashSet;
use std::sync::Arc;

use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{aead_decrypt, aead_encrypt, hkdf};
use age_core::secrecy::ExposeSecret as _;
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

const TAG: &str = "X25519";
const LABEL: &[u8] = b"age-encryption.org/v1/X25519";

/// A public key to which a file key is wrapped.
#[derive(Debug, Clone)]
pub(crate) struct Recipient(pub(crate) [u8; 32]);

/// A secret key that unwraps it.
#[derive(Clone)]
pub(crate) struct Identity {
    secret: Arc<PrivateKey>,
    public: [u8; 32],
}

impl Identity {
    /// The key of these 32 bytes; `None` where they make none.
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        let secret = PrivateKey::from_private_key(&X25519, secret).ok()?;
        let public = public(&secret)?;
        Some(Self { secret: Arc::new(secret), public })
    }
}

impl age::Recipient for Recipient {
    fn wrap_file_key(&self, key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let failed = || EncryptError::Io(std::io::Error::other("X25519"));
        let ephemeral = PrivateKey::generate(&X25519).map_err(|_| failed())?;
        let share = public(&ephemeral).ok_or_else(failed)?;
        let wrapping = wrapping_key(&ephemeral, &self.0, &share, &self.0).ok_or_else(failed)?;
        let stanza = Stanza {
            tag: TAG.to_owned(),
            args: vec![STANDARD_NO_PAD.encode(share)],
            body: aead_encrypt(&wrapping, key.expose_secret()),
        };
        Ok((vec![stanza], HashSet::new()))
    }
}

impl age::Identity for Identity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != TAG {
            return None;
        }
        let [share] = stanza.args.as_slice() else { return Some(Err(DecryptError::InvalidHeader)) };
        // The one canonical spelling of 32 bytes, and a wrapped key of the one length, or no stanza.
        let share = STANDARD_NO_PAD.decode(share).ok().and_then(|share| share.try_into().ok());
        let share: Option<[u8; 32]> = share.filter(|_| stanza.body.len() == FILE_KEY_BYTES + 16);
        let wrapping = share.and_then(|s| wrapping_key(&self.secret, &s, &s, &self.public));
        let Some(wrapping) = wrapping else { return Some(Err(DecryptError::InvalidHeader)) };
        // One that does not open is another reader's: which is whose cannot be told.
        let key = aead_decrypt(&wrapping, FILE_KEY_BYTES, &stanza.body).ok()?;
        Some(Ok(FileKey::init_with_mut(|file_key| file_key.copy_from_slice(&key))))
    }
}

/// What the file key is wrapped with; `None` where the two make no common secret, as with a point of
/// small order.
fn wrapping_key(
    own: &PrivateKey,
    other: &[u8; 32],
    share: &[u8; 32],
    recipient: &[u8; 32],
) -> Option<[u8; 32]> {
    let salt = [share.as_slice(), recipient].concat();
    let other = UnparsedPublicKey::new(&X25519, other);
    agree(own, other, (), |secret| Ok(hkdf(&salt, LABEL, secret))).ok()
}

fn public(secret: &PrivateKey) -> Option<[u8; 32]> {
    secret.compute_public_key().ok()?.as_ref().try_into().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use age::{Identity as _, Recipient as _};

    use super::*;

    fn wrapped() -> (Identity, Stanza) {
        let identity = Identity::new(&[7; 32]).unwrap();
        let key = FileKey::new(Box::new([9; FILE_KEY_BYTES]));
        let stanza = Recipient(identity.public).wrap_file_key(&key).unwrap().0.remove(0);
        (identity, stanza)
    }

    #[test]
    fn what_is_wrapped_is_unwrapped_by_its_reader_alone() {
        let (identity, stanza) = wrapped();
        let key = identity.unwrap_stanza(&stanza).unwrap().unwrap();
        assert_eq!(key.expose_secret(), &[9; FILE_KEY_BYTES]);
        assert!(Identity::new(&[8; 32]).unwrap().unwrap_stanza(&stanza).is_none());
        let other = Stanza { tag: "grease".to_owned(), ..stanza };
        assert!(identity.unwrap_stanza(&other).is_none(), "another kind of stanza is nobody's");
    }

    #[test]
    fn a_stanza_that_is_not_of_the_one_form_spoils_the_header() {
        let (identity, stanza) = wrapped();
        let share = stanza.args[0].clone();
        let zero = STANDARD_NO_PAD.encode([0; 32]);
        for args in [
            vec![],
            vec![share.clone(), share.clone()],
            vec![format!("{share}=")],
            vec![share[..20].to_owned()],
            // A point of small order: no secret comes of it.
            vec![zero],
        ] {
            let changed = Stanza { args, tag: TAG.to_owned(), body: stanza.body.clone() };
            assert!(identity.unwrap_stanza(&changed).unwrap().is_err(), "{:?}", changed.args);
        }
        let long = Stanza { body: [stanza.body.as_slice(), &[0]].concat(), ..stanza };
        assert!(identity.unwrap_stanza(&long).unwrap().is_err());
    }
}

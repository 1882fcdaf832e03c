//! C2SP tlog-cosignature, the Ed25519 form: a witness saw this tree head, consistent, at this time.

use crate::Error;
use crate::note::{Algorithm, Note, Signature, SigningKey, VerifierKey};

/// Cosigns a checkpoint's text at `time` (POSIX seconds).
///
/// The caller has verified the checkpoint and its consistency, and has made that durable: a
/// cosignature that leaves before its record is kept is how a witness comes to sign a fork.
///
/// # Errors
/// [`Error::VerifierKey`] where the key is not a cosigner's.
pub fn cosign(key: &SigningKey, text: &str, time: u64) -> Result<Signature, Error> {
    let verifier = key.verifier();
    if verifier.algorithm() != Algorithm::CosignatureV1 {
        return Err(Error::VerifierKey("not a cosigner's key"));
    }
    let mut bytes = time.to_be_bytes().to_vec();
    bytes.extend_from_slice(&key.sign_bytes(message(text, time).as_bytes()));
    Ok(Signature { name: verifier.name().to_owned(), id: verifier.id(), bytes })
}

/// The time (POSIX seconds) at which `key` cosigned the note; `None` where it did not.
///
/// # Errors
/// [`Error::BadSignature`] where a line names the key and does not verify: such a note is rejected
/// whole, as C2SP signed-note asks.
pub fn verify(note: &Note, key: &VerifierKey) -> Result<Option<u64>, Error> {
    let mut earliest = None;
    for signature in note.signatures().iter().filter(|signature| key.made(signature)) {
        let bad = || Error::BadSignature(key.name().to_owned());
        if key.algorithm() != Algorithm::CosignatureV1 {
            return Err(bad());
        }
        let (time, bytes) = signature.bytes.split_first_chunk::<8>().ok_or_else(bad)?;
        let time = u64::from_be_bytes(*time);
        if time == 0 || i64::try_from(time).is_err() {
            return Err(bad());
        }
        key.verify_bytes(message(note.text(), time).as_bytes(), bytes)?;
        earliest = Some(earliest.map_or(time, |known: u64| known.min(time)));
    }
    Ok(earliest)
}

fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

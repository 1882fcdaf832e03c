//! Many signatures of one key, verified together at a third of the cost of one by one.
//!
//! What is taken here is exactly what RFC 8032's check without the cofactor takes one by one: an
//! auditor must come to the nodes' verdict. Ordinary batch verification does not give that, for it
//! also takes signatures with a point of small order mixed in. So three things are asked for: that
//! the encodings are the canonical ones, that a random linear combination of all equations holds
//! (which leaves nothing but points of small order as a difference), and that no `R` has a part of
//! small order, which is tested on the sums of random subsets: a part anywhere is seen in every one
//! of them with a chance of at least one half. Whatever does not pass is no verdict; it is for the
//! caller to verify one by one.

use std::iter;

use aws_lc_rs::{digest, rand};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity as _, VartimeMultiscalarMul as _};

/// Fewer than these cost less one by one: what is done once for all of them outweighs the rest.
pub(crate) const WORTHWHILE: usize = 200;
/// Random subsets: a signature that one by one would be refused passes with a chance of 2⁻⁶⁴.
const SUBSETS: usize = 64;
/// Points whose every sum is made beforehand.
const GROUP: usize = 4;

/// Whether every one of these verifies under the key: then it does so one by one too. What does not
/// pass may still consist of good signatures.
pub(crate) fn verifies(public: &[u8; 32], signed: &[(&[u8], &[u8; 64])]) -> bool {
    passes(public, signed).is_some()
}

fn passes(public: &[u8; 32], signed: &[(&[u8], &[u8; 64])]) -> Option<()> {
    let key = canonical(public).filter(|key| key.is_torsion_free() && !key.is_small_order())?;
    let mut weights = vec![[0; 16]; signed.len()];
    rand::fill(weights.as_flattened_mut()).ok()?;
    let (mut points, mut scalars) = (Vec::new(), Vec::new());
    let (mut of_base, mut of_key) = (Scalar::ZERO, Scalar::ZERO);
    for ((message, signature), weight) in signed.iter().zip(weights) {
        let (r, s) = signature.split_first_chunk::<32>()?;
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
        let weight = Scalar::from(u128::from_le_bytes(weight));
        of_base += weight * s;
        of_key += weight * challenge(r, public, message);
        points.push(canonical(r)?);
        scalars.push(weight);
    }
    torsion_free(&points)?;
    let scalars = scalars.iter().copied().chain([of_key, -of_base]);
    let points = points.iter().copied().chain([key, ED25519_BASEPOINT_POINT]);
    let difference = EdwardsPoint::vartime_multiscalar_mul(scalars, points);
    (difference == EdwardsPoint::identity()).then_some(())
}

/// The point that these bytes encode, where they are the one encoding of it.
fn canonical(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    // An ordinate of p or more, or a sign where the abscissa is zero; nobody meets either by chance.
    let mut ordinate = *bytes;
    ordinate[31] &= 0x7f;
    let large = ordinate[0] >= 0xec && ordinate[1..31] == [0xff; 30] && ordinate[31] == 0x7f;
    let one = ordinate[0] == 1 && ordinate[1..] == [0; 31];
    if large || one { None } else { CompressedEdwardsY(*bytes).decompress() }
}

/// RFC 8032, section 5.1.7: the hash of commitment, key and message.
fn challenge(r: &[u8; 32], public: &[u8; 32], message: &[u8]) -> Scalar {
    let mut hash = digest::Context::new(&digest::SHA512);
    for part in [r, public, message] {
        hash.update(part);
    }
    let mut wide = [0; 64];
    wide.copy_from_slice(hash.finish().as_ref());
    Scalar::from_bytes_mod_order_wide(&wide)
}

fn torsion_free(points: &[EdwardsPoint]) -> Option<()> {
    let mut sums = [EdwardsPoint::identity(); SUBSETS];
    let mut choices = [0; SUBSETS];
    for group in points.chunks(GROUP) {
        // At every number the sum of those points whose bit is set in it.
        let mut of = vec![EdwardsPoint::identity()];
        for point in group {
            let with: Vec<_> = of.iter().map(|sum| sum + point).collect();
            of.extend(with);
        }
        rand::fill(&mut choices).ok()?;
        for (sum, choice) in iter::zip(&mut sums, choices) {
            *sum += of[usize::from(choice) % of.len()];
        }
    }
    sums.iter().all(EdwardsPoint::is_torsion_free).then_some(())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
    use curve25519_dalek::constants::EIGHT_TORSION;

    use super::*;

    type Signature = [u8; 64];

    fn one_by_one(public: &[u8; 32], message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
    }

    fn key() -> (Ed25519KeyPair, [u8; 32]) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        (pair, public)
    }

    fn some(count: usize) -> ([u8; 32], Vec<Vec<u8>>, Vec<Signature>) {
        let (pair, public) = key();
        let messages: Vec<_> = (0..count).map(|n| n.to_be_bytes().repeat(n % 40)).collect();
        let sign = |message: &Vec<u8>| pair.sign(message).as_ref().try_into().unwrap();
        let signatures = messages.iter().map(sign).collect();
        (public, messages, signatures)
    }

    fn all(public: &[u8; 32], messages: &[Vec<u8>], signatures: &[Signature]) -> bool {
        let signed: Vec<_> = iter::zip(messages.iter().map(Vec::as_slice), signatures).collect();
        verifies(public, &signed)
    }

    #[test]
    fn what_was_signed_passes_and_one_wrong_bit_anywhere_does_not() {
        for count in [0, 1, 2, 3, 4, 5, 63, 300] {
            let (public, messages, mut signatures) = some(count);
            assert!(all(&public, &messages, &signatures), "{count}");
            for at in [0, count / 2, count.saturating_sub(1)].into_iter().filter(|at| *at < count) {
                for bit in [0, 100, 255, 256, 400, 511] {
                    signatures[at][bit / 8] ^= 1 << (bit % 8);
                    assert!(!all(&public, &messages, &signatures), "bit {bit} of {at} of {count}");
                    signatures[at][bit / 8] ^= 1 << (bit % 8);
                }
            }
            if count > 1 {
                signatures.swap(0, 1);
                assert!(!all(&public, &messages, &signatures));
            }
        }
    }

    /// Signatures that satisfy the equation times eight and not the equation: what ordinary batches
    /// take and nodes refuse. Their author knows the key and adds a point of small order to `R`.
    #[test]
    fn a_point_of_small_order_in_a_commitment_is_refused_as_one_by_one() {
        let seed = digest::digest(&digest::SHA512, &[7; 32]);
        let mut secret: [u8; 32] = seed.as_ref()[..32].try_into().unwrap();
        secret[0] &= 0xf8;
        secret[31] = (secret[31] & 0x7f) | 0x40;
        let secret = Scalar::from_bytes_mod_order(secret);
        let (public, messages, good) = some(9);
        assert_eq!(EdwardsPoint::mul_base(&secret).compress().0, public);
        let forge = |message: &[u8], torsion: EdwardsPoint| {
            let nonce = Scalar::from(77_u64);
            let r = (EdwardsPoint::mul_base(&nonce) + torsion).compress().0;
            let s = nonce + challenge(&r, &public, message) * secret;
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&r);
            signature[32..].copy_from_slice(s.as_bytes());
            signature
        };
        for (order, torsion) in EIGHT_TORSION.into_iter().enumerate() {
            let mut signatures = good.clone();
            signatures[3] = forge(&messages[3], torsion);
            let alone = one_by_one(&public, &messages[3], &signatures[3]);
            assert_eq!(alone, order == 0);
            assert_eq!(all(&public, &messages, &signatures), alone, "{order}");
            // Two that cancel each other out are two bad ones.
            signatures[5] = forge(&messages[5], -torsion);
            assert_eq!(all(&public, &messages, &signatures), alone, "{order} twice");
        }
    }

    /// Encodings of small points, and of numbers that are not below the modulus, as `R` and as key:
    /// none passes here, whatever one by one says of it.
    #[test]
    fn what_is_not_the_one_encoding_is_left_to_one_by_one() {
        let (public, messages, signatures) = some(2);
        let mut odd: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|p| p.compress().0).collect();
        for low in 0xec..=0xff {
            let mut bytes = [0xff; 32];
            bytes[0] = low;
            odd.push(bytes);
            bytes[31] = 0x7f;
            odd.push(bytes);
        }
        let mut signed_one = [0; 32];
        (signed_one[0], signed_one[31]) = (1, 0x80);
        odd.push(signed_one);
        for bytes in odd {
            let mut bad = signatures.clone();
            bad[1][..32].copy_from_slice(&bytes);
            assert!(!all(&public, &messages, &bad));
            assert!(!all(&bytes, &messages, &signatures));
        }
        // A scalar that is not reduced.
        let mut bad = signatures;
        let order = Scalar::ZERO - Scalar::ONE;
        let carry = iter::zip(&mut bad[0][32..], order.as_bytes()).fold(1, |carry, (byte, add)| {
            let sum = u16::from(*byte) + u16::from(*add) + carry;
            *byte = sum.to_le_bytes()[0];
            sum >> 8
        });
        assert_eq!(carry, 0);
        assert!(!one_by_one(&public, &messages[0], &bad[0]));
        assert!(!all(&public, &messages, &bad));
    }
}

//! The statement envelope, its fields and its sealed content.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

use std::io::{Read as _, Write as _};

use comity_ledger::content::{BUCKETS, Content};
use comity_ledger::seal::{self, Identity};
use comity_ledger::statement::{MAX_ENTRY, Sealed, Seen, StatementKey};
use comity_ledger::{Body, Error, Hash, Statement};
use coset::{CborSerializable as _, CoseSign1, TaggedCborSerializable as _};
use proptest::prelude::*;

const ORIGIN: &str = "example.org/ledger";

fn key() -> StatementKey {
    StatementKey::new(&[7; 32]).unwrap()
}

fn body() -> Body {
    Body {
        kind: "request.send/1".into(),
        from: "northland".into(),
        to: "southland".into(),
        terms: Hash::of(b"terms"),
        thread: [9; 16],
        class: Some("U1-urgent".into()),
        exercise: true,
        outcomes: vec![0, 0, 0],
        answers: None,
        sequence: 4,
        previous: Some(Hash::of(b"previous")),
        sealed: Some(Sealed { digest: Hash::of(b"c"), bucket: 1, fields: Hash::of(b"f") }),
        seen: Some(Seen { origin: "example.org/theirs".into(), size: 3, root: Hash::of(b"r") }),
        public: vec![],
        claimed: 1_700_000_000,
    }
}

#[test]
fn a_statement_is_a_cose_sign1_that_coset_reads_and_verifies() {
    let key = key();
    let statement = key.sign(ORIGIN, body()).unwrap();
    let cose = CoseSign1::from_tagged_slice(statement.entry()).unwrap();
    assert!(cose.unprotected.is_empty());
    assert_eq!(
        cose.protected.header.alg,
        Some(coset::Algorithm::Assigned(coset::iana::Algorithm::EdDSA))
    );
    assert_eq!(cose.protected.header.key_id, statement.key().0);
    let public = *key.public();
    cose.verify_signature(b"", |signature, message| {
        aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, public)
            .verify(message, signature)
    })
    .unwrap();
    // An untagged COSE_Sign1 would be a second spelling of the same statement.
    assert!(Statement::parse(&cose.to_vec().unwrap()).is_err());
}

#[test]
fn what_was_signed_is_what_is_read() {
    let key = key();
    let signed = key.sign(ORIGIN, body()).unwrap();
    let read = Statement::parse(signed.entry()).unwrap().verify(key.public(), ORIGIN).unwrap();
    assert_eq!(read, signed);
    assert_eq!(read.body(), &body());
}

#[test]
fn every_flipped_bit_of_a_statement_is_refused() {
    let key = key();
    let entry = key.sign(ORIGIN, body()).unwrap().entry().to_vec();
    for at in 0..entry.len() {
        for bit in 0..8 {
            let mut bytes = entry.clone();
            bytes[at] ^= 1 << bit;
            let read = Statement::parse(&bytes).and_then(|s| s.verify(key.public(), ORIGIN));
            assert!(read.is_err(), "byte {at} bit {bit}");
        }
    }
    for cut in 0..entry.len() {
        assert!(Statement::parse(&entry[..cut]).is_err());
    }
    assert!(Statement::parse(&[&entry[..], &[0]].concat()).is_err());
}

#[test]
fn another_ledger_and_an_unknown_key_are_named() {
    let statement = key().sign(ORIGIN, body()).unwrap();
    let parsed = Statement::parse(statement.entry()).unwrap();
    let other = parsed.clone().verify(key().public(), "example.org/replayed").unwrap_err();
    assert_eq!(other.code(), "other-ledger");
    let unknown = parsed.verify(StatementKey::new(&[8; 32]).unwrap().public(), ORIGIN).unwrap_err();
    assert_eq!(unknown.code(), "unknown-key");
}

#[test]
fn entries_of_4096_bytes_are_taken_and_of_4097_refused() {
    let fit = |length: usize| key().sign(ORIGIN, Body { public: vec![0; length], ..body() });
    let overhead = fit(1000).unwrap().entry().len() - 1000;
    let longest = fit(MAX_ENTRY - overhead).unwrap();
    assert_eq!(longest.entry().len(), MAX_ENTRY);
    Statement::parse(longest.entry()).unwrap();
    let refused = fit(MAX_ENTRY - overhead + 1).unwrap_err();
    assert_eq!(refused, Error::EntryTooLong { max: MAX_ENTRY, found: MAX_ENTRY + 1 });
    assert_eq!(Statement::parse(&vec![0xd2; MAX_ENTRY + 1]).unwrap_err().code(), "entry-too-long");
}

#[test]
fn cbor_bombs_and_duplicate_keys_are_refused_by_name() {
    // A tag and array of four whose protected header claims 2^60 bytes, and one nested 4,000 deep.
    let claims = [0xd2, 0x84, 0x5b, 0x10, 0, 0, 0, 0, 0, 0, 0];
    let mut deep = vec![0xd2, 0x84];
    deep.extend(std::iter::repeat_n(0x81, 4000));
    for bomb in [&claims[..], &deep] {
        assert_eq!(Statement::parse(bomb).unwrap_err().code(), "malformed-statement");
    }
    // The body's map, with the kind once more at its end, signed by the right key.
    let entry = key().sign(ORIGIN, body()).unwrap().entry().to_vec();
    let cose = CoseSign1::from_tagged_slice(&entry).unwrap();
    let mut payload = cose.payload.clone().unwrap();
    payload[0] += 1;
    payload.extend([0x01, 0x61, b'x']);
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let forged = coset::CoseSign1Builder::new()
        .protected(cose.protected.header.clone())
        .payload(payload)
        .create_signature(b"", |message| pair.sign(message).as_ref().to_vec())
        .build();
    let refused = Statement::parse(&forged.to_tagged_vec().unwrap()).unwrap_err();
    assert_eq!(refused.code(), "malformed-statement");
}

#[test]
fn a_field_opens_alone_and_only_as_it_was() {
    let mut content = Content::default();
    for (name, value) in
        [("title", "t"), ("facts", "f"), ("items", "i"), ("ground", "g"), ("law", "l")]
    {
        content.push(name, value.as_bytes().to_vec()).unwrap();
    }
    let root = content.root();
    for field in content.fields() {
        let opening = content.open(&field.name).unwrap();
        opening.verify(&root).unwrap();
        let bytes = minicbor::to_vec(&opening).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let read = minicbor::decode::<comity_ledger::content::Opening>(&changed);
            // Another encoding of the same opening is no forgery; another opening is.
            if let Ok(read) = read {
                assert!(read == opening || read.verify(&root).is_err(), "byte {at}");
            }
        }
    }
    assert!(content.open("absent").is_err());
}

#[test]
fn content_is_padded_to_buckets_so_that_sizes_say_little() {
    for (length, bucket) in [(0, 0), (900, 0), (1100, 1), (60_000, 3), (1_000_000, 5)] {
        let mut content = Content::default();
        content.push("x", vec![1; length]).unwrap();
        let (padded, found) = content.pad().unwrap();
        assert_eq!((padded.len(), found), (BUCKETS[bucket], bucket as u8));
        assert_eq!(Content::unpad(&padded), Ok(content));
    }
    let mut large = Content::default();
    large.push("x", vec![1; 1 << 20]).unwrap();
    assert!(matches!(large.pad(), Err(Error::ContentTooLong { .. })));
}

#[test]
fn only_readers_open_and_only_what_was_committed_to() {
    let (reader, stranger) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let mut content = Content::default();
    content.push("facts", b"the canary sings".to_vec()).unwrap();
    let sealed = seal::seal(&content, &[reader.recipient()]).unwrap();
    assert_eq!(seal::open(&sealed.ciphertext, &sealed.commitment, &reader), Ok(content.clone()));
    let refused = seal::open(&sealed.ciphertext, &sealed.commitment, &stranger).unwrap_err();
    assert_eq!(refused.code(), "undecryptable");
    let mut changed = sealed.ciphertext.clone();
    changed[200] ^= 1;
    let refused = seal::open(&changed, &sealed.commitment, &reader).unwrap_err();
    assert_eq!(refused.code(), "content-mismatch");
    // A sender who commits to other fields than it seals is caught.
    let lied = Sealed { fields: Hash::of(b"other"), ..sealed.commitment };
    assert_eq!(
        seal::open(&sealed.ciphertext, &lied, &reader).unwrap_err().code(),
        "content-mismatch"
    );
    assert!(seal::seal(&content, &[]).is_err());
    let text = Identity::parse(&reader.to_secret_text()).unwrap().recipient().to_string();
    assert_eq!(text, reader.recipient().to_string());
}

#[test]
fn age_itself_opens_what_is_sealed_and_writes_what_is_opened() {
    let (one, other) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let mut content = Content::default();
    content.push("facts", b"the canary sings".to_vec()).unwrap();
    let sealed = seal::seal(&content, &[one.recipient(), other.recipient()]).unwrap();
    for reader in [&one, &other] {
        let age: age::x25519::Identity = reader.to_secret_text().parse().unwrap();
        let mut padded = Vec::new();
        let opened = age::Decryptor::new(sealed.ciphertext.as_slice()).unwrap();
        let mut opened = opened.decrypt(std::iter::once(&age as &dyn age::Identity)).unwrap();
        opened.read_to_end(&mut padded).unwrap();
        assert_eq!(Content::unpad(&padded), Ok(content.clone()));
    }
    let (padded, bucket) = content.pad().unwrap();
    let readers: Vec<age::x25519::Recipient> =
        [&one, &other].map(|reader| reader.recipient().to_string().parse().unwrap()).to_vec();
    let readers = readers.iter().map(|reader| reader as &dyn age::Recipient);
    let mut ciphertext = Vec::new();
    let mut writer =
        age::Encryptor::with_recipients(readers).unwrap().wrap_output(&mut ciphertext).unwrap();
    writer.write_all(&padded).unwrap();
    writer.finish().unwrap();
    let commitment = Sealed { digest: Hash::of(&ciphertext), bucket, fields: content.root() };
    for reader in [&one, &other] {
        assert_eq!(seal::open(&ciphertext, &commitment, reader), Ok(content.clone()));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Statement::parse(&bytes);
        let _ = Statement::parse(&[&[0xd2, 0x84][..], &bytes].concat());
        let _ = Content::unpad(&bytes);
        let _ = comity_ledger::Note::parse(&bytes);
        let _ = comity_ledger::proof::Proof::parse(&bytes);
        let _ = comity_ledger::witness::AddCheckpoint::parse(&bytes);
        let _ = comity_ledger::mirror::Header::parse(&bytes);
        let _ = comity_ledger::mirror::split_package(&bytes, (0, 3));
        let _ = comity_ledger::Policy::parse(&String::from_utf8_lossy(&bytes));
    }
}

//! Notes, checkpoints, cosignatures, witness and mirror messages, policies and proofs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

use comity_ledger::mirror::{self, Header, Info};
use comity_ledger::note::{Algorithm, MAX_SIGNATURES, Note, Signature, SigningKey, VerifierKey};
use comity_ledger::proof::Proof;
use comity_ledger::witness::{self, AddCheckpoint, Refusal};
use comity_ledger::{Checkpoint, Error, Hash, Policy, Tiles, cosignature};

const ORIGIN: &str = "example.org/ledger";

fn ledger() -> SigningKey {
    SigningKey::new(ORIGIN, Algorithm::Ed25519, &[1; 32]).unwrap()
}

fn harbour() -> SigningKey {
    SigningKey::new("harbour.example", Algorithm::CosignatureV1, &[2; 32]).unwrap()
}

fn tiles(count: u64) -> Tiles {
    let mut tiles = Tiles::default();
    for index in 0..count {
        tiles.push(index, Hash::leaf(&index.to_be_bytes()));
    }
    tiles
}

fn signed(size: u64) -> Note {
    Checkpoint::new(ORIGIN, size, tiles(size).root(size).unwrap()).sign(&ledger()).unwrap()
}

#[test]
fn the_example_of_signed_note_verifies() {
    let key =
        VerifierKey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
            .unwrap();
    let note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let parsed = Note::parse(note.as_bytes()).unwrap();
    parsed.verify(&key).unwrap();
    assert_eq!(parsed.to_string(), note);
    assert_eq!(
        key.to_string(),
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    );
}

#[test]
fn notes_agree_with_the_published_signed_note() {
    let note = signed(7).to_string();
    let theirs = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    let vkey = ledger().verifier().to_string();
    let verifier = signed_note::StandardVerifier::new(&vkey).unwrap();
    let list = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let (verified, unverified) = theirs.verify(&list).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    assert_eq!(theirs.text(), Note::parse(note.as_bytes()).unwrap().text().as_bytes());
}

#[test]
fn every_flipped_byte_of_a_checkpoint_is_refused_or_is_another_cosigners_line() {
    let ledger = ledger();
    let note = signed(7).to_string();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let opened =
                Note::parse(&bytes).and_then(|note| Checkpoint::open(&note, ledger.verifier()));
            assert!(opened.is_err(), "byte {at} bit {bit}");
        }
    }
}

#[test]
fn every_flipped_byte_of_a_cosigned_checkpoint_loses_the_quorum() {
    let mut note = signed(7);
    note.add(cosignature::cosign(&harbour(), note.text(), 1_700_000_000).unwrap());
    let policy = Policy::parse(&format!(
        "log {}\nwitness harbour {}\nquorum harbour",
        ledger().verifier(),
        harbour().verifier()
    ))
    .unwrap();
    policy.check(&note).unwrap();
    let text = note.to_string();
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        assert!(Note::parse(&bytes).and_then(|note| policy.check(&note)).is_err(), "byte {at}");
    }
}

#[test]
fn a_note_with_100_000_signatures_is_refused_by_name() {
    let line = format!("{}\n", signed(1).signatures()[0]);
    let mut text = format!("{}\n", signed(1).text());
    for _ in 0..100_000 {
        text.push_str(&line);
    }
    assert_eq!(Note::parse(text.as_bytes()).unwrap_err().code(), "note-too-large");
    let mut few = format!("{}\n", signed(1).text());
    for _ in 0..=MAX_SIGNATURES {
        few.push_str(&line);
    }
    assert_eq!(Note::parse(few.as_bytes()).unwrap_err().code(), "note-too-large");
}

#[test]
fn malformed_notes_are_refused() {
    for bad in [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\n— name\n",
        "text\n\n— name AAAA\n",
        "text\n\n— a b AAAAAAA=\n",
        "te\txt\n\n— n AAAAAAA=\n",
        "text\n\n- n AAAAAAA=\n",
        "text\n\n— n AAAAAAA=",
        "text\n\n— n+ AAAAAAA=\n",
    ] {
        assert!(Note::parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
    assert!(Note::parse(b"t\xff\n\n\xe2\x80\x94 n AAAAAAA=\n").is_err());
}

#[test]
fn checkpoints_have_one_spelling() {
    let root = Hash::of(b"x").to_base64();
    let empty = Hash::EMPTY.to_base64();
    for bad in [
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("\n1\n{root}\n"),
        format!("o\n1\n{root}"),
        format!("o\n1\n{}\n", &root[1..]),
        format!("o\n1\n{root}\n\n"),
        format!("o\n99999999999999999999\n{root}\n"),
        "o\n1\n".to_owned(),
    ] {
        assert!(Checkpoint::parse(&bad).is_err(), "{bad:?}");
    }
    assert_eq!(Checkpoint::parse(&format!("o\n0\n{empty}\n")).unwrap().size, 0);
    assert_eq!(Checkpoint::parse(&format!("o\n1\n{root}\nextra\n")).unwrap().extensions, ["extra"]);
}

#[test]
fn another_ledgers_checkpoint_and_an_unknown_key_are_named() {
    let other = SigningKey::new("example.org/other", Algorithm::Ed25519, &[3; 32]).unwrap();
    let note = Checkpoint::new("example.org/other", 0, Hash::EMPTY).sign(&other).unwrap();
    let refused = Checkpoint::open(&note, ledger().verifier()).unwrap_err();
    assert_eq!(refused.code(), "other-ledger");
    let forged = SigningKey::new(ORIGIN, Algorithm::Ed25519, &[4; 32]).unwrap();
    let note = Checkpoint::new(ORIGIN, 0, Hash::EMPTY).sign(&forged).unwrap();
    let refused = Checkpoint::open(&note, ledger().verifier()).unwrap_err();
    assert_eq!(refused.code(), "unknown-key");
}

#[test]
fn a_witness_answers_each_case_with_the_status_of_the_protocol() {
    let (five, seven) = (tiles(5).root(5).unwrap(), tiles(7).root(7).unwrap());
    let proof = tiles(7).prove_consistency(5, 7).unwrap();
    let good = AddCheckpoint { old: 5, proof, note: signed(7) };
    let key = ledger();
    let parsed = AddCheckpoint::parse(good.to_string().as_bytes()).unwrap();
    assert_eq!(parsed, good);
    assert_eq!(witness::check(&parsed, key.verifier(), (5, five)).unwrap().size, 7);
    let status = |request: &AddCheckpoint, known| {
        witness::check(request, ledger().verifier(), known).unwrap_err().status()
    };
    assert_eq!(witness::check(&good, key.verifier(), (6, five)), Err(Refusal::Conflict(6)));
    assert_eq!(status(&AddCheckpoint { proof: vec![], ..good.clone() }, (5, five)), 422);
    assert_eq!(status(&AddCheckpoint { old: 9, ..good.clone() }, (9, five)), 400);
    assert_eq!(status(&AddCheckpoint { old: 7, proof: vec![], ..good.clone() }, (7, five)), 422);
    let again = AddCheckpoint { old: 7, proof: vec![], ..good.clone() };
    assert!(witness::check(&again, key.verifier(), (7, seven)).is_ok());
    assert_eq!(status(&AddCheckpoint { old: 0, ..good.clone() }, (0, Hash::EMPTY)), 422);
    let stranger = SigningKey::new("example.org/other", Algorithm::Ed25519, &[1; 32]).unwrap();
    assert_eq!(witness::check(&good, stranger.verifier(), (5, five)), Err(Refusal::UnknownOrigin));
    let forger = SigningKey::new(ORIGIN, Algorithm::Ed25519, &[9; 32]).unwrap();
    assert_eq!(witness::check(&good, forger.verifier(), (5, five)).unwrap_err().status(), 403);
}

#[test]
fn a_witness_reads_no_more_than_63_proof_lines() {
    let mut body = String::from("old 5\n");
    for _ in 0..64 {
        body.push_str(&format!("{}\n", Hash::EMPTY.to_base64()));
    }
    body.push_str(&format!("\n{}", signed(7)));
    assert!(AddCheckpoint::parse(body.as_bytes()).is_err());
}

#[test]
fn cosignatures_carry_their_time_and_only_that_time() {
    let mut note = signed(7);
    let line = cosignature::cosign(&harbour(), note.text(), 1_700_000_000).unwrap();
    note.add(line.clone());
    assert_eq!(cosignature::verify(&note, harbour().verifier()), Ok(Some(1_700_000_000)));
    let mut forged = line;
    forged.bytes[7] ^= 1;
    let mut note = signed(7);
    note.add(forged);
    assert!(cosignature::verify(&note, harbour().verifier()).is_err());
    assert_eq!(cosignature::verify(&signed(7), harbour().verifier()), Ok(None));
    let text = signed(7).text().to_owned();
    assert!(cosignature::cosign(&ledger(), &text, 1).is_err(), "a ledger's key does not cosign");
}

#[test]
fn mirror_packages_follow_the_canonical_sequence_and_verify() {
    let all: Vec<Vec<u8>> = (0..600_u64).map(|index| index.to_be_bytes().to_vec()).collect();
    let tiles = tiles(600);
    let pending = Checkpoint::new(ORIGIN, 600, tiles.root(600).unwrap());
    let header = Header { origin: ORIGIN.into(), start: 100, end: 600, ticket: vec![7] };
    let intervals: Vec<_> = header.intervals().collect();
    assert_eq!(intervals, [(100, 256), (256, 512), (512, 600)]);
    let mut body = header.encode();
    for &(start, end) in &intervals {
        mirror::push_package(&mut body, start, &all[start as usize..end as usize], 600, &tiles)
            .unwrap();
    }
    let (parsed, mut rest) = Header::parse(&body).unwrap();
    assert_eq!(parsed, header);
    for interval in parsed.intervals() {
        let (package, after) = mirror::split_package(rest, interval).unwrap();
        let before: Vec<_> = if interval.0 == 100 {
            (0..100).map(|i| tiles.leaf(i).unwrap()).collect()
        } else {
            vec![]
        };
        package.verify(&before, &pending).unwrap();
        let mut changed = package.clone();
        changed.entries[0] = b"changed";
        assert!(changed.verify(&before, &pending).is_err());
        rest = after;
    }
    assert!(rest.is_empty());
    let info = Info { pending: 600, next: 256, ticket: vec![1, 2] };
    assert_eq!(Info::parse(&info.encode()), Ok(info));
}

#[test]
fn policies_count_quorums_through_groups() {
    let witnesses: Vec<_> = (0..4_u8)
        .map(|n| {
            SigningKey::new(&format!("w{n}.example"), Algorithm::CosignatureV1, &[10 + n; 32])
                .unwrap()
        })
        .collect();
    let mut text = format!("# a comment\n\t log {} https://x.example\n", ledger().verifier());
    for (n, witness) in witnesses.iter().enumerate() {
        text.push_str(&format!("witness w{n} {}\n", witness.verifier()));
    }
    text.push_str("group pair 2 w0 w1 w2\ngroup both all pair w3\nquorum both\n");
    let policy = Policy::parse(&text).unwrap();
    let with = |who: &[usize]| {
        let mut note = signed(3);
        for &n in who {
            note.add(cosignature::cosign(&witnesses[n], note.text(), 1000 + n as u64).unwrap());
        }
        policy.check(&note).is_ok()
    };
    assert!(with(&[0, 1, 3]) && with(&[1, 2, 3]) && with(&[0, 1, 2, 3]));
    assert!(!with(&[0, 3]) && !with(&[0, 1, 2]) && !with(&[]));
}

#[test]
fn malformed_policies_are_refused_with_their_line() {
    let (log, w) = (ledger().verifier().to_string(), harbour().verifier().to_string());
    for (text, line) in [
        (format!("log {log}\n"), 0),
        (format!("log {log}\nlog {log}\nquorum none"), 2),
        (format!("witness a {w}\nwitness b {w}\nquorum a"), 2),
        (format!("witness none {w}\nquorum none"), 1),
        (format!("witness a {w}\ngroup g 2 a\nquorum g"), 2),
        (format!("witness a {w}\ngroup g all a\ngroup h all a\nquorum h"), 3),
        (format!("witness a {w}\ngroup g all b\nquorum g"), 2),
        ("quorum x".to_owned(), 1),
        ("quorum none\nquorum none".to_owned(), 2),
        (format!("log {w}\nquorum none"), 1),
        (format!("witness a {log}\nquorum a"), 1),
        ("group g any\nquorum none".to_owned(), 1),
        ("what is this\nquorum none".to_owned(), 1),
        ("quorum none\u{1}".to_owned(), 1),
    ] {
        match Policy::parse(&text) {
            Err(Error::Policy { line: found, .. }) => assert_eq!(found, line, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn proofs_verify_offline_and_every_flipped_byte_is_refused() {
    let tiles = tiles(7);
    let mut note = signed(7);
    note.add(cosignature::cosign(&harbour(), note.text(), 1_700_000_000).unwrap());
    let policy = Policy::parse(&format!(
        "log {}\nwitness harbour {}\nquorum harbour",
        ledger().verifier(),
        harbour().verifier()
    ))
    .unwrap();
    let proof = Proof { extra: None, index: 4, hashes: tiles.prove_inclusion(4, 7).unwrap(), note };
    let text = proof.to_string();
    let leaf = tiles.leaf(4).unwrap();
    let parsed = Proof::parse(text.as_bytes()).unwrap();
    assert_eq!(parsed, proof);
    parsed.verify(&leaf, &policy).unwrap();
    assert!(parsed.verify(&tiles.leaf(3).unwrap(), &policy).is_err());
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let result = Proof::parse(&bytes).and_then(|proof| proof.verify(&leaf, &policy));
        assert!(result.is_err(), "byte {at}");
    }
    let extra = Proof { extra: Some(b"anything".to_vec()), ..proof };
    assert_eq!(Proof::parse(extra.to_string().as_bytes()).unwrap(), extra);
}

#[test]
fn signature_lines_are_bounded() {
    let line = format!("{}\n", signed(1).signatures()[0]);
    assert_eq!(Signature::parse_lines(&line.repeat(3)).unwrap().len(), 3);
    assert!(Signature::parse_lines(&line.repeat(MAX_SIGNATURES + 1)).is_err());
}

//! The test vectors of docs/protocol.md, as files under docs/vectors: made here from fixed seeds,
//! compared with what is checked in, and read back. `COMITY_WRITE_VECTORS=1` writes them anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use comity_ledger::content::Field;
use comity_ledger::note::{Algorithm, Note, SigningKey};
use comity_ledger::proof::Proof;
use comity_ledger::statement::{Sealed, Seen, StatementKey};
use comity_ledger::{Body, Checkpoint, Content, Hash, Policy, Statement, Tiles, cosignature, hex};
use comity_rules::bundle::{self, Added, Bundle};
use comity_rules::card::{self, Card, Opening};
use comity_rules::channel::{Receipt, decode_receipts, encode_receipts};
use comity_rules::statement::ThreadId;

const ORIGIN: &str = "ledger.example/north";
const TIME: u64 = 1_772_442_000;

fn key(name: &str, algorithm: Algorithm, seed: u8) -> SigningKey {
    SigningKey::new(name, algorithm, &[seed; 32]).unwrap()
}

/// The bytes as checked in are these.
fn same(name: &str, bytes: &[u8]) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/vectors");
    let path = format!("{folder}/{name}");
    if std::env::var_os("COMITY_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
    let known = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(known == bytes, "{name} is not what the code makes: {}", hex::encode(bytes));
}

fn content() -> Content {
    let field = |name: &str, value: &[u8], salt| Field {
        name: name.to_owned(),
        value: value.to_vec(),
        salt: [salt; 32],
    };
    // CBOR texts "Who?" and "It happened."
    let fields = vec![
        field("title", b"\x64Who?", 1),
        field("facts", b"\x6cIt happened.", 2),
        field("purpose", b"\x60", 3),
    ];
    minicbor::decode(&minicbor::to_vec(fields).unwrap()).unwrap()
}

#[test]
fn vectors_are_what_the_code_makes_and_what_it_reads() {
    // A card and an opening.
    let root = key("northland/root", Algorithm::Ed25519, 1);
    let statement_key = StatementKey::new(&[7; 32]).unwrap();
    let ledger = key(ORIGIN, Algorithm::Ed25519, 2);
    let card = Card {
        party: "northland".parse().unwrap(),
        name: "Northland CERT".to_owned(),
        zone: "Europe/Oslo".to_owned(),
        exchange: "exchange.northland.example:8441".to_owned(),
        root: root.verifier().clone(),
        statement: *statement_key.public(),
        recipient: "age1e0kfwy0p5dkk7pt8jvrghdck6hppwf8r2jwxy8s9fap82ryq94jsz64u0r".to_owned(),
        witness: key("northland/witness", Algorithm::CosignatureV1, 3).verifier().clone(),
        mirror: key("northland/mirror", Algorithm::CosignatureV1, 4).verifier().clone(),
        tls: Hash::of(b"certificate"),
        edition: 1,
    };
    let terms = Hash::of(b"terms");
    let party = card.party.clone();
    let opening = Opening { party, terms, ledger: ledger.verifier().clone() };
    let (card_note, opening_note) = (card.sign(&root).unwrap(), opening.sign(&root).unwrap());
    same("opening.txt", opening_note.to_string().as_bytes());
    let public = card::join(&opening_note, &card_note);
    assert_eq!(card::split(&public), Ok((opening, card.clone())));
    same("card.txt", card_note.to_string().as_bytes());

    // Content, and one field of it opened.
    let content = content();
    same("content.cbor", &minicbor::to_vec(&content).unwrap());
    let (padded, bucket) = content.pad().unwrap();
    assert_eq!(Content::unpad(&padded), Ok(content.clone()));
    let field = content.open("facts").unwrap();
    field.verify(&content.root()).unwrap();
    same("field-opening.cbor", &minicbor::to_vec(&field).unwrap());

    // The ledger: its opening, a statement with sealed content, a second key, a statement under it.
    let body = |kind: &str, sequence, previous| Body {
        kind: kind.to_owned(),
        from: "northland".to_owned(),
        to: "southland".to_owned(),
        terms,
        thread: [0; 16],
        class: None,
        exercise: false,
        outcomes: Vec::new(),
        answers: None,
        sequence,
        previous,
        sealed: None,
        seen: None,
        public: Vec::new(),
        claimed: TIME,
    };
    let opening = statement_key.sign(ORIGIN, Body { public, ..body("ledger.open/1", 0, None) });
    let opening = opening.unwrap();
    same("ledger-open.cbor", opening.entry());
    let statement = Body {
        thread: ThreadId::opened_by(ORIGIN, 1).0,
        class: Some("U1-urgent".to_owned()),
        exercise: true,
        outcomes: vec![0, 0, 0],
        sealed: Some(Sealed { digest: Hash::of(b"ciphertext"), bucket, fields: content.root() }),
        seen: Some(Seen {
            origin: "ledger.example/south".to_owned(),
            size: 1,
            root: Hash::of(b"root"),
        }),
        ..body("request.send/1", 1, Some(opening.leaf()))
    };
    let statement = statement_key.sign(ORIGIN, statement).unwrap();
    same("statement.cbor", statement.entry());
    Statement::parse(statement.entry()).unwrap().verify(statement_key.public(), ORIGIN).unwrap();
    let second_key = StatementKey::new(&[8; 32]).unwrap();
    let second = Card { statement: *second_key.public(), edition: 2, ..card };
    let public = second.sign(&root).unwrap().to_string().into_bytes();
    let added = Body { public, ..body("key.add/1", 2, Some(statement.leaf())) };
    let added = statement_key.sign(ORIGIN, added).unwrap();
    let last = body("request.withdraw/1", 3, Some(added.leaf()));
    let last = Body { thread: statement.body().thread, exercise: true, ..last };
    let last = second_key.sign(ORIGIN, last).unwrap();

    // Receipts.
    let receipts = [
        Receipt { index: 2, leaf: statement.leaf(), code: String::new() },
        Receipt { index: 3, leaf: Hash::leaf(b"x"), code: "backdated".to_owned() },
    ];
    let encoded = encode_receipts(&receipts);
    same("receipts.cbor", &encoded);
    assert_eq!(decode_receipts(&encoded).unwrap(), receipts);

    // A checkpoint over the four, cosigned; a policy; the proofs of two, in one file.
    let entries = [&opening, &statement, &added, &last].map(|one| one.entry().to_vec());
    let mut tiles = Tiles::default();
    for (index, entry) in (0..).zip(&entries) {
        tiles.push(index, Hash::leaf(entry));
    }
    let harbour = key("harbour.example", Algorithm::CosignatureV1, 9);
    let checkpoint = Checkpoint::new(ORIGIN, 4, tiles.root(4).unwrap());
    let mut note: Note = checkpoint.sign(&ledger).unwrap();
    note.add(cosignature::cosign(&harbour, note.text(), TIME).unwrap());
    same("checkpoint.txt", note.to_string().as_bytes());
    let policy = format!(
        "log {}\nwitness harbour {} https://harbour.example\ngroup outside 1 harbour\nquorum outside\n",
        ledger.verifier(),
        harbour.verifier()
    );
    same("policy.txt", policy.as_bytes());
    let inclusion = |index| tiles.prove_inclusion(index, 4).unwrap();
    let prove = |index: u64, openings, added| {
        let entry = entries[usize::try_from(index).unwrap()].clone();
        let bundle = Bundle { entry, opening: entries[0].clone(), openings, added };
        let (hashes, note) = (inclusion(index), note.clone());
        Proof { extra: Some(bundle.to_bytes()), index, hashes, note }.to_string()
    };
    let brought = Added { entry: entries[2].clone(), index: 2, hashes: inclusion(2) };
    let proofs = prove(1, vec![field], Vec::new()) + &prove(3, Vec::new(), vec![brought]);
    same("proof.tlog-proof", proofs.as_bytes());
    let policy = Policy::parse(&policy).unwrap();
    let [one, other] = bundle::split(proofs.as_bytes())
        .try_into()
        .map(|parts: [&[u8]; 2]| parts.map(|part| bundle::verify(part, &policy).unwrap()))
        .unwrap();
    assert_eq!((one.statement, one.index, one.size), (statement.clone(), 1, 4));
    assert_eq!(one.fields.iter().map(|field| &*field.name).collect::<Vec<_>>(), ["facts"]);
    assert_eq!((other.statement, other.witnesses), (last, vec!["harbour".to_owned()]));

    // What a stranger compares with.
    let lines = [
        ("statement leaf hash", statement.leaf().to_hex()),
        ("statement key id", hex::encode(&statement.key().0)),
        ("thread", ThreadId::opened_by(ORIGIN, 1).to_string()),
        ("content fields root", content.root().to_hex()),
        ("digest of field title", content.fields()[0].digest().to_hex()),
        ("padded content bucket", bucket.to_string()),
        ("root fingerprint", card::fingerprint(root.verifier())),
    ];
    let text: String = lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    same("values.txt", text.as_bytes());
}

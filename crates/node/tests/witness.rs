//! The outside witness alone: checkpoints that it did not make, and a state that was put back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use comity_ledger::note::{Algorithm, Note, Signature, SigningKey};
use comity_ledger::witness::Refusal;
use comity_ledger::{Checkpoint, Hash, VerifierKey, cosignature};
use comity_node::clock::Adjustable;
use comity_node::witness::Witness;
use signed_note::{Note as TheirNote, StandardSigner};
use tlog_tiles::{
    Error as TheirError, Hash as Theirs, HashReader, prove_tree, stored_hashes, tree_hash,
};

/// Two checkpoints of Sigstore's log of 2025, and its key, as they were published.
const REKOR: &str =
    "log2025-1.rekor.sigstore.dev+cf119915+AbfK5adZJxsI323FwGD2AJJ9F4i89cfDuLdGJBIYntuO";
const REKOR_34: &str = "log2025-1.rekor.sigstore.dev\n34356369\ndA9mMr0smTXgo7nGsE01Zdc5KOOqTs2/zYfdSqxO+ks=\n\n\
    — log2025-1.rekor.sigstore.dev zxGZFQZgTebN28s0D7vKP5gX8R+CsXCved700HCQAHgDHbdkaH3tfx7+DMPkccNhzsnSy7LijLzWMa+evZduylLs0wc=\n";
const REKOR_139: &str = "log2025-1.rekor.sigstore.dev\n139911860\nEliTHtnx44DhEBH+5qIXBtQsSpc54Avam7mIYEvxnTA=\n\n\
    — log2025-1.rekor.sigstore.dev zxGZFcOra4Y7QpuiQen+CmnUvDZbxSXfBOXJzL+HKIeR9aC58QTfao58ABqkhVyBhQDseS+TZdDNpcnZhoRxkh7IbQ0=\n\
    — witness.stagemole.eu Z/euoAAAAABqxF18wrJCADsJ1G5Lc2JaRjZqqBwjpNqH24yQse4iJ4rKS6b5MtvHP+IbKYXwaWuWokdGA+BubLFi+TrwK7xpKr6XBw==\n";

fn open(folder: &Path) -> Witness {
    let clock = Arc::new(Adjustable::new("2026-03-09T08:00:00Z".parse().unwrap()));
    Witness::open(folder, "harbour.example", clock).unwrap()
}

/// The checkpoint with the line that the witness gave for it.
fn cosigned(note: &str, line: &str, witness: &VerifierKey) -> Note {
    let mut note = Note::parse(note.as_bytes()).unwrap();
    note.add(Signature::parse(line.trim_end()).unwrap());
    assert!(cosignature::verify(&note, witness).unwrap().is_some());
    note
}

#[test]
fn a_public_logs_checkpoint_is_cosigned_and_a_later_one_without_its_proof_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    let refused = witness.add_checkpoint(format!("old 0\n\n{REKOR_34}").as_bytes()).unwrap_err();
    assert_eq!(refused.status(), 404, "nobody asked it to watch that one");
    witness.watch(&VerifierKey::parse(REKOR).unwrap()).unwrap();
    let line = witness.add_checkpoint(format!("old 0\n\n{REKOR_34}").as_bytes()).unwrap();
    cosigned(REKOR_34, &line, witness.key());
    let later = format!("old 34356369\n\n{REKOR_139}");
    assert_eq!(witness.add_checkpoint(later.as_bytes()).unwrap_err().status(), 422);
    let forged = REKOR_34.replace("34356369", "34356370");
    let forged = format!("old 34356369\n\n{forged}");
    assert_eq!(witness.add_checkpoint(forged.as_bytes()).unwrap_err().status(), 403);
    let again = format!("old 34356369\n\n{REKOR_34}");
    cosigned(REKOR_34, &witness.add_checkpoint(again.as_bytes()).unwrap(), witness.key());
}

struct Stored(Vec<Theirs>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Theirs>, TheirError> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

/// Two logs that grow, their trees, proofs and signatures made by others' code.
#[test]
fn logs_of_another_make_are_watched_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    for seed in [1_u8, 2] {
        let origin = format!("log-{seed}.example/a");
        let key = SigningKey::new(&origin, Algorithm::Ed25519, &[seed; 32]).unwrap();
        let vkey = key.verifier().to_string();
        let id = vkey[origin.len() + 1..].split('+').next().unwrap().to_owned();
        let secret = base64(&[&[1][..], &[seed; 32]].concat());
        let signer = StandardSigner::new(&format!("PRIVATE+KEY+{origin}+{id}+{secret}")).unwrap();
        witness.watch(key.verifier()).unwrap();
        let (mut stored, mut old) = (Stored(Vec::new()), 0);
        for size in 1..=300_u64 {
            let entry = [&[seed][..], &size.to_be_bytes()].concat();
            let new = stored_hashes(size - 1, &entry, &stored).unwrap();
            stored.0.extend(new);
            if size % 37 != 0 && size != 300 {
                continue;
            }
            let root = tree_hash(size, &stored).unwrap();
            let text = format!("{origin}\n{size}\n{}\n", base64(&root.0));
            let mut note = TheirNote::new(text.as_bytes(), &[]).unwrap();
            note.add_sigs(&[&signer]).unwrap();
            let note = String::from_utf8(note.to_bytes()).unwrap();
            let proof = if old == 0 { vec![] } else { prove_tree(size, old, &stored).unwrap() };
            let proof: String = proof.iter().map(|hash| base64(&hash.0) + "\n").collect();
            let body = format!("old {old}\n{proof}\n{note}");
            let line = witness.add_checkpoint(body.as_bytes()).unwrap();
            cosigned(&note, &line, witness.key());
            if old > 0 {
                let stale = witness.add_checkpoint(body.as_bytes()).unwrap_err();
                assert_eq!(stale.status(), 409);
            }
            old = size;
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A ledger of so many entries, and the request for its head after `old`.
fn request(old: u64, size: u64) -> (Vec<u8>, Note) {
    let key = ledger();
    let mut tiles = comity_ledger::Tiles::default();
    for index in 0..size {
        tiles.push(index, Hash::leaf(&index.to_be_bytes()));
    }
    let head = Checkpoint::new(key.name(), size, tiles.root(size).unwrap());
    let note = head.sign(&key).unwrap();
    let proof = tiles.prove_consistency(old, size).unwrap();
    let proof: String = proof.iter().map(|hash| hash.to_base64() + "\n").collect();
    (format!("old {old}\n{proof}\n{note}").into_bytes(), note)
}

fn ledger() -> SigningKey {
    SigningKey::new("ledger.example/a", Algorithm::Ed25519, &[7; 32]).unwrap()
}

fn state(folder: &Path) -> PathBuf {
    let id = Hash::of(ledger().name().as_bytes()).to_hex();
    folder.join("ledgers").join(format!("{id}.ledger"))
}

#[test]
fn a_state_that_was_put_back_is_noticed_and_nothing_is_signed() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    witness.watch(ledger().verifier()).unwrap();
    witness.add_checkpoint(&request(0, 3).0).unwrap();
    let old = std::fs::read(state(folder.path())).unwrap();
    let (body, note) = request(3, 7);
    let line = witness.add_checkpoint(&body).unwrap();
    let newest = cosigned(&note.to_string(), &line, witness.key());
    // While it runs: what is on disk is not what was written.
    std::fs::write(state(folder.path()), &old).unwrap();
    let refused = witness.add_checkpoint(&request(7, 9).0).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (503, "unavailable"));
    drop(witness);
    // Between two runs: what it signed is remembered beside the keys.
    let witness = open(folder.path());
    for old in [3, 7] {
        assert_eq!(witness.add_checkpoint(&request(old, 9).0).unwrap_err().status(), 503);
    }
    // The state is not there at all, as for a ledger that was added after the backup.
    std::fs::remove_file(state(folder.path())).unwrap();
    let witness = open(folder.path());
    witness.watch(ledger().verifier()).unwrap();
    assert_eq!(witness.add_checkpoint(&request(0, 3).0).unwrap_err().status(), 503);
    // Its own word brings it forward.
    let mut body = b"old 7\n\n".to_vec();
    body.extend_from_slice(newest.to_string().as_bytes());
    witness.add_checkpoint(&body).unwrap();
    witness.add_checkpoint(&request(7, 9).0).unwrap();
}

/// A disk that filled up between the two files that a cosignature needs.
#[test]
fn a_state_that_was_kept_and_never_signed_is_no_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    witness.watch(ledger().verifier()).unwrap();
    witness.add_checkpoint(&request(0, 3).0).unwrap();
    let id = Hash::of(ledger().name().as_bytes()).to_hex();
    let in_the_way = folder.path().join(format!("keys/{id}.signed.tmp"));
    std::fs::create_dir(&in_the_way).unwrap();
    assert_eq!(witness.add_checkpoint(&request(3, 7).0).unwrap_err().status(), 503);
    std::fs::remove_dir(&in_the_way).unwrap();
    let refused = witness.add_checkpoint(&request(3, 7).0).unwrap_err();
    assert!(matches!(refused, Refusal::Conflict(7)), "it has kept that one: {refused}");
    witness.add_checkpoint(&request(7, 7).0).unwrap();
    witness.add_checkpoint(&request(7, 9).0).unwrap();
}

#[test]
fn a_whole_folder_that_was_put_back_learns_from_its_own_cosignature() {
    let [folder, copy] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let witness = open(folder.path());
    witness.watch(ledger().verifier()).unwrap();
    witness.add_checkpoint(&request(0, 3).0).unwrap();
    let from = folder.path().display().to_string() + "/.";
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(copy.path()).status();
    assert!(copied.unwrap().success());
    let (body, note) = request(3, 7);
    let line = witness.add_checkpoint(&body).unwrap();
    let newest = cosigned(&note.to_string(), &line, witness.key());
    let put_back = open(copy.path());
    // A second history after the third entry, with the head that it cosigned in this one.
    let forked = Checkpoint::new(ledger().name(), 7, Hash::of(b"another"));
    let mut forked = forked.sign(&ledger()).unwrap();
    let mut body = b"old 3\n\n".to_vec();
    body.extend_from_slice(newest.to_string().as_bytes());
    assert_eq!(put_back.add_checkpoint(&body).unwrap_err().status(), 409, "it knows better now");
    let (proof, _) = request(3, 7);
    let proof = String::from_utf8(proof).unwrap();
    let proof = proof.split("\n\n").next().unwrap();
    let refused = put_back.add_checkpoint(format!("{proof}\n\n{forked}").as_bytes()).unwrap_err();
    assert_eq!(refused.status(), 409);
    forked.add(Signature::parse(line.trim_end()).unwrap());
    let refused = put_back.add_checkpoint(format!("old 7\n\n{forked}").as_bytes()).unwrap_err();
    assert_eq!(refused.status(), 422, "another root of one size");
}

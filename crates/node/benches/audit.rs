//! What `comity ledger audit` costs: two ledgers of one agreement in folders, made here, read and
//! verified to the last byte.
//!
//! `cargo bench -p comity-node --bench audit` (`-- 1000000` for so many statements).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a measurement that cannot go on fails"
)]

#[path = "../../rules/tests/party/mod.rs"]
mod party;
#[path = "usage.rs"]
mod usage;

use std::path::Path;
use std::time::Instant;

use comity_ledger::note::Algorithm;
use comity_ledger::statement::Seen;
use comity_ledger::tile::{TileId, TilePath, WIDTH, bundle};
use comity_ledger::{Checkpoint, Hash, Policy, cosignature};
use comity_node::audit;
use comity_node::network::Tcp;
use comity_rules::channel::{MAX_RECEIPTS, Receipt, encode_receipts};
use comity_rules::command::{Command, decide};
use comity_rules::{Kind, ThreadId};
use party::{Party, ask, key, pair};

/// Statements between two kept checkpoints: as many as a busy second has.
const SECOND: usize = 1_000;

#[tokio::main]
async fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let count: usize = count.unwrap_or(100_000);
    let [mut north, mut south] = pair();
    let begin = Instant::now();
    // All but the receipts are requests; nothing is judged while they are made.
    let requests = count - count.div_ceil(MAX_RECEIPTS + 1);
    for _ in 0..requests {
        let fresh = ThreadId::opened_by(&north.own.origin, north.own.sequence);
        let command = Command::Send {
            class: Some("U1-urgent".to_owned()),
            exercise: true,
            ask: ask(&["who?", "since when?"]),
        };
        let draft = decide(&north.terms, &north.id, None, fresh, &command).unwrap();
        let body = north.body(draft);
        sign(&mut north, body);
    }
    let heads = north.entries.clone();
    for (at, some) in heads.chunks(MAX_RECEIPTS).enumerate() {
        let receipts: Vec<_> = (at * MAX_RECEIPTS..)
            .zip(some)
            .map(|(index, entry)| Receipt {
                index: index as u64,
                leaf: Hash::leaf(entry),
                code: String::new(),
            })
            .collect();
        let mut body = south.body(south.draft(Kind::Receipt, encode_receipts(&receipts)));
        let size = (at * MAX_RECEIPTS + some.len()) as u64;
        let (origin, root) = (north.own.origin.clone(), north.tiles.root(size).unwrap());
        body.seen = Some(Seen { origin, size, root });
        sign(&mut south, body);
    }
    let folder = tempfile::tempdir().unwrap();
    let places = [&north, &south].map(|party| {
        let place = folder.path().join(party.id.as_str());
        publish(party, &place);
        place.display().to_string()
    });
    let keys = [north.ledger.verifier(), south.ledger.verifier()];
    let policy = Policy::parse(&north.terms.policy(&keys).unwrap().0).unwrap();
    let terms = north.terms.clone();
    let total = north.entries.len() + south.entries.len();
    println!("{total} statements made in {:.0} s", begin.elapsed().as_secs_f64());
    drop((north, south, heads));
    let (begin, used) = (Instant::now(), usage::cpu());
    let reach = audit::Reach { network: &Tcp, key: None };
    let report = audit::run(&reach, &places, &policy, Some(&terms), None).await.unwrap();
    assert!(report.is_clean());
    assert_eq!(report.audit.requests.len(), requests);
    let used = usage::cpu() - used;
    println!(
        "audited in {:.1} s, {:.1} CPU-seconds, {:.1} us a statement, {} MB resident",
        begin.elapsed().as_secs_f64(),
        used.as_secs_f64(),
        used.as_micros() as f64 / total as f64,
        usage::resident(),
    );
}

/// Signs and appends; what the gate would say is the audit's business.
fn sign(party: &mut Party, body: comity_ledger::Body) {
    let statement = party.key.sign(party.ledger.name(), body).unwrap();
    party.own.sequence += 1;
    party.own.last = Some(statement.leaf().to_hex());
    party.tiles.push(party.entries.len() as u64, statement.leaf());
    party.entries.push(statement.entry().to_vec());
}

/// Writes a ledger as files, with a witnessed checkpoint a second.
fn publish(party: &Party, folder: &Path) {
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let size = party.entries.len();
    for (number, entries) in (0..).zip(party.entries.chunks(WIDTH as usize)) {
        let width = TileId { level: 0, number }.width(size as u64);
        write(&TilePath::Entries { number, width }.to_string(), &bundle(entries));
    }
    let harbour = key("harbour.example", Algorithm::CosignatureV1, 90);
    let sizes = (1..=size.div_ceil(SECOND)).map(|second| (second * SECOND).min(size));
    for (time, size) in (1_700_000_000..).zip(sizes) {
        let root = party.tiles.root(size as u64).unwrap();
        let head = Checkpoint::new(party.ledger.name(), size as u64, root);
        let mut note = head.sign(&party.ledger).unwrap();
        note.add(cosignature::cosign(&harbour, note.text(), time).unwrap());
        write(&format!("history/{size}"), note.to_string().as_bytes());
        write("checkpoint", note.to_string().as_bytes());
    }
}

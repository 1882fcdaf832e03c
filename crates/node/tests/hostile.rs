//! A peer that holds its own keys and does with them what it likes: each thing it tries is refused
//! by its name, kept as evidence, and the node goes on serving it when it behaves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

mod stage;

#[path = "../../rules/tests/party/mod.rs"]
mod party;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use comity_ledger::fork::Fork;
use comity_ledger::mirror::{self, Header};
use comity_ledger::note::{Algorithm, Note, SigningKey};
use comity_ledger::statement::Seen;
use comity_ledger::witness::AddCheckpoint;
use comity_ledger::{Checkpoint, Hash, VerifierKey, cosignature};
use comity_node::clock::Adjustable;
use comity_node::http::{Connection, Reply};
use comity_node::network::{Network as _, Tcp};
use comity_node::{Node, audit, hotline, serve, tls};
use comity_rules::Kind;
use comity_rules::access::Person;
use comity_rules::agreement::Readers;
use comity_rules::channel::encode_receipts;
use comity_rules::matter::{EpochKey, Signal};
use party::Party;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use stage::covered;
use tokio::task::JoinSet;

struct Puppet {
    north: Party,
    south: Arc<Node>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    address: String,
    _tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

fn certificate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["puppet.invalid".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    (made.cert.der().clone(), key)
}

impl Puppet {
    /// Southland's real node, and Northland's keys in our hands.
    async fn new() -> Self {
        let harbour = party::key("harbour.example", Algorithm::CosignatureV1, 90);
        Self::under(harbour.verifier(), "http://127.0.0.1:9").await
    }

    /// The same, with this outside witness.
    async fn under(harbour: &VerifierKey, url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = Tcp.bind("127.0.0.1:0").await.unwrap();
        let address = format!("127.0.0.1:{}", listener.port());
        let home = stage::home(folder.path(), "southland", &address).await;
        let clock = Arc::new(Adjustable::new(stage::start()));
        let south = stage::open(&home, clock, Arc::new(Tcp)).await;
        let (certificate, key) = certificate();
        let (mut card, root, statement) = party::card_of("northland", 10);
        card.tls = Hash::of(&certificate);
        south.add_peer(card.sign(&root).unwrap().to_string().as_bytes()).await.unwrap();
        let witness = stage::outside("harbour", harbour, url);
        let terms = stage::terms([&card, south.card()], 1, vec![witness], Readers::Everyone);
        let south_ledger = stage::sign(&south, &terms).await;
        let ledger = party::key("ledger.example/north", Algorithm::Ed25519, 31);
        let peer = (south.party(), &south.card().root, &south_ledger);
        let north = Party::new((card, root, statement), ledger, terms, peer);
        let mut tasks = JoinSet::new();
        serve::serve_exchange(&south, listener, &mut tasks).unwrap();
        Self { north, south, certificate, key, address, _tasks: tasks, _folder: folder }
    }

    async fn post(&self, path: &str, body: Vec<u8>) -> Reply {
        self.send(path, body, None).await
    }

    async fn post_packed(&self, path: &str, body: Vec<u8>) -> Reply {
        self.send(path, body, Some("gzip")).await
    }

    async fn send(&self, path: &str, body: Vec<u8>, encoding: Option<&'static str>) -> Reply {
        let pin = self.south.card().tls;
        let config = tls::client(&self.certificate, &self.key, pin).unwrap();
        let stream = Tcp.connect(&self.address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from("comity.invalid").unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        let mut connection = Connection::begin(Box::new(stream), "southland").await.unwrap();
        connection.encoding = encoding;
        let path = format!("/exchange/v1/{path}");
        connection.send(hyper::Method::POST, &path, body, 1 << 20).await.unwrap()
    }

    fn head(&self) -> Note {
        let size = self.north.entries.len() as u64;
        let root = self.north.tiles.root(size).unwrap();
        Checkpoint::new(self.north.ledger.name(), size, root).sign(&self.north.ledger).unwrap()
    }

    /// Delivers entries from `start` on, covered by this head.
    async fn deliver(&self, start: usize, head: &str) -> Reply {
        let terms = self.north.terms.hash().to_hex();
        self.post("entries", delivery(&terms, start, &self.north.entries[start..], head)).await
    }

    async fn deliver_all(&self) -> Reply {
        self.deliver(0, &self.head().to_string()).await
    }

    /// How many pieces prove to whoever has the ledger's key that it signed two histories.
    async fn proven(&self) -> usize {
        let (_, evidence) = self.south.ledgers_and_evidence().await.unwrap();
        let key = self.north.ledger.verifier();
        let proves = |bytes: &[u8]| Fork::parse(bytes).is_ok_and(|fork| fork.verify(key).is_ok());
        evidence.iter().filter(|piece| proves(&piece.bytes)).count()
    }

    async fn evidence(&self) -> Vec<String> {
        let (_, evidence) = self.south.ledgers_and_evidence().await.unwrap();
        evidence.into_iter().map(|piece| piece.code).collect()
    }

    /// An honest statement still gets through.
    async fn still_serves(&mut self) {
        let draft = self.north.draft(Kind::Receipt, encode_receipts(&[]));
        self.north.state(draft).unwrap();
        let reply = self.deliver_all().await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
        assert_eq!(text(&reply).trim(), self.north.entries.len().to_string());
    }
}

fn delivery(terms: &str, start: usize, entries: &[Vec<u8>], head: &str) -> Vec<u8> {
    covered(terms, start, entries, head, &[])
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

#[tokio::test]
async fn a_fork_is_refused_and_both_heads_are_kept() {
    let mut puppet = Puppet::new().await;
    puppet.still_serves().await;
    let size = puppet.north.entries.len() as u64;
    let other = Checkpoint::new(puppet.north.ledger.name(), size, Hash::of(b"another tree"));
    let other = other.sign(&puppet.north.ledger).unwrap();
    let reply = puppet.deliver(0, &other.to_string()).await;
    assert_eq!(reply.status, 422);
    assert!(text(&reply).starts_with("fork"), "{}", text(&reply));
    // The witness and the mirror of the same node are not fooled either.
    let request = AddCheckpoint { old: 0, proof: vec![], note: puppet.head() };
    let good = request.to_string().into_bytes();
    assert_eq!(puppet.post("witness/add-checkpoint", good.clone()).await.status, 200);
    assert_eq!(puppet.post("mirror/add-checkpoint", good).await.status, 200);
    let request = AddCheckpoint { old: size, proof: vec![], note: other };
    for role in ["witness", "mirror"] {
        let reply =
            puppet.post(&format!("{role}/add-checkpoint"), request.to_string().into_bytes()).await;
        assert_eq!(reply.status, 422);
        assert!(text(&reply).starts_with("fork"));
    }
    assert_eq!(puppet.evidence().await, ["fork", "fork", "fork"]);
    assert_eq!(puppet.proven().await, 3);
    puppet.still_serves().await;
}

#[tokio::test]
async fn a_witness_that_holds_the_entries_cosigns_nothing_that_contradicts_them() {
    let mut puppet = Puppet::new().await;
    puppet.still_serves().await;
    let size = puppet.north.entries.len() as u64;
    // It has cosigned nothing of this ledger yet, so by the protocol alone any head would do.
    for size in [size, size + 1] {
        let other = Checkpoint::new(puppet.north.ledger.name(), size, Hash::of(b"another tree"));
        let note = other.sign(&puppet.north.ledger).unwrap();
        let request = AddCheckpoint { old: 0, proof: vec![], note }.to_string().into_bytes();
        assert_eq!(puppet.post("witness/add-checkpoint", request).await.status, 422);
    }
    // One that is ahead of its entries proves nothing: it may only be early.
    assert_eq!(puppet.evidence().await, ["fork"]);
    assert_eq!(puppet.proven().await, 1);
    puppet.still_serves().await;
}

#[tokio::test]
async fn two_heads_that_are_both_ahead_of_their_entries_are_a_fork_too() {
    let mut puppet = Puppet::new().await;
    let one = puppet.north.draft(Kind::Receipt, encode_receipts(&[]));
    puppet.north.state(one).unwrap();
    let terms = puppet.north.terms.hash().to_hex();
    let promise = |puppet: &Puppet, size, root| {
        Checkpoint::new(puppet.north.ledger.name(), size, root).sign(&puppet.north.ledger).unwrap()
    };
    // What follows the first entry is said to be one thing, then another, and proven both times.
    for next in [b"one thing", b"the other"] {
        let root = Hash::node(&Hash::leaf(&puppet.north.entries[0]), &Hash::leaf(next));
        let head = promise(&puppet, 2, root).to_string();
        let proof = [Hash::leaf(next)];
        let body = covered(&terms, 0, &puppet.north.entries[..1], &head, &proof);
        let reply = puppet.post("entries", body).await;
        assert_eq!(reply.status, 200, "{}", text(&reply));
    }
    assert_eq!(puppet.evidence().await, ["fork"]);
    // And the entry that comes in the end is neither.
    assert_eq!(puppet.deliver_all().await.status, 200);
    assert_eq!(puppet.evidence().await, ["fork", "fork"]);
    assert_eq!(puppet.proven().await, 2);
    puppet.still_serves().await;
}

#[tokio::test]
async fn what_a_peer_proves_of_ones_own_ledger_counts() {
    let mut puppet = Puppet::new().await;
    puppet.still_serves().await;
    let agreement = puppet.south.agreement("comity-model").unwrap();
    let own = || async { puppet.south.own_ledger(&agreement).await.unwrap() };
    tokio::time::timeout(Duration::from_secs(30), async {
        while own().await.verified < own().await.size {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    // South cannot reach the outside witness; North can, and says what it said.
    let ledger = own().await;
    assert_eq!(ledger.witnessed, 0);
    let head = comity_store::ledger::head(puppet.south.db(), &ledger.id, None).await.unwrap();
    let mut note = Note::parse(head.unwrap().note.as_bytes()).unwrap();
    assert_eq!(puppet.post("history", note.to_string().into_bytes()).await.status, 422);
    let harbour = party::key("harbour.example", Algorithm::CosignatureV1, 90);
    note.add(cosignature::cosign(&harbour, note.text(), 1_773_000_000).unwrap());
    let reply = puppet.post("history", note.to_string().into_bytes()).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    assert_eq!(own().await.witnessed, ledger.size);
    let stranger = Checkpoint::new("ledger.example/else", 1, Hash::of(b"x")).sign(&harbour);
    assert!(stranger.is_err() || puppet.post("history", vec![]).await.status == 422);
}

#[tokio::test]
async fn a_party_that_keeps_its_first_proof_back_gains_nothing_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Adjustable::new(stage::start()));
    let (harbour, url, _serving) = stage::witness(folder.path(), "harbour", clock.clone()).await;
    let mut puppet = Puppet::under(harbour.key(), &url).await;
    let agreement = puppet.south.agreement("comity-model").unwrap();
    let own = puppet.south.own_ledger(&agreement).await.unwrap();
    harbour.watch(&own.key).unwrap();
    harbour.watch(puppet.north.ledger.verifier()).unwrap();
    let command = stage::ask("who?");
    let thread = puppet.north.command(None, command).unwrap();
    assert_eq!(puppet.deliver_all().await.status, 200);
    // Northland brings no proof; Southland gets one itself.
    let theirs = comity_store::ledger::id_of(puppet.north.ledger.name());
    tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let copy = comity_node::node::ledger_copy(&puppet.south, &theirs).await.unwrap();
            if copy.is_some_and(|copy| copy.witnessed == copy.size) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    // An hour later Northland asks too, and publishes that.
    clock.advance(jiff::SignedDuration::from_hours(1));
    let size = puppet.north.entries.len() as u64;
    let request = AddCheckpoint { old: size, proof: vec![], note: puppet.head() };
    let line = harbour.add_checkpoint(request.to_string().as_bytes()).unwrap();
    let note = format!("{}{line}", puppet.head());
    let published = folder.path().join("published");
    for file in ["checkpoint".to_owned(), format!("history/{size}")] {
        std::fs::create_dir_all(published.join("history")).unwrap();
        std::fs::write(published.join(file), &note).unwrap();
    }
    std::fs::create_dir_all(published.join("tile/entries")).unwrap();
    let bundle = comity_ledger::tile::bundle(&puppet.north.entries);
    let bundles = published.join(format!("tile/entries/000.p/{size}"));
    std::fs::create_dir_all(bundles.parent().unwrap()).unwrap();
    std::fs::write(bundles, bundle).unwrap();
    let mut places = vec![published];
    for (id, name) in [(own.id.clone(), "own"), (theirs, "copy")] {
        let place = folder.path().join(name);
        let ledger = comity_store::ledger::show(puppet.south.db(), &id).await.unwrap();
        comity_node::export::ledger(&puppet.south, &ledger, &place).await.unwrap();
        places.push(place);
    }
    let places: Vec<_> = places.iter().map(|place| place.to_string_lossy().into_owned()).collect();
    let (_, policy) = puppet.south.policy(&agreement).await.unwrap();
    let reach = audit::Reach { network: &Tcp, key: None };
    let alone = audit::run(&reach, &places[..2], &policy, None, None).await.unwrap();
    let sent = |report: &audit::Report| report.audit.requests[&thread].asked[0].witnessed.unwrap();
    let later = stage::start() + jiff::SignedDuration::from_hours(1);
    assert!(sent(&alone) >= later);
    assert_eq!(alone.withheld, []);
    let both = audit::run(&reach, &places, &policy, None, None).await.unwrap();
    assert!(sent(&both) < later);
    assert_eq!(both.withheld, [("northland".parse().unwrap(), size, sent(&both))]);
}

/// Package by package, one of them smaller on the wire, one with a byte changed, one cut short: what
/// was proven stays, and nothing is part of the copy before all of it is there.
#[tokio::test]
async fn a_mirror_takes_packages_as_they_come_and_only_proven_ones() {
    let mut puppet = Puppet::new().await;
    assert_eq!(puppet.deliver_all().await.status, 200);
    for _ in 0..600 {
        let draft = puppet.north.draft(Kind::Receipt, encode_receipts(&[]));
        puppet.north.state(draft).unwrap();
    }
    let request = AddCheckpoint { old: 0, proof: vec![], note: puppet.head() };
    let request = request.to_string().into_bytes();
    assert_eq!(puppet.post("mirror/add-checkpoint", request).await.status, 200);
    let upload = |puppet: &Puppet, start: u64, count: usize| {
        let (entries, tiles) = (&puppet.north.entries, &puppet.north.tiles);
        let end = entries.len() as u64;
        let origin = puppet.north.ledger.name().to_owned();
        let header = Header { origin, start, end, ticket: vec![] };
        let mut body = header.encode();
        for (from, to) in header.intervals().take(count) {
            let part = &entries[from as usize..to as usize];
            mirror::push_package(&mut body, from, part, end, tiles).unwrap();
        }
        body
    };
    let wants = |reply: &Reply| text(reply).lines().nth(1).unwrap().to_owned();
    let whole = upload(&puppet, 1, 1);
    let mut changed = whole.clone();
    changed[200] ^= 1;
    assert_eq!(puppet.post("mirror/add-entries", changed).await.status, 422);
    assert_eq!(puppet.post("mirror/add-entries", whole[..5000].to_vec()).await.status, 400);
    let reply = puppet.post("mirror/add-entries", whole).await;
    assert_eq!((reply.status, wants(&reply)), (202, "256".to_owned()));
    // The second whole and the third cut short; then from the middle of what is there; then packed.
    let cut = upload(&puppet, 256, 2);
    let reply = puppet.post("mirror/add-entries", cut[..cut.len() - 9].to_vec()).await;
    assert_eq!((reply.status, wants(&reply)), (202, "512".to_owned()));
    let reply = puppet.post("mirror/add-entries", upload(&puppet, 513, 1)).await;
    assert_eq!((reply.status, wants(&reply)), (409, "512".to_owned()));
    let copy = || async {
        let id = comity_store::ledger::id_of(puppet.north.ledger.name());
        comity_node::node::ledger_copy(&puppet.south, &id).await.unwrap().unwrap().size
    };
    assert_eq!(copy().await, 1, "and nothing of it is in the copy yet");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(&upload(&puppet, 300, 2)).unwrap();
    let packed = packer.finish().unwrap();
    let bomb = vec![0; 64 << 20];
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&bomb).unwrap();
    let bomb = packer.finish().unwrap();
    assert_eq!(puppet.post_packed("mirror/add-entries", bomb).await.status, 413);
    let reply = puppet.post_packed("mirror/add-entries", packed).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    assert_eq!(copy().await, 601);
    assert_eq!(puppet.evidence().await, ["bad-proof"]);
    let draft = puppet.north.draft(Kind::Receipt, encode_receipts(&[]));
    puppet.north.state(draft).unwrap();
    let head = puppet.head().to_string();
    assert_eq!(puppet.deliver(600, &head).await.status, 200, "and deliveries go on from there");
}

#[tokio::test]
async fn a_rollback_is_refused() {
    let mut puppet = Puppet::new().await;
    let old = puppet.head();
    puppet.still_serves().await;
    puppet.still_serves().await;
    // An older head over more entries than it covers.
    let reply = puppet.deliver(0, &old.to_string()).await;
    assert!(text(&reply).starts_with("rollback"), "{}", text(&reply));
    let request = AddCheckpoint { old: 0, proof: vec![], note: puppet.head() };
    assert_eq!(
        puppet.post("witness/add-checkpoint", request.to_string().into_bytes()).await.status,
        200
    );
    let request = AddCheckpoint { old: 3, proof: vec![], note: old };
    let reply = puppet.post("witness/add-checkpoint", request.to_string().into_bytes()).await;
    assert_eq!(reply.status, 400);
    assert!(text(&reply).starts_with("rollback"));
    assert_eq!(puppet.evidence().await, ["rollback", "rollback"]);
    puppet.still_serves().await;
}

#[tokio::test]
async fn entries_that_came_before_come_back_the_same_or_not_at_all() {
    let mut puppet = Puppet::new().await;
    puppet.still_serves().await;
    let mut changed = puppet.north.entries.clone();
    changed[1][50] ^= 1;
    let terms = puppet.north.terms.hash().to_hex();
    let body = delivery(&terms, 0, &changed, &puppet.head().to_string());
    let reply = puppet.post("entries", body).await;
    assert!(text(&reply).starts_with("rewritten"), "{}", text(&reply));
    assert_eq!(puppet.evidence().await, ["rewritten"]);
    assert_eq!(puppet.proven().await, 0, "the head that it came with does not cover it");
    puppet.still_serves().await;
}

#[tokio::test]
async fn another_ledgers_head_an_unknown_key_and_a_huge_note_are_refused_by_name() {
    let mut puppet = Puppet::new().await;
    puppet.still_serves().await;
    let elsewhere = SigningKey::new("ledger.example/else", Algorithm::Ed25519, &[5; 32]).unwrap();
    let other = Checkpoint::new(elsewhere.name(), 2, Hash::of(b"r")).sign(&elsewhere).unwrap();
    let forger = SigningKey::new(puppet.north.ledger.name(), Algorithm::Ed25519, &[6; 32]).unwrap();
    let forged = Checkpoint::new(forger.name(), 2, Hash::of(b"r")).sign(&forger).unwrap();
    let huge = format!("{}{}", puppet.head(), "\u{2014} n AAAAAAA=\n".repeat(100_000));
    for (head, name) in [
        (other.to_string(), "other-ledger"),
        (forged.to_string(), "unknown-key"),
        (huge, "note-too-large"),
        ("not a note".to_owned(), "malformed-note"),
    ] {
        let reply = puppet.deliver(0, &head).await;
        assert_eq!(reply.status, 422);
        assert!(text(&reply).starts_with(name), "{name}: {}", text(&reply));
        assert_eq!(puppet.evidence().await.last().unwrap(), name);
    }
    puppet.still_serves().await;
}

#[tokio::test]
async fn bad_entries_are_kept_refused_and_receipted_and_block_nobody() {
    let mut puppet = Puppet::new().await;
    let next = |puppet: &Puppet| puppet.north.body(puppet.north.draft(Kind::Escalate, Vec::new()));
    let sign = |puppet: &Puppet, body| {
        puppet.north.key.sign(puppet.north.ledger.name(), body).unwrap().entry().to_vec()
    };
    let mut long = vec![0xd2; 4097];
    long[1] = 0x84;
    let mut bomb = vec![0xd2, 0x84];
    bomb.extend([0x81; 3000]);
    let mut again = next(&puppet);
    again.sequence = 0;
    let mut replayed = next(&puppet);
    replayed.terms = Hash::of(b"other terms");
    let mut early = next(&puppet);
    early.seen =
        Some(Seen { origin: puppet.north.other.origin.clone(), size: 99, root: Hash::of(b"?") });
    let doubled = with_a_key_twice(&sign(&puppet, next(&puppet)));
    let stranger = comity_ledger::statement::StatementKey::new(&[99; 32]).unwrap();
    let unknown = stranger.sign(puppet.north.ledger.name(), next(&puppet)).unwrap();
    let elsewhere = puppet.north.key.sign("ledger.example/else", next(&puppet)).unwrap();
    let bad = [
        (long, "entry-too-long"),
        (bomb, "malformed-statement"),
        (sign(&puppet, again), "equivocation"),
        (sign(&puppet, replayed), "other-agreement"),
        (unknown.entry().to_vec(), "unknown-key"),
        (elsewhere.entry().to_vec(), "other-ledger"),
        (sign(&puppet, early), "unknown-head"),
        (doubled, "malformed-statement"),
    ];
    for (entry, name) in bad {
        // Its own gate refuses it too; a party that does not care appends it all the same.
        assert!(puppet.north.append(entry).is_err());
        let reply = puppet.deliver_all().await;
        assert_eq!(reply.status, 200, "{name}: {}", text(&reply));
        assert_eq!(puppet.evidence().await.last().unwrap(), name);
    }
    puppet.still_serves().await;
    // South's ledger has a receipt for each, with its code.
    let agreement = puppet.south.agreement("comity-model").unwrap();
    let own = puppet.south.own_ledger(&agreement).await.unwrap();
    let entries = comity_store::ledger::entries(puppet.south.db(), &own.id, 0, 100).await.unwrap();
    let receipts: Vec<_> = entries
        .iter()
        .map(|entry| comity_ledger::Statement::parse(entry).unwrap())
        .filter(|statement| statement.body().kind == Kind::Receipt.as_str())
        .flat_map(|statement| {
            comity_rules::channel::decode_receipts(&statement.body().public).unwrap()
        })
        .map(|receipt| receipt.code)
        .collect();
    let expected = [
        "",
        "entry-too-long",
        "malformed-statement",
        "equivocation",
        "other-agreement",
        "unknown-key",
        "other-ledger",
        "unknown-head",
        "malformed-statement",
    ];
    assert_eq!(receipts, expected);
}

/// The same statement, but that its body has its first entry twice, one after the other.
fn with_a_key_twice(entry: &[u8]) -> Vec<u8> {
    let mut d = minicbor::Decoder::new(entry);
    d.tag().unwrap();
    d.array().unwrap();
    let protected = d.bytes().unwrap();
    d.skip().unwrap();
    let (mut body, signature) = (d.bytes().unwrap().to_vec(), d.bytes().unwrap());
    let mut inner = minicbor::Decoder::new(&body);
    inner.map().unwrap();
    let from = inner.position();
    inner.skip().unwrap();
    inner.skip().unwrap();
    let first = body[from..inner.position()].to_vec();
    body.splice(from..from, first);
    body[0] += 1;
    let mut twice = vec![0xd2];
    let mut e = minicbor::Encoder::new(&mut twice);
    e.array(4).unwrap().bytes(protected).unwrap().map(0).unwrap();
    e.bytes(&body).unwrap().bytes(signature).unwrap();
    twice
}

#[tokio::test]
async fn a_head_that_is_older_than_its_predecessors_is_refused() {
    let mut puppet = Puppet::new().await;
    puppet.still_serves().await;
    let agreement = puppet.south.agreement("comity-model").unwrap();
    let own = puppet.south.own_ledger(&agreement).await.unwrap();
    let theirs = comity_store::ledger::entries(puppet.south.db(), &own.id, 0, 100).await.unwrap();
    assert!(theirs.len() >= 2);
    for entry in &theirs {
        puppet.north.arrive(entry).unwrap();
    }
    puppet.north.verify();
    // One that has seen all of it is taken; one after that which has seen less is not.
    puppet.still_serves().await;
    let draft = puppet.north.draft(Kind::Receipt, encode_receipts(&[]));
    let mut body = puppet.north.body(draft);
    let root = puppet.north.arrived_tiles.root(1).unwrap();
    body.seen = Some(Seen { origin: puppet.north.other.origin.clone(), size: 1, root });
    let entry = puppet.north.key.sign(puppet.north.ledger.name(), body).unwrap().entry().to_vec();
    assert!(puppet.north.append(entry).is_err());
    assert_eq!(puppet.deliver_all().await.status, 200);
    assert_eq!(puppet.evidence().await, ["backdated"]);
    puppet.still_serves().await;
}

#[tokio::test]
async fn a_revoked_key_is_good_before_its_index_and_void_after_it() {
    let mut puppet = Puppet::new().await;
    let receipts = || encode_receipts(&[]);
    let draft = puppet.north.draft(Kind::Receipt, receipts());
    puppet.north.state(draft).unwrap();
    let revocation =
        comity_rules::card::revocation(puppet.north.key.public(), &puppet.north.root).unwrap();
    let draft = puppet.north.draft(Kind::RevokeKey, revocation.to_string().into_bytes());
    puppet.north.state(draft).unwrap();
    assert_eq!(puppet.deliver_all().await.status, 200);
    assert!(puppet.evidence().await.is_empty(), "before its revocation a key is good");
    let draft = puppet.north.draft(Kind::Receipt, receipts());
    assert!(puppet.north.state(draft).is_err());
    assert_eq!(puppet.deliver_all().await.status, 200);
    assert_eq!(puppet.evidence().await, ["revoked-key"]);
    let entry = puppet.north.entries.last().unwrap().clone();
    puppet.north.append(entry).unwrap_err();
    assert_eq!(puppet.deliver_all().await.status, 200, "and the node goes on");
    assert_eq!(puppet.evidence().await, ["revoked-key", "revoked-key"]);
    // What was refused can be taken out, byte for byte.
    let (_, kept) = puppet.south.ledgers_and_evidence().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = comity_node::export::evidence(&kept, folder.path()).unwrap();
    assert_eq!(std::fs::read(&files[1]).unwrap(), *puppet.north.entries.last().unwrap());
    assert!(files[1].to_string_lossy().ends_with("-revoked-key"));
}

#[tokio::test]
async fn what_is_no_message_is_refused_with_a_status_and_costs_nothing() {
    let mut puppet = Puppet::new().await;
    for (path, body, status) in [
        ("entries", vec![0xbf; 100_000], 400),
        ("entries", vec![0x9b, 255, 255, 255, 255, 255, 255, 255, 255], 400),
        ("entries", vec![0; 9 * 1024 * 1024], 413),
        ("history", b"nonsense".to_vec(), 422),
        ("witness/add-checkpoint", b"nonsense".to_vec(), 400),
        ("mirror/add-entries", vec![255; 3], 400),
        ("nowhere", Vec::new(), 404),
    ] {
        assert_eq!(puppet.post(path, body).await.status, status, "{path}");
    }
    let other = delivery(
        &Hash::of(b"no such terms").to_hex(),
        0,
        &puppet.north.entries,
        "x\n\n\u{2014} n AAAAAAA=\n",
    );
    assert_eq!(puppet.post("entries", other).await.status, 404);
    puppet.still_serves().await;
}

#[tokio::test]
async fn a_stranger_does_not_get_past_the_handshake() {
    let mut puppet = Puppet::new().await;
    let (certificate, key) = certificate();
    let config = tls::client(&certificate, &key, puppet.south.card().tls).unwrap();
    let stream = Tcp.connect(&puppet.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("comity.invalid").unwrap();
    let refused = match connector.connect(name.clone(), stream).await {
        Err(_) => true,
        // In TLS 1.3 the client learns of it with its first read.
        Ok(stream) => {
            let mut connection = Connection::begin(Box::new(stream), "southland").await.unwrap();
            connection.send(hyper::Method::POST, "/exchange/v1/entries", vec![], 100).await.is_err()
        }
    };
    assert!(refused);
    // And a node does not speak to a server with another certificate than its peer's card names.
    let config = tls::client(&puppet.certificate, &puppet.key, Hash::of(b"another")).unwrap();
    let stream = Tcp.connect(&puppet.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    assert!(connector.connect(name, stream).await.is_err());
    puppet.still_serves().await;
}

/// What the peer states as its key for the hotline is none: nothing can be sealed to it, and something is said all the
/// same.
#[tokio::test]
async fn a_key_that_is_none_closes_no_hotline() {
    let mut puppet = Puppet::new().await;
    puppet.still_serves().await;
    let hash = puppet.north.terms.hash().to_hex();
    let agreement = puppet.south.agreement(&hash).unwrap();
    hotline::attend(&puppet.south, &agreement).await.unwrap();
    let key = EpochKey { epoch: 1, recipient: "nobody".to_owned() };
    let draft = puppet.north.draft(Kind::HotlineKey, key.encode());
    puppet.north.state(draft).unwrap();
    assert_eq!(puppet.deliver_all().await.status, 200);
    puppet.south.test_hotline(&Person::operator(), &agreement, Signal::Echo).await.unwrap();
    let status = puppet.south.hotline_status(&Person::operator(), &agreement).await.unwrap();
    assert_eq!(status.epochs.1, None, "what is said is sealed to the keys of the cards");
}

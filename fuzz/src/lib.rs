//! Every decoder that meets a peer's bytes, as functions of bytes that must not panic, hang or grow
//! without bound, whatever the bytes are.
//!
//! Where a form has one encoding, the function also asks that what was read is written again as it
//! came: else two nodes could hold different bytes for the same thing, and disagree about its hash.
//! `tests/corpora.rs` runs each on its corpus; `bench/fuzz.sh` runs the fuzzer.

#![expect(clippy::expect_used, reason = "a finding is a panic")]

use std::collections::BTreeMap;

use comity_hunt::hunt::{Hunt, Options, Sighting};
use comity_hunt::index::{Builder, Index};
use comity_hunt::indicator::{self, Indicator};
use comity_hunt::input::Source;
use comity_hunt::lists::{self, Choice};
use comity_hunt::scan::Instructions;
use comity_hunt::warning::Warnings;
use comity_ledger::fork::Fork;
use comity_ledger::mirror::{self, Header, Info};
use comity_ledger::note::{Algorithm, Note, Signature, SigningKey, VerifierKey};
use comity_ledger::proof::Proof;
use comity_ledger::seal::{self, Identity};
use comity_ledger::statement::{Sealed, Seen, StatementKey};
use comity_ledger::tile::{self, TilePath};
use comity_ledger::witness::{self, AddCheckpoint};
use comity_ledger::{Body, Checkpoint, Content, Hash, Policy, Statement, Tiles, cosignature};
use comity_node::exchange::{Copied, Entries, Wanted};
use comity_node::intel::{foreign, query};
use comity_node::taxii;
use comity_rules::bundle;
use comity_rules::card::{self, Card, Opening};
use comity_rules::channel::{self, Channel};
use comity_rules::content::Letter;
use comity_rules::matter::{EpochKey, Mark};
use comity_rules::request::Act;
use comity_rules::thread::View;
use comity_rules::{Kind, Request, Terms, ThreadId};
use comity_stix::marking::Marks;
use comity_stix::pattern::{Matcher, Observed, Pattern, Syntax};
use comity_stix::{MOST, bundle as bundle_of, json, path};
use jiff::Timestamp;

/// A target's name and function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 21] = [
    ("note", note),
    ("witness", witness),
    ("mirror", mirror),
    ("statement", statement),
    ("content", content),
    ("sealed", sealed),
    ("proof", proof),
    ("tiles", tiles),
    ("card", card),
    ("terms", terms),
    ("policy", policy),
    ("exchange", exchange),
    ("gate", gate),
    ("stix", stix),
    ("pattern", pattern),
    ("hunt", hunt),
    ("indicators", indicators),
    ("misp", misp),
    ("filter", filter),
    ("marking", marking),
    ("mark", mark),
];

fn key(name: &str, algorithm: Algorithm, seed: u8) -> SigningKey {
    SigningKey::new(name, algorithm, &[seed; 32]).expect("any seed makes a key")
}

/// Notes, checkpoints, cosignatures, signature lines, verifier keys.
pub fn note(data: &[u8]) {
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.to_string().as_bytes(), data, "a note has one form");
        if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
            assert_eq!(checkpoint.text(), note.text(), "a checkpoint has one form");
            let name = checkpoint.origin.as_str();
            for algorithm in [Algorithm::Ed25519, Algorithm::CosignatureV1] {
                if let Ok(ledger) = SigningKey::new(name, algorithm, &[2; 32]) {
                    let _ = Checkpoint::open(&note, ledger.verifier());
                }
            }
        }
        let outside = key("harbour.example", Algorithm::CosignatureV1, 9);
        let _ = cosignature::verify(&note, outside.verifier());
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(lines) = Signature::parse_lines(text) {
        for line in lines {
            assert_eq!(Signature::parse(&line.to_string()), Ok(line), "a line has one form");
        }
    }
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text, "a verifier key has one form");
    }
}

/// `add-checkpoint` requests, and a witness's answer to them.
pub fn witness(data: &[u8]) {
    let Ok(request) = AddCheckpoint::parse(data) else { return };
    assert_eq!(request.to_string().as_bytes(), data, "a request has one form");
    let ledger = key("ledger.example/north", Algorithm::Ed25519, 2);
    let _ = witness::check(&request, ledger.verifier(), (0, Hash::EMPTY));
    let _ = witness::check(&request, ledger.verifier(), (request.old, Hash::of(b"known")));
}

/// `add-entries` uploads, and what a mirror answers.
pub fn mirror(data: &[u8]) {
    if let Ok((header, mut rest)) = Header::parse(data) {
        let encoded = header.encode();
        assert_eq!(encoded, data[..encoded.len()], "a header has one form");
        let pending = Checkpoint::new(&header.origin, header.end, Hash::of(b"pending"));
        for interval in header.intervals().take(64) {
            let Ok((package, after)) = mirror::split_package(rest, interval) else { break };
            let _ = package.verify(&[], &pending);
            rest = after;
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Info::parse(text);
    }
}

/// Entries.
pub fn statement(data: &[u8]) {
    let Ok(statement) = Statement::parse(data) else { return };
    assert_eq!(statement.entry(), data, "an entry has one form");
    let body = statement.body();
    if let Some(kind) = Kind::parse(&body.kind) {
        let _ = Act::of(kind, body);
    }
    let _ = channel::decode_receipts(&body.public);
    let _ = card::split(&body.public);
    let _ = channel::needs(body, "ledger.example/south", |_| true);
    let public = *StatementKey::new(&[7; 32]).expect("any seed makes a key").public();
    let _ = statement.verify(&public, "ledger.example/north");
}

/// Decrypted contents, and the letters in them.
pub fn content(data: &[u8]) {
    let Ok(content) = Content::unpad(data) else { return };
    let (padded, _) = content.pad().expect("what was unpadded is short enough");
    let length = u32::from_be_bytes(data[..4].try_into().expect("four bytes")) as usize + 4;
    assert_eq!(padded[..length], data[..length], "a content has one form");
    for field in content.fields() {
        let opening = content.open(&field.name).expect("it is there");
        opening.verify(&content.root()).expect("it is in the root");
    }
    for kind in Kind::ALL {
        if let Ok(letter) = Letter::read(kind, &content) {
            letter.fields().expect("what was read can be written");
            let _ = letter.agrees(&Act::bare(kind));
        }
    }
}

/// Ciphertexts, before anything in them is authenticated.
pub fn sealed(data: &[u8]) {
    let secret = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let identity = Identity::parse(secret).expect("a key of age's own tests");
    for bucket in [0, 255] {
        let commitment = Sealed { digest: Hash::of(data), bucket, fields: Hash::EMPTY };
        let _ = seal::open(data, &commitment, &identity);
    }
}

/// Proofs in a file, of statements and of forks, and their verification.
pub fn proof(data: &[u8]) {
    let policy = include_str!("../../docs/vectors/policy.txt");
    let policy = Policy::parse(policy).expect("the vector is a policy");
    for part in bundle::split(data) {
        if let Ok(proof) = Proof::parse(part) {
            assert_eq!(proof.to_string().as_bytes(), part, "a proof has one form");
        }
        let _ = bundle::verify(part, &policy);
    }
    if let Ok(fork) = Fork::parse(data) {
        assert!(Fork::is_meant(data));
        assert_eq!(fork.encode(), data, "a proof has one form");
        let ledger = key("ledger.example/north", Algorithm::Ed25519, 2);
        let _ = fork.verify(ledger.verifier());
    }
}

/// Tiles, bundles of entries, and the paths that name them.
pub fn tiles(data: &[u8]) {
    if let Ok(path) = std::str::from_utf8(data).unwrap_or_default().parse::<TilePath>() {
        assert_eq!(path.to_string().as_bytes(), data, "a path has one form");
    }
    let Some((&width, bytes)) = data.split_first() else { return };
    let width = u64::from(width) + 1;
    if let Ok(entries) = tile::entries(bytes, width) {
        let entries: Vec<_> = entries.into_iter().map(<[u8]>::to_vec).collect();
        assert_eq!(tile::bundle(&entries), bytes, "a bundle has one form");
    }
    let mut tiles = Tiles::default();
    for id in tile::edge(width) {
        let _ = tiles.insert(id, bytes);
    }
    let _ = tiles.root(width);
    let _ = tiles.prove_inclusion(width / 2, width);
    let _ = tiles.prove_consistency(width / 2, width);
}

/// Cards, openings, revocations.
pub fn card(data: &[u8]) {
    if let Ok((opening, card)) = card::split(data) {
        assert_eq!(opening.party, card.party);
    }
    let Ok(note) = Note::parse(data) else { return };
    let root = key("northland/root", Algorithm::Ed25519, 1);
    if let Ok(card) = Card::parse(&note) {
        let _ = card.fingerprint();
    }
    let _ = Opening::parse(&note, root.verifier());
    let _ = card::revoked(&note, root.verifier());
}

/// What a matter's statement says openly, its kind by the first byte; and keys for a hotline.
pub fn mark(data: &[u8]) {
    if let Some(key) = EpochKey::parse(data) {
        assert_eq!(key.encode(), data);
        let _ = seal::Recipient::parse(&key.recipient);
    }
    let Some((first, public)) = data.split_first() else { return };
    const KINDS: [Kind; 6] =
        [Kind::Signal, Kind::Confirm, Kind::Position, Kind::Convene, Kind::Minutes, Kind::Action];
    let kind = KINDS[usize::from(*first) % KINDS.len()];
    match Mark::of(kind, public) {
        Ok(Some(mark)) => assert_eq!(mark.encode(), public),
        Ok(None) => assert!(public.is_empty()),
        Err(_) => {}
    }
}

/// Terms that a peer proposes.
pub fn terms(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(terms) = Terms::parse(text) else { return };
    assert_eq!(terms.text(), text);
    let _ = terms.policy(&[]);
    let _ = terms.title("zh");
    for class in &terms.classes {
        assert!(terms.class(&class.id).is_some());
    }
}

/// Policies.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(policy) = Policy::parse(text) else { return };
    let note = include_bytes!("../../docs/vectors/checkpoint.txt");
    let note = Note::parse(note).expect("the vector is a note");
    if let Ok(opened) = policy.open(&note) {
        let _ = policy.is_quorum(&opened);
    }
}

/// The exchange's own messages.
pub fn exchange(data: &[u8]) {
    let _ = Wanted::parse(data);
    let _ = Copied::parse(data);
    let _ = Entries::parse(data);
}

/// The gate and the rules, with a peer that signs whatever it likes: the bytes are its choices.
pub fn gate(data: &[u8]) {
    let mut choices = Choices(data);
    let mut north = Channels::opened();
    let mut requests: BTreeMap<ThreadId, Request> = BTreeMap::new();
    while !choices.0.is_empty() {
        let body = north.body(&mut choices);
        let origin = north.channel.origin.clone();
        let Ok(signed) = north.key.sign(&origin, body) else { continue };
        let next = north.channel.next;
        let known = choices.next().is_multiple_of(8).then(|| Hash::of(b"head"));
        let admitted = north.channel.admit(Statement::parse(signed.entry()), |_| known);
        assert_eq!(north.channel.next, next + 1, "every entry has its place");
        let Ok(admitted) = admitted else { continue };
        let body = admitted.statement.body();
        let thread = ThreadId(body.thread);
        if let Some(request) = requests.get_mut(&thread) {
            let _ = request.apply(admitted.index, admitted.kind, body);
            let _ = request.standing(View::ALL);
            let _ = request.standing(View { asked: admitted.index, answered: 0 });
        } else if admitted.kind == Kind::Send
            && let Ok(request) = Request::open(admitted.index, &origin, body)
        {
            requests.insert(thread, request);
        }
    }
}

/// The bytes, as choices; when they are used up, always 0.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = usize::from(self.next()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes.to_vec()
    }
}

/// A ledger that the other side reads, and the key of its statements.
struct Channels {
    channel: Channel,
    key: StatementKey,
    terms: Hash,
}

impl Channels {
    fn opened() -> Self {
        let root = key("northland/root", Algorithm::Ed25519, 1);
        let statement = StatementKey::new(&[7; 32]).expect("any seed makes a key");
        let ledger = key("ledger.example/north", Algorithm::Ed25519, 2);
        let card = include_bytes!("../../docs/vectors/card.txt");
        let card = Card::parse(&Note::parse(card).expect("a note")).expect("a card");
        let card = Card { statement: *statement.public(), root: root.verifier().clone(), ..card };
        let card = card.sign(&root).expect("a card of this root");
        let (party, terms) = ("northland".parse().expect("a party"), Hash::of(b"terms"));
        let opening = Opening { party, terms, ledger: ledger.verifier().clone() };
        let opening = opening.sign(&root).expect("an opening of this root");
        let (from, to) = ("northland".parse(), "southland".parse());
        let (from, to) = (from.expect("a party"), to.expect("a party"));
        let root = root.verifier().to_string();
        let mut channel = Channel::new(from, to, ledger.verifier(), terms, &root);
        channel.other = Some("ledger.example/south".to_owned());
        let mut north = Self { channel, key: statement, terms };
        let mut body = north.body(&mut Choices(&[]));
        body.public = card::join(&opening, &card);
        let entry = north.key.sign(ledger.name(), body).expect("it fits an entry");
        north
            .channel
            .admit(Statement::parse(entry.entry()), |_| None)
            .expect("it opens the ledger");
        north
    }

    /// A statement that is mostly in its place, and says what the choices say.
    fn body(&self, choices: &mut Choices<'_>) -> Body {
        let kind = usize::from(choices.next());
        let kind = Kind::ALL.get(kind).map_or("request.send/99", |kind| kind.as_str());
        let odd = choices.next();
        let channel = &self.channel;
        let mut thread = ThreadId::opened_by(&channel.origin, channel.sequence);
        if odd & 1 != 0 {
            thread = ThreadId::opened_by(&channel.origin, u64::from(choices.next()));
        }
        let seen = (odd & 2 != 0).then(|| Seen {
            origin: channel.other.clone().unwrap_or_default(),
            size: u64::from(choices.next()),
            root: Hash::of(b"head"),
        });
        let gap = if odd & 4 == 0 { 0 } else { u64::from(choices.next()) };
        Body {
            kind: kind.to_owned(),
            from: channel.from.to_string(),
            to: channel.to.to_string(),
            terms: self.terms,
            thread: thread.0,
            class: (odd & 8 != 0).then(|| String::from_utf8_lossy(&choices.bytes()).into_owned()),
            exercise: odd & 16 != 0,
            outcomes: choices.bytes(),
            answers: (odd & 32 != 0).then(|| u64::from(choices.next())),
            sequence: channel.sequence.wrapping_add(gap),
            previous: channel.last.as_deref().and_then(Hash::from_hex),
            sealed: (odd & 64 == 0).then(|| Sealed {
                digest: Hash::of(b"ciphertext"),
                bucket: 0,
                fields: Hash::of(b"fields"),
            }),
            seen,
            public: choices.bytes(),
            claimed: u64::from(choices.next()) << 56,
        }
    }
}

/// STIX files: what is read whole is read in parts too, and findings are bounded.
pub fn stix(data: &[u8]) {
    let Ok(all) = comity_stix::bundle::validate_all(data) else {
        assert!(json::parse(data).is_err());
        return;
    };
    assert!(all.iter().all(|one| one.findings.len() <= MOST));
    assert!(comity_stix::bundle::split(data).is_ok(), "it was read");
}

/// A pattern on the first line, observed data behind it.
pub fn pattern(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    for syntax in [Syntax::V20, Syntax::V21] {
        let checked = Pattern::check(&text, syntax);
        let Ok(pattern) = Pattern::parse(&text, syntax) else {
            assert!(checked.is_err());
            continue;
        };
        let Ok(matcher) = Matcher::new(&pattern) else { continue };
        let Ok(value) = json::parse(parts.next().unwrap_or_default()) else { continue };
        let Ok(observed) = Observed::all(&value) else { continue };
        if let Ok(Some(found)) = matcher.find(&observed) {
            assert!(
                !found.observed.is_empty() && found.observed.iter().all(|at| *at < observed.len())
            );
        }
    }
}

/// What a hunt for some of every kind finds in a log of any bytes: the same with vector instructions and without, in
/// blocks of any size.
pub fn hunt(data: &[u8]) {
    thread_local! {
        static STAGE: (tempfile::TempDir, [Index; 1]) = stage();
    }
    STAGE.with(|(folder, indexes)| {
        let log = folder.path().join("log");
        std::fs::write(&log, data).expect("the disk has room");
        let sources = [Source::File(log)];
        let found = |block, instructions| {
            let options =
                Options { threads: 1, block, instructions, suppressed: true, times: true };
            let mut all: Vec<Sighting> = Vec::new();
            let hunt = Hunt::new(indexes, &sources, options, &|_| ());
            let summary = hunt.run(&mut |seen: &Sighting| {
                all.push(seen.clone());
                Ok(())
            });
            (all, summary.ok())
        };
        let first = found(48 << 10, Instructions::Fastest);
        assert_eq!(first, found(64, Instructions::Portable), "either way finds the same");
        assert_eq!(first, found(4 << 10, Instructions::Avx2), "and so does the third");
        if first.1.is_some()
            && !data.starts_with(&[0x1f, 0x8b])
            && !data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        {
            for seen in &first.0 {
                assert!(seen.offset + seen.length <= data.len() as u64, "it stands in the log");
            }
        }
    });
}

fn stage() -> (tempfile::TempDir, [Index; 1]) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut builder = Builder::new(Warnings::default());
    for (kind, value) in [
        ("ip", "1.2.3.4"),
        ("ip", "2001:db8::1"),
        ("cidr", "198.51.100.0/24"),
        ("cidr", "2001:db8:1::/48"),
        ("domain", "evil.example"),
        ("domain", "bücher.example"),
        ("url", "http://evil.example/a"),
        ("email", "who@mail.example"),
        ("filename", "my invoice.pdf"),
        ("filename", "tool"),
        ("filename", "x.001"),
        ("md5", "44d88612fea8a8f36de82e1278abb02f"),
        ("ja4", "t13d1516h2_8daaf6152771_b186095e22b6"),
    ] {
        let named = indicator::Kind::of_name(kind).expect("it is a kind");
        builder.add(&Indicator::new(named, value).expect("it is one"));
    }
    let index = builder.write(&folder.path().join("index")).expect("it can be written");
    (folder, [index])
}

/// Lists of indicators, and warning lists.
pub fn indicators(data: &[u8]) {
    let mut found = Vec::new();
    if lists::read(data, Choice { context: true, revoked: false }, &mut |one| {
        found.push(one.clone());
    })
    .is_ok()
    {
        for one in found {
            // What was read is what it is, and stays so.
            let named = indicator::Kind::of_name(one.kind.name()).expect("every kind has a name");
            let again = Indicator::new(named, &one.value).expect("it is still one");
            assert_eq!((again.kind, &again.value), (one.kind, &one.value), "canonical");
        }
    }
    let _ = Warnings::default().add(data);
}

/// Events of MISP into STIX and back, and lists of values.
pub fn misp(data: &[u8]) {
    let now = Timestamp::UNIX_EPOCH;
    let Ok(understood) = foreign::understood(data, now) else { return };
    // What looks like STIX is looked at where it is taken in.
    let Ok(objects) = bundle_of::objects(&understood.bytes) else { return };
    if comity_stix::misp::is_event(data) {
        let objects: Vec<serde_json::Value> = objects
            .iter()
            .map(|one| serde_json::from_slice(one).expect("it was made here"))
            .collect();
        let again = comity_stix::misp::to_stix(data).expect("it was understood before");
        assert_eq!(again.objects, objects, "the same event gives the same objects");
        for event in comity_stix::misp::events(&objects, "fuzz", 0) {
            let _ = event.manifest();
        }
    }
}

/// What a client of TAXII asks for, and what people type to find something.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(asked) = taxii::filter::read(text) {
        assert!(asked.limit > 0, "a page has something");
        assert!(!asked.filter.versions.all || asked.filter.versions.at.is_empty());
    }
    let _ = taxii::filter::accepts(text);
    let _ = taxii::filter::reads(text);
    let _ = query::parse(text);
}

/// Markings, references and words of an object, and objects without some of their parts.
pub fn marking(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(json) = json::parse(data) else { return };
    let _ = comity_stix::terms::terms(&json);
    let _ = bundle_of::objects(data);
    let marks = Marks::of(&json);
    let references = path::references(&json);
    let mut parts: Vec<path::Path> = marks.parts.into_iter().map(|(path, _)| path).collect();
    parts.extend(references.iter().step_by(2).map(|(path, _)| path.clone()));
    let Some(left) = path::without(text, &parts) else { return };
    let left = json::parse(left.as_bytes()).expect("what is left is JSON");
    let kept = path::references(&left);
    assert!(
        kept.len() + references.len().div_ceil(2) <= references.len() + 1,
        "what is cut is gone"
    );
    assert!(Marks::of(&left).whole.len() <= marks.whole.len(), "no selector leads nowhere now");
}

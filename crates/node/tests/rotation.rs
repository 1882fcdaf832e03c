//! A party changes its keys: its peer goes on with it, whenever it hears of that, what was said before
//! stays readable and provable, and the keys before are good for nothing more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod stage;

use std::path::Path;
use std::sync::Arc;

use comity_ledger::Policy;
use comity_node::clock::Adjustable;
use comity_node::home::Change;
use comity_node::http::Connection;
use comity_node::network::{Network as _, Tcp};
use comity_node::{Home, Node, audit, export, prove, serve, tls};
use comity_rules::Kind;
use comity_rules::access::Person;
use comity_rules::bundle;
use comity_rules::command::Command;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use stage::{Stage, answer, ask, remark, until};
use tokio::task::JoinSet;

/// Northland's node stops, gets new keys, and starts again.
async fn rotate(stage: &mut Stage, change: Change) {
    let folder = stage.north.home().folder().to_owned();
    let listen = stage.north.home().config().exchange.clone();
    let moved = change.exchange.is_some();
    stage.northern.shutdown().await;
    let home = Home::open(&folder).unwrap();
    let root = home.root_key(&folder.join("root.key")).unwrap();
    let home = home.rotate(&root, change).unwrap();
    serve_north(stage, &home, if moved { &home.config().exchange } else { &listen }).await;
}

async fn serve_north(stage: &mut Stage, home: &Home, listen: &str) {
    stage.north = stage::open(home, stage.clock.clone(), Arc::new(Tcp)).await;
    let mut tasks = JoinSet::new();
    let listener = Tcp.bind(listen).await.unwrap();
    serve::serve_exchange(&stage.north, listener, &mut tasks).unwrap();
    stage.northern = tasks;
}

/// Southland acknowledges and answers.
async fn give(stage: &Stage, thread: comity_rules::ThreadId, text: &str) {
    for command in [Command::Acknowledge(remark("in hand")), answer(text)] {
        stage.south.command(&Person::operator(), None, Some(thread), command).await.unwrap();
    }
}

/// What a person reads in a request: the texts of its statements.
async fn texts(node: &Node, thread: comity_rules::ThreadId) -> String {
    let dossier = node.dossier(&Person::operator(), thread).await.unwrap().into_inner();
    format!("{:?}", dossier.statements.iter().map(|s| s.kept.clone()).collect::<Vec<_>>())
}

/// Both ledgers as Southland has them, audited by an outsider.
async fn audited(stage: &Stage, folder: &Path) -> audit::Report {
    let (ledgers, _) = stage.south.ledgers_and_evidence().await.unwrap();
    let mut places = Vec::new();
    for ledger in &ledgers {
        let place = folder.join(format!("of-{}", ledger.party));
        let _ = std::fs::remove_dir_all(&place);
        export::ledger(&stage.south, ledger, &place).await.unwrap();
        places.push(place.display().to_string());
    }
    let reach = audit::Reach { network: &Tcp, key: None };
    audit::run(&reach, &places, &policy(stage).await, Some(&stage.terms), None).await.unwrap()
}

async fn policy(stage: &Stage) -> Policy {
    let agreement = stage.south.agreement("comity-model").unwrap();
    stage.south.policy(&agreement).await.unwrap().1
}

/// Whether Southland takes somebody with these for Northland.
async fn is_north(stage: &Stage, certificate: &Path, key: &str) -> bool {
    let keys = stage.north.home().keys().unwrap();
    let certificate = CertificateDer::from(std::fs::read(certificate).unwrap());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(keys.load(key).unwrap()));
    let config = tls::client(&certificate, &key, stage.south.card().tls).unwrap();
    let stream = Tcp.connect(&stage.south.card().exchange).await.unwrap();
    let name = ServerName::try_from(tls::name(1)).unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let Ok(stream) = connector.connect(name, stream).await else { return false };
    let Ok(mut connection) = Connection::begin(Box::new(stream), "southland").await else {
        return false;
    };
    let asked = connection.send(hyper::Method::GET, "/", Vec::new(), 1 << 20).await;
    asked.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peer_goes_on_with_the_new_keys_and_not_with_those_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let hash = stage.hash();
    let first =
        stage.north.command(&Person::operator(), Some(&hash), None, ask("before")).await.unwrap();
    stage.settle().await;
    let home = stage.north.home().folder().to_owned();
    assert!(is_north(&stage, &home.join("tls.der"), "tls").await);

    rotate(&mut stage, Change::default()).await;
    let second =
        stage.north.command(&Person::operator(), Some(&hash), None, ask("after")).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.south.peer(stage.north.party()).unwrap().edition, 2);
    assert!(is_north(&stage, &home.join("keys/tls-2.der"), "tls-2").await);
    assert!(!is_north(&stage, &home.join("tls.der"), "tls").await, "the key before is nobody's");
    for (thread, text) in [(first.thread, "to the first"), (second.thread, "to the second")] {
        give(&stage, thread, text).await;
    }
    stage.settle().await;
    for (thread, text) in [(first.thread, "to the first"), (second.thread, "to the second")] {
        assert!(texts(&stage.north, thread).await.contains(text));
        assert!(texts(&stage.south, thread).await.contains("facts of"));
    }

    // Once more, and to another address at the same time.
    let port = Tcp.bind("127.0.0.1:0").await.unwrap().port();
    let change = Change { exchange: Some(format!("127.0.0.1:{port}")), ..Change::default() };
    rotate(&mut stage, change).await;
    let third = stage
        .north
        .command(&Person::operator(), Some(&hash), None, ask("elsewhere"))
        .await
        .unwrap();
    stage.settle().await;
    let card = stage.south.peer(stage.north.party()).unwrap();
    assert_eq!((card.edition, card.exchange.as_str()), (3, format!("127.0.0.1:{port}").as_str()));
    give(&stage, third.thread, "to the third").await;
    stage.settle().await;
    assert!(texts(&stage.north, third.thread).await.contains("to the third"));
    // What was sealed to the first keys is read with them, again and again.
    assert_eq!(stage.north.rebuild().await.unwrap().1, [""; 0]);
    assert_eq!(stage.south.rebuild().await.unwrap().1, [""; 0]);
    assert!(texts(&stage.north, first.thread).await.contains("to the first"));

    // An outsider with the policy follows from key to key.
    let report = audited(&stage, folder.path()).await;
    assert!(report.is_clean(), "{:?}", report.audit.refused);
    let own = &stage.north.agreement("comity-model").unwrap().own;
    for done in [first, second, third] {
        let proof = prove::statement(&stage.north, &Person::operator(), own, done.index, &[])
            .await
            .unwrap();
        let proven = bundle::verify(proof.to_string().as_bytes(), &policy(&stage).await).unwrap();
        assert_eq!(proven.statement.body().kind, "request.send/1");
    }
    let kinds: Vec<_> = [Kind::AddKey, Kind::RevokeKey].map(Kind::as_str).to_vec();
    let entries = comity_store::ledger::entries(stage.north.db(), own, 0, 100).await.unwrap();
    let stated = entries.iter().map(|entry| comity_ledger::Statement::parse(entry).unwrap());
    let stated: Vec<_> = stated.map(|s| s.body().kind.clone()).collect();
    for kind in kinds {
        assert_eq!(stated.iter().filter(|stated| *stated == kind).count(), 2, "{stated:?}");
    }
    let (_, evidence) = stage.south.ledgers_and_evidence().await.unwrap();
    assert!(evidence.is_empty(), "{evidence:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_was_away_meanwhile_hears_of_it_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(folder.path(), Arc::new(Tcp)).await;
    let hash = stage.hash();
    stage.north.command(&Person::operator(), Some(&hash), None, ask("before")).await.unwrap();
    stage.settle().await;
    // Southland serves nobody, and states something under the keys that it knows.
    let south = stage.south.home().clone();
    stage.tasks.shutdown().await;
    let theirs = stage
        .south
        .command(&Person::operator(), Some(&hash), None, ask("under the old"))
        .await
        .unwrap();
    rotate(&mut stage, Change::default()).await;
    stage.north.command(&Person::operator(), Some(&hash), None, ask("in between")).await.unwrap();
    rotate(&mut stage, Change::default()).await;
    assert!(
        !stage.north.is_at_rest(&stage.north.agreement("comity-model").unwrap()).await.unwrap()
    );

    let listener = Tcp.bind(&south.config().exchange).await.unwrap();
    serve::serve_exchange(&stage.south, listener, &mut stage.tasks).unwrap();
    // (The outside witness stays away: nothing here waits for it.)
    until(async || stage.south.peer(stage.north.party()).unwrap().edition == 3).await;
    until(async || {
        comity_store::request::terms(stage.north.db(), theirs.thread).await.unwrap().is_some()
    })
    .await;
    assert!(texts(&stage.north, theirs.thread).await.contains("facts of under the old"));
    stage
        .north
        .command(
            &Person::operator(),
            None,
            Some(theirs.thread),
            Command::Acknowledge(remark("got it")),
        )
        .await
        .unwrap();
    until(async || texts(&stage.south, theirs.thread).await.contains("got it")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_has_only_the_first_card_takes_the_one_in_the_opening() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Adjustable::new(stage::start()));
    let (harbour, url, mut tasks) = stage::witness(folder.path(), "harbour", clock.clone()).await;
    let mut nodes = Vec::new();
    let mut listeners = Vec::new();
    for party in ["northland", "southland"] {
        let listener = Tcp.bind("127.0.0.1:0").await.unwrap();
        let address = format!("127.0.0.1:{}", listener.port());
        listeners.push(listener);
        let home = stage::home(folder.path(), party, &address).await;
        nodes.push(stage::open(&home, clock.clone(), Arc::new(Tcp)).await);
    }
    stage::introduce(&nodes[0], &nodes[1]).await;
    // Cards were given to each other; then Northland changed its keys, and then both signed.
    let home = nodes[0].home().clone();
    let root = home.root_key(&home.folder().join("root.key")).unwrap();
    let home = home.rotate(&root, Change::default()).unwrap();
    nodes[0] = stage::open(&home, clock.clone(), Arc::new(Tcp)).await;
    let outside = vec![stage::outside("harbour", harbour.key(), &url)];
    let readers = comity_rules::agreement::Readers::Everyone;
    let terms = stage::terms([nodes[0].card(), nodes[1].card()], 1, outside, readers);
    for (node, listener) in nodes.iter().zip(listeners) {
        harbour.watch(&stage::sign(node, &terms).await).unwrap();
        serve::serve_exchange(node, listener, &mut tasks).unwrap();
    }
    let hash = terms.hash().to_hex();
    nodes[0].command(&Person::operator(), Some(&hash), None, ask("hello")).await.unwrap();
    until(async || stage::settled(&nodes[0], &nodes[1]).await).await;
    assert_eq!(nodes[1].peer(nodes[0].party()).unwrap().edition, 2);
}

#[tokio::test]
async fn a_rotation_that_was_cut_short_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let home = stage::home(folder.path(), "northland", "127.0.0.1:1").await;
    let root = home.root_key(&home.folder().join("root.key")).unwrap();
    let card = home.card().to_string();
    let first = home.rotate(&root, Change::default()).unwrap();
    // The card was not replaced: it was cut short just before.
    std::fs::write(home.folder().join("card"), &card).unwrap();
    std::fs::remove_file(home.folder().join("keys/tls-2.der")).unwrap();
    let again = Home::open(home.folder()).unwrap();
    let second = again.rotate(&root, Change::default()).unwrap();
    let read = |home: &Home| comity_rules::card::Card::parse(home.card()).unwrap();
    let (first, second) = (read(&first), read(&second));
    assert_eq!((first.edition, second.edition), (2, 2));
    assert_eq!(first.statement, second.statement, "what was made is used");
    assert_ne!(first.tls, second.tls, "what was not whole is made again");
    Home::open(home.folder()).unwrap().secrets().unwrap().check(&second, home.folder()).unwrap();
    // Another party's root key does not rotate this one's.
    let other = stage::home(folder.path(), "southland", "127.0.0.1:2").await;
    assert!(again.root_key(&other.folder().join("root.key")).is_err());
}

//! Two real nodes and a real witness in one process, over whatever network a test gives them.

#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod line;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use comity_ledger::{Hash, VerifierKey};
use comity_node::clock::{Adjustable, Clock};
use comity_node::network::{Network, Tcp};
use comity_node::witness::Witness;
use comity_node::{Config, Home, Node, serve};
use comity_rules::Terms;
use comity_rules::agreement::{Between, OutsideWitness, Party, Readers, TEMPLATES};
use comity_rules::card::Card;
use comity_rules::command::Command;
use comity_rules::content::{Answer, Ask, Item, ItemAnswer, Remark, Tlp};
use comity_rules::request::Outcome;
use jiff::Timestamp;
use tokio::task::JoinSet;

pub(crate) fn start() -> Timestamp {
    "2026-03-09T08:00:00Z".parse().unwrap()
}

/// A node's folder, its exchange at this address.
///
/// Where the test has put a `mail.toml` beside it, the node has that mail server; with a file `exercise` it plays one.
pub(crate) async fn home(folder: &Path, party: &str, exchange: &str) -> Home {
    let mail = std::fs::read_to_string(folder.join("mail.toml")).ok();
    let mail = mail.map(|text| toml::from_str(&text).unwrap());
    let config = Config {
        party: party.parse().unwrap(),
        name: party.to_owned(),
        zone: "UTC".to_owned(),
        exchange: exchange.to_owned(),
        exchange_listen: None,
        web: "127.0.0.1:0".to_owned(),
        admin: "127.0.0.1:0".to_owned(),
        pages: mail.as_ref().map(|_| format!("https://pages.{party}.example/")),
        hotline_tests: false,
        exercise: folder.join("exercise").exists(),
        mail,
    };
    Home::init(&folder.join(party), config).await.unwrap().home
}

pub(crate) async fn open(
    home: &Home,
    clock: Arc<dyn Clock>,
    network: Arc<dyn Network>,
) -> Arc<Node> {
    let db = Node::store(home, None).await.unwrap();
    Node::open(home.clone(), db, clock, network).await.unwrap()
}

/// The model terms between these.
pub(crate) fn terms(
    cards: [&Card; 2],
    quorum: usize,
    witnesses: Vec<OutsideWitness>,
    readers: Readers,
) -> Terms {
    terms_of("comity-model", cards, quorum, witnesses, readers)
}

/// Terms of this template between these.
fn terms_of(
    template: &str,
    cards: [&Card; 2],
    quorum: usize,
    witnesses: Vec<OutsideWitness>,
    readers: Readers,
) -> Terms {
    let between = Between {
        proposed: start(),
        readers,
        quorum,
        closes: None,
        parties: cards
            .iter()
            .map(|card| Party {
                id: card.party.clone(),
                name: card.name.clone(),
                zone: card.zone.clone(),
                root: card.root.to_string(),
                calendar: None,
            })
            .collect(),
        witnesses,
    };
    let (_, text) = TEMPLATES.iter().find(|(id, _)| *id == template).unwrap();
    Terms::propose(&Terms::parse(text).unwrap(), between).unwrap()
}

pub(crate) fn outside(name: &str, key: &VerifierKey, url: &str) -> OutsideWitness {
    OutsideWitness { name: name.to_owned(), key: key.to_string(), url: url.to_owned() }
}

/// An outside witness that serves on loopback, and where.
pub(crate) async fn witness(
    folder: &Path,
    name: &str,
    clock: Arc<dyn Clock>,
) -> (Arc<Witness>, String, JoinSet<()>) {
    let witness = Witness::open(&folder.join(name), &format!("{name}.example"), clock).unwrap();
    let witness = Arc::new(witness);
    let listener = Tcp.bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", listener.port());
    let mut serving = JoinSet::new();
    serving.spawn(serve::plain(listener, Arc::clone(&witness).router()));
    (witness, url, serving)
}

pub(crate) async fn sign(node: &Node, terms: &Terms) -> VerifierKey {
    let root = node.home().root_key(&node.home().folder().join("root.key")).unwrap();
    let agreement = node.sign(terms.clone(), &root).await.unwrap();
    node.own_ledger(&agreement).await.unwrap().key
}

/// Two nodes that serve each other on loopback, and a witness.
pub(crate) struct Stage {
    pub(crate) north: Arc<Node>,
    pub(crate) south: Arc<Node>,
    pub(crate) clock: Arc<Adjustable>,
    pub(crate) terms: Terms,
    /// Everything that serves but the northern node.
    pub(crate) tasks: JoinSet<()>,
    pub(crate) northern: JoinSet<()>,
}

impl Stage {
    /// Under the model terms; with a file `template` in the folder, under those that it names.
    pub(crate) async fn set(folder: &Path, network: Arc<dyn Network>) -> Self {
        let clock = Arc::new(Adjustable::new(start()));
        let (witness, url, tasks) = witness(folder, "harbour", clock.clone()).await;
        let outside = vec![outside("harbour", witness.key(), &url)];
        Self::under(folder, network, clock, 1, (vec![witness], outside), Readers::Everyone, tasks)
            .await
    }

    /// The same with these witnesses, of which so many make the quorum.
    pub(crate) async fn under(
        folder: &Path,
        network: Arc<dyn Network>,
        clock: Arc<Adjustable>,
        quorum: usize,
        (watching, witnesses): (Vec<Arc<Witness>>, Vec<OutsideWitness>),
        readers: Readers,
        mut tasks: JoinSet<()>,
    ) -> Self {
        let mut nodes = Vec::new();
        let mut listeners = Vec::new();
        for party in ["northland", "southland"] {
            let listener = Tcp.bind("127.0.0.1:0").await.unwrap();
            let address = format!("127.0.0.1:{}", listener.port());
            listeners.push(listener);
            let home = home(folder, party, &address).await;
            nodes.push(open(&home, clock.clone(), Arc::clone(&network)).await);
        }
        let [north, south]: [Arc<Node>; 2] = nodes.try_into().map_err(|_| "two").unwrap();
        introduce(&north, &south).await;
        let template = std::fs::read_to_string(folder.join("template"));
        let template = template.as_deref().unwrap_or("comity-model");
        let terms = terms_of(template, [north.card(), south.card()], quorum, witnesses, readers);
        for node in [&north, &south] {
            let key = sign(node, &terms).await;
            watching.iter().for_each(|witness| witness.watch(&key).unwrap());
        }
        let mut northern = JoinSet::new();
        let sides = [(&north, &mut northern), (&south, &mut tasks)];
        for ((node, tasks), listener) in sides.into_iter().zip(listeners) {
            serve::serve_exchange(node, listener, tasks).unwrap();
        }
        Self { north, south, clock, terms, tasks, northern }
    }

    pub(crate) fn hash(&self) -> String {
        self.terms.hash().to_hex()
    }

    /// The northern node serves nobody any more: what it states stays with it. Where it is to serve again.
    pub(crate) async fn cut(&mut self) -> String {
        self.northern.shutdown().await;
        self.north.home().config().exchange.clone()
    }

    /// It serves again.
    pub(crate) async fn mend(&mut self, address: &str) {
        let listener = Tcp.bind(address).await.unwrap();
        serve::serve_exchange(&self.north, listener, &mut self.northern).unwrap();
    }

    pub(crate) async fn settle(&self) {
        tokio::time::timeout(Duration::from_secs(60), async {
            while !settled(&self.north, &self.south).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("both sides come to rest");
    }
}

/// Waits until it is so.
pub(crate) async fn until(what: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !what().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.expect("it comes to that");
}

pub(crate) async fn introduce(north: &Node, south: &Node) {
    north.add_peer(south.home().card().to_string().as_bytes()).await.unwrap();
    south.add_peer(north.home().card().to_string().as_bytes()).await.unwrap();
}

/// Whether neither side has anything left to do. The first is asked once more in the end: what the
/// second did meanwhile may have given it something.
pub(crate) async fn settled(one: &Node, other: &Node) -> bool {
    for node in [one, other, one] {
        let id = node.agreements()[0].terms.id.clone();
        if !node.is_at_rest(&node.agreement(&id).unwrap()).await.unwrap() {
            return false;
        }
    }
    true
}

pub(crate) fn ask(title: &str) -> Command {
    let item = |ask: &str| Item {
        kind: "information".into(),
        ask: ask.into(),
        identifiers: vec![],
        infrastructure: None,
    };
    Command::Send {
        class: Some("U1-urgent".into()),
        exercise: true,
        ask: Ask {
            title: title.to_owned(),
            facts: format!("facts of {title}"),
            legal_basis: String::new(),
            purpose: String::new(),
            urgency_reason: String::new(),
            marking: Tlp::AmberStrict,
            contact: String::new(),
            items: vec![item("who?")],
            attachments: vec![],
            data_category: None,
            dual_criminality: String::new(),
            reciprocity: String::new(),
            follows: None,
            language: String::new(),
            translation: None,
        },
    }
}

pub(crate) fn remark(text: &str) -> Remark {
    Remark { text: text.to_owned() }
}

pub(crate) fn answer(text: &str) -> Command {
    let item =
        ItemAnswer { item: 1, outcome: Outcome::Answered, text: text.to_owned(), reason: None };
    Command::Answer(Answer {
        text: text.to_owned(),
        limits: None,
        use_limits: String::new(),
        grounds: Default::default(),
        items: vec![item],
        attachments: vec![],
    })
}

/// The body of a delivery without contents, made by hand.
pub(crate) fn covered(
    terms: &str,
    start: usize,
    entries: &[Vec<u8>],
    head: &str,
    proof: &[Hash],
) -> Vec<u8> {
    let entries: Vec<_> = entries.iter().map(|entry| (entry.clone(), None)).collect();
    delivery(terms, start, &entries, head, proof)
}

/// The same with those of the contents that are given.
pub(crate) fn delivery(
    terms: &str,
    start: usize,
    entries: &[(Vec<u8>, Option<Vec<u8>>)],
    head: &str,
    proof: &[Hash],
) -> Vec<u8> {
    let mut body = Vec::new();
    let mut e = minicbor::Encoder::new(&mut body);
    e.map(5).unwrap().u8(1).unwrap().str(terms).unwrap();
    e.u8(2).unwrap().u64(start as u64).unwrap().u8(3).unwrap().array(entries.len() as u64).unwrap();
    for (entry, content) in entries {
        e.array(2).unwrap().bytes(entry).unwrap();
        match content {
            Some(content) => e.bytes(content).unwrap(),
            None => e.null().unwrap(),
        };
    }
    e.u8(4).unwrap().str(head).unwrap().u8(5).unwrap();
    e.array(proof.len() as u64).unwrap();
    for hash in proof {
        e.bytes(&hash.0).unwrap();
    }
    body
}

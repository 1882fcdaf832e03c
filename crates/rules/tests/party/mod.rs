//! A party in memory: real keys, a real ledger, the same gate and rules as a node, no store.

#![allow(dead_code, clippy::needless_pass_by_value, reason = "each test uses some of it")]

use std::collections::BTreeMap;

use comity_ledger::note::{Algorithm, SigningKey, VerifierKey};
use comity_ledger::seal::Identity;
use comity_ledger::statement::{Sealed, Seen, StatementKey};
use comity_ledger::{Body, Hash, Statement, Tiles};
use comity_rules::agreement::{Between, OutsideWitness, Party as Named, Readers, TEMPLATES};
use comity_rules::audit;
use comity_rules::card::{self, Card, Opening};
use comity_rules::channel::{self, Channel, Receipt, Refusal};
use comity_rules::command::{self, Command, Problem};
use comity_rules::content::{Ask, Item, Tlp};
use comity_rules::thread::{Receipted, Sides as _, View};
use comity_rules::{Draft, Kind, Matter, PartyId, Request, Terms, Thread, ThreadId};

pub(crate) struct Party {
    pub(crate) id: PartyId,
    pub(crate) root: SigningKey,
    pub(crate) key: StatementKey,
    pub(crate) ledger: SigningKey,
    pub(crate) terms: Terms,
    pub(crate) card: Card,
    pub(crate) own: Channel,
    pub(crate) other: Channel,
    /// One's own entries, and those of the peer that have arrived.
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) arrived: Vec<Vec<u8>>,
    pub(crate) tiles: Tiles,
    pub(crate) arrived_tiles: Tiles,
    /// How much of the peer's ledger a checkpoint covers here.
    pub(crate) verified: u64,
    pub(crate) requests: BTreeMap<ThreadId, Request>,
    pub(crate) matters: BTreeMap<ThreadId, Matter>,
    pub(crate) owed: Vec<Receipt>,
    pub(crate) verdicts: Vec<String>,
}

pub(crate) fn key(name: &str, algorithm: Algorithm, seed: u8) -> SigningKey {
    SigningKey::new(name, algorithm, &[seed; 32]).unwrap()
}

pub(crate) fn card_of(id: &str, seed: u8) -> (Card, SigningKey, StatementKey) {
    let root = key(&format!("{id}/root"), Algorithm::Ed25519, seed);
    let statement = StatementKey::new(&[seed + 1; 32]).unwrap();
    let card = Card {
        party: id.parse().unwrap(),
        name: id.to_owned(),
        zone: "UTC".to_owned(),
        exchange: "127.0.0.1:1".to_owned(),
        root: root.verifier().clone(),
        statement: *statement.public(),
        recipient: Identity::generate().unwrap().recipient().to_string(),
        witness: key(&format!("{id}/witness"), Algorithm::CosignatureV1, seed + 2)
            .verifier()
            .clone(),
        mirror: key(&format!("{id}/mirror"), Algorithm::CosignatureV1, seed + 3).verifier().clone(),
        tls: Hash::of(id.as_bytes()),
        edition: 1,
    };
    (card, root, statement)
}

/// A request that asks these questions, and says no more than it must.
pub(crate) fn ask(questions: &[&str]) -> Ask {
    let item = |ask: &&str| Item {
        kind: "information".into(),
        ask: (*ask).to_owned(),
        identifiers: vec![],
        infrastructure: None,
    };
    Ask {
        title: "t".into(),
        facts: "f".into(),
        legal_basis: String::new(),
        purpose: String::new(),
        urgency_reason: String::new(),
        marking: Tlp::Amber,
        contact: String::new(),
        items: questions.iter().map(item).collect(),
        attachments: vec![],
        data_category: None,
        dual_criminality: String::new(),
        reciprocity: String::new(),
        follows: None,
        language: String::new(),
        translation: None,
    }
}

/// Two parties under the model terms, their ledgers opened, nothing delivered yet.
pub(crate) fn pair() -> [Party; 2] {
    pair_under(jiff::Timestamp::UNIX_EPOCH, "ledger.example")
}

/// The same two under terms that were proposed then, with ledgers of other names.
pub(crate) fn pair_under(proposed: jiff::Timestamp, ledgers: &str) -> [Party; 2] {
    let cards = [card_of("northland", 10), card_of("southland", 20)];
    let harbour = key("harbour.example", Algorithm::CosignatureV1, 90);
    let between = Between {
        proposed,
        readers: Readers::Everyone,
        quorum: 1,
        closes: None,
        parties: cards
            .iter()
            .map(|(card, ..)| Named {
                id: card.party.clone(),
                name: card.name.clone(),
                zone: card.zone.clone(),
                root: card.root.to_string(),
                calendar: None,
            })
            .collect(),
        witnesses: vec![OutsideWitness {
            name: "harbour".to_owned(),
            key: harbour.verifier().to_string(),
            url: "http://127.0.0.1:1".to_owned(),
        }],
    };
    let model = Terms::parse(TEMPLATES[1].1).unwrap();
    let terms = Terms::propose(&model, between).unwrap();
    let ledgers = [
        key(&format!("{ledgers}/north"), Algorithm::Ed25519, 31),
        key(&format!("{ledgers}/south"), Algorithm::Ed25519, 32),
    ];
    let peers = [1, 0].map(|peer: usize| (cards[peer].0.clone(), ledgers[peer].verifier().clone()));
    let mut parties = cards.into_iter().zip(ledgers).zip(peers).map(
        |(((card, root, key), ledger), (peer, peer_ledger))| {
            Party::new(
                (card, root, key),
                ledger,
                terms.clone(),
                (&peer.party, &peer.root, &peer_ledger),
            )
        },
    );
    [parties.next().unwrap(), parties.next().unwrap()]
}

impl Party {
    /// A party whose ledger has just been opened.
    pub(crate) fn new(
        (card, root, key): (Card, SigningKey, StatementKey),
        ledger: SigningKey,
        terms: Terms,
        (peer, peer_root, peer_ledger): (&PartyId, &VerifierKey, &VerifierKey),
    ) -> Self {
        let channel =
            |from: &PartyId, to: &PartyId, key: &VerifierKey, root: &VerifierKey, other: &str| {
                let (from, to) = (from.clone(), to.clone());
                let mut channel = Channel::new(from, to, key, terms.hash(), &root.to_string());
                channel.other = Some(other.to_owned());
                channel
            };
        let mut party = Self {
            id: card.party.clone(),
            own: channel(&card.party, peer, ledger.verifier(), root.verifier(), peer_ledger.name()),
            other: channel(peer, &card.party, peer_ledger, peer_root, ledger.name()),
            root,
            key,
            ledger,
            card,
            terms: terms.clone(),
            entries: Vec::new(),
            arrived: Vec::new(),
            tiles: Tiles::default(),
            arrived_tiles: Tiles::default(),
            verified: 0,
            requests: BTreeMap::new(),
            matters: BTreeMap::new(),
            owed: Vec::new(),
            verdicts: Vec::new(),
        };
        party.open();
        party
    }

    fn open(&mut self) {
        let opening = Opening {
            party: self.id.clone(),
            terms: self.terms.hash(),
            ledger: self.ledger.verifier().clone(),
        };
        let public =
            card::join(&opening.sign(&self.root).unwrap(), &self.card.sign(&self.root).unwrap());
        let draft = self.draft(Kind::Open, public);
        self.state(draft).unwrap();
    }

    /// A bare draft about the ledger itself.
    pub(crate) fn draft(&self, kind: Kind, public: Vec<u8>) -> Draft {
        Draft {
            kind,
            thread: ThreadId::LEDGER,
            class: None,
            exercise: false,
            outcomes: Vec::new(),
            answers: None,
            public,
        }
    }

    /// The body of the next statement.
    pub(crate) fn body(&self, draft: Draft) -> Body {
        Body {
            kind: draft.kind.as_str().to_owned(),
            from: self.own.from.to_string(),
            to: self.own.to.to_string(),
            terms: self.terms.hash(),
            thread: draft.thread.0,
            class: draft.class,
            exercise: draft.exercise,
            outcomes: draft.outcomes,
            answers: draft.answers,
            sequence: self.own.sequence,
            previous: self.own.last.as_deref().and_then(Hash::from_hex),
            sealed: draft.kind.is_threaded().then(|| Sealed {
                digest: Hash::of(b"ciphertext"),
                bucket: 0,
                fields: Hash::of(b"fields"),
            }),
            seen: (self.verified > 0).then(|| Seen {
                origin: self.other.origin.clone(),
                size: self.verified,
                root: self.arrived_tiles.root(self.verified).unwrap(),
            }),
            public: draft.public,
            claimed: 1_700_000_000 + self.own.sequence,
        }
    }

    pub(crate) fn state(&mut self, draft: Draft) -> Result<(), Refusal> {
        let body = self.body(draft);
        let entry = self.key.sign(self.ledger.name(), body).unwrap().entry().to_vec();
        self.append(entry)
    }

    /// One's own ledger as an auditor reads it, without the times of anything.
    pub(crate) fn published(&self) -> audit::Ledger {
        let (own, root) = (&self.own, self.card.root.to_string());
        let (from, to) = (own.from.clone(), own.to.clone());
        audit::Ledger {
            channel: Channel::new(from, to, self.ledger.verifier(), self.terms.hash(), &root),
            entries: self.entries.clone(),
            tiles: self.tiles.clone(),
            history: Vec::new(),
            mirrored: Vec::new(),
        }
    }

    /// Appends whatever bytes to one's own ledger.
    pub(crate) fn append(&mut self, entry: Vec<u8>) -> Result<(), Refusal> {
        self.tiles.push(self.entries.len() as u64, Hash::leaf(&entry));
        self.entries.push(entry.clone());
        let arrived = &self.arrived_tiles;
        let admitted = self.own.admit(Statement::parse(&entry), |size| arrived.root(size).ok())?;
        self.take(true, &admitted)
    }

    pub(crate) fn command(
        &mut self,
        thread: Option<ThreadId>,
        command: Command,
    ) -> Result<ThreadId, Problem> {
        let known = thread.and_then(|thread| self.thread(thread));
        let (own, seen) = (self.entries.len() as u64, self.verified);
        let view = known.as_ref().map(|thread| {
            let view = if *thread.opener() == self.id {
                View { asked: own, answered: seen }
            } else {
                View { asked: seen, answered: own }
            };
            (thread, view)
        });
        let fresh = ThreadId::opened_by(&self.own.origin, self.own.sequence);
        let draft = command::decide(&self.terms, &self.id, view, fresh, &command)?;
        let thread = draft.thread;
        self.state(draft).expect("what was decided is admitted");
        Ok(thread)
    }

    /// A request or another matter, as this party has it.
    pub(crate) fn thread(&self, id: ThreadId) -> Option<Thread> {
        let request = self.requests.get(&id).cloned().map(Thread::Request);
        request.or_else(|| self.matters.get(&id).cloned().map(Thread::Matter))
    }

    /// Every thread that this party knows.
    pub(crate) fn known(&self) -> Vec<ThreadId> {
        self.requests.keys().chain(self.matters.keys()).copied().collect()
    }

    /// The next entry of the peer arrives.
    pub(crate) fn arrive(&mut self, entry: &[u8]) -> Result<(), Refusal> {
        let index = self.arrived.len() as u64;
        let leaf = Hash::leaf(entry);
        self.arrived_tiles.push(index, leaf);
        self.arrived.push(entry.to_vec());
        let (tiles, size) = (&self.tiles, self.entries.len() as u64);
        let result = self
            .other
            .admit(Statement::parse(entry), |seen| {
                (seen <= size).then(|| tiles.root(seen).ok()).flatten()
            })
            .and_then(|admitted| self.take(false, &admitted));
        let receipt = Statement::parse(entry)
            .is_ok_and(|statement| statement.body().kind == Kind::Receipt.as_str());
        let code =
            result.as_ref().err().map(|refusal| refusal.code().to_owned()).unwrap_or_default();
        if !receipt {
            self.owed.push(Receipt { index, leaf, code: code.clone() });
        }
        self.verdicts.push(code);
        result
    }

    /// A checkpoint of the peer's ledger covers everything that has arrived.
    pub(crate) fn verify(&mut self) {
        self.verified = self.arrived.len() as u64;
    }

    /// States the receipts that are owed.
    pub(crate) fn pay(&mut self) {
        while !self.owed.is_empty() {
            let few = self.owed.len().min(channel::MAX_RECEIPTS);
            let receipts: Vec<_> = self.owed.drain(..few).collect();
            let draft = self.draft(Kind::Receipt, channel::encode_receipts(&receipts));
            self.state(draft).unwrap();
        }
    }

    fn take(&mut self, mine: bool, admitted: &channel::Admitted) -> Result<(), Refusal> {
        let body = admitted.statement.body();
        let (party, tiles) = if mine {
            (self.other.from.clone(), &self.arrived_tiles)
        } else {
            (self.own.from.clone(), &self.tiles)
        };
        let is_real = |receipt: &Receipt| tiles.leaf(receipt.index) == Some(receipt.leaf);
        let channel = if mine { &mut self.own } else { &mut self.other };
        let origin = channel.other.clone().unwrap_or_default();
        let shows = channel.show(channel::needs(body, &origin, is_real));
        for request in self.requests.values_mut() {
            request.shows(&party, shows, admitted.index);
        }
        for matter in self.matters.values_mut() {
            matter.shows(&party, shows, admitted.index);
        }
        if admitted.kind == Kind::Receipt {
            for receipt in channel::decode_receipts(&body.public)? {
                if tiles.leaf(receipt.index) != Some(receipt.leaf) {
                    continue;
                }
                for request in self.requests.values_mut() {
                    let code = receipt.code.clone();
                    let receipted = Receipted { index: admitted.index, code, witnessed: None };
                    request.receipt(&party, receipt.index, receipted);
                }
                for matter in self.matters.values_mut() {
                    let code = receipt.code.clone();
                    let receipted = Receipted { index: admitted.index, code, witnessed: None };
                    matter.receipt(&party, receipt.index, receipted);
                }
            }
        } else if admitted.kind.is_threaded() {
            let id = ThreadId(body.thread);
            let (index, origin) = (admitted.index, admitted.statement.origin());
            // What is not legal is kept as an event without effect, and receipted so.
            if let Some(request) = self.requests.get_mut(&id) {
                let _ = request.apply(index, admitted.kind, body);
            } else if let Some(matter) = self.matters.get_mut(&id) {
                let _ = matter.apply(index, admitted.kind, body);
            } else {
                match Thread::open(index, origin, admitted.kind, body) {
                    Ok(Thread::Request(request)) => drop(self.requests.insert(id, request)),
                    Ok(Thread::Matter(matter)) => drop(self.matters.insert(id, matter)),
                    Err(_) => {}
                }
            }
        }
        Ok(())
    }
}

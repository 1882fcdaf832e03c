//! Somebody with Northland's keys and its ledger, beside Northland's own node: delivers again what was
//! delivered before, late and in any order; or, where it is a traitor, another history.

use std::sync::Arc;

use comity_ledger::note::Algorithm;
use comity_ledger::statement::StatementKey;
use comity_ledger::witness::AddCheckpoint;
use comity_ledger::{Checkpoint, Hash, Note, SigningKey, Statement, tile};
use comity_node::http::{Connection, Reply};
use comity_node::network::Network as _;
use comity_node::{Home, Node, tls};
use comity_rules::channel::encode_receipts;
use comity_store::ledger::{self, Ledger};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};

use crate::stage::{covered, delivery};
use crate::world::{Dice, Failure, Handle, PORT, Simulated};

pub(crate) struct Courier {
    pub(crate) home: Home,
    /// The node whose ledger it carries.
    pub(crate) north: Handle,
    /// The certificate of the node to which it carries it.
    pub(crate) pin: Hash,
}

impl Courier {
    async fn post(&self, path: &str, body: Vec<u8>) -> Result<Reply, Failure> {
        let certificate = std::fs::read(self.home.folder().join("tls.der"))?;
        let key = PrivatePkcs8KeyDer::from(self.home.keys()?.load("tls")?);
        let (certificate, key) = (CertificateDer::from(certificate), PrivateKeyDer::from(key));
        let config = tls::client(&certificate, &key, self.pin)?;
        let stream = Simulated.connect(&format!("southland:{PORT}")).await?;
        let name = ServerName::try_from("comity.invalid")?;
        let stream =
            tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let mut connection = Connection::begin(Box::new(stream), "southland").await?;
        let path = format!("/exchange/v1/{path}");
        Ok(connection.send(hyper::Method::POST, &path, body, 1 << 20).await?)
    }

    async fn own(&self) -> (Arc<Node>, Ledger) {
        let node = self.north.node().await;
        let own = node.own_ledger(&node.agreement("comity-model").unwrap()).await.unwrap();
        (node, own)
    }

    /// Delivers again a part of the ledger, a head or a proof, as they were.
    pub(crate) async fn again(&self, dice: &mut Dice) -> Result<(), Failure> {
        let (node, own) = self.own().await;
        let db = node.db();
        if own.verified == 0 {
            return Ok(());
        }
        let size = 1 + dice.roll(own.verified);
        let head = match ledger::head(db, &own.id, Some(size)).await? {
            Some(head) => head,
            None => ledger::head(db, &own.id, Some(own.verified)).await?.unwrap(),
        };
        let (path, body) = match dice.roll(4) {
            0 => {
                let old = 1 + dice.roll(head.size);
                let proof = consistency(&node, &own, old, head.size).await?;
                let note = Note::parse(head.note.as_bytes())?;
                let role = ["witness", "mirror"][dice.roll(2) as usize];
                let request = AddCheckpoint { old, proof, note };
                (format!("{role}/add-checkpoint"), request.to_string().into_bytes())
            }
            1 => match ledger::history(db, &own.id, size).await? {
                Some(witnessed) => ("history".to_owned(), witnessed.note.into_bytes()),
                None => return Ok(()),
            },
            _ => {
                let end = 1 + dice.roll(head.size);
                let start = dice.roll(end);
                let mut entries = Vec::new();
                // Now and then without what they say, as a mirror's upload brings them.
                let whole = dice.roll(3) > 0;
                for (at, entry) in (start..).zip(ledger::entries(db, &own.id, start, end).await?) {
                    let content = ledger::ciphertext(db, &own.id, at).await?.filter(|_| whole);
                    entries.push((entry, content));
                }
                let proof = consistency(&node, &own, end, head.size).await?;
                let body = delivery(&own.terms, start as usize, &entries, &head.note, &proof);
                ("entries".to_owned(), body)
            }
        };
        // Whatever is answered: what came before says nothing new.
        self.post(&path, body).await?;
        Ok(())
    }

    /// Delivers a ledger whose last entry is another than in the one that Northland's own node keeps, or
    /// which it does not have at all.
    pub(crate) async fn betray(&self, dice: &mut Dice) -> Result<u64, Failure> {
        let (node, own) = self.own().await;
        let keys = self.home.keys()?;
        let name = keys.begun()?.pop().unwrap();
        let ledger_key = keys.load(&name)?;
        let (seed, _) = ledger_key.split_first_chunk::<32>().unwrap();
        let ledger_key = SigningKey::new(own.key.name(), Algorithm::Ed25519, seed)?;
        let last = own.size - 1;
        let entries = ledger::entries(node.db(), &own.id, last, own.size).await?;
        let mut body = Statement::parse(&entries[0])?.body().clone();
        let mut at = last;
        if dice.roll(2) == 0 || last == 0 {
            at = own.size;
            body.kind = "receipt/1".to_owned();
            body.thread = [0; 16];
            (body.class, body.sealed, body.answers) = (None, None, None);
            body.outcomes = Vec::new();
            body.public = encode_receipts(&[]);
            body.sequence += 1;
            body.previous = Some(Hash::leaf(&entries[0]));
        }
        body.claimed += 1;
        let key = StatementKey::new(&keys.seed("statement")?)?;
        let other = key.sign(own.key.name(), body)?.entry().to_vec();
        let mut tiles = ledger::tiles(node.db(), &own.id, &tile::edge(at)).await?;
        tiles.push(at, Hash::leaf(&other));
        let head =
            Checkpoint::new(own.key.name(), at + 1, tiles.root(at + 1)?).sign(&ledger_key)?;
        // From the beginning: however much of the true one is there already.
        let mut all = ledger::entries(node.db(), &own.id, 0, at).await?;
        all.push(other);
        let body = covered(&own.terms, 0, &all, &head.to_string(), &[]);
        self.post("entries", body).await?;
        Ok(at)
    }
}

async fn consistency(node: &Node, own: &Ledger, old: u64, size: u64) -> Result<Vec<Hash>, Failure> {
    if old == size {
        return Ok(Vec::new());
    }
    let tiles = ledger::tiles(node.db(), &own.id, &tile::needed(0, old, size)?).await?;
    Ok(tiles.prove_consistency(old, size)?)
}

//! A node: its keys, its store, its agreements, and what people and peers do with them.

use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use comity_ledger::note::{Note, SigningKey};
use comity_ledger::{Policy, VerifierKey};
use comity_rules::card::Card;
use comity_rules::command;
use comity_rules::content::{BadContent, Letter};
use comity_rules::request::Illegal;
use comity_rules::{PartyId, Terms, ThreadId, agreement, release};
use comity_store::work::Opener;
use comity_store::{Db, Work, journal, ledger, session};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::home::{self, Home, PASSWORD};
use crate::inside::Inside;
use crate::keys;
use crate::network::Network;
use crate::secrets::{Edition, Secrets};
use crate::tls::Pins;
use crate::writer::{self, Job};

pub use comity_store::Error as StoreError;
pub use comity_store::evidence::Evidence;
pub use comity_store::ledger::Ledger;

/// A running node.
pub struct Node {
    pub(crate) home: Home,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) card: Card,
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) pins: Arc<Pins>,
    /// Cards of peers, verified when they came in.
    peers: RwLock<BTreeMap<PartyId, Arc<Card>>>,
    agreements: RwLock<Vec<Arc<Agreement>>>,
    /// What does not get on, by what it is, with the last error: for the doctor.
    troubles: Mutex<BTreeMap<String, String>>,
    /// How far others' clocks are ahead of this one, in seconds, as last heard.
    pub(crate) skews: Mutex<BTreeMap<String, i64>>,
    /// Held by whoever judges which agreements are over, and by whoever takes a signature back.
    pub(crate) ends: tokio::sync::Mutex<()>,
    /// Hashes of the keys of alerts that are kept in the store.
    told: Mutex<HashSet<u64>>,
    jobs: mpsc::Sender<Job>,
    /// Counts commits that somebody may wait for.
    changed: watch::Sender<u64>,
}

/// An agreement that this party signed.
pub struct Agreement {
    /// Its terms.
    pub terms: Terms,
    /// The other party.
    pub peer: PartyId,
    /// Id of this party's ledger under it.
    pub own: String,
    /// The ledger's key; `None` where it is lost: then nothing is signed under this agreement any more.
    pub(crate) key: Option<SigningKey>,
    /// The store was put back from a backup: nothing is signed before that is reconciled.
    pub(crate) restored: AtomicBool,
    /// This party has signed later terms that put an end to it.
    pub(crate) ending: AtomicBool,
    /// This party took its signature back before the other's came.
    pub(crate) withdrawn: AtomicBool,
    /// How it ended, once both have signed such terms.
    pub(crate) ended: Mutex<Option<Ended>>,
}

/// The end of an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    /// When clocks stopped.
    pub(crate) at: Timestamp,
    /// Each party's ledger up to its last head.
    pub(crate) heads: Vec<(PartyId, u64)>,
}

impl Agreement {
    /// Whether nothing is stated or cosigned under it yet, for the store was put back from a backup.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.restored.load(Ordering::Acquire)
    }

    /// Whether it is over: both parties signed later terms that put an end to it, or this party took its signature
    /// back before the other had signed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_withdrawn() || self.ended().is_some()
    }

    /// Whether this party took its signature back, and the other's has not come.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire)
    }

    /// When it ended, where both parties have signed terms that put an end to it: when those were proposed. From then on
    /// neither could state anything under it, and no clock runs.
    #[must_use]
    pub fn ended(&self) -> Option<Timestamp> {
        self.end_of().map(|ended| ended.at)
    }

    /// The last entry of a party's ledger that counts, where it ended.
    #[must_use]
    pub fn last_of(&self, party: &PartyId) -> Option<u64> {
        self.end_of()?.heads.into_iter().find(|(own, _)| own == party).map(|(_, size)| size)
    }

    fn end_of(&self) -> Option<Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether this party has signed terms that put an end to it; until the other has too it goes on, and nothing new is
    /// stated or taken.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire) && !self.is_closed()
    }

    /// Whether something can be done under it now, as far as its end goes.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        !self.is_closed() && !self.is_ending()
    }

    /// Whether something may be signed.
    pub(crate) fn check_signs(&self) -> Result<(), Error> {
        if self.is_closed() {
            return Err(Error::Closed(self.terms.id.clone()));
        }
        if self.is_ending() {
            return Err(Error::Ending { id: self.terms.id.clone(), peer: self.peer.clone() });
        }
        if self.is_restored() {
            return Err(Error::Restored(self.peer.clone()));
        }
        if self.key.is_none() { Err(Error::Keyless(self.terms.id.clone())) } else { Ok(()) }
    }
}

impl Error {
    /// Whether something that is needed could not be reached, as against a call that is wrong.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Store(error) => !matches!(error, StoreError::Missing { .. }),
            Self::Http(_)
            | Self::Stopping
            | Self::Listen { .. }
            | Self::Restored(_)
            | Self::Intercepted { .. }
            | Self::Unwelcome { .. } => true,
            _ => false,
        }
    }
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The request.
    pub thread: ThreadId,
    /// Place of the statement in this party's ledger.
    pub index: u64,
}

/// Why a node did not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] comity_store::Error),
    /// The folder.
    #[error(transparent)]
    Home(#[from] home::Error),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// Ledgers.
    #[error(transparent)]
    Ledger(#[from] comity_ledger::Error),
    /// The command.
    #[error(transparent)]
    Command(#[from] command::Problem),
    /// The command answers what no checkpoint of the peer covers yet.
    #[error("{0}, as far as the peer's last checkpoint goes; try again in a moment")]
    Early(Illegal),
    /// Terms.
    #[error(transparent)]
    Terms(#[from] agreement::Problem),
    /// What it says cannot be encoded.
    #[error(transparent)]
    Content(#[from] BadContent),
    /// Release.
    #[error(transparent)]
    Held(#[from] release::Held),
    /// The person may not.
    #[error(transparent)]
    Denied(#[from] comity_rules::access::Denied),
    /// Nothing of that name.
    #[error("there is no {what} {id:?}{hint}")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// By what.
        id: String,
        /// What to do.
        hint: &'static str,
    },
    /// The store was put back from a backup and is not reconciled.
    #[error(
        "restored: this node was put back from a backup and is not reconciled with {0} and the witnesses \
         yet; it signs nothing before that. See `comity doctor`"
    )]
    Restored(PartyId),
    /// Later terms put an end to the agreement.
    #[error(
        "closed: later terms put an end to this agreement ({0}); its ledgers stay as they are. What was open is \
         sent again under the terms that took its place: see `comity agreement list`"
    )]
    Closed(String),
    /// This party has signed terms that put an end to the agreement, and the other has not.
    #[error(
        "ending: this party has signed terms that put an end to this agreement ({id}), and {peer} has not yet. \
         Nothing is stated or taken under it until then. If {peer} does not sign, or something cannot wait, \
         `comity agreement withdraw` takes this party's signature back"
    )]
    Ending {
        /// Its id.
        id: String,
        /// The other party.
        peer: PartyId,
    },
    /// Terms that are to follow others wait for the other party's signature.
    #[error(
        "waiting: {peer} has not signed these terms ({id}) yet, and may never: until then nothing is stated under \
         them. If something cannot wait, `comity agreement withdraw` takes this party's signature back"
    )]
    Waiting {
        /// Its id.
        id: String,
        /// The other party.
        peer: PartyId,
    },
    /// The key of a ledger is lost.
    #[error(
        "the key of this party's ledger under {0} is not in keys/: was it not copied to this folder, or is \
         it in a backup? Only if it is lost for good, end the agreement with `comity agreement succeed`"
    )]
    Keyless(String),
    /// Somebody else answers where the peer should.
    #[error(
        "intercepted: what answers at {address} does not have {peer}'s certificate. Somebody is on this \
         line, or {peer} has a new card that is not here yet (`comity peer add`). Nothing was sent"
    )]
    Intercepted {
        /// Who should answer.
        peer: PartyId,
        /// Where.
        address: String,
    },
    /// The peer does not know this node's certificate.
    #[error(
        "refused: {peer} does not take this node's certificate. It has not added this card (`comity peer \
         add` there), or it has a later one than this folder's edition {edition}: bring back keys/ and \
         card of that, or if they are lost see `comity card rotate --edition`"
    )]
    Unwelcome {
        /// Who refuses.
        peer: PartyId,
        /// The latest edition of the card in this folder.
        edition: u64,
    },
    /// What this party holds its own people to.
    #[error(transparent)]
    Inside(#[from] Inside),
    /// Something that does not fit together.
    #[error("{0}")]
    Refused(String),
    /// An address that cannot be listened at.
    #[error("listening at {address}: {error}; another program may have this port")]
    Listen {
        /// Which.
        address: String,
        /// Why.
        error: std::io::Error,
    },
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
    /// Something could not be reached.
    #[error(transparent)]
    Http(#[from] crate::http::Error),
}

impl Node {
    /// Opens a node. Nothing listens yet; see [`crate::serve`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn open(
        home: Home,
        db: Db,
        clock: Arc<dyn Clock>,
        network: Arc<dyn Network>,
    ) -> Result<Arc<Self>, Error> {
        let secrets = Arc::new(home.secrets()?);
        let card = Card::parse(home.card())?;
        secrets.check(&card, home.folder())?;
        secrets.load_hotline(&home.keys()?, true)?;
        let pins = Arc::new(Pins::default());
        let (jobs, queue) = mpsc::channel(1024);
        let node = Arc::new(Self {
            home,
            secrets,
            card,
            db,
            clock,
            network,
            pins,
            peers: RwLock::default(),
            agreements: RwLock::default(),
            troubles: Mutex::default(),
            skews: Mutex::default(),
            ends: tokio::sync::Mutex::default(),
            told: Mutex::default(),
            jobs,
            changed: watch::Sender::new(0),
        });
        node.load_peers().await?;
        for known in comity_store::agreement::list(&node.db).await? {
            if known.signed {
                let agreement = node.activate(known.terms).await?;
                node.add(agreement);
            }
        }
        node.close_ended().await?;
        // The writer ends with the node: it holds no strong reference to it between jobs.
        tokio::spawn(writer::run(Arc::downgrade(&node), queue));
        Ok(node)
    }

    /// Opens the store of a folder: SQLite, or PostgreSQL at a URL.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn store(home: &Home, database: Option<&str>) -> Result<Db, Error> {
        // Remembered, so that every command of this folder speaks to the same store.
        let known = home.database()?;
        let Some(url) = database.or(known.as_deref()) else {
            return Ok(Db::sqlite(&home.store()).await?);
        };
        let db = Db::postgres(url).await?;
        match &known {
            None => keys::write_new(&home.database_file(), url.as_bytes())?,
            Some(known) if known != url => {
                return Err(Error::Refused(format!(
                    "this folder belongs to the database in {}; edit that file to move it",
                    home.database_file().display()
                )));
            }
            Some(_) => {}
        }
        if session::setting(&db, PASSWORD).await?.is_none() {
            // The password was set by `init`, in the folder's own store.
            let first = Db::sqlite(&home.store()).await?;
            if let Some(hash) = session::setting(&first, PASSWORD).await? {
                session::set(&db, PASSWORD, &hash).await?;
            }
        }
        Ok(db)
    }

    /// This party.
    #[must_use]
    pub fn party(&self) -> &PartyId {
        &self.card.party
    }

    /// This party's card.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The store, for reading.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The folder.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Now, by this node's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// This node's clock, in microseconds since 1970.
    pub(crate) fn microseconds(&self) -> impl Fn() -> i64 + Send + Sync + 'static {
        let clock = Arc::clone(&self.clock);
        move || clock.now().as_microsecond()
    }

    /// The agreements that this party signed.
    #[must_use]
    pub fn agreements(&self) -> Vec<Arc<Agreement>> {
        self.agreements.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The agreements under which this party may state something.
    #[must_use]
    pub fn in_force(&self) -> Vec<Arc<Agreement>> {
        let mut all = self.agreements();
        all.retain(|one| one.goes_on() && !self.waits(one));
        all
    }

    /// Whether an agreement is not over, nor one whose terms wait for the other party's signature.
    #[must_use]
    pub fn stands(&self, agreement: &Agreement) -> bool {
        !agreement.is_closed() && !self.waits(agreement)
    }

    /// Whether terms that are to end another agreement wait for the other party's signature, which may never come.
    pub(crate) fn waits(&self, agreement: &Agreement) -> bool {
        let ends = |old: &Arc<Agreement>| {
            old.is_ending() && agreement.terms.ends(&old.terms.hash().to_hex())
        };
        self.agreements().iter().any(ends)
    }

    /// The agreement with this hash of terms, or whose hash begins so, or of this id: of several, the one
    /// that is not closed.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn agreement(&self, id: &str) -> Result<Arc<Agreement>, Error> {
        let matches = |a: &&Arc<Agreement>| {
            a.terms.hash().to_hex().starts_with(id) && id.len() >= 4 || a.terms.id == id
        };
        let mut all = self.agreements();
        if all.iter().filter(matches).any(|agreement| self.stands(agreement)) {
            all.retain(|agreement| self.stands(agreement) || agreement.terms.hash().to_hex() == id);
        }
        let mut found = all.iter().filter(matches);
        match (found.next(), found.next()) {
            (Some(agreement), None) => Ok(Arc::clone(agreement)),
            (Some(_), Some(_)) => Err(Error::Refused(format!(
                "{id:?} is more than one agreement here; name it by the first digits of its hash"
            ))),
            (None, _) => Err(Error::Missing {
                what: "agreement signed here",
                id: id.chars().take(80).collect(),
                hint: "; see `comity agreement list`",
            }),
        }
    }

    /// Waits for the next change after the one counted `seen`; returns the new count.
    pub async fn changed(&self, seen: u64) -> u64 {
        let mut watch = self.changed.subscribe();
        // The sender lives as long as the node, and so does whoever waits here.
        let _ = watch.wait_for(|count| *count > seen).await;

        *watch.borrow()
    }

    /// How many changes there were.
    #[must_use]
    pub fn change_count(&self) -> u64 {
        *self.changed.borrow()
    }

    /// Notes what does not get on, or that it does.
    pub(crate) fn trouble(&self, what: &str, error: Option<&Error>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => drop(troubles.insert(what.to_owned(), error.to_string())),
            None => drop(troubles.remove(what)),
        }
    }

    /// What does not get on with this peer is nobody's business any more: another agreement says its own.
    pub(crate) fn forget_troubles(&self, peer: &PartyId) {
        let ending = format!("({peer})");
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.retain(|what, _| !what.ends_with(&ending));
    }

    /// What does not get on, with the last error.
    #[must_use]
    pub fn troubles(&self) -> BTreeMap<String, String> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether an alert is known to be kept in the store.
    pub(crate) fn is_told(&self, key: &str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).contains(&hash_of(key))
    }

    /// Notes that it is.
    pub(crate) fn note_told(&self, key: &str) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(hash_of(key));
    }

    /// Forgets of what was told all but this.
    pub(crate) fn forget_told(&self, still: &[comity_store::alert::Alert]) {
        let still: HashSet<u64> = still.iter().map(|alert| hash_of(&alert.key)).collect();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|key| still.contains(key));
    }

    /// Jobs that wait for the writer.
    pub(crate) fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    pub(crate) fn change(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Takes in a peer's card. The caller has had its fingerprint read aloud.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn add_peer(&self, card: &[u8]) -> Result<Card, Error> {
        let note = Note::parse(card)?;
        let parsed = Card::parse(&note)?;
        if parsed.party == *self.party() {
            return Err(Error::Refused("this is this node's own card".to_owned()));
        }
        for agreement in self.agreements() {
            let named = agreement.terms.party(&parsed.party);
            if named.is_some_and(|party| party.root != parsed.root.to_string()) {
                return Err(Error::Refused(format!(
                    "{} has signed terms here that name another root key for {}",
                    agreement.terms.id, parsed.party
                )));
            }
        }
        let taken = |card: &&Arc<Card>| card.tls == parsed.tls && card.party != parsed.party;
        if let Some(other) = self.peers().iter().find(taken) {
            let party = &other.party;
            return Err(Error::Refused(format!(
                "{party}'s card has the same exchange certificate"
            )));
        }
        let known = self.peers().into_iter().find(|card| card.party == parsed.party);
        if let Some(known) = known.filter(|k| k.root == parsed.root && k.edition > parsed.edition) {
            return Err(Error::Refused(format!(
                "this is edition {} of {}'s card; edition {} is here already",
                parsed.edition, parsed.party, known.edition
            )));
        }
        comity_store::agreement::save_peer(&self.db, &parsed.party, &note.to_string()).await?;
        self.load_peers().await?;
        self.journal("peer add", parsed.party.as_str()).await?;
        Ok(parsed)
    }

    /// Reads the peers' cards anew, after one was replaced.
    pub(crate) async fn load_peers(&self) -> Result<(), Error> {
        let mut peers = BTreeMap::new();
        for peer in comity_store::agreement::peers(&self.db).await? {
            self.pins.set(&peer.party, peer.tls);
            peers.insert(peer.party.clone(), Arc::new(peer));
        }
        *self.peers.write().unwrap_or_else(PoisonError::into_inner) = peers;
        Ok(())
    }

    /// This party's editions, that first which a peer knows: with its certificate this node speaks to it.
    /// Where it does not take that one, its own store may have been put back: then the others are tried.
    pub(crate) async fn editions_for(&self, peer: &PartyId) -> Result<Vec<&Edition>, Error> {
        let mut known = 0;
        for agreement in self.agreements().iter().filter(|agreement| agreement.peer == *peer) {
            known = known.max(self.told_edition(agreement).await?);
        }
        let mut editions: Vec<_> = self.secrets.editions.iter().collect();
        editions.sort_by_key(|edition| edition.number != known);
        Ok(editions)
    }

    /// The latest edition of this party's card that the peer has taken from its ledger under an agreement;
    /// 0 where it has taken none.
    pub(crate) async fn told_edition(&self, agreement: &Agreement) -> Result<u64, Error> {
        let own = ledger::show(&self.db, &agreement.own).await?;
        for edition in &self.secrets.editions {
            if let Some(from) = own.channel.valid_from(edition.statement.public())
                && ledger::has_taken(&self.db, &own.id, from.saturating_sub(1)).await?
            {
                return Ok(edition.number);
            }
        }
        Ok(0)
    }

    /// The cards of the peers, by party.
    #[must_use]
    pub fn peers(&self) -> Vec<Arc<Card>> {
        self.peers.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The card of a peer.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn peer(&self, party: &PartyId) -> Result<Arc<Card>, Error> {
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers.get(party).cloned().ok_or_else(|| Error::Missing {
            what: "peer",
            id: party.to_string(),
            hint: "; add its card with `comity peer add`",
        })
    }

    /// A thread by its id or the first digits of it.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn find(&self, id: &str) -> Result<ThreadId, Error> {
        if let Ok(thread) = id.parse() {
            return Ok(thread);
        }
        let digits = |c: char| c.is_ascii_hexdigit() || c == '-';
        let missing = || Error::Missing {
            what: "request or other matter",
            id: id.chars().take(40).collect(),
            hint: "; see `comity request list` and `comity matter list`",
        };
        if id.len() < 4 || !id.chars().all(digits) {
            return Err(missing());
        }
        let found = comity_store::request::find(&self.db, &id.to_ascii_lowercase()).await?;
        match found.as_slice() {
            [thread] => Ok(*thread),
            [] => Err(missing()),
            _ => Err(Error::Refused(format!("{id:?} begins more than one id"))),
        }
    }

    /// The policy of an agreement, once both ledgers are known; its text and the parsed form.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn policy(&self, agreement: &Agreement) -> Result<(String, Policy), Error> {
        let own = ledger::show(&self.db, &agreement.own).await?;
        let other = ledger::counterpart(&self.db, &own).await?;
        let keys: Vec<&VerifierKey> =
            [Some(&own), other.as_ref()].into_iter().flatten().map(|ledger| &ledger.key).collect();
        Ok(agreement.terms.policy(&keys)?)
    }

    /// This party's ledger under an agreement, as committed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn own_ledger(&self, agreement: &Agreement) -> Result<Ledger, Error> {
        Ok(ledger::show(&self.db, &agreement.own).await?)
    }

    /// The ledgers that are kept here, and what was refused.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn ledgers_and_evidence(&self) -> Result<(Vec<Ledger>, Vec<Evidence>), Error> {
        Ok((ledger::list(&self.db).await?, comity_store::evidence::list(&self.db).await?))
    }

    /// Notes in the journal what the operator saw or took out.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn journal(&self, act: &str, about: &str) -> Result<(), Error> {
        self.journal_of("operator", act, about).await
    }

    /// Notes in the journal what somebody saw or did.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn journal_of(&self, who: &str, act: &str, about: &str) -> Result<(), Error> {
        Ok(journal::note(&self.db, self.now(), who, act, about).await?)
    }

    /// Whether all that this party stated under an agreement is covered by a checkpoint, witnessed,
    /// delivered and mirrored, and all that is proven here was told.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn is_at_rest(&self, agreement: &Agreement) -> Result<bool, Error> {
        let own = ledger::show(&self.db, &agreement.own).await?;
        // Put back, it does not know what there is.
        Ok(!agreement.is_restored()
            && own.witnessed == own.size
            && self.mirrored(&own).await? == own.size
            && ledger::delivered(&self.db, &own.id).await? == own.size
            && ledger::news(&self.db, &own.terms).await?.is_none())
    }

    /// How much of a ledger the other side's mirror covers.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn mirrored(&self, ledger: &Ledger) -> Result<u64, Error> {
        Ok(ledger::mirrored(&self.db, &ledger.id).await?)
    }

    /// Makes every view again from the ledgers.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn rebuild(&self) -> Result<(u64, Vec<&'static str>), Error> {
        let rebuilt = comity_store::rebuild(&self.db, self.opener()).await?;
        crate::intel::reindex(&self.db).await?;
        Ok((rebuilt.entries, rebuilt.differed))
    }

    pub(crate) async fn begin(&self) -> Result<Work, Error> {
        Ok(Work::begin(&self.db, self.opener()).await?)
    }

    /// Hands a job to the writer and waits for what becomes of it.
    pub(crate) async fn job<T>(
        &self,
        job: impl FnOnce(tokio::sync::oneshot::Sender<Result<T, Error>>) -> Job,
    ) -> Result<T, Error> {
        let (reply, result) = tokio::sync::oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_| Error::Stopping)?;
        result.await.map_err(|_| Error::Stopping)?
    }

    fn opener(&self) -> Opener {
        opener(Arc::clone(&self.secrets))
    }

    pub(crate) fn add(&self, agreement: Arc<Agreement>) {
        self.agreements.write().unwrap_or_else(PoisonError::into_inner).push(agreement);
    }
}

fn hash_of(key: &str) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Opens what is sealed to these keys.
pub(crate) fn opener(secrets: Arc<Secrets>) -> Opener {
    Arc::new(move |kind, ciphertext, sealed| {
        let content = secrets.open(ciphertext, sealed).map_err(|error| error.code())?;
        Letter::read(kind, &content).map_err(|_| "not-understood")
    })
}

/// There is no such thread.
pub(crate) fn no_thread(thread: ThreadId) -> Error {
    let hint = "; see `comity request list` and `comity matter list`";
    Error::Missing { what: "request or other matter", id: thread.to_string(), hint }
}

/// The copy that a node keeps of a ledger; `None` where it has none.
///
/// # Errors
/// [`Error::Store`].
pub async fn ledger_copy(node: &Node, id: &str) -> Result<Option<Ledger>, Error> {
    match ledger::show(&node.db, id).await {
        Ok(ledger) => Ok(Some(ledger)),
        Err(comity_store::Error::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

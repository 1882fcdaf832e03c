//! A node: its keys, its store, its agreements, and what people and peers do with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use comity_ledger::note::{Algorithm, Note, SigningKey};
use comity_ledger::{Body, Policy, VerifierKey, hex, seal};
use comity_rules::card::{self, Card, Opening};
use comity_rules::command::{self, Command};
use comity_rules::content::Letter;
use comity_rules::release::Reader;
use comity_rules::request::Illegal;
use comity_rules::{Kind, PartyId, Terms, ThreadId, agreement};
use comity_store::work::Opener;
use comity_store::{Db, Work, journal, ledger, reader, session};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::home::{self, Home, PASSWORD, Secrets};
use crate::network::Network;
use crate::tls::Pins;
use crate::writer::{self, Job};
use crate::{keys, password};

pub use comity_store::Error as StoreError;
pub use comity_store::evidence::Evidence;
pub use comity_store::ledger::Ledger;

/// How long a command waits for the peer's next checkpoint where it answers something so new that
/// no checkpoint covers it yet.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(5);

/// How long a person stays signed in.
const SESSION: SignedDuration = SignedDuration::from_hours(12);

/// A running node.
pub struct Node {
    pub(crate) home: Home,
    pub(crate) secrets: Secrets,
    pub(crate) card: Card,
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) network: Arc<dyn Network>,
    pub(crate) pins: Arc<Pins>,
    agreements: RwLock<Vec<Arc<Agreement>>>,
    /// What does not get on, by what it is, with the last error: for the doctor.
    troubles: Mutex<BTreeMap<String, String>>,
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
    /// The ledger's key.
    pub(crate) key: SigningKey,
}

impl Error {
    /// Whether something that is needed could not be reached, as against a call that is wrong.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Store(error) => !matches!(error, StoreError::Missing { .. }),
            Self::Http(_) | Self::Stopping | Self::Listen { .. } => true,
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
    /// Release.
    #[error(transparent)]
    Held(#[from] comity_rules::release::Held),
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
        let secrets = home.secrets()?;
        let card = Card::parse(home.card())?;
        secrets.check(&card, home.folder())?;
        let pins = Arc::new(Pins::default());
        for peer in comity_store::agreement::peers(&db).await? {
            pins.set(&peer.party, peer.tls);
        }
        let (jobs, queue) = mpsc::channel(1024);
        let node = Arc::new(Self {
            home,
            secrets,
            card,
            db,
            clock,
            network,
            pins,
            agreements: RwLock::default(),
            troubles: Mutex::default(),
            jobs,
            changed: watch::Sender::new(0),
        });
        for known in comity_store::agreement::list(&node.db).await? {
            if known.signed {
                let agreement = node.activate(known.terms).await?;
                node.add(agreement);
            }
        }
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
        let path = home.folder().join("database");
        let known = std::fs::read_to_string(&path).ok();
        let Some(url) = database.or(known.as_deref()) else {
            return Ok(Db::sqlite(&home.folder().join("store.db"))?);
        };
        let db = Db::postgres(url).await?;
        match &known {
            None => keys::write_new(&path, url.as_bytes())?,
            Some(known) if known != url => {
                return Err(Error::Refused(format!(
                    "this folder belongs to the database in {}; edit that file to move it",
                    path.display()
                )));
            }
            Some(_) => {}
        }
        if session::setting(&db, PASSWORD).await?.is_none() {
            // The password was set by `init`, in the folder's own store.
            let first = Db::sqlite(&home.folder().join("store.db"))?;
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

    /// The agreements that this party signed.
    #[must_use]
    pub fn agreements(&self) -> Vec<Arc<Agreement>> {
        self.agreements.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The agreement with this hash of terms, or whose hash begins so, or of this id.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn agreement(&self, id: &str) -> Result<Arc<Agreement>, Error> {
        let matches = |a: &&Arc<Agreement>| {
            a.terms.hash().to_hex().starts_with(id) && id.len() >= 4 || a.terms.id == id
        };
        let all = self.agreements();
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

    /// What does not get on, with the last error.
    #[must_use]
    pub fn troubles(&self) -> BTreeMap<String, String> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let peers = comity_store::agreement::peers(&self.db).await?;
        let taken = |card: &&Card| card.tls == parsed.tls && card.party != parsed.party;
        if let Some(other) = peers.iter().find(taken) {
            let party = &other.party;
            return Err(Error::Refused(format!(
                "{party}'s card has the same exchange certificate"
            )));
        }
        comity_store::agreement::save_peer(&self.db, &parsed.party, &note.to_string()).await?;
        self.pins.set(&parsed.party, parsed.tls);
        journal::note(&self.db, self.now(), "operator", "peer add", parsed.party.as_str()).await?;
        Ok(parsed)
    }

    /// The card of a peer.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub async fn peer(&self, party: &PartyId) -> Result<Card, Error> {
        let peers = comity_store::agreement::peers(&self.db).await?;
        peers.into_iter().find(|card| card.party == *party).ok_or_else(|| Error::Missing {
            what: "peer",
            id: party.to_string(),
            hint: "; add its card with `comity peer add`",
        })
    }

    /// Signs terms: begins this party's ledger under them.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn sign(&self, terms: Terms, root: &SigningKey) -> Result<Arc<Agreement>, Error> {
        let refused = |problem: &str| Error::Refused(problem.to_owned());
        let me = terms.party(self.party()).ok_or_else(|| {
            refused("this party is not among the parties of these terms; see `agreement propose`")
        })?;
        if me.root != root.verifier().to_string() {
            return Err(refused("the terms name another root key for this party"));
        }
        let peer =
            terms.peer_of(self.party()).ok_or_else(|| refused("the terms name no other party"))?;
        let card = self.peer(&peer.id).await?;
        if card.root.to_string() != peer.root {
            return Err(refused("the terms name another root key for the peer than its card"));
        }
        self.check_outside(&terms, &card)?;
        if self.agreements().iter().any(|agreement| agreement.terms.hash() == terms.hash()) {
            return Err(refused("these terms are signed here already"));
        }
        // A crash may have left the key, or the key and the ledger: then this goes on from there.
        let name = key_name(&terms);
        // A ledger that was just begun here stands in the store before its terms do.
        let lost = self.lost_ledgers().await?;
        let own = self.home.keys()?.has_begun(&name) && self.knows_ledger(&terms).await?;
        if lost.iter().any(|lost| *lost != name || !own) {
            return Err(Error::Refused(format!(
                "a ledger of this folder has begun, and the store does not have it: bring back the store \
                 of {}. To sign without it could begin a second history",
                self.home.folder().display()
            )));
        }
        if !self.home.keys()?.has(&name) {
            let origin = hex::encode(&comity_ledger::random::<16>()?);
            let origin = format!("ledger.comity.invalid/{origin}");
            let seed: [u8; 32] = comity_ledger::random()?;
            self.home.keys()?.save(&name, &[&seed[..], origin.as_bytes()].concat())?;
        }
        let key = self.ledger_key(&terms)?;
        let origin = key.name().to_owned();
        let opening = Opening {
            party: self.party().clone(),
            terms: terms.hash(),
            ledger: key.verifier().clone(),
        };
        let opening = opening.sign(root)?;
        let body = Body {
            kind: Kind::Open.as_str().to_owned(),
            from: self.party().to_string(),
            to: card.party.to_string(),
            terms: terms.hash(),
            thread: ThreadId::LEDGER.0,
            class: None,
            exercise: false,
            outcomes: Vec::new(),
            answers: None,
            sequence: 0,
            previous: None,
            sealed: None,
            seen: None,
            public: card::join(&opening, self.home.card()),
            claimed: self.clock.seconds(),
        };
        let statement = self.secrets.statement.sign(&origin, body)?;
        if ledger_copy(self, &ledger::id_of(&origin)).await?.is_none() {
            let mut work = self.begin().await?;
            work.create(&terms, self.party(), &card.party, key.verifier(), true).await?;
            let taken = work.take(&ledger::id_of(&origin), statement.entry(), None).await?;
            if let Some((code, reason)) = taken.refused {
                return Err(Error::Refused(format!("the opening of the ledger: {code}: {reason}")));
            }
            work.commit().await?;
        }
        // From here on the ledger is there: without it in the store nothing may be signed with its key.
        self.home.keys()?.begin(&name)?;
        comity_store::agreement::save(&self.db, &terms, true).await?;
        journal::note(&self.db, self.now(), "operator", "agreement sign", &terms.hash().to_hex())
            .await?;
        let agreement = self.activate(terms).await?;
        self.add(Arc::clone(&agreement));
        self.change();
        Ok(agreement)
    }

    /// Whether none of the witnesses that terms call outside is one of the parties itself.
    ///
    /// # Errors
    /// [`Error::Refused`] names the one that is.
    pub(crate) fn check_outside(&self, terms: &Terms, peer: &Card) -> Result<(), Error> {
        for witness in terms.between.iter().flat_map(|between| &between.witnesses) {
            let key = VerifierKey::parse(&witness.key)?;
            if let Some(card) = [&self.card, peer].into_iter().find(|card| card.holds(&key)) {
                return Err(Error::Refused(format!(
                    "witness {}: this is a key of {}'s own card; an outside witness belongs to neither party",
                    witness.name, card.party
                )));
            }
        }
        Ok(())
    }

    async fn knows_ledger(&self, terms: &Terms) -> Result<bool, Error> {
        let key = self.ledger_key(terms)?;
        Ok(ledger_copy(self, &ledger::id_of(key.name())).await?.is_some())
    }

    /// Ledgers that this folder's keys have begun and that the store does not have: the store was
    /// lost, or is another's.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn lost_ledgers(&self) -> Result<Vec<String>, Error> {
        let known: Vec<_> =
            self.agreements().iter().map(|agreement| key_name(&agreement.terms)).collect();
        let begun = self.home.keys()?.begun()?;
        Ok(begun.into_iter().filter(|name| !known.contains(name)).collect())
    }

    /// Carries out a person's command; when this returns, the statement is durable.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn command(
        &self,
        who: &str,
        terms: Option<&str>,
        thread: Option<ThreadId>,
        command: Command,
    ) -> Result<Done, Error> {
        let deadline = tokio::time::Instant::now() + CHECKPOINT_PATIENCE;
        let terms = terms.map(|id| self.agreement(id)).transpose()?;
        let terms = terms.map(|agreement| agreement.terms.hash().to_hex());
        loop {
            let seen = self.change_count();
            let result = self
                .job(|reply| Job::Command {
                    who: who.to_owned(),
                    terms: terms.clone(),
                    thread,
                    command: Box::new(command.clone()),
                    reply,
                })
                .await;
            // What this answers may be so new that no checkpoint of the peer covers it yet: one
            // comes within a second or two. A statement may only answer what it can point to.
            let early = matches!(&result, Err(Error::Early(_)));
            let over = tokio::time::Instant::now() >= deadline;
            if !early
                || over
                || tokio::time::timeout_at(deadline, self.changed(seen)).await.is_err()
            {
                return result;
            }
        }
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
            what: "request",
            id: id.chars().take(40).collect(),
            hint: "; see `comity request list`",
        };
        if id.len() < 4 || !id.chars().all(digits) {
            return Err(missing());
        }
        let found = comity_store::request::find(&self.db, &id.to_ascii_lowercase()).await?;
        match found.as_slice() {
            [thread] => Ok(*thread),
            [] => Err(missing()),
            _ => Err(Error::Refused(format!("{id:?} begins more than one request's id"))),
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
        Ok(journal::note(&self.db, self.now(), "operator", act, about).await?)
    }

    /// Whether all that this party stated under an agreement is covered by a checkpoint, witnessed,
    /// delivered and mirrored, and all that is proven here was told.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn is_at_rest(&self, agreement: &Agreement) -> Result<bool, Error> {
        let own = ledger::show(&self.db, &agreement.own).await?;
        Ok(own.witnessed == own.size
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

    /// Gives a key that reads the ledgers under an agreement over HTTP, own and mirrored, for so many
    /// days. It is shown once: only its hash is kept.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn give_reader(
        &self,
        name: &str,
        agreement: &str,
        days: u16,
    ) -> Result<String, Error> {
        let agreement = self.agreement(agreement)?;
        let key = hex::encode(&comity_ledger::random::<32>()?);
        let expires = self.now() + SignedDuration::from_hours(i64::from(days) * 24);
        let given = reader::Given {
            name: name.to_owned(),
            terms: agreement.terms.hash().to_hex(),
            expires,
        };
        reader::give(&self.db, &token_hash(&key), &given).await?;
        self.journal("reader give", name).await?;
        Ok(key)
    }

    /// Takes a reader's keys back; whether there were any.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn remove_reader(&self, name: &str) -> Result<bool, Error> {
        let removed = reader::take_back(&self.db, name).await? > 0;
        self.journal("reader remove", name).await?;
        Ok(removed)
    }

    /// Who reads with this key; `None` where it is nobody's, or expired.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn reader(&self, key: &str) -> Result<Option<Reader>, Error> {
        let given = reader::of(&self.db, &token_hash(key), self.now()).await?;
        let terms = given.and_then(|given| comity_ledger::Hash::from_hex(&given.terms));
        Ok(terms.map(Reader::Auditor))
    }

    /// Signs a person in: a token for the browser, where the password is right.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sign_in(&self, password: &str) -> Result<Option<String>, Error> {
        let Some(hash) = session::setting(&self.db, PASSWORD).await? else { return Ok(None) };
        let given = password.to_owned();
        // Slow on purpose, so not on a thread that others wait for.
        let verified = tokio::task::spawn_blocking(move || password::verify(&given, &hash));
        let about = "operator";
        if !verified.await.unwrap_or(false) {
            journal::note(&self.db, self.now(), about, "sign in refused", "").await?;
            return Ok(None);
        }
        let token = hex::encode(&comity_ledger::random::<32>()?);
        let now = self.now();
        session::begin(&self.db, &token_hash(&token), now, now + SESSION).await?;
        journal::note(&self.db, now, about, "sign in", "").await?;
        Ok(Some(token))
    }

    /// Whether a browser's token is a session's.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn is_signed_in(&self, token: &str) -> Result<bool, Error> {
        Ok(session::is_valid(&self.db, &token_hash(token), self.now()).await?)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sign_out(&self, token: &str) -> Result<(), Error> {
        Ok(session::end(&self.db, &token_hash(token)).await?)
    }

    /// Makes every view again from the ledgers.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn rebuild(&self) -> Result<(u64, Vec<&'static str>), Error> {
        let rebuilt = comity_store::rebuild(&self.db, self.opener()).await?;
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
        let identity = self.secrets.identity.clone();
        Arc::new(move |kind, ciphertext, sealed| {
            let content =
                seal::open(ciphertext, sealed, &identity).map_err(|error| error.code())?;
            Letter::read(kind, &content).map_err(|_| "not-understood")
        })
    }

    async fn activate(&self, terms: Terms) -> Result<Arc<Agreement>, Error> {
        let damaged = || Error::Refused("the terms name no other party".to_owned());
        let key = self.ledger_key(&terms)?;
        let own = ledger::id_of(key.name());
        if ledger_copy(self, &own).await?.is_none() {
            return Err(Error::Refused(format!(
                "the store has terms {} and not the ledger that keys/{}.key signs: one of the two is \
                 another node's; bring back this node's own",
                terms.id,
                key_name(&terms)
            )));
        }
        self.home.keys()?.begin(&key_name(&terms))?;
        let peer = terms.peer_of(self.party()).map(|peer| peer.id.clone()).ok_or_else(damaged)?;
        Ok(Arc::new(Agreement { terms, peer, own, key }))
    }

    /// The key of this party's ledger under these terms, and with it the ledger's origin.
    fn ledger_key(&self, terms: &Terms) -> Result<SigningKey, Error> {
        let secret = self.home.keys()?.load(&key_name(terms))?;
        let damaged = || Error::Refused("the ledger key is damaged".to_owned());
        let (seed, origin) = secret.split_first_chunk::<32>().ok_or_else(damaged)?;
        let origin = std::str::from_utf8(origin).map_err(|_| damaged())?;
        Ok(SigningKey::new(origin, Algorithm::Ed25519, seed)?)
    }

    fn add(&self, agreement: Arc<Agreement>) {
        self.agreements.write().unwrap_or_else(PoisonError::into_inner).push(agreement);
    }
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

fn key_name(terms: &Terms) -> String {
    format!("ledger-{}", &terms.hash().to_hex()[..16])
}

/// The store has only this: who reads it cannot take over a session.
fn token_hash(token: &str) -> String {
    comity_ledger::Hash::of(token.as_bytes()).to_hex()
}

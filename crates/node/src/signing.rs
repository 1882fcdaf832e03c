//! Terms become an agreement: signed once, with a ledger that begins once.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use comity_ledger::note::{Algorithm, SigningKey};
use comity_ledger::{Body, VerifierKey, hex};
use comity_rules::card::{self, Card, Opening};
use comity_rules::{Kind, Terms, ThreadId};
use comity_store::{journal, ledger};

use crate::node::{Agreement, Error, Node, ledger_copy};
use crate::writer::Job;

impl Node {
    /// Signs terms: begins this party's ledger under them. The agreement that they put an end to is over once both
    /// parties have.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn sign(&self, terms: Terms, root: &SigningKey) -> Result<Arc<Agreement>, Error> {
        let Some(ended) = self.ended_by(&terms)? else {
            return self.begin_ledger(terms, root).await;
        };
        self.check_alone(&terms, &ended)?;
        let before = ended.ending.swap(true, Ordering::AcqRel);
        let signed = async {
            // What was stated or taken until now is in the store, and nothing comes after it: so the
            // last heads are held against all that there will be.
            self.job(|reply| Job::Settle { reply }).await?;
            self.check_closing(&terms, &ended).await?;
            self.begin_ledger(terms, root).await
        };
        let signed = signed.await;
        if signed.is_err() {
            ended.ending.store(before, Ordering::Release);
        }
        self.close_ended().await?;
        signed
    }

    async fn begin_ledger(&self, terms: Terms, root: &SigningKey) -> Result<Arc<Agreement>, Error> {
        let refused = |problem: &str| Error::Refused(problem.to_owned());
        let me = terms.party(self.party()).ok_or_else(|| {
            refused("this party is not among the parties of these terms; see `agreement propose`")
        })?;
        if me.root != root.verifier().to_string() {
            return Err(refused("the terms name another root key for this party"));
        }
        let peer =
            terms.peer_of(self.party()).ok_or_else(|| refused("the terms name no other party"))?;
        let card = self.peer(&peer.id)?;
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
        let statement = self.secrets.latest().statement.sign(&origin, body)?;
        if ledger_copy(self, &ledger::id_of(&origin)).await?.is_none() {
            let mut work = self.begin().await?;
            work.create(&terms, self.party(), &card.party, key.verifier(), true).await?;
            let taken = work.state(&ledger::id_of(&origin), statement, None).await?;
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

    pub(crate) async fn activate(&self, terms: Terms) -> Result<Arc<Agreement>, Error> {
        let damaged = || Error::Refused("the terms name no other party".to_owned());
        let key = match self.home.keys()?.has(&key_name(&terms)) {
            true => Some(self.ledger_key(&terms)?),
            false => None,
        };
        let own = match &key {
            Some(key) => ledger::id_of(key.name()),
            None => ledger::own_under(&self.db, &terms.hash().to_hex()).await?.unwrap_or_default(),
        };
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
        let restored = self.is_put_back(&terms, &own).await?.into();
        Ok(Arc::new(Agreement {
            terms,
            peer,
            own,
            key,
            restored,
            ending: false.into(),
            withdrawn: false.into(),
            ended: Mutex::default(),
        }))
    }

    /// The key of this party's ledger under these terms, and with it the ledger's origin.
    fn ledger_key(&self, terms: &Terms) -> Result<SigningKey, Error> {
        let secret = self.home.keys()?.load(&key_name(terms))?;
        let damaged = || Error::Refused("the ledger key is damaged".to_owned());
        let (seed, origin) = secret.split_first_chunk::<32>().ok_or_else(damaged)?;
        let origin = std::str::from_utf8(origin).map_err(|_| damaged())?;
        Ok(SigningKey::new(origin, Algorithm::Ed25519, seed)?)
    }
}

/// The file name of the key of the ledger under these terms.
pub(crate) fn key_name(terms: &Terms) -> String {
    format!("ledger-{}", &terms.hash().to_hex()[..16])
}

//! Who is let in: the operator by a password, readers of ledgers by a key. Of both only hashes are kept.

use comity_ledger::{Hash, hex};
use comity_rules::release::Reader;
use comity_store::{journal, reader, session};
use jiff::SignedDuration;

use crate::home::PASSWORD;
use crate::node::{Error, Node};
use crate::password;

/// How long a person stays signed in.
const SESSION: SignedDuration = SignedDuration::from_hours(12);

impl Node {
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
        let terms = given.and_then(|given| Hash::from_hex(&given.terms));
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
}

/// The store has only this: who reads it cannot take over a session.
fn token_hash(token: &str) -> String {
    Hash::of(token.as_bytes()).to_hex()
}

//! Who is let in: the operator and people by a password, readers of ledgers by a key. Of both only hashes are kept.

use std::sync::LazyLock;

use comity_ledger::{Hash, hex};
use comity_rules::access::Person;
use comity_rules::release::Reader;
use comity_store::{account, journal, reader, session};
use jiff::SignedDuration;

use crate::home::PASSWORD;
use crate::node::{Error, Node};
use crate::password;

/// The hash of a password that nobody has.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let password = password::generate().unwrap_or_default();
    password::hash(&password).unwrap_or_default()
});

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

    /// Signs a person in: a token for the browser, where name and password are right. The operator is
    /// the one of the folder.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sign_in(&self, name: &str, password: &str) -> Result<Option<String>, Error> {
        let Some(person) = self.known(name, password).await? else { return Ok(None) };
        let token = hex::encode(&comity_ledger::random::<32>()?);
        let now = self.now();
        session::begin(&self.db, &token_hash(&token), &person.name, now, now + SESSION).await?;
        journal::note(&self.db, now, &person.name, "sign in", "").await?;
        Ok(Some(token))
    }

    /// Who has this name and password; `None` where nobody has.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn known(&self, name: &str, password: &str) -> Result<Option<Person>, Error> {
        let operator = Person::operator();
        let name = name.trim();
        let found = if name.is_empty() || name == operator.name {
            session::setting(&self.db, PASSWORD).await?.map(|hash| (operator, hash))
        } else {
            let account = account::show(&self.db, name).await?.filter(|account| !account.disabled);
            account.map(|account| (account.person, account.password))
        };
        let given = password.to_owned();
        // Slow on purpose, so not on a thread that others wait for; and as slow where there is nobody of
        // this name, so that nobody learns who there is.
        let hash = found.as_ref().map(|(_, hash)| hash.clone()).unwrap_or_else(|| NOBODY.clone());
        let verified = tokio::task::spawn_blocking(move || password::verify(&given, &hash));
        if verified.await.unwrap_or(false) {
            return Ok(found.map(|(person, _)| person));
        }
        let about: String = name.chars().take(40).collect();
        journal::note(&self.db, self.now(), &about, "sign in refused", "").await?;
        Ok(None)
    }

    /// Whose session a browser's token is; `None` where it is nobody's, or the account was closed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn person(&self, token: &str) -> Result<Option<Person>, Error> {
        let name = session::account(&self.db, &token_hash(token), self.now()).await?;
        let operator = Person::operator();
        match name {
            Some(name) if name == operator.name => Ok(Some(operator)),
            Some(name) => {
                let account = account::show(&self.db, &name).await?;
                Ok(account.filter(|account| !account.disabled).map(|account| account.person))
            }
            None => Ok(None),
        }
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

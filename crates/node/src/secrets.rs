//! What a running node holds of its keys: those of each edition of its card.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use comity_ledger::note::{Note, SigningKey};
use comity_ledger::seal::{self, Identity};
use comity_ledger::statement::{Sealed, StatementKey};
use comity_ledger::{Content, Hash};
use comity_rules::card::Card;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::home::Error;
use crate::keys::{Keys, write_new};

/// How the names of keys for hotlines begin.
pub(crate) const HOTLINE: &str = "hotline-";

/// The keys that a running node holds.
pub struct Secrets {
    /// Those of each edition of the card, the latest first: what was sealed to an earlier one is still
    /// opened, and a peer that has not got the latest card still knows the certificate before.
    pub editions: Vec<Edition>,
    /// Cosigns peers' heads as a witness.
    pub witness: SigningKey,
    /// Cosigns peers' heads as a mirror.
    pub mirror: SigningKey,
    /// Opens what was said on hotlines, as long as the keys for that are not destroyed.
    pub(crate) hotline: RwLock<BTreeMap<String, Arc<Identity>>>,
}

/// The keys of one edition of a card.
pub struct Edition {
    /// Which.
    pub number: u64,
    /// Signs statements.
    pub statement: StatementKey,
    /// Opens content.
    pub identity: Identity,
    /// The exchange certificate.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub tls: PrivateKeyDer<'static>,
    /// What makes its statement key void, once there is a later edition.
    pub revocation: Option<Note>,
}

impl Secrets {
    /// The keys of the card's own edition.
    ///
    /// # Panics
    /// Never: a card has an edition.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a card has an edition")]
    pub fn latest(&self) -> &Edition {
        self.editions.first().expect("an edition")
    }

    /// Opens what is sealed to any of these keys.
    ///
    /// # Errors
    /// What [`seal::open`] refuses.
    pub fn open(
        &self,
        ciphertext: &[u8],
        sealed: &Sealed,
    ) -> Result<Content, comity_ledger::Error> {
        let mut opened = seal::open(ciphertext, sealed, &self.latest().identity);
        for edition in self.editions.iter().skip(1) {
            if !matches!(opened, Err(comity_ledger::Error::Undecryptable(_))) {
                break;
            }
            opened = seal::open(ciphertext, sealed, &edition.identity);
        }
        let hotline = self.hotline.read().unwrap_or_else(PoisonError::into_inner);
        for identity in hotline.values() {
            if !matches!(opened, Err(comity_ledger::Error::Undecryptable(_))) {
                break;
            }
            opened = seal::open(ciphertext, sealed, identity);
        }
        opened
    }

    /// The key for a hotline of this name, as long as it is not destroyed.
    pub(crate) fn hotline_key(&self, name: &str) -> Option<Arc<Identity>> {
        self.hotline.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Reads the keys for hotlines that are in the folder.
    pub(crate) fn load_hotline(&self, keys: &Keys, at_start: bool) -> Result<(), Error> {
        // One at a time: whoever read the folder first must not be the last who says what is in it.
        let mut own = self.hotline.write().unwrap_or_else(PoisonError::into_inner);
        let mut all = BTreeMap::new();
        for name in keys.names(HOTLINE)? {
            match keys.load(&name) {
                Ok(bytes) => {
                    let text = String::from_utf8(bytes).unwrap_or_default();
                    all.insert(name, Arc::new(Identity::parse(&text)?));
                }
                // A crash came while it was made, and nothing is sealed to it, or while it was destroyed. Later it may be
                // one that is being made.
                Err(error @ crate::keys::Error::Damaged(_)) => {
                    if at_start {
                        tracing::warn!(%error, "a key for a hotline is taken away");
                        keys.forget(&name)?;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        *own = all;
        Ok(())
    }

    /// Whether these are the keys that the card names.
    ///
    /// # Errors
    /// [`Error::Damaged`] names one that is not: its file was taken from another node's folder.
    pub fn check(&self, card: &Card, folder: &Path) -> Result<(), Error> {
        let latest = self.latest();
        let files = Files::of(latest.number);
        let pairs = [
            (files.statement, *latest.statement.public() == card.statement),
            ("witness".to_owned(), *self.witness.verifier() == card.witness),
            ("mirror".to_owned(), *self.mirror.verifier() == card.mirror),
            (files.age, latest.identity.recipient().to_string() == card.recipient),
        ];
        if Hash::of(&latest.certificate) != card.tls
            || crate::tls::server(self, Arc::default()).is_err()
        {
            return Err(Error::Damaged {
                path: folder.join(files.certificate),
                problem: format!(
                    "this certificate and keys/{}.key are not those that the card of this folder names; \
                     bring back its own",
                    files.tls
                ),
            });
        }
        match pairs.into_iter().find(|(_, same)| !same) {
            Some((name, _)) => Err(Error::Damaged {
                path: folder.join("keys").join(format!("{name}.key")),
                problem:
                    "this is not the key that the card of this folder names; bring back its own"
                        .to_owned(),
            }),
            None => Ok(()),
        }
    }
}

/// The names of an edition's keys and files.
pub(crate) struct Files {
    statement: String,
    age: String,
    tls: String,
    /// Below the node's folder.
    certificate: PathBuf,
    pub(crate) revocation: PathBuf,
}

impl Files {
    pub(crate) fn of(edition: u64) -> Self {
        let name = |name: &str| match edition {
            1 => name.to_owned(),
            edition => format!("{name}-{edition}"),
        };
        let (statement, age, tls) = (name("statement"), name("age"), name("tls"));
        let certificate = match edition {
            1 => PathBuf::from("tls.der"),
            _ => Path::new("keys").join(format!("{tls}.der")),
        };
        let revocation = Path::new("keys").join(format!("{statement}.revoked"));
        Self { statement, age, tls, certificate, revocation }
    }
}

/// Makes the keys of an edition. What a making that was cut short left is used, or made again.
pub(crate) fn make(folder: &Path, keys: &Keys, party: &str, number: u64) -> Result<Edition, Error> {
    let files = Files::of(number);
    let certificate = folder.join(&files.certificate);
    for name in [&files.statement, &files.age] {
        if keys.has(name) {
            continue;
        }
        if *name == files.statement {
            keys.create(name)?;
        } else {
            keys.save(name, Identity::generate()?.to_secret_text().as_bytes())?;
        }
    }
    if !certificate.exists() {
        keys.forget(&files.tls)?;
        let certified = rcgen::generate_simple_self_signed([format!("{party}.comity.invalid")])
            .map_err(|error| Error::Certificate(error.to_string()))?;
        keys.save(&files.tls, &certified.signing_key.serialize_der())?;
        write_new(&certificate, certified.cert.der())?;
    }
    load(folder, keys, number)
}

/// The editions whose keys are here, the latest first: of those before it some may be lost.
pub(crate) fn editions(folder: &Path, latest: u64) -> Vec<u64> {
    // The certificate is what is made last.
    let here = |number: &u64| folder.join(Files::of(*number).certificate).exists();
    std::iter::once(latest).chain((1..latest).rev().filter(here)).collect()
}

/// The keys of an edition, from their files.
pub(crate) fn load(folder: &Path, keys: &Keys, number: u64) -> Result<Edition, Error> {
    let files = Files::of(number);
    let age = String::from_utf8(keys.load(&files.age)?).unwrap_or_default();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path);
        bytes.map_err(|error| Error::Damaged { path, problem: error.to_string() })
    };
    let revocation = folder.join(&files.revocation);
    let revocation = match revocation.exists() {
        true => Some(Note::parse(&read(revocation)?)?),
        false => None,
    };
    Ok(Edition {
        number,
        statement: StatementKey::new(&keys.seed(&files.statement)?)?,
        identity: Identity::parse(&age)?,
        certificate: CertificateDer::from(read(folder.join(&files.certificate))?),
        tls: PrivatePkcs8KeyDer::from(keys.load(&files.tls)?).into(),
        revocation,
    })
}

//! A node's folder: who it is, its keys, its store.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use comity_ledger::note::{Algorithm, Note, SigningKey};
use comity_ledger::{Hash, hex};
use comity_rules::PartyId;
use comity_rules::card::{self, Card};
use comity_store::{Db, session};
use serde::{Deserialize, Serialize};

use crate::alert::Mail;
use crate::keys::{self, Keys, write_new};
use crate::password;
use crate::secrets::{self, Files, Secrets};

/// Who a node is and where it listens: `comity.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The party's id.
    pub party: PartyId,
    /// Its name.
    pub name: String,
    /// IANA time zone of its contact point.
    pub zone: String,
    /// Where peers reach its exchange listener: `host:port`.
    pub exchange: String,
    /// Where the exchange listens, where that is not the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_listen: Option<String>,
    /// Where pages are served: `host:port`.
    pub web: String,
    /// Where health and metrics are served: `host:port`.
    pub admin: String,
    /// Where people reach the pages, for links in mails: `https://host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<String>,
    /// Whether this node tests its hotlines by itself, as their terms want.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub hotline_tests: bool,
    /// Whether this node plays an exercise: then everything that begins on it is one, and its pages say so.
    #[serde(default, skip_serializing_if = "is_no")]
    pub exercise: bool,
    /// The server that takes mail; none: nobody is told by mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn is_yes(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn is_no(value: &bool) -> bool {
    !*value
}

/// A folder that `init` made.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
    config: Config,
    card: Note,
}

/// What `init` shows once.
#[derive(Debug)]
pub struct Initialised {
    /// The folder.
    pub home: Home,
    /// Where the root key was written: to be taken offline.
    pub root_key: PathBuf,
    /// The operator's password.
    pub password: String,
}

/// What a new edition of a card says anew beside its keys.
#[derive(Debug, Default)]
pub struct Change {
    /// Where peers reach the exchange.
    pub exchange: Option<String>,
    /// The party's name.
    pub name: Option<String>,
    /// Its time zone.
    pub zone: Option<String>,
    /// Its number, where the keys of those in between are lost; else the next.
    pub edition: Option<u64>,
}

/// Editions between this folder's and the next that may be lost.
const MAX_LOST: u64 = 1_000;

impl Config {
    fn check(&self) -> Result<(), Error> {
        let wrong = |what, problem: &str| Err(Error::Config { what, problem: problem.to_owned() });
        if self.name.trim().is_empty() {
            return wrong("name", "want the party's name, as people write it");
        }
        let addresses = [
            ("exchange", Some(&self.exchange)),
            ("exchange-listen", self.exchange_listen.as_ref()),
            ("web", Some(&self.web)),
            ("admin", Some(&self.admin)),
        ];
        for (what, address) in addresses {
            let Some(address) = address else { continue };
            let plain = |host: &str| {
                let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
                let ip6 = inner.is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok());
                let named = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
                ip6 || !host.is_empty() && host.bytes().all(named)
            };
            let parts = address.rsplit_once(':').filter(|(host, _)| plain(host));
            let port = parts.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
            let Some((host, port)) = port else {
                return wrong(what, "want a host and a port up to 65535, such as 127.0.0.1:8441");
            };
            // This one is signed into the card: it is where others connect to.
            if what == "exchange" && (["0.0.0.0", "[::]"].contains(&host) || port == 0) {
                let problem = "want the address at which peers reach this node; --exchange-listen \
                               says where it listens";
                return wrong(what, problem);
            }
        }
        if jiff::tz::TimeZone::get(&self.zone).is_err() {
            return wrong("zone", "want an IANA time zone, such as Europe/Oslo");
        }
        Ok(())
    }
}

/// Why a folder could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is a node already.
    #[error("{} is a node's folder already; choose another with --data", .0.display())]
    Exists(PathBuf),
    /// There is none.
    #[error("{} is no node's folder; make one with `comity init`", .0.display())]
    NoHome(PathBuf),
    /// What the node is to be.
    #[error("--{what}: {problem}")]
    Config {
        /// Which option.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Something in it is not as it should be.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Keys.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] comity_store::Error),
    /// Ledger.
    #[error(transparent)]
    Ledger(#[from] comity_ledger::Error),
    /// The certificate could not be made.
    #[error("making the exchange certificate: {0}")]
    Certificate(String),
}

impl Home {
    /// Makes a node's folder: keys, card, store, the operator's password.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn init(folder: &Path, config: Config) -> Result<Initialised, Error> {
        config.check()?;
        if folder.join(CONFIG).exists() {
            return Err(Error::Exists(folder.to_owned()));
        }
        let keys = Keys::open(&folder.join("keys"), true)?;
        // The store has contents of requests: nobody else's to read.
        let owner_only = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(folder, owner_only)
            .map_err(|error| Error::Damaged { path: folder.into(), problem: error.to_string() })?;
        let party = config.party.as_str();
        let root_seed = comity_ledger::random()?;
        let root = SigningKey::new(&format!("{party}/root"), Algorithm::Ed25519, &root_seed)?;
        let cosigner = |name: &str, seed| {
            SigningKey::new(&format!("{party}/{name}"), Algorithm::CosignatureV1, &seed)
        };
        let witness = cosigner("witness", keys.create("witness")?)?;
        let mirror = cosigner("mirror", keys.create("mirror")?)?;
        let edition = secrets::make(folder, &keys, party, 1)?;
        let card = Card {
            party: config.party.clone(),
            name: config.name.clone(),
            zone: config.zone.clone(),
            exchange: config.exchange.clone(),
            root: root.verifier().clone(),
            statement: *edition.statement.public(),
            recipient: edition.identity.recipient().to_string(),
            witness: witness.verifier().clone(),
            mirror: mirror.verifier().clone(),
            tls: Hash::of(&edition.certificate),
            edition: 1,
        };
        let card = card.sign(&root)?;
        // What `card show` prints must be what peers accept.
        Card::parse(&card)?;
        write_new(&folder.join("card"), card.to_string().as_bytes())?;
        let root_key = folder.join("root.key");
        write_new(&root_key, hex::encode(&root_seed).as_bytes())?;
        let password = password::generate()?;
        let db = Db::sqlite(&folder.join(STORE)).await?;
        let damaged = |problem| Error::Damaged { path: folder.to_owned(), problem };
        session::set(&db, PASSWORD, &password::hash(&password).map_err(damaged)?).await?;
        // Last: a folder with this file is whole.
        let text = toml::to_string(&config).map_err(|error| damaged(error.to_string()))?;
        write_new(&folder.join(CONFIG), text.as_bytes())?;
        Ok(Initialised {
            home: Self { folder: folder.to_owned(), config, card },
            root_key,
            password,
        })
    }

    /// Opens a node's folder.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(CONFIG);
        let text = std::fs::read_to_string(&path).map_err(|_| Error::NoHome(folder.to_owned()))?;
        let config = toml::from_str(&text)
            .map_err(|error| Error::Damaged { path, problem: error.to_string() })?;
        let path = folder.join("card");
        let damaged = |problem: String| Error::Damaged { path: path.clone(), problem };
        let card = std::fs::read(&path).map_err(|error| damaged(error.to_string()))?;
        let card = Note::parse(&card).map_err(|error| damaged(error.to_string()))?;
        Card::parse(&card).map_err(|error| damaged(error.to_string()))?;
        Ok(Self { folder: folder.to_owned(), config, card })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where SQLite is, in a folder that has its store itself.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.join(STORE)
    }

    /// The file that names the database, where the store is not in the folder.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    /// The URL of the PostgreSQL database that has the store; `None` where it is in the folder.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn database(&self) -> Result<Option<String>, Error> {
        let path = self.database_file();
        match std::fs::read_to_string(&path) {
            Ok(url) => Ok(Some(url.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::Damaged { path, problem: error.to_string() }),
        }
    }

    /// Who and where.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The signed card.
    #[must_use]
    pub fn card(&self) -> &Note {
        &self.card
    }

    /// The keys of this folder.
    ///
    /// # Errors
    /// [`Error`].
    pub fn keys(&self) -> Result<Keys, Error> {
        Ok(Keys::open(&self.folder.join("keys"), false)?)
    }

    /// What a running node holds of them.
    ///
    /// # Errors
    /// [`Error`].
    pub fn secrets(&self) -> Result<Secrets, Error> {
        let keys = self.keys()?;
        let party = self.config.party.as_str();
        let cosigner = |name: &str, seed| {
            SigningKey::new(&format!("{party}/{name}"), Algorithm::CosignatureV1, &seed)
        };
        let card = Card::parse(&self.card)?;
        let editions = secrets::editions(&self.folder, card.edition);
        let editions =
            editions.into_iter().map(|number| secrets::load(&self.folder, &keys, number));
        Ok(Secrets {
            editions: editions.collect::<Result<_, _>>()?,
            witness: cosigner("witness", keys.seed("witness")?)?,
            mirror: cosigner("mirror", keys.seed("mirror")?)?,
            hotline: std::sync::RwLock::default(),
        })
    }

    /// Makes the next edition of the card: new keys for statements, contents and the exchange, and what
    /// makes the statement key before void. The node states both in its ledgers when it serves next.
    /// Cut short, it is begun again.
    ///
    /// # Errors
    /// [`Error`].
    pub fn rotate(&self, root: &SigningKey, change: Change) -> Result<Self, Error> {
        let keys = self.keys()?;
        let known = Card::parse(&self.card)?;
        let mut config = self.config.clone();
        config.exchange = change.exchange.unwrap_or(config.exchange);
        config.name = change.name.unwrap_or(config.name);
        config.zone = change.zone.unwrap_or(config.zone);
        config.check()?;
        let number = change.edition.unwrap_or(known.edition + 1);
        let next = known.edition + 1;
        if !(next..next + MAX_LOST).contains(&number) {
            let problem = format!("this folder has edition {}: want a later one", known.edition);
            return Err(Error::Config { what: "edition", problem });
        }
        let edition = secrets::make(&self.folder, &keys, config.party.as_str(), number)?;
        let path = self.folder.join(Files::of(known.edition).revocation);
        let put = |path: &Path, text: String| {
            let damaged = |error: std::io::Error| Error::Damaged {
                path: path.to_owned(),
                problem: error.to_string(),
            };
            keys::replace(path, text.as_bytes()).map_err(damaged)
        };
        put(&path, card::revocation(&known.statement, root)?.to_string())?;
        let card = Card {
            name: config.name.clone(),
            zone: config.zone.clone(),
            exchange: config.exchange.clone(),
            statement: *edition.statement.public(),
            recipient: edition.identity.recipient().to_string(),
            tls: Hash::of(&edition.certificate),
            edition: number,
            ..known
        };
        let card = card.sign(root)?;
        Card::parse(&card)?;
        let path = self.folder.join(CONFIG);
        let text = toml::to_string(&config)
            .map_err(|error| Error::Damaged { path: path.clone(), problem: error.to_string() })?;
        put(&path, text)?;
        // Last: from here on it is the party's card.
        put(&self.folder.join("card"), card.to_string())?;
        Ok(Self { folder: self.folder.clone(), config, card })
    }

    /// The root key from the file where it is kept.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it is not this party's.
    pub fn root_key(&self, path: &Path) -> Result<SigningKey, Error> {
        let damaged =
            |problem: &str| Error::Damaged { path: path.to_owned(), problem: problem.to_owned() };
        let text = std::fs::read_to_string(path)
            .map_err(|_| damaged("cannot be read; --root-key names the file that `init` wrote"))?;
        let seed = hex::decode(text.trim()).and_then(|seed| seed.try_into().ok());
        let seed = seed.ok_or_else(|| damaged("not a root key: want 64 hexadecimal digits"))?;
        let name = format!("{}/root", self.config.party);
        let root = SigningKey::new(&name, Algorithm::Ed25519, &seed)?;
        if Card::parse(&self.card)?.root == *root.verifier() {
            Ok(root)
        } else {
            Err(damaged("this is not the root key of this node's card"))
        }
    }
}

/// The file that says who a node is: a folder that has it is whole.
pub(crate) const CONFIG: &str = "comity.toml";
/// The file that names the database, where the store is not in the folder.
pub(crate) const DATABASE: &str = "database";
/// The store, where it is.
pub(crate) const STORE: &str = "store.db";

/// The setting that has the operator's password hash.
pub(crate) const PASSWORD: &str = "operator-password";

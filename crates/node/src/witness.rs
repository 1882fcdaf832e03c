//! `comity witness serve`: an outside witness, and nothing else.
//!
//! One file a ledger it watches, replaced as a whole and synced before anything is cosigned. It
//! knows a ledger by its key and nothing of what is in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use comity_ledger::note::{Algorithm, MAX_NOTE, Note, SigningKey, VerifierKey};
use comity_ledger::witness::{self, AddCheckpoint, Refusal};
use comity_ledger::{Checkpoint, Hash, cosignature};

use crate::clock::Clock;
use crate::http;
use crate::keys::{self, Keys};

/// An outside witness.
pub struct Witness {
    folder: PathBuf,
    keys: Keys,
    key: SigningKey,
    clock: Arc<dyn Clock>,
    /// Held from the comparison to the end of the write: that is what makes it a swap.
    ledgers: Mutex<BTreeMap<String, Watched>>,
}

struct Watched {
    key: VerifierKey,
    last: Option<Last>,
    /// The size of the last head that this witness signed, kept apart from the state: where the state
    /// is of a smaller one, it was put back from a backup.
    signed: u64,
}

/// What was cosigned last.
struct Last {
    head: Checkpoint,
    /// When, in POSIX seconds.
    time: u64,
    /// The checkpoint with its signatures.
    note: String,
}

/// Why a witness does not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its key.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// A file of it.
    #[error("{}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: std::io::Error,
    },
    /// A file of it is not what it wrote.
    #[error("{}: {error}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: comity_ledger::Error,
    },
    /// Its name.
    #[error(transparent)]
    Ledger(#[from] comity_ledger::Error),
}

impl Witness {
    /// Opens a witness' folder; makes its key where there is none.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(folder: &Path, name: &str, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let keys = Keys::open(&folder.join("keys"), true)?;
        let seed =
            if keys.has("witness") { keys.seed("witness")? } else { keys.create("witness")? };
        let key = SigningKey::new(name, Algorithm::CosignatureV1, &seed)?;
        let states = folder.join("ledgers");
        let failed = |error| Error::File { path: states.clone(), error };
        std::fs::create_dir_all(&states).map_err(failed)?;
        let mut ledgers = BTreeMap::new();
        for file in std::fs::read_dir(&states).map_err(failed)? {
            let path = file.map_err(failed)?.path();
            // A write that was cut short leaves its temporary file, and the old state.
            if path.extension().is_some_and(|extension| extension == "ledger") {
                let mut watched = Watched::read(&path, key.verifier())?;
                let origin = watched.key.name().to_owned();
                watched.signed = keys.last_signed(&name_of(&origin))?.map_or(0, |head| head.0);
                if watched.is_put_back() {
                    let signed = watched.signed;
                    tracing::error!(
                        origin,
                        signed,
                        "the state of this ledger is older than what was signed"
                    );
                }
                ledgers.insert(origin, watched);
            }
        }
        Ok(Self { folder: folder.to_owned(), keys, key, clock, ledgers: Mutex::new(ledgers) })
    }

    /// Takes the folder for this process, until the file that is returned is dropped: two that
    /// serve one folder would cosign two histories.
    ///
    /// # Errors
    /// [`Error::File`], where another process has it.
    pub fn lock(&self) -> Result<std::fs::File, Error> {
        let path = self.folder.join("lock");
        let failed = |error| Error::File { path: path.clone(), error };
        let file = std::fs::File::create(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::WouldBlock) => {
                Err(failed(std::io::Error::other("another process serves this witness' folder")))
            }
            Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The key by which others know it.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// Watches a ledger from now on.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn watch(&self, ledger: &VerifierKey) -> Result<(), Error> {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        if !ledgers.contains_key(ledger.name()) {
            self.write(ledger, "")?;
            // Its state may be gone and what was signed for it not.
            let signed = self.keys.last_signed(&name_of(ledger.name()))?.map_or(0, |head| head.0);
            let watched = Watched { key: ledger.clone(), last: None, signed };
            ledgers.insert(ledger.name().to_owned(), watched);
        }
        Ok(())
    }

    /// Cosigns a checkpoint.
    ///
    /// # Errors
    /// [`Refusal`]; a disk that fails is a refusal too: nothing is cosigned that is not kept.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<String, Refusal> {
        let request = AddCheckpoint::parse(body).map_err(Refusal::BadRequest)?;
        let text = request.note.text();
        let origin = Checkpoint::parse(text).map_err(Refusal::BadRequest)?.origin;
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        let watched = ledgers.get_mut(&origin).ok_or(Refusal::UnknownOrigin)?;
        self.remember(watched, &request.note)?;
        if watched.is_put_back() {
            return Err(Refusal::Unavailable("its state is older than what it has signed"));
        }
        let last =
            watched.last.as_ref().map_or((0, Hash::EMPTY), |last| (last.head.size, last.head.root));
        let checkpoint = witness::check(&request, &watched.key, last).inspect_err(|refusal| {
            if matches!(refusal, Refusal::Unprocessable(_)) {
                self.keep_evidence(refusal, body);
            }
        })?;
        let now = self.clock.seconds();
        // Its word is what others read times from: once said, the time does not go back.
        if watched.last.as_ref().is_some_and(|last| last.time > now) {
            tracing::error!("this machine's clock is behind the last cosignature: set it right");
            return Err(Refusal::Unavailable("its clock went back"));
        }
        let line = cosignature::cosign(&self.key, text, now).map_err(Refusal::BadRequest)?;
        // What is kept and served: the ledger's own signature and this witness', no stranger's.
        let own = request.note.signatures().iter().find(|s| s.name == origin).cloned();
        let kept = Note::new(text.to_owned()).map(|mut note| {
            own.into_iter().chain([line.clone()]).for_each(|signature| note.add(signature));
            note.to_string()
        });
        let kept = kept.map_err(Refusal::BadRequest)?;
        self.swap(watched, Last { head: checkpoint, time: now, note: kept })?;
        Ok(format!("{line}\n"))
    }

    /// A checkpoint with this witness' own cosignature says what it has signed, whatever its state says:
    /// a state that was put back from a backup is brought forward by it.
    fn remember(&self, watched: &mut Watched, note: &Note) -> Result<(), Refusal> {
        let (Ok(head), Ok(Some(time))) =
            (Checkpoint::open(note, &watched.key), cosignature::verify(note, self.key.verifier()))
        else {
            return Ok(());
        };
        let known = watched.last.as_ref().map_or(0, |last| last.head.size);
        if head.size <= known {
            return Ok(());
        }
        tracing::error!(
            origin = head.origin,
            known,
            signed = head.size,
            "this witness has signed more than its state says"
        );
        self.swap(watched, Last { head, time, note: note.to_string() })
    }

    /// Replaces the state, if it is on disk what it is in memory, and says how far was signed.
    fn swap(&self, watched: &mut Watched, new: Last) -> Result<(), Refusal> {
        let known = watched.last.as_ref().map_or("", |last| last.note.as_str());
        let there = std::fs::read_to_string(self.path(&watched.key));
        if there.ok() != Some(state(&watched.key, known)) {
            tracing::error!(origin = watched.key.name(), "the state was changed by somebody else");
            return Err(Refusal::Unavailable("its state was changed by somebody else"));
        }
        let (size, root) = (new.head.size, new.head.root);
        let name = name_of(watched.key.name());
        let kept = self.write(&watched.key, &new.note);
        // A write that failed may have replaced the file all the same, and what follows it may fail too:
        // what is in memory goes with the file, or the next comparison would find a stranger's.
        let there = std::fs::read_to_string(self.path(&watched.key));
        if there.is_ok_and(|there| there == state(&watched.key, &new.note)) {
            watched.last = Some(new);
        }
        let kept = kept.and_then(|()| Ok(self.keys.signed(&name, (size, root))?));
        kept.map_err(|error| {
            tracing::error!(%error, "the state could not be kept");
            Refusal::Unavailable("it cannot keep its state")
        })?;
        watched.signed = size.max(watched.signed);
        Ok(())
    }

    /// Its routes, below nothing: `/add-checkpoint`, `/<origin hash>/checkpoint`.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/add-checkpoint", post(add_checkpoint))
            .route("/{hash}/checkpoint", get(latest))
            .with_state(self)
    }

    /// What its ledger's key signed and does not fit is the best proof of a fork that there is.
    fn keep_evidence(&self, refusal: &Refusal, body: &[u8]) {
        const PIECES: usize = 1_000;
        let folder = self.folder.join("evidence");
        let name = format!("{}-{}", refusal.code(), &Hash::of(body).to_hex()[..16]);
        let kept = std::fs::create_dir_all(&folder).and_then(|()| {
            let full = std::fs::read_dir(&folder)?.count() >= PIECES;
            if full { Ok(()) } else { std::fs::write(folder.join(name), body) }
        });
        if let Err(error) = kept {
            tracing::error!(%error, "evidence could not be kept");
        }
    }

    fn write(&self, key: &VerifierKey, checkpoint: &str) -> Result<(), Error> {
        let path = self.path(key);
        let text = state(key, checkpoint);
        keys::replace(&path, text.as_bytes()).map_err(|error| Error::File { path, error })
    }

    fn path(&self, key: &VerifierKey) -> PathBuf {
        self.folder.join("ledgers").join(format!("{}.ledger", name_of(key.name())))
    }
}

fn state(key: &VerifierKey, checkpoint: &str) -> String {
    format!("{key}\n{checkpoint}")
}

fn name_of(origin: &str) -> String {
    Hash::of(origin.as_bytes()).to_hex()
}

impl Watched {
    fn read(path: &Path, own: &VerifierKey) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::File { path: path.to_owned(), error })?;
        let damaged = |error| Error::Damaged { path: path.to_owned(), error };
        let (key, note) = text.split_once('\n').unwrap_or((&text, ""));
        let key = VerifierKey::parse(key).map_err(damaged)?;
        let last = if note.is_empty() {
            None
        } else {
            let parsed = Note::parse(note.as_bytes()).map_err(damaged)?;
            let head = Checkpoint::open(&parsed, &key).map_err(damaged)?;
            let time = cosignature::verify(&parsed, own).map_err(damaged)?;
            Some(Last { head, time: time.unwrap_or_default(), note: note.to_owned() })
        };
        Ok(Self { key, last, signed: 0 })
    }

    fn is_put_back(&self) -> bool {
        self.last.as_ref().map_or(0, |last| last.head.size) < self.signed
    }
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Body) -> Response {
    let body = match http::body(body, MAX_NOTE + 8192).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    // It waits for the disk.
    let result = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body)).await;
    match result {
        Ok(Ok(lines)) => lines.into_response(),
        Ok(Err(Refusal::Conflict(size))) => {
            let kind = [("content-type", "text/x.tlog.size")];
            (StatusCode::CONFLICT, kind, format!("{size}\n")).into_response()
        }
        Ok(Err(refusal)) => {
            tracing::warn!(code = refusal.code(), %refusal, "did not cosign");
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, format!("{}: {refusal}\n", refusal.code())).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn latest(State(witness): State<Arc<Witness>>, UrlPath(hash): UrlPath<String>) -> Response {
    let ledgers = witness.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = |origin: &&String| name_of(origin) == hash;
    let found = ledgers.keys().find(wanted).and_then(|origin| ledgers.get(origin)?.last.as_ref());
    match found {
        Some(last) => last.note.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

//! A node's keys on disk: one file a key, mode 0600, wrapped with AES-256-GCM.
//!
//! The wrapping key is a file too: the one that `COMITY_WRAPPING_KEY` names (a systemd credential,
//! say), else `wrapping.key` beside the others. The root key is not among them: `init` writes it
//! once, to be taken offline.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use comity_ledger::{Hash, hex};

/// How the files end that say how far a ledger's key has signed.
pub(crate) const SIGNED: &str = ".signed";

/// A folder of keys.
#[derive(Debug, Clone)]
pub struct Keys {
    folder: PathBuf,
    wrapping: [u8; 32],
}

/// Why a key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system.
    #[error("{}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// Not a key, or wrapped with another wrapping key.
    #[error("{}: not a key that this wrapping key opens", .0.display())]
    Damaged(PathBuf),
    /// No randomness.
    #[error(transparent)]
    Ledger(#[from] comity_ledger::Error),
}

impl Keys {
    /// Opens the folder; makes it, and the wrapping key, where `create` and they are not there.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(folder: &Path, create: bool) -> Result<Self, Error> {
        let path = std::env::var_os("COMITY_WRAPPING_KEY")
            .map_or_else(|| folder.join("wrapping.key"), PathBuf::from);
        if create {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(folder).map_err(|error| Error::File { path: folder.into(), error })?;
        }
        if create && !path.exists() {
            let key: [u8; 32] = comity_ledger::random()?;
            write_new(&path, hex::encode(&key).as_bytes())?;
        }
        let text = read(&path)?;
        let key = hex::decode(text.trim()).and_then(|key| key.try_into().ok());
        let wrapping = key.ok_or(Error::Damaged(path))?;
        Ok(Self { folder: folder.to_owned(), wrapping })
    }

    /// The secret of this name.
    ///
    /// # Errors
    /// [`Error`].
    pub fn load(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.path(name);
        let damaged = || Error::Damaged(path.clone());
        let wrapped = hex::decode(read(&path)?.trim()).ok_or_else(damaged)?;
        let (nonce, rest) = wrapped.split_first_chunk::<12>().ok_or_else(damaged)?;
        let mut rest = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let secret = self.aead().open_in_place(nonce, Aad::from(name.as_bytes()), &mut rest);
        Ok(secret.map_err(|_| damaged())?.to_vec())
    }

    /// The 32-byte seed of this name.
    ///
    /// # Errors
    /// [`Error`].
    pub fn seed(&self, name: &str) -> Result<[u8; 32], Error> {
        self.load(name)?.try_into().map_err(|_| Error::Damaged(self.path(name)))
    }

    /// Keeps a secret; one that is there is never overwritten.
    ///
    /// # Errors
    /// [`Error`].
    pub fn save(&self, name: &str, secret: &[u8]) -> Result<(), Error> {
        let mut sealed = secret.to_vec();
        let failed = |_| Error::Damaged(self.path(name));
        let nonce = self
            .aead()
            .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed)
            .map_err(failed)?;
        let wrapped = [nonce.as_ref().as_slice(), &sealed].concat();
        write_new(&self.path(name), hex::encode(&wrapped).as_bytes())
    }

    /// Makes and keeps a new seed.
    ///
    /// # Errors
    /// [`Error`].
    pub fn create(&self, name: &str) -> Result<[u8; 32], Error> {
        let seed = comity_ledger::random()?;
        self.save(name, &seed)?;
        Ok(seed)
    }

    /// Takes away a key that was never used.
    ///
    /// # Errors
    /// [`Error::File`].
    pub(crate) fn forget(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        if !path.exists() {
            return Ok(());
        }
        let folder = || File::open(&self.folder)?.sync_all();
        fs::remove_file(&path).and_then(|()| folder()).map_err(|error| Error::File { path, error })
    }

    /// Whether there is a key of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Notes, durably, that the ledger of this key has begun.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn begin(&self, name: &str) -> Result<(), Error> {
        if self.has_begun(name) { Ok(()) } else { write_new(&self.mark(name), b"") }
    }

    /// Whether the ledger of this key has begun.
    #[must_use]
    pub fn has_begun(&self, name: &str) -> bool {
        self.mark(name).exists()
    }

    /// The keys whose ledgers have begun.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn begun(&self) -> Result<Vec<String>, Error> {
        self.stems("begun")
    }

    /// The keys whose names begin so, in order.
    pub(crate) fn names(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut names = self.stems("key")?;
        names.retain(|name| name.starts_with(prefix));
        Ok(names)
    }

    /// The names of the files with this ending, in order.
    fn stems(&self, ending: &str) -> Result<Vec<String>, Error> {
        let failed = |error| Error::File { path: self.folder.clone(), error };
        let mut names = Vec::new();
        for file in fs::read_dir(&self.folder).map_err(failed)? {
            let path = file.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == ending) {
                names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Destroys a key: its bytes are overwritten before its file goes. What a disk keeps of them beside the
    /// file is not in its hands; the key is wrapped there.
    pub(crate) fn destroy(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        let failed = |error| Error::File { path: path.clone(), error };
        let length = fs::metadata(&path).map_err(failed)?.len();
        let mut file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
        let noughts = vec![b'0'; usize::try_from(length).unwrap_or(0)];
        file.write_all(&noughts).and_then(|()| file.sync_all()).map_err(failed)?;
        self.forget(name)
    }

    /// Notes, durably, the last head that this key signs: a store that knows less was put back.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn signed(&self, name: &str, head: (u64, Hash)) -> Result<(), Error> {
        let path = self.folder.join(format!("{name}{SIGNED}"));
        let failed = |error| Error::File { path: path.clone(), error };
        replace(&path, format!("{} {}\n", head.0, head.1.to_hex()).as_bytes()).map_err(failed)
    }

    /// The last head that this key signed here, as far as is known.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn last_signed(&self, name: &str) -> Result<Option<(u64, Hash)>, Error> {
        let path = self.folder.join(format!("{name}{SIGNED}"));
        if !path.exists() {
            return Ok(None);
        }
        let text = read(&path)?;
        let head = text.trim_end().split_once(' ');
        let head = head.and_then(|(size, root)| Some((size.parse().ok()?, Hash::from_hex(root)?)));
        head.map(Some).ok_or(Error::Damaged(path))
    }

    fn mark(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.begun"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.key"))
    }

    #[expect(clippy::expect_used, reason = "32 bytes are the length of an AES-256 key")]
    fn aead(&self) -> RandomizedNonceKey {
        RandomizedNonceKey::new(&AES_256_GCM, &self.wrapping).expect("key length")
    }
}

/// Replaces a file as a whole, durably: a crash leaves the old one or the new one.
///
/// # Errors
/// What the file system says.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = beside(path, ".tmp");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The path with something more at its end.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// Writes a file that must not be there yet, mode 0600, durably.
///
/// # Errors
/// [`Error::File`].
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        match path.parent() {
            Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
    };
    write().map_err(|error| Error::File { path: path.to_owned(), error })
}

fn read(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(64 * 1024).read_to_string(&mut text))
        .map_err(|error| Error::File { path: path.to_owned(), error })?;
    Ok(text)
}

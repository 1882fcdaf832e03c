//! `comity backup` and `comity restore`: a node in one file, from one point in time, while it runs.
//!
//! The file is a gzipped tar, encrypted with age where a recipient is named: what it is (`backup.json`),
//! the folder's files, the store's rows in parts (`rows/`, CBOR), and at the end how many parts there
//! were and their digest, so that one that was cut short is known. Views are not in it: they are made
//! again from what is. The root key is not in it either; nor is a wrapping key that lies elsewhere.
//!
//! A restored node answers for a ledger that may have gone on: it states and cosigns nothing before it
//! is reconciled (see [`crate::reconcile`]).

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use comity_ledger::Hash;
use comity_ledger::seal::{self, Identity, Recipient};
use comity_store::backup::{self, Part, Reading};
use comity_store::{Db, migrate, session};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::home::{self, Home};
use crate::keys::{beside, write_new};
use crate::node::Error;
use crate::reconcile;
use crate::secrets::HOTLINE;

const FORMAT: u32 = 1;
const HEAD: &str = "backup.json";
const END: &str = "end.json";

/// Bytes of one member at most: a part of the store is some MiB, with one row that may be long.
const MAX_MEMBER: u64 = 64 * 1024 * 1024;

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Version of the file's form.
    pub format: u32,
    /// The party.
    pub party: String,
    /// Version of the store's schema.
    pub schema: i32,
    /// When it was made, by the machine's clock.
    pub at: Timestamp,
    /// The program that made it.
    pub program: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    parts: u64,
    /// SHA-256 over the digests of all parts, in order.
    digest: String,
}

/// Writes a backup of a node's folder and store, whether a node serves it or not. The file is there when
/// it is whole and on disk.
///
/// # Errors
/// [`Error`].
pub async fn write(
    home: &Home,
    file: &Path,
    to: Option<&Recipient>,
    now: Timestamp,
) -> Result<About, Error> {
    let failed = |error: io::Error| Error::Refused(format!("{}: {error}", file.display()));
    if file.exists() {
        return Err(failed(io::Error::other("there is such a file already")));
    }
    let partial = beside(file, ".partial");
    let out = File::options().write(true).create(true).truncate(true).mode(0o600).open(&partial);
    let out = out.map_err(failed)?;
    let written = async {
        let (about, out) = match to {
            Some(reader) => {
                let sealed = seal::writer(out, &[reader])?;
                let (about, sealed) = fill(home, sealed, now).await?;
                (about, sealed.finish().map_err(failed)?)
            }
            None => fill(home, out, now).await?,
        };
        out.sync_all().map_err(failed)?;
        fs::rename(&partial, file).map_err(failed)?;
        Ok(about)
    };
    // A part of a backup has keys in it as a whole one has, and nobody looks for it.
    let about = written.await.inspect_err(|_: &Error| drop(fs::remove_file(&partial)))?;
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(about)
}

async fn fill<W: Write>(home: &Home, out: W, now: Timestamp) -> Result<(About, W), Error> {
    let failed = |error: io::Error| Error::Refused(format!("writing the backup: {error}"));
    let db = match home.database()? {
        Some(url) => Db::raw_postgres(&url).await?,
        None => Db::raw_sqlite(&home.store())?,
    };
    let mut reading = Reading::begin(&db).await?;
    let about = About {
        format: FORMAT,
        party: home.config().party.to_string(),
        schema: reading.schema,
        at: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let mut tar = tar::Builder::new(GzEncoder::new(out, Compression::fast()));
    append(&mut tar, HEAD, &json(&about)?).map_err(failed)?;
    for name in files(home.folder()).map_err(failed)? {
        let bytes = fs::read(home.folder().join(&name)).map_err(failed)?;
        append(&mut tar, &format!("folder/{name}"), &bytes).map_err(failed)?;
    }
    let mut end = End { parts: 0, digest: Hash::EMPTY.to_hex() };
    while let Some(part) = reading.next().await? {
        let bytes = minicbor::to_vec(&part).map_err(|error| Error::Refused(error.to_string()))?;
        append(&mut tar, &format!("rows/{:08}", end.parts), &bytes).map_err(failed)?;
        end.add(&bytes);
        // Others on this thread have work to do too.
        tokio::task::yield_now().await;
    }
    append(&mut tar, END, &json(&end)?).map_err(failed)?;
    let out = tar.into_inner().and_then(GzEncoder::finish).map_err(failed)?;
    Ok((about, out))
}

/// Makes a node's folder and store out of a backup. `database`: a PostgreSQL URL, its database empty;
/// SQLite in the folder when left out.
///
/// # Errors
/// [`Error`]; what was begun is no node's folder then.
pub async fn restore(
    file: &Path,
    folder: &Path,
    database: Option<&str>,
    identity: Option<&Identity>,
) -> Result<About, Error> {
    let failed = |error: io::Error| Error::Refused(format!("{}: {error}", file.display()));
    if folder.read_dir().is_ok_and(|mut files| files.next().is_some()) {
        let problem = "restore into a folder that is empty or not there";
        return Err(Error::Refused(format!("{}: {problem}", folder.display())));
    }
    let input = File::open(file).map_err(failed)?;
    let mut magic = [0; 4];
    let whole = (&input).read_exact(&mut magic);
    whole.map_err(|_| failed(io::Error::other("this is no whole backup: it is empty")))?;
    let input = File::open(file).map_err(failed)?;
    let sealed = magic.starts_with(b"age-");
    match identity {
        Some(identity) if sealed => unpack(seal::reader(input, identity)?, folder, database).await,
        None if sealed => {
            let problem =
                "it is encrypted: name the file with the key that opens it, --identity FILE";
            Err(failed(io::Error::other(problem)))
        }
        _ => unpack(input, folder, database).await,
    }
    .map_err(|error| match error {
        Error::Refused(problem) => Error::Refused(format!("{}: {problem}", file.display())),
        other => other,
    })
}

async fn unpack(input: impl Read, folder: &Path, database: Option<&str>) -> Result<About, Error> {
    let damaged = |problem: &str| Error::Refused(format!("this is no whole backup: {problem}"));
    let unread = |error: io::Error| damaged(&error.to_string());
    let mut tar = tar::Archive::new(GzDecoder::new(input));
    let mut members = tar.entries().map_err(unread)?;
    let mut next = || -> Result<Option<(String, Vec<u8>)>, Error> {
        let Some(member) = members.next() else { return Ok(None) };
        let mut member = member.map_err(unread)?;
        let name = member.path().map_err(unread)?.to_string_lossy().into_owned();
        if member.size() > MAX_MEMBER {
            return Err(damaged("a part is too long"));
        }
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).map_err(unread)?;
        Ok(Some((name, bytes)))
    };
    let about = next()?.filter(|(name, _)| name == HEAD).ok_or_else(|| damaged("no head"))?;
    let about: About = serde_json::from_slice(&about.1).map_err(|_| damaged("its head"))?;
    if about.format != FORMAT {
        return Err(damaged("it was made by a later version of comity"));
    }
    let mut config = None;
    let mut db = None;
    let mut end = End { parts: 0, digest: Hash::EMPTY.to_hex() };
    loop {
        let Some((name, bytes)) = next()? else { return Err(damaged("it is cut short")) };
        if name == END {
            let said: End = serde_json::from_slice(&bytes).map_err(|_| damaged("its end"))?;
            if said != end || next()?.is_some() {
                return Err(damaged("its parts are not those that were written"));
            }
            break;
        }
        if let Some(name) = name.strip_prefix("folder/") {
            // Last of all: a folder with this file is whole.
            if name == home::CONFIG {
                config = Some(bytes);
            } else {
                put_file(folder, name, &bytes)?;
            }
            continue;
        }
        let db = match &db {
            Some(db) => db,
            None => db.insert(empty(folder, database, about.schema).await?),
        };
        let part: Part = minicbor::decode(&bytes).map_err(|_| damaged("a part"))?;
        backup::put(db, &part).await?;
        end.add(&bytes);
    }
    // To the very end: only there the file's own checksum stands.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(unread)?;
    let db = db.ok_or_else(|| damaged("it has no rows"))?;
    migrate::run(&db).await?;
    for known in comity_store::agreement::list(&db).await? {
        session::set(&db, &reconcile::setting(&known.terms), &about.at.to_string()).await?;
    }
    if let Some(url) = database {
        write_new(&folder.join(home::DATABASE), url.as_bytes())?;
    }
    let config = config.ok_or_else(|| damaged("no comity.toml"))?;
    put_file(folder, home::CONFIG, &config)?;
    let home = Home::open(folder)?;
    // The views, from what was brought back: every signature is verified for that.
    comity_store::rebuild(&db, crate::node::opener(std::sync::Arc::new(home.secrets()?))).await?;
    crate::intel::reindex(&db).await?;
    Ok(about)
}

async fn empty(folder: &Path, database: Option<&str>, schema: i32) -> Result<Db, Error> {
    let db = match database {
        Some(url) => Db::raw_postgres(url).await?,
        None => Db::raw_sqlite(&folder.join(home::STORE))?,
    };
    backup::prepare(&db, schema).await?;
    Ok(db)
}

impl End {
    fn add(&mut self, part: &[u8]) {
        self.parts += 1;
        self.digest =
            Hash::of(format!("{}{}", self.digest, Hash::of(part).to_hex()).as_bytes()).to_hex();
    }
}

/// The files of a folder that belong to a backup, by their paths in it.
fn files(folder: &Path) -> io::Result<Vec<String>> {
    let mut files: Vec<String> =
        [home::CONFIG, "card", "tls.der"].iter().map(ToString::to_string).collect();
    for file in fs::read_dir(folder.join("keys"))? {
        let name = file?.file_name().to_string_lossy().into_owned();
        // How far this very machine has signed is no part of a backup, nor what is there to be destroyed.
        if !name.ends_with(crate::keys::SIGNED) && !name.starts_with(HOTLINE) {
            files.push(format!("keys/{name}"));
        }
    }
    match fs::read_dir(folder.join("requests")) {
        Ok(templates) => {
            for file in templates {
                let name = file?.file_name().to_string_lossy().into_owned();
                if name.ends_with(".toml") {
                    files.push(format!("requests/{name}"));
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    files.sort();
    Ok(files)
}

fn put_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = Path::new(name);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || path.components().count() > 2 {
        return Err(Error::Refused(
            "the backup has a file with no place in a node's folder".to_owned(),
        ));
    }
    let path: PathBuf = folder.join(path);
    if let Some(parent) = path.parent() {
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
        let made = builder.create(parent);
        made.map_err(|error| Error::Refused(format!("{}: {error}", parent.display())))?;
    }
    Ok(write_new(&path, bytes)?)
}

fn append<W: Write>(tar: &mut tar::Builder<W>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o600);
    tar.append_data(&mut header, name, bytes)
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec_pretty(value).map_err(|error| Error::Refused(error.to_string()))
}

//! A hunt that was stopped goes on: what was written, and how far that is, is kept beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use comity_hunt::hunt::{Position, Sighting, Sink, Summary, Unread};
use comity_hunt::indicator::KINDS;
use comity_hunt::input::Source;
use comity_ledger::Hash;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::output::Writer;
use crate::failure::Failure;

/// How often it is made durable how far a hunt is.
const PAUSE: Duration = Duration::from_secs(1);

/// Bytes of a log by which it is known.
const HEAD: u64 = 1 << 16;

/// How far a hunt was.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Reached {
    files: usize,
    segments: u64,
    line: u64,
    /// Bytes of the output.
    pub(super) written: u64,
    counts: [u64; 5],
    kinds: BTreeMap<String, u64>,
    /// Logs that could not be read, and why; whether something could not be decided.
    #[serde(default)]
    unread: Vec<(String, String)>,
    #[serde(default)]
    undecided: bool,
    #[serde(skip)]
    pub(super) position: Position,
}

impl Reached {
    /// Both parts of the hunt together.
    pub(super) fn with(&self, later: &Summary) -> Summary {
        let [files, lines, bytes, sightings, suppressed] = self.counts;
        let mut kinds = later.kinds.clone();
        for kind in KINDS.iter().map(|kind| kind.name()).chain(["pattern"]) {
            if let Some(count) = self.kinds.get(kind) {
                *kinds.entry(kind).or_default() += count;
            }
        }
        let before = self.unread.iter().cloned();
        let before = before.map(|(file, problem)| Unread { file, problem });
        Summary {
            files: files + later.files,
            lines: lines + later.lines,
            bytes: bytes + later.bytes,
            sightings: sightings + later.sightings,
            suppressed: suppressed + later.suppressed,
            kinds,
            unread: before.chain(later.unread.iter().cloned()).collect(),
            undecided: self.undecided || later.undecided,
        }
    }

    fn of(position: Position, summary: &Summary, written: u64) -> Self {
        let Summary { files, lines, bytes, sightings, suppressed, kinds, .. } = summary;
        Self {
            files: position.files,
            segments: position.segments,
            line: position.lines,
            written,
            counts: [*files, *lines, *bytes, *sightings, *suppressed],
            kinds: kinds.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
            unread: summary
                .unread
                .iter()
                .map(|one| (one.file.clone(), one.problem.clone()))
                .collect(),
            undecided: summary.undecided,
            position,
        }
    }
}

/// Its place.
pub(super) fn beside(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".resume");
    PathBuf::from(name)
}

/// The file beside the output.
pub(super) struct State(PathBuf);

#[derive(Serialize, Deserialize)]
struct Written {
    what: Value,
    #[serde(default)]
    logs: Vec<Log>,
    reached: Reached,
}

/// What tells a log from another of its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Log {
    file: String,
    size: Option<u64>,
    modified: Option<String>,
    /// The digest of its beginning.
    head: Option<String>,
}

impl Log {
    pub(super) fn of(source: &Source) -> Self {
        let about = source.path().and_then(|path| std::fs::metadata(path).ok());
        let changed = about.and_then(|about| about.modified().ok());
        let changed = changed.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let size = source.size();
        Self {
            file: source.name(),
            size,
            modified: changed.map(|since| since.as_millis().to_string()),
            head: source.path().zip(size).and_then(|(path, size)| head(path, size)),
        }
    }

    /// This log as it was, where at most something was added to it since.
    fn as_it_was(&self, source: &Source) -> Option<Source> {
        let now = Self::of(source);
        if now == *self {
            return Some(source.clone());
        }
        let (path, size) = source.path().zip(self.size)?;
        let grew = now.file == self.file && now.size > self.size && head(path, size) == self.head;
        grew.then(|| Source::Beginning(path.to_path_buf(), size))
    }
}

/// The digest of the beginning of a file that was so large.
fn head(path: &Path, size: u64) -> Option<String> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(size.min(HEAD)).read_to_end(&mut head).ok()?;
    Some(Hash(Sha256::digest(&head).into()).to_hex())
}

impl State {
    pub(super) fn beside(output: &Path) -> Self {
        Self(beside(output))
    }

    /// How far it was, and the logs as they were when it began; none where nothing was begun.
    pub(super) fn read(
        &self,
        what: &Value,
        sources: &[Source],
    ) -> Result<Option<(Reached, Vec<Source>)>, Failure> {
        let bytes = match std::fs::read(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| Failure::file(&self.0, &error))?,
        };
        let written: Written = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::Wrong(format!(
                "{} says nothing of a hunt: {error}; begin again without --resume",
                self.0.display()
            ))
        })?;
        let logs = written.logs.iter().zip(sources);
        let logs: Option<Vec<Source>> = logs.map(|(log, source)| log.as_it_was(source)).collect();
        let logs = logs.filter(|logs| logs.len() == sources.len());
        let Some(logs) = logs.filter(|_| written.what == *what) else {
            return Err(Failure::Wrong(format!(
                "{} is of a hunt with other logs, indexes or options: begin again without --resume",
                self.0.display()
            )));
        };
        let mut reached = written.reached;
        let Reached { files, segments, line, .. } = reached;
        reached.position = Position { files, segments, lines: line };
        Ok(Some((reached, logs)))
    }

    fn write(&self, written: &Written) -> io::Result<()> {
        let temporary = self.0.with_extension("resume.new");
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(written)?)?;
        file.sync_all()?;
        std::fs::rename(temporary, &self.0)
    }

    /// It is done.
    pub(super) fn forget(&self) {
        // Where it stays, the next hunt says what it is of.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The output, of which we know how much is written.
pub(super) struct Kept {
    file: File,
    written: Arc<AtomicU64>,
}

struct Counting {
    file: BufWriter<File>,
    written: Arc<AtomicU64>,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Kept {
    /// Opens the output, with so much of it kept.
    pub(super) fn open(path: &Path, kept: u64) -> io::Result<Self> {
        let mut file = File::options().create(true).truncate(false).write(true).open(path)?;
        if file.metadata()?.len() < kept {
            return Err(io::Error::other(
                "less is there than the hunt had written: begin again without --resume",
            ));
        }
        file.set_len(kept)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file, written: Arc::new(AtomicU64::new(kept)) })
    }

    pub(super) fn writer(&self) -> io::Result<impl Write + Send + use<>> {
        let file = BufWriter::with_capacity(1 << 16, self.file.try_clone()?);
        Ok(Counting { file, written: Arc::clone(&self.written) })
    }
}

/// Writes, and says every second how far it is.
pub(super) struct Keeping<'k> {
    pub(super) sink: Box<dyn Writer + 'k>,
    pub(super) out: Kept,
    pub(super) state: &'k State,
    pub(super) what: Value,
    pub(super) logs: Vec<Log>,
    pub(super) before: Reached,
    pub(super) said: Option<Instant>,
}

impl Keeping<'_> {
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.sink.finish()?;
        self.out.file.sync_all()
    }
}

impl Sink for Keeping<'_> {
    fn sighting(&mut self, sighting: &Sighting) -> io::Result<()> {
        self.sink.as_sink().sighting(sighting)
    }

    fn reached(&mut self, position: Position, summary: &Summary) -> io::Result<()> {
        if self.said.is_some_and(|said| said.elapsed() < PAUSE) {
            return Ok(());
        }
        self.sink.flush()?;
        self.out.file.sync_data()?;
        let written = self.out.written.load(Ordering::Relaxed);
        let reached = Reached::of(position, &self.before.with(summary), written);
        let (what, logs) = (self.what.clone(), self.logs.clone());
        self.state.write(&Written { what, logs, reached })?;
        self.said = Some(Instant::now());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What could not be read before a hunt was stopped is not forgotten when it goes on.
    #[test]
    fn what_was_not_read_is_said_again() {
        let unread = Unread { file: "a.gz".to_owned(), problem: "it breaks off".to_owned() };
        let before = Summary { unread: vec![unread], undecided: true, ..Summary::default() };
        let reached = Reached::of(Position::default(), &before, 7);
        let text = serde_json::to_string(&reached).unwrap_or_default();
        let again: Reached = serde_json::from_str(&text).unwrap_or_default();
        let all = again.with(&Summary::default());
        assert_eq!((all.unread.len(), all.undecided), (1, true));
        assert_eq!(all.unread[0].file, "a.gz");
    }
}

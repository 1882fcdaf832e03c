//! `comity ledger audit`: fetches two ledgers from wherever they are, verifies every byte of them
//! against the policy, and computes what anyone can. It trusts no node, its own neither.

use std::path::Path;

use comity_ledger::note::Note;
use comity_ledger::tile::{self, TileId, TilePath, WIDTH};
use comity_ledger::{Hash, Policy, Statement, Tiles, VerifierKey, cosignature};
use comity_rules::agreement::{Agreement, Terms, time_of};
use comity_rules::audit::{self, Audit};
use comity_rules::card;
use comity_rules::channel::Channel;
use comity_rules::clock::{Clocks, Start, tally};
use comity_rules::request::View;
use comity_rules::{PartyId, Request};
use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::http;
use crate::network::Network;

/// Bytes of one file of a ledger at most: a full bundle of the longest entries.
const MAX_FILE: usize = 256 * (2 + 4096);

/// Why an audit says no.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the ledger could not be had.
    #[error("{place}: {problem}")]
    Unreachable {
        /// Which.
        place: String,
        /// Why.
        problem: String,
    },
    /// The ledger does not verify.
    #[error("{place}: {code}: {problem}")]
    Invalid {
        /// Which file or entry.
        place: String,
        /// The stable name.
        code: &'static str,
        /// In words.
        problem: String,
    },
}

/// Where a ledger is read: an `http://` URL, or a folder.
pub struct Source<'a> {
    network: &'a dyn Network,
    place: String,
}

/// What an audit found.
#[derive(Debug)]
pub struct Report {
    /// Each ledger: its origin, party, entries, and the time of its last witnessed checkpoint.
    pub ledgers: Vec<(String, PartyId, u64, Option<Timestamp>)>,
    /// The rules' findings.
    pub audit: Audit,
}

/// Audits the ledgers at these two places.
///
/// # Errors
/// [`Error`].
pub async fn run(
    network: &dyn Network,
    places: &[String; 2],
    policy: &Policy,
    terms: Option<&Terms>,
) -> Result<Report, Error> {
    let mut first = Source { network, place: places[0].clone() }.read(policy, terms).await?;
    let mut second = Source { network, place: places[1].clone() }.read(policy, terms).await?;
    first.ledger.mirrored = first.mirrored_by(&second)?;
    second.ledger.mirrored = second.mirrored_by(&first)?;
    let alive = [first.alive, second.alive];
    let (first, second) = (first.ledger, second.ledger);
    let same = first.channel.terms == second.channel.terms
        && first.channel.from == second.channel.to
        && first.channel.to == second.channel.from;
    if !same {
        return Err(Error::Invalid {
            place: format!("{} and {}", places[0], places[1]),
            code: "other-agreement",
            problem: "these are not the two ledgers of one agreement".to_owned(),
        });
    }
    let ledgers = [(&first, alive[0]), (&second, alive[1])].map(|(ledger, alive)| {
        let channel = &ledger.channel;
        (channel.origin.clone(), channel.from.clone(), ledger.entries.len() as u64, alive)
    });
    Ok(Report { ledgers: ledgers.to_vec(), audit: Audit::of(&[first, second]) })
}

/// A ledger as it was read.
struct Read {
    place: String,
    ledger: audit::Ledger,
    /// The checkpoints of its history, with every cosignature that they carry.
    notes: Vec<Note>,
    /// The key with which its party mirrors the other's ledger.
    mirror: VerifierKey,
    /// When it was last known to be alive.
    alive: Option<Timestamp>,
}

impl Read {
    /// Which of its sizes the other party's mirror held, and since when.
    fn mirrored_by(&self, other: &Self) -> Result<Vec<(u64, Timestamp)>, Error> {
        let mut mirrored = Vec::new();
        for ((size, _), note) in self.ledger.history.iter().zip(&self.notes) {
            let time =
                cosignature::verify(note, &other.mirror).map_err(|error| Error::Invalid {
                    place: format!("{}/history/{size}", self.place),
                    code: error.code(),
                    problem: error.to_string(),
                })?;
            let time = time.and_then(|time| Timestamp::from_second(i64::try_from(time).ok()?).ok());
            mirrored.extend(time.map(|time| (*size, time)));
        }
        Ok(mirrored)
    }
}

impl Source<'_> {
    async fn read(&self, policy: &Policy, terms: Option<&Terms>) -> Result<Read, Error> {
        let checkpoint = self.note("checkpoint").await?;
        let witnessed = policy.check(&checkpoint).map_err(|e| self.invalid("checkpoint", &e))?;
        let (head, alive) = (&witnessed.checkpoint, time_of(&witnessed));
        let mut entries = Vec::new();
        let mut tiles = Tiles::default();
        for number in 0..head.size.div_ceil(WIDTH) {
            let width = TileId { level: 0, number }.width(head.size);
            let path = TilePath::Entries { number, width }.to_string();
            let bundle = self.get(&path).await?;
            for entry in tile::entries(&bundle, width).map_err(|e| self.invalid(&path, &e))? {
                tiles.push(entries.len() as u64, Hash::leaf(entry));
                entries.push(entry.to_vec());
            }
        }
        let root = tiles.root(head.size).map_err(|e| self.invalid("tile", &e))?;
        if root != head.root {
            let fork = comity_ledger::Error::Fork { size: head.size };
            return Err(self.invalid("checkpoint", &fork));
        }
        let (history, notes) = self.history(policy, &tiles, head.size).await?;
        let (channel, mirror) = self.channel(&entries, &head.origin, policy, terms)?;
        let mirrored = Vec::new();
        let ledger = audit::Ledger { channel, entries, tiles, history, mirrored };
        Ok(Read { place: self.place.clone(), ledger, notes, mirror, alive })
    }

    /// The kept checkpoints, each verified: quorum, and a root that the entries have.
    async fn history(
        &self,
        policy: &Policy,
        tiles: &Tiles,
        size: u64,
    ) -> Result<(Vec<(u64, Timestamp)>, Vec<Note>), Error> {
        let mut history: Vec<(u64, Timestamp)> = Vec::new();
        let mut notes = Vec::new();
        let mut next = 1;
        while next <= size {
            let path = format!("history/{next}");
            let note = self.note(&path).await?;
            let witnessed = policy.check(&note).map_err(|e| self.invalid(&path, &e))?;
            let head = &witnessed.checkpoint;
            let root = tiles.root(head.size.min(size)).map_err(|e| self.invalid(&path, &e))?;
            if head.size < next || head.size > size || root != head.root {
                return Err(self.invalid(&path, &comity_ledger::Error::Fork { size: head.size }));
            }
            let time = time_of(&witnessed).unwrap_or_default();
            // Time does not run backwards, whatever a witness' clock does: nodes count likewise.
            let time = history.last().map_or(time, |(_, last)| time.max(*last));
            history.push((head.size, time));
            next = head.size + 1;
            notes.push(note);
        }
        Ok((history, notes))
    }

    /// Who keeps this ledger, and with which key it mirrors, from its own opening; where terms are
    /// given, they name the root.
    fn channel(
        &self,
        entries: &[Vec<u8>],
        origin: &str,
        policy: &Policy,
        terms: Option<&Terms>,
    ) -> Result<(Channel, VerifierKey), Error> {
        let place = "entry 0";
        let opening = comity_ledger::Error::Statement("the opening of a ledger");
        let entry = entries.first().ok_or_else(|| self.invalid(place, &opening))?;
        let statement = Statement::parse(entry).map_err(|e| self.invalid(place, &e))?;
        let body = statement.body();
        let (opened, card) = card::split(&body.public).map_err(|e| self.invalid(place, &e))?;
        let key = &policy.log(origin).map_err(|e| self.invalid(place, &e))?.key;
        let to: PartyId = body.to.parse().map_err(|_| self.invalid(place, &opening))?;
        if opened.ledger != *key {
            return Err(self.invalid(place, &opening));
        }
        let other = |problem: &str| Error::Invalid {
            place: self.place(place),
            code: "other-agreement",
            problem: problem.to_owned(),
        };
        let mut root = card.root.to_string();
        if let Some(terms) = terms {
            if terms.hash() != opened.terms {
                return Err(other("the ledger was opened under other terms than those given"));
            }
            let party = terms.party(&opened.party);
            let party = party.ok_or_else(|| other("the terms do not name the ledger's party"))?;
            root.clone_from(&party.root);
        }
        Ok((Channel::new(opened.party, to, key, opened.terms, &root), card.mirror))
    }

    async fn note(&self, path: &str) -> Result<Note, Error> {
        let bytes = self.get(path).await?;
        Note::parse(&bytes).map_err(|error| self.invalid(path, &error))
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, Error> {
        let place = self.place(path);
        let unreachable = |problem: String| Error::Unreachable { place: place.clone(), problem };
        if self.place.starts_with("http://") {
            let reply = http::fetch(self.network, Method::GET, &place, Vec::new(), MAX_FILE).await;
            let reply = reply.map_err(|error| unreachable(error.to_string()))?;
            return match reply.status {
                200 => Ok(reply.body),
                status => Err(unreachable(format!("HTTP status {status}"))),
            };
        }
        let folder = Path::new(&self.place);
        let path = match path.strip_prefix("history/") {
            Some(size) => folder.join("history").join(next_size(&folder.join("history"), size)),
            None => folder.join(path),
        };
        let length =
            std::fs::metadata(&path).map_err(|error| unreachable(error.to_string()))?.len();
        if length > MAX_FILE as u64 {
            return Err(unreachable(format!(
                "a file of {length} bytes; at most {MAX_FILE} are read"
            )));
        }
        std::fs::read(&path).map_err(|error| unreachable(error.to_string()))
    }

    fn place(&self, path: &str) -> String {
        format!("{}/{path}", self.place.trim_end_matches('/'))
    }

    fn invalid(&self, path: &str, error: &comity_ledger::Error) -> Error {
        Error::Invalid { place: self.place(path), code: error.code(), problem: error.to_string() }
    }
}

/// In a folder, the file for `history/<size>` is the one with the next size that is there.
fn next_size(folder: &Path, size: &str) -> String {
    let wanted: u64 = size.parse().unwrap_or(0);
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = names.filter_map(|file| file.file_name().to_str()?.parse::<u64>().ok());
    sizes.filter(|size| *size >= wanted).min().map_or_else(|| size.to_owned(), |s| s.to_string())
}

impl Report {
    /// Whether everything was judged and nothing refused.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.audit.refused.is_empty() && self.audit.waiting.is_empty()
    }

    /// The report as JSON; `agreement` gives the limits, `now` the age of what is open: the time of
    /// the last witnessed checkpoint, so that the same heads give the same report.
    #[must_use]
    pub fn to_json(&self, agreement: Option<&Agreement>) -> Value {
        let now = self.now();
        let requests = self.audit.requests.values();
        let requests: Vec<_> = requests.map(|request| row(request, agreement, now)).collect();
        json!({
            "ledgers": self.ledgers.iter().map(|(origin, party, entries, last)| json!({
                "origin": origin, "party": party, "entries": entries, "last_witnessed": last,
            })).collect::<Vec<_>>(),
            "requests": requests,
            "waiting": self.audit.waiting.iter().map(|(party, index)| json!({
                "party": party, "index": index,
            })).collect::<Vec<_>>(),
            "refused": self.audit.refused.iter().map(|(party, index, code, reason)| json!({
                "party": party, "index": index, "code": code, "reason": reason,
            })).collect::<Vec<_>>(),
        })
    }

    /// The time of the last witnessed checkpoint of either ledger.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ledgers.iter().filter_map(|ledger| ledger.3).max().unwrap_or_default()
    }
}

fn row(request: &Request, agreement: Option<&Agreement>, now: Timestamp) -> Value {
    let clocks = Clocks::of(request, agreement, now);
    let standing = request.standing(View::ALL);
    let seconds = |time: Option<SignedDuration>| time.map(|time| time.as_secs());
    let since = |done: Option<Timestamp>| {
        seconds(done.zip(clocks.start.instant()).map(|(done, start)| done.duration_since(start)))
    };
    let outcomes: serde_json::Map<_, _> = tally(request)
        .into_iter()
        .map(|(outcome, count)| (outcome.as_str().to_owned(), count.into()))
        .collect();
    json!({
        "thread": request.thread,
        "asker": request.asker,
        "receiver": request.receiver,
        "class": request.class,
        "exercise": request.exercise,
        "items": request.items,
        "status": standing.status.as_str(),
        "desired": standing.desired.as_str(),
        "outcomes": outcomes,
        "sent": request.asked.first().and_then(|event| event.witnessed),
        "started": clocks.start.instant(),
        "started_by": match clocks.start {
            Start::Receipt(_) => "receipt",
            Start::Mirror(_) => "mirror",
            Start::Unreceipted => "unreceipted",
        },
        "acknowledged": clocks.acknowledge.done,
        "acknowledged_in_seconds": since(clocks.acknowledge.done),
        "acknowledge_due": clocks.acknowledge.due,
        "acknowledge_late_seconds": seconds(clocks.acknowledge.late),
        "answered": clocks.answer.done,
        "answered_in_seconds": seconds(clocks.answered_in()),
        "answer_due": clocks.answer.due,
        "answer_late_seconds": seconds(clocks.answer.late),
        "suspended": clocks.suspended.iter().map(|s| json!({ "from": s.from, "to": s.to })).collect::<Vec<_>>(),
        "overdue": clocks.is_overdue(),
    })
}

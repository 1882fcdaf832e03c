//! `comity ledger audit`: fetches two ledgers from wherever they are, verifies every byte of them
//! against the policy, and computes what anyone can. It trusts no node, its own neither.

use std::path::Path;

use comity_ledger::note::Note;
use comity_ledger::tile::{self, TileId, TilePath, WIDTH};
use comity_ledger::{Hash, Policy, Statement, Tiles, VerifierKey, cosignature};
use comity_rules::agreement::{Agreement, Closes, Terms, time_of};
use comity_rules::audit::{self, Audit};
use comity_rules::card::{self, Card};
use comity_rules::channel::Channel;
use comity_rules::clock::{self, Clocks, Suspension, tally};
use comity_rules::period::instant;
use comity_rules::review::Head;
use comity_rules::thread::View;
use comity_rules::{Matter, PartyId, Request};
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
    /// There is no such file.
    #[error("{0}: there is no such file")]
    Missing(String),
    /// No place.
    #[error("want a ledger, or the two of an agreement")]
    Few,
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

/// How an audit gets at what it reads.
pub struct Reach<'a> {
    /// The network.
    pub network: &'a dyn Network,
    /// The key that its holder was given, where the ledgers are not everyone's.
    pub key: Option<&'a str>,
}

/// What an audit found.
#[derive(Debug)]
pub struct Report {
    /// Each ledger: its origin, party, entries, and the time of its last witnessed checkpoint.
    pub ledgers: Vec<(String, PartyId, u64, Option<Timestamp>)>,
    /// Proofs that a copy has, and that say earlier than all that the ledger itself serves: whose
    /// ledger, which size, and the time.
    pub withheld: Vec<(PartyId, u64, Timestamp)>,
    /// Where later terms were given that end these ledgers: whose ledger, its entries up to the last head,
    /// and how many after it were left out. That both parties signed those terms their own ledgers show.
    pub ended: Vec<(PartyId, u64, u64)>,
    /// When those terms were proposed: no clock runs after it.
    pub over: Option<Timestamp>,
    /// The rules' findings.
    pub audit: Audit,
    /// What proves the heads of both ledgers; empty for a single one.
    proven: Vec<Covered>,
}

/// A ledger's tiles, and the sizes that outside witnesses covered, each with its time.
#[derive(Debug)]
struct Covered {
    party: PartyId,
    origin: String,
    tiles: Tiles,
    history: Vec<(u64, Timestamp)>,
}

/// Audits the ledgers at the first two places. Further places are copies of either, such as the
/// other side's mirror: what they prove counts too.
///
/// # Errors
/// [`Error`].
pub async fn run(
    reach: &Reach<'_>,
    places: &[String],
    policy: &Policy,
    terms: Option<&Terms>,
    later: Option<&Terms>,
) -> Result<Report, Error> {
    let closes = later.and_then(|later| later.closes());
    let over = later.and_then(|later| later.ends_at());
    let source = |place: &String| Source { reach, place: place.clone() };
    let (first, second, copies) = match places {
        [] => return Err(Error::Few),
        [alone] => {
            let mut read = source(alone).read(policy, terms).await?;
            read.close(closes)?;
            let ended = (read.ledger.channel.from.clone(), read.size(), read.after);
            let report = read.alone();
            let ended = closes.map(|_| ended).into_iter().collect();
            return Ok(Report { ended, over, ..report });
        }
        [first, second, copies @ ..] => (first, second, copies),
    };
    let mut read =
        [source(first).read(policy, terms).await?, source(second).read(policy, terms).await?];
    let [one, other] = read.each_ref().map(|read| &read.ledger.channel);
    if one.terms != other.terms || one.from != other.to || one.to != other.from {
        return Err(Error::Invalid {
            place: format!("{first} and {second}"),
            code: "other-agreement",
            problem: "these are not the two ledgers of one agreement".to_owned(),
        });
    }
    for read in &mut read {
        read.close(closes)?;
    }
    // A ledger is mirrored by the other side.
    let [one, other] = read.each_ref().map(|read| read.card.mirror.clone());
    for (read, mirror) in read.iter_mut().zip([other, one]) {
        read.mirror = Some(mirror);
        let proofs = std::mem::take(&mut read.proofs);
        read.count(&proofs)?;
    }
    let mut withheld = Vec::new();
    for copy in copies.iter().map(source) {
        let origin = copy.origin().await?;
        let Some(read) = read.iter_mut().find(|read| read.ledger.channel.origin == origin) else {
            let expected = "one of the two ledgers".to_owned();
            let other = comity_ledger::Error::OtherLedger { expected, found: origin };
            return Err(copy.invalid("history/1", &other));
        };
        let proofs = copy.proofs(policy, &read.ledger.tiles, read.size(), false).await?;
        withheld.extend(read.earlier(&proofs));
        read.count(&proofs)?;
    }
    let ledgers = read.each_ref().map(|read| {
        let channel = &read.ledger.channel;
        (channel.origin.clone(), channel.from.clone(), read.size(), read.alive)
    });
    let ended = read.iter().filter(|_| closes.is_some());
    let ended = ended.map(|read| (read.ledger.channel.from.clone(), read.size(), read.after));
    let ended = ended.collect();
    let read = read.map(|read| read.ledger);
    let audit = Audit::of(&read);
    let proven = read.map(|audit::Ledger { channel, tiles, history, .. }| Covered {
        party: channel.from,
        origin: channel.origin,
        tiles,
        history,
    });
    Ok(Report { ledgers: ledgers.to_vec(), withheld, ended, over, audit, proven: proven.into() })
}

/// A ledger as it was read.
struct Read {
    ledger: audit::Ledger,
    proofs: Vec<Proof>,
    /// Its party's card, from its opening.
    card: Card,
    /// The key of the other side's mirror, once that is known.
    mirror: Option<VerifierKey>,
    /// When it was last known to be alive.
    alive: Option<Timestamp>,
    /// Entries after its last head, which count for nothing.
    after: u64,
}

/// A kept checkpoint that fits the entries.
#[derive(Clone)]
struct Proof {
    place: String,
    size: u64,
    note: Note,
    /// When an outside quorum had seen it, where there is one.
    witnessed: Option<Timestamp>,
}

impl Read {
    fn size(&self) -> u64 {
        self.ledger.entries.len() as u64
    }

    /// Holds the ledger to its last head, where terms that were signed later name one: what comes after
    /// that counts for nothing.
    fn close(&mut self, closes: Option<&Closes>) -> Result<(), Error> {
        let origin = &self.ledger.channel.origin;
        let Some(closes) = closes else { return Ok(()) };
        let invalid = |error: comity_ledger::Error| Error::Invalid {
            place: format!("the last head of {origin}"),
            code: error.code(),
            problem: error.to_string(),
        };
        let head = closes.heads.iter().find(|head| head.origin == *origin);
        let head = head.filter(|_| closes.terms == self.ledger.channel.terms).ok_or_else(|| {
            let expected = closes.heads.iter().map(|head| head.origin.clone()).collect::<Vec<_>>();
            let expected = expected.join(" or ");
            invalid(comity_ledger::Error::OtherLedger { expected, found: origin.clone() })
        })?;
        let root = self.ledger.tiles.root(head.size.min(self.size())).map_err(invalid)?;
        if head.size > self.size() || Hash::from_hex(&head.root) != Some(root) {
            return Err(invalid(comity_ledger::Error::Fork { size: head.size }));
        }
        self.after = self.size() - head.size;
        self.ledger.entries.truncate(usize::try_from(head.size).unwrap_or(usize::MAX));
        Ok(())
    }

    /// What one ledger shows by itself: that every entry is signed, in place and witnessed. What its
    /// statements amount to follows from both.
    fn alone(self) -> Report {
        let (size, alive) = (self.size(), self.alive);
        let channel = &self.ledger.channel;
        let ledgers = vec![(channel.origin.clone(), channel.from.clone(), size, alive)];
        let (withheld, ended) = (Vec::new(), Vec::new());
        let audit = Audit::alone(&self.ledger);
        Report { ledgers, withheld, ended, over: None, audit, proven: Vec::new() }
    }

    /// Counts what these prove: the word of outside witnesses, and that of the mirror.
    fn count(&mut self, proofs: &[Proof]) -> Result<(), Error> {
        for proof in proofs {
            let invalid = |error: comity_ledger::Error| Error::Invalid {
                place: proof.place.clone(),
                code: error.code(),
                problem: error.to_string(),
            };
            let mirror = self.mirror.as_ref();
            let time = mirror.map(|key| cosignature::verify(&proof.note, key)).transpose();
            let time = time.map_err(invalid)?.flatten().and_then(instant);
            if time.is_none() && proof.witnessed.is_none() {
                return Err(invalid(comity_ledger::Error::Quorum("outside".to_owned())));
            }
            self.ledger.mirrored.extend(time.map(|time| (proof.size, time)));
            self.ledger.history.extend(proof.witnessed.map(|time| (proof.size, time)));
        }
        Ok(())
    }

    /// Those of a copy's proofs that say earlier than all that is known.
    fn earlier(&self, proofs: &[Proof]) -> Vec<(PartyId, u64, Timestamp)> {
        let known = |size: u64| {
            let covers = self.ledger.history.iter().filter(move |(known, _)| *known >= size);
            covers.map(|(_, time)| *time).min()
        };
        let mut earlier = Vec::new();
        for proof in proofs {
            let time = proof.witnessed.filter(|time| known(proof.size).is_none_or(|k| *time < k));
            earlier.extend(time.map(|t| (self.ledger.channel.from.clone(), proof.size, t)));
        }
        earlier
    }
}

/// Where a ledger is read: an `https://` or `http://` URL, or a folder.
struct Source<'a> {
    reach: &'a Reach<'a>,
    place: String,
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
        let proofs = self.proofs(policy, &tiles, head.size, true).await?;
        let (channel, card) = self.channel(&entries, &head.origin, policy, terms)?;
        // Its own card is all that a ledger shows of who holds which key.
        if let Some(witness) = policy.witnesses().iter().find(|w| card.holds(&w.key)) {
            return Err(Error::Invalid {
                place: self.place("entry 0"),
                code: "not-outside",
                problem: format!("witness {} is a key of {}'s own card", witness.name, card.party),
            });
        }
        let (history, mirrored) = (Vec::new(), Vec::new());
        let ledger = audit::Ledger { channel, entries, tiles, history, mirrored };
        Ok(Read { ledger, proofs, card, mirror: None, alive, after: 0 })
    }

    /// Of which ledger this is a copy.
    async fn origin(&self) -> Result<String, Error> {
        let note = self.note("history/1").await?;
        let checkpoint = comity_ledger::Checkpoint::parse(note.text());
        Ok(checkpoint.map_err(|e| self.invalid("history/1", &e))?.origin)
    }

    /// The kept checkpoints up to `size`, each verified: signed, and with a root that the entries
    /// have. Where all are wanted, one that is missing is an error; a copy may have fewer.
    async fn proofs(
        &self,
        policy: &Policy,
        tiles: &Tiles,
        size: u64,
        all: bool,
    ) -> Result<Vec<Proof>, Error> {
        let mut proofs = Vec::new();
        let mut next = 1;
        while next <= size {
            let path = format!("history/{next}");
            let note = match self.note(&path).await {
                Err(Error::Missing(_)) if !all => break,
                note => note?,
            };
            let opened = policy.open(&note).map_err(|e| self.invalid(&path, &e))?;
            let head = &opened.checkpoint;
            if head.size > size && !all {
                break;
            }
            let root = tiles.root(head.size.min(size)).map_err(|e| self.invalid(&path, &e))?;
            if head.size < next || head.size > size || root != head.root {
                return Err(self.invalid(&path, &comity_ledger::Error::Fork { size: head.size }));
            }
            next = head.size + 1;
            let witnessed = time_of(&opened).filter(|_| policy.is_quorum(&opened));
            proofs.push(Proof { place: self.place(&path), size: head.size, note, witnessed });
        }
        Ok(proofs)
    }

    /// Who keeps this ledger, with its card, from its own opening; where terms are given, they name
    /// the root.
    fn channel(
        &self,
        entries: &[Vec<u8>],
        origin: &str,
        policy: &Policy,
        terms: Option<&Terms>,
    ) -> Result<(Channel, Card), Error> {
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
        Ok((Channel::new(opened.party, to, key, opened.terms, &root), card))
    }

    async fn note(&self, path: &str) -> Result<Note, Error> {
        let bytes = self.get(path).await?;
        Note::parse(&bytes).map_err(|error| self.invalid(path, &error))
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, Error> {
        let place = self.place(path);
        let unreachable = |problem: String| Error::Unreachable { place: place.clone(), problem };
        if self.place.starts_with("http://") || self.place.starts_with("https://") {
            let Reach { network, key } = *self.reach;
            let reply = http::fetch(network, Method::GET, &place, key, Vec::new(), MAX_FILE).await;
            let reply = reply.map_err(|error| unreachable(error.to_string()))?;
            return match reply.status {
                200 => Ok(reply.body),
                404 => Err(Error::Missing(place)),
                401 => Err(unreachable("the key is not one that reads here".to_owned())),
                status => Err(unreachable(format!("HTTP status {status}"))),
            };
        }
        if self.place.contains("://") {
            return Err(unreachable("want an http:// or https:// URL, or a folder".to_owned()));
        }
        let folder = Path::new(&self.place);
        let path = match path.strip_prefix("history/") {
            Some(size) => folder.join("history").join(next_size(&folder.join("history"), size)),
            None => folder.join(path),
        };
        let missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        let length = match std::fs::metadata(&path) {
            Ok(found) => found.len(),
            Err(error) if missing(&error) => return Err(Error::Missing(place)),
            Err(error) => return Err(unreachable(error.to_string())),
        };
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
        let now = self.over.map_or(self.now(), |over| over.max(self.now()));
        let requests = self.audit.requests.values();
        let matters = || self.audit.matters.values();
        let pauses = [false, true].map(|exercise| clock::pauses(matters(), exercise, self.over));
        let row = |request: &Request| {
            row(request, agreement, &pauses[usize::from(request.exercise)], now)
        };
        let requests: Vec<_> = requests.map(row).collect();
        let matters: Vec<_> = matters().map(matter).collect();
        json!({
            "ledgers": self.ledgers.iter().map(|(origin, party, entries, last)| json!({
                "origin": origin, "party": party, "entries": entries, "last_witnessed": last,
            })).collect::<Vec<_>>(),
            "requests": requests,
            "matters": matters,
            "withheld": self.withheld.iter().map(|(party, size, time)| json!({
                "party": party, "size": size, "witnessed": time,
            })).collect::<Vec<_>>(),
            "ended": self.ended.iter().map(|(party, size, after)| json!({
                "party": party, "entries": size, "left_out": after,
            })).collect::<Vec<_>>(),
            "unreceipted": self.audit.unreceipted.iter().map(|(party, index, held)| json!({
                "party": party, "index": index, "held": held,
            })).collect::<Vec<_>>(),
            "waiting": self.audit.waiting.iter().map(|(party, index)| json!({
                "party": party, "index": index,
            })).collect::<Vec<_>>(),
            "refused": self.audit.refused.iter().map(|(party, index, code, reason)| json!({
                "party": party, "index": index, "code": code, "reason": reason,
            })).collect::<Vec<_>>(),
        })
    }

    /// A party's ledger up to a size, with the time at which outside witnesses had covered that; `None`
    /// where they have not.
    #[must_use]
    pub fn head(&self, party: &PartyId, size: u64) -> Option<Head> {
        let Covered { origin, tiles, history, .. } =
            self.proven.iter().find(|ledger| ledger.party == *party)?;
        let covers = history.iter().filter(|(covered, _)| *covered >= size);
        let witnessed = covers.map(|(_, time)| *time).min()?;
        let (party, origin) = (party.clone(), origin.clone());
        let root = tiles.root(size).ok()?.to_hex();
        Some(Head { party, origin, size, root, witnessed: Some(witnessed) })
    }

    /// The time of the last witnessed checkpoint of either ledger.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ledgers.iter().filter_map(|ledger| ledger.3).max().unwrap_or_default()
    }
}

fn matter(matter: &Matter) -> Value {
    let standing = matter.standing(View::ALL);
    let opened = matter.opened.first();
    json!({
        "thread": matter.thread,
        "topic": matter.topic,
        "signal": matter.signal(),
        "opener": matter.opener,
        "exercise": matter.exercise,
        "state": standing.state,
        "opened": opened.and_then(|event| event.witnessed),
        "received": opened.and_then(|event| event.receipt.as_ref()?.witnessed),
        "statements": matter.opened.len() + matter.replied.len(),
    })
}

fn row(
    request: &Request,
    agreement: Option<&Agreement>,
    pauses: &[Suspension],
    now: Timestamp,
) -> Value {
    let clocks = Clocks::of(request, agreement, pauses, now);
    let standing = request.standing(View::ALL);
    let seconds = |time: Option<SignedDuration>| time.map(|time| time.as_secs());
    let since =
        |done: Option<Timestamp>| seconds(done.and_then(|done| clocks.acknowledged_in(done)));
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
        "started_by": clocks.start.as_str(),
        "acknowledged": clocks.acknowledge.done,
        "acknowledged_in_seconds": since(clocks.acknowledge.done),
        "acknowledge_due": clocks.acknowledge.due,
        "acknowledge_late_seconds": seconds(clocks.acknowledge.late),
        "decided": clocks.decide.done,
        "decide_due": clocks.decide.due,
        "decide_late_seconds": seconds(clocks.decide.late),
        "reply_due": clocks.reply.due,
        "reply_late_seconds": seconds(clocks.reply.late),
        "answered": clocks.answer.done,
        "answered_in_seconds": seconds(clocks.answered_in()),
        "answer_due": clocks.answer.due,
        "answer_late_seconds": seconds(clocks.answer.late),
        "counts": clocks.counts,
        "suspended": clocks.suspended.iter().map(|s| json!({ "from": s.from, "to": s.to })).collect::<Vec<_>>(),
        "overdue": clocks.is_overdue(),
    })
}

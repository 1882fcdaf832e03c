//! What anyone computes from two public ledgers: times and outcomes, and no content.
//!
//! The audit runs the same gate and the same rules as the nodes, over the same entries, with the
//! times that the kept checkpoints prove. It needs no node, no key but those in the policy, and no
//! content. Given the terms it computes deadlines too.

use std::collections::{BTreeMap, HashMap, VecDeque};

use comity_ledger::{Hash, Statement, Tiles};
use jiff::Timestamp;

use crate::channel::{self, Admitted, Channel, Entry, Receipt, Refusal};
use crate::thread::{Receipted, Sides as _};
use crate::{Kind, Matter, PartyId, Request, Thread, ThreadId};

/// One party's ledger, read and verified against its kept checkpoints.
#[derive(Debug)]
pub struct Ledger {
    /// The channel before its first entry.
    pub channel: Channel,
    /// Every entry.
    pub entries: Vec<Vec<u8>>,
    /// Its tiles, over those entries.
    pub tiles: Tiles,
    /// The sizes at which outside witnesses covered it, each with its time, in any order and from
    /// whoever kept them: the earliest counts.
    pub history: Vec<(u64, Timestamp)>,
    /// The sizes that the other party's mirror cosigned, likewise.
    pub mirrored: Vec<(u64, Timestamp)>,
}

/// What an audit found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Every request, by thread.
    pub requests: BTreeMap<ThreadId, Request>,
    /// Every other matter, likewise.
    pub matters: BTreeMap<ThreadId, Matter>,
    /// Where the audit had to stop in a ledger: its next entry refers to more of the other ledger
    /// than was witnessed yet. It is neither refused nor accepted.
    pub waiting: Vec<(PartyId, u64)>,
    /// Entries that were refused: whose, where, the code, and the reason in words.
    pub refused: Vec<(PartyId, u64, &'static str, String)>,
    /// Entries that the other party has not receipted: whose and where, and since when it provably had
    /// them, by its mirror's own cosignature. At the end of a ledger that is only natural.
    pub unreceipted: Vec<(PartyId, u64, Option<Timestamp>)>,
}

/// An audit on its way: what finds a request again by its thread, or by an entry that concerns it.
#[derive(Default)]
struct Going {
    found: Audit,
    /// The threads, in the order in which they were opened: those of a moment lie together.
    opened: Vec<Thread>,
    threads: HashMap<ThreadId, usize>,
    /// Of each side's ledger, which entries are of which thread: ascending.
    concerns: [Vec<(u64, usize)>; 2],
    /// Likewise, which entries prove that statements of a thread came.
    proofs: [Vec<(u64, usize)>; 2],
    /// Of each side's ledger, whether an entry waits for a receipt.
    owed: [Vec<bool>; 2],
}

impl Audit {
    /// Audits two ledgers of one agreement.
    #[must_use]
    pub fn of(ledgers: &[Ledger; 2]) -> Self {
        let owed = ledgers.each_ref().map(|ledger| vec![false; ledger.entries.len()]);
        let mut going = Going { owed, ..Going::default() };
        let mut channels = ledgers.each_ref().map(|ledger| ledger.channel.clone());
        for side in 0..2 {
            channels[side].other = Some(ledgers[1 - side].channel.origin.clone());
        }
        // An entry is taken once what its author had seen of the other ledger was taken. Heads and
        // leaf hashes cannot refer to each other in a circle, so one side can go on until both are
        // through, or until an entry refers to more than was witnessed.
        let mut ahead = [0, 1].map(|side| Ahead::of(&ledgers[side], &ledgers[1 - side]));
        loop {
            let ready = (0..2).find_map(|side| {
                let entry = ahead[side].take(&channels[side], channels[1 - side].next)?;
                Some((side, entry))
            });
            let Some((side, entry)) = ready else {
                break;
            };
            let other = &ledgers[1 - side];
            let at = channels[side].next;
            if let Some(owed) = going.owed[side].get_mut(index(at)) {
                *owed = !is_receipt(&entry);
            }
            let result = channels[side].admit(entry, |size| root_at(other, size));
            let result =
                result.and_then(|admitted| going.take(side, other, &mut channels[side], &admitted));
            if let Err(refusal) = result {
                let from = channels[side].from.clone();
                going.found.refused.push((from, at, refusal.code(), refusal.to_string()));
            }
        }
        for (channel, ledger) in channels.iter().zip(ledgers) {
            if channel.next < ledger.entries.len() as u64 {
                going.found.waiting.push((channel.from.clone(), channel.next));
            }
        }
        for (side, ledger) in ledgers.iter().enumerate() {
            going.times(side, ledger);
            going.unreceipted(side, ledger);
        }
        going.end()
    }

    /// What one ledger shows without the other: which of its entries the gate refuses whatever the
    /// other ledger has. Heads of the other that it names are believed, and nothing is judged by them.
    #[must_use]
    pub fn alone(ledger: &Ledger) -> Self {
        let mut audit = Self::default();
        let mut channel = ledger.channel.clone();
        for entry in &ledger.entries {
            let (at, from) = (channel.next, channel.from.clone());
            let entry = Statement::parse(entry);
            let seen = entry.as_ref().ok().and_then(|statement| statement.body().seen.clone());
            channel.other = seen.as_ref().map(|seen| seen.origin.clone());
            if let Err(refusal) = channel.admit(entry, |_| seen.map(|seen| seen.root)) {
                audit.refused.push((from, at, refusal.code(), refusal.to_string()));
            }
        }
        audit
    }
}

impl Going {
    fn take(
        &mut self,
        side: usize,
        other: &Ledger,
        channel: &mut Channel,
        admitted: &Admitted,
    ) -> Result<(), Refusal> {
        let body = admitted.statement.body();
        let is_real = |receipt: &Receipt| other.tiles.leaf(receipt.index) == Some(receipt.leaf);
        let shows = channel.show(channel::needs(body, &other.channel.origin, is_real));
        for at in within(&self.concerns[1 - side], shows) {
            let thread = self.concerns[1 - side][at].1;
            self.opened[thread].shows(&other.channel.from, shows, admitted.index);
            self.proofs[side].push((admitted.index, thread));
        }
        if admitted.kind == Kind::Receipt {
            for receipt in channel::decode_receipts(&body.public)? {
                if !is_real(&receipt) {
                    continue;
                }
                if let Some(owed) = self.owed[1 - side].get_mut(index(receipt.index)) {
                    *owed = false;
                }
                let concerned =
                    within(&self.concerns[1 - side], (receipt.index, receipt.index + 1));
                for at in concerned {
                    let thread = self.concerns[1 - side][at].1;
                    let code = receipt.code.clone();
                    let receipted = Receipted { index: admitted.index, code, witnessed: None };
                    self.opened[thread].receipt(&other.channel.from, receipt.index, receipted);
                    self.proofs[side].push((admitted.index, thread));
                }
            }
            return Ok(());
        }
        if !admitted.kind.is_threaded() {
            return Ok(());
        }
        let thread = ThreadId(body.thread);
        let known = self.threads.get(&thread).copied();
        let result = match known {
            Some(thread) => {
                self.concerns[side].push((admitted.index, thread));
                self.opened[thread].apply(admitted.index, admitted.kind, body)
            }
            None => {
                let (index, origin) = (admitted.index, admitted.statement.origin());
                Thread::open(index, origin, admitted.kind, body).map(|opened| {
                    self.concerns[side].push((index, self.opened.len()));
                    self.threads.insert(thread, self.opened.len());
                    self.opened.push(opened);
                })
            }
        };
        if let Err(illegal) = result {
            let (from, reason) = (other.channel.to.clone(), illegal.to_string());
            self.found.refused.push((from, admitted.index, illegal.code(), reason));
        }
        Ok(())
    }

    /// Gives the entries of a ledger their times. One head covers all before it, and of several that
    /// cover an entry the earliest gives its time.
    fn times(&mut self, side: usize, ledger: &Ledger) {
        type Give = fn(&mut Thread, &PartyId, (u64, u64), Timestamp);
        let kinds: [(_, Give); 2] =
            [(&ledger.history, Thread::witnessed), (&ledger.mirrored, Thread::mirrored)];
        for (heads, give) in kinds {
            let mut from = 0;
            for (size, time) in frontier(heads) {
                for concerned in [&self.concerns[side], &self.proofs[side]] {
                    for (_, thread) in &concerned[within(concerned, (from, size))] {
                        give(&mut self.opened[*thread], &ledger.channel.from, (from, size), time);
                    }
                }
                from = size;
            }
        }
    }

    fn unreceipted(&mut self, side: usize, ledger: &Ledger) {
        let held = frontier(&ledger.mirrored);
        for at in (0..).zip(&self.owed[side]).filter_map(|(at, owed)| owed.then_some(at)) {
            let since = held.get(held.partition_point(|(size, _)| *size <= at));
            let from = ledger.channel.from.clone();
            self.found.unreceipted.push((from, at, since.map(|(_, time)| *time)));
        }
    }

    fn end(mut self) -> Audit {
        for thread in self.opened {
            match thread {
                Thread::Request(request) => {
                    drop(self.found.requests.insert(request.thread, request));
                }
                Thread::Matter(matter) => drop(self.found.matters.insert(matter.thread, matter)),
            }
        }
        self.found
    }
}

/// Where in `concerns` the entries `[from, to)` stand.
fn within(concerns: &[(u64, usize)], (from, to): (u64, u64)) -> std::ops::Range<usize> {
    concerns.partition_point(|(entry, _)| *entry < from)
        ..concerns.partition_point(|(entry, _)| *entry < to)
}

/// Of these heads those that say of any entry that it was there earlier than the others say: by size,
/// with ascending times.
fn frontier(heads: &[(u64, Timestamp)]) -> Vec<(u64, Timestamp)> {
    let mut heads = heads.to_vec();
    heads.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut kept: Vec<(u64, Timestamp)> = Vec::new();
    for (size, time) in heads {
        if kept.last().is_none_or(|(_, later)| time < *later) {
            kept.push((size, time));
        }
    }
    kept.reverse();
    kept
}

/// Entries of a ledger that are parsed together, so that their signatures are checked together.
const AHEAD: usize = 4096;

/// A ledger's entries, in their order.
struct Ahead<'a> {
    ledger: &'a Ledger,
    other: &'a Ledger,
    parsed: VecDeque<Entry>,
    /// How much of the other ledger must be taken before the first of them, once that is known.
    needs: Option<u64>,
}

impl<'a> Ahead<'a> {
    fn of(ledger: &'a Ledger, other: &'a Ledger) -> Self {
        Self { ledger, other, parsed: VecDeque::new(), needs: None }
    }

    /// The entry that is next in this channel, if it needs no more of the other ledger than is taken.
    fn take(&mut self, channel: &Channel, taken: u64) -> Option<Entry> {
        if self.parsed.is_empty() {
            // Nothing can be checked before the opening has named a key.
            let count = if channel.next == 0 { 1 } else { AHEAD };
            let entries = self.ledger.entries.iter().skip(index(channel.next)).take(count);
            self.parsed = entries.map(|entry| Statement::parse(entry)).collect();
            channel.check_ahead(self.parsed.make_contiguous());
        }
        let needs = self.needs.or_else(|| Some(self.needed(self.parsed.front()?)));
        self.needs = needs.filter(|needs| *needs > taken);
        if needs? > taken { None } else { self.parsed.pop_front() }
    }

    fn needed(&self, entry: &Entry) -> u64 {
        entry.as_ref().map_or(0, |statement| {
            channel::needs(statement.body(), &self.other.channel.origin, |receipt| {
                self.other.tiles.leaf(receipt.index) == Some(receipt.leaf)
            })
        })
    }
}

/// Receipts are never receipted.
fn is_receipt(entry: &Entry) -> bool {
    entry.as_ref().is_ok_and(|statement| statement.body().kind == Kind::Receipt.as_str())
}

fn root_at(ledger: &Ledger, size: u64) -> Option<Hash> {
    (size <= ledger.entries.len() as u64).then(|| ledger.tiles.root(size).ok())?
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

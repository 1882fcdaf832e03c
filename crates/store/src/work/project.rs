//! Views: what follows from an entry. They come from here and nowhere else, the first time and at a rebuild.

use comity_ledger::Hash;
use comity_ledger::Statement;
use comity_ledger::note::Note;
use comity_rules::card::{self, Card};
use comity_rules::channel::{self, Admitted, Channel, Entry, Refusal};
use comity_rules::content::{Answer, Letter};
use comity_rules::request::{Act, Illegal};
use comity_rules::thread::{Receipted, Sides as _};
use comity_rules::{Kind, Thread, ThreadId};
use jiff::Timestamp;

use super::{Held, Proof, Taken, Title, Work, plain, title};
use crate::ledger::{self, id_of};
use crate::request::Kept;
use crate::{Error, agreement};

impl Work {
    /// Passes the entry through the gate and the rules, and writes what follows from it. Both the
    /// first time and at a rebuild: views come from here and nowhere else.
    pub(crate) async fn project(
        &mut self,
        id: &str,
        entry: Entry,
        arrival: u64,
        letter: Option<Letter>,
    ) -> Result<Taken, Error> {
        let body = entry.as_ref().ok().map(Statement::body);
        let kind = body.map(|body| plain(&body.kind)).unwrap_or_default();
        let ledger = &self.open(id).await?.ledger;
        let (terms, mine) = (ledger.terms.clone(), ledger.mine);
        let index = ledger.channel.next;
        let admitted = self.admit(id, entry).await?;
        let mut opened = Ok(None);
        let mut refused = None;
        let mut thread = None;
        match &admitted {
            Ok(admitted) => {
                opened = self.letter(id, admitted, letter).await?;
                if let Ok(Some(letter)) = &opened
                    && !Act::of(admitted.kind, admitted.statement.body())
                        .is_ok_and(|act| letter.agrees(&act))
                {
                    opened = Err("content-mismatch");
                }
                if admitted.kind.is_threaded() {
                    thread = Some(ThreadId(admitted.statement.body().thread));
                    let title = title(opened.as_ref().ok().and_then(Option::as_ref));
                    let applied = self.apply(admitted, &terms, title, arrival).await?;
                    refused = applied.err().map(|illegal| (illegal.code(), illegal.to_string()));
                } else if matches!(admitted.kind, Kind::Open | Kind::AddKey) && !mine {
                    self.adopt(admitted).await?;
                } else if admitted.kind == Kind::Receipt {
                    let result = self.receipts(id, admitted).await?;
                    refused = result.err().map(|refusal| (refusal.code(), refusal.to_string()));
                }
            }
            Err(refusal) => refused = Some((refusal.code(), refusal.to_string())),
        }
        // Receipts are never receipted: else two nodes would thank each other for ever.
        if kind != Kind::Receipt.as_str() {
            let code = refused.as_ref().map(|(code, _)| *code).or(opened.as_ref().err().copied());
            self.owe(id, index, code.unwrap_or_default()).await?;
        }
        let kept = opened.ok().flatten().map(Kept::of);
        self.save_statement(id, index, &kind, thread, refused.as_ref().map(|r| r.0), kept).await?;
        Ok(Taken { index, refused, thread })
    }

    /// Passes the entry through the gate, and notes what it had seen before anything else.
    pub(crate) async fn admit(
        &mut self,
        id: &str,
        entry: Entry,
    ) -> Result<Result<Admitted, Refusal>, Error> {
        let root = match entry.as_ref().ok().and_then(|entry| entry.body().seen.as_ref()) {
            Some(seen) => self.root_at(&id_of(&seen.origin), seen.size).await?,
            None => None,
        };
        let admitted = self.open(id).await?.ledger.channel.admit(entry, |_| root);
        if let Ok(admitted) = &admitted {
            self.shows(id, admitted).await?;
        }
        Ok(admitted)
    }

    /// Notes which entries of the other ledger this one shows to have come, and nothing before it did.
    async fn shows(&mut self, id: &str, admitted: &Admitted) -> Result<(), Error> {
        const LEAF: &str = "SELECT entry FROM leaf WHERE ledger = $1 AND idx = $2";
        const REQUESTS: &str = "SELECT DISTINCT request FROM statement
            WHERE ledger = $1 AND idx >= $2 AND idx < $3 AND request IS NOT NULL";
        let channel = &self.open(id).await?.ledger.channel;
        let Some(origin) = channel.other.clone() else { return Ok(()) };
        let (other, body) = (id_of(&origin), admitted.statement.body());
        // A receipt that goes beyond what was seen is rare: seldom is one looked up.
        let mut real = Vec::new();
        if admitted.kind == Kind::Receipt {
            let seen = Channel::seen_size(body.seen.as_ref());
            let receipts = channel::decode_receipts(&body.public).unwrap_or_default();
            for receipt in receipts.into_iter().filter(|receipt| receipt.index >= seen) {
                let params = [other.as_str().into(), receipt.index.into()];
                let row = self.tx.query_one(LEAF, &params).await?;
                if row.is_some_and(|row| row.blob(0).is_ok_and(|e| Hash::leaf(e) == receipt.leaf)) {
                    real.push(receipt);
                }
            }
        }
        let size = channel::needs(body, &origin, |receipt| real.contains(receipt));
        let (from, to) = self.open(id).await?.ledger.channel.show(size);
        if from == to {
            return Ok(());
        }
        let party = self.ledger(&other).await?.party.clone();
        let params = [other.as_str().into(), from.into(), to.into()];
        for row in self.tx.query(REQUESTS, &params).await? {
            let seq = row.count(0)?;
            self.proves(id, admitted.index, seq).await?;
            if let Some(held) = self.thread_of(seq).await? {
                held.thread.shows(&party, (from, to), admitted.index);
            }
        }
        Ok(())
    }

    /// Goes on with the card that a peer states.
    async fn adopt(&mut self, admitted: &Admitted) -> Result<(), Error> {
        let public = &admitted.statement.body().public;
        let note = match admitted.kind {
            Kind::Open => card::split_notes(public)?.1,
            _ => Note::parse(public)?,
        };
        let card = Card::parse(&note)?;
        self.new_cards |= agreement::adopt(&mut self.tx, &card, &note.to_string()).await?;
        Ok(())
    }

    async fn letter(
        &mut self,
        id: &str,
        admitted: &Admitted,
        known: Option<Letter>,
    ) -> Result<Result<Option<Letter>, &'static str>, Error> {
        let Some(sealed) = admitted.statement.body().sealed else { return Ok(Ok(None)) };
        if known.is_some() {
            return Ok(Ok(known));
        }
        let place = [id.into(), admitted.index.into()];
        let row = self.tx.query_one(ledger::CIPHERTEXT, &place).await?;
        let Some(row) = row else { return Ok(Err("undecryptable")) };
        Ok((self.opener)(admitted.kind, row.blob(0)?, &sealed).map(Some))
    }

    async fn apply(
        &mut self,
        admitted: &Admitted,
        terms: &str,
        title: Option<Title>,
        seq: u64,
    ) -> Result<Result<(), Illegal>, Error> {
        let body = admitted.statement.body();
        let thread = ThreadId(body.thread);
        self.load_thread(thread).await?;
        if let Some(held) = self.threads.get_mut(&thread) {
            if held.terms != terms {
                let opens = admitted.kind.opens();
                return Ok(Err(if opens { Illegal::ThreadInUse } else { Illegal::UnknownThread }));
            }
            return Ok(held.thread.apply(admitted.index, admitted.kind, body));
        }
        let origin = admitted.statement.origin();
        Ok(Thread::open(admitted.index, origin, admitted.kind, body).map(|thread| {
            let (terms, title) = (terms.to_owned(), title.unwrap_or_default());
            self.hold(Held { thread, terms, title, seq });
        }))
    }

    async fn receipts(
        &mut self,
        id: &str,
        admitted: &Admitted,
    ) -> Result<Result<(), Refusal>, Error> {
        const REQUEST: &str = "SELECT statement.request, leaf.entry FROM statement
            JOIN leaf ON leaf.ledger = statement.ledger AND leaf.idx = statement.idx
            WHERE statement.ledger = $1 AND statement.idx = $2";
        const PAID: &str = "DELETE FROM owed WHERE ledger = $1 AND idx = $2";
        let receipts = match channel::decode_receipts(&admitted.statement.body().public) {
            Ok(receipts) => receipts,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(other) = self.other(id).await? else { return Ok(Ok(())) };
        for receipt in receipts {
            let params = [other.id.as_str().into(), receipt.index.into()];
            let row = self.tx.query_one(REQUEST, &params).await?;
            // A receipt for something else than what is there is for nothing.
            let Some(row) =
                row.filter(|row| row.blob(1).is_ok_and(|e| Hash::leaf(e) == receipt.leaf))
            else {
                continue;
            };
            self.tx.execute(PAID, &params).await?;
            if row.is_null(0) {
                continue;
            }
            let seq = row.count(0)?;
            self.proves(id, admitted.index, seq).await?;
            if let Some(held) = self.thread_of(seq).await? {
                let receipted =
                    Receipted { index: admitted.index, code: receipt.code, witnessed: None };
                held.thread.receipt(&other.party, receipt.index, receipted);
            }
        }
        Ok(Ok(()))
    }

    /// Notes that an entry proves that the other side's statements about a request came: its time is theirs.
    async fn proves(&mut self, id: &str, index: u64, request: u64) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO proof_of (ledger, idx, request) VALUES ($1, $2, $3)
            ON CONFLICT (ledger, idx, request) DO NOTHING";
        self.tx.execute(SQL, &[id.into(), index.into(), request.into()]).await?;
        Ok(())
    }

    /// Gives the entries `[from, to)` of a ledger their time.
    pub(crate) async fn times(
        &mut self,
        id: &str,
        (from, to): (u64, u64),
        proof: Proof,
        time: Timestamp,
    ) -> Result<(), Error> {
        const SQL: &str = "SELECT request FROM statement
            WHERE ledger = $1 AND idx >= $2 AND idx < $3 AND request IS NOT NULL
            UNION SELECT request FROM proof_of WHERE ledger = $1 AND idx >= $2 AND idx < $3";
        let party = self.ledger(id).await?.party.clone();
        let rows = self.tx.query(SQL, &[id.into(), from.into(), to.into()]).await?;
        for row in rows {
            if let Some(held) = self.thread_of(row.count(0)?).await? {
                match proof {
                    Proof::Witness => held.thread.witnessed(&party, (from, to), time),
                    Proof::Mirror => held.thread.mirrored(&party, (from, to), time),
                }
            }
        }
        Ok(())
    }

    /// Notes that a receipt is owed: by this node for an entry of the peer's, by the peer for one's own.
    async fn owe(&mut self, id: &str, index: u64, code: &str) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO owed (ledger, idx, code) VALUES ($1, $2, $3)";
        self.tx.execute(SQL, &[id.into(), index.into(), code.into()]).await?;
        Ok(())
    }

    /// Notes the dates in an answer's limits of use.
    pub(super) async fn limits(
        &mut self,
        (id, index): (&str, u64),
        request: u64,
        kept: &Kept,
    ) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO limit_of (ledger, idx, what, day, request)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (ledger, idx, what) DO NOTHING";
        let Letter::Answer(Answer { limits: Some(limits), .. }) = &kept.letter else {
            return Ok(());
        };
        for (what, day) in limits.dates() {
            let params =
                [id.into(), index.into(), what.into(), day.to_string().into(), request.into()];
            self.tx.execute(SQL, &params).await?;
        }
        Ok(())
    }

    async fn save_statement(
        &mut self,
        id: &str,
        index: u64,
        kind: &str,
        thread: Option<ThreadId>,
        refused: Option<&str>,
        kept: Option<Kept>,
    ) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO statement (ledger, idx, kind, request, refused, letter)
            VALUES ($1, $2, $3, $4, $5, $6)";
        // Of a statement about a request that nobody opened under these terms there is none, and nothing is shown of it.
        let terms = self.ledger(id).await?.terms.clone();
        let held = thread.and_then(|thread| self.threads.get(&thread));
        let request = held.filter(|held| held.terms == terms).map(|held| held.seq);
        let kept = kept.filter(|_| request.is_some());
        if let (Some(request), Some(kept), None) = (request, &kept, refused) {
            self.limits((id, index), request, kept).await?;
        }
        let letter = kept.map(|kept| serde_json::to_string(&kept)).transpose();
        let params = [
            id.into(),
            index.into(),
            kind.into(),
            request.into(),
            refused.into(),
            letter.map_err(Error::json)?.into(),
        ];
        self.tx.execute(SQL, &params).await?;
        Ok(())
    }
}

//! The standing review, from what a node has: see [`comity_rules::review`] for what it says.

use comity_ledger::Policy;
use comity_rules::access::{Person, Right};
use comity_rules::release::{self, Released};
use comity_rules::review::{FIELDS, Head, Opened, Openings, Review, Scope};
use comity_rules::{Kind, PartyId, bundle};
use comity_store::ledger::{self, Ledger};
use comity_store::{matter, request};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit;
use crate::node::{Agreement, Error, Node};
use crate::prove;

/// Rows that are read at a time.
const PAGE: u64 = 1_000;

/// Statements that say what a review opens.
const OPENED: [Kind; 6] =
    [Kind::Decide, Kind::Answer, Kind::Assess, Kind::Fix, Kind::Judge, Kind::Raise];

/// A party's ledger up to a size.
pub type At = (PartyId, u64);

/// Up to where a review looks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Until {
    /// The heads; where none is given, the latest that outside witnesses covered and this node knows.
    pub at: Vec<At>,
    /// As of when; the hour that this node's clock is in, where it is left out: so two nodes that are asked within it
    /// say the same.
    pub time: Option<Timestamp>,
}

impl Node {
    /// Reviews an agreement over these days, up to these heads and as of that time.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`] where a head is not witnessed here yet.
    pub async fn review(
        &self,
        by: &Person,
        agreement: &Agreement,
        scope: Scope,
        until: &Until,
    ) -> Result<Released<Review>, Error> {
        let (review, _) = self.reviewed(agreement, scope, until).await?;
        Ok(release::review(by, review)?)
    }

    /// The same, to be taken out; with `proofs`, a proof of every statement whose fields it opened: what an
    /// auditor needs beside the ledgers. Both are noted in the journal.
    ///
    /// # Errors
    /// As [`Node::review`].
    pub async fn review_pack(
        &self,
        by: &Person,
        agreement: &Agreement,
        scope: Scope,
        until: &Until,
        proofs: bool,
    ) -> Result<Released<(Review, Vec<String>)>, Error> {
        by.may(Right::Review)?;
        by.may(Right::Export)?;
        let (review, opened) = self.reviewed(agreement, scope, until).await?;
        self.journal_of(&by.name, "export", &format!("review of {}", agreement.terms.id)).await?;
        if !proofs {
            return Ok(release::export(by, (review, Vec::new()))?);
        }
        let fields = FIELDS.map(str::to_owned);
        let mut proofs = Vec::new();
        for (party, index) in review.stands_on() {
            let head = review.heads.iter().find(|head| head.party == *party);
            let Some(ledger) = head.map(|head| ledger::id_of(&head.origin)) else { continue };
            if opened.contains_key(&(party.clone(), index)) {
                let proof = prove::statement(self, by, &ledger, index, &fields).await?;
                proofs.push(proof.to_string());
            }
        }
        Ok(release::export(by, (review, proofs))?)
    }

    async fn reviewed(
        &self,
        agreement: &Agreement,
        scope: Scope,
        until: &Until,
    ) -> Result<(Review, Openings), Error> {
        let Until { at, time } = until;
        let time = time.or_else(|| hour(self.now()));
        // Under what is over nothing grows older.
        let time = time.map(|time| agreement.ended().map_or(time, |ended| time.min(ended)));
        let between = agreement.terms.between.as_ref();
        let parties: Vec<PartyId> =
            between.iter().flat_map(|b| &b.parties).map(|party| party.id.clone()).collect();
        if let Some((party, _)) = at.iter().find(|(party, _)| !parties.contains(party)) {
            return Err(Error::Refused(format!("--at: {party} is no party to this agreement")));
        }
        let (mut heads, mut openings) = (Vec::new(), Openings::new());
        for party in parties {
            let ledger = self.ledger_of(agreement, &party).await?;
            let size = at.iter().find(|(named, _)| *named == party).map(|(_, size)| *size);
            // What comes after its last head counts for nothing.
            let last = agreement.last_of(&party).unwrap_or(u64::MAX);
            let size = size.unwrap_or(ledger.witnessed).min(last);
            let head = self.head_of(&ledger, size).await?;
            let mut from = 0;
            loop {
                let span = (from, head.size);
                let page = request::letters(&self.db, &ledger.id, OPENED, span, PAGE).await?;
                let Some((last, _)) = page.last() else { break };
                from = last + 1;
                for (index, letter) in page {
                    openings.extend(Opened::of(&letter).map(|o| ((party.clone(), index), o)));
                }
            }
            heads.push(head);
        }
        let terms = agreement.terms.hash().to_hex();
        let (mut requests, mut after) = (Vec::new(), 0);
        loop {
            let page = request::under(&self.db, &terms, after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            requests.extend(page.into_iter().map(|(_, request)| request));
        }
        let (mut matters, mut after) = (Vec::new(), 0);
        loop {
            let page = matter::under(&self.db, &terms, after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            matters.extend(page.into_iter().map(|(_, matter)| matter));
        }
        let (text, openings_of) = (&*agreement.terms, &openings);
        let until = (heads, time, agreement.ended());
        let review = Review::of(text, &terms, scope, until, &requests, &matters, openings_of);
        Ok((review, openings))
    }

    /// A party's ledger under an agreement, as it is here.
    async fn ledger_of(&self, agreement: &Agreement, party: &PartyId) -> Result<Ledger, Error> {
        let own = ledger::show(&self.db, &agreement.own).await?;
        if own.party == *party {
            return Ok(own);
        }
        let peer = ledger::counterpart(&self.db, &own).await?;
        peer.ok_or_else(|| Error::Refused(format!("nothing came from the ledger of {party} yet")))
    }

    async fn head_of(&self, ledger: &Ledger, size: u64) -> Result<Head, Error> {
        let party = &ledger.party;
        let witnessed = ledger::history(&self.db, &ledger.id, size).await?;
        if size == 0 {
            return Err(Error::Refused(format!(
                "outside witnesses have covered nothing of the ledger of {party} here yet, and a review \
                 stands on what they have"
            )));
        }
        let Some(witnessed) = witnessed else {
            return Err(Error::Refused(format!(
                "--at {party}:{size}: outside witnesses have covered {} entries of that ledger here",
                ledger.witnessed
            )));
        };
        let edge = comity_ledger::tile::edge(size);
        let root = ledger::tiles(&self.db, &ledger.id, &edge).await?.root(size)?;
        Ok(Head {
            party: party.clone(),
            origin: ledger.key.name().to_owned(),
            size,
            root: root.to_hex(),
            witnessed: Some(witnessed.time),
        })
    }
}

/// The beginning of its hour.
pub fn hour(time: Timestamp) -> Option<Timestamp> {
    Timestamp::from_second(time.as_second().div_euclid(3600) * 3600).ok()
}

/// What a file of proofs opens, each proven against the policy.
///
/// # Errors
/// What [`bundle::verify`] refuses, and a field that has not its form.
pub fn openings(file: &[u8], policy: &Policy) -> Result<Openings, comity_ledger::Error> {
    let mut openings = Openings::new();
    for proof in bundle::split(file).into_iter().filter(|proof| !proof.is_empty()) {
        let proven = bundle::verify(proof, policy)?;
        let bad = || comity_ledger::Error::Content("a field of a review has not its form");
        let party = proven.statement.body().from.parse().map_err(|_| bad())?;
        let opened = openings.entry((party, proven.index)).or_default();
        for field in &proven.fields {
            opened.of_field(&field.name, &field.value).ok_or_else(bad)?;
        }
    }
    Ok(openings)
}

/// The same review from two ledgers that anybody read, and from what was opened of them.
///
/// # Errors
/// [`Error::Refused`] where a ledger does not reach a head, or has another root there.
pub fn recompute(
    report: &audit::Report,
    terms: &comity_rules::Terms,
    review: &Review,
    openings: &Openings,
) -> Result<Review, Error> {
    let mut heads = Vec::new();
    for head in &review.heads {
        let found = report.head(&head.party, head.size).ok_or_else(|| {
            let (party, size) = (&head.party, head.size);
            Error::Refused(format!("the ledger of {party} was not witnessed up to entry {size}"))
        })?;
        heads.push(found);
    }
    let (requests, matters) = (report.audit.requests.values(), report.audit.matters.values());
    let hash = terms.hash().to_hex();
    let scope = review.scope;
    let time = review.now.map(|time| report.over.map_or(time, |over| time.min(over)));
    let until = (heads, time, report.over);
    Ok(Review::of(terms, &hash, scope, until, requests, matters, openings))
}

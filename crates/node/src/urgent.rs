//! What cannot wait while terms wait for the other party's signature: messages on the hotline, and emergencies. Nothing
//! else is stated or taken under an agreement that this party has signed the end of; for these it takes its signature
//! back, and the agreement goes on.

use comity_ledger::Statement;
use comity_rules::command::{Command, Deed};
use comity_rules::matter::{Mark, Signal, Topic};
use comity_rules::{Kind, PartyId, ThreadId};
use comity_store::request;

use crate::node::{Agreement, Error, Node};

impl Node {
    /// Makes way for a command of this party's, where it cannot wait.
    pub(crate) async fn make_way(
        &self,
        agreement: &Agreement,
        thread: Option<ThreadId>,
        command: &Command,
    ) -> Result<(), Error> {
        if !agreement.is_ending() {
            return Ok(());
        }
        let is_urgent = match command {
            Command::Deed(Deed::Signal { signal, exercise, .. }) => !exercise && is_said(*signal),
            Command::Deed(Deed::Say(_) | Deed::Confirm { .. }) => true,
            Command::Send { exercise: true, .. } => false,
            Command::Send { class, .. } => {
                self.is_emergency(agreement, None, class.as_deref()).await?
            }
            _ => self.is_emergency(agreement, thread, None).await?,
        };
        if is_urgent { self.give_way(agreement).await } else { Ok(()) }
    }

    /// The same for entries that the other party delivers.
    pub(crate) async fn make_way_for(
        &self,
        from: &PartyId,
        terms: &str,
        entries: impl Iterator<Item = &[u8]>,
    ) -> Result<(), Error> {
        let Ok(agreement) = self.agreement(terms) else { return Ok(()) };
        if !agreement.is_ending() || agreement.peer != *from {
            return Ok(());
        }
        for entry in entries {
            let Ok(statement) = Statement::parse(entry) else { return Ok(()) };
            let body = statement.body();
            let kind = Kind::parse(&body.kind).filter(|kind| kind.is_threaded());
            let Some(kind) = kind.filter(|_| !body.exercise) else { continue };
            let is_urgent = match kind {
                Kind::Signal => Mark::of(kind, &body.public).is_ok_and(
                    |mark| matches!(mark, Some(Mark::Signal(signal, _)) if is_said(signal)),
                ),
                kind if kind.topic() == Some(Topic::Hotline) => true,
                _ => {
                    let thread = Some(ThreadId(body.thread));
                    self.is_emergency(&agreement, thread, body.class.as_deref()).await?
                }
            };
            if is_urgent {
                return self.give_way(&agreement).await;
            }
        }
        Ok(())
    }

    /// Whether a class, or that of a request, is of emergencies.
    async fn is_emergency(
        &self,
        agreement: &Agreement,
        thread: Option<ThreadId>,
        class: Option<&str>,
    ) -> Result<bool, Error> {
        let is = |class: &str| agreement.terms.class(class).is_some_and(|class| class.emergency);
        if let Some(class) = class {
            return Ok(is(class));
        }
        let Some(thread) = thread else { return Ok(false) };
        match request::show(&self.db, thread).await {
            Ok(found) => {
                Ok(!found.request.exercise && found.request.class.as_deref().is_some_and(is))
            }
            Err(comity_store::Error::Missing { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes this party's signatures back under terms that are to put an end to an agreement. Where the other party has
    /// signed meanwhile they hold, and whoever states something is told that the agreement is closed.
    async fn give_way(&self, agreement: &Agreement) -> Result<(), Error> {
        let hash = agreement.terms.hash().to_hex();
        let ends = |next: &&std::sync::Arc<Agreement>| next.terms.ends(&hash) && !next.is_closed();
        for next in self.agreements().iter().filter(ends) {
            match self.take_back(next, true).await {
                Ok(_) | Err(Error::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether a person says something so: what tests the line can wait.
fn is_said(signal: Signal) -> bool {
    matches!(signal, Signal::Message | Signal::Telephone)
}

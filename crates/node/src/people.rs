//! People: local accounts, the gate that every act of theirs passes, and what waits for a second pair of eyes.

use std::sync::Arc;
use std::time::Duration;

use comity_ledger::{Content, hex, seal};
use comity_rules::access::{Person, Right, Role};
use comity_rules::command::{self, Command, Deed};
use comity_rules::content::Letter;
use comity_rules::thread::{Sides as _, View};
use comity_rules::{Thread, ThreadId, release};
use comity_store::account::{self, Account};
use comity_store::draft;
pub use comity_store::draft::Draft;

use crate::inside::Inside;
use crate::node::{Agreement, Done, Error, Node, no_thread};
use crate::password;
use crate::writer::{By, Job, Order};

/// How long a command waits for the peer's next checkpoint where it answers something so new that
/// no checkpoint covers it yet.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(5);

/// Drafts that are listed.
const PAGE: u64 = 200;

/// What became of what a person wanted to state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stated {
    /// It is stated.
    Now(Done),
    /// It waits for a second person, as a draft of this id.
    Waits(String),
}

impl Node {
    /// States for the party, or keeps as a draft what the terms want a second person to release.
    ///
    /// # Errors
    /// [`Error::Denied`], or what is wrong with the command: a draft that cannot be stated is none.
    pub async fn state(
        &self,
        person: &Person,
        terms: Option<&str>,
        thread: Option<ThreadId>,
        command: Command,
    ) -> Result<Stated, Error> {
        person.may(right_to(&command))?;
        let mut command = self.as_played(command);
        let known = self.thread_of(thread).await?;
        let terms = match (&known, terms) {
            (Some((_, terms)), _) => terms.clone(),
            (None, Some(terms)) => self.agreement(terms)?.terms.hash().to_hex(),
            (None, None) => return Err(no_terms()),
        };
        let agreement = self.agreement(&terms)?;
        self.check_inside(person, &agreement, thread, &command).await?;
        let known = known.map(|(thread, _)| thread);
        let opener = known.as_ref().is_none_or(|thread| thread.opener() == self.party());
        let topic = known.as_ref().and_then(Thread::topic);
        // Those that are the latest now: what comes while a second person looks at it is not what was agreed to.
        if let (Command::Deed(Deed::Agree { minutes, .. }), Some(Thread::Matter(matter))) =
            (&mut command, &known)
            && minutes.is_none()
        {
            *minutes = matter.minutes_for(opener, View::ALL).map(|event| event.index);
        }
        let class = match (&known, &command) {
            (Some(thread), _) => thread.request().and_then(|request| request.class.clone()),
            (None, Command::Send { class, .. }) => class.clone(),
            (None, _) => None,
        };
        if !agreement.terms.waits_for_release(command.kind(opener, topic), class.as_deref()) {
            let by = By { who: person.name.clone(), draft: None };
            return Ok(Stated::Now(self.carry_out(by, &terms, thread, command).await?));
        }
        // As far as it can be known now: whoever releases it should not be the first to hear.
        let fresh = ThreadId([0; 16]);
        let view = known.as_ref().map(|thread| (thread, View::ALL));
        command::decide(&agreement.terms, self.party(), view, fresh, &command)?;
        fits(&command)?;
        let id = hex::encode(&comity_ledger::random::<8>()?);
        let draft = Draft {
            id: id.clone(),
            author: person.name.clone(),
            authority: person.authority.clone(),
            terms,
            request: thread,
            command,
            made: self.now(),
            decided: None,
        };
        draft::keep(&self.db, &draft).await?;
        self.journal_of(&person.name, "draft", &id).await?;
        self.change();
        Ok(Stated::Waits(id))
    }

    /// States for the party at once, whatever the terms want released: for what no person drafts.
    ///
    /// # Errors
    /// [`Error::Denied`], or what is wrong with the command.
    pub async fn command(
        &self,
        by: &Person,
        terms: Option<&str>,
        thread: Option<ThreadId>,
        command: Command,
    ) -> Result<Done, Error> {
        by.may(right_to(&command))?;
        let terms = match (thread, terms) {
            (Some(thread), _) => comity_store::request::terms(&self.db, thread)
                .await?
                .ok_or_else(|| no_thread(thread))?,
            (None, Some(terms)) => terms.to_owned(),
            (None, None) => return Err(no_terms()),
        };
        let by = By { who: by.name.clone(), draft: None };
        self.carry_out(by, &terms, thread, self.as_played(command)).await
    }

    /// What begins on a node that plays an exercise is one, whatever its form says.
    fn as_played(&self, command: Command) -> Command {
        if self.home().config().exercise { command.as_exercise() } else { command }
    }

    /// Hands a command to the writer; when this returns, the statement is durable.
    async fn carry_out(
        &self,
        by: By,
        terms: &str,
        thread: Option<ThreadId>,
        command: Command,
    ) -> Result<Done, Error> {
        let deadline = tokio::time::Instant::now() + CHECKPOINT_PATIENCE;
        let order = Arc::new(self.order(by, self.agreement(terms)?, thread, command).await?);
        loop {
            let seen = self.change_count();
            let result = self.job(|reply| Job::Command { order: Arc::clone(&order), reply }).await;
            // What this answers may be so new that no checkpoint of the peer covers it yet: one
            // comes within a second or two. A statement may only answer what it can point to.
            let early = matches!(&result, Err(Error::Early(_)));
            let over = tokio::time::Instant::now() >= deadline;
            if !early
                || over
                || tokio::time::timeout_at(deadline, self.changed(seen)).await.is_err()
            {
                return result;
            }
        }
    }

    /// Releases and seals what a command says to its reader.
    async fn order(
        &self,
        by: By,
        agreement: Arc<Agreement>,
        thread: Option<ThreadId>,
        command: Command,
    ) -> Result<Order, Error> {
        let peer = self.peer(&agreement.peer)?;
        let letter = release::letter(&agreement.terms, &peer.party, command.letter())?.into_inner();
        let content = content_of(&letter)?;
        let own = self.secrets.latest().identity.recipient();
        let sealed = match self.hotline_keys(&agreement, thread, &command).await? {
            Some((theirs, ours)) => seal::seal(&content, &[&theirs, &ours])?,
            None => seal::seal(&content, &[&seal::Recipient::parse(&peer.recipient)?, own])?,
        };
        Ok(Order { by, agreement, thread, command, letter, sealed })
    }

    /// The drafts that wait for a second person.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn drafts(&self, person: &Person) -> Result<Vec<Draft>, Error> {
        person.may(Right::Read)?;
        Ok(draft::waiting(&self.db, PAGE).await?)
    }

    /// A draft.
    ///
    /// # Errors
    /// [`Error::Denied`], or where there is none.
    pub async fn draft(&self, person: &Person, id: &str) -> Result<Draft, Error> {
        person.may(Right::Read)?;
        Ok(draft::show(&self.db, id).await?)
    }

    /// Releases a draft: it is stated now, by both.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`] for one's own and for one that is decided, or why it cannot
    /// be stated any more: then it waits on.
    pub async fn release(&self, person: &Person, id: &str) -> Result<Done, Error> {
        person.may(Right::Release)?;
        let draft = draft::show(&self.db, id).await?;
        if let Some((what, by, _)) = draft.decided {
            return Err(decided((what, by)));
        }
        if draft.author == person.name {
            return Err(Inside::OwnDraft.into());
        }
        // An authority may have objected since it was drafted.
        let agreement = self.agreement(&draft.terms)?;
        self.check_inside(person, &agreement, draft.request, &draft.command).await?;
        let by = By {
            who: format!("{}, released by {}", draft.author, person.name),
            draft: Some((draft.id, person.name.clone())),
        };
        self.carry_out(by, &draft.terms, draft.request, draft.command).await
    }

    /// Returns a draft to its author, with the reason; an author may take back one's own.
    ///
    /// # Errors
    /// [`Error::Denied`], or [`Error::Refused`] for one that is decided.
    pub async fn return_draft(&self, person: &Person, id: &str, why: &str) -> Result<(), Error> {
        let draft = draft::show(&self.db, id).await?;
        if draft.author != person.name {
            person.may(Right::Release)?;
        }
        let mut tx = self.db.begin().await?;
        let decision = ("returned", person.name.as_str(), why);
        if let Some(before) = draft::decide(&mut tx, id, decision, self.now()).await? {
            return Err(decided(before));
        }
        draft::drop_files(&mut tx, id).await?;
        tx.commit().await?;
        self.journal_of(&person.name, "draft returned", id).await?;
        self.change();
        Ok(())
    }

    /// Makes an account, or gives one another role and a new password, which is shown once.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`].
    pub async fn add_account(&self, by: &Person, person: Person) -> Result<String, Error> {
        by.may(Right::Manage)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let name = &person.name;
        if !(1..=40).contains(&name.len()) || !name.chars().all(plain) {
            let problem = format!("{name:?} is no name of an account: want a-z, 0-9, . and -");
            return Err(Error::Refused(problem));
        }
        if person.role == Role::Operator || *name == Person::operator().name {
            let problem = "the operator is whoever has the folder, and has no account";
            return Err(Error::Refused(problem.to_owned()));
        }
        let password = password::generate()?;
        let hash = password::hash(&password).map_err(Error::Refused)?;
        let (name, created) = (name.clone(), self.now());
        let account = Account { person, password: hash, disabled: false, created };
        account::put(&self.db, &account).await?;
        self.journal_of(&by.name, "account", &name).await?;
        Ok(password)
    }

    /// Every account.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn accounts(&self, by: &Person) -> Result<Vec<Account>, Error> {
        by.may(Right::Manage)?;
        Ok(account::list(&self.db).await?)
    }

    /// Lets nobody in by this account any more; whether there is one.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn disable_account(&self, by: &Person, name: &str) -> Result<bool, Error> {
        by.may(Right::Manage)?;
        let found = account::disable(&self.db, name).await?;
        self.journal_of(&by.name, "account disabled", name).await?;
        Ok(found)
    }

    /// A thread, of whatever sort, and the hash of its terms.
    pub(crate) async fn thread_of(
        &self,
        thread: Option<ThreadId>,
    ) -> Result<Option<(Thread, String)>, Error> {
        let Some(thread) = thread else { return Ok(None) };
        match comity_store::request::show(&self.db, thread).await {
            Ok(found) => Ok(Some((Thread::Request(found.request), found.terms))),
            Err(comity_store::Error::Missing { .. }) => {
                let found = comity_store::matter::show(&self.db, thread).await;
                let found = found.map_err(|_| no_thread(thread))?;
                Ok(Some((Thread::Matter(found.matter), found.terms)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Requests, the hotline and information are an officer's; what binds the party in the dialogue is for who
/// speaks for it there.
fn right_to(command: &Command) -> Right {
    match command {
        Command::Deed(
            Deed::Signal { .. }
            | Deed::Say { .. }
            | Deed::Confirm { .. }
            | Deed::Inform { .. }
            | Deed::Feedback(_),
        ) => Right::State,
        Command::Deed(_) => Right::Chair,
        _ => Right::State,
    }
}

/// Whether a statement holds what a command says, with its files.
///
/// # Errors
/// [`Error::Ledger`] with how much it holds.
pub fn fits(command: &Command) -> Result<(), Error> {
    content_of(&command.letter())?.pad()?;
    Ok(())
}

fn content_of(letter: &Letter) -> Result<Content, Error> {
    let mut content = Content::default();
    for (name, value) in letter.fields()? {
        content.push(&name, value)?;
    }
    Ok(content)
}

/// This was decided before: what, and by whom.
pub(crate) fn decided((what, by): (String, String)) -> Error {
    Inside::Decided { what, by }.into()
}

fn no_terms() -> Error {
    Error::Refused("name the agreement under which you ask".to_owned())
}

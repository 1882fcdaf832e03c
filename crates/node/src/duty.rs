//! Who is on duty, how people are reached, what one shift tells the next; and inside the party, which
//! authority a request goes to. The other side hears one voice, whatever is said here.

use comity_ledger::hex;
use comity_rules::ThreadId;
use comity_rules::access::{Person, Right};
use comity_rules::thread::Sides as _;
use comity_store::duty;
pub use comity_store::duty::{Contact, Handover, Shift};
use comity_store::route;
pub use comity_store::route::Route;
use jiff::{SignedDuration, Timestamp};

use crate::inside::Inside;
use crate::node::{Error, Node};

/// Handovers that are listed, and shifts.
const LISTED: u64 = 200;

/// How far ahead the roster is shown.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 28);

/// The longest time on duty.
const LONGEST: SignedDuration = SignedDuration::from_hours(36);

/// An authority's part in a request, and what it may say of that.
pub const PARTS: [&str; 2] = ["lead", "consult"];
/// What an authority says.
pub const STANDS: [&str; 5] = ["asked", "competent", "not-competent", "agrees", "objects"];

impl Node {
    /// Notes how an account is reached; anybody may for oneself, and who says who may come in for all.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`].
    pub async fn reach(&self, by: &Person, contact: Contact) -> Result<(), Error> {
        if by.name != contact.account {
            by.may(Right::Manage)?;
        }
        let plain = |text: &str| {
            !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        let parts = contact.email.split_once('@');
        if !parts.is_some_and(|(name, host)| plain(name) && plain(host) && !host.contains('@')) {
            let problem = format!("{:?} is no address for e-mail", contact.email);
            return Err(Error::Refused(problem));
        }
        if !["en", "zh"].contains(&contact.language.as_str()) || !(1..=9).contains(&contact.step) {
            let problem = "want --language en or zh, and a step of the ladder, 1 to 9";
            return Err(Error::Refused(problem.to_owned()));
        }
        if comity_store::account::show(&self.db, &contact.account).await?.is_none() {
            return Err(no_account(&contact.account));
        }
        duty::reach(&self.db, &contact).await?;
        self.journal_of(&by.name, "contact", &contact.account).await
    }

    /// How people are reached.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn contacts(&self, by: &Person) -> Result<Vec<Contact>, Error> {
        by.may(Right::Read).or_else(|_| by.may(Right::Manage))?;
        Ok(duty::contacts(&self.db).await?)
    }

    /// Puts an account on duty.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`].
    pub async fn put_on_duty(
        &self,
        by: &Person,
        account: &str,
        starts: Timestamp,
        ends: Timestamp,
    ) -> Result<Shift, Error> {
        by.may(Right::Manage).or_else(|_| by.may(Right::Release))?;
        let length = ends.duration_since(starts);
        if length <= SignedDuration::ZERO || length > LONGEST {
            let problem = "a shift ends after it begins, and lasts 36 hours at most";
            return Err(Error::Refused(problem.to_owned()));
        }
        if comity_store::account::show(&self.db, account).await?.is_none_or(|a| a.disabled) {
            return Err(no_account(account));
        }
        let id = hex::encode(&comity_ledger::random::<8>()?);
        let shift = Shift { id, account: account.to_owned(), starts, ends };
        duty::put_on(&self.db, &shift).await?;
        self.journal_of(&by.name, "roster", account).await?;
        self.change();
        Ok(shift)
    }

    /// Takes a shift off the roster; whether there was one.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn take_off_duty(&self, by: &Person, shift: &str) -> Result<bool, Error> {
        by.may(Right::Manage).or_else(|_| by.may(Right::Release))?;
        let found = duty::take_off(&self.db, shift).await?;
        self.journal_of(&by.name, "roster", shift).await?;
        self.change();
        Ok(found)
    }

    /// Who is on duty, now and in the weeks to come.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn roster(&self, by: &Person) -> Result<Vec<Shift>, Error> {
        by.may(Right::Read).or_else(|_| by.may(Right::Manage))?;
        let now = self.now();
        let until = now.checked_add(AHEAD).unwrap_or(Timestamp::MAX);
        Ok(duty::shifts(&self.db, now, until, LISTED).await?)
    }

    /// Hands a shift over with a note: what is open, what was said, what to watch.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`].
    pub async fn hand_over(&self, by: &Person, note: &str) -> Result<Handover, Error> {
        by.may(Right::State)?;
        if note.trim().is_empty() {
            return Err(Inside::NoNote.into());
        }
        let id = hex::encode(&comity_ledger::random::<8>()?);
        let (gives, note) = (by.name.clone(), note.to_owned());
        let handover = Handover { id, gives, at: self.now(), note, taken: None };
        duty::hand_over(&self.db, &handover).await?;
        self.journal_of(&by.name, "handover", &handover.id).await?;
        self.change();
        Ok(handover)
    }

    /// Takes a shift over from somebody else.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`] where it is one's own, or taken.
    pub async fn take_over(&self, by: &Person, handover: &str) -> Result<(), Error> {
        by.may(Right::State)?;
        let all = duty::handovers(&self.db, LISTED).await?;
        let mut begins =
            all.iter().filter(|one| handover.len() >= 4 && one.id.starts_with(handover));
        let handover = match (begins.next(), begins.next()) {
            (Some(one), None) => one.id.as_str(),
            _ => handover,
        };
        if !duty::take_over(&self.db, handover, &by.name, self.now()).await? {
            return Err(Inside::NoHandover.into());
        }
        self.journal_of(&by.name, "handover taken", handover).await?;
        self.change();
        Ok(())
    }

    /// The latest handovers.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn handovers(&self, by: &Person) -> Result<Vec<Handover>, Error> {
        by.may(Right::Read)?;
        Ok(duty::handovers(&self.db, LISTED).await?)
    }

    /// Says which part an authority of this party has in a request, or what it says of it. An authority's
    /// own people speak for it; who releases may ask any, and decide for them, by name.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`].
    pub async fn route(
        &self,
        by: &Person,
        thread: ThreadId,
        authority: &str,
        (part, stand, note): (&str, &str, &str),
    ) -> Result<(), Error> {
        by.may(Right::State)?;
        if !PARTS.contains(&part) || !STANDS.contains(&stand) {
            let (parts, stands) = (PARTS.join(", "), STANDS.join(", "));
            return Err(Inside::NoPart { parts, stands }.into());
        }
        if authority.trim().is_empty() {
            return Err(Inside::NoAuthority.into());
        }
        let own = by.authority.as_deref() == Some(authority);
        if !own {
            by.may(Right::Release)?;
            // What an authority said stands until it says something else.
            let known = route::of(&self.db, thread).await?;
            let said = known.iter().find(|one| one.authority == authority && one.stand != "asked");
            if let Some(said) = said
                && stand == "asked"
            {
                let (who, stand) = (said.who.clone(), said.stand.clone());
                return Err(Inside::Said { authority: authority.to_owned(), stand, who }.into());
            }
        }
        self.thread_of(Some(thread)).await?;
        let [authority, part, stand, note] = [authority, part, stand, note].map(str::to_owned);
        let route = Route { authority, part, stand, note, who: by.name.clone(), at: self.now() };
        route::put(&self.db, thread, &route).await?;
        self.journal_of(&by.name, "route", &format!("{thread} {}", route.authority)).await?;
        self.change();
        Ok(())
    }

    /// The parts of this party's authorities in a request.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn routes(&self, by: &Person, thread: ThreadId) -> Result<Vec<Route>, Error> {
        by.may(Right::Read)?;
        Ok(route::of(&self.db, thread).await?)
    }

    /// Why an answer to a request should wait: two authorities that both lead, one that leads and says that
    /// it is not competent, one that objects or was not heard yet. An emergency waits for nobody.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn unsettled(&self, by: &Person, thread: ThreadId) -> Result<Vec<Unsettled>, Error> {
        by.may(Right::Read)?;
        let Some((known, terms)) = self.thread_of(Some(thread)).await? else {
            return Ok(Vec::new());
        };
        let agreement = self.agreement(&terms)?;
        let class = known.request().and_then(|request| request.class.as_deref());
        let emergency = class.and_then(|class| agreement.terms.class(class));
        if known.opener() == self.party() || emergency.is_some_and(|class| class.emergency) {
            return Ok(Vec::new());
        }
        Ok(Unsettled::of(&route::of(&self.db, thread).await?))
    }
}

/// Everything for which an answer should wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voices(pub Vec<Unsettled>);

impl std::fmt::Display for Voices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let each: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&each.join("; "))
    }
}

/// Why an answer should wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsettled {
    /// More than one authority says that it is competent, or leads.
    TwoLead(Vec<String>),
    /// Who leads says that it is not competent.
    NobodyLeads(String),
    /// One that must be consulted has not been heard.
    NotHeard(String),
    /// It was heard, and objects.
    Objects(String),
}

impl Unsettled {
    /// What is unsettled in these parts.
    #[must_use]
    pub fn of(routes: &[Route]) -> Vec<Self> {
        let mut all = Vec::new();
        let declines = |route: &&Route| route.stand == "not-competent";
        let lead: Vec<_> = routes.iter().filter(|route| route.part == "lead").collect();
        let leading: Vec<_> = lead.iter().filter(|route| !declines(route)).collect();
        if leading.len() > 1 {
            all.push(Self::TwoLead(leading.iter().map(|r| r.authority.clone()).collect()));
        }
        if leading.is_empty()
            && let Some(route) = lead.first()
        {
            all.push(Self::NobodyLeads(route.authority.clone()));
        }
        for route in routes.iter().filter(|route| route.part == "consult") {
            match route.stand.as_str() {
                "asked" => all.push(Self::NotHeard(route.authority.clone())),
                "objects" => all.push(Self::Objects(route.authority.clone())),
                _ => {}
            }
        }
        all
    }
}

impl std::fmt::Display for Unsettled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TwoLead(all) => write!(f, "{} both lead", all.join(" and ")),
            Self::NobodyLeads(one) => write!(f, "{one} leads and says that it is not competent"),
            Self::NotHeard(one) => write!(f, "{one} must be consulted and was not heard"),
            Self::Objects(one) => write!(f, "{one} was consulted and objects"),
        }
    }
}

fn no_account(name: &str) -> Error {
    let (id, hint) = (name.chars().take(40).collect(), "; see `comity account list`");
    Error::Missing { what: "account", id, hint }
}

//! Telling people: what is new, what is due soon, what is late, who is next on the ladder.
//!
//! Every fact is told once, by its key. Whoever is on duty is told first; while nobody has seen it, the next
//! step of the ladder is told too, quarter of an hour by quarter of an hour. What leaves by mail or webhook
//! names the matter and never says what it is about: the content stays on the node's own pages.

mod limits;
mod mail;
mod text;
mod watch;
mod webhook;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use comity_rules::access::{Person, Right};
use comity_store::alert::{self, Alert, Recipient, Sending};
pub use comity_store::alert::{Alert as Told, Webhook};
use comity_store::{account, duty};
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};

use crate::node::{Error, Node};

pub use mail::Mail;
pub use text::{Text, text};
pub use webhook::verify;

/// Between two looks, where nothing changes meanwhile.
const LOOK: Duration = Duration::from_secs(20);

/// The least between two looks, however much changes.
const REST: Duration = Duration::from_secs(2);

/// Sendings that go out side by side.
const AT_A_TIME: usize = 8;

/// How long the people of a step have before the next step is told as well.
const STEP: SignedDuration = SignedDuration::from_mins(15);

/// How long an alert is kept after somebody has seen it.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Between two looks at what need not be kept.
const TIDY: Duration = Duration::from_secs(86_400);

/// Sendings at a time, and alerts that are listed.
const PAGE: u64 = 100;

/// The longest wait between two tries.
const LONGEST: i64 = 3_600;

impl Node {
    /// The latest alerts, with how many sendings of each went out and why others did not.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn alerts(&self, person: &Person) -> Result<Vec<(Alert, u64, Vec<String>)>, Error> {
        person.may(Right::Read)?;
        Ok(alert::list(&self.db, PAGE).await?)
    }

    /// The latest of the alerts that nobody has seen and whose cause is not gone.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn new_alerts(&self, person: &Person) -> Result<Vec<Alert>, Error> {
        person.may(Right::Read)?;
        Ok(alert::waiting(&self.db, PAGE).await?)
    }

    /// How many alerts nobody has seen yet.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn unseen_alerts(&self) -> Result<u64, Error> {
        Ok(alert::unseen(&self.db).await?)
    }

    /// Says that one has seen an alert: nobody else is woken for it. Whether nobody had.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Missing`].
    pub async fn see_alert(&self, person: &Person, key: &str) -> Result<bool, Error> {
        person.may(Right::Read)?;
        let found = alert::see(&self.db, key, &person.name, self.now()).await?;
        if !found && !alert::is_known(&self.db, key).await? {
            let id = key.chars().take(80).collect();
            return Err(Error::Missing { what: "alert", id, hint: "; see `comity alert list`" });
        }
        if found {
            self.journal_of(&person.name, "alert seen", key).await?;
            self.change();
        }
        Ok(found)
    }

    /// Keeps a webhook, and returns the secret by which its calls are signed, which is shown once.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`].
    pub async fn add_webhook(&self, by: &Person, name: &str, url: &str) -> Result<String, Error> {
        by.may(Right::Manage)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=40).contains(&name.len()) || !name.chars().all(plain) {
            let problem = format!("{name:?} is no name of a webhook: want a-z, 0-9 and -");
            return Err(Error::Refused(problem));
        }
        webhook::check(url)?;
        let secret = webhook::secret()?;
        self.journal_of(&by.name, "webhook", name).await?;
        let (name, url) = (name.to_owned(), url.to_owned());
        alert::put_webhook(&self.db, &Webhook { name, url, secret: secret.clone() }).await?;
        Ok(secret)
    }

    /// Every webhook; the secrets are not shown again.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn webhooks(&self, by: &Person) -> Result<Vec<(String, String)>, Error> {
        by.may(Right::Manage)?;
        let all = alert::webhooks(&self.db).await?;
        Ok(all.into_iter().map(|webhook| (webhook.name, webhook.url)).collect())
    }

    /// Takes a webhook away; whether there was one.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn remove_webhook(&self, by: &Person, name: &str) -> Result<bool, Error> {
        by.may(Right::Manage)?;
        let found = alert::remove_webhook(&self.db, name).await?;
        self.journal_of(&by.name, "webhook removed", name).await?;
        Ok(found)
    }

    /// Looks for what people must know, and tells them what is due.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn tell(&self) -> Result<(), Error> {
        self.look(false).await
    }

    /// The same, and with `tidy` takes away what need not be kept.
    async fn look(&self, tidy: bool) -> Result<(), Error> {
        let alerts = watch::all(self).await?;
        self.tell_of(&alerts).await?;
        if tidy { self.forget_but(&alerts).await } else { Ok(()) }
    }

    /// Tells people of what is so now.
    async fn tell_of(&self, alerts: &[Alert]) -> Result<(), Error> {
        let audience = Audience::load(self).await?;
        let mut new = false;
        self.forget_told(alerts);
        let still = keys(alerts);
        for alert in alerts {
            // What was told is remembered, so that it is not looked up again at every look.
            if self.is_told(&alert.key) {
                continue;
            }
            let to = audience.of(alert, alert.step);
            new |= alert::raise(&self.db, alert, &to).await?;
            self.note_told(&alert.key);
        }
        let waiting = alert::unsettled(&self.db).await?;
        let (waiting, over): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|alert| still.contains(alert.key.as_str()));
        if !over.is_empty() {
            let keys: Vec<_> = over.into_iter().map(|alert| alert.key).collect();
            alert::settle(&self.db, &keys, self.now()).await?;
            new = true;
        }
        for mut alert in waiting.into_iter().filter(|alert| alert.seen.is_none()) {
            // By a clock that was ahead and was put right since, nobody above would hear of it for as long.
            if alert.at > self.now() {
                alert.at = self.now();
                alert::began(&self.db, &alert.key, alert.at).await?;
            }
            let age = self.now().duration_since(alert.at).as_secs() / STEP.as_secs();
            let step = alert.step.saturating_add(u32::try_from(age).unwrap_or(0));
            if age > 0 {
                let to = audience.of(&alert, step);
                alert::send_to(&self.db, &alert.key, self.now(), &to).await?;
            }
        }
        // Several at a time: a mail server that does not answer holds up no webhook.
        let due = alert::due(&self.db, self.now(), PAGE).await?;
        let sent = stream::iter(due).map(async |sending| {
            let result = self.send(&sending).await;
            (sending, result)
        });
        let mut sent = pin!(sent.buffer_unordered(AT_A_TIME));
        while let Some((sending, result)) = sent.next().await {
            let failed = result.as_ref().err().map(|error| {
                let wait = 30_i64.saturating_mul(1 << sending.tries.min(7)).min(LONGEST);
                let again = self.now().checked_add(SignedDuration::from_secs(wait));
                (error.to_string(), again.unwrap_or(Timestamp::MAX))
            });
            self.trouble(&format!("alerts by {}", sending.to.channel), result.as_ref().err());
            if let Some((error, _)) = &failed {
                let to = &sending.to.address;
                tracing::warn!(to, error, "an alert was not sent; it will be tried again");
            }
            let failed = failed.as_ref().map(|(error, again)| (error.as_str(), *again));
            alert::tried(&self.db, &sending, self.now(), failed).await?;
        }
        if new {
            self.change();
        }
        Ok(())
    }

    /// Takes away the alerts that nobody has had to look at for long, and whose cause is gone: else they would be told
    /// again.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn forget_alerts(&self) -> Result<(), Error> {
        self.forget_but(&watch::all(self).await?).await
    }

    /// The same, where these are still so.
    async fn forget_but(&self, alerts: &[Alert]) -> Result<(), Error> {
        let still = keys(alerts);
        let before = self.now().checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        let old = alert::done_before(&self.db, before).await?;
        let old: Vec<_> = old.into_iter().filter(|key| !still.contains(key.as_str())).collect();
        Ok(alert::forget(&self.db, &old).await?)
    }

    async fn send(&self, sending: &Sending) -> Result<(), Error> {
        let config = self.home.config();
        let text = text(&sending.alert, &sending.to.language, config, self.card());
        match sending.to.channel.as_str() {
            "mail" => {
                let mail = config.mail.as_ref();
                let mail =
                    mail.ok_or_else(|| Error::Refused("[mail] is not configured".to_owned()))?;
                mail.send(self.home.folder(), &sending.to.address, &text).await
            }
            _ => {
                let all = alert::webhooks(&self.db).await?;
                let webhook = all.iter().find(|webhook| webhook.name == sending.to.address);
                let missing = || Error::Refused("there is no such webhook any more".to_owned());
                let webhook = webhook.ok_or_else(missing)?;
                webhook::call(self, webhook, &sending.alert, &text).await
            }
        }
    }
}

fn keys(alerts: &[Alert]) -> BTreeSet<&str> {
    alerts.iter().map(|alert| alert.key.as_str()).collect()
}

/// Tells people until the future is dropped.
pub(crate) async fn run(node: Arc<Node>) {
    let mut tidied: Option<tokio::time::Instant> = None;
    loop {
        let (seen, began) = (node.change_count(), tokio::time::Instant::now());
        let tidy = tidied.is_none_or(|tidied| tidied.elapsed() > TIDY);
        let result = node.look(tidy).await;
        if tidy && result.is_ok() {
            tidied = Some(began);
        }
        node.trouble("alerts", result.as_ref().err());
        // Where there is much to look through, looking takes a tenth of the time at most.
        tokio::time::sleep(REST.max(began.elapsed() * 9)).await;
        let _ = tokio::time::timeout(LOOK, node.changed(seen)).await;
    }
}

/// Who is told.
struct Audience {
    contacts: Vec<duty::Contact>,
    on_duty: Vec<String>,
    webhooks: Vec<String>,
    mail: bool,
    /// Who may release what others wrote.
    releasers: BTreeSet<String>,
    /// Who wrote the draft that an alert is about.
    authors: BTreeMap<String, String>,
}

impl Audience {
    async fn load(node: &Node) -> Result<Self, Error> {
        let now = node.now();
        let next = now.checked_add(SignedDuration::from_secs(1)).unwrap_or(now);
        let shifts = duty::shifts(&node.db, now, next, PAGE).await?;
        Ok(Self {
            contacts: duty::contacts(&node.db).await?,
            on_duty: shifts.into_iter().map(|shift| shift.account).collect(),
            webhooks: alert::webhooks(&node.db).await?.into_iter().map(|w| w.name).collect(),
            mail: node.home.config().mail.is_some(),
            releasers: account::list(&node.db)
                .await?
                .into_iter()
                .filter(|one| !one.disabled && one.person.may(Right::Release).is_ok())
                .map(|one| one.person.name)
                .collect(),
            authors: node
                .drafts(&Person::operator())
                .await?
                .into_iter()
                .map(|draft| (watch::draft_key(&draft.id), draft.author))
                .collect(),
        })
    }

    /// Whoever is told of an alert that has reached a step. A draft waits for a second person, whatever the step: for who
    /// may release it, and did not write it.
    fn of(&self, alert: &Alert, step: u32) -> Vec<Recipient> {
        let Some(author) = self.authors.get(&alert.key) else { return self.at(step) };
        let second =
            |one: &&duty::Contact| self.releasers.contains(&one.account) && one.account != *author;
        let able: Vec<_> = self.contacts.iter().filter(second).filter(|_| self.mail).collect();
        // Who is on duty first, and then all of them.
        let on_duty = |one: &&duty::Contact| self.on_duty.contains(&one.account);
        let reached = step <= alert.step && able.iter().any(on_duty);
        let told: Vec<_> = able.into_iter().filter(|one| !reached || on_duty(one)).collect();
        if told.is_empty() { self.at(step) } else { self.recipients(told.into_iter()) }
    }

    /// Whoever is told of what has reached this step: of the first step who is on duty, and everybody of it
    /// where nobody is that can be reached; of the later steps all.
    fn at(&self, step: u32) -> Vec<Recipient> {
        // Whoever is on duty and cannot be reached leaves it to the others.
        let reached = self.contacts.iter().any(|one| self.on_duty.contains(&one.account));
        let told = |contact: &&duty::Contact| {
            let first = contact.step <= 1;
            let on_duty = !reached || self.on_duty.contains(&contact.account);
            self.mail && contact.step <= step && (!first || on_duty)
        };
        self.recipients(self.contacts.iter().filter(told))
    }

    fn recipients<'c>(&self, contacts: impl Iterator<Item = &'c duty::Contact>) -> Vec<Recipient> {
        let mails = contacts.map(|contact| Recipient {
            channel: "mail".to_owned(),
            address: contact.email.clone(),
            language: contact.language.clone(),
        });
        let webhooks = self.webhooks.iter().map(|name| Recipient {
            channel: "webhook".to_owned(),
            address: name.clone(),
            language: "en".to_owned(),
        });
        mails.chain(webhooks).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_told_to_who_may_release_it() {
        let contact = |account: &str, step| duty::Contact {
            account: account.to_owned(),
            email: format!("{account}@south.example"),
            language: "en".to_owned(),
            step,
        };
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let alert = |key: &str| Alert {
            key: key.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            what: "draft".to_owned(),
            thread: None,
            step: 1,
            detail: String::new(),
            seen: None,
            settled: None,
        };
        let (draft, other) = (alert("draft/a"), alert("b/arrived"));
        let mut audience = Audience {
            contacts: vec![contact("ada", 1), contact("bo", 2), contact("chief", 2)],
            on_duty: vec!["ada".to_owned()],
            webhooks: Vec::new(),
            mail: true,
            releasers: set(&["bo", "chief"]),
            authors: [("draft/a".to_owned(), "bo".to_owned())].into(),
        };
        let told = |audience: &Audience, alert: &Alert| -> Vec<String> {
            audience.of(alert, 1).into_iter().map(|one| one.address).collect()
        };
        assert_eq!(told(&audience, &other), ["ada@south.example"]);
        assert_eq!(told(&audience, &draft), ["chief@south.example"]);
        audience.authors.insert("draft/a".to_owned(), "ada".to_owned());
        assert_eq!(told(&audience, &draft), ["bo@south.example", "chief@south.example"]);
        audience.on_duty.push("chief".to_owned());
        assert_eq!(told(&audience, &draft), ["chief@south.example"]);
        let later = audience.of(&draft, 2).into_iter().map(|one| one.address);
        assert_eq!(later.collect::<Vec<_>>(), ["bo@south.example", "chief@south.example"]);
        // Where nobody can be reached who may, those who would be told of anything are.
        audience.releasers.clear();
        assert_eq!(told(&audience, &draft), ["ada@south.example"]);
    }
}

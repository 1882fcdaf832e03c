//! The hotline: keys that live for an epoch, tests that come by themselves, and whether it is ready.
//!
//! What is said there is sealed to keys of its own, one of each party, which the parties state in their
//! ledgers. A key is destroyed one epoch after the next has taken its place, and with it what it opened: the
//! statements stay and prove what was said when, and nobody can read them any more. A telephone record is
//! kept, for that is what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use comity_ledger::hex;
use comity_ledger::seal::{self, Identity};
use comity_rules::access::{Person, Right};
use comity_rules::channel::Channel;
use comity_rules::command::{Command, Deed};
use comity_rules::content::{Letter, Message, Tlp};
use comity_rules::matter::{EpochKey, Signal, Topic};
use comity_rules::review::Readiness;
use comity_rules::thread::{Event, Thread, View};
use comity_rules::{Kind, Matter, PartyId, Period, ThreadId};
use comity_store::{ledger, matter, request};
use jiff::Timestamp;

use crate::inside::Inside;
use crate::node::{Agreement, Error, Node};
use crate::secrets::HOTLINE;
use crate::writer::Job;

/// Open threads of the hotline that are looked through.
const OPEN: u64 = 500;

/// Between two looks at what is due.
const LOOK: Duration = Duration::from_secs(15);

/// Threads that are looked at for how ready the hotline is.
const RECENT: u64 = 500;

/// Tests of one sort that are looked at together for the latest.
const TESTS: u64 = 20;

/// How the node's own acts stand in the journal.
const ROBOT: &str = "node";

/// What a person reads back in a test: neutral, as the texts of the link of 1963 were. In English and in Chinese, of
/// which one is read back.
const TEXTS: [[&str; 2]; 8] = [
    [
        "The river keeps its level through the dry months because the snow above it melts slowly.",
        "积雪在高处慢慢融化,所以旱季里河水仍保持水位。",
    ],
    [
        "A good clock is not the one that never errs but the one whose error is known.",
        "好的钟并非从不出错,而是误差为人所知。",
    ],
    [
        "Between the two harbours the ferry crosses eleven times a day, in any weather but fog.",
        "两港之间的渡船每天往返十一次,除大雾外风雨无阻。",
    ],
    [
        "The orchard on the hill is older than the wall that was built to keep the deer from it.",
        "山上的果园比那道防鹿的围墙更古老。",
    ],
    [
        "Every map leaves something out; the reader should be told what.",
        "每张地图都有所省略;应当告诉读者省略了什么。",
    ],
    [
        "Bread rises in its own time, and the baker who opens the oven to look makes it later.",
        "面包自有发酵的时间,打开烤箱察看只会让它更晚。",
    ],
    [
        "The lighthouse is painted anew each spring, always in the same two colours.",
        "灯塔每年春天重新粉刷,始终用同样的两种颜色。",
    ],
    [
        "In the library of the old town the catalogue is kept by hand, and nothing has been lost.",
        "老城图书馆的目录由人手编写,至今没有一条遗失。",
    ],
];

/// How a hotline is.
#[derive(Debug, Clone)]
pub struct Status {
    /// Of each party: how it answered the latest tests and messages.
    pub readiness: BTreeMap<PartyId, Readiness>,
    /// The number of this party's key, and of the other's; none: what is said is sealed to the keys of the
    /// cards, which are not destroyed.
    pub epochs: (Option<u32>, Option<u32>),
    /// When the terms want the next test of each sort; none: they want none.
    pub next: Vec<(Signal, Timestamp)>,
    /// Whether this node makes them by itself.
    pub automatic: bool,
}

impl Node {
    /// The keys to which what is said on the hotline is sealed, the peer's and this party's; `None` for
    /// what is no such thing, or while a party has stated none.
    pub(crate) async fn hotline_keys(
        &self,
        agreement: &Agreement,
        thread: Option<ThreadId>,
        command: &Command,
    ) -> Result<Option<(seal::Recipient, seal::Recipient)>, Error> {
        let is_kept = match command {
            Command::Deed(Deed::Signal { signal, .. }) => *signal == Signal::Telephone,
            Command::Deed(Deed::Say { again, .. }) => match thread.zip(*again) {
                Some((thread, earlier)) => self.is_record(thread, earlier).await?,
                None => false,
            },
            Command::Deed(Deed::Confirm { .. }) => false,
            _ => true,
        };
        if is_kept {
            return Ok(None);
        }
        let own = ledger::show(&self.db, &agreement.own).await?;
        let other = ledger::counterpart(&self.db, &own).await?;
        let theirs = other.and_then(|other| other.channel.hotline);
        let Some((theirs, ours)) = theirs.zip(own.channel.hotline) else { return Ok(None) };
        // A key that is none closes the line to nobody: what is said is sealed to the keys of the cards, as before it.
        let parse = |key: &EpochKey| seal::Recipient::parse(&key.recipient).ok();
        Ok(parse(&theirs).zip(parse(&ours)))
    }

    /// Whether what this party said at that place is a telephone record, or stands in the place of one.
    async fn is_record(&self, thread: ThreadId, place: u64) -> Result<bool, Error> {
        let Some((Thread::Matter(matter), _)) = self.thread_of(Some(thread)).await? else {
            return Ok(false);
        };
        let ours = matter.opener == *self.party();
        let messages = matter.messages(View::ALL);
        let mut said = messages.iter().filter(|one| one.by_opener == ours);
        Ok(said.any(|one| one.event.index == place && one.signal() == Signal::Telephone))
    }

    /// What the other side stated there; none where it stated nothing.
    pub(crate) async fn said_to_us(
        &self,
        thread: ThreadId,
        message: u64,
    ) -> Result<Option<Letter>, Error> {
        let statements = request::statements(&self.db, thread).await?;
        let mine: Vec<String> = self.agreements().iter().map(|a| a.own.clone()).collect();
        let sent = statements.into_iter().find(|s| s.index == message && !mine.contains(&s.ledger));
        let kept = |sent: request::Statement| sent.kept.ok_or(Inside::Unread(message));
        Ok(sent.map(kept).transpose()?.map(|kept| kept.letter))
    }

    /// What the other side said, and nobody acknowledged, that cannot be read here any more, or never could: its places.
    pub(crate) async fn gone(
        &self,
        agreement: &Agreement,
        matter: &Matter,
    ) -> Result<BTreeSet<u64>, Error> {
        // An echo is answered by its receipt.
        if matter.topic != Topic::Hotline || matter.signal() == Some(Signal::Echo) {
            return Ok(BTreeSet::new());
        }
        let ours = matter.opener == *self.party();
        let messages = matter.messages(View::ALL);
        let waiting = messages.iter().filter(|one| one.by_opener != ours);
        let waiting = waiting.filter(|one| one.settled.is_none());
        let within = time_to_read(agreement);
        let is_late = |event| within.is_some_and(|within| is_late(within, event, self.now()));
        let waiting = waiting.filter(|one| one.is_unopened() || is_late(one.event));
        let mut gone: BTreeSet<u64> = waiting.map(|one| one.event.index).collect();
        if !gone.is_empty() {
            for one in request::statements(&self.db, matter.thread).await? {
                if one.kept.is_some() && one.ledger != agreement.own {
                    gone.remove(&one.index);
                }
            }
        }
        Ok(gone)
    }

    /// Whether what a person reads back is what was sent.
    pub(crate) async fn check_read_back(
        &self,
        thread: ThreadId,
        message: u64,
        text: &str,
    ) -> Result<(), Error> {
        let sent = match self.said_to_us(thread, message).await? {
            Some(Letter::Message(message)) => message.text,
            Some(Letter::Remark(remark)) => remark.text,
            // The rules say what else is wrong with it.
            _ => return Ok(()),
        };
        let words = |text: &str| -> Vec<String> {
            text.split_whitespace().map(str::to_lowercase).collect()
        };
        let read = words(text);
        let alike = |line: &str| {
            let sent = words(line);
            let same = sent.iter().zip(&read).take_while(|(one, other)| one == other).count();
            (same == sent.len() && same == read.len(), same)
        };
        // The whole, or a line of it: a test says the same in two languages.
        let all: Vec<_> = sent.lines().chain([sent.as_str()]).map(alike).collect();
        if all.iter().any(|(same, _)| *same) {
            return Ok(());
        }
        let same = all.iter().map(|(_, same)| *same).max().unwrap_or(0);
        Err(Inside::ReadBack(same + 1).into())
    }

    /// How the hotline under an agreement is.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn hotline_status(
        &self,
        by: &Person,
        agreement: &Agreement,
    ) -> Result<Status, Error> {
        by.may(Right::Read)?;
        let own = ledger::show(&self.db, &agreement.own).await?;
        let other = ledger::counterpart(&self.db, &own).await?;
        let recent = self.calls(agreement).await?;
        // To one that is no key nothing is sealed.
        let is_key = |key: &EpochKey| seal::Recipient::parse(&key.recipient).is_ok();
        let epoch = |key: Option<EpochKey>| key.filter(is_key).map(|key| key.epoch);
        let next = self.tests(agreement).await?;
        // Under what is over nobody answers any more.
        let until = agreement.ended().map_or(self.now(), |ended| ended.min(self.now()));
        Ok(Status {
            readiness: Readiness::of(&agreement.terms, &recent, None, until),
            epochs: (
                epoch(own.channel.hotline),
                epoch(other.and_then(|other| other.channel.hotline)),
            ),
            next: next.into_iter().map(|(signal, due, _)| (signal, due)).collect(),
            automatic: self.home.config().hotline_tests,
        })
    }

    /// The latest threads of the hotline under an agreement, exercises apart.
    async fn calls(&self, agreement: &Agreement) -> Result<Vec<Matter>, Error> {
        let terms = agreement.terms.hash().to_hex();
        let calls = matter::calls(&self.db, &terms, None, RECENT).await?;
        Ok(calls.into_iter().map(|(_, call)| call).collect())
    }

    /// When this party last made a test of this sort.
    async fn last_test(
        &self,
        agreement: &Agreement,
        signal: Signal,
    ) -> Result<Option<Timestamp>, Error> {
        let (terms, of) = (agreement.terms.hash().to_hex(), (self.party(), signal));
        let mut before = None;
        loop {
            let page = matter::signals(&self.db, &terms, of, before, TESTS).await?;
            let Some((last, _)) = page.last() else { return Ok(None) };
            before = Some(*last);
            let made = page.iter().filter_map(|(_, call)| Some(call.opened.first()?.claimed));
            // A clock that was ahead for a while made some that are still to come.
            let made = made.filter(|made| *made <= self.now()).max();
            if made.is_some() {
                return Ok(made);
            }
        }
    }

    /// The tests that this node makes: which, when next, how often.
    async fn tests(
        &self,
        agreement: &Agreement,
    ) -> Result<Vec<(Signal, Timestamp, Period)>, Error> {
        let Some(hotline) = &agreement.terms.hotline else { return Ok(Vec::new()) };
        let begun = agreement.terms.between.as_ref().map_or_else(|| self.now(), |b| b.proposed);
        let all = [
            (Signal::Echo, &hotline.echo_every),
            (Signal::ReadBack, &hotline.read_back_every),
            (Signal::Ping, &hotline.ping_every),
        ];
        let mut tests = Vec::new();
        for (signal, every) in all {
            let Some(every) = every else { continue };
            let next = match self.last_test(agreement, signal).await? {
                Some(last) => every.after(last),
                // An echo costs nobody anything; what a person answers waits for its time.
                None if signal == Signal::Echo => begun,
                None => every.after(begun),
            };
            tests.push((signal, next, every.clone()));
        }
        Ok(tests)
    }
}

/// Keeps the keys of a hotline young, and tests it as the terms want, until the future is dropped.
pub(crate) async fn run(node: Arc<Node>, agreement: Arc<Agreement>) {
    if agreement.terms.hotline.is_none() {
        return;
    }
    let what = format!("hotline ({})", agreement.peer);
    loop {
        let result = attend(&node, &agreement).await;
        node.trouble(&what, result.as_ref().err());
        if let Err(error) = result {
            tracing::warn!(%error, peer = %agreement.peer, "the hotline's keys or tests");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Does what is due now.
///
/// # Errors
/// [`Error`].
pub async fn attend(node: &Arc<Node>, agreement: &Arc<Agreement>) -> Result<(), Error> {
    let signs = agreement.check_signs().is_ok();
    let renewed = if signs { renew(node, agreement).await } else { Ok(false) };
    if !matches!(renewed, Ok(true)) {
        destroy(node, agreement).await?;
        // What was erased while somebody read the store.
        node.db.scrub().await?;
    }
    renewed?;
    if !signs || !node.home.config().hotline_tests {
        return Ok(());
    }
    // Nobody is there to be tested before the other side has begun its ledger.
    let own = ledger::show(&node.db, &agreement.own).await?;
    if ledger::counterpart(&node.db, &own).await?.is_none() {
        return Ok(());
    }
    for (signal, due, _) in node.tests(agreement).await? {
        if due <= node.now() {
            test(node, agreement, signal).await?;
        }
    }
    Ok(())
}

/// Makes a test.
async fn test(node: &Node, agreement: &Agreement, signal: Signal) -> Result<ThreadId, Error> {
    let random = comity_ledger::random::<16>()?;
    let text = match signal {
        Signal::ReadBack => TEXTS[usize::from(random[0]) % TEXTS.len()].join("\n"),
        Signal::Ping => String::new(),
        _ => hex::encode(&random),
    };
    let message = Message {
        title: signal.as_str().to_owned(),
        text,
        marking: Tlp::Clear,
        spoken: String::new(),
    };
    let deed = Deed::Signal { signal, about: None, exercise: false, message };
    let robot = Person { name: ROBOT.to_owned(), ..Person::operator() };
    let terms = agreement.terms.hash().to_hex();
    Ok(node.command(&robot, Some(&terms), None, Command::Deed(deed)).await?.thread)
}

/// This party's keys for a hotline, as they are on the disk: which epoch each is of, and when it was made.
struct Held {
    prefix: String,
    all: Vec<String>,
}

impl Held {
    fn of(node: &Node, agreement: &Agreement) -> Result<Self, Error> {
        let prefix = prefix(agreement);
        Ok(Self { all: node.home.keys()?.names(&prefix)?, prefix })
    }

    fn number(&self, number: u32) -> Option<&String> {
        self.all.iter().find(|name| number_of(name, &self.prefix) == Some(number))
    }
}

/// States a new key where it is time; whether it was.
async fn renew(node: &Arc<Node>, agreement: &Arc<Agreement>) -> Result<bool, Error> {
    let hotline = agreement.terms.hotline.as_ref();
    let Some(epoch) = hotline.and_then(|hotline| hotline.epoch.as_ref()) else { return Ok(false) };
    let own = ledger::show(&node.db, &agreement.own).await?;
    let last = own.channel.hotline.as_ref().map_or(0, |key| key.epoch);
    let (held, now) = (Held::of(node, agreement)?, node.now());
    let made = held.number(last).and_then(|name| made_at(name));
    // A clock that was ahead for a while made one that would live too long.
    if made.is_some_and(|made| made <= now && epoch.after(made) > now) {
        return Ok(false);
    }
    let next = match held.number(last + 1) {
        // Saved before, and never stated.
        Some(name) => name.clone(),
        None => format!("{}{:08}-{}", held.prefix, last + 1, now.as_second()),
    };
    let keys = node.home.keys()?;
    if !held.all.contains(&next) {
        // First on the disk: what is sealed to a key that a crash took could be read by nobody.
        keys.save(&next, Identity::generate()?.to_secret_text().as_bytes())?;
        node.secrets.load_hotline(&keys, false)?;
    }
    let identity = node.secrets.hotline_key(&next).ok_or(Error::Stopping)?;
    let key = EpochKey { epoch: last + 1, recipient: identity.recipient().to_string() };
    let agreement = Arc::clone(agreement);
    node.job(|reply| Job::Epoch { agreement, key, reply }).await?;
    node.journal_of(ROBOT, "hotline key", &format!("{}{}", held.prefix, last + 1)).await?;
    Ok(true)
}

/// Destroys the keys that have had their time, with what they open: one epoch after the next has taken their place, or
/// after the agreement ended.
async fn destroy(node: &Arc<Node>, agreement: &Arc<Agreement>) -> Result<(), Error> {
    let hotline = agreement.terms.hotline.as_ref();
    let Some(epoch) = hotline.and_then(|hotline| hotline.epoch.as_ref()) else { return Ok(()) };
    let held = Held::of(node, agreement)?;
    if held.all.is_empty() || agreement.is_restored() {
        return Ok(());
    }
    let own = ledger::show(&node.db, &agreement.own).await?;
    let last = own.channel.hotline.as_ref().map_or(0, |key| key.epoch);
    let other = ledger::counterpart(&node.db, &own).await?;
    let now = node.now();
    let is_over = agreement.ended().is_some_and(|ended| epoch.after(ended) <= now);
    // What the other side states after it has seen the present key is not sealed to those before. Its ledger is
    // here without a gap up to a statement that says so: nothing that was sealed to them is still on its way. Under what
    // ended nothing is on its way at all.
    let is_seen = other.as_ref().is_some_and(|o| o.channel.seen >= own.channel.hotline_at);
    if !is_over && !is_seen {
        return Ok(());
    }
    let is_old = |name: &&String| {
        let Some(number) = number_of(name, &held.prefix) else { return false };
        let later = held.all.iter().filter(|later| {
            number_of(later, &held.prefix).is_some_and(|one| number < one && one <= last)
        });
        let mut later = later.filter_map(|later| made_at(later)).peekable();
        // Where none is left of the later ones, they were destroyed before it.
        let is_superseded = number < last && later.peek().is_none();
        is_over || is_superseded || later.any(|made| epoch.after(made) <= now)
    };
    let (mut dying, mut names) = (Vec::new(), Vec::new());
    for name in held.all.iter().filter(is_old) {
        let key: Vec<_> = node.secrets.hotline_key(name).into_iter().collect();
        // Under what ended nobody states anything any more to keep a key alive.
        let before = if is_over { u64::MAX } else { own.channel.hotline_at };
        let from = other.as_ref().map(|other| (other.id.as_str(), before));
        let unread = match from {
            Some(from) => is_unread(node, agreement, from, &key).await?,
            None => false,
        };
        if !unread {
            dying.extend(key);
            names.push(name);
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    // First what they open: without them nobody could tell what that was.
    forget(node, agreement, &dying).await?;
    let keys = node.home.keys()?;
    for name in names {
        keys.destroy(name)?;
        node.journal_of(ROBOT, "hotline key destroyed", name).await?;
    }
    Ok(node.secrets.load_hotline(&keys, false)?)
}

/// How long a message can be read before its key may die.
fn time_to_read(agreement: &Agreement) -> Option<&Period> {
    let hotline = agreement.terms.hotline.as_ref()?;
    let epoch = hotline.epoch.as_ref()?;
    Some(hotline.acknowledge_within.as_ref().unwrap_or(epoch))
}

/// Until when a message can be read whatever becomes of its key, by what both ledgers say of it.
fn due(agreement: &Agreement, event: &Event) -> Option<Timestamp> {
    Some(time_to_read(agreement)?.after(event.came()?))
}

/// Whether what came here need not be read any more. For what is this node's own to keep its own mirror's word is enough,
/// also where no outside witness covers what the other side states.
fn is_late(within: &Period, event: &Event, now: Timestamp) -> bool {
    let came = event.came().or(event.mirrored);
    came.is_some_and(|came| within.after(came) <= now)
}

/// Whether a test's time was up so long ago that its key has been destroyed: nobody answers it any more.
pub(crate) fn is_past(agreement: &Agreement, call: &Matter, now: Timestamp) -> bool {
    let is_read = matches!(call.signal(), Some(Signal::ReadBack | Signal::Ping));
    let epoch = agreement.terms.hotline.as_ref().and_then(|hotline| hotline.epoch.as_ref());
    let due = call.opened.first().and_then(|first| due(agreement, first));
    is_read && due.zip(epoch).is_some_and(|(due, epoch)| epoch.after(epoch.after(due)) <= now)
}

/// Whether something that only these keys open came so lately that nobody need have acknowledged it yet: after an outage
/// longer than an epoch it comes all at once. It is waited for as long as the terms give, and no longer; and only for what
/// was stated before its author had seen the present key, which stands before `hotline_at`: nobody keeps an old key alive
/// by using it.
async fn is_unread(
    node: &Node,
    agreement: &Agreement,
    (from, hotline_at): (&str, u64),
    dying: &[Arc<Identity>],
) -> Result<bool, Error> {
    let Some(within) = time_to_read(agreement) else { return Ok(false) };
    let terms = agreement.terms.hash().to_hex();
    let mut before = None;
    loop {
        let page = matter::list(&node.db, Topic::Hotline, true, before, OPEN).await?;
        let Some(last) = page.last() else { return Ok(false) };
        before = Some(last.seq);
        for matter in page.into_iter().filter(|one| one.terms == terms).map(|one| one.matter) {
            for message in matter.messages(View::ALL) {
                let is_theirs = message.by_opener != (matter.opener == *node.party());
                if !is_theirs || message.settled.is_some() {
                    continue;
                }
                let is_late = is_late(within, message.event, node.now());
                if !is_late && opens(node, (from, message.event.index), dying, hotline_at).await? {
                    return Ok(true);
                }
            }
        }
    }
}

/// Takes away what these keys open: the letters that were kept for reading, and the ciphertexts.
async fn forget(node: &Node, agreement: &Agreement, dying: &[Arc<Identity>]) -> Result<(), Error> {
    let own = ledger::show(&node.db, &agreement.own).await?;
    let other = ledger::counterpart(&node.db, &own).await?;
    let kinds = [Kind::Signal, Kind::Say, Kind::Confirm];
    for ledger in [Some(own), other].into_iter().flatten() {
        let mut from = 0;
        loop {
            let span = (from, ledger.size);
            let page = request::letters(&node.db, &ledger.id, kinds, span, RECENT).await?;
            let Some((last, _)) = page.last() else { break };
            from = last + 1;
            let mut gone = Vec::new();
            for (index, _) in &page {
                if opens(node, (&ledger.id, *index), dying, u64::MAX).await? {
                    gone.push(*index);
                }
            }
            matter::forget(&node.db, &ledger.id, &gone).await?;
        }
    }
    Ok(())
}

/// Whether one of these keys opens an entry's content, which was stated before its author had seen so much of the other
/// ledger.
async fn opens(
    node: &Node,
    (ledger, index): (&str, u64),
    keys: &[Arc<Identity>],
    seen: u64,
) -> Result<bool, Error> {
    let entries = ledger::entries(&node.db, ledger, index, index + 1).await?;
    let Some(entry) = entries.first() else { return Ok(false) };
    let statement = comity_ledger::Statement::parse(entry)?;
    if Channel::seen_size(statement.body().seen.as_ref()) >= seen {
        return Ok(false);
    }
    let Some(sealed) = statement.body().sealed else { return Ok(false) };
    let ciphertext = ledger::ciphertext(&node.db, ledger, index).await?.unwrap_or_default();
    Ok(keys.iter().any(|key| seal::open(&ciphertext, &sealed, key).is_ok()))
}

impl Node {
    /// Tests the hotline now.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn test_hotline(
        &self,
        person: &Person,
        agreement: &Agreement,
        signal: Signal,
    ) -> Result<ThreadId, Error> {
        person.may(Right::State)?;
        let thread = test(self, agreement, signal).await?;
        self.journal_of(&person.name, "hotline test", &thread.to_string()).await?;
        Ok(thread)
    }
}

fn prefix(agreement: &Agreement) -> String {
    format!("{HOTLINE}{}-", &agreement.terms.hash().to_hex()[..16])
}

fn number_of(name: &str, prefix: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.split_once('-')?.0.parse().ok()
}

fn made_at(name: &str) -> Option<Timestamp> {
    Timestamp::from_second(name.rsplit_once('-')?.1.parse().ok()?).ok()
}

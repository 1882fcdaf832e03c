//! The control socket: how commands reach a running node. A Unix socket in the node's folder, mode
//! 0600: whoever may read the folder's keys may speak here, nobody else. One JSON value asks, one
//! answers.
//!
//! Where no node runs, the same questions are answered by opening the folder; what was stated is
//! delivered when the node runs again.

mod intel;
mod mechanism;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use comity_ledger::Note;
use comity_ledger::proof::Proof;
use comity_rules::access::Person;
use comity_rules::agreement::{CommitmentSet, Definition};
use comity_rules::bundle::Bundle;
use comity_rules::calendar::Calendar;
use comity_rules::card::{Card, fingerprint};
use comity_rules::command::{self, Command};
use comity_rules::review::Scope;
use comity_rules::{PartyId, Terms, ThreadId, agreement, prompt};
use comity_store::draft::Draft;
use comity_store::{evidence, ledger};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

pub use intel::Intel;
pub use mechanism::Mechanism;

use crate::dossier::{Dossier, Line, Statement};
use crate::health::{self, evidence_json};
use crate::node::{Error, Node};
use crate::people::Stated;
use crate::review::Until;
use crate::{export, prove};

/// Bytes of a question: a request with its attachments, in JSON.
const MAX_QUESTION: u64 = 16 * 1024 * 1024;

/// Requests in one answer.
const PAGE: u64 = 200;

/// What a command asks of a node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Carry out a command on a request.
    State {
        /// The agreement, with `Send`.
        terms: Option<String>,
        /// The request, with everything else: its id or the first digits.
        request: Option<String>,
        /// The command.
        command: Box<Command>,
        /// Whose act it is; the operator's, where it is left out.
        who: Option<Credentials>,
        /// Send it though it lacks what the other side will ask back for.
        anyway: bool,
    },
    /// List the drafts that wait for a second person.
    Drafts,
    /// Release a draft, or return it.
    Decide {
        /// Its id.
        draft: String,
        /// Whose act it is; the operator's, where it is left out.
        who: Option<Credentials>,
        /// Return it, and why; release it, where it is left out.
        returned: Option<String>,
    },
    /// Make an account, or give one another role and a new password.
    AddAccount {
        /// Who.
        person: Person,
    },
    /// List accounts.
    Accounts,
    /// Let nobody in by an account any more.
    DisableAccount {
        /// Whose.
        name: String,
    },
    /// List requests.
    Requests {
        /// Only those that are not over.
        open: bool,
        /// Those after this cursor, from the page before.
        after: Option<u64>,
    },
    /// The files of a request or another matter, with their bytes.
    Files {
        /// Its id, or the first digits.
        id: String,
    },
    /// Show a request.
    Request {
        /// Its id or the first digits.
        id: String,
    },
    /// Add a peer's card.
    AddPeer {
        /// The card.
        card: String,
    },
    /// List peers.
    Peers,
    /// Make terms out of a template.
    Propose {
        /// The template's id, or its text.
        template: String,
        /// The other party.
        peer: PartyId,
        /// The outside witnesses.
        witnesses: Vec<agreement::OutsideWitness>,
        /// Whether everyone may read the ledgers.
        everyone: bool,
        /// The calendars of parties: one that is shipped, by its id, or its text.
        calendars: Vec<(PartyId, String)>,
        /// Sets of commitments that are added: one that is shipped, by its id, or its text.
        commitments: Vec<String>,
    },
    /// Make terms that put an end to an agreement and go on like it, or as it is amended.
    Succeed {
        /// The agreement: its id or the first digits of its hash.
        id: String,
        /// The text of the terms as they are to be.
        amended: Option<String>,
        /// Why, for whoever reads the terms.
        why: Option<String>,
    },
    /// Take a signature back under terms that the other party has not signed.
    Withdraw {
        /// The terms: their id or the first digits of their hash.
        id: String,
    },
    /// Sign terms.
    Sign {
        /// Their text.
        terms: String,
        /// The file with the root key.
        root_key: PathBuf,
    },
    /// List agreements.
    Agreements,
    /// Show an agreement's text.
    Agreement {
        /// Its id or the first digits of its hash.
        id: String,
    },
    /// Ledgers, as they are here.
    Ledgers,
    /// The policy of an agreement.
    Policy {
        /// The agreement; the only one, where it is left out.
        agreement: Option<String>,
    },
    /// Prove the statements of a request, or one entry of a ledger.
    Prove {
        /// A request, or `<ledger>/<index>`.
        id: String,
        /// The fields to open for whoever gets the proof.
        open: Vec<String>,
    },
    /// Review an agreement.
    Review {
        /// The agreement; the only one, where it is left out.
        agreement: Option<String>,
        /// Of what.
        scope: Scope,
        /// Up to where.
        until: Until,
        /// Whether to prove what the review opens.
        proofs: bool,
    },
    /// Write a ledger to files.
    Export {
        /// The ledger's id, or the first digits.
        ledger: String,
        /// Where.
        folder: PathBuf,
    },
    /// List what was refused, and write it to files where a folder is given.
    Evidence {
        /// Where.
        folder: Option<PathBuf>,
    },
    /// Give a key that reads the ledgers under an agreement.
    GiveReader {
        /// To whom.
        name: String,
        /// The agreement; the only one, where it is left out.
        agreement: Option<String>,
        /// For how long.
        days: u16,
    },
    /// List the readers.
    Readers,
    /// Take a reader's keys back.
    RemoveReader {
        /// Whose.
        name: String,
    },
    /// About intelligence.
    Intel(Intel),
    /// About the standing mechanism.
    Mechanism(Mechanism),
    /// Make the views again.
    Rebuild,
    /// What a doctor looks at.
    Examine,
}

/// Who a person at the folder says to be.
#[derive(Serialize, Deserialize)]
pub struct Credentials {
    /// The account.
    pub name: String,
    /// Its password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An answer, or why there is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is this.
    Is(Value),
    /// There is none: what, where and what to do; and whether that is because something could not
    /// be reached.
    Not(String, bool),
}

/// Answers a question.
///
/// # Errors
/// [`Error`].
pub async fn answer(node: &Node, question: Question) -> Result<Value, Error> {
    match question {
        Question::State { terms, request, command, who, anyway } => {
            let person = person(node, who).await?;
            if !anyway && request.is_none() {
                complete(node, &to_state(node, terms.clone())?.terms, &command)?;
            }
            let (terms, thread) = match request {
                Some(id) => (None, Some(node.find(&id).await?)),
                None => (Some(to_state(node, terms)?.terms.hash().to_hex()), None),
            };
            Ok(match node.state(&person, terms.as_deref(), thread, *command).await? {
                Stated::Now(done) => json!({ "request": done.thread, "index": done.index }),
                Stated::Waits(draft) => json!({ "draft": draft }),
            })
        }
        Question::Drafts => {
            let drafts = node.drafts(&Person::operator()).await?;
            Ok(drafts.iter().map(draft_json).collect())
        }
        Question::Decide { draft, who, returned } => {
            let person = person(node, who).await?;
            match returned {
                Some(why) => {
                    node.return_draft(&person, &draft, &why).await?;
                    Ok(json!({ "draft": draft, "returned": why }))
                }
                None => {
                    let done = node.release(&person, &draft).await?;
                    Ok(json!({ "draft": draft, "request": done.thread, "index": done.index }))
                }
            }
        }
        Question::AddAccount { person } => {
            let value = json!(person);
            let password = node.add_account(&Person::operator(), person).await?;
            Ok(json!({ "account": value, "password": password }))
        }
        Question::Accounts => {
            let all = node.accounts(&Person::operator()).await?;
            Ok(all
                .iter()
                .map(|account| json!({ "account": account.person, "disabled": account.disabled }))
                .collect())
        }
        Question::DisableAccount { name } => {
            if node.disable_account(&Person::operator(), &name).await? {
                return Ok(json!({ "name": name }));
            }
            Err(Error::Missing { what: "account", id: name, hint: "; see `comity account list`" })
        }
        Question::Requests { open, after } => {
            let lines = node.requests(&Person::operator(), open, after, PAGE).await?.into_inner();
            let next = lines.last().filter(|_| lines.len() as u64 == PAGE);
            let requests: Value = lines.iter().map(|line| line_json(node, line)).collect();
            Ok(json!({ "requests": requests, "next": next.map(|line| line.summary.seq) }))
        }
        Question::Files { id } => {
            let (thread, operator) = (node.find(&id).await?, Person::operator());
            let statements = match node.is_request(thread).await? {
                true => node.dossier(&operator, thread).await?.into_inner().statements,
                false => node.matter(&operator, thread).await?.into_inner().statements,
            };
            let mut files = Vec::new();
            for statement in statements {
                let letter = statement.kept.as_ref().map(|kept| &kept.letter);
                for number in 0..letter.map_or(0, |letter| letter.attachments().len()) {
                    let place = (statement.ledger.as_str(), statement.event.index, number);
                    let file = node.attachment(&operator, thread, place).await?.into_inner();
                    files.push(json!({
                        "by": statement.author,
                        "entry": statement.event.index,
                        "number": number + 1,
                        "name": file.name,
                        "sha256": comity_ledger::Hash::of(&file.bytes).to_hex(),
                        "hex": comity_ledger::hex::encode(&file.bytes),
                    }));
                }
            }
            Ok(files.into())
        }
        Question::Request { id } => {
            let thread = node.find(&id).await?;
            let dossier = node.dossier(&Person::operator(), thread).await?.into_inner();
            node.journal("see", &thread.to_string()).await?;
            Ok(dossier_json(node, &dossier))
        }
        Question::AddPeer { card } => Ok(card_json(&node.add_peer(card.as_bytes()).await?)),
        Question::Peers => Ok(node.peers().iter().map(|card| card_json(card)).collect()),
        Question::Propose { template, peer, witnesses, everyone, calendars, commitments } => {
            let added = (calendars, commitments);
            let terms = propose(node, &template, &peer, witnesses, everyone, added).await?;
            Ok(json!({ "terms": terms.hash().to_hex(), "text": terms.text() }))
        }
        Question::Succeed { id, amended, why } => {
            let agreement = node.agreement(&id)?;
            let amended = amended.map(|text| Terms::parse(&text)).transpose()?;
            let terms = node.succeed(&agreement, amended.as_ref(), why).await?;
            let own = ledger::show(node.db(), &agreement.own).await?;
            Ok(json!({
                "terms": terms.hash().to_hex(),
                "before": agreement.terms.text(),
                "text": terms.text(),
                "unsaid": own.size - own.verified,
            }))
        }
        Question::Withdraw { id } => {
            let goes_on = node.withdraw(&id).await?;
            Ok(json!({ "goes_on": goes_on.terms.hash().to_hex() }))
        }
        Question::Sign { terms, root_key } => {
            let root = node.home().root_key(&root_key)?;
            let agreement = node.sign(Terms::parse(&terms)?, &root).await?;
            Ok(json!({ "terms": agreement.terms.hash().to_hex(), "ledger": agreement.own }))
        }
        Question::Agreements => {
            let mut all = Vec::new();
            for agreement in node.agreements() {
                all.push(json!({
                    "id": agreement.terms.id,
                    "terms": agreement.terms.hash().to_hex(),
                    "title": agreement.terms.title("en"),
                    "nature": agreement.terms.nature,
                    "peer": agreement.peer,
                    "ledger": agreement.own,
                    "closed": agreement.is_closed(),
                    "state": node.state_of(&agreement).await?.as_str(),
                }));
            }
            Ok(all.into())
        }
        Question::Agreement { id } => {
            let agreement = node.agreement(&id)?;
            let terms = &agreement.terms;
            Ok(json!({ "terms": terms.hash().to_hex(), "text": terms.text() }))
        }
        Question::Ledgers => ledgers(node).await,
        Question::Policy { agreement } => {
            let agreement = named(node, agreement)?;
            Ok(json!({ "policy": node.policy(&agreement).await?.0 }))
        }
        Question::Prove { id, open } => proofs(node, &id, &open).await,
        Question::Review { agreement, scope, until, proofs } => {
            let agreement = named(node, agreement)?;
            let officer = Person::operator();
            let pack = node.review_pack(&officer, &agreement, scope, &until, proofs).await?;
            let (review, proofs) = pack.into_inner();
            let text = agreement.terms.text();
            Ok(json!({ "review": review, "proofs": proofs, "text": text }))
        }
        Question::Export { ledger, folder } => {
            let found = ledger::list(node.db()).await?;
            let found = found.iter().find(|l| ledger.len() >= 4 && l.id.starts_with(&ledger));
            let found = found.ok_or_else(|| missing_ledger(&ledger))?;
            let size = export::ledger(node, found, &folder).await?;
            node.journal("export", &found.id).await?;
            Ok(json!({ "ledger": found.id, "entries": size, "folder": folder }))
        }
        Question::Evidence { folder } => {
            let kept = evidence::list(node.db()).await?;
            let files = folder.map(|folder| export::evidence(&kept, &folder)).transpose()?;
            if files.is_some() {
                node.journal("export", "evidence").await?;
            }
            let file = |index: usize| files.as_ref().and_then(|files| files.get(index));
            Ok(kept.iter().enumerate().map(|(n, piece)| evidence_json(piece, file(n))).collect())
        }
        Question::GiveReader { name, agreement, days } => {
            let agreement = named(node, agreement)?;
            let terms = agreement.terms.hash().to_hex();
            let key = node.give_reader(&name, &terms, days).await?;
            Ok(json!({ "name": name, "terms": terms, "key": key }))
        }
        Question::Readers => {
            let all = comity_store::reader::list(node.db()).await?;
            let all = all.iter().map(|given| {
                json!({ "name": given.name, "terms": given.terms, "expires": given.expires })
            });
            Ok(all.collect())
        }
        Question::RemoveReader { name } => match node.remove_reader(&name).await? {
            true => Ok(json!({ "name": name })),
            false => Err(Error::Missing {
                what: "reader",
                id: name,
                hint: "; see `comity ledger reader list`",
            }),
        },
        Question::Intel(question) => intel::answer(node, question).await,
        Question::Mechanism(question) => mechanism::answer(node, question).await,
        Question::Rebuild => {
            let (entries, differed) = node.rebuild().await?;
            Ok(json!({ "entries": entries, "differed": differed }))
        }
        Question::Examine => health::examine(node).await,
    }
}

/// Listens at the node's socket.
///
/// # Errors
/// [`Error::Refused`], where another node has this folder.
pub fn bind(node: &Node) -> Result<UnixListener, Error> {
    check_stopped(node.home().folder())?;
    let path = socket(node.home().folder());
    let refused = |problem: String| Error::Refused(format!("{}: {problem}", path.display()));
    // Left over from a node that was killed.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|error| refused(error.to_string()))?;
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, mode).map_err(|error| refused(error.to_string()))?;
    Ok(listener)
}

/// Whether no node serves this folder.
///
/// # Errors
/// [`Error::Refused`], where one does.
pub(crate) fn check_stopped(folder: &Path) -> Result<(), Error> {
    let path = socket(folder);
    match std::os::unix::net::UnixStream::connect(&path) {
        Ok(_) => {
            let path = path.display();
            Err(Error::Refused(format!("{path}: a node serves this folder; stop it first")))
        }
        Err(_) => Ok(()),
    }
}

/// Answers at the socket.
pub async fn serve(node: Arc<Node>, listener: UnixListener) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(converse(Arc::clone(&node), stream));
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Asks the node that serves this folder; `None` where none does.
///
/// # Errors
/// [`Error::Refused`] where it does not answer as it should.
pub async fn ask(folder: &Path, question: &Question) -> Result<Option<Reply>, Error> {
    let Ok(mut stream) = UnixStream::connect(socket(folder)).await else { return Ok(None) };
    let broken =
        |error: String| Error::Refused(format!("the node at {}: {error}", folder.display()));
    let bytes = serde_json::to_vec(question).map_err(|error| broken(error.to_string()))?;
    stream.write_all(&bytes).await.map_err(|error| broken(error.to_string()))?;
    stream.shutdown().await.map_err(|error| broken(error.to_string()))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(|error| broken(error.to_string()))?;
    Ok(Some(serde_json::from_slice(&answer).map_err(|error| broken(error.to_string()))?))
}

async fn converse(node: Arc<Node>, mut stream: UnixStream) {
    let mut question = Vec::new();
    let read = (&mut stream).take(MAX_QUESTION).read_to_end(&mut question).await;
    let reply = match read.map(|_| serde_json::from_slice(&question)) {
        Ok(Ok(question)) => match answer(&node, question).await {
            Ok(value) => Reply::Is(value),
            Err(error) => Reply::Not(error.to_string(), error.is_unreachable()),
        },
        // What was asked may hold content: only where it goes wrong is said.
        Ok(Err(error)) => {
            let (line, column) = (error.line(), error.column());
            Reply::Not(format!("not a question: line {line}, column {column}"), false)
        }
        Err(error) => Reply::Not(error.to_string(), true),
    };
    let bytes = serde_json::to_vec(&reply).unwrap_or_default();
    // Who asked may have gone.
    let _ = stream.write_all(&bytes).await;
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

/// Whether a request has what the other side needs to begin.
fn complete(node: &Node, terms: &Terms, command: &Command) -> Result<(), Error> {
    let Command::Send { class, ask, .. } = command else { return Ok(()) };
    let missing = prompt::missing(terms, class.as_deref(), ask);
    // What is wrong is said before what is missing: the command itself will be refused for it.
    let wrong = command::decide(terms, node.party(), None, ThreadId([0; 16]), command).is_err();
    if missing.is_empty() || wrong {
        return Ok(());
    }
    let each: Vec<_> =
        missing.iter().map(|prompt| format!("{}: {}", prompt.place, prompt.ask)).collect();
    Err(Error::Refused(format!(
        "without these the other side must ask back, and its clock stands still meanwhile: {}. Write them \
         into the file, or send it as it is with --anyway. Nothing was sent",
        each.join("; ")
    )))
}

/// Who this is: the operator, who has the folder, or an account by its password.
async fn person(node: &Node, who: Option<Credentials>) -> Result<Person, Error> {
    let Some(Credentials { name, password }) = who else { return Ok(Person::operator()) };
    let known = node.known(&name, &password).await?;
    known.ok_or_else(|| Error::Refused(format!("{name}: no such account, or not its password")))
}

fn draft_json(draft: &Draft) -> Value {
    let title = match &draft.command {
        Command::Send { ask, .. } => Some(ask.title.clone()),
        _ => None,
    };
    json!({
        "id": draft.id,
        "author": draft.author,
        "authority": draft.authority,
        "request": draft.request,
        "title": title,
        "made": draft.made,
        "command": draft.command,
    })
}

/// The agreement of this name; the only one, where none is named.
fn named(node: &Node, name: Option<String>) -> Result<Arc<crate::node::Agreement>, Error> {
    if let Some(name) = name {
        return node.agreement(&name);
    }
    let mut all = node.agreements();
    if all.iter().any(|agreement| agreement.goes_on()) {
        all.retain(|agreement| agreement.goes_on());
    }
    only(&all)
}

/// The same, to state something under it: not under terms that wait for the other party's signature.
fn to_state(node: &Node, name: Option<String>) -> Result<Arc<crate::node::Agreement>, Error> {
    let all = node.in_force();
    if name.is_some() || all.is_empty() { named(node, name) } else { only(&all) }
}

fn only(all: &[Arc<crate::node::Agreement>]) -> Result<Arc<crate::node::Agreement>, Error> {
    match all {
        [agreement] => Ok(Arc::clone(agreement)),
        [] => Err(Error::Refused(
            "no agreement is signed here yet; see `comity agreement propose`".to_owned(),
        )),
        _ => Err(Error::Refused(
            "name the agreement with --agreement; see `comity agreement list`".to_owned(),
        )),
    }
}

async fn propose(
    node: &Node,
    template: &str,
    peer: &PartyId,
    witnesses: Vec<agreement::OutsideWitness>,
    everyone: bool,
    (calendars, commitments): (Vec<(PartyId, String)>, Vec<String>),
) -> Result<Terms, Error> {
    let shipped = agreement::TEMPLATES.iter().find(|(id, _)| *id == template);
    let template = Terms::parse(shipped.map_or(template, |(_, text)| text))?;
    let mut template = agreement::Agreement::clone(&template);
    for named in commitments {
        template.commitments.extend(CommitmentSet::parse(&named)?.commitments);
    }
    let mut works_by = Vec::new();
    for (party, text) in calendars {
        let calendar = Calendar::parse(&text)
            .map_err(|problem| Error::Refused(format!("the calendar of {party}: {problem}")))?;
        works_by.push((party, calendar.id.clone()));
        if template.calendars.iter().all(|known| known.id != calendar.id) {
            template.calendars.push(calendar);
        }
    }
    let peer = node.peer(peer)?;
    let party = |card: &Card| agreement::Party {
        id: card.party.clone(),
        name: card.name.clone(),
        zone: card.zone.clone(),
        root: card.root.to_string(),
        calendar: works_by.iter().find(|(party, _)| *party == card.party).map(|(_, id)| id.clone()),
    };
    if let Some((party, _)) =
        works_by.iter().find(|(id, _)| *id != *node.party() && *id != peer.party)
    {
        return Err(Error::Refused(format!("{party} is no party to these terms")));
    }
    let between = agreement::Between {
        proposed: node.now(),
        readers: if everyone { agreement::Readers::Everyone } else { agreement::Readers::Members },
        quorum: witnesses.len() / 2 + 1,
        closes: None,
        parties: vec![party(node.card()), party(&peer)],
        witnesses,
    };
    let terms = Terms::propose(&template, between)?;
    node.check_outside(&terms, &peer)?;
    Ok(terms)
}

async fn ledgers(node: &Node) -> Result<Value, Error> {
    let mut all = Vec::new();
    for ledger in ledger::list(node.db()).await? {
        let delivered = ledger::delivered(node.db(), &ledger.id).await?;
        all.push(json!({
            "id": ledger.id,
            "origin": ledger.key.name(),
            "party": ledger.party,
            "mine": ledger.mine,
            "terms": ledger.terms,
            "entries": ledger.size,
            "checkpointed": ledger.verified,
            "witnessed": ledger.witnessed,
            "delivered": ledger.mine.then_some(delivered),
        }));
    }
    Ok(all.into())
}

async fn proofs(node: &Node, id: &str, open: &[String]) -> Result<Value, Error> {
    let operator = Person::operator();
    if let Some((ledger, index)) = id.split_once('/') {
        let index = index.parse().map_err(|_| missing_ledger(id))?;
        let all = ledger::list(node.db()).await?;
        let found = all.iter().find(|l| ledger.len() >= 4 && l.id.starts_with(ledger));
        let found = found.ok_or_else(|| missing_ledger(ledger))?;
        let proof = prove::statement(node, &operator, &found.id, index, open).await?;
        return opened(&[proof], open);
    }
    let thread = node.find(id).await?;
    let dossier = node.dossier(&operator, thread).await?.into_inner();
    let mut proofs = Vec::new();
    for statement in &dossier.statements {
        let index = statement.event.index;
        proofs.push(prove::statement(node, &operator, &statement.ledger, index, open).await?);
    }
    opened(&proofs, open)
}

/// The proofs, where every field that was named is opened in one of them.
fn opened(proofs: &[Proof], fields: &[String]) -> Result<Value, Error> {
    let bundles = proofs.iter().filter_map(|proof| Bundle::parse(proof.extra.as_ref()?).ok());
    let opened: Vec<_> =
        bundles.flat_map(|bundle| bundle.openings).map(|one| one.field.name).collect();
    if let Some(missing) = fields.iter().find(|field| !opened.contains(field)) {
        return Err(Error::Refused(format!(
            "no statement of this has a field {missing:?} that can be opened; docs/protocol.md names the fields"
        )));
    }
    Ok(proofs.iter().map(ToString::to_string).collect())
}

fn missing_ledger(id: &str) -> Error {
    Error::Missing {
        what: "ledger",
        id: id.chars().take(80).collect(),
        hint: "; see `comity ledger show`",
    }
}

fn card_json(card: &Card) -> Value {
    json!({
        "party": card.party,
        "name": card.name,
        "zone": card.zone,
        "exchange": card.exchange,
        "edition": card.edition,
        "root": card.root.to_string(),
        "fingerprint": fingerprint(&card.root),
    })
}

fn line_json(node: &Node, line: &Line) -> Value {
    let request = &line.summary.request;
    json!({
        "id": request.thread,
        "title": line.summary.title,
        "asker": request.asker,
        "receiver": request.receiver,
        "class": request.class,
        "exercise": request.exercise,
        "agreement": line.agreement.terms.id,
        "terms": line.summary.terms,
        "status": line.standing.status.as_str(),
        "desired": line.standing.desired.as_str(),
        "escalated": line.standing.escalated,
        "ladder": line.rung,
        "waits_for": line.waits_for,
        "waits_for_us": line.waits_for.as_ref() == Some(node.party()),
        "outcomes": line.standing.outcomes,
        "clocks": line.clocks,
        "overdue": line.clocks.is_overdue(),
        "next_due": line.clocks.next_due(),
        "stands_still": line.clocks.is_paused(),
        "terms_ended": line.agreement.is_closed(),
        "calendar_known": line.clocks.is_known(),
    })
}

fn dossier_json(node: &Node, dossier: &Dossier) -> Value {
    let mut value = line_json(node, &dossier.line);
    value["disputed"] = json!(dossier.disputed());
    let class = dossier.line.summary.request.class.as_deref();
    let terms = &dossier.line.agreement.terms;
    value["definitions"] = definitions_json(terms, class, &dossier.statements);
    value["statements"] = dossier.statements.iter().map(statement_json).collect();
    value
}

/// What the parties take the words of some statements to mean, and of their class.
fn definitions_json(terms: &Terms, class: Option<&str>, statements: &[Statement]) -> Value {
    let letters = statements.iter().filter_map(|one| Some(&one.kept.as_ref()?.letter));
    let said: Vec<_> = letters.map(|letter| json!(letter).to_string()).collect();
    let said = said.join("\n");
    let defined = terms.definitions_in(class, &said);
    let json = |one: &Definition| json!({ "term": one.term, "state": one.state, "readings": one.readings });
    defined.map(json).collect()
}

fn statement_json(statement: &Statement) -> Value {
    let event = &statement.event;
    json!({
        "author": statement.author,
        "ledger": statement.ledger,
        "index": event.index,
        "kind": event.act.kind.as_str(),
        "mark": event.act.mark,
        "answers": event.act.answers,
        "claimed": event.claimed,
        "witnessed": event.witnessed,
        "mirrored": event.mirrored,
        "receipt": event.receipt,
        "refused": event.refused,
        "cosigners": statement.cosigners,
        "content": statement.kept,
    })
}

/// Reads a card without a node.
///
/// # Errors
/// What [`Card::parse`] refuses.
pub fn read_card(bytes: &[u8]) -> Result<Value, comity_ledger::Error> {
    Ok(card_json(&Card::parse(&Note::parse(bytes)?)?))
}

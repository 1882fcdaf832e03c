//! `comity request`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use comity_node::control::Question;
use comity_rules::command::Command;
use comity_rules::content::{
    Answer, Ask, Assessment, Attachment, Claim, Item, Remark, Ruling, Tlp,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{Context, read, table, text};

#[derive(Subcommand)]
pub(crate) enum Request {
    /// Send a request: a TOML or JSON file (see docs/requests.md).
    Send {
        /// The request.
        file: PathBuf,
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
    },
    /// List requests.
    List {
        /// Those too that are closed or withdrawn.
        #[arg(long)]
        all: bool,
    },
    /// Show a request with its statements, clocks and proofs.
    Show {
        /// Its id, or the first digits.
        id: String,
    },
    /// Acknowledge: you have it in hand.
    Ack(Said),
    /// Ask back; or, as the asker, reply.
    Clarify(Said),
    /// Accept, accept with conditions, postpone or refuse the whole: a TOML or JSON file.
    Decide(Filed),
    /// Answer items: a TOML or JSON file.
    Answer(Filed),
    /// Assess the answer: a TOML or JSON file.
    Assess(Filed),
    /// Close.
    Close(Said),
    /// Withdraw.
    Withdraw(Said),
    /// Take it up the ladder.
    Escalate(Said),
}

#[derive(Args)]
pub(crate) struct Said {
    /// The request's id, or the first digits.
    id: String,
    /// What you say.
    #[arg(long, default_value = "")]
    text: String,
}

#[derive(Args)]
pub(crate) struct Filed {
    /// The request's id, or the first digits.
    id: String,
    /// What you say.
    file: PathBuf,
}

/// A request as it stands in a file: [`Ask`], with attachments by path. Listed field by field, so
/// that a misspelt one is refused and not lost.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFile {
    class: Option<String>,
    #[serde(default)]
    exercise: bool,
    title: String,
    facts: String,
    #[serde(default)]
    legal_basis: String,
    #[serde(default)]
    purpose: String,
    #[serde(default)]
    urgency_reason: String,
    marking: Tlp,
    #[serde(default)]
    contact: String,
    items: Vec<Item>,
    #[serde(default)]
    attach: Vec<AttachFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachFile {
    file: PathBuf,
    #[serde(default = "octets")]
    media_type: String,
    #[serde(default)]
    claims: Vec<Claim>,
}

fn octets() -> String {
    "application/octet-stream".to_owned()
}

impl Request {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let remark = |said: Said, command: fn(Remark) -> Command| {
            (said.id, command(Remark { text: said.text }))
        };
        let (id, command) = match self {
            Self::Send { file, agreement } => return send(context, &file, agreement).await,
            Self::List { all } => return list(context, !all).await,
            Self::Show { id } => return show(context, id).await,
            Self::Ack(said) => remark(said, Command::Acknowledge),
            Self::Clarify(said) => remark(said, Command::Clarify),
            Self::Close(said) => remark(said, Command::Close),
            Self::Withdraw(said) => remark(said, Command::Withdraw),
            Self::Escalate(said) => remark(said, Command::Escalate),
            Self::Decide(filed) => (filed.id, Command::Decide(parse::<Ruling>(&filed.file)?)),
            Self::Answer(filed) => (filed.id, Command::Answer(parse::<Answer>(&filed.file)?)),
            Self::Assess(filed) => (filed.id, Command::Assess(parse::<Assessment>(&filed.file)?)),
        };
        let question =
            Question::State { terms: None, request: Some(id), command: Box::new(command) };
        let value = context.ask(question).await?;
        Ok(context.print(&value, |value| {
            format!("Stated as entry {} of your ledger.", text(value, "index"))
        }))
    }
}

async fn send(
    context: &Context,
    file: &Path,
    agreement: Option<String>,
) -> Result<ExitCode, Failure> {
    let request: RequestFile = parse(file)?;
    let mut attachments = Vec::new();
    let folder = file.parent().unwrap_or(Path::new("."));
    for attach in request.attach {
        let path = folder.join(&attach.file);
        let bytes = std::fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        attachments.push(Attachment {
            name: name.unwrap_or_default(),
            media_type: attach.media_type,
            bytes,
            claims: attach.claims,
        });
    }
    let agreement = match agreement {
        Some(agreement) => agreement,
        None => {
            let all = context.ask(Question::Agreements).await?;
            match all.as_array().map(Vec::as_slice) {
                Some([only]) => text(only, "terms"),
                Some([]) => {
                    let problem = "no agreement is signed here yet; see `comity agreement propose`";
                    return Err(Failure::Wrong(problem.to_owned()));
                }
                _ => {
                    let problem =
                        "name the agreement with --agreement; see `comity agreement list`";
                    return Err(Failure::Wrong(problem.to_owned()));
                }
            }
        }
    };
    let ask = Ask {
        title: request.title,
        facts: request.facts,
        legal_basis: request.legal_basis,
        purpose: request.purpose,
        urgency_reason: request.urgency_reason,
        marking: request.marking,
        contact: request.contact,
        items: request.items,
        attachments,
    };
    let command = Command::Send { class: request.class, exercise: request.exercise, ask };
    let question =
        Question::State { terms: Some(agreement), request: None, command: Box::new(command) };
    let value = context.ask(question).await?;
    Ok(context.print(&value, |value| format!("Sent as {}.", text(value, "request"))))
}

async fn list(context: &Context, open: bool) -> Result<ExitCode, Failure> {
    let value = context.ask(Question::Requests { open }).await?;
    if context.json {
        for line in value.as_array().into_iter().flatten() {
            say!("{line}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    Ok(context.print(&value, |lines| {
        let lines = lines.as_array().map(Vec::as_slice).unwrap_or_default();
        if lines.is_empty() {
            return "No open requests. `comity request list --all` has those that are over; \
                    `comity request send FILE` sends one."
                .to_owned();
        }
        let rows = lines.iter().map(|line| {
            let overdue = if line["overdue"] == true { "overdue" } else { "" };
            vec![
                text(line, "id").chars().take(8).collect(),
                format!("{} to {}", text(line, "asker"), text(line, "receiver")),
                text(line, "class"),
                text(line, "status"),
                text(line, "next_due"),
                overdue.to_owned(),
                text(line, "title"),
            ]
        });
        table(&["id", "between", "class", "status", "due (UTC)", "", "title"], rows)
    }))
}

async fn show(context: &Context, id: String) -> Result<ExitCode, Failure> {
    let value = context.ask(Question::Request { id }).await?;
    Ok(context.print(&value, describe))
}

fn describe(request: &Value) -> String {
    let mut out = String::new();
    if request["exercise"] == true {
        out.push_str("EXERCISE. Not a real case.\n");
    }
    out.push_str(&format!(
        "{}\n{}\n{} to {}, {}, under {}\nstatus {} (the asker wants: {})\n",
        text(request, "title"),
        text(request, "id"),
        text(request, "asker"),
        text(request, "receiver"),
        text(request, "class"),
        text(request, "agreement"),
        text(request, "status"),
        text(request, "desired"),
    ));
    let clocks = &request["clocks"];
    for (name, key) in [("acknowledge", "acknowledge"), ("answer", "answer")] {
        let clock = &clocks[key];
        let limit =
            if clock["limit"].is_null() { "none given".to_owned() } else { text(clock, "limit") };
        out.push_str(&format!("{name:<12} limit {limit}"));
        for (word, key) in [("due", "due"), ("done", "done"), ("late by", "late")] {
            if !clock[key].is_null() {
                out.push_str(&format!(", {word} {}", text(clock, key)));
            }
        }
        out.push('\n');
    }
    let rows = request["statements"].as_array().into_iter().flatten().map(|statement| {
        let receipt = &statement["receipt"];
        let receipt = match receipt["code"].as_str() {
            None => "none yet".to_owned(),
            Some("") => "accepted".to_owned(),
            Some(code) => format!("refused: {code}"),
        };
        vec![
            text(statement, "author"),
            text(statement, "index"),
            text(statement, "kind"),
            if statement["witnessed"].is_null() {
                "unwitnessed".to_owned()
            } else {
                text(statement, "witnessed")
            },
            if statement["mirrored"].is_null() { "no" } else { "yes" }.to_owned(),
            receipt,
            text(statement, "refused"),
        ]
    });
    out.push('\n');
    let head =
        ["by", "entry", "statement", "witnessed (UTC)", "mirrored", "receipt", "without effect"];
    out.push_str(&table(&head, rows));
    out
}

/// A TOML or JSON file, by its ending.
fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = read(path)?;
    let json = path.extension().is_some_and(|extension| extension == "json");
    let parsed = if json {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())
    };
    parsed.map_err(|error| Failure::Wrong(format!("{}: {error}", path.display())))
}

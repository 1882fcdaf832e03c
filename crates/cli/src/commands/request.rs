//! `comity request`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use comity_node::control::Question;
use comity_rules::command::Command;
use comity_rules::content::{Assessment, Remark, Ruling};
use serde_json::Value;

use super::request_file::{self, parse};
use crate::failure::Failure;
use crate::output::{Context, spell, table, text};

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
            Self::Answer(filed) => (filed.id, Command::Answer(request_file::answer(&filed.file)?)),
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
    let (class, exercise, ask) = request_file::request(file)?;
    let command = Command::Send { class, exercise, ask };
    let question = Question::State { terms: agreement, request: None, command: Box::new(command) };
    let value = context.ask(question).await?;
    Ok(context.print(&value, |value| format!("Sent as {}.", text(value, "request"))))
}

async fn list(context: &Context, open: bool) -> Result<ExitCode, Failure> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = context.ask(Question::Requests { open, after }).await?;
        for line in page["requests"].as_array().into_iter().flatten() {
            if context.json {
                say!("{line}");
            } else {
                all.push(line.clone());
            }
        }
        after = page["next"].as_u64();
        if after.is_none() {
            break;
        }
    }
    if context.json {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(context.print(&Value::from(all), |lines| {
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
                if line["exercise"] == true { "EXERCISE" } else { "" }.to_owned(),
                text(line, "title"),
            ]
        });
        table(&["id", "between", "class", "status", "due (UTC)", "", "", "title"], rows)
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
        "{}\n{}\n{} to {}, {}under {}\nstatus {} (the asker wants: {})\n",
        text(request, "title"),
        text(request, "id"),
        text(request, "asker"),
        text(request, "receiver"),
        match text(request, "class") {
            class if class.is_empty() => class,
            class => format!("{class}, "),
        },
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
    for statement in request["statements"].as_array().into_iter().flatten() {
        let kind = text(statement, "kind");
        let letter = &statement["content"]["letter"];
        // A letter is an object of one entry, its kind; what it says stands below.
        let Some(said) = letter.as_object().and_then(|letter| letter.values().next()) else {
            continue;
        };
        let (author, index) = (text(statement, "author"), text(statement, "index"));
        out.push_str(&format!("\n\n{author}, entry {index}, {kind}:"));
        spell(said, 1, &mut out);
    }
    out
}

//! `comity matter`: everything beside requests, to list and to show.

use std::process::ExitCode;

use clap::Subcommand;
use comity_node::control::{Mechanism, Question};
use comity_rules::ThreadId;
use comity_rules::matter::Topic;
use serde_json::Value;

use super::request;
use crate::failure::Failure;
use crate::output::{Context, table, text};

#[derive(Subcommand)]
pub(crate) enum Matter {
    /// List matters about a topic.
    List {
        /// hotline, suspension, commitment, concern, notice or dialogue.
        topic: Topic,
        /// Those too that are over.
        #[arg(long)]
        all: bool,
    },
    /// Show a matter with its statements and proofs.
    Show {
        /// Its id, or the first digits.
        id: String,
    },
}

impl Matter {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::List { topic, all } => list(context, topic, !all).await,
            Self::Show { id } => show(context, id).await,
        }
    }
}

/// The whole id of a thread, of whatever sort.
pub(crate) async fn find(context: &Context, id: String) -> Result<ThreadId, Failure> {
    if let Ok(thread) = id.parse() {
        return Ok(thread);
    }
    let value = match context.ask(Question::Request { id: id.clone() }).await {
        Ok(value) => value,
        Err(_) => context.ask(Question::Mechanism(Mechanism::Matter { id })).await?,
    };
    text(&value, "id").parse().map_err(|error| Failure::Wrong(format!("{error}")))
}

pub(crate) async fn list(context: &Context, topic: Topic, open: bool) -> Result<ExitCode, Failure> {
    let question = |after| Question::Mechanism(Mechanism::Matters { topic, open, after });
    let all = context.pages("matters", question).await?;
    if context.json {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(context.print(&Value::from(all), |lines| {
        let lines = lines.as_array().map(Vec::as_slice).unwrap_or_default();
        if lines.is_empty() {
            return format!("Nothing open about {}; --all has what is over.", topic.as_str());
        }
        let rows = lines.iter().map(|line| {
            vec![
                text(line, "id").chars().take(8).collect(),
                text(line, "signal"),
                format!("{} to {}", text(line, "opener"), text(line, "other")),
                text(line, "state"),
                match text(line, "waits_for") {
                    nobody if nobody.is_empty() => nobody,
                    party => format!("waits for {party}"),
                },
                if line["exercise"] == true { "EXERCISE" } else { "" }.to_owned(),
                text(line, "title"),
            ]
        });
        table(&["id", "", "between", "state", "", "", "title"], rows)
    }))
}

pub(crate) async fn show(context: &Context, id: String) -> Result<ExitCode, Failure> {
    let value = context.ask(Question::Mechanism(Mechanism::Matter { id })).await?;
    Ok(context.print(&value, describe))
}

fn describe(matter: &Value) -> String {
    let mut out = String::new();
    if matter["exercise"] == true {
        out.push_str("EXERCISE. Not a real case.\n");
    }
    let title = text(matter, "title");
    if !matter["marking"].is_null() {
        out.push_str(&format!("{}\n", text(matter, "marking")));
    }
    out.push_str(&format!(
        "{}\n{}\n{}{}, {} to {}, under {}\nstate {}",
        if title.is_empty() {
            "(no title here: what was said is destroyed, or cannot be opened)"
        } else {
            &title
        },
        text(matter, "id"),
        text(matter, "topic"),
        match text(matter, "signal") {
            none if none.is_empty() => none,
            signal => format!(" ({signal})"),
        },
        text(matter, "opener"),
        text(matter, "other"),
        text(matter, "agreement"),
        text(matter, "state"),
    ));
    if !matter["waits_for"].is_null() {
        out.push_str(&format!(", waits for {}", text(matter, "waits_for")));
    }
    for (party, position) in matter["positions"].as_object().into_iter().flatten() {
        out.push_str(&format!("\n{party}: {}", position.as_str().unwrap_or("no word yet")));
    }
    if let Some(held) = matter["held"].as_str() {
        out.push_str(&format!("\nheld on {held}, by minutes that both agreed to"));
    }
    for (number, action) in (1..).zip(matter["actions"].as_array().into_iter().flatten()) {
        let mark = if action["done"] == true { "done" } else { "open" };
        let due = text(action, "due");
        let due = if due.is_empty() { due } else { format!(", due {due}") };
        let (party, what) = (text(action, "party"), text(action, "text"));
        out.push_str(&format!("\naction item {number} ({mark}, {party}{due}): {what}"));
    }
    out.push('\n');
    request::describe_statements(matter, &mut out);
    out
}

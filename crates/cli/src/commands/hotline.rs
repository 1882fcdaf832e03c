//! `comity hotline`

use std::process::ExitCode;

use clap::Subcommand;
use comity_node::control::{Mechanism, Question};
use comity_rules::command::{Command, Deed};
use comity_rules::content::{Message, Remark, Tlp};
use comity_rules::matter::{Signal, Topic};
use serde_json::{Value, json};

use super::matter;
use super::request::{Who, state};
use crate::failure::Failure;
use crate::output::{Context, table, text};

#[derive(Subcommand)]
pub(crate) enum Hotline {
    /// Send a message, which a person of the other side acknowledges.
    Send {
        /// One line by which both sides know it.
        #[arg(long)]
        title: String,
        /// The message.
        #[arg(long)]
        text: String,
        /// Who may see it: TLP:CLEAR to TLP:RED.
        #[arg(long, default_value = "TLP:AMBER", value_parser = marking)]
        marking: Tlp,
        /// The request or other matter that it is about.
        #[arg(long)]
        about: Option<String>,
        /// It was said by telephone: who spoke with whom, and when. Kept beyond the hotline's epochs.
        #[arg(long, value_name = "WHO AND WHEN")]
        spoken: Option<String>,
        /// It is an exercise.
        #[arg(long)]
        exercise: bool,
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// Say more in a thread.
    Reply {
        /// The thread's id, or the first digits.
        id: String,
        /// What you say.
        #[arg(long)]
        text: String,
        /// It stands in the place of your message there that nobody has acknowledged: of one that could not be opened, else of the first, or of the one at PLACE in
        /// your ledger.
        #[arg(long, value_name = "PLACE", num_args = 0..=1)]
        again: Option<Option<u64>>,
        #[command(flatten)]
        who: Who,
    },
    /// List what waits; or show a thread.
    Read {
        /// The thread's id, or the first digits.
        id: Option<String>,
        /// Those too of which every message is acknowledged.
        #[arg(long)]
        all: bool,
    },
    /// Acknowledge the first message of a thread that waits for it.
    Ack {
        /// The thread's id, or the first digits.
        id: String,
        /// Read the text back, word by word, as the test wants.
        #[arg(long, value_name = "TEXT")]
        read_back: Option<String>,
        /// What you say.
        #[arg(long, default_value = "")]
        text: String,
        #[command(flatten)]
        who: Who,
    },
    /// Test the line now.
    Test {
        /// echo: the other node answers. read-back: a person reads a text back. ping: a person acknowledges.
        #[arg(long, default_value = "echo", value_parser = test)]
        kind: Signal,
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    /// How ready it is: tests and messages answered, by whom, how fast; when the next tests are.
    Status {
        /// The agreement; the only one, where it is left out.
        #[arg(long)]
        agreement: Option<String>,
    },
}

/// A sort of test.
fn test(text: &str) -> Result<Signal, String> {
    match text.parse() {
        Ok(signal) if Signal::is_test(signal) => Ok(signal),
        _ => Err("want echo, read-back or ping".to_owned()),
    }
}

impl Hotline {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Send { title, text, marking, about, spoken, exercise, agreement, who } => {
                let about = match about {
                    Some(id) => Some(matter::find(context, id).await?),
                    None => None,
                };
                let signal = if spoken.is_some() { Signal::Telephone } else { Signal::Message };
                let spoken = spoken.unwrap_or_default();
                let message = Message { title, text, marking, spoken };
                let deed = Deed::Signal { signal, about, exercise, message };
                state(context, (agreement, None), Command::Deed(deed), who, true).await
            }
            Self::Reply { id, text, again, who } => {
                let again = match again {
                    Some(None) => {
                        let matter = Mechanism::Matter { id: id.clone() };
                        let shown = context.ask(question(matter)).await?;
                        let first = shown["to_say_again"].as_u64().ok_or_else(|| {
                            let why = "nothing that this party said there waits to be acknowledged";
                            Failure::No(why.to_owned())
                        })?;
                        Some(first)
                    }
                    given => given.flatten(),
                };
                let deed = Deed::Say { again, remark: Remark { text } };
                state(context, (None, Some(id)), Command::Deed(deed), who, true).await
            }
            Self::Read { id: Some(id), .. } => matter::show(context, id).await,
            Self::Read { id: None, all } => matter::list(context, Topic::Hotline, !all).await,
            Self::Ack { id, read_back, text: said, who } => {
                let shown = context.ask(question(Mechanism::Matter { id: id.clone() })).await?;
                let message = shown["to_acknowledge"].as_u64().ok_or_else(|| {
                    let messages = shown["messages"].as_array().into_iter().flatten();
                    let theirs: Vec<_> = messages.filter(|one| one["ours"] == false && one["over"] == false).collect();
                    let any = |what: &str| theirs.iter().any(|one| one[what] == true);
                    let why = match (any("lost"), any("unopened")) {
                        (true, _) => "what the other side said there died unread with its key: ask it to say it again there",
                        (_, true) => "what the other side said there could not be opened here: ask it to say it again there",
                        _ => "no message of the other side waits there",
                    };
                    Failure::No(why.to_owned())
                })?;
                let text = read_back.clone().unwrap_or(said);
                let remark = Remark { text };
                let read_back = read_back.is_some();
                let deed = Deed::Confirm { message, read_back, remark };
                state(context, (None, Some(id)), Command::Deed(deed), who, true).await
            }
            Self::Test { kind, agreement, who } => {
                let who = who.credentials();
                let test = Mechanism::Test { agreement, signal: kind, who };
                let value = context.ask(question(test)).await?;
                Ok(context.print(&value, |value| {
                    format!(
                        "Sent as {}. `comity hotline status` has the answer.",
                        text(value, "thread")
                    )
                }))
            }
            Self::Status { agreement } => {
                let value = context.ask(question(Mechanism::Hotline { agreement })).await?;
                Ok(context.print(&value, describe))
            }
        }
    }
}

fn question(question: Mechanism) -> Question {
    Question::Mechanism(question)
}

fn marking(text: &str) -> Result<Tlp, String> {
    serde_json::from_value(json!(text)).map_err(|_| {
        "want one of TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT, TLP:RED".to_owned()
    })
}

fn describe(status: &Value) -> String {
    let epoch = |key: &str| match &status[key] {
        Value::Null => {
            "none stated yet: what is said is sealed to the card's keys, which stay".to_owned()
        }
        number => format!("epoch {number}"),
    };
    let mut out = format!(
        "hotline with {} under {}\nkey here   {}\nkey there  {}\n\n",
        text(status, "peer"),
        text(status, "agreement"),
        epoch("epoch"),
        epoch("epoch_there")
    );
    if let Some(within) = status["acknowledge_within"].as_str() {
        out.push_str(&format!("to be acknowledged within {within}\n\n"));
    }
    let seconds = |value: &Value| match value.as_i64() {
        None => String::new(),
        Some(seconds) => format!("{seconds} s"),
    };
    let mut rows = Vec::new();
    for (party, readiness) in status["readiness"].as_object().into_iter().flatten() {
        for (name, key) in
            [("echo", "echo"), ("read back", "read_back"), ("ping", "ping"), ("message", "message")]
        {
            let times = &readiness[key];
            rows.push(vec![
                party.clone(),
                name.to_owned(),
                text(times, "done"),
                text(times, "open"),
                text(times, "late"),
                text(times, "overdue"),
                seconds(&times["median"]),
                seconds(&times["p90"]),
            ]);
        }
        let unopened = readiness["unopened"].as_object().into_iter().flatten();
        let unopened = unopened.map(|(signal, count)| (format!("{signal}, not opened"), count));
        let unreceipted =
            ("nothing shows since when it had them".to_owned(), &readiness["unreceipted"]);
        for (what, count) in unopened.chain([unreceipted]).filter(|(_, count)| **count != 0) {
            let mut row = vec![party.clone(), what, "0".to_owned(), count.to_string()];
            row.resize(8, String::new());
            rows.push(row);
        }
    }
    let head = ["answers of", "to", "done", "open", "late", "overdue", "median", "P90"];
    out.push_str(&table(&head, rows.into_iter()));
    for next in status["next"].as_array().into_iter().flatten() {
        out.push_str(&format!("\nnext {}: {} (UTC)", text(next, "test"), text(next, "due")));
    }
    if status["automatic"] == false {
        out.push_str("\nThis node makes no tests by itself (hotline_tests = false).");
    }
    out
}

//! `comity duty` and `comity alert`: who is on duty, and whom the node tells.

use std::process::ExitCode;

use clap::Subcommand;
use comity_node::control::{Mechanism, Question};
use jiff::Timestamp;
use serde_json::Value;

use super::request::Who;
use crate::failure::Failure;
use crate::output::{Context, table, text};

#[derive(Subcommand)]
pub(crate) enum Duty {
    /// Who is on duty, now and in the four weeks to come.
    Roster,
    /// Put an account on duty.
    On {
        /// Whose.
        account: String,
        /// Since when: 2026-03-09T08:00:00Z.
        #[arg(long)]
        from: Timestamp,
        /// Until when; 36 hours at most.
        #[arg(long)]
        to: Timestamp,
    },
    /// Take a shift off the roster.
    Off {
        /// The shift.
        shift: String,
    },
    /// How an account is reached, and from which step of a ladder on it is told.
    Contact {
        /// Whose.
        account: String,
        /// Address for e-mail.
        #[arg(long)]
        email: String,
        /// en or zh.
        #[arg(long, default_value = "en")]
        language: String,
        /// 1: told at once when on duty; 2 and more: told when a matter has reached that step, or nobody has
        /// seen it for a quarter of an hour a step.
        #[arg(long, default_value_t = 1)]
        step: u32,
    },
    /// How people are reached.
    Contacts,
    /// Hand over to the next shift.
    Handover {
        /// What is open, what was said, what to watch.
        #[arg(long)]
        note: String,
        #[command(flatten)]
        who: Who,
    },
    /// Take over.
    Take {
        /// The handover.
        id: String,
        #[command(flatten)]
        who: Who,
    },
    /// The latest handovers.
    Log,
}

#[derive(Subcommand)]
pub(crate) enum Alert {
    /// The latest alerts: what they are, whether they went out, who has seen them.
    List,
    /// Say that you have seen one: nobody else is woken for it.
    Seen {
        /// Its key.
        key: String,
        #[command(flatten)]
        who: Who,
    },
    /// Signed webhooks.
    #[command(subcommand)]
    Webhook(Webhook),
}

#[derive(Subcommand)]
pub(crate) enum Webhook {
    /// Call an address at every alert. Its secret is shown once.
    Add {
        /// A name for it.
        name: String,
        /// https://..., or http:// on this machine.
        #[arg(long)]
        url: String,
    },
    /// List them.
    List,
    /// Take one away.
    Remove {
        /// Its name.
        name: String,
    },
}

impl Duty {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let question = match self {
            Self::Roster => Mechanism::Roster,
            Self::On { account, from, to } => Mechanism::PutOn { account, starts: from, ends: to },
            Self::Off { shift } => Mechanism::TakeOff { shift },
            Self::Contact { account, email, language, step } => {
                Mechanism::Reach { account, email, language, step }
            }
            Self::Contacts => Mechanism::Contacts,
            Self::Handover { note, who } => Mechanism::HandOver { note, who: who.credentials() },
            Self::Take { id, who } => Mechanism::TakeOver { id, who: who.credentials() },
            Self::Log => Mechanism::Handovers,
        };
        let value = context.ask(Question::Mechanism(question)).await?;
        Ok(context.print(&value, rows))
    }
}

impl Alert {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let question = match self {
            Self::List => Mechanism::Alerts,
            Self::Seen { key, who } => Mechanism::See { key, who: who.credentials() },
            Self::Webhook(Webhook::Add { name, url }) => Mechanism::AddWebhook { name, url },
            Self::Webhook(Webhook::List) => Mechanism::Webhooks,
            Self::Webhook(Webhook::Remove { name }) => Mechanism::RemoveWebhook { name },
        };
        let value = context.ask(Question::Mechanism(question)).await?;
        Ok(context.print(&value, rows))
    }
}

/// What there is, a row each; of one thing its fields.
fn rows(value: &Value) -> String {
    let Some(all) = value.as_array() else {
        let fields = value.as_object().into_iter().flatten();
        let lines = fields.map(|(name, _)| format!("{name:<10} {}", text(value, name)));
        return lines.collect::<Vec<_>>().join("\n");
    };
    let Some(first) = all.first().and_then(Value::as_object) else {
        return "There is none.".to_owned();
    };
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    table(&names, all.iter().map(|row| names.iter().map(|name| text(row, name)).collect()))
}

//! `comity account`

use std::process::ExitCode;

use clap::Subcommand;
use comity_node::control::Question;
use comity_rules::access::{Person, Role};
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{Context, table, text};

#[derive(Subcommand)]
pub(crate) enum Account {
    /// Make an account, or give one another role and a new password; it is shown once.
    Add {
        /// Its name: a-z, 0-9, . and -.
        name: String,
        /// administrator, duty-officer, releasing-officer, analyst or co-chair.
        #[arg(long)]
        role: Role,
        /// The authority of the party for which the person acts.
        #[arg(long)]
        authority: Option<String>,
    },
    /// List accounts.
    List,
    /// Let nobody in by an account any more, and put out who is.
    Disable {
        /// Its name.
        name: String,
    },
}

impl Account {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Add { name, role, authority } => {
                let person = Person { name, role, authority };
                let value = context.ask(Question::AddAccount { person }).await?;
                Ok(context.print(&value, |value| {
                    format!(
                        "{} comes in as {} with the password {}\nIt is shown only now.",
                        text(&value["account"], "name"),
                        text(&value["account"], "role"),
                        text(value, "password")
                    )
                }))
            }
            Self::List => {
                let value = context.ask(Question::Accounts).await?;
                Ok(context.print(&value, |all| {
                    let rows = all.as_array().into_iter().flatten().map(|one: &Value| {
                        let account = &one["account"];
                        vec![
                            text(account, "name"),
                            text(account, "role"),
                            text(account, "authority"),
                            if one["disabled"] == true { "disabled" } else { "" }.to_owned(),
                        ]
                    });
                    table(&["name", "role", "authority", ""], rows)
                }))
            }
            Self::Disable { name } => {
                let value = context.ask(Question::DisableAccount { name }).await?;
                Ok(context.print(&value, |value| {
                    format!("Nobody comes in as {} any more.", text(value, "name"))
                }))
            }
        }
    }
}

//! `comity card`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use comity_node::{Home, control};
use serde_json::json;

use crate::failure::Failure;
use crate::output::{Context, read, text};

#[derive(Subcommand)]
pub(crate) enum Card {
    /// Print a card: this node's, or the one in a file.
    Show {
        /// A card.
        file: Option<PathBuf>,
    },
}

impl Card {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Show { file: None } => {
                let home = Home::open(&context.data)?;
                let card = home.card().to_string();
                eprintln!(
                    "Fingerprint to read aloud: {}",
                    text(&control::read_card(card.as_bytes())?, "fingerprint")
                );
                Ok(context.print(&json!({ "card": card }), |_| card.clone()))
            }
            Self::Show { file: Some(path) } => {
                let value = control::read_card(read(&path)?.as_bytes())
                    .map_err(|error| Failure::No(format!("{}: {error}", path.display())))?;
                Ok(context.print(&value, super::peer::describe))
            }
        }
    }
}

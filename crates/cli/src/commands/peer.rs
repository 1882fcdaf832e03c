//! `comity peer`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use comity_node::control::Question;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{Context, read, table, text};

#[derive(Subcommand)]
pub(crate) enum Peer {
    /// Add a peer's card. Have its fingerprint read aloud first.
    Add {
        /// The card.
        card: PathBuf,
    },
    /// List peers.
    List,
}

impl Peer {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Add { card } => {
                let card = read(&card)?;
                let value = context.ask(Question::AddPeer { card }).await?;
                Ok(context.print(&value, |card| {
                    format!(
                        "Added.\n\n{}\n\nRead the fingerprint to them, and compare.",
                        describe(card)
                    )
                }))
            }
            Self::List => {
                let value = context.ask(Question::Peers).await?;
                Ok(context.print(&value, |peers| {
                    let rows = peers.as_array().into_iter().flatten().map(|peer| {
                        ["party", "name", "exchange", "fingerprint"]
                            .map(|key| text(peer, key))
                            .to_vec()
                    });
                    table(&["party", "name", "exchange", "fingerprint"], rows)
                }))
            }
        }
    }
}

/// A card for reading.
pub(crate) fn describe(card: &Value) -> String {
    format!(
        "Party        {}\nName         {}\nTime zone    {}\nExchange     {}\nFingerprint  {}",
        text(card, "party"),
        text(card, "name"),
        text(card, "zone"),
        text(card, "exchange"),
        text(card, "fingerprint")
    )
}

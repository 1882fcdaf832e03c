//! `comity card`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use comity_node::control::Question;
use comity_node::home::Change;
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
    /// Make the next edition of this node's card: new keys for statements, contents and the exchange.
    ///
    /// The key that signed statements until now becomes void. Stop the node before; when it serves again,
    /// it states the card in its ledgers, and its peers go on with it.
    Rotate {
        /// The root key that `init` wrote.
        #[arg(long)]
        root_key: Option<PathBuf>,
        /// Another address at which peers reach the exchange.
        #[arg(long)]
        exchange: Option<String>,
        /// Another name of the party.
        #[arg(long)]
        name: Option<String>,
        /// Another IANA time zone of its contact point.
        #[arg(long)]
        zone: Option<String>,
        /// Number of the new edition, where this folder was put back and the keys of a later edition than
        /// its own are lost: one more than the peers know. They add the card by hand then.
        #[arg(long)]
        edition: Option<u64>,
    },
}

impl Card {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        match self {
            Self::Rotate { root_key, exchange, name, zone, edition } => {
                let home = Home::open(&context.data)?;
                if control::ask(&context.data, &Question::Peers).await?.is_some() {
                    return Err(Failure::Wrong(
                        "a node serves this folder and holds its keys: stop it, rotate, start it again"
                            .to_owned(),
                    ));
                }
                let root_key = root_key.unwrap_or_else(|| context.data.join("root.key"));
                let root = home.root_key(&root_key)?;
                let home = home.rotate(&root, Change { exchange, name, zone, edition })?;
                let card = control::read_card(home.card().to_string().as_bytes())?;
                Ok(context.print(&card, |card| {
                    format!(
                        "This is edition {} of the card, under the same root ({}).\n\
                         Start the node: it states the new keys in its ledgers, and peers go on with them. \
                         `comity doctor` names those that have not yet.",
                        text(card, "edition"),
                        text(card, "fingerprint"),
                    )
                }))
            }
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

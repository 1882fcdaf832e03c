//! `comity witness`: an outside witness, nothing else.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use comity_ledger::VerifierKey;
use comity_node::clock::System;
use comity_node::network::{Network as _, Tcp};
use comity_node::serve::plain;
use serde_json::json;

use crate::commands::serve::stop_signal;
use crate::failure::Failure;
use crate::output::{Context, read};

#[derive(Subcommand)]
pub(crate) enum Witness {
    /// Serve. `--data` names the witness' own folder.
    Serve {
        /// Its name, as it stands on cosignatures: a host name.
        #[arg(long)]
        name: String,
        /// Host and port.
        #[arg(long, default_value = "127.0.0.1:8450")]
        listen: String,
        /// Policies or lists of verifier keys: the ledgers to watch.
        #[arg(long = "ledgers")]
        ledgers: Vec<std::path::PathBuf>,
    },
    /// Print its verifier key; made at the first use.
    Key {
        /// Its name.
        #[arg(long)]
        name: String,
    },
}

impl Witness {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let open = |name: &str| {
            comity_node::witness::Witness::open(&context.data, name, Arc::new(System))
                .map_err(|error| Failure::Wrong(error.to_string()))
        };
        match self {
            Self::Key { name } => {
                let key = open(&name)?.key().to_string();
                Ok(context.print(&json!({ "key": key }), |_| key.clone()))
            }
            Self::Serve { name, listen, ledgers } => {
                let witness = Arc::new(open(&name)?);
                let _held = witness.lock().map_err(|e| Failure::Unreachable(e.to_string()))?;
                for path in ledgers {
                    for key in keys(&read(&path)?) {
                        let key = VerifierKey::parse(&key)
                            .map_err(|e| Failure::Wrong(format!("{}: {e}", path.display())))?;
                        witness.watch(&key).map_err(|e| Failure::Wrong(e.to_string()))?;
                    }
                }
                let listener = Tcp.bind(&listen).await;
                let listener = listener.map_err(|error| {
                    Failure::Unreachable(format!("listening at {listen}: {error}"))
                })?;
                eprintln!("{} witnesses at http://{listen}", witness.key());
                let serving = tokio::spawn(plain(listener, witness.router()));
                let stopped = stop_signal().await;
                serving.abort();
                stopped.map_err(|error| Failure::Unreachable(error.to_string()))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// The ledgers' keys in a policy (its `log` lines) or in a list with one a line.
fn keys(text: &str) -> Vec<String> {
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter_map(|line| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["log", key, ..] | [key] => Some((*key).to_owned()),
            _ => None,
        })
        .collect()
}

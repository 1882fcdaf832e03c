//! `comity backup`, `comity restore`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use comity_ledger::seal::{Identity, Recipient};
use comity_node::{Home, backup};
use serde_json::json;

use crate::failure::Failure;
use crate::output::{Context, read, text};

#[derive(Args)]
pub(crate) struct Backup {
    /// The file to write. It has the node's keys and what people wrote to each other.
    file: PathBuf,
    /// Encrypt it to this age recipient (age1...), whose key lies elsewhere.
    #[arg(long)]
    to: Option<String>,
}

impl Backup {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let to = self.to.as_deref().map(Recipient::parse).transpose();
        let to = to.map_err(|error| Failure::Wrong(format!("--to: {error}")))?;
        let home = Home::open(&context.data)?;
        let about = backup::write(&home, &self.file, to.as_ref(), jiff::Timestamp::now()).await?;
        let value = json!({ "file": self.file, "party": about.party, "schema": about.schema,
            "at": about.at, "encrypted": to.is_some() });
        Ok(context.print(&value, |value| {
            let file = text(value, "file");
            if to.is_some() {
                format!("Wrote {file}, encrypted.")
            } else {
                format!("Wrote {file}. It is not encrypted: keep it as you keep the node's keys.")
            }
        }))
    }
}

#[derive(Args)]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    /// A PostgreSQL URL, its database empty; SQLite in the node's folder when left out.
    #[arg(long)]
    database: Option<String>,
    /// The file with the age identity that opens an encrypted backup.
    #[arg(long)]
    identity: Option<PathBuf>,
}

impl Restore {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let identity = match &self.identity {
            Some(path) => Some(identity(path)?),
            None => None,
        };
        let (file, database) = (&self.file, self.database.as_deref());
        let about = backup::restore(file, &context.data, database, identity.as_ref()).await?;
        let value = json!({ "party": about.party, "at": about.at, "folder": context.data });
        Ok(context.print(&value, |value| {
            format!(
                "Restored {} of {} into {}.\nIt signs nothing before it is reconciled with its peers and the \
                 witnesses: run `comity serve`, then `comity doctor`.",
                text(value, "party"),
                text(value, "at"),
                text(value, "folder"),
            )
        }))
    }
}

/// The first identity in a file of age's own form, which has comments.
fn identity(path: &std::path::Path) -> Result<Identity, Failure> {
    let file = read(path)?;
    let line = file.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    Identity::parse(line.unwrap_or_default()).map_err(|_| {
        Failure::Wrong(format!("{}: no age identity (AGE-SECRET-KEY-1...)", path.display()))
    })
}

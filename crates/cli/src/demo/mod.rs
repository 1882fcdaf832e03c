//! `comity demo`: two parties and an outside witness on loopback, and a case played through them.
//!
//! Everything is real: two nodes with their own folders, stores and keys, mutual TLS between them,
//! a witness with a file of its own. Only the clock is put forward between acts, for the witness
//! too, so that six days pass in seconds.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::commands::serve::stop_signal;
use crate::failure::Failure;
use crate::output::Context;
use crate::stage::Stage;

mod case;
mod proof;

pub(crate) use proof::audit;

#[derive(Args)]
pub(crate) struct Demo {
    /// The first of the ports for pages (the next is the other party's); free ones when left out.
    #[arg(long)]
    port: Option<u16>,
    /// Play, check and exit.
    #[arg(long)]
    once: bool,
    /// Keep the nodes' folders here, and what an auditor needs.
    #[arg(long)]
    keep: Option<PathBuf>,
}

impl Demo {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let temporary = tempfile::Builder::new().prefix("comity-demo-").tempdir();
        let temporary = temporary.map_err(|error| Failure::Unreachable(error.to_string()))?;
        let folder = match &self.keep {
            Some(folder) => std::path::absolute(folder).map_err(|e| Failure::file(folder, &e))?,
            None => temporary.path().to_owned(),
        };
        let mut stage = Stage::set(&folder, self.port, context.json, case::cast()).await?;
        case::play(&mut stage).await?;
        // Files in a folder that goes away with the demo are nothing to check anything with.
        let kept = !self.once || self.keep.is_some();
        let proven = proof::check(&stage, &folder, kept, self.once).await?;
        if !self.once && proven == ExitCode::SUCCESS {
            stage.invite();
            stop_signal().await.map_err(|error| Failure::Unreachable(error.to_string()))?;
        }
        stage.strike().await;
        if self.once && self.keep.is_none() && !context.json {
            say!("\nTo check it yourself, from files: add --keep FOLDER.");
        }
        Ok(proven)
    }
}

//! `comity completions` and `comity man`: what a shell and a reader of manuals want, from the command
//! itself.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};

use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct Completions {
    /// The shell.
    shell: clap_complete::Shell,
}

#[derive(Args)]
pub(crate) struct Man {
    /// A folder for the pages, one a command.
    folder: PathBuf,
}

impl Completions {
    pub(crate) fn run(&self, mut command: Command) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "comity", &mut script);
        say!("{}", String::from_utf8_lossy(&script).trim_end());
        ExitCode::SUCCESS
    }
}

impl Man {
    pub(crate) fn run(&self, command: Command) -> Result<ExitCode, Failure> {
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| Failure::file(&self.folder, &error))?;
        clap_mangen::generate_to(command, &self.folder)
            .map_err(|error| Failure::file(&self.folder, &error))?;
        Ok(ExitCode::SUCCESS)
    }
}

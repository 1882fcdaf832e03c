//! How a command fails: exit codes that scripts rely on.

use std::process::ExitCode;

use comity_node::audit;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// 1: no; invalid; does not verify.
    No(String),
    /// 2: the call or its input is wrong.
    Wrong(String),
    /// 3: something needed could not be reached.
    Unreachable(String),
}

impl Failure {
    pub(crate) fn report(&self) -> ExitCode {
        let (code, message) = match self {
            Self::No(message) => (1, message),
            Self::Wrong(message) => (2, message),
            Self::Unreachable(message) => (3, message),
        };
        let is_seen = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let shown = if is_seen { crate::output::harmless(message) } else { message.clone() };
        eprintln!("comity: {shown}");
        ExitCode::from(code)
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Wrong(format!("{}: {error}", path.display()))
    }
}

impl From<comity_node::Error> for Failure {
    fn from(error: comity_node::Error) -> Self {
        if error.is_unreachable() {
            Self::Unreachable(error.to_string())
        } else {
            Self::Wrong(error.to_string())
        }
    }
}

impl From<comity_node::home::Error> for Failure {
    fn from(error: comity_node::home::Error) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl From<comity_ledger::Error> for Failure {
    fn from(error: comity_ledger::Error) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl From<audit::Error> for Failure {
    fn from(error: audit::Error) -> Self {
        match error {
            audit::Error::Unreachable { .. } | audit::Error::Missing(_) => {
                Self::Unreachable(error.to_string())
            }
            audit::Error::Few => Self::Wrong(error.to_string()),
            audit::Error::Invalid { .. } => Self::No(error.to_string()),
        }
    }
}

//! The patterning language: STIX 2.1 section 9.
//!
//! [`Pattern::parse`] reads a pattern, [`Pattern::check`] says also what is legal and cannot be meant,
//! [`Matcher`] looks for observations that satisfy it.

mod bind;
mod lex;
mod observed;
mod parse;
mod test;

pub use observed::{Matched, Matcher, Met, Observed};
pub use parse::Pattern;
pub use test::MAX_BACKTRACKS;

/// Which version's grammar a pattern follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Syntax {
    /// STIX 2.0: the ends of `START` and `STOP` are strings.
    V20,
    /// STIX 2.1: they are timestamps.
    #[default]
    V21,
}

impl Syntax {
    /// That of a `pattern_version` or `spec_version`.
    #[must_use]
    pub fn of(version: &str) -> Self {
        if version.starts_with("2.0") { Self::V20 } else { Self::V21 }
    }
}

/// Why a pattern is none, or cannot be matched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not follow the grammar.
    #[error("at character {at}: {problem}")]
    Syntax {
        /// Counted from 1.
        at: usize,
        /// What is there, and what was expected.
        problem: String,
    },
    /// It says something that cannot be meant.
    #[error("{0}")]
    Meaning(String),
    /// It is longer or deeper than anybody's.
    #[error("the pattern is too large: at most {most} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many.
        most: usize,
    },
    /// Matching would take more steps than are allowed.
    #[error(
        "matching took more than {0} steps: the pattern binds too many observations to each other"
    )]
    TooComplex(u64),
    /// The observations are not what they must be.
    #[error("{0}")]
    Observations(String),
}

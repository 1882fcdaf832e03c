//! Who may do what: the one gate that pages, commands and whatever comes later pass.
//!
//! A person has a role, and acts for an authority of the party. The outward voice stays one: what is stated
//! is the party's, and the journal says whose act it was.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a person is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Whoever has the node's folder: it is asked nothing that it could not take.
    Operator,
    /// Says who may come in, and reads no content.
    Administrator,
    /// Sends, acknowledges, answers.
    DutyOfficer,
    /// The same, and releases what others drafted.
    ReleasingOfficer,
    /// Reads.
    Analyst,
    /// Reads, reviews, takes reviews out, and speaks for the party in the dialogue.
    CoChair,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// Read requests and their contents, with the files that go with them.
    Read,
    /// State for the party, or draft what another releases.
    State,
    /// Release what another drafted, and intelligence to tools.
    Release,
    /// Bring intelligence in, and delete it.
    Gather,
    /// See the review.
    Review,
    /// Take intelligence out in files.
    Export,
    /// Speak for the party in the dialogue: meetings, commitments, concerns, suspension.
    Chair,
    /// Say who may come in.
    Manage,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// By which name.
    pub name: String,
    /// As what.
    pub role: Role,
    /// For which authority of the party; none: for the party itself.
    pub authority: Option<String>,
}

/// Why somebody may not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {role} here, and that may not {right}; who may: {who}")]
pub struct Denied {
    /// Who.
    pub name: String,
    /// As what.
    pub role: Role,
    /// What.
    pub right: Right,
    /// The roles that may.
    pub who: String,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Operator,
        Self::Administrator,
        Self::DutyOfficer,
        Self::ReleasingOfficer,
        Self::Analyst,
        Self::CoChair,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Administrator => "administrator",
            Self::DutyOfficer => "duty-officer",
            Self::ReleasingOfficer => "releasing-officer",
            Self::Analyst => "analyst",
            Self::CoChair => "co-chair",
        }
    }

    /// What it may do.
    #[must_use]
    pub fn rights(self) -> &'static [Right] {
        use Right::{Chair, Export, Gather, Manage, Read, Release, Review, State};
        match self {
            Self::Operator => &[Read, State, Release, Gather, Review, Export, Chair, Manage],
            Self::Administrator => &[Manage],
            Self::DutyOfficer => &[Read, State, Gather, Review],
            Self::ReleasingOfficer => &[Read, State, Release, Gather, Review, Export],
            Self::Analyst => &[Read, Gather, Review],
            Self::CoChair => &[Read, Review, Export, Chair],
        }
    }
}

impl Right {
    /// As it stands after "may".
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read requests",
            Self::State => "state anything",
            Self::Release => "release anything",
            Self::Gather => "bring intelligence in",
            Self::Review => "see reviews",
            Self::Export => "take anything out",
            Self::Chair => "speak for the party in the dialogue",
            Self::Manage => "say who may come in",
        }
    }
}

impl Person {
    /// Whoever has the node's folder.
    #[must_use]
    pub fn operator() -> Self {
        Self { name: Role::Operator.as_str().to_owned(), role: Role::Operator, authority: None }
    }

    /// Whether this person may.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn may(&self, right: Right) -> Result<(), Denied> {
        if self.role.rights().contains(&right) {
            return Ok(());
        }
        let roles = Role::ALL.into_iter().filter(|role| role.rights().contains(&right));
        let who = roles.map(Role::as_str).collect::<Vec<_>>().join(", ");
        Err(Denied { name: self.name.clone(), role: self.role, right, who })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("no role {text:?}; there are {all}")
        })
    }
}

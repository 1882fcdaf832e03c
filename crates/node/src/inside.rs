//! What a party holds its own people to, beyond the rules of both: why something was not done.

use comity_rules::PartyId;

use crate::duty::Voices;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inside {
    /// What was read back is not what was sent.
    #[error(
        "what you read back differs from what was sent at word {0}: read the text once more. Nothing was sent"
    )]
    ReadBack(usize),
    /// What should be read back is not here.
    #[error(
        "the text of statement {0} is not here, or its key is destroyed: nothing that is read back could be \
         compared with it"
    )]
    Unread(u64),
    /// The party's authorities do not agree on an answer.
    #[error(
        "this party does not speak with one voice yet: {0}. Settle it (`comity request route`); nothing was \
         sent until then"
    )]
    Unsettled(Voices),
    /// It goes on from a request that is not here.
    #[error("follows.request: there is no request {0} here")]
    NothingToFollow(String),
    /// What is real goes on from no exercise, nor an exercise from what is real.
    #[error(
        "follows.request: an exercise goes on from an exercise, and what is real from what is real"
    )]
    OtherSort,
    /// An action item is done by whose it is.
    #[error("action item {item} is {party}'s: {party} says when it is done")]
    OthersAction {
        /// Which.
        item: u32,
        /// Whose.
        party: PartyId,
    },
    /// A commitment is judged by what was fixed for it.
    #[error("{criterion:?} was not fixed for this commitment; what was: {known}")]
    NotFixed {
        /// By what it should be judged.
        criterion: String,
        /// By what it can be.
        known: String,
    },
    /// Nobody releases one's own draft.
    #[error("a second pair of eyes: somebody else releases what you drafted")]
    OwnDraft,
    /// A draft is decided once.
    #[error("this draft was {what} by {by} already")]
    Decided {
        /// `released` or `returned`.
        what: String,
        /// By whom.
        by: String,
    },
    /// A handover without a note.
    #[error("say what the next shift must know")]
    NoNote,
    /// Nothing to take over.
    #[error("there is no such handover of somebody else's that nobody has taken")]
    NoHandover,
    /// A part or a stand that there is not.
    #[error("want one of {parts} and one of {stands}")]
    NoPart {
        /// The parts.
        parts: String,
        /// The stands.
        stands: String,
    },
    /// No authority is named.
    #[error("name the authority")]
    NoAuthority,
    /// An authority said so before.
    #[error("{authority} has said {stand:?} already, by {who}; asking again does not take it back")]
    Said {
        /// Which.
        authority: String,
        /// What.
        stand: String,
        /// By whom.
        who: String,
    },
}

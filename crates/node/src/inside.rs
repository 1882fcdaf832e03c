//! What a party holds its own people to, beyond the rules of both, and why something was not done.

use comity_rules::access::Person;
use comity_rules::command::{Command, Deed};
use comity_rules::content::{Follows, Judgement, Letter};
use comity_rules::matter::Topic;
use comity_rules::thread::View;
use comity_rules::{Matter, PartyId, ThreadId};
use comity_store::{matter, request};

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::duty::Voices;
use crate::node::{Agreement, Error, Node};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inside {
    /// What was read back is not what was sent.
    #[error(
        "what you read back differs from what was sent at word {0}: read the text once more. Nothing was sent"
    )]
    ReadBack(usize),
    /// What should be acknowledged or read back is not here.
    #[error(
        "the text of statement {0} is not here, or its key is destroyed: nobody can say any more that it was read. \
         Ask the other side to say it again"
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
    /// It goes on from a request with another party.
    #[error(
        "follows.request: {0} is a request between you and another party: what goes on from it goes to that one"
    )]
    OthersRequest(String),
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
    /// A party suspends an agreement once, until it goes on.
    #[error(
        "this party has suspended the agreement already, in {0}; it goes on by `comity agreement resume`"
    )]
    Suspended(ThreadId),
    /// What an answer promises lies ahead.
    #[error(
        "limits: {0} is past: what is kept, returned or destroyed by a day has that day before it"
    )]
    Past(Date),
    /// A commitment is judged by what was fixed for it.
    #[error("{criterion:?} was not fixed for this commitment; what was: {known}")]
    NotFixed {
        /// By what it should be judged.
        criterion: String,
        /// By what it can be.
        known: String,
    },
    /// A period is judged when it is over.
    #[error("to: the period goes on until {0}, and is judged when it is over")]
    NotOver(Date),
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

impl Node {
    /// Whether a command is as this party wants it: that it goes on from what there is, that what is read back was
    /// said, that a commitment is judged by what was fixed, that an action item is done by whose it is, that nothing
    /// is suspended twice, and that the party speaks with one voice.
    pub(crate) async fn check_inside(
        &self,
        by: &Person,
        agreement: &Agreement,
        thread: Option<ThreadId>,
        command: &Command,
    ) -> Result<(), Error> {
        if let Command::Send { ask, exercise, .. } = command
            && let Some(follows) = &ask.follows
        {
            self.check_follows(follows, &agreement.peer, *exercise).await?;
        }
        if let Command::Deed(Deed::Suspend { exercise, .. }) = command {
            self.check_suspend(agreement, *exercise).await?;
        }
        if let Command::Answer(answer) = command
            && let Some(limits) = &answer.limits
        {
            // It may be yesterday still where it is answered.
            let today = self.now().to_zoned(TimeZone::UTC).date().saturating_sub(1.day());
            if let Some((_, day)) = limits.dates().into_iter().find(|(_, day)| *day < today) {
                return Err(Inside::Past(day).into());
            }
        }
        let Some(thread) = thread else { return Ok(()) };
        match command {
            Command::Deed(Deed::Confirm { message, read_back: true, remark }) => {
                self.check_read_back(thread, *message, &remark.text).await
            }
            Command::Deed(Deed::Confirm { message, .. }) => {
                self.said_to_us(thread, *message).await.map(|_| ())
            }
            Command::Deed(Deed::Action { item, .. }) => self.check_action(thread, *item).await,
            Command::Deed(Deed::Judge(judgement)) => self.check_judgement(thread, judgement).await,
            Command::Answer(_) | Command::Decide(_) => match self.unsettled(by, thread).await? {
                unsettled if unsettled.is_empty() => Ok(()),
                unsettled => Err(Inside::Unsettled(Voices(unsettled)).into()),
            },
            _ => Ok(()),
        }
    }

    async fn check_suspend(&self, agreement: &Agreement, exercise: bool) -> Result<(), Error> {
        let terms = agreement.terms.hash().to_hex();
        let stands = |matter: &Matter| {
            let own = matter.opener == *self.party() && matter.exercise == exercise;
            own && !matter.standing(View::ALL).over
        };
        let known = matter::about(&self.db, Topic::Suspension, &terms).await?;
        match known.iter().find(|matter| stands(matter)) {
            Some(matter) => Err(Inside::Suspended(matter.thread).into()),
            None => Ok(()),
        }
    }

    async fn check_follows(
        &self,
        follows: &Follows,
        peer: &PartyId,
        exercise: bool,
    ) -> Result<(), Error> {
        // What is no id at all the rules refuse.
        let Ok(before) = follows.request.parse::<ThreadId>() else { return Ok(()) };
        let known = request::show(&self.db, before).await;
        let nothing = |_| Inside::NothingToFollow(follows.request.clone());
        let before = known.map_err(nothing)?.request;
        // The id of what was said with others is none of theirs.
        if before.asker != *peer && before.receiver != *peer {
            return Err(Inside::OthersRequest(follows.request.clone()).into());
        }
        if before.exercise == exercise { Ok(()) } else { Err(Inside::OtherSort.into()) }
    }

    async fn check_action(&self, thread: ThreadId, item: u32) -> Result<(), Error> {
        let known = matter::show(&self.db, thread).await?;
        let agreement = self.agreement(&known.terms)?;
        let actions = self.actions_of(&agreement, &known.matter).await?;
        let place = usize::try_from(item).unwrap_or(usize::MAX).wrapping_sub(1);
        match actions.into_iter().nth(place).filter(|action| action.party != *self.party()) {
            Some(other) => Err(Inside::OthersAction { item, party: other.party }.into()),
            None => Ok(()),
        }
    }

    async fn check_judgement(&self, thread: ThreadId, judgement: &Judgement) -> Result<(), Error> {
        // Over where it is judged.
        let zone = TimeZone::get(&self.card().zone).unwrap_or(TimeZone::UTC);
        if judgement.to > self.now().to_zoned(zone).date() {
            return Err(Inside::NotOver(judgement.to).into());
        }
        let statements = request::statements(&self.db, thread).await?;
        let letters = statements.iter().filter_map(|one| Some(&one.kept.as_ref()?.letter));
        let mut criteria = letters.filter_map(|letter| match letter {
            Letter::Yardstick(yardstick) => Some(&yardstick.criteria),
            _ => None,
        });
        // What is judged by was fixed and signed beforehand.
        let Some(fixed) = criteria.next() else { return Ok(()) };
        let is_fixed = |id: &str| fixed.iter().any(|criterion| criterion.id == id);
        let found = judgement.findings.iter().find(|one| !is_fixed(&one.criterion));
        let Some(found) = found else { return Ok(()) };
        let known: Vec<_> = fixed.iter().map(|criterion| criterion.id.as_str()).collect();
        let criterion = found.criterion.clone();
        Err(Inside::NotFixed { criterion, known: known.join(", ") }.into())
    }
}

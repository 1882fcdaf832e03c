//! The rules of Comity, and nothing else: what a party may state, what follows from what was
//! stated, and which clocks run. No I/O, no time but what is passed in.
//!
//! Flow: a person's [`command::Command`] is decided into a [`statement::Draft`] by
//! [`command::decide`]; the node signs and appends it. Every entry of either ledger, one's own and
//! the peer's, passes [`channel::Channel::admit`], then [`request::Request::apply`]. Deadlines are
//! computed from that state and from witnessed times by [`clock::Clocks`]. [`audit::Audit`] does the
//! same from public ledgers alone. What a standing review looks at is [`review::Review`].
#![forbid(unsafe_code)]

pub mod access;
pub mod agreement;
pub mod audit;
pub mod bundle;
pub mod calendar;
pub mod card;
pub mod channel;
pub mod clock;
pub mod command;
pub mod content;
pub mod ladder;
pub mod matter;
pub mod party;
pub mod period;
pub mod prompt;
pub mod quality;
pub mod release;
pub mod request;
pub mod review;
pub mod statement;
pub mod template;
pub mod text;
pub mod thread;

pub use agreement::Terms;
pub use matter::Matter;
pub use party::PartyId;
pub use period::Period;
pub use request::Request;
pub use statement::{Draft, Kind, ThreadId};
pub use thread::Thread;

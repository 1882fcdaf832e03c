//! What officers do beside requests: concerns, suspensions, information, messages on the hotline.

use comity_node::Node;
use comity_rules::ThreadId;
use comity_rules::access::Person;
use comity_rules::command::{Command, Deed};
use comity_rules::content::{Concern, Message, Notice, Response, Tlp};
use comity_rules::matter::{Position, Signal};

use super::stage::remark;
use super::world::Dice;

/// One of them: something new, or the next step of what there is. Refused where it stands, often enough.
pub(crate) async fn one(
    dice: &mut Dice,
    side: &Node,
    terms: &str,
    known: ThreadId,
    matters: &mut Vec<ThreadId>,
) {
    let state = async |thread, terms, deed| {
        side.command(&Person::operator(), terms, thread, Command::Deed(deed)).await.ok()
    };
    if matters.is_empty() || dice.roll(3) == 0 {
        let deed = opening(dice, known);
        matters.extend(state(None, Some(terms), deed).await.map(|done| done.thread));
    } else {
        let thread = matters[dice.roll(matters.len() as u64) as usize];
        let Ok(found) = side.matter(&Person::operator(), thread).await else { return };
        let line = found.into_inner().line;
        let mine = line.to_say_again().map(|(said, _)| said.index);
        let theirs = line.message_for(side.party()).map(|(place, _)| place);
        state(Some(thread), None, step(dice, mine, theirs)).await;
    }
}

fn opening(dice: &mut Dice, known: ThreadId) -> Deed {
    let (title, marking, exercise) = ("a matter".to_owned(), Tlp::Amber, false);
    match dice.roll(5) {
        0 => Deed::Raise {
            exercise,
            concern: Concern {
                title,
                commitment: "timely-response".to_owned(),
                facts: "nothing came".to_owned(),
                marking,
                attachments: Vec::new(),
            },
        },
        1 => Deed::Inform {
            exercise,
            notice: Notice {
                title,
                facts: "seen".to_owned(),
                marking,
                use_limits: String::new(),
                attachments: Vec::new(),
            },
        },
        2 => Deed::Suspend { exercise, remark: remark("for now") },
        3 => Deed::Signal {
            signal: Signal::Echo,
            about: None,
            exercise,
            message: Message { title, text: String::new(), marking, spoken: String::new() },
        },
        _ => Deed::Signal {
            signal: Signal::Message,
            about: Some(known),
            exercise,
            message: Message { title, text: "now".to_owned(), marking, spoken: String::new() },
        },
    }
}

fn step(dice: &mut Dice, mine: Option<u64>, theirs: Option<u64>) -> Deed {
    match dice.roll(8) {
        0 => Deed::Respond(Response { text: "why".to_owned(), attachments: Vec::new() }),
        1 => Deed::Position { position: Position::Settled, remark: remark("done") },
        2 => Deed::Position { position: Position::Examining, remark: remark("we look") },
        3 => Deed::Resume(remark("on")),
        4 => Deed::Feedback(remark("used")),
        5 => Deed::Say { again: mine, remark: remark("again") },
        6 => {
            let message = theirs.unwrap_or_default();
            Deed::Confirm { message, read_back: false, remark: remark("heard") }
        }
        _ => Deed::Say { again: None, remark: remark("more") },
    }
}

//! What tests of the hotline say and ask.

use comity_node::people::Stated;
use comity_node::{Node, hotline, matters};
use comity_rules::ThreadId;
use comity_rules::access::Person;
use comity_rules::command::{Command, Deed};
use comity_rules::content::{Letter, Message, Tlp};
use comity_rules::matter::Signal;

use super::{Stage, remark};

pub(crate) fn message(signal: Signal, text: &str) -> Command {
    let spoken = if signal == Signal::Telephone { "Ada and Bo, at nine" } else { "" };
    let message = Message {
        title: format!("about {text}"),
        text: text.to_owned(),
        marking: Tlp::Red,
        spoken: spoken.to_owned(),
    };
    Command::Deed(Deed::Signal { signal, about: None, exercise: false, message })
}

pub(crate) async fn attend(stage: &Stage) {
    for node in [&stage.north, &stage.south] {
        let agreement = node.agreement(&stage.hash()).unwrap();
        hotline::attend(node, &agreement).await.unwrap();
    }
    stage.settle().await;
}

#[allow(clippy::panic, reason = "a test that cannot go on fails")]
pub(crate) async fn state(
    node: &Node,
    stage: &Stage,
    thread: Option<ThreadId>,
    command: Command,
) -> ThreadId {
    let stated = node.state(&Person::operator(), Some(&stage.hash()), thread, command).await;
    match stated.unwrap() {
        Stated::Now(done) => done.thread,
        Stated::Waits(draft) => panic!("the hotline waits for nobody: {draft}"),
    }
}

/// What was said in a thread, as a node can still read it.
pub(crate) async fn said(node: &Node, thread: ThreadId) -> Vec<Option<String>> {
    let dossier = node.matter(&Person::operator(), thread).await.unwrap().into_inner();
    let text = |letter: &Letter| letter.text().to_owned();
    dossier.statements.iter().map(|s| s.kept.as_ref().map(|kept| text(&kept.letter))).collect()
}

pub(crate) fn keys(node: &Node) -> Vec<String> {
    let files = std::fs::read_dir(node.home().folder().join("keys")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut keys: Vec<_> = names.filter(|name| name.starts_with("hotline-")).collect();
    keys.sort();
    keys
}

/// How a thread is for this node.
pub(crate) async fn line(node: &Node, thread: ThreadId) -> matters::Line {
    node.matter(&Person::operator(), thread).await.unwrap().into_inner().line
}

/// The acknowledgement of a message.
pub(crate) fn heard(message: u64) -> Command {
    Command::Deed(Deed::Confirm { message, read_back: false, remark: remark("heard") })
}

pub(crate) fn say(text: &str) -> Command {
    Command::Deed(Deed::Say { again: None, remark: remark(text) })
}

/// The same, in the place of an earlier message.
pub(crate) fn again(earlier: u64, text: &str) -> Command {
    Command::Deed(Deed::Say { again: Some(earlier), remark: remark(text) })
}

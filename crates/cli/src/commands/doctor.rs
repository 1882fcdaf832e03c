//! `comity doctor`: what is wrong with the node, and what to do.

use std::process::ExitCode;

use comity_node::control::{self, Question};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{Context, text};

/// Seconds by which a clock may be off before it is worth a word. A witness' time is what counts; a
/// node's own stands as "claimed" in every statement, for all to compare.
const SKEW: i64 = 30;

/// Seconds that an entry may wait for its witnesses or its receipt. Both take a second or two.
const WAIT: i64 = 300;

/// Days before which a key's end is worth a word.
const NOTICE: SignedDuration = SignedDuration::from_hours(14 * 24);

pub(crate) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let mut findings = Vec::new();
    if control::ask(&context.data, &Question::Peers).await?.is_none() {
        findings.push(
            "no node serves this folder: nothing is received, delivered or receipted; `comity serve`"
                .to_owned(),
        );
    }
    let value = context.ask(Question::Examine).await?;
    for agreement in list(&value["agreements"]) {
        agreement_findings(agreement, &mut findings);
    }
    for (what, error) in value["troubles"].as_object().into_iter().flatten() {
        findings.push(format!("{what}: {}", error.as_str().unwrap_or_default()));
    }
    for key in list(&value["lost_ledgers"]) {
        findings.push(format!(
            "the store does not have the ledger that {} has begun: bring back this folder's store, or `comity restore` a backup, and sign nothing before",
            key.as_str().unwrap_or_default()
        ));
    }
    for (whom, skew) in value["skew_seconds"].as_object().into_iter().flatten() {
        let skew = skew.as_i64().unwrap_or_default();
        if skew.abs() > SKEW {
            let (seconds, way) = (skew.abs(), if skew > 0 { "behind" } else { "ahead of" });
            findings.push(format!(
                "this clock is {seconds} s {way} that of {whom}: if others say the same, set it right (NTP); if it is {whom}'s, tell them"
            ));
        }
    }
    if let (Some(free), Some(all)) = (value["disk"]["free"].as_u64(), value["disk"]["all"].as_u64())
        && free < (all / 20).min(2 << 30)
    {
        let free = free >> 20;
        findings.push(format!(
            "{free} MiB are free on the disk of this folder: make room; a node whose disk is full states and receives nothing"
        ));
    }
    let now: Timestamp = text(&value, "now").parse().unwrap_or_default();
    for reader in list(&value["readers"]) {
        let expires: Timestamp = text(reader, "expires").parse().unwrap_or_default();
        let name = text(reader, "name");
        if expires <= now {
            findings.push(format!(
                "the key of reader {name} has expired: `comity ledger reader remove {name}`, and give a new one if it is needed"
            ));
        } else if expires < now + NOTICE {
            findings.push(format!(
                "the key of reader {name} expires at {expires}: give a new one in time"
            ));
        }
    }
    for evidence in list(&value["evidence"]) {
        findings.push(format!(
            "evidence of {}: {} (kept at {}; `comity ledger evidence` writes it out)",
            text(evidence, "code"),
            text(evidence, "detail"),
            text(evidence, "at")
        ));
    }
    context.print(&value, |_| {
        if findings.is_empty() { "Nothing found.".to_owned() } else { findings.join("\n") }
    });
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn agreement_findings(agreement: &Value, findings: &mut Vec<String>) {
    let peer = text(agreement, "peer");
    if agreement["restored"] == true {
        findings.push(format!(
            "this node was put back from a backup and is not reconciled with {peer}: nothing is signed before; it needs {peer} and the outside witnesses to answer"
        ));
    }
    if agreement["peer_ledger_known"] == false {
        findings.push(format!(
            "{peer} has not begun its ledger: has it signed the same terms, and does its node serve?"
        ));
    }
    if agreement["card_known"] == false {
        findings.push(format!(
            "{peer} has not taken this node's latest card: until it has, what is said to it is under the keys before"
        ));
    }
    if agreement["undelivered"].as_u64() > Some(0) {
        let count = text(agreement, "undelivered");
        findings.push(format!(
            "{count} entries were not delivered: is the peer's exchange address reachable? ({peer})"
        ));
    }
    for (count, age, what) in [
        (
            "unwitnessed",
            "unwitnessed_age",
            "no outside quorum covers: does the outside witness serve, and does it watch this ledger?",
        ),
        (
            "unreceipted",
            "unreceipted_age",
            "have no receipt: the peer's node is down, or keeps it back; its mirror starts the clocks meanwhile",
        ),
    ] {
        if agreement[age].as_i64() > Some(WAIT) {
            let (count, minutes) =
                (text(agreement, count), agreement[age].as_i64().unwrap_or(0) / 60);
            findings
                .push(format!("{count} entries, the oldest {minutes} min old, {what} ({peer})"));
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

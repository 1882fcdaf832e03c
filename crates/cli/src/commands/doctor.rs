//! `comity doctor`

use std::process::ExitCode;

use comity_node::control::Question;

use crate::failure::Failure;
use crate::output::{Context, text};

pub(crate) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let value = context.ask(Question::Examine).await?;
    let mut findings = Vec::new();
    for agreement in value["agreements"].as_array().into_iter().flatten() {
        let peer = text(agreement, "peer");
        if agreement["peer_ledger_known"] == false {
            findings.push(format!(
                "{peer} has not begun its ledger: has it signed the same terms, and does its node serve?"
            ));
        }
        for (key, what) in [
            (
                "undelivered",
                "entries were not delivered: is the peer's exchange address reachable?",
            ),
            (
                "unwitnessed",
                "entries are unwitnessed: does the outside witness serve and watch this ledger?",
            ),
        ] {
            if agreement[key].as_u64() > Some(0) {
                findings.push(format!("{} {what} ({peer})", text(agreement, key)));
            }
        }
    }
    for (what, error) in value["troubles"].as_object().into_iter().flatten() {
        findings.push(format!("{what}: {}", error.as_str().unwrap_or_default()));
    }
    for key in value["lost_ledgers"].as_array().into_iter().flatten() {
        findings.push(format!(
            "the store does not have the ledger that {} has begun: bring back this folder's store, and sign nothing before",
            key.as_str().unwrap_or_default()
        ));
    }
    for evidence in value["evidence"].as_array().into_iter().flatten() {
        findings.push(format!(
            "evidence of {}: {} (kept at {})",
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

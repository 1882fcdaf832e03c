//! What the demo proved, checked by the auditor's code from the public ledgers alone.

use std::path::Path;
use std::process::ExitCode;

use comity_ledger::Policy;
use comity_node::network::Tcp;
use comity_node::{audit, export};

use crate::commands::ledger::describe_audit;
use crate::failure::Failure;
use crate::output::write;
use crate::stage::Stage;

/// Audits both ledgers over HTTP, as an outsider would.
pub(crate) async fn audit(stage: &Stage) -> Result<audit::Report, Failure> {
    let (policy, _) = stage.north.node.policy(&*stage.north.agreement()?).await?;
    let urls = [stage.north.ledger_url().await?, stage.south.ledger_url().await?];
    let reach = audit::Reach { network: &Tcp, key: None };
    Ok(audit::run(&reach, &urls, &Policy::parse(&policy)?, Some(&stage.terms), None).await?)
}

/// The audit, told, and what is kept to do it again.
pub(super) async fn check(
    stage: &Stage,
    folder: &Path,
    kept: bool,
    once: bool,
) -> Result<ExitCode, Failure> {
    let (policy, _) = stage.north.node.policy(&*stage.north.agreement()?).await?;
    let urls = [stage.north.ledger_url().await?, stage.south.ledger_url().await?];
    let (policy_file, terms_file) = (folder.join("policy.txt"), folder.join("terms.toml"));
    write(&policy_file, policy.as_bytes())?;
    write(&terms_file, stage.terms.text().as_bytes())?;
    let report = audit(stage).await?;
    let value = report.to_json(Some(&stage.terms));
    if stage.json {
        say!("{value}");
    } else {
        say!("\nWhat an outsider computes from the two ledgers, without any content:\n");
        say!("{}", describe_audit(&value).trim_end());
    }
    // Later, the nodes are gone and the files remain.
    let mut places = urls;
    for (side, place) in [&stage.north, &stage.south].into_iter().zip(&mut places) {
        let ledger = side.ledger().await?;
        let files = folder.join("ledgers").join(side.node.party().as_str());
        export::ledger(&side.node, &ledger, &files).await?;
        if once {
            *place = files.display().to_string();
        }
    }
    if kept {
        let comity = std::env::current_exe()
            .map_or_else(|_| "comity".into(), |path| path.display().to_string());
        tell!(
            stage.json,
            "\nCheck it yourself:\n  {comity} ledger audit {} \\\n    {} \\",
            places[0],
            places[1]
        );
        let (policy, terms) = (policy_file.display(), terms_file.display());
        tell!(stage.json, "    --policy {policy} --terms {terms}");
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

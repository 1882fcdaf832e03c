//! `comity rebuild`

use std::process::ExitCode;

use comity_node::control::Question;

use crate::failure::Failure;
use crate::output::{Context, text};

pub(crate) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let value = context.ask(Question::Rebuild).await?;
    let differed = value["differed"].as_array().is_some_and(|views| !views.is_empty());
    context.print(&value, |value| {
        let entries = text(value, "entries");
        if differed {
            format!("Took {entries} entries again. These views were not what they should have been, and are now: {}", value["differed"])
        } else {
            format!("Took {entries} entries again. Every view was as it should be.")
        }
    });
    Ok(if differed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

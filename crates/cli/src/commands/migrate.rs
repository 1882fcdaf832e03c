//! `comity migrate`

use std::process::ExitCode;

use comity_node::{Home, Node};
use serde_json::json;

use crate::failure::Failure;
use crate::output::{Context, text};

pub(crate) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let migrated = Node::migrate(&Home::open(&context.data)?).await?;
    let value = json!({ "from": migrated.from, "to": migrated.to });
    Ok(context.print(&value, |value| {
        if migrated.from == migrated.to {
            format!("The store has schema {}, which is this version's.", text(value, "to"))
        } else {
            format!(
                "The store had schema {} and has {} now.",
                text(value, "from"),
                text(value, "to")
            )
        }
    }))
}

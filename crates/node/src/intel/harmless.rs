//! Warning lists, as MISP has them: what of an import they know to be harmless is told to whoever brings it.

use std::path::Path;

use comity_hunt::lists::{self, Choice};
use comity_hunt::warning::Warnings;
use serde::{Deserialize, Serialize};

/// Values that are told.
const TOLD: usize = 1_000;

/// A value of which a warning list knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Harmless {
    /// The value.
    pub value: String,
    /// The name of the list.
    pub list: String,
}

/// What the lists in a folder know of the values in a file; nothing where there is no such folder.
///
/// # Errors
/// With the file in the folder that is no warning list.
pub(super) fn harmless(folder: &Path, bytes: &[u8]) -> Result<Vec<Harmless>, String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let mut warnings = Warnings::default();
    for path in &paths {
        let wrong =
            |why: &dyn std::fmt::Display| format!("{}: {why}; mend or remove it", path.display());
        let list = std::fs::read(path).map_err(|error| wrong(&error))?;
        warnings.add(&list).map_err(|error| wrong(&error))?;
    }
    let mut found = Vec::new();
    // What is only context is of interest too, and what cannot be read here is refused elsewhere.
    let choice = Choice { context: true, revoked: true };
    let _ = lists::read(bytes, choice, &mut |indicator| {
        for list in warnings.knowing(indicator) {
            let one = Harmless { value: indicator.value.clone(), list: list.to_owned() };
            if found.len() < TOLD && !found.contains(&one) {
                found.push(one);
            }
        }
    });
    Ok(found)
}

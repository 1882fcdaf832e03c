//! Templates of requests: those that are shipped, and this node's own in `requests/*.toml` of its folder.

use std::path::Path;

use comity_rules::template::{TEMPLATES, Template};

use crate::home;
use crate::node::{Error, Node};

/// Bytes of a template.
const MOST: u64 = 64 * 1024;

impl Node {
    /// All of them, by id; one of ours stands in place of a shipped one with its id.
    ///
    /// # Errors
    /// One of ours is none: which, and where.
    pub fn templates(&self) -> Result<Vec<Template>, Error> {
        let mut all = std::collections::BTreeMap::new();
        for (_, text) in TEMPLATES {
            let template = Template::parse(text);
            let template = template.map_err(|why| Error::Refused(why.to_string()))?;
            all.insert(template.id.clone(), template);
        }
        let folder = self.home().folder().join("requests");
        let files = match std::fs::read_dir(&folder) {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(all.into_values().collect());
            }
            Err(error) => return Err(damaged(&folder, error)),
        };
        for file in files {
            let path = file.map_err(|error| damaged(&folder, error))?.path();
            if path.extension().is_none_or(|ending| ending != "toml") {
                continue;
            }
            let size = std::fs::metadata(&path).map_err(|error| damaged(&path, error))?.len();
            if size > MOST {
                return Err(damaged(&path, format!("{size} bytes; a template has at most {MOST}")));
            }
            let text = std::fs::read_to_string(&path).map_err(|error| damaged(&path, error))?;
            let template = Template::parse(&text).map_err(|error| damaged(&path, error))?;
            all.insert(template.id.clone(), template);
        }
        Ok(all.into_values().collect())
    }

    /// The template of this id.
    ///
    /// # Errors
    /// There is none.
    pub fn template(&self, id: &str) -> Result<Template, Error> {
        let found = self.templates()?.into_iter().find(|template| template.id == id);
        let hint = "; see `comity request template`";
        found.ok_or_else(|| Error::Missing { what: "template", id: id.to_owned(), hint })
    }
}

fn damaged(path: &Path, problem: impl std::fmt::Display) -> Error {
    home::Error::Damaged { path: path.to_owned(), problem: problem.to_string() }.into()
}

//! What an operator does with a node that does not run: `comity migrate`.

use comity_store::Db;
use comity_store::migrate::Migrated;

use crate::control;
use crate::home::Home;
use crate::node::{Error, Node};

impl Node {
    /// Brings the store of a folder up to this version's schema.
    ///
    /// # Errors
    /// [`Error::Refused`] while a node serves the folder.
    pub async fn migrate(home: &Home) -> Result<Migrated, Error> {
        control::check_stopped(home.folder())?;
        Ok(match home.database()? {
            Some(url) => Db::migrate_postgres(&url).await?,
            None => Db::migrate_sqlite(&home.store()).await?,
        })
    }
}

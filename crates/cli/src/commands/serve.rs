//! `comity serve`

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use comity_node::clock::System;
use comity_node::network::Tcp;
use comity_node::node::StoreError;
use comity_node::{Home, Node, serve};

use crate::failure::Failure;
use crate::output::Context;

#[derive(Args)]
pub(crate) struct Serve {
    /// A PostgreSQL URL; SQLite in the node's folder when left out.
    #[arg(long)]
    database: Option<String>,
}

impl Serve {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let home = Home::open(&context.data)?;
        let database = self.database.as_deref();
        let db = tokio::select! {
            db = serve::stand_by(&home, database, &Tcp, |why| eprintln!("Standing by: {why}.")) => db?,
            interrupted = stop_signal() => {
                interrupted.map_err(|error| Failure::Unreachable(error.to_string()))?;
                return Ok(ExitCode::SUCCESS);
            }
        };
        let node = Node::open(home, db, Arc::new(System), Arc::new(Tcp)).await?;
        let mut running = serve::start(&node, comity_web::router(&node)).await?;
        let config = node.home().config();
        let host = |address: &str| address.rsplit_once(':').map_or("", |(host, _)| host).to_owned();
        eprintln!("{} serves.", config.name);
        eprintln!("  pages     http://{}:{}", host(&config.web), running.web);
        eprintln!("  exchange  port {}, known to peers as {}", running.exchange, config.exchange);
        eprintln!("  health    http://{}:{}/healthz", host(&config.admin), running.admin);
        let result = tokio::select! {
            interrupted = stop_signal() => {
                interrupted.map_err(|error| Failure::Unreachable(error.to_string()))
            }
            () = running.replaced() => Err(Failure::Unreachable(StoreError::Replaced.to_string())),
        };
        running.stop().await;
        result.map(|()| ExitCode::SUCCESS)
    }
}

/// Waits for Ctrl-C or a service manager's wish.
pub(crate) async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

//! `comity serve`

use std::process::ExitCode;

use clap::Args;

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
        let node = context.open(self.database.as_deref()).await?;
        let running = comity_node::serve::start(&node, comity_web::router(&node)).await?;
        let config = node.home().config();
        let host = |address: &str| address.rsplit_once(':').map_or("", |(host, _)| host).to_owned();
        eprintln!("{} serves.", config.name);
        eprintln!("  pages     http://{}:{}", host(&config.web), running.web);
        eprintln!("  exchange  port {}, known to peers as {}", running.exchange, config.exchange);
        eprintln!("  health    http://{}:{}/healthz", host(&config.admin), running.admin);
        let interrupted = stop_signal().await;
        running.stop().await;
        interrupted.map_err(|error| Failure::Unreachable(error.to_string()))?;
        Ok(ExitCode::SUCCESS)
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

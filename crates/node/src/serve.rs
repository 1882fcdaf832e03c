//! A node's listeners and tasks, and their end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use comity_store::Db;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::exchange;
use crate::home::Home;
use crate::network::{Listener, Network};
use crate::node::{Error, Node, StoreError};
use crate::{alert, control, health, hotline, http, publish, tls};

/// Connections to one listener at a time; more wait in the system's queue.
const CONNECTIONS: usize = 256;

/// Between two looks at who is the store's writer.
const STANDBY: Duration = Duration::from_secs(2);

/// How long a peer may take for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A node that serves. Dropped, it stops at once; see [`Running::stop`].
pub struct Running {
    tasks: JoinSet<()>,
    replaced: JoinSet<()>,
    /// Port of the pages.
    pub web: u16,
    /// Port of the exchange.
    pub exchange: u16,
    /// Port of health.
    pub admin: u16,
}

impl Running {
    /// Waits until another node is the store's writer: then this one has to end.
    pub async fn replaced(&mut self) {
        self.replaced.join_next().await;
    }

    /// Stops listening and working, and waits until that is so.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Opens the store of a folder as its one writer. Where another node is that already, waits for its end
/// and stands by: `say` gets to know for whom, and health says that it is not ready.
///
/// # Errors
/// [`Error`].
pub async fn stand_by(
    home: &Home,
    database: Option<&str>,
    network: &dyn Network,
    say: impl Fn(&StoreError),
) -> Result<Db, Error> {
    let mut waiting = None;
    loop {
        let error = match hold(home, database).await {
            Err(Error::Store(error @ StoreError::Standby(_))) => error,
            held => return held,
        };
        if waiting.is_none() {
            say(&error);
            let address = &home.config().admin;
            let listener = network
                .bind(address)
                .await
                .map_err(|error| Error::Listen { address: address.clone(), error })?;
            let mut tasks = JoinSet::new();
            tasks.spawn(plain(listener, health::standby()));
            waiting = Some(tasks);
        }
        tokio::time::sleep(STANDBY).await;
    }
}

async fn hold(home: &Home, database: Option<&str>) -> Result<Db, Error> {
    let db = Node::store(home, database).await?;
    db.hold().await?;
    Ok(db)
}

/// Looks now and then whether this node is still the store's writer, and ends when it is not.
async fn replaced(node: Arc<Node>) {
    loop {
        tokio::time::sleep(STANDBY).await;
        // That the database cannot be reached is another matter: it may come back.
        if let Err(StoreError::Replaced) = node.db.hold().await {
            return;
        }
    }
}

/// Starts everything of a node: pages, exchange, administration, the control socket, and the tasks
/// of every agreement that is signed or will be.
///
/// # Errors
/// [`Error`], where an address cannot be listened at.
pub async fn start(node: &Arc<Node>, pages: Router) -> Result<Running, Error> {
    let config = node.home.config().clone();
    let network = Arc::clone(&node.network);
    if let Some(key) = node.lost_ledgers().await?.first() {
        return Err(Error::Refused(format!(
            "{}: the store does not have the ledger that {key} has begun; bring back this folder's store, \
             for to go on without it would begin a second history",
            node.home.folder().display()
        )));
    }
    // First: whether another node serves this folder says more than that a port is taken.
    let socket = control::bind(node)?;
    let at = |address: &str, error: io::Error| Error::Listen { address: address.to_owned(), error };
    let address = config.exchange_listen.as_deref().unwrap_or(&config.exchange);
    let exchange = network.bind(address).await.map_err(|e| at(address, e))?;
    let web = network.bind(&config.web).await.map_err(|e| at(&config.web, e))?;
    let admin = network.bind(&config.admin).await.map_err(|e| at(&config.admin, e))?;
    let (web_port, exchange_port, admin_port) = (web.port(), exchange.port(), admin.port());
    let mut tasks = JoinSet::new();
    tasks.spawn(plain(web, pages));
    tasks.spawn(plain(admin, health::router(Arc::clone(node))));
    tasks.spawn(control::serve(Arc::clone(node), socket));
    serve_exchange(node, exchange, &mut tasks)?;
    tasks.spawn(alert::run(Arc::clone(node)));
    tasks.spawn(hotlines(Arc::clone(node)));
    let mut watch = JoinSet::new();
    watch.spawn(replaced(Arc::clone(node)));
    Ok(Running {
        tasks,
        replaced: watch,
        web: web_port,
        exchange: exchange_port,
        admin: admin_port,
    })
}

/// Starts a node's exchange and its agreements' tasks, and nothing else.
///
/// # Errors
/// [`Error`].
pub fn serve_exchange(
    node: &Arc<Node>,
    listener: Box<dyn Listener>,
    tasks: &mut JoinSet<()>,
) -> Result<(), Error> {
    let config = tls::server(&node.secrets, Arc::clone(&node.pins));
    let config = config.map_err(|error| Error::Refused(error.to_string()))?;
    tasks.spawn(mutual(listener, TlsAcceptor::from(Arc::new(config)), Arc::clone(node)));
    tasks.spawn(agreements(Arc::clone(node)));
    Ok(())
}

/// Serves plain HTTP.
pub async fn plain(mut listener: Box<dyn Listener>, router: Router) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok(stream) => {
                let router = router.clone();
                connections.spawn(async move {
                    http::serve(stream, router).await;
                    drop(permit);
                });
            }
            Err(error) => accept_failed(&error).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Serves the exchange to pinned peers.
async fn mutual(mut listener: Box<dyn Listener>, acceptor: TlsAcceptor, node: Arc<Node>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok(stream) => {
                let (acceptor, node) = (acceptor.clone(), Arc::clone(&node));
                connections.spawn(async move {
                    let accepted = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
                    match accepted {
                        Ok(Ok(stream)) => {
                            let certificates = stream.get_ref().1.peer_certificates();
                            let party = certificates
                                .and_then(|chain| node.pins.party(chain.first()?));
                            if let Some(party) = party {
                                http::serve(stream, exchange::router(node, party)).await;
                            }
                        }
                        Ok(Err(error)) => {
                            tracing::warn!(%error, "a stranger on the exchange, or a line that is read");
                        }
                        Err(_) => tracing::warn!("a handshake on the exchange took too long"),
                    }
                    drop(permit);
                });
            }
            Err(error) => accept_failed(&error).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Carries on every agreement, those too that are signed while this runs.
async fn agreements(node: Arc<Node>) {
    let mut tasks = JoinSet::new();
    loop {
        let seen = node.change_count();
        for agreement in node.agreements().into_iter().skip(tasks.len()) {
            tasks.spawn(publish::run(Arc::clone(&node), agreement));
        }
        node.changed(seen).await;
    }
}

/// Keeps and tests the hotline of every agreement, those too that are signed while this runs.
async fn hotlines(node: Arc<Node>) {
    let mut tasks = JoinSet::new();
    loop {
        let seen = node.change_count();
        let all = node.agreements();
        for agreement in all.into_iter().skip(tasks.len()) {
            tasks.spawn(hotline::run(Arc::clone(&node), agreement));
        }
        node.changed(seen).await;
    }
}

/// Out of file descriptors, most often: it passes.
async fn accept_failed(error: &io::Error) {
    tracing::warn!(%error, "accepting a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

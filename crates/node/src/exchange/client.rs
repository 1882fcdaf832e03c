//! A node's line to a peer: one connection, kept, pinned to the certificate in the peer's card.

use std::sync::Arc;

use hyper::Method;
use hyper::body::Bytes;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::http::{self, Connection, Reply};
use crate::node::{Error, Node};
use crate::tls;
use comity_rules::PartyId;

/// A line to a peer.
pub(crate) struct Link {
    peer: PartyId,
    connection: Option<Connection>,
    /// Attempts in a row that came to nothing.
    failures: usize,
}

impl Link {
    pub(crate) fn to(peer: PartyId) -> Self {
        Self { peer, connection: None, failures: 0 }
    }

    /// Posts to `/exchange/v1/<path>`.
    pub(crate) async fn post(
        &mut self,
        node: &Node,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Reply, Error> {
        self.send(node, Method::POST, &format!("/exchange/v1/{path}"), body).await
    }

    /// Gets what the peer serves to members.
    pub(crate) async fn get(&mut self, node: &Node, path: &str) -> Result<Reply, Error> {
        self.send(node, Method::GET, path, Vec::new()).await
    }

    async fn send(
        &mut self,
        node: &Node,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Reply, Error> {
        let body = Bytes::from(body);
        loop {
            self.failures += 1;
            let reply = self.try_send(node, method.clone(), path, body.clone()).await;
            match reply {
                // Perhaps it knows this node by another edition of its card.
                Err(Error::Unwelcome { .. }) if self.failures < node.secrets.editions.len() => {}
                reply => return reply,
            }
        }
    }

    async fn try_send(
        &mut self,
        node: &Node,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Reply, Error> {
        let mut connection = match self.connection.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => self.connect(node).await?,
        };
        let reply = connection.send(method, path, body, super::MAX_DELIVERY).await;
        let reply = reply.map_err(|error| match error {
            http::Error::Unwelcome(..) => {
                Error::Unwelcome { peer: self.peer.clone(), edition: node.secrets.latest().number }
            }
            error => error.into(),
        })?;
        self.failures = 0;
        // Kept only after a whole answer: a broken connection is not used twice.
        self.connection = Some(connection);
        Ok(reply)
    }

    async fn connect(&self, node: &Node) -> Result<Connection, Error> {
        let card = node.peer(&self.peer)?;
        let refused = |error: rustls::Error| Error::Refused(error.to_string());
        let editions = node.editions_for(&self.peer).await?;
        let edition = editions[self.failures.saturating_sub(1) % editions.len().max(1)];
        let config = tls::client(&edition.certificate, &edition.tls, card.tls).map_err(refused)?;
        let address = card.exchange.clone();
        let connect = |error| http::Error::Connect { address: address.clone(), error };
        let stream =
            http::in_time(&address, node.network.connect(&address)).await?.map_err(connect)?;
        let name = ServerName::try_from(tls::name(card.edition))
            .map_err(|e| Error::Refused(e.to_string()))?;
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let stream = http::in_time(&address, handshake).await?.map_err(|error| {
            if tls::is_other_certificate(&error) {
                return Error::Intercepted { peer: self.peer.clone(), address: address.clone() };
            }
            connect(error).into()
        })?;
        Ok(Connection::begin(Box::new(stream), &address).await?)
    }
}

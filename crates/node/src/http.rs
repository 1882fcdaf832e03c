//! HTTP/1.1 over any stream: what the exchange, the witness and the audit speak.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;

use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use crate::network::{Network, Stream};
use crate::tls;

/// How long a peer may take for one request.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes a second that may take longer than that.
const SLOWEST: usize = 32 << 10;

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Its headers.
    pub headers: hyper::HeaderMap,
    /// The body, within the limit that the caller gave.
    pub body: Vec<u8>,
}

impl Reply {
    /// The status and the beginning of the body, for an error.
    pub(crate) fn said(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
        format!("{}: {}", self.status, text.trim())
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error("cannot connect to {address}: {error}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// The conversation broke.
    #[error("the connection to {0} broke: {1}")]
    Broken(String, String),
    /// TLS: the other side ended the handshake, which is what it does with a client that it does not know.
    #[error("{0} refuses this client: {1}")]
    Unwelcome(String, String),
    /// No answer in time.
    #[error("{0} did not answer within 30 s")]
    Slow(String),
    /// Not a URL that can be fetched.
    #[error("{0:?} is not an http:// or https:// URL")]
    Url(String),
}

const BYTES: &str = "application/octet-stream";

/// A connection that is kept.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    /// What goes with every request, where the server asks who it is: `Bearer` and a key, or `Basic`.
    pub authorization: Option<String>,
    /// What goes with every request beside that.
    pub headers: Vec<(&'static str, String)>,
    /// How the bodies of requests are packed; `None`: not at all.
    pub encoding: Option<&'static str>,
    /// What bodies are, those of requests and those that are wanted.
    pub media: &'static str,
}

impl Connection {
    /// Begins HTTP on a stream.
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub async fn begin(stream: Box<dyn Stream>, host: &str) -> Result<Self, Error> {
        let broken = |error: hyper::Error| Error::Broken(host.to_owned(), error.to_string());
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // It ends when the sender is dropped or the peer closes.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        Ok(Self {
            sender,
            host: host.to_owned(),
            authorization: None,
            headers: Vec::new(),
            encoding: None,
            media: BYTES,
        })
    }

    /// Sends a request and reads at most `limit` bytes of the answer.
    ///
    /// # Errors
    /// [`Error`]; the connection is of no more use then.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
        limit: usize,
    ) -> Result<Reply, Error> {
        let broken = |error: String| Error::Broken(self.host.clone(), error);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", self.media);
        if self.media != BYTES {
            request = request.header("accept", self.media);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(encoding) = self.encoding {
            request = request.header("content-encoding", encoding);
        }
        let request = request.body(Full::new(body.into()));
        let request = request.map_err(|error| broken(error.to_string()))?;
        let exchange = async {
            self.sender.ready().await.map_err(|error| broken(error.to_string()))?;
            let sent = self.sender.send_request(request).await;
            let response = sent.map_err(|error| match tls::alert(&error) {
                // Under TLS 1.3 a client's certificate is judged when it is already speaking.
                Some(alert) => Error::Unwelcome(self.host.clone(), alert),
                None => broken(error.to_string()),
            })?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = Limited::new(response.into_body(), limit).collect().await;
            let body = body.map_err(|error| broken(error.to_string()))?.to_bytes().to_vec();
            Ok(Reply { status, headers, body })
        };
        in_time(&self.host, exchange).await?
    }

    /// Whether it can still be used.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }
}

/// One request to an `https://` or `http://` URL. Over TLS the server is known by the certificate
/// authorities that this machine trusts.
///
/// # Errors
/// [`Error`].
pub async fn fetch(
    network: &dyn Network,
    method: Method,
    url: &str,
    bearer: Option<&str>,
    body: Vec<u8>,
    limit: usize,
) -> Result<Reply, Error> {
    let (mut connection, path) = open(network, url).await?;
    connection.authorization = bearer.map(|key| format!("Bearer {key}"));
    connection.send(method, &path, body, limit).await
}

/// A connection to where an `https://` or `http://` URL leads, and the path there. Over TLS the server is known by the
/// certificate authorities that this machine trusts.
///
/// # Errors
/// [`Error`].
pub async fn open(network: &dyn Network, url: &str) -> Result<(Connection, String), Error> {
    let (rest, port, secure) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (rest, 443, true),
        (_, Some(rest)) => (rest, 80, false),
        (None, None) => return Err(Error::Url(url.to_owned())),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") };
    let connect = |error| Error::Connect { address: address.clone(), error };
    let stream = in_time(&address, network.connect(&address)).await?.map_err(connect)?;
    let stream = if secure {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| Error::Url(url.to_owned()))?;
        let config = tls::public().map_err(|error| connect(io::Error::other(error)))?;
        let handshake = TlsConnector::from(config).connect(name, stream);
        Box::new(in_time(&address, handshake).await?.map_err(connect)?) as Box<dyn Stream>
    } else {
        stream
    };
    let path = if path.is_empty() { "/" } else { path };
    Ok((Connection::begin(stream, host).await?, path.to_owned()))
}

/// Gives `work` as long as a peer may take, and no longer: a line that was cut may never say so.
///
/// # Errors
/// [`Error::Slow`].
pub(crate) async fn in_time<T>(whom: &str, work: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| Error::Slow(whom.to_owned()))
}

/// Serves one connection until it ends.
pub async fn serve(stream: impl Stream + 'static, router: Router) {
    let service = TowerToHyperService::new(router);
    let mut server = hyper::server::conn::http1::Builder::new();
    // A client that sends its header a byte at a time holds a connection no longer than this.
    server.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(15));
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended");
    }
}

/// Reads a request's body, at most `limit` bytes and not for ever: who sends slowly, but sends, gets longer.
///
/// # Errors
/// The status to answer with: 413 or 408 or 400.
pub async fn body(body: Body, limit: usize) -> Result<Vec<u8>, hyper::StatusCode> {
    let start = tokio::time::Instant::now();
    let (mut body, mut read) = (Limited::new(body, limit), Vec::new());
    loop {
        let patience = PATIENCE + Duration::from_secs((read.len() / SLOWEST) as u64);
        match tokio::time::timeout_at(start + patience, body.frame()).await {
            Ok(None) => return Ok(read),
            Ok(Some(Ok(frame))) => read.extend(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(error))) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(hyper::StatusCode::PAYLOAD_TOO_LARGE);
            }
            Ok(Some(Err(_))) => return Err(hyper::StatusCode::BAD_REQUEST),
            Err(_) => return Err(hyper::StatusCode::REQUEST_TIMEOUT),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What a server answers to so many bytes of 10 MiB, each second.
    async fn answer(a_second: usize) -> String {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let router = Router::new().fallback(|sent: Body| async {
            match body(sent, 10 << 20).await {
                Ok(read) => format!("read {}", read.len()),
                Err(status) => status.to_string(),
            }
        });
        tokio::spawn(serve(server, router));
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", 10 << 20);
        client.write_all(head.as_bytes()).await.unwrap();
        let (mut reader, mut writer) = tokio::io::split(client);
        let sending = tokio::spawn(async move {
            let mut left = 10 << 20;
            while left > 0 {
                let part = a_second.min(left);
                if writer.write_all(&vec![b' '; part]).await.is_err() {
                    break;
                }
                left -= part;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let mut said = [0; 4096];
        let count = reader.read(&mut said).await.unwrap();
        sending.abort();
        String::from_utf8_lossy(&said[..count]).into_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_slowly_is_read_and_who_hardly_sends_is_not() {
        assert!(answer(1 << 20).await.contains("read 10485760"));
        assert!(answer(40 << 10).await.contains("read 10485760"));
        assert!(answer(1).await.contains("408 Request Timeout"));
    }
}

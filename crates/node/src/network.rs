//! Byte streams to other nodes, behind a trait: real sockets, and the simulator's in tests. TLS and
//! HTTP run on top of either, the same code.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// A future in a box.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects and listens.
pub trait Network: Send + Sync {
    /// Connects to `host:port`.
    fn connect<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Stream>>>;

    /// Listens at `host:port`; port 0 takes a free one.
    fn bind<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Listener>>>;
}

/// Accepts connections.
pub trait Listener: Send {
    /// The next connection.
    fn accept(&mut self) -> Boxed<'_, io::Result<Box<dyn Stream>>>;

    /// The port that it listens at.
    fn port(&self) -> u16;
}

/// Real sockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Network for Tcp {
    fn connect<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn bind<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(
            async move { Ok(Box::new(TcpListener::bind(address).await?) as Box<dyn Listener>) },
        )
    }
}

impl Listener for TcpListener {
    fn accept(&mut self) -> Boxed<'_, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let (stream, _) = TcpListener::accept(self).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn port(&self) -> u16 {
        self.local_addr().map_or(0, |address| address.port())
    }
}

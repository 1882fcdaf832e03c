//! A party's line to the others, which can fail: what it sends then goes nowhere, and what others
//! send to it still arrives.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use comity_node::network::{Boxed, Listener, Network, Stream, Tcp};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Real sockets, as long as the line is up.
#[derive(Clone, Default)]
pub(crate) struct Line(Arc<AtomicBool>);

struct Wire(Box<dyn Stream>, Line);

impl Line {
    pub(crate) fn fail(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn mend(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether it is down.
    pub(crate) fn is_down(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn check(&self) -> io::Result<()> {
        if self.is_down() {
            return Err(io::Error::new(io::ErrorKind::NetworkDown, "the line is down"));
        }
        Ok(())
    }
}

impl Network for Line {
    fn connect<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            self.check()?;
            Ok(Box::new(Wire(Tcp.connect(address).await?, self.clone())) as Box<dyn Stream>)
        })
    }

    fn bind<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Listener>>> {
        Tcp.bind(address)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.check()?;
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

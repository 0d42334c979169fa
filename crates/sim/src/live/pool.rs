//! A caller's connections to one callee.
//!
//! A connection has no task of its own: whoever uses it polls it, which saves two wake-ups a hop;
//! an idle one is polled once as it is taken out, to see whether it is still alive.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use trace::Time;

use super::world::lock;

/// What went over a connection, as the socket saw it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Bytes received.
    pub(crate) bytes: AtomicU64,
    /// It was reset.
    pub(crate) reset: AtomicBool,
}

/// A socket that tells what it sees.
pub(crate) struct Watched {
    stream: TcpStream,
    seen: Arc<Seen>,
}

impl Watched {
    pub(crate) fn new(stream: TcpStream, seen: Arc<Seen>) -> Self {
        Self { stream, seen }
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(e) = &result
            && matches!(e.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
        {
            self.seen.reset.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        let bytes = (buf.filled().len() - before) as u64;
        self.seen.bytes.fetch_add(bytes, Ordering::Relaxed);
        Poll::Ready(self.note(result))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(cx, data));
        Poll::Ready(self.note(result))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, pieces));
        Poll::Ready(self.note(result))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// One connection, with its HTTP state.
pub(crate) struct Channel {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    connection: Pin<Box<Connection<TokioIo<Watched>, Full<Bytes>>>>,
    over: bool,
    pub(crate) seen: Arc<Seen>,
    /// Since when it has been idle; `None` on its first use.
    pub(crate) idle_since: Option<Time>,
    /// Its time-out. It is kept, for one that is only put off takes no lock of the runtime's.
    give_up: Option<Pin<Box<Sleep>>>,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl Channel {
    /// Connects, by then at the latest.
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let seen = Arc::new(Seen::default());
        let watched = TokioIo::new(Watched::new(stream, seen.clone()));
        let (sender, connection) = Builder::new().handshake(watched).await.map_err(io::Error::other)?;
        let connection = Box::pin(connection);
        Ok(Self { sender, connection, over: false, seen, idle_since: None, give_up: None })
    }

    /// Lets the connection work.
    pub(crate) fn poll_connection(&mut self, cx: &mut Context<'_>) {
        if !self.over {
            self.over = self.connection.as_mut().poll(cx).is_ready();
        }
    }

    /// Waits for something that the connection brings, no longer than until then.
    pub(crate) async fn with<F: Future>(&mut self, until: Option<Instant>, future: F) -> Option<F::Output> {
        tokio::pin!(future);
        if let Some(until) = until {
            match &mut self.give_up {
                Some(give_up) => give_up.as_mut().reset(until),
                None => self.give_up = Some(Box::pin(sleep_until(until))),
            }
        }
        poll_fn(|cx| {
            self.poll_connection(cx);
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            match &mut self.give_up {
                Some(give_up) if until.is_some() => give_up.as_mut().poll(cx).map(|()| None),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Whether it can take a request just now.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            self.poll_connection(cx);
            let ready = !self.over && matches!(self.sender.poll_ready(cx), Poll::Ready(Ok(())));
            Poll::Ready(ready)
        })
        .await
    }
}

/// The idle connections of an edge.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Channel>>,
    idle_timeout: Duration,
    reuse: bool,
}

impl Pool {
    pub(crate) fn new(declared: topology::policy::Pool) -> Self {
        Self { idle: Mutex::default(), idle_timeout: declared.idle_timeout, reuse: declared.reuse }
    }

    /// The connection that was used last, if one is still good.
    pub(crate) async fn take(&self, now: Time) -> Option<Channel> {
        loop {
            let mut channel = lock(&self.idle).pop()?;
            let idle = now.since(channel.idle_since.unwrap_or(now));
            if idle < self.idle_timeout && channel.is_ready().await {
                return Some(channel);
            }
        }
    }

    /// Keeps a connection for the next attempt.
    pub(crate) fn give_back(&self, mut channel: Channel, now: Time) {
        if self.reuse && !channel.sender.is_closed() && !channel.over {
            channel.idle_since = Some(now);
            lock(&self.idle).push(channel);
        }
    }

    /// Closes all idle ones: their process has died.
    pub(crate) fn clear(&self) {
        lock(&self.idle).clear();
    }
}

//! A caller's connections to one callee over HTTP/2, each of which carries several requests at once.
//!
//! Unlike one that carries a single request, such a connection has a task of its own: no request may
//! hold up the others.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use trace::Time;

use super::pool::{Seen, Watched};
use super::world::lock;

/// The connections of an edge.
#[derive(Debug, Clone)]
pub(crate) struct Streams(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    open: Mutex<Vec<Open>>,
    /// Held while one is made: whoever needs one meanwhile waits for it.
    making: tokio::sync::Mutex<()>,
    declared: topology::policy::Pool,
}

/// One of them.
#[derive(Debug)]
struct Open {
    sender: SendRequest<Full<Bytes>>,
    seen: Arc<Seen>,
    /// Requests under way.
    streams: u32,
    idle_since: Time,
}

/// A request's place on a connection; it is given back with [`Streams::leave`].
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    pub(crate) seen: Arc<Seen>,
    /// How long the connection had carried nothing.
    pub(crate) idle: Duration,
}

impl Streams {
    pub(crate) fn new(declared: topology::policy::Pool) -> Self {
        Self(Arc::new(Shared { open: Mutex::default(), making: tokio::sync::Mutex::default(), declared }))
    }

    /// A place on a connection that is there; `None` if there is none.
    pub(crate) fn join(&self, now: Time) -> Option<Stream> {
        let declared = &self.0.declared;
        let mut open = lock(&self.0.open);
        let is_good = |open: &Open| {
            let is_fresh = open.streams > 0 || now.since(open.idle_since) < declared.idle_timeout;
            !open.sender.is_closed() && is_fresh
        };
        open.retain(|open| is_good(open) || open.streams > 0);
        let has_room = |open: &&mut Open| is_good(open) && open.streams < declared.max_concurrent_streams;
        let open = open.iter_mut().find(has_room)?;
        let idle = if open.streams > 0 { Duration::ZERO } else { now.since(open.idle_since) };
        open.streams += 1;
        Some(Stream { sender: open.sender.clone(), seen: open.seen.clone(), idle })
    }

    /// A place on a new connection; or, if one has been made while this one waited for its turn, on
    /// that, and then it is a used one.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        now: impl Fn() -> Time,
    ) -> io::Result<(Stream, bool)> {
        let _making = self.0.making.lock().await;
        if let Some(stream) = self.join(now()) {
            return Ok((stream, true));
        }
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let seen = Arc::new(Seen::default());
        let watched = TokioIo::new(Watched::new(stream, seen.clone()));
        let (sender, connection) =
            Builder::new(TokioExecutor::new()).handshake(watched).await.map_err(io::Error::other)?;
        // Its end is told to whoever has a request on it.
        tokio::spawn(connection);
        let stream = Stream { sender: sender.clone(), seen: seen.clone(), idle: Duration::ZERO };
        if self.0.declared.reuse {
            lock(&self.0.open).push(Open { sender, seen, streams: 1, idle_since: now() });
        }
        Ok((stream, false))
    }

    /// Gives a place back.
    pub(crate) fn leave(&self, stream: &Stream, now: Time) {
        let mut open = lock(&self.0.open);
        if let Some(open) = open.iter_mut().find(|open| Arc::ptr_eq(&open.seen, &stream.seen)) {
            open.streams -= 1;
            open.idle_since = now;
        }
    }

    /// No other request goes over those that are there: their process has died.
    pub(crate) fn clear(&self) {
        lock(&self.0.open).clear();
    }
}

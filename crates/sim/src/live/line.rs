//! What an attempt goes over: a connection that is its own meanwhile, or a place on one that it shares.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Context;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use topology::EdgeId;

use super::failure;
use super::multiplex::Stream;
use super::pool::{Channel, Seen};
use super::world::World;

/// One or the other.
#[derive(Debug)]
pub(crate) enum Line {
    /// A connection that carries one request at a time; it had brought so many bytes before.
    Own(Channel, u64),
    /// A place on one that carries several.
    Shared(Place),
}

/// A place that is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    stream: Stream,
    world: Arc<World>,
    edge: EdgeId,
    was_reset: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(streams) = &self.world.edge(self.edge).streams {
            streams.leave(&self.stream, self.world.clock.now());
        }
    }
}

impl Line {
    pub(crate) fn own(channel: Channel) -> Self {
        let before = channel.seen.bytes.load(Ordering::Relaxed);
        Self::Own(channel, before)
    }

    pub(crate) fn shared(stream: Stream, world: Arc<World>, edge: EdgeId) -> Self {
        Self::Shared(Place { stream, world, edge, was_reset: false })
    }

    /// Sends a request, and waits for the response's head no longer than until then.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        until: Option<Instant>,
    ) -> Option<hyper::Result<Response<Incoming>>> {
        match self {
            Self::Own(channel, _) => {
                let response = channel.sender.send_request(request);
                channel.with(until, response).await
            }
            Self::Shared(place) => {
                let response = place.stream.sender.send_request(request);
                match until {
                    Some(until) => timeout_at(until, response).await.ok(),
                    None => Some(response.await),
                }
            }
        }
    }

    /// Lets the connection work, if it has no task of its own.
    pub(crate) fn poll_connection(&mut self, cx: &mut Context<'_>) {
        if let Self::Own(channel, _) = self {
            channel.poll_connection(cx);
        }
    }

    /// How many bytes of this response have come; not known of a shared connection.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Own(channel, before) => channel.seen.bytes.load(Ordering::Relaxed).saturating_sub(*before),
            Self::Shared(_) => 0,
        }
    }

    /// What counts them, and how many had come before.
    pub(crate) fn counter(&self) -> Option<(Arc<Seen>, u64)> {
        match self {
            Self::Own(channel, before) => Some((Arc::clone(&channel.seen), *before)),
            Self::Shared(_) => None,
        }
    }

    /// This is why there is no more.
    pub(crate) fn failed(&mut self, error: &hyper::Error) {
        if let Self::Shared(place) = self {
            place.was_reset = failure::is_stream_reset(error);
        }
    }

    /// Whether it has been reset: the connection, or the stream.
    pub(crate) fn was_reset(&self) -> bool {
        match self {
            Self::Own(channel, _) => channel.seen.reset.load(Ordering::Relaxed),
            Self::Shared(place) => place.was_reset || place.stream.seen.reset.load(Ordering::Relaxed),
        }
    }

    /// The response has come whole: its connection is there for the next attempt.
    pub(crate) fn done(self, world: &World, edge: EdgeId) {
        if let Self::Own(channel, _) = self {
            world.edge(edge).pool.give_back(channel, world.clock.now());
        }
    }
}

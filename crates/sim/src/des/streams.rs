//! Connections that carry several requests at once (HTTP/2), and what one request does to the others.

use std::time::Duration;

use topology::policy::Pool;
use topology::wire::{Close, Phase};
use topology::{EdgeId, Failure};
use trace::{Sink, Time};

use super::events::Event;
use super::world::{Connection, Exchange, ExchangeKey, World};

/// The connections of an edge.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: Vec<Open>,
    opened: u32,
}

/// One of them.
#[derive(Debug)]
struct Open {
    id: u32,
    epoch: u32,
    /// When it is made.
    ready: Time,
    /// Requests under way.
    streams: u32,
    /// Requests that have reached the callee.
    requests: u32,
    idle_since: Time,
    /// No other request is sent over it.
    is_leaving: bool,
    /// The callee has said GOAWAY: what still comes is not taken.
    takes_none: bool,
}

/// A request's place on a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joined {
    pub(super) connection: Connection,
    pub(super) idle: Duration,
    /// When the connection is made.
    pub(super) ready: Time,
}

impl Streams {
    /// A place on a connection that is there, or will be.
    pub(super) fn join(&mut self, pool: &Pool, keep: Duration, epoch: u32, now: Time) -> Option<Joined> {
        let idle_timeout = pool.idle_timeout.min(keep);
        let is_good = |open: &Open| {
            open.epoch == epoch && (open.streams > 0 || now.since(open.idle_since) < idle_timeout)
        };
        self.open.retain(|open| is_good(open) || open.streams > 0);
        let has_room = |open: &&mut Open| {
            is_good(open) && !open.is_leaving && open.streams < pool.max_concurrent_streams
        };
        let open = self.open.iter_mut().find(has_room)?;
        let idle = if open.streams > 0 { Duration::ZERO } else { now.since(open.idle_since) };
        open.streams += 1;
        Some(Joined { connection: open.connection(), idle, ready: open.ready })
    }

    /// A place on a new connection.
    pub(super) fn open(&mut self, pool: &Pool, epoch: u32, ready: Time) -> Connection {
        self.opened += 1;
        let is_leaving = !pool.reuse;
        let id = self.opened;
        let open = Open {
            id,
            epoch,
            ready,
            streams: 1,
            requests: 0,
            idle_since: ready,
            is_leaving,
            takes_none: false,
        };
        let connection = open.connection();
        self.open.push(open);
        connection
    }

    fn find(&mut self, id: u32) -> Option<&mut Open> {
        self.open.iter_mut().find(|open| open.id == id)
    }

    /// A request over this connection has ended.
    pub(super) fn leave(&mut self, id: u32, now: Time) {
        let Some(open) = self.find(id) else { return };
        open.streams -= 1;
        open.idle_since = now;
        if open.streams == 0 && open.is_leaving {
            self.close(id);
        }
    }

    fn close(&mut self, id: u32) {
        self.open.retain(|open| open.id != id);
    }

    /// All are closed.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}

impl Open {
    fn connection(&self) -> Connection {
        Connection { epoch: self.epoch, requests: self.requests, id: self.id }
    }
}

impl<S: Sink> World<'_, S> {
    fn streams(&mut self, edge: EdgeId) -> Option<&mut Streams> {
        self.edge(edge).streams.as_deref_mut()
    }

    /// A request reaches its callee over a connection that it shares: how many did before it. `None` if
    /// that is as far as it comes.
    pub(super) fn arrive_on_stream(&mut self, key: ExchangeKey) -> Option<u32> {
        let exchange = self.exchanges.get(key)?;
        let (edge, id) = (exchange.edge, exchange.connection.id);
        let link = exchange.disturbance.link;
        let open = self.streams(edge)?.find(id)?;
        let earlier = open.requests;
        open.requests += 1;
        if link.goaway {
            open.is_leaving = true;
            open.takes_none = true;
        }
        let failure = match link.reset_stream {
            _ if open.takes_none => Failure::StreamRefused,
            Some((Phase::BeforeRequest, code)) => code.failure(),
            _ => return Some(earlier),
        };
        self.events.push_transit(self.now, Event::Fail(key, failure));
        None
    }

    /// The connection of an exchange ends, and with it all exchanges that it carries.
    pub(super) fn end_connection(&mut self, key: ExchangeKey, close: Close) {
        let Some(exchange) = self.exchanges.get(key) else { return };
        let (edge, id) = (exchange.edge, exchange.connection.id);
        let is_on_it = |x: &Exchange| x.edge == edge && x.connection.id == id;
        let lost: Vec<_> = self.exchanges.iter().filter(|(_, x)| is_on_it(x)).map(|(key, _)| key).collect();
        if let Some(streams) = self.streams(edge) {
            streams.close(id);
        }
        for key in lost {
            if let Some(exchange) = self.exchanges.get_mut(key) {
                exchange.flow = None;
            }
            self.events.push_transit(self.now, Event::Closed(key, close));
        }
    }
}

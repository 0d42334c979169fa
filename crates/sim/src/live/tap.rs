//! What a caller that keeps no records is seen to get: its side of a hop, from the callee's socket.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use node::Faults;
use topology::wire::Close;
use topology::{Failure, FaultSet};
use trace::{Attempt, Begun, Exchange, Outcome, Record};

use super::entries;
use super::headers;
use super::wire::Conn;
use super::world::World;
use crate::llm::Watch;

/// One request on a connection, as its callee's socket sees it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that the socket saw or did not")]
#[derive(Debug)]
pub(crate) struct Tap {
    begun: Begun,
    reused: bool,
    idle: Duration,
    status: Option<u16>,
    /// The bytes of the head so far, as far as its end is concerned.
    tail: [u8; 4],
    head_done: bool,
    head_bytes: u64,
    body_bytes: u64,
    /// All of the body has been handed to the HTTP server.
    body_done: bool,
    /// The body broke off.
    broken: bool,
    /// The caller hung up before the end.
    has_left: bool,
    ends_by_close: bool,
    /// What goes out is no HTTP.
    garbage: bool,
    /// What is wrong with what it says.
    wrong: Option<Failure>,
    idle_closed: bool,
    /// The injector's marks.
    faults: FaultSet,
    /// What was sent and received, where that is kept of all.
    exchange: Option<Box<Exchange>>,
}

impl Tap {
    pub(crate) fn new(begun: Begun, reused: bool, idle: Duration, faults: FaultSet) -> Self {
        Self {
            begun,
            reused,
            idle,
            status: None,
            tail: [0; 4],
            head_done: false,
            head_bytes: 0,
            body_bytes: 0,
            body_done: false,
            broken: false,
            has_left: false,
            ends_by_close: false,
            garbage: false,
            wrong: None,
            idle_closed: false,
            faults,
            exchange: None,
        }
    }

    /// The same with what the request was.
    pub(crate) fn of(self, exchange: Option<Box<Exchange>>) -> Self {
        Self { exchange, ..self }
    }

    /// A response begins.
    pub(crate) fn response(&mut self, status: u16, headers: &HeaderMap, ends_by_close: bool, garbage: bool) {
        self.status = Some(status);
        if let Some(exchange) = &mut self.exchange {
            exchange.response_headers = headers::readable(headers);
        }
        self.ends_by_close = ends_by_close;
        self.garbage |= garbage;
    }

    /// The callee has closed the connection for idleness.
    pub(crate) fn closed_idle(&mut self, faults: FaultSet) {
        self.idle_closed = true;
        self.faults = faults;
    }

    /// These bytes have been written.
    pub(crate) fn wrote(&mut self, data: &[u8]) {
        for (n, &byte) in data.iter().enumerate() {
            if self.head_done {
                self.body_bytes += (data.len() - n) as u64;
                return;
            }
            self.head_bytes += 1;
            self.tail = [self.tail[1], self.tail[2], self.tail[3], byte];
            self.head_done = self.tail == *b"\r\n\r\n";
        }
    }

    /// Whether everything has been handed to the system once the HTTP server's buffer is empty.
    pub(crate) fn is_done(&self) -> bool {
        self.body_done && self.head_done && !self.ends_by_close
    }

    /// The caller has hung up.
    pub(crate) fn left(&mut self) {
        self.has_left = true;
    }

    /// The response is out.
    pub(crate) fn whole(self, world: &World) {
        let outcome = match (self.status, self.wrong) {
            (status, Some(failure)) if !self.garbage => failed(failure, status),
            (Some(status), _) if !self.garbage => Outcome::Answered(status),
            _ => failed(Failure::ProtocolError, None),
        };
        self.tell(world, outcome, false);
    }

    /// The connection is over: by us, if it is said how, or because the caller left.
    pub(crate) fn over(self, world: &World, ended: Option<(Close, bool)>) {
        let status = self.status.filter(|_| self.head_done);
        let outcome = match ended {
            Some((_, true)) => failed(Failure::ProtocolError, None),
            Some(_) if self.head_bytes == 0 => failed(Failure::ConnectionTerminated, None),
            Some(_) if !self.head_done => failed(Failure::HeadIncomplete, None),
            Some(_) => failed(Failure::BodyIncomplete, status),
            None if self.broken => failed(Failure::BodyIncomplete, status),
            None if self.body_done && self.head_done && !self.has_left => return self.whole(world),
            None => failed(Failure::Cancelled, status),
        };
        let reset = matches!(ended, Some((Close::Reset, _)));
        self.tell(world, outcome, reset);
    }

    fn tell(self, world: &World, outcome: Outcome, reset: bool) {
        let end = world.clock.now();
        let Begun { call, hop, edge, at, .. } = self.begun;
        let mut faults = self.faults;
        if outcome.failure().is_some_and(Faults::is_sign_of_death) {
            let outages = world.faults.outages_within(world.edge(edge).callee, at, end);
            world.faults.count_matched(outages);
            world.faults.count_injected(outages);
            faults = faults.union(outages);
        }
        if self.idle_closed {
            world.record(Record::IdleClosed { call, hop });
        }
        let attempt = Attempt {
            outcome,
            reset,
            reused: self.reused,
            idle: self.idle,
            bytes: if self.head_done { self.body_bytes } else { self.head_bytes },
            ends_by_close: self.ends_by_close,
            faults,
            exchange: self.exchange,
            ..self.begun.until(end)
        };
        if world.is_entry(edge) {
            entries::ended(world, attempt);
        } else {
            world.record(Record::Attempt(attempt));
        }
    }
}

fn failed(failure: Failure, status: Option<u16>) -> Outcome {
    Outcome::Failed { failure, status }
}

/// A body that tells when all of it has been taken.
pub(crate) struct TappedBody {
    body: Body,
    conn: Arc<Conn>,
    /// For a model's answer: what is sent of it.
    watch: Option<Box<Watch>>,
}

impl TappedBody {
    pub(crate) fn around(body: Body, conn: Arc<Conn>, without_body: bool, watch: Option<Box<Watch>>) -> Body {
        if without_body || body.is_end_stream() {
            conn.tap(|tap| tap.body_done = true);
            return body;
        }
        Body::new(Self { body, conn, watch })
    }
}

impl http_body::Body for TappedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let (Some(watch), Some(Ok(frame))) = (&mut self.watch, &frame)
            && let Some(data) = frame.data_ref()
        {
            watch.see(data);
        }
        let done = |tap: &mut Tap| {
            tap.body_done = true;
            tap.wrong = self.watch.as_ref().and_then(|watch| watch.verdict());
        };
        match &frame {
            Some(Err(_)) => self.conn.tap(|tap| tap.broken = true),
            None => self.conn.tap(done),
            Some(Ok(_)) if self.body.is_end_stream() => self.conn.tap(done),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Conn {
    /// Changes what is seen of the request under way, if that is watched.
    pub(crate) fn tap(&self, change: impl FnOnce(&mut Tap)) {
        if self.tapped.load(Ordering::Acquire)
            && let Some(tap) = &mut *super::world::lock(&self.tap)
        {
            change(tap);
        }
    }

    /// Watches a request from now on.
    pub(crate) fn watch(&self, tap: Tap) {
        *super::world::lock(&self.tap) = Some(Box::new(tap));
        self.tapped.store(true, Ordering::Release);
    }

    /// Ends the watch, if there is one for which this holds.
    pub(crate) fn untap(&self, when: impl FnOnce(&Tap) -> bool) -> Option<Tap> {
        if !self.tapped.load(Ordering::Acquire) {
            return None;
        }
        let mut tap = super::world::lock(&self.tap);
        if !tap.as_ref().is_some_and(|tap| when(tap)) {
            return None;
        }
        self.tapped.store(false, Ordering::Release);
        tap.take().map(|tap| *tap)
    }
}

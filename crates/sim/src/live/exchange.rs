//! One attempt on a socket: connect, send, read the head, read the body; and what was seen if it
//! went wrong.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING, VIA};
use http::{HeaderMap, Request, response};
use http_body::{Body as _, Frame};
use http_body_util::Full;
use hyper::body::Incoming;
use node::{AttemptReport, Outgoing};
use tokio::time::{Instant, timeout_at};
use topology::Failure;
use topology::wire::Dial;
use trace::{Exchange, Outcome, Received, redact};

use super::entries;
use super::failure;
use super::headers::{self, Identity};
use super::line::Line;
use super::multiplex::Streams;
use super::pool::{self, Channel};
use super::tls;
use super::witness::Witness;
use super::world::{World, lock};
use crate::llm::{self, Watch};
use crate::message::WRONG_PATH;

/// What an attempt is, as long as it lasts.
#[derive(Debug)]
struct Attempt {
    world: Arc<World>,
    outgoing: Outgoing,
    via: Option<HeaderValue>,
    reused: bool,
    idle: Duration,
    /// How many bytes of a response had come when it failed.
    bytes: u64,
    course: Arc<Course>,
    /// For a callee that is a program: its side of the hop, once it can have seen the request.
    witness: Option<Witness>,
}

/// How far an attempt has come, for whoever gives it up.
#[derive(Debug, Default)]
pub(crate) struct Course(Mutex<Seen>);

/// See [`Course`].
#[derive(Debug, Default)]
struct Seen {
    connected: bool,
    /// What counts the bytes of its connection, and how many had come before.
    counter: Option<(Arc<pool::Seen>, u64)>,
    /// Once its head has come.
    head: Option<HeadSeen>,
}

/// See [`Seen`].
#[derive(Debug, Clone, Copy)]
struct HeadSeen {
    ends_by_close: bool,
    /// How many bytes of the body have come.
    body: u64,
}

impl Course {
    fn goes_over(&self, line: &Line) {
        let mut seen = lock(&self.0);
        (seen.connected, seen.counter) = (true, line.counter());
    }

    fn head_came(&self, ends_by_close: bool) {
        lock(&self.0).head = Some(HeadSeen { ends_by_close, body: 0 });
    }

    fn body_came(&self, bytes: u64) {
        if let Some(head) = &mut lock(&self.0).head {
            head.body += bytes;
        }
    }

    /// How far it has come.
    pub(crate) fn received(&self) -> Received {
        let seen = lock(&self.0);
        let (ends_by_close, bytes) = match seen.head {
            Some(head) => (head.ends_by_close, head.body),
            None => (false, seen.count()),
        };
        Received { connected: seen.connected, bytes, ends_by_close }
    }
}

impl Seen {
    fn count(&self) -> u64 {
        let counter = self.counter.as_ref();
        counter.map_or(0, |(seen, before)| seen.bytes.load(Ordering::Relaxed).saturating_sub(*before))
    }
}

/// A response whose head has come.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) parts: response::Parts,
    pub(crate) rest: Rest,
}

/// What is still to come of a response.
#[derive(Debug)]
pub(crate) struct Rest {
    attempt: Attempt,
    line: Option<Line>,
    body: Incoming,
    status: u16,
    bytes: u64,
    ends_by_close: bool,
    give_up: Option<Pin<Box<tokio::time::Sleep>>>,
    exchange: Option<Box<Exchange>>,
    /// For a model's answer: what is read of it.
    watch: Option<Box<Watch>>,
}

/// What came of an attempt so far.
#[derive(Debug)]
pub(crate) enum Sent {
    Head(Box<Head>),
    Ended(AttemptReport),
}

/// Why there is no head.
struct NoHead {
    failure: Failure,
    reset: bool,
    words: String,
}

/// Makes an attempt, up to the head of its response.
pub(crate) async fn send(
    world: Arc<World>,
    outgoing: Outgoing,
    via: Option<HeaderValue>,
    course: Arc<Course>,
) -> Sent {
    if !outgoing.disturbance.is_none() {
        world.disturb(outgoing.hop, outgoing.disturbance.clone());
    }
    world.expect_charge(outgoing.hop);
    let mut attempt = Attempt {
        world,
        outgoing,
        via,
        reused: false,
        idle: Duration::ZERO,
        bytes: 0,
        course,
        witness: None,
    };
    match attempt.head().await {
        Ok((parts, body, line)) => Sent::Head(Box::new(Head::new(attempt, parts, body, line))),
        Err(no_head) => Sent::Ended(attempt.failed(no_head)),
    }
}

impl Attempt {
    async fn head(&mut self) -> Result<(response::Parts, Incoming, Line), NoHead> {
        loop {
            let mut line = self.line().await?;
            self.course.goes_over(&line);
            let request = self.request();
            if self.world.edge(self.outgoing.edge).to_program && self.witness.is_none() {
                let (method, uri, headers) = (request.method(), request.uri(), request.headers());
                self.witness = Some(Witness::new(self.world.clone(), self.identity(), method, uri, headers));
            }
            let result = line.send(request, self.give_up_at()).await;
            self.bytes = line.bytes();
            let Some(result) = result else {
                let words = "no response in time".to_owned();
                return Err(NoHead { failure: Failure::HeadTimeout, reset: false, words });
            };
            match result {
                Ok(response) => {
                    let (parts, body) = response.into_parts();
                    return Ok((parts, body, line));
                }
                // The connection had closed before anything was sent: not an attempt yet.
                Err(e) if e.is_canceled() && self.reused => {}
                Err(e) => {
                    line.failed(&e);
                    let failure = failure::of_head(&e, self.bytes);
                    return Err(NoHead { failure, reset: line.was_reset(), words: words(&e) });
                }
            }
        }
    }

    /// A connection: a used one, unless the attempt goes astray.
    async fn line(&mut self) -> Result<Line, NoHead> {
        let dial = self.outgoing.disturbance.outbound.dial;
        let edge = self.world.edge(self.outgoing.edge);
        if dial == Dial::Callee {
            let now = self.world.clock.now();
            if let Some(streams) = edge.streams.clone() {
                let address = edge.address;
                return self.place(&streams, address).await;
            }
            if let Some(channel) = edge.pool.take(now).await {
                self.reused = true;
                self.idle = now.since(channel.idle_since.unwrap_or(now));
                return Ok(Line::own(channel));
            }
        }
        self.reused = false;
        self.idle = Duration::ZERO;
        let address = self.address(dial, edge.address);
        let by = self.world.clock.instant(self.outgoing.connect_by);
        let connected = match dial {
            Dial::NoName => {
                let words = format!("{} has no address", self.world.scenario.topology.node(edge.callee).name);
                return Err(NoHead { failure: Failure::DnsError, reset: false, words });
            }
            Dial::TlsToPlain => timeout_at(by, tls::to_plain(address)).await.map(|told| told.map(Err)),
            Dial::BadCertificate => timeout_at(by, self.world.tls.meet()).await.map(|told| told.map(Err)),
            _ => timeout_at(by, Channel::connect(address)).await.map(|channel| channel.map(Ok)),
        };
        match connected {
            Ok(Ok(Ok(channel))) => Ok(Line::own(channel)),
            Ok(Ok(Err(tls::Refusal { failure, words }))) => Err(NoHead { failure, reset: false, words }),
            Ok(Err(e)) => Err(self.not_connected(&e)),
            Err(_) => Err(unanswered(address)),
        }
    }

    /// A place on a connection that carries several requests.
    async fn place(&mut self, streams: &Streams, address: SocketAddr) -> Result<Line, NoHead> {
        let now = || self.world.clock.now();
        let by = self.world.clock.instant(self.outgoing.connect_by);
        let joined = match streams.join(now()) {
            Some(stream) => Ok(Ok((stream, true))),
            None => timeout_at(by, streams.connect(address, now)).await,
        };
        match joined {
            Ok(Ok((stream, used))) => {
                self.reused = used;
                self.idle = stream.idle;
                Ok(Line::shared(stream, self.world.clone(), self.outgoing.edge))
            }
            Ok(Err(e)) => Err(self.not_connected(&e)),
            Err(_) => Err(unanswered(address)),
        }
    }

    fn address(&self, dial: Dial, callee: SocketAddr) -> SocketAddr {
        match dial {
            Dial::Callee | Dial::NoName | Dial::TlsToPlain | Dial::BadCertificate => callee,
            Dial::Refused => self.world.refused.address,
            Dial::Blackhole => self.world.blackhole.address,
            Dial::WrongPort => self.world.wrong_port.address,
            // Every 127.x.y.z is this machine, and nodes listen on 127.0.0.1 only.
            Dial::WrongHost => SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), callee.port()),
        }
    }

    fn not_connected(&self, error: &io::Error) -> NoHead {
        let (failure, reset) = match error.kind() {
            io::ErrorKind::ConnectionRefused => (Failure::ConnectionRefused, false),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                (Failure::ConnectionTerminated, true)
            }
            io::ErrorKind::TimedOut => (Failure::ConnectionTimeout, false),
            _ => {
                self.world.tell_shortage(error);
                (Failure::ConnectionLimitReached, false)
            }
        };
        NoHead { failure, reset, words: error.to_string() }
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let Self { world, outgoing, via, .. } = self;
        let template = world.template(outgoing.call);
        let edge = world.edge(outgoing.edge);
        let outbound = outgoing.disturbance.outbound;
        let mut request = Request::new(Full::new(template.body(world, outgoing.call)));
        *request.method_mut() = template.method.clone();
        *request.uri_mut() = if outbound.wrong_path {
            http::Uri::from_static(WRONG_PATH)
        } else {
            edge.path.as_ref().unwrap_or(&template.path).clone()
        };
        let headers = request.headers_mut();
        headers.reserve(8);
        headers.insert(HOST, edge.authority.clone());
        self.identity().write(self.world.run, headers);
        if let Some(left) = outgoing.time_left {
            headers::write_time_left(headers, left);
        }
        match &template.ask {
            Some(ask) if template.is_of_ask => {
                headers::write_fields(headers, llm::request_headers(ask, outbound.bad_credentials));
            }
            _ => headers::write_credentials(headers, outbound.bad_credentials),
        }
        if let Some(via) = via {
            headers.insert(VIA, via.clone());
        }
        for (name, value) in &template.headers {
            if !entries::replaces(name) {
                headers.append(name, value.clone());
            } else if !outbound.bad_credentials {
                headers.insert(name, value.clone());
            }
        }
        if let Some((key, bearer)) = edge.key.as_ref().filter(|_| !outbound.bad_credentials) {
            headers::write_key(headers, key, bearer);
        }
        if edge.to_program {
            self.identity().write_request_id(headers);
        }
        request
    }

    /// When it is given up, if nothing comes from now on.
    fn give_up_at(&self) -> Option<Instant> {
        let silence = self.outgoing.read_timeout.map(|silence| Instant::now() + silence);
        self.outgoing.give_up_at.map(|at| self.world.clock.instant(at)).into_iter().chain(silence).min()
    }

    fn identity(&self) -> Identity {
        let outgoing = &self.outgoing;
        Identity {
            call: outgoing.call,
            hop: outgoing.hop,
            edge: outgoing.edge,
            retries: outgoing.retries,
            disturbed: !outgoing.disturbance.is_none(),
            priority: outgoing.priority,
        }
    }

    /// What was on the wire, if it is to be kept.
    fn exchange(&self, response: Option<&HeaderMap>, words: Option<String>) -> Option<Box<Exchange>> {
        if !self.world.may_keep_exchange() {
            return None;
        }
        let request = self.request();
        let address = self
            .address(self.outgoing.disturbance.outbound.dial, self.world.edge(self.outgoing.edge).address);
        Some(Box::new(Exchange {
            method: request.method().to_string(),
            url: redact::url(&format!("http://{address}{}", request.uri())).into_owned(),
            request_headers: headers::readable(request.headers()),
            response_headers: response.map(headers::readable).unwrap_or_default(),
            error: words,
        }))
    }

    fn failed(self, no_head: NoHead) -> AttemptReport {
        let NoHead { failure, reset, words } = no_head;
        let exchange = self.exchange(None, Some(words));
        let bytes = self.bytes;
        self.report(Outcome::Failed { failure, status: None }, reset, bytes, exchange)
    }

    fn report(
        mut self,
        outcome: Outcome,
        reset: bool,
        bytes: u64,
        exchange: Option<Box<Exchange>>,
    ) -> AttemptReport {
        if let Some(witness) = &mut self.witness {
            witness.ended(outcome);
        }
        let idle_closed =
            !self.outgoing.disturbance.is_none() && self.world.was_idle_closed(self.outgoing.hop);
        AttemptReport {
            outcome,
            reset,
            reused: self.reused,
            idle: self.idle,
            bytes,
            ends_by_close: false,
            idle_closed,
            charge: self.world.charge_of(self.outgoing.hop),
            exchange,
        }
    }
}

impl Head {
    fn new(attempt: Attempt, parts: response::Parts, body: Incoming, line: Line) -> Self {
        let status = parts.status.as_u16();
        let is_kept = status >= 400 || attempt.world.keeps_exchanges();
        let exchange = if is_kept { attempt.exchange(Some(&parts.headers), None) } else { None };
        let has = |name| parts.headers.contains_key(name);
        let by_connection = matches!(line, Line::Own(..)) && !body.is_end_stream();
        let ends_by_close = by_connection && !has(CONTENT_LENGTH) && !has(TRANSFER_ENCODING);
        attempt.course.head_came(ends_by_close);
        let asks = attempt.world.template(attempt.outgoing.call).ask.is_some();
        let watch = if asks { Watch::of_answer(status, &parts.headers) } else { None };
        let rest = Rest {
            attempt,
            line: Some(line),
            body,
            status,
            bytes: 0,
            ends_by_close,
            give_up: None,
            exchange,
            watch,
        };
        Self { parts, rest }
    }
}

impl Rest {
    /// The next piece of the body, or the attempt's end.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame<Bytes>, Outcome>> {
        if let Some(line) = &mut self.line {
            line.poll_connection(cx);
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |d| d.len() as u64);
                self.bytes += bytes;
                self.attempt.course.body_came(bytes);
                if self.attempt.outgoing.read_timeout.is_some() {
                    self.give_up = None;
                }
                if let (Some(watch), Some(data)) = (&mut self.watch, frame.data_ref()) {
                    watch.see(data);
                }
                Poll::Ready(Ok(frame))
            }
            Poll::Ready(None) => Poll::Ready(Err(self.whole_outcome())),
            Poll::Ready(Some(Err(e))) => {
                if let Some(line) = &mut self.line {
                    line.failed(&e);
                }
                let failure = Failure::BodyIncomplete;
                Poll::Ready(Err(Outcome::Failed { failure, status: Some(self.status) }))
            }
            Poll::Pending => {
                // Most bodies come with their head: a timer is only set for one that does not.
                if self.give_up.is_none() {
                    self.give_up = self.attempt.give_up_at().map(|at| Box::pin(tokio::time::sleep_until(at)));
                }
                if let Some(give_up) = &mut self.give_up {
                    ready!(give_up.as_mut().poll(cx));
                    let failure = Failure::BodyTimeout;
                    return Poll::Ready(Err(Outcome::Failed { failure, status: Some(self.status) }));
                }
                Poll::Pending
            }
        }
    }

    /// Whether the whole body has come.
    pub(crate) fn is_whole(&self) -> bool {
        self.body.is_end_stream()
    }

    /// What that means: of a model's answer it is looked at what it says.
    pub(crate) fn whole_outcome(&self) -> Outcome {
        match self.watch.as_ref().and_then(|watch| watch.verdict()) {
            Some(failure) => Outcome::Failed { failure, status: Some(self.status) },
            None => Outcome::Answered(self.status),
        }
    }

    /// How much is to come, if that is known.
    pub(crate) fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }

    /// The attempt is over: its connection goes back to the pool.
    pub(crate) fn end(mut self, outcome: Outcome) -> AttemptReport {
        let mut reset = false;
        if let Some(line) = self.line.take() {
            reset = line.was_reset();
            if outcome.failure().is_none() {
                line.done(&self.attempt.world, self.attempt.outgoing.edge);
            }
        }
        let mut exchange = self.exchange.take();
        if exchange.is_none() && outcome.failure().is_some() {
            exchange = self.attempt.exchange(None, Some("the body did not come whole".to_owned()));
        }
        let ends_by_close = self.ends_by_close;
        let report = self.attempt.report(outcome, reset, self.bytes, exchange);
        AttemptReport { ends_by_close, ..report }
    }

    /// Reads to the end and keeps nothing.
    pub(crate) async fn drain(self) -> AttemptReport {
        self.read(|_| {}).await
    }

    /// Reads to the end and keeps what comes.
    pub(crate) async fn collect(self) -> (Bytes, AttemptReport) {
        let mut body = BytesMut::new();
        let report = self.read(|piece| body.extend_from_slice(piece)).await;
        (body.freeze(), report)
    }

    async fn read(mut self, mut keep: impl FnMut(&[u8])) -> AttemptReport {
        let outcome = loop {
            if self.is_whole() {
                break self.whole_outcome();
            }
            match poll_fn(|cx| self.poll_piece(cx)).await {
                Ok(frame) => keep(frame.data_ref().map_or(&[], |data| data)),
                Err(outcome) => break outcome,
            }
        };
        self.end(outcome)
    }
}

fn unanswered(address: SocketAddr) -> NoHead {
    let words = format!("no answer to the SYN from {address}");
    NoHead { failure: Failure::ConnectionTimeout, reset: false, words }
}

/// An error with its causes, in one line.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}

impl Drop for Attempt {
    /// Given up or ended: the word left for the callee is taken back.
    fn drop(&mut self) {
        if !self.outgoing.disturbance.is_none() {
            self.world.undisturb(self.outgoing.hop);
        }
        self.world.charge_of(self.outgoing.hop);
    }
}

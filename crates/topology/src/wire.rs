//! The closed vocabulary of what can happen on the wire, and what each side sees of it.
//!
//! A fault lowers to a [`Disturbance`]; the engines realise disturbances and never see a fault. A
//! caller sees a [`Failure`] where it got no whole response, or a status; a node that refuses a
//! request by itself has a [`Refusal`] for it.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fault::FaultSet;
use crate::graph::EdgeId;

/// What a caller saw instead of a whole response. Words: RFC 9209 section 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// The SYN was answered by a RST.
    ConnectionRefused,
    /// The SYN was not answered in time.
    ConnectionTimeout,
    /// The callee's name has no address.
    DnsError,
    /// What answered the caller's TLS handshake was not TLS, or would not go on with it.
    TlsProtocolError,
    /// The callee's certificate is not one that the caller trusts.
    TlsCertificateError,
    /// The connection ended before the first byte of a response.
    ConnectionTerminated,
    /// The callee did not take the request: a `RST_STREAM` with `REFUSED_STREAM`, or a GOAWAY whose last
    /// stream was an earlier one (RFC 9113 sections 6.8 and 8.7).
    StreamRefused,
    /// The request's stream was reset before a response, with another code; the connection stays.
    StreamReset,
    /// The connection ended inside the response's head.
    HeadIncomplete,
    /// The connection, or the stream, ended inside the response's body: the head was already out.
    BodyIncomplete,
    /// No whole response head in time.
    HeadTimeout,
    /// The head came, the rest of the body did not come in time.
    BodyTimeout,
    /// The bytes were not an HTTP response.
    ProtocolError,
    /// A whole response, whose stream of events told of an error after it had begun.
    StreamError,
    /// A whole response, whose content breaks off: a stream without its end mark, cut JSON.
    ContentIncomplete,
    /// The response's head was larger than the caller accepts.
    HeadTooLarge,
    /// The caller's own limit on connections to this callee was reached; nothing was sent.
    ConnectionLimitReached,
    /// The caller takes the callee for unavailable (an open circuit breaker), or holds back by itself
    /// (adaptive throttling); nothing was sent.
    DestinationUnavailable,
    /// The caller itself stopped waiting: its own caller had gone, or the run ended.
    Cancelled,
}

impl Failure {
    /// Every failure, in the order of the declaration.
    pub const ALL: [Self; 19] = [
        Self::ConnectionRefused,
        Self::ConnectionTimeout,
        Self::DnsError,
        Self::TlsProtocolError,
        Self::TlsCertificateError,
        Self::ConnectionTerminated,
        Self::StreamRefused,
        Self::StreamReset,
        Self::HeadIncomplete,
        Self::BodyIncomplete,
        Self::HeadTimeout,
        Self::BodyTimeout,
        Self::ProtocolError,
        Self::StreamError,
        Self::ContentIncomplete,
        Self::HeadTooLarge,
        Self::ConnectionLimitReached,
        Self::DestinationUnavailable,
        Self::Cancelled,
    ];

    /// The error type of RFC 9209; where that page has one word for two of ours, the head's is the
    /// page's own and the body's carries the word it recommends for bodies.
    pub fn proxy_status(self) -> &'static str {
        match self {
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectionTimeout => "connection_timeout",
            Self::DnsError => "dns_error",
            Self::TlsProtocolError => "tls_protocol_error",
            Self::TlsCertificateError => "tls_certificate_error",
            // It has no word of its own for a stream; Envoy says the same for them.
            Self::ConnectionTerminated | Self::StreamRefused | Self::StreamReset => "connection_terminated",
            Self::HeadIncomplete | Self::BodyIncomplete | Self::StreamError | Self::ContentIncomplete => {
                "http_response_incomplete"
            }
            Self::HeadTimeout => "http_response_timeout",
            Self::BodyTimeout => "connection_read_timeout",
            Self::ProtocolError => "http_protocol_error",
            Self::HeadTooLarge => "http_response_header_section_size",
            Self::ConnectionLimitReached => "connection_limit_reached",
            Self::DestinationUnavailable => "destination_unavailable",
            Self::Cancelled => "cancelled",
        }
    }

    /// Our own name: unique, and what the `error` columns hold.
    pub fn name(self) -> &'static str {
        match self {
            Self::StreamRefused => "stream_refused",
            Self::StreamReset => "stream_reset",
            Self::HeadIncomplete => "http_response_head_incomplete",
            Self::StreamError => "stream_error",
            Self::ContentIncomplete => "content_incomplete",
            other => other.proxy_status(),
        }
    }

    /// Whether a part of the response's head had already gone through when it happened.
    pub fn after_head(self) -> bool {
        matches!(self, Self::BodyIncomplete | Self::BodyTimeout) || self.is_in_content()
    }

    /// Whether the response was whole as HTTP, and what it said was wrong: whoever passes it on passes
    /// on a whole response.
    pub fn is_in_content(self) -> bool {
        matches!(self, Self::StreamError | Self::ContentIncomplete)
    }

    /// Whether it is certain that the callee never processed the request (so that even a
    /// non-idempotent one may be sent again, RFC 9110 section 9.2.2).
    pub fn surely_unprocessed(self) -> bool {
        self.before_connection() || self.is_local() || self == Self::StreamRefused
    }

    /// Whether a timer of the caller's fired.
    pub fn is_timeout(self) -> bool {
        matches!(self, Self::ConnectionTimeout | Self::HeadTimeout | Self::BodyTimeout)
    }

    /// Whether there was no connection over which anything could have been sent.
    pub fn before_connection(self) -> bool {
        matches!(
            self,
            Self::ConnectionRefused
                | Self::ConnectionTimeout
                | Self::DnsError
                | Self::TlsProtocolError
                | Self::TlsCertificateError
        )
    }

    /// Whether the caller decided it by itself: nothing was sent, and nothing arrives anywhere.
    pub fn is_local(self) -> bool {
        matches!(self, Self::ConnectionLimitReached | Self::DestinationUnavailable)
    }
}

/// Why a node answered by itself, without asking anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// No worker is free and the queue is full, or `max_in_flight` is reached.
    QueueFull,
    /// The rate limit is spent: 429 with `Retry-After`.
    RateLimited,
    /// What was to be spent on tokens is spent.
    QuotaSpent,
    /// This node has no route for the request.
    NoRoute,
    /// The path of the request is not one this node serves.
    UnknownPath,
    /// This node serves no model of the request's name.
    UnknownModel,
    /// The request's credentials are missing or wrong.
    BadCredentials,
    /// Who asks is known, and may not have what is asked for.
    NotAllowed,
    /// The request's head is larger than this node accepts.
    HeadTooLarge,
    /// The request's body is larger than this node accepts.
    BodyTooLarge,
    /// This node's own name is already in the request's `Via`.
    LoopDetected,
    /// The node's own deadline passed before it had an answer.
    DeadlineExceeded,
    /// An unhandled exception in the node's own code.
    Exception,
    /// Prompt and completion together are more tokens than the model takes.
    ContextTooLong,
}

impl Refusal {
    /// Every refusal, in the order of the declaration.
    pub const ALL: [Self; 14] = [
        Self::QueueFull,
        Self::RateLimited,
        Self::QuotaSpent,
        Self::NoRoute,
        Self::UnknownPath,
        Self::UnknownModel,
        Self::BadCredentials,
        Self::NotAllowed,
        Self::HeadTooLarge,
        Self::BodyTooLarge,
        Self::LoopDetected,
        Self::DeadlineExceeded,
        Self::Exception,
        Self::ContextTooLong,
    ];

    /// The error type of RFC 9209 section 2.3 that fits.
    pub fn proxy_status(self) -> &'static str {
        match self {
            Self::QueueFull => "connection_limit_reached",
            Self::RateLimited | Self::QuotaSpent => "proxy_internal_response",
            Self::NoRoute | Self::UnknownPath | Self::UnknownModel => "destination_not_found",
            Self::BadCredentials | Self::NotAllowed => "http_request_denied",
            Self::HeadTooLarge | Self::BodyTooLarge | Self::ContextTooLong => "http_request_error",
            Self::LoopDetected => "proxy_loop_detected",
            Self::DeadlineExceeded => "http_response_timeout",
            Self::Exception => "proxy_internal_error",
        }
    }

    /// Our own name, as records and reports print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::RateLimited => "rate_limited",
            Self::QuotaSpent => "quota_spent",
            Self::NoRoute => "no_route",
            Self::UnknownPath => "unknown_path",
            Self::UnknownModel => "unknown_model",
            Self::BadCredentials => "bad_credentials",
            Self::NotAllowed => "not_allowed",
            Self::HeadTooLarge => "head_too_large",
            Self::BodyTooLarge => "body_too_large",
            Self::LoopDetected => "loop_detected",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Exception => "exception",
            Self::ContextTooLong => "context_too_long",
        }
    }
}

/// Where the caller's connection attempt really goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dial {
    /// To the callee.
    #[default]
    Callee,
    /// To the callee's address, where nobody listens for this attempt: the SYN meets a RST.
    Refused,
    /// To an address that never answers a SYN.
    Blackhole,
    /// To another port of the same host, where nobody listens.
    WrongPort,
    /// To another host, where nobody listens.
    WrongHost,
    /// Nowhere: the name has no address.
    NoName,
    /// To the callee, with a TLS handshake that it does not understand.
    TlsToPlain,
    /// To the callee, whose certificate is signed by nobody the caller knows.
    BadCertificate,
}

/// Where in a response an ending happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before its first byte; the callee has not seen the request.
    BeforeRequest,
    /// Inside the response's head.
    MidHead,
    /// Inside the response's body.
    MidBody,
}

/// Why a callee resets one stream of an HTTP/2 connection. Names: RFC 9113 section 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamError {
    /// The request was not processed.
    RefusedStream,
    /// Something went wrong in the callee, or in what stands before it.
    #[default]
    InternalError,
    /// The stream is not wanted any more.
    Cancel,
}

impl StreamError {
    /// What the caller sees if it comes before the response.
    pub fn failure(self) -> Failure {
        match self {
            Self::RefusedStream => Failure::StreamRefused,
            Self::InternalError | Self::Cancel => Failure::StreamReset,
        }
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// RST.
    Reset,
    /// FIN.
    Fin,
    /// Not at all: silence until the other side gives up.
    Silence,
}

/// What the link between caller and callee does to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Link {
    /// Holds the response back by this much before its first byte.
    pub delay: Duration,
    /// Ends the exchange.
    pub cut: Option<(Phase, Close)>,
    /// Lets at most so many bytes of the response through, then closes (FIN).
    pub limit_bytes: Option<u64>,
    /// Lets at most so many bytes a second of the response through.
    pub bytes_per_s: Option<u64>,
    /// Cuts the response into pieces of so many bytes with a pause between.
    pub slice: Option<(u64, Duration)>,
    /// Flips bits in the response's status line.
    pub corrupt: bool,
    /// The response carries no length and its end (FIN) comes so much later.
    pub close_delay: Option<Duration>,
    /// The callee's idle time-out fires just as the request arrives on a reused connection that
    /// has been idle for at least so long.
    pub idle_race: Option<Duration>,
    /// Resets the request's stream.
    pub reset_stream: Option<(Phase, StreamError)>,
    /// The callee says GOAWAY as the request arrives: the last stream that it takes is the one before.
    pub goaway: bool,
}

impl Link {
    /// Whether the callee's idle time-out fires under a request: on a connection that has carried
    /// others before and has been idle for so long.
    pub fn closes_idle(&self, requests_before: u32, idle: Duration) -> bool {
        requests_before > 0 && self.idle_race.is_some_and(|least| idle >= least)
    }
}

/// What the caller gets wrong about one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outbound {
    /// Where it dials.
    pub dial: Dial,
    /// The per-attempt time-out it applies instead of the declared one.
    pub timeout: Option<Duration>,
    /// It asks for a path that the callee does not serve.
    pub wrong_path: bool,
    /// It presents credentials that the callee does not accept.
    pub bad_credentials: bool,
}

/// What happens inside the callee's process to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Process {
    /// The own work takes so many times as long; 0 stands for "as declared".
    pub work_factor: f64,
    /// The own work is computed, and so many requests of the node compute at once.
    pub processors: Option<u32>,
    /// It answers by itself.
    pub refuse: Option<Refusal>,
    /// It answers by itself once this fault's token bucket is empty.
    pub rate_limit: Option<crate::FaultId>,
    /// The largest request head it accepts just now, in bytes.
    pub header_limit: Option<u64>,
    /// The largest request body it accepts just now, in bytes.
    pub body_limit: Option<u64>,
    /// How the work on this request ends instead of with a response.
    pub ending: Option<ProcessEnd>,
    /// It sends the request on over this edge instead of where it should.
    pub reroute: Option<EdgeId>,
    /// A model's tokens take so many times as long; 0 stands for "as declared".
    pub token_factor: f64,
    /// How many tokens prompt and completion may have together just now.
    pub context_limit: Option<u32>,
}

/// How a request's processing ends, other than with a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessEnd {
    /// The handler dies; the connection drops without a byte.
    Panic,
    /// The handler never finishes.
    Hang,
    /// What it writes is not HTTP.
    Malformed,
    /// It writes the head and half of the body, then the connection drops.
    Truncate,
    /// Half of a stream is written, then an event that tells of an error, then its regular end.
    StreamError,
    /// Half of a stream is written, then nothing more.
    StreamStall,
    /// A stream is written without its end mark; the response ends as it should.
    Unterminated,
    /// Half of a JSON text is written, in a response that says so and ends as it should.
    CutContent,
}

impl ProcessEnd {
    /// Whether there is a response, whose content is at fault.
    pub fn is_in_content(self) -> bool {
        matches!(self, Self::StreamError | Self::StreamStall | Self::Unterminated | Self::CutContent)
    }
}

/// What is done to one attempt. The default does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Disturbance {
    /// On the caller's side.
    pub outbound: Outbound,
    /// On the way.
    pub link: Link,
    /// In the callee.
    pub process: Process,
    /// The injector's marks. For scoring only.
    pub marks: Marks,
}

impl Disturbance {
    /// The marks of what makes an attempt longer than it would be, as far as an abort does not end it
    /// before: delays, silence, slow work.
    pub fn lengthening(&self) -> FaultSet {
        let Link { delay, cut, bytes_per_s, slice, close_delay, .. } = self.link;
        let link = !delay.is_zero()
            || cut.is_some_and(|(_, close)| close == Close::Silence)
            || bytes_per_s.is_some()
            || slice.is_some()
            || close_delay.is_some();
        let outbound = matches!(self.outbound.dial, Dial::Blackhole | Dial::WrongHost);
        let Marks { outbound: dialed, link: on_the_way, process, .. } = self.marks;
        let of = |is_longer, marks| if is_longer { marks } else { FaultSet::EMPTY };
        of(outbound, dialed).union(of(link, on_the_way)).union(of(self.process.is_longer(), process))
    }
}

impl Process {
    /// Whether the own work takes longer than declared.
    pub fn is_longer(&self) -> bool {
        self.work_factor > 0.0
            || self.token_factor > 0.0
            || self.processors.is_some()
            || matches!(self.ending, Some(ProcessEnd::Hang | ProcessEnd::StreamStall))
    }
}

/// Which faults do it, by where it is done: a fault counts as injected only once the attempt has
/// come so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// On the caller's side.
    pub outbound: FaultSet,
    /// On the way.
    pub link: FaultSet,
    /// On the way, if the connection is a reused one.
    pub idle_race: FaultSet,
    /// In the callee.
    pub process: FaultSet,
}

impl Disturbance {
    /// Does nothing.
    const NONE: Self = Self {
        outbound: Outbound { dial: Dial::Callee, timeout: None, wrong_path: false, bad_credentials: false },
        link: Link {
            delay: Duration::ZERO,
            cut: None,
            limit_bytes: None,
            bytes_per_s: None,
            slice: None,
            corrupt: false,
            close_delay: None,
            idle_race: None,
            reset_stream: None,
            goaway: false,
        },
        process: Process {
            work_factor: 0.0,
            processors: None,
            refuse: None,
            rate_limit: None,
            header_limit: None,
            body_limit: None,
            ending: None,
            reroute: None,
            token_factor: 0.0,
            context_limit: None,
        },
        marks: Marks {
            outbound: FaultSet::EMPTY,
            link: FaultSet::EMPTY,
            idle_race: FaultSet::EMPTY,
            process: FaultSet::EMPTY,
        },
    };

    /// Whether nothing is done at all.
    pub fn is_none(&self) -> bool {
        self.marks == Marks::default()
    }
}

/// A [`Disturbance`] as requests carry it. To most requests nothing is done, and a disturbance is
/// large: this is a pointer, to nothing where nothing is done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SharedDisturbance(Option<Arc<Disturbance>>);

impl From<Disturbance> for SharedDisturbance {
    fn from(disturbance: Disturbance) -> Self {
        Self((!disturbance.is_none()).then(|| Arc::new(disturbance)))
    }
}

impl SharedDisturbance {
    /// What is done, if anything is.
    pub fn get(&self) -> Option<&Disturbance> {
        self.0.as_deref()
    }

    /// As [`Disturbance::lengthening`]; where nothing is done, nothing is looked at.
    pub fn lengthening(&self) -> FaultSet {
        self.get().map_or(FaultSet::EMPTY, Disturbance::lengthening)
    }
}

impl Deref for SharedDisturbance {
    type Target = Disturbance;

    fn deref(&self) -> &Disturbance {
        self.0.as_deref().unwrap_or(&Disturbance::NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_nothing_is_the_default_and_not_kept() {
        assert_eq!(Disturbance::NONE, Disturbance::default());
        assert_eq!(SharedDisturbance::from(Disturbance::NONE).0, None);
    }
}

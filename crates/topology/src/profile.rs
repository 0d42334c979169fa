//! Gateway profiles: how one product turns a failure into a status, as a total table.
//!
//! A profile has one cell for each failure and each refusal, and no default: a new [`Failure`]
//! does not compile until every profile has decided. Each cell says how it is known, and by which
//! line or header the product's operator would recognise it. To add a profile, add a file beside
//! `profile/nginx.rs` and a line to [`Profile::ALL`].

mod apipark;
mod apisix;
mod aws_alb;
mod caddy;
mod cell;
mod cloudflare;
mod envoy;
mod gcp_lb;
mod haproxy;
mod ibm_api_connect;
mod istio;
mod kong;
mod litellm;
mod model_apis;
mod nginx;
mod portkey;
mod rfc9209;
mod traefik;
mod words;

use std::time::Duration;

pub use cell::{Cell, Evidence};
pub use words::{OwnError, Said, SpentLimit, Why, Words};

use crate::wire::{Failure, Refusal};

/// How one gateway product behaves.
#[derive(Debug)]
pub struct Profile {
    /// As written in a scenario.
    pub name: &'static str,
    /// One sentence: which product, which version.
    pub about: &'static str,
    /// Where the table comes from.
    pub source: &'static str,
    /// What it does about its callees if its configuration does not say: the name of a preset, whose
    /// time-outs, retries and pool are the defaults of this gateway's edges. `None`: the general ones.
    pub preset: Option<&'static str>,
    /// What it accepts if its configuration does not say.
    pub limits: Limits,
    /// When it passes on what a callee answers.
    pub passes_on: PassesOn,
    /// It puts words of its own in the place of a callee's error, and no `Retry-After` beside them.
    pub rewrites_errors: bool,
    /// What it answers when it could not get a whole response.
    pub failure: FailureTable,
    /// What it answers when it refuses a request by itself.
    pub refusal: RefusalTable,
    /// What it says in such an answer.
    pub words: Words,
    /// Whether it sends `Proxy-Status` (RFC 9209).
    pub proxy_status: bool,
}

/// What a gateway accepts if its configuration does not say. `None`: the general default of nodes.
#[derive(Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest request head, in bytes.
    pub head: Option<u64>,
    /// The largest request body, in bytes; [`SIZE_MAX`](crate::units::SIZE_MAX) stands for no limit.
    pub body: Option<u64>,
    /// How long a caller's connection may be idle.
    pub keep_alive: Option<Duration>,
}

/// When a gateway passes on what a callee answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassesOn {
    /// As it comes.
    AsItComes,
    /// Once it has all of it.
    Whole,
    /// Once it has all of it (it parses what the model said); a stream of tokens as it comes.
    WholeButStreams,
}

/// What a gateway does when it got no whole response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// It answers with this status.
    Status(u16),
    /// It answers with this status if the request is the first on its connection; else it closes the
    /// connection without a word, so that the caller tries again.
    StatusThenSilence(u16),
    /// It passes on whatever bytes came, HTTP or not.
    PassOn,
}

/// A reaction to each way of getting no response head. Once the head has been passed on the status
/// cannot change any more: the response is cut short instead, in every product.
#[derive(Debug, PartialEq, Eq)]
pub struct FailureTable {
    /// [`Failure::ConnectionRefused`]
    pub connection_refused: Cell<Reaction>,
    /// [`Failure::ConnectionTimeout`]
    pub connection_timeout: Cell<Reaction>,
    /// [`Failure::DnsError`]
    pub dns_error: Cell<Reaction>,
    /// [`Failure::TlsProtocolError`]
    pub tls_protocol_error: Cell<Reaction>,
    /// [`Failure::TlsCertificateError`]
    pub tls_certificate_error: Cell<Reaction>,
    /// [`Failure::ConnectionTerminated`]
    pub connection_terminated: Cell<Reaction>,
    /// [`Failure::StreamRefused`]
    pub stream_refused: Cell<Reaction>,
    /// [`Failure::StreamReset`]
    pub stream_reset: Cell<Reaction>,
    /// [`Failure::HeadIncomplete`]
    pub head_incomplete: Cell<Reaction>,
    /// [`Failure::BodyIncomplete`], where the head had not been passed on (an aggregated call)
    pub body_incomplete: Cell<Reaction>,
    /// [`Failure::HeadTimeout`]
    pub head_timeout: Cell<Reaction>,
    /// [`Failure::BodyTimeout`], where the head had not been passed on (an aggregated call)
    pub body_timeout: Cell<Reaction>,
    /// [`Failure::ProtocolError`]
    pub protocol_error: Cell<Reaction>,
    /// [`Failure::StreamError`], where the head had not been passed on
    pub stream_error: Cell<Reaction>,
    /// [`Failure::ContentIncomplete`], where the head had not been passed on
    pub content_incomplete: Cell<Reaction>,
    /// [`Failure::HeadTooLarge`]
    pub head_too_large: Cell<Reaction>,
    /// [`Failure::ConnectionLimitReached`]
    pub connection_limit_reached: Cell<Reaction>,
    /// [`Failure::DestinationUnavailable`]
    pub destination_unavailable: Cell<Reaction>,
    /// [`Failure::Cancelled`]
    pub cancelled: Cell<Reaction>,
}

/// A status for each way of refusing a request.
#[derive(Debug, PartialEq, Eq)]
pub struct RefusalTable {
    /// [`Refusal::QueueFull`]
    pub queue_full: Cell<u16>,
    /// [`Refusal::RateLimited`]
    pub rate_limited: Cell<u16>,
    /// [`Refusal::QuotaSpent`]
    pub quota_spent: Cell<u16>,
    /// [`Refusal::NoRoute`]
    pub no_route: Cell<u16>,
    /// [`Refusal::UnknownPath`]
    pub unknown_path: Cell<u16>,
    /// [`Refusal::UnknownModel`]
    pub unknown_model: Cell<u16>,
    /// [`Refusal::BadCredentials`]
    pub bad_credentials: Cell<u16>,
    /// [`Refusal::NotAllowed`]
    pub not_allowed: Cell<u16>,
    /// [`Refusal::HeadTooLarge`]
    pub head_too_large: Cell<u16>,
    /// [`Refusal::BodyTooLarge`]
    pub body_too_large: Cell<u16>,
    /// [`Refusal::LoopDetected`]
    pub loop_detected: Cell<u16>,
    /// [`Refusal::DeadlineExceeded`]
    pub deadline_exceeded: Cell<u16>,
    /// [`Refusal::Exception`]
    pub exception: Cell<u16>,
    /// [`Refusal::ContextTooLong`]
    pub context_too_long: Cell<u16>,
}

/// A profile is one by its name.
impl PartialEq for Profile {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Profile {}

impl Profile {
    /// Every profile; the first is the default.
    pub const ALL: [&'static Self; 16] = [
        &rfc9209::RFC9209,
        &nginx::NGINX,
        &haproxy::HAPROXY,
        &envoy::ENVOY,
        &istio::ISTIO,
        &kong::KONG,
        &apisix::APISIX,
        &apipark::APIPARK,
        &ibm_api_connect::IBM_API_CONNECT,
        &litellm::LITELLM,
        &portkey::PORTKEY,
        &traefik::TRAEFIK,
        &caddy::CADDY,
        &aws_alb::AWS_ALB,
        &cloudflare::CLOUDFLARE,
        &gcp_lb::GCP_LB,
    ];

    /// A profile by its name.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|p| p.name == name)
    }

    /// What it does about a failure that happened before anything was passed on.
    pub fn on_failure(&self, failure: Failure) -> Cell<Reaction> {
        let table = &self.failure;
        match failure {
            Failure::ConnectionRefused => table.connection_refused,
            Failure::ConnectionTimeout => table.connection_timeout,
            Failure::DnsError => table.dns_error,
            Failure::TlsProtocolError => table.tls_protocol_error,
            Failure::TlsCertificateError => table.tls_certificate_error,
            Failure::ConnectionTerminated => table.connection_terminated,
            Failure::StreamRefused => table.stream_refused,
            Failure::StreamReset => table.stream_reset,
            Failure::HeadIncomplete => table.head_incomplete,
            Failure::BodyIncomplete => table.body_incomplete,
            Failure::HeadTimeout => table.head_timeout,
            Failure::BodyTimeout => table.body_timeout,
            Failure::ProtocolError => table.protocol_error,
            Failure::StreamError => table.stream_error,
            Failure::ContentIncomplete => table.content_incomplete,
            Failure::HeadTooLarge => table.head_too_large,
            Failure::ConnectionLimitReached => table.connection_limit_reached,
            Failure::DestinationUnavailable => table.destination_unavailable,
            Failure::Cancelled => table.cancelled,
        }
    }

    /// The status for a refusal.
    pub fn on_refusal(&self, refusal: Refusal) -> Cell<u16> {
        let table = &self.refusal;
        match refusal {
            Refusal::QueueFull => table.queue_full,
            Refusal::RateLimited => table.rate_limited,
            Refusal::QuotaSpent => table.quota_spent,
            Refusal::NoRoute => table.no_route,
            Refusal::UnknownPath => table.unknown_path,
            Refusal::UnknownModel => table.unknown_model,
            Refusal::BadCredentials => table.bad_credentials,
            Refusal::NotAllowed => table.not_allowed,
            Refusal::HeadTooLarge => table.head_too_large,
            Refusal::BodyTooLarge => table.body_too_large,
            Refusal::LoopDetected => table.loop_detected,
            Refusal::DeadlineExceeded => table.deadline_exceeded,
            Refusal::Exception => table.exception,
            Refusal::ContextTooLong => table.context_too_long,
        }
    }
}

/// The reason phrase of a status, for the few that have one here. Source: RFC 9110 section 15,
/// RFC 6585, RFC 5842; above 520: Cloudflare's documentation.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        499 => "Client Closed Request",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        508 => "Loop Detected",
        520 => "Web Server Returned an Unknown Error",
        521 => "Web Server Is Down",
        522 => "Connection Timed Out",
        524 => "A Timeout Occurred",
        525 => "SSL Handshake Failed",
        526 => "Invalid SSL Certificate",
        _ => "",
    }
}

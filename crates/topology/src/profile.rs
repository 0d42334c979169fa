//! Gateway profiles: how one product turns a failure into a status, as a total table.
//!
//! A profile has one field for each failure and each refusal, and no default: a new [`Failure`]
//! does not compile until every profile has decided. To add a profile, add a file beside
//! `profile/nginx.rs` and a line to [`Profile::ALL`].

mod nginx;
mod rfc9209;

use crate::wire::{Failure, Refusal};

/// How one gateway product behaves.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// As written in a scenario.
    pub name: &'static str,
    /// One sentence: which product, which version.
    pub about: &'static str,
    /// Where the table comes from.
    pub source: &'static str,
    /// What it answers when it could not get a whole response.
    pub failure: FailureTable,
    /// What it answers when it refuses a request by itself.
    pub refusal: RefusalTable,
    /// Whether it sends `Proxy-Status` (RFC 9209).
    pub proxy_status: bool,
}

/// What a gateway does when it got no whole response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// It answers with this status.
    Status(u16),
    /// It passes on whatever bytes came, HTTP or not.
    PassOn,
}

/// A reaction to each way of getting no response head. Once the head has been passed on the status
/// cannot change any more: the response is cut short instead, in every product.
#[derive(Debug, PartialEq, Eq)]
pub struct FailureTable {
    /// [`Failure::ConnectionRefused`]
    pub connection_refused: Reaction,
    /// [`Failure::ConnectionTimeout`]
    pub connection_timeout: Reaction,
    /// [`Failure::ConnectionTerminated`]
    pub connection_terminated: Reaction,
    /// [`Failure::HeadIncomplete`]
    pub head_incomplete: Reaction,
    /// [`Failure::BodyIncomplete`], where the head had not been passed on (an aggregated call)
    pub body_incomplete: Reaction,
    /// [`Failure::HeadTimeout`]
    pub head_timeout: Reaction,
    /// [`Failure::BodyTimeout`], where the head had not been passed on (an aggregated call)
    pub body_timeout: Reaction,
    /// [`Failure::ProtocolError`]
    pub protocol_error: Reaction,
    /// [`Failure::HeadTooLarge`]
    pub head_too_large: Reaction,
    /// [`Failure::ConnectionLimitReached`]
    pub connection_limit_reached: Reaction,
    /// [`Failure::DestinationUnavailable`]
    pub destination_unavailable: Reaction,
    /// [`Failure::Cancelled`]
    pub cancelled: Reaction,
}

/// A status for each way of refusing a request.
#[derive(Debug, PartialEq, Eq)]
pub struct RefusalTable {
    /// [`Refusal::QueueFull`]
    pub queue_full: u16,
    /// [`Refusal::RateLimited`]
    pub rate_limited: u16,
    /// [`Refusal::NoRoute`]
    pub no_route: u16,
    /// [`Refusal::UnknownPath`]
    pub unknown_path: u16,
    /// [`Refusal::BadCredentials`]
    pub bad_credentials: u16,
    /// [`Refusal::HeadTooLarge`]
    pub head_too_large: u16,
    /// [`Refusal::BodyTooLarge`]
    pub body_too_large: u16,
    /// [`Refusal::LoopDetected`]
    pub loop_detected: u16,
    /// [`Refusal::DeadlineExceeded`]
    pub deadline_exceeded: u16,
    /// [`Refusal::Exception`]
    pub exception: u16,
}

impl Profile {
    /// Every profile; the first is the default.
    pub const ALL: [&'static Self; 2] = [&rfc9209::RFC9209, &nginx::NGINX];

    /// A profile by its name.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|p| p.name == name)
    }

    /// What it does about a failure that happened before anything was passed on.
    pub fn on_failure(&self, failure: Failure) -> Reaction {
        let table = &self.failure;
        match failure {
            Failure::ConnectionRefused => table.connection_refused,
            Failure::ConnectionTimeout => table.connection_timeout,
            Failure::ConnectionTerminated => table.connection_terminated,
            Failure::HeadIncomplete => table.head_incomplete,
            Failure::BodyIncomplete => table.body_incomplete,
            Failure::HeadTimeout => table.head_timeout,
            Failure::BodyTimeout => table.body_timeout,
            Failure::ProtocolError => table.protocol_error,
            Failure::HeadTooLarge => table.head_too_large,
            Failure::ConnectionLimitReached => table.connection_limit_reached,
            Failure::DestinationUnavailable => table.destination_unavailable,
            Failure::Cancelled => table.cancelled,
        }
    }

    /// The status for a refusal.
    pub fn on_refusal(&self, refusal: Refusal) -> u16 {
        let table = &self.refusal;
        match refusal {
            Refusal::QueueFull => table.queue_full,
            Refusal::RateLimited => table.rate_limited,
            Refusal::NoRoute => table.no_route,
            Refusal::UnknownPath => table.unknown_path,
            Refusal::BadCredentials => table.bad_credentials,
            Refusal::HeadTooLarge => table.head_too_large,
            Refusal::BodyTooLarge => table.body_too_large,
            Refusal::LoopDetected => table.loop_detected,
            Refusal::DeadlineExceeded => table.deadline_exceeded,
            Refusal::Exception => table.exception,
        }
    }
}

/// The reason phrase of a status, for the few that have one here. Source: RFC 9110 section 15,
/// RFC 6585.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        401 => "Unauthorized",
        404 => "Not Found",
        408 => "Request Timeout",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        499 => "Client Closed Request",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

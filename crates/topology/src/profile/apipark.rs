//! `APIPark`.

use super::Reaction::Status;
use super::cell::{inferred, source};
use super::{
    Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Why, Words,
    reason_phrase,
};
use crate::wire::{Failure, Refusal};

/// `APIPark`, whose data plane is apinto: every transport failure is a 504 with the text of the Go error.
/// It does not verify certificates.
pub(super) static APIPARK: Profile = Profile {
    name: "apipark",
    about: "APIPark on apinto: a 504 for whatever goes wrong on the way",
    source: "eolinker/apinto: node/http-context/context.go and response.go, node/fasthttp-client/client.go",
    preset: Some("apipark-default"),
    limits: Limits { head: None, body: None, keep_alive: None },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: source(
            Status(504),
            "the Go error text as the body: dial tcp ...: connect: connection refused",
        ),
        connection_timeout: source(
            Status(504),
            "the Go error text as the body: dialing to the given TCP address timed out",
        ),
        dns_error: source(Status(504), "the Go error text as the body: lookup ...: no such host"),
        tls_protocol_error: source(
            Status(504),
            "the Go error text as the body: tls: first record does not look like a TLS handshake",
        ),
        tls_certificate_error: inferred(
            Status(504),
            "none: it does not verify certificates unless it is made to",
        ),
        connection_terminated: source(
            Status(504),
            "the Go error text as the body: the server closed connection before returning the first response byte",
        ),
        stream_refused: inferred(Status(504), "the Go error text as the body"),
        stream_reset: inferred(Status(504), "the Go error text as the body"),
        head_incomplete: source(
            Status(504),
            "the Go error text as the body: error when reading response headers: unexpected EOF",
        ),
        body_incomplete: source(Status(504), "the Go error text as the body: unexpected EOF"),
        head_timeout: source(Status(504), "the Go error text as the body: timeout"),
        body_timeout: source(Status(504), "the Go error text as the body: timeout"),
        protocol_error: source(
            Status(504),
            "the Go error text as the body: error when reading response headers",
        ),
        stream_error: inferred(Status(504), ""),
        content_incomplete: inferred(Status(504), ""),
        head_too_large: source(Status(504), "the Go error text as the body: small read buffer"),
        connection_limit_reached: source(
            Status(504),
            "the Go error text as the body: no free connections available to host",
        ),
        destination_unavailable: source(Status(501), "no node left in the balancer"),
        cancelled: inferred(Status(499), ""),
    },
    refusal: RefusalTable {
        queue_full: inferred(503, ""),
        rate_limited: source(403, "the rate-limit plugin's own message"),
        quota_spent: source(402, "the balance plugin's own message"),
        no_route: source(404, "404 Not Found"),
        unknown_path: source(404, "404 Not Found"),
        unknown_model: inferred(404, ""),
        bad_credentials: source(401, "the auth plugin's own message"),
        not_allowed: inferred(403, "the auth plugin's own message"),
        head_too_large: inferred(431, ""),
        body_too_large: inferred(413, ""),
        loop_detected: inferred(504, ""),
        deadline_exceeded: source(504, "the Go error text as the body: timeout"),
        exception: inferred(500, ""),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Source, says },
    proxy_status: false,
};

/// The text of the Go error where the transport failed (eolinker/apinto node/http-context/context.go); what
/// plugins say is not known.
fn says(error: &OwnError<'_>) -> Said {
    Said::text(match error.why {
        Why::Failed(failure) => match failure {
            Failure::ConnectionRefused => "dial tcp: connect: connection refused",
            Failure::ConnectionTimeout => "dialing to the given TCP address timed out",
            Failure::DnsError => "lookup: no such host",
            Failure::TlsProtocolError | Failure::TlsCertificateError => {
                "tls: first record does not look like a TLS handshake"
            }
            Failure::HeadTimeout | Failure::BodyTimeout => "timeout",
            Failure::HeadIncomplete | Failure::ProtocolError => {
                "error when reading response headers: unexpected EOF"
            }
            Failure::HeadTooLarge => "error when reading response headers: small read buffer",
            Failure::ConnectionLimitReached => "no free connections available to host",
            Failure::DestinationUnavailable => "no node",
            Failure::BodyIncomplete | Failure::StreamError | Failure::ContentIncomplete => "unexpected EOF",
            Failure::ConnectionTerminated
            | Failure::StreamRefused
            | Failure::StreamReset
            | Failure::Cancelled => {
                "the server closed connection before returning the first response byte. \
                 Make sure the server returns 'Connection: close' response header before closing the connection"
            }
        },
        Why::Refused(Refusal::NoRoute | Refusal::UnknownPath) => "404 Not Found",
        Why::Refused(_) | Why::Rewritten => reason_phrase(error.status),
    })
}

//! Traefik.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{inferred, source};
use super::{
    Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Words, reason_phrase,
};
use crate::units::SIZE_MAX;

/// Traefik 3: the body is the status's text, and the reason stands in the debug log only.
pub(super) static TRAEFIK: Profile = Profile {
    name: "traefik",
    about: "Traefik 3 with its defaults",
    source: "traefik/traefik: pkg/proxy/httputil/proxy.go",
    preset: Some("traefik-default"),
    limits: Limits { head: None, body: Some(SIZE_MAX), keep_alive: Some(Duration::from_mins(3)) },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: source(
            Status(502),
            "in the debug log: 502 Bad Gateway error=\"dial tcp ...: connect: connection refused\"",
        ),
        connection_timeout: source(
            Status(504),
            "in the debug log: 504 Gateway Timeout error=\"dial tcp ...: i/o timeout\"",
        ),
        dns_error: source(
            Status(502),
            "in the debug log: 502 Bad Gateway error=\"dial tcp: lookup ...: no such host\"",
        ),
        tls_protocol_error: source(
            Status(500),
            "in the debug log: tls: first record does not look like a TLS handshake",
        ),
        tls_certificate_error: source(Status(500), "in the debug log: tls: failed to verify certificate"),
        connection_terminated: source(Status(502), "in the debug log: 502 Bad Gateway error=EOF"),
        stream_refused: inferred(
            Status(500),
            "in the debug log: 500 Internal Server Error error=\"stream error: ...; REFUSED_STREAM\"",
        ),
        stream_reset: inferred(
            Status(500),
            "in the debug log: 500 Internal Server Error error=\"stream error: ...; received from peer\"",
        ),
        head_incomplete: source(
            Status(500),
            "in the debug log: 500 Internal Server Error error=\"unexpected EOF\"",
        ),
        body_incomplete: inferred(Status(500), "in the debug log: unexpected EOF"),
        head_timeout: source(
            Status(504),
            "in the debug log: 504 Gateway Timeout error=\"timeout awaiting response headers\"",
        ),
        body_timeout: inferred(Status(504), "in the debug log: 504 Gateway Timeout"),
        protocol_error: source(Status(500), "in the debug log: malformed HTTP response"),
        stream_error: inferred(Status(500), ""),
        content_incomplete: inferred(Status(500), ""),
        head_too_large: inferred(Status(500), "in the debug log: server response headers exceeded"),
        connection_limit_reached: inferred(Status(503), ""),
        destination_unavailable: source(Status(503), "no available server"),
        cancelled: source(Status(499), "in the debug log: 499 Client Closed Request"),
    },
    refusal: RefusalTable {
        queue_full: inferred(503, ""),
        rate_limited: source(429, "Too Many Requests"),
        quota_spent: inferred(429, "Too Many Requests"),
        no_route: source(404, "404 page not found"),
        unknown_path: source(404, "404 page not found"),
        unknown_model: inferred(404, ""),
        bad_credentials: source(401, "401 Unauthorized"),
        not_allowed: inferred(403, "Forbidden"),
        head_too_large: inferred(431, ""),
        body_too_large: source(413, "Request Entity Too Large (buffering middleware)"),
        loop_detected: inferred(502, ""),
        deadline_exceeded: source(504, "in the debug log: 504 Gateway Timeout"),
        exception: source(500, "in the debug log: 500 Internal Server Error"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Source, says },
    proxy_status: false,
};

/// The phrase of the status. Source: traefik/traefik pkg/proxy/httputil/proxy.go.
fn says(error: &OwnError<'_>) -> Said {
    Said::text(reason_phrase(error.status))
}

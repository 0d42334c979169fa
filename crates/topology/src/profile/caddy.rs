//! Caddy.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{documented, inferred, measured, source};
use super::{Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Words};
use crate::units::SIZE_MAX;

/// Caddy 2.6.2. Measured, like nginx. It completes a chunked body that was cut as if it were whole (later
/// versions, from 2.8 on, cut it too): that is not modelled, the response is cut here. Where no route matches it answers 200 without a body; a scenario's 404
/// stands for the usual `respond 404`.
pub(super) static CADDY: Profile = Profile {
    name: "caddy",
    about: "Caddy 2.6, reverse_proxy to one server",
    source: "measured on Caddy 2.6.2 (Debian 12); cancelled: caddyserver/caddy, modules/caddyhttp/reverseproxy",
    preset: Some("caddy-default"),
    limits: Limits { head: None, body: Some(SIZE_MAX), keep_alive: Some(Duration::from_mins(5)) },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: measured(
            Status(502),
            "http.log.error: dial tcp ...: connect: connection refused",
        ),
        connection_timeout: measured(Status(502), "http.log.error: dial tcp ...: i/o timeout"),
        dns_error: measured(Status(502), "http.log.error: dial tcp: lookup ...: no such host"),
        tls_protocol_error: measured(
            Status(502),
            "http.log.error: tls: first record does not look like a TLS handshake",
        ),
        tls_certificate_error: measured(
            Status(502),
            "http.log.error: x509: certificate signed by unknown authority",
        ),
        connection_terminated: measured(
            Status(502),
            "http.log.error: EOF, or read: connection reset by peer",
        ),
        stream_refused: measured(
            Status(502),
            "http.log.error: http2: Transport: cannot retry err [...] (a GET is tried again by itself first)",
        ),
        stream_reset: measured(
            Status(502),
            "http.log.error: stream error: stream ID N; INTERNAL_ERROR; received from peer",
        ),
        head_incomplete: measured(
            Status(502),
            "http.log.error: net/http: HTTP/1.x transport connection broken: unexpected EOF",
        ),
        body_incomplete: measured(Status(502), "aborting with incomplete response: unexpected EOF"),
        head_timeout: measured(Status(504), "http.log.error: net/http: timeout awaiting response headers"),
        body_timeout: measured(Status(504), "aborting with incomplete response: i/o timeout"),
        protocol_error: measured(
            Status(502),
            "http.log.error: net/http: HTTP/1.x transport connection broken: malformed HTTP response",
        ),
        stream_error: inferred(Status(502), ""),
        content_incomplete: inferred(Status(502), ""),
        head_too_large: inferred(Status(502), "http.log.error: net/http: server response headers exceeded"),
        connection_limit_reached: measured(Status(503), "http.log.error: no upstreams available"),
        destination_unavailable: measured(Status(503), "http.log.error: no upstreams available"),
        cancelled: source(Status(499), "status 499 (before 2.8: 0) in the access log"),
    },
    refusal: RefusalTable {
        queue_full: measured(503, "http.log.error: no upstreams available"),
        rate_limited: inferred(429, ""),
        quota_spent: inferred(429, ""),
        no_route: inferred(404, "an access log line without an upstream"),
        unknown_path: inferred(404, "an access log line without an upstream"),
        unknown_model: inferred(404, ""),
        bad_credentials: documented(401, "an access log line without an upstream"),
        not_allowed: inferred(403, "an access log line without an upstream"),
        head_too_large: inferred(431, ""),
        body_too_large: measured(502, "http.log.error: HTTP 413: http: request body too large"),
        loop_detected: inferred(504, ""),
        deadline_exceeded: inferred(504, ""),
        exception: inferred(500, ""),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Measured, says },
    proxy_status: false,
};

/// Measured on Caddy 2.6.2: nothing at all.
fn says(_: &OwnError<'_>) -> Said {
    Said::text("")
}

//! Portkey's gateway.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{inferred, measured};
use super::{
    Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Why, Words,
    reason_phrase,
};
use crate::units::SIZE_MAX;
use crate::wire::Failure;

/// Portkey's gateway 1.15.2, not streaming. Measured, like nginx: no time-out unless the request asks for
/// one, and a 500 for every failed transport.
pub(super) static PORTKEY: Profile = Profile {
    name: "portkey",
    about: "Portkey gateway 1.15, not streaming",
    source: "measured on @portkey-ai/gateway 1.15.2",
    preset: Some("portkey-default"),
    limits: Limits { head: Some(16 << 10), body: Some(SIZE_MAX), keep_alive: Some(Duration::from_secs(5)) },
    passes_on: PassesOn::WholeButStreams,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: measured(
            Status(500),
            "{\"html-message\":\"Message: fetch failed Cause: Error: connect ECONNREFUSED\"}",
        ),
        connection_timeout: measured(
            Status(408),
            "Request exceeded the timeout sent in the request; type timeout_error",
        ),
        dns_error: measured(
            Status(500),
            "{\"html-message\":\"Message: fetch failed Cause: Error: getaddrinfo ENOTFOUND\"}",
        ),
        tls_protocol_error: measured(
            Status(500),
            "{\"html-message\":\"Message: fetch failed Cause: Error: ... wrong version number\"}",
        ),
        tls_certificate_error: measured(
            Status(500),
            "{\"html-message\":\"Message: fetch failed Cause: Error: self-signed certificate\"}",
        ),
        connection_terminated: measured(
            Status(500),
            "{\"html-message\":\"Message: fetch failed Cause: Error: read ECONNRESET or other side closed\"}",
        ),
        stream_refused: inferred(Status(500), "x-portkey-gateway-exception: true"),
        stream_reset: inferred(Status(500), "x-portkey-gateway-exception: true"),
        head_incomplete: measured(
            Status(500),
            "{\"html-message\":\"Message: fetch failed Cause: Error: other side closed\"}",
        ),
        body_incomplete: measured(Status(500), "x-portkey-gateway-exception: true"),
        head_timeout: measured(
            Status(408),
            "Request exceeded the timeout sent in the request; type timeout_error",
        ),
        body_timeout: measured(Status(500), "x-portkey-gateway-exception: true"),
        protocol_error: measured(
            Status(500),
            "{\"html-message\":\"Message: fetch failed Cause: Error: HTTPParserError\"}",
        ),
        stream_error: inferred(Status(500), ""),
        content_incomplete: measured(Status(500), "x-portkey-gateway-exception: true"),
        head_too_large: measured(
            Status(500),
            "{\"html-message\":\"Message: fetch failed Cause: Error: HeadersOverflowError\"}",
        ),
        connection_limit_reached: inferred(Status(500), ""),
        destination_unavailable: inferred(Status(500), ""),
        cancelled: inferred(Status(499), ""),
    },
    refusal: RefusalTable {
        queue_full: inferred(503, ""),
        rate_limited: inferred(429, ""),
        quota_spent: inferred(412, ""),
        no_route: inferred(404, ""),
        unknown_path: inferred(404, ""),
        unknown_model: inferred(404, ""),
        bad_credentials: inferred(401, ""),
        not_allowed: inferred(403, ""),
        head_too_large: inferred(431, "the Node server's own 431"),
        body_too_large: inferred(413, ""),
        loop_detected: inferred(500, ""),
        deadline_exceeded: measured(
            408,
            "Request exceeded the timeout sent in the request; type timeout_error",
        ),
        exception: measured(500, "x-portkey-gateway-exception: true"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Measured, says },
    proxy_status: false,
};

/// Measured on Portkey's gateway 1.15.2 for what a callee does; its own refusals are inferred.
fn says(error: &OwnError<'_>) -> Said {
    let cause = match error.why {
        Why::Failed(failure) => match failure {
            Failure::ConnectionRefused => "Error: connect ECONNREFUSED",
            Failure::DnsError => "Error: getaddrinfo ENOTFOUND",
            Failure::ConnectionTerminated
            | Failure::HeadIncomplete
            | Failure::StreamRefused
            | Failure::StreamReset => "SocketError: other side closed",
            Failure::ProtocolError => "HTTPParserError: Response does not match the HTTP/1.1 protocol",
            Failure::HeadTooLarge => "HeadersOverflowError: Headers Overflow Error",
            Failure::TlsCertificateError => "Error: self-signed certificate",
            Failure::TlsProtocolError => "Error: wrong version number",
            _ => "",
        },
        Why::Refused(_) | Why::Rewritten => "",
    };
    if !cause.is_empty() {
        let html = format!("Message: fetch failed Cause: {cause} Name: TypeError");
        return Said::json(format!("{{\"html-message\":\"{html}\"}}"));
    }
    if error.status == 408 {
        let message = "Request exceeded the timeout sent in the request";
        return Said::json(format!(
            "{{\"error\":{{\"message\":\"{message}\",\"type\":\"timeout_error\",\"param\":null,\"code\":null}}}}"
        ));
    }
    let message = if matches!(error.why, Why::Refused(_)) {
        reason_phrase(error.status)
    } else {
        "Something went wrong"
    };
    let said = Said::json(format!("{{\"status\":\"failure\",\"message\":\"{message}\"}}"));
    said.with("x-portkey-gateway-exception", "true".to_owned())
}

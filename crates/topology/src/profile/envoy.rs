//! Envoy.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{documented, inferred, measured};
use super::{Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Why, Words};
use crate::units::SIZE_MAX;
use crate::wire::{Failure, Refusal};

/// Envoy 1.40.0, one listener, one route, one cluster. Measured, like nginx. The flags are its access
/// log's `%RESPONSE_FLAGS%`, the words after them `%RESPONSE_CODE_DETAILS%`. Its route time-out (15 s) is for the whole
/// response. A client that has gone is logged with code 0, which is no status.
pub(super) static ENVOY: Profile = Profile {
    name: "envoy",
    about: "Envoy 1.40: one route, one cluster, no retry policy",
    source: "measured on Envoy 1.40.0; bad_credentials: its documentation of ext_authz and jwt_authn",
    preset: Some("envoy-default"),
    limits: Limits { head: Some(60 << 10), body: Some(SIZE_MAX), keep_alive: Some(Duration::from_hours(1)) },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: measured(
            Status(503),
            "flags UF, upstream_reset_before_response_started{remote_connection_failure|...}",
        ),
        connection_timeout: measured(
            Status(503),
            "flags UF, upstream_reset_before_response_started{connection_timeout}",
        ),
        dns_error: measured(Status(503), "flags UH, no_healthy_upstream"),
        tls_protocol_error: measured(
            Status(503),
            "flags UF, TLS_error and WRONG_VERSION_NUMBER in its details",
        ),
        tls_certificate_error: measured(
            Status(503),
            "flags UF, TLS_error and CERTIFICATE_VERIFY_FAILED in its details",
        ),
        connection_terminated: measured(
            Status(503),
            "flags UC, upstream_reset_before_response_started{connection_termination}",
        ),
        stream_refused: measured(
            Status(503),
            "flags UR, upstream_reset_before_response_started{remote_refused_stream_reset}",
        ),
        stream_reset: measured(Status(503), "flags UR, upstream_reset_before_response_started{remote_reset}"),
        head_incomplete: measured(
            Status(502),
            "flags UPE, upstream_reset_before_response_started{protocol_error}",
        ),
        body_incomplete: measured(
            Status(502),
            "flags UPE, upstream_reset_after_response_started{protocol_error}",
        ),
        head_timeout: measured(Status(504), "flags UT, response_timeout"),
        body_timeout: measured(Status(504), "flags UT, response_timeout"),
        protocol_error: measured(
            Status(502),
            "flags UPE, upstream_reset_before_response_started{protocol_error}",
        ),
        stream_error: inferred(Status(502), ""),
        content_incomplete: inferred(Status(502), ""),
        head_too_large: measured(
            Status(502),
            "flags UPE, upstream_reset_before_response_started{protocol_error}",
        ),
        connection_limit_reached: measured(
            Status(503),
            "flags UO, upstream_reset_before_response_started{overflow}; x-envoy-overloaded: true",
        ),
        destination_unavailable: measured(Status(503), "flags UH, no_healthy_upstream"),
        cancelled: measured(Status(499), "code 0 and flags DC, downstream_remote_disconnect"),
    },
    refusal: RefusalTable {
        queue_full: measured(503, "flags UO or OM"),
        rate_limited: measured(429, "flags RL, local_rate_limited"),
        quota_spent: inferred(429, "flags RL, request_rate_limited"),
        no_route: measured(404, "flags NR, route_not_found"),
        unknown_path: inferred(404, "flags NR, route_not_found"),
        unknown_model: inferred(404, "flags NR, route_not_found"),
        bad_credentials: documented(401, "flags UAEX, or the JWT filter's own response"),
        not_allowed: documented(403, "flags UAEX, or rbac_access_denied_matched_policy"),
        head_too_large: measured(431, "flags DPE, http1.headers_too_large"),
        body_too_large: measured(413, "request_payload_too_large"),
        loop_detected: measured(504, "flags UT, response_timeout"),
        deadline_exceeded: measured(504, "flags UT, response_timeout"),
        exception: inferred(500, "direct_response or a filter's local reply"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Measured, says },
    proxy_status: false,
};

/// Measured on Envoy 1.40.0; it has no words for what filters refuse without any.
pub(super) fn says(error: &OwnError<'_>) -> Said {
    let reset = |reason: &str| {
        format!("upstream connect error or disconnect/reset before headers. reset reason: {reason}")
    };
    Said::text(match error.why {
        Why::Failed(failure) => match failure {
            Failure::DestinationUnavailable | Failure::DnsError => "no healthy upstream".to_owned(),
            Failure::HeadTimeout | Failure::BodyTimeout => "upstream request timeout".to_owned(),
            Failure::ConnectionTimeout => reset("connection timeout"),
            Failure::ConnectionLimitReached => reset("overflow"),
            Failure::ConnectionRefused | Failure::TlsProtocolError | Failure::TlsCertificateError => {
                reset("remote connection failure")
            }
            Failure::HeadIncomplete
            | Failure::BodyIncomplete
            | Failure::ProtocolError
            | Failure::HeadTooLarge
            | Failure::StreamError
            | Failure::ContentIncomplete => reset("protocol error"),
            Failure::StreamRefused | Failure::StreamReset => reset("remote reset"),
            Failure::ConnectionTerminated | Failure::Cancelled => reset("connection termination"),
        },
        Why::Refused(Refusal::RateLimited | Refusal::QuotaSpent) => "local_rate_limited".to_owned(),
        Why::Refused(Refusal::DeadlineExceeded) => "upstream request timeout".to_owned(),
        Why::Refused(_) | Why::Rewritten => String::new(),
    })
}

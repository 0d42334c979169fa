//! Istio's sidecar.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{documented, inferred};
use super::envoy::says;
use super::{Evidence, FailureTable, Limits, PassesOn, Profile, RefusalTable, Words};
use crate::units::SIZE_MAX;

/// Envoy with the retry policy and without the route time-out that Istio gives it.
pub(super) static ISTIO: Profile = Profile {
    name: "istio",
    about: "Istio 1.23 and later, without a VirtualService: Envoy with its retries",
    source: "as envoy, which it is; the retry policy measured (Envoy 1.40 with the policy that Istio makes)",
    preset: Some("istio-default-outbound"),
    limits: Limits { head: Some(60 << 10), body: Some(SIZE_MAX), keep_alive: Some(Duration::from_hours(1)) },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: inferred(
            Status(503),
            "flags UF, upstream_reset_before_response_started{remote_connection_failure|...}",
        ),
        connection_timeout: inferred(
            Status(503),
            "flags UF, upstream_reset_before_response_started{connection_timeout}",
        ),
        dns_error: inferred(Status(503), "flags UH, no_healthy_upstream"),
        tls_protocol_error: inferred(
            Status(503),
            "flags UF, TLS_error and WRONG_VERSION_NUMBER in its details",
        ),
        tls_certificate_error: inferred(
            Status(503),
            "flags UF, TLS_error and CERTIFICATE_VERIFY_FAILED in its details",
        ),
        connection_terminated: inferred(
            Status(503),
            "flags UC, upstream_reset_before_response_started{connection_termination}",
        ),
        stream_refused: inferred(
            Status(503),
            "flags UR, upstream_reset_before_response_started{remote_refused_stream_reset}",
        ),
        stream_reset: inferred(Status(503), "flags UR, upstream_reset_before_response_started{remote_reset}"),
        head_incomplete: inferred(
            Status(502),
            "flags UPE, upstream_reset_before_response_started{protocol_error}",
        ),
        body_incomplete: inferred(
            Status(502),
            "flags UPE, upstream_reset_after_response_started{protocol_error}",
        ),
        head_timeout: inferred(Status(504), "flags UT, response_timeout"),
        body_timeout: inferred(Status(504), "flags UT, response_timeout"),
        protocol_error: inferred(
            Status(502),
            "flags UPE, upstream_reset_before_response_started{protocol_error}",
        ),
        stream_error: inferred(Status(502), ""),
        content_incomplete: inferred(Status(502), ""),
        head_too_large: inferred(
            Status(502),
            "flags UPE, upstream_reset_before_response_started{protocol_error}",
        ),
        connection_limit_reached: inferred(
            Status(503),
            "flags UO, upstream_reset_before_response_started{overflow}; x-envoy-overloaded: true",
        ),
        destination_unavailable: inferred(Status(503), "flags UH, no_healthy_upstream"),
        cancelled: inferred(Status(499), "code 0 and flags DC, downstream_remote_disconnect"),
    },
    refusal: RefusalTable {
        queue_full: inferred(503, "flags UO or OM"),
        rate_limited: inferred(429, "flags RL, local_rate_limited"),
        quota_spent: inferred(429, "flags RL, request_rate_limited"),
        no_route: inferred(404, "flags NR, route_not_found"),
        unknown_path: inferred(404, "flags NR, route_not_found"),
        unknown_model: inferred(404, "flags NR, route_not_found"),
        bad_credentials: documented(401, "flags UAEX, or the JWT filter's own response"),
        not_allowed: documented(403, "RBAC: access denied; rbac_access_denied_matched_policy"),
        head_too_large: inferred(431, "flags DPE, http1.headers_too_large"),
        body_too_large: inferred(413, "request_payload_too_large"),
        loop_detected: inferred(504, "flags UT, response_timeout"),
        deadline_exceeded: inferred(504, "flags UT, response_timeout"),
        exception: inferred(500, "direct_response or a filter's local reply"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Inferred, says },
    proxy_status: false,
};

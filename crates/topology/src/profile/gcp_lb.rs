//! Google Cloud's external Application Load Balancer.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{documented, inferred};
use super::{Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Words};
use crate::units::SIZE_MAX;

/// The words are the `statusDetails` of its log.
pub(super) static GCP_LB: Profile = Profile {
    name: "gcp-lb",
    about: "Google Cloud external Application Load Balancer",
    source: "docs.cloud.google.com/load-balancing/docs/https/https-logging-monitoring",
    preset: Some("gcp-lb-default"),
    limits: Limits { head: Some(64 << 10), body: Some(SIZE_MAX), keep_alive: Some(Duration::from_secs(610)) },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: documented(Status(502), "statusDetails: failed_to_connect_to_backend"),
        connection_timeout: documented(Status(502), "statusDetails: failed_to_connect_to_backend"),
        dns_error: inferred(Status(502), ""),
        tls_protocol_error: documented(Status(502), "statusDetails: failed_to_negotiate_alpn"),
        tls_certificate_error: documented(
            Status(502),
            "statusDetails: ssl_certificate_san_verification_failed",
        ),
        connection_terminated: documented(
            Status(502),
            "statusDetails: backend_connection_closed_before_data_sent_to_client",
        ),
        stream_refused: inferred(
            Status(502),
            "statusDetails: backend_connection_closed_before_data_sent_to_client",
        ),
        stream_reset: inferred(
            Status(502),
            "statusDetails: backend_connection_closed_before_data_sent_to_client",
        ),
        head_incomplete: inferred(
            Status(502),
            "statusDetails: backend_connection_closed_before_data_sent_to_client",
        ),
        body_incomplete: documented(
            Status(502),
            "statusDetails: backend_connection_closed_after_partial_response_sent",
        ),
        head_timeout: inferred(Status(504), "statusDetails: backend_timeout"),
        body_timeout: inferred(Status(504), "statusDetails: backend_timeout"),
        protocol_error: documented(Status(502), "statusDetails: backend_response_corrupted"),
        stream_error: inferred(Status(502), ""),
        content_incomplete: inferred(Status(502), ""),
        head_too_large: documented(Status(502), "statusDetails: backend_response_headers_too_long"),
        connection_limit_reached: inferred(Status(503), ""),
        destination_unavailable: documented(Status(502), "statusDetails: failed_to_pick_backend"),
        cancelled: documented(
            Status(499),
            "status 0, statusDetails: client_disconnected_before_any_response",
        ),
    },
    refusal: RefusalTable {
        queue_full: inferred(503, ""),
        rate_limited: documented(429, "the security policy's name in the log"),
        quota_spent: inferred(429, ""),
        no_route: inferred(404, "statusDetails: url_map default"),
        unknown_path: inferred(404, "statusDetails: url_map default"),
        unknown_model: inferred(404, ""),
        bad_credentials: inferred(401, "statusDetails: handled_by_identity_aware_proxy"),
        not_allowed: documented(403, "statusDetails: denied_by_security_policy"),
        head_too_large: documented(413, "statusDetails: headers_too_long"),
        body_too_large: inferred(413, ""),
        loop_detected: documented(502, "statusDetails: request_loop_detected"),
        deadline_exceeded: inferred(504, "statusDetails: backend_timeout"),
        exception: inferred(500, "statusDetails: internal_error"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Inferred, says },
    proxy_status: false,
};

/// Seen in public traces.
fn says(error: &OwnError<'_>) -> Said {
    Said::html(format!(
        "<html><head><title>{0} Server Error</title></head><body><h1>Error: Server Error</h1>\
         <h2>The server encountered a temporary error and could not complete your request.<p>\
         Please try again in 30 seconds.</h2></body></html>",
        error.status
    ))
}

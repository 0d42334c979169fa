//! AWS Application Load Balancer.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{documented, inferred};
use super::words::nginx_page;
use super::{Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Words};
use crate::units::SIZE_MAX;

/// The log fields are those of its access log: `target_status_code` is `-` where it answered by itself.
pub(super) static AWS_ALB: Profile = Profile {
    name: "aws-alb",
    about: "AWS Application Load Balancer",
    source: "awsdocs/elb-application-load-balancers-user-guide: load-balancer-troubleshooting.md, application-load-balancers.md",
    preset: Some("aws-alb-default"),
    limits: Limits { head: Some(32 << 10), body: Some(SIZE_MAX), keep_alive: Some(Duration::from_mins(1)) },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: documented(Status(502), "elb_status_code with target_status_code -"),
        connection_timeout: documented(
            Status(504),
            "elb_status_code with target_status_code -; TargetConnectionErrorCount",
        ),
        dns_error: inferred(Status(502), ""),
        tls_protocol_error: documented(
            Status(502),
            "elb_status_code with target_status_code -; TargetTLSNegotiationErrorCount",
        ),
        tls_certificate_error: inferred(Status(502), "none: it does not verify its targets' certificates"),
        connection_terminated: documented(Status(502), "elb_status_code with target_status_code -"),
        stream_refused: inferred(Status(502), "elb_status_code with target_status_code -"),
        stream_reset: inferred(Status(502), "elb_status_code with target_status_code -"),
        head_incomplete: documented(Status(502), "elb_status_code with target_status_code -"),
        body_incomplete: documented(Status(504), "elb_status_code with target_status_code -"),
        head_timeout: documented(
            Status(504),
            "elb_status_code with target_status_code -; target_processing_time -1",
        ),
        body_timeout: documented(Status(504), "elb_status_code with target_status_code -"),
        protocol_error: documented(Status(502), "elb_status_code with target_status_code -"),
        stream_error: inferred(Status(504), ""),
        content_incomplete: inferred(Status(504), ""),
        head_too_large: documented(Status(502), "elb_status_code with target_status_code -"),
        connection_limit_reached: inferred(Status(503), "elb_status_code with target_status_code -"),
        destination_unavailable: documented(
            Status(503),
            "elb_status_code with target_status_code -; no registered target",
        ),
        cancelled: documented(Status(499), "elb_status_code 460"),
    },
    refusal: RefusalTable {
        queue_full: inferred(503, "elb_status_code with target_status_code -"),
        rate_limited: inferred(429, "elb_status_code with target_status_code -"),
        quota_spent: inferred(429, "elb_status_code with target_status_code -"),
        no_route: documented(404, "elb_status_code with target_status_code -; a fixed-response rule"),
        unknown_path: documented(404, "elb_status_code with target_status_code -; a fixed-response rule"),
        unknown_model: inferred(404, ""),
        bad_credentials: documented(401, "elb_status_code with target_status_code -; error_reason Auth*"),
        not_allowed: documented(403, "elb_status_code with target_status_code -; error_reason WAF* or Auth*"),
        head_too_large: documented(400, "elb_status_code with target_status_code -"),
        body_too_large: documented(413, "elb_status_code with target_status_code - (Lambda targets only)"),
        loop_detected: documented(463, "elb_status_code 463: over 30 addresses in X-Forwarded-For"),
        deadline_exceeded: documented(504, "elb_status_code with target_status_code -"),
        exception: documented(500, "elb_status_code with target_status_code -"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Inferred, says },
    proxy_status: false,
};

/// Seen in public traces: a page like nginx's, without a version.
fn says(error: &OwnError<'_>) -> Said {
    nginx_page(error, "")
}

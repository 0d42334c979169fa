//! Cloudflare.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{documented, inferred};
use super::{Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Words};

/// Its own statuses, 520 to 526, for what went wrong on the way to the origin.
pub(super) static CLOUDFLARE: Profile = Profile {
    name: "cloudflare",
    about: "Cloudflare in front of an origin server",
    source: "cloudflare/cloudflare-docs: cloudflare-5xx-errors.mdx, cloudflare-error-headers.mdx",
    preset: Some("cloudflare-default"),
    limits: Limits {
        head: Some(16 << 10),
        body: Some(100 << 20),
        keep_alive: Some(Duration::from_secs(400)),
    },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: documented(Status(521), "cf-error-type and cf-error-origin; Web server is down"),
        connection_timeout: documented(
            Status(522),
            "cf-error-type and cf-error-origin; Connection timed out",
        ),
        dns_error: documented(Status(530), "error 1016: Origin DNS error"),
        tls_protocol_error: documented(
            Status(525),
            "cf-error-type and cf-error-origin; SSL handshake failed",
        ),
        tls_certificate_error: documented(
            Status(526),
            "cf-error-type and cf-error-origin; Invalid SSL certificate",
        ),
        connection_terminated: documented(
            Status(520),
            "cf-error-type and cf-error-origin; Web server is returning an unknown error",
        ),
        stream_refused: inferred(
            Status(520),
            "cf-error-type and cf-error-origin; Web server is returning an unknown error",
        ),
        stream_reset: inferred(
            Status(520),
            "cf-error-type and cf-error-origin; Web server is returning an unknown error",
        ),
        head_incomplete: documented(
            Status(520),
            "cf-error-type and cf-error-origin; Web server is returning an unknown error",
        ),
        body_incomplete: inferred(Status(520), ""),
        head_timeout: documented(Status(524), "cf-error-type and cf-error-origin; A timeout occurred"),
        body_timeout: inferred(Status(524), "cf-error-type and cf-error-origin; A timeout occurred"),
        protocol_error: documented(
            Status(520),
            "cf-error-type and cf-error-origin; Web server is returning an unknown error",
        ),
        stream_error: inferred(Status(520), ""),
        content_incomplete: inferred(Status(520), ""),
        head_too_large: documented(
            Status(520),
            "cf-error-type and cf-error-origin; Web server is returning an unknown error",
        ),
        connection_limit_reached: inferred(Status(503), ""),
        destination_unavailable: inferred(Status(503), ""),
        cancelled: documented(Status(499), "EdgeResponseStatus 499"),
    },
    refusal: RefusalTable {
        queue_full: inferred(503, ""),
        rate_limited: documented(429, "error 1015"),
        quota_spent: inferred(429, ""),
        no_route: inferred(404, ""),
        unknown_path: inferred(404, ""),
        unknown_model: inferred(404, ""),
        bad_credentials: inferred(401, ""),
        not_allowed: documented(403, "error 1020"),
        head_too_large: inferred(400, ""),
        body_too_large: documented(413, "Payload Too Large"),
        loop_detected: inferred(403, "error 1000"),
        deadline_exceeded: documented(524, "cf-error-type and cf-error-origin; A timeout occurred"),
        exception: documented(500, ""),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Inferred, says },
    proxy_status: false,
};

/// Its short form, seen in public traces; a browser gets a page.
fn says(error: &OwnError<'_>) -> Said {
    Said::text(format!("error code: {}", error.status))
}

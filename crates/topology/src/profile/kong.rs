//! Kong Gateway.

use std::time::Duration;

use super::Reaction::{PassOn, Status};
use super::cell::{documented, inferred, source};
use super::{
    Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Why, Words,
    reason_phrase,
};
use crate::units::SIZE_MAX;
use crate::wire::{Failure, Refusal};

/// Kong 3: nginx's core, with its own error bodies, five retries and 60 s time-outs.
pub(super) static KONG: Profile = Profile {
    name: "kong",
    about: "Kong 3 with its defaults",
    source: "Kong/kong: kong/error_handlers.lua, kong/runloop, kong/templates/kong_defaults.lua; what nginx decides: as nginx",
    preset: Some("kong-default"),
    limits: Limits { head: Some(8 << 10), body: Some(SIZE_MAX), keep_alive: Some(Duration::from_secs(75)) },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: source(
            Status(502),
            "X-Kong-Response-Latency (Kong itself answered), \"An invalid response was received from the upstream server\"",
        ),
        connection_timeout: source(
            Status(504),
            "X-Kong-Response-Latency (Kong itself answered), \"The upstream server is timing out\"",
        ),
        dns_error: source(Status(503), "\"name resolution failed\""),
        tls_protocol_error: source(
            Status(502),
            "X-Kong-Response-Latency (Kong itself answered), SSL_do_handshake() failed in the error log",
        ),
        tls_certificate_error: source(
            Status(502),
            "X-Kong-Response-Latency (Kong itself answered), upstream SSL certificate verify error in the error log",
        ),
        connection_terminated: source(
            Status(502),
            "X-Kong-Response-Latency (Kong itself answered), \"An invalid response was received from the upstream server\"",
        ),
        stream_refused: inferred(
            Status(502),
            "X-Kong-Response-Latency (Kong itself answered), upstream rejected request with error 7 in the error log",
        ),
        stream_reset: inferred(
            Status(502),
            "X-Kong-Response-Latency (Kong itself answered), upstream rejected request with error N in the error log",
        ),
        head_incomplete: inferred(
            Status(502),
            "X-Kong-Response-Latency (Kong itself answered), upstream prematurely closed connection in the error log",
        ),
        body_incomplete: inferred(
            Status(502),
            "upstream prematurely closed connection while reading upstream in the error log",
        ),
        head_timeout: source(
            Status(504),
            "X-Kong-Response-Latency (Kong itself answered), \"The upstream server is timing out\"",
        ),
        body_timeout: inferred(Status(504), "upstream timed out while reading upstream in the error log"),
        protocol_error: inferred(PassOn, "upstream sent no valid HTTP/1.0 header in the error log"),
        stream_error: inferred(Status(502), ""),
        content_incomplete: inferred(Status(502), ""),
        head_too_large: source(
            Status(502),
            "X-Kong-Response-Latency (Kong itself answered), upstream sent too big header in the error log",
        ),
        connection_limit_reached: inferred(Status(502), "no live upstreams in the error log"),
        destination_unavailable: source(
            Status(503),
            "X-Kong-Response-Latency (Kong itself answered), \"failure to get a peer from the ring-balancer\"",
        ),
        cancelled: source(Status(499), "status 499 in the access log"),
    },
    refusal: RefusalTable {
        queue_full: inferred(
            503,
            "X-Kong-Response-Latency (Kong itself answered), \"The upstream server is currently unavailable\"",
        ),
        rate_limited: source(429, "\"API rate limit exceeded\"; X-RateLimit-Remaining-*: 0"),
        quota_spent: documented(429, "\"API rate limit exceeded\" (ai-rate-limiting-advanced)"),
        no_route: source(404, "\"no Route matched with those values\""),
        unknown_path: source(404, "\"no Route matched with those values\""),
        unknown_model: inferred(400, "the ai-proxy plugin's own message"),
        bad_credentials: source(401, "\"No API key found in request\" or the like"),
        not_allowed: source(403, "\"You cannot consume this service\" (acl)"),
        head_too_large: inferred(400, "client sent too long header line in the info log"),
        body_too_large: source(413, "\"Request size limit exceeded\""),
        loop_detected: inferred(502, "worker_connections are not enough in the error log"),
        deadline_exceeded: source(
            504,
            "X-Kong-Response-Latency (Kong itself answered), \"The upstream server is timing out\"",
        ),
        exception: source(
            500,
            "X-Kong-Response-Latency (Kong itself answered), \"An unexpected error occurred\"",
        ),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Source, says },
    proxy_status: false,
};

/// `kong/error_handlers.lua`, `kong/tools/http.lua`, and the plugins' own messages; the fields:
/// `kong/plugins/rate-limiting/handler.lua`.
fn says(error: &OwnError<'_>) -> Said {
    let message = match error.why {
        Why::Failed(Failure::DnsError) => "name resolution failed",
        Why::Failed(Failure::DestinationUnavailable) => "failure to get a peer from the ring-balancer",
        Why::Refused(Refusal::RateLimited | Refusal::QuotaSpent) => "API rate limit exceeded",
        Why::Refused(Refusal::NoRoute | Refusal::UnknownPath) => "no Route matched with those values",
        Why::Refused(Refusal::BadCredentials) => "No API key found in request",
        Why::Refused(Refusal::NotAllowed) => "You cannot consume this service",
        Why::Refused(Refusal::BodyTooLarge) => "Request size limit exceeded",
        _ => match error.status {
            502 => "An invalid response was received from the upstream server",
            503 => "The upstream server is currently unavailable",
            504 => "The upstream server is timing out",
            500 => "An unexpected error occurred",
            status => reason_phrase(status),
        },
    };
    let said = Said::json(format!("{{\"message\":\"{message}\"}}"));
    let Some(limit) = error.limit else { return said };
    let amount = limit.quota.amount.to_string();
    let names = match limit.quota.per.as_secs() {
        1 => ["x-ratelimit-limit-second", "x-ratelimit-remaining-second"],
        60 => ["x-ratelimit-limit-minute", "x-ratelimit-remaining-minute"],
        3600 => ["x-ratelimit-limit-hour", "x-ratelimit-remaining-hour"],
        86_400 => ["x-ratelimit-limit-day", "x-ratelimit-remaining-day"],
        _ => ["x-ratelimit-limit-month", "x-ratelimit-remaining-month"],
    };
    said.with(names[0], amount.clone())
        .with(names[1], "0".to_owned())
        .with("ratelimit-limit", amount)
        .with("ratelimit-remaining", "0".to_owned())
        .with("ratelimit-reset", limit.wait_s.to_string())
}

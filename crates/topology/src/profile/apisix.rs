//! Apache APISIX.

use std::time::Duration;

use super::Reaction::{PassOn, Status};
use super::cell::{documented, inferred, source};
use super::words::nginx_page;
use super::{Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Why, Words};
use crate::units::SIZE_MAX;
use crate::wire::Refusal;

/// APISIX 3: nginx's core; a try for each node, 60 s time-outs.
pub(super) static APISIX: Profile = Profile {
    name: "apisix",
    about: "APISIX 3 with its defaults",
    source: "apache/apisix: apisix/upstream.lua, apisix/balancer.lua, apisix/init.lua; what nginx decides: as nginx",
    preset: Some("apisix-default"),
    limits: Limits { head: Some(8 << 10), body: Some(SIZE_MAX), keep_alive: Some(Duration::from_secs(75)) },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: inferred(
            Status(502),
            "connect() failed (111: Connection refused) in the error log",
        ),
        connection_timeout: source(
            Status(504),
            "upstream timed out while connecting to upstream in the error log",
        ),
        dns_error: source(Status(502), "failed to parse domain in the error log"),
        tls_protocol_error: source(Status(502), "SSL_do_handshake() failed in the error log"),
        tls_certificate_error: source(Status(502), "upstream SSL certificate verify error in the error log"),
        connection_terminated: inferred(
            Status(502),
            "upstream prematurely closed connection in the error log",
        ),
        stream_refused: inferred(Status(502), "upstream rejected request with error 7 in the error log"),
        stream_reset: inferred(Status(502), "upstream rejected request with error N in the error log"),
        head_incomplete: inferred(Status(502), "upstream prematurely closed connection in the error log"),
        body_incomplete: inferred(
            Status(502),
            "upstream prematurely closed connection while reading upstream in the error log",
        ),
        head_timeout: source(
            Status(504),
            "upstream timed out while reading response header in the error log",
        ),
        body_timeout: inferred(Status(504), "upstream timed out while reading upstream in the error log"),
        protocol_error: inferred(PassOn, "upstream sent no valid HTTP/1.0 header in the error log"),
        stream_error: inferred(Status(502), ""),
        content_incomplete: inferred(Status(502), ""),
        head_too_large: inferred(Status(502), "upstream sent too big header in the error log"),
        connection_limit_reached: inferred(Status(502), "no live upstreams in the error log"),
        destination_unavailable: source(Status(502), "\"failed to pick server\" in the error log"),
        cancelled: source(Status(499), "status 499 in the access log"),
    },
    refusal: RefusalTable {
        queue_full: source(503, "limit-conn: rejected_code 503"),
        rate_limited: source(503, "limit-req and limit-count: rejected_code 503"),
        quota_spent: documented(503, "ai-rate-limiting: rejected_code 503"),
        no_route: source(404, "{\"error_msg\":\"404 Route Not Found\"}"),
        unknown_path: source(404, "{\"error_msg\":\"404 Route Not Found\"}"),
        unknown_model: inferred(404, ""),
        bad_credentials: source(401, "{\"message\":\"Missing API key in request\"} or the like"),
        not_allowed: documented(403, "{\"message\":\"The consumer is forbidden.\"} (consumer-restriction)"),
        head_too_large: inferred(400, "client sent too long header line in the info log"),
        body_too_large: inferred(413, "client intended to send too large body in the error log"),
        loop_detected: inferred(502, "worker_connections are not enough in the error log"),
        deadline_exceeded: source(504, "upstream timed out in the error log"),
        exception: inferred(500, "a Lua error in the error log"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Source, says },
    proxy_status: false,
};

/// What plugins refuse is JSON, all else a page of `OpenResty`'s. The fields:
/// apisix/plugins/limit-count/init.lua.
fn says(error: &OwnError<'_>) -> Said {
    let json = match error.why {
        Why::Refused(Refusal::NoRoute | Refusal::UnknownPath | Refusal::UnknownModel) => {
            "{\"error_msg\":\"404 Route Not Found\"}"
        }
        Why::Refused(Refusal::BadCredentials) => "{\"message\":\"Missing API key in request\"}",
        Why::Refused(Refusal::NotAllowed) => "{\"message\":\"The consumer is forbidden.\"}",
        _ => "",
    };
    let said = if json.is_empty() { nginx_page(error, "openresty") } else { Said::json(json.to_owned()) };
    let Some(limit) = error.limit else { return said };
    said.with("x-ratelimit-limit", limit.quota.amount.to_string())
        .with("x-ratelimit-remaining", "0".to_owned())
        .with("x-ratelimit-reset", limit.wait_s.to_string())
}

//! The gateway that does what the standard recommends.

use super::Reaction::Status;
use super::cell::{documented, inferred};
use super::{
    Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Words, reason_phrase,
};

/// Statuses as recommended by RFC 9209 section 2.3, which also says which error type each is.
pub(super) static RFC9209: Profile = Profile {
    name: "rfc9209",
    about: "the status that RFC 9209 recommends for each failure, told in a Proxy-Status header",
    source: "RFC 9209 section 2.3; RFC 6585 for 429 and 431",
    preset: None,
    limits: Limits { head: None, body: None, keep_alive: None },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: documented(Status(502), "Proxy-Status: error=connection_refused"),
        connection_timeout: documented(Status(504), "Proxy-Status: error=connection_timeout"),
        dns_error: documented(Status(502), "Proxy-Status: error=dns_error"),
        tls_protocol_error: documented(Status(502), "Proxy-Status: error=tls_protocol_error"),
        tls_certificate_error: documented(Status(502), "Proxy-Status: error=tls_certificate_error"),
        connection_terminated: documented(Status(502), "Proxy-Status: error=connection_terminated"),
        stream_refused: inferred(Status(502), "Proxy-Status: error=connection_terminated"),
        stream_reset: inferred(Status(502), "Proxy-Status: error=connection_terminated"),
        head_incomplete: documented(Status(502), "Proxy-Status: error=http_response_incomplete"),
        body_incomplete: documented(Status(502), "Proxy-Status: error=http_response_incomplete"),
        head_timeout: documented(Status(504), "Proxy-Status: error=http_response_timeout"),
        body_timeout: documented(Status(504), "Proxy-Status: error=connection_read_timeout"),
        protocol_error: documented(Status(502), "Proxy-Status: error=http_protocol_error"),
        stream_error: inferred(Status(502), ""),
        content_incomplete: inferred(Status(502), ""),
        head_too_large: documented(Status(502), "Proxy-Status: error=http_response_header_section_size"),
        connection_limit_reached: documented(Status(503), "Proxy-Status: error=connection_limit_reached"),
        destination_unavailable: documented(Status(503), "Proxy-Status: error=destination_unavailable"),
        cancelled: inferred(Status(499), ""),
    },
    refusal: RefusalTable {
        queue_full: inferred(503, "Proxy-Status: error=connection_limit_reached"),
        rate_limited: documented(429, "Proxy-Status: error=proxy_internal_response"),
        quota_spent: documented(429, "Proxy-Status: error=proxy_internal_response"),
        no_route: documented(404, "Proxy-Status: error=destination_not_found"),
        unknown_path: inferred(404, "Proxy-Status: error=destination_not_found"),
        unknown_model: inferred(404, "Proxy-Status: error=destination_not_found"),
        bad_credentials: inferred(401, "Proxy-Status: error=http_request_denied"),
        not_allowed: documented(403, "Proxy-Status: error=http_request_denied"),
        head_too_large: documented(431, "Proxy-Status: error=http_request_error"),
        body_too_large: documented(413, "Proxy-Status: error=http_request_error"),
        loop_detected: documented(502, "Proxy-Status: error=proxy_loop_detected"),
        deadline_exceeded: documented(504, "Proxy-Status: error=http_response_timeout"),
        exception: documented(500, "Proxy-Status: error=proxy_internal_error"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Inferred, says },
    proxy_status: true,
};

/// The standard says nothing of bodies.
fn says(error: &OwnError<'_>) -> Said {
    Said::json(format!("{{\"error\":\"{}\",\"by\":\"{}\"}}", reason_phrase(error.status), error.node))
}

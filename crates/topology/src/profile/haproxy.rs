//! HAProxy as a reverse proxy.

use std::time::Duration;

use super::Reaction::{Status, StatusThenSilence};
use super::cell::{documented, inferred, measured};
use super::{Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Words};
use crate::units::SIZE_MAX;

/// HAProxy 2.6.12 in `mode http`. Measured, like nginx. Up to that version, a request that is not the
/// first on its client connection gets no answer where its callee's connection ended, or could not be
/// made in time: the connection is closed, nothing is logged, and the client is to try again. (Changed
/// in April 2024, commit 3fc38593d of haproxy/haproxy: later versions do so only where the callee's
/// connection was a used one.)
pub(super) static HAPROXY: Profile = Profile {
    name: "haproxy",
    about: "HAProxy 2.6 in mode http, with the time-outs of Debian's haproxy.cfg",
    source: "measured on HAProxy 2.6.12 (Debian 12); cancelled: its documentation, section 8.5",
    preset: Some("haproxy-default"),
    limits: Limits { head: Some(15 << 10), body: Some(SIZE_MAX), keep_alive: Some(Duration::from_secs(50)) },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: measured(Status(503), "in the log: flags SC-- after 3 retries, Tc -1"),
        connection_timeout: measured(StatusThenSilence(503), "in the log: flags sC--, Tc -1"),
        dns_error: measured(Status(503), "in the log: flags SC-- after 0 retries, Tc -1"),
        tls_protocol_error: measured(Status(503), "in the log: flags SC-- after 3 retries, Tc -1"),
        tls_certificate_error: measured(Status(503), "in the log: flags SC-- after 3 retries, Tc -1"),
        connection_terminated: measured(
            StatusThenSilence(502),
            "in the log: flags SH--, Tr -1; on a used client connection nothing at all",
        ),
        stream_refused: measured(
            StatusThenSilence(502),
            "in the log: flags SH--, Tr -1; on a used client connection nothing at all",
        ),
        stream_reset: measured(
            StatusThenSilence(502),
            "in the log: flags SH--, Tr -1; on a used client connection nothing at all",
        ),
        head_incomplete: measured(
            StatusThenSilence(502),
            "in the log: flags SH--, Tr -1; on a used client connection nothing at all",
        ),
        body_incomplete: measured(Status(502), "in the log: flags SD--"),
        head_timeout: measured(Status(504), "in the log: flags sH--, Tr -1"),
        body_timeout: measured(Status(504), "in the log: flags sD--"),
        protocol_error: measured(Status(502), "in the log: flags PH--, Tr -1"),
        stream_error: inferred(Status(502), ""),
        content_incomplete: inferred(Status(502), ""),
        head_too_large: measured(Status(502), "in the log: flags PH--, Tr -1"),
        connection_limit_reached: measured(Status(503), "in the log: flags sQ--"),
        destination_unavailable: measured(
            Status(503),
            "in the log: flags SC-- and <NOSRV>; Server ... is DOWN",
        ),
        cancelled: documented(Status(499), "in the log: flags CD-- or CH--"),
    },
    refusal: RefusalTable {
        queue_full: measured(503, "in the log: flags sQ--"),
        rate_limited: measured(429, "in the log: flags PR-- (deny) or LR-- (return)"),
        quota_spent: inferred(429, "in the log: flags PR-- (deny) or LR-- (return)"),
        no_route: measured(503, "in the log: flags SC-- and <NOSRV>"),
        unknown_path: inferred(404, "in the log: flags LR-- (return)"),
        unknown_model: inferred(404, ""),
        bad_credentials: documented(401, "in the log: flags PR-- (http-request auth)"),
        not_allowed: documented(403, "in the log: flags PR-- (http-request deny)"),
        head_too_large: measured(400, "in the log: flags PR-- and <BADREQ>"),
        body_too_large: inferred(413, "in the log: flags PR-- (deny)"),
        loop_detected: measured(504, "200 log lines for one request, then flags sH--"),
        deadline_exceeded: inferred(504, "in the log: flags sH--"),
        exception: documented(500, "in the log: flags IH-- or ID--"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Measured, says },
    proxy_status: false,
};

/// Measured on `HAProxy` 2.6.12 for 502, 503 and 504; the others: `HAProxy`'s doc/configuration.txt, errorfile.
fn says(error: &OwnError<'_>) -> Said {
    let (title, text) = match error.status {
        400 => ("400 Bad request", "Your browser sent an invalid request."),
        403 => ("403 Forbidden", "Request forbidden by administrative rules."),
        408 => ("408 Request Time-out", "Your browser didn't send a complete request in time."),
        429 => ("429 Too Many Requests", "You have sent too many requests in a given amount of time."),
        500 => ("500 Internal Server Error", "An internal server error occurred."),
        502 => ("502 Bad Gateway", "The server returned an invalid or incomplete response."),
        504 => ("504 Gateway Time-out", "The server didn't respond in time."),
        _ => ("503 Service Unavailable", "No server is available to handle this request."),
    };
    Said::html(format!("<html><body><h1>{title}</h1>\n{text}\n</body></html>\n"))
        .with("cache-control", "no-cache".to_owned())
}

//! nginx as a reverse proxy.

use std::time::Duration;

use super::Reaction::{PassOn, Status};
use super::cell::{documented, inferred, measured};
use super::words::nginx_page;
use super::{Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Words};

/// nginx 1.22.1 with `proxy_pass` to one server. Measured: one request to one bad upstream for each
/// failure; `limit_req` and `limit_conn` answer 503 unless `limit_req_status` says otherwise; a
/// request head over `large_client_header_buffers` is a 400; too many `worker_connections` in a
/// loop end in a 502; `max_conns` reached is "no live upstreams", a 502. Bytes that are no HTTP
/// status line it takes for an HTTP/0.9 response, and passes them on as they are.
pub(super) static NGINX: Profile = Profile {
    name: "nginx",
    about: "nginx 1.22 with proxy_pass to one server",
    source: "measured on nginx 1.22.1 (Debian 12); bad_credentials: ngx_http_auth_basic_module",
    preset: Some("nginx-default"),
    limits: Limits { head: Some(8 << 10), body: Some(1 << 20), keep_alive: Some(Duration::from_secs(75)) },
    passes_on: PassesOn::AsItComes,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: measured(
            Status(502),
            "in the error log: connect() failed (111: Connection refused) while connecting to upstream",
        ),
        connection_timeout: measured(
            Status(504),
            "in the error log: upstream timed out (110: Connection timed out) while connecting to upstream",
        ),
        dns_error: measured(Status(502), "in the error log: ... could not be resolved (3: Host not found)"),
        tls_protocol_error: measured(
            Status(502),
            "in the error log: SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream",
        ),
        tls_certificate_error: measured(
            Status(502),
            "in the error log: upstream SSL certificate verify error: (18:self-signed certificate) while SSL handshaking to upstream",
        ),
        connection_terminated: measured(
            Status(502),
            "in the error log: upstream prematurely closed connection while reading response header from upstream, or recv() failed (104: Connection reset by peer)",
        ),
        stream_refused: measured(
            Status(502),
            "in the error log: upstream rejected request with error 7 while reading response header from upstream (grpc_pass)",
        ),
        stream_reset: measured(
            Status(502),
            "in the error log: upstream rejected request with error N while reading response header from upstream (grpc_pass)",
        ),
        head_incomplete: measured(
            Status(502),
            "in the error log: upstream prematurely closed connection while reading response header from upstream",
        ),
        body_incomplete: measured(
            Status(502),
            "in the error log: upstream prematurely closed connection while reading upstream",
        ),
        head_timeout: measured(
            Status(504),
            "in the error log: upstream timed out (110: Connection timed out) while reading response header from upstream",
        ),
        body_timeout: measured(
            Status(504),
            "in the error log: upstream timed out (110: Connection timed out) while reading upstream",
        ),
        protocol_error: measured(
            PassOn,
            "in the error log: upstream sent no valid HTTP/1.0 header while reading response header from upstream; $status 009 in the access log",
        ),
        stream_error: inferred(Status(502), ""),
        content_incomplete: inferred(Status(502), ""),
        head_too_large: measured(
            Status(502),
            "in the error log: upstream sent too big header while reading response header from upstream",
        ),
        connection_limit_reached: measured(
            Status(502),
            "in the error log: no live upstreams while connecting to upstream",
        ),
        destination_unavailable: measured(
            Status(502),
            "in the error log: no live upstreams while connecting to upstream",
        ),
        cancelled: measured(Status(499), "$status 499 in the access log"),
    },
    refusal: RefusalTable {
        queue_full: measured(503, "in the error log: limiting connections by zone"),
        rate_limited: measured(503, "in the error log: limiting requests, excess: ... by zone"),
        quota_spent: inferred(429, ""),
        no_route: measured(404, "a 404 with $upstream_status - in the access log"),
        unknown_path: inferred(404, "a 404 with $upstream_status - in the access log"),
        unknown_model: inferred(404, ""),
        bad_credentials: documented(401, "a 401 with $upstream_status - in the access log"),
        not_allowed: documented(403, "in the error log: access forbidden by rule"),
        head_too_large: measured(400, "in the info log: client sent too long header line"),
        body_too_large: measured(413, "in the error log: client intended to send too large body"),
        loop_detected: measured(502, "in the error log: worker_connections are not enough"),
        deadline_exceeded: inferred(504, "in the error log: upstream timed out (110: Connection timed out)"),
        exception: measured(500, "in the error log: socket() failed (24: Too many open files) and the like"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Measured, says },
    proxy_status: false,
};

/// Measured on nginx 1.22.1.
fn says(error: &OwnError<'_>) -> Said {
    nginx_page(error, "nginx/1.22.1")
}

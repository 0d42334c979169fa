//! nginx as a reverse proxy.

use super::Reaction::{PassOn, Status};
use super::{FailureTable, Profile, RefusalTable};

/// nginx 1.22.1 with `proxy_pass` to one server. Measured: one request to one bad upstream for each
/// failure; `limit_req` and `limit_conn` answer 503 unless `limit_req_status` says otherwise; a
/// request head over `large_client_header_buffers` is a 400; too many `worker_connections` in a
/// loop end in a 502; `max_conns` reached is "no live upstreams", a 502. Bytes that are no HTTP
/// status line it takes for an HTTP/0.9 response, and passes them on as they are.
pub(super) static NGINX: Profile = Profile {
    name: "nginx",
    about: "nginx 1.22 with proxy_pass to one server",
    source: "measured on nginx 1.22.1 (Debian 12); cancelled: its access log's 499; bad_credentials: ngx_http_auth_basic_module",
    failure: FailureTable {
        connection_refused: Status(502),
        connection_timeout: Status(504),
        connection_terminated: Status(502),
        head_incomplete: Status(502),
        body_incomplete: Status(502),
        head_timeout: Status(504),
        body_timeout: Status(504),
        protocol_error: PassOn,
        head_too_large: Status(502),
        connection_limit_reached: Status(502),
        // "no live upstreams"
        destination_unavailable: Status(502),
        cancelled: Status(499),
    },
    refusal: RefusalTable {
        queue_full: 503,
        rate_limited: 503,
        no_route: 404,
        unknown_path: 404,
        bad_credentials: 401,
        head_too_large: 400,
        body_too_large: 413,
        loop_detected: 502,
        deadline_exceeded: 504,
        exception: 500,
    },
    proxy_status: false,
};

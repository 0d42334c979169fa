//! The gateway that does what the standard recommends.

use super::Reaction::Status;
use super::{FailureTable, Profile, RefusalTable};

/// Statuses as recommended by RFC 9209 section 2.3, which also says which error type each is.
pub(super) static RFC9209: Profile = Profile {
    name: "rfc9209",
    about: "the status that RFC 9209 recommends for each failure, told in a Proxy-Status header",
    source: "RFC 9209 section 2.3; RFC 6585 for 429 and 431",
    failure: FailureTable {
        connection_refused: Status(502),
        connection_timeout: Status(504),
        connection_terminated: Status(502),
        head_incomplete: Status(502),
        body_incomplete: Status(502),
        head_timeout: Status(504),
        body_timeout: Status(504),
        protocol_error: Status(502),
        head_too_large: Status(502),
        connection_limit_reached: Status(503),
        destination_unavailable: Status(503),
        cancelled: Status(499),
    },
    refusal: RefusalTable {
        queue_full: 503,
        rate_limited: 429,
        no_route: 404,
        unknown_path: 404,
        bad_credentials: 401,
        head_too_large: 431,
        body_too_large: 413,
        loop_detected: 502,
        deadline_exceeded: 504,
        exception: 500,
    },
    proxy_status: true,
};

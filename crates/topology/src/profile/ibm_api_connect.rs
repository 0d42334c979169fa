//! IBM API Connect.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{documented, inferred};
use super::{
    Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Why, Words,
    reason_phrase,
};
use crate::wire::Refusal;

/// IBM API Connect 10 on the `DataPower` API Gateway, one `invoke`. Nothing measured: there is no public
/// build. An uncaught `ConnectionError` answers 500 in public traces; whether every installation does so is not known.
pub(super) static IBM_API_CONNECT: Profile = Profile {
    name: "ibm-api-connect",
    about: "IBM API Connect 10, DataPower API Gateway: an invoke whose errors nobody catches",
    source: "ibm.com: toolkit reference SSMNED_10.0.8, support pages node/1128651, node/6195410, node/7073503, node/7247444",
    preset: Some("ibm-apic-invoke"),
    limits: Limits { head: None, body: None, keep_alive: Some(Duration::from_mins(3)) },
    passes_on: PassesOn::Whole,
    rewrites_errors: false,
    failure: FailureTable {
        connection_refused: inferred(
            Status(500),
            "in the DataPower log: 0x01130006 Failed to establish a backside connection; X-Backside-Transport: FAIL FAIL",
        ),
        connection_timeout: inferred(
            Status(500),
            "in the DataPower log: 0x01130006 Failed to establish a backside connection; X-Backside-Transport: FAIL FAIL",
        ),
        dns_error: inferred(
            Status(500),
            "in the DataPower log: 0x01130006 Failed to establish a backside connection; X-Backside-Transport: FAIL FAIL",
        ),
        tls_protocol_error: inferred(Status(500), "ConnectionError; X-Backside-Transport: FAIL FAIL"),
        tls_certificate_error: inferred(Status(500), "ConnectionError; X-Backside-Transport: FAIL FAIL"),
        connection_terminated: inferred(Status(500), "ConnectionError; X-Backside-Transport: FAIL FAIL"),
        stream_refused: inferred(Status(500), "ConnectionError; X-Backside-Transport: FAIL FAIL"),
        stream_reset: inferred(Status(500), "ConnectionError; X-Backside-Transport: FAIL FAIL"),
        head_incomplete: inferred(Status(500), "ConnectionError; X-Backside-Transport: FAIL FAIL"),
        body_incomplete: inferred(Status(500), "ConnectionError; X-Backside-Transport: FAIL FAIL"),
        head_timeout: inferred(Status(500), "ConnectionError after the invoke's timeout"),
        body_timeout: inferred(Status(500), "ConnectionError after the invoke's timeout"),
        protocol_error: inferred(Status(500), "ConnectionError; X-Backside-Transport: FAIL FAIL"),
        stream_error: inferred(Status(500), ""),
        content_incomplete: inferred(Status(500), ""),
        head_too_large: inferred(Status(500), "ConnectionError"),
        connection_limit_reached: inferred(Status(500), "ConnectionError"),
        destination_unavailable: inferred(Status(500), "ConnectionError"),
        cancelled: inferred(Status(499), ""),
    },
    refusal: RefusalTable {
        queue_full: inferred(503, ""),
        rate_limited: documented(
            429,
            "{\"httpCode\":\"429\",\"httpMessage\":\"Too Many Requests\",\"moreInformation\":\"Rate Limit exceeded\"}",
        ),
        quota_spent: inferred(
            429,
            "{\"httpCode\":\"429\",\"httpMessage\":\"Too Many Requests\",\"moreInformation\":\"Rate Limit exceeded\"}",
        ),
        no_route: documented(404, "No resources match requested URI"),
        unknown_path: documented(404, "No resources match requested URI"),
        unknown_model: inferred(404, "No resources match requested URI"),
        bad_credentials: documented(
            401,
            "{\"httpCode\":\"401\",\"httpMessage\":\"Unauthorized\",\"moreInformation\":\"Invalid client id or secret.\"}",
        ),
        not_allowed: inferred(403, "{\"httpCode\":\"403\",\"httpMessage\":\"Forbidden\",...}"),
        head_too_large: inferred(431, ""),
        body_too_large: inferred(413, ""),
        loop_detected: inferred(500, ""),
        deadline_exceeded: inferred(500, "ConnectionError after the invoke's timeout"),
        exception: documented(500, "{\"httpCode\":\"500\",\"httpMessage\":\"Internal Server Error\",...}"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Documented, says },
    proxy_status: false,
};

/// The shape, and what is refused before the assembly: ibm.com/support/pages/node/1128651 and
/// how-use-global-error-policy-catch-errors; the fields of plan limits: ibm.com/docs, rate limits. What an invoke
/// that nobody catches says is inferred.
fn says(error: &OwnError<'_>) -> Said {
    let more = match error.why {
        Why::Failed(_) => "Could not connect to endpoint",
        Why::Refused(Refusal::RateLimited | Refusal::QuotaSpent) => "Rate Limit exceeded",
        Why::Refused(Refusal::NoRoute | Refusal::UnknownPath | Refusal::UnknownModel) => {
            "No resources match requested URI"
        }
        Why::Refused(Refusal::BadCredentials) => "Invalid client id or secret.",
        Why::Refused(_) | Why::Rewritten => "",
    };
    let said = Said::json(format!(
        "{{\"httpCode\":\"{}\",\"httpMessage\":\"{}\",\"moreInformation\":\"{more}\"}}",
        error.status,
        reason_phrase(error.status),
    ));
    let Some(limit) = error.limit else { return said };
    said.with("x-ratelimit-limit", format!("name={},{};", limit.name, limit.quota.amount))
        .with("x-ratelimit-remaining", format!("name={},0;", limit.name))
}

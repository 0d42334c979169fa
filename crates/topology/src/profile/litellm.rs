//! `LiteLLM`'s proxy.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{documented, inferred, measured, source};
use super::words::quoted;
use super::{
    Evidence, FailureTable, Limits, OwnError, PassesOn, Profile, RefusalTable, Said, Why, Words,
    reason_phrase,
};
use crate::units::SIZE_MAX;
use crate::wire::{Failure, Refusal};

/// `LiteLLM`'s proxy 1.106.2, one deployment, not streaming. Measured, like nginx: every failed transport
/// is a 500, every time-out a 408, and its router has tried three times by then. It parses what the model said
/// before it answers. A model whose deployments all rest is a 429, as if it were a rate limit.
pub(super) static LITELLM: Profile = Profile {
    name: "litellm",
    about: "LiteLLM proxy 1.106, one deployment, not streaming",
    source: "measured on LiteLLM 1.106.2; a cooldown's 429, and the refusals: litellm/proxy/_types.py, litellm/types/router.py",
    preset: Some("litellm-router-1-deployment"),
    limits: Limits { head: Some(SIZE_MAX), body: Some(SIZE_MAX), keep_alive: Some(Duration::from_secs(5)) },
    passes_on: PassesOn::WholeButStreams,
    rewrites_errors: true,
    failure: FailureTable {
        connection_refused: measured(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        connection_timeout: measured(
            Status(408),
            "litellm.Timeout: APITimeoutError - Request timed out.; x-litellm-call-id",
        ),
        dns_error: measured(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        tls_protocol_error: measured(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        tls_certificate_error: measured(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        connection_terminated: measured(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        stream_refused: inferred(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        stream_reset: inferred(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        head_incomplete: measured(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        body_incomplete: measured(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        head_timeout: measured(
            Status(408),
            "litellm.Timeout: APITimeoutError - Request timed out.; x-litellm-call-id",
        ),
        body_timeout: measured(
            Status(408),
            "litellm.Timeout: APITimeoutError - Request timed out.; x-litellm-call-id",
        ),
        protocol_error: measured(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        stream_error: inferred(Status(500), ""),
        content_incomplete: measured(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Expecting ...; x-litellm-call-id",
        ),
        head_too_large: measured(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        connection_limit_reached: inferred(
            Status(500),
            "litellm.InternalServerError: ... OpenAIException - Connection error.; x-litellm-call-id",
        ),
        destination_unavailable: source(
            Status(429),
            "No deployments available for selected model, Try again in 5 seconds.; retry-after: 5",
        ),
        cancelled: inferred(Status(499), ""),
    },
    refusal: RefusalTable {
        queue_full: inferred(503, ""),
        rate_limited: source(429, "the key's or team's rpm or tpm limit in error.message"),
        quota_spent: documented(429, "error.type budget_exceeded; before 1.8x it was a 400"),
        no_route: source(404, "{\"detail\":\"Not Found\"}"),
        unknown_path: source(404, "{\"detail\":\"Not Found\"}"),
        unknown_model: source(400, "Invalid model name passed in model=..."),
        bad_credentials: source(401, "Authentication Error in error.message"),
        not_allowed: documented(403, "error.type key_model_access_denied; it was a 401 before"),
        head_too_large: inferred(431, ""),
        body_too_large: source(413, "Request size is too large"),
        loop_detected: inferred(
            408,
            "litellm.Timeout: APITimeoutError - Request timed out.; x-litellm-call-id",
        ),
        deadline_exceeded: inferred(
            408,
            "litellm.Timeout: APITimeoutError - Request timed out.; x-litellm-call-id",
        ),
        exception: measured(500, "error.type internal_server_error"),
        context_too_long: inferred(400, ""),
    },
    words: Words { evidence: Evidence::Measured, says },
    proxy_status: false,
};

/// Measured on `LiteLLM` 1.106.2 for what a callee does; the texts of its own refusals: `litellm/proxy/_types.py`,
/// `litellm/proxy/auth`. Of a callee's error it keeps the words too, which are not known here.
fn says(error: &OwnError<'_>) -> Said {
    let class = match error.status {
        400 => "BadRequestError",
        401 => "AuthenticationError",
        403 => "PermissionDeniedError",
        404 => "NotFoundError",
        408 | 504 => "Timeout",
        429 => "RateLimitError",
        502 => "BadGatewayError",
        503 => "ServiceUnavailableError",
        500 => "InternalServerError",
        _ => "APIError",
    };
    let (message, kind) = match error.why {
        Why::Refused(Refusal::NoRoute | Refusal::UnknownPath) => {
            return Said::json("{\"detail\":\"Not Found\"}".to_owned());
        }
        Why::Failed(Failure::DestinationUnavailable) => {
            ("No deployments available for selected model, Try again in 5 seconds.".to_owned(), "None")
        }
        Why::Failed(Failure::ConnectionTimeout | Failure::HeadTimeout | Failure::BodyTimeout)
        | Why::Refused(Refusal::DeadlineExceeded | Refusal::LoopDetected) => {
            ("litellm.Timeout: APITimeoutError - Request timed out.".to_owned(), "None")
        }
        Why::Failed(_) => (
            "litellm.InternalServerError: InternalServerError: OpenAIException - Connection error."
                .to_owned(),
            "internal_server_error",
        ),
        Why::Refused(Refusal::BadCredentials) => {
            ("Authentication Error, Invalid proxy server token passed.".to_owned(), "auth_error")
        }
        Why::Refused(Refusal::NotAllowed) => {
            ("key not allowed to access model.".to_owned(), "key_model_access_denied")
        }
        Why::Refused(Refusal::QuotaSpent) => ("Budget has been exceeded!".to_owned(), "budget_exceeded"),
        Why::Refused(Refusal::UnknownModel) => {
            ("Invalid model name passed in. Call `/v1/models` to view available models.".to_owned(), "None")
        }
        Why::Refused(Refusal::RateLimited) => match error.limit {
            Some(limit) => {
                let (name, quota) = (limit.name, limit.quota);
                (format!("Rate limit exceeded: {name}, current limit {quota}, remaining 0."), "None")
            }
            None => ("Rate limit exceeded.".to_owned(), "None"),
        },
        Why::Refused(_) | Why::Rewritten => {
            let reason = reason_phrase(error.status);
            (format!("litellm.{class}: {class}: OpenAIException - {reason}"), "None")
        }
    };
    Said::json(format!(
        "{{\"error\":{{\"message\":{},\"type\":\"{kind}\",\"param\":null,\"code\":\"{}\"}}}}",
        quoted(&message),
        error.status
    ))
}

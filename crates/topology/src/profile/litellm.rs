//! `LiteLLM`'s proxy.

use std::time::Duration;

use super::Reaction::Status;
use super::cell::{documented, inferred, measured, source};
use super::{FailureTable, Limits, PassesOn, Profile, RefusalTable};
use crate::units::SIZE_MAX;

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
    proxy_status: false,
};

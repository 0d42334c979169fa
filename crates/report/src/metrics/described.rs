//! The names of metrics, and what they say.

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// As it is exposed; histograms have `_bucket`, `_sum` and `_count` behind it.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels, beside `strategy` where one is in force.
    pub labels: &'static str,
    /// What it says.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:literal, $labels:literal, $help:literal;)*) => {
        $(pub(super) const $constant: Described =
            Described { name: $name, kind: $kind, labels: $labels, help: $help };)*
        /// All of them.
        pub const ALL: &[Described] = &[$($constant),*];
    };
}

metrics! {
    SERVER = "http_server_request_duration_seconds", "histogram", "node, http_response_status_code, error_type", "Requests that a node is done with: how long they stayed";
    CLIENT = "http_client_request_duration_seconds", "histogram", "node, server_address, http_response_status_code, error_type", "Attempts of a node at a callee that have ended: how long they took";
    IN_FLIGHT = "http_server_active_requests", "gauge", "node", "Requests inside a node";
    CALLS = "badgateway_calls_total", "counter", "node, outcome", "Calls that have ended, by their client: success or failure";
    CALL_DURATION = "badgateway_call_duration_seconds", "histogram", "node, http_response_status_code, error_type", "Calls that have ended: how long they took, retries included";
    FAILURES = "badgateway_failures_total", "counter", "outcome, origin, origin_kind, cause, mechanism, http_response_status_code", "Failures by where they were born, and why: those of calls that failed (surfaced) and those that a retry, a hedge or a fallback hid (masked)";
    ERRORS = "badgateway_error_responses_total", "counter", "node, http_response_status_code, source", "Statuses of 400 and more that a node answered, and who made them: own, refused, translated (made here), relayed (passed on)";
    RETRIES = "badgateway_retries_total", "counter", "node, server_address, outcome", "Attempts that were not the first: those whose answer came through to a client that was content (helped), and all others (in_vain)";
    REFUSED = "badgateway_retries_refused_total", "counter", "node, server_address", "Retries that a budget refused; only where there is one";
    QUEUE = "badgateway_queue_length", "gauge", "node", "Requests that wait for a worker";
    QUEUE_CAPACITY = "badgateway_queue_capacity", "gauge", "node", "How many requests may wait for a worker";
    BREAKER = "badgateway_breaker_state", "gauge", "node, server_address, state", "1 for the state in which a circuit breaker is: closed, open or half_open";
    PROCESS = "badgateway_process_up", "gauge", "node", "1 if a node's process is up";
    TOKEN_USAGE = "gen_ai_client_token_usage", "histogram", "node, gen_ai_provider_name, gen_ai_token_type", "Requests that a model server has worked on: how many tokens their prompts (input) and completions (output) had";
    TOKENS = "badgateway_tokens_total", "counter", "node, gen_ai_token_type, outcome", "Tokens that a model server has taken in (input) and made (output), for answers that came through (used) or for nobody (wasted), of calls that have ended";
    COST = "badgateway_cost_total", "counter", "node, outcome", "What they cost, by the model server's price";
    REFUSALS = "badgateway_refusals_total", "counter", "node, reason, rule", "Requests that a node refused by itself: why, and by which of its own rules, if by one";
    EXCEEDED = "badgateway_soft_limit_exceeded_total", "counter", "node, limit", "Requests that a node let in over a soft limit";
    INJECTED = "badgateway_fault_injections_total", "counter", "fault, at, cause, mechanism", "Attempts that a fault has hit, of calls that have ended";
    ACTIVE = "badgateway_fault_active", "gauge", "fault, at, cause, mechanism", "1 while a fault is active";
}

//! `POST /api/v1/services/aigc/text-generation/generation`, as `DashScope` (Tongyi Qianwen) documents
//! it. A stream is asked for by the header field `X-DashScope-SSE`.

use topology::llm::Asked;

use super::{EVENT_STREAM, Format, Said};

/// Text generation.
pub(super) static GENERATION: Format = Format {
    stream_type: EVENT_STREAM,
    request,
    whole,
    opening: |_| String::new(),
    token,
    closing,
    error,
    error_event,
};

/// The field that asks for a stream, and its value.
pub(super) const SSE: (&str, &str) = ("x-dashscope-sse", "enable");

fn request(asked: &Asked) -> (String, String) {
    let model = serde_json::Value::from(&*asked.model);
    let max = asked.max_tokens.map(|max| format!("\"max_tokens\":{max},")).unwrap_or_default();
    let increments = if asked.stream { "\"incremental_output\":true," } else { "" };
    let after = format!("\"}}]}},\"parameters\":{{{max}{increments}\"result_format\":\"message\"}}}}");
    (format!("{{\"model\":{model},\"input\":{{\"messages\":[{{\"role\":\"user\",\"content\":\""), after)
}

/// A response with this text.
fn response(said: &Said, text: &str, tokens: u32, reason: &str) -> String {
    let (id, prompt) = (said.id, said.prompt_tokens);
    format!(
        "{{\"output\":{{\"choices\":[{{\"finish_reason\":\"{reason}\",\
         \"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}}}}]}},\
         \"usage\":{{\"input_tokens\":{prompt},\"output_tokens\":{tokens},\"total_tokens\":{}}},\
         \"request_id\":\"{id}\"}}",
        u64::from(prompt) + u64::from(tokens)
    )
}

fn reason(said: &Said) -> &'static str {
    if said.is_capped { "length" } else { "stop" }
}

fn whole(said: &Said) -> String {
    response(said, &said.text(), said.tokens, reason(said))
}

fn event(place: u32, kind: &str, status: u16, data: &str) -> String {
    format!("id:{place}\nevent:{kind}\n:HTTP_STATUS/{status}\ndata:{data}\n\n")
}

fn token(said: &Said, place: u32, text: &str) -> String {
    event(place + 1, "result", 200, &response(said, text, place + 1, "null"))
}

fn closing(said: &Said) -> String {
    event(said.tokens + 1, "result", 200, &response(said, "", said.tokens, reason(said)))
}

/// Codes: <https://help.aliyun.com/en/model-studio/error-code-start>.
fn error(status: u16) -> String {
    let (code, message) = match status {
        400 => ("InvalidParameter", "Range of input length should be within the model's limit."),
        401 => ("InvalidApiKey", "Invalid API-key provided."),
        403 => ("AccessDenied", "Access denied."),
        404 => ("ModelNotFound", "Model can not be found."),
        429 => ("Throttling.RateQuota", "Requests rate limit exceeded, please try again later."),
        503 => ("ModelUnavailable", "Model is unavailable, please try again later."),
        500.. => ("InternalError", "An internal error has occurred, please try again later."),
        _ => ("InvalidParameter", topology::profile::reason_phrase(status)),
    };
    format!("{{\"code\":\"{code}\",\"message\":\"{message}\",\"request_id\":\"badgateway\"}}")
}

fn error_event(said: &Said) -> String {
    event(said.tokens, "error", 500, &error(500))
}

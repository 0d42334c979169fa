//! `POST /v1/messages`, as Anthropic documents it.

use topology::llm::Asked;

use super::{EVENT_STREAM, Format, Said};

/// Messages.
pub(super) static MESSAGES: Format =
    Format { stream_type: EVENT_STREAM, request, whole, opening, token, closing, error, error_event };

/// `max_tokens` must be said here: where a load does not, it is this.
const MAX_TOKENS: u32 = 4096;

fn request(asked: &Asked) -> (String, String) {
    let model = serde_json::Value::from(&*asked.model);
    let max = asked.max_tokens.unwrap_or(MAX_TOKENS);
    let stream = if asked.stream { ",\"stream\":true" } else { "" };
    let before = format!(
        "{{\"model\":{model},\"max_tokens\":{max}{stream},\"messages\":[{{\"role\":\"user\",\"content\":\""
    );
    (before, "\"}]}".to_owned())
}

fn stop_reason(said: &Said) -> &'static str {
    if said.is_capped { "max_tokens" } else { "end_turn" }
}

/// A message with this content, reason and number of tokens so far.
fn message(said: &Said, content: &str, reason: &str, tokens: u32) -> String {
    let (id, model, prompt) = (said.id, &said.form.model, said.prompt_tokens);
    format!(
        "{{\"id\":\"msg_{id}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":{model},\
         \"content\":[{content}],\"stop_reason\":{reason},\"stop_sequence\":null,\
         \"usage\":{{\"input_tokens\":{prompt},\"output_tokens\":{tokens}}}}}"
    )
}

fn whole(said: &Said) -> String {
    let content = format!("{{\"type\":\"text\",\"text\":\"{}\"}}", said.text());
    message(said, &content, &format!("\"{}\"", stop_reason(said)), said.tokens)
}

fn event(kind: &str, data: &str) -> String {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{data}}}\n\n")
}

fn opening(said: &Said) -> String {
    let start = event("message_start", &format!(",\"message\":{}", message(said, "", "null", 1)));
    let block =
        event("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
    format!("{start}{block}{}", event("ping", ""))
}

fn token(_: &Said, _: u32, text: &str) -> String {
    let delta = format!(",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}");
    event("content_block_delta", &delta)
}

fn closing(said: &Said) -> String {
    let delta = format!(
        ",\"delta\":{{\"stop_reason\":\"{}\",\"stop_sequence\":null}},\"usage\":{{\"output_tokens\":{}}}",
        stop_reason(said),
        said.tokens
    );
    let stop = event("content_block_stop", ",\"index\":0");
    format!("{stop}{}{}", event("message_delta", &delta), event("message_stop", ""))
}

/// Types: <https://platform.claude.com/docs/en/api/errors>.
fn error(status: u16) -> String {
    let (kind, message) = match status {
        400 => ("invalid_request_error", "prompt is too long"),
        401 => ("authentication_error", "invalid x-api-key"),
        402 => ("billing_error", "There is a billing issue."),
        403 => ("permission_error", "Your API key may not use this resource."),
        404 => ("not_found_error", "Not found"),
        413 => ("request_too_large", "Request exceeds the maximum size"),
        429 => ("rate_limit_error", "This request would exceed your rate limit."),
        504 => ("timeout_error", "Request timed out"),
        529 => ("overloaded_error", "Overloaded"),
        500.. => ("api_error", "Internal server error"),
        _ => ("invalid_request_error", topology::profile::reason_phrase(status)),
    };
    format!("{{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"{message}\"}}}}")
}

fn error_event(_: &Said) -> String {
    event("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}")
}

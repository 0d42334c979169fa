//! `POST /v1/chat/completions`, as `OpenAI` documents it.

use std::fmt::Write as _;

use topology::llm::Asked;

use super::{CREATED, EVENT_STREAM, Format, Said};

/// Chat completions.
pub(super) static CHAT: Format = Format {
    stream_type: EVENT_STREAM,
    request,
    whole,
    opening: |_| String::new(),
    token,
    closing,
    error,
    error_event: |_| {
        let error = "{\"error\":{\"message\":\"The server had an error while processing your request.\",\
                     \"type\":\"server_error\",\"param\":null,\"code\":null}}";
        format!("data: {error}\n\n")
    },
};

/// The same with the errors of Mistral.
pub(super) static MISTRAL: Format = Format {
    stream_type: EVENT_STREAM,
    request: mistral_request,
    whole,
    opening: |_| String::new(),
    token,
    closing,
    error: mistral_error,
    error_event: |_| format!("data: {{\"error\":{}}}\n\n", mistral_error(503)),
};

fn request(asked: &Asked) -> (String, String) {
    body(asked, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}")
}

/// Mistral tells the usage of streams unasked.
fn mistral_request(asked: &Asked) -> (String, String) {
    body(asked, ",\"stream\":true")
}

fn body(asked: &Asked, stream: &str) -> (String, String) {
    let model = serde_json::Value::from(&*asked.model);
    let mut after = "\"}]".to_owned();
    if let Some(max) = asked.max_tokens {
        let _ = write!(after, ",\"max_tokens\":{max}");
    }
    if asked.stream {
        after.push_str(stream);
    }
    after.push('}');
    (format!("{{\"model\":{model},\"messages\":[{{\"role\":\"user\",\"content\":\""), after)
}

fn finish_reason(said: &Said) -> &'static str {
    if said.is_capped { "length" } else { "stop" }
}

fn usage(said: &Said) -> String {
    let (prompt, completion) = (said.prompt_tokens, said.tokens);
    format!(
        "{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion},\"total_tokens\":{}}}",
        u64::from(prompt) + u64::from(completion)
    )
}

fn whole(said: &Said) -> String {
    let (id, model) = (said.id, &said.form.model);
    format!(
        "{{\"id\":\"chatcmpl-{id}\",\"object\":\"chat.completion\",\"created\":{CREATED},\"model\":{model},\
         \"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{}\"}},\
         \"finish_reason\":\"{}\"}}],\"usage\":{}}}",
        said.text(),
        finish_reason(said),
        usage(said),
    )
}

/// An event with these choices.
fn chunk(said: &Said, choices: &str, usage: &str) -> String {
    let (id, model) = (said.id, &said.form.model);
    format!(
        "data: {{\"id\":\"chatcmpl-{id}\",\"object\":\"chat.completion.chunk\",\"created\":{CREATED},\
         \"model\":{model},\"choices\":[{choices}]{usage}}}\n\n"
    )
}

fn token(said: &Said, place: u32, text: &str) -> String {
    let role = if place == 0 { "\"role\":\"assistant\"," } else { "" };
    let delta = format!("{{\"index\":0,\"delta\":{{{role}\"content\":\"{text}\"}},\"finish_reason\":null}}");
    chunk(said, &delta, "")
}

fn closing(said: &Said) -> String {
    let reason = finish_reason(said);
    let mut closing =
        chunk(said, &format!("{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{reason}\"}}"), "");
    if said.form.tells_usage {
        closing.push_str(&chunk(said, "", &format!(",\"usage\":{}", usage(said))));
    }
    closing.push_str("data: [DONE]\n\n");
    closing
}

/// Types and codes: <https://platform.openai.com/docs/guides/error-codes>.
pub(super) fn error(status: u16) -> String {
    let (message, kind, code) = match status {
        400 => (
            "This model's maximum context length is exceeded.",
            "invalid_request_error",
            "\"context_length_exceeded\"",
        ),
        401 => ("Incorrect API key provided.", "invalid_request_error", "\"invalid_api_key\""),
        404 => ("Invalid URL.", "invalid_request_error", "null"),
        429 => ("Rate limit reached. Please try again later.", "requests", "\"rate_limit_exceeded\""),
        503 => (
            "The engine is currently overloaded, please try again later.",
            "service_unavailable_error",
            "null",
        ),
        500..=502 | 504.. => {
            ("The server had an error while processing your request.", "server_error", "null")
        }
        _ => (topology::profile::reason_phrase(status), "invalid_request_error", "null"),
    };
    format!("{{\"error\":{{\"message\":\"{message}\",\"type\":\"{kind}\",\"param\":null,\"code\":{code}}}}}")
}

/// Types: <https://docs.mistral.ai/resources/error-glossary>.
fn mistral_error(status: u16) -> String {
    let (message, kind) = match status {
        400 => ("Prompt contains too many tokens.", "invalid_request_prompt"),
        401 => ("Unauthorized", "unauthorized"),
        404 => ("Not found", "not_found"),
        429 => ("Requests rate limit exceeded", "rate_limited"),
        503 => ("Service unavailable.", "unavailable"),
        500.. => ("Internal server error.", "internal_server_error"),
        _ => (topology::profile::reason_phrase(status), "invalid_request_error"),
    };
    format!(
        "{{\"object\":\"error\",\"message\":\"{message}\",\"type\":\"{kind}\",\"param\":null,\"code\":null}}"
    )
}

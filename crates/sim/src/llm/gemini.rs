//! `POST /v1beta/models/MODEL:generateContent`, as Google documents it. A stream has no end mark of its
//! own: its last event is the one with a `finishReason`.

use topology::llm::Asked;

use super::{EVENT_STREAM, Format, Said};

/// Generated content.
pub(super) static CONTENT: Format = Format {
    stream_type: EVENT_STREAM,
    request,
    whole,
    opening: |_| String::new(),
    token,
    closing,
    error,
    error_event,
};

fn request(asked: &Asked) -> (String, String) {
    let max = asked.max_tokens.map(|max| format!(",\"generationConfig\":{{\"maxOutputTokens\":{max}}}"));
    let after = format!("\"}}]}}]{}}}", max.unwrap_or_default());
    ("{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"".to_owned(), after)
}

/// A response with this text.
fn response(said: &Said, text: &str, tokens: u32, finish: bool) -> String {
    let (id, model, prompt) = (said.id, &said.form.model, said.prompt_tokens);
    let reason = match (finish, said.is_capped) {
        (false, _) => "",
        (true, false) => "\"finishReason\":\"STOP\",",
        (true, true) => "\"finishReason\":\"MAX_TOKENS\",",
    };
    format!(
        "{{\"candidates\":[{{\"content\":{{\"role\":\"model\",\"parts\":[{{\"text\":\"{text}\"}}]}},{reason}\
         \"index\":0}}],\"usageMetadata\":{{\"promptTokenCount\":{prompt},\"candidatesTokenCount\":{tokens},\
         \"totalTokenCount\":{}}},\"modelVersion\":{model},\"responseId\":\"{id}\"}}",
        u64::from(prompt) + u64::from(tokens)
    )
}

fn whole(said: &Said) -> String {
    response(said, &said.text(), said.tokens, true)
}

fn token(said: &Said, place: u32, text: &str) -> String {
    format!("data: {}\r\n\r\n", response(said, text, place + 1, false))
}

fn closing(said: &Said) -> String {
    format!("data: {}\r\n\r\n", response(said, "", said.tokens, true))
}

/// Codes: <https://ai.google.dev/gemini-api/docs/troubleshooting>.
fn error(status: u16) -> String {
    let (kind, message) = match status {
        400 => ("INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens allowed."),
        401 => ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
        403 => ("PERMISSION_DENIED", "API key not valid. Please pass a valid API key."),
        404 => ("NOT_FOUND", "Requested entity was not found."),
        429 => ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
        503 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
        504 => ("DEADLINE_EXCEEDED", "The request timed out. Please try again."),
        500.. => ("INTERNAL", "An internal error has occurred."),
        _ => ("FAILED_PRECONDITION", topology::profile::reason_phrase(status)),
    };
    format!("{{\"error\":{{\"code\":{status},\"message\":\"{message}\",\"status\":\"{kind}\"}}}}")
}

fn error_event(_: &Said) -> String {
    format!("data: {}\r\n\r\n", error(503))
}

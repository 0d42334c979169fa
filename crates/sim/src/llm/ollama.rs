//! `POST /api/chat`, as Ollama documents it: a stream is one JSON text a line.

use topology::llm::Asked;

use super::{Format, Said};

/// The type of a stream.
pub(super) const LINES: &str = "application/x-ndjson";

/// A chat.
pub(super) static CHAT: Format = Format {
    stream_type: LINES,
    request,
    whole,
    opening: |_| String::new(),
    token,
    closing,
    error,
    error_event: |_| "{\"error\":\"an error was encountered while running the model\"}\n".to_owned(),
};

const CREATED_AT: &str = "2023-11-14T22:13:20Z";

fn request(asked: &Asked) -> (String, String) {
    let model = serde_json::Value::from(&*asked.model);
    let max = asked.max_tokens.map(|max| format!(",\"options\":{{\"num_predict\":{max}}}"));
    let after = format!("\"}}]{},\"stream\":{}}}", max.unwrap_or_default(), asked.stream);
    (format!("{{\"model\":{model},\"messages\":[{{\"role\":\"user\",\"content\":\""), after)
}

/// A part of the answer, or its end.
fn part(said: &Said, text: &str, rest: &str) -> String {
    let model = &said.form.model;
    format!(
        "{{\"model\":{model},\"created_at\":\"{CREATED_AT}\",\
         \"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},{rest}}}"
    )
}

fn end(said: &Said) -> String {
    let reason = if said.is_capped { "length" } else { "stop" };
    format!(
        "\"done\":true,\"done_reason\":\"{reason}\",\"prompt_eval_count\":{},\"eval_count\":{}",
        said.prompt_tokens, said.tokens
    )
}

fn whole(said: &Said) -> String {
    part(said, &said.text(), &end(said))
}

fn token(said: &Said, _: u32, text: &str) -> String {
    format!("{}\n", part(said, text, "\"done\":false"))
}

fn closing(said: &Said) -> String {
    format!("{}\n", part(said, "", &end(said)))
}

fn error(status: u16) -> String {
    let message = match status {
        400 => "the input exceeds the context length",
        401 => "unauthorized",
        404 => "not found",
        503 => "server busy, please try again.  maximum pending requests exceeded",
        500..=502 | 504.. => "an error was encountered while running the model",
        _ => topology::profile::reason_phrase(status),
    };
    format!("{{\"error\":\"{message}\"}}")
}

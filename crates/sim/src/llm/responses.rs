//! `POST /v1/responses`, as `OpenAI` documents it.

use topology::llm::Asked;

use super::{CREATED, EVENT_STREAM, Format, Said, openai};

/// Responses. No load sends such requests by itself: its clients use chat completions.
pub(super) static RESPONSES: Format = Format {
    stream_type: EVENT_STREAM,
    request,
    whole,
    opening,
    token,
    closing,
    error: openai::error,
    error_event,
};

fn request(asked: &Asked) -> (String, String) {
    let model = serde_json::Value::from(&*asked.model);
    (format!("{{\"model\":{model},\"input\":\""), format!("\",\"stream\":{}}}", asked.stream))
}

fn item(said: &Said) -> String {
    let (id, text) = (said.id, said.text());
    format!(
        "{{\"type\":\"message\",\"id\":\"msg_{id}\",\"status\":\"completed\",\"role\":\"assistant\",\
         \"content\":[{{\"type\":\"output_text\",\"text\":\"{text}\",\"annotations\":[]}}]}}"
    )
}

fn response(said: &Said, status: &str, output: &str, rest: &str) -> String {
    let (id, model) = (said.id, &said.form.model);
    format!(
        "{{\"id\":\"resp_{id}\",\"object\":\"response\",\"created_at\":{CREATED},\"status\":\"{status}\",\
         \"model\":{model},\"output\":[{output}],\"parallel_tool_calls\":true,\"tool_choice\":\"auto\",\
         \"tools\":[]{rest}}}"
    )
}

fn finished(said: &Said) -> String {
    let (prompt, completion) = (said.prompt_tokens, said.tokens);
    let usage = format!(
        ",\"usage\":{{\"input_tokens\":{prompt},\"input_tokens_details\":{{\"cached_tokens\":0}},\
         \"output_tokens\":{completion},\"output_tokens_details\":{{\"reasoning_tokens\":0}},\
         \"total_tokens\":{}}}",
        u64::from(prompt) + u64::from(completion)
    );
    response(said, "completed", &item(said), &usage)
}

fn whole(said: &Said) -> String {
    finished(said)
}

fn event(kind: &str, number: u32, rest: &str) -> String {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number}{rest}}}\n\n")
}

fn opening(said: &Said) -> String {
    let id = said.id;
    let created = format!(",\"response\":{}", response(said, "in_progress", "", ""));
    let item = format!(
        ",\"output_index\":0,\"item\":{{\"type\":\"message\",\"id\":\"msg_{id}\",\"status\":\"in_progress\",\
         \"role\":\"assistant\",\"content\":[]}}"
    );
    let part = format!(
        ",\"item_id\":\"msg_{id}\",\"output_index\":0,\"content_index\":0,\
         \"part\":{{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[]}}"
    );
    let added = event("response.output_item.added", 1, &item);
    format!(
        "{}{added}{}",
        event("response.created", 0, &created),
        event("response.content_part.added", 2, &part)
    )
}

fn token(said: &Said, place: u32, text: &str) -> String {
    let id = said.id;
    let delta = format!(
        ",\"item_id\":\"msg_{id}\",\"output_index\":0,\"content_index\":0,\"delta\":\"{text}\",\"logprobs\":[]"
    );
    event("response.output_text.delta", place + 3, &delta)
}

fn closing(said: &Said) -> String {
    let (id, after) = (said.id, said.tokens + 3);
    let done = format!(
        ",\"item_id\":\"msg_{id}\",\"output_index\":0,\"content_index\":0,\"text\":\"{}\",\"logprobs\":[]",
        said.text()
    );
    let item = format!(",\"output_index\":0,\"item\":{}", item(said));
    let completed = format!(",\"response\":{}", finished(said));
    format!(
        "{}{}{}",
        event("response.output_text.done", after, &done),
        event("response.output_item.done", after + 1, &item),
        event("response.completed", after + 2, &completed)
    )
}

fn error_event(said: &Said) -> String {
    let message = ",\"code\":\"server_error\",\"message\":\"The server had an error.\",\"param\":null";
    event("error", said.tokens + 3, message)
}

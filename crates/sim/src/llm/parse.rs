//! What a real request asks of a model server.

use std::sync::Arc;

use http::Method;
use serde_json::Value;
use topology::llm::{Api, Asked};

use super::text::tokens_of;
use super::{Form, Format, openai};

/// What a path of a model server is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// A completion in this form.
    Completion(&'static Format),
    /// The list of models.
    Models,
    /// Nothing that is served.
    Unknown,
}

/// What a request to a server of this API is for.
pub(crate) fn target(_api: Api, method: &Method, path: &str) -> Target {
    match (method, path) {
        (&Method::POST, path) if path.ends_with("/chat/completions") => Target::Completion(&openai::CHAT),
        (&Method::GET, path) if path.ends_with("/models") => Target::Models,
        _ => Target::Unknown,
    }
}

/// Reads a request for a completion. What it does not say, or says strangely, is as if it were not
/// there: a model server under test had better answer.
pub(crate) fn parse(format: &'static Format, body: &[u8]) -> (Form, Asked) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let model = body["model"].as_str().unwrap_or_default();
    let max = ["max_completion_tokens", "max_tokens"].iter().find_map(|key| body[key].as_u64());
    let tells_usage = body["stream_options"]["include_usage"].as_bool().unwrap_or(false);
    let asked = Asked {
        model: Arc::from(model),
        prompt_tokens: tokens_of(text_len(&body["messages"])).max(1),
        max_tokens: max.map(|max| u32::try_from(max).unwrap_or(u32::MAX)),
        stream: body["stream"].as_bool().unwrap_or(false),
        key: None,
    };
    (Form::new(format, model, tells_usage), asked)
}

/// How long all texts are: of messages as texts, and as lists of parts.
fn text_len(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(text_len).sum(),
        Value::Object(fields) => {
            ["content", "text", "parts"].iter().filter_map(|key| fields.get(*key)).map(text_len).sum()
        }
        _ => 0,
    }
}

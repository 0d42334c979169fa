//! What model servers answer besides completions: at once, and from the request alone.

use serde_json::Value;
use topology::llm::{Api, Model};

use super::{CREATED, parse::prompt_tokens};

/// Something that is not a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Other {
    /// The list of models.
    Models,
    /// How many tokens a request has.
    CountTokens,
    /// A vector for each text.
    Embeddings,
}

/// How long the vectors are.
const DIMENSIONS: usize = 8;

pub(super) fn target(api: Api, posted: bool, path: &str) -> Option<Other> {
    match api {
        Api::Ollama if !posted && path.ends_with("/api/tags") => Some(Other::Models),
        _ if !posted && path.ends_with("/models") => Some(Other::Models),
        Api::Anthropic if posted && path.ends_with("/messages/count_tokens") => Some(Other::CountTokens),
        Api::Gemini if posted && path.ends_with(":countTokens") => Some(Other::CountTokens),
        Api::OpenAi | Api::Mistral | Api::Ollama if posted && path.ends_with("/v1/embeddings") => {
            Some(Other::Embeddings)
        }
        _ => None,
    }
}

impl Other {
    /// What a model server answers.
    pub(crate) fn answer(self, model: &Model, path: &str, body: &[u8]) -> String {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match self {
            Self::Models => models(model, path),
            Self::CountTokens if model.api == Api::Gemini => {
                format!("{{\"totalTokens\":{}}}", prompt_tokens(&body))
            }
            Self::CountTokens => format!("{{\"input_tokens\":{}}}", prompt_tokens(&body)),
            Self::Embeddings => embeddings(&body),
        }
    }
}

fn models(model: &Model, path: &str) -> String {
    let each = |write: &dyn Fn(&Value) -> String| {
        let entries: Vec<String> =
            model.models.iter().map(|name| write(&Value::from(name.as_str()))).collect();
        entries.join(",")
    };
    match model.api {
        Api::Anthropic => format!(
            "{{\"data\":[{}],\"has_more\":false,\"first_id\":null,\"last_id\":null}}",
            each(&|name| format!(
                "{{\"type\":\"model\",\"id\":{name},\"display_name\":{name},\"created_at\":\"2023-11-14T22:13:20Z\"}}"
            ))
        ),
        Api::Gemini => format!(
            "{{\"models\":[{}]}}",
            each(&|name| {
                let full = Value::from(format!("models/{}", name.as_str().unwrap_or_default()));
                format!(
                    "{{\"name\":{full},\"displayName\":{name},\"inputTokenLimit\":{},\
                     \"supportedGenerationMethods\":[\"generateContent\"]}}",
                    model.context
                )
            })
        ),
        Api::Ollama if path.ends_with("/api/tags") => format!(
            "{{\"models\":[{}]}}",
            each(&|name| format!(
                "{{\"name\":{name},\"model\":{name},\"size\":0,\"digest\":\"\",\"details\":{{}}}}"
            ))
        ),
        _ => format!(
            "{{\"object\":\"list\",\"data\":[{}]}}",
            each(&|name| format!(
                "{{\"id\":{name},\"object\":\"model\",\"created\":{CREATED},\"owned_by\":\"badgateway\"}}"
            ))
        ),
    }
}

/// The same vector for every text: as floats, or in base 64 as `OpenAI`'s client asks for them.
fn embeddings(body: &Value) -> String {
    let texts = body["input"].as_array().map_or(1, Vec::len);
    let vector = if body["encoding_format"] == "base64" {
        // 0.25 as a little-endian f32 is 00 00 80 3e: three of them fill a whole number of groups.
        let triples = "AACAPgAAgD4AAIA+".repeat(DIMENSIONS / 3);
        format!("\"{triples}\"")
    } else {
        format!("[{}]", ["0.25"; DIMENSIONS / 3 * 3].join(","))
    };
    let entries: Vec<String> = (0..texts)
        .map(|place| format!("{{\"object\":\"embedding\",\"index\":{place},\"embedding\":{vector}}}"))
        .collect();
    let tokens = prompt_tokens(body);
    format!(
        "{{\"object\":\"list\",\"data\":[{}],\"model\":{},\
         \"usage\":{{\"prompt_tokens\":{tokens},\"total_tokens\":{tokens}}}}}",
        entries.join(","),
        Value::from(body["model"].as_str().unwrap_or_default())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_as_they_are_asked_for() {
        let read = |format: &str| {
            let body = serde_json::json!({ "model": "e", "input": ["a", "b"], "encoding_format": format });
            serde_json::from_str::<Value>(&embeddings(&body)).unwrap()
        };
        assert_eq!(read("float")["data"][1]["embedding"].as_array().unwrap().len(), 6);
        assert_eq!(read("base64")["data"][1]["embedding"], "AACAPgAAgD4AAIA+AACAPgAAgD4AAIA+");
    }
}

//! What a real request asks of a model server.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use topology::llm::{Api, Ask, Asked, Tokens};
use topology::load::Body;

use super::text::tokens_of;
use super::{Form, Format, anthropic, dashscope, gemini, ollama, openai, other, responses};

/// What a path of a model server is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// A completion in this form.
    Completion(&'static Format),
    /// Something else that is answered at once.
    Other(other::Other),
    /// Nothing that is served.
    Unknown,
}

/// What a request to a server of this API is for. What comes before the last parts of a path does not
/// matter: clients are given base addresses with and without `/v1`.
pub(crate) fn target(api: Api, method: &Method, path: &str) -> Target {
    if *method != Method::POST && *method != Method::GET {
        return Target::Unknown;
    }
    let posted = *method == Method::POST;
    let compatible = matches!(api, Api::OpenAi | Api::Mistral | Api::Ollama | Api::DashScope);
    if compatible && posted && path.ends_with("/chat/completions") {
        return Target::Completion(if api == Api::Mistral { &openai::MISTRAL } else { &openai::CHAT });
    }
    match api {
        Api::OpenAi if posted && path.ends_with("/responses") => Target::Completion(&responses::RESPONSES),
        Api::Anthropic if posted && path.ends_with("/messages") => Target::Completion(&anthropic::MESSAGES),
        Api::Gemini
            if posted && (path.ends_with(":generateContent") || path.ends_with(":streamGenerateContent")) =>
        {
            Target::Completion(&gemini::CONTENT)
        }
        Api::Ollama if posted && path.ends_with("/api/chat") => Target::Completion(&ollama::CHAT),
        Api::DashScope if posted && path.ends_with("/text-generation/generation") => {
            Target::Completion(&dashscope::GENERATION)
        }
        _ => other::target(api, posted, path).map_or(Target::Unknown, Target::Other),
    }
}

/// Reads a request for a completion. What it does not say, or says strangely, is as if it were not
/// there: a model server under test had better answer.
pub(crate) fn parse(format: &'static Format, path: &str, headers: &HeaderMap, body: &[u8]) -> (Form, Asked) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let named = path.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(model, _)| model);
    let model = body["model"].as_str().or(named).unwrap_or_default();
    let max = [
        &body["max_completion_tokens"],
        &body["max_tokens"],
        &body["max_output_tokens"],
        &body["generationConfig"]["maxOutputTokens"],
        &body["options"]["num_predict"],
        &body["parameters"]["max_tokens"],
    ];
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Ollama streams unless it is told not to.
    let by_default = std::ptr::eq(format, &raw const ollama::CHAT)
        || path.ends_with(":streamGenerateContent")
        || said(dashscope::SSE.0) == Some(dashscope::SSE.1);
    let always = std::ptr::eq(format, &raw const openai::MISTRAL);
    let asked = Asked {
        model: Arc::from(model),
        prompt_tokens: prompt_tokens(&body),
        max_tokens: max.into_iter().find_map(Value::as_u64).map(|max| u32::try_from(max).unwrap_or(u32::MAX)),
        stream: body["stream"].as_bool().unwrap_or(by_default),
    };
    let tells_usage = always || body["stream_options"]["include_usage"].as_bool().unwrap_or(false);
    (Form::new(format, model, tells_usage), asked)
}

/// How many tokens a request's prompt counts as.
pub(super) fn prompt_tokens(body: &Value) -> u32 {
    let texts = ["messages", "system", "contents", "systemInstruction", "input", "instructions", "prompt"];
    tokens_of(texts.iter().map(|key| text_len(&body[*key])).sum()).max(1)
}

/// How long all texts are: of messages as texts, and as lists of parts.
fn text_len(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(text_len).sum(),
        Value::Object(fields) => {
            let holders = ["content", "text", "parts", "messages", "prompt"];
            holders.iter().filter_map(|key| fields.get(*key)).map(text_len).sum()
        }
        _ => 0,
    }
}

/// What a request asks that was not made of an [`Ask`], if its path is one of a model's and it names a
/// model; and the form of the answer, if that is a completion.
pub(crate) fn read(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<(Ask, Option<Form>)> {
    let found = |wanted: fn(Target) -> bool| {
        let targets = Api::ALL.into_iter().map(|api| (api, target(api, method, path)));
        targets.into_iter().find(|(_, target)| wanted(*target))
    };
    let completion = found(|target| matches!(target, Target::Completion(_)));
    let (api, target) = completion.or_else(|| found(|target| matches!(target, Target::Other(_))))?;
    let (form, asked) = match target {
        Target::Completion(format) => {
            let (form, asked) = parse(format, path, headers, body);
            (Some(form), asked)
        }
        Target::Other(_) | Target::Unknown => (None, parse(super::format(api), path, headers, body).1),
    };
    if form.is_none() && asked.model.is_empty() {
        return None;
    }
    let Asked { model, prompt_tokens, max_tokens, stream } = asked;
    let stream = stream && form.is_some();
    let prompt_tokens = Tokens::Constant(prompt_tokens);
    Some((Ask { api, model, prompt_tokens, max_tokens, stream, key: None }, form))
}

/// What a load asks of a model, if it does; and the form of the answer, where the request was not made of
/// that.
pub(crate) fn of_load(request: &topology::load::Request) -> Option<(Ask, Option<Form>)> {
    if let Some(ask) = &request.llm {
        return Some((ask.clone(), None));
    }
    let Body::Text(text) = &request.body else { return None };
    let headers = request.headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    });
    let method = Method::from_bytes(request.method.as_bytes()).ok()?;
    let target = crate::message::target(&request.path);
    let (ask, form) = read(&method, target.path(), &headers.collect(), text.as_bytes())?;
    Some((ask, Some(form?)))
}

#[cfg(test)]
mod tests {
    use super::super::{format, request_body, request_headers};
    use super::*;

    fn headers(ask: &Ask) -> HeaderMap {
        request_headers(ask, false)
            .into_iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn what_a_load_asks_reads_back() {
        for api in Api::ALL {
            for (stream, max_tokens) in [(true, Some(7)), (false, Some(4096))] {
                let ask = Ask {
                    api,
                    model: "m-1".into(),
                    prompt_tokens: Tokens::Constant(33),
                    max_tokens,
                    stream,
                    key: None,
                };
                let asked = Asked { model: "m-1".into(), prompt_tokens: 33, max_tokens, stream };
                let path: http::Uri = ask.path().parse().unwrap();
                let Target::Completion(found) = target(api, &Method::POST, path.path()) else {
                    panic!("{api:?} does not serve {path}");
                };
                assert!(std::ptr::eq(found, format(api)));
                let body = request_body(api, &asked);
                let (_, read) = parse(found, path.path(), &headers(&ask), body.as_bytes());
                assert_eq!(read, asked, "{body}");
            }
        }
    }

    #[test]
    fn messages_in_parts_count_and_nonsense_does_not_matter() {
        let body = serde_json::json!({
            "system": "1234",
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": "12345678" }, { "type": "image" }] }]
        });
        assert_eq!(prompt_tokens(&body), 3);
        let (_, asked) = parse(&openai::CHAT, "/v1/chat/completions", &HeaderMap::new(), b"\xff not JSON");
        assert_eq!((asked.prompt_tokens, asked.stream), (1, false));
    }
}

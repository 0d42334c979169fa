//! What clients say to models and models to clients, the same in every engine: the live one writes and
//! reads it, the virtual one counts its bytes.
//!
//! Each form of an API is a file: how a request, an answer, a stream and an error look. The shapes were
//! seen to be taken by the providers' own SDKs.

mod anthropic;
mod dashscope;
mod gemini;
mod ollama;
mod openai;
mod other;
mod parse;
mod quota;
mod responses;
mod speech;
mod text;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use node::Reply;
use topology::llm::{Api, Ask, Asked, Model};
use topology::wire::ProcessEnd;
use trace::HopId;

use crate::message::{
    AUTHORIZATION, BAD_CREDENTIALS, BAD_KEY, CONTENT_TYPE, GOOD_CREDENTIALS, GOOD_KEY, bearer,
};
use crate::pieces::Pieces;

pub(crate) use parse::{Target, of_load, parse, read, target};
pub(crate) use speech::{Said, Speech};
pub(crate) use watch::Watch;

/// The type of a stream of events.
const EVENT_STREAM: &str = "text/event-stream";
/// When everything was made, in seconds since 1970: a run's answers are the same in every rerun.
const CREATED: u64 = 1_700_000_000;

/// One form of an API: how what is said looks on the wire.
pub(crate) struct Format {
    /// The type of a stream.
    stream_type: &'static str,
    /// The body of a request; the prompt's text is put between the two parts.
    request: fn(&Asked) -> (String, String),
    /// A whole answer.
    whole: fn(&Said) -> String,
    /// What a stream begins with.
    opening: fn(&Said) -> String,
    /// A token of a stream, which has this place.
    token: fn(&Said, u32, &str) -> String,
    /// What a stream ends with.
    closing: fn(&Said) -> String,
    /// The body of an error with this status.
    error: fn(u16) -> String,
    /// An error in the middle of a stream.
    error_event: fn(&Said) -> String,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Format").finish_non_exhaustive()
    }
}

/// A client's own form.
fn format(api: Api) -> &'static Format {
    match api {
        Api::OpenAi => &openai::CHAT,
        Api::Mistral => &openai::MISTRAL,
        Api::Anthropic => &anthropic::MESSAGES,
        Api::Gemini => &gemini::CONTENT,
        Api::Ollama => &ollama::CHAT,
        Api::DashScope => &dashscope::GENERATION,
    }
}

/// Which form a request has, and what of it comes back in the answer.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    format: &'static Format,
    /// As JSON, with its quotes.
    model: Arc<str>,
    /// A stream tells its usage at its end.
    tells_usage: bool,
    /// What is answered to what is no request for a completion.
    other: Option<Arc<str>>,
}

/// An answer, but for what every answer has.
pub(crate) struct Says {
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// It asks to wait, and says so.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Body,
}

/// Its body.
pub(crate) enum Body {
    Whole(String),
    Pieces(Pieces),
}

impl Form {
    fn new(format: &'static Format, model: &str, tells_usage: bool) -> Self {
        let model = serde_json::Value::from(model).to_string().into();
        Self { format, model, tells_usage, other: None }
    }

    /// Of what a load asks there, if that is for completions.
    pub(crate) fn of(ask: &Ask, target: Target) -> Option<Self> {
        match target {
            Target::Completion(format) => Some(Self::new(format, &ask.model, true)),
            Target::Other(_) | Target::Unknown => None,
        }
    }

    /// Of a request as clients of that API send it.
    pub(crate) fn of_client(ask: &Ask) -> Option<Self> {
        let path = ask.path();
        let path = crate::message::target(&path);
        Self::of(ask, target(ask.api, &http::Method::POST, path.path()))
    }

    /// Of a request that is for no completion.
    pub(crate) fn other(model: &Model, target: Target, path: &str, body: &[u8]) -> Self {
        let other = match target {
            Target::Other(other) => Some(other.answer(model, path, body).into()),
            Target::Completion(_) | Target::Unknown => None,
        };
        Self { other, ..Self::new(format(model.api), "", false) }
    }

    /// What a model server says in its reply to this hop. `since_1970` is now.
    pub(crate) fn say(&self, api: Api, reply: &Reply, hop: HopId, since_1970: Duration) -> Says {
        let headers = quota::fields(api, hop, reply.allowances.as_deref(), since_1970);
        let retry_after = reply.retry_after.filter(|_| quota::tells_wait(api));
        let whole = |body| Says {
            content_type: CONTENT_TYPE,
            headers: headers.clone(),
            retry_after,
            body: Body::Whole(body),
        };
        let Some(completion) = &reply.completion else {
            let regular = reply.regular && reply.status < 400;
            let body = match &self.other {
                Some(other) if regular => other.to_string(),
                _ if regular => "{}".to_owned(),
                _ => (self.format.error)(reply.status),
            };
            return whole(body);
        };
        let speech = Speech::new(self.clone(), completion);
        if !completion.stream {
            let mut body = speech.whole();
            if completion.broken.is_some_and(|(_, end)| end == ProcessEnd::CutContent) {
                body.truncate(body.floor_char_boundary(body.len() / 2));
            }
            return whole(body);
        }
        let body = Body::Pieces(Pieces::speech(speech, completion.interval));
        let content_type = self.format.stream_type;
        Says { content_type, headers, retry_after, body }
    }
}

/// The body of a request.
pub(crate) fn request_body(api: Api, asked: &Asked) -> String {
    let (mut body, after) = (format(api).request)(asked);
    text::prompt(asked.prompt_tokens, &mut body);
    body.push_str(&after);
    body
}

/// How long the body of a request is.
pub(crate) fn request_len(api: Api, asked: &Asked) -> u64 {
    let (before, after) = (format(api).request)(asked);
    before.len() as u64 + after.len() as u64 + text::prompt_len(asked.prompt_tokens)
}

/// The header fields of a request, but for the usual ones.
pub(crate) fn request_headers(ask: &Ask, are_bad: bool) -> Vec<(&'static str, String)> {
    let key = match &ask.key {
        _ if are_bad => BAD_KEY,
        Some(key) => key,
        None => GOOD_KEY,
    };
    let credentials = match &ask.key {
        _ if are_bad => BAD_CREDENTIALS.to_owned(),
        Some(key) => bearer(key),
        None => GOOD_CREDENTIALS.to_owned(),
    };
    let mut fields = vec![("content-type", CONTENT_TYPE.to_owned())];
    match ask.api {
        Api::OpenAi | Api::Mistral | Api::Ollama => fields.push((AUTHORIZATION, credentials)),
        Api::Anthropic => {
            fields.push(("x-api-key", key.to_owned()));
            fields.push(("anthropic-version", "2023-06-01".to_owned()));
        }
        Api::Gemini => fields.push(("x-goog-api-key", key.to_owned())),
        Api::DashScope => {
            fields.push((AUTHORIZATION, credentials));
            if ask.stream {
                fields.push((dashscope::SSE.0, dashscope::SSE.1.to_owned()));
            }
        }
    }
    fields
}

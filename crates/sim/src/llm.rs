//! What clients say to models and models to clients, the same in every engine: the live one writes and
//! reads it, the virtual one counts its bytes.
//!
//! Each form of an API is a file: how a request, an answer, a stream and an error look. The shapes were
//! seen to be taken by the providers' own SDKs.

mod openai;
mod parse;
mod text;

use std::sync::Arc;

use node::{Completion, Reply};
use topology::llm::{Api, Ask, Asked};
use trace::HopId;

use crate::message::{BAD_CREDENTIALS, CONTENT_TYPE, GOOD_CREDENTIALS};
use crate::pieces::Pieces;

pub(crate) use parse::{Target, parse, target};

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
    /// A token of a stream.
    token: fn(&Said, u32, &str) -> String,
    /// What a stream ends with.
    closing: fn(&Said) -> String,
    /// The body of an error.
    error: fn(u16) -> String,
}

/// Which form a request has, and what of it comes back in the answer.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    format: &'static Format,
    /// As JSON, with its quotes.
    model: Arc<str>,
    /// A stream tells its usage at its end.
    tells_usage: bool,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Format").finish_non_exhaustive()
    }
}

/// What an answer says.
pub(crate) struct Said {
    form: Form,
    /// The hop that it answers.
    id: HopId,
    prompt_tokens: u32,
    tokens: u32,
    is_capped: bool,
}

/// An answer, but for what every answer has.
pub(crate) struct Says {
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

/// Its body.
pub(crate) enum Body {
    Whole(String),
    Pieces(Pieces),
}

/// A client's own form.
fn format(api: Api) -> &'static Format {
    match api {
        Api::OpenAi | Api::Mistral | Api::Ollama | Api::Gemini | Api::Anthropic | Api::DashScope => {
            &openai::CHAT
        }
    }
}

impl Form {
    /// Of what a load asks there, if that is for completions.
    pub(crate) fn of(ask: &Ask, target: Target) -> Option<Self> {
        match target {
            Target::Completion(format) => Some(Self::new(format, &ask.model, true)),
            Target::Models | Target::Unknown => None,
        }
    }

    /// Of an answer to what was no request for a completion.
    pub(crate) fn plain(api: Api) -> Self {
        Self::new(format(api), "", false)
    }

    fn new(format: &'static Format, model: &str, tells_usage: bool) -> Self {
        Self { format, model: serde_json::Value::from(model).to_string().into(), tells_usage }
    }

    /// What a model server says in its reply.
    pub(crate) fn say(&self, reply: &Reply) -> Says {
        let headers = Vec::new();
        let Some(completion) = &reply.completion else {
            let body = if reply.regular && reply.status < 400 {
                "{}".to_owned()
            } else {
                (self.format.error)(reply.status)
            };
            return Says { content_type: CONTENT_TYPE, headers, body: Body::Whole(body) };
        };
        let speech = Speech::new(self.clone(), completion);
        if completion.stream {
            let pieces = Pieces::speech(speech, completion.interval);
            return Says { content_type: self.format.stream_type, headers, body: Body::Pieces(pieces) };
        }
        Says { content_type: CONTENT_TYPE, headers, body: Body::Whole(speech.whole()) }
    }
}

/// The body of a request.
pub(crate) fn request_body(api: Api, asked: &Asked) -> String {
    let (before, after) = (format(api).request)(asked);
    let mut body = before;
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
    let bearer = match &ask.key {
        _ if are_bad => BAD_CREDENTIALS.to_owned(),
        Some(key) => format!("Bearer {key}"),
        None => GOOD_CREDENTIALS.to_owned(),
    };
    vec![("content-type", CONTENT_TYPE.to_owned()), ("authorization", bearer)]
}

/// A completion as it is written: whole, or piece by piece.
pub(crate) struct Speech {
    said: Said,
    next: u32,
}

impl std::fmt::Debug for Speech {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Speech({} of {})", self.next, self.said.tokens)
    }
}

impl Speech {
    /// What is said in this form.
    pub(crate) fn new(form: Form, completion: &Completion) -> Self {
        let Completion { hop, prompt_tokens, tokens, is_capped, .. } = *completion;
        Self { said: Said { form, id: hop, prompt_tokens, tokens, is_capped }, next: 0 }
    }

    /// The whole answer.
    pub(crate) fn whole(&self) -> String {
        (self.said.form.format.whole)(&self.said)
    }

    /// The next piece of a stream: a token, and what goes before the first and after the last.
    pub(crate) fn piece(&mut self) -> Option<String> {
        let (said, format) = (&self.said, self.said.form.format);
        let place = self.next;
        if place >= said.tokens {
            return None;
        }
        self.next += 1;
        let mut piece = if place == 0 { (format.opening)(said) } else { String::new() };
        piece.push_str(&(format.token)(said, place, &text::token(said.id, place)));
        if self.is_over() {
            piece.push_str(&(format.closing)(&self.said));
        }
        Some(piece)
    }

    /// Whether the next piece is the last.
    pub(crate) fn is_at_last(&self) -> bool {
        self.next + 1 >= self.said.tokens
    }

    /// Whether nothing is left.
    pub(crate) fn is_over(&self) -> bool {
        self.next >= self.said.tokens
    }
}

impl Said {
    /// All of the text.
    fn text(&self) -> String {
        (0..self.tokens).map(|place| text::token(self.id, place)).collect()
    }
}

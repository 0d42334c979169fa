//! Language models behind an API: what a request asks of one, and how a server that is one behaves.
//!
//! A model server prefills a prompt, then decodes token after token, with several sequences at once in
//! a batch; a request that finds the batch full waits. Source of the model: continuous batching as in
//! vLLM (Kwon and others, SOSP 2023); how long a token takes is fixed as decoding begins.

mod tokens;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use tokens::Tokens;

use crate::units::DURATION_MAX;

/// How many bytes of text are one token: the rule of thumb that `OpenAI` gives for English text.
pub const BYTES_PER_TOKEN: u32 = 4;
/// The most tokens a prompt or a completion may have.
pub const TOKENS_MAX: u32 = 1_000_000;

/// Whose API a server speaks, or a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// `POST /v1/chat/completions`, as vLLM and many others speak it too.
    #[default]
    OpenAi,
    /// `POST /v1/messages`.
    Anthropic,
    /// `POST /v1beta/models/MODEL:generateContent`.
    Gemini,
    /// `POST /v1/chat/completions`, with errors of its own.
    Mistral,
    /// `POST /api/chat`, and `OpenAI`'s.
    Ollama,
    /// `POST /api/v1/services/aigc/text-generation/generation`, and `OpenAI`'s under `/compatible-mode`.
    DashScope,
}

impl Api {
    /// Every one, in the order of the declaration.
    pub const ALL: [Self; 6] =
        [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::Mistral, Self::Ollama, Self::DashScope];

    /// As written in a scenario.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Mistral => "mistral",
            Self::Ollama => "ollama",
            Self::DashScope => "dashscope",
        }
    }
}

/// How a model server behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Whose API it speaks.
    pub api: Api,
    /// The models that it lists.
    pub models: Vec<String>,
    /// How long completions are, where the request's `max_tokens` does not end them before.
    pub completion_tokens: Tokens,
    /// How many tokens of a prompt it takes in a second, alone.
    pub prefill_per_s: f64,
    /// How many tokens of one completion it makes a second, alone.
    pub decode_per_s: f64,
    /// How much longer both take for each other sequence in the batch, as a share.
    pub slowdown: f64,
    /// How many tokens prompt and completion may have together.
    pub context: u32,
    /// How many requests a minute it takes; `None` is no limit.
    pub requests_per_minute: Option<u32>,
    /// How many tokens a minute it takes and makes; `None` is no limit.
    pub tokens_per_minute: Option<u32>,
    /// What tokens cost.
    pub price: Price,
}

/// What a million tokens cost, in some currency.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Price {
    /// Those of prompts.
    pub input: f64,
    /// Those of completions.
    pub output: f64,
}

impl Price {
    /// What so many tokens cost.
    pub fn of(self, prompt: u64, completion: u64) -> f64 {
        (prompt as f64 * self.input + completion as f64 * self.output) / 1e6
    }
}

impl Model {
    /// How many times as long as alone everything takes with so many sequences in the batch, this one
    /// included.
    pub fn crowding(&self, running: u32) -> f64 {
        1.0 + self.slowdown * f64::from(running.saturating_sub(1))
    }

    /// How long the prefill of such a prompt takes, `factor` times as long as alone.
    pub fn prefill(&self, prompt_tokens: u32, factor: f64) -> Duration {
        span(f64::from(prompt_tokens) * factor / self.prefill_per_s)
    }

    /// How long a token takes, `factor` times as long as alone.
    pub fn per_token(&self, factor: f64) -> Duration {
        span(factor / self.decode_per_s)
    }

    /// How long completions are as a rule, and how long one in a hundred is at least, of what is asked.
    pub fn lengths(&self, ask: Option<&Ask>) -> (u32, u32) {
        let most = ask.and_then(|ask| ask.max_tokens).unwrap_or(TOKENS_MAX).min(self.context);
        (self.completion_tokens.mean().min(most), self.completion_tokens.p99().min(most))
    }

    /// How long a whole answer takes, alone.
    pub fn alone(&self, prompt_tokens: u32, completion_tokens: u32) -> Duration {
        let decode = self.per_token(1.0).saturating_mul(completion_tokens.saturating_sub(1));
        self.prefill(prompt_tokens, 1.0).saturating_add(decode).min(DURATION_MAX)
    }
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(DURATION_MAX).min(DURATION_MAX)
}

/// What a load asks of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Whose API its client speaks.
    pub api: Api,
    /// The model.
    pub model: Arc<str>,
    /// How long prompts are.
    pub prompt_tokens: Tokens,
    /// The most tokens that a completion may have, if that is said.
    pub max_tokens: Option<u32>,
    /// Whether the answer is to come token by token.
    pub stream: bool,
    /// The API key; `None`: one that is good wherever there are no consumers.
    pub key: Option<Arc<str>>,
}

impl Ask {
    /// Where a client of that API sends it.
    pub fn path(&self) -> String {
        match (self.api, self.stream) {
            (Api::OpenAi | Api::Mistral, _) => "/v1/chat/completions".to_owned(),
            (Api::Anthropic, _) => "/v1/messages".to_owned(),
            (Api::Gemini, false) => format!("/v1beta/models/{}:generateContent", self.model),
            (Api::Gemini, true) => format!("/v1beta/models/{}:streamGenerateContent?alt=sse", self.model),
            (Api::Ollama, _) => "/api/chat".to_owned(),
            (Api::DashScope, _) => "/api/v1/services/aigc/text-generation/generation".to_owned(),
        }
    }
}

/// What one request asks of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The model.
    pub model: Arc<str>,
    /// How long its prompt is.
    pub prompt_tokens: u32,
    /// The most tokens that the completion may have, if that is said.
    pub max_tokens: Option<u32>,
    /// Whether the answer is to come token by token.
    pub stream: bool,
}

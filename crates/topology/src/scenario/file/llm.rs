//! The shapes of a model server, and of what is asked of one.

use schemars::{JsonSchema, json_schema};
use serde::{Deserialize, Serialize};

use super::super::de::variants;
use super::super::hint::did_you_mean;
use super::short::{OrNone, Short, around_long, short_forms};
use crate::llm::{Api, Tokens};
use crate::units::{Rate, Share};

/// How many tokens; a bare number is always as many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scenario) struct TokensFile(pub(in crate::scenario) Tokens);

/// A model server; a bare word is its `api`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) struct ModelFile(pub(in crate::scenario) ModelLong);

/// A model server: prompts are prefilled, then completions are decoded token by token, at most
/// `workers` of them at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Model")]
pub(in crate::scenario) struct ModelLong {
    /// Whose API it speaks.
    pub(in crate::scenario) api: Api,
    /// The models that it lists; it answers for any.
    pub(in crate::scenario) models: Vec<String>,
    /// How long completions are, where `max_tokens` does not end them before.
    pub(in crate::scenario) completion_tokens: TokensFile,
    /// How many tokens of a prompt it takes in a second, alone.
    pub(in crate::scenario) prefill: Rate,
    /// How many tokens of one completion it makes a second, alone.
    pub(in crate::scenario) decode: Rate,
    /// How much longer both take for each other sequence in the batch.
    pub(in crate::scenario) slowdown: Share,
    /// How many tokens prompt and completion may have together.
    pub(in crate::scenario) context: u32,
    /// How many requests a minute it takes.
    pub(in crate::scenario) requests_per_minute: OrNone<u32>,
    /// How many tokens a minute it takes and makes; a request's count as it is let in.
    pub(in crate::scenario) tokens_per_minute: OrNone<u32>,
    /// What a million tokens cost.
    pub(in crate::scenario) price: PriceFile,
}

/// What a million tokens cost, in any currency.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Price")]
pub(in crate::scenario) struct PriceFile {
    /// Those of prompts.
    pub(in crate::scenario) input: f64,
    /// Those of completions.
    pub(in crate::scenario) output: f64,
}

impl Default for ModelLong {
    fn default() -> Self {
        let rate = |per_s| Rate::per_second(per_s).unwrap_or_default();
        Self {
            api: Api::OpenAi,
            models: Vec::new(),
            completion_tokens: TokensFile(Tokens::Lognormal { p50: 100, p99: 400 }),
            prefill: rate(5000.0),
            decode: rate(50.0),
            slowdown: Share::new(0.02).unwrap_or_default(),
            context: 128_000,
            requests_per_minute: OrNone(None),
            tokens_per_minute: OrNone(None),
            price: PriceFile::default(),
        }
    }
}

/// What is asked of a model; a bare word is the `api`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) struct AskFile(pub(in crate::scenario) AskLong);

/// What is asked of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Ask")]
pub(in crate::scenario) struct AskLong {
    /// Whose API the client speaks: it says what the request looks like.
    pub(in crate::scenario) api: Api,
    /// The model.
    pub(in crate::scenario) model: String,
    /// How long prompts are.
    pub(in crate::scenario) prompt_tokens: TokensFile,
    /// The most tokens that the completion may have. `none`: the request does not say.
    pub(in crate::scenario) max_tokens: OrNone<u32>,
    /// Whether the answer is to come token by token.
    pub(in crate::scenario) stream: bool,
    /// The API key. `none`: one that is good wherever there are no `consumers`.
    pub(in crate::scenario) key: OrNone<String>,
}

impl Default for AskLong {
    fn default() -> Self {
        Self {
            api: Api::OpenAi,
            model: "test-model".to_owned(),
            prompt_tokens: TokensFile(Tokens::Constant(200)),
            max_tokens: OrNone(None),
            stream: false,
            key: OrNone(None),
        }
    }
}

fn api(text: &str) -> Result<Api, String> {
    Api::ALL.into_iter().find(|api| api.name() == text).ok_or_else(|| {
        let help = did_you_mean(text, variants::<Api>().iter().copied(), "the APIs are");
        format!("there is no API `{text}`{}", help.map(|help| format!(": {help}")).unwrap_or_default())
    })
}

impl Short for ModelFile {
    type Long = ModelLong;
    const EXPECTED: &'static str =
        "an API such as `openai`, or `{ api: openai, completion_tokens: 200, decode: 50/s }`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(ModelLong { api: api(text)?, ..ModelLong::default() }))
    }

    fn from_long(long: ModelLong) -> Self {
        Self(long)
    }
}

impl Short for AskFile {
    type Long = AskLong;
    const EXPECTED: &'static str =
        "an API such as `openai`, or `{ model: gpt-x, prompt_tokens: 500, max_tokens: 200, stream: true }`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(AskLong { api: api(text)?, ..AskLong::default() }))
    }

    fn from_long(long: AskLong) -> Self {
        Self(long)
    }
}

impl Short for TokensFile {
    type Long = Tokens;
    const EXPECTED: &'static str =
        "a number of tokens, or a distribution such as `{ lognormal: { p50: 200, p99: 1000 } }`";

    fn from_text(text: &str) -> Result<Self, String> {
        let tokens = text.parse().map_err(|_| format!("`{text}` is not a number of tokens"))?;
        Ok(Self(Tokens::Constant(tokens)))
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Self::from_text(&number.to_string()))
    }

    fn from_long(long: Tokens) -> Self {
        Self(long)
    }
}

short_forms!(ModelFile, AskFile, TokensFile);
around_long!(ModelFile, ModelLong, "ModelOrApi", |generator| generator.subschema_for::<Api>());
around_long!(AskFile, AskLong, "AskOrApi", |generator| generator.subschema_for::<Api>());
around_long!(TokensFile, Tokens, "TokensOrNumber", |generator| {
    json_schema!({ "type": "integer", "minimum": 1 })
});

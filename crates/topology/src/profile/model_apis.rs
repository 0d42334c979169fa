//! What the APIs of models make of refusals: beside the gateways' profiles, which are for those who pass on.

use crate::llm::Api;
use crate::node::Node;
use crate::wire::Refusal;

impl Api {
    /// The status of a refusal, as the provider documents it.
    pub fn status(self, refusal: Refusal) -> u16 {
        match refusal {
            Refusal::QueueFull if self == Self::Anthropic => 529,
            Refusal::QueueFull => 503,
            Refusal::RateLimited => 429,
            Refusal::QuotaSpent => match self {
                Self::Anthropic | Self::Mistral => 402,
                Self::DashScope => 400,
                Self::OpenAi | Self::Gemini | Self::Ollama => 429,
            },
            Refusal::NoRoute | Refusal::UnknownPath | Refusal::UnknownModel => 404,
            Refusal::NotAllowed => 403,
            Refusal::BadCredentials if self == Self::Gemini => 403,
            Refusal::BadCredentials => 401,
            Refusal::HeadTooLarge => 431,
            Refusal::BodyTooLarge => 413,
            Refusal::LoopDetected => 508,
            Refusal::DeadlineExceeded => 504,
            Refusal::Exception => 500,
            Refusal::ContextTooLong => 400,
        }
    }
}

impl Node {
    /// The status with which it refuses a request: its API's if it is a model server, else its profile's.
    pub fn on_refusal(&self, refusal: Refusal) -> u16 {
        match &self.llm {
            Some(model) => model.api.status(refusal),
            None => self.profile.on_refusal(refusal).does,
        }
    }
}

//! The load that a client offers.

use std::time::Duration;

use crate::distribution::Distribution;
use crate::graph::NodeId;
use crate::llm::Ask;

/// What one client sends, and when.
#[derive(Debug, Clone)]
pub struct Load {
    /// The client.
    pub from: NodeId,
    /// When calls begin.
    pub arrivals: Arrivals,
    /// When the load begins and ends, from the start of the run.
    pub start: Duration,
    /// See `start`.
    pub stop: Duration,
    /// What is sent.
    pub request: Request,
}

/// When calls begin.
#[derive(Debug, Clone)]
pub enum Arrivals {
    /// Open loop: by the clock, whatever the answers do.
    Open {
        /// The rate over time: at least one stage; each goes linearly from the last one's rate.
        stages: Vec<RateStage>,
        /// Poisson (exponential gaps) or evenly spaced.
        poisson: bool,
    },
    /// Closed loop: each user waits for its answer, thinks, and calls again.
    Closed {
        /// How many users.
        users: u32,
        /// The pause between an answer and the next call.
        think_time: Distribution,
    },
}

/// A part of an open loop's rate profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateStage {
    /// The rate at the stage's begin, calls a second.
    pub from_per_s: f64,
    /// The rate at the stage's end.
    pub to_per_s: f64,
    /// How long it lasts; the last stage goes on at its end's rate.
    pub lasts: Duration,
}

/// What a client sends.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
    /// The size of the body, in bytes; or the body itself.
    pub body: Body,
    /// How much it matters, 0 to 9: where a queue is full, the lowest is shed first.
    pub priority: u8,
    /// It asks a model for a completion: method, path and body are those of the model's API.
    pub llm: Option<Ask>,
}

/// A request's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// So many bytes of filler.
    Size(u64),
    /// This text.
    Text(String),
}

impl Body {
    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        match self {
            Self::Size(bytes) => *bytes,
            Self::Text(text) => text.len() as u64,
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Request {
    /// Whether the method may be repeated without harm. Source: RFC 9110 section 9.2.2.
    pub fn is_idempotent(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "PUT" | "DELETE" | "OPTIONS" | "TRACE")
    }
}

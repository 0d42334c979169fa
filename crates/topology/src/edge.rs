//! An edge: a caller's outbound policy towards one callee.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policy::{Outcomes, Policy, Pool};
use crate::rules::Pattern;

/// What is spoken over an edge; named as in ALPN (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Protocol {
    /// HTTP/1.1: a connection carries one request at a time.
    #[default]
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2 by prior knowledge, without TLS: a connection carries many requests at once (RFC 9113).
    #[serde(rename = "h2")]
    H2,
}

impl Protocol {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::H2 => "HTTP/2",
        }
    }

    /// How many requests a connection of such a pool carries at once.
    pub fn streams(self, pool: &Pool) -> u32 {
        match self {
            Self::Http1 => 1,
            Self::H2 => pool.max_concurrent_streams,
        }
    }
}

/// A caller -> callee link.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Time-outs, retries, connections.
    pub policy: Policy,
    /// The failures of this call that fail the caller's own answer; others are passed over. `None`: all.
    pub stop_on: Option<Outcomes>,
    /// The path that the callee is asked for.
    pub path: String,
    /// What is spoken over it.
    pub protocol: Protocol,
    /// The key that the caller presents; `None`: that of its own caller.
    pub key: Option<Arc<str>>,
    /// The models that are asked for over it; empty: all.
    pub models: Arc<[Pattern]>,
    /// It carries nothing but what a fault sends over it (a routing loop).
    pub only_by_fault: bool,
}

impl Edge {
    /// Whether requests for this model go over it; those that ask no model go anywhere.
    pub fn serves(&self, model: Option<&str>) -> bool {
        self.models.is_empty()
            || model.is_none_or(|model| self.models.iter().any(|pattern| pattern.matches(model)))
    }
}

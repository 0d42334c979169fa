//! Overload: more work than capacity.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Effect, Lowering};
use crate::units::Rate;
use crate::wire::Refusal;

/// How many threads one fault may keep busy.
const THREADS_MAX: u32 = 64;

/// The mechanisms of overload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Overload {
    /// The node's own work takes `factor` times as long.
    Slow {
        /// How many times as long; at least 1.
        #[serde(default = "default_factor")]
        factor: f64,
    },
    /// The node's own work is computed, and its processors are few: it takes `factor` times as long
    /// as usual, and whatever finds them all taken waits. Live it burns as much of this machine's
    /// CPU; in virtual time nothing is burnt.
    Cpu {
        /// How many times its usual time a request computes; at least 1.
        #[serde(default = "default_factor")]
        factor: f64,
        /// How many requests compute at once, 1 to 64: one, as in Node or in Python under its lock.
        #[serde(default = "default_threads")]
        threads: u32,
    },
    /// Extra requests arrive at the node, from elsewhere.
    Surge {
        /// How many a second.
        rate: Rate,
    },
    /// The node does less at once.
    Concurrency {
        /// How many workers are left.
        #[serde(default = "default_workers")]
        workers: u32,
    },
    /// The node's queue is taken: a request is refused at once, with 503.
    QueueFull {},
    /// A model server has too much to do: 503, or 529 as Anthropic's API has it.
    Overloaded {},
    /// A model server's tokens take `factor` times as long.
    SlowStream {
        /// How many times as long; at least 1.
        #[serde(default = "default_factor")]
        factor: f64,
    },
    /// The node refuses what is over its limit, with 429 and `Retry-After`.
    RateLimit {
        /// The limit.
        #[serde(default)]
        rate: Rate,
        /// How many may come at once above it.
        #[serde(default)]
        burst: u32,
    },
}

fn default_factor() -> f64 {
    10.0
}

fn default_threads() -> u32 {
    1
}

fn default_workers() -> u32 {
    1
}

impl Overload {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Slow { .. } => "slow",
            Self::Cpu { .. } => "cpu",
            Self::Surge { .. } => "surge",
            Self::Concurrency { .. } => "concurrency",
            Self::QueueFull {} => "queue_full",
            Self::Overloaded {} => "overloaded",
            Self::SlowStream { .. } => "slow_stream",
            Self::RateLimit { .. } => "rate_limit",
        }
    }

    pub(super) fn effect(&self) -> Effect {
        match self {
            Self::Slow { .. } | Self::SlowStream { .. } | Self::Cpu { .. } => Effect::Delay,
            Self::Surge { .. } | Self::Concurrency { .. } => Effect::State,
            Self::QueueFull {} | Self::Overloaded {} | Self::RateLimit { .. } => Effect::Abort,
        }
    }

    pub(super) fn lower(&self, to: &mut Lowering<'_>) {
        let process = &mut to.disturbance.process;
        match self {
            Self::Slow { factor } => process.work_factor = process.work_factor.max(1.0) * factor,
            Self::Cpu { factor, threads } => {
                process.work_factor = process.work_factor.max(1.0) * factor;
                process.processors = Some(process.processors.map_or(*threads, |few| few.min(*threads)));
            }
            Self::SlowStream { factor } => process.token_factor = process.token_factor.max(1.0) * factor,
            // What it answers then is the same as where its queue is full.
            Self::QueueFull {} | Self::Overloaded {} => process.refuse = Some(Refusal::QueueFull),
            Self::RateLimit { .. } => process.rate_limit = Some(to.id),
            Self::Surge { .. } | Self::Concurrency { .. } => {}
        }
    }

    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::Slow { factor } | Self::SlowStream { factor } | Self::Cpu { factor, .. }
                if !(1.0..=1e6).contains(factor) =>
            {
                Some(format!("factor {factor} is not between 1 and 1000000"))
            }
            Self::Cpu { threads, .. } if !(1..=THREADS_MAX).contains(threads) => {
                Some(format!("threads {threads} is not between 1 and {THREADS_MAX}"))
            }
            Self::Concurrency { workers: 0 } => {
                Some("workers 0 would never answer: use `crash: hang` or `overload: queue_full`".to_owned())
            }
            Self::Surge { rate } if rate.get() <= 0.0 => Some("a surge needs a rate above 0".to_owned()),
            _ => None,
        }
    }

    pub(super) fn is_of_models(&self) -> bool {
        matches!(self, Self::Overloaded {} | Self::SlowStream { .. })
    }

    /// How long a request that the rate limit refused should wait: the time until a token is there.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::RateLimit { rate, .. } if rate.get() > 0.0 => {
                Duration::from_secs_f64((1.0 / rate.get()).min(60.0))
            }
            _ => Duration::from_secs(1),
        }
    }
}

//! Retries, as declared.

use std::time::Duration;

use super::{Budget, Outcomes};
use crate::units::DURATION_MAX;

/// The most attempts that a call may have.
pub const ATTEMPTS_MAX: u32 = 1000;

/// What is tried again, when, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// How many attempts in all, the first included; 1 is no retry.
    pub max_attempts: u32,
    /// Which outcomes are tried again.
    pub when: When,
    /// The wait before the next attempt; `None` is none.
    pub backoff: Option<Backoff>,
    /// Only these outcomes are waited after, the others are tried again at once; `None` is all.
    pub backoff_for: Option<Outcomes>,
    /// What `Retry-After` does to the wait; `None` ignores it.
    pub retry_after: Option<RetryAfter>,
    /// How much may be tried again in all; `None` is no limit.
    pub budget: Option<Budget>,
    /// It also waits after the last attempt, for nothing.
    pub sleep_after_last: bool,
}

impl Retry {
    /// One attempt.
    pub fn never() -> Self {
        Self {
            max_attempts: 1,
            when: When {
                outcomes: Outcomes::default(),
                with_retry_after: Outcomes::default(),
                idempotent: Idempotent::Any,
            },
            backoff: None,
            backoff_for: None,
            retry_after: None,
            budget: None,
            sleep_after_last: false,
        }
    }
}

/// Which outcomes are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// Statuses and transport failures.
    pub outcomes: Outcomes,
    /// Statuses that are tried again only if the response has `Retry-After`.
    pub with_retry_after: Outcomes,
    /// Whether the method matters.
    pub idempotent: Idempotent,
}

/// When only methods that are idempotent (RFC 9110 section 9.2.2) are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotent {
    /// Never: any method is.
    Any,
    /// Always, unless the request was surely not processed.
    UnlessUnprocessed,
    /// After a status; after a transport failure any method is.
    ForStatuses,
    /// Always.
    Always,
}

/// The wait before attempt k + 1, k from 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    /// The wait before chance and `max` change it.
    pub curve: Curve,
    /// The wait before the second attempt, where it is not what the curve has.
    pub first: Option<Duration>,
    /// After a 429, what the curve begins with instead.
    pub throttled_base: Option<Duration>,
    /// The longest wait.
    pub max: Duration,
    /// Whether `max` is applied before or after chance.
    pub cap: Cap,
    /// How chance changes it.
    pub jitter: Jitter,
}

/// How waits grow with k, from 1.
#[derive(Debug, Clone, PartialEq)]
pub enum Curve {
    /// `delay`.
    Constant {
        /// The wait.
        delay: Duration,
    },
    /// `base * k`.
    Linear {
        /// The first wait.
        base: Duration,
    },
    /// `base * factor^(k-1)`.
    Exponential {
        /// The first wait.
        base: Duration,
        /// What each next one is multiplied by.
        factor: f64,
    },
    /// Each the sum of the last two, beginning with these.
    Fibonacci {
        /// The first wait.
        base: Duration,
        /// The second.
        second: Duration,
    },
    /// These, then the last of them for ever; never empty.
    List(Vec<Duration>),
}

impl Curve {
    /// The wait before attempt k + 1, k from 1; with another base where the curve grows by a factor.
    pub fn wait(&self, k: u32, other_base: Option<Duration>) -> Duration {
        match self {
            Self::Constant { delay } => *delay,
            Self::Linear { base } => base.saturating_mul(k),
            Self::Exponential { base, factor } => {
                let exponent = i32::try_from(k).unwrap_or(i32::MAX) - 1;
                scaled(other_base.unwrap_or(*base), factor.powi(exponent))
            }
            Self::Fibonacci { base, second } => fibonacci(*base, *second, k),
            Self::List(waits) => {
                let place = (k as usize).saturating_sub(1).min(waits.len().saturating_sub(1));
                waits.get(place).copied().unwrap_or_default()
            }
        }
    }
}

impl Backoff {
    /// The longest that chance can make of the wait before attempt k + 1, k from 1.
    pub fn longest(&self, k: u32) -> Duration {
        if let (1, Some(first)) = (k, self.first) {
            return first;
        }
        let raw = self.curve.wait(k, None);
        match (self.jitter, self.cap) {
            (Jitter::Decorrelated | Jitter::DecorrelatedV2, _) => self.max,
            (jitter, Cap::BeforeJitter) => jitter.most(raw.min(self.max)),
            (jitter, Cap::AfterJitter) => jitter.most(raw).min(self.max),
        }
    }
}

impl Jitter {
    /// The most that chance can make of a wait, but for those kinds that look at the waits before.
    fn most(self, wait: Duration) -> Duration {
        match self {
            Self::Scale { high, .. } => scaled(wait, high),
            Self::Add { high, .. } => wait.saturating_add(high),
            Self::None | Self::Full | Self::Equal | Self::Decorrelated | Self::DecorrelatedV2 => wait,
        }
    }
}

/// A wait times a number, at most the longest that a scenario may name.
pub fn scaled(wait: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(wait.as_secs_f64() * factor).unwrap_or(DURATION_MAX).min(DURATION_MAX)
}

/// The k-th, from 1.
fn fibonacci(first: Duration, second: Duration, k: u32) -> Duration {
    let mut pair = (first, second);
    for _ in 1..k {
        if pair.0 > DURATION_MAX {
            break;
        }
        pair = (pair.1, pair.0.saturating_add(pair.1));
    }
    pair.0
}

/// Whether the longest wait is applied before or after chance.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    /// Before.
    #[default]
    BeforeJitter,
    /// After.
    AfterJitter,
}

/// How chance changes a wait d; u is uniform in [0, 1).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Jitter {
    /// d.
    #[default]
    None,
    /// u d. Source, like the next two: AWS Architecture Blog, "Exponential Backoff And Jitter".
    Full,
    /// d/2 + u d/2.
    Equal,
    /// min(max, uniform in [base, 3 * the last wait)).
    Decorrelated,
    /// (f(k - 1 + u) - f(the last k and u)) base / 1.4, f(t) = 2^t tanh(sqrt(4t)). Source: Polly v8,
    /// `RetryHelper.DecorrelatedJitterBackoffV2`.
    DecorrelatedV2,
    /// d * uniform in [low, high).
    Scale {
        /// At least.
        low: f64,
        /// Less than.
        high: f64,
    },
    /// d + uniform in [low, high).
    Add {
        /// At least.
        low: Duration,
        /// Less than.
        high: Duration,
    },
}

/// What a `Retry-After` does to the wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryAfter {
    /// The longest that is obeyed.
    pub max: Duration,
    /// What becomes of a longer one.
    pub over_max: OverMax,
    /// Its statuses; `None` is all that are tried again.
    pub statuses: Option<Outcomes>,
    /// The longer of the two waits is taken; else `Retry-After` replaces the back-off.
    pub at_least_backoff: bool,
    /// How chance changes it.
    pub jitter: Jitter,
}

/// What becomes of a `Retry-After` that is too long.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OverMax {
    /// It is ignored: the back-off is waited.
    #[default]
    Ignore,
    /// The longest that is obeyed is waited.
    Clamp,
    /// The call is not tried again.
    GiveUp,
}

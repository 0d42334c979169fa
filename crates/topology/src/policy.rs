//! Outbound policy, as declared: time-outs, retries, connections. What a node does with it is in
//! the `node` crate.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::units::Share;
use crate::wire::Failure;

/// What a caller does about one callee.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long one attempt may take, from its start to the end of the response's body.
    pub timeout: Option<Duration>,
    /// How long all attempts of one call together may take, waits between them included.
    pub deadline: Option<Duration>,
    /// What is tried again, when, and how often.
    pub retry: Retry,
    /// The connections that are kept.
    pub pool: Pool,
}

/// Keep-alive connections towards one callee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// How many connections may be open at once; `None` is no limit. An attempt over it fails with
    /// [`Failure::ConnectionLimitReached`].
    pub max_connections: Option<u32>,
    /// A connection that has been idle for so long is not used again.
    pub idle_timeout: Duration,
    /// Off: each attempt has a connection of its own.
    pub reuse: bool,
}

/// What is tried again, when, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// How many attempts in all, the first included; 1 is no retry.
    pub max_attempts: u32,
    /// Which outcomes are tried again.
    pub when: When,
    /// The wait before the next attempt.
    pub backoff: Backoff,
    /// A `Retry-After` in seconds replaces the back-off, up to this; `None` ignores it.
    pub retry_after_max: Option<Duration>,
    /// At most this share of the recent requests on the edge may be retries (a token bucket that
    /// each request fills by this much and each retry empties by one); `None` is no limit.
    pub budget: Option<Share>,
}

/// Which outcomes are tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// Statuses.
    pub statuses: BTreeSet<u16>,
    /// Transport failures.
    pub failures: BTreeSet<Failure>,
    /// Only methods that are idempotent (RFC 9110 section 9.2.2), unless the request was surely
    /// not processed.
    pub idempotent_only: bool,
}

/// The wait before attempt k + 1, k from 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Backoff {
    /// None.
    None,
    /// `delay` each time.
    Constant {
        /// The wait.
        delay: Duration,
    },
    /// `base * k`, at most `max`.
    Linear {
        /// The first wait.
        base: Duration,
        /// The longest wait.
        max: Duration,
        /// How chance changes it.
        jitter: Jitter,
    },
    /// `base * factor^(k-1)`, at most `max`.
    Exponential {
        /// The first wait.
        base: Duration,
        /// What each next one is multiplied by.
        factor: f64,
        /// The longest wait.
        max: Duration,
        /// How chance changes it.
        jitter: Jitter,
    },
}

/// How chance changes a wait d. Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// d.
    #[default]
    None,
    /// Uniform in [0, d).
    Full,
    /// d/2 + uniform in [0, d/2).
    Equal,
    /// min(max, uniform in [base, 3 * the last wait)).
    Decorrelated,
}

//! Limits on how many attempts may be in flight, as declared.

use std::time::Duration;

/// How many attempts may be in flight over one edge at once. An attempt over the limit fails with
/// [`Failure::ConnectionLimitReached`](crate::Failure::ConnectionLimitReached).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many.
    Fixed(u32),
    /// Additive increase, multiplicative decrease: one more after a success while at least half the
    /// limit is in use, `backoff` times as many after a failure or an answer slower than `timeout`.
    /// Source: Netflix concurrency-limits, `AIMDLimit`.
    Aimd {
        /// The first limit.
        initial: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
        /// What it is multiplied by, below 1.
        backoff: f64,
        /// So slow an answer counts as a failure.
        timeout: Duration,
    },
    /// By the ratio of the long-term to the latest latency: gradient = clamp(tolerance * long /
    /// latest, 0.5, 1), new = limit * gradient + queue, smoothed. Source: Netflix
    /// concurrency-limits, `Gradient2Limit`.
    Gradient {
        /// The first limit.
        initial: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
        /// How much of each new value is taken, in (0, 1].
        smoothing: f64,
        /// How many attempts may queue at the callee.
        queue: u32,
        /// How much slower than in the long term the latest latency may be, 1 or more.
        tolerance: f64,
        /// The number of attempts over which the long term is averaged.
        long_window: u32,
    },
}

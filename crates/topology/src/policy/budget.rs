//! Retry budgets, as declared: how much may be tried again in all, over many calls.

use std::time::Duration;

use crate::units::Share;

/// A limit on the retries that one caller makes to one callee, all its replicas together. Hedges
/// count as retries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// In any `window`, at most `ratio` times the calls plus `min_per_s` a second may be retries.
    /// Source: Finagle's `RetryBudget` and its heirs in Linkerd and tower.
    Ratio {
        /// Retries per call.
        ratio: Share,
        /// Retries a second that are allowed however few calls there are.
        min_per_s: f64,
        /// The time that is looked back on.
        window: Duration,
    },
    /// A bucket of tokens.
    Tokens(Tokens),
    /// As long as fewer retries are under way or waiting than `share` of the calls in flight, or than
    /// `at_least`. Source: Envoy, `retry_budget` and `max_retries` of a cluster's circuit breakers.
    Concurrent {
        /// Retries per call in flight.
        share: Share,
        /// So many are always allowed.
        at_least: u32,
    },
    /// As long as no more than this share of attempts per call has failed since the run began: a
    /// breaker for retries alone. Source: Marc Brooker, "Fixing retries with token buckets and circuit
    /// breakers".
    Failing {
        /// Failed attempts per call.
        share: Share,
    },
}

/// A bucket of tokens, full at first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tokens {
    /// The most that it holds.
    pub capacity: f64,
    /// What a retry takes.
    pub cost: f64,
    /// What a retry takes after a time-out.
    pub timeout_cost: f64,
    /// What a retry takes after a 429.
    pub throttled_cost: f64,
    /// A retry is only made while it holds more than this.
    pub above: f64,
    /// What each call puts in as it begins.
    pub per_call: f64,
    /// What a call that succeeds at its first attempt puts in.
    pub per_success: f64,
    /// What a call puts in that succeeds at a later one.
    pub after_retry: Refund,
    /// What each attempt takes that fails so that it would be tried again.
    pub per_failure: f64,
}

/// See [`Tokens::after_retry`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Refund {
    /// So much.
    Tokens(f64),
    /// What its last retry has taken.
    LastCost,
}

//! Outbound policy, as declared: time-outs, connections, and all that a caller does so that a
//! callee's failure does not become its own. What a node does with it is in the `node` crate.
//!
//! The parts are independent, and any of them may be left out. From the outside in: `fallback`,
//! `deadline`, `retry` (with its budget), `hedge`, then for each attempt `throttle`, `breaker`,
//! `concurrency`, `timeout`.

mod breaker;
mod budget;
mod limit;
mod outcomes;
mod retry;

use std::time::Duration;

pub use breaker::{Breaker, Growth, Rate, Window};
pub use budget::{Budget, Refund, Tokens};
pub use limit::Limit;
pub use outcomes::Outcomes;
pub use retry::{
    ATTEMPTS_MAX, Backoff, Cap, Curve, Idempotent, Jitter, OverMax, Retry, RetryAfter, When, scaled,
};

use crate::graph::EdgeId;
use crate::units::Share;

/// What a caller does about one callee.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long one attempt may take, from its start to the end of the response's body.
    pub timeout: Option<Duration>,
    /// How long the callee may take for the response's head, from the request's being sent, and be silent
    /// after that, from one piece of the body to the next. Measured on nginx 1.22 (`proxy_read_timeout`)
    /// and HAProxy 2.6 (`timeout server`).
    pub read_timeout: Option<Duration>,
    /// How long all attempts of one call together may take, waits between them included.
    pub deadline: Option<Duration>,
    /// The callee is told how much time is left, and answers no later.
    pub propagate_deadline: bool,
    /// What is tried again, when, and how often.
    pub retry: Retry,
    /// When a second copy is sent although the first is not lost yet.
    pub hedge: Option<Hedge>,
    /// When a callee that fails is left alone.
    pub breaker: Option<Breaker>,
    /// How the caller holds back by itself when the callee refuses.
    pub throttle: Option<Throttle>,
    /// How many attempts may be in flight at once.
    pub concurrency: Option<Limit>,
    /// Who is asked once all of that has failed: the edges to its replicas. Empty: nobody.
    pub fallback: Vec<EdgeId>,
    /// The connections that are kept.
    pub pool: Pool,
}

impl Policy {
    /// How long an attempt waits for a callee that sends nothing; `None` is no limit.
    pub fn patience(&self) -> Option<Duration> {
        self.timeout.into_iter().chain(self.read_timeout).min()
    }
}

/// Keep-alive connections towards one callee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// How many connections may be open at once; `None` is no limit. An attempt over it fails with
    /// [`Failure::ConnectionLimitReached`](crate::Failure::ConnectionLimitReached).
    pub max_connections: Option<u32>,
    /// How many requests a connection carries at once where it can carry several (HTTP/2).
    pub max_concurrent_streams: u32,
    /// A connection that has been idle for so long is not used again.
    pub idle_timeout: Duration,
    /// Off: each attempt has a connection of its own.
    pub reuse: bool,
    /// An idempotent request whose used connection ended before a byte of an answer came is sent again
    /// at once, and counts neither as a retry nor against a budget: it had met the callee's idle
    /// time-out. RFC 9112 section 9.3.1 allows it; nginx, Go's `net/http` and what is built on them do so.
    pub resend: bool,
}

/// A second copy of a call is sent while the first is still under way; the first good answer wins
/// and the others are dropped. Source: Dean, Barroso, "The Tail at Scale", CACM 2013.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hedge {
    /// How long the newest copy has had by then.
    pub after: HedgeAfter,
    /// How many copies in all, the first included.
    pub max_attempts: u32,
}

/// See [`Hedge`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HedgeAfter {
    /// So long.
    Delay(Duration),
    /// This quantile, in (0, 1), of the callee's latest 100 good answers; while there are fewer than
    /// 20 of them nothing is sent twice.
    Quantile(f64),
}

/// Client-side adaptive throttling: an attempt is dropped before it is sent with probability
/// max(0, (requests - k * accepts) / (requests + 1)), both counted over the last `window`. Source:
/// "Site Reliability Engineering", O'Reilly 2016, chapter 21.
///
/// What is accepted is what was answered by anything but 429 or 503.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttle {
    /// How many times as many requests as are accepted the callee is sent, 1 or more.
    pub k: f64,
    /// What counts as recent.
    pub window: Duration,
    /// At most this share is dropped.
    pub max_reject: Share,
}

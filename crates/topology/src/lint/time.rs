//! How long a node takes with one request when nothing fails, and how long it may take at most.

use std::time::Duration;

use super::offered::shares;
use super::text;
use crate::node::{Choice, Node, NodeKind};
use crate::policy::{Outcomes, Policy, Retry};
use crate::wire::Failure;
use crate::{EdgeId, NodeId, Scenario};

/// Of one node. All but `longest` are without any waiting for a worker.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Time {
    /// The least until the head of its response.
    pub(super) least: Duration,
    /// The mean until the head of its response, in seconds.
    mean: f64,
    /// 99% take less than some time that is not below this, until the head of its response.
    pub(super) p99: Duration,
    /// From the head to the end of the body.
    pub(super) stream: Duration,
    /// The longest that its own timers let it take, if all that it calls is silent; `None` if nothing
    /// bounds it.
    pub(super) longest: Option<Duration>,
}

impl Time {
    /// The mean until the end of the response's body, in seconds.
    pub(super) fn mean(&self) -> f64 {
        self.mean + self.stream.as_secs_f64()
    }
}

/// Of all nodes.
#[derive(Debug)]
pub(super) struct Times(Vec<Time>);

impl Times {
    /// With the nodes in an order in which callers come before their callees.
    pub(super) fn new(scenario: &Scenario, order: &[NodeId]) -> Self {
        let mut times = Self(vec![Time::default(); scenario.topology.node_count()]);
        for &node in order.iter().rev() {
            times.0[node.index()] = times.of(scenario, scenario.topology.node(node));
        }
        times
    }

    pub(super) fn node(&self, node: NodeId) -> Time {
        self.0[node.index()]
    }

    /// One node, where its callees are known.
    fn of(&self, scenario: &Scenario, node: &Node) -> Time {
        let own = &node.service_time;
        let mut time = Time {
            least: own.least(),
            mean: own.mean().as_secs_f64(),
            p99: own.p99(),
            stream: node.response.chunk_interval.saturating_mul(node.response.chunks.saturating_sub(1)),
            longest: Some(own.p99()),
        };
        let stages = &node.plan.stages;
        for (i, stage) in stages.iter().enumerate() {
            let calls: Vec<Time> = stage.calls.iter().map(|choice| self.choice(scenario, choice)).collect();
            let relayed = node.kind == NodeKind::Gateway && i + 1 == stages.len() && calls.len() == 1;
            let tail = |call: &Time| if relayed { Duration::ZERO } else { call.stream };
            let most = |f: &dyn Fn(&Time) -> Duration| calls.iter().map(f).max().unwrap_or_default();
            let least = most(&|call| call.least + tail(call));
            let p99 = most(&|call| call.p99 + tail(call));
            // A sum of times has its 99th percentile no lower than one's with the least of the other.
            time.p99 = (time.p99 + least).max(p99 + time.least);
            time.least += least;
            time.mean += calls.iter().map(|c| c.mean + tail(c).as_secs_f64()).fold(0.0, f64::max);
            let longest =
                calls.iter().map(|call| call.longest).try_fold(Duration::ZERO, |sum, l| Some(sum.max(l?)));
            time.longest = time.longest.zip(longest).map(|(own, calls)| own.saturating_add(calls));
            if let (true, [only]) = (relayed, calls.as_slice()) {
                time.stream = only.stream;
            }
        }
        if let Some(deadline) = node.deadline {
            time.longest = Some(time.longest.map_or(deadline, |longest| longest.min(deadline)));
            time.p99 = time.p99.min(deadline);
            time.least = time.least.min(deadline);
        }
        time
    }

    /// A call to one of several: the mean of them, and of all else what can be said of each.
    fn choice(&self, scenario: &Scenario, choice: &Choice) -> Time {
        let mut all: Option<Time> = None;
        for (edge, share) in shares(choice) {
            let time = self.over(scenario, edge);
            let weighed = Time { mean: time.mean * share, ..time };
            all = Some(all.map_or(weighed, |all| Time {
                least: all.least.min(time.least),
                mean: all.mean + weighed.mean,
                p99: all.p99.min(time.p99),
                stream: all.stream.min(time.stream),
                longest: all.longest.zip(time.longest).map(|(a, b)| a.max(b)),
            }));
        }
        all.unwrap_or_default()
    }

    /// A call over an edge.
    fn over(&self, scenario: &Scenario, edge: EdgeId) -> Time {
        let policy = &scenario.topology.edge(edge).policy;
        let callee = self.node(scenario.topology.ends(edge).1);
        let cut = |time: Duration| policy.patience().map_or(time, |timeout| time.min(timeout));
        let to = |edge: EdgeId| longest_call(&scenario.topology.edge(edge).policy).map(|call| call.all);
        let mut fallback = policy.fallback.iter().map(|&edge| to(edge));
        let fallback = fallback.try_fold(Duration::ZERO, |most, time| Some(most.max(time?)));
        Time {
            least: cut(callee.least),
            mean: callee.mean,
            p99: cut(callee.p99),
            stream: callee.stream,
            longest: to(edge).zip(fallback).map(|(own, fallback)| own.saturating_add(fallback)),
        }
    }
}

/// The longest that all attempts of a call may take together.
#[derive(Debug, Clone)]
pub(super) struct LongestCall {
    pub(super) all: Duration,
    /// How that comes about: `3 x 1.5s + back-off 200ms`.
    pub(super) how: String,
}

/// None if nothing bounds it.
pub(super) fn longest_call(policy: &Policy) -> Option<LongestCall> {
    let attempts = policy.retry.max_attempts.max(1);
    let untimed = policy.patience().is_none();
    let timeout = policy.patience().or(policy.deadline)?;
    let waits = backoffs(&policy.retry, attempts);
    let (slow, how) = if attempts == 1 {
        (timeout, text::time(timeout))
    } else if retries_after_connecting(&policy.retry) {
        (timeout.saturating_mul(attempts), format!("{attempts} x {}", text::time(timeout)))
    } else {
        let refused = policy.connect_timeout.min(timeout).saturating_mul(attempts - 1);
        let each = text::time(policy.connect_timeout.min(timeout));
        (
            refused.saturating_add(timeout),
            format!("{} x {each} to connect + {}", attempts - 1, text::time(timeout)),
        )
    };
    let all = slow.saturating_add(waits);
    let how = if waits.is_zero() { how } else { format!("{how} + back-off {}", text::time(waits)) };
    match policy.deadline {
        Some(deadline) if deadline < all || untimed => {
            Some(LongestCall { all: deadline, how: format!("a deadline of {}", text::time(deadline)) })
        }
        _ => Some(LongestCall { all, how }),
    }
}

/// The longest waits between so many attempts, together.
pub(super) fn backoffs(retry: &Retry, attempts: u32) -> Duration {
    let Some(backoff) = &retry.backoff else { return Duration::ZERO };
    let waits_for = |outcomes: &Outcomes| {
        outcomes.has_failure(Failure::HeadTimeout) || statuses(outcomes) || !retries_after_connecting(retry)
    };
    // What takes long, and most of what fails at once, is tried again without a wait.
    if retry.backoff_for.as_ref().is_some_and(|outcomes| !waits_for(outcomes)) {
        return Duration::ZERO;
    }
    (1..attempts).fold(Duration::ZERO, |sum, k| sum.saturating_add(backoff.longest(k)))
}

/// Whether an attempt is tried again that may have taken its whole time-out.
pub(super) fn retries_after_connecting(retry: &Retry) -> bool {
    let outcomes = &retry.when.outcomes;
    let connecting = |f: &Failure| f.surely_unprocessed() || *f == Failure::Cancelled;
    statuses(outcomes) || Failure::ALL.iter().any(|f| !connecting(f) && outcomes.has_failure(*f))
}

fn statuses(outcomes: &Outcomes) -> bool {
    { Outcomes::STATUSES }.any(|status| outcomes.has_status(status))
}

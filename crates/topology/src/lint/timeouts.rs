//! Time-outs: too long, too short, in the wrong order, or none.

pub(super) mod absent;
pub(super) mod attempts;
pub(super) mod model;
pub(super) mod order;
pub(super) mod service;
pub(super) mod stream;

use std::time::Duration;

use super::subject::Link;

/// How long the caller waits for one attempt, and the key that says so.
fn patience(link: &Link<'_>) -> Option<(Duration, &'static str)> {
    let timeout = link.policy.patience().map(|t| (t, "timeout"));
    let deadline = link.policy.deadline.map(|d| (d, "deadline"));
    [timeout, deadline].into_iter().flatten().min_by_key(|(time, _)| *time)
}

/// Nine tenths of a time.
fn just_below(time: Duration) -> Duration {
    time.mul_f64(0.9)
}

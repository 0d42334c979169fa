//! Retries: too many, too fast, of what should not be tried again, or of too little.

pub(super) mod backoff;
pub(super) mod budget;
pub(super) mod client_errors;
pub(super) mod fallback;
pub(super) mod hedge;
pub(super) mod idempotence;
pub(super) mod misses;
pub(super) mod multiply;
pub(super) mod retry_after;

use crate::policy::{Outcomes, Policy};
use crate::wire::Failure;

/// Whether the policy ever tries anything again.
fn retries(policy: &Policy) -> bool {
    let when = &policy.retry.when;
    policy.retry.max_attempts > 1 && !(when.outcomes.is_empty() && when.with_retry_after.is_empty())
}

/// Whether something keeps the retries of many calls together within bounds.
fn is_bounded(policy: &Policy) -> bool {
    policy.retry.budget.is_some() || policy.throttle.is_some() || policy.breaker.is_some()
}

/// The statuses of a set.
fn statuses(outcomes: &Outcomes) -> impl Iterator<Item = u16> {
    Outcomes::STATUSES.filter(|&status| outcomes.has_status(status))
}

/// The failures of a set.
fn failures(outcomes: &Outcomes) -> impl Iterator<Item = Failure> {
    Failure::ALL.into_iter().filter(|&failure| outcomes.has_failure(failure))
}

/// What is recommended where retries have no bound, and no back-off.
const BUDGET: &str = "10%";
const BACKOFF: &str = "{ exponential: { base: 100ms, max: 2s, jitter: full } }";

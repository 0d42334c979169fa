//! Whether an attempt is tried again, and after which wait.

use std::time::Duration;

use rand::RngExt;
use topology::policy::{Backoff, Cap, Curve, Idempotent, Jitter, OverMax, Retry, RetryAfter, scaled};
use topology::units::DURATION_MAX;
use trace::Outcome;

use crate::dice::{Dice, Purpose};
use crate::edge::names;

/// Whether the policy is for this outcome at all; attempts and budget are counted elsewhere.
pub(crate) fn is_eligible(retry: &Retry, outcome: Outcome, told_when: bool, idempotent: bool) -> bool {
    let when = &retry.when;
    let listed = names(&when.outcomes, outcome) || (told_when && names(&when.with_retry_after, outcome));
    let method_matters = match when.idempotent {
        Idempotent::Any => false,
        Idempotent::UnlessUnprocessed => {
            !outcome.failure().is_some_and(topology::Failure::surely_unprocessed)
        }
        Idempotent::ForStatuses => outcome.failure().is_none(),
        Idempotent::Always => true,
    };
    listed && (idempotent || !method_matters)
}

/// What a call has waited so far between its attempts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waits {
    /// The last wait.
    pub(crate) last: Duration,
    /// All of them.
    pub(crate) total: Duration,
}

impl Waits {
    pub(crate) fn add(&mut self, wait: Duration) {
        self.last = wait;
        self.total = self.total.saturating_add(wait);
    }
}

/// What the wait after an attempt depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// How many attempts have been made.
    pub(crate) attempts: u16,
    /// How the last of them ended.
    pub(crate) outcome: Outcome,
    /// Its `Retry-After`.
    pub(crate) told: Option<Duration>,
    /// The waits before it.
    pub(crate) waits: Waits,
    /// What keys the chance.
    pub(crate) key: u64,
}

/// The wait before the next attempt; none if there is to be none.
pub(crate) fn wait(retry: &Retry, ended: &Ended, dice: Dice) -> Option<Duration> {
    let luck: f64 = dice.rng(Purpose::Backoff, ended.key).random();
    let waits = retry.backoff_for.as_ref().is_none_or(|outcomes| names(outcomes, ended.outcome));
    let own = retry.backoff.as_ref().filter(|_| waits).map_or(Duration::ZERO, |b| backoff(b, ended, luck));
    let Some((policy, told)) = retry.retry_after.as_ref().zip(ended.told) else { return Some(own) };
    if policy.statuses.as_ref().is_some_and(|outcomes| !names(outcomes, ended.outcome)) {
        return Some(own);
    }
    let obeyed = match (told > policy.max, policy.over_max) {
        (false, _) => told,
        (true, OverMax::Ignore) => return Some(own),
        (true, OverMax::Clamp) => policy.max,
        (true, OverMax::GiveUp) => return None,
    };
    Some(after_hint(policy, obeyed, own, luck))
}

fn after_hint(policy: &RetryAfter, told: Duration, own: Duration, luck: f64) -> Duration {
    let told = jittered(policy.jitter, told, luck);
    if policy.at_least_backoff { told.max(own) } else { told }
}

fn backoff(backoff: &Backoff, ended: &Ended, luck: f64) -> Duration {
    let k = u32::from(ended.attempts).max(1);
    let throttled = backoff.throttled_base.filter(|_| ended.outcome == Outcome::Answered(429));
    let raw = backoff.curve.wait(k, throttled);
    if let (1, Some(first)) = (k, backoff.first) {
        return first;
    }
    let base = match &backoff.curve {
        Curve::List(_) => raw,
        curve => curve.wait(1, throttled),
    };
    match backoff.jitter {
        Jitter::Decorrelated => {
            let previous = ended.waits.last.max(base);
            (base + scaled(previous.saturating_mul(3).saturating_sub(base), luck)).min(backoff.max)
        }
        Jitter::DecorrelatedV2 => {
            // The waits so far add up to f at the last place, but for the factor.
            let unit = base.as_secs_f64() / 1.4;
            let at = f64::from(k) - 1.0 + luck;
            let f = at.min(1023.0).exp2() * (4.0 * at).sqrt().tanh();
            let wait = f * unit - ended.waits.total.as_secs_f64();
            Duration::try_from_secs_f64(wait.max(0.0)).unwrap_or(DURATION_MAX).min(backoff.max)
        }
        jitter if backoff.cap == Cap::BeforeJitter => jittered(jitter, raw.min(backoff.max), luck),
        jitter => jittered(jitter, raw, luck).min(backoff.max),
    }
}

/// A wait, changed by chance alone.
fn jittered(jitter: Jitter, wait: Duration, luck: f64) -> Duration {
    match jitter {
        Jitter::None | Jitter::Decorrelated | Jitter::DecorrelatedV2 => wait,
        Jitter::Full => scaled(wait, luck),
        Jitter::Equal => wait / 2 + scaled(wait / 2, luck),
        Jitter::Scale { low, high } => scaled(wait, low + (high - low) * luck),
        Jitter::Add { low, high } => {
            wait.saturating_add(low).saturating_add(scaled(high.saturating_sub(low), luck))
        }
    }
}

#[cfg(test)]
mod tests;

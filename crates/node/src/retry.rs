//! Whether an attempt is tried again, and after which wait.

use std::time::Duration;

use rand::RngExt;
use topology::policy::{Backoff, Jitter, Retry};
use trace::Outcome;

use crate::dice::{Dice, Purpose};

/// Whether the policy is for this outcome at all; attempts and budget are counted elsewhere.
pub(crate) fn is_eligible(retry: &Retry, outcome: Outcome, idempotent: bool) -> bool {
    let listed = match outcome {
        Outcome::Answered(status) => retry.when.statuses.contains(&status),
        Outcome::Failed { failure, .. } => retry.when.failures.contains(&failure),
    };
    let harmless = idempotent || outcome.failure().is_some_and(topology::Failure::surely_unprocessed);
    listed && (harmless || !retry.when.idempotent_only)
}

/// The wait before the next attempt, after `attempt` attempts (from 1).
///
/// `last` is the wait before this one, for [`Jitter::Decorrelated`]; `hop` keys the chance.
pub(crate) fn wait(retry: &Retry, attempt: u16, last: Duration, hop: u64, dice: Dice) -> Duration {
    let (base, raw, max, jitter) = match retry.backoff {
        Backoff::None => return Duration::ZERO,
        Backoff::Constant { delay } => return delay,
        Backoff::Linear { base, max, jitter } => (base, base.saturating_mul(u32::from(attempt)), max, jitter),
        Backoff::Exponential { base, factor, max, jitter } => {
            let grown = base.as_secs_f64() * factor.powi(i32::from(attempt) - 1);
            (base, Duration::try_from_secs_f64(grown).unwrap_or(max), max, jitter)
        }
    };
    let capped = raw.min(max);
    let luck: f64 = dice.rng(Purpose::Backoff, hop).random();
    match jitter {
        Jitter::None => capped,
        Jitter::Full => capped.mul_f64(luck),
        Jitter::Equal => capped / 2 + (capped / 2).mul_f64(luck),
        Jitter::Decorrelated => {
            let previous = last.max(base);
            (base + (previous * 3).saturating_sub(base).mul_f64(luck)).min(max)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use topology::Failure;
    use topology::policy::When;

    fn retry(backoff: Backoff, idempotent_only: bool) -> Retry {
        let when = When {
            statuses: BTreeSet::from([502]),
            failures: BTreeSet::from([Failure::ConnectionTerminated, Failure::ConnectionRefused]),
            idempotent_only,
        };
        Retry { max_attempts: 5, when, backoff, retry_after_max: None, budget: None }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn only_what_is_listed_is_tried_again() {
        let policy = retry(Backoff::None, false);
        let failed = |failure| Outcome::Failed { failure, status: None };
        assert!(is_eligible(&policy, Outcome::Answered(502), false));
        assert!(!is_eligible(&policy, Outcome::Answered(503), true));
        assert!(is_eligible(&policy, failed(Failure::ConnectionTerminated), false));
        assert!(!is_eligible(&policy, failed(Failure::HeadTimeout), true));
    }

    #[test]
    fn a_post_is_only_repeated_when_it_was_surely_not_processed() {
        let policy = retry(Backoff::None, true);
        let failed = |failure| Outcome::Failed { failure, status: None };
        assert!(!is_eligible(&policy, failed(Failure::ConnectionTerminated), false));
        assert!(is_eligible(&policy, failed(Failure::ConnectionRefused), false));
    }

    #[test]
    fn exponential_waits_double_up_to_the_cap() {
        let backoff = Backoff::Exponential { base: ms(50), factor: 2.0, max: ms(300), jitter: Jitter::None };
        let policy = retry(backoff, false);
        let waits: Vec<_> =
            (1..=5).map(|k| wait(&policy, k, Duration::ZERO, 9, Dice::new(1)).as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 300, 300]);
    }

    #[test]
    fn jitters_stay_inside_their_interval_and_fill_it() {
        for (jitter, low, high) in
            [(Jitter::Full, 0.0, 0.2), (Jitter::Equal, 0.1, 0.2), (Jitter::Decorrelated, 0.05, 0.25)]
        {
            let backoff = Backoff::Exponential { base: ms(50), factor: 2.0, max: ms(250), jitter };
            let policy = retry(backoff, false);
            let waits: Vec<f64> =
                (0..2000).map(|key| wait(&policy, 3, ms(100), key, Dice::new(1)).as_secs_f64()).collect();
            let (min, max) = waits.iter().fold((f64::MAX, 0.0_f64), |(a, b), &w| (a.min(w), b.max(w)));
            assert!(low <= min && max <= high + 1e-9, "{jitter:?}: {min}..{max}");
            assert!(min < low + 0.01 && max > high - 0.01, "{jitter:?}: {min}..{max}");
        }
    }

    #[test]
    fn a_huge_attempt_number_stays_at_the_cap() {
        let backoff = Backoff::Exponential { base: ms(50), factor: 1e6, max: ms(300), jitter: Jitter::None };
        assert_eq!(wait(&retry(backoff, false), u16::MAX, Duration::ZERO, 9, Dice::new(1)), ms(300));
    }
}

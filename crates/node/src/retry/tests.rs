use super::*;
use proptest::prelude::*;
use topology::Failure;
use topology::policy::{Outcomes, When};

const FAILED: Outcome = Outcome::Answered(502);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn outcomes(statuses: &[u16], failures: &[Failure]) -> Outcomes {
    let mut outcomes = Outcomes::default();
    outcomes.add_statuses(statuses.iter().copied());
    outcomes.add_failures(failures.iter().copied());
    outcomes
}

fn policy(backoff: impl Into<Option<Backoff>>, idempotent: Idempotent) -> Retry {
    let outcomes = outcomes(&[502], &[Failure::ConnectionTerminated, Failure::ConnectionRefused]);
    Retry {
        max_attempts: 5,
        when: When { outcomes, with_retry_after: Outcomes::default(), idempotent },
        backoff: backoff.into(),
        ..Retry::never()
    }
}

fn curve(curve: Curve, max: Duration, jitter: Jitter) -> Backoff {
    Backoff { curve, first: None, throttled_base: None, max, cap: Cap::BeforeJitter, jitter }
}

fn exponential(base: u64, max: u64, jitter: Jitter) -> Backoff {
    curve(Curve::Exponential { base: ms(base), factor: 2.0 }, ms(max), jitter)
}

fn ended(attempts: u16, key: u64) -> Ended {
    Ended { attempts, outcome: FAILED, told: None, waits: Waits::default(), key }
}

fn failed(failure: Failure) -> Outcome {
    Outcome::Failed { failure, status: None }
}

/// The first waits in milliseconds.
fn waits(retry: &Retry, n: u16) -> Vec<u128> {
    let mut waits = Waits::default();
    (1..=n)
        .map(|k| {
            let wait = wait(retry, &Ended { waits, ..ended(k, u64::from(k)) }, Dice::new(1)).unwrap();
            waits.add(wait);
            wait.as_millis()
        })
        .collect()
}

#[test]
fn only_what_is_listed_is_tried_again() {
    let policy = policy(None, Idempotent::Any);
    assert!(is_eligible(&policy, FAILED, false, false));
    assert!(!is_eligible(&policy, Outcome::Answered(503), false, true));
    assert!(is_eligible(&policy, failed(Failure::ConnectionTerminated), false, false));
    assert!(!is_eligible(&policy, failed(Failure::HeadTimeout), false, true));
}

#[test]
fn some_statuses_are_only_tried_again_when_told() {
    let mut policy = policy(None, Idempotent::Any);
    policy.when.with_retry_after = outcomes(&[429], &[]);
    assert!(!is_eligible(&policy, Outcome::Answered(429), false, true));
    assert!(is_eligible(&policy, Outcome::Answered(429), true, true));
}

#[test]
fn when_a_post_is_repeated() {
    let (status, sent, unsent) =
        (FAILED, failed(Failure::ConnectionTerminated), failed(Failure::ConnectionRefused));
    for (idempotent, expected) in [
        (Idempotent::Any, [true, true, true]),
        (Idempotent::UnlessUnprocessed, [false, false, true]),
        (Idempotent::ForStatuses, [false, true, true]),
        (Idempotent::Always, [false, false, false]),
    ] {
        let policy = policy(None, idempotent);
        let repeated = [status, sent, unsent].map(|outcome| is_eligible(&policy, outcome, false, false));
        assert_eq!(repeated, expected, "{idempotent:?}");
    }
}

#[test]
fn how_waits_grow() {
    let jitter = Jitter::None;
    let list = Curve::List(vec![ms(5), ms(1), ms(9)]);
    for (backoff, expected) in [
        (None, [0, 0, 0, 0, 0]),
        (Some(curve(Curve::Constant { delay: ms(7) }, DURATION_MAX, jitter)), [7, 7, 7, 7, 7]),
        (Some(curve(Curve::Linear { base: ms(10) }, ms(35), jitter)), [10, 20, 30, 35, 35]),
        (Some(exponential(50, 300, jitter)), [50, 100, 200, 300, 300]),
        (Some(curve(Curve::Fibonacci { base: ms(2), second: ms(3) }, ms(10), jitter)), [2, 3, 5, 8, 10]),
        (Some(curve(list, DURATION_MAX, jitter)), [5, 1, 9, 9, 9]),
    ] {
        assert_eq!(waits(&policy(backoff, Idempotent::Any), 5), expected);
    }
    // As urllib3: nothing before the first retry, then as if it had been waited.
    let first = Backoff { first: Some(Duration::ZERO), ..exponential(1000, 120_000, jitter) };
    assert_eq!(waits(&policy(first, Idempotent::Any), 4), [0, 2000, 4000, 8000]);
}

#[test]
fn after_a_429_it_may_begin_elsewhere() {
    let throttled_base = Some(ms(1000));
    let backoff = Backoff { throttled_base, ..exponential(50, 20_000, Jitter::None) };
    let retry = policy(backoff, Idempotent::Any);
    let after =
        |status| wait(&retry, &Ended { outcome: Outcome::Answered(status), ..ended(2, 1) }, Dice::new(1));
    assert_eq!((after(503), after(429)), (Some(ms(100)), Some(ms(2000))));
}

#[test]
fn only_some_outcomes_are_waited_after() {
    let mut retry = policy(exponential(50, 300, Jitter::None), Idempotent::Any);
    retry.backoff_for = Some(outcomes(&[], &[Failure::ConnectionRefused]));
    let after = |outcome| wait(&retry, &Ended { outcome, ..ended(1, 1) }, Dice::new(1));
    assert_eq!(after(FAILED), Some(Duration::ZERO));
    assert_eq!(after(failed(Failure::ConnectionRefused)), Some(ms(50)));
}

#[test]
fn what_a_retry_after_does() {
    let hint = RetryAfter {
        max: ms(60_000),
        over_max: OverMax::Ignore,
        statuses: None,
        at_least_backoff: false,
        jitter: Jitter::None,
    };
    let after = |policy_of_hint: RetryAfter, told: u64| {
        let mut retry = policy(exponential(500, 8000, Jitter::None), Idempotent::Any);
        retry.retry_after = Some(policy_of_hint);
        wait(&retry, &Ended { told: Some(ms(told)), ..ended(1, 1) }, Dice::new(1))
    };
    assert_eq!(after(hint, 100), Some(ms(100)));
    assert_eq!(after(hint, 60_000), Some(ms(60_000)));
    assert_eq!(after(hint, 60_001), Some(ms(500)));
    assert_eq!(after(RetryAfter { over_max: OverMax::Clamp, ..hint }, 90_000), Some(ms(60_000)));
    assert_eq!(after(RetryAfter { over_max: OverMax::GiveUp, ..hint }, 90_000), None);
    assert_eq!(after(RetryAfter { at_least_backoff: true, ..hint }, 100), Some(ms(500)));
    let other = Some(outcomes(&[429], &[]));
    assert_eq!(after(RetryAfter { statuses: other, ..hint }, 100), Some(ms(500)));
}

#[test]
fn jitters_stay_inside_their_interval_and_fill_it() {
    let scale = Jitter::Scale { low: 0.75, high: 1.0 };
    let add = Jitter::Add { low: ms(0), high: ms(1000) };
    for (jitter, low, high) in [
        (Jitter::Full, 0.0, 0.2),
        (Jitter::Equal, 0.1, 0.2),
        (Jitter::Decorrelated, 0.05, 0.25),
        (scale, 0.15, 0.2),
        (add, 0.2, 1.2),
    ] {
        let retry = policy(exponential(50, 250, jitter), Idempotent::Any);
        let last = Waits { last: ms(100), total: ms(150) };
        let waits: Vec<f64> = (0..5000)
            .map(|key| {
                wait(&retry, &Ended { waits: last, ..ended(3, key) }, Dice::new(1)).unwrap().as_secs_f64()
            })
            .collect();
        let (min, max) = waits.iter().fold((f64::MAX, 0.0_f64), |(a, b), &w| (a.min(w), b.max(w)));
        assert!(low <= min && max <= high + 1e-9, "{jitter:?}: {min}..{max}");
        let near = 0.01 * (high - low).max(0.1);
        assert!(min < low + near && max > high - near, "{jitter:?}: {min}..{max}");
    }
}

/// Polly's intervals for a base of 2 s, from its own formula: up to 2.7544 s before the second attempt.
#[test]
fn the_jitter_of_polly() {
    let retry = policy(exponential(2000, 86_400_000, Jitter::DecorrelatedV2), Idempotent::Any);
    let longest = (0..20_000).map(|key| wait(&retry, &ended(1, key), Dice::new(1)).unwrap()).max().unwrap();
    let longest = longest.as_secs_f64();
    assert!((2.75..=2.7545).contains(&longest), "{longest}");
}

proptest! {
    #[test]
    fn a_wait_is_never_above_the_longest(
        attempts in 1_u16..,
        base in 0_u64..10_000,
        max in 0_u64..100_000,
        factor in 1.0_f64..100.0,
        key in any::<u64>(),
        last in 0_u64..1_000_000,
    ) {
        let waits = Waits { last: ms(last), total: ms(last) };
        for jitter in [Jitter::None, Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::DecorrelatedV2] {
            for shape in [Curve::Exponential { base: ms(base), factor }, Curve::Linear { base: ms(base) }] {
                let retry = policy(curve(shape, ms(max), jitter), Idempotent::Any);
                let wait = wait(&retry, &Ended { waits, ..ended(attempts, key) }, Dice::new(1)).unwrap();
                prop_assert!(wait <= ms(max), "{wait:?}");
            }
        }
    }
}

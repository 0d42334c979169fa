use super::*;
use proptest::prelude::*;
use topology::Failure;
use topology::policy::Tokens;
use topology::units::Share;

const SECOND: u64 = 1_000_000_000;
const FAILED: Option<Outcome> = Some(Outcome::Answered(503));

fn share(fraction: f64) -> Share {
    Share::new(fraction).unwrap()
}

fn tokens(capacity: f64, cost: f64) -> Tokens {
    Tokens {
        capacity,
        cost,
        timeout_cost: 2.0 * cost,
        throttled_cost: cost,
        above: 0.0,
        per_call: 0.0,
        per_success: 0.0,
        after_retry: Refund::Tokens(0.0),
        per_failure: 0.0,
    }
}

/// One call whose every attempt fails: how many retries it is allowed, at most so many.
fn failing_call(state: &mut BudgetState, budget: &Budget, most: u32, now: Time) -> u32 {
    state.call_begins(Some(budget), now);
    let mut retries = 0;
    loop {
        state.attempt_fails(Some(budget));
        if retries == most || state.withdraw(Some(budget), FAILED, now).is_none() {
            break;
        }
        retries += 1;
    }
    state.call_ends(Some(budget), false, retries, RetryCost::default());
    retries
}

/// The known constants of AWS SDKs: two retries a call until 100 retries in all, then none.
#[test]
fn the_bucket_of_aws_is_spent_after_a_hundred_retries() {
    let budget = Budget::Tokens(Tokens {
        timeout_cost: 10.0,
        per_success: 1.0,
        after_retry: Refund::LastCost,
        ..tokens(500.0, 5.0)
    });
    let mut state = BudgetState::new(Some(&budget));
    let retries: Vec<u32> = (0..60).map(|_| failing_call(&mut state, &budget, 2, Time(0))).collect();
    assert!(retries[..50].iter().all(|r| *r == 2) && retries[50..].iter().all(|r| *r == 0));
    // A success puts one token in, and a retry needs five.
    for n in 1..=5 {
        state.call_begins(Some(&budget), Time(0));
        state.call_ends(Some(&budget), true, 0, RetryCost::default());
        let allowed = state.withdraw(Some(&budget), FAILED, Time(0));
        assert_eq!(allowed.is_some(), n == 5, "{n}");
    }
    // What a retry took comes back if it helped.
    state.call_begins(Some(&budget), Time(0));
    state.call_ends(Some(&budget), true, 1, RetryCost { tokens: 5.0 });
    assert!(state.withdraw(Some(&budget), FAILED, Time(0)).is_some());
}

#[test]
fn a_time_out_costs_more() {
    let budget = Budget::Tokens(tokens(10.0, 5.0));
    let mut state = BudgetState::new(Some(&budget));
    let timeout = Some(Outcome::Failed { failure: Failure::HeadTimeout, status: None });
    assert_eq!(state.withdraw(Some(&budget), timeout, Time(0)), Some(RetryCost { tokens: 10.0 }));
    assert_eq!(state.withdraw(Some(&budget), FAILED, Time(0)), None);
}

/// gRPC's throttle with 10 tokens and a ratio of 0.1, five attempts: 5, 1, 1, 1, 1, 1 requests.
#[test]
fn the_throttle_of_grpc_stops_at_half() {
    let budget =
        Budget::Tokens(Tokens { above: 5.0, per_success: 0.1, per_failure: 1.0, ..tokens(10.0, 0.0) });
    let mut state = BudgetState::new(Some(&budget));
    let requests: Vec<u32> = (0..6).map(|_| 1 + failing_call(&mut state, &budget, 4, Time(0))).collect();
    assert_eq!(requests, [5, 1, 1, 1, 1, 1]);
}

/// Finagle's and tower's example: 10 s, 10 a second, 20%: 100 retries when idle, 120 after 100 calls.
#[test]
fn a_ratio_has_a_reserve() {
    let budget = Budget::Ratio { ratio: share(0.2), min_per_s: 10.0, window: Duration::from_secs(10) };
    let mut state = BudgetState::new(Some(&budget));
    for _ in 0..100 {
        state.call_begins(Some(&budget), Time(0));
    }
    let allowed = (0..1000).filter(|_| state.withdraw(Some(&budget), FAILED, Time(0)).is_some()).count();
    assert_eq!(allowed, 120);
    let later = Time(12 * SECOND);
    let allowed = (0..1000).filter(|_| state.withdraw(Some(&budget), FAILED, later).is_some()).count();
    assert_eq!(allowed, 100);
}

/// Where everything fails, a steady flow of calls is allowed what the ratio says.
#[test]
fn a_ratio_is_what_is_allowed_in_the_long_run() {
    for window in [1, 10] {
        let budget = Budget::Ratio { ratio: share(0.1), min_per_s: 0.0, window: Duration::from_secs(window) };
        let mut state = BudgetState::new(Some(&budget));
        let retries: u32 =
            (0..10_000).map(|n| failing_call(&mut state, &budget, 3, Time(n * SECOND / 100))).sum();
        assert!((980..=1000).contains(&retries), "{retries} in a window of {window} s");
    }
}

/// Envoy: 20 calls that fail at once, three retries under way at most.
#[test]
fn a_concurrent_budget_is_given_back() {
    let budget = Budget::Concurrent { share: Share::ZERO, at_least: 3 };
    let mut state = BudgetState::new(Some(&budget));
    for _ in 0..20 {
        state.call_begins(Some(&budget), Time(0));
    }
    let mut withdraw = || state.withdraw(Some(&budget), FAILED, Time(0)).is_some();
    assert_eq!([(); 5].map(|()| withdraw()), [true, true, true, false, false]);
    state.call_ends(Some(&budget), false, 1, RetryCost::default());
    assert!(state.withdraw(Some(&budget), FAILED, Time(0)).is_some());
    assert!(state.withdraw(Some(&budget), FAILED, Time(0)).is_none());
}

#[test]
fn a_concurrent_budget_may_be_a_share_of_the_calls_in_flight() {
    let budget = Budget::Concurrent { share: share(0.2), at_least: 3 };
    let mut state = BudgetState::new(Some(&budget));
    for _ in 0..50 {
        state.call_begins(Some(&budget), Time(0));
    }
    let allowed = (0..50).filter(|_| state.withdraw(Some(&budget), FAILED, Time(0)).is_some()).count();
    assert_eq!(allowed, 10);
}

proptest! {
    /// The definition: in any window, retries <= ratio * calls + min_per_s * window.
    #[test]
    fn a_ratio_is_never_exceeded_over_any_window(
        steps in proptest::collection::vec((0_u64..400, any::<bool>()), 1..400),
        ratio in 0.0_f64..1.0,
        min_per_s in 0.0_f64..5.0,
        window_ms in 100_u64..3000,
    ) {
        let window = Duration::from_millis(window_ms);
        let budget = Budget::Ratio { ratio: share(ratio), min_per_s, window };
        let mut state = BudgetState::new(Some(&budget));
        let mut now = Time(0);
        let (mut calls, mut retries) = (Vec::new(), Vec::new());
        for (wait_ms, is_call) in steps {
            now = now + Duration::from_millis(wait_ms);
            if is_call {
                state.call_begins(Some(&budget), now);
                calls.push(now);
            } else if state.withdraw(Some(&budget), FAILED, now).is_some() {
                retries.push(now);
            }
        }
        for end in &retries {
            let inside = |at: &&Time| **at <= *end && **at + window > *end;
            let (calls, retries) = (calls.iter().filter(inside).count(), retries.iter().filter(inside).count());
            let allowed = share(ratio).get() * calls as f64 + min_per_s * window.as_secs_f64();
            prop_assert!(retries as f64 <= allowed + 1e-9, "{retries} of {allowed} at {end:?}");
        }
    }

    /// A bucket never gives more than it was full of at first and was filled with since.
    #[test]
    fn a_bucket_never_gives_what_it_has_not(
        steps in proptest::collection::vec(0_u8..4, 1..500),
        capacity in 0.0_f64..20.0,
        per_call in 0.0_f64..0.5,
        per_success in 0.0_f64..0.5,
    ) {
        let bucket = Tokens { per_call, per_success, ..tokens(capacity, 1.0) };
        let budget = Budget::Tokens(bucket);
        let mut state = BudgetState::new(Some(&budget));
        let (mut put_in, mut taken) = (capacity, 0.0);
        for step in steps {
            match step {
                0 => {
                    state.call_begins(Some(&budget), Time(0));
                    put_in += per_call;
                }
                1 => {
                    state.call_ends(Some(&budget), true, 0, RetryCost::default());
                    put_in += per_success;
                }
                _ => taken += state.withdraw(Some(&budget), FAILED, Time(0)).map_or(0.0, |cost| cost.tokens),
            }
            prop_assert!(taken <= put_in + 1e-9);
            prop_assert!((-1e-9..=capacity + 1e-9).contains(&state.tokens));
        }
    }
}

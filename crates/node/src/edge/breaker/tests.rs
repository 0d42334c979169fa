use super::*;
use proptest::prelude::*;
use topology::policy::Outcomes;
use topology::units::Share;

const SECOND: u64 = 1_000_000_000;
const OK: Outcome = Outcome::Answered(200);
const BAD: Outcome = Outcome::Answered(502);

fn breaker(consecutive: Option<u32>, rate: Option<Rate>) -> Breaker {
    let mut counts = Outcomes::default();
    counts.add_statuses(500..=599);
    let open_for = Growth { base: Duration::from_secs(10), factor: 2.0, max: Duration::from_secs(30) };
    Breaker { counts, consecutive, rate, open_for, probes: 1, close_after: 1, max_ejected: Share::ONE }
}

fn at(second: u64) -> Time {
    Time(second * SECOND)
}

/// One attempt that is let through.
fn attempt(state: &mut BreakerState, policy: &Breaker, now: Time, outcome: Outcome) {
    assert!(state.admits(policy, now), "{state:?}");
    state.sent(now);
    state.ended(policy, now, outcome);
}

#[test]
fn failures_in_a_row_open_it_and_a_probe_closes_it() {
    let policy = breaker(Some(3), None);
    let mut state = BreakerState::default();
    for outcome in [BAD, BAD, OK, BAD, BAD, Outcome::Answered(404)] {
        attempt(&mut state, &policy, at(0), outcome);
    }
    for _ in 0..3 {
        attempt(&mut state, &policy, at(0), BAD);
    }
    assert!(!state.admits(&policy, at(9)) && state.is_open(at(9)));
    attempt(&mut state, &policy, at(10), OK);
    assert!(state.admits(&policy, at(10)) && !state.is_open(at(10)));
    attempt(&mut state, &policy, at(10), BAD);
    assert!(state.admits(&policy, at(10)), "it counts anew");
}

#[test]
fn a_probe_that_fails_opens_it_for_longer() {
    let policy = breaker(Some(1), None);
    let mut state = BreakerState::default();
    attempt(&mut state, &policy, at(0), BAD);
    attempt(&mut state, &policy, at(10), BAD);
    assert!(!state.admits(&policy, at(29)));
    attempt(&mut state, &policy, at(30), BAD);
    assert!(!state.admits(&policy, at(59)), "at most 30 s");
    attempt(&mut state, &policy, at(60), OK);
    attempt(&mut state, &policy, at(60), BAD);
    assert!(state.admits(&policy, at(70)), "10 s again");
}

#[test]
fn a_share_of_the_last_calls_opens_it() {
    let rate = Rate { share: Share::new(0.5).unwrap(), window: Looked::Calls(10), min_calls: 4 };
    let policy = breaker(None, Some(rate));
    let mut state = BreakerState::default();
    for outcome in [BAD, BAD, OK] {
        attempt(&mut state, &policy, at(0), outcome);
    }
    assert!(state.admits(&policy, at(0)), "too few calls");
    attempt(&mut state, &policy, at(0), OK);
    assert!(!state.admits(&policy, at(1)));

    let mut state = BreakerState::default();
    for _ in 0..10 {
        attempt(&mut state, &policy, at(0), OK);
    }
    for _ in 0..4 {
        attempt(&mut state, &policy, at(0), BAD);
    }
    assert!(state.admits(&policy, at(1)));
    attempt(&mut state, &policy, at(0), BAD);
    assert!(!state.admits(&policy, at(1)), "five of the last ten");
}

#[test]
fn a_share_of_the_recent_past_opens_it() {
    let window = Looked::Time(Duration::from_secs(10));
    let policy = breaker(None, Some(Rate { share: Share::new(0.5).unwrap(), window, min_calls: 4 }));
    let mut state = BreakerState::default();
    for outcome in [BAD, BAD, BAD] {
        attempt(&mut state, &policy, at(0), outcome);
    }
    // Those are forgotten by now.
    for outcome in [OK, OK, OK, BAD, BAD] {
        attempt(&mut state, &policy, at(20), outcome);
    }
    assert!(state.admits(&policy, at(20)));
    attempt(&mut state, &policy, at(20), BAD);
    assert!(!state.admits(&policy, at(20)));
}

#[test]
fn what_was_sent_before_it_opened_changes_nothing() {
    let policy = breaker(Some(1), None);
    let mut state = BreakerState::default();
    state.sent(at(0));
    attempt(&mut state, &policy, at(0), BAD);
    state.ended(&policy, at(1), OK);
    assert!(!state.admits(&policy, at(2)));
}

proptest! {
    /// While it is half-open no more probes are under way than declared, and while it is open none.
    #[test]
    fn it_never_lets_more_than_its_probes_through(
        steps in proptest::collection::vec((0_u64..8, 0_u8..4), 1..300),
        probes in 1_u32..4,
        close_after in 1_u32..4,
    ) {
        let policy = Breaker { probes, close_after, ..breaker(Some(2), None) };
        let mut state = BreakerState::default();
        let mut now = Time(0);
        let mut under_way = 0_u32;
        for (seconds, step) in steps {
            now = now + Duration::from_secs(seconds);
            let was_closed = matches!(state.state, State::Closed);
            if step < 2 {
                if state.admits(&policy, now) {
                    prop_assert!(!state.is_open(now));
                    if !was_closed {
                        // Attempts from before it opened may still be under way: only probes count.
                        if let State::HalfOpen { under_way: probing, .. } = state.state {
                            prop_assert!(probing < probes);
                        }
                    }
                    state.sent(now);
                    under_way += 1;
                }
            } else if under_way > 0 {
                under_way -= 1;
                state.ended(&policy, now, if step == 2 { OK } else { BAD });
            }
            if let State::HalfOpen { under_way: probing, succeeded } = state.state {
                prop_assert!(probing <= probes && succeeded < close_after);
            }
        }
    }
}

//! Client-side adaptive throttling.

use topology::policy::Throttle;
use trace::{Outcome, Time};

use super::window::Window;

/// Requests and accepts of the recent past.
#[derive(Debug, Default)]
pub(super) struct ThrottleState(Window);

impl ThrottleState {
    /// max(0, (requests - k accepts) / (requests + 1)).
    pub(super) fn drop_probability(&mut self, policy: &Throttle, now: Time) -> f64 {
        self.0.advance(policy.window, now);
        let (requests, accepts) = self.0.sums();
        let excess = f64::from(requests) - policy.k * f64::from(accepts);
        (excess / (f64::from(requests) + 1.0)).clamp(0.0, policy.max_reject.get())
    }

    /// An attempt is dropped; it was asked for nevertheless.
    pub(super) fn dropped(&mut self, policy: &Throttle, now: Time) {
        self.0.advance(policy.window, now);
        self.0.add(1, 0);
    }

    /// An attempt has ended: it was accepted unless the callee refused it or was not there. It counts as
    /// asked for only now (as in Envoy's admission control): what is under way, or was given up by the
    /// caller itself, says nothing of the callee.
    pub(super) fn ended(&mut self, policy: &Throttle, now: Time, outcome: Outcome) {
        let accepted = matches!(outcome, Outcome::Answered(status) if status != 429 && status != 503);
        self.0.advance(policy.window, now);
        self.0.add(1, u32::from(accepted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use topology::units::Share;

    const POLICY: Throttle = Throttle { k: 2.0, window: Duration::from_mins(2), max_reject: Share::ONE };

    fn after(requests: u32, accepts: u32) -> f64 {
        let mut state = ThrottleState::default();
        for n in 0..requests {
            let status = if n < accepts { 200 } else { 503 };
            state.ended(&POLICY, Time(1), Outcome::Answered(status));
        }
        state.drop_probability(&POLICY, Time(2))
    }

    /// By the formula, worked out by hand for 100/50, 100/40, 100/0.
    #[test]
    fn it_follows_the_formula() {
        assert!(after(100, 50).abs() < 1e-12);
        assert!((after(100, 40) - 20.0 / 101.0).abs() < 1e-12);
        assert!((after(100, 0) - 100.0 / 101.0).abs() < 1e-12);
        assert!(after(0, 0).abs() < 1e-12);
    }

    #[test]
    fn what_is_dropped_counts_as_asked_for() {
        let mut state = ThrottleState::default();
        for _ in 0..100 {
            state.dropped(&POLICY, Time(0));
        }
        assert!(state.drop_probability(&POLICY, Time(1)) > 0.98);
        let later = Time(121 * 1_000_000_000);
        assert!(state.drop_probability(&POLICY, later).abs() < 1e-12, "it is forgotten in time");
    }

    #[test]
    fn no_more_than_a_share_is_dropped() {
        let policy = Throttle { max_reject: Share::new(0.8).unwrap(), ..POLICY };
        let mut state = ThrottleState::default();
        for _ in 0..1000 {
            state.dropped(&policy, Time(0));
        }
        assert!((state.drop_probability(&policy, Time(1)) - 0.8).abs() < 1e-12);
    }
}

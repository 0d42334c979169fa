//! Limits on the attempts in flight that find their value by themselves.

use std::time::Duration;

use topology::policy::Limit;
use trace::Outcome;

/// The state of one edge's limit.
#[derive(Debug)]
pub(super) struct LimiterState {
    limit: f64,
    /// The average latency over the long term, in seconds.
    long: f64,
    /// How many latencies it is the average of.
    samples: u32,
}

impl LimiterState {
    pub(super) fn new(limit: Option<&Limit>) -> Self {
        let initial = match limit {
            Some(
                &(Limit::Fixed(initial) | Limit::Aimd { initial, .. } | Limit::Gradient { initial, .. }),
            ) => f64::from(initial),
            None => 0.0,
        };
        Self { limit: initial, long: 0.0, samples: 0 }
    }

    /// Whether one more attempt may be in flight.
    pub(super) fn has_room(&self, in_flight: u32) -> bool {
        f64::from(in_flight) + 1.0 <= self.limit.floor()
    }

    /// An attempt has ended, with so many in flight, itself included.
    pub(super) fn ended(&mut self, policy: &Limit, latency: Duration, in_flight: u32, outcome: Outcome) {
        let in_flight = f64::from(in_flight);
        match *policy {
            Limit::Fixed(_) => {}
            Limit::Aimd { min, max, backoff, timeout, .. } => {
                if refused(outcome) || latency > timeout {
                    self.limit *= backoff;
                } else if in_flight * 2.0 >= self.limit {
                    self.limit += 1.0;
                }
                self.limit = self.limit.clamp(f64::from(min), f64::from(max));
            }
            Limit::Gradient { min, max, smoothing, queue, tolerance, long_window, .. } => {
                let latest = latency.as_secs_f64().max(1e-9);
                self.samples = self.samples.saturating_add(1).min(long_window);
                self.long += (latest - self.long) / f64::from(self.samples);
                // After a slow time the long term would take too long to come down.
                if self.long / latest > 2.0 {
                    self.long *= 0.95;
                }
                if in_flight < self.limit / 2.0 {
                    return;
                }
                let gradient = (tolerance * self.long / latest).clamp(0.5, 1.0);
                let new = self.limit * gradient + f64::from(queue);
                let smoothed = self.limit * (1.0 - smoothing) + new * smoothing;
                self.limit = smoothed.clamp(f64::from(min), f64::from(max));
            }
        }
    }
}

/// Whether the callee said, or showed, that it has too much to do.
fn refused(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Answered(status) => status == 429 || status == 503,
        Outcome::Failed { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OK: Outcome = Outcome::Answered(200);
    const FULL: Outcome = Outcome::Answered(503);
    const AIMD: Limit =
        Limit::Aimd { initial: 20, min: 5, max: 30, backoff: 0.9, timeout: Duration::from_secs(5) };
    const GRADIENT: Limit = Limit::Gradient {
        initial: 20,
        min: 5,
        max: 200,
        smoothing: 0.2,
        queue: 4,
        tolerance: 1.5,
        long_window: 600,
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_fixed_limit_stays() {
        let limit = Limit::Fixed(3);
        let mut state = LimiterState::new(Some(&limit));
        state.ended(&limit, ms(1), 3, FULL);
        assert!(state.has_room(2) && !state.has_room(3));
    }

    #[test]
    fn aimd_grows_by_one_and_shrinks_by_a_tenth() {
        let mut state = LimiterState::new(Some(&AIMD));
        state.ended(&AIMD, ms(1), 20, OK);
        assert!((state.limit - 21.0).abs() < 1e-9);
        state.ended(&AIMD, ms(1), 2, OK);
        assert!((state.limit - 21.0).abs() < 1e-9, "not while it is hardly used");
        state.ended(&AIMD, ms(1), 20, FULL);
        state.ended(&AIMD, ms(6000), 20, OK);
        assert!((state.limit - 21.0 * 0.81).abs() < 1e-9);
    }

    #[test]
    fn the_gradient_grows_while_latency_stays_and_shrinks_as_it_rises() {
        let mut state = LimiterState::new(Some(&GRADIENT));
        for _ in 0..200 {
            state.ended(&GRADIENT, ms(10), 1000, OK);
        }
        let grown = state.limit;
        assert!(grown > 100.0, "{grown}");
        for _ in 0..20 {
            state.ended(&GRADIENT, ms(100), 1000, OK);
        }
        assert!(state.limit < grown / 2.0, "{}", state.limit);
    }

    proptest! {
        #[test]
        fn a_limit_stays_within_its_bounds(
            steps in proptest::collection::vec((0_u64..20_000, 0_u32..300, any::<bool>()), 0..300)
        ) {
            for policy in [AIMD, GRADIENT] {
                let (Limit::Aimd { min, max, .. } | Limit::Gradient { min, max, .. }) = policy else {
                    unreachable!()
                };
                let mut state = LimiterState::new(Some(&policy));
                for &(us, in_flight, ok) in &steps {
                    let outcome = if ok { OK } else { FULL };
                    state.ended(&policy, Duration::from_micros(us), in_flight, outcome);
                    prop_assert!((f64::from(min)..=f64::from(max)).contains(&state.limit));
                    prop_assert!(state.has_room(min - 1) && !state.has_room(max));
                }
            }
        }
    }
}

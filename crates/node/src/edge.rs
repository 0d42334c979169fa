//! What the calls over one edge share: attempts in flight, and the state of each policy.
//!
//! One file for each state machine; each is told the time and asks nobody for it.

mod breaker;
mod budget;
mod limiter;
mod recent;
mod throttle;
mod window;

use topology::policy::{Policy, Throttle};
use topology::{EdgeId, FaultSet};
use trace::{Outcome, Policies, Time};

use crate::ages::Ages;
use crate::call::Flight;
pub(crate) use breaker::BreakerState;
pub(crate) use budget::{BudgetState, RetryCost};
use limiter::LimiterState;
pub(crate) use recent::Recent;
use throttle::ThrottleState;

/// The state of one edge.
#[derive(Debug)]
pub(crate) struct EdgeState {
    pub(crate) edge: EdgeId,
    /// Attempts in flight.
    pub(crate) flights: Ages,
    /// Retries of the calls to the callee, all its replicas together: kept at the first of them.
    pub(crate) budget: BudgetState,
    /// The latest good answers, for hedges; kept like the budget.
    pub(crate) recent: Recent,
    /// Where the policy has one, as the next.
    breaker: Option<Box<BreakerState>>,
    throttle: Option<Box<ThrottleState>>,
    limiter: LimiterState,
}

impl EdgeState {
    pub(crate) fn new(edge: EdgeId, policy: &Policy) -> Self {
        Self {
            edge,
            flights: Ages::default(),
            budget: BudgetState::new(policy.retry.budget.as_ref()),
            recent: Recent::default(),
            breaker: policy.breaker.as_ref().map(|_| Box::default()),
            throttle: policy.throttle.as_ref().map(|_| Box::default()),
            limiter: LimiterState::new(policy.concurrency.as_ref()),
        }
    }

    /// Whether the breaker lets an attempt through just now; it does not change anything.
    pub(crate) fn is_available(&self, policy: &Policy, now: Time) -> bool {
        let breaker = policy.breaker.as_ref().zip(self.breaker.as_ref());
        breaker.is_none_or(|(policy, breaker)| breaker.admits(policy, now))
    }

    /// Whether the callee is left alone just now.
    pub(crate) fn is_ejected(&self, now: Time) -> bool {
        self.breaker.as_ref().is_some_and(|breaker| breaker.is_open(now))
    }

    /// How its policies stand, if it has some that tell.
    pub(crate) fn told(&self, policy: &Policy, now: Time) -> Option<Policies> {
        let breaker = self.breaker.as_ref().map(|breaker| breaker.told(now));
        let retries_refused = policy.retry.budget.as_ref().map(|_| self.budget.refused());
        let tells = breaker.is_some() || retries_refused.is_some();
        tells.then_some(Policies { edge: self.edge, at: now, breaker, retries_refused })
    }

    /// With which probability adaptive throttling drops the next attempt.
    pub(crate) fn drop_probability(&mut self, policy: &Throttle, now: Time) -> f64 {
        self.throttle.as_mut().map_or(0.0, |throttle| throttle.drop_probability(policy, now))
    }

    /// An attempt that the caller itself drops still counts as asked for.
    pub(crate) fn dropped(&mut self, policy: &Throttle, now: Time) {
        if let Some(throttle) = &mut self.throttle {
            throttle.dropped(policy, now);
        }
    }

    /// Whether one more attempt may be in flight.
    /// (A connection carries so many `streams` at once.)
    pub(crate) fn has_room(&self, policy: &Policy, streams: impl FnOnce() -> u32) -> bool {
        let in_flight = self.flights.count();
        let connections = policy.pool.max_connections;
        let connections = connections.is_none_or(|max| in_flight < max.saturating_mul(streams()));
        connections && (policy.concurrency.is_none() || self.limiter.has_room(in_flight))
    }

    /// An attempt is sent, which these faults make longer.
    pub(crate) fn sent(&mut self, now: Time, faults: FaultSet) {
        self.flights.begin(now, faults);
        if let Some(breaker) = &mut self.breaker {
            breaker.sent(now);
        }
    }

    /// An attempt that was sent has ended; `known` if its end says something about the callee (that of
    /// an attempt which the caller gives up does not).
    pub(crate) fn ended(
        &mut self,
        policy: &Policy,
        flight: &Flight,
        now: Time,
        outcome: Outcome,
        known: bool,
    ) {
        let in_flight = self.flights.count();
        self.flights.end(flight.start, flight.lengthened_by());
        if !known {
            if let Some(breaker) = &mut self.breaker {
                breaker.forgot();
            }
            return;
        }
        if let (Some(policy), Some(breaker)) = (&policy.breaker, &mut self.breaker) {
            breaker.ended(policy, now, outcome);
        }
        if let (Some(policy), Some(throttle)) = (&policy.throttle, &mut self.throttle) {
            throttle.ended(policy, now, outcome);
        }
        if let Some(limit) = &policy.concurrency {
            self.limiter.ended(limit, now.since(flight.start), in_flight, outcome);
        }
    }

    /// The callee may not be left alone: too many of its replicas are already.
    pub(crate) fn take_back(&mut self) {
        if let Some(breaker) = &mut self.breaker {
            **breaker = BreakerState::default();
        }
    }
}

/// Whether a failure is one that these outcomes name.
pub(crate) fn names(outcomes: &topology::policy::Outcomes, outcome: Outcome) -> bool {
    match outcome {
        Outcome::Answered(status) => outcomes.has_status(status),
        Outcome::Failed { failure, .. } => outcomes.has_failure(failure),
    }
}

//! Which callee an attempt goes to, and whether the caller's policies let it go at all.

use smallvec::SmallVec;
use topology::node::Balance;
use topology::policy::Policy;
use topology::{EdgeId, Failure};
use trace::{HopId, Outcome};

use super::{Call, Callees, Flight, Origin};
use crate::dice::Purpose;
use crate::scope::Scope;

impl Call {
    /// Which callee this attempt goes to: an untried one while there is one, and none that is left
    /// alone. `Err` if all are.
    pub(super) fn choose(&mut self, origin: Origin, scope: &mut Scope<'_, '_>) -> Result<EdgeId, EdgeId> {
        let now = scope.now;
        let (choice, tried) = match &mut self.callees {
            Callees::One(only) => {
                let available = scope.node.edge(*only).is_available(scope.env.policy(*only), now);
                return if available { Ok(*only) } else { Err(*only) };
            }
            Callees::Many(replicas) => (&replicas.choice, &mut replicas.tried),
        };
        // Nothing to be left out: a choice among very many is not copied.
        if tried.is_empty() && !scope.node.has_breakers {
            let edge = pick(choice.balance, &choice.edges, self.slot, self.attempt, origin, scope);
            tried.push(edge);
            return Ok(edge);
        }
        let available: SmallVec<[(EdgeId, u32); 8]> = choice
            .edges
            .iter()
            .copied()
            .filter(|(edge, _)| scope.node.edge(*edge).is_available(scope.env.policy(*edge), now))
            .collect();
        if available.is_empty() {
            return Err(choice.edges[0].0);
        }
        if available.iter().all(|(edge, _)| tried.contains(edge)) {
            tried.clear();
        }
        let untried: SmallVec<[(EdgeId, u32); 8]> =
            available.into_iter().filter(|(edge, _)| !tried.contains(edge)).collect();
        let edge = pick(choice.balance, &untried, self.slot, self.attempt, origin, scope);
        tried.push(edge);
        Ok(edge)
    }

    /// What an attempt's end means for the edge's policies.
    pub(super) fn settle(&self, flight: &Flight, outcome: Outcome, scope: &mut Scope<'_, '_>) {
        let (edge, now) = (flight.edge, scope.now);
        let policy = scope.policy(edge);
        scope.node.edge(edge).ended(policy, flight, now, outcome, true);
        let (Some(breaker), Callees::Many(replicas)) = (&policy.breaker, &self.callees) else { return };
        let choice = &replicas.choice;
        if !scope.node.edge(edge).is_ejected(now) {
            return;
        }
        let ejected = |(edge, _): &&(EdgeId, u32)| scope.node.edge(*edge).is_ejected(now);
        let ejected = choice.edges.iter().filter(ejected).count();
        if ejected as f64 > breaker.max_ejected.get() * choice.edges.len() as f64 {
            scope.node.edge(edge).take_back();
        }
    }
}

/// Why a policy of the caller does not let an attempt be sent, if any does not.
pub(super) fn refused_by_policy(
    policy: &Policy,
    edge: EdgeId,
    hop: HopId,
    scope: &mut Scope<'_, '_>,
) -> Option<Failure> {
    let now = scope.now;
    let state = scope.node.edge(edge);
    if let Some(throttle) = &policy.throttle {
        let probability = state.drop_probability(throttle, now);
        if probability > 0.0 && scope.env.dice.unit(Purpose::Throttle, hop.0) < probability {
            scope.node.edge(edge).dropped(throttle, now);
            return Some(Failure::DestinationUnavailable);
        }
    }
    let streams = || scope.env.scenario.topology.edge(edge).protocol.streams(&policy.pool);
    (!scope.node.edge(edge).has_room(policy, streams)).then_some(Failure::ConnectionLimitReached)
}

/// One of these edges, by the balance.
fn pick(
    balance: Balance,
    edges: &[(EdgeId, u32)],
    slot: u16,
    attempt: u16,
    origin: Origin,
    scope: &mut Scope<'_, '_>,
) -> EdgeId {
    match balance {
        Balance::RoundRobin => {
            let turn = scope.node.turn(usize::from(slot));
            edges[turn as usize % edges.len()].0
        }
        Balance::LeastInFlight => {
            let least = edges.iter().min_by_key(|(edge, _)| scope.node.edge(*edge).flights.count());
            least.expect("never empty").0
        }
        Balance::Weighted => {
            let key = origin.hop.child(slot, u32::MAX, attempt + 1).0;
            weighted(edges, scope.env.dice.unit(Purpose::Balance, key))
        }
    }
}

/// The edge at which a number in [0, 1) lies, in proportion to the weights.
fn weighted(edges: &[(EdgeId, u32)], luck: f64) -> EdgeId {
    let total: u64 = edges.iter().map(|&(_, w)| u64::from(w)).sum();
    let mut left = luck * total as f64;
    for &(edge, weight) in edges {
        left -= f64::from(weight);
        if left < 0.0 {
            return edge;
        }
    }
    edges[edges.len() - 1].0
}

//! The load that a configuration offers at each of its nodes and edges when nothing fails: the clients'
//! open loops, times the calls that each request makes on its way. Retries, hedges and fallbacks are
//! not in it; nor are closed loops, which offer no more than is answered, and what faults add.

use std::time::Duration;

use crate::load::{Arrivals, Load, RateStage};
use crate::node::{Balance, Choice};
use crate::{EdgeId, NodeId, Scenario};

/// At so many moments at most the load is looked at.
const MOMENTS_MAX: usize = 200;

/// Requests a second, each at its own peak.
#[derive(Debug)]
pub(super) struct Offered {
    nodes: Vec<f64>,
    edges: Vec<f64>,
}

impl Offered {
    /// With the nodes in an order in which callers come before their callees.
    pub(super) fn new(scenario: &Scenario, order: &[NodeId]) -> Self {
        let topology = &scenario.topology;
        let mut peak =
            Self { nodes: vec![0.0; topology.node_count()], edges: vec![0.0; topology.edge_count()] };
        let open = || scenario.loads.iter().filter(|load| !topology.node(load.from).synthetic);
        for moment in moments(open()) {
            let mut now =
                Self { nodes: vec![0.0; topology.node_count()], edges: vec![0.0; topology.edge_count()] };
            for load in open() {
                now.nodes[load.from.index()] += rate_at(load, moment);
            }
            now.spread(scenario, order);
            for (peak, now) in [(&mut peak.nodes, &now.nodes), (&mut peak.edges, &now.edges)] {
                for (peak, now) in peak.iter_mut().zip(now) {
                    *peak = peak.max(*now);
                }
            }
        }
        peak
    }

    /// From the clients down.
    fn spread(&mut self, scenario: &Scenario, order: &[NodeId]) {
        for &node in order {
            let requests = self.nodes[node.index()];
            if requests <= 0.0 {
                continue;
            }
            let stages = &scenario.topology.node(node).plan.stages;
            for choice in stages.iter().flat_map(|stage| &stage.calls) {
                for (edge, share) in shares(choice) {
                    self.edges[edge.index()] += requests * share;
                    self.nodes[scenario.topology.ends(edge).1.index()] += requests * share;
                }
            }
        }
    }

    /// Requests a second that arrive at a node.
    pub(super) fn node(&self, node: NodeId) -> f64 {
        self.nodes[node.index()]
    }

    /// First attempts a second over an edge.
    pub(super) fn edge(&self, edge: EdgeId) -> f64 {
        self.edges[edge.index()]
    }
}

/// How often each of a choice's edges is the one.
pub(super) fn shares(choice: &Choice) -> impl Iterator<Item = (EdgeId, f64)> {
    let weighted = choice.balance == Balance::Weighted;
    let weight = move |weight: u32| if weighted { f64::from(weight) } else { 1.0 };
    let total: f64 = choice.edges.iter().map(|&(_, w)| weight(w)).sum();
    choice.edges.iter().map(move |&(edge, w)| (edge, weight(w) / total))
}

/// The moments at which the sum of the loads can be highest: between two of them it changes evenly.
fn moments<'l>(loads: impl Iterator<Item = &'l Load>) -> Vec<Duration> {
    const JUST_BEFORE: Duration = Duration::from_nanos(1);
    let mut moments = Vec::new();
    for load in loads {
        let Arrivals::Open { stages, .. } = &load.arrivals else { continue };
        let mut at = load.start;
        moments.push(at);
        for stage in stages {
            at = at.saturating_add(stage.lasts);
            if at >= load.stop {
                break;
            }
            moments.extend([at.saturating_sub(JUST_BEFORE), at]);
        }
        moments.push(load.stop.saturating_sub(JUST_BEFORE));
    }
    moments.sort_unstable();
    moments.dedup();
    moments.truncate(MOMENTS_MAX);
    moments
}

/// The most calls a second that a load begins at any moment; 0 of a closed loop.
pub(super) fn peak(load: &Load) -> f64 {
    moments(std::iter::once(load)).into_iter().map(|moment| rate_at(load, moment)).fold(0.0, f64::max)
}

/// Calls a second that begin at a moment.
fn rate_at(load: &Load, moment: Duration) -> f64 {
    let Arrivals::Open { stages, .. } = &load.arrivals else { return 0.0 };
    if moment < load.start || moment >= load.stop {
        return 0.0;
    }
    let mut into = moment.saturating_sub(load.start);
    for &RateStage { from_per_s, to_per_s, lasts } in stages {
        if into < lasts {
            let part = into.as_secs_f64() / lasts.as_secs_f64();
            return from_per_s + (to_per_s - from_per_s) * part;
        }
        into = into.saturating_sub(lasts);
    }
    stages.last().map_or(0.0, |last| last.to_per_s)
}

#[cfg(test)]
mod tests {
    use super::super::subject::order;
    use super::*;

    fn offered(text: &str) -> (Scenario, Offered) {
        let scenario = Scenario::parse(text, "x.yaml").unwrap_or_else(|problems| panic!("{problems}"));
        let offered = Offered::new(&scenario, &order(&scenario).unwrap());
        (scenario, offered)
    }

    fn close(is: f64, should: f64) {
        assert!((is - should).abs() < 1e-6 * should.max(1.0), "{is} is not {should}");
    }

    #[test]
    fn calls_multiply_and_choices_divide() {
        let (scenario, offered) = offered(
            "name: x
nodes:
  c: { kind: client }
  g: { kind: gateway, calls: [{ parallel: [a, { weighted: { b: 3, d: 1 } }] }, a] }
  a: { kind: server, replicas: 2 }
  b: { kind: server }
  d: { kind: server }
edges: [c -> g, g -> a, g -> b, g -> d]
load: [{ from: c, rate: 100/s }]
faults: [{ at: a#1, overload: { surge: { rate: 900/s } } }]
",
        );
        for (name, rate) in [("g", 100.0), ("a#1", 100.0), ("a#2", 100.0), ("b", 75.0), ("d", 25.0)] {
            close(offered.node(scenario.topology.find(name).unwrap()), rate);
        }
    }

    #[test]
    fn the_peak_is_where_the_sum_is_highest() {
        let (scenario, offered) = offered(
            "name: x
duration: 30s
nodes: { c: { kind: client }, e: { kind: client }, a: { kind: server } }
edges: [c -> a, e -> a]
load:
  - { from: c, rate: 10/s, stages: [{ to: 100/s, for: 10s }, { rate: 20/s, for: 20s }] }
  - { from: e, rate: 50/s, start: 5s }
  - { from: e, users: 1000 }
",
        );
        close(offered.node(scenario.topology.find("a").unwrap()), 150.0);
        close(offered.node(scenario.topology.find("c").unwrap()), 100.0);
    }
}

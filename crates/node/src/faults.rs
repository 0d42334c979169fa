//! The injector: decides which faults hit which attempt, and keeps count.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use topology::fault::{Effect, Fault, FaultId, Lowering, Mechanism, Overload};
use topology::wire::{Disturbance, SharedDisturbance};
use topology::{EdgeId, Failure, FaultSet, NodeId, Scenario};
use trace::{CallId, HopId, Time};

use crate::dice::{Dice, Purpose};

/// How far beyond the load's end outages are worked out: runs drain for less.
const BEYOND: Duration = Duration::from_mins(2);

/// Where one attempt stands, for the injector.
#[derive(Debug, Clone, Copy)]
pub struct HopContext {
    /// The call.
    pub call: CallId,
    /// The attempt's identity.
    pub hop: HopId,
    /// Over which edge.
    pub edge: EdgeId,
    /// How many of the attempts on the way here, this one included, were retries.
    pub retries: u16,
}

/// What a fault has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FaultCounts {
    /// Attempts at its place, in its time, of its kind.
    pub matched: u64,
    /// Those of them that it was to hit.
    pub injected: u64,
}

#[derive(Debug, Default)]
struct Counters {
    matched: AtomicU64,
    injected: AtomicU64,
}

/// A span of time in which a node's process is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outage {
    begin: Time,
    end: Time,
    ready: Time,
    fault: FaultId,
}

/// All faults of a scenario, by place.
#[derive(Debug)]
pub struct Faults {
    by_edge: Vec<Vec<FaultId>>,
    /// By node: state faults that take capacity or add load.
    capacity_by_node: Vec<Vec<FaultId>>,
    outages_by_node: Vec<Vec<Outage>>,
    counters: Vec<Counters>,
}

impl Faults {
    /// Sorts a scenario's faults by place.
    pub fn new(scenario: &Scenario) -> Self {
        let topology = &scenario.topology;
        let mut by_edge = vec![Vec::new(); topology.edge_count()];
        let mut capacity_by_node = vec![Vec::new(); topology.node_count()];
        let mut outages_by_node = vec![Vec::new(); topology.node_count()];
        for (id, fault) in scenario.fault_ids() {
            let state = fault.mechanism.effect() == Effect::State;
            for &edge in &fault.edges {
                if !state {
                    by_edge[edge.index()].push(id);
                }
            }
            let outages = fault.outages(scenario.duration + BEYOND);
            for target in &fault.targets {
                let topology::Target::Node(node) = *target else { continue };
                if state && outages.is_empty() {
                    capacity_by_node[node.index()].push(id);
                }
                outages_by_node[node.index()].extend(outages.iter().map(|&(begin, end)| Outage {
                    begin: Time::at(begin),
                    end: Time::at(end),
                    ready: Time::at(end + fault.warm_up()),
                    fault: id,
                }));
            }
        }
        for outages in &mut outages_by_node {
            outages.sort_by_key(|o| o.begin);
        }
        let counters = scenario.faults.iter().map(|_| Counters::default()).collect();
        Self { by_edge, capacity_by_node, outages_by_node, counters }
    }

    /// What happens to one attempt. But for the clock's window and for `count`, it is a pure
    /// function of the seed, the fault and the attempt's identity.
    pub fn disturb(&self, scenario: &Scenario, dice: Dice, at: &HopContext, now: Time) -> SharedDisturbance {
        let faults = &self.by_edge[at.edge.index()];
        if faults.is_empty() {
            return SharedDisturbance::default();
        }
        let mut disturbance = Disturbance::default();
        let mut aborted = false;
        // Delays first, then the first abort.
        for effect in [Effect::Delay, Effect::Abort] {
            for &id in faults {
                let fault = scenario.fault(id);
                if fault.mechanism.effect() != effect || (effect == Effect::Abort && aborted) {
                    continue;
                }
                let Some(active_for) = fault.schedule.active_for(now.since_start()) else { continue };
                if !matches(scenario, fault, at) || !self.hits(fault, id, dice, at) {
                    continue;
                }
                let mut rng = dice.rng(Purpose::Fault(id.0), at.hop.0 ^ 1);
                let luck = (rand::RngExt::random(&mut rng), rand::RngExt::random(&mut rng));
                let loop_edge = loop_edge(scenario, fault, at.edge);
                let before = disturbance;
                let disturbance = &mut disturbance;
                fault.mechanism.lower(&mut Lowering { id, luck, active_for, loop_edge, disturbance });
                mark(disturbance, &before, id);
                aborted |= effect == Effect::Abort;
            }
        }
        disturbance.into()
    }

    fn hits(&self, fault: &Fault, id: FaultId, dice: Dice, at: &HopContext) -> bool {
        let counters = &self.counters[usize::from(id.0)];
        counters.matched.fetch_add(1, Ordering::Relaxed);
        if dice.unit(Purpose::Fault(id.0), at.hop.0) >= fault.probability.get() {
            return false;
        }
        let earlier = counters.injected.fetch_add(1, Ordering::Relaxed);
        if fault.count.is_some_and(|count| earlier >= count) {
            counters.injected.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// The faults that have a node's process down at some moment of a span, if any.
    pub fn outages_within(&self, node: NodeId, from: Time, to: Time) -> FaultSet {
        let outages = &self.outages_by_node[node.index()];
        let end = outages.partition_point(|o| o.begin <= to);
        outages[..end].iter().filter(|o| o.end >= from).map(|o| o.fault).collect()
    }

    /// All outages of a node, merged, in order: what its supervisor has to do. Each is when the
    /// process dies, when it is back, and when its start-up is over.
    pub fn outages(&self, node: NodeId) -> Vec<(Time, Time, Time)> {
        let mut merged: Vec<(Time, Time, Time)> = Vec::new();
        let mut warm = Time::default();
        for outage in &self.outages_by_node[node.index()] {
            // One that dies again while it is cold is no warmer for it.
            warm = warm.max(outage.ready);
            match merged.last_mut() {
                Some((_, end, ready)) if outage.begin <= *end => {
                    *end = (*end).max(outage.end);
                    *ready = warm;
                }
                _ => merged.push((outage.begin, outage.end, warm)),
            }
        }
        merged
    }

    /// How many workers a node has just now, and which faults press on it.
    #[inline]
    pub fn capacity(&self, scenario: &Scenario, node: NodeId, now: Time) -> (Option<u32>, FaultSet) {
        let workers = scenario.topology.node(node).workers;
        let faults = &self.capacity_by_node[node.index()];
        if faults.is_empty() { (workers, FaultSet::EMPTY) } else { pressed(scenario, faults, workers, now) }
    }

    /// Whether a failure is one that a dying process makes.
    pub fn is_sign_of_death(failure: Failure) -> bool {
        matches!(
            failure,
            Failure::ConnectionRefused
                | Failure::ConnectionTerminated
                | Failure::HeadIncomplete
                | Failure::BodyIncomplete
        )
    }

    /// Counts an attempt that came to a node while state faults (an outage, a capacity cut) held.
    pub fn count_matched(&self, faults: FaultSet) {
        for fault in faults.iter() {
            self.counters[usize::from(fault.0)].matched.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an attempt that state faults have hit.
    pub fn count_injected(&self, faults: FaultSet) {
        for fault in faults.iter() {
            self.counters[usize::from(fault.0)].injected.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What each fault has met so far.
    pub fn counts(&self) -> Vec<FaultCounts> {
        self.counters
            .iter()
            .map(|c| FaultCounts {
                matched: c.matched.load(Ordering::Relaxed),
                injected: c.injected.load(Ordering::Relaxed),
            })
            .collect()
    }
}

/// How many workers these faults leave at a moment, and which of them press.
fn pressed(
    scenario: &Scenario,
    faults: &[FaultId],
    workers: Option<u32>,
    now: Time,
) -> (Option<u32>, FaultSet) {
    let (mut workers, mut pressing) = (workers, FaultSet::EMPTY);
    for &id in faults {
        let fault = scenario.fault(id);
        if fault.schedule.active_for(now.since_start()).is_none() {
            continue;
        }
        pressing.insert(id);
        if let Mechanism::Overload(Overload::Concurrency { workers: left }) = fault.mechanism {
            workers = Some(workers.map_or(left, |w| w.min(left)));
        }
    }
    (workers, pressing)
}

/// Whether the fault is for this kind of request and this attempt.
fn matches(scenario: &Scenario, fault: &Fault, at: &HopContext) -> bool {
    if fault.first.is_some_and(|first| u32::from(at.retries) >= first) {
        return false;
    }
    let wanted = &fault.matches;
    if wanted.method.is_none() && wanted.path_prefix.is_none() && wanted.client.is_none() {
        return true;
    }
    let Some(load) = scenario.loads.get(usize::from(at.call.load())) else { return false };
    wanted.method.as_ref().is_none_or(|m| *m == load.request.method)
        && wanted.path_prefix.as_ref().is_none_or(|p| load.request.path.starts_with(p.as_str()))
        && wanted.client.is_none_or(|c| c == load.from)
}

/// The edge over which this fault sends a request back that came over `edge`.
fn loop_edge(scenario: &Scenario, fault: &Fault, edge: EdgeId) -> Option<EdgeId> {
    let callee = topology::Target::Node(scenario.topology.ends(edge).1);
    let place = fault.targets.iter().position(|&t| t == callee)?;
    fault.loop_edges.get(place).copied()
}

/// Puts the fault's mark where it has changed something.
fn mark(disturbance: &mut Disturbance, before: &Disturbance, id: FaultId) {
    let place = if disturbance.outbound != before.outbound {
        &mut disturbance.marks.outbound
    } else if disturbance.link.idle_race != before.link.idle_race {
        &mut disturbance.marks.idle_race
    } else if disturbance.link != before.link {
        &mut disturbance.marks.link
    } else {
        &mut disturbance.marks.process
    };
    place.insert(id);
}

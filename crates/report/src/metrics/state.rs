//! How nodes, policies and faults stand.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use topology::{EdgeId, FaultSet, NodeId, NodeKind};
use trace::{BreakerState, NodeEventKind, Policies, Record, Time};

use super::{Counters, Gauges, Run, described, register, word};
use crate::Judged;

#[derive(Debug, Clone)]
pub(super) struct Families {
    in_flight: Gauges,
    queue: Gauges,
    queue_capacity: Gauges,
    breaker: Gauges,
    refused: Counters,
    process: Gauges,
    injected: Counters,
    active: Gauges,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            in_flight: register(registry, &described::IN_FLIGHT, Family::default()),
            queue: register(registry, &described::QUEUE, Family::default()),
            queue_capacity: register(registry, &described::QUEUE_CAPACITY, Family::default()),
            breaker: register(registry, &described::BREAKER, Family::default()),
            refused: register(registry, &described::REFUSED, Family::default()),
            process: register(registry, &described::PROCESS, Family::default()),
            injected: register(registry, &described::INJECTED, Family::default()),
            active: register(registry, &described::ACTIVE, Family::default()),
        }
    }
}

/// A node's series.
#[derive(Debug)]
struct Node {
    in_flight: Gauge,
    queue: Gauge,
    process: Gauge,
}

/// A fault's series.
#[derive(Debug)]
struct Fault {
    injected: Counter,
    active: Gauge,
}

/// Counts a run.
#[derive(Debug)]
pub(super) struct Counting {
    families: Families,
    nodes: BTreeMap<NodeId, Node>,
    /// Refused retries, with how many have been told of.
    refused: BTreeMap<EdgeId, (Counter, u64)>,
    breakers: BTreeMap<EdgeId, [Gauge; 3]>,
    faults: Vec<Fault>,
}

impl Counting {
    pub(super) fn new(families: Families, run: &Run) -> Self {
        let mut nodes = BTreeMap::new();
        for (id, node) in run.nodes().filter(|(_, node)| node.kind != NodeKind::Client) {
            let labels = run.labels(run.node(id));
            // Only who has workers has a queue for them.
            if node.workers.is_some() {
                families.queue_capacity.get_or_create_owned(&labels).set(node.queue.into());
            }
            let series = Node {
                in_flight: families.in_flight.get_or_create_owned(&labels),
                queue: families.queue.get_or_create_owned(&labels),
                process: families.process.get_or_create_owned(&labels),
            };
            series.process.set(1);
            nodes.insert(id, series);
        }
        let faults = run.scenario.faults.iter().map(|fault| {
            let labels = run.labels([
                ("fault", fault.name.as_str().into()),
                ("at", fault.at.as_str().into()),
                word("cause", fault.mechanism.cause().name()),
                word("mechanism", fault.mechanism.name()),
            ]);
            Fault {
                injected: families.injected.get_or_create_owned(&labels),
                active: families.active.get_or_create_owned(&labels),
            }
        });
        let faults = faults.collect();
        Self { families, nodes, refused: BTreeMap::new(), breakers: BTreeMap::new(), faults }
    }

    /// Takes note of what tells how something stands.
    pub(super) fn record(&mut self, run: &Run, record: &Record) {
        match record {
            Record::Gauge(gauge) => {
                if let Some(node) = self.nodes.get(&gauge.node) {
                    node.in_flight.set(gauge.in_flight.into());
                    node.queue.set(gauge.queued.into());
                }
            }
            Record::Node(event) => {
                if let Some(node) = self.nodes.get(&event.node) {
                    node.process.set((event.kind != NodeEventKind::Down).into());
                }
            }
            Record::Policies(policies) => self.policies(run, policies),
            _ => {}
        }
    }

    fn policies(&mut self, run: &Run, policies: &Policies) {
        if run.is_synthetic(policies.edge) {
            return;
        }
        if let Some(now) = policies.breaker {
            let series = self.breakers.entry(policies.edge).or_insert_with(|| {
                BreakerState::ALL.map(|state| {
                    let labels = run.edge(policies.edge).into_iter().chain([word("state", state.name())]);
                    self.families.breaker.get_or_create_owned(&run.labels(labels))
                })
            });
            for (series, state) in series.iter().zip(BreakerState::ALL) {
                series.set((state == now).into());
            }
        }
        if let Some(now) = policies.retries_refused {
            let (series, told) = self.refused.entry(policies.edge).or_insert_with(|| {
                let labels = run.labels(run.edge(policies.edge));
                (self.families.refused.get_or_create_owned(&labels), 0)
            });
            series.inc_by(now.saturating_sub(*told));
            *told = now;
        }
    }

    /// Counts the faults that have hit a call's attempts.
    pub(super) fn injected(&self, call: &Judged<'_>) {
        let trace = call.trace;
        let seen = trace.attempts.iter().map(|attempt| trace.marks(attempt.hop));
        for faults in seen.filter(|faults| *faults != FaultSet::EMPTY) {
            for fault in faults.iter() {
                self.faults[usize::from(fault.0)].injected.inc();
            }
        }
    }

    /// It is this moment of the run.
    pub(super) fn tick(&self, run: &Run, now: Time) {
        for (series, fault) in self.faults.iter().zip(&run.scenario.faults) {
            let active: Option<Duration> = fault.schedule.active_for(now.since_start());
            series.active.set(active.is_some().into());
        }
    }

    /// Nothing stands any more.
    pub(super) fn end(&self) {
        for node in self.nodes.values() {
            node.in_flight.set(0);
            node.queue.set(0);
        }
        for fault in &self.faults {
            fault.active.set(0);
        }
    }
}

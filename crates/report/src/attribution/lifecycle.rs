//! What was seen beyond one call: when nodes' processes were down, as their supervisors' logs tell, and
//! what went wrong last over each edge.

use std::collections::BTreeMap;
use std::time::Duration;

use topology::{Cause, EdgeId, NodeId, Target};
use trace::{CallTrace, HopId, NodeEvent, NodeEventKind, Time};

/// This many deaths in [`LOOP_WINDOW`] are a crash loop.
const LOOP_DEATHS: usize = 3;
const LOOP_WINDOW: Duration = Duration::from_secs(10);

/// When each node's process was down, and why each edge failed last.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    outages: BTreeMap<NodeId, Vec<Outage>>,
    last_failures: BTreeMap<EdgeId, LastFailure>,
}

/// Where an edge's last failure was born, and why.
pub(crate) type LastFailure = (Target, Cause, &'static str);

/// What has not happened yet is at the end of time.
#[derive(Debug, Clone)]
struct Outage {
    down: Time,
    up: Time,
    ready: Time,
}

impl Lifecycle {
    /// Takes note of an event. Those of one node come in their order.
    pub fn observe(&mut self, event: NodeEvent) {
        let outages = self.outages.entry(event.node).or_default();
        match event.kind {
            NodeEventKind::Down => {
                outages.push(Outage { down: event.at, up: Time(u64::MAX), ready: Time(u64::MAX) });
            }
            NodeEventKind::Up => {
                if let Some(last) = outages.last_mut() {
                    last.up = event.at;
                }
            }
            NodeEventKind::Ready => {
                if let Some(last) = outages.last_mut() {
                    last.ready = event.at;
                }
            }
        }
    }

    /// Takes note of where a failure was born that came over these hops. What a caller decided by
    /// itself says nothing new.
    pub(crate) fn remember(&mut self, trace: &CallTrace, lineage: &[HopId], born: LastFailure) {
        for attempt in lineage.iter().filter_map(|hop| trace.attempt(*hop)) {
            if !attempt.outcome.failure().is_some_and(topology::Failure::is_local) {
                self.last_failures.insert(attempt.edge, born);
            }
        }
    }

    /// Where the last failure over an edge was born.
    pub(crate) fn last_failure(&self, edge: EdgeId) -> Option<LastFailure> {
        self.last_failures.get(&edge).copied()
    }

    fn of(&self, node: NodeId) -> &[Outage] {
        self.outages.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Whether the node was down at some moment of a span.
    pub(crate) fn was_down(&self, node: NodeId, from: Time, to: Time) -> bool {
        self.of(node).iter().any(|o| o.down <= to && o.up >= from)
    }

    /// Whether the node's process dies again and again around a moment.
    pub(crate) fn is_looping(&self, node: NodeId, at: Time) -> bool {
        let near = |down: Time| down.since(at).max(at.since(down)) <= LOOP_WINDOW;
        self.of(node).iter().filter(|o| near(o.down)).count() >= LOOP_DEATHS
    }

    /// How long the process had been up at a moment, if its start-up was not over by then.
    pub(crate) fn starting_for(&self, node: NodeId, at: Time) -> Option<Duration> {
        let last = self.of(node).iter().rev().find(|o| o.up <= at)?;
        (at < last.ready).then(|| at.since(last.up))
    }
}

//! When nodes' processes were down: what their supervisors' logs tell.

use std::collections::BTreeMap;
use std::time::Duration;

use topology::NodeId;
use trace::{NodeEvent, NodeEventKind, Time};

/// This many deaths in [`LOOP_WINDOW`] are a crash loop.
const LOOP_DEATHS: usize = 3;
const LOOP_WINDOW: Duration = Duration::from_secs(10);

/// When each node's process was down.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    outages: BTreeMap<NodeId, Vec<Outage>>,
}

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

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
    outages: BTreeMap<NodeId, Vec<(Time, Time)>>,
}

impl Lifecycle {
    /// Takes note of an event. Those of one node come in their order.
    pub fn observe(&mut self, event: NodeEvent) {
        let outages = self.outages.entry(event.node).or_default();
        match event.kind {
            NodeEventKind::Down => outages.push((event.at, Time(u64::MAX))),
            NodeEventKind::Up => {
                if let Some((_, up)) = outages.last_mut() {
                    *up = event.at;
                }
            }
        }
    }

    fn of(&self, node: NodeId) -> &[(Time, Time)] {
        self.outages.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Whether the node was down at some moment of a span.
    pub(crate) fn was_down(&self, node: NodeId, from: Time, to: Time) -> bool {
        self.of(node).iter().any(|&(down, up)| down <= to && up >= from)
    }

    /// Whether the node's process dies again and again around a moment.
    pub(crate) fn is_looping(&self, node: NodeId, at: Time) -> bool {
        let near = |down: Time| down.since(at).max(at.since(down)) <= LOOP_WINDOW;
        self.of(node).iter().filter(|&&(down, _)| near(down)).count() >= LOOP_DEATHS
    }

    /// How long the process had been up at a moment, if it had been down before.
    pub(crate) fn up_for(&self, node: NodeId, at: Time) -> Option<Duration> {
        let last = self.of(node).iter().rev().find(|&&(_, up)| up <= at)?;
        Some(at.since(last.1))
    }
}

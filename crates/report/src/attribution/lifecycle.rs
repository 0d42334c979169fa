//! What was seen beyond one call: when nodes' processes were down, as their supervisors' logs tell, and
//! what went wrong last over each edge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::Verdict;
use topology::{Cause, EdgeId, NodeId, Target};
use trace::{CallTrace, HopId, LinkEvent, LinkEventKind, NodeEvent, NodeEventKind, Time};

/// This many deaths in [`LOOP_WINDOW`] are a crash loop.
const LOOP_DEATHS: usize = 3;
const LOOP_WINDOW: Duration = Duration::from_secs(10);
/// How many unplaced requests of an edge are remembered; calls are judged soon after they end.
const UNRELATED_MAX: usize = 10_000;

/// When each node's process was down, and why each edge failed last.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    outages: BTreeMap<NodeId, Vec<Outage>>,
    last_failures: BTreeMap<EdgeId, LastFailure>,
    links: BTreeMap<EdgeId, Vec<Shut>>,
    /// What kept these hops out, as others have told.
    answers: BTreeMap<HopId, Verdict>,
    /// When something came over an edge that nobody can place.
    unrelated: BTreeMap<EdgeId, Vec<Time>>,
    sight: Sight,
}

/// Of which nodes is known what no line of a request tells. Of a run's all of it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sight {
    /// When their processes were down; none: of all nodes.
    pub supervised: Option<BTreeSet<NodeId>>,
    /// Requests that never ended; none: of all nodes. Logs are written when a request is over.
    pub unended: Option<BTreeSet<NodeId>>,
}

/// A span in which a link let nothing through.
#[derive(Debug, Clone)]
struct Shut {
    from: Time,
    to: Time,
    state: LinkState,
}

/// How a link let nothing through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// Connections were refused.
    Refusing,
    /// No SYN was answered.
    Silent,
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
    /// One that sees no more than this.
    pub fn with_sight(sight: Sight) -> Self {
        Self { sight, ..Self::default() }
    }

    /// Whether it is known when the node's process was down.
    pub(crate) fn is_supervised(&self, node: NodeId) -> bool {
        self.sight.supervised.as_ref().is_none_or(|nodes| nodes.contains(&node))
    }

    /// Whether the node tells also of requests that never ended.
    pub(crate) fn tells_unended(&self, node: NodeId) -> bool {
        self.sight.unended.as_ref().is_none_or(|nodes| nodes.contains(&node))
    }

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

    /// Takes note of what the listener in front of a callee tells. Events of one edge come in their
    /// order.
    pub fn observe_link(&mut self, event: LinkEvent) {
        if event.kind == LinkEventKind::Unrelated {
            let times = self.unrelated.entry(event.edge).or_default();
            if times.len() >= UNRELATED_MAX {
                times.drain(..UNRELATED_MAX / 2);
            }
            times.push(event.at);
            return;
        }
        let shut = self.links.entry(event.edge).or_default();
        if let Some(last) = shut.last_mut().filter(|last| last.to == Time(u64::MAX)) {
            last.to = event.at;
        }
        let state = match event.kind {
            LinkEventKind::Refusing => LinkState::Refusing,
            LinkEventKind::Silent => LinkState::Silent,
            LinkEventKind::Open | LinkEventKind::Unrelated => return,
        };
        shut.push(Shut { from: event.at, to: Time(u64::MAX), state });
    }

    /// Whether and how a link let nothing through at some moment of a span.
    pub(crate) fn link_state(&self, edge: EdgeId, from: Time, to: Time) -> Option<LinkState> {
        let shut = self.links.get(&edge)?.iter().rev();
        shut.into_iter().find(|s| s.from <= to && s.to >= from).map(|s| s.state)
    }

    /// Whether something came over an edge in a span that nobody can place.
    pub(crate) fn had_unrelated(&self, edge: EdgeId, from: Time, to: Time) -> bool {
        let times = self.unrelated.get(&edge).map_or(&[][..], Vec::as_slice);
        let first = times.partition_point(|at| *at < from);
        times.get(first).is_some_and(|at| *at <= to)
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

    /// Takes note of what kept a hop out.
    pub(crate) fn answer(&mut self, hop: HopId, verdict: Verdict) {
        self.answers.insert(hop, verdict);
    }

    /// What kept a hop out, if anybody has told.
    pub(crate) fn answered(&self, hop: HopId) -> Option<&Verdict> {
        self.answers.get(&hop)
    }

    /// A call has been judged: what was known for it alone is not needed any more.
    pub(crate) fn forget(&mut self, trace: &CallTrace) {
        if !self.answers.is_empty() {
            for hop in trace.attempts.iter().map(|a| a.hop).chain(trace.served.iter().map(|s| s.hop)) {
                self.answers.remove(&hop);
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

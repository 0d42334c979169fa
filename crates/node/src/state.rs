//! What the requests inside one node share: workers, the queue, connections, budgets.

use std::collections::BTreeSet;
use std::time::Duration;

use topology::fault::{FaultId, Mechanism, Overload};
use topology::{EdgeId, Node, NodeId, Topology};
use trace::{Policies, Time, UnderWay};

use crate::Env;
use crate::action::Action;
use crate::edge::EdgeState;
use crate::queue::{Queue, Ticket};
use crate::quota::{Bucket, Quota};
use crate::rules::RulesState;
use crate::workers::{Work, Workers};

/// The state of one node.
#[derive(Debug)]
pub struct NodeState {
    /// Which node.
    pub node: NodeId,
    /// Requests inside.
    pub in_flight: u32,
    pub(crate) workers: Workers,
    queue: Queue,
    /// Those whose place was taken away, and who do not know yet.
    shed: BTreeSet<Ticket>,
    next_ticket: u64,
    /// In the order of their ids.
    edges: Vec<EdgeState>,
    /// Whether some callee may be left alone.
    pub(crate) has_breakers: bool,
    turns: Vec<u32>,
    /// Once a rule has been applied.
    pub(crate) rules: Option<Box<RulesState>>,
    buckets: Vec<(FaultId, Bucket)>,
    /// For a model server with limits.
    pub(crate) quota: Option<Box<Quota>>,
    /// When each processor is free, where computing is limited.
    processors: Vec<Time>,
}

impl NodeState {
    /// An empty node.
    pub fn new(env: &Env<'_>, node: NodeId) -> Self {
        let topology = &env.scenario.topology;
        let edges: Vec<_> = topology
            .outgoing(node)
            .into_iter()
            .map(|edge| EdgeState::new(edge, &topology.edge(edge).policy))
            .collect();
        let has_breakers = edges.iter().any(|edge| topology.edge(edge.edge).policy.breaker.is_some());
        let calls = topology.node(node).plan.stages.iter().map(|s| s.calls.len()).sum();
        Self {
            node,
            in_flight: 0,
            workers: Workers::default(),
            queue: Queue::default(),
            shed: BTreeSet::new(),
            next_ticket: 0,
            edges,
            has_breakers,
            turns: vec![0; calls],
            rules: None,
            buckets: Vec::new(),
            quota: topology.node(node).llm.as_deref().and_then(Quota::of),
            processors: Vec::new(),
        }
    }

    /// How many requests wait for a worker.
    pub fn queued(&self) -> u32 {
        u32::try_from(self.queue.len()).unwrap_or(u32::MAX)
    }

    /// Since when somebody waits for a worker.
    pub(crate) fn waiting_since(&self) -> Option<Time> {
        self.queue.waiting_since()
    }

    /// Has the first free of so many processors compute for so long; when it is done.
    pub(crate) fn compute(&mut self, processors: u32, work: Duration, now: Time) -> Time {
        let processors = processors.max(1) as usize;
        if self.processors.len() < processors {
            self.processors.resize(processors, now);
        }
        let free = self.processors[..processors].iter_mut().min().expect("there is at least one");
        *free = now.max(*free) + work;
        *free
    }

    /// Whatever was computed is lost: the process has died.
    pub(crate) fn stop_computing(&mut self) {
        self.processors.clear();
    }

    /// Queues up, if there is a place; where all are taken, in that of a request that matters less.
    pub(crate) fn enqueue(
        &mut self,
        declared: &Node,
        priority: u8,
        now: Time,
        out: &mut Vec<Action>,
    ) -> Option<Ticket> {
        if self.queued() >= declared.queue {
            let evicted = self.queue.evict_below(priority)?;
            self.shed(evicted, out);
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.queue.push(ticket, priority, now);
        Some(ticket)
    }

    /// Gives a worker back, which has ended this work, and to those who wait.
    pub(crate) fn release_worker(
        &mut self,
        work: Option<&Work>,
        env: &Env<'_>,
        now: Time,
        out: &mut Vec<Action>,
    ) {
        if let Some(since) = self.waiting_since() {
            self.workers.about_to_end(now, since);
        }
        self.workers.end(work);
        let discipline = &env.scenario.topology.node(self.node).discipline;
        // Controlled delay takes note of an empty queue, nobody else.
        if self.queue.len() == 0 && discipline.codel.is_none() {
            return;
        }
        let (workers, _) = env.faults.capacity(env.scenario, self.node, now);
        while self.workers.take(workers) {
            let mut dropped = Vec::new();
            let next = self.queue.pop(discipline, now, &mut dropped);
            for ticket in dropped {
                self.shed(ticket, out);
            }
            let Some(ticket) = next else {
                self.workers.end(None);
                break;
            };
            out.push(Action::Wake(ticket));
        }
    }

    fn shed(&mut self, ticket: Ticket, out: &mut Vec<Action>) {
        self.shed.insert(ticket);
        out.push(Action::Shed(ticket));
    }

    /// A visit knows that its place was taken away.
    pub(crate) fn forget_shed(&mut self, ticket: Ticket) {
        self.shed.remove(&ticket);
    }

    /// Leaves the queue; a worker that was just granted is given back.
    pub(crate) fn leave_queue(&mut self, ticket: Ticket, env: &Env<'_>, now: Time, out: &mut Vec<Action>) {
        if !self.shed.remove(&ticket) && !self.queue.remove(ticket) {
            self.release_worker(None, env, now, out);
        }
    }

    /// How the policies for its callees stand, where there are some that tell.
    pub fn policies(&self, topology: &Topology, now: Time) -> impl Iterator<Item = Policies> {
        self.edges.iter().filter_map(move |edge| edge.told(&topology.edge(edge.edge).policy, now))
    }

    /// What the calls over an edge share.
    pub(crate) fn edge(&mut self, edge: EdgeId) -> &mut EdgeState {
        let place = match self.edges[..] {
            [_] => Ok(0),
            _ => self.edges.binary_search_by_key(&edge, |e| e.edge),
        };
        &mut self.edges[place.expect("a node only calls over its own edges")]
    }

    /// The edge over which most attempts are under way, and these.
    pub(crate) fn busiest_edge(&self, now: Time) -> Option<(EdgeId, UnderWay)> {
        let busiest = self.edges.iter().max_by_key(|edge| edge.flights.count())?;
        Some((busiest.edge, busiest.flights.at(now)))
    }

    /// The next turn of a round robin, for the `slot`-th call of the plan.
    pub(crate) fn turn(&mut self, slot: usize) -> u32 {
        match self.turns.get_mut(slot) {
            Some(turn) => {
                *turn = turn.wrapping_add(1);
                turn.wrapping_sub(1)
            }
            None => 0,
        }
    }

    /// Takes a token from a rate-limit fault's bucket; `false` if there is none.
    pub(crate) fn take_token(&mut self, env: &Env<'_>, fault: FaultId, now: Time) -> bool {
        let Mechanism::Overload(Overload::RateLimit { rate, burst }) = &env.scenario.fault(fault).mechanism
        else {
            return true;
        };
        let size = f64::from(*burst) + if rate.get() > 0.0 { 1.0 } else { 0.0 };
        if self.buckets.iter().all(|(f, _)| *f != fault) {
            self.buckets.push((fault, Bucket::new(size, rate.get(), now)));
        }
        self.buckets.iter_mut().find(|(f, _)| *f == fault).is_some_and(|(_, bucket)| bucket.take(1.0, now))
    }
}

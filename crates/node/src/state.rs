//! What the requests inside one node share: workers, the queue, connections, budgets.

use std::collections::VecDeque;

use topology::fault::{FaultId, Mechanism, Overload};
use topology::units::Share;
use topology::{EdgeId, NodeId};
use trace::Time;

use crate::Env;
use crate::action::Action;

/// A visit's place in its node's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// The most retries that a budget saves up.
const BUDGET_MAX: f64 = 10.0;

/// The state of one node.
#[derive(Debug)]
pub struct NodeState {
    /// Which node.
    pub node: NodeId,
    /// Requests inside.
    pub in_flight: u32,
    busy: u32,
    queue: VecDeque<Ticket>,
    next_ticket: u64,
    edges: Vec<EdgeState>,
    turns: Vec<u32>,
    buckets: Vec<(FaultId, Bucket)>,
}

/// What the calls over one edge share.
#[derive(Debug, Clone)]
pub(crate) struct EdgeState {
    edge: EdgeId,
    /// Attempts in flight.
    pub(crate) in_flight: u32,
    budget: f64,
}

/// A token bucket.
#[derive(Debug, Clone)]
struct Bucket {
    tokens: f64,
    filled_at: Time,
}

impl NodeState {
    /// An empty node.
    pub fn new(env: &Env<'_>, node: NodeId) -> Self {
        let topology = &env.scenario.topology;
        let edges = topology
            .outgoing(node)
            .into_iter()
            .map(|edge| EdgeState { edge, in_flight: 0, budget: BUDGET_MAX })
            .collect();
        let calls = topology.node(node).plan.stages.iter().map(|s| s.calls.len()).sum();
        Self {
            node,
            in_flight: 0,
            busy: 0,
            queue: VecDeque::new(),
            next_ticket: 0,
            edges,
            turns: vec![0; calls],
            buckets: Vec::new(),
        }
    }

    /// How many requests wait for a worker.
    pub fn queued(&self) -> u32 {
        u32::try_from(self.queue.len()).unwrap_or(u32::MAX)
    }

    /// Takes a worker, if one is free.
    pub(crate) fn take_worker(&mut self, env: &Env<'_>, now: Time) -> bool {
        let free = env.faults.capacity(env.scenario, self.node, now).0.is_none_or(|w| self.busy < w);
        self.busy += u32::from(free);
        free
    }

    /// Queues up, if there is a place.
    pub(crate) fn enqueue(&mut self, places: u32) -> Option<Ticket> {
        if self.queued() >= places {
            return None;
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.queue.push_back(ticket);
        Some(ticket)
    }

    /// Gives a worker back, and to those who wait.
    pub(crate) fn release_worker(&mut self, env: &Env<'_>, now: Time, out: &mut Vec<Action>) {
        self.busy = self.busy.saturating_sub(1);
        let (workers, _) = env.faults.capacity(env.scenario, self.node, now);
        while workers.is_none_or(|w| self.busy < w) {
            let Some(ticket) = self.queue.pop_front() else { break };
            self.busy += 1;
            out.push(Action::Wake(ticket));
        }
    }

    /// Leaves the queue; a worker that was just granted is given back.
    pub(crate) fn leave_queue(&mut self, ticket: Ticket, env: &Env<'_>, now: Time, out: &mut Vec<Action>) {
        match self.queue.iter().position(|&t| t == ticket) {
            Some(place) => {
                self.queue.remove(place);
            }
            None => self.release_worker(env, now, out),
        }
    }

    /// What the calls over an edge share.
    pub(crate) fn edge(&mut self, edge: EdgeId) -> &mut EdgeState {
        let place = self.edges.iter().position(|e| e.edge == edge);
        &mut self.edges[place.expect("a node only calls over its own edges")]
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
            self.buckets.push((fault, Bucket { tokens: size, filled_at: now }));
        }
        let (_, bucket) =
            self.buckets.iter_mut().find(|(f, _)| *f == fault).expect("it has just been put there");
        let gained = now.since(bucket.filled_at).as_secs_f64() * rate.get();
        bucket.tokens = (bucket.tokens + gained).min(size);
        bucket.filled_at = now;
        let has = bucket.tokens >= 1.0;
        if has {
            bucket.tokens -= 1.0;
        }
        has
    }
}

impl EdgeState {
    /// A first attempt pays into the retry budget.
    pub(crate) fn deposit(&mut self, ratio: Option<Share>) {
        if let Some(ratio) = ratio {
            self.budget = (self.budget + ratio.get()).min(BUDGET_MAX);
        }
    }

    /// A retry draws on it; `false` if it is spent.
    pub(crate) fn withdraw(&mut self, ratio: Option<Share>) -> bool {
        if ratio.is_none() {
            return true;
        }
        let has = self.budget >= 1.0;
        if has {
            self.budget -= 1.0;
        }
        has
    }
}

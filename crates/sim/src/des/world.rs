//! What all parts of a virtual run share.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use node::{Action, Env, Input, NodeState, Ticket, Visit};
use smallvec::SmallVec;
use topology::policy::Pool;
use topology::wire::SharedDisturbance;
use topology::{EdgeId, NodeId, Protocol};
use trace::{CallId, Charge, HopId, Sink, Time};

use super::events::Events;
use super::exchange::Quiet;
use super::flow::Flow;
use super::load::Load;
use super::request::{LastVia, Path, Template, Via};
use super::response::Response;
use super::slab::{Key, Slab};
use super::streams::{Joined, Streams};
use super::telling::Telling;

pub(super) type VisitKey = Key<Stay>;
pub(super) type ExchangeKey = Key<Exchange>;

/// A visit under way.
#[derive(Debug)]
pub(super) struct Stay {
    pub(super) visit: Visit,
    pub(super) node: NodeId,
    pub(super) role: Role,
    /// The `Via` that it sends on.
    pub(super) via: Option<Rc<Via>>,
    /// Its attempts under way.
    pub(super) exchanges: SmallVec<[ExchangeKey; 2]>,
    pub(super) ticket: Option<Ticket>,
    /// The last response that is kept of each call.
    pub(super) held: Vec<(u16, Response)>,
}

/// Whose visit it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// A client's own call.
    Call { load: u16, number: u64, begun: Time },
    /// A request that came as this exchange; `None` once its caller is gone.
    Request(Option<ExchangeKey>),
}

/// An attempt under way, and its connection.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) caller: VisitKey,
    pub(super) id: node::AttemptId,
    // What its caller has sent, as far as it is still asked for.
    pub(super) call: CallId,
    pub(super) hop: HopId,
    pub(super) edge: EdgeId,
    pub(super) retries: u16,
    pub(super) priority: u8,
    pub(super) time_left: Option<Duration>,
    pub(super) disturbance: SharedDisturbance,
    pub(super) connection: Connection,
    pub(super) reused: bool,
    pub(super) idle: Duration,
    pub(super) idle_closed: bool,
    /// Its callee's process has the connection.
    pub(super) arrived: bool,
    pub(super) callee: Option<VisitKey>,
    /// What the callee answers; the caller may not have seen it yet.
    pub(super) response: Option<Response>,
    /// The response comes piece by piece.
    pub(super) flow: Option<Box<Flow>>,
    pub(super) reading: Reading,
    /// How many bytes of the response have come.
    pub(super) received: u64,
    /// How many of its body.
    pub(super) body: u64,
    /// What the callee says that it took of models.
    pub(super) charge: Option<Box<Charge>>,
    /// What its caller does about a silent callee.
    pub(super) quiet: Option<Box<Quiet>>,
}

/// How far a caller has read a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// The head has not come.
    Head,
    /// The body is thrown away.
    Body,
    /// The body is kept, to be passed on later.
    Hold,
    /// The body is passed on over this exchange; over none if its caller is gone.
    Relay(Option<ExchangeKey>),
}

/// A connection to a callee's process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection {
    /// The process that has it.
    pub(super) epoch: u32,
    /// Requests that it has carried.
    pub(super) requests: u32,
    /// Which of its edge's; 0 where it carries one request at a time.
    pub(super) id: u32,
}

/// One node at work.
#[derive(Debug)]
pub(super) struct NodeHost {
    pub(super) state: NodeState,
    pub(super) is_up: bool,
    /// Counts the deaths of the process: connections made under another number are dead.
    pub(super) epoch: u32,
    /// Those who wait for a worker.
    pub(super) waiting: BTreeMap<Ticket, VisitKey>,
    pub(super) outages: Vec<(Time, Time, Time)>,
    pub(super) via: LastVia,
}

/// One edge at work.
#[derive(Debug)]
pub(super) struct EdgeHost {
    pub(super) callee: NodeId,
    /// Where the declared path is not the client's own.
    pub(super) path: Option<Path>,
    /// The key that is presented over it.
    pub(super) key: Option<Arc<str>>,
    pool: Pool,
    keep_alive: Duration,
    /// The idle connections, the last used at the end.
    pub(super) idle: Vec<(Time, Connection)>,
    /// Those that carry several requests at once, where that is spoken.
    pub(super) streams: Option<Box<Streams>>,
}

impl EdgeHost {
    /// The connection that was used last, if one is still good; and how long it has been idle.
    pub(super) fn take(&mut self, epoch: u32, now: Time) -> Option<(Connection, Duration)> {
        while let Some((since, connection)) = self.idle.pop() {
            let idle = now.since(since);
            if connection.epoch == epoch && idle < self.pool.idle_timeout.min(self.keep_alive) {
                return Some((connection, idle));
            }
        }
        None
    }

    /// The same for a place on one that carries several requests at once.
    pub(super) fn join(&mut self, epoch: u32, now: Time) -> Option<Joined> {
        self.streams.as_mut()?.join(&self.pool, self.keep_alive, epoch, now)
    }

    /// A connection to be made by then.
    pub(super) fn open(&mut self, epoch: u32, ready: Time) -> Connection {
        match &mut self.streams {
            Some(streams) => streams.open(&self.pool, epoch, ready),
            None => Connection { epoch, requests: 0, id: 0 },
        }
    }

    /// An attempt is over, well or not, and with it its place on a connection of several.
    pub(super) fn leave(&mut self, connection: Connection, now: Time) {
        if let Some(streams) = &mut self.streams {
            streams.leave(connection.id, now);
        }
    }

    /// Keeps a connection for the next attempt.
    pub(super) fn give_back(&mut self, connection: Connection, now: Time) {
        if self.pool.reuse && self.streams.is_none() {
            self.idle.push((now, connection));
        }
    }
}

/// A virtual run.
pub(super) struct World<'a, S> {
    pub(super) env: Env<'a>,
    pub(super) now: Time,
    pub(super) events: Events,
    /// What visits have to be told at this moment.
    pub(super) agenda: VecDeque<(VisitKey, Input)>,
    pub(super) nodes: Vec<NodeHost>,
    pub(super) edges: Vec<EdgeHost>,
    pub(super) visits: Slab<Stay>,
    /// How many of them are requests inside nodes.
    pub(super) inside: u64,
    pub(super) exchanges: Slab<Exchange>,
    pub(super) loads: Vec<Load<'a>>,
    pub(super) templates: Vec<Template>,
    /// Loads that have not come to their end.
    pub(super) loads_left: usize,
    pub(super) actions: Vec<Action>,
    /// The whole response that a visit is just being told of, whose exchange is over.
    pub(super) whole: Option<Response>,
    pub(super) telling: Telling<S>,
}

impl<'a, S: Sink> World<'a, S> {
    pub(super) fn new(env: Env<'a>, sink: S) -> Self {
        let topology = &env.scenario.topology;
        let nodes = topology
            .nodes()
            .map(|(id, _)| NodeHost {
                state: NodeState::new(&env, id),
                is_up: true,
                epoch: 0,
                waiting: BTreeMap::new(),
                outages: env.faults.outages(id),
                via: LastVia::default(),
            })
            .collect();
        let edges = topology
            .edges()
            .map(|(id, edge)| {
                let callee = topology.ends(id).1;
                EdgeHost {
                    callee,
                    path: (edge.path != "/").then(|| Path::new(&edge.path)),
                    key: edge.key.clone(),
                    pool: edge.policy.pool,
                    keep_alive: topology.node(callee).keep_alive,
                    idle: Vec::new(),
                    streams: (edge.protocol == Protocol::H2).then(Box::default),
                }
            })
            .collect();
        let loads = (0..).zip(&env.scenario.loads).map(|(n, load)| Load::new(&env, n, load)).collect();
        Self {
            now: Time::default(),
            events: Events::new(topology.edge_count()),
            agenda: VecDeque::new(),
            nodes,
            edges,
            visits: Slab::default(),
            inside: 0,
            exchanges: Slab::default(),
            loads,
            templates: env.scenario.loads.iter().map(|load| Template::new(&load.request)).collect(),
            loads_left: env.scenario.loads.len(),
            actions: Vec::new(),
            whole: None,
            telling: Telling::new(env.scenario, sink),
            env,
        }
    }

    pub(super) fn node(&mut self, id: NodeId) -> &mut NodeHost {
        &mut self.nodes[id.index()]
    }

    pub(super) fn edge(&mut self, id: EdgeId) -> &mut EdgeHost {
        &mut self.edges[id.index()]
    }

    /// Goes on to a later moment.
    pub(super) fn pass_to(&mut self, now: Time) {
        self.now = now;
        self.telling.time(now);
    }
}

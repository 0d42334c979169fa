//! Scenarios and calls for tests, made by hand.

use std::time::Duration;

use topology::distribution::Distribution;
use topology::fault::{Match, Schedule};
use topology::load::{Arrivals, Body, Load, Request};
use topology::node::{Balance, Choice, OnDisconnect, Plan, Response, Stage};
use topology::policy::{Policy, Pool, Retry};
use topology::profile::Profile;
use topology::scenario::Written;
use topology::units::Share;
use topology::wire::Dial;
use topology::{
    Edge, EdgeId, Failure, Fault, FaultSet, Mechanism, Node, NodeId, NodeKind, Scenario, Target, Topology,
};
use trace::rows::StrategyRow;
use trace::{
    Attempt, CallEnd, CallId, CallTrace, HopId, Outcome, Record, Sent, Served, ServedEnd, Sink, Source, Time,
    Usage,
};

use crate::{Figures, Recorder};

/// A moment, so many milliseconds after the start.
pub(crate) const MS: fn(u64) -> Time = |ms| Time(ms * 1_000_000);

/// A refused connection.
pub(crate) const REFUSED: Outcome = Outcome::Failed { failure: Failure::ConnectionRefused, status: None };
/// A connection that ended before the first byte of a response.
pub(crate) const TERMINATED: Outcome =
    Outcome::Failed { failure: Failure::ConnectionTerminated, status: None };

/// A chain: the first is the client, the last the server, all between are gateways. One load, no
/// fault, 20 s long, no warm-up.
pub(crate) fn chain(names: &[&str]) -> Scenario {
    let mut topology = Topology::new();
    for (i, name) in names.iter().enumerate() {
        let kind = match i {
            0 => NodeKind::Client,
            _ if i + 1 == names.len() => NodeKind::Server,
            _ => NodeKind::Gateway,
        };
        topology.add_node(node(name, kind));
    }
    for to in 1..u32::try_from(names.len()).unwrap() {
        let from = NodeId(to - 1);
        let edge = topology.add_edge(from, NodeId(to), link());
        let calls = vec![Choice { edges: [(edge, 1)].into(), balance: Balance::RoundRobin }];
        topology.node_mut(from).plan = Plan { stages: vec![Stage { calls }] };
    }
    Scenario {
        name: "chain".to_owned(),
        description: String::new(),
        seed: 7,
        duration: Duration::from_secs(20),
        warmup: Duration::ZERO,
        finds_warmup: false,
        topology,
        loads: vec![load(NodeId(0))],
        faults: Vec::new(),
        strategies: Vec::new(),
        strategy: String::new(),
        thresholds: Vec::new(),
        allowed: Vec::new(),
        written: Written::default(),
    }
}

pub(crate) fn node(name: &str, kind: NodeKind) -> Node {
    Node {
        name: name.to_owned(),
        declared_name: name.to_owned(),
        kind,
        profile: Profile::ALL[0],
        workers: None,
        queue: 0,
        discipline: topology::node::Discipline::default(),
        max_in_flight: None,
        service_time: Distribution::ZERO,
        contention: Duration::ZERO,
        on_disconnect: OnDisconnect::Continue,
        deadline: None,
        response: Response { status: 200, body: 100, chunks: 1, chunk_interval: Duration::ZERO },
        script: Vec::new(),
        catch: None,
        plan: Plan::default(),
        keep_alive: Duration::from_mins(1),
        header_limit: 65536,
        body_limit: 65536,
        external: None,
        llm: None,
        rules: None,
        synthetic: false,
    }
}

pub(crate) fn link() -> Edge {
    let policy = Policy {
        connect_timeout: Duration::from_secs(1),
        timeout: None,
        read_timeout: None,
        deadline: None,
        propagate_deadline: false,
        retry: Retry::never(),
        hedge: None,
        breaker: None,
        throttle: None,
        concurrency: None,
        fallback: Vec::new(),
        pool: Pool {
            max_concurrent_streams: 1,
            max_connections: None,
            idle_timeout: Duration::from_mins(1),
            reuse: true,
            resend: false,
        },
    };
    Edge {
        policy,
        stop_on: None,
        path: "/".to_owned(),
        protocol: topology::Protocol::Http1,
        key: None,
        models: [].into(),
        only_by_fault: false,
    }
}

pub(crate) fn load(from: NodeId) -> Load {
    let stages = Vec::new();
    let body = Body::Size(0);
    Load {
        from,
        arrivals: Arrivals::Open { stages, poisson: false },
        start: Duration::ZERO,
        stop: Duration::from_secs(20),
        request: Request {
            method: "GET".into(),
            path: "/".into(),
            headers: Vec::new(),
            body,
            priority: 5,
            llm: None,
        },
    }
}

/// A fault at a place, all the time.
pub(crate) fn fault(name: &str, target: Target, mechanism: Mechanism) -> Fault {
    Fault {
        name: name.to_owned(),
        at: name.to_owned(),
        targets: vec![target],
        edges: Vec::new(),
        mechanism,
        schedule: Schedule::ALWAYS,
        probability: Share::ONE,
        first: None,
        count: None,
        matches: Match::default(),
        loop_edges: Vec::new(),
    }
}

/// A call that is being made up.
pub(crate) struct Call {
    /// What there is of it; the end is that of a call without an attempt.
    pub(crate) trace: CallTrace,
}

impl Call {
    /// The n-th call of a load, from the first node, begun at so many milliseconds.
    pub(crate) fn new(load: u16, n: u64, start_ms: u64) -> Self {
        let end = CallEnd {
            call: CallId::new(load, n),
            client: NodeId(0),
            start: MS(start_ms),
            end: MS(start_ms),
            status: None,
            failure: Some(Failure::Cancelled),
            attempts: 0,
            decisive: None,
            parent: None,
        };
        Self { trace: CallTrace { end, attempts: Vec::new(), served: Vec::new(), idle_closed: Vec::new() } }
    }

    pub(crate) fn root(&self) -> HopId {
        HopId::root(self.trace.end.call)
    }

    /// An attempt over an edge that takes 10 ms.
    pub(crate) fn attempt(&mut self, parent: HopId, edge: u32, attempt: u16, outcome: Outcome) -> HopId {
        let hop = parent.child(0, edge, attempt);
        let start = self.trace.end.start + Duration::from_millis(10 * u64::from(attempt - 1));
        self.trace.attempts.push(Attempt {
            call: self.trace.end.call,
            hop,
            parent,
            edge: EdgeId(edge),
            attempt,
            start,
            end: start + Duration::from_millis(10),
            outcome,
            reset: false,
            reused: false,
            idle: Duration::ZERO,
            dialed: Dial::Callee,
            timeout: None,
            wrong_path: false,
            bad_credentials: false,
            bytes: 0,
            ends_by_close: false,
            unconnected: false,
            faults: FaultSet::EMPTY,
            crowd: None,
            exchange: None,
        });
        hop
    }

    /// The callee's side of the latest attempt: it answered what the caller saw, of this source.
    pub(crate) fn served(&mut self, source: Source) -> &mut Served {
        let attempt = self.trace.attempts.last().expect("an attempt was made");
        let status = attempt.outcome.status();
        self.trace.served.push(Served {
            call: attempt.call,
            hop: attempt.hop,
            edge: attempt.edge,
            arrived: attempt.start,
            started: Some(attempt.start),
            worked: Duration::from_millis(5),
            finished: attempt.end,
            status,
            source,
            sent: if status.is_some() { Sent::Whole } else { Sent::Nothing },
            end: ServedEnd::Answered,
            in_flight: 1,
            queued: 0,
            usage: Usage::default(),
            held_up: None,
            ruled: None,
            faults: FaultSet::EMPTY,
        });
        self.trace.served.last_mut().expect("one was just pushed")
    }

    /// Puts a mark on the caller's side of a hop.
    pub(crate) fn mark(&mut self, hop: HopId, faults: FaultSet) {
        let attempt = self.trace.attempts.iter_mut().find(|a| a.hop == hop);
        attempt.expect("the attempt was made").faults = faults;
    }

    /// The call ends as its client's last attempt did.
    pub(crate) fn end(mut self) -> CallTrace {
        let root = self.root();
        let end = &mut self.trace.end;
        let own: Vec<_> = self.trace.attempts.iter().filter(|a| a.parent == root).collect();
        if let Some(last) = own.last() {
            end.attempts = u32::try_from(own.len()).unwrap();
            end.status = last.outcome.status();
            end.failure = last.outcome.failure();
            end.decisive = Some(last.hop);
            end.end = last.end;
        }
        self.trace
    }
}

/// A call's records, as an engine gives them.
pub(crate) fn records(trace: &CallTrace) -> Vec<Record> {
    let served = trace.served.iter().cloned().map(Record::Served);
    let attempts = trace.attempts.iter().cloned().map(Record::Attempt);
    served.chain(attempts).chain([Record::Call(trace.end.clone())]).collect()
}

/// The figures of some calls.
pub(crate) fn figures(scenario: Scenario, traces: &[CallTrace]) -> Figures {
    let mut recorder = Recorder::new(scenario.into());
    record(&mut recorder, traces);
    recorder.finish(&[]).unwrap()
}

/// Hands calls to a recorder.
pub(crate) fn record(recorder: &mut Recorder, traces: &[CallTrace]) {
    for trace in traces {
        for record in records(trace) {
            recorder.record(record).unwrap();
        }
        recorder.tick(trace.end.end).unwrap();
    }
}

/// A strategy's figures over 1000 calls: its name, how many succeeded, and the attempts at the
/// deepest nodes per call.
pub(crate) fn strategy(name: &str, succeeded: u64, load: f64) -> StrategyRow {
    let success = succeeded as f64 / 1000.0;
    StrategyRow {
        strategy: name.into(),
        calls: 1000,
        succeeded,
        success_rate: Some(success),
        success_low: Some((success - 0.01).max(0.0)),
        success_high: Some((success + 0.01).min(1.0)),
        p50_ms: Some(12.3),
        p90_ms: Some(45.6),
        p99_ms: Some(123.4),
        p999_ms: Some(234.5),
        max_ms: Some(345.6),
        attempts_per_call: load,
        amplification: load,
        wasted_work: 0.01,
        goodput_per_s: 100.0 * success,
        rank: 1,
        bound: Some(4),
        pareto: None,
        pairs: None,
        success_vs: None,
        success_vs_low: None,
        success_vs_high: None,
        load_vs: None,
        p99_vs_ms: None,
        prompt_tokens: None,
        completion_tokens: None,
        wasted_tokens: None,
        money: None,
        wasted_money: None,
    }
}

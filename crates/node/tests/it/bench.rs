//! One node on a bench: its state, its visits, and a clock that the test moves.

use std::collections::BTreeMap;
use std::time::Duration;

use node::{Action, AttemptId, AttemptReport, Dice, Env, Faults, Incoming, Input, NodeState, Timer, Visit};
use topology::wire::SharedDisturbance;
use topology::{Failure, Scenario};
use trace::{CallEnd, CallId, HopId, Outcome, Record, Served, Time};

pub(crate) struct Bench {
    pub(crate) scenario: Scenario,
    faults: Faults,
    pub(crate) state: NodeState,
    pub(crate) visits: Vec<Visit>,
    pub(crate) now: Time,
    pub(crate) records: Vec<Record>,
    /// By visit and slot: the newest attempt.
    newest: BTreeMap<(usize, u16), u16>,
    used_connection: bool,
}

pub(crate) fn failed(failure: Failure) -> AttemptReport {
    AttemptReport::of(Outcome::Failed { failure, status: None })
}

impl Bench {
    /// The node of that name in a scenario: `text` is the nodes and the edges.
    pub(crate) fn new(node: &str, text: &str) -> Self {
        let text = format!("name: bench\n{text}\nload: [{{ from: client, rate: 1/s }}]\n");
        let scenario = Scenario::parse(&text, "bench.yaml").unwrap_or_else(|p| panic!("{p}"));
        let faults = Faults::new(&scenario);
        let env = Env { scenario: &scenario, dice: Dice::new(7), faults: &faults };
        let state = NodeState::new(&env, scenario.topology.find(node).unwrap());
        Self {
            scenario,
            faults,
            state,
            visits: Vec::new(),
            now: Time(0),
            records: Vec::new(),
            newest: BTreeMap::new(),
            used_connection: false,
        }
    }

    /// A new visit; for a client, a call.
    pub(crate) fn begin(&mut self) -> (usize, Vec<Action>) {
        self.begin_with(5, None)
    }

    /// The same, over a connection that has carried others before.
    pub(crate) fn begin_on_used_connection(&mut self) -> (usize, Vec<Action>) {
        self.used_connection = true;
        self.begin()
    }

    /// The same, with a priority and the time that its caller still waits.
    pub(crate) fn begin_with(&mut self, priority: u8, time_left: Option<Duration>) -> (usize, Vec<Action>) {
        let n = self.visits.len();
        let call = CallId::new(0, n as u64);
        let entering = self.scenario.topology.incoming(self.state.node);
        let visit = match entering.first() {
            None => Visit::call(call, self.now, true, priority),
            Some(&edge) => Visit::request(Incoming {
                call,
                hop: HopId::root(call).child(0, edge.0, 1),
                edge,
                retries: 0,
                looped: false,
                used_connection: self.used_connection,
                path_known: true,
                credentials_good: true,
                head_bytes: 100,
                body_bytes: 0,
                idempotent: true,
                time_left,
                priority,
                key: topology::rules::Key::Missing,
                ask: None,
                disturbance: SharedDisturbance::default(),
            }),
        };
        self.visits.push(visit);
        (n, self.give(n, Input::Begin))
    }

    /// Gives a visit an input; what it tells is put aside.
    pub(crate) fn give(&mut self, visit: usize, input: Input) -> Vec<Action> {
        let env = Env { scenario: &self.scenario, dice: Dice::new(7), faults: &self.faults };
        let mut actions = Vec::new();
        let tell = &mut |record| self.records.push(record);
        self.visits[visit].handle(self.now, input, &env, &mut self.state, &mut actions, tell);
        for action in &actions {
            if let Action::Send { id, .. } = action {
                self.newest.insert((visit, id.slot), id.attempt);
            }
        }
        actions
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
    }

    /// The newest attempt of a slot.
    pub(crate) fn newest(&self, visit: usize, slot: u16) -> AttemptId {
        AttemptId { slot, attempt: self.newest[&(visit, slot)] }
    }

    /// A whole response to the newest attempt of a slot, which the machine has drained or relayed.
    pub(crate) fn answer(&mut self, visit: usize, slot: u16, status: u16) -> Vec<Action> {
        self.answer_with(visit, slot, status, None)
    }

    /// The same with a `Retry-After`.
    pub(crate) fn answer_with(
        &mut self,
        visit: usize,
        slot: u16,
        status: u16,
        retry_after: Option<Duration>,
    ) -> Vec<Action> {
        let id = self.newest(visit, slot);
        let mut actions = self.give(visit, Input::Head { id, status, retry_after });
        let report = AttemptReport::of(Outcome::Answered(status));
        actions.extend(self.give(visit, Input::Ended { id, report }));
        actions
    }

    pub(crate) fn end(&mut self, visit: usize, slot: u16, report: AttemptReport) -> Vec<Action> {
        let id = self.newest(visit, slot);
        self.give(visit, Input::Ended { id, report })
    }

    pub(crate) fn wake(&mut self, visit: usize, timer: Timer) -> Vec<Action> {
        self.give(visit, Input::Woke(timer))
    }

    pub(crate) fn served(&self) -> Vec<&Served> {
        let served = self.records.iter();
        served.filter_map(|r| if let Record::Served(s) = r { Some(s) } else { None }).collect()
    }

    pub(crate) fn calls(&self) -> Vec<&CallEnd> {
        let calls = self.records.iter();
        calls.filter_map(|r| if let Record::Call(c) = r { Some(c) } else { None }).collect()
    }
}

/// The callees that the actions send to, by name.
pub(crate) fn sent(bench: &Bench, actions: &[Action]) -> Vec<String> {
    let topology = &bench.scenario.topology;
    let sends = actions.iter().filter_map(|a| match a {
        Action::Send { outgoing, .. } => Some(topology.node(topology.ends(outgoing.edge).1).name.clone()),
        _ => None,
    });
    sends.collect()
}

/// The status that the actions answer with.
pub(crate) fn status(actions: &[Action]) -> Option<u16> {
    actions.iter().find_map(|a| if let Action::Respond(reply) = a { Some(reply.status) } else { None })
}

/// When the actions ask to be woken.
pub(crate) fn sleep(actions: &[Action]) -> Option<Time> {
    actions.iter().find_map(|a| if let Action::Sleep { until, .. } = a { Some(*until) } else { None })
}

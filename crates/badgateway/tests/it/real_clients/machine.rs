//! The presets without a clock: the machine that decides the waits, told that time has passed.

use node::{Action, AttemptId, AttemptReport, Dice, Env, Faults, Input, NodeState, Timer, Visit};
use topology::node::ScriptStep;
use topology::{Failure, NodeId, Scenario};
use trace::{CallId, Outcome, Time};

use super::expected::Row;
use super::scripts::{Script, edge};

/// How many clients there are, each with luck of its own.
const CLIENTS: usize = 200;

/// For each of many clients of a row, how long it waits each time: after each of its attempts.
pub(super) fn waits(scenario: &Scenario, n: usize, row: &Row) -> Vec<Vec<f64>> {
    let faults = Faults::new(scenario);
    let env = &Env { scenario, dice: Dice::new(scenario.seed), faults: &faults };
    let (node, server) = scenario.topology.ends(edge(scenario, n));
    let client = |number: usize| {
        // Of its own: what one client has done does not count for another.
        let state = NodeState::new(env, node);
        let mut client = Client { env, state, load: n, server, script: row.script, now: Time(0) };
        let calls = number * row.calls..(number + 1) * row.calls;
        calls.flat_map(|number| client.call(number)).collect()
    };
    (0..CLIENTS).map(client).collect()
}

/// A client and its clock.
struct Client<'a> {
    env: &'a Env<'a>,
    state: NodeState,
    load: usize,
    server: NodeId,
    script: Script,
    now: Time,
}

impl Client<'_> {
    /// How long a call waits after each of its attempts, in seconds.
    fn call(&mut self, number: usize) -> Vec<f64> {
        let call = CallId::new(u16::try_from(self.load).unwrap(), number as u64);
        let idempotent = self.env.scenario.loads[self.load].request.is_idempotent();
        let mut visit = Visit::call(call, self.now, idempotent, 5);
        let mut inputs = vec![Input::Begin];
        // When each attempt began and ended.
        let mut attempts: Vec<(Time, Time)> = Vec::new();
        while !inputs.is_empty() {
            let mut actions = Vec::new();
            for input in std::mem::take(&mut inputs) {
                visit.handle(self.now, input, self.env, &mut self.state, &mut actions, &mut |_| {});
            }
            for action in actions {
                match action {
                    Action::Send { id, outgoing } => {
                        let begin = self.now;
                        match self.script {
                            Script::Slow => {
                                let silence = outgoing.read_timeout.map(|silence| begin + silence);
                                self.now = outgoing.give_up_at.into_iter().chain(silence).min().unwrap();
                            }
                            Script::Blackhole => self.now = outgoing.connect_by,
                            _ => {}
                        }
                        inputs.extend(self.answer(id, attempts.len()));
                        attempts.push((begin, self.now));
                    }
                    Action::Sleep { timer: timer @ Timer::Backoff(_), until } => {
                        self.now = until;
                        inputs.push(Input::Woke(timer));
                    }
                    _ => {}
                }
            }
        }
        let next = attempts.iter().skip(1).map(|next| next.0).chain([self.now]);
        attempts.iter().zip(next).map(|((_, end), next)| next.since(*end).as_secs_f64()).collect()
    }

    /// What comes of an attempt after so many others.
    fn answer(&self, id: AttemptId, earlier: usize) -> Vec<Input> {
        let steps = &self.env.scenario.topology.node(self.server).script;
        let failed = |failure, status| (Outcome::Failed { failure, status }, None);
        let (outcome, retry_after) = match (self.script, steps.get(earlier).or(steps.last())) {
            (Script::Refused, _) => failed(Failure::ConnectionRefused, None),
            (Script::Blackhole, _) => failed(Failure::ConnectionTimeout, None),
            (Script::Cut, _) => failed(Failure::BodyIncomplete, Some(200)),
            (Script::Slow, _) => failed(Failure::HeadTimeout, None),
            (_, Some(&ScriptStep::Answer { status, retry_after })) => {
                (Outcome::Answered(status), retry_after)
            }
            (_, _) => failed(Failure::ConnectionTerminated, None),
        };
        let head = outcome.status().map(|status| Input::Head { id, status, retry_after });
        head.into_iter().chain([Input::Ended { id, report: AttemptReport::of(outcome) }]).collect()
    }
}

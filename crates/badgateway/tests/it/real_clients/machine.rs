//! The presets without a clock: the machine that decides the waits, told that time has passed.

use node::{Action, AttemptReport, Dice, Env, Faults, Input, NodeState, Timer, Visit};
use topology::node::ScriptStep;
use topology::{Failure, Scenario};
use trace::{CallId, Outcome, Time};

use super::scripts::{Script, edge};

/// How many calls are made, each with luck of its own.
const CALLS: u64 = 200;

/// For each call of a row's client, how long it waits each time: after each of its attempts.
pub(super) fn waits(scenario: &Scenario, n: usize, script: Script) -> Vec<Vec<f64>> {
    let faults = Faults::new(scenario);
    let env = Env { scenario, dice: Dice::new(scenario.seed), faults: &faults };
    (0..CALLS).map(|number| wait(&env, n, script, number)).collect()
}

/// How long one call waits each time, in seconds.
fn wait(env: &Env<'_>, n: usize, script: Script, number: u64) -> Vec<f64> {
    let scenario = env.scenario;
    let (client, server) = scenario.topology.ends(edge(scenario, n));
    // Anew for each call: what one client did does not count for another.
    let mut state = NodeState::new(env, client);
    let load = u16::try_from(n).unwrap();
    let idempotent = scenario.loads[n].request.is_idempotent();
    let mut visit = Visit::call(CallId::new(load, number), Time(0), idempotent);
    let (mut now, mut ended) = (Time(0), None);
    let mut waits = Vec::new();
    let mut inputs = vec![Input::Begin];
    let mut attempts = 0;
    while !inputs.is_empty() {
        let mut actions = Vec::new();
        for input in std::mem::take(&mut inputs) {
            visit.handle(now, input, env, &mut state, &mut actions);
        }
        for action in actions {
            match action {
                Action::Send { slot, outgoing } => {
                    waits.extend(ended.map(|ended| now.since(ended).as_secs_f64()));
                    now = match script {
                        Script::Slow => outgoing.give_up_at.unwrap(),
                        Script::Blackhole => outgoing.connect_by,
                        _ => now,
                    };
                    ended = Some(now);
                    inputs.extend(answer(scenario, server, script, slot, attempts));
                    attempts += 1;
                }
                Action::Sleep { timer: timer @ Timer::Backoff(_), until } => {
                    now = until;
                    inputs.push(Input::Woke(timer));
                }
                Action::Finish => waits.extend(ended.map(|ended| now.since(ended).as_secs_f64())),
                _ => {}
            }
        }
    }
    waits
}

/// What comes of an attempt after so many others.
fn answer(
    scenario: &Scenario,
    server: topology::NodeId,
    script: Script,
    slot: u16,
    earlier: usize,
) -> Vec<Input> {
    let steps = &scenario.topology.node(server).script;
    let failed = |failure, status| (Outcome::Failed { failure, status }, None);
    let (outcome, retry_after) = match (script, steps.get(earlier).or(steps.last())) {
        (Script::Refused, _) => failed(Failure::ConnectionRefused, None),
        (Script::Blackhole, _) => failed(Failure::ConnectionTimeout, None),
        (Script::Cut, _) => failed(Failure::BodyIncomplete, Some(200)),
        (Script::Slow, _) => failed(Failure::HeadTimeout, None),
        (_, Some(&ScriptStep::Answer { status, retry_after })) => (Outcome::Answered(status), retry_after),
        (_, _) => failed(Failure::ConnectionTerminated, None),
    };
    let head = outcome.status().map(|status| Input::Head { slot, status, retry_after });
    head.into_iter().chain([Input::Ended { slot, report: AttemptReport::of(outcome) }]).collect()
}

//! The simulation of "Exponential Backoff And Jitter" (`aws-samples/aws-arch-backoff-simulator`), rerun
//! with the node machine: clients that each write the same row, having read its version, and try again
//! after a wait if another one was faster. No scenario says that, so the machine is driven by hand.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use node::{Action, AttemptId, AttemptReport, Dice, Env, Faults, Input, NodeState, Purpose, Timer, Visit};
use rand::RngExt;
use topology::Scenario;
use trace::{CallId, Outcome as Ending, Time};

use crate::row::{Figure, Outcome, Row};

/// The published strategies as policies, waits counted from the first failure, and what a hundred runs
/// of the published program gave for 10, 20, 100 and 190 clients: the time to the end in milliseconds,
/// and writes.
type Strategy = (&'static str, &'static str, [(f64, f64); 4]);
const STRATEGIES: [Strategy; 5] = [
    ("none", "none", [(375.0, 50.0), (601.0, 152.0), (2031.0, 2425.0), (3536.0, 8001.0)]),
    (
        "exponential",
        "{ exponential: { base: 10ms, max: 2s } }",
        [(3521.0, 50.0), (14592.0, 150.0), (63819.0, 1867.0), (101_234.0, 5170.0)],
    ),
    (
        "equal jitter",
        "{ exponential: { base: 10ms, max: 2s, jitter: equal } }",
        [(726.0, 42.0), (1650.0, 108.0), (6709.0, 813.0), (9349.0, 1762.0)],
    ),
    (
        "full jitter",
        "{ exponential: { base: 10ms, max: 2s, jitter: full } }",
        [(477.0, 39.0), (991.0, 100.0), (4820.0, 797.0), (7419.0, 1771.0)],
    ),
    (
        "decorrelated",
        "{ exponential: { base: 5ms, max: 2s, jitter: decorrelated } }",
        [(428.0, 37.0), (803.0, 101.0), (4510.0, 999.0), (8056.0, 2434.0)],
    ),
];

pub(crate) fn rows() -> Vec<Row> {
    const SOURCE: &str = "aws-arch-backoff-simulator";
    let mut rows = Vec::new();
    for (place, clients) in [10, 20, 100, 190].into_iter().enumerate() {
        for (name, policy, given) in STRATEGIES {
            let (time, writes) = given[place];
            // What the scatter of its hundred runs and of ours allows.
            let scatter = if clients < 50 { 0.2 } else { 0.08 };
            let figures = vec![
                Figure::new("time, ms", time, scatter, SOURCE).give_or_take(scatter * time),
                Figure::new("writes", writes, 0.03, SOURCE).give_or_take(0.03 * writes),
            ];
            let model = format!("{clients} writers of one row, {name}");
            rows.push(Row::new("B3", model, (100, 1), (100, 1), figures, move |seed, _| {
                let (time, writes) = simulate(clients, policy, seed);
                Outcome { calls: clients as f64, values: vec![time, writes] }
            }));
        }
    }
    rows
}

/// What happens to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Read(AttemptId),
    Write(AttemptId, u32),
    Told(AttemptId, bool),
    Woke(u16),
}

/// The time until the last client is done, in milliseconds, and how many writes that took.
fn simulate(clients: usize, backoff: &str, seed: u64) -> (f64, f64) {
    let text = format!(
        "name: x\nnodes: {{ c: {{ kind: client }}, s: {{ kind: server }} }}\nedges: [{{ c -> s: {{ timeout: none, retry: \
         {{ max_attempts: unlimited, when: [409], backoff: {backoff} }} }} }}]\nload: [{{ users: 1 }}]\n"
    );
    let scenario = Scenario::parse(&text, "backoff").unwrap_or_else(|problems| panic!("{problems}"));
    let faults = Faults::new(&scenario);
    let dice = Dice::new(seed);
    let env = Env { scenario: &scenario, dice, faults: &faults };
    let client = scenario.topology.find("c").unwrap();
    let mut luck = dice.rng(Purpose::Arrivals(0), 0);
    // A normal delay of 10 ms, deviation 2 ms, by Box and Muller.
    let mut delay = || {
        let (u, v): (f64, f64) = (luck.random(), luck.random());
        let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        Duration::from_secs_f64((0.010 + 0.002 * normal).abs())
    };
    let mut visits: Vec<(Visit, NodeState)> = (0..clients as u64)
        .map(|n| (Visit::call(CallId::new(0, n), Time(0), true, 5), NodeState::new(&env, client)))
        .collect();
    let mut steps: BinaryHeap<Reverse<(Time, u64, usize, Step)>> = BinaryHeap::new();
    let (mut order, mut version, mut writes, mut last) = (0, 0, 0_u32, Time(0));
    let mut inputs: Vec<(Time, usize, Input)> = (0..clients).map(|n| (Time(0), n, Input::Begin)).collect();
    let mut actions = Vec::new();
    loop {
        for (now, place, input) in inputs.drain(..) {
            let (visit, state) = &mut visits[place];
            visit.handle(now, input, &env, state, &mut actions, &mut |_| {});
            for action in actions.drain(..) {
                let (at, step) = match action {
                    Action::Send { id, .. } => (now + delay(), Step::Read(id)),
                    Action::Sleep { timer: Timer::Backoff(slot), until } => (until, Step::Woke(slot)),
                    _ => continue,
                };
                order += 1;
                steps.push(Reverse((at, order, place, step)));
            }
        }
        let Some(Reverse((now, _, place, step))) = steps.pop() else { break };
        last = now;
        let next = match step {
            // There and back again, and there with what was read.
            Step::Read(id) => (now + delay() + delay(), Step::Write(id, version)),
            Step::Write(id, read) => {
                writes += 1;
                let fresh = read == version;
                version += u32::from(fresh);
                (now + delay(), Step::Told(id, fresh))
            }
            Step::Told(id, fresh) => {
                let status = if fresh { 200 } else { 409 };
                let report = AttemptReport::of(Ending::Answered(status));
                inputs.push((now, place, Input::Head { id, status, retry_after: None }));
                inputs.push((now, place, Input::Ended { id, report }));
                continue;
            }
            Step::Woke(slot) => {
                inputs.push((now, place, Input::Woke(Timer::Backoff(slot))));
                continue;
            }
        };
        order += 1;
        steps.push(Reverse((next.0, order, place, next.1)));
    }
    assert_eq!(version, u32::try_from(clients).unwrap(), "each has written once");
    (last.since_start().as_secs_f64() * 1e3, f64::from(writes))
}

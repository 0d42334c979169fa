//! What the node machine costs: one request at a gateway, with one call and its answer.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use node::{Action, AttemptReport, Dice, Env, Faults, Incoming, Input, NodeState, Visit};
use topology::wire::SharedDisturbance;
use topology::{EdgeId, Scenario};
use trace::{CallId, HopId, Outcome, Time};

fn incoming(n: u64, edge: EdgeId) -> Incoming {
    let call = CallId::new(0, n);
    Incoming {
        call,
        hop: HopId::root(call).child(0, edge.0, 1),
        edge,
        retries: 0,
        looped: false,
        used_connection: false,
        path_known: true,
        credentials_good: true,
        head_bytes: 300,
        body_bytes: 0,
        idempotent: true,
        time_left: None,
        priority: 5,
        key: topology::rules::Key::Missing,
        ask: None,
        disturbance: SharedDisturbance::default(),
    }
}

/// One request from its arrival to its answer; gives the number of actions and records.
fn visit(env: &Env<'_>, state: &mut NodeState, out: &mut Vec<Action>, n: u64) -> usize {
    let mut visit = Visit::request(incoming(n, EdgeId(0)));
    let (mut actions, mut records) = (0, 0);
    let mut now = Time(n * 1_000);
    let mut input = Input::Begin;
    loop {
        visit.handle(now, input, env, state, out, &mut |record| {
            black_box(record);
            records += 1;
        });
        actions += out.len();
        now = Time(now.0 + 1);
        input = match out.last() {
            Some(Action::Send { id, .. }) => Input::Head { id: *id, status: 200, retry_after: None },
            Some(Action::Relay { id, .. }) => {
                Input::Ended { id: *id, report: AttemptReport::of(Outcome::Answered(200)) }
            }
            _ => break,
        };
        out.clear();
    }
    out.clear();
    actions + records
}

fn bench(c: &mut Criterion, name: &str, scenario: &Scenario) {
    let faults = Faults::new(scenario);
    let env = Env { scenario, dice: Dice::new(7), faults: &faults };
    let gateway = scenario.topology.find("gw1").expect("the chain has it");
    let mut state = NodeState::new(&env, gateway);
    let mut out = Vec::new();
    let mut n = 0;
    let mut group = c.benchmark_group("node machine");
    group.throughput(Throughput::Elements(1));
    group.bench_function(name, |b| {
        b.iter(|| {
            n += 1;
            black_box(visit(&env, &mut state, &mut out, n))
        });
    });
    group.finish();
}

fn machine(c: &mut Criterion) {
    let load = "{ from: client, rate: 100/s }";
    bench(c, "a request at a gateway, no fault", &benches::chain(load, "[]"));
    let never = "[{ at: gw1 -> gw2, network: reset_peer, start: 59m }]";
    bench(c, "a request at a gateway, a fault armed that does not fire", &benches::chain(load, never));
    let dice = Dice::new(7);
    c.bench_function("one keyed draw", |b| {
        let mut key = 0;
        b.iter(|| {
            key += 1;
            black_box(dice.unit(node::Purpose::Work, key))
        });
    });
}

criterion_group!(group, machine);
criterion_main!(group);

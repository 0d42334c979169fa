//! Retry budgets, over a server that fails now and then, and over one that is dead.

use crate::row::{Figure, Outcome, Row};
use crate::seen::Seen;

const BROOKER: &str = "mbrooker/simulator_example";

/// The policies of Brooker's simulation, as scenarios write them.
const POLICIES: [(&str, &str); 4] = [
    ("no retry", "{}"),
    ("3 retries", "{ retry: { max_attempts: 4, when: [5xx] } }"),
    ("token bucket", "{ preset: brooker-token-bucket }"),
    ("retry breaker", "{ preset: brooker-retry-breaker }"),
];

/// What it gave: the share of attempts that fail, then load and success under each policy.
const GIVEN: [(f64, [(f64, f64); 4]); 6] = [
    (0.01, [(1.0, 0.9899), (1.0100, 1.0000), (1.0100, 1.0000), (1.0099, 0.9999)]),
    (0.05, [(1.0, 0.9498), (1.0524, 1.0000), (1.0526, 0.9998), (1.0506, 0.9983)]),
    (0.10, [(1.0, 0.9000), (1.1105, 0.9999), (1.0941, 0.9850), (1.0326, 0.9290)]),
    (0.20, [(1.0, 0.7992), (1.2482, 0.9984), (1.1035, 0.8832), (1.0004, 0.8012)]),
    (0.50, [(1.0, 0.4988), (1.8747, 0.9373), (1.1042, 0.5536), (1.0000, 0.4995)]),
    (0.75, [(1.0, 0.2489), (2.7331, 0.6848), (1.1044, 0.2763), (1.0000, 0.2489)]),
];

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (failing, given) in GIVEN {
        for (policy, (load, success)) in POLICIES.into_iter().zip(given) {
            let figures = vec![given_load(load), given_success(success)];
            rows.push(brooker(policy, failing, (0, 10.0), figures));
        }
    }
    // The same hundred calls a second by fewer and by more clients: one run each, of ten thousand calls.
    for (clients, load, success) in [(10, 1.104, 0.559), (100, 1.142, 0.565), (1000, 1.462, 0.730)] {
        let success = Figure::new("succeeded", success, 0.02, BROOKER).give_or_take(0.015);
        rows.push(brooker(
            POLICIES[2],
            0.5,
            (clients, 100.0 / f64::from(clients)),
            vec![given_load(load), success],
        ));
    }
    for (clients, success) in [(10, 0.9985), (100, 0.9863), (1000, 0.9563)] {
        let figures = vec![Figure::new("succeeded", success, 0.01, BROOKER).give_or_take(0.006)];
        rows.push(brooker(POLICIES[3], 0.05, (clients, 100.0 / f64::from(clients)), figures));
    }
    rows.extend(dead_server());
    rows.extend([waiting(true), waiting(false)]);
    rows
}

/// The scatter of the given figures.
fn given_load(load: f64) -> Figure {
    Figure::new("attempts per call", load, 0.01, BROOKER).give_or_take(0.004)
}

fn given_success(success: f64) -> Figure {
    Figure::new("succeeded", success, 0.01, BROOKER).give_or_take(0.003)
}

/// Clients that begin with a call and go on with Poisson ones for 100 s, and a server that fails
/// attempts by chance; a delay of 10 ms on average each way, which is the server's time here. With no
/// number of clients there are as many as the size says, and of 1000 half are enough, as they do not
/// notice each other.
fn brooker(
    (name, policy): (&'static str, &'static str),
    failing: f64,
    (clients, rate): (u32, f64),
    figures: Vec<Figure>,
) -> Row {
    let model = match clients {
        0 => format!("{}% fail, {name}", failing * 100.0),
        _ => format!("{}% fail, {name}, {clients} clients", failing * 100.0),
    };
    // The figures, in the order in which they are made.
    let has_load = figures.len() > 1;
    let (quick, full) = if clients == 0 { ((20, 2), (20, 50)) } else { ((10, 1), (20, 1)) };
    Row::new("B4", model, quick, full, figures, move |seed, size| {
        let clients = if clients == 0 { size } else { u64::from(clients.min(500)) };
        let names = || (0..clients).map(|n| format!("c{n}"));
        let nodes: Vec<String> = names().map(|c| format!("  {c}: {{ kind: client }}\n")).collect();
        let edges: Vec<String> = names().map(|c| format!("{{ {c} -> s: {{ timeout: none }} }}")).collect();
        let load =
            |c| format!("{{ from: {c}, rate: 1/h }}, {{ from: {c}, rate: {rate}/s, arrivals: poisson }}");
        let loads: Vec<String> = names().map(load).collect();
        let text = format!(
            "name: theory\nseed: {seed}\nduration: 100s\nnodes:\n{}  s: {{ kind: server, workers: none, \
             service_time: {{ gamma: {{ mean: 20ms, shape: 2 }} }} }}\nedges: [{}]\nload: [{}]\n\
             faults: [{{ at: s, crash: exception, probability: {failing} }}]\nstrategies: {{ it: {policy} }}\nstrategy: it\n",
            nodes.concat(),
            edges.join(", "),
            loads.join(", ")
        );
        let seen = Seen::whole(&text);
        let mut values = vec![1.0 - seen.failing()];
        if has_load {
            values.insert(0, seen.attempts_per_call());
        }
        Outcome { calls: seen.calls(), values }
    })
}

/// One client and a server that fails all attempts, each after so long.
fn dead(seed: u64, rate: &str, (work, script): (&str, &str), policy: &str, (from, to): (f64, f64)) -> Seen {
    let text = format!(
        "name: theory\nseed: {seed}\nduration: {}s\nnodes: {{ client: {{ kind: client }}, s: {{ kind: server, \
         workers: none, service_time: {work}, script: [{script}] }} }}\nedges: [{{ client -> s: {{ timeout: 10s }} }}]\n\
         load: [{{ rate: {rate}, arrivals: poisson }}]\nstrategies: {{ it: {policy} }}\nstrategy: it\n",
        to + 20.0
    );
    Seen::of(&text, from, to)
}

fn dead_server() -> Vec<Row> {
    let lasting =
        |model: &'static str, source, rate: &'static str, work: &'static str, policy: &'static str, load| {
            // A retry is remembered for a hundredth more than the window.
            let figure =
                Figure::new("attempts per call", load, 0.01, source).give_or_take(0.01 * (load - 1.0));
            Row::new("B2", model, (10, 30), (20, 500), vec![figure], move |seed, seconds| {
                let seen = dead(seed, rate, (work, "503"), policy, (30.0, 30.0 + seconds as f64));
                Outcome { calls: seen.calls(), values: vec![seen.attempts_per_call()] }
            })
        };
    let spent = |model: &'static str, source, script: &'static str, policy: &'static str, retries| {
        let figure = Figure::exact("retries in all", retries, source);
        Row::new("B2", model, (2, 1_000), (2, 1_000), vec![figure], move |seed, seconds| {
            let seen = dead(seed, "1/s", ("1ms", script), policy, (0.0, seconds as f64));
            Outcome { calls: seen.calls(), values: vec![seen.attempts as f64 - seen.calls()] }
        })
    };
    vec![
        lasting(
            "dead server, Finagle's budget, 100/s",
            "twitter/finagle RetryBudget",
            "100/s",
            "5ms",
            "{ retry: { max_attempts: unlimited, when: [5xx], budget: { ratio: 20%, min_per_s: 10, window: 10s } } }",
            1.3,
        ),
        lasting(
            "dead server, Linkerd's budget, 500/s",
            "Linkerd ServiceProfile",
            "500/s",
            "5ms",
            "{ preset: linkerd-serviceprofile }",
            1.22,
        ),
        // A fifth of the calls in flight: r (1 s + 12.5 ms) = 0.2 (1 s + r (1 s + 12.5 ms)).
        lasting(
            "dead server of 1 s, Envoy's budget, 700/s",
            "Envoy retry_budget",
            "700/s",
            "1s",
            "{ preset: envoy-retry-budget }",
            1.0 + 0.25 / 1.0125,
        ),
        // 10 tokens; a failure takes one; tried again above 5, four attempts a call.
        spent("dead server, gRPC's throttle", "gRPC proposal A6", "503", "{ preset: grpc-a6 }", 3.0),
        spent(
            "dead server, AWS's bucket",
            "AWS SDKs: 500 / 5",
            "503",
            "{ preset: aws-sdk-java-2.x-standard }",
            100.0,
        ),
        spent(
            "silent server, AWS's bucket",
            "AWS SDKs: 500 / 10",
            "timeout",
            "{ timeout: 10ms, retry: { max_attempts: 3, when: [transport], budget: { tokens: { capacity: 500, cost: 5, \
             timeout_cost: 10 } } } }",
            50.0,
        ),
    ]
}

/// Half of the attempts fail, at once, the others take 1 s, up to four are made, with 10 s between them
/// or at once: what is offered to the server is the same if calls come by the clock, and less if each
/// client waits for its answer.
fn waiting(open: bool) -> Row {
    // A call takes 0.9375 s, and 0.875 times 10 s.
    let expected = if open { 1.0 } else { 0.9375 / (0.9375 + 8.75) };
    let load = if open { "rate: 10/s, arrivals: poisson" } else { "users: 20" };
    let model =
        format!("50% fail, back-off of 10 services, {}", if open { "open loop" } else { "serial clients" });
    let figure =
        Figure::new("load over that without back-off", expected, 0.01, "Brooker, What is Backoff For?");
    Row::new("B4b", model, (10, 1_000), (20, 20_000), vec![figure], move |seed, seconds| {
        let run = |backoff: &str| {
            let text = format!(
                "name: theory\nseed: {seed}\nduration: {}s\nnodes: {{ client: {{ kind: client }}, s: {{ kind: server, \
                 workers: none, service_time: 1s }} }}\nedges: [{{ client -> s: {{ timeout: none, retry: \
                 {{ max_attempts: 4, when: [5xx], backoff: {backoff} }} }} }}]\nload: [{{ {load} }}]\n\
                 faults: [{{ at: s, crash: exception, probability: 50% }}]\n",
                seconds + 200
            );
            Seen::of(&text, 100.0, 100.0 + seconds as f64)
        };
        let (with, without) = (run("10s"), run("none"));
        let ratio = with.edge(0).arrived as f64 / without.edge(0).arrived as f64;
        Outcome { calls: with.calls() + without.calls(), values: vec![ratio] }
    })
}

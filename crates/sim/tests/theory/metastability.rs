//! Systems that stay down after what brought them down is over.

use crate::row::{Figure, Outcome, Row};
use crate::seen::Seen;

const BROOKER: &str = "mbrooker/simulator_example";

pub(crate) fn rows() -> Vec<Row> {
    let backoff = "{ exponential: { base: 20s, max: 1h, jitter: full } }";
    let mut rows = vec![collapse(40, 5, "none", (0.745, 2_000)), collapse(40, 5, backoff, (0.0, 100))];
    let by_width = [(3, (0.011, 2_000)), (4, (0.2635, 2_000)), (6, (0.962, 2_000))];
    rows.extend(by_width.map(|(width, given)| collapse(40, width, "none", given)));
    let by_load = [(20, (0.0, 2_000)), (25, (0.1245, 2_000)), (35, (0.5115, 2_000)), (50, (0.98, 60))];
    rows.extend(by_load.map(|(base, given)| collapse(base, 5, "none", given)));
    for attempts in [2, 3, 4] {
        rows.extend([0.9, 1.1].map(|load| stable_load(attempts, load)));
    }
    rows.extend([copies(false), copies(true)]);
    rows
}

/// Work that takes 1 s and 10 ms more for each that is under way, three attempts of 3 s, and a spike
/// to 80 calls a second: how often less than half of the calls succeed 35 s after it. What the
/// published program gave, in so many runs.
fn collapse(base: u32, width: u32, backoff: &'static str, (share, runs): (f64, u32)) -> Row {
    let model = format!(
        "slower with each request, {base}/s, {width} s of 80/s{}",
        if backoff == "none" { "" } else { ", back-off" }
    );
    let figure = Figure::share_of_runs("collapsed", share, f64::from(runs), BROOKER);
    Row::new("M3", model, (30, 1), (200, 1), vec![figure], move |seed, _| {
        // The delay of the request is the work of a node on the way.
        let text = format!(
            "name: theory\nseed: {seed}\nduration: 80s\nnodes:\n  client: {{ kind: client }}\n  \
             way: {{ kind: gateway, service_time: {{ exponential: {{ mean: 100ms }} }}, on_disconnect: continue }}\n  \
             s: {{ kind: server, workers: none, service_time: 1s, contention: 10ms, on_disconnect: continue }}\n\
             edges: [{{ client -> way: {{ timeout: 3s, retry: {{ max_attempts: 3, when: [timeout], backoff: {backoff} }} }} }}, \
             {{ way -> s: {{ timeout: none }} }}]\n\
             load: [{{ rate: {base}/s, arrivals: poisson, stages: [{{ rate: {base}/s, for: 20s }}, \
             {{ rate: 80/s, for: {width}s }}, {{ rate: {base}/s, for: 100s }}] }}]\n\
             faults: [{{ at: client -> way, network: {{ latency: {{ mean: 100ms, jitter: 100ms, distribution: exponential }} }} }}]\n"
        );
        let seen = Seen::of(&text, 60.0, 80.0);
        Outcome { calls: seen.calls(), values: vec![f64::from(seen.failing() > 0.5)] }
    })
}

/// Work that is done although nobody waits, N attempts of each call: after a short time with a tenth
/// of its capacity a server is well again below 1/N of it, and never above.
fn stable_load(attempts: u32, load: f64) -> Row {
    const CAPACITY: f64 = 100.0;
    let expected = f64::from(load < 1.0);
    let figure = Figure::share_of_runs("recovered", expected, 100.0, "C/N (Huang et al., OSDI'22)");
    let model = format!("{attempts} attempts, load {load} × C/{attempts}, 10 s at C/10");
    Row::new("M4", model, (10, 400), (40, 600), vec![figure], move |seed, seconds| {
        let text = format!(
            "name: theory\nseed: {seed}\nduration: {}s\nnodes: {{ client: {{ kind: client }}, s: {{ kind: server, \
             workers: 10, queue: 1000000, service_time: 100ms, on_disconnect: continue }} }}\n\
             edges: [{{ client -> s: {{ timeout: 1s, retry: {{ max_attempts: {attempts}, when: [timeout] }} }} }}]\n\
             load: [{{ rate: {}/s, arrivals: poisson }}]\n\
             faults: [{{ at: s, overload: {{ concurrency: {{ workers: 1 }} }}, start: 30s, for: 10s }}]\n",
            seconds + 60,
            CAPACITY * load / f64::from(attempts)
        );
        let seen = Seen::of(&text, seconds as f64, seconds as f64 + 50.0);
        Outcome { calls: seen.calls(), values: vec![f64::from(seen.failing() < 0.5)] }
    })
}

/// The bimodal queue of Q4, whose callers try again after 15 s or not.
fn copies(again: bool) -> Row {
    let figure = Figure::share_of_runs(
        "more than 1000 inside at the end",
        f64::from(again),
        100.0,
        "mbrooker, omission",
    );
    let model = format!("as Q4{}", if again { ", asked again after 15 s" } else { "" });
    let edge =
        if again { "timeout: 15s, retry: { max_attempts: 2, when: [timeout] }" } else { "timeout: none" };
    Row::new("M6", model, (10, 6_000), (40, 6_000), vec![figure], move |seed, seconds| {
        let text = format!(
            "name: theory\nseed: {seed}\nduration: {seconds}s\nnodes: {{ client: {{ kind: client }}, s: {{ kind: server, \
             workers: 1, queue: 1000000, service_time: {{ exponential: {{ mean: 100ms }} }} }} }}\n\
             edges: [{{ client -> s: {{ {edge} }} }}]\nload: [{{ rate: {}/s, arrivals: poisson }}]\n\
             faults: [{{ at: s, overload: {{ slow: {{ factor: 100 }} }}, probability: 0.001 }}]\n",
            0.8 / 0.1099
        );
        let seen = Seen::of(&text, seconds as f64 * 0.98, seconds as f64);
        let server = seen.edge(0);
        let inside = server.found as f64 / server.arrived as f64;
        Outcome { calls: seconds as f64 * 0.8 / 0.1099, values: vec![f64::from(inside > 1000.0)] }
    })
}

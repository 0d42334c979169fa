//! What retries add up to: over layers, over a server at its limit, and against deadlines.

use crate::formulas::{erlang_b, layered, overloaded};
use crate::row::{Figure, Outcome, Row};
use crate::seen::Seen;

const SRE_CASCADING: &str = "SRE book, ch. 22";
const SRE_OVERLOAD: &str = "SRE book, ch. 21";
const SERIES: &str = "geometric series";

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![
        dead_leaf("A1", 3, 4, SRE_CASCADING),
        dead_leaf("A2", 5, 3, "AWS Builders' Library"),
        dead_leaf("A2", 5, 4, "4⁵"),
    ];
    rows.extend([(4, 3, 0.5), (4, 3, 0.9), (3, 3, 0.9), (3, 5, 0.9)].map(|how| unsure_leaf("A3", how)));
    rows.extend([0.1, 0.3, 0.5, 0.75].map(|failing| unsure_leaf("A4", (4, 1, failing))));
    for offered in [1.01, 1.1, 1.5, 2.0, 5.0] {
        rows.extend([2, 3, 4, 10].map(|attempts| at_its_limit("A5", offered, attempts, "")));
    }
    rows.push(at_its_limit("A6", 100.0, 3, ""));
    rows.extend([2.0, 5.0].map(|offered| at_its_limit("A7", offered, 3, "budget: 10%")));
    rows.extend([2.0, 1.1].map(throttled));
    rows.push(hanging());
    rows.extend([deadlines(), hard_coded(false), hard_coded(true)]);
    rows
}

/// A chain of gateways in front of a leaf, each of which makes so many attempts.
fn chain(seed: u64, seconds: u64, layers: usize, attempts: u32, leaf: &str, faults: &str) -> Seen {
    let names: Vec<String> = (1..layers).map(|n| format!("g{n}")).collect();
    let nodes: Vec<String> = names.iter().map(|name| format!("  {name}: {{ kind: gateway }}\n")).collect();
    let way: Vec<&str> =
        ["client"].into_iter().chain(names.iter().map(String::as_str)).chain(["leaf"]).collect();
    let edge = format!("{{ timeout: none, retry: {{ max_attempts: {attempts}, when: [any] }} }}");
    let edges: Vec<String> =
        way.windows(2).map(|pair| format!("{{ {} -> {}: {edge} }}", pair[0], pair[1])).collect();
    let text = format!(
        "name: theory\nseed: {seed}\nduration: {seconds}s\nnodes:\n  client: {{ kind: client }}\n{}  \
         leaf: {{ kind: server, workers: none, service_time: 1ms, {leaf} }}\nedges: [{}]\nload: [{{ rate: 10/s }}]\n{faults}",
        nodes.concat(),
        edges.join(", ")
    );
    Seen::whole(&text)
}

/// The leaf always fails: exactly attempts to the power of layers.
fn dead_leaf(id: &'static str, layers: u32, attempts: u32, source: &'static str) -> Row {
    let each = |layer| f64::from(attempts.pow(layer));
    let figures = vec![
        Figure::exact("attempts at the leaf", each(layers), source),
        Figure::exact("on all edges", (1..=layers).map(each).sum(), "sum of powers"),
    ];
    let model = format!("{layers} layers of {attempts} attempts, a dead leaf");
    Row::new(id, model, (2, 2), (2, 2), figures, move |seed, seconds| {
        let seen = chain(seed, seconds, layers as usize, attempts, "script: [503]", "");
        let edges = (0..layers as usize).map(|edge| seen.arrived_per_call(edge)).sum();
        Outcome { calls: seen.calls(), values: vec![seen.arrived_per_call(layers as usize - 1), edges] }
    })
}

/// Each attempt at the leaf fails with the same probability, independently.
fn unsure_leaf(id: &'static str, (attempts, layers, failing): (u32, u32, f64)) -> Row {
    let (load, failed) = layered(i32::try_from(attempts).unwrap(), layers, failing);
    let mut figures = vec![Figure::new("attempts at the leaf", load, 0.01, SERIES)];
    // What hardly ever happens is no figure.
    let has_failures = failed > 1e-3;
    if has_failures {
        figures.push(Figure::new("succeeded", 1.0 - failed, 0.01, SERIES));
    }
    let model = format!("{layers} layer(s) of {attempts} attempts, {}% fail", failing * 100.0);
    Row::new(id, model, (20, 120), (20, 2_000), figures, move |seed, seconds| {
        let faults = format!("faults: [{{ at: leaf, crash: exception, probability: {failing} }}]\n");
        let seen = chain(seed, seconds, layers as usize, attempts, "", &faults);
        let mut values = vec![seen.arrived_per_call(layers as usize - 1)];
        if has_failures {
            values.push(1.0 - seen.failing());
        }
        Outcome { calls: seen.calls(), values }
    })
}

/// A server that accepts so many requests a second and refuses the rest at once, in steady state.
fn limited(seed: u64, accepts: f64, offered: f64, edge: &str, (from, to, end): (f64, f64, f64)) -> Seen {
    let text = format!(
        "name: theory\nseed: {seed}\nduration: {end}s\nnodes: {{ client: {{ kind: client }}, s: {{ kind: server, \
         workers: none, service_time: 0s }} }}\nedges: [{{ client -> s: {{ timeout: none, {edge} }} }}]\n\
         load: [{{ rate: {}/s, arrivals: poisson }}]\nfaults: [{{ at: s, overload: {{ rate_limit: {{ rate: {accepts}/s, burst: 50 }} }} }}]\n",
        offered * accepts
    );
    Seen::of(&text, from, to)
}

/// Arrivals by chance, so that all of them are refused alike, and waits that are long beside what the
/// bucket of the limit remembers.
fn at_its_limit(id: &'static str, offered: f64, attempts: u32, budget: &'static str) -> Row {
    const WAIT: f64 = 4.0;
    let bounded = !budget.is_empty();
    let expected = if bounded { 1.1 } else { overloaded(offered, f64::from(attempts)) };
    let source = if bounded || id == "A6" { SRE_OVERLOAD } else { "fixed point" };
    // A budget of 10% over a hundredth more than its window, in whole retries.
    let slack = if bounded { 0.0015 } else { 0.0 };
    let figures = vec![
        Figure::new("attempts per call", expected, 0.012, source).give_or_take(slack),
        Figure::new("succeeded", 1.0 / offered, 0.012, "1/ρ"),
    ];
    let model = format!(
        "a server at its limit, ρ = {offered}, {attempts} attempts{}",
        if bounded { ", budget 10%" } else { "" }
    );
    // The length is what the server accepts a second.
    let (quick, full) = match offered {
        o if o > 10.0 => ((10, 2), (20, 10)),
        o if o >= 2.0 => ((10, if bounded { 50 } else { 20 }), (10, 100)),
        o if o >= 1.1 => ((10, 50), (10, 200)),
        // Where a hundredth is refused, what a small server happens to be sent decides.
        _ => ((0, 0), (10, 2_000)),
    };
    let figures = if quick.0 == 0 { figures.into_iter().map(Figure::rare).collect() } else { figures };
    // So long does what is over the limit take to become all the calls that wait.
    let filling = (expected - 1.0) * offered * WAIT / (offered - 1.0);
    let from = 100.0 + 4.0 * filling;
    let to = (140.0 + 6.0 * filling).min(from + 500.0);
    Row::new(id, model, quick, full, figures, move |seed, accepts| {
        let edge = format!(
            "retry: {{ max_attempts: {attempts}, when: [429], backoff: {{ constant: {{ delay: {WAIT}s, jitter: \
             {{ scale: [0.5, 1.5] }} }} }}, {budget} }}"
        );
        let seen = limited(seed, accepts as f64, offered, &edge, (from, to, to + 60.0));
        Outcome { calls: seen.calls(), values: vec![seen.attempts_per_call(), 1.0 - seen.failing()] }
    })
}

/// Adaptive throttling at ten times the limit: the server sees k times what it accepts.
fn throttled(k: f64) -> Row {
    let figures = vec![
        Figure::new("requests over the limit", k, 0.02, SRE_OVERLOAD),
        Figure::new("accepted over the limit", 1.0, 0.02, SRE_OVERLOAD),
    ];
    let model = format!("adaptive throttling, K = {k}, ρ = 10");
    Row::new("A8", model, (10, 10), (10, 50), figures, move |seed, accepts| {
        let accepts = accepts as f64;
        let seen = limited(seed, accepts, 10.0, &format!("throttle: {k}"), (300.0, 600.0, 605.0));
        let server = seen.edge(0);
        let over = |requests: u64| requests as f64 / (accepts * seen.span());
        Outcome { calls: seen.calls(), values: vec![over(server.arrived), over(server.ok)] }
    })
}

/// As many requests a second as there are threads, of which one in twenty hangs to its deadline of
/// 100 s, a thousand times as long as the others take.
fn hanging() -> Row {
    let threads = 100;
    let accepted = 1.0 - erlang_b(threads, f64::from(threads) * (0.95 * 0.1 + 0.05 * 100.0));
    let figures = vec![
        Figure::new("accepted", accepted, 0.01, "Erlang B; SRE book, ch. 22"),
        Figure::new("useful", 0.95 * accepted, 0.01, "95% of these"),
    ];
    let model = format!("{threads} threads, {threads}/s of 0.1 s, 5% hang for 100 s");
    Row::new("A9", model, (10, 1_000), (20, 2_000), figures, move |seed, seconds| {
        // Ten deadlines until the first to hang have mixed with the others.
        let end = seconds + 1_200;
        let text = format!(
            "name: theory\nseed: {seed}\nduration: {end}s\nnodes: {{ client: {{ kind: client }}, s: {{ kind: server, \
             workers: {threads}, queue: 0, service_time: 100ms }} }}\nedges: [{{ client -> s: {{ timeout: 100s }} }}]\n\
             load: [{{ rate: {threads}/s, arrivals: poisson }}]\nfaults: [{{ at: s, crash: hang, probability: 5% }}]\n"
        );
        let seen = Seen::of(&text, 1_000.0, 1_000.0 + seconds as f64);
        let server = seen.edge(0);
        let accepted = server.started as f64 / server.arrived as f64;
        Outcome { calls: seen.calls(), values: vec![accepted, 1.0 - seen.failing()] }
    })
}

/// A has 30 s and takes 7, B takes 4: what is left travels with the request.
fn deadlines() -> Row {
    let figures = vec![
        Figure::exact("B has, in s", 23.0, SRE_CASCADING),
        Figure::exact("C has, in s", 19.0, SRE_CASCADING),
    ];
    Row::new("A10", "30 s, of which A takes 7 s and B 4 s", (2, 1), (2, 1), figures, |seed, _| {
        let edge = "{ timeout: 30s, propagate_deadline: true }";
        let text = format!(
            "name: theory\nseed: {seed}\nduration: 100s\nnodes:\n  client: {{ kind: client }}\n  \
             a: {{ kind: server, service_time: 7s }}\n  b: {{ kind: server, service_time: 4s }}\n  \
             c: {{ kind: server, service_time: 1000s }}\n\
             edges: [{{ client -> a: {edge} }}, {{ a -> b: {edge} }}, {{ b -> c: {edge} }}]\nload: [{{ rate: 0.1/s }}]\n"
        );
        let seen = Seen::of(&text, 0.0, 35.0);
        let has = |edge: usize| seen.edge(edge).stayed / seen.edge(edge).arrived as f64;
        Outcome { calls: seen.calls(), values: vec![has(1), has(2)] }
    })
}

/// The client waits for 10 s, of which B takes 8; C's requests lie in a queue for 5 s and then have what
/// is left of 20 s, unless B tells C what is left.
fn hard_coded(told: bool) -> Row {
    let (expected, model) = if told {
        (0.0, "10 s, told; B takes 8 s, C's queue 5 s")
    } else {
        (15.0, "10 s; B takes 8 s and gives C 20 s, C's queue takes 5 s")
    };
    // Hanging up takes a while on the way.
    let figure = Figure::new("C works in vain, in s", expected, 0.001, SRE_CASCADING).give_or_take(0.001);
    let figures =
        if told { vec![Figure::exact("C works in vain, in s", 0.0, SRE_CASCADING)] } else { vec![figure] };
    Row::new("A10b", model, (2, 1), (2, 1), figures, move |seed, _| {
        let text = format!(
            "name: theory\nseed: {seed}\nduration: 100s\nnodes:\n  client: {{ kind: client }}\n  \
             b: {{ kind: server, service_time: 8s }}\n  queue: {{ kind: gateway, service_time: 5s }}\n  \
             c: {{ kind: server, service_time: 1000s, on_disconnect: cancel }}\n\
             edges: [{{ client -> b: {{ timeout: 10s, propagate_deadline: {told} }} }}, \
             {{ b -> queue: {{ timeout: 20s, propagate_deadline: {told} }} }}, {{ queue -> c: {{ timeout: none }} }}]\n\
             load: [{{ rate: 0.1/s }}]\n"
        );
        let seen = Seen::of(&text, 0.0, 35.0);
        Outcome {
            calls: seen.calls(),
            values: vec![seen.edge(2).worked / (seen.edge(2).arrived as f64).max(1.0)],
        }
    })
}

//! Scenarios as people write them: policies at every edge, servers and pools that are small for their
//! load, limits, caches, replicas, model servers, time-outs that do not shrink; and one fault.

use std::fmt::Write;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use topology::profile::Profile;

use super::{EDGE_FAULTS, GATEWAY_FAULTS, NODE_FAULTS, is_state};

/// What only a model server can have.
const MODEL_FAULTS: &[&str] = &[
    "overload: overloaded",
    "overload: slow_stream",
    "config: context_too_long",
    "crash: stream_error",
    "crash: stream_stall",
    "crash: stream_unterminated",
    "crash: truncated_json",
    "crash: truncate",
    "crash: exception",
    "crash: hang",
];

const RETRIES: &[&str] =
    &["[any, 5xx]", "[502, 503, 504]", "[connect]", "[transport, 5xx, 429]", "[any, content]"];
const BACKOFFS: &[&str] =
    &["", "backoff: 10ms, ", "backoff: { exponential: { base: 20ms, max: 200ms, jitter: full } }, "];
const BUDGETS: &[&str] =
    &["", "budget: 10%", "budget: { tokens: { capacity: 20 } }", "budget: { concurrent: 3 }"];

/// What an edge may have besides retries, each with its share of the edges.
const POLICIES: &[(f64, &[&str])] = &[
    (0.12, &["hedge: 15ms", "hedge: p95", "hedge: { after: 10ms, max_attempts: 3 }"]),
    (0.15, &["propagate_deadline: true"]),
    (0.1, &["deadline: 500ms", "deadline: 1s"]),
    (0.12, &["breaker: { consecutive: 5, open_for: 100ms }", "breaker: { consecutive: 3, open_for: 50ms }"]),
    (0.1, &["throttle: 2"]),
    (0.1, &["concurrency: 4", "concurrency: { aimd: {} }", "concurrency: { gradient: {} }"]),
    (
        0.15,
        &["pool: { max_connections: 1 }", "pool: { max_connections: 5 }", "pool: { max_connections: 20 }"],
    ),
];

/// What a gateway may have.
const GATEWAYS: &[(f64, &[&str])] = &[
    (0.4, &["calls: parallel", "calls: sequential"]),
    (0.3, &["on_disconnect: continue", "on_disconnect: cancel"]),
    (0.15, &["max_in_flight: 2", "max_in_flight: 50"]),
    (0.1, &["cache: 10%"]),
    (0.1, &["limits: [{ name: front, requests: 20/s, burst: 5 }]"]),
];

fn some(rng: &mut Pcg64Mcg, of: &[(f64, &[&'static str])]) -> String {
    let mut text = String::new();
    for (share, ways) in of {
        if rng.random_bool(*share) {
            let _ = write!(text, ", {}", one(rng, ways));
        }
    }
    text
}

fn one<'a>(rng: &mut Pcg64Mcg, of: &[&'a str]) -> &'a str {
    of.choose(rng).expect("not empty")
}

fn edge(rng: &mut Pcg64Mcg, from: &str, to: &str, timeout: u32) -> String {
    let timeout =
        if rng.random_bool(0.8) { timeout } else { *[50, 200, 3000].choose(rng).expect("not empty") };
    let mut text = format!(
        "  - {from} -> {to}: {{ timeout: {timeout}ms, connect_timeout: {}",
        one(rng, &["60ms", "200ms"])
    );
    if rng.random_bool(0.5) {
        let (attempts, when) = (rng.random_range(2..=4), one(rng, RETRIES));
        let _ = write!(
            text,
            ", retry: {{ max_attempts: {attempts}, when: {when}, {}{} }}",
            one(rng, BACKOFFS),
            one(rng, BUDGETS)
        );
    }
    text + &some(rng, POLICIES)
}

/// One of them.
pub(super) fn scenario(seed: u64) -> String {
    let rng = &mut Pcg64Mcg::seed_from_u64(seed);
    let api = rng
        .random_bool(0.3)
        .then(|| one(rng, &["openai", "anthropic", "gemini", "mistral", "ollama", "dashscope"]));
    let names = ["client", "g0", "g1", "g2"];
    let callers = &names[..=rng.random_range(0..=3)];
    let servers: &[&str] = &["s0", "s1", "s2"][..if callers.len() > 1 { rng.random_range(1..=3) } else { 1 }];
    let mut text = format!(
        "name: wide\nduration: 2s\nseed: {}\nnodes:\n  client: {{ kind: client }}\n",
        rng.random::<u32>()
    );
    for gateway in &callers[1..] {
        let profile = Profile::ALL.choose(rng).expect("not empty").name;
        let _ = writeln!(text, "  {gateway}: {{ kind: gateway, profile: {profile}{} }}", some(rng, GATEWAYS));
    }
    for server in servers {
        let workers = one(rng, &["64", "64", "8", "2"]);
        let queue =
            one(rng, &["", ", queue: 3", ", queue: 50", ", queue: { places: 20, order: lifo, codel: 20ms }"]);
        let work = if let Some(api) = api {
            format!("llm: {{ api: {api}, completion_tokens: 10, prefill: 100000/s, decode: 2000/s }}")
        } else {
            let time = one(rng, &["2ms", "5ms", "{ exponential: { mean: 5ms } }"]);
            format!("service_time: {time}{}", one(rng, &["", "", ", replicas: 2"]))
        };
        let _ = writeln!(text, "  {server}: {{ kind: server, workers: {workers}{queue}, {work} }}");
    }
    text.push_str("edges:\n");
    let (mut pairs, mut timeout) = (Vec::new(), 900);
    for pair in callers.windows(2) {
        let _ = writeln!(text, "{} }}", edge(rng, pair[0], pair[1], timeout));
        pairs.push((pair[0], pair[1]));
        timeout = timeout * 7 / 10;
    }
    let last = *callers.last().expect("the client");
    for (n, server) in servers.iter().enumerate() {
        let fallback =
            if n == 0 && servers.len() > 1 && rng.random_bool(0.4) { ", fallback: s1" } else { "" };
        let _ = writeln!(text, "{}{fallback} }}", edge(rng, last, server, timeout));
        pairs.push((last, server));
    }
    let load = one(
        rng,
        &[
            "rate: 20/s, arrivals: poisson",
            "rate: 60/s, arrivals: poisson",
            "rate: 200/s, arrivals: poisson",
            "users: 3, think_time: 50ms",
            "users: 20, think_time: 50ms",
        ],
    );
    let request = if let Some(api) = api {
        let stream = one(rng, &["", ", stream: true"]);
        format!("llm: {{ api: {api}, model: x, prompt_tokens: 50, max_tokens: 20{stream} }}")
    } else {
        format!("method: {}, body: {{ size: 50B }}", one(rng, &["POST", "GET", "PUT"]))
    };
    let _ = writeln!(text, "load:\n  - {{ from: client, {load}, request: {{ {request} }} }}");
    let _ = writeln!(
        text,
        "faults:\n  - {{ name: f0, {} }}",
        fault(rng, &pairs, callers, servers, api.is_some())
    );
    text
}

fn fault(
    rng: &mut Pcg64Mcg,
    pairs: &[(&str, &str)],
    callers: &[&str],
    servers: &[&str],
    models: bool,
) -> String {
    let (at, what) = match rng.random_range(0..100) {
        0..45 => {
            let (from, to) = pairs.choose(rng).expect("not empty");
            (format!("{from} -> {to}"), one(rng, EDGE_FAULTS))
        }
        45..55 if callers.len() > 1 => (one(rng, &callers[1..]).to_owned(), one(rng, GATEWAY_FAULTS)),
        55..85 if models => (one(rng, servers).to_owned(), one(rng, MODEL_FAULTS)),
        _ => {
            let nodes = [&callers[1..], servers].concat();
            (one(rng, &nodes).to_owned(), one(rng, NODE_FAULTS))
        }
    };
    let mut fault = format!("at: {at}, {what}");
    if is_state(what) {
        return fault + ", start: 500ms";
    }
    fault.push_str(match rng.random_range(0..10) {
        0..6 => one(rng, &[", probability: 5%", ", probability: 20%", ", probability: 50%"]),
        6 => one(rng, &[", first: 1", ", first: 2"]),
        7 => ", count: 20",
        _ => "",
    });
    if rng.random_bool(0.6) {
        fault.push_str(", start: 500ms");
        if rng.random_bool(0.5) && !what.contains("slow_start") {
            fault.push_str(", for: 400ms");
        }
    }
    fault
}

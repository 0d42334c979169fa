//! Both engines, side by side: what each side of each hop sees, by mechanism.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use sim::{Stop, des, live};
use topology::Failure;
use trace::{Attempt, HopId, Record, Served};

use crate::support::{Shared, scenario};

/// How many calls are compared.
const CALLS: u64 = 4;

/// A client, a gateway and a server, with one fault; and one call after another.
fn chain(server: &str, edge: &str, request: &str, fault: &str) -> String {
    format!(
        "
name: both
seed: 3
duration: 400ms
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway }}
  app: {{ kind: server, {server} }}
edges:
  - client -> gw: {{ timeout: 150ms, retry: {{ max_attempts: 2, when: [any], backoff: 1ms }} }}
  - gw -> app: {{ timeout: 90ms, connect_timeout: 40ms{edge} }}
load: [{{ from: client, users: 1, think_time: 40ms, request: {{ method: POST, body: {{ size: 50B }}{request} }} }}]
faults: [{fault}]
"
    )
}

/// A server that answers at once, behind a gateway.
fn plain(fault: &str) -> String {
    chain("service_time: 1ms, response: { body: 100B }", "", "", &format!("{{ {fault} }}"))
}

/// What became of a hop: everything but when.
#[derive(Debug, Default, PartialEq)]
struct Hop {
    caller: Option<String>,
    callee: Option<String>,
    idle_closed: bool,
}

fn caller_saw(attempt: &Attempt) -> String {
    let Attempt { edge, attempt: number, outcome, reset, reused, dialed, timeout, bytes, .. } = attempt;
    let Attempt { wrong_path, bad_credentials, ends_by_close, faults, parent, .. } = attempt;
    // How much of what is no HTTP is read before that is plain, is the socket's luck; and how much of a
    // head has come in time, the clock's.
    let by_luck = matches!(outcome.failure(), Some(Failure::ProtocolError | Failure::HeadTimeout));
    let bytes = if by_luck { &0 } else { bytes };
    format!(
        "{edge:?} #{number} under {parent} {outcome:?} reset {reset} reused {reused} to {dialed:?} within {timeout:?} \
         bytes {bytes} by close {ends_by_close} astray {wrong_path} {bad_credentials} {faults:?}"
    )
}

fn callee_saw(served: &Served) -> String {
    let Served { edge, status, source, sent, end, in_flight, queued, faults, started, .. } = served;
    let (started, Served { ruled, usage, .. }) = (started.is_some(), served);
    // How much of a bucket was used depends on the moment.
    let ruled = ruled.as_deref().map(|ruled| (ruled.consumer, ruled.refused_by, ruled.over.len()));
    format!(
        "{edge:?} {status:?} by {source:?} sent {sent:?} {end:?} started {started} {in_flight} {queued} {faults:?} {ruled:?} {usage:?}"
    )
}

/// The hops of the first calls, by call and identity.
fn hops(records: &[Record]) -> BTreeMap<(u64, HopId), Hop> {
    let mut hops: BTreeMap<(u64, HopId), Hop> = BTreeMap::new();
    for record in records {
        match record {
            Record::Attempt(a) if a.call.number() < CALLS => {
                hops.entry((a.call.number(), a.hop)).or_default().caller = Some(caller_saw(a));
            }
            Record::Served(s) if s.call.number() < CALLS => {
                hops.entry((s.call.number(), s.hop)).or_default().callee = Some(callee_saw(s));
            }
            Record::IdleClosed { call, hop } if call.number() < CALLS => {
                hops.entry((call.number(), *hop)).or_default().idle_closed = true;
            }
            _ => {}
        }
    }
    hops
}

fn lived(text: &str) -> BTreeMap<(u64, HopId), Hop> {
    // Where this machine was too busy, what happened is the machine's.
    let mut tries = 0;
    loop {
        let records = Shared::default();
        let (summary, _) = live::run(&scenario(text), &Stop::new(), records.clone(), |_| {}).unwrap();
        tries += 1;
        if summary.limited_by_machine.is_none() || tries == 8 {
            return hops(&records.0.lock().unwrap());
        }
    }
}

fn imagined(text: &str) -> BTreeMap<(u64, HopId), Hop> {
    let (_, records) = des::run(&scenario(text), &Stop::new(), Vec::new(), |_| {}).unwrap();
    hops(&records)
}

/// Where the engines differ, if they do.
fn differences(text: &str) -> Option<String> {
    let (live, imagined) = (lived(text), imagined(text));
    if live == imagined {
        return None;
    }
    let of = |hops: &BTreeMap<(u64, HopId), Hop>, key: &(u64, HopId)| {
        hops.get(key).map_or_else(|| "  (none)".to_owned(), |hop| format!("  {hop:#?}"))
    };
    let mut keys: Vec<_> = live.keys().chain(imagined.keys()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    let differing = keys.iter().filter(|key| live.get(key) != imagined.get(key));
    let told = differing.map(|key| {
        format!("call {} hop {}\n live{}\n virtual{}", key.0, key.1, of(&live, key), of(&imagined, key))
    });
    Some(format!("{text}\n{}", told.collect::<Vec<_>>().join("\n")))
}

/// One test at a time: each has a few runs at once, which mostly wait.
static TURN: Mutex<()> = Mutex::new(());

/// Holds all of these to be the same in both engines.
fn same(scenarios: &[String]) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(text) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if differences(text).is_some() {
                        wrong.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    // A machine that stalls spoils one run, a fault of ours each: once more, alone.
    let again = wrong.into_inner().unwrap();
    let wrong: Vec<_> = again.into_iter().filter_map(|text| differences(text)).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), scenarios.len(), wrong.join("\n\n"));
}

#[test]
fn on_an_edge_both_callers_see_the_same() {
    let mechanisms = [
        "network: down",
        "network: blackhole",
        "network: partition",
        "network: timeout",
        "network: reset_peer",
        "network: { reset_peer: { phase: mid_headers } }",
        "network: { reset_peer: { phase: mid_body } }",
        "network: empty_response",
        "network: { latency: { mean: 20ms } }",
        "network: { latency: { mean: 500ms } }",
        "network: { bandwidth: { rate: 4KB/s } }",
        "network: { bandwidth: { rate: 60B/s } }",
        "network: { slicer: { size: 20B, delay: 1ms } }",
        "network: { slicer: { size: 8B, delay: 150ms } }",
        "network: { slow_close: { delay: 10ms } }",
        "network: { slow_close: { delay: 2s } }",
        "network: { limit_data: { bytes: 0B } }",
        "network: { limit_data: { bytes: 40B } }",
        "network: { limit_data: { bytes: 150B } }",
        "network: { limit_data: { bytes: 10KB } }",
        "network: corrupt",
        "network: dns_failure",
        "config: wrong_port",
        "config: wrong_host",
        "config: tls_mismatch",
        "config: bad_certificate",
        "config: wrong_path",
        "config: bad_credentials",
        "config: { timeout_too_short: { timeout: 10ms } }",
        "config: { keepalive_race: { idle: 10ms } }",
        "config: { keepalive_race: { idle: 10s } }",
    ];
    let near = mechanisms.iter().map(|m| plain(&format!("at: gw -> app, {m}")));
    let far = mechanisms.iter().map(|m| plain(&format!("at: client -> gw, {m}")));
    same(&near.chain(far).collect::<Vec<_>>());
}

#[test]
fn a_callee_that_is_silent_for_too_long_is_given_up_alike() {
    let faults = [
        "",
        "{ at: gw -> app, network: timeout }",
        "{ at: gw -> app, network: blackhole }",
        "{ at: gw -> app, network: { latency: { mean: 120ms } } }",
        "{ at: gw -> app, network: { slicer: { size: 20B, delay: 15ms } } }",
        "{ at: gw -> app, network: { slicer: { size: 20B, delay: 300ms } } }",
        "{ at: gw -> app, network: { bandwidth: { rate: 600B/s } } }",
        "{ at: app, crash: hang }",
        "{ at: app, overload: { slow: { factor: 200 } } }",
        "{ at: gw -> app, config: { timeout_too_short: { timeout: 10ms } } }",
    ];
    let whole = "service_time: 1ms, response: { body: 100B }";
    let pieces = "service_time: 1ms, response: { body: 1KB, chunks: 20, chunk_interval: 15ms }";
    let stops = "service_time: 1ms, response: { body: 1KB, chunks: 3, chunk_interval: 300ms }";
    let servers = [whole, pieces, stops].into_iter().flat_map(|server| faults.map(|fault| (server, fault)));
    let patient = |(server, fault)| {
        chain(server, ", read_timeout: 80ms", "", fault)
            .replace("timeout: 150ms", "timeout: none, read_timeout: 180ms")
            .replace("timeout: 90ms", "timeout: none")
    };
    let scenarios: Vec<_> = servers.map(patient).collect();
    let shared: Vec<_> = [pieces, stops].map(|server| shared(&patient((server, "")))).into();
    same(&[scenarios, shared].concat());
}

#[test]
fn at_a_node_both_sides_see_the_same() {
    let mechanisms = [
        "overload: { slow: { factor: 20 } }",
        "overload: { slow: { factor: 500 } }",
        "overload: { cpu: { factor: 10 } }",
        "overload: queue_full",
        "overload: { rate_limit: { rate: 0.001/s, burst: 1 } }",
        "config: { header_limit: { limit: 100B } }",
        "config: { body_limit: { limit: 10B } }",
        "crash: { down: { restart_after: 10s } }, start: 20ms",
        "crash: panic",
        "crash: exception",
        "crash: hang",
        "crash: malformed_response",
        "crash: truncate",
    ];
    let app = mechanisms.iter().map(|m| plain(&format!("at: app, {m}")));
    let gateway = mechanisms.iter().map(|m| plain(&format!("at: gw, {m}")));
    let more = ["config: missing_route", "config: routing_loop"].map(|m| plain(&format!("at: gw, {m}")));
    same(&app.chain(gateway).chain(more).collect::<Vec<_>>());
}

/// The same chain with HTTP/2 on both edges.
fn shared(text: &str) -> String {
    text.replace("- client -> gw: {", "- client -> gw: { protocol: h2,")
        .replace("- gw -> app: {", "- gw -> app: { protocol: h2,")
}

#[test]
fn over_http_2_both_callers_see_the_same() {
    let mechanisms = [
        "network: down",
        "network: blackhole",
        "network: timeout",
        "network: reset_peer",
        "network: empty_response",
        "network: { latency: { mean: 20ms } }",
        "network: { latency: { mean: 500ms } }",
        "network: { reset_stream: { code: refused_stream } }",
        "network: reset_stream",
        "network: { reset_stream: { code: cancel } }",
        "network: { reset_stream: { phase: mid_body } }",
        "network: dns_failure",
        "config: goaway",
        "config: wrong_port",
        "config: wrong_host",
        "config: tls_mismatch",
        "config: bad_certificate",
        "config: wrong_path",
        "config: bad_credentials",
        "config: { timeout_too_short: { timeout: 10ms } }",
    ];
    let at_nodes = [
        "overload: { slow: { factor: 500 } }",
        "overload: queue_full",
        "overload: { rate_limit: { rate: 0.001/s, burst: 1 } }",
        "config: { header_limit: { limit: 100B } }",
        "config: { body_limit: { limit: 10B } }",
        "crash: { down: { restart_after: 10s } }, start: 20ms",
        "crash: panic",
        "crash: exception",
        "crash: hang",
        "crash: malformed_response",
        "crash: truncate",
    ];
    let edges = ["gw -> app", "client -> gw"].into_iter().flat_map(|at| mechanisms.map(|m| (at, m)));
    let nodes = ["app", "gw"].into_iter().flat_map(|at| at_nodes.map(|m| (at, m)));
    let plain = edges.chain(nodes).map(|(at, m)| shared(&plain(&format!("at: {at}, {m}"))));
    same(&plain.collect::<Vec<_>>());
}

#[test]
fn over_http_2_bodies_and_policies_are_the_same() {
    let pieces = "service_time: 1ms, response: { body: 1000B, chunks: 3, chunk_interval: 20ms }";
    let script = "script: [502, { status: 429, retry_after: 1s }, reset_peer, empty_response, 204, 200]";
    let faults = [
        "",
        "{ at: gw -> app, network: { reset_stream: { phase: mid_body } } }",
        "{ at: client -> gw, network: { reset_stream: { phase: mid_body } } }",
        "{ at: app, crash: truncate }",
        "{ at: app, crash: { down: { restart_after: 10s } }, start: 30ms }",
        "{ at: gw -> app, config: { timeout_too_short: { timeout: 30ms } } }",
        "{ at: client -> gw, config: { timeout_too_short: { timeout: 30ms } } }",
    ];
    let mixed = |edge: &str| {
        let text = chain(pieces, "", "", "{ at: gw, crash: truncate, probability: 50% }");
        text.replace(edge, &format!("{edge} protocol: h2,"))
    };
    let mut scenarios: Vec<_> = faults.iter().map(|fault| shared(&chain(pieces, "", "", fault))).collect();
    scenarios.extend(
        [
            chain(script, ", retry: { max_attempts: 6, when: [any, 5xx] }", "", ""),
            chain("service_time: 1ms", ", pool: { reuse: false }", "", ""),
            chain("service_time: 30ms, workers: 1", ", hedge: { after: 10ms, max_attempts: 2 }", "", ""),
            chain("service_time: 1ms", ", pool: { idle_timeout: 10ms }", "", ""),
            chain("service_time: 1ms", "", "", "").replace("POST, body: { size: 50B }", "HEAD"),
        ]
        .iter()
        .map(|text| shared(text)),
    );
    scenarios.extend(["- client -> gw: {", "- gw -> app: {"].map(mixed));
    same(&scenarios);
}

#[test]
fn a_process_that_dies_takes_what_is_inside_with_it() {
    let fault = "{ at: app, crash: { down: { restart_after: 10s } }, start: 30ms }";
    let slow = chain("service_time: 60ms", "", "", fault);
    let silent = chain("script: [timeout]", "", "", fault);
    let trickle =
        chain("service_time: 1ms, response: { body: 1KB, chunks: 20, chunk_interval: 10ms }", "", "", fault);
    let gateway = chain("service_time: 60ms", "", "", &fault.replace("app", "gw"));
    same(&[slow, silent, trickle, gateway]);
}

#[test]
fn bodies_in_pieces_are_passed_on_and_cut_the_same_way() {
    let server = "service_time: 1ms, response: { body: 1000B, chunks: 3, chunk_interval: 20ms }";
    let faults = [
        "",
        "{ at: gw -> app, network: { reset_peer: { phase: mid_body } } }",
        "{ at: client -> gw, network: { limit_data: { bytes: 700B } } }",
        "{ at: gw -> app, network: { limit_data: { bytes: 700B } } }",
        "{ at: gw -> app, network: { slow_close: { delay: 10ms } } }",
        "{ at: client -> gw, network: { slow_close: { delay: 10ms } } }",
        "{ at: app, crash: truncate }",
        "{ at: gw -> app, config: { timeout_too_short: { timeout: 30ms } } }",
        "{ at: client -> gw, config: { timeout_too_short: { timeout: 30ms } } }",
    ];
    let scenarios = faults.map(|fault| chain(server, "", "", fault));
    same(&scenarios);
}

#[test]
fn policies_meet_the_same() {
    let server = "script: [502, { status: 429, retry_after: 1s }, reset_peer, empty_response, 204, 200]";
    let slow = "service_time: 30ms, workers: 1";
    same(&[
        chain(server, ", retry: { max_attempts: 6, when: [any, 5xx] }", "", ""),
        chain(server, ", pool: { reuse: false }", "", ""),
        chain(server, "", ", priority: 9", ""),
        chain(slow, ", hedge: { after: 10ms, max_attempts: 2 }", "", ""),
        // (A deadline that is propagated runs out at both ends of an edge at once: which end is first
        // is the machine's, not the engine's.)
        chain(slow, "", "", "").replace("kind: gateway", "kind: gateway, deadline: 15ms"),
        chain("service_time: 1ms", ", pool: { idle_timeout: 10ms }", "", ""),
        chain("service_time: 1ms", "", "", "").replace("POST, body: { size: 50B }", "HEAD"),
        chain("service_time: 30ms, max_in_flight: 1", ", hedge: { after: 10ms, max_attempts: 2 }", "", ""),
    ]);
}

/// Work that goes on without its caller comes to an end, also at a node that would have passed an
/// answer on.
#[test]
fn work_for_nobody_ends_the_same_way() {
    let patient = |fault| {
        chain("service_time: 30ms", "", "", fault)
            .replace("kind: gateway", "kind: gateway, on_disconnect: continue")
            .replace("timeout: 150ms", "timeout: 10ms")
    };
    let scenarios = ["", "{ at: app, crash: exception, probability: 50% }"].map(patient);
    let ended = imagined(&scenarios[0]);
    assert!(ended.values().all(|hop| hop.callee.as_ref().is_some_and(|seen| seen.contains("Answered"))));
    same(&scenarios);
}

/// The virtual engine counts a request's bytes as the live one writes them: the same limit is met by
/// the same request.
#[test]
fn a_request_is_as_large() {
    let exact = |limit: u64| {
        let fault = format!("{{ at: app, config: {{ header_limit: {{ limit: {limit}B }} }} }}");
        chain(
            "service_time: 1ms",
            ", propagate_deadline: true",
            ", path: /a/b?c=d, headers: { x-y: z }",
            &fault,
        )
    };
    let refuses = |limit: u64| {
        let hops = imagined(&exact(limit));
        hops.values().any(|hop| hop.callee.as_ref().is_some_and(|callee| callee.contains("HeadTooLarge")))
    };
    let size = (1..2000).find(|&limit| !refuses(limit)).unwrap();
    assert!(size > 200, "{size}");
    same(&[exact(size - 1), exact(size)]);
}

/// A client, a gateway and a model server.
fn model(server: &str, edge: &str, ask: &str, fault: &str) -> String {
    let server = format!("llm: {{ completion_tokens: 4, prefill: 100000/s, decode: 50/s{server} }}");
    chain(&server, edge, "", fault)
        .replace("method: POST, body: { size: 50B }", &format!("llm: {{ model: gpt-x{ask} }}"))
}

#[test]
fn a_model_server_says_the_same() {
    same(&[
        model("", "", "", ""),
        model("", "", ", stream: true", ""),
        model("", "", ", stream: true, max_tokens: 1", ""),
        model("", "", ", max_tokens: 3, prompt_tokens: { uniform: { min: 1, max: 900 } }", ""),
        model("", "", ", stream: true", "{ at: gw -> app, network: { limit_data: { bytes: 1000B } } }"),
        model(
            "",
            "",
            ", stream: true",
            "{ at: gw -> app, config: { timeout_too_short: { timeout: 30ms } } }",
        ),
        model(
            "",
            "",
            ", stream: true",
            "{ at: client -> gw, config: { timeout_too_short: { timeout: 30ms } } }",
        ),
        model("", "", ", stream: true", "{ at: app, crash: { down: { restart_after: 10s } }, start: 30ms }"),
        model("", "", "", "{ at: app, overload: overloaded }"),
        model("", "", "", "{ at: gw -> app, config: bad_credentials }"),
        model("", "", "", "{ at: gw -> app, config: wrong_path }"),
        model(", context: 300", "", ", max_tokens: 101", ""),
        model(", requests_per_minute: 2", "", "", ""),
        model(", tokens_per_minute: 700", "", "", ""),
    ]);
}

#[test]
fn what_is_wrong_with_a_models_answer_is_the_same() {
    let mechanisms = [
        "overload: { slow_stream: { factor: 2 } }",
        "overload: { slow_stream: { factor: 20 } }",
        "config: { context_too_long: { limit: 100 } }",
        "crash: stream_error",
        "crash: stream_stall",
        "crash: stream_unterminated",
        "crash: truncated_json",
        "crash: truncate",
        "crash: hang",
        "crash: panic",
        "crash: exception",
    ];
    let fault = |mechanism: &&str| format!("{{ at: app, {mechanism} }}");
    let streams = mechanisms.iter().map(|m| model("", "", ", stream: true", &fault(m)));
    let whole = mechanisms.iter().map(|m| model("", "", "", &fault(m)));
    same(&streams.chain(whole).collect::<Vec<_>>());
}

#[test]
fn each_api_says_the_same() {
    let of = |api: &&str, ask: &str, fault: &str| {
        model(&format!(", api: {api}"), "", &format!(", api: {api}{ask}"), fault)
    };
    let apis = ["openai", "anthropic", "gemini", "mistral", "ollama", "dashscope"];
    let whole = apis.iter().map(|api| of(api, "", ""));
    let streams = apis.iter().map(|api| of(api, ", stream: true, max_tokens: 3", ""));
    let errors = apis.iter().map(|api| of(api, ", stream: true", "{ at: app, crash: stream_error }"));
    let ends = apis.iter().map(|api| of(api, ", stream: true", "{ at: app, crash: stream_unterminated }"));
    let refusals = apis.iter().map(|api| of(api, "", "{ at: app, overload: overloaded }"));
    let keys = apis.iter().map(|api| of(api, "", "{ at: gw -> app, config: bad_credentials }"));
    same(&whole.chain(streams).chain(errors).chain(ends).chain(refusals).chain(keys).collect::<Vec<_>>());
}

/// The same, where the gateway has these rules.
fn ruled(rules: &str, edge: &str, ask: &str) -> String {
    model(", price: { input: 1000, output: 2000 }", edge, ask, "")
        .replace("gw: { kind: gateway", &format!("gw: {{ kind: gateway, profile: litellm, {rules}"))
}

/// A gateway with a provider for each of two models, and a limit at each provider.
fn routed(model: &str) -> String {
    let provider =
        "{ kind: server, limits: [{ requests: 2/h }], llm: { completion_tokens: 4, decode: 1000/s } }";
    format!(
        "name: routed
duration: 400ms
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway, profile: litellm, calls: weighted }}
  gpt: {provider}
  llama-1: {provider}
  llama-2: {provider}
edges:
  - client -> gw
  - gw -> gpt: {{ models: [gpt-*] }}
  - gw -> llama-1: {{ models: [llama], weight: 3, breaker: {{ consecutive: 1, open_for: 10s }} }}
  - gw -> llama-2: {{ models: [llama, llama-*] }}
load: [{{ from: client, users: 1, think_time: 40ms, request: {{ llm: {{ model: {model} }} }} }}]
"
    )
}

#[test]
fn rules_decide_the_same() {
    let consumers = "consumers: { app: { key: sk-app, plan: gold }, old: { key: sk-old, expires: 1ns } }";
    let plan = |plan: &str| format!("plans: {{ gold: {{ {plan} }} }}, {consumers}");
    let app = ", key: sk-app";
    let scenarios = [
        ruled("limits: [{ requests: 2/h }]", "", ""),
        ruled("limits: [{ requests: 2/h, soft: true }, { name: more, requests: 3/h }]", "", ""),
        ruled("limits: [{ requests: 1/h, burst: 2 }]", "", ", stream: true"),
        ruled("limits: [{ tokens: 300/h }]", "", ""),
        ruled("limits: [{ tokens: 300/h }]", "", ", stream: true").replace("profile: litellm, ", ""),
        ruled("limits: [{ cost: 0.5/day }]", "", ""),
        ruled(&plan("models: [gpt-*], limits: [{ requests: 2/h }]"), "", app),
        ruled(&plan("models: [llama]"), "", app),
        ruled(&plan(""), "", ""),
        ruled(&plan(""), "", ", key: sk-none"),
        ruled(&plan(""), "", ", key: sk-old"),
        ruled(&plan("limits: [{ tokens: 300/h }]"), ", key: sk-provider", app),
        // Each caller's key is looked at by its callee.
        ruled(&plan("limits: [{ requests: 2/h }]"), ", key: sk-gw", app)
            .replace("kind: server, llm", "kind: server, consumers: { gw: sk-other }, llm"),
        ruled("cache: 50%, limits: [{ requests: 3/h }]", "", ", stream: true"),
        ruled("cache: 100%, limits: [{ tokens: 1/h }, { name: rpm, requests: 3/h }]", "", ""),
        ruled("", ", models: [claude-*, llama]", ""),
        routed("llama"),
        routed("gpt-x"),
        routed("claude"),
        chain(
            "service_time: 1ms, consumers: { gw: sk-gw }, limits: [{ requests: 2/h, by: consumer }]",
            ", key: sk-gw",
            ", headers: { x-api-key: sk-client, authorization: Bearer other }",
            "",
        ),
    ];
    let refused = |text: &String| {
        let hops = imagined(text);
        hops.values()
            .filter(|hop| hop.callee.as_ref().is_some_and(|seen| seen.contains("by Refused")))
            .count()
    };
    let unruly: Vec<_> = scenarios.iter().filter(|text| refused(text) == 0).collect();
    assert!(unruly.is_empty(), "nothing is refused: {unruly:#?}");
    same(&scenarios);
}

/// A gateway that has all of a response before it passes on any of it.
#[test]
fn what_is_kept_until_it_is_whole_is_the_same() {
    let buffers = |text: String, profile: &str| {
        text.replace("gw: { kind: gateway", &format!("gw: {{ kind: gateway, profile: {profile}"))
    };
    let faults = [
        "",
        "{ at: app, crash: exception, probability: 50% }",
        "{ at: gw -> app, network: { slow_close: { delay: 10ms } } }",
        "{ at: client -> gw, network: { limit_data: { bytes: 250B } } }",
        "{ at: client -> gw, network: { slicer: { size: 30B, delay: 1ms } } }",
    ];
    let server = "service_time: 1ms, response: { body: 100B, chunks: 3 }";
    let chains = faults.iter().map(|fault| buffers(chain(server, "", "", fault), "ibm-api-connect"));
    let heads = buffers(chain(server, "", "", ""), "portkey").replace("POST, body: { size: 50B }", "HEAD");
    let streams = ["ibm-api-connect", "litellm", "portkey"].map(|profile| {
        buffers(model("", "", ", stream: true", "{ at: app, crash: exception, probability: 50% }"), profile)
    });
    same(&chains.chain([heads]).chain(streams).collect::<Vec<_>>());
}

#[test]
fn failures_that_are_passed_over_or_caught_are_the_same() {
    let assembly = |catch: &str, stop_on: &str, fault: &str| {
        chain("service_time: 1ms", &format!(", stop_on: {stop_on}"), "", &format!("{{ {fault} }}"))
            .replace(
                "gw: { kind: gateway",
                &format!("last: {{ kind: server }}\n  gw: {{ kind: gateway, calls: [app, last]{catch}"),
            )
            .replace("load:", "  - gw -> last: { timeout: 90ms }\nload:")
    };
    let faults = [
        "at: app, crash: exception, probability: 50%",
        "at: gw -> app, network: reset_peer, probability: 50%",
        "at: gw -> last, network: reset_peer, probability: 50%",
        "at: last, crash: { truncate: {} }, probability: 50%",
    ];
    let each = faults.iter().flat_map(|fault| {
        ["", ", catch: 200", ", catch: 502", ", profile: ibm-api-connect, catch: 200"]
            .map(|catch| assembly(catch, "[transport]", fault))
    });
    same(&each.collect::<Vec<_>>());
}

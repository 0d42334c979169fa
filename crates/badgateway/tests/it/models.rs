//! Model servers: each of their failures is traced to its fault, also where the status was 200.

use std::fmt::Write as _;

use topology::llm::Api;
use topology::profile::Profile;

use crate::drawn::{check, figures, virtual_figures};

/// What goes wrong there, and whether only a stream can tell of it, or only a whole answer.
const FAULTS: &[(&str, Option<bool>)] = &[
    ("at: model, overload: { slow: { factor: 50 } }", None),
    ("at: model, overload: { slow_stream: { factor: 50 } }", None),
    ("at: model, overload: overloaded", None),
    ("at: model, overload: { rate_limit: { rate: 5/s, burst: 1 } }", None),
    ("at: model, config: { context_too_long: { limit: 50 } }", None),
    ("at: model, crash: stream_error", Some(true)),
    ("at: model, crash: stream_stall", Some(true)),
    ("at: model, crash: stream_unterminated", Some(true)),
    ("at: model, crash: truncated_json", Some(false)),
    ("at: model, crash: truncate", None),
    ("at: model, crash: exception", None),
    ("at: model, crash: panic", None),
    ("at: model, crash: hang", None),
    ("at: model, crash: { down: { restart_after: 100ms } }, start: 100ms", None),
    ("at: gw -> model, config: bad_credentials", None),
    ("at: gw -> model, config: wrong_path", None),
    ("at: gw -> model, config: { timeout_too_short: { timeout: 10ms } }", None),
    ("at: gw -> model, network: { reset_peer: { phase: mid_body } }", None),
    ("at: gw -> model, network: { limit_data: { bytes: 250B } }", None),
    ("at: gw -> model, network: timeout", None),
    ("at: client -> gw, network: { bandwidth: { rate: 400B/s } }", None),
];

/// A client of this API, a gateway of this product, a model server, a fault.
fn scenario(seed: usize, fault: &str, stream: bool) -> String {
    let api = Api::ALL[seed % Api::ALL.len()].name();
    let profile = Profile::ALL[seed % Profile::ALL.len()].name;
    let attempts = 1 + seed % 2;
    let mut text = format!(
        "name: models
seed: {seed}
duration: 500ms
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway, profile: {profile} }}
  model: {{ kind: server, llm: {{ api: {api}, completion_tokens: 8, prefill: 20000/s, decode: 400/s, slowdown: 0% }} }}
edges:
  - client -> gw: {{ timeout: 400ms, retry: {{ max_attempts: {attempts}, when: [any, 5xx], backoff: 1ms }} }}
  - gw -> model: {{ timeout: 150ms, connect_timeout: 60ms, retry: {{ max_attempts: 1 }} }}
load: [{{ from: client, rate: 40/s, request: {{ llm: {{ api: {api}, prompt_tokens: 100, stream: {stream} }} }} }}]
"
    );
    let share = ["50%", "100%"][seed / 2 % 2];
    let probability = if fault.contains("down") { String::new() } else { format!(", probability: {share}") };
    let _ = writeln!(text, "faults: [{{ {fault}{probability} }}]");
    text
}

fn hold(seeds: usize, figures: fn(&str) -> report::Figures) {
    let mut wrong = Vec::new();
    for (place, (fault, only)) in FAULTS.iter().enumerate() {
        for seed in 0..seeds {
            let stream = only.unwrap_or((seed + place) % 2 == 0);
            let text = scenario(place + seed, fault, stream);
            let figures = figures(&text);
            wrong.extend(check(&text, &figures));
            let failed: u64 = figures.strategies.iter().map(|s| s.calls - s.succeeded).sum();
            let masked: u64 = figures.faults.iter().map(|f| f.masked).sum();
            if failed + masked == 0 {
                wrong.push(format!("nothing failed:\n{text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_failure_of_a_model_is_traced_in_virtual_time() {
    hold(16, virtual_figures);
}

#[test]
fn every_failure_of_a_model_is_traced() {
    hold(1, figures);
}

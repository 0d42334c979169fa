//! Model servers: each of their failures is traced to its fault, also where the status was 200.

use std::fmt::Write as _;
use std::path::Path;

use topology::llm::Api;
use topology::profile::Profile;

use crate::drawn::{check, figures, virtual_figures};
use crate::support::{number, rows};
use crate::up::Up;

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

/// A gateway of this product and with these rules, and a provider of each API, which one model goes to.
fn routed(profile: &str, rules: &str) -> String {
    let mut text = format!(
        "name: routed
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway, profile: {profile}{rules} }}
"
    );
    for api in Api::ALL.map(Api::name) {
        let _ = writeln!(
            text,
            "  p-{api}: {{ kind: server, llm: {{ api: {api}, completion_tokens: 6, decode: 5000/s, price: {{ output: 1 }} }} }}"
        );
    }
    text.push_str("edges:\n  - client -> gw\n");
    for api in Api::ALL.map(Api::name) {
        let _ = writeln!(text, "  - gw -> p-{api}: {{ models: [of-{api}-*] }}");
    }
    text.push_str("load: [{ from: client, rate: 1/s }]\n");
    text
}

/// A client's own requests: a path, a body, and what the answer has.
const ASKED: [(&str, &str, &str); 8] = [
    ("/v1/chat/completions", r#"{"model":"of-openai-1","messages":[]}"#, "\"chat.completion\""),
    ("/v1/chat/completions", r#"{"model":"of-openai-1","stream":true,"messages":[]}"#, "data: [DONE]"),
    ("/v1/responses", r#"{"model":"of-openai-1","input":"x"}"#, "\"object\":\"response\""),
    ("/v1/messages", r#"{"model":"of-anthropic-1","max_tokens":9,"messages":[]}"#, "\"type\":\"message\""),
    ("/v1beta/models/of-gemini-1:generateContent", r#"{"contents":[]}"#, "\"candidates\""),
    ("/v1/chat/completions", r#"{"model":"of-mistral-1","messages":[]}"#, "\"choices\""),
    ("/api/chat", r#"{"model":"of-ollama-1","stream":false,"messages":[]}"#, "\"done\":true"),
    (
        "/api/v1/services/aigc/text-generation/generation",
        r#"{"model":"of-dashscope-1","input":{"messages":[]}}"#,
        "\"output\"",
    ),
];

/// How many requests each of the providers has got.
fn requests(run: &Path) -> [u64; 6] {
    let layers = rows(run, "layers.csv");
    Api::ALL.map(|api| {
        let name = format!("p-{}", api.name());
        layers.iter().find(|row| row["node"] == name).map_or(0, |row| number(row, "requests"))
    })
}

#[test]
fn a_clients_own_request_goes_where_its_model_is() {
    for profile in ["rfc9209", "litellm", "ibm-api-connect"] {
        let up = Up::start(&routed(profile, ", calls: round_robin"), &[]);
        for (path, body, has) in ASKED {
            let answer = up.post(path, body);
            assert!(answer.contains(has), "{profile} {path}: {answer}");
        }
        let counted = up.post("/v1/embeddings", r#"{"model":"of-openai-e","input":"x"}"#);
        assert!(counted.contains("\"embedding\""), "{counted}");
        up.post("/v1/chat/completions", r#"{"model":"nobodys","messages":[]}"#);
        let (_, folder) = up.end();
        let run = folder.path().join("run");
        let origins = rows(&run, "origins.csv");
        let told: Vec<_> = origins.iter().map(|row| (&*row["origin"], &*row["mechanism"])).collect();
        assert_eq!(told, [("gw", "unknown_model")], "{profile}");
        let got = requests(&run);
        assert_eq!(got, [4, 1, 1, 1, 1, 1], "{profile}");
    }
}

#[test]
fn what_a_clients_own_requests_take_counts() {
    let rules = ", calls: round_robin, limits: [{ name: budget, cost: 0.00001/day }]";
    let up = Up::start(&routed("litellm", rules), &[]);
    let (path, body, _) = ASKED[0];
    // Two answers of six tokens, each of which costs a millionth.
    let statuses = [(); 3].map(|()| up.curl(&["-d", body, &format!("URL{path}")]));
    assert_eq!(statuses, ["200 ", "200 ", "429 "]);
    let calls = up.calls();
    assert_eq!(calls[2]["mechanism"], "quota");
}

#[test]
fn an_answer_from_the_cache_has_the_providers_form() {
    let up = Up::start(&routed("kong", ", calls: round_robin, cache: 100%"), &[]);
    for (path, body, has) in ASKED {
        let answer = up.post(path, body);
        assert!(answer.contains(has), "{path}: {answer}");
    }
    let (_, folder) = up.end();
    assert_eq!(requests(&folder.path().join("run")), [0; 6], "nobody was asked");
}

//! What gateways and scripts make of the answers of model servers.

use sim::des;
use sim::live::Stop;
use topology::EdgeId;
use trace::{Outcome, Record};

use crate::support::scenario;

/// What the client got of each call: outcome, and bytes of the body.
fn got(text: &str) -> Vec<(Outcome, u64)> {
    let (_, records) = des::run(&scenario(text), &Stop::new(), Vec::new(), |_| {}).unwrap();
    let attempts = records.into_iter().filter_map(|record| match record {
        Record::Attempt(attempt) if attempt.edge == EdgeId(0) => Some((attempt.outcome, attempt.bytes)),
        _ => None,
    });
    attempts.collect()
}

fn chain(model: &str, calls: &str, script: &str) -> String {
    format!(
        "name: models\nduration: 500ms\nnodes:\n  client: {{ kind: client }}\n  \
         gateway: {{ kind: gateway, profile: envoy{calls} }}\n  \
         one: {{ kind: server{script}, llm: {{ completion_tokens: 30, decode: 10000/s, prefill: 1000000/s }} }}\n  \
         two: {{ kind: server{script}, llm: {{ completion_tokens: 30, decode: 10000/s, prefill: 1000000/s }} }}\nedges:\n  \
         - client -> gateway\n  - gateway -> one: {{ models: [alpha] }}\n  - gateway -> two: {{ models: [gamma] }}\n\
         load:\n  - {{ from: client, rate: 20/s, request: {{ llm: {{ model: {model}, prompt_tokens: 50, stream: true }} }} }}\n"
    )
}

/// Whichever of its edges a model is on, its answer is what the client gets.
#[test]
fn a_routed_answer_is_passed_on_over_any_edge() {
    for calls in ["", ", calls: parallel", ", calls: weighted"] {
        for model in ["alpha", "gamma"] {
            let got = got(&chain(model, calls, ""));
            // Thirty tokens as thirty events, not the gateway's own few words.
            let is_whole = |(outcome, bytes): &(Outcome, u64)| outcome.is_ok() && *bytes > 5000;
            assert!(got.len() > 5 && got.iter().all(is_whole), "{model}{calls}: {got:?}");
        }
    }
}

#[test]
fn a_script_says_the_status_of_a_completion() {
    let got = got(&chain("alpha", "", ", script: [201]"));
    assert!(
        got.len() > 5
            && got.iter().all(|(outcome, bytes)| *outcome == Outcome::Answered(201) && *bytes > 1000),
        "{got:?}"
    );
}

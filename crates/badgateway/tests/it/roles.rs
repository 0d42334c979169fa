//! Each rule at each gateway of a chain: what it refuses is traced to that gateway, and to the rule.

use crate::drawn::{check, figures, virtual_figures};

/// Rules, and what verdicts call what they refuse.
const RULES: &[(&str, &str, &str)] = &[
    ("limits: [{ name: rpm, requests: 12/h }]", "overload", "rate_limit"),
    ("limits: [{ name: rpm, requests: 12/h, burst: 3 }]", "overload", "rate_limit"),
    ("limits: [{ name: tpm, tokens: 2000/h }]", "overload", "rate_limit"),
    ("limits: [{ name: budget, cost: 1/day }]", "overload", "quota"),
    (
        "consumers: { app: { key: KEY, plan: p } }, plans: { p: { limits: [{ requests: 12/h }] } }",
        "overload",
        "rate_limit",
    ),
    ("consumers: { app: { key: KEY, plan: p } }, plans: { p: { models: [llama] } }", "config", "not_allowed"),
    ("consumers: { app: { key: KEY, expires: 300ms } }", "config", "bad_credentials"),
    ("consumers: { app: sk-other }", "config", "bad_credentials"),
    ("cache: 40%, limits: [{ requests: 12/h }]", "overload", "rate_limit"),
];

const PROFILES: [&str; 3] = ["apipark", "ibm-api-connect", "litellm"];

/// A client, three gateways and a model server. The gateway with this number has the rules; each presents a
/// key of its own.
fn chain(place: usize, rules: &str) -> String {
    let rules = rules.replace("KEY", &format!("sk-{place}"));
    let gateways = PROFILES.iter().enumerate().map(|(i, profile)| {
        let rules = if i == place { format!(", {rules}") } else { String::new() };
        format!("  g{i}: {{ kind: gateway, profile: {profile}{rules} }}\n")
    });
    format!(
        "name: roles
duration: 600ms
nodes:
  client: {{ kind: client }}
{}  app: {{ kind: server, workers: 64, llm: {{ completion_tokens: 20, decode: 10000/s, prefill: 1000000/s, price: {{ input: 100, output: 1000 }} }} }}
edges:
  - client -> g0: {{ timeout: 5s, key: sk-0 }}
  - g0 -> g1: {{ timeout: 4s, key: sk-1, retry: {{ max_attempts: 1 }} }}
  - g1 -> g2: {{ timeout: 3s, key: sk-2, retry: {{ max_attempts: 1 }} }}
  - g2 -> app: {{ timeout: 2s, retry: {{ max_attempts: 1 }} }}
load:
  - {{ from: client, rate: 60/s, request: {{ llm: {{ model: gpt-x, prompt_tokens: 100 }} }} }}
",
        gateways.collect::<String>()
    )
}

#[test]
fn a_model_that_nobody_serves_is_refused_where_it_is_routed() {
    for (place, edge) in ["g0 -> g1: { ", "g1 -> g2: { ", "g2 -> app: { "].into_iter().enumerate() {
        let text = chain(place, "limits: []").replace(edge, &format!("{edge}models: [llama-*], "));
        for figures in [figures(&text), virtual_figures(&text)] {
            assert!(check(&text, &figures).is_empty());
            let origins: Vec<_> = figures.origins.iter().map(|o| (&*o.origin, &*o.mechanism)).collect();
            assert_eq!(origins, [(&*format!("g{place}"), "unknown_model")], "{text}");
        }
    }
}

#[test]
fn every_rule_is_recognised_at_every_gateway() {
    for (i, (rules, cause, mechanism)) in RULES.iter().enumerate() {
        for place in 0..PROFILES.len() {
            let text = chain(place, rules);
            // Live, each rule at one of them.
            let live = (i % PROFILES.len() == place).then(|| figures(&text));
            for figures in live.into_iter().chain([virtual_figures(&text)]) {
                let wrong = check(&text, &figures);
                assert!(wrong.is_empty(), "{wrong:#?}");
                assert!(!figures.origins.is_empty(), "nothing was refused:\n{text}");
                for origin in &figures.origins {
                    let told = (&*origin.origin, &*origin.cause, &*origin.mechanism);
                    assert_eq!(told, (&*format!("g{place}"), *cause, *mechanism), "{text}");
                }
            }
        }
    }
}

//! Each rule at each gateway of a chain: what it refuses is traced to that gateway, and to the rule.

use std::process::Command;

use crate::drawn::{check, figures, virtual_figures};
use crate::support::root;
use crate::up::Up;

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

/// Asks twice with each of two keys, and says what was raised last, and what could be read of it.
const OPENAI: &str = r#"
import openai, sys
for key in ("sk-app", "sk-none"):
    client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key=key, max_retries=0)
    for _ in range(2):
        try:
            told = client.chat.completions.create(model="gpt-x", messages=[{"role": "user", "content": "x"}])
            last = ("nothing",)
        except openai.APIStatusError as error:
            words = error.body.get("message") if isinstance(error.body, dict) else error.body
            said = error.body.get("moreInformation") if isinstance(error.body, dict) else None
            last = (type(error).__name__, words or said, error.response.headers.get("x-ratelimit-limit"))
    print(*last, sep="; ")
"#;

#[test]
fn an_sdk_reads_the_errors_of_each_product() {
    let told = |profile: &str| {
        let rules = "limits: [{ name: rpm, requests: 1/h }], consumers: { app: sk-app }";
        let text = format!(
            "name: words
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway, profile: {profile}, {rules} }}
  app: {{ kind: server, llm: openai }}
edges: [client -> gw, gw -> app]
load: [{{ from: client, rate: 1/s }}]
"
        );
        let up = Up::start(&text, &[]);
        let python = root().join(".tools/venv/bin/python");
        let output = Command::new(python).args(["-c", OPENAI, up.url()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        up.end();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        told("litellm"),
        "RateLimitError; Rate limit exceeded: rpm, current limit 1/h, remaining 0.; None\n\
         AuthenticationError; Authentication Error, Invalid proxy server token passed.; None\n"
    );
    assert_eq!(
        told("ibm-api-connect"),
        "RateLimitError; Rate Limit exceeded; name=rpm,1;\nAuthenticationError; Invalid client id or secret.; None\n"
    );
    assert_eq!(
        told("kong"),
        "RateLimitError; API rate limit exceeded; None\nAuthenticationError; No API key found in request; None\n"
    );
    assert_eq!(
        told("apipark"),
        "PermissionDeniedError; Forbidden; None\nAuthenticationError; Unauthorized; None\n"
    );
}

/// Three invokes of an assembly, of which the second breaks; and its catch.
fn assembly(catch: &str, fault: &str) -> String {
    format!(
        "name: assembly
duration: 600ms
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway, profile: ibm-api-connect, calls: [oauth, data, model]{catch} }}
  oauth: {{ kind: server, service_time: 1ms }}
  data: {{ kind: server, service_time: 1ms }}
  model: {{ kind: server, service_time: 1ms }}
edges:
  - client -> gw: {{ timeout: 2s }}
  - gw -> oauth: {{ timeout: 1s }}
  - gw -> data: {{ timeout: 1s, stop_on: [transport] }}
  - gw -> model: {{ timeout: 1s }}
load: [{{ from: client, rate: 60/s }}]
faults: [{{ {fault}, probability: 50% }}]
"
    )
}

#[test]
fn a_failed_invoke_is_traced_to_its_step_and_a_swallowed_one_is_told() {
    for (fault, origin, stops) in [
        ("at: oauth, crash: exception", "oauth", true),
        ("at: gw -> oauth, config: bad_credentials", "gw -> oauth", true),
        ("at: data, crash: exception", "data", false),
        ("at: gw -> data, network: reset_peer", "gw -> data", true),
        ("at: model, crash: panic", "model", true),
    ] {
        for (catch, shows) in [("", true), (", catch: 502", true), (", catch: 200", false)] {
            let text = assembly(catch, fault);
            for figures in [figures(&text), virtual_figures(&text)] {
                let wrong = check(&text, &figures);
                assert!(wrong.is_empty(), "{wrong:#?}");
                let [told] = &figures.origins[..] else { panic!("{:?}", figures.origins) };
                assert_eq!(&*told.origin, origin, "{text}");
                assert_eq!(
                    (told.surfaced > 0, told.masked > 0),
                    (shows && stops, !(shows && stops)),
                    "{text}"
                );
                let gateway = figures.layers.iter().find(|layer| &*layer.node == "gw").unwrap();
                assert_eq!(gateway.absorbed, told.masked, "{text}");
            }
        }
    }
}

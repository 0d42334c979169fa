//! A scenario written out with all defaults is the same scenario.

use std::fmt::Write as _;

use insta::assert_snapshot;
use proptest::prelude::*;
use topology::Scenario;

#[track_caller]
fn parse(text: &str) -> Scenario {
    Scenario::parse(text, "test.yaml").unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// All that a scenario means, without the file that it came from.
fn meaning(scenario: &Scenario) -> String {
    let Scenario { name, description, seed, duration, warmup, strategy, .. } = scenario;
    let mut text = format!("{name:?} {description:?} {seed} {duration:?} {warmup:?} {strategy:?}\n");
    for (id, node) in scenario.topology.nodes() {
        writeln!(text, "{id:?} {node:?}").unwrap();
    }
    for (id, edge) in scenario.topology.edges() {
        writeln!(text, "{} {edge:?}", scenario.topology.edge_name(id)).unwrap();
    }
    let Scenario { loads, faults, strategies, thresholds, .. } = scenario;
    writeln!(text, "{loads:#?} {faults:#?} {strategies:#?} {thresholds:#?}").unwrap();
    text
}

#[track_caller]
fn check(text: &str) {
    let scenario = parse(text);
    let again = parse(&scenario.to_yaml());
    assert_eq!(scenario.to_yaml(), again.to_yaml());
    assert_eq!(meaning(&scenario), meaning(&again));
}

#[test]
fn every_default_is_written_out() {
    assert_snapshot!(parse(include_str!("scenarios/design.yaml")).to_yaml());
}

#[test]
fn design() {
    check(include_str!("scenarios/design.yaml"));
}

#[test]
fn everything() {
    check(include_str!("scenarios/everything.yaml"));
}

#[test]
fn a_long_chain_in_one_line() {
    let names: Vec<String> = (0..300).map(|i| format!("node-number-{i}")).collect();
    let mut text = "name: x\nnodes:\n  c: { kind: client }\n  last: { kind: server }\n".to_owned();
    for name in &names {
        writeln!(text, "  {name}: {{ kind: gateway }}").unwrap();
    }
    write!(text, "edges:\n  - c -> {} -> last\nload: [{{ users: 1 }}]\n", names.join(" -> ")).unwrap();
    check(&text);
}

#[test]
fn texts_that_look_like_something_else() {
    for text in [
        "5",
        "true",
        "null",
        "~",
        "- a",
        "a: b",
        "# no",
        "",
        " ",
        "\"",
        "'",
        "\u{1b}",
        "\n",
        "é\t日本",
        "0x10",
        "1e3",
        "none",
        "yes",
        "=",
        "<<",
        "!x",
        "&a",
        "*a",
        "%",
    ] {
        let quoted = serde_json::to_string(text).unwrap();
        let scenario = parse(&format!(
            "name: x\ndescription: {quoted}\nnodes: {{ c: {{ kind: client }}, \"5\": {{ kind: server }} }}\nedges: [c -> 5]\nload: [{{ users: 1, request: {{ body: {quoted} }} }}]"
        ));
        assert_eq!(scenario.description, text);
        let again = parse(&scenario.to_yaml());
        assert_eq!(
            (again.description.as_str(), &again.loads[0].request.body),
            (text, &scenario.loads[0].request.body)
        );
    }
}

fn one_of(options: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(options).prop_map(str::to_owned)
}

/// Some of the options, as the inside of a mapping.
fn some_of(options: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::subsequence(options, 0..=options.len()).prop_map(|chosen| chosen.join(", "))
}

fn duration() -> impl Strategy<Value = String> {
    (1..5000_u32, prop::sample::select(vec!["ns", "us", "ms", "s", "m"])).prop_map(|(n, unit)| match unit {
        "m" => format!("{}m", n % 60 + 1),
        unit => format!("{n}{unit}"),
    })
}

fn node_options() -> impl Strategy<Value = String> {
    let some = some_of(&[
        "profile: nginx",
        "queue: 7",
        "max_in_flight: 9",
        "on_disconnect: cancel",
        "deadline: 3s",
        "keep_alive: 1s",
        "response: { status: 204, body: 0 }",
        "header_limit: 1KiB",
        "body_limit: 5MB",
        "workers: none",
        "replicas: 2",
    ]);
    (some, duration()).prop_map(|(some, time)| format!("service_time: {time}, {some}"))
}

fn edge_options() -> impl Strategy<Value = String> {
    let some = some_of(&[
        "connect_timeout: 1s",
        "deadline: none",
        "optional: true",
        "path: /a",
        "weight: 4",
        "balance: weighted",
        "pool: { reuse: false }",
        "retry: { max_attempts: 3, when: [connect, 5xx, 429], backoff: { linear: { base: 1ms } } }",
    ]);
    (some, duration()).prop_map(|(some, time)| format!("timeout: {time}, {some}"))
}

fn fault() -> impl Strategy<Value = String> {
    let what = one_of(&[
        "at: s, crash: panic",
        "at: s, crash: { truncate: }",
        "at: g -> s, network: { latency: { mean: 1ms } }",
        "at: g, network: slicer",
        "at: g, config: routing_loop",
        "at: [g, s], overload: { slow: { factor: 2.5 } }",
        "at: c -> g, config: wrong_port",
        "at: s, overload: { rate_limit: { rate: 0.3/s } }",
    ]);
    let when = some_of(&[
        "start: 1s",
        "every: 3s, for: 500ms",
        "probability: 1.5%",
        "first: 2",
        "count: 9",
        "match: { method: GET }",
    ]);
    (what, when).prop_map(|(what, when)| format!("  - {{ {what}, {when} }}\n"))
}

fn scenario() -> impl Strategy<Value = String> {
    let load = one_of(&[
        "rate: 0.1/s",
        "rate: 30/m, arrivals: poisson",
        "users: 3",
        "users: 1, think_time: { exponential: { mean: 1s } }",
        "stages: [{ to: 9.75/s, for: 1s }, { rate: 0/s, for: 1ms }]",
        "rate: 1, request: { headers: { a: b }, body: x }",
    ]);
    let strategies = some_of(&[
        "a: {}",
        "b: { preset: python-requests-loop }",
        "d: { timeout: 1s, retry: { max_attempts: 2, budget: 1% } }",
    ]);
    (node_options(), node_options(), edge_options(), edge_options(), load, prop::collection::vec(fault(), 0..6), strategies, any::<u64>())
        .prop_map(|(g, s, first, second, load, faults, strategies, seed)| {
            format!(
                "name: generated\nseed: {seed}\nnodes:\n  c: {{ kind: client }}\n  g: {{ kind: gateway, {g} }}\n  s: {{ kind: server, {s} }}\nedges:\n  - c -> g: {{ {first} }}\n  - g -> s: {{ {second} }}\nload: [{{ {load} }}]\nfaults:\n{}strategies: {{ {strategies} }}\n",
                faults.concat()
            )
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_scenario(text in scenario()) {
        check(&text);
    }
}

#[test]
fn programs() {
    let text = "name: x
nodes:
  c: { kind: client }
  a: { kind: external, command: 'prog \"two words\" {{listen.port}} {{upstreams.b}}', config: \"x\\ny {{dir}}\\n\" }
  b: { kind: external, command: [prog, '{{config}}', '{{listen}}', '{{upstreams.s}}'], config: { file: Cargo.toml }, profile: nginx, ready: /up }
  s: { kind: server }
  u: { kind: external, url: 'http://localhost:8080/' }
edges: [c -> a -> b, b -> s: { timeout: 1s }, c -> u]
load: [{ rate: 1/s }]
";
    check(text);
    let written = parse(text).to_yaml();
    assert!(
        written.contains("name = \"topology\"") && !written.contains(" file:"),
        "it stands by itself: {written}"
    );
    assert_eq!(parse(text).simulated().map(|_| ()), Err("a".to_owned()));
}

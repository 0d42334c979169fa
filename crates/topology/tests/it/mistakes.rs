//! What people get wrong, and what they are told.

use insta::assert_snapshot;
use topology::Scenario;

const GOOD: &str = "\
name: shop
duration: 20s
nodes:
  client: { kind: client }
  gateway: { kind: gateway }
  app: { kind: server, workers: 8 }
edges:
  - client -> gateway
  - gateway -> app: { timeout: 2s }
load:
  - { from: client, rate: 100/s }
faults:
  - { at: app, crash: down, start: 5s }
strategies:
  none: {}
thresholds:
  - success_rate >= 99%
";

/// The problems of a text.
fn problems(text: &str) -> String {
    match Scenario::parse(text, "shop.yaml") {
        Ok(_) => panic!("this is good:\n{text}"),
        Err(problems) => problems.to_string(),
    }
}

/// The problems of the good scenario with some parts replaced.
#[track_caller]
fn replaced(parts: &[(&str, &str)]) -> String {
    let mut text = GOOD.to_owned();
    for (old, new) in parts {
        assert!(text.contains(old), "`{old}` is not in the scenario");
        text = text.replace(old, new);
    }
    problems(&text)
}

/// The problems of the good scenario with another fault.
fn with_fault(fault: &str) -> String {
    replaced(&[("{ at: app, crash: down, start: 5s }", fault)])
}

#[test]
fn the_example_is_good() {
    assert!(Scenario::parse(GOOD, "shop.yaml").is_ok());
}

#[test]
fn unknown_key() {
    assert_snapshot!(replaced(&[("workers: 8", "worker: 8"), ("duration", "durations")]));
}

#[test]
fn wrong_units() {
    assert_snapshot!(replaced(&[
        ("20s", "20"),
        ("timeout: 2s", "timeout: 2sec"),
        ("100/s", "100/d"),
        ("workers: 8", "workers: -8, header_limit: 16Kb, service_time: 5"),
        ("start: 5s", "start: 5s, probability: 200%"),
    ]));
}

#[test]
fn wrong_types() {
    assert_snapshot!(replaced(&[
        ("name: shop", "name: 5"),
        ("workers: 8", "workers: many, queue: [1], service_time: [], calls: {}"),
        ("timeout: 2s", "timeout: , retry: 3, optional: maybe"),
        ("  none: {}", "  none: 5"),
    ]));
}

#[test]
fn numbers_beyond_all_bounds() {
    assert_snapshot!(replaced(&[
        ("workers: 8", "workers: 1e99, queue: 99999999999999999999, replicas: 0, max_in_flight: .nan"),
        (
            "timeout: 2s",
            "timeout: 0s, retry: { max_attempts: 0, backoff: { exponential: { base: 1s, factor: .inf } } }"
        ),
        ("100/s", "1e9"),
    ]));
}

#[test]
fn unknown_node_in_an_edge() {
    assert_snapshot!(replaced(&[
        ("gateway -> app:", "gatway -> app:"),
        ("client -> gateway\n", "client -> proxy -> app\n")
    ]));
}

#[test]
fn edges_that_cannot_be() {
    assert_snapshot!(replaced(&[(
        "  - client -> gateway\n",
        "  - client -> gateway -> gateway\n  - client => app\n  - app -> client\n  - client -> gateway\n  - client ->\n"
    )]));
}

#[test]
fn options_beside_the_edge() {
    assert_snapshot!(replaced(&[("gateway -> app: { timeout: 2s }", "gateway -> app:\n    timeout: 2s")]));
}

#[test]
fn a_cycle() {
    assert_snapshot!(replaced(&[
        ("timeout: 2s }", "timeout: 2s }\n  - app -> other -> gateway"),
        ("  app:", "  other: { kind: server }\n  app:")
    ]));
}

#[test]
fn nodes_without_a_part() {
    assert_snapshot!(replaced(&[(
        "  app:",
        "  idle: { kind: client, workers: 3 }\n  lost: { kind: server }\n  stuck: { kind: gateway, script: [200] }\n  app:"
    )]));
}

#[test]
fn missing_parts() {
    assert_snapshot!(problems("description: nothing yet\nnodes:\n  app: { workers: 3 }\n  client:\n"));
}

#[test]
fn nothing_but_the_wrong_nodes() {
    assert_snapshot!(problems("name: x\nnodes: [client, app]\nedges: [client -> ap, 5]\nload: {}\n"));
}

#[test]
fn not_there_yet() {
    assert_snapshot!(replaced(&[("workers: 8", "api: openapi.yaml")]));
}

#[test]
fn a_mechanism_of_another_cause() {
    assert_snapshot!(with_fault(
        "{ at: app, network: exception }\n  - { at: app, crash: panik }\n  - { at: app, network: latency }\n  - { at: app, crash: { down: { restart: 1s } } }"
    ));
}

#[test]
fn faults_without_one_cause() {
    assert_snapshot!(with_fault(
        "{ at: app }\n  - { at: app, network: down, crash: panic }\n  - { crash: panic }"
    ));
}

#[test]
fn faults_that_can_never_match() {
    assert_snapshot!(with_fault(
        "{ at: app, crash: panic, start: 30s }
  - { at: app, crash: panic, probability: 0 }
  - { at: app, crash: panic, first: 0, count: 0 }
  - { at: client, network: reset_peer }
  - { at: gateway -> app, overload: slow }
  - { at: app -> gateway, network: down }
  - { at: app#2, crash: panic }
  - { at: ap, crash: panic, start: 5s, stop: 4s }
  - { at: app, config: routing_loop }
  - { at: app, crash: panic, match: { client: gateway, path_prefix: v1 } }"
    ));
}

#[test]
fn schedules_that_make_no_sense() {
    assert_snapshot!(with_fault(
        "{ at: app, crash: panic, every: 5s }
  - { at: app, crash: panic, every: 5s, for: 6s }
  - { at: app, crash: down, every: 5s, for: 3s }
  - { at: app, overload: { surge: { rate: 5/s } }, probability: 5%, first: 1 }
  - { name: x, at: app, crash: panic, every: 0s, for: 0s }
  - { name: x, at: app, overload: { slow: { factor: .nan } } }
  - { at: app, overload: { cpu: { threads: 65 } } }"
    ));
}

#[test]
fn loads_that_make_no_sense() {
    assert_snapshot!(replaced(&[(
        "  - { from: client, rate: 100/s }",
        "  - { from: client, rate: 100/s, users: 5 }
  - { from: app, rate: 0/s }
  - { rate: 5/s, think_time: 1s, start: 1h }
  - { from: cleint, users: 1000000, arrivals: poisson }
  - {}
  - { rate: 1/s, stages: [{ for: 0s }, { to: 5/s, rate: 1/s, for: 1s }] }
  - { rate: 1/s, request: { method: get, path: x y, headers: { \"a b\": x, Content-Length: \"5\" } } }"
    )]));
}

#[test]
fn names_and_words() {
    assert_snapshot!(replaced(&[
        ("kind: gateway", "kind: gateway, profile: ngnix"),
        ("kind: server", "kind: sever"),
        (
            "none: {}",
            "none: { preset: tenacity }\n  b: { retry: { max_attempts: 2, when: [600, conect, 5xx] } }\nstrategy: none"
        ),
    ]));
}

#[test]
fn node_names() {
    assert_snapshot!(replaced(&[(
        "  app:",
        "  a b: { kind: server }\n  'x#1': { kind: server }\n  '': { kind: server }\n  app:"
    )]));
}

#[test]
fn calls_that_do_not_fit_the_edges() {
    assert_snapshot!(replaced(&[(
        "kind: gateway",
        "kind: gateway, calls: [{ parallel: [ap, {}] }, { weighted: { app: 0 } }, { paralel: [app] }]"
    ),]));
    assert_snapshot!(replaced(&[("kind: gateway", "kind: gateway, calls: [{ weighted: { ap: 0 } }]")]));
}

#[test]
fn thresholds() {
    assert_snapshot!(replaced(&[(
        "  - success_rate >= 99%",
        "  - success_rat >= 99%\n  - p(99) < 800\n  - p(100) < 800ms\n  - goodput = 5\n  - failed < 1.5\n  - amplification > x\n  - max"
    )]));
}

#[test]
fn duplicate_keys() {
    assert_snapshot!(replaced(&[("  app:", "  gateway: { kind: server, kind: client }\n  app:")]));
}

#[test]
fn broken_yaml() {
    assert_snapshot!(problems("name: x\nnodes:\n\tclient: {}\n"));
    assert_snapshot!(problems("name: x\nnodes: { client: { kind: client }\nedges: []\n"));
    assert_snapshot!(problems("name: !!python/object:os.system x\n"));
    assert_snapshot!(problems("name: x\n---\nname: y\n"));
    assert_snapshot!(problems("a: &a [*a]\n"));
    assert_snapshot!(problems("{ [a]: b }\n"));
}

#[test]
fn no_scenario_at_all() {
    assert_snapshot!(problems(""));
    assert_snapshot!(problems("- 1\n- 2\n"));
    assert_snapshot!(problems("hello"));
}

#[test]
fn long_lines_are_cut() {
    let filler = "x".repeat(5000);
    assert_snapshot!(problems(&format!("{{ name: a, description: {filler}, sed: 5, tail: {filler} }}")));
}

#[test]
fn run_settings() {
    assert_snapshot!(replaced(&[("name: shop", "name: ../shop\nwarmup: 30s\nseed: -1")]));
}

#[test]
fn no_warm_up_is_found_where_something_comes_and_goes() {
    for (text, told) in [
        ("faults: [{ name: late, at: app, crash: panic, start: 1s }]", "the fault `late` comes or goes"),
        ("faults: [{ name: few, at: app, crash: panic, count: 3 }]", "the fault `few` comes or goes"),
        ("faults: [{ name: out, at: app, crash: down }]", "the fault `out` comes or goes"),
        ("duration: 1m", "the load changes"),
    ] {
        let text = format!(
            "name: x\nwarmup: auto\nnodes: {{ c: {{ kind: client }}, app: {{ kind: server }} }}\nedges: [c -> app]\n\
             load: [{{ rate: 1/s{} }}]\n{text}\n",
            if text.starts_with("duration") { ", stop: 30s" } else { "" }
        );
        let found = problems(&text);
        assert!(found.contains(told) && found.contains("warmup: auto"), "{found}");
    }
}

#[test]
fn overrides() {
    let set = |path: &str, value: &str| (path.to_owned(), value.to_owned());
    let overrides = [
        set("load[3].rate", "5/s"),
        set("load.rate", "5/s"),
        set("nodes.app.wrokers", "5"),
        set("nodez.app.workers", "5"),
        set("duration", "5"),
        set("duration.x", "5"),
        set("faults[nope].start", "5s"),
        set("edges[client->gateway].timeot", "5s"),
        set("seed", "[1"),
        set("a..b", "1"),
    ];
    assert_snapshot!(Scenario::parse_with(GOOD, "shop.yaml", &overrides).expect_err("all are wrong"));
}

#[test]
fn colours_are_only_added() {
    let problems = Scenario::parse("name: x\nsed: 5\n", "shop.yaml").expect_err("it is not whole");
    let colored = problems.render(true);
    assert!(colored.contains("\x1b[1;31m"));
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    assert_eq!(plain, problems.render(false));
}

const PROGRAM: &str = "\
name: shop
nodes:
  client: { kind: client }
  gw: { kind: external, command: 'prog -l {{listen}} -u {{upstreams.app}}' }
  app: { kind: server }
edges:
  - client -> gw
  - gw -> app
load: [{ from: client, rate: 1/s }]
faults:
  - { at: gw, crash: down }
";

/// The problems of a scenario with a program, some parts replaced.
#[track_caller]
fn with_program(parts: &[(&str, &str)]) -> String {
    let text = parts.iter().fold(PROGRAM.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "`{old}` is not in the scenario");
        text.replace(old, new)
    });
    problems(&text)
}

#[test]
fn a_program_that_is_none() {
    assert!(Scenario::parse(PROGRAM, "shop.yaml").is_ok());
    let command = "command: 'prog -l {{listen}} -u {{upstreams.app}}'";
    assert_snapshot!(with_program(&[(command, "workers: 3, deadline: 1s")]));
    assert_snapshot!(with_program(&[(command, "command: prog, url: 'http://127.0.0.1:80'")]));
    assert_snapshot!(with_program(&[(command, "url: 'https://host:1/x', config: a.conf")]));
    assert_snapshot!(with_program(&[("kind: server", "kind: server, command: x, ready: 1s")]));
    assert_snapshot!(with_program(&[("prog -l", "prog {{config}} -l")]));
    assert_snapshot!(with_program(&[("}}'", "}}', config: nowhere.conf, ready: { path: x, within: 0s }")]));
}

#[test]
fn a_program_that_is_not_told_enough() {
    assert_snapshot!(with_program(&[("-l {{listen}}", "-l {{listn}}")]));
    assert_snapshot!(with_program(&[("-l {{listen}}", "")]));
    assert_snapshot!(with_program(&[("-u {{upstreams.app}}", "")]));
    assert_snapshot!(with_program(&[("{{upstreams.app}}", "{{upstreams.ap.port}} {{upstreams.app}}")]));
    assert_snapshot!(with_program(&[("kind: server", "kind: server, replicas: 2")]));
}

#[test]
fn what_is_the_programs_own_affair() {
    assert_snapshot!(with_program(&[("  - gw -> app", "  - gw -> app: { timeout: 1s, weight: 2 }")]));
    assert_snapshot!(with_program(&[("at: gw, crash: down", "at: gw, crash: exception")]));
    assert_snapshot!(with_program(&[("at: gw, crash: down", "at: gw -> app, config: wrong_port")]));
    assert_snapshot!(with_program(&[(
        "at: gw, crash: down",
        "at: gw -> app, network: down, probability: 5%"
    )]));
    let running = ("command: 'prog -l {{listen}} -u {{upstreams.app}}'", "url: 'http://127.0.0.1:80'");
    assert_snapshot!(with_program(&[running]));
}

#[test]
fn rules_that_cannot_be_meant() {
    let rules = "kind: gateway, plans: { gold: { models: ['*x'], limits: [{ requests: 0/min, by: consumer }] } }, \
        consumers: { a: { key: k, plan: silver }, b: k, c: { key: 'a b' } }, limits: [{ requests: 10/min }, \
        { requests: 5/s }, { tokens: 5/min, cost: 1/day }, { name: nothing }]";
    assert_snapshot!(replaced(&[("kind: gateway", rules)]));
    let shapes = "kind: gateway, limits: [{ requests: 100 }, { requests: 5/week }, { request: 5/s }]";
    assert_snapshot!(replaced(&[("kind: gateway", shapes)]));
    let alone = "kind: gateway, plans: { gold: {} }, limits: [{ requests: 10/min, by: consumer }]";
    assert_snapshot!(replaced(&[
        ("kind: gateway", alone),
        ("kind: client", "kind: client, consumers: { a: k }")
    ]));
}

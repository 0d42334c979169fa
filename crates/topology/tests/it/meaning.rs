//! What the parts of a scenario mean.

use std::time::Duration;

use topology::load::Arrivals;
use topology::node::{Balance, NodeKind, OnDisconnect, Plan, ScriptStep};
use topology::policy::Curve;
use topology::scenario::{Comparison, Metric};
use topology::wire::Close;
use topology::{Failure, Fault, Scenario, Target, Topology};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[track_caller]
fn parse(text: &str) -> Scenario {
    Scenario::parse(text, "test.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}

#[track_caller]
fn with_faults(faults: &str) -> Scenario {
    parse(&format!(
        "name: x\nduration: 20s\nnodes:\n  c: {{ kind: client }}\n  front: {{ kind: gateway }}\n  gw: {{ kind: gateway }}\n  app: {{ kind: server, replicas: 2 }}\nedges: [c -> front -> gw -> app]\nload: [{{ rate: 1/s }}]\nfaults:\n{faults}"
    ))
}

fn plan(topology: &Topology, node: &str) -> String {
    let Plan { stages } = &topology.node(topology.find(node).unwrap()).plan;
    let call = |choice: &topology::node::Choice| {
        let to = choice.edges.iter().map(|(edge, weight)| {
            let name = &topology.node(topology.ends(*edge).1).name;
            if *weight == 1 { name.clone() } else { format!("{name}*{weight}") }
        });
        let to: Vec<String> = to.collect();
        let sign = match choice.balance {
            Balance::RoundRobin => "|",
            Balance::Weighted => "?",
            Balance::LeastInFlight => "<",
        };
        to.join(sign)
    };
    let stage = |calls: &[topology::node::Choice]| calls.iter().map(call).collect::<Vec<_>>().join(" & ");
    stages.iter().map(|s| stage(&s.calls)).collect::<Vec<_>>().join(", then ")
}

fn targets(scenario: &Scenario, fault: &Fault) -> Vec<String> {
    let name = |target: &Target| match *target {
        Target::Node(node) => scenario.topology.node(node).name.clone(),
        Target::Edge(edge) => scenario.topology.edge_name(edge),
    };
    fault.targets.iter().map(name).collect()
}

fn edges(scenario: &Scenario, fault: &Fault) -> Vec<String> {
    fault.edges.iter().map(|edge| scenario.topology.edge_name(*edge)).collect()
}

#[test]
fn defaults() {
    let scenario = with_faults("");
    assert_eq!((scenario.seed, scenario.warmup), (1, Duration::ZERO));
    let topology = &scenario.topology;
    let gateway = topology.node(topology.find("gw").unwrap());
    assert_eq!((gateway.workers, gateway.queue, gateway.on_disconnect), (None, 1024, OnDisconnect::Cancel));
    assert!(gateway.service_time.is_zero());
    let server = topology.node(topology.find("app#2").unwrap());
    assert_eq!(
        (server.workers, server.queue, server.on_disconnect),
        (Some(64), 1024, OnDisconnect::Continue)
    );
    assert_eq!(server.service_time.mean(), MS(5));
    assert_eq!(server.declared_name, "app");
    let (_, edge) = topology.edges().next().unwrap();
    assert_eq!((edge.policy.timeout, edge.policy.connect_timeout), (Some(MS(30_000)), MS(5_000)));
    assert_eq!(edge.policy.retry.max_attempts, 1);
    assert!(edge.policy.retry.when.outcomes.has_failure(Failure::BodyTimeout));
    assert!(!edge.policy.retry.when.outcomes.has_failure(Failure::Cancelled));
}

#[test]
fn plans() {
    let scenario = |calls: &str| {
        parse(&format!(
            "name: x\nnodes:\n  c: {{ kind: client }}\n  gw: {{ kind: gateway, calls: {calls} }}\n  a: {{ kind: server }}\n  b: {{ kind: server, replicas: 2 }}\n  d: {{ kind: server }}\nedges:\n  - c -> gw\n  - gw -> a: {{ weight: 3 }}\n  - gw -> b: {{ balance: least_in_flight }}\n  - gw -> d\nload: [{{ users: 1 }}]"
        ))
    };
    for (calls, expected) in [
        ("sequential", "a*3, then b#1<b#2, then d"),
        ("parallel", "a*3 & b#1<b#2 & d"),
        ("weighted", "a*3?b#1?b#2?d"),
        ("round_robin", "a*3|b#1|b#2|d"),
        ("[d, { parallel: [b, { round_robin: [a, d] }] }]", "d, then b#1<b#2 & a*3|d"),
        ("[{ weighted: { a: 1, b: 5, d: 2 } }]", "a?b#1*5?b#2*5?d*2"),
        ("[{ least_in_flight: [a, b, d] }, a]", "a*3<b#1<b#2<d, then a*3"),
    ] {
        assert_eq!(plan(&scenario(calls).topology, "gw"), expected, "{calls}");
    }
}

#[test]
fn replicas_call_all_replicas() {
    let scenario = parse(
        "name: x\nnodes: { c: { kind: client }, g: { kind: gateway, replicas: 2 }, s: { kind: server, replicas: 3 } }\nedges: [c -> g -> s]\nload: [{ users: 1 }]",
    );
    assert_eq!(scenario.topology.edge_count(), 2 + 6);
    assert_eq!(plan(&scenario.topology, "c"), "g#1|g#2");
    assert_eq!(plan(&scenario.topology, "g#2"), "s#1|s#2|s#3");
    let from_second = scenario.topology.outgoing(scenario.topology.find("g#2").unwrap());
    assert!(from_second.iter().all(|e| scenario.topology.edge_name(*e).starts_with("g#2 -> s#")));
    assert_eq!(scenario.deepest().len(), 3);
}

#[test]
fn places_of_faults() {
    let scenario = with_faults(
        "  - { at: app, crash: panic }
  - { at: app#2, crash: panic }
  - { at: app, network: reset_peer }
  - { at: gw -> app#1, network: reset_peer }
  - { at: [front -> gw, gw -> app], network: partition }
  - { at: gw, overload: slow }",
    );
    let [all, second, into, to_first, list, node] = scenario.faults.as_slice() else { panic!() };
    assert_eq!(targets(&scenario, all), ["app#1", "app#2"]);
    assert_eq!(edges(&scenario, all), ["gw -> app#1", "gw -> app#2"]);
    assert_eq!(targets(&scenario, second), ["app#2"]);
    assert_eq!(edges(&scenario, second), ["gw -> app#2"]);
    assert_eq!(targets(&scenario, into), ["gw -> app#1", "gw -> app#2"]);
    assert_eq!(edges(&scenario, to_first), ["gw -> app#1"]);
    assert_eq!(targets(&scenario, list), ["front -> gw", "gw -> app#1", "gw -> app#2"]);
    assert_eq!(edges(&scenario, node), ["front -> gw"]);
    let names: Vec<&str> = scenario.faults.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names[0], "panic@app");
    assert_eq!(names[4], "partition@front -> gw,gw -> app");
}

#[test]
fn outages_last_until_the_restart() {
    let scenario = with_faults(
        "  - { at: app, crash: { down: { restart_after: 500ms } }, start: 5s, every: 8s }
  - { at: app, crash: slow_start, start: 1s }
  - { at: app, crash: { crash_loop: { up: 1s, down: 200ms } }, start: 18s }
  - { at: app, crash: panic }",
    );
    let lasts: Vec<_> = scenario.faults.iter().map(|f| f.schedule.lasts).collect();
    assert_eq!(lasts, [Some(MS(500)), Some(MS(3100)), None, None]);
    let outages = |i: usize| scenario.faults[i].outages(MS(20_000));
    assert_eq!(outages(0), [(MS(5000), MS(5500)), (MS(13_000), MS(13_500))]);
    assert_eq!(outages(1), [(MS(1000), MS(1100))]);
    assert_eq!(outages(2), [(MS(18_000), MS(18_200)), (MS(19_200), MS(19_400))]);
    assert_eq!(outages(3), []);
}

#[test]
fn a_routing_loop_has_a_way_back_that_no_plan_uses() {
    let scenario = with_faults(
        "  - { at: gw, config: { routing_loop: { to: front } } }\n  - { at: [front, gw], config: routing_loop }",
    );
    let back: Vec<Vec<String>> = scenario
        .faults
        .iter()
        .map(|f| f.loop_edges.iter().map(|e| scenario.topology.edge_name(*e)).collect())
        .collect();
    assert_eq!(
        back,
        [vec!["gw -> front".to_owned()], vec!["front -> front".to_owned(), "gw -> gw".to_owned()]]
    );
    let loops = scenario.faults.iter().flat_map(|f| &f.loop_edges);
    assert!(loops.clone().all(|e| scenario.topology.edge(*e).only_by_fault));
    assert_eq!(plan(&scenario.topology, "gw"), "app#1|app#2");
    // What comes back meets the fault again.
    assert_eq!(
        edges(&scenario, &scenario.faults[1]),
        ["c -> front", "front -> gw", "gw -> front", "front -> front", "gw -> gw"]
    );
}

#[test]
fn a_surge_is_a_client_of_its_own() {
    let scenario = with_faults(
        "  - { name: rush, at: app, overload: { surge: { rate: 50/s } }, start: 2s, every: 9s, for: 3s }",
    );
    let topology = &scenario.topology;
    let source = topology.find("surge:rush").unwrap();
    assert!(topology.node(source).synthetic);
    assert_eq!(topology.node(source).kind, NodeKind::Client);
    assert_eq!(plan(topology, "surge:rush"), "app#1|app#2");
    let load = scenario.loads.iter().find(|load| load.from == source).unwrap();
    assert_eq!((load.start, load.stop), (MS(2000), MS(20_000)));
    let Arrivals::Open { stages, poisson: true } = &load.arrivals else { panic!() };
    let course: Vec<_> = stages.iter().map(|s| (s.from_per_s, s.to_per_s, s.lasts.as_secs())).collect();
    assert_eq!(course, [(50.0, 50.0, 3), (0.0, 0.0, 6), (50.0, 50.0, 3), (0.0, 0.0, 0)]);
    assert!(scenario.strategies.iter().all(|s| s.policies.is_empty()));
    assert_eq!(
        edges(&scenario, &scenario.faults[0]),
        ["gw -> app#1", "gw -> app#2", "surge:rush -> app#1", "surge:rush -> app#2"]
    );
}

#[test]
fn loads() {
    let scenario = parse(include_str!("scenarios/everything.yaml"));
    let Arrivals::Open { stages, poisson } = &scenario.loads[0].arrivals else { panic!() };
    let course: Vec<_> = stages.iter().map(|s| (s.from_per_s, s.to_per_s, s.lasts.as_secs())).collect();
    assert_eq!(course, [(10.0, 500.0, 10), (100.0, 100.0, 5)]);
    assert!(poisson);
    assert_eq!((scenario.loads[0].start, scenario.loads[0].stop), (MS(1000), MS(50_000)));
    assert_eq!(scenario.loads[1].request.body.len(), 10 << 10);
    assert!(matches!(scenario.loads[1].arrivals, Arrivals::Closed { users: 5, .. }));
}

#[test]
fn scripts() {
    let scenario = parse(include_str!("scenarios/everything.yaml"));
    let auth = scenario.topology.node(scenario.topology.find("auth").unwrap());
    let answer = |status, retry_after| ScriptStep::Answer { status, retry_after };
    assert_eq!(
        auth.script,
        [
            answer(502, None),
            answer(429, Some(MS(2000))),
            ScriptStep::Close(Close::Reset),
            ScriptStep::Close(Close::Fin),
            ScriptStep::Close(Close::Silence),
            answer(200, None),
        ]
    );
}

#[test]
fn strategies_override_the_clients_edges() {
    let text = include_str!("scenarios/design.yaml");
    let mut scenario = parse(text);
    let first = scenario.topology.edges().next().unwrap().0;
    assert_eq!(scenario.strategy, "");
    assert_eq!(scenario.strategies.len(), 3);
    assert!(scenario.strategies.iter().all(|s| s.policies.len() == 1 && s.policies[0].0 == first));

    scenario.apply_strategy("budgeted").unwrap();
    let retry = &scenario.topology.edge(first).policy.retry;
    assert_eq!(retry.max_attempts, 4);
    let curve = retry.backoff.as_ref().map(|backoff| backoff.curve.clone());
    assert!(matches!(curve, Some(Curve::Exponential { .. })));
    assert_eq!(scenario.topology.edge(first).policy.timeout, Some(MS(30_000)), "the edge's own");

    let again = parse(&scenario.to_yaml());
    assert_eq!(again.strategy, "budgeted");
    assert_eq!(again.topology.edge(first).policy, scenario.topology.edge(first).policy);
    assert_eq!(again.to_yaml(), scenario.to_yaml());

    // Another one can still be put in force, a preset too.
    let mut again = again;
    again.apply_strategy("naive-article-loop").unwrap();
    assert_eq!(again.strategy, "python-requests-loop");
    let retry = &again.topology.edge(first).policy.retry;
    let curve = retry.backoff.as_ref().map(|backoff| backoff.curve.clone());
    assert_eq!((retry.max_attempts, curve), (3, Some(Curve::Constant { delay: MS(2000) })));
    assert!(retry.sleep_after_last);
    assert_eq!(parse(&again.to_yaml()).strategy, "python-requests-loop");
    assert!(again.apply_strategy("nobody").unwrap_err().contains(&"budgeted".to_owned()));
    again.apply_strategy("none").unwrap();
    assert_eq!(again.topology.edge(first).policy.retry.max_attempts, 1);
}

#[test]
fn thresholds() {
    let scenario = parse(include_str!("scenarios/everything.yaml"));
    let parsed: Vec<_> = scenario.thresholds.iter().map(|t| (t.metric, t.comparison, t.value)).collect();
    assert_eq!(
        parsed,
        [
            (Metric::SuccessRate, Comparison::AtLeast, 0.5),
            (Metric::Percentile(99.9), Comparison::AtMost, 3000.0),
            (Metric::Max, Comparison::Below, 10_000.0),
            (Metric::Amplification, Comparison::Below, 1.5),
            (Metric::AttemptsPerCall, Comparison::AtMost, 2.0),
            (Metric::Goodput, Comparison::Above, 100.0),
            (Metric::Failed, Comparison::AtMost, 10.0),
        ]
    );
}

#[test]
fn overrides() {
    let text = include_str!("scenarios/everything.yaml");
    let set = |path: &str, value: &str| (path.to_owned(), value.to_owned());
    let overrides = [
        set("load[0].rate", "300/s"),
        set("nodes.cache.workers", "4"),
        set("nodes.10.queue", "7"),
        set("nodes.model-a.service_time", "{ constant: 3ms }"),
        set("edges[3].timeout", "70ms"),
        set("edges[edge -> model-b].timeout", "80ms"),
        set("edges[0].pool.reuse", "true"),
        set("faults[crashes].every", "9s"),
        set("faults[5].network.down", "{}"),
        set("faults[9].network", "blackhole"),
        set("strategy", "nothing"),
        set("duration", "2m"),
        set("seed", "9"),
        set("seed", "10"),
    ];
    let scenario = Scenario::parse_with(text, "test.yaml", &overrides).unwrap_or_else(|p| panic!("{p}"));
    assert_eq!((scenario.seed, scenario.duration), (10, MS(120_000)));
    let topology = &scenario.topology;
    let node = |name: &str| topology.node(topology.find(name).unwrap());
    assert_eq!((node("cache#3").workers, node("10").queue), (Some(4), 7));
    let edge = |from: &str, to: &str| {
        topology.edge(topology.find_edge(topology.find(from).unwrap(), topology.find(to).unwrap()).unwrap())
    };
    assert_eq!(edge("edge", "search-a").policy.timeout, Some(MS(70)));
    assert_eq!(edge("edge", "model-b").policy.timeout, Some(MS(80)));
    assert!(edge("web", "edge").policy.pool.reuse);
    assert_eq!(scenario.strategy, "nothing");
    assert_eq!(scenario.faults[9].mechanism.name(), "blackhole");
    let again = parse(&scenario.to_yaml());
    assert_eq!(again.to_yaml(), scenario.to_yaml());
}

#[test]
fn merge_keys_and_aliases() {
    let scenario = parse(
        "name: x\nnodes:\n  c: { kind: client }\n  a: &server { kind: server, workers: 3 }\n  b: { <<: *server, workers: 4 }\n  d: *server\nedges: [c -> a, c -> b, c -> d]\nload: [{ users: 1 }]",
    );
    let workers = |name: &str| scenario.topology.node(scenario.topology.find(name).unwrap()).workers;
    assert_eq!(["a", "b", "d"].map(workers), [Some(3), Some(4), Some(3)]);
}

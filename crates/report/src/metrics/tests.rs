use topology::fault::Crash;
use topology::llm::{Api, Model, Price, Tokens};
use topology::rules::{Limit, LimitId, Measure, Rules};
use topology::{Failure, FaultId, FaultSet, Mechanism, NodeId, Target};
use trace::{
    BreakerState, Gauge, NodeEvent, NodeEventKind, Outcome, Policies, Ruled, RunKey, Sink, Source, Spent,
    Usage,
};

use super::*;
use crate::Recorder;
use crate::testing::{Call, MS, REFUSED, TERMINATED, chain, fault, record};

/// The series of a run in which one call goes well at first try, one by a retry, and one fails.
fn text(strategy: &str) -> String {
    let mut scenario = chain(&["client", "gw", "app"]);
    scenario.strategy = strategy.to_owned();
    scenario.topology.node_mut(NodeId(2)).workers = Some(4);
    scenario.topology.node_mut(NodeId(1)).rules = Some(Box::new(Rules {
        limits: vec![Limit {
            name: "rpm".to_owned(),
            of: Measure::Requests,
            quota: "2/min".parse().unwrap(),
            burst: None,
            per_consumer: false,
            soft: true,
            plan: None,
        }],
        ..Rules::default()
    }));
    scenario.topology.node_mut(NodeId(2)).llm = Some(Box::new(Model {
        api: Api::Gemini,
        models: Vec::new(),
        completion_tokens: Tokens::Constant(20),
        prefill_per_s: 1e4,
        decode_per_s: 1e2,
        slowdown: 0.0,
        context: 1000,
        requests_per_minute: None,
        tokens_per_minute: None,
        price: Price { input: 1e6, output: 2e6 },
    }));
    scenario.faults = vec![fault("dies", Target::Node(NodeId(2)), Mechanism::Crash(Crash::Panic {}))];
    let scenario = Arc::new(scenario);
    let metrics = Metrics::default();
    let observer = metrics.observer(&scenario);
    let mut recorder = Recorder::new(scenario).observed(RunKey::default(), vec![observer]);
    let mut good = Call::new(0, 0, 0);
    let top = good.root().child(0, 0, 1);
    let below = good.attempt(top, 1, 1, Outcome::Answered(200));
    good.served(Source::Own).usage = Usage { prompt: 10, completion: 20 };
    good.attempt(good.root(), 0, 1, Outcome::Answered(200));
    good.served(Source::Relayed(below));
    let mut masked = Call::new(0, 1, 20);
    let top = masked.root().child(0, 0, 1);
    let first = masked.attempt(top, 1, 1, TERMINATED);
    masked.mark(first, FaultSet::from_iter([FaultId(0)]));
    let died = masked.served(Source::Nobody);
    died.end = trace::ServedEnd::Panicked;
    died.usage = Usage { prompt: 10, completion: 3 };
    let second = masked.attempt(top, 1, 2, Outcome::Answered(200));
    masked.served(Source::Own);
    masked.attempt(masked.root(), 0, 1, Outcome::Answered(200));
    masked.served(Source::Relayed(second));
    let mut bad = Call::new(0, 2, 40);
    for attempt in [1, 2] {
        let top = bad.root().child(0, 0, attempt);
        let below = bad.attempt(top, 1, 1, REFUSED);
        bad.attempt(bad.root(), 0, attempt, Outcome::Answered(502));
        bad.served(Source::Translated(below, Failure::ConnectionRefused));
    }
    record(&mut recorder, &[good.end(), masked.end(), bad.end()]);
    let mut refused = Call::new(0, 3, 50);
    refused.attempt(refused.root(), 0, 1, Outcome::Answered(429));
    let over = Spent { limit: LimitId(0), used: 2.0, by_retries: 0.0 };
    refused.served(Source::Refused(topology::Refusal::RateLimited)).ruled =
        Some(Box::new(Ruled { over: vec![over], ..Ruled::default() }));
    record(&mut recorder, &[refused.end()]);
    let policies = |retries_refused| {
        Record::Policies(Policies {
            edge: EdgeId(1),
            at: MS(60),
            breaker: Some(BreakerState::Open),
            retries_refused: Some(retries_refused),
        })
    };
    let down = NodeEvent { node: NodeId(2), at: MS(60), kind: NodeEventKind::Down };
    let gauge = Gauge { node: NodeId(1), at: MS(60), in_flight: 7, queued: 3 };
    for record in [policies(2), policies(5), Record::Node(down), Record::Gauge(gauge)] {
        recorder.record(record).unwrap();
    }
    recorder.tick(MS(70)).unwrap();
    metrics.text().unwrap()
}

/// Sorted, as the order of series says nothing.
fn series(text: &str) -> String {
    let mut lines: Vec<_> = text.lines().filter(|l| !l.starts_with('#') && !l.contains("_bucket")).collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn what_happened_is_counted_where_it_did() {
    insta::assert_snapshot!(series(&text("")));
}

#[test]
fn a_strategy_is_a_label_of_every_series() {
    let text = text("eager");
    assert!(series(&text).lines().all(|line| line.contains("strategy=\"eager\"")), "{text}");
}

#[test]
fn every_series_is_described_and_has_the_labels_that_are_told() {
    let text = text("eager");
    for line in series(&text).lines() {
        let (name, rest) = line.split_once('{').unwrap();
        let name = name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count")).unwrap_or(name);
        let told = ALL.iter().find(|described| described.name == name).unwrap_or_else(|| panic!("{name}"));
        let labels =
            rest.split('}').next().unwrap().split("\",").map(|label| label.split('=').next().unwrap());
        for label in labels.filter(|label| *label != "strategy") {
            assert!(told.labels.split(", ").any(|known| known == label), "{name}: {label}");
        }
    }
    for described in ALL {
        assert!(text.contains(&format!("\n{}", described.name)), "{} has a series", described.name);
    }
}

//! The view as it is drawn from a fixed state.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use report::{CallSight, NodeSight, Sight, Watch};
use sim::Progress;
use topology::Scenario;
use trace::Time;
use trace::rows::{OriginRow, StrategyRow};

use super::*;
use crate::view::state::{Run, State};

const CHAIN: &str = "name: chain
seed: 7
duration: 20s
warmup: 2s
nodes:
  client: { kind: client }
  ai-gateway: { kind: gateway, profile: nginx }
  llm-gateway: { kind: gateway }
  app: { kind: server, replicas: 2 }
  db: { kind: server }
edges: [client -> ai-gateway, ai-gateway -> llm-gateway, llm-gateway -> app, app -> db]
load: [{ from: client, rate: 100/s }]
faults:
  - { name: app-crash, at: app, crash: { down: { restart_after: 1s } }, start: 5s, every: 8s }
  - { name: flaky-link, at: llm-gateway -> app, network: reset_peer, probability: 2%, start: 10s }
";

fn at(seconds: u64) -> Progress {
    let count = seconds * 100;
    let failed = if seconds > 5 { 80 } else { 0 };
    Progress {
        elapsed: Duration::from_secs(seconds),
        started: count,
        ok: count - failed - 3,
        failed,
        in_flight: 3,
        active_faults: if seconds >= 10 { vec!["flaky-link".to_owned()] } else { Vec::new() },
    }
}

fn origin(status: Option<u16>, origin: &str, cause: &str, mechanism: &str, counts: (u64, u64)) -> OriginRow {
    OriginRow {
        strategy: "".into(),
        status,
        origin: origin.into(),
        origin_kind: "node".into(),
        cause: cause.into(),
        mechanism: mechanism.into(),
        surfaced: counts.0,
        masked: counts.1,
        share: 0.0,
        first_ms: 0.0,
        last_ms: 0.0,
    }
}

fn sight(seconds: u64) -> Sight {
    let node = |requests, failed, in_flight, queued| NodeSight { requests, failed, in_flight, queued };
    let of = |seconds: u64| node(seconds * 100, seconds * 4, 5, 0);
    Sight {
        at: Time::at(Duration::from_secs(seconds)),
        nodes: vec![of(seconds), of(seconds), of(seconds), of(seconds), node(seconds * 50, 0, 2, 14), of(0)],
        origins: vec![
            origin(Some(502), "app#1", "crash", "down", (74, 12)),
            origin(None, "llm-gateway -> app#1", "network", "reset_peer", (6, 30)),
        ],
        latest: vec![
            CallSight {
                start: Duration::from_millis(11_990),
                latency: Duration::from_millis(12),
                status: Some(200),
                attempts: 1,
                origin: None,
            },
            CallSight {
                start: Duration::from_millis(11_900),
                latency: Duration::from_millis(1250),
                status: Some(502),
                attempts: 3,
                origin: Some(("app#1".into(), "down")),
            },
        ],
    }
}

/// A run of the chain after so many seconds.
fn run(duration: Option<Duration>, seconds: u64) -> Run {
    let scenario = Arc::new(Scenario::parse(CHAIN, "chain.yaml").unwrap());
    let mut run = Run::new(scenario, duration, Watch::default());
    for second in 1..=seconds {
        run.go_on(&at(second));
    }
    run.see(sight(seconds - 1));
    run.see(sight(seconds));
    run.left = duration.map(|duration| duration.saturating_sub(Duration::from_secs(seconds)));
    run
}

fn state(run: Option<Run>) -> State {
    let scenario = Scenario::parse(CHAIN, "chain.yaml").unwrap();
    State { run, ..State::new(&scenario, "live", true, Charset::Unicode) }
}

fn whole() -> State {
    state(Some(run(Some(Duration::from_secs(20)), 12)))
}

fn result(strategy: &str, succeeded: u64) -> StrategyRow {
    StrategyRow {
        strategy: strategy.into(),
        calls: 2000,
        succeeded,
        success_rate: Some(succeeded as f64 / 2000.0),
        success_low: None,
        success_high: None,
        p50_ms: None,
        p90_ms: None,
        p99_ms: Some(412.0),
        p999_ms: None,
        max_ms: None,
        attempts_per_call: 1.08,
        amplification: 1.25,
        wasted_work: 0.0,
        goodput_per_s: 0.0,
        rank: 1,
        bound: None,
        pareto: None,
        pairs: None,
        success_vs: None,
        success_vs_low: None,
        success_vs_high: None,
        load_vs: None,
        p99_vs_ms: None,
        prompt_tokens: None,
        completion_tokens: None,
        wasted_tokens: None,
        money: None,
        wasted_money: None,
    }
}

/// What the screen shows.
fn drawn(state: &State, columns: u16, rows: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(frame, state)).unwrap();
    terminal
}

#[test]
fn a_run_on_the_usual_terminal() {
    insta::assert_snapshot!(drawn(&whole(), 80, 24).backend());
}

#[test]
fn where_there_is_little_room_the_rows_that_matter_stay() {
    insta::assert_snapshot!(drawn(&whole(), 60, 17).backend());
}

#[test]
fn in_plain_characters() {
    let state = State { charset: Charset::Ascii, ..whole() };
    let drawn = drawn(&state, 70, 16);
    insta::assert_snapshot!(drawn.backend());
    assert!(drawn.backend().buffer().content().iter().all(|cell| cell.symbol().is_ascii()));
}

#[test]
fn a_comparison_shows_what_is_known_so_far() {
    let results = vec![result("", 1900), result("retry-with-a-budget-and-full-jitter", 1993)];
    let turn = Some("strategy 3 of 5: hedged".to_owned());
    insta::assert_snapshot!(drawn(&State { turn, results, ..whole() }, 80, 30).backend());
}

#[test]
fn runs_beside_each_other_show_how_many_are_done() {
    let count = Some("12 of 40 runs  0.6/s  47s left".to_owned());
    let results = vec![result("none", 1900)];
    insta::assert_snapshot!(drawn(&State { count, results, ..state(None) }, 80, 8).backend());
}

#[test]
fn nodes_that_are_kept_up_show_where_to_call_and_what_came() {
    let entries = vec!["client -> ai-gateway  http://127.0.0.1:8080".to_owned()];
    let state = State { entries, ..state(Some(run(None, 12))) };
    insta::assert_snapshot!(drawn(&state, 80, 30).backend());
}

#[test]
fn without_colour_nothing_is_styled() {
    let styles = |colour| {
        let state = State { colour, ..whole() };
        let drawn = drawn(&state, 80, 24);
        let cells = drawn.backend().buffer().content();
        cells.iter().filter(|cell| cell.fg != Color::Reset || !cell.modifier.is_empty()).count()
    };
    assert!(styles(true) > 0);
    assert_eq!(styles(false), 0);
}

#[test]
fn any_size_can_be_drawn_on() {
    let results = vec![result("none", 1900)];
    let entries = vec!["client -> ai-gateway  http://127.0.0.1:8080".to_owned()];
    let state = State { entries, results, ..whole() };
    for (columns, rows) in [(1, 1), (2, 40), (200, 1), (10, 3), (30, 6), (40, 10), (500, 200)] {
        drawn(&state, columns, rows);
    }
}

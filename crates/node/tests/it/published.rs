//! Published retry simulations, rerun with the node machine: `docs/retry-budgets.md`.
//!
//! Marc Brooker's simulator (`mbrooker/simulator_example`, `retry_sim/`): clients that each begin ten
//! calls a second (Poisson) for 100 s, a server that fails each attempt with a fixed probability, an
//! exponential delay of 10 ms on average each way, no back-off. Load is attempts per call.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use node::{Action, AttemptId, AttemptReport, Dice, Env, Faults, Input, NodeState, Purpose, Visit};
use rand::RngExt;
use topology::Scenario;
use trace::{CallId, Outcome, Record, Time};

const CLIENTS: usize = 20;
const SECONDS: f64 = 100.0;
const PER_SECOND: f64 = 10.0;
const DELAY: f64 = 0.010;

/// The four policies, as scenarios write them.
const POLICIES: [(&str, &str); 4] = [
    ("none", "{}"),
    ("three retries", "{ retry: { max_attempts: 4, when: [5xx] } }"),
    ("token bucket", "{ preset: brooker-token-bucket }"),
    ("retry breaker", "{ preset: brooker-retry-breaker }"),
];

/// The published figures: the failure rate, then for each policy load and success.
const PUBLISHED: [(f64, [(f64, f64); 4]); 6] = [
    (0.01, [(1.0, 0.9899), (1.0100, 1.0000), (1.0100, 1.0000), (1.0099, 0.9999)]),
    (0.05, [(1.0, 0.9498), (1.0524, 1.0000), (1.0526, 0.9998), (1.0506, 0.9983)]),
    (0.10, [(1.0, 0.9000), (1.1105, 0.9999), (1.0941, 0.9850), (1.0326, 0.9290)]),
    (0.20, [(1.0, 0.7992), (1.2482, 0.9984), (1.1035, 0.8832), (1.0004, 0.8012)]),
    (0.50, [(1.0, 0.4988), (1.8747, 0.9373), (1.1042, 0.5536), (1.0000, 0.4995)]),
    (0.75, [(1.0, 0.2489), (2.7331, 0.6848), (1.1044, 0.2763), (1.0000, 0.2489)]),
];

/// What is to happen, and when; the number orders equal moments.
type Event = Reverse<(Time, u64, usize, Option<AttemptId>)>;

/// One run: attempts per call, and the share of calls that succeeded.
fn simulate(policy: &str, failing: f64, seed: u64) -> (f64, f64) {
    let text = format!(
        "name: x\nnodes: {{ c: {{ kind: client }}, s: {{ kind: server }} }}\nedges: [{{ c -> s: {{}} }}]\n\
         load: [{{ users: 1 }}]\nstrategies: {{ it: {policy} }}\nstrategy: it\n"
    );
    let scenario = Scenario::parse(&text, "published").unwrap_or_else(|problems| panic!("{problems}"));
    let faults = Faults::new(&scenario);
    let dice = Dice::new(seed);
    let env = Env { scenario: &scenario, dice, faults: &faults };
    let client = scenario.topology.find("c").unwrap();
    let mut luck = dice.rng(Purpose::Arrivals(0), 0);
    let mut exponential = |mean: f64| Duration::from_secs_f64(-mean * (1.0 - luck.random::<f64>()).ln());

    let mut events: BinaryHeap<Event> = BinaryHeap::new();
    let mut visits: Vec<(usize, Visit)> = Vec::new();
    for owner in 0..CLIENTS {
        let mut at = Time(0) + exponential(1.0 / PER_SECOND);
        while at.since_start().as_secs_f64() < SECONDS {
            let call = CallId::new(0, visits.len() as u64);
            events.push(Reverse((at, 0, visits.len(), None)));
            visits.push((owner, Visit::call(call, at, true, 5)));
            at = at + exponential(1.0 / PER_SECOND);
        }
    }
    let mut states: Vec<NodeState> = (0..CLIENTS).map(|_| NodeState::new(&env, client)).collect();
    let mut fails = dice.rng(Purpose::Arrivals(1), 0);
    let (mut attempts, mut succeeded, mut order) = (0_u64, 0_u64, 1);
    let mut actions = Vec::new();
    while let Some(Reverse((now, _, place, answered))) = events.pop() {
        let (owner, visit) = &mut visits[place];
        let mut give = |input, actions: &mut Vec<Action>| {
            let tell = &mut |record| {
                succeeded += u64::from(matches!(record, Record::Call(end) if end.is_ok()));
            };
            visit.handle(now, input, &env, &mut states[*owner], actions, tell);
        };
        match answered {
            None => give(Input::Begin, &mut actions),
            Some(id) => {
                let status = if fails.random::<f64>() < failing { 500 } else { 200 };
                give(Input::Head { id, status, retry_after: None }, &mut actions);
                let report = AttemptReport::of(Outcome::Answered(status));
                give(Input::Ended { id, report }, &mut actions);
            }
        }
        for action in actions.drain(..) {
            if let Action::Send { id, .. } = action {
                attempts += 1;
                order += 1;
                let back = now + exponential(DELAY) + exponential(DELAY);
                events.push(Reverse((back, order, place, Some(id))));
            }
        }
    }
    let calls = visits.len() as f64;
    (attempts as f64 / calls, succeeded as f64 / calls)
}

/// Each figure lies within what chance allows: five standard deviations of ours, and the scatter
/// that the published ones are given with.
#[test]
fn brookers_retry_simulation() {
    for (failing, policies) in PUBLISHED {
        for ((name, policy), (load, success)) in POLICIES.into_iter().zip(policies) {
            let (our_load, our_success) = simulate(policy, failing, 11);
            let calls = CLIENTS as f64 * SECONDS * PER_SECOND;
            let by_chance = 5.0 * (success * (1.0 - success) / calls).sqrt() + 0.003;
            assert!(
                (our_success - success).abs() < by_chance,
                "{name} at {failing}: success {our_success}, published {success}"
            );
            // Attempts are a sum over calls; one of them makes at most four.
            let by_chance = 5.0 * ((load - 1.0).max(0.0) * 3.0 / calls).sqrt() + 0.004;
            assert!(
                (our_load - load).abs() < by_chance,
                "{name} at {failing}: load {our_load}, published {load}"
            );
        }
    }
}

/// The same as a picture, over all failure rates; in the docs.
#[test]
fn the_picture_in_the_docs_is_up_to_date() {
    let rates: Vec<f64> = (0..=18).map(|n| f64::from(n) * 0.05).collect();
    let curves: Vec<(&str, Vec<(f64, f64)>)> = POLICIES
        .into_iter()
        .map(|(name, policy)| (name, rates.iter().map(|rate| simulate(policy, *rate, 11)).collect()))
        .collect();
    let picture = draw(&rates, &curves);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/retry-budgets.svg");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &picture).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(picture == committed, "run it again with UPDATE_DOCS=1");
}

const COLOURS: [&str; 4] = ["#6b7280", "#dc2626", "#2563eb", "#059669"];
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 240.0;
const MARGIN: f64 = 44.0;

/// Two panels side by side: load and success over the failure rate.
fn draw(rates: &[f64], curves: &[(&str, Vec<(f64, f64)>)]) -> String {
    let (width, height) = (2.0 * (WIDTH + 2.0 * MARGIN), HEIGHT + 2.0 * MARGIN + 24.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Attempts per call, and calls that succeed, by the share of attempts that fail</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    panel(&mut svg, MARGIN, "attempts per call", (1.0, 4.0), rates, curves, |point| point.0);
    panel(&mut svg, 3.0 * MARGIN + WIDTH, "calls that succeed", (0.0, 1.0), rates, curves, |point| point.1);
    for (i, ((name, _), colour)) in curves.iter().zip(COLOURS).enumerate() {
        let x = MARGIN + i as f64 * 150.0;
        let y = HEIGHT + 2.0 * MARGIN + 12.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"18\" height=\"3\" fill=\"{colour}\"/><text x=\"{}\" y=\"{y}\">{name}</text>",
            y - 6.0,
            x + 24.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(
    svg: &mut String,
    left: f64,
    title: &str,
    (low, high): (f64, f64),
    rates: &[f64],
    curves: &[(&str, Vec<(f64, f64)>)],
    of: impl Fn(&(f64, f64)) -> f64,
) {
    let place = |rate: f64, value: f64| {
        let y = MARGIN + HEIGHT - (value - low) / (high - low) * HEIGHT;
        (left + rate / 0.9 * WIDTH, y.clamp(MARGIN, MARGIN + HEIGHT))
    };
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{title}</text>", MARGIN - 14.0);
    for step in 0..=4 {
        let value = low + (high - low) * f64::from(step) / 4.0;
        let (x, y) = place(0.0, value);
        let _ = writeln!(
            svg,
            "<path d=\"M{x} {y:.1}h{WIDTH}\" stroke=\"#e5e7eb\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            x - 6.0,
            y + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#6b7280\">attempts that fail</text>",
        left + WIDTH,
        MARGIN + HEIGHT + 34.0
    );
    for tenth in [0, 3, 6, 9] {
        let rate = f64::from(tenth) / 10.0;
        let (x, y) = place(rate, low);
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}%</text>",
            y + 18.0,
            tenth * 10
        );
    }
    for ((_, points), colour) in curves.iter().zip(COLOURS) {
        let line: Vec<String> = rates
            .iter()
            .zip(points)
            .map(|(rate, point)| {
                let (x, y) = place(*rate, of(point));
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
    }
}

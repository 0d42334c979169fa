//! What strategies cost and hide, where it is known exactly or by chance alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::support::{Row, Running, badgateway, number, rows};

/// Runs a scenario in a folder of its own; gives the row of `strategies.csv`.
fn run(folder: &Path, scenario: &str, more: &[&str]) -> Row {
    std::fs::write(folder.join("s.yaml"), scenario).unwrap();
    let mut command = badgateway(["run", "s.yaml", "--quiet", "--out", "run"]);
    let running = Running::start(command.args(more).current_dir(folder));
    running.end_within(Duration::from_mins(1)).well();
    rows(&folder.join("run"), "strategies.csv").remove(0)
}

fn float(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

/// How far a share may be off by chance: five standard deviations.
fn five_sigma(share: f64, calls: f64) -> f64 {
    5.0 * (share * (1.0 - share) / calls).sqrt()
}

/// B fails half of its requests and A asks three times: (1/2)^3 of the calls fail, and B sees
/// 1 + 1/2 + 1/4 attempts a call.
#[test]
fn half_aborted_and_three_attempts() {
    let temp = tempfile::tempdir().unwrap();
    let row = run(
        temp.path(),
        "name: half
seed: 3
duration: 5s
nodes: { client: { kind: client }, a: { kind: gateway }, b: { kind: server, service_time: 1ms } }
edges: [client -> a, { a -> b: { retry: { max_attempts: 3, when: [any] } } }]
load: [{ from: client, rate: 300/s }]
faults: [{ name: half, at: b, crash: exception, probability: 50% }]
",
        &[],
    );
    let calls = float(&row, "calls");
    assert!(calls >= 1400.0, "{row:?}");
    let failed = 1.0 - float(&row, "succeeded") / calls;
    assert!((failed - 0.125).abs() < five_sigma(0.125, calls), "{failed}");
    // The attempts of one call: 1, 2, 3 with 1/2, 1/4, 1/4; variance 11/16.
    let attempts = float(&row, "amplification");
    assert!((attempts - 1.75).abs() < 5.0 * (0.6875 / calls).sqrt(), "{attempts}");

    let fault = &rows(&temp.path().join("run"), "faults.csv")[0];
    let [injected, masked, surfaced, harmless] =
        ["injected", "masked", "surfaced", "harmless"].map(|column| number(fault, column));
    assert_eq!(injected, masked + surfaced + harmless);
    assert_eq!(surfaced + masked + harmless, injected);
    let origins: u64 =
        rows(&temp.path().join("run"), "origins.csv").iter().map(|o| number(o, "surfaced")).sum();
    assert_eq!(origins, number(&row, "calls") - number(&row, "succeeded"));
}

/// "Addressing Cascading Failures" in the SRE book: three layers of four attempts are 64.
#[test]
fn three_layers_of_four_attempts_over_a_dead_leaf() {
    let temp = tempfile::tempdir().unwrap();
    let row = run(
        temp.path(),
        "name: layers
duration: 2s
nodes: { client: { kind: client }, x: { kind: gateway }, y: { kind: gateway }, leaf: { kind: server, service_time: 0s } }
edges:
  - client -> x: { retry: { max_attempts: 4, when: [5xx] } }
  - x -> y: { retry: { max_attempts: 4, when: [5xx] } }
  - y -> leaf: { retry: { max_attempts: 4, when: [5xx] } }
load: [{ from: client, rate: 5/s }]
faults: [{ at: leaf, crash: exception }]
",
        &[],
    );
    assert_eq!((float(&row, "amplification"), float(&row, "attempts_per_call")), (64.0, 4.0));
    let mut by_call: BTreeMap<(String, String), u32> = BTreeMap::new();
    for hop in rows(&temp.path().join("run"), "hops.csv") {
        *by_call.entry((hop["call"].clone(), hop["to"].clone())).or_default() += 1;
    }
    for ((call, to), attempts) in &by_call {
        let expected = match to.as_str() {
            "x" => 4,
            "y" => 16,
            _ => 64,
        };
        assert_eq!(*attempts, expected, "call {call} to {to}");
    }
}

const DEAD: &str = "name: dead
duration: 4s
nodes: { client: { kind: client }, app: { kind: server } }
edges: [client -> app]
load: [{ from: client, rate: 200/s }]
faults: [{ at: client -> app, network: down }]
strategies:
  naive: { retry: { max_attempts: 4 } }
  ratio: { retry: { max_attempts: 4, budget: 10% } }
  bucket: { retry: { max_attempts: 4, budget: { tokens: { capacity: 10, per_call: 0.1 } } } }
";

/// What a dead server costs under each budget, exactly but for the bucket's rounding.
#[test]
fn a_budget_bounds_what_a_dead_server_costs() {
    for (strategy, least, most_beyond) in [("naive", 4.0, 0.0), ("ratio", 1.098, 0.0), ("bucket", 1.1, 10.0)]
    {
        let temp = tempfile::tempdir().unwrap();
        let row = run(temp.path(), DEAD, &["--strategy", strategy]);
        let (calls, attempts) = (float(&row, "calls"), float(&row, "attempts_per_call"));
        let most = if strategy == "naive" { 4.0 } else { 1.1 + most_beyond / calls };
        assert!((least..=most + 1e-6).contains(&attempts), "{strategy}: {attempts} of {most}");
    }
}

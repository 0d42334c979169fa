//! Metastable failures: that the published boundaries are met, and that they are told in words.
//!
//! M1 is the retry example of Bronson et al., "Metastable failures in distributed systems", `HotOS` 2021: a
//! database that does 300 queries a second is asked for 280, with one retry after a second. Stable below
//! 150; a retry budget has to be below 20/280 = 7.1%. M2 is the running example of Isaacs et al., `HotOS`
//! 2025: one thread of 10 requests a second, 5 offered (15 for ten minutes), 5 s time-out, 5 retries; a
//! queue bound of 35 recovers, one of 150 does not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{Running, at_once, badgateway, manifest, root, rows};

/// As M1 has it, as long as it takes to heal at 145 calls a second: up to 291 s.
const M1: [&str; 4] = ["--set", "duration=400s", "--set", "warmup=365s"];

const M2: &str = "name: m2
duration: 45m
warmup: 35m
nodes:
  client: { kind: client }
  server: { kind: server, workers: 1, queue: 150, service_time: { exponential: { mean: 100ms } } }
edges: [client -> server: { timeout: 5s, retry: { max_attempts: 6 } }]
load:
  - { from: client, rate: 5/s, arrivals: poisson }
  - { from: client, rate: 10/s, arrivals: poisson, start: 5m, stop: 15m }
";

fn m1() -> PathBuf {
    root().join("scenarios/metastable.yaml")
}

/// Runs it in virtual time; what it prints.
fn run(command: &str, scenario: &Path, folder: &Path, more: &[&str]) -> String {
    let mut command = badgateway([command, "--engine", "virtual", "--quiet"]);
    Running::start(command.arg(scenario).arg("--out").arg(folder).args(more))
        .end_within(Duration::from_mins(4))
        .well()
}

/// The success rate of each row of a sweep or of a run.
fn success(folder: &Path, file: &str) -> Vec<f64> {
    rows(folder, file).iter().map(|row| row["success_rate"].parse().unwrap()).collect()
}

#[test]
fn m1_is_stable_below_half_of_what_the_database_can_do() {
    let temp = tempfile::tempdir().unwrap();
    // One strategy, which the scenario is without as well.
    let text = std::fs::read_to_string(m1()).unwrap();
    let (own, _) = text.split_once("\nstrategies:").unwrap();
    let scenario = temp.path().join("m1.yaml");
    std::fs::write(&scenario, own).unwrap();
    let folder = temp.path().join("sweep");
    let more = ["--vary", "load[0].rate=145/s,155/s"];
    run("sweep", &scenario, &folder, &[&M1[..], &more].concat());
    let [below, above] = success(&folder, "sweep.csv")[..] else { panic!("two points") };
    assert!(below > 0.999 && above < 0.001, "{below} and {above}");
    let attempts: Vec<f64> =
        rows(&folder, "sweep.csv").iter().map(|row| row["attempts_per_call"].parse().unwrap()).collect();
    assert!(attempts[0] < 1.001 && attempts[1] > 1.999, "{attempts:?}");
}

#[test]
fn m1_recovers_with_a_budget_below_what_is_left_free() {
    let temp = tempfile::tempdir().unwrap();
    let run = |strategy: &str, duration: &str| {
        let folder = temp.path().join(strategy);
        let more = ["--strategy", strategy, "--records", "none", "--duration", duration];
        let out = run("run", &m1(), &folder, &more);
        (out, manifest(&folder)["aftermaths"][0].clone())
    };
    // With 6 queries a second to spare, the 2800 of the outage take a while.
    let (_, five) = run("budget-5", "700s");
    assert!(five["recovered_after_s"].as_f64().is_some_and(|took| took < 530.0), "{five:#}");
    let (out, ten) = run("budget-10", "300s");
    assert_eq!(ten["collapsed"], true, "{ten:#}");
    assert!(out.contains("a retry budget has to be smaller"), "{out}");
}

#[test]
fn m2_recovers_with_a_queue_no_longer_than_callers_wait() {
    let temp = tempfile::tempdir().unwrap();
    let (scenario, folder) = (temp.path().join("m2.yaml"), temp.path().join("sweep"));
    std::fs::write(&scenario, M2).unwrap();
    run("sweep", &scenario, &folder, &["--vary", "nodes.server.queue=35,150", "--seeds", "10"]);
    let rows = rows(&folder, "sweep.csv");
    // Calls that meet a full queue are tried again: with a short one hardly any is lost.
    let share = |row: usize| rows[row]["success_low"].parse::<f64>().unwrap();
    assert!(share(0) > 0.99, "{rows:?}");
    let high: f64 = rows[1]["success_high"].parse().unwrap();
    assert!(high < 0.01, "{rows:?}");
}

#[test]
fn it_is_told_what_keeps_it_up_and_what_helps() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("run");
    let short = ["--records", "none", "--duration", "120s"];
    let out = run("run", &m1(), &folder, &short);
    let told = out.split_once("In short\n").unwrap().1;
    insta::assert_snapshot!(told);
    assert_eq!(at_once(badgateway(["report"]).arg(&folder)).well(), out);
    let out = run(
        "run",
        &m1(),
        &folder,
        &[&short[..], &["--strategy", "none", "--set", "load[0].rate=200/s"]].concat(),
    );
    assert!(out.contains("after `outage` had ended at 70.0s, it took "), "{out}");
    assert!(!out.contains("metastable"), "{out}");
}

//! What is made for Prometheus, by Prometheus: its own checks take it, and with a live run the alerts that
//! fire are those that should. (Of Debian; `.ci/setup` installs it.)

mod live;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{at_once, badgateway, root, scenarios};

/// A chain with all that alerts are about.
const WHOLE: &str = "name: whole
duration: 1s
nodes:
  client: { kind: client }
  gw: { kind: gateway }
  app: { kind: server, workers: 4, queue: 10, limits: [{ requests: 1000/s }], llm: openai }
edges:
  - client -> gw: { retry: { max_attempts: 3, budget: { ratio: 10% } } }
  - gw -> app: { timeout: 1s, breaker: { consecutive: 5 } }
load: [{ from: client, rate: 10/s }]
thresholds: [success_rate >= 99.5%]
";

/// Something made of a scenario, into a file of this folder.
fn export(folder: &Path, what: &str, file: &str, more: &[&str]) {
    let mut command = badgateway(["export", what, "s.yaml", "--out", file]);
    assert_eq!(at_once(command.args(more).current_dir(folder)).well(), "");
}

/// What promtool says, which must be content.
fn promtool(folder: &Path, args: &[&str]) {
    let output = Command::new("promtool").args(args).current_dir(folder).output();
    let output = output.expect("promtool is there: .ci/setup installs prometheus");
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {args:?}: {told}");
    assert!(!told.contains("duplicate"), "{told}");
}

#[test]
fn promtool_takes_what_is_made_of_every_scenario() {
    let temp = tempfile::tempdir().unwrap();
    for file in scenarios() {
        fs::copy(&file, temp.path().join("s.yaml")).unwrap();
        for shortest in ["5m", "5s"] {
            export(temp.path(), "prometheus-rules", "rules.yml", &["--shortest-window", shortest]);
            export(temp.path(), "prometheus-config", "prometheus.yml", &["--rules", "rules.yml"]);
            // It checks the rules that it names too.
            promtool(temp.path(), &["check", "config", "prometheus.yml"]);
        }
    }
}

#[test]
fn the_dashboards_expressions_are_prometheus_own() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), WHOLE).unwrap();
    export(temp.path(), "grafana-dashboard", "board.json", &[]);
    let text = fs::read_to_string(temp.path().join("board.json")).unwrap();
    let board: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = board["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let mut expressions: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    expressions.push(board["annotations"]["list"][0]["expr"].as_str().unwrap());
    assert!(expressions.len() > 15);
    let rule = |(n, expr): (usize, &&str)| {
        let expr = expr.replace("$__rate_interval", "1m").replace("$__range", "1h");
        serde_json::json!({ "record": format!("panel:{n}"), "expr": expr })
    };
    let rules: Vec<_> = expressions.iter().enumerate().map(rule).collect();
    // YAML takes JSON.
    let file = serde_json::json!({ "groups": [{ "name": "board", "rules": rules }] });
    fs::write(temp.path().join("board.yml"), file.to_string()).unwrap();
    promtool(temp.path(), &["check", "rules", "board.yml"]);
    // Panels have identities and places of their own.
    let mut places: Vec<_> =
        board["panels"].as_array().unwrap().iter().map(|p| p["gridPos"].to_string()).collect();
    let count = places.len();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), count);
}

#[test]
fn each_alert_fires_by_what_it_is_about_and_by_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), WHOLE).unwrap();
    export(temp.path(), "prometheus-rules", "rules.yml", &[]);
    let cases = root().join("crates/badgateway/tests/it/prometheus/cases.yml");
    fs::copy(cases, temp.path().join("cases.yml")).unwrap();
    promtool(temp.path(), &["test", "rules", "cases.yml"]);
}

#[test]
fn a_window_in_which_nothing_could_be_seen_is_told() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), WHOLE).unwrap();
    let args = ["export", "prometheus-rules", "s.yaml", "--shortest-window", "1s"];
    assert!(at_once(badgateway(args).current_dir(&temp)).without_result(2).contains("4s at least"));
}

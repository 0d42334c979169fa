//! How Prometheus finds a run.

use std::fmt::Write as _;

use topology::Scenario;

use super::Windows;
use super::windows::text;

/// A configuration that scrapes this address, and evaluates the rules of this file.
pub fn config(scenario: &Scenario, windows: Windows, target: &str, rules: &str) -> String {
    let every = text(windows.scrape());
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut out =
        format!("# prometheus --config.file=FILE, while a run of {} serves its metrics.\n", scenario.name);
    let _ = write!(
        out,
        "global:
  scrape_interval: {every}
  scrape_timeout: {every}
  evaluation_interval: {every}
rule_files:
  - {rules}
scrape_configs:
  - job_name: badgateway
    static_configs:
      - targets: [{target}]
        labels:
          scenario: {scenario}
",
        rules = quoted(rules),
        target = quoted(target),
        scenario = quoted(&scenario.name),
    );
    out
}

//! Calls and hops as Parquet, read back by another program: each value is that of the CSV files.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{AT_ONCE, Running, at_once, badgateway, root};

/// How long some ten thousand calls in virtual time may take, and reading their rows.
const A_WHILE: Duration = Duration::from_mins(1);

/// Two loads, so that calls are `1.17` too; a model, so that there are tokens; texts that CSV has to quote, and
/// others that are left out; seeds that need all their bits.
const SCENARIO: &str = r#"name: queried
seed: 18446744073709551614
duration: 18s
nodes:
  client: { kind: client }
  other: { kind: client }
  gw: { kind: gateway }
  model: { kind: server, workers: 64, llm: { api: openai, completion_tokens: 3, decode: 2000/s } }
  app: { kind: server, workers: 64, service_time: 2ms }
edges:
  - client -> gw: { retry: { max_attempts: 3 } }
  - gw -> app: { timeout: 500ms }
  - other -> model: { timeout: 500ms }
load:
  - { from: client, rate: 700/s, request: { path: /v1/x } }
  - { from: other, rate: 600/s, request: { llm: { api: openai, prompt_tokens: 20, max_tokens: 9 } } }
faults:
  - { name: 'dies, "at" times', at: app, crash: panic, probability: 10% }
  - { name: resets, at: gw -> app, network: reset_peer, probability: 5% }
strategies:
  once: { retry: { max_attempts: 1 } }
  twice: { retry: { max_attempts: 2 } }
"#;

/// What the other program finds in a run's Parquet files, once it has found each value as CSV has it.
fn found(folder: &Path) -> Value {
    let script = root().join("crates/badgateway/tests/it/parquet/compare.py");
    let python = root().join(".tools/venv/bin/python");
    let ended = Running::start(Command::new(python).arg(script).arg(folder)).end_within(A_WHILE);
    serde_json::from_str(&ended.well()).unwrap()
}

#[test]
fn parquet_has_the_values_of_csv() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), SCENARIO).unwrap();
    let args = ["compare", "s.yaml", "--engine", "virtual", "--out", "run", "-q", "--format", "parquet"];
    let ended = Running::start(badgateway(args).current_dir(&temp)).end_within(A_WHILE);
    assert_eq!(ended.well(), "run/calls.parquet\nrun/hops.parquet\n");
    let files = found(&temp.path().join("run"));
    let (calls, hops) = (&files["calls"], &files["hops"]);
    assert!(calls["rows"].as_u64().unwrap() > 20_000, "{calls}");
    assert!(hops["groups"].as_u64().unwrap() > 1, "all in one group: {hops}");
    let of =
        |file: &Value, columns: &[&str]| columns.iter().map(|c| file["types"][c].clone()).collect::<Vec<_>>();
    assert_eq!(
        of(calls, &["call", "start_ms", "status", "attempts"]),
        ["VARCHAR", "DOUBLE", "USMALLINT", "UINTEGER"]
    );
    assert_eq!(of(hops, &["start_us", "reused", "completion_tokens"]), ["UBIGINT", "BOOLEAN", "UINTEGER"]);
}

#[test]
fn a_run_without_rows_has_files_without_rows() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), SCENARIO).unwrap();
    let args = [
        "run",
        "s.yaml",
        "--engine",
        "virtual",
        "--duration",
        "1s",
        "--records",
        "none",
        "--out",
        "run",
        "-q",
    ];
    Running::start(badgateway(args).current_dir(&temp)).end_within(A_WHILE).well();
    let again = at_once(badgateway(["report", "run", "--format", "parquet"]).current_dir(&temp));
    assert_eq!(again.well(), "run/calls.parquet\nrun/hops.parquet\n");
    assert_eq!(found(&temp.path().join("run"))["hops"]["rows"], 0);
    // A folder that is used again holds nothing of the run before.
    let again = ["run", "s.yaml", "--engine", "virtual", "--duration", "1s", "--out", "run", "-q"];
    Running::start(badgateway(again).current_dir(&temp)).end_within(A_WHILE).well();
    assert!(!temp.path().join("run/hops.parquet").exists());
}

#[test]
fn what_cannot_be_written_is_told_with_its_place() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), SCENARIO).unwrap();
    let args = ["run", "s.yaml", "--engine", "virtual", "--duration", "1s", "--out", "run", "-q"];
    Running::start(badgateway(args).current_dir(&temp)).end_within(A_WHILE).well();
    let hops = temp.path().join("run/hops.csv");
    let cut = fs::read_to_string(&hops).unwrap().replacen(",1,", ",one,", 1);
    fs::write(&hops, cut).unwrap();
    let again = Running::start(badgateway(["report", "run", "--format", "parquet"]).current_dir(&temp));
    let told = again.end_within(AT_ONCE).without_result(1);
    assert!(told.contains("run/hops.csv") && told.contains("line: 2"), "{told}");
    assert!(!temp.path().join("run/hops.parquet").exists());
}

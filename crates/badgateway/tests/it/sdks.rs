//! SDKs of models as they come, in front of a chain that is broken: what they raise, how often they try,
//! and that each failure of theirs is traced to its fault. The table is in docs/sdks.md.

mod faults;
mod page;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::support::{Row, number, root};
use crate::up::Up;
use faults::{Cell, NODE, PYTHON, Sdk};

/// What a call came to, as the SDK says it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Outcome {
    /// It raised this, which has this status.
    Raised { raised: String, status: Option<u16> },
    /// It is still waiting.
    Waits { waits: bool },
    /// It ended well, for this reason.
    Ended { told: Option<String> },
}

/// A call that was made.
#[derive(Debug)]
struct Called {
    cell: Cell,
    outcome: Outcome,
    attempts: u64,
}

/// What all SDKs of a language came to.
#[derive(Debug)]
struct Language {
    name: &'static str,
    sdks: &'static [Sdk],
    versions: BTreeMap<String, String>,
    calls: Vec<Called>,
}

fn driver(language: &str) -> Command {
    let (tools, drivers) =
        (root().join(".tools"), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/sdks"));
    if language == "Python" {
        let mut command = Command::new(tools.join("venv/bin/python"));
        command.arg(drivers.join("call.py"));
        return command;
    }
    let mut command = Command::new("node");
    command.arg("--expose-gc").arg(drivers.join("call.mjs")).arg(tools);
    command
}

/// What a driver prints, asked this.
fn drive(mut command: Command, asked: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It reads all before it does anything, and nothing if it fails: `make setup` installs what it needs.
    let _ = child.stdin.take().unwrap().write_all(asked.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?} failed: has `make setup` been run?");
    String::from_utf8(output.stdout).unwrap()
}

fn versions(language: &str) -> BTreeMap<String, String> {
    let mut command = driver(language);
    command.arg("--versions");
    serde_json::from_str(&drive(command, "")).unwrap()
}

/// Where each client calls.
fn urls(told: &str) -> HashMap<String, String> {
    let lines = told.lines().filter_map(|line| line.split_once("  http://"));
    lines
        .filter_map(|(edge, address)| {
            Some((edge.split_once(" -> ")?.0.to_owned(), format!("http://{address}")))
        })
        .collect()
}

fn outcomes(language: &str, cells: &[Cell], urls: &HashMap<String, String>) -> Vec<Outcome> {
    let ask = |cell: &Cell| {
        let Cell { sdk, stream, client, .. } = cell;
        let asked =
            serde_json::json!({ "sdk": sdk.name, "url": urls[client], "stream": stream, "id": client });
        format!("{asked}\n")
    };
    let told = drive(driver(language), &cells.iter().map(ask).collect::<String>());
    let outcomes: Vec<Outcome> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(outcomes.len(), cells.len());
    outcomes
}

/// What is wrong with what was seen of a call.
fn misfit(called: &Called, row: &Row) -> Option<String> {
    let verdict = ["origin", "cause", "mechanism"].map(|column| row[column].clone());
    let is_right = verdict == called.cell.verdict();
    let is_well = matches!(called.outcome, Outcome::Ended { told: Some(_) }) && called.attempts == 1;
    let fits = is_right && (called.cell.fault.is_some() || is_well);
    (!fits).then(|| format!("{called:?}: {row:?}"))
}

#[test]
fn each_failure_of_an_sdk_is_traced_to_its_fault() {
    let python = faults::cells("python", PYTHON);
    let node = faults::cells("node", NODE);
    let all: Vec<&Cell> = python.iter().chain(&node).collect();
    let up = Up::start(&faults::scenario(&all), &[]);
    let urls = urls(&up.running.told());
    let (of_python, of_node) = std::thread::scope(|scope| {
        let of_node = scope.spawn(|| outcomes("Node.js", &node, &urls));
        (outcomes("Python", &python, &urls), of_node.join().unwrap())
    });
    let calls = up.calls();
    assert_eq!(calls.len(), python.len() + node.len(), "all attempts of a call are one call");
    let rows: HashMap<&str, &Row> = calls.iter().map(|row| (row["client"].as_str(), row)).collect();

    let mut misfits = Vec::new();
    let mut language = |name, sdks, cells: Vec<Cell>, outcomes: Vec<Outcome>| {
        let called = cells.into_iter().zip(outcomes).map(|(cell, outcome)| {
            let row = rows[cell.client.as_str()];
            let called = Called { attempts: number(row, "attempts"), cell, outcome };
            misfits.extend(misfit(&called, row));
            called
        });
        let calls = called.collect();
        Language { name, sdks, versions: versions(name), calls }
    };
    let languages = [language("Python", PYTHON, python, of_python), language("Node.js", NODE, node, of_node)];
    assert!(misfits.is_empty(), "{}", misfits.join("\n"));
    page::check(&languages);
}

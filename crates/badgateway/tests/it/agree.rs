//! Both engines make the same of the shipped scenarios.
//!
//! Each is run as it is written, with its clients' own policy; `metastable`, which takes twelve minutes, with
//! a shorter outage and a shorter time after it. Under that policy none of them is bistable: `retry-storm`
//! recovers by itself unless its clients retry, which only its strategies do, and `metastable` collapses
//! under any seed.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Running, at_once, badgateway, half_fails, manifest, root, scenarios};

/// How many scenarios run at once: on a small machine they share the processors with other tests.
const AT_A_TIME: usize = 3;
/// How often one is run by itself, where the machine may be why the engines differ.
const ALONE: usize = 2;

/// The scenario that would take too long, and what makes it short.
const LONG: (&str, [&str; 6]) =
    ("metastable.yaml", ["--duration", "20s", "--set", "faults[0].start=5s", "--set", "faults[0].for=4s"]);

/// Compares the engines; what it printed.
fn agree(scenario: &Path, folder: &Path) -> Value {
    let mut command = badgateway(["agree", "--quiet", "--format", "json"]);
    let (long, shortened) = LONG;
    if scenario.ends_with(long) {
        command.args(shortened);
    }
    let ended =
        Running::start(command.arg(scenario).arg("--out").arg(folder)).end_within(Duration::from_mins(1));
    assert_eq!(ended.err, "", "{}", scenario.display());
    let agreement: Value = serde_json::from_str(&ended.out).unwrap();
    let code = i32::from(agreement["verdict"] == "differs");
    assert_eq!(ended.code, Some(code), "{agreement:#}");
    agreement
}

#[test]
fn every_scenario_is_the_same_by_both() {
    let long = root().join("scenarios").join(LONG.0);
    let left = Mutex::new([scenarios(), vec![long.clone()]].concat());
    let compared = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = left.lock().unwrap().pop() else { return };
                    let agreement = agree(&scenario, &folder(&scenario));
                    compared.lock().unwrap().push((scenario, agreement));
                }
            });
        }
    });
    let mut wrong = Vec::new();
    for (scenario, mut agreement) in compared.into_inner().unwrap() {
        // Those beside it may have been why the machine was late: once more, without them. Where the engines
        // do differ, they differ then too.
        for _ in 0..ALONE {
            if agreement["verdict"] != "agrees" {
                agreement = agree(&scenario, &folder(&scenario));
            }
        }
        wrong.extend(difference(&scenario, &agreement));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for engine in ["live", "virtual"] {
        let run = manifest(&folder(&long).join(engine));
        assert_eq!(run["aftermaths"][0]["collapsed"], true, "{engine}: {run:#}");
    }
}

/// Where the two runs of a scenario are kept.
fn folder(scenario: &Path) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("agree").join(scenario.file_stem().unwrap())
}

/// Where the engines differ over a scenario, if they do.
fn difference(scenario: &Path, agreement: &Value) -> Option<String> {
    for engine in ["live", "virtual"] {
        assert_eq!(manifest(&folder(scenario).join(engine))["engine"], engine);
    }
    // That nothing was compared must not pass for agreement.
    let faults = agreement["faults"].as_array().unwrap();
    assert!(faults.iter().all(|fault| fault["live"].as_u64() > Some(0)), "{agreement:#}");
    let figures = agreement["figures"].as_array().unwrap();
    assert!(figures.len() > 6, "{agreement:#}");
    // A machine that was late, and not at its limit, explains latencies and nothing else.
    let unexplained = |line: &&Value| line["verdict"] == "undecided" && line["unit"] != "milliseconds";
    let unexplained =
        agreement["machine"]["limit"].is_null() && figures.iter().any(|line| unexplained(&line));
    let differs = agreement["verdict"] == "differs" || unexplained;
    differs.then(|| format!("{}\n{agreement:#}", scenario.display()))
}

#[test]
fn what_is_printed_ends_with_a_sentence_and_names_the_folder() {
    let temp = tempfile::tempdir().unwrap();
    let file: PathBuf = temp.path().join("s.yaml");
    std::fs::write(&file, half_fails("strategies: { three: { retry: { max_attempts: 3 } } }\n")).unwrap();
    let mut command = badgateway(["agree", "s.yaml", "--seed", "9", "--set", "load[0].rate=40/s"]);
    command.args(["--strategy", "three", "--out", "both"]).current_dir(temp.path());
    let ended = Running::start(&mut command).end_within(Duration::from_mins(1));
    let short = ended.out.split_once("In short\n").map(|(_, short)| short.trim_end()).unwrap();
    assert!(short.contains("agree") || short.contains("differ"), "{short}");
    assert!(ended.err.contains("The runs are in both"), "{}", ended.err);
    for engine in ["live", "virtual"] {
        let run = manifest(&temp.path().join("both").join(engine));
        assert_eq!((&run["seed"], &run["strategy"]), (&Value::from(9), &Value::from("three")));
    }
}

#[test]
fn what_cannot_be_run_is_not_compared() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), half_fails("")).unwrap();
    at_once(badgateway(["agree", "none.yaml"]).current_dir(temp.path())).without_result(2);
    let told = at_once(badgateway(["agree", "s.yaml", "--strategy", "none"]).current_dir(temp.path()));
    assert!(told.without_result(2).contains("there is no strategy `none`"));
}

#[test]
fn ctrl_c_leaves_nothing_to_compare() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), half_fails("")).unwrap();
    let mut command = badgateway(["agree", "s.yaml", "--duration", "30s", "--quiet", "--out", "both"]);
    let running = Running::start(command.current_dir(temp.path()));
    let calls = temp.path().join("both/live/calls.csv");
    while !std::fs::read_to_string(&calls).is_ok_and(|text| text.lines().count() > 1) {
        std::thread::sleep(Duration::from_millis(20));
    }
    running.send(Signal::INT);
    let told = running.end_within(Duration::from_secs(20)).without_result(1);
    assert!(told.contains("interrupted: half a run"), "{told}");
    assert_eq!(manifest(&temp.path().join("both/live"))["interrupted"], true);
    assert!(!temp.path().join("both/virtual").exists());
}

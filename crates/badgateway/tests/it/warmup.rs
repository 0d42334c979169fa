//! `warmup: auto`: the part of a run that is left out because its nodes are still filling up.

use std::path::Path;
use std::time::Duration;

use crate::support::{Ended, Running, at_once, badgateway, manifest, number, rows};

/// All users call at once at first; later their calls are spread out, and hardly wait.
const CROWD: &str = "name: crowd
duration: 60s
warmup: auto
nodes:
  client: { kind: client }
  app: { kind: server, workers: 1, queue: 100000, service_time: { exponential: { mean: 10ms } } }
edges: [client -> app: { timeout: 1m }]
load: [{ users: 100, think_time: { exponential: { mean: 2s } } }]
strategies: { none: {}, twice: { retry: { max_attempts: 2, when: [5xx] } } }
";

/// More than the server can do, so that its queue grows for ever.
const GROWING: [&str; 2] = ["--set", "load[0]={ rate: 130/s }"];

fn run(command: &str, scenario: &Path, folder: &Path, more: &[&str]) -> Ended {
    let mut command = badgateway([command, "--engine", "virtual", "--quiet"]);
    Running::start(command.arg(scenario).arg("--out").arg(folder).args(more))
        .end_within(Duration::from_mins(1))
}

fn written(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("s.yaml");
    std::fs::write(&file, CROWD).unwrap();
    file
}

#[test]
fn what_is_found_is_treated_as_if_it_had_been_written() {
    let temp = tempfile::tempdir().unwrap();
    let (scenario, folder) = (written(temp.path()), temp.path().join("run"));
    let out = run("run", &scenario, &folder, &[]).well();
    let found = manifest(&folder)["warmup_s"].as_f64().unwrap();
    assert!(found > 0.5 && found < 30.0, "{found}");
    let told = format!("note: the first {found:.1}s are left out as warm-up (MSER-5)");
    assert!(out.contains(&told), "{out}");
    assert!(std::fs::read_to_string(folder.join("scenario.yaml")).unwrap().contains("warmup: auto"));

    let calls = rows(&folder, "calls.csv");
    let counted = calls.iter().filter(|call| call["start_ms"].parse::<f64>().unwrap() >= 1e3 * found);
    assert_eq!(number(&rows(&folder, "strategies.csv")[0], "calls"), counted.count() as u64);
    let by_hand = temp.path().join("by-hand");
    let nanoseconds = format!("warmup={:.0}ns", found * 1e9);
    run("run", &scenario, &by_hand, &["--set", &nanoseconds]).well();
    for file in ["strategies.csv", "layers.csv", "calls.csv"] {
        let [one, other] = [&folder, &by_hand].map(|dir| std::fs::read(dir.join(file)).unwrap());
        assert!(one == other, "{file}");
    }
    assert_eq!(at_once(badgateway(["report"]).arg(&folder)).well(), out);
}

#[test]
fn a_comparison_leaves_out_the_same_of_all_strategies() {
    let temp = tempfile::tempdir().unwrap();
    let (scenario, folder) = (written(temp.path()), temp.path().join("run"));
    run("compare", &scenario, &folder, &["--seeds", "2", "--set", "duration=20s"]).well();
    let rows = rows(&folder, "strategies.csv");
    // Nothing fails: both have made the same calls.
    assert_eq!(rows[0]["calls"], rows[1]["calls"]);
    assert_eq!(rows[1]["pairs"], rows[0]["calls"]);
}

#[test]
fn a_queue_that_grows_for_ever_has_no_warm_up() {
    let temp = tempfile::tempdir().unwrap();
    let (scenario, folder) = (written(temp.path()), temp.path().join("run"));
    let out = run("run", &scenario, &folder, &GROWING).well();
    assert!(out.contains("nothing is left out as warm-up: the run is too short"), "{out}");
    assert_eq!(manifest(&folder)["warmup_s"], 0.0);
    let mut sweep = badgateway(["sweep", "--vary", "nodes.app.workers=1,2"]);
    sweep.arg(&scenario).arg("--out").arg(temp.path().join("sweep")).args(GROWING);
    let told = Running::start(&mut sweep).end_within(Duration::from_mins(1)).err;
    assert!(told.contains("nodes.app.workers=1: nothing is left out"), "{told}");
    assert!(!told.contains("nodes.app.workers=2: nothing"), "{told}");
}

#[test]
fn it_is_not_found_for_sockets() {
    let temp = tempfile::tempdir().unwrap();
    let scenario = written(temp.path());
    for command in ["run", "compare", "agree"] {
        let told = at_once(badgateway([command]).arg(&scenario).current_dir(&temp)).without_result(2);
        assert!(told.contains("`warmup: auto` is for --engine virtual"), "{told}");
    }
    assert!(!temp.path().join("results").exists());
}

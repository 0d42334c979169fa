//! `--engine virtual`, from outside; and what it says beside what the live engine does.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use topology::fault::Effect;
use topology::{Scenario, Target};

use crate::runs::RUNS;
use crate::support::{Ended, Row, Running, badgateway, manifest, number, rows, scenarios, without_start};

fn run(scenario: &Path, folder: &Path, more: &[&str]) -> Ended {
    let mut command = badgateway(["run", "--engine", "virtual", "--quiet"]);
    Running::start(command.arg(scenario).arg("--out").arg(folder).args(more))
        .end_within(Duration::from_mins(1))
}

/// A folder's files, with the moment at which the run began left out.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let text = without_start(&name, &text);
            (name, text)
        })
        .collect()
}

#[test]
fn a_seed_repeats_to_the_byte() {
    let temp = tempfile::tempdir().unwrap();
    let folder = |name: &str| temp.path().join(name);
    for scenario in scenarios() {
        let [first, second] = ["a", "b"].map(|name| run(&scenario, &folder(name), &[]));
        assert_eq!(first.err, "");
        assert_eq!((first.code, &first.out), (second.code, &second.out));
        let (a, b) = (files(&folder("a")), files(&folder("b")));
        for (name, text) in &a {
            assert!(Some(text) == b.get(name), "{}: {name} differs", scenario.display());
        }
        assert_eq!(a.len(), b.len());
        // This one is slow on purpose.
        let least = if scenario.ends_with("llm-rate-limits.yaml") { 20 } else { 100 };
        assert!(a["calls.csv"].lines().count() > least, "{}", scenario.display());

        run(&scenario, &folder("c"), &["--seed", "4711"]);
        let other = files(&folder("c"));
        // In some of them nothing is left to chance.
        let text = std::fs::read_to_string(&scenario).unwrap();
        let is_drawn = ["poisson", "probability", "lognormal", "cache:"].iter().any(|l| text.contains(l));
        // One of the columns is the seed itself.
        let hops = |files: &BTreeMap<String, String>| -> Vec<String> {
            let mut lines = files["hops.csv"].lines().map(|line| line.split(',').collect::<Vec<_>>());
            let head = lines.next().expect("it has a head");
            let seed = head.iter().position(|column| *column == "seed").expect("it has a seed");
            lines.map(|hop| [&hop[..seed], &hop[seed + 1..]].concat().join(",")).collect()
        };
        assert_eq!(hops(&other) != hops(&a), is_drawn, "{}", scenario.display());
    }
}

#[test]
fn a_run_says_that_its_time_is_virtual() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("run");
    let ended = run(&scenarios()[0], &folder, &["--duration", "2h", "--set", "load[0].rate=1/s"]);
    assert!(ended.out.contains("In short"), "{}", ended.out);
    let run = manifest(&folder);
    assert_eq!(run["engine"], "virtual");
    assert!(run["elapsed_s"].as_f64() > Some(7000.0), "{run:#}");
    assert_eq!(run["notes"], serde_json::json!([]));
}

/// By hop: when it began, and its row.
fn hops(folder: &Path) -> BTreeMap<String, (Duration, Row)> {
    let rows = rows(folder, "hops.csv").into_iter();
    rows.map(|row| (row["hop"].clone(), (Duration::from_micros(number(&row, "start_us")), row))).collect()
}

/// Each attempt that both engines make while a fault of its edge is active is hit in both or in
/// neither.
#[test]
fn the_same_faults_hit_the_same_attempts_as_live() {
    let temp = tempfile::tempdir().unwrap();
    let (mut hit, mut spared) = (0, 0);
    for ran in RUNS.iter() {
        let folder = temp.path().join(ran.scenario.file_stem().unwrap());
        run(&ran.scenario, &folder, &[]);
        let (live, imagined) = (hops(&ran.folder), hops(&folder));
        let text = std::fs::read_to_string(&ran.scenario).unwrap();
        let scenario = Scenario::parse(&text, "shipped").unwrap();
        for fault in &scenario.faults {
            // Whether a connection is idle, and so lost, is a matter of time.
            let by_time = fault.mechanism.name() == "keepalive_race";
            let stateless = fault.mechanism.effect() != Effect::State;
            let Some(Target::Edge(edge)) = fault.targets.first().filter(|_| stateless && !by_time) else {
                continue;
            };
            let name = scenario.topology.edge_name(*edge);
            for (id, (at, row)) in &live {
                let Some((virtually_at, twin)) = imagined.get(id) else { continue };
                let active = [at, virtually_at].map(|at| fault.schedule.active_for(*at).is_some());
                if format!("{} -> {}", row["from"], row["to"]) != name || active != [true, true] {
                    continue;
                }
                let is_hit = |row: &Row| row["faults"].split(';').any(|f| f == fault.name);
                assert_eq!(is_hit(row), is_hit(twin), "{}: {row:?} and {twin:?}", ran.name());
                if is_hit(row) { hit += 1 } else { spared += 1 }
            }
        }
    }
    assert!(hit > 100 && spared > 100, "{hit} and {spared}");
}

/// Where nothing but the calls decides what fails, the same calls succeed.
#[test]
fn the_same_calls_succeed_as_live() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["retry-blips.yaml", "layered-retries.yaml"] {
        let ran = RUNS.iter().find(|ran| ran.name() == name).unwrap();
        let folder = temp.path().join(name);
        run(&ran.scenario, &folder, &[]);
        let ends = |folder: &Path| -> BTreeMap<String, [String; 4]> {
            let calls = rows(folder, "calls.csv").into_iter();
            calls
                .map(|call| {
                    let end =
                        ["status", "attempts", "origin", "mechanism"].map(|column| call[column].clone());
                    (call["call"].clone(), end)
                })
                .collect()
        };
        assert_eq!(ends(&folder), ends(&ran.folder), "{name}");
    }
}

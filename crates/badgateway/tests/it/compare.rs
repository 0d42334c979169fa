//! Strategies, compared over the same calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Ended, Row, Running, at_once, badgateway, manifest, number, rows, without_start};

/// Every file of a run's folder.
const FILES: [&str; 13] = [
    "report.html",
    "overview.json",
    "run.json",
    "scenario.yaml",
    "examples.jsonl",
    "origins.csv",
    "layers.csv",
    "faults.csv",
    "strategies.csv",
    "calls.csv",
    "hops.csv",
    "timeline.csv",
    "seeds.csv",
];

/// Half of all attempts over an edge are reset; without a retry the threshold is missed.
const SCENARIO: &str = "name: half-reset
seed: 7
duration: 1s
nodes: { client: { kind: client }, gw: { kind: gateway }, app: { kind: server, service_time: 1ms } }
edges: [client -> gw -> app]
load: [{ from: client, rate: 200/s }]
faults: [{ name: resets, at: gw -> app, network: reset_peer, probability: 50% }]
thresholds: [success_rate >= 70%]
strategies:
  none: {}
  three: { retry: { max_attempts: 3 } }
";

/// A folder with the scenario `s.yaml`.
fn folder(scenario: &str) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), scenario).unwrap();
    temp
}

fn compare(folder: &Path, more: &[&str]) -> Command {
    let mut command = badgateway(["compare", "s.yaml", "--out", "run"]);
    command.args(more).current_dir(folder);
    command
}

fn ended(command: &mut Command) -> Ended {
    Running::start(command).end_within(Duration::from_mins(1))
}

/// A comparison under three seeds, in a folder that outlives it, and what it printed as JSON.
static THREE_SEEDS: LazyLock<(PathBuf, Value)> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compare");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("s.yaml"), SCENARIO).unwrap();
    let out = ended(&mut compare(&folder, &["--seeds", "3", "--format", "json"])).well();
    (folder.join("run"), serde_json::from_str(&out).unwrap())
});

/// Rows by strategy and seed.
fn by_run(rows: Vec<Row>) -> BTreeMap<(String, u64), Vec<Row>> {
    let mut runs: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in rows {
        runs.entry((row["strategy"].clone(), number(&row, "seed"))).or_default().push(row);
    }
    runs
}

fn succeeded(call: &Row) -> bool {
    call["status"] == "200" && call["error"].is_empty()
}

/// Which calls have succeeded.
fn by_call(calls: &[Row]) -> BTreeMap<&String, bool> {
    calls.iter().map(|call| (&call["call"], succeeded(call))).collect()
}

fn fraction(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

#[test]
fn each_strategy_meets_the_same_calls_and_the_same_faults() {
    let (folder, _) = &*THREE_SEEDS;
    let calls = by_run(rows(folder, "calls.csv"));
    let hops = by_run(rows(folder, "hops.csv"));
    let due = |calls: &[Row]| -> BTreeMap<String, String> {
        calls.iter().map(|call| (call["call"].clone(), call["start_ms"].clone())).collect()
    };
    for seed in [7, 8, 9] {
        let of = |strategy: &str| (strategy.to_owned(), seed);
        assert_eq!(due(&calls[&of("none")]), due(&calls[&of("three")]));
        let marks = |strategy| -> BTreeMap<&String, &String> {
            hops[&of(strategy)].iter().map(|hop| (&hop["hop"], &hop["faults"])).collect()
        };
        let (none, three) = (marks("none"), marks("three"));
        assert!(none.len() < three.len());
        for (hop, faults) in none {
            assert_eq!(three.get(hop), Some(&faults), "hop {hop}, seed {seed}");
        }
    }
    let [one, other] = [7, 8].map(|seed| by_call(&calls[&("none".to_owned(), seed)]));
    assert_ne!(one, other);
}

#[test]
fn the_figures_are_those_of_the_calls_of_all_seeds() {
    let (folder, _) = &*THREE_SEEDS;
    for file in FILES {
        assert!(std::fs::metadata(folder.join(file)).unwrap().len() > 0, "{file}");
    }
    let calls = by_run(rows(folder, "calls.csv"));
    let origins = rows(folder, "origins.csv");
    let faults = rows(folder, "faults.csv");
    let strategies = rows(folder, "strategies.csv");
    assert_eq!(strategies.iter().map(|row| &*row["strategy"]).collect::<Vec<_>>(), ["none", "three"]);
    for row in &strategies {
        let own: Vec<&Row> =
            calls.iter().filter(|((of, _), _)| *of == row["strategy"]).flat_map(|(_, calls)| calls).collect();
        let ok = own.iter().filter(|call| succeeded(call)).count() as u64;
        assert_eq!((number(row, "calls"), number(row, "succeeded")), (own.len() as u64, ok), "{row:?}");
        let surfaced: u64 = origins
            .iter()
            .filter(|origin| origin["strategy"] == row["strategy"])
            .map(|origin| number(origin, "surfaced"))
            .sum();
        assert_eq!(surfaced, own.len() as u64 - ok);
        // One probability for all: 5 standard deviations of a binomial share, before and after.
        let attempts = if row["strategy"] == "none" { 1 } else { 3 };
        let expected = 1.0 - 0.5_f64.powi(attempts);
        let deviation = (expected * (1.0 - expected) / own.len() as f64).sqrt();
        assert!((fraction(row, "success_rate") - expected).abs() < 5.0 * deviation, "{row:?}");
        assert_eq!(number(row, "bound"), if row["strategy"] == "none" { 1 } else { 3 });
    }
    for fault in &faults {
        let [injected, masked, surfaced, harmless] =
            ["injected", "masked", "surfaced", "harmless"].map(|column| number(fault, column));
        assert_eq!(injected, masked + surfaced + harmless, "{fault:?}");
    }
    let [none, three] = &strategies[..] else { panic!("two strategies") };
    // Each call that succeeds without a retry does so with one: the difference is that of the sums.
    let difference = fraction(three, "success_rate") - fraction(none, "success_rate");
    assert!((fraction(three, "success_vs") - difference).abs() < 1e-5, "{three:?}");
    assert_eq!(number(three, "pairs"), number(three, "calls"));
    assert_eq!((&*none["rank"], &*three["rank"], &*none["pareto"]), ("2", "1", "true"));
    assert_eq!(none["success_vs"], "");
}

#[test]
fn it_says_what_to_choose() {
    let (folder, printed) = &*THREE_SEEDS;
    let conclusion = &printed["conclusion"];
    assert_eq!(conclusion["advice"], "choose", "{conclusion:#}");
    assert_eq!(conclusion["strategy"], "three");
    let run = manifest(folder);
    assert_eq!((&run["seeds"], &run["compared"]), (&3.into(), &serde_json::json!(["none", "three"])));
    let met: Vec<_> =
        run["thresholds"].as_array().unwrap().iter().map(|t| (&t["strategy"], &t["met"])).collect();
    assert_eq!(met, [(&"none".into(), &false.into()), (&"three".into(), &true.into())]);
}

#[test]
fn the_folder_tells_it_again() {
    let (folder, printed) = &*THREE_SEEDS;
    let report = at_once(badgateway(["report", "--format", "json"]).arg(folder)).well();
    assert_eq!(&serde_json::from_str::<Value>(&report).unwrap(), printed);
    let table = at_once(badgateway(["report"]).arg(folder)).well();
    assert!(table.contains("choose `three`: it hides"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");

    let explain = |more: &[&str]| at_once(badgateway(["explain"]).arg(folder).args(more)).well();
    assert!(explain(&[]).contains(" under none with seed 7, begun"));
    let three = explain(&["--strategy", "three", "--seed", "8"]);
    assert!(three.contains("under three with seed 8, begun") && three.contains(", 3\n  attempts"), "{three}");
    assert_eq!(three.matches("client -> gw #").count(), 3, "{three}");
}

#[test]
fn one_seed_is_compared_call_by_call() {
    let temp = folder(SCENARIO);
    let ended = ended(&mut compare(temp.path(), &["--set", "thresholds=[success_rate >= 99.9%]"]));
    // The best one misses the threshold too.
    assert_eq!(ended.code, Some(99), "{}", ended.err);
    assert!(ended.out.contains("from pairs of calls"), "{}", ended.out);
    assert!(ended.err.contains("strategy 1 of 2: none\n") && ended.err.contains("strategy 2 of 2: three\n"));
    let folder = temp.path().join("run");
    let three = &rows(&folder, "strategies.csv")[1];
    let calls = by_run(rows(&folder, "calls.csv"));
    let [none, with] = ["none", "three"].map(|strategy| by_call(&calls[&(strategy.to_owned(), 7)]));
    let gained = none.iter().filter(|(call, ok)| !**ok && with[*call]).count();
    let expected = gained as f64 / none.len() as f64;
    assert!((fraction(three, "success_vs") - expected).abs() < 1e-6, "{three:?}");
    assert!(fraction(three, "success_vs_low") > 0.0 && fraction(three, "success_vs_high") < 1.0);
    assert_eq!(at_once(badgateway(["report", "run"]).current_dir(&temp)).well(), ended.out);
}

#[test]
fn in_virtual_time_it_does_not_matter_how_many_run_at_once() {
    let temp = folder(SCENARIO);
    let files = |jobs: &str| -> Vec<(&str, String)> {
        let more =
            ["--engine", "virtual", "--seeds", "3", "--jobs", jobs, "--strategy", "python-requests-loop"];
        let out = ended(&mut compare(temp.path(), &more));
        assert!(matches!(out.code, Some(0 | 99)), "{}", out.err);
        let run = temp.path().join("run");
        let there: BTreeSet<_> = std::fs::read_dir(&run).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(there, FILES.iter().map(Into::into).collect(), "nothing is left beside the files");
        let mut files: Vec<_> =
            FILES.iter().map(|&file| (file, std::fs::read_to_string(run.join(file)).unwrap())).collect();
        for (file, text) in &mut files {
            *text = without_start(file, text);
        }
        files.push(("what is printed", out.out));
        files
    };
    let alone = files("1");
    for jobs in ["2", "7"] {
        for ((file, one), (_, beside)) in alone.iter().zip(files(jobs)) {
            assert!(*one == beside, "{file} is another with {jobs} jobs");
        }
    }
    let calls = by_run(rows(&temp.path().join("run"), "calls.csv"));
    assert_eq!(calls.len(), 9);
}

#[test]
fn live_runs_are_not_made_at_once() {
    let temp = folder(SCENARIO);
    let told = at_once(&mut compare(temp.path(), &["--jobs", "2"])).without_result(2);
    assert!(told.contains("take each other's processors"), "{told}");
    assert!(!temp.path().join("run").exists());
}

#[test]
fn ctrl_c_keeps_the_strategies_that_have_ended() {
    let temp = folder(SCENARIO);
    let running = Running::start(&mut compare(temp.path(), &["--duration", "5s"]));
    let calls = temp.path().join("run/calls.csv");
    while !std::fs::read_to_string(&calls).is_ok_and(|text| text.contains("\nthree,")) {
        std::thread::sleep(Duration::from_millis(20));
    }
    running.send(Signal::INT);
    let ended = running.end_within(Duration::from_secs(30));
    // What ran has missed the threshold.
    assert_eq!(ended.code, Some(99), "{}", ended.err);
    let words = ended.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the figures are those of 1 of 2 strategies, 1 seed"), "{}", ended.out);
    let folder = temp.path().join("run");
    let run = manifest(&folder);
    assert_eq!((&run["interrupted"], &run["finished"]), (&true.into(), &true.into()));
    let strategies = rows(&folder, "strategies.csv");
    assert_eq!(strategies.len(), 1);
    for file in ["calls.csv", "hops.csv", "timeline.csv"] {
        let of: BTreeSet<_> = rows(&folder, file).into_iter().map(|row| row["strategy"].clone()).collect();
        assert_eq!(of, BTreeSet::from(["none".to_owned()]), "{file}");
    }
    assert_eq!(number(&strategies[0], "calls"), rows(&folder, "calls.csv").len() as u64);
    assert_eq!(at_once(badgateway(["report", "run"]).current_dir(&temp)).well(), ended.out);
}

#[test]
fn with_nothing_to_compare_it_says_how_to_get_something() {
    let alone = SCENARIO.replace("  three: { retry: { max_attempts: 3 } }\n", "");
    let temp = folder(&alone);
    let told = at_once(&mut compare(temp.path(), &[])).without_result(2);
    assert!(told.contains("one strategy, `none`; write at least two"), "{told}");
    let told = at_once(&mut compare(temp.path(), &["--strategy", "nonsense"])).without_result(2);
    assert!(told.contains("there is no strategy `nonsense`"), "{told}");
    let told = at_once(&mut compare(temp.path(), &["--seeds", "0"])).without_result(2);
    assert!(told.contains("--seeds"), "{told}");
    assert!(!temp.path().join("run").exists());
}

//! Sweeps: in parts, interrupted and whole, they leave the same file.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{AT_ONCE, Ended, Running, at_once, badgateway, half_fails, rows};

/// How long a sweep may take here.
const SOON: Duration = Duration::from_mins(1);

const STRATEGIES: &str = "strategies:\n  none: {}\n  eager: { retry: { max_attempts: 2 } }\n";

/// What is varied: six points.
const VARY: [&str; 4] = ["--vary", "load[0].rate=40..80/3", "--vary", "faults[half].probability=10%,50%"];

/// A folder with the scenario `s.yaml`.
fn folder() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), half_fails(STRATEGIES)).unwrap();
    temp
}

fn start(folder: &Path, vary: &[&str], more: &[&str]) -> Running {
    let mut command = badgateway(["sweep", "s.yaml"]);
    Running::start(command.args(vary).args(more).current_dir(folder))
}

fn sweep(folder: &Path, more: &[&str]) -> Ended {
    start(folder, &VARY, more).end_within(SOON)
}

fn table(folder: &Path, out: &str) -> String {
    fs::read_to_string(folder.join(out).join("sweep.csv")).unwrap()
}

#[test]
fn a_row_a_point_and_strategy_whatever_runs_at_once() {
    let temp = folder();
    let told = sweep(temp.path(), &["--seeds", "3", "--jobs", "1", "--out", "one"]).well();
    assert!(told.contains("6 points, 2 rows a point, 3 seeds"), "{told}");
    sweep(temp.path(), &["--seeds", "3", "--jobs", "2", "--out", "two"]).well();
    assert_eq!(table(temp.path(), "one"), table(temp.path(), "two"));

    let all = rows(&temp.path().join("one"), "sweep.csv");
    let points: Vec<_> =
        all.iter().map(|r| (&*r["load[0].rate"], &*r["faults[half].probability"], &*r["strategy"])).collect();
    assert_eq!(points.len(), 12);
    assert_eq!(points[..3], [("40", "10%", "none"), ("40", "10%", "eager"), ("40", "50%", "none")]);
    let rate = |i: usize| all[i]["success_rate"].parse::<f64>().unwrap();
    // A tenth fails, and with a second attempt a hundredth.
    assert!((0.75..1.0).contains(&rate(0)) && rate(1) > rate(0) && rate(2) < 0.75, "{all:?}");
    assert!(all.iter().all(|row| row["seeds"] == "3" && !row["goodput_half_per_s"].is_empty()));
}

#[test]
fn interrupted_and_gone_on_with_it_is_the_same() {
    let temp = folder();
    // Points enough that an interruption comes between them, on any machine.
    let vary = ["--vary", "load[0].rate=40..80/300", "--quiet"];
    let running = start(temp.path(), &vary, &["--seeds", "3", "--jobs", "2", "--out", "out"]);
    let journal = temp.path().join("out/points.jsonl");
    let lines = || fs::read_to_string(&journal).unwrap_or_default().lines().count();
    while lines() < 3 {
        std::thread::sleep(Duration::from_millis(5));
    }
    running.send(Signal::INT);
    let told = running.end_within(Duration::from_secs(2)).without_result(1);
    assert!(told.contains("of 300 points done") && told.contains("`--out out` goes on"), "{told}");
    let done = lines();
    assert!((3..300).contains(&done), "{done}");
    assert!(!temp.path().join("out/sweep.csv").exists());

    let begun = fs::read(&journal).unwrap();
    let more = ["--seeds", "3", "--out", "out"];
    start(temp.path(), &vary, &more).end_within(SOON).well();
    let whole = fs::read(&journal).unwrap();
    assert!(whole.starts_with(&begun) && lines() == 300);
    start(temp.path(), &vary, &["--seeds", "3", "--out", "other"]).end_within(SOON).well();
    assert_eq!(table(temp.path(), "out"), table(temp.path(), "other"));

    // With everything there, nothing is run again; and another sweep is not mixed in.
    start(temp.path(), &vary, &more).end_within(SOON).well();
    assert_eq!(fs::read(&journal).unwrap(), whole);
    let told =
        start(temp.path(), &vary, &["--seeds", "4", "--out", "out"]).end_within(SOON).without_result(2);
    assert!(told.contains("out holds another sweep: --seeds is 3 there and 4 here"), "{told}");
}

#[test]
fn shards_joined_are_the_whole() {
    let temp = folder();
    sweep(temp.path(), &["--out", "whole"]).well();
    for (shard, out) in [("1/4", "a"), ("2/4", "b"), ("3/4", "c"), ("4/4", "d")] {
        sweep(temp.path(), &["--shard", shard, "--out", out]).well();
    }
    let merge = |dirs: &[&str]| {
        at_once(badgateway(["merge"]).args(dirs).args(["--out", "joined"]).current_dir(&temp))
    };
    let told = merge(&["a", "b", "d"]).without_result(2);
    assert!(told.contains("missing: shard 3/4"), "{told}");
    let told = merge(&["d", "b", "a", "c"]).well();
    assert!(told.contains("6 points"), "{told}");
    assert_eq!(table(temp.path(), "joined"), table(temp.path(), "whole"));
}

#[test]
fn a_precision_ends_a_point_early() {
    let temp = folder();
    let vary = ["--vary", "faults[half].probability=50%,100%"];
    let more = ["--seeds", "40", "--precision", "1%", "--set", "load[0].rate=20/s", "--out", "out"];
    start(temp.path(), &vary, &more).end_within(SOON).well();
    let seeds: Vec<_> =
        rows(&temp.path().join("out"), "sweep.csv").into_iter().map(|row| row["seeds"].clone()).collect();
    // Twenty calls of which half fail say little; where all fail, all seeds are alike.
    assert_eq!(seeds, ["40", "40", "10", "10"]);
}

#[test]
fn what_cannot_be_run_is_told_before_anything_runs() {
    let temp = folder();
    let cases: [(&[&str], &str); 8] = [
        (&["--vary", "load[0].rate=40,fast"], "load[0].rate=fast"),
        (&["--vary", "load[0].rat=40"], "load[0].rat=40"),
        (&["--vary", "load[0].rate=1..5ms/3"], "the same unit"),
        (&["--vary", "seed=1..1000/1000", "--vary", "duration=1s..2000s/2000"], "more than 1000000 points"),
        (&["--vary", "strategy=none,eager"], "by --strategy"),
        (&["--vary", "seed=1,18446744073709551615", "--seeds", "2"], "there are no 2 seeds"),
        (&["--vary", "seed=1", "--engine", "live", "--jobs", "2"], "live runs at once"),
        (&["--vary", "seed=1", "--shard", "3/2"], "write it as k/n"),
    ];
    for (arguments, reason) in cases {
        let mut command = badgateway(["sweep", "s.yaml", "--out", "out"]);
        let ended = Running::start(command.args(arguments).current_dir(&temp)).end_within(AT_ONCE);
        let told = ended.without_result(2);
        assert!(told.contains(reason), "{arguments:?}: {told}");
        assert!(!temp.path().join("out").exists());
    }
}

#[test]
fn the_result_in_each_format() {
    let temp = folder();
    let json = sweep(temp.path(), &["--out", "out", "--format", "json"]).well();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["points"], 6);
    assert_eq!(json["rows"].as_array().unwrap().len(), 12);
    assert_eq!(json["rows"][0]["values"][0], "40");
    assert_eq!(json["rows"][0]["strategy"], "none");
    let markdown = sweep(temp.path(), &["--out", "out", "--format", "markdown"]).well();
    assert!(markdown.contains("| 80 | 50% | eager |"), "{markdown}");
}

//! `run --seeds` and `--precision`: one scenario many times, and how well its figures are known.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{Row, Running, at_once, badgateway, half_fails, manifest, rows};

fn run(scenario: &Path, folder: &Path, more: &[&str]) -> String {
    let mut command = badgateway(["run", "--engine", "virtual", "--quiet"]);
    Running::start(command.arg(scenario).arg("--out").arg(folder).args(more))
        .end_within(Duration::from_mins(1))
        .well()
}

fn written() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("s.yaml");
    std::fs::write(&file, half_fails("seed: 3")).unwrap();
    (temp, file)
}

fn figure(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap()
}

#[test]
fn each_seed_is_what_a_run_of_its_own_is() {
    let (temp, scenario) = written();
    let (all, one) = (temp.path().join("all"), temp.path().join("one"));
    let printed = run(&scenario, &all, &["--seeds", "4", "--format", "json"]);
    run(&scenario, &one, &["--seed", "5"]);
    let seeds = rows(&all, "seeds.csv");
    let told: Vec<_> = seeds.iter().map(|row| row["seed"].as_str()).collect();
    assert_eq!(told, ["3", "4", "5", "6"]);
    assert_eq!(seeds[2], rows(&one, "seeds.csv")[0]);
    let row = &rows(&one, "strategies.csv")[0];
    for (column, value) in &seeds[2] {
        assert!(column == "seed" || row[column] == *value, "{column}");
    }
    let calls = |folder: &Path| -> Vec<Row> {
        rows(folder, "calls.csv").into_iter().filter(|call| call["seed"] == "5").collect()
    };
    assert_eq!(calls(&all), calls(&one));

    // Student's interval of four values: 3.1824 standard errors to each side.
    let rates: Vec<f64> = seeds.iter().map(|row| figure(row, "success_rate")).collect();
    let mean = rates.iter().sum::<f64>() / 4.0;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / 3.0;
    let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let means = &printed["means"][0];
    assert!((means["success_rate"].as_f64().unwrap() - mean).abs() < 1e-6, "{means:#}");
    let low = mean - 3.182_446 * (variance / 4.0).sqrt();
    assert!((means["success_low"].as_f64().unwrap() - low).abs() < 2e-6, "{means:#} {low}");
    assert_eq!(means["seeds"], 4);
}

#[test]
fn the_number_of_jobs_changes_nothing() {
    let (temp, scenario) = written();
    let more = ["--seeds", "30", "--precision", "20%", "--set", "load[0].arrivals=poisson"];
    let run = |jobs: &str| {
        let folder = temp.path().join(jobs);
        let printed = run(&scenario, &folder, &[&more[..], &["--jobs", jobs]].concat());
        (printed, folder)
    };
    let alone = run("1");
    assert!(rows(&alone.1, "seeds.csv").len() >= 10);
    for jobs in ["2", "7"] {
        let beside = run(jobs);
        assert_eq!(beside.0, alone.0);
        for file in ["seeds.csv", "calls.csv", "hops.csv", "timeline.csv", "strategies.csv", "origins.csv"] {
            let [one, other] = [&alone.1, &beside.1].map(|dir| std::fs::read(dir.join(file)).unwrap());
            assert!(one == other, "{file} is another with {jobs} jobs");
        }
        assert!(!beside.1.join("parts").exists());
    }
    assert_eq!(at_once(badgateway(["report"]).arg(&alone.1)).well(), alone.0);
}

#[test]
fn it_ends_as_soon_as_the_figures_are_known() {
    let (temp, scenario) = written();
    let seeds = |more: &[&str]| {
        let folder = temp.path().join("run");
        let printed = run(&scenario, &folder, more);
        (rows(&folder, "seeds.csv").len(), printed, manifest(&folder))
    };
    // Where all calls fail alike, ten seeds say all; and the seeds need no number.
    let all_fail = ["--set", "faults[half].probability=100%", "--precision", "1%"];
    let (ran, printed, _) = seeds(&all_fail);
    assert_eq!(ran, 10);
    assert!(printed.contains("after 10 seeds all figures are known to 1%"), "{printed}");
    // The share of fifty calls that fail is not known to 1% after twelve seeds.
    let (ran, printed, run) = seeds(&["--seeds", "12", "--precision", "1%"]);
    assert_eq!(ran, 12);
    let told = "after 12 seeds not all figures are known to 1%";
    assert_eq!(run["warnings"], serde_json::json!([told]));
    assert!(printed.contains(told), "{printed}");
}

//! `--records`: what is written of calls, and that nothing else depends on it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{Running, at_once, badgateway, half_fails, manifest, rows};

/// The files that tell no single calls.
const FIGURES: [&str; 6] =
    ["origins.csv", "layers.csv", "faults.csv", "strategies.csv", "timeline.csv", "seeds.csv"];

/// Half of the attempts fail, and a second one hides some of that.
const TWICE: &str = "strategies: { none: {}, twice: { retry: { max_attempts: 2 } } }";

/// Runs a scenario in virtual time, or compares its strategies, with these rows; what it prints.
fn run(command: &[&str], scenario: &Path, folder: &Path, records: &str) -> String {
    let mut command = badgateway(command);
    command.args(["--engine", "virtual", "--quiet", "--records", records]);
    Running::start(command.arg(scenario).arg("--out").arg(folder)).end_within(Duration::from_mins(1)).well()
}

/// The same with all rows, with those of failures and with none: what was printed, and where they are.
fn runs(command: &[&str]) -> (tempfile::TempDir, [(String, PathBuf); 3]) {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("s.yaml");
    std::fs::write(&file, half_fails(TWICE)).unwrap();
    let run = |records: &str| {
        let folder = temp.path().join(records);
        let printed = run(command, &file, &folder, records);
        assert_eq!(manifest(&folder)["records"], records);
        (printed, folder)
    };
    let three = ["all", "failed", "none"].map(run);
    (temp, three)
}

#[test]
fn the_figures_are_of_all_calls_whatever_is_written() {
    for command in [&["run", "--strategy", "twice"][..], &["compare", "--seeds", "2"]] {
        let (_temp, [all, failed, none]) = runs(command);
        assert!(all.0 == failed.0 && all.0 == none.0, "{}", none.0);
        for file in FIGURES {
            let [all, failed, none] =
                [&all, &failed, &none].map(|(_, folder)| std::fs::read(folder.join(file)).unwrap());
            assert!(all == failed && all == none, "{file}");
        }
        let again = at_once(badgateway(["report"]).arg(&none.1)).well();
        assert_eq!(again, none.0);
    }
}

#[test]
fn only_calls_in_which_something_failed_are_kept_or_none() {
    let (_temp, [(_, all), (_, failed), (_, none)]) = runs(&["run", "--strategy", "twice"]);
    let has_failed: BTreeSet<String> = rows(&all, "hops.csv")
        .into_iter()
        .filter(|hop| !hop["error"].is_empty() || hop["status"] != "200")
        .map(|hop| hop["call"].clone())
        .collect();
    for file in ["calls.csv", "hops.csv"] {
        let every = rows(&all, file);
        let some: Vec<_> = every.iter().filter(|row| has_failed.contains(&row["call"])).cloned().collect();
        assert!(!some.is_empty() && some.len() < every.len(), "{file}: {} of {}", some.len(), every.len());
        assert_eq!(rows(&failed, file), some, "{file}");
        assert!(rows(&none, file).is_empty(), "{file}");
    }
    // Of some of them the client knows nothing.
    assert!(rows(&failed, "calls.csv").iter().any(|call| call["origin"].is_empty()));
}

#[test]
fn a_call_is_explained_if_it_was_kept() {
    let (_temp, [(_, all), (_, failed), (_, none)]) = runs(&["run", "--strategy", "twice"]);
    let explain = |folder: &Path, call: &[&String]| at_once(badgateway(["explain"]).arg(folder).args(call));
    assert_eq!(explain(&failed, &[]).well(), explain(&all, &[]).well());

    let is_kept = |call: &str| rows(&failed, "calls.csv").iter().any(|row| row["call"] == call);
    let calls: Vec<_> = rows(&all, "calls.csv").into_iter().map(|row| row["call"].clone()).collect();
    let kept = calls.iter().find(|call| is_kept(call)).unwrap();
    let left_out = calls.iter().find(|call| !is_kept(call)).unwrap();
    assert_eq!(explain(&failed, &[kept]).well(), explain(&all, &[kept]).well());
    let told = explain(&failed, &[left_out]).without_result(2);
    assert!(told.contains("--records failed"), "{told}");
    for call in [&[][..], &[kept]] {
        let told = explain(&none, call).without_result(2);
        assert!(told.contains("--records none"), "{told}");
    }
}

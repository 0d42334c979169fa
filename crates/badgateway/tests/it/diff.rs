//! `badgateway diff`.

use std::path::Path;
use std::time::Duration;

use crate::support::{Ended, Running, at_once, badgateway, half_fails};

/// Runs a scenario of which half the calls fail, into a folder of this name.
fn run(folder: &Path, name: &str, more: &[&str]) {
    let mut command = badgateway(["run", "half.yaml", "--engine", "virtual", "--quiet", "--out", name]);
    let ended = Running::start(command.args(more).current_dir(folder)).end_within(Duration::from_secs(20));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

fn diff(folder: &Path, more: &[&str]) -> Ended {
    at_once(badgateway(["diff", "a", "b"]).args(more).current_dir(folder))
}

#[test]
fn a_regression_is_told_and_has_its_exit_code() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("half.yaml"), half_fails("")).unwrap();
    run(temp.path(), "a", &[]);
    run(temp.path(), "b", &[]);
    let same = diff(temp.path(), &[]);
    assert_eq!(same.code, Some(0), "{}", same.err);
    assert!(same.out.contains("nothing is worse"), "{}", same.out);

    run(temp.path(), "b", &["--set", "faults[0].probability=100%"]);
    let worse = diff(temp.path(), &["--page", "diff.html"]);
    assert_eq!(worse.code, Some(99), "{}", worse.err);
    assert!(worse.out.contains("success rate is worse: 0.0% instead of"), "{}", worse.out);
    let page = std::fs::read_to_string(temp.path().join("diff.html")).unwrap();
    assert!(page.contains(" figures are worse") && page.ends_with("</html>"));

    let tolerated = diff(temp.path(), &["--tolerance", "100%", "--format", "json"]);
    assert_eq!(tolerated.code, Some(0), "{}", tolerated.err);
    let json: serde_json::Value = serde_json::from_str(&tolerated.out).unwrap();
    assert_eq!(json["strategies"][0]["figures"][0]["change"], "same");
}

#[test]
fn a_tolerance_that_is_none_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let told = diff(temp.path(), &["--tolerance", "speed=1%"]).without_result(2);
    assert!(told.contains("it is success, latency, load or goodput"), "{told}");
}

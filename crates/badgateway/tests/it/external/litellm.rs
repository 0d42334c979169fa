//! `LiteLLM`'s proxy as it comes, before a model server that breaks.

use std::path::Path;
use std::time::Duration;

use super::{shipped, with_tools};
use crate::support::{Running, manifest, number, rows};

/// It takes ten seconds to start, on a busy machine longer.
const PATIENCE: Duration = Duration::from_mins(3);

fn run(folder: &Path, set: &[&str]) -> String {
    let mut command = with_tools(["run", "--quiet", "--out"]);
    command.arg(folder).arg(shipped("litellm.yaml"));
    for set in set {
        command.args(["--set", set]);
    }
    Running::start(&mut command).end_within(PATIENCE).well()
}

#[test]
fn what_breaks_behind_it_is_traced_whatever_it_makes_of_it() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("run");
    run(&folder, &[]);
    let run = manifest(&folder);
    assert!(run["score"]["misses"].as_array().unwrap().is_empty(), "{}", run["score"]);
    assert!(run["score"]["single"]["right"].as_u64().unwrap() > 5, "{}", run["score"]);

    let faults = rows(&folder, "faults.csv");
    let idle: Vec<_> = faults.iter().filter(|fault| number(fault, "injected") == 0).collect();
    assert!(idle.is_empty() && faults.len() == 6, "{idle:?}");
    let origins = rows(&folder, "origins.csv");
    let places: Vec<_> = faults.iter().map(|fault| &fault["target"]).collect();
    assert!(origins.iter().all(|origin| places.contains(&&origin["origin"])), "{origins:?}");
    // It tries again, and makes its own statuses: a broken connection is a 500.
    assert!(origins.iter().any(|origin| number(origin, "masked") > 0), "{origins:?}");
    assert!(origins.iter().all(|origin| origin["status"] != "502"), "{origins:?}");

    let calls = rows(&folder, "calls.csv");
    let good = calls.iter().filter(|call| call["status"] == "200" && call["origin"].is_empty()).count();
    assert!(good * 2 > calls.len(), "{good} of {}", calls.len());
    // A stream that broke has a good status all the same.
    let cut = |call: &&crate::support::Row| call["status"] == "200" && call["mechanism"] == "truncate";
    assert!(calls.iter().any(|call| cut(&call)), "{calls:?}");
}

#[test]
fn a_run_that_asks_more_than_it_can_says_that_it_was_the_limit() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("run");
    // It does some hundred a second: the last have to wait for longer than the client does.
    let set = ["load[0].rate=400/s", "load[1].rate=1/s", "duration=8s", "faults=[]"];
    let told = run(&folder, &set).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("the program litellm was the limit"), "{told}");
    let origins = rows(&folder, "origins.csv");
    let of_its_own = |origin: &crate::support::Row| {
        [&origin["origin"], &origin["cause"], &origin["mechanism"]] == ["litellm", "overload", "slow"]
    };
    assert!(!origins.is_empty() && origins.iter().all(of_its_own), "{origins:?}");
}

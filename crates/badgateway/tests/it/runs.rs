//! The shipped scenarios, each run once, and what the runs leave behind.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Row, Running, at_once, badgateway, manifest, number, rows, scenarios};

/// The files with their columns; a version may add some at the end.
const COLUMNS: [(&str, &str); 7] = [
    (
        "origins.csv",
        "strategy,status,origin,origin_kind,cause,mechanism,surfaced,masked,share,first_ms,last_ms",
    ),
    (
        "layers.csv",
        "strategy,node,requests,ok,generated_502,forwarded_502,generated_5xx,forwarded_5xx,absorbed",
    ),
    ("faults.csv", "strategy,fault,target,cause,mechanism,matched,injected,masked,surfaced,harmless"),
    (
        "strategies.csv",
        "strategy,calls,succeeded,success_rate,success_low,success_high,p50_ms,p90_ms,p99_ms,p999_ms,max_ms,attempts_per_call,amplification,wasted_work,goodput_per_s,rank",
    ),
    (
        "calls.csv",
        "strategy,call,client,start_ms,latency_ms,status,error,attempts,origin,cause,mechanism,path",
    ),
    (
        "hops.csv",
        "strategy,call,hop,parent,attempt,from,to,start_us,duration_us,status,error,generated_by,seen_by_callee,reused,faults",
    ),
    ("timeline.csv", "strategy,second,node,requests,ok,status_502,other_errors,in_flight,queued,p99_ms"),
];

/// A run of a shipped scenario.
pub(crate) struct Ran {
    pub(crate) scenario: PathBuf,
    pub(crate) folder: PathBuf,
    code: Option<i32>,
    /// What it printed, as JSON.
    printed: String,
}

/// How many scenarios run at once: on a small machine they share the processors with other tests.
const AT_A_TIME: usize = 3;

pub(crate) static RUNS: LazyLock<Vec<Ran>> = LazyLock::new(|| {
    let left = Mutex::new(scenarios());
    let runs = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = left.lock().unwrap().pop() else { return };
                    let ran = run(scenario);
                    runs.lock().unwrap().push(ran);
                }
            });
        }
    });
    runs.into_inner().unwrap()
});

fn run(scenario: PathBuf) -> Ran {
    // Not a temporary folder: nothing would remove it when the tests have ended.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("runs").join(scenario.file_stem().unwrap());
    let once = || {
        let mut command = badgateway(["run", "--quiet", "--format", "json"]);
        let ended = Running::start(command.arg(&scenario).arg("--out").arg(&folder))
            .end_within(Duration::from_mins(1));
        assert_eq!(ended.err, "", "{}", scenario.display());
        ended
    };
    // A run that this machine was too busy for says so, and says nothing about the scenario.
    let ended = once();
    let ended = if manifest(&folder)["machine_limit"].is_null() { ended } else { once() };
    Ran { scenario, folder, code: ended.code, printed: ended.out }
}

impl Ran {
    fn rows(&self, file: &str) -> Vec<Row> {
        rows(&self.folder, file)
    }

    /// The calls that the figures are about.
    fn calls(&self) -> Vec<Row> {
        let warmup = 1000.0 * manifest(&self.folder)["warmup_s"].as_f64().unwrap();
        let mut calls = self.rows("calls.csv");
        calls.retain(|call| call["start_ms"].parse::<f64>().unwrap() >= warmup);
        calls
    }

    /// Whether something is broken on purpose; else its failures are refusals by the nodes' own rules.
    fn has_faults(&self) -> bool {
        std::fs::read_to_string(&self.scenario).unwrap().lines().any(|line| line.starts_with("faults:"))
    }

    pub(crate) fn name(&self) -> String {
        self.scenario.file_name().unwrap().to_string_lossy().into_owned()
    }
}

/// A call that got no whole response with a status below 400.
fn failed(call: &Row) -> bool {
    !call["error"].is_empty() || call["status"].is_empty() || number(call, "status") >= 400
}

#[test]
fn every_scenario_passes_the_check() {
    for scenario in scenarios() {
        let out = at_once(badgateway(["check"]).arg(&scenario)).well();
        assert!(out.starts_with("ok: "), "{out}");
    }
}

#[test]
fn each_ends_well_or_misses_the_threshold_that_its_comment_says_it_misses() {
    for ran in RUNS.iter() {
        let text = std::fs::read_to_string(&ran.scenario).unwrap();
        let comment = text.lines().filter(|line| line.starts_with('#')).any(|line| line.contains("99"));
        let well = ran.code == Some(0) || (comment && ran.code == Some(99));
        assert!(well, "{}: {:?}\n{}", ran.name(), ran.code, ran.printed);
    }
}

#[test]
fn each_leaves_its_files_with_the_columns_that_others_script_against() {
    for ran in RUNS.iter() {
        for (file, columns) in COLUMNS {
            let text = std::fs::read_to_string(ran.folder.join(file)).unwrap();
            let head = text.lines().next().unwrap();
            let rest = head.strip_prefix(columns);
            let added_at_the_end = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(','));
            assert!(added_at_the_end, "{}: {file} begins with {head}", ran.name());
            let has_rows = file != "faults.csv" || ran.has_faults();
            assert_eq!(text.lines().count() > 1, has_rows, "{}: {file}", ran.name());
        }
        let run = manifest(&ran.folder);
        assert_eq!((&run["finished"], &run["interrupted"]), (&Value::Bool(true), &Value::Bool(false)));
        assert_eq!(run["engine"], "live");
    }
}

#[test]
fn the_origins_add_up_to_the_failed_calls() {
    for ran in RUNS.iter() {
        let calls = ran.calls();
        let mut by_verdict = BTreeMap::new();
        for call in calls.iter().filter(|call| failed(call)) {
            let verdict = ["status", "origin", "cause", "mechanism"].map(|column| call[column].clone());
            assert!(!call["origin"].is_empty() && !call["path"].is_empty(), "{call:?}");
            *by_verdict.entry(verdict).or_insert(0) += 1;
        }
        let mut origins = BTreeMap::new();
        for row in ran.rows("origins.csv") {
            let verdict = ["status", "origin", "cause", "mechanism"].map(|column| row[column].clone());
            origins.insert(verdict, number(&row, "surfaced"));
        }
        origins.retain(|_, surfaced| *surfaced > 0);
        assert_eq!(origins, by_verdict, "{}", ran.name());

        let figures = &ran.rows("strategies.csv")[0];
        let failures: u64 = by_verdict.values().sum();
        assert_eq!(number(figures, "calls"), calls.len() as u64, "{}", ran.name());
        assert_eq!(number(figures, "calls") - number(figures, "succeeded"), failures, "{}", ran.name());
    }
}

#[test]
fn the_ledger_of_each_fault_adds_up_and_none_is_idle() {
    for ran in RUNS.iter() {
        for fault in ran.rows("faults.csv") {
            let [matched, injected, masked, surfaced, harmless] =
                ["matched", "injected", "masked", "surfaced", "harmless"].map(|c| number(&fault, c));
            assert_eq!(injected, masked + surfaced + harmless, "{}: {fault:?}", ran.name());
            assert!(matched >= injected && injected > 0, "{}: {fault:?}", ran.name());
        }
        assert_eq!(manifest(&ran.folder)["unmatched"], Value::Array(Vec::new()));
    }
}

#[test]
fn what_a_single_fault_has_broken_is_traced_to_it() {
    for ran in RUNS.iter() {
        let score = &manifest(&ran.folder)["score"];
        let single = &score["single"];
        assert_eq!(single["right"], single["total"], "{}: {score:#}", ran.name());
        let has_broken = ran.has_faults() && ran.calls().iter().any(failed);
        assert_eq!(single["total"].as_u64() > Some(0), has_broken, "{}: {score:#}", ran.name());
    }
}

#[test]
fn every_hop_has_its_place_in_its_calls_tree() {
    for ran in RUNS.iter() {
        let run = manifest(&ran.folder);
        let edges: HashSet<_> = run["edges"].as_array().unwrap().iter().collect();
        let attempts: HashMap<_, _> =
            ran.rows("calls.csv").iter().map(|c| (c["call"].clone(), number(c, "attempts"))).collect();
        let hops = ran.rows("hops.csv");
        let by_id: HashMap<_, _> = hops.iter().map(|hop| (&hop["hop"], hop)).collect();
        assert_eq!(by_id.len(), hops.len(), "{}: an identity is not unique", ran.name());
        let mut tried = HashMap::new();
        for hop in &hops {
            let edge = serde_json::json!({ "from": hop["from"], "to": hop["to"] });
            assert!(edges.contains(&edge), "{}: {hop:?}", ran.name());
            match by_id.get(&hop["parent"]) {
                Some(parent) => assert_eq!(
                    (&parent["call"], &parent["to"]),
                    (&hop["call"], &hop["from"]),
                    "{}: {hop:?}",
                    ran.name()
                ),
                None => *tried.entry(hop["call"].clone()).or_insert(0) += 1,
            }
        }
        assert_eq!(tried, attempts, "{}", ran.name());
    }
}

#[test]
fn a_report_is_what_the_run_printed() {
    for ran in RUNS.iter() {
        let report = at_once(badgateway(["report", "--format", "json"]).arg(&ran.folder)).well();
        assert_eq!(report, ran.printed, "{}", ran.name());
        let markdown = at_once(badgateway(["report", "--format", "markdown"]).arg(&ran.folder)).well();
        assert!(markdown.contains("| --- |"), "{markdown}");
    }
}

#[test]
fn explain_shows_what_was_sent_and_where_it_broke() {
    // Where a fallback has hidden every failure there is nothing to explain.
    for ran in RUNS.iter().filter(|ran| ran.calls().iter().any(failed)) {
        let shown = at_once(badgateway(["explain"]).arg(&ran.folder)).well();
        assert!(shown.contains("http://127.0.0.1:"), "{shown}");
        let calls = ran.rows("calls.csv");
        let mut seen = BTreeSet::new();
        for call in calls.iter().filter(|call| seen.insert((&call["origin"], &call["mechanism"]))) {
            let shown = at_once(badgateway(["explain"]).arg(&ran.folder).arg(&call["call"])).well();
            let whole = shown.split_whitespace().collect::<Vec<_>>().join(" ");
            let heading = format!("Call {} of {}", call["call"], call["client"]);
            assert!(whole.starts_with(&heading), "{shown}");
            assert!(whole.contains(&call["path"]) && whole.contains(&call["evidence"]), "{call:?}\n{shown}");
        }
    }
}

#[test]
fn the_scenario_that_a_run_keeps_makes_the_same_calls_again() {
    for ran in RUNS.iter() {
        let kept = ran.folder.join("scenario.yaml");
        // What follows names places, and a kept scenario has other lines.
        let counts = |file: &Path| {
            let checked = at_once(badgateway(["check"]).arg(file)).well();
            checked.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(counts(&kept), counts(&ran.scenario));
    }
    let first = RUNS.iter().find(|ran| ran.name() == "quickstart.yaml").unwrap();
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("again");
    let mut again = badgateway(["run", "--quiet"]);
    again.arg(first.folder.join("scenario.yaml")).arg("--out").arg(&folder);
    Running::start(&mut again).end_within(Duration::from_mins(1)).well();
    let due = |rows: Vec<Row>| -> BTreeMap<String, String> {
        rows.into_iter()
            .map(|mut row| (row.remove("call").unwrap(), row.remove("start_ms").unwrap()))
            .collect()
    };
    assert_eq!(due(rows(&folder, "calls.csv")), due(first.rows("calls.csv")));
}

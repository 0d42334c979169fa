//! `--access-log`: a line for each attempt, which says what `hops.csv` says and what was on the wire, and
//! no secret.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Running, badgateway, half_fails, rows};

/// The lines of an access log.
pub(crate) fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Its lines of one kind.
fn of<'a>(kind: &str, lines: &'a [Value]) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

/// Runs a scenario with an access log; its lines, and the folder.
fn run(text: &str, args: &[&str]) -> (tempfile::TempDir, Vec<Value>) {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), text).unwrap();
    let mut command = badgateway(args);
    command.args(["s.yaml", "--quiet", "--out", "run", "--access-log"]).current_dir(&temp);
    Running::start(&mut command).end_within(Duration::from_mins(1)).well();
    let lines = lines(&temp.path().join("run/access.jsonl"));
    (temp, lines)
}

/// What a line and a row both say.
fn as_row(line: &Value) -> [String; 9] {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let or_none = |value: &Value| if value.is_null() { String::new() } else { text(value) };
    [
        text(&line["span_id"]),
        text(&line["parent_id"]),
        text(&line["node"]),
        text(&line["upstream"]),
        text(&line["attempt"]),
        or_none(&line["status"]),
        or_none(&line["error"]),
        text(&line["at_us"]),
        (!line["served"].is_null()).to_string(),
    ]
}

#[test]
fn each_attempt_has_a_line_in_either_engine() {
    for engine in ["live", "virtual"] {
        let (temp, lines) = run(&half_fails(""), &["run", "--engine", engine]);
        let mut logged: Vec<_> = of("hop", &lines).into_iter().map(as_row).collect();
        let columns =
            ["hop", "parent", "from", "to", "attempt", "status", "error", "start_us", "seen_by_callee"];
        let hops = rows(&temp.path().join("run"), "hops.csv");
        let mut hops: Vec<_> = hops.iter().map(|hop| columns.map(|c| hop[c].clone())).collect();
        logged.sort();
        hops.sort();
        // The one time is rounded, the other cut.
        for (row, hop) in logged.iter_mut().zip(&mut hops) {
            let [logged, written] = [&row[7], &hop[7]].map(|us| us.parse::<u64>().unwrap());
            assert!(logged.abs_diff(written) <= 1, "{row:?} {hop:?}");
            row[7].clear();
            hop[7].clear();
        }
        assert!(logged == hops && hops.len() > 50, "{engine}: {} lines, {} rows", logged.len(), hops.len());
        let calls = rows(&temp.path().join("run"), "calls.csv");
        assert_eq!(of("call", &lines).len(), calls.len(), "{engine}");
        assert!(lines.iter().all(|line| line["faults"].is_null()), "no mark of the injector's");
    }
}

#[test]
fn a_line_has_what_was_on_the_wire_without_its_secrets() {
    let text = half_fails("").replace(
        "rate: 50/s }",
        "rate: 50/s, request: { method: POST, path: '/v1/chat?key=s3cret&stream=true', \
         headers: { x-api-key: s3cret, cookie: s=s3cret, x-tag: blue } } }",
    );
    let (temp, lines) = run(&text, &["run"]);
    let whole = std::fs::read_to_string(temp.path().join("run/access.jsonl")).unwrap();
    assert!(!whole.contains("s3cret") && !whole.contains("Bearer"), "a secret");
    let hops = of("hop", &lines);
    for line in &hops {
        assert_eq!(line["method"], "POST");
        let url = line["url"].as_str().unwrap();
        assert!(url.starts_with("http://127.0.0.1:") && url.contains("/v1/chat?key=[redacted]&"), "{url}");
        assert_eq!(line["query"]["stream"], "true");
        let sent = &line["request_headers"];
        assert_eq!((&sent["x-tag"], &sent["x-api-key"]), (&"blue".into(), &"[redacted]".into()), "{line}");
        let parent =
            format!("00-{}-{}-01", line["trace_id"].as_str().unwrap(), line["span_id"].as_str().unwrap());
        assert_eq!(sent["traceparent"], parent);
        if line["status"].is_number() {
            assert!(!line["response_headers"]["date"].is_null(), "{line}");
        } else {
            assert!(!line["message"].is_null(), "{line}");
        }
    }
    let start = crate::support::manifest(&temp.path().join("run"))["start"].as_str().unwrap().to_owned();
    assert!(hops[0]["time"].as_str().unwrap() >= &start[..19], "{} {start}", hops[0]["time"]);
}

#[test]
fn a_comparison_has_the_lines_of_all_its_strategies_however_many_run_at_once() {
    let text = half_fails("strategies: { none: {}, twice: { retry: { max_attempts: 2 } } }");
    let compare = ["compare", "--engine", "virtual", "--seeds", "3", "--jobs"];
    let [one, four] = ["1", "4"].map(|jobs| run(&text, &[&compare[..], &[jobs]].concat()).1);
    assert!(one == four, "{} and {} lines", one.len(), four.len());
    let mut calls = BTreeMap::<_, usize>::new();
    for line in of("call", &one) {
        *calls.entry((line["strategy"].to_string(), line["seed"].to_string())).or_default() += 1;
    }
    assert_eq!(calls.len(), 6);
    assert!(calls.values().all(|n| *n == 50), "{calls:?}");
}

#[test]
fn processes_tell_when_they_were_gone_and_the_log_can_be_elsewhere() {
    let text = half_fails("")
        .replace("crash: panic, probability: 50%", "crash: { down: { restart_after: 200ms } }, start: 300ms");
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), text).unwrap();
    let run = ["run", "s.yaml", "--quiet", "--out", "run", "--engine", "virtual", "--access-log=other.jsonl"];
    Running::start(badgateway(run).current_dir(&temp)).end_within(Duration::from_mins(1)).well();
    assert!(!temp.path().join("run/access.jsonl").exists());
    let lines = lines(&temp.path().join("other.jsonl"));
    let told: Vec<_> =
        of("process", &lines).iter().map(|l| (l["event"].clone(), l["at_us"].clone())).collect();
    assert_eq!(
        told,
        [("down".into(), 300_000.into()), ("up".into(), 500_000.into()), ("ready".into(), 500_000.into())]
    );
    assert_eq!(of("process", &lines)[0]["time"], "1970-01-01T00:00:00.300000Z");
}

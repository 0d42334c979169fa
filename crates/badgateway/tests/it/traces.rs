//! Traces for OpenTelemetry: what a receiver gets is what the run's folder has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::metrics::update;
use crate::support::{AT_ONCE, Running, badgateway, number, root, rows};
use crate::up::{Up, scenario};

/// How long a run of a second may take.
const SHORT: Duration = Duration::from_secs(40);

const SCENARIO: &str = "name: traced
duration: 1s
nodes:
  client: { kind: client }
  gw: { kind: gateway }
  app: { kind: server, service_time: 2ms }
edges:
  - client -> gw: { retry: { max_attempts: 2 } }
  - gw -> app: { timeout: 500ms }
load: [{ from: client, rate: 60/s, request: { method: POST, path: /v1/x } }]
faults:
  - { name: dies, at: app, crash: panic, probability: 40% }
  - { name: resets, at: gw -> app, network: reset_peer, probability: 20% }
strategies:
  once: {}
  thrice: { retry: { max_attempts: 3, on: [502], idempotent_only: false } }
";

/// A receiver that runs.
struct Receiver {
    running: Running,
    url: String,
}

fn receiver(folder: &Path) -> Receiver {
    let script = root().join("crates/badgateway/tests/it/traces/receiver.py");
    let mut command = Command::new(root().join(".tools/venv/bin/python"));
    let running = Running::start(command.arg(script).arg("spans").current_dir(folder));
    let begin = Instant::now();
    let url = loop {
        let told = running.told();
        if let Some(line) = told.lines().next().filter(|_| told.ends_with('\n')) {
            break line.to_owned();
        }
        assert!(begin.elapsed() < 2 * AT_ONCE, "the receiver did not start: {told}");
        std::thread::sleep(Duration::from_millis(10));
    };
    Receiver { running, url }
}

/// The spans that came, by the receiver's words; or those of a file.
fn spans(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn word<'a>(span: &'a Value, attribute: &str) -> &'a str {
    span["attributes"][attribute].as_str().unwrap_or("")
}

/// Holds spans to the rows of one strategy.
fn hold(spans: &[&Value], folder: &Path, strategy: &str) {
    let of = |file| rows(folder, file).into_iter().filter(|row| row["strategy"] == strategy);
    let kind = |kind: u64| spans.iter().filter(move |span| span["kind"] == kind);
    let calls: Vec<_> = of("calls.csv").collect();
    assert_eq!(kind(1).count(), calls.len());
    for call in &calls {
        let span = kind(1).find(|span| word(span, "badgateway.call") == call["call"]).unwrap();
        assert_eq!(word(span, "badgateway.verdict.origin"), call["origin"]);
        assert_eq!(word(span, "badgateway.verdict.mechanism"), call["mechanism"]);
        assert_eq!(span["error"].as_bool().unwrap(), !call["origin"].is_empty());
    }
    let hops: Vec<_> = of("hops.csv").collect();
    assert_eq!(kind(3).count(), hops.len());
    for hop in &hops {
        let client = kind(3).find(|span| span["span"] == hop["hop"]).unwrap();
        let status = &client["attributes"]["http.response.status_code"];
        assert_eq!(status.as_u64().map(|s| s.to_string()).unwrap_or_default(), hop["status"]);
        let resent = client["attributes"]["http.request.resend_count"].as_u64().unwrap_or(0);
        assert_eq!(resent + 1, number(hop, "attempt"));
        assert_eq!(word(client, "badgateway.edge"), format!("{} -> {}", hop["from"], hop["to"]));
        let error = word(client, "error.type");
        if hop["error"].is_empty() {
            assert_eq!(error.parse::<u16>().is_ok(), client["error"].as_bool().unwrap());
        } else {
            assert_eq!(error, hop["error"]);
        }
        let server = kind(2).find(|span| span["parent"] == hop["hop"]);
        assert_eq!(server.is_some().to_string(), hop["seen_by_callee"]);
        assert_eq!(client["attributes"]["badgateway.seen_by_callee"], server.is_some());
    }
    // Each is a part of another of the same trace, but for the calls themselves.
    let known: BTreeSet<_> = spans.iter().map(|s| (s["trace"].as_str(), s["span"].as_str())).collect();
    assert_eq!(known.len(), spans.len());
    for span in kind(2).chain(kind(3)) {
        assert!(known.contains(&(span["trace"].as_str(), span["parent"].as_str())), "{span}");
        assert!(span["start"].as_u64() <= span["end"].as_u64());
    }
}

#[test]
fn a_receiver_gets_every_hop_of_every_run() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), SCENARIO).unwrap();
    let receiver = receiver(temp.path());
    let mut command = badgateway(["compare", "s.yaml", "--out", "run", "--otlp", &receiver.url]);
    let ended = Running::start(command.current_dir(&temp)).end_within(SHORT);
    let refused = receiver.running.told();
    assert!(!refused.contains("refused"), "{refused}");
    let all = spans(&temp.path().join("spans"));
    assert!(
        ended.err.contains(&format!("traces: {} spans sent to {}/v1/traces", all.len(), receiver.url)),
        "{}",
        ended.err
    );
    let folder = temp.path().join("run");
    for strategy in ["once", "thrice"] {
        let own: Vec<_> = all.iter().filter(|s| s["resource"]["badgateway.strategy"] == strategy).collect();
        assert!(!own.is_empty());
        hold(&own, &folder, strategy);
    }
    ended.well();
    // The runs' traces have nothing in common but how they begin, and are those on the wire.
    let runs: BTreeSet<_> = all.iter().map(|span| span["trace"].as_str().unwrap()[..16].to_owned()).collect();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert!(runs.iter().all(|run| run.starts_with("badca11b")));
    let examples = fs::read_to_string(folder.join("examples.jsonl")).unwrap();
    assert!(runs.iter().all(|run| examples.contains(&format!("\"00-{run}"))));
}

#[test]
fn a_file_has_the_same_in_lines_of_otlp() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), SCENARIO).unwrap();
    let args = ["run", "s.yaml", "--engine", "virtual", "--out", "run", "--otlp", "spans.jsonl"];
    let ended = Running::start(badgateway(args).current_dir(&temp)).end_within(SHORT);
    assert!(ended.err.contains("spans written to spans.jsonl"), "{}", ended.err);
    ended.well();
    let mut kinds: BTreeMap<u64, usize> = BTreeMap::new();
    for span in written(&temp.path().join("spans.jsonl")) {
        *kinds.entry(span["kind"].as_u64().unwrap()).or_default() += 1;
    }
    let folder = temp.path().join("run");
    let hops = rows(&folder, "hops.csv");
    let seen = hops.iter().filter(|hop| hop["seen_by_callee"] == "true").count();
    let expected = [(1, rows(&folder, "calls.csv").len()), (2, seen), (3, hops.len())];
    assert_eq!(kinds, BTreeMap::from(expected));
}

/// The spans of a file in lines of OTLP's JSON.
fn written(file: &Path) -> Vec<Value> {
    let lines = spans(file);
    let resources = lines.iter().flat_map(|line| line["resourceSpans"].as_array().unwrap());
    resources.flat_map(|resource| resource["scopeSpans"][0]["spans"].as_array().unwrap().clone()).collect()
}

#[test]
fn a_clients_own_trace_goes_on() {
    let up = Up::start(&scenario("{ at: app, crash: exception, count: 1 }"), &["--otlp", "spans.jsonl"]);
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let told = |parent: &str| up.curl(&["-H", &format!("traceparent: {parent}"), "URL/"]);
    let theirs = format!("00-{trace}-{span}-01");
    assert_eq!([told(&theirs), told(&theirs), told("nonsense")], ["500 ", "200 ", "200 "]);
    assert_eq!(up.curl(&["URL/"]), "200 ");
    let (_, folder) = up.end();
    let all = written(&folder.path().join("spans.jsonl"));
    let calls = all.iter().filter(|span| span["kind"] == 1);
    let (linked, own): (Vec<_>, Vec<_>) = calls.partition(|call| call["parentSpanId"] == span);
    assert_eq!((linked.len(), own.len()), (1, 2), "two attempts with one id are one call");
    assert!(own.iter().all(|call| call["parentSpanId"].is_null()));
    assert!(own.iter().all(|call| call["traceId"].as_str().unwrap().starts_with("badca11b")));
    // The call, and both sides of two attempts over two edges.
    assert_eq!(all.iter().filter(|span| span["traceId"] == trace).count(), 9);
}

#[test]
fn a_receiver_that_is_away_is_a_warning() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), SCENARIO).unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}");
    let mut command = badgateway(["run", "s.yaml", "--quiet", "--out", "run", "--otlp", &url]);
    let ended = Running::start(command.current_dir(&temp)).end_within(SHORT);
    assert!(
        ended.err.contains("spans were dropped") && ended.err.contains("Connection refused"),
        "{}",
        ended.err
    );
    assert!(ended.well().contains("calls"));
}

#[test]
fn where_spans_cannot_go_is_told_at_once() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), SCENARIO).unwrap();
    for (to, told) in [("https://collector", "by http alone"), ("no/such/folder/x", "cannot write spans to")]
    {
        let mut command = badgateway(["run", "s.yaml", "--out", "run", "--otlp", to]);
        let err = Running::start(command.current_dir(&temp)).end_within(AT_ONCE).without_result(2);
        assert!(err.contains(told), "{err}");
    }
}

/// The attributes as the page shows them.
fn attributes_page() -> String {
    let rows = trace::otlp::attribute::ALL.iter();
    let rows = rows.map(|(name, on, meaning)| format!("| `{name}` | {on} | {meaning} |\n"));
    ["| attribute | on | what it says |\n| --- | --- | --- |\n".to_owned()].into_iter().chain(rows).collect()
}

/// `UPDATE_DOCS=1 cargo test -p badgateway --test it traces` writes the table anew.
#[test]
fn the_page_lists_every_attribute() {
    update("docs/monitoring.md", "attributes", &attributes_page());
}

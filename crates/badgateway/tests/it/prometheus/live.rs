//! A real Prometheus beside a real run.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::export;
use crate::metrics::metrics_url;
use crate::support::{AT_ONCE, Running, badgateway};

/// All of a test is over by then, or has failed.
const BOUND: Duration = Duration::from_secs(90);

/// A run that Prometheus looks at.
struct Watched {
    run: Running,
    prometheus: Running,
    port: u16,
    begin: Instant,
    _folder: tempfile::TempDir,
}

fn scenario(edge: &str, faults: &str) -> String {
    format!(
        "name: watched
duration: 100s
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway }}
  app: {{ kind: server, workers: 8, queue: 16, service_time: 2ms }}
edges:
  - client -> gw: {edge}
  - gw -> app: {{ timeout: 2s }}
load: [{{ from: client, rate: 60/s }}]
faults: [{faults}]
"
    )
}

impl Watched {
    fn start(scenario: &str) -> Self {
        let begin = Instant::now();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("s.yaml"), scenario).unwrap();
        let args = ["run", "s.yaml", "--out", "run", "--metrics", "--progress", "plain"];
        let run = Running::start(badgateway(args).current_dir(&folder));
        let url = metrics_url(&run);
        let target = url.strip_prefix("http://").and_then(|url| url.strip_suffix("/metrics")).unwrap();
        let shortest = ["--shortest-window", "5s"];
        export(folder.path(), "prometheus-rules", "rules.yml", &shortest);
        let more = [&shortest[..], &["--rules", "rules.yml", "--target", target]].concat();
        export(folder.path(), "prometheus-config", "prometheus.yml", &more);
        let (prometheus, port) = prometheus(folder.path());
        Self { run, prometheus, port, begin, _folder: folder }
    }

    /// The answer to a query; none while there is none.
    fn ask(&self, query: &str) -> Vec<Value> {
        let url = format!("http://127.0.0.1:{}/api/v1/query", self.port);
        let query = format!("query={query}");
        let args = ["-sG", "--max-time", "5", &url, "--data-urlencode", &query];
        let output = Command::new("curl").args(args).output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// The alerts that have fired so far: each with its labels.
    fn fired(&self) -> BTreeSet<String> {
        let alerts = self.ask("last_over_time(ALERTS{alertstate=\"firing\"}[10m])");
        let told = |alert: &Value| {
            let labels = alert["metric"].as_object().unwrap().iter();
            let own = ["__name__", "alertstate", "severity"];
            let labels = labels.filter(|(name, _)| !own.contains(&name.as_str()));
            labels.map(|(_, value)| value.as_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        alerts.iter().map(told).collect()
    }

    /// How often it has looked.
    fn looked(&self) -> u64 {
        let times = self.ask("sum(count_over_time(up[10m]))");
        times.first().and_then(|t| t["value"][1].as_str()?.parse().ok()).unwrap_or(0)
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            let state = || format!("looked {} times, fired {:?}", self.looked(), self.fired());
            assert!(self.begin.elapsed() < BOUND, "{what}: {}\n{}", state(), self.prometheus.told());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn end(self) {
        self.run.send(Signal::INT);
        let ended = self.run.end_within(4 * AT_ONCE);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        self.prometheus.send(Signal::TERM);
        self.prometheus.end_within(4 * AT_ONCE);
    }
}

/// Prometheus with the configuration in this folder, at a port of its own.
fn prometheus(folder: &Path) -> (Running, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("prometheus");
    command
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .current_dir(folder);
    (Running::start(&mut command), port)
}

#[test]
fn a_fault_makes_its_own_alerts_fire_and_no_other() {
    let watched = Watched::start(&scenario("{}", "{ at: app, crash: exception, probability: 40% }"));
    let expected = ["ErrorBudgetBurn", "FailuresBornOfCrashes exception app"];
    let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
    watched.until("not all have fired", |watched| watched.fired().is_superset(&expected));
    // And go on for a while.
    let looked = watched.looked();
    watched.until("it does not look", |watched| watched.looked() > looked + 5);
    assert_eq!(watched.fired(), expected);
    watched.end();
}

#[test]
fn a_storm_of_retries_is_told_from_what_it_comes_of() {
    let retry = "{ retry: { max_attempts: 4, on: [502], backoff: 10ms } }";
    let watched =
        Watched::start(&scenario(retry, "{ at: gw -> app, network: reset_peer, probability: 90% }"));
    let expected =
        ["ErrorBudgetBurn", "FailuresBornInTheNetwork reset_peer gw -> app", "RetryStorm client gw"];
    let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
    watched.until("not all have fired", |watched| watched.fired().is_superset(&expected));
    assert_eq!(watched.fired(), expected);
    watched.end();
}

#[test]
fn a_clean_run_makes_none_fire() {
    let watched = Watched::start(&scenario("{ retry: { max_attempts: 3 } }", ""));
    watched.until("it does not look", |watched| watched.looked() >= 20);
    let calls = watched.ask("sum(badgateway_calls_total{outcome=\"success\"})");
    assert!(!calls.is_empty(), "there is something to see");
    assert_eq!(watched.fired(), BTreeSet::new());
    watched.end();
}

/// A model server behind a gateway with a limit on tokens, each call of which takes 40.
fn limited(tokens: &str) -> String {
    scenario("{}", "")
        .replace(
            "gw: { kind: gateway",
            &format!("gw: {{ kind: gateway, limits: [{{ name: tpm, tokens: {tokens} }}]"),
        )
        .replace(
            "app: { kind: server",
            "app: { kind: server, llm: { completion_tokens: 20, decode: 10000/s }",
        )
        .replace("rate: ", "request: { llm: { prompt_tokens: 20 } }, rate: ")
}

#[test]
fn a_limit_on_tokens_that_is_spent_makes_its_own_alerts_fire() {
    let watched = Watched::start(&limited("200/s"));
    let expected = ["ErrorBudgetBurn", "FailuresBornOfOverload rate_limit gw", "LimitSpent gw limit tpm"];
    let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
    watched.until("not all have fired", |watched| watched.fired().is_superset(&expected));
    assert_eq!(watched.fired(), expected);
    let wasted = watched.ask("sum(badgateway_tokens_total{outcome=\"wasted\"})");
    assert_eq!(wasted[0]["value"][1], "0");
    watched.end();

    let watched = Watched::start(&limited("1000000/s"));
    watched.until("it does not look", |watched| watched.looked() >= 10);
    assert!(!watched.ask("sum(gen_ai_client_token_usage_count) > 0").is_empty());
    assert_eq!(watched.fired(), BTreeSet::new());
    watched.end();
}

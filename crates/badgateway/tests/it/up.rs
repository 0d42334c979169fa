//! Clients of all kinds, as they come, in front of the chain: each failure of theirs is attributed.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{AT_ONCE, Ended, Row, Running, at_once, badgateway, manifest, number, root, rows};

/// Nodes that are up.
pub(crate) struct Up {
    pub(crate) running: Running,
    folder: tempfile::TempDir,
    url: String,
}

/// A client, a gateway and a server, with these faults.
pub(crate) fn scenario(faults: &str) -> String {
    format!(
        "name: up
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway }}
  app: {{ kind: server, service_time: 2ms, response: {{ body: 1000B, chunks: 5, chunk_interval: 2ms }} }}
edges:
  - client -> gw
  - gw -> app: {{ timeout: 3s }}
load: [{{ from: client, rate: 1/s }}]
faults: [{faults}]
"
    )
}

impl Up {
    pub(crate) fn start(text: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("s.yaml"), text).unwrap();
        let mut command = badgateway(["up", "s.yaml", "--out", "run"]);
        let running = Running::start(command.args(more).current_dir(&folder));
        let begin = Instant::now();
        let url = loop {
            let told = running.told();
            if let Some((_, rest)) = told.split_once("http://").filter(|(_, rest)| rest.contains("Ctrl-C")) {
                break format!("http://{}", rest.lines().next().unwrap());
            }
            assert!(begin.elapsed() < AT_ONCE, "{told}");
            std::thread::sleep(Duration::from_millis(10));
        };
        Self { running, folder, url }
    }

    /// Has a client do something; what it printed.
    fn with(&self, program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> String {
        let mut command = Command::new(program);
        let args = args.iter().map(|arg| arg.replace("URL", &self.url));
        let output = command.args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn curl(&self, args: &[&str]) -> String {
        let mut all = vec!["-s", "-w", "%{http_code} "];
        for arg in args {
            // Each URL has an output of its own.
            all.extend(arg.starts_with("URL").then_some("-o/dev/null"));
            all.push(arg);
        }
        self.with("curl", &all)
    }

    /// Where it calls.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The body that comes back for this one.
    pub(crate) fn post(&self, path: &str, body: &str) -> String {
        self.with("curl", &["-s", "-H", "content-type: application/json", "-d", body, &format!("URL{path}")])
    }

    /// What came of it.
    pub(crate) fn end(self) -> (Ended, tempfile::TempDir) {
        self.running.send(Signal::INT);
        let ended = self.running.end_within(AT_ONCE);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        (ended, self.folder)
    }

    /// The calls that it has seen, by their numbers.
    pub(crate) fn calls(self) -> Vec<Row> {
        let (_, folder) = self.end();
        let folder = folder.path().join("run");
        let run = manifest(&folder);
        assert!(run["score"]["misses"].as_array().unwrap().is_empty(), "{}", run["score"]);
        assert_eq!(run["interrupted"], false);
        let mut calls = rows(&folder, "calls.csv");
        // Those of several clients have names for numbers, and no order.
        calls.sort_by_key(|call| call["call"].parse::<u64>().ok());
        let failed = calls.iter().filter(|call| !call["origin"].is_empty()).count() as u64;
        let born: u64 = rows(&folder, "origins.csv").iter().map(|origin| number(origin, "surfaced")).sum();
        assert_eq!(born, failed, "the origins add up");
        calls
    }
}

/// Status, attempts, and where and why a call failed.
fn seen(call: &Row) -> String {
    let word = |column: &str| call[column].clone();
    let words = [word("status"), word("attempts"), word("origin"), word("cause"), word("mechanism")];
    words.join(" ").trim_end().to_owned()
}

fn python() -> std::path::PathBuf {
    root().join(".tools/venv/bin/python")
}

#[test]
fn curl_gets_what_was_broken() {
    let up = Up::start(&scenario("{ at: app, crash: exception, count: 2 }"), &[]);
    assert_eq!(up.curl(&["URL/a", "URL/b", "URL/c"]), "500 500 200 ");
    let calls = up.calls();
    let seen: Vec<_> = calls.iter().map(seen).collect();
    assert_eq!(seen, ["500 1 app crash exception", "500 1 app crash exception", "200 1"]);
}

#[test]
fn what_happens_on_the_clients_own_link_is_real() {
    let faults = "{ at: client -> gw, network: reset_peer, count: 1 }, \
                  { at: client -> gw, network: { reset_peer: { phase: mid_body } }, start: 0s, count: 2 }";
    let up = Up::start(&scenario(faults), &[]);
    // 000: no response; then one that is cut.
    assert_eq!(up.curl(&["URL/"]), "000 ");
    assert_eq!(up.curl(&["URL/"]), "200 ");
    let calls = up.calls();
    assert_eq!(seen(&calls[0]), " 1 client -> gw network reset_peer");
    assert_eq!(seen(&calls[1]), "200 1 client -> gw network reset_peer");
}

#[test]
fn requests_with_a_retrying_adapter() {
    let script = "
import sys, requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry
s = requests.Session()
s.mount('http://', HTTPAdapter(max_retries=Retry(total=3, status_forcelist=[500], backoff_factor=0)))
headers = {'x-request-id': sys.argv[2]} if len(sys.argv) > 2 else {}
print(s.get(sys.argv[1] + '/', headers=headers).status_code)
";
    let faults = "{ at: app, crash: exception, count: 2 }";
    // Nobody knows that these are one call.
    let up = Up::start(&scenario(faults), &[]);
    assert_eq!(up.with(python(), &["-c", script, "URL"]), "200\n");
    let failed = "500 1 app crash exception";
    assert_eq!(up.calls().iter().map(seen).collect::<Vec<_>>(), [failed, failed, "200 1"]);
    // These say so.
    let up = Up::start(&scenario(faults), &[]);
    assert_eq!(up.with(python(), &["-c", script, "URL", "one"]), "200\n");
    assert_eq!(up.calls().iter().map(seen).collect::<Vec<_>>(), ["200 3"]);
    // One that is not tried again is over with the run.
    let up = Up::start(&scenario(faults), &[]);
    assert_eq!(up.curl(&["-H", "x-request-id: one", "URL/"]), "500 ");
    assert_eq!(up.calls().iter().map(seen).collect::<Vec<_>>(), [failed]);
}

#[test]
fn node_fetch_with_bodies_over_many_connections() {
    let script = "
const url = process.argv[1];
const one = async (n) => {
  const response = await fetch(url + '/v1/chat?n=' + n, { method: 'POST', body: 'x'.repeat(20000) });
  const text = await response.text();
  return response.status + (text.length > 0 ? '' : ' empty');
};
const all = await Promise.all([...Array(40).keys()].map(one));
const counts = {};
for (const status of all) counts[status] = (counts[status] ?? 0) + 1;
console.log(JSON.stringify(counts));
";
    let up = Up::start(&scenario("{ at: gw -> app, network: reset_peer, count: 7 }"), &[]);
    let told = up.with("node", &["--input-type=module", "-e", script, "URL"]);
    assert_eq!(told, "{\"200\":33,\"502\":7}\n");
    let calls = up.calls();
    let failed: Vec<_> = calls.iter().map(seen).filter(|seen| seen != "200 1").collect();
    assert_eq!(failed, vec!["502 1 gw -> app network reset_peer"; 7]);
    assert_eq!(calls.len(), 40);
}

#[test]
fn a_client_that_hangs_up() {
    let slow = scenario("{ at: app, crash: hang, count: 1 }")
        .replace("chunk_interval: 2ms", "chunk_interval: 200ms");
    let up = Up::start(&slow, &[]);
    assert_eq!(up.curl(&["--max-time", "0.3", "URL/"]), "000 ");
    // In the middle of a body that comes in pieces, and nothing is wrong.
    let hang_up = "import socket,sys,time;s=socket.create_connection(sys.argv[1][7:].split(':'));\
                   s.send(b'GET / HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n');s.recv(10)";
    up.with(python(), &["-c", hang_up, "URL"]);
    std::thread::sleep(Duration::from_millis(600));
    let calls = up.calls();
    assert_eq!(seen(&calls[0]), " 1 app crash hang");
    assert_eq!(calls[0]["error"], "cancelled");
    assert_eq!((&*calls[1]["error"], &*calls[1]["cause"]), ("cancelled", "client"), "{:?}", calls[1]);
}

#[test]
fn a_real_program_behind_a_real_client() {
    let text = std::fs::read_to_string(root().join("scenarios/external/nginx.yaml")).unwrap();
    let config = root().join("scenarios/external/nginx.conf");
    let text = text.replace("config: nginx.conf", &format!("config: {}", config.display()));
    // The client calls nginx itself.
    let text = text.replace("  gateway: { kind: gateway, profile: rfc9209 }\n", "");
    let text = text
        .replace("  - client -> gateway: { timeout: 3s }\n", "")
        .replace("gateway -> nginx", "client -> nginx");
    let (head, _) = text.split_once("faults:").unwrap();
    let up = Up::start(&format!("{head}faults: [{{ at: app, crash: panic, count: 2 }}]\n"), &[]);
    assert_eq!(up.curl(&["-d", "a=b", "URL/x", "URL/y", "URL/z"]), "502 502 200 ");
    let calls = up.calls();
    let seen: Vec<_> = calls.iter().map(seen).collect();
    assert_eq!(seen, ["502 1 app crash panic", "502 1 app crash panic", "200 1"]);
}

#[test]
fn time_begins_with_the_first_request_and_ends_after_the_duration() {
    let up = Up::start(&scenario("{ at: app, crash: exception, stop: 300ms }"), &["--duration", "1s"]);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(up.curl(&["URL/"]), "500 ");
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(up.curl(&["URL/"]), "200 ");
    let ended = up.running.end_within(AT_ONCE);
    assert!(ended.well().contains("2 calls, 50.0% succeeded"));

    let up = Up::start(&scenario("{ at: app, crash: exception, stop: 300ms }"), &["--from-start"]);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(up.curl(&["URL/"]), "200 ");
    up.calls();
}

#[test]
fn what_cannot_be_done_to_a_client_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let told = |fault: &str, more: &[&str]| {
        std::fs::write(temp.path().join("s.yaml"), scenario(fault)).unwrap();
        let mut command = badgateway(["up", "s.yaml", "--out", "run"]);
        at_once(command.args(more).current_dir(&temp)).without_result(2)
    };
    let wrong = told("{ at: client -> gw, config: wrong_port }", &[]);
    assert!(wrong.contains("`client -> gw` is how the client is set up"), "{wrong}");
    let wrong = told("{ at: client -> gw, network: down, probability: 5% }", &[]);
    assert!(wrong.contains("for all connections of your client or for none"), "{wrong}");
    assert!(told("", &["--engine", "virtual"]).contains("no client can call nodes in virtual time"));
    assert!(!Path::new("run").exists());
}

#[test]
fn the_access_log_has_the_clients_own_requests() {
    let up = Up::start(&scenario(""), &["--access-log"]);
    up.curl(&["URL/v1/x?api_key=s3cret&n=1", "-H", "X-Api-Key: s3cret", "-H", "x-tag: blue"]);
    let (_, folder) = up.end();
    let log = std::fs::read_to_string(folder.path().join("run/access.jsonl")).unwrap();
    assert!(!log.contains("s3cret"), "{log}");
    let lines = crate::access_log::lines(&folder.path().join("run/access.jsonl"));
    let own = lines.iter().find(|line| line["kind"] == "hop" && line["node"] == "client").unwrap();
    assert!(own["url"].as_str().unwrap().ends_with("/v1/x?api_key=[redacted]&n=1"), "{own}");
    assert_eq!((&own["request_headers"]["x-tag"], &own["status"]), (&"blue".into(), &200.into()), "{own}");
    assert_eq!(own["response_headers"]["content-type"], "application/json", "{own}");
}

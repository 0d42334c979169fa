//! Programs that no test starts behind the others: one that runs already, one that passes no header on,
//! and two of them in a row.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use report::Figures;

use super::{PROGRAMS, Program, chain};
use crate::drawn::{check, figures};
use crate::support::AT_ONCE;

const NGINX: &Program = &PROGRAMS[0];
const HAPROXY: &Program = &PROGRAMS[1];

/// Whatever is not in order with the verdicts on this: nothing may be born elsewhere.
fn misfits(text: &str, at: &str, figures: &Figures) -> Vec<String> {
    let mut wrong = check(text, figures);
    let elsewhere = figures.origins.iter().filter(|origin| &*origin.origin != at);
    wrong.extend(elsewhere.map(|origin| format!("at {at}: {origin:?}")));
    let failed: u64 = figures.origins.iter().map(|origin| origin.surfaced + origin.masked).sum();
    wrong.extend((failed == 0).then(|| format!("nothing failed:\n{text}")));
    wrong
}

#[test]
fn two_programs_in_a_row_are_told_apart() {
    const FAULTS: &[&str] = &[
        "at: n0 -> n1, network: reset_peer, probability: 50%",
        "at: n1 -> n2, network: { reset_peer: { phase: mid_body } }, probability: 50%",
        "at: n1 -> n2, network: timeout, probability: 50%",
        "at: n2 -> n3, network: down, start: 200ms",
        "at: n2 -> n3, network: blackhole, start: 200ms, for: 200ms",
        "at: n2 -> n3, network: reset_peer, probability: 50%",
        "at: n3 -> n4, network: reset_peer, probability: 50%",
        "at: n3 -> n4, network: down, start: 200ms",
        "at: n3 -> n4, network: { latency: { mean: 2s } }, probability: 50%",
        "at: n2, crash: { down: { restart_after: 150ms } }, start: 200ms",
        "at: n3, crash: { down: { restart_after: 150ms } }, start: 200ms",
        "at: n4, crash: exception, probability: 50%",
        "at: n4, crash: hang, probability: 50%",
        "at: n4, crash: panic, probability: 50%",
        "at: n4, crash: truncate, probability: 50%",
        "at: n4, crash: malformed_response, probability: 50%",
        "at: n4, crash: { down: { restart_after: 150ms } }, start: 200ms",
        "at: n4, overload: queue_full, probability: 50%",
    ];
    let mut wrong = Vec::new();
    for (seed, fault) in (1..).zip(FAULTS) {
        for programs in [[(2, NGINX), (3, HAPROXY)], [(2, HAPROXY), (3, NGINX)]] {
            let text = chain(5, &programs, fault, seed);
            let at = fault.strip_prefix("at: ").and_then(|at| at.split_once(',')).unwrap().0;
            wrong.extend(misfits(&text, at, &figures(&text)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn who_passes_no_header_on_leaves_some_open_and_none_wrong() {
    const FAULTS: &[&str] = &[
        "at: n0 -> n1, network: reset_peer, probability: 50%",
        "at: n1 -> n2, network: reset_peer, probability: 50%",
        "at: n1 -> n2, network: down, start: 200ms",
        "at: n1, crash: { down: { restart_after: 150ms } }, start: 200ms",
        "at: n2, crash: exception, probability: 50%",
        "at: n2, crash: hang, probability: 50%",
        "at: n2, crash: panic, probability: 50%",
        "at: n2, crash: { down: { restart_after: 150ms } }, start: 200ms",
    ];
    let mut wrong = Vec::new();
    let (mut right, mut open) = (0, 0);
    for (seed, fault) in (1..).zip(FAULTS) {
        for rate in [20, 300] {
            let text = chain(3, &[(1, NGINX)], fault, seed)
                .replace(
                    "proxy_http_version",
                    "proxy_pass_request_headers off;\n              proxy_http_version",
                )
                .replace("60/s", &format!("{rate}/s"));
            let mut figures = figures(&text);
            let misses = figures.score.misses.len();
            figures.score.misses.retain(|miss| !miss.said.starts_with("unknown"));
            open += misses - figures.score.misses.len();
            right += figures.score.single.right;
            wrong.extend(check(&text, &figures));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{right} right, {open} left open");
    assert!(right > 100, "{right} right, {open} left open");
}

/// A server that runs already; it ends with this.
struct Already {
    child: Child,
    _folder: tempfile::TempDir,
    address: SocketAddr,
}

impl Already {
    /// An nginx that answers by itself: well, or so.
    fn start(answer: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = format!(
            "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}}
http {{
  access_log off; client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
  server {{ listen {address}; location / {{ {answer} }} }}
}}
"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
        let mut command = Command::new("nginx");
        command.env("PATH", path).arg("-p").arg(folder.path()).arg("-c").arg(&file).args(["-e", "stderr"]);
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begin.elapsed() < AT_ONCE, "nginx does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, _folder: folder, address }
    }

    /// A chain that ends in it.
    fn chain(&self, faults: &str) -> String {
        format!(
            "name: already
seed: 5
duration: 600ms
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway }}
  there: {{ kind: external, url: \"http://{}\" }}
edges:
  - client -> gw: {{ timeout: 400ms }}
  - gw -> there: {{ timeout: 200ms, connect_timeout: 60ms, retry: {{ max_attempts: 1 }} }}
load: [{{ rate: 60/s, arrivals: poisson }}]
faults: [{faults}]
",
            self.address
        )
    }
}

impl Drop for Already {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_breaks_around_a_program_that_runs_already_is_traced() {
    const FAULTS: &[&str] = &[
        "at: client -> gw, network: reset_peer, probability: 50%",
        "at: gw, config: missing_route, probability: 50%",
        "at: gw -> there, network: reset_peer, probability: 50%",
        "at: gw -> there, network: { reset_peer: { phase: mid_body } }, probability: 50%",
        "at: gw -> there, network: timeout, probability: 50%",
        "at: gw -> there, network: down, start: 200ms",
        "at: gw -> there, network: blackhole, probability: 50%",
        "at: gw -> there, network: { latency: { mean: 1s } }, probability: 50%",
        "at: gw -> there, config: wrong_port, probability: 50%",
        "at: gw -> there, config: wrong_host, probability: 50%",
    ];
    let there = Already::start("return 200 \"a body that is long enough to be broken off in its middle\";");
    let mut wrong = Vec::new();
    for fault in FAULTS {
        let text = there.chain(&format!("{{ {fault} }}"));
        let at = fault.strip_prefix("at: ").and_then(|at| at.split_once(',')).unwrap().0;
        wrong.extend(misfits(&text, at, &figures(&text)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_program_that_runs_already_answers_by_itself_is_its_own() {
    let there = Already::start("return 503;");
    let text = there.chain("");
    let figures = figures(&text);
    let origins: Vec<_> = figures.origins.iter().map(|o| (o.status, &*o.origin, &*o.cause)).collect();
    assert_eq!(origins, [(Some(503), "there", "unknown")]);
}

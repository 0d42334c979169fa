//! Callers from outside: they say nothing of calls and attempts.

use crate::support::{End, Got, Up};

/// A server that follows this script, alone or behind a gateway, with these faults.
fn scripted(behind_gateway: bool, script: &str, faults: &str) -> Up {
    let edges = if behind_gateway { "client -> gw -> app" } else { "client -> app" };
    let gateway = if behind_gateway { "\n  gw: { kind: gateway }" } else { "" };
    Up::start(&format!(
        "
name: outside
duration: 60s
nodes:
  client: {{ kind: client }}{gateway}
  app: {{ kind: server, service_time: 1ms, script: {script} }}
edges: [{edges}]
load: [{{ from: client, rate: 1/s }}]
faults: [{faults}]
"
    ))
}

fn came(got: &Got) -> (Option<u16>, End) {
    (got.status(), got.end)
}

#[test]
fn a_script_is_walked_request_by_request() {
    let up = scripted(false, "[502, { status: 429, retry_after: 1s }, reset_peer, 200]", "");
    // Over one connection or over several: it is the node that counts.
    let mut socket = up.connect();
    assert_eq!(came(&socket.get()), (Some(502), End::Whole));
    let limited = socket.get();
    assert_eq!(came(&limited), (Some(429), End::Whole));
    assert_eq!(limited.header("retry-after").as_deref(), Some("1"));
    assert_eq!(came(&up.get()), (None, End::Reset));
    assert_eq!(came(&up.get()), (Some(200), End::Whole));
    assert_eq!(came(&up.get()), (Some(200), End::Whole), "the last entry repeats");
}

#[test]
fn a_script_behind_a_gateway_is_walked_too() {
    let up = scripted(true, "[503, 200]", "");
    assert_eq!(came(&up.get()), (Some(503), End::Whole));
    assert_eq!(came(&up.get()), (Some(200), End::Whole));
}

#[test]
fn a_fault_on_first_attempts_meets_the_first_requests() {
    let up = scripted(false, "[200]", "{ at: app, crash: exception, first: 2 }");
    let statuses = [(); 3].map(|()| up.get().status());
    assert_eq!(statuses, [Some(500), Some(500), Some(200)]);
}

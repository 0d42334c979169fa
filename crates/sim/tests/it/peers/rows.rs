//! What goes wrong behind the gateway, one row each.

use std::time::Duration;

/// One thing that goes wrong, and what the client sends then.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) callee: Callee,
    pub(super) method: &'static str,
    /// The request has a header of so many bytes.
    pub(super) header: usize,
    /// The request has a body of so many bytes.
    pub(super) body: usize,
    /// Another request has gone well over the same connection so long before.
    pub(super) second: Option<Duration>,
}

/// What is behind the gateway.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    /// A port where nobody listens.
    Refused,
    /// An address that answers no SYN.
    Blackhole,
    /// A server of ours with these options, and a fault at it or at the EDGE to it.
    App { app: &'static str, fault: &'static str },
    /// A server of ours, and TLS is spoken to it, which it does not understand.
    Tls,
    /// The same as `App`, and HTTP/2 is spoken to it.
    Shared { fault: &'static str },
}

impl Callee {
    /// What stands for it behind this edge: the server's options, its fault, and what the edge says of
    /// the protocol.
    pub(super) fn behind(self, edge: &str) -> (&'static str, String, &'static str) {
        let (app, fault, protocol) = match self {
            Self::Refused => ("", "EDGE, network: down", ""),
            Self::Blackhole => ("", "EDGE, network: blackhole", ""),
            Self::Tls => ("", "EDGE, config: tls_mismatch", ""),
            Self::App { app, fault } => (app, fault, ""),
            Self::Shared { fault } => ("", fault, "protocol: h2"),
        };
        let fault =
            if fault.is_empty() { String::new() } else { format!("at: {}", fault.replace("EDGE", edge)) };
        (app, fault, protocol)
    }
}

const fn row(name: &'static str, callee: Callee) -> Row {
    Row { name, callee, method: "GET", header: 0, body: 0, second: None }
}

const fn at_app(name: &'static str, fault: &'static str) -> Row {
    row(name, Callee::App { app: "", fault })
}

/// The callee answers the first request and then closes its connection for idleness (it looks for that
/// twice a second); this is the second request, which goes over a new one.
const fn second(name: &'static str, app: &'static str) -> Row {
    Row { second: Some(Duration::from_millis(700)), ..row(name, Callee::App { app, fault: "" }) }
}

/// The callee answers the first request and closes its connection as the second one arrives over it.
const fn stale(name: &'static str, app: &'static str, method: &'static str) -> Row {
    Row { method, second: Some(Duration::from_millis(50)), ..row(name, Callee::App { app, fault: "" }) }
}

/// Over HTTP/2.
const fn shared(name: &'static str, fault: &'static str) -> Row {
    row(name, Callee::Shared { fault })
}

pub(super) const ROWS: &[Row] = &[
    at_app("a good response", ""),
    at_app("an exception (500)", "app, crash: exception"),
    row("a rate limit (429)", Callee::App { app: "script: [{ status: 429, retry_after: 7s }]", fault: "" }),
    at_app("no such route (404)", "app, config: missing_route"),
    at_app("a full queue (503)", "app, overload: queue_full"),
    at_app("a head over the callee's limit (431)", "app, config: { header_limit: { limit: 20B } }"),
    row("connection refused", Callee::Refused),
    row("no SYN is answered", Callee::Blackhole),
    row("TLS to a callee that speaks plain HTTP", Callee::Tls),
    at_app("a reset before the response", "EDGE, network: reset_peer"),
    at_app("the connection closed before the response", "EDGE, network: empty_response"),
    at_app("the handler dies", "app, crash: panic"),
    at_app("a reset inside the head", "EDGE, network: { reset_peer: { phase: mid_headers } }"),
    at_app("closed inside the head", "EDGE, network: { limit_data: { bytes: 30B } }"),
    at_app("a reset inside the body", "EDGE, network: { reset_peer: { phase: mid_body } }"),
    at_app("the body shorter than announced", "app, crash: truncate"),
    at_app("no answer: the handler is slow", "app, overload: { slow: { factor: 10000 } }"),
    at_app("no answer: the handler hangs", "app, crash: hang"),
    at_app("no answer: the link is silent", "EDGE, network: timeout"),
    at_app("the response is no HTTP", "app, crash: malformed_response"),
    at_app("the status line is corrupted", "EDGE, network: corrupt"),
    at_app("the response is late by 300 ms", "EDGE, network: { latency: { mean: 300ms } }"),
    at_app("the response comes in slices", "EDGE, network: { slicer: { size: 20B, delay: 5ms } }"),
    at_app("a head that takes longer than 2 s", "EDGE, network: { slicer: { size: 20B, delay: 500ms } }"),
    at_app("a body that takes longer than 2 s", "EDGE, network: { slicer: { size: 80B, delay: 1400ms } }"),
    at_app("a body that stops for 3 s", "EDGE, network: { slicer: { size: 130B, delay: 3s } }"),
    at_app("the end of the body is late by 300 ms", "EDGE, network: { slow_close: { delay: 300ms } }"),
    Row { header: 70_000, ..at_app("a request head of 70 kB", "") },
    Row { method: "POST", body: 1_100_000, ..at_app("a request body of 1.1 MB", "") },
    Row { method: "POST", body: 10, ..at_app("a POST whose handler dies", "app, crash: panic") },
    second("2nd request of a connection: closed", "keep_alive: 20ms, script: [200, empty_response]"),
    second("2nd request of a connection: reset", "keep_alive: 20ms, script: [200, reset_peer]"),
    second("2nd request of a connection: silence", "keep_alive: 20ms, script: [200, timeout]"),
    stale("stale connection to the callee: GET, closed", "script: [200, empty_response, 200]", "GET"),
    stale("stale connection to the callee: GET, reset", "script: [200, reset_peer, 200]", "GET"),
    stale("stale connection to the callee: POST, closed", "script: [200, empty_response, 200]", "POST"),
    shared("HTTP/2: a good response", ""),
    shared("HTTP/2: the stream is refused", "EDGE, network: { reset_stream: { code: refused_stream } }"),
    shared("HTTP/2: the stream is reset", "EDGE, network: reset_stream"),
    shared("HTTP/2: the stream is cancelled", "EDGE, network: { reset_stream: { code: cancel } }"),
    shared(
        "HTTP/2: the stream is reset inside the body",
        "EDGE, network: { reset_stream: { phase: mid_body } }",
    ),
    shared("HTTP/2: a GOAWAY without the request", "EDGE, config: goaway"),
    shared("HTTP/2: the connection is reset", "EDGE, network: reset_peer"),
    shared("HTTP/2: the connection is closed", "EDGE, network: empty_response"),
    shared("HTTP/2: the handler dies", "app, crash: panic"),
    shared("HTTP/2: no answer", "app, crash: hang"),
];

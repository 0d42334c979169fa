//! Profiles beside the real programs: the same broken callee behind each, and a client that gets the
//! same from both. The table of what it gets is in docs/gateways.md.

mod page;
mod program;
mod rows;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use trace::Record;

use crate::support::{End, Got, Shared, Socket, Up};
use program::{Link, PRODUCTS, Product, Program};
use rows::{Callee, ROWS, Row};

/// How often a pair of answers is asked for again that differs: on a busy machine waits are longer.
const TRIES: usize = 3;

/// What of a response does not depend on who wrote its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Status(u16),
    /// The body is shorter than the head says.
    Cut(u16),
    /// Bytes that are no HTTP.
    Raw,
    Nothing(End),
}

/// What the client got, how long it waited in whole seconds, and how many requests the callee saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    seen: Seen,
    seconds: u64,
    requests: usize,
}

fn seen(got: &Got) -> Seen {
    // Without a length, the end of the connection is that of the body, or the last chunk is.
    let chunked = got.header("transfer-encoding").is_some();
    let by_close = got.header("content-length").is_none() && (!chunked || got.bytes.ends_with(b"0\r\n\r\n"));
    match (got.status(), got.end) {
        (Some(status), End::Whole) => Seen::Status(status),
        (Some(status), End::Fin) if by_close => Seen::Status(status),
        (Some(status), _) => Seen::Cut(status),
        (None, _) if !got.bytes.is_empty() => Seen::Raw,
        (None, end) => Seen::Nothing(end),
    }
}

/// What a client gets at this address.
fn ask(address: SocketAddr, row: &Row) -> (Seen, u64) {
    let mut socket = Socket::open(address).unwrap();
    socket.patience(Duration::from_secs(8));
    let request = |close: &str| {
        let Row { method, header, body, .. } = *row;
        let head = format!("{method} / HTTP/1.1\r\nhost: test\r\n{close}content-length: {body}\r\n");
        let header = if header == 0 { String::new() } else { format!("x: {}\r\n", "x".repeat(header)) };
        [head.into_bytes(), header.into_bytes(), b"\r\n".to_vec(), vec![b'x'; body]].concat()
    };
    if let Some(pause) = row.second {
        let first = socket.ask(&request(""));
        assert_eq!(seen(&first), Seen::Status(200), "{}: {}", row.name, first.text());
        std::thread::sleep(pause);
    }
    // Behind what is no HTTP nginx would leave the client's connection open.
    let got = socket.ask(&request(if row.second.is_some() { "" } else { "connection: close\r\n" }));
    // To the nearest second.
    (seen(&got), (got.took + Duration::from_millis(500)).as_secs())
}

/// How many requests the callee has seen over this edge.
fn requests(records: &Shared, edge: u32) -> usize {
    let records = records.0.lock().unwrap();
    records.iter().filter(|r| matches!(r, Record::Served(served) if served.edge.0 == edge)).count()
}

/// What the real program makes of it.
fn theirs(product: &Product, row: &Row) -> Outcome {
    let (seen, seconds, requests) = match row.callee {
        Callee::Refused => {
            let (seen, seconds) =
                ask(Program::start(product, program::free_address(), Link::default()).address, row);
            (seen, seconds, 0)
        }
        Callee::Blackhole => {
            let hole = program::Blackhole::new();
            let (seen, seconds) = ask(Program::start(product, hole.address, Link::default()).address, row);
            (seen, seconds, 0)
        }
        Callee::Tls => {
            let up = Up::start(&scenario("", "  - client -> app\n", "", ""));
            let link = Link { tls: true, ..Link::default() };
            let (seen, seconds) = ask(Program::start(product, up.entry, link).address, row);
            (seen, seconds, 0)
        }
        Callee::App { .. } | Callee::Shared { .. } => {
            let (app, fault, protocol) = row.callee.behind("client -> app");
            let shared = !protocol.is_empty();
            let edge = format!("  - client -> app: {{ {protocol} }}\n");
            let up = Up::start(&scenario("", &edge, app, &fault));
            let link = Link { keep: row.second.is_some(), shared, ..Link::default() };
            let (seen, seconds) = ask(Program::start(product, up.entry, link).address, row);
            let records = up.records.clone();
            drop(up);
            (seen, seconds, requests(&records, 0))
        }
    };
    Outcome { seen, seconds, requests }
}

/// What our gateway with the product's profile makes of it.
fn ours(product: &Product, row: &Row) -> Outcome {
    let (app, fault, protocol) = row.callee.behind("gw -> app");
    let gw = format!("  gw: {{ kind: gateway, profile: {} }}\n", product.profile);
    let keeps = if row.second.is_some() { product.keeps } else { "" };
    let waits = product.waits;
    let edges =
        format!("  - client -> gw\n  - gw -> app: {{ connect_timeout: 1s, {waits}{keeps}, {protocol} }}\n");
    let up = Up::start(&scenario(&gw, &edges, app, &fault));
    let (seen, seconds) = ask(up.entry, row);
    let records = up.records.clone();
    drop(up);
    Outcome { seen, seconds, requests: requests(&records, 1) }
}

fn scenario(gateway: &str, edges: &str, app: &str, fault: &str) -> String {
    let fault = if fault.is_empty() { String::new() } else { format!("faults: [{{ {fault} }}]") };
    let app = if app.is_empty() { String::new() } else { format!(", {app}") };
    format!(
        "
name: peer
duration: 60s
nodes:
  client: {{ kind: client }}
{gateway}  app: {{ kind: server, service_time: 1ms, response: {{ body: 100B }}, body_limit: 10MiB{app} }}
edges:
{edges}load: [{{ from: client, rate: 1/s }}]
{fault}
"
    )
}

/// One cell of the table, once both agree on it.
fn cell(product: &Product, row: &Row) -> Result<Outcome, String> {
    let mut told = String::new();
    for _ in 0..TRIES {
        let (theirs, ours) = (theirs(product, row), ours(product, row));
        if theirs == ours {
            return Ok(theirs);
        }
        told = format!("{}: {} gives {theirs:?}, ours {ours:?}", row.name, product.profile);
    }
    Err(told)
}

#[test]
fn profiles_do_as_the_real_programs_do() {
    let cells: Vec<(&Row, &Product)> =
        ROWS.iter().flat_map(|row| PRODUCTS.iter().map(move |product| (row, product))).collect();
    let results: Vec<Mutex<Option<Result<Outcome, String>>>> =
        cells.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some((row, product)) = cells.get(place) else { return };
                    *results[place].lock().unwrap() = Some(cell(product, row));
                }
            });
        }
    });
    let results: Vec<_> = results.into_iter().map(|r| r.into_inner().unwrap().unwrap()).collect();
    let differ: Vec<_> = results.iter().filter_map(|r| r.as_ref().err()).map(String::as_str).collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    let outcomes: Vec<_> = results.into_iter().flatten().collect();
    page::check(&outcomes);
}

//! The real clients, against servers of ours.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use sim::live::{Hosted, Stop, host};
use socket2::{Domain, Socket, Type};
use topology::Scenario;
use trace::{Record, Served, Sink, Time};

use super::Done;
use super::expected::{Client, Row};
use super::scripts::{Script, TIMEOUT};
use crate::support::root;

/// What the servers saw of requests.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<Served>>>);

impl Sink for Seen {
    fn record(&mut self, record: Record) -> std::io::Result<()> {
        if let Record::Served(served) = record {
            self.0.lock().unwrap().push(served);
        }
        Ok(())
    }

    fn tick(&mut self, _: Time) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the driver says of a call. Times are in seconds of its own clock.
#[derive(Debug, Deserialize)]
struct Driven {
    outcome: String,
    began: f64,
    ended: f64,
    /// The connections it tried to make.
    connects: Vec<(f64, f64)>,
    sleeps: Vec<f64>,
}

/// Which version of each package is installed.
pub(super) fn versions() -> BTreeMap<String, String> {
    serde_json::from_str(&drive(&["--versions".to_owned()], "")).unwrap()
}

/// Makes each row's calls. With `luck` every draw of a client from [0, 1) comes out so, and none
/// really sleeps.
pub(super) fn call(scenario: &Arc<Scenario>, rows: &[(&Client, &Row)], luck: Option<f64>) -> Vec<Done> {
    let (stop, seen) = (Stop::new(), Seen::default());
    let (ready, entries) = channel();
    let (nobody, blackhole) = (Nobody::new(), Blackhole::new());
    let driven = std::thread::scope(|scope| {
        let (told, sink) = (stop.clone(), seen.clone());
        let host = scope.spawn(move || {
            let entries = |hosted: &Hosted| ready.send(hosted.entries()).unwrap();
            host(scenario, &told, sink, entries).unwrap();
        });
        let entries: BTreeMap<String, SocketAddr> = entries.recv().unwrap().into_iter().collect();
        let ask = |(n, (client, row)): (usize, &(&Client, &Row))| {
            let address = match row.script {
                Script::Refused => nobody.address,
                Script::Blackhole => blackhole.address,
                _ => entries[&format!("s{n}")],
            };
            let timeout = row.script.has_timeout().then(|| TIMEOUT.as_secs_f64());
            let url = format!("http://{address}/");
            let asked = serde_json::json!({
                "client": client.name, "url": url, "method": row.method, "timeout": timeout,
                "calls": row.calls,
            });
            format!("{asked}\n")
        };
        let asked: String = rows.iter().enumerate().map(ask).collect();
        let arguments = luck.map_or_else(Vec::new, |luck| vec!["--luck".to_owned(), luck.to_string()]);
        let driven = std::panic::catch_unwind(|| drive(&arguments, &asked));
        stop.now();
        host.join().unwrap();
        driven.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let driven: Vec<Driven> = driven.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(driven.len(), rows.len());
    let mut seen = seen.0.lock().unwrap().clone();
    seen.sort_by_key(|served| served.arrived);
    let done = |(n, (driven, (_, row))): (usize, (Driven, &(&Client, &Row)))| {
        let server = scenario.topology.find(&format!("s{n}")).unwrap();
        let served = seen.iter().filter(|served| scenario.topology.ends(served.edge).1 == server);
        done(row.script, driven, &served.collect::<Vec<_>>())
    };
    driven.into_iter().zip(rows).enumerate().map(done).collect()
}

/// Puts together what the two sides know of a call.
fn done(script: Script, driven: Driven, served: &[&Served]) -> Done {
    let Driven { outcome, began, ended, connects, sleeps } = driven;
    // Each of these attempts has a connection of its own, and a server does not see its end.
    let of_connects = |lasts: Option<f64>| -> (Vec<_>, f64) {
        let attempts = connects.iter().map(|&(begin, end)| (begin, lasts.map_or(end, |l| begin + l)));
        let last = connects.last().map_or(began, |&(begin, end)| lasts.map_or(end, |l| begin + l));
        (attempts.collect(), ended - last)
    };
    let (attempts, rest) = match script {
        Script::Refused | Script::Blackhole => of_connects(None),
        Script::Slow => {
            assert_eq!(served.len(), connects.len(), "each connection brought a request");
            of_connects(Some(TIMEOUT.as_secs_f64()))
        }
        _ => {
            let seconds = |at: Time| at.since_start().as_secs_f64();
            let attempts: Vec<_> = served.iter().map(|s| (seconds(s.arrived), seconds(s.finished))).collect();
            // The two clocks do not begin together: what comes before the first attempt counts too.
            let served_for =
                attempts.last().map_or(0.0, |last| last.1) - attempts.first().map_or(0.0, |a| a.0);
            (attempts, ended - began - served_for)
        }
    };
    let status = outcome.strip_prefix("returns").map(str::trim);
    let succeeded = status.is_some_and(|s| s.is_empty() || s.parse::<u16>().is_ok_and(|s| s < 400));
    Done { attempts, rest, sleeps, outcome, succeeded }
}

/// A socket at a port that nobody else has.
fn bound() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// A port at which nobody listens.
struct Nobody {
    address: SocketAddr,
    _socket: Socket,
}

impl Nobody {
    fn new() -> Self {
        let (socket, address) = bound();
        Self { address, _socket: socket }
    }
}

/// A port that answers no SYN.
struct Blackhole {
    address: SocketAddr,
    _sockets: Vec<Socket>,
}

impl Blackhole {
    fn new() -> Self {
        let (socket, address) = bound();
        // A queue of length 0 holds one connection; every further SYN is dropped.
        socket.listen(0).unwrap();
        let fill = |_| {
            let filler = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None).unwrap();
            // It is connected at once, or its SYN has been dropped.
            let _ = filler.connect(&address.into());
            filler
        };
        Self { address, _sockets: (0..4).map(fill).chain([socket]).collect() }
    }
}

/// Runs the driver. (It ends by itself: every client gives up in the end.)
fn drive(arguments: &[String], input: &str) -> String {
    let python = root().join(".tools/venv/bin/python");
    let file = root().join("crates/badgateway/tests/it/real_clients/drive.py");
    let mut command = Command::new(&python);
    // Without the environment: proxies and credentials may be in it.
    command.env_clear().env("AWS_CONFIG_FILE", "/dev/null").env("AWS_EC2_METADATA_DISABLED", "true");
    command.arg(file).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = command.spawn().expect("the real clients are installed: `make setup` does that");
    program.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = program.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "the real clients are installed (`make setup` does that): {stderr}");
    String::from_utf8(stdout).unwrap()
}

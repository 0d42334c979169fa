//! The profile `nginx` beside the real nginx: the same broken callee behind each, and a client that
//! gets the same from both.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use socket2::{Domain, Type};

use crate::support::{End, Got, Socket, Up};

/// It asks for a close: behind what is no HTTP nginx would leave the client's connection open.
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";

/// nginx as it comes, but for the time-outs. (In one process: it ends with its own id.)
fn config(own: SocketAddr, callee: SocketAddr) -> String {
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log error.log info;
events {{}}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{
    listen {own};
    location / {{
      proxy_pass http://{callee};
      proxy_http_version 1.1;
      proxy_connect_timeout 1s;
      proxy_read_timeout 2s;
    }}
  }}
}}
"
    )
}

/// An nginx in front of a callee, until this is dropped.
struct Nginx {
    program: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

impl Nginx {
    fn start(callee: SocketAddr) -> Self {
        // Between its choice and nginx's listening, others may take the port.
        (0..5).find_map(|_| Self::try_start(callee)).expect("nginx finds a port")
    }

    fn try_start(callee: SocketAddr) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        std::fs::write(folder.path().join("nginx.conf"), config(address, callee)).unwrap();
        // Debian keeps servers where a user's PATH may not lead.
        let debian = Path::new("/usr/sbin/nginx");
        let mut command = Command::new(if debian.exists() { debian } else { Path::new("nginx") });
        command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = command.spawn().expect("nginx is installed: .ci/setup does that");
        let mut nginx = Self { program, address, folder };
        let begin = Instant::now();
        while nginx.program.try_wait().unwrap().is_none() {
            if TcpStream::connect(nginx.address).is_ok() {
                return Some(nginx);
            }
            assert!(begin.elapsed() < Duration::from_secs(10), "{}", nginx.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = nginx.log();
        assert!(log.contains("Address already in use"), "nginx has ended: {log}");
        None
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// `gw` as nginx is configured above, in front of `app`, with one fault.
fn ours(fault: &str) -> Up {
    Up::start(&format!(
        "
name: peer
duration: 60s
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway, profile: nginx }}
  app: {{ kind: server, service_time: 1ms, response: {{ body: 100B }} }}
edges:
  - client -> gw
  - gw -> app: {{ connect_timeout: 1s, timeout: 2s }}
load: [{{ from: client, rate: 1/s }}]
faults: [{{ {fault} }}]
"
    ))
}

/// What of a response does not depend on who wrote its headers.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Status(u16),
    /// The body is shorter than the head says.
    Cut(u16),
    /// Bytes that are no HTTP.
    Raw,
    Nothing(End),
}

fn seen(got: &Got) -> Seen {
    match (got.status(), got.end) {
        (Some(status), End::Whole) => Seen::Status(status),
        (Some(status), _) => Seen::Cut(status),
        (None, _) if !got.bytes.is_empty() => Seen::Raw,
        (None, end) => Seen::Nothing(end),
    }
}

/// Asks both, and expects this of both.
fn check(callee: SocketAddr, ours: &Up, request: &[u8], expected: &Seen) {
    let nginx = Nginx::start(callee);
    let [theirs, ours] = [nginx.address, ours.entry].map(|address| {
        let mut socket = Socket::open(address).unwrap();
        socket.patience(Duration::from_secs(10));
        socket.ask(request)
    });
    assert_eq!(&seen(&theirs), expected, "nginx: {}\n{}", theirs.text(), nginx.log());
    assert_eq!(&seen(&ours), expected, "ours, unlike nginx: {}", ours.text());
    // Neither gives up before its time-out, and neither takes long without one.
    let waits = |got: &Got| got.took >= Duration::from_millis(900);
    assert_eq!(waits(&theirs), waits(&ours), "{:?} and {:?}", theirs.took, ours.took);
}

/// A server with this fault behind nginx, and behind our gateway.
fn at_app(fault: &str, expected: &Seen) {
    let fault = format!("at: app, {fault}");
    check(Up::server(&fault).entry, &ours(&fault), GET, expected);
}

/// A link with this fault to nginx's callee, and to our gateway's.
fn at_link(fault: &str, expected: &Seen) {
    let theirs = Up::server(&format!("at: client -> app, {fault}"));
    check(theirs.entry, &ours(&format!("at: gw -> app, {fault}")), GET, expected);
}

#[test]
fn a_response_passes_through() {
    at_app("crash: exception, start: 59s", &Seen::Status(200));
    at_app("crash: exception", &Seen::Status(500));
}

#[test]
fn connection_refused() {
    check(free_address(), &ours("at: gw -> app, network: down"), GET, &Seen::Status(502));
}

#[test]
fn connection_timeout() {
    // A queue of length 0 holds one connection; every further SYN is dropped.
    let socket = || socket2::Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None).unwrap();
    let hole = socket();
    hole.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    hole.listen(0).unwrap();
    let address = hole.local_addr().unwrap();
    let fillers = [socket(), socket(), socket(), socket()];
    for filler in &fillers {
        // It is connected at once, or its SYN has been dropped.
        let _ = filler.connect(&address);
    }
    let ours = ours("at: gw -> app, network: blackhole");
    check(address.as_socket().unwrap(), &ours, GET, &Seen::Status(504));
}

#[test]
fn connection_terminated() {
    at_app("crash: panic", &Seen::Status(502));
    at_link("network: empty_response", &Seen::Status(502));
    at_link("network: reset_peer", &Seen::Status(502));
}

#[test]
fn head_incomplete() {
    at_link("network: { reset_peer: { phase: mid_headers } }", &Seen::Status(502));
    at_link("network: { limit_data: { bytes: 30B } }", &Seen::Status(502));
}

#[test]
fn body_incomplete() {
    at_app("crash: truncate", &Seen::Cut(200));
    at_link("network: { reset_peer: { phase: mid_body } }", &Seen::Cut(200));
}

#[test]
fn head_timeout() {
    at_app("crash: hang", &Seen::Status(504));
    at_link("network: timeout", &Seen::Status(504));
}

#[test]
fn protocol_error() {
    at_app("crash: malformed_response", &Seen::Raw);
    at_link("network: corrupt", &Seen::Raw);
}

#[test]
fn a_head_that_is_too_large() {
    let request = format!("GET / HTTP/1.1\r\nhost: test\r\nx: {}\r\n\r\n", "x".repeat(40_000));
    let app = Up::server("at: app, crash: exception, start: 59s");
    let ours = ours("at: gw, config: { header_limit: { limit: 8KiB } }");
    check(app.entry, &ours, request.as_bytes(), &Seen::Status(400));
}

#[test]
fn a_body_that_is_too_large() {
    const BODY: usize = 1_100_000;
    let head = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {BODY}\r\n\r\n");
    let request = [head.into_bytes(), vec![b'x'; BODY]].concat();
    let app = Up::server("at: app, crash: exception, start: 59s");
    let ours = ours("at: gw, config: { body_limit: { limit: 1MiB } }");
    check(app.entry, &ours, &request, &Seen::Status(413));
}

//! What is done to HTTP/2 connections and their streams, frame by frame.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::Up;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;

/// A frame that came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Fin,
    Reset,
    Silence,
}

/// A client that is nothing but a socket.
struct Client(TcpStream);

impl Client {
    fn new(up: &Up) -> Self {
        let mut stream = TcpStream::connect(up.entry).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(900))).unwrap();
        // The preface and empty settings; their acknowledgement is not waited for.
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        stream.write_all(&[0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]).unwrap();
        Self(stream)
    }

    /// `GET /` over this stream; by indexed fields of the static table (RFC 7541 appendix A) alone.
    fn get(&mut self, stream: u32) {
        let fields = [0x82, 0x84, 0x86]; // :method GET, :path /, :scheme http
        let mut frame = vec![0, 0, 3, HEADERS, 0x05];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(&fields);
        self.0.write_all(&frame).unwrap();
    }

    /// All that comes until the connection's end, or until nothing comes; without settings and windows.
    fn read(&mut self) -> (Vec<Frame>, End) {
        let mut frames = Vec::new();
        loop {
            let mut head = [0; 9];
            if let Err(e) = self.0.read_exact(&mut head) {
                let end = match e.kind() {
                    ErrorKind::UnexpectedEof => End::Fin,
                    ErrorKind::ConnectionReset => End::Reset,
                    _ => End::Silence,
                };
                return (frames, end);
            }
            let [a, b, c, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            self.0.read_exact(&mut payload).unwrap();
            if matches!(kind, DATA | HEADERS | RST_STREAM | GOAWAY) {
                frames.push(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload });
            }
        }
    }
}

fn up(fault: &str) -> Up {
    with_work("20ms", fault)
}

fn with_work(time: &str, fault: &str) -> Up {
    Up::start(&format!(
        "
name: wire
duration: 60s
nodes:
  client: {{ kind: client }}
  app: {{ kind: server, service_time: {time}, response: {{ body: 100B }} }}
edges: [client -> app: {{ protocol: h2 }}]
load: [{{ from: client, rate: 1/s }}]
faults: [{fault}]
"
    ))
}

/// What came of one GET.
fn one(fault: &str) -> (Vec<Frame>, End) {
    let up = up(&format!("{{ {fault} }}"));
    let mut client = Client::new(&up);
    client.get(1);
    client.read()
}

fn reset(stream: u32, code: u32) -> Frame {
    Frame { kind: RST_STREAM, flags: 0, stream, payload: code.to_be_bytes().to_vec() }
}

/// The bytes of a stream's body, and whether they are all.
fn body(frames: &[Frame], stream: u32) -> (usize, bool) {
    let data = || frames.iter().filter(|f| f.stream == stream && f.kind == DATA);
    (data().map(|f| f.payload.len()).sum(), data().any(|f| f.flags & END_STREAM != 0))
}

#[test]
fn requests_share_a_connection() {
    let up = up("");
    let mut client = Client::new(&up);
    for stream in [1, 3, 5] {
        client.get(stream);
    }
    let (frames, end) = client.read();
    assert_eq!(end, End::Silence);
    for stream in [1, 3, 5] {
        assert_eq!(body(&frames, stream), (100, true), "{frames:?}");
    }
}

#[test]
fn a_stream_is_reset_with_its_code() {
    for (code, number) in [("refused_stream", 7), ("internal_error", 2), ("cancel", 8)] {
        let (frames, end) =
            one(&format!("at: client -> app, network: {{ reset_stream: {{ code: {code} }} }}"));
        assert_eq!((frames, end), (vec![reset(1, number)], End::Silence), "{code}");
    }
}

#[test]
fn a_stream_is_reset_after_half_of_its_body() {
    for fault in ["client -> app, network: { reset_stream: { phase: mid_body } }", "app, crash: truncate"] {
        let (frames, end) = one(&format!("at: {fault}"));
        assert_eq!((frames[0].kind, body(&frames, 1)), (HEADERS, (50, false)), "{frames:?}");
        assert_eq!((frames.last(), end), (Some(&reset(1, 2)), End::Silence));
    }
}

#[test]
fn a_handler_that_dies_takes_its_stream_with_it() {
    let (frames, end) = one("at: app, crash: panic");
    assert_eq!((frames, end), (vec![reset(1, 2)], End::Silence));
}

/// The requests before it are answered, those after it are not taken either.
#[test]
fn a_goaway_names_the_last_request_that_is_taken() {
    let up = with_work("600ms", "{ at: client -> app, config: goaway, start: 800ms, for: 400ms }");
    let mut client = Client::new(&up);
    up.sleep_until(500);
    client.get(1);
    up.sleep_until(900);
    client.get(3);
    up.sleep_until(1300);
    client.get(5);
    let (frames, end) = client.read();
    let goaway = Frame { kind: GOAWAY, flags: 0, stream: 0, payload: vec![0, 0, 0, 1, 0, 0, 0, 0] };
    assert_eq!(frames.iter().filter(|f| f.kind == GOAWAY).collect::<Vec<_>>(), [&goaway], "{frames:?}");
    assert_eq!(body(&frames, 1), (100, true));
    assert!(!frames.iter().any(|f| f.stream > 1), "{frames:?}");
    assert_eq!(end, End::Fin);
}

#[test]
fn what_ends_the_connection_ends_all_of_it() {
    for (fault, how) in [("reset_peer", End::Reset), ("empty_response", End::Fin)] {
        let up = with_work("900ms", &format!("{{ at: client -> app, network: {fault}, start: 800ms }}"));
        let mut client = Client::new(&up);
        up.sleep_until(500);
        client.get(1);
        up.sleep_until(900);
        client.get(3);
        assert_eq!(client.read(), (Vec::new(), how), "{fault}");
    }
}

#[test]
fn http_1_is_understood_as_well() {
    assert_eq!(up("").get().status(), Some(200));
}

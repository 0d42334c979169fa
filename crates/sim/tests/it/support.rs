//! A scenario that is up, and a client that is nothing but a socket.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sim::live::{Stop, host};
use topology::Scenario;
use trace::{Record, Sink, Time};

/// Records, for the test to look at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<Vec<Record>>>);

impl Sink for Shared {
    fn record(&mut self, record: Record) -> std::io::Result<()> {
        self.0.lock().unwrap().push(record);
        Ok(())
    }

    fn tick(&mut self, _: Time) -> std::io::Result<()> {
        Ok(())
    }
}

/// Nodes that are up until this is dropped.
pub(crate) struct Up {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    pub(crate) begin: Instant,
    pub(crate) entry: SocketAddr,
    pub(crate) records: Shared,
}

pub(crate) fn scenario(text: &str) -> Arc<Scenario> {
    Arc::new(Scenario::parse(text, "test.yaml").unwrap_or_else(|problems| panic!("{problems}")))
}

impl Up {
    /// `client -> app`, with one fault.
    pub(crate) fn server(fault: &str) -> Self {
        Self::start(&format!(
            "
name: wire
duration: 60s
nodes:
  client: {{ kind: client }}
  app: {{ kind: server, service_time: 1ms, response: {{ body: 100B }} }}
edges: [client -> app]
load: [{{ from: client, rate: 1/s }}]
faults: [{{ {fault} }}]
"
        ))
    }

    /// `client -> gw -> app`, with one fault.
    pub(crate) fn gateway(fault: &str) -> Self {
        Self::start(&format!(
            "
name: wire
duration: 60s
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway }}
  app: {{ kind: server, service_time: 20ms, response: {{ body: 100B }} }}
edges:
  - client -> gw
  - gw -> app: {{ connect_timeout: 300ms, timeout: 2s }}
load: [{{ from: client, rate: 1/s }}]
faults: [{{ {fault} }}]
"
        ))
    }

    pub(crate) fn start(text: &str) -> Self {
        let scenario = scenario(text);
        let stop = Stop::new();
        let (told, records) = (stop.clone(), Shared::default());
        let sink = records.clone();
        let (send, receive) = channel();
        let thread = std::thread::spawn(move || {
            let ready = |hosted: &sim::live::Hosted| send.send(hosted.entries()[0].1).unwrap();
            host(&scenario, &told, sink, ready).unwrap();
        });
        let entry = receive.recv().unwrap();
        Self { stop, thread: Some(thread), begin: Instant::now(), entry, records }
    }

    pub(crate) fn connect(&self) -> Socket {
        self.try_connect().unwrap()
    }

    pub(crate) fn try_connect(&self) -> std::io::Result<Socket> {
        Socket::open(self.entry)
    }

    /// One GET over a connection of its own.
    pub(crate) fn get(&self) -> Got {
        self.connect().get()
    }

    pub(crate) fn sleep_until(&self, ms: u64) {
        let left = Duration::from_millis(ms).saturating_sub(self.begin.elapsed());
        std::thread::sleep(left);
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.stop.now();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A whole response by its Content-Length; the connection stays.
    Whole,
    Fin,
    Reset,
    /// Nothing more came for as long as the test was willing to wait.
    Silence,
}

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) bytes: Vec<u8>,
    pub(crate) end: End,
    pub(crate) first_byte: Duration,
    pub(crate) body_whole: Duration,
    pub(crate) took: Duration,
    pub(crate) reads: usize,
}

impl Got {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.text().strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
    }

    fn head_end(&self) -> Option<usize> {
        self.bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|p| p + 4)
    }

    pub(crate) fn has_head(&self) -> bool {
        self.head_end().is_some()
    }

    pub(crate) fn body(&self) -> usize {
        self.head_end().map_or(0, |end| self.bytes.len() - end)
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let head = text.split("\r\n\r\n").next()?;
        head.lines().find_map(|line| {
            let (n, v) = line.split_once(':')?;
            n.eq_ignore_ascii_case(name).then(|| v.trim().to_owned())
        })
    }

    fn content_length(&self) -> Option<usize> {
        self.header("content-length")?.parse().ok()
    }
}

pub(crate) struct Socket(TcpStream);

impl Socket {
    pub(crate) fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(3)))?;
        Ok(Self(stream))
    }

    pub(crate) fn get(&mut self) -> Got {
        self.ask(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
    }

    pub(crate) fn patience(&self, patience: Duration) {
        self.0.set_read_timeout(Some(patience)).unwrap();
    }

    pub(crate) fn ask(&mut self, request: &[u8]) -> Got {
        // Before it is sent: the other side may be at work before this one hears that it is.
        let begin = Instant::now();
        let sent = self.0.write_all(request);
        self.read_since(begin, sent.err().map(|e| e.kind()))
    }

    /// Reads until the response is whole by its length, or the connection ends.
    pub(crate) fn read(&mut self, broken: Option<ErrorKind>) -> Got {
        self.read_since(Instant::now(), broken)
    }

    fn read_since(&mut self, begin: Instant, broken: Option<ErrorKind>) -> Got {
        let mut got = Got {
            bytes: Vec::new(),
            end: End::Silence,
            first_byte: Duration::ZERO,
            body_whole: Duration::ZERO,
            took: Duration::ZERO,
            reads: 0,
        };
        let mut buffer = [0; 4096];
        got.end = loop {
            if broken == Some(ErrorKind::BrokenPipe) || broken == Some(ErrorKind::ConnectionReset) {
                break End::Reset;
            }
            match self.0.read(&mut buffer) {
                Ok(0) => break End::Fin,
                Ok(n) => {
                    if got.bytes.is_empty() {
                        got.first_byte = begin.elapsed();
                    }
                    got.reads += 1;
                    got.bytes.extend_from_slice(&buffer[..n]);
                    got.body_whole = begin.elapsed();
                    if got.content_length().is_some_and(|length| got.body() >= length) {
                        break End::Whole;
                    }
                }
                Err(e) if e.kind() == ErrorKind::ConnectionReset => break End::Reset,
                Err(_) => break End::Silence,
            }
        };
        got.took = begin.elapsed();
        got
    }
}

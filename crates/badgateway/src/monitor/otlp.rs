//! Traces for OpenTelemetry: to a receiver over HTTP, or to a file.
//!
//! A receiver must not hold up a run in real time: what it does not take fast enough is dropped, and
//! counted. Virtual time waits for it.

mod post;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hyper::Uri;
use report::spans::{Owned, Spans};
use report::{Judged, Observer};
use topology::Scenario;
use trace::otlp::{Epoch, TracesData};
use trace::{Record, RunKey, Time};

use super::unix_now;
use crate::exit::Failure;
use crate::output::{self, Output};
use crate::session::Engine;
use post::Poster;

/// As many spans are sent at once, as by OpenTelemetry's own exporters.
const BATCH: usize = 512;
/// As many batches may wait to be sent.
const WAITING_MAX: usize = 16;
/// No span waits longer for others, in a run's own time.
const SENT_EVERY: Duration = Duration::from_secs(1);
/// At the end, as long is waited for what is still to be sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where to.
#[derive(Debug, Clone)]
pub(super) enum To {
    Receiver(Uri),
    File(PathBuf),
}

impl FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Self::File(text.into())) };
        if scheme != "http" {
            return Err(format!(
                "spans are sent by http alone: put a collector on this machine in between, and write http://{rest}"
            ));
        }
        // As for OTEL_EXPORTER_OTLP_ENDPOINT: the signal's own path is added to what is written.
        let base = text.trim_end_matches('/');
        let whole = if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") };
        let wrong = || format!("`{text}` is not the URL of a receiver: write it as http://localhost:4318");
        let uri: Uri = whole.parse().map_err(|_| wrong())?;
        // A port that is no number is left in the authority, and taken for none.
        let is_place = uri.authority().is_some_and(|authority| {
            let host = authority.host();
            !host.is_empty() && (authority.port_u16().is_some() || authority.as_str() == host)
        });
        if !is_place || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self::Receiver(uri))
    }
}

/// So many spans as one message.
type Batch = (TracesData, u64);

/// What has become of spans.
#[derive(Debug, Default)]
struct Counts {
    made: AtomicU64,
    taken: AtomicU64,
    trouble: Mutex<Option<String>>,
}

impl Counts {
    /// Keeps what went wrong first.
    fn trouble(&self, what: impl FnOnce() -> String) {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(what);
    }
}

/// The way there.
#[derive(Debug, Clone)]
enum Way {
    /// Whether a full queue is waited for.
    Receiver(SyncSender<Batch>, bool),
    File(Arc<Mutex<BufWriter<File>>>),
}

/// Sends spans off.
#[derive(Debug)]
pub(super) struct Exporter {
    engine: Engine,
    way: Way,
    counts: Arc<Counts>,
    /// Where to, for people.
    name: String,
    sender: Option<JoinHandle<()>>,
}

impl Exporter {
    pub(super) fn begin(to: &To, engine: Engine) -> Result<Self, Failure> {
        let counts = Arc::new(Counts::default());
        match to {
            To::File(path) => {
                let name = path.display().to_string();
                let file = File::create(path).map_err(|e| cannot_write(&name, &e))?;
                let way = Way::File(Arc::new(Mutex::new(BufWriter::new(file))));
                Ok(Self { engine, way, counts, name, sender: None })
            }
            To::Receiver(uri) => {
                let (batches, queue) = sync_channel(WAITING_MAX);
                let failed = |e: io::Error| Failure::failed(format!("cannot send spans: {e}"));
                let poster = Poster::new(uri.clone()).map_err(failed)?;
                let (name, counted) = (uri.to_string(), counts.clone());
                let thread = std::thread::Builder::new().name("otlp".to_owned());
                let sender = thread.spawn(move || send(&poster, &queue, &counted)).map_err(failed)?;
                let way = Way::Receiver(batches, engine == Engine::Virtual);
                Ok(Self { engine, way, counts, name, sender: Some(sender) })
            }
        }
    }

    /// Whom a run is to tell.
    pub(super) fn observer(
        &self,
        scenario: &Arc<Scenario>,
        run: RunKey,
        own_clients: bool,
    ) -> Box<dyn Observer> {
        Box::new(Tracing {
            spans: Spans::new(scenario.clone(), run, self.engine.name(), own_clients),
            // A virtual run is over at once. Dated so that it ends now, nothing of it is in the future.
            epoch: Epoch(unix_now().saturating_sub(Time::at(scenario.duration).0)),
            wants_exchanges: !own_clients,
            batch: Vec::new(),
            sent: Time::default(),
            way: self.way.clone(),
            counts: self.counts.clone(),
        })
    }

    pub(super) fn end(self, output: &Output) -> Result<(), Failure> {
        let Self { way, counts, name, sender, .. } = self;
        let mut verb = "sent to";
        if let Way::File(file) = &way {
            verb = "written to";
            let flushed = file.lock().unwrap_or_else(PoisonError::into_inner).flush();
            flushed.map_err(|e| cannot_write(&name, &e))?;
        }
        // The thread ends when nobody can send any more.
        drop(way);
        if let Some(sender) = sender {
            let until = Instant::now() + PATIENCE;
            while !sender.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let (made, taken) = (counts.made.load(Ordering::Relaxed), counts.taken.load(Ordering::Relaxed));
        output.hint(&format!("traces: {taken} spans {verb} {name}"));
        if taken < made {
            let trouble = counts.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
            let why = trouble.unwrap_or_else(|| "the receiver was too slow".to_owned());
            output::warn(&format!("{} of {made} spans were dropped: {why}", made - taken));
        }
        Ok(())
    }
}

fn cannot_write(name: &str, error: &io::Error) -> Failure {
    Failure::wrong(format!("cannot write spans to {name}: {error}"))
}

/// Sends what comes, until nothing can come any more.
fn send(poster: &Poster, queue: &Receiver<Batch>, counts: &Counts) {
    // A receiver that is away is not asked again for each batch.
    let mut not_before = Instant::now();
    for (message, number) in queue {
        if Instant::now() < not_before {
            continue;
        }
        let text = serde_json::to_vec(&message).unwrap_or_default();
        match poster.post(text) {
            Ok(rejected) => {
                counts.taken.fetch_add(number.saturating_sub(rejected), Ordering::Relaxed);
                if rejected > 0 {
                    counts.trouble(|| "the receiver rejected them".to_owned());
                }
            }
            Err(error) => {
                counts.trouble(|| error);
                not_before = Instant::now() + SENT_EVERY;
            }
        }
    }
}

/// Tells a run's spans.
#[derive(Debug)]
struct Tracing {
    spans: Spans,
    epoch: Epoch,
    /// Only what was on the wire says what the user's own client asks for.
    wants_exchanges: bool,
    batch: Vec<Owned>,
    sent: Time,
    way: Way,
    counts: Arc<Counts>,
}

impl Tracing {
    fn send(&mut self) {
        let number = self.batch.len() as u64;
        if number == 0 {
            return;
        }
        let message = self.spans.message(std::mem::take(&mut self.batch));
        self.counts.made.fetch_add(number, Ordering::Relaxed);
        match &self.way {
            // One that cannot go on has said why.
            Way::Receiver(queue, true) => drop(queue.send((message, number))),
            Way::Receiver(queue, false) => drop(queue.try_send((message, number))),
            Way::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let written = serde_json::to_writer(&mut *file, &message).map_err(io::Error::from);
                match written.and_then(|()| file.write_all(b"\n")) {
                    Ok(()) => drop(self.counts.taken.fetch_add(number, Ordering::Relaxed)),
                    Err(error) => self.counts.trouble(|| error.to_string()),
                }
            }
        }
    }
}

impl Observer for Tracing {
    fn begun(&mut self, since_epoch: Duration) {
        self.epoch = Epoch(Time::at(since_epoch).0);
    }

    fn wants_exchanges(&self) -> bool {
        self.wants_exchanges
    }

    fn record(&mut self, record: &Record) {
        self.batch.extend(self.spans.event(record, self.epoch));
    }

    fn call(&mut self, call: &Judged<'_>) {
        self.batch.extend(self.spans.of(call, self.epoch));
        if self.batch.len() >= BATCH {
            self.send();
        }
    }

    fn tick(&mut self, now: Time) {
        if now.since(self.sent) >= SENT_EVERY {
            self.sent = now;
            self.send();
        }
    }

    fn end(&mut self) {
        self.send();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(text: &str) -> Result<String, String> {
        match text.parse()? {
            To::Receiver(uri) => Ok(uri.to_string()),
            To::File(path) => Ok(format!("file {}", path.display())),
        }
    }

    #[test]
    fn a_receiver_is_named_as_by_the_environment_variable_and_all_else_is_a_file() {
        assert_eq!(to("http://localhost:4318").unwrap(), "http://localhost:4318/v1/traces");
        assert_eq!(to("http://[::1]:4318/").unwrap(), "http://[::1]:4318/v1/traces");
        assert_eq!(to("http://h/tempo/v1/traces").unwrap(), "http://h/tempo/v1/traces");
        assert_eq!(to("spans.jsonl").unwrap(), "file spans.jsonl");
        assert!(to("https://h").unwrap_err().contains("http://h"));
        for wrong in ["http://", "http://h:x", "http://h/?a=b"] {
            assert!(to(wrong).unwrap_err().contains("http://localhost:4318"), "{wrong}");
        }
    }
}

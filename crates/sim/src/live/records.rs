//! The way of the records from the nodes to the sink.
//!
//! A plain buffer that a thread empties many times a second. A channel that wakes its reader for
//! each record costs more than all the rest of a hop's own work.

use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use trace::{Record, Sink, Time};

use super::world::lock;
use crate::run::{RunError, Stop};

/// Records that may wait for the sink; who has more to tell waits then.
const WAITING_MAX: usize = 1 << 16;
const EMPTIED_EVERY: Duration = Duration::from_millis(5);
const TICK_EVERY: Duration = Duration::from_millis(100);

/// Records on their way.
#[derive(Debug, Default)]
pub(crate) struct Records {
    waiting: Mutex<Vec<Record>>,
    /// Nobody takes any more.
    closed: AtomicBool,
    late: AtomicBool,
}

impl Records {
    /// Hands one over. If the sink cannot keep up this waits for it: memory stays bounded, and the
    /// run says that the machine was the limit.
    pub(crate) fn push(&self, record: Record) {
        let mut waiting = lock(&self.waiting);
        while waiting.len() >= WAITING_MAX && !self.closed.load(Ordering::Acquire) {
            drop(waiting);
            self.late.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
            waiting = lock(&self.waiting);
        }
        waiting.push(record);
    }

    /// Whether any had to wait.
    pub(crate) fn were_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    fn take(&self, into: &mut Vec<Record>) {
        into.clear();
        mem::swap(&mut *lock(&self.waiting), into);
    }
}

/// The thread that feeds the sink.
pub(crate) struct Feeder<S> {
    thread: JoinHandle<(S, io::Result<()>)>,
    records: Arc<Records>,
}

impl<S: Sink + Send + 'static> Feeder<S> {
    pub(crate) fn start(
        sink: S,
        records: Arc<Records>,
        stop: Stop,
        now: impl Fn() -> Time + Send + 'static,
    ) -> Result<Self, RunError> {
        let taken = records.clone();
        let thread = std::thread::Builder::new().name("records".into());
        let thread = thread.spawn(move || feed(sink, &taken, &stop, now));
        let thread = thread.map_err(RunError::io("cannot start a thread for the records"))?;
        Ok(Self { thread, records })
    }

    /// Waits for the last record to be kept.
    pub(crate) fn finish(self) -> Result<S, RunError> {
        self.records.closed.store(true, Ordering::Release);
        let (sink, result) =
            self.thread.join().map_err(|_| RunError::Sink(io::Error::other("it panicked")))?;
        result.map_err(RunError::Sink)?;
        Ok(sink)
    }
}

fn feed<S: Sink>(mut sink: S, records: &Records, stop: &Stop, now: impl Fn() -> Time) -> (S, io::Result<()>) {
    let mut ticked = Time::default();
    let mut result = Ok(());
    let mut batch = Vec::new();
    let mut begun = false;
    loop {
        let closed = records.closed.load(Ordering::Acquire);
        records.take(&mut batch);
        let idle = batch.is_empty();
        if !idle && !begun {
            begun = true;
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            sink.begun(since_epoch.saturating_sub(now().since_start()));
        }
        // After a failure the rest is let go, so that the run can end.
        if result.is_ok() {
            result = batch.drain(..).try_for_each(|record| sink.record(record));
            let now = now();
            if result.is_ok() && now > ticked + TICK_EVERY {
                ticked = now;
                result = sink.tick(now);
            }
            if result.is_err() {
                stop.now();
            }
        }
        if closed && idle {
            return (sink, result);
        }
        if !closed {
            std::thread::sleep(EMPTIED_EVERY);
        }
    }
}

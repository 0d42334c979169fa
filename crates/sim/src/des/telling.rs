//! What a run tells: records and the time to the sink, and how many calls there were.

use std::io;
use std::time::Duration;

use topology::{NodeId, NodeKind, Scenario};
use trace::{Record, Sink, Time};

/// How often the sink is told the time.
const TICK_EVERY: Duration = Duration::from_millis(100);

/// Counts of calls that are results.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) started: u64,
    pub(super) ok: u64,
    pub(super) failed: u64,
}

impl Counts {
    pub(super) fn under_way(&self) -> u64 {
        self.started.saturating_sub(self.ok + self.failed)
    }
}

/// The sink, and what has been told to it.
#[derive(Debug)]
pub(super) struct Telling<S> {
    sink: S,
    /// Why the sink takes no more.
    broken: Option<io::Error>,
    next_tick: Time,
    /// By node: whether calls of this client are results.
    measured: Vec<bool>,
    pub(super) counts: Counts,
}

impl<S: Sink> Telling<S> {
    pub(super) fn new(scenario: &Scenario, sink: S) -> Self {
        let nodes = scenario.topology.nodes();
        let measured = nodes.map(|(_, node)| node.kind == NodeKind::Client && !node.synthetic).collect();
        let next_tick = Time::default() + TICK_EVERY;
        Self { sink, broken: None, next_tick, measured, counts: Counts::default() }
    }

    /// A client begins a call.
    pub(super) fn begun(&mut self, client: NodeId) {
        self.counts.started += u64::from(self.measured[client.index()]);
    }

    /// Hands a record to the sink.
    pub(super) fn record(&mut self, record: Record) {
        if let Record::Call(end) = &record
            && self.measured[end.client.index()]
        {
            let count = if end.is_ok() { &mut self.counts.ok } else { &mut self.counts.failed };
            *count += 1;
        }
        if self.broken.is_none()
            && let Err(error) = self.sink.record(record)
        {
            self.broken = Some(error);
        }
    }

    /// Tells the sink the time, if it is time to.
    pub(super) fn time(&mut self, now: Time) {
        if now >= self.next_tick {
            self.next_tick = now + TICK_EVERY;
            if self.broken.is_none() {
                self.broken = self.sink.tick(now).err();
            }
        }
    }

    /// Whether the sink takes no more.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// The sink, unless it broke.
    pub(super) fn into_sink(self) -> io::Result<S> {
        self.broken.map_or(Ok(self.sink), Err)
    }
}

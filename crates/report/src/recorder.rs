//! Takes an engine's records, and leaves figures and a run's folder.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use topology::{Cause, Scenario, Target};
use trace::rows::{CallRow, HopRow, TimelineRow};
use trace::run_dir::{ExampleStream, RowStream};
use trace::{Assembler, CallId, CallTrace, Record, RunDir, RunDirError, Sink, Time};

use crate::attribution::Lifecycle;
use crate::names::Names;
use crate::tally::{Judged, Tally};
use crate::timeline::Timeline;
use crate::{Figures, log};

/// How often what was recorded is handed to the files.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// How many failed calls of each kind are kept with what was on the wire.
const EXAMPLES_PER_KIND: u32 = 3;
/// How many kinds of failure have examples.
const EXAMPLE_KINDS: usize = 64;

/// Puts calls together while a run goes on, has each failure attributed, counts, and writes.
///
/// Memory is bounded by the calls in flight and the size of the scenario. Calls that began before
/// the scenario's warm-up was over are in the files, and left out of the figures; the calls of a
/// surge are in neither, though they show in how full nodes are.
#[derive(Debug)]
pub struct Recorder {
    scenario: Arc<Scenario>,
    names: Names,
    assembler: Assembler,
    lifecycle: Lifecycle,
    tally: Tally,
    timeline: Timeline,
    files: Option<Files>,
    now: Time,
    flushed: Time,
}

#[derive(Debug)]
struct Files {
    calls: RowStream<CallRow>,
    hops: RowStream<HopRow>,
    timeline: RowStream<TimelineRow>,
    examples: ExampleStream,
    examples_kept: BTreeMap<(Target, Cause, &'static str), u32>,
}

impl Recorder {
    /// One that only counts.
    pub fn new(scenario: Arc<Scenario>) -> Self {
        Self {
            names: Names::new(&scenario),
            assembler: Assembler::new(),
            lifecycle: Lifecycle::default(),
            tally: Tally::new(&scenario),
            timeline: Timeline::default(),
            files: None,
            now: Time::default(),
            flushed: Time::default(),
            scenario,
        }
    }

    /// One that also writes calls, hops, the timeline and examples into a run's folder.
    ///
    /// # Errors
    /// If a file cannot be made.
    pub fn with_folder(scenario: Arc<Scenario>, dir: &RunDir) -> Result<Self, RunDirError> {
        let files = Files {
            calls: dir.stream()?,
            hops: dir.stream()?,
            timeline: dir.stream()?,
            examples: dir.example_stream()?,
            examples_kept: BTreeMap::new(),
        };
        Ok(Self { files: Some(files), ..Self::new(scenario) })
    }

    /// The end of the run: whatever is still open is closed.
    ///
    /// `matched` says for each fault, by its id, how many attempts it has matched in the whole run.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn finish(mut self, matched: &[u64]) -> Result<Figures, RunDirError> {
        for trace in std::mem::take(&mut self.assembler).finish() {
            self.complete(&trace)?;
        }
        let rows = self.timeline.close(&self.names);
        if let Some(files) = &mut self.files {
            files.push_timeline(&rows)?;
            files.flush()?;
        }
        Ok(self.tally.figures(&self.scenario, &self.names, matched, self.now))
    }

    fn complete(&mut self, trace: &CallTrace) -> Result<(), RunDirError> {
        if self.is_synthetic(trace.end.call) {
            return Ok(());
        }
        let call = Judged::new(&self.scenario, &self.lifecycle, trace);
        for verdict in call.verdict.iter().chain(call.masked.iter().map(|(_, verdict)| verdict)) {
            let born = (verdict.origin, verdict.cause, verdict.mechanism);
            self.lifecycle.remember(trace, &verdict.lineage, born);
        }
        if let Some(files) = &mut self.files {
            files.push_call(&self.scenario, &self.names, &call)?;
        }
        if trace.end.start.since_start() >= self.scenario.warmup {
            self.tally.add(&self.scenario, &call);
        }
        Ok(())
    }

    /// Whether a call is load that a surge adds.
    fn is_synthetic(&self, call: CallId) -> bool {
        let load = self.scenario.loads.get(usize::from(call.load()));
        load.is_some_and(|load| self.scenario.topology.node(load.from).synthetic)
    }
}

impl Sink for Recorder {
    fn record(&mut self, record: Record) -> io::Result<()> {
        match &record {
            Record::Served(served) if !self.is_synthetic(served.call) => {
                self.timeline.served(&self.scenario, served);
            }
            Record::Call(end) if !self.is_synthetic(end.call) => self.timeline.call(end),
            Record::Gauge(gauge) => self.timeline.gauge(gauge),
            Record::Node(event) => self.lifecycle.observe(*event),
            Record::Served(_)
            | Record::Call(_)
            | Record::Arrived { .. }
            | Record::Attempt(_)
            | Record::IdleClosed { .. } => {}
        }
        if let Some(trace) = self.assembler.push(record) {
            self.now = self.now.max(trace.end.end);
            self.complete(&trace)?;
        }
        Ok(())
    }

    fn tick(&mut self, now: Time) -> io::Result<()> {
        self.now = self.now.max(now);
        for trace in self.assembler.expire(now) {
            self.complete(&trace)?;
        }
        if now.since(self.flushed) >= FLUSH_EVERY {
            self.flushed = now;
            let rows = self.timeline.close_old(&self.names, now);
            if let Some(files) = &mut self.files {
                files.push_timeline(&rows)?;
                files.flush()?;
            }
        }
        Ok(())
    }
}

impl Files {
    fn push_call(
        &mut self,
        scenario: &Scenario,
        names: &Names,
        call: &Judged<'_>,
    ) -> Result<(), RunDirError> {
        let trace = call.trace;
        self.calls.push(&log::call_row(scenario, names, trace, call.verdict.as_ref()))?;
        for attempt in &trace.attempts {
            self.hops.push(&log::hop_row(scenario, names, trace, attempt))?;
        }
        let Some(verdict) = &call.verdict else { return Ok(()) };
        let kind = (verdict.origin, verdict.cause, verdict.mechanism);
        if self.examples_kept.len() >= EXAMPLE_KINDS && !self.examples_kept.contains_key(&kind) {
            return Ok(());
        }
        let kept = self.examples_kept.entry(kind).or_default();
        if *kept < EXAMPLES_PER_KIND
            && let Some(example) = log::example(trace)
        {
            *kept += 1;
            self.examples.push(&example)?;
        }
        Ok(())
    }

    fn push_timeline(&mut self, rows: &[TimelineRow]) -> Result<(), RunDirError> {
        rows.iter().try_for_each(|row| self.timeline.push(row))
    }

    fn flush(&mut self) -> Result<(), RunDirError> {
        self.calls.flush()?;
        self.hops.flush()?;
        self.timeline.flush()?;
        self.examples.flush()
    }
}

#[cfg(test)]
mod tests;

//! Takes an engine's records, and leaves figures and a run's folder.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use topology::Scenario;
use trace::access::Run;
use trace::{Assembler, CallId, CallTrace, Record, RunDir, RunDirError, RunKey, Sink, Time};

use crate::attribution::{Lifecycle, Sight, Waiting};
use crate::external;
use crate::files::{Files, Logs};
use crate::names::Names;
use crate::outcomes::Outcomes;
use crate::tally::{Judged, Tally};
use crate::timeline::Timeline;
use crate::undecided::Undecided;
use crate::watch::{Watch, Watched};
use crate::{Figures, Observer};

/// How often what was recorded is handed to the files.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

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
    waiting: Waiting,
    tally: Tally,
    /// None where there is nothing to compare with.
    outcomes: Option<Outcomes>,
    /// Of nothing where nothing is written.
    timeline: Timeline,
    files: Option<Files>,
    /// When the run's time began.
    began: SystemTime,
    observers: Vec<Box<dyn Observer>>,
    run: RunKey,
    undecided: Undecided,
    now: Time,
    flushed: Time,
}

impl Recorder {
    /// One that only counts.
    pub fn new(scenario: Arc<Scenario>) -> Self {
        Self::with(scenario, None, None)
    }

    /// One that also writes calls, hops, the timeline and examples into a run's folder.
    ///
    /// # Errors
    /// If a file cannot be made.
    pub fn with_folder(scenario: Arc<Scenario>, dir: &RunDir) -> Result<Self, RunDirError> {
        Ok(Self::with(scenario, Some(Files::create(dir, &Logs::default())?), None))
    }

    /// One that writes into these files, and notes there how each call has ended.
    pub(crate) fn with(scenario: Arc<Scenario>, files: Option<Files>, outcomes: Option<Outcomes>) -> Self {
        Self {
            names: Names::new(&scenario),
            assembler: Assembler::with_silent(external::edges_into(&scenario)),
            lifecycle: Lifecycle::default(),
            waiting: Waiting::default(),
            tally: if files.is_some() { Tally::of_folder(&scenario) } else { Tally::new(&scenario) },
            outcomes,
            timeline: Timeline::default(),
            files,
            began: UNIX_EPOCH,
            observers: Vec::new(),
            run: RunKey::default(),
            undecided: Undecided::default(),
            now: Time::default(),
            flushed: Time::default(),
            scenario,
        }
    }

    /// The same, told of to these too, with traces of this key.
    #[must_use]
    pub fn observed(mut self, run: RunKey, observers: Vec<Box<dyn Observer>>) -> Self {
        self.run = run;
        self.observers = observers;
        self
    }

    /// The same, and who has the watch can ask how the run is going.
    #[must_use]
    pub fn watched(mut self, watch: Watch) -> Self {
        self.observers.push(Box::new(Watched::new(self.scenario.clone(), watch)));
        self
    }

    /// The end of the run: whatever is still open is closed.
    ///
    /// `matched` says for each fault, by its id, how many attempts it has matched in the whole run.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn finish(self, matched: &[u64]) -> Result<Figures, RunDirError> {
        let Recorded { scenario, tally, .. } = self.close(matched)?;
        Ok(tally.figures(&scenario))
    }

    /// The same with what is known of the failures whose cause is not.
    pub(crate) fn finish_with_undecided(self) -> Result<(Figures, Undecided), RunDirError> {
        let Recorded { scenario, tally, undecided, .. } = self.close(&[])?;
        Ok((tally.figures(&scenario), undecided))
    }

    /// The same, if another run may follow.
    pub(crate) fn close(mut self, matched: &[u64]) -> Result<Recorded, RunDirError> {
        for trace in std::mem::take(&mut self.assembler).finish() {
            self.complete(trace)?;
        }
        for trace in self.waiting.close() {
            self.judge(&trace)?;
        }
        self.observers.iter_mut().for_each(|observer| observer.end());
        let rows = self.timeline.close(&self.names);
        if let Some(files) = &mut self.files {
            files.push_timeline(&rows)?;
            files.end()?;
            files.flush()?;
        }
        self.tally.end_run(&self.scenario, matched, self.now);
        let Self { scenario, tally, outcomes, files, undecided, .. } = self;
        Ok(Recorded { scenario, tally, outcomes, files, undecided })
    }

    /// The same with no more in sight than this of what no call tells.
    pub(crate) fn seeing(self, sight: Sight) -> Self {
        Self { lifecycle: Lifecycle::with_sight(sight), ..self }
    }

    /// Takes calls that have been put together already, in the order of their ends.
    pub(crate) fn take_all(&mut self, traces: Vec<CallTrace>) -> Result<(), RunDirError> {
        for trace in &traces {
            self.waiting.ask_all(trace);
        }
        for trace in traces {
            self.now = self.now.max(trace.end.end);
            for served in &trace.served {
                self.tally.served(&self.scenario, served);
            }
            self.complete(trace)?;
        }
        Ok(())
    }

    /// Takes a whole call, and judges those that can be judged now.
    fn complete(&mut self, trace: CallTrace) -> Result<(), RunDirError> {
        let trace = external::completed(&self.scenario, trace);
        // A surge's calls fill pools too.
        for answered in self.waiting.hear(&self.scenario, &mut self.lifecycle, &trace) {
            self.judge(&answered)?;
        }
        if is_synthetic(&self.scenario, trace.end.call) {
            return Ok(());
        }
        if let Some(trace) = self.waiting.take_in(&self.scenario, &self.lifecycle, trace) {
            self.judge(&trace)?;
            self.assembler.reuse(trace);
        }
        while let Some(explained) = self.waiting.explained(&self.scenario, &self.lifecycle) {
            self.judge(&explained)?;
        }
        Ok(())
    }

    /// Says why a call failed, if it did, and counts it.
    fn judge(&mut self, trace: &CallTrace) -> Result<(), RunDirError> {
        let call = Judged::new(&self.scenario, &self.lifecycle, trace);
        if let Some(verdict) = &call.verdict {
            self.undecided.add(trace, verdict);
        }
        for verdict in call.verdict.iter().chain(call.masked.iter().map(|(_, verdict)| verdict)) {
            let born = (verdict.origin, verdict.cause, verdict.mechanism);
            self.lifecycle.remember(trace, &verdict.lineage, born);
        }
        self.lifecycle.forget(trace);
        self.observers.iter_mut().for_each(|observer| observer.call(&call));
        if let Some(files) = &mut self.files {
            files.push_call(&self.scenario, &self.names, &call)?;
            files.push_access(
                Run { scenario: &self.scenario, key: self.run, began: self.began }.lines(trace),
            )?;
        }
        let counts = trace.end.start.since_start() >= self.scenario.warmup;
        self.tally.add(&self.scenario, &call, counts);
        if let Some(outcomes) = self.outcomes.as_mut().filter(|_| counts) {
            outcomes.add(trace.end.call, trace.end.is_ok());
        }
        Ok(())
    }
}

/// Whether a call is load that a surge adds.
pub(crate) fn is_synthetic(scenario: &Scenario, call: CallId) -> bool {
    let load = scenario.loads.get(usize::from(call.load()));
    load.is_some_and(|load| scenario.topology.node(load.from).synthetic)
}

impl Sink for Recorder {
    fn run_key(&self) -> RunKey {
        self.run
    }

    fn record(&mut self, record: Record) -> io::Result<()> {
        self.observers.iter_mut().for_each(|observer| observer.record(&record));
        match &record {
            Record::Node(event) => self.lifecycle.observe(*event),
            Record::Link(event) => self.lifecycle.observe_link(*event),
            _ => {}
        }
        self.waiting.ask(&self.scenario, &record);
        if let Some(files) = &mut self.files {
            let run = Run { scenario: &self.scenario, key: self.run, began: self.began };
            match &record {
                Record::Node(event) => files.push_access([run.process(*event)])?,
                Record::Link(event) => files.push_access([run.link(*event)])?,
                Record::Served(served) if !is_synthetic(&self.scenario, served.call) => {
                    self.tally.served(&self.scenario, served);
                }
                _ => {}
            }
            self.timeline.observe(&self.scenario, &record);
        }
        if let Some(trace) = self.assembler.push(record) {
            self.now = self.now.max(trace.end.end);
            self.complete(trace)?;
        }
        Ok(())
    }

    fn tick(&mut self, now: Time) -> io::Result<()> {
        self.now = self.now.max(now);
        for trace in self.assembler.expire(now) {
            self.complete(trace)?;
        }
        self.observers.iter_mut().for_each(|observer| observer.tick(now));
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

    fn begun(&mut self, since_epoch: Duration) {
        self.began = UNIX_EPOCH + since_epoch;
        self.observers.iter_mut().for_each(|observer| observer.begun(since_epoch));
    }

    fn wants_exchanges(&self) -> bool {
        self.files.as_ref().is_some_and(Files::has_access)
            || self.observers.iter().any(|observer| observer.wants_exchanges())
    }
}

/// What a run leaves behind.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) tally: Tally,
    pub(crate) outcomes: Option<Outcomes>,
    pub(crate) files: Option<Files>,
    pub(crate) undecided: Undecided,
}

#[cfg(test)]
mod tests;

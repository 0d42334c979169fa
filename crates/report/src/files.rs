//! The files of a run's folder that grow while the run goes on.

use std::collections::BTreeMap;

use topology::{Cause, Scenario, Target};
use trace::manifest::Records;
use trace::rows::{CallRow, HopRow, TimelineRow};
use trace::run_dir::{ExampleStream, RowStream};
use trace::{RunDir, RunDirError};

use crate::log;
use crate::names::Names;
use crate::tally::Judged;

/// How many failed calls of each kind are kept with what was on the wire.
const EXAMPLES_PER_KIND: u32 = 3;
/// How many kinds of failure have examples.
const EXAMPLE_KINDS: usize = 64;

/// The files.
#[derive(Debug)]
pub(crate) struct Files {
    records: Records,
    calls: RowStream<CallRow>,
    hops: RowStream<HopRow>,
    timeline: RowStream<TimelineRow>,
    examples: ExampleStream,
    examples_kept: BTreeMap<(Target, Cause, &'static str), u32>,
}

/// How long each file was at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    calls: u64,
    hops: u64,
    timeline: u64,
    examples: u64,
}

impl Files {
    pub(crate) fn create(dir: &RunDir, records: Records) -> Result<Self, RunDirError> {
        Ok(Self {
            records,
            calls: dir.stream()?,
            hops: dir.stream()?,
            timeline: dir.stream()?,
            examples: dir.example_stream()?,
            examples_kept: BTreeMap::new(),
        })
    }

    /// Another run begins, which has examples of its own.
    pub(crate) fn begin(&mut self) -> Result<Mark, RunDirError> {
        self.examples_kept.clear();
        Ok(Mark {
            calls: self.calls.length()?,
            hops: self.hops.length()?,
            timeline: self.timeline.length()?,
            examples: self.examples.length()?,
        })
    }

    /// Takes back what has been written since.
    pub(crate) fn take_back(&mut self, mark: Mark) -> Result<(), RunDirError> {
        self.calls.take_back(mark.calls)?;
        self.hops.take_back(mark.hops)?;
        self.timeline.take_back(mark.timeline)?;
        self.examples.take_back(mark.examples)
    }

    /// Adds what a run that went on beside others has written.
    pub(crate) fn take_in(&mut self, part: Self) -> Result<(), RunDirError> {
        self.calls.take_in(part.calls)?;
        self.hops.take_in(part.hops)?;
        self.timeline.take_in(part.timeline)?;
        self.examples.take_in(part.examples)
    }

    pub(crate) fn push_call(
        &mut self,
        scenario: &Scenario,
        names: &Names,
        call: &Judged<'_>,
    ) -> Result<(), RunDirError> {
        let trace = call.trace;
        let is_kept = match self.records {
            Records::None => false,
            Records::Failed => call.has_failure(),
            Records::All => true,
        };
        if is_kept {
            self.calls.push(&log::call_row(scenario, names, trace, call.verdict.as_ref()))?;
            for attempt in &trace.attempts {
                self.hops.push(&log::hop_row(scenario, names, trace, attempt))?;
            }
        }
        let Some(verdict) = &call.verdict else { return Ok(()) };
        let kind = (verdict.origin, verdict.cause, verdict.mechanism);
        if self.examples_kept.len() >= EXAMPLE_KINDS && !self.examples_kept.contains_key(&kind) {
            return Ok(());
        }
        let kept = self.examples_kept.entry(kind).or_default();
        if *kept < EXAMPLES_PER_KIND {
            *kept += 1;
            self.examples.push(&log::example(scenario, names, trace, verdict))?;
        }
        Ok(())
    }

    pub(crate) fn push_timeline(&mut self, rows: &[TimelineRow]) -> Result<(), RunDirError> {
        rows.iter().try_for_each(|row| self.timeline.push(row))
    }

    pub(crate) fn flush(&mut self) -> Result<(), RunDirError> {
        self.calls.flush()?;
        self.hops.flush()?;
        self.timeline.flush()?;
        self.examples.flush()
    }
}

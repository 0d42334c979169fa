//! The files of a run's folder that grow while the run goes on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use topology::{Cause, Scenario, Target};
use trace::access::AccessLine;
use trace::manifest::Records;
use trace::rows::{CallRow, HopRow, TimelineRow};
use trace::run_dir::{Example, JsonStream, RowStream, Worth};
use trace::{RunDir, RunDirError};

use crate::Verdict;
use crate::log;
use crate::names::Names;
use crate::tally::Judged;

/// How many failed calls of each kind are kept with what was on the wire.
const EXAMPLES_PER_KIND: u32 = 3;
/// How many calls are kept that were saved from a failure of a kind, and how many of the slowest that
/// succeeded.
const SAVED_PER_KIND: u32 = 2;
const SLOWEST: usize = 3;
/// How many kinds of failure have examples.
const EXAMPLE_KINDS: usize = 64;

/// What is written beside the figures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logs {
    /// Which calls have rows.
    pub records: Records,
    /// Where the access log of all calls goes, if there is to be one.
    pub access: Option<PathBuf>,
}

/// The files.
#[derive(Debug)]
pub(crate) struct Files {
    records: Records,
    calls: RowStream<CallRow>,
    hops: RowStream<HopRow>,
    timeline: RowStream<TimelineRow>,
    examples: JsonStream<Example>,
    access: Option<JsonStream<AccessLine>>,
    failed_kept: Kept,
    saved_kept: Kept,
    /// The slowest calls of the run under way that succeeded, the slowest first.
    slowest: Vec<(Duration, Example)>,
}

/// How many examples each kind of failure has.
#[derive(Debug, Default)]
struct Kept(BTreeMap<(Target, Cause, &'static str), u32>);

impl Kept {
    /// Whether there is room for one of this kind, which is taken then.
    fn take(&mut self, verdict: &Verdict, most: u32) -> bool {
        let kind = (verdict.origin, verdict.cause, verdict.mechanism);
        if self.0.len() >= EXAMPLE_KINDS && !self.0.contains_key(&kind) {
            return false;
        }
        let kept = self.0.entry(kind).or_default();
        *kept += u32::from(*kept < most + 1);
        *kept <= most
    }
}

/// How long each file was at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    calls: u64,
    hops: u64,
    timeline: u64,
    examples: u64,
    access: u64,
}

impl Files {
    pub(crate) fn create(dir: &RunDir, logs: &Logs) -> Result<Self, RunDirError> {
        Ok(Self {
            records: logs.records,
            calls: dir.stream()?,
            hops: dir.stream()?,
            timeline: dir.stream()?,
            examples: dir.example_stream()?,
            access: logs.access.clone().map(JsonStream::create).transpose()?,
            failed_kept: Kept::default(),
            saved_kept: Kept::default(),
            slowest: Vec::new(),
        })
    }

    /// Another run begins, which has examples of its own.
    pub(crate) fn begin(&mut self) -> Result<Mark, RunDirError> {
        self.failed_kept = Kept::default();
        self.saved_kept = Kept::default();
        Ok(Mark {
            calls: self.calls.length()?,
            hops: self.hops.length()?,
            timeline: self.timeline.length()?,
            examples: self.examples.length()?,
            access: self.access.as_mut().map_or(Ok(0), JsonStream::length)?,
        })
    }

    /// Takes back what has been written since.
    pub(crate) fn take_back(&mut self, mark: Mark) -> Result<(), RunDirError> {
        self.calls.take_back(mark.calls)?;
        self.hops.take_back(mark.hops)?;
        self.timeline.take_back(mark.timeline)?;
        self.examples.take_back(mark.examples)?;
        self.access.as_mut().map_or(Ok(()), |access| access.take_back(mark.access))
    }

    /// Adds what a run that went on beside others has written.
    pub(crate) fn take_in(&mut self, part: Self) -> Result<(), RunDirError> {
        self.calls.take_in(part.calls)?;
        self.hops.take_in(part.hops)?;
        self.timeline.take_in(part.timeline)?;
        self.examples.take_in(part.examples)?;
        match (&mut self.access, part.access) {
            (Some(access), Some(part)) => access.take_in(part),
            _ => Ok(()),
        }
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
        if let Some(verdict) = &call.verdict {
            if self.failed_kept.take(verdict, EXAMPLES_PER_KIND) {
                self.examples.push(&log::example(scenario, names, trace, Some(verdict), None))?;
            }
            return Ok(());
        }
        // Of several failures in one call the first that has room stands for it.
        if let Some((hop, verdict)) =
            call.masked.iter().find(|(_, verdict)| self.saved_kept.take(verdict, SAVED_PER_KIND))
        {
            let worth = log::saved(names, *hop, verdict);
            self.examples.push(&log::example(scenario, names, trace, None, Some(worth)))?;
        }
        self.keep_if_slow(scenario, names, call);
        Ok(())
    }

    /// Keeps a call that succeeded, as long as few were slower.
    fn keep_if_slow(&mut self, scenario: &Scenario, names: &Names, call: &Judged<'_>) {
        let end = &call.trace.end;
        let took = end.latency();
        let is_slow =
            self.slowest.len() < SLOWEST || self.slowest.last().is_some_and(|(least, _)| took > *least);
        if end.start.since_start() < scenario.warmup || !is_slow {
            return;
        }
        let example = log::example(scenario, names, call.trace, None, Some(Worth::Slow));
        let place = self.slowest.partition_point(|(other, _)| *other >= took);
        self.slowest.insert(place, (took, example));
        self.slowest.truncate(SLOWEST);
    }

    /// The run has ended.
    pub(crate) fn end(&mut self) -> Result<(), RunDirError> {
        let slowest = std::mem::take(&mut self.slowest);
        slowest.iter().try_for_each(|(_, example)| self.examples.push(example))
    }

    /// Whether there is an access log.
    pub(crate) fn has_access(&self) -> bool {
        self.access.is_some()
    }

    /// Adds lines to the access log, if there is one.
    pub(crate) fn push_access(
        &mut self,
        lines: impl IntoIterator<Item = AccessLine>,
    ) -> Result<(), RunDirError> {
        let Some(access) = &mut self.access else { return Ok(()) };
        lines.into_iter().try_for_each(|line| access.push(&line))
    }

    pub(crate) fn push_timeline(&mut self, rows: &[TimelineRow]) -> Result<(), RunDirError> {
        rows.iter().try_for_each(|row| self.timeline.push(row))
    }

    pub(crate) fn flush(&mut self) -> Result<(), RunDirError> {
        self.calls.flush()?;
        self.hops.flush()?;
        self.timeline.flush()?;
        self.examples.flush()?;
        self.access.as_mut().map_or(Ok(()), JsonStream::flush)
    }
}

//! The origins of failures that others have seen: the same verdicts on logs and traces as on a run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use evidence::{Bad, Evidence, FileRead};
use serde::Serialize;
use topology::Cause;
use trace::rows::{LayerRow, OriginRow};
use trace::{CallId, CallTrace, Record, RunDir, RunDirError, RunKey, Sink};

use crate::attribution::Sight;
use crate::explain::Explained;
use crate::names::Names;
use crate::render::percent;
use crate::tally::Judged;
use crate::{Figures, Observer, Recorder, Verdict, log};

/// What is said instead of `unknown`: it is the logs that leave it open.
const UNDECIDED: &str = "undecided";

/// What logs and traces show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Requests, as their outermost caller made them.
    pub requests: u64,
    /// Those that got a whole response with a status below 400.
    pub succeeded: u64,
    /// Where failures were born, those that hurt most first. The cause of some is `undecided`: their
    /// mechanism is what was seen.
    pub origins: Vec<OriginRow>,
    /// What each node made of its requests.
    pub layers: Vec<LayerRow>,
    /// What is known of those that are undecided, and what would decide them.
    pub undecided: Vec<Undecided>,
    /// What was read.
    pub files: Vec<Source>,
    /// The first lines that could not be read.
    pub bad: Vec<BadLine>,
}

/// Failures whose cause cannot be told from what was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undecided {
    /// The node or edge at which they were born.
    pub origin: String,
    /// What was seen there; empty if it was a status.
    pub seen: String,
    /// How many requests failed by it.
    pub failed: u64,
    /// The id of the first of them.
    pub request: String,
    /// What is known.
    pub evidence: String,
    /// What to look at, or to log next time.
    pub next_step: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Its name.
    pub file: String,
    /// Its format.
    pub format: String,
    /// How many lines or records it has.
    pub records: u64,
    /// How many of these could not be read.
    pub bad: u64,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadLine {
    /// The file and the line.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
    /// Its begin.
    pub text: String,
}

impl From<FileRead> for Source {
    fn from(read: FileRead) -> Self {
        let FileRead { name, format, records, bad } = read;
        Self { file: name, format: format.title().to_owned(), records, bad }
    }
}

impl From<Bad> for BadLine {
    fn from(bad: Bad) -> Self {
        let Bad { place, reason, text } = bad;
        Self { place, reason, text }
    }
}

/// Judges what was read. With a folder, the calls and their hops are written into it as those of a run.
///
/// # Errors
/// If a file of the folder cannot be written.
pub fn diagnose(evidence: Evidence, dir: Option<&RunDir>) -> Result<(Diagnosis, Figures), RunDirError> {
    let Evidence { calls, files, bad } = evidence;
    let names = Names::new(&calls.scenario);
    let mut recorder = recorder(&calls, dir)?;
    recorder.take_all(calls.traces)?;
    let (figures, undecided) = recorder.finish_with_undecided()?;
    let row = figures.strategies.first();
    let origins = figures.origins.iter().cloned();
    let origins = origins.map(|row| match &*row.cause {
        cause if cause == Cause::Unknown.name() => OriginRow { cause: UNDECIDED.into(), ..row },
        _ => row,
    });
    let undecided = undecided.kinds().into_iter().map(|((origin, seen), kind)| Undecided {
        origin: names.place(origin).to_string(),
        seen: seen.to_owned(),
        failed: kind.calls,
        request: key(&calls.keys, kind.first),
        next_step: calls.advice.get(&kind.hop).copied().unwrap_or(kind.next_step).to_owned(),
        evidence: kind.evidence,
    });
    let diagnosis = Diagnosis {
        requests: row.map_or(0, |row| row.calls),
        succeeded: row.map_or(0, |row| row.succeeded),
        origins: origins.collect(),
        layers: figures.layers.clone(),
        undecided: undecided.collect(),
        files: files.into_iter().map(Source::from).collect(),
        bad: bad.into_iter().map(BadLine::from).collect(),
    };
    Ok((diagnosis, figures))
}

/// The requests with this id, hop by hop.
///
/// # Errors
/// None that can happen: nothing is written.
pub fn explain(evidence: Evidence, id: &str) -> Result<Vec<Explained>, RunDirError> {
    let mut calls = evidence.calls;
    let traces = std::mem::take(&mut calls.traces);
    let scenario = Arc::new(calls.scenario.clone());
    let is_wanted = |trace: &CallTrace| {
        let keys = calls.keys.get(usize::try_from(trace.end.call.number()).unwrap_or(usize::MAX));
        keys.is_some_and(|keys| keys.iter().any(|key| key == id))
    };
    let wanted = traces.iter().filter(|trace| is_wanted(trace)).map(|trace| trace.end.call).collect();
    let explained = Arc::default();
    let observer =
        Explaining { names: Names::new(&scenario), scenario, wanted, explained: Arc::clone(&explained) };
    let mut recorder = recorder(&calls, None)?.observed(RunKey::default(), vec![Box::new(observer)]);
    recorder.take_all(traces)?;
    recorder.finish_with_undecided()?;
    let mut explained = explained.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *explained))
}

/// Explains some calls as they are judged.
#[derive(Debug)]
struct Explaining {
    scenario: Arc<topology::Scenario>,
    names: Names,
    wanted: BTreeSet<CallId>,
    explained: Arc<Mutex<Vec<Explained>>>,
}

impl Observer for Explaining {
    fn call(&mut self, call: &Judged<'_>) {
        if self.wanted.contains(&call.trace.end.call) {
            let explained = one(&self.scenario, &self.names, call.trace, call.verdict.as_ref());
            self.explained.lock().unwrap_or_else(PoisonError::into_inner).push(explained);
        }
    }
}

fn one(
    scenario: &topology::Scenario,
    names: &Names,
    trace: &CallTrace,
    verdict: Option<&Verdict>,
) -> Explained {
    let hops = trace.attempts.iter().map(|attempt| log::hop_row(scenario, names, trace, attempt)).collect();
    Explained {
        call: log::call_row(scenario, names, trace, verdict),
        hops: crate::explain::in_order(hops, trace::HopId::root(trace.end.call)),
        example: verdict.map(|verdict| log::example(scenario, names, trace, Some(verdict), None)),
        of_run: false,
    }
}

/// A recorder that knows of processes and links what was read.
fn recorder(calls: &evidence::Calls, dir: Option<&RunDir>) -> Result<Recorder, RunDirError> {
    let scenario = Arc::new(calls.scenario.clone());
    let sight = Sight { supervised: Some(calls.supervised.clone()), unended: Some(calls.unended.clone()) };
    let recorder = match dir {
        Some(dir) => Recorder::with_folder(scenario, dir)?,
        None => Recorder::new(scenario),
    };
    let mut recorder = recorder.seeing(sight);
    let processes = calls.processes.iter().map(|event| Record::Node(*event));
    let told = processes.chain(calls.links.iter().map(|event| Record::Link(*event)));
    for record in told {
        // No file is written for these.
        let _ = recorder.record(record);
    }
    Ok(recorder)
}

fn key(keys: &[Arc<[String]>], call: u64) -> String {
    let keys = keys.get(usize::try_from(call).unwrap_or(usize::MAX));
    keys.and_then(|keys| keys.first()).cloned().unwrap_or_default()
}

impl Diagnosis {
    /// How many requests failed.
    pub fn failed(&self) -> u64 {
        self.requests - self.succeeded
    }

    /// The share that succeeded, in words.
    pub(crate) fn success(&self) -> String {
        percent(crate::statistics::ratio(self.succeeded as f64, self.requests as f64))
    }
}

#[cfg(test)]
mod tests;

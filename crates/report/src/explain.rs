//! One failed call, hop by hop, from a run's folder.

mod document;

pub(crate) use document::{marks, outcome, title};

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use trace::manifest::Records;
use trace::rows::{CallRow, HopRow, Name, OriginRow, StrategyRow};
use trace::run_dir::Example;
use trace::{CallId, HopId, RunDir, RunDirError};

use crate::comparison::named;
use crate::render::{Format, Look, json, markdown, terminal};

/// What a run's engine is called that was none: its records were read from logs.
pub const LOGS: &str = "logs";

/// How many calls are picked where none is asked for.
const PICKED_MAX: usize = 3;

/// Which calls are to be explained.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// This one; if none, a failed call of each of the three origins that hurt most.
    pub call: Option<CallId>,
    /// As it went under this strategy; if none, the first under which a call failed.
    pub strategy: Option<String>,
    /// As it went under this seed; if none, under any.
    pub seed: Option<u64>,
}

/// A call with all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// The call, and the verdict on it.
    pub call: CallRow,
    /// Its hops: each after the one that its caller was serving, in the order of their begin.
    pub hops: Vec<HopRow>,
    /// What was on the wire, if it was kept.
    pub example: Option<Example>,
    /// It is of a run, into whose calls faults are injected, not of a real system.
    #[serde(skip)]
    pub of_run: bool,
}

/// Why a call could not be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] RunDirError),
    /// The run has no such call.
    #[error("the run has no call {0}: calls.csv lists those it has")]
    NoSuchCall(CallId),
    /// The run has kept only some calls, and not this one.
    #[error(
        "the run has kept no call {0}: it was made with `--records failed`, which keeps the calls in which something failed"
    )]
    NotKept(CallId),
    /// The run has kept no calls.
    #[error(
        "the run has no calls to explain: it was made with `--records none`; `--records failed` keeps those that failed"
    )]
    NoneKept,
    /// The run has no such strategy.
    #[error("the run has no strategy `{0}`: it has {1}")]
    NoSuchStrategy(String, String),
}

/// Reads calls from a run's folder.
///
/// # Errors
/// If a file cannot be read, or there is no such call or strategy. That no call failed is no error.
pub fn read(dir: &RunDir, selection: &Selection) -> Result<Vec<Explained>, ExplainError> {
    let manifest = dir.read_manifest()?;
    let (records, of_run) = (manifest.records, manifest.engine != LOGS);
    if records == Records::None {
        return Err(ExplainError::NoneKept);
    }
    let strategy = strategy(dir, selection.strategy.as_deref())?;
    let wanted =
        |row: &CallRow| row.strategy == strategy && selection.seed.is_none_or(|seed| row.seed == seed);
    let mut examples: BTreeMap<Key, Example> = BTreeMap::new();
    for example in dir.read_examples()? {
        if example.strategy.as_deref().is_some_and(|of| *of != *strategy) {
            continue;
        }
        examples.insert((example.call.clone(), example.seed), example);
    }
    let calls = match selection.call {
        Some(call) => match find(dir, call, wanted)? {
            Some(found) => vec![found],
            None if records == Records::Failed => return Err(ExplainError::NotKept(call)),
            None => return Err(ExplainError::NoSuchCall(call)),
        },
        None => pick(dir, &strategy, wanted, &examples)?,
    };
    let mut hops: BTreeMap<Key, Vec<HopRow>> = calls.iter().map(|call| (key(call), Vec::new())).collect();
    if !hops.is_empty() {
        for hop in dir.rows::<HopRow>()? {
            let hop = hop?;
            if hop.strategy == strategy
                && let Some(hops) = hops.get_mut(&(hop.call.to_string(), hop.seed))
            {
                hops.push(hop);
            }
        }
    }
    let explained = |call: CallRow| {
        let hops = in_order(hops.remove(&key(&call)).unwrap_or_default(), HopId::root(call.call));
        let example = examples.remove(&key(&call));
        Explained { call, hops, example, of_run }
    };
    Ok(calls.into_iter().map(explained).collect())
}

/// What tells the calls of one strategy apart: the number, as text, and the seed.
type Key = (String, u64);

fn key(call: &CallRow) -> Key {
    (call.call.to_string(), call.seed)
}

/// The strategy to look at.
fn strategy(dir: &RunDir, asked: Option<&str>) -> Result<Name, ExplainError> {
    if !dir.read_manifest()?.finished {
        // There are no figures yet.
        let first = dir.rows::<CallRow>()?.next().transpose()?.map(|call| call.strategy);
        return Ok(asked.map(Name::from).or(first).unwrap_or_default());
    }
    let rows: Vec<StrategyRow> = dir.read_rows()?;
    let found = match asked {
        Some(asked) => rows.iter().find(|row| *row.strategy == *asked),
        None => rows.iter().find(|row| row.succeeded < row.calls).or(rows.first()),
    };
    match (found, asked) {
        (Some(row), _) => Ok(row.strategy.clone()),
        (None, None) => Ok(Name::default()),
        (None, Some(asked)) => {
            let names: Vec<_> = rows.iter().map(|row| named(&row.strategy)).collect();
            Err(ExplainError::NoSuchStrategy(asked.to_owned(), names.join(", ")))
        }
    }
}

/// Writes explained calls.
///
/// # Errors
/// If `out` takes no more.
pub fn write(calls: &[Explained], format: Format, look: Look, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => terminal::write(&document::blocks(calls), look, out),
        Format::Markdown => markdown::write(&document::blocks(calls), out),
        Format::Json => json(&calls, out),
    }
}

fn find(
    dir: &RunDir,
    call: CallId,
    wanted: impl Fn(&CallRow) -> bool,
) -> Result<Option<CallRow>, ExplainError> {
    for row in dir.rows::<CallRow>()? {
        let row = row?;
        if row.call == call && wanted(&row) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// What makes two failures alike.
type Kind = (Name, Name, Name);

/// A failed call of each of the main origins; rather one whose exchanges were kept.
fn pick(
    dir: &RunDir,
    strategy: &str,
    wanted: impl Fn(&CallRow) -> bool,
    examples: &BTreeMap<Key, Example>,
) -> Result<Vec<CallRow>, ExplainError> {
    let kinds = main_kinds(dir, strategy)?;
    let mut picked: BTreeMap<Kind, (CallRow, bool)> = BTreeMap::new();
    for call in dir.rows::<CallRow>()? {
        let call = call?;
        let kind = (call.origin.clone(), call.cause.clone(), call.mechanism.clone());
        if !wanted(&call) || !kinds.contains(&kind) || picked.get(&kind).is_some_and(|(_, kept)| *kept) {
            continue;
        }
        let kept = examples.get(&key(&call)).is_some_and(|example| !example.hops.is_empty());
        if kept || !picked.contains_key(&kind) {
            picked.insert(kind, (call, kept));
        }
    }
    Ok(kinds.iter().filter_map(|kind| picked.remove(kind)).map(|(call, _)| call).collect())
}

/// The origins to look at: those with the most failed calls.
fn main_kinds(dir: &RunDir, strategy: &str) -> Result<Vec<Kind>, ExplainError> {
    let mut failed: BTreeMap<Kind, u64> = BTreeMap::new();
    for row in dir.read_rows::<OriginRow>()? {
        if row.surfaced > 0 && *row.strategy == *strategy {
            *failed.entry((row.origin, row.cause, row.mechanism)).or_default() += row.surfaced;
        }
    }
    let mut kinds: Vec<_> = failed.into_iter().collect();
    kinds.sort_by_key(|(_, failed)| std::cmp::Reverse(*failed));
    Ok(kinds.into_iter().map(|(kind, _)| kind).take(PICKED_MAX).collect())
}

/// Sorts hops into the order of a tree: below each hop what its callee did for it.
pub(crate) fn in_order(hops: Vec<HopRow>, root: HopId) -> Vec<HopRow> {
    let mut below: BTreeMap<HopId, Vec<HopRow>> = BTreeMap::new();
    for hop in hops {
        below.entry(hop.parent).or_default().push(hop);
    }
    let mut ordered = Vec::new();
    // What comes next is at the end.
    let mut next = Vec::new();
    let mut push_below = |parent: HopId, next: &mut Vec<HopRow>| {
        let mut children = below.remove(&parent).unwrap_or_default();
        children.sort_by_key(|hop| std::cmp::Reverse((hop.start_us, hop.attempt)));
        next.extend(children);
    };
    push_below(root, &mut next);
    while let Some(hop) = next.pop() {
        push_below(hop.hop, &mut next);
        ordered.push(hop);
    }
    ordered.extend(below.into_values().flatten());
    ordered
}

#[cfg(test)]
mod tests;

//! One failed call, hop by hop, from a run's folder.

mod document;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use trace::rows::{CallRow, HopRow, Name, OriginRow};
use trace::run_dir::Example;
use trace::{CallId, HopId, RunDir, RunDirError};

use crate::render::{Format, json, markdown, terminal};

/// How many calls are picked where none is asked for.
const PICKED_MAX: usize = 3;

/// Which calls are to be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// This one.
    Call(CallId),
    /// A failed call of each of the three origins that hurt most.
    OnePerOrigin,
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
}

/// Reads calls from a run's folder.
///
/// # Errors
/// If a file cannot be read, or there is no such call. That no call failed is no error.
pub fn read(dir: &RunDir, selection: Selection) -> Result<Vec<Explained>, ExplainError> {
    let mut examples: BTreeMap<String, Example> =
        dir.read_examples()?.into_iter().map(|example| (example.call.clone(), example)).collect();
    let calls = match selection {
        Selection::Call(wanted) => vec![find(dir, wanted)?],
        Selection::OnePerOrigin => pick(dir, &examples)?,
    };
    let mut hops: BTreeMap<CallId, Vec<HopRow>> = calls.iter().map(|c| (c.call, Vec::new())).collect();
    if !hops.is_empty() {
        for hop in dir.rows::<HopRow>()? {
            let hop = hop?;
            if let Some(hops) = hops.get_mut(&hop.call) {
                hops.push(hop);
            }
        }
    }
    let explained = |call: CallRow| {
        let hops = in_order(hops.remove(&call.call).unwrap_or_default(), HopId::root(call.call));
        let example = examples.remove(&call.call.to_string());
        Explained { call, hops, example }
    };
    Ok(calls.into_iter().map(explained).collect())
}

/// Writes explained calls.
///
/// # Errors
/// If `out` takes no more.
pub fn write(calls: &[Explained], format: Format, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => terminal::write(&document::blocks(calls), colour, out),
        Format::Markdown => markdown::write(&document::blocks(calls), out),
        Format::Json => json(&calls, out),
    }
}

fn find(dir: &RunDir, wanted: CallId) -> Result<CallRow, ExplainError> {
    for call in dir.rows::<CallRow>()? {
        let call = call?;
        if call.call == wanted {
            return Ok(call);
        }
    }
    Err(ExplainError::NoSuchCall(wanted))
}

/// What makes two failures alike.
type Kind = (Name, Name, Name);

/// A failed call of each of the main origins; rather one whose exchanges were kept.
fn pick(dir: &RunDir, examples: &BTreeMap<String, Example>) -> Result<Vec<CallRow>, ExplainError> {
    let wanted = main_kinds(dir)?;
    let mut picked: BTreeMap<Kind, (CallRow, bool)> = BTreeMap::new();
    for call in dir.rows::<CallRow>()? {
        let call = call?;
        let kind = (call.origin.clone(), call.cause.clone(), call.mechanism.clone());
        if !wanted.contains(&kind) || picked.get(&kind).is_some_and(|(_, kept)| *kept) {
            continue;
        }
        let kept = examples.contains_key(&call.call.to_string());
        if kept || !picked.contains_key(&kind) {
            picked.insert(kind, (call, kept));
        }
    }
    Ok(wanted.iter().filter_map(|kind| picked.remove(kind)).map(|(call, _)| call).collect())
}

/// The origins to look at: those with the most failed calls.
fn main_kinds(dir: &RunDir) -> Result<Vec<Kind>, ExplainError> {
    let mut failed: BTreeMap<Kind, u64> = BTreeMap::new();
    for row in dir.read_rows::<OriginRow>()? {
        if row.surfaced > 0 {
            *failed.entry((row.origin, row.cause, row.mechanism)).or_default() += row.surfaced;
        }
    }
    let mut kinds: Vec<_> = failed.into_iter().collect();
    kinds.sort_by_key(|(_, failed)| std::cmp::Reverse(*failed));
    Ok(kinds.into_iter().map(|(kind, _)| kind).take(PICKED_MAX).collect())
}

/// Sorts hops into the order of a tree: below each hop what its callee did for it.
fn in_order(hops: Vec<HopRow>, root: HopId) -> Vec<HopRow> {
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

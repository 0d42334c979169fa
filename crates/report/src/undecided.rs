//! Failures whose cause is not known: how many, and what was seen of them.

use std::collections::BTreeMap;

use topology::{Cause, Target};
use trace::{CallTrace, HopId};

use crate::Verdict;

/// How many kinds are told apart.
const KINDS: usize = 256;

/// What was seen of each kind of undecided failure: the place, and what stands for the mechanism.
#[derive(Debug, Clone, Default)]
pub(crate) struct Undecided(BTreeMap<(Target, &'static str), Kind>);

/// Failures of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    /// How many calls failed so.
    pub(crate) calls: u64,
    /// The number of the first of them.
    pub(crate) first: u64,
    /// The hop at which it was born there.
    pub(crate) hop: HopId,
    /// What is known of that one.
    pub(crate) evidence: String,
    /// What to do next.
    pub(crate) next_step: &'static str,
}

impl Undecided {
    pub(crate) fn add(&mut self, trace: &CallTrace, verdict: &Verdict) {
        if verdict.cause != Cause::Unknown {
            return;
        }
        let key = (verdict.origin, verdict.mechanism);
        if self.0.len() >= KINDS && !self.0.contains_key(&key) {
            return;
        }
        let kind = self.0.entry(key).or_insert_with(|| Kind {
            calls: 0,
            first: trace.end.call.number(),
            hop: verdict.hop,
            evidence: verdict.evidence.clone(),
            next_step: verdict.next_step,
        });
        kind.calls += 1;
    }

    /// The kinds, the most frequent first.
    pub(crate) fn kinds(self) -> Vec<((Target, &'static str), Kind)> {
        let mut kinds: Vec<_> = self.0.into_iter().collect();
        kinds.sort_by_key(|(_, kind)| std::cmp::Reverse(kind.calls));
        kinds
    }
}

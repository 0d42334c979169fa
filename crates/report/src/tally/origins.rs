//! Where failures were born.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use topology::{Cause, Target};
use trace::rows::OriginRow;
use trace::{HopId, Time};

use super::Judged;
use crate::Verdict;
use crate::names::Names;
use crate::statistics::{ratio, round};
use crate::verdict::place_kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    status: Option<u16>,
    origin: Target,
    cause: Cause,
    mechanism: &'static str,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    surfaced: u64,
    masked: u64,
    first: Time,
    last: Time,
}

/// Counts failures by what the caller got, by place, cause and mechanism: no more than these allow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    counts: BTreeMap<Key, Count>,
}

impl Origins {
    pub(crate) fn add(&mut self, call: &Judged<'_>) {
        let began = |hop: HopId| call.trace.attempt(hop).map_or(call.trace.end.start, |a| a.start);
        if let Some(verdict) = &call.verdict {
            self.count(call.trace.end.status, verdict, began(verdict.hop)).surfaced += 1;
        }
        for (hop, verdict) in &call.masked {
            let status = call.trace.attempt(*hop).and_then(|a| a.outcome.status());
            self.count(status, verdict, began(*hop)).masked += 1;
        }
    }

    /// Adds what another run has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, other) in &other.counts {
            let count = self.counts.entry(*key).or_insert(Count { surfaced: 0, masked: 0, ..*other });
            count.surfaced += other.surfaced;
            count.masked += other.masked;
            count.first = count.first.min(other.first);
            count.last = count.last.max(other.last);
        }
    }

    fn count(&mut self, status: Option<u16>, verdict: &Verdict, at: Time) -> &mut Count {
        let Verdict { origin, cause, mechanism, .. } = *verdict;
        let count = self.counts.entry(Key { status, origin, cause, mechanism }).or_insert(Count {
            surfaced: 0,
            masked: 0,
            first: at,
            last: at,
        });
        count.first = count.first.min(at);
        count.last = count.last.max(at);
        count
    }

    /// The rows, those that hurt most first.
    pub(crate) fn rows(&self, names: &Names, failed: u64) -> Vec<OriginRow> {
        let mut counts: Vec<_> = self.counts.iter().collect();
        counts.sort_by_key(|(key, count)| (Reverse(count.surfaced), Reverse(count.masked), **key));
        counts
            .into_iter()
            .map(|(key, count)| OriginRow {
                strategy: names.strategy.clone(),
                status: key.status,
                origin: names.place(key.origin),
                origin_kind: place_kind(key.origin).into(),
                cause: key.cause.name().into(),
                mechanism: key.mechanism.into(),
                surfaced: count.surfaced,
                masked: count.masked,
                share: ratio(count.surfaced as f64, failed as f64),
                first_ms: round(count.first.as_ms(), 3),
                last_ms: round(count.last.as_ms(), 3),
            })
            .collect()
    }
}

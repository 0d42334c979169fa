//! The ledger of faults: every mark is masked, surfaced or harmless.

use std::collections::BTreeSet;

use topology::{FaultId, Scenario};
use trace::rows::FaultRow;
use trace::{CallTrace, HopId};

use super::Judged;
use crate::names::Names;

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    matched: u64,
    injected: u64,
    masked: u64,
    surfaced: u64,
    harmless: u64,
}

/// Counts by fault.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
}

/// The hops of a call that either side reported.
fn hops(trace: &CallTrace) -> BTreeSet<HopId> {
    trace.attempts.iter().map(|a| a.hop).chain(trace.served.iter().map(|s| s.hop)).collect()
}

impl Ledger {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self { entries: vec![Entry::default(); scenario.faults.len()] }
    }

    pub(super) fn add(&mut self, call: &Judged<'_>) {
        let CallTrace { attempts, served, .. } = call.trace;
        let is_marked =
            attempts.iter().any(|a| !a.faults.is_empty()) || served.iter().any(|s| !s.faults.is_empty());
        if !is_marked {
            return;
        }
        for hop in hops(call.trace) {
            for fault in call.trace.marks(hop).iter() {
                let entry = &mut self.entries[usize::from(fault.0)];
                entry.injected += 1;
                let decided = call.verdict.as_ref().is_some_and(|v| v.lineage.contains(&hop));
                let failed = decided || call.trace.attempt(hop).is_some_and(|a| !a.outcome.is_ok());
                // An earlier try of a call that failed in the end has hidden nothing.
                match (failed, call.verdict.is_some()) {
                    (true, true) => entry.surfaced += 1,
                    (true, false) => entry.masked += 1,
                    (false, _) => entry.harmless += 1,
                }
            }
        }
    }

    pub(super) fn end_run(&mut self, matched: &[u64]) {
        for (entry, matched) in self.entries.iter_mut().zip(matched) {
            entry.matched += matched;
        }
    }

    /// Adds what another run has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (entry, other) in self.entries.iter_mut().zip(&other.entries) {
            let Entry { matched, injected, masked, surfaced, harmless } = *other;
            entry.matched += matched;
            entry.injected += injected;
            entry.masked += masked;
            entry.surfaced += surfaced;
            entry.harmless += harmless;
        }
    }

    pub(super) fn rows(&self, scenario: &Scenario, names: &Names) -> Vec<FaultRow> {
        let row = |(id, fault): (FaultId, &topology::Fault)| {
            let entry = self.entries[usize::from(id.0)];
            debug_assert_eq!(entry.injected, entry.masked + entry.surfaced + entry.harmless);
            FaultRow {
                strategy: names.strategy.clone(),
                fault: fault.name.as_str().into(),
                target: fault.at.as_str().into(),
                cause: fault.mechanism.cause().name().into(),
                mechanism: fault.mechanism.name().into(),
                matched: entry.matched.max(entry.injected),
                injected: entry.injected,
                masked: entry.masked,
                surfaced: entry.surfaced,
                harmless: entry.harmless,
            }
        };
        scenario.fault_ids().map(row).collect()
    }
}

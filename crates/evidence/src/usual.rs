//! How long nodes usually take: what went well tells.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use topology::distribution::Distribution;
use topology::units::DurationText;
use topology::{NodeId, NodeKind, Topology};
use trace::{Attempt, CallTrace, HopId};

/// No more than so many times of a node are kept: quantiles need no more.
const KEPT: usize = 10_000;
/// Of fewer a 99th percentile says nothing.
const ENOUGH: usize = 100;

/// The times of nodes' own work on requests that went well. Of one that keeps no log only its callers' times
/// are known.
#[derive(Debug, Default)]
pub(crate) struct Usual(BTreeMap<NodeId, Vec<Duration>>);

impl Usual {
    pub(crate) fn add(&mut self, topology: &Topology, trace: &CallTrace) {
        let well = trace.attempts.iter().filter(|attempt| attempt.outcome.is_ok());
        let well: HashMap<HopId, &Attempt> = well.map(|attempt| (attempt.hop, attempt)).collect();
        for served in &trace.served {
            let Some(attempt) = well.get(&served.hop) else { continue };
            let node = topology.ends(served.edge).1;
            let times = self.0.entry(node).or_default();
            if times.len() < KEPT {
                let is_silent = topology.node(node).kind == NodeKind::External;
                times.push(if is_silent { attempt.end.since(attempt.start) } else { served.worked });
            }
        }
    }

    /// How long each node takes: its median, with the tail of what was seen where that is enough.
    pub(crate) fn times(mut self) -> impl Iterator<Item = (NodeId, Distribution)> {
        for times in self.0.values_mut() {
            times.sort_unstable();
        }
        self.0.into_iter().filter_map(|(node, times)| {
            let median = *times.get(times.len() / 2)?;
            let p99 = *times.get(times.len() * 99 / 100)?;
            let has_tail = times.len() >= ENOUGH && !median.is_zero() && p99 > median;
            let of = if has_tail {
                Distribution::Lognormal { p50: DurationText(median), p99: DurationText(p99) }
            } else {
                Distribution::Constant(DurationText(median))
            };
            Some((node, of))
        })
    }
}

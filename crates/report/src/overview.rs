//! The shape of a run while it goes on, in memory that does not grow with it: see
//! [`trace::overview`].

mod latency;

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use topology::{Cause, Failure, NodeId, Scenario, Target};
use trace::overview::{Bin, EdgeTraffic, Kind, NodeBins, Passed, PathCount, StrategyOverview};
use trace::{CallTrace, Served, Time};

use crate::Verdict;
use crate::names::Names;
use crate::path::path;
use crate::statistics::{histogram, micros, round};
use crate::tally::Judged;
use latency::Buckets;

/// In how many bins the load's time is divided at most.
const BINS: u64 = 80;
/// What comes after so many bins is counted in the last one: work that outlives the load.
const BINS_MAX: usize = 120;
/// Of how many kinds of failure the course is kept, of how many nodes, and how many ways of failures
/// are told apart. What is beyond goes into the sums alone.
const KINDS_MAX: usize = 64;
const NODES_MAX: usize = 256;
const PATHS_MAX: usize = 500;
/// How many edges are told of, those with the most traffic.
const EDGES_MAX: usize = 5000;

/// Counts over the calls of one strategy.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    bin: Duration,
    bins: Vec<BinCount>,
    kinds: BTreeMap<KindKey, KindCount>,
    nodes: BTreeMap<NodeId, NodeCount>,
    edges: Vec<EdgeCount>,
    passed: BTreeMap<NodeId, u64>,
    ok: Buckets,
    failed: Buckets,
    paths: BTreeMap<(KindKey, Option<u16>, String), u64>,
    other_paths: u64,
}

type KindKey = (Target, Cause, &'static str);

#[derive(Debug, Clone, Default)]
struct BinCount {
    count: Bin,
    /// None without a call: thirteen kilobytes each.
    latencies: Option<Histogram<u32>>,
}

#[derive(Debug, Clone, Default)]
struct KindCount {
    surfaced: Vec<u64>,
    masked: Vec<u64>,
    latency: Buckets,
}

#[derive(Debug, Clone, Default)]
struct NodeCount {
    in_flight: Vec<u32>,
    queued: Vec<u32>,
}

#[derive(Debug, Clone, Copy, Default)]
struct EdgeCount {
    attempts: u64,
    ok: u64,
    cancelled: u64,
    unseen: u64,
    passed: u64,
}

impl Shape {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            bin: bin_width(scenario.duration),
            bins: Vec::new(),
            kinds: BTreeMap::new(),
            nodes: BTreeMap::new(),
            edges: vec![EdgeCount::default(); scenario.topology.edge_count()],
            passed: BTreeMap::new(),
            ok: Buckets::default(),
            failed: Buckets::default(),
            paths: BTreeMap::new(),
            other_paths: 0,
        }
    }

    /// A call has ended; `counts` says that the figures count it: it is not of the warm-up.
    pub(crate) fn call(&mut self, scenario: &Scenario, call: &Judged<'_>, counts: bool) {
        let end = &call.trace.end;
        let index = self.index(end.start);
        let bin = at(&mut self.bins, index);
        let column = match (end.is_ok(), end.status) {
            (true, _) => &mut bin.count.ok,
            (false, Some(502)) => &mut bin.count.status_502,
            (false, Some(_)) => &mut bin.count.other_status,
            (false, None) => &mut bin.count.no_response,
        };
        *column += 1;
        let latencies = bin.latencies.get_or_insert_with(|| histogram(2));
        latencies.saturating_record(micros(end.latency()));
        if let Some(kind) = call.verdict.as_ref().and_then(|verdict| self.kind(verdict)) {
            *at(&mut kind.surfaced, index) += 1;
            if counts {
                kind.latency.add(end.latency());
            }
        }
        for (hop, verdict) in &call.masked {
            let began = call.trace.attempt(*hop).map_or(end.start, |attempt| attempt.start);
            let index = self.index(began);
            if let Some(kind) = self.kind(verdict) {
                *at(&mut kind.masked, index) += 1;
            }
        }
        if counts {
            if end.is_ok() { &mut self.ok } else { &mut self.failed }.add(end.latency());
            self.traffic(call.trace);
            if let Some(verdict) = &call.verdict {
                self.came_up(scenario, call.trace, verdict);
            }
        }
    }

    /// A node is done with a request.
    pub(crate) fn served(&mut self, scenario: &Scenario, served: &Served) {
        let node = scenario.topology.ends(served.edge).1;
        let index = self.index(served.arrived);
        if self.nodes.len() >= NODES_MAX && !self.nodes.contains_key(&node) {
            return;
        }
        let count = self.nodes.entry(node).or_default();
        let (in_flight, queued) = (at(&mut count.in_flight, index), at(&mut count.queued, index));
        *in_flight = served.in_flight.max(*in_flight);
        *queued = served.queued.max(*queued);
    }

    /// Adds what another run has counted; what there is no room for goes into the sums alone, as ever.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (index, theirs) in other.bins.iter().enumerate() {
            at(&mut self.bins, index).merge(theirs);
        }
        for (key, theirs) in &other.kinds {
            if self.kinds.len() < KINDS_MAX || self.kinds.contains_key(key) {
                let kind = self.kinds.entry(*key).or_default();
                add(&mut kind.surfaced, &theirs.surfaced);
                add(&mut kind.masked, &theirs.masked);
                kind.latency.merge(&theirs.latency);
            }
        }
        for (node, theirs) in &other.nodes {
            if self.nodes.len() < NODES_MAX || self.nodes.contains_key(node) {
                let count = self.nodes.entry(*node).or_default();
                widen(&mut count.in_flight, &theirs.in_flight);
                widen(&mut count.queued, &theirs.queued);
            }
        }
        for (count, theirs) in self.edges.iter_mut().zip(&other.edges) {
            let EdgeCount { attempts, ok, cancelled, unseen, passed } = *theirs;
            count.attempts += attempts;
            count.ok += ok;
            count.cancelled += cancelled;
            count.unseen += unseen;
            count.passed += passed;
        }
        for (node, calls) in &other.passed {
            *self.passed.entry(*node).or_default() += calls;
        }
        self.ok.merge(&other.ok);
        self.failed.merge(&other.failed);
        for (way, calls) in &other.paths {
            if self.paths.len() < PATHS_MAX || self.paths.contains_key(way) {
                *self.paths.entry(way.clone()).or_default() += calls;
            } else {
                self.other_paths += calls;
            }
        }
        self.other_paths += other.other_paths;
    }

    fn index(&self, time: Time) -> usize {
        let index = time.since_start().as_nanos() / self.bin.as_nanos().max(1);
        usize::try_from(index).map_or(BINS_MAX - 1, |index| index.min(BINS_MAX - 1))
    }

    fn kind(&mut self, verdict: &Verdict) -> Option<&mut KindCount> {
        let key = key(verdict);
        let has_room = self.kinds.len() < KINDS_MAX || self.kinds.contains_key(&key);
        has_room.then(|| self.kinds.entry(key).or_default())
    }

    fn traffic(&mut self, trace: &CallTrace) {
        for attempt in &trace.attempts {
            let count = &mut self.edges[attempt.edge.index()];
            count.attempts += 1;
            count.ok += u64::from(attempt.outcome.is_ok());
            count.cancelled += u64::from(attempt.outcome.failure() == Some(Failure::Cancelled));
            count.unseen += u64::from(trace.served(attempt.hop).is_none());
        }
    }

    /// A failed call's failure, on its way from where it was born.
    fn came_up(&mut self, scenario: &Scenario, trace: &CallTrace, verdict: &Verdict) {
        for attempt in verdict.lineage.iter().filter_map(|&hop| trace.attempt(hop)) {
            let callee = scenario.topology.ends(attempt.edge).1;
            // At the hop of its birth there is the place of birth, and nothing has been passed on.
            if attempt.hop == verdict.hop {
                if verdict.origin == Target::Node(callee) {
                    self.edges[attempt.edge.index()].passed += 1;
                }
                continue;
            }
            self.edges[attempt.edge.index()].passed += 1;
            *self.passed.entry(callee).or_default() += 1;
        }
        let way = (key(verdict), trace.end.status, path(scenario, trace, &verdict.lineage));
        if self.paths.len() < PATHS_MAX || self.paths.contains_key(&way) {
            *self.paths.entry(way).or_default() += 1;
        } else {
            self.other_paths += 1;
        }
    }

    /// What has come of it.
    pub(crate) fn overview(self, scenario: &Scenario, names: &Names) -> StrategyOverview {
        let cells = |width: usize, mut cells: Vec<u64>| {
            cells.resize(width, 0);
            cells
        };
        let full = |width: usize, mut cells: Vec<u32>| {
            cells.resize(width, 0);
            cells
        };
        let long = |kind: &KindCount| kind.surfaced.len().max(kind.masked.len());
        let width = self.bins.len().max(self.kinds.values().map(long).max().unwrap_or(0));
        let width = width.max(self.nodes.values().map(|node| node.in_flight.len()).max().unwrap_or(0));
        let mut bins: Vec<Bin> = self.bins.iter().map(BinCount::bin).collect();
        bins.resize(width, Bin::default());
        let buckets = Buckets::range([&self.ok, &self.failed]);
        let kinds = self.kinds.into_iter().map(|((origin, cause, mechanism), count)| Kind {
            origin: names.place(origin).to_string(),
            cause: cause.name().to_owned(),
            mechanism: mechanism.to_owned(),
            surfaced: cells(width, count.surfaced),
            masked: cells(width, count.masked),
            latency: count.latency.counts(&buckets),
        });
        let mut kinds: Vec<_> = kinds.collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.surfaced.iter().sum::<u64>()));
        let nodes = self.nodes.into_iter().map(|(node, count)| NodeBins {
            node: names.node(node).to_string(),
            in_flight: full(width, count.in_flight),
            queued: full(width, count.queued),
        });
        StrategyOverview {
            strategy: scenario.strategy.clone(),
            bin_ms: round(self.bin.as_secs_f64() * 1e3, 3),
            bins,
            kinds,
            nodes: nodes.collect(),
            edges: edges(scenario, names, &self.edges),
            passed: self
                .passed
                .into_iter()
                .map(|(node, calls)| Passed { node: names.node(node).to_string(), calls })
                .collect(),
            latency: Buckets::rows(&buckets, &self.ok, &self.failed),
            paths: paths(names, self.paths, self.other_paths),
        }
    }
}

impl BinCount {
    fn merge(&mut self, other: &Self) {
        let Bin { ok, status_502, other_status, no_response, .. } = other.count;
        self.count.ok += ok;
        self.count.status_502 += status_502;
        self.count.other_status += other_status;
        self.count.no_response += no_response;
        if let Some(theirs) = &other.latencies {
            *self.latencies.get_or_insert_with(|| histogram(2)) += theirs;
        }
    }

    fn bin(&self) -> Bin {
        let quantile = |quantile: f64| {
            let us = self.latencies.as_ref().map(|latencies| latencies.value_at_quantile(quantile));
            us.map(|us| round(us as f64 / 1e3, 3))
        };
        Bin { p50_ms: quantile(0.5), p99_ms: quantile(0.99), ..self.count }
    }
}

fn key(verdict: &Verdict) -> KindKey {
    (verdict.origin, verdict.cause, verdict.mechanism)
}

/// The cell of this index, with all before it made.
fn at<T: Clone + Default>(cells: &mut Vec<T>, index: usize) -> &mut T {
    if cells.len() <= index {
        cells.resize(index + 1, T::default());
    }
    &mut cells[index]
}

/// Adds counts, cell by cell.
fn add(cells: &mut Vec<u64>, others: &[u64]) {
    for (index, other) in others.iter().enumerate() {
        *at(cells, index) += other;
    }
}

/// Keeps the larger ones, cell by cell.
fn widen(cells: &mut Vec<u32>, others: &[u32]) {
    for (index, other) in others.iter().enumerate() {
        let cell = at(cells, index);
        *cell = (*cell).max(*other);
    }
}

/// The shortest of 1, 2, 5, 10, ... milliseconds that makes few enough bins.
fn bin_width(duration: Duration) -> Duration {
    let steps = (0..).flat_map(|power| [1, 2, 5].map(|step| Duration::from_millis(step * 10_u64.pow(power))));
    // Nine years and a half is more than any run.
    let mut steps = steps.take(36);
    let enough = |bin: &Duration| bin.saturating_mul(u32::try_from(BINS).unwrap_or(u32::MAX)) >= duration;
    steps.find(enough).unwrap_or(duration)
}

fn edges(scenario: &Scenario, names: &Names, counts: &[EdgeCount]) -> Vec<EdgeTraffic> {
    let mut rows: Vec<_> = scenario
        .topology
        .edges()
        .zip(counts)
        .filter(|(_, count)| count.attempts > 0)
        .map(|((edge, _), count)| {
            let (from, to) = scenario.topology.ends(edge);
            let EdgeCount { attempts, ok, cancelled, unseen, passed } = *count;
            let (from, to) = (names.node(from).to_string(), names.node(to).to_string());
            EdgeTraffic { from, to, attempts, ok, cancelled, unseen, passed }
        })
        .collect();
    if rows.len() > EDGES_MAX {
        rows.sort_by_key(|row| std::cmp::Reverse(row.attempts));
        rows.truncate(EDGES_MAX);
    }
    rows
}

fn paths(names: &Names, paths: BTreeMap<(KindKey, Option<u16>, String), u64>, other: u64) -> Vec<PathCount> {
    let mut rows: Vec<_> = paths
        .into_iter()
        .map(|(((origin, cause, mechanism), status, path), calls)| PathCount {
            origin: names.place(origin).to_string(),
            cause: cause.name().to_owned(),
            mechanism: mechanism.to_owned(),
            status,
            path,
            calls,
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.calls));
    if other > 0 {
        rows.push(PathCount { calls: other, ..PathCount::default() });
    }
    rows
}

#[cfg(test)]
mod tests;

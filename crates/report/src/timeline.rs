//! Each node, second by second. A second is let go once it is old enough that nothing more comes.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use topology::{NodeId, Scenario};
use trace::rows::TimelineRow;
use trace::{CallEnd, Gauge, Record, Sent, Served, Time};

use crate::names::Names;
use crate::recorder::is_synthetic;
use crate::statistics::{histogram, micros, round};

/// How long a second is kept open for records that come late, in seconds.
const OPEN_S: u64 = 15;

#[derive(Debug)]
struct Cell {
    requests: u64,
    ok: u64,
    status_502: u64,
    in_flight: u32,
    queued: u32,
    /// None until there is a latency: a big topology has many nodes that have nothing to do.
    latencies: Option<Histogram<u32>>,
}

impl Cell {
    fn new() -> Self {
        Self { requests: 0, ok: 0, status_502: 0, in_flight: 0, queued: 0, latencies: None }
    }

    fn add(&mut self, ok: bool, status: Option<u16>, took: Duration) {
        self.requests += 1;
        self.ok += u64::from(ok);
        self.status_502 += u64::from(!ok && status == Some(502));
        self.latencies.get_or_insert_with(|| histogram(2)).saturating_record(micros(took));
    }

    fn row(&self, names: &Names, second: u64, node: NodeId) -> TimelineRow {
        let p99 = self.latencies.as_ref().map(|latencies| latencies.value_at_quantile(0.99));
        TimelineRow {
            strategy: names.strategy.clone(),
            second,
            node: names.node(node),
            requests: self.requests,
            ok: self.ok,
            status_502: self.status_502,
            other_errors: self.requests - self.ok - self.status_502,
            in_flight: self.in_flight,
            queued: self.queued,
            p99_ms: p99.map(|us| round(us as f64 / 1e3, 3)),
            seed: names.seed,
        }
    }
}

/// The seconds that are still open.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    cells: BTreeMap<(u64, NodeId), Cell>,
    /// The first second that is open.
    first: u64,
}

impl Timeline {
    /// Takes what a record says of a node's second.
    pub(crate) fn observe(&mut self, scenario: &Scenario, record: &Record) {
        match record {
            Record::Served(served) if !is_synthetic(scenario, served.call) => self.served(scenario, served),
            Record::Call(end) if !is_synthetic(scenario, end.call) => self.call(end),
            Record::Gauge(gauge) => self.gauge(gauge),
            Record::Served(_)
            | Record::Call(_)
            | Record::Arrived { .. }
            | Record::Attempt(_)
            | Record::IdleClosed { .. }
            | Record::Begun(_)
            | Record::Policies(_)
            | Record::Link(_)
            | Record::Node(_) => {}
        }
    }

    /// A request's end at a node.
    fn served(&mut self, scenario: &Scenario, served: &Served) {
        let node = scenario.topology.ends(served.edge).1;
        let ok = served.sent == Sent::Whole && served.status.is_some_and(|s| s < 400);
        self.cell(served.finished, node).add(ok, served.status, served.finished - served.arrived);
    }

    /// A call's end at its client.
    fn call(&mut self, end: &CallEnd) {
        self.cell(end.end, end.client).add(end.is_ok(), end.status, end.latency());
    }

    /// How full a node is. An empty one that has nothing to do has no row.
    fn gauge(&mut self, gauge: &Gauge) {
        let second = gauge.at.since_start().as_secs().max(self.first);
        let idle = gauge.in_flight == 0 && gauge.queued == 0;
        if idle && !self.cells.contains_key(&(second, gauge.node)) {
            return;
        }
        let cell = self.cell(gauge.at, gauge.node);
        cell.in_flight = cell.in_flight.max(gauge.in_flight);
        cell.queued = cell.queued.max(gauge.queued);
    }

    /// The cell of a moment; what is later than all open seconds allow goes into the first of them.
    fn cell(&mut self, at: Time, node: NodeId) -> &mut Cell {
        let second = at.since_start().as_secs().max(self.first);
        self.cells.entry((second, node)).or_insert_with(Cell::new)
    }

    /// The rows of the seconds that are old by now.
    pub(crate) fn close_old(&mut self, names: &Names, now: Time) -> Vec<TimelineRow> {
        self.close_before(names, now.since_start().as_secs().saturating_sub(OPEN_S))
    }

    /// The rows of all that is left.
    pub(crate) fn close(&mut self, names: &Names) -> Vec<TimelineRow> {
        self.close_before(names, u64::MAX)
    }

    fn close_before(&mut self, names: &Names, second: u64) -> Vec<TimelineRow> {
        if second <= self.first {
            return Vec::new();
        }
        self.first = second;
        let open = self.cells.split_off(&(second, NodeId(0)));
        let old = std::mem::replace(&mut self.cells, open);
        old.iter().map(|(&(second, node), cell)| cell.row(names, second, node)).collect()
    }
}

//! What a run of a scenario shows of itself.

use std::sync::Arc;

use sim::{Stop, des};
use topology::Scenario;
use trace::{Record, Sink, Time};

/// What was seen of the calls that began, and the requests that arrived, within a span of time.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The span, in seconds.
    from: f64,
    to: f64,
    /// Of the calls that succeeded, in seconds.
    pub(crate) latencies: Vec<f64>,
    /// Calls that failed.
    pub(crate) failed: u64,
    /// Attempts of the clients.
    pub(crate) attempts: u64,
    /// By the number of the edge.
    edges: Vec<Edge>,
}

/// The requests that came over an edge.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) arrived: u64,
    /// That got a worker.
    pub(crate) started: u64,
    /// That waited for one.
    pub(crate) waited: u64,
    /// That were answered well.
    pub(crate) ok: u64,
    /// How long they were worked on in all, in seconds.
    pub(crate) worked: f64,
    /// How long they were inside in all, in seconds.
    pub(crate) stayed: f64,
    /// How many requests they found inside, themselves included.
    pub(crate) found: u64,
}

impl Seen {
    /// Runs a scenario, and looks at what begins within a span of time, in seconds.
    pub(crate) fn of(text: &str, from: f64, to: f64) -> Self {
        let scenario =
            Scenario::parse(text, "theory").unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        let seen = Self { from, to, ..Self::default() };
        des::run(&Arc::new(scenario), &Stop::new(), seen, |_| {}).unwrap().1
    }

    /// Runs a scenario, and looks at all of it.
    pub(crate) fn whole(text: &str) -> Self {
        Self::of(text, 0.0, f64::INFINITY)
    }

    fn is_within(&self, at: Time) -> bool {
        (self.from..self.to).contains(&at.since_start().as_secs_f64())
    }

    /// How long it looked, in seconds.
    pub(crate) fn span(&self) -> f64 {
        self.to - self.from
    }

    pub(crate) fn calls(&self) -> f64 {
        self.failed as f64 + self.latencies.len() as f64
    }

    pub(crate) fn mean(&self) -> f64 {
        self.latencies.iter().sum::<f64>() / self.latencies.len() as f64
    }

    /// A quantile of the latencies.
    pub(crate) fn quantile(&mut self, share: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within the list")]
        let place = (self.latencies.len() as f64 * share) as usize;
        *self.latencies.select_nth_unstable_by(place, f64::total_cmp).1
    }

    /// The share of calls that failed.
    pub(crate) fn failing(&self) -> f64 {
        self.failed as f64 / self.calls()
    }

    /// The clients' attempts per call.
    pub(crate) fn attempts_per_call(&self) -> f64 {
        self.attempts as f64 / self.calls()
    }

    pub(crate) fn edge(&self, number: usize) -> Edge {
        self.edges.get(number).copied().unwrap_or_default()
    }

    /// The requests that came over this edge, per call.
    pub(crate) fn arrived_per_call(&self, edge: usize) -> f64 {
        self.edge(edge).arrived as f64 / self.calls()
    }

    fn edge_mut(&mut self, number: usize) -> &mut Edge {
        if self.edges.len() <= number {
            self.edges.resize(number + 1, Edge::default());
        }
        &mut self.edges[number]
    }
}

impl Sink for Seen {
    fn record(&mut self, record: Record) -> std::io::Result<()> {
        match record {
            Record::Call(end) if self.is_within(end.start) => {
                self.attempts += u64::from(end.attempts);
                if end.is_ok() {
                    self.latencies.push(end.latency().as_secs_f64());
                } else {
                    self.failed += 1;
                }
            }
            Record::Served(served) if self.is_within(served.arrived) => {
                let edge = self.edge_mut(served.edge.index());
                edge.arrived += 1;
                edge.started += u64::from(served.started.is_some());
                edge.waited += u64::from(served.started.is_some_and(|started| started > served.arrived));
                edge.ok += u64::from(served.status.is_some_and(|status| status < 400));
                edge.worked += served.worked.as_secs_f64();
                edge.stayed += served.finished.since(served.arrived).as_secs_f64();
                edge.found += u64::from(served.in_flight);
            }
            _ => {}
        }
        Ok(())
    }

    fn tick(&mut self, _: Time) -> std::io::Result<()> {
        Ok(())
    }
}

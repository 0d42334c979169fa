//! Requests and attempts, as OpenTelemetry's conventions count them.

use std::collections::BTreeMap;

use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use topology::{EdgeId, NodeId};
use trace::{Attempt, Served};

use super::{Histograms, Run, described, histograms, register, status};
use crate::error_type::ErrorType;

#[derive(Debug, Clone)]
pub(super) struct Families {
    server: Histograms,
    client: Histograms,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            server: register(registry, &described::SERVER, histograms()),
            client: register(registry, &described::CLIENT, histograms()),
        }
    }
}

/// How something ended.
type End = (Option<u16>, Option<ErrorType>);

/// Counts a run. The series are looked up once each.
#[derive(Debug)]
pub(super) struct Counting {
    families: Families,
    server: BTreeMap<(NodeId, End), Histogram>,
    client: BTreeMap<(EdgeId, End), Histogram>,
}

impl Counting {
    pub(super) fn new(families: Families) -> Self {
        Self { families, server: BTreeMap::new(), client: BTreeMap::new() }
    }

    /// A node is done with a request.
    pub(super) fn served(&mut self, run: &Run, served: &Served) {
        let node = run.scenario.topology.ends(served.edge).1;
        let end = (served.status, ErrorType::of_served(served));
        let series = self.server.entry((node, end)).or_insert_with(|| {
            let labels = run.node(node).into_iter().chain(ended(end));
            self.families.server.get_or_create_owned(&run.labels(labels))
        });
        series.observe(served.finished.since(served.arrived).as_secs_f64());
    }

    /// An attempt has ended.
    pub(super) fn attempt(&mut self, run: &Run, attempt: &Attempt) {
        if run.is_synthetic(attempt.edge) {
            return;
        }
        let end = (attempt.outcome.status(), ErrorType::of_outcome(attempt.outcome));
        let series = self.client.entry((attempt.edge, end)).or_insert_with(|| {
            let labels = run.edge(attempt.edge).into_iter().chain(ended(end));
            self.families.client.get_or_create_owned(&run.labels(labels))
        });
        series.observe(attempt.end.since(attempt.start).as_secs_f64());
    }
}

/// How it ended, as labels.
pub(super) fn ended((code, error): End) -> [(&'static str, trace::rows::Name); 2] {
    [status(code), ("error_type", error.map(|error| error.to_string()).unwrap_or_default().into())]
}

//! What a run tells while it goes on, as Prometheus reads it.
//!
//! Counted from records and verdicts, of all runs of a session. Names are those of OpenTelemetry's semantic
//! conventions in Prometheus' spelling where they have one; labels are names of the scenario, statuses and
//! words of closed lists, so their number does not grow with the run.

mod calls;
mod described;
mod http;
mod models;
mod state;

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};
use topology::{EdgeId, NodeId, Scenario};
use trace::rows::Name;
use trace::{Record, Time};

use crate::names::Names;
use crate::{Judged, Observer};
pub use described::{ALL, Described};

/// A series' labels.
type Labels = Vec<(&'static str, Name)>;
type Counters = Family<Labels, Counter>;
type Gauges = Family<Labels, Gauge>;
type Histograms = Family<Labels, Histogram, Buckets>;

/// The buckets of durations that the conventions advise, in seconds.
const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Makes a histogram with them.
#[derive(Debug, Clone, Copy)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

/// The metrics of a session's runs.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    http: http::Families,
    calls: calls::Families,
    models: models::Families,
    state: state::Families,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        Self {
            http: http::Families::register(&mut registry),
            calls: calls::Families::register(&mut registry),
            models: models::Families::register(&mut registry),
            state: state::Families::register(&mut registry),
            registry,
        }
    }
}

impl Metrics {
    /// The type of [`Metrics::text`].
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All as it is now, in the text format of `OpenMetrics`.
    ///
    /// # Errors
    /// Never, as far as anyone knows.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Who counts a run.
    pub fn observer(&self, scenario: &Arc<Scenario>) -> Box<dyn Observer> {
        let run = Run { names: Names::new(scenario), scenario: scenario.clone() };
        Box::new(Counting {
            http: http::Counting::new(self.http.clone()),
            calls: calls::Counting::new(self.calls.clone(), &run),
            models: models::Counting::new(self.models.clone(), &run),
            state: state::Counting::new(self.state.clone(), &run),
            run,
        })
    }
}

/// A family of histograms.
fn histograms() -> Histograms {
    Family::new_with_constructor(Buckets)
}

/// Puts a family into the registry.
fn register<M: Metric + Clone>(registry: &mut Registry, described: &Described, metric: M) -> M {
    let Described { name, help, .. } = *described;
    if let Some(name) = name.strip_suffix("_seconds") {
        registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    } else {
        registry.register(name.strip_suffix("_total").unwrap_or(name), help, metric.clone());
    }
    metric
}

/// A run that is being counted.
#[derive(Debug)]
struct Run {
    scenario: Arc<Scenario>,
    names: Names,
}

impl Run {
    /// These labels, and the strategy in force.
    fn labels(&self, labels: impl IntoIterator<Item = (&'static str, Name)>) -> Labels {
        let strategy = Some(&self.names.strategy).filter(|name| !name.is_empty());
        // One that is empty is none.
        let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
        labels.chain(strategy.map(|name| ("strategy", name.clone()))).collect()
    }

    fn node(&self, node: NodeId) -> [(&'static str, Name); 1] {
        [("node", self.names.node(node))]
    }

    /// By the caller, and by the callee as the conventions call it.
    fn edge(&self, edge: EdgeId) -> [(&'static str, Name); 2] {
        let (caller, callee) = self.scenario.topology.ends(edge);
        [("node", self.names.node(caller)), ("server_address", self.names.node(callee))]
    }

    /// The nodes that the scenario names.
    fn nodes(&self) -> impl Iterator<Item = (NodeId, &topology::Node)> {
        self.scenario.topology.nodes().filter(|(_, node)| !node.synthetic)
    }

    fn is_synthetic(&self, edge: EdgeId) -> bool {
        self.scenario.topology.node(self.scenario.topology.ends(edge).0).synthetic
    }
}

/// A label of a closed list.
fn word(name: &'static str, word: &'static str) -> (&'static str, Name) {
    (name, word.into())
}

/// A status as a label; none leaves it out.
fn status(status: Option<u16>) -> (&'static str, Name) {
    ("http_response_status_code", status.map(|status| status.to_string()).unwrap_or_default().into())
}

/// Counts a run.
#[derive(Debug)]
struct Counting {
    run: Run,
    http: http::Counting,
    calls: calls::Counting,
    models: models::Counting,
    state: state::Counting,
}

impl Observer for Counting {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Served(served) => {
                self.http.served(&self.run, served);
                self.models.served(&self.run, served);
            }
            Record::Attempt(attempt) => self.http.attempt(&self.run, attempt),
            record => self.state.record(&self.run, record),
        }
    }

    fn call(&mut self, call: &Judged<'_>) {
        self.calls.call(&self.run, call);
        self.models.call(&self.run, call);
        self.state.injected(call);
    }

    fn tick(&mut self, now: Time) {
        self.state.tick(&self.run, now);
    }

    fn end(&mut self) {
        self.state.end();
    }
}

#[cfg(test)]
mod tests;

//! Calls, and what is said of their failures.

use std::collections::BTreeMap;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use topology::{Cause, EdgeId, NodeId, NodeKind, Target};
use trace::{CallTrace, Served};

use super::http::ended;
use super::{Counters, Histograms, Run, described, histograms, register, status, word};
use crate::Judged;
use crate::anatomy::is_used;
use crate::error_type::ErrorType;
use crate::verdict::{Verdict, place_kind};

#[derive(Debug, Clone)]
pub(super) struct Families {
    calls: Counters,
    durations: Histograms,
    failures: Counters,
    errors: Counters,
    retries: Counters,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            calls: register(registry, &described::CALLS, Family::default()),
            durations: register(registry, &described::CALL_DURATION, histograms()),
            failures: register(registry, &described::FAILURES, Family::default()),
            errors: register(registry, &described::ERRORS, Family::default()),
            retries: register(registry, &described::RETRIES, Family::default()),
        }
    }
}

/// A failure: whether it surfaced, where it was born and why, what came of it.
type Failure = (bool, Target, Cause, &'static str, Option<u16>);
type Ended = (NodeId, Option<u16>, Option<ErrorType>);

/// Counts a run.
#[derive(Debug)]
pub(super) struct Counting {
    families: Families,
    /// By client: successes and failures.
    calls: BTreeMap<NodeId, [Counter; 2]>,
    durations: BTreeMap<Ended, Histogram>,
    failures: BTreeMap<Failure, Counter>,
    errors: BTreeMap<(NodeId, u16, &'static str), Counter>,
    retries: BTreeMap<(EdgeId, bool), Counter>,
}

impl Counting {
    pub(super) fn new(families: Families, run: &Run) -> Self {
        // From zero on: what is first seen at one has not grown.
        let clients = run.nodes().filter(|(_, node)| node.kind == NodeKind::Client);
        let calls = clients.map(|(client, _)| {
            let counter = |outcome| {
                let labels = run.node(client).into_iter().chain([word("outcome", outcome)]);
                families.calls.get_or_create_owned(&run.labels(labels))
            };
            (client, [counter("success"), counter("failure")])
        });
        let calls = calls.collect();
        Self {
            families,
            calls,
            durations: BTreeMap::new(),
            failures: BTreeMap::new(),
            errors: BTreeMap::new(),
            retries: BTreeMap::new(),
        }
    }

    /// A call is complete.
    pub(super) fn call(&mut self, run: &Run, call: &Judged<'_>) {
        let trace = call.trace;
        let end = &trace.end;
        if let Some([success, failure]) = self.calls.get(&end.client) {
            if end.is_ok() {
                success.inc()
            } else {
                failure.inc()
            };
        }
        let error = ErrorType::of_call(end);
        let ending = (end.status, error);
        let series = self.durations.entry((end.client, end.status, error)).or_insert_with(|| {
            let labels = run.node(end.client).into_iter().chain(ended(ending));
            self.families.durations.get_or_create_owned(&run.labels(labels))
        });
        series.observe(end.latency().as_secs_f64());
        if let Some(verdict) = &call.verdict {
            self.failure(run, true, verdict, end.status);
        }
        for (hop, verdict) in &call.masked {
            let status = trace.attempt(*hop).and_then(|attempt| attempt.outcome.status());
            self.failure(run, false, verdict, status);
        }
        for served in &trace.served {
            self.error(run, served);
        }
        self.retries(run, trace);
    }

    fn failure(&mut self, run: &Run, surfaced: bool, verdict: &Verdict, code: Option<u16>) {
        let Verdict { origin, cause, mechanism, .. } = *verdict;
        let series = self.failures.entry((surfaced, origin, cause, mechanism, code)).or_insert_with(|| {
            let labels = [
                word("outcome", if surfaced { "surfaced" } else { "masked" }),
                ("origin", run.names.place(origin)),
                word("origin_kind", place_kind(origin)),
                word("cause", cause.name()),
                word("mechanism", mechanism),
                status(code),
            ];
            self.families.failures.get_or_create_owned(&run.labels(labels))
        });
        series.inc();
    }

    /// Counts an answer that is an error.
    fn error(&mut self, run: &Run, served: &Served) {
        let Some(code) = served.status.filter(|code| *code >= 400) else { return };
        let source = served.source.name();
        let node = run.scenario.topology.ends(served.edge).1;
        let series = self.errors.entry((node, code, source)).or_insert_with(|| {
            let labels = run.node(node).into_iter().chain([status(Some(code)), word("source", source)]);
            self.families.errors.get_or_create_owned(&run.labels(labels))
        });
        series.inc();
    }

    fn retries(&mut self, run: &Run, trace: &CallTrace) {
        for attempt in trace.attempts.iter().filter(|attempt| attempt.attempt > 1) {
            let helped = is_used(trace, attempt.hop);
            let series = self.retries.entry((attempt.edge, helped)).or_insert_with(|| {
                let outcome = word("outcome", if helped { "helped" } else { "in_vain" });
                let labels = run.edge(attempt.edge).into_iter().chain([outcome]);
                self.families.retries.get_or_create_owned(&run.labels(labels))
            });
            series.inc();
        }
    }
}

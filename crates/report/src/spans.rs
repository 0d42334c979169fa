//! A call as OpenTelemetry tells it: a span for the call, one for each attempt as its caller saw it, one
//! for each request as its callee did. They carry what attribution looks at, so that it can be done again
//! from them; the injector's marks are an attribute of their own.

mod sides;

use std::sync::Arc;

use topology::{NodeId, Scenario, Target};
use trace::otlp::{
    Epoch, KeyValue, Resource, ResourceSpans, Scope, ScopeSpans, Span, TracesData, attribute, kind,
};
use trace::{HopId, Record, RunKey, Time};

use crate::Judged;
use crate::names::Names;
use crate::verdict::Verdict;

/// Makes spans of a run's calls.
#[derive(Debug)]
pub struct Spans {
    scenario: Arc<Scenario>,
    names: Names,
    run: RunKey,
    /// What the scenario's loads send is what is sent; if the clients are the user's own it is not.
    own_clients: bool,
    resources: Vec<Resource>,
}

/// A span, and the node whose it is.
pub type Owned = (NodeId, Span);

impl Spans {
    /// For a run by this engine, whose clients are the scenario's or the user's own.
    pub fn new(scenario: Arc<Scenario>, run: RunKey, engine: &str, own_clients: bool) -> Self {
        let names = Names::new(&scenario);
        let resources = scenario.topology.nodes().map(|(_, node)| {
            let mut attributes = vec![
                KeyValue::new(attribute::SERVICE_NAME, &*node.declared_name),
                KeyValue::new(attribute::SERVICE_INSTANCE, &*node.name),
                KeyValue::new(attribute::SERVICE_NAMESPACE, &*scenario.name),
                KeyValue::new(attribute::NODE_KIND, node.kind.name()),
                KeyValue::new(attribute::ENGINE, engine),
                KeyValue::new(attribute::SEED, scenario.seed),
            ];
            if !scenario.strategy.is_empty() {
                attributes.push(KeyValue::new(attribute::STRATEGY, &*scenario.strategy));
            }
            Resource { attributes }
        });
        let resources = resources.collect();
        Self { scenario, names, run, own_clients, resources }
    }

    /// Those of a call, of a run that began at this moment.
    pub fn of(&self, call: &Judged<'_>, epoch: Epoch) -> Vec<Owned> {
        let trace = call.trace;
        let mut spans = Vec::with_capacity(1 + trace.attempts.len() + trace.served.len());
        spans.push((trace.end.client, self.call(call, epoch)));
        for attempt in &trace.attempts {
            let caller = self.scenario.topology.ends(attempt.edge).0;
            spans.push((caller, self.client(call, attempt, epoch)));
        }
        for served in &trace.served {
            let callee = self.scenario.topology.ends(served.edge).1;
            spans.push((callee, self.server(call, served, epoch)));
        }
        spans
    }

    /// A span without length for what a supervisor or a listener tells; none for records of calls.
    pub fn event(&self, record: &Record, epoch: Epoch) -> Option<Owned> {
        let (node, at, word, edge) = match record {
            Record::Node(event) => (event.node, event.at, event.kind.name(), None),
            Record::Link(event) => {
                let caller = self.scenario.topology.ends(event.edge).0;
                (caller, event.at, event.kind.name(), Some(event.edge))
            }
            _ => return None,
        };
        let key = trace::id::mix(
            at.0 ^ trace::id::mix(u64::from(node.0) << 32 | edge.map_or(0, |e| u64::from(e.0) + 1)),
        );
        let mut attributes = vec![KeyValue::new(attribute::EVENT, word)];
        attributes.extend(edge.map(|edge| self.named(attribute::EDGE, Target::Edge(edge))));
        let what = if edge.is_some() { "link" } else { "process" };
        let span = Span {
            trace_id: self.run.trace_id(trace::CallId(key)),
            span_id: HopId(trace::id::mix(key)).to_string(),
            name: format!("{what} {word}"),
            attributes,
            ..Self::span(kind::INTERNAL, at, at, epoch)
        };
        Some((node, span))
    }

    /// Spans as they are sent: by whose they are.
    pub fn message(&self, spans: Vec<Owned>) -> TracesData {
        let mut by_node: Vec<Vec<Span>> = vec![Vec::new(); self.resources.len()];
        for (node, span) in spans {
            by_node[node.index()].push(span);
        }
        let scope = Scope { name: "badgateway".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let resources = self.resources.iter().zip(by_node).filter(|(_, spans)| !spans.is_empty());
        let resource_spans = resources.map(|(resource, spans)| ResourceSpans {
            resource: resource.clone(),
            scope_spans: vec![ScopeSpans { scope: scope.clone(), spans }],
            schema_url: attribute::SCHEMA_URL.to_owned(),
        });
        TracesData { resource_spans: resource_spans.collect() }
    }

    /// The trace that a call is in: its client's, if that has told of one.
    fn trace_id(&self, call: &Judged<'_>) -> String {
        let end = &call.trace.end;
        end.parent.as_ref().map_or_else(|| self.run.trace_id(end.call), |parent| parent.trace_id())
    }

    /// A span of which only this is known.
    fn span(kind: u32, start: Time, end: Time, epoch: Epoch) -> Span {
        Span {
            kind,
            start_time_unix_nano: epoch.at(start),
            end_time_unix_nano: epoch.at(end.max(start)),
            ..Span::default()
        }
    }

    fn named(&self, key: &'static str, place: Target) -> KeyValue {
        KeyValue::new(key, &*self.names.place(place))
    }

    fn verdict(&self, verdict: &Verdict) -> Vec<KeyValue> {
        let mut attributes = vec![
            self.named(attribute::ORIGIN, verdict.origin),
            KeyValue::new(attribute::CAUSE, verdict.cause.name()),
            KeyValue::new(attribute::BIRTH, verdict.hop.to_string()),
            KeyValue::new(attribute::EVIDENCE, &*verdict.evidence),
            KeyValue::new(attribute::NEXT_STEP, verdict.next_step),
        ];
        if !verdict.mechanism.is_empty() {
            attributes.push(KeyValue::new(attribute::MECHANISM, verdict.mechanism));
        }
        attributes
    }
}

#[cfg(test)]
mod tests;

//! What each node made of its requests.

use topology::Scenario;
use trace::rows::LayerRow;
use trace::{CallTrace, HopId, Sent, Served, Source};

use crate::anatomy::{failed, had_failed_attempt};
use crate::names::Names;

#[derive(Debug, Clone, Copy, Default)]
struct Layer {
    requests: u64,
    ok: u64,
    generated_502: u64,
    forwarded_502: u64,
    generated_5xx: u64,
    forwarded_5xx: u64,
    absorbed: u64,
}

/// Counts by node.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    layers: Vec<Layer>,
}

impl Layers {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self { layers: vec![Layer::default(); scenario.topology.node_count()] }
    }

    pub(super) fn add(&mut self, scenario: &Scenario, trace: &CallTrace) {
        // Mostly nothing has failed, and there was nothing to absorb.
        let had_failed = trace.attempts.iter().any(failed);
        let client = &mut self.layers[trace.end.client.index()];
        client.requests += 1;
        if trace.end.is_ok() {
            client.ok += 1;
            client.absorbed +=
                u64::from(had_failed && had_failed_attempt(trace, HopId::root(trace.end.call)));
        }
        for served in &trace.served {
            let callee = scenario.topology.ends(served.edge).1;
            self.layers[callee.index()].add(trace, served, had_failed);
        }
    }

    /// Adds what another run has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (layer, other) in self.layers.iter_mut().zip(&other.layers) {
            let Layer { requests, ok, generated_502, forwarded_502, generated_5xx, forwarded_5xx, absorbed } =
                *other;
            layer.requests += requests;
            layer.ok += ok;
            layer.generated_502 += generated_502;
            layer.forwarded_502 += forwarded_502;
            layer.generated_5xx += generated_5xx;
            layer.forwarded_5xx += forwarded_5xx;
            layer.absorbed += absorbed;
        }
    }

    pub(super) fn rows(&self, scenario: &Scenario, names: &Names) -> Vec<LayerRow> {
        let nodes = scenario.topology.nodes().filter(|(_, node)| !node.synthetic);
        nodes
            .map(|(id, _)| {
                let layer = self.layers[id.index()];
                LayerRow {
                    strategy: names.strategy.clone(),
                    node: names.node(id),
                    requests: layer.requests,
                    ok: layer.ok,
                    generated_502: layer.generated_502,
                    forwarded_502: layer.forwarded_502,
                    generated_5xx: layer.generated_5xx,
                    forwarded_5xx: layer.forwarded_5xx,
                    absorbed: layer.absorbed,
                }
            })
            .collect()
    }
}

impl Layer {
    fn add(&mut self, trace: &CallTrace, served: &Served, had_failed: bool) {
        self.requests += 1;
        let Some(status) = served.status else { return };
        if status < 400 {
            let whole = served.sent == Sent::Whole;
            self.ok += u64::from(whole);
            self.absorbed += u64::from(had_failed && whole && had_failed_attempt(trace, served.hop));
            return;
        }
        let is_502 = u64::from(status == 502);
        let is_5xx = u64::from((500..600).contains(&status));
        match served.source {
            Source::Own | Source::Refused(_) | Source::Translated(..) => {
                self.generated_502 += is_502;
                self.generated_5xx += is_5xx;
            }
            Source::Relayed(_) => {
                self.forwarded_502 += is_502;
                self.forwarded_5xx += is_5xx;
            }
            Source::Nobody => {}
        }
    }
}

//! What becomes of each load on its way when nothing fails: where it goes by the model that it asks, with
//! which key, and what it takes of models.

use std::sync::Arc;
use std::time::Duration;

use super::offered::{peak, shares};
use crate::llm::Ask;
use crate::load::Load;
use crate::node::Choice;
use crate::rules::key_of;
use crate::{EdgeId, NodeId, Scenario};

/// A load.
#[derive(Debug)]
pub(super) struct Asked {
    /// Its place in the list.
    pub(super) load: usize,
    /// By node.
    pub(super) nodes: Vec<There>,
    /// Over which edges it goes.
    pub(super) edges: Vec<bool>,
}

/// A load at one node.
#[derive(Debug, Clone, Default)]
pub(super) struct There {
    /// It gets there.
    pub(super) is_reached: bool,
    /// Requests a second at its peak; 0 of a closed loop.
    pub(super) per_s: f64,
    /// The keys that its requests have there, and over which edge they come.
    pub(super) keys: Vec<(Option<Arc<str>>, EdgeId)>,
    /// What one request takes of the models behind.
    pub(super) takes: Takes,
}

/// What a request takes of models, in the mean and alone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Takes {
    pub(super) tokens: f64,
    pub(super) cost: f64,
    /// How long the whole answer is in the making: as a rule, and of one in a hundred at least.
    pub(super) typical: Duration,
    pub(super) p99: Duration,
}

impl Takes {
    fn and(self, other: Self, share: f64) -> Self {
        Self {
            tokens: self.tokens + other.tokens * share,
            cost: self.cost + other.cost * share,
            typical: self.typical,
            p99: self.p99,
        }
    }
}

/// Of all loads of a scenario's own clients, with the nodes in an order in which callers come before their
/// callees.
pub(super) fn asked(scenario: &Scenario, order: &[NodeId]) -> Vec<Asked> {
    let own = |(_, load): &(usize, &Load)| !scenario.topology.node(load.from).synthetic;
    let loads = scenario.loads.iter().enumerate().filter(own);
    loads.map(|(place, _)| follow(scenario, order, place)).collect()
}

fn follow(scenario: &Scenario, order: &[NodeId], place: usize) -> Asked {
    let topology = &scenario.topology;
    let load = &scenario.loads[place];
    let ask = load.request.llm.as_ref();
    let mut nodes = vec![There::default(); topology.node_count()];
    let mut edges = vec![false; topology.edge_count()];
    let headers = &load.request.headers;
    let named = |name: &str| {
        let field = headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.as_str())
    };
    let key = ask.and_then(|ask| ask.key.clone()).or_else(|| key_of(named).map(Into::into));
    let first = &mut nodes[load.from.index()];
    (first.is_reached, first.per_s) = (true, peak(load));
    for &node in order {
        let here = nodes[node.index()].clone();
        if !here.is_reached {
            continue;
        }
        let declared = topology.node(node);
        let passes = 1.0 - declared.rules.as_ref().map_or(0.0, |rules| rules.cache.get());
        for (edge, share) in choices(scenario, node, ask).iter().flat_map(shares) {
            let there = &mut nodes[topology.ends(edge).1.index()];
            edges[edge.index()] = true;
            there.is_reached = true;
            there.per_s += here.per_s * share * passes;
            let own = topology.edge(edge).key.clone();
            let presented: Vec<Option<Arc<str>>> = match own {
                Some(own) => vec![Some(own)],
                None if node == load.from => vec![key.clone()],
                None => here.keys.iter().map(|(key, _)| key.clone()).collect(),
            };
            for key in presented {
                if !there.keys.iter().any(|(known, _)| *known == key) {
                    there.keys.push((key, edge));
                }
            }
        }
    }
    if let Some(ask) = ask {
        for &node in order.iter().rev() {
            nodes[node.index()].takes = takes(scenario, node, ask, &nodes);
        }
    }
    Asked { load: place, nodes, edges }
}

/// The calls that a node makes of a request, each to those that are for its model.
fn choices(scenario: &Scenario, node: NodeId, ask: Option<&Ask>) -> Vec<Choice> {
    let calls = scenario.topology.node(node).plan.stages.iter().flat_map(|stage| &stage.calls);
    let serving = |choice: &Choice| {
        let serves = |edge: EdgeId| scenario.topology.edge(edge).serves(ask.map(|ask| &*ask.model));
        let edges = choice.edges.iter().copied().filter(|(edge, _)| serves(*edge)).collect();
        Choice { edges, balance: choice.balance }
    };
    calls.map(serving).collect()
}

/// Of a node, where its callees are known.
fn takes(scenario: &Scenario, node: NodeId, ask: &Ask, nodes: &[There]) -> Takes {
    let declared = scenario.topology.node(node);
    if let Some(model) = declared.llm.as_deref() {
        let (mean, p99) = model.lengths(Some(ask));
        let prompt = ask.prompt_tokens.mean();
        return Takes {
            tokens: f64::from(prompt) + f64::from(mean),
            cost: model.price.of(prompt.into(), mean.into()),
            typical: model.alone(prompt, mean),
            p99: model.alone(ask.prompt_tokens.p99(), p99),
        };
    }
    let mut sum = Takes::default();
    for choice in choices(scenario, node, Some(ask)) {
        let behind = |edge: EdgeId| nodes[scenario.topology.ends(edge).1.index()].takes;
        for (edge, share) in shares(&choice) {
            sum = sum.and(behind(edge), share);
        }
        // Whichever of them it is, it takes no less.
        let edges = || choice.edges.iter().map(|(edge, _)| behind(*edge));
        sum.typical = sum.typical.max(edges().map(|takes| takes.typical).min().unwrap_or_default());
        sum.p99 = sum.p99.max(edges().map(|takes| takes.p99).min().unwrap_or_default());
    }
    sum
}

//! What a rule sees.

use std::collections::{HashMap, HashSet};

use petgraph::algo::toposort;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeFiltered;

use super::asked::{Asked, asked};
use super::offered::Offered;
use super::time::Times;
use super::{At, Places};
use crate::load::{Load, Request};
use crate::policy::Policy;
use crate::{Edge, EdgeId, Node, NodeId, NodeKind, Scenario};

/// A scenario, and what follows from it.
#[derive(Debug)]
pub(super) struct Subject<'s> {
    pub(super) scenario: &'s Scenario,
    pub(super) places: &'s dyn Places,
    pub(super) offered: Offered,
    pub(super) asked: Vec<Asked>,
    pub(super) times: Times,
    arrives: Vec<Arrives>,
    replicas: Vec<usize>,
    edges: Vec<EdgeId>,
    nodes: Vec<NodeId>,
}

impl<'s> Subject<'s> {
    pub(super) fn new(scenario: &'s Scenario, places: &'s dyn Places) -> Self {
        // What goes in a circle has no times: only a file of a real gateway can, see its reader.
        let order = order(scenario).unwrap_or_default();
        Self {
            scenario,
            places,
            offered: Offered::new(scenario, &order),
            asked: asked(scenario, &order),
            times: Times::new(scenario, &order),
            arrives: arrivals(scenario, &order),
            replicas: replicas(scenario),
            edges: declared_edges(scenario),
            nodes: declared_nodes(scenario),
        }
    }

    /// How a value is written where the scenario comes from: "write `timeout: 2s`".
    pub(super) fn advice(&self, at: At, key: &str, value: &str) -> Option<String> {
        self.places.advice(at, key, value)
    }

    /// Each edge as declared: the first of those between replicas stands for all.
    pub(super) fn edges(&self) -> impl Iterator<Item = Link<'_>> {
        self.edges.iter().map(|&edge| self.link(edge))
    }

    /// Each node as declared: the first replica stands for all.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().map(|&node| (node, self.scenario.topology.node(node)))
    }

    /// An edge with both its ends.
    pub(super) fn link(&self, id: EdgeId) -> Link<'_> {
        let topology = &self.scenario.topology;
        let (from, to) = topology.ends(id);
        let edge = topology.edge(id);
        Link {
            id,
            edge,
            policy: &edge.policy,
            from,
            to,
            caller: topology.node(from),
            callee: topology.node(to),
        }
    }

    /// The largest body, and the largest head, that get to a node.
    pub(super) fn largest(&self, node: NodeId) -> (u64, u64) {
        let Arrives { body, head, .. } = self.arrives[node.index()];
        let of = |load: Option<usize>, size: fn(&Request) -> u64| {
            load.map_or(0, |load| size(&self.scenario.loads[load].request))
        };
        (of(body, |request| request.body.len()), of(head, head_bytes))
    }

    /// The method of a request that gets to a node and must not be repeated, if there is one.
    pub(super) fn unsafe_method(&self, node: NodeId) -> Option<&str> {
        let load = self.arrives[node.index()].unsafe_method?;
        Some(&self.scenario.loads[load].request.method)
    }

    /// Whether it is known at all what is sent.
    pub(super) fn has_loads(&self) -> bool {
        !self.scenario.loads.is_empty()
    }

    /// How many replicas the callee of an edge has.
    pub(super) fn replicas(&self, link: &Link<'_>) -> usize {
        self.replicas[link.id.index()]
    }
}

/// By edge: how many there are from its caller to replicas of its callee, itself included.
fn replicas(scenario: &Scenario) -> Vec<usize> {
    let topology = &scenario.topology;
    let callee = |id: EdgeId| {
        let (from, to) = topology.ends(id);
        (from, topology.node(to).declared_name.as_str(), topology.edge(id).path.as_str())
    };
    let regular = || topology.edges().filter(|(_, edge)| !edge.only_by_fault).map(|(id, _)| id);
    let mut counts: HashMap<_, usize> = HashMap::new();
    for id in regular() {
        *counts.entry(callee(id)).or_default() += 1;
    }
    topology.edges().map(|(id, _)| counts.get(&callee(id)).copied().unwrap_or(1)).collect()
}

/// What gets to a node, by the place of the load in the list.
#[derive(Debug, Clone, Copy, Default)]
struct Arrives {
    /// The one with the largest body.
    body: Option<usize>,
    /// The one with the largest head.
    head: Option<usize>,
    /// One whose requests must not be repeated.
    unsafe_method: Option<usize>,
}

impl Arrives {
    fn and(self, other: Self, loads: &[Load]) -> Self {
        let larger = |a: Option<usize>, b: Option<usize>, size: fn(&Request) -> u64| {
            a.into_iter().chain(b).max_by_key(|&load| (size(&loads[load].request), std::cmp::Reverse(load)))
        };
        Self {
            body: larger(self.body, other.body, |request| request.body.len()),
            head: larger(self.head, other.head, head_bytes),
            unsafe_method: self.unsafe_method.into_iter().chain(other.unsafe_method).min(),
        }
    }
}

/// By node.
fn arrivals(scenario: &Scenario, order: &[NodeId]) -> Vec<Arrives> {
    let Scenario { topology, loads, .. } = scenario;
    let mut all = vec![Arrives::default(); topology.node_count()];
    for (i, load) in loads.iter().enumerate() {
        if !topology.node(load.from).synthetic {
            let unsafe_method = (!load.request.is_idempotent()).then_some(i);
            let own = Arrives { body: Some(i), head: Some(i), unsafe_method };
            let at = load.from.index();
            all[at] = all[at].and(own, loads);
        }
    }
    for &node in order {
        let here = all[node.index()];
        for edge in topology.outgoing(node).into_iter().filter(|&edge| !topology.edge(edge).only_by_fault) {
            let to = topology.ends(edge).1.index();
            all[to] = all[to].and(here, loads);
        }
    }
    all
}

/// The least that the head of a request takes on its whole way: the fields that it is given.
fn head_bytes(request: &Request) -> u64 {
    let fields = request.headers.iter().map(|(name, value)| name.len() + ": \r\n".len() + value.len());
    fields.sum::<usize>() as u64
}

/// An edge with both its ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link<'s> {
    pub(super) id: EdgeId,
    pub(super) edge: &'s Edge,
    pub(super) policy: &'s Policy,
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) caller: &'s Node,
    pub(super) callee: &'s Node,
}

impl Link<'_> {
    /// The caller's name as declared.
    pub(super) fn caller_name(&self) -> &str {
        &self.caller.declared_name
    }

    /// The callee's.
    pub(super) fn callee_name(&self) -> &str {
        &self.callee.declared_name
    }
}

fn declared_edges(scenario: &Scenario) -> Vec<EdgeId> {
    let topology = &scenario.topology;
    let mut seen = HashSet::new();
    let regular = topology.edges().filter(|(_, edge)| !edge.only_by_fault).map(|(id, _)| id);
    regular
        .filter(|&id| {
            let (from, to) = topology.ends(id);
            let path = topology.edge(id).path.as_str();
            let (from, to) = (topology.node(from), topology.node(to));
            !from.synthetic
                && !decides_itself(from)
                && seen.insert((from.declared_name.as_str(), to.declared_name.as_str(), path))
        })
        .collect()
}

/// Whether a node is a program of whose settings nothing is known.
pub(super) fn decides_itself(node: &Node) -> bool {
    node.external.as_ref().is_some_and(|external| !external.simulated)
}

fn declared_nodes(scenario: &Scenario) -> Vec<NodeId> {
    let mut seen = HashSet::new();
    let all = scenario.topology.nodes().filter(|(_, node)| !node.synthetic && !decides_itself(node));
    all.filter(|(_, node)| seen.insert(node.declared_name.as_str())).map(|(id, _)| id).collect()
}

/// Callers before their callees; none if the calls go in a circle.
pub(super) fn order(scenario: &Scenario) -> Option<Vec<NodeId>> {
    let graph = scenario.topology.graph();
    let regular = EdgeFiltered::from_fn(graph, |edge| !edge.weight().only_by_fault);
    let order = toposort(&regular, None).ok()?;
    let id = |index: NodeIndex<u32>| u32::try_from(index.index()).ok().map(NodeId);
    order.into_iter().map(id).collect()
}

/// Whether a node is called by others and calls others, as declared.
pub(super) fn is_between(node: &Node) -> bool {
    node.kind != NodeKind::Client && !node.plan.stages.is_empty() && !decides_itself(node)
}

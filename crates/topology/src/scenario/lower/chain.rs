//! The topology as a whole: no cycle, nobody without a part in it.

use std::collections::VecDeque;

use petgraph::Direction;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::NodeIndex;
use petgraph::visit::{Dfs, NodeIndexable};

use super::super::path::Path;
use super::super::problem::Collector;
use super::build::Build;
use crate::{NodeKind, Topology};

pub(super) fn check(build: &Build, problems: &mut Collector<'_>) {
    let nodes = Path::root().at("nodes");
    let reached = reached_from_clients(&build.topology);
    let any_client = build.names_of(NodeKind::Client).next().is_some();
    for (name, group) in &build.groups {
        let at = nodes.at(name.as_str());
        let help = format!("write an edge `{name} -> ...`");
        match group.kind {
            NodeKind::Client => {
                if group.callees.is_empty() {
                    problems.key(&at).help(help).say(format!("the client `{name}` calls nobody"));
                }
            }
            NodeKind::Gateway if group.callees.is_empty() => {
                let help = format!("{help}, or make it a server");
                problems.key(&at).help(help).say(format!("the gateway `{name}` has nobody to call"));
            }
            NodeKind::Gateway | NodeKind::Server | NodeKind::External => {}
        }
        if any_client && group.nodes.iter().any(|n| !reached[n.index()]) {
            let help = format!("write an edge `... -> {name}`, or take the node out");
            problems.key(&at).help(help).say(format!("no request ever reaches `{name}`"));
        }
    }
    if !any_client {
        problems.key(&nodes).help("add `client: { kind: client }`").say("there is no client");
    }
    cycles(build, problems);
}

/// By node: whether some client's calls can get there.
fn reached_from_clients(topology: &Topology) -> Vec<bool> {
    let graph = topology.graph();
    let mut dfs = Dfs::empty(graph);
    let mut reached = vec![false; graph.node_bound()];
    for client in topology.of_kind(NodeKind::Client) {
        dfs.move_to(NodeIndex::new(client.index()));
        while let Some(node) = dfs.next(graph) {
            reached[node.index()] = true;
        }
    }
    reached
}

/// Names one cycle of each knot.
fn cycles(build: &Build, problems: &mut Collector<'_>) {
    let graph = build.topology.graph();
    // Not Tarjan's: petgraph's recurses, and a chain may be 100 000 nodes long.
    for knot in kosaraju_scc(graph) {
        let [first, _, ..] = knot.as_slice() else { continue };
        if problems.is_full() {
            return;
        }
        let begin = knot.iter().copied().min().unwrap_or(*first);
        let mut names: Vec<&str> =
            shortest_cycle(&build.topology, begin).iter().map(|n| graph[*n].declared_name.as_str()).collect();
        names.dedup();
        let entry = names
            .iter()
            .rev()
            .nth(1)
            .and_then(|last| build.groups.get(*last)?.callees.get(*names.first()?))
            .map_or(0, |callee| callee.entry);
        let at = Path::root().at("edges").at(entry);
        let shown = if names.len() > 12 {
            format!("{} -> ... -> {}", names[..5].join(" -> "), names[names.len() - 5..].join(" -> "))
        } else {
            names.join(" -> ")
        };
        let help = "loops are refused unless a fault makes them: use `config: routing_loop`";
        problems.key(&at).help(help).say(format!("the calls go in a circle: {shown}"));
    }
}

/// A shortest way from a node back to itself, both ends included.
fn shortest_cycle(topology: &Topology, begin: NodeIndex<u32>) -> Vec<NodeIndex<u32>> {
    let graph = topology.graph();
    let mut came_from = vec![None; graph.node_bound()];
    let mut queue = VecDeque::from([begin]);
    while let Some(node) = queue.pop_front() {
        for next in graph.neighbors_directed(node, Direction::Outgoing) {
            if next == begin {
                let mut way = vec![begin, node];
                let mut at = node;
                while at != begin {
                    let Some(before) = came_from[at.index()] else { break };
                    way.push(before);
                    at = before;
                }
                way.reverse();
                return way;
            }
            if came_from[next.index()].is_none() {
                came_from[next.index()] = Some(node);
                queue.push_back(next);
            }
        }
    }
    vec![begin]
}

//! What some faults add to the topology: the way back of a routing loop, the source of a surge.

use std::time::Duration;

use petgraph::algo::has_path_connecting;
use petgraph::graph::NodeIndex;

use super::super::path::Path;
use super::super::problem::Collector;
use super::build::Build;
use super::fault_place;
use crate::fault::{Config, Fault, Mechanism, Overload};
use crate::load::{Arrivals, Body, Load, RateStage, Request};
use crate::node::{Balance, Choice, Node, NodeKind, Plan, Stage};
use crate::{Edge, NodeId, Target};

/// How often a surge may come in a run.
const SURGES_MAX: usize = 1000;

/// For a routing loop: an edge from each target back to itself or to a node before it.
pub(super) fn add_loop(fault: &mut Fault, build: &mut Build, at: &Path, problems: &mut Collector<'_>) {
    let Mechanism::Config(Config::RoutingLoop { to }) = &fault.mechanism else { return };
    let back = match to {
        Some(name) if build.sound => {
            let to_at = at.at("config").at("routing_loop").at("to");
            match fault_place::nodes(name, build, &to_at, problems).first() {
                Some(node) => Some(*node),
                None => return,
            }
        }
        _ => None,
    };
    for target in &fault.targets {
        let Target::Node(from) = *target else { continue };
        let node = build.topology.node(from);
        if node.kind != NodeKind::Gateway {
            let message =
                format!("this can never match: `{}` sends no request on, it is no gateway", node.name);
            problems.value(&at.at("at")).say(message);
            return;
        }
        let to = back.unwrap_or(from);
        if !is_before(to, from, build) {
            let message =
                format!("`{}` is not before `{}`: no loop", build.topology.node(to).name, node.name);
            problems.value(&at.at("config").at("routing_loop").at("to")).say(message);
            return;
        }
        // It sends the request back as it would have sent it on.
        let onwards = build.topology.outgoing(from).first().map(|e| build.topology.edge(*e).clone());
        let edge = Edge { only_by_fault: true, ..onwards.unwrap_or_else(Edge::plain) };
        let edge = build.topology.add_edge(from, to, edge);
        fault.loop_edges.push(edge);
    }
}

/// Whether a request gets to `node` by way of `before`.
fn is_before(before: NodeId, node: NodeId, build: &Build) -> bool {
    let index = |id: NodeId| NodeIndex::new(id.index());
    build.topology.node(before).kind != NodeKind::Client
        && (before == node || has_path_connecting(build.topology.graph(), index(before), index(node), None))
}

/// For a surge: a client of its own, an edge to each target, and its load.
pub(super) fn add_surge(
    fault: &Fault,
    duration: Duration,
    build: &mut Build,
    loads: &mut Vec<Load>,
    at: &Path,
    problems: &mut Collector<'_>,
) {
    let Mechanism::Overload(Overload::Surge { rate }) = fault.mechanism else { return };
    let windows: Vec<_> = fault.schedule.activations(duration).take(SURGES_MAX + 1).collect();
    if windows.len() > SURGES_MAX {
        let message = format!("the surge would come more than {SURGES_MAX} times");
        problems.value(&at.at("every")).say(message);
        return;
    }
    let from = build.topology.add_node(source(&fault.name));
    let mut edges = Vec::new();
    for target in &fault.targets {
        if let Target::Node(to) = *target {
            edges.push((build.topology.add_edge(from, to, Edge::plain()), 1));
        }
    }
    let choice = Choice { edges: edges.into(), balance: Balance::RoundRobin };
    build.topology.node_mut(from).plan = Plan { stages: vec![Stage { calls: vec![choice] }] };
    loads.push(Load {
        from,
        arrivals: Arrivals::Open { stages: course(&windows, duration, rate.get()), poisson: true },
        start: fault.schedule.start,
        stop: fault.schedule.stop.min(duration),
        request: Request {
            llm: None,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: Vec::new(),
            body: Body::Size(0),
            priority: 5,
        },
    });
}

/// The rate over time, from the begin of the first window on.
fn course(windows: &[(Duration, Duration)], duration: Duration, rate: f64) -> Vec<RateStage> {
    let hold = |per_s, lasts| RateStage { from_per_s: per_s, to_per_s: per_s, lasts };
    let mut stages: Vec<RateStage> = Vec::with_capacity(2 * windows.len());
    let mut last_end = None;
    for &(begin, end) in windows {
        let end = end.min(duration);
        stages.extend(last_end.map(|last: Duration| hold(0.0, begin.saturating_sub(last))));
        stages.push(hold(rate, end.saturating_sub(begin)));
        last_end = Some(end);
    }
    // After the last stage a load goes on as it is.
    stages.push(hold(0.0, Duration::ZERO));
    stages
}

fn source(fault: &str) -> Node {
    // No node of a file can have a colon in its name.
    let name = format!("surge:{fault}");
    Node { synthetic: true, ..Node::bare(name, NodeKind::Client) }
}

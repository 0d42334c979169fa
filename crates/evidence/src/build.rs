//! From what was observed to a topology and the calls that went through it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use topology::node::{Balance, Choice, Plan, Stage};
use topology::profile::Profile;
use topology::{Edge, EdgeId, Node, NodeId, NodeKind, Scenario, Topology};
use trace::{CallId, CallTrace, HopId, LinkEvent, NodeEvent, Time};

use crate::calls::number;
use crate::group::groups;
use crate::link::{Aliases, link};
use crate::observation::{Observation, Visit};
use crate::tree::Tree;
use crate::usual::Usual;

/// What those are called of whom nothing was read.
const CLIENT: &str = "client";

/// What was observed, as calls.
#[derive(Debug)]
pub struct Calls {
    /// The topology that shows in it.
    pub scenario: Scenario,
    /// The calls, in the order of their ends.
    pub traces: Vec<CallTrace>,
    /// By which ids each call can be found in the logs, by its number; calls with the same ids share them.
    pub keys: Vec<Arc<[String]>>,
    /// What processes did.
    pub processes: Vec<NodeEvent>,
    /// What links did.
    pub links: Vec<LinkEvent>,
    /// What would tell more about a hop.
    pub advice: HashMap<HopId, &'static str>,
    /// The nodes of which it is known when their processes were down.
    pub supervised: BTreeSet<NodeId>,
    /// The nodes that tell also of requests which never ended.
    pub unended: BTreeSet<NodeId>,
}

/// What else is known of nodes.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Names of nodes of which it is known when their processes were down.
    pub(crate) supervised: BTreeSet<String>,
    /// Names of nodes that tell also of requests which never ended.
    pub(crate) unended: BTreeSet<String>,
    /// Which products nodes are: the names of their profiles.
    pub(crate) products: BTreeMap<String, &'static str>,
    /// What addresses are called, as the user says.
    pub(crate) names: Vec<(String, String)>,
}

pub(crate) fn build(observations: Vec<Observation>, known: &Known) -> Calls {
    let mut events = Vec::new();
    for observation in &observations {
        if let Observation::Process { .. } | Observation::Link { .. } = observation {
            events.push(observation.clone());
        }
    }
    let mut groups = groups(observations);
    // Who answers where shows by what is sure; the second time all is linked by that.
    let mut aliases = Aliases::new(&known.names);
    for group in &mut groups {
        let made = group.tries.len();
        link(group, &mut aliases);
        group.tries.truncate(made);
    }
    let mut trees = Vec::with_capacity(groups.len());
    for (n, mut group) in groups.into_iter().enumerate() {
        let links = link(&mut group, &mut aliases);
        trees.push(Tree::new(n as u64, group, links, CLIENT));
    }
    Builder::new(&trees, aliases, known, &events).finish(trees, &events)
}

pub(crate) struct Builder<'a> {
    aliases: Aliases,
    known: &'a Known,
    /// Who has a log.
    pub(crate) logs: BTreeSet<String>,
    pub(crate) topology: Topology,
    pub(crate) edges: BTreeMap<(NodeId, NodeId), EdgeId>,
    /// What is counted from.
    base: Time,
}

impl<'a> Builder<'a> {
    fn new(trees: &[Tree], aliases: Aliases, known: &'a Known, events: &[Observation]) -> Self {
        let visits = trees.iter().flat_map(|tree| &tree.group.visits);
        let logs: BTreeSet<String> =
            visits.filter(|visit| !visit.witnessed).map(|visit: &Visit| visit.node.clone()).collect();
        let starts =
            trees.iter().flat_map(|tree| tree.group.tries.iter().map(|made| made.made.attempt.start));
        let calls = trees
            .iter()
            .flat_map(|tree| tree.calls.iter().filter_map(|(_, call)| Some(call.as_ref()?.end.start)));
        let arrivals =
            trees.iter().flat_map(|tree| tree.group.visits.iter().map(|visit| visit.served.arrived));
        let told = events.iter().filter_map(|event| match event {
            Observation::Process { at, .. } | Observation::Link { at, .. } => Some(*at),
            _ => None,
        });
        let base = starts.chain(calls).chain(arrivals).chain(told).min().unwrap_or_default();
        let mut builder =
            Self { aliases, known, logs, topology: Topology::new(), edges: BTreeMap::new(), base };
        builder.topology(trees, events);
        builder
    }

    /// Whom a try went to.
    pub(crate) fn callee(&self, tree: &Tree, place: usize) -> String {
        if let Some(visit) = tree.links.visit[place] {
            return tree.group.visits[visit].node.clone();
        }
        let made = &tree.group.tries[place].made;
        match &made.peer {
            Some(peer) => self.aliases.known(peer).unwrap_or(peer).to_owned(),
            None => format!("{}'s upstream", made.node),
        }
    }

    fn topology(&mut self, trees: &[Tree], events: &[Observation]) {
        let mut pairs: BTreeSet<(String, String)> = BTreeSet::new();
        let mut names: BTreeSet<String> = BTreeSet::new();
        for tree in trees {
            for (places, call) in &tree.calls {
                pairs.extend(
                    places.iter().map(|&p| (tree.group.tries[p].made.node.clone(), self.callee(tree, p))),
                );
                names.extend(call.iter().map(|call| call.node.clone()));
            }
        }
        for event in events {
            match event {
                Observation::Process { node, .. } => drop(names.insert(node.clone())),
                Observation::Link { from, to, .. } => drop(pairs.insert((from.clone(), to.clone()))),
                _ => {}
            }
        }
        names.extend(pairs.iter().flat_map(|(from, to)| [from.clone(), to.clone()]));
        for name in in_order(&names, &pairs) {
            let called = pairs.iter().any(|(_, to)| *to == name);
            let kind = match (self.logs.contains(&name), called) {
                (false, false) => NodeKind::Client,
                (false, true) => NodeKind::External,
                (true, _) if self.known.products.contains_key(&name) => NodeKind::Gateway,
                (true, _) => NodeKind::Server,
            };
            let product = self.known.products.get(&name).copied();
            let node = Node::bare(name, kind);
            let profile = product.and_then(Profile::find).unwrap_or(node.profile);
            self.topology.add_node(Node { profile, ..node });
        }
        for (from, to) in &pairs {
            let ends = (self.topology.find(from), self.topology.find(to));
            if let (Some(from), Some(to)) = ends {
                let id = self.topology.add_edge(from, to, Edge::plain());
                self.edges.insert((from, to), id);
            }
        }
        self.plans();
    }

    /// Each node may call all that it has been seen to call, but not in a circle.
    fn plans(&mut self) {
        let nodes: Vec<NodeId> = self.topology.nodes().map(|(id, _)| id).collect();
        for node in nodes {
            let mut calls = Vec::new();
            for edge in self.topology.outgoing(node) {
                // Nodes are in an order in which callers come first, but for circles.
                if self.topology.ends(edge).1 > node {
                    calls.push(Choice { edges: Arc::new([(edge, 1)]), balance: Balance::RoundRobin });
                } else {
                    self.topology.edge_mut(edge).only_by_fault = true;
                }
            }
            if !calls.is_empty() {
                self.topology.node_mut(node).plan = Plan { stages: vec![Stage { calls }] };
            }
        }
    }

    pub(crate) fn since(&self, at: Time) -> Time {
        Time(at.0.saturating_sub(self.base.0))
    }

    fn finish(mut self, trees: Vec<Tree>, events: &[Observation]) -> Calls {
        let mut advice = HashMap::new();
        let mut found: Vec<(CallTrace, Arc<[String]>)> = Vec::new();
        for mut tree in trees {
            let keys: Arc<[String]> = std::mem::take(&mut tree.group.keys).into();
            for (places, call) in std::mem::take(&mut tree.calls) {
                if let Some(trace) = self.trace(&mut tree, &places, call, &mut advice) {
                    found.push((trace, keys.clone()));
                }
            }
        }
        found.sort_by_key(|(trace, _)| (trace.end.end, trace.end.start));
        let mut usual = Usual::default();
        let mut traces = Vec::with_capacity(found.len());
        let mut keys = Vec::with_capacity(found.len());
        for (n, (mut trace, of)) in found.into_iter().enumerate() {
            number(&mut trace, CallId::new(0, n as u64));
            usual.add(&self.topology, &trace);
            traces.push(trace);
            keys.push(of);
        }
        for (node, time) in usual.times() {
            self.topology.node_mut(node).service_time = time;
        }
        let ids = |names: &BTreeSet<String>| names.iter().filter_map(|n| self.topology.find(n)).collect();
        let (supervised, unended) = (ids(&self.known.supervised), ids(&self.known.unended));
        let (processes, links) = self.events(events);
        let duration = traces.iter().map(|trace| trace.end.end).max().unwrap_or_default().since_start();
        let duration = duration + Duration::from_nanos(1);
        let scenario =
            Scenario { name: "diagnosis".to_owned(), duration, topology: self.topology, ..Scenario::empty() };
        Calls { scenario, traces, keys, processes, links, advice, supervised, unended }
    }

    fn events(&self, events: &[Observation]) -> (Vec<NodeEvent>, Vec<LinkEvent>) {
        let (mut processes, mut links) = (Vec::new(), Vec::new());
        for event in events {
            match event {
                Observation::Process { node, at, kind } => {
                    let node = self.topology.find(node);
                    processes.extend(node.map(|node| NodeEvent { node, at: self.since(*at), kind: *kind }));
                }
                Observation::Link { from, to, at, kind } => {
                    let ends = (self.topology.find(from), self.topology.find(to));
                    let edge = ends.0.zip(ends.1).and_then(|ends| self.edges.get(&ends));
                    links.extend(edge.map(|&edge| LinkEvent { edge, at: self.since(*at), kind: *kind }));
                }
                _ => {}
            }
        }
        processes.sort_by_key(|event| event.at);
        links.sort_by_key(|event| event.at);
        (processes, links)
    }
}

/// The nodes' names, callers before callees, as far as that can be.
fn in_order(names: &BTreeSet<String>, pairs: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut callers: BTreeMap<&str, usize> = names.iter().map(|name| (&**name, 0)).collect();
    for (from, to) in pairs {
        if from != to {
            *callers.entry(to).or_default() += 1;
        }
    }
    let mut order = Vec::with_capacity(names.len());
    while !callers.is_empty() {
        // In a circle somebody has to be first: who has the fewest callers left.
        let Some((&next, _)) = callers.iter().min_by_key(|(name, left)| (**left, **name)) else { break };
        callers.remove(next);
        for (from, to) in pairs {
            if from == next
                && let Some(left) = callers.get_mut(&**to)
            {
                *left = left.saturating_sub(1);
            }
        }
        order.push(next.to_owned());
    }
    order
}

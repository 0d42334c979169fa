//! The topology while it is being built, and what its parts were called in the file.

use indexmap::{IndexMap, IndexSet};

use crate::node::Balance;
use crate::profile::Profile;
use crate::{EdgeId, NodeId, NodeKind, Topology};

/// How many nodes a scenario may have, replicas counted.
pub(super) const NODES_MAX: usize = 100_000;
/// How many edges a scenario may have, those between replicas counted.
pub(super) const EDGES_MAX: usize = 200_000;

/// The topology so far.
#[derive(Debug)]
pub(super) struct Build {
    pub(super) topology: Topology,
    /// By the name in the file.
    pub(super) groups: IndexMap<String, Group>,
    /// Whether nodes and edges are all as they should be: else what refers to them is not looked at.
    pub(super) sound: bool,
}

/// What one node of the file has become.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) kind: NodeKind,
    /// Its replicas, usually one.
    pub(super) nodes: Vec<NodeId>,
    /// Whom it calls, by name, in the order of the edges.
    pub(super) callees: IndexMap<String, Callee>,
    /// Those of them that are only called as a fallback for another one.
    pub(super) fallbacks: IndexSet<String>,
}

/// What one edge of the file has become.
#[derive(Debug)]
pub(super) struct Callee {
    pub(super) weight: u32,
    pub(super) balance: Balance,
    /// For each replica of the caller, its edge to each replica of the callee.
    pub(super) edges: Vec<Vec<EdgeId>>,
    /// Which entry of the file it comes from.
    pub(super) entry: usize,
}

impl Default for Build {
    fn default() -> Self {
        Self { topology: Topology::new(), groups: IndexMap::new(), sound: true }
    }
}

impl Build {
    /// The profile of a node of the file; the default one if there is no such node.
    pub(super) fn profile(&self, name: &str) -> &'static Profile {
        let first = self.groups.get(name).and_then(|group| group.nodes.first());
        first.map_or(Profile::ALL[0], |&node| self.topology.node(node).profile)
    }

    /// How many replicas a node of the file has.
    pub(super) fn replicas(&self, name: &str) -> u32 {
        self.groups.get(name).map_or(1, |group| u32::try_from(group.nodes.len()).unwrap_or(u32::MAX))
    }

    /// The names in the file.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.groups.keys().map(String::as_str)
    }

    /// The names in the file of one kind of node.
    pub(super) fn names_of(&self, kind: NodeKind) -> impl Iterator<Item = &str> + Clone {
        self.groups.iter().filter(move |(_, group)| group.kind == kind).map(|(name, _)| name.as_str())
    }
}

//! The invocation topology: nodes and the edges over which they call each other.

use std::collections::BTreeMap;

use petgraph::Direction;
use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::{Edge, Node, NodeKind};

/// A node of the topology. Ids are dense, from 0, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// An edge of the topology. Ids are dense, from 0, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeId(pub u32);

impl NodeId {
    /// As an index into a per-node table.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl EdgeId {
    /// As an index into a per-edge table.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Who calls whom. Acyclic but for edges that only a fault uses.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    graph: DiGraph<Node, Edge, u32>,
    by_name: BTreeMap<String, NodeId>,
}

impl Topology {
    /// An empty topology.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node; the caller has made sure that its name is new.
    #[expect(clippy::missing_panics_doc, reason = "petgraph counts in u32")]
    pub fn add_node(&mut self, node: Node) -> NodeId {
        let name = node.name.clone();
        let id = NodeId(u32::try_from(self.graph.add_node(node).index()).expect("petgraph counts in u32"));
        self.by_name.insert(name, id);
        id
    }

    /// Adds an edge.
    #[expect(clippy::missing_panics_doc, reason = "petgraph counts in u32")]
    pub fn add_edge(&mut self, from: NodeId, to: NodeId, edge: Edge) -> EdgeId {
        let index = self.graph.add_edge(NodeIndex::new(from.index()), NodeIndex::new(to.index()), edge);
        EdgeId(u32::try_from(index.index()).expect("petgraph counts in u32"))
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.graph[NodeIndex::new(id.index())]
    }

    /// A node, to change it while the topology is being built.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.graph[NodeIndex::new(id.index())]
    }

    /// An edge.
    pub fn edge(&self, id: EdgeId) -> &Edge {
        &self.graph[EdgeIndex::new(id.index())]
    }

    /// An edge, to change it while the topology is being built.
    pub fn edge_mut(&mut self, id: EdgeId) -> &mut Edge {
        &mut self.graph[EdgeIndex::new(id.index())]
    }

    /// The caller and the callee of an edge.
    #[expect(clippy::missing_panics_doc, reason = "ids are only made by add_edge")]
    pub fn ends(&self, id: EdgeId) -> (NodeId, NodeId) {
        let (from, to) = self
            .graph
            .edge_endpoints(EdgeIndex::new(id.index()))
            .expect("ids are only made by add_edge, and edges are never removed");
        (node_id(from), node_id(to))
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.graph.node_count()
    }

    /// How many edges there are.
    pub fn edge_count(&self) -> usize {
        self.graph.edge_count()
    }

    /// All nodes, in the order of their ids.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.graph.node_indices().map(|i| (node_id(i), &self.graph[i]))
    }

    /// All edges, in the order of their ids.
    pub fn edges(&self) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.graph.edge_indices().map(|i| (edge_id(i), &self.graph[i]))
    }

    /// The edges that leave a node, in the order of their ids.
    pub fn outgoing(&self, id: NodeId) -> Vec<EdgeId> {
        self.sorted_edges(id, Direction::Outgoing)
    }

    /// The edges that enter a node, in the order of their ids.
    pub fn incoming(&self, id: NodeId) -> Vec<EdgeId> {
        self.sorted_edges(id, Direction::Incoming)
    }

    fn sorted_edges(&self, id: NodeId, direction: Direction) -> Vec<EdgeId> {
        let mut edges: Vec<_> = self
            .graph
            .edges_directed(NodeIndex::new(id.index()), direction)
            .map(|e| edge_id(e.id()))
            .collect();
        edges.sort_unstable();
        edges
    }

    /// A node by its name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied()
    }

    /// An edge by its two ends; the first, if there are several.
    pub fn find_edge(&self, from: NodeId, to: NodeId) -> Option<EdgeId> {
        self.outgoing(from).into_iter().find(|&e| self.ends(e).1 == to)
    }

    /// An edge's name, as users write it: `caller -> callee`.
    pub fn edge_name(&self, id: EdgeId) -> String {
        let (from, to) = self.ends(id);
        format!("{} -> {}", self.node(from).name, self.node(to).name)
    }

    /// The nodes of one kind.
    pub fn of_kind(&self, kind: NodeKind) -> impl Iterator<Item = NodeId> {
        self.nodes().filter(move |(_, n)| n.kind == kind).map(|(id, _)| id)
    }

    /// The graph itself, for the algorithms of petgraph.
    pub fn graph(&self) -> &DiGraph<Node, Edge, u32> {
        &self.graph
    }
}

fn node_id(index: NodeIndex<u32>) -> NodeId {
    NodeId(u32::try_from(index.index()).expect("the graph counts in u32"))
}

fn edge_id(index: EdgeIndex<u32>) -> EdgeId {
    EdgeId(u32::try_from(index.index()).expect("the graph counts in u32"))
}

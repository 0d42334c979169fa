//! The names that rows share, made once.

use topology::{EdgeId, Failure, FaultSet, NodeId, Scenario, Target};
use trace::rows::Name;

/// Names by id.
#[derive(Debug)]
pub(crate) struct Names {
    /// The strategy in force.
    pub(crate) strategy: Name,
    /// The seed, which rows share too.
    pub(crate) seed: u64,
    /// No name.
    pub(crate) none: Name,
    nodes: Vec<Name>,
    edges: Vec<Name>,
    faults: Vec<Name>,
    failures: Vec<(Failure, Name)>,
}

impl Names {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let topology = &scenario.topology;
        Self {
            strategy: scenario.strategy.as_str().into(),
            seed: scenario.seed,
            none: "".into(),
            nodes: topology.nodes().map(|(_, n)| n.name.as_str().into()).collect(),
            edges: topology.edges().map(|(id, _)| topology.edge_name(id).into()).collect(),
            faults: scenario.faults.iter().map(|f| f.name.as_str().into()).collect(),
            failures: Failure::ALL.into_iter().map(|f| (f, f.name().into())).collect(),
        }
    }

    pub(crate) fn node(&self, node: NodeId) -> Name {
        self.nodes[node.index()].clone()
    }

    pub(crate) fn place(&self, place: Target) -> Name {
        match place {
            Target::Node(node) => self.node(node),
            Target::Edge(edge) => self.edge(edge),
        }
    }

    fn edge(&self, edge: EdgeId) -> Name {
        self.edges[edge.index()].clone()
    }

    pub(crate) fn failure(&self, failure: Option<Failure>) -> Name {
        let name = self.failures.iter().find(|(f, _)| Some(*f) == failure);
        name.map_or_else(|| self.none.clone(), |(_, name)| name.clone())
    }

    /// The names of some faults, separated by `;`.
    pub(crate) fn faults(&self, faults: FaultSet) -> String {
        let mut text = String::new();
        for fault in faults.iter() {
            if !text.is_empty() {
                text.push(';');
            }
            text.push_str(&self.faults[usize::from(fault.0)]);
        }
        text
    }
}

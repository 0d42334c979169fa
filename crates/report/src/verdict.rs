//! What is said about one failure.

use topology::{Cause, Target, Topology};
use trace::HopId;

/// Where a failure was born, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The node or edge at which it was born.
    pub origin: Target,
    /// Why.
    pub cause: Cause,
    /// The concrete way; empty if unknown.
    pub mechanism: &'static str,
    /// The hop at which it was born.
    pub hop: HopId,
    /// The hops from the client's decisive one down to it.
    pub lineage: Vec<HopId>,
    /// What it rests on: one sentence for an operator.
    pub evidence: String,
    /// What an operator would do next.
    pub next_step: &'static str,
}

/// A place's name, as users write it.
pub(crate) fn place_name(topology: &Topology, place: Target) -> String {
    match place {
        Target::Node(node) => topology.node(node).name.clone(),
        Target::Edge(edge) => topology.edge_name(edge),
    }
}

/// What a place is.
pub(crate) fn place_kind(place: Target) -> &'static str {
    match place {
        Target::Node(_) => "node",
        Target::Edge(_) => "edge",
    }
}

/// A cause and its mechanism, in one phrase.
pub(crate) fn reason(cause: &str, mechanism: &str) -> String {
    if mechanism.is_empty() { cause.to_owned() } else { format!("{cause} ({mechanism})") }
}

//! What is declared: a scenario's YAML becomes a validated, petgraph-backed [`Topology`] with its
//! load, faults, strategies and thresholds.
//!
//! Nothing here knows a clock, a socket or a runtime. Text goes in, values come out; whoever holds
//! a [`Scenario`] may rely on every reference in it being good.

mod bound;
pub mod distribution;
pub mod edge;
pub mod external;
pub mod fault;
pub mod gateways;
pub mod graph;
pub mod lint;
pub mod llm;
pub mod load;
pub mod node;
pub mod policy;
pub mod profile;
pub mod rules;
pub mod scenario;
pub mod template;
pub mod units;
pub mod wire;

pub use edge::{Edge, Protocol};
pub use fault::{Cause, Fault, FaultId, FaultSet, Mechanism, Target};
pub use graph::{EdgeId, NodeId, Topology};
pub use node::{Node, NodeKind};
pub use scenario::{Problem, Problems, Scenario};
pub use wire::{Failure, Refusal};

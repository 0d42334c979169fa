//! An edge: a caller's outbound policy towards one callee.

use crate::policy::Policy;

/// A caller -> callee link.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Time-outs, retries, connections.
    pub policy: Policy,
    /// A failure of this call does not fail the caller's own answer.
    pub optional: bool,
    /// The path that the callee is asked for.
    pub path: String,
    /// It carries nothing but what a fault sends over it (a routing loop).
    pub only_by_fault: bool,
}

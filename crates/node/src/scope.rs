//! What every part of a decision looks at.

use topology::EdgeId;
use topology::node::Node;
use topology::policy::Policy;
use trace::{Record, Time};

use crate::action::Action;
use crate::{Env, NodeState};

/// The lesser of two limits, of which either may be missing.
pub(crate) fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The moment, what is declared, the node's state; what is to be done, and whom to tell what happened.
pub(crate) struct Scope<'a, 'e> {
    pub(crate) now: Time,
    declared: &'e Node,
    pub(crate) env: &'a Env<'e>,
    pub(crate) node: &'a mut NodeState,
    pub(crate) out: &'a mut Vec<Action>,
    pub(crate) tell: &'a mut dyn FnMut(Record),
}

impl<'a, 'e> Scope<'a, 'e> {
    pub(crate) fn new(
        now: Time,
        env: &'a Env<'e>,
        node: &'a mut NodeState,
        out: &'a mut Vec<Action>,
        tell: &'a mut dyn FnMut(Record),
    ) -> Self {
        Self { now, declared: env.scenario.topology.node(node.node), env, node, out, tell }
    }

    /// The node.
    pub(crate) fn declared(&self) -> &'e Node {
        self.declared
    }

    /// An edge's policy.
    pub(crate) fn policy(&self, edge: EdgeId) -> &'e Policy {
        self.env.policy(edge)
    }
}

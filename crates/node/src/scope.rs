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
    pub(crate) env: &'a Env<'e>,
    pub(crate) node: &'a mut NodeState,
    pub(crate) out: &'a mut Vec<Action>,
    pub(crate) tell: &'a mut dyn FnMut(Record),
}

impl<'e> Scope<'_, 'e> {
    /// The node.
    pub(crate) fn declared(&self) -> &'e Node {
        self.env.scenario.topology.node(self.node.node)
    }

    /// An edge's policy.
    pub(crate) fn policy(&self, edge: EdgeId) -> &'e Policy {
        self.env.policy(edge)
    }
}

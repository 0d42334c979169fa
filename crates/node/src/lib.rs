//! What one node decides with one request. Sans-IO: the time is passed in, luck is keyed, and what
//! is to be done comes out as [`Action`]s, what happened as records.
//!
//! A driver (an engine) owns a [`NodeState`] for each node and a [`Visit`] for each request inside
//! a node (and for each call of a client). It calls [`Visit::handle`] with each [`Input`], carries
//! out the actions, and reports back. There is one retry loop, one admission, one status mapping
//! in the project, and it is here; the machine itself emits the records, so engines cannot differ
//! in what they tell.

mod action;
mod ages;
mod call;
mod dice;
mod edge;
mod faults;
mod queue;
mod quota;
mod retry;
mod rules;
mod scope;
mod state;
mod visit;
mod workers;

pub use action::{
    Action, Allowance, Allowances, AttemptId, AttemptReport, Completion, Incoming, Input, Outgoing,
    ProxyStatus, Reply, Timer,
};
pub use dice::{Dice, Purpose};
pub use faults::{FaultCounts, Faults, HopContext};
pub use queue::Ticket;
pub use state::NodeState;
pub use visit::Visit;

use topology::Scenario;

/// What every decision may look at, and nobody changes: the scenario, the luck, the faults.
#[derive(Debug)]
pub struct Env<'a> {
    /// What is declared.
    pub scenario: &'a Scenario,
    /// The source of all chance.
    pub dice: Dice,
    /// The injector.
    pub faults: &'a Faults,
}

impl<'a> Env<'a> {
    /// An edge's policy.
    pub(crate) fn policy(&self, edge: topology::EdgeId) -> &'a topology::policy::Policy {
        &self.scenario.topology.edge(edge).policy
    }
}

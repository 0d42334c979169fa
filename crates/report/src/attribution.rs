//! Where a failure was born, from what the hops observed and blind to the injector's marks.
//!
//! A failure is followed from the client's decisive hop downwards: a node that passed on or
//! translated what a callee gave it leads to that callee's hop; a caller that waited in vain leads
//! to what its callee was waiting for at that moment. Where the trail ends the failure was born,
//! and what both sides saw there names the cause. The rules are in `rules.rs`, one function for
//! each kind of failure.

mod content;
mod external;
mod fullness;
mod holders;
mod lifecycle;
mod ruled;
mod rules;
mod timeouts;
mod undecided;

pub(crate) use fullness::is_held_up;
pub(crate) use holders::Waiting;
use lifecycle::LastFailure;
pub use lifecycle::{Lifecycle, Sight};

use std::time::Duration;

use topology::llm::Ask;
use topology::{Cause, EdgeId, Failure, NodeId, Scenario, Target};
use trace::{Attempt, CallId, CallTrace, HopId, Served, Time};

use crate::Verdict;

/// What the rules may look at: everything but the marks.
pub(crate) struct Case<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) lifecycle: &'a Lifecycle,
    pub(crate) trace: &'a CallTrace,
}

/// What a rule says about a hop.
pub(crate) enum Finding {
    /// The failure came from below.
    Below(HopId),
    /// What this hop's callee was doing at that moment is the question.
    Waiting(HopId, Time),
    /// It was born here.
    Here(Birth),
    /// Nothing that was seen of this hop explains it.
    Unexplained(HopId),
}

/// Where and why.
pub(crate) struct Birth {
    origin: Target,
    cause: Cause,
    mechanism: &'static str,
    evidence: String,
    next_step: &'static str,
}

impl Birth {
    pub(crate) fn at_node(node: NodeId, cause: Cause, mechanism: &'static str) -> Self {
        Self { origin: Target::Node(node), cause, mechanism, evidence: String::new(), next_step: "" }
    }

    pub(crate) fn at_edge(edge: EdgeId, cause: Cause, mechanism: &'static str) -> Self {
        Self { origin: Target::Edge(edge), cause, mechanism, evidence: String::new(), next_step: "" }
    }

    /// What it rests on, and what an operator does next.
    pub(crate) fn because(mut self, evidence: impl Into<String>, next_step: &'static str) -> Finding {
        self.evidence = evidence.into();
        self.next_step = next_step;
        Finding::Here(self)
    }
}

/// Whether two edges go from one caller to the same callee, be it to two replicas of it.
pub(crate) fn is_same_link(scenario: &Scenario, one: EdgeId, other: EdgeId) -> bool {
    let topology = &scenario.topology;
    let ends = |edge| {
        let (caller, callee) = topology.ends(edge);
        (caller, topology.node(callee).name.split('#').next())
    };
    one == other || ends(one) == ends(other)
}

/// What a call asks of a model, if it does.
fn ask(scenario: &Scenario, call: CallId) -> Option<&Ask> {
    scenario.loads.get(usize::from(call.load()))?.request.llm.as_ref()
}

impl<'a> Case<'a> {
    pub(crate) fn attempt(&self, hop: HopId) -> Option<&'a Attempt> {
        self.trace.attempt(hop)
    }

    pub(crate) fn served(&self, hop: HopId) -> Option<&'a Served> {
        self.trace.served(hop)
    }

    /// What the call asks of a model, if it does.
    pub(crate) fn ask(&self) -> Option<&'a Ask> {
        ask(self.scenario, self.trace.end.call)
    }

    pub(crate) fn caller(&self, edge: EdgeId) -> NodeId {
        self.scenario.topology.ends(edge).0
    }

    pub(crate) fn callee(&self, edge: EdgeId) -> NodeId {
        self.scenario.topology.ends(edge).1
    }

    pub(crate) fn name(&self, node: NodeId) -> &'a str {
        &self.scenario.topology.node(node).name
    }

    /// See [`is_same_link`].
    pub(crate) fn is_same_link(&self, one: EdgeId, other: EdgeId) -> bool {
        is_same_link(self.scenario, one, other)
    }

    /// Where the last failure of other calls over an edge was born; if there was none, over one to another
    /// replica.
    pub(crate) fn last_failure(&self, edge: EdgeId) -> Option<LastFailure> {
        self.lifecycle.last_failure(edge).or_else(|| {
            let mut others = self.scenario.topology.outgoing(self.caller(edge));
            others.retain(|other| self.is_same_link(edge, *other));
            others.into_iter().find_map(|other| self.lifecycle.last_failure(other))
        })
    }

    /// Follows a failed hop to where its failure was born.
    fn follow(&self, hop: HopId) -> Verdict {
        self.follow_from(hop, rules::look(self, hop))
    }

    /// Goes on from what was found at a hop.
    fn follow_from(&self, hop: HopId, mut finding: Finding) -> Verdict {
        let mut lineage = vec![hop];
        // The last timer on the way: if nothing below it was at fault, it is the question.
        let mut timer = None;
        // Each step goes to another hop of a finite tree; the bound is for records that lie.
        for _ in 0..=self.trace.attempts.len() {
            let last = *lineage.last().expect("it begins with the hop that failed");
            if self.attempt(last).is_some_and(timeouts::is_by_timer) {
                timer = Some(last);
            }
            let next = match finding {
                Finding::Unexplained(at) => {
                    let Some(attempt) = timer.take().and_then(|hop| self.attempt(hop)) else {
                        return verdict(rules::unknown(self, at), lineage);
                    };
                    let kept = lineage.iter().position(|hop| *hop == attempt.hop);
                    lineage.truncate(kept.map_or(1, |place| place + 1));
                    finding = timeouts::nobody(self, attempt);
                    continue;
                }
                Finding::Here(birth) => return verdict(birth, lineage),
                Finding::Below(next) => {
                    finding = rules::look(self, next);
                    next
                }
                Finding::Waiting(next, at) => {
                    finding = timeouts::waiting(self, next, at);
                    next
                }
            };
            if lineage.last() != Some(&next) {
                lineage.push(next);
            }
        }
        verdict(rules::unknown(self, hop), lineage)
    }
}

fn verdict(birth: Birth, mut lineage: Vec<HopId>) -> Verdict {
    let Birth { origin, cause, mechanism, evidence, next_step } = birth;
    lineage.dedup();
    let hop = *lineage.last().expect("it begins with the hop that failed");
    Verdict { origin, cause, mechanism, hop, lineage, evidence, next_step }
}

/// Where a failed call's failure was born.
pub fn attribute(scenario: &Scenario, lifecycle: &Lifecycle, trace: &CallTrace) -> Verdict {
    let root = HopId::root(trace.end.call);
    // Of a client that keeps no records nobody knows for how long it would have waited: if it hung up on
    // something that had gone wrong, that is the reason.
    if let Some(hop) = trace.end.decisive.filter(|_| trace.end.failure == Some(Failure::Cancelled))
        && trace.attempt(hop).is_some_and(|attempt| attempt.timeout.is_none())
    {
        let verdict = born(scenario, lifecycle, trace, hop);
        if verdict.cause != Cause::Unknown {
            return verdict;
        }
    }
    match trace.end.decisive {
        Some(hop) if trace.end.failure != Some(Failure::Cancelled) => born(scenario, lifecycle, trace, hop),
        decisive => Verdict {
            origin: Target::Node(trace.end.client),
            cause: Cause::Client,
            mechanism: "",
            hop: decisive.unwrap_or(root),
            lineage: decisive.into_iter().collect(),
            evidence: format!(
                "the client gave up after {:.0} ms, before it had an answer",
                trace.end.latency().as_secs_f64() * 1e3
            ),
            next_step: "nothing failed yet: the run ended, or the client was stopped, with this call under way",
        },
    }
}

/// An attempt over this edge seldom takes longer, if all is well.
pub(crate) fn seldom_longer(scenario: &Scenario, trace: &CallTrace, edge: EdgeId) -> Duration {
    let case = Case { scenario, lifecycle: &Lifecycle::default(), trace };
    timeouts::usual_at_most(&case, case.callee(edge))
}

/// Where the failure of one hop was born.
pub fn born(scenario: &Scenario, lifecycle: &Lifecycle, trace: &CallTrace, hop: HopId) -> Verdict {
    Case { scenario, lifecycle, trace }.follow(hop)
}

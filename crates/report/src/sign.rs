//! By which line of its own log, or which header, a gateway's operator would know a failure.

use topology::profile::Profile;
use topology::{NodeId, NodeKind, Scenario};
use trace::{CallTrace, Source};

use crate::Verdict;

/// The sign of a failure at the gateway that was the first to meet it: the one that got no whole
/// response, else the one that refused. `None` if no gateway met it, or it has no sign there.
pub(crate) fn sign(scenario: &Scenario, trace: &CallTrace, verdict: &Verdict) -> Option<String> {
    let attempt = trace.attempt(verdict.hop)?;
    let (caller, callee) = scenario.topology.ends(attempt.edge);
    if let Some(failure) = attempt.outcome.failure() {
        let profile = gateway(scenario, caller)?;
        return told(scenario, caller, profile, profile.on_failure(failure).sign);
    }
    let profile = gateway(scenario, callee)?;
    match trace.served(verdict.hop)?.source {
        Source::Refused(refusal) => told(scenario, callee, profile, profile.on_refusal(refusal).sign),
        _ => None,
    }
}

fn gateway(scenario: &Scenario, node: NodeId) -> Option<&'static Profile> {
    let node = scenario.topology.node(node);
    (node.kind == NodeKind::Gateway).then_some(node.profile)
}

fn told(scenario: &Scenario, node: NodeId, profile: &Profile, sign: &str) -> Option<String> {
    let name = &scenario.topology.node(node).name;
    (!sign.is_empty()).then(|| format!("{name} ({}): {sign}", profile.name))
}
